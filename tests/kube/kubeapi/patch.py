# SPDX-License-Identifier: MIT
"""The patches of the API: JSON merge patch (RFC 7386), JSON patch (RFC 6902), strategic merge. None changes what it is given."""

import copy

from . import status

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

# Lists that are merged by a key of their elements, by the name of the field; "" is a list of plain values that is a set.
# Where a field of that name is atomic somewhere else (tolerations, subjects), it is not here.
MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "volumes": "name", "env": "name", "volumeMounts": "mountPath",
    "volumeDevices": "devicePath", "imagePullSecrets": "name", "hostAliases": "ip", "podIPs": "ip", "hostIPs": "ip", "conditions": "type",
    "ownerReferences": "uid", "finalizers": "", "secrets": "name", "webhooks": "name", "taints": "key", "addresses": "type",
    "topologySpreadConstraints": "topologyKey",
}


def merge_key(field, elements):
    if field == "ports":  # of a container, or of a service
        if all(isinstance(e, dict) and "containerPort" in e for e in elements):
            return "containerPort"
        return "port"
    return MERGE_KEYS.get(field)


def merge(target, patch):
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


# ---- JSON patch ------------------------------------------------------------------------------------------------------------

class _Bad(Exception):
    pass


def _parts(pointer):
    if not isinstance(pointer, str):
        raise _Bad("a path is missing")
    if pointer and not pointer.startswith("/"):
        raise _Bad(f'"{pointer}" is no path')
    return [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]


def _index(seq, part, adding=False):
    if adding and part == "-":
        return len(seq)
    if not part.isdigit() or (part[0] == "0" and part != "0") or int(part) > len(seq) - (not adding):
        raise _Bad(f"invalid array index {part}")
    return int(part)


def _walk(doc, parts):
    for part in parts:
        if isinstance(doc, list):
            doc = doc[_index(doc, part)]
        elif isinstance(doc, dict) and part in doc:
            doc = doc[part]
        else:
            raise _Bad(f"missing path: /{'/'.join(parts)}")
    return doc


def _add(doc, pointer, value):
    parts = _parts(pointer)
    if not parts:
        return value
    parent = _walk(doc, parts[:-1])
    if isinstance(parent, list):
        parent.insert(_index(parent, parts[-1], True), value)
    elif isinstance(parent, dict):
        parent[parts[-1]] = value
    else:
        raise _Bad(f"missing container: {pointer}")
    return doc


def _remove(doc, pointer):
    parts = _parts(pointer)
    if not parts:
        raise _Bad("the whole document cannot be removed")
    _walk(doc, parts)
    parent = _walk(doc, parts[:-1])
    del parent[_index(parent, parts[-1]) if isinstance(parent, list) else parts[-1]]


def _operation(doc, op):
    kind, path = op.get("op"), op.get("path")
    if kind == "add":
        return _add(doc, path, copy.deepcopy(op.get("value")))
    if kind == "remove":
        _remove(doc, path)
    elif kind == "replace":
        _walk(doc, _parts(path))
        if not path:
            return copy.deepcopy(op.get("value"))
        _remove(doc, path)
        return _add(doc, path, copy.deepcopy(op.get("value")))
    elif kind in ("move", "copy"):
        value = copy.deepcopy(_walk(doc, _parts(op.get("from"))))
        if kind == "move":
            _remove(doc, op["from"])
        return _add(doc, path, value)
    elif kind == "test":
        if _walk(doc, _parts(path)) != op.get("value"):
            raise _Bad(f"testing value {path} failed: test failed")
    else:
        raise _Bad(f"unexpected kind: {kind}")
    return doc


def json_patch(target, ops):
    doc = copy.deepcopy(target)
    if not isinstance(ops, list) or not all(isinstance(op, dict) for op in ops):
        raise status.bad_request("a JSON patch is a list of operations")
    try:
        for op in ops:
            doc = _operation(doc, op)
    except _Bad:  # nobody is told which
        raise status.ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {}) from None
    return doc


# ---- strategic merge -------------------------------------------------------------------------------------------------------

def strategic(target, patch):
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return copy.deepcopy({k: v for k, v in patch.items() if k != "$patch"})
    if directive == "delete":
        return {}
    out = dict(target) if isinstance(target, dict) else {}
    keep = patch.get("$retainKeys")
    if keep is not None:
        out = {k: v for k, v in out.items() if k in keep}
    for key, value in patch.items():
        if key in ("$patch", "$retainKeys") or key.startswith("$setElementOrder/"):
            continue
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.split("/", 1)[1]
            out[field] = [v for v in out.get(field) or [] if v not in value]
        elif value is None:
            out.pop(key, None)
        elif isinstance(value, list):
            out[key] = _strategic_list(key, out.get(key) or [], value, patch.get("$setElementOrder/" + key))
        else:
            out[key] = strategic(out.get(key), value)
    for key, order in patch.items():  # an order may come for a list that nothing else is said of
        if key.startswith("$setElementOrder/") and key.split("/", 1)[1] not in patch and out.get(key.split("/", 1)[1]):
            field = key.split("/", 1)[1]
            out[field] = _ordered(field, out[field], order)
    return out


def _strategic_list(field, target, patch, order):
    by = merge_key(field, [e for e in patch if not (isinstance(e, dict) and "$patch" in e)] or patch)
    if any(isinstance(e, dict) and e.get("$patch") == "replace" for e in patch):
        return [copy.deepcopy(e) for e in patch if not (isinstance(e, dict) and e.get("$patch") == "replace")]
    if by is None:
        return copy.deepcopy(patch)
    out = list(target)
    if by == "":
        out += [copy.deepcopy(v) for v in patch if v not in out]
        return _ordered(field, out, order)
    for element in patch:
        if not isinstance(element, dict) or by not in element:
            raise status.bad_request(f"map: {element} does not contain declared merge key: {by}")
        found = [i for i, o in enumerate(out) if isinstance(o, dict) and o.get(by) == element[by]]
        if element.get("$patch") == "delete":
            out = [o for i, o in enumerate(out) if i not in found]
        elif found:
            out[found[0]] = strategic(out[found[0]], element)
        else:
            out.append(strategic({}, element))
    return _ordered(field, out, order)


def _ordered(field, seq, order):
    if not order:
        return seq
    if all(isinstance(o, dict) for o in order):
        by = merge_key(field, order) or next(iter(order[0]))
        place = {o[by]: i for i, o in enumerate(order) if by in o}
        return sorted(seq, key=lambda e: place.get(e.get(by), len(place)))
    place = {v: i for i, v in enumerate(order)}
    return sorted(seq, key=lambda v: place.get(v, len(place)))
