# SPDX-License-Identifier: MIT
"""Cases of what pgveil's own objects ask of an API server: custom resources with a status of their own, writes that know what they
change, webhooks that are asked who it was. See cases.py."""

import base64
import concurrent.futures
import json
import random
import re
import tempfile

from cases import CRDS, case, define, definition, undefine, widget
from hook import Hook

HOOKS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
READY, NOT_READY = ({"conditions": [{"type": "Ready", "status": s}]} for s in ("True", "False"))


def shown(w, obj):
    """Of an answer, what a status subresource is about."""
    w.lines.append(json.dumps({"spec": obj.get("spec"), "status": obj.get("status"), "generation": obj["metadata"].get("generation")}, sort_keys=True))


def line(spec, status=None, generation=1):
    return json.dumps({"spec": {"color": "red", **spec}, "status": status, "generation": generation}, sort_keys=True)


# ---- custom resources ------------------------------------------------------------------------------------------------------

@case
def status_and_the_rest(w):
    """What is written by one door does not get in by the other."""
    define(w)
    shown(w, w.create("widgets", {**widget("a", size=1), "status": READY}))
    now = w.ask("GET", "widgets/a", quiet=True)
    shown(w, w.ask("PUT", "widgets/a/status", {**now, "spec": {"size": 9}, "status": {**READY, "unknown": 1}}))
    now = w.ask("GET", "widgets/a/status", quiet=True)
    shown(w, w.ask("PUT", "widgets/a", {**now, "spec": {"size": 2}, "status": NOT_READY}))
    shown(w, w.patch("widgets/a/status", [{"op": "replace", "path": "/status/conditions/0/status", "value": "False"}, {"op": "replace", "path": "/spec/size", "value": 7}], "json"))
    shown(w, w.patch("widgets/a", {"status": None, "spec": {"name": "abc"}}))
    w.patch("widgets/a/status", {"status": {"conditions": "none"}})
    w.patch("widgets/a/status", {"status": {"conditions": [{"type": 1}]}})
    w.lines[-1] = w.lines[-1].replace("[0]", "")  # older servers do not say which
    shown(w, w.patch("widgets/a/status", {"status": None}))
    w.ask("GET", "widgets/a/scale")
    w.ask("PUT", "widgets/none/status", {**now, "metadata": {"name": "none", "resourceVersion": "1"}})
    w.ask("POST", "widgets/a/status", now)
    w.ask("DELETE", "widgets/a/status")
    undefine(w)
    return ["201 a v1", line({"size": 1}), "200 a v2", line({"size": 1}, READY), "200 a v3", line({"size": 2}, READY, 2), "200 a v4", line({"size": 2}, NOT_READY, 2),
            "200 a v5", line({"size": 2, "name": "abc"}, NOT_READY, 3),
            '422 Invalid: Widget.example.dev "a" is invalid: status.conditions: Invalid value: "string": status.conditions in body must be of type array: "string"',
            '422 Invalid: Widget.example.dev "a" is invalid: status.conditions.type: Invalid value: "integer": status.conditions.type in body must be of type string: "integer"',
            "200 a v6", line({"size": 2, "name": "abc"}, None, 3), '404 NotFound: widgets.example.dev "a" not found',
            '404 NotFound: widgets.example.dev "none" not found', '405 MethodNotAllowed: create is not supported on resources of kind "widgets.example.dev"',
            '405 MethodNotAllowed: delete is not supported on resources of kind "widgets.example.dev"']


@case
def fields_that_nobody_knows(w):
    """They are not kept, wherever they are, but where the schema says so."""
    define(w)
    made = w.create("widgets", {**widget("a", size=1, list=["ab"], map={"x": 1, "y": 2.5}, free={"a": {"b": [1, {"c": None}]}}, wrong={"a": 1}), "more": 1, "data": {"a": "b"}})
    w.lines.append(json.dumps({k: v for k, v in made.items() if k != "metadata"}, sort_keys=True))
    made = w.patch("widgets/a/status", {"status": {"conditions": [{"type": "Ready", "status": "True", "by": "bob"}], "approver": "bob"}})
    w.lines.append(json.dumps(made["status"], sort_keys=True))
    made = w.patch("widgets/a", [{"op": "add", "path": "/spec/wrong", "value": 1}, {"op": "add", "path": "/spec/size", "value": 2}], "json")
    w.lines.append(json.dumps(made["spec"], sort_keys=True))
    undefine(w)
    return ["201 a v1", '{"apiVersion": "example.dev/v1", "kind": "Widget", "spec": {"color": "red", "free": {"a": {"b": [1, {"c": null}]}}, "list": ["ab"], '
            '"map": {"x": 1, "y": 2.5}, "size": 1}}', "200 a v2", '{"conditions": [{"status": "True", "type": "Ready"}]}', "200 a v3",
            '{"color": "red", "free": {"a": {"b": [1, {"c": null}]}}, "list": ["ab"], "map": {"x": 1, "y": 2.5}, "size": 2}']


@case
def deeper_schemas(w):
    """Of the kinds that the policies' schema is made of."""
    subject = {"type": "object", "properties": {"user": {"type": "string"}, "pods": {"type": "object", "required": ["namespace"], "properties": {"namespace": {"type": "string"}}}},
               "oneOf": [{"required": ["user"]}, {"required": ["pods"]}]}
    extra = {"subjects": {"type": "array", "maxItems": 2, "items": subject},
             "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                       "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}},
             "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
             "either": {"type": "string", "anyOf": [{"pattern": "^a"}, {"pattern": "z$"}]}, "short": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
             "never": {"type": "string", "not": {"enum": ["no"]}}, "count": {"type": "integer", "format": "int32"}, "big": {"type": "integer", "format": "int64", "minimum": 0}}
    define(w, **extra)
    for spec in ({"subjects": [{"user": "a"}, {"pods": {"namespace": "x"}}]}, {"subjects": [{}]}, {"subjects": [{"user": "a", "pods": {"namespace": "x"}}]}, {"subjects": [{"pods": {}}]},
                 {"subjects": [{"user": "a"}] * 3}, {"keyed": [{"name": "a"}, {"name": "b"}]}, {"keyed": [{"name": "a"}, {"name": "a"}]}, {"keyed": [{"value": "a"}]},
                 {"set": ["a", "b"]}, {"set": ["a", "a"]}, {"either": "abc"}, {"either": "xyz"}, {"either": "no"}, {"short": {"a": "b"}}, {"short": {"a": "b", "c": "d"}},
                 {"never": "yes"}, {"never": "no"}, {"big": 9007199254740993}, {"big": -1}):
        body = {**widget("a", size=1), "spec": {"size": 1, **spec}}
        w.create("widgets?dryRun=All", body)
        line_of_it = re.sub(r"\[\d\]|map\[string\]interface {}", "", w.lines[-1])  # older servers do not say which of a list, and how Go has it
        w.lines[-1] = json.dumps(spec) + " " + line_of_it.replace('Invalid: Widget.example.dev "a" is invalid: ', "")
        if w.lines[-1].endswith(" a"):
            w.objects[-1]["metadata"].pop("managedFields")  # whose the elements of such lists are is not the same in all versions
    undefine(w)
    one, at_least = '<nil>: Invalid value: "": "spec.subjects" must validate one and only one schema (oneOf). ', '<nil>: Invalid value: "": "spec.either" must validate at least one schema (anyOf)'
    return ['{"subjects": [{"user": "a"}, {"pods": {"namespace": "x"}}]} 201 a', '{"subjects": [{}]} 422 [' + one + "Found none valid, spec.subjects.user: Required value]",
            '{"subjects": [{"user": "a", "pods": {"namespace": "x"}}]} 422 ' + one + "Found 2 valid alternatives",
            '{"subjects": [{"pods": {}}]} 422 spec.subjects.pods.namespace: Required value',
            '{"subjects": [{"user": "a"}, {"user": "a"}, {"user": "a"}]} 422 spec.subjects: Invalid value: 3: spec.subjects in body should have at most 2 items',
            '{"keyed": [{"name": "a"}, {"name": "b"}]} 201 a', '{"keyed": [{"name": "a"}, {"name": "a"}]} 422 spec.keyed: Duplicate value: {"name":"a"}',
            '{"keyed": [{"value": "a"}]} 422 spec.keyed.name: Required value', '{"set": ["a", "b"]} 201 a', '{"set": ["a", "a"]} 422 spec.set: Duplicate value: "a"',
            '{"either": "abc"} 201 a', '{"either": "xyz"} 201 a',
            '{"either": "no"} 422 [' + at_least + ', spec.either: Invalid value: "no": spec.either in body should match \'^a\']', '{"short": {"a": "b"}} 201 a',
            '{"short": {"a": "b", "c": "d"}} 422 spec.short: Invalid value: 1: spec.short in body should have at most 1 properties', '{"never": "yes"} 201 a',
            '{"never": "no"} 422 <nil>: Invalid value: "": "spec.never" must not validate the schema (not)', '{"big": 9007199254740993} 201 a',
            '{"big": -1} 422 spec.big: Invalid value: -1: spec.big in body should be greater than or equal to 0']


@case
def definitions_that_are_refused(w):
    """A schema that says nothing of a field, or of the root, does not come to be."""
    def with_spec(schema, **more):
        d = definition()
        d["metadata"]["name"] = "others.example.dev"
        d["spec"]["names"] = {"plural": "others", "kind": "Other"}
        d["spec"]["versions"][0].pop("additionalPrinterColumns")
        d["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}
        d["spec"].update(more)
        return d

    def below(schema):
        return with_spec({"type": "object", "properties": {"spec": schema}})
    for body in (with_spec({"type": "string"}), with_spec({}), below({"properties": {"a": {"type": "string"}}}), below({"type": "array"}), below({"type": "object", "$ref": "#/a"}),
                 below({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}), below({"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
                 below({"type": "object", "properties": {"a": {"description": "none"}}}), below({"type": "string", "default": 1}), with_spec({"type": "object"}, scope="Everywhere"),
                 with_spec({"type": "object"}, group="other.dev"), with_spec({"type": "object"}, preserveUnknownFields=True)):
        w.create(CRDS + "?dryRun=All", body)
        w.lines[-1] = re.sub(r"(\d+ \w+: [^:]* is invalid: )\[?((?:spec|metadata)[^:]*): .*", r"\1\2", w.lines[-1])
    at = '422 Invalid: CustomResourceDefinition.apiextensions.k8s.io "others.example.dev" is invalid: '
    schema = at + "spec.validation.openAPIV3Schema"
    return [schema + ".type", schema + ".type", schema + ".properties[spec].type", schema + ".properties[spec].items", schema + ".properties[spec].$ref",
            schema + ".properties[spec].additionalProperties", schema + ".properties[spec].uniqueItems", schema + ".properties[spec].properties[a].type",
            schema + ".properties[spec].default", at + "spec.scope", at + "metadata.name", at + "spec.preserveUnknownFields"]


@case
def of_no_namespace(w):
    d = definition()
    d["metadata"]["name"] = "gadgets.example.dev"
    d["spec"].update(scope="Cluster", names={"plural": "gadgets", "kind": "Gadget", "shortNames": ["gd"], "categories": ["all"]})
    name, base = w.namespace, "/apis/example.dev/v1/gadgets"
    w.ask("POST", CRDS, d, quiet=True)
    w.until(lambda: w.ask("GET", base, quiet=True).get("kind") == "GadgetList", "it is not served")
    body = {"kind": "Gadget", "apiVersion": "example.dev/v1", "metadata": {"name": name}, "spec": {"size": 1}}
    with w.watch(base) as s:
        w.create(base, body)
        w.patch(f"{base}/{name}/status", {"status": READY})
        w.create(f"/apis/example.dev/v1/namespaces/{w.namespace}/gadgets", body)
        w.list(base, fieldSelector="metadata.name=" + name)
        w.list(base, fieldSelector="metadata.namespace=" + name)
        w.list(base, fieldSelector="spec.size=1")
        w.delete(f"{base}/{name}")
        w.events(s, 3)
    w.ask("DELETE", CRDS + "/gadgets.example.dev", quiet=True)
    w.until(lambda: w.ask("GET", CRDS + "/gadgets.example.dev", quiet=True).get("code") == 404, "it is still there")
    return ["201 NS v1", "200 NS v2", "404 :", "list NS v2", "400 BadRequest: field label not supported: metadata.namespace", "400 BadRequest: field label not supported: spec.size",
            "200 Success gadgets/NS", "ADDED NS v1", "MODIFIED NS v2", "DELETED NS v3"]


# ---- writes that know what they change ---------------------------------------------------------------------------------------

@case
def stale_versions(w):
    """Whoever does not know the newest does not get through, by whichever door and way."""
    define(w)
    old = w.create("widgets", widget("a", size=1))
    w.patch("widgets/a", {"spec": {"size": 2}})
    version = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}}
    for what in ("widgets/a", "widgets/a/status"):
        w.ask("PUT", what, {**old, "spec": {"size": 3}, "status": READY})
        w.patch(what, {**version, "spec": {"size": 3}, "status": READY})
        w.patch(what, [{"op": "replace", "path": "/metadata/resourceVersion", "value": old["metadata"]["resourceVersion"]}], "json")
    w.patch("widgets/a", [{"op": "test", "path": "/spec/size", "value": 1}, {"op": "replace", "path": "/spec/size", "value": 3}], "json")
    w.delete("widgets/a", quiet=True)
    w.ask("PUT", "widgets/a", old)
    w.patch("widgets/a", {**version, "spec": {"size": 3}})
    again = w.create("widgets", widget("a", size=1))
    w.ask("PUT", "widgets/a", {**again, "metadata": {**again["metadata"], "uid": old["metadata"]["uid"]}})
    w.lines[-1] = re.sub("UID in .*", "…", w.lines[-1])
    w.ask("PUT", "widgets/a", {**again, "spec": {"size": 4}})
    undefine(w)
    gone = '409 Conflict: Operation cannot be fulfilled on widgets.example.dev "a": Precondition failed: UID in precondition: UID, UID in object meta:'
    conflict = '409 Conflict: Operation cannot be fulfilled on widgets.example.dev "a": the object has been modified; please apply your changes to the latest version and try again'
    return ["201 a v1", "200 a v2", *[conflict] * 6, "422 Invalid: the server rejected our request due to an error in our request", gone,
            '404 NotFound: widgets.example.dev "a" not found', "201 a v3",
            '409 Conflict: Operation cannot be fulfilled on widgets.example.dev "a": Precondition failed: …', "200 a v4"]


@case
def many_writers(w):
    """Of those that say which version they change one gets through, each time; of those that do not, all."""
    define(w)
    made = w.create("widgets", widget("a", size=1))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for how in ("PUT", "PATCH"):
            def write(i, body=made, how=how):
                new = {**body, "spec": {"size": i + 2}}
                if how == "PATCH":  # what changes nothing is no conflict: nobody asks for what is there
                    new = {"metadata": {"resourceVersion": body["metadata"]["resourceVersion"]}, "spec": {"name": "abcdefgh"[i]}}
                return w.admin.ask(how, w.path("widgets/a"), new, kind="application/json" if how == "PUT" else "application/merge-patch+json").status
            w.lines.append(f"{how} {sorted(pool.map(write, range(8)))}")
            made = w.ask("GET", "widgets/a", quiet=True)
        for kind in ("merge", "status"):
            def label(i, kind=kind):
                return w.admin.patch(w.path("widgets/a" + ("/status" if kind == "status" else "")), {"metadata": {"labels": {f"l{i}": kind}}}).status
            w.lines.append(f"{kind} {sorted(pool.map(label, range(5)))}")
        w.lines.append(json.dumps(w.ask("GET", "widgets/a", quiet=True)["metadata"].get("labels"), sort_keys=True))
        w.lines.append(str(sorted(pool.map(lambda _: w.admin.post(w.path("widgets"), widget("b", size=1)).status, range(8)))))
    undefine(w)
    return ["201 a v1", "PUT [200, 409, 409, 409, 409, 409, 409, 409]", "PATCH [200, 409, 409, 409, 409, 409, 409, 409]", "merge [200, 200, 200, 200, 200]",
            "status [200, 200, 200, 200, 200]", json.dumps({f"l{i}": "merge" for i in range(5)}), "[201, 409, 409, 409, 409, 409, 409, 409]"]


# ---- webhooks ----------------------------------------------------------------------------------------------------------------

class Hooked:
    """A webhook that the server asks about widgets, from the first line on; not any more after the last."""

    def __init__(self, w, kind="validating", **more):
        self.w, self.kind, self.more = w, kind, more

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hook-")
        self.hook = Hook(self.folder.name)
        self.of_the_case = lambda request: {"allowed": True}
        self.hook.answer = lambda request: self.probed(request) if request.get("name", "").startswith("probe") else self.of_the_case(request)
        self.configuration = self.hook.configuration(self.kind.capitalize(), **self.more)
        self.base = HOOKS.format(self.kind)
        made = self.w.create(self.base, self.configuration, quiet=True)
        assert made.get("kind") == self.configuration["kind"], made
        self.heard()
        return self

    def probed(self, request):
        return {"allowed": False, "status": {"message": request["name"]}}

    def heard(self):
        """Until it is asked: servers learn of their webhooks by a watch."""
        self.w.until(lambda: "probe" in self.w.ask("POST", "widgets?dryRun=All", widget("probe", size=1), quiet=True).get("message", ""), "it is not asked")

    def change(self, **more):
        """What is different of the hook from now on, and its new name."""
        self.configuration["webhooks"][0].update(more)
        self.w.ask("PATCH", f"{self.base}/{self.configuration['metadata']['name']}", {"webhooks": self.configuration["webhooks"]}, quiet=True, kind="application/merge-patch+json")
        name = more["name"]
        self.w.until(lambda: name in self.w.ask("POST", "widgets?dryRun=All", widget("probe", size=1), quiet=True).get("message", ""), "the change is not heard of")

    def asked(self):
        """What it was asked since the last time, as lines; and as objects that both servers must send."""
        requests = [r for r in self.hook.asked if not r.get("name", "").startswith("probe")]
        self.hook.asked.clear()
        for r in requests:
            r["uid"] = ""
            for key in ("object", "oldObject"):
                r[key] = r[key] and self.w.plain(r[key])
            (r["oldObject"] or {"metadata": {}})["metadata"].pop("managedFields", None)  # which older servers do not always show
            self.w.objects.append(self.w.plain(r))
            who = "{username} {groups} {uid}".format(**{"uid": "", **r["userInfo"]})
            self.w.lines.append(f"asked {r['operation']} {r['resource']['resource']}/{r.get('subResource', '')} {r.get('name', '')} by {who}")

    def __exit__(self, *_):
        self.hook.answer = lambda request: {"allowed": True}
        self.w.ask("DELETE", f"{self.base}/{self.configuration['metadata']['name']}", quiet=True)
        self.hook.asked.clear()

        def forgotten():
            self.hook.asked.clear()
            self.w.ask("POST", "widgets?dryRun=All", widget("probe", size=1), quiet=True)
            return not self.hook.asked
        self.w.until(forgotten, "it is asked still")
        self.hook.stop()
        self.folder.cleanup()


EVERYTHING = [{"apiGroups": ["example.dev"], "apiVersions": ["*"], "operations": ["*"], "resources": ["widgets", "widgets/status"]}]


@case
def what_a_webhook_is_asked(w):
    """Who, what, and what was before: of every write, and of no other thing."""
    define(w)
    with Hooked(w, rules=EVERYTHING) as h:
        w.create("widgets", widget("a", size=1, unknown=1), quiet=True)
        w.patch("widgets/a", {"spec": {"size": 2}}, quiet=True)
        w.patch("widgets/a/status", {"status": READY, "spec": {"size": 9}}, quiet=True)
        w.ask("PUT", "widgets/a", {**w.ask("GET", "widgets/a", quiet=True), "spec": {"size": 3}}, quiet=True)
        w.create("widgets?dryRun=All", widget("b", size=1), quiet=True)
        w.create("widgets", {**widget("", size=1), "metadata": {"generateName": "made-"}}, quiet=True)
        w.create("widgets", widget("wrong", size=99), quiet=True)
        w.create("configmaps", {"metadata": {"name": "c"}}, quiet=True)
        w.delete("widgets/a", quiet=True)
        for r in h.hook.asked:
            if r.get("name", "").startswith("made-"):
                r["name"] = "made-"
            for o in (r["object"], r["oldObject"]):
                if o and o["metadata"].get("name", "").startswith("made-"):
                    o["metadata"]["name"] = "made-"
        h.asked()
    undefine(w)
    me = "by admin ['system:masters', 'system:authenticated'] admin"
    return [f"asked CREATE widgets/ a {me}", f"asked UPDATE widgets/ a {me}", f"asked UPDATE widgets/status a {me}", f"asked UPDATE widgets/ a {me}", f"asked CREATE widgets/ b {me}",
            f"asked CREATE widgets/ made- {me}", f"asked DELETE widgets/ a {me}"]


@case
def what_a_webhook_forbids(w):
    """It does not happen, and who asked is told why."""
    define(w)
    w.create("widgets", widget("a", size=1), quiet=True)
    with Hooked(w, rules=EVERYTHING) as h:
        for status in ({"message": "not by you", "code": 403, "reason": "Forbidden"}, {"message": "no"}, {"reason": "Invalid", "code": 422}, {"code": 200, "message": "odd"}, None):
            h.of_the_case = lambda request, status=status: {"allowed": False, **({"status": status} if status is not None else {})}
            w.create("widgets", widget("b", size=1))
            w.patch("widgets/a", {"spec": {"size": 2}}, quiet=True)
            w.patch("widgets/a/status", {"status": READY}, quiet=True)
        w.delete("widgets/a")
        w.create("widgets", widget("b", size=99))
        w.lines[-1] = w.lines[-1].split(":")[0]
    w.list("widgets")
    undefine(w)
    by = 'admission webhook "widgets.hook.example.dev" denied the request'
    return [f"403 Forbidden: {by}: not by you", f"400 : {by}: no", f"422 Invalid: {by}: Invalid", f"400 : {by}: odd", f"400 : {by} without explanation",
            f"400 : {by} without explanation", "422 Invalid", "list a v1"]


@case
def webhooks_that_do_not_answer(w):
    """With Fail nothing happens without them; with Ignore it does."""
    define(w)
    with Hooked(w, timeoutSeconds=1, rules=EVERYTHING) as h:
        def both(what):
            obj = w.create("widgets", widget("a", size=1))
            w.lines[-1] = what + " " + re.sub(r'(failed calling webhook "[^"]*": ).*', r"\1…", w.lines[-1])
            if obj.get("kind") == "Widget":
                w.delete("widgets/a", quiet=True)
        for policy in ("Fail", "Ignore"):
            h.change(name=f"{policy.lower()}.hook.example.dev", failurePolicy=policy)
            for what, answer in (("silent", None), ("other uid", {"allowed": True, "uid": "other"}), ("no word", {}), ("wrong type", {"allowed": "yes"})):
                h.of_the_case = lambda request, answer=answer: answer if request["operation"] == "CREATE" else {"allowed": True}
                both(what)
            h.of_the_case = lambda request: {"allowed": False} if request["operation"] == "CREATE" else {"allowed": True}
            both("denied")
        h.hook.stop()
        both("gone")
        h.configuration["webhooks"][0]["failurePolicy"] = "Fail"
        w.ask("PATCH", f"{h.base}/{h.configuration['metadata']['name']}", {"webhooks": h.configuration["webhooks"]}, quiet=True, kind="application/merge-patch+json")
        w.until(lambda: w.ask("POST", "widgets?dryRun=All", widget("probe", size=1), quiet=True).get("code") == 500, "the change is not heard of")
        both("gone")
    undefine(w)
    failed = '500 InternalError: Internal error occurred: failed calling webhook "fail.hook.example.dev": …'
    return [f"silent {failed}", f"other uid {failed}", 'no word 400 : admission webhook "fail.hook.example.dev" denied the request without explanation', f"wrong type {failed}",
            'denied 400 : admission webhook "fail.hook.example.dev" denied the request without explanation',
            "silent 201 a v1", "other uid 201 a v2", 'no word 400 : admission webhook "ignore.hook.example.dev" denied the request without explanation', "wrong type 201 a v3",
            'denied 400 : admission webhook "ignore.hook.example.dev" denied the request without explanation', "gone 201 a v4",
            'gone 500 InternalError: Internal error occurred: failed calling webhook "ignore.hook.example.dev": …']


@case
def webhooks_that_change_what_comes(w):
    """Where their selectors match: what they change is checked as if it had come so."""
    define(w)
    answers = {"fits": [{"op": "replace", "path": "/spec/size", "value": 7}], "not": [{"op": "replace", "path": "/spec/size", "value": 99}],
               "unknown": [{"op": "add", "path": "/spec/unknown", "value": 1}]}
    with Hooked(w, "mutating", rules=[{**EVERYTHING[0], "operations": ["CREATE"]}]) as h:
        for name, patch in answers.items():
            h.of_the_case = lambda request, patch=patch: {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
            made = w.create("widgets", widget(name, size=1))
            w.lines.append(json.dumps(made.get("spec"), sort_keys=True))
    undefine(w)
    return ["201 fits v1", '{"color": "red", "size": 7}',
            '422 Invalid: Widget.example.dev "not" is invalid: spec.size: Invalid value: 99: spec.size in body should be less than or equal to 10', "null",
            "201 unknown v2", '{"color": "red", "size": 1}']


@case
def webhooks_of_some_objects(w):
    """Selected by the labels of the namespace and of the object, as it was or will be."""
    define(w)
    w.label("/api/v1/namespaces/" + w.namespace, hooked="yes")
    with Hooked(w, namespaceSelector={"matchExpressions": [{"key": "hooked", "operator": "In", "values": ["yes"]}]},
                rules=[{**EVERYTHING[0], "operations": ["CREATE", "UPDATE"]}]) as h:
        h.of_the_case = lambda request: {"allowed": False}
        w.create("widgets", widget("a", size=1))
        w.label("/api/v1/namespaces/" + w.namespace, hooked="no")
        w.until(lambda: w.ask("POST", "widgets?dryRun=All", widget("probe", size=1), quiet=True).get("kind") == "Widget", "the namespace's label is not heard of")
        w.create("widgets", widget("a", size=1))
        h.configuration["webhooks"][0].update(namespaceSelector={}, objectSelector={"matchLabels": {"hooked": "yes"}}, name="by-object.hook.example.dev")
        w.ask("PATCH", f"{h.base}/{h.configuration['metadata']['name']}", {"webhooks": h.configuration["webhooks"]}, quiet=True, kind="application/merge-patch+json")
        labelled = widget("probe", size=1)
        labelled["metadata"]["labels"] = {"hooked": "yes"}
        w.until(lambda: "by-object" in w.ask("POST", "widgets?dryRun=All", labelled, quiet=True).get("message", ""), "the change is not heard of")
        w.patch("widgets/a", {"spec": {"size": 2}})
        w.label("widgets/a", hooked="yes")
        h.of_the_case = lambda request: {"allowed": True}
        w.label("widgets/a", hooked="yes")
        h.of_the_case = lambda request: {"allowed": False}
        w.label("widgets/a", hooked=None)
    undefine(w)
    denied = '400 : admission webhook "{}.hook.example.dev" denied the request without explanation'
    return ["200 NS v1 hooked=yes", denied.format("widgets"), "200 NS v2 hooked=no", "201 a v3", "200 a v4", denied.format("by-object"), "200 a v5 hooked=yes", denied.format("by-object")]


# ---- who decides ---------------------------------------------------------------------------------------------------------------

@case
def who_decides_is_who_he_says(w):
    """As approvals are: a role for the status alone, and a webhook that holds what is written there against who writes."""
    define(w, requester={"type": "string"})
    group, base = "rbac.authorization.k8s.io", f"{RBAC}/namespaces/{w.namespace}"
    carol, bob = w.server.client("carol"), w.server.client("bob")
    w.create(base + "/roles", {"metadata": {"name": "reviewer"}, "rules": [
        {"apiGroups": ["example.dev"], "resources": ["widgets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["example.dev"], "resources": ["widgets/status"], "verbs": ["get", "patch", "update"]}]}, quiet=True)
    w.create(base + "/rolebindings", {"metadata": {"name": "reviewers"}, "subjects": [{"kind": "Group", "apiGroup": group, "name": "reviewers"}],
                                      "roleRef": {"apiGroup": group, "kind": "Role", "name": "reviewer"}}, quiet=True)
    for name, requester in (("a", "bob"), ("b", "carol")):
        w.create("widgets", widget(name, size=1, requester=requester), quiet=True)
    w.until(lambda: w.ask("GET", "widgets/a", quiet=True, client=carol).get("kind") == "Widget", "the role is not heard of")

    def decide(request):
        claimed = {c["type"] for c in (request["object"].get("status") or {}).get("conditions", ())}
        who, asks = request["userInfo"]["username"], request["object"]["spec"]["requester"]
        if claimed != {who}:
            return {"allowed": False, "status": {"code": 403, "reason": "Forbidden", "message": f"{who} is not {', '.join(sorted(claimed))}"}}
        return {"allowed": who != asks, "status": {"code": 403, "message": "not your own"}}

    def says(name, client, what="/status"):
        kind = "application/merge-patch+json"
        return w.ask("PATCH", "widgets/a" + what if name != "own" else "widgets/b" + what, {"status": {"conditions": [{"type": "carol" if name == "own" else name, "status": "True"}]}},
                     client=client, kind=kind)
    with Hooked(w, rules=[{**EVERYTHING[0], "operations": ["CREATE", "UPDATE"], "resources": ["widgets", "widgets/status"]}]) as h:
        h.of_the_case = lambda request: decide(request) if request.get("subResource") == "status" else {"allowed": True}
        says("bob", carol)
        says("carol", w.admin)
        says("own", carol)
        says("bob", bob)
        says("carol", carol, "")
        w.ask("DELETE", "widgets/a", client=carol)
        w.ask("POST", "widgets", widget("c", size=1), client=carol)
        now = w.ask("GET", "widgets/a", quiet=True, client=carol)
        says("carol", carol)
        w.ask("PUT", "widgets/a/status", {**now, "status": {"conditions": [{"type": "carol", "status": "False"}]}}, client=carol)
        w.ask("GET", "widgets", client=bob)
    undefine(w)
    by, inside = '403 {}: admission webhook "widgets.hook.example.dev" denied the request: {}', 'in the namespace "NS"'
    who = '403 Forbidden: widgets.example.dev{} is forbidden: User "{}" cannot {} resource "{}" in API group "example.dev" ' + inside
    return [by.format("Forbidden", "carol is not bob"), by.format("Forbidden", "admin is not carol"), by.format("", "not your own"), who.format(' "a"', "bob", "patch", "widgets/status"),
            who.format(' "a"', "carol", "patch", "widgets"), who.format(' "a"', "carol", "delete", "widgets"), who.format("", "carol", "create", "widgets"), "200 a v1",
            '409 Conflict: Operation cannot be fulfilled on widgets.example.dev "a": the object has been modified; please apply your changes to the latest version and try again',
            who.format("", "bob", "list", "widgets")]


# ---- events --------------------------------------------------------------------------------------------------------------------

@case
def events_that_are_counted(w):
    """The same again is a count of the first; whose pod it is can be asked for."""
    about = {"kind": "Pod", "apiVersion": "v1", "name": "p", "namespace": w.namespace, "uid": "11111111-2222-3333-4444-555555555555"}
    first = {"metadata": {"name": "p.17a"}, "involvedObject": about, "reason": "CaptureRefused", "message": "m", "type": "Warning", "source": {"component": "pgveil", "host": "n1"},
             "firstTimestamp": "2026-11-30T08:00:00Z", "lastTimestamp": "2026-11-30T08:00:00Z", "count": 1}
    with w.watch("events", fieldSelector="involvedObject.uid=" + about["uid"]) as s:
        w.create("events", first)
        w.create("events", first)
        w.patch("events/p.17a", {"count": 2, "lastTimestamp": "2026-11-30T08:00:01Z"})
        w.patch("events/p.17a", {"count": 3, "lastTimestamp": "2026-11-30T08:00:02Z"}, "strategic")
        w.patch("events/none", {"count": 3})
        w.create("events", {**first, "metadata": {"name": "other"}, "involvedObject": {**about, "uid": "22222222-2222-3333-4444-555555555555"}})
        w.create("events", {**first, "metadata": {"name": "node"}, "involvedObject": {"kind": "Node", "name": "n1"}})
        w.events(s, 3)
    w.list("events", fieldSelector="involvedObject.kind=Pod,reason=CaptureRefused")
    return ["201 p.17a v1", '409 AlreadyExists: events "p.17a" already exists', "200 p.17a v2", "200 p.17a v3", '404 NotFound: events "none" not found', "201 other v4",
            '422 Invalid: Event "node" is invalid: involvedObject.namespace: Invalid value: "": does not match event.namespace',
            "ADDED p.17a v1", "MODIFIED p.17a v2", "MODIFIED p.17a v3", "list other v4 p.17a v3"]


# ---- at random: for both servers to do the same ------------------------------------------------------------------------------

def objects_at_random(w, seed, count):
    """As cases.at_random, of custom resources: by both doors, with versions that were right once, past finalizers."""
    r, old = random.Random(seed), {}
    define(w)
    selectors = ({}, {"labelSelector": "a=1"}, {"fieldSelector": "metadata.name=w1"})
    streams = [w.watch("widgets", **s) for s in selectors]
    try:
        for _ in range(count):
            name, what = f"w{r.randrange(3)}", r.randrange(11)
            door = f"widgets/{name}" + r.choice(["", "/status"])
            if what < 3:
                new = widget(name, size=r.choice([1, 2, 11]))
                new["metadata"].update(r.choice([{}, {"labels": {"a": "1"}}, {"finalizers": ["example.dev/wait"]}]))
                got = w.create("widgets", {**new, "status": READY})
            elif what == 3:
                got = w.patch(door, {"spec": {"size": r.choice([1, 2, 3, 11])}, "status": r.choice([READY, NOT_READY, None])})
            elif what == 4:
                got = w.patch(door, {"metadata": {"labels": {"a": r.choice([None, "1", "2"])}}})
            elif what == 5:
                got = w.patch(f"widgets/{name}", {"metadata": {"finalizers": r.choice([None, ["example.dev/wait"]])}})
            elif what < 9 and name in old:
                got = w.ask("PUT", door, {**old[name], "spec": {"size": r.choice([1, 2, 3])}, "status": r.choice([READY, NOT_READY])})
            elif what == 9:
                got = w.list("widgets", **r.choice(selectors))
            else:
                got = w.delete(f"widgets/{name}")
            if got.get("kind") == "Widget" and r.randrange(2):
                old[name] = got
        for i, stream in enumerate(streams[:2]):
            w.until_mark(stream, "widgets", {**widget("", size=1), "metadata": {"labels": {"a": "1"}}}, f"{i} ")
    finally:
        for stream in streams:
            stream.close()
    for o in w.ask("GET", "widgets", quiet=True)["items"]:  # a definition waits for those that wait
        w.ask("PATCH", "widgets/" + o["metadata"]["name"], {"metadata": {"finalizers": None}}, kind="application/merge-patch+json", quiet=True)
    undefine(w)
