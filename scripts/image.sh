#!/bin/bash
# SPDX-License-Identifier: MIT
# image.sh: builds deploy/kubernetes/Dockerfile with podman (scripts/podman.sh: a storage of its own) and says what it is called and how
# large it is. Where no registry can be reached the base is made by debootstrap from Debian's own archive, the one that this machine's apt
# reads: the Dockerfile is the same.
#
# usage: image.sh [--tag NAME] [--base IMAGE | --bootstrap] [--output FILE]
#   --tag NAME        default: localhost/pgveil:dev
#   --base IMAGE      default: that of the Dockerfile
#   --bootstrap       makes the base, without asking a registry for it
#   --output FILE     also an archive, as `docker load` and `ctr images import` read it
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
suite=trixie tag=localhost/pgveil:dev base='' bootstrap='' output=''
while [ $# -gt 0 ]; do
	case $1 in
	--tag) tag=$2; shift ;;
	--base) base=$2; shift ;;
	--bootstrap) bootstrap=1 ;;
	--output) output=$2; shift ;;
	*) sed -n '/^# usage/,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
	shift
done
podman() { scripts/podman.sh "$@"; }
made=localhost/debian:$suite

make_base() {
	local dir uri
	podman image exists "$made" && return
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 -E '/debian/?$')
	dir=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$dir'" RETURN
	echo "image.sh: a base by debootstrap ($suite)" >&2
	debootstrap --variant=minbase "$suite" "$dir/root" "$uri" > "$dir/log" 2>&1 || { tail -5 "$dir/log" >&2; return 1; }
	rm -rf "$dir"/root/var/cache/apt/*.bin "$dir"/root/var/cache/apt/archives/*.deb "$dir"/root/dev/*
	tar -C "$dir/root" -c . | podman import --quiet - "$made" > /dev/null
}

if [ -z "$bootstrap" ] && [ -z "$base" ]; then
	base=$(sed -n 's/^ARG BASE=//p' deploy/kubernetes/Dockerfile)
	podman image exists "$base" || timeout 20 scripts/podman.sh pull --quiet "$base" > /dev/null 2>&1 || bootstrap=1
fi
if [ -n "$bootstrap" ]; then
	make_base
	base=$made
fi
least() { [ "$1" != unlimited ] && [ "$1" -lt "$2" ] && echo "$1" || echo "$2"; } # what podman would ask for itself may be more than it can have
files=$(least "$(ulimit -Hn)" 20000) processes=$(least "$(ulimit -Hu)" 30000)
podman build --quiet --isolation chroot --network host --ulimit nofile="$files:$files" --ulimit nproc="$processes:$processes" --build-arg BASE="$base" \
	--file deploy/kubernetes/Dockerfile --tag "$tag" . > /dev/null
if [ -n "$output" ]; then
	rm -f "$output"
	podman save --quiet --format docker-archive --output "$output" "$tag" > /dev/null
fi
podman image inspect --format "$tag {{.Size}}" "$tag" | awk '{ printf "%s %.1f MB\n", $1, $2 / 1e6 }'
