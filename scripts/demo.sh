#!/bin/bash
# SPDX-License-Identifier: MIT
# demo.sh: one query as the DBA sees it and as an agent sees it, a refused statement, and the flow in between. Starts a lab
# of its own (scripts/lab.sh) and takes it down again, also when it is interrupted. Needs root; `make demo` builds first.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
name=demo-$$
work=$(mktemp -d)
lab() { local verb=$1; shift; scripts/lab.sh "$verb" --name "$name" "$@"; }
clean() {
	trap - EXIT INT TERM HUP
	exec 9>&- || true
	lab down || true
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP
heading() { printf '\n== %s\n\n' "$*"; }
indent() { sed 's/^/   /'; }
beside() { # LEFT RIGHT: two texts side by side
	local width
	width=$(awk '{ if (length($0) > n) n = length($0) } END { print n + 0 }' "$1")
	paste -d '\n' "$1" "$2" | awk -v w="$width" 'NR % 2 { left = $0; next } { sub(/ +$/, ""); printf "   %-" w "s     %s\n", left, $0 }' | sed 's/ *$//'
}

cat > "$work/schema.sql" <<'SQL'
CREATE TABLE patient (id int PRIMARY KEY, name text, ssn text, email text, ward text);
INSERT INTO patient VALUES
	(1, 'Ada Moreau',   '219-09-9999', 'ada@clinic.example',   'North'),
	(2, 'Jonas Lind',   '457-55-5462', 'j.lind@post.example',  'North'),
	(3, 'Mei Tanaka',   '078-05-1120', 'mei@tanaka.example',   'South'),
	(4, 'Omar Haddad',  NULL,          'omar@haddad.example',  'South');
SQL
cat > "$work/policy.yaml" <<'YAML'
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: clinic}
spec:
  subjects:
    - cgroup: "${LAB_CGROUP}"
  databases:
    - name: clinic
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: verify-full, ca: "${LAB_DB_CA}"}
  mask:
    - columns: ["*.*.ssn"]
      with: {partial: {last: 4}}
    - columns: [public.patient.email]
      with: {email: {keep: domain}}
YAML

heading "A lab: PostgreSQL, an agent in its own cgroup and network namespace, pgveild between them"
lab up --schema "$work/schema.sql" --policy "$work/policy.yaml" 2>&1 | indent
echo
sed -n '/^  mask:/,$p' "$work/policy.yaml" | indent

query='SELECT name, ssn, email FROM patient ORDER BY id'
heading "The same psql, the same query: $query"
{ echo "the DBA"; echo; lab dba -- psql -X -P footer=off -c "$query"; } > "$work/dba"
{ echo "the agent (its DSN names the database, not pgveil)"; echo; lab agent -- psql -X -P footer=off -c "$query"; } > "$work/agent"
beside "$work/dba" "$work/agent"

query="SELECT name FROM patient WHERE ssn LIKE '219%'"
heading "What would tell a masked value another way is refused: $query"
if lab agent -- psql -X -c "$query" > "$work/refused" 2>&1; then
	echo "demo.sh: the statement was not refused" >&2
	exit 1
fi
fold -s -w 100 "$work/refused" | indent
echo
echo "   Lines about it in PostgreSQL's own log (log_statement = all): $(lab logs postgres | grep -c "LIKE '219%'" || true)"

heading "The agent's open connection, as the kernel recorded it (pgveil flows)"
mkfifo "$work/in" "$work/out"
lab agent -- psql -XqAt < "$work/in" > "$work/out" 2>&1 &
exec 9> "$work/in" 8< "$work/out"
echo "SELECT 'connected';" >&9
read -r -t 20 line <&8
[ "$line" = connected ] || { echo "demo.sh: the agent's psql says: $line" >&2; exit 1; }
lab pgveil -- flows | indent
exec 9>&-
wait $!

heading "Taking everything down"
clean
echo "   nothing is left: no process, namespace, cgroup, pin or mount"
