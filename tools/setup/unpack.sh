#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian packages whose installation would start a daemon are unpacked into the cache instead, for the
# native tests. Downloads once; prints the root directory of what was unpacked.
# usage: tools/setup/unpack.sh
set -euo pipefail

# Their libraries are in the list of packages.
packages=(memcached nginx postgresql-15 postgresql-client-15)

cache=${HERMES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hermes}
root=$cache/unpacked-$(printf '%s\n' "${packages[@]}" | sha256sum | cut -c 1-12)

if [[ ! -d $root ]]; then
	mkdir -p "$cache"
	new=$(mktemp -d -p "$cache" unpack.XXXXXX)
	trap 'rm -rf "$new"' EXIT
	mkdir "$new/debs" "$new/root"
	# apt gives up its privileges to download, unless it cannot write there: it says so and goes on
	(cd "$new/debs" && apt-get -q download "${packages[@]}" >&2)
	for deb in "$new"/debs/*.deb; do
		dpkg-deb -x "$deb" "$new/root"
	done
	# Another run may have been faster.
	mv -T "$new/root" "$root" 2>/dev/null || [[ -d $root ]]
fi
echo "$root"
