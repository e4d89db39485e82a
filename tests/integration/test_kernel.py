# SPDX-License-Identifier: MIT
"""The kernel side with real sockets: private cgroups below the v2 mount, a private bpffs, private network namespaces.

kern_probe stands for the engine, an Agent for the process that dials. Every namespace is new, so PostgreSQL's port and
its loopback are ours alone. Run as root: python3 -m pytest tests/integration/test_kernel.py
"""
import errno
import json
import os
import shutil
import signal
import subprocess
import threading
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = os.environ.get("BUILD", "release")
BPFTOOL = shutil.which("bpftool", path="/usr/sbin:/usr/bin:/sbin:/bin")
PORT = 5432
HOOKS = {"birth", "egress", "sockops", "getpeername4", "getpeername6", "connect4", "connect6"}
NEWER_HOOKS = {"connect_unix", "getpeername_unix", "reach_unix"}  # where the kernel has them

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="KERNEL TESTS NOT RUN: they need root")

AGENT = r"""
import errno, json, os, sys
from socket import *

def dial(host, port=5432, family=AF_INET, bind=None, proto=0, **options):
    s = socket(family, SOCK_STREAM, proto)
    s.settimeout(10)
    s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    if bind:
        s.bind(bind)
    s.connect((host, port))
    return s

def serve(host, port=5432, family=AF_INET):
    s = socket(family, SOCK_STREAM)
    s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(16)
    return s

def rst(s):
    s.setsockopt(SOL_SOCKET, SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()

space = dict(globals())
print(json.dumps({"value": os.getpid()}), flush=True)
for line in sys.stdin:
    code = json.loads(line)
    try:
        try:
            compiled = compile(code, code, "eval")
        except SyntaxError:
            compiled = compile(code, code, "exec")
        value = eval(compiled, space)
        reply = {"value": value}
    except OSError as error:
        reply = {"errno": errno.errorcode.get(error.errno, str(error))}
    print(json.dumps(reply, default=lambda o: type(o).__name__), flush=True)
"""


def run(*args, **kwargs):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True, **kwargs)


def wait_until(condition, seconds=5):
    """For what the kernel finishes by itself in a softirq."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


class Lines:
    """A child that answers each line with a line of JSON."""

    def __init__(self, args, **kwargs):
        self.process = subprocess.Popen(
            [str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, **kwargs
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        assert line, f"{self.process.args[0]} has died"
        return json.loads(line)

    def end(self, sig=None):
        if sig is None:
            self.process.stdin.close()
        else:
            self.process.send_signal(sig)
        code = self.process.wait(10)
        self.process.stdout.close()
        return code


class Agent(Lines):
    """A process in a cgroup and a network namespace that does as told."""

    def __init__(self, cgroup, netns):
        def enter():
            (cgroup / "cgroup.procs").write_text(str(os.getpid()))

        super().__init__(
            ["nsenter", f"--net=/run/netns/{netns}", sys.executable, "-c", AGENT], preexec_fn=enter
        )
        self.pid = self.answer()["value"]

    def do(self, code):
        """The value of the expression, or the errno's name."""
        reply = self.ask(json.dumps(code))
        return reply["errno"] if "errno" in reply else reply["value"]


class Probe(Lines):
    def __init__(self, lab, open_now=True):
        super().__init__([lab.probe])
        self.lab = lab
        if open_now:
            self.ok("open", lab.pins, lab.root)

    def do(self, *args):
        return self.ask(" ".join(str(a) for a in args))

    def ok(self, *args):
        reply = self.do(*args)
        assert reply["r"] == 0, reply["msg"]
        return reply

    def fails(self, code, *args):
        reply = self.do(*args)
        assert reply["r"] == -code, (errno.errorcode.get(-reply["r"]), reply["msg"])
        return reply["msg"]

    def counted(self, name):
        return self.ok("counters")[name]


class Lab:
    def __init__(self, probe, tmp):
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        mount = next(line.split()[4] for line in mounts if " - cgroup2 " in line)
        name = f"pgvk{os.getpid()}"
        self.probe, self.netns, self.other_netns = probe, name, f"{name}b"
        self.top = Path(mount) / name
        self.root = self.top / "root"
        self.outside = self.top / "outside"
        self.bpffs = tmp / "bpffs"
        self.pins = self.bpffs / "pgveil"
        self.children = []

    def up(self):
        for d in (self.top, self.root, self.outside):
            d.mkdir()
        self.bpffs.mkdir()
        run("mount", "-t", "bpf", "bpf", self.bpffs)
        for netns in (self.netns, self.other_netns):
            run("ip", "netns", "add", netns)
            run("ip", "-n", netns, "link", "set", "lo", "up")
        return self

    def down(self):
        """All of it, whatever failed before; then says what did not end well or could not be removed."""
        failed = []
        for child in reversed(self.children):
            if child.process.poll() is None:
                child.process.stdin.close()
                try:
                    code = child.process.wait(10)
                except subprocess.TimeoutExpired:
                    child.process.kill()
                    code = child.process.wait()
                if code != 0:
                    failed.append(f"{child.process.args[0]} ended with {code}")
            child.process.stdin.close()
            child.process.stdout.close()
        for netns in (self.netns, self.other_netns):
            subprocess.run(["ip", "netns", "del", netns], capture_output=True)
        for link in self.bpffs.glob("*/links/*"):
            subprocess.run([BPFTOOL, "link", "detach", "pinned", str(link)], capture_output=True)
        subprocess.run(["umount", str(self.bpffs)], capture_output=True)
        if self.top.exists():
            for d, _, _ in os.walk(self.top, topdown=False):
                try:
                    os.rmdir(d)
                except OSError as error:
                    failed.append(str(error))
        assert not failed, failed

    def keep(self, child):
        self.children.append(child)
        return child

    def engine(self, **kwargs):
        return self.keep(Probe(self, **kwargs))

    def group(self, name):
        d = self.root / name
        d.mkdir(parents=True, exist_ok=True)
        return d

    def agent(self, cgroup, netns=None):
        return self.keep(Agent(cgroup, netns or self.netns))

    def dump(self, name):
        return json.loads(run(BPFTOOL, "-j", "map", "dump", "pinned", self.pins / "maps" / name).stdout)

    def flows(self):
        return [entry["formatted"]["value"] for entry in self.dump("flows")]

    def links(self):
        pinned = {}
        for link in (self.pins / "links").iterdir():
            pinned[link.name] = json.loads(run(BPFTOOL, "-j", "link", "show", "pinned", link).stdout)
        return pinned


@pytest.fixture(scope="session")
def probe_binary(tmp_path_factory):
    if "KERN_PROBE" in os.environ:  # built elsewhere: a guest of scripts/kernel-matrix.sh has no compiler
        return os.environ["KERN_PROBE"]
    libraries = [f"build/{BUILD}/net/netns.o", f"build/{BUILD}/libkern.a", f"build/{BUILD}/libbase.a"]
    run("make", "-C", ROOT, f"BUILD={BUILD}", *libraries)
    out = tmp_path_factory.mktemp("probe") / "kern_probe"
    sanitize = ["-fsanitize=address,undefined"] if BUILD == "asan" else []
    run("gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-pthread", *sanitize,
        "-Iuserspace", "-I.", "-o", out, "tests/integration/kern_probe.c", *libraries, "-lbpf", "-lelf", "-lz", cwd=ROOT)
    return out


@pytest.fixture
def lab(probe_binary, tmp_path):
    lab = Lab(probe_binary, tmp_path)
    try:
        yield lab.up()
    finally:
        lab.down()


@pytest.fixture
def engine(lab):
    """An engine that listens in the first namespace, with one enrolled cgroup "a"."""
    engine = lab.engine()
    engine.ok("ports", PORT)
    engine.listener = engine.ok("listen", f"/run/netns/{lab.netns}")
    engine.a = engine.ok("cgroup", lab.group("a"), "enrolled")["id"]
    return engine


@pytest.fixture
def agent(lab, engine):
    return lab.agent(lab.group("a"))


def test_connect4_is_turned_to_the_listener(engine, agent):
    assert agent.do("s = dial('10.99.0.1')") is None
    flow = engine.ok("accept", 0, 4)
    assert flow["dialled"] == ["10.99.0.1", PORT]
    assert flow["local"] == ["127.0.0.1", engine.listener["port4"]]
    assert flow["peer"] == agent.do("s.getsockname()")
    assert (flow["cgroup"], flow["subject"]) == (engine.a, engine.a)
    assert (flow["tgid"], flow["uid"]) == (agent.pid, 0)
    assert flow["comm"].startswith("python")
    assert engine.counted("captured") == 1


def test_connect6_is_turned_to_the_listener(engine, agent):
    assert agent.do("s = dial('2001:db8::7', family=AF_INET6)") is None
    flow = engine.ok("accept", 0, 6)
    assert flow["dialled"] == ["2001:db8::7", PORT]
    assert flow["local"] == ["::1", engine.listener["port6"]]
    assert flow["peer"] == agent.do("s.getsockname()[:2]")


def test_v4_mapped_is_turned_to_the_ipv4_listener(engine, agent):
    assert agent.do("s = dial('::ffff:10.99.0.1', family=AF_INET6)") is None
    flow = engine.ok("accept", 0, 4)
    assert flow["dialled"] == ["10.99.0.1", PORT]
    assert flow["local"] == ["127.0.0.1", engine.listener["port4"]]
    assert agent.do("s.getpeername()[:2]") == ["::ffff:10.99.0.1", PORT]


@pytest.mark.parametrize("wildcard, family, ns", [("0.0.0.0", "AF_INET", 4), ("::", "AF_INET6", 6)])
def test_the_wildcard_address_is_turned_too(engine, agent, wildcard, family, ns):
    assert agent.do(f"s = dial('{wildcard}', family={family})") is None
    assert engine.ok("accept", 0, ns)["dialled"] == [wildcard, PORT]


def test_getpeername_says_what_was_dialled(engine, agent):
    agent.do("s = dial('10.99.0.1')")
    assert agent.do("s.getpeername()") == ["10.99.0.1", PORT]
    agent.do("t = dial('2001:db8::7', family=AF_INET6)")
    assert agent.do("t.getpeername()[:2]") == ["2001:db8::7", PORT]


def test_getpeername_of_another_port_is_untouched(engine, agent):
    agent.do("l = serve('127.0.0.1', 5555)")
    agent.do("s = dial('127.0.0.1', 5555)")
    assert agent.do("s.getpeername()") == ["127.0.0.1", 5555]


def test_a_socket_dialled_again_forgets_the_first_dial(engine, agent):
    """connect, disconnect by AF_UNSPEC, connect to another port: neither the peer name nor a flow may stay."""
    agent.do("s = dial('10.99.0.1')")
    engine.ok("accept", 0, 4)
    agent.do("l = serve('127.0.0.1', 5555)")
    agent.do("import ctypes; libc = ctypes.CDLL(None, use_errno=True)")
    assert agent.do("libc.connect(s.fileno(), bytes(16), 16)") == 0
    assert engine.lab.flows() == []
    assert agent.do("s.connect(('127.0.0.1', 5555))") is None
    assert agent.do("s.getpeername()") == ["127.0.0.1", 5555]
    assert engine.lab.flows() == []


def test_unknown_is_refused(lab, engine):
    stranger = lab.agent(lab.group("stranger"))
    assert stranger.do("dial('10.99.0.1')") == "ECONNREFUSED"
    assert stranger.do("dial('2001:db8::7', family=AF_INET6)") == "ECONNREFUSED"
    assert stranger.do("dial('::ffff:10.99.0.1', family=AF_INET6)") == "ECONNREFUSED"
    assert engine.counted("refused_unknown") == 3
    events = engine.ok("events")
    assert events["readable"] == 1
    assert [e["dialled"] for e in events["events"]] == [
        ["10.99.0.1", PORT], ["2001:db8::7", PORT], ["10.99.0.1", PORT]]
    event = events["events"][0]
    assert event["counter"] == "refused_unknown"
    assert (event["tgid"], event["uid"]) == (stranger.pid, 0)
    assert event["netns"] == engine.listener["cookie"]
    assert engine.ok("events")["events"] == []


def test_unknown_is_refused_in_a_cgroup_made_after_the_attach(lab, engine):
    assert lab.agent(lab.group("later/deeper/still")).do("dial('127.0.0.1')") == "ECONNREFUSED"


def test_denied_is_refused_for_good(lab, engine, agent):
    engine.ok("cgroup", lab.group("a"), "denied")
    assert agent.do("dial('10.99.0.1')") == "EACCES"
    assert engine.counted("refused_denied") == 1


def test_exempt_is_untouched(lab, engine):
    engine.ok("cgroup", lab.group("free"), "exempt")
    server, free = lab.agent(lab.outside), lab.agent(lab.group("free"))
    server.do("l = serve('127.0.0.2')")
    assert free.do("s = dial('127.0.0.2')") is None
    assert free.do("s.getpeername()") == ["127.0.0.2", PORT]
    assert server.do("l.accept()[1]") == free.do("s.getsockname()")
    assert lab.flows() == []


def test_outside_the_root_is_untouched(lab, engine):
    server, outsider = lab.agent(lab.outside), lab.agent(lab.outside)
    server.do("l = serve('127.0.0.2')")
    assert outsider.do("s = dial('127.0.0.2')") is None
    assert server.do("l.accept()[1]") == outsider.do("s.getsockname()")


def test_other_ports_and_udp_are_untouched(engine, agent):
    agent.do("l = serve('127.0.0.1', 5555)")
    assert agent.do("dial('127.0.0.1', 5555).close()") is None
    assert agent.do("u = socket(AF_INET, SOCK_DGRAM); u.connect(('127.0.0.1', 5432))") is None
    assert agent.do("u.getpeername()") == ["127.0.0.1", PORT]


def test_the_nearest_classified_cgroup_decides(lab, engine):
    child = lab.agent(lab.group("a/child"))
    assert child.do("s = dial('10.99.0.1')") is None
    flow = engine.ok("accept", 0, 4)
    child_id = engine.ok("cgroup", lab.group("a/child"), "forget")["id"]
    assert (flow["cgroup"], flow["subject"]) == (child_id, engine.a)
    engine.ok("cgroup", lab.group("a/child"), "denied")
    assert child.do("dial('10.99.0.1')") == "EACCES"
    engine.ok("cgroup", lab.group("a/child"), "unknown")
    assert child.do("dial('10.99.0.1')") == "ECONNREFUSED"


def test_of_two_classified_ancestors_the_nearer_decides(lab, engine):
    engine.ok("cgroup", lab.group("a/m"), "denied")
    leaf = lab.agent(lab.group("a/m/x/y"))
    assert leaf.do("dial('10.99.0.1')") == "EACCES"
    engine.ok("cgroup", lab.group("a/m"), "enrolled")
    engine.ok("cgroup", lab.group("a"), "denied")
    assert leaf.do("s = dial('10.99.0.1')") is None
    assert engine.ok("accept", 0, 4)["subject"] == engine.ok("cgroup", lab.group("a/m"), "enrolled")["id"]


def test_a_classified_cgroup_deeper_than_the_note_remembers(lab, engine):
    deep = "/".join(["d"] * 20)
    engine.ok("cgroup", lab.group(deep), "enrolled")
    assert lab.agent(lab.group(deep)).do("s = dial('10.99.0.1')") is None
    engine.ok("accept", 0, 4)
    assert lab.agent(lab.group(deep + "/e")).do("dial('10.99.0.1')") == "ECONNREFUSED"


def test_the_state_is_todays_for_a_socket_of_yesterday(lab, engine):
    """A socket made before its cgroup was classified, or while it was exempt, gains and keeps nothing by that."""
    early = lab.agent(lab.group("b/c"))
    early.do("s, t = socket(), socket()")
    engine.ok("cgroup", lab.group("b"), "enrolled")
    assert early.do("s.connect(('10.99.0.1', 5432))") is None
    assert engine.ok("accept", 0, 4)["dialled"] == ["10.99.0.1", PORT]
    engine.ok("cgroup", lab.group("b/c"), "denied")
    assert early.do("t.connect(('10.99.0.1', 5432))") == "EACCES"


def test_two_identities_in_one_namespace(lab, engine, agent):
    b = engine.ok("cgroup", lab.group("b"), "enrolled")["id"]
    other = lab.agent(lab.group("b"))
    agent.do("s = dial('10.99.0.1')")
    other.do("s = dial('10.99.0.2')")
    flows = [engine.ok("accept", 0, 4) for _ in range(2)]
    assert [(f["subject"], f["tgid"], f["dialled"][0]) for f in flows] == [
        (engine.a, agent.pid, "10.99.0.1"), (b, other.pid, "10.99.0.2")]


def test_one_local_port_on_two_addresses_is_two_flows(lab, engine, agent):
    b = engine.ok("cgroup", lab.group("b"), "enrolled")["id"]
    other = lab.agent(lab.group("b"))
    assert agent.do("s = dial('10.99.0.1', bind=('127.0.0.1', 30001))") is None
    assert other.do("s = dial('10.99.0.2', bind=('127.0.0.2', 30001))") is None
    flows = [engine.ok("accept", 0, 4) for _ in range(2)]
    assert [(f["peer"], f["subject"]) for f in flows] == [
        (["127.0.0.1", 30001], engine.a), (["127.0.0.2", 30001], b)]


def test_namespaces_do_not_share_flows_or_listeners(lab, engine, agent):
    far = lab.agent(lab.group("a"), lab.other_netns)
    assert far.do("dial('10.99.0.1')") == "ECONNREFUSED"
    assert engine.counted("refused_no_listener") == 1
    there = engine.ok("listen", f"/run/netns/{lab.other_netns}")
    assert there["cookie"] != engine.listener["cookie"]
    assert far.do("s = dial('10.99.0.1', bind=('127.0.0.1', 30001))") is None
    assert agent.do("s = dial('10.99.0.2', bind=('127.0.0.1', 30001))") is None
    assert engine.ok("accept", there["ns"], 4)["dialled"] == ["10.99.0.1", PORT]
    assert engine.ok("accept", 0, 4)["dialled"] == ["10.99.0.2", PORT]
    assert engine.ok("socket", there["ns"])["cookie"] == there["cookie"]
    assert engine.ok("socket", 0)["cookie"] == engine.listener["cookie"]


def test_a_direct_dial_of_the_listener_has_no_record(engine, agent):
    agent.do(f"s = dial('127.0.0.1', {engine.listener['port4']})")
    engine.fails(errno.ENOENT, "accept", 0, 4)
    agent.do(f"t = dial('::1', {engine.listener['port6']}, AF_INET6)")
    engine.fails(errno.ENOENT, "accept", 0, 6)


def test_a_record_is_given_once(lab, engine, agent):
    agent.do("s = dial('10.99.0.1')")
    assert [f["state"] for f in lab.flows()] == [0]
    conn = engine.ok("accept", 0, 4)["conn"]
    assert [f["state"] for f in lab.flows()] == [1]
    engine.fails(errno.EALREADY, "claim", 0, conn)


def set_cookie(lab, cookie):
    """Makes the only flow look like another socket's."""
    entry = lab.dump("flows")[0]
    value = list(entry["value"])
    value[16:24] = [f"0x{b:02x}" for b in cookie.to_bytes(8, sys.byteorder)]
    run(BPFTOOL, "map", "update", "pinned", lab.pins / "maps/flows", "key", *entry["key"], "value", *value)


@pytest.mark.parametrize("host, family, listener", [
    ("10.99.0.1", "AF_INET", 4), ("2001:db8::7", "AF_INET6", 6), ("::ffff:10.99.0.1", "AF_INET6", 4)])
def test_a_stale_record_is_refused(lab, engine, agent, host, family, listener):
    agent.do(f"s = dial('{host}', family={family})")
    right = lab.flows()[0]["socket_cookie"]
    assert right == agent.do("int.from_bytes(s.getsockopt(SOL_SOCKET, 57, 8), sys.byteorder)")  # SO_COOKIE
    set_cookie(lab, right + 1)
    engine.fails(errno.ESTALE, "accept", 0, listener)
    set_cookie(lab, right)
    engine.ok("claim", 0, 0)


def test_a_reset_connection_leaves_nothing_to_the_next_one(lab, engine, agent):
    """The same four addresses, once redirected and reset unseen, then dialled straight at the listener."""
    agent.do("rst(dial('10.99.0.1', bind=('127.0.0.1', 30001)))")
    wait_until(lambda: lab.flows() == [])
    agent.do(f"s = dial('127.0.0.1', {engine.listener['port4']}, bind=('127.0.0.1', 30001))")
    engine.fails(errno.ENOTCONN, "accept", 0, 4)
    engine.fails(errno.ENOENT, "accept", 0, 4)


def test_a_new_socket_takes_over_a_dead_sockets_record(lab, engine, agent):
    agent.do("s = dial('10.99.0.1', bind=('127.0.0.1', 30001))")
    set_cookie(lab, 1)
    agent.do("rst(s)")
    assert [f["socket_cookie"] for f in lab.flows()] == [1], "a socket takes away its own record only"
    agent.do("s = dial('10.99.0.2', bind=('127.0.0.1', 30001))")
    assert [(f["state"], f["socket_cookie"] == 1) for f in lab.flows()] == [(0, False)]
    engine.fails(errno.ENOTCONN, "accept", 0, 4)
    assert engine.ok("accept", 0, 4)["dialled"] == ["10.99.0.2", PORT]


def test_identity_is_that_of_the_sockets_birth(lab, engine, agent):
    engine.ok("cgroup", lab.group("free"), "exempt")
    agent.do("s = socket()")
    (lab.group("free") / "cgroup.procs").write_text(str(agent.pid))
    assert agent.do("s.connect(('10.99.0.1', 5432))") is None
    assert engine.ok("accept", 0, 4)["cgroup"] == engine.a
    server = lab.agent(lab.outside)
    server.do("l = serve('127.0.0.2')")
    assert agent.do("dial('127.0.0.2').close()") is None, "a new socket is born exempt"


def test_the_uid_counts_where_no_cgroup_does(lab, engine):
    engine.ok("uid", 4321, "enrolled")
    loner = lab.agent(lab.group("loner"))
    assert loner.do("dial('10.99.0.1')") == "ECONNREFUSED"
    loner.do("os.setuid(4321)")
    assert loner.do("s = dial('10.99.0.1')") is None
    flow = engine.ok("accept", 0, 4)
    assert (flow["uid"], flow["subject"], flow["tgid"]) == (4321, 0, loner.pid)
    engine.ok("cgroup", lab.group("loner"), "denied")
    assert loner.do("dial('10.99.0.1')") == "EACCES"
    engine.ok("cgroup", lab.group("loner"), "forget")
    engine.ok("uid", 99, "exempt")
    engine.ok("uids", 99)
    assert loner.do("dial('10.99.0.1')") == "ECONNREFUSED"
    assert [e["formatted"] for e in lab.dump("uids")] == [{"key": 99, "value": {"state": 2, "foreign": 0}}]


def test_sets_are_replaced(lab, engine, agent):
    engine.ok("ports", 5432, 6432)
    assert agent.do("dial('10.99.0.1', 6432).close()") is None
    engine.ok("ports", 6432)
    assert sorted(e["formatted"]["key"] for e in lab.dump("ports")) == [6432]
    engine.ok("cgroup", lab.group("b"), "exempt")
    engine.ok("keep", lab.group("a"))
    assert [e["formatted"]["key"] for e in lab.dump("cgroups")] == [engine.a]
    engine.ok("keep")
    assert lab.dump("cgroups") == []


def test_the_record_goes_with_the_connection(lab, engine, agent):
    agent.do("s = dial('10.99.0.1')")
    conn = engine.ok("accept", 0, 4)["conn"]
    agent.do("s.close()")
    engine.ok("hangup", conn)
    wait_until(lambda: lab.flows() == [])
    agent.do("s = dial('10.99.0.1')")
    conn = engine.ok("accept", 0, 4)["conn"]
    engine.ok("hangup", conn)
    assert agent.do("s.recv(1).hex()") == ""
    agent.do("s.close()")
    wait_until(lambda: lab.flows() == [])
    agent.do("s = dial('10.99.0.1')")
    engine.ok("accept", 0, 4)
    agent.end(signal.SIGKILL)
    engine.ok("hangup", 2)
    wait_until(lambda: lab.flows() == [])


def test_non_blocking_connect(engine, agent):
    agent.do("s = socket(); s.setblocking(False)")
    assert agent.do("s.connect_ex(('10.99.0.1', 5432))") in (0, errno.EINPROGRESS)
    assert engine.ok("accept", 0, 4)["dialled"] == ["10.99.0.1", PORT]
    assert agent.do("s.getpeername()") == ["10.99.0.1", PORT]


@pytest.mark.parametrize("warm", [False, True])
def test_fast_open(lab, engine, agent, warm):
    """TCP_FASTOPEN_CONNECT (30): the SYN leaves with the first write, and so does the record."""
    if warm:
        run("nsenter", f"--net=/run/netns/{lab.netns}", "sysctl", "-w", "net.ipv4.tcp_fastopen=1027")
        agent.do("s = socket(); s.setsockopt(IPPROTO_TCP, 30, 1); s.connect(('10.99.0.1', 5432)); s.send(b'x')")
        engine.ok("accept", 0, 4)
    agent.do("s = socket(); s.setsockopt(IPPROTO_TCP, 30, 1)")
    assert agent.do("s.connect(('10.99.0.1', 5432))") is None
    assert agent.do("s.send(b'x')") == 1
    assert engine.ok("accept", 0, 4)["dialled"] == ["10.99.0.1", PORT]
    agent.do("t = socket()")
    assert agent.do("t.sendto(b'x', MSG_FASTOPEN, ('10.99.0.2', 5432))") == 1
    assert engine.ok("accept", 0, 4)["dialled"] == ["10.99.0.2", PORT]


def test_mptcp_does_not_get_past(lab, engine):
    """A socket that was made while its cgroup was exempt: none is made in an enrolled one (test_guard.py)."""
    engine.ok("cgroup", lab.group("b"), "exempt")
    early = lab.agent(lab.group("b"))
    if early.do("m = socket(AF_INET, SOCK_STREAM, 262)") == "EPROTONOSUPPORT":
        pytest.skip("this kernel has no MPTCP")
    engine.ok("cgroup", lab.group("b"), "enrolled")
    assert early.do("m.connect(('10.99.0.1', 5432))") == "ECONNREFUSED"
    assert engine.counted("refused_no_birth") == 1
    assert engine.ok("events")["events"][0]["tgid"] == early.pid


def test_a_socket_older_than_the_programs_is_refused(lab):
    early = lab.agent(lab.group("a"))
    early.do("s = socket()")
    engine = lab.engine()
    engine.ok("ports", PORT)
    engine.ok("listen", f"/run/netns/{lab.netns}")
    engine.ok("cgroup", lab.group("a"), "enrolled")
    assert early.do("s.connect(('10.99.0.1', 5432))") == "ECONNREFUSED"
    assert early.do("t = dial('10.99.0.1')") is None


def test_a_forgotten_listener_refuses(engine, agent):
    engine.ok("forget_listener", 0)
    assert agent.do("dial('10.99.0.1')") == "ECONNREFUSED"
    assert engine.counted("refused_no_listener") == 1


def test_the_dead_engines_programs_hold_and_the_next_engine_adopts_them(lab, engine, agent):
    before = lab.links()
    assert HOOKS <= set(before) <= HOOKS | NEWER_HOOKS
    agent.do("s = dial('10.99.0.1')")
    engine.ok("accept", 0, 4)
    assert engine.end(signal.SIGKILL) == -signal.SIGKILL

    assert agent.do("dial('10.99.0.1')") == "ECONNREFUSED"
    assert lab.agent(lab.group("stranger")).do("dial('10.99.0.1')") == "ECONNREFUSED"
    agent.do("kept = socket()")

    second = lab.engine()
    after = lab.links()
    assert {n: l["id"] for n, l in after.items()} == {n: l["id"] for n, l in before.items()}
    assert not {l["prog_id"] for l in after.values()} & {l["prog_id"] for l in before.values()}
    second.ok("listen", f"/run/netns/{lab.netns}")
    assert agent.do("kept.connect(('10.99.0.1', 5432))") is None
    assert second.ok("accept", 0, 4)["subject"] == engine.a
    assert second.counted("captured") == 3, "the counters went on"


def test_a_detached_link_is_attached_again(lab, engine, agent):
    engine.end()
    run(BPFTOOL, "link", "detach", "pinned", lab.pins / "links/connect4")
    (lab.pins / "links/connect6").unlink()
    lab.engine().ok("listen", f"/run/netns/{lab.netns}")
    assert agent.do("s = dial('10.99.0.1')") is None
    assert agent.do("s.getpeername()") == ["10.99.0.1", PORT]
    assert HOOKS <= set(lab.links()) <= HOOKS | NEWER_HOOKS


def test_pins_of_another_root_are_not_adopted(lab, engine):
    before = lab.dump("config")
    message = lab.engine(open_now=False).fails(errno.EBUSY, "open", lab.pins, lab.outside)
    assert "pgveil uninstall" in message
    assert lab.dump("config") == before
    assert HOOKS <= set(lab.links()) <= HOOKS | NEWER_HOOKS, "a refusal changes nothing"


def test_pins_of_another_version_are_not_adopted(lab, engine, agent):
    value = list(lab.dump("config")[0]["value"])
    run(BPFTOOL, "map", "update", "pinned", lab.pins / "maps/config", "key", *["0"] * 4, "value", "77", *value[1:])
    message = lab.engine(open_now=False).fails(errno.EPROTO, "open", lab.pins, lab.root)
    assert "pgveil uninstall" in message and "77" in message and "newer" in message
    lab.engine(open_now=False).ok("uninstall", lab.pins)


VERSION_1 = r"""
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define MAP(name, kind, n, flags, k, v) struct { __uint(type, kind); __uint(max_entries, n); __uint(map_flags, flags); \
	__uint(pinning, LIBBPF_PIN_BY_NAME); __uint(key_size, k); __uint(value_size, v); } name SEC(".maps")
struct note { unsigned char bytes[280]; };
MAP(cgroups, BPF_MAP_TYPE_HASH, 65536, 1, 8, 8);
MAP(uids, BPF_MAP_TYPE_HASH, 4096, 1, 4, 8);
MAP(ports, BPF_MAP_TYPE_HASH, 1024, 1, 2, 1);
MAP(listeners, BPF_MAP_TYPE_HASH, 16384, 1, 8, 8);
MAP(flows, BPF_MAP_TYPE_HASH, 65536, 0, 48, 80);
MAP(counters, BPF_MAP_TYPE_PERCPU_ARRAY, 7, 0, 4, 8);
MAP(config, BPF_MAP_TYPE_ARRAY, 1, 0, 4, 16);
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 262144); __uint(pinning, LIBBPF_PIN_BY_NAME); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, 1); __uint(pinning, LIBBPF_PIN_BY_NAME); __type(key, int);
	__type(value, struct note); } notes SEC(".maps");
static int refuse(struct bpf_sock_addr *ctx)
{
	unsigned key = 1;
	__u16 port = __builtin_bswap16((__u16)ctx->user_port);
	__u64 *n = bpf_map_lookup_elem(&counters, &key);

	if (!bpf_map_lookup_elem(&ports, &port))
		return 1;
	if (n)
		++*n;
	bpf_set_retval(-111);
	return 0;
}
SEC("cgroup/sock_create") int v1_birth(struct bpf_sock *ctx) { struct bpf_sock *sk = ctx; bpf_sk_storage_get(&notes, sk, 0, 1); return 1; }
SEC("sockops") int v1_sockops(struct bpf_sock_ops *ctx) { return 1; }
SEC("cgroup/getpeername4") int v1_getpeername4(struct bpf_sock_addr *ctx) { return 1; }
SEC("cgroup/getpeername6") int v1_getpeername6(struct bpf_sock_addr *ctx) { return 1; }
SEC("cgroup/connect4") int v1_connect4(struct bpf_sock_addr *ctx) { return refuse(ctx); }
SEC("cgroup/connect6") int v1_connect6(struct bpf_sock_addr *ctx) { return refuse(ctx); }
char LICENSE[] SEC("license") = "Dual MIT/GPL";
"""


@pytest.fixture
def version_1(lab, tmp_path):
    """What a daemon of version 1 left: maps of its shapes, programs that refuse, one port, and its config."""
    (tmp_path / "v1.c").write_text(VERSION_1)
    run("clang", "-target", "bpf", "-O2", "-g", "-I/usr/include/x86_64-linux-gnu", "-c", "-o", tmp_path / "v1.o", tmp_path / "v1.c")
    for d in (lab.pins, lab.pins / "maps", lab.pins / "links"):
        d.mkdir(exist_ok=True)
    lab.engine(open_now=False).ok("seed", tmp_path / "v1.o", lab.pins, lab.root)

    def put(name, key, value):
        run(BPFTOOL, "map", "update", "pinned", lab.pins / "maps" / name, "key", *map(str, key), "value", *map(str, value))
    put("ports", PORT.to_bytes(2, "little"), [1])
    put("config", [0] * 4, [*(1).to_bytes(4, "little"), *[0] * 4, *lab.root.stat().st_ino.to_bytes(8, "little")])
    put("flows", [7] * 48, [0] * 80)


def map_id(lab, name):
    return json.loads(run(BPFTOOL, "-j", "map", "show", "pinned", lab.pins / "maps" / name).stdout)["id"]


def test_pins_of_version_1_are_taken_over(lab, version_1):
    """Links stay, maps that changed are replaced, counts go on, and nobody gets through at any moment."""
    links = {name: link["id"] for name, link in lab.links().items()}
    maps = {name: map_id(lab, name) for name in ("flows", "ports", "notes", "counters")}
    agent = lab.agent(lab.group("app"))
    for _ in range(3):
        assert agent.do("s = dial('10.99.0.1')") == "ECONNREFUSED"
    engine = lab.engine(open_now=False)
    probes = [lab.agent(lab.group("app")) for _ in range(2)]
    stop, seen = threading.Event(), set()

    def dial(probe):
        while not stop.is_set():
            seen.add(probe.do("s = dial('10.99.0.1')"))
    threads = [threading.Thread(target=dial, args=(p,)) for p in probes]
    for t in threads:
        t.start()
    engine.ok("open", lab.pins, lab.root)
    engine.ok("ports", PORT)
    stop.set()
    for t in threads:
        t.join()
    assert seen == {"ECONNREFUSED"}
    after = {name: link["id"] for name, link in lab.links().items()}
    assert HOOKS <= set(after) <= HOOKS | NEWER_HOOKS and all(after[name] == number for name, number in links.items()), "updated, not attached anew"
    now = {name: map_id(lab, name) for name in maps}
    assert now["flows"] == maps["flows"] and now["ports"] == maps["ports"]
    assert now["notes"] != maps["notes"] and now["counters"] != maps["counters"]
    assert not list(lab.pins.glob("maps/*_renewed")) and lab.dump("flows") == []
    assert engine.ok("counters")["refused_unknown"] >= 3
    assert int.from_bytes(bytes(int(b, 16) for b in lab.dump("config")[0]["value"][:4]), "little") == 2
    engine.ok("cgroup", lab.root / "app", "enrolled")
    engine.ok("listen", f"/run/netns/{lab.netns}")
    assert agent.do("s = dial('10.99.0.1')") is None
    # And once more, as pins of its own version.
    lab.engine(open_now=False).ok("open", lab.pins, lab.root)
    assert {name: map_id(lab, name) for name in maps} == now


def test_no_bpffs(lab, tmp_path):
    message = lab.engine(open_now=False).fails(errno.ENODEV, "open", tmp_path / "pins", lab.root)
    assert "mount -t bpf" in message
    assert not (tmp_path / "pins").exists()
    (tmp_path / "x").mkdir()
    lab.engine(open_now=False).fails(errno.ENODEV, "uninstall", tmp_path / "x")


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_killed_between_the_steps_of_an_enrolment(lab, steps):
    """Programs and ports, then the listener, then the state: whatever was reached, what is left behind refuses."""
    server = lab.agent(lab.outside)
    server.do("l = serve('127.0.0.2')")
    agent = lab.agent(lab.group("a"))
    engine = lab.engine()
    engine.ok("ports", PORT)
    if steps > 1:
        engine.ok("listen", f"/run/netns/{lab.netns}")
    if steps > 2:
        engine.ok("cgroup", lab.group("a"), "enrolled")
        assert agent.do("dial('127.0.0.2').close()") is None
    lab.children.remove(engine)
    engine.end(signal.SIGKILL)
    for family, host in (("AF_INET", "127.0.0.2"), ("AF_INET6", "::ffff:127.0.0.2")):
        assert agent.do(f"dial('{host}', family={family})") == "ECONNREFUSED"
    # The next one drops the listeners of the dead before it listens itself.
    engine = lab.engine()
    assert agent.do("dial('127.0.0.2')") == "ECONNREFUSED"


def test_a_bpffs_that_is_not_the_host_s(lab, tmp_path):
    """Its pins would end with the mount namespace, and nobody would be guarded any more."""
    (tmp_path / "own").mkdir()
    inside = lab.keep(Lines(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                             f"mount -t bpf bpf {tmp_path}/own && exec {lab.probe}"]))
    reply = inside.ask(f"open {tmp_path}/own/pins {lab.root}")
    assert reply["r"] == -errno.EXDEV and "pid 1 does not see" in reply["msg"], reply
    assert inside.ask(f"uninstall {tmp_path}/own/pins")["r"] == 0, "nothing is there"
    # The host's, seen from another mount namespace, is fine.
    assert inside.ask(f"open {lab.pins} {lab.root}")["r"] == 0
    # A pid namespace of its own has another pid 1, whose mounts say nothing.
    inside = lab.keep(Lines(["unshare", "--mount", "--pid", "--fork", "--mount-proc", lab.probe]))
    reply = inside.ask(f"open {lab.pins} {lab.root}")
    assert reply["r"] == -errno.EXDEV and "pid namespace" in reply["msg"], reply


def test_a_foreign_program_in_the_way_is_named(lab, tmp_path):
    (tmp_path / "f.c").write_text('__attribute__((section("cgroup/connect4"))) int f(void *c) { return 1; }'
                                  '__attribute__((section("license"))) char l[] = "GPL";')
    run("clang", "-target", "bpf", "-O2", "-c", "-o", tmp_path / "f.o", tmp_path / "f.c")
    run(BPFTOOL, "prog", "load", tmp_path / "f.o", lab.bpffs / "foreign")
    run(BPFTOOL, "cgroup", "attach", lab.top, "connect4", "pinned", lab.bpffs / "foreign")
    message = lab.engine(open_now=False).fails(errno.EPERM, "open", lab.pins, lab.root)
    assert "BPF_F_ALLOW_MULTI" in message and f"{lab.top} " in message
    assert not lab.pins.exists(), "a failed first load leaves nothing"
    run(BPFTOOL, "cgroup", "detach", lab.top, "connect4", "pinned", lab.bpffs / "foreign")


def test_uninstall_leaves_nothing(lab, engine, agent):
    """Even where a daemon still holds the links open."""
    second = lab.engine(open_now=False)
    second.ok("uninstall", lab.pins)
    assert not lab.pins.exists()
    listing = run(BPFTOOL, "-j", "cgroup", "show", lab.root).stdout.strip()
    assert json.loads(listing or "[]") == []
    server = lab.agent(lab.outside)
    server.do("l = serve('127.0.0.2')")
    assert agent.do("dial('127.0.0.2').close()") is None
    second.ok("uninstall", lab.pins)


def test_bpftool_prints_flows_by_name(lab, engine, agent):
    agent.do("s = dial('10.99.0.1')")
    formatted = lab.dump("flows")[0]["formatted"]
    key, value = formatted["key"], formatted["value"]
    assert set(key) >= {"netns_cookie", "local_ip", "remote_ip", "local_port", "remote_port"}
    assert set(value) >= {"cgroup_id", "subject_cgroup_id", "socket_cookie", "since_ns", "tgid", "uid",
                          "dialled_ip", "dialled_port", "state", "comm"}
    assert key["netns_cookie"] == engine.listener["cookie"]
    assert key["remote_port"] == engine.listener["port4"]
    assert (value["tgid"], value["dialled_port"]) == (agent.pid, PORT)
    assert bytes(value["dialled_ip"]) == bytes(10) + b"\xff\xff" + bytes([10, 99, 0, 1])
