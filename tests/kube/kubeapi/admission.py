# SPDX-License-Identifier: MIT
"""Webhooks: really called, over TLS, with an AdmissionReview; what they forbid does not happen, nor, with failurePolicy Fail, what they do not answer."""

import base64
import http.client
import json
import socket
import ssl
import urllib.parse
import uuid

from . import patch, selector, status
from .kinds import from_store

_GROUP = "admissionregistration.k8s.io"
_OWN = {(_GROUP, "validatingwebhookconfigurations"), (_GROUP, "mutatingwebhookconfigurations"), ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"), ("authorization.k8s.io", "selfsubjectaccessreviews")}


class Attributes:
    """One thing that is about to be done. Objects are as they are stored."""

    def __init__(self, operation, resource, namespace, name, obj, before, user, subresource="", dry_run=False, options=None):
        self.operation, self.resource, self.namespace, self.name = operation, resource, namespace, name
        self.object, self.before, self.user, self.subresource, self.dry_run = obj, before, user, subresource, dry_run
        self.given = obj
        kind = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}[operation]
        self.options = {"kind": kind, "apiVersion": "meta.k8s.io/v1", **(options or {})}

    def review(self):
        r = self.resource
        kind = {"group": r.group, "version": r.version, "kind": r.kind}
        resource = {"group": r.group, "version": r.version, "resource": r.plural}
        request = {"uid": str(uuid.uuid4()), "kind": kind, "resource": resource}
        if self.subresource:
            request["subResource"] = self.subresource
        request.update({"requestKind": kind, "requestResource": resource})
        if self.subresource:
            request["requestSubResource"] = self.subresource
        if self.name:
            request["name"] = self.name
        if self.namespace:
            request["namespace"] = self.namespace
        request.update({"operation": self.operation, "userInfo": self.user.info(),
                        "object": from_store(r, self.object) if self.object else None,
                        "oldObject": from_store(r, self.before) if self.before else None, "dryRun": self.dry_run, "options": self.options})
        return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


class _Unanswered(Exception):
    pass


class _Bound(http.client.HTTPSConnection):
    """To an address, with the name that the certificate is to be for."""

    def __init__(self, address, name, **kw):
        super().__init__(name, **kw)
        self._address = address

    def connect(self):
        self.sock = self._context.wrap_socket(socket.create_connection(self._address, self.timeout), server_hostname=self.host)


class Admission:
    def __init__(self, store, services):
        self.store, self.services = store, services  # services: {(namespace, name): (host, port)}

    def mutate(self, a):
        """The object as webhooks want it."""
        obj = a.object
        for config, hook in self._hooks("mutatingwebhookconfigurations", a):
            answer = self._ask(hook, a)
            if answer and answer.get("patch"):
                if answer.get("patchType") != "JSONPatch":
                    raise status.internal(f'webhook "{hook["name"]}" gave no JSONPatch')
                obj = a.object = patch.json_patch(obj, json.loads(base64.b64decode(answer["patch"])))
        return obj

    def validate(self, a):
        for config, hook in self._hooks("validatingwebhookconfigurations", a):
            self._ask(hook, a)

    def _hooks(self, plural, a):
        if (a.resource.group, a.resource.plural) in _OWN:
            return
        for config in self.store.all((_GROUP, plural))[1]:
            for hook in config.get("webhooks") or ():
                if any(_covers(rule, a) for rule in hook.get("rules") or ()) and self._selected(hook, a):
                    yield config, hook

    def _selected(self, hook, a):
        wants = selector.of_object(hook.get("namespaceSelector"))
        if a.resource.kind == "Namespace" and not a.resource.group:
            if not wants((a.object or a.before or {}).get("metadata", {}).get("labels")):
                return False
        elif a.namespace:
            namespace = self.store.get(("", "namespaces"), "", a.namespace)
            if not wants((namespace or {}).get("metadata", {}).get("labels")):
                return False
        wants = selector.of_object(hook.get("objectSelector"))
        return any(o is not None and wants(o["metadata"].get("labels")) for o in (a.object, a.before)) or not (hook.get("objectSelector") or {})

    def _ask(self, hook, a):
        """The response, or None where the webhook is not to be had and that is to be ignored; raises what it, or its absence, forbids."""
        if a.dry_run and hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
            raise status.bad_request(f'admission webhook "{hook["name"]}" does not support dry run')
        review = a.review()
        try:
            answer = self._call(hook, review)
            response = answer.get("response") if isinstance(answer, dict) else None
            if not isinstance(response, dict) or not isinstance(response.get("allowed", False), bool) or response.get("uid") != review["request"]["uid"] or answer.get("kind") != "AdmissionReview" \
                    or answer.get("apiVersion") != "admission.k8s.io/v1":
                raise _Unanswered("received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview to this request")
        except _Unanswered as e:
            if hook.get("failurePolicy", "Fail") == "Ignore":
                return None
            raise status.internal(f'failed calling webhook "{hook["name"]}": {e}') from None
        if response.get("allowed") is not True:
            raise _denied(hook["name"], response.get("status") or {})
        return response

    def _call(self, hook, review):
        config, path = hook["clientConfig"], "/"
        if "service" in config:
            service = config["service"]
            address = self.services.get((service["namespace"], service["name"]))
            host, path = f'{service["name"]}.{service["namespace"]}.svc', service.get("path", "/")
            shown = f'https://{host}:{service.get("port", 443)}{path}'
            if address is None:
                raise _Unanswered(f'Post "{shown}": service "{service["name"]}" not found')
        else:
            shown = config["url"]
            url = urllib.parse.urlsplit(shown)
            host, path = url.hostname, (url.path or "/") + (f"?{url.query}" if url.query else "")
            address = host, url.port or 443
        seconds = hook.get("timeoutSeconds", 10)
        shown += ("&" if "?" in shown else "?") + f"timeout={seconds}s"
        path += ("&" if "?" in path else "?") + f"timeout={seconds}s"
        try:
            context = ssl.create_default_context()
            if config.get("caBundle"):
                context = ssl.create_default_context(cadata=base64.b64decode(config["caBundle"]).decode())
            connection = _Bound(address, host, timeout=seconds, context=context)
            try:
                connection.request("POST", path, json.dumps(review).encode(), {"Content-Type": "application/json", "Accept": "application/json, */*"})
                answer = connection.getresponse()
                body = answer.read()
            finally:
                connection.close()
            if answer.status != 200:
                raise _Unanswered("the server rejected our request for an unknown reason" if answer.status < 500 else
                                  f"an error on the server ({json.dumps(body[:200].decode(errors='replace'))}) has prevented the request from succeeding")
            return json.loads(body)
        except (OSError, http.client.HTTPException, ValueError, ssl.SSLError) as e:
            raise _Unanswered(f'Post "{shown}": {e}') from None


def _denied(name, given):
    by = f'admission webhook "{name}" denied the request'
    code = given.get("code") or 0
    message = f"{by}: {given['message']}" if given.get("message") else f"{by}: {given['reason']}" if given.get("reason") else f"{by} without explanation"
    return status.ApiError(code if code >= 400 else 400, given.get("reason", ""), message, given.get("details"))


def _covers(rule, a):
    def any_of(values, wanted):
        return "*" in (values or ()) or wanted in (values or ())
    if not (any_of(rule.get("operations"), a.operation) and any_of(rule.get("apiGroups"), a.resource.group) and any_of(rule.get("apiVersions"), a.resource.version)):
        return False
    scope = rule.get("scope", "*")
    if scope != "*" and (scope == "Namespaced") != a.resource.namespaced:
        return False
    wanted = f"{a.resource.plural}/{a.subresource}" if a.subresource else a.resource.plural
    for r in rule.get("resources") or ():
        if r in ("*/*", wanted) or r == "*" and not a.subresource:
            return True
        main, slash, sub = r.partition("/")
        if slash and main in ("*", a.resource.plural) and sub in ("*", a.subresource) and (sub == "*" or a.subresource):
            return True
    return False
