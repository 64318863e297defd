# SPDX-License-Identifier: GPL-2.0-only
# Included by summary.jq: what the paper and the project promise, against what was measured. Functions over the groups.
include "stats";

def row($allocator): [.results[] | select(.allocator == $allocator)][0];
# Both ran, or Hermes failed where glibc ran.
def comparable: row("glibc").ok and row("hermes") != null;

# in: [{cell, value, reached}]; value is null where Hermes failed
def outcome:
	(map(.value) | map(select(. != null))) as $values | {
		cells: ., measured: length, reached: (map(select(.reached)) | length),
		least: ($values | min), most: ($values | max), median: ($values | median),
		status: (if length == 0 then "not measured"
			elif all(.reached) then "reached"
			elif any(.reached) then "reached in \(map(select(.reached)) | length) of \(length) cells"
			else "not reached" end)
	};

# usable: whether a group can say something, f: its measured value, $least: what that must reach. Where Hermes
# failed it is not reached.
def judged(usable; f; $least):
	map(select(row("hermes") != null and usable) | row("hermes").ok as $ok |
		{cell: .name, value: (if $ok then f else null end)} |
		select(.value != null or ($ok | not)) | .reached = (.value != null and .value >= $least)) | outcome;

def reduced($metric): row("hermes").ratio_to_glibc[$metric] | if . == null then null else 1 - . end;
def fewer($threshold):
	ratio(row("hermes").slo[$threshold].median; row("glibc").slo[$threshold].median) |
	if . == null then null else 1 - . end;

def claims:
	map(select(.setting == "anon")) | map(select(.load | is_micro)) as $micro |
	map(select(.load | is_micro | not)) as $service |
	def claim($id; $what; $paper; $judged): {id: $id, what: $what, paper: $paper} + $judged;
	[claim("allocation-mean"; "allocation latency, mean"; 0.544; $micro | judged(comparable; reduced("mean"); 0.544)),
	claim("allocation-p99"; "allocation latency, p99"; 0.624; $micro | judged(comparable; reduced("p99"); 0.624)),
	claim("query-mean"; "query latency, mean"; 0.403; $service | judged(comparable; reduced("mean"); 0.403)),
	claim("query-p99"; "query latency, p99"; 0.403; $service | judged(comparable; reduced("p99"); 0.403)),
	claim("slo"; "SLO violations (p90 of the dedicated setting)"; 0.843; 
		$service | judged((row("glibc").slo.p90.median // 0) > 0; fewer("p90"); 0.843))];

def goals:
	map(select(.setting == "anon")) | map(select(.load | is_micro)) as $micro |
	[(("mean", "p99", "p99.9") as $m | {id: "gap-\($m)", what: "share of the gap to ideal closed, \($m)", least: 0.9} +
		judged(row("ideal").gap_closed[$m] != null; row("hermes").gap_closed[$m]; 0.9)),
	(("p99.9", "p99.99") as $m | {id: "peer-\($m)", what: "best peer over hermes, micro benchmark, \($m)", least: 2} +
		($micro | judged(.best_peer[$m] != null; .best_peer[$m].peer_over_hermes; 2)))];

# Cells in which Hermes' figures are not below glibc's by a twentieth.
def not_helped:
	map(select(comparable) | row("hermes") as $h | row("glibc") as $g | . as $group |
		if $h.ok then
			[("mean", "p99", "p99.9") as $m | select($h.ratio_to_glibc[$m] != null and $h.ratio_to_glibc[$m] >= 0.95) |
			{metric: $m, ratio: $h.ratio_to_glibc[$m], hermes_ns: $h.latency_ns[$m].median,
				glibc_ns: $g.latency_ns[$m].median}] |
			select(length > 0) | {cell: $group.name, failed: false, metrics: .}
		else {cell: $group.name, failed: true, metrics: []} end);

# Cells in which a peer's figure is below Hermes'.
def peer_better:
	[.[] | . as $group | ("mean", "p99", "p99.9", "p99.99") as $m | .best_peer[$m] |
		select(. != null and .peer_over_hermes != null and .peer_over_hermes < 1) |
		{cell: $group.name, metric: $m, peer: .allocator, peer_ns: .value, hermes_ns, peer_over_hermes}];
