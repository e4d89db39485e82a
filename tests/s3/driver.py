# SPDX-License-Identifier: MIT
"""The daemon's recorder and the thread that ships, without the rest (ship_drive.c), so that they can be killed two hundred times a minute."""

import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("BUILD", "release")
PGVEIL = ROOT / "build" / BUILD / "pgveil"
LAYERS = ("ctl", "net", "kern", "session", "policy", "record", "mask", "sql", "value", "pgwire", "kube", "web", "base")
LIBRARIES = ("pg_query", "protobuf-c", "ssl", "crypto", "zstd", "sqlite3", "yaml", "pcre2-8", "jansson", "event", "event_pthreads", "curl", "bpf", "elf", "z")


def build(out):
    """→ the path of the program."""
    libs = ["build/%s/lib%s.a" % (BUILD, n) for n in LAYERS]
    flags = ["-fsanitize=address,undefined"] if BUILD == "asan" else []
    subprocess.run(["make", "-s", "BUILD=" + BUILD, *libs], cwd=ROOT, check=True)
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-pthread", *flags, "-Iuserspace", "-I.", "-o", out, "tests/s3/ship_drive.c",
                    *libs, *("-l" + l for l in LIBRARIES)], cwd=ROOT, check=True)
    return out


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in %d s" % seconds
        time.sleep(0.01)


class Driver:
    def __init__(self, program, state, url, endpoint, credentials, part=1 << 20, node="node-a", after=0):
        self.args = [str(a) for a in (program, state, url, endpoint, credentials, part, node, after)]
        self.state, self.process = pathlib.Path(state), None

    def start(self):
        self.log = open(self.state / "log", "ab")
        self.process = subprocess.Popen(self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        assert self.process.stdout.readline() == "ready\n", (self.state / "log").read_text()
        return self

    def put(self, records, size):
        self.process.stdin.write("%d %d\n" % (records, size))
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "put\n"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def end(self):
        """As the daemon ends; → its exit status."""
        self.process.stdin.close()
        status = self.process.wait(60)
        self.log.close()
        return status

    def segments(self):
        """{"00000001/0000000000000000": bytes}, of all that is closed when nothing runs."""
        return {"%s/%s" % (p.parent.name, p.name[:16]): p.read_bytes() for p in sorted((self.state / "recordings").glob("*/*.pgveil"))}

    def marked(self):
        return {"%s/%s" % (p.parent.name, p.name[:16]) for p in (self.state / "recordings").glob("*/*.shipped")}

    def events(self):
        import json
        return [json.loads(l) for l in (self.state / "log").read_text().splitlines() if l.startswith("{")]
