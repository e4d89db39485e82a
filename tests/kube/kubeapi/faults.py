# SPDX-License-Identifier: MIT
"""What goes wrong, on command. A fault is for the next `count` requests that are like it (0: for all of them, until it is cleared).

  status      code=429 retry_after=1     an error in place of an answer
  close                                  the connection is reset before an answer
  hang        seconds=                   nothing is answered for so long
  reset       after=N                    the connection is reset when N bytes of the body are out: in the middle of a chunk that is longer
  cut         after=N                    it is closed there as if that were the end, without the chunk that says so
  stall       after=N seconds=           nothing more comes for so long
  split       chunk=N wire=N             chunks of N bytes; pieces of N bytes on the wire, wherever that cuts the chunks' own headers
  join        events=N                   chunks of N events (or of what is there when nothing more comes)
  malformed   at=N bytes=TEXT            TEXT in place of the Nth event, counted from 0
  truncated   at=N                       the Nth event ends in its middle, and the next begins
  huge        at=N size=BYTES            the Nth event's object has an annotation of that size
  end         after=N                    the watch ends, as one does whose time is over, after N events
  expire      after=N                    it ends by an ERROR event, 410, after N events
  bookmarks   drop=true                  none are sent
  duplicate   each=N                     each event is followed by the N before it, as they were"""

import threading

KINDS = {"status", "close", "hang", "reset", "cut", "stall", "split", "join", "malformed", "truncated", "huge", "end", "expire", "bookmarks", "duplicate"}
BEFORE = ("status", "close", "hang")


class Fault:
    def __init__(self, kind, method, path, watch, count, arguments):
        self.kind, self.method, self.path, self.watch, self.count, self.arguments = kind, method, path, watch, count, arguments
        self.used = 0

    def __getitem__(self, key):
        return self.arguments[key]

    def get(self, key, default=None):
        return self.arguments.get(key, default)


class Faults:
    def __init__(self):
        self._lock, self._faults = threading.Lock(), []
        self.cleared = threading.Condition(self._lock)

    def add(self, kind, method="GET", path="", watch=None, count=1, **arguments):
        """path is a part of it; watch: True for watches alone, False for all else."""
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind}")
        fault = Fault(kind, method, path, watch, count, arguments)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self):
        with self._lock:
            self._faults.clear()
            self.cleared.notify_all()

    def of(self, method, path, watch):
        """{kind: Fault} of one request, each counted as used."""
        out = {}
        with self._lock:
            for f in self._faults:
                if f.method in ("*", method) and f.path in path and f.watch in (None, watch) and f.kind not in out and (not f.count or f.used < f.count):
                    f.used += 1
                    out[f.kind] = f
        return out

    def wait(self, seconds):
        """So long, or until all is cleared."""
        with self._lock:
            self.cleared.wait(seconds)


class Reset(Exception):
    """The connection is to be reset."""


class Cut(Exception):
    """It is to be closed."""


class Body:
    """The body of an answer on its way out: as chunks or as it is, with the faults that are about bytes."""

    def __init__(self, send, faults, chunked, wait):
        self._send, self._faults, self._chunked, self._wait = send, faults, chunked, wait
        self._out = 0  # bytes of the body that are out
        self._stalled = False
        split = faults.get("split")
        self._chunk, self._wire = (split.get("chunk", 0), split.get("wire", 0)) if split else (0, 0)
        self._bound = min((f["after"] for k in ("reset", "cut") if (f := faults.get(k))), default=None)

    def write(self, data):
        """As one chunk, if nothing splits it."""
        size = self._chunk or len(data)
        for at in range(0, len(data), size or 1):
            self._piece(data[at:at + size])

    def _piece(self, piece):
        stall = self._faults.get("stall")
        wire = b"%x\r\n%s\r\n" % (len(piece), piece) if self._chunked else piece
        if stall and not self._stalled and self._out + len(piece) > stall["after"]:
            self._stalled = True
            head = self._head(piece, stall["after"])
            self._raw(wire[:head])
            self._wait(stall.get("seconds", 3600))
            self._raw(wire[head:])
        elif self._bound is not None and self._out + len(piece) > self._bound:
            self._raw(wire[:self._head(piece, self._bound)])
            raise Reset if "reset" in self._faults else Cut
        else:
            self._raw(wire)
        self._out += len(piece)
        if self._bound is not None and self._out >= self._bound:
            raise Reset if "reset" in self._faults else Cut

    def _head(self, piece, bound):
        """How many bytes on the wire are before that byte of the body."""
        return (len(b"%x\r\n" % len(piece)) if self._chunked else 0) + bound - self._out

    def _raw(self, data):
        size = self._wire or len(data)
        for at in range(0, len(data), size or 1):
            self._send(data[at:at + size])

    def end(self):
        if self._chunked:
            self._raw(b"0\r\n\r\n")
