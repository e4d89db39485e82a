#!/bin/bash
# SPDX-License-Identifier: MIT
# run-tests.sh: everything, in the order in which a fault is cheapest to find; goes on after a failed part so that one run
# shows all of them. The last line is the sum, "N passed, N failed, N skipped"; exit 1 when anything failed.
#
# The integration tests run on the daemon built with AddressSanitizer and UBSan, whose findings (and leaks at exit) fail the lab
# that had them (tests/integration/lab.py). On the release build run those that load, time or measure, and the corpora and clients;
# with BOTH=1 all the others as well. Three parts run at a time, each with labs of its own. Arguments go to pytest.
set -uo pipefail
cd "$(dirname "$(realpath "$0")")/.." || exit 1
export PATH=$PATH:/usr/sbin:/sbin
PYTHON=${PYTHON:-/usr/bin/python3}
jobs=$(nproc)
passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LAB_CLUSTERS=$work/clusters # initdb runs once, not for each of about a hundred labs
mkdir "$LAB_CLUSTERS"

heading() { printf '\n==== %s\n' "$*"; }
indent() { sed -u 's/^/  /'; }
count() { # PASSED FAILED SKIPPED
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
	printf '  -- %d passed, %d failed, %d skipped\n' "$@"
}

build() { # BUILD
	heading "build ($1)"
	if make --no-print-directory -j"$jobs" all BUILD="$1" 2>&1 | indent; then count 1 0 0; else count 0 1 0; fi
}

# What `make check` prints: "unit: P passed, F failed", a line for each fuzz target, "layers: clean".
check() {
	local rc p f
	heading "make check: layers, format, unit, golden and replay under ASan and UBSan, a few seconds of fuzzing"
	make --no-print-directory check 2>&1 | tee "$work/check" | indent
	rc=${PIPESTATUS[0]}
	p=$(awk '/^unit: [0-9]+ passed, [0-9]+ failed$/ { n += $2 } /^  .* Done [0-9]+ runs in / { n++ } /^layers: clean$/ { n++ } /^[0-9]+ as expected, 0 not$/ { n += $1 } END { print n + 0 }' "$work/check")
	f=$(awk '/^unit: [0-9]+ passed, [0-9]+ failed$/ { n += $4 } END { print n + 0 }' "$work/check")
	[ "$rc" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	count "$p" "$f" 0
}

# The verifier's word on every program, and each on its hook. By the daemon: bpftool does not know all of the hooks.
bpf_load() {
	local lab=load$$ links hook rc=0
	heading "BPF objects load and attach"
	links=/run/pgveil-lab/$lab/bpf/pgveil/links
	if scripts/lab.sh up --name "$lab" > "$work/load" 2>&1; then
		for hook in "$links"/*; do bpftool link show pinned "$hook" | sed -n 1p | sed "s|^|${hook##*/} |" | indent; done
		for hook in birth sockops egress connect4 connect6 getpeername4 getpeername6; do
			bpftool link show pinned "$links/$hook" > /dev/null || rc=1
		done
	else
		indent < "$work/load"
		rc=1
	fi
	scripts/lab.sh down --name "$lab" | indent
	if [ "$rc" = 0 ]; then count 1 0 0; else count 0 1 0; fi
}

pytest_part() { # PART BUILD ARGS… → the three numbers in $work/PART.sum
	local part=$1 build=$2 xml=$work/$1.xml rc
	shift 2
	heading "$part, on the $build build: BPF, namespaces, PostgreSQL"
	BUILD=$build "$PYTHON" -B -m pytest -q -p no:cacheprovider --tb=short -ra --durations=5 --junitxml="$xml" "$@" 2>&1 < /dev/null | indent
	rc=${PIPESTATUS[0]}
	# shellcheck disable=SC2046
	set -- $("$PYTHON" - "$xml" <<-'PY'
		import sys, xml.etree.ElementTree as et
		try:
		    cases = et.parse(sys.argv[1]).getroot().iter("testcase")
		except (OSError, et.ParseError):
		    cases = []
		n = {"passed": 0, "failed": 0, "skipped": 0}
		for c in cases:
		    kinds = {x.tag for x in c}
		    n["failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"] += 1
		print(n["passed"], n["failed"], n["skipped"])
	PY
	)
	# pytest itself may have failed where no test did: a collection error, an interrupt, nothing collected.
	if [ "$rc" -ne 0 ] && [ "$2" -eq 0 ]; then set -- "$1" 1 "$3"; fi
	echo "$@" > "$work/$part.sum"
}

build release
check
build asan
if [ "$(id -u)" = 0 ]; then
	bpf_load
else
	printf '\n%s\n' '!!!! NOT ROOT: the BPF load test and every integration test are SKIPPED. This run proves little.' \
		'!!!! Run: sudo make test'
	skipped=$((skipped + 1))
fi
files() { printf 'tests/integration/test_%s.py\n' "$@"; }
# What is about the kernel's side, about load, or measures; not under the sanitizers but for the last.
mapfile -t release < <(files bench bypass containers enrolment guard inspection kube_budgets lab lineage memory splice_windows failclosed)
# The sanitized part is three: connections and the kernel's side of them, who decides and what is kept, and what is said.
mapfile -t connections < <(files audit capture_wait clients failclosed handover identity kernel kube_events kube_policy login operations policy_life relay splice unix watching_cluster)
mapfile -t control < <(files approvals approvals_attacks approval_api approval_shapes canaries estimate health kube_approvals kube_nodes kubernetes learn lifts limits \
	limits_attacks recording recording_attacks recording_disk sessions sessions_html sessions_live sessions_replay shipping watching)
load=tests/integration/test_failclosed.py::test_under_load
stall=tests/integration/test_half_closed.py::test_one_that_never_reads_is_given_up # half a minute
corpora=(--ignore=tests/leak/test_leak.py --ignore=tests/integration/test_clients.py --ignore=tests/integration/test_approval_story.py)
part() { # PART ARGS…
	local part=$1
	shift
	case $part in
	sanitized-connections) pytest_part "$part" asan "${connections[@]}" --deselect="$load" "$@" ;;
	sanitized-statements)
		pytest_part "$part" asan tests/integration tests/leak "${corpora[@]}" "${connections[@]/#/--ignore=}" "${control[@]/#/--ignore=}" "${release[@]/#/--ignore=}" \
			--deselect="$stall" "$@" ;;
	sanitized-control) pytest_part "$part" asan "${control[@]}" "$@" ;;
	release) pytest_part "$part" release "${release[@]}" "$stall" "$@" ;;
	others) pytest_part "$part" release tests/integration tests/leak "${corpora[@]}" "${release[@]/#/--ignore=}" --deselect="$stall" "$@" ;;
	clients) pytest_part "$part" release tests/integration/test_clients.py tests/integration/test_approval_story.py "$@" ;;
	hostile) pytest_part "$part" release tests/leak/test_leak.py "$@" ;;
	honest) pytest_part "$part" release tests/honest "$@" ;;
	kube) pytest_part "$part" release tests/kube "$@" ;;
	store) pytest_part "$part" asan tests/s3 "$@" ;;
	esac
}

# Lanes take the parts one after another, the longest first, so that they end at about the same time.
parts=(sanitized-statements sanitized-control release sanitized-connections ${BOTH:+others} hostile clients honest kube store)
lane() { # ARGS…
	local p
	for p in "${parts[@]}"; do
		if mkdir "$work/$p.taken" 2> /dev/null; then part "$p" "$@"; fi
	done
}
lane "$@" > "$work/second.log" 2>&1 &
lane "$@" > "$work/third.log" 2>&1 &
lane "$@"
wait
cat "$work/second.log" "$work/third.log"
for p in "${parts[@]}"; do
	# shellcheck disable=SC2046
	count $(cat "$work/$p.sum" || echo 0 1 0)
done

printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ] && [ $passed -gt 0 ]
