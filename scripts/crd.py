#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crd.py: policy/schema.json as a CustomResourceDefinition, deploy/kubernetes/base/crds/maskingpolicies.yaml.

    scripts/crd.py            writes it
    scripts/crd.py --check    says whether it is what it would write (`make check`)
    scripts/crd.py --object FILE...   documents of policy files as objects for kubectl apply

A structural schema knows less than the policy's own: every place has one type. So of the places where the language takes a word
or a map, the object has the map: a word w is written {w: {}}, which the language takes too, in files as well; a pattern of one's own
stands in patterns beside detect; relations: none is [none]. What it cannot say (one of, pairs that belong together, the words in a key)
is left to the daemon, which refuses the object and says so in its status."""

import copy
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCHEMA, CRD = ROOT / "policy" / "schema.json", ROOT / "deploy" / "kubernetes" / "base" / "crds" / "maskingpolicies.yaml"
KEPT = ("description", "minLength", "maxLength", "pattern", "minItems", "maxItems", "minimum", "maximum", "minProperties", "maxProperties")
NOTHING = {"type": "object", "maxProperties": 0}


class Translator:
    def __init__(self, schema):
        self.defs = schema["$defs"]
        self.in_jsonpath = False

    def resolve(self, s):
        if "$ref" not in s:
            return s
        return {**self.defs[s["$ref"].rsplit("/", 1)[1]], **{k: v for k, v in s.items() if k != "$ref"}}

    def structural(self, s):
        """What Kubernetes takes of a schema; nothing in it is looser than the daemon, some of it is."""
        name = s["$ref"].rsplit("/", 1)[1] if "$ref" in s else None
        s = self.resolve(s)
        alternatives = s.get("oneOf")
        if alternatives and "type" not in s:
            return {**self.said(s), **self.one_of([self.resolve(a) for a in alternatives], name)}
        if "enum" in s or "const" in s:
            words = s["enum"] if "enum" in s else [s["const"]]
            if None in words:
                return {**self.said(s), **self.one_of([s], name)}
            kinds = {type(w) for w in words}
            assert kinds == {str}, words
            return {**self.said(s), "type": "string", "enum": words}
        kind = s.get("type")
        if isinstance(kind, list):  # of a scalar: numbers with a point, true and false are quoted
            return {**self.said(s), "x-kubernetes-int-or-string": True}
        out = {**self.said(s), "type": kind}
        if "exclusiveMinimum" in s:
            out.update(minimum=s["exclusiveMinimum"], exclusiveMinimum=True)
        if kind == "integer":
            out["format"] = "int64"
        if kind == "array":
            out["items"] = self.structural(s["items"])
        if kind == "object":
            self.object(s, out)
        return out

    @staticmethod
    def said(s):
        return {k: s[k] for k in KEPT if k in s}

    def object(self, s, out):
        inner = s.get("additionalProperties")
        if isinstance(inner, dict):
            out["additionalProperties"] = self.structural(inner)
        elif s.get("properties"):
            out["properties"] = {}
            for k, v in s["properties"].items():
                if k != "jsonpath":
                    out["properties"][k] = self.structural(v)
                elif not self.in_jsonpath:  # it holds masks, but no other jsonpath
                    self.in_jsonpath = True
                    out["properties"][k] = self.structural(v)
                    self.in_jsonpath = False
        if s.get("required"):
            out["required"] = list(s["required"])
        for ways in ("anyOf", "oneOf"):
            if s.get(ways):
                out[ways] = [{"required": a["required"]} for a in s[ways]]

    def words_and_maps(self, alternatives):
        """The words that may stand there, and the maps, those of alternatives inside too."""
        words, maps, others = [], [], []
        for a in alternatives:
            a = self.resolve(a)
            if "oneOf" in a:
                w, m, o = self.words_and_maps(a["oneOf"])
                words, maps, others = words + w, maps + m, others + o
            elif "enum" in a or "const" in a:
                words += [w for w in (a["enum"] if "enum" in a else [a["const"]]) if isinstance(w, str)]
            elif a.get("type") == "object":
                maps.append(a)
            elif a.get("type") != "null":
                others.append(a)
        return words, maps, others

    def one_of(self, alternatives, name):
        words, maps, others = self.words_and_maps(alternatives)
        if not words and not maps:
            if {a.get("type") for a in others} == {"integer", "string"}:
                return {"x-kubernetes-int-or-string": True}
        if not words and not others and len(maps) == 1:
            return self.structural(maps[0])
        if others and words:  # none, or a list
            assert len(others) == 1 and others[0]["type"] == "array", others
            return self.structural(others[0])
        if others and maps:
            raise ValueError("a map or something else: %s" % name)
        return self.union(words, maps, name)

    def union(self, words, maps, name):
        out, properties, required = {"type": "object"}, {}, []
        for m in maps:
            inner = {}
            self.object(m, inner)
            for k, v in inner.get("properties", {}).items():
                properties[k] = merged(properties[k], v) if k in properties else v
            required.append(inner)
        words = [w for w in words if w not in properties]
        for w in words:
            properties[w] = dict(NOTHING)
        out["properties"] = properties
        one = all(set(m.get("required", ())) <= set(m["properties"]) and len(m["properties"]) == 1 or m.get("maxProperties") == 1 for m in maps)
        if one:  # each way has one key
            out.update(minProperties=1, maxProperties=1)
        else:
            out["oneOf"] = [{"required": r["required"], **({"anyOf": r["anyOf"]} if "anyOf" in r else {})} for r in required] + [{"required": [w]} for w in words]
        return out


def merged(a, b):
    """Of a place that is one thing here and another there."""
    if a.get("maxProperties") == 0:
        return b
    if a == b or b.get("maxProperties") == 0 or "properties" not in a:
        return a
    return {**a, "properties": {**b["properties"], **a["properties"]}}


def words_as_maps(schema):
    """The policy's schema with what an object writes in its own way."""
    s = copy.deepcopy(schema)
    detect = s["$defs"]["rule"]["oneOf"][1]["properties"]
    detect["detect"]["items"] = {"$ref": "#/$defs/detector"}
    return s


def definition():
    schema = words_as_maps(json.loads(SCHEMA.read_text()))
    t = Translator(schema)
    spec = t.structural(schema["properties"]["spec"])
    spec["description"] = "What a policy file has as spec (policy/README.md). A word that may stand where a map may is written {word: {}}."
    node = {"type": "object", "required": ["generation", "inForce"], "properties": {
        "generation": {"type": "integer", "format": "int64", "description": "Of the object, which this is about."},
        "inForce": {"type": "boolean"},
        "message": {"type": "string", "maxLength": 1000, "description": "Why not."},
        "time": {"type": "string", "format": "date-time"}}}
    condition = {"type": "object", "required": ["type", "status"], "properties": {
        "type": {"type": "string", "maxLength": 100}, "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "reason": {"type": "string", "maxLength": 100}, "message": {"type": "string", "maxLength": 2000},
        "observedGeneration": {"type": "integer", "format": "int64"}, "lastTransitionTime": {"type": "string", "format": "date-time"}}}
    status = {"type": "object", "description": "Written by pgveild.", "properties": {
        "nodes": {"type": "object", "maxProperties": 5000, "additionalProperties": node, "description": "Of each node: whether it is in force there."},
        "conditions": {"type": "array", "maxItems": 8, "items": condition, "description": "Accepted: whether it is in force wherever somebody said so."}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "maskingpolicies.pgveil.dev"},
        "spec": {
            "group": "pgveil.dev", "scope": "Cluster",
            "names": {"plural": "maskingpolicies", "singular": "maskingpolicy", "kind": "MaskingPolicy", "listKind": "MaskingPolicyList", "shortNames": ["mpol"],
                      "categories": ["pgveil"]},
            "versions": [{
                "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    {"name": "Subjects", "type": "string", "description": "Namespaces of the pods that it is about.", "jsonPath": ".spec.subjects[*].pods.namespace"},
                    {"name": "Accepted", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Accepted")].status'},
                    {"name": "Message", "type": "string", "priority": 1, "jsonPath": '.status.conditions[?(@.type=="Accepted")].message'},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}],
                "schema": {"openAPIV3Schema": {
                    "type": "object", "required": ["spec"],
                    "description": "What pods may see of PostgreSQL. All MaskingPolicy objects together, and the daemons' policy files, are one policy.",
                    "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}, "spec": spec, "status": status}}}}]}}


def plain(text):
    """Whether it needs no quotes in YAML, to be on the safe side."""
    word = text.replace("-", "").replace("_", "").replace("/", "").replace(".", "").replace(" ", "")
    return word.isascii() and word.isalnum() and text[0].isalpha() and text[-1].isalnum() and text.lower() not in ("null", "true", "false", "yes", "no", "on", "off", "y", "n")


def scalar(v):
    return v if isinstance(v, str) and plain(v) else json.dumps(v, ensure_ascii=False)


def emit(v, indent, out):
    pad = "  " * indent
    if isinstance(v, dict):
        for k, x in v.items():
            if isinstance(x, (dict, list)) and x and not short(x):
                out.append(f"{pad}{scalar(k)}:")
                emit(x, indent + 1, out)
            else:
                out.append(f"{pad}{scalar(k)}: {flow(x)}")
    else:
        for x in v:
            if isinstance(x, (dict, list)) and x and not short(x):
                inner = []
                emit(x, indent + 1, inner)
                out.append(f"{pad}- {inner[0].lstrip()}")
                out.extend(inner[1:])
            else:
                out.append(f"{pad}- {flow(x)}")


def flow(x):
    if isinstance(x, dict):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in x.items()) + "}"
    if isinstance(x, list):
        return "[" + ", ".join(flow(v) for v in x) + "]"
    return scalar(x)


def short(x):
    return len(flow(x)) < 100


def text():
    out = ["# SPDX-License-Identifier: MIT", "# Made by scripts/crd.py of policy/schema.json: change that, and run it."]
    emit(definition(), 0, out)
    return "\n".join(out) + "\n"


# ---- documents as objects ----------------------------------------------------------------------------------------------------

WORDS = {"with", "derived", "predicates"}


def as_object(doc):
    """A document of a file as the object that says the same. ${NAME} must have been filled in."""
    doc = copy.deepcopy(doc)

    def mask(m):
        if not isinstance(m, dict):
            return {"null" if m is None else m: {}}
        for name, inner in m.items():
            if name == "jsonpath":
                inner["paths"] = {k: mask(v) for k, v in inner.get("paths", {}).items()}
            elif inner is None:
                m[name] = {}
            elif name == "fixed" and isinstance(inner, (bool, float)):
                m[name] = json.dumps(inner)
        return m

    spec = doc["spec"]
    for rule in spec.get("mask", ()):
        for key in WORDS & set(rule):
            rule[key] = mask(rule[key])
        own = [d for d in rule.get("detect", ()) if isinstance(d, dict)]
        if own:
            rule["patterns"] = own
            rule["detect"] = [d for d in rule["detect"] if not isinstance(d, dict)]
            if not rule["detect"]:
                del rule["detect"]
    for database in spec.get("databases", ()):
        if database.get("credential") == "relay":
            database["credential"] = {"relay": {}}
    statements = spec.get("statements", {})
    for rule in statements.get("rules", ()):
        if rule.get("relations") == "none":
            rule["relations"] = ["none"]
    pin = statements.get("settings", {}).get("pin", {})
    for name, value in pin.items():
        if isinstance(value, (bool, float)):
            pin[name] = json.dumps(value)
    return doc


def objects(files):
    import yaml

    for file in files:
        for doc in yaml.safe_load_all(pathlib.Path(file).read_text()):
            print("---")
            print(json.dumps(as_object(doc), indent=1, ensure_ascii=False))


def main():
    if sys.argv[1:2] == ["--object"] and sys.argv[2:]:
        objects(sys.argv[2:])
    elif sys.argv[1:] == ["--check"]:
        if not CRD.exists() or CRD.read_text() != text():
            sys.exit("crd: %s is not what scripts/crd.py makes of policy/schema.json: run it" % CRD.relative_to(ROOT))
        print("crd: current")
    elif not sys.argv[1:]:
        CRD.parent.mkdir(parents=True, exist_ok=True)
        CRD.write_text(text())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
