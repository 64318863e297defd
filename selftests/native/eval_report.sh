#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tools/eval/report: numbers that can be worked out by hand, pages that a browser can read, results with holes.
# TAP on stdout.
# usage: eval_report.sh
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
# shellcheck source=checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

evaluation=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../tools/eval/report")
work=$(mktemp -d)
export LC_ALL=C
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# run CELL ROUND MEAN P99 P99.9 P99.99 [MORE]: a line of results, latencies in ns; MORE is JSON
run()
{
	jq -n -c --arg cell "$1" --argjson round "$2" --argjson l "[$3, $4, $5, $6]" --argjson more "${7:-null}" '
		($cell | split("/")) as [$place, $load, $allocator] | ($place | split("-")) as [$setting, $level] |
		{cell: $cell, setting: $setting, level: ($level | tonumber), load: $load, allocator: $allocator,
		round: $round, status: "ok", elapsed_s: 10, open_loop: true,
		latency_ns: {count: 1000, mean: $l[0], p99: $l[1], "p99.9": $l[2], "p99.99": $l[3], max: $l[3]}} * ($more // {})'
}

# failed CELL ROUND WHY
failed()
{
	printf '{"cell": "%s", "round": %d, "status": "failed", "why": "%s"}\n' "$@"
}

cost()
{
	printf '{"cost": "%s", "kernel": "6.1", "mode": "%s", "round": %d, "ns_per_page": %s}\n' "$@"
}

micro_lines()
{
	run anon-100/bench-1k/glibc 1 1000 20000 40000 80000
	run anon-100/bench-1k/glibc 2 3000 20000 40000 80000
	run anon-100/bench-1k/glibc 3 9000 20000 40000 80000
	# Once more: what comes last counts.
	run anon-100/bench-1k/glibc 3 2000 20000 40000 80000 '{"batch": {"anon_mib_s": 10}}'
	run anon-100/bench-1k/glibc+loop 1 1800 18000 30000 60000 '{"reclaim_loop": {"cpu_ms": 50}}'
	run anon-100/bench-1k/hermes 1 1000 5000 12000 40000 '{"batch": {"anon_mib_s": 9}, "hermes": {"misses": 40,
		"reserve_cpu_ms": 120, "reclaim_cpu_ms": 30, "reserve_mib": 32}, "timeline": [{"t": 0, "free_mib": 50,
		"ready_mib": 32, "misses": 0}, {"t": 9, "free_mib": 40, "ready_mib": 30, "misses": 40}]}'
	run anon-100/bench-1k/ideal 1 1000 4000 8000 75000
	run anon-100/bench-1k/hermes:factor=2 1 1000 5000 11000 40000 '{"hermes": {"misses": 10, "reserve_mib": 64}}'
	run anon-100/bench-1k/hermes:factor=0.5 1 1000 5000 14000 40000 '{"hermes": {"misses": 900, "reserve_mib": 16}}'
}

service_lines()
{
	run dedicated-0/redis-1k/glibc 1 500 2000 3000 4000 '{"latency_ns": {"p90": 1000}}'
	run anon-100/redis-1k/glibc 1 2000 9000 9000 9000 '{"hist": [[500, 0.2, 200], [1500, 0.6, 600], [3000, 1, 1000]]}'
	run anon-100/redis-1k/hermes 1 1800 3000 9000 9000 '{"hist": [[1000, 0.97, 970], [4000, 1, 1000]]}'
	failed anon-100/redis-1k/jemalloc 1 "no <memory> & no swap"
	failed anon-100/redis-1k/jemalloc 2 "no <memory> & no swap"
	run anon-100/redis-1k/tcmalloc 1 2000 8000 9000 9000
	failed anon-100/redis-1k/tcmalloc 2 hung
	run cache-80/bench-1k/glibc 1 100 200 300 400
	run cache-80/bench-1k/jemalloc 1 100 100 300 400
	run cache-80/bench-1k/hermes 1 50 194 150 200
}

cost_lines()
{
	cost touch icount 1 1000
	cost touch icount 2 1010
	cost touch icount 3 1005
	cost touch native 1 250
	cost GIVE icount 1 100
	cost GIVE icount 2 102
}

full_results()
{
	mkdir -p full
	{ micro_lines; service_lines; cost_lines; echo '{"cell": "anon-100/bench-1k/her'; } >full/results.jsonl
	echo '{"mode": "quick", "where": "TCG", "versions": {"redis": "7.0.15"}}' >full/conditions.json
	reports full
}

# The report of directory $1: what is printed is the text, and neither jq nor gnuplot has anything to say.
reports()
{
	exits 0 "$evaluation" "$1" && [[ ! -s err ]] && cmp out "$1/report.txt" && [[ -s $1/benchmarks.md ]] && page "$1"
}

# HTML that is XML, too, with $2 pictures at least; needs nothing from elsewhere, no script.
page()
{
	python3 - "$1/report.html" "${2:-0}" <<-'EOT' 2>&1
		import sys, xml.etree.ElementTree as tree
		text = open(sys.argv[1], encoding="utf-8").read()
		root = tree.fromstring(text.split("\n", 1)[1])
		pictures = [p for p in root.iter("svg") if next(p.iter("path"), None) is not None]
		ids = [e.get("id") for e in root.iter() if e.get("id")]
		links = [e.get("href")[1:] for e in root.iter("a")]
		bad = [w for w in ("http:", "https:", "<script", "src=", "url(", "@import", "@figure") if w in text]
		wrong = bad or len(pictures) < int(sys.argv[2]) or len(ids) != len(set(ids)) or set(links) - set(ids)
		sys.exit("# %s: %s, %d pictures, links %s" % (sys.argv[1], bad, len(pictures), links) if wrong else 0)
	EOT
}

# sums FILTER: holds for the summary. near: equal but for rounding; row: that of a cell.
# shellcheck disable=SC2016 # variables of jq
sums()
{
	holds full/summary.json 'def near($x): . != null and (. - $x | fabs) < 1e-9;
		def row($cell): [.groups[].results[] | select(.cell == $cell)][0];
		def said($id): [.verdict.claims[], .verdict.goals[] | select(.id == $id)][0];'" $1"
}

medians_and_ratios()
{
	sums 'row("anon-100/bench-1k/glibc").latency_ns.mean == {median: 2000, min: 1000, max: 3000, runs: 3}' &&
		sums 'row("anon-100/bench-1k/hermes").ratio_to_glibc | .mean == 0.5 and .p99 == 0.25 and ."p99.9" == 0.3' &&
		sums '[.groups[].name] == ["dedicated-0/redis-1k", "anon-100/bench-1k", "anon-100/redis-1k", "cache-80/bench-1k"]' &&
		sums '[.groups[1].results[].allocator] == ["glibc", "glibc+loop", "hermes", "ideal"]' &&
		sums '.counts | .runs == 18 and .cells == 14 and .failed_cells == 1 and .failed_runs == 3 and
			.rounds == 3 and .unreadable_lines == 1' &&
		sums 'row("anon-100/bench-1k/hermes") | .batch_to_glibc.anon_mib_s == 0.9 and
			.command == "make bench BENCH=\"--only anon-100/bench-1k/hermes\""'
}

# p99.99 of ideal is less than a tenth better.
gap_closed()
{
	sums 'row("anon-100/bench-1k/hermes").gap_closed | .mean == 1 and .p99 == 0.9375 and ."p99.9" == 0.875 and
			."p99.99" == null' &&
		sums 'row("anon-100/bench-1k/ideal").gap_closed.p99 == 1' &&
		sums 'said("gap-p99").status == "reached" and said("gap-p99.9").status == "not reached"'
}

# Between two points by a straight line, on a point exactly.
slo()
{
	sums '.thresholds_ns["redis-1k"] == {p90: 1000, p99: 2000}' &&
		sums 'row("anon-100/redis-1k/glibc").slo | (.p90.median | near(0.6)) and (.p99.median | near(4 / 15))' &&
		sums 'row("anon-100/redis-1k/hermes").slo | (.p90.median | near(0.03)) and (.p99.median | near(0.02))' &&
		sums 'said("slo") | .status == "reached" and (.median | near(0.95))'
}

verdict()
{
	sums 'said("allocation-mean") | .status == "not reached" and .median == 0.5 and .measured == 1' &&
		sums 'said("allocation-p99") | .status == "reached" and .median == 0.75' &&
		sums 'said("query-mean") | .status == "not reached" and (.median | near(0.1))' &&
		grep -q '^paper: allocation latency, p99  *-62.4 %  *-75 %  *1  reached$' full/report.txt
}

best_peer()
{
	sums '.groups[1].best_peer."p99.9" == {allocator: "glibc+loop", value: 30000, hermes_ns: 12000, peer_over_hermes: 2.5}' &&
		sums 'said("peer-p99.9").status == "reached" and said("peer-p99.99").status == "not reached"'
}

not_helped()
{
	sums '[.not_helped[] | .cell, [.metrics[].metric]] == ["anon-100/redis-1k", ["p99.9"], "cache-80/bench-1k", ["p99"]]' &&
		sums '[.peer_better[] | .cell, .metric, .peer] == ["cache-80/bench-1k", "p99", "jemalloc"]'
}

failed_cells()
{
	sums 'row("anon-100/redis-1k/jemalloc") | .ok == false and .rounds == 2 and (.failed | length) == 2' &&
		sums 'row("anon-100/redis-1k/tcmalloc") | .ok and .failed == [{round: 2, why: "hung"}]' &&
		grep -q '^jemalloc  *FAILED  *-' full/report.txt && grep -q '^tcmalloc (1 of 2 rounds) ' full/report.txt &&
		grep -q '^- jemalloc: rounds 1, 2 failed: no <memory> & no swap$' full/report.txt &&
		grep -q 'no &lt;memory&gt; &amp; no swap' full/report.html
}

costs()
{
	sums '.costs[0] | .cost == "touch" and .icount.median == 1005 and (.icount.spread | near(10 / 1005)) and
			.native.median == 250' &&
		sums '.costs[1] | .native == null and (.icount.spread | near(2 / 101))' &&
		grep -q '^touch  *1005  *1 %  *250$' full/report.txt && grep -q '^GIVE  *101  *1.98 % (!)  *-$' full/report.txt
}

sensitivity()
{
	sums '.sensitivity[0] | .name == "anon-100/bench-1k" and .default.overhead.misses.median == 40 and
		[.keys[] | .key, [.results[] | .value, .overhead.misses.median]] == ["factor", ["0.5", 900, "2", 10]]'
}

overheads()
{
	sums 'row("anon-100/bench-1k/hermes").overhead | .reserve_cpu_ms_s.median == 12 and .reclaim_cpu_ms_s.median == 3' &&
		sums 'row("anon-100/bench-1k/glibc+loop").overhead.loop_cpu_ms_s.median == 5'
}

# Curves of two services, bars of four cells, a time line, sensitivity.
pictures()
{
	page full 6 && ! grep -q 'NaN' full/report.html
}

# Nothing at all, no conditions.
no_results()
{
	mkdir -p none && : >none/results.jsonl && reports none &&
		holds none/summary.json '.groups == [] and .counts.runs == 0 and .costs == [] and
			all(.verdict.claims[], .verdict.goals[]; .status == "not measured")' &&
		grep -q '^paper: query latency, mean .* not measured$' out
}

only_failures()
{
	mkdir -p bad && echo '{' >bad/conditions.json
	{ failed anon-100/bench-1k/glibc 1 x; failed anon-100/bench-1k/hermes 1 y; } >bad/results.jsonl
	reports bad && holds bad/summary.json '.counts.failed_cells == 2 and .not_helped == [] and
		all(.verdict.claims[]; .status == "not measured")'
}

# Hermes failed where glibc did not: that is not "not measured".
hermes_failed()
{
	mkdir -p lost
	{ run anon-100/bench-1k/glibc 1 1 2 3 4; failed anon-100/bench-1k/hermes 1 y; } >lost/results.jsonl
	reports lost && holds lost/summary.json '.verdict.claims[0].status == "not reached" and .not_helped[0].failed'
}

# One allocator; a line with hardly anything in it.
few_fields()
{
	mkdir -p few
	run dedicated-0/bench-2m/mimalloc 1 5 5 5 5 '{"hist": [[5, 1, 1000]], "timeline": [{"t": 0}]}' >few/results.jsonl
	echo '{"cell": "dedicated-0/bench-1k/mimalloc", "status": "ok", "latency_ns": {"mean": 7}}' >>few/results.jsonl
	reports few && holds few/summary.json '.counts.cells == 2 and .counts.failed_cells == 0'
}

usage()
{
	exits 2 "$evaluation" && exits 2 "$evaluation" --frobnicate && exits 1 "$evaluation" "$work/no-such-directory" &&
		grep -q '^report: cannot read ' err && [[ ! -s out ]]
}

echo "TAP version 13"
for tool in jq gnuplot python3; do
	if ! command -v "$tool" >/dev/null; then
		skip "report of the evaluation" "no $tool"
		echo "1..$tests"
		exit
	fi
done
check "report: usage" usage
check "report: text, markdown, page; nothing on stderr" full_results
check "report: medians, ratios, order, counts" medians_and_ratios
check "report: share of the gap closed" gap_closed
check "report: violations of the SLO" slo
check "report: verdict" verdict
check "report: best peer" best_peer
check "report: what Hermes does not help" not_helped
check "report: failed cells" failed_cells
check "report: costs per page and their spread" costs
check "report: sensitivity" sensitivity
check "report: overheads" overheads
check "report: pictures" pictures
check "report: no results" no_results
check "report: only failures" only_failures
check "report: Hermes failed" hermes_failed
check "report: one allocator, missing fields" few_fields
echo "1..$tests"
