# SPDX-License-Identifier: GPL-2.0-only
# What counts as a violation: p90 and p99 of glibc in the dedicated setting, the medians of its rounds, for each load.
# in: lines of results.jsonl, slurped as one string
include "stats";

[split("\n")[] | fromjson? | objects | select(setting == "dedicated" and allocator == "glibc" and .status != "failed")] |
group_by(load) | map({key: (.[0] | load), value: {
	p90: (map(.latency_ns.p90) | spread | .median?), p99: (map(.latency_ns.p99) | spread | .median?)}}) | from_entries
