# SPDX-License-Identifier: MIT
"""export.exceed: ask, and approvals that lift a limit: a statement that is estimated to be of more rows than are left waits before its
first row; who approves says how many it may have, and not one more reaches the client."""

import pytest

import wire
from lab import HERE, marker
from test_approvals import ApprovalLab
from test_estimate import asked

DOCUMENT = """---
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: lifts%(n)d}
spec:
  subjects: [{cgroup: "${LAB_CGROUP%(number)s}"}]
  databases:
    - name: est
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      databases: ["${LAB_DB_NAME}"]
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  export: %(export)s
  approval: {approvers: {uids: [1001]}, wait: error-and-retry}
%(rest)s
"""
EXPORTS = [
    ("{statement: {rows: 100}, exceed: ask}", ""),
    ("{session: {rows: 100}, exceed: ask}", ""),
    ("{window: {period: 1h, rows: 100}, exceed: ask}", ""),
    ("{statement: {rows: 100, bytes: 1500}}", "  statements: {rules: [{effects: [read], relations: [est.big], verdict: ask}]}"),
    ("{statement: {rows: 100}, window: {period: 1h, rows: 100}, exceed: ask}", "  mask: [{columns: [est.people.ssn], with: redact, predicates: equality}]"),
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    policy = tmp_path_factory.mktemp("lifts") / "lifts.yaml"
    policy.write_text("".join(DOCUMENT % {"n": n, "number": "" if n == 1 else "_%d" % n, "export": export, "rest": rest}
                              for n, (export, rest) in enumerate(EXPORTS, 1)))
    with ApprovalLab(policy=policy, schema=HERE / "estimate.sql", agents=len(EXPORTS)) as lab:
        lab.wait_ready()
        yield lab


def approve(desk, r, *args):
    number = asked(r)
    desk.pgveil("approvals", "approve", number, *args)
    return desk.show(number)


def stopped(r, rows, text):
    """So many rows came, and then that error."""
    assert len(r.rows) == rows, len(r.rows)
    assert text in str(r.error), str(r.error)


def exactly(n):
    """Estimated as it is: the planner knows what LIMIT says."""
    return "SELECT id FROM est.big LIMIT %d /* %s */" % (n, marker())


def test_of_a_statement(desk):
    with desk.login("agent1") as c:
        assert len(c.query(exactly(100)).ok().rows) == 100
        sql = exactly(101)
        r = c.query(sql)
        assert not r.rows and r.error.sqlstate == "42501"
        x = approve(desk, r)
        assert x["lift"] == {"rows": 101, "limit": "statement.rows"} and x["lifted"] == {"rows": 101, "bytes": 0}
        assert "export limit statement.rows leaves (100)" in x["why"]
        assert len(c.query(sql).ok().rows) == 101
        assert asked(c.query(sql)) != x["id"], "once"
        # nothing is lifted for the next one
        assert len(c.query("SELECT id FROM est.big WHERE id <= 90").ok().rows) == 90


def test_no_more_than_was_approved(desk):
    """The estimate is too low, or the reviewer gives less: what was approved is counted, to the row."""
    with desk.login("agent1") as c:
        sql = exactly(5000)
        approve(desk, c.query(sql), "--rows", "300")
        r = c.query(sql)
        stopped(r, 300, "the limit of rows that was approved is reached (300)")
        assert r.error.sqlstate == "54000" and r.status == "I"
        sql = exactly(150)
        approve(desk, c.query(sql), "--rows", "400", "--uses", "2")
        for _ in range(2):
            assert len(c.query(sql).ok().rows) == 150
        # by portal, a piece at a time, and by FETCH
        sql = "SELECT id FROM est.big /* %s */" % marker()
        approve(desk, c.run(sql), "--rows", "250")
        c.send(wire.parse(sql), wire.bind(), wire.execute(rows=200), wire.execute(rows=200), wire.sync())
        stopped(c.result(), 250, "that was approved")
        c.query("BEGIN").ok()
        declare = "DECLARE c CURSOR FOR SELECT id FROM est.big /* %s */" % marker()
        r = c.query(declare)
        approve(desk, r, "--rows", "250")
        c.query("ROLLBACK").ok()
        c.query("BEGIN").ok()
        c.query(declare).ok()
        assert len(c.query("FETCH 200 FROM c").ok().rows) == 200
        assert len(c.query("FETCH 50 FROM c").ok().rows) == 50
        stopped(c.query("FETCH 50 FROM c"), 0, "that was approved")
        c.query("ROLLBACK").ok()
        sql = "COPY est.big TO STDOUT /* %s */" % marker()
        approve(desk, c.query(sql), "--rows", "120")
        r = c.query(sql)
        assert r.kinds.count("d") == 120 and "that was approved" in str(r.error)


def test_without_an_estimate_it_is_counted(desk):
    """It runs, and is stopped at the limit."""
    with desk.login("agent1") as c:
        c.query("BEGIN ISOLATION LEVEL SERIALIZABLE").ok()
        stopped(c.query(exactly(200)), 100, "export limit statement.rows is reached (100)")
        c.query("ROLLBACK").ok()
        # the planner takes it for few
        stopped(c.query("SELECT id FROM est.big WHERE (id %% 1) = 0 /* %s */" % marker()), 100, "export limit statement.rows")


def test_over_a_session(desk):
    with desk.login("agent2") as c:
        assert len(c.query(exactly(60)).ok().rows) == 60
        sql = exactly(60)
        x = approve(desk, c.query(sql))
        assert x["lift"] == {"rows": 60, "limit": "session.rows"}
        assert len(c.query(sql).ok().rows) == 60
        # what was lifted counts as spent: nothing is left, but may be asked for
        sql = exactly(5)
        assert "leaves (0)" in approve(desk, c.query(sql))["why"]
        assert len(c.query(sql).ok().rows) == 5
        for sql in ("SHOW work_mem", "FETCH 1 FROM nothing"):
            assert c.query(sql).errors, sql
        sql = "SELECT id FROM est.big WHERE id < $1 /* %s */" % marker()
        c.send(wire.parse(sql, "s"), wire.describe("S", "s"), wire.bind("s", params=(b"9",)), wire.describe("P"), wire.execute(), wire.sync())
        approve(desk, c.result())
        c.send(wire.describe("S", "s"), wire.bind("s", params=(b"9",)), wire.describe("P"), wire.execute(), wire.sync())
        assert len(c.result().ok().rows) == 8
    with desk.login("agent2") as c:
        assert len(c.query(exactly(100)).ok().rows) == 100


def spent(c):
    """Rows of the window, as SHOW pgveil.limits has it."""
    r = c.query("SHOW pgveil.limits").ok()
    names = [col[0] for col in r.columns[0]]
    row = next(x for x in r.rows if b"window" in b" ".join(v or b"" for v in x) and b"rows" in b" ".join(v or b"" for v in x))
    return int(row[names.index("spent")])


def test_of_a_window(desk):
    """What was lifted is spent of it, for all its connections, also of a daemon that is killed."""
    with desk.login("agent3") as c:
        sql = exactly(1000)
        x = approve(desk, c.query(sql))
        assert x["lift"] == {"rows": 1000, "limit": "window.rows"}
        assert len(c.query(sql).ok().rows) == 1000
        assert spent(c) == 1000
    with desk.login("agent3") as c:
        assert "leaves (0)" in approve(desk, c.query(exactly(1)))["why"]
        stopped(c.query("SHOW work_mem"), 0, "export limit window.rows")


def test_of_what_another_rule_asks_about(desk):
    """exceed is deny: who approves may lift limits all the same, if he says so."""
    with desk.login("agent4") as c:
        sql = exactly(150)
        x = approve(desk, c.query(sql))
        assert x["lift"] is None and x["lifted"] == {"rows": 0, "bytes": 0} and x["estimate"] == {"rows": 150}
        stopped(c.query(sql), 100, "export limit statement.rows is reached")
        sql = exactly(150)
        approve(desk, c.query(sql), "--rows", "150")
        r = c.query(sql)
        assert len(r.rows) < 150 and "export limit statement.bytes" in str(r.error), "bytes are another limit"
        sql = exactly(150)
        out = approve(desk, c.query(sql), "--rows", "150", "--bytes", "16KiB")
        assert out["lifted"] == {"rows": 150, "bytes": 16384}
        assert len(c.query(sql).ok().rows) == 150
        sql = "SELECT note FROM est.big LIMIT 150 /* %s */" % marker()
        approve(desk, c.query(sql), "--rows", "150", "--bytes", "1000")
        r = c.query(sql)
        assert 0 < sum(len(b) + 5 for k, b in r.messages if k in "DT") <= 1000 and "bytes that was approved" in str(r.error)
        assert b"wants" not in desk.sh("pgveil", "--", "approvals", "show", str(out["id"])).stdout
        assert b"may export" in desk.sh("pgveil", "--", "approvals", "show", str(out["id"])).stdout


def test_two_limits_and_a_mask(desk):
    with desk.login("agent5") as c:
        sql = "SELECT id, ssn FROM est.people LIMIT 140 /* %s */" % marker()
        approve(desk, c.query(sql))
        r = c.query(sql).ok()
        assert len(r.rows) == 140 and all(b"canary" not in row[1] for row in r.rows)
        # what asks of a masked column is not estimated: it runs, up to the limit
        r = c.query("SELECT id FROM est.people WHERE ssn = 'ssn-canary-1'")
        stopped(r, 0, "export limit window.rows")
