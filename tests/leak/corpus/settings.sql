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
-- A setting of nobody's is shown as long as no code of the database's own ran in the session.
--! CREATE TABLE app.noted (id int, v text); INSERT INTO app.noted VALUES (1, 'a'), (2, 'b'); GRANT ALL ON app.noted TO pgveil_agent
--! CREATE FUNCTION app.put_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.note', (SELECT max(secret) FROM app.people), false); IF TG_TABLE_NAME = 'noted' THEN IF NEW.v IS DISTINCT FROM 'x' THEN RETURN NULL; END IF; END IF; RETURN NEW; END $$
--! CREATE TRIGGER note BEFORE INSERT OR UPDATE ON app.noted FOR EACH ROW EXECUTE FUNCTION app.put_note()
--! CREATE TABLE app.noted_late (id int); GRANT ALL ON app.noted_late TO pgveil_agent
--! CREATE CONSTRAINT TRIGGER note AFTER INSERT ON app.noted_late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.put_note()
--! CREATE TABLE app.noted_above (id int PRIMARY KEY); INSERT INTO app.noted_above VALUES (1); GRANT ALL ON app.noted_above TO pgveil_agent
--! CREATE TABLE app.noted_below (id int REFERENCES app.noted_above ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO app.noted_below VALUES (1)
--! CREATE FUNCTION app.put_note_old() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.note', (SELECT max(secret) FROM app.people), false); RETURN coalesce(NEW, OLD); END $$
--! CREATE TRIGGER note BEFORE DELETE OR UPDATE ON app.noted_below FOR EACH ROW EXECUTE FUNCTION app.put_note_old()
--! CREATE TABLE app.noted_parts (id int) PARTITION BY RANGE (id); CREATE TABLE app.noted_part PARTITION OF app.noted_parts FOR VALUES FROM (0) TO (9); GRANT ALL ON app.noted_parts TO pgveil_agent
--! CREATE TRIGGER note BEFORE INSERT ON app.noted_part FOR EACH ROW EXECUTE FUNCTION app.put_note()
--! CREATE VIEW app.noted_view AS SELECT id, v FROM app.noted; GRANT ALL ON app.noted_view TO pgveil_agent
--! CREATE FUNCTION app.notes_now() RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM set_config('app.note', (SELECT max(secret) FROM app.people), false); RETURN 'x'; END $$
--! CREATE FUNCTION app.notes_if(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM set_config('app.note', (SELECT max(secret) FROM app.people), false); RETURN true; END $$
--! CREATE DOMAIN app.note_domain AS text CHECK (app.notes_if(VALUE)); CREATE TABLE app.noted_domain (v app.note_domain); GRANT ALL ON app.noted_domain TO pgveil_agent
--! CREATE TABLE app.noted_check (v text CHECK (app.notes_if(v))); GRANT ALL ON app.noted_check TO pgveil_agent
--! CREATE TABLE app.noted_default (id int, v text DEFAULT app.notes_now()); GRANT ALL ON app.noted_default TO pgveil_agent
--! CREATE TABLE app.noted_rows (id int, v text); INSERT INTO app.noted_rows VALUES (1, 'a'); ALTER TABLE app.noted_rows ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.noted_rows USING (app.notes_if(v)); GRANT ALL ON app.noted_rows TO pgveil_agent
--! CREATE TABLE app.noted_arrays (v app.note_domain[]); GRANT ALL ON app.noted_arrays TO pgveil_agent
--! CREATE TYPE app.note_pair AS (a int, v app.note_domain); CREATE TABLE app.noted_pairs (v app.note_pair); GRANT ALL ON app.noted_pairs TO pgveil_agent
--! CREATE TABLE app.noted_casts (id int, v text); INSERT INTO app.noted_casts VALUES (1, 'a'); ALTER TABLE app.noted_casts ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.noted_casts USING (v <> 'x'::app.note_domain); GRANT ALL ON app.noted_casts TO pgveil_agent
--! CREATE TABLE app.noted_calls (id int, v text); INSERT INTO app.noted_calls VALUES (1, 'a'); ALTER TABLE app.noted_calls ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.noted_calls USING (set_config('app.note', (SELECT max(secret) FROM app.people), false) <> ''); GRANT ALL ON app.noted_calls TO pgveil_agent
--! CREATE TABLE app.noted_follows (id int, v text); INSERT INTO app.noted_follows VALUES (1, 'a'); ALTER TABLE app.noted_follows ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.noted_follows USING (id IN (SELECT id FROM app.noted_rows)); GRANT ALL ON app.noted_follows TO pgveil_agent
--! CREATE VIEW app.noted_over AS SELECT id, app.notes_if('x') AS yes FROM app.team; GRANT ALL ON app.noted_over TO pgveil_agent
--! CREATE TABLE app.noted_text (id int, v text); INSERT INTO app.noted_text VALUES (1, 'a'); ALTER TABLE app.noted_text ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.noted_text USING (query_to_xml('SELECT app.notes_now()', true, false, '') IS NOT NULL); GRANT ALL ON app.noted_text TO pgveil_agent
--! CREATE VIEW app.noted_sets AS SELECT id, set_config('app.note', (SELECT max(secret) FROM app.people), false) AS v FROM app.team; GRANT ALL ON app.noted_sets TO pgveil_agent
--! CREATE FUNCTION app.noted_put() RETURNS text LANGUAGE sql AS $$ SELECT set_config('app.note', (SELECT max(secret) FROM app.people), false) $$
--! CREATE TABLE app.noted_mine (id int, v text); INSERT INTO app.noted_mine VALUES (1, 'a'); ALTER TABLE app.noted_mine ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.noted_mine USING (v <> coalesce(current_setting('app.note', true), '')); GRANT ALL ON app.noted_mine TO pgveil_agent
--! CREATE VIEW app.shows_note AS SELECT 1 AS id, current_setting('app.note', true) AS v; GRANT ALL ON app.shows_note TO pgveil_agent
--! CREATE FUNCTION app.read_note() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('app.note', true) $$
--! CREATE FUNCTION app.top_secret() RETURNS text LANGUAGE sql STABLE AS $$ SELECT max(secret) FROM app.people $$
--# value settings of nobody's that a trigger set
INSERT INTO app.noted VALUES (1) ;; SHOW app.note
INSERT INTO app.noted VALUES (1) ;; SELECT current_setting('app.note')
INSERT INTO app.noted VALUES (1) ;; SELECT current_setting('App.Note', true)
INSERT INTO app.noted VALUES (1) ;; SELECT upper(current_setting('app.note'::text))
INSERT INTO app.noted VALUES (1) ;; SELECT pg_catalog.current_setting('app.' || 'note')
INSERT INTO app.noted VALUES (1) ;; SELECT v FROM app.shows_note
INSERT INTO app.noted VALUES (1) ;; SELECT app.read_note()
INSERT INTO app.noted VALUES (1) ;; COPY (SELECT current_setting('app.note')) TO STDOUT
BEGIN ;; INSERT INTO app.noted VALUES (1) ;; INSERT INTO public.box (line) VALUES (current_setting('app.note')) RETURNING line ;; ROLLBACK
INSERT INTO app.noted VALUES (1) ;; CREATE TEMP TABLE got AS SELECT current_setting('app.note') AS v ;; SELECT v FROM got
INSERT INTO app.noted VALUES (1) ;; CREATE TEMP VIEW got AS SELECT current_setting('app.note') AS v ;; SELECT v FROM got
CREATE TEMP VIEW got AS SELECT current_setting('app.note', true) AS v ;; INSERT INTO app.noted VALUES (1) ;; SELECT v FROM got
CREATE TEMP TABLE got (id int, v text DEFAULT current_setting('app.note', true)) ;; INSERT INTO app.noted VALUES (1) ;; INSERT INTO got (id) VALUES (1) RETURNING v
BEGIN ;; CREATE TABLE mine.got (id int, v text DEFAULT current_setting('app.note', true)) ;; INSERT INTO app.noted VALUES (1) ;; INSERT INTO mine.got (id) VALUES (1) RETURNING v ;; ROLLBACK
BEGIN ;; CREATE MATERIALIZED VIEW mine.got AS SELECT current_setting('app.note', true) AS v ;; INSERT INTO app.noted VALUES (1) ;; REFRESH MATERIALIZED VIEW mine.got ;; SELECT v FROM mine.got ;; ROLLBACK
INSERT INTO app.noted VALUES (1) ;; EXPLAIN ANALYZE SELECT 1 WHERE current_setting('app.note') <> '' ;; SHOW app.note
INSERT INTO app.noted VALUES (1) ;; SET app.note = 'x' ;; BEGIN ;; SET LOCAL app.note = 'y' ;; SHOW app.note ;; ROLLBACK ;; INSERT INTO app.noted VALUES (1) ;; SHOW app.note
INSERT INTO app.noted VALUES (1) ;; BEGIN ;; SET app.note = 'x' ;; ROLLBACK ;; SHOW app.note
INSERT INTO app.noted VALUES (1) ;; BEGIN ;; SET LOCAL app.note = 'x' ;; COMMIT ;; SHOW app.note
BEGIN ;; INSERT INTO app.noted VALUES (1) ;; SAVEPOINT a ;; SET app.note = 'x' ;; ROLLBACK TO a ;; SHOW app.note ;; ROLLBACK
BEGIN ;; SET app.note = 'x' ;; SAVEPOINT a ;; INSERT INTO app.noted VALUES (1) ;; RELEASE a ;; SHOW app.note ;; ROLLBACK
SET app.note = 'x' ;; SHOW app.note ;; INSERT INTO app.noted VALUES (1) ;; SHOW app.note
SELECT set_config('app.note', 'x', false) ;; UPDATE app.noted SET v = 'c' ;; SELECT current_setting('app.note')
INSERT INTO app.noted VALUES (1) ;; DISCARD PLANS ;; SHOW app.note
INSERT INTO app.noted VALUES (1) ;; DISCARD TEMP ;; SHOW app.note
INSERT INTO app.noted VALUES (1) ;; RESET search_path ;; SHOW app.note
BEGIN ;; INSERT INTO app.noted VALUES (1) ;; RESET ALL ;; ROLLBACK ;; INSERT INTO app.noted VALUES (1) ;; SHOW app.note
BEGIN ;; SAVEPOINT a ;; INSERT INTO app.noted VALUES (1) ;; SAVEPOINT b ;; RESET ALL ;; ROLLBACK TO b ;; SHOW app.note ;; ROLLBACK
--# value settings of nobody's that other code set
INSERT INTO app.noted_late VALUES (1) ;; SHOW app.note ;; DELETE FROM app.noted_late
BEGIN ;; INSERT INTO app.noted_late VALUES (1) ;; SET CONSTRAINTS ALL IMMEDIATE ;; SHOW app.note ;; ROLLBACK
BEGIN ;; DELETE FROM app.noted_above WHERE id = 1 ;; SHOW app.note ;; ROLLBACK
BEGIN ;; UPDATE app.noted_above SET id = 2 WHERE id = 1 ;; SHOW app.note ;; ROLLBACK
BEGIN ;; INSERT INTO app.noted_parts VALUES (1) ;; SHOW app.note ;; ROLLBACK
INSERT INTO app.noted_view VALUES (1, 'y') ;; SHOW app.note
COPY app.noted FROM STDIN <<< 1\ta\n ;; SHOW app.note
--@ pg>=15
BEGIN ;; MERGE INTO app.noted t USING (VALUES (9)) x (id) ON t.id = x.id WHEN NOT MATCHED THEN INSERT VALUES (x.id, 'z') ;; SHOW app.note ;; ROLLBACK
SELECT app.notes_now() ;; SHOW app.note
SELECT app.notes_if('x') ;; SHOW app.note
DO $$ BEGIN PERFORM app.notes_now(); END $$ ;; SHOW app.note
BEGIN ;; INSERT INTO app.noted_domain VALUES ('x') ;; SHOW app.note ;; ROLLBACK
SELECT 'x'::app.note_domain ;; SHOW app.note
BEGIN ;; INSERT INTO app.noted_check VALUES ('x') ;; SHOW app.note ;; ROLLBACK
BEGIN ;; INSERT INTO app.noted_default (id) VALUES (1) ;; SHOW app.note ;; ROLLBACK
SELECT * FROM app.noted_rows ;; SHOW app.note
EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF) INSERT INTO app.noted VALUES (1) ;; SHOW app.note
EXPLAIN SELECT app.notes_if('x') ;; SHOW app.note
PREPARE p AS INSERT INTO app.noted VALUES (1) ;; EXECUTE p ;; SHOW app.note
BEGIN ;; DECLARE c CURSOR FOR SELECT * FROM app.noted_rows ;; FETCH c ;; SHOW app.note ;; COMMIT
BEGIN ;; CREATE TABLE mine.noted (v text CHECK (app.notes_if(v))) ;; INSERT INTO mine.noted VALUES ('x') ;; SHOW app.note ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.noted AS SELECT 'x'::text AS v ;; ALTER TABLE mine.noted ADD CHECK (app.notes_if(v)) ;; SHOW app.note ;; ROLLBACK
BEGIN ;; CREATE INDEX ON mine.child (app.notes_if(ssn)) ;; INSERT INTO mine.child VALUES (1, 'x') ;; SHOW app.note ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.noted (v app.note_domain) ;; INSERT INTO mine.noted VALUES ('x') ;; SHOW app.note ;; ROLLBACK
SELECT ARRAY['x']::app.note_domain[] ;; SHOW app.note
--@ pg>=16
SELECT pg_input_is_valid('x', 'app.note_domain') ;; SHOW app.note
--@ pg>=16
SELECT * FROM pg_input_error_info('x', 'app.note_domain') ;; SHOW app.note
SELECT query_to_xml('SELECT app.notes_now()', true, false, '') ;; SHOW app.note
SELECT * FROM json_populate_record(NULL::app.noted_domain, '{"v": "x"}') ;; SHOW app.note
SELECT * FROM app.noted_casts ;; SHOW app.note
SELECT * FROM app.noted_calls ;; SHOW app.note
SELECT id, current_setting('app.note', true) FROM app.noted_calls
SELECT * FROM app.noted_text ;; SHOW app.note
SELECT id, current_setting('app.note', true) FROM app.noted_text
SELECT * FROM app.noted_follows ;; SHOW app.note
SELECT id, current_setting('app.note', true) FROM app.noted_follows
SELECT * FROM app.noted_over WHERE id > 0 ;; SELECT current_setting('app.note', true)
SELECT id FROM app.noted_sets ;; SELECT v FROM app.noted_sets ;; SHOW app.note
SELECT app.noted_put() ;; SHOW app.note
PREPARE p AS SELECT * FROM app.noted_mine ;; EXECUTE p ;; INSERT INTO app.noted VALUES (1) ;; EXECUTE p ;; SHOW app.note
BEGIN ;; SELECT * FROM app.noted_mine ;; INSERT INTO app.noted VALUES (1) ;; SAVEPOINT a ;; SHOW app.note ;; ROLLBACK
--@ agent3
SELECT app.notes_if('x') ;; SHOW app.note
--@ agent3
SELECT app.notes_if('x'), current_setting('app.note', true)
--@ agent3
>P a SELECT app.notes_if('x') ;; >B a a ;; >S ;; >Q SHOW app.note
--@ agent3
SELECT id FROM app.noted_casts ;; SHOW app.note
--# value settings of nobody's that are set in the same statement, or text, or group
INSERT INTO app.noted VALUES (1, 'x') RETURNING current_setting('app.note', true)
INSERT INTO app.noted VALUES (1, 'x') RETURNING id, app.read_note()
INSERT INTO app.noted VALUES (1, 'x') RETURNING id, app.read_note_new()
INSERT INTO app.noted VALUES (1, 'x') RETURNING (SELECT v FROM app.shows_note)
UPDATE app.noted SET v = 'x' RETURNING current_setting('app.note', true)
WITH i AS (INSERT INTO app.noted VALUES (1, 'x') RETURNING id) SELECT i.id, current_setting('app.note', true) FROM i
WITH i AS (INSERT INTO app.noted VALUES (1, 'x') RETURNING id) INSERT INTO public.box (line) SELECT current_setting('app.note', true) FROM i RETURNING line
UPDATE app.noted SET v = 'x' WHERE id = 1 OR current_setting('app.note', true) LIKE 'Womb%' RETURNING id, current_setting('app.note', true)
COPY (INSERT INTO app.noted VALUES (1, 'x') RETURNING current_setting('app.note', true)) TO STDOUT
SELECT app.notes_now(), current_setting('app.note', true)
SELECT id, current_setting('app.note', true) FROM app.noted_rows
SELECT 'x'::app.note_domain, current_setting('app.note', true)
>Q INSERT INTO app.noted VALUES (1); SHOW app.note
>Q INSERT INTO app.noted VALUES (1); SELECT current_setting('app.note')
>Q INSERT INTO app.noted VALUES (1) ;; >Q SHOW app.note
>Q SET app.note = 'x'; INSERT INTO app.noted VALUES (1); SHOW app.note
>Q BEGIN; INSERT INTO app.noted_late VALUES (1); COMMIT; SHOW app.note ;; >Q DELETE FROM app.noted_late
>Q BEGIN; INSERT INTO app.noted_late VALUES (1); SET CONSTRAINTS ALL IMMEDIATE; SHOW app.note; COMMIT ;; >Q DELETE FROM app.noted_late
>Q PREPARE p AS INSERT INTO app.noted VALUES (1); EXECUTE p; SHOW app.note
>P a INSERT INTO app.noted VALUES (1) ;; >B a a ;; >E a ;; >P b SHOW app.note ;; >B b b ;; >E b ;; >S
>P b SHOW app.note ;; >P a INSERT INTO app.noted VALUES (1) ;; >B a a ;; >E a ;; >B b b ;; >E b ;; >S
>P b SELECT current_setting('app.note', true) ;; >B b b ;; >P a INSERT INTO app.noted VALUES (1) ;; >B a a ;; >E a ;; >E b ;; >S
>P b SELECT current_setting('app.note', true) FROM generate_series(1, 3) ;; >P a INSERT INTO app.noted VALUES (1) ;; >B b b ;; >E b 1 ;; >B a a ;; >E a ;; >E b ;; >S
>P b SELECT current_setting('app.note', true) ;; >S ;; >Q INSERT INTO app.noted VALUES (1) ;; >B b b ;; >E b ;; >S
>P b SHOW app.note ;; >S ;; >P a INSERT INTO app.noted VALUES (1) ;; >B a a ;; >E a ;; >S ;; >B b b ;; >E b ;; >S
>P a INSERT INTO app.noted VALUES (1) ;; >B a a ;; >E a ;; >S ;; >P b SHOW app.note ;; >B b b ;; >E b ;; >S
>P b SHOW app.note ;; >P a INSERT INTO app.noted_late VALUES (1) ;; >B a a ;; >E a ;; >S ;; >B b b ;; >E b ;; >S ;; >Q DELETE FROM app.noted_late
PREPARE p AS SELECT current_setting('app.note', true) ;; INSERT INTO app.noted VALUES (1) ;; EXECUTE p
PREPARE p AS SELECT v FROM app.shows_note ;; EXECUTE p ;; INSERT INTO app.noted VALUES (1) ;; EXECUTE p
PREPARE p AS SELECT app.read_note() ;; EXECUTE p ;; INSERT INTO app.noted VALUES (1) ;; EXECUTE p
PREPARE p (text) AS SELECT $1 ;; INSERT INTO app.noted VALUES (1) ;; EXECUTE p(current_setting('app.note'))
BEGIN ;; DECLARE c CURSOR FOR SELECT current_setting('app.note', true) FROM generate_series(1, 3) ;; FETCH c ;; INSERT INTO app.noted VALUES (1) ;; FETCH c ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR FOR SELECT current_setting('app.note', true) FROM generate_series(1, 3) ;; INSERT INTO app.noted VALUES (1) ;; FETCH ALL c ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR WITH HOLD FOR SELECT current_setting('app.note', true) FROM generate_series(1, 3) ;; INSERT INTO app.noted VALUES (1) ;; COMMIT ;; FETCH ALL c ;; CLOSE c
>Q INSERT INTO app.noted VALUES (1) ;; >P - DISCARD ALL ;; >B - - ;; >E - ;; >H ;; >P - SELECT 1/0 ;; >B - - ;; >E - ;; >S ;; >Q INSERT INTO app.noted VALUES (1) ;; >Q SHOW app.note
>Q DISCARD ALL ;; >Q INSERT INTO app.noted VALUES (1) ;; >Q SHOW app.note
>P - DISCARD ALL ;; >B - - ;; >E - ;; >S ;; >Q INSERT INTO app.noted VALUES (1) ;; >Q SHOW app.note
-- what the server keeps the plan of is not what names mean now
--@ own
SET search_path = mine, app ;; PREPARE p AS SELECT max(secret) FROM people ;; EXECUTE p ;; BEGIN ;; CREATE TABLE mine.people (secret text) ;; INSERT INTO app.noted VALUES (1) ;; EXECUTE p ;; ROLLBACK
--# value what the session itself puts into a setting of nobody's
SELECT set_config('app.note', secret, false) FROM app.people ;; SHOW app.note
SELECT set_config('app.note', app.top_secret(), false) ;; SHOW app.note
SELECT set_config('app.note', 'a' || max(secret), false) FROM app.people ;; SHOW app.note
SELECT set_config('app.note', v, false) FROM (SELECT secret AS v FROM app.people) q ;; SHOW app.note
WITH q AS (SELECT max(secret) AS v FROM app.people) UPDATE app.noted SET v = set_config('app.note', q.v, false) FROM q ;; SHOW app.note
PREPARE p (text) AS SELECT set_config('app.note', $1, false) ;; EXECUTE p(app.top_secret()) ;; SHOW app.note
PREPARE p (text) AS SELECT set_config('app.note', $1, false) ;; EXECUTE p(app.ssn_of(1)) ;; SHOW app.note
BEGIN ;; INSERT INTO public.box (line) SELECT set_config('app.note', secret, false) FROM app.people ;; SHOW app.note ;; ROLLBACK
--# oracle what decides whether the session puts something into a setting of nobody's
SELECT CASE WHEN secret LIKE 'Wombatzz%' THEN set_config('app.note', 'a', false) END FROM app.people ;; SELECT current_setting('app.note', true)
SELECT CASE WHEN secret LIKE 'Wombatzz%' THEN set_config('app.note', 'b', false) ELSE 'n' END FROM app.people ;; SELECT current_setting('app.note', true)
SELECT CASE WHEN secret LIKE 'Wombatzz%' THEN set_config('app.note', 'a', false) ELSE set_config('app.note', 'b', false) END FROM app.people WHERE id = 1 ;; SELECT current_setting('app.note', true)
SELECT set_config('app.note', 'a', false) FROM app.people WHERE secret LIKE 'Wombatzz%' ;; SELECT current_setting('app.note', true)
SELECT secret LIKE 'Wombatzz%' AND set_config('app.note', 'a', false) = 'a' FROM app.people ;; SELECT current_setting('app.note', true)
SELECT secret LIKE 'Wombatzz%' OR set_config('app.note', 'a', false) = 'a' FROM app.people WHERE id = 2 ;; SELECT current_setting('app.note', true)
SELECT coalesce(nullif(secret, 'Wombatzz'), set_config('app.note', 'a', false)) FROM app.people ;; SELECT current_setting('app.note', true)
SELECT count(set_config('app.note', 'a', false)) FILTER (WHERE secret LIKE 'Wombatzz%') FROM app.people ;; SELECT current_setting('app.note', true)
SELECT p.id, x.v FROM app.people p LEFT JOIN LATERAL (SELECT set_config('app.note', 'a', false) AS v WHERE p.secret LIKE 'Wombatzz%') x ON true ;; SELECT current_setting('app.note', true)
SELECT set_config('app.note', 'a', false) FROM app.people LIMIT (SELECT count(*) FROM app.people WHERE secret LIKE 'Wombatzz%') ;; SELECT current_setting('app.note', true)
SELECT set_config('app.note', 'a', secret LIKE 'Wombatzz%') FROM app.people WHERE id = 1 ;; SELECT current_setting('app.note', true)
SELECT EXISTS (SELECT set_config('app.note', 'a', false) FROM app.people WHERE secret LIKE 'Wombatzz%') ;; SELECT current_setting('app.note', true)
SELECT nullif(secret, set_config('app.note', 'a', false)) FROM app.people ;; SELECT current_setting('app.note', true), nullif(secret, current_setting('app.note', true)) FROM app.people
--# value settings of nobody's that code set when a text was only analysed
>P a INSERT INTO app.noted_arrays VALUES ('{x}') ;; >S ;; >Q SHOW app.note
>P a INSERT INTO app.noted_pairs VALUES ('(1,x)') ;; >S ;; >Q SHOW app.note
>P a SELECT 1 FROM app.noted_arrays WHERE v = '{x}' ;; >S ;; >Q SHOW app.note
>P a UPDATE app.noted_arrays SET v = '{x}' ;; >P b SHOW app.note ;; >B b b ;; >E b ;; >S
PREPARE p AS INSERT INTO app.noted_arrays VALUES ('{x}') ;; SHOW app.note
PREPARE p AS SELECT '{x}'::app.note_domain[] ;; SHOW app.note
PREPARE p (app.note_domain[]) AS SELECT 1 ;; EXECUTE p('{x}') ;; SHOW app.note
PREPARE p (app.note_domain) AS SELECT 1 ;; EXECUTE p('x') ;; SHOW app.note
CREATE TEMP TABLE got (v app.note_domain[] DEFAULT '{x}') ;; SHOW app.note
SELECT '(1,x)'::app.note_pair ;; SHOW app.note
