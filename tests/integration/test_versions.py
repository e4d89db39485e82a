# SPDX-License-Identifier: MIT
"""What servers of PostgreSQL 12 to 18 read otherwise than the grammar does (userspace/sql/dialect.c), and what only some of them
have. Run on the distribution's version by `make test`, on each by scripts/pg-versions.sh."""

import time

import pytest

import canary
from lab import Lab

SCHEMA = """
CREATE SCHEMA shop;
CREATE TABLE shop.client (id int PRIMARY KEY, name text, ssn text);
INSERT INTO shop.client VALUES (1, 'Ann', '6172830-0001'), (2, 'Bob', '6172830-0002');
CREATE TABLE shop.zero (xa int, x1f int, _000 int, secret int);
INSERT INTO shop.zero VALUES (0, 0, 1, 5193847);
CREATE TABLE shop.member (mail text NOT NULL UNIQUE, id int PRIMARY KEY, ssn text);
INSERT INTO shop.member SELECT 'canary' || 40 - i || '@example.org', i, '6172830-' || 1000 - i FROM generate_series(1, 30) i;
CREATE FUNCTION public.%(shadow)s(text) RETURNS text LANGUAGE sql AS 'SELECT max(ssn) FROM shop.client';
GRANT USAGE ON SCHEMA shop TO pgveil_agent;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO pgveil_agent;
"""
POLICY = """
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: versions}
spec:
  subjects: [{cgroup: "${LAB_CGROUP}"}]
  databases:
    - name: shop
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  mask:
    - columns: ["shop.client.ssn", "shop.client.virtual_ssn", "shop.zero.*", "shop.member.ssn", "shop.member.mail"]
      with: redact
"""

# text, the versions that read it as the grammar does (first one), or never
DIVERGENT = [
    ("SELECT 0x1F", 16),
    ("SELECT 0b1, 0o7", 16),
    ("SELECT 1_000", 16),
    ("SELECT 1.5_0", 16),
    ("SELECT count(*) FROM (SELECT 0xA) s NATURAL JOIN shop.zero", 16),
    ("SELECT id FROM (SELECT 0_1 AS id) s ORDER BY id LIMIT 1_0", 16),
    ("SELECT U&\"!006ex\" UESCAPE '!' FROM (SELECT 1 AS nx) s", 13),
    ("SELECT U&'!0061' UESCAPE '!'", 13),
    ("SELECT normalize('a')", 13),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    d = tmp_path_factory.mktemp("versions")
    (d / "schema.sql").write_text(SCHEMA % {"shadow": "normalize"})
    (d / "policy.yaml").write_text(POLICY)
    with Lab(schema=d / "schema.sql", policies=(d / "policy.yaml",), agents=1) as up:
        up.major = int(up.dba_psql("SHOW server_version_num")) // 10000
        yield up


def answer(r):
    return r.rows, [c[0] for cs in r.columns for c in cs], [e.sqlstate for e in r.errors]


def test_the_engine_judges_this_version(server):
    with server.login() as c:
        assert c.query("SELECT id, name, ssn FROM shop.client ORDER BY id").ok().rows == [[b"1", b"Ann", b"****"], [b"2", b"Bob", b"****"]]
        assert c.query("SELECT 1 FROM shop.client WHERE ssn = ''").errors[0].sqlstate == "42501"
        assert c.query("SELECT count(*) FROM pg_catalog.pg_class").ok().rows
        assert canary.found(bytes(c.received)) == []


@pytest.mark.parametrize("sql,since", DIVERGENT)
def test_what_is_read_differently_is_refused(server, sql, since):
    with server.login() as c, server.direct() as d:
        r = c.query(sql)
        if server.major < since:
            assert r.errors and "reads it otherwise" in r.errors[0].fields["M"]
        else:
            assert "shop.zero" in sql or answer(r) == answer(d.query(sql))
        assert c.query("SELECT 1").ok().rows == [[b"1"]]


def test_they_differ_indeed(server):
    """Else the list would be for nothing: an older server takes what follows a number's digits for a name (15: for an error)."""
    with server.direct() as d:
        r = d.query("SELECT 0x1F")
        if server.major < 15:
            assert [c[0] for c in r.ok().columns[0]] == ["x1f"] and r.rows == [[b"0"]]
        elif server.major == 15:
            assert r.errors[0].sqlstate == "42601"
        else:
            assert r.ok().rows == [[b"31"]]
        r = d.query("SELECT normalize('x')")
        assert r.ok().rows == [[b"6172830-0002" if server.major < 13 else b"x"]]


def test_what_older_servers_refuse_is_their_error(server):
    """The grammar takes it, the server does not: an ordinary error, and nothing shown."""
    newer = [("SELECT id FROM (SELECT ssn AS id FROM shop.client)", 16), ("SELECT id FROM shop.client ORDER BY id FETCH FIRST 1 ROW WITH TIES", 13),
             ("SELECT JSON_OBJECT('a' VALUE ssn) FROM shop.client", 16), ("SELECT ssn IS JSON FROM shop.client", 16)]
    with server.login() as c, server.direct() as d:
        for sql, since in newer:
            r = c.query(sql)
            assert not r.errors or r.errors[0].sqlstate in ("42501", "42601", d.query(sql).errors[0].sqlstate if server.major < since else "42501")
        assert b"6172830-" not in c.received


def test_returning_old_and_new(server):
    with server.login() as c:
        for sql in ("UPDATE shop.client SET name = name RETURNING old.ssn, new.ssn", "DELETE FROM shop.client RETURNING old.*",
                    "UPDATE shop.client SET name = name RETURNING WITH (OLD AS o) o.ssn"):
            c.query("BEGIN").ok()
            c.query(sql)
            c.query("ROLLBACK").ok()
        assert b"6172830-" not in c.received


def test_virtual_generated_columns(server):
    if server.major < 18:
        pytest.skip("PostgreSQL 18 has them")
    server.dba_psql("CREATE TABLE shop.made (a text, b text GENERATED ALWAYS AS (a || '!') VIRTUAL); GRANT SELECT ON shop.made TO pgveil_agent;"
                    "INSERT INTO shop.made VALUES ('6172830-0009'); ALTER TABLE shop.client ADD virtual_ssn text GENERATED ALWAYS AS (ssn) VIRTUAL,"
                    " ADD other text GENERATED ALWAYS AS (ssn || '!') VIRTUAL")
    with server.login() as c:
        until = time.monotonic() + 10
        while c.query("SELECT b FROM shop.made").errors and time.monotonic() < until:
            pass  # DDL made elsewhere is seen within the catalogue's age
        assert c.query("SELECT b FROM shop.made").ok().rows == [[b"6172830-0009!"]]
        assert c.query("SELECT virtual_ssn, other FROM shop.client WHERE id = 1").ok().rows == [[None, None]]
        assert c.query("SELECT 1 FROM shop.client WHERE other = ''").errors[0].sqlstate == "42501"


def test_the_planner_takes_out_what_a_key_decides(server):
    """What sql/grouped.c lets pass: the clause is left with the key, whatever order its entries have, so that nothing tells of the rest."""
    with server.direct() as direct, server.login() as c:
        for sql in ("SELECT ssn, id, count(*) FROM shop.member GROUP BY ssn, id", "SELECT m.ssn, m.id, count(*) FROM shop.client x LEFT JOIN shop.member m ON m.id = x.id GROUP BY 1, 2"):
            plan = [r[0].decode() for r in direct.query("EXPLAIN (COSTS off) " + sql).ok().rows]
            assert [line.split("Group Key: ")[1] for line in plan if "Group Key" in line] in (["id"], ["m.id"]), plan
            theirs, ours = direct.query(sql + " ORDER BY 2").ok().rows, c.query(sql + " ORDER BY 2").ok().rows
            assert [r[1:] for r in ours] == [r[1:] for r in theirs]
            assert {r[0] for r in ours} <= {b"****", None}
        # from 18 on it may be this index that the groups are made by
        r = c.query("SELECT mail, id FROM shop.member GROUP BY mail, id")
        assert [e.sqlstate for e in r.errors] == (["42501"] if server.major >= 18 else [])
        assert c.query("SELECT mail, ssn FROM shop.member GROUP BY mail, ssn").error.sqlstate == "42501"


def test_code_that_runs_at_login(server):
    """It may have put anything into a setting of nobody's, up to DISCARD ALL."""
    if server.major < 17:
        with server.login() as c:
            assert c.query("SELECT current_setting('shop.note', true)").ok().rows == [[None]]
        return
    server.dba_psql("""CREATE FUNCTION shop.at_login() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN PERFORM set_config('shop.note', (SELECT max(ssn) FROM shop.client), false); END $$;
        CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION shop.at_login();""")
    try:
        with server.login() as c, server.direct() as d:
            assert d.query("SHOW shop.note").ok().rows == [[b"6172830-0002"]]
            for sql in ("SHOW shop.note", "SELECT current_setting('shop.note', true)"):
                assert c.query(sql).errors[0].sqlstate == "42501"
            c.query("DISCARD ALL").ok()
            assert c.query("SHOW shop.note").ok().rows == [[b""]]
            assert b"6172830-" not in c.received
    finally:
        server.dba_psql("DROP EVENT TRIGGER at_login; DROP FUNCTION shop.at_login()")
