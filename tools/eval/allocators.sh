# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # sourced by tools/eval/guest.sh, after settings.sh
# What makes a program use an allocator.

# The library of a package in this system, by the beginning of its name.
library()
{
	local found

	for found in "/usr/lib/$(uname -m)-linux-gnu/$1"*; do
		[[ ! -e $found ]] || { echo "$found"; return; }
	done
	echo "no $1* in this system" >&2
	return 1
}

hermes_library()
{
	echo "$tools/libhermes-u.so.0"
}

uses_module()
{
	[[ $1 == hermes-kmod || $1 == hermes || $1 == hermes:* ]]
}

# Prints the environment of allocator $1 as assignments, one a line.
environment_of()
{
	local name=${1%+loop}

	case $name in
	glibc) echo LD_PRELOAD=libc.so.6 ;;
	glibc-tuned)
		echo LD_PRELOAD=libc.so.6
		printf 'GLIBC_TUNABLES=glibc.malloc.%s:glibc.malloc.%s:glibc.malloc.%s\n' \
			mmap_max=0 trim_threshold=1099511627776 top_pad=67108864
		;;
	jemalloc) echo "LD_PRELOAD=$(library libjemalloc.so.2)" ;;
	jemalloc-bg)
		echo "LD_PRELOAD=$(library libjemalloc.so.2)"
		echo MALLOC_CONF=background_thread:true,dirty_decay_ms:600000,muzzy_decay_ms:600000
		;;
	tcmalloc) echo "LD_PRELOAD=$(library libtcmalloc_minimal.so.4)" ;;
	mimalloc) echo "LD_PRELOAD=$(library libmimalloc.so.)" ;;
	mimalloc-eager)
		echo "LD_PRELOAD=$(library libmimalloc.so.)"
		# Of versions 2.0 and later; what one does not know it ignores.
		printf '%s\n' MIMALLOC_EAGER_COMMIT=1 MIMALLOC_EAGER_COMMIT_DELAY=0 MIMALLOC_PAGE_RESET=0 \
			MIMALLOC_ALLOW_DECOMMIT=0 MIMALLOC_PURGE_DELAY=-1
		;;
	ideal) printf '%s\n' "LD_PRELOAD=$tools/libideal.so" "IDEAL_BYTES=$ideal_bytes" ;;
	*) hermes_environment "$name" ;;
	esac
}

hermes_environment()
{
	local conf=$hermes_conf,stats=1

	case $1 in
	hermes-populate) conf+=,backend=populate ;;
	hermes-kmod | hermes) conf+=,backend=kmod ;;
	# The last value of a key counts.
	hermes:*) conf+=,backend=kmod,${1#hermes:} ;;
	*) echo "unknown allocator $1" >&2; return 1 ;;
	esac
	printf '%s\n' "LD_PRELOAD=$(hermes_library)" "HERMES_CONF=$conf"
}

# What /proc/PID/maps must show of a program that uses allocator $1.
map_of()
{
	case ${1%+loop} in
	glibc*) echo libc.so ;;
	jemalloc*) echo libjemalloc ;;
	tcmalloc*) echo libtcmalloc ;;
	mimalloc*) echo libmimalloc ;;
	hermes-populate) echo libhermes-u ;;
	hermes*) echo /dev/hermes ;;
	ideal) echo libideal ;;
	esac
}
