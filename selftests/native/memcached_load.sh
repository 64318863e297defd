#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hermes-memcached-load: options, output, and that a fault is noticed. TAP on stdout.
# usage: memcached_load.sh DIRECTORY_OF_THE_TOOLS MAN_PAGES
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tap.sh
source "$here/tap.sh"
# shellcheck source=checks.sh
source "$here/checks.sh"

tools=$(realpath "$1")
# shellcheck disable=SC2034 # of checks.sh
man=$(realpath "$2")
work=$(mktemp -d)
pid=
server_pid=
export LC_ALL=C PATH=$tools:$PATH
unset HERMES_CONF LD_PRELOAD

clean_up()
{
	# shellcheck disable=SC2086 # none where it is empty
	kill_all $pid $server_pid
	rm -rf "$work"
}
trap clean_up EXIT
cd "$work" || exit 1

options()
{
	refuses hermes-memcached-load <<-EOF
		--frobnicate
		--count 10
		--rate 0
		--rate 10 operand
		--rate 10 --port 65536
		--rate 10 --count 0
		--rate 10 --connections 257
		--rate 10 --duration 0.01
		--rate 10 --value-size 0
		--rate 10 --count 10 --warmup 10
		--rate 10 --reads 100
		--rate 10 --pipeline 2
		--rate 10 --arrival bursts
		--rate 10 --verify most
	EOF
}

help_and_man_pages()
{
	help_and_man_page hermes-memcached-load
}

# Debian's server from the cache or installed, in $server
find_server()
{
	local unpacked

	unpacked=$("$here/../../tools/setup/unpack.sh" 2>unpack.log) || unpacked=
	server=$unpacked/usr/bin/memcached
	[[ -x $server ]] || server=$(command -v memcached)
}

listening()
{
	[[ -S memcached.sock ]] || ! kill -0 "$server_pid"
}

# start_server OPTION...: an empty server at memcached.sock
start_server()
{
	stop_server
	rm -f memcached.sock
	"$server" -u "$(id -un)" -s "$work/memcached.sock" -t 2 "$@" >memcached.log 2>&1 &
	server_pid=$!
	wait_for listening && [[ -S memcached.sock ]]
}

stop_server()
{
	[[ -n $server_pid ]] || return 0
	kill -KILL "$server_pid" 2>/dev/null
	wait "$server_pid" 2>/dev/null
	server_pid=
}

# load STATUS OPTION...: its exit status is STATUS; the JSON is in the file out
load()
{
	local status=$1

	shift
	exits "$status" hermes-memcached-load --socket memcached.sock --rate 20000 --json - "$@"
}

# talk COMMAND [KEY]: prints what the server answers to the command. With a KEY: as soon as that is there.
talk()
{
	python3 - "$@" <<-'END'
		import socket, sys, time

		s = socket.socket(socket.AF_UNIX)
		s.connect("memcached.sock")
		lines = s.makefile("rwb")

		def answer(command):
		    lines.write(command + b"\r\n")
		    lines.flush()
		    while True:
		        line = lines.readline()
		        yield line
		        if line.split()[0] in (b"END", b"STORED", b"DELETED"):
		            return

		while sys.argv[2:] and len(list(answer(b"get " + sys.argv[2].encode()))) == 1:
		    time.sleep(0.01)
		command = sys.argv[1].encode().decode("unicode_escape").encode()
		for line in answer(command):
		    print(line.decode("latin-1").rstrip())
	END
}

# The server's count $1.
statistic()
{
	talk stats | awk -v name="$1" '$2 == name { print $3 }'
}

json()
{
	start_server &&
		load 0 --count 500 --warmup 100 --value-size 3000 --verify all --pid "$server_pid" --label x &&
		holds out '.tool == "hermes-memcached-load" and .label == "x" and .errors == 0' &&
		holds out '.count == 500 and .latency_ns.count == 400 and .send_lag_ns.count == 400' &&
		holds out '.verified == 500 and .wrong == 0 and .gets == 0 and .misses == 0' &&
		holds out '.elapsed_s > 0.01 and .process.vm_rss_kib > 0' &&
		holds out "$monotone" &&
		json_is_documented out hermes-memcached-load.1 &&
		[[ $(statistic cmd_set) -eq 500 && $(statistic curr_items) -eq 500 ]] &&
		[[ $(talk 'get key:00000000000001f3' | head -n 1) == "VALUE key:00000000000001f3 0 3000" ]]
}

variants()
{
	start_server &&
		load 0 --count 1000 --keys 64 --connections 5 --arrival uniform --verify all &&
		holds out '.verified == 64 and .wrong == 0' && [[ $(statistic curr_items) -eq 64 ]] &&
		load 0 --duration 0.02 --verify sample --sample 50 &&
		holds out '.count == 400 and .verified == 50 and .wrong == 0' &&
		load 0 --count 3 --connections 8 && holds out '.verified == 0 and .process == null' &&
		load 0 --count 4 --value-size 1000K --verify all && holds out '.wrong == 0'
}

# Reads find what was stored before; the keys are right in the end, also those stored several times.
reads()
{
	start_server &&
		load 0 --count 2000 --reads 75 --keys 100 --connections 7 --verify all &&
		holds out '.reads == 75 and .gets > 1400 and .gets < 1600 and .misses == 0' &&
		holds out '.latency_ns.count == 2000 and .verified == 100 and .wrong == 0' &&
		[[ $(statistic get_misses) -eq 7 ]] && # the first, of each connection
		[[ $(statistic cmd_set) -eq $((2000 - $(jq .gets out))) ]]
}

stored()
{
	[[ $(statistic cmd_set) -ge $1 ]]
}

pause_server()
{
	kill -STOP "$server_pid"
}

# A late reply makes what comes due meanwhile late, from its scheduled time on.
stall()
{
	start_server || return
	timeout "$limit" hermes-memcached-load --socket memcached.sock --connections 2 --rate 100 --count 500 \
		--arrival uniform --json - >out 2>err &
	pid=$!
	wait_for stored 5 && pause_server && sleep 0.4
	kill -CONT "$server_pid"
	wait "$pid" || return
	pid=
	holds out '.latency_ns.count == 500 and .latency_ns.max > 300e6 and .latency_ns.p95 > 50e6' &&
		holds out '.send_lag_ns.max > 200e6'
}

# One key is changed as soon as it is stored; the load goes on for seconds, and sees it in the end.
change()
{
	local result=0

	start_server || return
	timeout "$limit" hermes-memcached-load --socket memcached.sock --connections 1 --rate 10 --count 40 \
		--value-size 8 --verify all --json - >out 2>err &
	pid=$!
	talk "$1" key:0000000000000000 >/dev/null || return
	wait "$pid" || result=$?
	pid=
	[[ $result -eq 3 ]] || return
	holds out '.verified == 40 and .wrong == 1 and .errors == 0' &&
		grep -qx 'hermes-memcached-load: 1 of 40 keys came back wrong' err
}

mismatch()
{
	change 'set key:0000000000000000 0 0 8\r\n@@@@@@@@' &&
		change 'append key:0000000000000000 0 0 1\r\n@' &&
		change 'delete key:0000000000000000'
}

# A server that has dropped keys.
dropped()
{
	start_server -m 2 && load 3 --count 8000 --value-size 2000 --verify all &&
		holds out '.errors == 0 and .verified == 8000 and .wrong > 1000' &&
		start_server -m 2 && load 0 --count 16000 --value-size 2000 --reads 50 &&
		holds out '.errors == 0 and .misses > 100 and .misses < .gets'
}

errors()
{
	exits 1 hermes-memcached-load --socket nowhere.sock --rate 100 --count 1 &&
		grep -q '^hermes-memcached-load: connect to nowhere.sock: .*: No such file or directory$' err &&
		exits 1 hermes-memcached-load --port 1 --rate 100 --count 1 &&
		grep -q '^hermes-memcached-load: connect to 127.0.0.1, port 1: CONNECTION FAILURE$' err &&
		start_server && load 1 --count 20 --value-size 1M &&
		holds out '.errors == 20 and .count == 20' &&
		grep -q '^hermes-memcached-load: 20 error replies, the first: ITEM TOO BIG$' err &&
		load 3 --count 20 --value-size 1M --verify all && holds out '.wrong == 20'
}

# lost COMMAND...: what the load does when that happens to the server while it runs
lost()
{
	local result=0

	start_server || return
	timeout "$limit" hermes-memcached-load --socket memcached.sock --rate 100 --count 100000 --timeout 1 \
		>out 2>err &
	pid=$!
	wait_for stored 5 || return
	"$@"
	wait "$pid" || result=$?
	pid=
	[[ $result -eq 1 && ! -s out && $(wc -l <err) -eq 1 ]] &&
		grep -qE '^hermes-memcached-load: connection lost after [0-9]+ of 100000 replies: .' err
}

lost_and_stuck()
{
	lost stop_server && lost pause_server
}

echo "TAP version 13"
check "hermes-memcached-load: bad options" options
check "hermes-memcached-load: options and man page agree" help_and_man_pages
if ! command -v jq python3 >/dev/null; then
	skip "hermes-memcached-load" "no jq or python3"
elif ! find_server; then
	sed 's/^/# /' unpack.log
	skip "hermes-memcached-load" "no memcached"
else
	for name in json variants reads stall mismatch dropped errors lost_and_stuck; do
		check "hermes-memcached-load: $name" "$name"
	done
fi
echo "1..$tests"
