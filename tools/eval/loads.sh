# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tools/eval/guest.sh, after settings.sh and allocators.sh
# The loads: each runs a program with an allocator in cgroup $service and leaves $raw/load.json and
# $raw/load.hist; complaints go to standard error.

socket=/run/hermes-eval.sock
server_pid=

# Becomes a command in the service's cgroup with allocator $1. Call it in a subshell.
exec_service()
{
	local line

	while read -r line; do
		export "${line?}"
	done <<<"$(environment_of "$1")"
	shift
	echo "$BASHPID" >"$service/cgroup.procs"
	exec "$@"
}

# hermes-bench with allocator $1 and size $2, and further options.
run_bench()
{
	local allocator=$1 size=$2 options=()

	shift 2
	options=(--size "$size" --warmup 1M --settle 500 --label "$allocator" "$@")
	if [[ $allocator == ideal ]]; then
		(exec_service glibc hermes-bench --mode ideal-locked "${options[@]}" \
			--json "$raw/load.json" --hist "$raw/load.hist") >/dev/null
	else
		(exec_service "$allocator" hermes-bench --require-map "$(map_of "$allocator")" "${options[@]}" \
			--json "$raw/load.json" --hist "$raw/load.hist") >/dev/null 2>"$raw/service.err"
	fi
}

# Starts a server with allocator $1 and waits for its socket; sets server_pid.
start_server()
{
	local allocator=$1 t

	shift
	rm -f "$socket"
	(exec_service "$allocator" "$@") >"$raw/service.err" 2>&1 &
	server_pid=$!
	for ((t = 0; t < 300; t++)); do
		[[ ! -S $socket ]] || break
		kill -0 "$server_pid" 2>/dev/null || break
		sleep 0.1
	done
	[[ -S $socket ]] || { echo "$1 did not start: $(tail -n 1 "$raw/service.err")"; return 1; }
	grep -q "$(map_of "$allocator")" "/proc/$server_pid/maps" || { echo "$1 does not use $allocator"; return 1; }
}

stop_server()
{
	[[ -n $server_pid ]] || return 0
	# The CPU time of the reserve's thread, if there is one, goes with the process.
	awk '$2 == "(hermes-u)" { ticks += $14 + $15 } END { printf "%d\n", ticks * 10 }' \
		"/proc/$server_pid/task/"*/stat >"$raw/reserve-thread-ms" 2>/dev/null || true
	kill "$server_pid" 2>/dev/null || true
	wait "$server_pid" 2>/dev/null || true
	server_pid=
}

# A client stands for other machines: its own waiting for a processor is not the subject.
as_client()
{
	chrt -f 1 "$@"
}

# run_redis ALLOCATOR SIZE RATE PIPELINE COUNT READS
run_redis()
{
	start_server "$1" redis-server --port 0 --unixsocket "$socket" --save "" --appendonly no --dir /run \
		--logfile "" || return
	as_client hermes-redis-load --socket "$socket" --pid "$server_pid" --label "$1" \
		--connections "$redis_connections" --rate "$3" --pipeline "$4" --count "$5" --value-size "$2" \
		--reads "$6" --warmup "$(($5 / 20))" --verify sample --sample 100 \
		--json "$raw/load.json" --hist "$raw/load.hist" >/dev/null
}

# run_memcached ALLOCATOR SIZE RATE COUNT
run_memcached()
{
	start_server "$1" memcached -u root -s "$socket" -m "$memcached_mib" -t 2 -I 4m || return
	as_client hermes-memcached-load --socket "$socket" --pid "$server_pid" --label "$1" \
		--connections "$redis_connections" --rate "$3" --count "$4" --value-size "$2" \
		--warmup "$(($4 / 20))" --verify sample --sample 100 \
		--json "$raw/load.json" --hist "$raw/load.hist" >/dev/null
}

# run_rocksdb ALLOCATOR SIZE COUNT RATE: closed loop, at a limited rate.
run_rocksdb()
{
	rm -rf "$scratch/db"
	(exec_service "$1" db_bench --benchmarks=fillrandom --db="$scratch/db" --num="$3" --value_size="$2" \
		--key_size=16 --seed=1 --disable_wal=1 --histogram=1 --statistics=0 \
		--write_buffer_size="$rocksdb_buffer" --compression_type=none \
		--benchmark_write_rate_limit="$4") >"$raw/db_bench.txt" 2>"$raw/service.err" || return
	grep -q '^Percentiles:' "$raw/db_bench.txt" || { echo "db_bench printed no percentiles"; return 1; }
	rm -rf "$scratch/db"
}

# shellcheck disable=SC2086 # several words each
run_load()
{
	local size=${1##*-} allocator=$2

	size=${size^^}
	case $1 in
	bench-*) run_bench "$allocator" "$size" --total "$bench_total" ;;
	paced-*) run_bench "$allocator" "$size" --total "$paced_total" --burst "$paced_burst" --gap "$paced_gap_ms" ;;
	redis-1k) run_redis "$allocator" 1K $redis_1k 0 ;;
	redis-200k) run_redis "$allocator" 200K $redis_200k 0 ;;
	redis-mixed-1k) run_redis "$allocator" 1K $redis_mixed_1k "$mixed_reads" ;;
	redis-mixed-200k) run_redis "$allocator" 200K $redis_mixed_200k "$mixed_reads" ;;
	memcached-*) run_memcached "$allocator" "$size" $memcached_1k ;;
	rocksdb-1k) run_rocksdb "$allocator" 1024 $rocksdb_1k ;;
	rocksdb-200k) run_rocksdb "$allocator" 204800 $rocksdb_200k ;;
	*) echo "unknown load $1"; return 1 ;;
	esac
}
