# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by those who measure in a VM: what else ran on this machine's processors meanwhile.

host_load_since=
host_load_busy=
host_load_own=

# Clock ticks that this machine's processors were busy.
busy_ticks()
{
	awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat
}

# Clock ticks that this script's finished children used.
own_ticks()
{
	awk '{ print $16 + $17 }' "/proc/$$/stat"
}

host_load_begin()
{
	host_load_since=$(date +%s)
	host_load_busy=$(busy_ticks)
	host_load_own=$(own_ticks)
}

# Per cent of the processors' time that others have used since host_load_begin.
host_load_percent()
{
	local ticks others

	ticks=$((($(date +%s) - host_load_since) * $(getconf CLK_TCK) * $(nproc)))
	others=$((100 * ($(busy_ticks) - host_load_busy - $(own_ticks) + host_load_own) / (ticks + 1)))
	echo $((others > 0 ? others : 0))
}
