# SPDX-License-Identifier: MIT
"""pod_race [--pods 1000] [--containers 50] [--at-once 25] [--storm 10] [--seed 1]: a lab whose pods dial in their first millisecond
(tests/containers/pod_races.py), processes and real containers, and the table of what came of it. Exit 1: a labelled one was shown a raw
value, or one was shown nothing."""

import argparse
import pathlib
import sys
import tempfile
import time

from test_containers import CLAUDE, LABEL, NODE, WEB, ApiServer, ContainerLab, pod_races as racing, runtimes


def of_containers(lab, count):
    """Real ones, by both runtimes in turn; → what was shown, by label."""
    out = {True: [], False: []}
    for n in range(count):
        labelled = n % 2 == 0
        p = lab.real("box", CLAUDE if labelled else WEB)
        p.sandbox(lab.runtime(runtimes.Podman if n // 2 % 2 else runtimes.Containerd))
        out[labelled].append(p.race(60000))
        p.end()
    return out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--pods", type=int, default=1000)
    ap.add_argument("--containers", type=int, default=50)
    ap.add_argument("--at-once", type=int, default=25)
    ap.add_argument("--storm", type=int, default=10, help="of every so many pods one is a crowd; 0: none")
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    wrong = []
    with ApiServer() as api, tempfile.TemporaryDirectory(prefix="pgveil-race-") as folder:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "agents"}})
        with ContainerLab(pathlib.Path(folder), api) as lab:
            lab.current()
            race = racing.Race(lab, NODE, LABEL, args.seed)
            begun = time.monotonic()
            try:
                for n in race.run(args.pods, args.at_once, args.storm):
                    print("%d pods" % n, file=sys.stderr, flush=True)
            finally:
                race.close()
            print("%d pods in %.0f s, %d at once, each dials from its first instruction on (early: in its first millisecond)\n" %
                  (args.pods, time.monotonic() - begun, args.at_once))
            print(race.table())
            for told in racing.TOLD:
                print("\nnot labelled, told %s: from the making of the cgroup to the first connect" % told)
                print(race.histogram(told=told))
            for (labelled, told), s in race.sums().items():
                if labelled and s["raw"] or s["silent"] or s["masked" if labelled else "raw"] != s["processes"] or not labelled and s["masked"]:
                    wrong.append("%s, told %s: %s" % ("labelled" if labelled else "not labelled", told, s))
            if args.containers:
                for labelled, all_told in sorted(of_containers(lab, args.containers).items(), reverse=True):
                    sums = {k: sum(t[k] for t in all_told) for k in ("attempts", "refused", "masked", "raw", "silent")}
                    print("\n%d real containers, %s: %s" % (len(all_told), "labelled" if labelled else "not labelled", sums))
                    if sums["raw" if labelled else "masked"] or sums["masked" if labelled else "raw"] != len(all_told):
                        wrong.append("containers: %s" % sums)
    for w in wrong:
        print("WRONG: " + w)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
