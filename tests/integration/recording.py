# SPDX-License-Identifier: MIT
"""A reader of recordings that shares nothing with the engine's own: the format as userspace/record/entry.h, segment.h, body.h and
runs.h state it. Every record is proved to stand where it was written, or Broken is raised."""

import collections
import ctypes
import hashlib
import hmac
import pathlib
import struct
import zlib

HEAD, HASH, FORMAT = 40, 32, 1
KINDS = {1: "segment", 2: "seal", 3: "begin", 4: "statement", 5: "result", 6: "done", 7: "event", 8: "end", 9: "run"}
ZSTD, AES = 1, 2
FIELDS = {1: "cgroup", 2: "unit", 3: "cgroup_id", 4: "tgid", 5: "uid", 6: "comm", 7: "netns_cookie", 8: "address", 9: "database",
          10: "dbname", 11: "role", 12: "claimed_user", 13: "application_name", 14: "policy", 15: "policy_version",
          16: "server_version", 17: "level", 32: "statement", 33: "message", 34: "text", 35: "tag", 36: "verdict", 37: "rule",
          38: "sqlstate", 39: "reason", 40: "relation", 41: "column", 42: "effect", 43: "parameter", 44: "approval", 45: "why",
          46: "prepared", 64: "rows", 65: "bytes", 66: "masked_cells", 67: "took_us", 68: "statements", 69: "refused",
          70: "closed", 96: "event", 97: "event_text", 98: "run", 99: "run_records", 100: "run_head", 47: "formats"}
NUMBERS = {"cgroup_id", "tgid", "uid", "netns_cookie", "policy_version", "statement", "rows", "bytes", "masked_cells", "took_us",
           "statements", "refused", "run", "run_records"}
LISTS = {"policy", "tag", "rule", "relation", "column", "effect", "parameter", "event_text", "run", "run_records", "run_head"}


class Broken(Exception):
    """What stands there is not what was written."""


Record = collections.namedtuple("Record", "run number kind session time_us body hash")


ZSTD_LIBRARY = ctypes.CDLL("libzstd.so.1")
ZSTD_LIBRARY.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD_LIBRARY.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


def unzstd(data, size):
    out = ctypes.create_string_buffer(size or 1)
    if ZSTD_LIBRARY.ZSTD_decompress(out, size, data, len(data)) != size:
        raise Broken("a packed body does not unpack")
    return out.raw[:size]


def fields(body):
    out, at = {}, 0
    while at < len(body):
        number, n = struct.unpack_from("!BI", body, at)
        value = body[at + 5:at + 5 + n]
        if len(value) != n:
            raise Broken("a field goes beyond its record")
        at += 5 + n
        name = FIELDS.get(number, number)
        value = struct.unpack("!Q", value)[0] if name in NUMBERS else value
        if name in LISTS:
            out.setdefault(name, []).append(value)
        elif name in out:
            raise Broken("%s twice" % name)
        else:
            out[name] = value
    return out


def segments(run):
    return sorted(p for p in run.iterdir() if p.suffix == ".pgveil")


def read_run(run, unpack=True):
    """Its records; the last may be torn in a run that was killed, or that is written while it is read."""
    chain, number, torn = bytes(HASH), None, 0
    files = segments(run)
    for i, path in enumerate(files):
        data, at = path.read_bytes(), 0
        if number is None:
            number = int(path.stem, 16)
        elif int(path.stem, 16) != number:
            raise Broken("%s does not go on at %d" % (path, number))
        before, first = torn, True
        while at < len(data):
            head = data[at:at + HEAD]
            if len(head) < HEAD:
                break
            length, kind, flags, zero, raw, n, session, time_us, check = struct.unpack("!IBBHIQQQI", head)
            if check != zlib.crc32(head[:HEAD - 4]):
                if not data[at:].strip(b"\0"):
                    break
                raise Broken("%s at %d: no entry" % (path, at))
            body = data[at + HEAD:at + HEAD + length]
            if at + HEAD + length + HASH > len(data):
                break
            if (kind == 1) != first or zero or n != number:
                raise Broken("%s at %d: record %d" % (path, at, n))
            if first:
                form, previous, cut = struct.unpack("!I32sQ", body[:44])
                if form != FORMAT or (i and (previous != chain or cut != before)):
                    raise Broken("%s does not go on where the one before ends" % path)
                chain, first = previous, False
            chain = hashlib.sha256(chain + head + hashlib.sha256(body).digest()).digest()
            if chain != data[at + HEAD + length:at + HEAD + length + HASH]:
                raise Broken("%s at %d: altered" % (path, at))
            at += HEAD + length + HASH
            number += 1
            if flags & AES:
                body = None
            elif flags & ZSTD and unpack:
                body = unzstd(body, raw)
            yield Record(run.name, n, KINDS[kind], session, time_us, body, chain)
        torn = len(data) - at


def runs(state):
    return sorted(p for p in (pathlib.Path(state) / "recordings").iterdir() if p.name.isdigit())


def read(state):
    """Every record of every run, in order; each run names the heads of those before it that are there."""
    heads, there = {}, [run.name for run in runs(state)]
    for run in runs(state):
        known = heads[run.name] = {}
        for r in read_run(run):
            known[r.number + 1] = r.hash
            if r.number == 1:
                before = fields(r.body)
                if r.kind != "run":
                    raise Broken("%s does not say what was before it" % run)
                for number, count, digest in zip(*(before.get(k, ()) for k in ("run", "run_records", "run_head"))):
                    name = "%08d" % number
                    gone = name < there[0] or (name == there[0] and count < min(heads[name]))  # as retention takes them
                    if not gone and heads.get(name, {}).get(count) != digest:
                        raise Broken("%s is not what it was when %s began" % (name, run.name))
            yield r


def verify(state):
    """How many records there are."""
    return sum(1 for _ in read(state))


class Session:
    def __init__(self, ident):
        self.id, self.begin, self.end, self.statements, self.done, self.events, self.result = ident, None, None, [], [], [], b""

    def texts(self):
        return [s.get("text", b"").decode(errors="replace") for s in self.statements if "text" in s]

    def parameters(self):
        return [p.decode(errors="replace") for s in self.statements for p in s.get("parameter", [])]


def sessions(state, run=None):
    """By run and number, in the order in which they began. run: of this one alone, which is not held against the others then."""
    out = {}
    for r in read(state) if run is None else read_run(run):
        if not r.session:
            continue
        s = out.setdefault((r.run, r.session), Session(r.session))
        if r.kind == "result":
            s.result += r.body
            continue
        f = fields(r.body)
        if r.kind == "begin":
            s.begin = f
        elif r.kind == "end":
            s.end = f
        else:
            {"statement": s.statements, "done": s.done, "event": s.events}[r.kind].append(f)
    return out


def everything(state):
    """All bytes that a search should look through: files as they are, and bodies unpacked."""
    for path in sorted(pathlib.Path(state).rglob("*")):
        if path.is_file() and path.suffix != ".pgveil":
            yield path.read_bytes()
    for r in read(state):
        yield r.body or b""


def token(key, value):
    """What the engine writes in the place of a value; key: of recordings/seal.key."""
    derived = hmac.new(key, b"pgveil recording tokens 1", hashlib.sha256).digest()
    return "\u2039tok:%s\u203a" % hmac.new(derived, value, hashlib.sha256).hexdigest()[:12]
