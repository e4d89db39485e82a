# SPDX-License-Identifier: MIT
"""Pods of real containers, made by podman with runc and by containerd as the kubelet asks it to, below a guarded root of the lab's
own. `make pod-race` has a thousand pods that dial in their first millisecond; some of them are here too."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid

import pytest

from lab import ROOT, run
from test_kubernetes import LABEL, NODE, ApiServer, Cluster, Pod

sys.path.insert(0, str(ROOT / "tests" / "containers"))
import pod_races  # noqa: E402
import runtimes  # noqa: E402

CLAUDE, WEB = {**LABEL, "app": "claude"}, {"app": "web"}
SSN = "SELECT ssn FROM clinic.patient WHERE id = 1"
MASKED, RAW = "*******0001", "61728300001"
REFUSED, DENIED = "ECONNREFUSED", "EACCES"


class ContainerLab(Cluster):
    """The database takes the agents' role by its name here: what gets past the engine sees everything."""

    def up(self):
        super().up()
        try:
            self.runtimes, self.live = {}, []
            self.dba_psql("GRANT pgveil_agent TO agent")
            self.set_hba("host all agent all trust")
            self.client = runtimes.build_client(self.folder)
            self.archive = runtimes.image(self.folder, self.client)
            self.inside = pathlib.Path(tempfile.mkdtemp(prefix="pgveil-inside-", dir="/tmp"))
            self.inside.chmod(0o755)
            shutil.copy(ROOT / "tests" / "containers" / "inside.py", self.inside)
        except BaseException:
            self.down()
            raise
        return self

    def down(self):
        wrong = []
        for r in self.runtimes.values():
            try:
                r.close()
            except Exception as e:  # the rest is to go too
                wrong.append(str(e))
        self.live.clear()
        if hasattr(self, "inside"):
            shutil.rmtree(self.inside)
        runtimes.remove_below("pgveil-lab-" + self.name)
        super().down()
        assert not wrong, wrong

    def runtime(self, kind):
        if kind.name not in self.runtimes:
            try:
                self.runtimes[kind.name] = kind(self, self.archive)
            except runtimes.Missing as e:
                pytest.skip(str(e))
        return self.runtimes[kind.name]

    def real(self, name, labels, in_api=True, **spec):
        p = RealPod(self, "%s-%s" % (name, uuid.uuid4().hex[:6]), labels, "agents", None, spec)
        self.live.append(p)
        if in_api:
            p.create()
        p.start()
        return p

    def dumped(self, name):
        return json.loads(run(["bpftool", "-j", "map", "dump", "pinned", self.state / "bpf/pgveil/maps" / name], check=True).stdout)

    def kept(self):
        """What there is of pods: entries of maps and the daemon's descriptors."""
        pid = (self.state / "daemon.pid").read_text().split()[0]
        return {**{m: len(self.dumped(m)) for m in ("cgroups", "listeners", "unix_listeners", "flows", "unix_flows", "quotas")},
                "descriptors": len(os.listdir("/proc/%s/fd" % pid)), "pods": len(self.cluster()["on_node"])}

    def who_is_there(self):
        """Who the server has sessions of, by address: the agent itself, or the engine for it."""
        rows = self.dba_psql("SELECT DISTINCT client_addr, usename FROM pg_stat_activity WHERE usename IN ('agent', 'pgveil_agent')")
        return {tuple(r.split("|")) for r in rows.splitlines()}


class RealPod(Pod):
    """start() does what the kubelet does before it asks the runtime for a sandbox."""

    layout = ("kubepods", "burstable", "pod{uid}")

    def start(self):
        self.path = self.lab.root.joinpath(*self.layout[:-1], self.layout[-1].format(uid=self.uid))
        self.path.mkdir(parents=True, exist_ok=True)
        self.id = self.path.stat().st_ino

    def sandbox(self, runtime, **options):
        self.box = runtime.sandbox(self.uid, "/%s/%s" % (self.lab.root.name, self.path.relative_to(self.lab.root)), **options)
        return self.box

    def race(self, ms=20000, **how):
        """What comes of dials from a container's first instruction on."""
        return json.loads(self.box.once(["/pod_client", "race", self.lab.host, self.lab.port, self.lab.dbname, ms], **how))

    def hand(self, **how):
        return Hand(self, **how)

    def end(self):
        """Its containers, its cgroup and its object."""
        self.box.stop()
        assert runtimes.until(lambda: runtimes.removed(self.path), "%s is busy" % self.path)
        self.delete()
        self.lab.live.remove(self)


class Hand:
    """inside.py in a container of the pod, with an emptyDir (that of another pod if one is given)."""

    def __init__(self, pod, shared=None, **how):
        self.pod, self.name = pod, "hand-" + uuid.uuid4().hex[:8]
        self.shared = shared or self.make_shared(pod.lab)
        self.container = pod.box.container(["/usr/bin/python3", "-I", "-S", "/inside/inside.py", "/shared/" + self.name],
                                           mounts=[("/inside", pod.lab.inside, True), ("/shared", self.shared, False), *how.pop("mounts", ())], **how)
        path = self.shared / self.name
        self.pod.lab.wait_until(path.exists, "the container does not come up")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.pod.lab.wait_until(lambda: self.socket.connect_ex(str(path)) == 0, "the container does not answer")
        self.lines = self.socket.makefile("r")

    @staticmethod
    def make_shared(lab):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="shared-", dir=lab.inside))
        folder.chmod(0o777)
        return folder

    def do(self, code):
        """A value, or what an OSError is called."""
        lab = self.pod.lab
        self.socket.sendall(json.dumps(code.replace("DB", "'%s', %d" % (lab.host, lab.port)).replace("NAME", repr(lab.dbname))).encode() + b"\n")
        answer = json.loads(self.lines.readline())
        return answer["value"] if "value" in answer else answer["errno"]

    def shown(self):
        return self.do("shown(dial(DB), NAME)")


@pytest.fixture(scope="module")
def api():
    with ApiServer() as server:
        server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "agents"}})
        yield server


@pytest.fixture(scope="module")
def lab(api, tmp_path_factory):
    with ContainerLab(tmp_path_factory.mktemp("containers"), api) as up:
        up.current()
        yield up


@pytest.fixture(autouse=True)
def ended(lab):
    """Whatever came of the test, its pods are gone."""
    yield
    for r in lab.runtimes.values():
        for box in list(r.sandboxes):
            box.stop()
    for p in list(lab.live):
        runtimes.until(lambda: runtimes.removed(p.path), "%s is busy" % p.path)
        lab.live.remove(p)


@pytest.fixture(params=[runtimes.Podman, runtimes.Containerd], ids=lambda k: k.name)
def runtime(request, lab):
    return lab.runtime(request.param)


@pytest.fixture
def podman(lab):
    return lab.runtime(runtimes.Podman)


@pytest.fixture
def containerd(lab):
    return lab.runtime(runtimes.Containerd)


@pytest.fixture
def both(lab, runtime):
    """A labelled pod and one that is not, each with a sandbox."""
    claude, web = lab.real("claude", CLAUDE), lab.real("web", WEB)
    for p in (claude, web):
        p.sandbox(runtime)
    return claude, web


def masked(told):
    return told["masked"] == 1 and told["raw"] == 0


def refused(told):
    return told["refused"] == told["attempts"] > 0 and told["silent"] == 1


def test_labelled_and_not(lab, both):
    claude, web = both
    assert masked(claude.race()) and web.race()["raw"] == 1
    # Two containers of one pod, by the client that people use.
    for name in ("one", "two"):
        c = claude.box.container()
        assert c.psql(lab, SSN) == MASKED, name
    plain = web.hand()
    assert plain.do("s = login(dial(DB), NAME)") is None
    with_engine = claude.hand()
    assert with_engine.do("s = login(dial(DB), NAME)") is None
    assert plain.do("value(s)") == RAW and with_engine.do("value(s)") == MASKED
    # The server sees the pod itself, and for the other the engine, from the pod's address.
    here = [h.do("s.getsockname()[0]") for h in (plain, with_engine)]
    assert here[0] != "127.0.0.1" and with_engine.do("s.getpeername()[0]") == plain.do("s.getpeername()[0]") == lab.host
    users = lab.who_is_there()
    assert (here[0], "agent") in users and not any(u == (here[0], "pgveil_agent") for u in users)
    assert sum(user == "pgveil_agent" for _, user in users) >= 1
    # Nothing of the kernel's or the daemon's has to do with the unlabelled pod's connection.
    port = plain.do("s.getsockname()[1]")
    assert not any(f.get("local_port") == port or web.name in json.dumps(f) for f in lab.flows())
    assert any(claude.name in json.dumps(f) for f in lab.flows())
    assert str(port) not in json.dumps(lab.dumped("flows"))


def test_started_while_the_daemon_is_gone(lab, both, runtime):
    claude, web = both
    assert masked(claude.race()) and web.race()["raw"] == 1
    lab.sh("daemon", "kill")
    try:
        new, plain = lab.real("new", CLAUDE), lab.real("plain", WEB)
        for p in (new, plain):
            p.sandbox(runtime)
            assert refused(p.race(200)), "nobody said what it is"
        assert refused(claude.race(200)), "it is captured, and nobody takes it"
        assert web.race()["raw"] == 1, "it is left alone yet"
    finally:
        lab.sh("daemon", "start")
    assert masked(claude.race()) and masked(new.race())
    assert web.race()["raw"] == plain.race()["raw"] == 1


def netns_of(container):
    return os.stat("/proc/%d/ns/net" % container.pid()).st_ino


def live_and_end(lab, runtime):
    claude = lab.real("claude", CLAUDE)
    claude.sandbox(runtime)
    c = claude.box.container()
    assert masked(claude.race())
    runtime.restart(c)
    assert c.psql(lab, SSN) == MASKED
    first = netns_of(c)
    claude.box.stop()
    claude.sandbox(runtime)
    c = claude.box.container()
    assert masked(claude.race()) and c.psql(lab, SSN) == MASKED
    assert claude.shown()["state"] == "enrolled"
    second = netns_of(c)
    claude.end()
    lab.wait_until(lambda: claude.shown() is None, "the daemon has it yet")
    lab.wait_until(lambda: claude.id not in [e["formatted"]["key"] for e in lab.dumped("cgroups")], "the kernel has it yet")
    return first, second


def test_restarts(lab, runtime):
    """Of a container in its sandbox, and of the sandbox with another network namespace; then nothing is left."""
    live_and_end(lab, runtime)  # what is made once is there now
    before = lab.kept()
    spaces = live_and_end(lab, runtime)
    assert spaces[0] != spaces[1]
    lab.wait_until(lambda: lab.kept() == before, "something is left: %s, it was %s" % (lab.kept(), before))


def test_in_the_nodes_network(lab, containerd):
    claude, web = lab.real("claude", CLAUDE, hostNetwork=True), lab.real("web", WEB, hostNetwork=True)
    for p in (claude, web):
        p.sandbox(containerd, host_network=True)
    assert masked(claude.race())
    assert web.race()["raw"] == 1
    with socket.create_connection((lab.host, lab.port), 20):  # nor has the node itself to do with it
        assert "127.0.0.1" not in json.dumps(lab.flows("--identity", "agents/" + web.name))


PRIVILEGED = {"containers": [{"name": "c", "image": "x", "securityContext": {"privileged": True}}]}


def test_privileged(lab, containerd):
    """Who could get round capture and is to be captured gets no database at all; who is not labelled is not the engine's business."""
    claude, web = lab.real("claude", CLAUDE, **PRIVILEGED), lab.real("web", WEB, **PRIVILEGED)
    for p in (claude, web):
        p.sandbox(containerd, privileged=True)
    claude.becomes("denied")
    told = claude.race(500, privileged=True, root=True)
    assert told["denied"] + told["refused"] == told["attempts"] and told["denied"] > 0 and told["raw"] == told["masked"] == 0
    assert web.race(privileged=True, root=True)["raw"] == 1


@pytest.mark.parametrize("cgroupns", ["private", "host"])
def test_cgroup_namespaces(lab, podman, cgroupns):
    claude = lab.real("claude", CLAUDE)
    claude.sandbox(podman)
    assert masked(claude.race(cgroupns=cgroupns))
    h = claude.hand(cgroupns=cgroupns)
    inside = h.do("open('/proc/self/cgroup').read()")
    assert (claude.uid in inside) == (cgroupns == "host")
    assert h.shown() == MASKED


def test_a_runtimes_process_in_the_pods_cgroup(lab, podman):
    """CRI-O's conmon: in the pod's cgroup, in the node's network, there before the containers and while they live."""
    claude = lab.real("claude", CLAUDE)
    monitors = []
    try:
        # Whichever of the directories is looked at first.
        for name in ("conmon", "a", "crio-conmon-" + "0" * 64 + ".scope", "z", "m", "0"):
            (claude.path / name).mkdir()
            p = subprocess.Popen([lab.client, "pause"], preexec_fn=lambda: (claude.path / name / "cgroup.procs").write_text(str(os.getpid())))
            monitors.append(p)
        claude.becomes("enrolled")
        claude.sandbox(podman)
        assert masked(claude.race())
        node = os.stat("/proc/self/ns/net").st_ino
        pid = (lab.state / "daemon.pid").read_text().split()[0]
        held = [os.readlink("/proc/%s/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%s/fd" % pid)]
        assert held.count("net:[%d]" % node) <= 1, "a door of the pod's in the node's network"
    finally:
        for p in monitors:
            p.kill()
            p.wait()
        claude.box.stop()
        for folder in claude.path.iterdir():
            if folder.is_dir():
                runtimes.until(lambda: runtimes.removed(folder), "%s is busy" % folder)


def test_race(lab):
    """`make pod-race` with fewer. Whatever a labelled pod was shown came masked, and each was shown something in the end."""
    race = pod_races.Race(lab, NODE, LABEL)
    try:
        for _ in race.run(int(os.environ.get("PODS", "50")), storm=10):
            pass
    finally:
        race.close()
    for (labelled, told), s in race.sums().items():
        assert s["raw" if labelled else "masked"] == 0, race.table()
        assert s["masked" if labelled else "raw"] == s["processes"] and not s["silent"] and not s["denied"], race.table()
        assert s["attempts"] > s["processes"] and s["refused"], race.table()
