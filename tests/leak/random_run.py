#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random statements (random_sql.py) to two databases that are equal but for what is masked, directly and through the engine.

Directly the answers may differ: then the statement reveals something. Through the engine they may not, in any byte: that holds for
values, for their traces in numbers of rows or errors, and for whatever form a value takes.

    random_run.py [--count 200000] [--seed 1] [--schemas 20] [--strict]      (root; prints what it found, and exits 1 on a leak)
"""

import argparse
import collections
import json
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import random_sql  # noqa: E402
import wire  # noqa: E402
from lab import Lab  # noqa: E402

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
UNSTEADY = {"57014"}  # statement_timeout: which of the four it hits is chance


class Side:
    """One connection, made again when it broke."""

    def __init__(self, connect):
        self.connect, self.c, self.broken = connect, None, 0

    def send(self, data):
        if self.c is None:
            self.c = self.connect()
        del self.c.received[:self.c.at]
        self.c.at = 0
        self.c.send(data)

    def result(self):
        try:
            return self.c.result()
        except (wire.Closed, OSError):
            self.broken += 1
            self.c.close()
            self.c = None
            return wire.Result([])


def seen(results):
    """All that a client received; where a parameter is reported, and what differs by itself, left out."""
    return [[(k, b) for k, b in r.messages if k != "S"] for r in results]


class Found:
    def __init__(self):
        self.total, self.errors, self.reveals, self.refused, self.false, self.unsteady = 0, 0, 0, 0, 0, 0
        self.leaks, self.constructs, self.causes, self.mistakes = [], collections.Counter(), collections.Counter(), collections.Counter()
        self.honest = 0

    def merge(self, other):
        for k, v in vars(other).items():
            setattr(self, k, getattr(self, k) + v)


def cause(error):
    return re.sub(r'"[^"]*"|[a-z_]+\.[\w." ]+', "…", error.fields.get("M", ""))[:110]


def judge(found, maker, texts, ours, theirs):
    a, b = theirs
    errors = [e for r in a + b for e in r.errors]
    if any(e.sqlstate in UNSTEADY for rs in (*theirs, *ours) for r in rs for e in r.errors):
        found.unsteady += 1
        return
    found.total += 1
    for c in maker.did:
        found.constructs[c] += 1
    if errors:
        found.errors += 1
        found.mistakes[cause(errors[0])] += 1
    found.reveals += seen(a) != seen(b)
    if seen(ours[0]) != seen(ours[1]):
        found.leaks.append(texts)
    mine = [e for rs in ours[0] for e in rs.errors]
    refusal = next((e for e in mine if not any(e.sqlstate == x.sqlstate and e.fields.get("M") == x.fields.get("M") for x in errors)), None)
    found.refused += bool(refusal)
    if not errors and not maker.uses and not maker.maybe:
        found.honest += 1
        if refusal:
            found.false += 1
            found.causes[cause(refusal)] += 1
            if found.causes[cause(refusal)] <= 2:
                print("false refusal: %s\n   %s" % (refusal.fields.get("M"), "; ".join(texts)), file=sys.stderr)


def messages(texts, rolled_back, way):
    """→ a list of what to send, each answered by one ReadyForQuery."""
    out = []
    for text in texts:
        extended = way and len(texts) == 1 and not text.startswith("COPY")
        out.append(wire.extended(text, formats=(way - 1,)) + wire.sync() if extended else wire.query(text))
    return [wire.query("BEGIN"), *out, wire.query("ROLLBACK")] if rolled_back else out


def one_schema(seed, count, found):
    schema = random_sql.Schema(seed)
    views = schema.views(random_sql.Maker(schema, seed + 1))
    grants = ["GRANT ALL ON ALL TABLES IN SCHEMA app TO pgveil_agent;", "ALTER ROLE pgveil_agent SET statement_timeout = '500ms';",
              "ALTER DATABASE lab SET search_path = app, public; CREATE DATABASE lab2 TEMPLATE template0; DROP DATABASE lab2"]
    half = len(schema.masked) // 2 or 1
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        ddl = "".join(s + "\n" for s in schema.setup + [v + ";" for v in views] + grants[:2])
        (d / "schema.sql").write_text(ddl)
        (d / "policy.yaml").write_text(POLICY % (json.dumps(schema.masked[:half]), json.dumps(schema.masked[half:] or schema.masked[:1])))
        with Lab(schema=d / "schema.sql", policies=(d / "policy.yaml",), agents=1, pg_conf=("autovacuum=off", "log_statement=none",
                                                                                           "log_min_duration_statement=-1", "max_parallel_workers_per_gather=0", "jit=off")) as lab:
            lab.dba_psql("CREATE DATABASE lab2 TEMPLATE lab", database="postgres")
            for name, secret in (("lab", 1), ("lab2", 2)):
                lab.dba_psql("ALTER DATABASE %s SET search_path = app, public" % name, database="postgres")
                lab.dba_psql("\n".join(schema.rows(secret)), database=name)
                lab.dba_psql("SET search_path = app; " + "".join("REFRESH MATERIALIZED VIEW app.view%d; " % i for i, v in enumerate(views) if "MATERIALIZED" in v), database=name)
            run_statements(lab, schema, seed, count, found)
            pid = lab.info["daemon_pid"]
            assert pathlib.Path("/proc/%d" % pid).exists(), "the daemon is gone"


def direct(lab, name):
    import socket
    c = wire.Client(socket.create_connection((lab.host, lab.port), 30))
    c.login("pgveil_agent", name, password=lab.password())
    return c


def through(lab, name):
    c = lab.connect()
    c.login("agent", name)
    return c


def run_statements(lab, schema, seed, count, found):
    sides = [Side(lambda n=n, f=f: f(lab, n)) for f in (through, direct) for n in ("lab", "lab2")]
    maker = random_sql.Maker(schema, seed * 1000003)
    for i in range(count):
        texts, rolled_back = maker.statement()
        answers = [[] for _ in sides]
        for m in messages(texts, rolled_back, i % 3):
            for s in sides:
                s.send(m)
            for s, a in zip(sides, answers):
                a.append(s.result())
        judge(found, maker, texts, answers[:2], answers[2:])
        if any(r.messages == [] for r in answers[0] + answers[1]):
            found.mistakes["the engine ended the session"] += 1
            print("ended: " + "; ".join(texts), file=sys.stderr)


def report(found, seconds):
    n = found.total or 1
    print("%d statements in %d s: %.1f %% run without error directly, %.1f %% reveal a masked value there" % (
        found.total, seconds, 100 - 100 * found.errors / n, 100 * found.reveals / n))
    print("through the engine: %d leaks; %.1f %% refused; of %d in which no masked column decides anything %d refused (%.2f %%); %d left out for their time" % (
        len(found.leaks), 100 * found.refused / n, found.honest, found.false, 100 * found.false / (found.honest or 1), found.unsteady))
    for title, counter in (("false refusals by cause", found.causes), ("errors on a direct connection", found.mistakes)):
        print("  " + title)
        for c, k in counter.most_common(12):
            print("    %6d  %s" % (k, c))
    print("  constructs: " + ", ".join("%s %d" % (c, found.constructs[c]) for c in random_sql.CONSTRUCTS))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--count", type=int, default=200000)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--schemas", type=int, default=20)
    args.add_argument("--strict", action="store_true", help="fail where the statements are not what they should be, too")
    args = args.parse_args()
    found, began = Found(), time.monotonic()
    for s in range(args.schemas):
        one_schema(args.seed + s, args.count // args.schemas, found)
        if found.leaks:
            break
    report(found, time.monotonic() - began)
    for texts in found.leaks[:20]:
        print("LEAK: " + "; ".join(texts))
    rare = [c for c in random_sql.CONSTRUCTS if found.constructs[c] < args.count / 400]
    poor = found.errors > found.total * 0.1 or found.reveals < found.total * 0.3 or rare
    if args.strict and poor:
        print("NOT WHAT IT SHOULD BE: too many errors, too few that reveal, or too rare: %s" % ", ".join(rare))
    sys.exit(1 if found.leaks or (args.strict and (poor or found.false > found.honest * 0.05)) else 0)


if __name__ == "__main__":
    main()
