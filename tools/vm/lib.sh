# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Shared by the scripts of tools/vm: kernels, cache, locks, messages. Sourced, not run.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # used by those who source this
repo_dir=$(cd "$vm_dir/../.." && pwd)
cache_dir=${HERMES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hermes}

say()
{
	printf 'vm: %s\n' "$*" >&2
}

# Exit status 125: the VM itself failed, not the command in it.
die()
{
	say "$*"
	exit 125
}

# Debian release that a kernel series is run on, and the suite its packages come from.
kernel_release()
{
	case $1 in
	6.1) echo "bookworm bookworm" ;;
	6.12) echo "bookworm bookworm-backports" ;;
	7.2) echo "sid sid" ;;
	7.3) echo "trixie trixie-backports" ;;
	*) die "unknown kernel \"$1\" (known: 6.1 6.12 7.2 7.3)" ;;
	esac
}

# Re-runs the calling script through sudo where it must be root. The cache stays the user's.
need_root()
{
	[[ $EUID -ne 0 ]] || return 0
	mkdir -p "$cache_dir"
	command -v sudo >/dev/null || die "$(basename "$0") must be run as root (and there is no sudo)"
	exec sudo HERMES_CACHE="$cache_dir" "$0" "$@"
}

need_tools()
{
	local tool

	for tool; do
		command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null ||
			die "$tool is missing: run tools/setup/install.sh"
	done
}

# Takes lock file $1 as descriptor number $2, in mode -x or -s ($3); says so when it has to wait.
take_lock()
{
	local file=$1 fd=$2 mode=$3

	mkdir -p "$(dirname "$file")"
	eval "exec $fd>>\"\$file\""
	flock -n "$mode" "$fd" && return
	say "waiting for another run (lock $file)"
	flock "$mode" "$fd"
}

# The image of a kernel is named after everything that goes into it.
recipe_hash()
{
	(cd "$vm_dir" && kernel_release "$1" && cat recipe/*) | sha256sum | cut -c1-12
}

image_path()
{
	echo "$cache_dir/vm/$1-$(recipe_hash "$1")"
}
