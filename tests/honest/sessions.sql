-- SPDX-License-Identifier: MIT
-- Transactions, cursors, prepared statements, settings, COPY, locks: how clients use a session.

-- session: commit
BEGIN;
INSERT INTO audit_log (what, ref) VALUES ('one', 'r1') RETURNING id, what;
UPDATE audit_log SET ref = 'r2' WHERE what = 'one';
COMMIT;
SELECT what, ref FROM audit_log WHERE what = 'one';

-- session: rollback
BEGIN;
DELETE FROM job_queue WHERE state = 'done';
SELECT count(*) FROM job_queue;
ROLLBACK;
SELECT count(*) FROM job_queue;

-- session: savepoints
BEGIN;
INSERT INTO audit_log (what) VALUES ('a');
SAVEPOINT one;
INSERT INTO audit_log (what) VALUES ('b');
SAVEPOINT two;
INSERT INTO nosuch VALUES (1);
ROLLBACK TO SAVEPOINT two;
RELEASE SAVEPOINT two;
ROLLBACK TO one;
RELEASE one;
COMMIT;
SELECT what FROM audit_log WHERE what IN ('a', 'b') ORDER BY 1;

-- session: nested savepoints of one name
BEGIN;
SAVEPOINT s;
SELECT 1;
SAVEPOINT s;
SELECT 1 / 0;
ROLLBACK TO s;
RELEASE s;
RELEASE s;
SELECT 2;
END;

-- session: isolation
BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE;
SHOW transaction_isolation;
SELECT count(*) FROM orders;
COMMIT;
START TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SELECT current_setting('transaction_isolation');
COMMIT AND CHAIN;
SHOW transaction_isolation;
ROLLBACK;
BEGIN READ ONLY;
INSERT INTO audit_log (what) VALUES ('no');
ROLLBACK;
SET TRANSACTION READ ONLY;
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SHOW default_transaction_isolation;

-- session: transaction states that warn
-- texts: standard
COMMIT;
ROLLBACK;
BEGIN;
BEGIN;
ABORT;
SAVEPOINT x;

-- session: constraint errors
INSERT INTO categories VALUES (1, NULL, 'again');
INSERT INTO categories VALUES (50, 99, 'no parent');
INSERT INTO categories (id) VALUES (51);
INSERT INTO order_items VALUES (1, 9, 1, 0, 5);
DELETE FROM categories WHERE id = 1;
UPDATE products SET price = -1 WHERE id = 1;
INSERT INTO inventory VALUES (1, 'north', 1, 1, 'not a date');
INSERT INTO counters VALUES ('visits', 99999999999999999999, NULL);

-- session: upsert
INSERT INTO counters (name, n) VALUES ('visits', 1) ON CONFLICT (name) DO UPDATE SET n = counters.n + EXCLUDED.n RETURNING name, n;
INSERT INTO counters (name, n) VALUES ('new', 1), ('sales', 2) ON CONFLICT DO NOTHING;
INSERT INTO counters AS c (name, n) VALUES ('sales', 5) ON CONFLICT ON CONSTRAINT counters_pkey DO UPDATE SET n = EXCLUDED.n, touched = timestamptz '2024-01-01' WHERE c.n < EXCLUDED.n;
SELECT * FROM counters ORDER BY name;

-- session: update from and delete using
UPDATE inventory i SET reorder_at = s.sold FROM (SELECT product_id, sum(quantity)::int AS sold FROM order_items GROUP BY product_id) s WHERE s.product_id = i.product_id AND i.warehouse = 'north';
SELECT product_id, reorder_at FROM inventory ORDER BY product_id LIMIT 8;
DELETE FROM support.ticket_events e USING support.tickets t WHERE t.id = e.ticket_id AND t.state = 'closed' AND e.kind = 'mail';
SELECT count(*) FROM support.ticket_events;
UPDATE job_queue SET (state, attempts) = ('failed', attempts + 1) WHERE id IN (SELECT id FROM job_queue WHERE state = 'ready' ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED) RETURNING id, state, attempts;

-- session: data-modifying with
WITH done AS (DELETE FROM job_queue WHERE state = 'done' RETURNING id, run_at), logged AS (INSERT INTO audit_log (what, ref) SELECT 'job', id::text FROM done RETURNING id)
SELECT (SELECT count(*) FROM done) AS jobs, (SELECT count(*) FROM logged) AS lines;
WITH n AS (INSERT INTO support.kb (id, title) VALUES (100, 'new') RETURNING *) SELECT id, title, views FROM n;

-- session: insert from clean tables
INSERT INTO audit_log (what, ref) SELECT 'order', id::text FROM orders WHERE status = 'returned' ORDER BY id;
INSERT INTO audit_log (what) VALUES (DEFAULT);
INSERT INTO audit_log DEFAULT VALUES;
SELECT count(*) FROM audit_log;

-- session: change a clean column beside masked ones
UPDATE support.tickets SET state = 'closed', closed_at = '2024-06-01' WHERE id = 3 RETURNING id, state;
UPDATE support.tickets SET priority = priority + 1 WHERE state = 'open' AND priority < 3;
UPDATE health.patients SET ward = 'W9' WHERE id = '00000000-0000-4000-8000-000000000003';
UPDATE hr.employees SET title = 'manager' WHERE id = 5;
SELECT id, title FROM hr.employees WHERE id = 5;

-- session: change customers with a trigger
UPDATE customers SET city = 'Gdańsk' WHERE id = 4;
SELECT id, city, updated_at FROM customers WHERE id = 4;
UPDATE customers SET segment = 'gold' WHERE id = 4 RETURNING id, segment, updated_at;

-- session: write a masked column
INSERT INTO customers (full_name, email, country) VALUES ('New One', 'new.one@example.org', 'DE') RETURNING id, country;
UPDATE customers SET phone = '+49 30 1' WHERE id = 3;
INSERT INTO support.tickets (subject, body, opened_at) VALUES ('Help', 'Please', '2024-05-05') RETURNING id, priority, state;

-- session: cursor
BEGIN;
DECLARE c CURSOR FOR SELECT id, status FROM orders ORDER BY id;
FETCH 3 FROM c;
FETCH c;
MOVE 2 IN c;
FETCH FORWARD 2 FROM c;
CLOSE c;
COMMIT;

-- session: scroll cursor
BEGIN;
DECLARE s SCROLL CURSOR FOR SELECT id, sku FROM products ORDER BY id;
FETCH LAST FROM s;
FETCH PRIOR FROM s;
FETCH ABSOLUTE 5 FROM s;
FETCH RELATIVE -2 FROM s;
FETCH BACKWARD 2 FROM s;
FETCH ALL FROM s;
MOVE BACKWARD ALL IN s;
FETCH NEXT FROM s;
COMMIT;

-- session: cursor with hold
-- ways: simple
DECLARE h CURSOR WITH HOLD FOR SELECT name FROM categories ORDER BY id;
FETCH 2 FROM h;
SELECT name, is_holdable, is_scrollable FROM pg_cursors;
CLOSE h;
FETCH h;

-- session: cursor over masked columns
BEGIN;
DECLARE m CURSOR FOR SELECT id, email, country FROM customers ORDER BY id;
FETCH 4 FROM m;
CLOSE ALL;
COMMIT;

-- session: prepare and execute
PREPARE by_status (order_status, int) AS SELECT id, placed_at FROM orders WHERE status = $1 ORDER BY id LIMIT $2;
EXECUTE by_status ('paid', 3);
EXECUTE by_status ('new', 2);
SELECT name, statement, parameter_types, from_sql FROM pg_prepared_statements;
DEALLOCATE by_status;
PREPARE noparams AS SELECT count(*) FROM categories;
EXECUTE noparams;
DEALLOCATE ALL;

-- session: explain of a prepared statement
PREPARE noparams AS SELECT count(*) FROM categories;
EXPLAIN (COSTS OFF) EXECUTE noparams;

-- session: parameters
-- params: 3 | 5
SELECT id, name FROM products WHERE id BETWEEN $1::int AND $2::int ORDER BY id;
-- params: {1,2,5}
SELECT id, status FROM orders WHERE id = ANY ($1::bigint[]) ORDER BY id;
-- params: 2024-01-10 | paid
SELECT count(*) FROM orders WHERE placed_at > $1::timestamptz AND status = $2::order_status;
-- params: NULL
SELECT count(*) FROM customers WHERE city IS NOT DISTINCT FROM $1::text;
-- params: %hammer% | 2
SELECT sku FROM products WHERE name ILIKE $1 ORDER BY sku LIMIT $2::int;
-- params: {"color": "red"}
SELECT count(*) FROM products WHERE attributes @> $1::jsonb;

-- session: copy out
-- ways: simple text
COPY categories TO STDOUT;
COPY categories TO STDOUT WITH (FORMAT csv, HEADER);
COPY (SELECT id, sku, price FROM products ORDER BY id LIMIT 5) TO STDOUT WITH (FORMAT csv, DELIMITER ';', NULL '-', FORCE_QUOTE *);
COPY inventory (product_id, on_hand) TO STDOUT (FORMAT text);
COPY categories TO STDOUT WITH BINARY;
COPY (SELECT status, count(*) FROM orders GROUP BY status ORDER BY status) TO STDOUT CSV HEADER;

-- session: copy out of clean columns of a masked table
-- ways: simple text
COPY orders (id, customer_id, status, placed_at) TO STDOUT;
COPY (SELECT id, country, city, segment FROM customers ORDER BY id) TO STDOUT WITH CSV;

-- session: copy out of masked columns
-- ways: simple text
-- masked: email
COPY (SELECT id, email, country FROM customers ORDER BY id) TO STDOUT;

-- session: copy in
-- ways: simple text
COPY categories FROM STDIN;
-- data: 100\t1\tImported
-- data: 101\t100\tBelow
COPY counters (name, n) FROM STDIN WITH (FORMAT csv);
-- data: "a,b",5
-- data: c,6
SELECT * FROM counters ORDER BY name;
COPY categories FROM STDIN;
-- data: x\t1\tbad
SELECT count(*) FROM categories;

-- session: copy in a transaction
-- ways: simple text
BEGIN;
COPY audit_log (what, ref) FROM STDIN;
-- data: w1\tr1
-- data: w2\t\\N
SELECT what, ref FROM audit_log WHERE what LIKE 'w%' ORDER BY 1;
ROLLBACK;

-- session: temporary table
CREATE TEMP TABLE picked (id int PRIMARY KEY, note text);
INSERT INTO picked SELECT id, 'x' FROM products WHERE price > 20;
SELECT count(*) FROM picked p JOIN products USING (id);
DROP TABLE picked;

-- session: temporary table as
CREATE TEMP TABLE top AS SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id;
CREATE INDEX ON top (customer_id);
ANALYZE top;
SELECT n, count(*) FROM top GROUP BY n ORDER BY n;
SELECT c.country, sum(t.n) FROM top t JOIN customers c ON c.id = t.customer_id GROUP BY 1 ORDER BY 1;

-- session: temporary table of a transaction
BEGIN;
CREATE TEMPORARY TABLE work ON COMMIT DROP AS SELECT id FROM orders WHERE status = 'paid';
SELECT count(*) FROM work;
COMMIT;

-- session: create a table
CREATE TABLE scratch.report (month date, orders bigint);
INSERT INTO scratch.report SELECT date_trunc('month', placed_at)::date, count(*) FROM orders GROUP BY 1;
SELECT * FROM scratch.report ORDER BY month;
DROP TABLE scratch.report;

-- session: create a view
CREATE VIEW scratch.paid AS SELECT id, customer_id FROM public.orders WHERE status = 'paid';
SELECT count(*) FROM scratch.paid;
DROP VIEW scratch.paid;

-- session: merge
MERGE INTO counters c USING (VALUES ('visits', 5), ('other', 6)) AS v (name, n) ON c.name = v.name WHEN MATCHED THEN UPDATE SET n = v.n WHEN NOT MATCHED THEN INSERT (name, n) VALUES (v.name, v.n);
SELECT * FROM counters ORDER BY name;

-- session: do block
-- waits: DO whose body is understood
DO $$ BEGIN PERFORM 1; END $$;

-- session: search path
SET search_path TO hr, public;
SELECT count(*) FROM employees;
SHOW search_path;
SELECT current_schemas(true);
RESET search_path;
SELECT count(*) FROM departments;

-- session: search path of a transaction
BEGIN;
SET LOCAL search_path = health;
SELECT ward, count(*) FROM patients GROUP BY ward ORDER BY ward;
COMMIT;
SHOW search_path;

-- session: discard
DISCARD ALL;
SELECT 1;
DISCARD PLANS;
DISCARD SEQUENCES;
DISCARD TEMP;

-- session: role
SET ROLE pgveil_agent;
SELECT current_user = session_user;
RESET ROLE;
SET SESSION AUTHORIZATION DEFAULT;

-- session: settings
SET application_name = 'agent';
SHOW application_name;
SET statement_timeout = '30s';
SHOW statement_timeout;
SET TIME ZONE 'Europe/Berlin';
SELECT placed_at FROM orders ORDER BY id LIMIT 1;
SET timezone TO DEFAULT;
SET datestyle TO 'ISO, DMY';
SELECT date '2024-02-03';
RESET datestyle;
SET extra_float_digits = 3;
SELECT weight FROM products ORDER BY id LIMIT 1;
SET bytea_output = 'escape';
SELECT 'a'::bytea;
SET work_mem = '8MB';
SET lock_timeout = 1000;
SET idle_in_transaction_session_timeout TO 0;
RESET ALL;
SHOW TimeZone;

-- session: planner settings
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET plan_cache_mode = force_custom_plan;
SET join_collapse_limit = 4;
SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id;

-- session: planner settings that choose an index
-- except: SET of enable_… and of the planner's costs is refused
SET enable_seqscan = off;
SET random_page_cost = 1.1;
SET effective_cache_size = '1GB';
SET LOCAL enable_hashjoin = off;
SET cpu_tuple_cost = 0.01;
SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id;

-- session: settings of drivers
SET client_encoding = 'UTF8';
SET client_min_messages TO WARNING;
SET standard_conforming_strings = on;
SET DATESTYLE = ISO;
SET INTERVALSTYLE = POSTGRES;
SET extra_float_digits TO 3;
SET synchronize_seqscans TO off;
SET row_security = off;
SET NAMES 'utf8';
SET xmloption TO content;
SET default_table_access_method = heap;
SET default_tablespace = '';
SET check_function_bodies = false;
SET escape_string_warning = off;
SET bytea_output TO 'hex';
SET lc_numeric TO 'C';
SET lc_time TO 'C';
SET tcp_keepalives_idle = 60;
SET gin_fuzzy_search_limit = 0;
SET constraint_exclusion = partition;
SET from_collapse_limit = 8;
SET geqo = on;
SET parallel_setup_cost = 100;
SET parallel_tuple_cost = 0.01;
SET maintenance_work_mem = '32MB';
SET temp_buffers = '8MB';
SET commit_delay = 0;
SET default_statistics_target = 100;
SET debug_pretty_print = on;
SET array_nulls = on;
SET quote_all_identifiers = on;
SET password_encryption = 'scram-sha-256';

-- session: set_config
SELECT set_config('statement_timeout', '15000', false);
SELECT set_config('application_name', 'x', true);
SELECT pg_catalog.set_config('timezone', 'UTC', false);
SELECT current_setting('statement_timeout'), current_setting('work_mem', true);

-- session: set_config of the path
SELECT pg_catalog.set_config('search_path', '', false);
SELECT count(*) FROM public.orders;
SELECT set_config('search_path', 'public', false);
SELECT count(*) FROM orders;

-- session: custom settings
SET app.tenant = '42';
SHOW app.tenant;
SELECT current_setting('app.tenant');
SELECT set_config('app.user_id', '7', true);
SELECT current_setting('app.user_id', true);
SET LOCAL myapp.x = 'y';
RESET app.tenant;

-- session: show
SHOW server_version;
SHOW server_version_num;
SHOW server_encoding;
SHOW standard_conforming_strings;
SHOW max_connections;
SHOW TRANSACTION ISOLATION LEVEL;
SHOW TIME ZONE;
SHOW is_superuser;
SHOW session_authorization;
SHOW lc_collate;
SHOW max_identifier_length;
SHOW nosuch;

-- session: show all
SHOW ALL;

-- session: listen and notify
LISTEN jobs;
NOTIFY jobs;
NOTIFY jobs, 'payload';
UNLISTEN jobs;
SELECT pg_notify('jobs', 'x');
SELECT pg_listening_channels();
UNLISTEN *;

-- session: locks
BEGIN;
LOCK TABLE counters IN SHARE ROW EXCLUSIVE MODE;
LOCK categories, inventory IN ACCESS SHARE MODE NOWAIT;
SELECT id FROM job_queue WHERE state = 'ready' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
SELECT id FROM orders WHERE id = 3 FOR NO KEY UPDATE NOWAIT;
SELECT id FROM orders WHERE id = 4 FOR SHARE OF orders;
COMMIT;

-- session: lock without a transaction
LOCK TABLE counters;

-- session: advisory locks
SELECT pg_advisory_lock(42);
SELECT pg_try_advisory_lock(1, 2);
SELECT pg_advisory_unlock(42), pg_advisory_unlock(1, 2), pg_advisory_unlock(99);
BEGIN;
SELECT pg_advisory_xact_lock(7);
SELECT pg_try_advisory_xact_lock(hashtext('migrations'));
SELECT pg_try_advisory_lock_shared(8), pg_advisory_unlock_shared(8);
COMMIT;
SELECT pg_advisory_unlock_all();

-- session: advisory lock of a tool
SELECT pg_try_advisory_lock(1751213486);
SELECT pg_advisory_unlock(1751213486);
SELECT locktype, mode, granted FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory';

-- session: sequences
SELECT nextval('invoice_numbers');
SELECT currval('invoice_numbers'), lastval();
SELECT setval('invoice_numbers', 2000), setval('invoice_numbers', 3000, false);
SELECT nextval('public.invoice_numbers'::regclass);
INSERT INTO audit_log (id, what) VALUES (nextval('audit_log_id_seq'), 'numbered') RETURNING id;
SELECT currval(pg_get_serial_sequence('public.audit_log', 'id'));
SELECT last_value, is_called FROM invoice_numbers;
SELECT pg_sequence_last_value('invoice_numbers');
SELECT sequencename, last_value, increment_by FROM pg_sequences ORDER BY 1;

-- session: currval too early
SELECT currval('invoice_numbers');
SELECT lastval();

-- session: sleep
SELECT pg_sleep(0.01);
SELECT 1 FROM pg_sleep_for('10 milliseconds');
SELECT pg_sleep_until(clock_timestamp());

-- session: who and where
-- varies: pg_backend_pid inet_client_addr inet_client_port pg_postmaster_start_time pg_conf_load_time now txid xid snapshot current_timestamp localtime clock port
SELECT current_user, session_user, user, current_catalog, current_schema, current_database(), version();
SELECT pg_backend_pid(), inet_client_addr(), inet_client_port(), inet_server_port(), pg_postmaster_start_time(), pg_conf_load_time(), now();
SELECT pg_is_in_recovery(), pg_my_temp_schema(), pg_client_encoding(), current_schemas(false), has_table_privilege('orders', 'SELECT'), has_schema_privilege('hr', 'USAGE'), pg_has_role('pgveil_agent', 'MEMBER');
SELECT txid_current() AS txid, pg_current_xact_id() AS xid, txid_current_snapshot() AS snapshot;
SELECT current_timestamp, localtime, clock_timestamp() AS clock;

-- session: transaction ids
-- varies: a b c d e
SELECT txid_current_if_assigned() AS a, pg_current_xact_id_if_assigned() AS b, pg_current_snapshot() AS c, txid_current_snapshot() AS d, pg_snapshot_xmin(pg_current_snapshot()) AS e;
SELECT txid_status(txid_current()), pg_xact_status(pg_current_xact_id());

-- session: random and uuid
-- varies: random uuid setseed
SELECT random(), gen_random_uuid() AS uuid, floor(random() * 10)::int AS random;
SELECT setseed(0.5);
SELECT id FROM products ORDER BY random() LIMIT 0;

-- session: random with a seed
SELECT setseed(0.25);
SELECT random() < 1, id FROM products ORDER BY random() LIMIT 3;

-- session: my own activity
-- varies: pid backend_start xact_start query_start state_change client_port client_addr usesysid backend_xmin client_hostname query_id leader_pid query wait_event wait_event_type
SELECT pid, usename, application_name, client_addr, state, backend_type, query_start FROM pg_stat_activity WHERE pid = pg_backend_pid();
SELECT count(*) > 0 AS some FROM pg_stat_activity WHERE state = 'active';
SELECT datname, usename, state, query FROM pg_stat_activity WHERE pid = pg_backend_pid();

-- session: long running statements
-- varies: pid duration query usename state wait_event
SELECT pid, now() - query_start AS duration, state, wait_event, query FROM pg_stat_activity WHERE state <> 'idle' AND query_start < now() - interval '5 minutes' ORDER BY duration DESC;
SELECT state, count(*) > 0 AS some FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' GROUP BY state;
SELECT pg_blocking_pids(pg_backend_pid());

-- session: connections
-- varies: connections n
SELECT count(*) AS connections FROM pg_stat_activity;
SELECT usename, count(*) AS n FROM pg_stat_activity WHERE usename = current_user GROUP BY usename;

-- session: who blocks whom
SELECT blocked.pid AS blocked_pid, blocking.pid AS blocking_pid, blocked.query AS blocked_query FROM pg_stat_activity blocked JOIN pg_stat_activity blocking ON blocking.pid = ANY (pg_blocking_pids(blocked.pid)) WHERE blocked.pid <> pg_backend_pid();
SELECT l.locktype, l.mode, l.granted, a.usename FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted;
SELECT relation::regclass, mode FROM pg_locks WHERE relation = 'counters'::regclass;

-- session: table statistics
-- varies: seq_scan seq_tup_read idx_scan idx_tup_fetch n_tup_ins n_tup_upd n_tup_del n_live_tup n_dead_tup last_vacuum last_autovacuum last_analyze last_autoanalyze n_mod_since_analyze n_ins_since_vacuum vacuum_count analyze_count
SELECT relname, seq_scan, seq_tup_read, idx_scan, n_live_tup, n_dead_tup, last_vacuum, last_analyze FROM pg_stat_user_tables ORDER BY relname;
SELECT schemaname, relname, n_live_tup FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY relname;
SELECT relname, last_autovacuum FROM pg_stat_all_tables WHERE schemaname = 'hr' ORDER BY 1;

-- session: index statistics
-- varies: idx_scan idx_tup_read idx_tup_fetch heap_blks_read heap_blks_hit idx_blks_hit idx_blks_read
SELECT schemaname, relname, indexrelname, idx_scan, idx_tup_read FROM pg_stat_user_indexes ORDER BY 1, 2, 3;
SELECT relname, heap_blks_read, heap_blks_hit FROM pg_statio_user_tables ORDER BY relname;
SELECT indexrelname, idx_scan FROM pg_stat_all_indexes WHERE relname = 'orders' ORDER BY 1;

-- session: database statistics
-- varies: numbackends xact_commit xact_rollback blks_read blks_hit tup_returned tup_fetched stats_reset hit_ratio checkpoints_timed buffers_alloc size
SELECT datname, numbackends, xact_commit, blks_read, blks_hit FROM pg_stat_database WHERE datname = current_database();
SELECT sum(blks_hit) * 100 / nullif(sum(blks_hit + blks_read), 0) AS hit_ratio FROM pg_stat_database;
SELECT checkpoints_timed, buffers_alloc FROM pg_stat_bgwriter;
SELECT pg_size_pretty(pg_database_size(current_database())) AS size;

-- session: sizes
-- varies: total size pretty table_size
SELECT relname, pg_total_relation_size(oid) AS total, pg_size_pretty(pg_relation_size(oid)) AS pretty FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname;
SELECT schemaname, tablename, pg_size_pretty(pg_table_size(format('%I.%I', schemaname, tablename)::regclass)) AS size FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2;
SELECT pg_size_pretty(123456789::bigint), pg_size_bytes('5 MB');

-- session: replication and wal
SELECT count(*) FROM pg_stat_replication;
SELECT slot_name, active FROM pg_replication_slots;
SELECT pg_current_wal_lsn() IS NOT NULL, pg_walfile_name(pg_current_wal_lsn()) IS NOT NULL;
SELECT pg_wal_lsn_diff('0/2000', '0/1000');

-- session: planner statistics
-- except: pg_stats.n_distinct, correlation and avg_width are masked for every column
-- masked: most_common_vals histogram_bounds
SELECT tablename, attname, null_frac, n_distinct, most_common_vals, correlation FROM pg_stats WHERE schemaname = 'public' AND tablename = 'orders' ORDER BY attname;
SELECT attname, n_distinct, null_frac, avg_width FROM pg_stats WHERE tablename = 'products' ORDER BY attname;

-- session: user settings and roles
SELECT rolname, rolsuper, rolcanlogin FROM pg_roles WHERE rolname NOT LIKE 'pg\_%' ORDER BY 1;
SELECT usename, usesuper FROM pg_user ORDER BY 1;
SELECT name, setting, unit FROM pg_settings WHERE name IN ('work_mem', 'max_connections', 'shared_buffers') ORDER BY 1;
SELECT grantee, privilege_type FROM information_schema.role_table_grants WHERE table_name = 'orders' ORDER BY 1, 2;

-- session: analyze and vacuum
-- texts: standard
ANALYZE categories;
ANALYZE;
VACUUM counters;

-- session: truncate and maintenance
-- texts: standard
TRUNCATE counters;
SELECT count(*) FROM counters;
REFRESH MATERIALIZED VIEW monthly_sales;

-- session: cancel nobody
SELECT pg_cancel_backend(0) IS NULL;
SELECT pg_terminate_backend(2147483647);

-- session: several statements in one
-- ways: simple
SELECT 1; SELECT count(*) FROM orders;
BEGIN; INSERT INTO audit_log (what) VALUES ('m'); SELECT count(*) FROM audit_log; ROLLBACK;

-- session: empty
/* nothing */;
SELECT;
SELECT 1 /* comment; with ' quote */;
