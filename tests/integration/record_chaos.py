# SPDX-License-Identifier: MIT
"""The daemon killed at random moments under load: each time every byte that a client got is on record, and the recording verifies.

    sudo python3 -B tests/integration/record_chaos.py --count 200 --seed 1"""

import argparse
import random
import threading
import time

import recording
import recordings
import wire
from lab import HERE, Lab

CLIENTS = 6
STATEMENTS = ["SELECT id, ssn, email, name FROM clinic.patient",
              "SELECT i, md5(i::text) FROM generate_series(1, %d) i",
              "SELECT ssn FROM clinic.patient WHERE ssn = 'x'",
              "COPY (SELECT i, repeat('x', 500) FROM generate_series(1, %d) i) TO STDOUT",
              "SELECT 1; SELECT 2"]


class Load(threading.Thread):
    """One client after another, each with a name, until the daemon is gone; what each was sent behind its login."""

    def __init__(self, lab, number, seed):
        super().__init__()
        self.lab, self.number, self.random, self.got, self.answers = lab, number, random.Random(seed), {}, 0

    def session(self, name):
        with self.lab.login("agent1" if self.number % 2 else "agent2", params={"application_name": name}) as c:
            start = c.at
            try:
                for _ in range(self.random.randrange(1, 20)):
                    sql = self.random.choice(STATEMENTS)
                    sql = sql % self.random.randrange(1, self.random.choice((500, 5000, 60000))) if "%d" in sql else sql
                    if self.random.random() < 0.5 or ";" in sql or sql.startswith("COPY"):
                        c.query(sql)
                    else:
                        c.run(sql)
                    self.answers += 1
            finally:
                try:
                    c.drain()
                except (OSError, wire.Closed):
                    pass
                self.got[name] = bytes(c.received[start:])

    def run(self):
        for i in range(1000000):
            try:
                self.session("chaos-%d-%d" % (self.number, i))
            except (OSError, EOFError, wire.Closed, wire.ServerError):
                return


def kill_once(lab, seed):
    """How many bytes were compared."""
    rng = random.Random(seed)
    run = recording.runs(lab.state / "state")[-1]
    loads = [Load(lab, n, rng.random()) for n in range(CLIENTS)]
    for x in loads:
        x.start()
    end = time.monotonic() + 60
    while not all(x.answers for x in loads):
        assert time.monotonic() < end, "no load"
        time.sleep(0.01)
    time.sleep(rng.random())  # the random moment
    lab.sh("daemon", "kill")
    for x in loads:
        x.join()
    # Every run is read as a whole when its daemon is dead, and all of them together at the end.
    kept = {s.begin["application_name"].decode(): s.result for s in recording.sessions(lab.state / "state", run).values()}
    lab.sh("daemon", "start")
    compared = 0
    for x in loads:
        for name, got in x.got.items():
            assert name in kept or not got, name
            assert kept.get(name, b"").startswith(got), "%s: %d bytes are not what is on record" % (name, len(got))
            compared += len(got)
    return compared


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--count", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    with Lab(policies=(HERE / "agent1.yaml", HERE / "plain.yaml"), env={"LAB_DAEMON_ARGS": "--record-segment 1MiB --record-quota 0"}) as lab:
        for i in range(args.count):
            n = kill_once(lab, args.seed * 1000003 + i)
            print("%d: %d bytes, all on record" % (i + 1, n), flush=True)
        own = recordings.pgveil(lab.state / "state" / "recordings", "verify")
        print(own.stdout.decode(), own.stderr.decode(), sep="", flush=True)
        assert own.returncode == 0
        print("%d records of %d runs verify" % (recording.verify(lab.state / "state"), len(recording.runs(lab.state / "state"))))


if __name__ == "__main__":
    main()
