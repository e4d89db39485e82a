-- SQL inside of strings.

--# value functions that run text
SELECT query_to_xml('SELECT secret FROM app.people', true, false, '')
SELECT query_to_xmlschema('SELECT secret FROM app.people', true, false, ''), query_to_xml('SELECT secret FROM app.people', true, false, '')
SELECT query_to_xml_and_xmlschema('SELECT secret FROM app.people', true, false, '')
SELECT table_to_xml('app.people', true, false, '')
SELECT schema_to_xml('app', true, false, '')
SELECT table_to_xml_and_xmlschema('app.people', true, false, '')
SELECT xpath('//secret/text()', query_to_xml('SELECT secret FROM app.people', true, false, ''))
SELECT x.* FROM xmltable('//row' PASSING query_to_xml('SELECT secret FROM app.people', true, false, '') COLUMNS secret text) x
SELECT count(*), max(query_to_xml('SELECT secret FROM app.people', true, false, '')::text)
SELECT (query_to_xml($q$SELECT secret FROM app.people$q$, true, true, ''))::text
SELECT query_to_xml('SELECT ' || chr(115) || 'ecret FROM app.people', true, false, '')
SELECT * FROM ts_stat('SELECT to_tsvector(''simple'', secret) FROM app.people')
SELECT word FROM ts_stat('SELECT tsv FROM app.people')
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, plainto_tsquery(''simple'', secret) FROM app.people')
SELECT * FROM ext.crosstab('SELECT id, id, secret FROM app.people ORDER BY 1') AS t (a int, b text)
SELECT * FROM ext.crosstab('SELECT id, id, secret FROM app.people ORDER BY 1', 'SELECT 1') AS t (a int, b text)
SELECT * FROM ext.connectby('app.people', 'secret', 'gen', 'wombatz', 0, '~') AS t (k text, p text, l int, b text) UNION ALL SELECT k, k, l, k FROM ext.connectby('app.people', 'ssn', 'ssn', (SELECT max(ssn) FROM app.people), 1) AS t (k text, p text, l int)
SELECT * FROM ext.xpath_table('id', 'doc', 'app.people', '/d/v', 'true') AS t (id int, v text)
SELECT app.run('SELECT string_agg(secret, '','') FROM app.people')
SELECT * FROM ext.dblink(format('host=%s port=%s dbname=%s user=fdwuser password=fdw', host(inet_server_addr()), inet_server_port(), current_database()), 'SELECT secret FROM app.people') AS t (s text)
DO $$ BEGIN RAISE NOTICE '%', (SELECT max(secret) FROM app.people); END $$
DO $$ BEGIN RAISE EXCEPTION '%', (SELECT max(secret) FROM app.people); END $$
DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT sec' || 'ret AS s FROM app.people' LOOP RAISE NOTICE '%', r.s; END LOOP; END $$
DO $$ BEGIN EXECUTE format('CREATE TEMP TABLE got AS SELECT %I AS s FROM app.people', 'secret'); END $$ ;; SELECT s FROM got
DO $$ BEGIN PERFORM set_config('my.x', (SELECT max(secret) FROM app.people), false); END $$ ;; SHOW my.x
DO $$ BEGIN EXECUTE 'PREPARE z AS SELECT secret FROM app.people'; END $$ ;; EXECUTE z
BEGIN ;; DO $$ BEGIN EXECUTE 'DECLARE z CURSOR WITH HOLD FOR SELECT secret FROM app.people'; END $$ ;; FETCH ALL z ;; ROLLBACK
SELECT pg_get_viewdef('app.v_people'), app.run('SELECT max(secret) FROM app.people')
--# oracle text that asks
SELECT query_to_xml('SELECT 1 FROM app.people WHERE secret = ''Wombatz1B''', true, false, '')
SELECT ts_stat('SELECT to_tsvector(CASE WHEN pin = 480101 THEN ''a'' ELSE ''b'' END) FROM app.people WHERE id = 1')
DO $$ BEGIN IF (SELECT secret LIKE '%zz%' FROM app.people WHERE id = 1) THEN RAISE EXCEPTION 'yes'; END IF; END $$
DO $$ BEGIN PERFORM 1 / (pin % 2) FROM app.people WHERE id = 1; END $$
