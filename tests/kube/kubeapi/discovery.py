# SPDX-License-Identifier: MIT
"""What a client asks before it asks for anything: which resources there are, and what documents describe them."""

from .kinds import BUILTIN, SCHEMAS

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def api_versions(host):
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]}


def _group(name, versions):
    listed = [{"groupVersion": f"{name}/{v}", "version": v} for v in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def groups(resources):
    """{group: [version]}, the newest first."""
    out = {}
    for r in resources:
        if r.group and r.version not in out.setdefault(r.group, []):
            out[r.group].append(r.version)
    for versions in out.values():
        versions.sort(key=lambda v: ("alpha" in v, "beta" in v, v))
    return out


def group_list(resources):
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(n, v) for n, v in groups(resources).items()]}


def group(resources, name):
    versions = groups(resources).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions else None


def resource_list(resources, api_version):
    listed = []
    for r in sorted((r for r in resources if r.api_version == api_version), key=lambda r: r.plural):
        one = {"name": r.plural, "singularName": r.singular, "namespaced": r.namespaced, "kind": r.kind, "verbs": sorted(r.verbs)}
        if r.short:
            one["shortNames"] = list(r.short)
        if r.categories:
            one["categories"] = list(r.categories)
        listed.append(one)
        if r.has_status:
            listed.append({"name": f"{r.plural}/status", "singularName": "", "namespaced": r.namespaced, "kind": r.kind, "verbs": ["get", "patch", "update"]})
        for sub in r.subresources:
            verbs = ["update"] if sub == "finalize" else ["create"]
            kind = {"finalize": r.kind, "binding": "Binding", "token": "TokenRequest"}[sub]
            listed.append({"name": f"{r.plural}/{sub}", "singularName": "", "namespaced": r.namespaced, "kind": kind, "verbs": verbs})
    if not listed:
        return None
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": listed}


# ---- OpenAPI ---------------------------------------------------------------------------------------------------------------------

def _path_of(r):
    root = f"/apis/{r.api_version}" if r.group else f"/api/{r.version}"
    return f"{root}{'/namespaces/{namespace}' if r.namespaced else ''}/{r.plural}"


def v3_index(resources):
    paths = sorted({f"apis/{r.api_version}" if r.group else f"api/{r.version}" for r in resources})
    return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}?hash=0"} for p in paths}}


def _v3_schema(schema):
    """With refs as this version of the format has them."""
    if isinstance(schema, dict):
        out = {}
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                out[key] = "#/components/schemas/" + value
            elif key == "properties":
                out[key] = {n: _v3_schema(v) for n, v in value.items()}
            else:
                out[key] = _v3_schema(value)
        return out
    return [_v3_schema(v) for v in schema] if isinstance(schema, list) else schema


def _needed(schema, seen):
    if isinstance(schema, dict):
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref not in seen:
            seen.add(ref)
            _needed(SCHEMAS.definitions[ref], seen)
        for value in schema.values():
            _needed(value, seen)


_QUERY = [{"name": n, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for n in ("dryRun", "fieldManager", "fieldValidation")]


def v3(resources, api_version):
    """One group's document: the schemas, and that a patch takes fieldValidation and dryRun, which is what kubectl looks for."""
    paths, schemas, refs = {}, {}, set()
    for r in (r for r in resources if r.api_version == api_version):
        gvk = {"group": r.group, "version": r.version, "kind": r.kind}
        name = r.schema["$ref"] if r.schema.get("$ref") else f"custom.{r.version}.{r.kind}"
        if r.custom:
            schemas[name] = {**_v3_schema(_with_meta(r.schema)), "x-kubernetes-group-version-kind": [gvk]}
            _needed({"$ref": "meta.v1.ObjectMeta"}, refs)
        elif r.schema.get("$ref"):
            _needed(r.schema, refs)
        body = {"schema": {"$ref": f"#/components/schemas/{name}"}} if r.custom or r.schema.get("$ref") else {"schema": {"type": "object"}}
        answer = {"200": {"description": "OK", "content": {"application/json": body}}}
        request = {"content": {"application/json": body}}
        one = {"x-kubernetes-group-version-kind": gvk, "responses": answer}
        paths[_path_of(r)] = {"get": {**one, "x-kubernetes-action": "list"},
                              "post": {**one, "parameters": _QUERY, "requestBody": request, "x-kubernetes-action": "post"}}
        paths[_path_of(r) + "/{name}"] = {"get": {**one, "x-kubernetes-action": "get"},
                                          "put": {**one, "parameters": _QUERY, "requestBody": request, "x-kubernetes-action": "put"},
                                          "patch": {**one, "parameters": _QUERY, "requestBody": request, "x-kubernetes-action": "patch"}}
    if not paths:
        return None
    kinds = {}
    for known, definition in BUILTIN["kinds"].items():
        version, kind = known.split(", ")
        kinds.setdefault(definition, []).append({"group": version.partition("/")[0] if "/" in version else "", "version": version.rpartition("/")[2], "kind": kind})
    for name in refs:
        schemas[name] = _v3_schema(SCHEMAS.definitions[name])
        if name in kinds:
            schemas[name]["x-kubernetes-group-version-kind"] = kinds[name]
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "stand-in"}, "paths": paths, "components": {"schemas": schemas}}


def _with_meta(schema):
    properties = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"$ref": "meta.v1.ObjectMeta"}}
    return {**schema, "properties": {**schema.get("properties", {}), **properties}}


def v2():
    """A document without content: what kubectl does not find in it, it does not judge."""
    return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "stand-in"}, "paths": {}, "definitions": {}}


def _field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def v2_protobuf():
    """The same as gnostic's openapi_v2.Document: swagger, info {title, version}, paths."""
    return _field(1, b"2.0") + _field(2, _field(1, b"Kubernetes") + _field(2, b"stand-in")) + _field(8, b"") + _field(9, b"")
