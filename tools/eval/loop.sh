#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a user would do without Hermes: a loop that reclaims from a best-effort cgroup when free memory falls
# below a mark, backing off while the cgroup itself stalls (in the manner of senpai). Prints at the end
# (SIGTERM) what it reclaimed, as JSON. No process is started in the loop.
# usage: tools/eval/loop.sh CGROUP_DIR EVERY_MS FREE_MIB STALL_PCT
set -euo pipefail

cgroup=$1
every_us=$(($2 * 1000))
every_s=$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))
free_kib=$(($3 * 1024))
stall_us=$((every_us * $4 / 100))
step_kib=$((8 * 1024))
before=0
reclaimed_kib=0
stalled=0
ended=
exec 8<> <(:)

# Sets result to a number of a file: that after the word $2 ($2 and the number may be joined by =).
number_in()
{
	local key value

	while IFS=$': \t=' read -r key value; do
		[[ $key != "$2" ]] || break
	done <"$1"
	result=${value%% *}
}

stall_total()
{
	local line

	read -r line <"$cgroup/memory.pressure"
	result=${line##*total=}
}

# What is missing, in steps; a part of a step that was not to be had ends it (EAGAIN).
reclaim()
{
	local kib=$1 now

	number_in /proc/meminfo MemFree
	now=$result
	[[ $kib -le $step_kib ]] || kib=$step_kib
	echo "$((kib * 1024))" 2>/dev/null >"$cgroup/memory.reclaim" || true
	number_in /proc/meminfo MemFree
	[[ $result -le $now ]] || reclaimed_kib=$((reclaimed_kib + result - now))
}

trap 'ended=1' TERM INT
stall_total
before=$result
while [[ -z $ended ]]; do
	read -r -t "$every_s" -u 8 || true
	stall_total
	stalled=$((result - before))
	before=$result
	number_in /proc/meminfo MemFree
	[[ $result -ge $free_kib || $stalled -gt $stall_us ]] || reclaim $((free_kib - result))
done
printf '{"reclaimed_mib": %d, "cpu_ms": %d}\n' $((reclaimed_kib / 1024)) \
	"$(awk '{ print ($14 + $15) * 10 }' "/proc/$$/stat")"
