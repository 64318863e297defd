#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The demo's part in the virtual machine: best-effort jobs keep memory short, Redis and hermes-bench
# run with glibc's malloc and with the candidate in turn. Results go to /host-out/<case>/.
# usage: tools/demo/guest.sh (by tools/demo/run, which writes /host-out/settings)
set -euo pipefail

tools=/opt/hermes
socket=/run/demo-redis.sock
cgroups=/sys/fs/cgroup
out=/host-out
hog_log=/run/demo-hog.log
hog_pid=

# shellcheck source=settings.sh
source "$out/settings"

say()
{
	printf '[%4ds] %s\n' "$SECONDS" "$*"
}

die()
{
	say "demo: $*"
	exit 1
}

mem_free_mib()
{
	awk '/^MemFree:/ { print int($2 / 1024) }' /proc/meminfo
}

vmstat_of()
{
	awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat
}

# Becomes a command in cgroup service, with allocator $1. Call it in a subshell.
exec_service()
{
	local preload=libc.so.6

	[[ $1 == glibc ]] || preload=$candidate_lib
	shift
	echo "$BASHPID" >"$cgroups/service/cgroup.procs"
	LD_PRELOAD=$preload HERMES_CONF=$candidate_conf exec "$@"
}

# Programs and libraries on the VM's own disk: not on the share, whose cache is slow to come back.
set_up()
{
	mkdir -p "$tools"
	cp "$out"/bin/* "$tools/"
	export PATH=$tools:$PATH
	mkdir -p "$cgroups/service" "$cgroups/best-effort"
	# A tenth of the service's share of the processors. Not cpu.idle: a job that gets no time at
	# all may hold a page lock for as long, and the service would wait for that.
	echo 10 >"$cgroups/best-effort/cpu.weight"
	if [[ $candidate_map == /dev/hermes ]]; then
		insmod /run/hermes/hermes.ko || die "insmod hermes.ko failed"
		[[ -c /dev/hermes ]] || die "hermes.ko made no /dev/hermes"
		hermesctl policy set enabled=no
		hermesctl be add best-effort anon=yes
		hermesctl lc add service
	fi
	candidate_lib=$tools/$(basename "$candidate_preload")
}

describe()
{
	{
		printf 'kernel=%s\n' "$(uname -r)"
		printf 'mem_mib=%s\n' "$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)"
		printf 'swap_mib=%s\n' "$(awk '/^SwapTotal:/ { print int($2 / 1024) }' /proc/meminfo)"
		printf 'cpus=%s\n' "$(nproc)"
		printf 'cpu=%s\n' "$(sed -n 's/^model name[[:space:]]*: //p;T;q' /proc/cpuinfo)"
		printf 'thp=%s\n' "$(cat /sys/kernel/mm/transparent_hugepage/enabled)"
		printf 'redis=%s\n' "$(redis-server --version)"
		printf 'glibc=%s\n' "$(getconf GNU_LIBC_VERSION)"
	} >"$out/conditions"
}

hog_alive()
{
	[[ -n $hog_pid ]] && kill -0 "$hog_pid" 2>/dev/null
}

# A new best-effort job for every run, so that all runs begin alike: ready, and memory short.
start_hog()
{
	local t writes=()

	[[ $hog_write_rate == 0 ]] || writes=(--write-rate "$hog_write_rate")
	hermes-pressure --cgroup "$cgroups/best-effort" --oom-score-adj 500 \
		--anon "$hog_anon" --anon-rate "$hog_anon_rate" \
		--churn "$hog_churn" --churn-rate "$hog_churn_rate" \
		--file /scratch/pressure --file-size "$hog_file" --file-rate "$hog_file_rate" \
		"${writes[@]}" >"$hog_log" &
	hog_pid=$!
	for ((t = 0; t < 180; t++)); do
		hog_alive || die "the best-effort job ended at once: $(tail -n 1 "$hog_log")"
		if grep -q '^ready' "$hog_log" && [[ $(mem_free_mib) -le $short_mib ]]; then
			return 0
		fi
		sleep 1
	done
	die "after $t s $(mem_free_mib) MiB are free: the pressure is too low"
}

# The controller works in the candidate's runs only.
set_reclaim()
{
	local settings=enabled=no

	[[ $candidate_map == /dev/hermes ]] || return 0
	[[ $1 == glibc || $candidate_reclaim != yes ]] || settings="enabled=yes $candidate_policy"
	# shellcheck disable=SC2086 # several words
	hermesctl policy set $settings
}

# What the service and the module went through so far, as JSON.
account()
{
	local module=null

	[[ $candidate_map != /dev/hermes ]] || module=$(hermesctl --json status)
	printf '{"psi_some_us": %s, "hermes": %s}\n' \
		"$(sed -n 's/^some.*total=//p' "$cgroups/service/memory.pressure")" "$module"
}

# Ends the job; fails unless it was alive and well until now. Its account of its work goes to $1.
stop_hog()
{
	local alive=1

	hog_alive || alive=0
	kill -TERM "$hog_pid" 2>/dev/null || true
	wait "$hog_pid" && [[ $alive -eq 1 ]] || return 1
	tail -n 1 "$hog_log" >"$1"
}

# Dies unless process $2 really uses allocator $1 (Debian's redis is linked with jemalloc).
check_allocator()
{
	local jemalloc used

	if [[ $1 == glibc ]]; then
		! grep -q -e "$candidate_map" "/proc/$2/maps" || die "glibc run maps $candidate_map"
	else
		grep -q -e "$candidate_map" "/proc/$2/maps" || die "$1 run does not map $candidate_map"
	fi
	jemalloc=$(redis-cli -s "$socket" INFO memory | sed -n 's/^allocator_allocated:\([0-9]*\).*/\1/p')
	used=$(redis-cli -s "$socket" INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
	[[ $((jemalloc * 10)) -lt $used ]] || die "redis uses jemalloc in the $1 run ($jemalloc of $used bytes)"
}

# Redis with allocator $1, inserts of size $2 at rate $3, $4 together, $5 of them; $7 are read back
# and compared. Results in $6.json, $6.hist, $6.txt.
run_redis()
{
	local allocator=$1 size=$2 rate=$3 pipeline=$4 count=$5 result=$6 checks=$7 pid status=0

	rm -f "$socket"
	(exec_service "$allocator" redis-server --port 0 --unixsocket "$socket" --save "" \
		--appendonly no --dir /run --logfile /run/demo-redis.log) &
	pid=$!
	for _ in {1..300}; do
		[[ ! -S $socket ]] || break
		sleep 0.1
	done
	[[ -S $socket ]] || die "redis-server did not start: $(tail -n 3 /run/demo-redis.log)"
	# The client stands for other machines: its own waiting for a processor is not the subject.
	chrt -f 1 hermes-redis-load --socket "$socket" --pid "$pid" --label "$allocator" \
		--connections 8 --rate "$rate" --pipeline "$pipeline" --count "$count" --value-size "$size" \
		--warmup "$((count / 20))" --verify sample --sample "$checks" \
		--json "$result.json" --hist "$result.hist" >"$result.txt" || status=$?
	[[ $status -eq 0 ]] || die "hermes-redis-load failed with status $status in the $allocator run"
	check_allocator "$allocator" "$pid"
	kill "$pid"
	wait "$pid" || true
}

# hermes-bench with allocator $1 and size $2.
run_bench()
{
	local allocator=$1 size=$2 result=$3 map=libc.so.6

	[[ $allocator == glibc ]] || map=$candidate_map
	(exec_service "$allocator" hermes-bench --size "$size" --total "$bench_total" \
		--pace "$bench_pace" --warmup 1M --settle 500 --require-map "$map" \
		--label "$allocator" --json "$result.json" --hist "$result.hist") >"$result.txt" ||
		die "hermes-bench failed in the $allocator run"
}

run_case()
{
	case $1 in
	redis-1k) run_redis "$2" 1K "$redis_1k_rate" "$redis_1k_pipeline" "$redis_1k_count" "$3" "$redis_1k_checks" ;;
	redis-200k) run_redis "$2" 200K "$redis_200k_rate" "$redis_200k_pipeline" "$redis_200k_count" "$3" "$redis_200k_checks" ;;
	bench-1k) run_bench "$2" 1K "$3" ;;
	bench-256k) run_bench "$2" 256K "$3" ;;
	*) die "unknown case $1" ;;
	esac
}

# One run that counts: the best-effort job lived through all of it and nobody was OOM-killed.
attempt()
{
	local case=$1 allocator=$2 result=$3 kills start=$SECONDS

	kills=$(vmstat_of oom_kill)
	set_reclaim "$allocator"
	start_hog
	account >"$result.before"
	job_s=$((SECONDS - start))
	run_case "$case" "$allocator" "$result"
	run_s=$((SECONDS - start - job_s))
	account >"$result.after"
	[[ $candidate_map != /dev/hermes ]] || hermesctl explain >"$result.explain"
	stop_hog "$result.hog" && [[ $(vmstat_of oom_kill) -eq $kills ]]
}

measure()
{
	local case=$1 allocator=$2 round=$3 result=$out/$1/$2.$3

	mkdir -p "$out/$case"
	if ! attempt "$case" "$allocator" "$result"; then
		say "  discarded: the best-effort job did not live to the end; once more"
		rm -f "$result".*
		attempt "$case" "$allocator" "$result" ||
			die "the best-effort job was killed twice: no valid run of $case with $allocator"
	fi
	say "  $case $allocator: $(awk '/^(mean|p99|p99.9|max) / { printf "%s %.0f us  ", $1, $2 }' \
		"$result.txt") (memory short after $job_s s, run $run_s s)"
}

set_up
describe
for ((round = 1; round <= demo_rounds; round++)); do
	round_start=$SECONDS
	# ABBA: neither allocator always runs on what the other one left.
	order="glibc $candidate_name"
	[[ $((round % 2)) -eq 1 ]] || order="$candidate_name glibc"
	say "round $round of $demo_rounds ($order)"
	for case in $demo_cases; do
		for allocator in $order; do
			measure "$case" "$allocator" "$round"
		done
	done
	[[ $round -lt $demo_rounds ]] || break
	if [[ $((2 * SECONDS - round_start)) -gt $demo_budget_s ]]; then
		say "time is up after $round rounds"
		break
	fi
done
say "all runs done"
