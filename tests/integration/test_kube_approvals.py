# SPDX-License-Identifier: MIT
"""Approvals as objects of a cluster: two nodes (two daemons, each with a guarded root, a state directory and pods of its own, before one
PostgreSQL) on one API server with the CRDs, the roles and pgveil-admission of deploy/; with KUBE_REAL=1 (make test-kube) a real one. What ran
is what the server's log says."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

from lab import BUILD, HERE, ROOT, marker, run
from test_approvals import PGVEIL, REVIEWER, ApprovalLab, delete
from test_kubernetes import LABEL, Pod

sys.path.insert(0, str(ROOT / "tests" / "kube"))
sys.path.insert(0, str(ROOT / "scripts"))
from admission import APPROVALS, DAEMON, GRANTS, NAMESPACE, cluster, manifests, probe  # noqa: E402
from servers import is_real  # noqa: E402

RACES = int(os.environ.get("KUBE_RACES", 50 if BUILD == "release" else 6))
SUBJECT = "    - pods: {namespace: agents, labels: {app: claude}}\n"
RBAC = "rbac.authorization.k8s.io/v1"
REQUESTER = "system:serviceaccount:agents:default"


class Node:
    """What a Pod needs of its node's daemon."""

    def __init__(self, lab, name, root, run_dir):
        self.lab, self.name, self.root, self.run_dir, self.made = lab, name, pathlib.Path(root), run_dir, []
        self.api, self.agents, self.wait_until, self.dial = lab.cluster.api, lab.agents, lab.wait_until, lab.dial

    def pgveil(self, *args, uid=0):
        argv = ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups"] if uid else []
        p = run([*argv, PGVEIL, "--run-dir", self.run_dir, "--json", *args])
        assert p.returncode == 0, p.stderr.decode()
        return json.loads(p.stdout)

    def cluster(self):
        return self.pgveil("status")["kubernetes"]

    def pod(self, netns):
        pod = Pod(self, "claude-" + self.name, {**LABEL, "app": "claude"}, "agents", netns, {"nodeName": self.name})
        pod.create()
        pod.start()
        pod.becomes("enrolled")
        return pod

    def remove(self):
        for path in reversed(self.made):
            path.rmdir()


class Outcome:
    def __init__(self, result):
        self.error = result.error if result.errors else None


class TwoNodes(ApprovalLab):
    def __init__(self, folder, wait="error-and-retry", timeout="10m"):
        self.folder, self.cluster = folder, cluster(folder)
        self.second, self.clients, self.variables = None, {}, {"APPROVALS_REQUIRED": "1", "APPROVALS_TIMEOUT": timeout, "APPROVALS_WAIT": wait}
        policy = folder / "policy.yaml"
        policy.write_text((HERE / "approvals.yaml").read_text().replace("    - cgroup: \"${LAB_CGROUP}\"\n", SUBJECT))
        self.cluster.__enter__()
        for obj in manifests("rbac.yaml"):
            if obj["kind"] != "ServiceAccount":
                self.cluster.api.create(obj)
        self.prepare()
        folder.joinpath("token").write_text(self.cluster.token(DAEMON))
        folder.joinpath("key").write_text("a secret that every node of the cluster has")
        self.daemon, self.ann = self.cluster.client(DAEMON), self.cluster.client("ann", "pgveil-approver")
        super().__init__(policy=policy, wait=wait, timeout=timeout, env={"LAB_DAEMON_ARGS": " ".join(self.arguments("node1"))})

    def prepare(self):
        """What else the cluster has, before there is a daemon."""

    def arguments(self, node):
        return ["--kube-node", node, "--kube-server", self.cluster.api.url, "--kube-ca", self.cluster.api.ca_file, "--kube-token", str(self.folder / "token"),
                "--kube-approvals", "--kube-approval-key", str(self.folder / "key")]

    def up(self):
        super().up()
        root = pathlib.Path(self.cgroup("agent1")).parent
        other = root.with_name(root.name + "-b")
        self.nodes = [Node(self, "node1", root, self.state / "run"), Node(self, "node2", other, self.state / "run-b")]
        self.start_second()
        self.pods = [n.pod(netns) for n, netns in zip(self.nodes, ("agent1", "agent2"))]
        for pod in self.pods:
            self.wait_until(lambda: self.answers(pod), "%s is not captured" % pod.name)
        return self

    def answers(self, pod):
        try:
            self.client_of(pod)
            return True
        except Exception:
            return False

    def client_of(self, pod):
        if pod.name not in self.clients:
            self.clients[pod.name] = self.login(pod.name, netns=pod.netns)
        return self.clients[pod.name]

    def hang_up(self):
        for c in self.clients.values():
            c.close()
        self.clients.clear()
        super().hang_up()

    def start_second(self):
        env = {**self.env, "LAB_DB_HOST": self.host, "LAB_DB_PORT": str(self.port), "LAB_DB_NAME": self.dbname,
               "LAB_CREDENTIAL_FILE": str(self.state / "agent.pw"), "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:log_path=%s/log/sanitizer-b" % self.state}
        ready, theirs = os.pipe()
        with open(self.state / "log" / "daemon-b.log", "ab") as log:
            self.second = subprocess.Popen(
                [ROOT / "build" / BUILD / "pgveild", "--policy", self.policy, "--cgroup-root", self.nodes[1].root, "--pin-dir", self.state / "bpf" / "pgveil-b",
                 "--run-dir", self.state / "run-b", "--state-dir", self.state / "state-b", "--workers", "2", "--ready-fd", str(theirs), *self.arguments("node2")],
                env=env, stderr=log, pass_fds=(theirs,), cwd="/", start_new_session=True)
        os.close(theirs)
        with os.fdopen(ready, "rb") as f:
            assert f.read(1) == b"\n", self.second_log()

    def wait_until(self, condition, what, seconds=60):
        try:
            return super().wait_until(condition, what, seconds)
        except AssertionError:
            if self.second:
                print(self.second_log()[-6000:])  # the first one's is in what was raised
            raise

    def stop_second(self):
        for c in (self.clients.pop(self.pods[1].name, None),):
            if c:
                c.close()
        self.second.terminate()
        assert self.second.wait(60) == 0, self.second_log()[-4000:]

    def second_log(self):
        return (self.state / "log" / "daemon-b.log").read_text()

    def down(self):
        self.hang_up()
        code = 0
        try:
            if self.second:
                self.second.terminate()
                code = self.second.wait(60)
                run([PGVEIL, "--run-dir", self.state / "run-b", "--pin-dir", self.state / "bpf" / "pgveil-b", "uninstall"])
            log = self.second_log() if hasattr(self, "nodes") else ""
            for node in getattr(self, "nodes", ()):
                node.remove()
        finally:
            super().down()
            if hasattr(self, "nodes") and self.nodes[1].root.exists():
                self.nodes[1].root.rmdir()
            self.cluster.__exit__()
        assert code == 0, log[-4000:]

    # ---- what tests do --------------------------------------------------------------------------------------------------------

    def send(self, node, sql):
        return Outcome(self.client_of(self.pods[node]).query(sql))

    def ask(self, node, sql):
        """Refused for want of an approval; its object, when that is there."""
        r = self.send(node, sql)
        assert r.error is not None and r.error.sqlstate == "42501" and "is needed" in str(r.error), r.error
        return self.pending(lambda o: o["spec"]["statement"] == sql)

    def pending(self, wanted):
        return self.wait_until(lambda: next((o for o in self.objects() if o.get("status", {}).get("state") == "pending" and wanted(o)), None), "no StatementApproval")

    def objects(self, path=APPROVALS):
        return self.daemon.get(path).json()["items"]

    def decide(self, obj, client=None, decision="approve", approver="ann", **more):
        while True:
            a = (client or self.ann).patch("%s/%s/status" % (APPROVALS, obj["metadata"]["name"]), {"status": {"decision": decision, "approver": approver, **more}})
            if a.status != 409:  # the daemon wrote at the same moment
                return a

    def approve(self, obj, **more):
        a = self.decide(obj, **more)
        assert a.status == 200, a.body
        return self.granted(obj)

    def granted(self, obj):
        return self.wait_until(lambda: next((g for g in self.objects(GRANTS) if g["metadata"]["name"] == obj["metadata"]["name"]), None), "no StatementGrant")

    def status(self, obj, path=APPROVALS):
        return self.ann.get("%s/%s" % (path, obj["metadata"]["name"])).json().get("status", {})

    def heard(self):
        """Both nodes have seen what there is now: an object that no daemon sealed, which they say."""
        def said():
            return [log.count('"approval.foreign","collection":"statementapprovals"') for log in (self.daemon_log(), self.second_log())]
        before = said()
        assert self.daemon.post(APPROVALS, probe("heard-" + marker())).status == 201
        self.wait_until(lambda: all(a > b for a, b in zip(said(), before)), "it is not seen")

    def runs(self, node, sql):
        """Sent again until it runs: a watch may be a moment behind. What it was refused with meanwhile."""
        refusals = []
        self.wait_until(lambda: (r := self.send(node, sql)).error is None or refusals.append(str(r.error)), "it does not run")
        return refusals


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with TwoNodes(tmp_path_factory.mktemp("nodes")) as up:
        yield up


def test_approved_on_one_runs_on_the_other_once(lab):
    mark = marker()
    sql = delete(mark, 1)
    obj = lab.ask(0, sql)
    spec = obj["spec"]
    assert spec["requester"]["pod"] == "claude-node1" and spec["requester"]["namespace"] == "agents" and spec["requester"]["node"] == "node1"
    assert spec["statement"] == sql and spec["kind"] == "delete" and spec["database"] == "shop" and spec["relations"] == ["shop.orders"]
    shown = lab.nodes[0].pgveil("approvals", "ls")["approvals"][-1]
    assert shown["object"] == obj["metadata"]["name"]
    grant = lab.approve(obj, reason="it was")
    assert grant["spec"]["uses"] == 1 and grant["spec"]["approvers"] == ["user:ann"]
    grants = lab.wait_until(lambda: lab.nodes[0].pgveil("grants", "ls", "--pod", "claude-node1")["grants"], "it is no grant of the pod")
    assert [g["object"] for g in grants] == [obj["metadata"]["name"]] and not lab.nodes[0].pgveil("grants", "ls", "-n", "other")["grants"]
    assert lab.runs(1, sql) == []
    assert lab.ran(mark) == 1
    done = lab.wait_until(lambda: (s := lab.status(obj)).get("state") == "used" and s, "that it is used is not told")
    assert done["decision"] == "approve" and done["approver"] == "ann" and done["used"] == 1
    assert [u["node"] for u in lab.status(obj, GRANTS)["uses"]] == ["node2"]
    # the same once more is another one to approve of, on either node
    for node in (0, 1):
        again = lab.ask(node, sql)
        assert again["metadata"]["name"] != obj["metadata"]["name"]
    assert lab.ran(mark) == 1
    assert len([o for o in lab.objects() if mark in o["spec"]["statement"]]) == 2, "the two nodes share the second"


def test_listed_by_pod(lab):
    """By namespace, name and service account, as globs; what another pod asks for, or something that is in none, is not in it."""
    lab.ask(0, delete(marker(), 11))
    node = lab.nodes[0]

    def listed(*args):
        return [x["pod"] for x in node.pgveil("approvals", "ls", *args)["approvals"]]
    pod = {"namespace": "agents", "name": "claude-node1", "service_account": "default"}
    for args in (("--pod", "claude-node1"), ("--pod", "claude-*"), ("-n", "agents"), ("--namespace", "agent?"), ("--service-account", "default"),
                 ("-n", "agents", "--pod", "*-node1", "--service-account", "def*")):
        assert listed(*args) and listed(*args) == [pod] * len(listed(*args)), args
    for args in (("--pod", "claude"), ("-n", "agents", "--pod", "claude-node2"), ("-n", "kube-system"), ("--service-account", "builder"), ("--pod", "")):
        assert listed(*args) == [], args
    for args in (("approvals", "show", "1", "--pod", "x"), ("approvals", "approve", "1", "-n", "x"), ("grants", "revoke", "1", "--service-account", "x")):
        assert run([PGVEIL, "--run-dir", node.run_dir, *args]).returncode == 2
    lines = run([PGVEIL, "--run-dir", node.run_dir, "approvals", "ls", "--pod", "claude-node1"]).stdout.decode().splitlines()
    assert "STATEMENT" in lines[0] and all("agents/claude-node1" in line for line in lines[1:]) and lines[1:]
    first = node.pgveil("approvals", "ls", "--pod", "claude-node1")["approvals"][0]
    assert "agents/claude-node1, service account default" in run([PGVEIL, "--run-dir", node.run_dir, "approvals", "show", str(first["id"])]).stdout.decode()


def test_constants_of_masked_columns_are_not_shown(lab):
    assert lab.send(0, "DELETE FROM shop.orders WHERE card = 'card-canary-90'").error.sqlstate == "42501"
    obj = lab.pending(lambda o: "card =" in o["spec"]["statement"])
    assert "card-canary" not in json.dumps(obj)
    assert obj["spec"]["statement"] == lab.nodes[0].pgveil("approvals", "ls")["approvals"][-1]["statement"]


def test_denied(lab):
    mark = marker()
    obj = lab.ask(0, delete(mark, 2))
    assert lab.decide(obj, decision="deny", reason="not this").status == 200
    lab.wait_until(lambda: lab.status(obj).get("state") == "denied", "it is not denied")
    assert lab.ask(1, delete(mark, 2))["metadata"]["name"] != obj["metadata"]["name"]
    assert lab.ran(mark) == 0


def test_who_may_not(lab):
    """Refused by the API server: another's name, the requester himself, who has no role, a second decision, another statement."""
    mark = marker()
    obj = lab.ask(0, delete(mark, 3))
    name = "%s/%s" % (APPROVALS, obj["metadata"]["name"])
    assert "must be who writes it" in lab.decide(obj, approver="bob").json()["message"]
    assert "who asks may not decide" in lab.decide(obj, lab.cluster.client(REQUESTER, "pgveil-approver"), approver=REQUESTER).json()["message"]
    assert "cannot patch" in lab.decide(obj, lab.cluster.client("eve"), approver="eve").json()["message"]
    assert lab.ann.patch(name, {"spec": {"statement": "SELECT 1"}}).status == 403
    assert lab.send(0, delete(mark, 3)).error is not None and lab.ran(mark) == 0
    lab.approve(obj)
    assert "decided once" in lab.decide(obj, decision="deny").json()["message"]
    lab.runs(0, delete(mark, 3))
    assert lab.ran(mark) == 1


@pytest.fixture
def unguarded(lab):
    """Without pgveil-admission, somebody who may write all of these objects."""
    lab.cluster.unguard()
    try:
        yield lab.cluster.master()
    finally:
        lab.cluster.configure()


def copy_of(obj, name=None, **spec):
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": {"name": name or obj["metadata"]["name"]}, "spec": {**obj["spec"], **spec}}


def test_forged_objects_give_nothing(lab, unguarded):
    """What no daemon sealed is not taken: a harmless text before another statement's binding, a changed spec, a grant, more uses."""
    mark = marker()
    sql = delete(mark, 4)
    obj = lab.ask(0, sql)
    foreign = len(lab.events("approval.foreign"))
    assert unguarded.post(APPROVALS, copy_of(obj, "forged", statement="SELECT 1")).status == 201
    assert unguarded.patch(APPROVALS + "/forged/status", {"status": {"decision": "approve", "approver": "ann"}}).status == 200
    assert unguarded.post(APPROVALS, copy_of(obj, "moved")).status == 201, "the very spec, by another name"
    assert unguarded.patch(APPROVALS + "/moved/status", {"status": {"decision": "approve", "approver": "ann"}}).status == 200
    forged = {"approval": obj["metadata"]["uid"], "node": "node1", "uses": 1000, "expires": obj["spec"]["expires"], "binding": obj["spec"]["binding"], "seal": obj["spec"]["seal"]}
    assert unguarded.post(GRANTS, {"apiVersion": obj["apiVersion"], "kind": "StatementGrant", "metadata": {"name": obj["metadata"]["name"]}, "spec": forged}).status == 201
    lab.wait_until(lambda: len(lab.events("approval.foreign")) >= foreign + 3, "they are not seen")
    for node in (0, 1):
        assert "is needed" in str(lab.send(node, sql).error)
    # a grant that somebody put in the place of ours: what is approved is void, and holds nothing else up
    assert lab.decide(obj).status == 200
    lab.wait_until(lambda: lab.status(obj).get("state") == "void", "the forged grant is in the way")
    # the daemon's own check: the requester's account decides, and no webhook was asked
    other = lab.ask(0, delete(mark, 5))
    assert unguarded.patch("%s/%s/status" % (APPROVALS, other["metadata"]["name"]), {"status": {"decision": "approve", "approver": REQUESTER}}).status == 200
    lab.wait_until(lambda: lab.status(other).get("state") == "denied", "it counts")
    assert "of those who ask" in lab.status(other)["message"]
    # a statement that is changed under the reviewer's eyes is none of ours any more
    third = lab.ask(0, delete(mark, 6))
    assert unguarded.patch("%s/%s" % (APPROVALS, third["metadata"]["name"]), {"spec": {"statement": "SELECT 1"}}).status == 200
    assert unguarded.patch("%s/%s/status" % (APPROVALS, third["metadata"]["name"]), {"status": {"decision": "approve", "approver": "ann"}}).status == 200
    time_for_a_watch(lab)
    assert lab.send(0, delete(mark, 6)).error is not None and lab.send(1, delete(mark, 6)).error is not None
    assert lab.ran(mark) == 0


def time_for_a_watch(lab):
    """What is asked for now is approved and run: what was written before has been seen by both nodes."""
    mark = marker()
    obj = lab.ask(0, delete(mark, 7))
    lab.approve(obj, uses=2)
    for node in (0, 1):
        lab.runs(node, delete(mark, 7))


def test_uses_that_are_taken_back(lab, unguarded):
    mark = marker()
    sql = delete(mark, 8)
    obj = lab.ask(0, sql)
    lab.approve(obj, uses=2)
    lab.runs(0, sql)
    path = "%s/%s/status" % (GRANTS, obj["metadata"]["name"])
    assert unguarded.patch(path, {"status": {"used": 0, "state": "active"}}).status == 200
    assert lab.send(0, sql).error is not None, "this node has seen more used than that"
    assert lab.ran(mark) == 1


def test_uses_that_are_taken_back_while_nobody_looks(lab, unguarded):
    """Of what a daemon had seen used it gives none, though it was started anew and the API server says that all are left: of its own uses, and
    of those of the other."""
    mark = marker()
    sqls = [delete(mark, 40 + i) for i in range(3)]
    objs = [lab.ask(0, sql) for sql in sqls]
    for obj, uses in zip(objs, (2, 1, 2)):
        lab.approve(obj, uses=uses)
    lab.runs(0, sqls[0])
    lab.runs(1, sqls[1])
    lab.runs(1, sqls[2])
    lab.wait_until(lambda: [lab.status(o, GRANTS).get("used") for o in objs] == [1, 1, 1], "they are not used")
    lab.heard()
    lab.sh("daemon", "kill")
    lab.hang_up()
    for obj in objs:
        assert unguarded.patch("%s/%s/status" % (GRANTS, obj["metadata"]["name"]), {"status": {"used": 0, "state": "active"}}).status == 200
    lab.sh("daemon", "start")
    lab.wait_until(lambda: lab.answers(lab.pods[0]), "it is not captured")
    lab.heard()
    for sql in sqls:
        assert lab.send(0, sql).error is not None
    assert lab.ran(mark) == 3


def test_deleted_and_made_again(lab, unguarded):
    """An approval that was used up, deleted with its grant and put back as it was, gives nothing to who has seen it."""
    mark = marker()
    sql = delete(mark, 9)
    obj = lab.ask(0, sql)
    grant = lab.approve(obj)
    lab.runs(0, sql)
    for path, o in ((APPROVALS, obj), (GRANTS, grant)):
        name = "%s/%s" % (path, o["metadata"]["name"])
        assert unguarded.delete(name).status == 200
        assert unguarded.post(path, copy_of(o)).status == 201
    assert unguarded.patch("%s/%s/status" % (APPROVALS, obj["metadata"]["name"]), {"status": {"decision": "approve", "approver": "ann"}}).status == 200
    time_for_a_watch(lab)
    for node in (0, 1):
        assert "is needed" in str(lab.send(node, sql).error)
    assert lab.ran(mark) == 1


def test_deleted_while_it_waits(lab):
    mark = marker()
    obj = lab.ask(0, delete(mark, 10))
    assert lab.daemon.delete("%s/%s" % (APPROVALS, obj["metadata"]["name"])).status == 200
    lab.wait_until(lambda: any(e.get("identity") and "deleted" in e["msg"] for e in lab.events("approval.void")), "it is not void")
    assert lab.ask(0, delete(mark, 10))["metadata"]["name"] != obj["metadata"]["name"]
    assert lab.ran(mark) == 0


def test_two_nodes_race_for_one_use(lab):
    """Each time both send it at once, as soon as it is approved: one runs it."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for i in range(RACES):
            mark = marker()
            sql = delete(mark, 11)
            obj = lab.ask(i % 2, sql)
            lab.approve(obj)
            results = []
            deadline = time.monotonic() + 60
            while not any(r.error is None for r in results):
                assert time.monotonic() < deadline, [str(r.error) for r in results]
                results = list(pool.map(lambda node: lab.send(node, sql), (0, 1)))
            assert sum(r.error is None for r in results) == 1, [str(r.error) for r in results]
            lab.wait_until(lambda: lab.status(obj, GRANTS).get("state") == "used", "it is not used up")
            assert lab.ran(mark) == 1
    assert lab.second.poll() is None


def test_three_uses_over_two_nodes(lab):
    mark = marker()
    sql = delete(mark, 12)
    obj = lab.ask(1, sql)
    lab.approve(obj, uses=3)
    for node in (0, 1, 0):
        lab.runs(node, sql)
    lab.wait_until(lambda: lab.status(obj).get("state") == "used", "it is not used up")
    for node in (0, 1):
        assert "is needed" in str(lab.send(node, sql).error)
    assert lab.ran(mark) == 3
    assert sorted(u["node"] for u in lab.status(obj, GRANTS)["uses"]) == ["node1", "node1", "node2"]


def test_given_for_a_time(lab):
    mark = marker()
    sql = delete(mark, 13)
    obj = lab.ask(0, sql)
    lab.approve(obj, uses=100, forSeconds=3)
    lab.wait_until(lambda: lab.status(obj).get("state") == "expired", "its time is not over")
    for node in (0, 1):
        assert "is needed" in str(lab.send(node, sql).error)


def test_approved_on_the_node(lab):
    """A reviewer of the machine decides on one node: the other may run it, and nobody decides once more."""
    mark = marker()
    sql = delete(mark, 14)
    obj = lab.ask(0, sql)
    number = next(x["id"] for x in lab.nodes[0].pgveil("approvals", "ls")["approvals"] if x.get("object") == obj["metadata"]["name"])
    lab.nodes[0].pgveil("approvals", "approve", str(number), "--reason", "here", uid=REVIEWER)
    assert lab.granted(obj)["spec"]["approvers"] == ["uid %d" % REVIEWER]
    lab.wait_until(lambda: lab.status(obj).get("state") == "approved", "it is not told")
    assert "not to be decided any more" in lab.decide(obj).json()["message"]
    lab.runs(1, sql)
    assert lab.send(0, sql).error is not None and lab.ran(mark) == 1


def test_taken_back_on_the_other_node(lab):
    mark = marker()
    sql = delete(mark, 15)
    obj = lab.ask(0, sql)
    lab.approve(obj, uses=5)
    lab.runs(1, sql)
    number = next(x["id"] for x in lab.nodes[1].pgveil("grants", "ls")["grants"] if x.get("object") == obj["metadata"]["name"])
    lab.nodes[1].pgveil("grants", "revoke", str(number), uid=REVIEWER)
    lab.wait_until(lambda: lab.status(obj, GRANTS).get("state") == "revoked", "it is not told")
    lab.wait_until(lambda: lab.status(obj).get("state") == "revoked", "the first node does not know")
    for node in (0, 1):
        assert "is needed" in str(lab.send(node, sql).error)
    assert lab.ran(mark) == 1


def test_the_api_server_is_away(lab):
    mark = marker()
    sql = delete(mark, 16)
    obj = lab.ask(0, sql)
    lab.approve(obj)
    # that it is approved is known there
    lab.wait_until(lambda: any(x.get("object") == obj["metadata"]["name"] and x["state"] == "approved" for x in lab.nodes[0].pgveil("grants", "ls")["grants"]), "not approved")
    lab.cluster.api.stop()
    try:
        r = lab.send(0, sql)
        assert r.error.sqlstate == "58030" and "no use could be taken" in str(r.error), r.error
        # what is asked for meanwhile is decided on by who is on the machine
        alone = delete(mark, 17)
        assert "is needed" in str(lab.send(0, alone).error)
        number = next(x["id"] for x in lab.nodes[0].pgveil("approvals", "ls")["approvals"] if alone in x["statement"])
        assert lab.ran(mark) == 0
    finally:
        lab.cluster.api.start()
    lab.runs(1, sql)
    assert lab.ran(mark) == 1
    waits = lab.wait_until(lambda: next((o for o in lab.objects() if o["spec"]["statement"] == alone), None), "it is not told later")
    assert waits["spec"]["requester"]["node"] == "node1" and number


@pytest.fixture
def without_a_role(lab):
    """The daemons may nothing with approvals; the function that this is gives it back."""
    binding = lab.cluster.api.get("RoleBinding", NAMESPACE, "pgveild-approvals", RBAC)
    may = lambda: lab.daemon.get(GRANTS).status == 200  # noqa: E731
    lab.cluster.api.delete("RoleBinding", NAMESPACE, "pgveild-approvals", RBAC)
    lab.wait_until(lambda: not may(), "it may yet")

    def give_back():
        if not may():
            lab.cluster.api.create({k: binding[k] for k in ("apiVersion", "kind", "roleRef", "subjects")} | {"metadata": {"name": "pgveild-approvals", "namespace": NAMESPACE}})
            lab.wait_until(may, "it may not")
    yield give_back
    give_back()


def here(lab, sql):
    """The number of what node1 holds of it."""
    return next(x["id"] for x in lab.nodes[0].pgveil("approvals", "ls")["approvals"] if sql in x["statement"])


def test_without_a_role(lab, without_a_role):
    """What the server does not let be an object is decided on here; once it does, what nobody has decided on is one."""
    mark = marker()
    local, later = delete(mark, 31), delete(mark, 32)
    for sql in (local, later):
        assert "is needed" in str(lab.send(0, sql).error)
    lab.nodes[0].pgveil("approvals", "approve", str(here(lab, local)), uid=REVIEWER)
    lab.runs(0, local)
    assert lab.ran(mark) == 1
    without_a_role()
    lab.heard()
    obj = lab.pending(lambda o: o["spec"]["statement"] == later)
    lab.approve(obj)
    lab.runs(1, later)
    lab.wait_until(lambda: lab.status(obj, GRANTS).get("state") == "used", "it is not used up")
    assert lab.ran(mark) == 2
    assert not [o for o in lab.objects() if o["spec"]["statement"] == local]


@pytest.mark.skipif(is_real(), reason="what only the stand-in does on command")
def test_an_object_that_is_in_doubt(lab):
    """It was made, no answer came, no watch tells, and now the server says no: it is approved of twice, here and there, and runs once."""
    mark = marker()
    sql = delete(mark, 33)
    api = lab.cluster.api
    faults = api.faults
    faults.add("status", path="/statementapprovals", code=403, count=0)
    faults.add("reset", method="POST", path="/statementapprovals", after=0, count=0)
    api.drop_connections()
    try:
        assert "is needed" in str(lab.send(0, sql).error)
        obj = lab.wait_until(lambda: next((o for o in api.list("StatementApproval", NAMESPACE, "pgveil.dev/v1") if o["spec"]["statement"] == sql), None), "it is not made")
        denied = faults.add("status", method="POST", path="/statementapprovals", code=403, count=0)
        lab.wait_until(lambda: denied.used, "it is not tried again")
        lab.nodes[0].pgveil("approvals", "approve", str(here(lab, sql)), uid=REVIEWER)
        assert lab.decide(obj).status == 200
        assert lab.send(0, sql).error.sqlstate == "58030"
        assert lab.ran(mark) == 0
    finally:
        faults.clear()
        lab.heard()
    lab.wait_until(lambda: any(lab.send(node, sql).error is None for node in (1, 0)), "it does not run")
    for node in (0, 1):
        assert "is needed" in str(lab.send(node, sql).error)
    assert lab.ran(mark) == 1


def test_the_daemon_is_away(lab):
    """Asked for on a node whose daemon then dies: approved meanwhile, it runs on the other; and the node itself finds it when it is back."""
    mark = marker()
    first, second = delete(mark, 18), delete(mark, 19)
    objs = [lab.ask(0, sql) for sql in (first, second)]
    lab.sh("daemon", "kill")
    lab.hang_up()
    for obj in objs:
        assert lab.decide(obj).status == 200
    lab.runs(1, first)
    lab.sh("daemon", "start")
    lab.wait_until(lambda: lab.answers(lab.pods[0]), "it is not captured")
    lab.runs(0, second)
    assert "is needed" in str(lab.send(0, first).error)
    assert lab.ran(mark) == 2


@pytest.mark.skipif(is_real(), reason="what only the stand-in does on command")
def test_asked_for_again_before_it_is_heard_of(lab):
    """A daemon that is back and has not heard yet of what was approved asks anew. Both nodes find what was approved as soon as they have heard of it,
    once, whatever the names are; what was asked for anew stays to be decided on."""
    mark = marker()
    sqls = [delete(mark, 20 + i) for i in range(8)]
    objs = [lab.ask(0, sql) for sql in sqls]
    lab.sh("daemon", "kill")
    lab.hang_up()
    lab.stop_second()
    for obj in objs:
        assert lab.decide(obj).status == 200
    faults = lab.cluster.api.faults
    faults.add("status", method="GET", path="/statementapprovals", code=403, count=0)
    lab.cluster.api.drop_connections()
    try:
        lab.sh("daemon", "start")
        lab.wait_until(lambda: lab.answers(lab.pods[0]), "it is not captured")
        for sql in sqls:
            assert "is needed" in str(lab.send(0, sql).error)
        again = [here(lab, sql) for sql in sqls]
        lab.wait_until(lambda: len([o for o in lab.cluster.api.list("StatementApproval", NAMESPACE, "pgveil.dev/v1") if mark in o["spec"]["statement"]]) == 2 * len(sqls),
                       "they are not all objects")
        assert lab.ran(mark) == 0
    finally:
        faults.clear()
    lab.start_second()
    lab.wait_until(lambda: lab.answers(lab.pods[1]), "it is not captured")
    lab.heard()
    for i, sql in enumerate(sqls):
        assert lab.send(i % 2, sql).error is None
    assert lab.ran(mark) == len(sqls)
    for i, sql in enumerate(sqls):
        assert lab.send(i % 2, sql).error.sqlstate == "42501"
        shown = lab.nodes[0].pgveil("approvals", "show", str(again[i]))
        assert shown["state"] == "pending" and shown["object"] != objs[i]["metadata"]["name"], shown
    assert lab.ran(mark) == len(sqls)


@pytest.mark.skipif(is_real(), reason="what only the stand-in does on command")
def test_over_before_it_is_known_to_be_an_object(tmp_path):
    """It was made, no answer came, no watch tells; its time is over before any does: the object says so too."""
    with TwoNodes(tmp_path, timeout="5s") as lab:
        sql = delete(marker(), 34)
        faults = lab.cluster.api.faults
        faults.add("status", path="/statementapprovals", code=403, count=0)
        faults.add("reset", method="POST", path="/statementapprovals", after=0, count=0)
        lab.cluster.api.drop_connections()
        assert "is needed" in str(lab.send(0, sql).error)
        name = lab.wait_until(lambda: next((o["metadata"]["name"] for o in lab.cluster.api.list("StatementApproval", NAMESPACE, "pgveil.dev/v1")
                                            if o["spec"]["statement"] == sql), None), "it is not made")
        held = str(here(lab, sql))
        lab.wait_until(lambda: lab.nodes[0].pgveil("approvals", "show", held)["state"] == "expired", "it is not over")
        faults.clear()
        lab.wait_until(lambda: lab.status({"metadata": {"name": name}}).get("state") == "expired", "the object does not say so")


def test_it_waits_and_is_too_late(tmp_path):
    """A client that holds on: approved it goes on; and what nobody decides on in time is over, in the object too."""
    with TwoNodes(tmp_path, wait="hold", timeout="6s") as up:
        mark = marker()
        client = up.client_of(up.pods[0])
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waits = pool.submit(client.query, delete(mark, 1))
            obj = up.wait_until(lambda: next((o for o in up.objects() if mark in o["spec"]["statement"]), None), "no StatementApproval")
            up.approve(obj)
            assert waits.result(60).ok().tags == ["DELETE 1"]
            late = marker()
            assert client.query(delete(late, 2)).error.sqlstate in ("57014", "42501")
        gone = next(o for o in up.objects() if late in o["spec"]["statement"])
        up.wait_until(lambda: up.status(gone).get("state") == "expired", "it is not over")
        assert "not to be decided any more" in up.decide(gone).json()["message"]
        assert up.ran(mark) == 1 and up.ran(late) == 0
