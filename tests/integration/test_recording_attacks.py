# SPDX-License-Identifier: MIT
"""An agent who wants something to run that is not on record, or to spoil the record."""

import pytest

import recording
import wire
from test_recording import POLICIES, Recorded
from lab import Lab


@pytest.fixture(scope="module")
def lab():
    with Lab(policies=POLICIES) as up:
        yield up


def test_a_function_by_its_number(lab):
    """The fast-path interface has no text: which function, and with what, is on record all the same."""
    oid = int(lab.dba_psql("SELECT 'pg_catalog.query_to_xml'::regproc::oid"))
    session = Recorded(lab, "agent2")
    with session as c:
        c.send(wire.call_function(oid, b"SELECT 4711 AS it's", b"t", b"f", b""))
        assert c.result().error.sqlstate == "42601"
        c.send(wire.call_function(oid, b"SELECT 4711 AS n", b"t", b"f", b""))
        assert b"4711" in c.result().ok().messages[0][1]
    s = session.kept()
    assert s.result == session.got and s.texts() == ["function oid_%d" % oid] * 2
    assert s.parameters() == ["'SELECT 4711 AS it''s'", "'t'", "'f'", "''", "'SELECT 4711 AS n'", "'t'", "'f'", "''"]
    # where it is refused, without its values
    session = Recorded(lab)
    with session as c:
        c.send(wire.call_function(oid, b"SELECT 4711", b"t", b"f", b""))
        assert c.result().error.sqlstate == "42501"
    s = session.kept()
    key = (lab.state / "state" / "recordings" / "seal.key").read_bytes()
    assert s.texts() == ["function oid_%d" % oid] and s.parameters()[0] == recording.token(key, b"SELECT 4711")
