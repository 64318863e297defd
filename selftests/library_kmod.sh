#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Real programs on libhermes-u over /dev/hermes: they must give the same results as on their own allocator.
# usage: selftests/library_kmod.sh     (TAP on stdout; LIBHERMES_U names the library)
# shellcheck disable=SC2016,SC2030,SC2031 # other languages in single quotes; $run is for one subshell
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
library=${LIBHERMES_U:-$here/../out/ulib/libhermes-u.so.0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

tests=0
failures=0

skip_all()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit 4
}

[[ -c /dev/hermes ]] || skip_all "/dev/hermes is not there"
[[ -e $library ]] || skip_all "$library is not there"
library=$(realpath "$library")

preloaded()
{
	LD_PRELOAD=$library "$@"
}

# report NAME STATUS
report()
{
	tests=$((tests + 1))
	if [[ $2 -eq 0 ]]; then
		echo "ok $tests $1"
	else
		failures=$((failures + 1))
		echo "not ok $tests $1"
	fi
}

# A program that is not installed is skipped, by name.
have()
{
	command -v "$2" >/dev/null && return
	tests=$((tests + 1))
	echo "ok $tests # SKIP $1: no $2"
	return 1
}

# compare NAME FUNCTION: the function's output with and without the library
compare()
{
	local status=0

	mkdir -p plain hermes
	(cd plain && run= && "$2") >plain.out 2>&1 || status=1
	(cd hermes && run=preloaded && "$2") >hermes.out 2>&1 || status=1
	if ! cmp -s plain.out hermes.out || [[ ! -s plain.out ]]; then
		status=1
	fi
	if [[ $status -ne 0 ]]; then
		diff plain.out hermes.out | head -n 20 | sed 's/^/# /'
	fi
	report "$1" "$status"
	rm -rf plain hermes
}

run_python()
{
	$run python3 -c '
import hashlib, json, threading
data = {str(i): [i, "x" * (i % 700), {"n": i * i}] for i in range(4000)}
text = json.dumps(data, sort_keys=True)
assert json.loads(text) == data
out = []
def work(k):
    parts = []
    for i in range(300):
        parts.append(bytes([k + i & 255]) * (i * 37 % 9000))
        if i % 3 == 0:
            parts.pop(len(parts) // 2)
    out.append((k, hashlib.sha256(b"".join(parts)).hexdigest()))
threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
print(hashlib.sha256(text.encode()).hexdigest(), sorted(out))
'
}

run_perl()
{
	$run perl -e '
my %h; $h{$_ * 7919 % 10007} .= "v$_," for 1 .. 20000;
my @s = sort { $a <=> $b } keys %h; my $n = 0;
for my $k (@s) { $n = ($n * 31 + length($h{$k}) + $k) % 1000000007; }
my $big = join "", map { chr(65 + $_ % 26) x ($_ % 97) } 1 .. 3000;
$big =~ s/([AEIOU]+)/lc $1/ge;
print scalar(@s), " $n ", length($big), " ", unpack("%32C*", $big), "\n";
'
}

run_sqlite()
{
	$run sqlite3 test.db '
create table t (id integer primary key, k text, v blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000)
insert into t select i, printf("key%d", i * 7919 % 10007), zeroblob(i % 300) from n;
create index ti on t (k);
delete from t where id % 5 = 0;
select count(*), sum(length(v)), min(k), max(k) from t;
pragma integrity_check;'
}

run_git()
{
	export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@localhost GIT_AUTHOR_DATE="1700000000 +0000"
	export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@localhost GIT_COMMITTER_DATE="1700000000 +0000"
	export GIT_CONFIG_NOSYSTEM=1 HOME=$PWD
	$run git init -q -b main repo && cd repo || return
	seq 1 5000 >numbers
	for i in 1 2 3; do
		sed -i "${i}00s/\$/ changed/" numbers
		seq "$i" "$((i + 500))" >"file$i"
		$run git add -A && $run git commit -q -m "change $i"
	done
	$run git gc -q && $run git fsck --full && $run git log --stat --format=%H
}

run_sort()
{
	seq 1 60000 | awk '{ print ($1 * 7919) % 100003, "line", $1 }' >input
	$run sort --parallel=2 -S 4M -k1,1n -k3,3nr input | sha256sum
}

run_gcc()
{
	cat >unit.c <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		#define F(n) static int f##n(int x) { int s = 0; for (int i = 0; i < x; i++) s += i * n ^ (s >> 3); return s; }
		F(1) F(2) F(3) F(5) F(7) F(11) F(13) F(17)
		int main(void) { printf("%d\n", f1(9) + f2(8) + f3(7) + f5(6) + f7(50) + f11(4) + f13(33) + f17(2)); return 0; }
	END
	$run gcc -O2 -o unit unit.c && ./unit && sha256sum unit
}

# Its child processes inherit the library, too.
run_shell()
{
	$run bash -c '
for ((i = 0; i < 40; i++)); do
	a[i]=$(echo "$i" | tr 0-9 a-j)
done
echo "${a[*]}" | rev | md5sum; printf -v s "%5000s" ""; echo "${#s}"'
}

redis_port=7379
redis()
{
	redis-cli -p "$redis_port" "$@"
}

# start_redis [COMMAND...]: in the present directory
start_redis()
{
	"$@" redis-server --port "$redis_port" --save "" --dbfilename dump.rdb --dir "$PWD" --daemonize no \
		--enable-debug-command yes --logfile "$PWD/redis.log" &
	redis_pid=$!
	for ((i = 0; i < 3000; i++)); do
		[[ $(redis ping 2>/dev/null) != PONG ]] || return 0
		sleep 0.1
	done
	return 1
}

stop_redis()
{
	redis shutdown nosave >/dev/null 2>&1
	wait "$redis_pid"
}

# redis_write FIRST LAST: values from 10 bytes to 20 kB
redis_write()
{
	awk -v first="$1" -v last="$2" 'BEGIN {
		for (i = first; i <= last; i++) {
			n = 10 + i * 7919 % (i % 50 ? 1000 : 20000)
			v = sprintf("%" n "d", i)
			printf "SET key:%d \"%s\"\n", i, v
			if (i % 7 == 0) printf "LPUSH list:%d %d\n", i % 100, i
			if (i % 11 == 0) printf "DEL key:%d\n", i - 5
		}
	}' | redis >/dev/null
}

wait_bgsave()
{
	for ((i = 0; i < 3000; i++)); do
		redis info persistence | tr -d '\r' | grep -q '^rdb_bgsave_in_progress:0$' && break
		sleep 0.1
	done
	redis info persistence | tr -d '\r' | grep -q '^rdb_last_bgsave_status:ok$'
}

# A dump taken while writes go on holds the state at its beginning; a server without the library loads it.
test_redis()
{
	local before after status=0

	start_redis env LD_PRELOAD="$library" || { sed 's/^/# /' redis.log; return 1; }
	grep -q /dev/hermes "/proc/$redis_pid/maps" || { echo "# redis-server does not use /dev/hermes"; status=1; }
	redis_write 1 3000
	before=$(redis debug digest)
	redis bgsave >/dev/null
	redis_write 3001 4500
	wait_bgsave || { echo "# BGSAVE failed"; status=1; }
	[[ $(redis debug digest) != "$before" ]] || { echo "# nothing was written meanwhile"; status=1; }
	stop_redis
	start_redis || return 1
	after=$(redis debug digest)
	stop_redis
	[[ -n $before && $before == "$after" ]] || { echo "# digest $before, from the dump $after"; status=1; }
	return "$status"
}

echo "TAP version 13"
preloaded grep -q /dev/hermes /proc/self/maps
report device_is_mapped $?
compare bash run_shell
! have python3 python3 || compare python3 run_python
! have perl perl || compare perl run_perl
! have sqlite3 sqlite3 || compare sqlite3 run_sqlite
! have git git || compare git run_git
! have sort sort || compare sort run_sort
! have gcc gcc || compare gcc run_gcc
if have redis redis-server; then
	test_redis
	report redis_with_bgsave $?
fi
echo "1..$tests"
[[ $failures -eq 0 ]]
