# SPDX-License-Identifier: MIT
"""detect, number, date and regex from the policy to the client, in text (psql) and in binary (asyncpg)."""

import datetime
import hashlib
import struct

import pytest

import wire
from lab import HERE, Lab

COLUMNS = ["id", "clear", "subject", "body", "card", "ssn", "phone", "salary", "bonus", "born", "opened"]
QUERY = "SELECT %s FROM desk.ticket ORDER BY id" % ", ".join(COLUMNS)
LONG = "x " * 80000

# Row by row as PostgreSQL writes them in text; None is NULL.
EXPECTED = [
    ["1", "as it is", "charge [pan]", "Please use [pan],\nnot [email]. Call [phone].", None, "***-**-3001", "+## ## #### ####",
     "83000.00", "54000", "1931-01-01", "1987-03-23 00:00:00+00"],
    ["2", "as it is", "zero width", "[pan] or [pan]", None, "****", "****", "-83000.00", "-55000", "2024-01-01", None],
    ["3", "as it is", "nothing here", "order 20241125-000017, ref 41111111-1111-4111-8111-111111111111", "42", "****", "****", None, "0", None,
     "2024-12-30 00:00:00+00"],
    ["4", "as it is"] + [None] * 9,
    ["5", "as it is", "****", LONG + "[pan]", "0", "****", "+# #", "1000.00", "2147483000", "0044-01-01 BC", "2024-02-26 00:00:00+00"],
]

# What no client may receive, in either format. A date that was moved may well be another day of a canary's month.
TEXT = [b"4929", b"quorvex", b"7946", b"617-28", b"617283", b"82736", b"54321", b"1931-08-17", b"1987-03-29", b"02-29", b"23:59", b"44-03-15", b"a@b.co"]
EPOCH = datetime.datetime(2000, 1, 1)
BINARY = [struct.pack("!q", 4929117300640010), struct.pack("!hhh", 8, 2736, 4500), struct.pack("!i", 54321), struct.pack("!i", -54321),
          struct.pack("!i", (datetime.datetime(1931, 8, 17) - EPOCH).days),
          struct.pack("!q", (datetime.datetime(1987, 3, 29, 4, 5, 6, 789000) - EPOCH) // datetime.timedelta(microseconds=1))]


def found(data):
    return [c for c in TEXT + BINARY if c in data]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """With a key that is always the same: another may move two patients alike, or one day to where a canary is."""
    d = tmp_path_factory.mktemp("masks")
    d.chmod(0o755)
    key, policy = d / "mask.key", d / "masks.yaml"
    key.write_text(hashlib.sha256(b"desk").hexdigest())
    key.chmod(0o600)
    policy.write_text((HERE / "masks.yaml").read_text().replace("${LAB_KEY_FILE}", str(key)))
    with Lab(schema=HERE / "masks.sql", policies=[policy], agents=1) as up:
        yield up


def text_of(rows):
    return [[None if c is None else c.decode() for c in row] for row in rows]


def test_every_canary_is_in_the_database(desk):
    with desk.direct() as c:
        c.query("SET TimeZone = 'UTC'").ok()
        c.query(QUERY).ok()
        c.run(QUERY, formats=(1,)).ok()
        missing = [b for b in TEXT + BINARY if b not in c.received]
    assert missing == []


def test_psql(desk):
    p = desk.agent("psql", "-XAt", "-F", "\x1f", "-R", "\x1e", "-P", "null=\x1d", "-c", "SET TimeZone = 'UTC'", "-c", QUERY, check=True)
    out = p.stdout.decode()
    rows = [[None if c == "\x1d" else c for c in r.split("\x1f")] for r in out[out.index("\n") + 1:].rstrip("\n").split("\x1e")]
    assert rows == EXPECTED
    assert found(p.stdout + p.stderr) == []


def test_text_and_binary_say_the_same(desk):
    with desk.login() as c:
        c.query("SET TimeZone = 'UTC'").ok()
        assert text_of(c.query(QUERY).ok().rows) == EXPECTED
        binary = c.run(QUERY, formats=(1,)).ok().rows
        assert found(bytes(c.received)) == []
    # The server reads what the engine wrote, in binary, and writes it in text.
    types = ["int4", "text", "varchar(40)", "text", "int8", "text", "text", "numeric(12,2)", "int4", "date", "timestamptz"]
    with desk.direct() as c:
        c.query("SET TimeZone = 'UTC'").ok()
        for row, expected in zip(binary, EXPECTED):
            again = c.run("SELECT " + ", ".join("$%d::%s" % (i + 1, t) for i, t in enumerate(types)), params=row, param_formats=(1,)).ok().rows
            assert text_of(again) == [expected]


def test_no_name_of_a_zone_moves_what_is_truncated(desk):
    """A session may call any zone UTC; by where a truncated time jumps it would read the time to the minute."""
    opened = "SELECT opened FROM desk.ticket WHERE id = 1"
    with desk.login() as c:
        for style in ("SQL, DMY", "Postgres, MDY", "German, DMY"):
            c.query("SET DateStyle = '%s'" % style).ok()
            seen = set()
            for zone in ("UTC-100", "UTC-19:54", "GMT+23", "<UTC>-140", "<+00>-140", "<Z>140", "<UTC BC>9", "Europe/London"):
                c.query("SET TimeZone = '%s'" % zone).ok()
                seen.add(c.query(opened).ok().rows[0][0])
                c.query("SET TimeZone = 'UTC'").ok()
                seen.add(c.query("SET TimeZone = '%s'; %s" % (zone, opened)).ok().rows[0][0])
                c.query("SET TimeZone = 'UTC'").ok()
                c.query("BEGIN; SET LOCAL TimeZone = '%s'" % zone).ok()
                r = c.query("%s; ROLLBACK; %s" % (opened, opened)).ok()
                seen.update(row[0] for row in r.rows)
            assert seen == {b"1970-01-01 00:00:00+00"}
            assert b"23" in c.query(opened).ok().rows[0][0]


STAYS = "SELECT id, patient, came, seen, went FROM desk.stay"


def instants(row):
    """A row of STAYS in binary: the date in days, the others in microseconds."""
    return [None if c is None else struct.unpack("!q" if len(c) == 8 else "!i", c)[0] for c in row]


def shifts(masked, raw):
    day = 86400 * 10**6
    return [None if None in (m, r) else (m - r) if k == 2 else (m - r) / day for k, (m, r) in enumerate(zip(masked, raw)) if k >= 2]


def test_dates_move_with_whose_they_are(desk):
    sql = STAYS + " ORDER BY id"
    with desk.direct() as c:
        raw = [instants(r) for r in c.run(sql, formats=(1,)).ok().rows]
    with desk.login() as c:
        c.query("SET TimeZone = 'UTC'").ok()
        rows = c.run(sql, formats=(1,)).ok().rows
        by = [shifts(instants(m), r) for m, r in zip(rows, raw)]
        n, other = by[0][0], by[2][0]
        assert by == [[n] * 3, [n, None, None], [other] * 3, [None] * 3]
        assert n != other and all(0 < abs(d) <= 40 and d == int(d) for d in (n, other))
        assert rows[1][3] is None  # infinity
        text = c.query(sql).ok().rows
        assert c.run("TABLE desk.stay", formats=(1,)).ok().rows[0][:5] == rows[0]
        for copy in ("COPY desk.stay (id, patient, came, seen, went) TO STDOUT", "COPY (%s) TO STDOUT" % sql):
            c.send(wire.query(copy))
            copied = [b.rstrip(b"\n").split(b"\t") for k, b in c.until("Z") if k == "d"]
            assert copied == [[b"\\N" if v is None else v for v in r] for r in text]
        for lone in ("SELECT came, seen, went FROM desk.stay", "SELECT a.came, a.patient FROM desk.stay a, desk.stay b",
                     "SELECT came FROM (%s) q" % STAYS, "UPDATE desk.stay SET note = 'x' RETURNING came, seen", "SELECT came FROM desk.stay UNION ALL SELECT came FROM desk.stay"):
            assert {v for r in c.query("BEGIN; %s; ROLLBACK" % lone).ok().rows for v in r} <= {None, b"7", b"8"}
        for style in ("SQL, DMY", "German", "Postgres, MDY"):
            c.query("SET DateStyle = '%s'" % style).ok()
            assert c.run(sql, formats=(1,)).ok().rows == rows
            c.query(sql).ok()
            c.query("SET DateStyle = '%s'; %s" % (style, sql)).ok()
        for write in ("INSERT INTO desk.stay (patient, came) VALUES (7, '2000-01-01')", "UPDATE desk.stay SET patient = 9", "COPY desk.stay (came) FROM STDIN"):
            assert c.query(write).error.sqlstate == "42501"
        assert found(bytes(c.received)) == []
    with desk.direct() as d:
        d.query("SET TimeZone = 'UTC'").ok()
        types = ["int4", "int4", "date", "timestamptz", "timestamp"]
        again = [d.run("SELECT " + ", ".join("$%d::%s" % (i + 1, t) for i, t in enumerate(types)), params=r, param_formats=(1,)).ok().rows[0] for r in rows]
    assert again == text


def test_digits_left_out_of_a_float(desk):
    with desk.login() as c:
        for digits in range(-15, 4):
            c.query("SET extra_float_digits = %d" % digits).ok()
            assert c.query("SELECT amount FROM desk.ticket").ok().rows == [[None]] * 5
            assert c.run("SELECT amount FROM desk.ticket", formats=(1,)).ok().rows == [[None]] * 5


ASYNCPG = """
import asyncio, asyncpg, json
async def main():
    c = await asyncpg.connect()
    out = []
    for row in await c.fetch(%r):
        out.append([None if v is None else str(v) for v in row])
    await c.close()
    print(json.dumps(out))
asyncio.run(main())
""" % (QUERY.replace("ORDER BY", "WHERE id < 5 ORDER BY"))


def test_asyncpg(desk):
    rows, printed = desk.script(ASYNCPG)
    assert [[c and c.replace("+00:00", "+00") for c in r] for r in rows] == EXPECTED[:4]
    assert found(printed) == []
    _, raw = desk.script(ASYNCPG, who="direct")
    assert found(raw) != []


def test_through_a_view(desk):
    p = desk.agent_psql("SELECT what FROM desk.queue WHERE id = 1")
    assert p.stdout.decode() == EXPECTED[0][3] + "\n"
    assert found(p.stdout) == []


@pytest.mark.parametrize("sql", [
    "SELECT id FROM desk.ticket WHERE body LIKE '%4929%'",
    "SELECT id FROM desk.ticket ORDER BY salary",
    "SELECT id FROM desk.ticket WHERE salary BETWEEN 82000 AND 83000",
    "SELECT regexp_matches(body, '(\\d+)') FROM desk.ticket",
    "COPY (SELECT body FROM desk.ticket) TO STDOUT (NULL '')",
])
def test_asking_is_refused(desk, sql):
    p = desk.agent_psql(sql)
    assert p.returncode != 0 and b"masked" in p.stderr, p.stderr
    assert found(p.stdout + p.stderr.replace(sql.encode(), b"")) == []


@pytest.mark.parametrize("expression", ["upper(body)", "body || ''", "reverse(subject)", "salary + 1", "-bonus", "md5(body)", "max(born)"])
def test_what_is_computed_is_null(desk, expression):
    p = desk.agent_psql("SELECT %s FROM desk.ticket WHERE id = 1" % expression)
    assert p.stdout == b"\n" or p.returncode != 0, p.stdout
    assert found(p.stdout + p.stderr) == []
