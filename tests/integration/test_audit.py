# SPDX-License-Identifier: MIT
"""What no hook sees is found and ended: connections older than an enrolment, and sockets that were made elsewhere and
carried in. And a cgroup is called enrolled only when a connect from inside has reached the engine."""

import array
import contextlib
import json
import os
import pathlib
import signal
import socket
import time

import pytest

from lab import PYTHON, Lab
from test_kernel import AGENT, Agent as KernelAgent, Lines

SSN = "SELECT ssn FROM clinic.patient WHERE id = 1"

# What an agent of these tests can do beside AGENT: take descriptors over a unix socket that it inherited.
CARRY = r"""
import array, ctypes, threading
door = socket(fileno=%d)

def take():
    _, ancillary, _, _ = door.recvmsg(16, CMSG_SPACE(4))
    fds = array.array("i")
    fds.frombytes(ancillary[0][2])
    return socket(fileno=fds[0])

def ending(s):
    "errno of a read of a socket that was ended"
    s.settimeout(20)
    try:
        return len(s.recv(1))
    except timeout:
        return "open"

def alone():
    "a thread with descriptors of its own takes one, and keeps it"
    ready = threading.Event()
    def hold():
        assert ctypes.CDLL(None).unshare(0x400) == 0
        held = take()
        ready.set()
        while True:
            door.recv(1)
    threading.Thread(target=hold, daemon=True).start()
    ready.wait(20)
"""


class Agent(Lines):
    """A process in a cgroup and a network namespace, as nobody, that does as told."""

    def __init__(self, cgroup, netns):
        self.door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def enter():
            pathlib.Path(cgroup, "cgroup.procs").write_text(str(os.getpid()))

        with theirs:
            super().__init__(
                ["nsenter", "--net=/run/netns/" + netns, "--", "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--",
                 PYTHON, "-I", "-S", "-c", AGENT.replace("space = dict", CARRY % theirs.fileno() + "\nspace = dict")],
                preexec_fn=enter, pass_fds=[theirs.fileno()])
        self.pid = self.answer()["value"]

    do = KernelAgent.do

    def give(self, s):
        self.door.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])

    def end(self, sig=None):
        self.door.close()
        return super().end(sig)


class AuditLab(Lab):
    def agent_in(self, cgroup="agent1", netns=None):
        path = cgroup if cgroup.startswith("/") else self.cgroup(cgroup)
        return Agent(path, "pgveil-%s-%s" % (self.name, netns or cgroup))

    def status(self):
        return json.loads(self.sh("pgveil", "--", "status", "--json").stdout)

    def stage(self, who):
        return next((x for x in self.status()["enrolled"] if self.cgroup(who).endswith(x["cgroup"])), None)

    def wait_until(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < end, what + "\n" + self.daemon_log()[-4000:]
            time.sleep(0.05)
        return value

    def wait_ready(self, who="agent1"):
        self.wait_until(lambda: self.stage(who)["state"] == "enrolled", who + " did not become ready")

    def rounds(self, n):
        """Returns when n rounds have begun and ended since."""
        now = self.status()["audit"]["rounds"]
        self.wait_until(lambda: self.status()["audit"]["rounds"] > now + n, "no rounds")

    def events(self, event, since=0):
        return [e for e in map(json.loads, self.daemon_log()[since:].splitlines()) if e["event"] == event]


@pytest.fixture(scope="module")
def audited():
    with AuditLab(env={"LAB_DAEMON_ARGS": "--audit-every 1s"}) as lab:
        lab.outside = lab.cgroup("agent1").rsplit("/", 1)[0] + "-outside"
        os.mkdir(lab.outside)
        try:
            yield lab
        finally:
            lab.hang_up()
            os.rmdir(lab.outside)


@contextlib.contextmanager
def unprotected(lab):
    """As a machine that has just started: nothing is pinned. Starts the daemon at the end."""
    lab.hang_up()
    lab.sh("daemon", "stop")
    lab.sh("pgveil", "--", "uninstall")
    yield
    lab.sh("daemon", "start")


DIALS = {
    "ipv4": "dial('{host}', {port})",
    "mapped": "dial('::ffff:{host}', {port}, AF_INET6)",
    "mptcp": "dial('{host}', {port}, proto=262)",
    "device": "(lambda s: (s.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b'eth0'), s)[1])(dial('{host}', {port}))",
}


def test_older_connections_are_ended_at_start(audited):
    """Made before the programs were there, by a process of an enrolled cgroup: the application learns of it."""
    lab = audited
    since = len(lab.daemon_log())
    ended = lab.events("stray.ended")
    with unprotected(lab):
        agent = lab.agent_in()
        for name, code in DIALS.items():
            assert agent.do("%s = %s" % (name, code.format(host=lab.host, port=lab.port))) is None, name
            assert agent.do("%s.sendall(bytes.fromhex('0000000804d2162f')) or %s.recv(1).hex()" % (name, name)) in ("53", "4e")
        bystander = socket.create_connection((lab.host, lab.port))
    for name in DIALS:
        got = agent.do("ending(%s)" % name)
        assert got in ("ECONNABORTED", "ECONNRESET") or (name == "mptcp" and got in (0, "EPIPE")), (name, got)
    bystander.sendall(bytes.fromhex("0000000804d2162f"))
    assert bystander.recv(1) in b"SN", "who is not enrolled is left alone"
    bystander.close()
    assert agent.do("dial('%s', %d).sendall(b'')" % (lab.host, lab.port)) is None, "and the next connect is captured"
    agent.end()
    lab.wait_ready()
    told = lab.events("stray.ended", since)
    assert len(told) == len(DIALS) and {e["reason"] for e in told} == {"own"} and {e["port"] for e in told} == {lab.port}
    assert all(e["cgroup"].endswith("/agent1") for e in told), told
    assert lab.status()["audit"]["ended"] == len(DIALS)


def test_older_connections_are_ended_at_enrolment(audited):
    """Of a cgroup that becomes enrolled later; below it too. Before, it is nobody's and only told of."""
    lab = audited
    top = lab.cgroup("agent1").rsplit("/", 1)[0] + "/late"
    os.makedirs(top + "/child")
    try:
        with unprotected(lab):
            agent = lab.agent_in(top + "/child", "agent2")
            agent.do("s = dial('%s', %d)" % (lab.host, lab.port))
        lab.wait_until(lambda: lab.events("stray.foreign"), "it was not told of")
        since = len(lab.daemon_log())
        lab.sh("pgveil", "--", "enroll", top)
        assert agent.do("ending(s)") == "ECONNABORTED"
        lab.wait_until(lambda: [e for e in lab.events("cgroup.ready", since) if e["cgroup"].endswith("/late")], "it did not become ready")
        told = lab.events("stray.ended", since)
        assert [e["cgroup"].rsplit("/", 2)[1:] for e in told] == [["late", "child"]]
        order = [e["event"] for e in map(json.loads, lab.daemon_log()[since:].splitlines())
                 if e["event"].startswith("stray") or e.get("cgroup", "").endswith("/late")]
        assert order == ["cgroup.enrolled", "stray.ended", "cgroup.ready"]
        agent.end()
    finally:
        lab.sh("pgveil", "--", "unenroll", top, check=False)
        os.rmdir(top + "/child")
        os.rmdir(top)


@pytest.mark.parametrize("netns", ["", "agent1"])
@pytest.mark.parametrize("how", ["take", "alone"])
def test_a_socket_that_is_carried_in_is_ended(audited, netns, how):
    """Made and connected outside, where no program is, and handed to an enrolled process: no hook can see it."""
    lab = audited
    agent = lab.agent_in()
    since = len(lab.daemon_log())
    if netns:
        outside = lab.agent_in(lab.outside, netns)
        outside.do("s = dial('%s', %d)" % (lab.host, lab.port))
        pid, fd = outside.pid, outside.do("s.fileno()")
        pidfd = os.pidfd_open(pid)
        s = socket.socket(fileno=pidfd_getfd(pidfd, fd))
        os.close(pidfd)
        outside.end()
    else:
        s = socket.create_connection((lab.host, lab.port))
    lab.rounds(2)
    assert [e for e in lab.events("stray.ended", since)] == [], "nobody enrolled has it yet"
    agent.give(s)
    agent.do("alone()" if how == "alone" else "s = take()")
    s.settimeout(60)
    with pytest.raises(ConnectionAbortedError):
        s.recv(1)
    s.close()
    told = lab.wait_until(lambda: lab.events("stray.ended", since), "it was not told of")
    assert [(e["reason"], e["tgid"], e["port"]) for e in told] == [("carried", agent.pid, lab.port)]
    agent.end(signal.SIGKILL)


def pidfd_getfd(pidfd, fd):
    import ctypes

    got = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, fd, 0)
    assert got >= 0, os.strerror(ctypes.get_errno())
    return got


def test_somebody_else_is_told_of_once(audited):
    """Not enrolled, in an enrolled namespace: that may be in order. One event, however often it is seen; it goes on."""
    lab = audited
    since = len(lab.daemon_log())
    before = lab.status()["audit"]
    other = lab.agent_in(lab.outside, "agent1")
    other.do("s = dial('%s', %d)" % (lab.host, lab.port))
    lab.wait_until(lambda: lab.events("stray.foreign", since), "it was not told of")
    lab.rounds(3)
    told = lab.events("stray.foreign", since)
    assert [(e["reason"], e["port"], e["uid"]) for e in told] == [("foreign", lab.port, 65534)]
    assert other.do("s.sendall(bytes.fromhex('0000000804d2162f')) or s.recv(1).hex()") in ("53", "4e")
    after = lab.status()["audit"]
    assert after["foreign"] == before["foreign"] + 1 and after["ended"] == before["ended"]
    # Another connection of the same process is another one.
    other.do("t = dial('%s', %d)" % (lab.host, lab.port))
    lab.wait_until(lambda: len(lab.events("stray.foreign", since)) == 2, "it was not told of")
    other.end()


def test_sessions_are_none_of_these(audited):
    """What goes through the engine, and the engine's own connections, live on."""
    lab = audited
    before = lab.status()["audit"]
    with lab.login() as c, lab.login("agent2", netns="agent1") as d:
        lab.rounds(3)
        assert c.query(SSN).ok().rows == [[b"*******0001"]]
        assert d.query(SSN).ok().rows == [[b"000"]]
    assert {k: lab.status()["audit"][k] for k in ("ended", "not_ended", "foreign")} == {k: before[k] for k in ("ended", "not_ended", "foreign")}


def test_ready_is_what_was_seen_from_inside(audited):
    """A cgroup in which no process can run is captured and not called enrolled, and says why; then it is."""
    lab = audited
    path = lab.cgroup("agent1").rsplit("/", 1)[0] + "/frozen"
    os.mkdir(path)
    freeze = pathlib.Path(path, "cgroup.freeze")
    try:
        agent = lab.agent_in(path, "agent1")
        freeze.write_text("1")
        lab.sh("pgveil", "--", "enroll", path)
        one = lambda: next(x for x in lab.status()["enrolled"] if x["cgroup"].endswith("/frozen"))
        assert one()["state"] == "checking"
        lab.wait_until(lambda: one()["why"], "nobody looked")
        assert one()["state"] == "checking" and "frozen" in one()["why"], one()
        assert 'pgveil_enrolled_cgroups{state="checking"} 1\n' in lab.sh("pgveil", "--", "metrics").stdout.decode()
        doctor = json.loads(lab.sh("pgveil", "--", "doctor", "--json", check=False).stdout)
        assert [x for x in doctor if x["check"] == "enrolled" and x["verdict"] == "fail" and "frozen" in x["finding"] and x["remedy"]], doctor
        freeze.write_text("0")
        lab.wait_until(lambda: one()["state"] == "enrolled", "it did not become ready")
        assert agent.do("dial('%s', %d).close()" % (lab.host, lab.port)) is None
        agent.end()
    finally:
        freeze.write_text("0")
        lab.sh("pgveil", "--", "unenroll", path, check=False)
        os.rmdir(path)


def test_the_look_from_inside_is_nobodys(audited):
    """It leaves no session behind, and nothing of it is logged as an application's."""
    lab = audited
    lab.hang_up()
    lab.sh("daemon", "restart")
    lab.wait_ready("agent1")
    lab.wait_ready("agent2")
    lab.wait_until(lambda: json.loads(lab.sh("pgveil", "--", "status", "--json").stdout)["connections"] == 0, "a session stays")
    assert pathlib.Path(lab.cgroup("agent2"), "cgroup.procs").read_text() == ""


def test_unix_connections_past_the_engine(audited):
    """To a database's unix socket by a link of another name, or connected outside and carried in: ended, and told of by the name that
    the server gave it. One to a socket that is called otherwise stays."""
    lab = audited
    (lab.state / "sock").chmod(0o755)
    path = str(lab.state / "sock" / (".s.PGSQL.%d" % lab.port))
    home = lab.state / "home" / "agent1"
    (home / "other").symlink_to(path)
    agent = lab.agent_in()
    since = len(lab.daemon_log())
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.bind(str(home / "proxy"))
        (home / "proxy").chmod(0o777)
        proxy.listen()
        assert agent.do("p = socket(AF_UNIX); p.connect(%r)" % str(home / "proxy")) is None
        served = proxy.accept()[0]
        with socket.socket(socket.AF_UNIX) as outside:
            outside.connect(path)
            lab.rounds(2)
            assert lab.events("stray.ended", since) == [], "nobody enrolled has it yet"
            agent.give(outside)
            agent.do("c = take()")
        assert agent.do("ending(c)") == 0
        refused = agent.do("s = socket(AF_UNIX); s.connect(%r)" % str(home / "other"))
        if lab.status()["unix_sockets"] == "captured":
            assert refused == "EACCES"
        else:
            assert refused is None and agent.do("ending(s)") == 0
        told = lab.wait_until(lambda: lab.events("stray.ended", since), "it was not told of")
        assert {(e["reason"], e["tgid"], e["address"]) for e in told} == {("unix", agent.pid, path)}
        lab.rounds(1)
        served.sendall(b"still")
        assert agent.do("p.recv(5).decode()") == "still"
        served.close()
    agent.end()
