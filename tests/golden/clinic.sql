-- SPDX-License-Identifier: MIT
-- The schema that lineage.txt is judged over. It also loads into a real PostgreSQL (tests/integration/lineage_check.c).
CREATE SCHEMA clinic;
CREATE SCHEMA audit;
SET search_path = clinic;

CREATE TYPE sex AS ENUM ('f', 'm', 'x');
CREATE TYPE address AS (street text, city text, zip varchar(10));
CREATE DOMAIN label AS text;
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);

CREATE FUNCTION risk(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;
CREATE FUNCTION shadow(text) RETURNS text LANGUAGE sql AS $$SELECT $1$$;

CREATE FUNCTION one_out(int, OUT zzz int) LANGUAGE sql AS $$SELECT $1$$;
CREATE TYPE ascii AS (street text);

CREATE TABLE doctors (
  id int PRIMARY KEY,
  name text,
  ward_id int
);
CREATE TABLE wards (
  id int PRIMARY KEY,
  name text,
  floor int
);
CREATE TABLE patients (
  id int PRIMARY KEY,
  name text,
  ssn text UNIQUE,
  email varchar(80),
  born date,
  sex sex,
  home address,
  tags text[],
  notes jsonb,
  weight numeric(5,1),
  doctor_id int REFERENCES doctors,
  nick label,
  full_label text GENERATED ALWAYS AS (name || ' ' || ssn) STORED
);
CREATE TABLE visits (
  id bigint PRIMARY KEY,
  patient_id int REFERENCES patients,
  doctor_id int REFERENCES doctors,
  at timestamptz,
  reason text,
  cost numeric(8,2)
);
CREATE TABLE staff (id int, name text, salary int);
CREATE TABLE nurses (shift text) INHERITS (staff);
CREATE TABLE readings (patient_id int, at date, value int, secret text) PARTITION BY RANGE (at);
CREATE TABLE readings_2024 PARTITION OF readings FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE readings_2025 PARTITION OF readings FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE queue (id int PRIMARY KEY, patient_id int, state text, score positive);
CREATE TABLE watched (id int, v text);
CREATE TABLE audit.log (at timestamptz, who text, what text);

CREATE TABLE codes (id int, code text COLLATE "C", word text COLLATE "POSIX", small oid, big bigint, secret text);
CREATE VIEW shares AS SELECT id, 100 / floor AS share, name, coalesce(name, ''::text) AS named, floor FROM wards;
CREATE VIEW reading_places AS SELECT tableoid AS place, value FROM readings;

CREATE VIEW patient_names AS SELECT id, name FROM patients;
CREATE VIEW patient_masked AS SELECT id, left(ssn, 3) AS ssn3, upper(name) AS big FROM patients WHERE born > '1990-01-01';
CREATE VIEW names_again AS SELECT n.name AS who, n.id FROM patient_names n;
CREATE VIEW everybody AS SELECT name FROM patients UNION ALL SELECT name FROM doctors;
CREATE VIEW risky AS SELECT id, risk(id) AS r FROM patients;
CREATE VIEW rows_of AS SELECT p AS r, p.id FROM patients p;
CREATE MATERIALIZED VIEW ward_load AS SELECT w.name AS ward, count(*) AS n FROM wards w JOIN doctors d ON d.ward_id = w.id GROUP BY w.name;

CREATE FUNCTION on_watched() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER watch BEFORE INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION on_watched();
CREATE RULE keep AS ON DELETE TO audit.log DO INSTEAD NOTHING;

-- Functions in SQL are followed through their bodies.
CREATE FUNCTION full_name(p patients) RETURNS text LANGUAGE sql AS $$SELECT p.name$$;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $1';
CREATE FUNCTION ssn_of(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM clinic.patients WHERE id = $1';
CREATE FUNCTION ssn_lies(int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ssn FROM clinic.patients WHERE id = $1';
CREATE FUNCTION name_of(patient int, fallback text DEFAULT '?') RETURNS text LANGUAGE sql STABLE SET search_path = clinic, pg_temp
  AS $$SELECT coalesce(name, fallback) FROM patients WHERE id = patient$$;
CREATE FUNCTION by_ssn(wanted text) RETURNS SETOF patients LANGUAGE sql AS 'SELECT * FROM clinic.patients WHERE ssn = wanted';
CREATE FUNCTION listing(n int) RETURNS TABLE (who text, code text) LANGUAGE sql AS 'SELECT name, ssn FROM patients LIMIT n';
CREATE FUNCTION atomic_name(i int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT name FROM patients WHERE id = i; END;
CREATE FUNCTION returned(a text, b text DEFAULT 'b') RETURNS text LANGUAGE sql RETURN a || b;
CREATE FUNCTION outer_one(int) RETURNS text LANGUAGE sql AS 'SELECT clinic.ssn_of($1 + 1)';
CREATE FUNCTION overloaded(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION overloaded(text) RETURNS text LANGUAGE sql AS 'SELECT ssn FROM clinic.patients';
CREATE FUNCTION overloaded(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION rename_doctor(i int, n text) RETURNS void LANGUAGE sql AS 'UPDATE clinic.doctors SET name = n WHERE id = i';
CREATE FUNCTION copy_ssn() RETURNS void LANGUAGE sql AS 'INSERT INTO clinic.staff (name) SELECT ssn FROM clinic.patients';
CREATE FUNCTION strictly(a text, b int) RETURNS int LANGUAGE sql STRICT AS 'SELECT b';
CREATE FUNCTION as_owner() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM patients';
CREATE FUNCTION as_owner_named() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM clinic.patients';
CREATE FUNCTION odd_strings() RETURNS text LANGUAGE sql SET standard_conforming_strings = off AS 'SELECT ''x''';
CREATE FUNCTION two_paths() RETURNS text LANGUAGE sql SET search_path = "$user", clinic AS 'SELECT ssn FROM patients';
CREATE FUNCTION as_number(text) RETURNS bigint LANGUAGE sql AS 'SELECT length($1)';
CREATE VIEW by_function AS SELECT id, twice(id) AS twice, ssn_of(id) AS of FROM doctors;
CREATE VIEW by_path AS SELECT id, (listing(id)).who AS l FROM doctors;
CREATE FUNCTION calls_listing(int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT who FROM listing($1) LIMIT 1; END;

CREATE FUNCTION known(text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RETURN EXISTS (SELECT FROM clinic.patients WHERE ssn = $1); END$$;
CREATE DOMAIN known_ssn AS text CHECK (clinic.known(VALUE));
CREATE TYPE known_pair AS (id int, one known_ssn);
CREATE TABLE asked (id int, many known_ssn[], pair known_pair);
CREATE FUNCTION takes_known(known_ssn[]) RETURNS int LANGUAGE sql AS $$SELECT 1$$;
CREATE FUNCTION gives_known(int) RETURNS known_pair LANGUAGE sql AS $$SELECT NULL::clinic.known_pair$$;
CREATE FUNCTION pair_like(int, known_pair) RETURNS bool LANGUAGE sql AS $$SELECT true$$;
CREATE OPERATOR ~=~ (LEFTARG = int, RIGHTARG = known_pair, FUNCTION = pair_like);

CREATE TABLE probes (id int, secret text, at point, during int4range, held tsmultirange, paid money, bits bit(3), words tsvector);
