# SPDX-License-Identifier: MIT
"""A changes relations of its own while B's statement, which was judged by what they were, is under way. The server looks names up when it runs
a statement, and again when it has waited for a lock: what A did must not make another statement of the one that was judged."""

import contextlib
import os
import signal
import socket
import struct
import time

import pytest

import canary
import wire
from lab import HERE, Lab

CAPTURE = "SELECT (SELECT ssn FROM work.t LIMIT 1) || '' AS x FROM clinic.patient WHERE id < 3"
LATE = 9  # seconds: less than a statement waits (session/state.h, JUDGE_WAIT_MS)
TABLES = ("CREATE TABLE work.t (a int DEFAULT 1, b text DEFAULT 'c', ssn text DEFAULT 'c')", "INSERT INTO work.t DEFAULT VALUES",
          "CREATE TABLE work.u (z int)", "CREATE TABLE work.lk (z int)", "CREATE VIEW work.v AS SELECT a, b FROM work.t",
          "CREATE TABLE work.loot (x text)")


@pytest.fixture(scope="module")
def two():
    with Lab(agents=2, policies=(HERE / "writes.yaml", HERE / "agent2.yaml")) as lab:
        lab.dba_psql("SET check_function_bodies = off; CREATE SCHEMA work AUTHORIZATION pgveil_agent; CREATE SCHEMA code; "
                     "GRANT USAGE ON SCHEMA code TO pgveil_agent; CREATE FUNCTION code.secret_of_t() RETURNS text LANGUAGE sql STABLE AS "
                     "'SELECT (SELECT ssn FROM work.t LIMIT 1) FROM clinic.patient LIMIT 1'")
        yield lab


@pytest.fixture
def dba(two):
    """As the role that the engine uses, but not through it."""
    with two.direct() as c:
        yield c


@pytest.fixture
def sessions(two, dba):
    """a and b of one caller; neither ever gets a canary, nor is one stored."""
    with two.login() as a, two.login() as b:
        a.query("DROP TABLE IF EXISTS work.t, work.u, work.lk, work.loot, work.made, work.new CASCADE").ok()
        for sql in TABLES:
            a.query(sql).ok()
        b.query("SELECT * FROM work.t").ok()
        yield a, b
        nothing_got_out(dba, a, b)


def nothing_got_out(dba, *clients):
    for client in clients:
        assert canary.found(bytes(client.received)) == []
    for table in dba.query("SELECT relname FROM pg_class WHERE relnamespace = 'work'::regnamespace AND relkind = 'r'").ok().rows:
        stored = dba.query("SELECT string_agg(t::text, ',') FROM work.%s t" % table[0].decode()).ok().rows[0][0]
        assert not canary.found(stored or b""), table


def send(client, how, sql):
    client.send(wire.query(sql) if how == "query" else wire.extended(sql) + wire.sync())


def until(two, condition, count):
    end = time.monotonic() + LATE
    with two.direct() as watch:  # in a transaction it would see the same again and again
        while watch.query("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND " + condition).ok().rows != [[b"%d" % count]]:
            assert time.monotonic() < end, condition


def waits_for_a_lock(two, sql):
    until(two, "wait_event_type = 'Lock' AND query LIKE '%s'" % sql, 1)


def vanish(client):
    """Without a word: what the kernel sends then is a reset."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


STATEMENTS = [
    CAPTURE, "INSERT INTO work.loot " + CAPTURE, "CREATE TABLE work.made AS " + CAPTURE, "SELECT code.secret_of_t() || ''",
    "SELECT c2 || '' FROM (SELECT t.*, p.ssn, p.name FROM work.t t, clinic.patient p) q(c1, c2, c3, c4, c5)",
    "SELECT c4 || '' FROM (SELECT t.*, p.name, p.ssn FROM work.t t, clinic.patient p) q(c1, c2, c3, c4, c5)",
    "SELECT c2 || '' FROM (SELECT (NULL::work.t).*, p.ssn, p.name FROM clinic.patient p) q(c1, c2, c3, c4, c5)",
    "SELECT c2 || '' FROM (SELECT v.*, p.ssn, p.name FROM work.v v, clinic.patient p) q(c1, c2, c3, c4)",
    "SELECT id FROM clinic.patient NATURAL JOIN work.t WHERE ssn = 'c'",
]


@pytest.mark.parametrize("how", ["query", "extended"])
def test_what_is_being_changed_is_waited_for(two, dba, sessions, how):
    a, _ = sessions
    with contextlib.ExitStack() as stack:
        them = [stack.enter_context(two.login()) for _ in STATEMENTS]
        for change in ("ALTER TABLE work.t ADD COLUMN d text DEFAULT 'c'", "ALTER TABLE work.t DROP COLUMN ssn", "DROP VIEW work.v",
                       "ALTER TABLE work.t DROP COLUMN b", "DROP TABLE work.t; CREATE TABLE work.t (a int DEFAULT 1); INSERT INTO work.t DEFAULT VALUES"):
            a.query("BEGIN").ok()
            for one in change.split("; "):
                a.query(one).ok()
            for b, sql in zip(them, STATEMENTS):
                send(b, how, sql)
            dba.query("SELECT 1").ok()
            a.query("COMMIT").ok()
            for b in them:
                b.result()  # by what the names mean now, whatever that is; what it may not be:
            nothing_got_out(dba, *them)
            a.query("DROP TABLE IF EXISTS work.made").ok()


@pytest.mark.parametrize("how", ["query", "extended"])
@pytest.mark.parametrize("change", ["ALTER TABLE work.t DROP COLUMN ssn", "DROP TABLE work.t CASCADE", "DROP VIEW work.v"])
def test_what_is_under_way_is_waited_for(two, dba, sessions, how, change):
    """B's statement waits for a lock of C on its first relation; the change that A asks for waits for B."""
    a, b = sessions
    with two.login() as c:
        c.query("INSERT INTO work.lk VALUES (1)").ok()
        c.query("BEGIN").ok()
        c.query("LOCK TABLE work.lk IN ACCESS EXCLUSIVE MODE").ok()
        send(b, how, "SELECT (SELECT ssn FROM work.t, work.v LIMIT 1) || '' FROM work.lk, clinic.patient WHERE patient.id = 1")
        waits_for_a_lock(two, "%work.lk, clinic.patient%")
        send(a, how, change)
        c.query("COMMIT").ok()
        assert b.result().ok().rows == [[b"c"]]
        assert a.result().ok()


def test_it_waits_so_long_and_no_longer(two, dba, sessions):
    a, b = sessions
    a.query("BEGIN").ok()
    a.query("ALTER TABLE work.t DROP COLUMN ssn").ok()
    begin = time.monotonic()
    assert b.query(CAPTURE).error.sqlstate == "55P03"
    assert time.monotonic() - begin > LATE
    assert b.query("SELECT 1").ok().rows == [[b"1"]]
    a.query("ROLLBACK").ok()
    assert b.query(CAPTURE).ok().rows == [[b"c"], [b"c"]]
    with two.login() as c:
        c.query("BEGIN").ok()
        c.query("LOCK TABLE work.lk IN ACCESS EXCLUSIVE MODE").ok()
        send(b, "query", "SELECT 1 FROM work.lk, work.t")
        waits_for_a_lock(two, "%work.lk, work.t%")
        assert a.query("ALTER TABLE work.t DROP COLUMN ssn").error.sqlstate == "55006"
        assert c.query("SELECT count(*) FROM work.t").ok().rows == [[b"1"]]  # nobody keeps others from reading it any more
        c.query("COMMIT").ok()
        assert b.result().ok()
    a.query("ALTER TABLE work.t DROP COLUMN ssn").ok()


def test_what_is_not_touched_is_not_waited_for(two, sessions):
    a, b = sessions
    a.query("BEGIN").ok()
    begin = time.monotonic()
    for sql in ("CREATE TABLE work.new (z int)", "CREATE TEMP TABLE mine AS SELECT id FROM clinic.patient", "CREATE INDEX ON work.t (a)",
                "DROP TABLE IF EXISTS work.nothing", "DROP TABLE work.loot CASCADE", "ALTER TABLE work.u ADD COLUMN y int"):
        a.query(sql).ok()
        assert b.query("SELECT a FROM work.t").ok().rows == [[b"1"]]
        b.query("SELECT id FROM clinic.patient").ok()
    assert time.monotonic() - begin < LATE
    assert a.query("SELECT y FROM work.u").ok().rows == []
    a.query("COMMIT").ok()
    assert b.query("SELECT y FROM work.u").ok().rows == []


def test_what_may_not_be_changed_is_not_waited_for(two, sessions):
    """Nobody keeps others from a table by asking for what the server refuses, and then doing nothing."""
    a, b = sessions
    for before in ((), ("SAVEPOINT s",)):
        a.query("BEGIN").ok()
        for sql in before + ("CREATE TABLE work.new (z int)",):
            a.query(sql).ok()
        assert "must be owner" in str(a.query("ALTER TABLE clinic.journal ADD COLUMN y int").error)
        begin = time.monotonic()
        b.query("SELECT count(*) FROM clinic.journal").ok()
        assert time.monotonic() - begin < LATE
        a.query("ROLLBACK").ok()


def test_one_name_is_made_once(two, dba, sessions):
    """Else two sessions could make it in two schemas at once, and no judgement would know which of them a name means."""
    a, b = sessions
    a.query("BEGIN").ok()
    a.query("CREATE TABLE work.new (z int)").ok()
    send(b, "query", "DROP TABLE IF EXISTS work.new")
    dba.query("SELECT 1").ok()
    a.query("COMMIT").ok()
    b.result().ok()
    assert dba.query("SELECT to_regclass('work.new')").ok().rows == [[None]]


SHIFT = "SELECT (SELECT ssn FROM %s LIMIT 1) || '' AS x FROM clinic.patient WHERE id = 1"


def test_an_old_snapshot_is_no_reading(two, sessions):
    """The server looks names up in the catalogue of now, also in a transaction that sees the rows of then."""
    a, b = sessions
    b.query("BEGIN ISOLATION LEVEL REPEATABLE READ").ok()
    b.query("SELECT 1").ok()
    a.query("ALTER TABLE work.t DROP COLUMN ssn").ok()
    b.query("CREATE TABLE work.new (z int)").ok()
    assert b.query(CAPTURE).error.sqlstate == "57P03"
    b.query("ROLLBACK").ok()


def test_a_name_that_comes_to_stand_in_front(two, dba, sessions):
    """Temporary relations are of no concern to the name rule, nor is what the server calls a serial column's sequence."""
    a, b = sessions
    b.query("SET search_path = work, pg_temp").ok()
    b.query("BEGIN").ok()
    b.query("CREATE TEMP TABLE new (ssn text)").ok()
    b.query("INSERT INTO new VALUES ('c')").ok()
    assert b.query(SHIFT % "new").ok().rows == [[b"c"]]
    send(a, "query", "CREATE TABLE work.new (z int)")
    assert b.query(SHIFT % "new").ok().rows == [[b"c"]]
    b.query("COMMIT").ok()
    a.result().ok()
    a.query("INSERT INTO work.new VALUES (1)").ok()
    b.query(SHIFT % "new")
    a.query("DROP TABLE work.new").ok()
    b.query("CREATE TEMP TABLE x_id_seq (ssn text)").ok()
    b.query("INSERT INTO x_id_seq VALUES ('c')").ok()
    for name, made in (("new", "CREATE TABLE work.new (z int)"), ("x_id_seq", "CREATE TABLE work.x (id serial)"),
                       ("x_id_seq", "CREATE TABLE work.x (id int GENERATED ALWAYS AS IDENTITY)"), ("x_id_seq", "ALTER TABLE work.u ADD COLUMN id serial")):
        with two.login() as c:
            c.query("BEGIN").ok()
            c.query("LOCK TABLE work.lk IN ACCESS EXCLUSIVE MODE").ok()
            send(b, "query", (SHIFT % name).replace("FROM clinic.patient", "FROM clinic.patient LEFT JOIN work.lk ON true"))
            waits_for_a_lock(two, "%%FROM %s LIMIT%%" % name)
            send(a, "query", made)
            c.query("COMMIT").ok()
            assert b.result().ok().rows == [[b"c"]]
            a.result().ok()
            a.query("DROP TABLE IF EXISTS work.new, work.x").ok()
    assert a.query("CREATE TABLE work.x (id int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME work.y))").error.sqlstate == "42501"


def test_one_name_in_two_schemas(two, sessions):
    """Neither sees what the other has made until it is committed: then one of them waits, and is refused."""
    a, b = sessions
    two.dba_psql("CREATE SCHEMA IF NOT EXISTS more AUTHORIZATION pgveil_agent")
    b.query("SET search_path = work, more").ok()
    b.query("BEGIN").ok()
    b.query("CREATE TABLE more.new (ssn text)").ok()
    b.query("INSERT INTO more.new VALUES ('c')").ok()
    send(a, "query", "CREATE TABLE work.new (z int)")
    assert b.query(SHIFT % "new").ok().rows == [[b"c"]]
    b.query("COMMIT").ok()
    assert a.result().error.sqlstate == "42501"
    b.query("DROP TABLE more.new").ok()


def test_a_cursor_that_runs_at_commit(two, sessions):
    """WITH HOLD is carried out when the transaction ends: until then what it names stays as it is."""
    a, b = sessions
    b.query("BEGIN").ok()
    b.query("DECLARE h CURSOR WITH HOLD FOR SELECT code.secret_of_t() || ''").ok()
    send(a, "query", "ALTER TABLE work.t DROP COLUMN ssn")
    b.query("COMMIT").ok()
    a.result().ok()
    a.query("ALTER TABLE work.t ADD COLUMN ssn text DEFAULT 'd'").ok()
    assert b.query("FETCH ALL h").ok().rows == [[b"c"]]


def test_one_database_has_one_name(two):
    """The server cuts a name at 63 bytes; two of them would have two gates."""
    for user, database in (("agent", "d" * 64), ("a" * 64, "lab")):
        with two.connect() as c, pytest.raises(wire.ServerError) as e:
            c.login(user, database)
        assert e.value.sqlstate == "42622"


def test_who_has_read_it_may_read_on(two, dba, sessions):
    """As at the server: a change waits for transactions that have read, and not the other way round."""
    a, b = sessions
    b.query("BEGIN").ok()
    b.query("SELECT a FROM work.t").ok()
    send(a, "query", "ALTER TABLE work.t ADD COLUMN d int")
    dba.query("SELECT 1").ok()
    for _ in range(3):
        assert b.query("SELECT a FROM work.t").ok().rows == [[b"1"]]
    b.query("COMMIT").ok()
    a.result().ok()


def test_a_type_that_comes_to_stand_in_front(two, sessions):
    """A table's name is one of a type, too."""
    a, b = sessions
    two.dba_psql("CREATE SCHEMA IF NOT EXISTS kinds; GRANT USAGE ON SCHEMA kinds TO pgveil_agent; DROP TYPE IF EXISTS kinds.pair CASCADE; "
                 "CREATE TYPE kinds.pair AS (ssn text, b int); CREATE DOMAIN kinds.dc AS kinds.pair")
    sql = "SELECT (SELECT ssn FROM json_populate_record(NULL::dc, '{\"ssn\": \"c\"}') LIMIT 1) || '' FROM clinic.patient LEFT JOIN work.lk ON true WHERE id = 1"
    b.query("SET search_path = work, kinds").ok()
    with two.login() as c:
        c.query("BEGIN").ok()
        c.query("LOCK TABLE work.lk IN ACCESS EXCLUSIVE MODE").ok()
        send(b, "query", sql)
        send(a, "query", "CREATE TABLE work.dc (z int)")
        c.query("COMMIT").ok()
        b.result()
        a.result()
    two.dba_psql("DROP TABLE IF EXISTS work.dc; DROP SCHEMA kinds CASCADE")


def test_another_caller_s_session_too(two, dba, sessions):
    """The same database, under another policy."""
    a, _ = sessions
    with two.login("agent2") as b:
        b.query("SELECT * FROM work.t").ok()
        a.query("BEGIN").ok()
        a.query("ALTER TABLE work.t DROP COLUMN ssn").ok()
        send(b, "query", CAPTURE)
        dba.query("SELECT 1").ok()
        a.query("COMMIT").ok()
        b.result()
        nothing_got_out(dba, b)


def test_a_client_that_goes_away_leaves_nothing_behind(two, dba, sessions):
    """Its statement may still run at the server: it is cancelled, and what it names stays shut until the server is done with it."""
    _, b = sessions
    dba.query("BEGIN").ok()
    dba.query("SELECT * FROM work.t").ok()
    a = two.login()
    send(a, "query", "ALTER TABLE work.t DROP COLUMN ssn")
    waits_for_a_lock(two, "ALTER TABLE work.t DROP%")
    vanish(a)
    send(b, "query", CAPTURE)
    until(two, "query LIKE 'ALTER TABLE work.t DROP%'", 0)
    dba.query("COMMIT").ok()
    assert b.result().ok().rows == [[b"c"], [b"c"]]  # the change never came about
    dba.query("BEGIN").ok()
    dba.query("LOCK TABLE work.loot IN ACCESS EXCLUSIVE MODE").ok()
    a = two.login()
    send(a, "query", "INSERT INTO work.loot " + CAPTURE)
    waits_for_a_lock(two, "INSERT INTO work.loot%")
    vanish(a)
    b.query("ALTER TABLE work.t DROP COLUMN ssn").ok()
    dba.query("COMMIT").ok()
    assert dba.query("SELECT count(*) FROM work.loot").ok().rows == [[b"0"]]


def test_what_the_server_may_yet_do_stays_shut(two, dba, sessions):
    """A backend that hears of no cancel carries out what it was sent when it comes to it, whoever has gone meanwhile."""
    _, b = sessions
    dba.query("BEGIN").ok()
    dba.query("SELECT * FROM work.t").ok()
    a = two.login()
    send(a, "query", "ALTER TABLE work.t DROP COLUMN ssn")
    waits_for_a_lock(two, "ALTER TABLE work.t DROP%")
    backend, = dba.query("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE work.t DROP%'").ok().rows[0]
    os.kill(int(backend), signal.SIGSTOP)
    try:
        vanish(a)
        assert b.query(CAPTURE).error.sqlstate == "55P03"
    finally:
        os.kill(int(backend), signal.SIGCONT)
    until(two, "query LIKE 'ALTER TABLE work.t DROP%'", 0)
    dba.query("COMMIT").ok()
    assert b.query(CAPTURE).ok().rows == [[b"c"], [b"c"]]
