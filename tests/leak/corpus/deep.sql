-- A schema of its own: inheritance, partitions, domains, composites, arrays, jsonb, generated columns, foreign keys, row security,
-- bodies in SQL; and what may be defined and copied.

--! CREATE SCHEMA deep
--! CREATE DOMAIN deep.plate AS text CHECK (VALUE <> 'none')
--! CREATE DOMAIN deep.plates AS deep.plate NOT NULL
--! CREATE TYPE deep.site AS (room text, code deep.plate, more text[])
--! CREATE TABLE deep.asset (id int PRIMARY KEY, label text, tag deep.plates, num int, site deep.site, parts text[], info jsonb, low text GENERATED ALWAYS AS (lower(tag || '')) STORED, twice int GENERATED ALWAYS AS (num * 2) STORED)
--! CREATE TABLE deep.car (wheels int) INHERITS (deep.asset)
--! CREATE TABLE deep.van (load text) INHERITS (deep.car)
--! INSERT INTO deep.asset SELECT id, name, secret, pin, ROW(ssn, secret, ARRAY[secret])::deep.site, ARRAY[secret, ssn], jsonb_build_object('s', secret, 'n', pin, 'l', jsonb_build_array(ssn)) FROM app.people
--! INSERT INTO deep.van (id, label, tag, num, wheels, load) SELECT id + 10, name, secret, pin, 4, ssn FROM app.people
--! CREATE TABLE deep.log (at int, who text, entry text) PARTITION BY RANGE (at)
--! CREATE TABLE deep.log_1 PARTITION OF deep.log FOR VALUES FROM (0) TO (4)
--! CREATE TABLE deep.log_2 (entry text, at int, who text)
--! ALTER TABLE deep.log ATTACH PARTITION deep.log_2 FOR VALUES FROM (4) TO (100)
--! INSERT INTO deep.log SELECT id, name, secret FROM app.people
--! CREATE TABLE deep.part (id int PRIMARY KEY, asset int REFERENCES deep.asset ON UPDATE CASCADE ON DELETE SET NULL, label text)
--! INSERT INTO deep.part SELECT id, id, 'part' || id FROM app.people
--! CREATE TABLE deep.rls (id int, owner text, v text)
--! INSERT INTO deep.rls SELECT id, name, secret FROM app.people
--! ALTER TABLE deep.rls ENABLE ROW LEVEL SECURITY
--! CREATE POLICY all_of ON deep.rls USING (v IS NOT NULL)
--! CREATE VIEW deep.v_all AS SELECT a.*, l.entry FROM deep.asset a LEFT JOIN deep.log l ON l.at = a.id
--! CREATE VIEW deep.v_json AS SELECT id, info -> 's' AS s, jsonb_path_query_first(info, '$.l[0]') AS l FROM deep.asset
--! CREATE VIEW deep.v_clean AS SELECT id, label FROM deep.asset
--! CREATE FUNCTION deep.f_id(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT tag FROM deep.asset WHERE id = $1'
--! CREATE FUNCTION deep.f_case(p_x text, p_y text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN p_x > '''' THEN p_y ELSE p_x END'
--! CREATE FUNCTION deep.f_second(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $2'
--! CREATE FUNCTION deep.f_row(deep.asset) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.label || $1.tag'
--! CREATE FUNCTION deep.f_site(deep.site) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ($1).room'
--! CREATE FUNCTION deep.f_set() RETURNS SETOF deep.asset LANGUAGE sql STABLE AS 'SELECT * FROM deep.asset'
--! CREATE FUNCTION deep.f_tab(n int) RETURNS TABLE (label text, other text) LANGUAGE sql STABLE AS 'SELECT a.label, a.tag FROM deep.asset a WHERE a.num > n'
--! CREATE FUNCTION deep.f_out(i int, OUT a text, OUT b int) LANGUAGE sql STABLE AS 'SELECT tag, num FROM deep.asset WHERE id = i'
--! CREATE FUNCTION deep.f_two(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT 1; SELECT tag::text FROM deep.asset WHERE id = $1'
--! CREATE FUNCTION deep.f_write(int) RETURNS text LANGUAGE sql AS 'UPDATE deep.asset SET label = label WHERE id = $1 RETURNING tag'
--! CREATE FUNCTION deep.f_default(a int DEFAULT 1, b text DEFAULT deep.f_id(2)) RETURNS text LANGUAGE sql STABLE AS 'SELECT b'
--! CREATE FUNCTION deep.f_poly(anyelement, anyelement) RETURNS anyarray LANGUAGE sql IMMUTABLE AS 'SELECT ARRAY[$2, $1]'
--! CREATE FUNCTION deep.f_path() RETURNS text LANGUAGE sql STABLE SET search_path = deep AS 'SELECT max(tag) FROM asset'
--! CREATE FUNCTION deep.f_nested(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT x FROM (SELECT deep.f_id($1) AS x) q'
--! CREATE FUNCTION deep.f_strict(text, int) RETURNS int LANGUAGE sql STRICT IMMUTABLE AS 'SELECT $2'
--! GRANT USAGE ON SCHEMA deep TO pgveil_agent
--! GRANT ALL ON ALL TABLES IN SCHEMA deep TO pgveil_agent

--# value inheritance and partitions
SELECT tag FROM deep.asset
SELECT tag, num FROM deep.car
SELECT tag::text, low FROM deep.van
SELECT load FROM deep.van
SELECT low, twice FROM deep.asset
SELECT twice / 2 FROM deep.asset
SELECT a.tableoid > 0, a.tag FROM deep.asset a
SELECT (a::deep.asset).tag FROM deep.van a
SELECT (v::deep.car::deep.asset).low FROM deep.van v
SELECT (SELECT (x.a).tag FROM (SELECT v::deep.asset AS a FROM deep.van v WHERE v.id = 11) x)
SELECT to_jsonb(v::deep.asset) FROM deep.van v
SELECT entry FROM deep.log
SELECT entry FROM deep.log_1
SELECT * FROM deep.log_2
SELECT l FROM deep.log_2 l
SELECT entry FROM deep.v_all
SELECT v FROM deep.v_all v
SELECT s, l FROM deep.v_json
SELECT s #>> '{}' FROM deep.v_json
TABLE deep.log_2
COPY deep.log_2 TO STDOUT
COPY deep.van (load, tag) TO STDOUT (FORMAT binary)
COPY (SELECT * FROM ONLY deep.asset) TO STDOUT (FORMAT csv, HEADER)
SELECT v FROM deep.rls
TABLE deep.rls
--# value domains, composites and arrays
SELECT tag::deep.plate::text, tag::varchar FROM deep.asset
SELECT (site).code, (site).room FROM deep.asset
SELECT (site).more[1], ((site).more)[1:1] FROM deep.asset
SELECT parts[1] || parts[2] FROM deep.asset
SELECT p FROM deep.asset, unnest(parts || ARRAY[label]) p
SELECT u.code FROM deep.asset, unnest(ARRAY[site]) u
SELECT u.a, u.b FROM deep.asset, unnest(parts, ARRAY[num]) AS u (a, b)
SELECT (jsonb_populate_record(NULL::deep.site, jsonb_build_object('room', tag))).room FROM deep.asset
SELECT (jsonb_populate_record(NULL::deep.asset, to_jsonb(a))).low FROM deep.asset a
SELECT r.* FROM deep.asset a, jsonb_populate_recordset(NULL::deep.site, jsonb_build_array(to_jsonb(a.site))) r
SELECT x.* FROM deep.asset, jsonb_to_recordset(jsonb_build_array(info)) AS x (s text, n int)
SELECT ROW(a.*)::deep.asset FROM deep.asset a
SELECT (ROW(a.id, a.tag)::record)::text FROM deep.asset a
SELECT COALESCE(site, ROW(NULL, NULL, NULL)::deep.site) FROM deep.asset
SELECT array_agg(site) FROM deep.asset
SELECT (array_agg(a ORDER BY id))[2].tag FROM deep.asset a
SELECT ((array_agg(a))[1]).site.room FROM deep.asset a
SELECT info ->> 's', info -> 'l' ->> 0, info #>> '{l,0}' FROM deep.asset
SELECT k, v FROM deep.asset, jsonb_each_text(info) AS e (k, v)
SELECT jsonb_path_query(info, '$.*') FROM deep.asset
SELECT jsonb_object_agg(label, tag), json_object_agg(tag, label) FROM deep.asset
SELECT jsonb_set('{"a": 1}', '{a}', to_jsonb(tag)), jsonb_insert('[]', '{0}', to_jsonb(num)) FROM deep.asset
SELECT '{"a": 1}'::jsonb || jsonb_build_object(tag, 1) FROM deep.asset
SELECT jsonb_object(ARRAY[tag], ARRAY[label]), json_object(ARRAY[label, tag]) FROM deep.asset
SELECT jsonb_pretty(jsonb_strip_nulls(info)), jsonb_typeof(info), info::text FROM deep.asset
SELECT jsonb_object_keys(jsonb_build_object(tag, 1)) FROM deep.asset
--@ pg>=14
SELECT info['s'], info['l'][0] FROM deep.asset
--@ pg>=17
SELECT j.* FROM deep.asset, JSON_TABLE(info, '$' COLUMNS (s text PATH '$.s', NESTED PATH '$.l[*]' COLUMNS (x text PATH '$'))) j
--@ pg>=17
SELECT JSON_VALUE(info, '$.s'), JSON_QUERY(info, '$.l' WITH WRAPPER), JSON_SERIALIZE(info) FROM deep.asset
--@ pg>=16
SELECT JSON_OBJECT('a': tag, tag: 1), JSON_ARRAY(tag, num), JSON_ARRAYAGG(tag) FROM deep.asset GROUP BY id, tag, num
--@ pg>=16
SELECT JSON_OBJECTAGG(label: tag), JSON_ARRAY(SELECT tag FROM deep.asset) FROM deep.asset
SELECT x.* FROM deep.asset, xmltable('/r' PASSING xmlelement(NAME r, xmlattributes(tag AS a), label) COLUMNS a text PATH '@a') x
SELECT x.* FROM deep.asset, xmltable(('/r' || 's') PASSING xmlelement(NAME rs, xmlelement(NAME t, tag)) COLUMNS t text PATH 't', o FOR ORDINALITY, d text PATH 'none' DEFAULT tag) x
SELECT (xpath('/r/@a', xmlelement(NAME r, xmlattributes(tag AS a))))[1]::text FROM deep.asset
SELECT xmlserialize(CONTENT xmlforest(tag AS a, num) AS text), xmlconcat(xmlelement(NAME x, tag), xmlcomment(label)) FROM deep.asset
SELECT xmlpi(NAME p, tag), xmlcomment(tag) FROM deep.asset
--# value bodies in SQL
SELECT deep.f_id(1)
SELECT deep.f_case(label, tag) FROM deep.asset
SELECT deep.f_second(label, tag) FROM deep.asset
SELECT deep.f_second(p.x, p.y) FROM (SELECT label AS x, tag AS y FROM deep.asset) p
SELECT deep.f_second(VARIADIC_ARG.a, VARIADIC_ARG.b) FROM (SELECT label AS a, low AS b FROM deep.asset) AS variadic_arg
SELECT deep.f_row(a) FROM deep.asset a
SELECT deep.f_row(a) FROM deep.van v, LATERAL (SELECT v::deep.asset AS a) q
SELECT deep.f_site(site) FROM deep.asset
SELECT deep.f_site(ROW(tag, 'x', NULL)::deep.site) FROM deep.asset
SELECT deep.f_set()
SELECT (deep.f_set()).tag
SELECT f.tag, f.low FROM deep.f_set() f
SELECT f FROM deep.f_set() f
SELECT f.other FROM deep.f_tab(0) f
SELECT label FROM deep.f_tab(0) AS f (other, label)
SELECT * FROM deep.f_tab(n => 0)
SELECT (deep.f_out(1)).a, (deep.f_out(i => 1)).b
SELECT * FROM deep.f_out(1) AS o (x, y)
SELECT deep.f_two(1)
SELECT deep.f_write(1)
SELECT deep.f_default(), deep.f_default(a => 3), deep.f_default(b => 'x')
SELECT deep.f_default(b => tag) FROM deep.asset
SELECT deep.f_poly(label, tag::text) FROM deep.asset
SELECT (deep.f_poly(tag::text, label))[2] FROM deep.asset
SELECT deep.f_path()
SELECT deep.f_nested(1), deep.f_nested(2)
SELECT x FROM deep.asset, LATERAL deep.f_second('', tag) x
SELECT * FROM ROWS FROM (deep.f_tab(0), deep.f_set()) AS r (a, b)
SELECT count(*), max(deep.f_second(label, tag)) FROM deep.asset
SELECT deep.f_second(deep.f_id(1), label), deep.f_second(label, deep.f_id(1)) FROM deep.asset
SELECT array_agg(deep.f_id(id)) FROM deep.v_clean
SELECT deep.f_id(p.asset) FROM deep.part p
--# value copies and definitions
BEGIN ;; CREATE TABLE mine.c1 AS SELECT id, label FROM deep.asset ;; INSERT INTO mine.c1 SELECT id, tag FROM deep.asset ;; SELECT label FROM mine.c1 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE c2 AS SELECT id, label FROM deep.asset ;; UPDATE c2 SET label = a.tag FROM deep.asset a WHERE a.id = c2.id ;; SELECT label FROM c2 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE c3 (LIKE deep.asset INCLUDING ALL) ;; INSERT INTO c3 (id, tag, num) SELECT id, tag, num FROM deep.asset ;; SELECT low, twice FROM c3 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE c4 (x text, y text GENERATED ALWAYS AS (x || '') STORED) ;; INSERT INTO c4 SELECT tag FROM deep.asset ;; SELECT y FROM c4 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE c5 () INHERITS (mine.cust) ;; INSERT INTO c5 SELECT * FROM ONLY mine.cust ;; SELECT secret FROM c5 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE c6 (x deep.asset) ;; INSERT INTO c6 SELECT a FROM deep.asset a ;; SELECT (x).tag FROM c6 ;; ROLLBACK
BEGIN ;; CREATE VIEW mine.w1 AS SELECT * FROM deep.asset ;; SELECT tag, low FROM mine.w1 ;; ROLLBACK
BEGIN ;; CREATE TEMP VIEW w2 (id, label) AS SELECT id, tag FROM deep.asset ;; SELECT label FROM w2 ;; ROLLBACK
BEGIN ;; CREATE TEMP VIEW w3 AS SELECT deep.f_id(id) AS label FROM deep.v_clean ;; SELECT label FROM w3 ;; ROLLBACK
BEGIN ;; CREATE TEMP VIEW w4 AS SELECT label FROM deep.asset ;; CREATE OR REPLACE TEMP VIEW w4 AS SELECT label, tag FROM deep.asset ;; SELECT tag FROM w4 ;; ROLLBACK
BEGIN ;; CREATE TEMP VIEW w5 AS SELECT label FROM deep.asset ;; SAVEPOINT s ;; DROP VIEW w5 ;; CREATE TEMP VIEW w5 AS SELECT tag AS label FROM deep.asset ;; SELECT label FROM w5 ;; ROLLBACK
BEGIN ;; CREATE TEMP VIEW w6 AS WITH x AS (SELECT tag FROM deep.asset) SELECT (SELECT max(tag) FROM x) AS m ;; SELECT m FROM w6 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE asset (id int, tag text) ;; SET LOCAL search_path = deep ;; CREATE TEMP VIEW w7 AS SELECT tag FROM deep.asset ;; SELECT tag FROM w7 ;; ROLLBACK
BEGIN ;; SET LOCAL search_path = deep, pg_temp ;; CREATE TEMP TABLE asset (id int, tag text) ;; SELECT tag FROM asset ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE asset (id int, tag text) ;; SET LOCAL search_path = deep, pg_temp ;; PREPARE q AS SELECT tag FROM asset ;; EXECUTE q ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE asset (id int, tag text) ;; SET LOCAL search_path = deep ;; PREPARE q AS SELECT tag FROM asset ;; DROP TABLE pg_temp.asset ;; SELECT tag FROM asset ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.asset (id int, tag text) ;; SET LOCAL search_path = mine, deep ;; SAVEPOINT s ;; ROLLBACK TO s ;; DROP TABLE mine.asset ;; SELECT tag FROM asset ;; ROLLBACK
BEGIN ;; SAVEPOINT s ;; CREATE TEMP TABLE asset (id int, tag text) ;; ROLLBACK TO s ;; SET LOCAL search_path = pg_temp, deep ;; SELECT tag FROM asset ;; ROLLBACK
BEGIN ;; CREATE MATERIALIZED VIEW mine.m1 AS SELECT id, label FROM deep.asset ;; DROP MATERIALIZED VIEW mine.m1 ;; CREATE MATERIALIZED VIEW mine.m1 AS SELECT id, tag AS label FROM deep.asset ;; SELECT label FROM mine.m1 ;; ROLLBACK
BEGIN ;; SELECT id, label, tag INTO TEMP c8 FROM deep.asset ;; SELECT tag FROM c8 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE c9 AS TABLE deep.log ;; TABLE c9 ;; ROLLBACK
BEGIN ;; PREPARE q AS SELECT tag FROM deep.asset ;; CREATE TEMP TABLE c10 AS EXECUTE q ;; TABLE c10 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE d1 (id int, label text DEFAULT deep.f_id(1)) ;; INSERT INTO d1 (id) VALUES (1) ;; SELECT label FROM d1 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE d2 (id int) ;; ALTER TABLE d2 ADD label text DEFAULT deep.f_id(1) ;; INSERT INTO d2 VALUES (1) ;; SELECT label FROM d2 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE d3 (id int, tag text) ;; INSERT INTO d3 VALUES (1, '') ;; ALTER TABLE d3 ALTER tag TYPE text USING deep.f_id(id) ;; SELECT tag FROM d3 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE d4 (x text, CHECK (x = deep.f_id(1))) ;; INSERT INTO d4 SELECT tag FROM deep.asset ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE d5 (x int PRIMARY KEY) ;; INSERT INTO d5 SELECT num FROM deep.asset ;; TABLE d5 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE d6 (id int, line text) ;; CREATE RULE r AS ON INSERT TO d6 DO INSTEAD SELECT tag FROM deep.asset ;; INSERT INTO d6 VALUES (1, '') ;; ROLLBACK
BEGIN ;; UPDATE deep.asset SET label = tag ;; SELECT label FROM deep.asset ;; ROLLBACK
BEGIN ;; UPDATE deep.asset SET label = low ;; SELECT label FROM deep.v_clean ;; ROLLBACK
BEGIN ;; UPDATE deep.asset SET (label, num) = (SELECT l.entry, 1 FROM deep.log l WHERE l.at = asset.id) ;; SELECT label FROM deep.asset ;; ROLLBACK
BEGIN ;; UPDATE deep.asset SET site.more[1] = tag, site.room = label ;; SELECT (site).more FROM deep.asset ;; ROLLBACK
BEGIN ;; UPDATE deep.part p SET label = a.tag FROM deep.asset a WHERE a.id = p.asset ;; TABLE deep.part ;; ROLLBACK
BEGIN ;; INSERT INTO deep.part (id, label) SELECT id + 50, (site).room FROM deep.asset ;; TABLE deep.part ;; ROLLBACK
BEGIN ;; INSERT INTO deep.part (id, label) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET label = (SELECT max(tag) FROM deep.asset) RETURNING label ;; ROLLBACK
BEGIN ;; INSERT INTO deep.log (at, who) SELECT id, entry FROM deep.v_all ;; SELECT who FROM deep.log ;; ROLLBACK
BEGIN ;; INSERT INTO deep.log_2 (at, who) SELECT 50, max(low) FROM deep.asset RETURNING who ;; ROLLBACK
WITH m AS (INSERT INTO deep.part (id, label) SELECT id + 50, tag FROM deep.asset RETURNING *) SELECT label FROM m
WITH a AS (SELECT tag AS t, id FROM deep.asset), u AS (UPDATE deep.part p SET label = a.t FROM a WHERE a.id = p.id RETURNING label AS l) TABLE u
--@ pg>=15
BEGIN ;; MERGE INTO deep.part p USING deep.asset a ON p.id = a.id WHEN MATCHED THEN UPDATE SET label = a.tag ;; TABLE deep.part ;; ROLLBACK
--@ pg>=15
BEGIN ;; MERGE INTO deep.part p USING (SELECT id + 50 AS id, low AS l FROM deep.asset) a ON p.id = a.id WHEN NOT MATCHED THEN INSERT (id, label) VALUES (a.id, a.l) ;; TABLE deep.part ;; ROLLBACK
--@ pg>=17
BEGIN ;; MERGE INTO deep.part p USING deep.asset a ON p.id = a.id WHEN MATCHED THEN UPDATE SET label = p.label RETURNING a.tag, p.* ;; ROLLBACK
EXPLAIN (ANALYZE, VERBOSE) SELECT app.folded(id) FROM deep.part WHERE label = app.folded(1)
--# oracle deep questions
SELECT id FROM deep.car WHERE tag LIKE '%zz%'
SELECT label FROM deep.asset ORDER BY low
SELECT label FROM deep.asset ORDER BY twice DESC
SELECT at FROM deep.log_2 WHERE entry LIKE '%zz%'
SELECT p.id FROM deep.part p JOIN deep.asset a ON a.id = p.asset AND a.twice % 4 = 0
SELECT id FROM deep.part WHERE deep.f_id(asset) LIKE '%zz%'
SELECT deep.f_strict(NULLIF(tag, 'Wombatz1B'), 1) FROM deep.asset
SELECT deep.f_case(NULLIF(tag, 'Wombatz1B'), label) FROM deep.asset
SELECT count(*) FROM deep.f_tab(480150)
SELECT label FROM deep.f_tab(480150)
SELECT (deep.f_out(id)).b % 2 FROM deep.v_clean
SELECT jsonb_path_exists(info, '$.s ? (@ like_regex "zz")') FROM deep.asset
SELECT info @> '{"s": "Wombatz1B"}', info ? 's', info @? '$.n ? (@ > 480150)' FROM deep.asset
SELECT id FROM deep.asset WHERE info @> '{"s": "Wombatz1B"}'
SELECT id FROM deep.asset WHERE parts && ARRAY['Wombatz1B']
SELECT id FROM deep.asset WHERE 'Wombatz1B' = ANY (parts)
SELECT id FROM deep.asset WHERE (site).code = 'Wombatz1B'
SELECT id FROM deep.asset WHERE site = ROW('x', 'y', NULL)::deep.site OR (site).room LIKE '6172831%'
SELECT id FROM deep.asset a WHERE a > (SELECT b FROM deep.asset b WHERE b.id = 1) OR a.tag > 'Wombatz3'
SELECT count(*) FROM (SELECT DISTINCT site FROM deep.asset WHERE (site).room LIKE '6172831%') x
SELECT id, dense_rank() OVER (ORDER BY low) FROM deep.asset
SELECT label FROM deep.asset a WHERE EXISTS (SELECT FROM unnest(a.parts) u WHERE u LIKE '%zz%')
SELECT (SELECT count(*) FROM jsonb_each_text(a.info) e WHERE e.value LIKE '%zz%') FROM deep.asset a
SELECT label FROM deep.asset NATURAL JOIN (VALUES ('Wombatz1B'::text)) v (tag)
SELECT label FROM deep.asset JOIN (VALUES (960202)) v (twice) USING (twice)
SELECT label FROM deep.asset WHERE id IN (SELECT at FROM deep.log WHERE entry = 'Wombatz1B')
SELECT label FROM deep.asset WHERE ROW(id, tag) = ROW(1, 'Wombatz1B')
SELECT label FROM deep.asset WHERE (id, tag) IN (SELECT at, 'Wombatz1B' FROM deep.log)
SELECT GREATEST(num, 480150) = num, LEAST(num, 480150) > 480149 FROM deep.asset
SELECT label FROM deep.asset TABLESAMPLE BERNOULLI (100) WHERE num > 480150
UPDATE deep.asset SET label = label WHERE low LIKE '%zz%'
DELETE FROM deep.part p USING deep.asset a WHERE a.id = p.asset AND a.num > 480150
UPDATE deep.part SET label = 'x' WHERE asset IN (SELECT id FROM deep.van UNION SELECT id FROM deep.asset WHERE num > 480150)
INSERT INTO deep.part (id, label) SELECT id + 50, label FROM deep.asset WHERE low LIKE '%zz%'
BEGIN ;; CREATE TEMP TABLE o1 AS SELECT id FROM deep.asset WHERE low LIKE '%zz%' ;; SELECT count(*) FROM o1 ;; ROLLBACK
BEGIN ;; CREATE TEMP VIEW o2 AS SELECT id FROM deep.asset WHERE low LIKE '%zz%' ;; SELECT count(*) FROM o2 ;; ROLLBACK
BEGIN ;; CREATE TEMP VIEW o3 AS SELECT id, num > 480150 AS b FROM deep.asset ;; SELECT id FROM o3 WHERE b ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE o4 (n int UNIQUE) ;; INSERT INTO o4 VALUES (480101) ;; INSERT INTO o4 SELECT num FROM deep.asset WHERE id = 1 ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE o5 (n int) PARTITION BY RANGE (n) ;; CREATE TEMP TABLE o5a PARTITION OF o5 FOR VALUES FROM (0) TO (480150) ;; INSERT INTO o5 SELECT num FROM deep.asset WHERE id = 1 ;; ROLLBACK
BEGIN ;; INSERT INTO deep.asset (id, tag) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET label = 'q' WHERE asset.num > 480150 ;; ROLLBACK
BEGIN ;; PREPARE q (int) AS SELECT id FROM deep.asset WHERE num > $1 ;; EXECUTE q (480150) ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR FOR SELECT id FROM deep.van WHERE load LIKE '6172831%' ;; FETCH ALL c ;; ROLLBACK
--@ pg>=15
MERGE INTO deep.part p USING deep.asset a ON p.id = a.id AND a.num > 480150 WHEN MATCHED THEN UPDATE SET label = 'x'
--@ pg>=15
MERGE INTO deep.part p USING deep.asset a ON p.id = a.id WHEN MATCHED AND a.low LIKE '%zz%' THEN DELETE WHEN MATCHED THEN DO NOTHING
--@ pg>=15
MERGE INTO deep.part p USING (SELECT * FROM deep.asset WHERE tag > 'Wombatzz' ORDER BY tag LIMIT 1) a ON p.id = a.id WHEN MATCHED THEN UPDATE SET label = 'x'
--@ pg>=17
SELECT count(*) FROM deep.asset, JSON_TABLE(info, '$.l[*] ? (@ like_regex "^6172831")' COLUMNS (x text PATH '$')) j
--@ pg>=17
SELECT JSON_EXISTS(info, '$.s ? (@ like_regex "zz")') FROM deep.asset
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT at FROM deep.log WHERE entry LIKE '%zz%'
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) SELECT id FROM deep.asset a WHERE twice > 960300
