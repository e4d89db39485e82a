# SPDX-License-Identifier: MIT
"""What cannot be recorded does not happen: a full disk, none, a quota that is used up; and what is too old or too much goes."""

import contextlib
import os
import pathlib
import tempfile
import time

import pytest

import recording
import wire
from lab import Lab, run
from test_recording import POLICIES, Recorded


@contextlib.contextmanager
def small_disk(size):
    with tempfile.TemporaryDirectory(prefix="pgveil-state-") as d:
        run(["mount", "-t", "tmpfs", "-o", "size=%s" % size, "none", d], check=True)
        try:
            yield pathlib.Path(d)
        finally:
            run(["umount", "-l", d], check=True)


def fill(disk):
    with open(disk / "filler", "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))


def long_names():
    """A list of columns that is on record as it is, and does not fit into what is left of a page."""
    return ", ".join("id AS while_full_%s" % os.urandom(24).hex() for _ in range(100))


def on_disk(disk, *args):
    return {"LAB_DAEMON_ARGS": " ".join(["--state-dir", str(disk), "--record-quota", "0", *args])}


def test_disk_full():
    with small_disk("8m") as disk, Lab(policies=POLICIES, env=on_disk(disk)) as lab:
        session = Recorded(lab, where=disk)
        with session as c:
            c.query("SELECT 1").ok()
            fill(disk)
            refused = None
            while not refused:  # what the last page had room for
                try:
                    lab.login().close()
                except wire.ServerError as e:
                    refused = e
            assert refused.sqlstate == "53100"
            seen = len(lab.server_log())
            for _ in range(3):
                for sql in ("SELECT %s FROM clinic.patient", "SELECT %s FROM clinic.patient WHERE ssn = '1'"):
                    e = c.query(sql % long_names()).error
                    assert e.sqlstate == "53100" and "recording" in str(e)
                    assert c.run(sql % long_names()).error.sqlstate == "53100"
            assert "while_full" not in lab.server_log()[seen:]
            (disk / "filler").unlink()
            assert c.query("SELECT 2").ok().rows == [[b"2"]]
        other = Recorded(lab, "agent2", where=disk)
        with other as c:
            c.query("SELECT 1").ok()
            fill(disk)
            with contextlib.suppress(OSError, wire.Closed):
                while True:
                    c.send(wire.query("SELECT 'there is some room'"))
                    c.until("Z")
        (disk / "filler").unlink()
        s = session.kept()
        assert any(x["event"] == b"record.lost" for x in s.events)
        assert s.result.endswith(session.got[-len(b"SELECT 2"):]) and b"while_full" not in s.result
        recording.verify(disk)
        assert '"event":"record.failed"' in lab.daemon_log()


@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_disk_full_within_a_result(who):
    """What the client got is on record, and then its connection ends."""
    with small_disk("6m") as disk, Lab(policies=POLICIES, env=on_disk(disk)) as lab:
        session = Recorded(lab, who, where=disk)
        with session as c:
            c.send(wire.query("SELECT i, md5(i::text), md5((-i)::text) FROM generate_series(1, 1000000) i"))
            c.drain()
        got = session.got
        assert 1000000 < len(got) < 80000000
        (s,) = [x for x in recording.sessions(disk).values() if x.begin["application_name"] == session.name.encode()]
        assert s.result.startswith(got)


def test_not_required_goes_on():
    with small_disk("6m") as disk, Lab(policies=POLICIES, record="{required: false}", env=on_disk(disk)) as lab:
        for who in ("agent1", "agent2"):
            with Recorded(lab, who, where=disk) as c:
                fill(disk)
                r = c.query("SELECT i, md5(i::text) FROM generate_series(1, 20000) i").ok()
                assert len(r.rows) == 20000
                (disk / "filler").unlink()
        assert '"event":"record.lost"' in lab.daemon_log()
        recording.verify(disk)


def test_no_directory_no_daemon():
    """What cannot record from the start serves nobody."""
    with small_disk("6m") as disk:
        (disk / "recordings").write_text("in the way")
        lab = Lab(policies=POLICIES, env=on_disk(disk))
        try:
            p = lab.sh(*lab.argv, check=False)
            assert p.returncode != 0
            assert b"recordings" in p.stdout + p.stderr
        finally:
            lab.sh("down", check=False)


def test_quota_and_age():
    """The oldest go first, and are known to be gone; where what must stay is too much, statements are refused."""
    with small_disk("64m") as disk, Lab(policies=POLICIES, env={"LAB_DAEMON_ARGS":
                                        "--state-dir %s --record-quota 2MiB --record-segment 512KiB" % disk}) as lab:
        for _ in range(10):
            with Recorded(lab, where=disk) as c:
                c.query("SELECT md5(i::text) FROM generate_series(1, 30000) i").ok()
        end = time.monotonic() + 60
        while int(recording.segments(recording.runs(disk)[0])[0].stem, 16) == 0:
            assert time.monotonic() < end
            time.sleep(0.1)
        gone = [recording.fields(r.body) for r in recording.read(disk) if r.kind == "event"]
        assert any(x["event"] == b"retention.removed" for x in gone)
        with Recorded(lab, where=disk) as c:
            errors = []
            with contextlib.suppress(wire.Closed):  # where it was noticed within a result
                while not errors:
                    assert time.monotonic() < end + 60
                    errors = c.query("SELECT md5(i::text) FROM generate_series(1, 30000) i").errors
            assert not errors or errors[0].sqlstate == "53100"
        end = time.monotonic() + 60
        while True:  # the session ended, and with it what had to stay
            with contextlib.suppress(wire.ServerError, wire.Closed), Recorded(lab, where=disk) as c:
                assert c.query("SELECT 1").ok().rows == [[b"1"]]
                return
            assert time.monotonic() < end
            time.sleep(0.1)
