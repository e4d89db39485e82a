#!/bin/bash
# SPDX-License-Identifier: MIT
# kernel-matrix.sh: the programs, the engine and PostgreSQL on other kernels than this machine's, each booted under qemu with a
# root that lives in its memory. tests/kernel/guest.sh is what runs there; the table at the end says what it saw.
#
#   kernel-matrix.sh [--record] [5.10 6.1 6.12 6.18 newest]      default: all of them
#
# How many instructions the verifier went through for each program is compared with tests/kernel/verifier.txt: more than a tenth
# above it fails; --record writes it anew for the kernels of this run. Kernels are Debian's (cloud flavour), found by
# apt-cache search because their versions rotate, through a private apt configuration whose sources are derived from this
# machine's own, and kept in ~/.cache/pgveil/kernels (XDG_CACHE_HOME); what each guest said is in build/kernels (NAME.console, NAME.results).
# KERNEL_MATRIX_JOBS=1 is how many guests run at once, KERNEL_MATRIX_SECONDS=2400 what one may take, KERNEL_MATRIX_CPUS=2 what it has (on a
# busy machine one is faster), KERNEL_MATRIX_PROBES=self_test runs only those whose names are like that. Needs root.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
. scripts/kernels.sh
source=$PWD work=$PWD/build/kernels build=build/release
record_file=tests/kernel/verifier.txt
seconds=${KERNEL_MATRIX_SECONDS:-2400}
all=(5.10 6.1 6.12 6.18 newest)

say() { printf 'kernel-matrix.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# ---- kernels ------------------------------------------------------------------------------------------------------------

# Those that the tests want, and what these need: namespaces are joined by veth and bridge, flows are asked for by diag, and a subject tries
# sockets and devices of every kind.
modules=(net/802 net/bridge net/llc net/ipv4 net/ipv6 net/unix net/packet net/xdp net/tls net/mptcp net/netlink net/vmw_vsock net/sctp net/tipc
	net/netfilter net/sched drivers/net/veth.ko drivers/net/veth.ko.xz drivers/net/tun.ko drivers/net/tun.ko.xz drivers/net/vxlan lib crypto)

fetch_kernel() { # NAME: leaves vmlinuz and modules.cpio in $kernels/NAME
	local d=$kernels/$1
	fetch_package "$1"
	[ "$(cat "$d/ready" 2> /dev/null)" = "${modules[*]}" ] || unpack "$d" "$(cat "$d/package")"
}

unpack() { # DIR PACKAGE
	local d=$1 release=${2#linux-image-} p from to m
	rm -rf "$d/unpacked" "$d/tree"
	mkdir "$d/unpacked"
	for p in "$d"/debs/*.deb; do dpkg-deb --fsys-tarfile "$p" | tar -x -C "$d/unpacked"; done
	cp "$(find "$d/unpacked" -name "vmlinuz*" -type f | head -n 1)" "$d/vmlinuz"
	from=$(find "$d/unpacked" -type d -path "*/modules/$release/kernel" | head -n 1)
	[ -n "$from" ] || die "$release: its package has no modules"
	to=$d/tree/usr/lib/modules/$release
	mkdir -p "$to"
	cp "${from%/kernel}"/modules.{order,builtin,builtin.modinfo} "$to/" 2> /dev/null || true
	for m in "${modules[@]}"; do
		[ ! -e "$from/$m" ] || (cd "$from/.." && cp -a --parents "kernel/$m" "$to/")
	done
	find "$to" -name '*.ko.xz' -print0 | xargs -0 -r xz -d
	depmod -b "$d/tree/usr" "$release" 2> /dev/null || depmod -b "$d/tree" "$release"
	(cd "$d/tree" && find . | cpio -o -H newc --quiet) > "$d/modules.cpio"
	rm -rf "$d/unpacked" "$d/tree"
	echo "${modules[*]}" > "$d/ready"
}

# ---- the root ------------------------------------------------------------------------------------------------------------

commands=(bash busybox bpftool ip ss nsenter setpriv setsid unshare mount umount mountpoint modprobe
	awk basename cat chmod chown cmp cp cut date dirname env find grep head id install ln ls mkdir mkfifo mktemp mv nproc openssl printf
	ps readlink realpath rm rmdir sed seq sha256sum sleep sort stat sysctl tail tee test timeout touch tr uname uniq wc xargs dmesg kill)

make_root() {
	local c f
	rm -rf "$root"
	mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,proc,sys,dev,run,tmp,etc,root,var/lib,var/tmp}
	chmod 1777 "$root/tmp" "$root/var/tmp"
	for f in bin sbin lib lib64; do ln -s "usr/$f" "$root/$f"; done
	for c in "${commands[@]}"; do
		f=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin type -P "$c") || die "there is no $c to copy (scripts/deps.sh --kernels)"
		cp -L "$f" "$root/usr/${f#/usr/}"
	done
	ln -sf bash "$root/usr/bin/sh"
	make_users
	make_postgres
	make_cluster
	make_python
	make_pgveil
	make_libraries
}

make_libraries() { # what all that is there needs, at the place where it is here
	local f
	find "$root" /lib/x86_64-linux-gnu/libgcc_s.so.1 -type f \( -perm -u=x -o -name '*.so*' \) -print0 | while IFS= read -r -d '' f; do
		# Scripts and what is linked statically have none.
		/lib64/ld-linux-x86-64.so.2 --list "$f" || true
	done 2> /dev/null | sed -nE 's/^.*(=> |\t)(\/[^ ]+) \(0x.*$/\2/p' | sort -u | grep -v "^$root" | xargs -r cp -L --parents -t "$root"
	cp -L --parents /lib/x86_64-linux-gnu/libgcc_s.so.1 "$root"
}

make_users() {
	getent passwd root postgres nobody > "$root/etc/passwd"
	getent group root postgres nogroup > "$root/etc/group"
	printf 'passwd: files\ngroup: files\nhosts: files\n' > "$root/etc/nsswitch.conf"
	cp -L /etc/protocols "$root/etc/"
	printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"
	cp -L /etc/ssl/openssl.cnf --parents "$root/" 2> /dev/null || true
	mkdir -p "$root/usr/lib/ssl"
	ln -sf /etc/ssl/openssl.cnf "$root/usr/lib/ssl/openssl.cnf"
}

make_postgres() { # the distribution's, without what compiles for it
	local pg=/usr/lib/postgresql/15
	[ -x "$pg/bin/postgres" ] || die "PostgreSQL 15 is not installed (scripts/deps.sh)"
	cp --parents -t "$root" $pg/bin/{postgres,initdb,pg_ctl,psql,pgbench} $pg/lib/{plpgsql,dict_snowball}.so
	mkdir -p "$root/usr/share/postgresql" "$root/usr/lib/locale" "$root/usr/share/zoneinfo/Etc"
	cp -aL /usr/share/postgresql/15 "$root/usr/share/postgresql/"
	rm -rf "$root"/usr/share/postgresql/15/{man,extension/*--*--*}
	cp -aL /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
	cp -L /usr/share/zoneinfo/{UTC,GMT} "$root/usr/share/zoneinfo/"
	cp -L /usr/share/zoneinfo/UTC "$root/usr/share/zoneinfo/Etc/UTC"
}

make_cluster() { # initdb takes a minute there; lab.sh copies what it finds
	local d=$root/clusters/-usr-lib-postgresql-15-bin
	mkdir -p "$d"
	install -d -o postgres -m 700 "$d/pg"
	echo guest > "$d/superuser.pw"
	chmod 644 "$d/superuser.pw"
	# The directories above may be closed to that user.
	(cd "$d" && setpriv --reuid=postgres --regid=postgres --init-groups -- /usr/lib/postgresql/15/bin/initdb -D pg -U postgres \
		--auth=scram-sha-256 --pwfile=superuser.pw -E UTF8 --locale=C.UTF-8 --wal-segsize=1 --no-sync > "$work/initdb.log" 2>&1) ||
		die "initdb failed: $(tail -n 1 "$work/initdb.log")"
	chmod 600 "$d/superuser.pw"
}

make_python() { # what tests/integration wants of it
	local v d
	v=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	cp -L /usr/bin/python3 "$root/usr/bin/"
	mkdir -p "$root/usr/lib/python3/dist-packages"
	tar -C /usr/lib -c --exclude='config-*' --exclude=lib2to3 --exclude=pydoc_data --exclude=test --exclude=distutils --exclude=idlelib \
		--exclude=tkinter --exclude=ensurepip "python$v" | tar -x -C "$root/usr/lib"
	for d in _pytest attr iniconfig pluggy py pytest packaging psycopg2; do
		[ ! -e "/usr/lib/python3/dist-packages/$d" ] || cp -aL "/usr/lib/python3/dist-packages/$d" "$root/usr/lib/python3/dist-packages/"
	done
	cp -aL /usr/lib/python3/dist-packages/{py,pytest,pluggy,iniconfig}*-info "$root/usr/lib/python3/dist-packages/" 2> /dev/null || true
}

make_pgveil() { # the project at the place where the guest runs it
	local f name kind
	mkdir -p "$root/pgveil/$build"
	(cd "$source" && git ls-files --cached --others --exclude-standard scripts tests/integration tests/kernel | xargs cp --parents -t "$root/pgveil")
	(cd "$source" && cp --parents -t "$root/pgveil" $build/{pgveild,pgveil,pgveil.bpf.o,bpf/splice.bpf.o})
	mkdir -p "$root/probes"
	compile "$root/probes/programs" tests/kernel/programs.c
	compile "$root/probes/kern_probe" tests/integration/kern_probe.c $build/net/netns.o
	compile "$root/probes/uring_connect" tests/integration/uring_connect.c
	for kind in bypass splice; do
		mkdir -p "$root/probes/$kind"
		for f in tests/kernel/"$kind"/*; do
			name=${f##*/}
			case $name in
			*.c) compile "$root/probes/$kind/${name%.c}" "$f" ;;
			*) if [ -x "$f" ] && [ -f "$f" ]; then cp "$f" "$root/probes/$kind/"; fi ;;
			esac
		done
	done
	cp tests/kernel/guest.sh "$root/init"
	chmod 755 "$root/init"
}

compile() { # OUT SOURCE [OBJECT…]: with the lowest layers, which kern is on
	gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -pthread -Iuserspace -I. -I$build -o "$1" "${@:2}" \
		$build/libkern.a $build/libbase.a -lbpf -lelf -lz
}

# ---- one kernel ------------------------------------------------------------------------------------------------------------

start() { # NAME
	local name=$1 d=$kernels/$1
	say "$name: $(cat "$d/package"), at most $seconds seconds"
	cat "$work/root.cpio" "$d/modules.cpio" > "$work/$name.initrd"
	: > "$work/$name.results"
	# Two serial lines: the kernel and the tests talk on the first, the second has nothing but results. </dev/null: a guest
	# must not read what is typed at this terminal. lsm=: with that of BPF, which not every kernel has on by itself.
	timeout --kill-after=10 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -smp "${KERNEL_MATRIX_CPUS:-2}" -cpu max -m 2048 -display none -no-reboot \
		-nodefaults -nic none -chardev file,id=console,path="$work/$name.console" -serial chardev:console \
		-chardev file,id=results,path="$work/$name.results" -serial chardev:results -kernel "$d/vmlinuz" -initrd "$work/$name.initrd" \
		-append "console=ttyS0 quiet loglevel=5 panic=-1 rdinit=/init no_timer_check nowatchdog rcupdate.rcu_cpu_stall_suppress=1 mitigations=off lsm=landlock,lockdown,yama,apparmor,bpf \
pgveil.kernel=$name pgveil.probes=${KERNEL_MATRIX_PROBES:-*}" < /dev/null > "$work/$name.qemu" 2>&1 9>&- &
	guests[$name]=$!
	started[$name]=$SECONDS
}

finish_one() { # waits until one of the guests is at its end, and judges what it said
	local pid rc=0 name n r key v
	wait -n -p pid "${guests[@]}" || rc=$?
	for n in "${!guests[@]}"; do [ "${guests[$n]}" != "$pid" ] || name=$n; done
	unset "guests[$name]"
	rm -f "$work/$name.initrd"
	say "$name: done after $((SECONDS - started[$name])) seconds"
	[ "$rc" -ne 124 ] || say "$name: stopped, it had $seconds seconds"
	if [ -s "$work/$name.qemu" ]; then say "$name: $(tail -n 1 "$work/$name.qemu")"; fi
	[ -z "$recording" ] || record "$name"
	v=$(verdict "$name")
	[ "$v" = ok ] || failed+=("$name")
	r=("$name" "$(result "$name" release)")
	for key in load attach redirect failclosed bypass splice pgbench; do r+=("$(result "$name" $key)"); done
	table[$name]=$(row "${r[@]}" "$v")
	if [ "$v" != ok ]; then
		say "$name: the end of its console ($work/$name.console):"
		tail -n 40 "$work/$name.console" | tr -d '\r' >&2
	fi
}

# Lines of the results: "pgveil KEY VALUE…", ended by \r\n as a terminal's are; whatever else is there is not looked at.
result() { # NAME KEY → its value, the last if there are several; "-" if there is none
	tr -d '\r' < "$work/$1.results" | sed -n "s/^pgveil $2 //p" | tail -n 1 | grep . || echo -
}

programs_of() { # NAME → "PROGRAM INSTRUCTIONS" lines, sorted
	tr -d '\r' < "$work/$1.results" | sed -nE 's/^pgveil program ([a-z0-9_]+) ([0-9]+|-) .*$/\1 \2/p' | sort
}

compare() { # NAME → says what costs more than a tenth above the record, and what there is no record of
	local name=$1 worse=0 program n was
	while read -r program n; do
		was=$(awk -v k="$name" -v p="$program" '$1 == k && $2 == p { print $3 }' "$record_file")
		if [ -z "$was" ]; then
			say "$name: $program ($n instructions) is not in $record_file (--record)"
			worse=1
		elif [ "$was" = - ] || [ "$n" = - ]; then
			[ "$was" = "$n" ] || { say "$name: $program: $n instructions, recorded: $was"; worse=1; }
		elif [ $((n * 10)) -gt $((was * 11)) ]; then
			say "$name: $program: the verifier went through $n instructions, recorded: $was"
			worse=1
		fi
	done < <(programs_of "$name")
	return $worse
}

record() { # NAME
	local program n
	[ -n "$(programs_of "$1")" ] || return 0
	{
		sed -n '/^#/p' "$record_file"
		{
			awk -v k="$1" '!/^#/ && $1 != k' "$record_file"
			programs_of "$1" | while read -r program n; do echo "$1 $program $n"; done
		} | sort -V
	} > "$record_file.new"
	mv "$record_file.new" "$record_file"
}

verdict() { # NAME → ok, or what is not
	local name=$1 key
	if [ "$(result "$name" done)" != yes ]; then
		echo "the guest did not come to its end"
	elif [ "$(result "$name" complaint)" != - ]; then
		echo "kernel log: $(result "$name" complaint)"
	elif [ "$name" = 5.10 ]; then
		# Below 6.1 what counts is that it refuses, says why, and leaves nothing attached.
		case "$(result "$name" doctor)/$(result "$name" daemon)" in
		'refuses: '*' cannot use '*'/refuses: '*'cannot load the BPF programs'*) echo ok ;;
		*) echo "it is not refused" ;;
		esac
	else
		for key in doctor load attach redirect failclosed pgbench bypass splice; do
			case $(result "$name" "$key") in ok | ok\ *) ;; *) echo "$key"; return ;; esac
		done
		if [ -n "$recording" ] || compare "$name"; then echo ok; else echo "verifier"; fi
	fi
}

row() { printf '%-8s %-30s %-8s %-8s %-9s %-11s %-22s %-14s %-9s %s\n' "$@"; }

# ---- the run ------------------------------------------------------------------------------------------------------------

recording='' names=() failed=()
declare -A guests=() started=() table=()
while [ $# -gt 0 ]; do
	case $1 in
	--record) recording=1 ;;
	-*) sed -n '/^#   kernel-matrix.sh/s/^# *//p' "$0" >&2; exit 2 ;;
	*) [[ " ${all[*]} " == *" $1 "* ]] || die "$1: one of ${all[*]} expected"; names+=("$1") ;;
	esac
	shift
done
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")
[ "$(id -u)" = 0 ] || die "needs root"
mkdir -p "$work" "$kernels"
exec 9> "$work/lock"
flock -n 9 || die "another run is under way"
exec 8> "$kernels/lock"
flock 8
for name in "${names[@]}"; do fetch_kernel "$name"; done
exec 8>&-
root=$work/root
clean_up() {
	[ ${#guests[@]} -eq 0 ] || kill "${guests[@]}" 2> /dev/null # timeout hands it on
	rm -rf "$root" "$work/root.cpio" "$work"/*.initrd
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
make_root
(cd "$root" && find . | cpio -o -H newc --quiet) > "$work/root.cpio"
for name in "${names[@]}"; do
	[ ${#guests[@]} -lt "${KERNEL_MATRIX_JOBS:-1}" ] || finish_one
	start "$name"
done
while [ ${#guests[@]} -gt 0 ]; do finish_one; done
row kernel release load attach redirect fail-closed bypass splice pgbench verdict
for name in "${names[@]}"; do printf '%s\n' "${table[$name]}"; done
for name in "${names[@]}"; do
	if [ "$(result "$name" doctor)" != ok ]; then printf '%s: doctor %s\n%s: pgveild %s\n' "$name" "$(result "$name" doctor)" "$name" "$(result "$name" daemon)"; fi
done
printf '\nverifier, instructions:\n'
for name in "${names[@]}"; do programs_of "$name" | sed "s/^/$name /"; done | awk '
	{ n[$2, $1] = $3; p[$2]; if (!($1 in k)) { k[$1]; order[++m] = $1 } }
	END { printf "%-20s", "program"; for (i = 1; i <= m; i++) printf "%10s", order[i]; print ""
	      for (x in p) { s = sprintf("%-20s", x); for (i = 1; i <= m; i++) s = s sprintf("%10s", n[x, order[i]]); print s | "sort" } }'
[ ${#failed[@]} -eq 0 ] || die "failed: ${failed[*]}"
