# SPDX-License-Identifier: MIT
"""Sockets that end in the middle: half-closed by the client or the server, reset, or never read. agent1 is judged, agent2 not."""

import socket
import struct

import pytest

import canary
import wire
from lab import HERE, Lab, marker

BIG = "SELECT a.filler, b.body FROM clinic.note a CROSS JOIN clinic.note b"


@pytest.fixture(scope="module")
def lab():
    with Lab(policies=(HERE / "agent1.yaml", HERE / "plain.yaml")) as up:
        yield up


@pytest.fixture(params=["agent1", "agent2", "direct"])
def login(lab, request):
    """Opens a session; the third kind is PostgreSQL's own word on what is expected."""
    return (lambda: lab.direct()) if request.param == "direct" else (lambda: lab.login(request.param))


SESSIONS = "FROM pg_stat_activity WHERE usename = 'pgveil_agent' AND application_name <> 'pgveil catalogue'"


def none_left(lab, seconds=60):
    """Waits on the server until no session of the engine's role is left."""
    return lab.dba_psql("""DO $$ BEGIN
        FOR i IN 1..%d LOOP
            PERFORM pg_stat_clear_snapshot();
            EXIT WHEN NOT EXISTS (SELECT %s);
            PERFORM pg_sleep(0.05);
        END LOOP; END $$; SELECT count(*) %s""" % (seconds * 20, SESSIONS, SESSIONS)) == "0"


def rest(c):
    """All messages until the other side closes, in order."""
    c.drain()
    out = []
    while c.at < len(c.received):
        out.append(c.read())
    return out


def kinds(messages):
    return "".join(k for k, _ in messages)


def test_answers_after_the_client_has_shut_its_side(login):
    with login() as c:
        c.send(wire.query("SELECT id FROM clinic.patient ORDER BY id LIMIT 3"), wire.query("SELECT 1/0"), wire.extended("SELECT 7"), wire.sync())
        c.sock.shutdown(socket.SHUT_WR)
        assert kinds(rest(c)) == "TDDDCZ" + "EZ" + "12TDCZ"


def test_all_of_a_long_result(login):
    """Longer than all buffers on the way; read only after the end was said."""
    with login() as c:
        c.send(wire.query("SELECT a.filler FROM clinic.note a CROSS JOIN (SELECT FROM clinic.note LIMIT 60) b"))
        c.sock.shutdown(socket.SHUT_WR)
        assert kinds(rest(c)) == "T" + "D" * 60000 + "CZ"


def test_half_a_message_is_dropped(login):
    with login() as c:
        c.send(wire.query("SELECT 5"), wire.query("SELECT 6")[:-3])
        c.sock.shutdown(socket.SHUT_WR)
        assert kinds(rest(c))[:4] == "TDCZ"
        assert b"6" not in [b[-1:] for k, b in rest(c) if k == "D"]


def test_terminate_behind_statements(login):
    with login() as c:
        c.send(wire.query("SELECT 5"), wire.extended("SELECT 6"), wire.sync(), wire.terminate(), wire.query("SELECT 7"))
        c.sock.shutdown(socket.SHUT_WR)
        assert kinds(rest(c)) == "TDCZ12TDCZ"


def test_copy_that_the_end_cuts(lab, login):
    """The server sees the end in the middle of the data, and stores nothing."""
    with login() as c:
        c.send(wire.query("COPY clinic.journal (line) FROM STDIN"))
        assert c.read()[0] == "G"
        c.send(wire.message("d", b"half a copy\n"))
        c.sock.shutdown(socket.SHUT_WR)
        rest(c)
    assert lab.dba_psql("SELECT count(*) FROM clinic.journal WHERE line = 'half a copy'") == "0"


def test_masked_after_the_end(lab):
    with lab.login() as c:
        c.send(wire.query("SELECT ssn, email FROM clinic.patient WHERE id = 1"))
        c.sock.shutdown(socket.SHUT_WR)
        assert [wire.cells(b) for k, b in rest(c) if k == "D"] == [[b"*******0001", b"****@mail.example.org"]]
        assert canary.found(bytes(c.received)) == []


def test_refused_after_the_end(lab):
    with lab.login() as c:
        c.send(wire.query("SELECT id FROM clinic.patient ORDER BY ssn"), wire.query("SELECT 3"))
        c.sock.shutdown(socket.SHUT_WR)
        assert kinds(rest(c)) == "EZTDCZ"


def test_idle_and_gone(lab, login):
    with login() as c:
        c.sock.shutdown(socket.SHUT_WR)
        assert rest(c) == []
    assert none_left(lab)


def test_reset_in_the_middle(lab, login):
    """The server's side goes as well, at once."""
    c = login()
    c.send(wire.query(BIG))
    c._need(100000)
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    assert none_left(lab)


def test_the_server_ends_first(lab, login):
    """Terminated by the DBA: the client hears why, and then the end."""
    m = marker()
    with login() as c:
        c.query("SELECT 1").ok()
        c.query("SELECT '%s'" % m).ok()
        assert lab.dba_psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%%%s%%' AND pid <> pg_backend_pid()" % m) == "1"
        messages = rest(c)
        assert kinds(messages) == "E" and wire.fields(messages[0][1])["C"] == "57P01"


def test_one_that_never_reads_is_given_up(lab):
    """Half closed, a long result, nothing read: the server's connection is free again, within a minute or so."""
    with lab.login("agent1") as judged, lab.login("agent2") as plain:
        for c in (judged, plain):
            c.send(wire.query(BIG))
            c.sock.shutdown(socket.SHUT_WR)
        assert none_left(lab, 120)
