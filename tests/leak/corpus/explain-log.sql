-- What the planner says, and messages for developers.

--# value plans and messages
EXPLAIN (VERBOSE) SELECT id FROM app.team WHERE name || app.folded(1) = 'x'
EXPLAIN (VERBOSE) SELECT app.folded(1)
EXPLAIN (VERBOSE, FORMAT json) SELECT app.folded(1) FROM app.team
EXPLAIN (VERBOSE) SELECT * FROM app.team WHERE name = app.folded(2)
EXPLAIN (VERBOSE) INSERT INTO public.box (line) VALUES (app.folded(1))
EXPLAIN (ANALYZE, VERBOSE) SELECT app.say(secret) FROM app.people
EXPLAIN ANALYZE SELECT app.say(secret) FROM app.people
EXPLAIN (VERBOSE) SELECT 1 FROM app.team WHERE app.folded(id) > app.folded(1)
EXPLAIN (VERBOSE, COSTS off) UPDATE app.team SET name = app.folded(1)
EXPLAIN (ANALYZE) SELECT secret::int FROM app.people
EXPLAIN (ANALYZE, FORMAT xml) SELECT app.fail(secret) FROM app.people
SET client_min_messages = debug1 ;; SET debug_print_plan = on ;; SELECT app.folded(1)
SET client_min_messages = log ;; DO $$ BEGIN RAISE LOG '%', (SELECT max(secret) FROM app.people); END $$
SET client_min_messages = debug5 ;; DO $$ BEGIN RAISE DEBUG '%', (SELECT max(secret) FROM app.people); END $$
SET client_min_messages = debug1 ;; SET debug_print_rewritten = on ;; SET debug_print_parse = on ;; SELECT app.folded(1), secret FROM app.people
EXPLAIN (VERBOSE) SELECT * FROM far.people WHERE secret = app.folded(1)
EXPLAIN (VERBOSE) DECLARE c CURSOR FOR SELECT app.folded(1)
EXPLAIN (VERBOSE) CREATE TEMP TABLE x AS SELECT app.folded(1)
-- Of a table that nothing else here changes: how many rows are estimated hangs on how many pages were ever written.
--# oracle plans that tell
EXPLAIN SELECT * FROM app.people WHERE secret = 'Wombatz1B'
EXPLAIN SELECT * FROM app.people WHERE pin > 480150
EXPLAIN SELECT * FROM app.people WHERE vip
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT id FROM app.people WHERE secret LIKE '%zz%'
EXPLAIN (ANALYZE, TIMING off, SUMMARY off) SELECT 1 FROM app.people GROUP BY secret
EXPLAIN SELECT DISTINCT secret FROM app.people
EXPLAIN UPDATE app.people SET name = 'x' WHERE pin > 480150
EXPLAIN SELECT * FROM app.v_where
PREPARE a (int) AS SELECT name FROM app.people WHERE pin > $1 ;; EXPLAIN EXECUTE a (480150)
--# limit estimates of a column as a whole
EXPLAIN SELECT * FROM app.people
EXPLAIN (FORMAT json) SELECT email, blob FROM app.people
EXPLAIN (FORMAT xml) SELECT email FROM app.people WHERE id > 1
EXPLAIN (FORMAT yaml, VERBOSE) SELECT email FROM app.people
EXPLAIN WITH x AS MATERIALIZED (SELECT id, email FROM app.people) SELECT id FROM x
--@ pg>=16
EXPLAIN (GENERIC_PLAN) SELECT email, blob FROM app.people WHERE id > 1

--! CREATE TABLE app.parity (id int, pin numeric) PARTITION BY LIST ((pin % 2)); CREATE TABLE app.parity0 PARTITION OF app.parity FOR VALUES IN (0); CREATE TABLE app.parity1 PARTITION OF app.parity DEFAULT; INSERT INTO app.parity SELECT id, pin FROM app.people; GRANT ALL ON app.parity TO pgveil_agent

--# oracle in which partition a row is
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM app.parity WHERE id = 1
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) FROM app.parity
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT 1 FROM app.team t JOIN app.parity p ON p.id = t.id
BEGIN ;; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) UPDATE app.parity SET id = id WHERE id = 1 ;; ROLLBACK
BEGIN ;; UPDATE app.parity SET id = id WHERE id = 1 ;; SELECT relname, n_tup_upd FROM pg_stat_xact_user_tables WHERE relname LIKE 'parity%' ORDER BY 1 ;; ROLLBACK
BEGIN ;; UPDATE app.parity SET id = id WHERE id = 1 ;; SELECT relname FROM pg_stat_xact_all_tables WHERE relname LIKE 'parity%' AND n_tup_upd > 0 ;; ROLLBACK
BEGIN ;; UPDATE app.parity SET id = id WHERE id = 1 ;; SELECT pg_stat_get_xact_tuples_updated('app.parity0'::regclass) ;; ROLLBACK

--# limit the order of partitions
SELECT id FROM app.parity
