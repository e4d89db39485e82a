#!/bin/bash
# SPDX-License-Identifier: MIT
# deps.sh: install what pgveil needs to build, test and run, and only what is missing.
#
# Everything is a Debian package. One of them, libpg_query 17 (PostgreSQL's own grammar), is newer in the next Debian
# suite than in bookworm; it is taken from there through a private apt configuration whose source list is derived from
# this machine's own (same mirror, same proxy, same keyring), so that the machine's apt stays as it is. Its shared
# library needs only glibc 2.34.
#
# usage: deps.sh [--bench] [--kernels] [--kube] [--image] [--check]     --bench: and what make bench compares with
#                                                    --kernels: and what make kernel-matrix boots them with
#                                                    --kube: and what make test-kube builds a kube-apiserver with
#                                                    --image: and what make image builds with
#                                                    --check: only say what is missing (exit 1 if anything is)
set -euo pipefail
. "$(dirname "$(realpath "$0")")/private-apt.sh"

PG_QUERY_SUITE=trixie
PG_QUERY_MAJOR=17

packages=(
	# build
	gcc make pkg-config clang llvm bpftool libbpf-dev libelf-dev zlib1g-dev
	libpq-dev libssl-dev libprotobuf-c-dev libevent-dev libjansson-dev libyaml-dev libpcre2-dev libzstd-dev libsqlite3-dev libcurl4-openssl-dev
	# check and test
	libcmocka-dev libclang-rt-14-dev clang-format clang-tidy
	python3 python3-pytest python3-psycopg2 python3-asyncpg python3-prometheus-client python3-yaml python3-kubernetes mandoc
	postgresql-15 postgresql-client-15 locales iproute2 util-linux procps openssl
	# the runtimes of tests/containers, and how containerd is spoken to
	podman runc conmon containerd containernetworking-plugins python3-grpcio python3-protobuf protobuf-compiler
	# the clients of tests/clients
	python3-psycopg python3-sqlalchemy libpostgresql-jdbc-java ecj
	golang-go golang-github-lib-pq-dev golang-github-jackc-pgx-v4-dev librust-tokio-postgres-dev
	# promtool, which reads the alerts and the dashboard as Prometheus does
	prometheus
)
# Tools that a machine may have from elsewhere than Debian: command=package.
for tool in node=nodejs npm=npm java=default-jre-headless cargo=cargo kubectl=kubernetes-client; do
	command -v "${tool%%=*}" > /dev/null || packages+=("${tool#*=}")
done

bench_packages=(pgbouncer haproxy valgrind)
image_packages=(buildah debootstrap)
kube_packages=(golang-go rsync jq dpkg-dev curl)
kernel_packages=(qemu-system-x86 busybox-static cpio kmod xz-utils)
check=
for arg in "$@"; do
	case $arg in
	--bench) packages+=("${bench_packages[@]}") ;;
	--image) packages+=("${image_packages[@]}") ;;
	--kube) packages+=("${kube_packages[@]}") ;;
	--kernels) packages+=("${kernel_packages[@]}") ;;
	--check) check=1 ;;
	*) echo "usage: deps.sh [--bench] [--kernels] [--kube] [--image] [--check]" >&2; exit 2 ;;
	esac
done

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

pg_query_current() {
	local v
	v=$(dpkg-query -W -f '${Version}' libpg-query-dev 2>/dev/null) || return 1
	installed libpg-query-dev && [ "${v%%-*}" = "$PG_QUERY_MAJOR" ]
}

missing=()
for p in "${packages[@]}"; do
	installed "$p" || missing+=("$p")
done

if [ -n "$check" ]; then
	pg_query_current || missing+=("libpg-query-dev=$PG_QUERY_MAJOR-*")
	[ ${#missing[@]} -eq 0 ] || { echo "missing: ${missing[*]}"; exit 1; }
	exit 0
fi

if [ ${#missing[@]} -eq 0 ] && pg_query_current; then
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "deps.sh: these packages are missing and installing them needs root: ${missing[*]} libpg-query-dev (>= $PG_QUERY_MAJOR)" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
tmp='' no_services=''
trap 'rm -rf "$tmp" "$no_services"' EXIT

if [ ${#missing[@]} -gt 0 ]; then
	echo "deps.sh: installing ${missing[*]}"
	apt-get update -qq
	# Debian's postgresql-15 would make and start a cluster of its own; the tests start throwaway ones.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		install -d /etc/postgresql-common
		echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
	fi
	# Nor are PgBouncer, HAProxy, the container runtimes and Prometheus to be started as services of this machine.
	if [[ " ${missing[*]} " =~ \ (pgbouncer|haproxy|podman|containerd|prometheus)\  ]] && [ ! -e /usr/sbin/policy-rc.d ]; then
		no_services=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' > $no_services
		chmod 755 $no_services
	fi
	apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

if ! pg_query_current; then
	echo "deps.sh: installing libpg_query $PG_QUERY_MAJOR from Debian $PG_QUERY_SUITE"
	tmp=$(mktemp -d)
	(
		private_apt "$tmp" "$PG_QUERY_SUITE"
		cd "$tmp"
		apt-get update -qq
		apt-get download -qq libpg-query-dev \
			"$(apt-cache depends libpg-query-dev | sed -n 's/.*Depends: \(libpg-query[0-9.]*\)$/\1/p' | head -n 1)"
	)
	dpkg -i "$tmp"/libpg-query*.deb > /dev/null
fi
