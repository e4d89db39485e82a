-- What the hostile statements are aimed at: every kind of object that can hold, show or move a value. No value of a masked column
-- is in here: data.sql fills two databases of this schema, which differ in the masked values alone.
SELECT current_setting('server_version_num')::int >= 140000 AS pg14, current_setting('server_version_num')::int >= 150000 AS pg15 \gset
CREATE SCHEMA ext;
CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION dblink SCHEMA ext; CREATE EXTENSION postgres_fdw SCHEMA ext;
CREATE EXTENSION file_fdw SCHEMA ext; CREATE EXTENSION tablefunc SCHEMA ext; CREATE EXTENSION pgcrypto SCHEMA ext; CREATE EXTENSION pg_trgm SCHEMA ext;
CREATE EXTENSION fuzzystrmatch SCHEMA ext; CREATE EXTENSION unaccent SCHEMA ext; CREATE EXTENSION intarray SCHEMA ext; CREATE EXTENSION ltree SCHEMA ext;
CREATE EXTENSION btree_gist SCHEMA ext; CREATE EXTENSION pg_stat_statements SCHEMA ext; CREATE EXTENSION "uuid-ossp" SCHEMA ext; CREATE EXTENSION pageinspect SCHEMA ext;
CREATE EXTENSION xml2 SCHEMA ext; CREATE EXTENSION lo SCHEMA ext; CREATE EXTENSION tcn SCHEMA ext; CREATE EXTENSION pgrowlocks SCHEMA ext; CREATE EXTENSION pgstattuple SCHEMA ext;

CREATE SCHEMA app; CREATE SCHEMA other; CREATE SCHEMA mine AUTHORIZATION pgveil_agent; CREATE SCHEMA "Odd Schema";
CREATE TYPE app.mood AS ENUM ('low', 'mid', 'high');
CREATE TYPE app.address AS (street text, zip text);
CREATE TYPE app.place AS (home app.address, door int);
CREATE DOMAIN app.code AS text CHECK (VALUE <> '');
CREATE DOMAIN app.short AS text CHECK (length(VALUE) < 4);
CREATE DOMAIN app.digits AS int CHECK (VALUE < 100);

CREATE TABLE app.team (id int PRIMARY KEY, name text, floor int);
CREATE TABLE app.people (id int PRIMARY KEY, name text, team int REFERENCES app.team, active bool, joined date, lim int DEFAULT 0, grp int,
	ssn text, email varchar(80), phone text, card char(19), balance numeric(12,2), visits int, big bigint, small smallint, ratio float8,
	fee money, born date, seen timestamptz, at time, span interval, dev uuid, blob bytea, ip inet, mac macaddr, mood app.mood,
	home app.address, spot app.place, tags text[], nums int[], grid int[][], meta jsonb, raw json, doc xml, tsv tsvector, period daterange,
	bits varbit, pos point, secret text, pin int, nick app.code, vip bool, h ext.hstore, ci ext.citext, path ext.ltree,
	gen text GENERATED ALWAYS AS (lower(secret)) STORED, UNIQUE (ssn), UNIQUE (grp, secret), CHECK (lim <= pin));
CREATE INDEX people_lower ON app.people (upper(secret));
CREATE TABLE app.orders (id int PRIMARY KEY, person int REFERENCES app.people, item text, qty int, ref text);
CREATE TABLE app.keyed (id int PRIMARY KEY, name text, tok text, num int, uid uuid);
CREATE TABLE app.notes (id int PRIMARY KEY, person int, title text, body text, extra jsonb);
CREATE TABLE app.audit (id serial PRIMARY KEY, at timestamptz DEFAULT now(), line text);
CREATE TABLE app.events (id int, kind text, note text) PARTITION BY RANGE (id);
CREATE TABLE app.events_a PARTITION OF app.events FOR VALUES FROM (0) TO (4);
CREATE TABLE app.events_b PARTITION OF app.events FOR VALUES FROM (4) TO (100) PARTITION BY LIST (kind);
CREATE TABLE app.events_b1 PARTITION OF app.events_b DEFAULT;
CREATE TABLE app.base (id int, body text); CREATE TABLE app.sub (extra text) INHERITS (app.base);
CREATE TABLE app.one (v text);                                              -- one column, so that the row and the column look alike
CREATE TABLE app.same (same text, id int);                                  -- the column has the relation's name
CREATE TABLE app.blind (id int PRIMARY KEY, v text, j jsonb);                -- what is made of it shows the same whatever it is
CREATE TABLE app.typed OF app.address;
CREATE TABLE app.holder (id int, person app.people, people app.people[]);
CREATE TABLE "Odd Schema"."Pätient" (id int, "SSN" text, "ünï" text, "a""b" text, "select" text);
CREATE TABLE other.people (id int, name text, ssn text, secret text);       -- the same names, nothing masked
CREATE TABLE app.guess (id serial PRIMARY KEY, ssn text REFERENCES app.people (ssn), ref text);
CREATE TABLE public.box (id serial PRIMARY KEY, line text, n numeric, j jsonb, b bytea, a text[]);
CREATE TABLE public.numbers AS SELECT i AS n FROM generate_series(1, 40) i;
CREATE TABLE public.words AS SELECT chr(47 + i) AS c, i FROM generate_series(1, 76) i;
CREATE TABLE mine.cust (id int PRIMARY KEY, name text, ssn text, pin int, secret text, card text);
CREATE TABLE mine.child (id int, ssn text);
CREATE TABLE mine.part (id int, name text, ssn text, pin int, secret text, card text) PARTITION BY RANGE (id);

CREATE VIEW app.v_people AS SELECT id, name, ssn AS number, secret || '!' AS loud, pin + 1 AS pin1 FROM app.people;
CREATE VIEW app.v_deep (a, b, c) AS SELECT id, number, loud FROM (SELECT * FROM app.v_people) x;
CREATE VIEW app.v_barrier WITH (security_barrier) AS SELECT * FROM app.people WHERE active;
CREATE VIEW app.v_row AS SELECT p AS whole, p.id FROM app.people p;
CREATE VIEW app.v_union AS SELECT id, name FROM app.people UNION ALL SELECT id, secret FROM app.people;
CREATE VIEW app.v_json AS SELECT id, to_jsonb(p) AS j FROM app.people p;
CREATE VIEW app.v_agg AS SELECT team, max(secret) AS top, string_agg(ssn, ',') AS all_ssn, sum(pin) AS pins FROM app.people GROUP BY team;
CREATE VIEW app.v_where AS SELECT id, name FROM app.people WHERE secret LIKE 'Wombatz_B';
CREATE VIEW app.v_case AS SELECT id, CASE WHEN pin % 2 = 0 THEN 'even' ELSE 'odd' END AS parity FROM app.people;
CREATE VIEW app.v_window AS SELECT id, lag(secret) OVER (ORDER BY id) AS before, row_number() OVER (ORDER BY secret) AS place FROM app.people;
CREATE RECURSIVE VIEW app.v_rec (n, s) AS SELECT 1, ''::text UNION ALL SELECT n + 1, (SELECT secret FROM app.people p WHERE p.id = v_rec.n) FROM v_rec WHERE n < 4;
CREATE VIEW app.v_using AS SELECT * FROM app.people JOIN (SELECT id, item FROM app.orders) o USING (id);
CREATE VIEW app.v_lateral AS SELECT p.id, l.* FROM app.people p, LATERAL (SELECT p.secret AS hidden, o.item FROM app.orders o WHERE o.person = p.id) l;
CREATE VIEW app.v_write AS SELECT id, name, secret FROM app.people WHERE active WITH CHECK OPTION;
CREATE VIEW app.v_stats AS SELECT tablename, attname, most_common_vals::text AS mcv, histogram_bounds::text AS hb FROM pg_stats;
CREATE MATERIALIZED VIEW app.mv AS SELECT id, ssn, secret || '' AS copy, pin FROM app.people WITH NO DATA;
CREATE VIEW app.v_mv AS SELECT id, copy AS again FROM app.mv;

CREATE FUNCTION app.ssn_of(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM app.people WHERE id = $1';
CREATE FUNCTION app.ssn_plain(int) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT ssn FROM app.people WHERE id = $1); END $$;
CREATE FUNCTION app.secret_definer(int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT secret FROM app.people WHERE id = $1';
CREATE FUNCTION app.everybody() RETURNS SETOF app.people LANGUAGE sql STABLE AS 'SELECT * FROM app.people';
CREATE FUNCTION app.pairs() RETURNS TABLE (a int, b text) LANGUAGE sql STABLE AS 'SELECT id, secret FROM app.people';
CREATE FUNCTION app.outs(OUT a text, OUT b int) LANGUAGE sql STABLE AS 'SELECT secret, pin FROM app.people WHERE id = 1';
CREATE FUNCTION app.records() RETURNS SETOF record LANGUAGE sql STABLE AS 'SELECT id, secret FROM app.people';
CREATE FUNCTION app.total(app.people) RETURNS text LANGUAGE sql STABLE AS 'SELECT ($1).secret || ($1).pin';
CREATE FUNCTION app.ident(anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION app.cur(refcursor) RETURNS refcursor LANGUAGE plpgsql AS $$ BEGIN OPEN $1 FOR SELECT id, secret, ssn || '' FROM app.people; RETURN $1; END $$;
CREATE FUNCTION app.say(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE FUNCTION app.fail(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no %', $1 USING DETAIL = $1, HINT = $1; END $$;
CREATE FUNCTION app.folded(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT secret FROM app.people WHERE id = $1); END $$;
CREATE FUNCTION app.run(text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN EXECUTE $1 INTO r; RETURN r; END $$;
CREATE FUNCTION app.sum_text(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 || coalesce($2, '') $$;
CREATE AGGREGATE app.glue (text) (SFUNC = app.sum_text, STYPE = text, INITCOND = '');
CREATE FUNCTION app.same_text(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE OPERATOR app.<<| (LEFTARG = text, RIGHTARG = text, FUNCTION = app.same_text);
CREATE FUNCTION app.peek_left(int, int) RETURNS text LANGUAGE sql STABLE AS 'SELECT secret FROM app.people WHERE id = $1';
CREATE OPERATOR app.|? (LEFTARG = int, RIGHTARG = int, FUNCTION = app.peek_left);
CREATE FUNCTION app.to_place(int) RETURNS app.address LANGUAGE sql STABLE AS 'SELECT row(secret, ssn)::app.address FROM app.people WHERE id = $1';
CREATE CAST (int AS app.address) WITH FUNCTION app.to_place(int);
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO app.audit (line) VALUES (NEW.id || ' ' || NEW.secret); RAISE NOTICE 'changed %', NEW.secret; RETURN NEW; END $$;
CREATE TRIGGER note AFTER UPDATE ON app.people FOR EACH ROW EXECUTE FUNCTION app.note();
CREATE FUNCTION app.loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('news', (SELECT max(secret) FROM app.people)); RETURN NEW; END $$;
CREATE TABLE app.bell (id int, v text); CREATE TRIGGER loud BEFORE INSERT ON app.bell FOR EACH ROW EXECUTE FUNCTION app.loud();
CREATE TABLE app.ruled (id int, v text); CREATE RULE r AS ON INSERT TO app.ruled DO ALSO SELECT id, secret FROM app.people;
CREATE TABLE app.defaulted (id int, v text DEFAULT app.secret_definer(1));
CREATE PROCEDURE app.tell(INOUT x text) LANGUAGE plpgsql AS $$ BEGIN SELECT secret INTO x FROM app.people WHERE id = 1; END $$;
CREATE PROCEDURE app.shout() LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(secret, ' ') FROM app.people); END $$;
CREATE FUNCTION app.lookup(app.code) RETURNS text LANGUAGE sql STABLE AS 'SELECT secret FROM app.people WHERE nick = $1';
CREATE FUNCTION app.known(text) RETURNS bool LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT EXISTS (SELECT FROM app.people WHERE secret = $1)';
CREATE DOMAIN app.known_secret AS text CHECK (app.known(VALUE));
CREATE FUNCTION app.mine_or_not(int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1 / (SELECT (pin % 2)::int FROM app.people WHERE id = $1); END $$;
CREATE TABLE app.shy (id int, v text); ALTER TABLE app.shy ENABLE ROW LEVEL SECURITY;
CREATE POLICY shy ON app.shy USING (id <= (SELECT pin % 5 FROM app.people p WHERE p.id = 1));
\if :pg14
CREATE FUNCTION app.std_body(i int) RETURNS text LANGUAGE sql STABLE RETURN (SELECT secret FROM app.people WHERE id = i);
CREATE FUNCTION app.read_note_new() RETURNS text LANGUAGE sql STABLE RETURN current_setting('app.note', true);
CREATE FUNCTION app.std_atomic() RETURNS SETOF text LANGUAGE sql STABLE BEGIN ATOMIC SELECT secret FROM app.people; END;
CREATE PROCEDURE app.std_out(OUT a text) LANGUAGE sql BEGIN ATOMIC SELECT secret FROM app.people WHERE id = 1; END;
CREATE TABLE app.multi (id int, spans datemultirange);
\else
CREATE FUNCTION app.read_note_new() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_setting(''app.note'', true)';
CREATE TABLE app.multi (id int, spans daterange);
\endif
CREATE STATISTICS app.people_stat (mcv) ON secret, pin FROM app.people;
CREATE SEQUENCE app.seq;
CREATE TABLE app.regions (id int, region text, note text) PARTITION BY LIST (region);

GRANT CREATE, USAGE ON SCHEMA app, public, ext, other TO pgveil_agent;
GRANT ALL ON ALL TABLES IN SCHEMA app, public, ext, "Odd Schema", other TO pgveil_agent;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app, public TO pgveil_agent;
SELECT format('GRANT CREATE, TEMP ON DATABASE %I TO pgveil_agent', current_database()) \gexec
GRANT pg_monitor, pg_read_server_files, pg_write_server_files, pg_execute_server_program TO pgveil_agent;
GRANT SELECT ON pg_statistic, pg_statistic_ext_data, pg_largeobject, pg_subscription, pg_user_mapping TO pgveil_agent;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_catalog, ext, app TO pgveil_agent;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw, file_fdw TO pgveil_agent;
\if :pg15
GRANT SET ON PARAMETER lc_messages, session_replication_role TO pgveil_agent;
\endif
ALTER TABLE mine.cust OWNER TO pgveil_agent; ALTER TABLE mine.child OWNER TO pgveil_agent; ALTER TABLE mine.part OWNER TO pgveil_agent;
ALTER ROLE pgveil_agent REPLICATION;
CREATE ROLE fdwuser LOGIN PASSWORD 'fdw';
GRANT USAGE ON SCHEMA app TO fdwuser; GRANT SELECT ON ALL TABLES IN SCHEMA app TO fdwuser;
