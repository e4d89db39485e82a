# SPDX-License-Identifier: MIT
"""Writes and what the database does with them by itself: constraints answer questions about values that are there, foreign
keys reach into other tables, and policies, defaults, CHECKs, indexes, domains and casts run code of their owner. The
sentences of that code are replaced, questions about masked columns are refused, and tables without such links work as ever."""

import pytest

import canary
from lab import Lab, marker

# Every masked value is a canary. loud() tells them all, and the agent may not call it.
SCHEMA = r"""
CREATE EXTENSION btree_gist;
CREATE TABLE ward (id int PRIMARY KEY, name text);
INSERT INTO ward SELECT i, 'w' || i FROM generate_series(1, 5) i;
CREATE TABLE code (code text PRIMARY KEY, label text);
INSERT INTO code VALUES ('zebrafinch 1', 'used'), ('Z9', 'free');
CREATE TABLE patient (id serial PRIMARY KEY, name text, ward int NOT NULL REFERENCES ward ON DELETE SET NULL ON UPDATE CASCADE,
	lim int DEFAULT 0, factor int DEFAULT 1, tenant int, room int, made timestamptz DEFAULT now(),
	ssn text UNIQUE, visits int, pin int, diagnosis text REFERENCES code, secret text,
	product int GENERATED ALWAYS AS (pin * factor) STORED,
	high boolean GENERATED ALWAYS AS (CASE WHEN pin > 5 THEN true ELSE false END) STORED,
	low text GENERATED ALWAYS AS (lower(secret)) STORED UNIQUE,
	CHECK (lim <= visits), UNIQUE (tenant, secret), EXCLUDE USING gist (room WITH =, visits WITH <>));
CREATE UNIQUE INDEX ON patient (upper(secret)) WHERE tenant > 0;
INSERT INTO patient (name, ward, tenant, room, ssn, visits, pin, diagnosis, secret)
	SELECT 'Pat' || i, i, i, i, '6172830000' || i, 1975318642, 1975318642, CASE i WHEN 1 THEN 'zebrafinch 1' END, 'Ostrich' || i FROM generate_series(1, 3) i;
CREATE TABLE guess (id int, ssn text REFERENCES patient (ssn));

CREATE FUNCTION loud(text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
	RAISE NOTICE 'saw %', (SELECT string_agg(p::text, ' ') FROM patient p);
	IF $1 = 'fail' THEN RAISE EXCEPTION 'no: %', (SELECT max(ssn) FROM patient) USING DETAIL = (SELECT max(secret) FROM patient); END IF;
	RETURN true;
END $$;
CREATE FUNCTION same(text) RETURNS text LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER AS $$ BEGIN RAISE NOTICE '%', (SELECT max(ssn) FROM patient); RETURN $1; END $$;
CREATE FUNCTION peek(int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT ssn FROM patient WHERE id = $1';
CREATE FUNCTION known(text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT $1 IS NULL OR EXISTS (SELECT FROM patient WHERE ssn = $1)';
CREATE DOMAIN known_ssn AS text CHECK (known(VALUE));
CREATE DOMAIN loud_text AS text DEFAULT 'x' CHECK (loud(VALUE));
CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);

CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE child (id int, parent int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, note text);
INSERT INTO parent VALUES (1, 'a'), (2, 'b');
INSERT INTO child VALUES (1, 1, 'zebrafinch'), (2, 2, 'kestrel');
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% %', TG_OP, OLD.note; RETURN coalesce(NEW, OLD); END $$;
CREATE TRIGGER tell BEFORE DELETE OR UPDATE ON child FOR EACH ROW EXECUTE FUNCTION tell();

CREATE TABLE doc (id int, body text);
INSERT INTO doc VALUES (1, 'd1');
ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON doc USING (EXISTS (SELECT FROM patient p WHERE p.id = doc.id AND p.secret::int > 0));
CREATE TABLE spoken (id int, body text);
INSERT INTO spoken VALUES (1, 'd1');
ALTER TABLE spoken ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON spoken USING (loud(body)) WITH CHECK (loud(body));
CREATE VIEW spoken_view AS SELECT id, body FROM spoken;
CREATE FUNCTION unused(text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT NOT EXISTS (SELECT FROM public.patient WHERE ssn = $1)';
CREATE TABLE barred (id int, body text);
INSERT INTO barred VALUES (1, '61728300001'), (2, 'free');
ALTER TABLE barred ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON barred USING (unused(body));
CREATE VIEW barred_view AS SELECT b.id FROM barred b JOIN ward w USING (id);
CREATE FUNCTION dumped(text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS
	$$SELECT query_to_xml('SELECT ssn FROM public.patient', true, true, '')::text LIKE $1$$;
CREATE TABLE searched (id int, body text);
ALTER TABLE searched ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON searched USING (dumped(body));
CREATE FUNCTION tenant() RETURNS int LANGUAGE sql STABLE AS 'SELECT current_setting(''app.tenant'', true)::int';
CREATE FUNCTION mine(int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT EXISTS (SELECT FROM public.ward w WHERE w.id = $1 AND w.id < 4)';
CREATE TABLE ours (id int, ward int, tenant int);
INSERT INTO ours VALUES (1, 1, 7), (2, 5, 7), (3, 2, 8);
ALTER TABLE ours ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON ours USING (mine(ward)) WITH CHECK (mine(ward));
CREATE POLICY q ON ours AS RESTRICTIVE USING (tenant = tenant());

CREATE TABLE audit (id serial, line text DEFAULT peek(1), extra int);
CREATE TABLE checked (id int, v text CHECK (loud(v)));
CREATE TABLE indexed (id int, v text);
CREATE INDEX ON indexed (same(v));
CREATE TABLE made (id int, v text GENERATED ALWAYS AS (same(id::text)) STORED);
CREATE TABLE typed (id int, k known_ssn, l loud_text, s short);

CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE addr AS (street text, zip text);
CREATE FUNCTION to_mood(int) RETURNS mood LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RAISE NOTICE '%', peek($1); RETURN 'ok'; END $$;
CREATE CAST (int AS mood) WITH FUNCTION to_mood(int) AS ASSIGNMENT;
CREATE FUNCTION to_addr(int) RETURNS addr LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT row(ssn, secret)::addr FROM patient WHERE id = $1';
CREATE CAST (int AS addr) WITH FUNCTION to_addr(int);
CREATE FUNCTION to_text(mood) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT secret FROM patient LIMIT 1';
CREATE CAST (mood AS text) WITH FUNCTION to_text(mood) AS IMPLICIT;
CREATE FUNCTION to_uuid(int) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RAISE NOTICE '%', peek($1); RETURN NULL; END $$;
CREATE CAST (int AS uuid) WITH FUNCTION to_uuid(int);
CREATE TABLE moods (id int, m mood);
INSERT INTO moods VALUES (1, 'sad');

CREATE TABLE client (id serial PRIMARY KEY, name text NOT NULL UNIQUE, made timestamptz DEFAULT now(), key uuid DEFAULT gen_random_uuid());
CREATE TABLE item (id serial PRIMARY KEY, client int NOT NULL REFERENCES client ON DELETE CASCADE, qty int DEFAULT 1 CHECK (qty > 0),
	total int GENERATED ALWAYS AS (qty * 2) STORED, made date DEFAULT current_date, status short DEFAULT 'new', UNIQUE (client, qty));
"""

POLICY = """apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: constraints}
spec:
  subjects:
    - cgroup: "${LAB_CGROUP}"
  databases:
    - name: clinic
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      databases: ["${LAB_DB_NAME}"]
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  mask:
    - columns: [public.patient.ssn, public.patient.visits, public.patient.pin, public.patient.diagnosis, public.patient.secret, public.child.note]
      with: redact
"""

REFUSED = [
    # CHECK, generated, unique, exclusion: the rest of the group is masked
    "UPDATE patient SET lim = 100 WHERE id = 1",
    "UPDATE patient SET factor = 2 WHERE id = 1",
    "UPDATE patient SET tenant = 2 WHERE id = 1",
    "UPDATE patient SET room = 2 WHERE id = 1",
    "INSERT INTO patient (ward, tenant) VALUES (1, 9)",
    "INSERT INTO patient (ward, secret) VALUES (1, 'ostrich1')",
    "INSERT INTO patient (ward, ssn) VALUES (1, '61728300001')",
    "INSERT INTO patient (id, ward) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET lim = 7",
    "WITH w AS (UPDATE patient SET lim = 100 WHERE id = 1) SELECT 1",
    "PREPARE x (int) AS UPDATE patient SET lim = $1",
    "COPY patient (id, ward, tenant) FROM STDIN",
    "SELECT id FROM patient WHERE high",
    # row security: which rows there are says what the conditions have found, also in the body of a function
    "SELECT * FROM doc", "SELECT * FROM barred", "TABLE searched", "SELECT count(*) FROM barred", "TABLE barred_view", "COPY barred TO STDOUT",
    "INSERT INTO barred VALUES (3, '61728300002')", "UPDATE barred SET body = '61728300002'", "DELETE FROM barred WHERE id = 2",
    "SELECT 1 WHERE EXISTS (TABLE barred)", "SELECT * FROM spoken", "SELECT * FROM spoken_view", "UPDATE spoken SET body = 'fail'",
    "INSERT INTO spoken VALUES (2, 'fail')",
    # foreign keys, both ways
    "INSERT INTO guess VALUES (1, '61728300001')",
    "UPDATE guess SET ssn = '61728300001'",
    "DELETE FROM code WHERE code = 'Z9'",
    "UPDATE code SET code = 'Z8' WHERE code = 'Z9'",
    "DELETE FROM patient WHERE id = 3",
    # a domain that looks things up, and casts
    "INSERT INTO typed (id, k) VALUES (1, '61728300001')",
    "INSERT INTO typed (id, l) VALUES (1, 'x')",
    "SELECT 1::mood", "SELECT 1::addr", "SELECT (1::addr).street", "SELECT CAST(1 AS addr)", "SELECT m::text FROM moods",
    "SELECT upper(m) FROM moods", "SELECT reverse(m) FROM moods", "SELECT m || '' FROM moods", "SELECT 1::uuid",
    "INSERT INTO code SELECT m, 'x' FROM moods", "UPDATE code SET label = m FROM moods",
    # what is stored, and at once shown, is the code's
    "INSERT INTO audit (extra) VALUES (1) RETURNING line",
    "INSERT INTO audit (extra) VALUES (1)",
    "INSERT INTO made (id) VALUES (1) RETURNING v",
    "INSERT INTO moods (id, m) VALUES (1, 1) RETURNING m",
]

# Whatever these end in, nothing of it is a value; reads first, then what changes something.
SANITIZED = [
    "DELETE FROM ward WHERE id = 1", "UPDATE ward SET id = 99 WHERE id = 2", "UPDATE parent SET id = 5 WHERE id = 1", "DELETE FROM parent WHERE id = 2",
    "INSERT INTO checked VALUES (1, 'x')", "INSERT INTO checked VALUES (1, 'fail')", "INSERT INTO indexed VALUES (1, 'x')",
    "INSERT INTO made (id) VALUES (1)", "INSERT INTO typed (id) VALUES (1)", "INSERT INTO moods VALUES (2, 1)",
]

HONEST = [
    "INSERT INTO client (name) VALUES ('one') RETURNING id, name",
    "INSERT INTO client (name) VALUES ('one') ON CONFLICT (name) DO UPDATE SET made = now() RETURNING made",
    "INSERT INTO client (id, name) VALUES (7, 'seven')",
    "INSERT INTO item (client, qty) VALUES (7, 2), (7, 3) RETURNING id, total, made, status",
    "UPDATE item SET qty = 5, client = 7, status = 'old' WHERE client = 7 AND qty = 2 RETURNING total",
    "DELETE FROM item WHERE qty = 3 RETURNING id",
    "UPDATE client SET id = 8 WHERE name = 'one'",
    "DELETE FROM client WHERE id = 7",
    "INSERT INTO ward VALUES (6, 'w6')",
    "UPDATE ward SET name = 'x' WHERE id = 6",
    "DELETE FROM ward WHERE id = 6",
    "INSERT INTO patient (name, ward) VALUES ('New', 4) RETURNING id, made, ssn",
    "UPDATE patient SET name = 'Newer', ward = 5 WHERE name = 'New'",
    "INSERT INTO code VALUES ('Z7', 'free')",
    "UPDATE code SET label = 'x' WHERE code = 'Z7'",
    "SELECT id, name, high FROM patient",
    "SELECT m FROM moods WHERE id = 1",
]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    d = tmp_path_factory.mktemp("constraints")
    (d / "schema.sql").write_text(SCHEMA)
    (d / "policy.yaml").write_text(POLICY)
    with Lab(schema=d / "schema.sql", policies=(d / "policy.yaml",), agents=1) as lab:
        lab.dba_psql("GRANT ALL ON ALL TABLES IN SCHEMA public TO pgveil_agent; ALTER VIEW spoken_view OWNER TO pgveil_agent; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO pgveil_agent")
        yield lab


@pytest.fixture
def c(held):
    with held.login() as client:
        client.query("BEGIN").ok()
        yield client
        client.query("ROLLBACK")
        assert canary.found(bytes(client.received)) == []


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(held, c, sql):
    mark = marker()
    r = c.query("%s /* %s */" % (sql, mark))
    assert r.error.sqlstate == "42501", (r.errors, r.rows)
    assert mark not in held.server_log()


@pytest.mark.parametrize("sql", SANITIZED)
def test_sanitized(held, c, sql):
    mark = marker()
    c.query("%s /* %s */" % (sql, mark))
    assert mark in held.server_log()


@pytest.mark.parametrize("sql", SANITIZED)
def test_sanitized_is_worth_it(held, sql):
    """Without an engine most of these do show a value; it is the same server that answers."""
    with held.direct() as direct:
        direct.query("BEGIN")
        direct.query(sql)
        direct.query("ROLLBACK")
        if not sql.startswith("UPDATE ward"):
            assert canary.found(bytes(direct.received)) != []


def test_row_security_that_reads_nothing_masked(held, c):
    c.query("SET app.tenant = '7'").ok()
    assert c.query("SELECT id FROM ours ORDER BY id").ok().rows == [[b"1"]]
    c.query("INSERT INTO ours VALUES (4, 3, 7)").ok()
    assert c.query("INSERT INTO ours VALUES (5, 5, 7)").error.sqlstate == "42501"


def test_honest_writes(held, c):
    for sql in HONEST:
        r = c.query(sql)
        assert not r.errors, (sql, r.errors)
    assert c.query("INSERT INTO item (client, qty) VALUES (8, 0)").error.fields["M"].endswith('violates check constraint "item_qty_check"')
