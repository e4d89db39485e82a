# SPDX-License-Identifier: MIT
"""Ways round spec.statements that were tried by somebody who may create things, over what the owner of a database may have made: none may
do what the policy denies. What is denied has not reached the server: its own log has no trace of it."""

import pytest

import wire
from lab import HERE, Lab, marker

MORE = """
CREATE TABLE shop.secret (id int PRIMARY KEY, ssn text);
INSERT INTO shop.secret SELECT n, 's' || n FROM generate_series(1, 20) n;
CREATE TABLE shop.part (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE shop.part1 PARTITION OF shop.part FOR VALUES FROM (0) TO (100);
CREATE VIEW shop.vnotify AS SELECT pg_notify('c', 'x')::text AS n;
CREATE VIEW shop.vvnotify AS SELECT * FROM shop.vnotify;
CREATE VIEW shop.vset AS SELECT set_config('work_mem', '8MB', false) AS s;
CREATE VIEW shop.vlock AS SELECT pg_advisory_lock(99)::text AS l;
CREATE VIEW shop.vlo AS SELECT lo_creat(-1) AS l;
CREATE VIEW shop.vseq AS SELECT nextval('shop.numbers') AS n;
CREATE VIEW shop.vend AS SELECT pg_terminate_backend(1) AS n;
CREATE VIEW shop.vwipe AS SELECT shop.wipe()::text AS w;
CREATE VIEW shop.vlook AS SELECT shop.look(1) AS w;
CREATE VIEW shop.vsleep AS SELECT pg_sleep(0)::text AS w, id FROM shop.free;
CREATE MATERIALIZED VIEW shop.mnotify AS SELECT pg_notify('c', 'x')::text AS n;
CREATE TABLE shop.ruled_rows (id int);
INSERT INTO shop.ruled_rows VALUES (1);
CREATE POLICY p ON shop.ruled_rows USING (set_config('work_mem', '8MB', false) <> 'x' AND pg_notify('c', 'x') IS NOT NULL);
ALTER TABLE shop.ruled_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE shop.ruled_rows FORCE ROW LEVEL SECURITY;
CREATE DOMAIN shop.settling AS text CHECK (set_config('work_mem', '8MB', false) <> VALUE);
CREATE DOMAIN shop.settling2 AS shop.settling;
CREATE TYPE shop.with_settling AS (a shop.settling);
CREATE TABLE shop.defaults (id int, s text DEFAULT set_config('work_mem', '8MB', false), n int DEFAULT nextval('shop.numbers'));
CREATE TABLE shop.checks (id int CHECK (set_config('work_mem', '8MB', false) <> 'x'));
CREATE FUNCTION shop.slowly() RETURNS int LANGUAGE sql SET work_mem = '8MB' AS 'SELECT 1';
CREATE FUNCTION shop.said(a text DEFAULT pg_notify('c', 'x')::text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION shop.sets_it() RETURNS text LANGUAGE sql AS $$SELECT set_config('app.tenant', '8', false)$$;
CREATE OPERATOR shop.#@# (LEFTARG = int, RIGHTARG = int, FUNCTION = pg_advisory_lock);
CREATE AGGREGATE shop.settle(text, boolean) (SFUNC = set_config, STYPE = text, INITCOND = 'work_mem');
CREATE TABLE shop.plain (id serial, at timestamptz DEFAULT now(), u uuid DEFAULT gen_random_uuid(), v text DEFAULT current_setting('app.x', true));
CREATE INDEX noted ON shop.orders (note);
CREATE VIEW shop.plainly AS SELECT id, upper(v) AS v, count(*) OVER () AS n FROM shop.free;
DO $$DECLARE r record; BEGIN
  FOR r IN SELECT relname, relkind FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'v', 'p', 'm') LOOP
    EXECUTE format('ALTER %s shop.%I OWNER TO pgveil_agent', CASE r.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, r.relname);
  END LOOP;
END$$;
"""
DOCUMENT = """---
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: agent%(n)d}
spec:
  subjects: [{cgroup: "${LAB_CGROUP%(number)s}"}]
  databases:
    - name: shop
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      databases: ["${LAB_DB_NAME}"]
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  statements:
    %(rest)s
"""
STATEMENTS = [
    "rules: [{effects: [write, ddl, privilege, role, settings, file, large_object, lock, notify, sequence, process, maintain], verdict: deny}]",
    "rules: [{effects: [read, write], relations: [shop.secret, shop.part], verdict: deny}, {functions: [shop.look, pg_catalog.pg_sleep], verdict: deny}]",
    "rules: [{effects: [update, delete], where: missing, verdict: deny}]",
    'settings: {pin: {work_mem: 2MB, app.tenant: "7"}}',
    "rules: [{effects: [write, ddl, maintain, copy_out, row_lock, replication], relations: [shop.orders], verdict: deny}]",
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    at = tmp_path_factory.mktemp("attacks")
    (at / "schema.sql").write_text((HERE / "statements.sql").read_text() + MORE)
    (at / "policy.yaml").write_text("".join(
        DOCUMENT % {"n": n, "number": "" if n == 1 else "_%d" % n, "rest": rest} for n, rest in enumerate(STATEMENTS, 1)))
    with Lab(schema=at / "schema.sql", policies=[at / "policy.yaml"], agents=len(STATEMENTS)) as up:
        yield up


def denied(lab, c, sql):
    """In a Query and by Parse."""
    for extended in (False, True):
        m = marker()
        text = "/* %s */ %s" % (m, sql)
        c.send(*((wire.extended(text), wire.sync()) if extended else (wire.query(text),)))
        r = c.result()
        assert r.errors and r.error.sqlstate == "42501" and r.error.hint, (sql, r.error if r.errors else r.tags)
        assert m not in lab.server_log(), sql


BY_DEFINITION = """
SELECT * FROM shop.vnotify
SELECT n FROM shop.vvnotify
TABLE shop.vset
SELECT l FROM shop.vlock
SELECT * FROM shop.vlo
SELECT 1 FROM shop.vseq
SELECT * FROM shop.vend
SELECT * FROM shop.vwipe
WITH w AS (SELECT * FROM shop.vwipe) SELECT count(*) FROM w
SELECT (SELECT w FROM shop.vwipe)
REFRESH MATERIALIZED VIEW shop.mnotify
SELECT * FROM shop.ruled_rows
COPY shop.ruled_rows TO STDOUT
SELECT 'x'::shop.settling
SELECT shop.settling 'x'
SELECT CAST('x' AS shop.settling2)
SELECT '{x}'::shop.settling[]
SELECT row('x')::shop.with_settling
SELECT '(x)'::shop.with_settling
SELECT * FROM json_to_record('{"a":"x"}') AS x(a shop.settling)
SELECT * FROM jsonb_to_recordset('[{"a":"x"}]') AS x(a shop.settling2)
SELECT json_populate_record(null::shop.with_settling, '{"a":"x"}')
SELECT * FROM xmltable('/r' passing '<r><a>1</a></r>' columns a shop.settling path 'a')
PREPARE x (shop.settling) AS SELECT $1
EXPLAIN SELECT 'x'::shop.settling
SELECT shop.slowly()
SELECT shop.said()
SELECT shop.sets_it()
SELECT 1 OPERATOR(shop.#@#) 2
SELECT shop.settle('8MB', false)
SELECT setseed(0.5)
SELECT * FROM pg_hba_file_rules
SELECT * FROM pg_file_settings
SELECT * FROM pg_largeobject
SELECT lab.pg_catalog.pg_notify('c', 'x')
SELECT pg_notify('c', payload => 'x')
SELECT pg_notify(VARIADIC ARRAY['c', 'x'])
SELECT * FROM ROWS FROM (pg_notify('c', 'x')) AS r(a)
SELECT count(*) OVER (ORDER BY pg_notify('c', 'x')::text) FROM shop.free
SELECT json_build_object('a', (SELECT json_agg(pg_notify('c', v)) FROM shop.free))
SELECT o.of_odd FROM (SELECT row(1)::shop.odd AS o) x
SELECT (row(1)::shop.odd).of_odd
EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT shop.purge()
SELECT 1 FROM shop.free TABLESAMPLE BERNOULLI (shop.purge())
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT shop.purge() FROM r WHERE n < 0) SELECT * FROM r
""".strip().split("\n")


def test_what_definitions_do(shop):
    """A view, a policy of row security, a domain, a default of a function: what they call, the statement does."""
    before = shop.dba_psql("SELECT count(*) FROM shop.orders")
    with shop.login() as c:
        for sql in BY_DEFINITION:
            denied(shop, c, sql)
        c.query("SELECT n FROM shop.mnotify").ok()  # which only holds what it gave then
        assert c.query("SELECT v FROM shop.plainly ORDER BY id LIMIT 1").ok().rows == [[b"A"]]
        c.query("EXPLAIN SELECT * FROM shop.plainly").ok()
    assert shop.dba_psql("SELECT count(*) FROM shop.orders") == before == "20"


OTHER_NAMES = """
ALTER TABLE shop.secret RENAME TO opened
ALTER TABLE IF EXISTS shop.secret RENAME TO opened
ALTER TABLE shop.secret SET SCHEMA public
ALTER SCHEMA shop RENAME TO open
ALTER TABLE shop.part DETACH PARTITION shop.part1
ALTER TABLE shop.part DETACH PARTITION shop.part1 CONCURRENTLY
ALTER TABLE shop.part1 RENAME TO opened
ALTER FUNCTION shop.look(int) RENAME TO sees
ALTER FUNCTION shop.look SET SCHEMA public
ALTER ROUTINE shop.look(int) RENAME TO sees
SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'secret'
SELECT * FROM pg_stats_ext
CREATE VIEW shop.again AS TABLE shop.secret
CREATE MATERIALIZED VIEW shop.again AS TABLE shop.secret
CREATE POLICY p ON shop.free USING (EXISTS (SELECT FROM shop.secret))
CREATE RULE r AS ON INSERT TO shop.free DO ALSO UPDATE shop.secret SET ssn = ''
SELECT table_to_xml('shop.secret', true, true, '')
SELECT ts_stat('SELECT to_tsvector(ssn) FROM shop.secret')
SELECT ssn FROM shop.secret WHERE EXISTS (WITH secret AS (SELECT 1) SELECT FROM secret)
WITH secret AS (SELECT 1) SELECT * FROM shop.secret
SELECT * FROM shop.vlook
SELECT id FROM shop.vsleep
COPY (SELECT * FROM shop.vsleep) TO STDOUT
""".strip().split("\n")


def test_by_another_name(shop):
    with shop.login(who="agent2") as c:
        for sql in OTHER_NAMES:
            denied(shop, c, sql)
        c.query("BEGIN").ok()
        for sql in ["ALTER TABLE shop.free RENAME TO freely", "ALTER TABLE shop.secret RENAME ssn TO s", "WITH secret AS (SELECT 1 AS one) SELECT * FROM secret",
                    "CREATE TABLE shop.above (id int, s text)", "ALTER TABLE shop.secret INHERIT shop.above"]:
            c.query(sql).ok()
        assert c.query("SELECT * FROM shop.above").error.sqlstate == "42501"
        c.query("ROLLBACK").ok()


OF_ORDERS = """
DROP INDEX shop.noted
DROP INDEX IF EXISTS shop.orders_pkey, shop.noted
ALTER INDEX shop.noted RENAME TO other
ALTER INDEX shop.noted SET (fillfactor = 50)
ALTER INDEX shop.noted ALTER COLUMN 1 SET STATISTICS 10
COMMENT ON INDEX shop.noted IS 'x'
REINDEX INDEX shop.noted
REINDEX SCHEMA shop
ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE other
CREATE PUBLICATION p FOR ALL TABLES
CREATE PUBLICATION p FOR TABLE shop.free, shop.orders
COMMENT ON CONSTRAINT orders_pkey ON shop.orders IS 'x'
CREATE TABLE shop.made (id int REFERENCES shop.orders)
CREATE TABLE shop.made (LIKE shop.orders)
CREATE STATISTICS shop.made ON id, note FROM shop.orders
COPY (SELECT id FROM shop.orders) TO STDOUT
COPY (WITH q AS (TABLE shop.seen) SELECT note FROM q) TO STDOUT
SELECT * FROM shop.seen FOR UPDATE
SELECT 1 FROM shop.orders o FOR KEY SHARE OF o
""".strip().split("\n")


def test_of_a_table(shop):
    """By its indexes, and where it is one of many that are not named."""
    with shop.login(who="agent5") as c:
        for sql in OF_ORDERS:
            denied(shop, c, sql)
        c.query("COPY (SELECT id FROM shop.free) TO STDOUT").ok()
        c.query("REINDEX TABLE shop.free").ok()


def test_event_triggers(own_lab, tmp_path):
    """They run with whatever is defined, and are told by nothing that the statement names."""
    (tmp_path / "schema.sql").write_text((HERE / "statements.sql").read_text() + """
        CREATE FUNCTION public.watching() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN
          IF session_user = 'pgveil_agent' THEN DELETE FROM shop.orders; END IF; END$$;
        CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION public.watching();""")
    (tmp_path / "policy.yaml").write_text(DOCUMENT % {"n": 1, "number": "", "rest": STATEMENTS[4]})
    shop = own_lab(schema=tmp_path / "schema.sql", policies=[tmp_path / "policy.yaml"], agents=1)
    with shop.login() as c:
        for sql in ["CREATE TABLE shop.made (id int)", "SELECT 1 AS i INTO shop.made", "CREATE TABLE shop.made AS SELECT 1 AS i", "COMMENT ON TABLE shop.free IS 'x'", "CREATE VIEW shop.made AS SELECT 1 AS i",
                    "GRANT SELECT ON shop.free TO other", "REINDEX TABLE shop.free", "ALTER TABLE shop.free ADD x int", "DROP TABLE shop.free"]:
            denied(shop, c, sql)
        c.query("INSERT INTO shop.free VALUES (9, 'x')").ok()
    assert shop.dba_psql("SELECT count(*) FROM shop.orders") == "20"


ALL_ROWS = """
INSERT INTO shop.free SELECT id, v FROM shop.free ON CONFLICT (id) DO UPDATE SET v = 'all'
INSERT INTO shop.free TABLE shop.free ON CONFLICT (id) DO UPDATE SET v = 'all'
INSERT INTO shop.free VALUES (generate_series(1, 10), 'a') ON CONFLICT (id) DO UPDATE SET v = 'all'
INSERT INTO shop.free VALUES (1, 'a'), (1 + 1, 'a') ON CONFLICT (id) DO UPDATE SET v = 'all'
INSERT INTO shop.free (v, id) VALUES ('a', generate_series(1, 10)) ON CONFLICT (id) DO UPDATE SET v = 'all'
INSERT INTO shop.free (v, id) SELECT 'a', generate_series(1, 10) ON CONFLICT ON CONSTRAINT free_pkey DO UPDATE SET v = 'all'
INSERT INTO shop.free VALUES (generate_series(1, 10)) ON CONFLICT ON CONSTRAINT free_pkey DO UPDATE SET v = 'all'
INSERT INTO shop.free SELECT id, v FROM shop.free ON CONFLICT (id) DO UPDATE SET v = 'all' WHERE excluded.id = 1 OR true
WITH i AS (INSERT INTO shop.free SELECT id FROM shop.free ON CONFLICT (id) DO UPDATE SET v = 'all' RETURNING 1) SELECT 1 FROM i
EXPLAIN ANALYZE INSERT INTO shop.free SELECT id FROM shop.free ON CONFLICT (id) DO UPDATE SET v = 'all'
MERGE INTO shop.free f USING shop.free g ON f.id = g.id WHEN MATCHED THEN UPDATE SET v = 'all'
DELETE FROM shop.free WHERE xmin = xmin
DELETE FROM shop.free WHERE cmin = '0'
DELETE FROM shop.free WHERE free = free
DELETE FROM shop.free WHERE id = ALL ('{}')
DELETE FROM shop.free WHERE id IN (1, (SELECT 2))
DELETE FROM shop.free WHERE (id = 1) = false
UPDATE shop.free AS f SET v = 'all' FROM (SELECT 1 AS id) free WHERE free.id = 1
UPDATE shop.free SET v = 'all' FROM shop.orders o WHERE o.id = 1
""".strip().split("\n")


def test_all_rows(shop):
    with shop.login(who="agent3") as c:
        for sql in ALL_ROWS:
            denied(shop, c, sql)
        for sql in ["INSERT INTO shop.free VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET v = excluded.v", "INSERT INTO shop.free (v, id) VALUES (upper('b'), 2), ('c', 3) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
                    "INSERT INTO shop.free (id) VALUES (3) ON CONFLICT ON CONSTRAINT free_pkey DO UPDATE SET v = 'c'", "INSERT INTO shop.free SELECT id FROM shop.free ON CONFLICT DO NOTHING",
                    "INSERT INTO shop.free SELECT id, v FROM shop.free ON CONFLICT (id) DO UPDATE SET v = 'd' WHERE free.id = 3", "DELETE FROM shop.free WHERE id = 3"]:
            c.query(sql).ok()
        c.run("INSERT INTO shop.free VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = excluded.v", [b"2", b"b"]).ok()
    assert shop.dba_psql("SELECT string_agg(id || v, ' ' ORDER BY id) FROM shop.free") == "1a 2b"


PINS = ["2MB", "7"]
CHANGE = """
SELECT set_config('app.' || 'tenant', '8', true), current_setting('app.tenant')
SELECT set_config((SELECT 'work_mem'), '9MB', false)
SELECT set_config(n, '8MB', false) FROM (VALUES ('work_mem')) v(n)
SELECT set_config('work_mem', '9MB', false) || ''
SELECT shop.sets_it(), current_setting('app.tenant')
SELECT s, current_setting('work_mem') FROM shop.vset
SELECT id, current_setting('work_mem') FROM shop.ruled_rows
SELECT shop.slowly()
CREATE VIEW shop.made AS SELECT set_config('app.tenant', '8', false) AS s
CREATE DOMAIN shop.made AS text CHECK (set_config('app.tenant', '8', false) = '8')
CREATE TABLE shop.made (a text DEFAULT set_config('app.tenant', '8', false))
PREPARE made AS SELECT shop.sets_it()
""".strip().split("\n")


def test_pins_hold(shop):
    """Within the statement where what it calls is known, and behind it where it is not."""
    def pins(c):
        return [v.decode() for v in c.query("SELECT current_setting('work_mem'), current_setting('app.tenant')").ok().rows[0]]

    with shop.login(who="agent4") as c:
        for sql in CHANGE:
            denied(shop, c, sql)
            assert pins(c) == PINS, sql
        for sql in ["SELECT 'x'::shop.settling", "SELECT '{x}'::shop.settling2[]", "INSERT INTO shop.defaults (id) VALUES (1)", "INSERT INTO shop.checks VALUES (1)", "SELECT shop.settle('8MB', false)",
                    "SELECT * FROM json_to_record('{\"a\":\"x\"}') AS x(a shop.settling)", "SELECT set_config('bytea_output', 'hex', false)", "SELECT set_config('app.other', v, false) FROM shop.free"]:
            c.query(sql).ok()
            assert pins(c) == PINS, sql
        c.query("INSERT INTO shop.plain DEFAULT VALUES").ok()
        assert c.query("SELECT 'x'::shop.settling; SELECT current_setting('work_mem')").error.sqlstate == "42501"
        c.send(wire.parse("SELECT $1::text", types=[int(shop.dba_psql("SELECT 'shop.settling'::regtype::oid"))]), wire.bind(params=[b"x"]), wire.execute(), wire.sync())
        c.result()
        assert pins(c) == PINS
