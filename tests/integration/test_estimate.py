# SPDX-License-Identifier: MIT
"""Statements that the server's estimate of their rows decides about. wait is error-and-retry, so that each answers at once: "approval
N is needed" or a result."""

import re
import socket

import pytest

import wire
from lab import HERE, marker
from test_approvals import ApprovalLab


class EstimateLab(ApprovalLab):
    def __init__(self, **kw):
        kw.setdefault("policy", HERE / "estimate.yaml")
        kw.setdefault("schema", HERE / "estimate.sql")
        super().__init__(**kw)

    def evil(self):
        """How often evil() ran."""
        return int(self.dba_psql("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM est.evil_ran"))


@pytest.fixture(scope="module")
def desk():
    with EstimateLab() as lab:
        lab.wait_ready()
        yield lab


@pytest.fixture
def client(desk):
    with desk.login() as c:
        yield c


def asked(r):
    """The number of the approval that it needs."""
    assert r.errors, r.tags
    m = re.search(r"approval (\d+) is needed", str(r.error))
    assert m and r.error.sqlstate == "42501", str(r.error)
    return int(m[1])


def as_superuser(desk):
    c = wire.Client(socket.create_connection((desk.host, desk.port)))
    c.login("postgres", desk.dbname, desk.superuser())
    return c


def estimate(desk, r):
    """What is known of the approval that it needs; it is denied, for so many may wait."""
    number = asked(r)
    desk.pgveil("approvals", "deny", number)
    return desk.show(number)["estimate"]


def test_both_sides_of_a_threshold(desk, client):
    assert len(client.query("SELECT * FROM est.big WHERE id <= 500").ok().rows) == 500
    assert client.query("SELECT count(*) FROM est.big").ok().rows == [[b"20000"]], "one row comes of it"
    assert 19000 < estimate(desk, client.query("SELECT * FROM est.big"))["rows"] < 21000
    assert 1500 < estimate(desk, client.query("SELECT id FROM est.tens"))["rows"] < 2500
    assert len(client.query("SELECT * FROM est.big LIMIT 1000").ok().rows) == 1000
    assert estimate(desk, client.query("SELECT * FROM est.big LIMIT 1001")) == {"rows": 1001}
    assert desk.show(asked(client.query("SELECT * FROM est.big")))["rule"].endswith("estimate.yaml:21")
    assert "20000 rows are estimated, more than 1000" in desk.show(asked(client.query("SELECT * FROM est.big")))["why"]


def test_what_is_written_counts(desk, client):
    client.query("BEGIN").ok()
    assert client.query("DELETE FROM est.big WHERE id <= 20").ok().tags == ["DELETE 20"]
    assert client.query("INSERT INTO est.small VALUES (100), (101)").ok().tags == ["INSERT 0 2"]
    client.query("ROLLBACK").ok()
    for sql in ("DELETE FROM est.big WHERE id <= 200", "UPDATE est.big SET note = '' WHERE id <= 200",
                "INSERT INTO est.small SELECT id + 1000 FROM est.big WHERE id <= 200",
                "WITH d AS (DELETE FROM est.big WHERE id <= 200 RETURNING id) SELECT count(*) FROM d",
                "WITH a AS (DELETE FROM est.big WHERE id <= 40), b AS (DELETE FROM est.big WHERE id BETWEEN 41 AND 80) SELECT 1"):
        got = estimate(desk, client.query(sql))
        assert 51 <= got["rows"] <= 400, (sql, got)
    r = client.query("DELETE FROM est.big WHERE kind < 5")
    assert r.error.sqlstate == "42501" and "is not allowed here" in str(r.error) and "more than 5000" in str(r.error)
    assert "none" in estimate(desk, client.query("TRUNCATE est.big"))
    assert int(desk.dba_psql("SELECT count(*) FROM est.big")) == 20000


def test_a_key_deletes_more_than_is_estimated(desk, client):
    """One row of the parent, a hundred of the child."""
    assert "child" in desk.show(asked(client.query("DELETE FROM est.parent WHERE id = 1")))["why"]
    assert client.query("DELETE FROM est.child WHERE id = -1").ok().tags == ["DELETE 0"]


def test_parameters(desk, client):
    few = "SELECT id FROM est.big WHERE id <= $1"
    assert len(client.run(few, (b"10",)).ok().rows) == 10
    assert estimate(desk, client.run(few, (b"15000",)))["rows"] > 10000
    assert len(client.run(few, (b"\0\0\0\x14",), param_formats=(1,)).ok().rows) == 20
    # constants that no judgement looks at: each text is its own
    for n, many in ((6, False), (16000, True), (7, False)):
        r = client.run("SELECT id FROM est.big WHERE id <= %d" % n)
        assert estimate(desk, r)["rows"] > 10000 if many else len(r.ok().rows) == n
    # the same plan, other values: none is estimated by what the one before was
    client.query("PREPARE p (int) AS SELECT id FROM est.big WHERE id <= $1").ok()
    for _ in range(8):
        assert len(client.query("EXECUTE p (5)").ok().rows) == 5
    assert estimate(desk, client.query("EXECUTE p (15000)"))["rows"] > 10000
    assert len(client.query("EXECUTE p (5)").ok().rows) == 5
    client.send(wire.parse("EXECUTE p (16000)", "e"), wire.bind("e"), wire.execute(), wire.sync())
    assert estimate(desk, client.result())["rows"] > 10000
    client.send(wire.bind("p", params=(b"3",)), wire.execute(), wire.sync())
    assert "none" in estimate(desk, client.result())


def test_in_other_words(desk, client):
    client.query("BEGIN").ok()
    assert estimate(desk, client.query("DECLARE c CURSOR FOR SELECT * FROM est.big"))["rows"] > 10000
    client.query("ROLLBACK").ok()
    client.query("BEGIN").ok()
    client.query("DECLARE c CURSOR FOR SELECT * FROM est.big WHERE id <= 10").ok()
    assert len(client.query("FETCH ALL FROM c").ok().rows) == 10
    client.query("ROLLBACK").ok()
    for sql in ("COPY est.big TO STDOUT", "COPY est.big (id, note) TO STDOUT (FORMAT csv)", "/* a */ COPY (SELECT * FROM est.big) TO STDOUT",
                "COPY (SELECT ')' || note FROM est.big) TO STDOUT", "TABLE est.big", "SELECT ';', * FROM est.big;",
                "CREATE TEMP TABLE t AS SELECT * FROM est.big", "SELECT 1, 2, 'x' UNION ALL SELECT * FROM est.big",
                "-- a comment\nSELECT * FROM est.big -- and another"):
        assert estimate(desk, client.query(sql))["rows"] > 10000, sql
    assert "none" in estimate(desk, client.query("EXPLAIN ANALYZE SELECT * FROM est.big"))
    assert client.query("EXPLAIN SELECT * FROM est.big").ok().rows
    assert client.query("SHOW work_mem").ok().rows


def test_in_a_transaction(desk, client):
    """The transaction is what it was: it writes, its settings are its own, and what failed in between is not there."""
    client.query("BEGIN").ok()
    client.query("SET LOCAL statement_timeout = '77s'").ok()
    client.query("INSERT INTO est.small VALUES (200)").ok()
    assert len(client.query("SELECT id FROM est.big WHERE id < 10").ok().rows) == 9
    assert client.query("INSERT INTO est.small VALUES (201)").ok().tags == ["INSERT 0 1"], "it is read-only since"
    assert client.query("SHOW statement_timeout").ok().rows == [[b"77s"]]
    assert client.query("SHOW plan_cache_mode").ok().rows == [[b"auto"]]
    # what cannot be planned: it is asked for, and the transaction is the worse for that alone
    client.query("SAVEPOINT s").ok()
    r = client.query("SELECT id FROM est.big WHERE id = 1 / 0")
    assert estimate(desk, r) == {"none": "the server could not plan it"} and r.status == "E"
    client.query("ROLLBACK TO s").ok()
    assert client.query("SELECT count(id) FROM est.small WHERE id IN (200, 201)").ok().rows == [[b"2"]]
    client.query("ROLLBACK").ok()
    client.query("BEGIN").ok()
    client.query("INSERT INTO est.small VALUES (202)").ok()
    client.query("SAVEPOINT s").ok()
    client.query("SELECT id FROM est.big WHERE id < 10").ok()
    client.query("ROLLBACK TO s").ok()
    assert client.query("COMMIT").ok().tags == ["COMMIT"]
    assert desk.dba_psql("SELECT count(*) FROM est.small WHERE id >= 200").strip() == "1"
    client.query("BEGIN").ok()
    assert client.query("SELECT nonsense").status == "E"
    assert client.query("SELECT * FROM est.big").error.sqlstate == "25P02"
    client.query("ROLLBACK").ok()


def test_what_the_server_cannot_plan(desk, client):
    for _ in range(2):
        assert estimate(desk, client.query("SELECT id FROM est.big WHERE id = 1 / 0")) == {"none": "the server could not plan it"}
        assert estimate(desk, client.run("SELECT id FROM est.big WHERE id = $1", (b"x",)))["none"]
        assert len(client.query("SELECT id FROM est.big WHERE id < 3").ok().rows) == 2


def test_a_transaction_that_sees_what_it_saw_first(desk, client):
    client.query("BEGIN ISOLATION LEVEL REPEATABLE READ").ok()
    r = client.query("SELECT id FROM est.big WHERE id < 10")
    assert "sees what it sees first" in estimate(desk, r)["none"]
    client.query("ROLLBACK").ok()
    client.query("BEGIN ISOLATION LEVEL REPEATABLE READ").ok()
    desk.dba_psql("INSERT INTO est.small VALUES (300)")
    assert client.query("SELECT count(id) FROM est.small WHERE id = 300").errors, "no estimate, so it is asked for"
    client.query("ROLLBACK").ok()
    desk.dba_psql("DELETE FROM est.small WHERE id = 300")


def test_groups_of_messages(desk, client):
    one = "SELECT id FROM est.big WHERE id < $1"
    # a BEGIN in the group: it is a transaction, and stays one
    client.send(wire.parse("BEGIN"), wire.bind(), wire.execute(), wire.parse(one), wire.bind(params=(b"5",)), wire.execute(), wire.sync())
    r = client.result().ok()
    assert len(r.rows) == 4 and r.status == "T"
    client.send(wire.parse("INSERT INTO est.small VALUES (400)"), wire.bind(), wire.execute(), wire.parse(one), wire.bind(params=(b"7",)),
                wire.execute(), wire.sync())
    r = client.result().ok()
    assert len(r.rows) == 6 and r.status == "T"
    client.query("ROLLBACK").ok()
    assert desk.dba_psql("SELECT count(*) FROM est.small WHERE id = 400").strip() == "0"
    # no transaction: what ran in the group is undone with what is refused
    client.send(wire.parse("INSERT INTO est.small VALUES (401)"), wire.bind(), wire.execute(), wire.parse(one), wire.bind(params=(b"5",)),
                wire.execute(), wire.sync())
    assert "ran before it" in estimate(desk, client.result())["none"]
    assert desk.dba_psql("SELECT count(*) FROM est.small WHERE id = 401").strip() == "0"
    # nor behind what ended the transaction
    client.query("BEGIN").ok()
    client.send(wire.parse("COMMIT"), wire.bind(), wire.execute(), wire.parse("INSERT INTO est.small VALUES (402)"), wire.bind(), wire.execute(),
                wire.parse(one), wire.bind(params=(b"5",)), wire.execute(), wire.sync())
    r = client.result()
    assert r.errors and desk.dba_psql("SELECT count(*) FROM est.small WHERE id = 402").strip() == "0"
    # several in one text
    assert "among other statements" in estimate(desk, client.query("SELECT 1; SELECT id FROM est.big WHERE id < 5"))["none"]


def test_no_code_runs(desk, client):
    """What calls code has no estimate, and planning it has not run that code."""
    before = desk.evil()
    for sql in ("SELECT * FROM est.big WHERE id = est.evil(1)", "SELECT * FROM est.evil_view", "SELECT * FROM est.indexed WHERE id > 3",
                "SELECT * FROM est.counted WHERE id > 3", "SELECT * FROM est.guarded", "INSERT INTO est.defaults (id) VALUES (1)",
                "UPDATE est.big SET kind = est.evil(2) WHERE id = 1", "DELETE FROM est.indexed WHERE id = 1",
                "SELECT id FROM est.big WHERE id < 5 LIMIT est.evil(1)", "SELECT b.id FROM est.big b JOIN est.evil_view v USING (id)"):
        r = client.query(sql)
        assert r.errors, sql
        if "approval" in str(r.error):
            assert "code" in estimate(desk, r)["none"], sql
    client.query("PREPARE q (int) AS SELECT id FROM est.big WHERE id < $1").ok()
    for args in ("est.evil(3)", "pg_catalog.length(pg_catalog.repeat('x', 3))"):
        assert "arguments" in estimate(desk, client.query("EXECUTE q (%s)" % args))["none"]
    assert desk.evil() == before
    assert "evil ran" not in desk.daemon_log()


def test_masked_columns_are_not_answered_about(desk, client):
    """Whether a statement is held must not say how many have a value: what asks of a masked column is held always."""
    client.query("SELECT id FROM est.people WHERE id < 10").ok()
    assert len(client.query("SELECT id, ssn FROM est.people").ok().rows) == 500, "shown, not asked about"
    for value in ("ssn-canary-1", "nobody"):
        r = client.query("SELECT id FROM est.people WHERE ssn = '%s'" % value)
        assert "masked" in estimate(desk, r)["none"]
        assert "canary" not in str(r.error)
    assert not re.search("EXPLAIN.*ssn =", desk.server_log())


def test_a_reviewer_sees_it(desk, client):
    """Also of what another rule asks about; an approved statement runs, and the estimate is nowhere on record."""
    sql = "UPDATE est.small SET note = 'x' WHERE id < 5"
    number = asked(client.query(sql))
    assert 1 <= desk.show(number)["estimate"]["rows"] <= 20
    out = desk.sh("pgveil", "--", "approvals", "show", str(number)).stdout.decode()
    assert re.search(r"^estimate +\d+ rows", out, re.M), out
    desk.pgveil("approvals", "approve", number)
    assert client.query(sql).ok().tags[0].startswith("UPDATE ")
    mark = marker()
    big = "SELECT * FROM est.big /* %s */" % mark
    desk.pgveil("approvals", "approve", asked(client.query(big)))
    assert len(client.query(big).ok().rows) == 20000
    assert [line for line in desk.server_log().splitlines() if mark in line and "EXPLAIN (FORMAT JSON" in line]


def test_never_of_what_is_denied(desk, client):
    mark = marker()
    assert client.query("SELECT upper(ssn) FROM est.people WHERE upper(ssn) = '%s'" % mark).error.sqlstate == "42501"
    assert client.query("SELECT nothing('%s') FROM est.big" % mark).errors
    assert "EXPLAIN" not in "".join(line for line in desk.server_log().splitlines() if mark in line)


def test_the_server_waits(desk, client):
    """A lock that another one holds: no estimate, and no more than that."""
    with as_superuser(desk) as other:
        other.query("BEGIN; LOCK est.big IN ACCESS EXCLUSIVE MODE").ok()
        assert "lock" in estimate(desk, client.query("SELECT id FROM est.big WHERE id < 4"))["none"]
        client.query("BEGIN").ok()
        r = client.query("SELECT id FROM est.big WHERE id < 4")
        assert "lock" in estimate(desk, r)["none"] and r.status == "E"
        client.query("ROLLBACK").ok()
        other.query("ROLLBACK").ok()
    assert len(client.query("SELECT id FROM est.big WHERE id < 4").ok().rows) == 3


def test_held_in_band(tmp_path):
    policy = tmp_path / "hold.yaml"
    policy.write_text((HERE / "estimate.yaml").read_text().replace("error-and-retry", "hold"))
    with EstimateLab(policy=policy) as desk:
        desk.wait_ready()
        with desk.login() as c:
            mark = marker()
            sql = "SELECT id FROM est.big WHERE id <= $1 /* %s */" % mark
            c.send(wire.extended(sql, (b"15000",)), wire.sync())
            told = c.until("N")
            x = desk.wait_pending(mark)
            assert x["estimate"]["rows"] > 10000 and told
            assert desk.ran(mark) <= 1, "the EXPLAIN"
            desk.pgveil("approvals", "approve", x["id"])
            assert len(c.result().ok().rows) == 15000
            assert c.query("SELECT 1").ok().status == "I"
