# SPDX-License-Identifier: MIT
"""Recordings on their way to a store that fails: every file arrives whole and once, and none is taken for arrived that has not."""

import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import threading
import time

import pytest

import driver
from store import Error, Object
from driver import PGVEIL, until

NAME = re.compile(r"prod/x/node-a/[0-9a-f]{16}/(\d{8})/([0-9a-f]{16})-([0-9a-f]{64})\.pgveil")


def shipped(s3):
    """{"RUN/NUMBER": bytes}; each under its own hash."""
    out = {}
    for key, o in list(s3.objects["evidence"].items()):
        m = NAME.fullmatch(key)
        if m:
            assert hashlib.sha256(o.data).hexdigest() == m[3], key
            assert "%s/%s" % m.groups()[:2] not in out, "two of %s/%s" % m.groups()[:2]
            out["%s/%s" % m.groups()[:2]] = o.data
        else:
            assert re.fullmatch(r"prod/x/node-a/[0-9a-f]{16}/seal\.pub", key), key
    return out


def marks_hold(d, s3):
    """What is marked is in the store, byte for byte."""
    local, there = d.segments(), shipped(s3)
    for name in d.marked():
        assert there.get(name) == local[name], name


def all_there(d, s3):
    for _ in range(10): # at its end it waits ten seconds, which is short where much runs at a time
        if d.marked() == set(d.segments()):
            break
        d.start()
        assert d.end() == 0
    assert shipped(s3) == d.segments() and d.marked() == set(d.segments())
    assert not s3.pending, "uploads were left"


def fetch(s3, tmp_path, out="fetched", **more):
    p = subprocess.run([PGVEIL, "sessions", "fetch", "--from", more.get("url", "s3://evidence/prod"), "--endpoint", s3.url, "--region", s3.region,
                        "--credentials", tmp_path / "credentials", "--output", tmp_path / out], capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def verify(directory, *args):
    p = subprocess.run([PGVEIL, "sessions", "verify", "--json", "--recordings", directory, *args], capture_output=True, text=True)
    assert p.stdout, p.stderr
    return p.returncode, json.loads(p.stdout)


def flip(path):
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        b = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([b[0] ^ 4]))


# ---- the whole way ----

def test_what_arrives_can_be_fetched_and_verified(ship, s3, tmp_path):
    d = ship().start()
    d.put(2500, 1000)
    assert d.end() == 0
    d.start()
    d.put(1200, 1000)
    assert d.end() == 0
    all_there(d, s3)
    assert len(d.segments()) >= 5 and sorted(s3.written) == sorted(s3.objects["evidence"])
    s3.page = 2 # a list of several pages
    status, out, err = fetch(s3, tmp_path)
    assert status == 0, err
    there = re.search(r"^recording (.*)$", out, re.M)[1]
    status, said = verify(there, "--signer", there + "/seal.pub")
    assert status == 0 and said["sound"] and [r["run"] for r in said["runs"]][:2] == [1, 2]
    # The state's own, by the same.
    assert [r["head"] for r in verify(d.state / "recordings")[1]["runs"]] == [r["head"] for r in said["runs"]]
    # Once more: nothing comes twice.
    assert "0 files of" in fetch(s3, tmp_path)[1] or "1 files of" in fetch(s3, tmp_path)[1]
    # A bit, in what another client fetched.
    victim = sorted(pathlib.Path(there).glob("00000001/*.pgveil"))[1]
    flip(victim)
    status, said = verify(there, "--signer", there + "/seal.pub")
    assert status == 1 and not said["sound"] and said["broken"]["file"][:16] == victim.name[:16]


def test_a_bit_flipped_in_the_store_is_found(ship, s3, tmp_path):
    d = ship().start()
    d.put(2500, 1000)
    assert d.end() == 0
    key = [k for k in s3.objects["evidence"] if k.endswith(".pgveil")][1]
    o = s3.objects["evidence"][key]
    o.data = o.data[:5000] + bytes([o.data[5000] ^ 1]) + o.data[5001:]
    status, out, err = fetch(s3, tmp_path)
    assert status == 1 and "ALTERED: 1 objects" in out and key in err
    there = re.search(r"^recording (.*)$", out, re.M)[1]
    status, said = verify(there)
    assert status == 1 and not said["sound"]
    # One that is gone is missed as well.
    del s3.objects["evidence"][key]
    status, out, err = fetch(s3, tmp_path, "again")
    assert status == 0 and verify(re.search(r"^recording (.*)$", out, re.M)[1])[0] == 1


def test_fetch_writes_nowhere_else(ship, s3, tmp_path):
    hostile = ["prod/../../evil/00000001/%016x-%s.pgveil" % (1, "a" * 64), "prod//etc/00000001/%016x-%s.pgveil" % (1, "a" * 64),
               "prod/a/./00000001/%016x-%s.pgveil" % (1, "a" * 64), "prod/a/seal.pub/../../../x/seal.pub", "prod/..", "prod/a/passwd"]
    for key in hostile:
        s3.objects["evidence"][key] = Object(b"x", "0" * 32, None)
    s3.credentials(tmp_path / "credentials")
    before = set(tmp_path.rglob("*"))
    status, out, err = fetch(s3, tmp_path)
    assert status == 0 and out.startswith("0 files"), (out, err)
    assert set(tmp_path.rglob("*")) == before


def test_a_file_that_is_not_full_goes_too(ship, s3):
    d = ship(after=1).start()
    d.put(3, 100)
    until(lambda: len(shipped(s3)) == 1)
    # And nothing is closed that has nothing in it.
    time.sleep(2.5) # longer than a file may have something in it
    assert len(shipped(s3)) == 1
    d.put(3, 100)
    until(lambda: len(shipped(s3)) == 2)
    d.kill()
    marks_hold(d, s3)


# ---- what fails ----

def test_interrupted_at_random(ship, s3, tmp_path):
    seed = int(os.environ.get("SHIP_SEED", random.randrange(1 << 30)))
    rnd, rounds = random.Random(seed), int(os.environ.get("SHIP_ROUNDS", "5"))
    print("SHIP_SEED=%d" % seed)
    faults = ["hang up", "lost answer", "wrong checksum", Error(500, "InternalError"), Error(503, "SlowDown"), Error(503, "SlowDown", **{"Retry-After": "1"}),
              Error(400, "RequestTimeout"), Error(403, "AccessDenied")]
    odds = 0.25

    def fault(op, key, args):
        if rnd.random() > odds:
            return None
        return rnd.random() if rnd.random() < 0.4 else rnd.choice(faults)

    d = ship(part=300_000)
    s3.fault = fault
    for _ in range(rounds):
        d.start()
        d.put(rnd.randrange(100, 2500), rnd.randrange(200, 1000))
        end, how = time.monotonic() + rnd.random() * 2, rnd.random()
        if how < 0.3: # the store's process goes and comes again; what it acknowledged it has
            time.sleep(rnd.random())
            s3.stop()
            time.sleep(rnd.random() / 2)
            s3.start()
        time.sleep(max(0, end - time.monotonic()))
        if how > 0.9:
            d.end()
        else:
            d.kill()
        marks_hold(d, s3)
    s3.fault = None
    d.start()
    assert d.end() == 0
    all_there(d, s3)
    assert len(d.segments()) > rounds
    assert len(s3.written) == len(set(s3.written)), "an object was put twice"
    status, out, err = fetch(s3, tmp_path)
    assert status == 0, err
    status, said = verify(re.search(r"^recording (.*)$", out, re.M)[1])
    assert status == 0 and len(said["runs"]) > rounds


def test_an_upload_goes_on_where_it_was(ship, s3):
    d = ship(part=100_000)
    gate = threading.Event()

    def fault(op, key, args):
        if op == "part" and args["partNumber"] == "6" and not gate.is_set():
            return 0.5
    s3.fault = fault
    d.start()
    d.put(1100, 1000)
    until(lambda: s3.parts_received == 5)
    d.kill()
    assert len(s3.pending) == 1 and not d.marked()
    gate.set()
    d.start()
    assert d.end() == 0
    all_there(d, s3)
    parts = sum(-(-len(b) // 100_000) for b in d.segments().values() if len(b) > 100_000)
    assert s3.parts_received == parts, "what was there went again"
    stored = [e for e in d.events() if e["event"] == "ship.stored"]
    # Those five, or more where this try was cut as well.
    assert any(e.get("resumed", 0) >= 5 for e in stored), stored


def test_an_upload_that_nobody_knows_is_not_left(ship, s3):
    """The daemon is killed between the store's word that an upload has begun and having written that down; and one is of a file that went."""
    d = ship(part=100_000)
    s3.fault = lambda op, key, args: "lost answer" if op == "begin" and not s3.count else None
    d.start()
    d.put(1100, 1000)
    until(lambda: s3.count)
    d.kill()
    assert s3.pending
    (d.state / "ship" / "upload").write_text("prod/x/gone\ngone+1\n")
    s3.pending["gone+1"] = {"key": "prod/x/gone", "parts": {}}
    d.start()
    assert d.end() == 0
    all_there(d, s3)


def test_an_upload_whose_name_did_not_arrive_is_not_left(ship, s3):
    """Without a restart: the same daemon begins another."""
    lost = []
    s3.fault = lambda op, key, args: lost.append(op) or "lost answer" if op == "begin" and len(lost) < 2 else None
    d = ship(part=100_000).start()
    d.put(1100, 1000)
    assert d.end() == 0
    assert s3.count >= 2
    all_there(d, s3)


@pytest.mark.parametrize("lacks", [{"checksums": False}, {"conditions": False, "checksums": False}, {"lists_uploads": False},
                                   {"opaque_etags": True}, {"opaque_etags": True, "checksums": False}, {"write_only": True}], ids=str)
def test_stores_that_know_less(ship, s3, lacks):
    for k, v in lacks.items():
        setattr(s3, k, v)
    d = ship(part=300_000)
    seen = []
    s3.fault = lambda op, key, args: seen.append(op) or ("lost answer" if op in ("part", "put", "finish") and seen.count(op) == 2 else None)
    for _ in range(2):
        d.start()
        d.put(1200, 1000)
        assert d.end() == 0
        s3.fault = lambda op, key, args: seen.append(op)
    all_there(d, s3)
    # Where it says neither a checksum nor an ETag that is one, what it has is read.
    assert ("get" in seen) == (lacks == {"opaque_etags": True, "checksums": False})


def test_what_the_store_spoiled_is_put_again(ship, s3):
    s3.corrupts = 2 # the seals' key, and a file
    d = ship(part=4 << 20).start()
    d.put(1500, 1000)
    assert d.end() == 0
    all_there(d, s3)
    assert len([e for e in d.events() if e["event"] == "ship.replaced"]) == 2


def test_somebody_put_something_else_there(ship, s3):
    """Under a name that says what is in it; and what was right is not put again."""
    d = ship(part=4 << 20)
    d.start()
    d.put(1500, 1000)
    assert d.end() == 0
    first, second = sorted(k for k in s3.objects["evidence"] if NAME.match(k))
    for mark in (d.state / "recordings").glob("*/*.shipped"):
        mark.unlink() # as on a disk that was restored from an older copy
    s3.objects["evidence"][first] = Object(b"forged", "0" * 32, None)
    s3.written.clear()
    d.start()
    assert d.end() == 0
    all_there(d, s3)
    assert first in s3.written and second not in s3.written


def test_credentials_are_rotated(ship, s3, tmp_path):
    d = ship(part=200_000)
    d.start()
    d.put(1500, 1000)
    until(lambda: len(d.marked()) == 1)
    s3.keys = {"ASIANEW": ("other/secret+", "token/with+signs==" * 8)}
    d.put(1500, 1000)
    until(lambda: any(e["event"] == "ship.failed" and "403" in e["msg"] for e in d.events()))
    had = len(d.marked())
    s3.credentials(tmp_path / "credentials", "ASIANEW")
    until(lambda: len(d.marked()) > had)
    assert d.end() == 0
    all_there(d, s3)
    assert any(e["event"] == "ship.recovered" for e in d.events())
    log = (d.state / "log").read_text()
    assert "other/secret" not in log and "token/with" not in log and "wJalrXUtn" not in log


def test_the_store_is_full(ship, s3):
    s3.room = 1_500_000
    d = ship().start()
    d.put(4000, 1000)
    until(lambda: any("507" in e["msg"] for e in d.events()))
    d.kill()
    marks_hold(d, s3)
    assert len(d.segments()) > len(d.marked()) == 1
    s3.room = None
    d.start()
    assert d.end() == 0
    all_there(d, s3)


def test_a_store_that_is_slow_or_dead_holds_nobody_up(ship, s3):
    s3.rate = 100_000
    d = ship().start()
    started = time.monotonic()
    for _ in range(20):
        d.put(100, 1000) # recorded at once
    assert time.monotonic() - started < 5
    gate = threading.Event()
    s3.fault = lambda op, key, args: gate.wait(30) and None
    until(lambda: s3.asked)
    started = time.monotonic()
    assert d.end() == 0 # it waits ten seconds for the store, and no longer
    assert time.monotonic() - started < 20
    gate.set()
    s3.fault = s3.rate = None
    marks_hold(d, s3)
    d.start()
    assert d.end() == 0
    all_there(d, s3)


def test_one_process_ships(ship, s3):
    """As while a daemon takes over: both record, each a run of its own."""
    a, b = ship(), ship()
    a.start()
    a.put(1500, 1000)
    until(lambda: a.marked())
    b.start()
    b.put(1500, 1000)
    assert a.end() == 0
    until(lambda: any(m.startswith("00000002") for m in b.marked()))
    assert b.end() == 0
    all_there(b, s3)
    assert len(s3.written) == len(set(s3.written))


def test_two_nodes_do_not_meet(ship, s3):
    """Of the same name, as one that was installed anew."""
    a, b = ship("a"), ship("b")
    for d in (a, b):
        d.start()
        d.put(100, 100)
        assert d.end() == 0
    assert len({k.split("/")[3] for k in s3.objects["evidence"]}) == 2
    assert len(s3.written) == len(set(s3.written)) == 4


@pytest.mark.parametrize("url, endpoint, says", [
    ("s3://evidence/x", "http://10.1.2.3:9000", "https://"), ("s3://evidence/x", "http://127.0.0.1.evil.example", "https://"),
    ("s3://evidence/x", "ftp://127.0.0.1", "https://"), ("http://evidence/x", "https://s3.example.org", "s3://"), ("s3://Ev/x", "https://s3.example.org", "bucket"),
    ("s3://evidence/x", "https://s3.example.org/path", "endpoint")])
def test_refused(program, tmp_path, url, endpoint, says):
    (tmp_path / "state").mkdir()
    p = subprocess.run([program, tmp_path / "state", url, endpoint, tmp_path / "none", "1000000"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert p.returncode == 1 and says in p.stderr.splitlines()[-1]
