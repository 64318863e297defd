# SPDX-License-Identifier: GPL-2.0-only
# The curves: lines "FIGURE PART ALLOCATOR x y..." with tabs between; "FIGURE PART ALLOCATOR" alone begins one anew.
# in: lines of results.jsonl (-R); --slurpfile summary
include "stats";

def wanted($round): [$summary[0].groups[].results[] | select(.[$round]) | {key: .cell, value: .[$round]}] | from_entries;

# Share x as nines, 0.999 is 3; of the last point, how many there are: a thousand requests show three.
def nines: if .[1] < 1 then -(1 - .[1] | log10) elif .[2] then .[2] | log10 else null end;
def curve: .hist[] | nines as $y | select($y != null) | [([.[0], 1] | max) / 1000, $y];
def samples($field): .timeline[] | select(.t != null and .[$field] != null) | [.t, .[$field]];

wanted("hist_round") as $hist | wanted("timeline_round") as $timeline |
inputs | select(test("\\S")) | (fromjson? // empty) | objects | select(has("cell") or has("load")) |
place as $place | load as $load | allocator as $allocator | "\($place)/\($load)/\($allocator)" as $cell |
("\($place)/\($load)" | plain_name) as $figure | (.round // 1) as $round |
def lines($part; points): [points] | select(length > 0) | [$figure, $part, $allocator], (.[] | [$figure, $part, $allocator] + .);
(select($hist[$cell] == $round and .hist) | lines("cdf"; curve)),
(select($timeline[$cell] == $round and .timeline) |
	("ready_mib", "free_mib", "misses", "reclaimed_mib") as $field | lines($field; samples($field))) |
map(tostring) | join("\t")
