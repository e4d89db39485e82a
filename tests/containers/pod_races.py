# SPDX-License-Identifier: MIT
"""pod_races: pods that dial the database in their first millisecond, before, while and after the API server tells of them, half of them
labelled. What a labelled one was shown is never a raw value; what one without the label waits for is how long nobody said what it is.

Each pod is a process (or a crowd of them) that is started into a cgroup that was made the moment before (CLONE_INTO_CGROUP), in a
network namespace of its own, by pod_client. They come by waves, in all layouts of cgroups at once."""

import json
import random
import subprocess
import threading
import uuid

import runtimes

LAYOUTS = {
    "cgroupfs": "kubepods/burstable/pod{uid}/{id}",
    "guaranteed": "kubepods/pod{uid}/{id}",
    "systemd": "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{under}.slice/cri-containerd-{id}.scope",
    "cri-o": "kubepods.slice/kubepods-pod{under}.slice/crio-{id}.scope",
}
TOLD = ("before", "with", "after")


class Racer:
    def __init__(self, number, labelled, told, layout, forks):
        self.number, self.labelled, self.told, self.layout, self.forks = number, labelled, told, layout, forks
        self.name, self.uid, self.result = "race-%d-%s" % (number, uuid.uuid4().hex[:6]), None, None

    def cgroup(self, root):
        return "%s/%s" % (root, LAYOUTS[self.layout].format(uid=self.uid, under=self.uid.replace("-", "_"), id=uuid.uuid4().hex * 2))


class Race:
    def __init__(self, lab, node, label, seed=1, patience_ms=60000):
        self.lab, self.node, self.label, self.patience_ms = lab, node, label, patience_ms
        self.random = random.Random(seed)
        self.network = runtimes.Network(lab)
        self.done, self.api_trouble = [], []

    def close(self):
        self.network.close()

    def make(self, r):
        """On no node yet, so that nobody is told."""
        labels = {"app": "claude", **(self.label if r.labelled else {})}
        r.uid = self.lab.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": r.name, "namespace": "agents", "labels": labels},
                                     "spec": {"serviceAccountName": "default", "containers": [{"name": "c", "image": "x"}]}})["metadata"]["uid"]

    def tell(self, r):
        self.lab.api.bind("agents", r.name, self.node)

    def tell_apart(self, r):
        def tell():
            try:
                self.tell(r)
            except Exception as e:  # a thread's own would be lost
                self.api_trouble.append(e)

        t = threading.Thread(target=tell)
        t.start()
        return t

    def wave(self, racers):
        names = self.network.make(len(racers))
        told = []
        by_number = {r.number: r for r in racers}
        for r in racers:
            self.make(r)
            if r.told == "before":
                self.tell(r)
        p = subprocess.Popen([str(self.lab.client), "spawn", self.lab.host, str(self.lab.port), self.lab.dbname, str(self.patience_ms)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        try:
            for r, netns in zip(racers, names):
                if r.told == "with":
                    told.append(self.tell_apart(r))
                p.stdin.write("%d /run/netns/%s %d %s\n" % (r.number, netns, r.forks, r.cgroup(self.lab.root)))
                p.stdin.flush()
            p.stdin.close()
            for line in p.stdout:
                x = json.loads(line)
                if "pod" in x:
                    by_number[x["pod"]].result = x
                elif by_number[x["started"]].told == "after":  # it has dialled by now
                    told.append(self.tell_apart(by_number[x["started"]]))
        finally:
            p.kill()
            p.wait()
            for t in told:
                t.join()
            runtimes.remove_below("pgveil-lab-" + self.lab.name)
            for name in names:
                self.network.remove(name)
        assert not self.api_trouble, self.api_trouble
        for r in racers:
            self.lab.api.delete("Pod", "agents", r.name, gracePeriodSeconds=0)
        self.done += racers

    def run(self, pods, at_once=25, storm=0):
        """storm: of every so many pods one is a crowd of 30 processes."""
        left = []
        for n in range(pods):
            left.append(Racer(n, n % 2 == 0, TOLD[n // 2 % 3], list(LAYOUTS)[n // 6 % 4], 30 if storm and n % storm == 0 else 1))
        self.random.shuffle(left)
        while left:
            self.wave(left[:at_once])
            del left[:at_once]
            yield len(self.done)

    # ---- what came of it ----

    def sums(self):
        """{(labelled, told): {...}}"""
        out = {}
        for r in self.done:
            s = out.setdefault((r.labelled, r.told), {"pods": 0, "processes": 0, "early": 0})
            s["pods"] += 1
            s["processes"] += r.forks
            s["early"] += r.result["first_dial_us"] - r.result["start_us"] < 1000
            for k in ("attempts", "refused", "denied", "turned_away", "masked", "raw", "other", "silent"):
                s[k] = s.get(k, 0) + r.result[k]
        return out

    def table(self):
        columns = ("pods", "processes", "early", "attempts", "refused", "denied", "turned_away", "masked", "raw", "other", "silent")
        rows = [("", "told") + columns]
        for (labelled, told), s in sorted(self.sums().items(), key=lambda x: (not x[0][0], TOLD.index(x[0][1]))):
            rows.append(("labelled" if labelled else "not", told) + tuple(str(s[c]) for c in columns))
        widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
        return "\n".join("  ".join(c.rjust(w) if i > 1 else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))) for r in rows)

    def windows(self, labelled=False, told="before"):
        """From the directory's making to the first connect that was let through, in milliseconds; sorted."""
        return sorted(r.result["first_reach_us"] / 1000 for r in self.done if r.labelled == labelled and r.told == told and r.result["first_reach_us"])

    def histogram(self, **which):
        times = self.windows(**which)
        if not times:
            return "  none"
        bounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, float("inf")]
        lines, below = [], 0
        for b in bounds:
            n = sum(t <= b for t in times)
            if n > below:
                lines.append("  up to %6s ms  %4d  %s" % ("%g" % b, n - below, "#" * max(1, 60 * (n - below) // len(times))))
            below = n
        mid = lambda q: times[min(len(times) - 1, int(q * len(times)))]  # noqa: E731
        return "\n".join(lines) + "\n  half of them by %.1f ms, 90 %% by %.1f ms, all by %.1f ms" % (mid(0.5), mid(0.9), times[-1])
