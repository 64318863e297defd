#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The statistics file and hermes-u-stat, from outside the process. TAP on stdout.
# usage: observe.sh LIBRARY DIRECTORY_OF_THE_TOOLS DIRECTORY_OF_THE_TESTS
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

library=$(realpath "$1")
stat=$(realpath "$2")/hermes-u-stat
observe=$(realpath "$3")/test_observe
work=$(mktemp -d -p /dev/shm)
disk=$(mktemp -d)
pid=
unset HERMES_CONF LD_PRELOAD
export LC_ALL=C

clean_up()
{
	[[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null
	rm -rf "$work" "$disk"
}
trap clean_up EXIT
cd "$work" || exit 1

check()
{
	local status=0

	"$1" || status=1
	[[ $status -eq 0 ]] || head -n 5 out err 2>/dev/null | cut -c 1-300 | sed 's/^/# /'
	report "${1//_/ }" "$status"
}

# start CONF MODE: test_observe with stdin from a pipe that end() closes
start()
{
	mkfifo in
	HERMES_CONF=$1 "$observe" "$2" <in >started &
	pid=$!
	exec 3>in
	rm in
}

end()
{
	exec 3>&-
	wait "$pid"
	pid=
}

# wait_for COMMAND...: until it succeeds
wait_for()
{
	local i

	for ((i = 0; i < 300; i++)); do
		"$@" 2>/dev/null && return
		sleep 0.1
	done
	echo "# in vain: $*"
	return 1
}

one_file()
{
	compgen -G "$work/files/hermes-u.$pid.*" >/dev/null
}

# value FILTER: of the file of $pid
value()
{
	"$stat" --json files/hermes-u."$pid".* 2>err | jq -e "$1"
}

# Every reading is whole JSON, and nothing that counts ever decreases.
read_while_threads_hammer()
{
	local i last=0 now status=0

	start "stats_file=$work/files,latency=all" hammer
	wait_for one_file && wait_for value '.latency_ns."all.le_1k".count > 1000' >/dev/null || status=1
	for ((i = 0; i < 20; i++)); do
		now=$(value '.latency_ns["all.le_1k","all.le_8k","slow.le_256k"].count' | paste -sd+ | bc)
		[[ $now -ge $last && $now -gt 0 ]] || status=1
		last=$now
	done
	[[ $(value .running) == true && $(value .command) == '"test_observe"' ]] || status=1
	[[ $(value .pid) -eq $pid && $(stat -c %a files/*) == 440 ]] || status=1
	"$stat" "$pid" >out 2>err && grep -q "^all.le_1k " out || status=1
	end
	return "$status"
}

removed_at_exit()
{
	[[ -z $(ls files) ]]
}

killed_process_leaves_a_stale_file()
{
	local status=0 file

	start "stats_file=$work/files" hammer
	wait_for one_file || status=1
	file=$(echo files/*)
	kill -KILL "$pid"
	end 2>/dev/null
	"$stat" "$file" >out 2>err && grep -q "stale: the process has ended" out || status=1
	[[ $("$stat" --json "$file" | jq .running) == false ]] || status=1
	rm "$file"
	return "$status"
}

# 100 in the parent, 100 in the child, each in its own file.
child_has_its_own_file()
{
	local parent child status=0 count='.latency_ns."slow.le_256k".count'

	start "stats_file=$work/files" fork
	wait_for test -s started || status=1
	read -r parent child <started
	[[ $(compgen -G "files/*" | wc -l) -eq 2 ]] || status=1
	[[ $("$stat" --json files/hermes-u."$parent".* | jq "$count") -eq 100 ]] || status=1
	[[ $("$stat" --json files/hermes-u."$child".* | jq "$count") -eq 100 ]] || status=1
	[[ $("$stat" --json files/hermes-u."$child".* | jq '.values.live_bytes >= 1048576') == true ]] || status=1
	end
	rm -f files/hermes-u."$child".*
	return "$status"
}

# A program that runs with stats_file=$1, and what it says.
runs()
{
	HERMES_CONF=stats_file=$1 LD_PRELOAD=$library bash -c 'ls -A "$0" >out; : {1..100}; exit 7' "$work/files" 2>err
	[[ $? -eq 7 ]]
}

a_file_by_name()
{
	runs "$work/files/mine" && grep -qx mine out && [[ ! -s err && ! -e files/mine ]]
}

stale_file_is_replaced()
{
	local status=0

	start "stats_file=$work/files/mine" hammer
	wait_for test -s files/mine || status=1
	# In use by a running process: not touched.
	runs "$work/files/mine" && [[ ! -s err && $("$stat" --json files/mine | jq .pid) -eq $pid ]] || status=1
	kill -KILL "$pid"
	end 2>/dev/null
	runs "$work/files/mine" && [[ ! -s err && ! -e files/mine ]] || status=1
	return "$status"
}

links_are_not_followed()
{
	echo precious >precious
	ln -s ../precious files/mine
	runs "$work/files/mine" && [[ $(<precious) == precious && -L files/mine ]] &&
		grep -q "stats_file is ignored: the file exists" err || return 1
	ln -sf ../new files/mine
	runs "$work/files/mine" && [[ ! -e new ]] && ! "$stat" files/mine 2>err &&
		grep -q "a symbolic link" err || return 1
	rm files/mine
}

foreign_file_is_kept()
{
	echo precious >files/mine
	runs "$work/files/mine" && [[ $(<files/mine) == precious ]] && grep -q "file exists" err || return 1
	rm files/mine
}

only_on_tmpfs()
{
	runs "$disk" && grep -qx "hermes-u: stats_file is ignored: not on a tmpfs" err && [[ -z $(ls "$disk") ]]
}

no_such_directory()
{
	runs "$work/none/mine" && grep -q "no such directory" err
}

off()
{
	runs off && [[ ! -s out && ! -s err ]]
}

# Neither SIGXFSZ nor SIGBUS.
no_space()
{
	(ulimit -f 8; runs "$work/files") && grep -q "no space" err && [[ -z $(ls files) ]]
}

full_tmpfs()
{
	mkdir -p small
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m bash -c 'mount -t tmpfs -o size=16k none small && HERMES_CONF=stats_file=$PWD/small \
		LD_PRELOAD=$0 bash -c ": {1..100}; exit 7"; [[ $? -eq 7 && -z $(ls small) ]]' "$library" 2>err &&
		grep -q "no space" err
}

no_descriptor_stays_open()
{
	# shellcheck disable=SC2016
	HERMES_CONF=stats_file=$work/files LD_PRELOAD=$library bash -c ': {1..100}; ls -l /proc/$$/fd' >out 2>err
	! grep -q hermes-u out
}

# The file of a program before execve() is replaced by the program after it.
exec_keeps_one_file()
{
	# shellcheck disable=SC2016
	HERMES_CONF=stats_file=$work/files LD_PRELOAD=$library bash -c \
		': {1..100}; exec bash -c ": {1..100}; set -- $0/*; echo \$#"' "$work/files" >out 2>err
	[[ $(<out) -eq 1 && ! -s err && -z $(ls files) ]]
}

# garbage PATTERN: the file "bad" is refused with that message
garbage()
{
	! "$stat" bad >out 2>err && [[ ! -s out ]] && grep -qE "bad: $1" err && return
	echo "# not: $1"
	return 1
}

# patch OFFSET BYTES: in the file "bad"
patch()
{
	printf '%b' "$2" | dd of=bad bs=1 seek="$1" conv=notrunc status=none
}

garbage_is_refused()
{
	local status=0 good

	start "stats_file=$work/files" hammer
	wait_for one_file || status=1
	good=$(echo files/*)
	: >bad; garbage "not a statistics file: 0 bytes" || status=1
	head -c 60 "$good" >bad; garbage "not a statistics file: 60 bytes" || status=1
	head -c 90000 "$good" >bad; garbage "truncated: 90000 of [0-9]+ bytes" || status=1
	head -c 90000 /dev/urandom >bad; garbage "not a statistics file: wrong magic" || status=1
	cp "$good" bad; chmod 600 bad; patch 8 '\x02'; garbage "version 2 of the format; .* version 1" || status=1
	cp -f "$good" bad; chmod 600 bad; patch 48 '\xff\xff\xff'; garbage "corrupt: the entries lie" || status=1
	cp -f "$good" bad; chmod 600 bad; patch 64 '\xff'; garbage "corrupt: the shards lie" || status=1
	cp -f "$good" bad; chmod 600 bad; patch 148 '\xff\xff\xff'; garbage "corrupt: entry 0 .hits." || status=1
	cp -f "$good" bad; chmod 600 bad; patch 112 '\x00'; garbage "corrupt: entry 0 has no name" || status=1
	rm bad; mkfifo bad; garbage "not a regular file" || status=1
	rm bad; garbage "No such file" || status=1
	end
	return "$status"
}

json_at_exit()
{
	HERMES_CONF=stats=json,latency=all LD_PRELOAD=$library bash -c ': {1..100}' 2>out
	jq -e '.counters.slow_allocs > 0 and .latency_ns.all.le_128.count > 10 and .latency_ns.pages.grow.count == 1 and
		([.latency_ns.slow[].count] | add) == .counters.slow_allocs' out >/dev/null
}

options()
{
	"$stat" --help >out && grep -q Usage out && "$stat" --version >out && grep -q '^hermes-u-stat [0-9]' out &&
		! "$stat" --nonsense >out 2>err && ! "$stat" 999999999 >out 2>err &&
		grep -q "process 999999999 has no statistics file" err
}

echo "TAP version 13"
mkdir files
if ! command -v jq >/dev/null; then
	skip "everything" "needs jq"
	echo "1..$tests"
	exit
fi
check read_while_threads_hammer
check removed_at_exit
check killed_process_leaves_a_stale_file
check child_has_its_own_file
check a_file_by_name
check stale_file_is_replaced
check links_are_not_followed
check foreign_file_is_kept
check only_on_tmpfs
check no_such_directory
check off
check no_space
if [[ $(id -u) -eq 0 ]]; then
	check full_tmpfs
else
	skip "full tmpfs" "needs root"
fi
check no_descriptor_stays_open
check exec_keeps_one_file
check garbage_is_refused
check json_at_exit
check options
echo "1..$tests"
