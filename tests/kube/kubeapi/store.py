# SPDX-License-Identifier: MIT
"""The objects, their versions, and what was done to them: what etcd and the watch cache are to the real server.

One revision counts for all resources. Objects that are stored are never changed again, so they go to readers without a copy.
The log of each resource keeps what an event did and what was there before: a watch that selects by labels is told of an object
that leaves its selection, and a page of an old list is what the list was."""

import base64
import bisect
import copy
import json
import threading

from . import status

DROPPED = 100_000  # events of one resource that are kept, at most


class Event:
    __slots__ = ("revision", "type", "object", "before")

    def __init__(self, revision, kind, obj, before):
        self.revision, self.type, self.object, self.before = revision, kind, obj, before


def _etcd_order(item):
    return "/".join(item[0])


def with_revision(obj, revision):
    """A shallow copy with its own metadata."""
    meta = dict(obj["metadata"])
    if "resourceVersion" not in meta:  # it stands behind the uid
        meta = {k: v for key, value in meta.items() for k, v in (((key, value), ("resourceVersion", "")) if key == "uid" else ((key, value),))}
    meta["resourceVersion"] = str(revision)
    return {**obj, "metadata": meta}


class Store:
    def __init__(self, first=1):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.revision = first
        self.compacted = 0  # a watch from before this revision is Expired
        self._objects = {}  # resource -> {(namespace, name): object}
        self._logs = {}  # resource -> [Event]
        self.closed = False

    def of(self, resource):
        return self._objects.setdefault(resource, {})

    def get(self, resource, namespace, name):
        with self.lock:
            return self.of(resource).get((namespace or "", name))

    def all(self, resource):
        """(revision, objects in the order of their keys)"""
        with self.lock:
            return self.revision, [o for _, o in sorted(self.of(resource).items(), key=_etcd_order)]

    # ---- writes: whoever writes says on which version ----------------------------------------------------------------

    def _log(self, resource, kind, obj, before):
        log = self._logs.setdefault(resource, [])
        log.append(Event(self.revision, kind, obj, before))
        if len(log) > 2 * DROPPED:
            self.compacted = max(self.compacted, log[DROPPED].revision)
            del log[:DROPPED]
        self.changed.notify_all()

    def insert(self, resource, obj):
        """The object as it is stored, or None when there is one of that name."""
        meta = obj["metadata"]
        key = meta.get("namespace", ""), meta["name"]
        with self.lock:
            if key in self.of(resource):
                return None
            self.revision += 1
            obj = with_revision(obj, self.revision)
            self.of(resource)[key] = obj
            self._log(resource, "ADDED", obj, None)
            return obj

    def replace(self, resource, before, obj):
        """In place of exactly that version of it; None when it has another by now. What changes nothing makes no version."""
        meta = before["metadata"]
        key = meta.get("namespace", ""), meta["name"]
        with self.lock:
            if self.of(resource).get(key) is not before:
                return None
            if with_revision(obj, 0) == with_revision(before, 0):
                return before
            self.revision += 1
            obj = with_revision(obj, self.revision)
            self.of(resource)[key] = obj
            self._log(resource, "MODIFIED", obj, before)
            return obj

    def remove(self, resource, before):
        meta = before["metadata"]
        key = meta.get("namespace", ""), meta["name"]
        with self.lock:
            if self.of(resource).get(key) is not before:
                return None
            self.revision += 1
            del self.of(resource)[key]
            gone = with_revision(before, self.revision)
            self._log(resource, "DELETED", gone, before)
            return gone

    def compact(self, revision=None):
        """Events up to that revision (default: all) are forgotten; whoever watches goes on."""
        with self.lock:
            self.compacted = self.revision if revision is None else min(revision, self.revision)
            for log in self._logs.values():
                del log[:bisect.bisect_right(log, self.compacted, key=lambda e: e.revision)]

    def close(self):
        with self.lock:
            self.closed = True
            self.changed.notify_all()

    # ---- reads of what was -------------------------------------------------------------------------------------------

    def since(self, resource, revision):
        """Events after it, in order. The caller holds the lock."""
        log = self._logs.get(resource, [])
        return log[bisect.bisect_right(log, revision, key=lambda e: e.revision):]

    def at(self, resource, revision):
        """The objects as they were then, in the order of their keys; the caller has looked whether it is compacted."""
        with self.lock:
            objects = dict(self.of(resource))
            for event in reversed(self.since(resource, revision)):
                meta = event.object["metadata"]
                key = meta.get("namespace", ""), meta["name"]
                if event.before is None:
                    objects.pop(key, None)
                else:
                    objects[key] = event.before
            return [o for _, o in sorted(objects.items(), key=_etcd_order)]


# ---- pages -----------------------------------------------------------------------------------------------------------------

INCONSISTENT = ("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue "
                "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided "
                "token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was "
                "returned and now may show up in the list.")
TOO_OLD = "The resourceVersion for the provided list is too old."


def make_token(revision, start):
    raw = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def read_token(token):
    try:
        raw = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if raw["v"] != "meta.k8s.io/v1" or not isinstance(raw["start"], str):
            raise ValueError
        return int(raw["rv"]), raw["start"]
    except (ValueError, KeyError, TypeError):
        raise status.bad_request("invalid continue token: continue key is not valid: " + repr(token)) from None


def key_of(obj, namespaced):
    meta = obj["metadata"]
    return f'{meta["namespace"]}/{meta["name"]}' if namespaced else meta["name"]


def page(store, resource, namespaced, wanted, limit=0, token="", version="", match="", selective=False):
    """(list metadata, objects) of one page; wanted(object) says which. Raises what the real server answers."""
    start = ""
    if token:
        if version and version != "0":
            raise status.bad_request("specifying resource version is not allowed when using continue")
        revision, start = read_token(token)
    with store.lock:
        now = store.revision
        if token and revision < 0:
            revision = now
        elif token:
            if revision < store.compacted:
                raise status.expired(INCONSISTENT, make_token(-1, start))
        elif version and version != "0":
            if int(version) > now:
                raise status.too_large(version, now)
            revision = int(version) if match == "Exact" or (limit and not match) else now
            if revision < store.compacted:
                raise status.expired(TOO_OLD)
        else:
            revision = now
        objects = store.at(resource, revision) if revision < now else store.all(resource)[1]
    if version == "0" and not token:
        limit = 0  # from the watch cache, which knows no pages
    objects = [o for o in objects if wanted(o) and key_of(o, namespaced) >= start]
    meta = {"resourceVersion": str(revision)}
    if limit and len(objects) > limit:
        meta["continue"] = make_token(revision, key_of(objects[limit - 1], namespaced) + "\0")
        if not selective:
            meta["remainingItemCount"] = len(objects) - limit
        objects = objects[:limit]
    return meta, objects


def clone(obj):
    return copy.deepcopy(obj)
