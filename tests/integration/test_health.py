# SPDX-License-Identifier: MIT
"""What those learn who restart a daemon, or send work to its node: /healthz, /readyz, and systemd's watchdog."""

import ctypes
import http.client
import os
import pathlib
import signal
import socket
import struct
import time

import pytest

from lab import HERE
from test_audit import AuditLab

PORT = 20187 + os.getpid() % 1000
WATCHDOG_S = 1
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


class Manager:
    """systemd's end: what is said, and by which process."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.path)

    def hear(self, seconds=30):
        """(text, pid); None: nothing was said for so long."""
        self.socket.settimeout(seconds)
        try:
            text, ancillary, _, _ = self.socket.recvmsg(256, socket.CMSG_SPACE(12))
        except (TimeoutError, BlockingIOError):
            return None
        return text.decode(), struct.unpack("3i", ancillary[0][2])[0]

    def hear_until(self, text, pid):
        end = time.monotonic() + 60
        while (said := self.hear()) != (text, pid):
            assert said and time.monotonic() < end, said

    def forget(self):
        while self.hear(0):
            pass


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    return Manager(tmp_path_factory.mktemp("systemd") / "notify")


@pytest.fixture(scope="module")
def watched(manager):
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(WATCHDOG_S * 1000000),
           "LAB_DAEMON_ARGS": "--audit-every 1s --metrics-listen 127.0.0.1:%d" % PORT}
    with AuditLab(agents=1, policies=(HERE / "agent1.yaml",), env=env) as up:
        yield up


def ask(path):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    c.request("GET", path)
    answer = c.getresponse()
    body = answer.read().decode()
    c.close()
    return answer.status, dict(line.split(": ", 1) for line in body.splitlines())


def wait_for(path, status):
    end = time.monotonic() + 60
    while (answer := ask(path))[0] != status:
        assert time.monotonic() < end, answer
        time.sleep(0.1)
    return answer[1]


def test_ready_is_said_line_by_line(watched):
    assert ask("/healthz") == (200, {"guarded": "ok", "workers": "ok"})
    assert wait_for("/readyz", 200) == {"guarded": "ok", "workers": "ok", "audit": "ok", "captured": "ok", "recording": "ok"}


def test_not_ready_while_a_cgroup_is_not_seen_to_be_captured(watched):
    path = watched.cgroup("agent1").rsplit("/", 1)[0] + "/frozen"
    os.mkdir(path)
    freeze = pathlib.Path(path, "cgroup.freeze")
    try:
        agent = watched.agent_in(path, "agent1")
        freeze.write_text("1")
        watched.sh("pgveil", "--", "enroll", path)
        lines = wait_for("/readyz", 503)
        assert "frozen" in lines["captured"] and lines["audit"] == "ok", lines
        assert ask("/healthz")[0] == 200
        freeze.write_text("0")
        wait_for("/readyz", 200)
        agent.end()
    finally:
        freeze.write_text("0")
        watched.sh("pgveil", "--", "unenroll", path, check=False)
        watched.wait_until(lambda: not pathlib.Path(path, "cgroup.procs").read_text(), "the cgroup is not left")
        os.rmdir(path)


def worker_of(pid):
    return next(int(t.name) for t in pathlib.Path("/proc/%d/task" % pid).iterdir() if (t / "comm").read_text() == "worker\n")


def test_a_worker_that_is_stuck(watched, manager):
    """One thread alone is stopped: the others go on answering, and say so; the watchdog hears nothing any more."""
    pid = watched.info["daemon_pid"]
    tid = worker_of(pid)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.ptrace(PTRACE_ATTACH, tid, None, None) == 0, os.strerror(ctypes.get_errno())
    try:
        os.waitpid(tid, 0x40000000)  # __WALL
        lines = wait_for("/healthz", 503)
        assert lines["guarded"] == "ok" and "not come round" in lines["workers"], lines
        assert ask("/readyz")[0] == 503
        manager.forget()
        assert manager.hear(3 * WATCHDOG_S) is None
    finally:
        assert libc.ptrace(PTRACE_DETACH, tid, None, None) == 0
    wait_for("/healthz", 200)
    manager.hear_until("WATCHDOG=1", pid)


def test_the_watchdog_hears_from_whoever_is_in_charge(watched, manager):
    old = watched.info["daemon_pid"]
    manager.forget()  # more than the queue holds was left out: that stopped nobody
    manager.hear_until("WATCHDOG=1", old)
    watched.sh("daemon", "upgrade")
    new = int((watched.state / "daemon.pid").read_text().split()[0])
    assert new != old
    manager.hear_until("MAINPID=%d" % new, old)
    manager.hear_until("WATCHDOG=1", new)
    # Stopped, it says nothing: that is what it is killed for.
    os.kill(new, signal.SIGSTOP)
    try:
        while manager.hear(3 * WATCHDOG_S):
            pass
    finally:
        os.kill(new, signal.SIGCONT)
    manager.hear_until("WATCHDOG=1", new)
