#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hermes-bench, hermes-pressure, hermes-redis-load and libideal.so: options, output, and that a fault is
# noticed. TAP on stdout.
# usage: tools.sh DIRECTORY_OF_THE_TOOLS MAN_PAGES
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
# shellcheck source=checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

tools=$(realpath "$1")
man=$(realpath "$2")
work=$(mktemp -d)
pid=
redis_pid=
cgroup=
drop=() # prefix that drops a capability
export LC_ALL=C PATH=$tools:$PATH
unset HERMES_CONF LD_PRELOAD

clean_up()
{
	# shellcheck disable=SC2086 # none where it is empty
	kill_all $pid $redis_pid
	[[ -z $cgroup ]] || rmdir "$cgroup"
	rm -rf "$work"
}
trap clean_up EXIT
cd "$work" || exit 1

bench_options()
{
	refuses hermes-bench <<-EOF
		--frobnicate
		-x
		operand
		--size
		--size 0
		--size 1X
		--size -1
		--size 99999999999999999999
		--size 99999999T
		--size 2K --total 1K
		--threads 0
		--threads 1025
		--threads 1x
		--mode fast
		--use
		--free later
		--timer sundial
		--pace 1M --burst 1M --gap 1
		--burst 1M
		--gap 5
		--pace 1 --threads 2
		--free batch --mode ideal
		--free batch --batch 1K --size 2K
		--settle 3600001
	EOF
}

pressure_options()
{
	refuses hermes-pressure <<-EOF
		--frobnicate
		operand
		--anon 1M operand
		--anon-rate 1M
		--anon 4095
		--file x
		--file x --file-size 1K
		--anon 1M --write-rate 1M
		--anon 1M --memory-max 1G
		--anon 1M --memory-high 1G
		--anon 1M --oom-score-adj 1001
		--anon many
	EOF
}

redis_options()
{
	refuses hermes-redis-load <<-EOF
		--frobnicate
		--count 10
		--rate 0
		--rate -1
		--rate nan
		--rate 1x
		--rate 10 operand
		--rate 10 --port 65536
		--rate 10 --count 0
		--rate 10 --connections 0
		--rate 10 --duration 0.01
		--rate 1e9 --duration 1000
		--rate 10 --value-size 0
		--rate 10 --value-size 513M
		--rate 10 --count 10 --warmup 10
		--rate 10 --arrival bursts
		--rate 10 --reads 100
		--rate 10 --reads 50 --pipeline 8 --keys 7
		--rate 10 --verify most
	EOF
}

help_and_man_pages()
{
	help_and_man_page hermes-bench hermes-pressure hermes-redis-load
}

bench_json()
{
	exits 0 hermes-bench --size 1K --total 4M --settle 0 --warmup 1M --label 'a "b" \c' --json - &&
		holds out '.tool == "hermes-bench" and .label == "a \"b\" \\c" and .preload == null' &&
		holds out '.size == 1024 and .total == 4194304 and .threads == 1' &&
		holds out '.latency_ns.count == .total / .size' &&
		holds out "$monotone" &&
		holds out '.elapsed_s > 0 and .process.minflt >= 1024 and .process.vm_rss_kib >= 4096' &&
		json_is_documented out hermes-bench.1
}

bench_counts()
{
	local options

	while read -r -a options; do
		exits 0 hermes-bench --settle 0 --json - "${options[@]}" &&
			holds out '.latency_ns.count == .total / .size' && holds out "$monotone" && continue
		echo "# ${options[*]}"
		return 1
	done <<-EOF
		--size 256K --total 16M
		--size 16 --total 64K --timer clock
		--size 1K --total 3M --threads 3
		--size 10000 --total 4000000 --use page
		--size 4K --total 8M --free batch --batch 64K
		--size 1K --total 1M --mode ideal
		--size 1K --total 64K --pace 16M
		--size 1K --total 64K --burst 32K --gap 1
	EOF
	# Every thread has as many, rounded up.
	exits 0 hermes-bench --settle 0 --json - --size 1000 --total 4001 --threads 2 &&
		holds out '.latency_ns.count == 6'
}

bench_files()
{
	exits 0 hermes-bench --settle 0 --total 1M --json r.json --hist r.hist &&
		holds r.json '.latency_ns.count == 1024' &&
		grep -q '^hermes-bench malloc: 1024 requests of 1024 bytes' out &&
		grep -q '^p99.99 ' out &&
		awk 'NR > 2 { if ($2 <= last) exit 1; last = $2; count = $3 }
			END { exit !(last == 1 && count == 1024) }' r.hist &&
		[[ $(awk 'END { print $1 }' r.hist) -eq $(jq .latency_ns.max r.json) ]] &&
		exits 1 hermes-bench --settle 0 --total 1M --json /nonexistent/r.json &&
		grep -q '^hermes-bench: /nonexistent/r.json: ' err
}

bench_allocator()
{
	exits 0 hermes-bench --settle 0 --total 1M --require-map libc.so.6 &&
		exits 1 hermes-bench --settle 0 --total 1M --require-map no-such-library &&
		grep -q "no-such-library" err && [[ ! -s out ]] &&
		exits 1 hermes-bench --settle 0 --total 1M --require-malloc no-such-library &&
		grep -q "libc.so.6, not of 'no-such-library'" err && [[ ! -s out ]] &&
		exits 0 env LD_PRELOAD=libc.so.6 HERMES_CONF=x=y hermes-bench --settle 0 --total 1M --json - &&
		holds out '.preload == "libc.so.6" and .hermes_conf == "x=y"' &&
		holds out '.malloc_object | test("libc.so.6")'
}

# ideal STATUS IDEAL_BYTES OPTION...: hermes-bench with libideal.so; the JSON is in the file out
ideal()
{
	local status=$1 size=$2

	shift 2
	exits "$status" "${drop[@]}" env LD_PRELOAD="$tools/libideal.so" IDEAL_BYTES="$size" hermes-bench --settle 0 \
		--total 100M --json - "$@"
}

ideal_never_faults()
{
	local size

	for size in 1K 200K 10M; do
		ideal 0 120M --size "$size" && holds out '.process.minflt < 50' &&
			ideal 0 80M --size "$size" --free batch --batch 50M && holds out '.process.minflt < 50' &&
			[[ ! -s err ]] || return
	done
	# More than there is, and memory as it is otherwise.
	ideal 0 60M --size 1K && holds out '.process.minflt > 1000' &&
		exits 0 hermes-bench --size 1K --settle 0 --total 100M --json - &&
		holds out '.process.minflt > 1000'
}

# Somebody who may lock nothing.
ideal_unlocked()
{
	(
		[[ $EUID -ne 0 ]] || drop=(setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock)
		ulimit -l 0 && ideal 0 120M --size 1K
	) && holds out '.process.minflt < 50' &&
		grep -q '^libideal.so: hermes-bench: memory is touched but not locked: ' err
}

ideal_errors()
{
	local size

	for size in "" 0 x 1X 1MM -1M 99999999999999999999 99999999999G; do
		ideal 2 "$size" && [[ ! -s out ]] &&
			grep -qx "libideal.so: hermes-bench: IDEAL_BYTES must be a size (such as 300M): $size" err ||
			return
	done
	exits 2 env LD_PRELOAD="$tools/libideal.so" hermes-bench --total 1M && grep -q ': not set$' err &&
		ideal 1 4000000G && grep -q '^libideal.so: hermes-bench: heap of IDEAL_BYTES: ' err
}

# start_pressure OPTION...: pid is its process, its output is read from descriptor 3
start_pressure()
{
	rm -f pipe
	mkfifo pipe
	hermes-pressure "$@" >pipe 2>err &
	pid=$!
	exec 3<pipe
}

ended()
{
	! kill -0 "$pid" 2>/dev/null
}

# end_pressure STATUS [SIGNAL]: waits for the end, after a signal if given
end_pressure()
{
	local status=0

	[[ -z ${2:-} ]] || kill -s "$2" "$pid"
	wait_for ended || kill -KILL "$pid"
	wait "$pid" 2>/dev/null || status=$?
	pid=
	[[ $status -eq $1 ]] && return
	echo "# exit status $status, not $1"
	return 1
}

next_line()
{
	IFS= read -r -t "$limit" line <&3
}

# The account on SIGUSR1 says that every kind of work went through all of its size.
worked()
{
	kill -s USR1 "$pid" && next_line && printf '%s\n' "$line" >account &&
		jq -e '.final == false and all(.anon, .churn, .file, .write; .passes >= 1)' account >/dev/null
}

pressure_account()
{
	rm -f data
	start_pressure --anon 1M --anon-rate 0 --churn 256K --churn-rate 0 \
		--file data --file-size 256K --file-rate 0 --write-rate 1G
	next_line && [[ $line == ready ]] && wait_for worked && end_pressure 0 TERM &&
		next_line && printf '%s\n' "$line" >out && ! next_line &&
		holds out '.tool == "hermes-pressure" and .final == true and .elapsed_s > 0' &&
		holds out '.anon.size == 1048576 and .file.size == 262144 and .write.size == 262144' &&
		holds out 'all(.anon, .churn, .file, .write; .passes >= 1 and .passes == (.bytes / .size | floor))' &&
		[[ $(stat -c %s data) -eq 262144 && ! -s err ]] &&
		json_is_documented out hermes-pressure.1
}

# Only the kinds of work that were asked for are in the account.
pressure_interrupted()
{
	start_pressure --anon 6K
	next_line && [[ $line == ready ]] && end_pressure 0 INT &&
		next_line && printf '%s\n' "$line" >out &&
		holds out '.final and .anon.size == 4096 and .file == null and .write == null'
}

# A file whose content is not what was written ends the job, when it fills or when it reads.
pressure_mismatch()
{
	rm -f data
	start_pressure --file data --file-size 256K --file-rate 0
	next_line && [[ $line == ready ]] || return
	printf garbage | dd of=data bs=128K seek=1 conv=notrunc status=none
	end_pressure 3 && grep -q '^hermes-pressure: file: wrong content at offset 131072$' err &&
		exits 3 hermes-pressure --file data --file-size 256K &&
		grep -q 'wrong content at offset 131072$' err && [[ ! -s out ]]
}

pressure_errors()
{
	exits 1 hermes-pressure --anon 1M --cgroup "$work/group" &&
		grep -q "$work/group is not in a cgroup v2 hierarchy, nor" err &&
		exits 1 hermes-pressure --file /nonexistent/data --file-size 1M &&
		grep -q '^hermes-pressure: /nonexistent/data: ' err
}

# Sets cgroup to a new one with the memory controller, and cgroup_max to its limit's file, where this is
# allowed.
make_cgroup()
{
	local root

	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	cgroup_max=memory.max
	if [[ -z $root ]] || ! grep -qw memory "$root/cgroup.controllers" 2>/dev/null; then
		root=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/mounts)
		cgroup_max=memory.limit_in_bytes
	fi
	[[ -n $root ]] && mkdir "$root/hermes-test.$$" 2>/dev/null || return
	cgroup=$root/hermes-test.$$
	[[ $cgroup_max != memory.max ]] || echo +memory 2>/dev/null >"$root/cgroup.subtree_control" || return
	sh -c "echo \$\$ >$cgroup/cgroup.procs" 2>/dev/null
}

pressure_cgroup()
{
	local high=()

	[[ $cgroup_max != memory.max ]] || high=(--memory-high 64M)
	start_pressure --anon 1M --cgroup "$cgroup" "${high[@]}" --memory-max 128M --oom-score-adj 7
	next_line && [[ $line == ready ]] && grep -qx "$pid" "$cgroup/cgroup.procs" &&
		[[ ${#high[@]} -eq 0 || $(cat "$cgroup/memory.high") -eq $((64 << 20)) ]] &&
		[[ $(cat "$cgroup/$cgroup_max") -eq $((128 << 20)) ]] &&
		[[ $(cat "/proc/$pid/oom_score_adj") -eq 7 ]] && end_pressure 0 TERM
}

cli()
{
	redis-cli -s redis.sock "$@"
}

start_redis()
{
	# Debian's server under the name that makes no daemon of it.
	ln -s "$(command -v redis-check-rdb)" redis-server
	./redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --dir "$work" \
		--enable-debug-command yes >redis.log 2>&1 &
	redis_pid=$!
	[[ $(wait_for cli ping 2>/dev/null) == *PONG* ]]
}

# load STATUS OPTION...: its exit status is STATUS; the JSON is in the file out
load()
{
	local status=$1

	shift
	exits "$status" hermes-redis-load --socket redis.sock --rate 20000 --json - "$@"
}

redis_json()
{
	cli flushall >/dev/null
	load 0 --count 500 --warmup 100 --value-size 3000 --verify all --pid "$redis_pid" --label x &&
		holds out '.tool == "hermes-redis-load" and .label == "x" and .errors == 0' &&
		holds out '.count == 500 and .latency_ns.count == 400 and .send_lag_ns.count == 400' &&
		holds out '.verified == 500 and .wrong == 0' &&
		holds out "$monotone" &&
		[[ $(cli dbsize) -eq 500 && $(cli strlen key:00000000000001f3) -eq 3000 ]] &&
		json_is_documented out hermes-redis-load.1
}

redis_variants()
{
	cli flushall >/dev/null
	load 0 --count 1000 --keys 64 --connections 5 --arrival uniform --verify all &&
		holds out '.verified == 64 and .wrong == 0' && [[ $(cli dbsize) -eq 64 ]] &&
		load 0 --duration 0.02 --verify sample --sample 50 &&
		holds out '.count == 400 and .verified == 50 and .wrong == 0' &&
		load 0 --count 10 && holds out '.verified == 0 and .process == null'
}

# commands NAME: how many of them the server has had
commands()
{
	cli info commandstats | sed -nE "s/^cmdstat_$1:calls=([0-9]+).*/\1/p"
}

# Reads find what was stored before; the keys are right in the end, also those stored several times.
redis_reads()
{
	cli flushall >/dev/null
	cli config resetstat >/dev/null
	load 0 --count 2000 --reads 75 --keys 100 --connections 7 &&
		holds out '.reads == 75 and .gets > 1400 and .gets < 1600 and .misses == 0' &&
		holds out '.latency_ns.count == 2000 and .errors == 0' &&
		[[ $(commands get) -eq $(jq .gets out) && $(commands set) -eq $((2000 - $(jq .gets out))) ]] &&
		load 0 --count 2000 --reads 75 --keys 100 --connections 7 --verify all &&
		holds out '.verified == 100 and .wrong == 0' &&
		load 0 --count 2000 --reads 50 --pipeline 8 --verify all &&
		holds out '.gets > 800 and .misses == 0 and .wrong == 0 and .verified == .count - .gets'
}

# The same seed stores the same values, another seed others.
redis_seed()
{
	local digest

	cli flushall >/dev/null
	load 0 --count 50 --seed 7 && digest=$(cli debug digest) &&
		[[ $digest =~ ^[0-9a-f]{40}$ ]] && cli flushall >/dev/null &&
		load 0 --count 50 --seed 7 && [[ $digest == "$(cli debug digest)" ]] &&
		load 0 --count 50 --seed 8 && [[ $digest != "$(cli debug digest)" ]]
}

# So many connections wait for writes to go on.
waiting()
{
	[[ $(cli client list | grep -c ' flags=[a-zA-Z]*b[a-zA-Z]* ') -eq $1 ]]
}

# While the server holds back writes, our change of a key gets in line behind its insertion: it
# happens after that, and before the client can have the reply and read the key back.
redis_change()
{
	local result=0

	cli flushall >/dev/null
	cli client pause 600000 write >/dev/null
	timeout "$limit" hermes-redis-load --socket redis.sock --connections 1 --rate 20000 --count 50 --verify all \
		--json - >out 2>err &
	pid=$!
	wait_for waiting 1 || return
	cli "$@" >/dev/null &
	wait_for waiting 2 || return
	cli client unpause >/dev/null
	wait "$pid" || result=$?
	pid=
	[[ $result -eq 3 ]] || return
	holds out '.verified == 50 and .wrong == 1 and .errors == 0' &&
		grep -qx 'hermes-redis-load: 1 of 50 keys came back wrong' err
}

redis_mismatch()
{
	redis_change setrange key:0000000000000000 1023 @ &&
		redis_change append key:0000000000000000 x &&
		redis_change del key:0000000000000000
}

redis_errors()
{
	exits 1 hermes-redis-load --socket nowhere.sock --rate 100 --count 1 &&
		grep -q '^hermes-redis-load: connect: ' err &&
		cli config set maxmemory 1 >/dev/null && load 1 --count 20 &&
		holds out '.errors == 20 and .count == 20' &&
		grep -q '20 error replies, the first: OOM' err &&
		load 3 --count 20 --seed 9 --verify all && holds out '.wrong == 20'
}

# The server goes away while requests are outstanding.
redis_lost()
{
	local result=0

	cli config set maxmemory 0 >/dev/null
	cli client pause 600000 write >/dev/null
	timeout "$limit" hermes-redis-load --socket redis.sock --connections 1 --rate 100 --count 50 >out 2>err &
	pid=$!
	wait_for waiting 1 || return
	kill -KILL "$redis_pid"
	wait "$redis_pid" 2>/dev/null
	redis_pid=
	wait "$pid" || result=$?
	pid=
	[[ $result -eq 1 ]] && grep -q '^hermes-redis-load: connection lost after 0 of 50 replies' err
}

redis_tests()
{
	local name

	for name in json variants reads seed mismatch errors lost; do
		check "hermes-redis-load: $name" "redis_$name"
	done
}

echo "TAP version 13"
check "hermes-bench: bad options" bench_options
check "hermes-pressure: bad options" pressure_options
check "hermes-redis-load: bad options" redis_options
check "options and man pages agree" help_and_man_pages
check "hermes-pressure: errors" pressure_errors
check "hermes-pressure: wrong content" pressure_mismatch
if make_cgroup; then
	check "hermes-pressure: cgroup" pressure_cgroup
else
	skip "hermes-pressure: cgroup" "no memory cgroup of our own here"
fi
if ! command -v jq >/dev/null; then
	skip "hermes-bench, hermes-pressure, hermes-redis-load: JSON" "no jq"
else
	check "hermes-bench: JSON" bench_json
	check "hermes-bench: one sample for each request" bench_counts
	check "hermes-bench: files" bench_files
	check "hermes-bench: the allocator that was meant" bench_allocator
	check "libideal.so: no faults" ideal_never_faults
	check "libideal.so: memory that may not be locked" ideal_unlocked
	check "libideal.so: errors" ideal_errors
	check "hermes-pressure: ready, account, SIGTERM" pressure_account
	check "hermes-pressure: SIGINT" pressure_interrupted
	if ! command -v redis-check-rdb redis-cli >/dev/null; then
		skip "hermes-redis-load" "no redis-tools"
	elif ! start_redis; then
		sed 's/^/# /' redis.log
		report "redis-server starts" 1
	else
		redis_tests
	fi
fi
echo "1..$tests"
