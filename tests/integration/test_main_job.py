# SPDX-License-Identifier: MIT
"""The main job: an agent with an unchanged DSN gets masked rows, and everything else as without the engine."""

import json
import socket

import pytest

import canary
import wire
from lab import HERE, marker

CLEAR = ", ".join(canary.CLEAR)
MASKED = ", ".join(canary.MASKED)
EVERYTHING = "SELECT %s, %s FROM clinic.patient ORDER BY id" % (CLEAR, MASKED)
FIRST_MASKED = len(canary.CLEAR)


def masked(row):
    """One row of EVERYTHING → {masked column: cell}."""
    return dict(zip(canary.MASKED, row[FIRST_MASKED:]))


def check_agent1_text(cell, i):
    """Row i of agent1 in text format, cells as str or None."""
    assert cell["ssn"] == "*******%04d" % i
    assert cell["email"].endswith("@mail.example.org") and "quorvex" not in cell["email"]
    assert cell["diagnosis"] == "****"
    assert cell["insurer"] == "some insurer"
    assert len(cell["card"]) == 16 and cell["card"] not in (c.decode() for c in canary.TEXT)
    assert float(cell["balance"]) == 0
    assert cell["visits"] == "0"
    assert int(cell["national"]) != 5193847206173849501
    assert cell["born"] == "1970-01-01"
    assert cell["seen"] == "1970-01-01 00:00:00"
    assert cell["device"] == "00000000-0000-0000-0000-000000000000"
    assert cell["vip"] is None and cell["genome"] == r"\x2a2a2a2a" and cell["contact"] == '"****"'


def text(row):
    return [c if c is None else c.decode() for c in row]


# ---- what the tests stand on ----

def test_every_canary_is_in_the_database(lab):
    """Else the searches below would prove nothing."""
    with lab.direct() as c:
        c.query(EVERYTHING).ok()
        c.run(EVERYTHING, formats=(1,)).ok()
        missing = [b for b in canary.TEXT + canary.BINARY if b not in c.received]
    assert missing == []


def test_the_dba_is_untouched(lab):
    assert lab.dba_psql("SELECT ssn, vip FROM clinic.patient WHERE id = 1") == "61728300001|t"


# ---- psql, psycopg2, asyncpg ----

def test_psql(lab):
    p = lab.agent("psql", "-XAt", "-F", "\t", "-P", "null=NULL", "-c", EVERYTHING, check=True)
    assert canary.found(p.stdout + p.stderr) == []
    direct = lab.dba_psql("SELECT %s FROM clinic.patient ORDER BY id" % CLEAR).split("\n")
    rows = [line.split("\t") for line in p.stdout.decode().rstrip("\n").split("\n")]
    assert ["|".join("" if c == "NULL" else c for c in r[:FIRST_MASKED]) for r in rows] == direct
    for i, row in enumerate(rows[:8], 1):
        check_agent1_text({k: None if v == "NULL" else v for k, v in masked(row).items()}, i)


def test_psql_meta_commands(lab):
    """\\d reads the catalogue, not values."""
    for command in (r"\d clinic.patient", r"\dt clinic.*", r"\dn", r"\df clinic.*", r"\conninfo"):
        p = lab.agent("psql", "-X", "-c", command)
        assert p.returncode == 0, (command, p.stderr)
        assert canary.found(p.stdout + p.stderr) == []


ENCODE = """
import json
def encode(v):
    return bytes(v).hex() if isinstance(v, (bytes, memoryview)) else repr(v)
"""

PSYCOPG2 = ENCODE + """
import psycopg2
c = psycopg2.connect("")
cur = c.cursor()
out = []
for i in range(2):
    cur.execute(%r)
    out.append([[encode(v) for v in row] for row in cur.fetchall()])
cur.execute("SELECT id, name, ssn FROM clinic.patient WHERE id = %%s", (3,))
out.append([[encode(v) for v in row] for row in cur.fetchall()])
print(json.dumps(out))
""" % EVERYTHING

ASYNCPG = ENCODE + """
import asyncio, asyncpg
async def main():
    c = await asyncpg.connect()
    out = []
    for i in range(2):
        out.append([[encode(v) for v in row] for row in await c.fetch(%r)])
    s = await c.prepare("SELECT id, name, ssn FROM clinic.patient WHERE id = $1")
    for i in (3, 3):
        out.append([[encode(v) for v in row] for row in await s.fetch(i)])
    async with c.transaction():
        out.append([[encode(v) for v in row] async for row in c.cursor("SELECT id, name, ssn FROM clinic.patient ORDER BY id", prefetch=2)])
    await c.close()
    print(json.dumps(out))
asyncio.run(main())
""" % EVERYTHING


@pytest.mark.parametrize("code", [PSYCOPG2, ASYNCPG], ids=["psycopg2", "asyncpg"])
def test_drivers(lab, code):
    ours, printed = lab.script(code)
    direct, raw = lab.script(code, who="direct")
    assert canary.found(raw) != []
    assert canary.found(printed) == []
    assert len(ours) == len(direct)
    for mine, theirs in zip(ours, direct):
        clear = FIRST_MASKED if len(theirs[0]) > 3 else 2
        assert [row[:clear] for row in mine] == [row[:clear] for row in theirs]
        for a, b in zip(mine, theirs):
            assert not [1 for x, y in zip(a[clear:], b[clear:]) if x == y and y != "None"]
    cell = masked(ours[0][0])
    assert cell["ssn"] == "'*******0001'" and cell["insurer"] == "'some insurer'" and cell["visits"] == "0"
    assert cell["born"] == "datetime.date(1970, 1, 1)" and cell["vip"] == "None"
    assert ours[2][0][2] == "'*******0003'"


# ---- byte by byte ----

@pytest.mark.parametrize("run", [
    lambda c: c.query(EVERYTHING),
    lambda c: c.run(EVERYTHING),
    lambda c: c.run(EVERYTHING, formats=(1,)),
    lambda c: c.run(EVERYTHING, formats=[i % 2 for i in range(len(canary.CLEAR + canary.MASKED))]),
], ids=["simple", "text", "binary", "mixed"])
def test_unmasked_cells_are_the_same_bytes(lab, client, run):
    with lab.direct() as d:
        theirs = run(d).ok()
    ours = run(client).ok()
    assert ours.kinds == theirs.kinds
    assert [b for k, b in ours.messages if k != "D"] == [b for k, b in theirs.messages if k != "D"]
    for mine, raw in zip(ours.rows, theirs.rows):
        assert mine[:FIRST_MASKED] == raw[:FIRST_MASKED]
        assert not [name for name, a, b in zip(canary.MASKED, mine[FIRST_MASKED:], raw[FIRST_MASKED:]) if a == b and b is not None]
        assert [a for a, b in zip(mine, raw) if b is None and a is not None] == [], "a NULL stays NULL"


def test_masks_in_text(client):
    for i, row in enumerate(client.query(EVERYTHING).ok().rows[:8], 1):
        check_agent1_text(masked(text(row)), i)


def test_masks_in_binary(client):
    cell = masked(client.run(EVERYTHING, formats=(1,)).ok().rows[0])
    assert cell["ssn"] == b"*******0001" and cell["diagnosis"] == b"****" and cell["insurer"] == b"some insurer"
    assert cell["visits"] == bytes(4) and cell["device"] == bytes(16)
    assert cell["balance"][:4] == bytes(4), "no digits, weight 0"
    assert cell["born"] == (-10957).to_bytes(4, "big", signed=True)
    assert cell["seen"] == (-10957 * 86400000000).to_bytes(8, "big", signed=True)
    assert len(cell["national"]) == 8
    assert cell["vip"] is None and cell["genome"] == b"****" and cell["contact"] == b'\x01"****"'


def test_hash_is_the_same_in_both_formats(client):
    sql = "SELECT national, card FROM clinic.patient WHERE id = 1"
    t, b = client.run(sql).ok().rows[0], client.run(sql, formats=(1,)).ok().rows[0]
    assert int(t[0]) == int.from_bytes(b[0], "big", signed=True)
    assert t[1] == b[1]


def test_short_and_malformed_values_are_masked_whole(client):
    ssn, email = text(client.query("SELECT ssn, email FROM clinic.patient WHERE id = 9").ok().rows[0])
    assert "7" not in ssn
    assert "quorvex" not in email and "address" not in email


# ---- without Describe ----

def test_prepared_again_without_describe(client):
    sql = "SELECT id, ssn FROM clinic.patient WHERE id = $1"
    client.send(wire.parse(sql, "again", types=(23,)), wire.describe("S", "again"), wire.sync())
    client.result().ok()
    for i in (1, 2):
        client.send(wire.bind("again", params=(b"%d" % i,)), wire.execute(), wire.sync())
        r = client.result().ok()
        assert r.kinds == "2DCZ" and r.rows == [[b"%d" % i, b"*******%04d" % i]]
    client.send(wire.bind("again", params=(b"4",), formats=(1,)), wire.execute(), wire.sync())
    assert client.result().ok().rows == [[b"\0\0\0\4", b"*******0004"]]


def test_never_described(client):
    client.send(wire.parse(EVERYTHING), wire.bind(), wire.execute(), wire.sync())
    r = client.result().ok()
    assert r.kinds.startswith("12D")
    check_agent1_text(masked(text(r.rows[0])), 1)


def test_portal_in_pieces(client):
    client.send(wire.parse("SELECT id, ssn FROM clinic.patient ORDER BY id"), wire.bind(), wire.execute(rows=3), wire.execute(rows=3),
                wire.flush(), wire.execute(), wire.sync())
    r = client.result().ok()
    assert r.kinds == "12DDDsDDDsDDDCZ"
    assert [x[1] for x in r.rows[:8]] == [b"*******%04d" % i for i in range(1, 9)]


# ---- where a masked column may stand ----

PLAIN = [
    ("SELECT ssn FROM clinic.patient WHERE id = 1", b"*******0001"),
    ("SELECT x.s FROM (SELECT id, ssn AS s FROM clinic.patient) x WHERE x.id = 1", b"*******0001"),
    ("WITH p AS (SELECT id, ssn FROM clinic.patient) SELECT ssn FROM p WHERE id = 1", b"*******0001"),
    ("SELECT p.ssn FROM clinic.note n JOIN clinic.patient p ON p.id = n.patient WHERE n.id = 8", b"*******0001"),
    ("SELECT number FROM clinic.directory WHERE id = 1", b"*******0001"),
    ("SELECT d.number FROM clinic.directory d, clinic.journal j WHERE d.id = 1 AND j.id = 1", b"*******0001"),
    ("TABLE clinic.directory LIMIT 0", None),
]


@pytest.mark.parametrize("sql,cell", PLAIN, ids=[str(i) for i in range(len(PLAIN))])
def test_plain_output_is_masked(client, sql, cell):
    for run in (client.query, client.run):
        rows = run(sql).ok().rows
        assert [r[-1] for r in rows] == ([cell] if cell else [])


OUTPUT_EXPRESSIONS = [
    "SELECT id, upper(ssn) FROM clinic.patient WHERE id = 1",
    "SELECT id, ssn || '' FROM clinic.patient WHERE id = 1",
    "SELECT id, ssn::text COLLATE \"C\" FROM clinic.patient WHERE id = 1",
    "SELECT id, (SELECT ssn FROM clinic.patient q WHERE q.id = p.id) FROM clinic.patient p WHERE id = 1",
    "SELECT id, coalesce(ssn, diagnosis) FROM clinic.patient WHERE id = 1",
    "SELECT id, p FROM clinic.patient p WHERE id = 1",
    "SELECT id, ARRAY[ssn] FROM clinic.patient WHERE id = 1",
    "SELECT id, ssn FROM clinic.snapshot WHERE id = 1",
    "SELECT 1, max(ssn) FROM clinic.patient",
    "SELECT 1, string_agg(ssn, ',') FROM clinic.patient",
    "SELECT id, number FROM clinic.directory WHERE id = 1 UNION ALL SELECT id, line FROM clinic.journal WHERE id = 0",
    "SELECT id, CASE WHEN true THEN ssn END FROM clinic.patient WHERE id = 1",
]


@pytest.mark.parametrize("sql", OUTPUT_EXPRESSIONS)
def test_expression_over_masked_is_null_or_refused(client, sql):
    """Or masked, where it is a copy of the column after all. Never a value."""
    for run in (client.query, lambda s: client.run(s, formats=(1,))):
        r = run(sql)
        if r.errors:
            assert r.error.sqlstate == "42501" and r.error.hint
            assert not r.rows
        else:
            assert all(row[1] in (None, b"*******0001") for row in r.rows)


MADE = ["to_json(p)", "to_jsonb(p)", "(to_jsonb(p) - 'nothing')::json", "COALESCE(row_to_json(p), '{}')"]
PARTS = "SELECT %s, %s FROM clinic.patient WHERE id = 1" % (CLEAR, MASKED)


@pytest.mark.parametrize("made", MADE)
def test_a_row_as_json_is_masked_by_its_parts(client, lab, made):
    """A text is what it is elsewhere, another value null, and what is not masked as without the engine."""
    sql = "SELECT %s FROM clinic.patient p WHERE id = 1" % made
    texts = ["ssn", "email", "diagnosis", "insurer"]
    with lab.direct() as d:
        raw = json.loads(d.query(sql).ok().rows[0][0])
    want = {**raw, **dict.fromkeys(canary.MASKED), **{k: v.decode() for k, v in masked(client.query(PARTS).ok().rows[0]).items() if k in texts}}
    assert set(raw) == {*canary.CLEAR, *canary.MASKED}
    many = "SELECT json_agg(j), json_build_object('of', json_agg(j)) FROM (SELECT %s AS j FROM clinic.patient p WHERE id = 1) x" % made
    for run in (client.query, lambda s: client.run(s, formats=(1,))):
        cell, = run(sql).ok().rows[0]
        assert json.loads(cell.lstrip(b"\x01")) == want
        agg, built = run(many).ok().rows[0]
        assert json.loads(agg) == [want] and json.loads(built) == {"of": [want]}
    client.send(wire.query("COPY (%s) TO STDOUT (FORMAT csv, DELIMITER '|', QUOTE '^')" % sql))
    copied, = [b for k, b in client.until("Z") if k == "d"]
    assert json.loads(copied.strip(b"^\n")) == want


# ---- what is not sensitive goes on as before ----

def test_unmasked_work(client):
    def one(sql):
        return client.query(sql).ok()

    one("BEGIN")
    assert one("INSERT INTO clinic.journal (line, amount) VALUES ('test', 3) RETURNING line, amount").rows == [[b"test", b"3"]]
    assert one("UPDATE clinic.journal SET amount = amount + 1 WHERE line = 'test' RETURNING amount").rows == [[b"4"]]
    assert one("INSERT INTO clinic.journal (line) SELECT name FROM clinic.patient WHERE id = 2").tags == ["INSERT 0 1"]
    assert one("DELETE FROM clinic.journal WHERE line = 'test'").tags == ["DELETE 1"]
    assert one("SAVEPOINT s").status == "T"
    assert one("ROLLBACK TO s").tags == ["ROLLBACK"]
    one("ROLLBACK")
    assert one("SELECT count(*) FROM clinic.patient").rows == [[b"9"]]
    assert one("VALUES (1, 'x')").rows == [[b"1", b"x"]]
    assert one("SHOW server_encoding").rows == [[b"UTF8"]]
    assert one("SET application_name = 'something'").tags == ["SET"]
    assert one("SET statement_timeout = '1min'").tags == ["SET"]
    assert one("").kinds == "IZ"
    r = one("SELECT 1; SELECT id, ssn FROM clinic.patient WHERE id = 1; SELECT 3")
    assert r.rows == [[b"1"], [b"1", b"*******0001"], [b"3"]] and r.kinds == "TDCTDCTDCZ"
    assert one("EXPLAIN SELECT ssn FROM clinic.patient").rows


def test_copy_of_an_unmasked_relation(lab, client):
    r = client.query("COPY clinic.journal TO STDOUT").ok()
    assert b"".join(b for k, b in r.messages if k == "d") == b"1\topened\t1\n2\tclosed\t2\n"
    client.query("BEGIN").ok()
    client.send(wire.query("COPY clinic.journal (line, amount) FROM STDIN"))
    assert client.until("GEZ")[-1][0] == "G"
    client.send(wire.message("d", b"copied\t7\n"), wire.message("c"))
    assert client.result().ok().tags == ["COPY 1"]
    assert client.query("SELECT amount FROM clinic.journal WHERE line = 'copied'").ok().rows == [[b"7"]]
    client.query("ROLLBACK").ok()


def test_cursors_and_sql_prepare(client):
    client.query("BEGIN").ok()
    client.query("DECLARE c CURSOR FOR SELECT id, ssn FROM clinic.patient ORDER BY id").ok()
    assert client.query("FETCH 2 FROM c").ok().rows == [[b"1", b"*******0001"], [b"2", b"*******0002"]]
    client.send(wire.parse("FETCH 1 FROM c"), wire.bind(), wire.execute(), wire.sync())
    assert client.result().ok().rows == [[b"3", b"*******0003"]]
    client.query("CLOSE c").ok()
    client.query("COMMIT").ok()
    client.query("PREPARE q (int) AS SELECT ssn, name FROM clinic.patient WHERE id = $1").ok()
    assert client.query("EXECUTE q (5)").ok().rows[0][0] == b"*******0005"
    client.send(wire.bind("q", params=(b"6",)), wire.execute(), wire.sync())
    assert client.result().ok().rows[0][0] == b"*******0006", "SQL and protocol share their names"
    client.query("DEALLOCATE q").ok()


def test_errors_of_the_server_arrive(client):
    """The same bytes where nothing masked is near."""
    e = client.query("INSERT INTO clinic.journal (line, amount) VALUES ('x', -1)").error
    assert e.sqlstate == "23514"
    assert client.query("SELECT 1/0").error.sqlstate == "22012"
    assert client.query("SELECT nothing FROM clinic.journal").error.sqlstate == "42703"
    assert client.query("SELEC 1").error.sqlstate == "42601"
    assert client.query("SELECT 1").ok().rows == [[b"1"]]


def test_errors_and_notices_of_a_masked_relation_hold_no_value(client):
    """`Failing row contains (…)` and a trigger's NOTICE."""
    e = client.query("UPDATE clinic.patient SET name = NULL WHERE id = 1").error
    assert e.sqlstate == "23502" and "D" not in e.fields
    client.query("BEGIN").ok()
    r = client.query("UPDATE clinic.patient SET ward = 'X' WHERE id = 1")
    assert all(not {"D", "H", "W"} & set(n) for n in r.notices)
    client.query("ROLLBACK").ok()
    e = client.query("INSERT INTO clinic.patient (id, name) VALUES (1, 'twice')").error
    assert e.sqlstate == "23505"


# ---- who and where ----

def test_two_agents_see_different_masks(lab):
    sql = "SELECT ssn, email, insurer, name FROM clinic.patient WHERE id = 1"
    with lab.login("agent1") as a, lab.login("agent2") as b:
        one, two = text(a.query(sql).ok().rows[0]), text(b.query(sql).ok().rows[0])
        assert canary.found(bytes(a.received + b.received)) == []
    assert one[0] == "*******0001" and one[1].endswith("@mail.example.org") and one[2] == "some insurer"
    assert two[:3] == ["000", None, "****"]
    assert one[3] == two[3] == "Patient 1 – Müller"


def test_the_dsn_does_not_work_without_the_engine(lab):
    password = lab.agent("printenv", "PGPASSWORD", check=True).stdout.decode().strip()
    for netns in (None, "agent1"):
        with wire.Client(lab.dial(None, netns=netns)) as c, pytest.raises(wire.ServerError) as refused:
            c.login("agent", lab.dbname, password)
        assert refused.value.sqlstate == "28000"
    assert "no pg_hba.conf entry" in str(refused.value) or "rejects connection" in str(refused.value)


def test_the_agent_holds_no_credential_of_the_engine(lab):
    """Neither in its environment nor in a file that it can read."""
    p = lab.agent("sh", "-c", 'env; cat "$1" "$2"', "sh", lab.state / "agent.pw", lab.state / "lab.env")
    assert lab.password().encode() not in p.stdout + p.stderr


def test_any_user_name_and_password(lab):
    """The kernel says who it is: nothing that the client claims changes that."""
    for user in ("agent", "postgres", "pgveil_agent", "nobody-knows-me"):
        with lab.connect() as c:
            c.login(user, lab.dbname)
            assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"*******0001"]]


def test_the_peer_and_the_source_are_as_they_were_meant(lab):
    """getpeername shows the address that was dialled; the server sees the agent's own address."""
    with lab.login(params={"application_name": "peer"}) as c:
        assert c.sock.getpeername() == (lab.host, lab.port)
        ip = lab.dba_psql("SELECT host(client_addr) FROM pg_stat_activity WHERE application_name = 'peer' AND usename = 'pgveil_agent'")
        assert ip == lab.agents["agent1"]["ip"]


@pytest.mark.parametrize("family", ["v4-mapped", "v6"])
def test_ipv6(lab, own_lab, family, tmp_path):
    if family == "v4-mapped":
        with lab.login(host="::ffff:" + lab.host) as c:
            assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"*******0001"]]
            assert c.sock.getpeername()[:2] == ("::ffff:" + lab.host, lab.port)
        return
    policy = tmp_path / "v6.yaml"
    policy.write_text((HERE / "agent1.yaml").read_text().replace("${LAB_DB_HOST}:${LAB_DB_PORT}", '"[${LAB_DB_HOST6}]:${LAB_DB_PORT}"'))
    six = own_lab(policies=(policy,), agents=1)
    host = next(line.split("=", 1)[1] for line in (six.state / "lab.env").read_text().split("\n") if line.startswith("db_host6="))
    if not host.strip("'"):
        pytest.skip("this machine has no IPv6")
    with six.login(host=host) as c:
        assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"*******0001"]]
        assert c.sock.getpeername()[:2] == (host, six.port)


def test_flows_shows_the_open_session(lab):
    with lab.login() as c:
        c.query("SELECT 1").ok()
        shown = lab.sh("pgveil", "--", "flows").stdout.decode()
        line = [x for x in shown.split("\n") if "agent1" in x]
        assert line and lab.host in line[0]
    assert lab.sh("pgveil", "--", "status").returncode == 0


def test_other_ports_are_left_alone(lab):
    """An enrolled process is caught on database ports only."""
    with socket.create_server(("0.0.0.0", 0)) as s:
        gateway = lab.host.rsplit(".", 1)[0] + ".1"
        lab.dial(host=gateway, port=s.getsockname()[1]).close()
        peer, address = s.accept()
        peer.close()
        assert address[0] == lab.agents["agent1"]["ip"]


def test_a_passing_statement_is_logged_as_it_was_written(lab, client):
    m = marker()
    client.query("SELECT id, ssn FROM clinic.patient WHERE id = 1 /* %s */" % m).ok()
    assert "statement: SELECT id, ssn FROM clinic.patient WHERE id = 1 /* %s */" % m in lab.server_log()
