# SPDX-License-Identifier: MIT
"""One clean row of a gibibyte with --splice off, auto and force, and as many bytes in rows of a mebibyte: every byte that comes is compared with what
it must be. To make such a row, the server takes about four gibibytes of memory, and most of the time.

    gib.py [--mib 1020] [--splice off auto force]"""

import argparse
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import wire  # noqa: E402
from lab import HERE, Lab  # noqa: E402

MIB = 1 << 20
POLICIES = (HERE / "agent1.yaml", HERE / "plain.yaml")
SHAPES = {  # statement, rows, bytes of a row's value, of N MiB
    "one row": lambda n: ("SELECT repeat(repeat('x', 1048576), %d)" % n, 1, n * MIB),
    "rows of 1 MiB": lambda n: ("SELECT repeat('x', 1048576) FROM generate_series(1, %d)" % n, n, MIB),
}


def value(c, size):
    """So many bytes of x come next, and are thrown away."""
    while size:
        if c.at == len(c.received):
            c.received, c.at = bytearray(), 0
            c._need(1)
        n = min(size, len(c.received) - c.at)
        assert c.received.count(b"x", c.at, c.at + n) == n, "another byte among the %d that are left of a value" % size
        c.at += n
        size -= n


def run(lab, shape, mib, say=lambda text: None):
    """As the agent whose rows nothing looks at."""
    sql, rows, size = SHAPES[shape](mib)
    with lab.login("agent2") as c:
        c.sock.settimeout(600)
        began = time.time()
        c.send(wire.extended(sql), wire.sync())
        assert "".join(c.read()[0] for _ in range(3)) == "12T"
        first = time.time()
        for _ in range(rows):
            assert c.take(11) == b"D" + struct.pack("!IHI", size + 10, 1, size)
            value(c, size)
        assert c.read() == ("C", b"SELECT %d\0" % rows) and c.read() == ("Z", b"I")
        assert c.at == len(c.received)
    say("%s: %d bytes as they must be, the first after %.1f s, the rest in %.1f s" % (shape, rows * size, first - began, time.time() - first))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1020, help="a message may be no longer than a gibibyte")
    parser.add_argument("--splice", nargs="+", default=["off", "auto", "force"])
    parser.add_argument("--shape", nargs="+", default=list(SHAPES))
    args = parser.parse_args()
    for mode in args.splice:
        with Lab(policies=POLICIES, record="{level: statements}", env={"LAB_DAEMON_ARGS": "--splice " + mode}) as lab:
            for shape in args.shape:
                run(lab, shape, args.mib, lambda text, mode=mode: print("--splice %s, %s" % (mode, text), flush=True))
            for line in lab.sh("pgveil", "--", "metrics").stdout.decode().splitlines():
                if line.startswith(("pgveil_splice", "pgveil_large")) and not line.endswith(" 0"):
                    print("  " + line, flush=True)


if __name__ == "__main__":
    main()
