# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the tests that preload the library, after tap.sh: a directory to work in, comparisons.

# preload_begin LIBRARY: from here on in a new directory, with a copy of the library that all may read
preload_begin()
{
	work=$(mktemp -d -p /tmp)
	chmod 755 "$work"
	trap preload_end EXIT
	cp "$1" "$work/libhermes-u.so.0"
	library=$work/libhermes-u.so.0
	cd "$work" || exit 1
	export LC_ALL=C TZ=UTC HOME=$work PYTHONHASHSEED=1 PERL_HASH_SEED=1 PYTHONDONTWRITEBYTECODE=1
	unset HERMES_CONF LD_PRELOAD
}

# Ends the servers whose process ids are in files *.pid; nothing is left behind.
preload_end()
{
	local file

	for file in "$work"/*.pid; do
		[[ ! -s $file ]] || kill -KILL "$(<"$file")" 2>/dev/null
	done
	rm -rf "$work"
}

have()
{
	local name=$1 program

	shift
	for program; do
		command -v "$program" >/dev/null && continue
		skip "$name" "no $program"
		return 1
	done
}

# compare NAME FUNCTION: the function's output and files, without and with the library
compare()
{
	local with status=0

	for with in plain hermes; do
		mkdir "$with"
		(
			cd "$with" || exit 1
			[[ $with == plain ]] || export LD_PRELOAD=$library HERMES_CONF=decay=100ms
			"$2"
		) >"$with.out" 2>"$with.err" || status=1
	done
	cmp -s plain.out hermes.out && diff -qr plain hermes >/dev/null || status=1
	[[ -s plain.out ]] || status=1
	if [[ $status -ne 0 ]]; then
		sed 's/^/# /' plain.err hermes.err | tail -n 20
		diff plain.out hermes.out | head -n 10 | sed 's/^/# /'
	fi
	report "$1" "$status"
	rm -rf plain hermes
}
