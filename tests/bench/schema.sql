-- SPDX-License-Identifier: MIT
-- What the benchmark reads beside pgbench's own tables. psql -v rows=N.
CREATE SCHEMA bench;

-- Ten columns of which policy.yaml masks three.
CREATE TABLE bench.person (
	id       int PRIMARY KEY,
	name     text,
	city     varchar(30),
	joined   date,
	seen     timestamptz,
	balance  numeric(10, 2),
	active   boolean,
	email    text,
	ssn      text,
	card     varchar(40)
);
INSERT INTO bench.person
SELECT i, 'Person number ' || i, 'City ' || i % 997, date '2000-01-01' + i % 9000, timestamptz '2020-01-01 00:00:00+00' + i * interval '7 seconds',
	(i % 100000) / 100.0, i % 2 = 0, 'person.' || i || '@mail.example.org', lpad((i::bigint * 7919 % 1000000000)::text, 9, '0'), '4929' || lpad(i::text, 12, '0')
FROM generate_series(1, :rows) i;

-- The same rows, nothing masked: COPY of a masked relation is refused.
CREATE TABLE bench.clean AS SELECT * FROM bench.person;

-- One large value.
CREATE TABLE bench.large (id int PRIMARY KEY, body text);
ALTER TABLE bench.large ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO bench.large SELECT 1, repeat('0123456789abcdef', :large / 16);

-- The first rows fill the server's buffer, so that they leave at once; the last one takes it a while.
CREATE TABLE bench.slow (id int PRIMARY KEY, work int, filler text, secret text);
INSERT INTO bench.slow SELECT i, CASE WHEN i < 20 THEN 1 ELSE 3000000 END, repeat('x', 1000), 'secret ' || i FROM generate_series(1, 20) i;
ANALYZE;
