# SPDX-License-Identifier: MIT
"""Who it is comes from the kernel: from the cgroup in which the socket was created, whatever addresses, ports and
namespaces are shared."""

import socket
import struct
import time

import pytest

import canary
import wire
from lab import run

SSN = "SELECT ssn FROM clinic.patient WHERE id = 1"
ONE, TWO = [[b"*******0001"]], [[b"000"]]


def test_two_identities_in_one_namespace(lab):
    with lab.login("agent1") as a, lab.login("agent2", netns="agent1") as b:
        assert a.query(SSN).ok().rows == ONE
        assert b.query(SSN).ok().rows == TWO


def test_the_same_local_port_on_two_loopback_addresses(lab):
    """Two flows that differ in the source address only: neither gets the other's identity."""
    for port in (20111, 20112):
        with lab.connect("agent1", source="127.0.0.1", source_port=port) as a, \
             lab.connect("agent2", netns="agent1", source="127.0.0.2", source_port=port) as b:
            b.login("agent", lab.dbname)
            a.login("agent", lab.dbname)
            assert a.query(SSN).ok().rows == ONE
            assert b.query(SSN).ok().rows == TWO
            assert canary.found(bytes(a.received + b.received)) == []


def test_a_port_used_again_is_not_the_earlier_identity(lab):
    for who, rows in (("agent1", ONE), ("agent2", TWO), ("agent1", ONE)):
        with lab.login(who, netns="agent1", source="127.0.0.1", source_port=20113) as c:
            assert c.query(SSN).ok().rows == rows
            # A reset instead of TIME_WAIT, so that the next may bind at once.
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def listener_ports(lab, netns):
    out = run(["nsenter", "--net=/run/netns/pgveil-%s-%s" % (lab.name, netns), "ss", "-Hltn"], check=True).stdout.decode()
    return [line.split()[3].rsplit(":", 1) for line in out.splitlines()]


@pytest.mark.parametrize("who", ["agent1", None, "unknown"])
def test_dialling_the_listener_gives_nothing(lab, who):
    """Without a flow record the connection is closed before a byte is answered."""
    ports = listener_ports(lab, "agent1")
    assert ports, "the engine listens in the agent's namespace"
    for host, port in ports:
        try:
            c = lab.connect(who, netns="agent1", host=host.strip("[]"), port=int(port))
        except ConnectionResetError:
            continue  # closed before connect had returned
        with c:
            try:
                c.send(wire.startup({"user": "agent", "database": lab.dbname}))
            except OSError:
                pass
            c.drain()
            assert c.received == b""


def test_listeners_are_on_loopback_only(lab):
    assert {host for host, _ in listener_ports(lab, "agent1")} <= {"127.0.0.1", "[::1]"}


def test_a_child_cgroup_is_its_parent_s_subject(lab):
    """A process below an enrolled cgroup is enrolled."""
    child = lab.cgroup("agent1") + "/child"
    run(["mkdir", child], check=True)
    try:
        lab.agents["child"] = {"cgroup": child}
        with lab.login("child", netns="agent1") as c:
            assert c.query(SSN).ok().rows == ONE
    finally:
        del lab.agents["child"]
        lab.hang_up()
        run(["rmdir", child], check=True)


def test_a_flood_of_refusals_does_not_fill_the_log(lab):
    """Some a second of each worker are told, and how many were not."""
    before, began = lab.daemon_log().count("statement.refused"), time.monotonic()
    with lab.login() as c:
        for _ in range(100):
            c.send(20 * wire.query("SELECT 1 FROM clinic.patient WHERE ssn = '1'"))
            for _ in range(20):
                assert c.result().error.sqlstate == "42501"
        time.sleep(0.1)  # one is earned again, and tells of the others
        assert c.query("SELECT 1 FROM clinic.patient WHERE ssn = '1'").error.sqlstate == "42501"
    log = lab.daemon_log()
    assert 1 < log.count("statement.refused") - before <= 2 * (50 + 50 * (time.monotonic() - began)) + 2
    assert '"suppressed":' in log


def test_uid_root_in_the_cgroup_is_no_way_out(lab):
    p = lab.sh("agent", "--root", "--", "psql", "-XAtc", SSN)
    assert p.stdout == b"*******0001\n"
