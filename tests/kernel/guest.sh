#!/bin/bash
# SPDX-License-Identifier: MIT
# guest.sh: the first process of a guest of scripts/kernel-matrix.sh. What it finds goes to the second serial line, a line
# "pgveil KEY VALUE" for each column of the table; everything else to the console. It powers the guest off, whatever happens.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin LC_ALL=C.UTF-8 LANG=C.UTF-8 HOME=/root BUILD=release

machine() {
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t devtmpfs dev /dev
	mkdir -p /dev/shm /dev/pts /sys/fs/cgroup
	mount -t tmpfs -o mode=1777 shm /dev/shm
	mount -t devpts devpts /dev/pts
	mount -t tmpfs -o mode=0755 run /run
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t bpf bpf /sys/fs/bpf
	mount -t securityfs securityfs /sys/kernel/security
	ln -sf /proc/self/fd /dev/fd
	exec > /dev/ttyS0 2>&1 < /dev/null 4> /dev/ttyS1
	ip link set lo up
	ulimit -n 20000
	# Those that the kernel does not load by itself when somebody wants them.
	modprobe -a veth bridge inet_diag tcp_diag unix_diag tls af_packet tun vxlan 2> /dev/null
}

result() { printf 'pgveil %s\n' "$*" >&4; }
heading() { printf '\n==== %s (%s s)\n' "$*" "$(cut -d ' ' -f 1 /proc/uptime)"; }

finish() {
	# The kernel's own complaints fail a run that has passed otherwise.
	dmesg | grep -E -m 1 'WARNING:|BUG:|Oops|general protection|Call Trace|hung_task|soft lockup' | sed 's/^/pgveil complaint /' >&4
	result "${1:-done yes}"
	# Closing a line waits until all of it is sent.
	exec 4>&- > /dev/null 2>&1
	exec busybox poweroff -f
}

# ---- the columns ----------------------------------------------------------------------------------------------------------

doctor() { # without a daemon it says whether this kernel can do it
	heading doctor
	if build/release/pgveil --pin-dir /sys/fs/bpf/pgveil doctor > /tmp/doctor 2>&1; then
		result doctor ok
	else
		result "doctor refuses: $(sed -nE 's/^fail +//p' /tmp/doctor | head -n 1 | tr -s ' ')"
	fi
	cat /tmp/doctor
}

# On a kernel that is too old the daemon says why it does not start, and leaves nothing in force.
refusal() {
	heading "the daemon on a kernel that doctor refuses"
	mkdir -p /sys/fs/cgroup/refused /run/refused /var/lib/refused
	echo secret > /tmp/secret
	chmod 600 /tmp/secret
	if LAB_DB_HOST=127.0.0.1 LAB_CGROUP=/refused LAB_CREDENTIAL_FILE=/tmp/secret timeout 60 build/release/pgveild --cgroup-root /sys/fs/cgroup/refused \
		--pin-dir /sys/fs/bpf/pgveil --run-dir /run/refused --state-dir /var/lib/refused --policy tests/kernel/policy.yaml > /tmp/daemon 2>&1; then
		result daemon starts
	elif [ -e /sys/fs/bpf/pgveil ] || bpftool link show | grep -q cgroup; then
		result daemon leaves something behind
	else
		result "daemon refuses: $(tail -n 1 /tmp/daemon)"
	fi
	cat /tmp/daemon
}

lab() { scripts/lab.sh "$1" --name vm "${@:2}"; }

up() {
	heading "a lab: PostgreSQL, the daemon, an enrolled agent"
	if lab up --schema tests/kernel/schema.sql --policy tests/kernel/policy.yaml; then
		result load ok
		return 0
	fi
	result load fails
	return 1
}

programs() { # each program of the object, as the kernel has it
	local name insns links bare=0
	heading "programs, instructions, links"
	/probes/programs build/release/pgveil.bpf.o build/release/bpf/splice.bpf.o > /tmp/programs
	cat /tmp/programs
	while read -r name insns links; do
		result program "$name" "$insns" "$links"
		# What is loaded is attached, but for what sits on sockets and not on a cgroup ("-").
		[ "$insns" = - ] || [ "$links" != 0 ] || bare=1
	done < /tmp/programs
	if [ "$bare" = 0 ] && [ -s /tmp/programs ]; then result attach ok; else result attach fails; fi
}

served() { # SQL: the engine waits ten seconds for definitions that it has not read yet; here it may need more to read them
	local try
	for try in 1 2 3 4 5 6; do ! lab agent -- psql -XqAt -c "$1" || return 0; done
}

redirect() { # raw for the DBA, masked for the enrolled process, which is not told that it speaks to anything but the database
	local raw masked where
	heading redirect
	raw=$(lab dba -- psql -XqAt -c "SELECT ssn FROM person WHERE id = 1")
	served "SELECT ssn FROM person WHERE id = 1"
	masked=$(lab agent -- psql -XqAt -c "SELECT ssn FROM person WHERE id = 1")
	where=$(lab agent -- psql -Xq -c '\conninfo')
	printf 'dba: %s\nagent: %s\n%s\n' "$raw" "$masked" "$where"
	if [ "$raw" = 078-05-1120 ] && [ "$masked" = '*******1120' ] && [[ $where == *'port "5432"'* ]]; then
		result redirect ok
	else
		result redirect fails
	fi
}

bench() { # both ways of asking; nothing may fail
	local how out n=0
	heading pgbench
	lab dba -- pgbench -i -q -s 1 > /dev/null 2>&1 || { result pgbench fails; return; }
	served 'TABLE pgbench_branches'
	for how in simple prepared; do
		out=$(lab agent -- pgbench -n -M $how -c 4 -j 2 -t 20 2>&1)
		printf '%s\n' "$out"
		case $out in *'80/80'*'number of failed transactions: 0 '*) n=$((n + 1)) ;; esac
	done
	if [ $n = 2 ]; then result "pgbench ok $(sed -nE 's/^tps = ([0-9]+).*/\1/p' <<< "$out") tps"; else result pgbench fails; fi
}

fail_closed() { # the programs go on without the daemon: nothing gets through, neither turned nor directly
	local said
	heading "the daemon killed"
	lab daemon kill
	if said=$(lab agent -- psql -XqAt -c "SELECT ssn FROM person WHERE id = 1" 2>&1); then
		result failclosed fails
	elif [[ $said == *refused* ]]; then
		result failclosed ok
	else
		result failclosed fails
	fi
	echo "$said"
	lab daemon start
	served "SELECT ssn FROM person WHERE id = 1"
	said=$(lab agent -- psql -XqAt -c "SELECT ssn FROM person WHERE id = 1")
	echo "$said"
	[ "$said" = '*******1120' ] || result failclosed fails after a restart
}

# Every executable of /probes/KIND: it ends with 0, or with 77 where this kernel has nothing to try it on.
probes() { # KIND
	local p name rc passed=0 failed='' skipped=0 only
	only=$(sed -n 's/.*pgveil\.probes=\([^ ]*\).*/\1/p' /proc/cmdline)
	for p in "/probes/$1"/*; do
		[ -x "$p" ] || continue
		name=${p##*/}
		# shellcheck disable=SC2053
		[[ $name == $only ]] || continue
		heading "$1: $name"
		timeout --kill-after=5 "${PROBE_SECONDS:-1800}" "$p"
		rc=$?
		case $rc in
		0) passed=$((passed + 1)) ;;
		77) skipped=$((skipped + 1)) ;;
		*) failed+=" $name" ;;
		esac
		echo "==== $1: $name ended with $rc"
	done
	if [ -n "$failed" ]; then
		result "$1 fails:$failed"
	elif [ $passed -gt 0 ]; then
		result "$1 ok $passed$([ $skipped = 0 ] || echo ", $skipped not here")"
	else
		result "$1 -"
	fi
}

machine
trap 'finish "done no"' EXIT
cd /pgveil || exit 1
result release "$(uname -r)"
export KERN_PROBE=/probes/kern_probe URING_CONNECT=/probes/uring_connect LAB_CLUSTERS=/clusters LAB_PATIENCE=60
doctor
if grep -q 'pgveil.kernel=5\.' /proc/cmdline; then
	refusal
	trap - EXIT
	finish
fi
if up; then
	programs
	redirect
	bench
	fail_closed
	lab down || result load leaves something behind
fi
probes bypass
probes splice
trap - EXIT
finish
