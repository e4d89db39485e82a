# SPDX-License-Identifier: MIT
"""Columns of types that are made of others. Each line of tests/golden/nested.txt is a table of its own with a rule of its own:
the server stores the value, the engine masks it in text and in binary, and the server takes what came as a value of the type
and shows it as the line says."""

import re
import struct

import pytest

import wire
from lab import ROOT, Lab

GOLDEN = ROOT / "tests" / "golden"
HEAD = """apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: nested}
spec:
  subjects: [{cgroup: "${LAB_CGROUP}"}]
  databases:
    - name: lab
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  mask:
"""


# What the table cannot hold: values of more than the megabyte that is looked at, and types of extensions.
BESIDE = """
CREATE TABLE made.large AS SELECT 1 AS id, repeat('quorvex', 200000) AS part, array_fill('quorvex'::text, ARRAY[200000]) AS list,
	ROW(repeat('quorvex', 200000), '1', 2, NULL)::made.address AS home, repeat('quorvex', 200000) AS gone, repeat('x', 1048576) AS just;
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE TABLE made.extra AS SELECT 1 AS id, 'QuorVex'::citext AS c, ARRAY['QuorVex', NULL]::citext[] AS cs, 'a=>quorvex'::hstore AS h,
	ARRAY['a=>quorvex']::hstore[] AS hs, 'quorvex'::tsvector AS v, '(1,2)'::point AS p;
"""
RULES = """    - {columns: [made.large.*], with: {partial: {last: 4}}}
    - {columns: [made.extra.*], with: redact}
"""


class Case:
    """A line of the golden table."""

    def __init__(self, number, line):
        fields = line.split(" | ")
        assert len(fields) == 4, line
        self.number, self.spec, self.column = number, fields[0], fields[1]
        self.value, self.expected = map(self.cell, fields[2:])
        self.blind = self.spec.startswith("blind:")
        self.table = "made.line_%d" % number

    @staticmethod
    def cell(field):
        if field == "NULL":
            return None
        return field[1:-1] if len(field) > 1 and field[0] == field[-1] == "'" else field

    def rule(self):
        kind, _, args = self.spec.removeprefix("blind:").partition(":")
        mask = {
            "fixed": lambda: "{fixed: %s}" % yaml(args),
            "email": lambda: "{email: {keep: domain}}" if args else "email",
            "partial": lambda: "{partial: {first: %s, last: %s, fill: %s}}" % tuple((args.split(",") + ["'*'"])[:3]),
            "hash": lambda: '{hash: {keyFile: "${LAB_KEY_FILE}"}}',
        }.get(kind, lambda: yaml(kind))()
        derived = mask if kind in ("redact", "fixed") else '"null"'
        return "    - {columns: [%s.value], with: %s, derived: %s}\n" % (self.table, mask, derived)


def yaml(s):
    return "'%s'" % s.replace("'", "''").replace("${", "$${")


def literal(s):
    return "'%s'" % s.replace("'", "''")


def cases():
    with open(GOLDEN / "nested.txt") as f:
        return [Case(i, line.rstrip("\n")) for i, line in enumerate(f, 1) if line.strip() and not line.startswith("#")]


CASES = cases()


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nested")
    schema = (GOLDEN / "nested.sql").read_text()
    for c in CASES:
        schema += "CREATE TABLE %s AS SELECT 1 AS id, %s AS value FROM made.thing;\n" % (c.table, c.column)
        schema += "INSERT INTO %s VALUES (1, %s);\n" % (c.table, literal(c.value))
    schema += BESIDE
    first = {c.column: literal(c.value) for c in reversed(CASES)}
    schema += "TRUNCATE made.thing; INSERT INTO made.thing (%s) VALUES (%s);\n" % (", ".join(first), ", ".join(first.values()))
    (folder / "schema.sql").write_text(schema)
    (folder / "policy.yaml").write_text(HEAD + "".join(c.rule() for c in CASES) + RULES)
    with Lab(schema=folder / "schema.sql", policies=[folder / "policy.yaml"], agents=1, pg_conf=["timezone=UTC", "jit=off"]) as up:
        yield up


def test_values_stand_as_the_server_writes_them(nested):
    """Else the table would test what no server sends."""
    rows = nested.dba_psql(" UNION ALL ".join("SELECT %d, value::text FROM %s" % (c.number, c.table) for c in CASES))
    shown = dict(re.findall(r"^(\d+)\|(.*)$", rows, re.M))
    assert {c.number: c.value for c in CASES} == {int(n): v for n, v in shown.items()}


def stored(direct, case, value, binary):
    """What the server shows of a value that it was given for the case's column."""
    cell = struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    direct.query("BEGIN").ok()
    direct.send(wire.parse("INSERT INTO %s VALUES (2, $1) RETURNING value::text" % case.table),
                wire.message("B", b"\0\0" + struct.pack("!HHH", 1, binary, 1) + cell + struct.pack("!HH", 1, 0)), wire.execute(), wire.sync())
    (shown,), = direct.result().ok().rows
    direct.query("ROLLBACK").ok()
    return None if shown is None else shown.decode()


@pytest.mark.parametrize("binary", [0, 1], ids=["text", "binary"])
def test_masked_columns(nested, binary):
    with nested.login() as agent, nested.direct() as direct:
        for c in CASES:
            if c.blind:
                continue
            (one, value), = agent.run("SELECT id, value FROM %s" % c.table, formats=(0, binary)).ok().rows
            assert one == b"1"
            if not binary and not c.spec.startswith("hash"):
                assert value == (None if c.expected is None else c.expected.encode()), c.number
            shown = stored(direct, c, value, binary)
            if not c.spec.startswith("hash"):
                assert shown == c.expected, c.number
            else:
                assert shown != c.value and (shown is None) == (c.expected is None), c.number


def test_expressions(nested):
    """Not even the number of elements shows: it can be a value of what the expression reads."""
    with nested.login() as agent, nested.direct() as direct:
        for c in CASES:
            if not c.blind or c.spec == "blind:partial:1,1":
                continue
            for binary in (0, 1):
                (value,), = agent.run("SELECT CASE WHEN id = 1 THEN value END FROM %s" % c.table, formats=(binary,)).ok().rows
                assert stored(direct, c, value, binary) == c.expected, (c.number, binary)
        lengths = agent.query("SELECT ARRAY[value, value] FROM made.line_%d" % number("blind:redact", "mood")).ok().rows
        assert lengths == [[b"{}"]]
        fields = agent.query("SELECT (value).street, (value).* FROM made.line_%d" % number("blind:redact", "addr")).ok().rows
        assert fields == [[b"****", b"****", b"****", b"0", b"1970-01-01"]]


def test_large_cells(nested):
    """Beyond a megabyte nothing is looked at; a megabyte is."""
    with nested.login() as agent:
        for binary in (0, 1):
            row, = agent.run("SELECT part, list, home, gone, just FROM made.large", formats=(binary,)).ok().rows
            assert row[0] == row[3] == b"****"
            assert row[1] == (struct.pack("!III", 0, 0, 25) if binary else b"{}")
            assert len(row[2]) < 100 and row[2].count(b"****") == 2
            assert row[4] == b"*" * 1048572 + b"xxxx"
        assert b"quorvex" not in agent.received


def test_types_of_extensions(nested):
    """citext is text, of others nothing is known, and of a row of no type neither."""
    with nested.login() as agent:
        for binary in (0, 1):
            row, = agent.run("SELECT c, cs, h, hs, v, p, ROW(c) FROM made.extra", formats=(binary,)).ok().rows
            assert row[0] == b"****" and row[2:] == [None] * 5
            assert binary or row[1] == b"{****,NULL}"
        assert b"uor" not in agent.received


def number(spec, column):
    return next(c.number for c in CASES if (c.spec, c.column) == (spec, column))


# ---- drivers ----

READ = """
import asyncio, asyncpg, json, psycopg2
async def binary(statements):
    c = await asyncpg.connect()
    out = [repr(await c.fetchval(s)) for s in statements]
    await c.close()
    return out
def text(statements):
    cur = psycopg2.connect("").cursor()
    out = []
    for s in statements:
        cur.execute(s)
        try:
            out.append(repr(cur.fetchone()[0]))
        except psycopg2.DataError as e: # psycopg2 knows no arrays with bounds of their own
            out.append(repr(e))
    return out
statements = %r
print(json.dumps([asyncio.run(binary(statements)), text(statements)]))
"""


def test_drivers(nested):
    """asyncpg reads binary and knows enums, composites and ranges, psycopg2 text: what they make of a masked value is what they
    make of the line's value without an engine."""
    known = [c for c in CASES if not c.blind and not c.spec.startswith("hash")]
    types = dict(line.split("|") for line in nested.dba_psql(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'made.thing'::regclass AND attnum > 0").split("\n"))
    ours, printed = nested.script(READ % ["SELECT value FROM " + c.table for c in known])
    theirs, _ = nested.script(READ % ["SELECT %s::%s" % ("NULL" if c.expected is None else literal(c.expected), types[c.column]) for c in known],
                              who="direct")
    for driver in (0, 1):
        assert dict(zip([c.number for c in known], ours[driver])) == dict(zip([c.number for c in known], theirs[driver]))
    assert b"secret" not in printed and b"Long Street" not in printed


def test_psql(nested):
    known = [c for c in CASES if not c.blind and not c.spec.startswith("hash")]
    p = nested.agent("psql", "-XqAt", "-P", "null=-", "-c", " ".join("SELECT value FROM %s;" % c.table for c in known), check=True)
    assert p.stdout.decode().split("\n")[:-1] == ["-" if c.expected is None else c.expected for c in known]


@pytest.mark.parametrize("formats", [(0,), (1,)], ids=["text", "binary"])
def test_what_is_not_masked_is_the_same(nested, formats):
    with nested.login() as agent, nested.direct() as direct:
        ours, theirs = (c.run("SELECT * FROM made.thing", formats=formats).ok() for c in (agent, direct))
        assert len(theirs.rows) == 1 and sum(v is not None for v in theirs.rows[0]) > 35
        assert ours.messages == theirs.messages


def test_a_type_that_the_snapshot_does_not_know(nested):
    """The server tells of a type's oid before the catalogue was read again: what nobody knows becomes NULL, or does not pass."""
    masked = struct.pack("!iIi4sIii", 2, 25, 4, b"****", 23, 4, 0)  # in binary
    with nested.login() as agent:
        table = "made.line_%d" % number("redact", "places")
        assert agent.query("SELECT value FROM %s" % table).ok().rows == [[None]]
        nested.dba_psql("CREATE TYPE made.fresh AS (a text, b int); ALTER TABLE %s ALTER value TYPE made.fresh USING ROW('quorvex', 1)::made.fresh" % table)
        for formats in ((0,), (1,)):
            r = agent.run("SELECT value FROM %s" % table, formats=formats)
            assert b"quorvex" not in agent.received
            assert r.errors or r.rows in ([[None]], [[b"(****,0)"]], [[masked]])


def test_a_composite_that_changes(nested):
    """What does not have the fields that the catalogue knew is not believed."""
    with nested.login() as agent:
        select = "SELECT value FROM made.line_%d" % number("redact", "single")
        assert agent.query(select).ok().rows == [[b"(****)"]]
        nested.dba_psql("ALTER TYPE made.single ADD ATTRIBUTE two text; UPDATE made.line_%d SET value = ROW('quorvex', 'quorvex')" %
                        number("redact", "single"))
        for formats in ((0,), (1,)):
            r = agent.run(select, formats=formats)
            assert b"quorvex" not in agent.received
            assert r.errors or r.rows[0][0] is None or b"****" in r.rows[0][0]
