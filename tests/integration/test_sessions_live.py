# SPDX-License-Identifier: MIT
"""`pgveil sessions` over what the daemon records: a real session is found, replayed, followed while it lasts, and ended."""

import json
import os
import select
import subprocess
import threading
import time

import pytest

import canary
import wire
from lab import PSQL, marker
from recordings import PGVEIL, pgveil


@pytest.fixture
def where(lab):
    return lab.state / "state" / "recordings"


def listed(where, *args):
    p = pgveil(where, "ls", "--json", *args)
    assert p.returncode == 0 and p.stderr == b"", p.stderr
    return [json.loads(line) for line in p.stdout.splitlines()]


def recorded(lab, where, client):
    """The ID of a raw client's session, which has asked something that no other did."""
    m = marker()
    client.query("SELECT 1 AS %s" % m)
    return next(s["id"] for s in listed(where, "--open") if m in pgveil(where, "show", s["id"]).stdout.decode())


def test_a_session_of_psql_is_replayed_as_psql_showed_it(lab, where):
    m = marker()
    p = lab.agent(PSQL, "-X", "-q", "-c", "SELECT id, name, ssn, email FROM clinic.patient ORDER BY id LIMIT 3", "-c", "SELECT 7 AS %s" % m,
                  "-c", "COPY (SELECT id, ssn FROM clinic.patient WHERE id < 3) TO STDOUT", "-c", "SELECT 1/0", "-c", "SELECT ssn || 'x' FROM clinic.patient WHERE ssn = 'no'")
    seen = p.stdout.decode()
    assert "(3 rows)" in seen
    found = next(s for s in listed(where, "--relation", "clinic.patient", "--limit", "3") if m in pgveil(where, "show", s["id"]).stdout.decode())
    assert found["comm"] == "psql" and found["cgroup"].endswith("/agent1") and found["dbname"] == lab.dbname and found["masked_cells"] >= 6
    assert found["id"] in [s["id"] for s in listed(where, "--column", "clinic.patient.ssn")]
    assert found["id"] in [s["id"] for s in listed(where, "--verdict", "deny")]
    replay = pgveil(where, "replay", found["id"]).stdout.decode()
    # Each table and each line as psql printed it; psql sets a heading and what is longest alike.
    for line in seen.splitlines():
        if line.strip():
            assert line.rstrip().replace("\t", "    ") in replay, (line, replay)
    assert "division by zero" in replay and m in replay and "-- deny" in replay
    for fmt in ("jsonl", "html", "asciicast"):
        out = pgveil(where, "export", found["id"], "--format", fmt)
        assert out.returncode == 0 and m.encode() in out.stdout
        assert canary.found(out.stdout) == []
    assert canary.found(replay.encode()) == []
    assert pgveil(where, "verify", "--signer", where / "seal.pub").returncode == 0


def test_every_row_is_what_the_client_got(lab, where):
    """Simple, prepared with results in binary, and without a Describe."""
    with lab.login() as c:
        ident = recorded(lab, where, c)
        c.send(wire.parse("SELECT id, weight, active, ssn FROM clinic.patient WHERE id < $1 ORDER BY id", "s1", (23,)) + wire.describe("S", "s1") + wire.sync())
        c.until("Z")
        for formats in ((1,), (0,), (0, 1, 0, 0)):
            c.send(wire.bind("s1", "", (b"4",), formats) + wire.execute() + wire.sync())
            c.until("Z")
        c.query("SELECT 'a' || chr(10) || chr(27) AS x, NULL AS y")
        got = bytes(c.received)
    rows = [json.loads(l) for l in pgveil(where, "export", ident, "--format", "jsonl").stdout.splitlines()]
    values = [r["values"] for r in rows if r["type"] == "row"][1:]
    text = [[v[0], float(v[1]), v[2], v[3]] for v in values[:9]]
    assert text[0:3] == text[3:6] == text[6:9] and text[0][0] == "1" and text[0][1] == 51.5 and text[1][2] == "t"
    assert values[9] == ["a\n\x1b", None]
    # Nothing is in it that the client did not get.
    assert values[3][3].encode() in got


def test_tail_follows_all_and_one(lab, where):
    with lab.login() as c:
        ident = recorded(lab, where, c)
        tails = [subprocess.Popen([str(PGVEIL), "sessions", "tail", *args, "--recordings", str(where)], stdout=subprocess.PIPE, bufsize=0)
                 for args in ([], ["--json"], [ident])]
        try:
            def until(tail, text):
                out, end = b"", time.monotonic() + 30
                while text not in out:
                    assert select.select([tail.stdout], [], [], max(0, end - time.monotonic()))[0], out
                    part = os.read(tail.stdout.fileno(), 65536)
                    assert part, out
                    out += part
                return out
            # The one that began with the session's beginning has come to its end; the others look from then on.
            until(tails[2], b"1 row")
            for i in range(200):
                m = marker()
                c.query("SELECT ssn AS %s FROM clinic.patient WHERE id = 1" % m)
                if select.select([tails[0].stdout], [], [], 0.2)[0] and select.select([tails[1].stdout], [], [], 0.2)[0]:
                    break
            m = marker()
            c.query("SELECT ssn AS %s FROM clinic.patient WHERE id = 1" % m)
            line = [l for l in until(tails[0], b"AS " + m.encode()).decode().splitlines() if m in l][0]
            assert ident in line and " allow query SELECT ssn AS" in line
            until(tails[1], m.encode())
            out = until(tails[2], m.encode())
            if b"masked" not in out[out.index(m.encode()):]:
                until(tails[2], b"masked")
            assert b"lab=> " in out or lab.dbname.encode() + b"=> " in out
            assert tails[2].poll() is None
            # It ends with what it follows.
            c.close()
            until(tails[2], b"-- ended")
            assert tails[2].wait(20) == 0
        finally:
            for t in tails:
                t.kill()
                t.wait()


def test_kill_ends_a_session_and_what_it_runs(lab, where):
    with lab.login() as c, lab.login() as other:
        ident, m = recorded(lab, where, c), marker()
        c.send(wire.query("SELECT pg_sleep(600) AS %s" % m))
        running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%AS %s' AND pid <> pg_backend_pid()" % m
        for _ in range(200):
            if lab.dba_psql(running) == "1":
                break
        assert lab.dba_psql(running) == "1"
        status = json.loads(lab.sh("pgveil", "--", "flows", "--json").stdout)
        assert ident in [(f["session"] or {}).get("recording") for f in status]
        p = lab.sh("pgveil", "--", "sessions", "kill", ident, check=False)
        assert p.returncode == 0, p.stderr
        with pytest.raises((wire.ServerError, wire.Closed)) as e:
            while True:
                kind, body = c.read()
                if kind == "E":
                    raise wire.ServerError(wire.fields(body))
        assert getattr(e.value, "sqlstate", None) == "57P01", e.value
        for _ in range(400):
            if lab.dba_psql(running) == "0":
                break
        assert lab.dba_psql(running) == "0"
        # Others are not touched, and one that is gone is not there.
        other.query("SELECT 1")
        for gone in (ident, "99-1", "1-99999999"):
            p = lab.sh("pgveil", "--", "sessions", "kill", gone, check=False)
            assert p.returncode == 1 and b"no such session" in p.stderr
        assert "session.killed" in lab.daemon_log()


def test_kill_is_not_for_agents(lab, where):
    with lab.login() as c:
        ident = recorded(lab, where, c)
        p = lab.agent(PGVEIL, "--run-dir", lab.state / "run", "sessions", "kill", ident)
        assert p.returncode == 1
        c.query("SELECT 1")


def test_a_restart_is_another_run_and_all_of_it_verifies(own_lab):
    lab = own_lab()
    where = lab.state / "state" / "recordings"
    heads = []
    for _ in range(3):
        lab.agent_psql("SELECT 1")
        lab.sh("daemon", "restart")
        said = json.loads(pgveil(where, "verify", "--json").stdout)
        assert said["sound"]
        heads.append(said["runs"][-1]["head"])
    assert len(said["runs"]) == 4 and {s["id"] for s in listed(where)} == {"1-1", "2-1", "3-1"}
    for head in heads:
        assert json.loads(pgveil(where, "verify", "--json", "--head", head).stdout)["anchored"]
    # What the log told is in it.
    told = [json.loads(l)["head"] for l in lab.daemon_log().splitlines() if '"record.sealed"' in l]
    assert told and json.loads(pgveil(where, "verify", "--json", "--head", told[-1]).stdout)["anchored"]
    # While it is written it can be read.
    stop = threading.Event()

    def load():
        with lab.login() as c:
            while not stop.is_set():
                c.query("SELECT ssn FROM clinic.patient")
    t = threading.Thread(target=load)
    t.start()
    try:
        for _ in range(20):
            said = json.loads(pgveil(where, "verify", "--json").stdout)
            assert said["sound"], said
            listed(where)
    finally:
        stop.set()
        t.join()
    (where / "00000002").rename(where / "gone")
    assert json.loads(pgveil(where, "verify", "--json").stdout)["broken"]["fault"] == "run"
