# SPDX-License-Identifier: MIT
"""What comes beside rows: EXPLAIN, SHOW pgveil.…, and the fields of errors and notices. No value of a masked column is in
any of it, and what has nothing to do with one is as the server says it."""

import json

import pytest

import canary
import wire


# ---- SHOW ----

@pytest.mark.parametrize("how", ["simple", "text", "binary", "failed"])
def test_show_masks(lab, client, how):
    run = {"simple": lambda: client.query("SHOW pgveil.masks"), "text": lambda: client.run('show "PGVEIL"."masks"'),
           "binary": lambda: client.run("SHOW pgveil.masks", formats=(1,)), "failed": lambda: client.query("SHOW pgveil.masks")}[how]
    r = run().ok()
    assert [c[0] for c in r.columns[0]] == ["database", "schema", "relation", "column", "mask", "predicates", "derived", "rule"]
    rows = {tuple(c.decode() for c in row[1:4]): [c.decode() for c in row] for row in r.rows}
    assert set(rows) >= {("clinic", "patient", c) for c in canary.MASKED} | {("clinic", "directory", "number"), ("clinic", "snapshot", "diagnosis")}
    assert not set(rows) & {("clinic", "patient", c) for c in canary.CLEAR}
    ssn = rows[("clinic", "patient", "ssn")]
    assert ssn[0] == lab.dbname and ssn[4:7] == ["partial", "deny", "null"] and "agent1.yaml:" in ssn[7]


def test_show_in_its_place(client):
    """In a pipeline, in a transaction that failed, and never beside other statements."""
    client.send(wire.extended("SELECT 1"), wire.extended("SHOW pgveil.help"), wire.extended("SELECT 2"), wire.sync())
    r = client.result().ok()
    assert r.rows[0] == [b"1"] and r.rows[-1] == [b"2"] and any(row[0] == b"masked columns" for row in r.rows[1:-1])
    client.query("BEGIN").ok()
    client.query("SELECT nothing")
    assert client.query("SHOW pgveil.help").error.sqlstate == "25P02"
    client.query("ROLLBACK").ok()
    for sql in ("SELECT 1; SHOW pgveil.help", "SHOW pgveil.nothing", "SET pgveil.masks = 'x'"):
        assert client.query(sql).error.sqlstate == "42501"
    assert client.query("SHOW server_version_num").ok().rows


# ---- EXPLAIN ----

EXPLAINED = ["EXPLAIN ANALYZE SELECT id, ssn, email FROM clinic.patient WHERE id < 5",
             "EXPLAIN (ANALYZE, VERBOSE, BUFFERS, SETTINGS, WAL, COSTS off) SELECT p.ssn, n.body FROM clinic.patient p JOIN clinic.note n ON n.patient = p.id ORDER BY n.id",
             "EXPLAIN (ANALYZE, FORMAT json) SELECT number FROM clinic.directory", "EXPLAIN (ANALYZE, FORMAT xml) SELECT diagnosis FROM clinic.snapshot",
             "EXPLAIN (ANALYZE, VERBOSE, FORMAT yaml) UPDATE clinic.note SET filler = 'x' WHERE id = 5",
             "EXPLAIN (ANALYZE, VERBOSE) WITH q AS MATERIALIZED (SELECT ssn, id FROM clinic.patient) SELECT ssn FROM q WHERE id = 1",
             "EXPLAIN (VERBOSE) SELECT upper(ssn) FROM clinic.patient", "EXPLAIN ANALYZE SELECT count(*) FROM clinic.patient GROUP BY ward"]


@pytest.mark.parametrize("sql", EXPLAINED)
def test_explain(client, sql):
    client.query("BEGIN").ok()
    for r in (client.query(sql), client.run(sql), client.run(sql, formats=(1,))):
        text = b"\n".join(row[0] for row in r.ok().rows)
        assert b"cost" in text or b"actual" in text.lower() or b"Actual" in text or b"COSTS off" in sql.encode()
        if "FORMAT json" in sql:
            assert json.loads(text)[0]["Plan"]["Actual Rows"] == 9
    client.query("ROLLBACK").ok()


@pytest.mark.parametrize("sql", [
    "EXPLAIN ANALYZE SELECT upper(ssn) FROM clinic.patient", "EXPLAIN ANALYZE SELECT p FROM clinic.patient p",
    "EXPLAIN ANALYZE SELECT id FROM clinic.patient WHERE ssn = '61728300001'", "EXPLAIN SELECT id FROM clinic.patient WHERE ssn < '6'",
    "EXPLAIN ANALYZE SELECT count(*) FROM clinic.patient GROUP BY ssn", "EXPLAIN ANALYZE UPDATE clinic.patient SET name = ssn",
    "EXPLAIN (VERBOSE) SELECT clinic.told(1)", "EXPLAIN (VERBOSE) SELECT clinic.constant(1)",
    "EXPLAIN SELECT 1 FROM clinic.patient WHERE name = clinic.constant(1)", "EXPLAIN (VERBOSE) SELECT 'x' || clinic.constant(1)", "EXPLAIN ANALYZE CREATE TEMP TABLE x AS SELECT ssn FROM clinic.patient",
    "EXPLAIN (ANALYZE, SETTINGS) UPDATE clinic.patient SET ward = ward"])
def test_explain_refused(client, sql):
    for r in (client.query(sql), client.run(sql)):
        assert r.error.sqlstate == "42501" and r.error.hint and "Z" in r.kinds


# ---- errors and notices ----

def asked(c, sql):
    """Everything that an error says, but where in the server's source it was raised."""
    r = c.query(sql)
    return {k: v for k, v in r.error.fields.items() if k not in "LR"}


PLAIN = ["SELECT 1 FROM nosuch", "SELECT 1 / 0", "SELECT 'x'::int", "SELEC 1", "INSERT INTO clinic.journal (id, line) VALUES (1, 'x')",
         "INSERT INTO clinic.journal (id, amount) VALUES (90, 1)", "INSERT INTO clinic.journal (id, line, amount) VALUES (90, 'x', -1)",
         "INSERT INTO clinic.journal (id, line) VALUES (90, repeat('x', 10)::varchar(3)), (91, NULL)", "SELECT substring('abc', 1, -1)",
         "UPDATE clinic.journal SET amount = -amount WHERE id = 1", "SELECT sqrt(-1)", "SELECT '{'::jsonb"]


@pytest.mark.parametrize("sql", PLAIN)
def test_an_error_that_has_nothing_to_do_with_masks(lab, client, sql):
    client.query("BEGIN").ok()
    got = asked(client, sql)
    client.query("ROLLBACK").ok()
    with lab.direct() as d:
        d.query("BEGIN").ok()
        want = asked(d, sql)
    if sql == "SELEC 1":  # the engine's own: it has the same words, and knows no source file
        want = {k: v for k, v in want.items() if k != "F"}
    assert got == want


NAMED = ["INSERT INTO clinic.note (id) VALUES (1)", "INSERT INTO clinic.note (id, patient) VALUES (5000, 999)", "UPDATE clinic.note SET id = NULL WHERE id = 5",
         "UPDATE clinic.note SET id = 6 WHERE id = 5", "INSERT INTO clinic.note (id, body) VALUES (NULL, 'x')", "SELECT filler + 1 FROM clinic.note",
         "SELECT count(*), id FROM clinic.note"]


@pytest.mark.parametrize("sql", NAMED)
def test_of_constraints_and_of_the_text_the_server_speaks_itself(lab, client, sql):
    """With all names, and without what a row holds: DETAIL has the row that fails, masked columns included."""
    client.query("BEGIN").ok()
    got = client.query(sql).error.fields
    client.query("ROLLBACK").ok()
    client.send(wire.parse(sql), wire.bind(), wire.execute(), wire.sync())
    extended = client.result().error.fields
    assert {k: got.get(k) for k in "CMstcdn"} == {k: extended.get(k) for k in "CMstcdn"}
    with lab.direct() as d:
        d.query("BEGIN").ok()
        want = d.query(sql).error.fields
    assert {k: got.get(k) for k in "SVCMPstcdn"} == {k: want.get(k) for k in "SVCMPstcdn"}
    assert not {"D", "W", "q"} & set(got)


UNNAMED = ["SELECT filler::int FROM clinic.note", "SELECT 1 / (id - 5) FROM clinic.note", "UPDATE clinic.note SET filler = filler::int",
           "INSERT INTO clinic.patient (id, name) VALUES (1, 'x')"]


@pytest.mark.parametrize("sql", UNNAMED)
def test_beside_masked_columns_the_rest_is_standard(lab, client, sql):
    """A value that cannot be converted stands in the message itself; where triggers are, all of it may be theirs."""
    e = client.query(sql).error
    assert set(e.fields) <= set("SVCMPFLR")
    assert e.fields["M"] in ("invalid text representation", "division by zero", "unique violation")


def test_notices_of_triggers_say_nothing(lab, client):
    client.query("BEGIN").ok()
    r = client.query("UPDATE clinic.patient SET ward = ward").ok()
    assert len(r.notices) == 9 and all(set(n) <= set("SVCMFLR") for n in r.notices)
    client.query("ROLLBACK").ok()


def test_explain_of_what_was_prepared(lab, client):
    """It is shown where nothing masked is within reach of what the name means, as the server would plan it now."""
    client.query("PREPARE clean AS SELECT count(*) FROM clinic.journal WHERE amount > $1").ok()
    client.query("PREPARE masked AS SELECT id FROM clinic.patient WHERE id = $1").ok()
    for send in (client.query, client.run):
        assert len(send("EXPLAIN (COSTS OFF) EXECUTE clean (5)").ok().rows) > 1
        for sql in ("EXPLAIN EXECUTE masked (1)", "EXPLAIN ANALYZE EXECUTE clean (5)", "EXPLAIN (SETTINGS) EXECUTE clean (5)"):
            assert send(sql).error.sqlstate == "42501", sql
        assert send("EXPLAIN EXECUTE nosuch").error.sqlstate == "26000"
    assert client.query("SET search_path = clinic; EXPLAIN EXECUTE clean (5)").error.sqlstate == "42501"
    assert client.query("DEALLOCATE clean; PREPARE clean (int) AS SELECT id FROM clinic.patient WHERE id = $1; EXPLAIN EXECUTE clean (5)").error.sqlstate == "42501"
