# SPDX-License-Identifier: MIT
"""Large rows that nothing looks at pass without being read: the same bytes as without the engine, whoever is slow, ends or breaks, and all of
them counted. agent1 is judged, agent2 not."""

import re
import socket
import struct

import pytest

import wire
from lab import HERE, Lab, marker

MIB = 1 << 20
# A value of so many times 32 bytes, none of them like another.
VALUE = "SELECT string_agg(md5(i::text), '') FROM generate_series(1, %d) i"
PARTS = 40000
SIZE = PARTS * 32
# One letter, so many MiB of it in bytes.
LONG = "SELECT repeat(repeat('%s', 1048576), %d / 1048576)"
# More than two connections hold; the pipe's and the engine's own share is small beside it.
BUFFERS = 32 * MIB


@pytest.fixture(scope="module")
def lab():
    with Lab(policies=(HERE / "agent1.yaml", HERE / "plain.yaml"), record="{level: statements}", env={"LAB_DAEMON_ARGS": "--splice auto"}) as up:
        yield up


@pytest.fixture(autouse=True)
def on(lab):
    assert splice(lab, "on") == "on"


def splice(lab, *word):
    return lab.sh("pgveil", "--", "splice", *word).stdout.decode().strip()


def metrics(lab):
    """{name{labels}: value}"""
    text = lab.sh("pgveil", "--", "metrics").stdout.decode()
    return {m[1]: float(m[2]) for m in re.finditer(r"^(pgveil\S+) (\S+)$", text, re.M)}


class Counted:
    """What the daemon counted in a block."""

    def __init__(self, lab):
        self.lab, self.before = lab, metrics(lab)

    def __call__(self, name):
        return metrics(self.lab)[name] - self.before[name]


def spliced(counted):
    return counted("pgveil_spliced_bytes_total")


def reads(counted, way):
    return counted('pgveil_splice_reads_total{way="%s"}' % way)


def all_messages(c, *what):
    c.send(*what)
    return c.until("Z")


@pytest.fixture(scope="module")
def expected(lab):
    with lab.direct() as c:
        return c.query(VALUE % PARTS).ok().messages


def wait_for(lab, condition, seconds=60):
    """Waits on the server until something is so of its sessions of the engine's role, in five looks one after another: one that
    writes faster than it is read cannot write at many a moment, and goes on."""
    p = lab.dba_psql("""DO $$ DECLARE held int := 0; BEGIN
        FOR i IN 1..%d LOOP
            PERFORM pg_stat_clear_snapshot();
            held := CASE WHEN (SELECT %s FROM pg_stat_activity WHERE usename = 'pgveil_agent' AND application_name <> 'pgveil catalogue')
                THEN held + 1 ELSE 0 END;
            IF held = 5 THEN RETURN; END IF;
            PERFORM pg_sleep(0.05);
        END LOOP;
        RAISE 'was not so'; END $$; SELECT true""" % (seconds * 20, condition))
    assert p == "t", condition


def stuck(n=1):
    """So many backends cannot write on."""
    return "count(*) FILTER (WHERE wait_event = 'ClientWrite') = %d" % n


def gone():
    return "count(*) = 0"


WAYS = {
    "simple": lambda sql: (wire.query(sql),),
    "extended": lambda sql: (wire.extended(sql), wire.sync()),
    "binary": lambda sql: (wire.extended(sql, formats=(1,)), wire.sync()),
    "copy": lambda sql: (wire.query("COPY (%s) TO STDOUT" % sql),),
    "copy binary": lambda sql: (wire.query("COPY (%s) TO STDOUT (FORMAT binary)" % sql),),
    "portal": lambda sql: (wire.parse(sql), wire.bind(), wire.execute(rows=1), wire.execute(rows=1), wire.sync()),
    "two": lambda sql: (wire.query(sql + "; SELECT 1; " + sql),),
}


@pytest.mark.parametrize("who", ["agent1", "agent2"])
@pytest.mark.parametrize("way", WAYS)
def test_same_bytes(lab, who, way):
    counted = Counted(lab)
    sql = VALUE % PARTS
    with lab.direct() as c:
        direct = all_messages(c, *WAYS[way](sql))
    with lab.login(who) as c:
        assert all_messages(c, *WAYS[way](sql)) == direct
        assert c.query("SELECT 1").ok().rows == [[b"1"]]
    large = sum(k in "Dd" and len(b) >= SIZE for k, b in direct)
    assert counted('pgveil_large_rows_total{result="clean"}') == large > 0
    # All but what the reads before and behind brought along.
    assert large * (SIZE - 300000) < spliced(counted) < large * (SIZE + 64)
    assert reads(counted, "pipe") > 0 and reads(counted, "off") == reads(counted, "no_pipe") == reads(counted, "tls") == 0


def test_counters_are_exact(lab):
    """Every byte that the client got is counted once, spliced or read."""
    counted = Counted(lab)
    with lab.login("agent2") as c:
        before, start = counted('pgveil_received_bytes_total{from="database"}'), len(c.received)
        for n in (1, PARTS, 3000, 2048, 2047, 10000):
            c.query(VALUE % n).ok()
        assert counted('pgveil_received_bytes_total{from="database"}') - before == len(c.received) - start
        assert counted("pgveil_rows_total") == 6


def test_masked_rows_are_read(lab):
    """However large: what is not to be seen is not in a row that nobody looks at."""
    counted = Counted(lab)
    with lab.login() as c:
        r = c.query("SELECT ssn, repeat('x', 1000000) FROM clinic.patient WHERE id = 1").ok()
        assert r.rows[0][0] == b"*******0001" and len(r.rows[0][1]) == 1000000
        all_messages(c, wire.query("COPY (SELECT ssn, repeat('x', 1000000) FROM clinic.patient WHERE id = 1) TO STDOUT"))
        mixed = c.query("SELECT repeat('a', 1000000); SELECT ssn, repeat('b', 1000000) FROM clinic.patient WHERE id = 1").ok()
        assert mixed.rows[1][0] == b"*******0001"
    assert b"123-45-" not in bytes(c.received)
    assert counted('pgveil_large_rows_total{result="rewritten"}') == 3
    assert counted('pgveil_large_rows_total{result="clean"}') == 1
    assert 500000 < spliced(counted) < 1000100


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_the_server_is_held_back(lab, who):
    """A client that reads nothing: the row stays where it is made, but for what the buffers of two connections hold."""
    counted = Counted(lab)
    n = 2 * BUFFERS
    with lab.login(who) as c:
        c.send(wire.query(LONG % ("x", n)))
        wait_for(lab, stuck())
        assert 0 < spliced(counted) < BUFFERS
        r = c.result().ok()
        assert r.rows == [[b"x" * n]]
        assert spliced(counted) > n - MIB


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_half_closed_in_the_row(lab, who, expected):
    with lab.login(who) as c:
        c.send(wire.query(VALUE % PARTS))
        c._need(70000)
        c.sock.shutdown(socket.SHUT_WR)
        assert c.until("Z") == expected
        with pytest.raises(wire.Closed):
            c.read()
    wait_for(lab, gone())


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_reset_in_the_row(lab, who):
    with lab.login(who) as c:
        c.send(wire.query(LONG % ("x", 2 * BUFFERS)))
        wait_for(lab, stuck())
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lab, gone())
    # Nothing of it is left in a pipe that somebody else gets.
    with lab.login(who) as c:
        assert c.query("SELECT repeat('y', 1000000)").ok().rows == [[b"y" * 1000000]]


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_the_server_ends_in_the_row(lab, who):
    """The client gets what the server could still say of the row, in its order, and then the end; no message of ours is in the middle."""
    m = marker()
    with lab.login(who) as c:
        c.send(wire.query(LONG % ("x", 2 * BUFFERS) + ", '%s'" % m))
        wait_for(lab, stuck())
        assert lab.dba_psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%%%s%%' AND pid <> pg_backend_pid()" % m) == "1"
        assert c.read()[0] == "T"
        at = c.at
        c.drain()
        rest = bytes(c.received[at:])
        assert MIB < len(rest) < BUFFERS
        assert rest[:1] == b"D" and set(rest[11:]) == {ord("x")}


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_turned_off_and_on_in_the_row(lab, who):
    """What is left of the row when it is on again depends on who is faster: enough of it in one of some rows."""
    assert any(turned_off_and_on(lab, who) > MIB for _ in range(10))


def turned_off_and_on(lab, who):
    """Bytes that were not read once it was on again."""
    counted = Counted(lab)
    n = 2 * BUFFERS
    with lab.login(who) as c:
        c.send(wire.query(LONG % ("x", n)))
        wait_for(lab, stuck())
        assert splice(lab, "off") == "off"
        assert splice(lab) == "off" and metrics(lab)["pgveil_splice_on"] == 0
        until_now = spliced(counted)
        c._need(BUFFERS)
        # What was in the pipe went out.
        assert until_now <= spliced(counted) <= until_now + MIB and reads(counted, "off") > 0
        assert splice(lab, "on") == "on"
        assert c.result().ok().rows == [[b"x" * n]]
        return spliced(counted) - until_now


def test_off_by_configuration(expected):
    with Lab(policies=(HERE / "agent1.yaml", HERE / "plain.yaml"), record="{level: statements}", env={"LAB_DAEMON_ARGS": "--splice off"}) as lab:
        counted = Counted(lab)
        for who in ("agent1", "agent2"):
            with lab.login(who) as c:
                assert c.query(VALUE % PARTS).ok().messages == expected
        assert spliced(counted) == 0 and reads(counted, "pipe") == 0 and reads(counted, "off") > 0
        assert splice(lab) == "off"
        p = lab.sh("pgveil", "--", "splice", "on", check=False)
        assert p.returncode == 1 and b"--splice off" in p.stderr
        assert splice(lab) == "off"
        assert lab.sh("pgveil", "--", "splice", "perhaps", check=False).returncode == 2
