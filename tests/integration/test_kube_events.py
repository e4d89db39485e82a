# SPDX-License-Identifier: MIT
"""Events on pods: what their owners see of pgveil with kubectl describe. With the roles of deploy/kubernetes/overlays/cluster and none beside."""

import json

import pytest

from lab import HERE
from test_kubernetes import DENIED, LABEL, REFUSED, SUBJECT, Cluster

from apiserver import ApiServer  # noqa: E402
from admission import NAMESPACE, manifests  # noqa: E402

HELD = """  statements: {default: allow, rules: [{effects: [delete], verdict: ask}]}
  approval: {approvers: {uids: [1001]}, required: 1, timeout: 10m, wait: error-and-retry}
"""


class EventCluster(Cluster):
    def __init__(self, folder, api):
        policy = folder / "held.yaml"
        policy.write_text((HERE / "agent1.yaml").read_text().replace("    - cgroup: \"${LAB_CGROUP}\"\n", SUBJECT) + HELD)
        super().__init__(folder, api, "--kube-events", policies=(policy,))
        self.token.write_text(api.tokens.add_service_account(NAMESPACE, "pgveild"))

    def events(self, pod=None, reason=None):
        all_ = [o for o in self.api.store.all(("", "events"))[1] if not pod or o["involvedObject"]["uid"] == pod.uid]
        return [o for o in all_ if reason in (None, o["reason"])]

    def event(self, pod, reason, count=1, but=()):
        """The one event of this reason on a pod, once it counts so many."""
        def there():
            return [o for o in self.events(pod, reason) if o["count"] >= count and o["metadata"]["name"] not in but]
        self.wait_until(there, "no event %s on %s: %s, %s" % (reason, pod.name, self.events(pod), self.cluster().get("events")))
        assert len(there()) == 1, there()
        return there()[0]

    def hold(self, pod, sql):
        with self.login(pod.name, netns=pod.netns) as c:
            said = c.query(sql)
            assert said.errors and "is needed for this statement" in str(said.error), said.errors


@pytest.fixture(scope="module")
def api():
    with ApiServer() as server:
        for name in ("agents", NAMESPACE):
            server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for obj in manifests("rbac.yaml", "../overlays/cluster/rbac.yaml"):
            if obj["kind"] != "ServiceAccount":
                server.create(obj)
        yield server


@pytest.fixture(scope="module")
def lab(api, tmp_path_factory):
    with EventCluster(tmp_path_factory.mktemp("cluster"), api) as up:
        up.current()
        yield up


@pytest.fixture(scope="module")
def claude(lab):
    pod = lab.pod("claude", {**LABEL, "app": "claude"})
    lab.wait_until(lambda: pod.dial() == "engine", "claude is not captured")
    return pod


def test_enrolled(lab, claude):
    o = lab.event(claude, "Enrolled")
    assert o["involvedObject"] == {"apiVersion": "v1", "kind": "Pod", "namespace": "agents", "name": "claude", "uid": claude.uid}
    assert (o["type"], o["source"], o["reportingComponent"]) == ("Normal", {"component": "pgveild", "host": "node1"}, "pgveil.dev/pgveild")
    assert o["metadata"]["namespace"] == "agents" and o["metadata"]["name"].startswith("claude.")
    assert o["message"] == "its database connects go to pgveild on its node" and o["firstTimestamp"] <= o["lastTimestamp"]


def test_denied_and_refused_are_counted(lab):
    """Why, as one event; what it is refused as another, whose count grows, and which is made anew when the API server has it no more."""
    pod = lab.pod("strong", {**LABEL, "app": "claude"}, netns="agent2", containers=[{"name": "c", "image": "x", "securityContext": {"privileged": True}}])
    pod.becomes("denied")
    o = lab.event(pod, "Denied")
    assert o["type"] == "Warning" and o["message"].startswith("its database connects are refused: ") and "privileged" in o["message"]
    assert pod.dial() == DENIED
    first = lab.event(pod, "Refused")
    assert "denied" in first["message"] and first["type"] == "Warning"
    for _ in range(3):
        assert pod.dial() == DENIED
    more = lab.event(pod, "Refused", count=first["count"] + 1)
    assert (more["metadata"]["name"], more["firstTimestamp"]) == (first["metadata"]["name"], first["firstTimestamp"])
    lab.api.delete("Event", "agents", more["metadata"]["name"])
    assert pod.dial() == DENIED
    again = lab.event(pod, "Refused", count=more["count"] + 1, but=(more["metadata"]["name"],))
    assert again["involvedObject"]["uid"] == pod.uid


def test_held_and_no_word_of_the_statement(lab, claude):
    marker = "471147"
    lab.hold(claude, "DELETE FROM clinic.patient WHERE id = %s" % marker)
    o = lab.event(claude, "Held")
    assert o["message"].startswith("a statement waits for an approval: pgveil approvals show ")
    said = json.dumps(lab.events())
    assert marker not in said and "clinic" not in said and "DELETE" not in said


def test_who_is_not_enrolled_is_told_nothing(lab, claude):
    web = lab.pod("web", {"app": "web"}, netns="agent3", in_api=False)
    assert web.dial() == REFUSED
    web.create()
    # Its cgroup has another uid than the API gave it: it stays unknown, and the one that is known has no cgroup.
    other = lab.pod("other", {"app": "web"}, netns="agent3")
    other.becomes("exempt")
    assert other.dial() == "direct"
    lab.hold(claude, "DELETE FROM clinic.patient WHERE id = 4")  # what was said before is written by then
    lab.wait_until(lambda: len(lab.events(reason="Held")) == 2, "the second is not told")
    assert not [o for o in lab.events() if o["involvedObject"]["name"] in ("web", "other")]


def test_the_server_is_away(lab, claude):
    """Nobody waits for it, and what happened meanwhile is told when it is there again."""
    before = {o["metadata"]["name"] for o in lab.events(reason="Held")}
    lab.api.stop()
    try:
        lab.hold(claude, "DELETE FROM clinic.patient WHERE id = 5")
        lab.wait_until(lambda: lab.cluster()["events"]["failed"] > 0 and lab.cluster()["events"]["trouble"], "nothing failed")
    finally:
        lab.api.start()
    lab.event(claude, "Held", but=before)
    lab.wait_until(lambda: lab.cluster()["events"]["trouble"] == "", "it is still in trouble")


def test_an_answer_that_is_lost(lab, claude):
    """It was made, and nobody heard: there is no second one, and what came meanwhile is counted on it."""
    before = {o["metadata"]["name"] for o in lab.events(reason="Held")}
    fault = lab.api.faults.add("reset", method="POST", path="/events", after=0, count=1)
    lab.hold(claude, "DELETE FROM clinic.patient WHERE id = 6")
    lab.wait_until(lambda: fault.used and len(lab.events(reason="Held")) == len(before) + 1, "it was not made, or nothing was lost")
    lost = next(o["metadata"]["name"] for o in lab.events(reason="Held") if o["metadata"]["name"] not in before)
    lab.wait_until(lambda: any(r[1] == "PATCH" and r[2].endswith("/events/" + lost) and r[4] == 200 for r in lab.api.requests), "it is not gone on with")
    assert [r[4] for r in lab.api.requests if r[1] == "POST" and r[2].endswith("/events")][-1] == 409
    lab.hold(claude, "DELETE FROM clinic.patient WHERE id = 7")  # what was to be written before is by then
    lab.wait_until(lambda: len(lab.events(reason="Held")) == len(before) + 2, "the next is not told")


def test_a_flood_is_bounded(lab):
    """A hundred refused connects are one event and a handful of requests."""
    pod = lab.pod("loud", {**LABEL, "app": "claude"}, netns="agent2", hostPID=True)
    pod.becomes("denied")
    before = len([r for r in lab.api.requests if "/events" in r[2]])
    for _ in range(100):
        assert pod.dial() == DENIED
    lab.event(pod, "Refused")
    assert len([r for r in lab.api.requests if "/events" in r[2]]) - before < 10
