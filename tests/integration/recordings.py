# SPDX-License-Identifier: MIT
"""Recordings made by hand (recording_make.c), for what reads them."""

import html.parser
import json
import os
import pathlib
import struct
import subprocess

import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
BUILD = os.environ.get("BUILD", "release")
PGVEIL = ROOT / "build" / BUILD / "pgveil"
START = 1796000000_000000  # 2026-11-30T00:53:20Z


def maker(out):
    """Compiles recording_make; → its path."""
    libs = ["build/release/lib%s.a" % n for n in ("policy", "mask", "sql", "value", "record", "base")]
    subprocess.run(["make", "-s", "BUILD=release", *libs], cwd=ROOT, check=True)
    subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-Iuserspace", "-o", out / "recording_make",
                    HERE / "recording_make.c", *libs, "-lzstd", "-lcrypto", "-lsqlite3", "-ljansson", "-lyaml", "-lpcre2-8", "-lpg_query",
                    "-lprotobuf-c", "-lz", "-lm", "-pthread"], cwd=ROOT, check=True)
    return out / "recording_make"


# ---- what a server says ----

def columns(*cols):
    """(name, oid) or (name, oid, format)."""
    body = struct.pack("!H", len(cols))
    for name, oid, *fmt in cols:
        body += wire.cstr(name) + struct.pack("!IhIhih", 0, 0, oid, -1, -1, fmt[0] if fmt else 0)
    return wire.message("T", body)


def row(*cells):
    body = struct.pack("!H", len(cells))
    for c in cells:
        c = c.encode() if isinstance(c, str) else c
        body += struct.pack("!i", -1) if c is None else struct.pack("!i", len(c)) + c
    return wire.message("D", body)


def complete(tag):
    return wire.message("C", wire.cstr(tag))


def ready(status="I"):
    return wire.message("Z", status.encode())


def fields(kind, **f):
    return wire.message(kind, b"".join(k.encode() + wire.cstr(v) for k, v in f.items()) + b"\0")


def error(sqlstate, text, **more):
    return fields("E", S="ERROR", V="ERROR", C=sqlstate, M=text, **more)


def notice(text, **more):
    return fields("N", S="NOTICE", V="NOTICE", C="00000", M=text, **more)


class Recording:
    """Lines for recording_make. Times go on by themselves; step is how far, in microseconds."""

    def __init__(self, step=1000):
        self.lines, self.us, self.step, self.sessions, self.statements = [], START, step, 0, {}

    def put(self, kind, session, after=None, **more):
        self.us += self.step if after is None else after
        self.lines.append({"kind": kind, "session": session, "us": self.us, **more})

    def begin(self, session=None, **f):
        self.sessions += 1
        session = session or self.sessions
        self.statements[session] = 0
        who = {"cgroup": "/agents.slice/claude-1.scope", "unit": "claude-1.scope", "uid": 1000, "tgid": 4711, "comm": "psql",
               "address": "10.0.0.5:5432", "database": "crm", "dbname": "shop", "role": "crm_agent", "claimed_user": "alice",
               "application_name": "psql", "policy": ["claude-support"], "policy_version": 1, "level": "full"}
        self.put("begin", session, fields={**who, **f})
        return session

    def statement(self, session, text, verdict="allow", after=None, **f):
        self.statements[session] += 1
        self.put("statement", session, after, fields={"statement": self.statements[session], "message": "query", "text": text, "verdict": verdict, **f})
        return self.statements[session]

    def result(self, session, data, after=None):
        self.put("result", session, after, hex=data.hex())

    def done(self, session, **f):
        self.put("done", session, fields={"statement": self.statements[session], "rows": 0, "bytes": 0, "masked_cells": 0, "took_us": 1500, **f})

    def query(self, session, text, data, after=None, rows=0, masked=0, **f):
        self.statement(session, text, after=after, **f)
        self.result(session, data)
        self.done(session, rows=rows, bytes=len(data), masked_cells=masked)

    def end(self, session, closed="terminated"):
        self.put("end", session, fields={"closed": closed})

    def event(self, session, event, text):
        self.put("event", session, fields={"event": event, "event_text": text})

    def run(self):
        self.lines.append({"run": 1})
        self.sessions = 0

    def seal(self):
        self.lines.append({"seal": 1})

    def write(self, make, where, segment_max=1 << 20, key=None):
        """→ the head of each run, (records, hash)."""
        where.mkdir(exist_ok=True)
        text = "".join(json.dumps(x) + "\n" for x in self.lines)
        p = subprocess.run([make, where, str(segment_max), *([key] if key else [])], input=text, stdout=subprocess.PIPE, text=True, check=True)
        return [(int(n), h) for _, n, h in (line.split() for line in p.stdout.splitlines())]


def pgveil(where, *args, **kw):
    argv = [str(PGVEIL), "sessions", *map(str, args), *(["--recordings", str(where)] if where else [])]
    return subprocess.run(argv, stdin=kw.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **kw)


class Page(html.parser.HTMLParser):
    """An exported page as a parser sees it: its elements, and the texts of each cell, pre and script."""

    VOID = {"meta", "input", "br", "rect"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.cells, self.sql, self.scripts, self.styles, self.open = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        into = {"td": self.cells, "script": self.scripts, "style": self.styles}.get(tag)
        if tag == "pre" and dict(attrs).get("class") == "sql":
            into = self.sql
        if into is not None:
            into.append("")

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        for tag, into in (("td", self.cells), ("script", self.scripts), ("style", self.styles), ("pre", self.sql)):
            if tag in self.open and into:
                into[-1] += data
