#!/bin/bash
# SPDX-License-Identifier: MIT
# run-fuzz.sh BINARY SECONDS: run one libFuzzer target over a copy of its committed corpus (regressions included).
set -eu
bin=$1 seconds=$2 name=${1##*/}
corpus=tests/fuzz/corpus/$name
[ -d "$corpus" ] || { echo "run-fuzz.sh: $corpus is missing" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/new"
if ! "$bin" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -artifact_prefix="$work/" \
	"$work/new" "$corpus" > "$work/log" 2>&1; then
	tail -n 60 "$work/log"
	for f in "$work"/crash-* "$work"/timeout-* "$work"/oom-* "$work"/leak-*; do
		[ -e "$f" ] || continue
		mkdir -p build/findings && cp "$f" build/findings/
		echo "finding kept in build/findings/${f##*/}"
	done
	exit 1
fi
printf '  %-24s %s\n' "$name" "$(grep -o 'Done [0-9]* runs in [0-9]* second' "$work/log" || tail -n 1 "$work/log")"
