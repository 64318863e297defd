#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs cells of the evaluation on this machine: in the VM of tools/eval/run, or on a host where hermes.ko is
# loaded (BENCH_HOST=1). DIR has bin/, settings-in-force and list, a cell a line (SETTING LEVEL LOAD ALLOCATOR
# ROUND); the results of each go to DIR/raw/CELL/ROUND/. What has a status there already is not run again.
# No cell is begun after BUDGET_S seconds.
# usage: tools/eval/guest.sh DIR SCRATCH_DIR BUDGET_S
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$1
scratch=$2
budget_s=$3
tools=/opt/hermes-eval
cgroups=/sys/fs/cgroup/hermes-eval
service=$cgroups/service
best_effort=$cgroups/best-effort
# Clients, the sampler, the loop.
cell=$cgroups/cell
job_log=/run/hermes-eval-job.log
loop_pid=
sampler_pid=
started=$SECONDS

# shellcheck source=settings.sh
source "$dir/settings-in-force"
# shellcheck source=allocators.sh
source "$here/allocators.sh"
# shellcheck source=jobs.sh
source "$here/jobs.sh"
# shellcheck source=loads.sh
source "$here/loads.sh"

say()
{
	printf '[%4ds] %s\n' "$SECONDS" "$*"
}

vmstat_of()
{
	awk -v name="$1" 'index($1, name) == 1 { n += $2 } END { printf "%d\n", n }' /proc/vmstat
}

# Programs and libraries on a disk of this machine: not on the VM's share, whose cache is slow to come back.
set_up()
{
	mkdir -p "$tools" "$scratch"
	cp "$dir"/bin/* "$tools/"
	export PATH=$tools:$PATH
	mkdir -p "$service" "$best_effort" "$cell"
	echo "+memory +cpu" >/sys/fs/cgroup/cgroup.subtree_control
	echo "+memory +cpu" >"$cgroups/cgroup.subtree_control"
	echo "$job_cpu_weight" >"$best_effort/cpu.weight"
	if [[ ! -c /dev/hermes && -e /run/hermes/hermes.ko ]]; then
		insmod /run/hermes/hermes.ko
	fi
	if [[ -c /dev/hermes ]]; then
		hermesctl policy set enabled=no
		hermesctl be add "$best_effort" anon=yes
		hermesctl lc add "$service"
	fi
}

# What the machine is, as assignments.
describe()
{
	cat <<-END
		kernel=$(uname -r)
		mem_mib=$(percent_of_memory_mib 100)
		swap_mib=$(awk '/^SwapTotal:/ { print int($2 / 1024) }' /proc/meminfo)
		cpus=$(nproc)
		cpu=$(sed -n 's/^model name[[:space:]]*: //p;T;q' /proc/cpuinfo)
		thp=$(cat /sys/kernel/mm/transparent_hugepage/enabled)
		glibc=$(getconf GNU_LIBC_VERSION)
		redis=$(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')
		memcached=$(memcached -V 2>/dev/null | sed 's/memcached //')
		rocksdb=$(db_bench --version 2>/dev/null | sed 's/.*version //')
		libraries=$(cd "/usr/lib/$(uname -m)-linux-gnu" && readlink -f lib{jemalloc.so.2,tcmalloc_minimal.so.4,mimalloc.so.*} |
			xargs -r -n 1 basename | sort -u | tr '\n' ' ')
	END
}

# The controller works in the cells of allocator hermes only.
set_reclaim()
{
	local settings=enabled=no

	[[ -c /dev/hermes ]] || return 0
	[[ $1 != hermes && $1 != hermes:* ]] || settings="enabled=yes $hermes_policy"
	# shellcheck disable=SC2086 # several words
	hermesctl policy set $settings
}

# What service, machine and module went through so far, as JSON.
account()
{
	local module=null

	[[ ! -c /dev/hermes ]] || module=$(hermesctl --json status)
	printf '{"psi_some_us": %s, "service_cpu_us": %s, "busy_ms": %s, "allocstall": %s, "pswpin": %s, "pswpout": %s, ' \
		"$(sed -n 's/^some.*total=//p' "$service/memory.pressure")" \
		"$(sed -n 's/^usage_usec //p' "$service/cpu.stat")" \
		"$(awk '/^cpu / { print ($2 + $3 + $4 + $7 + $8) * 10 }' /proc/stat)" \
		"$(vmstat_of allocstall)" "$(vmstat_of pswpin)" "$(vmstat_of pswpout)"
	printf '"oom_kill": %s, "t": %s, "hermes": %s}\n' "$(vmstat_of oom_kill)" "$EPOCHREALTIME" "$module"
}

# A line every eval_sample_s: seconds, MemFree KiB, bytes of the job's cgroup, the module's totals as JSON.
sample()
{
	local begin=$EPOCHREALTIME free job module=null

	while :; do
		free=$(sed -n 's/^MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo)
		read -r job <"$best_effort/memory.current"
		[[ ! -c /dev/hermes ]] || module=$(hermesctl --json status)
		printf '%s\t%s\t%s\t%s\t%s\n' "$begin" "$EPOCHREALTIME" "$free" "$job" "$module"
		sleep "$eval_sample_s"
	done
}

start_helpers()
{
	sample >"$raw/samples" 2>/dev/null &
	sampler_pid=$!
	[[ $1 == *+loop ]] || return 0
	"$here/loop.sh" "$best_effort" "$loop_ms" "$loop_free_mib" "$loop_stall_pct" >"$raw/loop.json" &
	loop_pid=$!
}

stop_helpers()
{
	local pid

	for pid in $sampler_pid $loop_pid; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	sampler_pid=
	loop_pid=
}

# What a failed cell may have left running, and its pages: the next cell begins like the first.
clean_up()
{
	local group t

	for group in "$cell" "$service" "$best_effort"; do
		echo 1 >"$group/cgroup.kill"
		for ((t = 0; t < 100; t++)); do
			grep -q '^populated 1' "$group/cgroup.events" || break
			sleep 0.1
		done
	done
	wait
	echo 1 >/proc/sys/vm/drop_caches
}

# One cell; prints why it failed.
run_cell()
{
	local setting=$1 level=$2 load=$3 allocator=$4 kills

	[[ -c /dev/hermes ]] || ! uses_module "$allocator" || { echo "hermes.ko is not loaded"; return 1; }
	kills=$(vmstat_of oom_kill)
	set_reclaim "$allocator"
	start_job "$setting" "$level" || return
	start_helpers "$allocator"
	account >"$raw/before.json"
	run_load "$load" "$allocator" || return
	account >"$raw/after.json"
	stop_helpers
	stop_server
	stop_job "$raw/job.json" || return
	! grep -q 'cannot be preloaded' "$raw/service.err" 2>/dev/null ||
		{ grep -m 1 'cannot be preloaded' "$raw/service.err"; return 1; }
	[[ $(vmstat_of oom_kill) -eq $kills ]] || { echo "somebody was killed for want of memory"; return 1; }
}

# Seconds as minutes and seconds.
minutes()
{
	printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# One line of the list, with a verdict in its directory; $6: done here so far, $7: to do here.
measure()
{
	local begin=$SECONDS left why status=0

	raw=$dir/raw/$1-$2/$3/$4/$5
	rm -rf "$raw"
	mkdir -p "$raw"
	echo "${raw#"$dir/raw/"}" >"$dir/running"
	(
		echo "$BASHPID" >"$cell/cgroup.procs"
		run_cell "$1" "$2" "$3" "$4"
	) >"$raw/why" 2>"$raw/complaints" &
	wait_limited $! || status=$?
	clean_up
	if [[ $status -eq 0 ]]; then
		echo ok >"$raw/status"
		why=$(main_figures)
	else
		why="FAILED: $(tail -n 1 "$raw/why")"
		[[ $why != "FAILED: " ]] || why="FAILED: $(tail -n 1 "$raw/complaints")"
		[[ $status -ne 124 ]] || why="FAILED: did not end within $eval_cell_limit_s s"
		echo "${why#FAILED: }" >"$raw/status"
	fi
	rm -f "$dir/running"
	left=$(((SECONDS - started) * ($7 - $6) / $6))
	say "$6/$7 $1-$2 $3 $4: $why ($((SECONDS - begin)) s; $(minutes "$left") left)"
}

# Waits for process $1; 124 after the limit, when it was killed with all that it had started.
wait_limited()
{
	local t

	for ((t = 0; t < eval_cell_limit_s * 5; t++)); do
		kill -0 "$1" 2>/dev/null || { wait "$1"; return; }
		sleep 0.2
	done
	kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
	return 124
}

# The main figures of what was just run.
main_figures()
{
	if [[ -e $raw/load.json ]]; then
		sed -n 's/.*"latency_ns": {"count": [0-9]*, "mean": \([0-9.]*\),.*"p99": \([0-9]*\), "p99.9": \([0-9]*\).*/\1 \2 \3/p' \
			"$raw/load.json" | awk '{ printf "mean %.1f us, p99 %.0f us, p99.9 %.0f us", $1 / 1000, $2 / 1000, $3 / 1000 }'
	else
		grep -m 1 '^Percentiles:' "$raw/db_bench.txt" || true
	fi
}

set_up
describe >"$dir/machine"
mapfile -t lines <"$dir/list"
for ((i = 0; i < ${#lines[@]}; i++)); do
	if [[ $SECONDS -gt $budget_s ]]; then
		say "time is up after $i of ${#lines[@]} runs"
		exit
	fi
	# shellcheck disable=SC2086 # five words
	measure ${lines[i]} $((i + 1)) "${#lines[@]}"
done
say "all ${#lines[@]} runs done"
