# SPDX-License-Identifier: MIT
"""Against a server that others wrote (make test-s3): killed, like the daemon, at random moments."""

import json
import os
import pathlib
import random
import socket
import subprocess
import time

import pytest

import driver
from driver import until
from test_ship import fetch, flip, shipped, verify

pytestmark = pytest.mark.skipif(not os.environ.get("S3_REAL"), reason="S3_REAL: the command of an S3 server (make test-s3)")


class Server:
    """s3rver, and of what it keeps what a Store shows."""

    region = "eu-test-1"

    def __init__(self, directory):
        self.directory = directory
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port

    def start(self):
        self.process = subprocess.Popen([os.environ["S3_REAL"], "-d", self.directory, "-a", "127.0.0.1", "-p", str(self.port), "-s", "--configure-bucket", "evidence"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.answers())
        return self

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            assert self.process.poll() is None
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def real(tmp_path):
    (tmp_path / "s3").mkdir()
    server = Server(tmp_path / "s3").start()
    (tmp_path / "credentials").write_text("S3RVER\nS3RVER\n")
    yield server
    server.kill()


def test_interrupted_at_random(program, real, tmp_path):
    seed = int(os.environ.get("SHIP_SEED", random.randrange(1 << 30)))
    rnd, rounds = random.Random(seed), int(os.environ.get("SHIP_ROUNDS", "5"))
    print("SHIP_SEED=%d" % seed)
    (tmp_path / "state").mkdir()
    d = driver.Driver(program, tmp_path / "state", "s3://evidence/prod/x", real.url, tmp_path / "credentials", part=200_000)
    for _ in range(rounds):
        d.start()
        d.put(rnd.randrange(100, 2500), rnd.randrange(200, 1000))
        time.sleep(rnd.random() * 2)
        if rnd.random() < 0.4:
            real.kill()
            time.sleep(rnd.random() / 2)
            real.start()
        time.sleep(rnd.random())
        d.end() if rnd.random() < 0.1 else d.kill()
    d.start()
    until(lambda: d.marked() >= set(sorted(d.segments())[:-1]), 300)
    assert d.end() == 0
    while d.marked() != set(d.segments()):
        d.start()
        assert d.end() == 0
    assert d.marked() == set(d.segments())
    status, out, err = fetch(real, tmp_path)
    assert status == 0, err
    there = pathlib.Path(out.split("recording ")[1].splitlines()[0])
    got = {"%s/%s" % (p.parent.name, p.name[:16]): p.read_bytes() for p in there.glob("*/*.pgveil")}
    assert got == d.segments() and len(got) == len(list(there.glob("*/*.pgveil")))
    status, said = verify(there, "--signer", there / "seal.pub")
    assert status == 0 and len(said["runs"]) > rounds
    # A bit, on the server's own disk.
    victim = max((real.directory / "evidence").rglob("*0000-*.pgveil*object"), key=lambda p: p.stat().st_size)
    flip(victim)
    status, out, err = fetch(real, tmp_path, "again")
    assert status == 1 and "ALTERED: 1 objects" in out
