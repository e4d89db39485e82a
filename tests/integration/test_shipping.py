# SPDX-License-Identifier: MIT
"""The daemon's recordings in a store (tests/s3/store.py): what an agent did is there, the daemon killed and the store gone for a while; and while
the store takes nothing, nothing is lost that waits for it. What fails on the way is in tests/s3."""

import contextlib
import json
import re
import subprocess
import sys
import time

import pytest

import canary
import recording
import wire
from lab import BUILD, ROOT, Lab
from test_operations import metrics
from test_recording import POLICIES, Recorded
from test_recording_disk import small_disk

sys.path.insert(0, str(ROOT / "tests" / "s3"))
from driver import until # noqa: E402
from store import Error, Store # noqa: E402

PGVEIL = ROOT / "build" / BUILD / "pgveil"


@pytest.fixture
def s3():
    with Store() as up:
        yield up


def args(s3, where, *more):
    s3.credentials(where / "credentials")
    return {"LAB_DAEMON_ARGS": " ".join(["--ship s3://evidence/prod --ship-endpoint %s --ship-credentials %s/credentials --ship-region %s --ship-node node-a" % (
        s3.url, where, s3.region), *more])}


def files(s3):
    return [k for k in s3.objects["evidence"] if k.endswith(".pgveil")]


def fetched(s3, where):
    p = subprocess.run([PGVEIL, "sessions", "fetch", "--from", "s3://evidence/prod/node-a", "--endpoint", s3.url, "--region", s3.region, "--credentials",
                        where / "credentials", "--output", where / "there"], capture_output=True, text=True)
    assert p.returncode == 0, p.stderr
    return re.search(r"^recording (.*)$", p.stdout, re.M)[1]


def answered(*command):
    p = subprocess.run([PGVEIL, "sessions", *command], capture_output=True, text=True)
    return p.returncode, p.stdout + p.stderr


def status(lab):
    return json.loads(lab.sh("pgveil", "--", "--json", "status").stdout)["ship"]


def test_what_an_agent_did_is_in_the_store(s3, tmp_path):
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    key.chmod(0o600)
    with Lab(policies=POLICIES, env=args(s3, tmp_path, "--ship-after 1s", "--record-key %s" % key)) as lab:
        with Recorded(lab) as c:
            c.query("SELECT name FROM clinic.patient").ok()
        until(lambda: any("/00000001/" in k for k in files(s3)))
        s3.stop() # it is gone, …
        with Recorded(lab) as c:
            c.query("SELECT 2 AS while_it_was_gone").ok()
        until(lambda: status(lab)["trouble"] and status(lab)["waiting"])
        assert metrics(lab)["pgveil_ship_failing", ()] == 1 and metrics(lab)["pgveil_ship_waiting_files", ()] > 0
        assert "NOT SHIPPED" in lab.sh("pgveil", "--", "status").stdout.decode()
        lab.sh("daemon", "kill") # … and so is the daemon
        s3.start()
        lab.sh("daemon", "start")
        with Recorded(lab) as c:
            c.query("SELECT 3").ok()
        until(lambda: any("/00000002/" in k for k in files(s3)) and not status(lab)["waiting"] and not status(lab)["trouble"])
        seal = (lab.state / "state" / "recordings" / "seal.pub").read_text()
        lab.sh("daemon", "stop") # what was open is closed, and goes
        runs = {p.parent.name: p.read_bytes() for p in (lab.state / "state" / "recordings").glob("*/*.pgveil")}
        assert sorted(s3.written) == sorted(s3.objects["evidence"]) and len(files(s3)) == len(list((lab.state / "state" / "recordings").glob("*/*.pgveil")))
        assert {o.data for k, o in s3.objects["evidence"].items() if k.endswith(".pgveil")} >= set(runs.values())
        there = fetched(s3, tmp_path)
        (tmp_path / "seal.pub").write_text(seal)
        code, said = answered("verify", "--recordings", there, "--signer", str(tmp_path / "seal.pub"), "--key", str(key))
        assert code == 0 and "sound" in said, said
        code, said = answered("ls", "--recordings", there, "--key", str(key), "--json")
        assert code == 0 and len(said.splitlines()) == 3, said
        # It went as it is on the disk: nobody on the way, and not the store, reads any of it.
        assert not any(b"while_it_was_gone" in o.data for o in s3.objects["evidence"].values())
        assert not canary.found(b"".join(o.data for o in s3.objects["evidence"].values()))
        log = lab.daemon_log()
        assert "wJalrXUtn" not in log and {"ship.opened", "ship.stored", "ship.failed"} <= {json.loads(l)["event"] for l in log.splitlines() if l}
        lab.sh("daemon", "start")


def test_what_waits_for_the_store_is_not_removed(s3, tmp_path):
    """The quota is used up by it: statements are refused, as on a full disk, until the store has taken some."""
    s3.fault = lambda op, key, a: Error(503, "SlowDown")
    with small_disk("64m") as disk, Lab(policies=POLICIES, env=args(
            s3, tmp_path, "--state-dir %s --record-quota 2MiB --record-segment 512KiB --record-keep 1s" % disk)) as lab:
        lines = lambda: [json.loads(l) for l in lab.daemon_log().splitlines() if l] # noqa: E731
        end = time.monotonic() + 90
        while not any(l["event"] == "record.held" for l in lines()):
            assert time.monotonic() < end
            with contextlib.suppress(wire.ServerError, wire.Closed), Recorded(lab, where=disk) as c:
                c.query("SELECT md5(i::text) FROM generate_series(1, 30000) i")
        with pytest.raises(wire.ServerError) as e:
            lab.login()
        assert e.value.sqlstate == "53100"
        assert metrics(lab)["pgveil_record_held", ()] == 1
        run = recording.runs(disk)[0]
        assert int(recording.segments(run)[0].stem, 16) == 0, "the oldest went"
        s3.fault = None
        until(lambda: not metrics(lab)["pgveil_record_held", ()], 90)
        until(lambda: int(recording.segments(run)[0].stem, 16) > 0)
        with Recorded(lab, where=disk) as c:
            assert c.query("SELECT 1").ok().rows == [[b"1"]]
        lab.sh("daemon", "stop")
        code, said = answered("verify", "--recordings", fetched(s3, tmp_path))
        assert code == 0 and "were removed" not in said, said # all of it, from the first record on
        lab.sh("daemon", "start")


@pytest.mark.parametrize("more, says", [([], "--ship-endpoint"), (["--ship-endpoint", "https://s3.example.org"], "--ship-credentials"),
                                        (["--ship-full", "perhaps"], "--ship-full"), (["--ship-after", "soon"], "--ship-after")])
def test_started_wrongly(more, says):
    p = subprocess.run([ROOT / "build" / BUILD / "pgveild", "--policy", "/none", "--ship", "s3://evidence/x", *more], capture_output=True, text=True)
    assert p.returncode not in (0, -6) and says in p.stderr.splitlines()[0]
