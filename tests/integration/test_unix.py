# SPDX-License-Identifier: MIT
"""A database's unix socket: turned to the engine by its name, served by the policy's entry, refused otherwise."""

import json
import re
import subprocess

import pytest

from lab import HERE, PSQL, Lab

# What a process is told at a socket's address (in repr), one line of JSON each: the errno, or the SQLSTATE that it is closed with.
SAY = r"""
import json, socket, struct, sys
def say(address, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind)
    s.settimeout(20)
    try:
        s.connect(address)
    except OSError as e:
        return e.errno
    body = struct.pack("!i", 196608) + b"user\0agent\0database\0lab\0\0"
    s.sendall(struct.pack("!i", len(body) + 4) + body)
    got = s.recv(4096)
    return got[got.index(b"\0C") + 2:][:5].decode() if got[:1] == b"E" else got[:1].decode()
print(json.dumps([say(a) for a in %r]))
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(policies=(HERE / "unix.yaml",), agents=1) as lab:
        status = json.loads(lab.sh("pgveil", "--", "status", "--json").stdout)
        if not status["unix_sockets"].startswith("captured"):
            pytest.skip("this kernel cannot turn unix sockets")
        lab.set_hba("local all all scram-sha-256")
        yield lab


def say(lab, *addresses, who="agent1"):
    return lab.script(SAY % (addresses,), who=who)[0]


def psql(lab, sql, host=None):
    return lab.agent(PSQL, "-XqAt", "-h", host or lab.state / "sock", "-c", sql)


def test_psql_by_the_sockets_directory_is_masked(lab):
    p = psql(lab, "SELECT email FROM clinic.patient ORDER BY id LIMIT 3")
    assert p.returncode == 0, p.stderr
    tcp = lab.agent_psql("SELECT email FROM clinic.patient ORDER BY id LIMIT 3")
    assert p.stdout == tcp.stdout and p.stdout
    assert lab.dba_psql("SELECT email FROM clinic.patient ORDER BY id LIMIT 1") not in p.stdout.decode()
    assert psql(lab, "SELECT inet_client_addr() IS NULL").stdout.decode().strip() == "t", "the engine came by the socket"


def test_the_same_path_by_other_bytes(lab):
    path = "%s/.s.PGSQL.%d" % (lab.state / "sock", lab.port)
    assert say(lab, "/" + path, path.replace("/sock/", "//sock/./"), path.encode() + b"\0") == ["R"] * 3


def test_what_no_entry_has_is_refused(lab):
    path = "%s/.s.PGSQL.%d" % (lab.state / "sock", lab.port)
    others = [path.replace("/sock/", "/sock/../sock/"), "./.s.PGSQL.5432", ".s.PGSQL.5432", "../../" + path, "/tmp/.s.PGSQL.5432", path + "1",
              b"\0pg/.s.PGSQL.5432", b"\0" + path.encode()]
    assert say(lab, *others) == ["08004"] * len(others)


def test_unclassified_processes_are_refused_with_the_path_in_the_event(lab):
    path = "/tmp/unclassified/.s.PGSQL.5432"
    assert say(lab, path, b"\0unclassified/.s.PGSQL.5432", who="unknown") == [111, 111]
    assert lab.sh("pgveil", "--", "status").returncode == 0  # the control thread has had its turn
    told = [json.loads(line) for line in lab.daemon_log().splitlines() if '"connect.refused"' in line]
    assert {"/tmp/unclassified/.s.PGSQL.5432", "@unclassified/.s.PGSQL.5432"} <= {t["address"] for t in told}


def test_other_names_are_not_touched(lab):
    assert say(lab, "/tmp/no-such-socket", "/tmp/x.s.PGSQL.5432", who="unknown") == [2, 2]


def test_who_dials_the_listener_itself_is_closed(lab):
    code = r"""
import json, re, socket
name = re.search(r"@(pgveil-[0-9a-f]+)", open("/proc/net/unix").read()).group(1)
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect("\0" + name)
print(json.dumps(s.recv(1) == b""))
"""
    assert lab.script(code)[0] is True


def test_a_cancel_request(lab):
    code = r"""
import json, socket, struct
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(%r)
    return s
s = connect()
body = struct.pack("!i", 196608) + b"user\0agent\0database\0lab\0\0"
s.sendall(struct.pack("!i", len(body) + 4) + body)
got = b""
while b"Z\0\0\0\5I" not in got:
    got += s.recv(65536)
key = got[got.index(b"K\0\0\0\14") + 5:][:8]
sql = b"SELECT pg_sleep(20)\0"
s.sendall(b"Q" + struct.pack("!i", len(sql) + 4) + sql)
while True:
    c = connect()
    c.sendall(struct.pack("!ii", 16, 80877102) + key)
    assert c.recv(1) == b""
    s.settimeout(0.5)
    try:
        got = s.recv(65536)
        break
    except TimeoutError:
        pass
print(json.dumps(got[got.index(b"\0C") + 2:][:5].decode()))
""" % ("%s/.s.PGSQL.%d" % (lab.state / "sock", lab.port))
    assert lab.script(code)[0] == "57014"


def test_sessions_tell_the_path_and_leave_no_record(lab):
    told = lab.daemon_log()
    assert re.search(r'"event":"session.login".*"database":"path"', told)
    for _ in range(200):
        dump = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", lab.state / "bpf/pgveil/maps/unix_flows"], stdout=subprocess.PIPE, check=True).stdout
        left = [e for e in json.loads(dump) if (e.get("formatted") or e)["value"]["state"] == 1]
        if not left:
            return
    raise AssertionError(left)


def test_a_link_of_another_name(lab):
    """The limit that bpf/README.md tells: without the LSM's hook only the name that was dialled is known."""
    status = json.loads(lab.sh("pgveil", "--", "status", "--json").stdout)
    (lab.state / "sock").chmod(0o755)
    alias = lab.state / "home" / "agent1" / "alias"
    alias.symlink_to(lab.state / "sock" / (".s.PGSQL.%d" % lab.port))
    assert say(lab, str(alias)) == [13 if status["unix_sockets"] == "captured" else "R"]
