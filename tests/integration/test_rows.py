# SPDX-License-Identifier: MIT
"""Row filters: whatever an agent asks gives what it would give if the hidden rows were not there. The same statements are asked of a
database without them, directly, and the answers compared; and no answer has a byte of a hidden row."""

import json
import socket
import time

import pytest

import recordings
import wire
from lab import HERE, Lab, marker

REST = "visible"  # the database that has only what may be seen


@pytest.fixture(scope="module")
def shop():
    with Lab(schema=HERE / "rows.sql", policies=[HERE / "rows.yaml"], agents=1) as up:
        up.dba_psql("CREATE DATABASE %s TEMPLATE %s" % (REST, up.dbname), database="postgres")
        up.dba_psql("SET session_replication_role = replica; DELETE FROM shop.orders WHERE region IS DISTINCT FROM 'EU'; DELETE FROM shop.parent WHERE region <> 'EU';"
                    "DELETE FROM shop.parts WHERE region <> 'EU'; DELETE FROM shop.\"Größe \"\"x\"\"\" WHERE id > 900; DELETE FROM shop.plain WHERE id > 900;"
                    "DELETE FROM shop.odd; REFRESH MATERIALIZED VIEW shop.kept", database=REST)
        yield up


@pytest.fixture
def client(shop):
    with shop.login() as c:
        yield c
        assert b"zq-" not in bytes(c.received)


@pytest.fixture
def other(shop):
    with wire.Client(socket.create_connection((shop.host, shop.port), 20)) as c:
        c.login("pgveil_agent", REST, password=shop.password())
        yield c


def seen(result):
    """All that a client has of a statement."""
    return (result.rows, result.columns, result.tags, [(e.sqlstate, e.fields.get("M"), e.fields.get("P")) for e in result.errors],
            [n.get("M") for n in result.notices], [b for k, b in result.messages if k in "dHc"], result.status)


def refused(result, says="only some rows of shop."):
    assert result.error.sqlstate == "42501" and says in str(result.error), (result.error, result.rows)
    assert result.rows == []
    return result.error


PLAIN = r'''
SELECT * FROM shop.orders ORDER BY id
SELECT id, note AS n, amount + 1 FROM shop.orders o ORDER BY o.id
SELECT count(*), sum(amount), max(id), min(note), count(DISTINCT region), bool_or(region IS NULL) FROM shop.orders
SELECT region, count(*) FROM shop.orders GROUP BY region ORDER BY 1
SELECT region, count(*) FROM shop.orders GROUP BY ROLLUP (region) HAVING count(*) > 1 ORDER BY 1
TABLE shop.orders ORDER BY id LIMIT 3
TABLE ONLY shop.orders ORDER BY 1 DESC OFFSET 38
SELECT * FROM ONLY (shop.orders) AS o (a, b) ORDER BY a
SELECT c.name, o.id FROM shop.customers c LEFT JOIN shop.orders o ON o.customer_id = c.id ORDER BY c.id, o.id
SELECT c.name FROM shop.customers c WHERE NOT EXISTS (SELECT 1 FROM shop.orders o WHERE o.customer_id = c.id) ORDER BY c.id
SELECT c.id FROM shop.customers c WHERE c.id NOT IN (SELECT customer_id FROM shop.orders) ORDER BY 1
SELECT * FROM shop.orders JOIN shop.items i ON order_id = orders.id ORDER BY i.id
SELECT * FROM shop.orders a JOIN shop.orders b USING (id) ORDER BY id
SELECT * FROM shop.orders a NATURAL JOIN shop.orders b ORDER BY id
SELECT a.id FROM shop.orders a FULL JOIN shop.orders b ON b.id = a.id + 860 ORDER BY 1
SELECT c.id, x.n FROM shop.customers c, LATERAL (SELECT count(*) AS n FROM shop.orders o WHERE o.customer_id = c.id) x ORDER BY 1
WITH o AS MATERIALIZED (SELECT * FROM shop.orders) SELECT max(id) FROM o
WITH o AS NOT MATERIALIZED (SELECT * FROM shop.orders) SELECT id FROM o WHERE amount > 390
WITH RECURSIVE t AS (SELECT min(id) AS id FROM shop.orders UNION ALL SELECT o.id FROM t JOIN shop.orders o ON o.id = t.id + 1) SELECT count(*) FROM t
SELECT id FROM shop.orders UNION SELECT id FROM shop.items EXCEPT SELECT id FROM shop.orders WHERE id < 30 ORDER BY 1
SELECT id FROM shop.orders INTERSECT ALL SELECT id + 880 FROM shop.orders ORDER BY 1
SELECT id, rank() OVER (ORDER BY amount DESC), lag(note) OVER w FROM shop.orders WINDOW w AS (ORDER BY id) ORDER BY id
SELECT row_to_json(o) FROM shop.orders o ORDER BY id LIMIT 2
SELECT json_agg(orders ORDER BY id) FROM shop.orders WHERE id < 3
SELECT count(o), count(o.*), count(*) FILTER (WHERE o IS NOT NULL) FROM shop.orders o
SELECT (o).note, o.id FROM shop.orders o ORDER BY id LIMIT 1
SELECT array_agg(id ORDER BY id), string_agg(note, ',' ORDER BY id) FROM shop.orders
SELECT shop.orders.id FROM shop.orders WHERE shop.orders.amount > 380 ORDER BY shop.orders.id
SELECT shop.orders.* FROM shop.orders, shop.items i WHERE i.id = shop.orders.id AND i.id = 3
SELECT ARRAY(SELECT id FROM shop.orders ORDER BY id), (SELECT max(note) FROM shop.orders)
SELECT CASE WHEN EXISTS (SELECT 1 FROM shop.orders WHERE id = 900) THEN 1 ELSE 0 END
SELECT 1 WHERE (SELECT bool_and(region = 'EU') FROM shop.orders)
SELECT * FROM shop.orders WHERE id = 900
SELECT * FROM shop.orders WHERE region = 'US' OR region IS NULL OR true ORDER BY id
SELECT * FROM shop.orders WHERE region IS NOT DISTINCT FROM NULL
SELECT * FROM shop.orders ORDER BY note DESC LIMIT 1
SELECT DISTINCT ON (region) region, id FROM shop.orders ORDER BY region, id DESC
SELECT made, feeling FROM shop.orders ORDER BY made DESC NULLS FIRST LIMIT 1
SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY id) FROM shop.orders
SELECT generate_series(1, (SELECT count(*) FROM shop.orders)) LIMIT 3
SELECT * FROM shop.parent ORDER BY id
SELECT * FROM ONLY shop.parent
SELECT * FROM shop.kid
SELECT * FROM shop.parts
SELECT * FROM shop.parts_eu
SELECT * FROM shop.parts_us
SELECT * FROM shop."Größe ""x""" AS "ö"
SELECT * FROM U&"shop"."Gr\00F6\00dfe ""x""" WHERE 'ö' = 'ö'
SELECT * FROM shop.U&"!006frders" UESCAPE '!' ORDER BY id LIMIT 1
SELECT body ->> 'a' FROM shop.plain
SELECT id FROM shop.plain p WHERE p.body ->> 'a' <> 'x'
VALUES ((SELECT count(*) FROM shop.orders)), (7)
SELECT /* shop.orders */ count(*) FROM -- shop.orders
COPY shop.orders TO STDOUT
COPY shop.orders (note, id) TO STDOUT (FORMAT csv, HEADER)
COPY (SELECT * FROM shop.orders ORDER BY id) TO STDOUT (FORMAT binary)
COPY shop.parent TO STDOUT
COPY shop.plain (id, body) TO STDOUT
SELECT 1 / (id - 900) FROM shop.orders WHERE id < 3 ORDER BY id
SELECT id FROM shop.orders WHERE 1 / (id - 900) < 5 AND id < 3 ORDER BY id
SELECT id FROM shop.orders WHERE (note || '')::int IS NULL AND id > 100
SELECT count(*) FROM shop.orders WHERE sqrt(500 - amount) > 1
SELECT id FROM shop.orders WHERE id <> 900 AND 1 / (id - 900) IS NOT NULL AND id < 2
SELECT o.id FROM shop.orders o JOIN shop.customers c ON 1 / (o.id - 900) < 2 AND o.customer_id = c.id ORDER BY 1
SELECT o.id FROM shop.orders o LEFT JOIN shop.items i ON substr(o.note, 5, -1 * (CASE WHEN o.note LIKE 'zq-%' THEN 1 ELSE -1 END)) IS NULL WHERE o.id = 1
SELECT max(1 / (amount - 905)) FROM shop.orders
SELECT id FROM shop.orders GROUP BY id HAVING 1 / (id - 955) < 1 ORDER BY id LIMIT 2
SELECT id FROM shop.orders ORDER BY 1 / (id - 901), id LIMIT 2
SELECT DISTINCT 1 / (id - 901) FROM shop.orders
SELECT (SELECT 1 / (o.id - 902)) FROM shop.orders o WHERE o.id = 1
SELECT note::int FROM shop.orders
SELECT 1 / 0 FROM shop.orders
SELECT nothing FROM shop.orders
SELECT 'ö', nothing FROM shop.orders o, shop.items WHERE o.id = 1
SELECT id FROM shop.orders, shop.items
SELECT id FROM shop.orders WHERE note = 5
SELECT * FROM shop.nowhere, shop.orders
SELECT * FROM shop.orders WHERE id = 'x'
'''
STATEMENTS = [s.replace("-- shop.orders", "-- shop.orders\n shop.orders") for s in PLAIN.strip().split("\n")]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_as_if_the_others_were_not_there(client, other, sql):
    ours, theirs = client.query(sql), other.query(sql)
    assert seen(ours) == seen(theirs)


@pytest.mark.parametrize("sql", [s for s in STATEMENTS if not s.startswith("COPY")])
def test_by_the_extended_protocol(client, other, sql):
    ours, theirs = client.run(sql, formats=(1,)), other.run(sql, formats=(1,))
    assert seen(ours) == seen(theirs)


REFUSED = r'''
SELECT * FROM shop.all_orders
SELECT count(*) FROM shop.kept
SELECT shop.peek()
SELECT * FROM shop.odd
SELECT 1 FROM shop.orders FOR UPDATE
SELECT 1 FROM shop.customers c WHERE EXISTS (SELECT 1 FROM shop.orders) FOR SHARE OF c
SELECT * FROM shop.orders TABLESAMPLE bernoulli (100)
SELECT ctid FROM shop.orders
SELECT (SELECT ctid FROM shop.orders LIMIT 1) FROM shop.items
SELECT tableoid::regclass FROM shop.parts
UPDATE shop.orders SET note = 'x' WHERE id = 900
UPDATE shop.orders SET note = 'x' WHERE 1 / (id - 900) = 1
DELETE FROM shop.orders WHERE id = 900 RETURNING *
WITH d AS (DELETE FROM shop.orders RETURNING note) SELECT * FROM d
MERGE INTO shop.orders o USING shop.items i ON i.id = o.id WHEN MATCHED THEN DELETE
INSERT INTO shop.orders (id, note) VALUES (900, 'x')
INSERT INTO shop.orders VALUES (900) ON CONFLICT DO NOTHING
INSERT INTO shop.orders AS o (id) VALUES (900) ON CONFLICT (id) DO UPDATE SET note = o.note RETURNING o.note
COPY shop.orders FROM STDIN
INSERT INTO shop.items VALUES (100, 900, 'x')
UPDATE shop.items SET order_id = 900 WHERE id = 1
DELETE FROM shop.customers WHERE id = 20
UPDATE shop.customers SET id = 99 WHERE id = 20
TRUNCATE shop.orders
TRUNCATE shop.customers CASCADE
LOCK TABLE shop.orders; EXPLAIN SELECT * FROM shop.orders
EXPLAIN SELECT 1 FROM shop.orders
EXPLAIN ANALYZE SELECT 1 FROM shop.orders
EXPLAIN (FORMAT json) SELECT 1 FROM shop.items WHERE id IN (SELECT id FROM shop.orders)
EXPLAIN SELECT * FROM shop.all_orders
EXPLAIN DECLARE c CURSOR FOR TABLE shop.orders
EXPLAIN INSERT INTO shop.log SELECT id, note FROM shop.orders
ANALYZE VERBOSE shop.orders
VACUUM VERBOSE shop.orders
ANALYZE VERBOSE
CREATE TABLE shop.probe (id int REFERENCES shop.orders (id))
ALTER TABLE shop.probe ADD FOREIGN KEY (id) REFERENCES shop.orders
CREATE VIEW shop.mine AS SELECT * FROM shop.orders
CREATE TEMP VIEW mine AS SELECT * FROM shop.orders
CREATE MATERIALIZED VIEW shop.mine AS SELECT * FROM shop.orders
REFRESH MATERIALIZED VIEW shop.kept
CREATE TABLE shop.mine () INHERITS (shop.orders)
CREATE TABLE shop.mine PARTITION OF shop.parts DEFAULT
'''


@pytest.mark.parametrize("sql", REFUSED.strip().split("\n"))
def test_refused(shop, client, sql):
    m = marker()
    hint = refused(client.query("/* %s */ %s" % (m, sql))).hint
    assert "rows.yaml:" in hint
    refused(client.run("/* %s */ %s" % (m, sql.split("; ")[-1])))
    assert m not in shop.server_log()


OTHERWISE = r'''
SELECT shop.run('SELECT string_agg(note, $$,$$) FROM shop.orders')
DO 'BEGIN RAISE EXCEPTION $$%$$, (SELECT max(note) FROM shop.orders); END'
SELECT query_to_xml('SELECT * FROM shop.orders', true, true, '')
SELECT table_to_xml('shop.orders', true, true, '')
SELECT schema_to_xml('shop', true, true, '')
SELECT cursor_to_xml('c', 1, true, true, '')
SELECT ts_stat('SELECT to_tsvector(note) FROM shop.orders')
SELECT currtid2('shop.orders', '(0,1)')
SELECT pg_stat_get_live_tuples('shop.orders'::regclass)
SELECT pg_stat_get_tuples_inserted('shop.orders'::regclass)
EXPLAIN CREATE TEMP TABLE x AS TABLE shop.orders
EXPLAIN ANALYZE EXECUTE p
SELECT pg_stat_get_xact_tuples_returned('shop.orders'::regclass)
SELECT ('shop.orders'::regclass).pg_stat_get_live_tuples
SELECT * FROM pg_statistic
SELECT * FROM pg_stats WHERE most_common_vals::text LIKE '%zq%'
SELECT relname FROM pg_class WHERE relname = 'orders' AND reltuples > 50
SELECT relname FROM pg_class ORDER BY reltuples
SELECT count(*) FROM pg_stat_user_tables WHERE n_live_tup > 100
SELECT 1 FROM pg_stat_xact_user_tables WHERE seq_tup_read > 10
SELECT shop.loud(note) FROM shop.orders
SELECT 1 FROM shop.orders WHERE shop.loud(note)
CREATE FUNCTION shop.more() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM shop.orders; END
CREATE RULE r AS ON INSERT TO shop.log DO ALSO INSERT INTO shop.log SELECT id, note FROM shop.orders
CREATE POLICY p ON shop.log USING (EXISTS (SELECT 1 FROM shop.orders))
'''


@pytest.mark.parametrize("sql", OTHERWISE.strip().split("\n"))
def test_by_other_ways(shop, client, sql):
    m = marker()
    r = client.query("/* %s */ %s" % (m, sql))
    assert r.error.sqlstate in ("42501", "42883"), r.error
    assert r.rows == [] and m not in shop.server_log()


@pytest.mark.parametrize("column, relation", [("reltuples", "pg_class WHERE relname = 'orders'"), ("relpages", "pg_class WHERE relname = 'orders'"),
                                              ("n_live_tup", "pg_stat_user_tables WHERE relname = 'orders'"),
                                              ("seq_tup_read", "pg_stat_xact_user_tables WHERE relname = 'orders'"),
                                              ("heap_blks_hit", "pg_statio_user_tables WHERE relname = 'orders'"), ("null_frac", "pg_stats WHERE tablename = 'orders'"),
                                              ("tup_returned", "pg_stat_database WHERE datname = current_database()"),
                                              ("1 / (n_tup_ins - 121)", "pg_stat_all_tables WHERE relname = 'orders'"),
                                              ("idx_tup_read", "pg_stat_user_indexes WHERE relname = 'orders'")])
def test_what_the_server_counts(client, column, relation):
    client.query("SELECT count(*) FROM shop.orders").ok()
    r = client.query("SELECT %s FROM pg_catalog.%s" % (column, relation)).ok()
    assert r.rows and all(row == [None] for row in r.rows)


def test_writing_what_is_read(shop, client, other):
    """Tables that are made of what is seen."""
    for sql in ["CREATE TEMP TABLE a AS SELECT * FROM shop.orders", "SELECT * INTO TEMP b FROM shop.orders", "CREATE TEMP TABLE c AS TABLE shop.orders"]:
        client.query(sql).ok()
    for name in "abc":
        assert client.query("SELECT count(*) FROM %s" % name).ok().rows == [[b"40"]]
    client.query("BEGIN").ok()
    client.query("INSERT INTO shop.log SELECT id, note FROM shop.orders").ok()
    client.query("UPDATE shop.log SET note = o.note FROM shop.orders o WHERE o.id = log.id").ok()
    client.query("INSERT INTO shop.log (id) SELECT 70 RETURNING (SELECT count(*) FROM shop.orders)").ok()
    assert client.query("SELECT count(*), max(note) FROM shop.log").ok().rows == [[b"46", b"seen 9"]]
    client.query("DELETE FROM shop.log USING shop.orders WHERE orders.id = log.id").ok()
    assert client.query("SELECT count(*) FROM shop.log").ok().rows == [[b"1"]]
    client.query("ROLLBACK").ok()
    client.query("INSERT INTO shop.orders (note, region) VALUES ('mine', 'XX')")  # id is not null


def test_names_that_stand_before(client):
    """A CTE and a temporary table of the name are what they are, and the filter's words mean what they say."""
    client.query("SET search_path = shop").ok()
    assert client.query("WITH orders AS (SELECT 7 AS id) SELECT * FROM orders").ok().rows == [[b"7"]]
    assert client.query("WITH orders AS (SELECT 7 AS id) SELECT count(*) FROM orders, shop.orders o").ok().rows == [[b"40"]]
    assert client.query("WITH orders AS (SELECT * FROM orders) SELECT count(*) FROM orders").ok().rows == [[b"40"]]
    assert client.query("WITH pgveil_row AS (SELECT 'EU' AS region) SELECT count(*) FROM pgveil_row, orders").ok().rows == [[b"40"]]
    assert client.query("SELECT count(*) FROM (SELECT 'EU' AS region) pgveil_row, orders").ok().rows == [[b"40"]]
    assert client.query("SELECT (SELECT count(*) FROM orders) FROM (SELECT 'EU' AS region) AS pgveil_row").ok().rows == [[b"40"]]
    refused(client.query("CREATE TEMP TABLE orders (id int, region text)"), "of the same name")
    refused(client.query("CREATE TEMP TABLE orders AS SELECT 1 AS id"), "of the same name")


def test_prepared_and_cursors(client):
    client.query("PREPARE p (int) AS SELECT note FROM shop.orders WHERE id = $1").ok()
    assert client.query("EXECUTE p (900)").ok().rows == []
    assert client.query("EXECUTE p (9)").ok().rows == [[b"seen 9"]]
    assert "row filter" in str(client.query("EXPLAIN EXECUTE p (900)").error)
    assert client.query("EXPLAIN ANALYZE EXECUTE p (900)").error.sqlstate == "42501"
    client.query("BEGIN").ok()
    client.query("DECLARE c SCROLL CURSOR FOR SELECT id FROM shop.orders ORDER BY id DESC").ok()
    assert client.query("FETCH FIRST FROM c").ok().rows == [[b"40"]]
    assert client.query("MOVE ALL FROM c").ok().tags == ["MOVE 39"]
    refused(client.query("DELETE FROM shop.orders WHERE CURRENT OF c"))
    client.query("ROLLBACK").ok()
    client.send(wire.parse("SELECT note FROM shop.orders WHERE id = $1", "s"), wire.describe("S", "s"))
    for value in (b"900", b"3"):
        client.send(wire.bind("s", "", (value,)), wire.execute("", 1), wire.sync())
    assert client.result().ok().rows == []
    assert client.result().ok().rows == [[b"seen 3"]]


def test_names_that_come_to_mean_something_else(client):
    """A statement that was prepared where a name was another relation's does not read the filtered one by it."""
    client.query("SET search_path = app, shop").ok()
    assert client.query("SELECT * FROM orders").ok().rows == [[b"app"]]
    client.query("PREPARE p AS SELECT count(*) FROM orders").ok()
    client.send(wire.parse("SELECT count(*) FROM orders", "s"), wire.sync())
    client.result().ok()
    assert client.query("EXECUTE p").ok().rows == [[b"1"]]
    r = client.query("SET search_path = shop; EXECUTE p")
    assert r.errors and r.rows == []
    client.send(wire.parse("SET search_path = shop", "path"), wire.bind("path"), wire.execute(), wire.bind("s"), wire.execute(), wire.sync())
    assert client.result().errors
    client.query("SET search_path = shop").ok()
    assert client.query("EXECUTE p").error.sqlstate == "0A000"
    client.send(wire.bind("s"), wire.execute(), wire.sync())
    assert client.result().error.sqlstate == "0A000"
    assert client.query("SET search_path = app; SELECT * FROM orders").ok().rows == [[b"app"]]
    assert client.query("SET search_path = shop; SELECT count(*) FROM orders; SET search_path = app; SELECT * FROM orders").ok().rows == [[b"40"], [b"app"]]
    client.query("SET search_path = shop").ok()
    client.query("PREPARE q AS SELECT count(*) FROM orders").ok()
    client.query("SET search_path = app").ok()
    assert client.query("EXECUTE q").error.sqlstate == "0A000"
    client.query("BEGIN; SET LOCAL search_path = shop").ok()
    assert client.query("SELECT count(*) FROM orders").ok().rows == [[b"40"]]
    client.query("ROLLBACK").ok()
    assert client.query("SELECT * FROM orders").ok().rows == [[b"app"]]


def test_several_statements(client, other):
    sql = "SELECT 'ö'; SELECT count(*) FROM shop.orders; SELECT max(id) FROM shop.items; TABLE shop.parent"
    assert seen(client.query(sql)) == seen(other.query(sql))
    sql = "SELECT count(*) FROM shop.orders; SELECT 'ö', id = '1' || 'x' FROM shop.orders"
    assert seen(client.query(sql))[3] == seen(other.query(sql))[3]
    refused(client.query("SELECT 1; SELECT * FROM shop.all_orders"))


def test_the_text_of_the_client_is_recorded(shop, client):
    m = marker()
    client.query("SELECT count(*) AS %s FROM shop.orders" % m).ok()
    where = shop.state / "state" / "recordings"
    listed = recordings.pgveil(where, "ls", "--json")
    newest = json.loads(listed.stdout.splitlines()[0])["id"]
    p = recordings.pgveil(where, "export", newest, "--format", "jsonl")
    assert p.returncode == 0, p.stderr
    assert m.encode() in p.stdout and b"pgveil_row" not in p.stdout
    sent = [line for line in shop.server_log().splitlines() if m in line]
    assert sent and all("pgveil_row" in line for line in sent)


def eventually(c, sql, what, seconds=5):
    """Until the engine knows of a change; before, errors only, or what is true before and after."""
    begin = time.monotonic()
    while True:
        r = c.query(sql)
        assert r.errors or r.rows == [[b"40"]], r.rows
        if what(r):
            return r
        assert time.monotonic() - begin < seconds, (r.errors, r.rows)


def test_a_relation_that_is_renamed_keeps_its_filter(shop):
    """And where the filter's columns are not there, nothing is shown."""
    try:
        with shop.login() as c:
            c.query("SELECT count(*) FROM shop.orders").ok()
            c.query("PREPARE p AS SELECT count(*) FROM shop.orders").ok()
            c.send(wire.parse("SELECT count(*) FROM shop.orders", "s"), wire.sync())
            c.result().ok()
            shop.dba_psql("ALTER TABLE shop.orders RENAME TO archive")
            eventually(c, "SELECT count(*) FROM shop.archive", lambda r: not r.errors)
            for r in (c.query("EXECUTE p"), c.query("SELECT 1")):
                assert r.errors or r.rows in ([[b"40"]], [[b"1"]])
            c.send(wire.bind("s"), wire.execute(), wire.sync())
            r = c.result()
            assert r.errors or r.rows == [[b"40"]]
            shop.dba_psql("ALTER TABLE shop.archive RENAME COLUMN region TO area")
            refused(eventually(c, "SELECT count(*) FROM shop.archive", lambda r: r.errors and r.error.sqlstate == "42501"), "has no column")
    finally:
        shop.dba_psql("ALTER TABLE IF EXISTS shop.archive RENAME TO orders")
        shop.dba_psql("DO 'BEGIN ALTER TABLE shop.orders RENAME COLUMN area TO region; EXCEPTION WHEN undefined_column THEN END'")


def test_nothing_hidden_was_said(shop):
    """Of the whole run, in the log of the daemon and in what is on record."""
    for p in shop.state.glob("log/daemon.log"):
        assert b"zq-" not in p.read_bytes()
