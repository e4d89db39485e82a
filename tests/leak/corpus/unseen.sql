-- Another schema: types and functions of extensions, indexes, constraints, barriers, sequences, copies that the database makes itself.

--! CREATE SCHEMA u
--! CREATE TYPE u.grade AS ENUM ('low', 'mid', 'top')
--! CREATE TYPE u.span AS RANGE (subtype = text)
--! CREATE DOMAIN u.pins AS int[] CHECK (array_length(VALUE, 1) < 9)
--! CREATE TABLE u.doc (id int PRIMARY KEY, name text, t text, ci ext.citext, h ext.hstore, l ext.ltree, nums int[], r int4range, s u.span, g u.grade, n numeric, ts tsvector, j jsonb, c char(12), b bytea, pins u.pins, at timestamptz, day date, ok bool)
--! INSERT INTO u.doc SELECT id, name, secret, secret, ext.hstore(ARRAY['k', secret, 'n', pin::text]), replace(secret, ' ', '_')::ext.ltree, ARRAY[pin, id], int4range(pin, pin + 5), u.span(secret, secret || 'z'), (ARRAY['low', 'mid', 'top'])[1 + pin % 3]::u.grade, pin + 0.25, to_tsvector('simple', secret), jsonb_build_object('s', secret, 'n', pin), secret, convert_to(secret, 'UTF8'), ARRAY[pin], timestamptz '1987-03-29' + pin * interval '1 second', date '1931-08-18' + pin % 3, pin % 2 = 0 FROM app.people WHERE secret IS NOT NULL
--! CREATE INDEX doc_expr ON u.doc ((lower(t)), (n / 2))
--! CREATE STATISTICS u.doc_stat ON t, n FROM u.doc
--! CREATE TABLE u.booked (id int PRIMARY KEY, r int4range, t text, EXCLUDE USING gist (r WITH &&))
--! INSERT INTO u.booked SELECT id, int4range(pin * 10, pin * 10 + 5), secret FROM app.people WHERE id < 5
--! CREATE TABLE u.uniq (id int, a text, b text)
--! CREATE UNIQUE INDEX uniq_part ON u.uniq (a) WHERE b > 'Wombatzz'
--! CREATE UNIQUE INDEX uniq_expr ON u.uniq (lower(b))
--! INSERT INTO u.uniq SELECT id, 'a' || id, secret FROM app.people WHERE id < 5
--! CREATE TABLE u.ref (id int PRIMARY KEY, doc int REFERENCES u.doc ON DELETE CASCADE, note text)
--! INSERT INTO u.ref SELECT id, id, 'ref' || id FROM u.doc
--! CREATE TABLE u.hashed (id int, k text, v text) PARTITION BY HASH (k)
--! CREATE TABLE u.hashed_0 PARTITION OF u.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0)
--! CREATE TABLE u.hashed_1 PARTITION OF u.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1)
--! INSERT INTO u.hashed SELECT id, secret, name FROM app.people
--! CREATE TABLE u.rows (id int, d u.doc, ds u.doc[])
--! INSERT INTO u.rows SELECT id, d, ARRAY[d, d] FROM u.doc d
--! CREATE VIEW u.v_barrier WITH (security_barrier) AS SELECT id, name, t FROM u.doc WHERE ok
--! CREATE VIEW u.v_open AS SELECT id, name, t, n FROM u.doc
--! CREATE VIEW u.v_over AS SELECT v.id, v.t AS x, b.t AS y FROM u.v_open v LEFT JOIN u.v_barrier b USING (id)
--! CREATE VIEW u.v_top AS SELECT id, name FROM u.doc ORDER BY t LIMIT 3
--! CREATE VIEW u.v_dist AS SELECT DISTINCT ON (ok) id, name FROM u.doc ORDER BY ok, t
--! CREATE VIEW u.v_win AS SELECT id, name, rank() OVER (ORDER BY n) AS place, ntile(2) OVER (ORDER BY t) AS half FROM u.doc
--! CREATE VIEW u.v_group AS SELECT g, count(*) AS c, min(name) AS m FROM u.doc GROUP BY g
--! CREATE MATERIALIZED VIEW u.mv AS SELECT id, t, md5(t) AS m, n FROM u.doc
--! CREATE VIEW u.v_of_mv AS SELECT id, m, t || '' AS tt FROM u.mv
--! CREATE FUNCTION u.vary(VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT array_to_string($1, '','')'
--! CREATE FUNCTION u.poly(anyelement, anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($2[1], $1)'
--! CREATE FUNCTION u.rec(int) RETURNS record LANGUAGE sql STABLE AS 'SELECT t, n FROM u.doc WHERE id = $1'
--! CREATE FUNCTION u.dom(int) RETURNS u.pins LANGUAGE sql STABLE AS 'SELECT pins FROM u.doc WHERE id = $1'
--! CREATE FUNCTION u.both(INOUT a int, OUT b text) LANGUAGE sql STABLE AS 'SELECT id, t FROM u.doc WHERE id = a'
--! CREATE FUNCTION u.tabs(text DEFAULT '') RETURNS TABLE (id int, v text) LANGUAGE sql STABLE ROWS 3 AS 'SELECT d.id, d.t FROM u.doc d WHERE d.name > $1'
--! CREATE FUNCTION u.inl(u.doc) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.t'
--! CREATE FUNCTION u.cte(int) RETURNS text LANGUAGE sql STABLE AS 'WITH RECURSIVE w AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM w WHERE i < $1) SELECT string_agg(d.t, ''/'') FROM w JOIN u.doc d ON d.id = w.i'
--! GRANT USAGE ON SCHEMA u TO pgveil_agent
--! GRANT ALL ON ALL TABLES IN SCHEMA u TO pgveil_agent
--! ANALYZE u.doc

--# value citext, hstore, ltree
SELECT ci FROM u.doc
SELECT ci::text || '' FROM u.doc
SELECT ext.regexp_replace(ci, 'x', 'y') FROM u.doc
SELECT ext.split_part(ci, 'q', 1) FROM u.doc
SELECT h FROM u.doc
SELECT h OPERATOR(ext.->) 'k' FROM u.doc
SELECT ext.avals(h), ext.akeys(h) FROM u.doc
SELECT (ext.each(h)).value FROM u.doc
SELECT e.value FROM u.doc, ext.each(h) e
SELECT ext.hstore_to_jsonb(h), ext.hstore_to_array(h) FROM u.doc
SELECT ext.hstore(d) FROM u.doc d
SELECT ext.hstore('a', t) FROM u.doc
SELECT h::jsonb FROM u.doc
SELECT h::json::text FROM u.doc
SELECT ext.populate_record(NULL::app.one, ext.hstore('v', t)) FROM u.doc
SELECT l FROM u.doc
SELECT ext.ltree2text(l) FROM u.doc
SELECT ext.subpath(l, 0, 1) FROM u.doc
SELECT ext.text2ltree(replace(t, ' ', '_')) FROM u.doc
SELECT l OPERATOR(ext.||) 'x'::ext.ltree FROM u.doc
--# value functions of extensions
SELECT ext.sort(nums), ext.uniq(nums), ext.subarray(nums, 1) FROM u.doc
SELECT nums OPERATOR(ext.+) 7 FROM u.doc
SELECT ext.unaccent(t) FROM u.doc
SELECT ext.armor(convert_to(t, 'UTF8')) FROM u.doc
SELECT ext.dearmor(ext.armor(b)) FROM u.doc
SELECT ext.decrypt(ext.encrypt(b, 'k', 'aes'), 'k', 'aes') FROM u.doc
SELECT ext.xpath_string('<a>' || t || '</a>', '/a') FROM u.doc
SELECT * FROM ext.crosstab('SELECT name, id, t FROM u.doc') AS x (a text, b text, c text)
SELECT * FROM ext.xpath_table('id', 'name', 'u.doc', '/x', 'true') AS x (a int, b text) UNION ALL SELECT id, t FROM u.doc
SELECT * FROM ext.pgrowlocks('u.doc') RIGHT JOIN u.doc ON true
--# value ranges, enums, vectors, arrays in a domain
SELECT r, lower(r), upper(r) FROM u.doc
SELECT s, lower(s) FROM u.doc
SELECT range_merge(r, r) FROM u.doc
SELECT s * s FROM u.doc
SELECT ts FROM u.doc
SELECT tsvector_to_array(ts) FROM u.doc
SELECT u.lexeme FROM u.doc, unnest(ts) u
SELECT setweight(ts, 'A')::text FROM u.doc
SELECT ts_headline('simple', t, 'x') FROM u.doc
SELECT c, c || '!', c::bytea FROM u.doc
SELECT b, encode(b, 'escape'), convert_from(b, 'UTF8') FROM u.doc
SELECT pins[1], pins FROM u.doc
SELECT array_to_string(pins, ',') FROM u.doc
SELECT n, n::int, trunc(n), n::money FROM u.doc
SELECT to_char(day, 'YYYY-MM-DD'), day FROM u.doc
SELECT j, j -> 's', j ->> 'n' FROM u.doc
SELECT x FROM u.doc, jsonb_each_text(j) AS e (k, x)
--@ pg>=14
SELECT multirange(s) FROM u.doc
--@ pg>=14
SELECT range_agg(r), range_intersect_agg(s) FROM u.doc GROUP BY id
--@ pg>=14
SELECT unnest(multirange(r)) FROM u.doc
--@ pg>=14
SELECT j['s'], (pins)[1] FROM u.doc
--@ pg>=17
SELECT x.* FROM u.doc, JSON_TABLE(j, '$' COLUMNS (a text PATH '$.s', b int PATH '$.n')) x
--@ pg>=17
SELECT JSON_VALUE(j, '$.s' DEFAULT 'x' ON ERROR), JSON_SCALAR(t) FROM u.doc
--@ pg>=16
SELECT JSON_OBJECT(t: n), JSON_ARRAY(t, n) FROM u.doc
--# value views over views, barriers, copies that the database made
SELECT t FROM u.v_barrier
SELECT x, y FROM u.v_over
SELECT v FROM u.v_over v
SELECT m, tt FROM u.v_of_mv
SELECT t, n FROM u.mv
TABLE u.mv
COPY (SELECT * FROM u.mv) TO STDOUT
COPY (SELECT * FROM u.v_over) TO STDOUT (FORMAT csv)
SELECT (d).t, (ds[1]).t FROM u.rows
SELECT x.t FROM u.rows, unnest(ds) x
SELECT ((r.d)::u.doc).h FROM u.rows r
SELECT k FROM u.hashed_0 UNION ALL SELECT k FROM u.hashed_1
SELECT b FROM u.uniq
SELECT r, t FROM u.booked
--# value functions
SELECT u.vary(name, t) FROM u.doc
SELECT u.vary(VARIADIC ARRAY[name, t]) FROM u.doc
SELECT u.poly(name, ARRAY[t]) FROM u.doc
SELECT u.poly(1, nums) FROM u.doc
SELECT u.rec(1)
SELECT x.a FROM u.rec(2) AS x (a text, b numeric)
SELECT u.dom(1)
SELECT u.both(1)
SELECT b FROM u.both(2)
SELECT * FROM u.tabs()
SELECT v FROM u.doc, LATERAL u.tabs(name) x
SELECT u.inl(d) FROM u.doc d
SELECT u.inl((r.ds)[2]) FROM u.rows r
SELECT u.cte(3)
SELECT (u.both(1)).b
--# oracle extensions that compare
SELECT id FROM u.doc ORDER BY t OPERATOR(ext.<->) 'Wombatz1B', id
SELECT id, ext.similarity(t, 'Wombatz1B') FROM u.doc ORDER BY id
SELECT id, ext.levenshtein(t, 'Wombatz1B') FROM u.doc ORDER BY id
SELECT id, ext.soundex(t), ext.dmetaphone(t), ext.metaphone(t, 9) FROM u.doc ORDER BY id
SELECT id, h OPERATOR(ext.?) 'k', h OPERATOR(ext.@>) 'k=>Wombatz1B' FROM u.doc ORDER BY id
SELECT id FROM u.doc WHERE l OPERATOR(ext.~) 'Wombatzz*'
SELECT id, ext.idx(nums, 480101), ext.icount(nums) FROM u.doc ORDER BY id
SELECT id FROM u.doc WHERE nums OPERATOR(ext.@@) '480101|480102'
SELECT id, ext.crypt(t, '$1$abcdefgh') FROM u.doc ORDER BY id
SELECT id, ext.digest(t, 'sha256'), ext.hmac(t, 'k', 'md5') FROM u.doc ORDER BY id
SELECT id, ext.uuid_generate_v5(ext.uuid_ns_dns(), t) FROM u.doc ORDER BY id
--# oracle ranges, enums, vectors
SELECT ext.show_trgm(t) FROM u.doc ORDER BY id
SELECT extract(epoch FROM at), at::text FROM u.doc ORDER BY id
SELECT id FROM u.doc WHERE at > '1987-04-03 13:22:30+00' ORDER BY id
SELECT id FROM u.doc WHERE n > 480150
SELECT id FROM u.doc WHERE ci OPERATOR(ext.=) 'WOMBATZ1b'
SELECT id, t > 'Wombatzz' AND name > '' FROM u.doc ORDER BY id
SELECT id, r @> 480101, r && int4range(480100, 480103) FROM u.doc ORDER BY id
SELECT id FROM u.doc WHERE s @> 'Wombatz1B'::text
SELECT id, isempty(r), lower_inc(r) FROM u.doc WHERE r << int4range(480150, 480151)
SELECT id, g > 'low', enum_range(g, NULL) FROM u.doc ORDER BY id
SELECT id FROM u.doc ORDER BY g, id
SELECT id, ts @@ 'wombatz1b'::tsquery, ts_rank(ts, 'wombatz1b'), length(ts) FROM u.doc ORDER BY id
SELECT id, j @> '{"n": 480101}', j ? 's', j @? '$.n ? (@ > 480150)' FROM u.doc ORDER BY id
SELECT id, pins @> ARRAY[480101], cardinality(pins) FROM u.doc WHERE 480101 = ANY (pins)
SELECT id FROM u.doc WHERE at > '1987-04-03 13:21:41+00' ORDER BY id
SELECT id FROM u.doc WHERE ok
SELECT id FROM u.doc WHERE (t COLLATE "C") < 'Wombatzz'
SELECT id FROM u.doc WHERE t ~ 'zz' AND name > ''
SELECT id FROM u.doc WHERE starts_with(t, 'Wombatzz')
SELECT id FROM u.doc WHERE (id, t) > (1, 'Wombatzz')
SELECT id FROM u.doc WHERE t IS DISTINCT FROM 'Wombatz1B'
SELECT id FROM u.doc WHERE t BETWEEN SYMMETRIC 'Wombatzz9' AND 'Wombatzz0'
SELECT id FROM u.doc WHERE num_nonnulls(t, NULLIF(t, 'Wombatz1B')) = 1
--# oracle what the database keeps by itself
SELECT id, name FROM u.v_top
SELECT id FROM u.v_dist
SELECT id, place FROM u.v_win ORDER BY id
SELECT half FROM u.v_win ORDER BY id
SELECT c, m FROM u.v_group ORDER BY m
SELECT id FROM u.v_barrier
SELECT count(*) FROM u.v_barrier
SELECT id FROM u.v_over ORDER BY y NULLS FIRST, id
SELECT id FROM u.hashed_0
SELECT v FROM u.hashed_1 ORDER BY id
SELECT count(*) FROM u.hashed_0
SELECT tableoid::regclass, id FROM u.hashed ORDER BY id
SELECT id, ctid FROM u.hashed ORDER BY id
BEGIN ;; INSERT INTO u.booked VALUES (90, '[4801010,4801012)', 'x') ;; ROLLBACK
BEGIN ;; INSERT INTO u.booked VALUES (90, '[4801010,4801012)', 'x') ON CONFLICT DO NOTHING ;; ROLLBACK
BEGIN ;; UPDATE u.booked SET r = '[4801010,4801012)' WHERE id = 4 ;; ROLLBACK
BEGIN ;; INSERT INTO u.uniq VALUES (90, 'a90', 'WOMBATZ1B') ;; ROLLBACK
BEGIN ;; UPDATE u.uniq SET b = 'Wombatz1B' WHERE id = 4 ;; ROLLBACK
BEGIN ;; INSERT INTO u.uniq VALUES (90, 'a1', 'Wombatzz5z') ;; ROLLBACK
BEGIN ;; INSERT INTO u.uniq VALUES (90, 'a1', 'Wombatzz5z') ON CONFLICT (a) WHERE b > 'Wombatzz' DO NOTHING ;; ROLLBACK
BEGIN ;; UPDATE u.hashed_0 SET v = 'x' ;; ROLLBACK
BEGIN ;; DELETE FROM u.hashed_1 ;; ROLLBACK
BEGIN ;; DELETE FROM u.ref USING u.doc WHERE u.ref.doc = u.doc.id AND u.doc.ok ;; ROLLBACK
BEGIN ;; UPDATE u.ref SET note = 'x' FROM u.v_top v WHERE v.id = u.ref.doc RETURNING u.ref.id ;; ROLLBACK
BEGIN ;; UPDATE u.v_barrier SET name = 'x' ;; ROLLBACK
BEGIN ;; DELETE FROM u.v_barrier ;; ROLLBACK
--@ pg>=15
BEGIN ;; MERGE INTO u.doc d USING (VALUES ('Wombatz1B')) x (v) ON d.t = x.v WHEN MATCHED THEN UPDATE SET name = 'x' ;; ROLLBACK
--# oracle messages that quote or tell
SELECT CASE WHEN t > 'Wombatzz' THEN sqrt(-n) END FROM u.doc
SELECT repeat('x', CASE WHEN t > 'Wombatzz' THEN 2000000000 ELSE 1 END) IS NULL FROM u.doc
SELECT ARRAY[1, 2] || CASE WHEN t > 'Wombatzz' THEN ARRAY[[1]] END FROM u.doc WHERE id = 1
SELECT regexp_replace('x', CASE WHEN t > 'Wombatzz' THEN '(' ELSE 'x' END, '') FROM u.doc
SELECT substr('x', 1, 5 - length(t) + 4) FROM u.doc WHERE id = 1
SELECT width_bucket(n, 480150, 480150 + length(t) - 9, 2) FROM u.doc WHERE id = 1
SELECT 1 / (length(t) - 9) FROM u.doc WHERE id = 1
SELECT ('{1,2}'::int[])[length(t) - 8] FROM u.doc
SELECT (length(t) * 238609294)::int FROM u.doc WHERE id = 1
SELECT nth_value(name, length(t) - 9) OVER () FROM u.doc WHERE id = 1
SELECT ntile(length(t) - 9) OVER () FROM u.doc WHERE id = 1
SELECT lag(name, length(t) - 9) OVER (ORDER BY id) FROM u.doc
SELECT name FROM u.doc LIMIT (SELECT length(t) - 10 FROM u.doc WHERE id = 1)
SELECT name FROM u.doc ORDER BY id OFFSET (SELECT length(t) - 9 FROM u.doc WHERE id = 1)
SELECT name FROM u.doc ORDER BY id FETCH FIRST (SELECT length(t) - 9 FROM u.doc WHERE id = 1) ROWS ONLY
SELECT count(*) OVER (ORDER BY id ROWS (SELECT length(t) - 10 FROM u.doc WHERE id = 1) PRECEDING) FROM u.doc
SELECT count(*) FROM generate_series(1, (SELECT length(t) FROM u.doc WHERE id = 1))
SELECT count(*) FROM u.doc TABLESAMPLE bernoulli ((SELECT length(t) - 9 FROM u.doc WHERE id = 1) * 90)
SELECT 1 / (n - 480101.25)::int FROM u.doc
SELECT t::int FROM u.doc WHERE id = 1
SELECT t::u.grade FROM u.doc WHERE id = 1
SELECT t::date FROM u.doc WHERE id = 1
SELECT t::uuid FROM u.doc WHERE id = 1
SELECT t::inet FROM u.doc WHERE id = 1
SELECT t::jsonb FROM u.doc WHERE id = 1
SELECT t::xml FROM u.doc WHERE id = 1
SELECT ('<' || t)::xml FROM u.doc WHERE id = 1
SELECT t::regclass FROM u.doc WHERE id = 1
SELECT t::interval FROM u.doc WHERE id = 1
SELECT t::tsquery FROM u.doc WHERE id = 1
SELECT t::ext.ltree FROM u.doc WHERE id = 1
SELECT int4range(n::int, 480101) FROM u.doc WHERE id = 1
SELECT decode(t, t) FROM u.doc WHERE id = 1
SELECT convert_from(b, t) FROM u.doc WHERE id = 1
SELECT now() AT TIME ZONE t FROM u.doc WHERE id = 1
SELECT date_part(t, now()) FROM u.doc WHERE id = 1
SELECT encode('x', t) FROM u.doc WHERE id = 1
SELECT set_config(t, 'x', true) FROM u.doc WHERE id = 1
SELECT nextval(t::regclass) FROM u.doc WHERE id = 1
SELECT chr((n - 480101)::int) FROM u.doc WHERE id = 1
SELECT make_date((n - 480100)::int, 1, 1) FROM u.doc ORDER BY id
SELECT (SELECT id FROM u.doc WHERE t > 'Wombatzz')
SELECT xmlelement(NAME x, xmlattributes(t AS a)), xmlparse(DOCUMENT t) FROM u.doc WHERE id = 1
BEGIN ;; INSERT INTO u.ref (id, doc) SELECT 90, n::int FROM u.doc WHERE id = 1 ;; ROLLBACK
