#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random sequences of protocol messages, sent to the engine as an agent and to the server itself as the role that the engine
uses. Both must answer alike: kinds of messages, columns, tags, SQLSTATEs and transaction states, in order; and no masked value
may come through the engine. Statements that the policy refuses go to the server as a syntax error: what an ordinary error does
is what a refusal must do. A sequence that differs is cut down to the messages that matter and printed; the seed repeats a run.

	BUILD=asan tests/integration/differential.py --count 20000 --seed 1       everything
	tests/integration/differential.py --only story_of_names --count 1000    one kind; in another folder: PYTHONPATH
"""

import argparse
import collections
import random
import socket
import sys

import canary
import wire
from lab import Lab

STATEMENTS = ("", "a", "b", "B")
PORTALS = ("", "p", "q")
CURSORS = ("p", "c", "h")
FORMATS = ((), (0,), (1,))

# Two columns each, the same types: where the plan of one met the rows of another, a value would show.
CLEAR = "SELECT id, name FROM clinic.patient WHERE id < 4 ORDER BY id"
MASKED = "SELECT id, ssn FROM clinic.patient WHERE id < 4 ORDER BY id"
NO_ORIGIN = 'SELECT id, ssn COLLATE "C" FROM clinic.patient WHERE id < 4 ORDER BY id'
FAILS_IN_PLANNING = "SELECT id, name FROM clinic.patient WHERE 1/0 = 1"
FAILS_AT_A_ROW = "SELECT i, 'x'||1/(3-i) FROM generate_series(1, 5) i"
FAILS_IN_ANALYSIS = "SELECT id, name || 1::point FROM clinic.patient"
ROWS = (CLEAR, MASKED, NO_ORIGIN, CLEAR, MASKED, FAILS_AT_A_ROW, FAILS_IN_PLANNING)
INSERT = "INSERT INTO clinic.journal (line) VALUES ('differential')"
COPY_IN = "COPY clinic.journal (line) FROM STDIN"
COPY_OUT = "COPY (SELECT id, name FROM clinic.patient WHERE id < 4) TO STDOUT"
FAILS_AT_COMMIT = "DECLARE f CURSOR WITH HOLD FOR " + FAILS_AT_A_ROW
REFUSED = "SELECT id FROM clinic.patient WHERE ssn = '1'"
SYNTAX_ERROR = "REFUSED"
RESET = ("ROLLBACK", "DEALLOCATE ALL", "CLOSE ALL")

# An engine that does not know a name says so where the server of a failed transaction would not even look.
SAME_FAILURE = {"42501": "refused", "42601": "refused", "25P02": "refused", "26000": "refused", "34000": "refused"}

Message = collections.namedtuple("Message", "label bytes direct")  # direct: what the server gets instead
Outcome = collections.namedtuple("Outcome", "kind at detail")


# ---- messages ----

def plain(label, data):
    return [Message(label, data, data)]


def with_text(label, make, sql):
    return [Message("%s %s" % (label, sql), make(sql), make(SYNTAX_ERROR if sql == REFUSED else sql))]


def copy_data(rng):
    rows = [Message("CopyData", wire.message("d", b"one\n"), wire.message("d", b"one\n")) for _ in range(rng.randrange(3))]
    if rng.random() < 0.2:
        rows += plain("CopyData (bad)", wire.message("d", b"one\ttwo\n"))
    return rows + (plain("CopyDone", wire.message("c")) if rng.random() < 0.7 else plain("CopyFail", wire.message("f", b"no\0")))


def sql_of_names(rng):
    name, cursor = rng.choice(STATEMENTS[1:]), rng.choice(CURSORS)
    quoted = '"%s"' % name
    return rng.choice((
        "PREPARE %s AS %s" % (quoted, rng.choice(ROWS)), "EXECUTE " + quoted, "EXECUTE " + quoted, "DEALLOCATE " + quoted, "DEALLOCATE ALL",
        "DECLARE %s CURSOR FOR %s" % (cursor, rng.choice(ROWS)), "DECLARE %s CURSOR WITH HOLD FOR %s" % (cursor, rng.choice(ROWS)),
        "DECLARE %s BINARY CURSOR FOR %s" % (cursor, rng.choice(ROWS)), "FETCH 2 FROM " + cursor, "FETCH ALL FROM " + cursor,
        "MOVE 1 FROM " + cursor, "CLOSE " + cursor, "CLOSE ALL"))


def sql_one(rng):
    return rng.choice((
        rng.choice(ROWS), rng.choice(ROWS), sql_of_names(rng), sql_of_names(rng), sql_of_names(rng), INSERT, "BEGIN", "COMMIT", "ROLLBACK",
        "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "", FAILS_IN_ANALYSIS, FAILS_AT_COMMIT, REFUSED, "SHOW timezone", "EXPLAIN (COSTS off) " + CLEAR,
        COPY_OUT))


def sql_text(rng):
    parts = [sql_one(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    return REFUSED if REFUSED in parts else "; ".join(parts)


def query(rng):
    return with_text("Query", wire.query, sql_text(rng))


def query_copy(rng):
    sql = rng.choice((COPY_IN, "SELECT 1; %s; SELECT 2" % COPY_IN, "%s; %s" % (COPY_IN, COPY_IN)))
    return plain("Query " + sql, wire.query(sql)) + [m for _ in range(sql.count("STDIN")) for m in copy_data(rng)]


def parse(rng):
    name = rng.choice(STATEMENTS)
    return with_text("Parse %r" % name, lambda sql: wire.parse(sql, name), sql_one(rng))


def bind(rng):
    portal, name, formats = rng.choice(PORTALS), rng.choice(STATEMENTS), rng.choice(FORMATS)
    return plain("Bind %r to %r %s" % (portal, name, formats), wire.bind(name, portal, formats=formats))


def describe(rng):
    kind = rng.choice("SP")
    name = rng.choice(STATEMENTS if kind == "S" else PORTALS)
    return plain("Describe %s %r" % (kind, name), wire.describe(kind, name))


def execute(rng):
    portal, rows = rng.choice(PORTALS + CURSORS), rng.choice((0, 0, 1, 2))
    return plain("Execute %r %d" % (portal, rows), wire.execute(portal, rows))


def close(rng):
    kind = rng.choice("SP")
    name = rng.choice(STATEMENTS if kind == "S" else PORTALS + CURSORS)
    return plain("Close %s %r" % (kind, name), wire.close(kind, name))


def extended(rng):
    """The usual four, so that much of a sequence does something."""
    portal, name, rows = rng.choice(PORTALS), rng.choice(STATEMENTS), rng.choice((0, 0, 1))
    return (with_text("Parse %r" % name, lambda sql: wire.parse(sql, name), sql_one(rng)) +
            plain("Bind %r to %r" % (portal, name), wire.bind(name, portal, formats=rng.choice(FORMATS))) +
            (describe(rng) if rng.random() < 0.3 else []) + plain("Execute %r %d" % (portal, rows), wire.execute(portal, rows)))


def extended_copy(rng):
    return plain("Parse Bind Execute " + COPY_IN, wire.parse(COPY_IN) + wire.bind() + wire.execute()) + copy_data(rng)


def other(rng):
    return rng.choice((plain("Flush", wire.flush()), plain("CopyData (astray)", wire.message("d", b"x\n")),
                       plain("CopyDone (astray)", wire.message("c"))))


def sync(_):
    return plain("Sync", wire.sync())


def story_of_names(rng):
    """Two names that change their meaning all the time, some of it in transactions that fail as they end: what a name means here
    must be what it means there. Long, since it takes several turns until a wrong meaning shows."""
    out = []
    for _ in range(rng.randrange(10, 50)):
        name, other = rng.sample(("a", "b"), 2)
        rows = rng.choice((CLEAR, NO_ORIGIN))
        sql = rng.choice((rows, "PREPARE %s AS %s" % (other, rows), "DEALLOCATE " + other))
        simple = rng.choice((sql, "EXECUTE " + name, "%s; %s" % (FAILS_AT_COMMIT, sql)))
        out += rng.choice((
            plain("Query " + simple, wire.query(simple)), plain("Query " + simple, wire.query(simple)),
            plain("Parse %r %s" % (name, sql), wire.parse(sql, name)) + sync(rng),
            plain("Close S %r" % name, wire.close("S", name)) + sync(rng),
            plain("Bind to %r, Execute" % name, wire.bind(name) + wire.execute()) + sync(rng)))
    return out


GENERATORS = ((query, 5), (query_copy, 1), (parse, 3), (bind, 5), (describe, 2), (execute, 6), (close, 2), (extended, 5), (extended_copy, 1),
              (other, 1), (sync, 7), (story_of_names, 1))


def sequence(rng, generators=GENERATORS):
    makers, weights = zip(*generators)
    return [m for make in rng.choices(makers, weights, k=rng.randrange(1, 16)) for m in make(rng)]


# ---- answers ----

def digest(kind, body):
    """What of a message must be the same on both sides; None: nothing."""
    if kind in "SN":
        return None
    if kind == "E":
        code = wire.fields(body)["C"]
        return kind, SAME_FAILURE.get(code, code)
    if kind == "T":
        return kind, [(c[0], c[3], c[6]) for c in wire.columns(body)]
    if kind == "D":
        cells = wire.cells(body)
        return kind, len(cells), cells[0]
    return kind, body


class Side:
    """A session that is opened again when a sequence has ended it."""

    def __init__(self, connect):
        self.connect, self.client, self.sequences, self.last = connect, None, 0, ()

    def drop(self):
        if self.client:
            self.client.close()
        self.client = None

    def _open(self):
        self.client = self.connect()
        self.client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.sock.settimeout(5)

    def run(self, chunks):
        """(digests of all answers, how it ended: None, "closed" or "hangs"). The name of the last result says where it ends."""
        if not self.client:
            self._open()
        del self.client.received[:]
        self.client.at = 0
        self.sequences += 1
        end = "end %d" % self.sequences
        out = []
        try:
            for c in chunks:
                self.client.send(c)
            self.client.send(wire.sync(), *(wire.query(sql) for sql in RESET), wire.query("SELECT '%s'" % end))
            while not (out[-2:-1] and out[-1][0] == "Z" and ("D", [end.encode()]) in self.last):
                self._read_into(out)
        except (wire.Closed, BrokenPipeError, ConnectionResetError):
            return out, "closed"
        except TimeoutError:
            return out, "hangs"
        return out, None

    def _read_into(self, out):
        kind, body = self.client.read()
        self.last = (*self.last[-2:], (kind, wire.cells(body) if kind == "D" else body))
        d = digest(kind, body)
        if d:
            out.append(d)


def split(rng, data):
    """Most often in one piece; else cut anywhere."""
    if rng.random() < 0.7:
        return [data]
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


def reduce_ends(answers):
    """The name of the end differs from sequence to sequence."""
    return [a if a[0] != "D" or not (a[2] or b"").startswith(b"end ") else ("D", "end") for a in answers]


def compare(ours, theirs):
    """The first difference as (kind, index, detail); None where there is none."""
    (a, ended), (b, ended_too) = ours, theirs
    a, b = reduce_ends(a), reduce_ends(b)
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return Outcome("stricter" if x == ("E", "refused") else "differs", i, "engine %s, server %s" % (x, y))
    if ended != ended_too or len(a) != len(b):
        return Outcome(ended or "differs", len(a), "engine %s after %d answers, server %s after %d; next %s" % (
            ended, len(a), ended_too, len(b), b[len(a):len(a) + 1] or a[len(b):len(b) + 1]))
    return None


def judge(engine, direct, messages, rng):
    """Runs one sequence on both sides."""
    ours = engine.run(split(rng, b"".join(m.bytes for m in messages)))
    leaked = canary.found(bytes(engine.client.received))
    theirs = direct.run([b"".join(m.direct for m in messages)])
    outcome = Outcome("LEAK", len(ours[0]), str(leaked)) if leaked else compare(ours, theirs)
    if outcome or ours[1] or theirs[1]:
        engine.drop()
        direct.drop()
    return outcome


def shrink(engine, direct, messages, kind, rng):
    """Leaves out what can be left out with the same kind of outcome; a hang is too slow to be tried often."""
    i, tries = 0, 12 if kind == "hangs" else 200
    while i < len(messages) and tries:
        tries -= 1
        shorter = messages[:i] + messages[i + 1:]
        got = judge(engine, direct, shorter, rng)
        if got and got.kind == kind:
            messages = shorter
        else:
            i += 1
    return messages


def report(found, seed, messages, outcome):
    found[outcome.kind] += 1
    print("%s (sequence %d): %s" % (outcome.kind, seed, outcome.detail))
    for m in messages:
        print("    " + m.label)
    sys.stdout.flush()


def run(lab, first, count, shown, generators=GENERATORS):
    found, engine, direct = collections.Counter(), Side(lab.login), Side(lab.direct)
    for seed in range(first, first + count):
        rng = random.Random(seed)
        messages = sequence(rng, generators)
        try:
            outcome = judge(engine, direct, messages, rng)
        except wire.ServerError as e:
            print("sequence %d: no login any more: %s; the sequences before it may have crashed the server" % (seed, e))
            break
        if not outcome:
            continue
        if found[outcome.kind] < shown:
            messages = shrink(engine, direct, messages, outcome.kind, rng)
            outcome = judge(engine, direct, messages, rng) or outcome
            report(found, seed, messages, outcome)
        else:
            found[outcome.kind] += 1
    print("%d sequences from %d: %s" % (seed + 1 - first, first, dict(found) or "all alike"))
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=1000)
    p.add_argument("--shown", type=int, default=3, help="of each kind of difference, so many are cut down and printed")
    names = [make.__name__ for make, _ in GENERATORS]
    p.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME", help="of: " + " ".join(names))
    p.add_argument("--without", nargs="+", default=[], choices=names, metavar="NAME")
    args = p.parse_args()
    chosen = [g for g in GENERATORS if g[0].__name__ in args.only and g[0].__name__ not in args.without]
    with Lab() as lab:
        found = run(lab, args.seed, args.count, args.shown, chosen)
    return 1 if set(found) - {"stricter"} else 0


if __name__ == "__main__":
    sys.exit(main())
