# SPDX-License-Identifier: MIT
"""--splice force: the kernel hands on the rows of clean results by itself, of sessions in which nothing is masked. The rows of interception.md's table of sockmap, each with the bytes that
are to come: nothing lost, nothing overtaken, memory bounded for a client that does not read, both ends, resets; and clean and masked results in random
order. agent1 is judged, so all of its rows come through the daemon; agent2 not."""

import contextlib
import os
import socket
import struct
import subprocess

import pytest

import interleave
import kernel_memory
import wire
from lab import HERE, PYTHON, Lab, marker
from test_splice import BUFFERS, LONG, MIB, Counted, gone, metrics, splice, spliced, stuck, wait_for

ROWS = "SELECT i, repeat('x', 1000) FROM generate_series(1, %d) i"
# Rows whose values look like messages: only where a header is expected does it count.
DECEIT = """SELECT decode('43000000085345004400000005', 'hex'), repeat('DDDD', 300), 'C' || chr(9) || 'Z' FROM generate_series(1, %d)"""
WINDOW = 256 << 10  # STREAM_CREDIT of userspace/net/stream.h
ENGINE = 256 << 10  # what the daemon itself may have read of one session
SEQUENCES = int(os.environ.get("SPLICE_SEQUENCES", "300"))


@pytest.fixture(scope="module")
def lab():
    with Lab(policies=(HERE / "agent1.yaml", HERE / "plain.yaml"), record="{level: statements}", env={"LAB_DAEMON_ARGS": "--splice force"}) as up:
        yield up


@pytest.fixture(autouse=True)
def on(lab):
    assert splice(lab, "on") == "on"


def windows(counted, end):
    return counted('pgveil_splice_windows_total{end="%s"}' % end)


def handed(counted):
    return counted("pgveil_splice_window_bytes_total")


def whole(c, *what):
    """All bytes of the answers to what, and nothing more."""
    start = c.at
    c.send(*what)
    for _ in what:
        c.until("Z")
    assert c.at == len(c.received)
    return bytes(c.received[start:])


def messages_of(stream):
    at = [0]
    while at[-1] < len(stream):
        at.append(at[-1] + 1 + struct.unpack_from("!I", stream, at[-1] + 1)[0])
    return [(stream[i:i + 1], stream[i:k]) for i, k in zip(at, at[1:])]


def same(lab, who, *what):
    with lab.direct() as d, lab.login(who) as c:
        want = whole(d, *what)
        assert whole(c, *what) == want
    return want


def test_the_metrics_say_what_it_passed(lab):
    checks = {name: value for name, value in metrics(lab).items() if name.startswith("pgveil_splice_test{")}
    # FIONREAD is nothing that force asks for.
    assert len(checks) == 7 and all(value == 1 for name, value in checks.items() if "readable" not in name), checks


def test_the_kernel_passed(lab):
    said = [line for line in lab.daemon_log().splitlines() if '"event":"splice.' in line]
    assert '"event":"splice.ready"' in said[0] and "checks" not in said[0]


@pytest.mark.parametrize("who", ["agent1", "agent2"])
@pytest.mark.parametrize("sql", [ROWS % 20000, "COPY (%s) TO STDOUT" % (ROWS % 20000), "COPY (%s) TO STDOUT (FORMAT binary)" % (ROWS % 20000), DECEIT % 9000,
                                 "SELECT FROM generate_series(1, 200000)", LONG % ("y", 16 * MIB)],
                         ids=["rows", "copy", "copy binary", "deceit", "rows of no column", "one row"])
def test_same_bytes(lab, who, sql):
    counted = Counted(lab)
    got = same(lab, who, wire.query(sql))
    if who == "agent1":
        assert handed(counted) == 0
        return
    # A window opens where the daemon has read all that came: beside much else that may happen in no moment of a result.
    times = 1
    while not handed(counted) and times < 20:
        assert same(lab, who, wire.query(sql)) == got
        times += 1
    assert 0 < handed(counted) <= len(got) * times
    assert handed(counted) == spliced(counted)


def test_counters_are_exact(lab):
    """Whether the kernel handed it on or not: every byte and every row is counted once."""
    counted = Counted(lab)
    with lab.login("agent2") as c:
        before, start = counted('pgveil_received_bytes_total{from="database"}'), len(c.received)
        for n in (1, 20000, 3000, 63, 64, 65, 7000):
            whole(c, wire.query(ROWS % n))
        assert counted('pgveil_received_bytes_total{from="database"}') - before == len(c.received) - start
    assert counted("pgveil_rows_total") == 1 + 20000 + 3000 + 63 + 64 + 65 + 7000
    assert 0 < counted("pgveil_splice_window_rows_total") < counted("pgveil_rows_total")


def test_masked_behind_clean(lab):
    """In one text, in one pipeline, by portals that nobody describes: what is masked comes through the daemon, as what is clean beside it."""
    counted = Counted(lab)
    clean, secret = ROWS % 5000, "SELECT ssn FROM clinic.patient WHERE id = 1"
    with lab.login() as c:
        r = c.query("%s; %s; %s" % (clean, secret, clean)).ok()
        assert len(r.rows) == 10001 and r.rows[5000] == [b"*******0001"]
        c.send(wire.parse(clean, "a"), wire.parse(secret, "b"), wire.sync())
        c.until("Z")
        c.send(*(wire.bind("a", "pa"), wire.bind("b", "pb"), wire.execute("pa"), wire.execute("pb"), wire.execute("pa"), wire.sync()))
        r = c.result().ok()
        assert len(r.rows) == 5001 and r.rows[5000] == [b"*******0001"]
        assert b"-0001" not in bytes(c.received)
    assert handed(counted) == 0


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_a_client_that_does_not_read(lab, who):
    """What the server could say is what the buffers of two connections and one window hold; afterwards all of it is there."""
    counted = Counted(lab)
    n = 2 * BUFFERS // 1000
    with lab.login(who) as c, lab.direct() as d:
        before = counted('pgveil_received_bytes_total{from="database"}')
        c.send(wire.query(ROWS % n))
        wait_for(lab, stuck())
        assert counted('pgveil_received_bytes_total{from="database"}') - before < BUFFERS
        want = whole(d, wire.query(ROWS % n))
        start = c.at
        c.until("Z")
        assert bytes(c.received[start:]) == want


def test_kernel_memory_of_clients_that_do_not_read(lab):
    """Measured: between the two sockets is one window at most, what the two hold is charged to them and has its limit, and the machine has lost
    no more than that for each of them; their results are four times as large as what they may take."""
    readers, n = 4, 128 * MIB // 1000
    before = kernel_memory.unnamed()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(lab.login("agent2")) for _ in range(1)]
        sides = kernel_memory.Sides(lab, "agent2")
        clients[0].send(wire.query(ROWS % n))
        wait_for(lab, stuck())
        between = sides.between()
        charged, most = sides.charged()
        for _ in range(1, readers):
            clients.append(stack.enter_context(lab.login("agent2")))
            clients[-1].send(wire.query(ROWS % n))
        wait_for(lab, stuck(readers))
        lost = kernel_memory.unnamed() - before
        print("between the sockets %d bytes (a window is %d), charged to them %d of %d, lost to the machine %d for each of %d" % (
            between, WINDOW, charged, most, lost // readers, readers))
        assert 0 <= between <= WINDOW + ENGINE
        assert charged <= most + MIB
        # The application's own receive buffer is there too.
        assert lost / readers < BUFFERS
        for c in clients:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lab, gone())


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_the_client_ends_its_side(lab, who):
    """Several times: its end must come while rows wait in the kernel to be sent to it."""
    with lab.direct() as d:
        want = whole(d, wire.query(ROWS % 30000))
    for _ in range(6):
        with lab.login(who) as c:
            start = c.at
            c.send(wire.query(ROWS % 30000))
            c._need(200000)
            c.sock.shutdown(socket.SHUT_WR)
            c.drain()
            assert bytes(c.received[start:]) == want
    wait_for(lab, gone())


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_the_server_ends(lab, who):
    """What it could say comes, in its order, with its reason if that was still written; and then the end."""
    m = marker()
    with lab.login(who) as c:
        c.send(wire.query(ROWS % (2 * BUFFERS // 1000) + " -- " + m))
        wait_for(lab, stuck())
        assert lab.dba_psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%%%s%%' AND pid <> pg_backend_pid()" % m) == "1"
        assert c.read()[0] == "T"
        rows = 0
        with pytest.raises(wire.Closed):
            while True:
                kind, body = c.read()
                assert kind == "D" and wire.cells(body) == [b"%d" % (rows + 1), b"x" * 1000]
                rows += 1
    assert rows > 1000
    wait_for(lab, gone())


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_reset(lab, who):
    with lab.login(who) as c:
        c.send(wire.query(ROWS % (2 * BUFFERS // 1000)))
        wait_for(lab, stuck())
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lab, gone())
    same(lab, who, wire.query(ROWS % 3000))


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_cancelled(lab, who):
    """The error comes behind the last row that went on, and the session goes on."""
    m = marker()
    with lab.login(who) as c:
        c.send(wire.query(ROWS % (2 * BUFFERS // 1000) + " -- " + m))
        wait_for(lab, stuck())
        assert lab.dba_psql("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%%%s%%' AND pid <> pg_backend_pid()" % m) == "1"
        messages = c.until("Z")
        assert messages[-2][0] == "E" and wire.fields(messages[-2][1])["C"] == "57014"
        assert [wire.cells(b)[0] for k, b in messages if k == "D"] == [b"%d" % (i + 1) for i in range(len(messages) - 3)]
        assert c.query("SELECT 1").ok().rows == [[b"1"]]


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_turned_off_in_the_result(lab, who):
    counted = Counted(lab)
    n = 2 * BUFFERS // 1000
    with lab.login(who) as c:
        c.send(wire.query(ROWS % n))
        wait_for(lab, stuck())
        assert splice(lab, "off") == "off"
        until_now = handed(counted)
        rows = [wire.cells(b) for k, b in c.until("Z") if k == "D"]
        assert len(rows) == n and rows[-1] == [b"%d" % n, b"x" * 1000]
        # What was in a window that had been opened may still have gone.
        assert handed(counted) <= until_now + 256 * 1024
    assert metrics(lab)["pgveil_splice_on"] == 0


HELD = 1234567  # of an advisory lock, in the middle of the result
REPEATED = "SELECT i, repeat(chr(65 + i %% 26), 1000), CASE WHEN i = 500 THEN pg_advisory_lock_shared(%d) END FROM generate_series(1, 3000) i" % HELD
UNLOCK = "SELECT pg_advisory_unlock_all()"


@pytest.mark.parametrize("n", [1, 5, 1400])
def test_bytes_that_come_twice(lab, n):
    """A sender that repeats itself cuts its segments anew: the kernel shows the program all of one, also what it had before."""
    counted = Counted(lab)
    with lab.direct() as d:
        want = whole(d, wire.query(REPEATED), wire.query(UNLOCK))
    # The server has sent full buffers of 8 KiB of what comes before the row that waits.
    sent = len(b"".join(b for _, b in messages_of(want)[:500])) // 8192 * 8192
    argv = ["nsenter", "--net=/run/netns/pgveil-%s-db" % lab.name, PYTHON, "-I", HERE / "repeats.py", lab.port, lab.host.rpartition(".")[0] + ".1"]
    with lab.direct() as holder, subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p, lab.login("agent2") as c:
        holder.query("SELECT pg_advisory_lock(%d)" % HELD).ok()
        assert p.stdout.readline() == "ready\n"
        start = c.at
        c.send(wire.query(REPEATED), wire.query(UNLOCK))
        wait_for(lab, "count(*) FILTER (WHERE wait_event = 'advisory') = 1")
        # All but a header that is not whole yet: the engine keeps it.
        c._need(sent - 4)
        p.stdin.write(want[sent:sent + n].hex() + "\n")
        p.stdin.flush()
        assert p.stdout.readline() == "said\n"
        holder.query(UNLOCK).ok()
        c.until("Z")
        c.until("Z")
        assert bytes(c.received[start:]) == want
        p.stdin.close()
    assert counted("pgveil_splice_repeated_bytes_total") == n


def test_random_sequences(lab):
    """Of clean and rewritten results, read at once or in small pieces."""
    counted = Counted(lab)
    assert interleave.run(lab, SEQUENCES, int(os.environ.get("RANDOM_SEED", "5"))) > 0
    assert handed(counted) > 0 and windows(counted, "message") > 0
