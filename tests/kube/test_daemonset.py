# SPDX-License-Identifier: MIT
"""The container of deploy/kubernetes' DaemonSet, started by podman with exactly its mounts, capabilities and arguments, on a node that has a
kubepods of its own and an API server that knows what the base's RBAC lets the service account do. IMAGE=NAME: that image (`make test-image`);
else a root that is made in the same manner of what is built here."""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import uuid

import pytest

import manifests
from manifests import ROOT, container_of

sys.path.insert(0, str(ROOT / "tests" / "integration"))
pytest.importorskip("kubernetes", reason="python3-kubernetes is not installed (scripts/deps.sh)")

from apiserver import ApiServer  # noqa: E402
from lab import BUILD, HERE, run  # noqa: E402
import pods  # noqa: E402
from test_kubernetes import LABEL, MASKED, NODE, REFUSED, Cluster  # noqa: E402

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="containers with these privileges need root"),
    pytest.mark.skipif(not shutil.which("podman") or not shutil.which("runc"), reason="podman or runc is not installed (scripts/deps.sh)"),
    pytest.mark.skipif(not manifests.kubectl(), reason="no kubectl of 1.21 or newer"),
]
# Of what other tests show too, by other means: not in the normal run.
thorough = pytest.mark.skipif(not os.environ.get("IMAGE"), reason="make test-image")
OURS = "pgveil-system"


class Daemon(pods.Container):
    """A pod of the DaemonSet."""

    def __init__(self, lab, daemonset, account="pgveild", labels=None, change=None, pod_change=None):
        template = copy.deepcopy(daemonset["spec"]["template"])
        self.lab, self.spec = lab, template["spec"]
        if pod_change:
            pod_change(self.spec)
        spec = {**template["spec"], "serviceAccountName": account, "nodeName": NODE}
        made = lab.api.create({"apiVersion": "v1", "kind": "Pod", "spec": spec, "metadata": {
            "name": "pgveild-" + uuid.uuid4().hex[:5], "namespace": OURS, "labels": {**template["metadata"]["labels"], **(labels or {})}}})
        self.pod = made["metadata"]["name"]
        super().__init__(lab.node, self.spec, "pgveild", made["metadata"]["uid"], change=change)
        lab.daemons.append(self)

    def ready(self):
        """What the kubelet's readiness probe finds."""
        return self.running() and self.exec(*self.container["readinessProbe"]["exec"]["command"])[0] == 0

    def becomes_ready(self):
        self.lab.wait_until(self.ready, "%s does not become ready: %s" % (self.pod, self.log()[-3000:]))
        return self

    def forget(self):
        """As the kubelet does when it is deleted: with its cgroup."""
        self.remove()
        path = self.lab.root / "kubepods" / "burstable" / ("pod" + self.uid)
        if path.exists():
            path.rmdir()
        self.lab.api.delete("Pod", OURS, self.pod, gracePeriodSeconds=0)
        self.lab.daemons.remove(self)

    def events(self):
        return [json.loads(x) for x in self.log().splitlines() if x.startswith("{")]

    def event(self, name):
        return [e for e in self.events() if e["event"] == name]


class Deployed(Cluster):
    """A lab whose daemon is the DaemonSet's."""

    def up(self):
        super().up()
        self.sh("daemon", "stop")
        self.sh("pgveil", "--", "uninstall")
        self.daemons = []
        self.kubepods = self.root.name + "/kubepods"
        return self

    def prepare(self, image, folder):
        policy, secrets, account = folder / "policy", folder / "secrets", folder / "account"
        for d in (policy, secrets, account):
            d.mkdir(mode=0o755)
        values = {"LAB_DB_HOST": self.host, "LAB_DB_PORT": str(self.port), "LAB_DB_NAME": self.dbname,
                  "LAB_CREDENTIAL_FILE": "/etc/pgveil/secrets/agent.pw", "LAB_KEY_FILE": "/etc/pgveil/secrets/mask.key"}
        text = (self.folder / "pods.yaml").read_text()
        for k, v in values.items():
            text = text.replace("${%s}" % k, v)
        (policy / "policy.yaml").write_text(text)
        for name in ("agent.pw", "mask.key"):
            shutil.copy(self.state / name, secrets / name)
            (secrets / name).chmod(0o400)
        token = self.api.tokens.add_service_account(OURS, "pgveild")
        (account / "token").write_text(token)
        shutil.copy(self.api.ca_file, account / "ca.crt")
        (account / "namespace").write_text(OURS)
        host, port = self.api.url.split("//")[1].split(":")
        paths = {"/sys/fs/bpf": self.state / "bpf", "/sys/fs/cgroup": "/sys/fs/cgroup", "/run/pgveil": self.state / "run",
                 "/var/lib/pgveil": self.state / "state"}
        self.node = pods.Node(image, self.kubepods, paths, {"pgveil-policy": policy, "pgveil-secrets": secrets},
                              {"NODE_NAME": NODE, "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}, account)

    def down(self):
        for d in getattr(self, "daemons", []):
            d.remove()
        for path in sorted(self.root.glob("kubepods/burstable/pod*"), reverse=True) if hasattr(self, "root") else []:
            if path not in self.made and not any(path in m.parents for m in self.made):
                path.rmdir()
        super().down()
        for path in (self.root / "kubepods" / "burstable", self.root / "kubepods"):
            if path.exists():
                path.rmdir()
        # Where there are hierarchies of version 1 beside it, the runtime has made the same in each of them.
        for root in pathlib.Path("/sys/fs/cgroup").glob("*/" + self.root.name):
            for path in sorted([root, *(p for p in root.rglob("*") if p.is_dir())], reverse=True):
                path.rmdir()


class Dials(threading.Thread):
    """Connects over and over as a pod; errors: what went wrong."""

    def __init__(self, pod):
        super().__init__()
        self.pod, self.ended, self.n, self.errors = pod, threading.Event(), 0, []

    def run(self):
        while not self.ended.is_set():
            got = self.pod.dial_only()
            self.n += got == "connected"
            if got != "connected":
                self.errors.append(got)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


@pytest.fixture(scope="module")
def built():
    return {str(f.relative_to(manifests.DEPLOY)): manifests.kustomize(f) for f in manifests.folders()}


@pytest.fixture(scope="module")
def daemonset(built):
    return next(o for o in built["base"] if o["kind"] == "DaemonSet")


@pytest.fixture(scope="module")
def api(built):
    with ApiServer() as server:
        server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "agents"}})
        for o in built["base"]:
            server.create(copy.deepcopy(o))
        yield server


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    if os.environ.get("IMAGE"):
        return os.environ["IMAGE"]
    return pods.root_of(ROOT / "build" / BUILD, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def lab(api, image, tmp_path_factory):
    with Deployed(tmp_path_factory.mktemp("cluster"), api) as up:
        up.prepare(image, tmp_path_factory.mktemp("node"))
        yield up


@pytest.fixture(scope="module")
def first(lab, daemonset):
    return Daemon(lab, daemonset).start().becomes_ready()


@pytest.fixture(scope="module")
def claude(lab, first):
    pod = lab.pod("claude", {**LABEL, "app": "claude"})
    pod.becomes("enrolled")
    lab.wait_until(lambda: pod.dial() == "engine", "claude is not captured")
    return pod


def test_it_starts_and_masks(lab, first, claude):
    assert first.event("start.ready")[0]["guarded"] == str(lab.root / "kubepods")
    assert claude.masked() == MASKED
    web, nobody = lab.pod("web", {"app": "web"}, netns="agent2"), lab.pod("nobody", in_api=False, netns="agent3")
    web.becomes("exempt")
    assert web.dial() == "direct" and nobody.dial() == REFUSED
    with lab.login(claude.name, netns=claude.netns):
        code, out, err = first.exec("pgveil", "--json", "flows", "--identity", "agents/claude")
        assert code == 0 and json.loads(out)[0]["session"]["caller"]["pod"]["name"] == "claude", err
    first.becomes_ready()
    assert "captured: ok" in first.exec("pgveil", "ready")[1]


def test_it_has_what_is_listed_and_no_more(lab, first, daemonset):
    status = dict(x.split(":\t", 1) for x in pathlib.Path("/proc/%d/status" % first.pid).read_text().splitlines() if ":\t" in x)
    bits = {"SYS_ADMIN": 21, "SYS_PTRACE": 19, "SETUID": 7, "SETGID": 6}
    want = sum(1 << bits[c] for c in container_of(daemonset, "pgveild")["securityContext"]["capabilities"]["add"])
    assert {int(status[k], 16) for k in ("CapPrm", "CapEff", "CapBnd")} == {want}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    mounts = [x.split() for x in pathlib.Path("/proc/%d/mountinfo" % first.pid).read_text().splitlines()]
    assert next(m for m in mounts if m[4] == "/")[5].split(",")[0] == "ro"
    # Nothing of it is a shell.
    assert first.exec("sh", "-c", "true")[0] != 0


def test_it_asks_for_what_rbac_gives_it_and_no_more(lab, first, built):
    """Both ways: no request of it was refused, and none of what it may was never asked."""
    user = "system:serviceaccount:%s:pgveild" % OURS
    role = next(o for o in built["base"] if o["kind"] == "ClusterRole" and o["metadata"]["name"] == "pgveild")
    may = {(r, v) for rule in role["rules"] for r in rule["resources"] for v in rule["verbs"]}

    def asked():
        out = set()
        for _, method, path, who, code in list(lab.api.requests):
            if who == user:
                assert code < 400, (method, path, code)
                resource = path.split("?")[0].rsplit("/", 1)[1]
                out.add((resource, {"GET": "watch" if "watch=" in path else "list"}.get(method, method)))
        return out

    lab.api.drop_connections()  # a watch is on the list when it has ended
    lab.wait_until(lambda: asked() >= may, "not all of it is asked for: %s" % asked())
    assert asked() == may


def test_wait_for_capture(lab, claude, first):
    """The init container of examples/agent.yaml, in the place of a pod: unprivileged."""
    example = manifests.documents((manifests.DEPLOY / "examples" / "agent.yaml").read_text())[0]
    netns = "/run/netns/pgveil-%s-agent1" % lab.name
    def wait(pod, seconds):
        def change(c):
            c["command"] = ["pgveil", "wait", "--port=%d" % lab.port, "--timeout=%ds" % seconds]
        return pods.Container(lab.node, copy.deepcopy(example["spec"]), "wait-for-capture", pod.uid, "initContainers", netns, change).run_to_end()
    assert wait(claude, 60) == (0, "captured: connects to port %d go to pgveild\n" % lab.port)
    nobody = lab.pod("never", in_api=False)
    code, said = wait(nobody, 1)
    assert code == 1 and "not classified" in said


def test_a_new_pod_takes_over(lab, first, claude, daemonset):
    """A rolling update: the new one beside the old one, nobody's connect is refused, and the old one waits until it is deleted."""
    with Dials(claude) as dials:
        second = Daemon(lab, daemonset).start().becomes_ready()
        assert not first.ready()
        lab.wait_until(lambda: first.event("stop.waits"), "the first does not come to rest")
        n = dials.n
        lab.wait_until(lambda: dials.n > n + 20, "nobody gets in")
        assert first.running() and second.running()
        assert first.stop() == 0
        n = dials.n
        lab.wait_until(lambda: dials.n > n + 20, "nobody gets in")
    assert dials.errors == []
    assert claude.masked() == MASKED
    assert second.event("handover.ended") and second.ready()
    first.forget()


def test_nobody_else_takes_over(lab, claude, daemonset):
    """The same mounts and privileges in a pod of another service account, or in one that is to be enrolled; who started it is an agent."""
    running = lab.daemons[-1]
    for account, labels in (("default", {}), ("pgveild", LABEL)):
        other = Daemon(lab, daemonset, account, labels).start()
        lab.wait_until(lambda: not other.running(), "it goes on")
        assert other.inspect(".State.ExitCode") == "1" and other.event("start.failed")
        other.forget()
    assert running.event("handover.refused") and running.ready()
    assert claude.masked() == MASKED


@thorough
def test_killed_it_refuses_and_the_next_one_masks(lab, claude, daemonset):
    running = lab.daemons[-1]
    running.stop("KILL")
    lab.hang_up()
    assert claude.dial_only() == REFUSED
    running.forget()
    third = Daemon(lab, daemonset).start().becomes_ready()
    lab.wait_until(lambda: claude.dial_only() == "connected", "claude is not captured")
    assert claude.masked() == MASKED
    assert third.ready()


@pytest.mark.parametrize("what", ["bpf", "cgroup part", pytest.param("cgroup read-only", marks=thorough), "pids"])
def test_it_refuses_a_node_that_it_cannot_guard(lab, daemonset, what, tmp_path):
    """Each of these would leave nobody guarded, and nobody would be told."""
    said = {"bpf": "not on a bpf file system", "cgroup part": "a part of the cgroup tree only",
            "cgroup read-only": "mounted read-only", "pids": "host"}[what]
    pod_change = (lambda spec: spec.update(hostPID=False)) if what == "pids" else None
    d = Daemon(lab, daemonset, pod_change=pod_change)
    argv = d.argv
    at = next(i for i, a in enumerate(argv) if a.endswith(":/sys/fs/%s:rw" % what.split()[0])) if what != "pids" else None
    if what == "bpf":
        argv[at - 1:at + 1] = ["-v", "%s:/sys/fs/bpf:rw" % tmp_path]
    elif what == "cgroup part":
        argv[at] = "%s:/sys/fs/cgroup:rw" % lab.root
    elif what == "cgroup read-only":
        mount = next(x.split()[1] for x in open("/proc/mounts") if x.split()[2] == "cgroup2")
        argv[at:at + 1] = [argv[at], "-v", "%s:%s:ro" % (mount, mount)] if mount != "/sys/fs/cgroup" else [argv[at].replace(":rw", ":ro")]
    # Not on the pins of the one that runs.
    argv[argv.index("--takeover")] = "--pin-dir=/sys/fs/bpf/other"
    d.start()
    lab.wait_until(lambda: not d.running(), "it goes on")
    assert d.inspect(".State.ExitCode") == "1"
    assert any(said in e["msg"] for e in d.event("start.failed")), d.log()
    d.forget()
    assert not (lab.state / "bpf" / "other").exists()


def test_uninstall(lab, claude, built):
    """Its init container, in any order with the end of the DaemonSet: while a pgveild runs, and while a pod is enrolled, nothing is taken away."""
    spec = next(o for o in built["uninstall"] if o["kind"] == "DaemonSet")["spec"]["template"]["spec"]

    def uninstall():
        return pods.Container(lab.node, copy.deepcopy(spec), "uninstall", str(uuid.uuid4()), "initContainers").run_to_end()

    code, said = uninstall()
    assert code == 1 and "pgveild is running" in said
    assert lab.daemons[-1].stop() == 0
    code, said = uninstall()
    assert code == 1 and "is enrolled or denied" in said and claude.uid in said
    assert claude.dial_only() == REFUSED
    claude.delete()
    claude.stop()
    code, said = uninstall()
    assert code == 0, said
    assert not (lab.state / "bpf" / "pgveil").exists()
