-- Views show what their definitions read.

--# value views
SELECT * FROM app.v_people
SELECT number, loud, pin1 FROM app.v_people
SELECT number || '' FROM app.v_people
SELECT * FROM app.v_deep
SELECT b, c FROM app.v_deep
SELECT c FROM app.v_deep WHERE a = 1
SELECT * FROM app.v_barrier
SELECT secret FROM app.v_barrier
SELECT v FROM app.v_barrier v
SELECT (v).secret FROM app.v_barrier v
SELECT whole FROM app.v_row
SELECT (whole).secret FROM app.v_row
SELECT name FROM app.v_union
SELECT * FROM app.v_union
SELECT j FROM app.v_json
SELECT j ->> 'secret' FROM app.v_json
SELECT top, all_ssn, pins FROM app.v_agg
SELECT before FROM app.v_window
SELECT s FROM app.v_rec
SELECT * FROM app.v_using
SELECT secret FROM app.v_using
SELECT hidden FROM app.v_lateral
SELECT secret FROM app.v_write
SELECT * FROM app.mv
SELECT copy FROM app.mv
SELECT again FROM app.v_mv
SELECT v FROM app.v_people v
SELECT to_jsonb(v) FROM app.v_people v
SELECT v::text FROM app.v_deep v
TABLE app.v_deep
SELECT mv::text FROM app.mv
SELECT x.loud FROM (SELECT * FROM app.v_people) x
UPDATE app.v_write SET name = name RETURNING secret
UPDATE app.v_write SET name = name WHERE id = 1 RETURNING *
DELETE FROM app.v_write WHERE id = 7 RETURNING secret
INSERT INTO app.v_write (id, name) SELECT 90, secret FROM app.people LIMIT 1 RETURNING name
CREATE VIEW app.mine1 AS SELECT id, secret AS s FROM app.people ;; SELECT s FROM app.mine1 ;; DROP VIEW app.mine1
CREATE VIEW app.mine1 AS SELECT id, name AS s FROM app.people ;; DROP VIEW app.mine1 ;; CREATE VIEW app.mine1 AS SELECT id, secret AS s FROM app.people ;; SELECT s FROM app.mine1 ;; DROP VIEW app.mine1
BEGIN ;; CREATE OR REPLACE VIEW app.mine2 AS SELECT id, ''::text AS s FROM app.people ;; CREATE OR REPLACE VIEW app.mine2 AS SELECT id, secret AS s FROM app.people ;; SELECT s FROM app.mine2 ;; ROLLBACK
BEGIN ;; CREATE MATERIALIZED VIEW app.mine3 AS SELECT secret AS s FROM app.people ;; SELECT s FROM app.mine3 ;; ROLLBACK
BEGIN ;; CREATE TEMP VIEW mine4 AS SELECT secret AS s FROM app.people ;; SELECT s FROM mine4 ;; ROLLBACK
BEGIN ;; CREATE VIEW app.mine5 AS TABLE app.people ;; TABLE app.mine5 ;; ROLLBACK
BEGIN ;; CREATE VIEW app.mine6 AS SELECT p FROM app.people p ;; SELECT (p).secret FROM app.mine6 ;; ROLLBACK
BEGIN ;; CREATE RECURSIVE VIEW app.mine7 (s) AS SELECT secret FROM app.people ;; SELECT s FROM app.mine7 ;; ROLLBACK
--@ pg>=13
BEGIN ;; CREATE VIEW app.mine8 AS SELECT * FROM app.v_deep ;; ALTER VIEW app.mine8 RENAME COLUMN c TO name ;; SELECT name FROM app.mine8 ;; ROLLBACK
--# value a view that is taken away, and what code finds by its name then
--! CREATE SCHEMA later
--! CREATE TABLE mine.recent_log (note text)
--! CREATE TABLE mine.recent_go (x int)
--! CREATE VIEW mine.recent AS SELECT name AS note FROM app.people
--! CREATE VIEW mine.also_recent AS SELECT name AS note FROM app.people
--! CREATE VIEW later.recent AS SELECT secret AS note FROM app.people
--! CREATE VIEW later.also_recent AS SELECT secret AS note FROM app.people
--! CREATE FUNCTION mine.log_recent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = mine, later AS $$ BEGIN INSERT INTO mine.recent_log SELECT note FROM recent; RETURN NEW; END $$
--! CREATE TRIGGER log_recent AFTER INSERT ON mine.recent_go FOR EACH ROW EXECUTE FUNCTION mine.log_recent()
--! ALTER VIEW mine.recent OWNER TO pgveil_agent
--! ALTER VIEW mine.also_recent OWNER TO pgveil_agent
--! GRANT ALL ON mine.recent_log, mine.recent_go TO pgveil_agent
BEGIN ;; DROP VIEW mine.recent ;; INSERT INTO mine.recent_go VALUES (1) ;; SELECT note FROM mine.recent_log ;; ROLLBACK
BEGIN ;; DROP VIEW mine.also_recent, mine.recent ;; INSERT INTO mine.recent_go VALUES (1) ;; SELECT note FROM mine.recent_log ;; ROLLBACK
BEGIN ;; DROP VIEW IF EXISTS mine.recent CASCADE ;; INSERT INTO mine.recent_go VALUES (1) ;; SELECT note FROM mine.recent_log ;; ROLLBACK
--# oracle views that ask
SELECT id FROM app.v_where
SELECT count(*) FROM app.v_where
SELECT parity FROM app.v_case
SELECT place, id FROM app.v_window
SELECT id FROM app.v_people WHERE loud = 'Wombatz1B!'
SELECT id FROM app.v_people ORDER BY loud
SELECT id FROM app.mv WHERE copy LIKE '%zz%'
SELECT a FROM app.v_deep WHERE c LIKE '%zz%'
SELECT id FROM app.v_barrier WHERE secret LIKE '%zz%'
SELECT team FROM app.v_agg WHERE top LIKE '%zz%'
UPDATE app.v_where SET name = name
