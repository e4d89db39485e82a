-- SPDX-License-Identifier: MIT
-- What test_estimate.py has estimated. evil() lies about itself: that it ran is said by its sequence.
CREATE SCHEMA est;
CREATE TABLE est.big (id int PRIMARY KEY, kind int NOT NULL, note text);
INSERT INTO est.big SELECT i, i % 10, 'note ' || i FROM generate_series(1, 20000) i;
CREATE TABLE est.small (id int PRIMARY KEY, note text);
INSERT INTO est.small SELECT i, 'note ' || i FROM generate_series(1, 20) i;
CREATE TABLE est.parent (id int PRIMARY KEY);
INSERT INTO est.parent SELECT generate_series(1, 10);
CREATE TABLE est.child (id int PRIMARY KEY, parent int NOT NULL REFERENCES est.parent ON DELETE CASCADE);
INSERT INTO est.child SELECT i, 1 + i % 10 FROM generate_series(1, 1000) i;
CREATE TABLE est.people (id int PRIMARY KEY, ssn text NOT NULL);
INSERT INTO est.people SELECT i, 'ssn-canary-' || i % 5 FROM generate_series(1, 500) i;
CREATE VIEW est.tens AS SELECT id FROM est.big WHERE kind = 1;
CREATE SEQUENCE est.evil_ran;
CREATE FUNCTION est.evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RAISE WARNING 'evil ran'; RETURN nextval('est.evil_ran') * 0 + $1; END$$;
CREATE FUNCTION est.evil_sql(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT est.evil($1)';
CREATE VIEW est.evil_view AS SELECT id FROM est.big WHERE id = est.evil(1);
CREATE TABLE est.indexed (id int PRIMARY KEY);
CREATE INDEX ON est.indexed (id) WHERE id > est.evil(1);
INSERT INTO est.indexed SELECT generate_series(1, 10);
CREATE TABLE est.counted (id int, n int);
CREATE STATISTICS est.of_counted ON (id + est.evil(1)), n FROM est.counted;
CREATE TABLE est.guarded (id int PRIMARY KEY);
ALTER TABLE est.guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON est.guarded USING (id > est.evil(0));
CREATE TABLE est.defaults (id int PRIMARY KEY, n int DEFAULT est.evil(1));
ANALYZE;
GRANT USAGE ON SCHEMA est TO pgveil_agent;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA est TO pgveil_agent;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA est TO pgveil_agent;
