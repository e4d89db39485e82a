# SPDX-License-Identifier: MIT
"""Structural schemas, of CustomResourceDefinitions and of the kinds that are built in: unknown fields, defaults, validation.

Expressions (x-kubernetes-validations) are not evaluated; crd.py warns of them."""

import copy
import datetime
import ipaddress
import json
import math
import re
import uuid

from . import status

_META = {"apiVersion", "kind", "metadata"}


class Schemas:
    """A schema and what its $refs mean."""

    def __init__(self, definitions=None):
        self.definitions = definitions or {}

    def of(self, schema):
        while schema and "$ref" in schema:
            schema = self.definitions[schema["$ref"]]
        return schema or {}

    # ---- unknown fields --------------------------------------------------------------------------------------------

    def unknown(self, schema, value, path="", root=True):
        """[path] of all fields that it does not know."""
        schema, out = self.of(schema), []
        if isinstance(value, dict):
            known, others = schema.get("properties", {}), schema.get("additionalProperties")
            keep = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
            embedded = root or schema.get("x-kubernetes-embedded-resource")
            for name, inner in value.items():
                where = f"{path}.{name}" if path else name
                if embedded and name in _META and not (name in known and self.definitions):
                    continue
                if name in known:
                    out += self.unknown(known[name], inner, where, False)
                elif others:
                    out += self.unknown(others, inner, where, False) if isinstance(others, dict) else []
                elif not keep:
                    out.append(where)
        elif isinstance(value, list) and isinstance(schema.get("items"), dict):
            for i, inner in enumerate(value):
                out += self.unknown(schema["items"], inner, f"{path}[{i}]", False)
        return out

    def prune(self, schema, value, root=True):
        """A copy without them."""
        schema = self.of(schema)
        if isinstance(value, dict):
            known, others, out = schema.get("properties", {}), schema.get("additionalProperties"), {}
            keep = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
            embedded = root or schema.get("x-kubernetes-embedded-resource")
            for name, inner in value.items():
                if embedded and name in _META and not (name in known and self.definitions):
                    out[name] = inner
                elif name in known:
                    out[name] = self.prune(known[name], inner, False)
                elif others:
                    out[name] = self.prune(others, inner, False) if isinstance(others, dict) else inner
                elif keep:
                    out[name] = inner
            return out
        if isinstance(value, list) and isinstance(schema.get("items"), dict):
            return [self.prune(schema["items"], v, False) for v in value]
        return value

    def default(self, schema, value):
        """A copy with what it says of fields that are not there, or null where null is nothing."""
        schema = self.of(schema)
        if isinstance(value, dict):
            out = dict(value)
            for name, inner in schema.get("properties", {}).items():
                inner = self.of(inner)
                if "default" in inner and (name not in out or out[name] is None and not inner.get("nullable")):
                    out[name] = copy.deepcopy(inner["default"])
                if name in out:
                    out[name] = self.default(inner, out[name])
            others = schema.get("additionalProperties")
            if isinstance(others, dict):
                for name in set(out) - set(schema.get("properties", {})):
                    out[name] = self.default(others, out[name])
            return out
        if isinstance(value, list) and isinstance(schema.get("items"), dict):
            return [self.default(schema["items"], v) for v in value]
        return value

    def without_null(self, schema, value):
        """A copy without those nulls that are neither allowed nor have become a default."""
        schema = self.of(schema)
        if isinstance(value, dict):
            known, others, out = schema.get("properties", {}), schema.get("additionalProperties"), {}
            for name, inner in value.items():
                of_it = known.get(name, others if isinstance(others, dict) else None)
                if of_it is None:
                    out[name] = inner
                elif inner is not None or self.of(of_it).get("nullable"):
                    out[name] = self.without_null(of_it, inner)
            return out
        if isinstance(value, list) and isinstance(schema.get("items"), dict):
            return [self.without_null(schema["items"], v) for v in value]
        return value

    # ---- validation --------------------------------------------------------------------------------------------------

    def check(self, schema, value, path=""):
        """[status.Fault]"""
        schema = self.of(schema)
        if value is None and schema.get("nullable"):
            return []
        if schema.get("x-kubernetes-int-or-string"):
            if not (isinstance(value, str) or _is_integer(value) or isinstance(value, (int, float)) and self.definitions):
                return [_type_fault(path, "integer,string", value)]
            return self._logic(schema, value, path)
        wanted = schema.get("type")
        if wanted and not _is(wanted, value):
            return [_type_fault(path, wanted, value)]
        if isinstance(value, dict):
            out = self._object(schema, value, path)
        elif isinstance(value, list):
            out = self._list(schema, value, path)
        elif isinstance(value, str):
            out = _string(schema, value, path)
        elif isinstance(value, bool) or value is None:
            out = []
        else:
            out = _number(schema, value, path)
        if "enum" in schema and not any(_same(value, e) for e in schema["enum"]):
            out.append(status.not_supported(path, value, schema["enum"]))
        return out + self._logic(schema, value, path)

    def _object(self, schema, value, path):
        out, known = [], schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value or self.definitions and value[name] is None:
                out.append(status.required(_below(path, name)))
        others = schema.get("additionalProperties")
        for name, inner in value.items():
            if self.definitions and inner is None:
                continue
            if name in known:
                out += self.check(known[name], inner, _below(path, name))
            elif isinstance(others, dict):
                out += self.check(others, inner, _below(path, name))
        if len(value) > schema.get("maxProperties", len(value)):
            out.append(status.invalid_value(path, schema["maxProperties"], f"{path} in body should have at most {schema['maxProperties']} properties"))
        if len(value) < schema.get("minProperties", 0):
            out.append(status.invalid_value(path, schema["minProperties"], f"{path} in body should have at least {schema['minProperties']} properties"))
        return out

    def _list(self, schema, value, path):
        out = []
        if isinstance(schema.get("items"), dict):
            for i, inner in enumerate(value):
                out += self.check(schema["items"], inner, f"{path}[{i}]")
        if len(value) > schema.get("maxItems", len(value)):
            out.append(status.invalid_value(path, len(value), f"{path} in body should have at most {schema['maxItems']} items"))
        if len(value) < schema.get("minItems", 0):
            out.append(status.invalid_value(path, len(value), f"{path} in body should have at least {schema['minItems']} items"))
        if schema.get("uniqueItems") and len({json.dumps(v, sort_keys=True) for v in value}) < len(value):
            out.append(status.invalid_value(path, value, f"{path} in body shouldn't contain duplicates"))
        kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", [])
        if kind in ("set", "map") and not self.definitions:
            seen = set()
            for i, inner in enumerate(value):
                key = json.dumps({k: inner.get(k) for k in keys} if kind == "map" and isinstance(inner, dict) else inner, sort_keys=True, separators=(",", ":"))
                if key in seen:
                    out.append(status.Fault("FieldValueDuplicate", f"{path}[{i}]", f"Duplicate value: {key}"))
                seen.add(key)
        return out

    def _logic(self, schema, value, path):
        """What these say is of no field."""
        out, nowhere = [], "<nil>"
        for inner in schema.get("allOf", []):
            out += self.check(inner, value, path)
        any_of = [self.check(s, value, path) for s in schema.get("anyOf", [])]
        if any_of and all(any_of):
            out.append(status.invalid_value(nowhere, "", f'"{path}" must validate at least one schema (anyOf)'))
            out += any_of[0]
        one_of = [self.check(s, value, path) for s in schema.get("oneOf", [])]
        if one_of and sum(not f for f in one_of) != 1:
            found = sum(not f for f in one_of)
            out.append(status.invalid_value(nowhere, "", f'"{path}" must validate one and only one schema (oneOf). '
                                            + (f"Found {found} valid alternatives" if found else "Found none valid")))
            out += [] if found else one_of[0]
        if "not" in schema and not self.check(schema["not"], value, path):
            out.append(status.invalid_value(nowhere, "", f'"{path}" must not validate the schema (not)'))
        return out


def _below(path, name):
    return f"{path}.{name}" if path else name


def _same(a, b):
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _is_integer(value):
    return not isinstance(value, bool) and (isinstance(value, int) or isinstance(value, float) and value.is_integer())


def _is(wanted, value):
    if wanted == "integer":
        return _is_integer(value)
    if wanted == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "boolean": bool, "object": dict, "array": list}[wanted])


def _kind_of(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "integer" if isinstance(value, int) else "number"
    return {str: "string", dict: "object", list: "array"}[type(value)]


def _type_fault(path, wanted, value):
    have = _kind_of(value)
    return status.Fault("FieldValueInvalid", path, f'Invalid value: "{have}": {path} in body must be of type {wanted}: "{have}"')


def _number(schema, value, path):
    out = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value < low or value == low and schema.get("exclusiveMinimum")):
        out.append(status.invalid_value(path, value, f"{path} in body should be greater than {'' if schema.get('exclusiveMinimum') else 'or equal to '}{low}"))
    if high is not None and (value > high or value == high and schema.get("exclusiveMaximum")):
        out.append(status.invalid_value(path, value, f"{path} in body should be less than {'' if schema.get('exclusiveMaximum') else 'or equal to '}{high}"))
    if "multipleOf" in schema and not math.isclose(value / schema["multipleOf"], round(value / schema["multipleOf"])):
        out.append(status.invalid_value(path, value, f"{path} in body should be a multiple of {schema['multipleOf']}"))
    if schema.get("format") == "int32" and _is_integer(value) and not -2**31 <= value < 2**31:
        out.append(status.invalid_value(path, value, "Checked value must be of type integer with format int32 in body"))
    return out


def _string(schema, value, path):
    out = []
    if len(value) > schema.get("maxLength", len(value)):
        out.append(status.invalid_value(path, value, f"{path} in body should be at most {schema['maxLength']} chars long"))
    if len(value) < schema.get("minLength", 0):
        out.append(status.invalid_value(path, value, f"{path} in body should be at least {schema['minLength']} chars long"))
    if "pattern" in schema and not re.search(schema["pattern"], value):
        out.append(status.invalid_value(path, value, f"{path} in body should match '{schema['pattern']}'"))
    form = schema.get("format")
    if form in _FORMATS and not _FORMATS[form](value):
        out.append(status.invalid_value(path, value, f'{path} in body must be of type {form}: "{value}"'))
    return out


def _date_time(value):
    m = re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", value)
    try:
        return bool(m) and bool(datetime.datetime.strptime(value[:19].upper().replace(" ", "T"), "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return False


def _taken(function):
    def ok(value):
        try:
            function(value)
            return True
        except ValueError:
            return False
    return ok


_FORMATS = {
    "date-time": _date_time,
    "date": _taken(lambda v: datetime.datetime.strptime(v, "%Y-%m-%d")),
    "duration": lambda v: bool(re.fullmatch(r"\s*(\d+(\.\d+)?\s*[a-zµ]+\s*)+", v)),
    "ipv4": _taken(ipaddress.IPv4Address),
    "ipv6": _taken(ipaddress.IPv6Address),
    "cidr": _taken(lambda v: ipaddress.ip_interface(v) if "/" in v else int("no")),
    "uuid": _taken(uuid.UUID),
    "byte": lambda v: bool(re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", v)),
}


# ---- what may be a schema ----------------------------------------------------------------------------------------------------

def unfit(schema, path, root=True):
    """[status.Fault]: why it is not structural."""
    if not isinstance(schema, dict):
        return [status.required(path, "must not be empty")]
    out = []
    any_type = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not schema.get("type") and not any_type:
        out.append(status.required(f"{path}.type", "must not be empty at the root" if root else "must not be empty for specified object fields"
                                   if path.endswith("]") and ".properties[" in path else "must not be empty for specified array items"))
    if root and schema.get("type") not in (None, "object"):
        out.append(status.invalid_value(f"{path}.type", schema["type"], "must be object at the root"))
    if "$ref" in schema:
        out.append(status.forbidden_field(f"{path}.$ref", "$ref is not supported"))
    if schema.get("properties") and schema.get("additionalProperties"):
        out.append(status.forbidden_field(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive"))
    if schema.get("uniqueItems"):
        out.append(status.forbidden_field(f"{path}.uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"))
    if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
        out.append(status.required(f"{path}.items", "must be specified"))
    if "pattern" in schema:
        try:
            re.compile(schema["pattern"])
        except re.error as e:
            out.append(status.invalid_value(f"{path}.pattern", schema["pattern"], f"must be a valid regular expression, but isn't: {e}"))
    for name, inner in schema.get("properties", {}).items():
        out += unfit(inner, f"{path}.properties[{name}]", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            out += unfit(schema[key], f"{path}.{key}", False)
    if "default" in schema:
        out += [status.Fault(f.reason, f"{path}.default", f.text) for f in Schemas().check({**schema, "default": None}, schema["default"], f"{path}.default")]
    return out


def expressions(schema):
    """Whether there is one that wants to be evaluated."""
    if isinstance(schema, dict):
        return bool(schema.get("x-kubernetes-validations")) or any(expressions(v) for v in schema.values())
    return isinstance(schema, list) and any(expressions(v) for v in schema)
