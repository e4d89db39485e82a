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
