#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Compares the cost of malloc() and free() with and without counting. Rounds alternate; prints the
# median, the least and the greatest ratio to the first column, which is OTHER_LIBRARY or latency=off.
# usage: observe_cost.sh PROGRAM LIBRARY [OTHER_LIBRARY] (ROUNDS=9)
set -euo pipefail

program=$1
library=$(realpath "$2")
other=$(realpath "${3:-$2}")
data=$(mktemp)
trap 'rm -f "$data"' EXIT

for ((round = 0; round < ${ROUNDS:-9}; round++)); do
	HERMES_CONF=$([[ -n ${3:-} ]] || echo latency=off) LD_PRELOAD=$other "$program" | sed "s/^/$round base /"
	for mode in off slow all; do
		HERMES_CONF=latency=$mode LD_PRELOAD=$library "$program" | sed "s/^/$round $mode /"
	done
done >"$data"

awk '
function sort(n, i, j, t)
{
	for (i = 2; i <= n; i++) {
		t = v[i]
		for (j = i - 1; j > 0 && v[j] > t; j--) v[j + 1] = v[j]
		v[j + 1] = t
	}
}
function median(n) { sort(n); return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }
{ ns[$1, $2, $3] = $4; if (!($3 in seen)) { seen[$3] = 1; names[++k] = $3 } rounds = $1 + 1 }
END {
	split("off slow all", modes)
	printf "%-10s %9s  %s\n", "ns a pair", "base", "ratio: median (least-greatest) of off, slow, all"
	for (i = 1; i <= k; i++) {
		delete v
		for (r = 0; r < rounds; r++) v[r + 1] = ns[r, "base", names[i]]
		printf "%-10s %9.2f", names[i], median(rounds)
		for (m = 1; m <= 3; m++) {
			delete v
			for (r = 0; r < rounds; r++) v[r + 1] = ns[r, modes[m], names[i]] / ns[r, "base", names[i]]
			mid = median(rounds)
			printf "   %.3f (%.3f-%.3f)", mid, v[1], v[rounds]
		}
		print ""
	}
}' "$data"
