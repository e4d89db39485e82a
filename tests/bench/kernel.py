# SPDX-License-Identifier: MIT
"""What pgveil's programs cost a process that they have nothing to do with: CPU time of connect() and of data, before and after. Needs root.

Each round measures without any of the programs attached (after `pgveil uninstall`), then with all of them: a process outside the guarded cgroup, one
below it that nobody classified, one below it that is left alone (EXEMPT). None is enrolled; an agent beside them is. A figure is the best of twenty batches and of that the median of the rounds, a
difference that of the rounds' differences, in brackets where half of them lie. Programs that others have attached elsewhere on the machine are not
taken away: they are counted and said.

    kernel.py [--rounds 15] [--count 4000]"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import signal
import statistics
import sys

from systems import ROOT, Lab, run

BYSTANDER = ROOT / "build" / "release" / "bench" / "bystander"
PLAIN, DATABASE = 7777, 5432
# What it is called, the job, its port, how many times as often as --count; "refused" takes connect's place where programs refuse it.
JOBS = [("connect and close, another port", "connect", PLAIN, 1), ("connect and close, the database's port", "connect", DATABASE, 1),
        ("connect and close, a unix socket", "unix", 1, 2), ("64 KiB of data", "large", PLAIN, 2), ("64 bytes of data", "small", PLAIN, 8)]
WHO = ["outside the guarded cgroup", "below it, EXEMPT", "below it, UNKNOWN"]


class Bystanders:
    def __init__(self, count):
        self.count = count
        self.lab = Lab(schema=None, policies=(), agents=1, name="kernel%d" % os.getpid(), env={"BUILD": "release"})

    def __enter__(self):
        try:
            self.lab.up()
            self.outside = self.root().parent / ("pgveil-bench-" + self.lab.name)
            self.exempt = self.root() / "exempt"
            self.groups = dict(zip(WHO, (self.outside, self.exempt, pathlib.Path(self.lab.cgroup("unknown")))))
            for g in (self.outside, self.exempt):
                g.mkdir()
            self.left_alone()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.lab.down()
        with contextlib.suppress(FileNotFoundError):
            self.outside.rmdir()

    def root(self):
        return pathlib.Path(self.lab.cgroup("unknown")).parent

    def left_alone(self):
        """Nothing but the daemon's own cgroup is left alone by itself: this one is put into the map by hand."""
        key = self.exempt.stat().st_ino.to_bytes(8, sys.byteorder)
        value = (1).to_bytes(4, sys.byteorder) + bytes(4)
        run(["bpftool", "map", "update", "pinned", self.lab.state / "bpf" / "pgveil" / "maps" / "cgroups", "key", *key, "value", *value], check=True)

    def attach(self):
        self.lab.sh("daemon", "start")
        self.left_alone()

    def detach(self):
        self.lab.sh("daemon", "stop")
        self.lab.sh("pgveil", "--", "uninstall")

    def links(self):
        """How many of a cgroup's programs are attached on the machine, by whomever."""
        return sum(link["type"] == "cgroup" for link in json.loads(run(["bpftool", "-j", "link", "show"], check=True).stdout))

    def measure(self, who, attached):
        jobs = ["%s:%d:%d" % ("refused" if attached and port == DATABASE and who == WHO[2] else job, port, times * self.count) for _, job, port, times in JOBS]
        inside = ["nsenter", "--net=/run/netns/pgveil-%s-unknown" % self.lab.name, "--"]
        p = run(["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', self.groups[who], *inside, BYSTANDER, *jobs], check=True)
        return list(json.loads(p.stdout).values())


def quartiles(values):
    return statistics.quantiles(values, n=4)


def lines(before, after):
    for i, (name, job, port, _) in enumerate(JOBS):
        for who in WHO:
            was, now = [r[i] for r in before[who]], [r[i] for r in after[who]]
            low, middle, high = quartiles([b - a for a, b in zip(was, now)])
            what = name + (" (refused, after)" if port == DATABASE and who == WHO[2] else "")
            yield "| %s | %s | %.2f | %.2f | %+.2f (%+.2f to %+.2f) | %.2f |" % (
                what, who, statistics.median(was) / 1e3, statistics.median(now) / 1e3, middle / 1e3, low / 1e3, high / 1e3,
                statistics.median(b / a for a, b in zip(was, now)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=4000)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the labs are taken down
    before, after = ({who: [] for who in WHO} for _ in range(2))
    others = []
    with Bystanders(args.count) as b:
        for i in range(args.rounds):
            b.detach()
            others.append(b.links())
            order = WHO[i % len(WHO):] + WHO[:i % len(WHO)]
            for who in order:
                before[who].append(b.measure(who, False))
            b.attach()
            for who in order:
                after[who].append(b.measure(who, True))
    print("| CPU of one, in µs | process | without programs | with them | difference | ratio |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    print("\n".join(lines(before, after)))
    print("%d rounds, %d CPUs, kernel %s, load %.1f at the end, %d to %d programs of others attached elsewhere" % (
        args.rounds, os.cpu_count(), platform.release(), os.getloadavg()[0], min(others), max(others)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
