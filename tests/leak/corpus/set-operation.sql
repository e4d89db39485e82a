-- A column of a set operation shows what any arm shows.

--# value arms
SELECT name FROM app.people UNION ALL SELECT secret FROM app.people
SELECT name FROM app.people UNION SELECT secret FROM app.people
SELECT secret FROM app.people EXCEPT SELECT name FROM app.people
SELECT secret FROM app.people EXCEPT ALL SELECT NULL
SELECT secret FROM app.people INTERSECT SELECT secret FROM app.people
SELECT 'x' UNION ALL (SELECT secret FROM app.people LIMIT 2)
(SELECT 'x') UNION ALL (SELECT 'y' UNION ALL SELECT secret FROM app.people)
SELECT id, name FROM app.people UNION ALL SELECT id, secret FROM app.people ORDER BY 1
SELECT name, secret FROM app.people UNION ALL SELECT secret, name FROM app.people
VALUES ('x'), ('y') UNION ALL SELECT secret FROM app.people
SELECT name FROM app.people UNION ALL VALUES ((SELECT max(secret) FROM app.people))
TABLE app.one UNION ALL TABLE app.one
SELECT * FROM (SELECT name FROM app.people UNION ALL SELECT secret FROM app.people) x
WITH x AS (SELECT name FROM app.team UNION ALL SELECT secret FROM app.people) SELECT * FROM x
SELECT NULL UNION ALL SELECT secret FROM app.people
SELECT 1 AS n, NULL UNION ALL SELECT pin, NULL FROM app.people
SELECT NULL::app.people UNION ALL SELECT p FROM app.people p WHERE id < 2
SELECT (x).secret FROM (SELECT NULL::app.people AS x UNION ALL SELECT p FROM app.people p) y
SELECT 1.5 UNION ALL SELECT pin FROM app.people
--# oracle arms that compare
SELECT 'Wombatz1B' INTERSECT SELECT secret FROM app.people
SELECT 'Wombatz1B' EXCEPT SELECT secret FROM app.people
SELECT count(*) FROM (SELECT secret FROM app.people UNION SELECT 'Wombatz1B') x
SELECT id, 1 FROM app.people EXCEPT SELECT id, pin % 2 FROM app.people
SELECT id FROM app.people EXCEPT SELECT id FROM app.people WHERE secret LIKE '%zz%'
