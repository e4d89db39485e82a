# SPDX-License-Identifier: MIT
"""COPY of masked columns: byte by byte what the server itself would write of the masked values, in every format and with
every option; and what could be read out of the options is refused."""

import random
import struct
import time

import pytest

import canary
import wire

COLUMNS = canary.CLEAR + canary.MASKED
ALL = "SELECT %s FROM clinic.patient ORDER BY id" % ", ".join(COLUMNS)


def copy_data(messages):
    return [b for k, b in messages if k == "d"]


def copied(c, sql, how="simple"):
    """The data of one COPY, one item a CopyData."""
    if how == "simple":
        c.send(wire.query(sql))
    elif how == "extended":
        c.send(wire.parse(sql), wire.bind(formats=(1,)), wire.describe(), wire.execute(), wire.sync())
    else:
        c.send(wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.parse(sql, "c"), wire.bind("c"), wire.execute(), wire.close("S", "c"), wire.sync())
    got = c.until("Z")
    r = wire.Result(got).ok()
    assert r.tags[-1].startswith("COPY ")
    assert "H" in r.kinds and "c" in r.kinds
    return copy_data(got)


def server_writes(lab, rows, names, options):
    """What PostgreSQL makes of these cells (text or None) in a COPY."""
    with lab.direct() as d:
        columns = ", ".join('"%s" text' % n.replace('"', '""') for n in names)
        d.query("CREATE TEMP TABLE shown (n_ int, %s)" % columns).ok()
        for i, row in enumerate(rows):
            d.run("INSERT INTO shown VALUES (%d, %s)" % (i, ", ".join("$%d" % (k + 1) for k in range(len(row)))), row).ok()
        d.send(wire.query("COPY (SELECT %s FROM shown ORDER BY n_) TO STDOUT %s" % (", ".join('"%s"' % n.replace('"', '""') for n in names), options)))
        got = d.until("Z")
        wire.Result(got).ok()
        return copy_data(got)


OPTIONS = ["", "(FORMAT text)", "(DELIMITER '|')", "(DELIMITER 'W')", "(DELIMITER E'\\b')", "(DELIMITER '\"')", "(NULL '\\x')", "(NULL '\\NULL')", "WITH DELIMITER ';'",
           "(FORMAT csv)", "(FORMAT csv, HEADER)", "(FORMAT csv, HEADER false)", "(FORMAT csv, HEADER 1, NULL '****')", "(FORMAT csv, NULL '0')", "CSV HEADER",
           "(FORMAT csv, DELIMITER '1')", "(FORMAT csv, DELIMITER '*')", "(FORMAT csv, QUOTE '*')", "(FORMAT csv, QUOTE '0', ESCAPE '*')",
           "(FORMAT csv, ESCAPE '\\')", "(FORMAT csv, ESCAPE '*')", "(FORMAT csv, DELIMITER '2', QUOTE '3', ESCAPE '0', NULL 'N4L')",
           "(FORMAT csv, FORCE_QUOTE *)", "(FORMAT csv, FORCE_QUOTE (ssn, name), HEADER on)", "(FORMAT csv, FORCE_QUOTE (email), DELIMITER '@')",
           "(FORMAT csv, FORCE_QUOTE (balance, genome), NULL 'n0thing', DELIMITER E'\\t')", "CSV QUOTE AS '|' FORCE QUOTE ssn, vip", "(ENCODING 'utf-8')",
           "(FORMAT csv, HEADER 'TRUE', ENCODING 'UTF8')"]


@pytest.mark.parametrize("options", OPTIONS)
def test_as_the_server_writes_it(lab, client, options):
    """Not only the cells: also quotes, escapes and NULLs are those of the masked values."""
    shown = client.query(ALL).ok().rows
    want = server_writes(lab, shown, COLUMNS, options)
    assert copied(client, "COPY (%s) TO STDOUT %s" % (ALL, options)) == want
    assert copied(client, "COPY (%s) TO STDOUT %s" % (ALL, options), "extended") == want
    assert copied(client, "COPY (%s) TO STDOUT %s" % (ALL, options), "pipeline") == want
    table = copied(client, "COPY clinic.patient (%s) TO STDOUT %s" % (", ".join(COLUMNS), options))
    assert sorted(table) == sorted(want)


@pytest.mark.parametrize("header", ["(HEADER)", "(HEADER true, DELIMITER 'W')"])
def test_text_has_a_header_since_15(lab, client, header):
    names = ['ssn W "x', "id\ttab", "na\nme", "back\\slash"]
    sql = 'SELECT ssn AS "ssn W ""x", id AS "id\ttab", email AS "na\nme", name AS "back\\slash" FROM clinic.patient ORDER BY id'
    shown = client.query(sql).ok().rows
    for options in (header, header.replace("(", "(FORMAT csv, ")):
        assert copied(client, "COPY (%s) TO STDOUT %s" % (sql, options)) == server_writes(lab, shown, names, options)


def binary_rows(data):
    """The cells of binary COPY data."""
    data = b"".join(data)
    assert data.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8)) and data.endswith(b"\xff\xff")
    at, rows = 19, []
    while True:
        n, = struct.unpack_from("!h", data, at)
        at += 2
        if n < 0:
            assert at == len(data)
            return rows
        row = []
        for _ in range(n):
            size, = struct.unpack_from("!i", data, at)
            at += 4
            row.append(None if size < 0 else data[at:at + size])
            at += max(size, 0)
        rows.append(row)


@pytest.mark.parametrize("how", ["simple", "extended", "pipeline"])
@pytest.mark.parametrize("sql", ["COPY (%s) TO STDOUT (FORMAT binary)" % ALL, "COPY (%s) TO STDOUT BINARY" % ALL])
def test_binary(lab, client, how, sql):
    assert binary_rows(copied(client, sql, how)) == client.run(ALL, formats=(1,)).ok().rows
    assert binary_rows(copied(client, "COPY (SELECT upper(ssn), NULL, ssn FROM clinic.patient WHERE false) TO STDOUT BINARY")) == []


QUERIES = ["SELECT upper(ssn) AS u, id, email || ssn AS e FROM clinic.patient ORDER BY id",
           "SELECT * FROM clinic.directory ORDER BY id", "SELECT ssn, diagnosis FROM clinic.snapshot ORDER BY id",
           "WITH q AS (SELECT ssn AS x, id FROM clinic.patient) SELECT x, id FROM q ORDER BY id",
           "SELECT (SELECT ssn FROM clinic.patient WHERE id = 3) AS s, 1 AS one",
           "SELECT p.ssn, n.body, n.id FROM clinic.patient p JOIN clinic.note n ON n.patient = p.id WHERE n.id < 5 ORDER BY n.id",
           "SELECT ssn FROM clinic.patient UNION ALL SELECT line FROM clinic.journal",
           "SELECT array_agg(ssn) AS a, count(*) AS n FROM clinic.patient WHERE id > 100",
           "SELECT p AS whole, id FROM clinic.patient p ORDER BY id",
           "VALUES ('a', 1), ('b', 2)", "TABLE clinic.patient"]


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_shows_what_the_select_shows(lab, client, sql):
    r = client.query(sql).ok()
    names = [c[0] for c in r.columns[0]]
    for options in ("", "(FORMAT csv, HEADER, FORCE_QUOTE *)"):
        want = server_writes(lab, r.rows, names, options)
        assert sorted(copied(client, "COPY (%s) TO STDOUT %s" % (sql, options))) == sorted(want)
    assert sorted(map(str, binary_rows(copied(client, "COPY (%s) TO STDOUT (FORMAT binary)" % sql)))) == \
        sorted(map(str, client.run(sql, formats=(1,)).ok().rows))


def test_returning(lab, client):
    client.query("BEGIN").ok()
    assert copied(client, "COPY (UPDATE clinic.note SET filler = 'x' WHERE id < 3 RETURNING id, body, filler) TO STDOUT (FORMAT csv)") == \
        [b"1,****,x\n", b"2,****,x\n"]
    client.query("ROLLBACK").ok()


REFUSED = ["COPY clinic.patient TO STDOUT (NULL '')", "COPY clinic.patient (ssn) TO STDOUT (NULL '61728300001')",
           "COPY (SELECT ssn FROM clinic.patient) TO STDOUT (NULL '\\t61728300001')",
           "COPY (SELECT id, ssn FROM clinic.patient) TO STDOUT (FORMAT csv, QUOTE E'\\n')",
           "COPY (SELECT id, ssn FROM clinic.patient) TO STDOUT (FORMAT csv, ESCAPE E'\\n')",
           "COPY (SELECT id, ssn FROM clinic.patient) TO STDOUT (FORMAT csv, ESCAPE ',')",
           "COPY (SELECT id, ssn FROM clinic.patient) TO STDOUT (FORMAT csv, HEADER match)",
           "COPY clinic.patient TO STDOUT (ENCODING 'SJIS')", "COPY clinic.patient TO STDOUT (ENCODING 'SQL_ASCII')",
           "COPY clinic.patient TO '/tmp/pgveil-must-not-exist'", "COPY clinic.patient TO PROGRAM 'cat'",
           "COPY (SELECT id FROM clinic.patient WHERE ssn > '6') TO STDOUT", "COPY (SELECT id FROM clinic.patient ORDER BY ssn) TO STDOUT",
           "COPY (SELECT ssn::int FROM clinic.patient ORDER BY 1) TO STDOUT", "COPY (SELECT clinic.told(1)) TO STDOUT",
           "COPY (SELECT query_to_xml('SELECT ssn FROM clinic.patient', true, true, '')) TO STDOUT",
           "COPY clinic.journal (line) FROM STDIN WHERE line IN (SELECT ssn FROM clinic.patient)",
           "COPY clinic.patient (id, name) FROM STDIN WHERE ssn = '1'"]


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(client, sql):
    for send in (wire.query(sql), wire.parse(sql) + wire.sync()):
        client.send(send)
        e = client.result().error
        assert (e.sqlstate, bool(e.hint)) == ("42501", True), str(e)
    assert client.query("SELECT 1").ok().rows == [[b"1"]]


def test_what_is_not_masked_passes_whatever_its_options(lab, client):
    for options in ("(NULL '')", "(NULL '1')", "(FORMAT csv, QUOTE E'\\n')", "(FORMAT csv, ESCAPE ',')", "(FORMAT binary)"):
        sql = "COPY (SELECT id, name, scan FROM clinic.patient ORDER BY id) TO STDOUT " + options
        with lab.direct() as d:
            assert copied(client, sql) == copied(d, sql)


def test_a_value_that_looks_like_null_tells_nothing(lab, client):
    """In CSV the guess stands in quotes where it is a value; masked, no row may differ by it from the others."""
    plain = copied(client, "COPY (SELECT ssn, email FROM clinic.patient ORDER BY id) TO STDOUT (FORMAT csv)")
    for guess in ("61728300001", "7"):
        got = copied(client, "COPY (SELECT ssn, email FROM clinic.patient ORDER BY id) TO STDOUT (FORMAT csv, NULL '%s')" % guess)
        assert got == plain
    for letter in "0123456789":
        got = copied(client, "COPY (SELECT id, diagnosis FROM clinic.patient ORDER BY id) TO STDOUT (FORMAT csv, DELIMITER '%s')" % letter)
        assert [g[-6:] for g in got[:8]] == [letter.encode() + b"****\n"] * 8


def test_large_values(lab, client):
    lab.dba_psql("CREATE TABLE clinic.large (id int, body text, ssn text); "
                 "INSERT INTO clinic.large SELECT i, repeat(E'\\\\ \"\n\t,', 4000 * i), repeat('quorvex ', 1000 * i) FROM generate_series(1, 4) i;")
    try:
        sql = "SELECT l.id, l.body, p.ssn, p.diagnosis FROM clinic.large l JOIN clinic.patient p USING (id) ORDER BY id"
        until = time.monotonic() + 20  # the engine reads a catalogue that it has just read not at once again
        r = client.query(sql)
        while r.errors and time.monotonic() < until:
            r = client.query(sql)
        shown = r.ok().rows
        for options in ("", "(FORMAT csv)"):
            assert copied(client, "COPY (%s) TO STDOUT %s" % (sql, options)) == server_writes(lab, shown, ["id", "body", "ssn", "diagnosis"], options)
    finally:
        lab.dba_psql("DROP TABLE clinic.large")


def test_several_in_one_text(lab, client):
    client.send(wire.query("COPY (SELECT ssn FROM clinic.patient WHERE id = 1) TO STDOUT; SELECT ssn FROM clinic.patient WHERE id = 2; "
                           "COPY (SELECT email FROM clinic.patient WHERE id = 3) TO STDOUT (FORMAT csv); COPY (SELECT id FROM clinic.patient WHERE id = 4) TO STDOUT"))
    got = client.until("Z")
    assert copy_data(got) == [b"*******0001\n", b"****@mail.example.org\n", b"4\n"]
    assert wire.Result(got).rows == [[b"*******0002"]]


def test_an_error_in_the_middle(lab, client):
    client.send(wire.query("COPY (SELECT ssn, 1 / (5 - id) FROM clinic.patient) TO STDOUT"))
    got = client.until("Z")
    assert copy_data(got) == [b"*******%04d\t%d\n" % (i, 1 // (5 - i)) for i in range(1, 5)]
    assert wire.Result(got).error.sqlstate == "22012"
    assert client.query("SELECT 1").ok().rows == [[b"1"]]


def random_text(rng):
    return "".join(rng.choice(['a', ' ', ',', '"', "'", '\\', '\n', '\r', '\t', '|', '\\N', '\\.', 'é', '*', '\b']) for _ in range(rng.randrange(8)))


def test_random_values_and_options(lab):
    """Values of every awkward kind beside masked ones, options at random, against the server's own."""
    rng = random.Random(7)
    rows = [(i, random_text(rng) if rng.random() < .9 else None, random_text(rng) if rng.random() < .9 else None) for i in range(60)]
    literal = ", ".join("(%d, %s, %s)" % (i, *("NULL" if v is None else "'%s'" % v.replace("'", "''") for v in r)) for i, *r in rows)
    sql = ("SELECT v.id, v.a, p.ssn, v.b, p.diagnosis, p.email FROM (VALUES %s) AS v(id, a, b) LEFT JOIN clinic.patient p ON p.id = v.id %% 11 ORDER BY v.id" % literal)
    with lab.login() as c:
        r = c.query(sql).ok()
        names = [x[0] for x in r.columns[0]]
        for _ in range(40):
            csv = rng.random() < .7
            delimiter, quote, escape = rng.sample(list("|,;\"'*a1~" if csv else "|,;\"'*~"), 3)
            if csv:
                options = "(FORMAT csv, DELIMITER %s, QUOTE %s, ESCAPE %s, NULL %s%s)" % (
                    *("'%s'" % x.replace("'", "''") for x in (delimiter, quote, rng.choice([quote, escape]))), "'NUL'", rng.choice(["", ", FORCE_QUOTE *", ", HEADER", ", FORCE_QUOTE (ssn, b)"]))
            else:
                options = "(DELIMITER '%s')" % delimiter.replace("'", "''")
            assert copied(c, "COPY (%s) TO STDOUT %s" % (sql, options)) == server_writes(lab, r.rows, names, options), options
        assert canary.found(bytes(c.received)) == []
