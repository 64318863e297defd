#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Real programs with the library preloaded: same output as without it. TAP on stdout.
# usage: programs.sh LIBRARY SOURCE_TREE
# shellcheck disable=SC2016 # other languages in single quotes
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

library=$(realpath "$1")
tree=$(realpath "$2")
work=$(mktemp -d)
redis_pid=
trap '[[ -z $redis_pid ]] || kill "$redis_pid" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
export LC_ALL=C TZ=UTC HOME=$work PYTHONHASHSEED=1 PERL_HASH_SEED=1 PYTHONDONTWRITEBYTECODE=1
unset HERMES_CONF


have()
{
	local name=$1 program

	shift
	for program; do
		command -v "$program" >/dev/null && continue
		skip "$name" "no $program"
		return 1
	done
}

# compare NAME FUNCTION: the function's output and files, without and with the library
compare()
{
	local with status=0

	for with in plain hermes; do
		mkdir "$with"
		(
			cd "$with" || exit 1
			[[ $with == plain ]] || export LD_PRELOAD=$library HERMES_CONF=decay=100ms
			"$2"
		) >"$with.out" 2>"$with.err" || status=1
	done
	cmp -s plain.out hermes.out && diff -qr plain hermes >/dev/null || status=1
	[[ -s plain.out ]] || status=1
	if [[ $status -ne 0 ]]; then
		sed 's/^/# /' plain.err hermes.err | tail -n 20
		diff plain.out hermes.out | head -n 10 | sed 's/^/# /'
	fi
	report "$1" "$status"
	rm -rf plain hermes
}

python_objects()
{
	/usr/bin/python3 -c '
import json, random, re, threading, zlib, hashlib, collections
random.seed(1)
out = []
def work(n):
    d = collections.defaultdict(list)
    for i in range(40000):
        d[str(i * 7919 % 4999)].append("x" * (i % 300))
    s = json.dumps(d, sort_keys=True)
    assert json.loads(s) == d
    z = zlib.compress(s.encode())
    assert zlib.decompress(z).decode() == s
    out.append(hashlib.sha256(s.encode()).hexdigest())
ts = [threading.Thread(target=work, args=(i,)) for i in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]
print(sorted(set(out)), len(re.findall("a+b", "aab" * 100000)))
b = bytearray()
for i in range(200000): b += b"12345678" * (i % 9)
print(len(b), hashlib.md5(b).hexdigest())
print(2 ** 100000 % 1000007, sum(random.random() for _ in range(100000)))'
}

python_processes()
{
	/usr/bin/python3 -c '
import multiprocessing as mp, subprocess, os
def f(n): return sum(len(str(i)) * [1, 2][i % 2] for i in range(n)), len([b"x" * i for i in range(2000)])
if __name__ == "__main__":
    with mp.get_context("fork").Pool(4) as p: print(p.map(f, range(20000, 20040)))
    print([subprocess.run(["echo", str(i)], capture_output=True).stdout for i in range(30)])
    for i in range(50):
        pid = os.fork()
        if pid == 0:
            x = [bytes(j) for j in range(3000)]
            os._exit(len(x) % 256)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))'
}

# Parts of Python's own test suite, where it is installed; not those of the locks, which give a thread 100 ms to run: on
# a busy machine it may not.
python_suite()
{
	local log=$work/python.log

	if ! /usr/bin/python3 -c 'import test.test_list' 2>/dev/null; then
		skip "$1" "no libpython3-testsuite"
		return
	fi
	LD_PRELOAD=$library /usr/bin/python3 -m test test_list test_dict test_bytes test_deque \
		test_unicode test_json test_re test_zlib test_threading test_fork1 \
		-i '*LockTests' -i 'Condition*Tests' -i '*SemaphoreTests' -i BarrierTests -i EventTests >"$log" 2>&1 &&
		grep -q 'Tests result: SUCCESS' "$log"
	report "$1" $?
	tail -n 3 "$log" | sed 's/^/# /'
}

perl_program()
{
	perl -e '
my (%h, @a);
for my $i (1 .. 200000) { $h{"k" . $i % 5000} .= chr(65 + $i % 26); push @a, $i x 3 if $i % 3 }
print join(",", map { length $h{$_} } (sort keys %h)[0 .. 20]), "\n";
@a = sort { $b <=> $a } @a; print "@a[0 .. 5] ", scalar @a, "\n";
my $s = join " ", @a; my $n = () = $s =~ /1(\d)1/g; print "$n\n";
for (1 .. 40) { my $p = fork; if (!$p) { my @b = map { "y" x $_ } 1 .. 2000; exit @b % 256 } waitpid $p, 0; print $? >> 8, "\n" }'
}

git_repository()
{
	git init -q -b main .
	git config user.name t
	git config user.email t@t
	for i in $(seq 25); do
		mkdir -p "d$((i % 5))"
		seq "$i" $((i * 400)) >"d$((i % 5))/f$i"
		git add .
		GIT_AUTHOR_DATE="2020-01-01T00:00:$i" GIT_COMMITTER_DATE="2020-01-01T00:00:$i" \
			git commit -q -m "commit $i"
	done
	git gc -q --aggressive
	git fsck --strict
	git clone -q . ../clone
	git -C ../clone log --stat | cksum
	git -C ../clone grep -c 77 | cksum
	git rev-parse HEAD
	rm -rf ../clone .git
}

sqlite_database()
{
	sqlite3 db 'PRAGMA journal_mode=MEMORY;
		CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
		INSERT INTO t SELECT i, printf("%d-%s", i * 7919 % 10007, hex(i)), i * 1.5 FROM n;
		CREATE INDEX tb ON t(b);
		SELECT count(*), sum(length(b)), sum(c) FROM t;
		SELECT b, count(*) FROM t GROUP BY substr(b, 1, 3) ORDER BY 2 DESC, 1 LIMIT 10;
		DELETE FROM t WHERE a % 3 = 0; VACUUM; PRAGMA integrity_check;'
	cksum <db
}

gcc_library()
{
	gcc -O2 -std=gnu11 -fPIC -I"$tree/ulib/include" -I"$tree/uapi" -c "$tree"/ulib/*.c
	cksum ./*.o
}

gxx_program()
{
	printf '%s\n' '#include <map>' '#include <regex>' '#include <iostream>' \
		'int main() { std::map<std::string, int> m; std::regex r("(a|b)+c");' \
		'for (int i = 0; i < 9999; i++) m[std::to_string(i % 77)]++;' \
		'std::cout << m.size() << std::regex_match("ababc", r) << std::endl; }' >p.cc
	g++ -O2 -o p p.cc
	./p
}

sorting()
{
	seq 600000 | awk '{ print $1 * 7919 % 1000003, $1 }' >in
	sort --parallel=4 -S 20M in | cksum
	sort -n -r -k2 in | head -n 1000 | cksum
	xz -T 2 -k in
	xz -dc in.xz | cksum
}

start_redis()
{
	LD_PRELOAD=$1 HERMES_CONF=decay=200ms ./redis-server --port 0 --unixsocket "$work/redis.sock" \
		--enable-debug-command yes --save '' --daemonize no --dir "$work/redis" --loglevel warning \
		>redis.log 2>&1 &
	redis_pid=$!
	for _ in $(seq 6000); do
		# Not before it has loaded its dump: until then it answers LOADING.
		[[ $(redis-cli -s "$work/redis.sock" ping 2>/dev/null) != PONG ]] || return 0
		sleep 0.1
	done
	return 1
}

stop_redis()
{
	redis-cli -s "$work/redis.sock" shutdown "$1" >/dev/null 2>&1
	wait "$redis_pid"
	redis_pid=
}

cli()
{
	redis-cli -s "$work/redis.sock" "$@"
}

# Fill, save in the background while writing goes on, check the dump, load it again.
redis_bgsave()
{
	local digest i

	mkdir -p redis
	start_redis "$library" || return 1
	grep -q libhermes-u "/proc/$redis_pid/maps" || return 1
	redis-benchmark -s "$work/redis.sock" -q -n 60000 -r 20000 -P 16 \
		-t set,lpush,sadd,hset,zadd,incr -d 900 >/dev/null || return 1
	cli eval 'for i = 1, 300 do redis.call("set", "big" .. i, string.rep(i .. "-", 50000)) end
		return 1' 0 >/dev/null || return 1
	for i in 1 2 3; do
		cli bgsave >/dev/null || return 1
		redis-benchmark -s "$work/redis.sock" -q -n 30000 -r 20000 -P 16 -t set,lpush -d 2000 \
			>/dev/null || return 1
		while [[ $(cli info persistence | grep -c rdb_bgsave_in_progress:1) -ne 0 ]]; do
			sleep 0.1
		done
		[[ $(cli info persistence | grep -c rdb_last_bgsave_status:ok) -eq 1 ]] || return 1
		redis-check-rdb redis/dump.rdb >check.log 2>&1 || return 1
	done
	cli eval 'for i = 1, 300, 2 do redis.call("del", "big" .. i) end return 1' 0 >/dev/null
	cli memory purge >/dev/null
	cli bgrewriteaof >/dev/null
	digest=$(cli debug digest)
	[[ $digest =~ ^[0-9a-f]{40}$ && $digest != 000000* ]] || return 1
	cli save >/dev/null || return 1
	stop_redis nosave || return 1
	start_redis "" || return 1
	[[ $digest == "$(cli debug digest)" ]] || return 1
	stop_redis nosave
}

redis()
{
	ln -sf "$(command -v redis-check-rdb)" redis-server
	if redis_bgsave; then
		report "$1" 0
	else
		tail -n 20 redis.log | sed 's/^/# /'
		report "$1" 1
	fi
}

echo "TAP version 13"
have "python3: objects, threads" /usr/bin/python3 && compare "python3: objects, threads" python_objects
have "python3: processes" /usr/bin/python3 && compare "python3: processes" python_processes
have "python3: own tests" /usr/bin/python3 && python_suite "python3: own tests"
have perl perl && compare "perl: hashes, fork" perl_program
have git git && compare "git: commit, gc, fsck, clone" git_repository
have sqlite3 sqlite3 && compare "sqlite3: index, vacuum" sqlite_database
have gcc gcc && compare "gcc: build the library" gcc_library
have g++ g++ && compare "g++: build and run" gxx_program
have sort sort xz && compare "sort, awk, xz: threads" sorting
have redis redis-check-rdb redis-cli redis-benchmark &&
	redis "redis: benchmark, BGSAVE under writes, dump loaded elsewhere"
echo "1..$tests"
