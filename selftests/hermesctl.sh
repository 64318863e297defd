#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hermesctl against the real module: what one command does another one shows, and errors say what to do.
# usage: selftests/hermesctl.sh     (TAP on stdout; HERMESCTL names the program)
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
hermesctl=${HERMESCTL:-$here/../out/tools/hermesctl}
work=$(mktemp -d)
group=/sys/fs/cgroup/hermesctl-test
sub=$group/sub
program=
tests=0
failures=0

skip_all()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit 4
}

clean_up()
{
	[[ -z $program ]] || kill "$program" 2>/dev/null
	rmdir "$sub" "$group" 2>/dev/null
	rm -rf "$work"
}

[[ -c /dev/hermes ]] || skip_all "/dev/hermes is not there"
[[ -x $hermesctl ]] || skip_all "$hermesctl is not there"
hermesctl=$(realpath "$hermesctl")
trap clean_up EXIT
cd "$work" || exit 1
mkdir -p "$group"
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
echo +memory >"$group/cgroup.subtree_control"
mkdir -p "$sub"

ctl()
{
	"$hermesctl" "$@"
}

# exits STATUS ARGUMENT...: output goes to out and err
exits()
{
	local want=$1 status=0

	shift
	ctl "$@" >out 2>err || status=$?
	[[ $status -eq $want ]] && return
	echo "# hermesctl $*: exit status $status, not $want: $(head -n 1 err)"
	return 1
}

# says REGEX FILE
says()
{
	grep -qE -- "$1" "$2" && return
	echo "# no '$1' in $2:"
	head -n 5 "$2" | sed 's/^/#   /'
	return 1
}

# value PYTHON ARGUMENT...: of what the command says as JSON, named d
value()
{
	local what=$1

	shift
	ctl --json "$@" | python3 -c "import json, sys; d = json.load(sys.stdin); print($what)"
}

check()
{
	tests=$((tests + 1))
	if "$1"; then
		echo "ok $tests $1"
	else
		failures=$((failures + 1))
		echo "not ok $tests $1"
	fi
}

status_shows_the_machine()
{
	exits 0 status && [[ ! -s err ]] && says "[Mm]emory" out &&
		[[ $(value "d['totals']['memory']" status) -gt $((64 << 20)) ]]
}

# A registration survives the tool, is shown as it was made, and is changed and ended by name.
best_effort()
{
	exits 0 be add "$group" weight=300 min=4M anon=yes && exits 1 be add "$group" && says "registered" err &&
		[[ $(value "[(c['weight'], c['min'], c['anon']) for c in d['cgroups'] if c['path'] == '/hermesctl-test']" \
			cgroups) == "[(300, 4194304, True)]" ]] &&
		exits 0 be set "$group" weight=200 &&
		[[ $(value "[(c['weight'], c['min']) for c in d['cgroups']]" cgroups) == "[(200, 4194304)]" ]] &&
		exits 0 be del "$group" && exits 1 be del "$group" && [[ $(value "d['cgroups']" cgroups) == "[]" ]]
}

latency_critical()
{
	exits 0 lc add "$sub" && exits 0 cgroups && says "/hermesctl-test/sub" out && exits 0 lc del "$sub"
}

bad_registrations()
{
	exits 1 be add "$work" && says "cgroup" err && exits 1 be add "$group/none" && says "none" err &&
		exits 1 be add "$group" weight=0 && says "weight.*1 to 10000" err && exits 2 be add &&
		exits 2 be add "$group" colour=red
}

# All that is given or nothing, and what is shown can be given back.
policy()
{
	local before

	before=$(ctl policy get) && exits 0 policy set step=1M cpu=10% && exits 0 policy get && says "step=1M" out &&
		exits 1 policy set step=2M cpu=1000% && says "cpu" err && exits 0 policy get && says "step=1M" out || return
	# shellcheck disable=SC2086 # arguments
	exits 0 policy set $before && [[ $(ctl policy get) == "$before" ]]
}

# The decision is made for the free memory that is asked about.
dry_run()
{
	exits 0 be add "$group" && exits 0 dry-run --free 1T && says "[Ee]nough|above" out &&
		exits 0 dry-run --free 0 && exits 0 be del "$group" && exits 0 dry-run --free 0 && says "best-effort" out
}

start_program()
{
	"$hermesctl" run --reserve 8M:32M --cgroup "$sub" --lc -- sleep 300 </dev/null >run.out 2>&1 &
	program=$!
	for ((i = 0; i < 600; i++)); do
		! grep -q /dev/hermes "/proc/$program/maps" 2>/dev/null || return 0
		sleep 0.1
	done
	echo "# $program does not use /dev/hermes: $(head -n 1 run.out)"
	return 1
}

end_program()
{
	kill "$program"
	wait "$program" 2>/dev/null
	program=
}

# The program has its reserve, in its cgroup, which is left alone.
run_enrols()
{
	start_program && grep -qx "0::/hermesctl-test/sub" "/proc/$program/cgroup" &&
		[[ $(value "[(c['min_bytes'], c['max_bytes'], c['cgroup_path']) for c in d['clients'] if c['pid'] == $program]" \
			reserves) == "[(8388608, 33554432, '/hermesctl-test/sub')]" ]] &&
		exits 0 cgroups && says "/hermesctl-test/sub" out
}

reserve_set()
{
	exits 0 reserve set "$program" max=16M &&
		[[ $(value "[(c['min_bytes'], c['max_bytes']) for c in d['clients'] if c['pid'] == $program]" reserves) == \
			"[(8388608, 16777216)]" ]] &&
		exits 1 reserve set "$program" min=17M && says "minimum" err &&
		exits 1 reserve set 1 max=16M && exits 2 reserve set "$program" max=lots
}

explain_names_it()
{
	exits 0 explain && exits 0 explain "$program" && says "$program" out
}

metrics_are_prometheus()
{
	exits 0 metrics && says "^hermes_client_ready_bytes\{.*pid=\"$program\"" out && ! grep -qvE \
		'^(# (HELP|TYPE) [a-z_]+ .*|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+)$' out
}

top_is_text()
{
	exits 0 top --count 2 --interval 0.2 && [[ -s out ]] && ! grep -q $'\x1b' out
}

# The cgroup is gone, and its registration, and the one who watches is told.
watch_tells()
{
	local watcher status=0

	"$hermesctl" watch --count 1 --timeout 60 </dev/null >watch.out 2>&1 &
	watcher=$!
	# It listens once it has its socket in the group.
	for ((i = 0; i < 100; i++)); do
		! awk -v pid="$watcher" '$2 == 16 && $3 == pid && $4 != "00000000" { f = 1 } END { exit !f }' \
			/proc/net/netlink || break
		sleep 0.1
	done
	end_program
	rmdir "$sub" || return 1
	wait "$watcher" || status=$?
	[[ $status -eq 0 ]] && says "/hermesctl-test/sub .*removed" watch.out && [[ $(value "d['cgroups']" cgroups) == "[]" ]]
}

# Everybody may read; changes are for those who have the right.
unprivileged()
{
	local user=(setpriv --reuid 1000 --regid 1000 --clear-groups)

	cp "$hermesctl" "$work/ctl" && chmod 755 "$work" "$work/ctl" &&
		"${user[@]}" "$work/ctl" status >out 2>err && says "[Mm]emory" out &&
		! "${user[@]}" "$work/ctl" policy set enabled=no 2>err && says "CAP_SYS_ADMIN|ermi" err &&
		! "${user[@]}" "$work/ctl" be add "$group" 2>err && says "memory.reclaim|ermi" err
}

# Without the module it says so and what to do; run runs the program all the same.
without_the_module()
{
	local module=${HERMES_KO:-/run/hermes/hermes.ko} status=0

	rmmod hermes || return 1
	exits 3 status && says "modprobe|insmod|load" err && exits 3 be add "$group" && exits 0 run -- echo served &&
		says "^served$" out || status=1
	insmod "$module" && exits 0 status && return "$status"
}

echo "TAP version 13"
for name in status_shows_the_machine best_effort latency_critical bad_registrations policy dry_run run_enrols \
	reserve_set explain_names_it metrics_are_prometheus top_is_text watch_tells unprivileged without_the_module; do
	check "$name"
done
echo "1..$tests"
[[ $failures -eq 0 ]]
