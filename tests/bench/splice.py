# SPDX-License-Identifier: MIT
"""What --splice off, auto and force cost, side by side in each round. What `auto` does, and from how large a row, follows from it. Needs root.

A daemon for each, before a server that makes its rows at next to no cost (standin.py); the client is one that nothing is masked for. CPU is what to
believe, for what else the machine does falls on the clock: of the daemon alone, and of all that takes part (daemon, server, client, and the kernel's own
threads, which work for others too). What
softirqs do is in the time of whoever ran when they came, unless the kernel accounts for it apart (CONFIG_IRQ_TIME_ACCOUNTING). A ratio is the median
of the rounds' ratios to off, with the quartiles. Runs of different daemons alternate, and the order turns with each round.

    splice.py [--rounds 15] [--only 65536] [--connections 1,8] [--modes off,auto,force]"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import tempfile

from memory import STANDIN_PORT, end, start_standin
from systems import CLIENT, ROOT, Lab, System

GIB = 1 << 30
KIB, MIB = 1 << 10, 1 << 20
# Bytes of a row, and of a run.
SIZES = [(100, 16 * MIB), (KIB, 64 * MIB), (16 * KIB, 64 * MIB), (32 * KIB, 64 * MIB), (64 * KIB, 128 * MIB), (128 * KIB, 128 * MIB), (256 * KIB, 128 * MIB),
         (MIB, 128 * MIB), (8 * MIB, 128 * MIB), (64 * MIB, 256 * MIB)]


def kernel_threads():
    """Seconds that the kernel's own threads have run."""
    total = 0
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if int((p / "stat").read_text().rpartition(")")[2].split()[1]) == 2:
                total += int((p / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total / 1e9


class Mode:
    """A lab whose daemon runs so: "auto", or "auto/BUILD" for that of another build. Its server gets a cgroup, to tell its CPU time by."""

    def __init__(self, stack, called):
        self.mode = called
        mode, _, build = called.partition("/")
        policy = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgveil-bench-"))) / "plain.yaml"
        policy.write_text((ROOT / "tests" / "integration" / "plain.yaml").read_text().replace("${LAB_DB_PORT}", str(STANDIN_PORT))
                          .replace("\nspec:\n", "\nspec:\n  record: {level: statements}\n"))
        lab = self.lab = Lab(schema=None, policies=[policy], name="splice%s%d" % (called.replace("/", ""), os.getpid()),
                             env={"BUILD": build or "release", "LAB_DAEMON_ARGS": "--splice " + mode})
        stack.callback(lab.down)
        lab.up()
        server = pathlib.Path(lab.cgroup("agent2")).parent.parent / ("pgveil-bench-" + lab.name)
        server.mkdir()
        stack.callback(server.rmdir)
        standin = start_standin(lab)
        stack.callback(end, standin)
        (server / "cgroup.procs").write_text(str(standin.pid))
        self.system = System(called, [str(ROOT / "scripts" / "lab.sh"), "agent", "--name", lab.name, "--root", "--as", "agent2", "--", "env",
                                    "PGPORT=%d" % STANDIN_PORT], {"PGSSLMODE": "disable"}, lab.info["daemon_pid"])
        self.kept = []
        stack.callback(self.hang_up)
        self.groups = [server, pathlib.Path(lab.cgroup("agent2"))]

    def others(self):
        return sum(int((g / "cpu.stat").read_text().split()[1]) for g in self.groups) / 1e6 + kernel_threads()

    def clients(self, n):
        while len(self.kept) < n:
            self.kept.append(self.system.popen(CLIENT, "asked", stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return self.kept[:n]

    def measure(self, sql, connections, least):
        clients = self.clients(connections)
        daemon, others = self.system.cpu(), self.others()
        for c in clients:
            c.stdin.write(sql + "\n")
            c.stdin.flush()
        got = [json.loads(c.stdout.readline()) for c in clients]
        daemon, others = self.system.cpu() - daemon, self.others() - others
        if sum(g["bytes"] for g in got) < least:
            raise RuntimeError("%s: %d of %d bytes" % (self.mode, sum(g["bytes"] for g in got), least))
        gib = sum(g["bytes"] for g in got) / GIB
        return {"daemon": daemon / gib, "all": (daemon + others) / gib, "clock": max(g["seconds"] for g in got) / gib,
                "row_us": daemon * 1e6 / sum(g["rows"] for g in got)}

    def hang_up(self):
        for c in self.kept:
            c.stdin.close()
            c.wait(60)

    def metrics(self):
        return self.lab.sh("pgveil", "--", "metrics").stdout.decode()


def called(size):
    return "%d MiB" % (size // MIB) if size >= MIB else "%d KiB" % (size // KIB) if size >= KIB else "%d B" % size


def ratio(taken, base, what):
    """The median of the rounds' ratios, and in brackets where half of them lie."""
    low, middle, high = statistics.quantiles([a[what] / b[what] for a, b in zip(taken, base)], n=4)
    return "%.2f (%.2f–%.2f)" % (middle, low, high)


def line(size, connections, got, base):
    off = got[base]
    cells = ["%s × %d" % (called(size), connections)] + ["%.*f" % (2 if w == "row_us" else 3, statistics.median(r[w] for r in off)) for w in ("row_us", "daemon", "all")]
    for mode, taken in got.items():
        if mode != base:
            cells += [ratio(taken, off, "daemon"), ratio(taken, off, "all"), "%.2f" % statistics.median(a["clock"] / b["clock"] for a, b in zip(taken, off))]
    return "| %s |" % " | ".join(cells)


def show(args, modes):
    """Yields the table's lines. Where a mode does what off does, its ratios say how much is noise."""
    base = args.modes[0]
    head = ["row × connections", "%s: daemon, µs a row" % base, "daemon, CPU s/GiB", "all, CPU s/GiB"]
    for m in args.modes[1:]:
        head += ["%s: daemon, of %s" % (m, base), "all", "clock"]
    yield "| %s |" % " | ".join(head)
    yield "| --- |" + " ---: |" * (len(head) - 1)
    for size, total in SIZES:
        for connections in args.connections:
            if args.only and size not in args.only:
                continue
            rows = max(1, total // size // connections)
            sql, least = "rows %d %d" % (size, rows), rows * size * connections
            for m in modes:
                m.measure(sql, connections, least)  # what is only done once
            got = {m.mode: [] for m in modes}
            for i in range(args.rounds):
                for m in modes[i % len(modes):] + modes[:i % len(modes)]:
                    got[m.mode].append(m.measure(sql, connections, least))
            yield line(size, connections, got, base)


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", type=numbers, help="only rows of these sizes, in bytes")
    parser.add_argument("--connections", type=numbers, default=[1, 8])
    parser.add_argument("--modes", type=lambda t: t.split(","), default=["off", "auto", "force"], help="auto/BUILD: of another build")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the labs are taken down
    with contextlib.ExitStack() as stack:
        modes = [Mode(stack, mode) for mode in args.modes]
        for text in show(args, modes):
            print(text, flush=True)
        for m in modes:
            told = [t for t in m.metrics().splitlines() if t.startswith(("pgveil_spliced_bytes", "pgveil_splice_window_bytes", "pgveil_received_bytes_total{from=\"database"))]
            print("%s: %s" % (m.mode, ", ".join(told)))
    print("%d CPUs, kernel %s, load %.1f at the end" % (os.cpu_count(), platform.release(), os.getloadavg()[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
