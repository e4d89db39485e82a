# SPDX-License-Identifier: MIT
"""What the session stepper costs by itself: instructions (callgrind, the difference of two runs) and nanoseconds (the best of
three runs), for a statement or for a row. Both include putting together what the other side says, which is the same for all. The third mask is a hash: callgrind knows no SHA instructions, so that its count is of
another, longer way than the one that the clock saw."""

import re
import tempfile

from systems import ROOT, run

PROGRAM = ROOT / "build" / "release" / "bench" / "session_cost"
# What it is called, the workload, repetitions for callgrind and for the clock.
FIGURES = [
    ("point select, the same text", "select-same", 1000, 100000),
    ("point select, another constant each time", "select-new", 200, 5000),
    ("point select, prepared", "select-prepared", 1000, 100000),
    ("a join of two tables that was never judged before", "judge-first", 200, 5000),
    ("row of 7 clean columns", "rows-clean", 10000, 1000000),
    ("row of 9 columns, 2 masked (email, partial)", "rows-short", 10000, 500000),
    ("row of 10 columns, 3 masked, text", "rows-text", 10000, 500000),
    ("row of 10 columns, 3 masked, binary", "rows-binary", 10000, 500000),
]
TOTAL = re.compile(r"Collected : (\d+)")


def instructions(workload, n, *record):
    with tempfile.TemporaryDirectory() as tmp:
        p = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=%s/out" % tmp, PROGRAM, workload, n, *record], check=True, cwd=ROOT, timeout=600)
    return int(TOTAL.search(p.stderr.decode())[1])


def figures(say, counts):
    out = {}
    for name, workload, few, many in FIGURES:
        say(name)
        ns = min(float(run([PROGRAM, workload, many], check=True, cwd=ROOT).stdout) for _ in range(3))
        ir = (instructions(workload, 2 * few) - instructions(workload, few)) / few if counts else None
        out[name] = {"instructions": ir, "ns": ns}
    return out


RECORD = ("none", "metadata", "statements", "full")
OPERATIONS = [("transaction", "select-prepared", 1000, 50000), ("row", "rows-text", 10000, 300000)]


def recording(counts):
    """{"transaction", "row"}: {level: figures}, with a journal that is written; none: nobody records."""
    out = {}
    for op, workload, few, many in OPERATIONS:
        taken = {r: [] for r in RECORD}
        for _ in range(5):
            for r in RECORD:  # in turn, so that what else the machine does falls on all
                taken[r].append(float(run([PROGRAM, workload, many, r], check=True, cwd=ROOT).stdout))
        out[op] = {r: {"ns": min(taken[r]), "instructions": (instructions(workload, 2 * few, r) - instructions(workload, few, r)) / few if counts else None}
                   for r in RECORD}
    return out


def recording_rows(costs):
    rows = [["", *("%s, ns" % r for r in RECORD), *("%s, instructions" % r for r in RECORD)]]
    for op, c in costs.items():
        rows.append(["a " + op, *("%d" % c[r]["ns"] for r in RECORD), *("-" if c[r]["instructions"] is None else "%d" % c[r]["instructions"] for r in RECORD)])
    return rows
