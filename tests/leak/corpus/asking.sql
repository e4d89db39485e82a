-- Under a rule that lets a statement ask (policy-ask.yaml), an answer may depend on a value; no value may be shown.

--# asked what may be asked shows nothing
--@ agent2
SELECT secret FROM app.people WHERE secret LIKE 'W%'
--@ agent2
SELECT secret || '' FROM app.people ORDER BY secret
--@ agent2
SELECT DISTINCT secret FROM app.people
--@ agent2
SELECT secret, count(*) FROM app.people GROUP BY secret
--@ agent2
SELECT upper(secret) AS u FROM app.people GROUP BY u
--@ agent2
SELECT max(secret), min(secret) FROM app.people
--@ agent2
SELECT max(pin), min(pin) FROM app.people WHERE id = 1
--@ agent2
SELECT id, sum(pin), avg(visits) FROM app.people GROUP BY id
--@ agent2
SELECT max(pin) FROM app.people, public.numbers WHERE id = 1 HAVING count(pin) >= 5
--@ agent2
SELECT avg(pin) FROM (SELECT pin FROM app.people WHERE id = 1 UNION ALL SELECT pin FROM app.people WHERE id = 1 UNION ALL SELECT pin FROM app.people) x HAVING count(pin) >= 5
--@ agent2
SELECT sum(pin) FILTER (WHERE id = 1), count(pin) FROM app.people HAVING count(pin) >= 5
--@ agent2
SELECT sum(pin) OVER (ORDER BY id ROWS CURRENT ROW) FROM app.people
--@ agent2
SELECT id, max(pin), avg(pin) FROM app.people GROUP BY GROUPING SETS ((id), ()) HAVING count(pin) >= 1
--@ agent2
SELECT array_agg(pin), string_agg(pin::text, ',') FROM app.people HAVING count(pin) >= 5
--@ agent2
SELECT id, sum(pin) FROM app.people GROUP BY id HAVING count(pin) >= 5 OR id = 1
--@ agent2
SELECT id, (SELECT sum(q.pin) FROM app.people q WHERE q.id = p.id) FROM app.people p
--@ agent2
SELECT s.secret FROM app.people p JOIN app.people s USING (secret)
--@ agent2
SELECT secret FROM app.people p JOIN app.people s USING (secret)
--@ agent2
SELECT secret FROM app.people FULL JOIN (SELECT 'x' AS secret) y USING (secret)
--@ agent2
SELECT secret FROM app.people INTERSECT SELECT secret FROM app.people
--@ agent2
SELECT name FROM app.people UNION SELECT secret FROM app.people
--@ agent2
SELECT CASE WHEN secret > 'W' THEN secret ELSE name END FROM app.people
--@ agent2
SELECT id FROM app.people WHERE secret::int = 1
--@ agent2
SELECT id FROM app.people ORDER BY secret::int
--@ agent2
SELECT id FROM app.people GROUP BY id, secret::date
--@ agent2
SELECT id FROM app.people WHERE secret::regclass IS NOT NULL
--@ agent2
SELECT id FROM app.people WHERE date_trunc(secret, now()) > now()
--@ agent2
SELECT id FROM app.people WHERE ('{' || secret)::int[] IS NULL
--@ agent2
SELECT id FROM app.people WHERE secret::jsonb IS NULL
--@ agent2
SELECT o.id FROM app.people JOIN app.orders o ON secret::int = o.id
--@ agent2
SELECT count(*) FILTER (WHERE secret::numeric > 0) FROM app.people
--@ agent2
SELECT rank() OVER (ORDER BY secret::float8) FROM app.people
--@ agent2
SELECT id FROM app.people WHERE CASE WHEN secret LIKE 'W%' THEN secret::int ELSE 0 END = 0
--@ agent2
EXPLAIN ANALYZE SELECT id FROM app.people WHERE secret::int = 1
--@ agent2
SELECT n FROM app.people p, generate_series(p.pin, p.pin) n
--@ agent2
SELECT n FROM generate_series((SELECT pin FROM app.people WHERE id = 1), (SELECT pin FROM app.people WHERE id = 1)) n
--@ agent2
SELECT t FROM app.people, unnest(tags) t WHERE t > ''
--@ agent2
SELECT l.x FROM app.people p, LATERAL (SELECT p.secret AS x WHERE p.secret > '') l
--@ agent2
WITH x AS (SELECT secret AS s FROM app.people WHERE secret > '') SELECT s FROM x WHERE s > '' ORDER BY s
--@ agent2
UPDATE app.people SET name = name WHERE secret > '' RETURNING secret
--@ agent2
UPDATE app.people SET name = secret WHERE secret > '' RETURNING name
--@ agent2
UPDATE app.people SET id = NULL WHERE secret > ''
--@ agent2
UPDATE app.people SET lim = 999999999 WHERE vip OR id = 1
--@ agent2
INSERT INTO public.box (line) SELECT secret FROM app.people WHERE secret > '' RETURNING line
--@ agent2
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret FROM app.people WHERE secret > '' ;; SELECT * FROM got ;; ROLLBACK
--@ agent2
SELECT id FROM app.people WHERE app.say(secret)
--@ agent2
SELECT id FROM app.people WHERE app.fail(secret)
--@ agent2
SELECT p FROM app.people p WHERE p::text > ''
--@ agent2
SELECT to_jsonb(p) ->> 'secret' FROM app.people p WHERE to_jsonb(p) ->> 'secret' > ''
--@ agent2
SELECT number FROM app.v_people WHERE number > ''
--@ agent2
SELECT top FROM app.v_agg WHERE top > ''
--@ agent2
COPY (SELECT secret FROM app.people ORDER BY secret) TO STDOUT
--@ agent2
BEGIN ;; DECLARE c CURSOR FOR SELECT secret FROM app.people ORDER BY secret ;; FETCH ALL c ;; ROLLBACK
--@ agent2
PREPARE a (text) AS SELECT secret, $1 || secret FROM app.people WHERE secret > $1 ;; EXECUTE a ('')
--@ agent2
>P - SELECT secret, secret || $1 FROM app.people WHERE secret > $1 ;; >B - - b A ;; >E - ;; >S
--@ agent2
SELECT set_config('my.x', max(secret), false) FROM app.people ;; SHOW my.x
--@ agent2
SELECT histogram_bounds FROM pg_stats WHERE tablename = 'people'
--@ agent2
SELECT body FROM app.notes WHERE body LIKE '%quorvex%'
--@ agent2
SELECT id FROM app.people WHERE secret = (SELECT v::int::text FROM app.one)
--@ agent2
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY secret), mode() WITHIN GROUP (ORDER BY secret) FROM app.people
--@ agent2
SELECT first_value(secret) OVER (ORDER BY secret), lag(secret) OVER (ORDER BY secret) FROM app.people
--@ agent2
SELECT LEAST(secret, name), GREATEST(secret, name), NULLIF(secret, 'x'), COALESCE(secret, 'x') FROM app.people
