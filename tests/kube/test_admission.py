# SPDX-License-Identifier: MIT
"""Who may write approvals and grants: the CRDs, the role and pgveil-admission as they are deployed, on a stand-in API server. Each rule by itself
is in tests/golden/admission.txt; here is that the API server asks, and what it then says."""

import datetime
import json
import os
import socket
import ssl

import pytest

from admission import APPROVALS, DAEMON, GRANTS, Cluster

DIGEST = "0123456789abcdef" * 4
BINDING = dict.fromkeys(("statement", "role", "path", "objects", "settings", "policy"), DIGEST)
BOT = "system:serviceaccount:ops:bot"


def later(seconds=600):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def approval(name, **spec):
    return {"apiVersion": "pgveil.dev/v1", "kind": "StatementApproval", "metadata": {"name": name}, "spec": {
        "requester": {"node": "n1", "identity": "pods", "namespace": "agents", "pod": "claude-1", "serviceAccount": "claude"}, "database": "shop", "kind": "delete",
        "statement": "DELETE FROM shop.orders", "required": 1, "expires": later(), "binding": BINDING, "seal": DIGEST, **spec}}


def grant(name):
    return {"apiVersion": "pgveil.dev/v1", "kind": "StatementGrant", "metadata": {"name": name},
            "spec": {"approval": "u", "node": "n1", "uses": 2, "expires": later(), "binding": BINDING, "seal": DIGEST}}


def decide(client, name, approver, decision="approve", **more):
    a = client.patch(f"{APPROVALS}/{name}/status", {"status": {"decision": decision, "approver": approver, **more}})
    return a.status, a.json().get("message", "")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster"), account=[BOT]) as c:
        c.daemon, c.ann = c.client(DAEMON), c.client("ann", "pgveil-approver")
        yield c


def made(cluster, name, **spec):
    a = cluster.daemon.post(APPROVALS, approval(name, **spec))
    assert a.status == 201, a.body
    return a.json()


def test_decided_once_by_who_he_is(cluster):
    made(cluster, "a")
    assert decide(cluster.ann, "a", "bob") == (403, 'admission webhook "approvals.pgveil.dev" denied the request: status.approver must be who writes it, "ann"')
    assert decide(cluster.ann, "a", "ann", reason="it was")[0] == 200
    assert cluster.ann.get(APPROVALS + "/a").json()["status"] == {"decision": "approve", "approver": "ann", "reason": "it was"}
    for decision in ("approve", "deny"):
        assert "decided once" in decide(cluster.ann, "a", "ann", decision)[1]
    assert cluster.daemon.patch(APPROVALS + "/a/status", {"status": {"state": "used", "used": 1}}).status == 200
    assert cluster.daemon.patch(APPROVALS + "/a/status", {"status": {"decision": "deny"}}).status == 403


def test_who_may_not(cluster):
    made(cluster, "b")
    requester, other = "system:serviceaccount:agents:claude", "system:serviceaccount:agents:other"
    nobody = cluster.client("eve")
    status, why = decide(nobody, "b", "eve")
    assert status == 403 and 'User "eve" cannot patch resource "statementapprovals/status"' in why
    assert "who asks may not decide" in decide(cluster.client(requester, "pgveil-approver"), "b", requester)[1]
    assert "is a program" in decide(cluster.client(other, "pgveil-approver"), "b", other)[1]
    assert "person's to write" in decide(cluster.daemon, "b", DAEMON)[1]
    assert decide(cluster.client(BOT, "pgveil-approver"), "b", BOT)[0] == 200


def test_what_an_approver_may_not(cluster):
    """Not by his role; and by pgveil-admission not even with every right on the group."""
    made(cluster, "c")
    cluster.daemon.post(GRANTS, grant("c"))
    cluster.api.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "all", "namespace": "pgveil-system"},
                        "rules": [{"apiGroups": ["pgveil.dev"], "resources": ["*"], "verbs": ["*"]}]})
    might = cluster.client("max", "all")
    for client, words in ((cluster.ann, "cannot"), (might, "denied the request")):
        for answer in (client.post(APPROVALS, approval("forged")), client.patch(APPROVALS + "/c", {"spec": {"statement": "SELECT 1"}}),
                       client.delete(APPROVALS + "/c"), client.post(GRANTS, grant("forged")), client.patch(GRANTS + "/c", {"spec": {"uses": 9}}),
                       client.patch(GRANTS + "/c/status", {"status": {"used": 0}}), client.delete(GRANTS + "/c")):
            assert answer.status == 403 and words in answer.json()["message"], answer.body
    assert cluster.daemon.patch(APPROVALS + "/c", {"spec": {"statement": "SELECT 1"}}).status == 403
    # what of the spec comes with a status is not taken, by the API server itself
    assert cluster.ann.patch(APPROVALS + "/c/status", {"spec": {"statement": "SELECT 1"}, "status": {"decision": "approve", "approver": "ann"}}).status == 200
    assert cluster.ann.get(APPROVALS + "/c").json()["spec"]["statement"] == "DELETE FROM shop.orders"


def test_what_else_a_decision_brings(cluster):
    """Nothing beside the status is written by it; no other version, no other door and no crowd of deletions is looked at otherwise."""
    before = made(cluster, "k")["metadata"]
    forged = {"labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["a/b"], "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]}
    assert cluster.ann.patch(APPROVALS + "/k/status", {"metadata": forged, "status": {"decision": "approve", "approver": "ann"}}).status == 200
    after = cluster.ann.get(APPROVALS + "/k").json()["metadata"]
    assert not set(forged) & set(after) and after["uid"] == before["uid"] and after["generation"] == before["generation"]
    for version in ("v1beta1", "v1alpha1", "v2"):
        assert cluster.ann.patch(APPROVALS.replace("/v1/", f"/{version}/") + "/k/status", {"status": {"decision": "deny", "approver": "ann"}}).status == 404
    # of all groups, who asks is the one who is asked about: neither is he another's, nor above it
    master = cluster.master()
    for answer in (master.patch(APPROVALS + "/k/status", {"status": {"decision": "deny", "approver": "ann"}}), master.patch(APPROVALS + "/k", {"metadata": forged}),
                   master.delete(APPROVALS), master.delete(APPROVALS + "/k?propagationPolicy=Orphan"), master.post(APPROVALS + "?dryRun=All", approval("l")),
                   master.patch(APPROVALS + "/k?dryRun=All", {"spec": {"statement": "SELECT 1"}})):
        assert answer.status == 403 and "denied the request" in answer.json()["message"], answer.body
    assert cluster.ann.get(APPROVALS + "/k").json()["status"] == {"decision": "approve", "approver": "ann"}


def test_expired_and_over(cluster):
    made(cluster, "d", expires=later(-1))
    assert "time is over" in decide(cluster.ann, "d", "ann")[1]
    made(cluster, "e")
    cluster.daemon.patch(APPROVALS + "/e/status", {"status": {"state": "void"}})
    assert "not to be decided" in decide(cluster.ann, "e", "ann")[1]


def test_grants_count_up(cluster):
    obj = cluster.daemon.post(GRANTS, grant("f")).json()
    obj["status"] = {"used": 1, "state": "active", "uses": [{"node": "n1", "at": later()}]}
    first = cluster.daemon.put(GRANTS + "/f/status", obj)
    assert first.status == 200
    assert cluster.daemon.put(GRANTS + "/f/status", obj).status == 409, "of the version that was read"
    assert "stays used" in cluster.daemon.patch(GRANTS + "/f/status", {"status": {"used": 0}}).json()["message"]


@pytest.mark.parametrize("wrong", [{"expires": 7}, {"seal": "x"}, {"binding": {}}, {"required": 0}, {"database": "x" * 254}, {"requester": {"node": "n1"}}])
def test_schema(cluster, wrong):
    assert cluster.daemon.post(APPROVALS, approval("bad", **wrong)).status == 422


@pytest.mark.parametrize("wrong", [{"decision": "maybe"}, {"uses": 0}, {"uses": 1001}, {"reason": "x" * 1025}])
def test_schema_of_a_decision(cluster, wrong):
    name = "g-" + next(iter(wrong)) + str(len(str(wrong)))
    made(cluster, name)
    assert cluster.ann.patch(f"{APPROVALS}/{name}/status", {"status": {"decision": "approve", "approver": "ann", **wrong}}).status == 422


def test_without_the_webhook_nothing_is_decided(cluster):
    made(cluster, "h")
    cluster.stop_hook()
    try:
        status, why = decide(cluster.ann, "h", "ann")
        assert status == 500 and "failed calling webhook" in why
    finally:
        cluster.start_hook()
    assert decide(cluster.ann, "h", "ann")[0] == 200


def test_certificate_is_read_anew(cluster):
    def serial():
        with ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", cluster.port))) as s:
            return s.getpeercert(True)
    before, (crt, key) = serial(), cluster.sign()
    new = cluster.sign("rotated")
    for old, path in zip((crt, key), new):
        os.replace(path, old)
    assert serial() != before
    made(cluster, "i")
    assert decide(cluster.ann, "i", "ann")[0] == 200


def raw(cluster, data):
    context = ssl._create_unverified_context()
    with context.wrap_socket(socket.create_connection(("127.0.0.1", cluster.port), 30)) as s:
        s.sendall(data)
        out = b""
        while (got := s.recv(65536)):
            out += got
        return out


@pytest.mark.parametrize("request_,code", [
    (b"GET /healthz HTTP/1.1\r\n\r\n", 200), (b"GET /validate HTTP/1.1\r\n\r\n", 404), (b"PUT /validate HTTP/1.1\r\n\r\n", 405),
    (b"POST /validate HTTP/1.1\r\n\r\n", 411), (b"POST /validate HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    (b"POST /validate HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400), (b"POST /validate HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /validate HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413), (b"POST /validate HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 400),
    (b"POST /validate HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]junk", 400), (b"POST /other HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 404),
    (b"POST /validate HTTP/1.1\r\nX: " + b"a" * 20000, 431), (b"nonsense\r\n\r\n", 400)])
def test_what_is_no_question(cluster, request_, code):
    assert raw(cluster, request_).split(b" ")[1] == b"%d" % code


def test_a_crowd(cluster):
    """More connections than there are places: those that say nothing leave in time, and whoever asks then is answered; memory stays bounded."""
    idle = [socket.create_connection(("127.0.0.1", cluster.port), 30) for _ in range(100)]
    made_status = []
    try:
        for s in idle[:60]:
            s.close()
        made_status.append(cluster.daemon.post(APPROVALS, approval("crowd")).status)
    finally:
        for s in idle[60:]:
            s.close()
    assert made_status == [201]
    body = b'{"x": "' + b"a" * (4 << 20) + b'"}'
    for _ in range(10):
        assert raw(cluster, b"POST /validate HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body).split(b" ")[1] == b"400"
    with open("/proc/%d/status" % cluster.process.pid) as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    assert peak < (1 << 20 if os.environ.get("BUILD") == "asan" else 100 << 10), json.dumps(peak)
