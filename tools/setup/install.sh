#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Installs the Debian packages that the project needs and that are missing; silent when all are there.
# usage: tools/setup/install.sh [--check] [--list NAME]
#   --check      only say what is missing (exit status 1)
#   --list NAME  the packages of tools/setup/NAME instead of those of tools/setup/packages
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list=$here/packages
check=

die()
{
	printf 'setup: %s\n' "$*" >&2
	exit 1
}

# Prints the packages of the list that are not installed, one a line.
missing_packages()
{
	local wanted

	wanted=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$list" | sort -u)
	# dpkg-query fails for names that dpkg never heard of: those are missing too
	comm -23 <(printf '%s\n' "$wanted") \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
			sed -n 's/^installed //p' | sort -u)
}

# As root, or through sudo.
as_root()
{
	if [[ $EUID -eq 0 ]]; then
		"$@"
	else
		sudo "$@"
	fi
}

apt()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >&2
}

while [[ $# -gt 0 ]]; do
	case $1 in
	--check) check=1; shift ;;
	--list) list=$here/${2:?--list needs a value}; shift 2 ;;
	*) die "unknown option \"$1\"" ;;
	esac
done
[[ -r $list ]] || die "no list $list"
command -v dpkg-query >/dev/null ||
	die "no dpkg here: install by hand the equivalents of the packages in $list"

mapfile -t missing < <(missing_packages)
[[ ${#missing[@]} -gt 0 ]] || exit 0
printf 'setup: missing packages: %s\n' "${missing[*]}" >&2
[[ -z $check ]] || exit 1

if [[ $EUID -ne 0 ]] && ! command -v sudo >/dev/null; then
	die "not root and no sudo: run as root: apt-get install ${missing[*]}"
fi
apt update || die "apt-get update failed (see above): is the package mirror reachable?"
for package in "${missing[@]}"; do
	[[ -n $(apt-cache madison "$package" 2>/dev/null) ]] ||
		die "no package \"$package\" in this machine's apt sources (the list is for Debian 12)"
done
apt install -y --no-install-recommends "${missing[@]}" ||
	die "apt-get could not install: ${missing[*]} (see above)"
