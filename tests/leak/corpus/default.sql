-- Defaults of columns and domains that call what reads masked columns: the write puts the value where nothing masks it.

--! CREATE TABLE app.fill (id int, v text DEFAULT app.secret_definer(1), w int DEFAULT 1); GRANT ALL ON app.fill TO pgveil_agent
--! CREATE TABLE app.fill_code (id int, v text DEFAULT app.ssn_plain(1)); GRANT ALL ON app.fill_code TO pgveil_agent
--! CREATE FUNCTION app.deeper(int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN app.ssn_plain($1); END $$
--! CREATE FUNCTION app.deepest(int) RETURNS text LANGUAGE sql AS 'SELECT app.deeper($1)'
--! CREATE TABLE app.fill_deep (id int, v text DEFAULT app.deepest(1)); GRANT ALL ON app.fill_deep TO pgveil_agent
--! CREATE DOMAIN app.filled AS text DEFAULT app.secret_definer(1)
--! CREATE TABLE app.fill_domain (id int, v app.filled); GRANT ALL ON app.fill_domain TO pgveil_agent
--! CREATE FUNCTION app.fill_it() RETURNS void LANGUAGE sql AS 'INSERT INTO app.fill (id) VALUES (5)'
--! CREATE TABLE app.fill_top (id int, v text DEFAULT app.secret_definer(1)) PARTITION BY LIST (id); GRANT ALL ON app.fill_top TO pgveil_agent; ALTER TABLE app.fill_top OWNER TO pgveil_agent
--! CREATE TABLE app.fill_base (id int, v text DEFAULT app.secret_definer(1)); ALTER TABLE app.fill_base OWNER TO pgveil_agent
--! CREATE TYPE app.fill_type AS (id int, v text); ALTER TYPE app.fill_type OWNER TO pgveil_agent
--! CREATE TABLE app.fill_typed OF app.fill_type (v DEFAULT app.secret_definer(1)); GRANT ALL ON app.fill_typed TO pgveil_agent
--! CREATE FUNCTION app.opened(int, int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT secret FROM app.people WHERE id = $1'
--! CREATE OPERATOR app.@#@ (LEFTARG = int, RIGHTARG = int, FUNCTION = app.opened)
--! CREATE TABLE app.fill_op (id int, v text DEFAULT (1 OPERATOR(app.@#@) 2)); GRANT ALL ON app.fill_op TO pgveil_agent
--! CREATE TABLE app.made_op (id int, v text GENERATED ALWAYS AS (id OPERATOR(app.@#@) 2) STORED); GRANT ALL ON app.made_op TO pgveil_agent; INSERT INTO app.made_op (id) VALUES (1)

--# value a default or a generated column that reads by an operator
BEGIN ;; INSERT INTO app.fill_op (id) VALUES (1) ;; SELECT v FROM app.fill_op ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill_op VALUES (1, DEFAULT) ;; SELECT v FROM app.fill_op ;; ROLLBACK
SELECT v FROM app.made_op
SELECT m FROM app.made_op m
BEGIN ;; INSERT INTO app.made_op (id) VALUES (2) ;; SELECT v FROM app.made_op WHERE id = 2 ;; ROLLBACK

--# value a default that takes effect
BEGIN ;; INSERT INTO app.fill (id) VALUES (77) ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill DEFAULT VALUES ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill VALUES (77, DEFAULT) ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill VALUES (77, 'x'), (78, DEFAULT) ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill VALUES (77) ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill SELECT 77 ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill (w, id) SELECT 77, 77 ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill VALUES (77, 'x') ;; UPDATE app.fill SET v = DEFAULT ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill VALUES (77, 'x') ;; UPDATE app.fill SET (w, v) = (1, DEFAULT) ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill VALUES (77, 'x') ;; UPDATE app.fill SET (w, v) = ROW (1, DEFAULT) ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; WITH n AS (INSERT INTO app.fill (id) VALUES (77)) SELECT 1 ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; COPY app.fill (id) FROM STDIN <<< 77\n ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; SELECT app.fill_it() ;; SELECT v FROM app.fill ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill_domain (id) VALUES (77) ;; SELECT v FROM app.fill_domain ;; ROLLBACK
BEGIN ;; UPDATE app.fill_domain SET v = DEFAULT ;; INSERT INTO app.fill_domain VALUES (1, DEFAULT) ;; SELECT v FROM app.fill_domain ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill_typed (id) VALUES (77) ;; SELECT v FROM app.fill_typed ;; ROLLBACK
BEGIN ;; PREPARE ins AS INSERT INTO app.fill (id) VALUES ($1) ;; EXECUTE ins(77) ;; SELECT v FROM app.fill ;; DEALLOCATE ins ;; ROLLBACK
--@ pg>=15
BEGIN ;; MERGE INTO app.fill f USING (VALUES (77)) s(id) ON f.id = s.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES ;; SELECT v FROM app.fill ;; ROLLBACK
--@ pg>=15
BEGIN ;; MERGE INTO app.fill f USING (VALUES (77)) s(id) ON f.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id) ;; SELECT v FROM app.fill ;; ROLLBACK
--@ pg>=15
BEGIN ;; MERGE INTO app.fill f USING (VALUES (77)) s(id) ON f.id = s.id WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, DEFAULT) ;; SELECT v FROM app.fill ;; ROLLBACK
--@ pg>=16
BEGIN ;; COPY app.fill FROM STDIN (DEFAULT 'dd') <<< 77\tdd\t1\n ;; SELECT v FROM app.fill ;; ROLLBACK
--@ agent3
BEGIN ;; INSERT INTO app.fill (id) VALUES (77) ;; SELECT v FROM app.fill ;; ROLLBACK
--@ agent4
BEGIN ;; INSERT INTO app.fill (id) VALUES (77) ;; SELECT v FROM app.fill ;; ROLLBACK

--# value a default that the session's own table has from another
BEGIN ;; CREATE TABLE app.fill_p1 PARTITION OF app.fill_top DEFAULT ;; INSERT INTO app.fill_p1 (id) VALUES (1) ;; SELECT v FROM app.fill_p1 ;; ROLLBACK
BEGIN ;; CREATE TABLE app.fill_p1 PARTITION OF app.fill_top DEFAULT ;; INSERT INTO app.fill_top (id) VALUES (1) ;; SELECT v FROM app.fill_top ;; ROLLBACK
BEGIN ;; CREATE TABLE app.fill_i1 () INHERITS (app.fill_base) ;; INSERT INTO app.fill_i1 (id) VALUES (1) ;; SELECT v FROM app.fill_i1 ;; ROLLBACK
BEGIN ;; CREATE TABLE app.fill_t1 OF app.fill_type (v DEFAULT app.secret_definer(1)) ;; INSERT INTO app.fill_t1 (id) VALUES (1) ;; SELECT v FROM app.fill_t1 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE fill_t2 (LIKE app.fill INCLUDING DEFAULTS) ;; INSERT INTO fill_t2 (id) VALUES (1) ;; SELECT v FROM fill_t2 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE fill_t3 (id int, v app.filled) ;; INSERT INTO fill_t3 (id) VALUES (1) ;; SELECT v FROM fill_t3 ;; ROLLBACK

--# value code in a default that names the columns it reads
BEGIN ;; INSERT INTO app.fill_code (id) VALUES (77) ;; SELECT v FROM app.fill_code ;; ROLLBACK
BEGIN ;; INSERT INTO app.fill_deep (id) VALUES (77) ;; SELECT v FROM app.fill_deep ;; ROLLBACK
--@ agent3
BEGIN ;; INSERT INTO app.fill_code (id) VALUES (77) ;; SELECT v FROM app.fill_code ;; ROLLBACK
