# SPDX-License-Identifier: MIT
"""What a server's unix socket is called elsewhere: where the BPF LSM is on, an alias of it is refused where it is reached."""

import contextlib
import json
import os
import pathlib
import subprocess

import pytest

from lab import HERE, Lab
from test_unix import say

LSMS = pathlib.Path("/sys/kernel/security/lsm")
EACCES, ECONNREFUSED = 13, 111


@pytest.fixture(scope="module")
def lab():
    if not LSMS.exists() or "bpf" not in LSMS.read_text().strip().split(","):
        pytest.skip("the BPF LSM is not on")
    with Lab(policies=(HERE / "unix.yaml",), agents=1) as lab:
        lab.set_hba("local all all scram-sha-256")
        (lab.state / "sock").chmod(0o755)
        yield lab


@pytest.fixture(scope="module")
def aliases(lab):
    """Where they are that somebody else made for the agent, by how."""
    sock, place = lab.state / "sock" / (".s.PGSQL.%d" % lab.port), lab.state / "home"
    with contextlib.ExitStack() as stack:
        (place / "symlink").symlink_to(sock)
        os.link(sock, place / "hardlink")
        for name, of in (("bind", sock), ("directory", sock.parent)):
            (place / name).touch() if of is sock else (place / name).mkdir()
            subprocess.run(["mount", "--bind", of, place / name], check=True)
            stack.callback(subprocess.run, ["umount", place / name], check=True)
        (place / "inside").symlink_to(place / "directory" / sock.name)
        yield {how: str(place / how) for how in ("symlink", "hardlink", "bind", "inside")}


def status(lab):
    return json.loads(lab.sh("pgveil", "--", "status", "--json").stdout)


def refused(lab):
    return status(lab)["kernel"]["refused_unix_reach"]


@pytest.mark.parametrize("how", ["symlink", "hardlink", "bind", "inside"])
def test_an_alias_is_refused_where_it_is_reached(lab, aliases, how):
    before = refused(lab)
    assert say(lab, aliases[how], who="agent1") == [EACCES]
    assert refused(lab) == before + 1


def test_the_event_has_the_name_that_the_server_gave_it(lab, aliases):
    say(lab, aliases["symlink"])
    refused(lab)  # the control thread has had its turn
    told = [json.loads(line) for line in lab.daemon_log().splitlines() if '"connect.refused"' in line]
    assert "%s/sock/.s.PGSQL.%d" % (lab.state, lab.port) in {t["address"] for t in told}


def test_who_is_not_classified_is_refused_by_an_alias_too(lab, aliases):
    assert say(lab, *aliases.values(), who="unknown") == [ECONNREFUSED] * len(aliases)


def test_the_servers_own_name(lab):
    """Turned to the engine where connects are seen, refused where only what they reach is."""
    captured = {"captured": "R", "refused": EACCES}[status(lab)["unix_sockets"]]
    assert say(lab, "%s/sock/.s.PGSQL.%d" % (lab.state, lab.port)) == [captured]


def test_who_is_outside_is_not_touched(lab, aliases):
    code = "import socket\nfor a in %r:\n    socket.socket(socket.AF_UNIX).connect(a)" % (list(aliases.values()),)
    subprocess.run(["/usr/bin/python3", "-I", "-c", code], check=True, timeout=60)


def test_other_sockets_are_not_touched(lab):
    code = r"""
import json, os, socket
os.chdir(os.environ["HOME"])
held = []
for i, name in enumerate(("s.PGSQL.5432", "x.s.PGSQL.5432", "\0other")):
    server, c = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    server.bind(name)
    server.listen()
    c.connect(name)
    held += [server, c]
a, b = socket.socketpair()
a.send(b"x")
print(json.dumps(b.recv(1) == b"x"))
"""
    assert lab.script(code)[0] is True


def test_a_socket_that_the_subject_gave_a_servers_name(lab):
    """Nor is one reached that is named so, whoever listens."""
    code = r"""
import json, os, socket
os.chdir(os.environ["HOME"])
server, c = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
server.bind(".s.PGSQL.6000")
server.listen()
os.rename(".s.PGSQL.6000", "renamed")
print(json.dumps(c.connect_ex("renamed")))
"""
    assert lab.script(code)[0] == EACCES
