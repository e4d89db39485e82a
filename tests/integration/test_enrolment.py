# SPDX-License-Identifier: MIT
"""Enrolments and what becomes of what they hang on: cgroups that go and come back under their name, network namespaces
that go or are replaced, listeners that are lost, and a daemon that dies at any step. Whatever is left behind refuses."""

import json
import os
import select
import signal
import subprocess
import time

import pytest

from lab import BUILD, HERE, ROOT, run
from test_audit import Agent, AuditLab

@pytest.fixture(scope="module")
def enrolled():
    with AuditLab(env={"LAB_DAEMON_ARGS": "--audit-every 1s"}) as lab:
        yield lab


class Place:
    """A cgroup beside agent1, with a namespace by the path that was enrolled, or agent1's."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.path = lab.cgroup("agent1").rsplit("/", 1)[0] + "/" + name
        os.mkdir(self.path)

    @property
    def id(self):
        return os.stat(self.path).st_ino

    def again(self):
        os.rmdir(self.path)
        os.mkdir(self.path)

    def enroll(self, *args):
        self.lab.sh("pgveil", "--", "enroll", *args, self.path)

    def shown(self):
        return next((x for x in self.lab.status()["enrolled"] if x["cgroup"].endswith("/" + self.name)), None)

    def ready(self):
        self.lab.wait_until(lambda: (self.shown() or {}).get("state") == "enrolled", self.name + " did not become ready")

    def dial(self, netns="agent1"):
        agent = Agent(self.path, netns if netns.startswith("pgv") else "pgveil-%s-%s" % (self.lab.name, netns))
        try:
            return agent.do("dial('%s', %d).close()" % (self.lab.host, self.lab.port)) or "connected"
        finally:
            agent.end()

    def states(self):
        """What the kernel has for the ids of this test."""
        dumped = json.loads(run(["bpftool", "-j", "map", "dump", "pinned", self.lab.state / "bpf/pgveil/maps/cgroups"], check=True).stdout)
        return {x["formatted"]["key"]: x["formatted"]["value"]["state"] for x in dumped}


@pytest.fixture
def place(enrolled, request):
    p = Place(enrolled, request.node.name.split("[")[0][:40])
    yield p
    enrolled.sh("pgveil", "--", "unenroll", p.path, check=False)
    if os.path.exists(p.path):
        os.rmdir(p.path)


def test_the_same_name_is_another_cgroup(enrolled, place):
    """Removed and made again: another id, which nobody has enrolled. The old one is nowhere any more."""
    lab = enrolled
    place.enroll("--netns", "/run/netns/pgveil-%s-agent1" % lab.name)
    place.ready()
    assert place.dial() == "connected"
    old = place.id
    assert old in place.states()
    place.again()
    assert place.id != old
    assert place.dial() == "ECONNREFUSED"
    lab.wait_until(lambda: old not in place.states(), "the old id is still known to the kernel")
    assert place.shown() is None
    assert place.dial() == "ECONNREFUSED"
    place.enroll("--netns", "/run/netns/pgveil-%s-agent1" % lab.name)
    place.ready()
    assert place.dial() == "connected"


def test_the_same_name_while_the_daemon_is_dead(enrolled, place):
    lab = enrolled
    place.enroll("--netns", "/run/netns/pgveil-%s-agent1" % lab.name)
    place.ready()
    old = place.id
    lab.sh("daemon", "kill")
    place.again()
    assert place.dial() == "ECONNREFUSED"
    lab.sh("daemon", "start")
    assert place.shown() is None and old not in place.states()
    assert place.dial() == "ECONNREFUSED"


def test_an_id_that_nobody_stands_for(enrolled, place):
    """An entry of the kernel's table that the daemon's book does not have, as after a lost state directory: it is dropped at the
    start, so that no later cgroup of that id is anything by it."""
    lab = enrolled
    table = lab.state / "bpf/pgveil/maps/cgroups"
    as_hex = lambda n, size: [str(b) for b in n.to_bytes(size, "little")]
    for state in (1, 2):  # exempt, enrolled
        run(["bpftool", "map", "update", "pinned", table, "key", *as_hex(place.id, 8), "value", *as_hex(state, 4), *as_hex(0, 4)], check=True)
        assert place.states()[place.id] == state
        lab.sh("daemon", "restart")
        assert place.id not in place.states()
        assert place.dial() == "ECONNREFUSED"


@pytest.fixture
def netns(enrolled):
    """A namespace by a name of its own, reaching nowhere: enough for the listener."""
    name = "pgveil-%s-extra" % enrolled.name
    add_netns(name)
    yield name
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def add_netns(name):
    run(["ip", "netns", "add", name], check=True)
    run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)


def test_a_namespace_that_is_gone(enrolled, place, netns):
    """Over a restart of the daemon: the enrolment has no namespace to listen in, and everything of it is refused."""
    lab = enrolled
    place.enroll("--netns", "/run/netns/" + netns)
    place.ready()
    assert place.dial(netns) == "connected"
    run(["ip", "netns", "del", netns], check=True)
    lab.sh("daemon", "restart")
    assert place.shown()["state"] == "pending"
    assert place.dial("unknown") == "ECONNREFUSED", "nobody listens in whatever namespace its processes are in"


def test_a_namespace_that_is_replaced(enrolled, place, netns):
    """A sandbox that was made anew: the same path, another namespace. The first connect there is refused and makes it known."""
    lab = enrolled
    place.enroll("--netns", "/run/netns/" + netns)
    place.ready()
    assert place.dial(netns) == "connected"
    run(["ip", "netns", "del", netns], check=True)
    add_netns(netns)
    agent = Agent(place.path, netns)
    dial = "dial('%s', %d).close()" % (lab.host, lab.port)
    assert agent.do(dial) == "ECONNREFUSED"
    lab.wait_until(lambda: agent.do(dial) is None, "the new namespace was not listened in")
    assert len(place.shown()["netns_cookies"]) == 2
    agent.end()


def test_a_process_in_another_namespace(enrolled, place):
    """Of the same cgroup: refused until it is listened in there, never let out."""
    lab = enrolled
    place.enroll("--netns", "/run/netns/pgveil-%s-agent1" % lab.name)
    place.ready()
    here, there = (Agent(place.path, "pgveil-%s-%s" % (lab.name, n)) for n in ("agent1", "unknown"))
    dial = "dial('%s', %d).close()" % (lab.host, lab.port)
    assert here.do(dial) is None
    assert there.do(dial) == "ECONNREFUSED"
    lab.wait_until(lambda: there.do(dial) is None, "the other namespace was not listened in")
    captured = lab.status()["kernel"]["captured"]
    assert there.do(dial) is None and here.do(dial) is None
    assert lab.status()["kernel"]["captured"] == captured + 2
    here.end()
    there.end()


def test_a_listener_that_is_lost(enrolled, place, netns):
    """Ended by whoever has power over the namespace's network. Its port is anybody's then: nobody is sent there, and there soon is
    another one. The daemon does not spin over the dead one."""
    lab = enrolled
    place.enroll("--netns", "/run/netns/" + netns)
    place.ready()
    inside = ["nsenter", "--net=/run/netns/" + netns]
    ports = {line.split()[3] for line in run([*inside, "ss", "-Hltn"], check=True).stdout.decode().splitlines()}
    assert {p.rsplit(":", 1)[0] for p in ports} == {"127.0.0.1", "[::1]"}
    agent = Agent(place.path, netns)
    dial = "dial('%s', %d).close()" % (lab.host, lab.port)
    assert agent.do(dial) is None
    since = len(lab.daemon_log())
    run([*inside, "ss", "-K", "-tln"], check=True)
    lab.wait_until(lambda: lab.events("listener.lost", since), "nobody noticed")
    # Somebody takes the port at once, and waits for what the kernel turns to it.
    outside = lab.cgroup("agent1").rsplit("/", 1)[0] + "-beside"
    os.mkdir(outside)
    other = Agent(outside, netns)
    for p in ports:
        host, port = p.rsplit(":", 1)
        host = host.strip("[]")
        family = "AF_INET6" if ":" in host else "AF_INET"
        other.do("l%s = serve('%s', %s, %s)" % (port, host, port, family))
    assert agent.do(dial) == "ECONNREFUSED", "refused by the kernel: there is no listener"
    captured = lab.status()["kernel"]["captured"]
    lab.wait_until(lambda: agent.do(dial) is None, "no other listener came")
    assert lab.status()["kernel"]["captured"] > captured
    for p in ports:
        assert other.do("l%s.settimeout(0.0) or l%s.accept()" % ((p.rsplit(":", 1)[1],) * 2)) == "EAGAIN"
    ticks = lambda: sum(map(int, open("/proc/%d/stat" % lab.status()["pid"]).read().rsplit(")", 1)[1].split()[11:13]))
    before, began = ticks(), time.monotonic()
    lab.rounds(2)
    used, passed = (ticks() - before) / os.sysconf("SC_CLK_TCK"), time.monotonic() - began
    assert used < 0.5 * passed, (used, passed)
    agent.end()
    other.end()
    os.rmdir(outside)


def test_a_daemon_that_dies_while_it_enrols(enrolled, place):
    """Killed at moments all over an enrolment: what is left refuses, or is the whole; never is a connection let out."""
    lab = enrolled
    agent = Agent(place.path, "pgveil-%s-agent1" % lab.name)
    pid = lab.state / "daemon.pid"
    direct = "dial('%s', %d)" % (lab.host, lab.port)
    refused = ["ECONNREFUSED"]
    for i in range(6):
        daemon = int(pid.read_text().split()[0])
        asked = subprocess.Popen([ROOT / "build" / BUILD / "pgveil", "--run-dir", lab.state / "run", "enroll", place.path],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + i * 0.004
        while time.monotonic() < end:
            pass
        dies = os.pidfd_open(daemon)
        os.kill(daemon, signal.SIGKILL)
        asked.wait(60)
        # Its listeners are gone when the last of its threads is, which a command that lost its connection may see earlier.
        ended = select.poll()
        ended.register(dies, select.POLLIN)
        assert ended.poll(60000)
        os.close(dies)
        assert agent.do(direct) in refused
        lab.sh("daemon", "kill", check=False)
        lab.sh("daemon", "start")
        shown = place.shown()
        if shown:
            place.ready()
            assert agent.do("s = " + direct) is None
            lab.sh("pgveil", "--", "unenroll", place.path)
            assert agent.do(direct) == "EACCES"
            refused = ["ECONNREFUSED", "EACCES"]  # it may die before it has changed anything of that
        assert agent.do(direct) in refused
    agent.end()


def test_what_is_unenrolled_is_denied(enrolled, place):
    """While it lives, over restarts and upgrades, and what is below it too; enrolled again it is captured, and removed it is forgotten."""
    lab = enrolled
    netns = ("--netns", "/run/netns/pgveil-%s-agent1" % lab.name)
    place.enroll(*netns)
    place.ready()
    agent = Agent(place.path, "pgveil-%s-agent1" % lab.name)
    direct = "dial('%s', %d).close()" % (lab.host, lab.port)
    assert agent.do(direct) is None
    denied = lab.status()["kernel"]["refused_denied"]
    lab.sh("pgveil", "--", "unenroll", place.path)
    assert agent.do(direct) == "EACCES" and place.shown() is None
    assert lab.status()["kernel"]["refused_denied"] == denied + 1
    assert [c.endswith("/" + place.name) for c in lab.status()["denied"]] == [True]
    for verb in ("restart", "upgrade"):
        lab.sh("daemon", verb)
        assert agent.do(direct) == "EACCES", verb
        assert place.states()[place.id] == 3
    below = place.path + "/below"
    os.mkdir(below)
    child = Agent(below, "pgveil-%s-agent1" % lab.name)
    assert child.do(direct) == "EACCES"
    child.end()
    os.rmdir(below)
    place.enroll(*netns)
    place.ready()
    assert agent.do(direct) is None and lab.status()["denied"] == []
    lab.sh("pgveil", "--", "unenroll", place.path)
    agent.end()
    old = place.id
    place.again()
    lab.wait_until(lambda: old not in place.states(), "the old id is still known to the kernel")
    assert place.dial() == "ECONNREFUSED" and lab.status()["denied"] == []


def test_what_no_policy_names_any_more_is_denied(enrolled, tmp_path):
    """By a reload, and by a daemon that starts with another policy."""
    policy = tmp_path / "p.yaml"
    names = "\n    - cgroup: \"/pgveil-lab-*/named-*\"\n"
    plain = (HERE / "agent1.yaml").read_text()
    with_name = plain.replace("\n    - cgroup: \"${LAB_CGROUP}\"\n", "\n    - cgroup: \"${LAB_CGROUP}\"" + names)
    assert with_name != plain
    policy.write_text(with_name)
    with AuditLab(policies=(policy,), agents=1) as lab:
        place = Place(lab, "named-1")
        agent = Agent(place.path, "pgveil-%s-agent1" % lab.name)
        direct = "dial('%s', %d).close()" % (lab.host, lab.port)
        try:
            for verbs in (("pgveil", "--", "reload"),), (("daemon", "stop"), ("daemon", "start")):
                lab.wait_until(lambda: agent.do(direct) is None, "the policy did not enrol it")
                if verbs[0] == ("daemon", "stop"):
                    lab.sh(*verbs[0])
                policy.write_text(plain)
                lab.sh(*verbs[-1])
                assert agent.do(direct) == "EACCES", verbs
                policy.write_text(with_name)
                lab.sh("pgveil", "--", "reload")
            place.ready()  # the last enrolment's sentinel has left the cgroup
        finally:
            agent.end()
            os.rmdir(place.path)


def test_uninstall_takes_the_cgroups_of_run_away(enrolled):
    """Those in which nobody lives, with what was made below them; the next daemon has the others taken away when they are empty."""
    lab = enrolled
    root = lab.cgroup("agent1").rsplit("/", 1)[0]
    made = lambda: {d for d in os.listdir(root) if d.startswith("run-")}
    before = made()
    pgveil = [ROOT / "build" / BUILD / "pgveil", "--run-dir", lab.state / "run", "run", "--", "cat"]
    ends, lives = (subprocess.Popen(pgveil, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(2))
    for p in (ends, lives):
        p.stdin.write(b"x\n")
        p.stdin.flush()
        assert p.stdout.readline() == b"x\n"
    where = {p: open("/proc/%d/cgroup" % p.pid).read().rsplit("/", 1)[1].strip() for p in (ends, lives)}
    os.mkdir("%s/%s/below" % (root, where[ends]))
    other = root + "/run-99999.scope"  # somebody else's
    os.mkdir(other)
    lab.hang_up()
    lab.sh("daemon", "stop")
    ends.communicate()
    said = lab.sh("pgveil", "--", "uninstall").stdout.decode()
    assert "1 cgroups of pgveil run stay" in said, said
    assert made() == before | {where[lives], "run-99999.scope"}
    os.rmdir(other)
    lab.sh("daemon", "start")
    lives.communicate()
    lab.wait_until(lambda: made() == before, "the cgroup of a command that ended stays")
