# SPDX-License-Identifier: GPL-2.0-only
# Included by the filters of tools/eval/report: statistics, the order of names, how figures are written.

def median:
	sort | if length == 0 then null
	elif length % 2 == 1 then .[length / 2 | floor]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def spread:
	map(select(type == "number")) | if length == 0 then null
	else {median: median, min: min, max: max, runs: length} end;
def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b end;

# Share of the requests that took more than $t ns; in: a run's `hist`. No request was faster than its first point.
def share_above($t):
	if type != "array" or length == 0 or $t == null then null
	else ([.[] | select(.[0] <= $t)][-1]) as $a | ([.[] | select(.[0] > $t)][0]) as $b |
		if $a == null then 1
		elif $b == null then 1 - $a[1]
		else 1 - ($a[1] + ($b[1] - $a[1]) * ($t - $a[0]) / ($b[0] - $a[0])) end
	end;

def setting_order: ["dedicated", "anon", "cache", "writeback", "both"];
def load_order: ["bench-1k", "bench-256k", "bench-2m", "paced-1k", "paced-256k", "paced-2m", "redis-1k", "redis-200k",
	"redis-mixed-1k", "redis-mixed-200k", "rocksdb-1k", "rocksdb-200k", "memcached-1k"];
def allocator_order: ["glibc", "glibc-tuned", "jemalloc", "jemalloc-bg", "tcmalloc", "mimalloc", "mimalloc-eager",
	"glibc+loop", "glibc-tuned+loop", "jemalloc+loop", "tcmalloc+loop", "mimalloc+loop",
	"hermes-populate", "hermes-kmod", "hermes", "ideal"];
# For sort_by: names that the list does not have come last, by name.
def rank($list): . as $name | [($list | index($name)) // ($list | length), $name];

def is_peer: startswith("hermes") or . == "ideal" | not;
def is_micro: startswith("bench-") or startswith("paced-");
def latencies: ["mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"];

# "SETTING-LEVEL" of a line.
def place: if .cell then .cell | split("/")[0] else "\(.setting)-\(.level // 0)" end;
def setting: .setting // (place | sub("-[0-9]+.*$"; ""));
def level: .level // (place | [scan("-([0-9]+)")[0] | tonumber][0]) // 0;
def load: .load // (.cell // "" | split("/")[1]) // "unknown";
def allocator: .allocator // (.cell // "" | split("/")[2]) // "unknown";

# Three digits are more than the runs agree on.
def sig:
	if . == null then "-"
	elif . > -10 and . < 10 then . * 100 | round / 100
	elif . > -100 and . < 100 then . * 10 | round / 10
	else round end | tostring;
def percent: if . == null then "-" else "\(. * 100 | sig) %" end;
def with_range(f):
	if . == null then "-"
	else (.median | f) + (if .runs > 1 then " [\(.min | f)-\(.max | f)]" else "" end) end;
def us: with_range(. / 1000 | sig);
# For names of files and for links.
def plain_name: gsub("[^A-Za-z0-9.+-]"; "_");
