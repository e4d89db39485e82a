# SPDX-License-Identifier: MIT
"""Who set which field: managedFields, and server-side apply over them.

A field is a path of steps: ("f", name) into an object, ("k", key, value) to the element of a list that is merged by a key, ("v", value)
to one of a list that is a set. A list without a key is one field as a whole. Elements, and maps of any keys, are fields beside what is in them."""

import copy
import json

from . import patch, status

CONTAINER = object()
_MAPS = {"labels", "annotations", "requests", "limits", "nodeSelector", "matchLabels", "data"}
# Not of any manager.
_SYSTEM = {"apiVersion", "kind"}
_SYSTEM_META = {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "deletionTimestamp",
                "deletionGracePeriodSeconds", "managedFields"}


def _elements(field, value, keys):
    """[(step, element)] of a list, or None when it is one field."""
    by = keys(field, value)
    if by is None or not value:
        return None
    if by == "":
        return [(("v", json.dumps(v)), None) for v in value]
    if all(isinstance(e, dict) and by in e for e in value):
        return [(("k", by, json.dumps(e[by])), e) for e in value]
    return None


def keys_of(schema, metadata=True):
    """As patch.merge_key is for what is built in: the lists of a custom resource are fields as a whole, but where its schema says otherwise,
    and those of its metadata, but in old servers."""
    found = {}

    def walk(s, field):
        kind, by = s.get("x-kubernetes-list-type"), s.get("x-kubernetes-list-map-keys") or []
        if kind == "set":
            found[field] = ""
        elif kind == "map" and len(by) == 1:
            found[field] = by[0]
        for name, inner in s.get("properties", {}).items():
            walk(inner, name)
        for inner in (s.get("items"), s.get("additionalProperties")):
            if isinstance(inner, dict):
                walk(inner, "")

    walk(schema, "")

    def keys(field, elements):
        return found[field] if field in found else patch.merge_key(field, elements) if metadata and field in ("finalizers", "ownerReferences") else None
    keys.custom = True
    return keys


def leaves(obj, keys=patch.merge_key):
    """{path: value} of all that a manager may own."""
    out, custom = {}, hasattr(keys, "custom")

    def walk(value, path, field):
        if isinstance(value, dict) and value:
            if field in _MAPS or custom and path and path[0][1] != "metadata" and path[-1][0] == "f":
                out[path] = CONTAINER
            for name, inner in value.items():
                step = path + (("f", name),)
                if len(step) == 1 and name in _SYSTEM or len(step) == 2 and step[0][1] == "metadata" and name in _SYSTEM_META:
                    continue
                walk(inner, step, name)
            return
        parts = _elements(field, value, keys) if isinstance(value, list) else None
        if parts is None:
            out[path] = value
            return
        if field != "containers":  # which no pod is without
            out[path] = CONTAINER
        for step, inner in parts:
            if inner is None:
                out[path + (step,)] = True
            else:
                walk(inner, path + (step,), "")
                out[path + (step,)] = CONTAINER

    walk(obj, (), "")
    out.pop((), None)
    return out


def _name(step):
    if step[0] == "f":
        return "f:" + step[1]
    if step[0] == "v":
        return "v:" + step[1]
    return "k:" + json.dumps({step[1]: json.loads(step[2])}, separators=(",", ":"))


def to_v1(paths):
    out = {}
    for path in sorted(paths):
        at = out
        for i, step in enumerate(path):
            at = at.setdefault(_name(step), {})
            if i < len(path) - 1 and path[:i + 1] in paths:
                at.setdefault(".", {})
    return out


def from_v1(tree):
    paths = set()

    def walk(node, path):
        inner = {k: v for k, v in node.items() if k != "."}
        if path and (not inner or "." in node):
            paths.add(path)
        for name, value in inner.items():
            kind, rest = name.split(":", 1)
            if kind == "f":
                step = ("f", rest)
            elif kind == "v":
                step = ("v", rest)
            else:
                key, value_of = next(iter(json.loads(rest).items()))
                step = ("k", key, json.dumps(value_of))
            walk(value, path + (step,))

    walk(tree, ())
    return paths


def note(before, after, manager, operation, api_version, now, subresource="", keys=patch.merge_key):
    """The managedFields of an object that a manager changed; what others had in what is gone or changed is theirs no more."""
    old = leaves(before, keys) if before else {}
    new = leaves(after, keys)
    had = [(entry, from_v1(entry["fieldsV1"])) for entry in (before or {}).get("metadata", {}).get("managedFields", [])]
    held = {p for _, owned in had for p in owned}
    mine = {p for p, v in new.items() if (p not in old or old[p] != v) and not (v is CONTAINER and p in held)}
    touched = {p for p in mine | (set(old) - set(new)) if CONTAINER not in (old.get(p), new.get(p))}
    entries, found = [], False
    for entry, owned in had:
        own = entry["manager"] == manager and entry["operation"] == operation and entry.get("subresource", "") == subresource
        owned -= touched
        if own:
            found = True
            owned = (owned - (set(old) - set(new))) | mine
        if owned:
            entries.append({**entry, **({"time": now} if own and mine else {}), "fieldsV1": to_v1(owned)})
    if mine and not found:
        entries.append(_entry(manager, operation, api_version, now, mine, subresource))
    return entries


def _entry(manager, operation, api_version, now, paths, subresource=""):
    out = {"manager": manager, "operation": operation, "apiVersion": api_version, "time": now, "fieldsType": "FieldsV1", "fieldsV1": to_v1(paths)}
    if subresource:
        out["subresource"] = subresource
    return out


# ---- server-side apply -----------------------------------------------------------------------------------------------------

def _merged(target, config, keys, field=""):
    if isinstance(config, dict):
        out = dict(target) if isinstance(target, dict) else {}
        for name, value in config.items():
            out[name] = _merged(out.get(name), value, keys, name)
        return out
    if isinstance(config, list) and isinstance(target, list):
        by = keys(field, config)
        if by == "":
            return target + [v for v in config if v not in target]
        if by is not None and all(isinstance(e, dict) and by in e for e in config + target):
            out = list(target)
            for e in config:
                at = [i for i, o in enumerate(out) if o[by] == e[by]]
                if at:
                    out[at[0]] = _merged(out[at[0]], e, keys)
                else:
                    out.append(copy.deepcopy(e))
            return out
    return copy.deepcopy(config)


def _without(obj, path):
    """A copy without that field, and without what is empty by that."""
    step = path[0]
    if isinstance(obj, list):
        if step[0] == "v":
            return [v for v in obj if json.dumps(v) != step[1]]
        out = []
        for e in obj:
            if isinstance(e, dict) and json.dumps(e.get(step[1])) == step[2]:
                rest = _without(e, path[1:]) if len(path) > 1 else {}
                if not rest or set(rest) == {step[1]} and len(path) > 1 and path[-1] == ("f", step[1]):
                    continue
                out.append(rest)
            else:
                out.append(e)
        return out
    if not isinstance(obj, dict) or step[1] not in obj:
        return obj
    out = dict(obj)
    if len(path) == 1:
        del out[step[1]]
    else:
        out[step[1]] = _without(out[step[1]], path[1:])
        if out[step[1]] in ({}, []) and obj[step[1]]:
            del out[step[1]]
    return out


def shown(path):
    out = ""
    for step in path:
        out += f".{step[1]}" if step[0] == "f" else f"[{step[1]}={step[2]}]" if step[0] == "k" else f"[={step[1]}]"
    return out


def apply(before, config, manager, force, now, keys=patch.merge_key):
    """(object, managedFields entry by entry) for a configuration that a manager applies to what is there."""
    wanted = {p: v for p, v in leaves(config, keys).items() if v is not CONTAINER or p[-1][0] == "k"}
    live = leaves(before, keys) if before else {}
    others, mine, conflicts = [], set(), []
    for entry in (before or {}).get("metadata", {}).get("managedFields", []):
        owned = from_v1(entry["fieldsV1"])
        if entry["manager"] == manager and entry["operation"] == "Apply":
            mine = owned
            continue
        clash = {p for p in owned if p in wanted and live.get(p) != wanted[p]}
        if clash and not force:
            conflicts += [(entry["manager"], entry["operation"], p) for p in sorted(clash)]
        others.append({**entry, "fieldsV1": to_v1(owned - clash)} if clash else entry)
    if conflicts:
        raise _conflicts(conflicts)
    out = before or {}
    held = {p for e in others for p in from_v1(e["fieldsV1"])}
    for path in sorted(mine - set(wanted) - held):
        if live.get(path) is not CONTAINER or path[-1][0] == "k":
            out = _without(out, path)
    out = _merged(out, config, keys)
    others = [e for e in others if e["fieldsV1"]]
    return out, [_entry(manager, "Apply", config["apiVersion"], now, wanted)] + others


def _conflicts(conflicts):
    first = conflicts[0]
    if len(conflicts) == 1:
        text = f'Apply failed with 1 conflict: conflict with "{first[0]}": {shown(first[2])}'
    else:
        text = f"Apply failed with {len(conflicts)} conflicts: conflicts with " + ", ".join(f'"{m}": {shown(p)}' for m, _, p in conflicts)
    causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{m}"', "field": shown(p)} for m, _, p in conflicts]
    return status.ApiError(409, "Conflict", text, {"causes": causes})
