#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random statements (random_sql.py) to two databases that are equal but for what is masked, directly and through the engine.

Directly the answers may differ: then the statement reveals something. Through the engine they may not, in any byte: that holds for
values, for their traces in numbers of rows or errors, and for whatever form a value takes.

    random_run.py [--count 200000] [--seed 1] [--schemas 20] [--strict]      (root; prints what it found, and exits 1 on a leak)
"""

import argparse
import collections
import itertools
import json
import multiprocessing
import os
import pathlib
import re
import socket
import struct
import sys
import tempfile
import time
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import random_schema  # noqa: E402
import random_statements  # noqa: E402
import wire  # noqa: E402
from lab import ROOT, Lab, run  # noqa: E402

# Masks that show nothing of a value, so that whatever differs is a leak.
POLICY = """
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: random}
spec:
  subjects: [{cgroup: "${LAB_CGROUP}"}]
  databases:
    - name: random
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  mask:
    - columns: %s
      with: redact
    - columns: %s
      with: "null"
      derived: redact
"""
# Two behind the engine, two directly: writers would wait for each other in one.
DATABASES = ("lab", "lab2", "lab3", "lab4")
BATCH = 16  # statements sent before the first answer is read
PG_CONF = ("autovacuum=off", "log_statement=none", "log_min_duration_statement=-1", "max_parallel_workers_per_gather=0", "jit=off", "fsync=off")
UNSTEADY = {"57014"}  # statement_timeout: which of the four it hits is chance


class Answer:
    """What came up to a ReadyForQuery, without reports of parameters."""

    def __init__(self, raw, errors):
        self.raw, self.errors = raw, [wire.fields(e) for e in errors]

    def cells(self):
        """Of all rows, in the order of their coming."""
        out, at = [], 0
        while at < len(self.raw):
            size, = SIZE(self.raw, at + 1)
            if self.raw[at] == 68:
                out.append(wire.cells(self.raw[at + 5:at + 1 + size]))
            at += 1 + size
        return out


SIZE = struct.Struct("!I").unpack_from


def zero_oids(data, at):
    """Of the tables in a RowDescription: those of temporary ones are numbered through all databases."""
    count, at = struct.unpack_from("!H", data, at)[0], at + 2
    for _ in range(count):
        at = data.index(0, at) + 1
        data[at:at + 4] = bytes(4)
        at += 18


class Side:
    """One connection, made again when it broke."""

    def __init__(self, connect):
        self.connect, self.c = connect, None

    def send(self, data):
        if self.c is None:
            self.c = self.connect()
            del self.c.received[:self.c.at]
        self.c.send(data)

    def answers(self, count):
        """So many, or fewer and the connection is gone."""
        out = []
        try:
            while len(out) < count:
                out.append(self._answer())
        except (wire.Closed, OSError):
            self.c.close()
            self.c = None
        return out

    def _answer(self):
        c, at, errors, left_out = self.c, 0, [], []
        while True:
            while len(c.received) < at + 5 or len(c.received) < at + 1 + SIZE(c.received, at + 1)[0]:
                data = c.sock.recv(1 << 18)
                if not data:
                    raise wire.Closed("end of stream")
                c.received += data
            kind, end = c.received[at], at + 1 + SIZE(c.received, at + 1)[0]
            if kind == 69:
                errors.append(bytes(c.received[at + 5:end]))
            elif kind == 84:
                zero_oids(c.received, at + 5)
            elif kind == 83:
                left_out.append((at, end))
            at = end
            if kind == 90:
                break
        raw = c.received[:at].replace(b"rows2.csv", b"rows1.csv")  # EXPLAIN tells the foreign table's file
        for a, b in reversed(left_out):
            del raw[a:b]
        del c.received[:at]
        return Answer(bytes(raw), errors)


class Found:
    def __init__(self):
        self.total, self.errors, self.reveals, self.refused, self.unsteady, self.ended = 0, 0, 0, 0, 0, 0
        self.honest, self.false, self.altered, self.untouched, self.harmed, self.leaks = 0, 0, 0, 0, 0, []
        self.constructs, self.causes, self.mistakes = collections.Counter(), collections.Counter(), collections.Counter()

    def merge(self, other):
        for k, v in vars(other).items():
            setattr(self, k, getattr(self, k) + v)


def cause(error):
    return re.sub(r'column .*? (is masked|and)', r"column … \1", error.get("M", ""))[:110]


def example(counter, key, title, texts):
    counter[key] += 1
    if counter[key] <= 2:
        print("%s: %s\n   %s" % (title, key, "; ".join(texts)), file=sys.stderr, flush=True)


def judge(found, did, ours, theirs):
    """ours, theirs: of two databases each, a list of answers."""
    errors, mine = [e for a in theirs[0] + theirs[1] for e in a.errors], [e for a in ours[0] for e in a.errors]
    if any(e.get("C") in UNSTEADY for e in errors + mine + [e for a in ours[1] for e in a.errors]):
        found.unsteady += 1
        return
    found.total += 1
    found.constructs.update(did.constructs)
    if errors:
        found.errors += 1
        example(found.mistakes, cause(errors[0]), "error", did.texts)
    found.reveals += [a.raw for a in theirs[0]] != [a.raw for a in theirs[1]]
    if [a.raw for a in ours[0]] != [a.raw for a in ours[1]]:
        found.leaks.append(did.texts)
        print("LEAK: %s\n%s" % ("; ".join(did.texts), "".join("   %r\n   %r\n" % (x.raw, y.raw) for x, y in zip(*ours) if x.raw != y.raw)), flush=True)
    refusal = next((e for e in mine if not any(e.get("C") == x.get("C") and e.get("M") == x.get("M") for x in errors)), None)
    found.refused += bool(refusal)
    if errors or did.uses or did.maybe:
        return
    found.honest += 1
    found.untouched += not did.touches
    if refusal:
        found.false += 1
        example(found.causes, ("masked columns shown: " if did.touches else "no masked column: ") + cause(refusal), "false refusal", did.texts)
    elif (did.taints or not did.touches) and altered(did.taints, ours[0], theirs[0]):
        found.altered += 1
        example(found.causes, "masked without need", "altered", did.texts)
    else:
        return
    found.harmed += not did.touches


def altered(taints, ours, theirs):
    """Whether a column that is made of nothing masked is not as it is."""
    a, b = [c for x in ours for c in x.cells()], [c for x in theirs for c in x.cells()]
    return len(a) != len(b) or any(
        x != y for r, q in zip(a, b) for x, y, t in zip(r, q, taints or [False] * len(r)) if not t)


def messages(did, way):
    """→ a list of what to send, each answered by one ReadyForQuery."""
    extended = way and len(did.texts) == 1 and not did.texts[0].startswith("COPY")
    out = [wire.extended(t, formats=(way - 1,)) + wire.sync() if extended else wire.query(t) for t in did.texts]
    return [wire.query("BEGIN"), *out, wire.query("ROLLBACK")] if did.rolled_back else out


def one_schema(seed, count, found, version=15):
    schema = random_schema.Schema(seed)
    ddl = schema.all_ddl(random_statements.Statements(schema, seed + 1, version))
    half = len(schema.masked) // 2 or 1
    env = {"LAB_PG_BIN": run([ROOT / "scripts" / "pg-versions.sh", "bin", version], check=True).stdout.decode().strip()}
    with tempfile.TemporaryDirectory() as d, unittest.mock.patch.dict(os.environ, env):
        d = pathlib.Path(d)
        (d / "schema.sql").write_text("\n".join(ddl))
        (d / "policy.yaml").write_text(POLICY % (json.dumps(schema.masked[:half]), json.dumps(schema.masked[half:] or schema.masked[:1])))
        with Lab(schema=d / "schema.sql", policies=(d / "policy.yaml",), agents=1, pg_conf=PG_CONF) as lab:
            for name in DATABASES[1:]:
                lab.dba_psql("CREATE DATABASE %s TEMPLATE lab" % name, database="postgres")
            for i, name in enumerate(DATABASES):
                lab.dba_psql("ALTER DATABASE %s SET search_path = app, public" % name, database="postgres")
                lab.dba_psql("\n".join(["SET search_path = app;", *schema.rows(i % 2)]), database=name)
            run_statements(lab, random_statements.Statements(schema, seed * 1000003, version), count, found)
            assert pathlib.Path("/proc/%d" % lab.info["daemon_pid"]).exists(), "the daemon is gone"


def direct(lab, name):
    c = wire.Client(socket.create_connection((lab.host, lab.port), 30))
    c.login("pgveil_agent", name, password=lab.password())
    return c


def through(lab, name):
    c = lab.connect()
    c.login("agent", name)
    return c


def run_statements(lab, maker, count, found):
    sides = [Side(lambda n=n, f=f: f(lab, n)) for n, f in zip(DATABASES, (through, through, direct, direct))]
    for first in range(0, count, BATCH):
        batch = [maker.statement() for _ in range(min(BATCH, count - first))]
        asked = [messages(did, (first + i) % 3) for i, did in enumerate(batch)]
        everything = [m for ms in asked for m in ms]
        for s in sides:
            s.send(b"".join(everything))
        answers = [iter(s.answers(len(everything))) for s in sides]
        for did, ms in zip(batch, asked):
            a = [list(itertools.islice(x, len(ms))) for x in answers]
            if any(len(x) < len(ms) for x in a):
                found.ended += 1
                print("ENDED the session: %s" % "; ".join(did.texts), flush=True)
                for s in sides:  # all begin anew after it
                    s.c = s.c and s.c.close()
                break
            judge(found, did, a[:2], a[2:])
        if first % 2000 == 0 and first:
            print("%s so far: %d statements, %d leaks, %d sessions ended" % (lab.name, found.total, len(found.leaks), found.ended), flush=True)


def report(found, seconds):
    n, share = found.total or 1, lambda k, of: "%.2f %%" % (100 * k / (of or 1))
    print("%d statements in %d s (%.0f a second), %d more left out for their time" % (found.total, seconds, found.total / seconds, found.unsteady))
    print("directly: %s run without error, %s reveal something masked" % (share(n - found.errors, n), share(found.reveals, n)))
    print("through the engine: %d leaks, %d sessions ended, %s refused" % (len(found.leaks), found.ended, share(found.refused, n)))
    print("of %d in which no masked column decides anything: %d refused, %d altered: %s" % (
        found.honest, found.false, found.altered, share(found.false + found.altered, found.honest)))
    print("of %d in which there is no masked column: %d refused or altered: %s" % (found.untouched, found.harmed, share(found.harmed, found.untouched)), flush=True)


def tables(found):
    for title, counter in (("false refusals by cause", found.causes), ("errors on a direct connection", found.mistakes)):
        print(title)
        for c, k in counter.most_common(20):
            print("%8d  %s" % (k, c))
    print("constructs: " + ", ".join("%s %d" % (c, found.constructs[c]) for c in random_statements.CONSTRUCTS), flush=True)


def part(job):
    found = Found()
    one_schema(*job[:2], found, job[2])
    return found


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--count", type=int, default=200000)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--schemas", type=int, default=40)
    args.add_argument("--jobs", type=int, default=2)
    args.add_argument("--versions", type=lambda s: [int(v) for v in s.split(",")], default=[15, 17, 15, 18], help="of the server, by turns")
    args.add_argument("--strict", action="store_true", help="fail where the statements are not what they should be, too")
    args = args.parse_args()
    found, began = Found(), time.monotonic()
    jobs = [(args.seed + s, args.count // args.schemas, args.versions[s % len(args.versions)]) for s in range(args.schemas)]
    with multiprocessing.Pool(args.jobs, maxtasksperchild=1) as pool:
        for one in pool.imap_unordered(part, jobs):
            found.merge(one)
            report(found, time.monotonic() - began)
    report(found, time.monotonic() - began)
    tables(found)
    rare = [c for c in random_statements.CONSTRUCTS if found.constructs[c] < args.count / 400]
    poor = found.errors > found.total * 0.1 or found.reveals < found.total * 0.3 or rare
    if args.strict and poor:
        print("NOT WHAT IT SHOULD BE: too many errors, too few that reveal, or too rare: %s" % ", ".join(rare))
    sys.exit(1 if found.leaks or found.ended or (args.strict and (poor or found.false + found.altered > found.honest * 0.05)) else 0)


if __name__ == "__main__":
    main()
