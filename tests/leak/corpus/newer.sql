-- What versions 16 to 18 have that those before them have not: functions, clauses, options, views and columns of the catalogue.
--! DO $$ BEGIN IF current_setting('server_version_num')::int >= 180000 THEN EXECUTE 'CREATE TABLE app.derived (id int PRIMARY KEY, v text, w text GENERATED ALWAYS AS (lower(v)) VIRTUAL, n int)'; ELSE EXECUTE 'CREATE TABLE app.derived (id int PRIMARY KEY, v text, w text GENERATED ALWAYS AS (lower(v)) STORED, n int)'; END IF; END $$
--! GRANT ALL ON app.derived TO pgveil_agent
--! INSERT INTO app.derived (id, v, n) SELECT id, secret, pin FROM app.people
--# value functions of 16
--@ pg>=16
SELECT array_sample(array_agg(secret), 2), array_shuffle(array_agg(pin)) FROM app.people
--@ pg>=16
SELECT (pg_input_error_info(secret, 'date')).*, e.* FROM app.people, pg_input_error_info(ssn, 'integer') e
--@ pg>=16
SELECT system_user || secret, date_add(seen, interval '1 day'), date_subtract(seen, interval '1 day', 'UTC') FROM app.people
--@ pg>=16
SELECT erf(ratio), erfc(ratio / 1000000), random_normal(0, 0) + ratio FROM app.people
--# value functions of 17
--@ pg>=17
SELECT random(pin, pin), random(big, big), random(balance, balance) FROM app.people
--@ pg>=17
SELECT xmltext(secret), regexp_replace(secret, 'x*$', '') FROM app.people
--@ pg>=17
SELECT uuid_extract_timestamp(dev), dev FROM app.people
--@ pg>=17
SELECT seen AT LOCAL, at::text, seen::timestamp AT LOCAL FROM app.people
--@ pg>=17
SELECT ARRAY[secret] || ssn, range_agg(period), multirange(period) FROM app.people GROUP BY secret, ssn, period, id
--@ pg>=17
SELECT x.* FROM app.people, JSON_TABLE(jsonb_build_object('a', secret), '$' PASSING ssn AS y COLUMNS (a text PATH '$.a', b text PATH '$y', NESTED PATH '$.*' COLUMNS (c text PATH '$'))) x
--@ pg>=17
SELECT JSON_QUERY(meta, '$' RETURNING text), JSON_VALUE(meta, '$.n' RETURNING int), JSON_EXISTS(meta, '$.k') FROM app.people
--@ pg>=17
SELECT JSON_QUERY(meta, '$x' PASSING secret AS x), JSON_VALUE('{}', '$x' PASSING pin AS x RETURNING int) FROM app.people
--@ pg>=17
SELECT JSON_SERIALIZE(JSON_OBJECT('a': secret) RETURNING bytea), JSON_SCALAR(pin), JSON(raw::text) FROM app.people
--@ pg>=17
MERGE INTO app.people p USING app.team t ON t.id = p.id WHEN MATCHED THEN UPDATE SET name = p.name WHEN NOT MATCHED BY SOURCE THEN UPDATE SET name = p.secret RETURNING merge_action(), p.name, p.ssn
--@ pg>=17
MERGE INTO public.box b USING app.people p ON b.id = p.id + 100 WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED BY TARGET THEN INSERT (line, n) VALUES (p.secret, p.pin) RETURNING b.line, p.secret, b.n
--@ pg>=17
WITH m AS (MERGE INTO app.people p USING app.team t ON t.id = p.id WHEN MATCHED THEN UPDATE SET name = p.name RETURNING p.*) SELECT secret, ssn FROM m
--@ pg>=17
COPY (MERGE INTO app.people p USING app.team t ON t.id = p.id WHEN MATCHED THEN UPDATE SET name = p.name RETURNING p.secret) TO STDOUT
--@ pg>=17
COPY app.people (id, secret) TO STDOUT (FORMAT csv, FORCE_QUOTE *)
--@ pg>=17
CREATE TEMP TABLE narrow (a int, b int) ;; COPY narrow FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY verbose) <<< 1\tx\n2\t3\n ;; INSERT INTO narrow SELECT 1, pin FROM app.people ;; SELECT b FROM narrow
--@ pg>=18
SELECT pg_get_acl('pg_class'::regclass, 'app.people'::regclass, 0), secret FROM app.people WHERE id < 0 UNION ALL SELECT NULL, secret FROM app.people
--@ pg>=17
EXPLAIN (ANALYZE, SERIALIZE TEXT, MEMORY, COSTS off) SELECT max(secret), app.folded(1) FROM app.people WHERE name = app.folded(1)
--@ pg>=17
SELECT pg_basetype('app.code'::regtype), nick FROM app.people
--@ pg>=17
SELECT unicode_assigned(secret), normalize(secret), icu_unicode_version(), secret FROM app.people
--# value functions of 18
--@ pg>=18
SELECT array_sort(tags), array_reverse(tags), array_sort(nums, true) FROM app.people
--@ pg>=18
SELECT casefold(secret), reverse(blob), crc32(blob), crc32c(secret::bytea) FROM app.people
--@ pg>=18
SELECT gamma(ratio / 100000), lgamma(ratio), balance::text FROM app.people
--@ pg>=18
SELECT pin::bytea, big::bytea, small::bytea, blob::int8 FROM app.people WHERE id < 0 UNION ALL SELECT pin::bytea, big::bytea, small::bytea, 0 FROM app.people
--@ pg>=18
SELECT json_strip_nulls(raw, true), jsonb_strip_nulls(meta, true) FROM app.people
--@ pg>=18
SELECT max(tags), min(nums), max(home), max(blob), min(spot) FROM app.people
--@ pg>=18
SELECT uuidv7() IS NULL, uuid_extract_timestamp(dev), uuidv4() IS NULL, dev::text FROM app.people
--@ pg>=18
SELECT regexp_replace(secret, pattern => 'q', replacement => ''), regexp_substr(string => secret, pattern => '.*'), to_number(secret || 'IV', 'RN') IS NULL FROM app.people WHERE id < 0 UNION ALL SELECT regexp_replace(secret, pattern => 'q', replacement => ''), NULL, NULL FROM app.people
--@ pg>=18
SELECT string_to_table(secret, NULL), EXTRACT(week FROM span), EXTRACT(epoch FROM span) FROM app.people
--@ pg>=18
UPDATE app.people SET name = name WHERE id = 1 RETURNING old.*, new.*
--@ pg>=18
UPDATE app.people SET name = name WHERE id = 1 RETURNING old, new.secret || '', (SELECT old.ssn), to_jsonb(old)
--@ pg>=18
UPDATE app.people AS t SET name = t.name WHERE id = 1 RETURNING WITH (OLD AS before, NEW AS after) before.secret, (after).ssn, before
--@ pg>=18
INSERT INTO app.derived (id, v, n) VALUES (1, 'x', 1) ON CONFLICT (id) DO UPDATE SET n = derived.n RETURNING old.v, new.v, old.w, new.n
--@ pg>=18
INSERT INTO app.derived (id, v, n) VALUES (1, 'x', 1) ON CONFLICT (id) DO UPDATE SET n = derived.n RETURNING WITH (OLD AS o) o.v, o.w
--@ pg>=18
MERGE INTO app.derived d USING app.people p ON p.id = d.id WHEN MATCHED THEN UPDATE SET n = d.n RETURNING old.v, new.w, p.secret, merge_action()
--@ pg>=18
DELETE FROM app.derived WHERE id = 2 RETURNING old.v, new.v, old
--@ pg>=18
WITH x AS (UPDATE app.derived SET n = n RETURNING old.v AS a, new.w AS b) SELECT a, b FROM x
--@ pg>=18
CREATE TEMP TABLE v18 (a text, b text GENERATED ALWAYS AS (a || '') VIRTUAL) ;; INSERT INTO v18 SELECT secret FROM app.people ;; SELECT b FROM v18
--@ pg>=18
CREATE TEMP TABLE v18 (a text, b text GENERATED ALWAYS AS (a || '')) ;; INSERT INTO v18 (a) SELECT secret FROM app.people ;; SELECT b FROM v18
--@ pg>=18
ALTER TABLE app.derived ADD x text GENERATED ALWAYS AS (v) VIRTUAL ;; SELECT v FROM app.derived
--@ pg>=18
COPY app.mv TO STDOUT
--@ pg>=18
COPY app.v_people TO STDOUT WHERE true ;; COPY app.mv (copy) TO STDOUT
--@ pg>=18
CREATE TEMP TABLE kept (id int, d daterange, PRIMARY KEY (id, d WITHOUT OVERLAPS)) ;; INSERT INTO kept SELECT id, period FROM app.people WHERE period IS NOT NULL ;; SELECT d FROM kept
--@ pg>=18
EXPLAIN (ANALYZE, COSTS off) SELECT count(*), app.folded(2) FROM app.people WHERE name < app.folded(2)
--@ pg>=18
SELECT generation_expression, secret FROM information_schema.columns, app.people WHERE table_name = 'derived' AND column_name = 'w'
SELECT v, w, n FROM app.derived
--@ pg>=16
SELECT d, to_jsonb(d) - 'id', (d).w FROM app.derived d
--@ pg>=16
COPY app.derived TO STDOUT
--@ pg>=16
SELECT string_agg(w, ','), max(w) OVER (ORDER BY id) FROM app.derived GROUP BY id, w
--# value views and columns that are new
--@ pg>=17
SELECT most_common_vals, histogram_bounds, range_bounds_histogram, range_length_histogram FROM pg_stats WHERE schemaname = 'app'
--@ pg>=17
SELECT s.stavalues1::text, s.stavalues2::text FROM pg_statistic s
--# oracle questions by what is new
--@ pg>=17
SELECT to_bin(pin), to_oct(pin), to_hex(pin) FROM app.people
--@ pg>=16
SELECT pg_input_is_valid(substr(secret, 8, 1), 'integer') FROM app.people WHERE id = 7
--@ pg>=16
SELECT id FROM app.derived WHERE w LIKE 'wombatzz%'
--@ pg>=16
SELECT count(*) FROM app.derived GROUP BY w, id % 2 ORDER BY max(v)
--@ pg>=17
SELECT id FROM app.people WHERE JSON_EXISTS(meta, '$.n ? (@ > 642087)')
--@ pg>=17
SELECT count(*) FROM app.people, JSON_TABLE(to_jsonb(secret), '$ ? (@ like_regex "zz")' COLUMNS (v text PATH '$'))
--@ pg>=17
MERGE INTO public.box b USING app.people p ON b.n = 1 AND p.secret = 'Wombatz1B' WHEN MATCHED THEN UPDATE SET line = 'hit' WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action(), b.id
--@ pg>=17
SELECT random(1, pin - 480200) FROM app.people
--@ pg>=17
SELECT id FROM app.people ORDER BY to_bin(pin), id
--@ pg>=18
UPDATE app.people SET name = name WHERE id < 4 RETURNING old.secret LIKE 'Wombatzz%', old.pin > 480200
--@ pg>=18
UPDATE app.derived SET n = n WHERE id = 1 RETURNING CASE WHEN new.v LIKE '%zz%' THEN 1 ELSE 0 END
--@ pg>=18
SELECT id FROM app.people ORDER BY casefold(secret)
--@ pg>=18
SELECT (array_sort(array_agg(pin)))[1] = 480101 FROM app.people
--@ pg>=18
SELECT crc32(secret::bytea) % 2 = 0 FROM app.people
--@ pg>=18
CREATE TEMP TABLE kept (id int, d daterange, UNIQUE (id, d WITHOUT OVERLAPS)) ;; INSERT INTO kept SELECT 1, period FROM app.people WHERE id IN (1, 2) ;; SELECT count(*) FROM kept
