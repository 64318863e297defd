# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the tests of the tools: what they check programs, JSON and man pages with. Files out and err in
# the working directory are what the last program said; $man is the directory of the man pages.
# shellcheck disable=SC2154 # man

limit=600 # seconds for what hangs

# A function of several checks joined by &&; shows what the last program said when one fails.
check()
{
	local status=0

	"$2" || status=1
	[[ $status -eq 0 ]] || head -n 20 out err 2>/dev/null | cut -c 1-200 | sed 's/^/# /'
	report "$1" "$status"
}

# exits STATUS COMMAND...: stdout goes to the file out, stderr to err
exits()
{
	local expected=$1 status=0

	shift
	timeout "$limit" "$@" >out 2>err </dev/null || status=$?
	[[ $status -eq $expected ]] && return
	echo "# exit status $status, not $expected: $*"
	return 1
}

# True for JSON in file $1 for which jq filter $2 holds.
holds()
{
	# jq is content with a file that has nothing in it.
	[[ -s $1 ]] && jq -e "$2" "$1" >/dev/null && return
	echo "# does not hold: $2"
	return 1
}

# Ends background processes; no name is passed where there is none.
kill_all()
{
	local p

	for p in "$@"; do
		kill -KILL "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
}

# wait_for COMMAND...: until it succeeds; only a fault takes $limit seconds, or a little more
wait_for()
{
	local i

	for ((i = 0; i < limit * 10; i++)); do
		"$@" && return
		sleep 0.1
	done
	echo "# in vain: $*"
	return 1
}

# Reads the lines from stdin as options that program $1 must refuse: status 2, one reason on stderr.
refuses()
{
	local program=$1 options status=0

	while read -r -a options; do
		exits 2 "$program" "${options[@]}" && [[ ! -s out ]] && grep -q "^$program: ." err &&
			continue
		echo "# accepted or unexplained: $program ${options[*]}"
		status=1
	done
	return "$status"
}

# help_and_man_page PROGRAM...: --help and --version go to stdout; the man page has every option of --help and
# no other.
help_and_man_page()
{
	local program status=0

	for program; do
		exits 0 "$program" --version && grep -qx "$program [0-9.]*" out &&
			exits 0 "$program" --help && [[ ! -s err ]] || status=1
		grep -oE '^  --[a-z-]+' out | tr -d ' ' | sort >options
		sed -nE '/^\.TP/ { n; s/\\-/-/g; s/^\.BI? (--[a-z-]+).*/\1/p }' "$man/$program.1" | sort |
			diff options - >differences && [[ -s options ]] && continue
		sed "s/^/# $program.1: /" differences
		status=1
	done
	return "$status"
}

# The members of JSON file $1 are the tags in section JSON of man page $2.
json_is_documented()
{
	jq -r 'paths(type != "object") | join(".")' "$1" | sort >members
	sed -nE '/^\.SH JSON/,/^\.SH [^J]/s/^\.B ([a-z][a-z0-9_.]*)$/\1/p' "$man/$2" | sort |
		diff members - >differences && [[ -s members ]] && return
	sed "s/^/# $2: /" differences
	return 1
}

# For holds: the percentiles of a result.
# shellcheck disable=SC2034 # used by those who source this
monotone='.latency_ns | .p50 <= .p75 and .p75 <= .p90 and .p90 <= .p95 and .p95 <= .p99 and
	.p99 <= .["p99.9"] and .["p99.9"] <= .["p99.99"] and .["p99.99"] <= .max and
	.mean <= .max and .mean > 0'
