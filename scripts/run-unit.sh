#!/bin/bash
# SPDX-License-Identifier: MIT
# run-unit.sh BINARY...: run cmocka binaries from the project's root, print one line each and the sums. Fails when one
# fails, when one runs no test, and when there is none.
set -u
passed=0 failed=0
export CMOCKA_MESSAGE_OUTPUT=tap
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=print_stacktrace=1
for bin in "$@"; do
	out=$("$bin" 2>&1)
	rc=$?
	p=$(grep -c '^ok ' <<< "$out")
	f=$(grep -c '^not ok ' <<< "$out")
	if [ $rc -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
	if [ $((p + f)) -eq 0 ]; then f=1; out+=$'\nno test was run'; fi
	printf '  %-40s %3d passed, %d failed\n' "${bin##*/}" "$p" "$f"
	[ "$f" -eq 0 ] || printf '%s\n' "$out" | tail -n 60
	passed=$((passed + p)) failed=$((failed + f))
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
