# SPDX-License-Identifier: MIT
"""What the engine knows of the database follows what others change in it: nothing becomes readable by DDL, and what is
new can be used within a second (unknown names are believed unknown for so long)."""

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
