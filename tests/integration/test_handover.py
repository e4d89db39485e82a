# SPDX-License-Identifier: MIT
"""A daemon takes over from one that runs: nobody's connect is refused, sessions end between two transactions, what only one may
grant is not granted by both, and a successor that fails leaves everything as it was."""

import array
import json
import os
import pathlib
import socket
import threading
import time

import pytest

import canary
import wire
from lab import Lab, run

SSN = "SELECT ssn FROM clinic.patient WHERE id = 1"
LONG = "SELECT count(*) FROM clinic.note a, clinic.note b, clinic.note c"


@pytest.fixture(scope="module")
def lab():
    with Lab(agents=2) as lab:
        lab.dba_psql("CREATE SCHEMA work AUTHORIZATION pgveil_agent")
        yield lab


def pid(lab):
    return int((lab.state / "daemon.pid").read_text().split()[0])


def lives(number):
    try:
        return "State:\tZ" not in pathlib.Path("/proc/%d/status" % number).read_text()
    except FileNotFoundError:
        return False


def ended(lab, number=None):
    """Waits for the old daemon to end."""
    number = number or int((lab.state / "daemon.pid.old").read_text().split()[0])
    deadline = time.monotonic() + 60
    while lives(number):
        assert time.monotonic() < deadline, "the old daemon does not end"
        time.sleep(0.05)


def fatal(c):
    """What the engine says last; nothing else comes before."""
    kind, body = c.read()
    assert kind == "E", kind
    with pytest.raises(wire.Closed):
        c.read()
    return wire.fields(body)


def listeners(lab):
    p = run(["bpftool", "-j", "map", "dump", "pinned", lab.state / "bpf" / "pgveil" / "maps" / "listeners"], check=True)
    return sorted(json.dumps(e.get("formatted", e), sort_keys=True) for e in json.loads(p.stdout))


class Dials(threading.Thread):
    """Connects over and over; errors: what went wrong."""

    def __init__(self, lab):
        super().__init__()
        self.lab, self.stop, self.n, self.errors = lab, threading.Event(), 0, []

    def run(self):
        while not self.stop.is_set():
            try:
                self.lab.dial("agent2").close()
                self.n += 1
            except OSError as e:
                self.errors.append(e)

    def __exit__(self, *_):
        self.stop.set()
        self.join()

    def __enter__(self):
        self.start()
        return self


def test_upgrade(lab):
    first, where = pid(lab), listeners(lab)
    with lab.login() as rests, lab.login() as works, lab.login() as runs, Dials(lab) as dials:
        works.query("BEGIN").ok()
        assert works.query(SSN).ok().rows == [[b"*******0001"]]
        rests.query("SELECT 1").ok()
        runs.send(wire.query(LONG))
        before = dials.n
        lab.sh("daemon", "upgrade")
        assert pid(lab) != first and listeners(lab) == where
        assert json.loads(lab.sh("pgveil", "--", "status", "--json").stdout)

        # Whoever rests is told so; whoever is in a transaction goes on to its end, and is told then.
        assert fatal(rests)["C"] == "57P01"
        assert works.query(SSN).ok().rows == [[b"*******0001"]]
        # A session of the old daemon is cancelled through the new one; with a wrong key it is not.
        with lab.connect() as c:
            c.send(wire.cancel(runs.key[0], b"\0\0\0\0"))
            c.drain()
        with lab.connect("agent2") as c:
            c.send(wire.cancel(*runs.key))
            c.drain()
        with lab.connect() as c:
            c.send(wire.cancel(*runs.key))
            c.drain()
        assert runs.result().error.sqlstate == "57014"
        assert fatal(runs)["C"] == "57P01"
        assert works.query("COMMIT").ok().status == "I"
        assert fatal(works)["C"] == "57P01"
        ended(lab)
        while dials.n < before + 20 and not dials.errors:
            time.sleep(0.01)
        for c in (rests, works, runs):
            assert canary.found(bytes(c.received)) == []
    assert dials.errors == [] and dials.n
    with lab.login() as c, lab.login("agent2") as other:
        assert c.query(SSN).ok().rows == [[b"*******0001"]]
        assert other.query(SSN).ok().rows == [[b"000"]]


def test_nobody_redefines_meanwhile(lab):
    """The gates of two daemons know nothing of each other."""
    with lab.login() as old:
        old.query("BEGIN").ok()
        old.query(SSN).ok()
        lab.sh("daemon", "upgrade")
        with lab.login() as new:
            new.send(wire.query("CREATE TABLE work.handed (a int)"))
            refused = old.query("CREATE TABLE work.given (a int)").error
            assert refused.sqlstate == "40001" and "taken over" in str(refused)
            new.sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                new.read()
            new.sock.settimeout(20)
            old.query("ROLLBACK").ok()
            assert fatal(old)["C"] == "57P01"
            assert new.result().ok().tags == ["CREATE TABLE"]
    ended(lab)


def test_who_redefines_is_waited_for(lab):
    with lab.login() as c:
        c.query("BEGIN").ok()
        c.query("CREATE TABLE work.awaited (a int)").ok()
        t = threading.Thread(target=lab.sh, args=("daemon", "upgrade"))
        t.start()
        while lab.daemon_log().count("comes to take over") < 3:
            time.sleep(0.02)
        # What it has begun it may go on with, and the daemon that runs serves others meanwhile.
        c.query("CREATE TABLE work.another (a int)").ok()
        with lab.login("agent2") as other:
            assert other.query(SSN).ok().rows == [[b"000"]]
        assert t.is_alive()
        c.query("COMMIT").ok()
        t.join(30)
        assert not t.is_alive()
        assert fatal(c)["C"] == "57P01"
    ended(lab)


def ask(lab):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(20)
    s.connect(str(lab.state / "run" / "handover.sock"))
    return s


def say(s, **what):
    s.send(json.dumps(what).encode())


def hear(s):
    data, ancillary, flags, _ = s.recvmsg(4096, socket.CMSG_SPACE(8 * 4))
    assert not flags & socket.MSG_CTRUNC
    fds = array.array("i")
    for _, _, a in ancillary:
        fds.frombytes(a)
    return (json.loads(data) if data else None), list(fds)


@pytest.mark.parametrize("until", ["hello", "take", "listener"])
def test_a_successor_that_fails(lab, until):
    """It goes away at some point before it says that it is ready: everything is as before, changes included."""
    first, where = pid(lab), listeners(lab)
    with lab.login() as c, ask(lab) as s:
        c.query("BEGIN").ok()
        say(s, **{"is": "hello", "protocol": 1})
        got, fds = hear(s)
        assert got["is"] == "welcome" and got["pid"] == first and len(fds) == 1
        if until != "hello":
            say(s, **{"is": "take"})
            estate, more = hear(s)
            assert estate["is"] == "estate" and estate["fds"][0] == "memory" and estate["listeners"] == 2
            fds += more
        if until == "listener":
            for _ in range(2):
                one, more = hear(s)
                assert one["is"] == "listener" and len(more) >= 2
                fds += more
        for f in fds:
            os.close(f)
        s.close()
        assert c.query(SSN).ok().rows == [[b"*******0001"]]
        c.query("COMMIT").ok()
        c.query("CREATE TABLE work.kept_%s (a int)" % until).ok()
        with lab.login("agent2") as other:
            assert other.query(SSN).ok().rows == [[b"000"]]
    assert pid(lab) == first and listeners(lab) == where
    assert json.loads(lab.sh("pgveil", "--", "status", "--json").stdout)


def test_who_may_not(lab):
    """Another user cannot reach the socket, a guarded process as root is turned away, and so is what speaks another language."""
    probe = ("import socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.settimeout(10)\n"
             "try: s.connect(%r)\nexcept OSError as e: print('errno',e.errno); sys.exit()\n"
             "s.send(b'{\"is\":\"hello\",\"protocol\":1}'); print(s.recv(4096))" % str(lab.state / "run" / "handover.sock"))
    assert b"errno 13" in lab.agent("/usr/bin/python3", "-I", "-c", probe, check=True).stdout
    p = lab.sh("agent", "--as", "agent1", "--root", "--", "/usr/bin/python3", "-I", "-c", probe, check=False)
    assert b"welcome" not in p.stdout
    assert "one of those that pgveil guards" in lab.daemon_log()
    for first in ({"is": "hello", "protocol": 2}, {"is": "take"}, {"is": "ready"}, {}):
        with ask(lab) as s:
            say(s, **first)
            assert hear(s)[0]["is"] == "refused"
    with ask(lab) as s:
        s.send(b"not json")
        assert hear(s)[0] is None
    with ask(lab) as s:
        s.send(b"{" + b" " * 8192 + b"}")
        assert hear(s)[0] is None
    with lab.login() as c:
        assert c.query("CREATE TABLE work.still (a int)").ok()


def test_the_program_itself(lab):
    """SIGUSR2: what systemd does."""
    first = pid(lab)
    with lab.login() as c:
        c.query("SELECT 1").ok()
        run(["kill", "-USR2", str(first)], check=True)
        assert fatal(c)["C"] == "57P01"
    ended(lab, first)
    with lab.login() as c:
        assert c.query(SSN).ok().rows == [[b"*******0001"]]
    successor = next(json.loads(line)["pid"] for line in reversed(lab.daemon_log().splitlines()) if '"handover.done"' in line)
    start = pathlib.Path("/proc/%d/stat" % successor).read_text().rsplit(") ", 1)[1].split()[19]
    (lab.state / "daemon.pid").write_text("%d %s\n" % (successor, start))
    assert successor != first and json.loads(lab.sh("pgveil", "--", "status", "--json").stdout)
