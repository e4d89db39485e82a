# SPDX-License-Identifier: MIT
"""Clean and masked results in random order, one behind the other without waiting, read in random pieces: every byte that comes must be the one
that comes directly, but for the masked cells, which are put in here by the policy's rule. `make splice-random` runs ten thousand.

    interleave.py [--count 10000] [--seed 1] [--splice force]"""

import argparse
import pathlib
import random
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import wire  # noqa: E402
from lab import HERE, Lab  # noqa: E402

POLICIES = (HERE / "agent1.yaml", HERE / "plain.yaml")
SESSION_LIFE = 40  # sequences of one connection


def masked(cell):
    """clinic.patient.ssn: the last four stay, of a value that is longer."""
    return cell and (b"*" * (len(cell) - 4) + cell[-4:] if len(cell) > 4 else b"*" * len(cell))


# Each gives (messages, which columns of its results are masked, kind). n: rows, w: width.
def clean(r):
    n, w = r.choice([1, 2, 10, 300, 1500]), r.choice([0, 1, 20, 100, 700])
    return "SELECT i, repeat(chr(64 + i %% 60), %d) FROM generate_series(1, %d) i" % (w + r.randrange(9), n), ()


def clean_wide(r):
    return "SELECT repeat('%s', %d), %d" % (r.choice("abc"), r.choice([60000, 65500, 70000, 262144, 600000]) + r.randrange(50), r.randrange(1000)), ()


def rewritten(r):
    return "SELECT id, ssn, repeat('y', %d) FROM clinic.patient ORDER BY id LIMIT %d" % (r.choice([0, 5, 3000]), r.choice([1, 7, 100])), (1,)


def fails_late(r):
    n = r.choice([50, 900, 3000])
    return "SELECT repeat('z', 100), 10 / (%d - i) FROM generate_series(1, %d) i" % (n, n), ()


def nothing(r):
    return r.choice(["SELECT 1 WHERE false", "", "SHOW application_name", "SELECT id, ssn FROM clinic.patient WHERE false"]), ()


KINDS = [clean, clean, clean, clean_wide, rewritten, rewritten, fails_late, nothing]


class Statement:
    def __init__(self, r):
        self.sql, self.columns = r.choice(KINDS)(r)
        self.way = r.choice(["query", "query", "extended", "portal", "copy"])
        if self.way == "copy" and (not self.sql.startswith("SELECT ") or self.columns):
            self.way = "query"
        if self.way == "copy":
            self.bytes = wire.query("COPY (%s) TO STDOUT" % self.sql)
        elif self.way == "query":
            self.bytes = wire.query(self.sql)
        else:
            rows = r.choice([1, 5, 250]) if self.way == "portal" else 0
            self.bytes = wire.parse(self.sql) + wire.bind() + wire.describe() + wire.execute(rows=rows) + (wire.execute() if rows else b"") + wire.sync()


def split(stream, n):
    """Messages up to the n-th ReadyForQuery; None where it is not all there."""
    out, at = [], 0
    while n:
        if len(stream) - at < 5:
            return None
        size = 1 + struct.unpack_from("!I", stream, at + 1)[0]
        if len(stream) - at < size:
            return None
        out.append((stream[at:at + 1], at, size))
        n -= stream[at:at + 1] == b"Z"
        at += size
    return out


def expected(who, stream, statements):
    """What the engine makes of it for one of the agents: for the second nothing is masked, and the kernel may hand its rows on."""
    if who == "agent2":
        return bytes(stream)
    out, which = [], 0
    for kind, at, size in split(stream, len(statements)):
        message = bytes(stream[at:at + size])
        columns = statements[which].columns
        if kind == b"D" and columns:
            cells = wire.cells(message[5:])
            for i in columns:
                cells[i] = masked(cells[i])
            message = wire.message("D", struct.pack("!H", len(cells)) + b"".join(struct.pack("!i", -1) if c is None else struct.pack("!i", len(c)) + c
                                                                                for c in cells))
        out.append(message)
        which += kind == b"Z"
    return b"".join(out)


def ask(c, r, statements, slowly):
    """Everything up to the last ReadyForQuery, and not one byte more."""
    stream, seen, at, left = bytearray(), 0, 0, len(statements)
    c.sock.sendall(b"".join(s.bytes for s in statements))
    while left:
        data = c.sock.recv(r.choice([1, 7, 1000, 9000, 70000]) if slowly else 1 << 18)
        if not data:
            raise wire.Closed("the end, where %d answers are owed" % left)
        stream += data
        while len(stream) - at >= 5:
            size = 1 + struct.unpack_from("!I", stream, at + 1)[0]
            if len(stream) - at < size:
                break
            left -= stream[at] == ord("Z")
            at += size
    assert at == len(stream), "%d bytes too many" % (len(stream) - at)
    return stream


def run(lab, count, seed, say=lambda text: None):
    """Returns how many bytes were compared."""
    r = random.Random(seed)
    total, began, who, c, d = 0, time.time(), None, None, None
    for i in range(count):
        if i % SESSION_LIFE == 0:
            for old in (c, d):
                if old:
                    old.close()
            who = r.choice(["agent1", "agent2"])
            c, d = lab.login(who), lab.direct()
            if r.random() < 0.3:
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        statements = [Statement(r) for _ in range(r.randint(1, 6))]
        want = expected(who, ask(d, r, statements, False), statements)
        got = bytes(ask(c, r, statements, r.random() < 0.1))
        if got != want:
            first = next((k for k, (x, y) in enumerate(zip(got, want)) if x != y), min(len(got), len(want)))
            raise AssertionError("seed %d, sequence %d: byte %d of %d (%d expected) differs: %r, not %r; %s" % (
                seed, i, first, len(got), len(want), got[first:first + 40], want[first:first + 40], [(s.way, s.sql) for s in statements]))
        total += len(got)
        if i % 500 == 499:
            say("%d of %d, %.1f MB, %.0f s" % (i + 1, count, total / 1e6, time.time() - began))
    for old in (c, d):
        if old:
            old.close()
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--splice", default="force")
    args = parser.parse_args()
    with Lab(policies=POLICIES, record="{level: statements}", env={"LAB_DAEMON_ARGS": "--splice " + args.splice}) as lab:
        print("seed %d, --splice %s" % (args.seed, args.splice), flush=True)
        total = run(lab, args.count, args.seed, lambda text: print(text, flush=True))
        print("%d sequences, %.1f MB: all as directly" % (args.count, total / 1e6))
        for line in lab.sh("pgveil", "--", "metrics").stdout.decode().splitlines():
            if line.startswith(("pgveil_splice", "pgveil_large")) and not line.endswith(" 0"):
                print("  " + line)


if __name__ == "__main__":
    main()
