-- Functions, operators, aggregates, casts and procedures that read by themselves.

--# value functions of users
SELECT app.ssn_of(1)
SELECT app.ssn_plain(1)
SELECT app.secret_definer(1)
SELECT * FROM app.ssn_of(1)
SELECT app.everybody()
SELECT * FROM app.everybody()
SELECT (app.everybody()).secret
SELECT e.secret FROM app.everybody() e
SELECT secret(e) FROM app.everybody() e
SELECT app.pairs()
SELECT b FROM app.pairs()
SELECT * FROM app.pairs() AS x (q, w)
SELECT app.outs()
SELECT (app.outs()).a
SELECT * FROM app.outs()
SELECT * FROM app.records() AS r (i int, s text)
SELECT app.total(p) FROM app.people p
SELECT app.ident(secret) FROM app.people
SELECT app.glue(secret) FROM app.people
SELECT app.glue(ssn ORDER BY id) FROM app.people
SELECT 1 OPERATOR(app.|?) 1
SELECT app.peek_left(1, 1)
SELECT app.run('SELECT max(secret) FROM app.people')
SELECT app.say(secret) FROM app.people
SELECT app.fail(secret) FROM app.people
SELECT id FROM app.people WHERE app.say(secret)
SELECT id FROM app.people WHERE app.fail(secret)
SELECT (2::app.address).street
SELECT app.to_place(1)
SELECT app.lookup('mandrill11')
SELECT l.* FROM app.people p, LATERAL app.ssn_of(p.id) l
SELECT * FROM ROWS FROM (app.ssn_of(1), app.pairs()) AS x
SELECT (SELECT app.ssn_of(1))
SELECT COALESCE(app.ssn_of(1), '')
SELECT concat(app.ssn_of(id)) FROM app.team
SELECT name FROM app.team WHERE app.ssn_of(id) IS NOT NULL UNION ALL SELECT app.ssn_of(1)
SELECT array_agg(app.ssn_of(id)) FROM app.team
CALL app.tell('x')
CALL app.shout()
INSERT INTO app.ruled VALUES (1, 'x')
INSERT INTO app.defaulted (id) VALUES (1) RETURNING v
INSERT INTO app.defaulted VALUES (1, DEFAULT) RETURNING *
--@ pg>=14
SELECT app.std_body(1)
--@ pg>=14
SELECT * FROM app.std_atomic()
--@ pg>=14
CALL app.std_out(NULL)
SET search_path = app ;; SELECT ssn_of(1)
SET search_path = app ;; SELECT 1 |? 1
SET search_path = app ;; SELECT p.total FROM people p
--# value functions made by the agent
BEGIN ;; CREATE FUNCTION app.f1() RETURNS text LANGUAGE sql AS 'SELECT max(secret) FROM app.people' ;; SELECT app.f1() ;; ROLLBACK
BEGIN ;; CREATE FUNCTION pg_temp.f2() RETURNS SETOF app.people LANGUAGE sql AS 'TABLE app.people' ;; SELECT (pg_temp.f2()).secret ;; ROLLBACK
BEGIN ;; CREATE FUNCTION pg_temp.f3(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'x' || $1; END $$ ;; SELECT pg_temp.f3(secret) FROM app.people ;; ROLLBACK
BEGIN ;; CREATE OR REPLACE FUNCTION public.upper(app.people) RETURNS text LANGUAGE sql AS 'SELECT $1.secret' ;; SELECT public.upper(p) FROM app.people p ;; ROLLBACK
BEGIN ;; CREATE FUNCTION public.lower(int) RETURNS text LANGUAGE sql AS 'SELECT secret FROM app.people WHERE id = $1' ;; SELECT lower(1) ;; ROLLBACK
BEGIN ;; CREATE FUNCTION public.nickname(app.people) RETURNS text LANGUAGE sql AS 'SELECT $1.secret' ;; SELECT p.nickname FROM app.people p ;; ROLLBACK
BEGIN ;; CREATE AGGREGATE public.collect (text) (SFUNC = textcat, STYPE = text, INITCOND = '') ;; SELECT public.collect(secret) FROM app.people ;; ROLLBACK
BEGIN ;; CREATE OPERATOR public.### (LEFTARG = text, RIGHTARG = text, FUNCTION = textcat) ;; SELECT secret ### 'x' FROM app.people ;; ROLLBACK
BEGIN ;; CREATE PROCEDURE public.p1() LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '%', (SELECT max(secret) FROM app.people); END $$ ;; CALL public.p1() ;; ROLLBACK
BEGIN ;; CREATE FUNCTION public.tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '%', NEW.secret; RETURN NEW; END $$ ;; CREATE TRIGGER t BEFORE UPDATE ON mine.cust FOR EACH ROW EXECUTE FUNCTION public.tf() ;; UPDATE mine.cust SET name = name ;; ROLLBACK
BEGIN ;; CREATE DOMAIN public.d1 AS text CHECK (app.say(VALUE)) ;; SELECT secret::public.d1 FROM app.people ;; ROLLBACK
BEGIN ;; CREATE DOMAIN public.d2 AS text ;; SELECT secret::public.d2 FROM app.people ;; ROLLBACK
BEGIN ;; CREATE TYPE public.t1 AS (a text) ;; SELECT (ROW(secret)::public.t1).a FROM app.people ;; ROLLBACK
BEGIN ;; CREATE TYPE public.t2 AS RANGE (SUBTYPE = text) ;; SELECT lower(public.t2(secret, NULL)) FROM app.people ;; ROLLBACK
BEGIN ;; CREATE FUNCTION public.cover(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% %', $1, $2; RETURN false; END $$ ;; CREATE OPERATOR public.<<>> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.cover) ;; SELECT name FROM app.people WHERE secret <<>> 'x' ;; ROLLBACK
BEGIN ;; CREATE FUNCTION pg_temp.v(VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT $1[1]' ;; SELECT pg_temp.v(secret) FROM app.people ;; ROLLBACK
BEGIN ;; CREATE FUNCTION pg_temp.d(a text DEFAULT (SELECT 'x'), b text DEFAULT '') RETURNS text LANGUAGE sql AS 'SELECT 1' ;; ROLLBACK ;; BEGIN ;; CREATE FUNCTION pg_temp.d(a text DEFAULT app.secret_definer(1)) RETURNS text LANGUAGE sql AS 'SELECT a' ;; SELECT pg_temp.d() ;; ROLLBACK
