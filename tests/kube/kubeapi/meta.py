# SPDX-License-Identifier: MIT
"""metadata: what is written into it, and what may stand in it."""

import random
import re
import string
import time
import uuid

from . import status

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
SUBDOMAIN_TEXT = ("a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
                  "(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")
LABEL_TEXT = ("a DNS-1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character "
              "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')")
VALUE_TEXT = ("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
              "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
KEY_TEXT = ("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
            "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")
_FREE_NAMES = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
_ORDER = ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
          "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers", "managedFields")


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def seconds_of(text):
    import calendar
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def ordered(obj):
    """Keys in the order in which the server writes them."""
    out = {k: obj[k] for k in ("kind", "apiVersion", "metadata") if k in obj}
    meta = obj.get("metadata")
    if isinstance(meta, dict):
        out["metadata"] = {**{k: meta[k] for k in _ORDER if k in meta}, **{k: v for k, v in meta.items() if k not in _ORDER}}
    out.update({k: v for k, v in obj.items() if k not in out})
    return out


def new(meta, now, generation):
    """What only the server writes, in the metadata of a new object."""
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"][:58] + "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
    for key in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
        meta.pop(key, None)
    meta["uid"] = str(uuid.uuid4())
    meta["creationTimestamp"] = stamp(now)
    if generation:
        meta["generation"] = 1


def kept(before, meta):
    """What nobody changes, in that of an update."""
    for key in ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generateName"):
        if key in before:
            meta[key] = before[key]
        else:
            meta.pop(key, None)


def check(resource, obj):
    """[status.Fault]"""
    meta, out = obj["metadata"], []
    name = meta.get("name")
    if not name:
        return [status.required("metadata.name", "name or generateName is required")]
    if resource.kind in _FREE_NAMES:
        if name in (".", "..") or "/" in name or "%" in name:
            out.append(status.invalid_value("metadata.name", name, "may not contain '/' or '%'"))
    elif resource.kind == "Namespace":
        if not _LABEL.fullmatch(name) or len(name) > 63:
            out.append(status.invalid_value("metadata.name", name, LABEL_TEXT))
    elif not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        out.append(status.invalid_value("metadata.name", name, SUBDOMAIN_TEXT))
    for field in ("labels", "annotations"):
        for key, value in (meta.get(field) or {}).items():
            prefix, slash, last = key.rpartition("/")
            shown = key.lower() if field == "annotations" else key
            if not _KEY_NAME.fullmatch(last):
                out.append(status.invalid_value(f"metadata.{field}", shown, KEY_TEXT))
            elif slash and not _SUBDOMAIN.fullmatch(prefix):
                out.append(status.invalid_value(f"metadata.{field}", shown, "prefix part " + SUBDOMAIN_TEXT))
            if not isinstance(value, str):
                out.append(status.invalid_value(f"metadata.{field}", value, "must be a string"))
            elif field == "labels" and (not _VALUE.fullmatch(value) or len(value) > 63):
                out.append(status.invalid_value("metadata.labels", value, VALUE_TEXT if len(value) <= 63 else "must be no more than 63 characters"))
    size = sum(len(k) + len(v) for k, v in (meta.get("annotations") or {}).items() if isinstance(v, str))
    if size > 262144:
        out.append(status.Fault("FieldValueTooLong", "metadata.annotations", "Too long: must have at most 262144 bytes"))
    for i, finalizer in enumerate(meta.get("finalizers") or []):
        if "/" not in finalizer and finalizer not in ("orphan", "foregroundDeletion", "kubernetes"):
            out.append(status.invalid_value("metadata.finalizers", finalizer, "name is neither a standard finalizer name nor is it fully qualified"))
    return out


def token(length):
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))
