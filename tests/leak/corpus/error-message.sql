-- Values in the texts of errors, notices and their fields.

--# value errors that quote
SELECT ('{' || secret)::int[] FROM app.people
SELECT secret::point FROM app.people
SELECT secret::interval FROM app.people
SELECT secret::timestamptz FROM app.people
SELECT secret::numeric FROM app.people
SELECT secret::float8, secret::money FROM app.people
SELECT secret::jsonb FROM app.people
SELECT secret::regtype FROM app.people
SELECT secret::regrole FROM app.people
SELECT secret::regproc FROM app.people
SELECT secret::macaddr FROM app.people
SELECT secret::cidr FROM app.people
SELECT secret::pg_lsn FROM app.people
SELECT secret::tid FROM app.people
SELECT secret::int4range FROM app.people
SELECT secret::app.address FROM app.people
SELECT ('<' || secret)::xml FROM app.people
SELECT (secret || ' &')::tsquery FROM app.people
SELECT current_setting(secret) FROM app.people
SELECT current_setting('a.' || secret) FROM app.people
SELECT set_config(secret, 'x', true) FROM app.people
SELECT nextval(secret) FROM app.people
SELECT to_regclass(secret), secret::regclass FROM app.people
SELECT date_trunc(secret, now()) FROM app.people
SELECT date_part(secret, now()) FROM app.people
SELECT encode('x', secret) FROM app.people
SELECT convert_from('x', secret) FROM app.people
SELECT convert_to('x', secret) FROM app.people
SELECT pg_size_bytes(secret) FROM app.people
SELECT has_table_privilege(secret, 'select') FROM app.people
SELECT has_table_privilege('app.people', secret) FROM app.people
SELECT has_column_privilege('app.people', secret, 'select') FROM app.people
SELECT pg_get_serial_sequence('app.people', secret) FROM app.people
SELECT make_date(pin, 13, 1) FROM app.people
SELECT make_time(pin, 0, 0) FROM app.people
SELECT chr(visits) FROM app.people
SELECT setseed(pin) FROM app.people
SELECT lo_get(pin::oid) FROM app.people
SELECT pg_cancel_backend(visits) FROM app.people WHERE id = 1
SELECT pg_terminate_backend(visits) FROM app.people WHERE id = 1
SELECT to_tsvector(secret::regconfig, 'x') FROM app.people
SELECT parse_ident(secret || '"') FROM app.people
SELECT enum_range(secret::app.mood) FROM app.people
SELECT pg_stat_file(secret) FROM app.people
SELECT pg_read_file(secret) FROM app.people
SELECT pg_ls_dir(secret) FROM app.people
SELECT ext.digest('x', secret) FROM app.people
SELECT * FROM app.people WHERE secret::int = 1
SELECT id FROM app.people WHERE born = secret::date
SELECT id FROM app.people ORDER BY secret::int
SELECT id FROM app.people GROUP BY id HAVING max(secret)::int > 0
SELECT name FROM app.people LIMIT (SELECT secret::int FROM app.people LIMIT 1)
SELECT * FROM generate_series(1, (SELECT max(secret)::int FROM app.people))
SELECT CASE WHEN id = 1 THEN secret::int ELSE 0 END FROM app.people
SELECT (SELECT max(secret) FROM app.people)::int
SELECT count(secret::int) FROM app.people
SELECT name FROM app.people p JOIN app.orders o ON p.secret::int = o.id
UPDATE app.people SET id = NULL
UPDATE app.people SET lim = 999999999
UPDATE app.people SET lim = 999999999 WHERE id = 1
UPDATE app.people SET id = secret::int
INSERT INTO app.people (id, name) VALUES (NULL, (SELECT max(secret) FROM app.people))
INSERT INTO app.orders (id, person) SELECT visits, visits FROM app.people WHERE id = 1
INSERT INTO app.events_a SELECT 50, secret FROM app.people
INSERT INTO app.events SELECT -visits, secret FROM app.people
INSERT INTO app.guess (ssn) SELECT secret FROM app.people
UPDATE app.v_write SET id = id, name = NULL WHERE id = 1 RETURNING secret
INSERT INTO public.box (n) SELECT secret::numeric FROM app.people
INSERT INTO public.box (j) SELECT secret::jsonb FROM app.people
INSERT INTO app.people (id, secret, grp) SELECT 100 + id, secret, grp FROM app.people
INSERT INTO app.team (id) SELECT pin FROM app.people UNION ALL SELECT pin FROM app.people
UPDATE app.people SET email = repeat(secret, 20) || secret::int
WITH u AS (UPDATE app.people SET lim = 999999999 RETURNING 1) SELECT 1
SELECT app.fail(secret), 1 FROM app.people
SELECT app.mine_or_not(1), app.say(secret) FROM app.people WHERE id = 3
BEGIN ;; SET CONSTRAINTS ALL DEFERRED ;; UPDATE app.people SET lim = 999999999 ;; ROLLBACK
--@ pg>=16
SELECT (pg_input_error_info(secret, 'integer')).message FROM app.people
--# oracle errors that come or not
SELECT 1 / (pin - 480101) FROM app.people WHERE id = 1
SELECT substring('x' FROM 1 FOR pin - 480150) FROM app.people WHERE id = 1
SELECT sqrt(pin - 480150) FROM app.people WHERE id = 1
SELECT ln(480150 - pin), power(480150.5 - pin, 0.5) FROM app.people WHERE id = 1
SELECT int2(pin - 447400) FROM app.people WHERE id = 1
SELECT pin * 4472 FROM app.people WHERE id = 1
SELECT repeat('x', CASE WHEN secret = 'Wombatz1B' THEN 2000000000 ELSE 1 END) FROM app.people WHERE id = 1
SELECT name FROM app.people WHERE secret = 'Wombatz1B' AND 1 / (id - id) = 0
SELECT (SELECT id FROM app.people WHERE secret = 'Wombatz1B')
SELECT split_part('a', 'b', pin % 2) FROM app.people WHERE id = 1
SELECT app.mine_or_not(1)
SELECT app.known('Wombatz1B')
SELECT id FROM app.shy
EXPLAIN ANALYZE SELECT 1 / (pin - 480101) FROM app.people
PREPARE a AS SELECT 1 / (pin - 480101) FROM app.people WHERE id = 1 ;; EXECUTE a
SELECT 'Wombatz1B'::app.known_secret
SELECT now() AT TIME ZONE secret FROM app.people
SELECT CASE WHEN secret = 'Wombatz1B' THEN 1 / (id - id) ELSE 0 END FROM app.people
SELECT name FROM app.people WHERE id IN (2, 4) AND CASE WHEN secret LIKE '%zz%' THEN 1 / (id - id) = 1 ELSE true END

-- An unknown name is told in the server's words, by a Parse: input functions of literals run there, and those of domains
-- inside an array, a row or a range run their CHECK.
--! CREATE FUNCTION app.spoken(text) RETURNS bool LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE undefined_column USING MESSAGE = (SELECT 'column "' || secret || '" does not exist' FROM app.people WHERE id = 1); END $$
--! CREATE DOMAIN app.spoken_text AS text CHECK (app.spoken(VALUE))
--! CREATE TYPE app.spoken_pair AS (id int, v app.spoken_text)
--! CREATE TABLE app.spoken_in (id int, many app.spoken_text[], pair app.spoken_pair)
--! CREATE FUNCTION app.spoken_to(app.spoken_text[]) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'
--! CREATE FUNCTION app.spoken_of(app.team) RETURNS app.spoken_text[] LANGUAGE sql IMMUTABLE AS 'SELECT NULL::app.spoken_text[]'
--# value literals that run code while names are looked for
SELECT '{x}'::app.spoken_text[], nosuch FROM app.orders
SELECT '(1,x)'::app.spoken_pair, nosuch FROM app.orders
SELECT app.spoken_to('{x}'), nosuch FROM app.orders
SELECT id FROM app.spoken_in WHERE many = '{x}' AND nosuch
SELECT CASE WHEN true THEN pair ELSE '(1,x)' END, nosuch FROM app.spoken_in
SELECT COALESCE(s, '(1,{x},)'), nosuch FROM app.spoken_in s
SELECT nosuch FROM (SELECT many FROM app.spoken_in UNION ALL SELECT '{x}') q
SELECT many || '{x}', nosuch FROM app.spoken_in
SET search_path = app ;; SELECT id FROM team t WHERE t.spoken_of = '{x}' AND nosuch
INSERT INTO app.spoken_in (many) VALUES ('{x}') RETURNING nosuch
EXPLAIN SELECT '{x}'::app.spoken_text[], nosuch
SELECT 1 FROM app.orders; SELECT '{x}'::app.spoken_text[], nosuch
SELECT ARRAY['x']::text[], '{x}'::"app".spoken_text[] AS "ü", nosuch
>P - SELECT '{x}'::app.spoken_text[], nosuch ;; >S
--# oracle literals that ask while names are looked for
SELECT '{Wombatz1B}'::app.known_secret[], nosuch FROM app.orders
SELECT nosuch FROM (SELECT '{Wombatz1B}'::app.known_secret[]) q
EXPLAIN SELECT '{Wombatz1B}'::app.known_secret[], nosuch
>P - SELECT '{Wombatz1B}'::app.known_secret[], nosuch ;; >S
--# value literals that run code beside names that are known
SELECT app.spoken_to('{x}')
SELECT * FROM app.spoken_to('{x}')
SELECT many[1:1] = '{x}' FROM app.spoken_in
SELECT (s).many = '{x}' FROM app.spoken_in s
SELECT array_cat(many, '{x}') FROM app.spoken_in
SELECT lag(many, 1, '{x}') OVER () FROM app.spoken_in
