#!/bin/bash
# SPDX-License-Identifier: MIT
# build.sh: makes the client programs of tests/clients below build/clients, each only when its sources are newer. A program
# whose tools are missing is left out and said so: its tests are skipped. Debian's packages (scripts/deps.sh) and, for node,
# the packages of tests/clients/node/package-lock.json.
#
# usage: build.sh OUTPUT-DIRECTORY
set -euo pipefail
here=$(dirname "$(realpath "$0")")
out=$(mkdir -p "${1:?usage: build.sh OUTPUT-DIRECTORY}" && realpath "$1")

missing() { printf 'build.sh: no %s, so %s is not built\n' "$1" "$2" >&2; }
stale() { # STAMP SOURCE…
	local stamp=$1
	shift
	[ ! -e "$stamp" ] || [ -n "$(find "$@" -newer "$stamp" -print -quit)" ]
}

build_libpq() {
	stale "$out/libpq" "$here/libpq.c" || return 0
	gcc -std=gnu11 -Wall -Wextra -Werror -O1 -I/usr/include/postgresql -o "$out/libpq" "$here/libpq.c" -lpq -ljansson
}

build_java() {
	local jar=/usr/share/java/postgresql.jar
	stale "$out/java/Jdbc.class" "$here/java" || return 0
	command -v ecj > /dev/null && command -v java > /dev/null && [ -e $jar ] || { missing "ecj, java or $jar" jdbc; return 0; }
	ecj -17 -proc:none -nowarn -cp $jar -d "$out/java" "$here/java/Jdbc.java"
}

build_go() { # PROGRAM; Debian's packages are a GOPATH
	stale "$out/$1" "$here/go" || return 0
	[ -x /usr/bin/go ] && [ -d /usr/share/gocode/src/github.com/lib/pq ] || { missing "golang" "$1"; return 0; }
	mkdir -p "$out/gopath/src"
	ln -sfn "$here/go" "$out/gopath/src/pgveil"
	env -C "$out/gopath/src/pgveil" HOME="$out" GO111MODULE=off GOFLAGS= GOPROXY=off CGO_ENABLED=0 GOCACHE="$out/gocache" GOPATH="$out/gopath:/usr/share/gocode" \
		/usr/bin/go build -o "$out/$1" "pgveil/$1"
}

build_rust() { # with the crates that Debian ships, and no registry
	stale "$out/tokio-postgres" "$here/rust" || return 0
	command -v cargo > /dev/null && [ -d /usr/share/cargo/registry ] || { missing "cargo or Debian's crates" tokio-postgres; return 0; }
	rm -rf "$out/rust" && cp -r "$here/rust" "$out/rust"
	env -C "$out/rust" CARGO_HOME="$out/cargo" CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 cargo build --quiet --offline --target-dir "$out/rust-target"
	cp "$out/rust-target/debug/tokio-postgres-client" "$out/tokio-postgres"
}

build_node() {
	mkdir -p "$out/node"
	cp "$here"/node/*.js "$here"/node/*.mjs "$out/node/"
	stale "$out/node/node_modules/.stamp" "$here/node/package.json" "$here/node/package-lock.json" || return 0
	command -v npm > /dev/null || { missing npm "pg, postgres.js, sequelize and the MCP servers are"; return 0; }
	cp "$here/node/package.json" "$here/node/package-lock.json" "$out/node/"
	env -C "$out/node" npm ci --ignore-scripts --no-audit --no-fund --silent
	touch "$out/node/node_modules/.stamp"
}

exec 9> "$out/.lock"
flock 9 # two test runs at once: the second finds what the first has built
mkdir -p "$out/python"
cp "$here"/python/*.py "$out/python/"
build_libpq
build_java
build_node
build_rust
build_go lib_pq
build_go pgx
