# SPDX-License-Identifier: GPL-2.0-only
# The summary of an evaluation: medians over the rounds, ratios, shares, verdict.
# in: what runs.jq wrote, slurped; --argjson conditions, --argjson slo (thresholds.jq)
include "stats";
include "verdict";

# The last line of a cell and round counts: an interrupted matrix may be continued.
def latest: reduce .[] as $r ({}; .["\($r.place)/\($r.load)/\($r.allocator) \($r.round)"] = $r) | [.[]];

def spreads($values): # in: runs; $values: a path to an object of numbers
	. as $runs | (map(getpath($values) | keys) | add // [] | unique) | map({key: ., value: (. as $k |
		[$runs[] | getpath($values)[$k]] | spread)}) | map(select(.value != null)) | from_entries;

# in: all runs of a cell
def cell:
	sort_by(.round) | . as $all | map(select(.ok)) as $ok | .[0] as $any |
	"\($any.place)/\($any.load)/\($any.allocator)" as $name | {
		allocator: $any.allocator, cell: $name, command: "make bench BENCH=\"--only \($name)\"",
		ok: ($ok | length > 0), rounds: length, failed: map(select(.ok | not) | {round, why}),
		open_loop: ($ok | map(.open_loop) | if index(false) then false else .[0] end),
		count: ($ok | map(.count) | spread | .median?),
		latency_ns: ($ok | spreads(["latency"]) | with_entries(select(.key as $k | latencies | index($k)))),
		slo: ($ok | spreads(["slo"])),
		overhead: ($ok | spreads(["overhead"])),
		batch: ($ok | spreads(["batch"])),
		hist_round: ([$ok[] | select(.hist).round][0]),
		timeline_round: ([$ok[] | select(.timeline).round][0])
	};

# Where the ideal is hardly better there is nothing to win.
def gap($glibc; $ideal; $x):
	if $glibc == null or $ideal == null or $x == null or $glibc - $ideal < 0.1 * $glibc then null
	else ($glibc - $x) / ($glibc - $ideal) end;

def compared($glibc; $ideal):
	. as $row | . + {
		ratio_to_glibc: (reduce latencies[] as $m ({}; .[$m] =
			ratio($row.latency_ns[$m].median; $glibc.latency_ns[$m].median))),
		gap_closed: (reduce ("mean", "p99", "p99.9", "p99.99") as $m ({}; .[$m] =
			gap($glibc.latency_ns[$m].median; $ideal.latency_ns[$m].median; $row.latency_ns[$m].median))),
		batch_to_glibc: (.batch | with_entries(.value = ratio(.value.median; $glibc.batch[.key].median)))
	};

# in: the rows of a group
def best_peers:
	([.[] | select(.allocator == "hermes")][0]) as $hermes | [.[] | select(.ok and (.allocator | is_peer))] as $peers |
	reduce ("mean", "p99", "p99.9", "p99.99") as $m ({}; .[$m] =
		([$peers[] | select(.latency_ns[$m] != null)] | if length == 0 then null else min_by(.latency_ns[$m].median) |
			{allocator, value: .latency_ns[$m].median, hermes_ns: $hermes.latency_ns[$m].median,
			peer_over_hermes: ratio(.latency_ns[$m].median; $hermes.latency_ns[$m].median)} end));

# in: all runs of a setting-level and a load
def group:
	. as $runs | .[0] as $any | (group_by(.allocator) | map(cell) | sort_by(.allocator | rank(allocator_order))) as $rows |
	([$rows[] | select(.allocator == "glibc")][0]) as $glibc | ([$rows[] | select(.allocator == "ideal")][0]) as $ideal |
	{
		name: "\($any.place)/\($any.load)", place: $any.place, setting: $any.setting, level: $any.level, load: $any.load,
		jobs: ($runs | map(.job // empty) | unique),
		best_peer: ($rows | best_peers),
		results: ($rows | map(compared($glibc; $ideal)))
	};

def in_order: sort_by([(.setting | rank(setting_order)), .level, .place, (.load | rank(load_order))]);

# 0.5, 64K, 1G: values of a key in the order of their size.
def size:
	(capture("^(?<n>[0-9.]+)(?<unit>[KMG]?)$") // {n: "0", unit: ""}) |
	(.n | tonumber? // 0) * {"": 1, K: 1024, M: 1048576, G: 1073741824}[.unit];

# in: all runs with a "hermes:KEY=VALUE", and those with the defaults
def sensitivity($defaults):
	group_by([.place, .load]) | map(in_order | .[0] as $any |
		([$defaults[] | select(.place == $any.place and .load == $any.load)] |
			if length == 0 then null else cell + {value: "default"} end) as $default |
		{
			name: "\($any.place)/\($any.load)", place: $any.place, setting: $any.setting, level: $any.level,
			load: $any.load, default: $default,
			keys: (map(. + {key: (.allocator | ltrimstr("hermes:") | split("=")[0])}) | group_by(.key) | map({
				key: .[0].key,
				results: (group_by(.allocator) | map(cell + {value: (.[0].allocator | sub("^[^=]*=?"; ""))}) |
					sort_by([(.value | size), .value]))}))
		}) | in_order;

def costs:
	([.[].cost] | reduce .[] as $c ([]; if index($c) then . else . + [$c] end)) as $order |
	group_by([.cost, (.kernel | tostring)]) | map(. as $all | {cost: .[0].cost, kernel: (.[0].kernel | tostring)} +
		reduce ("icount", "native") as $mode ({}; .[$mode] = ([$all[] | select(.mode == $mode).ns_per_page] |
			spread | if . == null then null else . + {spread: (if .runs < 2 then null
				else ratio(.max - .min; .median) end)} end))) |
	sort_by([(.cost | rank($order)), (.kernel | split(".") | map(tonumber? // 0))]);

map(select(.kind == "run")) as $lines | ($lines | latest) as $runs |
map(select(.kind == "cost")) as $cost_lines |
[$runs[] | select(.allocator | startswith("hermes:"))] as $tried |
[$runs[] | select(.allocator | startswith("hermes:") | not)] as $main |
($main | group_by([.place, .load]) | map(group) | in_order) as $groups |
($tried | sensitivity([$main[] | select(.allocator == "hermes")])) as $sensitivity |
([$groups[].results[]] + [$sensitivity[].keys[].results[]]) as $cells |
{
	tool: "eval-report",
	conditions: $conditions,
	counts: {
		cells: ($cells | length), failed_cells: ($cells | map(select(.ok | not)) | length),
		runs: ($runs | length), failed_runs: ($runs | map(select(.ok | not)) | length),
		rounds: ([$runs[].round] | max // 0), costs: ($cost_lines | length),
		unreadable_lines: (map(select(.kind == "unreadable")) | length)
	},
	allocators: ([$main[].allocator] | unique | sort_by(rank(allocator_order))),
	thresholds_ns: $slo,
	verdict: {claims: ($groups | claims), goals: ($groups | goals)},
	groups: $groups,
	not_helped: ($groups | not_helped),
	peer_better: ($groups | peer_better),
	sensitivity: $sensitivity,
	costs: ($cost_lines | costs),
	failed: [$cells[] | .cell as $cell | .failed[] | {cell: $cell, round, why}]
}
