-- SPDX-License-Identifier: MIT
-- The schema of tests/golden/opaque-*.txt: code of every kind beside a masked column.
CREATE TABLE people (id int PRIMARY KEY, name text, ssn text);
CREATE SCHEMA plain;
CREATE TABLE plain.other (id int);
CREATE TABLE notes (id int, note text);
CREATE TABLE parts (id int) PARTITION BY RANGE (id);
CREATE TABLE ruled (id int);
CREATE RULE more AS ON INSERT TO ruled DO INSTEAD NOTHING;
CREATE VIEW notes_view AS SELECT id, note FROM notes;
CREATE FUNCTION volatile_one(int) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'x'; END$$;
CREATE FUNCTION stable_one(int) RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN RETURN 'x'; END$$;
CREATE FUNCTION stable_rows(int) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$BEGIN RETURN NEXT 'x'; END$$;
CREATE FUNCTION listed(text, int) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$;
CREATE FUNCTION listed(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$;
CREATE FUNCTION last4(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT right(ssn, 4) FROM public.people WHERE id = $1';
CREATE FUNCTION shown4(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT right(ssn, 4) FROM public.people WHERE id = $1';
CREATE AGGREGATE collected(text) (SFUNC = array_append, STYPE = text[]);
CREATE VIEW with_listed AS SELECT id, listed(name, 1) AS l, stable_one(id) AS s FROM people;
CREATE VIEW names AS SELECT id, name FROM people WHERE ssn IS NOT NULL;
CREATE VIEW names_last4 AS SELECT id, right(ssn, 4) AS l FROM people;
CREATE VIEW staff AS SELECT id, name FROM people;
CREATE VIEW plain.staff AS SELECT id, ssn AS name FROM people;
CREATE VIEW plain.names AS SELECT id FROM people;
CREATE VIEW guarded AS SELECT id, name FROM people;
CREATE RULE guarded_insert AS ON INSERT TO guarded DO INSTEAD NOTHING;
CREATE VIEW only_listed AS SELECT id, listed(name, 1) AS l FROM people;
CREATE DOMAIN kind AS int;
CREATE TABLE rooms (id int, kind kind);
