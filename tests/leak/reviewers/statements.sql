-- Statements that a reviewer of pgveil wrote to get at masked values; tests/leak/test_reviewers.py runs each in a
-- transaction of its own, rolled back. " ;; " separates statements of one session. "--# name" begins a category; in one
-- called "oracle …" the statements differ by a masked value only, so all must come out alike. "--# path NAME" is run
-- with that startup search_path. A line that begins with "!" is run by the DBA, for good.

--# scope
SELECT id, (SELECT ssn || '' FROM json_populate_record(NULL::public.journal, '{}') AS ssn) FROM app.patient
SELECT id, (SELECT ssn || '' FROM unnest(ARRAY[NULL::public.journal]) AS ssn) FROM app.patient
SELECT id, (SELECT ssn || '' FROM jsonb_populate_recordset(NULL::public.journal, '[{}]') AS ssn) FROM app.patient
SELECT id, (SELECT ssn || '' FROM ext.each('a=>1'::ext.hstore) AS ssn) FROM app.patient
SELECT id, (SELECT ssn || '' FROM COALESCE(NULL::public.journal, NULL) AS ssn) FROM app.patient
SELECT id, (SELECT ssn || '' FROM CAST(NULL AS public.journal) AS ssn) FROM app.patient
SELECT id, (SELECT u.ssn || '' FROM ((SELECT 'a'::text AS ssn) a JOIN (SELECT 'a'::text AS ssn) b USING (ssn) AS u) AS j) FROM app.patient AS u
SELECT id, (SELECT ssn || '' FROM (SELECT CASE WHEN false THEN 0 ELSE (SELECT ssn.* FROM (SELECT 1 AS zzz) AS ssn) END) s) FROM app.patient
SELECT id, (SELECT ssn || '' FROM (SELECT (SELECT ssn.* FROM (SELECT 1 AS zzz) AS ssn)::text) s) FROM app.patient
--# cast
SELECT 1::public.mood
SELECT 1::public.addr
SELECT (1::public.addr).street
SELECT id, m::text FROM public.journal
SELECT upper(m) FROM public.journal
SELECT m || 'x' FROM public.journal
SELECT concat(m,'x') FROM public.journal
SELECT md5(m), reverse(m) FROM public.journal
--# fk
DELETE FROM app.ward WHERE id = 1
UPDATE public.par SET id = 5 WHERE id = 1
DELETE FROM public.par WHERE id = 1
UPDATE app.ward SET id = 99 WHERE id = 1
--# rls
SELECT * FROM public.doc
SELECT * FROM public.doc2
SELECT * FROM public.doc_v
--# writes
INSERT INTO public.audit(extra) VALUES (1) RETURNING line
INSERT INTO public.chk VALUES (1,'x')
INSERT INTO public.fkchild(id,l) VALUES (1,'x')
INSERT INTO public.expr VALUES (1,'x')
INSERT INTO public.genf VALUES (1) RETURNING *
INSERT INTO public.trg VALUES (1,'err')
INSERT INTO public.trg VALUES (1,'ok') ;; SELECT current_setting('app.last')
INSERT INTO public.trg VALUES (1,'ok') ;; SHOW app.last
INSERT INTO public.ruled VALUES (1,'x')
--# catalog
SELECT pg_get_partition_constraintdef(oid) FROM pg_class WHERE relname LIKE 'ev%'
SELECT tableoid::regclass, id FROM app.ev
SELECT id FROM app.ev_a
--# oracle bit-check
UPDATE app.patient SET lim = 197532 WHERE id = 1
UPDATE app.patient SET lim = 197533 WHERE id = 1
--# oracle bit-generated
UPDATE app.patient SET factor = 4473 WHERE id = 1
UPDATE app.patient SET factor = 4474 WHERE id = 1
UPDATE app.patient SET factor = 4475 WHERE id = 1
--# oracle bit-uniq-generated
INSERT INTO app.patient(id,ward_id,secret,tenant) VALUES (50,2,'wombatsecret1',777)
INSERT INTO app.patient(id,ward_id,secret,tenant) VALUES (51,2,'nope',778)
--# oracle bit-fk
DELETE FROM app.dxcode WHERE code='DX6'
DELETE FROM app.dxcode WHERE code='DX1'
INSERT INTO public.fkchild(id,ref_ssn) VALUES (1,'6172831kx')
INSERT INTO public.fkchild(id,ref_ssn) VALUES (1,'6172839kx')
--# oracle bit-domain-insert
INSERT INTO public.fkchild(id,d) VALUES (1,'6172831kx')
INSERT INTO public.fkchild(id,d) VALUES (1,'nope')
INSERT INTO public.fkchild(id,d) SELECT 1,'6172831kx'
--# oracle bit-uniq-compound
UPDATE app.patient SET tenant = 2 WHERE id = 1
UPDATE app.patient SET tenant = 3 WHERE id = 1
--# oracle bit-length-nd
SELECT id, strpos(secret COLLATE public.nd, 'aaaaaaaaaaaaa') FROM app.patient WHERE id = 1
SELECT id, strpos(secret COLLATE public.nd, 'aaaaaaaaaaaaaa') FROM app.patient WHERE id = 1
SELECT id, starts_with(secret COLLATE public.nd, 'aaaaaaaaaaaaaa') FROM app.patient WHERE id = 1
SELECT id, secret COLLATE public.nd LIKE 'a%' FROM app.patient WHERE id = 1
--# partition
SELECT tableoid::regclass, id FROM app.ev
SELECT t.tableoid, t.id, pg_get_partition_constraintdef(t.tableoid) FROM app.ev t
INSERT INTO app.ev_a(id,kind) VALUES (9,'x')
--# triggers-codes
UPDATE app.kid SET par = par
--# bit2
INSERT INTO app.g(id,m_sec) VALUES (9,'guessme')
INSERT INTO app.g(id,m_sec) VALUES (9,'other')
INSERT INTO app.g(id,m_sec) VALUES (9,'GUESSME') ON CONFLICT DO NOTHING
INSERT INTO public.ref1(id,k) VALUES (1,'fkcanaryval')
INSERT INTO public.ref1(id,k) VALUES (1,'nonexisting')
UPDATE app.ucomp SET grp = 2 WHERE id = 1
UPDATE app.ucomp SET grp = 3 WHERE id = 1
UPDATE app.excl SET room = 2 WHERE id = 1
UPDATE app.excl SET room = 3 WHERE id = 1
INSERT INTO app.ucomp(id,grp) SELECT 7, 1 ON CONFLICT DO NOTHING
--# oracle collation-oracle
SELECT p.id, p.secret LIKE 'w%' OR (s.a || s.b) = 'x' FROM app.patient p, (SELECT line COLLATE "C" AS a, line COLLATE "POSIX" AS b FROM public.journal LIMIT 1) s WHERE p.id=2
SELECT p.id, p.secret LIKE 'v%' OR (s.a || s.b) = 'x' FROM app.patient p, (SELECT line COLLATE "C" AS a, line COLLATE "POSIX" AS b FROM public.journal LIMIT 1) s WHERE p.id=2
SELECT p.id, p.pin > 480001 OR lower(s.a || s.b) = 'x' FROM app.patient p, (SELECT line COLLATE "C" AS a, line COLLATE "POSIX" AS b FROM public.journal LIMIT 1) s WHERE p.id=2
SELECT p.id, p.pin > 480002 OR lower(s.a || s.b) = 'x' FROM app.patient p, (SELECT line COLLATE "C" AS a, line COLLATE "POSIX" AS b FROM public.journal LIMIT 1) s WHERE p.id=2
SELECT p.id, p.secret LIKE 'w%' OR (c.relname || s.b) = 'x' FROM app.patient p, pg_class c, (SELECT line COLLATE "POSIX" AS b FROM public.journal LIMIT 1) s WHERE p.id=2 AND c.relname='pg_class'
SELECT p.id, p.secret LIKE 'v%' OR (c.relname || s.b) = 'x' FROM app.patient p, pg_class c, (SELECT line COLLATE "POSIX" AS b FROM public.journal LIMIT 1) s WHERE p.id=2 AND c.relname='pg_class'
--# oracle lazy-view
! UPDATE app.patient SET factor=0 WHERE id=2
SELECT secret LIKE 'w%' OR r = 1 FROM app.v_fail WHERE id=2
SELECT secret LIKE 'v%' OR r = 1 FROM app.v_fail WHERE id=2
SELECT p.secret LIKE 'w%' OR v.r = 1 FROM app.patient p, public.v_fail2 v WHERE p.id=2
SELECT p.secret LIKE 'v%' OR v.r = 1 FROM app.patient p, public.v_fail2 v WHERE p.id=2
--# oracle lazy-param
PREPARE q(text) AS SELECT secret LIKE 'w%' OR $1::date = '2020-01-01' FROM app.patient WHERE id=2 ;; EXECUTE q('zzz')
PREPARE q2(text) AS SELECT secret LIKE 'v%' OR $1::date = '2020-01-01' FROM app.patient WHERE id=2 ;; EXECUTE q2('zzz')
PREPARE q3(text) AS SELECT secret LIKE 'w%' OR $1::int = 1 FROM app.patient WHERE id=2 ;; EXECUTE q3('1') ;; EXECUTE q3('1') ;; EXECUTE q3('1') ;; EXECUTE q3('1') ;; EXECUTE q3('1') ;; EXECUTE q3('1') ;; EXECUTE q3('1') ;; EXECUTE q3('zzz')
PREPARE q4(text) AS SELECT secret LIKE 'v%' OR $1::int = 1 FROM app.patient WHERE id=2 ;; EXECUTE q4('1') ;; EXECUTE q4('1') ;; EXECUTE q4('1') ;; EXECUTE q4('1') ;; EXECUTE q4('1') ;; EXECUTE q4('1') ;; EXECUTE q4('1') ;; EXECUTE q4('zzz')
--# oracle lazy-const
SELECT secret LIKE 'w%' OR (1e30::money IS NULL) FROM app.patient WHERE id=2
SELECT secret LIKE 'v%' OR (1e30::money IS NULL) FROM app.patient WHERE id=2
--# oracle lazy-nd
SELECT secret LIKE 'w%' OR strpos(name COLLATE public.nd, 'a') > 0 FROM app.patient WHERE id=2
SELECT secret LIKE 'v%' OR strpos(name COLLATE public.nd, 'a') > 0 FROM app.patient WHERE id=2
--# oracle common-type
SELECT id, CASE WHEN id > 0 THEN m_l ELSE 1::oid END FROM app.t2 WHERE id=1
SELECT id, CASE WHEN id > 0 THEN m_l ELSE 1::oid END FROM app.t2 WHERE id=2
SELECT id, coalesce(m_l, 1::oid) FROM app.t2 WHERE id=1
SELECT id, coalesce(m_l, 1::oid) FROM app.t2 WHERE id=2
--# oracle common-type-of-rows
SELECT m_l FROM app.t2 WHERE id=1 UNION ALL SELECT 1::oid
SELECT m_l FROM app.t2 WHERE id=2 UNION ALL SELECT 1::oid
SELECT (SELECT column1 FROM (VALUES (t.m_l),(1::oid)) v LIMIT 1) FROM app.t2 t WHERE id=1
SELECT (SELECT column1 FROM (VALUES (t.m_l),(1::oid)) v LIMIT 1) FROM app.t2 t WHERE id=2
--# opaque-and-functions
SELECT public.peek(1)
SELECT * FROM public.peekrow(1)
SELECT #@# 1
SELECT public.agg_leak(name) FROM app.patient
SELECT x FROM app.v_fn
SELECT query_to_xml('select ssn from app.patient',true,false,'')
SELECT table_to_xml('app.patient',true,false,'')
SELECT schema_to_xml('app',true,false,'')
SELECT cursor_to_xml('c',10,true,false,'')
SELECT * FROM ts_stat('select to_tsvector(ssn) from app.patient')
SELECT * FROM ext.crosstab('select id,ssn,ssn from app.patient') AS t(a int,b text)
SELECT * FROM ext.dblink('dbname=lab','select ssn from app.patient') AS t(a text)
SELECT lo_get(424242)
SELECT loread(lo_open(424242,262144),100)
SELECT * FROM pg_largeobject
SELECT pg_read_file('/etc/passwd')
SELECT * FROM pg_stats
SELECT * FROM pg_statistic
SELECT * FROM app.v_stats
SELECT * FROM app.v_act
SELECT query FROM ext.pg_stat_statements
SELECT * FROM ext.pg_stat_statements(true)
SELECT query FROM pg_stat_activity
SELECT * FROM pg_prepared_statements
SELECT current_query()
SELECT stxdmcv FROM pg_statistic_ext_data
SELECT relpartbound FROM pg_class
SELECT pg_get_expr(relpartbound, oid) FROM pg_class
SELECT description FROM pg_description
SELECT col_description('app.patient'::regclass, 9)
SELECT pg_get_constraintdef(oid) FROM pg_constraint
SELECT setconfig FROM pg_db_role_setting
SELECT umoptions FROM pg_user_mappings
SELECT * FROM information_schema.user_mapping_options
SELECT srvoptions FROM pg_foreign_server
SELECT column_default, generation_expression FROM information_schema.columns
SELECT * FROM information_schema.check_constraints
SELECT pg_sequence_last_value(1)
SELECT ext.concat_ws('a','b')
SELECT concat_ws('a','b')
SELECT ssn FROM app.patient WHERE ext.levenshtein('a','b')=1
SELECT ext.crypt('a', ext.gen_salt('bf',4))
SELECT ext.similarity(ssn,'x') FROM app.patient
SELECT ext.digest(ssn,'md5') FROM app.patient
SELECT ext.hstore(p) FROM app.patient p
SELECT ext.unaccent(ssn) FROM app.patient
SELECT ssn::ext.citext FROM app.patient
SELECT set_config('search_path','archive',false)
SELECT setseed(0.5)
SELECT pg_notify('a','b')
SELECT has_table_privilege('app.patient','select')
SELECT pg_input_is_valid('a','known_ssn')
SELECT json_populate_record(NULL::public.fkchild, '{"d":"x"}')
SELECT * FROM json_to_record('{"a":"x"}') AS t(a public.known_ssn)
SELECT row_to_json(h) FROM public.holder h
SELECT (pt).ssn FROM public.holder
SELECT pt FROM public.holder
SELECT (pt).* FROM public.holder
SELECT h.pt.ssn FROM public.holder h
SELECT * FROM public.ft
--# views
SELECT * FROM app.v1
SELECT a,b,c FROM app.v2
SELECT b||'' FROM app.v2
SELECT id FROM app.v_where
SELECT * FROM app.v_sb
SELECT ssn||'', secret||'' FROM app.v_sb
SELECT * FROM app.v_row
SELECT (p).ssn, (p).secret||'' FROM app.v_row
SELECT (p).* FROM app.v_row
SELECT * FROM app.v_win
SELECT fv||'' FROM app.v_win
SELECT * FROM app.v_rec
SELECT s||'' FROM app.v_rec
SELECT * FROM app.v_using
SELECT ssn||'' FROM app.v_using
SELECT * FROM app.v_union
SELECT name||'' FROM app.v_union
SELECT name FROM app.v_union WHERE name LIKE 'w%'
SELECT j FROM app.v_json
SELECT j->>'ssn' FROM app.v_json
SELECT * FROM app.mv
SELECT ssn||s2 FROM app.mv
SELECT count(*) FROM app.mv WHERE s2 > 'a'
SELECT v FROM app.v1 v
SELECT to_json(v) FROM app.v1 v
SELECT id FROM app.v1 ORDER BY d
--# inherit
SELECT * FROM app.parent
SELECT body||'' FROM app.parent
SELECT * FROM ONLY app.parent
SELECT p FROM app.parent p
SELECT id FROM app.parent WHERE body LIKE 'c%'
SELECT p.*::text FROM app.parent p
SELECT body FROM app.child
TABLE app.child
SELECT * FROM app.child2
SELECT extra||'' FROM app.child2
SELECT * FROM app.ev
SELECT kind||'' FROM app.ev_a
SELECT id FROM app.ev WHERE kind='kindcan'
SELECT note FROM app.ev_b
SELECT * FROM "Mixed"."Pätient"
SELECT "SSN"||"Ünï" FROM "Mixed"."Pätient"
SELECT U&"\0053SN"||'' FROM "Mixed".U&"P\00e4tient"
SELECT gen, prod FROM app.patient
SELECT gen||'' FROM app.patient
SELECT gen FROM app.patient WHERE gen > 'a'
--# copy-explain-etc
COPY app.patient TO STDOUT
COPY (SELECT ssn FROM app.patient) TO STDOUT
COPY (SELECT id, name FROM app.patient) TO STDOUT
COPY app.patient (id,name) TO STDOUT
COPY app.parent TO STDOUT
COPY app.ev_a TO STDOUT (FORMAT csv, HEADER)
COPY (UPDATE app.patient SET name=name RETURNING ssn||'') TO STDOUT
COPY app.patient TO PROGRAM 'cat'
EXPLAIN (VERBOSE) SELECT ssn FROM app.patient WHERE id=1
EXPLAIN SELECT 1 FROM app.patient WHERE ssn='x'
EXPLAIN ANALYZE SELECT 1
EXPLAIN (VERBOSE, ANALYZE false) SELECT public.ix('a')
PREPARE z AS SELECT ssn||'' FROM app.patient ;; EXECUTE z ;; EXPLAIN (VERBOSE) EXECUTE z
BEGIN ;; DECLARE c CURSOR FOR SELECT ssn, ssn||'' FROM app.patient ;; FETCH ALL c
BEGIN ;; DECLARE c BINARY CURSOR FOR SELECT ssn, pin, secret||'' FROM app.patient ;; FETCH ALL c
BEGIN ;; DECLARE c CURSOR WITH HOLD FOR SELECT name FROM app.patient ;; CLOSE c ;; DECLARE c CURSOR FOR SELECT secret||'' FROM app.patient ;; FETCH c ;; COMMIT
BEGIN ;; DECLARE c CURSOR FOR SELECT name FROM app.patient ;; ROLLBACK ;; BEGIN ;; DECLARE c CURSOR FOR SELECT secret||'' FROM app.patient ;; FETCH c
BEGIN ;; PREPARE q AS SELECT name FROM app.patient ;; SAVEPOINT a ;; DEALLOCATE q ;; PREPARE q AS SELECT secret||'' FROM app.patient ;; ROLLBACK TO a ;; EXECUTE q
SET search_path TO archive
RESET ALL ;; SELECT secret||'' FROM archive.patient
SET standard_conforming_strings=off
SET client_encoding='SJIS'
SET client_min_messages=debug5
SHOW ALL
DO $$BEGIN RAISE NOTICE '%', (SELECT ssn FROM app.patient LIMIT 1); END$$
CREATE TEMP TABLE x AS SELECT ssn FROM app.patient
SELECT ssn INTO TEMP y FROM app.patient
CREATE TEMP VIEW vv AS SELECT 1
CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'select 1'
MERGE INTO public.journal j USING app.patient p ON j.id=p.id WHEN MATCHED THEN UPDATE SET line=p.ssn
LOCK app.patient
LISTEN x
NOTIFY x, 'y'
ANALYZE app.patient
--# dml
INSERT INTO public.journal(line) SELECT ssn FROM app.patient RETURNING line
INSERT INTO public.journal(line) VALUES ((SELECT ssn FROM app.patient LIMIT 1)) RETURNING *
UPDATE public.journal SET line = p.ssn FROM app.patient p WHERE p.id=1 RETURNING line
UPDATE public.journal SET (line, amount) = (SELECT ssn, 1 FROM app.patient LIMIT 1)
UPDATE public.journal j SET line='x' FROM app.patient p WHERE p.id=j.id RETURNING p.ssn, p.secret||'', p
DELETE FROM public.journal j USING app.patient p WHERE p.ssn = j.line
DELETE FROM public.journal j USING app.patient p WHERE p.id = j.id RETURNING p.ssn, p.*
WITH u AS (UPDATE app.patient SET name=name RETURNING *) SELECT ssn||'', u FROM u
WITH u AS (INSERT INTO public.journal(line) SELECT secret FROM app.patient RETURNING line) SELECT line FROM u
INSERT INTO public.par AS patient VALUES (9,'x') ON CONFLICT (id) DO UPDATE SET v = (SELECT secret FROM app.patient LIMIT 1)
INSERT INTO app.patient(id,ward_id) VALUES (1,2) ON CONFLICT (id) DO UPDATE SET name = app.patient.ssn
INSERT INTO app.patient(id,ward_id) VALUES (1,2) ON CONFLICT (id) DO UPDATE SET name='z' WHERE app.patient.ssn LIKE '6%'
INSERT INTO app.patient(id,ward_id) VALUES (1,2) ON CONFLICT (ssn) DO NOTHING
INSERT INTO app.patient(id,ward_id) VALUES (1,2)
INSERT INTO app.patient(id,ward_id) VALUES (77,NULL)
UPDATE app.patient SET id = 'x' || secret
UPDATE app.patient SET name = 'a' WHERE id=1 RETURNING ssn, ssn||'', old.ssn
UPDATE app.patient SET visits = -1 WHERE id=1 RETURNING prod
UPDATE app.patient SET ssn = 'fffffffzz' WHERE id=1
UPDATE app.patient SET pin = 1 WHERE id=1 RETURNING prod, prod::text
--# path \tarchive,public
SELECT ssn || '' , secret || '' FROM patient
SELECT ssn, secret FROM patient
SELECT id FROM patient WHERE secret LIKE 'arch%'
! REVOKE USAGE ON SCHEMA private FROM pgveil_agent
--# path private,archive,public
SELECT ssn || '' , secret || '' FROM patient
SELECT ssn, secret FROM patient
SELECT id FROM patient WHERE secret LIKE 'arch%'
