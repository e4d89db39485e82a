# SPDX-License-Identifier: MIT
"""A strict check of Kubernetes objects without a server: no field that its kind does not have, none of another type. The kinds are those of
the typed client (python3-kubernetes), and of custom resources the schemas of their definitions."""

import json
import pathlib
import re
import shutil
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "kubernetes"

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
WORDS = {"type": "array", "items": {"type": "string"}}
# What the typed client does not have, as far as it is used: Prometheus' operator, and kinds that came after it.
FOREIGN = {
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"): {
        "type": "object", "required": ["failurePolicy", "matchConstraints", "validations"], "properties": {
            "failurePolicy": {"type": "string", "enum": ["Fail"]},
            "matchConstraints": {"type": "object", "required": ["resourceRules"], "properties": {
                "matchPolicy": {"type": "string", "enum": ["Equivalent"]},
                "resourceRules": {"type": "array", "items": {"type": "object", "required": ["apiGroups", "apiVersions", "operations", "resources"], "properties": {
                    "apiGroups": WORDS, "apiVersions": WORDS, "operations": WORDS, "resources": WORDS, "scope": {"type": "string", "enum": ["Namespaced"]}}}}}},
            "variables": {"type": "array", "items": {"type": "object", "required": ["name", "expression"], "properties": {
                "name": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "expression": {"type": "string"}}}},
            "validations": {"type": "array", "items": {"type": "object", "required": ["expression", "message"], "properties": {
                "expression": {"type": "string"}, "message": {"type": "string"}}}}}},
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"): {
        "type": "object", "required": ["policyName", "validationActions"], "properties": {
            "policyName": {"type": "string"}, "validationActions": {"type": "array", "items": {"type": "string", "enum": ["Deny"]}}}},
    ("monitoring.coreos.com/v1", "PrometheusRule"): {
        "type": "object", "required": ["groups"], "properties": {"groups": {"type": "array", "items": {
            "type": "object", "required": ["name", "rules"], "properties": {"name": {"type": "string"}, "rules": {"type": "array", "items": {
                "type": "object", "required": ["alert", "expr"], "properties": {
                    "alert": {"type": "string"}, "expr": {"type": "string"}, "for": {"type": "string", "pattern": "^[0-9]+[smh]$"},
                    "labels": TEXTS, "annotations": TEXTS}}}}}}}},
    ("monitoring.coreos.com/v1", "ServiceMonitor"): {
        "type": "object", "required": ["selector", "endpoints"], "properties": {
            "selector": {"type": "object", "properties": {"matchLabels": TEXTS}},
            "endpoints": {"type": "array", "items": {"type": "object", "properties": {
                "port": {"type": "string"}, "interval": {"type": "string"}, "path": {"type": "string"}, "scheme": {"type": "string"},
                "relabelings": {"type": "array", "items": {"type": "object", "properties": {
                    "sourceLabels": {"type": "array", "items": {"type": "string"}}, "targetLabel": {"type": "string"}}}}}}}}},
}


def documents(text):
    return [d for d in yaml.safe_load_all(text) if d is not None]


def kubectl():
    """The path of one that knows kustomize as the manifests are written for it (1.21 and newer); None: there is none."""
    path = shutil.which("kubectl")
    if not path:
        return None
    p = subprocess.run([path, "version", "--client", "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    try:
        version = json.loads(p.stdout)["clientVersion"]
        return path if (int(version["major"]), int(re.match(r"\d+", version["minor"])[0])) >= (1, 21) else None
    except (ValueError, KeyError):
        return None


def folders():
    return sorted(p.parent for p in DEPLOY.rglob("kustomization.yaml"))


def kustomize(folder):
    p = subprocess.run([kubectl(), "kustomize", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert p.returncode == 0, "%s: %s" % (folder, p.stderr.decode())
    assert b"deprecated" not in p.stderr, p.stderr.decode()
    return documents(p.stdout)


def container_of(daemonset, name, kind="containers"):
    return next(c for c in daemonset["spec"]["template"]["spec"].get(kind, []) if c["name"] == name)


# ---- typed ----


def _typed(o, t, path):
    from kubernetes.client import models
    m = re.match(r"(list|dict)[\[(](?:str, )?(.*)[\])]$", t)
    if m:
        if not isinstance(o, list if m[1] == "list" else dict):
            yield path, "want " + t
            return
        for i, x in enumerate(o) if m[1] == "list" else o.items():
            yield from _typed(x, m[2], "%s[%s]" % (path, i))
    elif t in ("str", "datetime"):
        if not isinstance(o, str):
            yield path, "want str"
    elif t == "object":  # also a number or a string: targetPort, maxSurge
        return
    elif t in ("int", "float", "bool"):
        if type(o).__name__ != t and not (t == "float" and type(o) is int):
            yield path, "want " + t
    else:
        model = getattr(models, t)
        names = {v: k for k, v in model.attribute_map.items()}
        if not isinstance(o, dict):
            yield path, "want " + t
            return
        for k, v in o.items():
            if k not in names:
                yield "%s.%s" % (path, k), "unknown field"
            else:
                yield from _typed(v, model.openapi_types[names[k]], "%s.%s" % (path, k))
        try:
            model(**{names[k]: v for k, v in o.items() if k in names})
        except ValueError as e:  # what must be there and is not
            yield path, str(e)


def _model(obj):
    from kubernetes.client import models
    version = obj["apiVersion"].split("/")[-1]
    name = version[0].upper() + version[1:] + obj["kind"]
    return name if hasattr(models, name) else None


# ---- by a schema ----


def _fits(o, schema, path):
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(o, (int, str)) or isinstance(o, bool):
            yield path, "want a number or a string"
        return
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    want = schema.get("type")
    if want and (not isinstance(o, kinds[want]) or (isinstance(o, bool) and want != "boolean")):
        yield path, "want " + want
        return
    if "enum" in schema and o not in schema["enum"]:
        yield path, "not one of %s" % schema["enum"]
    if "pattern" in schema and isinstance(o, str) and not re.search(schema["pattern"], o):
        yield path, "does not match %s" % schema["pattern"]
    if isinstance(o, dict):
        yield from ((path + "." + k, "is missing") for k in schema.get("required", []) if k not in o)
        for k, v in o.items():
            below = schema.get("properties", {}).get(k, schema.get("additionalProperties"))
            if isinstance(below, dict):
                yield from _fits(v, below, path + "." + k)
            elif not below and not schema.get("x-kubernetes-preserve-unknown-fields"):
                yield path + "." + k, "unknown field"
    if isinstance(o, list):
        for i, x in enumerate(o):
            yield from _fits(x, schema.get("items", {}), "%s[%d]" % (path, i))


def schemas(objects):
    """Of the custom resources that are defined among these: (apiVersion, kind) → schema of spec."""
    out = dict(FOREIGN)
    for crd in objects:
        if crd["kind"] == "CustomResourceDefinition":
            for v in crd["spec"]["versions"]:
                out["%s/%s" % (crd["spec"]["group"], v["name"]), crd["spec"]["names"]["kind"]] = \
                    v["schema"]["openAPIV3Schema"]["properties"].get("spec", {"x-kubernetes-preserve-unknown-fields": True})
    return out


def complaints(obj, custom):
    """What is wrong with an object: [(path, why)]."""
    name, where = _model(obj), "%s %s" % (obj.get("kind"), obj.get("metadata", {}).get("name"))
    if name and (obj["apiVersion"], obj["kind"]) not in custom:
        return list(_typed(obj, name, where))
    schema = custom.get((obj["apiVersion"], obj["kind"]))
    if not schema:
        return [(where, "nobody knows %s %s" % (obj["apiVersion"], obj["kind"]))]
    bad = [(where + "." + k, "unknown field") for k in obj if k not in ("apiVersion", "kind", "metadata", "spec")]
    return bad + list(_typed(obj["metadata"], "V1ObjectMeta", where + ".metadata")) + list(_fits(obj["spec"], schema, where + ".spec"))
