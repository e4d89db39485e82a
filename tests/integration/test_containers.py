# SPDX-License-Identifier: MIT
"""Pods of real containers, made by podman with runc and by containerd as the kubelet asks it to, below a guarded root of the lab's
own. `make pod-race` has a thousand pods that dial in their first millisecond; some of them are here too."""

import errno
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

    def race(self, ms=20000, pace=(), **how):
        """What comes of dials from a container's first instruction on."""
        return json.loads(self.box.once(["/pod_client", "race", self.lab.host, self.lab.port, self.lab.dbname, ms, *pace], **how))

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

    def spelled(self, code):
        lab = self.pod.lab
        for word, what in (("DB", "'%s', %d" % (lab.host, lab.port)), ("NAME", repr(lab.dbname)), ("HOST", lab.host), ("PORT", str(lab.port))):
            code = code.replace(word, what)
        return code

    def do(self, code):
        """A value, or what an OSError is called."""
        self.socket.sendall(json.dumps(self.spelled(code)).encode() + b"\n")
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


@pytest.fixture(params=[runtimes.Containerd, runtimes.Podman], ids=lambda k: k.name)
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


def test_started_while_the_daemon_is_gone(lab, containerd, podman):
    claude, web = lab.real("claude", CLAUDE), lab.real("web", WEB)
    for p in (claude, web):
        p.sandbox(containerd)
    assert masked(claude.race()) and web.race()["raw"] == 1
    lab.sh("daemon", "kill")
    try:
        new = [lab.real("new", CLAUDE), lab.real("new", CLAUDE)]
        plain = lab.real("plain", WEB)
        for p, runtime in ((new[0], containerd), (new[1], podman), (plain, containerd)):
            p.sandbox(runtime)
            assert refused(p.race(200)), "nobody said what it is"
        assert refused(claude.race(200)), "it is captured, and nobody takes it"
        assert web.race()["raw"] == 1, "it is left alone yet"
    finally:
        lab.sh("daemon", "start")
    for p in (claude, *new):
        assert masked(p.race())
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
    if not hasattr(lab, "warm"):  # what is made once is there then
        lab.warm = live_and_end(lab, runtime)
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


def test_cgroup_namespaces(lab, podman):
    claude = lab.real("claude", CLAUDE)
    claude.sandbox(podman)
    for cgroupns in ("private", "host"):
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


# ---- attacks ----

ADDRESS = "(lambda s: (s.connect(('HOST', 9)), s.getsockname()[0])[1])(socket(AF_INET, SOCK_DGRAM))"
EARLY = r"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def attempt(dials):
    "What comes of each way to dial; a value that was shown is in it."
    out = {}
    for name, how in dials.items():
        try:
            out[name] = eval(how, globals())
        except OSError as e:
            out[name] = errno.errorcode.get(e.errno, str(e))
    return out

def begun(host, port, *args):
    "connect() that does not wait, and what became of it."
    s = socket(*args)
    s.setblocking(False)
    r = s.connect_ex((host, port))
    if r == errno.EINPROGRESS:
        import select
        select.select([], [s], [], 20)
        r = s.getsockopt(SOL_SOCKET, SO_ERROR)
    if r:
        raise OSError(r, "")
    return s

def fast(host, port, database):
    s = socket()
    s.sendto(hello(database), 0x20000000, (host, port))
    return value(login(s, database, send=False))

def fast_option(host, port):
    s = socket()
    s.setsockopt(IPPROTO_TCP, 30, 1)
    s.connect((host, port))
    return s
"""
DIALS = {
    "plain": "shown(dial(DB), NAME)",
    "not waiting": "shown(begun(DB), NAME)",
    "fast open": "fast(DB, NAME)",
    "fast open by option": "shown(fast_option(DB), NAME)",
    "v4-mapped": "shown(dial('::ffff:HOST', PORT, AF_INET6), NAME)",
    "mptcp": "shown(dial(DB, AF_INET, SOCK_STREAM, 262), NAME)",
    "udp": "dial(DB, AF_INET, SOCK_DGRAM).send(b'x')",
    "vsock": "socket(40, SOCK_STREAM).connect((2, PORT))",
    "raw": "socket(AF_INET, SOCK_RAW, 6)",
    "packet": "socket(AF_PACKET, SOCK_RAW)",
}


def attempts(lab, hand):
    return hand.do("attempt(%r)" % {k: hand.spelled(v) for k, v in DIALS.items()})


def test_ways_to_dial(lab, containerd):
    """While the API server has told nobody of this node of the pod, and when it has; sockets of before, and those of afterwards."""
    p = lab.real("early", CLAUDE, nodeName="")
    p.sandbox(containerd)
    h = p.hand()
    h.do(EARLY)
    h.do("kept = [socket() for _ in range(3)]; mapped = socket(AF_INET6)")
    told = attempts(lab, h)
    assert not [k for k, v in told.items() if str(v).startswith(("617", "***"))], told
    tcp = ("plain", "not waiting", "fast open", "fast open by option", "v4-mapped")
    assert {told[k] for k in tcp} == {REFUSED} and told["mptcp"] == "ENOPROTOOPT" and told["raw"] == told["packet"] == "EPERM", told
    lab.api.bind("agents", p.name, NODE)
    lab.wait_until(lambda: h.shown() == MASKED, "it is not captured")
    told = attempts(lab, h)
    assert {told[k] for k in tcp} == {MASKED} and told["mptcp"] == "ENOPROTOOPT" and told["raw"] == told["packet"] == "EPERM", told
    # Sockets of before: connected where they were made, and in another container of the pod, as of an init container that handed them on.
    main = p.hand(shared=h.shared)
    main.do("listener = door('/shared/take')")
    h.do("given = kept.pop(); give('/shared/take', given); given.close()")
    assert main.do("shown((lambda s: (s.connect((DB)), s)[1])(taken(listener)), NAME)") == MASKED
    assert h.do("[shown((s.settimeout(20), s.connect((DB)), s)[2], NAME) for s in kept]") == [MASKED] * 2
    assert h.do("shown((mapped.settimeout(20), mapped.connect(('::ffff:HOST', PORT)), mapped)[2], NAME)") == MASKED


def test_a_storm_of_forks(lab, containerd):
    """While the label comes: 200 processes in the container, each dials until it is shown something."""
    p = lab.real("storm", WEB)
    p.sandbox(containerd)
    h = p.hand()
    h.do("""
import os, time
def crowd(n):
    r, w = os.pipe()
    for _ in range(n):
        if os.fork() == 0:
            end = time.monotonic() + 30
            while time.monotonic() < end:
                try:
                    got = shown(dial(DB), NAME)
                except OSError:
                    got = None
                # Before the label it may be shown anything; and after it nothing but this.
                os.write(w, ('%f %s\\n' % (time.monotonic(), got)).encode())
                if got and got.startswith('*'):
                    break
            os._exit(0)
    os.close(w)
    return r
""")
    h.do("pipe = crowd(200)")
    p.change(labels=LABEL | {"app": "claude"})
    p.becomes("enrolled")
    lab.wait_until(lambda: any(e["cgroup"].endswith(p.path.name) and e["state"] == "enrolled" for e in lab.status()["enrolled"]), "it is not enrolled")
    since = h.do("time.monotonic()")
    text = h.do("""(lambda out: [out.append(d) for d in iter(lambda: os.read(pipe, 65536), b'')] and b''.join(out).decode())([])""")
    lines = [line.split() for line in text.splitlines()]
    # A session that began before is ended; one that was in the middle of its answer may have had it a moment after.
    late = [x for x in lines if float(x[0]) > since + 1 and x[1] == RAW]
    assert not late, late[:3]
    assert sum(x[1] == MASKED for x in lines) == 200


def test_refusals_of_one_do_not_keep_another_waiting(lab, containerd):
    """A pod that nobody said anything of dials as fast as it can, while another one's sandbox is made anew: the door in its new namespace
    is made when it is first refused."""
    claude, nobody = lab.real("claude", CLAUDE), lab.real("nobody", WEB, nodeName="")
    for p in (claude, nobody):
        p.sandbox(containerd)
    assert masked(claude.race())
    h = nobody.hand()
    h.do("""
import os
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        while True:
            with socket() as s:
                s.connect_ex((DB))
    children.append(pid)
""")
    claude.box.stop()
    claude.sandbox(containerd)
    told = claude.race(pace=[500])
    assert masked(told) and told["attempts"] <= 4, told
    assert h.do("[os.kill(pid, 0) for pid in children]") == [None] * 4


def cgroup_of(pid):
    return re.search(r"^0::(.*)$", pathlib.Path("/proc/%d/cgroup" % pid).read_text(), re.M)[1]


def test_it_cannot_leave_its_cgroup(lab, containerd):
    claude, web = lab.real("claude", CLAUDE), lab.real("web", WEB)
    for p in (claude, web):
        p.sandbox(containerd)
    other = web.box.container()
    # As root in it, with all that a pod has by default; and with the hierarchy of the node in its hands.
    unified = next(str(m) for m in runtimes.cgroup_mounts() if m.name in ("unified", "cgroup"))
    h = claude.hand(root=True)
    place = cgroup_of(other.pid())
    h.do("""
import os, subprocess
def write(path, text):
    with open(path, 'w') as f:
        f.write(text)
""")
    before = cgroup_of(h.container.pid())
    assert before.startswith("/%s/" % lab.root.name)
    for path in (unified + place, "/proc/1/root" + unified + place, "/sys/fs/cgroup", "/sys/fs/cgroup" + place, "/sys/fs/cgroup/unified"):
        h.do("write(%r, str(os.getpid()))" % (path + "/cgroup.procs"))  # where it can be written it is a file, or its own cgroup's
        assert cgroup_of(h.container.pid()) == before, path
    h.do("[write(f, str(os.getpid())) for f in __import__('glob').glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)]")
    assert cgroup_of(h.container.pid()) == before
    assert h.do("subprocess.run(['/usr/bin/mount', '-t', 'cgroup2', 'none', '/tmp'], capture_output=True).returncode") != 0
    assert h.do("subprocess.run(['/usr/bin/nsenter', '--net=/proc/1/ns/net', '--cgroup=/proc/1/ns/cgroup', 'true'], capture_output=True).returncode") != 0
    assert h.do("subprocess.run(['/usr/bin/unshare', '--net', 'true'], capture_output=True).returncode") != 0
    # A namespace of its own by a user namespace (where the node lets it): there is nobody to dial in it, and no way round.
    told = h.do("""subprocess.run(['/usr/bin/unshare', '--user', '--map-root-user', '--net', '/usr/bin/python3', '-I', '-S', '-c',
        'import socket; s = socket.socket(); print(s.connect_ex(("HOST", PORT)))'], capture_output=True).stdout.decode()""")
    assert told.strip() in ("", "111", "101", "13"), told
    assert h.shown() == MASKED


def test_sockets_of_another_pod(lab, containerd):
    """Two pods share an emptyDir: impossible in a cluster, whose volumes of that kind are one pod's; a hostPath or a claim can do so.
    The socket is the unlabelled pod's, and so is the doing: it could hand on the rows as well. The audit ends what it finds."""
    claude, web = lab.real("claude", CLAUDE), lab.real("web", WEB)
    for p in (claude, web):
        p.sandbox(containerd)
    ours = claude.hand()
    theirs = web.hand(shared=ours.shared)
    lab.wait_until(lambda: ours.shown() == MASKED, "it is not captured")
    ours.do("listener = door('/shared/take')")
    for how in ("login(dial(DB), NAME)", "socket()"):
        assert theirs.do("given = %s" % how) is None
        assert theirs.do("give('/shared/take', given)") is None
        assert ours.do("s = taken(listener)") is None
        theirs.do("given.close()")
        if how == "socket()":
            assert ours.do("s.settimeout(20); s.connect((DB))") is None, "the kernel takes it for the unlabelled pod's"

        def is_ended():
            return ours.do("(s.settimeout(0.2), len(s.recv(1)))[1]") not in ("time-out", 1)

        lab.wait_until(is_ended, "the audit does not end it")
    assert ours.shown() == MASKED


def test_by_another_pods_proxy(lab, containerd):
    """One that hands on PostgreSQL as it is is seen by its first bytes, whoever dials whom. One that disguises it is outside of what is
    promised: the pod that has the data is not labelled."""
    claude, web = lab.real("claude", CLAUDE), lab.real("web", WEB)
    for p in (claude, web):
        p.sandbox(containerd)
    ours, theirs = claude.hand(), web.hand()
    lab.wait_until(lambda: ours.shown() == MASKED, "it is not captured")
    address, here = theirs.do(ADDRESS), ours.do(ADDRESS)
    theirs.do("a = create_server(('', 7000)); b = create_server(('', 7001)); hand_on(a, DB); hand_on(b, DB, other)")
    assert ours.do("shown(dial('%s', 7000), NAME)" % address) in ("ECONNABORTED", "ECONNRESET", "EPIPE")
    # The other way: it dials in, and the labelled one speaks first.
    ours.do("inbound = create_server(('', 7002))")
    theirs.do("""
def meet():
    c, s = create_connection(('%s', 7002)), create_connection((DB))
    for pair in ((c, s), (s, c)):
        threading.Thread(target=lambda a=pair[0], b=pair[1]: [b.sendall(d) for d in iter(lambda: a.recv(65536), b'')], daemon=True).start()
meet()""" % here)
    assert ours.do("shown(inbound.accept()[0], NAME)") in ("ECONNABORTED", "ECONNRESET", "EPIPE")
    assert ours.do("shown(Disguised(dial('%s', 7001)), NAME)" % address) == RAW


def test_connects_under_way(lab, containerd):
    """A SYN of an unlabelled pod waits for its answer while the label comes: nothing of that connection arrives."""
    p = lab.real("waits", WEB)
    p.sandbox(containerd)
    h = p.hand()
    lab.wait_until(lambda: h.shown() == RAW, "it is not let through")
    # The server's machine does not know the way back for a while: it takes no SYN of the pod's.
    address = h.do(ADDRESS)
    route = ["ip", "-n", "pgveil-%s-db" % lab.name, "route"]
    run([*route, "add", "blackhole", address + "/32"], check=True)
    try:
        assert h.do("s = socket(); s.setblocking(False); tried = s.connect_ex((DB))") is None
        p.change(labels={**LABEL, "app": "claude"})
        p.becomes("enrolled")
        lab.wait_until(lambda: any(e["cgroup"].endswith(p.path.name) and e["state"] == "enrolled" for e in lab.status()["enrolled"]), "it is not enrolled")
    finally:
        run([*route, "del", "blackhole", address + "/32"], check=True)
    assert h.do("tried") == errno.EINPROGRESS
    told = h.do("login((s.settimeout(5), s)[1], NAME)")
    assert told in ("time-out", "ECONNABORTED", "ECONNRESET", "EPIPE", "ENOTCONN", "ETIMEDOUT", "EAGAIN"), told
    lab.wait_until(lambda: h.shown() == MASKED, "it is not captured")


def test_io_uring(lab, podman):
    """Where the runtime's seccomp profile lets it."""
    claude = lab.real("claude", CLAUDE)
    claude.sandbox(podman)
    folder = Hand.make_shared(lab)
    run(["gcc", "-O1", "-D_GNU_SOURCE", "-Wall", "-o", folder / "uring", ROOT / "tests" / "integration" / "uring_connect.c"], check=True)
    h = claude.hand(shared=folder, unconfined=True)
    lab.wait_until(lambda: h.shown() == MASKED, "it is not captured")
    h.do("""
import subprocess
def by_uring(*options):
    ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
    with theirs:
        child = subprocess.Popen(['/shared/uring', str(theirs.fileno()), %r, %r, *options], pass_fds=[theirs.fileno()])
    data, ancillary, _, _ = ours.recvmsg(64, CMSG_SPACE(4))
    if data != b'0':
        return data.decode()
    fds = array.array('i')
    fds.frombytes(ancillary[0][2])
    return shown(socket(fileno=fds[0]), NAME)
""" % (lab.host, str(lab.port)))
    for options in ("", "'sqpoll'"):
        told = h.do("by_uring(%s)" % options)
        assert told == MASKED, "io_uring cannot be used here: %s" % os.strerror(int(told)) if told.isdigit() else told


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
