# SPDX-License-Identifier: MIT
"""What recording costs. One daemon whose policy says metadata for one agent, statements and full for others; runs of the three alternate, and
a ratio is the median of the rounds' ratios, with where half of them lie. Needs root.

No level is nothing at all. What metadata costs by itself comes from the session alone, with its journal and without sockets
(session_cost.c): CPU time of one statement or row with nobody who records, and with each level. "of none" takes that off what a
transaction or a row took at level metadata, as if nothing had hidden it: the share of throughput cannot be less, but for the kernel's writing
to the disk, which falls on whoever runs. "by CPU" is the same from the daemon's CPU time, which others on the machine disturb less: what full adds to
an operation, of the time of all processors that it took (of one of them where one client waits for each).

    sudo python3 -B tests/bench/record.py [--rounds 5] [--seconds 2] [--rows 1000000] [--no-callgrind]"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import signal
import statistics
import sys
import tempfile

import engine
import workloads
from report import lines
from systems import HERE, PG_CONF, ROOT, Lab, System, run

LEVELS = ("metadata", "statements", "full")
TARGET = {"transaction": 0.90, "row": 0.75}  # of what it would be without


def policies(folder):
    """policy.yaml's first document, once for each level."""
    document = (HERE / "policy.yaml").read_text().split("\n---\n")[0]
    text = "\n---\n".join(
        document.replace("name: bench-masked", "name: bench-" + level).replace("${LAB_CGROUP}", "${LAB_CGROUP%s}" % ("_%d" % n if n > 1 else ""))
        .replace("\nspec:\n", "\nspec:\n  record: {level: %s}\n" % level) for n, level in enumerate(LEVELS, 1))
    (folder / "policy.yaml").write_text(text)
    return folder / "policy.yaml"


def load(lab, rows, scale):
    lab.sh("dba", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-v", "rows=%d" % rows, "-v", "large=16", "-f", HERE / "schema.sql", timeout=600)
    lab.sh("dba", "--", "psql", "-XqAt", "-c", "GRANT USAGE ON SCHEMA bench TO pgveil_agent; GRANT SELECT ON ALL TABLES IN SCHEMA bench TO pgveil_agent")
    lab.sh("dba", "--", "pgbench", "-i", "-q", "-s", scale, timeout=600)
    lab.dba_psql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")


def works(args):
    n = args.rows
    return [workloads.pgbench("simple", 1, "select", args.seconds), workloads.pgbench("simple", 8, "select", args.seconds),
            workloads.pgbench("prepared", 8, "select", args.seconds),
            workloads.rows("%d rows, 3 of 10 columns masked" % n, "text", workloads.TEN_COLUMNS, n),
            workloads.rows("COPY out of the same", "text", "COPY (%s) TO STDOUT" % workloads.TEN_COLUMNS, n)]


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return middle, "%.2f (%.2f–%.2f)" % (middle, low, high)


def of_none(w, taken, costs):
    """The least that full can be of what there would be with no record, by what metadata costs alone."""
    alone = (costs["metadata"]["ns"] - costs["none"]["ns"]) / 1e9
    values = [f["value"] * (1 / m["value"] - alone) for f, m in zip(taken["full"], taken["metadata"])]
    return quartiles(values)


def by_cpu(w, taken, costs):
    alone = (costs["metadata"]["ns"] - costs["none"]["ns"]) / 1e9
    took = min(w.each, os.cpu_count()) / statistics.median(m["value"] for m in taken["metadata"]) - alone
    added = statistics.median(f["cpu_us"] for f in taken["full"]) - statistics.median(m["cpu_us"] for m in taken["metadata"])
    return took / (took + added / 1e6 + alone)


def measure(w, systems, args, costs):
    for s in systems:
        w.measure(s)  # what is only done once
    taken = {s.name: [] for s in systems}
    for i in range(args.rounds):
        for s in systems[i % len(systems):] + systems[:i % len(systems)]:
            taken[s.name].append(w.measure(s))
    base = taken["metadata"]
    cells = {level: quartiles([t["value"] / b["value"] for t, b in zip(taken[level], base)]) for level in LEVELS[1:]}
    least = of_none(w, taken, costs[w.op])
    kept = "yes" if least[0] >= TARGET[w.op] else "NO"
    row = [w.name, "%d %s" % (statistics.median(t["value"] for t in base), w.unit), cells["statements"][1], cells["full"][1], least[1], "%.2f" % by_cpu(w, taken, costs[w.op]),
           "%.2f: %s" % (TARGET[w.op], kept),
           *("%.2f" % statistics.median(t["cpu_us"] for t in taken[level]) for level in LEVELS)]
    return row, {"name": w.name, "op": w.op, "rounds": taken, "full_of_metadata": cells["full"][0], "full_of_none": least[0],
                 "full_of_none_by_cpu": by_cpu(w, taken, costs[w.op])}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=15)  # of two seconds each, with all that the machine does besides
    p.add_argument("--seconds", type=int, default=2)
    p.add_argument("--rows", type=int, default=1000000)
    p.add_argument("--scale", type=int, default=10)
    p.add_argument("--only", default="", help="workloads whose name contains this")
    p.add_argument("--no-callgrind", action="store_true", help="no instructions, which take a while")
    p.add_argument("--json", help="where the figures go")
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the lab is taken down
    print("the session alone", file=sys.stderr, flush=True)
    costs = engine.recording(not args.no_callgrind)
    out, rows = [], [["", "metadata", "statements, of it", "full, of it", "full, of none", "by CPU", "target", *("daemon, us: " + level for level in LEVELS)]]
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgveil-bench-")))
        folder.chmod(0o755)
        lab = stack.enter_context(Lab(schema=None, policies=[policies(folder)], agents=len(LEVELS), pg_conf=PG_CONF, name="record%d" % os.getpid(),
                                      env={"BUILD": "release"}))
        load(lab, args.rows, args.scale)
        systems = [System(level, [str(ROOT / "scripts" / "lab.sh"), "agent", "--name", lab.name, "--as", "agent%d" % n, "--"], {"PGSSLMODE": "disable"},
                          lab.info["daemon_pid"]) for n, level in enumerate(LEVELS, 1)]
        for w in works(args):
            if args.only not in w.name:
                continue
            print(w.name, file=sys.stderr, flush=True)
            row, figures = measure(w, systems, args, costs)
            rows.append(row)
            out.append(figures)
    print("\n".join(["What recording costs: throughput, and CPU of the daemon for a transaction or row", *lines(rows), "",
                     "The session alone, with its journal", *lines(engine.recording_rows(costs)), "",
                     "%d CPUs, kernel %s, load %.1f at the end" % (os.cpu_count(), platform.release(), os.getloadavg()[0])]))
    if args.json:
        (ROOT / args.json).write_text(json.dumps({"workloads": out, "session": costs}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
