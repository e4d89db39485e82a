# SPDX-License-Identifier: MIT
"""A watch: from a version on, every event of what is selected, in order; what leaves the selection is DELETED to whoever selects."""

import time

from . import status

END_MARK = "k8s.io/initial-events-end"


class Watch:
    """An iterator over (type, object); None is a moment in which nothing is there to be sent."""

    def __init__(self, store, resource, wanted, version="", seconds=1800.0, bookmarks=False, period=60.0, initial=None):
        self.store, self.resource, self.wanted = store, resource, wanted
        self.version, self.bookmarks, self.period, self.initial = version, bookmarks, period, initial
        self.end = time.monotonic() + seconds
        self.expired = False  # by command: it ends by an ERROR

    def __iter__(self):
        store, key = self.store, self.resource.key
        with store.lock:
            now = store.revision
            if self.initial is None:
                from_start = self.version in ("", "0")
            else:
                from_start = self.initial
            at = now if from_start or not self.version else int(self.version)
            compacted = store.compacted
            first = store.all(key)[1] if from_start else []
        if not from_start and at < compacted:
            yield "ERROR", status.expired(f"too old resource version: {at} ({compacted})").status()
            return
        for obj in first:
            if self.wanted(obj):
                yield "ADDED", obj
        if self.initial and self.bookmarks:
            yield "BOOKMARK", (at, {END_MARK: "true"})
        yield from self._live(key, at)

    def _next_bookmark(self, now):
        return min(now + self.period, self.end - 2 if self.end - 2 > now else now + self.period)

    def _live(self, key, at):
        store = self.store
        bookmark = self._next_bookmark(time.monotonic())
        while True:
            with store.lock:
                events = store.since(key, at)
                at = max(at, store.revision)  # a version from the future is waited for
                now = time.monotonic()
                if not events and not store.closed and not self.expired and now < self.end:
                    wait = min(self.end, bookmark if self.bookmarks else self.end) - now
                    if wait > 0:
                        store.changed.wait(min(wait, 1.0))
                        events = store.since(key, at)
                        at = max(at, store.revision)
            for e in events:
                seen = self._seen(e)
                if seen:
                    yield seen
            yield None
            now = time.monotonic()
            if self.expired:
                yield "ERROR", status.expired("The resourceVersion for the provided watch is too old.").status()
                return
            if store.closed or now >= self.end:
                return
            if self.bookmarks and now >= bookmark:
                bookmark = self._next_bookmark(now)
                yield "BOOKMARK", (at, None)

    def _seen(self, e):
        was, now = e.before is not None and self.wanted(e.before), self.wanted(e.object)
        if e.type == "DELETED":
            return ("DELETED", e.object) if was else None
        if was and now:
            return "MODIFIED", e.object
        if now:
            return "ADDED", e.object
        if was:
            return "DELETED", {**e.before, "metadata": {**e.before["metadata"], "resourceVersion": str(e.revision)}}
        return None
