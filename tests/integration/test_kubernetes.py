# SPDX-License-Identifier: MIT
"""Pods as a node of a cluster has them: cgroups as the kubelet makes them, and an API server (tests/kube/apiserver.py) that
tells of them; with KUBE_REAL=1 (make test-kube) a real one. What is labelled is masked, what is not is left alone, and what nobody said
anything of is refused."""

import contextlib
import json
import os
import pathlib
import sys
import uuid

import pytest

import wire
from lab import HERE, ROOT
from test_audit import AuditLab

sys.path.insert(0, str(ROOT / "tests" / "kube"))
import servers  # noqa: E402
from apiserver import ApiServer  # noqa: E402

NODE = "node1"
LABEL = {"pgveil.dev/enroll": "true"}
# Of the policy of agent1, for pods.
SUBJECT = """    - pods: {namespace: agents, labels: {app: claude}, serviceAccount: "default"}
"""


class Cluster(AuditLab):
    """A lab whose daemon is on node1 of a cluster."""

    def __init__(self, folder, api, args="", policies=None, **kw):
        self.api, self.folder = api, folder
        policy = folder / "pods.yaml"
        policy.write_text((HERE / "agent1.yaml").read_text().replace("    - cgroup: \"${LAB_CGROUP}\"\n", SUBJECT))
        self.token = folder / "token"
        self.token.write_text(api.admin)
        super().__init__(agents=3, policies=(policy,) if policies is None else policies, env={"LAB_DAEMON_ARGS": "--audit-every 1s --kube-node %s --kube-server %s --kube-ca %s --kube-token %s %s" % (
            NODE, api.url, api.ca_file, self.token, args)}, **kw)

    def up(self):
        super().up()
        self.root = pathlib.Path(self.cgroup("agent1")).parent
        self.made = []
        return self

    def down(self):
        self.hang_up()
        for path in reversed(self.made):
            if path.exists():
                path.rmdir()
        super().down()

    def cluster(self):
        return self.status()["kubernetes"]

    def flows(self, *args):
        return json.loads(self.sh("pgveil", "--", "--json", "flows", *args).stdout)

    def pod_session(self, pod):
        with self.login(pod.name, netns=pod.netns):
            flows = self.flows("--identity", "%s/%s" % (pod.namespace, pod.name))
            of_pod = self.flows("-n", pod.namespace, "--pod", pod.name, "--service-account", flows[0]["pod"]["service_account"])
            assert [f["socket_cookie"] for f in of_pod] == [f["socket_cookie"] for f in flows]
            assert not self.flows("-n", "another", "--pod", pod.name) and not self.flows("--service-account", "nobody")
            return flows[0]["session"]["caller"]["pod"]

    def settled(self, pod):
        self.wait_until(lambda: (pod.shown() or {}).get("state", "unknown") != "unknown", "it is not classified")
        return pod.shown()["state"]

    def seen(self):
        """When a pod that is made now is known, what was changed before is, too."""
        marker = self.pod("seen-" + uuid.uuid4().hex[:8])
        marker.becomes("exempt")

    def current(self):
        self.wait_until(lambda: self.cluster()["pods"]["view"] == self.cluster()["namespaces"]["view"] == "current", "the API server is not heard")

    def pod(self, name, labels=None, namespace="agents", netns="agent1", in_api=True, in_cgroups=True, **spec):
        p = Pod(self, name, labels or {}, namespace, netns, spec)
        if in_api:
            p.create()
        if in_cgroups:
            p.start()
        return p


class Pod:
    def __init__(self, lab, name, labels, namespace, netns, spec):
        self.lab, self.name, self.labels, self.namespace, self.netns, self.spec = lab, name, labels, namespace, netns, spec
        self.uid = str(uuid.uuid4())

    def create(self):
        made = self.lab.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": self.name, "namespace": self.namespace, "labels": self.labels},
                                    "spec": {"nodeName": NODE, "serviceAccountName": "default", "containers": [{"name": "c", "image": "x"}], **self.spec}})
        self.uid = made["metadata"]["uid"]

    def start(self):
        """The directories that a kubelet with the cgroupfs driver and its runtime make; a process enters the inner one."""
        inner = self.lab.root / "kubepods" / "burstable" / ("pod" + self.uid) / ("%064x" % uuid.uuid4().int)
        for path in reversed([inner, *inner.parents]):
            if self.lab.root in path.parents and not path.exists():
                path.mkdir()
                self.lab.made.append(path)
        self.path, self.inner = inner.parent, inner
        self.lab.agents[self.name] = {"cgroup": str(inner), "netns": self.netns}

    def shown(self):
        return next((p for p in self.lab.cluster()["on_node"] if self.uid in p["cgroup"]), None)

    def becomes(self, state):
        self.lab.wait_until(lambda: (self.shown() or {}).get("state") == state, "%s did not become %s" % (self.name, state))

    def dial(self):
        """What becomes of a connect: "engine", "direct", or its errno."""
        try:
            s = self.lab.dial(self.name, netns=self.netns)
        except OSError as e:
            return os.strerror(e.errno)
        with s:
            port = s.getsockname()[1]
            return "engine" if any(f.get("local_port") == port for f in self.lab.flows()) else "direct"

    def dial_only(self):
        """Where no daemon can be asked what it captured."""
        try:
            self.lab.dial(self.name, netns=self.netns).close()
        except OSError as e:
            return os.strerror(e.errno)
        return "connected"

    def masked(self):
        with self.lab.login(self.name, netns=self.netns) as c:
            return c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows[0][0]

    def change(self, **metadata):
        self.lab.api.change("v1", "Pod", self.namespace, self.name, {"metadata": metadata})

    def delete(self):
        self.lab.api.delete("Pod", self.namespace, self.name, gracePeriodSeconds=0)

    def stop(self):
        self.lab.hang_up()
        for path in (self.inner, self.path):
            path.rmdir()
            self.lab.made.remove(path)


@contextlib.contextmanager
def a_server(folder):
    if not os.environ.get("KUBE_REAL"):
        with ApiServer() as server:
            yield server
        return
    real = servers.Real(folder)
    server = servers.Cluster(real)
    server.create({"kind": "RuntimeClass", "apiVersion": "node.k8s.io/v1", "metadata": {"name": "gvisor"}, "handler": "runsc"})
    yield server
    real.close()


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with a_server(tmp_path_factory.mktemp("api")) as server:
        server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "agents"}})
        server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "all-enrolled", "labels": LABEL}})
        yield server


def only_of_the_stand_in():
    if os.environ.get("KUBE_REAL"):
        pytest.skip("what only the stand-in does on command")


@pytest.fixture(scope="module")
def lab(api, tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster"), api) as up:
        up.current()
        yield up


REFUSED, DENIED = "Connection refused", "Permission denied"
MASKED = b"*******0001"


def test_labelled_unlabelled_unknown(lab):
    claude = lab.pod("claude", {**LABEL, "app": "claude"})
    web = lab.pod("web", {"app": "web"}, netns="agent2")
    nobody = lab.pod("nobody", in_api=False, netns="agent3")
    claude.becomes("enrolled")
    web.becomes("exempt")
    assert web.dial() == "direct"
    lab.wait_until(lambda: claude.dial() == "engine", "claude is not captured")
    assert claude.masked() == MASKED
    assert nobody.dial() == REFUSED and nobody.shown()["state"] == "unknown"
    session = lab.pod_session(claude)
    assert session == {"namespace": "agents", "name": "claude", "uid": claude.uid, "service_account": "default"}


def test_who_no_policy_names_is_captured_and_refused(lab):
    """The label enrols, and the policy says what that may: nothing, where it is about other pods."""
    for labels, namespace in ((LABEL, "agents"), ({**LABEL, "app": "claude"}, "default")):
        p = lab.pod("other-" + namespace, labels, namespace)
        p.becomes("enrolled")
        lab.wait_until(lambda: p.dial() == "engine", "it is not captured")
        with lab.connect(p.name, netns=p.netns) as c:
            c.send(wire.startup({"user": "agent", "database": lab.dbname}))
            assert wire.fields(c.until("E")[-1][1])["C"] == "28000"


def test_the_namespaces_label(lab):
    inside = lab.pod("inside", namespace="all-enrolled")
    against = lab.pod("against", {"pgveil.dev/enroll": "false"}, namespace="all-enrolled")
    inside.becomes("enrolled")
    against.becomes("enrolled")
    other = lab.pod("later", namespace="kube-public", netns="agent2")
    other.becomes("exempt")
    assert other.dial() == "direct"
    lab.api.change("v1", "Namespace", "", "kube-public", {"metadata": {"labels": LABEL}})
    other.becomes("enrolled")
    lab.wait_until(lambda: other.dial() == "engine", "it is not captured")
    lab.api.change("v1", "Namespace", "", "kube-public", {"metadata": {"labels": None}})
    # Pods and namespaces are watched each by itself: one that comes before the news of its namespace is enrolled.
    lab.wait_until(lambda: lab.settled(lab.pod("marker-" + uuid.uuid4().hex[:8], namespace="kube-public")) == "exempt", "the namespace has its label yet")
    assert other.shown()["state"] == "enrolled", "until it ends"


def test_labels_that_come_and_go(lab):
    p = lab.pod("moves", {"app": "claude"}, netns="agent2")
    p.becomes("exempt")
    with lab.dial(p.name, netns=p.netns) as before:
        p.change(labels=LABEL)
        p.becomes("enrolled")
        before.settimeout(30)
        with pytest.raises(ConnectionError):
            before.send(b"x")
            before.recv(1)
            before.send(b"x")
            before.recv(1)
    lab.wait_until(lambda: p.dial() == "engine", "it is not captured")
    p.change(labels={"pgveil.dev/enroll": None, "seen": "no"})
    lab.seen()
    assert p.shown()["state"] == "enrolled" and p.dial() == "engine"


@pytest.mark.parametrize("what,spec", [
    ("privileged", {"containers": [{"name": "c", "image": "x", "securityContext": {"privileged": True}}]}),
    ("NET_ADMIN", {"containers": [{"name": "c", "image": "x", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]}),
    ("hostPID", {"hostPID": True}),
    ("/sys/fs/cgroup", {"volumes": [{"name": "v", "hostPath": {"path": "/sys/fs/cgroup"}}]}),
    ("gvisor", {"runtimeClassName": "gvisor"}),
])
def test_who_could_get_round_is_denied(lab, what, spec):
    name = "round-" + what.strip("/").replace("/", "-").replace("_", "-").lower()
    p = lab.pod(name, {**LABEL, "app": "claude"}, **spec)
    p.becomes("denied")
    assert what in p.shown()["why"]
    lab.wait_until(lambda: p.dial() == DENIED, "it is not denied")
    told = lab.events("pod.classified")
    assert [what in e["msg"] for e in told if e.get("pod") == name] == [True], told
    free = lab.pod(name + "-free", {"app": "claude"}, netns="agent2", **spec)
    free.becomes("exempt")
    assert free.dial() == "direct"


def test_what_was_deleted_stays_what_it_was_while_it_lives(lab):
    """kubectl delete --force takes the object away, and its containers go on for a while."""
    claude, web = lab.pod("gone", {**LABEL, "app": "claude"}), lab.pod("gone-web", netns="agent2")
    claude.becomes("enrolled")
    web.becomes("exempt")
    for p in (claude, web):
        p.delete()
    lab.wait_until(lambda: claude.shown()["gone"] and web.shown()["gone"], "that they are gone is not seen")
    lab.wait_until(lambda: claude.dial() == "engine", "it is not captured")
    assert web.dial() == "direct"
    for p in (claude, web):
        p.stop()
        lab.wait_until(lambda: p.shown() is None, "its cgroup is gone")
    # The same directory for a uid of which nothing is known any more.
    for p in (claude, web):
        p.start()
        p.becomes("unknown")
        assert p.dial() == REFUSED


def test_the_cgroup_first(lab):
    p = lab.pod("late", in_api=False, netns="agent2")
    p.becomes("unknown")
    assert p.dial() == REFUSED
    # With that uid on another node: nothing to us. On this one: known at once.
    for node, state in (("node2", "unknown"), (NODE, "exempt")):
        q = lab.pod("late-" + node, in_cgroups=False, netns="agent2", nodeName=node)
        q.start()
        if state == "unknown":
            lab.seen()
            assert q.shown()["state"] == state and q.dial() == REFUSED
        q.becomes(state)


def remove_namespace(api, name):
    """As the controller does when nothing is in it any more."""
    api.delete("Namespace", "", name)
    api.registry.finalize(name, {"spec": {}})


def test_the_watch_of_namespaces_is_behind(lab):
    """A pod that comes before the news of its namespace's label is not let be by what that was before: not where it was labelled since, nor
    where it is another one by that name. What is in none of these is let be all the same."""
    only_of_the_stand_in()
    api = lab.api
    for name in ("labelled-since", "made-anew", "as-it-was"):
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        lab.pod("first-" + name, namespace=name, netns="agent3").becomes("exempt")
    api.delete("Pod", "made-anew", "first-made-anew", gracePeriodSeconds=0)
    api.faults.add("stall", path="/api/v1/namespaces", watch=True, count=0, after=0, seconds=3600)
    at = len(api.requests)
    api.drop_connections()
    try:
        lab.wait_until(lambda: any("watch=true" in r[2] and r[2].startswith("/api/v1/namespaces") for r in list(api.requests)[at:]), "it is not watched again")
        lab.current()
        api.change("v1", "Namespace", "", "labelled-since", {"metadata": {"labels": LABEL}})
        remove_namespace(api, "made-anew")
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made-anew", "labels": LABEL}})
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "unheard"}})
        pods = {ns: lab.pod("then-" + ns, namespace=ns, netns="agent2") for ns in ("labelled-since", "made-anew", "unheard")}
        free = lab.pod("then-as-it-was", namespace="as-it-was", netns="agent2")
        free.becomes("exempt")  # asked for behind the others
        assert free.dial() == "direct"
        for ns, p in pods.items():
            assert p.shown()["state"] == "unknown" and p.dial() == REFUSED, ns
            assert any(r[2].endswith("?fieldSelector=metadata.name%3D" + ns) for r in list(api.requests)), ns
    finally:
        api.faults.clear()
    for ns, p in pods.items():
        p.becomes("exempt" if ns == "unheard" else "enrolled")
    for ns in ("labelled-since", "made-anew"):
        lab.wait_until(lambda: pods[ns].dial() == "engine", "it is not captured")


def test_restart_while_the_api_server_is_gone(lab):
    claude, web = lab.pod("keeps", {**LABEL, "app": "claude"}), lab.pod("keeps-web", netns="agent2")
    claude.becomes("enrolled")
    web.becomes("exempt")
    lab.wait_until(lambda: claude.dial() == "engine", "it is not captured")
    lab.api.stop()
    try:
        lab.wait_until(lambda: lab.cluster()["pods"]["view"] == "stale", "that it is gone is not seen")
        for verb in ("restart", "kill"):
            lab.sh("daemon", verb)
            if verb == "kill":
                assert claude.dial_only() == REFUSED
                assert web.dial_only() == "connected"
                lab.sh("daemon", "start")
            assert lab.cluster()["pods"]["view"] == "blind"
            assert claude.shown()["state"] == "enrolled" and web.shown()["state"] == "exempt"
            assert claude.shown()["as_of_ms"] > 0
            new = lab.pod("new-" + verb, {"app": "web"}, netns="agent3", in_api=False)
            assert web.dial() == "direct" and new.dial() == REFUSED
            assert claude.dial() in ("engine", REFUSED)
            with pytest.raises(Exception):
                claude.masked()  # which pod it is nobody says: no policy names it
    finally:
        lab.api.start()
    lab.current()
    lab.wait_until(lambda: claude.dial() == "engine", "it is not captured")
    assert claude.masked() == MASKED


def test_the_token_is_rotated(lab):
    old = lab.token.read_text()
    new = lab.api.tokens.rotate(old)
    lab.api.admin = new
    lab.api.drop_connections()
    lab.wait_until(lambda: "401" in lab.cluster()["pods"]["trouble"], "the old token is still good")
    lab.token.write_text(new + "\n")
    lab.current()
    p = lab.pod("after-rotation", {**LABEL, "app": "claude"})
    p.becomes("enrolled")


def test_faults_of_the_server(lab):
    """Whatever it does, what is known in the end is what is so."""
    only_of_the_stand_in()
    faults = [("reset", {"watch": True, "after": 700}), ("cut", {"watch": True, "after": 900}), ("split", {"watch": True, "chunk": 7, "wire": 5}),
              ("join", {"watch": True, "events": 3}), ("malformed", {"watch": True, "at": 1, "bytes": "{]"}), ("truncated", {"watch": True, "at": 1}),
              ("huge", {"watch": True, "at": 0, "size": 9 << 20}), ("expire", {"watch": True, "after": 1}), ("duplicate", {"watch": True, "each": 1}),
              ("status", {"code": 429, "retry_after": 1}), ("status", {"code": 503}), ("close", {})]
    for i, (kind, how) in enumerate(faults):
        lab.api.faults.add(kind, path="/api/v1/pods", count=1, **how)
        lab.api.drop_connections()
        pods = [lab.pod("f%d-%d" % (i, k), {**LABEL, "app": "claude"} if k % 2 else {}, in_cgroups=False) for k in range(4)]
        pods[0].delete()
        pods[1].change(labels={"app": "web"})
        for p in pods[1:]:
            p.start()
        for p, state in zip(pods[1:], ("enrolled", "exempt", "enrolled")):
            p.becomes(state)
        lab.api.faults.clear()
    lab.api.compact()
    lab.api.drop_connections()
    last = lab.pod("after-compaction", LABEL)
    last.becomes("enrolled")


def test_five_thousand_pods(lab):
    """Of this node; lists come by pages."""
    only_of_the_stand_in()
    lab.api.pods(5000, node=NODE, namespace="default", prefix="many")
    lab.api.expire_watches()
    p = lab.pod("among-many", {**LABEL, "app": "claude"})
    p.becomes("enrolled")
    lab.wait_until(lambda: p.dial() == "engine", "it is not captured")
