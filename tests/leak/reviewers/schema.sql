-- What could matter to a mask, and what DBAs really write: loaded by tests/leak/test_reviewers.py.
CREATE SCHEMA ext;
CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION pg_trgm SCHEMA ext; CREATE EXTENSION dblink SCHEMA ext; CREATE EXTENSION postgres_fdw SCHEMA ext;
CREATE EXTENSION tablefunc SCHEMA ext; CREATE EXTENSION pg_stat_statements SCHEMA ext; CREATE EXTENSION pgcrypto SCHEMA ext; CREATE EXTENSION fuzzystrmatch SCHEMA ext; CREATE EXTENSION unaccent SCHEMA ext;
CREATE EXTENSION intarray SCHEMA ext; CREATE EXTENSION ltree SCHEMA ext; CREATE EXTENSION btree_gist SCHEMA ext; CREATE EXTENSION "uuid-ossp" SCHEMA ext; CREATE EXTENSION cube SCHEMA ext; CREATE EXTENSION isn SCHEMA ext; CREATE EXTENSION seg SCHEMA ext;
CREATE COLLATION public.nd (provider = icu, locale = 'und', deterministic = false);
CREATE SCHEMA app; CREATE SCHEMA archive; CREATE SCHEMA private; CREATE SCHEMA "Mixed";
CREATE TYPE public.mood AS ENUM ('sad','ok','happy');
CREATE TYPE public.addr AS (street text, zip text);
CREATE TYPE public.pair AS (a int, b text);
CREATE DOMAIN public.plain_dom AS text;
CREATE TABLE app.ward (id int PRIMARY KEY, name text, code text UNIQUE);
INSERT INTO app.ward VALUES (1,'w1','c1'),(2,'w2','c2'),(3,'w3','c3'),(4,'w4','c4');
CREATE TABLE app.dxcode (code text PRIMARY KEY, label text);
INSERT INTO app.dxcode SELECT 'DX'||i, 'label '||i FROM generate_series(1,20) i;
CREATE TABLE app.patient (
 id int PRIMARY KEY, name text, ward_id int NOT NULL REFERENCES app.ward ON DELETE SET NULL ON UPDATE CASCADE,
 lim int DEFAULT 0, factor int DEFAULT 1, tenant int DEFAULT 1,
 -- masked
 ssn text UNIQUE, email varchar(60), balance numeric(12,2), visits int, born date, dev uuid, dx text REFERENCES app.dxcode,
 home addr, tags text[], meta jsonb, secret text, pin int,
 gen text GENERATED ALWAYS AS (secret || '-gen') STORED UNIQUE,
 prod int GENERATED ALWAYS AS (pin * factor) STORED,
 CHECK (lim <= visits), UNIQUE (tenant, secret)
);
INSERT INTO app.patient(id,name,ward_id,lim,factor,tenant,ssn,email,balance,visits,born,dev,dx,home,tags,meta,secret,pin)
SELECT i,'Pat'||i,1+i%3,0,1,i,'617283'||i||'kx', 'quorvex'||i||'@mail.example.org', 827364.10+i, 197531+i, date '1931-08-17'+i, ('c0ffee11-dead-4bad-8bad-facefeed0ba'||i)::uuid, 'DX'||i+5,
 row('ostrichlane'||i,'zq9'||i)::addr, array['zebrafinch'||i,'two'], jsonb_build_object('k','kestrelval'||i), 'wombatsecret'||CASE WHEN i=4 THEN 3 ELSE i END||'', 480000+i FROM generate_series(1,3) i;
CREATE TABLE app.parent (id int, body text); CREATE TABLE app.child () INHERITS (app.parent); CREATE TABLE app.child2 (extra text) INHERITS (app.parent);
INSERT INTO app.parent VALUES (1,'plainparent'); INSERT INTO app.child VALUES (2,'childcanaryA'); INSERT INTO app.child2 VALUES (3,'pubchild2','extracanaryB');
CREATE TABLE app.ev (id int, kind text, note text) PARTITION BY LIST (kind);
CREATE TABLE app.ev_a PARTITION OF app.ev FOR VALUES IN ('kindcanaryhiv'); CREATE TABLE app.ev_b PARTITION OF app.ev FOR VALUES IN ('kindcanaryflu');
INSERT INTO app.ev VALUES (1,'kindcanaryhiv','notecanaryC1'),(2,'kindcanaryflu','notecanaryC2');
-- public, unmasked
CREATE TABLE public.journal (id serial PRIMARY KEY, line text, amount int CHECK (amount >= 0), m public.mood DEFAULT 'ok', a public.addr, p public.pair);
INSERT INTO journal(line,amount,m,a,p) VALUES ('opened',1,'ok',row('pubstreet','1'),row(1,'x')),('closed',2,'sad',NULL,NULL);
-- same-named tables
CREATE TABLE archive.patient (LIKE app.patient); INSERT INTO archive.patient SELECT id,name,ward_id,lim,factor,tenant,'arch-'||ssn,'a'||email,balance,visits,born,dev,dx,home,tags,meta,'arch'||secret,pin,'','1' FROM app.patient;
CREATE TABLE private.patient (id int, name text, ssn text, email text, secret text); INSERT INTO private.patient VALUES (1,'x','pub','pub','pub');
CREATE TABLE public.patient (id int, name text, ssn text, email text, secret text); INSERT INTO public.patient VALUES (1,'x','pub','pub','pub');
CREATE TABLE "Mixed"."Pätient" (id int, "SSN" text, "Ünï" text); INSERT INTO "Mixed"."Pätient" VALUES (1,'mixedcanaryD','unicanaryE');
-- views
CREATE VIEW app.v1 AS SELECT id, name, ssn AS number, secret||'x' AS d FROM app.patient;
CREATE VIEW app.v2(a,b,c) AS SELECT id, number, d FROM app.v1;
CREATE VIEW app.v_where AS SELECT id FROM app.patient WHERE secret LIKE 'w%';
CREATE VIEW app.v_sb WITH (security_barrier) AS SELECT * FROM app.patient WHERE id < 3;
CREATE VIEW app.v_row AS SELECT p, id FROM app.patient p;
CREATE VIEW app.v_win AS SELECT id, row_number() OVER (PARTITION BY ward_id ORDER BY id) rn, first_value(ssn) OVER (ORDER BY id) fv FROM app.patient;
CREATE VIEW app.v_rec AS WITH RECURSIVE r(n,s) AS (SELECT 1, 'a'::text UNION ALL SELECT n+1, (SELECT ssn FROM app.patient WHERE id=n) FROM r WHERE n<3) SELECT * FROM r;
CREATE VIEW app.v_using AS SELECT * FROM app.patient JOIN app.ward w(ward_id, wname, code) USING (ward_id);
CREATE VIEW app.v_union AS SELECT id, name FROM app.patient UNION ALL SELECT id, secret FROM app.patient;
CREATE VIEW app.v_stats AS SELECT tablename, attname, most_common_vals::text::text[] AS mcv, histogram_bounds::text AS hb FROM pg_stats;
CREATE VIEW app.v_act AS SELECT * FROM pg_stat_activity;
CREATE VIEW app.v_json AS SELECT id, to_jsonb(p) j FROM app.patient p;
CREATE MATERIALIZED VIEW app.mv AS SELECT id, ssn, secret||'' AS s2 FROM app.patient;
-- functions
CREATE FUNCTION public.peek(int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT ssn FROM app.patient WHERE id=$1';
CREATE FUNCTION public.peekrow(int) RETURNS SETOF app.patient LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT * FROM app.patient WHERE id=$1';
CREATE VIEW app.v_fn AS SELECT id, public.peek(id) x FROM app.patient;
CREATE FUNCTION public.yell(text) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM app.patient LOOP RAISE NOTICE 'saw %', r; END LOOP; RETURN true; END $$;
CREATE FUNCTION public.known(text) RETURNS bool LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT EXISTS (SELECT 1 FROM app.patient WHERE ssn=$1)';
CREATE FUNCTION public.concat_ws(text, text) RETURNS text LANGUAGE sql AS 'SELECT ssn FROM app.patient LIMIT 1';
CREATE OPERATOR public.#@# (RIGHTARG = int, FUNCTION = peek);
CREATE AGGREGATE public.agg_leak(text) (SFUNC = textcat, STYPE = text, INITCOND='');
CREATE DOMAIN public.known_ssn AS text CHECK (public.known(VALUE));
CREATE DOMAIN public.loud AS text CHECK (public.yell(VALUE));
-- user casts
CREATE FUNCTION public.int_mood(int) RETURNS public.mood LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RAISE NOTICE 'cast %', (SELECT ssn FROM app.patient WHERE id=$1); RETURN 'ok'; END $$;
CREATE CAST (int AS public.mood) WITH FUNCTION public.int_mood(int);
CREATE FUNCTION public.int_addr(int) RETURNS public.addr LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT row(ssn, secret)::addr FROM app.patient WHERE id=$1';
CREATE CAST (int AS public.addr) WITH FUNCTION public.int_addr(int);
CREATE FUNCTION public.mood_text(public.mood) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT secret FROM app.patient WHERE id=1';
CREATE CAST (public.mood AS text) WITH FUNCTION public.mood_text(public.mood) AS IMPLICIT;
-- rls
CREATE TABLE public.doc (id int, body text); INSERT INTO doc VALUES (1,'d1'),(2,'d2');
ALTER TABLE doc ENABLE ROW LEVEL SECURITY; CREATE POLICY p1 ON doc USING (EXISTS (SELECT 1 FROM app.patient pt WHERE pt.id=doc.id AND pt.secret::int > 0 ));
CREATE TABLE public.doc2 (id int, body text); INSERT INTO doc2 VALUES (1,'d1'),(2,'d2');
ALTER TABLE doc2 ENABLE ROW LEVEL SECURITY; CREATE POLICY p2 ON doc2 USING (public.yell(body));
CREATE VIEW public.doc_v WITH (security_invoker) AS SELECT * FROM doc;
-- writes
CREATE TABLE public.audit (id serial, line text DEFAULT public.peek(1), extra int); 
CREATE TABLE public.chk (id int, v text CHECK (public.yell(v)));
CREATE TABLE public.fkchild (id int, ref_ssn text REFERENCES app.patient(ssn), d public.known_ssn, l public.loud);
CREATE TABLE public.trg (id int, v text);
CREATE FUNCTION public.trgf() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE s text; BEGIN SELECT ssn INTO s FROM app.patient WHERE id=1; RAISE NOTICE 'n %', s; PERFORM set_config('app.last', s, false); IF NEW.v='err' THEN RAISE EXCEPTION 'e %', s USING DETAIL=s, HINT=s, COLUMN=s, CONSTRAINT=s, DATATYPE=s, TABLE=s, SCHEMA=s; END IF; NEW.v := s; RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON public.trg FOR EACH ROW EXECUTE FUNCTION public.trgf();
CREATE TABLE public.par (id int PRIMARY KEY, v text); INSERT INTO par VALUES (1,'a'),(2,'b');
CREATE TABLE app.kid (id int, par int REFERENCES par ON DELETE CASCADE ON UPDATE CASCADE, note text); INSERT INTO app.kid VALUES (1,1,'kidcanaryF1'),(2,2,'kidcanaryF2');
CREATE FUNCTION app.kidf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'kid % %', TG_OP, OLD.note; RETURN COALESCE(NEW, OLD); END $$;
CREATE TRIGGER k BEFORE DELETE OR UPDATE ON app.kid FOR EACH ROW EXECUTE FUNCTION app.kidf();
CREATE TABLE public.ruled (id int, v text); CREATE RULE r AS ON INSERT TO ruled DO ALSO SELECT ssn FROM app.patient;
CREATE TABLE public.expr (id int, v text); CREATE FUNCTION public.ix(text) RETURNS text LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER AS $$ BEGIN RAISE NOTICE 'ix %', (SELECT ssn FROM app.patient LIMIT 1); RETURN $1; END $$; CREATE INDEX ON expr (public.ix(v));
CREATE TABLE public.genf (id int, v text GENERATED ALWAYS AS (public.ix(id::text)) STORED);
COMMENT ON COLUMN app.patient.ssn IS 'e.g. commentcanaryG'; 
ALTER TABLE app.patient ADD CONSTRAINT note_chk CHECK (secret <> 'checkcanaryH');
SELECT lo_from_bytea(424242, 'wombatsecret in a large object');
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'x', dbname 'lab');
CREATE FOREIGN TABLE public.ft (id int, ssn text) SERVER loop OPTIONS (schema_name 'app', table_name 'patient');
CREATE TABLE public.holder (id int, pt app.patient); INSERT INTO holder SELECT id, p FROM app.patient p;
ANALYZE;
CREATE TABLE app.t2 (id int primary key, name text, n int, m_s text, m_i int, m_l bigint, m_num numeric, m_d date, m_ts timestamp, m_tz timestamptz, m_t time, m_u uuid, m_b bool, m_v varchar(10), m_c char(5), m_iv interval, m_f float8, m_e public.mood, m_dom public.plain_dom, m_by bytea, m_n name, m_q "char", m_sm smallint, m_nd text COLLATE public.nd);
INSERT INTO app.t2(id,m_l) VALUES (1,5000000000),(2,5);
CREATE TABLE app.g (id int, m_sec text, gen text GENERATED ALWAYS AS (lower(m_sec)) STORED UNIQUE, v int); INSERT INTO app.g VALUES (1,'GuessMe');
CREATE TABLE app.mfk (id int, m_k text UNIQUE); INSERT INTO app.mfk VALUES (1,'fkcanaryval'); CREATE TABLE public.ref1 (id int, k text REFERENCES app.mfk(m_k));
CREATE TABLE app.ucomp (id int PRIMARY KEY, grp int, m_val text, UNIQUE (grp, m_val)); INSERT INTO app.ucomp VALUES (1,1,'a'),(2,2,'a'),(3,3,'b');
CREATE TABLE app.excl (id int PRIMARY KEY, room int, m_during int4range, EXCLUDE USING gist (room WITH =, m_during WITH &&)); INSERT INTO app.excl VALUES (1,1,'[1,5)'),(2,2,'[3,8)'),(3,3,'[10,12)');
CREATE VIEW app.v_fail AS SELECT id, secret, 100/factor AS r FROM app.patient; CREATE VIEW public.v_fail2 AS SELECT id, line::int AS r FROM public.journal;
