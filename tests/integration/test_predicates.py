# SPDX-License-Identifier: MIT
"""What a rule lets a statement ask: predicates, the budget of constants by every way that a statement can be run, and
aggregates; and the ways to find a value out that must not work."""

import itertools
import os
import struct
import time

import pytest

import wire
from lab import HERE, Lab, marker

LIMIT = 6
TEXT_ARRAY, INT2VECTOR = 1009, 22


@pytest.fixture(scope="module")
def ask():
    with Lab(schema=HERE / "ask.sql", policies=[HERE / "ask.yaml"]) as up:
        yield up


@pytest.fixture
def client(ask):
    with ask.login() as c:
        yield c
        assert b"zq-" not in bytes(c.received)


def spent(result):
    """Whether a statement was refused for its budget; with a reason, a hint and nothing else."""
    if not result.errors:
        return False
    assert result.error.sqlstate == "53400", result.error
    assert "too many constants were compared with column ask." in str(result.error)
    assert "ask.yaml:" in result.error.hint and "seconds" in result.error.hint
    return True


def spent_at(c, statement):
    """How many of them pass."""
    for n in range(100):
        if spent(c.query(statement(n))):
            return n
    raise AssertionError("the budget has no end")


def refused(result, sqlstate="42501"):
    assert result.error.sqlstate == sqlstate, result.error
    assert result.rows == []
    return result.error


def equal(column, value):
    return "SELECT id FROM ask.person WHERE %s = '%s'" % (column, value)


# ---- the budget ----

def test_simple_queries(ask):
    seen = marker()
    with ask.login() as c:
        for n in range(LIMIT):
            # the first one is judged; the rest are told from it by their constants alone
            assert c.query(equal("a", "zq-value-%d" % (n + 1))).ok().rows == [[b"%d" % (n + 1)]]
        assert spent(c.query(equal("a", "zq-value-9") + " /* %s */" % seen))
        assert c.query("SELECT 1").ok().rows == [[b"1"]]
        assert b"zq-" not in bytes(c.received)
    assert seen not in ask.server_log()
    with ask.login() as c:  # the same identity again
        assert spent(c.query(equal("a", "none")))
        assert spent(c.run("SELECT id FROM ask.person WHERE a = $1", params=[b"none"]))
    with ask.login("agent2") as c:  # another one
        assert c.query(equal("a", "zq-value-3")).ok().rows == [[b"3"]]


def test_a_cgroup_below_is_the_same_identity(ask):
    below = os.path.join(ask.agents["agent2"]["cgroup"], "below")
    os.makedirs(below, exist_ok=True)
    ask.agents["below"] = {"cgroup": below}
    with ask.login("agent2") as c:
        for n in range(LIMIT - 1):
            assert not spent(c.query(equal("b", n)))
    with ask.login("below", netns="agent2") as c:
        assert not spent(c.query(equal("b", "x")))
        assert spent(c.query(equal("b", "y")))


def test_what_is_refused_costs_nothing(client):
    many = ", ".join("'%d'" % n for n in range(LIMIT + 1))
    assert spent(client.query("SELECT id FROM ask.person WHERE c IN (%s)" % many))
    assert spent(client.query(equal("c", 1) + "; " + "; ".join(equal("c", n) for n in range(LIMIT))))
    refused(client.query(equal("c", 1) + " AND secret = 'x'"))
    refused(client.query(equal("c", 1) + " AND nobody = 1"), "42703")
    assert not spent(client.query("; ".join(equal("c", n) for n in range(LIMIT))))
    assert spent(client.query(equal("c", 1)))


def test_every_bind(ask, client):
    client.send(wire.parse("SELECT id FROM ask.person WHERE d = $1", name="p"), wire.sync())
    client.result().ok()
    for n in range(3):
        client.send(wire.bind("p", params=[b"zq-value-%d" % (n + 1)]), wire.execute(), wire.sync())
        assert client.result().ok().rows == [[b"%d" % (n + 1)]]
    # in one go, binary: three more fit, and the server is not asked about the fourth
    last = marker().encode()
    client.send(*[wire.bind("p", params=[v], param_formats=(1,), formats=(1,)) + wire.execute()
                  for v in (b"zq-value-4", b"zq-value-5", b"zq-value-6", last)], wire.sync())
    r = client.result()
    assert spent(r)
    assert r.rows == [[struct.pack("!i", n)] for n in (4, 5, 6)]
    assert last.decode() not in ask.server_log()
    # a statement whose constant is in its text is bound, too
    with ask.login("agent2") as c:
        c.send(wire.parse(equal("d", "zq-value-7"), name="q"), wire.sync())
        c.result().ok()
        for n in range(LIMIT + 1):
            c.send(wire.bind("q"), wire.execute(), wire.sync())
            assert spent(c.result()) == (n == LIMIT)


def array(*values, dims=None):
    dims = dims or ([len(values)] if values else [])
    head = struct.pack("!iiI", len(dims), 0, 25) + b"".join(struct.pack("!ii", n, 1) for n in dims)
    return head + b"".join(struct.pack("!i", len(v)) + v for v in values)


def test_arrays(ask, client):
    sql = "SELECT id FROM ask.person WHERE e = ANY ($1) ORDER BY id"
    two = [[b"1"], [b"2"]]
    assert client.run(sql, params=[b'{zq-value-1,"zq-value-2"}']).ok().rows == two  # 2
    assert client.run(sql, params=[array(b"zq-value-1", b"zq-value-2", dims=[2, 1])], param_formats=(1,)).ok().rows == two  # 4
    assert spent(client.run(sql, params=[b"{a,b,c}"]))
    assert spent(client.run(sql, params=[array(b"a", b"b", b"c")], param_formats=(1,)))
    assert spent(client.query("SELECT id FROM ask.person WHERE e = ANY ('{a,b,c}')"))
    assert spent(client.query("SELECT id FROM ask.person WHERE e = ANY (ARRAY['a', 'b', 'c'])"))
    assert not spent(client.run(sql, params=[None]))  # 5
    assert not spent(client.run(sql, params=[array()], param_formats=(1,)))  # 6
    assert spent(client.run(sql, params=[b"{}"]))
    # what cannot be counted
    for bad, formats in [(b"a", (0,)), (b" {a}", (0,)), (b"", (0,)), (b"\0\0\0\1", (1,)), (array(dims=[65536, 65536]), (1,)), (b"{a}", (2,))]:
        assert "cannot be counted" in str(refused(client.run(sql, params=[bad], param_formats=formats)))
    number = "SELECT id FROM ask.person WHERE i = ANY ($1)"
    client.send(wire.parse(number, types=[INT2VECTOR]), wire.bind(params=[b"1 2 3 4 5 6 7 8"]), wire.execute(), wire.sync())
    refused(client.result())
    client.send(wire.parse(number, types=[INT2VECTOR]),
                wire.bind(params=[struct.pack("!iiIii", 1, 0, 21, 7, 0) + struct.pack("!ih", 2, 1) * 7], param_formats=(1,)),
                wire.execute(), wire.sync())
    assert spent(client.result())


def test_execute(client):
    client.query("PREPARE one AS SELECT id FROM ask.person WHERE f = $1").ok()
    client.query("PREPARE list (text[]) AS SELECT id FROM ask.person WHERE f = ANY ($1)").ok()
    assert client.query("EXECUTE one ('zq-value-1')").ok().rows == [[b"1"]]  # 1
    assert client.query("EXECUTE list ('{zq-value-1,x}')").ok().rows == [[b"1"]]  # 3
    assert not spent(client.query("EXECUTE list (ARRAY['x'])"))  # 4
    refused(client.query("EXECUTE list (string_to_array('a b c', ' '))"))
    refused(client.query("EXECUTE list (ARRAY['a', 'b'] || ARRAY['c'])"))
    refused(client.query("EXPLAIN EXECUTE one ('zq-value-1')"))
    assert spent(client.query("EXECUTE one ('a'); EXECUTE one ('b'); EXECUTE one ('c')"))
    # by the protocol: what SQL prepared, and EXECUTE itself
    client.send(wire.bind("one", params=[b"a"]), wire.execute(), wire.sync())  # 5
    assert not spent(client.result())
    assert spent(client.run("EXECUTE list ('{a,b}')"))
    assert client.run("EXECUTE list ('{zq-value-2}')").ok().rows == [[b"2"]]  # 6
    assert spent(client.query("EXECUTE one ('a')"))
    client.send(wire.bind("one", params=[b"a"]), wire.execute(), wire.sync())
    assert spent(client.result())
    with_explain = wire.parse("EXPLAIN EXECUTE one ('a')") + wire.bind() + wire.execute()
    client.send(with_explain, wire.sync())
    refused(client.result())


def test_other_ways_to_run_it(client):
    client.query("BEGIN").ok()
    client.query("DECLARE x CURSOR FOR " + equal("g", "zq-value-1")).ok()  # 1
    assert client.query("FETCH x").ok().rows == [[b"1"]]
    client.query("MOVE BACKWARD ALL FROM x").ok()
    assert client.query("FETCH x").ok().rows == [[b"1"]]
    client.query("COMMIT").ok()
    client.query("EXPLAIN " + equal("g", "x")).ok()  # 2
    assert client.query("COPY (%s) TO STDOUT" % equal("g", "zq-value-1")).ok().tags == ["COPY 1"]  # 3
    assert client.query("UPDATE ask.person SET dept = dept WHERE g = 'zq-value-1'").ok().tags == ["UPDATE 1"]  # 4
    assert client.query("DELETE FROM ask.person WHERE g = 'none'").ok().tags == ["DELETE 0"]  # 5
    client.query("PREPARE never AS " + equal("g", "x")).ok()
    client.query("BEGIN").ok()
    client.run("DECLARE y CURSOR FOR SELECT id FROM ask.person WHERE g = $1", params=[b"zq-value-2"]).ok()  # 6
    assert client.query("FETCH y").ok().rows == [[b"2"]]
    assert spent(client.query("DECLARE z CURSOR FOR " + equal("g", "x")))
    client.query("ROLLBACK").ok()
    for sql in ("EXECUTE never", "EXPLAIN " + equal("g", "x"), "COPY (%s) TO STDOUT" % equal("g", "x"),
                "UPDATE ask.person SET dept = '' WHERE g = 'x'", "DELETE FROM ask.person WHERE g = 'x'"):
        assert spent(client.query(sql)), sql


def test_a_failure_costs_one_more(client):
    sql = "SELECT 1 / (id - 1) FROM ask.person WHERE h = '%s'"
    assert refused(client.query(sql % "zq-value-1"), "22012")  # 2
    assert refused(client.run((sql % "zq-value-1").replace("'zq-value-1'", "$1"), params=[b"zq-value-1"]), "22012")  # 4
    assert client.query(sql % "zq-value-3").ok().rows == [[b"0"]]  # 5
    assert refused(client.query(sql % "zq-value-1"), "22012")  # 6, and what is over
    assert spent(client.query(equal("h", "x")))


def test_partitions_share(client):
    ask_of = "SELECT id FROM ask.%s WHERE p = 'zq-value-%d'"
    for n in range(3):
        assert client.query(ask_of % ("part_one", n + 1)).ok().rows == [[b"%d" % (n + 1)]]
        assert client.query(ask_of % ("part_two", n + 11)).ok().rows == [[b"%d" % (n + 11)]]
    assert spent(client.query(ask_of % ("part_one", 5)))
    assert spent(client.query(ask_of % ("part_two", 5)))
    assert spent(client.query(ask_of % ("part", 5)))


def test_it_comes_back(client):
    sql = equal("quick", "zq-value-%d")
    begin = time.monotonic()
    assert client.query(sql % 1).ok().rows == [[b"1"]]
    assert client.query(sql % 2).ok().rows == [[b"2"]]
    r = client.query(sql % 3)
    assert spent(r)
    seconds = int(r.error.hint.split("in ")[-1].split()[0])
    assert 1 <= seconds <= 4
    while spent(client.query(sql % 3)):
        assert time.monotonic() < begin + 20
    assert time.monotonic() - begin > 2.9


def test_joins_and_views_of_an_honest_kind(client):
    rows = client.query("SELECT v.what FROM ask.visit v JOIN ask.person p ON p.id = v.person WHERE p.j = 'zq-value-3' AND v.id > 5 "
                        "ORDER BY v.id").ok().rows
    assert rows == [[b"visit22"]]
    assert client.query("SELECT count(*) FROM ask.person WHERE j IS NOT NULL").ok().rows == [[b"20"]]
    assert client.query("WITH q AS (SELECT id, j FROM ask.person) SELECT id, j FROM q WHERE j = 'zq-value-4'").ok().rows == [[b"4", b"****"]]


# ---- allow, and aggregates ----

def test_allow(client):
    assert client.query("SELECT id, open FROM ask.person WHERE open LIKE '%-7' OR open < 'a' ORDER BY open").ok().rows == [[b"7", b"****"]]
    assert client.run("SELECT count(*), open = 'x' FROM ask.person WHERE open > $1 GROUP BY 2", params=[b"a"]).ok().rows == [[b"20", None]]
    assert client.query("SELECT CASE WHEN open = 'zq-open-1' THEN 1 ELSE 0 END FROM ask.person WHERE id = 1").ok().rows == [[b"1"]]
    e = refused(client.query("SELECT open::int FROM ask.person"), "22P02")
    assert "zq" not in str(e)
    refused(client.query("UPDATE ask.person SET dept = open"))
    refused(client.query("SELECT id FROM ask.person WHERE open = secret"))


def test_aggregates(ask, client):
    with ask.direct() as c:
        sql = "SELECT dept, count(secret), avg(salary), sum(salary), stddev(salary) FROM ask.person GROUP BY dept HAVING count(salary) >= 5 ORDER BY avg(salary)"
        direct = c.query(sql).ok().rows
        assert len(direct) == 3
        text = c.query(sql).ok().rows
        binary = c.run(sql, formats=(1,)).ok().rows
    assert client.query(sql).ok().rows == text
    assert client.run(sql, formats=(1,)).ok().rows == binary
    e = refused(client.query("SELECT avg(salary) FROM ask.person WHERE id = 7"))
    clause = e.hint[e.hint.index("HAVING"):].split(", by AND")[0]
    assert clause == "HAVING count(salary) >= 5"
    assert client.query("SELECT avg(salary) FROM ask.person WHERE id = 7 " + clause).ok().rows == []
    assert client.query("SELECT avg(salary) IS NOT NULL FROM ask.person " + clause).ok().rows == [[b"t"]]
    # the same value five times over
    assert client.query("SELECT avg(salary) FROM ask.person, generate_series(1, 5) WHERE id = 7 " + clause).ok().rows == [[None]]
    assert client.query("SELECT max(salary) FROM ask.person").ok().rows == [[None]]
    assert client.query("SELECT count(grade), count(*) FROM ask.person").ok().rows == [[None, b"20"]]
    # a threshold of another text is no threshold of this one, though all else is the same
    assert client.query("SELECT avg(salary) FROM ask.person WHERE id <= 5 HAVING count(salary) >= 5").ok().rows == [[b"3000.5500000000000000"]]
    refused(client.query("SELECT avg(salary) FROM ask.person WHERE id <= 1 HAVING count(salary) >= 1"))
    refused(client.run("SELECT avg(salary) FROM ask.person WHERE id <= 1 HAVING count(salary) >= $1", params=[b"1"]))


# ---- how to find a value out ----

ORACLES = [
    # one statement, many questions
    "WITH RECURSIVE s(lo, hi) AS (SELECT 0, 10000 UNION ALL SELECT CASE WHEN pin > (lo + hi) / 2 THEN (lo + hi) / 2 ELSE lo END, "
    "CASE WHEN pin > (lo + hi) / 2 THEN hi ELSE (lo + hi) / 2 END FROM s, ask.person WHERE id = 1 AND hi - lo > 1) SELECT max(lo) FROM s",
    "WITH RECURSIVE g(n) AS (SELECT 7000 UNION ALL SELECT n + 1 FROM g, ask.person p WHERE p.id = 1 AND p.pin <> n) SELECT max(n) FROM g",
    "SELECT n FROM generate_series(1, 9999) n JOIN ask.person p ON p.pin = n WHERE p.id = 1",
    "SELECT n FROM generate_series(1, 9999) n, ask.person p WHERE p.pin = n AND p.id = 1",
    "SELECT n FROM generate_series(1, 9999) n WHERE EXISTS (SELECT 1 FROM ask.person WHERE pin = n)",
    "SELECT n FROM generate_series(1, 9999) n WHERE n IN (SELECT pin FROM ask.person)",
    "SELECT n FROM generate_series(1, 9999) n WHERE n = (SELECT pin FROM ask.person WHERE id = 1)",
    "SELECT n FROM generate_series(1, 9999) n, ask.person WHERE i = n",
    "SELECT p.id, n FROM generate_series(1, 30) n JOIN ask.person p ON p.i = n",
    "SELECT v.x FROM (VALUES ('zq-value-1'), ('b')) v (x) JOIN ask.person p ON p.k = v.x",
    "SELECT x FROM unnest(ARRAY['zq-value-1', 'b']) x JOIN ask.person p ON p.k = x",
    "SELECT 1 FROM ask.person WHERE k = 'a' UNION ALL SELECT 2 FROM ask.person WHERE k = 'b'",
    "SELECT (SELECT count(*) FROM ask.person WHERE k = 'a'), (SELECT count(*) FROM ask.person WHERE k = 'b')",
    "SELECT k = 'a', count(*) FROM ask.person GROUP BY 1",
    "SELECT id FROM ask.person WHERE k IN (%s)" % ", ".join("'%d'" % n for n in range(1000)),
    "SELECT id FROM ask.person WHERE k = ANY (string_to_array('a,b', ','))",
    "SELECT id FROM ask.person WHERE k = (SELECT what FROM ask.visit LIMIT 1)",
    # errors
    "SELECT avg(1 / (pin - 7001)) FROM ask.person",
    "SELECT sum(1 / (pin - 7001)) OVER () FROM ask.person",
    "SELECT id, 1 / (pin - 7001) FROM ask.person ORDER BY 2",
    "SELECT count(*) FROM (SELECT DISTINCT 1 / (pin - 7001) FROM ask.person) q",
    "SELECT (SELECT 1 FROM ask.visit v WHERE v.id = 1 / (p.pin - 7001)) FROM ask.person p",
    "SELECT q.n FROM (SELECT CASE WHEN pin > 7001 THEN 1 END AS n FROM ask.person) q WHERE q.n IS NULL",
    "SELECT q.n, count(*) FROM (SELECT CASE WHEN pin > 7001 THEN 1 END AS n FROM ask.person) q GROUP BY 1",
    "SELECT id FROM ask.person WHERE k = 'a' AND secret::int > 0",
    "SELECT count(*) FROM ask.person WHERE id = 1 AND pin > 7000 AND 1 / 0 > 0",
    # time
    "SELECT pg_sleep(pin / 10000.0) FROM ask.person",
    "SELECT count(*) FROM ask.person, generate_series(1, 1000000) WHERE pin > 7000",
    # rows, order and numbers of rows
    "SELECT id FROM ask.visit LIMIT (SELECT pin FROM ask.person WHERE id = 1)",
    "SELECT id FROM ask.visit OFFSET (SELECT pin - 7000 FROM ask.person WHERE id = 1)",
    "SELECT id FROM ask.visit ORDER BY (SELECT pin FROM ask.person WHERE id = 1) = 7001",
    "SELECT id FROM ask.person ORDER BY pin",
    "SELECT rank() OVER (ORDER BY secret) FROM ask.person",
    "SELECT DISTINCT ON (secret) id FROM ask.person",
    "SELECT id, GROUPING(pin) FROM ask.person GROUP BY ROLLUP (id, pin)",
    "SELECT generate_series(1, pin - 7000) FROM ask.person WHERE id = 3",
    "SELECT id FROM ask.person TABLESAMPLE bernoulli (1 + (SELECT pin - 7000 FROM ask.person WHERE id = 1))",
    "SELECT count(*) FILTER (WHERE secret LIKE 'zq-secret-1%') FROM ask.person",
    "SELECT dept FROM ask.person GROUP BY dept HAVING max(secret) > 'm'",
    "SELECT count(DISTINCT secret) FROM ask.person",
    "SELECT mode() WITHIN GROUP (ORDER BY secret) FROM ask.person",
    "SELECT 1 FROM ask.person WHERE secret = 'zq-secret-1' INTERSECT SELECT 1",
    "SELECT secret FROM ask.person EXCEPT SELECT 'zq-secret-1'",
    # a condition that was made elsewhere
    "SELECT q.id FROM (SELECT id, secret > 'm' AS b FROM ask.person) q WHERE q.b",
    "SELECT q.id FROM (SELECT id, k = 'a' AS b FROM ask.person) q WHERE q.b = true",
    "SELECT v.id FROM ask.visit v JOIN (SELECT id, length(secret) AS n FROM ask.person) q ON q.n = v.id",
    # what EXPLAIN, cursors and statements that were prepared show
    "EXPLAIN SELECT id FROM ask.person WHERE pin > 7005",
    "EXPLAIN (ANALYZE) SELECT id FROM ask.person WHERE k = 'a' OR id = 1",
    "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM ask.person WHERE secret > 'm'",
    "PREPARE p AS SELECT id FROM ask.person WHERE secret > $1",
    # groups that are too small
    "SELECT id, avg(salary) FROM ask.person GROUP BY id",
    "SELECT id FROM ask.person GROUP BY id HAVING sum(salary) > 5000",
    "SELECT id FROM ask.person GROUP BY id ORDER BY sum(salary)",
    "SELECT id FROM ask.person GROUP BY id HAVING count(salary) >= 5 AND 1 / (sum(salary) - 1000.55) > 0",
    "SELECT avg(salary) FROM ask.person WHERE id = 1 HAVING count(*) >= 1",
    "SELECT sum(DISTINCT salary) FROM ask.person HAVING count(salary) >= 5",
    "SELECT id, (SELECT avg(p.salary) FROM ask.visit HAVING count(*) >= 5) > 5000 AS b FROM ask.person p GROUP BY id ORDER BY 2",
]


@pytest.mark.parametrize("sql", ORACLES)
def test_oracle(ask, client, sql):
    """Refused, by each way to send it, and the server has not seen it."""
    seen = marker()
    told = sql + " /* %s */" % seen
    assert client.query(told).error.sqlstate == "42501"
    assert client.run(told).error.sqlstate == "42501"
    assert client.run(told, formats=(1,)).error.sqlstate == "42501"
    client.query("SELECT 1 /* after %s */" % seen).ok()
    log = ask.server_log()
    assert "after " + seen in log
    assert log.count(seen) == log.count("after " + seen)


@pytest.mark.parametrize("sql", [
    "SELECT (ARRAY[1])[pin] FROM ask.person",
    "SELECT coalesce(nullif(secret, 'zq-secret-1'), 'same') FROM ask.person",
    "SELECT nullif(secret, 'zq-secret-1') FROM ask.person",
    "SELECT (jsonb_build_object('a', secret) -> 'a') IS NULL FROM ask.person",
    "SELECT substr(secret, 11), length(secret), split_part(secret, '-', 3) FROM ask.person",
])
def test_what_cannot_fail_says_nothing(client, sql):
    """Every row of it is NULL."""
    for r in (client.query(sql), client.run(sql), client.run(sql, formats=(1,))):
        assert len(r.rows) > 1
        assert {cell for row in r.rows for cell in row} == {None}


@pytest.mark.parametrize("sql", [
    "SELECT 1 / (pin - 7001) FROM ask.person WHERE id = 1",
    "SELECT 1 / (CASE WHEN secret < 'm' THEN 0 ELSE 1 END) FROM ask.person WHERE id = 1",
    "SELECT secret::int FROM ask.person",
    "SELECT chr(pin) FROM ask.person",
    "SELECT repeat('x', pin * 100000) FROM ask.person",
    "SELECT sqrt(pin - 7005) FROM ask.person",
    "SELECT CASE WHEN pin > 7000 THEN pg_sleep(1) END FROM ask.person WHERE id = 1",
    "SELECT CASE WHEN q.b THEN 1 ELSE 0 END FROM (SELECT secret > 'm' AS b FROM ask.person) q",
    "SELECT CASE WHEN false THEN 1 / (pin - 7001) END FROM ask.person",
    "SELECT q.n + 1 FROM (SELECT 1 / (pin - 7001) AS n FROM ask.person) q",
    "WITH q AS MATERIALIZED (SELECT 1 / (pin - 7001) AS n FROM ask.person) SELECT n, n IS NULL FROM q",
    "SELECT round(avg(pin) / (max(pin) - max(pin)), 1) FROM ask.person",
])
def test_what_may_fail_is_not_evaluated(client, sql):
    """Where it only is to be shown, the server gets a text in which it stands, and says NULL of it, whatever the values are."""
    for r in (client.query(sql), client.run(sql), client.run(sql, formats=(1,))):
        assert r.ok().rows
        assert {cell for row in r.rows for cell in row} == {None}


def test_the_oracles_are_statements(ask):
    """Directly they run, or fail by what a row holds: what the engine refuses is not nonsense."""
    wrong = {"42601", "42P01", "42883", "42703", "42804", "42803", "42P18", "42702"}
    bad = []
    for sql in ORACLES:
        with ask.direct() as c:
            c.query("SET statement_timeout = '2s'").ok()
            r = c.query("BEGIN; " + sql + "; ROLLBACK")
            if r.errors and r.errors[0].sqlstate in wrong:
                bad.append((sql, str(r.errors[0])))
    assert bad == []


def test_outputs_of_an_oracle_are_null(client):
    """These pass, and show nothing."""
    for sql in ("SELECT secret > 'm' FROM ask.person", "SELECT ARRAY(SELECT pin > 7005 FROM ask.person)", "SELECT k = 'zq-value-1' FROM ask.person",
                "SELECT (SELECT secret FROM ask.person WHERE id = 1) > 'm'", "SELECT max(secret), min(pin) FROM ask.person",
                "SELECT sum(salary) OVER (PARTITION BY id) FROM ask.person", "SELECT secret IS NULL FROM ask.person",
                "SELECT secret || $$x$$ FROM ask.person", "SELECT bool_or(pin > 7019) FROM ask.person",
                "SELECT CASE WHEN q.b THEN 1 ELSE 0 END FROM (SELECT secret > 'm' AS b FROM ask.person) q",
                "SELECT CASE WHEN pin > 7005 THEN 'high' WHEN id > 3 THEN dept ELSE 'low' END FROM ask.person"):
        for r in (client.query(sql), client.run(sql, formats=(1,))):
            assert set(itertools.chain(*r.ok().rows)) == {None}, sql
    assert set(itertools.chain(*client.run("SELECT secret || $1 FROM ask.person", params=[b"x"]).ok().rows)) == {None}


def test_a_cast_that_nobody_asks_for_may_fail(own_lab, tmp_path):
    """With it text becomes a number wherever one is wanted, and whether it does is an answer about the text."""
    schema = tmp_path / "ask.sql"
    schema.write_text((HERE / "ask.sql").read_text() + "CREATE CAST (text AS int) WITH INOUT AS IMPLICIT;\n")
    lab = own_lab(schema=schema, policies=[HERE / "ask.yaml"])
    with lab.direct() as direct, lab.login() as c:
        for e in ("left('abc', translate(substr(secret, 1, 1), 'z', '1'))", "secret = 5", "secret IN (5, 6)", "nullif(secret, 5)"):
            sql = "SELECT id, %s FROM ask.person" % e
            assert [x.sqlstate for x in direct.query(sql).errors] in ([], ["22P02"]), e
            for r in (c.query(sql), c.query(sql + " ORDER BY 2")):
                assert r.errors and r.error.sqlstate == "42501" or {row[1] for row in r.rows} == {None}, (e, r.errors)


def test_a_count_does_not_say_what_null_hides(own_lab, tmp_path):
    """Of a group of one row, or under FILTER, count() says whether there is a value: no news, but where the mask is null."""
    policy = tmp_path / "ask.yaml"
    policy.write_text((HERE / "ask.yaml").read_text() + "    - {columns: [ask.hid.a], with: null}\n    - {columns: [ask.hid.b], with: null, aggregates: {allow: [count]}}\n"
                      "    - {columns: [ask.hid.c], with: redact}\n")
    schema = tmp_path / "ask.sql"
    schema.write_text((HERE / "ask.sql").read_text() + "CREATE TABLE ask.hid (id int, a text, b text, c text); GRANT ALL ON ask.hid TO PUBLIC;\n"
                      "INSERT INTO ask.hid VALUES (1, 'zq', 'zq', 'zq'), (2, NULL, NULL, NULL);\n")
    lab = own_lab(schema=schema, policies=[policy])
    with lab.login() as c:
        assert c.query("SELECT id, a, b, c, count(a), count(b), count(c) FROM ask.hid GROUP BY 1, 2, 3, 4 ORDER BY 1").error.sqlstate == "42501"
        for e in ("SELECT id, count(a), count(b), count(c) FROM ask.hid GROUP BY id ORDER BY id",
                  "SELECT id, count(a) OVER w, count(b) OVER w, count(c) OVER w FROM ask.hid WINDOW w AS (PARTITION BY id) ORDER BY id"):
            assert c.query(e).ok().rows == [[b"1", None, b"1", b"1"], [b"2", None, b"0", b"0"]], e
        assert c.query("SELECT count(a) FILTER (WHERE id = 1), num_nonnulls(a), a IS NULL FROM ask.hid GROUP BY a").error.sqlstate == "42501"
        assert c.query("SELECT num_nonnulls(a), a IS NULL FROM ask.hid").ok().rows == [[None, None]] * 2


def test_an_extension_takes_no_part_in_what_is_not_of_its_types(own_lab, tmp_path):
    """hstore has -> and ||, citext has =, ~~ and replace(); pg_catalog's are the ones that the server takes for a text. What may
    be the extension's, because an operand is of its type or of none, is no more than pure: it may fail."""
    schema = tmp_path / "ask.sql"
    schema.write_text("CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION intarray;\n" + (HERE / "ask.sql").read_text()
                      + "CREATE TABLE ask.mail (id int, name varchar(40), secret citext, doc jsonb, pairs hstore);\n"
                        "INSERT INTO ask.mail VALUES (1, 'zq-n', 'Zq-Secret', '{\"a\": \"zq\"}', 'k=>zq');\n"
                        "GRANT ALL ON ask.mail TO PUBLIC;\n")
    policy = tmp_path / "ask.yaml"
    policy.write_text((HERE / "ask.yaml").read_text() + "    - {columns: [ask.mail.name, ask.mail.secret, ask.mail.doc, ask.mail.pairs], with: redact}\n")
    lab = own_lab(schema=schema, policies=[policy])
    nulls = ["name || ' x'", "'x ' || name", "name = 'zq-n'", "name < 'a'", "name LIKE 'z%'", "replace(name, '-', '')", "split_part(name, '-', 1)",
             "doc -> 'a'", "doc ->> 'a'", "doc ? 'a'", "doc @> '{}'", "name IN ('a', 'b')", "nullif(name, 'a')",
             "secret::text", "lower(secret)", "secret || 'x'", "jsonb_build_object('s', secret) ->> 's'", "length(secret)", "concat(secret, 1)"]
    may_fail = ["pairs -> 'k'", "pairs || 'a=>b'", "replace(secret, 'a', 'b')", "regexp_replace(secret, name, '')", "pairs = 'a'", "split_part(secret, 'a', 1)"]
    with lab.login() as c:
        for e in nulls:
            for r in (c.query("SELECT id, %s FROM ask.mail" % e), c.run("SELECT id, %s FROM ask.mail" % e, formats=(1,))):
                assert [row[1] for row in r.ok().rows] == [None], e
        for e in may_fail:
            refused(c.query("SELECT 1; SELECT id, %s FROM ask.mail" % e))  # of several statements none is sent otherwise than it came
        assert c.query("SELECT id, secret FROM ask.mail").ok().rows == [[b"1", b"****"]]


def test_operators_of_extensions_are_no_reason_to_refuse(own_lab, tmp_path):
    """They have = and >= for their types. An operator of anybody else's is one: it may be the one that the server takes."""
    schema = tmp_path / "ask.sql"
    schema.write_text("CREATE EXTENSION citext; CREATE EXTENSION hstore;\n" + (HERE / "ask.sql").read_text())
    lab = own_lab(schema=schema, policies=[HERE / "ask.yaml"])
    equality, having = equal("a", "zq-value-1"), "SELECT count(*), avg(salary) > 0 FROM ask.person HAVING count(salary) >= 5"
    with lab.login() as c:
        assert c.query(equality).ok().rows == [[b"1"]]
        assert len(c.query(having).ok().rows) == 1
        assert spent_at(c, lambda n: equal("a", "zq-%d" % n)) == LIMIT - 1
        lab.dba_psql("CREATE FUNCTION ask.same(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false';"
                     "CREATE OPERATOR public.= (FUNCTION = ask.same, LEFTARG = text, RIGHTARG = text);"
                     "CREATE FUNCTION ask.above(bigint, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';"
                     "CREATE OPERATOR public.>= (FUNCTION = ask.above, LEFTARG = bigint, RIGHTARG = int)")
        lab.sh("daemon", "restart")
    with lab.login() as c:
        refused(c.query(equal("b", "zq-value-1")))
        refused(c.query(having))
