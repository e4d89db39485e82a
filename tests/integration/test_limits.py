# SPDX-License-Identifier: MIT
"""Export limits: what reaches the client is counted there, message by message and byte by byte, and is never more than the limit,
whatever brings it and whoever starts anew. At a limit the server is asked to cancel, the client has an error in its place, and the
session goes on as the server has it."""

import json
import threading
import time

import pytest

import wire
from lab import Lab

ROWS = 100  # of a statement, a session or a window
MANY = "generate_series(1, 3000000) AS i"  # more than all socket buffers hold
SCHEMA = """
CREATE TABLE person (id int PRIMARY KEY, name text, ssn text);
INSERT INTO person SELECT i, 'name ' || i, lpad(i::text, 11, '7') FROM generate_series(1, 5000) i;
CREATE TABLE job (id int PRIMARY KEY, done bool DEFAULT false);
INSERT INTO job SELECT i FROM generate_series(1, 5000) i;
CREATE FUNCTION many() RETURNS SETOF int LANGUAGE sql AS 'SELECT i FROM generate_series(1, 3000000) i';
GRANT ALL ON ALL TABLES IN SCHEMA public TO pgveil_agent;
"""
DOCUMENT = """---
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: %(name)s}
spec:
  subjects: [{cgroup: "${LAB_CGROUP%(number)s}"}]
  databases:
    - name: limits
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      databases: ["${LAB_DB_NAME}"]
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
%(rest)s
"""
MASK = "  mask: [{columns: [public.person.ssn], with: {partial: {last: 4}}}]\n  statements: {opaque: {default: allow}}\n"
EXPORTS = [  # of agent1 …
    MASK + "  export: {statement: {rows: 100}}",
    "  export: {session: {rows: 100, statements: 40}}",
    "  export: {session: {bytes: 64KiB}}",
    "  export: {window: {period: 1h, rows: 100}}",
    "  export: {window: {period: 1h, rows: 1000}}",
    MASK + "  export: {window: {period: 1h, bytes: 64KiB}}",
    "  record: {level: statements}\n  export: {statement: {bytes: 6MiB}}",
    "  export: {window: {period: 1h, statements: 50}}",
    MASK + "  export: {statement: {rows: 7}, window: {period: 1d, rows: 3000, bytes: 1MiB}}",
    "  record: {level: statements}\n",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    at = tmp_path_factory.mktemp("limits")
    (at / "schema.sql").write_text(SCHEMA)
    (at / "limits.yaml").write_text("".join(
        DOCUMENT % {"name": "agent%d" % n, "number": "" if n == 1 else "_%d" % n, "rest": rest} for n, rest in enumerate(EXPORTS, 1)))
    return {"schema": at / "schema.sql", "policies": [at / "limits.yaml"]}


@pytest.fixture(scope="module")
def lab(files):
    with Lab(agents=len(EXPORTS), env={"LAB_DAEMON_ARGS": "--splice auto"}, **files) as up:
        yield up


@pytest.fixture
def fresh(files):
    """A lab whose windows nobody has spent of."""
    with Lab(agents=len(EXPORTS), **files) as up:
        yield up


def data(result):
    """Rows, in whatever messages, and their bytes."""
    rows = [b for k, b in result.messages if k in "Dd"]
    return len(rows), sum(len(b) + 5 for b in rows)


def cancelled(lab):
    return lab.server_log().count("canceling statement due to user request")


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def fetch_one_by_one(c):
    c.query("BEGIN").ok()
    c.query("DECLARE c CURSOR FOR SELECT i FROM " + MANY).ok()
    messages = []
    for _ in range(ROWS + 1):
        r = c.query("FETCH 1 FROM c")
        messages += r.messages
        if r.errors:
            break
    return wire.Result(messages)


def portal_in_pieces(c):
    c.query("BEGIN").ok()
    c.send(wire.parse("SELECT i FROM " + MANY), wire.bind(portal="p"), wire.sync())
    c.result().ok()
    messages = []
    while True:
        c.send(wire.execute("p", 30), wire.sync())
        messages += c.until("Z")
        if "E" in [k for k, _ in messages]:
            return wire.Result(messages)


def scrolled(c):
    c.query("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT i FROM generate_series(1, 200000) i").ok()
    messages = []
    for sql in ("FETCH 60 FROM c", "MOVE BACKWARD ALL IN c"):
        messages += c.query(sql).ok().messages
    return wire.Result(messages + c.run("FETCH 60 FROM c").messages)


def run_twice(prepare, *then):
    def run_it(c):
        for sql in prepare:
            c.query(sql).ok()
        return c.query(*then)
    return run_it


WAYS = {
    "simple": lambda c: c.query("SELECT i, 'x' FROM " + MANY),
    "extended": lambda c: c.run("SELECT i, 'x' FROM " + MANY),
    "binary": lambda c: c.run("SELECT i, i::numeric FROM " + MANY, formats=(1,)),
    "masked": lambda c: c.query("SELECT a.ssn FROM person a, person b"),
    "masked and binary": lambda c: c.run("SELECT a.ssn, a.id FROM person a, person b", formats=(1,)),
    "copy": lambda c: c.query("COPY (SELECT i FROM %s) TO STDOUT" % MANY),
    "copy by execute": lambda c: c.run("COPY (SELECT i FROM %s) TO STDOUT" % MANY),
    "copy masked": lambda c: c.query("COPY (SELECT a.ssn FROM person a, person b) TO STDOUT"),
    "copy masked csv": lambda c: c.query("COPY (SELECT a.ssn, a.id FROM person a, person b) TO STDOUT (FORMAT csv)"),
    "copy binary": lambda c: c.query("COPY (SELECT i FROM %s) TO STDOUT (FORMAT binary)" % MANY),
    "copy masked binary": lambda c: c.query("COPY (SELECT a.ssn FROM person a, person b) TO STDOUT (FORMAT binary)"),
    "fetch all": run_twice(["BEGIN", "DECLARE c CURSOR FOR SELECT i FROM " + MANY], "FETCH ALL FROM c"),
    "fetch one by one": fetch_one_by_one,
    "cursor as a portal": lambda c: (c.query("BEGIN; DECLARE c CURSOR FOR SELECT i FROM " + MANY).ok(), c.send(wire.execute("c"), wire.sync()),
                                     c.result())[2],
    "portal in pieces": portal_in_pieces,
    "execute": run_twice(["PREPARE p AS SELECT i FROM " + MANY], "EXECUTE p"),
    "function": lambda c: c.query("SELECT * FROM many()"),
    "executes of one group": lambda c: (c.send(wire.parse("SELECT i FROM " + MANY), wire.bind(), *[wire.execute("", 60)] * 5, wire.sync()), c.result())[1],
    "flush, and more behind": lambda c: (c.send(wire.extended("SELECT i FROM " + MANY), wire.flush(), wire.extended("DELETE FROM job"), wire.flush(),
                                                wire.sync()), c.result())[1],
    "scrolled back": scrolled,
    "hold": run_twice(["BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 200000) i", "COMMIT"], "FETCH ALL FROM c"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_statement_stops(lab, way):
    before = cancelled(lab)
    with lab.login("agent1") as c:
        r = WAYS[way](c)
        assert data(r)[0] == ROWS
        assert r.error.sqlstate == "54000" and "statement.rows" in str(r.error)
        assert "limits.yaml:" in r.error.hint
        assert c.query("ROLLBACK").status == "I"
        assert c.query("SELECT 7").ok().rows == [[b"7"]]
        assert c.run("SELECT 8").ok().rows == [[b"8"]]
        if way not in ("fetch one by one", "portal in pieces", "hold", "executes of one group", "scrolled back"):  # these had come to their end
            wait_until(lambda: cancelled(lab) > before)
    events = lab.sh("pgveil", "--", "events", "--kind", "limit.reached", "--json").stdout.decode()
    assert "statement.rows" in events


def test_exactly_the_limit_passes(lab):
    with lab.login("agent1") as c:
        for sql in ("SELECT id FROM person ORDER BY id LIMIT 100", "COPY (SELECT ssn FROM person LIMIT 100) TO STDOUT (FORMAT csv, HEADER)",
                    "COPY (SELECT id FROM person LIMIT 100) TO STDOUT (FORMAT binary)",
                    "COPY (SELECT ssn FROM person LIMIT 100) TO STDOUT (FORMAT binary)"):
            r = c.query(sql).ok()
            assert r.tags[0].split()[1] == "100"


def test_one_row_too_many_undoes_what_it_did(lab):
    """The server has finished before any cancel can come; the client is told of an error, so nothing of it may stay."""
    change = "UPDATE job SET done = true WHERE id <= 101 RETURNING id"
    with lab.login("agent1") as c:
        # in a transaction
        c.query("BEGIN").ok()
        r = c.query(change)
        assert data(r)[0] == ROWS and r.error.sqlstate == "54000" and r.status == "E"
        assert c.query("SELECT 1").error.sqlstate == "25P02"
        assert c.query("COMMIT").tags == ["ROLLBACK"]
        # by the extended protocol, also outside of one
        r = c.run(change)
        assert data(r)[0] == ROWS and r.error.sqlstate == "54000" and r.status == "I"
        assert "C" not in r.kinds
        c.send(wire.extended(change), wire.extended("DELETE FROM job"), wire.sync(), wire.extended("SELECT 5"), wire.sync())
        r = c.result()
        assert data(r)[0] == ROWS and r.error.sqlstate == "54000" and r.status == "I"
        assert c.result().ok().rows == [[b"5"]]
        # a cancel of the client's own
        for _ in range(3):
            c.send(wire.query("SELECT i FROM " + MANY))
            c.until("T")
            k = lab.connect("agent1")
            k.send(wire.cancel(*c.key))
            k.drain()
            k.close()
            assert c.result().error.sqlstate == "54000"
            # As with the server itself, one that is late may hit what comes next.
            r = c.query("SELECT count(*) FROM person a, person b WHERE a.id = b.id")
            assert not r.errors or r.error.sqlstate == "57014"
        # a Query that is a transaction of its own says so
        r = c.query("UPDATE job SET done = false WHERE id <= 101 RETURNING id")
        assert data(r)[0] == ROWS and "what was changed stays" in r.error.hint
        # a transaction that only reads fails like any other
        c.query("BEGIN").ok()
        r = c.run("SELECT id FROM person LIMIT 101")
        assert data(r)[0] == ROWS and r.status == "E"
        c.query("ROLLBACK").ok()
        # and what is behind it in the text is not sent with it
        assert c.query("SELECT id FROM person LIMIT 101; DELETE FROM job").error.sqlstate == "42501"
        r = c.query("SELECT id FROM person LIMIT 101; SELECT id FROM person LIMIT 5")
        assert data(r)[0] == ROWS and r.error.sqlstate == "54000"
    assert lab.dba_psql("SELECT count(*), count(*) FILTER (WHERE done) FROM job") == "5000|0"


def test_the_next_statement_is_not_cancelled(lab):
    with lab.login("agent1") as c:
        for i in range(30):
            c.send(wire.extended("SELECT id FROM person LIMIT 101"), wire.sync(), wire.extended("SELECT pg_sleep(0.02)"), wire.sync())
            assert c.result().error.sqlstate == "54000"
            c.result().ok()


def test_a_session(lab):
    with lab.login("agent2") as c:
        for _ in range(3):
            assert data(c.query("SELECT id FROM person LIMIT 30").ok())[0] == 30
        r = c.query("SELECT id FROM person LIMIT 30")
        assert data(r)[0] == 10 and r.error.sqlstate == "54000" and "session.rows" in str(r.error)
        assert c.query("SELECT id FROM person LIMIT 17").error.sqlstate == "54000"
        assert c.run("SELECT id FROM person LIMIT 17").error.sqlstate == "54000"
        assert "statement: SELECT id FROM person LIMIT 17" not in lab.server_log()
        assert "execute <unnamed>: SELECT id FROM person LIMIT 17" not in lab.server_log()
        n = 0
        while not c.query("SET work_mem = '1MB'").errors:
            n += 1
        assert n == 36 and "session.statements" in str(c.query("RESET work_mem").error)
        c.query("BEGIN").ok()
        assert c.query("COMMIT").status == "I"
    with lab.login("agent2") as c:
        assert data(c.query("SELECT id FROM person LIMIT 30").ok())[0] == 30


def test_bytes_are_the_clients(lab):
    """No more than the limit, counted as they arrive, and not a row less than fits."""
    with lab.login("agent3") as c:
        at = c.at
        r = c.query("SELECT repeat('x', i) FROM generate_series(1, 2000) i")
        told = sum(len(b) + 5 for k, b in r.messages if k in "DT")
        assert r.error.sqlstate == "54000" and "session.bytes" in str(r.error)
        assert told <= 65536 < told + data(r)[0] + 1 + 11
        assert c.at - at == told + sum(len(b) + 5 for k, b in r.messages if k in "EZ")


def test_one_row_of_everything(lab):
    for sql in ("SELECT string_agg(name || name, ',') FROM person", "SELECT array_agg(p) FROM person p", "SELECT json_agg(p)::text FROM person p",
                "COPY (SELECT string_agg(name || name, ',') FROM person) TO STDOUT"):
        with lab.login("agent3") as c:
            r = c.query(sql)
            assert data(r) == (0, 0) and "session.bytes" in str(r.error)


def test_errors_and_notices_count(lab):
    """What is longer than what is left is left out, or is the standard text."""
    text = "(SELECT string_agg(name, ',') FROM person WHERE id <= 1000)"
    loud = "DO $$ BEGIN FOR i IN 1..50 LOOP RAISE NOTICE '%%', %s; END LOOP; END $$" % text
    with lab.login("agent3") as c:
        r = c.query(loud)
        size = len(lab.dba_psql("SELECT " + text))
        told = [n for n in r.notices if len(n["M"]) == size]
        assert len(told) == 65536 // size
        assert len(bytes(c.received)) < 65536 + size + 5000
    with lab.login("agent3") as c:
        raised = 0
        for _ in range(20):
            r = c.query("DO $$ BEGIN RAISE EXCEPTION '%%', %s; END $$" % text)
            raised += len(r.error.fields["M"]) == size
        assert raised == 65536 // size
        assert len(bytes(c.received)) < 65536 + size + 10000
    with lab.login("agent3") as c:
        # which channel it is
        for i in range(64):
            c.query("LISTEN c%d" % i).ok()
        for k in range(40):
            c.query("SELECT count(pg_notify('c' || i %% 64, i::text || ' %d')) FROM generate_series(1, 500) i" % k)
        c.query("COMMIT")
        assert len(bytes(c.received)) < 65536 + 15000
    with lab.login("agent3") as c:
        # what columns are called
        described = 0
        for i in range(30):
            c.send(wire.parse("SELECT " + ", ".join('1 AS "%060d"' % k for k in range(100))), wire.describe("S"), wire.sync())
            described += "T" in c.result().kinds
        assert described == 65536 // (100 * 79 + 7) + 1


def test_a_window(lab):
    """50 small queries, on one connection and on others, and of several at once."""
    total = 0
    with lab.login("agent4") as c:
        for _ in range(25):
            total += data(c.query("SELECT id FROM person LIMIT 1").ok())[0]
    for _ in range(25):
        with lab.login("agent4") as c:
            total += data(c.run("SELECT id FROM person LIMIT 1").ok())[0]
    out, _ = lab.script("""if True:
        import json, subprocess
        p = subprocess.run(["psql", "-XqAtc", "SELECT id FROM person LIMIT 20"], capture_output=True, text=True)
        print(json.dumps(len(p.stdout.split())))""", who="agent4")
    total += out
    assert total == 70
    with lab.login("agent4") as c:
        r = c.query("SELECT id FROM person")
        assert data(r)[0] == 30 and r.error.sqlstate == "57014" and "window.rows" in str(r.error)
        assert "room again in" in r.error.hint
    with lab.login("agent4") as c:
        mark = lab.server_log().count("SELECT 17 FROM")
        assert c.query("SELECT 17 FROM person").error.sqlstate == "57014"
        assert lab.server_log().count("SELECT 17 FROM") == mark
        shown = c.query("SHOW pgveil.limits").ok()
        assert [r[:5] for r in shown.rows] == [[b"window", b"rows", b"100", b"100", b"3600"]]
        assert shown.rows[0][5] == b"agent4: cgroup /pgveil-lab-%s/agent4" % lab.name.encode()
        assert b"limits.yaml:" in shown.rows[0][6]


def test_racing_for_the_last_rows(lab):
    got, errors = [], []

    def race():
        with lab.login("agent5") as c:
            n = 0
            for _ in range(40):
                r = c.query("SELECT id FROM person LIMIT 7")
                n += data(r)[0]
                errors.extend(e.sqlstate for e in r.errors)
            got.append(n)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(got) == 1000 and set(errors) == {"57014"}


def test_masked_bytes_of_a_window(lab):
    with lab.login("agent6") as c:
        r = c.query("SELECT ssn, id FROM person")
        told = sum(len(b) + 5 for k, b in r.messages if k in "DT")
        assert 65536 - 40 < told <= 65536 and r.error.sqlstate == "57014"
        assert all(row[0].startswith(b"*******") for row in r.rows)


def test_statements_of_a_window(lab):
    sent = 0
    for _ in range(3):
        with lab.login("agent8") as c:
            for _ in range(20):
                sent += not c.query("SELECT 1; SELECT 2").errors
    assert sent == 25


def test_spliced(lab):
    """A row of 4 MiB is paid for before its first byte, and goes by the pipe; the second one does not begin."""
    def spliced():
        text = lab.sh("pgveil", "--", "metrics").stdout.decode()
        return [float(line.split()[1]) for line in text.splitlines() if line.startswith("pgveil_spliced_bytes_total")][0]

    before = spliced()
    with lab.login("agent7") as c:
        r = c.query("SELECT repeat('x', 4 << 20) FROM generate_series(1, 3)")
        assert data(r) == (1, (4 << 20) + 11) and "statement.bytes" in str(r.error)
        assert r.rows[0][0] == b"x" * (4 << 20)
        r = c.query("COPY (SELECT repeat('y', 4 << 20) FROM generate_series(1, 3)) TO STDOUT")
        assert data(r) == (1, (4 << 20) + 6)
        assert c.query("SELECT 1").ok().rows == [[b"1"]]
    assert spliced() > before + (4 << 20)


def test_no_limits_are_not_looked_at(lab):
    """… and its rows may still be handed on by the kernel."""
    with lab.login("agent10") as c:
        assert data(c.query("SELECT id FROM person").ok())[0] == 5000
    status = json.loads(lab.sh("pgveil", "--", "flows", "--json").stdout)
    assert status is not None


def test_a_client_that_does_not_read(lab):
    before = cancelled(lab)
    with lab.login("agent7") as c:
        c.send(wire.query("SELECT repeat('z', 1000000) FROM generate_series(1, 1000)"))
        c.until("T")
        wait_until(lambda: c.sock.recv(1, 2) and True)  # MSG_PEEK: something is there, and nobody takes it
        r = wire.Result(c.until("Z"))
        assert data(r)[0] == 6 and r.error.sqlstate == "54000"
    wait_until(lambda: cancelled(lab) > before)


def drain(lab, sql="SELECT id FROM person", who="agent9"):
    """Rows until nothing more comes."""
    total = 0
    with lab.login(who) as c:
        while True:
            r = c.query(sql)
            total += data(r)[0]
            if r.errors and r.errors[0].sqlstate != "54000":
                return total
            assert data(r)[0] == 7


def some(lab, n, who="agent9"):
    with lab.login(who) as c:
        return sum(data(c.query("SELECT ssn FROM person LIMIT 7").ok())[0] for _ in range(n))


def test_restart(fresh):
    total = some(fresh, 100)
    fresh.sh("daemon", "restart")
    total += some(fresh, 100)
    fresh.sh("daemon", "stop")
    fresh.sh("daemon", "start")
    assert total + drain(fresh) == 3000
    fresh.sh("daemon", "restart")
    assert drain(fresh) == 0


def test_kill_in_the_middle(fresh):
    total = some(fresh, 50)
    for _ in range(3):
        with fresh.login("agent9") as c:
            c.send(*[wire.query("SELECT ssn FROM person LIMIT 7")] * 40)
            for _ in range(20):
                total += data(wire.Result(c.until("Z")))[0]
            fresh.sh("daemon", "kill")
            c.drain()
            # what had arrived counts, whole messages or not
            rest = bytes(c.received[c.at:])
            at = 0
            while at + 5 <= len(rest):
                total += rest[at:at + 1] == b"D"
                at += 1 + int.from_bytes(rest[at + 1:at + 5], "big")
        fresh.sh("daemon", "start")
    total += drain(fresh)
    # Of what had not been read when the reset came nobody knows whether it arrived.
    assert 3000 - 3 * (188 + 140) <= total <= 3000
    assert drain(fresh) == 0


def test_hand_over(fresh):
    """Two daemons at once spend of one window."""
    totals = []
    with fresh.login("agent9") as old:
        old.query("BEGIN").ok()
        totals.append(data(old.query("SELECT ssn FROM person LIMIT 7").ok())[0])
        fresh.sh("daemon", "upgrade")
        totals.append(some(fresh, 100))
        for _ in range(50):
            totals.append(data(old.query("SELECT ssn FROM person LIMIT 7").ok())[0])
        total = sum(totals) + drain(fresh)
        r = old.query("SELECT ssn FROM person LIMIT 7")
        assert r.error.sqlstate == "57014"
    assert 3000 - 188 <= total + data(r)[0] <= 3000


def test_what_cannot_be_written_down_is_not_given(fresh):
    file = fresh.state / "lib" / "allowances.json"
    file = file if file.parent.exists() else next(fresh.state.rglob("allowances.lock")).with_name("allowances.json")
    assert some(fresh, 3) == 21
    wait_until(file.exists)
    fresh.sh("daemon", "stop")
    kept = file.read_text()
    file.write_text(kept[:-10])
    fresh.sh("daemon", "start")
    with fresh.login("agent9") as c:
        assert c.query("SELECT ssn FROM person LIMIT 7").error.sqlstate == "58030"
        c.query("BEGIN; COMMIT").ok()
        # others are not concerned
    with fresh.login("agent1") as c:
        c.query("SELECT 1").ok()
    assert "allowance.failed" in fresh.daemon_log()
    file.write_text(kept)
    with fresh.login("agent9") as c:
        wait_until(lambda: not c.query("SELECT ssn FROM person LIMIT 7").errors)
        spent = [r for r in c.query("SHOW pgveil.limits").ok().rows if r[:2] == [b"window", b"rows"]]
        assert spent[0][3] == b"28"


def test_a_reload_takes_limits(files, tmp_path):
    policy = tmp_path / "limits.yaml"
    policy.write_text(files["policies"][0].read_text())
    with Lab(agents=len(EXPORTS), schema=files["schema"], policies=[policy]) as lab:
        with lab.login("agent10") as free, lab.login("agent4") as c:
            assert data(c.query("SELECT id FROM person LIMIT 60").ok())[0] == 60
            policy.write_text(policy.read_text().replace("{window: {period: 1h, rows: 100}}", "{window: {period: 1h, rows: 70}}") + "  export: {session: {rows: 1}}\n")
            wait_until(lambda: lab.daemon_log().count("policy.loaded") > 0)
            r = c.query("SELECT id FROM person LIMIT 60")
            assert data(r)[0] <= 10 and r.error.sqlstate == "57014"
            # one that was not looked at cannot go on
            free.send(wire.query("SELECT 1"))
            assert "whether statements are looked at" in wire.fields(free.until("E")[-1][1])["M"]


# The table of policy/README.md: record level, limits, what may go by the kernel's windows and by the pipe; and whether the limit is reached.
LARGE = "SELECT repeat('x', 4 << 20) FROM generate_series(1, 2)"
SMALL = "SELECT i, 'some more of a row' FROM generate_series(1, 200000) i"
LIMITS = {
    "none": ("", None, None),
    "statements": ("  export: {session: {statements: 100}}\n", None, None),
    "rows": ("  export: {statement: {rows: 1000}}\n", None, 1000),
    "window of rows": ("  export: {window: {period: 1h, rows: 1000}}\n", None, 998),
    "bytes": ("  export: {statement: {bytes: 6MiB}}\n", 1, None),
    "window of bytes": ("  export: {window: {period: 1h, bytes: 6MiB}}\n", 1, None),
    "masks": (MASK.replace("  statements: {opaque: {default: allow}}\n", ""), None, None),
}
LEVELS = ("full", "statements", "metadata")
COMBINATIONS = [(level, limit) for level in LEVELS for limit in LIMITS]


@pytest.fixture(scope="module", params=["auto", "force"])
def table(request, tmp_path_factory):
    at = tmp_path_factory.mktemp("table")
    (at / "schema.sql").write_text(SCHEMA)
    (at / "table.yaml").write_text("".join(
        DOCUMENT % {"name": "agent%d" % n, "number": "" if n == 1 else "_%d" % n, "rest": LIMITS[limit][0] + "  record: {level: %s}\n" % level}
        for n, (level, limit) in enumerate(COMBINATIONS, 1)))
    with Lab(agents=len(COMBINATIONS), schema=at / "schema.sql", policies=[at / "table.yaml"], env={"LAB_DAEMON_ARGS": "--splice " + request.param}) as up:
        up.splice = request.param
        yield up


def metric(lab, name):
    text = lab.sh("pgveil", "--", "metrics").stdout.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.split("{")[0].split()[0] == name)


@pytest.mark.parametrize("level,limit", COMBINATIONS)
def test_what_may_be_spliced(table, level, limit):
    who = "agent%d" % (COMBINATIONS.index((level, limit)) + 1)
    names = ("pgveil_splice_window_bytes_total", "pgveil_spliced_bytes_total")
    _, large, small = LIMITS[limit]
    before = [metric(table, n) for n in names]
    with table.login(who) as c:
        masked = limit == "masks"
        r = c.query("SELECT repeat(ssn, 400000), ssn FROM person LIMIT 2" if masked else LARGE)
        if not masked:
            assert data(r) == (large or 2, (large or 2) * ((4 << 20) + 11))
            assert len(r.errors) == (large is not None)
        after_large = [metric(table, n) for n in names]
        r = c.query("SELECT ssn FROM person" if masked else SMALL)
        if limit == "window of bytes":
            assert r.errors and data(r)[1] <= 2 << 20
        else:
            assert data(r)[0] == (5000 if masked else small or 200000 if limit != "bytes" else data(r)[0])
    after = [metric(table, n) for n in names]
    windows = after[0] - before[0]
    unread = after_large[1] - before[1]
    if level == "full" or masked:
        assert windows == 0 and after[1] == before[1]
    elif table.splice == "auto":
        assert (windows == 0 or limit == "none") and unread > 1 << 20
    elif limit == "none":
        # How much of a result goes that way depends on who is faster, so it is asked for until there was enough of it.
        for _ in range(20):
            if windows > 1 << 20:
                break
            with table.login(who) as c:
                assert data(c.query(LARGE).ok())[0] == 2
            windows = metric(table, names[0]) - before[0]
        assert windows > 1 << 20
    else:  # the pipe does not find what comes up from the program
        assert windows == unread == 0
