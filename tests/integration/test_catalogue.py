# SPDX-License-Identifier: MIT
"""What the engine knows of the database follows what others change in it: nothing becomes readable by DDL, and what is
new can be used within a second (unknown names are believed unknown for so long)."""

import select
import socket
import time

import pytest

import canary
import wire
from lab import Lab

MAX_AGE = 5  # seconds; what lab.sh starts the daemon with


def eventually(c, sql, rows, seconds=2):
    """What the statement gives once the engine knows of the change; before, errors and NULLs only, and never a value (the
    fixture looks)."""
    begin = time.monotonic()
    while True:
        r = c.query(sql)
        if not r.errors and r.rows == rows:
            return
        assert r.errors or all(cell is None for row in r.rows for cell in row), r.rows
        assert time.monotonic() - begin < seconds, r.errors or r.rows


@pytest.fixture(scope="module")
def changing():
    """A lab whose schema these tests change, each at names of its own."""
    with Lab(agents=2) as lab:
        with lab.login() as c:
            c.query("SELECT 1").ok()  # the catalogue is loaded before anything changes
        yield lab


@pytest.fixture
def c(changing):
    with changing.login() as client:
        yield client
        assert canary.found(bytes(client.received)) == []


def test_a_new_view_over_a_masked_column(changing, c):
    changing.dba_psql("CREATE VIEW clinic.fresh AS SELECT id, ssn AS x, upper(email) AS y FROM clinic.patient")
    eventually(c, "SELECT x, y FROM clinic.fresh WHERE id = 1", [[b"*******0001", None]])
    assert c.query("SELECT id FROM clinic.fresh WHERE x = '1'").error.sqlstate == "42501"


def test_a_new_table_can_be_used(changing, c):
    assert c.query("SELECT * FROM clinic.new_table").error.sqlstate == "42P01"
    changing.dba_psql("CREATE TABLE clinic.new_table (i int); INSERT INTO clinic.new_table VALUES (7)")
    eventually(c, "SELECT * FROM clinic.new_table", [[b"7"]])


def test_a_child_is_masked_as_its_parent(changing, c):
    changing.dba_psql("CREATE TABLE clinic.child (more text) INHERITS (clinic.patient); "
                      "INSERT INTO clinic.child (id, name, ssn, diagnosis, more) VALUES (100, 'Child', '61728300100', 'zebrafinch', 'm')")
    eventually(c, "SELECT ssn, diagnosis, more FROM clinic.child", [[b"*******0100", b"****", b"m"]])
    assert c.query("SELECT ssn, diagnosis FROM clinic.patient WHERE id = 100").ok().rows == [[b"*******0100", b"****"]]
    assert c.query("SELECT id FROM clinic.child ORDER BY ssn").error.sqlstate == "42501"
    changing.dba_psql("DROP TABLE clinic.child")


def test_a_rename_does_not_unmask(changing, c):
    assert c.query("SELECT body FROM clinic.note WHERE id = 1").ok().rows == [[b"****"]]
    changing.dba_psql("ALTER TABLE clinic.note RENAME body TO words")
    try:
        eventually(c, "SELECT words FROM clinic.note WHERE id = 1", [[b"****"]])
        assert c.query("SELECT * FROM clinic.note WHERE id = 1").ok().rows[0][3] == b"****"
        changing.dba_psql("ALTER TABLE clinic.note RENAME TO remark")
        eventually(c, "SELECT words FROM clinic.remark WHERE id = 1", [[b"****"]])
    finally:
        changing.dba_psql("ALTER TABLE IF EXISTS clinic.remark RENAME TO note")
        changing.dba_psql("ALTER TABLE clinic.note RENAME words TO body")


def test_a_rename_does_not_unmask_for_a_worker_that_comes_later():
    """One session bound the rule before the rename; those of other workers, and under a policy that was loaded anew, come after."""
    with Lab(agents=2, env={"LAB_DAEMON_ARGS": "--workers 3"}) as lab:
        with lab.login() as first:
            assert first.query("SELECT body FROM clinic.note WHERE id = 1").ok().rows == [[b"****"]]
            lab.dba_psql("ALTER TABLE clinic.note RENAME body TO words")
            eventually(first, "SELECT words FROM clinic.note WHERE id = 1", [[b"****"]])
        for how in ("other workers", "policy loaded anew"):
            for _ in range(3):
                with lab.login() as c:
                    assert c.query("SELECT words FROM clinic.note WHERE id = 1").ok().rows == [[b"****"]], how
                    assert canary.found(bytes(c.received)) == []
            lab.sh("pgveil", "--", "reload")


def test_a_view_replaced_by_others_is_seen_within_max_age(changing):
    """The window that the README states: a view that keeps its name and columns, and shows another column."""
    changing.dba_psql("CREATE VIEW clinic.swapped AS SELECT id, name AS x FROM clinic.patient")
    with changing.login() as client:
        eventually(client, "SELECT x FROM clinic.swapped WHERE id = 1", [["Patient 1 – Müller".encode()]])
        changing.dba_psql("CREATE OR REPLACE VIEW clinic.swapped AS SELECT id, ssn AS x FROM clinic.patient")
        begin = time.monotonic()
        while client.query("SELECT x FROM clinic.swapped WHERE id = 1").ok().rows != [[b"*******0001"]]:
            assert time.monotonic() - begin < MAX_AGE + 1
    with changing.login() as client:
        assert client.query("SELECT x FROM clinic.swapped WHERE id = 1").ok().rows == [[b"*******0001"]]
        assert canary.found(bytes(client.received)) == []


def test_nobody_puts_a_masked_view_in_the_way_of_another_session(own_lab, tmp_path):
    """B's statement is judged by the view that it knows, and waits for A, who puts another in its place. A masked caller cannot make
    such a view, in a database without code of its own, either: only temporary ones, which no other session sees."""
    schema = tmp_path / "plain.sql"
    schema.write_text("""CREATE SCHEMA clinic; CREATE SCHEMA mine; GRANT ALL ON SCHEMA clinic, mine TO PUBLIC;
        CREATE TABLE clinic.patient (id int PRIMARY KEY, name text, ssn text, email text, diagnosis text, notes text);
        INSERT INTO clinic.patient VALUES (1, 'A', '%s', 'x', 'zebrafinch', 'n'); GRANT ALL ON ALL TABLES IN SCHEMA clinic TO PUBLIC;"""
                      % "61728300001")
    lab = own_lab(schema=schema)
    with lab.login() as a, lab.login() as b:
        for kind in ("VIEW", "MATERIALIZED VIEW"):
            assert a.query("CREATE %s mine.m AS SELECT id, ssn AS x FROM clinic.patient" % kind).error.sqlstate == "42501"
        a.query("CREATE VIEW mine.v AS SELECT id, name AS x FROM clinic.patient").ok()
        a.query("CREATE VIEW mine.above AS SELECT x FROM mine.v").ok()
        eventually(b, "SELECT x || '' FROM mine.above", [[b"A"]])
        for shown in ("ssn AS x FROM clinic.patient", "upper(ssn) AS x FROM clinic.patient", "name AS x FROM clinic.patient WHERE ssn LIKE '6%'",
                      "name AS x FROM clinic.patient ORDER BY ssn", "CASE WHEN id = 1 THEN ssn END AS x FROM clinic.patient",
                      "(SELECT ssn FROM clinic.patient LIMIT 1) AS x FROM clinic.patient"):
            a.query("BEGIN").ok()
            assert a.query("CREATE OR REPLACE VIEW mine.v AS SELECT id, " + shown).error.sqlstate == "42501", shown
            b.send(wire.query("SELECT x || '' FROM mine.above"))
            a.query("ROLLBACK").ok()
            b.until("Z")
            a.query("BEGIN").ok()
            a.query("DROP VIEW mine.v CASCADE").ok()
            assert a.query("CREATE VIEW mine.v AS SELECT id, " + shown).error.sqlstate == "42501", shown
            a.query("ROLLBACK").ok()
        a.query("CREATE TEMP VIEW own AS SELECT id, ssn AS x FROM clinic.patient").ok()
        assert a.query("SELECT x, x || '' FROM own").ok().rows == [[b"*******0001", None]]
        for client in (a, b):
            assert b"61728300001" not in bytes(client.received)


def test_nobody_puts_a_masked_table_in_the_way_of_another_session(own_lab, tmp_path):
    """As with views: a pattern masks any column called email, so the caller can make such a table; but what is masked elsewhere is not
    copied into what the caller may drop. Into a table of somebody else's it is."""
    schema, policy = tmp_path / "plain.sql", tmp_path / "plain.yaml"
    schema.write_text("""CREATE SCHEMA clinic; CREATE SCHEMA mine; GRANT ALL ON SCHEMA mine TO PUBLIC; GRANT USAGE ON SCHEMA clinic TO PUBLIC;
        CREATE TABLE clinic.patient (id int PRIMARY KEY, name text, email text); INSERT INTO clinic.patient VALUES (1, 'A', 'zebrafinch@example.org');
        CREATE TABLE clinic.kept (id int, email text); CREATE TABLE mine.loot (z text); GRANT ALL ON ALL TABLES IN SCHEMA clinic, mine TO PUBLIC;""")
    policy.write_text("""apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: plain}
spec:
  subjects: [{cgroup: "${LAB_CGROUP}"}]
  databases:
    - {name: db, address: "${LAB_DB_HOST}:${LAB_DB_PORT}", credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}, tls: {mode: disable}}
  mask:
    - {columns: ["*.*.email"], with: redact}
""")
    lab = own_lab(schema=schema, policies=[policy])
    copy = "INSERT INTO %s (id, email) SELECT id, email FROM clinic.patient"
    with lab.login() as a, lab.login() as b:
        a.query(copy % "clinic.kept").ok()
        assert b.query("SELECT email FROM clinic.kept").ok().rows == [[b"****"]]
        a.query("CREATE TABLE mine.t (id int, x text)").ok()
        eventually(b, "SELECT t::text FROM mine.t", [])
        for make in ("DROP TABLE mine.t; CREATE TABLE mine.t (id int, email text)", "ALTER TABLE mine.t ADD COLUMN email text",
                     "DROP TABLE mine.t; CREATE TABLE mine.t AS SELECT id, name AS email FROM clinic.patient WHERE false"):
            a.query("BEGIN").ok()
            for s in make.split("; "):
                a.query(s)
            assert a.query(copy % "mine.t").errors, make
            b.send(wire.query("INSERT INTO mine.loot SELECT t::text FROM mine.t RETURNING z"))
            a.query("COMMIT")
            b.until("Z")
            assert b"zebrafinch" not in bytes(b.received), make
        a.query("CREATE TABLE mine.u (id int, email text)").ok()
        eventually(a, "SELECT email FROM mine.u", [])
        assert a.query(copy % "mine.u").error.sqlstate == "42501"
        with lab.direct() as direct:
            assert direct.query("SELECT count(*) FROM mine.loot WHERE z LIKE '%zebrafinch%'").ok().rows == [[b"0"]]


def test_a_prepared_statement_is_judged_again(changing, c):
    """It was understood under an older catalogue; the server plans it anew, and so do we."""
    changing.dba_psql("CREATE VIEW clinic.later AS SELECT id, name AS x FROM clinic.patient")
    eventually(c, "SELECT x FROM clinic.later WHERE id = 1", [["Patient 1 – Müller".encode()]])
    c.query("PREPARE p AS SELECT x FROM clinic.later WHERE id = 1").ok()
    assert c.query("EXECUTE p").ok().rows == [["Patient 1 – Müller".encode()]]
    changing.dba_psql("DROP VIEW clinic.later; CREATE VIEW clinic.later AS SELECT id, ssn AS x FROM clinic.patient; CREATE TABLE clinic.unknown_yet (i int)")
    eventually(c, "SELECT * FROM clinic.unknown_yet", [])  # the engine has looked
    r = c.query("EXECUTE p")
    assert r.errors or r.rows == [[b"*******0001"]]


# ---- code of the database that changes what names mean to the session ----

PATH = {"search_path": "aside,clinic"}
ASIDE = "SELECT pg_catalog.upper(body) FROM note"


@pytest.fixture(scope="module")
def turning(changing):
    """Tables whose triggers set something for the session, some when the transaction commits."""
    changing.dba_psql("""
        CREATE SCHEMA aside; CREATE TABLE aside.note (id int, patient int, filler text, body text);
        INSERT INTO aside.note VALUES (1, 1, '', 'plain aside'); CREATE ROLE deputy; GRANT deputy TO pgveil_agent;
        CREATE FUNCTION aside.turn() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_catalog.set_config(TG_ARGV[0], TG_ARGV[1], false); RETURN NEW; END $$;
        CREATE TABLE aside.path (line text); CREATE TABLE aside.role (line text); CREATE TABLE aside.strings (line text); CREATE TABLE aside.later (line text);
        CREATE TRIGGER t BEFORE INSERT ON aside.path FOR EACH ROW EXECUTE FUNCTION aside.turn('search_path', 'clinic');
        CREATE TRIGGER t BEFORE INSERT ON aside.role FOR EACH ROW EXECUTE FUNCTION aside.turn('role', 'deputy');
        CREATE TRIGGER t BEFORE INSERT ON aside.strings FOR EACH ROW EXECUTE FUNCTION aside.turn('standard_conforming_strings', 'off');
        CREATE CONSTRAINT TRIGGER t AFTER INSERT ON aside.later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION aside.turn('search_path', 'clinic');
        GRANT USAGE ON SCHEMA aside TO pgveil_agent; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA aside TO pgveil_agent""")
    with changing.login(params=PATH) as client:
        eventually(client, ASIDE, [[b"PLAIN ASIDE"]], MAX_AGE + 1)
    yield changing
    changing.dba_psql("DROP SCHEMA aside CASCADE; DROP ROLE deputy")


@pytest.fixture
def turned(turning):
    with turning.login(params=PATH) as client:
        yield client
        assert client.query(ASIDE).ok().rows == [[b"PLAIN ASIDE"]]
        assert client.run(ASIDE).ok().rows == [[b"PLAIN ASIDE"]]
        assert canary.found(bytes(client.received)) == []


def inserting(table):
    return "INSERT INTO aside.%s VALUES ('x')" % table


def test_the_server_does_follow_such_code(turning):
    """Without an engine, the same statements show what is in the other table."""
    with turning.direct() as direct:
        direct.query("SET search_path = aside, clinic").ok()
        direct.query(inserting("path")).ok()
        assert direct.query(ASIDE + " LIMIT 1").ok().rows != [[b"PLAIN ASIDE"]]


@pytest.mark.parametrize("table", ["path", "role", "later"])
def test_code_that_sets_something_for_the_session(turned, table):
    for run in (turned.query, turned.run):
        run(inserting(table)).ok()
        assert run(ASIDE).ok().rows == [[b"PLAIN ASIDE"]]


@pytest.mark.parametrize("table", ["path", "role", "later", "strings"])
def test_code_in_the_same_group(turned, table):
    turned.send(wire.extended(inserting(table)), wire.extended(ASIDE), wire.extended(r"SELECT 'a\' AS x"), wire.sync())
    assert turned.result().ok().rows == [[b"PLAIN ASIDE"], [b"a\\"]]


def test_a_prepared_statement_is_planned_anew_behind_code(turned):
    turned.send(wire.parse(ASIDE, "p"), wire.sync())
    turned.result().ok()
    for _ in range(2):
        turned.send(wire.extended(inserting("path")), wire.bind("p"), wire.execute(), wire.sync())
        assert turned.result().ok().rows == [[b"PLAIN ASIDE"]]
    turned.query(inserting("path")).ok()
    turned.send(wire.bind("p"), wire.execute(), wire.sync())
    assert turned.result().ok().rows == [[b"PLAIN ASIDE"]]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("table", ["path", "later"])
def test_code_in_a_transaction(turned, table, end):
    for run in (turned.query, turned.run):
        for sql in ("BEGIN", inserting(table), "SAVEPOINT s", inserting(table), "ROLLBACK TO s"):
            run(sql).ok()
            assert run(ASIDE).ok().rows == [[b"PLAIN ASIDE"]], sql
        run(end).ok()
        assert run(ASIDE).ok().rows == [[b"PLAIN ASIDE"]]
    parts = [wire.extended(sql) for sql in ("BEGIN", inserting(table), end, ASIDE)]
    turned.send(*parts, wire.sync())
    assert turned.result().ok().rows == [[b"PLAIN ASIDE"]]


def test_an_error_that_undoes_what_was_set_again(turned):
    """The COMMIT makes what the trigger set last; the error behind it takes back what was set since."""
    parts = [wire.extended(sql) for sql in (inserting("path"), "COMMIT", ASIDE, "SELECT 1 / 0 AS x")]
    turned.send(*parts, wire.sync())
    r = turned.result()
    assert r.error.sqlstate == "22012" and r.rows == [[b"PLAIN ASIDE"]]
    assert turned.query(ASIDE).ok().rows == [[b"PLAIN ASIDE"]]


def test_a_transaction_that_failed_behind_code(turned):
    turned.query("BEGIN").ok()
    turned.query(inserting("path")).ok()
    assert turned.query("SELECT 1 / 0 AS x").error.sqlstate == "22012"
    assert turned.query(ASIDE).error.sqlstate == "25P02"
    turned.send(wire.extended("ROLLBACK"), wire.extended(ASIDE), wire.sync())
    assert turned.result().ok().rows == [[b"PLAIN ASIDE"]]


def test_code_in_the_middle_of_a_text(turned):
    for text in (inserting("path") + "; " + ASIDE, inserting("later") + "; COMMIT; " + ASIDE):
        e = turned.query(text).error
        assert e.sqlstate == "42501" and e.hint == "Send the statements one by one."
    turned.query("BEGIN; %s; COMMIT" % inserting("later")).ok()


def test_reset_all_takes_the_servers_default_of_now(turning):
    """As without the engine; and the statements behind it are judged by it."""
    turning.dba_psql("CREATE TABLE public.note (id int, body text); INSERT INTO public.note VALUES (1, 'plain public'); GRANT SELECT ON public.note TO pgveil_agent")
    try:
        with turning.login() as client:
            eventually(client, ASIDE, [[b"PLAIN PUBLIC"]])
            turning.dba_psql("ALTER SYSTEM SET search_path = clinic, public")
            turning.dba_psql("SELECT pg_reload_conf()")
            until = time.monotonic() + 60
            while turning.dba_psql("SHOW search_path") != "clinic, public":
                assert time.monotonic() < until
            for _ in range(20):
                client.query("RESET ALL").ok()
                assert client.query("SHOW search_path").ok().rows == [[b"clinic, public"]]
                assert client.query(ASIDE + " LIMIT 1").ok().rows == [[None]]
            assert canary.found(bytes(client.received)) == []
    finally:
        turning.dba_psql("ALTER SYSTEM RESET search_path")
        turning.dba_psql("SELECT pg_reload_conf()")
        turning.dba_psql("DROP TABLE public.note")


def test_the_same_name_made_again(changing, c):
    """Rules bind to oids once resolved; a new table of the name is masked by its name."""
    changing.dba_psql("CREATE TABLE clinic.spare AS TABLE clinic.note; DROP TABLE clinic.note; ALTER TABLE clinic.spare RENAME TO note; "
                      "GRANT SELECT ON clinic.note TO pgveil_agent")
    eventually(c, "SELECT body FROM clinic.note WHERE id = 1", [[b"****"]], MAX_AGE + 1)


def test_a_schema_that_the_role_may_use_from_now_on(changing):
    """As a member of a group, which the server does not notice in a session that is there: note stays clinic.note to it, however
    wide.note, of which nothing is masked, comes first in the path now."""
    changing.dba_psql("CREATE ROLE wide_readers; CREATE SCHEMA wide; CREATE TABLE wide.note (body text); INSERT INTO wide.note VALUES ('wide');"
                      "REVOKE USAGE ON SCHEMA wide FROM pgveil_agent; GRANT USAGE ON SCHEMA wide TO wide_readers; GRANT SELECT ON wide.note TO pgveil_agent")
    upper, path = "SELECT pg_catalog.upper(body) FROM note LIMIT 1", {"search_path": "wide, clinic"}
    try:
        with changing.login(params=path) as c:
            assert c.query(upper).ok().rows == [[None]]
            changing.dba_psql("GRANT wide_readers TO pgveil_agent")
            begin = time.monotonic()
            while True:
                c.send(wire.query(upper))
                kind, body = first = c.read()
                if kind == "E":
                    break
                assert wire.Result([first, *c.until("Z")]).rows == [[None]]
                assert time.monotonic() - begin < 12 * MAX_AGE
            assert wire.fields(body)["C"] == "57P01" and "search_path" in wire.fields(body)["M"]
            c.drain()
            assert canary.found(bytes(c.received)) == []
        with changing.login(params=path) as c:
            assert c.query(upper).ok().rows == [[b"WIDE"]]
    finally:
        changing.dba_psql("DROP SCHEMA wide CASCADE; REVOKE wide_readers FROM pgveil_agent; DROP ROLE wide_readers")


CATALOGUE = "FROM pg_stat_activity WHERE application_name = 'pgveil catalogue'"


def test_who_reads_it_is_cut_off(changing):
    """The connection that reads it is ended, and the next one too while it reads: the statement waits for a third."""
    dba = wire.Client(socket.create_connection((changing.host, changing.port), 20))
    dba.login("postgres", changing.dbname, changing.superuser())
    with changing.login() as c, dba:
        c.query("SELECT 1").ok()
        changing.dba_psql("CREATE TABLE clinic.cut_off AS SELECT 1 AS id")  # what was read before does not know it
        dba.query("BEGIN; LOCK TABLE pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE").ok()
        try:
            assert changing.dba_psql("SELECT pg_terminate_backend(pid, 60000) " + CATALOGUE) == "t"
            sql, begin = wire.query("SELECT id FROM clinic.cut_off"), time.monotonic()
            c.send(sql)
            while changing.dba_psql("SELECT pg_terminate_backend(pid, 60000) " + CATALOGUE + " AND wait_event_type = 'Lock'") != "t":
                assert time.monotonic() - begin < 3 * MAX_AGE
                if select.select([c.sock], [], [], 0)[0]:  # so soon a name that is not known is believed not to be
                    assert wire.Result(c.until("Z")).error.sqlstate == "42P01"
                    c.send(sql)
        finally:
            dba.query("ROLLBACK").ok()
        r = wire.Result(c.until("Z"))
        assert r.ok().rows == [[b"1"]]
