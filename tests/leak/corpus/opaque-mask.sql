-- Under opaque.default: mask (policy-opaque.yaml): code that nobody follows runs where it is declared STABLE, and what it gives is NULL.
-- Keyed masks: what they show differs where the values do, so that only values are looked for; what could be one by chance is not shown.

--# asked code that runs and gives nothing
--@ agent3
SELECT app.ssn_plain(1)
--@ agent3
SELECT app.ssn_plain(1) || 'x', length(app.ssn_plain(1))
--@ agent3
SELECT app.folded(1)
--@ agent3
SELECT id, app.folded(id) AS f FROM app.team
--@ agent3
SELECT (SELECT app.ssn_plain(id) FROM app.team ORDER BY id LIMIT 1)
--@ agent3
WITH x AS (SELECT app.folded(2) AS f) SELECT f, x FROM x
--@ agent3
SELECT x FROM (SELECT app.folded(2) AS f) x
--@ agent3
SELECT ROW(app.folded(1)), ARRAY[app.folded(2)], to_jsonb(app.folded(3))
--@ agent3
SELECT CASE WHEN app.folded(1) > 'A' THEN app.folded(2) ELSE name END FROM app.team
--@ agent3
SELECT * FROM app.ssn_plain(2)
--@ agent3
SELECT f || '' FROM app.folded(2) f
--@ agent3
SELECT app.run('SELECT max(secret) FROM app.people')
--@ agent3
EXPLAIN (VERBOSE) SELECT app.folded(1)
--@ agent3
BEGIN ;; INSERT INTO public.box (line) SELECT app.folded(1) RETURNING line ;; ROLLBACK
--@ agent3
BEGIN ;; UPDATE app.team SET name = app.folded(id) ;; SELECT name FROM app.team ;; ROLLBACK
--@ agent3
BEGIN ;; CREATE TEMP TABLE got AS SELECT app.folded(1) AS f ;; SELECT f FROM got ;; ROLLBACK
--@ agent3
BEGIN ;; CREATE TEMP VIEW got AS SELECT app.folded(1) AS f ;; SELECT f FROM got ;; ROLLBACK
--@ agent3
COPY (SELECT app.folded(1)) TO STDOUT
--@ agent3
BEGIN ;; DECLARE c CURSOR FOR SELECT app.folded(1) ;; FETCH ALL c ;; ROLLBACK
--@ agent3
PREPARE p AS SELECT app.folded($1) ;; EXECUTE p (1)
--@ agent3
PREPARE p (text) AS SELECT $1 ;; EXECUTE p (app.folded(1))
--@ agent3
>F app.folded(integer) 1
--@ agent3
>P - SELECT app.folded($1) ;; >B - - b 1 ;; >E - ;; >S
--@ agent3
SELECT set_config('my.x', app.folded(1), false) ;; SHOW my.x
--@ agent3
SELECT app.glue(name) || app.folded(1) FROM app.team
--@ agent3
CALL app.tell('x')
--@ agent3
DO $$ BEGIN RAISE NOTICE '%', (SELECT max(secret) FROM app.people); END $$
--@ agent3
SELECT current_setting(app.folded(1))
--@ agent3
SELECT app.folded(1)::int
--@ agent3
SELECT query_to_xml('SELECT ' || quote_literal(app.folded(1)), true, true, '')
--@ agent3
SELECT v FROM app.v_people v
--@ agent3
SELECT coalesce(app.folded(1), name), nullif(app.folded(1), 'x') FROM app.team
--@ agent3
SELECT name FROM app.team UNION SELECT app.folded(1)
--@ agent3
SELECT name FROM app.team UNION ALL SELECT app.folded(1)
--# asked keyed masks
--@ agent3
SELECT phone FROM app.people
--@ agent3
COPY app.people (id, phone) TO STDOUT
--@ agent3
BEGIN ;; UPDATE app.people SET name = name RETURNING phone ;; ROLLBACK
--@ agent3
SELECT card || '' FROM app.people
--@ agent3
SELECT visits + 0, -big, big::text FROM app.people
--@ agent3
SELECT avg(visits), sum(big), max(card) FROM app.people
--@ agent3
SELECT born + 0, age(born), to_char(born, 'YYYY-MM-DD') FROM app.people
--@ agent3
SELECT p.id, q.born FROM app.people p JOIN app.people q USING (id)
--@ agent3
SELECT 1 AS id, born FROM app.people
--@ agent3
SELECT id - id + 1 AS id, born FROM app.people
--@ agent3
SELECT born, id FROM (SELECT id, born FROM app.people) x
--@ agent3
SELECT id, born FROM app.people UNION ALL SELECT 1, born FROM app.people
--@ agent3
COPY (SELECT born, phone FROM app.people) TO STDOUT (FORMAT binary)
--@ agent3
SELECT array_agg(card), jsonb_agg(visits), array_agg(born) FROM app.people
--@ agent3
SELECT p FROM app.people p
--@ agent3
SELECT card::bytea, right(card, 4), reverse(phone) FROM app.people
