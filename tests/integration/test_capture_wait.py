# SPDX-License-Identifier: MIT
"""What tells from inside, or of this very daemon, that capture works, and what does not let go of who is still enrolled: `pgveil wait`, `pgveil
ready`, `pgveil uninstall --unless-enrolled`."""

import json
import os
import subprocess

import pytest

from lab import BUILD, PYTHON, ROOT, run
from test_audit import AuditLab

PGVEIL = ROOT / "build" / BUILD / "pgveil"

# Has what is nobody's, and answers as the engine does: a gateway that accepts everything.
GATEWAY = r"""
import socket, subprocess
subprocess.run(["ip", "addr", "add", "192.0.2.1/32", "dev", "lo"], check=True)
s = socket.create_server(("192.0.2.1", %d))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    if c.recv(8):
        c.send(b"N")
"""


@pytest.fixture(scope="module")
def lab():
    with AuditLab(agents=2) as up:
        yield up


def wait(lab, who, *args, netns=None):
    argv = lab.into(who, netns) + [PGVEIL, "--json", "wait", "--port", str(lab.port), "--timeout", "1500ms", *args]
    p = run(argv, env=lab.env)
    return p.returncode, json.loads(p.stdout)


def test_wait(lab):
    assert wait(lab, "agent1") == (0, {"captured": True, "why": ""})
    code, said = wait(lab, "unknown")
    assert code == 1 and not said["captured"] and "not classified" in said["why"]
    # Whoever is nobody's subject is no agent, and must not be taken for one.
    code, said = wait(lab, None, netns="agent2")
    assert code == 1 and said["why"].startswith("not captured")
    # Of a port that no policy names nothing is captured.
    assert wait(lab, "agent1", "--port", "1")[0] == 1


def test_wait_is_not_deceived_by_a_gateway(lab):
    inside = ["nsenter", "--net=/run/netns/pgveil-%s-agent2" % lab.name, "--"]
    gateway = subprocess.Popen([*inside, PYTHON, "-c", GATEWAY % lab.port], stdout=subprocess.PIPE)
    try:
        assert gateway.stdout.readline() == b"ready\n"
        code, said = wait(lab, None, netns="agent2")
        assert code == 1 and "somebody in the network" in said["why"]
        # Who is captured never gets there.
        assert wait(lab, "agent2")[0] == 0
    finally:
        gateway.kill()
        gateway.wait()
        run([*inside, "ip", "addr", "del", "192.0.2.1/32", "dev", "lo"])


def ready(lab, *before, here=True):
    p = run([*before, PGVEIL, "--run-dir", lab.state / "run", "ready", *(["--here"] if here else [])])
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def test_ready(lab):
    lab.wait_until(lambda: ready(lab, here=False)[0] == 0, "it is not ready: %s" % (ready(lab, here=False),))
    assert "captured: ok" in ready(lab, here=False)[1].splitlines()
    other = "%s-probe" % os.path.dirname(lab.cgroup("agent1"))
    os.mkdir(other)
    try:
        code, said, error = ready(lab, "sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', other)
        assert code == 1 and "captured: ok" in said and "another pgveild answers here" in error
    finally:
        os.rmdir(other)
    assert ready(lab)[0] == 0  # the daemon is where the tests are


def test_uninstall_lets_go_of_nobody(lab):
    """Run last: it takes the pins away."""
    uninstall = [PGVEIL, "--run-dir", lab.state / "run", "--pin-dir", lab.state / "bpf" / "pgveil", "uninstall", "--unless-enrolled"]
    p = run(uninstall)
    assert p.returncode == 1 and b"pgveild is running" in p.stderr
    lab.sh("daemon", "stop")
    p = run(uninstall)
    assert p.returncode == 1 and lab.cgroup("agent1").encode()[:-1] in p.stderr and b"is enrolled" in p.stderr
    # Nothing was taken away: who is enrolled is refused still.
    with pytest.raises(ConnectionRefusedError):
        lab.dial("agent1")
    lab.hang_up()
    for agent in ("agent1", "agent2"):
        os.rmdir(lab.cgroup(agent))
    p = run(uninstall)
    assert p.returncode == 0, p.stderr
    assert not (lab.state / "bpf" / "pgveil").exists()
    with pytest.raises(OSError):
        os.stat(lab.cgroup("agent1"))
    os.mkdir(lab.cgroup("agent1"))
    os.mkdir(lab.cgroup("agent2"))
