#!/bin/bash
# SPDX-License-Identifier: MIT
# kube-vm.sh: a node as clusters have them, in a machine of its own (qemu, emulated): systemd is the first process, cgroups are v2 and nothing else, the
# kubelet has the systemd driver, containerd starts containers, CNI makes pods' networks, kube-proxy services; and PostgreSQL. What a cluster has beside
# (etcd, API server, controllers, scheduler) runs here, in a network namespace that has nothing but that machine in it: emulated it would take too long.
# Kubernetes is that of kube-apiserver.sh, the rest Debian 12, the kernel Debian's cloud one.
#
#   kube-vm.sh build              fetches and builds what is missing (20 minutes of two cores, once; ~/.cache/pgveil has it then)
#   kube-vm.sh start DIR IMAGE [PID]
#                                 starts it with IMAGE (of image.sh --output) and waits until the node is Ready, two minutes; DIR/env says how its API server is
#                                 reached, from which network namespace. With PID it ends when that process does. DIR/journal: what its services say, DIR/console: what its kernel does
#   kube-vm.sh stop DIR           ends it; DIR stays
#
# tests/kube/vm has what is in it: guest/ over its root, init.sh before systemd. Its disk is read and never written: what a run wrote ends with it. It reaches
# nothing outside. KUBE_VM_KERNEL=6.12 is the kernel (or newest, or what kernel-matrix.sh knows), KUBE_VM_SECONDS=600 how long it may take to be
# Ready. Needs root, 3 GB of memory, 3 GB on the disk.
set -euo pipefail
given=$PWD script=$(realpath "$0")
cd "$(dirname "$script")/.."
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
. scripts/kernels.sh
kernel=${KUBE_VM_KERNEL:-6.12} seconds=${KUBE_VM_SECONDS:-600}
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pgveil/kube-vm
suite=bookworm recipe=2 # to be raised when its root is made otherwise
packages=systemd,systemd-sysv,dbus,kmod,procps,iproute2,iptables,conntrack,apparmor,containerd,runc,containernetworking-plugins,ca-certificates,postgresql-15
source=tests/kube/vm

say() { printf 'kube-vm.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# ---- build ---------------------------------------------------------------------------------------------------------------

build() {
	[ "$(id -u)" = 0 ] || die "needs root"
	mkdir -p "$cache" "$kernels"
	exec 8> "$cache/lock"
	flock 8
	(
		exec 7> "$kernels/lock"
		flock 7
		fetch_package "$kernel"
	)
	package=$(cat "$kernels/$kernel/package")
	build_root
	bin=$(scripts/kube-apiserver.sh build node)
	exec 8>&-
}

build_root() { # $disk, vmlinuz and initrd beside it
	local uri root=$cache/tree log=$cache/build.log deb
	disk=$cache/$package-$recipe
	[ ! -e "$disk/ready" ] || return 0
	rm -rf "$root" "$disk"
	mkdir -p "$root" "$disk"
	say "making the node's disk: some minutes (log: $log)"
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 -E '/debian/?$')
	debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$uri" > "$log" 2>&1 || die "debootstrap failed: $(tail -n 1 "$log")"
	rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
	for deb in "$kernels/$kernel"/debs/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root"; done
	mv "$(find "$root" -name 'vmlinuz*' -type f | head -n 1)" "$disk/vmlinuz"
	# An emulated machine unpacks them slowly, and iptables asks for many, again and again.
	find "$root/usr/lib/modules" -name '*.ko.xz' -print0 | xargs -0 -r xz -d
	depmod -b "$root" "${package#linux-image-}"
	build_initrd "$root" "$disk"
	mke2fs -q -F -t ext4 -d "$root" "$disk/root.img" 4G >> "$log" 2>&1 || die "mke2fs failed: $(tail -n 1 "$log")"
	rm -rf "$root"
	touch "$disk/ready"
}

build_initrd() { # ROOT DISK
	local tree=$cache/initrd module
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,proc,sys,dev,root}
	cp "$(type -P busybox)" "$tree/bin/busybox"
	cp "$source/init.sh" "$tree/init"
	module=$(find "$1/usr/lib/modules" -name virtio_blk.ko)
	cp "$module" "$tree/"
	(cd "$tree" && find . | cpio -o -H newc --quiet) > "$2/initrd"
	rm -rf "$tree"
}

# ---- what belongs to one run -----------------------------------------------------------------------------------------------

pod_image() { # DIR NAME FILE: DIR becomes an image
	tar -C "$1" --owner=0 --group=0 -c . | scripts/podman.sh import --quiet --change 'ENV PATH=/usr/bin:/bin' - "$2" > /dev/null
	rm -f "$3"
	scripts/podman.sh save --quiet --format docker-archive --output "$3" "$2" > /dev/null
	scripts/podman.sh rmi "$2" > /dev/null
}

pod_images() { # TO: what holds a pod's namespaces, and an agent's: psql of this machine, with a shell
	local tree=$dir/image f
	mkdir -p "$tree/empty" "$tree/pause" "$tree"/psql/{bin,usr/bin,etc,tmp}
	gcc -static -Os -x c -o "$tree/pause/pause" - <<< '#include <unistd.h>
int main(void) { for (;;) pause(); }'
	tar -C "$tree/pause" --owner=0 --group=0 -c . | scripts/podman.sh import --quiet --change 'ENTRYPOINT ["/pause"]' - registry.k8s.io/pause:3.9 > /dev/null
	rm -f "$1/pause.tar"
	scripts/podman.sh save --quiet --format docker-archive --output "$1/pause.tar" registry.k8s.io/pause:3.9 > /dev/null
	scripts/podman.sh rmi registry.k8s.io/pause:3.9 > /dev/null
	cp -L "$(type -P busybox)" "$tree/psql/bin/busybox"
	for f in sh sleep cat grep sed test; do ln -s busybox "$tree/psql/bin/$f"; done
	cp -L "$(ls /usr/lib/postgresql/*/bin/psql | sort -V | tail -n 1)" "$tree/psql/usr/bin/psql"
	ldd "$tree/psql/usr/bin/psql" | sed -nE 's/^.*(=> |\t)(\/[^ ]+) \(0x.*$/\2/p' | xargs -r cp -L --parents -t "$tree/psql"
	echo 'agent:x:1000:1000:agent:/tmp:/bin/sh' > "$tree/psql/etc/passwd"
	pod_image "$tree/psql" localhost/psql:1 "$1/psql.tar"
	rm -rf "$tree"
}

kubeconfig() { # CA
	printf '{"kind":"Config","apiVersion":"v1","current-context":"it","clusters":[{"name":"it","cluster":{"server":"https://10.250.0.1:6443","certificate-authority":"%s"}}],"users":[{"name":"it","user":{"token":"%s"}}],"contexts":[{"name":"it","context":{"cluster":"it","user":"it"}}]}\n' \
		"$1" "$(cat "$dir/pki/token")"
}

prepare() { # IMAGE: $dir/seed.img, which is /opt/node there
	local seed=$dir/seed unit target
	rm -rf "$seed" "$dir/pki"
	mkdir -p "$seed"/{bin,pki,images} "$dir/pki"
	cp "$bin/kubelet" "$bin-node/kube-proxy" "$seed/bin/"
	/usr/bin/python3 -B -c 'import sys; sys.path.insert(0, "tests/kube"); from kubeapi.certs import Authority
Authority(sys.argv[1]).sign("apiserver", ("127.0.0.1", "10.250.0.1", "10.96.0.1", "kubernetes.default.svc"))' "$dir/pki"
	openssl genrsa -out "$dir/pki/sa.key" 2048 2> /dev/null
	openssl rsa -in "$dir/pki/sa.key" -pubout -out "$dir/pki/sa.pub" 2> /dev/null
	(umask 077 && openssl rand -hex 20 > "$dir/pki/token")
	echo "$(cat "$dir/pki/token"),admin,admin,\"system:masters\"" > "$dir/pki/tokens.csv"
	cp "$dir/pki/ca.crt" "$seed/pki/"
	kubeconfig "$dir/pki/ca.crt" > "$dir/kubeconfig"
	kubeconfig /opt/node/pki/ca.crt > "$seed/kubeconfig"
	cp "$1" "$seed/images/pgveil.tar"
	pod_images "$seed/images"
	cp -a "$source/guest/etc" "$seed/"
	cp "$source/database.sql" "$seed/"
	for unit in "$seed"/etc/systemd/system/*.service; do
		target=$(sed -n 's/^WantedBy=//p' "$unit")
		mkdir -p "$seed/etc/systemd/system/$target.wants"
		ln -s "../${unit##*/}" "$seed/etc/systemd/system/$target.wants/"
	done
	# What such a machine has no use for, and takes long.
	for unit in timers.target e2scrub_reap.service modprobe@.service; do ln -s /dev/null "$seed/etc/systemd/system/$unit"; done
	chown -R 0:0 "$seed"
	mke2fs -q -F -t ext4 -d "$seed" "$dir/seed.img" 1G > /dev/null
	rm -rf "$seed"
}

# ---- run -----------------------------------------------------------------------------------------------------------------

inside() { nsenter --net="/run/netns/$(cat "$dir/netns")" "$@"; }

network() { # a namespace with the machine behind tap0, and what is behind the machine: services and pods
	local ns=pgveil-vm$$
	ip netns add "$ns"
	echo "$ns" > "$dir/netns"
	inside ip link set lo up
	inside ip tuntap add dev tap0 mode tap
	inside ip address add 10.250.0.1/24 dev tap0
	inside ip link set tap0 up
	inside ip route add 10.96.0.0/16 via 10.250.0.2
	inside ip route add 10.244.0.0/24 via 10.250.0.2
}

runs() { # NAME → its pid, if what has it is what was started
	local pid
	pid=$(cut -d ' ' -f 1 "$dir/$1.pid" 2> /dev/null) && [ "$(cut -d ' ' -f 22 "/proc/$pid/stat" 2> /dev/null)" = "$(cut -d ' ' -f 2 "$dir/$1.pid")" ] && echo "$pid"
}

launch() { # NAME COMMAND…
	local name=$1
	shift
	nsenter --net="/run/netns/$(cat "$dir/netns")" setsid "$@" < /dev/null > "$dir/$name.log" 2>&1 &
	echo "$! $(cut -d ' ' -f 22 "/proc/$!/stat")" > "$dir/$name.pid"
}

end_one() { # NAME
	local pid
	if pid=$(runs "$1"); then
		kill "$pid" 2> /dev/null || true
		timeout 20 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2> /dev/null || true
	fi
	rm -f "$dir/$1.pid"
}

end() {
	local name
	for name in qemu kube-scheduler kube-controller-manager kube-apiserver etcd; do end_one $name; done
	[ ! -e "$dir/netns" ] || ip netns delete "$(cat "$dir/netns")" 2> /dev/null || true
	rm -rf "$dir"/{netns,env,seed.img,etcd}
}

ask() { inside curl -fsS --max-time 20 --cacert "$dir/pki/ca.crt" -H "Authorization: Bearer $(cat "$dir/pki/token")" "https://10.250.0.1:6443$1" 2> /dev/null; }
node_is_ready() { ask /api/v1/nodes/node1 | jq -e '.status.conditions[] | select(.type == "Ready") | .status == "True"' > /dev/null; }

wait_for() { # NAME WHAT COMMAND…: NAME is what must live
	local name=$1 what=$2
	shift 2
	until "$@"; do
		runs "$name" > /dev/null || die "$name ended: $(tail -n 1 "$dir/$name.log")"
		[ $SECONDS -lt "$until" ] || die "$what: not after $seconds seconds (journal: $dir/journal)"
		sleep 0.5
	done
	say "$what after $((SECONDS - booted)) s"
}

control_plane() {
	launch etcd "$bin/etcd" --data-dir "$dir/etcd" --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
	launch kube-apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --advertise-address=10.250.0.1 --secure-port=6443 \
		--cert-dir="$dir/run" --tls-cert-file="$dir/pki/apiserver.crt" --tls-private-key-file="$dir/pki/apiserver.key" --token-auth-file="$dir/pki/tokens.csv" \
		--service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$dir/pki/sa.pub" --service-account-signing-key-file="$dir/pki/sa.key" \
		--authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 --allow-privileged=true --kubelet-preferred-address-types=InternalIP
	wait_for kube-apiserver "its API server is ready" ask /readyz > /dev/null
	launch kube-controller-manager "$bin-node/kube-controller-manager" --kubeconfig="$dir/kubeconfig" --service-account-private-key-file="$dir/pki/sa.key" \
		--root-ca-file="$dir/pki/ca.crt" --leader-elect=false --bind-address=127.0.0.1 --cert-dir="$dir/run"
	launch kube-scheduler "$bin-node/kube-scheduler" --kubeconfig="$dir/kubeconfig" --leader-elect=false --bind-address=127.0.0.1 --cert-dir="$dir/run"
}

machine() {
	launch qemu qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -cpu max -m 3072 -display none -no-reboot -nodefaults \
		-drive "file=$disk/root.img,format=raw,if=virtio,snapshot=on" -drive "file=$dir/seed.img,format=raw,if=virtio,readonly=on" \
		-nic tap,ifname=tap0,script=no,downscript=no,model=virtio-net-pci \
		-chardev "file,id=console,path=$dir/console" -serial chardev:console \
		-device virtio-serial -chardev "file,id=journal,path=$dir/journal" -device virtconsole,chardev=journal \
		-kernel "$disk/vmlinuz" -initrd "$disk/initrd" \
		-append 'console=ttyS0 quiet loglevel=5 panic=-1 no_timer_check nowatchdog rcupdate.rcu_cpu_stall_suppress=1 mitigations=off systemd.show_status=0 systemd.getty_auto=no'
	wait_for qemu "its node is Ready" node_is_ready
}

start() { # IMAGE [PID]
	local booted until
	build
	end
	prepare "$1"
	trap end EXIT
	trap 'exit 130' INT TERM HUP
	network
	booted=$SECONDS until=$((SECONDS + seconds))
	control_plane
	machine
	trap - EXIT
	printf 'KUBECONFIG=%s\nNETNS=/run/netns/%s\n' "$dir/kubeconfig" "$(cat "$dir/netns")" > "$dir/env"
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
build) build ;;
start)
	[ $# -ge 3 ] || die "which image?"
	start "$(cd "$given" && realpath "$3")" "${4:-}"
	;;
stop) end ;;
stop-after) tail --pid="$3" -f /dev/null; end ;;
*) sed -n '/^#   kube-vm.sh/,/^#$/s/^#  *//p' "$0" >&2; exit 2 ;;
esac
