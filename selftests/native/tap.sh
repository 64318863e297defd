# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the shell tests: TAP lines with a running number.

tests=0

# report NAME STATUS
report()
{
	tests=$((tests + 1))
	if [[ $2 -eq 0 ]]; then
		echo "ok $tests $1"
	else
		echo "not ok $tests $1"
	fi
}

# skip NAME WHY
skip()
{
	tests=$((tests + 1))
	echo "ok $tests $1 # SKIP $2"
}
