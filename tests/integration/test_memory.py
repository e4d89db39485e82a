# SPDX-License-Identifier: MIT
"""The daemon's memory is bounded whatever clients and results do: `make memory` with less, and what is too large to be masked."""

import sys

import pytest

import wire
from lab import BUILD, HERE, ROOT, Lab

sys.path.insert(0, str(ROOT / "tests" / "bench"))

import memory  # noqa: E402

MIB = 1 << 20
# A sanitizer keeps freed memory for a while, so that its figures say nothing.
FIGURES = BUILD != "asan"


@pytest.fixture(scope="module")
def lab():
    with Lab(policies=(HERE / "agent1.yaml", HERE / "plain.yaml"), env={"LAB_DAEMON_ARGS": "--message-max 1MiB"}) as up:
        yield up


@pytest.mark.parametrize("who,what,sql", memory.LONG, ids=[w for _, w, _ in memory.LONG])
def test_slow_reader(lab, who, what, sql):
    """The server is held back as soon as the buffers are full, and nothing piles up here."""
    total, rise = memory.slow_reader(lab, who, sql % 25000)
    assert total > 25000 * memory.ROW
    assert rise < 16 * MIB or not FIGURES


@pytest.mark.parametrize("who,what,sql", memory.VALUE, ids=[w for _, w, _ in memory.VALUE])
def test_one_large_value(lab, who, what, sql):
    """A clean value of any size passes as it comes."""
    total, rise = memory.slow_reader(lab, who, sql % (64 * MIB))
    assert total > 64 * MIB
    assert rise < 16 * MIB or not FIGURES


def test_a_row_too_large_to_be_masked(lab):
    """Beyond --message-max a row with a masked column ends the session, before any of it is sent; one below passes."""
    with lab.login() as c:
        r = c.query("SELECT ssn, repeat('x', 900000) FROM clinic.patient WHERE id = 1").ok()
        assert r.rows[0][0] == b"*******0001" and len(r.rows[0][1]) == 900000
        assert len(c.query("SELECT repeat('x', 3000000)").ok().rows[0][0]) == 3000000
        c.send(wire.query("SELECT ssn, repeat('x', 1100000) FROM clinic.patient WHERE id = 1"))
        kinds = [c.read() for _ in range(2)]
        assert kinds[0][0] == "T" and kinds[1][0] == "E"
        assert (wire.fields(kinds[1][1])["S"], wire.fields(kinds[1][1])["C"]) == ("FATAL", "54000")
        with pytest.raises(wire.Closed):
            c.read()
    with lab.login("agent2") as c:
        assert len(c.query("SELECT ssn, repeat('x', 1100000) FROM clinic.patient WHERE id = 1").ok().rows[0][1]) == 1100000


def test_a_statement_too_large_to_be_judged(lab):
    with lab.login() as c:
        c.send(wire.query("SELECT 1 /* %s */" % ("x" * (2 * MIB))))
        assert c.result().error.sqlstate == "54000"
        assert c.query("SELECT 2").ok().rows == [[b"2"]]


def test_what_a_pipeline_holds(lab):
    """Large texts, sent ahead by one who reads nothing: judged as the answers come, not all at once."""
    pid = lab.info["daemon_pid"]
    text = "SELECT " + ", ".join("%d + $1::int" % i for i in range(1000))
    n = 300
    with lab.login() as c:
        memory.forget_peak(pid)
        before = memory.status(pid, "VmRSS")
        c.send(*[wire.parse(text + " -- %d" % i) + wire.bind(params=[b"1"]) + wire.execute() for i in range(n)], wire.sync())
        assert c.result().ok().kinds.count("D") == n
        # The worker's cache of judged texts is in it, with 64 MiB at most.
        assert memory.status(pid, "VmHWM") - before < 160 * MIB or not FIGURES


@pytest.mark.parametrize("who,statement", [("agent1", "SELECT 1"), ("agent2", "SELECT 1")])
def test_idle_sessions(who, statement):
    n = 500 if FIGURES else 100
    with memory.standin_lab() as up:
        server = memory.start_standin(up)
        try:
            each = memory.idle(up, n, who, statement)
        finally:
            memory.end(server)
    # What the worker itself needs the first time is in it too: make memory has enough of them for the real figure.
    assert each < 20 * 1024 or not FIGURES
