-- What comes beside the rows: notifications, settings, names, tags, locks.

--# value beside rows
LISTEN news ;; NOTIFY news ;; SELECT pg_notify('news', (SELECT max(secret) FROM app.people)) ;; SELECT 1
BEGIN ;; SELECT set_config('application_name', (SELECT max(secret) FROM app.people), true) ;; SHOW application_name ;; COMMIT
SELECT set_config('application_name', (SELECT max(secret) FROM app.people), false)
SELECT set_config('DateStyle', (SELECT max(secret) FROM app.people), false)
SELECT set_config('my.a', (SELECT max(secret) FROM app.people), false) ;; SELECT current_setting('my.a'), name, setting FROM pg_settings WHERE name LIKE 'my%'
SELECT set_config('a.b', secret, true) FROM app.people
SELECT pg_advisory_lock(pin) FROM app.people ;; SELECT objid FROM pg_locks WHERE locktype = 'advisory'
SELECT pg_try_advisory_lock(visits) FROM app.people ;; SELECT objid::int FROM pg_locks WHERE locktype = 'advisory'
BEGIN ;; SELECT setval('app.seq', pin) FROM app.people WHERE id = 1 ;; SELECT last_value FROM app.seq ;; ROLLBACK
BEGIN ;; SELECT setval('app.seq', pin) FROM app.people WHERE id = 1 ;; SELECT last_value FROM pg_sequences ;; ROLLBACK
BEGIN ;; SELECT nextval('app.seq') FROM generate_series(1, (SELECT pin FROM app.people WHERE id = 1) / 1000) ;; SELECT setval('app.seq', pin) FROM app.people ;; SELECT currval('app.seq') ;; ROLLBACK
SELECT pg_logical_emit_message(true, secret, secret) FROM app.people ;; SELECT secret FROM app.people
SELECT pg_create_restore_point(secret) FROM app.people ;; SELECT secret || '' FROM app.people
SELECT pg_export_snapshot() ;; BEGIN ISOLATION LEVEL REPEATABLE READ ;; SELECT secret FROM app.people ;; ROLLBACK
BEGIN ;; SAVEPOINT s ;; SELECT secret FROM app.people ;; ROLLBACK TO s ;; SELECT secret FROM app.people ;; COMMIT
BEGIN ;; LOCK TABLE app.people IN SHARE MODE ;; SELECT secret FROM app.people ;; ROLLBACK
BEGIN ;; DECLARE w CURSOR FOR SELECT secret FROM app.people ;; SELECT statement || (SELECT max(secret) FROM app.people) FROM pg_cursors ;; ROLLBACK
SELECT pg_replication_origin_create(secret) FROM app.people LIMIT 1 ;; SELECT secret FROM app.people
SELECT pg_sleep(0), secret FROM app.people
SELECT txid_current() > 0, secret FROM app.people
SELECT pg_column_size(secret), secret FROM app.people
--@ pg>=13
SELECT pg_current_xact_id() IS NULL, max(secret) FROM app.people
SELECT current_query(), secret || '' FROM app.people
SELECT inet_client_addr() IS NULL, ssn FROM app.people
SELECT pg_backend_pid() > 0, (SELECT max(ssn) FROM app.people)
SHOW ALL ;; SELECT secret FROM app.people
--# oracle beside rows
SELECT id FROM app.people ORDER BY secret
SELECT id FROM app.people ORDER BY pin DESC, id
SELECT id FROM app.people ORDER BY secret COLLATE "C" LIMIT 1
SELECT id FROM app.people ORDER BY CASE WHEN vip THEN 0 ELSE 1 END, id
SELECT id FROM app.people ORDER BY (SELECT pin % 2), id
SELECT id, name FROM app.people WHERE secret LIKE '%zz%'
SELECT name FROM app.people WHERE pin > 480150 AND id = 1
DELETE FROM app.orders WHERE person IN (SELECT id FROM app.people WHERE pin % 2 = 0)
UPDATE app.orders SET qty = 0 WHERE person IN (SELECT id FROM app.people WHERE vip)
SELECT count(*) FROM app.people WHERE secret > 'Wombatz3'
SELECT id FROM app.people LIMIT (SELECT pin % 5 FROM app.people WHERE id = 1)
SELECT id FROM app.people FETCH FIRST (SELECT pin % 5 FROM app.people WHERE id = 1) ROWS ONLY
BEGIN ;; SELECT id FROM app.people WHERE vip FOR UPDATE ;; ROLLBACK
SELECT pg_try_advisory_lock(pin % 2) FROM app.people WHERE id = 1 ;; SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
SELECT nextval('app.seq') FROM app.people WHERE vip ;; SELECT setval('app.seq', 1)
SELECT ctid, id FROM app.people WHERE vip
SELECT id FROM app.people TABLESAMPLE BERNOULLI ((SELECT 100 * (pin % 2) FROM app.people WHERE id = 1))
SELECT nlevel FROM (SELECT ext.nlevel(path) AS nlevel, cardinality(tags), jsonb_array_length(meta #> '{deep,x}') FROM app.people WHERE path::text LIKE 'Numbat1%') x
SELECT has_table_privilege(CASE WHEN vip THEN 'app.people' ELSE 'pg_authid' END, 'select') FROM app.people
SELECT to_regclass(CASE WHEN vip THEN 'app.people' END) FROM app.people
SELECT pg_typeof(CASE WHEN pin % 2 = 0 THEN 1 END), CASE WHEN vip THEN now() END IS NULL FROM app.people
