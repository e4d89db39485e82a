#!/bin/bash
# SPDX-License-Identifier: MIT
# kube-apiserver.sh: a real API server with its etcd, for tests, that leaves nothing behind.
#
#   kube-apiserver.sh build [node]            fetches and builds what is missing; prints the directory of kube-apiserver, kubelet, etcd, etcdctl;
#                                             node: and, beside it with -node behind its name, that of what a cluster has beyond
#   kube-apiserver.sh start DIR [PID]         starts both in DIR, waits until it is ready, says in DIR/env how it is reached; with PID they end when that
#                                             process does
#   kube-apiserver.sh restart DIR             the server alone, on the same port, with what DIR/tokens.csv says now
#   kube-apiserver.sh pause DIR               ends the server alone, until it is started by restart
#   kube-apiserver.sh compact DIR [REVISION]  etcd forgets what was before (all but the newest), and the server starts anew: older versions are Expired
#   kube-apiserver.sh stop DIR                ends both; DIR stays
#
# Kubernetes is Debian's own source package, built with Debian's Go (4 minutes on two quiet cores, once), etcd Debian's binary, unpacked and not
# installed. Both are kept in ~/.cache/pgveil/kube (XDG_CACHE_HOME). DIR/tokens.csv says who is who (TOKEN,USER,UID,"GROUP,GROUP"); where it is not there,
# start makes one of system:masters, which is in DIR/env as TOKEN. Authorization is RBAC; the ServiceAccount plugin is off, because the controllers that
# would make accounts do not run. Needs no root. Ports are below those that the kernel gives to clients.
set -euo pipefail
given=$PWD script=$(realpath "$0")
cd "$(dirname "$script")/.."
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
. scripts/private-apt.sh
suite=bookworm version=1.20.2 recipe=3 # to be raised when it is built otherwise
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pgveil/kube
bin=$cache/$version
server=(kube-apiserver kubelet) node=(kube-controller-manager kube-scheduler kube-proxy)

say() { printf 'kube-apiserver.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# ---- build ---------------------------------------------------------------------------------------------------------------

build() { # [node]
	# In processes of their own: each has its own APT_CONFIG.
	(build_part "$bin" server)
	[ "${1:-}" != node ] || (build_part "$bin-node" node)
}

build_part() { # DIR server|node
	[ "$(cat "$1/ready" 2> /dev/null)" != "$recipe" ] || return 0
	mkdir -p "$cache"
	exec 8> "$cache/lock"
	flock 8
	if [ "$(cat "$1/ready" 2> /dev/null)" != "$recipe" ]; then
		for tool in go rsync jq dpkg-source make; do command -v $tool > /dev/null || die "there is no $tool (scripts/deps.sh --kube)"; done
		rm -rf "$cache/tree"
		mkdir -p "$cache/tree/out"
		private_apt "$cache/apt" "src:$suite" "$suite"
		apt-get update -qq
		if [ "$2" = server ]; then
			build_etcd
			build_kubernetes "${server[@]}"
		else
			build_kubernetes "${node[@]}"
		fi
		echo "$recipe" > "$cache/tree/out/ready"
		rm -rf "$1"
		mv "$cache/tree/out" "$1"
		rm -rf "$cache/tree"
	fi
}

build_etcd() {
	(cd "$cache/tree" && apt-get download -qq etcd-server etcd-client && for p in etcd-*.deb; do dpkg-deb -x "$p" etcd; done)
	cp "$cache"/tree/etcd/usr/bin/{etcd,etcdctl} "$cache/tree/out/"
}

build_kubernetes() { # COMMAND…
	local tree=$cache/tree source=$cache/tree/kubernetes log=$cache/build.log
	say "building ${*} $version: some minutes (log: $log)"
	(cd "$tree" && apt-get source -qq --download-only kubernetes && dpkg-source --no-check -x kubernetes_*.dsc "$source") > "$log" 2>&1 ||
		die "the sources could not be had: $(tail -n 1 "$log")"
	grep -q "really$version-" <<< "$(cd "$tree" && echo *.dsc)" || die "the archive has another version now: $(cd "$tree" && echo *.dsc)"
	# Its reflect2 is older than Go 1.18's maps: without a newer one the server crashes over the first custom resource.
	(cd "$tree" && apt-get download -qq golang-github-modern-go-reflect2-dev && dpkg-deb -x golang-github-modern-go-reflect2-dev*.deb reflect2) >> "$log" 2>&1 ||
		die "reflect2 could not be had: $(tail -n 1 "$log")"
	rm "$source"/vendor/github.com/modern-go/reflect2/*.{go,s}
	cp "$tree"/reflect2/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$source/vendor/github.com/modern-go/reflect2/"
	# What is generated is in the archive, but for this: all of it anew would be most of the time.
	sed -i 's/^generated_files: gen_.*/generated_files: gen_openapi/' "$source/Makefile.generated_files"
	mkdir -p "$source/.go/src/k8s.io"
	ln -s ../../.. "$source/.go/src/k8s.io/kubernetes"
	# As its debian/rules has it; an environment of its own, because its scripts listen to many variables.
	(cd "$source/.go/src/k8s.io/kubernetes" && env -i HOME="$tree" PATH=/usr/lib/go-1.19/bin:/usr/sbin:/usr/bin:/sbin:/bin GOPATH="$source/.go" GOCACHE="$tree/gocache" \
		CGO_ENABLED=0 GOFLAGS=-mod=vendor GOPROXY=off FORCE_HOST_GO=y LC_ALL=C KUBE_GIT_VERSION=v$version KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20 \
		KUBE_GIT_COMMIT=debian KUBE_GIT_TREE_STATE=archive nice -n 5 make WHAT="${*/#/cmd/}") >> "$log" 2>&1 ||
		die "the build failed: $(tail -n 1 "$log")"
	(cd "$source/_output/local/go/bin" && cp "$@" "$tree/out/")
}

# ---- run -----------------------------------------------------------------------------------------------------------------

free_port() { # prints one that nobody listens on
	local port
	for _ in {1..100}; do
		port=$((20000 + RANDOM % 12000))
		if ! (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then echo $port; return; fi
	done
	die "no free port"
}

runs() { # DIR NAME → its pid, if what has it is what was started
	local pid
	pid=$(cat "$1/$2.pid" 2> /dev/null) && [[ $(readlink "/proc/$pid/exe") == "$(realpath "$bin")/$2"* ]] && echo "$pid"
}

end() { # DIR NAME
	local pid
	pid=$(runs "$1" "$2") || { rm -f "$1/$2.pid"; return 0; }
	kill "$pid" 2> /dev/null || true
	timeout 20 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2> /dev/null || true
	rm -f "$1/$2.pid"
}

launch() { # DIR NAME ARGUMENT…
	local dir=$1 name=$2
	shift 2
	setsid "$bin/$name" "$@" < /dev/null > "$dir/$name.log" 2>&1 &
	echo $! > "$dir/$name.pid"
}

wait_for() { # DIR NAME SECONDS COMMAND…: until it succeeds; what was started must live
	local dir=$1 name=$2 until=$((SECONDS + $3))
	shift 3
	until "$@" > /dev/null 2>&1; do
		kill -0 "$(cat "$dir/$name.pid")" 2> /dev/null || die "$name did not start: $(tail -n 1 "$dir/$name.log")"
		[ $SECONDS -lt $until ] || die "$name is not ready: $(tail -n 1 "$dir/$name.log")"
		sleep 0.2
	done
}

etcdctl() { ETCDCTL_API=3 "$bin/etcdctl" --endpoints "http://127.0.0.1:$(cat "$dir/etcd.port")" "$@"; }

start_server() {
	local port
	port=$(cat "$dir/port")
	launch "$dir" kube-apiserver --etcd-servers="http://127.0.0.1:$(cat "$dir/etcd.port")" --bind-address=127.0.0.1 --secure-port="$port" --advertise-address=192.0.2.1 \
		--cert-dir="$dir/run" --tls-cert-file="$dir/apiserver.crt" --tls-private-key-file="$dir/apiserver.key" --token-auth-file="$dir/tokens.csv" \
		--service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$dir/sa.pub" --service-account-signing-key-file="$dir/sa.key" \
		--authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 --allow-privileged=true --disable-admission-plugins=ServiceAccount --v=1
	wait_for "$dir" kube-apiserver 120 curl -fsS --max-time 5 --cacert "$dir/ca.crt" "https://127.0.0.1:$port/readyz"
}

start() { # DIR [PID]
	local peer
	build
	mkdir -p "$dir/run"
	end "$dir" kube-apiserver
	end "$dir" etcd
	rm -rf "$dir/etcd"
	/usr/bin/python3 -B -c 'import sys; sys.path.insert(0, "tests/kube"); from kubeapi.certs import Authority; Authority(sys.argv[1]).sign("apiserver")' "$dir"
	[ -e "$dir/sa.key" ] || (openssl genrsa -out "$dir/sa.key" 2048 && openssl rsa -in "$dir/sa.key" -pubout -out "$dir/sa.pub") > /dev/null 2>&1
	[ -e "$dir/tokens.csv" ] || (umask 077 && echo "$(openssl rand -hex 20),admin,admin,\"system:masters\"" > "$dir/tokens.csv")
	trap 'end "$dir" kube-apiserver; end "$dir" etcd' EXIT
	free_port > "$dir/etcd.port"
	peer=$(free_port)
	launch "$dir" etcd --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$(cat "$dir/etcd.port")" --advertise-client-urls "http://127.0.0.1:$(cat "$dir/etcd.port")" \
		--listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer" --unsafe-no-fsync
	wait_for "$dir" etcd 60 etcdctl endpoint health
	free_port > "$dir/port"
	start_server
	trap - EXIT
	printf 'URL=https://127.0.0.1:%s\nCA=%s\nTOKEN=%s\n' "$(cat "$dir/port")" "$dir/ca.crt" "$(sed -n 's/,[^,]*,[^,]*,.*system:masters.*//p' "$dir/tokens.csv" | head -n 1)" > "$dir/env"
	if [ -n "${2:-}" ]; then
		setsid "$script" stop-after "$dir" "$2" < /dev/null > /dev/null 2>&1 &
	fi
}

command=${1:-} dir=
if [ $# -ge 2 ] && [ "$command" != build ]; then
	dir=$(cd "$given" && mkdir -p "$2" && realpath "$2")
fi
[ -n "$dir" ] || [ "$command" = build ] || command=
case $command in
build) build "${2:-}"; echo "$bin" ;;
start) start "$dir" "${3:-}" ;;
restart) end "$dir" kube-apiserver; start_server ;;
pause) end "$dir" kube-apiserver ;;
compact)
	revision=${3:-$(etcdctl endpoint status -w json | jq '.[0].Status.header.revision')}
	etcdctl compact "$revision" > /dev/null
	end "$dir" kube-apiserver
	start_server
	;;
stop) end "$dir" kube-apiserver; end "$dir" etcd ;;
stop-after) tail --pid="$3" -f /dev/null; end "$dir" kube-apiserver; end "$dir" etcd ;;
*) sed -n '/^#   kube-apiserver.sh/s/^# *//p' "$0" >&2; exit 2 ;;
esac
