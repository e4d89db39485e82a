-- Subqueries wherever one may stand.

--# value subqueries
SELECT (SELECT secret FROM app.people WHERE id = 1)
SELECT (SELECT max(secret) FROM app.people), 1
SELECT * FROM (SELECT * FROM app.people) x
SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT id, secret AS a FROM app.people) x) y) z
SELECT * FROM (TABLE app.people) x
SELECT x FROM (SELECT secret FROM app.people LIMIT 2) x
SELECT ARRAY(SELECT secret FROM app.people)
SELECT (ARRAY(SELECT secret FROM app.people))[2]
SELECT array_to_string(ARRAY(SELECT secret FROM app.people), ' ')
SELECT name, (SELECT secret FROM app.people q WHERE q.id = p.id) FROM app.people p
SELECT t.name, x.* FROM app.team t, LATERAL (SELECT secret FROM app.people p WHERE p.team = t.id LIMIT 1) x
SELECT t.name, x.* FROM app.team t LEFT JOIN LATERAL (SELECT secret FROM app.people p WHERE p.team = t.id LIMIT 1) x ON true
WITH x AS (SELECT secret FROM app.people) SELECT * FROM x
WITH x AS MATERIALIZED (SELECT secret FROM app.people) SELECT * FROM x
WITH x AS NOT MATERIALIZED (SELECT secret FROM app.people) SELECT * FROM x, x y LIMIT 3
WITH x AS (SELECT secret FROM app.people), y AS (SELECT secret AS z FROM x) SELECT z FROM y
WITH RECURSIVE r (n, s) AS (SELECT 1, secret FROM app.people WHERE id = 1 UNION ALL SELECT n + 1, s FROM r WHERE n < 3) SELECT * FROM r
WITH RECURSIVE r (n, s) AS (SELECT 1, 'x'::text UNION ALL SELECT n + 1, (SELECT secret FROM app.people WHERE id = n) FROM r WHERE n < 4) SELECT * FROM r
WITH RECURSIVE r (n, s) AS (SELECT 0, '' UNION ALL SELECT n + 1, s || p.secret FROM r JOIN app.people p ON p.id = n + 1) SELECT s FROM r
WITH RECURSIVE a (n, s, t) AS (SELECT 1, ''::text, secret FROM app.people WHERE id = 1 UNION ALL SELECT n + 1, t, s FROM a WHERE n < 3) SELECT s FROM a
WITH RECURSIVE a AS (SELECT secret FROM b), b AS (SELECT secret FROM app.people) SELECT * FROM a
SELECT (WITH x AS (SELECT max(secret) FROM app.people) SELECT * FROM x)
SELECT CASE WHEN true THEN (SELECT max(secret) FROM app.people) END
SELECT COALESCE((SELECT max(secret) FROM app.people), '')
SELECT ROW((SELECT max(secret) FROM app.people))
SELECT (SELECT ROW(secret, ssn) FROM app.people LIMIT 1)
SELECT (SELECT p FROM app.people p LIMIT 1)
SELECT ((SELECT p FROM app.people p LIMIT 1)).secret
VALUES ((SELECT max(secret) FROM app.people))
SELECT * FROM (VALUES (1, (SELECT max(secret) FROM app.people))) v (a, b)
SELECT concat((SELECT max(secret) FROM app.people))
SELECT u FROM unnest(ARRAY(SELECT secret FROM app.people)) u
SELECT * FROM unnest((SELECT array_agg(secret) FROM app.people))
SELECT * FROM ROWS FROM (unnest(ARRAY(SELECT secret FROM app.people)), generate_series(1, 3)) WITH ORDINALITY AS x (a, b, c)
SELECT * FROM regexp_split_to_table((SELECT string_agg(secret, ' ') FROM app.people), ' ') WITH ORDINALITY
--@ pg>=14
SELECT * FROM string_to_table('a', 'b') WHERE false UNION ALL SELECT max(secret) FROM app.people
SELECT * FROM app.people p TABLESAMPLE BERNOULLI (100)
SELECT secret FROM app.people TABLESAMPLE SYSTEM (100) REPEATABLE (1)
--@ pg>=13
SELECT secret FROM app.people ORDER BY id FETCH FIRST 2 ROWS WITH TIES
SELECT secret FROM app.people FOR UPDATE
SELECT secret FROM app.people p FOR SHARE OF p SKIP LOCKED
SELECT (SELECT secret FROM app.people OFFSET o.n LIMIT 1) FROM (VALUES (0), (1)) o (n)
--@ pg>=14
WITH RECURSIVE r (n, s) AS (SELECT 1, secret FROM app.people WHERE id = 1 UNION ALL SELECT n + 1, s FROM r WHERE n < 3) SEARCH DEPTH FIRST BY s SET o SELECT o FROM r
--@ pg>=14
WITH RECURSIVE r (n, s) AS (SELECT 1, secret FROM app.people UNION ALL SELECT n + 1, s FROM r WHERE n < 3) SEARCH BREADTH FIRST BY s SET o SELECT o FROM r
--@ pg>=14
WITH RECURSIVE r (n, s) AS (SELECT 1, secret FROM app.people UNION ALL SELECT n, s FROM r) CYCLE n, s SET c USING p SELECT p FROM r
--@ pg>=16
SELECT secret FROM (SELECT secret FROM app.people)
--# oracle subqueries that ask
SELECT name FROM app.team t WHERE EXISTS (SELECT FROM app.people p WHERE p.team = t.id AND p.secret = 'Wombatz1B')
SELECT EXISTS (SELECT FROM app.people WHERE secret = 'Wombatz1B')
SELECT 'Wombatz1B' IN (SELECT secret FROM app.people)
SELECT 'Wombatz1B' = ANY (SELECT secret FROM app.people), 480150 < ALL (SELECT pin FROM app.people)
SELECT 'Wombatz1B' = ANY (ARRAY(SELECT secret FROM app.people))
SELECT name FROM app.people WHERE (id, secret) IN (VALUES (1, 'Wombatz1B'))
SELECT name FROM app.people WHERE id = (SELECT id FROM app.people WHERE secret = 'Wombatz1B' LIMIT 1)
SELECT n FROM public.numbers WHERE n = (SELECT pin % 40 FROM app.people WHERE id = 2)
SELECT n FROM public.numbers ORDER BY n LIMIT (SELECT pin % 10 FROM app.people WHERE id = 1)
SELECT n FROM public.numbers ORDER BY n OFFSET (SELECT pin % 10 FROM app.people WHERE id = 1)
SELECT * FROM generate_series(1, (SELECT pin % 10 FROM app.people WHERE id = 1))
SELECT (SELECT name FROM app.team WHERE id = p.pin % 3 + 1) FROM app.people p
SELECT string_agg(c, '') FROM public.words WHERE ascii(c) = (SELECT ascii(substr(secret, 8)) FROM app.people WHERE id = 1)
SELECT 1 FROM app.people WHERE (SELECT count(*) FROM app.people WHERE secret LIKE '%zz%') > 0
SELECT NOT EXISTS (SELECT secret FROM app.people EXCEPT SELECT 'Wombatz' || n || x FROM public.numbers, (VALUES ('a'), ('B')) v (x))
SELECT 1 FROM app.team WHERE id = 1 AND 1 = (SELECT 1 FROM app.people WHERE pin < 480103)
WITH RECURSIVE b (lo, hi) AS (SELECT 0, 1000000 UNION ALL SELECT CASE WHEN (SELECT pin FROM app.people WHERE id = 1) > (lo + hi) / 2 THEN (lo + hi) / 2 ELSE lo END,
  CASE WHEN (SELECT pin FROM app.people WHERE id = 1) > (lo + hi) / 2 THEN hi ELSE (lo + hi) / 2 END FROM b WHERE hi - lo > 1) SELECT * FROM b
WITH RECURSIVE g (i, s) AS (SELECT 0, '' UNION ALL SELECT i + 1, s || (SELECT c FROM public.words WHERE c = substr((SELECT ssn FROM app.people WHERE id = 1), g.i + 1, 1) LIMIT 1) FROM g WHERE i < 8) SELECT s FROM g
