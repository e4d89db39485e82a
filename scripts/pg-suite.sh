#!/bin/bash
# SPDX-License-Identifier: MIT
# pg-suite.sh: PostgreSQL's own tests, once directly and once through the engine, under a policy that masks nothing. What the
# server says must be the same to the byte, test by test; each difference is shown. `masked` is the regression suite under a
# policy that masks a column which the suite never names, and lets code and definitions do anything: why its results differ is
# told by cause, with the statements in build/pg-suite/masked.txt.
#
#   pg-suite.sh [regress] [isolation] [pipeline] [masked]      default: the first three
#
# PG_SUITE_TESTS='join union …' runs only these tests of `masked`, in their order: some need others before them.
# PG_SUITE_KEEP=1 leaves the results where they are; PG_SUITE_WORK=DIR, such a place, takes from it what `masked` gave directly.
#
# The suite must be of the server's very version, so both come from the distribution's archive: the source, and the server
# that was built from it, unpacked below build/pg-suite and not installed. Needs root; takes some minutes.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
. scripts/private-apt.sh
root=$PWD cache=$PWD/build/pg-suite
lab=suite$$
lab_sh() { "$root/scripts/lab.sh" "$1" --name "$lab" "${@:2}"; }

say() { printf 'pg-suite.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
[ "$(id -u)" = 0 ] || die "needs root: it makes network namespaces and a cgroup"

# ---- the source, and the server built from it -------------------------------------------------------------------------

fetch() {
	local version p
	[ ! -e "$cache/ready" ] || return 0
	say "fetching PostgreSQL 15's source and the server built from it"
	rm -rf "$cache"
	mkdir -p "$cache/debs"
	(
		private_apt "$cache/apt" bookworm src:bookworm
		apt-get update -qq
		version=$(apt-cache showsrc --only-source postgresql-15 | sed -n 's/^Version: //p' | sort -V | tail -n 1)
		cd "$cache/debs"
		apt-get source -qq --download-only "postgresql-15=$version" > /dev/null
		for p in postgresql-15 postgresql-client-15 postgresql-server-dev-15 libpq5 libpq-dev; do
			apt-get download -qq "$p=$version"
		done
		echo "$version" > "$cache/version"
	)
	for p in "$cache"/debs/*.deb; do dpkg -x "$p" "$cache/server"; done
	mkdir "$cache/src"
	tar -xf "$cache"/debs/postgresql-15_*.orig.tar.bz2 -C "$cache/src" --strip-components=1 --wildcards '*/src/test'
	touch "$cache/ready"
}

build() { # what the suite loads into the server, and the pipeline client
	local include=$cache/server/usr/include/postgresql lib=$cache/server/usr/lib x
	mkdir -p "$work/dl"
	gcc -O1 -fPIC -shared -w -I"$include/15/server" -o "$work/dl/regress.so" "$cache/src/src/test/regress/regress.c"
	for x in refint autoinc plpgsql; do ln -s "$work/server/lib/postgresql/15/lib/$x.so" "$work/dl/"; done
	gcc -O1 -w -I"$include" -I"$include/15/server" -o "$work/libpq_pipeline" \
		"$cache/src/src/test/modules/libpq_pipeline/libpq_pipeline.c" \
		-L"$lib/x86_64-linux-gnu" -L"$lib/postgresql/15/lib" -lpq -lpgcommon -lpgport -lcrypto -lm
}

# ---- one run ------------------------------------------------------------------------------------------------------------

as() { # direct|engine CMD…: the DBA's process, or the agent's, which keeps root for the suite's files
	local how=$1
	shift
	if [ "$how" = direct ]; then
		lab_sh dba -- "$@"
	else
		lab_sh agent --root -- "$@"
	fi
}

regress() { # direct|engine PROGRAM SUITE SCHEDULE DATABASE [NAME [OPTION…]]
	local out=$work/$1-${6:-$3} bin=$work/server/lib/postgresql/15
	mkdir -p "$out"/{results,sql,expected}
	chmod -R a+rwX "$out"
	# The two runs write to the same path, since some results hold it.
	ln -sfn "$out" "$work/out"
	(cd "$work/out" && as "$1" env LC_MESSAGES=C LD_LIBRARY_PATH="$work/server/lib/x86_64-linux-gnu" PGSSLMODE=disable \
		"$bin/lib/pgxs/src/test/$2" --inputdir="$work/src/src/test/$3" --outputdir="$work/out" \
		--bindir="$bin/bin" --dlpath="$work/dl" --host="$db_host" --port="$db_port" --user=postgres \
		--dbname="$5" --max-concurrent-tests=20 --schedule="$work/src/src/test/$3/$4" ${7:+"${@:7}"}) > "$out/log" 2>&1 ||
		true # a test may fail in both ways; what counts is that they do the same
	grep -E '^ *(# )?(All [0-9]+|[0-9]+ of [0-9]+) tests|^(not )?ok|^test .*FAILED|^ +.*FAILED' "$out/log" | tail -n 5 | sed "s/^ */  $1: /" >&2
}

# Byte by byte, but for what names a process: a backend's pid in a message.
compare() { # SUITE
	local n=0 differ=0 f
	for f in "$work/direct-$1/results"/*.out; do
		n=$((n + 1))
		cmp -s "$f" "$work/engine-$1/results/${f##*/}" && continue
		differ=$((differ + 1))
		say "$1: ${f##*/} differs"
		diff -u "$f" "$work/engine-$1/results/${f##*/}" | head -n "${PG_SUITE_DIFF_LINES:-60}" >&2 || true
	done
	[ "$n" -gt 0 ] || die "$1: no test has run; its log: $(tail -n 5 "$work/direct-$1/log")"
	summary+=("$(printf '%s: %d tests, the same result through the engine in %d, %s failing directly' "$1" "$n" $((n - differ)) \
		"$(grep -cE '\.\.\. FAILED|FAILED +[0-9]+ ms' "$work/direct-$1/log" || true)")")
	[ "$differ" -eq 0 ] || failed=1
}

# A database as the suite wants it, and in it what is masked, whoever asks. Roles are the whole server's, and the suite expects
# its own not to be there.
masked_database() {
	lab_sh dba -- psql -qX -d postgres <<-'SQL'
		DROP DATABASE IF EXISTS regression_masked WITH (FORCE);
		SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname ~ '^regress' \gexec
		CREATE DATABASE regression_masked TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
		ALTER DATABASE regression_masked SET lc_messages TO 'C';
		ALTER DATABASE regression_masked SET lc_monetary TO 'C';
		ALTER DATABASE regression_masked SET lc_numeric TO 'C';
		ALTER DATABASE regression_masked SET lc_time TO 'C';
		ALTER DATABASE regression_masked SET bytea_output TO 'hex';
		ALTER DATABASE regression_masked SET timezone_abbreviations TO 'Default';
		\c regression_masked
		CREATE SCHEMA pgveil_apart;
		CREATE TABLE pgveil_apart.pgveil_person (pgveil_id integer, pgveil_name text);
		INSERT INTO pgveil_apart.pgveil_person VALUES (1, 'pgveil canary');
	SQL
	# test_setup loads files of the server's machine into tables, which is nobody's right through the engine; the others need them.
	(cd "$work" && lab_sh dba -- env PG_ABS_SRCDIR="$work/src/src/test/regress" PG_LIBDIR="$work/dl" PG_DLSUFFIX=.so \
		psql -qX -d regression_masked -f "$work/src/src/test/regress/sql/test_setup.sql")
	if [ -n "${PG_SUITE_TESTS:-}" ]; then
		printf 'test: %s\n' $PG_SUITE_TESTS
	else
		grep -v '^test: test_setup$' "$work/src/src/test/regress/parallel_schedule"
	fi > "$work/src/src/test/regress/masked_schedule"
}

masked() { # direct|engine
	masked_database > "$work/database.log" 2>&1 || die "no database: $(tail -n 3 "$work/database.log")"
	# One after the other: of two definitions beside each other one may be told to wait, and each has the catalogue read again.
	regress "$1" regress/pg_regress regress masked_schedule regression_masked masked --use-existing --max-connections=1
}

compare_masked() { # each difference by cause
	local found
	if found=$(/usr/bin/python3 -B "$root/scripts/pg-suite-causes.py" "$work/direct-masked/results" "$work/engine-masked/results" \
		"$cache/masked.txt"); then :; else failed=1; fi
	grep -q 'pgveil canary' "$work/engine-masked/results"/*.out && { say "masked: the masked value came"; failed=1; }
	summary+=("$found")
}

pipeline() { # direct|engine
	local t ok=0 n=0
	lab_sh dba -- psql -qc "CREATE DATABASE pipeline_$1" # each sees what it made itself, and nothing else
	for t in $(LD_LIBRARY_PATH=$work/server/lib/x86_64-linux-gnu "$work/libpq_pipeline" tests); do
		n=$((n + 1))
		if as "$1" env LD_LIBRARY_PATH="$work/server/lib/x86_64-linux-gnu" "$work/libpq_pipeline" -r 700 -t "$work/$1-$t.trace" "$t" \
			"host=$db_host port=$db_port user=postgres dbname=pipeline_$1 sslmode=disable" > "$work/$1-$t.log" 2>&1; then
			ok=$((ok + 1))
		else
			say "libpq_pipeline $t ($1): $(tail -n 3 "$work/$1-$t.log")"
			failed=1
		fi
	done
	summary+=("libpq_pipeline, $1: $ok of $n")
}

compare_traces() { # what libpq saw on the wire, where the suite itself expects the same messages in the same order
	local t differ=0 n=0
	for t in "$cache/src/src/test/modules/libpq_pipeline/traces"/*.trace; do
		n=$((n + 1)) t=${t##*/}
		if ! diff -u "$work/direct-$t" "$work/engine-$t" >&2; then differ=$((differ + 1)); fi
	done
	[ "$n" -gt 0 ] || die "no expected traces in the source"
	summary+=("libpq_pipeline, wire traces: $((n - differ)) of $n the same")
	[ "$differ" -eq 0 ] || failed=1
}

# ---- all ----------------------------------------------------------------------------------------------------------------

suites=("$@")
[ $# -gt 0 ] || suites=(regress isolation pipeline)
for s in "${suites[@]}"; do
	case $s in regress | isolation | pipeline | masked) ;; *) sed -n '/^#   pg-suite/s/^# *//p' "$0" >&2; exit 2 ;; esac
done
make --no-print-directory all
fetch
work=${PG_SUITE_WORK:-$(mktemp -d /var/tmp/pgveil-suite.XXXXXX)}
failed=0 summary=()
cleanup() {
	"$root/scripts/lab.sh" down --name "$lab" > /dev/null 2>&1 || true
	if [ -n "${PG_SUITE_KEEP:-}${PG_SUITE_WORK:-}" ]; then say "kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"
# Copied: the server's user must be able to read them, wherever this checkout is.
if [ ! -e "$work/server" ]; then
	cp -r "$cache/server/usr" "$work/server"
	cp -r "$cache/src" "$work/src"
	build
	chmod -R a+rX "$work"
fi
cat > "$work/policy.yaml" <<'YAML'
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: suite}
spec:
  subjects: [{cgroup: "${LAB_CGROUP}"}]
  databases:
    - name: suite
      address: "${LAB_DB_HOST}:${LAB_DB_PORT}"
      credential: {user: postgres, passwordFile: "${LAB_SUPERUSER_FILE}"}
      tls: {mode: disable}
---
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: suite-masked}
spec:
  subjects: [{cgroup: "${LAB_CGROUP}"}]
  databases:
    - name: suite-masked
      address: "${LAB_DB_HOST}:${LAB_DB_PORT}"
      databases: [regression_masked]
      credential: {user: postgres, passwordFile: "${LAB_SUPERUSER_FILE}"}
      tls: {mode: disable}
  mask:
    - columns: [pgveil_apart.pgveil_person.pgveil_name]
      with: redact
  statements:
    opaque: {default: allow}
YAML
lab_sh up --policy "$work/policy.yaml" --pg-bin "$work/server/lib/postgresql/15/bin" --pg-conf wal_level=replica \
	--pg-conf max_wal_senders=10 --pg-conf log_statement=none --pg-conf log_min_messages=fatal --json > "$work/lab.json"
read -r db_host db_port <<< "$(/usr/bin/python3 -c 'import json, sys; j = json.load(sys.stdin); print(j["db_host"], j["db_port"])' < "$work/lab.json")"

for s in "${suites[@]}"; do
	say "$s"
	case $s in
	regress) for how in direct engine; do regress $how regress/pg_regress regress parallel_schedule regression; done; compare regress ;;
	isolation) for how in direct engine; do regress $how isolation/pg_isolation_regress isolation isolation_schedule isolation_regression; done; compare isolation ;;
	pipeline) pipeline direct; pipeline engine; compare_traces ;;
	masked)
		[ -n "${PG_SUITE_WORK:-}" ] && [ -d "$work/direct-masked/results" ] || masked direct
		masked engine
		compare_masked
		;;
	esac
done
printf '%s\n' "server: PostgreSQL $(cat "$cache/version")" "${summary[@]}"
exit $failed
