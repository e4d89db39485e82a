# SPDX-License-Identifier: MIT
"""What --splice saves: off, auto and force, side by side in each round, as ratios to the server itself. For each a lab of its own; the client is one that
nothing is masked for. What auto does is to follow from it. Needs root.

    splice.py [--rounds 5] [--rows 200000] [--large 64000000]"""

import argparse
import contextlib
import os
import statistics
import sys

from systems import HERE, PG_CONF, ROOT, Lab, System
from workloads import Workload, client, rows

MODES = ("off", "auto", "force")


def large(n):
    def measure(system):
        got, cpu = client(system, "rows", "text", "SELECT repeat(repeat('x', 1000000), %d)" % (n // 1000000))
        return {"value": got["bytes"] / got["seconds"] / 1e6, "cpu_us": cpu * 1e6}
    return Workload("one value of %d MB" % (n // 1000000), "MB/s", "more", "value", measure)


def small(n):
    def measure(system):
        got, cpu = client(system, "connects", 1)
        return {"value": got["count"] / got["seconds"], "cpu_us": cpu / got["count"] * 1e6}
    return Workload("connect, SELECT 1, close", "a second", "more", "connection", measure)


def workloads(n, large_bytes):
    narrow, wide = "SELECT i, 'abcdefgh' FROM generate_series(1, %d) i", "SELECT i, repeat('x', 1000) FROM generate_series(1, %d) i"
    return [rows("%d rows of 20 bytes" % n, "text", narrow % n, n), rows("%d rows of 1 KB" % (n // 5), "text", wide % (n // 5), n // 5),
            large(large_bytes), small(n)]


def start(stack, mode):
    lab = Lab(schema=None, policies=[HERE / "policy.yaml"], agents=3, pg_conf=PG_CONF, name="splice%s%d" % (mode, os.getpid()),
              env={"BUILD": "release", "LAB_DAEMON_ARGS": "--splice " + mode})
    stack.callback(lab.down)
    lab.up()
    return System(mode, [str(ROOT / "scripts" / "lab.sh"), "agent", "--name", lab.name, "--root", "--as", "agent2", "--"], {"PGSSLMODE": "disable"},
                  lab.info["daemon_pid"]), lab


def direct_of(lab):
    inside = ["nsenter", "--net=/run/netns/%s" % lab.agents["agent1"]["netns"], "--"]
    return System("direct", inside, {"PGDATABASE": lab.dbname, "PGUSER": "pgveil_agent", "PGPASSWORD": lab.password(), "PGSSLMODE": "disable",
                                     "PGHOST": lab.host, "PGPORT": str(lab.port)})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=200000)
    parser.add_argument("--large", type=int, default=64000000)
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        started = [start(stack, mode) for mode in MODES]
        systems = [direct_of(started[0][1]), *(s for s, _ in started)]
        print("| | unit | direct | %s |" % " | ".join("%s: of direct, engine's CPU" % m for m in MODES))
        print("| --- | --- | --- | %s |" % " | ".join("---" for _ in MODES))
        for w in workloads(args.rows, args.large):
            got = {s.name: [] for s in systems}
            for s in systems:
                w.measure(s)  # what is only done once
            for i in range(args.rounds):
                for s in systems[i % 4:] + systems[:i % 4]:
                    got[s.name].append(w.measure(s))
            base = statistics.median(g["value"] for g in got["direct"])
            cells = []
            for mode in MODES:
                ratio = statistics.median(a["value"] / b["value"] for a, b in zip(got[mode], got["direct"]))
                cells.append("%.2f, %.2f µs a %s" % (ratio, statistics.median(g["cpu_us"] for g in got[mode]), w.op))
            print("| %s | %s | %.0f | %s |" % (w.name, w.unit, base, " | ".join(cells)), flush=True)
        for mode, (_, lab) in zip(MODES, started):
            text = lab.sh("pgveil", "--", "metrics").stdout.decode()
            print("%s: %s" % (mode, ", ".join(line for line in text.splitlines() if line.startswith(("pgveil_spliced_bytes", "pgveil_splice_window_bytes",
                                                                                                      "pgveil_received_bytes_total{from=\"database")))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
