-- A value moved to where no rule is, and read there.

--# value moved and read
BEGIN ;; INSERT INTO public.box (line) SELECT secret FROM app.people ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; INSERT INTO public.box (n) SELECT pin FROM app.people ;; SELECT n FROM public.box ;; ROLLBACK
BEGIN ;; INSERT INTO public.box (j) SELECT to_jsonb(p) FROM app.people p ;; SELECT j FROM public.box ;; ROLLBACK
BEGIN ;; INSERT INTO public.box (a) SELECT tags FROM app.people ;; SELECT a FROM public.box ;; ROLLBACK
BEGIN ;; INSERT INTO public.box (line) VALUES ((SELECT max(secret) FROM app.people)) ;; TABLE public.box ;; ROLLBACK
BEGIN ;; INSERT INTO public.box (line) SELECT left(secret, 8) FROM app.people ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; INSERT INTO public.box (line) SELECT x.v FROM (SELECT secret AS v FROM app.people) x ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; WITH x AS (SELECT secret AS v FROM app.people) INSERT INTO public.box (line) SELECT v FROM x ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; WITH x AS (INSERT INTO public.box (line) SELECT secret FROM app.people) SELECT 1 ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; UPDATE public.box SET line = (SELECT max(secret) FROM app.people) ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; UPDATE public.box b SET line = p.secret FROM app.people p WHERE p.id = b.id ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; UPDATE app.people SET name = secret ;; SELECT name FROM app.people ;; ROLLBACK
BEGIN ;; UPDATE app.people p SET name = q.secret FROM app.people q WHERE p.id = q.id ;; SELECT name FROM app.people ;; ROLLBACK
BEGIN ;; UPDATE app.people SET (name, lim) = ROW (secret, 0) ;; SELECT name FROM app.people ;; ROLLBACK
BEGIN ;; UPDATE app.people SET joined = born ;; SELECT joined FROM app.people ;; ROLLBACK
BEGIN ;; UPDATE app.orders o SET item = (SELECT secret FROM app.people p WHERE p.id = o.person) ;; SELECT item FROM app.orders ;; ROLLBACK
BEGIN ;; INSERT INTO app.people (id, name) SELECT id, secret FROM app.people ON CONFLICT (id) DO UPDATE SET name = excluded.name ;; SELECT name FROM app.people ;; ROLLBACK
BEGIN ;; INSERT INTO app.people (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = app.people.secret ;; SELECT name FROM app.people ;; ROLLBACK
BEGIN ;; INSERT INTO app.notes (id, title) SELECT 90 + id, body FROM app.notes ;; SELECT title FROM app.notes ;; ROLLBACK
BEGIN ;; INSERT INTO other.people (id, secret) SELECT id, secret FROM app.people ;; SELECT secret FROM other.people ;; ROLLBACK
BEGIN ;; CREATE TABLE public.got AS SELECT secret FROM app.people ;; SELECT secret FROM public.got ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE got AS SELECT id, secret AS s FROM app.people ;; SELECT s FROM got ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE got AS TABLE app.people ;; SELECT secret FROM got ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE got (a, b) AS SELECT id, secret FROM app.people WITH DATA ;; SELECT b FROM got ;; ROLLBACK
BEGIN ;; CREATE TABLE IF NOT EXISTS public.got AS SELECT md5(secret), secret FROM app.people ;; SELECT secret FROM public.got ;; ROLLBACK
BEGIN ;; CREATE UNLOGGED TABLE public.got AS SELECT p FROM app.people p ;; SELECT (p).secret FROM public.got ;; ROLLBACK
BEGIN ;; SELECT secret INTO public.got FROM app.people ;; SELECT secret FROM public.got ;; ROLLBACK
BEGIN ;; SELECT * INTO TEMP got FROM app.people ;; SELECT secret FROM got ;; ROLLBACK
BEGIN ;; SELECT id, secret AS x INTO UNLOGGED public.got FROM app.people ;; SELECT x FROM public.got ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE got (s text) ;; INSERT INTO got SELECT secret FROM app.people ;; SELECT s FROM got ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE got (s text) ON COMMIT DROP ;; INSERT INTO pg_temp.got SELECT secret FROM app.people ;; SELECT s FROM pg_temp.got ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE got (LIKE app.people) ;; INSERT INTO got SELECT p.id, p.name, p.team, p.active, p.joined, p.lim, p.grp, p.ssn FROM app.people p ;; SELECT ssn FROM got ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE got (s text DEFAULT app.secret_definer(1), i int) ;; INSERT INTO got (i) VALUES (1) ;; SELECT s FROM got ;; ROLLBACK
BEGIN ;; CREATE MATERIALIZED VIEW public.got AS SELECT secret FROM app.people ;; SELECT secret FROM public.got ;; ROLLBACK
BEGIN ;; CREATE VIEW public.got AS SELECT secret AS s FROM app.people ;; SELECT s FROM public.got ;; ROLLBACK
BEGIN ;; CREATE RULE copy AS ON UPDATE TO mine.cust DO ALSO INSERT INTO public.box (line) VALUES (OLD.secret) ;; UPDATE mine.cust SET name = name ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD open text GENERATED ALWAYS AS (secret || '') STORED ;; SELECT open FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER name TYPE text USING secret ;; SELECT name FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD open text ;; UPDATE mine.cust SET open = secret ;; SELECT open FROM mine.cust ;; ROLLBACK
BEGIN ;; SELECT setval('app.seq', pin) FROM app.people WHERE id = 1 ;; SELECT last_value FROM app.seq ;; ROLLBACK
BEGIN ;; SELECT setval('app.seq', (SELECT max(pin) FROM app.people)) ;; SELECT currval('app.seq'), lastval(), nextval('app.seq') ;; ROLLBACK
SELECT set_config('my.x', (SELECT max(secret) FROM app.people), false) ;; SELECT current_setting('my.x')
SELECT set_config('application_name', secret, false) FROM app.people WHERE id = 1 ;; SHOW application_name
SELECT set_config('my.x', secret, false) FROM app.people ;; SHOW ALL
LISTEN news ;; SELECT pg_notify('news', secret) FROM app.people ;; SELECT 1
LISTEN news ;; INSERT INTO app.bell VALUES (1, 'x') ;; DELETE FROM app.bell ;; SELECT 1
BEGIN ;; SELECT lo_from_bytea(515151, secret::bytea) FROM app.people WHERE id = 1 ;; SELECT lo_get(515151) ;; ROLLBACK
BEGIN ;; SELECT lo_put(lo_create(515152), 0, secret::bytea) FROM app.people WHERE id = 1 ;; SELECT data FROM pg_largeobject WHERE loid = 515152 ;; ROLLBACK
BEGIN ;; DO $$ BEGIN EXECUTE format('COMMENT ON COLUMN mine.cust.name IS %L', (SELECT max(secret) FROM app.people)); END $$ ;; SELECT col_description('mine.cust'::regclass, 2) ;; ROLLBACK
BEGIN ;; DO $$ BEGIN EXECUTE format('CREATE TABLE public.%I ()', (SELECT max(secret) FROM app.people)); END $$ ;; SELECT relname FROM pg_class ORDER BY oid DESC LIMIT 1 ;; ROLLBACK
BEGIN ;; DO $$ BEGIN EXECUTE format('CREATE TYPE public.e AS ENUM (%L)', (SELECT max(secret) FROM app.people)); END $$ ;; SELECT enumlabel FROM pg_enum ;; ROLLBACK
BEGIN ;; INSERT INTO app.audit (line) SELECT secret FROM app.people ;; UPDATE public.box SET line = (SELECT max(line) FROM app.audit) ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; UPDATE mine.cust SET name = secret ;; SELECT name FROM mine.cust ;; ROLLBACK
BEGIN ;; UPDATE app.people SET ssn = secret || '-77', secret = ssn ;; SELECT ssn, secret FROM app.people ;; ROLLBACK
BEGIN ;; UPDATE app.keyed SET name = tok ;; SELECT name FROM app.keyed ;; ROLLBACK
BEGIN ;; INSERT INTO app.notes (id, body) SELECT 90 + id, 'it is ' || secret FROM app.people ;; SELECT body FROM app.notes WHERE id > 90 ;; ROLLBACK
BEGIN ;; UPDATE app.notes SET body = p.secret FROM app.people p WHERE p.id = notes.id ;; SELECT body FROM app.notes ;; ROLLBACK
BEGIN ;; UPDATE app.people SET email = secret || '@x.example' ;; SELECT email FROM app.people ;; UPDATE app.people SET email = 'x@' || secret || '.example' ;; SELECT email FROM app.people ;; ROLLBACK
PREPARE a AS INSERT INTO public.box (line) SELECT secret FROM app.people RETURNING line ;; BEGIN ;; EXECUTE a ;; ROLLBACK
--@ pg>=15
BEGIN ;; MERGE INTO public.box b USING app.people p ON b.id = p.id WHEN MATCHED THEN UPDATE SET line = p.secret WHEN NOT MATCHED THEN INSERT (line) VALUES (p.secret) ;; SELECT line FROM public.box ;; ROLLBACK
--@ pg>=15
BEGIN ;; MERGE INTO app.people p USING app.people q ON p.id = q.id WHEN MATCHED THEN UPDATE SET name = q.secret ;; SELECT name FROM app.people ;; ROLLBACK
--# oracle moved bits
BEGIN ;; INSERT INTO public.box (n) SELECT pin % 2 FROM app.people ORDER BY id ;; SELECT n FROM public.box ;; ROLLBACK
BEGIN ;; INSERT INTO public.box (line) SELECT name FROM app.people ORDER BY secret ;; SELECT line FROM public.box ORDER BY id ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE got AS SELECT id, length(secret) AS l FROM app.people ;; SELECT * FROM got ;; ROLLBACK
BEGIN ;; UPDATE app.people SET active = vip ;; SELECT id, active FROM app.people ORDER BY id ;; ROLLBACK
BEGIN ;; UPDATE app.people SET lim = 1 WHERE secret LIKE '%zz%' ;; SELECT id, lim FROM app.people ORDER BY id ;; ROLLBACK
