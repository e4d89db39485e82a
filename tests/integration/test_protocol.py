# SPDX-License-Identifier: MIT
"""Every way through the protocol, byte by byte as without an engine where nothing is masked: each script runs directly, for a
judged caller (agent1) and for one without masks (agent2)."""

import socket
import struct
import threading

import pytest

import canary
import wire
from lab import HERE, Lab, marker


@pytest.fixture(scope="module")
def lab():
    with Lab(policies=(HERE / "agent1.yaml", HERE / "plain.yaml")) as up:
        yield up


@pytest.fixture
def client(lab):
    with lab.login() as c:
        yield c
        assert canary.found(bytes(c.received)) == []


def heard(login, script):
    """Every byte that a script's client received after its login."""
    with login() as c:
        start = c.at
        script(c)
        return bytes(c.received[start:c.at])


def split(data):
    """Bytes → [(type, body)], for a difference that can be read. Of an error only what a client acts on: one that the engine tells has
    no line of the server's source."""
    out, at = [], 0
    while at < len(data):
        size, = struct.unpack_from("!I", data, at + 1)
        kind, body = chr(data[at]), data[at + 5:at + 1 + size]
        out.append((kind, {f: v for f, v in wire.fields(body).items() if f in "SVCMDHP"} if kind == "E" else body))
        at += 1 + size
    return out


def same(lab, script):
    expected = split(heard(lab.direct, script))
    for who in ("agent1", "agent2"):
        assert split(heard(lambda: lab.login(who), script)) == expected, who
    return expected


def kinds(messages):
    return "".join(k for k, _ in messages)


def rows_of(messages):
    return [wire.cells(b) for k, b in messages if k == "D"]


# ---- pipelines ----

DEPTH = 6000  # messages; more than the engine has under way at once (PIPELINE_MAX)


def test_deeper_than_the_engine_goes(lab):
    """All sent before anything is read, then all read."""
    def script(c):
        c.send(*[wire.parse("SELECT $1::int + %d" % (i % 7)) + wire.bind(params=[b"1"]) + wire.execute() for i in range(DEPTH // 3)], wire.sync(),
               *[wire.query("SELECT %d" % i) for i in range(50)])
        for _ in range(51):
            c.until("Z")
    assert kinds(same(lab, script)).count("D") == DEPTH // 3 + 50


def test_sent_and_read_at_once(lab):
    """No buffer on the way holds this: who stops reading until all is sent would wait for ever, as with PostgreSQL."""
    n = 20000

    def script(c):
        sender = threading.Thread(target=c.send, args=[wire.bind("p", params=[b"x" * 100]) + wire.execute() for _ in range(n)] + [wire.sync()])
        c.send(wire.parse("SELECT repeat($1::text, 4)", "p"))
        sender.start()
        c.until("Z")
        sender.join()
    assert kinds(same(lab, script)).count("D") == n


def test_error_in_a_deep_pipeline(lab):
    """What stands behind the error is skipped, what stands behind the Sync is not."""
    def script(c):
        good = wire.extended("SELECT 1")
        c.send(good * 50, wire.extended("SELECT 1/0"), good * DEPTH, wire.sync(), good * 3, wire.sync())
        c.until("Z")
        c.until("Z")
    got = kinds(same(lab, script))
    assert got.count("E") == 1 and got.count("D") == 53


def test_flush(lab):
    def script(c):
        for part, last in ((wire.parse("SELECT 1", "p"), "1"), (wire.bind("p", "o"), "2"), (wire.describe("P", "o"), "T"), (wire.execute("o"), "C")):
            c.send(part, wire.flush())
            c.until(last)
        c.send(wire.flush(), wire.sync())
        c.until("Z")
    assert kinds(same(lab, script)) == "12TDCZ"


def test_cancel_while_a_pipeline_runs(lab):
    """The statement that runs is cancelled; what is behind its Sync is not."""
    for login, dial in ((lab.direct, None), (lambda: lab.login("agent1"), "agent1"), (lambda: lab.login("agent2"), "agent2")):
        with login() as c:
            c.send(wire.extended("SELECT 1"), wire.extended("SELECT generate_series(1, 4000000000)"), wire.extended("SELECT 2"), wire.sync(),
                   wire.extended("SELECT 3"), wire.sync())
            c.until("C")
            c.until("D")
            with wire.Client(lab.dial(dial)) if dial else wire.Client(socket.create_connection((lab.host, lab.port))) as other:
                other.send(wire.cancel(*c.key))
                other.drain()
            r = c.result()
            assert r.error.sqlstate == "57014" and r.kinds.strip("D") == "EZ"
            assert c.result().ok().rows == [[b"3"]]


def test_terminate_in_the_middle(lab):
    """A result under way and then goodbye: the session ends, and the next one is served."""
    for who in ("agent1", "agent2"):
        with lab.login(who) as c:
            c.send(wire.query("SELECT a.filler FROM clinic.note a CROSS JOIN clinic.note b"))
            c.until("D")
            c.send(wire.terminate())
        with lab.login(who) as c:
            c.query("SELECT 1").ok()


# ---- portals and statements ----

def test_portals_interleaved_and_resumed(lab):
    def script(c):
        c.send(wire.query("BEGIN"))
        c.until("Z")
        c.send(wire.parse("SELECT i, i::text FROM generate_series(1, $1::int) i", "s"), wire.bind("s", "a", [b"10"], (0, 1)),
               wire.bind("s", "b", [b"7"], (1, 0)), wire.bind("s", "", [b"3"], (1,)))
        for _ in range(4):
            c.send(wire.execute("a", 3), wire.execute("b", 2), wire.execute("", 1))
        c.send(wire.describe("P", "a"), wire.describe("S", "s"), wire.close("P", "a"), wire.close("P", "nobody"), wire.sync())
        c.until("Z")
        c.send(wire.execute("b", 0), wire.sync(), wire.execute("a", 0), wire.sync(), wire.query("ROLLBACK"))
        for _ in range(3):
            c.until("Z")
    assert "s" in kinds(same(lab, script))


def test_masked_portals_suspended(client):
    """Row limits, formats by column, and another statement between."""
    client.query("BEGIN").ok()
    client.send(wire.parse("SELECT id, ssn, visits FROM clinic.patient ORDER BY id", "s"), wire.bind("s", "a", formats=(0, 0, 1)),
                wire.bind("s", "b", formats=(1, 1, 0)), wire.execute("a", 2), wire.execute("b", 1), wire.execute("a", 1), wire.sync())
    r = client.result().ok()
    assert r.rows == [[b"1", b"*******0001", b"\0\0\0\0"], [b"2", b"*******0002", b"\0\0\0\0"], [b"\0\0\0\1", b"*******0001", b"0"],
                      [b"3", b"*******0003", b"\0\0\0\0"]]
    client.send(wire.execute("b", 0), wire.sync())
    assert len(client.result().ok().rows) == 8
    client.query("ROLLBACK").ok()


def test_statement_replaced_after_bind(lab):
    """A portal keeps what it was bound to."""
    def script(c):
        c.send(wire.parse("SELECT 1"), wire.bind(portal="o"), wire.parse("SELECT 2, 3"), wire.execute("o"), wire.bind(), wire.execute(), wire.sync())
        c.until("Z")
        c.send(wire.parse("SELECT 4", "n"), wire.bind("n", "o"), wire.close("S", "n"), wire.parse("SELECT 'five'", "n"), wire.execute("o"),
               wire.bind("n", "p"), wire.describe("P", "p"), wire.execute("p"), wire.sync())
        c.until("Z")
    assert [r[0] for r in rows_of(same(lab, script))] == [b"1", b"2", b"4", b"five"]


def test_masked_statement_replaced_after_bind(client):
    client.send(wire.parse("SELECT ssn FROM clinic.patient WHERE id = 1"), wire.bind(portal="o"),
                wire.parse("SELECT name FROM clinic.patient WHERE id = 1"), wire.execute("o"), wire.sync())
    assert client.result().ok().rows == [[b"*******0001"]]
    client.send(wire.parse("SELECT name FROM clinic.patient WHERE id = 1"), wire.bind(portal="o"),
                wire.parse("SELECT ssn FROM clinic.patient WHERE id = 1"), wire.execute("o"), wire.bind(), wire.execute(), wire.sync())
    assert [r[0] for r in client.result().ok().rows][1:] == [b"*******0001"]


def test_sql_and_protocol_share_names(lab):
    def script(c):
        c.query("PREPARE a AS SELECT $1::int * 2")
        c.send(wire.bind("a", params=[b"21"]), wire.describe(), wire.execute(), wire.describe("S", "a"), wire.sync())
        c.until("Z")
        c.send(wire.parse("SELECT 'by protocol'::text, $1::int", "b"), wire.sync())
        c.until("Z")
        for sql in ("EXECUTE b(5)", "PREPARE b AS SELECT 1", "EXECUTE b(6)", "DEALLOCATE b", "EXECUTE b(7)"):
            c.query(sql)
        c.send(wire.bind("b", params=[b"1"]), wire.execute(), wire.sync())
        c.until("Z")
        c.send(wire.close("S", "a"), wire.sync())
        c.until("Z")
        c.query("EXECUTE a(1)")
        c.send(wire.parse("SELECT 1", "x"), wire.parse("SELECT 2", "x"), wire.sync())
        c.until("Z")
        c.query("DEALLOCATE ALL")
        c.send(wire.bind("x"), wire.sync())
        c.until("Z")
    states = [b["C"] for k, b in same(lab, script) if k == "E"]
    assert states == ["42P05", "26000", "26000", "26000", "42P05", "26000"]


def test_sql_execute_by_protocol(lab):
    """EXECUTE and FETCH inside Parse, with formats of their own."""
    def script(c):
        c.query("PREPARE q AS SELECT generate_series(1, 4) AS n")
        c.send(wire.extended("EXECUTE q", formats=(1,)), wire.sync())
        c.until("Z")
        c.query("BEGIN")
        c.query("DECLARE k SCROLL CURSOR FOR SELECT generate_series(1, 9)")
        c.send(wire.extended("FETCH 3 FROM k", formats=(1,)), wire.extended("MOVE 2 FROM k"), wire.extended("FETCH BACKWARD 2 FROM k"), wire.sync())
        c.until("Z")
        c.send(wire.describe("P", "k"), wire.execute("k", 2), wire.sync())
        c.until("Z")
        c.send(wire.parse("SELECT 7 AS seven", "s"), wire.bind("s", "proto"), wire.sync())
        c.until("Z")
        c.query("FETCH ALL FROM proto")
        c.query("COMMIT")
    assert "T" in kinds(same(lab, script))


FETCHES = ("FETCH c", "FETCH 2 FROM c", "FETCH PRIOR FROM c", "FETCH FIRST FROM c", "FETCH LAST FROM c", "FETCH ABSOLUTE 4 FROM c",
           "FETCH RELATIVE -2 FROM c", "FETCH FORWARD 3 FROM c", "FETCH BACKWARD ALL FROM c", "FETCH ALL FROM c", "FETCH 0 FROM c",
           "MOVE BACKWARD 3 IN c", "FETCH NEXT IN c", "MOVE ABSOLUTE 0 IN c", "FETCH FORWARD ALL FROM c", "CLOSE c", "FETCH c")


@pytest.mark.parametrize("how", ["SCROLL CURSOR", "BINARY SCROLL CURSOR", "SCROLL CURSOR WITH HOLD"])
def test_cursors(lab, how):
    def script(c):
        c.query("BEGIN")
        c.query("DECLARE c %s FOR SELECT id, name, admitted FROM clinic.patient ORDER BY id" % how)
        for sql in FETCHES:
            c.query(sql)
        c.query("ROLLBACK")
    same(lab, script)


@pytest.mark.parametrize("how", ["CURSOR", "BINARY CURSOR", "CURSOR WITH HOLD"])
def test_cursors_over_masked_columns(client, how):
    client.query("BEGIN").ok()
    client.query("DECLARE c SCROLL %s FOR SELECT id, ssn, visits, diagnosis FROM clinic.patient ORDER BY id" % how).ok()
    client.query("FETCH 2 FROM c").ok()
    zero = b"\0\0\0\0" if "BINARY" in how else b"0"
    assert client.query("FETCH ABSOLUTE 3 FROM c").ok().rows[0][1:] == [b"*******0003", zero, b"****"]
    client.send(wire.execute("c", 1), wire.sync())
    # The server itself gives text for an Execute of a BINARY cursor.
    assert client.result().ok().rows[0][1:] == [b"*******0004", b"0", b"****"]
    client.query("COMMIT").ok()
    if "HOLD" in how:
        assert client.query("FETCH FROM c").ok().rows[0][1:] == [b"*******0005", zero, b"****"]
        client.query("CLOSE c").ok()


def test_ten_thousand_statements_and_many_portals(lab):
    n = 10000

    def script(c):
        c.send(*[wire.parse("SELECT %d + $1::int" % (i % 10), "s%d" % i) for i in range(n)], wire.sync())
        c.until("Z")
        c.send(wire.query("BEGIN"), *[wire.bind("s%d" % i, "o%d" % i, [b"1"]) for i in range(0, n, 5)], wire.sync())
        c.until("Z")
        c.until("Z")
        c.send(*[wire.execute("o%d" % i) for i in range(0, n, 500)], wire.sync(), wire.query("COMMIT"))
        c.until("Z")
        c.until("Z")
        c.send(wire.close("S", "s3"), wire.bind("s9999", "", [b"1"]), wire.execute(), wire.bind("s3"), wire.sync())
        c.until("Z")
    got = same(lab, script)
    assert kinds(got).count("1") == n and kinds(got).count("D") == 21


# ---- COPY ----

def copied(c):
    return [b for k, b in c.until("Z") if k == "d"]


@pytest.mark.parametrize("options", ["", "WITH (FORMAT csv, HEADER)", "WITH (FORMAT binary)", "(DELIMITER ';', NULL 'nil')"])
def test_copy_out_and_in(lab, options):
    def script(c):
        c.query("BEGIN")
        c.send(wire.query("COPY clinic.journal (line, amount) TO STDOUT %s" % options))
        data = copied(c)
        c.send(wire.query("COPY (SELECT id, name, scan FROM clinic.patient ORDER BY id) TO STDOUT %s" % options))
        copied(c)
        c.send(wire.query("COPY clinic.journal (line, amount) FROM STDIN %s" % options))
        c.until("G")
        c.send(*[wire.message("d", d) for d in data], wire.flush(), wire.sync(), wire.message("c"))
        c.until("Z")
        c.send(wire.parse("COPY clinic.journal (line, amount) FROM STDIN %s" % options), wire.bind(), wire.execute(), wire.flush())
        c.until("G")
        c.send(wire.message("d", b"".join(data)[:-3]), wire.message("d", b"".join(data)[-3:]), wire.message("c"), wire.sync())
        c.until("Z")
        c.send(wire.parse("COPY clinic.journal (line, amount) TO STDOUT %s" % options), wire.bind(), wire.execute(), wire.sync())
        copied(c)
        c.query("ROLLBACK")
    got = same(lab, script)
    assert [b for k, b in got if k == "C"].count(b"COPY 2\0") == 3 and "E" not in kinds(got)


def test_copy_that_fails(lab):
    """CopyFail; data that the server does not take, with more behind it; what comes after works."""
    def script(c):
        for end in (wire.message("f", wire.cstr("changed my mind")), wire.message("d", b"x\tnot a number\n") + wire.message("d", b"more\t1\n") * 3 + wire.message("c")):
            c.send(wire.query("COPY clinic.journal (line, amount) FROM STDIN"))
            c.until("G")
            c.send(wire.message("d", b"a\t1\n"), end)
            c.until("Z")
            c.send(wire.parse("COPY clinic.journal (line, amount) FROM STDIN"), wire.bind(), wire.execute(), wire.flush())
            c.until("G")
            c.send(wire.message("d", b"a\t1\n"), end, wire.parse("SELECT 1"), wire.sync(), wire.query("SELECT 2"))
            c.until("Z")
            c.until("Z")
        c.query("SELECT count(*) FROM clinic.journal")
    assert kinds(same(lab, script)).count("E") == 4


@pytest.mark.parametrize("extended", [False, True], ids=["simple", "extended"])
def test_sync_in_a_copy_that_fails(lab, extended):
    """A Sync behind the failing row gets its ReadyForQuery; one before it is forgotten by the server."""
    for before in (b"", b"good\t1\n"):
        def script(c):
            copy = "COPY clinic.journal (line, amount) FROM STDIN"
            c.send(wire.parse(copy) + wire.bind() + wire.execute() + wire.flush() if extended else wire.query(copy))
            c.until("G")
            c.send(*([wire.message("d", before), wire.sync()] if before else []), wire.message("d", b"x\tnot a number\n"))
            c.until("E")
            c.send(wire.sync(), wire.message("d", b"more\t1\n"), wire.flush(), wire.message("c"), wire.sync(), wire.query("SELECT 'the end'"))
            while True:
                if any(k == "D" for k, _ in c.until("Z")):
                    return
        got = kinds(same(lab, script))
        assert got.count("E") == 1


def test_sync_in_a_copy_sent_ahead(lab):
    """All in one piece: which Syncs the server still answers is its own affair, and the client hears the same."""
    def script(c):
        c.send(wire.query("COPY clinic.journal (line, amount) FROM STDIN"))
        c.until("G")
        c.send(wire.message("d", b"x\tnot a number\n"), wire.sync(), wire.message("d", b"y\t2\n"), wire.sync(), wire.message("c"), wire.sync(),
               wire.query("SELECT 'the end'"))
        while not any(k == "D" for k, _ in c.until("Z")):
            pass
    same(lab, script)


def test_copy_of_masked_relations_in_a_pipeline(client):
    client.send(wire.extended("COPY (SELECT id, ssn FROM clinic.patient WHERE id = 1) TO STDOUT"), wire.sync(),
                wire.query("COPY clinic.patient (ssn) TO STDOUT (NULL '')"), wire.query("SELECT 1"))
    r = client.result()
    assert [body for k, body in r.messages if k == "d"] == [b"1\t*******0001\n"]
    assert client.result().error.sqlstate == "42501"
    client.result().ok()


# ---- what comes by itself ----

def test_parameter_status(lab):
    def script(c):
        for sql in ("SET application_name = 'one'", "SET TimeZone = 'Asia/Tokyo'", "BEGIN", "SET LOCAL IntervalStyle = 'iso_8601'", "ROLLBACK",
                    "SET DateStyle = 'German'; SELECT 1; RESET DateStyle", "SET LOCAL application_name = 'warned'"):
            c.query(sql)
        c.send(wire.extended("SET application_name = 'two'"), wire.sync())
        c.until("Z")
    assert "S" in kinds(same(lab, script)) and "N" in kinds(same(lab, script))


def test_reload_by_the_dba(lab):
    """The server tells a change of its configuration before its next ReadyForQuery."""
    sessions = [lab.direct(), lab.login("agent1"), lab.login("agent2")]
    try:
        lab.dba_psql("ALTER SYSTEM SET IntervalStyle = 'sql_standard'")
        lab.dba_psql("SELECT pg_reload_conf()")
        for c in sessions:
            for _ in range(500):
                if c.parameters.get("IntervalStyle") == "sql_standard":
                    break
                c.query("SELECT interval '1 day'").ok()
            assert c.parameters["IntervalStyle"] == "sql_standard"
    finally:
        lab.dba_psql("ALTER SYSTEM RESET IntervalStyle")
        lab.dba_psql("SELECT pg_reload_conf()")
        for c in sessions:
            c.close()


def test_notifications(lab):
    """A payload never arrives, and a channel only where the client has named it itself."""
    lab.dba_psql("""
        CREATE FUNCTION clinic.shout() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE said text := (SELECT ssn FROM clinic.patient WHERE id = 1);
        BEGIN
            EXECUTE format('LISTEN %I', said);
            PERFORM pg_notify('news', said), pg_notify(said, said);
            RETURN NEW;
        END $$;
        CREATE TABLE clinic.loud (i int);
        GRANT INSERT ON clinic.loud TO pgveil_agent;
        CREATE TRIGGER shout AFTER INSERT ON clinic.loud FOR EACH ROW EXECUTE FUNCTION clinic.shout();""")
    try:
        with lab.login() as c:
            # A definition made just now is known within a second.
            for _ in range(5000):
                r = c.query("INSERT INTO clinic.loud VALUES (1)")
                if not r.errors:
                    break
            assert r.ok().kinds == "CZ"
            c.query('LISTEN "news"; LISTEN more').ok()
            pid = c.key[0]
            r = c.query("INSERT INTO clinic.loud VALUES (1)").ok()
            assert [b for k, b in r.messages if k == "A"] == [struct.pack("!I", pid) + b"news\0\0"]
            lab.dba_psql("NOTIFY more, 'zebrafinch'; NOTIFY news, 'quorvex'; NOTIFY other")
            idle = [c.read()[1][4:], c.read()[1][4:]]
            assert idle == [b"more\0\0", b"news\0\0"]
            c.query("UNLISTEN more").ok()
            r = c.query("NOTIFY more, 'x'; NOTIFY news, 'y'").ok()
            assert [b[4:] for k, b in r.messages if k == "A"] == [b"news\0\0"]
            r = c.query("SELECT pg_notify('news', 'x')").ok()
            assert [b[4:] for k, b in r.messages if k == "A"] == [b"news\0\0"]
            assert c.query("SELECT pg_notify('news', ssn) FROM clinic.patient").error.sqlstate == "42501"
            c.send(wire.extended("UNLISTEN *"), wire.sync())
            c.result().ok()
            assert "A" not in c.query("NOTIFY news").ok().kinds
            assert canary.found(bytes(c.received)) == []
    finally:
        lab.dba_psql("DROP TABLE clinic.loud; DROP FUNCTION clinic.shout()")


def test_notifications_without_masks(lab):
    with lab.login("agent2") as c:
        c.query("LISTEN x").ok()
        r = c.query("NOTIFY x, 'as it is'").ok()
        assert [b[4:] for k, b in r.messages if k == "A"] == [b"x\0as it is\0"]
