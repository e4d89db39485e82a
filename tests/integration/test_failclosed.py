# SPDX-License-Identifier: MIT
"""If a part fails, data does not flow: the daemon killed in the middle of a result, a daemon that is gone, a cgroup that
nobody classified. And who is outside is left alone all the while."""

import json

import pytest

import canary
import chaos
import wire
from lab import Lab, run

BIG = "SELECT n.id, n.filler, n.body, n.body FROM clinic.note n, clinic.note m"
BIG_BYTES = 1000 * 1000 * 250  # at least: more than all socket buffers together


@pytest.fixture(scope="module")
def broken():
    """A lab that this module's tests kill; each leaves it running."""
    with Lab() as lab:
        yield lab


def pins(lab):
    """Kernel ids of the pinned links and maps: the same ids, the same objects."""
    out = {}
    for p in sorted((lab.state / "bpf" / "pgveil").rglob("*")):
        if not p.is_file():
            continue
        for kind in ("link", "map"):
            r = run(["bpftool", "-j", kind, "show", "pinned", p])
            if r.returncode == 0:
                shown = json.loads(r.stdout)
                shown = shown[0] if isinstance(shown, list) else shown
                out[p.name] = (kind, shown["id"])
    return out


def outside_is_untouched(lab):
    """The DBA on the host, and a process in the agent's own namespace that is in no guarded cgroup: both reach the database."""
    assert lab.dba_psql("SELECT ssn FROM clinic.patient WHERE id = 1") == "61728300001"
    with wire.Client(lab.dial(None, netns="agent1")) as c:
        c.login("pgveil_agent", lab.dbname, lab.password())
        assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"61728300001"]]


def test_kill_in_the_middle_of_a_result(broken):
    lab = broken
    before = pins(lab)
    assert {k for k, _ in before.values()} == {"link", "map"}
    outside_is_untouched(lab)
    with lab.login() as c, lab.login("agent2") as other:
        for one in (c, other):
            one.send(wire.query(BIG))
            one.until("T")
            while len(one.received) < 1 << 20:
                one.received += one.sock.recv(1 << 16)
        lab.sh("daemon", "kill")
        for one in (c, other):
            one.drain()
            assert canary.found(bytes(one.received)) == []
            assert b"SELECT 1000000" not in one.received and len(one.received) < BIG_BYTES, "the result had ended before the kill"
    assert b"****" in c.received

    assert lab.refused("agent1") == "ECONNREFUSED"
    assert lab.refused("agent2") == "ECONNREFUSED"
    assert lab.refused("agent1", host="::ffff:" + lab.host) == "ECONNREFUSED"
    p = lab.agent_psql("SELECT ssn FROM clinic.patient")
    assert p.returncode != 0 and b"refused" in p.stderr and canary.found(p.stdout + p.stderr) == []
    assert pins(lab) == before, "pins outlive the daemon"
    outside_is_untouched(lab)

    lab.sh("daemon", "start")
    assert pins(lab) == before, "the new daemon adopts them"
    with lab.login() as c:
        assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"*******0001"]]
        assert canary.found(bytes(c.received)) == []
    with lab.login("agent2") as c:
        assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"000"]]


def test_kill_in_the_middle_of_a_binary_result(broken):
    lab = broken
    with lab.login() as c:
        c.send(wire.extended("SELECT p.*, n.filler FROM clinic.patient p, clinic.note n, clinic.note m", formats=(1,)), wire.sync())
        c.until("T")
        while len(c.received) < 1 << 20:
            c.received += c.sock.recv(1 << 16)
        lab.sh("daemon", "kill")
        c.drain()
        assert canary.found(bytes(c.received)) == []
    lab.sh("daemon", "start")
    outside_is_untouched(lab)


def test_stopped(broken):
    """SIGTERM: open sessions are told and end, pins stay, connects fail at once."""
    lab = broken
    before = pins(lab)
    with lab.login() as c:
        c.query("SELECT 1").ok()
        lab.sh("daemon", "stop")
        with pytest.raises(wire.Closed):
            while True:
                kind, body = c.read()
                assert kind == "E" and wire.fields(body)["C"] == "57P01"
    assert lab.refused("agent1") == "ECONNREFUSED"
    assert pins(lab) == before
    outside_is_untouched(lab)
    lab.sh("daemon", "start")
    lab.sh("daemon", "restart")
    assert pins(lab) == before
    with lab.login() as c:
        assert c.query("SELECT 1").ok().rows == [[b"1"]]


def test_unknown_is_refused(broken):
    lab = broken
    for host in (lab.host, "::ffff:" + lab.host):
        assert lab.refused("unknown", host=host) == "ECONNREFUSED"
    assert lab.refused("unknown", netns="agent1") == "ECONNREFUSED", "in an enrolled namespace too"
    p = lab.agent_psql("SELECT 1", "unknown")
    assert p.returncode != 0 and b"refused" in p.stderr
    lab.sh("daemon", "kill")
    assert lab.refused("unknown") == "ECONNREFUSED"
    lab.sh("daemon", "start")
    assert lab.refused("unknown") == "ECONNREFUSED"
    shown = lab.sh("pgveil", "--", "status").stdout.decode()
    assert "refused_unknown" in shown or "unknown" in shown, shown


def test_another_address_of_the_same_port(broken):
    """Every address is captured on a database port; one that no policy names gets 08004 from the engine."""
    lab = broken
    host = lab.host.rsplit(".", 1)[0] + ".1"
    with lab.connect(host=host) as c, pytest.raises(wire.ServerError) as refused:
        c.login("agent", lab.dbname)
    assert refused.value.sqlstate == "08004" and refused.value.fields["S"] == "FATAL"


def test_the_database_is_gone(broken):
    """An ordinary FATAL, no hang and no value."""
    lab = broken
    with lab.login() as c:
        lab.dba_psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pgveil_agent'")
        with pytest.raises(wire.Closed):
            c.send(wire.query("SELECT 1"))
            while True:
                kind, body = c.read()
                assert kind in "EN" and canary.found(body) == []
    with lab.login() as c:
        assert c.query("SELECT 1").ok().rows == [[b"1"]]


def test_under_load():
    """The rows of `make chaos` that have no test of their own, with a tenth of its connections."""
    with Lab(agents=2, pg_conf=("max_connections=90",)) as lab:
        for row in chaos.failures(lab, 20, ("reconnect", "full", "memory")):
            assert row.ok, chaos.show(row)
