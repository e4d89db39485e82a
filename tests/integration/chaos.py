# SPDX-License-Identifier: MIT
"""What clients see when a part fails under load: prints a table, and exits 1 where something is not as it must be. Connections of
agents run pgbench through the engine; a part is taken away in the middle. `make chaos`; some of it, with few of them, runs with the tests."""

import argparse
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import canary
import wire
from lab import SCRIPT, Lab, run

PGBENCH = next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)), "pgbench")
TRANSACTION = "BEGIN;\nSELECT ssn, name FROM clinic.patient WHERE id = 1;\nSELECT count(*) FROM clinic.note WHERE id = 1;\nEND;\n"
SSN = "SELECT ssn FROM clinic.patient WHERE id = 1"


class Row:
    def __init__(self, what, expected):
        self.what, self.expected, self.saw, self.raw, self.refused, self.ok = what, expected, "", 0, "-", False


def what_ended(line):
    """What pgbench says of a client that ended, without which client and which of its statements."""
    line = re.sub(r"^.*(error|FATAL|ERROR): *", "", line)
    return re.sub(r" in command \d+ \(SQL\) of script \d+", "", re.sub(r"client \d+", "client", line))[:80]


class Load:
    """pgbench as an agent; what it printed is searched for values, and its errors counted. It goes on until
    it was enough, or its connections have ended."""

    def __init__(self, lab, clients, *options):
        script = lab.state / "home" / "load.sql"
        script.write_text(TRANSACTION)
        script.chmod(0o644)
        argv = lab.into("agent1", None) + [PGBENCH, "-n", "-c", str(clients), "-j", str(min(clients, 16)), "-T", "3000", "-f", str(script),
                                           "--progress=1", *options]
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=lab.env)
        self.lines, self.up = [], threading.Event()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace"))
            if line.startswith(b"progress: "):
                self.up.set()
        self.up.set()

    def enough(self):
        """It would go on for longer than it is needed."""
        self.process.terminate()
        return self.wait(60)

    def wait(self, seconds):
        try:
            self.process.wait(seconds)
            self.hung = False
        except subprocess.TimeoutExpired:
            self.hung = True
            # The one that lab.sh became is pgbench itself.
            self.process.kill()
        self.reader.join(30)
        self.out = "".join(self.lines)
        self.done = int((re.search(r"actually processed: (\d+)", self.out) or [0, 0])[1])
        # Who was told to end has no sum; a second is a line.
        self.done = self.done or round(sum(map(float, re.findall(r"^progress: .* s, ([0-9.]+) tps", self.out, re.M))))
        self.ends = collections.Counter(what_ended(line) for line in self.out.splitlines()
                                        if line.startswith("pgbench: error: ") and "aborted; the above" not in line)
        # What the server's side says before it closes.
        self.told = collections.Counter(line[:80].strip() for line in self.out.splitlines() if line.startswith("FATAL:"))
        return self


class Dials(threading.Thread):
    """Connects and asks, over and over, beside the load."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.stop = lab, threading.Event()
        self.got, self.values = collections.Counter(), []

    def run(self):
        while not self.stop.is_set():
            try:
                with wire.Client(self.lab.dial("agent2"), timeout=60) as c:
                    self.got["connected"] += 1
                    c.login("agent", self.lab.dbname)
                    c.query(SSN).ok()
                    self.got["answered"] += 1
                    self.values += canary.found(bytes(c.received))
            except OSError as e:
                self.got["refused" if e.errno == 111 else type(e).__name__] += 1
                time.sleep(0.01)
            except wire.Closed:
                self.got["closed"] += 1
            except wire.ServerError as e:
                self.got[e.sqlstate] += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join(90)


def pid(lab):
    return int((lab.state / "daemon.pid").read_text().split()[0])


def running(load):
    """Until all are connected and have been at it for a second."""
    assert load.up.wait(300) and load.process.poll() is None, "the load did not come up: %s" % "".join(load.lines[-5:])


def metric(lab, name):
    """Of the daemon that answers now: the sum over a family's labels."""
    text = lab.sh("pgveil", "--", "metrics").stdout.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(re.escape(name) + r"[ {]", line))


def until(what, true, seconds=400):
    """Asks again and again; nothing is done before it is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not in %d s: %s" % (seconds, what)
        time.sleep(0.05)


def busy(lab, n, load):
    """Until as many statements have passed as all of the load have in two transactions, or all of it has ended."""
    before = metric(lab, "pgveil_statements_total")
    until("the load goes on", lambda: load.process.poll() is not None or metric(lab, "pgveil_statements_total") - before >= 8 * n)


def held(lab):
    """Somebody in the middle of a large result: the bytes are looked through afterwards."""
    c = lab.login("agent1")
    c.send(wire.query("SELECT n.id, n.filler, n.body, n.body FROM clinic.note n, clinic.note m"))
    c.until("T")
    while len(c.received) < 1 << 18:
        c.received += c.sock.recv(1 << 16)
    return c


def raw_values(lab, load, *clients):
    return len(canary.found(load.out.encode())) + sum(len(canary.found(bytes(c.received))) for c in clients)


def words(counter):
    return "; ".join("%d × %s" % (n, w) for w, n in counter.most_common(3)) or "nothing"


def killed(lab, n):
    row = Row("kill -9 of the daemon", "sessions end, connects refused at once, no value")
    load = Load(lab, n)
    running(load)
    c = held(lab)
    lab.sh("daemon", "kill")
    began = time.monotonic()
    refused = lab.refused("agent1")
    took = time.monotonic() - began
    c.drain()
    load.wait(60)
    row.raw, row.refused = raw_values(lab, load, c), "all"
    row.saw = "%s; connect: %s after %.0f ms" % (words(load.ends), refused, took * 1000)
    row.ok = refused == "ECONNREFUSED" and not load.hung and row.raw == 0 and load.process.returncode != 0
    lab.sh("daemon", "start")
    return row


def impatient(lab):
    """libpq with a connect_timeout: what it says, and after how long."""
    began = time.monotonic()
    p = lab.agent("env", "PGCONNECT_TIMEOUT=2", "psql", "-XAtc", "SELECT 1", check=False)
    return p.returncode, p.stderr.decode().strip().splitlines()[-1][-60:], time.monotonic() - began


# 57P01, for what was judged five seconds ago and may not be so any more.
LATE = "definitions may have changed while the statement waited to run"


def stopped(lab, n, then=signal.SIGCONT):
    """SIGSTOP in the middle; then it goes on, or is killed (as a watchdog does)."""
    goes_on = then == signal.SIGCONT
    row = Row("SIGSTOP of the daemon, then %s" % then.name, "clients wait, nothing comes; then " + ("all goes on, but for statements that took more than 5 s" if goes_on else "as kill -9"))
    load = Load(lab, n)
    running(load)
    c = held(lab)
    number = pid(lab)
    waits = None
    began = time.monotonic()
    os.kill(number, signal.SIGSTOP)
    try:
        c.sock.settimeout(0.5)
        quiet = False
        deadline = time.monotonic() + 20
        while not quiet and time.monotonic() < deadline:
            try:
                c.received += c.sock.recv(1 << 20)
            except TimeoutError:
                quiet = True
        waits = wire.Client(lab.dial("agent1"), timeout=1)  # the kernel lets it connect; nobody answers
        try:
            waits.login("agent", lab.dbname)
            silent = False
        except TimeoutError:
            silent = not waits.received
        impatience = "without end"
        if not goes_on:
            code, said, took = impatient(lab)
            silent = silent and code == 2
            impatience = "with connect_timeout=2 \"%s\" after %.1f s" % (said, took)
    finally:
        os.kill(number, then)
        stood = time.monotonic() - began
    waits.sock.settimeout(60)
    try:
        waits.until("Z")
        end = "answered"
    except wire.Closed as e:
        end = "closed (%s)" % e
    if goes_on:
        c.close()
    else:
        c.drain()
        until("the daemon is gone", lambda: not alive(number))
    refused = None if goes_on else lab.refused("agent1")
    if goes_on:
        busy(lab, n, load)
        load.enough()
    else:
        load.wait(400)
    row.raw, row.refused = raw_values(lab, load, c, waits), "all" if refused else 0
    row.saw = "for %.1f s: waits, no byte more: %s; a connect meanwhile waits too, %s; then that one is %s; %s; told: %s" % (
        stood, "yes" if quiet and silent else "NO", impatience, end, words(load.ends), words(load.told))
    row.ok = quiet and silent and not load.hung and row.raw == 0
    if goes_on:
        row.saw += "; %d transactions" % load.done
        late = sum(k for w, k in load.ends.items() if w == LATE)
        row.ok = row.ok and late == sum(load.ends.values()) and (late == 0 or stood > 5) and load.done > 0 and end == "answered"
    else:
        row.saw += "; connect: %s" % refused
        row.ok = row.ok and refused == "ECONNREFUSED" and end != "answered"
        lab.sh("daemon", "kill")
        lab.sh("daemon", "start")
    return row


class Memory:
    """A memory cgroup for the daemon, of v1 or v2: what it has, what it may have, how often the kernel killed in it."""

    def __init__(self, lab):
        v1 = pathlib.Path("/sys/fs/cgroup/memory")
        old = v1.is_dir()
        self.group = (v1 if old else pathlib.Path(lab.info["unknown_cgroup"]).parent.parent) / ("pgveil-chaos-" + lab.name)
        self.used, self.limit, self.killed = (self.group / f for f in (("memory.usage_in_bytes", "memory.limit_in_bytes", "memory.oom_control") if old else
                                                                       ("memory.current", "memory.max", "memory.events")))
        self.group.mkdir()
        self.there = self.limit.exists()
        if (self.group / "memory.swap.max").exists():
            (self.group / "memory.swap.max").write_text("0")

    def start(self, lab):
        """The daemon anew, in it from its first page on."""
        lab.sh("daemon", "stop")
        run(["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', self.group, SCRIPT, "daemon", "--name", lab.name, "start"], check=True, env=lab.env)

    def kills(self):
        return int(re.search(r"^oom_kill (\d+)", self.killed.read_text(), re.M)[1])

    def remove(self):
        until("the memory cgroup is empty", lambda: not (self.group / "cgroup.procs").read_text().split())
        self.group.rmdir()


GREED = 12 << 20  # of a statement that does not end: what one session may have the daemon hold is 16 MiB
HUNGRY = 8


def out_of_memory(lab, n):
    """Its memory cgroup has room for what it uses under the load and a few statements more; clients then send more than that."""
    row = Row("out of memory (memory cgroup)", "the kernel kills it; then as kill -9")
    memory = Memory(lab)
    try:
        if not memory.there:
            row.saw, row.ok = "not on this machine: no memory controller", True
            return row
        memory.start(lab)
        load = Load(lab, n)
        running(load)
        c = held(lab)
        number = pid(lab)
        greedy = [lab.login("agent2") for _ in range(HUNGRY)]
        used = memory.used.read_text()
        limit = int(used) + 3 * GREED
        memory.limit.write_text("%d" % limit)
        for g in greedy:
            try:
                g.send(b"Q" + (GREED + 1024).to_bytes(4, "big") + b"SELECT '" + b"x" * GREED)
            except OSError:
                break
        until("the daemon is killed", lambda: not alive(number))
        refused = lab.refused("agent1")
        c.drain()
        load.wait(60)
        kills = memory.kills()
        row.raw, row.refused = raw_values(lab, load, c, *greedy), "all"
        row.saw = "%s; connect: %s; it had %d MiB, might have %d, oom_kill %d" % (words(load.ends), refused, int(used) >> 20, limit >> 20, kills)
        row.ok = kills > 0 and refused == "ECONNREFUSED" and not load.hung and row.raw == 0 and load.process.returncode != 0
        return row
    finally:
        lab.sh("daemon", "kill")
        memory.remove()
        lab.sh("daemon", "start")


def alive(number):
    """Of the threads of a process the first may be a zombie while others still hold its sockets."""
    try:
        status = pathlib.Path("/proc/%d/status" % number).read_text()
        return "State:\tZ" not in status or int(re.search(r"Threads:\t(\d+)", status)[1]) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


FILL = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def bpf(cmd, attr):
    return libc.syscall(321 if os.uname().machine == "x86_64" else 280, cmd, attr, len(attr))
path = ctypes.create_string_buffer(sys.argv[1].encode())
fd = bpf(7, ctypes.create_string_buffer(ctypes.addressof(path).to_bytes(8, "little") + bytes(56), 64))
key, value = ctypes.create_string_buffer(48), ctypes.create_string_buffer(80)
n = 0
while True:
    key[0:8] = (0xffff000000000000 + n).to_bytes(8, "little")
    attr = fd.to_bytes(8, "little") + ctypes.addressof(key).to_bytes(8, "little") + ctypes.addressof(value).to_bytes(8, "little") + bytes(8)
    if sys.argv[2] == "fill":
        if bpf(2, ctypes.create_string_buffer(attr, 32)):
            break
    elif bpf(3, ctypes.create_string_buffer(attr[:16], 32)) and n > 70000:
        break
    n += 1
print(n)
"""


def table_full(lab, n):
    row = Row("flow table full", "new connections refused or closed, open ones go on, no value")
    flows = lab.state / "bpf" / "pgveil" / "maps" / "flows"
    load = Load(lab, n)
    running(load)
    # A connection of before that only goes now would leave a place.
    deadline = time.monotonic() + 60
    while len(json.loads(run(["bpftool", "-j", "map", "dump", "pinned", flows], check=True).stdout)) > n and time.monotonic() < deadline:
        time.sleep(0.1)
    filled = int(run([sys.executable, "-I", "-c", FILL, flows, "fill"], check=True).stdout)
    got = collections.Counter()
    values = []
    for _ in range(20):
        try:
            with wire.Client(lab.dial("agent1"), timeout=10) as c:
                c.login("agent", lab.dbname)
                got["ANSWERED"] += 1
        except OSError as e:
            got["refused" if e.errno == 111 else "closed" if e.errno == 104 else str(e)] += 1
        except wire.Closed:
            got["closed"] += 1
            values += canary.found(bytes(c.received))
    busy(lab, n, load)
    run([sys.executable, "-I", "-c", FILL, flows, "empty"], check=True)
    load.enough()
    with lab.login() as c:
        again = c.query(SSN).ok().rows == [[b"*******0001"]]
    row.raw, row.refused = raw_values(lab, load) + len(values), "all"
    row.saw = "%d entries put in; then %s; the open ones: %d transactions, %s; afterwards %s" % (
        filled, words(got), load.done, words(load.ends), "served again" if again else "NOT SERVED")
    row.ok = not got["ANSWERED"] and again and not load.ends and row.raw == 0 and load.done > 0
    return row


def upgraded(lab, n, reconnects):
    row = Row("upgrade, %d connections, %s" % (n, "each for one transaction" if reconnects else "kept"),
              "no connect refused, " + ("no error" if reconnects else "57P01 between transactions only"))
    before = metric(lab, "pgveil_connections_accepted_total")
    load = Load(lab, n, *(["-C"] if reconnects else []))
    if not reconnects:
        running(load)
    with Dials(lab) as dials:
        # Everybody has been there once, and with -C came again; and so has who asks beside them.
        often = 2 * n if reconnects else n
        until("%d connections" % often, lambda: metric(lab, "pgveil_connections_accepted_total") - before >= often)
        until("an answer beside the load", lambda: dials.got["answered"] > 0)
        assert load.process.poll() is None, "the load was over before the upgrade: %s" % "".join(load.lines[-5:])
        lab.sh("daemon", "upgrade")
        answered = dials.got["answered"]
        # The one after next began when the new daemon was there already.
        until("answers of the new daemon", lambda: dials.got["answered"] >= answered + 2)
        until("the old daemon has drained", lambda: lab.daemon_log().count('"handover.drained"') >= lab.daemon_log().count('"handover.done"'))
        if reconnects:
            before = metric(lab, "pgveil_connections_accepted_total")
            until("%d connections to the new daemon" % n, lambda: metric(lab, "pgveil_connections_accepted_total") - before >= n)
            load.enough()
        else:
            load.wait(400)
    row.raw = raw_values(lab, load) + len(dials.values)
    refused = dials.got["refused"] + sum(k for w, k in load.ends.items() if "refused" in w or "could not connect" in w)
    row.refused = refused
    # pgbench says "aborted in command 0" where a transaction had not begun; anything else was in the middle of one.
    middle = len(re.findall(r"aborted in command [1-9]", load.out))
    row.saw = "%d transactions; errors: %s; told: %s; beside it %s" % (load.done, words(load.ends), words(load.told), words(dials.got))
    row.ok = refused == 0 and row.raw == 0 and middle == 0 and load.done > 0 and not load.hung and dials.got["answered"] > 0
    if middle:
        row.saw = "%d IN THE MIDDLE; " % middle + row.saw
    if reconnects:
        row.ok = row.ok and not load.ends
    return row


def failures(lab, n, only=()):
    """Every row, or those, one after another."""
    rows = {"reconnect": lambda: upgraded(lab, n, True), "upgrade": lambda: upgraded(lab, n, False), "kill": lambda: killed(lab, n),
            "stop": lambda: stopped(lab, n), "stopkill": lambda: stopped(lab, n, signal.SIGKILL), "full": lambda: table_full(lab, n), "memory": lambda: out_of_memory(lab, n)}
    for name in only or rows:
        yield rows[name]()


def show(row):
    return "%-4s %-52s raw values %d, connects refused %s\n       expected: %s\n       observed: %s" % (
        "ok" if row.ok else "BAD", row.what, row.raw, row.refused, row.expected, row.saw)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--connections", type=int, default=200)
    p.add_argument("row", nargs="*", help="reconnect, upgrade, kill, stop, stopkill, full, memory (default: all)")
    p.add_argument("--markdown", action="store_true", help="the rows as a table, at the end, too")
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the lab is taken down
    n = args.connections
    rows = []
    with Lab(agents=2, pg_conf=("max_connections=%d" % (2 * n + 50), "log_min_duration_statement=-1", "log_statement=none",
                                "log_connections=off", "log_disconnections=off")) as lab:
        for row in failures(lab, n, args.row):
            print(show(row), flush=True)
            rows.append(row)
    if args.markdown:
        print("\n| | what the client saw | raw values | connects refused |\n|---|---|---|---|")
        for row in rows:
            print("| %s%s | %s | %d | %s |" % ("" if row.ok else "BAD: ", row.what, row.saw, row.raw, row.refused))
    return not all(row.ok for row in rows)


if __name__ == "__main__":
    sys.exit(main())
