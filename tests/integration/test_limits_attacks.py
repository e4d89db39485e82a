# SPDX-License-Identifier: MIT
"""Ways to get out more than an export limit lets: by what is no row, before a statement is executed, in a hurry, and by closing in time."""

import socket
import struct
import threading

import pytest

import wire
from lab import Lab

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.t AS SELECT i AS id, 'row ' || i || repeat('x', 50) AS v FROM generate_series(1, 5000) i;
CREATE FUNCTION s.planned(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  $$DECLARE r record; BEGIN FOR r IN SELECT * FROM s.t LIMIT 500 LOOP RAISE NOTICE '%', r.v; END LOOP; RETURN 1; END$$;
CREATE FUNCTION s.failing() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%', (SELECT string_agg(v, ' ') FROM s.t); END$$;
GRANT ALL ON SCHEMA s TO pgveil_agent;
GRANT ALL ON ALL TABLES IN SCHEMA s TO pgveil_agent;
"""
DOCUMENT = """---
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: agent%(n)d}
spec:
  subjects: [{cgroup: "${LAB_CGROUP%(number)s}"}]
  databases:
    - name: limits
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      databases: ["${LAB_DB_NAME}"]
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  export: {%(rest)s}
"""
KB = 1024
EXPORTS = ["statement: {bytes: 4KiB}", "session: {bytes: 16KiB}", "window: {period: 1h, bytes: 64KiB}", "session: {rows: 50}", "window: {period: 1h, rows: 100}",
           "window: {period: 1h, rows: 200}, statement: {rows: 30}", "session: {statements: 5}"]
OTHER = 2 * KB  # what is said beside what counts


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    at = tmp_path_factory.mktemp("limits")
    (at / "schema.sql").write_text(SCHEMA)
    (at / "limits.yaml").write_text("".join(
        DOCUMENT % {"n": n, "number": "" if n == 1 else "_%d" % n, "rest": rest} for n, rest in enumerate(EXPORTS, 1)))
    with Lab(schema=at / "schema.sql", policies=[at / "limits.yaml"], agents=len(EXPORTS)) as up:
        yield up


def size(messages):
    return sum(len(b) + 5 for _, b in messages)


def rows(messages):
    return sum(k in "Dd" for k, _ in messages)


RAISE = "DO $$BEGIN RAISE %s; END$$"
ALL = "(SELECT string_agg(v, ' ') FROM s.t)"
SAYS = {  # as a Query, or what stands before a Sync
    "notices": "DO $$DECLARE r record; BEGIN FOR r IN SELECT * FROM s.t LOOP RAISE NOTICE '%', r.v; END LOOP; END$$",
    "a notice": RAISE % ("NOTICE '%', " + ALL),
    "an error": RAISE % ("EXCEPTION '%', " + ALL),
    "an error's detail": RAISE % ("EXCEPTION 'x' USING DETAIL = %s, HINT = %s" % (ALL, ALL)),
    "an error of a query": "SELECT s.failing()",
    "an error of a cast": "SELECT %s::int" % ALL,
    "an error of one behind another": "SELECT 1; SELECT %s::int" % ALL,
    "while it is planned": wire.parse("SELECT s.planned(1)") + wire.bind(),
    "while it is planned, and executed": wire.extended("SELECT s.planned(1)"),
    "an error of Execute": wire.extended("SELECT s.failing()"),
    "EXPLAIN": "EXPLAIN SELECT s.planned(1)",
}


@pytest.mark.parametrize("way", SAYS)
def test_what_is_no_row(lab, way):
    what = SAYS[way]
    for who, most, times in (("agent1", 4 * KB, 1), ("agent2", 16 * KB, 4), ("agent3", 64 * KB, 2)):
        with lab.login(who) as c:
            got = 0
            for _ in range(times):
                c.send(*((wire.query(what),) if isinstance(what, str) else (what, wire.sync())))
                got += size(c.until("Z"))
            assert got <= most + OTHER * times
            assert c.query("SELECT 1").status == "I"


def test_errors_that_fit_are_told(lab):
    with lab.login("agent1") as c:
        e = c.query(RAISE % "EXCEPTION 'so and so' USING DETAIL = 'why'").error
        assert "so and so" in str(e) and e.fields["D"] == "why"
        r = c.query(RAISE % "NOTICE 'listen'").ok()
        assert r.notices[0]["M"] == "listen"
        assert c.query("SELECT nothere").error.sqlstate == "42703"
        c.query("BEGIN").ok()
        e = c.query(SAYS["an error"]).error
        assert e.sqlstate == "P0001" and len(str(e)) < 100
        assert c.query("SELECT 1").error.sqlstate == "25P02"
        assert c.query("ROLLBACK").ok().status == "I"


TEN = "SELECT generate_series(1, 10)"
HURRY = {
    "queries": ([wire.query(TEN)] * 30, 30),
    "one group": ([wire.extended(TEN)] * 30 + [wire.sync()], 1),
    "groups": ([wire.extended(TEN) + wire.sync()] * 30, 30),
    "one text": ([wire.query("; ".join([TEN] * 30))], 1),
    "fetches": ([wire.query("BEGIN; DECLARE c CURSOR FOR SELECT v FROM s.t")] + [wire.query("FETCH 7 FROM c")] * 20, 21),
    "executes": ([wire.parse(TEN) + wire.bind()] + [wire.execute("", 3)] * 30 + [wire.bind() + wire.execute()] * 10 + [wire.sync()], 1),
    "copies": ([wire.query("COPY (%s) TO STDOUT" % TEN)] * 30, 30),
    "no columns": ([wire.query("SELECT FROM generate_series(1, 10)")] * 30, 30),
    "explain": ([wire.query("EXPLAIN (VERBOSE) SELECT * FROM s.t a, s.t b, s.t c")] * 30, 30),
    "show": ([wire.query("SHOW ALL")] * 3, 3),
}


@pytest.mark.parametrize("way", HURRY)
def test_in_a_hurry(lab, way):
    """All is sent before anything is answered."""
    messages, answers = HURRY[way]
    with lab.login("agent4") as c:
        c.send(*messages)
        assert sum(rows(c.until("Z")) for _ in range(answers)) == 50


def test_many_at_once(lab):
    got = []

    def one():
        with lab.login("agent5") as c:
            c.send(wire.query("SELECT generate_series(1, 1000)"))
            got.append(rows(c.until("Z")))

    threads = [threading.Thread(target=one) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(got) == 12 and sum(got) == 100


def test_closed_in_time(lab):
    """What was on its way to somebody who resets the connection was given all the same."""
    got = 0
    for _ in range(30):
        c = lab.login("agent6")
        c.send(wire.query("SELECT v FROM s.t"))
        for _ in range(8):
            kind, _ = c.read()
            got += kind == "D"
            if kind == "E":
                break
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    assert 0 < got <= 200


def test_statements(lab):
    with lab.login("agent7") as c:
        c.send(wire.parse(TEN) + wire.bind(), *[wire.execute("", 1)] * 20, wire.sync())
        assert rows(c.until("Z")) == 5
        assert c.query("SELECT 1").error.sqlstate == "54000"
    with lab.login("agent7") as c:
        c.send(wire.query("; ".join(["SELECT 1"] * 6)))
        assert rows(c.until("Z")) == 0
        assert sum(rows(c.query("SELECT 1").messages) for _ in range(9)) == 5
