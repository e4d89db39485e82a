# SPDX-License-Identifier: MIT
"""Objects as kubectl get shows them: a Table, or the metadata alone, when the client asks for these."""

import re

from . import meta

NAME_TEXT = "Name must be unique within a namespace."
AGE_TEXT = "CreationTimestamp is a timestamp representing the server time when this object was created."


def age(then, now):
    """As kubectl says how long ago."""
    if not then:
        return "<unknown>"
    s = int(now - meta.seconds_of(then))
    if s < -1:
        return "<invalid>"
    s = max(s, 0)
    if s < 120:
        return f"{s}s"
    m = s // 60
    if m < 10:
        return f"{m}m{s % 60}s" if s % 60 else f"{m}m"
    if m < 180:
        return f"{m}m"
    h = m // 60
    if h < 8:
        return f"{h}h{m % 60}m" if m % 60 else f"{h}h"
    if h < 48:
        return f"{h}h"
    d = h // 24
    if d < 8:
        return f"{d}d{h % 24}h" if h % 24 else f"{d}d"
    if d < 730:
        return f"{d}d"
    y, rest = divmod(d, 365)
    return f"{y}y{rest}d" if y < 8 and rest else f"{y}y"


# ---- paths of printer columns ----------------------------------------------------------------------------------------------------

_STEP = re.compile(r"""\.((?:\\.|[^.\[\]\\])+)|\[(\d+)\]|\[\*\]|\['([^']*)'\]|\[\?\(@((?:\.[A-Za-z0-9_-]+)+)\s*==\s*(?:"([^"]*)"|'([^']*)'|([^)]*))\)\]""")


def find(obj, path):
    """All that a path like .status.conditions[?(@.type=="Ready")].status leads to."""
    found, at = [obj], 0
    while at < len(path):
        m = _STEP.match(path, at)
        if not m:
            raise ValueError(f"{path}: not a path that is understood here")
        at = m.end()
        if m[1] is not None or m[3] is not None:
            name = re.sub(r"\\(.)", r"\1", m[1]) if m[1] is not None else m[3]
            if name == "*":
                found = [v for o in found for v in (o.values() if isinstance(o, dict) else o if isinstance(o, list) else ())]
            else:
                found = [o[name] for o in found if isinstance(o, dict) and name in o]
        elif m[2] is not None:
            found = [o[int(m[2])] for o in found if isinstance(o, list) and int(m[2]) < len(o)]
        elif m[4] is not None:
            want = next(v for v in (m[5], m[6], m[7]) if v is not None)
            found = [e for o in found if isinstance(o, list) for e in o if [str(v).lower() if isinstance(v, bool) else str(v) for v in find(e, m[4])] == [want]]
        else:
            found = [v for o in found for v in (o if isinstance(o, list) else o.values() if isinstance(o, dict) else ())]
    return found


# ---- columns: (definition, function of object and time) ---------------------------------------------------------------------------

def _column(name, kind, get, form="", priority=0, text=""):
    return {"name": name, "type": kind, "format": form, "description": text, "priority": priority}, get


_NAME = _column("Name", "string", lambda o, now: o["metadata"]["name"], "name", text=NAME_TEXT)
_AGE = _column("Age", "string", lambda o, now: age(o["metadata"].get("creationTimestamp"), now), text=AGE_TEXT)


def _at(*path, missing="<none>"):
    def get(o, now):
        for part in path:
            o = o.get(part) if isinstance(o, dict) else None
        return missing if o in (None, "") else o
    return get


def _pod_status(o, now):
    st, reason = o.get("status", {}), o.get("status", {}).get("reason") or o.get("status", {}).get("phase", "")
    running = False
    for c in reversed(st.get("containerStatuses") or []):
        waiting, ended = c.get("state", {}).get("waiting"), c.get("state", {}).get("terminated")
        if waiting and waiting.get("reason"):
            reason = waiting["reason"]
        elif ended:
            reason = ended.get("reason") or (f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}")
        elif c.get("ready") and "running" in c.get("state", {}):
            running = True
    if reason == "Completed" and running:
        reason = "Running"
    if o["metadata"].get("deletionTimestamp"):
        reason = "Unknown" if st.get("reason") == "NodeLost" else "Terminating"
    return reason


def _containers(o):
    return (o.get("status") or {}).get("containerStatuses") or []


_POD = [
    _column("Ready", "string", lambda o, now: f"{sum(bool(c.get('ready')) for c in _containers(o))}/{len(o['spec']['containers'])}",
            text="The aggregate readiness state of this pod for accepting traffic."),
    _column("Status", "string", _pod_status, text="The aggregate status of the containers in this pod."),
    _column("Restarts", "integer", lambda o, now: sum(c.get("restartCount", 0) for c in _containers(o)),
            text="The number of times the containers in this pod have been restarted."),
    _AGE,
    _column("IP", "string", _at("status", "podIP"), priority=1),
    _column("Node", "string", _at("spec", "nodeName"), priority=1),
    _column("Nominated Node", "string", _at("status", "nominatedNodeName"), priority=1),
    _column("Readiness Gates", "string", lambda o, now: "<none>", priority=1),
]


def _ref(o, now):
    r = o.get("involvedObject") or o.get("regarding") or {}
    return f'{r.get("kind", "").lower()}/{r.get("name", "")}'


def _node_status(o, now):
    ready = [c["status"] for c in o.get("status", {}).get("conditions") or () if c["type"] == "Ready"]
    state = "Ready" if ready == ["True"] else "NotReady" if ready else "Unknown"
    return state + (",SchedulingDisabled" if o.get("spec", {}).get("unschedulable") else "")


def _workload(*names):
    return [_column(n.title().replace("-To-", "-to-"), "integer", _at("status", field, missing=0)) for n, field in names] + [_AGE]


_COLUMNS = {
    "Pod": _POD,
    "Namespace": [_column("Status", "string", _at("status", "phase", missing="")), _AGE],
    "Event": [_column("Last Seen", "string", lambda o, now: age(o.get("lastTimestamp") or o.get("deprecatedLastTimestamp") or o["metadata"].get("creationTimestamp"), now)),
              _column("Type", "string", _at("type", missing="")), _column("Reason", "string", _at("reason", missing="")), _column("Object", "string", _ref),
              _column("Message", "string", lambda o, now: (o.get("message") or o.get("note") or "").strip())],
    "ServiceAccount": [_column("Secrets", "string", lambda o, now: str(len(o.get("secrets") or ()))), _AGE],
    "Node": [_column("Status", "string", _node_status), _column("Roles", "string", lambda o, now: "<none>"), _AGE,
             _column("Version", "string", _at("status", "nodeInfo", "kubeletVersion", missing=""))],
    "ConfigMap": [_column("Data", "string", lambda o, now: str(len(o.get("data") or ()) + len(o.get("binaryData") or ()))), _AGE],
    "Secret": [_column("Type", "string", _at("type", missing="")), _column("Data", "string", lambda o, now: str(len(o.get("data") or ()))), _AGE],
    "Lease": [_column("Holder", "string", _at("spec", "holderIdentity", missing="")), _AGE],
    "CustomResourceDefinition": [_column("Created At", "date", _at("metadata", "creationTimestamp"))],
    "RoleBinding": [_column("Role", "string", lambda o, now: f'{o["roleRef"]["kind"]}/{o["roleRef"]["name"]}'), _AGE],
    "ClusterRoleBinding": [_column("Role", "string", lambda o, now: f'{o["roleRef"]["kind"]}/{o["roleRef"]["name"]}'), _AGE],
    "Role": [_column("Created At", "date", _at("metadata", "creationTimestamp"))],
    "ClusterRole": [_column("Created At", "date", _at("metadata", "creationTimestamp"))],
    "ValidatingWebhookConfiguration": [_column("Webhooks", "integer", lambda o, now: len(o.get("webhooks") or ())), _AGE],
    "MutatingWebhookConfiguration": [_column("Webhooks", "integer", lambda o, now: len(o.get("webhooks") or ())), _AGE],
    "DaemonSet": _workload(("desired", "desiredNumberScheduled"), ("current", "currentNumberScheduled"), ("ready", "numberReady"),
                           ("up-to-date", "updatedNumberScheduled"), ("available", "numberAvailable")),
}


def _custom(columns):
    out = []
    for c in columns:
        path, kind = c["jsonPath"], c["type"]

        def get(o, now, path=path, kind=kind):
            found = find(o, path)
            if not found or found[0] is None:
                return None
            if kind == "date":
                return age(found[0], now) if isinstance(found[0], str) else None
            if kind == "string":
                return found[0] if isinstance(found[0], str) and len(found) == 1 else ",".join(v if isinstance(v, str) else _go(v) for v in found)
            return found[0] if isinstance(found[0], (int, float, bool)) else None
        out.append(_column(c["name"], kind, get, c.get("format", ""), c.get("priority", 0), c.get("description", "")))
    return out


def _go(v):
    import json
    return str(v).lower() if isinstance(v, bool) else json.dumps(v, separators=(",", ":"))


def columns(resource):
    if resource.custom:
        given = resource.custom.get("additionalPrinterColumns")
        return [_NAME] + (_custom(given) if given else [_column("Age", "date", _AGE[1], text=AGE_TEXT)])
    return [_NAME] + _COLUMNS.get(resource.kind, [_AGE])


def metadata_only(obj, version="v1"):
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": obj["metadata"]}


def table(resource, objects, list_meta, now, include="Metadata", header=True, version="v1"):
    cols = columns(resource)
    rows = []
    for o in objects:
        row = {"cells": [get(o, now) for _, get in cols]}
        if include != "None":
            row["object"] = metadata_only(o, version) if include != "Object" else o
        rows.append(row)
    return {"kind": "Table", "apiVersion": f"meta.k8s.io/{version}", "metadata": list_meta,
            "columnDefinitions": [d for d, _ in cols] if header else None, "rows": rows}
