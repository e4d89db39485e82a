# SPDX-License-Identifier: MIT
"""Statements that a person must approve of: they wait on the wire, run once and as they were approved, or not at all. What ran is
what the server's log and its tables say."""

import hashlib
import hmac
import http.server
import json
import pathlib
import sqlite3
import threading

import pytest

import wire
from lab import BUILD, HERE, ROOT, marker, run
from test_audit import AuditLab

REVIEWER, SECOND, STRANGER, MEMBER = 1001, 1002, 1003, 1004
GROUP = 3000
PGVEIL = ROOT / "build" / BUILD / "pgveil"


class ApprovalLab(AuditLab):
    def __init__(self, required=1, timeout="10m", wait="hold", **kw):
        self.policy = kw.pop("policy", HERE / "approvals.yaml")
        env = {"APPROVALS_REQUIRED": str(required), "APPROVALS_TIMEOUT": timeout, "APPROVALS_WAIT": wait, **kw.pop("env", {})}
        super().__init__(schema=kw.pop("schema", HERE / "approvals.sql"), policies=(self.policy,), agents=kw.pop("agents", 2), env=env, **kw)

    def pgveil(self, *args, uid=REVIEWER, groups=(), check=True, place=()):
        """The command line as some user; its JSON."""
        argv = ["setpriv", "--reuid=%d" % uid, "--regid=%d" % (uid or 0)]
        argv += ["--groups=%s" % ",".join(map(str, groups))] if groups else ["--clear-groups"]
        p = run([*place, *argv, PGVEIL, "--run-dir", self.state / "run", "--json", *args])
        if check:
            assert p.returncode == 0, p.stderr.decode()
            return json.loads(p.stdout)
        return p

    def refused(self, *args, **kw):
        p = self.pgveil(*args, check=False, **kw)
        assert p.returncode == 1, p.stdout.decode() + p.stderr.decode()
        return p.stderr.decode()

    def pending(self):
        return self.pgveil("approvals", "ls", uid=0)["approvals"]

    def show(self, number, uid=0):
        return self.pgveil("approvals", "show", number, uid=uid)

    def wait_pending(self, mark, waiting=1):
        """The approval of the statement with that marker, when so many wait for it."""
        def found():
            return next((x for x in self.pending() if mark in x["statement"] and x["waiting"] == waiting), None)
        return self.wait_until(found, "nothing waits for an approval")

    def wait_state(self, number, *states):
        return self.wait_until(lambda: (x := self.show(number))["state"] in states and x, "approval %s is not %s" % (number, states))

    def ran(self, mark):
        """How often the server was given the statement to run, by its log. The estimate for the reviewer is no run of it."""
        return sum(mark in line and ("statement: " in line or "execute " in line) and "duration" not in line and ": EXPLAIN (" not in line
                   for line in self.server_log().splitlines())

    def count(self, where="true"):
        return int(self.dba_psql("SELECT count(*) FROM shop.orders WHERE " + where))


@pytest.fixture(scope="module")
def desk():
    with ApprovalLab() as lab:
        lab.wait_ready()
        yield lab


@pytest.fixture
def client(desk):
    with desk.login() as c:
        yield c


def delete(mark, number):
    return "DELETE FROM shop.orders WHERE id = %d /* %s */" % (number, mark)


def notice(c):
    """The NOTICE that says what is waited for."""
    kind, body = c.read()
    assert kind == "N", (kind, body)
    f = wire.fields(body)
    assert f["C"] == "00000", f
    return f


def test_waits_and_runs_once(desk, client):
    mark = marker()
    client.query("SET pgveil.reason = 'order 1 was a test'").ok()
    client.send(wire.query(delete(mark, 1)))
    told = notice(client)
    waiting = desk.wait_pending(mark)
    assert "approval %d is needed" % waiting["id"] in told["M"] and "pgveil approvals show %d" % waiting["id"] in told["H"]
    assert desk.ran(mark) == 0 and desk.count("id = 1") == 1
    shown = desk.show(waiting["id"], uid=REVIEWER)
    assert shown["statement"] == delete(mark, 1) and shown["reason"] == "order 1 was a test"
    assert shown["uid"] == 65534 and shown["database"] == "shop" and shown["role"] == "pgveil_agent"
    assert "shop.orders" in shown["relations"] and shown["kind"] == "delete" and not shown["in_transaction"]
    desk.pgveil("approvals", "approve", waiting["id"], "--reason", "yes")
    assert client.result().ok().tags == ["DELETE 1"]
    assert desk.ran(mark) == 1 and desk.count("id = 1") == 0
    done = desk.wait_until(lambda: (x := desk.show(waiting["id"]))["history"] and x["history"][0]["how"] == "sent" and x, "not told as sent")
    assert done["state"] == "used" and [v["uid"] for v in done["votes"]] == [REVIEWER]
    # the same once more is another statement to approve of
    client.send(wire.query(delete(mark, 1)))
    notice(client)
    again = desk.wait_pending(mark)
    assert again["id"] > waiting["id"]
    desk.pgveil("approvals", "deny", again["id"], "--reason", "not twice")
    r = client.result()
    assert r.error.sqlstate == "42501" and "not twice" in str(r.error) and r.status == "I"
    assert desk.ran(mark) == 1
    assert client.query("SELECT 1").ok().rows == [[b"1"]]


def test_denied_in_a_transaction(desk, client):
    mark = marker()
    client.query("BEGIN").ok()
    client.query("SELECT count(*) FROM shop.ran").ok()
    client.send(wire.query(delete(mark, 2)))
    notice(client)
    x = desk.wait_pending(mark)
    assert x["in_transaction"] and "shop.ran" in x["locked"]
    desk.pgveil("approvals", "deny", x["id"])
    r = client.result()
    assert r.error.sqlstate == "42501" and r.status == "E"
    assert client.query("ROLLBACK").ok().status == "I"
    assert desk.ran(mark) == 0


def test_cancelled(desk, client):
    mark = marker()
    client.send(wire.query(delete(mark, 3)))
    notice(client)
    x = desk.wait_pending(mark)
    with desk.connect() as killer:
        killer.send(wire.cancel(*client.key))
        killer.drain()
    r = client.result()
    assert r.error.sqlstate == "57014" and r.status == "I"
    # whoever gave up and comes again, on a connection of his own, finds it
    assert desk.wait_pending(mark, waiting=0)["id"] == x["id"]
    desk.pgveil("approvals", "approve", x["id"])
    with desk.login() as other:
        assert other.query(delete(mark, 3)).ok().tags == ["DELETE 1"]
    assert desk.ran(mark) == 1
    assert desk.show(x["id"])["state"] == "used"


def test_client_that_goes(desk):
    mark = marker()
    c = desk.login()
    c.send(wire.query(delete(mark, 4)))
    notice(c)
    x = desk.wait_pending(mark)
    c.close()
    assert desk.wait_pending(mark, waiting=0)["id"] == x["id"]
    # approved while nobody waits: it has not run, and runs when it is sent again
    desk.pgveil("approvals", "approve", x["id"])
    assert desk.ran(mark) == 0 and desk.count("id = 4") == 1
    with desk.login() as other:
        assert other.query(delete(mark, 4)).ok().tags == ["DELETE 1"]
    assert desk.ran(mark) == 1


def test_other_parameters(desk, client):
    mark = marker()
    sql = "DELETE FROM shop.orders WHERE id = $1 /* %s */" % mark
    client.send(wire.extended(sql, [b"5"]), wire.sync())
    client.until("N")
    x = desk.wait_pending(mark)
    assert x["parameters"] == ["'5'"]
    with desk.connect() as killer:
        killer.send(wire.cancel(*client.key))
        killer.drain()
    assert client.result().error.sqlstate == "57014"
    desk.pgveil("approvals", "approve", x["id"])
    # another parameter is another statement
    client.send(wire.extended(sql, [b"6"]), wire.sync())
    client.until("N")
    other = desk.wait_pending(mark)
    assert other["id"] != x["id"] and other["parameters"] == ["'6'"]
    desk.pgveil("approvals", "deny", other["id"])
    assert client.result().error.sqlstate == "42501"
    assert desk.count("id IN (5, 6)") == 2
    # and the one that was approved is there still
    assert client.run(sql, [b"5"]).ok().tags == ["DELETE 1"]
    assert desk.count("id IN (5, 6)") == 1


def test_prepared_and_pipelined(desk, client):
    """Behind others in one group, which are committed with it or not at all; the same prepared statement asks each time."""
    mark, first = marker(), marker()
    client.send(wire.parse(delete(mark, 7), "d"), wire.sync())
    client.result().ok()
    client.send(wire.extended("INSERT INTO shop.ran VALUES ('%s')" % first), wire.bind("d"), wire.execute(), wire.sync())
    assert [b for k, b in client.until("N") if k == "C"] == [b"INSERT 0 1\0"]
    x = desk.wait_pending(mark)
    assert x["in_transaction"]
    assert desk.dba_psql("SELECT count(*) FROM shop.ran WHERE what = '%s'" % first) == "0"
    desk.pgveil("approvals", "approve", x["id"])
    assert client.result().ok().tags == ["DELETE 1"]
    client.send(wire.bind("d"), wire.execute(), wire.sync())
    client.until("N")
    y = desk.wait_pending(mark)
    assert y["id"] != x["id"] and not y["in_transaction"]
    desk.pgveil("approvals", "deny", y["id"])
    assert client.result().error.sqlstate == "42501"
    assert desk.dba_psql("SELECT count(*) FROM shop.ran WHERE what = '%s'" % first) == "1"


def test_no_lock_is_kept_while_it_waits(desk, client):
    """Parse alone has locked the table: another session can change it nevertheless, and that voids what is asked for."""
    mark = marker()
    client.send(wire.extended(delete(mark, 8)), wire.sync())
    client.until("N")
    x = desk.wait_pending(mark)
    desk.dba_psql("SET lock_timeout = '5s'; ALTER TABLE shop.orders ADD COLUMN extra int")
    r = client.result()
    assert r.error.sqlstate == "42501" and "definition" in str(r.error), str(r.error)
    assert desk.wait_state(x["id"], "void")
    assert desk.ran(mark) == 0


@pytest.mark.parametrize("change", [
    "ALTER TABLE shop.orders ALTER COLUMN note SET DEFAULT 'x'",
    "CREATE OR REPLACE FUNCTION shop.fee(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'",
    "CREATE OR REPLACE VIEW shop.open AS SELECT id, note FROM shop.orders WHERE id > 0",
    "CREATE FUNCTION shop.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';"
    "CREATE TRIGGER noted BEFORE DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.noted()",
])
def test_altered_before_the_approval(desk, client, change):
    """Approved at the very moment after the change: what was asked for is not what would run."""
    mark = marker()
    sql = "DELETE FROM shop.orders WHERE id = 9 AND EXISTS (SELECT 1 FROM shop.open o WHERE o.id = 9) /* %s */" % mark
    client.send(wire.query(sql))
    notice(client)
    x = desk.wait_pending(mark)
    desk.dba_psql(change)
    p = desk.pgveil("approvals", "approve", x["id"], check=False)
    r = client.result()
    assert r.error.sqlstate == "42501" and "void" in str(r.error), str(r.error)
    assert desk.ran(mark) == 0 and desk.count("id = 9") == 1
    if p.returncode == 0:
        assert any(h["how"].startswith("not sent") for h in desk.show(x["id"])["history"])
    if "TRIGGER" in change:
        desk.dba_psql("DROP TRIGGER noted ON shop.orders; DROP FUNCTION shop.noted()")


def test_who_may(desk, client):
    mark = marker()
    client.send(wire.query(delete(mark, 10)))
    notice(client)
    x = desk.wait_pending(mark)
    assert "may decide" in desk.refused("approvals", "approve", x["id"], uid=STRANGER)
    assert "may see" in desk.refused("approvals", "show", x["id"], uid=STRANGER)
    assert desk.pgveil("approvals", "ls", uid=STRANGER)["approvals"] == []
    assert "none of those" in desk.refused("approvals", "approve", x["id"], uid=0)
    # who asks, although the policy names him
    assert "who asks" in desk.refused("approvals", "approve", x["id"], uid=65534)
    # from where the agent is, whoever he says he is
    for uid in (REVIEWER, 0):
        place = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', desk.cgroup("agent1")]
        assert "guards" in desk.refused("approvals", "approve", x["id"], uid=uid, place=place)
        # started from there, and moved out
        outside = ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; sh -c \'echo $$ > "$0/cgroup.procs" && exec "$@"\' "$1" "${@:2}"; exit $?',
                   desk.cgroup("agent1"), pathlib.Path(desk.cgroup("agent1")).parent.parent]
        outside[0] = "bash"
        assert "started from" in desk.refused("approvals", "approve", x["id"], uid=uid, place=outside)
    assert desk.show(x["id"])["state"] == "pending" and desk.ran(mark) == 0
    desk.pgveil("approvals", "approve", x["id"], uid=MEMBER, groups=[GROUP])
    assert client.result().ok().tags == ["DELETE 1"]


def test_break_glass(desk, client):
    mark = marker()
    client.send(wire.query(delete(mark, 11)))
    notice(client)
    x = desk.wait_pending(mark)
    assert "reason" in desk.refused("approvals", "approve", x["id"], "--break-glass", uid=0)
    assert "root" in desk.refused("approvals", "approve", x["id"], "--break-glass", "--reason", "r", uid=REVIEWER)
    desk.pgveil("approvals", "approve", x["id"], "--break-glass", "--reason", "the house burns", uid=0)
    assert client.result().ok().tags == ["DELETE 1"]
    assert [e for e in desk.events("approval.break_glass") if e["approval"] == x["id"] and e["by"] == 0]


def test_grant_of_two_under_ten_connections(desk):
    mark = marker()
    sql = "DELETE FROM shop.orders WHERE id = 12 OR random() < 0 /* %s */" % mark
    results = []

    def one():
        with desk.login() as c:
            results.append(c.query(sql))

    threads = [threading.Thread(target=one) for _ in range(10)]
    for t in threads:
        t.start()
    x = desk.wait_pending(mark, waiting=10)
    desk.pgveil("approvals", "approve", x["id"], "--uses", 2, "--for", "1h")
    for t in threads:
        t.join(60)
    assert sorted(len(r.errors) for r in results) == [0] * 2 + [1] * 8
    assert {r.error.sqlstate for r in results if r.errors} == {"42501"}
    assert desk.ran(mark) == 2
    assert len(desk.show(x["id"])["history"]) == 2


def test_grant_revoked_while_it_runs(desk, client):
    mark = marker()
    sql = "DELETE FROM shop.orders WHERE id = 13 AND pg_sleep(60) IS NOT NULL /* %s */" % mark
    client.send(wire.query(sql))
    first = client.read()
    if first[0] == "E":
        pytest.skip("pg_sleep is not let through")
    x = desk.wait_pending(mark)
    desk.pgveil("approvals", "approve", x["id"], "--for", "1h", "--uses", 3)
    desk.wait_until(lambda: desk.dba_psql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%%s%%' AND pid <> pg_backend_pid()" % mark) == "1",
                    "it does not run")
    assert [g["id"] for g in desk.pgveil("grants", "ls")["grants"]] == [x["id"]]
    desk.pgveil("grants", "revoke", x["id"], "--reason", "enough")
    assert client.result().error.sqlstate == "57014"
    assert desk.count("id = 13") == 1
    assert desk.pgveil("grants", "ls")["grants"] == []


def test_grant_expires_while_it_runs(desk, client):
    mark = marker()
    client.send(wire.query("DELETE FROM shop.orders WHERE id = 13 AND pg_sleep(60) IS NOT NULL /* %s */" % mark))
    if client.read()[0] == "E":
        pytest.skip("pg_sleep is not let through")
    x = desk.wait_pending(mark)
    desk.pgveil("approvals", "approve", x["id"], "--for", "3s")
    assert client.result().error.sqlstate == "57014"
    assert desk.ran(mark) == 1 and desk.count("id = 13") == 1


def test_role_and_path_are_bound(desk, client):
    mark = marker()
    sql = "DELETE FROM shop.orders WHERE id = 14 /* %s */" % mark
    client.send(wire.query(sql))
    notice(client)
    x = desk.wait_pending(mark)
    with desk.connect() as killer:
        killer.send(wire.cancel(*client.key))
        killer.drain()
    assert client.result().error.sqlstate == "57014"
    desk.pgveil("approvals", "approve", x["id"])
    client.query("SET search_path = pg_catalog, shop").ok()
    client.send(wire.query(sql))
    told = notice(client)
    assert "approval %d is void: the search_path" % x["id"] in told["M"], told
    y = desk.wait_pending(mark)
    desk.pgveil("approvals", "deny", y["id"])
    assert client.result().error.sqlstate == "42501"
    assert desk.show(x["id"])["state"] == "void" and desk.ran(mark) == 0


def test_settings_are_bound(desk, client):
    """'01/02/2024' is another day in another DateStyle."""
    mark = marker()
    sql = "DELETE FROM shop.orders WHERE id = 15 AND '01/02/2024'::date > '2024-01-15' /* %s */" % mark
    client.send(wire.query(sql))
    notice(client)
    x = desk.wait_pending(mark)
    with desk.connect() as killer:
        killer.send(wire.cancel(*client.key))
        killer.drain()
    client.result()
    desk.pgveil("approvals", "approve", x["id"])
    client.query("SET datestyle = 'ISO, DMY'").ok()
    client.send(wire.query(sql))
    assert "a setting" in notice(client)["M"]
    y = desk.wait_pending(mark)
    desk.pgveil("approvals", "deny", y["id"])
    client.result()
    assert desk.ran(mark) == 0 and desk.count("id = 15") == 1


def test_show_in_band(desk, client):
    mark = marker()
    client.send(wire.query(delete(mark, 16)))
    notice(client)
    x = desk.wait_pending(mark)
    with desk.login() as other:
        rows = other.query("SHOW pgveil.approvals").ok().rows
        assert [r for r in rows if r[0] == b"%d" % x["id"] and r[1] == b"pending" and mark.encode() in r[2]]
        rows = other.run("SHOW pgveil.approvals").ok().rows
        assert [r for r in rows if r[0] == b"%d" % x["id"]]
    desk.pgveil("approvals", "deny", x["id"], "--reason", "it's \"no\"")
    client.result()
    rows = client.query("SHOW pgveil.approvals").ok().rows
    assert [r for r in rows if r[0] == b"%d" % x["id"] and r[1] == b"denied" and r[3] == b"it's \"no\""]


def test_sql_prepare(desk, client):
    mark = marker()
    client.query("PREPARE gone(int) AS DELETE /* %s */ FROM shop.orders WHERE id = $1" % mark).ok()
    client.send(wire.query("EXECUTE gone(17)"))
    notice(client)
    x = desk.wait_pending(mark)
    assert "EXECUTE gone(17)" in x["statement"]
    desk.pgveil("approvals", "approve", x["id"])
    assert client.query("SELECT 1").tags == ["DELETE 1"]
    assert client.result().ok().rows == [[b"1"]]
    # a statement of that name and another text
    client.query("DEALLOCATE gone").ok()
    client.query("PREPARE gone(int) AS DELETE /* %s */ FROM shop.orders WHERE id >= $1" % mark).ok()
    client.send(wire.query("EXECUTE gone(17)"))
    notice(client)
    y = desk.wait_pending(mark)
    assert y["id"] != x["id"]
    desk.pgveil("approvals", "deny", y["id"])
    client.result()
    assert desk.count("id > 17") > 50


def test_masked_constants_are_not_kept(desk, client):
    """What a masked column is compared with, or is set to, is in no answer and in no file."""
    for sql in ("DELETE FROM shop.orders WHERE card = 'card-canary-20'", "DELETE FROM shop.orders WHERE card = $1"):
        client.send(wire.extended(sql, [b"card-canary-20"] if "$1" in sql else []), wire.sync())
        client.until("N")
        x = desk.wait_pending("shop.orders WHERE card")
        assert "card-canary" not in json.dumps(x)
        desk.pgveil("approvals", "deny", x["id"])
        assert client.result().error.sqlstate == "42501"
    assert b"card-canary" not in (desk.state / "state" / "approvals.db").read_bytes()
    assert "card-canary" not in desk.daemon_log()


def test_required_two():
    with ApprovalLab(required=2) as desk:
        desk.wait_ready()
        with desk.login() as c:
            mark = marker()
            c.send(wire.query(delete(mark, 1)))
            notice(c)
            x = desk.wait_pending(mark)
            desk.pgveil("approvals", "approve", x["id"])
            assert "already" in desk.refused("approvals", "approve", x["id"])
            assert desk.show(x["id"])["state"] == "pending" and desk.ran(mark) == 0
            desk.pgveil("approvals", "approve", x["id"], uid=SECOND)
            assert c.result().ok().tags == ["DELETE 1"]
            assert desk.ran(mark) == 1


def test_not_in_time():
    with ApprovalLab(timeout="2s") as desk:
        desk.wait_ready()
        with desk.login() as c:
            mark = marker()
            c.send(wire.query(delete(mark, 1)))
            notice(c)
            r = c.result()
            assert r.error.sqlstate == "57014" and "in time" in str(r.error)
            assert desk.ran(mark) == 0
            assert desk.pgveil("approvals", "ls", "--all", uid=0)["approvals"][0]["state"] == "expired"


def test_error_and_retry():
    with ApprovalLab(wait="error-and-retry") as desk:
        desk.wait_ready()
        with desk.login() as c:
            mark = marker()
            r = c.query(delete(mark, 1))
            assert r.error.sqlstate == "42501" and "approval" in str(r.error) and r.status == "I"
            x = desk.wait_pending(mark, waiting=0)
            again = c.query(delete(mark, 1))
            assert "approval %d" % x["id"] in str(again.error) and len(desk.pending()) == 1
            desk.pgveil("approvals", "approve", x["id"])
            assert c.query(delete(mark, 1)).ok().tags == ["DELETE 1"]
            assert desk.ran(mark) == 1
            assert "approval %d" % (x["id"] + 1) in str(c.query(delete(mark, 1)).error)


def test_restarts():
    """Killed while one waits: denied, and says so. Killed after an approval: it is there, and runs once."""
    with ApprovalLab() as desk:
        desk.wait_ready()
        mark = marker()
        c = desk.login()
        c.send(wire.query(delete(mark, 1)))
        notice(c)
        x = desk.wait_pending(mark)
        desk.sh("daemon", "kill")
        with pytest.raises(wire.Closed):
            c.result()
        desk.sh("daemon", "start")
        desk.wait_ready()
        shown = desk.show(x["id"])
        assert shown["state"] == "denied" and "started anew" in shown["cause"]
        assert "denied" in desk.refused("approvals", "approve", x["id"])
        # one that is approved and not used outlives the daemon
        c = desk.login()
        c.send(wire.query(delete(mark, 1)))
        notice(c)
        y = desk.wait_pending(mark)
        assert y["id"] > x["id"]
        c.close()
        desk.wait_pending(mark, waiting=0)
        desk.pgveil("approvals", "approve", y["id"])
        desk.sh("daemon", "kill")
        desk.sh("daemon", "start")
        desk.wait_ready()
        with desk.login() as c:
            assert c.query(delete(mark, 1)).ok().tags == ["DELETE 1"]
        assert desk.ran(mark) == 1


def test_killed_around_the_use():
    """kill -9 as soon as the use is in the file: what was used up never runs a second time, and what never ran says so."""
    with ApprovalLab() as desk:
        desk.wait_ready()
        for number in range(20, 26):
            mark = marker()
            c = desk.login()
            c.send(wire.query(delete(mark, number)))
            notice(c)
            x = desk.wait_pending(mark)
            approving = threading.Thread(target=desk.pgveil, args=("approvals", "approve", x["id"]), kwargs={"check": False})
            approving.start()
            db = sqlite3.connect("file:%s?mode=ro" % (desk.state / "state" / "approvals.db"), uri=True, timeout=10)
            desk.wait_until(lambda: db.execute("SELECT count(*) FROM use WHERE approval = ?", [x["id"]]).fetchone()[0], "not used")
            db.close()
            desk.sh("daemon", "kill")
            approving.join()
            c.drain()
            c.close()
            desk.sh("daemon", "start")
            desk.wait_ready()
            shown = desk.show(x["id"])
            assert shown["state"] == "used" and shown["used"] == 1
            before = desk.ran(mark)
            assert before <= 1
            if shown["history"][0]["how"] != "sent":
                assert "not run again" in shown["history"][0]["how"]
            with desk.login() as again:
                again.send(wire.query(delete(mark, number)))
                notice(again)
                y = desk.wait_pending(mark)
                assert y["id"] != x["id"] and desk.ran(mark) == before
                desk.pgveil("approvals", "deny", y["id"])
                again.result()
            assert desk.ran(mark) == before


def test_policy_is_bound(tmp_path):
    path = tmp_path / "approvals.yaml"
    path.write_text((HERE / "approvals.yaml").read_text())
    with ApprovalLab(policy=path) as desk:
        desk.wait_ready()
        with desk.login() as c:
            mark = marker()
            c.send(wire.query(delete(mark, 1)))
            notice(c)
            x = desk.wait_pending(mark)
            path.write_text(path.read_text() + "# the same policy\n")
            desk.sh("pgveil", "--", "reload")
            assert desk.wait_pending(mark)["id"] == x["id"]
            path.write_text(path.read_text().replace("timeout: ", "timeout: 1"))
            desk.sh("pgveil", "--", "reload")
            r = c.result()
            assert r.error.sqlstate == "42501" and "the policy" in str(r.error)
            assert desk.wait_state(x["id"], "void") and desk.ran(mark) == 0


def test_webhook(tmp_path):
    """Each event is told, signed, and told again where nobody took it; no word of the statement is in it."""
    got, secret = [], b"a secret of twenty-eight byte"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(503 if len(got) == 1 else 204)
            self.end_headers()

        def log_message(self, *_):
            pass

    (tmp_path / "secret").write_bytes(secret + b"\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    args = "--webhook http://127.0.0.1:%d/hook --webhook-secret %s" % (server.server_address[1], tmp_path / "secret")
    with ApprovalLab(env={"LAB_DAEMON_ARGS": args}) as desk:
        desk.wait_ready()
        mark = marker()
        with desk.login() as c:
            c.send(wire.query(delete(mark, 1)))
            notice(c)
            x = desk.wait_pending(mark)
            desk.pgveil("approvals", "approve", x["id"])
            assert c.result().ok().tags == ["DELETE 1"]
        def told(event):
            return [b for b in (json.loads(b) for _, b in got) if b["event"]["event"] == event and b["event"].get("approval") == x["id"]]
        for event in ("approval.asked", "approval.approved", "approval.consumed"):
            desk.wait_until(lambda e=event: told(e), event + " was not told")
        assert "pgveil approvals show %d" % x["id"] in told("approval.asked")[0]["text"]
        desk.sh("daemon", "stop")
        # the recording's head, at each seal and at the end: noted elsewhere, it shows what was cut off
        heads = [b["event"] for _, raw in got if (b := json.loads(raw))["event"]["event"] == "record.sealed"]
        assert [h["records"] for h in heads] == sorted(h["records"] for h in heads) and len(heads) >= 2
        assert "head " + heads[-1]["head"] in [json.loads(raw)["text"] for _, raw in got if heads[-1]["head"].encode() in raw][0]
        state = desk.state / "state" / "recordings"
        p = run([PGVEIL, "sessions", "verify", "--recordings", state, "--head", heads[-1]["head"]])
        assert p.returncode == 0 and b"sound" in p.stdout, p.stdout + p.stderr
        assert got[0][1] == got[1][1], "what was not taken is not sent again"
        for headers, body in got:
            want = hmac.new(secret, b"v1:" + headers["X-Pgveil-Timestamp"].encode() + b":" + body, hashlib.sha256).hexdigest()
            assert headers["X-Pgveil-Signature"] == "v1=" + want
            assert mark.encode() not in body
    server.shutdown()


def test_taken_over_while_it_waits():
    """The daemon that goes denies what waits there, with cause; what is approved is the next one's, and is used once."""
    with ApprovalLab() as desk:
        desk.wait_ready()
        mark, other = marker(), marker()
        with desk.login() as gone:
            gone.send(wire.query(delete(other, 2)))
            notice(gone)
            y = desk.wait_pending(other)
        desk.wait_pending(other, waiting=0)
        desk.pgveil("approvals", "approve", y["id"])
        c = desk.login()
        c.send(wire.query(delete(mark, 1)))
        notice(c)
        x = desk.wait_pending(mark)
        desk.sh("daemon", "upgrade")
        r = c.result()
        assert r.error.sqlstate == "42501" and "taken over" in str(r.error)
        assert desk.show(x["id"])["state"] == "denied" and desk.ran(mark) == 0
        c.close()
        with desk.login() as again:
            assert again.query(delete(other, 2)).ok().tags == ["DELETE 1"]
            again.send(wire.query(delete(mark, 1)))
            notice(again)
            z = desk.wait_pending(mark)
            assert z["id"] > x["id"]
            desk.pgveil("approvals", "approve", z["id"])
            assert again.result().ok().tags == ["DELETE 1"]
        assert desk.ran(mark) == 1 and desk.ran(other) == 1


WAYS = {
    "explain analyze": "EXPLAIN ANALYZE DELETE /* %s */ FROM shop.orders WHERE id = 40",
    "with": "WITH d AS (DELETE /* %s */ FROM shop.orders WHERE id = 40 RETURNING id) SELECT id FROM d",
    "copy": "COPY (DELETE /* %s */ FROM shop.orders WHERE id = 40 RETURNING id) TO STDOUT",
    "behind another": "SELECT 1; DELETE /* %s */ FROM shop.orders WHERE id = 40",
    "block": "BEGIN; DELETE /* %s */ FROM shop.orders WHERE id = 40; COMMIT",
    "savepoint": "BEGIN; SAVEPOINT a; ROLLBACK TO a; DELETE /* %s */ FROM shop.orders WHERE id = 40; COMMIT",
    "quoted": 'DELETE /* %s */ FROM "shop"."orders" WHERE id = 40',
    "using": "DELETE /* %s */ FROM shop.orders o USING shop.counter c WHERE o.id = 40",
    "view": "DELETE /* %s */ FROM shop.open WHERE id = 40",
    "merge": "MERGE INTO /* %s */ shop.orders o USING shop.counter c ON o.id = 40 WHEN MATCHED THEN DELETE",
    "prepared by name": "PREPARE d%s AS DELETE FROM shop.orders WHERE id = 40; EXECUTE d%s",
    "explained by name": "PREPARE e%s AS DELETE FROM shop.orders WHERE id = 40; EXPLAIN ANALYZE EXECUTE e%s",
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_round(desk, client, way):
    """Whatever it is wrapped in: it waits, or is refused; nothing of it has run, and denied it never does."""
    mark = marker()
    client.send(wire.query(WAYS[way].replace("%s", mark)))
    while (kind := client.read()[0]) not in "NE":
        assert kind in "SC", way
    if kind == "N":
        x = desk.wait_until(lambda: next((x for x in desk.pending() if x["waiting"] == 1), None), "nothing waits")
        assert desk.count("id = 40") == 1
        desk.pgveil("approvals", "deny", x["id"])
        client.until("E")
    client.until("Z")
    assert desk.count("id = 40") == 1
    assert desk.ran(mark) == 0


def test_startup_settings_are_bound(desk):
    mark = marker()
    with desk.login(params={"options": "-c app.tenant=1"}) as c:
        c.send(wire.query(delete(mark, 41)))
        notice(c)
        x = desk.wait_pending(mark)
    desk.wait_pending(mark, waiting=0)
    desk.pgveil("approvals", "approve", x["id"])
    with desk.login(params={"options": "-c app.tenant=2"}) as c:
        c.send(wire.query(delete(mark, 41)))
        assert "a setting" in notice(c)["M"]
        y = desk.wait_pending(mark)
        desk.pgveil("approvals", "deny", y["id"])
        c.result()
    assert desk.ran(mark) == 0


def test_rows_of_what_was_approved(desk, client):
    """What an approved statement gives arrives masked, in each protocol, with cursors and COPY."""
    mark = marker()
    client.send(wire.extended("DELETE /* %s */ FROM shop.orders WHERE id IN (42, 43) RETURNING id, card" % mark, formats=(1,)), wire.sync())
    client.until("N")
    desk.pgveil("approvals", "approve", desk.wait_pending(mark)["id"])
    r = client.result().ok()
    assert [row[0] for row in r.rows] == [b"\0\0\0\x2a", b"\0\0\0\x2b"] and b"card-canary" not in bytes(client.received)
    client.send(wire.query("COPY (DELETE /* %s */ FROM shop.orders WHERE id = 44 RETURNING id, card) TO STDOUT" % mark))
    notice(client)
    desk.pgveil("approvals", "approve", desk.wait_pending(mark)["id"])
    r = client.result().ok()
    assert "d" in r.kinds and b"card-canary" not in bytes(client.received)
    assert desk.count("id IN (42, 43, 44)") == 0


def test_client_that_floods_and_goes(desk):
    """More than is kept behind the statement: the wait ends, or nobody would see the client go. Politely going is seen, too."""
    for flood in (True, False):
        mark = marker()
        c = desk.login()
        c.send(wire.query(delete(mark, 45)))
        notice(c)
        x = desk.wait_pending(mark)
        c.sock.settimeout(3)
        blob = wire.query("SELECT '%s'" % ("x" * 100000)) * 10
        try:
            for _ in range(40 if flood else 0):
                c.sock.sendall(blob)
        except TimeoutError:
            pass
        if flood:
            assert desk.wait_pending(mark, waiting=0)["id"] == x["id"]
        else:
            c.send(wire.query("SET datestyle = 'German'"), wire.terminate())
        c.close()
        assert desk.wait_pending(mark, waiting=0)["id"] == x["id"]
        assert desk.ran(mark) == 0 and desk.count("id = 45") == 1
