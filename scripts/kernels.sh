# SPDX-License-Identifier: MIT
# kernels.sh, sourced: fetch_package NAME leaves Debian's package of a kernel (cloud flavour) in ~/.cache/pgveil/kernels/NAME/debs (XDG_CACHE_HOME), its
# name in package; NAME is a series, as 6.12, or newest. Asks the archive once a day, by a private apt configuration, since versions rotate. Whoever
# calls it has say and die, and holds $kernels/lock.

. scripts/private-apt.sh
kernels=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pgveil/kernels
# What answers for a kernel: the series, and the suite that has it. The newest is the highest of them all.
kernel_suites=(bullseye-security bookworm-security bookworm-backports trixie-security trixie-backports sid)
apt_is_private=''

package_of() { # NAME → the newest package of that series
	local series=${1//./\\.}
	[ "$1" != newest ] || series='[0-9]+\.[0-9]+'
	apt-cache search -n '^linux-image-[0-9].*-cloud-amd64$' | awk '{ print $1 }' |
		grep -E "^linux-image-$series[.-][0-9].*-cloud-amd64\$" | grep -v '~rc' | sort -V | tail -n 1
}

fetch_package() { # NAME
	local d=$kernels/$1 package
	if [ ! -e "$d/package" ] || [ -n "$(find "$d/package" -mtime +0)" ]; then
		if [ -z "$apt_is_private" ]; then
			private_apt "$kernels/apt" "${kernel_suites[@]}"
			# A suite that the archive no longer has is no reason to test nothing: what cannot be found is said by kernel.
			apt-get update -qq || say "not all suites could be read"
			apt_is_private=1
		fi
		package=$(package_of "$1")
		[ -n "$package" ] || die "$1: the archive has no such kernel"
		[ "$(cat "$d/package" 2> /dev/null)" = "$package" ] || download "$1" "$package"
		touch "$d/package"
	fi
}

download() { # NAME PACKAGE
	local d=$kernels/$1 p debs=("$2")
	say "$1: fetching $2"
	rm -rf "$d"
	mkdir -p "$d/debs"
	# From 6.17 on image and modules are packages of their own.
	for p in "${2/image/binary}" "${2/image/modules}"; do
		if apt-cache show "$p" > /dev/null 2>&1; then debs+=("$p"); fi
	done
	(cd "$d/debs" && apt-get download -qq "${debs[@]}")
	echo "$2" > "$d/package"
}
