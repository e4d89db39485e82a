#!/bin/bash
# SPDX-License-Identifier: MIT
# lab.sh: a running system for tests, benchmarks and newcomers: a throwaway PostgreSQL in its own network namespace, the
# daemon, enrolled agent cgroups with a namespace each, and a cgroup that nobody classified. Needs root.
#
#   lab.sh up [--schema FILE.sql] [--policy FILE.yaml]… [--pg-bin DIR] [--pg-conf k=v]… [--agents N] [--json]
#   lab.sh agent [--as agent1|unknown] [--root] -- CMD…   as that process would run; not as root unless --root says so
#   lab.sh dba -- CMD…                      not enrolled, PG* set to a superuser
#   lab.sh daemon kill|stop|start|restart|upgrade   kill is SIGKILL, stop is SIGTERM; upgrade is a new one that takes over
#   lab.sh pgveil -- ARGS…                  the pgveil command, pointed at the lab's daemon
#   lab.sh logs [daemon|postgres]
#   lab.sh down                             leaves nothing; also takes away a lab that is half built
#
# Every verb takes --name N (default lab). Policy files may use ${LAB_DB_HOST} ${LAB_DB_PORT} ${LAB_DB_NAME}
# ${LAB_CGROUP} ${LAB_CGROUP_2} … ${LAB_CREDENTIAL_FILE}, and ${LAB_KEY_FILE} (for keyed masks), ${LAB_SUPERUSER_FILE}, ${LAB_DB_CA},
# ${LAB_DB_HOST6}, ${LAB_DB_SOCKET} (the directory of the server's unix socket), ${LAB_CLIENT_CERT}, ${LAB_CLIENT_KEY}. Environment: BUILD (release; which build/ to run),
# PGVEIL_LAB_DIR (/run/pgveil-lab), LAB_DAEMON_ARGS (more flags for the daemon, kept over restarts), LAB_CLUSTERS (a directory
# where new clusters are kept, to be copied), LAB_PATIENCE (how many times longer than usual what is started may take).
#
#   host netns                       bridge pvXXXX, 10.A.B.1 (A.B are XXXX in hex)
#                                 ┌──────────┼──────────────┬─────────────┐ veth pairs
#   pgveil-NAME-db: PostgreSQL 10.A.B.2   …-agent1 .11   …-agent2 .12   …-unknown .250
#   cgroup: <v2>/pgveil-lab-NAME/{agent1,agent2,unknown}; the database, the daemon and the DBA are outside
set -euo pipefail

self=$0
if [[ $self != /* || -L $self ]]; then self=$(realpath "$0"); fi
root=${self%/scripts/*}
export PATH=$PATH:/usr/sbin:/sbin

say() { printf 'lab.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '/^#   lab.sh/s/^# *//p' "$self" >&2; exit 2; }

# ---- what a lab is called -------------------------------------------------------------------------------------------

lab_paths() { # sets what follows from the lab's name
	[[ $name =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] || die "--name: 1 to 31 of a-z 0-9 - expected, not '$name'"
	base=${PGVEIL_LAB_DIR:-/run/pgveil-lab}
	[[ $base =~ ^/[A-Za-z0-9._/-]+$ ]] || die "PGVEIL_LAB_DIR: an absolute path of A-Z a-z 0-9 . _ - / expected, not '$base'"
	state=$base/$name
	[ ${#state} -le 80 ] || die "$state: too long for the unix sockets in it"
	local line
	cg_mount=
	while read -r line; do
		if [[ $line =~ ^([^ ]+\ ){4}([^ ]+)\ .*\ -\ cgroup2\  ]]; then cg_mount=${BASH_REMATCH[2]}; break; fi
	done < /proc/self/mountinfo
	[ -n "$cg_mount" ] || die "no cgroup v2 is mounted on this machine"
	cg_root=$cg_mount/pgveil-lab-$name
	ns=pgveil-$name
}

lab_load() { # the facts that up wrote down
	[ -e "$state/lab.env" ] || die "there is no lab '$name' (lab.sh up --name $name)"
	# shellcheck source=/dev/null
	. "$state/lab.env"
}

lab_save() {
	local v
	for v in build db_host db_host6 db_port db_name pg_version agents pg_password agent_password bridge daemon_args; do
		printf '%s=%q\n' "$v" "${!v}"
	done > "$state/lab.env"
	printf 'policies=(%s)\n' "$([ ${#policies[@]} -eq 0 ] || printf '%q ' "${policies[@]}")" >> "$state/lab.env"
	chmod 600 "$state/lab.env"
}

agent_names() { local i; for ((i = 1; i <= agents; i++)); do echo "agent$i"; done; }

# What a policy file may use.
lab_environment() {
	local i
	export LAB_DB_HOST=$db_host LAB_DB_PORT=$db_port LAB_DB_NAME=$db_name LAB_DB_HOST6=$db_host6 LAB_DB_SOCKET=$state/sock
	export LAB_CGROUP=/pgveil-lab-$name/agent1 LAB_CREDENTIAL_FILE=$state/agent.pw LAB_SUPERUSER_FILE=$state/superuser.pw
	export LAB_KEY_FILE=$state/mask.key LAB_DB_CA=$state/tls/ca.pem LAB_CLIENT_CERT=$state/tls/client.crt LAB_CLIENT_KEY=$state/tls/client.key
	for ((i = 1; i <= agents; i++)); do export "LAB_CGROUP_$i=/pgveil-lab-$name/agent$i"; done
}

# ---- processes ------------------------------------------------------------------------------------------------------

# A zombie of which threads are left still has its descriptors: who looks then finds the listener there.
proc_start() { # PID → when it started, in ticks; fails for one that is gone or a zombie without threads
	local stat=
	IFS= read -r -d '' stat 2> /dev/null < "/proc/$1/stat" || [ -n "$stat" ] || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086
	set -- $stat
	[ "$1" != X ] && { [ "$1" != Z ] || [ "${18}" -gt 1 ]; } && echo "${20}"
}

pid_write() { # FILE PID: the start time keeps a later process with the same number safe from us
	local start
	start=$(proc_start "$2") || return 1
	echo "$2 $start" > "$1"
}

pid_alive() { # FILE → prints the pid while that process lives
	local pid start
	read -r pid start 2> /dev/null < "$1" || return 1
	[ "$(proc_start "$pid")" = "$start" ] && echo "$pid"
}

pid_end() { # FILE SIGNAL SECONDS: signal and wait; fails when it is still there
	local pid deadline=$((SECONDS + $3))
	pid=$(pid_alive "$1") || { rm -f "$1"; return 0; }
	kill "-$2" "$pid" 2> /dev/null || true
	while pid_alive "$1" > /dev/null; do
		[ $SECONDS -le $deadline ] || return 1
		sleep 0.02
	done
	rm -f "$1"
}

# ---- PostgreSQL -----------------------------------------------------------------------------------------------------

find_pg() { # newest installed server unless --pg-bin; sets as_postgres
	local d
	if [ -z "$pg_bin" ]; then
		for d in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
			[ -x "$d/postgres" ] && pg_bin=$d
		done
		[ -n "$pg_bin" ] || die "no PostgreSQL server below /usr/lib/postgresql (scripts/deps.sh installs one; or --pg-bin)"
	fi
	pg_bin=$(realpath "$pg_bin")
	for d in initdb pg_ctl postgres; do [ -x "$pg_bin/$d" ] || die "--pg-bin $pg_bin: no $d there"; done
	pg_lib=
	[ ! -e "$pg_bin/../lib/libpq.so.5" ] || pg_lib=$(realpath "$pg_bin/../lib")
	# Debian's /usr/bin/psql is a script that looks for this one.
	psql=psql
	if [ -z "$pg_lib" ] && [ -x "$pg_bin/psql" ]; then psql=$pg_bin/psql; fi
	id postgres > /dev/null 2>&1 || die "there is no user postgres to run the server as"
	as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --
		env -i PATH="$PATH" LANG=C.UTF-8 TZ=UTC ${pg_lib:+LD_LIBRARY_PATH="$pg_lib"})
}

make_certificates() { # a CA, the server's certificate for its addresses, and the engine's client certificate
	local d=$state/tls san=IP:$db_host${db_host6:+,IP:$db_host6},DNS:db.pgveil.test
	mkdir -m 755 "$d"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=pgveil lab $name CA" \
		-keyout "$d/ca.key" -out "$d/ca.pem" 2> /dev/null
	issue() { # FILE COMMON-NAME EXTENSION
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$d/$1.key" 2> /dev/null |
			openssl x509 -req -days 30 -CA "$d/ca.pem" -CAkey "$d/ca.key" -CAcreateserial -extfile <(echo "$3") \
				-out "$d/$1.crt" 2> /dev/null
		chmod 600 "$d/$1.key"
	}
	issue server "$db_host" "subjectAltName=$san"
	issue client pgveil_agent "extendedKeyUsage=clientAuth"
	chown postgres "$d/server.key"
}

hba() { # the DSN's role can never log in; the engine's and the superuser's passwords do
	cat <<-HBA
		local all postgres                 scram-sha-256
		host  all agent        all         reject
		host  all postgres     samenet     scram-sha-256
		host  all pgveil_agent samenet     scram-sha-256
	HBA
}

# initdb is a third of what a lab costs. Where LAB_CLUSTERS names a directory, the first lab of a server leaves the new cluster
# there, and others copy it, with its superuser's password.
make_cluster() { # DIR
	local data=$1 kept=${LAB_CLUSTERS:+$LAB_CLUSTERS/${pg_bin//\//-}} new
	if [ -n "$kept" ] && [ -d "$kept" ]; then
		cp -a "$kept/pg/." "$data"
		read -r pg_password < "$kept/superuser.pw"
		return
	fi
	install -o postgres -m 600 /dev/null "$state/initdb.pw"
	echo "$pg_password" > "$state/initdb.pw"
	"${as_postgres[@]}" "$pg_bin/initdb" -D "$data" -U postgres --auth=scram-sha-256 --pwfile="$state/initdb.pw" -E UTF8 \
		--locale=C.UTF-8 --no-sync > "$state/log/initdb.log" 2>&1 || { tail -n 15 "$state/log/initdb.log" >&2; die "initdb failed"; }
	rm -f "$state/initdb.pw"
	if [ -n "$kept" ]; then
		new=$(mktemp -d "$LAB_CLUSTERS/new.XXXXXX")
		cp -a "$data" "$new/pg"
		echo "$pg_password" > "$new/superuser.pw"
		mv -T "$new" "$kept" 2> /dev/null || rm -rf "$new" # another lab was first
	fi
}

pg_start() {
	local data=$state/pg kv v
	# jit = off: what reads the catalogue is estimated at so much that it is compiled, for seconds each time.
	install -d -o postgres -g postgres -m 700 "$data" "$state/sock"
	make_cluster "$data"
	echo "$pg_password" > "$state/superuser.pw"
	hba > "$data/pg_hba.conf"
	{
		cat <<-CONF
			listen_addresses = '$db_host${db_host6:+,$db_host6}'
			port = $db_port
			unix_socket_directories = '$state/sock'
			password_encryption = 'scram-sha-256'
			ssl = on
			ssl_cert_file = '$state/tls/server.crt'
			ssl_key_file = '$state/tls/server.key'
			ssl_ca_file = '$state/tls/ca.pem'
			shared_buffers = 64MB
			fsync = off
			full_page_writes = off
			wal_level = minimal
			max_wal_senders = 0
			max_wal_size = 256MB
			jit = off
			log_statement = all
			log_connections = on
			log_disconnections = on
			log_line_prefix = '%m [%p] %u@%d/%a '
			log_timezone = UTC
			timezone = UTC
		CONF
		for kv in "${pg_conf[@]}"; do
			v=${kv#*=}
			printf "%s = '%s'\n" "${kv%%=*}" "${v//\'/\'\'}"
		done
	} >> "$data/postgresql.conf"
	install -o postgres -m 644 /dev/null "$state/log/postgres.log"
	setsid --wait nsenter --net="/run/netns/$ns-db" -- "${as_postgres[@]}" "$pg_bin/pg_ctl" -D "$data" -l "$state/log/postgres.log" \
		-w -t $((60 * ${LAB_PATIENCE:-1})) start > "$state/log/pg_ctl.log" 2>&1 < /dev/null || die "PostgreSQL did not start"
	pid_write "$state/postgres.pid" "$(head -n 1 "$data/postmaster.pid")" || die "PostgreSQL ended at once"
}

dba_environment() {
	export PGHOST=$db_host PGPORT=$db_port PGDATABASE=$db_name PGUSER=postgres PGPASSWORD=$pg_password
}

psql_dba() { # as superuser, from the host, over the bridge; kept out of the server's log, which would show the passwords
	(
		dba_environment
		export PGCONNECT_TIMEOUT=$((10 * ${LAB_PATIENCE:-1}))
		export PGOPTIONS='-c client_min_messages=warning -c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic'
		"$psql" -XqAt -v ON_ERROR_STOP=1 "$@"
	)
}

load_schema() { # [FILE]
	psql_dba -d postgres <<-SQL || die "the lab's roles and its database could not be made"
		CREATE DATABASE $db_name ENCODING 'UTF8' TEMPLATE template0;
		CREATE ROLE pgveil_agent LOGIN PASSWORD '$(cat "$state/agent.pw")';
		CREATE ROLE agent LOGIN PASSWORD '$agent_password';
	SQL
	psql_dba <<-SQL || die "default privileges could not be set"
		ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO pgveil_agent;
		ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO pgveil_agent;
		ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO pgveil_agent;
	SQL
	if [ -n "$1" ]; then
		psql_dba -f "$1" > "$state/log/schema.log" 2>&1 || { tail -n 15 "$state/log/schema.log" >&2; die "$1: the schema does not load"; }
	fi
	# What the file's own GRANTs and other owners left out.
	pg_version=$(psql_dba <<-'SQL'
		DO $$
		DECLARE s text;
		BEGIN
			FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
				EXECUTE format('GRANT USAGE ON SCHEMA %I TO pgveil_agent', s);
				EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO pgveil_agent', s);
				EXECUTE format('GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA %I TO pgveil_agent', s);
			END LOOP;
		END $$;
		SHOW server_version;
	SQL
	) || die "the schema's privileges could not be granted"
}

# ---- network and cgroups --------------------------------------------------------------------------------------------

# Picks 10.A.B.0/24 by a hash of the name. The bridge carries A and B in its name, so that making it is also the claim: a
# second lab that picks the same numbers fails to make it and goes on to the next.
make_bridge() {
	local h i hex a b
	h=$((16#$(printf %s "$name" | sha256sum | cut -c 1-6)))
	for ((i = 0; i < 12800; i++, h++)); do
		a=$((200 + h % 50)) b=$((h / 50 % 256))
		[ -z "$(ip -4 -o addr show to "10.$a.$b.0/24")" ] || continue
		[ -z "$(ip -4 route show table all to root "10.$a.$b.0/24")" ] || continue
		hex=$(printf '%02x%02x' "$a" "$b")
		ip link add name "pv$hex" type bridge stp_state 0 forward_delay 0 mcast_snooping 0 2> /dev/null || continue
		bridge=pv$hex
		break
	done
	[ -n "$bridge" ] || die "no free 10.200-249.*.0/24 network, or no bridge can be made"
	ip link set dev "$bridge" alias "pgveil-lab-$name"
	ip addr add "10.$a.$b.1/24" dev "$bridge"
	net4=10.$a.$b net6=
	if [ "$(cat /proc/sys/net/ipv6/conf/all/disable_ipv6 2> /dev/null || echo 1)" = 0 ] &&
		ip -6 addr add "fd70:6776:$hex::1/64" dev "$bridge" nodad 2> /dev/null; then
		net6=fd70:6776:$hex:
	fi
	ip link set dev "$bridge" up
	db_host=$net4.2 db_host6=${net6:+$net6:2}
}

make_netns() { # NAME VETH-SUFFIX LAST-NUMBER
	local n=$ns-$1 v=$bridge$2
	ip netns add "$n"
	ip link add "$v" type veth peer name eth0 netns "$n"
	ip link set dev "$v" alias "pgveil-lab-$name" master "$bridge" up
	ip -n "$n" -batch - <<-IP
		link set dev lo up
		addr add $net4.$3/24 dev eth0
		${net6:+addr add $net6:$3/64 dev eth0 nodad}
		link set dev eth0 up
	IP
}

make_agents() {
	local i a
	mkdir "$cg_root"
	mkdir -m 755 "$state/home"
	for ((i = 1; i <= agents; i++)); do make_netns "agent$i" "a$i" $((10 + i)); done
	make_netns unknown u 250
	for a in $(agent_names) unknown; do
		mkdir "$cg_root/$a"
		install -d -o nobody -m 700 "$state/home/$a"
	done
}

# ---- the daemon -----------------------------------------------------------------------------------------------------

daemon_start() { # [--takeover]
	local f args=("$@") bin=$root/build/$build/pgveild old=
	old=$(pid_alive "$state/daemon.pid") || old=
	[ -z "$old" ] || [ $# -gt 0 ] || die "the daemon is running already"
	for f in "${policies[@]}"; do args+=(--policy "$f"); done
	# shellcheck disable=SC2206
	args+=($daemon_args)
	rm -f "$state/ready"
	mkfifo -m 600 "$state/ready"
	(
		exec 3> "$state/ready" 0< /dev/null 1>> "$state/log/daemon.log" 2>&1
		lab_environment
		export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1:detect_leaks=1}:log_path=$state/log/sanitizer
		export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}:log_path=$state/log/sanitizer
		cd /
		exec setsid "$bin" --cgroup-root "$cg_root" --pin-dir "$state/bpf/pgveil" --run-dir "$state/run" --state-dir "$state/state" \
			--workers 2 --catalog-max-age $((5 * ${LAB_PATIENCE:-1}))s --log-level info --ready-fd 3 "${args[@]}"
	) &
	pid_write "$state/daemon.pid.new" $! || die "the daemon ended at once"
	# The writer's end closes when the daemon dies, so that this read ends early then.
	if ! read -r -t $((30 * ${LAB_PATIENCE:-1})) < "$state/ready"; then
		pid_end "$state/daemon.pid.new" KILL 5
		rm -f "$state/ready"
		die "the daemon did not become ready"
	fi
	rm -f "$state/ready"
	# The one that drains ends by itself; down waits for it.
	[ -z "$old" ] || mv "$state/daemon.pid" "$state/daemon.pid.old"
	mv "$state/daemon.pid.new" "$state/daemon.pid"
	pgveil status > "$state/log/status.log" 2>&1 || { cat "$state/log/status.log" >&2; die "the daemon does not answer"; }
}

enrol_agents() { # once: a later daemon takes over what this one enrolled
	local a
	for a in $(agent_names); do
		pgveil enroll "$cg_root/$a" --netns "/run/netns/$ns-$a" > "$state/log/enroll.log" 2>&1 ||
			{ cat "$state/log/enroll.log" >&2; die "$a could not be enrolled"; }
	done
}

daemon_stop() {
	pid_end "$state/daemon.pid" TERM 20 || die "the daemon still runs 20 seconds after SIGTERM"
}

pgveil() {
	"$root/build/$build/pgveil" --run-dir "$state/run" --pin-dir "$state/bpf/pgveil" "$@"
}

default_policy() { # masks nothing
	local a
	echo 'apiVersion: pgveil.dev/v1'
	echo 'kind: MaskingPolicy'
	echo 'metadata: {name: lab-default}'
	echo 'spec:'
	echo '  subjects:'
	for a in $(agent_names); do echo "    - cgroup: \"/pgveil-lab-$name/$a\""; done
	cat <<-'YAML'
	  databases:
	    - name: lab
	      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
	      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
	      tls: {mode: disable}
	YAML
}

# ---- verbs ----------------------------------------------------------------------------------------------------------

last_lines() { # of the logs NAME…
	local f
	for f in "$@"; do
		[ -s "$state/log/$f.log" ] || continue
		say "last lines of the log of $f:"
		grep -vE 'LOG:  (connection |disconnection)' "$state/log/$f.log" | tail -n 20 >&2 || true
	done
	if compgen -G "$state/log/sanitizer.*" > /dev/null; then cat "$state"/log/sanitizer.* >&2; fi
}

up_failed() {
	last_lines daemon postgres
	take_down
	say "up failed; nothing is left of it"
}

up() {
	local schema='' json='' out='' random f i
	policies=() pg_conf=() pg_bin='' agents=1 bridge=''
	while [ $# -gt 0 ]; do
		case $1 in
		--schema) schema=${2:?}; shift ;;
		--policy) policies+=("$(realpath "${2:?}")"); shift ;;
		--pg-bin) pg_bin=${2:?}; shift ;;
		--pg-conf) [[ ${2:?} =~ ^[a-z_.]+= ]] || die "--pg-conf: k=v expected, not '$2'"; pg_conf+=("$2"); shift ;;
		--agents) agents=${2:?}; [[ $agents =~ ^[1-9][0-9]{0,2}$ && $agents -le 200 ]] || die "--agents: 1 to 200"; shift ;;
		--json) json=1 ;;
		*) usage ;;
		esac
		shift
	done
	for f in "${policies[@]}" ${schema:+"$schema"}; do [ -r "$f" ] || die "$f: cannot be read"; done
	if [ -e "$state" ] || [ -e "$cg_root" ]; then die "lab '$name' is there already, or half of it: lab.sh down --name $name"; fi
	build=${BUILD:-release} daemon_args=${LAB_DAEMON_ARGS:-}
	for f in pgveild pgveil; do [ -x "$root/build/$build/$f" ] || make -C "$root" all BUILD="$build" >&2; done
	find_pg
	db_port=5432 db_name=lab pg_version=
	random=$(openssl rand -hex 80)
	pg_password=${random:0:32} agent_password=${random:32:32}

	# Twice: the last of the other labs may just have taken the directory away.
	{ mkdir -p "$base" && mkdir -m 755 "$state"; } 2> /dev/null || { mkdir -p "$base" && mkdir -m 755 "$state"; } ||
		die "lab '$name' is being started by somebody else"
	trap up_failed EXIT
	trap 'exit 130' INT TERM HUP
	mountpoint -q /run/netns || touch "$base/.run-netns"
	mkdir -m 755 "$state/log" "$state/bpf"
	mkdir -m 755 "$state/run" # reviewers need not be root
	mkdir -m 700 "$state/state"
	mount -t bpf -o mode=0700 bpffs "$state/bpf"
	(umask 077; : > "$state/superuser.pw"; echo "${random:64:32}" > "$state/agent.pw"; echo "${random:96:64}" > "$state/mask.key")
	make_bridge
	make_netns db d 2
	make_certificates
	pg_start
	make_agents
	load_schema "$schema"
	if [ ${#policies[@]} -eq 0 ] && [[ $daemon_args != *--kube-policies* ]]; then
		default_policy > "$state/default-policy.yaml"
		policies=("$state/default-policy.yaml")
	fi
	lab_save
	daemon_start
	enrol_agents
	trap - EXIT INT TERM HUP

	local daemon_pid
	daemon_pid=$(pid_alive "$state/daemon.pid")
	if [ -z "$json" ]; then
		say "lab '$name' is up: PostgreSQL $pg_version at $db_host:$db_port, $agents agent(s), state in $state"
		return
	fi
	for ((i = 1; i <= agents; i++)); do
		out+=${out:+, }$(printf '{"name": "agent%d", "cgroup": "%s", "netns": "%s", "ip": "%s"}' $i "$cg_root/agent$i" "$ns-agent$i" "$net4.$((10 + i))")
	done
	printf '{"db_host": "%s", "db_port": %d, "db_name": "%s", "pg_version": "%s", "superuser_dsn": "%s", "agents": [%s], "unknown_cgroup": "%s", "state_dir": "%s", "daemon_pid": %d}\n' \
		"$db_host" "$db_port" "$db_name" "${pg_version%% *}" "postgresql://postgres:$pg_password@$db_host:$db_port/$db_name" "$out" \
		"$cg_root/unknown" "$state" "$daemon_pid"
}

run_as_agent() {
	local as=agent1 ids=(--reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs) v
	while [ $# -gt 0 ]; do
		case $1 in
		--as) as=${2:?}; shift 2 ;;
		--root) ids=(); shift ;;
		--) shift; break ;;
		*) usage ;;
		esac
	done
	[ $# -gt 0 ] || usage
	lab_load
	[[ $as =~ ^(agent[0-9]+|unknown)$ && -d $cg_root/$as ]] || die "--as $as: the lab has $(agent_names | tr '\n' ' ')and unknown"
	for v in "${!PG@}"; do unset "$v"; done
	export PGHOST=$db_host PGPORT=$db_port PGDATABASE=$db_name PGUSER=agent PGPASSWORD=$agent_password HOME=$state/home/$as
	setpriv "${ids[@]}" -- test -x "$PWD" || cd "$HOME"
	echo $$ > "$cg_root/$as/cgroup.procs"
	if [ ${#ids[@]} -gt 0 ]; then exec nsenter --net="/run/netns/$ns-$as" -- setpriv "${ids[@]}" -- "$@"; fi
	exec nsenter --net="/run/netns/$ns-$as" -- "$@"
}

run_as_dba() {
	local v
	if [ "${1:-}" != -- ] || [ $# -lt 2 ]; then usage; fi
	shift
	lab_load
	for v in "${!PG@}"; do [ "$v" = PGVEIL_LAB_DIR ] || unset "$v"; done
	dba_environment
	exec "$@"
}

daemon() {
	[ $# -eq 1 ] || usage
	lab_load
	case $1 in
	kill) pid_end "$state/daemon.pid" KILL 20 || die "the daemon survived SIGKILL" ;;
	stop) daemon_stop ;;
	start | restart)
		trap 'last_lines daemon' EXIT
		[ "$1" = start ] || daemon_stop
		daemon_start
		trap - EXIT
		;;
	upgrade)
		trap 'last_lines daemon' EXIT
		daemon_start --takeover
		trap - EXIT
		;;
	*) usage ;;
	esac
}

logs() {
	local f
	[ -d "$state/log" ] || die "there is no lab '$name'"
	for f in ${1:-daemon postgres}; do
		[ -e "$state/log/$f.log" ] || die "logs: daemon or postgres"
		[ $# -gt 0 ] || echo "==> $f <=="
		cat "$state/log/$f.log"
	done
}

# Everything that a lab may have left, whatever of it was built; never fails on what is not there.
take_down() {
	local p n d l deadline
	set +e
	if [ -e "$cg_root/cgroup.kill" ]; then
		echo 1 > "$cg_root/cgroup.kill"
	elif [ -d "$cg_root" ]; then
		find "$cg_root" -name cgroup.procs -exec cat {} + | while read -r p; do kill -9 "$p" 2> /dev/null; done
	fi
	pid_end "$state/daemon.pid.old" TERM 10 || pid_end "$state/daemon.pid.old" KILL 5
	pid_end "$state/daemon.pid" TERM 10 || { say "the daemon did not end in 10 seconds: killed"; pid_end "$state/daemon.pid" KILL 5; }
	if [ -d "$state/bpf/pgveil" ]; then
		(build=release; [ ! -e "$state/lab.env" ] || . "$state/lab.env"; pgveil uninstall) > /dev/null 2> "$state/log/uninstall.log" ||
			{ say "pgveil uninstall failed: $(tail -n 1 "$state/log/uninstall.log"); unpinning by hand"; rm -rf "$state/bpf/pgveil"; }
	fi
	# SIGQUIT is PostgreSQL's immediate shutdown: children go too, shared memory is given back.
	if [ ! -e "$state/postgres.pid" ] && p=$(head -n 1 "$state/pg/postmaster.pid" 2> /dev/null) &&
		grep -qaF "$state/pg" "/proc/$p/cmdline" 2> /dev/null; then
		pid_write "$state/postgres.pid" "$p"
	fi
	pid_end "$state/postgres.pid" QUIT 10 || pid_end "$state/postgres.pid" KILL 5
	for n in $(ip netns list | awk -v p="$ns-" 'index($1, p) == 1 && substr($1, length(p) + 1) ~ /^(db|unknown|agent[0-9]+)$/ { print $1 }'); do
		for p in $(ip netns pids "$n" 2> /dev/null); do kill -9 "$p" 2> /dev/null; done
		ip netns del "$n"
	done
	for l in /sys/class/net/*/ifalias; do
		read -r d 2> /dev/null < "$l" && [ "$d" = "pgveil-lab-$name" ] && l=${l%/ifalias} && ip link del "${l##*/}"
	done
	deadline=$((SECONDS + 10))
	find "$cg_root" -depth -type d 2> /dev/null | while read -r d; do
		until rmdir "$d" 2> /dev/null || [ $SECONDS -gt $deadline ]; do sleep 0.02; done
	done
	if mountpoint -q "$state/bpf"; then umount "$state/bpf" || umount -l "$state/bpf"; fi
	[ ! -d "$state" ] || rm -rf --one-file-system "$state"
	# The first namespace of a machine mounts /run/netns on itself; the last lab takes that away again.
	if [ "$(ls -A "$base" 2> /dev/null)" = .run-netns ]; then
		rm -f "$base/.run-netns"
		[ -n "$(ls -A /run/netns)" ] || { umount /run/netns && rmdir /run/netns; }
	fi
	rmdir "$base" 2> /dev/null
	set -e
}

down() {
	[ $# -eq 0 ] || usage
	take_down
	if [ -e "$state" ] || [ -e "$cg_root" ]; then die "something of lab '$name' is left in $state or $cg_root"; fi
}

[ $# -gt 0 ] || usage
verb=$1
shift
name=lab rest=()
while [ $# -gt 0 ]; do # --name may stand anywhere before --
	case $1 in
	--name) name=${2:?"--name needs a value"}; shift 2 ;;
	--) break ;;
	*) rest+=("$1"); shift ;;
	esac
done
set -- "${rest[@]}" "$@"
[ "$(id -u)" = 0 ] || die "needs root: network namespaces, cgroups and BPF"
lab_paths
case $verb in
up) up "$@" ;;
agent) run_as_agent "$@" ;;
dba) run_as_dba "$@" ;;
daemon) daemon "$@" ;;
pgveil)
	[ "${1:-}" = -- ] || usage
	shift
	lab_load
	pgveil "$@"
	;;
logs) logs "$@" ;;
down) down "$@" ;;
*) usage ;;
esac
