#!/bin/sh
# SPDX-License-Identifier: MIT
# closure.sh OUT PROGRAM…: OUT becomes a root with the libraries that the programs load, programs of Debian's among them, CA
# certificates, and what tools that look for known faults read (/var/lib/dpkg/status.d) with the licences.
set -eu
out=$1
shift
for dir in bin sbin lib lib64; do
	mkdir -p "$out/usr/$dir"
	ln -s "usr/$dir" "$out/$dir"
done
mkdir -p "$out/etc/ssl/certs" "$out/var/lib/dpkg/status.d" "$out/usr/share/doc" "$out/tmp" "$out/run" "$out/proc" "$out/sys" "$out/dev"
chmod 1777 "$out/tmp"

# Of each program the libraries and the loader, by the name that they are asked for.
libraries=$(ldd "$@" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p' | sort -u)
owners=ca-certificates
for f in $libraries; do
	real=$(readlink -f "$f")
	to=$(readlink -f "$(dirname "$f")")
	mkdir -p "$out$to"
	cp "$real" "$out$to/$(basename "$f")"
	owners="$owners $({ dpkg -S "$real" || dpkg -S "${real#/usr}"; } 2> /dev/null | cut -d: -f1)"
done
for f in "$@"; do
	[ "${f#/}" != "$f" ] || continue
	owner=$(dpkg -S "$f" 2> /dev/null | cut -d: -f1) || continue
	[ -n "$owner" ] || continue
	cp "$f" "$out$f"
	owners="$owners $owner"
done
cp /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/"
for p in $(echo "$owners" | tr ' ' '\n' | sort -u); do
	dpkg-query -s "$p" > "$out/var/lib/dpkg/status.d/$p"
	mkdir -p "$out/usr/share/doc/$p"
	cp -L "/usr/share/doc/$p/copyright" "$out/usr/share/doc/$p/" 2> /dev/null || true
done
cp /etc/os-release "$out/etc/"
echo 'root:x:0:0:root:/:/nonexistent
nobody:x:65534:65534:nobody:/:/nonexistent' > "$out/etc/passwd"
echo 'root:x:0:
nogroup:x:65534:' > "$out/etc/group"
echo 'hosts: files dns' > "$out/etc/nsswitch.conf"
ldconfig -r "$out"
