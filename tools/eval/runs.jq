# SPDX-License-Identifier: GPL-2.0-only
# What the summary needs of each line of results.jsonl; without distributions and time lines, which are most of it.
# in: lines (-R); --argjson slo: the result of thresholds.jq
include "stats";

def per_s($value; $s): if $value == null or ($s // 0) <= 0 then null else $value / $s end;

def overhead:
	.elapsed_s as $s | {
		reserve_cpu_ms_s: per_s(.hermes.reserve_cpu_ms; $s),
		reclaim_cpu_ms_s: per_s(.hermes.reclaim_cpu_ms; $s),
		loop_cpu_ms_s: per_s(.reclaim_loop.cpu_ms; $s),
		busy_s_s: per_s(.system.busy_s; $s),
		reserve_mib: .hermes.reserve_mib,
		hwm_kib: .process.hwm_kib,
		stalled_ms,
		allocstall: .system.allocstall,
		misses: .hermes.misses,
		reclaimed_mib: (.hermes.reclaimed_mib // .reclaim_loop.reclaimed_mib),
		minor_faults: .process.minor_faults,
		pswpout: .system.pswpout,
		pswpin: .system.pswpin,
		oom_kill: .system.oom_kill
	};

def run:
	load as $load | {
		kind: "run", place: place, setting: setting, level: level, load: $load, allocator: allocator,
		round: (.round // 1), job, ok: (.status != "failed" and .latency_ns.mean != null),
		why: (if .status == "failed" then .why // "no reason given"
			elif .latency_ns.mean == null then "no latency in the result" else null end),
		open_loop, count: .latency_ns.count,
		latency: (.latency_ns // {}),
		slo: (.hist as $hist | {p90, p99} | with_entries(.key as $p | .value = ($hist | share_above($slo[$load][$p])))),
		overhead: overhead,
		batch: (.batch // {}),
		hist: (.hist // [] | length > 0),
		timeline: (.timeline // [] | length > 0)
	};

select(test("\\S")) | (fromjson? // null) |
if type != "object" then {kind: "unreadable"}
elif has("cost") then . + {kind: "cost"}
elif has("cell") or has("load") then run
else {kind: "unreadable"} end
