# SPDX-License-Identifier: MIT
"""Label and field selectors: what they say as text, and whether an object is meant."""

import re

from . import status

_LABEL = re.compile(r"""\s*(?:
    (?P<absent>!)\s*(?P<no>[^\s,!=()]+)
  | (?P<key>[^\s,!=()]+)\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)
  | (?P<left>[^\s,!=()]+)\s*(?P<op>==|=|!=)\s*(?P<right>[^\s,!=()]*)
  | (?P<there>[^\s,!=()]+)
)\s*(?:,|$)""", re.X)
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def labels(text):
    """A function of an object's labels; raises for what is no selector."""
    wants, at = [], 0
    while at < len(text):
        m = _LABEL.match(text, at)
        if not m:
            raise status.bad_request(f"unable to parse requirement: found '{text[at:]}', expected: a label selector")
        at = m.end()
        key = m["no"] or m["key"] or m["left"] or m["there"]
        if not _KEY.fullmatch(key):
            raise status.bad_request(f'unable to parse requirement: <nil>: Invalid value: "{key}": not a label key')
        if m["absent"]:
            wants.append((key, "absent", ()))
        elif m["set"]:
            wants.append((key, m["set"], tuple(v.strip() for v in m["values"].split(","))))
        elif m["op"]:
            wants.append((key, "notin" if m["op"] == "!=" else "in", (m["right"],)))
        else:
            wants.append((key, "exists", ()))
    return lambda have: _match(wants, have or {})


def _match(wants, have):
    for key, op, values in wants:
        there = key in have
        if op == "exists" and not there or op == "absent" and there:
            return False
        if op == "in" and not (there and have[key] in values):
            return False
        if op == "notin" and there and have[key] in values:
            return False
    return True


def of_object(selector):
    """The same from a LabelSelector object, of which none or an empty one means everything."""
    wants = [(k, "in", (v,)) for k, v in (selector or {}).get("matchLabels", {}).items()]
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    for e in (selector or {}).get("matchExpressions", []):
        wants.append((e["key"], operators[e["operator"]], tuple(e.get("values", ()))))
    return lambda have: _match(wants, have or {})


def _at(obj, path):
    for part in path.split("."):
        obj = obj.get(part) if isinstance(obj, dict) else None
    return "" if obj is None else str(obj).lower() if isinstance(obj, bool) else str(obj)


def fields(text, allowed):
    """A function of an object; raises for a field that the resource is not selected by."""
    wants = []
    for term in filter(None, text.split(",")):
        m = re.fullmatch(r"\s*([^=!]+?)\s*(==|=|!=)\s*(.*)", term)
        if not m:
            raise status.bad_request(f'invalid selector: "{text}"; can\'t understand "{term}"')
        if m[1] not in allowed:
            raise status.bad_request(f"field label not supported: {m[1]}")
        wants.append((m[1], m[2] != "!=", m[3].replace("\\,", ",").replace("\\=", "=")))
    return lambda obj: all((_at(obj, path) == value) == equal for path, equal, value in wants)
