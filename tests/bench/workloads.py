# SPDX-License-Identifier: MIT
"""One measurement of one system: the value, and the proxy's CPU time an operation."""

import json
import re
import subprocess
import sys

from systems import CLIENT, run

PROGRESS = re.compile(r"progress: ([0-9.]+) s, ([0-9.]+) tps")
TOTAL = re.compile(r"actually processed: (\d+).*^tps = ([0-9.]+)", re.S | re.M)
TEN_COLUMNS = "SELECT id, name, city, joined, seen, balance, active, email, ssn, card FROM bench.person"
SLOW = "SELECT id, filler, secret, (SELECT count(*) FROM generate_series(1, work)) FROM bench.slow"


class Workload:
    """better: "more" or "less" of the unit. op: what an operation is, for the CPU time."""

    def __init__(self, name, unit, better, op, measure, each=1.0):
        self.name, self.unit, self.better, self.op, self.measure = name, unit, better, op, measure
        self.each = each  # operations at once: latency is each / value


def pgbench(mode, clients, script, seconds):
    def once(system, logins):
        argv = ["pgbench", "-n", *(["-S"] if script == "select" else []), "-M", mode, "-c", clients, "-j", min(clients, 2), "-T", seconds + 1 + logins,
                "-P", "1"]
        p = system.popen(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # The first second is not counted: logins, and caches that fill.
        first, errors = None, []
        for line in p.stderr:
            m = PROGRESS.match(line)
            if not m:
                errors.append(line)
            elif not first:
                first = float(m[1]), float(m[1]) * float(m[2]), system.cpu()
        cpu = system.cpu()
        out = p.stdout.read()
        total = TOTAL.search(out)
        took = int(total[1]) / float(total[2]) if total and float(total[2]) else 0
        if p.wait() or not first or took < first[0] + 0.5 * seconds:
            return "pgbench ended with %d\n%s%s" % (p.returncode, out, "".join(errors))
        count = int(total[1]) - first[1]
        return {"value": count / (took - first[0]), "cpu_us": (cpu - first[2]) / count * 1e6}

    def measure(system):
        # Logging in is a part of the time that pgbench is given, and on a crowded machine takes most of it.
        for logins in range(clients // 32, clients // 32 + 10, 2):
            got = once(system, logins)
            if isinstance(got, dict):
                return got
            print("%s: %s" % (system.name, got), file=sys.stderr, flush=True)
        raise RuntimeError("%s: five runs in vain" % system.name)
    name = "%s, %s, %d client%s" % ("select" if script == "select" else "TPC-B", mode, clients, "s" if clients > 1 else "")
    return Workload(name, "tps", "more", "transaction", measure, clients)


def client(system, *args):
    before = system.cpu()
    p = system.popen(CLIENT, *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = p.communicate()
    if p.returncode:
        raise RuntimeError("%s: %s" % (system.name, err))
    return json.loads(out), system.cpu() - before


def rows(name, mode, sql, n):
    def measure(system):
        got, cpu = client(system, "rows", mode, sql)
        if got["rows"] != n:
            raise RuntimeError("%s: %s: %d rows came, not %d" % (system.name, name, got["rows"], n))
        return {"value": n / got["seconds"], "cpu_us": cpu / n * 1e6, "bytes": got["bytes"]}
    return Workload(name, "rows/s", "more", "row", measure)


def connects(seconds):
    def measure(system):
        got, cpu = client(system, "connects", seconds)
        return {"value": got["count"] / got["seconds"], "cpu_us": cpu / got["count"] * 1e6}
    return Workload("connect, SELECT 1, close", "a second", "more", "connection", measure)


def first_row():
    def measure(system):
        got, cpu = client(system, "rows", "text", SLOW)
        if got["first_ms"] > got["seconds"] * 500:
            raise RuntimeError("%s: the first rows came with the last" % system.name)
        return {"value": got["first_ms"], "cpu_us": cpu * 1e6}
    return Workload("first row of a slow result", "ms", "less", "result", measure)


def large(n):
    def measure(system):
        got, cpu = client(system, "rows", "text", "SELECT id, body FROM bench.large")
        if got["bytes"] < n:
            raise RuntimeError("%s: %d bytes came, not %d" % (system.name, got["bytes"], n))
        return {"value": got["bytes"] / got["seconds"] / 1e6, "cpu_us": cpu * 1e6, "bytes": got["bytes"]}
    return Workload("one value of %d MB" % (n // 1000000), "MB/s", "more", "value", measure)


def idle(bench, system, n):
    """Anonymous memory of the proxy for each of n idle sessions, in KiB."""
    if system.pid == bench.clear.pid:
        bench.restart_daemon()  # memory that another measurement gave back would be used again
        run([*system.argv, CLIENT, "connects", 1], check=True, env=system.env)
    before = system.rss()
    p = system.popen(CLIENT, "idle", n, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        if p.stdout.readline() != "ready\n":
            raise RuntimeError("%s: %s" % (system.name, p.stderr.read()))
        return (system.rss() - before) / n / 1024
    finally:
        p.communicate()


def all_of(seconds, clients, n, large_bytes):
    return [
        *(pgbench(mode, c, "select", seconds) for mode in ("simple", "prepared") for c in clients),
        pgbench("simple", clients[:2][-1], "tpcb", seconds),
        rows("%d rows, 3 of 10 columns masked, text" % n, "text", TEN_COLUMNS, n),
        rows("%d rows, 3 of 10 columns masked, binary" % n, "binary", TEN_COLUMNS, n),
        rows("COPY out of %d clean rows" % n, "text", "COPY bench.clean TO STDOUT", n),
        connects(seconds),
        first_row(),
        large(large_bytes),
    ]
