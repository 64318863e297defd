# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # sourced by tools/bench/suite
# What the native benchmark consists of: the cases, their programs and options, in numbers.

# Percent of the operations that hermes-allocbench does by default.
scale=100
churn_live=200M
fragment_live=64M
huge_live=128M
# Memory warmed for these three and for realloc: about what the fattest allocator takes.
large_warm=320M
# hermes-bench: bytes requested, without a pause; with pauses of gap_ms after each burst; under pressure.
bench_total=512M
paced_total=128M
burst=8M
gap_ms=40
pressure_total=192M
# The memory cgroup under pressure, the file that is read in it and how fast, and what a best-effort job holds
# in it besides where there is swap.
pressure_limit_mib=512
pressure_file_mib=768
pressure_file_rate=400M
pressure_anon=400M
# Seconds: no round is begun that would end later; longest run.
budget_s=840
run_limit_s=90
rounds=5

all_cases="larson handover churn realloc realloc-huge threads tree fragment
	bench-1k bench-256k paced-1k paced-256k cache-1k cache-256k anon-1k anon-256k"

quick()
{
	scale=10
	churn_live=64M
	fragment_live=12M
	huge_live=16M
	large_warm=96M
	bench_total=64M
	paced_total=32M
	pressure_total=32M
	budget_s=100
	run_limit_s=30
	rounds=2
}

describe_case()
{
	case $1 in
	larson) echo "servers that replace random blocks of 16 B to 1 KB and hand them to new threads" ;;
	handover) echo "producers get blocks of 16 B to 2 KB, consumers free them" ;;
	churn) echo "random blocks of 16 B to 64 KB are replaced in $churn_live" ;;
	realloc) echo "2000 buffers grow to 256 KB" ;;
	realloc-huge) echo "one buffer grows to $huge_live" ;;
	threads) echo "threads that get 64 blocks and go" ;;
	tree) echo "subtrees of small objects are freed and built again" ;;
	fragment) echo "phases with sizes of their own over $fragment_live" ;;
	bench-*) echo "requests of ${1#*-}, $bench_total without a pause, nothing freed" ;;
	paced-*) echo "requests of ${1#*-}, $paced_total in bursts of $burst, $gap_ms ms between, nothing freed" ;;
	cache-*) echo "requests of ${1#*-}, $pressure_total in a memory cgroup full of page cache" ;;
	anon-*) echo "requests of ${1#*-}, $pressure_total in a memory cgroup full of others' memory, with swap" ;;
	esac
}

# Which of the machine's means a case needs: nothing, cache or anon.
pressure_of()
{
	case $1 in
	cache-* | anon-*) echo "${1%-*}" ;;
	esac
}

# Sets command to the program of case $1 and its options; $2 is the allocator.
command_of()
{
	local size=${1##*-} mode=malloc

	[[ $2 != ideal ]] || mode=ideal
	command=(hermes-bench --size "${size^^}" --mode "$mode" --settle 50)
	case $1 in
	bench-*) command+=(--total "$bench_total" --warm-memory "$bench_total") ;;
	paced-*) command+=(--total "$paced_total" --warm-memory "$paced_total" --burst "$burst" --gap "$gap_ms") ;;
	cache-* | anon-*) command+=(--total "$pressure_total") ;;
	*)
		command=(hermes-allocbench --case "$1" --scale "$scale")
		case $1 in
		churn) command+=(--live "$churn_live" --warm-memory "$large_warm") ;;
		realloc) command+=(--warm-memory "$large_warm") ;;
		# Whole growths, two or less: a part of one would not get far.
		realloc-huge)
			command+=(--live "$huge_live" --ops "$((scale < 50 ? 100 : 2 * scale))" --warm-memory "$large_warm")
			;;
		fragment) command+=(--live "$fragment_live" --warm-memory "$large_warm") ;;
		*) command+=(--warm-memory 48M) ;;
		esac
		;;
	esac
}
