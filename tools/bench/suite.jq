# SPDX-License-Identifier: GPL-2.0-only
# The results of tools/bench/suite from its runs.
# in:  the JSON of every run, slurped; its label is "CASE ALLOCATOR ROUND"
# with: --rawfile allocators, cases, conditions, skipped, failed: lines of tab-separated fields

def lines: split("\n") | map(select(. != "") | split("\t"));
def median:
	sort | if length == 0 then null
	elif length % 2 == 1 then .[length / 2 | floor]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def spread:
	map(select(. != null)) | if length == 0 then null
	else {median: median, min: min, max: max, runs: length} end;
def geomean:
	map(select(. != null and . > 0)) | if length == 0 then null
	else {ratio: ((map(log) | add) / length | exp), cases: length} end;
def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b end;

# What a run is judged by. Of hermes-bench the sum of the latencies, for it pauses on purpose.
def metrics:
	{
		time_s: (if .tool == "hermes-bench" then .latency_ns.mean * .latency_ns.count / 1e9 else .elapsed_s end),
		cpu_s: .cpu_s,
		mean_ns: .latency_ns.mean, p50_ns: .latency_ns.p50, p99_ns: .latency_ns.p99,
		"p99.9_ns": .latency_ns."p99.9", "p99.99_ns": .latency_ns."p99.99", max_ns: .latency_ns.max,
		peak_kib: .process.vm_hwm_kib,
		final_kib: (if .tool == "hermes-bench" then null else .process.vm_rss_kib - .tables_kib end),
		rss_over_live: (if .phases then [.phases[] | .rss_kib / .live_kib] | max
			elif (.live_kib // 0) >= 32768 then (.rss_live_kib - .tables_kib) / .live_kib
			else null end),
		minor_faults: .process.minflt
	};

def compared: ["time_s", "mean_ns", "p50_ns", "p99_ns", "p99.9_ns", "p99.99_ns", "max_ns", "peak_kib"];

map((.label | split(" ")) as $l | . + {case: $l[0], allocator: $l[1], round: ($l[2] | tonumber)}) as $runs |
($allocators | lines | map({name: .[0], library: .[1], environment: .[2], version: .[3], loader: .[4], kind: .[5]})) as $alloc |
($alloc | map(select(.kind == "peer").name)) as $peers |
[$cases | lines[] | . as [$case, $what] |
	[$alloc[] | .name as $name | [$runs[] | select(.case == $case and .allocator == $name) | metrics] |
		select(length > 0) | . as $all |
		{allocator: $name, metrics: (.[0] | with_entries(.key as $k | .value = ([$all[][$k]] | spread)))}] as $rows |
	([$rows[] | select(.allocator == "glibc")][0]) as $glibc |
	(reduce compared[] as $m ({}; .[$m] =
		([$rows[] | select(.allocator as $a | $peers | index($a)) | select(.metrics[$m] != null)] |
		if length == 0 then null else min_by(.metrics[$m].median) |
			{allocator, value: .metrics[$m].median} end))) as $best |
	{name: $case, what: $what, best_peer: $best, results: [$rows[] | . as $row | . + {
		ratio_to_glibc: (reduce compared[] as $m ({}; .[$m] =
			ratio($row.metrics[$m].median; $glibc.metrics[$m].median))),
		ratio_to_best_peer: (reduce compared[] as $m ({}; .[$m] =
			ratio($row.metrics[$m].median; $best[$m].value)))}]}] as $summary |
{
	tool: "bench-native",
	conditions: ($conditions | lines | map({key: .[0], value: .[1]}) | from_entries),
	allocators: $alloc,
	rounds: ([$runs[].round] | max // 0),
	skipped: ($skipped | lines | map({what: .[0], why: .[1]})),
	failed: ($failed | lines | map({case: .[0], allocator: .[1], round: (.[2] | tonumber), why: .[3]})),
	cases: $summary,
	geomean: [$alloc[] | select(.kind != "ideal") | .name as $name |
		[$summary[].results[] | select(.allocator == $name)] as $mine |
		{allocator: $name, ratio_to_glibc: (reduce ("time_s", "p99.9_ns", "peak_kib") as $m ({}; .[$m] =
			([$mine[].ratio_to_glibc[$m]] | geomean)))}],
	runs: $runs
}
