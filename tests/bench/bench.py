# SPDX-License-Identifier: MIT
"""make bench: what pgveil costs, beside PgBouncer and HAProxy, as ratios to the server itself. Needs root.

Every round measures each system once, one after the other, so that what else the machine does falls on all of them; a figure is the
median of its rounds, a ratio the median of the rounds' ratios. CPU times are the proxy process's own (/proc/PID/task/*/schedstat)."""

import argparse
import json
import os
import platform
import statistics
import sys
import time

import engine
import report
import workloads
from systems import ROOT, Bench


def measure(bench, w, rounds):
    systems = bench.systems("tpcb" if w.name.startswith("TPC-B") else "")
    w.measure(systems[0])  # so that the first one measured is not the one that fills the server's caches
    taken = {s.name: [] for s in systems}
    for _ in range(rounds):
        for s in systems:
            taken[s.name].append(w.measure(s))
    direct = [t["value"] for t in taken["direct"]]
    out = {}
    for name, rows in taken.items():
        values = [r["value"] for r in rows]
        out[name] = {
            "value": statistics.median(values),
            "ratio": statistics.median(v / d for v, d in zip(values, direct)),
            "cpu_us": statistics.median(r["cpu_us"] for r in rows),
            "rounds": rows,
        }
        if w.unit == "tps":
            out[name]["added_us"] = statistics.median((w.each / v - w.each / d) * 1e6 for v, d in zip(values, direct))
    return {"name": w.name, "unit": w.unit, "better": w.better, "op": w.op, "systems": out}


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=int, default=2, help="of each pgbench run, after a first second that is not counted")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--rows", type=int, default=1000000)
    p.add_argument("--scale", type=int, default=10, help="of pgbench's tables")
    p.add_argument("--large", type=int, default=40000000, help="bytes of the large value")
    p.add_argument("--idle", type=int, default=1000, help="idle sessions")
    p.add_argument("--clients", type=lambda v: [int(n) for n in v.split(",")], default=[1, 8, 64], help="of pgbench; TPC-B takes the second")
    p.add_argument("--without", type=lambda v: v.split(","), default=[], help="pgbouncer, haproxy, or both with a comma")
    p.add_argument("--only", help="workloads whose name contains this")
    p.add_argument("--engine", action="store_true", help="only the engine's own figures, without a lab")
    p.add_argument("--no-callgrind", action="store_true", help="no instructions, which take a while")
    p.add_argument("--json", help="where the figures go")
    a = p.parse_args()
    began = time.monotonic()
    result = {"machine": {"kernel": platform.release(), "cpus": os.cpu_count(), "load": os.getloadavg()[0]},
              "settings": {k: v for k, v in vars(a).items() if k not in ("json", "only")}, "workloads": [], "idle": {}}

    result["engine"] = engine.figures(say, not a.no_callgrind)
    if not a.engine:
        with Bench(a.rows, a.scale, a.large, a.without) as bench:
            if not a.only:
                say("%d idle sessions" % a.idle)
                result["idle"] = {s.name: workloads.idle(bench, s, a.idle) for s in bench.systems("")[1:]}
            for w in workloads.all_of(a.seconds, a.clients, a.rows, a.large):
                if not a.only or a.only in w.name:
                    say(w.name)
                    result["workloads"].append(measure(bench, w, a.rounds))
    result["seconds"] = round(time.monotonic() - began)
    print(report.table(result))
    if a.json:
        with open(ROOT / a.json, "w") as f:
            json.dump(result, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
