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


def test_names_of_ones_own_hide_no_column(lab):
    """A statement is found by the masked columns that it has to do with, whatever else it names."""
    session = Recorded(lab)
    with session as c:
        names = ["a%02d" % i + "x" * 60 for i in range(90)]
        for name in names:
            c.query("CREATE TEMP TABLE %s (a int)" % name).ok()
        c.query("SELECT p.ssn, " + ", ".join("(SELECT max(a) FROM %s)" % n for n in names) + " FROM clinic.patient p").ok()
        c.query("BEGIN; " + "SELECT 1; " * 900 + "SELECT email FROM clinic.patient; COMMIT").ok()
    s = session.kept()
    one, two = s.statements[-2:]
    assert one["column"] == [b"clinic.patient.ssn"] and one["relation"][0] == b"clinic.patient" and len(one["relation"]) > 50
    assert two["column"] == [b"clinic.patient.email"] and b"read" in two["effect"]


def test_rows_of_a_pipeline_are_counted(lab):
    """Of a caller without rules: what comes of several statements that were sent at once is the last one's, and none is lost."""
    session = Recorded(lab, "agent2")
    with session as c:
        c.send(wire.query("SELECT 1"), wire.query("SELECT generate_series(1, 1000)"), wire.query("SELECT 2"))
        for _ in range(3):
            c.result().ok()
        c.send(wire.extended("SELECT generate_series(1, 10)"), wire.sync(), wire.extended("SELECT 3"), wire.sync())
        for _ in range(2):
            c.result().ok()
        c.query("SELECT generate_series(1, 5)").ok()
    s = session.kept()
    assert [d["rows"] for d in s.done] == [1002, 11, 5] and s.end["rows"] == 1018
