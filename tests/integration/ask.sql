-- SPDX-License-Identifier: MIT
-- For test_predicates.py. Each column that is compared has a budget of its own, so that no test spends another's.
CREATE SCHEMA ask;
CREATE TABLE ask.person (
  id int PRIMARY KEY,
  dept text,
  secret text,            -- predicates: deny
  open text,              -- allow
  pin int,                -- deny
  a text, b text, c text, d text, e text, f text, g text, h text, i int, j text, k text, l text, m text, o text,  -- equality: 6
  quick text,             -- equality: 2 in 3 s
  salary numeric(10,2),
  grade int
);
INSERT INTO ask.person
  SELECT n, 'dept' || n % 3, 'zq-secret-' || n, 'zq-open-' || n, 7000 + n, v, v, v, v, v, v, v, v, n, v, v, v, v, v, v, 1000 * n + 0.55, n
  FROM generate_series(1, 20) n, LATERAL (SELECT 'zq-value-' || n) x (v);
CREATE TABLE ask.visit (id int PRIMARY KEY, person int, what text);
INSERT INTO ask.visit SELECT n, 1 + n % 20, 'visit' || n FROM generate_series(1, 40) n;
CREATE TABLE ask.part (id int, day int, p text) PARTITION BY RANGE (day);
CREATE TABLE ask.part_one PARTITION OF ask.part FOR VALUES FROM (0) TO (10);
CREATE TABLE ask.part_two PARTITION OF ask.part FOR VALUES FROM (10) TO (20);
INSERT INTO ask.part SELECT n, n, 'zq-value-' || n FROM generate_series(1, 19) n;
ANALYZE;
GRANT USAGE ON SCHEMA ask TO pgveil_agent;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ask TO pgveil_agent;
