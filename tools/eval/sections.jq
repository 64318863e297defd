# SPDX-License-Identifier: GPL-2.0-only
# Included by document.jq: the sections of the report. Functions over summary.json that give blocks.
include "stats";

def paragraph: {p: .};
def table($head; rows): {table: {head: $head, rows: [rows]}};
def list(items): [items] | if length == 0 then empty else {list: .} end;
def in_order_of_appearance: reduce .[] as $x ([]; if index($x) then . else . + [$x] end);
def x: if . == null then "-" else . * 1000 | round / 1000 | tostring end;
def change: if . == null then "-" else -. * 1000 | round / 10 | "\(if . > 0 then "+" else "" end)\(.) %" end;
def title: .name + (if (.jobs // []) == [] then "" else " (job: \(.jobs | join(", ")))" end);
# in: failed runs for the same reason
def failed_rounds: "round\(if length > 1 then "s" else "" end) \(map(.round | tostring) | join(", "))";
def reasons($who): group_by(.why)[] | "\($who): \(failed_rounds) failed: \(.[0].why)";

# --- verdict ---

def between(f):
	if .measured == 0 then "-" elif .median == null then "failed"
	elif .least == .most then .median | f
	else "\(.median | f) [\(.least | f) to \(.most | f)]" end;

def verdict_head: ["what", "promised", "measured: median [least to most] over the cells", "cells", "outcome"];
def claim_row: ["paper: " + .what, (.paper | change), between(change), (.measured | tostring), .status];
def goal_row:
	if .id | startswith("peer") then ["goal: " + .what, "2 times", between(sig), (.measured | tostring), .status]
	else ["goal: " + .what, ">= 90 %", between(percent), (.measured | tostring), .status] end;
def verdict_table:
	table(verdict_head; .verdict | (.claims[] | claim_row), (.goals[] | goal_row)) | .table.status = 4;

def judged_cell(f):
	(if . == null then "-" elif .value == null then "FAILED" else .value | f end) as $text |
	if .reached then {b: $text} else $text end;

# in: the verdict; a row for each cell that one of its lines looked at
def verdict_cells:
	[.claims[], .goals[]] as $lines |
	def of($id; $cell): [$lines[] | select(.id == $id).cells[] | select(.cell == $cell)][0];
	[$lines[].cells[].cell] | in_order_of_appearance |
	if length == 0 then empty else
		{h3: "Cell by cell (reached: in bold)"},
		table(["cell", "allocation mean", "p99", "query mean", "p99", "SLO violations",
			"gap closed, mean", "p99", "p99.9", "best peer / hermes, p99.9", "p99.99"];
			.[] as $cell | [$cell,
			(("allocation-mean", "allocation-p99", "query-mean", "query-p99", "slo") as $id |
				of($id; $cell) | judged_cell(change)),
			(("gap-mean", "gap-p99", "gap-p99.9") as $id | of($id; $cell) | judged_cell(percent)),
			(("peer-p99.9", "peer-p99.99") as $id | of($id; $cell) | judged_cell(sig))])
	end;

def verdict_section:
	{h2: "Verdict"},
	("Hermes against glibc under anonymous pressure (setting anon); of each cell the median over its rounds. " +
	"The paper: Pi, Zhao, Wang, Zhou, Memory at Your Service, Middleware 2021; its figures are what was reached " +
	"at best. Reached without a number of cells: in all that were measured." | paragraph),
	verdict_table, (.verdict | verdict_cells);

# --- conditions ---

def distortion:
	{
		TCG: ("Emulation (TCG): a processor many times slower than metal beside a disk that is as fast as the " +
			"host's. What takes instructions (faults, zeroing, reclaim, the service itself) weighs too much, " +
			"waiting for a disk too little; caches, TLB and memory bandwidth do not show. Read the ratios " +
			"within a cell, not the microseconds."),
		KVM: ("A virtual machine (KVM): the real processor, but a TLB miss walks two page tables, and a page that " +
			"the host has not given the guest yet costs a fault there, too; the disk is a file of the host " +
			"and its cache."),
		host: "The host itself: nothing is emulated; whatever else ran on it is in the figures."
	}[. // ""] // "Where it ran is not recorded: nothing can be said about what that distorts.";

def count_text:
	"\(.cells) cells, \(.failed_cells) of them failed in every round; \(.runs) runs in at most \(.rounds) rounds, " +
	"\(.failed_runs) failed; \(.costs) measurements of costs" +
	(if .unreadable_lines > 0 then "; left out: \(.unreadable_lines) unreadable lines" else "" end) + ".";

def conditions_section:
	{h2: "Where it ran, and what that distorts"},
	(.conditions.where | distortion | paragraph),
	(.conditions.host_other_cpu_percent // 0 | if . > 10 then
		"Something else used the host's processors (\(.) %): do not trust single runs." | paragraph
		else empty end),
	list(.conditions | to_entries[] | select(.key != "versions") | "\(.key): \(.value // "unknown")"),
	list(.conditions.versions // {} | to_entries[] | "\(.key) \(.value)"),
	(.counts | count_text | paragraph),
	list(.failed | group_by([.cell, .why])[] | "FAILED: \(.[0].cell), \(failed_rounds): \(.[0].why)");

# --- cells ---

def cell_head: ["allocator", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max", "mean / glibc", "p99", "p99.9",
	"gap closed, mean", "p99", "p99.9", "p99.99", "above SLO p90", "p99"];

def cell_row:
	if .ok then
		[.allocator + (if .failed == [] then "" else " (\(.rounds - (.failed | length)) of \(.rounds) rounds)" end),
		(latencies[] as $m | .latency_ns[$m] | us),
		(("mean", "p99", "p99.9") as $m | .ratio_to_glibc[$m] | x),
		(("mean", "p99", "p99.9", "p99.99") as $m | .gap_closed[$m] | percent),
		(("p90", "p99") as $p | .slo[$p].median? | percent)]
	else [.allocator, "FAILED", (range(15) | "-")] end;

def few_requests:
	[.results[].count | select(. != null)] | min | if . == null or . >= 10000 then empty
	elif . >= 1000 then "\(.) requests a run: p99.99 is the slowest one or close to it"
	else "\(.) requests a run: p99.9 and p99.99 are the slowest one or close to it" end;

def cell_notes:
	list(few_requests, (.results[] | .allocator as $a | .failed | reasons($a)),
		(if any(.results[]; .open_loop == false) then
			"Closed loop: a request waits for the one before it, which hides part of the tail; " +
			"- is what the program does not report."
		else empty end));

def cells_section:
	{h2: "Every setting and load"},
	("Latencies in us, the median over the rounds [lowest-highest]. Gap closed: (glibc - X) / (glibc - ideal), - " +
	"where the ideal is less than 10 % better than glibc: nothing to win. SLO: share of the requests that took " +
	"longer than glibc's p90 and p99 in the dedicated setting under the same load." | paragraph),
	(if .groups == [] then "Nothing was measured." | paragraph else empty end),
	(.groups[] | (.name | plain_name) as $id | {h3: title, id: $id}, table(cell_head; .results[] | cell_row), cell_notes,
		($figures[] | select(startswith($id + ".")) | {link: ltrimstr($id + "."), to: "figure-\(.)"}));

# --- across the cells ---

# in: a group
def matrix_row($names):
	. as $group | ([.results[] | select(.allocator != "ideal" and .ok).ratio_to_glibc."p99.9" |
		select(. != null)] | min) as $best |
	[.name, ($names[] as $n | [$group.results[] | select(.allocator == $n)][0] |
		if . == null then "-" elif .ok | not then "FAILED"
		else .ratio_to_glibc."p99.9" as $r | ($r | x) |
			if $r != null and $r == $best and $n != "ideal" then {b: .} else . end end)];

def matrix_section:
	.allocators as $names | {h2: "p99.9, ratio to glibc"},
	if .groups == [] then "Not measured." | paragraph else
		("The best of each line, the ideal aside, is in bold." | paragraph),
		table(["cell"] + $names; .groups[] | matrix_row($names))
	end;

def peer_cells:
	if . == null then "-", "-", "-", "-" else
		.allocator, (.value, .hermes_ns | if . then . / 1000 | sig else "-" end),
		(.peer_over_hermes as $r | ($r | sig) | if ($r // 0) >= 2 then {b: .} else . end)
	end;

def best_peer_section:
	{h2: "Hermes against the best peer of each cell"},
	([.groups[] | select(.best_peer."p99.9".hermes_ns != null)] |
	if length == 0 then "Not measured." | paragraph else
		("Peers: glibc and all others that are not Hermes, tuned ones and those with an external memory.reclaim " +
		"loop too. In bold where Hermes is at least 2 times better; us." | paragraph),
		table(["cell", "best at p99.9", "its p99.9", "hermes", "peer / hermes",
			"best at p99.99", "its p99.99", "hermes", "peer / hermes"];
			.[] | [.name, (("p99.9", "p99.99") as $m | .best_peer[$m] | peer_cells)])
	end);

# --- overheads ---

def job_text:
	to_entries | map(select(.value != null) | "\(.key | sub("_mib_s$|_s$"; "")) \(.value | sig)") |
	if . == [] then "-" else join(", ") end;

def overhead_head: ["allocator", "reserve ms/s", "reclaim ms/s", "loop ms/s", "busy s/s", "ready MiB",
	"highest RSS MiB", "stalled ms", "allocstall", "misses", "reclaimed MiB", "minor faults", "pages swapped out",
	"job / glibc"];

def overhead_row:
	.overhead as $o | def m(f; $k): $o[$k] | if . == null then "-" else .median | f end;
	[.allocator, m(sig; ("reserve_cpu_ms_s", "reclaim_cpu_ms_s", "loop_cpu_ms_s", "busy_s_s", "reserve_mib")),
	m(. / 1024 | sig; "hwm_kib"),
	m(sig; ("stalled_ms", "allocstall", "misses", "reclaimed_mib", "minor_faults", "pswpout")),
	(.batch_to_glibc | job_text)];

def overhead_section:
	{h2: "What it costs"},
	("Medians over the rounds. CPU time of the reserve (kernel worker or thread), of the reclaim controller and of an " +
	"external loop in ms per second of the run; busy: CPU seconds of the machine per second; stalled: the service's " +
	"memory PSI (some); job: progress of the batch job relative to its progress beside glibc." | paragraph),
	(if .groups == [] then "Not measured." | paragraph else empty end),
	(.groups[] | select(any(.results[]; .ok)) | {open: title},
		table(overhead_head; .results[] | select(.ok) | overhead_row), {close: true});

# --- sensitivity, costs ---

def sensitivity_row($key):
	if .ok then
		.overhead as $o |
		["\($key) = \(.value)", ($o.misses | with_range(sig)), ($o.reserve_mib | with_range(sig)),
		(("mean", "p99", "p99.9") as $m | .latency_ns[$m] | us), ($o.reserve_cpu_ms_s | with_range(sig))]
	else ["\($key) = \(.value)", "FAILED", (range(5) | "-")] end;

def sensitivity_section:
	{h2: "Sensitivity"},
	(if .sensitivity == [] then "Not measured." | paragraph else empty end),
	(.sensitivity[] | {h3: .name}, (.default as $default | .keys[] | .key as $key |
		table([$key, "misses", "ready MiB", "mean us", "p99 us", "p99.9 us", "reserve ms/s"];
			($default // empty, .results[]) | sensitivity_row($key))),
	list(.keys[].results[] | .cell as $cell | .failed | reasons($cell)));

def spread_text:
	if . == null then "-"
	else "\(. * 10000 | round / 100) %" + (if . >= 0.01 then " (!)" else "" end) end;
def cost_cells:
	if . == null then "-", "-", "-"
	else (.icount.median? | sig), (.icount.spread? | spread_text), (.native | with_range(sig)) end;

def costs_section:
	{h2: "What each way to a page costs"},
	if .costs == [] then "Not measured." | paragraph else
		.costs as $costs | ([.costs[].kernel] | unique | sort_by(split(".") | map(tonumber? // 0))) as $kernels |
		("ns per 4 KiB page. icount: a VM that counts instructions; its spread over the rounds, (highest - lowest) / " +
		"median, must be below 1 %. native: the same without counting, the median [lowest-highest]." | paragraph),
		table(["cost"] + [$kernels[] | "\(.), icount", "spread", "\(.), native"];
			[$costs[].cost] | in_order_of_appearance | .[] as $c |
			[$c, ($kernels[] as $k | [$costs[] | select(.cost == $c and .kernel == $k)][0] | cost_cells)]),
		([$costs[] | select((.icount.spread? // 0) >= 0.01) | "\(.cost) on \(.kernel)"] |
			if length == 0 then empty else "(!) Not below 1 %: \(join("; "))." | paragraph end)
	end;

# --- what remains ---

def not_helped_text:
	"\(.cell): " + if .failed then "hermes FAILED, glibc did not" else .metrics | map(
		"\(.metric) \(.hermes_ns / 1000 | sig) us, glibc \(.glibc_ns / 1000 | sig) (x \(.ratio | x))") | join("; ") end;
def peer_better_text: # in: those of a cell
	"\(.[0].cell): " + (map("\(.metric) \(.peer) \(.peer_ns / 1000 | sig) us, hermes \(.hermes_ns / 1000 | sig) " +
		"(x \(.peer_over_hermes | x))") | join("; "));
def has($name; condition): any(.results[]; .allocator == $name and condition);

def not_helped_section:
	{h2: "What Hermes does not help"},
	if any(.groups[]; has("hermes"; true)) | not then "Not measured." | paragraph else
		([.groups[] | select(has("glibc"; .ok) and has("hermes"; true))] | length) as $all |
		("Cells in which the mean, p99 or p99.9 is not below 0.95 of glibc's, or Hermes failed: " +
		"\(.not_helped | length) of \($all)." | paragraph),
		list(.not_helped[] | not_helped_text),
		([.peer_better[].cell] | unique | "Cells in which a peer is better than Hermes: \(length)." | paragraph),
		list(.peer_better | group_by(.cell)[] | peer_better_text)
	end;

def figures_section:
	if $figures == [] then empty else
		{h2: "Figures", only: "html"},
		{p: ("latency: left the share of requests answered within x, of the first round; right p99 and p99.9, the " +
			"median with lowest and highest round. time: the first round with a time line. sensitivity: misses " +
			"against ready memory."), only: "html"},
		([.groups[].name, .sensitivity[].name] | in_order_of_appearance | .[] | . as $name | plain_name as $id |
			$figures[] | select(startswith($id + ".")) | {figure: ., caption: "\($name), \(ltrimstr($id + "."))"})
	end;

def reproduce_section:
	{h2: "How to reproduce each"},
	("The last part of a name is the allocator; summary.json has the command of every cell." | paragraph),
	list((.groups[].results | map(select(.allocator == "hermes"))[0] // .[0] | .command),
		.sensitivity[].keys[].results[].command);
