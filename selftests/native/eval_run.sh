#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tools/eval: the matrix, what was run and what is to do, the lines that runs become, the external loop; all of it
# without a VM. TAP on stdout.
# usage: eval_run.sh
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
# shellcheck source=checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

tools=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../tools/eval")
work=$(mktemp -d)
export LC_ALL=C
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
dir=$work/eval

# ran CELL ROUND STATUS: makes the directory of a run and goes there
ran()
{
	mkdir -p "$dir/raw/$1/$2"
	cd "$dir/raw/$1/$2" || exit 1
	echo "$3" >status
}

# What a run of an open-loop load leaves.
leave_load()
{
	echo '{"elapsed_s": 10.5, "latency_ns": {"count": 1000, "mean": 2000.5, "p50": 1000, "p99": 9000, "max": 50000},
		"process": {"minflt": 7, "majflt": 0, "vm_hwm_kib": 2048, "vm_rss_kib": 1024, "vm_swap_kib": 0}}' >load.json
	printf '%s\n' 'Value Percentile TotalCount 1/(1-Percentile)' '' '900 0.25 250 1.33' '1000 0.5 500 2.00' \
		'50000 1.0 1000' >load.hist
}

# account T PSI BUSY MISSES RESERVED
account()
{
	printf '{"psi_some_us": %d, "service_cpu_us": %d, "busy_ms": %d, "allocstall": 1, "pswpin": 0, "pswpout": 0,
		"oom_kill": 0, "t": %s, "hermes": {"totals": {"misses": %d, "reserved": %d, "refill_ns": %d000000, "cpu_ns": 0,
		"got": %d}}}\n' "$2" "$2" "$3" "$1" "$4" "$5" "$1" $(($1 << 20))
}

refuses_what_it_does_not_know()
{
	exits 2 "$tools/run" --sideways && grep -q "unknown option '--sideways'" err &&
		exits 2 "$tools/run" --rounds 0 && grep -q 'not a number from 1' err &&
		exits 2 "$tools/run" --only && grep -q 'needs a value' err
}

lists_the_cells()
{
	exits 0 "$tools/run" --list --dir "$dir" && grep -qx 'anon-100/paced-1k/glibc round 1: to do' out &&
		grep -q '/ideal ' out && [[ $(sort out | uniq -d | wc -l) -eq 0 ]]
}

quick_is_a_part_of_full()
{
	exits 0 "$tools/run" --list --dir "$dir" && sed 's/ round.*//' out | sort >quick &&
		exits 0 "$tools/run" --full --list --dir "$dir" && sed 's/ round.*//' out | sort -u >full &&
		! comm -23 quick full | grep -qv 'hermes:' && [[ $(wc -l <full) -gt 200 ]] &&
		[[ $(grep -c 'anon-100/redis-200k/mimalloc+loop ' out) -eq 5 ]]
}

selects_by_pattern()
{
	exits 0 "$tools/run" --full --rounds 2 --only 'dedicated-*/@(redis-1k|paced-2m)/ideal' --list --dir "$dir" &&
		[[ $(wc -l <out) -eq 4 ]]
}

knows_what_was_run()
{
	(ran anon-100/paced-1k/glibc 1 ok)
	(ran anon-100/paced-1k/ideal 1 "somebody was killed")
	exits 0 "$tools/run" --list --dir "$dir" && grep -qx 'anon-100/paced-1k/glibc round 1: ok' out &&
		grep -qx 'anon-100/paced-1k/ideal round 1: somebody was killed' out
}

makes_lines()
{
	rm -rf "$dir/raw"
	(
		ran anon-100/redis-1k/hermes 1 ok
		leave_load
		account 0 1000 500 3 0 >before.json
		account 10 251000 8500 8 0 >after.json
		echo '{"elapsed_s": 20, "anon": {"bytes": 209715200}, "passes": 4}' >job.json
		echo 'hermes-u: stats: hits=12 reuses=0 takes=0 misses=5 doorbells=0' >service.err
		printf '100.0\t102.5\t1048576\t2097152\t%s\n' '{"totals": {"misses": 4, "reserved": 33554432, "got": 1048576}}' >samples
		printf '100.0\t199.5\t1048576\t2097152\t%s\n' '{"totals": {"misses": 4, "reserved": 0, "got": 0}}' >>samples
	)
	(ran anon-100/redis-1k/glibc 2 "it went wrong")
	printf 'kernel=6.1\nmem_mib=958\ncpus=2\ncpu=QEMU TCG CPU\n' >"$dir/machine"
	echo quick >"$dir/mode"
	exits 0 "$tools/collect" "$dir" && jq -s '.' "$dir/results.jsonl" >lines &&
		holds lines 'length == 2 and (map(.status) | sort) == ["failed", "ok"]' &&
		holds lines 'map(select(.status == "failed"))[0] | .why == "it went wrong" and .cell == "anon-100/redis-1k/glibc"
			and .round == 2 and .level == 100' &&
		jq '.[] | select(.status == "ok")' lines >line &&
		holds line '.latency_ns.mean == 2000.5 and .hist == [[900, 0.25, 250], [1000, 0.5, 500], [50000, 1.0, 1000]]' &&
		holds line '.stalled_ms == 250 and .system.busy_s == 8 and .process.minor_faults == 7' &&
		holds line '.hermes | .hits == 12 and .misses == 5 and .reclaimed_mib == 10 and .reserve_cpu_ms == 10' &&
		holds line '.batch | .anon_mib_s == 10 and .ops_s == 0.2' &&
		holds line '.timeline | length == 1 and .[0].t == 2.5 and .[0].free_mib == 1024 and .[0].ready_mib == 32
			and .[0].misses == 1' &&
		holds "$dir/conditions.json" '.where == "TCG" and .mem_mib == 958 and .mode == "quick"'
}

reads_db_bench()
{
	rm -rf "$dir/raw"
	(
		ran anon-100/rocksdb-1k/glibc 1 ok
		cat >db_bench.txt <<-'END'
			fillrandom   :   12575.158 micros/op 79 ops/sec 6.289 seconds 500 operations;   15.5 MB/s
			Microseconds per write:
			Count: 4 Average: 340.5000  StdDev: 1507.79
			Min: 84  Median: 116.9027  Max: 18987
			Percentiles: P50: 116.90 P75: 208.46 P99: 6600.00 P99.9: 18987.00 P99.99: 18987.00
			------------------------------------------------------
			(      76,     110 ]        3  75.000%  75.000% ###############
			(   14000,   22000 ]        1  25.000% 100.000% #####
		END
	)
	exits 0 "$tools/collect" "$dir" &&
		holds "$dir/results.jsonl" '.latency_ns | .mean == 340500 and .p99 == 6600000 and ."p99.9" == 18987000 and .count == 4' &&
		holds "$dir/results.jsonl" '.open_loop == false and .elapsed_s == 6.289
			and .hist == [[110000, 0.75, 3], [22000000, 1, 4]]'
}

# A cgroup as the loop sees it: what it writes stays in the file.
fake_cgroup()
{
	mkdir -p group
	printf 'some avg10=0.00 avg60=0.00 avg300=0.00 total=%d\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n' "$1" \
		>group/memory.pressure
	: >group/memory.reclaim
}

asked_for_a_step()
{
	grep -qx $((8 << 20)) group/memory.reclaim
}

loop_reclaims()
{
	local pid status=0

	fake_cgroup 0
	# More than any machine has free.
	"$tools/loop.sh" group 20 99999999 20 >out 2>err &
	pid=$!
	wait_for asked_for_a_step || status=1
	kill -TERM "$pid"
	wait "$pid" || status=1
	[[ $status -eq 0 ]] && holds out '.reclaimed_mib >= 0 and .cpu_ms >= 0'
}

loop_leaves_enough_alone()
{
	local pid

	fake_cgroup 0
	"$tools/loop.sh" group 20 1 20 >out 2>err &
	pid=$!
	sleep 1
	kill -TERM "$pid"
	wait "$pid" && [[ ! -s group/memory.reclaim ]] && holds out '.reclaimed_mib == 0'
}

check "what it does not know is refused" refuses_what_it_does_not_know
check "the cells are listed, each once" lists_the_cells
check "what quick has, full has too, five times" quick_is_a_part_of_full
check "a pattern selects cells" selects_by_pattern
check "what was run is known" knows_what_was_run
check "runs become lines" makes_lines
check "figures of db_bench" reads_db_bench
check "the loop reclaims in steps" loop_reclaims
check "the loop leaves alone where enough is free" loop_leaves_enough_alone
echo "1..$tests"
