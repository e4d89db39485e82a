-- What a name means is found out as the server does it.

--# value names that could be several things
SELECT q.secret FROM other.people p RIGHT JOIN app.people q USING (id)
SELECT "secret" FROM app."people"
SELECT same FROM app.same
SELECT same.same FROM app.same
SELECT same.* FROM app.same
SELECT same::text FROM app.same
SELECT one FROM app.one
SELECT one::text FROM app.one
SELECT v FROM app.one
SELECT one.v FROM app.one
SELECT x FROM app.one AS x
SELECT x FROM app.one AS x (x)
SELECT (SELECT secret) FROM app.people
SELECT (SELECT p.secret FROM app.team t WHERE t.id = 1) FROM app.people p
SELECT (SELECT secret FROM app.team WHERE app.team.id = app.people.team) FROM app.people
SELECT id, (SELECT secret FROM (SELECT 1 AS zzz) AS s) FROM app.people
SELECT (SELECT s.secret FROM app.people s WHERE s.id = o.person) FROM app.orders o
SELECT item, secret FROM app.orders JOIN app.people ON people.id = person ORDER BY orders.id
SELECT secret FROM app.orders, app.people
WITH people AS (SELECT 1 AS id), q AS (SELECT secret FROM app.people) SELECT * FROM q
WITH a AS (WITH b AS (SELECT secret FROM app.people) SELECT * FROM b) SELECT * FROM a
WITH people AS (SELECT secret FROM app.people) SELECT * FROM people, (WITH people AS (SELECT 2 AS x) SELECT * FROM people) y
WITH secret AS (SELECT p FROM app.people p) SELECT secret.p FROM secret
SELECT name(p) FROM (SELECT secret AS name FROM app.people) p
SELECT secret(p) FROM app.people p
SELECT secret(people) FROM app.people
SELECT app.total(p) FROM app.people p
SET search_path = app ;; SELECT p.total FROM people p
SET search_path = app ;; SELECT (p).total, total(p) FROM people p
SELECT text(p.secret) FROM app.people p
SELECT "left"(secret, 20) FROM app.people
SELECT upper FROM (SELECT secret AS upper FROM app.people) x
SELECT t.count FROM (SELECT secret AS count FROM app.people) t
SELECT t.secret FROM ONLY app.people t
SELECT t.secret FROM app.people * t
SELECT p.secret FROM app.people p, app.people q WHERE p.id = q.id
SELECT secret FROM app.people WHERE EXISTS (SELECT secret)
SELECT secret FROM app.people p WHERE id IN (SELECT id FROM app.people)
SELECT (WITH x AS (SELECT p.secret) SELECT * FROM x) FROM app.people p
SELECT "SSN", "ünï" FROM "Odd Schema"."Pätient"
SELECT "a""b", "select" FROM "Odd Schema"."Pätient"
SELECT U&"\0053SN" FROM U&"Odd Schema".U&"P\00e4tient"
SELECT U&"!0053SN" UESCAPE '!' FROM "Odd Schema"."Pätient"
SELECT "Pätient" FROM "Odd Schema"."Pätient"
SELECT "Pätient".* FROM "Odd Schema"."Pätient"
SELECT x."select" FROM "Odd Schema"."Pätient" x
--# value what search_path makes of a name
SET search_path = app ;; SELECT secret FROM people
SET search_path = app, public ;; SELECT people FROM people
SELECT set_config('search_path', 'app', false) ;; SELECT secret FROM people
SELECT set_config('search_path', 'other,app', false) ;; SELECT 1 FROM people ;; SELECT set_config('search_path', 'app,other', false) ;; SELECT secret FROM people
BEGIN ;; SET search_path = other ;; SAVEPOINT a ;; SET search_path = app ;; SELECT secret FROM people ;; ROLLBACK TO a ;; SELECT secret FROM people ;; ROLLBACK
BEGIN ;; SET LOCAL search_path = app ;; SELECT secret FROM people ;; COMMIT
SET search_path = other ;; PREPARE q AS SELECT secret FROM people ;; SET search_path = app ;; EXECUTE q
SET search_path = other ;; BEGIN ;; SET search_path = app ;; SELECT 1/0 ;; ROLLBACK ;; SET search_path = app ;; SELECT secret FROM people
--@ startup:search_path=app
SELECT secret FROM people
--@ startup:options=-csearch_path=app
SELECT secret FROM people
--@ startup:options=-c\_search_path=other,app
SELECT ssn_of(1)
CREATE SCHEMA pgveil_agent ;; CREATE VIEW pgveil_agent.people AS SELECT * FROM app.people ;; SELECT secret FROM people ;; DROP SCHEMA pgveil_agent CASCADE
CREATE TEMP TABLE people (id int, secret text) ;; INSERT INTO people SELECT id, secret FROM app.people ;; SELECT secret FROM people
CREATE TEMP VIEW team AS SELECT id, secret AS name FROM app.people ;; SELECT name FROM team
CREATE TEMP TABLE box AS SELECT secret AS line FROM app.people ;; SELECT line FROM box
SET search_path = app ;; DISCARD ALL ;; SET search_path = app ;; SELECT secret FROM people
>Q SET search_path = app ;; >Q SELECT secret FROM people
>P a SET search_path = app ;; >B - a t ;; >E - ;; >P - SELECT secret FROM people ;; >B - - t ;; >E -
>Q BEGIN; SET search_path = other; SET search_path = app; SELECT secret FROM people
