#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hermes-allocbench and tools/bench/suite: options, output, and that a broken allocator is noticed.
# TAP on stdout.
# usage: allocbench.sh DIRECTORY_OF_THE_TOOLS MAN_PAGES
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
# shellcheck source=checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

tools=$(realpath "$1")
man=$(realpath "$2")
work=$(mktemp -d)
suite=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../tools/bench/suite")
OUT=$(dirname "$tools")
export OUT LC_ALL=C PATH=$tools:$PATH
unset HERMES_CONF LD_PRELOAD
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

allocbench_man_page()
{
	help_and_man_page hermes-allocbench
}

allocbench_options()
{
	refuses hermes-allocbench <<-EOF
		--ops 10
		--case mowing
		--case churn operand
		--case churn --ops 0
		--case churn --ops -1
		--case churn --scale 0
		--case churn --threads 0
		--case churn --threads 257
		--case churn --live 1023K
		--case churn --timer sundial
		--case churn --sample 1000001
		--case larson --live 1M
		--case handover --threads 3
		--case fragment --threads 2
	EOF
}

# Each case with little work, also with several threads, and with every operation timed.
allocbench_cases()
{
	local options

	while read -r -a options; do
		exits 0 hermes-allocbench --sample 1 --json - --label x --case "${options[@]}" &&
			holds out ".tool == \"hermes-allocbench\" and .case == \"${options[0]}\"" &&
			holds out '.latency_ns.count == .ops and .ops == .get_ns.count + .free_ns.count' &&
			holds out "$monotone" &&
			holds out '.elapsed_s > 0 and .cpu_s > 0 and .ops >= 1000' &&
			holds out '.rss_live_kib > .live_kib + .tables_kib' &&
			holds out '.process.vm_hwm_kib >= .process.vm_rss_kib' && continue
		echo "# ${options[*]}"
		return 1
	done <<-EOF
		larson --ops 20000
		handover --ops 20000
		churn --ops 20000 --live 4M
		churn --ops 20000 --live 4M --threads 3
		realloc --ops 20000
		realloc-huge --ops 1000 --live 4M
		threads --ops 10000
		tree --ops 20000 --threads 2
		fragment --ops 20000 --live 2M
	EOF
	holds out '.phases | length == 8 and all(.rss_kib > .live_kib and .live_kib > 1024)' &&
		allocbench_json_is_documented
}

# Sub-objects that other tools have too are described as a whole.
allocbench_json_is_documented()
{
	jq -r 'keys[]' out | sort >members
	sed -nE '/^\.SH JSON/,/^\.SH [^J]/s/^\.B ([a-z][a-z0-9_.]*)$/\1/p' "$man/hermes-allocbench.1" |
		sort | diff members - >differences && return
	sed "s/^/# hermes-allocbench.1: /" differences
	return 1
}

# A seed decides what is done; the table; and the allocator that was meant.
allocbench_runs()
{
	local again=(hermes-allocbench --case fragment --ops 5000 --live 1M --sample 0 --json -)

	exits 0 "${again[@]}" --seed 7 && jq -c '.ops, [.phases[].live_kib]' out >first &&
		holds out '.latency_ns.count == 0 and .seed == 7 and .hermes_conf == null' &&
		exits 0 "${again[@]}" --seed 7 && jq -c '.ops, [.phases[].live_kib]' out | cmp - first &&
		exits 0 "${again[@]}" --seed 8 && ! jq -c '.ops, [.phases[].live_kib]' out | cmp -s - first &&
		exits 0 hermes-allocbench --case threads --scale 1 --warm-memory 64M --idle 1 \
			--require-malloc libc.so --json r.json &&
		holds r.json '.process.vm_hwm_kib < 65536' &&
		grep -q '^hermes-allocbench threads: [0-9]* operations' out &&
		exits 1 hermes-allocbench --case threads --require-malloc no-such-library && [[ ! -s out ]]
}

# A malloc that returns the same block twice.
allocbench_mismatch()
{
	cat >twice.c <<-EOF
		#include <stddef.h>
		#include <string.h>
		static char heap[1 << 26] __attribute__((aligned(16)));
		static size_t used, calls;
		static char *last;
		void *malloc(size_t n)
		{
			n = (n + 15) / 16 * 16;
			if (++calls % 1000 == 0 && last)
				return last;
			last = used + n + 16 <= sizeof(heap) ? heap + used + 16 : NULL;
			if (last)
				*(size_t *)(last - 16) = n;
			used += n + 16;
			return last;
		}
		void free(void *p) { (void)p; }
		void *calloc(size_t n, size_t m) { void *p = malloc(n * m); return p ? memset(p, 0, n * m) : p; }
		void *realloc(void *p, size_t n)
		{
			void *q = malloc(n);
			size_t had = p ? *(size_t *)((char *)p - 16) : 0;
			return p && q && q != p ? memcpy(q, p, had < n ? had : n) : q;
		}
	EOF
	cc -O1 -w -fno-builtin -shared -fPIC -o twice.so twice.c &&
		exits 3 env LD_PRELOAD="$PWD/twice.so" hermes-allocbench --case larson --ops 200000 &&
		grep -q '^hermes-allocbench: block 0x[0-9a-f]* of [0-9]* bytes: its stamp is lost$' err && [[ ! -s out ]]
}


suite_options()
{
	local options

	while read -r -a options; do
		exits 2 "$suite" "${options[@]}" && [[ ! -s out ]] && grep -q '^suite: .' err && continue
		echo "# accepted or unexplained: suite ${options[*]}"
		return 1
	done <<-EOF
		--frobnicate
		operand
		--rounds
		--rounds 0
		--rounds x
		--budget 0
		--cases mowing
		--allocators dlmalloc
	EOF
	exits 0 "$suite" --help && grep -q -- '--rounds N' out && exits 0 "$suite" --list &&
		grep -q '^cases: larson ' out && grep -q '^allocators: glibc ' out
}

# Runs with glibc twice, once as a library of one's own, and ideal: ratios are those of the runs.
# shellcheck disable=SC2016 # variables of jq
suite_runs()
{
	exits 0 "$suite" --quick --rounds 2 --dir "$work/suite" --json "$work/suite.json" --cases 'threads bench-1k' \
		--allocators "glibc,own=$(libc_path),ideal" &&
		grep -q '^geometric means' out &&
		holds suite.json '.rounds == 2 and (.runs | length) == 10 and .failed == [] and .skipped == []' &&
		holds suite.json '[.cases[] | .name, (.results | length)] == ["threads", 2, "bench-1k", 3]' &&
		holds suite.json '.cases[0].results[0] | .allocator == "glibc" and .ratio_to_glibc.time_s == 1' &&
		holds suite.json '.cases[0].results[1] as $own | [.runs[] | select(.case == "threads" and
			.allocator == "own").elapsed_s] | $own.metrics.time_s.min == min and
			$own.metrics.time_s.max == max and $own.metrics.time_s.median == add / 2' &&
		holds suite.json '.cases[1].best_peer.time_s.allocator == "glibc"' &&
		holds suite.json '[.geomean[] | .allocator, .ratio_to_glibc.time_s.cases] == ["glibc", 2, "own", 2]' &&
		{ ! command -v gnuplot >/dev/null || grep -q '<svg' suite/report.html; }
}

libc_path()
{
	ldd "$tools/hermes-bench" | sed -n 's/.* => \(.*libc\.so\.6\) .*/\1/p'
}

# An allocator that does not work is told apart, and the others' runs count.
suite_failure()
{
	exits 1 "$suite" --quick --rounds 1 --dir "$work/suite" --cases larson \
		--allocators "glibc,twice=$work/twice.so" && grep -q 'FAILED (exit status 3: .*its stamp is lost)' err &&
		holds suite/results.json '.failed[0].allocator == "twice" and (.runs | length) == 1'
}

echo "TAP version 13"
check "hermes-allocbench: bad options" allocbench_options
check "hermes-allocbench: options and man page agree" allocbench_man_page
check "hermes-allocbench: wrong content" allocbench_mismatch
check "suite: bad options, help" suite_options
if ! command -v jq >/dev/null; then
	skip "hermes-allocbench, suite: JSON" "no jq"
else
	check "hermes-allocbench: every case" allocbench_cases
	check "hermes-allocbench: seed, table, the allocator that was meant" allocbench_runs
	check "suite: runs, ratios, report" suite_runs
	check "suite: a broken allocator" suite_failure
fi
echo "1..$tests"
