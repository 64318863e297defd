#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# HERMES_CONF and the library's behaviour as a preloaded program. TAP on stdout.
# usage: conf.sh LIBRARY STATIC_PROGRAM
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

library=$(realpath "$1")
static=$(realpath "$2")

# What the library says on stderr with HERMES_CONF=$1. (coreutils close stderr before we report.)
says()
{
	HERMES_CONF=$1 LD_PRELOAD=$library bash -c ': {1..100}' 2>&1
}

# expect NAME CONF PATTERN LINES
expect()
{
	local text lines

	text=$(says "$2")
	lines=$(printf '%s' "$text" | grep -c '')
	[[ $text =~ $3 && $lines -eq $4 ]]
	report "$1" $?
	[[ $text =~ $3 && $lines -eq $4 ]] || printf '# %s\n' "$text"
}

echo "TAP version 13"
expect "silent by default" "" "^$" 0
expect "silent with good values" \
	"reserve_min=8M,reserve_max=256M,factor=2.0,interval=2ms,decay=10s,backend=auto,thp=auto,background=1,verbose=0,stats=0" \
	"^$" 0
expect "verbose alone" "verbose" "^hermes-u: reserve from " 1
expect "verbose=1" "verbose=1" "^hermes-u: reserve from " 1
expect "backend=anon" "backend=anon,verbose" "no reserve, anonymous memory: HERMES_CONF asks" 1
expect "backend=populate" "backend=populate,verbose" "reserve from anonymous memory, populated ahead: HERMES_CONF" 1
expect "background=0" "background=0,backend=populate,verbose" "no reserve, anonymous memory: " 1
expect "bad batch" "batch=65K" "batch is ignored: 4K to 2M, a power of two, such as 64K" 1
expect "bad misuse" "misuse=ignore" "misuse is ignored: abort or report" 1
expect "bad thp" "thp=2M" "thp is ignored: auto, always or never" 1
expect "stats" "stats=1" "^hermes-u: stats: hits=.* live_bytes=[1-9]" 1
expect "stats as JSON" "stats=json" '^\{"version":.*"pages":\{.*\}\}$' 1
expect "bad stats" "stats=yes" "stats is ignored: 0, 1 or json" 1
expect "latency=off" "latency=off" "^$" 0
expect "latency=all" "latency=all" "^$" 0
expect "bad latency" "latency=fast" "latency is ignored: off, slow or all" 1
expect "bad stats_file" "stats_file=here" "stats_file is ignored: auto, off, or the absolute" 1
expect "unknown key" "frobnicate=1,verb=2" "unknown key is ignored.*reserve_min" 1
expect "bad size" "reserve_min=8X" "reserve_min is ignored: 0 to" 1
expect "size overflow" "reserve_max=99999999999999999999999G" "reserve_max is ignored" 1
expect "bad time" "interval=1us" "interval is ignored: 500us to 1s" 1
expect "time without unit" "decay=10" "decay is ignored" 1
expect "decay=never" "decay=never" "^$" 0
expect "decay=0" "decay=0" "^$" 0
expect "bad factor" "factor=100" "factor is ignored: 0.01 to 10" 1
expect "bad backend" "backend=windows" "backend is ignored: auto, kmod, populate or anon" 1
expect "min above max" "reserve_min=9M,reserve_max=8M" "above reserve_max" 1
expect "garbage" ",,,=,==,a=b=c,," "unknown key" 1
expect "the good part of a bad line counts" "nonsense,verbose" "unknown key.*reserve from" 2

LD_PRELOAD=$library sh -c 'echo out; echo err >&2' >/dev/null 2>&1
report "a shell runs" $?
[[ $(LD_PRELOAD=$library ls / 2>&1) == "$(ls /)" ]]
report "stdout is left alone" $?
# stdin, stdout and stderr closed: nothing to report to, nothing breaks.
HERMES_CONF=verbose,stats,bad LD_PRELOAD=$library /bin/ls / <&- >&- 2>&-
[[ $? -le 2 ]]
report "closed descriptors" $?

# A program with the privileges of its file does not listen to its user's environment.
set_user_id()
{
	local name="a set-user-ID program ignores HERMES_CONF" dir text status=0

	if [[ $EUID -ne 0 ]]; then
		skip "$name" "not root"
		return
	fi
	dir=$(mktemp -d -p /tmp)
	chmod 755 "$dir"
	cp "$static" "$dir/program"
	chmod 755 "$dir/program"
	text=$(as_nobody "$dir/program" secure 2>&1)
	[[ $? -eq 1 && $text == *"reserve from"* ]] || status=1
	chmod 4755 "$dir/program"
	text=$(as_nobody "$dir/program" secure 2>&1)
	case $? in
	0) [[ -z $text && $status -eq 0 ]]; report "$name" $? ;;
	1) skip "$name" "no set-user-ID programs in $dir" ;;
	*) report "$name" 1 ;;
	esac
	rm -rf "$dir"
}

as_nobody()
{
	HERMES_CONF=verbose setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

set_user_id

# Loaded late, the library serves those who ask it, beside the program's own malloc.
late=$(/usr/bin/python3 -c '
import ctypes, sys
h = ctypes.CDLL(sys.argv[1])
h.malloc.restype = h.realloc.restype = ctypes.c_void_p
h.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
h.free.argtypes = [ctypes.c_void_p]
p = [h.malloc(i * 10) for i in range(1, 5000)]
for i, q in enumerate(p): ctypes.memset(q, i % 251, (i + 1) * 10)
p = [h.realloc(q, 20 * (i + 1)) for i, q in enumerate(p)]
print(all(ctypes.string_at(q, (i + 1) * 10) == bytes([i % 251]) * ((i + 1) * 10) for i, q in enumerate(p)))
for q in p: h.free(q)
h.hermes_u_version.restype = ctypes.c_char_p
print(h.hermes_u_version().decode())' "$library" 2>&1)
[[ $late == $'True\n'[0-9]* ]]
report "the library loaded by dlopen()" $?
echo "1..$tests"
