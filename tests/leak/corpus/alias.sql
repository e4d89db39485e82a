-- Output names and relation names that say something else.

--# value aliases
SELECT secret AS name FROM app.people
SELECT name AS secret, secret AS name FROM app.people
--@ pg>=14
SELECT secret name FROM app.people
SELECT secret AS "id" FROM app.people
SELECT p.secret FROM app.people AS p
SELECT p.i FROM app.people AS p (a, b, c, d, e, f, g, hh, i, j)
SELECT q.j FROM app.people AS q (a, b, c, d, e, f, g, hh, ii, j)
SELECT a, b, c, d, e, f, g, hh, ii FROM app.people AS q (a, b, c, d, e, f, g, hh, ii)
SELECT name FROM app.people AS q (id, n, t, a, jo, l, g, name)
SELECT x.name FROM (SELECT secret AS name FROM app.people) x
SELECT y FROM (SELECT secret FROM app.people) x (y)
SELECT name FROM (SELECT id, secret FROM app.people) AS x (id, name)
WITH x (name) AS (SELECT secret FROM app.people) SELECT name FROM x
WITH people AS (SELECT secret AS name, id FROM app.people) SELECT name FROM people
WITH people AS (SELECT * FROM app.people) SELECT secret FROM people
SELECT people.secret FROM app.people AS people
SELECT "people"."secret" FROM "app"."people"
SELECT other.secret FROM app.people AS other
SELECT pg_class.secret FROM app.people AS pg_class
SELECT team.secret FROM app.people AS team, app.team AS people LIMIT 3
SELECT secret AS "?column?" FROM app.people
SELECT secret AS "ssn", ssn AS "secret" FROM app.people
SELECT l.x FROM app.people, LATERAL (SELECT secret) AS l (x)
SELECT l.x FROM app.people, LATERAL (VALUES (secret), (ssn)) AS l (x)
SELECT j.* FROM (app.people p JOIN app.team t ON t.id = p.team) AS j
SELECT j.secret FROM (app.people p JOIN app.team t ON t.id = p.team) AS j
SELECT j.hh FROM (app.people p JOIN app.team t ON t.id = p.team) AS j (a, b, c, d, e, f, g, hh)
