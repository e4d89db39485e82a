-- SPDX-License-Identifier: MIT
-- The schema of the integration tests. Every value in a masked column is a canary: canary.py lists the byte strings, in
-- text and in binary, that must never reach an enrolled client, and test_main_job.py proves that they are really here.
CREATE SCHEMA clinic;

CREATE TABLE clinic.patient (
	id        int PRIMARY KEY,
	name      text NOT NULL,
	ward      varchar(20),
	weight    numeric(5, 1),
	active    boolean,
	admitted  timestamptz,
	tags      text[],
	meta      jsonb,
	scan      bytea,
	-- masked from here on
	ssn       text,
	email     varchar(60),
	diagnosis text,
	insurer   text,
	card      char(16),
	balance   numeric(12, 2),
	visits    int,
	national  bigint,
	born      date,
	seen      timestamp,
	device    uuid,
	vip       boolean,
	genome    bytea,
	contact   jsonb
);

INSERT INTO clinic.patient
SELECT i, 'Patient ' || i || ' – Müller', 'W' || i % 3, 50.5 + i, i % 2 = 0, '2024-02-29 12:00:00.123456+00'::timestamptz + i * interval '1 day',
	ARRAY['a' || i, NULL, 'b "quoted", {braced}'], jsonb_build_object('k', i, 'nested', jsonb_build_array(1, NULL, 'x')),
	decode(lpad(to_hex(i), 2, '0') || '00ff5c27', 'hex'),
	'6172830' || lpad(i::text, 4, '0'), 'quorvex.' || i || '@mail.example.org', 'zebrafinch syndrome, type ' || i, 'Ostrich Mutual',
	'492911730064' || lpad(i::text, 4, '0'), 8273645.19, 1975318642, 5193847206173849501, '1931-08-17', '1987-03-29 04:05:06.789',
	'c0ffee11-dead-4bad-8bad-facefeed0bad', true, '\xdeadbeefcafef00d0badf00d', '{"phone": "+1-555-kestrel"}'
FROM generate_series(1, 8) i;
-- A row of NULLs and short values: a mask must neither show nor break them.
INSERT INTO clinic.patient (id, name, ssn, email) VALUES (9, 'Short', '7', 'not an address quorvex');

-- What a mask rule on the table must also hold for.
CREATE VIEW clinic.directory AS SELECT p.id, p.name, p.ssn AS number, p.email FROM clinic.patient p;
CREATE MATERIALIZED VIEW clinic.snapshot AS SELECT id, ssn, diagnosis FROM clinic.patient;

-- Rows enough for a result that no socket buffer holds: note × note is 1,000,000 rows of some 300 bytes.
CREATE TABLE clinic.note (id int PRIMARY KEY, patient int REFERENCES clinic.patient, filler text, body text);
INSERT INTO clinic.note
SELECT i, 1 + i % 8, repeat(md5(i::text), 8), 'zebrafinch note ' || i FROM generate_series(1, 1000) i;

-- Nothing masked here.
CREATE TABLE clinic.journal (id serial PRIMARY KEY, line text NOT NULL, amount int CHECK (amount >= 0));
INSERT INTO clinic.journal (line, amount) VALUES ('opened', 1), ('closed', 2);

-- Ways round that only the server's owner can have put there.
CREATE FUNCTION clinic.peek(int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT ssn FROM clinic.patient WHERE id = $1';
CREATE FUNCTION clinic.told(int) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS 'BEGIN RETURN clinic.peek($1); END';
CREATE FUNCTION clinic.constant(int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ssn FROM clinic.patient WHERE id = $1';
CREATE FUNCTION clinic.upper(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE PROCEDURE clinic.tidy() LANGUAGE sql AS 'DELETE FROM clinic.journal WHERE id < 0';
CREATE FUNCTION clinic.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'updated %', NEW.ssn USING DETAIL = coalesce(OLD.diagnosis, '-'), HINT = coalesce(OLD.email, '-');
	RETURN NEW;
END $$;
CREATE TRIGGER tell BEFORE UPDATE ON clinic.patient FOR EACH ROW EXECUTE FUNCTION clinic.tell();

SELECT lo_from_bytea(424242, 'zebrafinch in a large object');
ANALYZE;
