# SPDX-License-Identifier: MIT
"""What the daemon's memory does: a slow reader on a long result, one value near PostgreSQL's limit of 1 GiB, and idle sessions.
Prints a table. Needs root. Idle sessions are against tests/bench/standin.py, since as many backends would not fit a machine.

    memory.py [--bytes 10000000000] [--value 1000000000] [--idle 9900]"""

import argparse
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import wire  # noqa: E402
from lab import HERE, PYTHON, Lab  # noqa: E402

STANDIN_PORT = 6432
ROW = 8000  # bytes of filler in a row of the long result
# who, what it is called, the statement of so many rows
LONG = [
    ("agent2", "no masks for the caller", "SELECT i, repeat('x', %d) FROM generate_series(1, %%d) i" % ROW),
    ("agent1", "judged, clean columns", "SELECT i, repeat('x', %d) FROM generate_series(1, %%d) i" % ROW),
    ("agent1", "judged, a masked column", "SELECT a.ssn, repeat('x', %d) FROM (SELECT ssn FROM clinic.patient WHERE id = 1) a "
                                          "CROSS JOIN generate_series(1, %%d)" % ROW),
]
VALUE = [
    ("agent2", "no masks for the caller", "SELECT repeat('x', %d)"),
    ("agent1", "judged, clean", "SELECT repeat('x', %d)"),
]

# Opens sessions as an agent, says "ready" when all are idle, and keeps them until its input ends.
HOLD = r"""
import os, resource, socket, struct, sys
n, statement = int(sys.argv[1]), sys.argv[2].encode()
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
body = struct.pack("!I", 196608) + b"user\0agent\0database\0" + os.environ["PGDATABASE"].encode() + b"\0\0"
hello = struct.pack("!I", len(body) + 4) + body
query = b"Q" + struct.pack("!I", len(statement) + 5) + statement + b"\0"
held = []
def until_ready(s):
    data = b""
    while not data.endswith(b"Z\0\0\0\5I"):
        more = s.recv(65536)
        if not more:
            sys.exit("session %d: %r" % (len(held), data))
        data += more
    if b"SFATAL" in data or b"SERROR" in data:
        sys.exit("session %d: %r" % (len(held), data))
for i in range(n):
    s = socket.create_connection((os.environ["PGHOST"], int(sys.argv[3])), 60)
    s.sendall(hello)
    until_ready(s)
    if statement:
        s.sendall(query)
        until_ready(s)
    held.append(s)
print("ready", flush=True)
sys.stdin.read()
"""


def status(pid, field):
    """Of /proc/PID/status, in bytes."""
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(field)


def forget_peak(pid):
    pathlib.Path("/proc/%d/clear_refs" % pid).write_text("5")


# The server waits for room to write, at five looks one after the other: what it has said fills every buffer up to the client's.
# Before that it waits now and then, for a moment.
BLOCKED = """DO $$ DECLARE n int := 0; BEGIN
    FOR i IN 1..9000 LOOP
        PERFORM pg_stat_clear_snapshot();
        n := CASE WHEN EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'pgveil_agent' AND wait_event = 'ClientWrite') THEN n + 1 ELSE 0 END;
        EXIT WHEN n = 5;
        PERFORM pg_sleep(0.01);
    END LOOP;
    PERFORM set_config('memory.looks', n::text, false); END $$; SELECT current_setting('memory.looks')"""


def slow_reader(lab, who, sql):
    """Runs a statement and reads nothing until the server is blocked, twice, and then the rest as it comes. Returns bytes received,
    and how far the daemon's memory rose above what it was."""
    pid = lab.info["daemon_pid"]
    with lab.login(who) as c:
        c.sock.settimeout(120)
        forget_peak(pid)
        before = status(pid, "VmRSS")
        c.send(wire.query(sql))
        total, room, tail, blocked = 0, bytearray(1 << 20), b"", 0
        while not tail.endswith(b"Z\0\0\0\5I"):
            if blocked < 2 and total >= blocked * 16 << 20:
                held = lab.dba_psql(BLOCKED)
                assert held == "5", "the server was never held back: it was at %s looks" % held
                blocked += 1
            n = c.sock.recv_into(room)
            assert n, "the session ended after %d bytes" % total
            assert total or room[:1] == b"T", bytes(room[:200])
            total += n
            tail = (tail + bytes(room[max(0, n - 8):n]))[-8:]
    return total, status(pid, "VmHWM") - before


def standin_lab(args="--max-connections 20000 --max-per-cgroup 20000"):
    """agent1 judged, agent2 not, for the stand-in's port."""
    tmp = tempfile.mkdtemp(prefix="pgveil-memory-")
    policies = []
    for name in ("agent1.yaml", "plain.yaml"):
        path = pathlib.Path(tmp) / name
        path.write_text((HERE / name).read_text().replace("${LAB_DB_PORT}", str(STANDIN_PORT)))
        policies.append(path)
    return Lab(policies=policies, env={"LAB_DAEMON_ARGS": args})


def with_ready(argv, **kw):
    p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **kw)
    line = p.stdout.readline()
    assert line == b"ready\n", (argv[:8], line)
    return p


def end(p):
    p.stdin.close()
    p.terminate()
    p.wait(60)


def idle(lab, n, who, statement=""):
    """Bytes of the daemon's memory for one of n idle sessions."""
    pid = lab.info["daemon_pid"]
    before = status(pid, "VmRSS")
    p = with_ready([ROOT / "scripts" / "lab.sh", "agent", "--name", lab.name, "--as", who, "--", PYTHON, "-I", "-c", HOLD, n, statement,
                    STANDIN_PORT], env=lab.env)
    try:
        return (status(pid, "VmRSS") - before) / n
    finally:
        end(p)


def start_standin(lab):
    return with_ready(["nsenter", "--net=/run/netns/pgveil-%s-db" % lab.name, "--", "prlimit", "--nofile=20000:20000", "--", PYTHON, "-I",
                       ROOT / "tests" / "bench" / "standin.py", lab.host, STANDIN_PORT, lab.host, lab.port])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--bytes", type=int, default=10_000_000_000)
    p.add_argument("--value", type=int, default=1_000_000_000)
    p.add_argument("--idle", type=int, default=9900)
    o = p.parse_args()
    print("%-58s %14s %14s" % ("", "bytes sent", "daemon's rise"), flush=True)
    with Lab(policies=(HERE / "agent1.yaml", HERE / "plain.yaml")) as lab:
        for who, what, sql in LONG:
            if o.bytes:
                print("%-58s %14d %10d KiB" % (("slow reader, " + what,) + tuple(v // k for v, k in zip(slow_reader(lab, who, sql % (o.bytes // ROW)), (1, 1024)))), flush=True)
        for who, what, sql in VALUE:
            if o.value:
                print("%-58s %14d %10d KiB" % (("one value, " + what,) + tuple(v // k for v, k in zip(slow_reader(lab, who, sql % o.value), (1, 1024)))), flush=True)
    for who, what, statement in (("agent2", "no masks for the caller", ""), ("agent2", "no masks, after a statement", "SELECT 1"),
                                 ("agent1", "judged", ""), ("agent1", "judged, after a statement", "SELECT 1")):
        if not o.idle:
            break
        # A daemon of its own each time: what the one before gave back is not counted as held.
        with standin_lab() as lab:
            server = start_standin(lab)
            try:
                print("%-58s %14s %10.1f KiB each" % ("%d idle sessions, %s" % (o.idle, what), "", idle(lab, o.idle, who, statement) / 1024), flush=True)
            finally:
                end(server)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("memory.py: needs root")
    main()
