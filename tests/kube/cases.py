# SPDX-License-Identifier: MIT
"""What is done to an API server, and what it must show of it: each case is run against the stand-in (make test) and against a real
server (make test-kube), and both must answer and tell exactly this.

A case is a function of a World. What comes is written down as lines: "ADDED p1 v1 x=y", where v1 is the first version that the case saw,
and so on in the order of their numbers; answers as their code and, when they are failures, reason and message. Besides, every object that came is kept
without what must differ (World.objects), so that those of both servers can be compared as a whole."""

import json
import random
import re
import urllib.parse

import servers

CASES = []


def case(function):
    CASES.append(function)
    return function


class World:
    """A namespace of its own on some server."""

    def __init__(self, server, namespace):
        self.server, self.admin, self.namespace = server, server.admin, namespace
        self.lines, self.objects, self._versions, self._marks = [], [], [], 0
        made = self.admin.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        assert made.status == 201, made.body

    def finish(self):
        """Lines, with versions by their order."""
        order = {v: f"v{i + 1}" for i, v in enumerate(sorted(set(self._versions), key=int))}
        return [re.sub(r"<(\d+)>", lambda m: order[m[1]], line).replace(self.namespace, "NS") for line in self.lines]

    def path(self, what):
        """pods, pods/p1/status, leases/x; namespaces and cluster-wide things with a leading slash."""
        if what.startswith("/"):
            return what
        group = {"leases": "/apis/coordination.k8s.io/v1", "widgets": "/apis/example.dev/v1"}.get(re.split(r"[/?]", what)[0], "/api/v1")
        return f"{group}/namespaces/{self.namespace}/{what}"

    until = staticmethod(servers.until)

    # ---- actions ---------------------------------------------------------------------------------------------------------

    def ask(self, method, what, body=None, quiet=False, client=None, **headers):
        answer = (client or self.admin).ask(method, self.path(what), body, **headers)
        obj = answer.json() if answer.body[:1] == b"{" else {}
        if not quiet:
            self.lines.append(f"{answer.status} {self._failure(obj) if answer.status >= 400 else self._line(obj)}".rstrip())
            if answer.status < 400:
                self.objects.append(self.plain(obj))
        return obj

    def create(self, what, obj, **kw):
        return self.ask("POST", what, obj, **kw)

    def patch(self, what, patch, kind="merge", **kw):
        return self.ask("PATCH", what, patch, kind={"merge": "application/merge-patch+json", "json": "application/json-patch+json",
                                                    "strategic": "application/strategic-merge-patch+json", "apply": "application/apply-patch+yaml"}[kind], **kw)

    def label(self, what, **labels):
        return self.patch(what, {"metadata": {"labels": labels}})

    def delete(self, what, grace=None, **kw):
        return self.ask("DELETE", what, None if grace is None else {"gracePeriodSeconds": grace}, **kw)

    # ---- lists and watches -------------------------------------------------------------------------------------------------

    def list(self, what, **query):
        """The names, as a line; the answer."""
        got = self.admin.get(self.path(what) + ("?" + urllib.parse.urlencode(query) if query else ""))
        body = got.json()
        if got.status >= 400:
            self.lines.append(f"{got.status} {self._failure(body)}")
        else:
            more = " …" if body["metadata"].get("continue") else ""
            self.lines.append(" ".join(["list", *(self._line(o) for o in body["items"])]) + more)
            self.objects += [self.plain(o) for o in body["items"]]
        return body

    def watch(self, what, **query):
        query = {"watch": "1", "timeoutSeconds": "600", **query}
        return self.admin.watch(self.path(what) + "?" + urllib.parse.urlencode(query))

    def events(self, stream, count, name="", quiet=False):
        """The next of them as lines."""
        for _ in range(count):
            kind, obj = stream.event()
            if kind == "ERROR":
                self.lines.append(f"{name}ERROR {self._failure(obj)}")
                continue
            line = f"{name}{kind} {self._line(obj)}" if kind != "BOOKMARK" else f"{name}BOOKMARK"
            self.lines.append(line)
            if kind != "BOOKMARK":
                self.objects.append([kind, self.plain(obj)])

    def until_mark(self, stream, what, mark, name=""):
        """All events until that of an object that is made now and belongs to the selection."""
        self._marks += 1
        mark = {**mark, "metadata": {**mark["metadata"], "name": f"mark{self._marks}"}}
        self.ask("POST", what, mark, quiet=True)
        while True:
            kind, obj = stream.event()
            if obj["metadata"]["name"] == mark["metadata"]["name"]:
                assert kind == "ADDED"
                return
            if obj["metadata"]["name"].startswith("mark"):
                continue
            self.lines.append(f"{name}{kind} {self._line(obj)}")
            self.objects.append([kind, self.plain(obj)])

    # ---- as lines ------------------------------------------------------------------------------------------------------------

    def _line(self, obj):
        if obj.get("kind") == "Status":
            return "Success" + (f" {obj['details']['kind']}/{obj['details']['name']}" if obj.get("details") else "")
        m = obj.get("metadata") or {}
        out = [m.get("name", obj.get("kind", ""))]
        if m.get("resourceVersion"):
            self._versions.append(m["resourceVersion"])
            out.append(f"<{m['resourceVersion']}>")
        out += [f"{k}={v}" for k, v in sorted((m.get("labels") or {}).items()) if k != "kubernetes.io/metadata.name"]
        if m.get("deletionTimestamp"):
            out.append(f"going:{m.get('deletionGracePeriodSeconds', '')}")
        if (obj.get("spec") or {}).get("nodeName"):
            out.append("on:" + obj["spec"]["nodeName"])
        if (obj.get("status") or {}).get("phase") not in (None, "Pending", "Active"):
            out.append(obj["status"]["phase"])
        return " ".join(out)

    @staticmethod
    def _failure(obj):
        message = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID", obj.get("message", "")).split("\n")[0]
        message = re.sub(r"StorageError: invalid object, Code: 4, Key: \S+, ResourceVersion: \d+, AdditionalErrorMsg: ", "", message)
        message = re.sub(r"(unable to parse requirement|continue key is not valid): .*", r"\1", message)
        return f"{obj.get('reason', '')}: {message}"

    def plain(self, obj):
        """What both servers must agree about."""
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME", json.dumps(obj)).replace(self.namespace, "NS")
        obj = json.loads(text)
        m = obj.get("metadata") or {}
        for key in ("uid", "resourceVersion", "selfLink"):
            m.pop(key, None)
        (obj.get("details") or {}).pop("uid", None)
        if "managedFields" in m:
            m["managedFields"] = sorted(m["managedFields"], key=json.dumps)
        return obj


def pod(name, node="", labels=None, **spec):
    out = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "x"}], **spec}}
    if node:
        out["spec"]["nodeName"] = node
    if labels:
        out["metadata"]["labels"] = labels
    return out


# ---- watches -----------------------------------------------------------------------------------------------------------------------

@case
def a_pod_comes_changes_and_goes(w):
    now = w.list("pods")["metadata"]["resourceVersion"]
    w.create("pods", pod("p1", "n1"))
    w.label("pods/p1", a="b")
    w.patch("pods/p1/status", {"status": {"phase": "Running", "podIP": "10.0.0.1"}})
    w.delete("pods/p1", 0)
    with w.watch("pods", resourceVersion=now) as s:
        w.events(s, 5)
    return ["list", "201 p1 v1 on:n1", "200 p1 v2 a=b on:n1", "200 p1 v3 a=b on:n1 Running", "200 p1 v4 a=b going:0 on:n1 Running",
            "ADDED p1 v1 on:n1", "MODIFIED p1 v2 a=b on:n1", "MODIFIED p1 v3 a=b on:n1 Running", "MODIFIED p1 v4 a=b going:0 on:n1 Running",
            "DELETED p1 v5 a=b going:0 on:n1 Running"]


@case
def out_of_the_selection_and_in_again(w):
    with w.watch("pods", labelSelector="a=b") as s:
        w.create("pods", pod("p1", labels={"a": "b", "c": "d"}))
        w.create("pods", pod("p2"))
        w.label("pods/p1", c="e")
        w.label("pods/p1", a=None)
        w.label("pods/p1", c="f")
        w.label("pods/p2", a="b")
        w.label("pods/p1", a="b")
        w.until_mark(s, "pods", pod("", labels={"a": "b"}))
    return ["201 p1 v1 a=b c=d", "201 p2 v2", "200 p1 v3 a=b c=e", "200 p1 v4 c=e", "200 p1 v5 c=f", "200 p2 v6 a=b", "200 p1 v7 a=b c=f",
            "ADDED p1 v1 a=b c=d", "MODIFIED p1 v3 a=b c=e", "DELETED p1 v4 a=b c=e", "ADDED p2 v6 a=b", "ADDED p1 v7 a=b c=f"]


@case
def selected_by_node(w):
    """A pod comes to a node when it is bound there."""
    with w.watch("pods", fieldSelector="spec.nodeName=n1") as s:
        w.create("pods", pod("p1"))
        w.create("pods", pod("p2", "n2"))
        w.create("pods/p1/binding", {"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "p1"}, "target": {"kind": "Node", "name": "n1"}})
        w.create("pods/p2/binding", {"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "p2"}, "target": {"kind": "Node", "name": "n1"}})
        w.until_mark(s, "pods", pod("", "n1"))
    w.list("pods", fieldSelector="spec.nodeName=n2")
    w.list("pods", fieldSelector="spec.nodeName!=n2,metadata.name=p1")
    w.list("pods", fieldSelector="spec.noSuch=n2")
    return ["201 p1 v1", "201 p2 v2 on:n2", "201 Success",
            '409 Conflict: Operation cannot be fulfilled on pods/binding "p2": pod p2 is already assigned to node "n2"', "ADDED p1 v3 on:n1",
            "list p2 v2 on:n2", "list p1 v3 on:n1", "400 BadRequest: field label not supported: spec.noSuch"]


@case
def selected_by_phase(w):
    with w.watch("pods", fieldSelector="status.phase=Running") as s:
        w.create("pods", pod("p1", "n1"))
        w.patch("pods/p1/status", {"status": {"phase": "Running"}})
        w.patch("pods/p1/status", {"status": {"phase": "Succeeded"}})
        w.delete("pods/p1")
        w.create("pods", pod("p2", "n1"))
        w.patch("pods/p2/status", {"status": {"phase": "Running"}})
        w.events(s, 3)
    return ["201 p1 v1 on:n1", "200 p1 v2 on:n1 Running", "200 p1 v3 on:n1 Succeeded", "200 p1 v4 going:0 on:n1 Succeeded", "201 p2 v5 on:n1", "200 p2 v6 on:n1 Running",
            "ADDED p1 v2 on:n1 Running", "DELETED p1 v3 on:n1 Running", "ADDED p2 v6 on:n1 Running"]


@case
def without_a_version_all_is_added(w):
    w.create("pods", pod("p1", labels={"a": "b"}))
    w.create("pods", pod("p2"))
    w.create("pods", pod("p3", labels={"a": "c"}))
    for version in ({}, {"resourceVersion": "0"}):
        with w.watch("pods", labelSelector="a", **version) as s:
            kinds = sorted(f"{k} {o['metadata']['name']}" for k, o in (s.event(), s.event()))
            w.lines.append(", ".join(kinds))
            w.label("pods/p2", x="y" if version else "z")
            w.label("pods/p1", x="y" if version else "z")
            w.events(s, 1)
    return ["201 p1 v1 a=b", "201 p2 v2", "201 p3 v3 a=c", "ADDED p1, ADDED p3", "200 p2 v4 x=z", "200 p1 v5 a=b x=z", "MODIFIED p1 v5 a=b x=z",
            "ADDED p1, ADDED p3", "200 p2 v6 x=y", "200 p1 v7 a=b x=y", "MODIFIED p1 v7 a=b x=y"]


@case
def one_by_name(w):
    with w.watch("pods", fieldSelector="metadata.name=p2") as s:
        w.create("pods", pod("p1"))
        w.create("pods", pod("p2"))
        w.delete("pods/p1", 0)
        w.delete("pods/p2", 0)
        w.create("pods", pod("p2"))
        w.events(s, 4)
    return ["201 p1 v1", "201 p2 v2", "200 p1 v3 going:0", "200 p2 v4 going:0", "201 p2 v6", "ADDED p2 v2", "MODIFIED p2 v4 going:0", "DELETED p2 v5 going:0", "ADDED p2 v6"]


@case
def the_same_name_again(w):
    """Another uid: whoever keeps pods by name would take it for the first."""
    with w.watch("pods") as s:
        first = w.create("pods", pod("p1"))["metadata"]["uid"]
        w.delete("pods/p1", 0)
        second = w.create("pods", pod("p1"))["metadata"]["uid"]
        w.lines.append("same" if first == second else "other")
        w.ask("DELETE", "pods/p1", {"preconditions": {"uid": first}}, quiet=True)
        w.until_mark(s, "pods", pod(""))
    return ["201 p1 v1", "200 p1 v2 going:0", "201 p1 v4", "other", "ADDED p1 v1", "MODIFIED p1 v2 going:0", "DELETED p1 v3 going:0", "ADDED p1 v4"]


@case
def what_changes_nothing_is_no_event(w):
    with w.watch("pods") as s:
        w.create("pods", pod("p1", labels={"a": "b"}))
        w.label("pods/p1", a="b")
        same = w.ask("GET", "pods/p1")
        w.ask("PUT", "pods/p1", same)
        w.until_mark(s, "pods", pod(""))
    return ["201 p1 v1 a=b", "200 p1 v1 a=b", "200 p1 v1 a=b", "200 p1 v1 a=b", "ADDED p1 v1 a=b"]


@case
def namespaces_and_their_labels(w):
    ns = "/api/v1/namespaces/" + w.namespace
    with w.watch("/api/v1/namespaces", labelSelector="enroll=" + w.namespace) as s:
        w.label(ns, enroll=w.namespace)
        w.label(ns, enroll="false")
        w.label(ns, enroll=w.namespace, x="y")
        w.delete(ns)
        w.create("pods", pod("late"))
        w.events(s, 4)
    return ["200 NS v1 enroll=NS", "200 NS v2 enroll=false", "200 NS v3 enroll=NS x=y", "200 NS v4 enroll=NS x=y going: Terminating",
            '403 Forbidden: pods "late" is forbidden: unable to create new content in namespace NS because it is being terminated',
            "ADDED NS v1 enroll=NS", "DELETED NS v2 enroll=NS", "ADDED NS v3 enroll=NS x=y", "MODIFIED NS v4 enroll=NS x=y going: Terminating"]


# ---- how pods go ---------------------------------------------------------------------------------------------------------------------

@case
def grace(w):
    with w.watch("pods") as s:
        w.create("pods", pod("p1", "n1", terminationGracePeriodSeconds=20))
        w.delete("pods/p1")
        w.delete("pods/p1", 60)
        w.delete("pods/p1")
        w.delete("pods/p1", 5)
        w.label("pods/p1", still="here")
        w.delete("pods/p1", 0)
        w.delete("pods/p1", 0)
        w.until_mark(s, "pods", pod(""))
    return ["201 p1 v1 on:n1", "200 p1 v2 going:20 on:n1", "200 p1 v2 going:20 on:n1", "200 p1 v2 going:20 on:n1", "200 p1 v3 going:5 on:n1",
            "200 p1 v4 still=here going:5 on:n1", "200 p1 v5 still=here going:0 on:n1", '404 NotFound: pods "p1" not found',
            "ADDED p1 v1 on:n1", "MODIFIED p1 v2 going:20 on:n1", "MODIFIED p1 v3 going:5 on:n1", "MODIFIED p1 v4 still=here going:5 on:n1",
            "MODIFIED p1 v5 still=here going:0 on:n1", "DELETED p1 v6 still=here going:0 on:n1"]


@case
def finalizers(w):
    with w.watch("configmaps") as s:
        w.create("configmaps", {"metadata": {"name": "x", "finalizers": ["example.dev/wait"]}})
        w.delete("configmaps/x")
        w.delete("configmaps/x")
        w.label("configmaps/x", a="b")
        w.patch("configmaps/x", {"metadata": {"finalizers": None}})
        w.until_mark(s, "configmaps", {"metadata": {}})
    return ["201 x v1", "200 x v2 going:0", "200 x v2 going:0", "200 x v3 a=b going:0", "200 x v3 a=b going:0",
            "ADDED x v1", "MODIFIED x v2 going:0", "MODIFIED x v3 a=b going:0", "DELETED x v4 a=b going:0"]


@case
def a_pod_with_a_finalizer(w):
    with w.watch("pods") as s:
        made = pod("p1", "n1")
        made["metadata"]["finalizers"] = ["example.dev/wait"]
        w.create("pods", made)
        w.delete("pods/p1", 3)
        w.delete("pods/p1", 0)
        w.patch("pods/p1", {"metadata": {"finalizers": None}})
        w.until_mark(s, "pods", pod(""))
    return ["201 p1 v1 on:n1", "200 p1 v2 going:3 on:n1", "200 p1 v3 going:0 on:n1", "200 p1 v3 going:0 on:n1",
            "ADDED p1 v1 on:n1", "MODIFIED p1 v2 going:3 on:n1", "MODIFIED p1 v3 going:0 on:n1", "DELETED p1 v4 going:0 on:n1"]


@case
def all_of_them(w):
    for i in range(3):
        w.create("configmaps", {"metadata": {"name": f"c{i}", "labels": {"a": str(i % 2)}}})
    with w.watch("configmaps", resourceVersion=w.list("configmaps")["metadata"]["resourceVersion"]) as s:
        w.ask("DELETE", "configmaps?labelSelector=a%3D0", quiet=True)
        w.until_mark(s, "configmaps", {"metadata": {}})
    return ["201 c0 v1 a=0", "201 c1 v2 a=1", "201 c2 v3 a=0", "list c0 v1 a=0 c1 v2 a=1 c2 v3 a=0", "DELETED c0 v4 a=0", "DELETED c2 v5 a=0"]


# ---- lists --------------------------------------------------------------------------------------------------------------------------

@case
def pages(w):
    for name in ("a", "b", "c", "d", "e"):
        w.create("configmaps", {"metadata": {"name": name}}, quiet=True)
    first = w.list("configmaps", limit="2")
    w.lines.append(str(first["metadata"]["remainingItemCount"]))
    w.delete("configmaps/c", quiet=True)
    w.create("configmaps", {"metadata": {"name": "bb"}}, quiet=True)
    second = w.list("configmaps", limit="2", **{"continue": first["metadata"]["continue"]})
    third = w.list("configmaps", limit="2", **{"continue": second["metadata"]["continue"]})
    w.lines.append("one version" if len({p["metadata"]["resourceVersion"] for p in (first, second, third)}) == 1 else "versions differ")
    w.list("configmaps")
    w.list("configmaps", **{"continue": "nonsense"})
    any_version = w.admin.get(w.path("configmaps?limit=2&resourceVersion=0")).json()  # in any order, and all of them
    w.lines.append(" ".join(sorted(o["metadata"]["name"] for o in any_version["items"])))
    return ["list a v1 b v2 …", "3", "list c v3 d v4 …", "list e v5", "one version", "list a v1 b v2 bb v6 d v4 e v5",
            "400 BadRequest: invalid continue token: continue key is not valid", "a b bb d e"]


@case
def lists_of_a_version(w):
    first = w.create("configmaps", {"metadata": {"name": "a"}})["metadata"]["resourceVersion"]
    w.delete("configmaps/a")
    w.create("configmaps", {"metadata": {"name": "b"}})
    w.list("configmaps", resourceVersion=first, resourceVersionMatch="Exact")
    w.list("configmaps", resourceVersion=first, resourceVersionMatch="NotOlderThan")
    w.list("configmaps", resourceVersion=first)
    w.list("configmaps", resourceVersion=first, limit="5")
    w.list("configmaps", resourceVersionMatch="Exact")
    w.list("configmaps", resourceVersion="0", resourceVersionMatch="Exact")
    w.list("configmaps", labelSelector="a b")
    return ["201 a v1", "200 Success configmaps/a", "201 b v2", "list a v1", "list b v2", "list b v2", "list a v1",
            '422 Invalid: ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
            '422 Invalid: ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
            "400 BadRequest: unable to parse requirement"]


@case
def label_selectors(w):
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2", "y": ""}), ("c", {})):
        w.create("configmaps", {"metadata": {"name": name, "labels": labels}}, quiet=True)
    for selector in ("x=1", "x==2", "x!=1", "x in (1,2)", "x notin (1)", "x", "!x", "x,y", "x=1,y", "y=", "x in (2),!z"):
        w.lines.append(selector)
        w.list("configmaps", labelSelector=selector)
    return ["x=1", "list a v1 x=1", "x==2", "list b v2 x=2 y=", "x!=1", "list b v2 x=2 y= c v3", "x in (1,2)", "list a v1 x=1 b v2 x=2 y=", "x notin (1)", "list b v2 x=2 y= c v3",
            "x", "list a v1 x=1 b v2 x=2 y=", "!x", "list c v3", "x,y", "list b v2 x=2 y=", "x=1,y", "list", "y=", "list b v2 x=2 y=", "x in (2),!z", "list b v2 x=2 y="]


# ---- writes ---------------------------------------------------------------------------------------------------------------------------

@case
def names(w):
    w.create("pods", pod("p1"))
    w.create("pods", pod("p1"))
    w.create("pods", {"spec": pod("")["spec"]})
    w.create("/api/v1/namespaces/no-such/pods", pod("p1"))
    w.create("pods", {**pod("p1"), "metadata": {"name": "p2", "namespace": "default"}})
    w.create("pods", {**pod("p3"), "metadata": {"name": "p3", "resourceVersion": "5"}})
    w.ask("GET", "pods/none")
    w.ask("PUT", "pods/p1", {**pod("other")})
    return ["201 p1 v1", '409 AlreadyExists: pods "p1" already exists', '422 Invalid: Pod "" is invalid: metadata.name: Required value: name or generateName is required',
            '404 NotFound: namespaces "no-such" not found', "400 BadRequest: the namespace of the provided object does not match the namespace sent on the request",
            "500 : resourceVersion should not be set on objects to be created", '404 NotFound: pods "none" not found',
            "400 BadRequest: the name of the object (other) does not match the name on the URL (p1)"]


@case
def versions_of_writes(w):
    obj = w.create("leases", {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 10}})
    obj["spec"]["holderIdentity"] = "b"
    w.ask("PUT", "leases/l", obj)
    obj["spec"]["holderIdentity"] = "c"
    w.ask("PUT", "leases/l", obj)
    w.patch("leases/l", {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, "spec": {"holderIdentity": "c"}})
    del obj["metadata"]["resourceVersion"]
    w.ask("PUT", "leases/l", obj)
    w.patch("leases/l", {"metadata": {"uid": "other"}})
    w.ask("DELETE", "leases/l", {"preconditions": {"resourceVersion": "1"}}, quiet=True)
    w.ask("GET", "leases/l")
    w.ask("PUT", "leases/new", {"metadata": {"name": "new"}, "spec": {"holderIdentity": "x"}})
    text = "the object has been modified; please apply your changes to the latest version and try again"
    conflict = f'409 Conflict: Operation cannot be fulfilled on leases.coordination.k8s.io "l": {text}'
    return ["201 l v1", "200 l v2", conflict, conflict,
            '422 Invalid: leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
            '422 Invalid: Lease.coordination.k8s.io "l" is invalid: metadata.uid: Invalid value: "other": field is immutable', "200 l v2", "201 new v3"]


@case
def patches(w):
    w.create("pods", pod("p1", "n1", labels={"a": "1"}, containers=[{"name": "c", "image": "x"}, {"name": "d", "image": "y"}]))
    w.patch("pods/p1", {"spec": {"containers": [{"name": "d", "image": "z"}]}}, "strategic")
    w.patch("pods/p1", [{"op": "test", "path": "/metadata/labels/a", "value": "1"}, {"op": "add", "path": "/metadata/labels/b", "value": "2"}], "json")
    w.patch("pods/p1", [{"op": "test", "path": "/metadata/labels/a", "value": "2"}], "json")
    w.patch("pods/p1", {"metadata": {"labels": {"a": None, "c": "3"}}}, "strategic")
    w.patch("pods/p1", {"spec": {"hostNetwork": True}})
    w.ask("PATCH", "pods/p1", {}, kind="application/json")
    return ["201 p1 v1 a=1 on:n1", "200 p1 v2 a=1 on:n1", "200 p1 v3 a=1 b=2 on:n1",
            "422 Invalid: the server rejected our request due to an error in our request", "200 p1 v4 b=2 c=3 on:n1",
            '422 Invalid: Pod "p1" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`, '
            "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)",
            "415 UnsupportedMediaType: 415: Unsupported Media Type"]


@case
def applied(w):
    """Two managers, each with its own fields; what one does not say any more is gone, and what is the other's is refused."""
    def config(**data):
        return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": data}
    w.patch("configmaps/c?fieldManager=one", config(a="1", b="2"), "apply")
    w.patch("configmaps/c?fieldManager=two", config(c="3"), "apply")
    w.patch("configmaps/c?fieldManager=one", config(a="1"), "apply")
    w.patch("configmaps/c?fieldManager=one", config(a="1"), "apply")
    w.patch("configmaps/c?fieldManager=two", config(a="9", c="3"), "apply")
    w.patch("configmaps/c?fieldManager=two&force=true", config(a="9", c="3"), "apply")
    w.lines.append(json.dumps(w.ask("GET", "configmaps/c", quiet=True)["data"]))
    return ["201 c v1", "200 c v2", "200 c v3", "200 c v3", '409 Conflict: Apply failed with 1 conflict: conflict with "one": .data.a', "200 c v4", '{"a": "9", "c": "3"}']


@case
def statuses(w):
    w.create("pods", pod("p1", "n1"))
    w.patch("pods/p1/status", {"status": {"phase": "Running"}, "spec": {"nodeName": "n2"}})
    now = w.ask("GET", "pods/p1/status", quiet=True)
    now["status"]["podIP"] = "10.1.2.3"
    now["metadata"]["labels"] = {"by": "status"}
    w.ask("PUT", "pods/p1/status", now)
    w.lines.append(w.ask("GET", "pods/p1", quiet=True)["status"].get("podIP", ""))
    return ["201 p1 v1 on:n1", "200 p1 v2 on:n1 Running", "200 p1 v3 by=status on:n1 Running", "10.1.2.3"]


@case
def events_in_both_groups(w):
    w.create("events", {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": w.namespace}, "reason": "Refused", "message": "m", "type": "Warning",
                        "source": {"component": "pgveil"}, "firstTimestamp": "2026-11-30T08:00:00Z", "lastTimestamp": "2026-11-30T08:00:00Z", "count": 1})
    w.create("events", {"metadata": {"name": "f"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "Refused", "message": "m"})
    new = f"/apis/events.k8s.io/v1/namespaces/{w.namespace}/events"
    w.ask("GET", new + "/e")
    w.create(new, {"metadata": {"name": "g"}, "regarding": {"kind": "Pod", "name": "p", "namespace": w.namespace}, "reason": "Enrolled", "note": "n", "type": "Normal", "action": "Enrol",
                   "reportingController": "pgveil.dev/pgveild", "reportingInstance": "n1", "eventTime": "2026-11-30T08:00:00.000000Z"})
    w.create(new, {"metadata": {"name": "h"}, "regarding": {"kind": "Pod", "name": "p", "namespace": w.namespace}, "note": "n", "type": "Normal"})
    w.list("events", fieldSelector="involvedObject.name=p,type=Normal")
    return ["201 e v1", '422 Invalid: Event "f" is invalid: involvedObject.namespace: Invalid value: "default": does not match event.namespace', "200 e v1", "201 g v2",
            '422 Invalid: Event "h" is invalid: eventTime: Required value', "list g v2"]


# ---- who may ----------------------------------------------------------------------------------------------------------------------------

@case
def roles(w):
    group, base = "rbac.authorization.k8s.io", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{w.namespace}"
    bob = w.server.client("bob")
    w.create("pods", pod("p1"), quiet=True)
    w.ask("GET", "pods", client=bob)
    w.ask("GET", "/api/v1/pods", client=bob)
    w.ask("GET", "/metrics", client=bob)
    w.create(base + "/roles", {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["p1"]},
                                                                   {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]}]}, quiet=True)
    w.create(base + "/rolebindings", {"metadata": {"name": "r"}, "subjects": [{"kind": "User", "apiGroup": group, "name": "bob"}, {"kind": "Group", "apiGroup": group, "name": "none"}],
                                      "roleRef": {"apiGroup": group, "kind": "Role", "name": "r"}}, quiet=True)
    w.until(lambda: w.ask("GET", "pods/p1", quiet=True, client=bob).get("kind") == "Pod", "the role is not heard of")
    w.ask("GET", "pods/p1", client=bob)
    w.ask("GET", "pods/p2", client=bob)
    w.ask("DELETE", "pods/p1", client=bob)
    w.ask("PATCH", "pods/p1/status", {"status": {"phase": "Running"}}, kind="application/merge-patch+json", client=bob)
    w.ask("PATCH", "pods/p1", {}, kind="application/merge-patch+json", client=bob)
    nobody, wrong = w.server.client(None), w.server.client("no such token", raw=True)
    w.ask("GET", "pods", client=nobody)
    w.ask("GET", "pods", client=wrong)
    who = '403 Forbidden: pods{} is forbidden: User "{}" cannot {} resource "pods" in API group "" {}'
    inside = 'in the namespace "NS"'
    return [who.format("", "bob", "list", inside), who.format("", "bob", "list", "at the cluster scope"), '403 Forbidden: forbidden: User "bob" cannot get path "/metrics"',
            "200 p1 v1", who.format(' "p2"', "bob", "get", inside), who.format(' "p1"', "bob", "delete", inside), "200 p1 v2 Running", who.format(' "p1"', "bob", "patch", inside),
            who.format("", "system:anonymous", "list", inside), "401 Unauthorized: Unauthorized"]


# ---- custom resources ----------------------------------------------------------------------------------------------------------------------

def definition(**schema):
    spec = {"type": "object", "required": ["size"], "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10}, "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5}, "list": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 2}},
        "map": {"type": "object", "additionalProperties": {"type": "number"}}, "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "port": {"x-kubernetes-int-or-string": True}, "when": {"type": "string", "format": "date-time"}, "maybe": {"type": "string", "nullable": True},
        "flag": {"type": "boolean"}, **schema}}
    return {"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "metadata": {"name": "widgets.example.dev"}, "spec": {
        "group": "example.dev", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]}, "versions": [{
            "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
            "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                                         {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'}],
            "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {"spec": spec, "status": {"type": "object", "properties": {
                "conditions": {"type": "array", "items": {"type": "object", "properties": {"type": {"type": "string"}, "status": {"type": "string"}}}}}}}}}}]}}


def widget(name, /, **spec):
    return {"kind": "Widget", "apiVersion": "example.dev/v1", "metadata": {"name": name}, "spec": spec}


CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def define(w, **schema):
    """Until it is served."""
    w.ask("POST", CRDS, definition(**schema), quiet=True)
    w.until(lambda: w.ask("GET", "widgets", quiet=True).get("kind") == "WidgetList", "it is not served")


def undefine(w):
    w.ask("DELETE", CRDS + "/widgets.example.dev", quiet=True)
    w.until(lambda: w.ask("GET", CRDS + "/widgets.example.dev", quiet=True).get("code") == 404, "it is still there")


@case
def custom_resources(w):
    define(w)
    with w.watch("widgets") as s:
        w.create("widgets", widget("a", size=3, free={"any": [1]}, unknown=1, port="http"))
        w.patch("widgets/a", {"spec": {"size": 4}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        w.patch("widgets/a/status", {"spec": {"size": 9}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}, "metadata": {"labels": {"x": "y"}}})
        w.label("widgets/a", x="z")
        w.ask("PATCH", "widgets/a", {}, kind="application/strategic-merge-patch+json", quiet=True)
        w.ask("PUT", "widgets/a", widget("a", size=4))
        w.delete("widgets/a")
        w.until_mark(s, "widgets", widget("", size=1))
    table = w.ask("GET", "widgets", quiet=True, Accept="application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
    w.lines.append(" ".join(c["name"] for c in table["columnDefinitions"]) + " " + json.dumps(table["rows"][0]["cells"]))
    undefine(w)
    w.ask("GET", CRDS + "/widgets.example.dev")
    return ["201 a v1", "200 a v2", "200 a v3", "200 a v4 x=z",
            '422 Invalid: widgets.example.dev "a" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
            "200 Success widgets/a", "ADDED a v1", "MODIFIED a v2", "MODIFIED a v3", "MODIFIED a v4 x=z", "DELETED a v5 x=z", 'Name Size Ready ["mark1", 1, null]',
            '404 NotFound: customresourcedefinitions.apiextensions.k8s.io "widgets.example.dev" not found']


@case
def schemas(w):
    """Which field, and what is wrong with it; servers differ about which value they show for it, and older ones do not say which of a list."""
    define(w)
    for spec in ({}, {"size": 0}, {"size": 11}, {"size": "3"}, {"size": 1.5}, {"size": 3.0}, {"size": 1, "color": "blue"}, {"size": 1, "name": "UP"},
                 {"size": 1, "name": "toolong"}, {"size": 1, "list": []}, {"size": 1, "list": ["a"]}, {"size": 1, "list": "a"}, {"size": 1, "map": {"a": "b"}},
                 {"size": 1, "port": True}, {"size": 1, "when": "yesterday"}, {"size": 1, "maybe": None}, {"size": 1, "flag": "yes"}, {"size": None}, {"size": 1, "color": None}):
        w.create("widgets?dryRun=All", widget("a", **spec))
        w.lines[-1] = json.dumps(spec) + " " + re.sub(r"[^ ]+: Invalid value: [^:]*: |(?<=spec.list)\[0\]", "", w.lines[-1].replace('422 Invalid: Widget.example.dev "a" is invalid: ', ""))
    undefine(w)
    return ['{} spec.size: Required value',
            '{"size": 0} spec.size in body should be greater than or equal to 1',
            '{"size": 11} spec.size in body should be less than or equal to 10',
            '{"size": "3"} spec.size in body must be of type integer: "string"',
            '{"size": 1.5} spec.size in body must be of type integer: "number"',
            '{"size": 3.0} 201 a',
            '{"size": 1, "color": "blue"} spec.color: Unsupported value: "blue": supported values: "red", "green"',
            '{"size": 1, "name": "UP"} spec.name in body should match \'^[a-z]+$\'',
            '{"size": 1, "name": "toolong"} spec.name in body should be at most 5 chars long',
            '{"size": 1, "list": []} spec.list in body should have at least 1 items',
            '{"size": 1, "list": ["a"]} spec.list in body should be at least 2 chars long',
            '{"size": 1, "list": "a"} spec.list in body must be of type array: "string"',
            '{"size": 1, "map": {"a": "b"}} spec.map.a in body must be of type number: "string"',
            '{"size": 1, "port": true} spec.port in body must be of type integer,string: "boolean"',
            '{"size": 1, "when": "yesterday"} spec.when in body must be of type date-time: "yesterday"',
            '{"size": 1, "maybe": null} 201 a',
            '{"size": 1, "flag": "yes"} spec.flag in body must be of type boolean: "string"',
            '{"size": null} spec.size: Required value',
            '{"size": 1, "color": null} 201 a']


@case
def kinds_that_do_not_fit(w):
    define(w)
    w.create("widgets", {"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": "a"}}, quiet=True)
    for body in ({"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": "a"}}, {"apiVersion": "example.dev/v1", "metadata": {"name": "a"}, "spec": {"size": 1}},
                 {"apiVersion": "example.dev/v2", "kind": "Widget", "metadata": {"name": "a"}, "spec": {"size": 1}}):
        w.create("widgets", body)
        w.lines[-1] = w.lines[-1].split(":")[0]
    undefine(w)
    return ["422 Invalid", "400 BadRequest", "400 BadRequest"]


# ---- at random: for both servers to do the same ---------------------------------------------------------------------------------------------

def at_random(w, seed, count):
    """Writes in any order, right or wrong, under three watches; what came is compared between servers, not with anything here."""
    r = random.Random(seed)
    selectors = ({}, {"labelSelector": "a=1"}, {"fieldSelector": "spec.nodeName=n1"})
    streams = [w.watch("pods", **s) for s in selectors]
    try:
        for _ in range(count):
            name, what = f"p{r.randrange(4)}", r.randrange(12)
            if what < 4:
                w.create("pods", pod(name, r.choice(["", "n1", "n2"]), r.choice([None, {"a": "1"}, {"a": "2", "b": "1"}])))
            elif what < 7:
                w.patch(f"pods/{name}", {"metadata": {"labels": {r.choice("ab"): r.choice([None, "1", "2"])}}})
            elif what == 7:
                w.patch(f"pods/{name}/status", {"status": {"phase": r.choice(["Pending", "Running", "Failed"])}})
            elif what == 8:
                w.create(f"pods/{name}/binding", {"kind": "Binding", "apiVersion": "v1", "metadata": {"name": name}, "target": {"kind": "Node", "name": r.choice(["n1", "n2"])}})
            elif what == 9:
                w.list("pods", **r.choice(selectors))
            else:
                w.delete(f"pods/{name}", r.choice([None, 0, 0, 5]))
        for i, stream in enumerate(streams):
            w.until_mark(stream, "pods", pod("", "n1", {"a": "1"}), f"{i} ")
    finally:
        for stream in streams:
            stream.close()
