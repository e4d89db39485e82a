#!/bin/bash
# SPDX-License-Identifier: MIT
# check-man.sh: every event that the source logs and every option of pgveild is in deploy/man/pgveild.8. The integration tests
# compare the programs' own help with the pages; this is the part that needs no build.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
page=deploy/man/pgveild.8
missing=$({
	find userspace -name '*.[ch]' -print0 | xargs -0 cat | tr '\n' ' ' | grep -oE 'log_(event|with)\([^,()"]+(\([^)]*\))?[^,"]*,[[:space:]]*"[a-z_.]+"' |
		sed 's/.*"\(.*\)"/\1/'
	sed -n 's/^.*X([A-Z_]*, "\([a-z]*\.[a-z_]*\)").*/\1/p' userspace/session/session.h
	sed -n 's/^\t{"\([a-z-]*\)", .*/Fl -\1/p' userspace/main/options.c
} | sort -u | while read -r word; do grep -qF -- "$word" "$page" || echo "$page: $word is not in it"; done)
if [ -n "$missing" ]; then
	echo "$missing"
	exit 1
fi
echo "man pages: complete"
