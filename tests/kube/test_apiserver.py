# SPDX-License-Identifier: MIT
"""The stand-in against what a real server was seen to send (captures/, of a newer one than that of make test-kube), and under kubectl.
captures/ are answers as they were on the wire: Kubernetes over HTTP/1.1, one pod, and what was done to it."""

import base64
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import urllib.parse

import pytest

from apiserver import ApiServer
from client import Client, Ended
from hook import Hook
from kubeapi.certs import Authority

HERE = os.path.dirname(os.path.abspath(__file__))
PODS = "/api/v1/namespaces/demo/pods"
POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p1", "namespace": "demo", "labels": {"pg-intercept": "enabled"}},
       "spec": {"containers": [{"name": "c", "image": "x"}], "nodeName": "node1"}}


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    """With the certificates of all servers."""
    return str(tmp_path_factory.mktemp("apiserver"))


@pytest.fixture
def api(directory):
    with ApiServer(directory, bookmark_seconds=0.2, service_accounts=True) as up:
        up.create({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "demo"}})
        yield up


@pytest.fixture
def admin(api):
    return Client(api.url, api.ca_file, api.admin)


def captured(name):
    """(status, headers, body) as it was on the wire; a list of its chunks where it came in chunks by hand."""
    with open(os.path.join(HERE, "captures", name), "rb") as f:
        head, _, body = f.read().partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), body


def chunks(body):
    out = []
    while body:
        size, _, body = body.partition(b"\r\n")
        n = int(size, 16)
        if n == 0:
            return out
        out.append(body[:n])
        assert body[n:n + 2] == b"\r\n"
        body = body[n + 2:]
    raise AssertionError("the capture does not end")


def role(api, user, *rules, namespace=None):
    kind = "ClusterRole" if namespace is None else "Role"
    where = {} if namespace is None else {"namespace": namespace}
    group = "rbac.authorization.k8s.io"
    api.create({"kind": kind, "apiVersion": group + "/v1", "metadata": {"name": user.replace(":", "-"), **where}, "rules": list(rules)})
    api.create({"kind": kind + "Binding", "apiVersion": group + "/v1", "metadata": {"name": user.replace(":", "-"), **where},
                "subjects": [{"kind": "User", "apiGroup": group, "name": user}], "roleRef": {"apiGroup": group, "kind": kind, "name": user.replace(":", "-")}})


# ---- as it was on the wire -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, token, path", [("401.http", "wrong", "/api/v1/pods"), ("403.http", "interceptor", "/api/v1/secrets"),
                                               ("anon403.http", None, "/api/v1/pods")])
def test_refusals(api, name, token, path):
    if token == "interceptor":
        token = api.tokens.add("system:serviceaccount:demo:interceptor")
    code, headers, body = captured(name)
    got = Client(api.url, api.ca_file, token, "curl/8").get(path, Accept="*/*")
    assert (got.status, got.body) == (code, body)
    assert [k for k in got.headers] == [k for k in headers]


def test_watch(api, admin):
    """Created, label taken and given back, deleted: the events of the capture, by type, version, labels and fields, and its headers."""
    code, headers, body = captured("watch-http11-raw.http")
    wire = chunks(body)
    assert all(c.endswith(b"\n") and c.count(b"\n") == 1 for c in wire)
    real = [json.loads(c) for c in wire]
    path = PODS + "/p1"
    applied = {"kubectl.kubernetes.io/last-applied-configuration": real[0]["object"]["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]}
    by_apply = Client(api.url, api.ca_file, api.admin, "kubectl-client-side-apply/1")
    by_label = Client(api.url, api.ca_file, api.admin, "kubectl-label/1")
    then = api.store.revision
    by_apply.post(PODS, {**POD, "metadata": {**POD["metadata"], "annotations": applied}})
    by_label.patch(path, {"metadata": {"labels": {"pg-intercept": None}}})
    by_label.patch(path, {"metadata": {"labels": {"pg-intercept": "enabled"}}})
    admin.delete(path, {"gracePeriodSeconds": 0})
    api.bookmark_seconds = 60  # the one that comes is that of before the end
    with admin.watch(PODS + f"?watch=1&labelSelector=pg-intercept%3Denabled&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion={then}") as s:
        raw = [s.chunk() for _ in range(6)]
        assert (s.status, list(s.headers)) == (code, list(headers))
    mine = [json.loads(c) for c in raw]
    assert [e["type"] for e in mine] == [e["type"] for e in real]
    assert [list(e) for e in mine] == [list(e) for e in real]
    versions = [[int(e["object"]["metadata"]["resourceVersion"]) for e in events] for events in (mine, real)]
    assert [v - versions[0][0] for v in versions[0]] == [v - versions[1][0] for v in versions[1]]
    for m, r in zip(mine[:-1], real[:-1]):
        assert shown(timeless(m["object"])) == shown(timeless(without_account_volume(r["object"])))
        assert list(m["object"]) == list(r["object"]) and list(m["object"]["metadata"]) == list(r["object"]["metadata"])
    mine[-1]["object"]["metadata"]["resourceVersion"] = real[-1]["object"]["metadata"]["resourceVersion"]
    assert json.dumps(mine[-1]) == json.dumps(real[-1])


def shown(obj):
    """As lines, for pytest to say what differs."""
    return json.dumps(obj, indent=1, sort_keys=True).splitlines()


def timeless(obj):
    obj = json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", json.dumps(obj)))
    for key in ("uid", "resourceVersion"):
        obj["metadata"][key] = "some"
    return obj


def without_account_volume(obj):
    """The volume with the token is by an admission plugin that the stand-in has not."""
    obj["spec"].pop("volumes")
    for c in obj["spec"]["containers"]:
        c.pop("volumeMounts")
    return obj


def test_list(api, admin):
    """The list of the capture: made from its own pod, the same document but for versions and times."""
    code, headers, body = captured("list.http")
    real = json.loads(body)
    pod = json.loads(json.dumps(real["items"][0]))
    by_apply = Client(api.url, api.ca_file, api.admin, "kubectl-client-side-apply/1")
    made = by_apply.post(PODS, {"kind": "Pod", "apiVersion": "v1", **{k: pod[k] for k in ("metadata", "spec")}} | {
        "metadata": {k: pod["metadata"][k] for k in ("name", "namespace", "labels", "annotations")}})
    assert made.status == 201, made.body
    kubelet = Client(api.url, api.ca_file, api.admin, "kubelet/1")
    assert kubelet.patch(PODS + "/agent-app/status", {"status": pod["status"]}).status == 200
    got = Client(api.url, api.ca_file, api.admin, "curl/8").get("/api/v1/pods", Accept="*/*")
    assert got.status == code and list(got.headers) == list(headers)
    mine = got.json()
    assert got.body == json.dumps(mine, indent=2).encode() and body == json.dumps(real, indent=2).encode()
    assert list(mine) == list(real) and list(mine["items"][0]) == list(real["items"][0])
    for side in (mine, real):  # who set what is not followed to each condition here
        side["items"][0]["metadata"].pop("managedFields")
    assert shown(timeless(mine["items"][0])) == shown(timeless(real["items"][0]))


@pytest.mark.parametrize("name", ["watch410.http", "watchlist.http"])
def test_watch_that_is_refused(api, admin, name):
    """By an event, in an answer that is 200."""
    code, headers, body = captured(name)
    api.compact()
    query = "&resourceVersion=1" if name == "watch410.http" else "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    with admin.watch("/api/v1/pods?watch=1" + query) as s:
        chunk = s.chunk()
        assert s.status == code and list(s.headers) == list(headers)
        with pytest.raises(Ended) as e:
            s.chunk()
        assert e.value.clean
    real = chunks(body)
    assert len(real) == 1
    assert re.sub(rb"\d+ \(\d+\)", b"N (M)", chunk) == re.sub(rb"\d+ \(\d+\)", b"N (M)", real[0])


# ---- lists and watches -----------------------------------------------------------------------------------------------------------

def test_pages(api, admin):
    """Each pod once, all of the first page's version whatever happens meanwhile; a token from before a compaction is 410, with one to go on by."""
    api.pods(250, labels={"a": "b"})
    first = admin.get("/api/v1/pods?limit=100").json()
    assert first["metadata"]["remainingItemCount"] == 150
    api.delete("Pod", "default", "pod-00120", gracePeriodSeconds=0)
    api.pods(1, prefix="pox")
    seen, page = [], first
    while True:
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        seen += [p["metadata"]["name"] for p in page["items"]]
        token = page["metadata"].get("continue")
        if not token:
            break
        page = admin.get(f"/api/v1/pods?limit=100&continue={token}").json()
    assert seen == [f"pod-{i:05d}" for i in range(250)]
    assert "remainingItemCount" not in admin.get("/api/v1/pods?limit=10&labelSelector=a").json()["metadata"]
    api.compact()
    late = admin.get(f"/api/v1/pods?limit=100&continue={first['metadata']['continue']}")
    assert late.status == 410 and late.json()["reason"] == "Expired"
    rest = admin.get(f"/api/v1/pods?continue={late.json()['metadata']['continue']}").json()
    assert "pod-00120" not in [p["metadata"]["name"] for p in rest["items"]] and rest["items"][-1]["metadata"]["name"] == "pox-00000"
    assert admin.get("/api/v1/pods?continue=rubbish").status == 400


def test_versions_of_lists(api, admin):
    api.create(POD)
    then = api.store.revision
    api.delete("Pod", "demo", "p1", gracePeriodSeconds=0)
    assert admin.get("/api/v1/pods").json()["items"] == []
    exact = admin.get(f"/api/v1/pods?resourceVersion={then}&resourceVersionMatch=Exact").json()
    assert [p["metadata"]["name"] for p in exact["items"]] == ["p1"] and exact["metadata"]["resourceVersion"] == str(then)
    assert admin.get(f"/api/v1/pods?resourceVersion={then}&resourceVersionMatch=NotOlderThan").json()["items"] == []
    assert admin.get("/api/v1/pods?resourceVersion=0").status == 200
    future = admin.get(f"/api/v1/pods?resourceVersion={then + 1000}")
    assert future.status == 504 and future.json()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    api.compact()
    assert admin.get(f"/api/v1/pods?resourceVersion={then}&resourceVersionMatch=Exact").status == 410


def test_watch_from_nothing_and_from_a_version(api, admin):
    api.create(POD)
    with admin.watch("/api/v1/pods?watch=1") as s, admin.watch("/api/v1/pods?watch=1&resourceVersion=0") as zero:
        then = int(s.event()[1]["metadata"]["resourceVersion"])
        assert zero.event()[0] == "ADDED"
        api.change("v1", "Pod", "demo", "p1", {"metadata": {"labels": {"x": "y"}}})
        assert s.event()[0] == zero.event()[0] == "MODIFIED"
    with admin.watch(f"/api/v1/pods?watch=1&resourceVersion={then}") as s:
        assert s.event()[0] == "MODIFIED"


SELECTORS = [("labels", "a=1", {"a": "1"}, {"a": "2"}), ("labels", "a!=1", {}, {"a": "1"}), ("labels", "a in (1,2)", {"a": "2"}, {"a": "3"}),
             ("labels", "a notin (1,2)", {}, {"a": "2"}), ("labels", "a", {"a": ""}, {}), ("labels", "!a", {}, {"a": ""}), ("labels", "a==1,b", {"a": "1", "b": "x"}, {"b": "x"}),
             ("fields", "metadata.namespace=demo", {}, None), ("fields", "spec.nodeName=node1", {}, None), ("fields", "metadata.name=p1,spec.nodeName!=node2", {}, None),
             ("fields", "status.phase=Pending", {}, None)]


@pytest.mark.parametrize("kind, selector, inside, outside", SELECTORS, ids=[s[1] for s in SELECTORS])
def test_selectors(api, admin, kind, selector, inside, outside):
    """What is inside is listed and watched, and leaving is DELETED with the labels from before and the version of after."""
    query = ("labelSelector=" if kind == "labels" else "fieldSelector=") + urllib.parse.quote(selector)
    api.create({**POD, "metadata": {"name": "p1", "namespace": "demo", "labels": inside}})
    assert len(admin.get(f"/api/v1/pods?{query}").json()["items"]) == 1
    if outside is None:
        return
    with admin.watch(f"/api/v1/pods?watch=1&{query}") as s:
        assert s.event()[0] == "ADDED"
        gone = {k: None for k in inside if k not in outside}
        api.change("v1", "Pod", "demo", "p1", {"metadata": {"labels": {**gone, **outside}}})
        kind, obj = s.event()
        assert kind == "DELETED" and obj["metadata"].get("labels", {}) == inside and int(obj["metadata"]["resourceVersion"]) == api.store.revision
        api.change("v1", "Pod", "demo", "p1", {"metadata": {"labels": {**{k: None for k in outside if k not in inside}, **inside}}})
        assert s.event()[0] == "ADDED"
        assert len(admin.get(f"/api/v1/pods?{query}").json()["items"]) == 1
    assert admin.get("/api/v1/pods?labelSelector=a%20b").status == 400 and admin.get("/api/v1/pods?fieldSelector=spec.x%3D1").status == 400


def test_a_pod_is_bound(api, admin):
    """It comes to whoever watches its node's pods when it is bound there."""
    api.create({**POD, "spec": {"containers": POD["spec"]["containers"]}})
    with admin.watch("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dnode7") as s:
        made = admin.post(PODS + "/p1/binding", {"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "p1"}, "target": {"kind": "Node", "name": "node7"}})
        assert made.status == 201
        kind, pod = s.event()
        assert (kind, pod["spec"]["nodeName"]) == ("ADDED", "node7")


def test_grace(api, admin):
    """MODIFIED when it begins to go, no longer grace than before, DELETED when the kubelet says that it is gone."""
    api.create(POD)
    with admin.watch("/api/v1/pods?watch=1") as s:
        s.event()
        assert admin.delete(PODS + "/p1").json()["metadata"]["deletionGracePeriodSeconds"] == 30
        kind, pod = s.event()
        assert kind == "MODIFIED" and pod["metadata"]["deletionTimestamp"] > pod["metadata"]["creationTimestamp"]
        admin.delete(PODS + "/p1", {"gracePeriodSeconds": 60})
        admin.delete(PODS + "/p1", {"gracePeriodSeconds": 5})
        assert s.event()[1]["metadata"]["deletionGracePeriodSeconds"] == 5
        admin.delete(PODS + "/p1", {"gracePeriodSeconds": 0})
        assert [e[0] for e in s.events(2)] == ["MODIFIED", "DELETED"]


def test_finalizers(api, admin):
    path = "/api/v1/namespaces/demo/configmaps"
    made = admin.post(path, {"metadata": {"name": "x", "finalizers": ["example.dev/wait"]}}).json()
    with admin.watch(f"{path}?watch=1&resourceVersion={made['metadata']['resourceVersion']}") as s:
        assert "deletionTimestamp" in admin.delete(path + "/x").json()["metadata"]
        assert admin.patch(path + "/x", {"metadata": {"finalizers": None}}).status == 200
        assert [e[0] for e in s.events(2)] == ["MODIFIED", "DELETED"]
    assert admin.get(path + "/x").status == 404


def test_bookmarks(api, admin):
    with admin.watch("/api/v1/pods?watch=1&allowWatchBookmarks=true") as s:
        assert s.event()[0] == "BOOKMARK"
        api.create({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x", "namespace": "demo"}})
        while int(s.event()[1]["metadata"]["resourceVersion"]) < api.store.revision:
            pass


# ---- writes ----------------------------------------------------------------------------------------------------------------------

def test_create(api, admin):
    one = admin.post(PODS, {**POD, "metadata": {"generateName": "web-"}}).json()
    assert re.fullmatch(r"web-[a-z0-9]{5}", one["metadata"]["name"]) and one["metadata"]["namespace"] == "demo" and one["status"]["phase"] == "Pending"
    assert admin.post(PODS, POD).status == 201
    again = admin.post(PODS, POD)
    assert (again.status, again.json()["reason"]) == (409, "AlreadyExists")
    assert admin.post("/api/v1/namespaces/nowhere/pods", {**POD, "metadata": {"name": "x"}}).json()["message"] == 'namespaces "nowhere" not found'
    assert admin.post(PODS, {**POD, "metadata": {"name": "X_"}}).status == 422
    assert admin.post(PODS, {**POD, "metadata": {"name": "x", "labels": {"a b": "c"}}}).status == 422
    assert admin.post(PODS, {**POD, "metadata": {"name": "x"}, "spec": {"containers": []}}).status == 422
    assert admin.post(PODS, {**POD, "metadata": {"name": "x"}, "spec": {"containers": [{"name": 5}]}}).status == 400
    assert admin.post(PODS, b"{").status == 400
    typo = {**POD, "metadata": {"name": "x"}, "spec": {**POD["spec"], "hostNetwerk": True}}
    assert 'unknown field "spec.hostNetwerk"' in admin.post(PODS + "?fieldValidation=Strict", typo).json()["message"]
    taken = admin.post(PODS, typo)
    assert taken.status == 201 and "hostNetwerk" not in taken.json()["spec"] and "hostNetwerk" in taken.headers["Warning"]
    assert admin.post(PODS + "?dryRun=All", {**POD, "metadata": {"name": "dry"}}).status == 201 and admin.get(PODS + "/dry").status == 404


def test_update(api, admin):
    api.create(POD)
    pod = admin.get(PODS + "/p1").json()
    pod["metadata"]["labels"]["x"] = "1"
    assert admin.put(PODS + "/p1", pod).status == 200
    late = admin.put(PODS + "/p1", pod)
    assert (late.status, late.json()["reason"]) == (409, "Conflict")
    now = admin.get(PODS + "/p1").json()
    assert admin.put(PODS + "/p1", now).json()["metadata"]["resourceVersion"] == now["metadata"]["resourceVersion"]  # nothing changed
    now["spec"]["hostNetwork"] = True
    assert admin.put(PODS + "/p1", now).status == 422
    now = admin.get(PODS + "/p1").json()
    now["status"]["phase"] = "Running"
    assert admin.put(PODS + "/p1", now).json()["status"]["phase"] == "Pending"
    assert admin.put(PODS + "/p1/status", now).json()["status"]["phase"] == "Running"
    assert admin.put(PODS + "/p1", {**now, "metadata": {**now["metadata"], "name": "p2"}}).status == 400


def test_patches(api, admin):
    api.create({**POD, "spec": {"nodeName": "n", "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}})
    path = PODS + "/p1"
    assert admin.patch(path, {"metadata": {"labels": {"l": "1", "pg-intercept": None}}}).json()["metadata"]["labels"] == {"l": "1"}
    merged = admin.patch(path, {"spec": {"containers": [{"name": "b", "image": "z"}]}}, "application/strategic-merge-patch+json").json()
    assert [(c["name"], c["image"]) for c in merged["spec"]["containers"]] == [("a", "x"), ("b", "z")]
    ops = [{"op": "test", "path": "/metadata/labels/l", "value": "1"}, {"op": "add", "path": "/metadata/labels/m~1n", "value": "2"}]
    assert admin.patch(path, ops, "application/json-patch+json").json()["metadata"]["labels"] == {"l": "1", "m/n": "2"}
    ops[0]["value"] = "other"
    assert admin.patch(path, ops, "application/json-patch+json").status == 422
    assert admin.patch(path, {"metadata": {"resourceVersion": "1", "labels": {"x": "y"}}}).status == 409
    assert admin.patch(path, {}, "application/json").status == 415
    apply = "application/apply-patch+yaml"
    config = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}}
    where = "/api/v1/namespaces/demo/configmaps/c"
    assert admin.patch(where + "?fieldManager=one", config, apply).status == 201
    assert admin.patch(where + "?fieldManager=two", {**config, "data": {"c": "3"}}, apply).status == 200
    assert admin.patch(where + "?fieldManager=one", {**config, "data": {"a": "1"}}, apply).json()["data"] == {"a": "1", "c": "3"}
    clash = admin.patch(where + "?fieldManager=two", {**config, "data": {"a": "9", "c": "3"}}, apply)
    assert clash.status == 409 and clash.json()["details"]["causes"][0]["field"] == ".data.a"
    assert admin.patch(where + "?fieldManager=two&force=true", {**config, "data": {"a": "9", "c": "3"}}, apply).json()["data"]["a"] == "9"


def test_events(api, admin):
    """The same events in the words of both groups, and what each asks of them."""
    old = {"metadata": {"generateName": "e-"}, "involvedObject": {"kind": "Pod", "name": "p1", "namespace": "demo"}, "reason": "Enrolled", "message": "masked", "type": "Normal"}
    made = admin.post("/api/v1/namespaces/demo/events", old).json()
    new = admin.get(f"/apis/events.k8s.io/v1/namespaces/demo/events/{made['metadata']['name']}").json()
    assert new["regarding"] == old["involvedObject"] and new["note"] == "masked" and new["apiVersion"] == "events.k8s.io/v1"
    assert admin.post("/api/v1/namespaces/demo/events", {**old, "involvedObject": {"kind": "Pod", "name": "p1", "namespace": "default"}}).status == 422
    assert admin.post("/apis/events.k8s.io/v1/namespaces/demo/events", {"metadata": {"name": "x"}, "regarding": {"namespace": "demo"}, "note": "n"}).status == 422
    right = {"metadata": {"name": "x"}, "regarding": {"kind": "Pod", "name": "p1", "namespace": "demo"}, "note": "n", "type": "Warning", "reason": "Refused", "action": "Connect",
             "eventTime": "2026-11-30T08:00:00.000000Z", "reportingController": "pgveil.dev/pgveild", "reportingInstance": "node1"}
    assert admin.post("/apis/events.k8s.io/v1/namespaces/demo/events", right).status == 201
    shown = admin.get("/api/v1/events?fieldSelector=involvedObject.name%3Dp1,reason%3DRefused").json()["items"]
    assert [e["message"] for e in shown] == ["n"]


def test_leases_are_held_by_one(api, admin):
    path = "/apis/coordination.k8s.io/v1/namespaces/demo/leases"
    lease = admin.post(path, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}}).json()
    results = []

    def take(who):
        results.append(admin.put(path + "/l", {**lease, "spec": {**lease["spec"], "holderIdentity": who}}).status)
    threads = [threading.Thread(target=take, args=(f"n{i}",)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(results) == [200] + [409] * 7


# ---- who may what ----------------------------------------------------------------------------------------------------------------

def test_rbac(api):
    role(api, "node-reader", {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]})
    role(api, "approver", {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"], "resourceNames": ["p1"]}, namespace="demo")
    api.create(POD)
    reader, approver = (Client(api.url, api.ca_file, api.tokens.add(u)) for u in ("node-reader", "approver"))
    assert reader.get("/api/v1/pods").status == reader.get(PODS + "/p1").status == 200
    refused = reader.delete(PODS + "/p1")
    assert refused.status == 403 and refused.json()["message"] == ('pods "p1" is forbidden: User "node-reader" cannot delete resource "pods" in API group "" '
                                                                   'in the namespace "demo"')
    assert reader.get("/api/v1/namespaces").status == 403
    assert approver.patch(PODS + "/p1/status", {"status": {"phase": "Running"}}).status == 200
    assert approver.patch(PODS + "/p2/status", {}).status == 403 and approver.patch(PODS + "/p1", {}).status == 403
    assert approver.patch("/api/v1/namespaces/default/pods/p1/status", {}).status == 403
    assert approver.get("/metrics").json()["message"] == 'forbidden: User "approver" cannot get path "/metrics"'
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}}
    assert reader.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review).json()["status"]["allowed"] is True
    assert approver.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review).json()["status"]["allowed"] is False


def test_tokens(api, admin):
    """Issued for a service account, rotated, too old: refused from then on."""
    api.create({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "sa", "namespace": "demo"}})
    issued = admin.post("/api/v1/namespaces/demo/serviceaccounts/sa/token", {"spec": {"expirationSeconds": 600}}).json()["status"]["token"]
    review = admin.post("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": issued}}).json()
    assert review["status"]["user"]["username"] == "system:serviceaccount:demo:sa"
    client = Client(api.url, api.ca_file, issued)
    assert client.get("/api").status == 200
    client.token = api.tokens.rotate(issued)
    assert client.get("/api").status == 200 and Client(api.url, api.ca_file, issued).get("/api").status == 401
    client.token = api.tokens.add("late", seconds=-1)
    assert client.get("/api").status == 401


# ---- custom resources --------------------------------------------------------------------------------------------------------------

WIDGETS = {"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "metadata": {"name": "widgets.example.dev"}, "spec": {
    "group": "example.dev", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]}, "versions": [{
        "name": "v1", "served": True, "storage": True, "subresources": {"status": {}}, "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}, {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'}],
        "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {
            "spec": {"type": "object", "required": ["size"], "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 10}, "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
                "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5}, "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}},
            "status": {"type": "object", "properties": {"conditions": {"type": "array", "items": {"type": "object", "properties": {
                "type": {"type": "string"}, "status": {"type": "string"}}}}}}}}}}]}}
WIDGET = "/apis/example.dev/v1/namespaces/demo/widgets"


def widget(name, /, **spec):
    return {"kind": "Widget", "apiVersion": "example.dev/v1", "metadata": {"name": name}, "spec": spec}


def test_custom_resources(api, admin):
    assert admin.get(WIDGET).status == 404
    with admin.watch("/apis/apiextensions.k8s.io/v1/customresourcedefinitions?watch=1") as s:
        assert admin.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS).status == 201
        assert [e[0] for e in s.events(3)] == ["ADDED", "MODIFIED", "MODIFIED"]
    made = admin.post(WIDGET, widget("a", size=3, free={"any": [1]}, unknown=1)).json()
    assert made["spec"] == {"size": 3, "free": {"any": [1]}, "color": "red"} and made["metadata"]["generation"] == 1
    wrong = admin.post(WIDGET, widget("b", size=30, color="blue", name="toolong"))
    assert wrong.status == 422 and {c["field"] for c in wrong.json()["details"]["causes"]} == {"spec.size", "spec.color", "spec.name"}
    assert admin.post(WIDGET, widget("b", size="3")).json()["details"]["causes"][0]["message"] == (
        'Invalid value: "string": spec.size in body must be of type integer: "string"')
    assert admin.post(WIDGET, widget("b")).json()["message"] == 'Widget.example.dev "b" is invalid: spec.size: Required value'
    assert admin.post(WIDGET + "?fieldValidation=Strict", widget("b", size=1, unknown=1)).json()["message"] == 'strict decoding error: unknown field "spec.unknown"'
    changed = admin.patch(WIDGET + "/a", {"spec": {"size": 4}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}).json()
    assert changed["metadata"]["generation"] == 2 and "status" not in changed
    ready = admin.patch(WIDGET + "/a/status", {"spec": {"size": 9}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}).json()
    assert (ready["spec"]["size"], ready["metadata"]["generation"], ready["status"]["conditions"][0]["status"]) == (4, 2, "True")
    assert admin.patch(WIDGET + "/a/status", {"status": {"conditions": "x"}}).status == 422
    rows = admin.get(WIDGET, Accept="application/json;as=Table;v=v1;g=meta.k8s.io,application/json").json()
    assert [c["name"] for c in rows["columnDefinitions"]] == ["Name", "Size", "Ready"] and rows["rows"][0]["cells"] == ["a", 4, "True"]
    with admin.watch(WIDGET + "?watch=1") as s:
        s.event()
        admin.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.dev")
        assert s.event()[0] == "DELETED"
    assert admin.get(WIDGET).status == 404


def test_schemas_that_are_not_structural(api, admin):
    def with_schema(schema):
        version = {**WIDGETS["spec"]["versions"][0], "schema": {"openAPIV3Schema": schema}}
        return admin.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {**WIDGETS, "spec": {**WIDGETS["spec"], "versions": [version]}})
    assert with_schema({"type": "object", "properties": {"spec": {}}}).status == 422
    assert with_schema({"type": "object", "properties": {"a": {"type": "array"}}}).status == 422
    assert with_schema({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}).status == 422
    told = with_schema({"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-validations": [{"rule": "self.x"}]}}})
    assert told.status == 201 and "not evaluated" in told.headers["Warning"]


# ---- webhooks ----------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def hook(tmp_path):
    up = Hook(tmp_path)
    yield up
    up.stop()


def test_validating_webhook(api, admin, hook):
    """It is told who asks; what it forbids, or does not answer, does not happen."""
    api.create(WIDGETS)
    api.create(hook.configuration())
    role(api, "alice", {"apiGroups": ["example.dev"], "resources": ["*"], "verbs": ["*"]})
    alice = Client(api.url, api.ca_file, api.tokens.add("alice", ["reviewers"]))
    assert alice.post(WIDGET, widget("a", size=1)).status == 201
    asked = hook.asked.pop()
    assert asked["userInfo"] == {"username": "alice", "groups": ["reviewers", "system:authenticated"]} and asked["operation"] == "CREATE"
    assert asked["object"]["spec"]["color"] == "red" and asked["oldObject"] is None and asked["resource"] == {"group": "example.dev", "version": "v1", "resource": "widgets"}
    assert alice.patch(WIDGET + "/a/status", {"status": {}}).status == 200
    assert hook.asked.pop()["subResource"] == "status"
    hook.answer = lambda r: {"allowed": False, "status": {"message": "not by you", "code": 403}}
    refused = alice.patch(WIDGET + "/a", {"spec": {"size": 2}})
    assert (refused.status, refused.json()["message"]) == (403, 'admission webhook "widgets.hook.example.dev" denied the request: not by you')
    assert hook.asked.pop()["oldObject"]["spec"]["size"] == 1 and admin.get(WIDGET + "/a").json()["spec"]["size"] == 1
    for broken in (lambda r: {"allowed": True, "uid": "other"}, lambda r: {}, lambda r: {"allowed": "yes"}):
        hook.answer = broken
        assert alice.patch(WIDGET + "/a", {"spec": {"size": 2}}).status in (400, 500)
    hook.stop()
    gone = alice.patch(WIDGET + "/a", {"spec": {"size": 2}})
    assert gone.status == 500 and 'failed calling webhook "widgets.hook.example.dev"' in gone.json()["message"]
    api.change("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "validating.example.dev", {"webhooks": hook.configuration(failurePolicy="Ignore")["webhooks"]})
    assert alice.patch(WIDGET + "/a", {"spec": {"size": 2}}).status == 200


def test_webhook_with_another_ca(api, admin, hook, tmp_path_factory):
    api.create(WIDGETS)
    other = Authority(str(tmp_path_factory.mktemp("other")))
    with open(other.file, "rb") as f:
        api.create(hook.configuration(clientConfig={"url": hook.url, "caBundle": base64.b64encode(f.read()).decode()}))
    assert admin.post(WIDGET, widget("a", size=1)).status == 500 and not hook.asked


def test_mutating_webhook_and_selectors(api, admin, hook):
    patch = base64.b64encode(json.dumps([{"op": "replace", "path": "/spec/size", "value": 7}]).encode()).decode()
    hook.answer = lambda r: {"allowed": True, "patchType": "JSONPatch", "patch": patch}
    api.create(WIDGETS)
    api.create(hook.configuration("Mutating", namespaceSelector={"matchLabels": {"mutate": "yes"}}))
    assert admin.post(WIDGET, widget("a", size=1)).json()["spec"]["size"] == 1
    api.change("v1", "Namespace", "", "demo", {"metadata": {"labels": {"mutate": "yes"}}})
    assert admin.post(WIDGET, widget("b", size=1)).json()["spec"]["size"] == 7


# ---- faults ------------------------------------------------------------------------------------------------------------------------

def watch_of(admin, query=""):
    return admin.watch("/api/v1/pods?watch=1" + query)


def test_split_at_every_byte(api, admin):
    """Chunks of a byte, and chunk headers cut anywhere: the same events."""
    api.create(POD)
    with watch_of(admin) as s:
        plain = s.event()
    for size in (1, 7, 1000):
        api.faults.add("split", watch=True, chunk=size)
        with watch_of(admin) as s:
            assert len(s.chunk()) == size
    for fault in ({"chunk": 3, "wire": 1}, {"wire": 5}):
        api.faults.add("split", watch=True, **fault)
        with watch_of(admin) as s:
            assert s.event() == plain
    api.faults.add("split", path="/api/v1/pods", watch=False, chunk=11)
    assert len(admin.get("/api/v1/pods").json()["items"]) == 1


@pytest.mark.parametrize("kind", ["reset", "cut"])
@pytest.mark.parametrize("after", [0, 1, 100, 4000])
def test_ends_anywhere(api, admin, kind, after):
    api.pods(3)
    api.faults.add(kind, watch=True, after=after)
    got = b""
    with watch_of(admin) as s:
        with pytest.raises(Ended) as e:
            while True:
                got += s.chunk()
    assert not e.value.clean and len(got) <= after
    with watch_of(admin) as s:
        assert len(s.events(3)) == 3
    api.faults.add(kind, path="/pods", watch=False, after=after)
    with pytest.raises(Exception):
        admin.get("/api/v1/pods")


def test_stall(api, admin):
    api.pods(2)
    fault = api.faults.add("stall", watch=True, after=100)
    with watch_of(admin) as s:
        s.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            s.event()
    assert fault.used == 1
    api.faults.clear()


def test_events_that_are_not_as_they_should_be(api, admin):
    api.pods(4)
    api.faults.add("join", watch=True, events=3)
    with watch_of(admin) as s:
        assert s.chunk().count(b"\n") == 3 and s.chunk().count(b"\n") == 1
    api.faults.add("malformed", watch=True, at=1, bytes="nonsense\n")
    with watch_of(admin) as s:
        s.event()
        with pytest.raises(ValueError):
            s.event()
    api.faults.add("truncated", watch=True, at=1)
    with watch_of(admin) as s:
        s.event()
        with pytest.raises(ValueError):
            s.event()
    api.faults.add("huge", watch=True, at=2, size=3_000_000)
    with watch_of(admin) as s:
        assert [len(json.dumps(e)) > 3_000_000 for e in s.events(4)] == [False, False, True, False]
    api.faults.add("duplicate", watch=True, each=2)
    with watch_of(admin) as s:
        assert [int(e[1]["metadata"]["name"][-1]) for e in s.events(9)] == [0, 1, 0, 2, 0, 1, 3, 1, 2]


def test_statuses(api, admin):
    api.faults.add("status", code=429, retry_after=3, path="/pods", count=2)
    for _ in range(2):
        busy = admin.get("/api/v1/pods")
        assert (busy.status, busy.headers["Retry-After"], busy.json()["reason"]) == (429, "3", "TooManyRequests")
    assert admin.get("/api/v1/pods").status == 200
    for code in (500, 503):
        api.faults.add("status", code=code)
        assert admin.get("/api/v1/pods").status == code
    api.faults.add("close")
    with pytest.raises((ConnectionError, ssl.SSLError)):
        admin.get("/api/v1/pods")
    assert [r[4] for r in api.requests if r[2] == "/api/v1/pods"][:3] == [429, 429, 200]


def test_watches_that_end(api, admin):
    """By their time, by command, by 410, by the server's going; and it comes again with what it had."""
    api.pods(3)
    with watch_of(admin, "&timeoutSeconds=1") as s:
        assert len(s.all()) == 3
    api.faults.add("end", watch=True, after=2)
    with watch_of(admin) as s:
        assert len(s.all()) == 2
    api.faults.add("expire", watch=True, after=1)
    with watch_of(admin) as s:
        assert [t for t, _ in s.all()] == ["ADDED", "ERROR"]
    with watch_of(admin) as s:
        s.events(3)
        api.expire_watches()
        assert s.event()[1]["code"] == 410
    api.faults.add("bookmarks", watch=True, drop=True)
    with watch_of(admin, "&allowWatchBookmarks=true&timeoutSeconds=1") as s:
        assert [t for t, _ in s.all()] == ["ADDED"] * 3
    with watch_of(admin) as s:
        s.events(3)
        url = api.url
        api.stop()
        with pytest.raises(Ended):
            s.event()
    with pytest.raises(OSError):
        admin.get("/api/v1/pods")
    api.start()
    assert api.url == url and len(admin.get("/api/v1/pods").json()["items"]) == 3


def test_many(api, admin):
    """5,000 pods, by pages, as one list, and as a watch from nothing."""
    api.pods(5000)
    names, token = [], ""
    while token is not None:
        page = admin.get("/api/v1/pods?limit=500" + (f"&continue={token}" if token else "")).json()
        names += [p["metadata"]["name"] for p in page["items"]]
        token = page["metadata"].get("continue")
    assert len(set(names)) == len(names) == 5000 and len(admin.get("/api/v1/pods", Accept_Encoding="identity").json()["items"]) == 5000
    with watch_of(admin) as s:
        assert {e[1]["metadata"]["name"] for e in s.events(5000)} == set(names)


def test_as_a_command(tmp_path):
    command = ["/usr/bin/python3", "-B", os.path.join(HERE, "apiserver.py"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as p:
        try:
            assert p.stdout.readline().startswith("ready")
            env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
            client = Client(env["URL"], env["CA"], env["TOKEN"])
            assert client.post("/standin/pods", {"count": 5}).status == 200 and len(client.get("/api/v1/pods").json()["items"]) == 5
            assert client.post("/standin/faults", {"kind": "status", "code": 503}).status == 200 and client.get("/api").status == 503
            assert client.post("/standin/faults", {"kind": "nonsense"}).status == 400
            assert client.post("/standin/compact", {}).status == 200 and client.get("/standin/requests").json()["requests"]
            bob = Client(env["URL"], env["CA"], client.post("/standin/tokens", {"user": "bob"}).json()["token"])
            assert bob.get("/api").status == 200 and bob.post("/standin/compact", {}).status == 403
            assert Client(env["URL"], env["CA"]).post("/standin/compact", {}).status == 403
        finally:
            p.terminate()
    assert p.returncode == 0


# ---- kubectl -----------------------------------------------------------------------------------------------------------------------

KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl")


class Kubectl:
    def __init__(self, api, home):
        self._command = [KUBECTL, "--kubeconfig", api.kubeconfig(), "--cache-dir", str(home / "cache")]
        self._env = {"PATH": os.environ["PATH"], "HOME": str(home)}

    def start(self, *arguments):
        return subprocess.Popen([*self._command, *arguments], stdout=subprocess.PIPE, text=True, env=self._env)

    def __call__(self, *arguments, stdin=None, fails=False):
        done = subprocess.run([*self._command, *arguments], input=stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin), text=True,
                              capture_output=True, env=self._env, timeout=60)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout


@pytest.fixture
def kubectl(tmp_path, directory):
    if not KUBECTL:
        pytest.skip("there is no kubectl (scripts/deps.sh)")
    with ApiServer(directory, play=["kubelet", "namespaces"]) as up:
        k = Kubectl(up, tmp_path)
        k("apply", "-f", "-", stdin={"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "demo"}})
        k.api = up
        yield k


def test_kubectl_and_pods(kubectl):
    with kubectl.start("get", "pods", "-A", "-w", "-l", "pg-intercept=enabled", "-o", r"jsonpath={.metadata.name} {.metadata.labels}{'\n'}") as w:
        assert kubectl.api.wait_for_watches(1)
        assert kubectl("apply", "-f", "-", stdin=POD) == "pod/p1 created\n"
        assert "p1" in w.stdout.readline()
        assert kubectl("apply", "-f", "-", stdin=POD) == "pod/p1 unchanged\n"
        kubectl("label", "-n", "demo", "pod", "p1", "pg-intercept=off", "--overwrite")
        assert json.loads(w.stdout.readline().split(" ", 1)[1]) == {"pg-intercept": "enabled"}
        kubectl("apply", "-f", "-", stdin=POD)
        assert "enabled" in w.stdout.readline()
        w.terminate()
    assert kubectl("get", "pods", "-A").split()[:6] == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert kubectl("get", "pod", "-n", "demo", "p1", "-o", "jsonpath={.spec.nodeName} {.metadata.labels.pg-intercept}") == "node1 enabled"
    kubectl("create", "-f", "-", stdin={**POD, "metadata": {"name": "p2", "namespace": "demo"}})
    assert "AlreadyExists" in kubectl("create", "-f", "-", stdin={**POD, "metadata": {"name": "p2", "namespace": "demo"}}, fails=True)
    kubectl("annotate", "-n", "demo", "pod", "p2", "a=b")
    with kubectl.start("wait", "-n", "demo", "--for=delete", "pod/p1", "--timeout=30s") as w:
        assert kubectl.api.wait_for_watches(1)
        kubectl("delete", "pod", "-n", "demo", "p1", "--wait=false")
        assert w.wait(30) == 0
    kubectl("delete", "ns", "demo")
    assert kubectl("get", "pods", "-A", "-o", "name") == ""
    assert "NotFound" in kubectl("get", "ns", "demo", fails=True)


def test_kubectl_and_custom_resources(kubectl):
    kubectl("apply", "-f", "-", stdin=WIDGETS)
    kubectl("wait", "--for=condition=Established", "crd/widgets.example.dev", "--timeout=20s")
    a = {**widget("a", size=3), "metadata": {"name": "a", "namespace": "demo"}}
    kubectl("apply", "-f", "-", stdin=a)
    assert kubectl("get", "wd", "-n", "demo").split() == ["NAME", "SIZE", "READY", "a", "3"]
    kubectl("patch", "wd", "-n", "demo", "a", "--type=merge", "-p", '{"spec":{"size":5}}')
    kubectl("apply", "-f", "-", stdin=a)
    assert kubectl("get", "wd", "-n", "demo", "a", "-o", "jsonpath={.spec.size} {.metadata.generation}") == "3 3"
    assert "spec.size in body should be less than or equal to 10" in kubectl("apply", "-f", "-", stdin={**a, "spec": {"size": 11}}, fails=True)
    if not kubectl("version", "--client", "-o", "json").count('"v1.20'):
        assert 'unknown field "spec.colour"' in kubectl("apply", "-f", "-", stdin={**a, "spec": {"size": 1, "colour": "x"}}, fails=True)
        assert 'unknown field "spec.hostNetwerk"' in kubectl("apply", "-f", "-", stdin={**POD, "spec": {**POD["spec"], "hostNetwerk": True}}, fails=True)
        kubectl("apply", "--server-side", "-f", "-", stdin={**a, "metadata": {"name": "s", "namespace": "demo"}})
        kubectl("apply", "--dry-run=server", "-f", "-", stdin={**POD, "metadata": {"name": "d", "namespace": "demo"}})
    kubectl("delete", "wd", "-n", "demo", "--all")
    assert kubectl("get", "wd", "-A", "-o", "name") == ""
    kubectl("delete", "crd", "widgets.example.dev")
