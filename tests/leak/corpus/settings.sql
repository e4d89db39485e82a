-- Code of the database's own puts a masked value into a setting: what tells of settings must not tell of that one.
--! CREATE TABLE app.branded (id int, v text); GRANT ALL ON app.branded TO pgveil_agent
--! CREATE FUNCTION app.brand() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config(NEW.v, (SELECT max(secret) FROM app.people), false); RETURN NULL; END $$
--! CREATE TRIGGER brand BEFORE INSERT ON app.branded FOR EACH ROW EXECUTE FUNCTION app.brand()
--! CREATE TABLE app.branded_late (id int, v text); GRANT ALL ON app.branded_late TO pgveil_agent
--! CREATE CONSTRAINT TRIGGER brand AFTER INSERT ON app.branded_late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.brand()
--! CREATE TABLE app.branded_zone (id int, v text); GRANT ALL ON app.branded_zone TO pgveil_agent
--! CREATE FUNCTION app.brand_zone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('timezone', (SELECT '<' || max(secret) || '>5' FROM app.people), false); RETURN NULL; END $$
--! CREATE TRIGGER brand BEFORE INSERT ON app.branded_zone FOR EACH ROW EXECUTE FUNCTION app.brand_zone()
--! CREATE TABLE app.branded_if (id int, v text); GRANT ALL ON app.branded_if TO pgveil_agent
--! CREATE FUNCTION app.brand_if() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT count(*) > 0 FROM app.people WHERE secret LIKE 'Wombatzz%') THEN PERFORM set_config(NEW.v, 'ISO, DMY', false); END IF; RETURN NULL; END $$
--! CREATE TRIGGER brand BEFORE INSERT ON app.branded_if FOR EACH ROW EXECUTE FUNCTION app.brand_if()
--# value settings that the server reports
INSERT INTO app.branded VALUES (1, 'application_name') ;; SELECT 1
BEGIN ;; INSERT INTO app.branded VALUES (1, 'application_name') ;; COMMIT
INSERT INTO app.branded_late VALUES (1, 'application_name') ;; DELETE FROM app.branded_late
BEGIN ;; INSERT INTO app.branded_late VALUES (1, 'application_name') ;; SET CONSTRAINTS ALL IMMEDIATE ;; ROLLBACK
BEGIN ;; INSERT INTO app.branded VALUES (1, 'application_name') ;; SAVEPOINT a ;; SET application_name = 'x' ;; ROLLBACK TO a ;; SELECT 1 ;; ROLLBACK
INSERT INTO app.branded VALUES (1, 'application_name') ;; BEGIN ;; SET application_name = 'x' ;; ROLLBACK
INSERT INTO app.branded VALUES (1, 'application_name') ;; BEGIN ;; SET LOCAL application_name = 'x' ;; COMMIT
INSERT INTO app.branded VALUES (1, 'application_name') ;; BEGIN ;; SET LOCAL application_name = 'x' ;; COMMIT ;; SELECT 1
INSERT INTO app.branded VALUES (1, 'application_name') ;; SET application_name = 'x' ;; RESET application_name
INSERT INTO app.branded VALUES (1, 'application_name') ;; BEGIN ;; SET application_name = 'x' ;; SELECT 1/0 ;; ROLLBACK
INSERT INTO app.branded_zone VALUES (1, '') ;; SELECT 1
INSERT INTO app.branded_zone VALUES (1, '') ;; BEGIN ;; SET LOCAL timezone = 'UTC' ;; COMMIT
BEGIN ;; INSERT INTO app.branded_zone VALUES (1, '') ;; SAVEPOINT a ;; SET timezone = 'UTC' ;; ROLLBACK TO a ;; ROLLBACK
--@ pg>=18
INSERT INTO app.branded VALUES (1, 'search_path') ;; SELECT 1
--@ pg>=18
BEGIN ;; INSERT INTO app.branded VALUES (1, 'search_path') ;; SAVEPOINT a ;; SET search_path = app ;; ROLLBACK TO a ;; ROLLBACK
--@ pg>=18
INSERT INTO app.branded VALUES (1, 'search_path') ;; BEGIN ;; SET LOCAL search_path = app ;; COMMIT
PREPARE p AS INSERT INTO app.branded VALUES (1, 'application_name') ;; EXECUTE p ;; BEGIN ;; SET LOCAL application_name = 'x' ;; COMMIT
>P a INSERT INTO app.branded VALUES (1, 'application_name') ;; >B a a ;; >E a ;; >S ;; >Q BEGIN ;; >Q SET LOCAL application_name = 'x' ;; >Q COMMIT
>P a INSERT INTO app.branded VALUES (1, 'application_name') ;; >B a a ;; >E a ;; >P b SET LOCAL application_name = 'x' ;; >B b b ;; >E b ;; >S
>Q BEGIN; INSERT INTO app.branded VALUES (1, 'application_name'); COMMIT; BEGIN; SET LOCAL application_name = 'x'; COMMIT
--# value settings that are pinned, or refused
INSERT INTO app.branded VALUES (1, 'search_path') ;; SHOW search_path
INSERT INTO app.branded VALUES (1, 'search_path') ;; SELECT current_setting('search_path')
INSERT INTO app.branded VALUES (1, 'search_path') ;; EXPLAIN (SETTINGS) SELECT 1
INSERT INTO app.branded VALUES (1, 'app.note') ;; SHOW app.note
--# limit settings that code left, for who asks
INSERT INTO app.branded VALUES (1, 'application_name') ;; SHOW application_name
INSERT INTO app.branded VALUES (1, 'application_name') ;; SELECT current_setting('application_name')
INSERT INTO app.branded VALUES (1, 'application_name') ;; SELECT setting, reset_val FROM pg_settings WHERE name = 'application_name'
INSERT INTO app.branded VALUES (1, 'application_name') ;; SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()
INSERT INTO app.branded VALUES (1, 'application_name') ;; SHOW ALL
INSERT INTO app.branded_zone VALUES (1, '') ;; SHOW timezone
INSERT INTO app.branded_zone VALUES (1, '') ;; SELECT current_setting('timezone')
INSERT INTO app.branded_zone VALUES (1, '') ;; SELECT to_char(now(), 'TZ')
INSERT INTO app.branded_zone VALUES (1, '') ;; SET datestyle = 'SQL' ;; SELECT now()
INSERT INTO app.branded_zone VALUES (1, '') ;; SET datestyle = 'SQL' ;; SELECT now()::text
INSERT INTO app.branded_zone VALUES (1, '') ;; SELECT timeofday()
INSERT INTO app.branded_if VALUES (1, 'application_name') ;; SHOW application_name
INSERT INTO app.branded_if VALUES (1, 'datestyle') ;; SHOW datestyle
INSERT INTO app.branded_if VALUES (1, 'datestyle') ;; SELECT date '2020-02-01'
--# oracle settings that were set or not
INSERT INTO app.branded_if VALUES (1, 'application_name') ;; SELECT 1
BEGIN ;; INSERT INTO app.branded_if VALUES (1, 'application_name') ;; ROLLBACK
