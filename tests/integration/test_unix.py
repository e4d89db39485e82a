# SPDX-License-Identifier: MIT
"""A database's unix socket: turned to the engine by its name, served by the policy's entry, refused otherwise."""

import contextlib
import json
import re
import socket
import subprocess

import pytest

import wire
from bypass_world import Hand, serve
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


@contextlib.contextmanager
def session(lab, address):
    """A session of agent1 that dialled a socket; the test speaks."""
    hand = Hand(lab.into("agent1", None), lab.env)
    try:
        with wire.Client(hand.do("s = socket(AF_UNIX); s.connect(%r)" % address), timeout=60) as c:
            c.login("agent", lab.dbname)
            yield c
    finally:
        hand.close()


EMAIL = "SELECT email FROM clinic.patient ORDER BY id LIMIT 1"


def test_a_server_at_an_abstract_name(lab):
    """The engine dials it in the application's namespace, and only where the user of the entry listens."""
    path = "%s/.s.PGSQL.%d" % (lab.state / "sock", lab.port)
    name = "\0%s/.s.PGSQL.%d" % (lab.dbname, lab.port)

    def connect():
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        return s

    def listening(argv):
        hand = Hand(argv, lab.env)
        return hand, hand.do("s = socket(AF_UNIX); s.bind(%r); s.listen()" % name)

    host = "@" + lab.dbname
    hand, listener = listening(lab.into(None, "agent1"))
    serve(listener, connect)
    p = psql(lab, EMAIL, host=host)
    assert p.returncode == 0, p.stderr
    assert p.stdout == psql(lab, EMAIL).stdout and lab.dba_psql(EMAIL) not in p.stdout.decode()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    hand.close()
    assert psql(lab, EMAIL, host=host).returncode == 2, "nobody listens there"
    hand, listener = listening(["nsenter", "--net=/run/netns/pgveil-%s-agent1" % lab.name])
    serve(listener, connect)
    p = psql(lab, EMAIL, host=host)
    assert p.returncode == 2 and not p.stdout, "root listens, and not who should"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    hand.close()


def test_flows_show_them(lab):
    path = "%s/.s.PGSQL.%d" % (lab.state / "sock", lab.port)
    flows = lambda *args: json.loads(lab.sh("pgveil", "--", "--json", "flows", *args).stdout)
    with session(lab, path) as c:
        assert c.query(EMAIL).ok().rows
        one, = flows()
        assert (one["dialled"], one["uid"], one["claimed"]) == (path, 65534, True) and one["cgroup"].endswith("/agent1")
        assert one["session"]["rows"] == 1 and one["session"]["masked_cells"] == 1 and one["session"]["dbname"] == lab.dbname
        assert len(flows("--database", lab.dbname, "--identity", "*/agent1")) == len(flows("--rewritten")) == 1
        assert flows("--database", "other") == [] == flows("--spliced")
        head, row = lab.sh("pgveil", "--", "flows").stdout.decode().splitlines()
        assert path in row.split() and lab.dbname in row.split()


def test_sessions_over_an_upgrade(lab):
    """One that rests is told so, one in a transaction goes on to its end; new ones reach the new daemon."""
    path = "%s/.s.PGSQL.%d" % (lab.state / "sock", lab.port)

    def fatal(c):
        kind, body = c.read()
        assert kind == "E", kind
        return wire.fields(body)["C"]

    with session(lab, path) as rests, session(lab, path) as works:
        masked = works.query(EMAIL).ok().rows
        assert rests.query("SELECT 1").ok() and works.query("BEGIN").ok()
        lab.sh("daemon", "upgrade")
        assert fatal(rests) == "57P01"
        assert works.query(EMAIL).ok().rows == masked
        with session(lab, path) as c:
            assert c.query(EMAIL).ok().rows == masked
        assert works.query("COMMIT").ok()
        assert fatal(works) == "57P01"
