# SPDX-License-Identifier: MIT
"""A name that is not known: the server's own words, all fields of them, and the state that it leaves; asked by a Parse that
never runs, and only where analysing the text runs nothing of the database's own."""

import re

import pytest

import wire
from lab import HERE

SQL = ["SELECT nosuch FROM clinic.journal", "SELECT lin FROM clinic.journal", "SELECT j.ammount FROM clinic.journal j", "SELECT emial FROM clinic.patient",
       "SELECT p.sssn, p.id FROM clinic.patient p WHERE p.id = 1", "SELECT * FROM clinic.patients", "SELECT * FROM klinic.patient", "SELECT patient.id FROM clinic.patient p",
       "SELECT nosuchfunction(1, 'x', now())", "SELECT upperr(name) FROM clinic.patient", "SELECT id ### name FROM clinic.patient", "SELECT 1::nosuchtype",
       "SELECT id, count(*) FROM clinic.journal j JOIN clinic.note n USING (lines)", "SELECT number, sssn FROM clinic.directory", "SELECT id FROM clinic.note, clinic.journal",
       "INSERT INTO clinic.journal (lien) VALUES ('x')", "UPDATE clinic.journal SET lien = 'x'", "DELETE FROM clinic.journal WHERE lien = 'x'",
       "SELECT line FROM clinic.journal\nWHERE\tamuont > 3 -- ü\n", "SELECT 'äöü', 'Müller' AS \"ÄÖ\", nosuch FROM clinic.journal", "EXPLAIN SELECT nosuch FROM clinic.patient",
       "DECLARE c CURSOR FOR SELECT nosuch FROM clinic.journal", "CREATE TEMP TABLE t AS SELECT nosuch FROM clinic.journal", "SELECT nosuch, 'x'::int FROM clinic.journal",
       "SELECT 'x'::int, nosuch FROM clinic.journal", "SELECT name FROM clinic.journal ORDER BY nosuch", "WITH q AS (SELECT nosuch FROM clinic.patient) SELECT * FROM q",
       "SELECT j.name FROM clinic.journal j", "SELECT id FROM clinic.patient WHERE ssn = 'x' AND sssn = 'y'",
       "MERGE INTO clinic.journal j USING clinic.note n ON n.nosuch = j.id WHEN MATCHED THEN DO NOTHING", "SELECT other.clinic.journal.line FROM clinic.journal"]


def told(e):
    """All but where in the server's source it is: a Parse fails elsewhere than a Query."""
    return {k: v for k, v in e.fields.items() if k not in "FLR"}


def same(engine, direct):
    """Kind by kind, and each field of what failed."""
    assert engine.kinds == direct.kinds and engine.status == direct.status
    assert [told(e) for e in engine.errors] == [told(e) for e in direct.errors]
    assert engine.rows == direct.rows
    return engine


@pytest.fixture
def direct(lab):
    with lab.direct() as c:
        yield c


@pytest.mark.parametrize("sql", SQL)
def test_in_the_servers_words(client, direct, sql):
    both = client, direct
    failed = same(*[c.query(sql) for c in both]).error
    assert failed.sqlstate[:2] in ("42", "22", "0A") and failed.sqlstate != "42501"
    same(*[c.run(sql) for c in both])
    for c in both:
        c.send(wire.parse(sql, "named"), wire.sync())
    same(*[c.result() for c in both])
    for status in ("T", "E"):  # in a transaction, and in one that has failed
        if status == "T":
            for c in both:
                c.query("BEGIN").ok()
        assert same(*[c.query(sql) for c in both]).status == "E"
        same(*[c.run(sql) for c in both])
    for c in both:
        c.query("ROLLBACK").ok()
    assert same(*[c.query("SELECT 1") for c in both]).ok().rows == [[b"1"]]


def test_places_in_a_text_of_several(client, direct):
    for before in ("SELECT 1; ", "SELECT 'ä;ö';\n\n/* ü */ SELECT 2;\t", "SHOW DateStyle; -- ß\n"):
        for sql in ("SELECT nosuch FROM clinic.journal", "SELECT sssn FROM clinic.patient; SELECT 1", "SELECT 1 AS \"ü\", nosuch; SELECT alsonot"):
            engine, server = client.query(before + sql), direct.query(before + sql)
            assert told(engine.error) == told(server.error) and engine.status == server.status
            assert server.rows and not engine.rows, "none of the text is run"
    # What is before it may make the name: the server, asked, would not know.
    text = "CREATE TEMP TABLE made (i int); SELECT i FROM made"
    assert client.query(text).error.hint is None
    # Asked alone it would be another statement's answer.
    engine, server = client.query("SELECT nosuch; SELECT pg_read_file('x')"), direct.query("SELECT nosuch; SELECT pg_read_file('x')")
    assert told(engine.error) == told(server.error)
    assert client.query("SELECT pg_read_file('x'); SELECT nosuch").error.sqlstate == "42501"


def test_in_a_pipeline(client, direct):
    """What came before is done, what comes behind is skipped, and names are what they were."""
    bad = "SELECT amuont FROM clinic.journal"
    for c in (client, direct):
        c.send(wire.parse("SELECT 7"), wire.sync())
        c.result().ok()
        c.send(wire.parse("SELECT 8", "kept"), wire.extended("SELECT 1"), wire.parse(bad, "kept2"), wire.bind("kept2"), wire.execute(), wire.extended("SELECT 2"), wire.sync(),
               wire.bind("kept"), wire.execute(), wire.sync(), wire.bind("kept2"), wire.sync(), wire.parse(bad), wire.sync(), wire.bind(), wire.execute(), wire.sync())
    for _ in range(5):
        same(client.result(), direct.result())
    # In the simple protocol the unnamed statement goes too.
    for c in (client, direct):
        c.send(wire.parse("SELECT 7"), wire.sync())
        c.result().ok()
        c.query(bad)
        c.send(wire.bind(), wire.execute(), wire.sync())
    assert same(client.result(), direct.result()).error.sqlstate == "26000"


def test_parameters_have_their_types(client, direct):
    for types in ((), (23,), (25,), (25, 1082)):
        for sql in ("SELECT nosuchfunction($1)", "SELECT nosuch FROM clinic.journal WHERE line = $1", "SELECT $1 ### $2", "SELECT amuont FROM clinic.journal WHERE id = $1 AND $2"):
            for c in (client, direct):
                c.send(wire.parse(sql, "", types), wire.sync())
            same(client.result(), direct.result())


def test_savepoints(client, direct):
    for c in (client, direct):
        for sql in ("BEGIN", "SAVEPOINT s"):
            c.query(sql).ok()
    same(client.query("SELECT nosuch FROM clinic.note"), direct.query("SELECT nosuch FROM clinic.note"))
    for sql in ("ROLLBACK TO s", "SELECT max(id) FROM clinic.note", "COMMIT"):
        same(client.query(sql), direct.query(sql)).ok()


def test_none_of_ours_is_left(lab, client):
    """A statement that the server knows names of which the engine refuses is closed again, and was never run."""
    client.query("BEGIN").ok()
    client.query("SELECT j.count FROM clinic.journal j")  # a function in column notation: the server takes it
    assert client.query("SELECT 1").error.sqlstate == "25P02"
    client.query("ROLLBACK").ok()
    r = client.query("SELECT j.count FROM clinic.journal j")
    assert r.error.sqlstate == "42501" and r.status == "I" and "column notation" in r.error.fields["M"]
    client.send(wire.parse("SELECT j.count FROM clinic.journal j", "mine"), wire.bind("mine"), wire.execute(), wire.sync())
    assert client.result().error.sqlstate == "42501"
    assert client.query("SELECT name FROM pg_prepared_statements").ok().rows == []


# Errors of the text, not of a value, of statements that are allowed and read masked columns.
TEXT = ["SELECT ssn FROM clinic.patient WHERE id = 'abc'", "SELECT ssn, lower(5) FROM clinic.patient", "SELECT ward, ssn FROM clinic.patient GROUP BY ward",
        "SELECT ssn FROM clinic.patient ORDER BY 50", "SELECT ssn || ssn, weight + 'x' FROM clinic.patient", "SELECT ssn, admitted > 'yesterdai' FROM clinic.patient",
        "EXPLAIN SELECT ssn FROM clinic.patient WHERE weight = 'heavy'", "SELECT ssn FROM clinic.patient WHERE meta @> '{'", "SELECT ssn FROM clinic.patient WHERE tags = '{a'",
        "SELECT id FROM clinic.patient UNION SELECT 'x'", "DECLARE c CURSOR FOR SELECT ssn FROM clinic.patient WHERE id = 'x'", "PREPARE p AS SELECT ssn FROM clinic.patient WHERE id = 'x'",
        "COPY (SELECT ssn FROM clinic.patient WHERE id = 'x') TO STDOUT", "SELECT count(ssn), sum(ward) FROM clinic.patient", "SELECT CASE WHEN active THEN 1 ELSE 'x' END, ssn FROM clinic.patient",
        "SELECT ssn FROM clinic.patient WHERE sum(id) > 1", "SELECT ssn FROM clinic.patient LIMIT 'x'", "SELECT number FROM clinic.directory WHERE id = ''"]


@pytest.mark.parametrize("sql", TEXT)
def test_what_is_wrong_with_the_text(client, direct, sql):
    for run in (lambda c: c.query(sql), lambda c: c.run(sql)):
        for c in (client, direct):
            c.query("BEGIN").ok()
        same(*[run(c) for c in (client, direct)]).error
        for c in (client, direct):
            c.query("ROLLBACK").ok()


def test_what_a_value_does_is_not_told(client):
    """Not even that of a column beside it, where masked ones are computed with."""
    for sql in ("SELECT ssn || 'x', ward::int FROM clinic.patient", "SELECT ssn || 'x', name::jsonb FROM clinic.patient", "SELECT ssn || 'x', name::regclass FROM clinic.patient",
                "SELECT ssn || 'x', ('\"' || ward || '(')::regtype FROM clinic.patient", "SELECT ssn || 'x', 1 / (id - id) FROM clinic.patient"):
        fields = client.query(sql).error.fields
        assert not {"D", "H", "W"} & set(fields) and "Patient" not in fields["M"] and "W1" not in fields["M"], fields


LITERALS = """
CREATE FUNCTION clinic.known(text) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN RAISE undefined_column USING MESSAGE = 'column "' || (SELECT ssn FROM clinic.patient WHERE id = 1) || '" does not exist'; END $$;
CREATE FUNCTION clinic.inlined(text) RETURNS bool LANGUAGE sql STABLE AS 'SELECT clinic.peek(1)::int > 0';
CREATE DOMAIN clinic.asked AS text CHECK (clinic.known(VALUE));
CREATE DOMAIN clinic.cast_inside AS text CHECK (clinic.inlined(VALUE));
CREATE TYPE clinic.pair AS (a int, b clinic.asked);
CREATE TYPE clinic.span AS RANGE (subtype = clinic.cast_inside);
CREATE TABLE clinic.held (id int, many clinic.asked[], one clinic.pair, span clinic.span, plain clinic.asked, casts clinic.cast_inside[]);
CREATE FUNCTION clinic.takes(a clinic.cast_inside[]) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION clinic.plain(clinic.cast_inside) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION clinic.gives_held() RETURNS clinic.held LANGUAGE sql STABLE AS 'SELECT * FROM clinic.held';
CREATE FUNCTION clinic.made(text) RETURNS clinic.cast_inside LANGUAGE sql IMMUTABLE AS 'SELECT $1';
SET check_function_bodies = off;
CREATE FUNCTION clinic.defaulted(text DEFAULT '1') RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT clinic.plain($1)';
CREATE FUNCTION clinic.gives(clinic.journal) RETURNS clinic.asked[] LANGUAGE sql STABLE AS 'SELECT NULL::clinic.asked[]';
CREATE FUNCTION clinic.pairs(int, clinic.pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR clinic.=== (LEFTARG = int, RIGHTARG = clinic.pair, FUNCTION = clinic.pairs);
"""

RUNS = ["SELECT clinic._asked('{x}'), nosuch", "SELECT clinic._cast_inside('{1}'), nosuch", "SELECT '{x}'::clinic.asked[], nosuch", "SELECT '{x}'::clinic.cast_inside[], nosuch", "SELECT '(1,x)'::clinic.pair, nosuch", "SELECT '[a,b]'::clinic.span, nosuch",
        "SELECT clinic.takes('{x}'), nosuch", "SELECT 1 FROM clinic.held WHERE many = '{x}' AND nosuch", "SELECT 1 FROM clinic.held WHERE one = '(1,x)' AND nosuch",
        "SELECT COALESCE(h, '(1,{x},,,,)') , nosuch FROM clinic.held h", "SELECT 1 FROM clinic.held WHERE span = '[a,b]' AND nosuch",
        "INSERT INTO clinic.held (many) VALUES ('{x}') RETURNING nosuch", "UPDATE clinic.held SET one = '(1,x)' WHERE nosuch", "SELECT 1 FROM clinic.journal j WHERE j.gives = '{x}' AND nosuch",
        "SELECT 1 OPERATOR(clinic.===) '(1,x)', nosuch", "SELECT (many || '{x}'), nosuch FROM clinic.held", "SELECT many FROM clinic.held UNION ALL SELECT '{x}' UNION ALL SELECT nosuch",
        "SELECT 1 FROM clinic.held WHERE casts = '{1}' AND nosuch", "SELECT COALESCE(casts, '{1}'), nosuch FROM clinic.held", "INSERT INTO clinic.held (casts) VALUES ('{1}') RETURNING nosuch",
        "SELECT casts FROM clinic.held UNION ALL SELECT '{1}' UNION ALL SELECT nosuch",
        "SELECT CASE WHEN true THEN many ELSE '{x}' END, nosuch FROM clinic.held", "EXPLAIN SELECT '{x}'::clinic.asked[], nosuch", "SELECT ARRAY(SELECT '{x}'::clinic.asked[]), nosuch"]


KNOWN = ["SELECT clinic.takes('{1}')", "SELECT clinic.plain('1')", "SELECT clinic.made('1')", "SELECT * FROM clinic.takes('{1}')", "SELECT array_append(casts, '1') FROM clinic.held",
         "SELECT casts IS DISTINCT FROM '{1}' FROM clinic.held", "SELECT nullif(casts, '{1}') FROM clinic.held", "SELECT (casts, id) IN (('{1}', 1)) FROM clinic.held",
         "SELECT CASE casts WHEN '{1}' THEN 1 END FROM clinic.held", "SELECT lag(casts, 1, '{1}') OVER () FROM clinic.held", "SELECT x FROM clinic.held, LATERAL (VALUES (casts), ('{1}')) v (x)",
         "WITH RECURSIVE q AS (SELECT casts FROM clinic.held UNION ALL SELECT '{1}') SELECT casts FROM q", "SELECT casts FROM clinic.held INTERSECT SELECT '{1}'",
         "SELECT greatest(casts, '{1}') FROM clinic.held", "SELECT array_cat(casts, '{1}') FROM clinic.held", "SELECT ARRAY[h, '(1,,,,,{1})'] FROM clinic.held h",
         "SELECT h = ANY (ARRAY['(1,,,,,{1})', h]) FROM clinic.held h", "SELECT casts[1:1] = '{1}' FROM clinic.held", "SELECT casts[1] = '1' FROM clinic.held", "SELECT (h).casts = '{1}' FROM clinic.held h", "SELECT (clinic.gives_held()).casts = '{1}'",
         "SELECT ROW(casts) = ROW('{1}') FROM clinic.held",
         "SELECT '(1,,,,,{1})'::clinic.held", "SELECT casts BETWEEN '{1}' AND '{2}' FROM clinic.held", "SELECT casts FROM clinic.held WHERE casts IN ('{1}', '{2}')",
         "SELECT (SELECT casts FROM clinic.held UNION ALL SELECT '{1}' LIMIT 1)", "VALUES (NULL::clinic.cast_inside[]), ('{1}')", "SELECT max(casts) FILTER (WHERE casts > '{1}') FROM clinic.held",
         "SELECT clinic.takes(casts || '{1}') FROM clinic.held", "SELECT clinic.takes(a => '{1}')", "SELECT clinic.takes(CASE WHEN true THEN '{1}' END)", "SELECT clinic.defaulted()"]


def test_literals_that_run_code(own_lab, tmp_path):
    """Directly the code runs while the server analyses, and says a value; through the engine it is never asked."""
    schema = tmp_path / "schema.sql"
    schema.write_text((HERE / "schema.sql").read_text() + LITERALS)
    lab = own_lab(schema=schema)
    with lab.login() as c, lab.direct() as d:
        spoken = 0
        for sql in RUNS:
            said = d.query(sql).error.fields
            spoken += "6172830" in said["M"]
            for r in (c.query(sql), c.run(sql)):
                assert r.error.sqlstate in ("42703", "42501", "42P01", "42883"), sql
                assert "F" not in r.error.fields, "that came from the server: " + sql
            # The same without anything unknown: refused, or what is said has no value.
            known = re.sub(r"(,| AND| RETURNING| WHERE| UNION ALL SELECT) nosuch", "", sql)
            assert known != sql
            for r in (c.query(known), c.run(known)):
                assert b"6172830" not in b"".join(b for _, b in r.messages), known
        for sql in KNOWN:
            spoken += any("6172830" in e.fields["M"] for e in d.query(sql).errors)
            for r in (c.query(sql), c.run(sql)):
                assert b"6172830" not in b"".join(b for _, b in r.messages), sql
        assert b"6172830" not in bytes(c.received)
        assert spoken > 30, spoken
        # Without a literal nothing can be read, and one of a plain type runs nothing.
        for sql in ("SELECT nosuch FROM clinic.held", "SELECT 'x', lien FROM clinic.journal", "SELECT manny FROM clinic.held", "SELECT id + 1, nosuch FROM clinic.held"):
            assert told(c.query(sql).error) == told(d.query(sql).error)
