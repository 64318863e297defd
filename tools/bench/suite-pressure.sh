# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # sourced by tools/bench/suite, after suite-cases.sh
# A memory cgroup that is full: of page cache, or of a best-effort job's anonymous memory. Version 1 or 2 of
# cgroups, whichever has the memory controller.

pressure_cgroup=
pressure_usage=
pressure_pid=
pressure_file=
# Why there is no pressure.
pressure_why=

# Sets pressure_cgroup and pressure_usage, or pressure_why.
find_cgroup()
{
	local root

	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	pressure_usage=memory.current
	if [[ -z $root ]] || ! grep -qw memory "$root/cgroup.controllers" 2>/dev/null; then
		root=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/mounts)
		pressure_usage=memory.usage_in_bytes
	fi
	if [[ -z $root ]]; then
		pressure_why="no cgroup hierarchy with the memory controller is mounted"
	elif ! mkdir "$root/hermes-bench.$$" 2>/dev/null; then
		pressure_why="no memory cgroup can be made in $root (not root?)"
	else
		pressure_cgroup=$root/hermes-bench.$$
		return
	fi
	return 1
}

# The file that is read: on a disk, and not in the page cache when the job starts, for only then are its pages
# charged to the job's cgroup.
make_file()
{
	local log=$1.log

	pressure_file=$1
	case $(stat -f -c %T "$(dirname "$1")") in
	tmpfs | ramfs) pressure_why="$(dirname "$1") is in memory: no page cache to reclaim"; return 1 ;;
	esac
	timeout 300 hermes-pressure --file "$1" --file-size "${pressure_file_mib}M" --file-rate 1M \
		>"$log" 2>&1 9>&- &
	pressure_pid=$!
	while ! grep -q ready "$log"; do
		if ! kill -0 "$pressure_pid" 2>/dev/null; then
			pressure_why="$(tail -n 1 "$log")"
			rm -f "$log"
			return 1
		fi
		sleep 0.1
	done
	stop_pressure
	rm -f "$log"
	dd of="$1" oflag=nocache conv=notrunc,fdatasync count=0 status=none
}

# Whether pressure of kind $1 (cache, anon) is possible here; sets pressure_why. $2: where the file may be.
pressure_possible()
{
	pressure_why=
	if [[ $1 == anon && $(awk '/^SwapFree:/ { print int($2 / 1024) }' /proc/meminfo) -lt 1024 ]]; then
		pressure_why="less than 1 GiB of swap is free"
		return 1
	fi
	[[ -n $pressure_cgroup ]] || find_cgroup || return
	[[ -n $pressure_file ]] || make_file "$2/pressure.data" || return
}

usage_mib()
{
	echo $(($(cat "$pressure_cgroup/$pressure_usage") >> 20))
}

# Starts the job of kind $1 and waits until the cgroup is full.
start_pressure()
{
	local job=(--file "$pressure_file" --file-size "${pressure_file_mib}M" --file-rate "$pressure_file_rate")
	local i

	[[ $1 == cache ]] || job+=(--anon "$pressure_anon")
	# With a limit: it must not outlive a suite that was killed for ever.
	timeout 900 hermes-pressure --cgroup "$pressure_cgroup" --memory-max "${pressure_limit_mib}M" "${job[@]}" \
		>/dev/null 2>&1 9>&- &
	pressure_pid=$!
	for ((i = 0; i < 300; i++)); do
		kill -0 "$pressure_pid" 2>/dev/null || break
		[[ $(usage_mib) -lt $((pressure_limit_mib - 16)) ]] || return 0
		sleep 0.1
	done
	pressure_why="the memory cgroup did not get full ($(usage_mib) of $pressure_limit_mib MiB)"
	stop_pressure
	return 1
}

# Ends the job; fails if it was not alive any more.
stop_pressure()
{
	local alive=0

	[[ -n $pressure_pid ]] || return 0
	kill -TERM "$pressure_pid" 2>/dev/null || alive=1
	wait "$pressure_pid" 2>/dev/null || alive=1
	pressure_pid=
	return "$alive"
}

clean_pressure()
{
	local i

	stop_pressure || true
	if [[ -n $pressure_cgroup ]]; then
		# What has just exited may still be in it.
		for ((i = 0; i < 50; i++)); do
			! rmdir "$pressure_cgroup" 2>/dev/null || break
			sleep 0.1
		done
	fi
	[[ -z $pressure_file ]] || rm -f "$pressure_file"
}
