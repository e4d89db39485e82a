# SPDX-License-Identifier: MIT
"""Who asks, by bearer tokens, and what he may, by the Role and Binding objects that are in the store."""

import threading

from . import meta, status
from .kinds import RBAC

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"


class User:
    def __init__(self, name, groups=(), uid=""):
        self.name, self.groups, self.uid = name, tuple(groups), uid

    def info(self):
        out = {"username": self.name, "groups": list(self.groups)}
        if self.uid:
            out["uid"] = self.uid
        return out


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


class Tokens:
    """What a token file says, and what was issued since: each token stands for a user until it is revoked or too old."""

    def __init__(self, clock):
        self._lock, self._clock, self._users = threading.Lock(), clock, {}

    def add(self, user, groups=(), token=None, uid="", seconds=None):
        token = token or meta.token(40)
        until = None if seconds is None else self._clock() + seconds
        with self._lock:
            self._users[token] = User(user, (*groups, AUTHENTICATED), uid), until
        return token

    def add_service_account(self, namespace, name, uid="", seconds=None, token=None):
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        return self.add(f"system:serviceaccount:{namespace}:{name}", groups, token, uid, seconds)

    def revoke(self, token):
        with self._lock:
            return self._users.pop(token, None) is not None

    def rotate(self, token):
        """Another token for the same user; the old one is refused from now on."""
        with self._lock:
            user, until = self._users.pop(token)
            new = meta.token(40)
            self._users[new] = user, until
            return new

    def user(self, token):
        with self._lock:
            user, until = self._users.get(token, (None, None))
        return None if until is not None and self._clock() >= until else user

    def of_header(self, header):
        """Nobody in particular without a header; raises for one that is not known."""
        if not header:
            return ANONYMOUS
        kind, _, token = header.partition(" ")
        user = self.user(token.strip()) if kind.lower() == "bearer" else None
        if user is None:
            raise status.unauthorized()
        return user


class Request:
    """What is asked of a resource, or of a path when path is set."""

    def __init__(self, verb, group="", resource="", subresource="", namespace="", name="", path=""):
        self.verb, self.group, self.resource, self.subresource = verb, group, resource, subresource
        self.namespace, self.name, self.path = namespace, name, path

    def shown_resource(self):
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def _any(values, wanted):
    return "*" in values or wanted in values


def _allows(rule, r):
    if not _any(rule.get("verbs") or (), r.verb):
        return False
    if r.path:
        return any(u == "*" or u == r.path or u.endswith("*") and r.path.startswith(u[:-1]) for u in rule.get("nonResourceURLs") or ())
    resources = rule.get("resources") or ()
    if not _any(rule.get("apiGroups") or (), r.group):
        return False
    if not (_any(resources, r.shown_resource()) or r.subresource and f"*/{r.subresource}" in resources):
        return False
    names = rule.get("resourceNames")
    return not names or r.name in names


def _is_subject(subject, user, namespace):
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "User":
        return name == user.name
    if kind == "Group":
        return name in user.groups
    return kind == "ServiceAccount" and user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"


class Rbac:
    def __init__(self, store):
        self.store = store

    def _rules(self, ref, namespace):
        if ref.get("kind") == "ClusterRole":
            role = self.store.get((RBAC, "clusterroles"), "", ref["name"])
        else:
            role = self.store.get((RBAC, "roles"), namespace, ref["name"])
        if role is None:
            raise KeyError(status.qualified((RBAC, ref.get("kind", "").lower())) + f' "{ref["name"]}" not found')
        return role.get("rules") or ()

    def allowed(self, user, r):
        """(whether, what could not be read)"""
        problems = []
        bindings = [(b, "") for b in self.store.all((RBAC, "clusterrolebindings"))[1]]
        if r.namespace and not r.path:
            bindings += [(b, r.namespace) for b in self.store.all((RBAC, "rolebindings"))[1] if b["metadata"]["namespace"] == r.namespace]
        for binding, namespace in bindings:
            if not any(_is_subject(s, user, namespace) for s in binding.get("subjects") or ()):
                continue
            try:
                rules = self._rules(binding["roleRef"], namespace)
            except KeyError as e:
                problems.append(e.args[0])
                continue
            if any(_allows(rule, r) for rule in rules):
                return True, []
        return False, problems

    def require(self, user, r):
        ok, problems = self.allowed(user, r)
        if ok:
            return
        if r.path:
            raise status.forbidden_path(f'User "{user.name}" cannot {r.verb} path "{r.path}"')
        where = f'in the namespace "{r.namespace}"' if r.namespace else "at the cluster scope"
        why = f'User "{user.name}" cannot {r.verb} resource "{r.shown_resource()}" in API group "{r.group}" {where}'
        if problems:
            why += ": RBAC: " + (problems[0] if len(problems) == 1 else "[" + ", ".join(problems) + "]")
        raise status.forbidden((r.group, r.resource), r.name, why)


def _role(name, *rules):
    return {"kind": "ClusterRole", "apiVersion": RBAC + "/v1", "metadata": {"name": name}, "rules": list(rules)}


def _binding(name, *groups):
    return {"kind": "ClusterRoleBinding", "apiVersion": RBAC + "/v1", "metadata": {"name": name},
            "subjects": [{"kind": "Group", "apiGroup": RBAC, "name": g} for g in groups], "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}}


_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]


def bootstrap():
    """The roles that are there from the beginning, as far as anybody here needs them."""
    return [
        _role("cluster-admin", {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]}),
        _role("system:discovery", {"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC]}),
        _role("system:public-info-viewer", {"verbs": ["get"], "nonResourceURLs": _PUBLIC}),
        _role("system:basic-user", {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
                                    "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]}),
        _binding("cluster-admin", "system:masters"),
        _binding("system:discovery", AUTHENTICATED),
        _binding("system:public-info-viewer", AUTHENTICATED, UNAUTHENTICATED),
        _binding("system:basic-user", AUTHENTICATED),
    ]


# ---- reviews: what somebody may, and whose a token is ----------------------------------------------------------------------------

def review(kind, body, user, tokens, rbac):
    spec = body.get("spec") or {}
    if kind == "TokenReview":
        found = tokens.user(spec.get("token", ""))
        result = {"authenticated": True, "user": found.info()} if found else {"user": {}, "error": "[invalid bearer token, unknown]"}
        return {**body, "status": result}
    if kind == "SubjectAccessReview":
        user = User(spec.get("user", ""), spec.get("groups") or (), spec.get("uid", ""))
    if "nonResourceAttributes" in spec:
        a = spec["nonResourceAttributes"]
        r = Request(a.get("verb", ""), path=a.get("path", ""))
    else:
        a = spec.get("resourceAttributes") or {}
        r = Request(a.get("verb", ""), a.get("group", ""), a.get("resource", ""), a.get("subresource", ""), a.get("namespace", ""), a.get("name", ""))
    ok, problems = rbac.allowed(user, r)
    result = {"allowed": ok}
    if problems:
        result["evaluationError"] = ", ".join(problems)
    return {**body, "status": result}
