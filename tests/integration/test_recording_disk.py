# SPDX-License-Identifier: MIT
"""What cannot be recorded does not happen: a full disk, none, a quota that is used up; and what is too old or too much goes."""

import contextlib
import os
import pathlib
import subprocess
import tempfile
import time

import pytest

import recording
import wire
from lab import BUILD, Lab, run
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


# ---- a disk that turns read-only while it runs ----

RESULT = "SELECT i, md5(i::text), md5((-i)::text) FROM generate_series(1, 3000000) i"


def refused_login(lab):
    with pytest.raises(wire.ServerError) as e:
        lab.login()
    assert e.value.sqlstate == "53100"


def failing(lab):
    text = lab.sh("pgveil", "--", "metrics").stdout.decode()
    return [line.split()[-1] for line in text.splitlines() if line.startswith("pgveil_record_failing ")][0]


@contextlib.contextmanager
def disk_that_breaks(size=256 << 20):
    """ext4, which turns itself read-only when it is told that it has an error; repaired and mounted anew by the third."""
    with tempfile.TemporaryDirectory(prefix="pgveil-ext4-") as d:
        image, where = pathlib.Path(d) / "image", pathlib.Path(d) / "state"
        where.mkdir()
        with open(image, "wb") as f:
            f.truncate(size)
        run(["mkfs.ext4", "-q", "-F", image], check=True)

        def mount():
            return run(["mount", "-o", "loop,errors=remount-ro", image, where])

        def break_it():
            device = next(line.split()[0] for line in pathlib.Path("/proc/mounts").read_text().splitlines() if line.split()[1] == str(where))
            pathlib.Path("/sys/fs/ext4/%s/trigger_fs_error" % pathlib.Path(device).name).write_text("a test")

        def repair():
            run(["umount", where], check=True)
            assert run(["e2fsck", "-fy", image]).returncode < 4
            assert mount().returncode == 0

        mounted = mount()
        if mounted.returncode:
            pytest.skip("no ext4 can be mounted here: " + mounted.stderr.decode())
        try:
            yield where, break_it, repair
        finally:
            run(["umount", "-l", where])


def test_disk_turns_read_only():
    """In the middle of a result: its connection ends, and nothing passes until the daemon is started on a disk that can be written. It
    verifies then, and says where the run before it ended unsealed."""
    with disk_that_breaks() as (disk, break_it, repair), Lab(policies=POLICIES, env=on_disk(disk, "--record-fsync", "statement")) as lab:
        idle, within = Recorded(lab, where=disk), Recorded(lab, "agent2", where=disk)
        with idle as c, within as big:
            c.query("SELECT 'before'").ok()
            big.send(wire.query(RESULT))
            while len(big.received) < 300000:
                big.read()
            break_it()
            with contextlib.suppress(OSError, wire.Closed):
                big.drain()
            assert len(within.got) < 200000000
            seen = len(lab.server_log())
            for sql in ("SELECT %s FROM clinic.patient" % long_names(), "DELETE FROM clinic.patient"):
                assert c.query(sql).error.sqlstate == "53100"
                assert c.run(sql).error.sqlstate == "53100"
            refused_login(lab)
            assert "while_full" not in lab.server_log()[seen:] and "DELETE FROM clinic" not in lab.server_log()[seen:]
            assert failing(lab) == "1" and '"event":"record.failed"' in lab.daemon_log()
        lab.sh("daemon", "kill")
        repair()
        kept = {s.begin["application_name"].decode(): s for s in recording.sessions(disk).values()}
        assert kept[idle.name].result and b"before" in kept[idle.name].result
        # Of what it was given in the moment of its error ext4 drops some, and answers fdatasync() with 0: that is a block of the result or two.
        had = kept[within.name].result
        assert had.startswith(within.got) or (within.got.startswith(had) and len(within.got) - len(had) <= 2 * 131072), (len(had), len(within.got))
        lab.sh("daemon", "start")
        again = Recorded(lab, where=disk)
        with again as c:
            c.query("SELECT 'after'").ok()
        assert again.kept().result == again.got
        recording.verify(disk)
        out = lab.sh("pgveil", "--", "sessions", "verify", "--recordings", disk / "recordings").stdout.decode()
        assert "sound" in out and "are not sealed" in out, out


READ_ONLY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* What the kernel answers below a mount that is read-only, as long as there is a file of that name. */
static int is(int fd)
{
	char link[64], path[4096];
	ssize_t n;
	if (access(getenv("READ_ONLY_FLAG"), F_OK))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return 0;
	path[n] = 0;
	return strstr(path, getenv("READ_ONLY_BELOW")) == path && (errno = EROFS);
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
ssize_t write(int fd, const void *p, size_t n) { return is(fd) ? -1 : REAL(write)(fd, p, n); }
int ftruncate(int fd, off_t n) { return is(fd) ? -1 : REAL(ftruncate)(fd, n); }
int ftruncate64(int fd, off64_t n) { return is(fd) ? -1 : REAL(ftruncate64)(fd, n); }
int unlinkat(int fd, const char *p, int f) { return is(fd) ? -1 : REAL(unlinkat)(fd, p, f); }
int mkdirat(int fd, const char *p, mode_t m) { return is(fd) ? -1 : REAL(mkdirat)(fd, p, m); }
int renameat2(int a, const char *p, int b, const char *q, unsigned f) { return is(a) ? -1 : REAL(renameat2)(a, p, b, q, f); }
static int creates(int fd, int flags) { return (flags & (O_CREAT | O_WRONLY | O_RDWR)) && is(fd); }
int openat(int fd, const char *p, int flags, ...)
{
	va_list ap;
	mode_t m;
	va_start(ap, flags);
	m = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return creates(fd, flags) ? -1 : REAL(openat)(fd, p, flags, m);
}
int openat64(int fd, const char *p, int flags, ...)
{
	va_list ap;
	mode_t m;
	va_start(ap, flags);
	m = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return creates(fd, flags) ? -1 : REAL(openat64)(fd, p, flags, m);
}
"""


@pytest.mark.skipif(BUILD == "asan", reason="a sanitizer's library must come first")
@pytest.mark.parametrize("who", ["agent1", "agent2"])
def test_disk_is_read_only_for_a_while(who):
    """The kernel remounts nothing read-only that is written, so its answer is given in its place. When it can be written again the session
    goes on where nothing was lost, and the gap is on record."""
    with tempfile.TemporaryDirectory(prefix="pgveil-ro-") as d, small_disk("256m") as disk:
        folder = pathlib.Path(d)
        folder.chmod(0o755)
        (folder / "ro.c").write_text(READ_ONLY)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", folder / "ro.so", folder / "ro.c", "-ldl"], check=True)
        flag = folder / "flag"
        env = {**on_disk(disk, "--record-segment", "512KiB"), "LD_PRELOAD": str(folder / "ro.so"), "READ_ONLY_FLAG": str(flag), "READ_ONLY_BELOW": str(disk)}
        with Lab(policies=POLICIES, env=env) as lab:
            idle, within = Recorded(lab, where=disk), Recorded(lab, who, where=disk)
            with idle as c, within as big:
                c.query("SELECT 'before'").ok()
                big.send(wire.query(RESULT))
                while len(big.received) < 700000:
                    big.read()
                flag.touch()
                with contextlib.suppress(OSError, wire.Closed):
                    big.drain()
                assert 600000 < len(within.got) < 200000000
                seen = len(lab.server_log())
                for sql in ("SELECT %s FROM clinic.patient" % long_names(), "DELETE FROM clinic.patient"):
                    assert c.query(sql).error.sqlstate == "53100"
                    assert c.run(sql).error.sqlstate == "53100"
                refused_login(lab)
                assert "while_full" not in lab.server_log()[seen:] and "DELETE FROM clinic" not in lab.server_log()[seen:]
                assert failing(lab) == "1"
                flag.unlink()
                assert c.query("SELECT 'after'").ok().rows == [[b"after"]]
                assert failing(lab) == "0"
            s = idle.kept()
            assert any(x["event"] == b"record.lost" and int(x["event_text"][0]) > 0 for x in s.events)
            assert b"before" in s.result and b"after" in s.result and b"while_full" not in s.result
            assert "DELETE FROM clinic.patient" not in s.texts()
            kept = {x.begin["application_name"].decode(): x for x in recording.sessions(disk).values()}
            assert kept[within.name].result.startswith(within.got)
            recording.verify(disk)
            out = lab.sh("pgveil", "--", "sessions", "verify", "--recordings", disk / "recordings").stdout.decode()
            assert "sound" in out, out
            shown = lab.sh("pgveil", "--", "sessions", "show", "1-%d" % s.id, "--recordings", disk / "recordings").stdout.decode()
            assert "record.lost" in shown
