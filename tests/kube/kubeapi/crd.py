# SPDX-License-Identifier: MIT
"""CustomResourceDefinitions: what they may be, and the resources that they make."""

import re

from . import meta, schema, status
from .kinds import ALL_VERBS, Resource

KEY = ("apiextensions.k8s.io", "customresourcedefinitions")
_PATH_ESCAPES = re.compile(r"^\.")


def defaults(obj):
    """Changes what it is given, a new definition."""
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", names["kind"] + "List")
    spec.setdefault("conversion", {"strategy": "None"})


def check(before, obj):
    spec, out = obj.get("spec", {}), []
    names, name = spec.get("names", {}), obj["metadata"].get("name", "")
    if name != f"{names.get('plural')}.{spec.get('group')}":
        out.append(status.invalid_value("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        out.append(status.not_supported("spec.scope", spec.get("scope", ""), ["Cluster", "Namespaced"]))
    if spec.get("conversion", {}).get("strategy") != "None":
        out.append(status.forbidden_field("spec.conversion", "webhooks that convert are not called here"))
    if spec.get("preserveUnknownFields"):
        out.append(status.invalid_value("spec.preserveUnknownFields", True, "cannot set to true, set x-preserve-unknown-fields to true in "
                                        "spec.versions[*].schema instead"))
    versions = spec.get("versions") or []
    if sum(bool(v.get("storage")) for v in versions) != 1:
        out.append(status.invalid_value("spec.versions", "", "must have exactly one version marked as storage version"))
    same = all(v.get("schema") == versions[0].get("schema") for v in versions)  # then it is of them all
    for i, version in enumerate(versions):
        at = "spec.validation.openAPIV3Schema" if same else f"spec.versions[{i}].schema.openAPIV3Schema"
        document = (version.get("schema") or {}).get("openAPIV3Schema")
        if document is None:
            out.append(status.required(at, "schemas are required"))
        else:
            out += schema.unfit(document, at) if not same or not i else []
        for j, column in enumerate(version.get("additionalPrinterColumns") or ()):
            if not column.get("jsonPath", "").startswith("."):
                out.append(status.invalid_value(f"spec.versions[{i}].additionalPrinterColumns[{j}].jsonPath", column.get("jsonPath", ""),
                                                "must be a simple json path starting with ."))
    if before:
        old = before["spec"]
        if old["scope"] != spec.get("scope") or old["group"] != spec.get("group"):
            out.append(status.invalid_value("spec.scope", spec.get("scope"), "field is immutable"))
        gone = set(before.get("status", {}).get("storedVersions", [])) - {v.get("name") for v in versions}
        if gone:
            out.append(status.invalid_value("status.storedVersions[0]", sorted(gone)[0], "must appear in spec.versions"))
    return out


def first_status(obj):
    storage = [v["name"] for v in obj["spec"]["versions"] if v.get("storage")]
    return {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": storage}


def steps(obj, now):
    """The statuses that it goes through: names are accepted, then it is served."""
    accepted = {"type": "NamesAccepted", "status": "True", "lastTransitionTime": meta.stamp(now), "reason": "NoConflicts", "message": "no conflicts found"}
    established = {"type": "Established", "status": "True", "lastTransitionTime": meta.stamp(now), "reason": "InitialNamesAccepted",
                   "message": "the initial names have been accepted"}
    base = {"acceptedNames": obj["spec"]["names"], "storedVersions": obj["status"]["storedVersions"]}
    waiting = {**established, "status": "False", "reason": "Installing", "message": "the initial names have been accepted"}
    return [{"conditions": [accepted, waiting], **base}, {"conditions": [accepted, established], **base}]


def is_established(obj):
    return any(c["type"] == "Established" and c["status"] == "True" for c in (obj.get("status") or {}).get("conditions") or ())


def resources(obj):
    """The Resource of each version that is served."""
    spec = obj["spec"]
    names, hub = spec["names"], next(v["name"] for v in spec["versions"] if v.get("storage"))
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        fields = [f["jsonPath"].lstrip(".") for f in version.get("selectableFields") or ()]
        r = Resource(spec["group"], version["name"], names["plural"], names["kind"], spec["scope"] == "Namespaced", names.get("shortNames") or (),
                     "status" in (version.get("subresources") or {}), names.get("singular", ""), names.get("categories") or (), fields, ALL_VERBS,
                     list_kind=names.get("listKind", ""))
        r.custom, r.hub = version, f'{spec["group"]}/{hub}'
        r.schemas, r.schema = schema.Schemas(), version["schema"]["openAPIV3Schema"]
        yield r


def warnings(obj):
    out = []
    for v in obj["spec"].get("versions") or ():
        if schema.expressions((v.get("schema") or {}).get("openAPIV3Schema")):
            out.append(f'x-kubernetes-validations of version {v.get("name")} are kept, and not evaluated here')
    return out
