# SPDX-License-Identifier: MIT
"""An approval of a shape: others run by it that differ in the values of its open places alone, and nothing else does."""

import pytest

import wire
from lab import HERE, marker
from test_approvals import REVIEWER, SECOND, ApprovalLab, notice


class ShapeLab(ApprovalLab):
    def __init__(self, **kw):
        super().__init__(policy=HERE / "approvals-shapes.yaml", **kw)

    def grant(self, client, sql, uses=2, params=None, types=(), param_formats=(), **kw):
        """An approval of sql's shape, whose first use is sql itself."""
        x = self.ask(client, sql, params, types, param_formats)
        self.pgveil("approvals", "approve", x["id"], "--shape", "--uses", uses, **kw)
        assert client.result().ok()
        return self.show(x["id"])

    def ask(self, client, sql, params=None, types=(), param_formats=()):
        before = {x["id"] for x in self.pending()}
        self.send(client, sql, params, types, param_formats)
        client.until("N")
        return self.wait_until(lambda: next((x for x in self.pending() if x["id"] not in before and x["waiting"]), None), "nothing waits")

    @staticmethod
    def send(client, sql, params=None, types=(), param_formats=()):
        if params is None:
            client.send(wire.query(sql))
        else:
            client.send(wire.parse(sql, types=types), wire.bind(params=params, param_formats=param_formats), wire.execute(), wire.sync())

    def runs(self, client, sql, params=None, types=(), param_formats=()):
        """Whether it runs at once; where it asks instead it is denied."""
        self.send(client, sql, params, types, param_formats)
        while (kind := client.read()[0]) not in "CNE":
            assert kind in "12nT", kind
        if kind == "N":
            x = self.wait_until(lambda: next((x for x in self.pending() if x["waiting"]), None), "nothing waits")
            self.pgveil("approvals", "deny", x["id"], uid=REVIEWER)
            client.until("E")
        client.until("Z")
        return kind == "C"


@pytest.fixture(scope="module")
def desk():
    with ShapeLab() as lab:
        lab.wait_ready()
        yield lab


@pytest.fixture
def client(desk):
    with desk.login() as c:
        yield c


def test_other_values_run(desk, client):
    mark = marker()
    x = desk.ask(client, "DELETE FROM shop.orders WHERE id = 1 AND note = 'order 1' /* %s */" % mark)
    assert x["shape"].split() == "DELETE FROM shop.orders WHERE id = $1 AND note = $2".split()
    assert x["opens"] == [{"place": "$1", "kind": "integer", "now": "1"}, {"place": "$2", "kind": "text", "now": "'order 1'"}]
    assert "how often" in desk.refused("approvals", "approve", x["id"], "--shape")
    assert "lifted for one" in desk.refused("approvals", "approve", x["id"], "--shape", "--uses", 3, "--rows", 1000)
    desk.pgveil("approvals", "approve", x["id"], "--shape", "--uses", 3, "--for", "1h")
    assert client.result().ok().tags == ["DELETE 1"]
    # by others of the same subject too, with another comment, until it is used up
    with desk.login() as other:
        assert other.query("delete from shop.orders\nwhere ID = 2 and note='order 2' -- another reason").ok().tags == ["DELETE 1"]
    shown = desk.show(x["id"])
    assert shown["shaped"] and shown["state"] == "approved" and shown["used"] == 2
    assert [g["id"] for g in desk.pgveil("grants", "ls")["grants"]] == [x["id"]]
    assert desk.runs(client, "DELETE FROM shop.orders WHERE id = 3 AND note = 'it''s'")
    assert not desk.runs(client, "DELETE FROM shop.orders WHERE id = 3 AND note = 'order 3'")
    assert desk.count("id < 4") == 1
    assert len(desk.show(x["id"])["history"]) == 3
    assert [e for e in desk.events("approval.approved") if e["approval"] == x["id"] and e["shape"] == 1]


OTHERS = [
    "DELETE FROM shop.orders WHERE id = -10 AND note = 'x' AND total > 5",      # a sign
    "DELETE FROM shop.orders WHERE id = 3000000000 AND note = 'x' AND total > 5",  # another type
    "DELETE FROM shop.orders WHERE id = 10.0 AND note = 'x' AND total > 5",
    "DELETE FROM shop.orders WHERE id = '10' AND note = 'x' AND total > 5",
    "DELETE FROM shop.orders WHERE id = NULL AND note = 'x' AND total > 5",
    "DELETE FROM shop.orders WHERE id = 10 AND note = NULL AND total > 5",
    "DELETE FROM shop.orders WHERE id = 10 AND note = E'x' AND total > 5",
    "DELETE FROM shop.orders WHERE id = 10 AND note = U&'x' AND total > 5",
    "DELETE FROM shop.orders WHERE id = 10 AND note = $$x$$ AND total > 5",
    "DELETE FROM shop.orders WHERE id = 10 AND note = 'x'::text AND total > 5",
    "DELETE FROM shop.orders WHERE id = 10 AND note = note AND total > 5",      # no value
    "DELETE FROM shop.orders WHERE id = id AND note = 'x' AND total > 5",
    "DELETE FROM shop.orders WHERE id = (10) AND note = 'x' AND total > 5",
    "DELETE FROM shop.orders WHERE id = 10 AND note = 'x' AND total > -1",      # a place that is not open
    "DELETE FROM shop.orders WHERE id = 10 AND note = 'x' AND total > 6",
    "DELETE FROM shop.orders WHERE id = 10 AND note = 'x' OR total > 5",
    "DELETE FROM shop.orders WHERE id = 10 AND note = 'x' AND total > 5 RETURNING id",
    "DELETE FROM shop.orders WHERE id = 10 AND note = 'x' AND total > 5; SELECT 1",
    "DELETE FROM ONLY shop.orders WHERE id = 10 AND note = 'x' AND total > 5",
    "DELETE FROM shop.open WHERE id = 10 AND note = 'x' AND total > 5",
    "EXPLAIN ANALYZE DELETE FROM shop.orders WHERE id = 10 AND note = 'x' AND total > 5",
]


def test_nothing_else_runs(desk, client):
    x = desk.grant(client, "DELETE FROM shop.orders WHERE id = 10 AND note = 'x' AND total > 5", uses=5)
    assert x["shape"] == "DELETE FROM shop.orders WHERE id = $1 AND note = $2 AND total > 5"
    for sql in OTHERS:
        assert not desk.runs(client, sql), sql
    # and with parameters it is another statement
    assert not desk.runs(client, "DELETE FROM shop.orders WHERE id = $1 AND note = $2 AND total > 5", [b"10", b"x"])
    assert desk.show(x["id"])["used"] == 1 and desk.count("id = 10") == 1
    assert desk.runs(client, "DELETE FROM shop.orders WHERE id = 11 AND note = 'y' AND total > 5")


def test_parameters(desk, client):
    """Another value runs; NULL, another format, another type, and a parameter that is in a place which is not open do not."""
    sql = "DELETE FROM shop.orders WHERE id = $1 AND note = $2 AND total < $3"
    x = desk.grant(client, sql, 4, [b"20", b"order 20", b"1000"])
    assert [o["place"] for o in x["opens"]] == ["$1", "$2"] and x["shape"] == sql
    assert desk.runs(client, sql, [b"21", b"order 21", b"1000"])
    assert desk.count("id IN (20, 21)") == 0
    assert not desk.runs(client, sql, [b"22", b"order 22", b"1001"])
    assert not desk.runs(client, sql, [None, b"order 22", b"1000"])
    assert not desk.runs(client, sql, [b"22", None, b"1000"])
    assert not desk.runs(client, sql, [b"\0\0\0\x16", b"order 22", b"1000"], param_formats=(1, 0, 0))
    assert not desk.runs(client, sql, [b"22", b"order 22", b"1000"], types=(20, 25, 23))
    assert not desk.runs(client, "DELETE FROM shop.orders WHERE id = 22 AND note = 'order 22' AND total < 1000")
    assert desk.count("id = 22") == 1
    assert desk.runs(client, sql, [b"22", b"order 22", b"1000"])
    # bound, suspended, prepared by name: each is a use
    client.send(wire.parse(sql, "d"), wire.bind("d", params=[b"23", b"order 23", b"1000"]), wire.execute(), wire.sync())
    assert client.result().ok().tags == ["DELETE 1"]
    assert desk.show(x["id"])["state"] == "used"


def test_what_has_no_shape(desk, client):
    for sql, why in (("DELETE FROM shop.orders WHERE id > 1000", "put into a column"),
                     ("DELETE FROM shop.orders WHERE id IN (SELECT id FROM shop.orders LIMIT 1)", "put into a column"),
                     ("SELECT n FROM shop.counter WHERE n >= 0 OR n = 5", "how many rows"),
                     ("BEGIN; DELETE FROM shop.orders WHERE id = 1000; COMMIT", "is several")):
        x = desk.ask(client, sql)
        assert x["shape"] is None and why in x["why_no_shape"], x
        assert why in desk.refused("approvals", "approve", x["id"], "--shape", "--uses", 2)
        assert desk.show(x["id"])["state"] == "pending"
        desk.pgveil("approvals", "deny", x["id"])
        client.result()


def test_the_shape_hides_what_the_statement_hides(desk, client):
    x = desk.ask(client, "UPDATE shop.orders SET card = 'card-canary-30', note = upper('card-canary-31') WHERE id = 30")
    assert "card-canary" not in str(x) and x["opens"][0]["now"] == "‹value›"
    assert x["shape"] == "UPDATE shop.orders SET card = $1, note = upper(‹value›) WHERE id = $2"
    desk.pgveil("approvals", "approve", x["id"], "--shape", "--uses", 2)
    assert client.result().ok().tags == ["UPDATE 1"]
    assert not desk.runs(client, "UPDATE shop.orders SET card = 'a', note = upper('b') WHERE id = 31")
    assert desk.runs(client, "UPDATE shop.orders SET card = 'a', note = upper('card-canary-31') WHERE id = 31")
    assert b"card-canary" not in (desk.state / "state" / "approvals.db").read_bytes() and "card-canary" not in desk.daemon_log()


def test_the_other_bonds_hold(desk, client):
    def sql(n):
        return "DELETE FROM shop.orders WHERE id = %d AND abs(total) < 1000" % n
    x = desk.grant(client, sql(40), uses=9)
    assert desk.runs(client, sql(41))
    with desk.login() as other:
        other.query("SET search_path = pg_catalog, shop").ok()
        desk.send(other, sql(42))
        assert "approval %d is void: the search_path" % x["id"] in notice(other)["M"]
        y = desk.wait_pending("id = 42")
        desk.pgveil("approvals", "deny", y["id"])
        other.result()
    assert not desk.runs(client, sql(42))
    for change in ("CREATE FUNCTION shop.fee(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 1::bigint'",
                   "ALTER TABLE shop.orders ALTER COLUMN note SET DEFAULT 'y'"):
        x = desk.grant(client, sql(43), uses=9)
        desk.dba_psql(change)
        desk.wait_until(lambda: not desk.runs(client, sql(44)), "runs although " + change)
        assert desk.show(x["id"])["state"] == "void"


def test_insert_of_rows(desk, client):
    x = desk.grant(client, "INSERT INTO shop.counter VALUES (100), (101)", uses=3)
    assert desk.runs(client, "INSERT INTO shop.counter VALUES (102), (103)")
    assert not desk.runs(client, "INSERT INTO shop.counter VALUES (104), (105), (106)")
    assert not desk.runs(client, "INSERT INTO shop.counter VALUES (104)")
    assert not desk.runs(client, "INSERT INTO shop.counter SELECT 104")
    assert desk.dba_psql("SELECT string_agg(n::text, ',' ORDER BY n) FROM shop.counter WHERE n >= 100") == "100,101,102,103"
    desk.pgveil("grants", "revoke", x["id"])
    assert not desk.runs(client, "INSERT INTO shop.counter VALUES (107), (108)")


def test_outlives_a_restart_and_all_must_say_so():
    with ShapeLab(required=2) as desk:
        desk.wait_ready()
        with desk.login() as c:
            # one of two approves of the statement alone: that is what both let
            x = desk.ask(c, "DELETE FROM shop.orders WHERE id = 1")
            desk.pgveil("approvals", "approve", x["id"], "--shape", "--uses", 5)
            desk.pgveil("approvals", "approve", x["id"], "--uses", 5, uid=SECOND)
            assert c.result().ok().tags == ["DELETE 1"]
            assert not desk.show(x["id"])["shaped"]
            assert not desk.runs(c, "DELETE FROM shop.orders WHERE id = 2") and desk.runs(c, "DELETE FROM shop.orders WHERE id = 1")
            y = desk.ask(c, "DELETE FROM shop.orders WHERE id = 3")
            desk.pgveil("approvals", "approve", y["id"], "--shape", "--uses", 5)
            desk.pgveil("approvals", "approve", y["id"], "--shape", "--uses", 3, uid=SECOND)
            assert c.result().ok().tags == ["DELETE 1"]
        desk.sh("daemon", "kill")
        desk.sh("daemon", "start")
        desk.wait_ready()
        assert desk.show(y["id"])["shaped"] and not desk.show(x["id"])["shaped"]
        with desk.login() as c:
            assert desk.runs(c, "DELETE FROM shop.orders WHERE id = 4") and desk.runs(c, "DELETE FROM shop.orders WHERE id = 5")
            assert not desk.runs(c, "DELETE FROM shop.orders WHERE id = 6")
        assert desk.count("id IN (4, 5, 6)") == 1


def test_not_where_the_policy_does_not_say_so():
    with ApprovalLab() as desk:
        desk.wait_ready()
        with desk.login() as c:
            c.send(wire.query("DELETE FROM shop.orders WHERE id = 1"))
            notice(c)
            x = desk.wait_pending("id = 1")
            assert x["shape"] is None and x["opens"] == []
            assert "does not allow" in desk.refused("approvals", "approve", x["id"], "--shape", "--uses", 2)
            assert "glass" in desk.refused("approvals", "approve", x["id"], "--shape", "--uses", 2, "--break-glass", "--reason", "r", uid=0)
            desk.pgveil("approvals", "deny", x["id"])
            assert c.result().error.sqlstate == "42501"


def test_what_is_shown_is_what_runs(desk, client):
    """Texts whose judgement is the same: each is shown, and bound, as it is."""
    for i, sql in enumerate(("DELETE FROM shop.orders WHERE id = %d AND total > 1", "SELECT what FROM shop.ran WHERE what = '%d'",
                             "SELECT r.what FROM shop.ran r WHERE r.what = 'x' AND length(r.what) = %d")):
        for n in (80, 81, 82):
            name = "s%d-%d" % (i, n)
            client.send(wire.parse(sql % n, name), wire.bind(name), wire.execute(), wire.sync())
            client.until("N")
            x = desk.wait_until(lambda: next((x for x in desk.pending() if x["waiting"]), None), "nothing waits")
            assert x["statement"] == sql % n
            desk.pgveil("approvals", "approve" if n < 82 else "deny", x["id"])
            assert bool(client.result().errors) == (n == 82)
    assert desk.count("id IN (80, 81, 82)") == 1
