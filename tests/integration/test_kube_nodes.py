# SPDX-License-Identifier: MIT
"""Two nodes of one cluster (test_kube_approvals.py has them) whose policies are objects, and who tell on pods what became of them; with
KUBE_REAL=1 (make test-kube) on a real API server. Each writes of itself, and neither of what the other says."""

import json
import os
import time

import pytest
import yaml

from lab import HERE, marker
from test_approvals import delete
from test_kube_approvals import TwoNodes

import crd  # noqa: E402 test_kube_approvals knows where
from admission import DAEMON  # noqa: E402
from client import Client  # noqa: E402
from servers import is_real  # noqa: E402

KIND, GROUP = "MaskingPolicy", "pgveil.dev/v1"


class Cluster(TwoNodes):
    def __init__(self, folder, wait="error-and-retry"):
        folder.joinpath("secrets", "crm").mkdir(parents=True)
        super().__init__(folder, wait=wait)

    def prepare(self):
        self.cluster.api.create(crd.definition())
        for name in ("node1", "node2"):
            self.node(name)

    def node(self, name):
        self.cluster.api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})

    def arguments(self, node):
        return [*super().arguments(node), "--kube-events", "--kube-policies", "--kube-secret-dir", str(self.folder / "secrets"), "--kube-nodes-every", "500ms"]

    def document(self, name, app="another"):
        """About pods that there are none of."""
        text = (HERE / "agent2.yaml").read_text()
        for var, value in (("DB_HOST", self.host), ("DB_PORT", str(self.port)), ("DB_NAME", self.dbname), ("CREDENTIAL_FILE", str(self.folder / "secrets" / "crm" / "password")),
                           ("KEY_FILE", str(self.folder / "secrets" / "crm" / "key")), ("CGROUP_2", "/x")):
            text = text.replace("${LAB_%s}" % var, value)
        doc = crd.as_object(yaml.safe_load(text))
        doc["metadata"]["name"] = name
        doc["spec"]["subjects"] = [{"pods": {"namespace": "agents", "labels": {"app": app}}}]
        return doc

    def object(self, name):
        return self.cluster.api.get(KIND, "", name, api_version=GROUP)

    def said(self, name):
        """By node, of the object as it is now."""
        o = self.object(name)
        return {n: s for n, s in ((o.get("status") or {}).get("nodes") or {}).items() if s["generation"] == o["metadata"]["generation"]}

    def accepted(self, name, status):
        def condition():
            o = self.object(name)
            return next((c for c in (o.get("status") or {}).get("conditions", ()) if c["type"] == "Accepted" and c["status"] == status and
                         c["observedGeneration"] == o["metadata"]["generation"]), None)
        return self.wait_until(condition, "%s: Accepted is not %s: %s" % (name, status, self.object(name).get("status")))

    def events_on(self, pod, reason):
        return [o for o in self.cluster.api.list("Event", "agents") if o["involvedObject"].get("uid") == pod.uid and o["reason"] == reason]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("nodes")) as up:
        yield up


@pytest.fixture
def secret(lab):
    """What policies may name."""
    for name, source in (("password", "agent.pw"), ("key", "mask.key")):
        path = lab.folder / "secrets" / "crm" / name
        path.write_bytes((lab.state / source).read_bytes())
        path.chmod(0o400)


def test_each_says_of_itself(lab, secret):
    """In force on both; refused by both; and where one alone has what it takes, it is that one's word and the other's."""
    lab.cluster.api.create(lab.document("shared"))
    lab.wait_until(lambda: set(lab.said("shared")) == {"node1", "node2"} and all(s["inForce"] for s in lab.said("shared").values()), "it is not in force on both")
    assert not any(s.get("message") for s in lab.said("shared").values())
    assert lab.accepted("shared", "True")["message"] == "every node that has it has it in force"
    spec = lab.document("shared")["spec"]
    spec["mask"].append({"columns": ["no pattern.x.y"], "with": {"regex": {"pattern": "(", "replace": "x"}}})
    lab.cluster.api.change(GROUP, KIND, "", "shared", {"spec": spec})
    lab.wait_until(lambda: len(lab.said("shared")) == 2 and all("spec.mask" in s.get("message", "") for s in lab.said("shared").values()), "it is not refused by both")
    assert lab.accepted("shared", "False")["message"].split(": ")[0] in ("node1", "node2")
    lab.cluster.api.change(GROUP, KIND, "", "shared", {"spec": lab.document("shared")["spec"]})
    lab.accepted("shared", "True")
    assert {s["inForce"] for s in lab.said("shared").values()} == {True}


def test_what_changes_again_and_again(lab, secret):
    """Both write at once; in the end both say of the last one that it is in force, and so does the condition."""
    lab.cluster.api.create(lab.document("flaps"))
    for i in range(30):
        lab.cluster.api.change(GROUP, KIND, "", "flaps", {"spec": {"subjects": [{"pods": {"namespace": "agents", "labels": {"app": "another-%d" % i}}}]}})
    lab.wait_until(lambda: len(lab.said("flaps")) == 2 and all(s["inForce"] for s in lab.said("flaps").values()), "it is not in force on both")
    lab.accepted("flaps", "True")
    lab.cluster.api.delete(KIND, "", "flaps", api_version=GROUP)


def mask(lab, name, nodes):
    """As somebody who may write a status would: of these nodes this is said, and of the others nothing changes."""
    lab.cluster.api.change(GROUP, KIND, "", name, {"status": {"nodes": nodes}}, "status")


def test_what_is_said_by_nobody(lab, secret):
    """A node that there is none of says nothing for long, and neither is it believed; what no node can be called goes, too."""
    lab.cluster.api.create(lab.document("haunted"))
    lab.accepted("haunted", "True")
    generation = lab.object("haunted")["metadata"]["generation"]
    lab.node("quiet")
    refuses = {"generation": generation, "inForce": False, "message": "of a node that is gone"}
    mask(lab, "haunted", {"ghost": refuses, "../pods": refuses, "": refuses, "quiet": {"generation": generation, "inForce": True}})
    lab.wait_until(lambda: set(lab.said("haunted")) == {"node1", "node2", "quiet"}, "they are there yet")
    assert lab.accepted("haunted", "True")
    lab.cluster.api.delete("Node", "", "quiet")
    lab.wait_until(lambda: set(lab.said("haunted")) == {"node1", "node2"}, "it is there yet")


def test_who_is_there_says_it_again(lab, secret):
    """Whoever takes it away, or says something else in its name: what it says is what it has."""
    lab.cluster.api.create(lab.document("again"))
    lab.accepted("again", "True")
    generation = lab.object("again")["metadata"]["generation"]
    mask(lab, "again", {"node1": None, "node2": {"generation": generation, "inForce": False, "message": "it was not me"}})
    lab.wait_until(lambda: {n: s["inForce"] for n, s in lab.said("again").items()} == {"node1": True, "node2": True}, "it is not said again")
    lab.accepted("again", "True")


def settled(lab, name):
    """All is said of it, and written. → how often node1 has written."""
    lab.wait_until(lambda: set(lab.said(name)) == {"node1", "node2"}, "it is not said")
    lab.accepted(name, "True")
    lab.wait_until(lambda: all(n.cluster()["policies"]["status_pending"] == 0 for n in lab.nodes), "it is to be written yet")
    return writes(lab)


def wrong(lab, name):
    mask(lab, name, {"node1": {"generation": lab.object(name)["metadata"]["generation"], "inForce": False, "message": "it was not me"}})


def said_again(lab, name):
    lab.wait_until(lambda: lab.said(name)["node1"]["inForce"], "it is not said again")


def test_who_speaks_for_a_node_again_and_again(lab, secret):
    """The node does so later each time: two that never agree do not write as fast as they can."""
    lab.cluster.api.create(lab.document("fought"))
    before, began = settled(lab, "fought"), time.monotonic()
    for _ in range(2):
        wrong(lab, "fought")
        said_again(lab, "fought")
    took = time.monotonic() - began
    assert 1 + 2 <= took
    assert settled(lab, "fought") - before == 2


def test_what_was_said_before_is_no_reason_to_say_it_again(lab, secret):
    """A watch that is behind shows what the node has changed since. Here somebody else has, at once."""
    lab.cluster.api.create(lab.document("late"))
    for _ in range(10):
        before, began = settled(lab, "late"), time.monotonic()
        right = {"node1": {**lab.said("late")["node1"], "message": None}}
        wrong(lab, "late")
        mask(lab, "late", right)
        soon = time.monotonic() - began < 0.5
        wrong(lab, "late")
        said_again(lab, "late")
        if soon:
            break
    assert soon and settled(lab, "late") - before == 1


def test_a_node_that_goes_and_comes_back(lab, secret):
    """Its daemon and its Node are gone: what it said goes. When both are there again, so is what it says."""
    lab.cluster.api.create(lab.document("travels"))
    lab.accepted("travels", "True")
    lab.stop_second()
    try:
        lab.cluster.api.delete("Node", "", "node2")
        lab.wait_until(lambda: set(lab.said("travels")) == {"node1"}, "it is there yet")
    finally:
        lab.node("node2")
        lab.start_second()
    lab.wait_until(lambda: set(lab.said("travels")) == {"node1", "node2"}, "it does not say it again")
    told = [e for e in lab.events("policy.node_gone") if e.get("node") == "node2"]
    assert told and told[0]["objects"] >= 1


def test_who_has_no_node_of_its_own(lab, secret):
    """Where the names are not those of Nodes nobody is taken for gone."""
    lab.cluster.api.create(lab.document("nameless"))
    lab.accepted("nameless", "True")
    for name in ("node1", "node2"):
        lab.cluster.api.delete("Node", "", name)
    try:
        generation = lab.object("nameless")["metadata"]["generation"]
        mask(lab, "nameless", {"ghost": {"generation": generation, "inForce": True}})
        asked = lambda: sum(r[2] == "/api/v1/nodes/node1" and r[4] == 404 for r in lab.cluster.api.requests)  # noqa: E731
        if not is_real():
            before = asked()
            lab.wait_until(lambda: asked() >= before + 4, "it does not look")
        assert set(lab.said("nameless")) == {"node1", "node2", "ghost"}
    finally:
        for name in ("node1", "node2"):
            lab.node(name)
    lab.wait_until(lambda: set(lab.said("nameless")) == {"node1", "node2"}, "it is there yet")


def writes(lab):
    """How often node1's daemons have written a status of a policy, by their own word."""
    return lab.nodes[0].cluster()["policies"]["status_written"]


def test_a_daemon_that_was_succeeded_writes_no_more(lab, secret):
    """A session keeps it up. What is changed or deleted in its name after that it leaves to who has succeeded it: two would never agree."""
    lab.cluster.api.create(lab.document("handed"))
    lab.accepted("handed", "True")
    session = lab.client_of(lab.pods[0])
    try:
        succeeded(lab, session)
    finally:
        lab.hang_up()


def succeeded(lab, session):
    session.query("BEGIN").ok()
    old = int((lab.state / "daemon.pid").read_text().split()[0])
    lab.sh("daemon", "upgrade")
    assert int((lab.state / "daemon.pid").read_text().split()[0]) != old
    os.kill(old, 0)
    before = writes(lab)
    spec = lab.document("handed", app="yet-another")["spec"]
    lab.cluster.api.change(GROUP, KIND, "", "handed", {"spec": spec})
    lab.wait_until(lambda: len(lab.said("handed")) == 2 and all(s["inForce"] for s in lab.said("handed").values()), "it is not in force on both")
    mask(lab, "handed", {"node1": None})
    lab.wait_until(lambda: "node1" in lab.said("handed"), "it is not said again")
    os.kill(old, 0)
    assert session.query("SELECT 1").ok().rows == [[b"1"]]
    if not is_real():
        theirs = [r for r in lab.cluster.api.requests if r[1] == "PATCH" and r[2].endswith("/maskingpolicies/handed/status")]
        assert writes(lab) - before < 20 and len(theirs) < 40


def test_events_of_both(lab):
    """Each on its own pod, by its own account, with no word of the statement."""
    for i, pod in enumerate(lab.pods):
        enrolled = lab.wait_until(lambda: lab.events_on(pod, "Enrolled"), "it is not told")
        assert {e["source"]["host"] for e in enrolled} == {"node%d" % (i + 1)}, "one of each daemon that has seen it"
        mark = marker()
        lab.ask(i, delete(mark, 30 + i))
        held = lab.wait_until(lambda: lab.events_on(pod, "Held"), "it is not told")
        assert [e["source"]["host"] for e in held] == ["node%d" % (i + 1)]
        assert mark not in json.dumps(lab.cluster.api.list("Event", "agents"))


def test_what_the_daemons_may_not(lab):
    """Their account, by the server's own word."""
    daemon = Client(lab.cluster.api.url, lab.cluster.api.ca_file, (lab.folder / "token").read_text())
    doc = lab.document("theirs")
    base = "/apis/pgveil.dev/v1/maskingpolicies"
    assert daemon.get(base).status == 200
    for answer in (daemon.post(base, doc), daemon.patch(base + "/shared", {"spec": doc["spec"]}), daemon.delete(base + "/shared"), daemon.get("/api/v1/namespaces/agents/secrets"),
                   daemon.get("/api/v1/namespaces/agents/events"), daemon.delete("/api/v1/namespaces/agents/pods/" + lab.pods[0].name),
                   daemon.get("/api/v1/nodes"), daemon.post("/api/v1/namespaces/agents/serviceaccounts/default/token", {})):
        assert answer.status == 403 and DAEMON in answer.json()["message"], answer.body
