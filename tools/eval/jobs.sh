# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tools/eval/guest.sh, after settings.sh
# The best-effort jobs: one for each setting, as large as the level says. They run in cgroup $best_effort
# and make memory short before a run begins.

job_pid=
job_kind=
job_started=

percent_of_memory_mib()
{
	awk -v percent="$1" '/^MemTotal:/ { print int($2 / 1024 * percent / 100) }' /proc/meminfo
}

mem_free_mib()
{
	awk '/^MemFree:/ { print int($2 / 1024) }' /proc/meminfo
}

# The name of the job of setting $1.
job_of()
{
	case $1 in
	dedicated) echo none ;;
	anon | cache | writeback | both) echo pressure ;;
	grep | kmeans | stress) echo "$1" ;;
	*) echo "unknown setting $1" >&2; return 1 ;;
	esac
}

# Becomes a command in the best-effort cgroup, the first victim of the OOM killer.
exec_job()
{
	echo "$BASHPID" >"$best_effort/cgroup.procs"
	echo 500 >"/proc/$BASHPID/oom_score_adj"
	exec "$@"
}

# Options of hermes-pressure for setting $1 with $2 MiB.
pressure_options()
{
	local file=(--file "$scratch/pressure" --file-rate "$job_file_rate")

	options=()
	case $1 in
	anon) options=(--anon "${2}M" --anon-rate "$job_anon_rate" --churn "$job_churn" --churn-rate "$job_churn_rate") ;;
	cache) options=("${file[@]}" --file-size "${2}M") ;;
	writeback) options=("${file[@]}" --file-size "${2}M" --write-rate "$job_write_rate") ;;
	both)
		options=("${file[@]}" --file-size "$(($2 / 2))M" --anon "$(($2 * 3 / 4))M" --anon-rate "$job_anon_rate"
			--churn "$job_churn" --churn-rate "$job_churn_rate")
		;;
	esac
}

# Text of $2 MiB in file $1, made once.
make_text()
{
	[[ $(stat -c %s "$1" 2>/dev/null || echo 0) -ge $(($2 << 20)) ]] ||
		head -c "$(($2 * 3 << 18))" /dev/urandom | base64 -w 99 >"$1"
}

# Searches and sorts the file over and over; a line in $job_log for each pass.
search_and_sort()
{
	local bytes

	bytes=$(stat -c %s "$1")
	echo ready
	while :; do
		LC_ALL=C grep -c 'hermes[0-9]' "$1" >/dev/null || true
		head -c $((bytes / 16)) "$1" | LC_ALL=C sort -S 16M -T "$scratch" | tail -n 1 >/dev/null
		echo "pass $((bytes + bytes / 16))"
	done
}

start_job()
{
	local mib options

	job_kind=$(job_of "$1")
	[[ $job_kind != none ]] || return 0
	mib=$(percent_of_memory_mib "$2")
	job_started=$EPOCHREALTIME
	: >"$job_log"
	case $job_kind in
	pressure)
		pressure_options "$1" "$mib"
		(exec_job hermes-pressure "${options[@]}") >"$job_log" 2>&1 &
		;;
	grep)
		make_text "$scratch/text" "$mib"
		(exec_job setsid bash -c "scratch=$scratch; $(declare -f search_and_sort); search_and_sort $scratch/text") \
			>"$job_log" 2>&1 &
		;;
	kmeans) (exec_job hermes-kmeans --size "${mib}M") >"$job_log" 2>&1 & ;;
	stress)
		(exec_job stress-ng --vm 1 --vm-bytes "${mib}M" --vm-keep --metrics-brief) >"$job_log" 2>&1 &
		;;
	esac
	job_pid=$!
	wait_for_job "$2"
}

job_alive()
{
	[[ -z $job_pid ]] || kill -0 "$job_pid" 2>/dev/null
}

# Until the job is ready and, if it asks for all memory or more, memory is short.
wait_for_job()
{
	local t

	for ((t = 0; t < short_wait_s; t++)); do
		job_alive || { echo "the best-effort job ended at once: $(tail -n 1 "$job_log")"; return 1; }
		if grep -q '^ready' "$job_log" || [[ $job_kind == stress && $t -ge 5 ]]; then
			[[ $1 -ge 100 && $(mem_free_mib) -gt $short_mib ]] || return 0
		fi
		sleep 1
	done
	echo "after $t s $(mem_free_mib) MiB are free: the pressure is too low"
	return 1
}

# How far the job came, as JSON.
job_progress()
{
	local seconds

	seconds=$(awk -v a="$job_started" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
	case $job_kind in
	pressure | kmeans) tail -n 1 "$job_log" ;;
	grep)
		awk -v s="$seconds" '/^pass/ { n++; bytes += $2 }
			END { printf "{\"elapsed_s\": %f, \"passes\": %d, \"file\": {\"bytes\": %.0f}}\n", s, n, bytes }' "$job_log"
		;;
	stress)
		awk -v s="$seconds" '$4 == "vm" && $5 + 0 > 0 { n = $5 }
			END { printf "{\"elapsed_s\": %f, \"passes\": %d}\n", s, n }' "$job_log"
		;;
	esac
}

# Ends the job; fails unless it was alive and well until now. Its account of its work goes to $1.
stop_job()
{
	local alive=1 signal=TERM

	[[ -n $job_pid ]] || return 0
	job_alive || alive=0
	# Its own process group; stress-ng prints its figures when it is interrupted.
	case $job_kind in
	grep) kill -TERM -- "-$job_pid" 2>/dev/null || kill -TERM "$job_pid" 2>/dev/null || true ;;
	stress) signal=INT; kill -INT "$job_pid" 2>/dev/null || true ;;
	*) kill -TERM "$job_pid" 2>/dev/null || true ;;
	esac
	wait "$job_pid" 2>/dev/null || [[ $signal == INT || $job_kind == grep ]] || alive=0
	job_pid=
	job_progress >"$1"
	[[ $alive -eq 1 ]] || { echo "the best-effort job did not live to the end"; return 1; }
}
