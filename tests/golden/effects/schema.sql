-- SPDX-License-Identifier: MIT
-- The schema that tests/golden/effects/effects.txt is about.
CREATE SCHEMA app;
CREATE TABLE orders (id int PRIMARY KEY, region text, total numeric, note text, done boolean);
CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE, sku text);
CREATE TABLE labels (item_id int REFERENCES items (id) ON DELETE SET NULL, label text);
CREATE TABLE audited (id int PRIMARY KEY, v text);
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION note_it();
CREATE TABLE ruled (id int, v text);
CREATE RULE r AS ON INSERT TO ruled DO ALSO DELETE FROM orders;
CREATE TABLE parent (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE FUNCTION purge() RETURNS int LANGUAGE plpgsql AS $$BEGIN DELETE FROM orders; RETURN 1; END$$;
CREATE FUNCTION looks(int) RETURNS text LANGUAGE sql AS 'SELECT note FROM orders WHERE id = $1';
CREATE FUNCTION removes() RETURNS void LANGUAGE sql AS 'DELETE FROM orders';
CREATE FUNCTION is_ok(text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN true; END$$;
CREATE TABLE checked (id int, v text CHECK (is_ok(v)));
CREATE VIEW open_orders AS SELECT id, region FROM orders WHERE NOT done;
CREATE VIEW purging AS SELECT purge() AS p;
CREATE TABLE app.users (id int, name text);
CREATE VIEW tagged AS SELECT 1 AS one, item_id, label FROM labels;
CREATE TABLE made (id int PRIMARY KEY, one int GENERATED ALWAYS AS (1) STORED);
CREATE VIEW removing AS SELECT removes()::text AS r;
CREATE VIEW telling AS SELECT pg_notify('c', 'x')::text AS n;
CREATE VIEW settling AS SELECT set_config('work_mem', '1MB', false) AS s FROM app.users;
CREATE MATERIALIZED VIEW kept AS SELECT name, pg_advisory_lock(1)::text AS l FROM app.users;
CREATE FUNCTION slowly() RETURNS int LANGUAGE sql SET work_mem = '1MB' AS 'SELECT 1';
CREATE FUNCTION said(text DEFAULT pg_notify('c', 'x')::text) RETURNS text LANGUAGE sql AS 'SELECT $1';
