# SPDX-License-Identifier: MIT
"""What spec.statements forbids is not executed, whatever it is dressed in: 42501 with a hint that names the rule, nothing of it in
the server's own log (each statement has a comment that the log would show), and the database as it was. The engine's role could do
nearly all of it."""

import json
import os
import time

import pytest

import recording
import wire
from lab import HERE, Lab, marker

POLICIES = [HERE / "statements.yaml", HERE / "statements-list.yaml"]


@pytest.fixture(scope="module")
def shop():
    with Lab(schema=HERE / "statements.sql", policies=POLICIES) as up:
        yield up


@pytest.fixture
def client(shop):
    with shop.login() as c:
        yield c


STATE = ("SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM (SELECT * FROM shop.orders) t UNION ALL "
         "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM (SELECT * FROM shop.items) t UNION ALL "
         "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM (SELECT * FROM shop.free) t UNION ALL "
         "SELECT string_agg(oid || relname || relowner || coalesce(relacl::text, '') || relrowsecurity, ' ' ORDER BY oid) FROM pg_class "
         "WHERE oid >= 16384 UNION ALL SELECT string_agg(oid || proname || coalesce(proacl::text, ''), ' ' ORDER BY oid) FROM pg_proc WHERE oid >= 16384 UNION ALL "
         "SELECT string_agg(rolname || rolsuper || coalesce(array_to_string(s.setconfig, ','), ''), ' ' ORDER BY rolname) FROM pg_roles r "
         "LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid UNION ALL "
         "SELECT count(*)::text FROM pg_largeobject_metadata UNION ALL SELECT count(*)::text FROM pg_replication_slots UNION ALL "
         "SELECT last_value::text || is_called FROM shop.numbers UNION ALL SELECT count(*)::text FROM pg_auth_members UNION ALL "
         "SELECT count(*)::text FROM pg_publication UNION ALL SELECT count(*)::text FROM shop.audited UNION ALL SELECT count(*)::text FROM shop.ruled")

# Names in capitals are replaced by what is in WAYS, so that each is tried in every dress.
DENIED = {
    "insert": ["INSERT INTO shop.orders VALUES (100)", "INSERT INTO shop.orders SELECT 101", "INSERT INTO shop . \"orders\" DEFAULT VALUES",
               "INSERT INTO U&\"sh\\006fp\".U&\"\\006frders\" VALUES (102)", "WITH i AS (INSERT INTO shop.orders VALUES (103) RETURNING id) SELECT * FROM i",
               "INSERT INTO shop.seen VALUES (104)", "MERGE INTO shop.orders o USING (VALUES (105)) v(i) ON o.id = v.i WHEN NOT MATCHED THEN INSERT VALUES (v.i)",
               "INSERT INTO shop.free SELECT 9, 'x' WHERE EXISTS (SELECT shop.run('INSERT INTO shop.orders VALUES (106)'))"],
    "update": ["UPDATE shop.orders SET note = 'x' WHERE id = 1", "UPDATE ONLY shop.orders * SET note = 'x' WHERE id = 1".replace(" *", ""),
               "WITH u AS (UPDATE shop.orders SET note = 'x' WHERE id = 1 RETURNING 1) SELECT 1", "UPDATE shop.seen SET note = 'x' WHERE id = 1",
               "INSERT INTO shop.orders AS o VALUES (1) ON CONFLICT (id) DO UPDATE SET note = 'x'",
               "MERGE INTO shop.orders o USING shop.free f ON o.id = f.id WHEN MATCHED THEN UPDATE SET note = 'x'",
               "UPDATE shop.free SET v = (SELECT shop.run('UPDATE shop.orders SET note = NULL'))::text WHERE id = 1"],
    "delete": ["DELETE FROM shop.orders WHERE id = 1", "delete\nfrom--x\nshop.orders where id=1", "WITH d AS (DELETE FROM shop.orders WHERE id = 1) SELECT 1",
               "DELETE FROM shop.seen WHERE id = 1", "SELECT shop.purge()", "SELECT shop.wipe()", "SELECT * FROM shop.purging", "SELECT (SELECT shop.purge())",
               "SELECT 1 FROM shop.free WHERE shop.purge() = 1", "SELECT id FROM shop.free ORDER BY shop.purge()", "SELECT 1 LIMIT shop.purge()",
               "SELECT CASE WHEN true THEN shop.purge() END", "INSERT INTO shop.audited VALUES (1)", "INSERT INTO shop.ruled VALUES (1)",
               "INSERT INTO shop.defaulted (id) VALUES (1)", "SELECT row(1)::shop.odd::text", "SELECT CAST(row(1)::shop.odd AS text)",
               "SELECT shop.run('DELETE FROM shop.orders')", "SELECT shop.cast_it(1)", "SELECT id FROM shop.free GROUP BY id HAVING shop.purge() = 1",
               "SELECT count(*) FILTER (WHERE shop.purge() = 1) FROM shop.free", "SELECT sum(shop.purge()) OVER () FROM shop.free", "VALUES (shop.purge())",
               "SELECT * FROM shop.purge()", "SELECT * FROM shop.free, LATERAL shop.purge()", "SELECT ARRAY[shop.purge()]", "SELECT row(shop.purge())",
               "SELECT coalesce(NULL, shop.purge())", "SELECT query_to_xml('DELETE FROM shop.orders RETURNING 1', true, true, '')",
               "MERGE INTO shop.orders o USING shop.free f ON o.id = f.id WHEN MATCHED THEN DELETE"],
    "do and call": ["DO $$BEGIN DELETE FROM shop.orders; END$$", "DO LANGUAGE plpgsql 'BEGIN PERFORM shop.purge(); END'", "do /* */ 'begin end'", "CALL shop.tidy()", "call shop . tidy ( )"],
    "truncate": ["TRUNCATE shop.orders CASCADE", "TRUNCATE TABLE ONLY shop.items", "truncate shop.free, shop.items", "TRUNCATE shop.orders, shop.items RESTART IDENTITY"],
    "where is missing": ["DELETE FROM shop.free", "UPDATE shop.free SET v = 'x'", "DELETE FROM shop.free WHERE true", "DELETE FROM shop.free WHERE 1 = 1", "DELETE FROM shop.free WHERE id = id",
                         "DELETE FROM shop.free WHERE id = 1 OR true", "UPDATE shop.free SET v = 'x' WHERE id IS NOT NULL", "DELETE FROM shop.free WHERE id > -1",
                         "DELETE FROM shop.free a USING shop.free b WHERE a.id = b.id", "WITH d AS (DELETE FROM shop.free RETURNING *) SELECT count(*) FROM d",
                         "UPDATE shop.free SET v = 'x' WHERE EXISTS (SELECT 1)", "DELETE FROM shop.free WHERE id IN (SELECT id FROM shop.free)", "DELETE FROM shop.free WHERE tableoid = 'shop.free'::regclass",
                         "MERGE INTO shop.free f USING shop.orders o ON true WHEN MATCHED THEN DELETE", "DELETE FROM shop.free WHERE id = ANY (ARRAY(SELECT id FROM shop.free))",
                         "UPDATE shop.free SET v = 'x' WHERE NOT id = 0", "DELETE FROM shop.free WHERE (id = 1) IS NOT NULL", "DELETE FROM shop.free WHERE id = (SELECT 1)"],
    "ddl": ["CREATE TABLE shop.t (i int)", "CREATE TEMP TABLE t (i int)", "SELECT 1 AS i INTO shop.t2", "CREATE TABLE shop.t3 AS SELECT 1 AS i", "DROP TABLE shop.items", "ALTER TABLE shop.free ADD x int",
            "CREATE INDEX ON shop.free (v)", "CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE VIEW shop.v AS SELECT 1 AS i", "COMMENT ON TABLE shop.free IS 'x'",
            "CREATE SCHEMA more CREATE TABLE t (i int)", "EXPLAIN ANALYZE CREATE TABLE shop.t4 AS SELECT 1 AS i", "SELECT shop.run('CREATE TABLE shop.t5 (i int)')", "DROP FUNCTION shop.harmless(int)",
            "CREATE TRIGGER x BEFORE INSERT ON shop.free FOR EACH ROW EXECUTE FUNCTION shop.note()", "CREATE RULE x AS ON INSERT TO shop.free DO ALSO DELETE FROM shop.orders"],
    "privilege": ["GRANT SELECT ON shop.free TO PUBLIC", "REVOKE ALL ON shop.free FROM other", "ALTER TABLE shop.free OWNER TO other", "CREATE ROLE more", "ALTER ROLE other SUPERUSER", "GRANT other TO postgres",
                  "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC", "ALTER TABLE shop.free ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON shop.free USING (true)", "SELECT shop.run('GRANT ALL ON shop.free TO PUBLIC')",
                  "ALTER ROLE pgveil_agent SET work_mem = '1MB'", "REASSIGN OWNED BY pgveil_agent TO other"],
    "role": ["SET ROLE other", "SET LOCAL ROLE other", "SET role = 'other'", "SET SESSION AUTHORIZATION other", "SELECT set_config('role', 'other', false)", "SELECT pg_catalog.set_config('ROLE'::text, 'other', true)",
             "SELECT set_config(n, 'other', false) FROM (VALUES ('role')) v(n)", "SELECT set_config('ro' || 'le', 'other', false)", "SELECT shop.sets('role', 'other')", "RESET ROLE"],
    "settings": ["SET work_mem = '1MB'", "SET LOCAL work_mem TO '1MB'", "SET SESSION work_mem = '1MB'", "SET TIME ZONE 'UTC'", "RESET work_mem", "RESET ALL", "DISCARD ALL", "SET work_mem TO DEFAULT",
                 "SELECT set_config('work_mem', '1MB', false)", "SELECT pg_catalog . set_config ('work_mem', '1MB', true)", "SELECT set_config(name, '1MB', false) FROM pg_settings WHERE name = 'work_mem'",
                 "UPDATE pg_settings SET setting = '1MB' WHERE name = 'work_mem'", "SELECT shop.sets('work_mem', '1MB')", "SET TRANSACTION READ WRITE", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
                 "SELECT shop.slow()", "SET search_path = public"],
    "copy": ["COPY shop.free TO STDOUT", "COPY (SELECT 1) TO STDOUT", "copy shop.free(id) to stdout", "COPY shop.free FROM STDIN", "COPY shop.free (id) FROM STDIN WHERE id = 1", "COPY (SELECT * FROM shop.free) TO STDOUT (FORMAT csv)",
             "COPY (WITH d AS (DELETE FROM shop.free RETURNING 1) SELECT 1) TO STDOUT", "COPY BINARY shop.free TO STDOUT"],
    "program and file": ["COPY shop.free TO PROGRAM 'touch /tmp/pgveil-guard'", "COPY (SELECT 1) TO PROGRAM 'touch /tmp/pgveil-guard'", "COPY shop.free FROM PROGRAM 'echo 7'", "COPY shop.free TO '/tmp/pgveil-guard'", "COPY shop.free FROM '/etc/passwd'",
                         "SELECT pg_read_file('/etc/passwd')", "SELECT pg_catalog.pg_read_binary_file('/etc/passwd')", "SELECT * FROM pg_ls_dir('/') AS d(n)", "SELECT (pg_stat_file('/etc/passwd')).size", "SELECT pg_read_file(n) FROM (VALUES ('/etc/passwd')) v(n)",
                         "SELECT shop.run('COPY shop.free TO PROGRAM ''touch /tmp/pgveil-guard''')", "SELECT 1 WHERE pg_read_file('/etc/passwd') <> ''"],
    "large objects": ["SELECT lo_creat(-1)", "SELECT lo_create(4711)", "SELECT lo_from_bytea(0, 'x')", "SELECT lo_import('/etc/passwd')", "SELECT lo_export(1, '/tmp/pgveil-guard')", "SELECT 1 WHERE lo_create(4712) > 0", "SELECT pg_catalog.lo_unlink(1)"],
    "locks": ["LOCK TABLE shop.free", "LOCK shop.free IN SHARE MODE", "SELECT pg_advisory_lock(1)", "SELECT pg_try_advisory_xact_lock(1)", "SELECT 1 WHERE pg_advisory_lock_shared(1) IS NULL", "SELECT * FROM shop.free FOR UPDATE",
              "SELECT * FROM (SELECT id FROM shop.free FOR KEY SHARE) f", "SELECT pg_catalog.pg_advisory_xact_lock(id) FROM shop.free", "WITH l AS (SELECT * FROM shop.free FOR SHARE) SELECT 1 FROM l"],
    "notify": ["LISTEN c", "NOTIFY c, 'x'", "UNLISTEN *", "SELECT pg_notify('c', 'x')", "SELECT pg_catalog . pg_notify('c', v) FROM shop.free", "SELECT count(pg_notify('c', 'x')) FROM shop.free"],
    "replication": ["SELECT pg_create_logical_replication_slot('s', 'pgoutput')", "SELECT * FROM pg_create_physical_replication_slot('s') AS s(a, b)", "SELECT pg_logical_emit_message(true, 'a', 'b')", "CREATE PUBLICATION p FOR TABLE shop.free",
                    "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p", "SELECT pg_switch_wal()"],
    "explain analyze": ["EXPLAIN ANALYZE SELECT 1", "EXPLAIN (ANALYZE) SELECT * FROM shop.free", "EXPLAIN (VERBOSE, ANALYZE on) SELECT 1", "explain analyse verbose select 1", "EXPLAIN (ANALYZE 1) DELETE FROM shop.free WHERE id = 1"],
    "cursor": ["DECLARE c CURSOR FOR SELECT 1", "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM shop.free", "declare c no scroll cursor for select 1", "CLOSE ALL"],
    "prepared text": ["PREPARE p AS SELECT 1", "PREPARE p (int) AS DELETE FROM shop.orders WHERE id = $1", "EXECUTE p", "DEALLOCATE ALL", "CREATE TABLE shop.t AS EXECUTE p", "EXPLAIN ANALYZE EXECUTE p"],
    "sequence": ["SELECT nextval('shop.numbers')", "SELECT setval('shop.numbers', 5)", "SELECT pg_catalog.nextval('shop.numbers'::regclass)", "SELECT id, nextval('shop.numbers') FROM shop.free"],
    "maintenance": ["VACUUM shop.free", "ANALYZE shop.free", "REINDEX TABLE shop.free", "CLUSTER", "CHECKPOINT", "VACUUM (FULL) shop.free"],
    "process": ["SELECT pg_terminate_backend(1)", "SELECT pg_cancel_backend(pid) FROM (VALUES (1)) v(pid)", "SELECT pg_reload_conf()", "SELECT pg_stat_reset()"],
    "function": ["SELECT pg_sleep(0)", "SELECT shop.look(1)", "SELECT pg_catalog.pg_sleep(0)", "SELECT \"pg_sleep\"(0)", "SELECT U&\"pg\\005fsleep\"(0)", "SELECT id FROM shop.free WHERE shop.look(id) = 'x'", "SELECT l FROM shop.look(1) l"],
}
ONE_BY_ONE = [(k, sql) for k, v in DENIED.items() for sql in v]


def mark(sql):
    m = marker()
    return m, "/* %s */ %s" % (m, sql)


def check(lab, m, r, status=None):
    e = r.error
    assert e.sqlstate == "42501", e
    assert e.hint, e
    assert not r.rows and not set(r.kinds) & set("TDCGHV"), r.kinds
    assert status is None or r.status == status
    assert m not in lab.server_log(), "the server has seen it"
    return e


def test_each_has_three():
    assert [k for k, v in DENIED.items() if len(v) < 3] == []


@pytest.fixture(scope="module")
def state(shop):
    before = shop.dba_psql(STATE)
    yield
    assert shop.dba_psql(STATE) == before
    assert not os.path.exists("/tmp/pgveil-guard")


@pytest.mark.parametrize("kind", sorted(DENIED))
def test_denied(shop, state, kind):
    """In a Query, in a Parse, behind another statement of the same text, and in a transaction."""
    with shop.login() as c:
        for sql in DENIED[kind]:
            m, text = mark(sql)
            c.send(wire.query(text))
            check(shop, m, c.result(), "I")
            m, text = mark(sql)
            c.send(wire.extended(text), wire.sync())
            check(shop, m, c.result(), "I")
            m, text = mark("SELECT 1; " + sql)
            c.send(wire.query(text))
            check(shop, m, c.result(), "I")
            c.query("BEGIN").ok()
            m, text = mark(sql)
            c.send(wire.query(text))
            check(shop, m, c.result(), "E")
            c.query("ROLLBACK").ok()
        assert c.query("SELECT count(*) FROM shop.orders").ok().rows == [[b"20"]]


def test_honest(client):
    """What no rule names passes, and what its owner listed."""
    for sql in ["SELECT count(*) FROM shop.orders", "INSERT INTO shop.free VALUES (7, 'q')", "UPDATE shop.free SET v = 'z' WHERE id = 7", "DELETE FROM shop.free WHERE id IN (7, 8)",
                "SELECT shop.harmless(1)", "SHOW work_mem", "EXPLAIN DELETE FROM shop.free", "SELECT count(*) FROM pg_stat_activity", "SELECT upper(v) FROM shop.seen, shop.free LIMIT 1"]:
        client.query(sql).ok()
    client.query("BEGIN").ok()
    assert client.query("INSERT INTO shop.stamped VALUES (1, 'x') RETURNING v").ok().rows == [[b"stamped"]]
    client.query("ROLLBACK").ok()


@pytest.mark.parametrize("params", [{"options": "-c work_mem=1MB"}, {"options": "--work-mem=1MB"}, {"work_mem": "1MB"}, {"options": "-csearch_path=shop"}])
def test_settings_of_the_startup_packet(shop, params):
    with pytest.raises(wire.ServerError) as e:
        shop.login(params=params)
    assert e.value.sqlstate == "42501"


def test_default_deny(shop):
    with shop.login(who="agent2") as c:
        assert c.query("SELECT count(id) FROM shop.orders").ok().rows == [[b"20"]]
        c.query("SELECT note FROM shop.seen WHERE id = 1").ok()
        c.query("UPDATE shop.free SET v = 'a' WHERE id = 1").ok()
        for sql in ["SELECT 1", "SELECT * FROM shop.items", "SELECT * FROM shop.orders, shop.items", "INSERT INTO shop.free VALUES (9)", "SELECT shop.harmless(1)",
                    "UPDATE shop.free SET v = (SELECT sku FROM shop.items LIMIT 1) WHERE id = 1", "SELECT id FROM shop.orders FOR UPDATE", "SET work_mem = '1MB'"]:
            m, text = mark(sql)
            c.send(wire.query(text))
            e = check(shop, m, c.result())
            assert "statements-list.yaml:" in e.hint
        c.query("PREPARE q AS SELECT id FROM shop.orders WHERE id = 1").ok()
        assert c.query("EXECUTE q").ok().rows == [[b"1"]]


def test_judged_again(own_lab, tmp_path):
    """At Bind and Execute, and at EXECUTE, by the policy of then."""
    text = (HERE / "statements.yaml").read_text()
    head = text[:text.index("  statements:")]
    file = tmp_path / "p.yaml"
    file.write_text(head + "  statements:\n    rules:\n      - {effects: [notify], verdict: deny}\n")
    shop = own_lab(schema=HERE / "statements.sql", policies=[file], agents=1)
    with shop.login() as c:
        m, sql = mark("DELETE FROM shop.free WHERE id = $1")
        c.send(wire.parse(sql, "p"), wire.bind("p", "o", [b"99"]), wire.execute("o"), wire.sync())
        c.result().ok()
        c.query("PREPARE q AS DELETE FROM shop.free WHERE id = 1").ok()
        c.query("BEGIN").ok()
        c.send(wire.bind("p", "held", [b"2"]), wire.sync())
        c.result().ok()
        live = next(p for p in [*shop.state.rglob("p.yaml"), *shop.state.rglob("policy*.yaml"), file] if p.exists())
        live.write_text(live.read_text().replace("[notify]", "[notify, delete]"))
        shop.sh("pgveil", "--", "reload")
        c.send(wire.execute("held"), wire.sync())
        assert c.result().error.sqlstate == "42501"
        c.query("ROLLBACK").ok()
        c.send(wire.bind("p", "", [b"2"]), wire.execute(), wire.sync())
        assert c.result().error.sqlstate == "42501"
        assert c.query("EXECUTE q").error.sqlstate == "42501"
        assert shop.dba_psql("SELECT count(*) FROM shop.free") == "2"


# ---- pins, read-only sessions, shapes ----
@pytest.fixture(scope="module")
def pinned():
    with Lab(schema=HERE / "statements.sql", policies=[HERE / ("statements-%s.yaml" % k) for k in ("pin", "readonly", "only")], agents=3) as up:
        yield up


def settings(c):
    return c.query("SELECT current_setting('statement_timeout'), current_setting('work_mem'), current_setting('app.tenant')").ok().rows[0]


PIN = [b"30s", b"2MB", b"7"]
NAMED = ["SET statement_timeout = 0", "SET work_mem = '1GB'", "SET sort_mem = '1GB'", "SET LOCAL work_mem TO '1GB'", "SET SESSION Work_Mem = '1GB'", "SET app.tenant = '8'", "SELECT set_config('work_mem', '1GB', false)",
         "SELECT set_config('APP.tenant'::text, '8', true)", "SELECT pg_catalog.set_config(U&'work\\005fmem', '1GB', false)", "PREPARE p AS SELECT set_config('work_mem', '9MB', false)",
         "SELECT set_config(name, '8MB', false) FROM pg_settings WHERE name = 'work_mem'", "UPDATE pg_settings SET setting = '8MB' WHERE name = 'work_mem'", "EXPLAIN ANALYZE SELECT set_config('work_mem', '9MB', false)", "DECLARE c CURSOR WITH HOLD FOR SELECT set_config('work_mem', '9MB', false)",
         "COPY (SELECT set_config('work_mem', '9MB', false)) TO STDOUT", "WITH s AS (SELECT set_config('work_mem', '9MB', false) AS s) SELECT s FROM s",
         "SELECT set_config(n, '8MB', false) FROM (VALUES ('work_mem')) v(n)", "SELECT set_config('work' || '_mem', '8MB', false)", "SELECT shop.slow()"]
BEHIND = ["RESET work_mem", "SET work_mem TO DEFAULT", "RESET ALL", "DISCARD ALL", "ALTER ROLE pgveil_agent SET work_mem = '9MB'", "SELECT shop.sets('work_mem', '9MB')", "DO $$BEGIN PERFORM set_config('work_mem', '9MB', false); END$$", "DO $$BEGIN SET work_mem = '9MB'; SET statement_timeout = 0; END$$",
          "SELECT shop.run('SET app.tenant = 9')", "SELECT shop.sets('work_mem', '9MB'); COMMIT", "BEGIN; SELECT shop.sets('work_mem', '9MB')", "COMMIT", "BEGIN; SAVEPOINT a; SELECT shop.sets('work_mem', '9MB')",
          "ROLLBACK TO a", "SELECT shop.sets('statement_timeout', '0')", "ROLLBACK"]


def test_pins(pinned):
    with pinned.login() as c:
        assert settings(c) == PIN
        for sql in NAMED:
            m, text = mark(sql)
            c.send(wire.query(text))
            check(pinned, m, c.result(), "I")
            assert settings(c) == PIN
        for sql in BEHIND:
            c.query(sql).ok()
            assert settings(c) == PIN, sql
        c.send(wire.extended("SELECT shop.sets('work_mem', '9MB')"), wire.extended("SELECT current_setting('work_mem')"), wire.sync())
        assert c.result().rows == [[b"9MB"], [b"2MB"]]
    for params in ({"options": "-c work_mem=1GB"}, {"work_mem": "1GB"}, {"options": "-c sort_mem=100000"}, {"options": "--app.tenant=8"}):
        with pytest.raises(wire.ServerError):
            pinned.login(params=params)
    pinned.dba_psql("ALTER ROLE pgveil_agent SET work_mem = '9MB'")
    with pinned.login() as c:
        assert settings(c) == PIN


def test_read_only(pinned):
    orders = "SELECT count(*) FROM shop.orders"
    with pinned.login(who="agent2") as c:
        for sql in ["DELETE FROM shop.orders WHERE id = 1", "SELECT shop.purge()", "BEGIN READ WRITE", "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE", "SET default_transaction_read_only = off",
                    "SET transaction_read_only = off", "RESET transaction_read_only", "SET transaction_read_only TO DEFAULT", "SET TRANSACTION READ WRITE", "SELECT set_config('transaction_read_only', 'off', false)",
                    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "CREATE TEMP TABLE t (i int)", "SELECT nextval('shop.numbers')", "DO 'begin end'", "CALL shop.tidy()", "SELECT lo_creat(-1)"]:
            m, text = mark(sql)
            c.send(wire.query(text))
            check(pinned, m, c.result(), "I")
        for sql in ["RESET ALL", "DISCARD ALL", "SELECT shop.sets('default_transaction_read_only', 'off')", "SELECT shop.sets('default_transaction_read_only', 'off'); COMMIT; BEGIN", "SELECT 1",
                    "COMMIT AND CHAIN", "ROLLBACK"]:
            c.query(sql).ok()
            assert c.query("SHOW transaction_read_only").ok().rows == [[b"on"]], sql
        assert c.query("SELECT shop.sets('transaction_read_only', 'off')").error.sqlstate == "25001"
        assert c.query("SELECT shop.run('DELETE FROM shop.orders')").error.sqlstate == "25006"
        assert c.query(orders).ok().rows == [[b"20"]]
    assert pinned.dba_psql(orders) == "20"
    for option in ("default_transaction_read_only", "transaction_read_only"):
        with pytest.raises(wire.ServerError):
            pinned.login(who="agent2", params={"options": "-c %s=off" % option})


def test_only(pinned):
    with pinned.login(who="agent3") as c:
        assert c.query("select NOTE from shop . orders where id=8 -- x").ok().rows == [[b"n8"]]
        c.query("BEGIN; SELECT 42; ROLLBACK").ok()
        c.send(wire.extended("SELECT note FROM shop.orders WHERE id = $1", [b"3"]), wire.sync())
        assert c.result().ok().rows == [[b"n3"]]
        for sql in ["SELECT note FROM shop.orders WHERE id = 7 OR true", "SELECT 43", "COMMIT", "BEGIN; SELECT 44", "SELECT note FROM shop.orders", "PREPARE p AS SELECT 42", "SELECT note FROM shop.orders WHERE id = id"]:
            m, text = mark(sql)
            c.send(wire.query(text))
            e = check(pinned, m, c.result(), "I")
            assert "statements-only.yaml:" in e.hint


# ---- on record ----
def sessions_by(lab, *args):
    out = lab.sh("pgveil", "--", "sessions", "ls", "--json", "--recordings", lab.state / "state" / "recordings", *args).stdout.decode()
    return {"%s-%s" % (s["run"], s["session"]) if "run" in s else s["id"] for s in map(json.loads, out.splitlines())}


def on_record(lab, who, statements):
    """The session's id, and what is on record of each statement, which is refused."""
    name = marker()
    with lab.login(who=who, params={"application_name": name}) as c:
        for sql in statements:
            assert c.query(sql).error.sqlstate == "42501", sql
            assert c.run(sql).error.sqlstate == "42501", sql
        c.send(wire.terminate())
        c.drain()
    end = time.monotonic() + 20
    while True:
        for (run, number), s in recording.sessions(lab.state / "state").items():
            if s.begin.get("application_name") == name.encode() and s.end:
                assert s.end["closed"] == b"client" and len(s.statements) == 2 * len(statements)
                return "%d-%d" % (int(run), number), s.statements
        assert time.monotonic() < end
        time.sleep(0.05)


def line_of(policy, text):
    return next(i for i, line in enumerate((HERE / policy).read_text().splitlines(), 1) if text in line)


def test_what_denied_it_is_on_record(shop, pinned):
    """Rule and effect, whatever of the document it was, and a search finds it."""
    ident, kept = on_record(shop, "agent1", ["DELETE FROM shop.orders WHERE id = 1", "NOTIFY c"])
    assert all(x["verdict"] == b"deny" and x["sqlstate"] == b"42501" and len(x["rule"]) == 1 and b"statements.yaml:" in x["rule"][0] for x in kept)
    assert b"delete" in kept[0]["effect"] and b"notify" in kept[2]["effect"] and b"shop.orders" in kept[0]["relation"]
    assert ident in sessions_by(shop, "--rule", kept[0]["rule"][0].decode(), "--effect", "delete", "--verdict", "deny")
    assert ident not in sessions_by(shop, "--rule", kept[0]["rule"][0].decode(), "--effect", "notify")
    assert ident in sessions_by(shop, "--rule", "*/statements.yaml:*", "--relation", "shop.orders")
    ident, kept = on_record(shop, "agent2", ["DELETE FROM shop.orders WHERE id = 1"])
    assert kept[0]["rule"] == [str(HERE / "statements-list.yaml").encode() + b":%d" % line_of("statements-list.yaml", "default:")]
    assert ident in sessions_by(shop, "--rule", "*/statements-list.yaml:*", "--effect", "delete")
    for who, sql, policy, text in (("agent1", "SET work_mem = '1MB'", "statements-pin.yaml", "work_mem"), ("agent2", "BEGIN READ WRITE", "statements-readonly.yaml", "readOnly"),
                                   ("agent2", "DELETE FROM shop.orders WHERE id = 1", "statements-readonly.yaml", "readOnly"), ("agent3", "SELECT 43", "statements-only.yaml", "- SELECT note")):
        ident, kept = on_record(pinned, who, [sql])
        assert [x["rule"] for x in kept] == [[str(HERE / policy).encode() + b":%d" % line_of(policy, text)]] * 2, (sql, kept)
        assert ident in sessions_by(pinned, "--rule", "*/%s:*" % policy)
