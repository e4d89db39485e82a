-- SPDX-License-Identifier: MIT
-- What test_statements.py tries to do something to. The engine's role may do nearly everything, so that it is the guard that says no.
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, region text, note text, done boolean DEFAULT false);
INSERT INTO shop.orders SELECT n, CASE WHEN n % 2 = 0 THEN 'EU' ELSE 'US' END, 'n' || n FROM generate_series(1, 20) n;
CREATE TABLE shop.items (id int PRIMARY KEY, order_id int REFERENCES shop.orders ON DELETE CASCADE, sku text);
INSERT INTO shop.items SELECT n, n, 'sku' || n FROM generate_series(1, 10) n;
CREATE TABLE shop.free (id int PRIMARY KEY, v text);
INSERT INTO shop.free VALUES (1, 'a'), (2, 'b');
CREATE TABLE shop.audited (id int, v text);
CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN DELETE FROM shop.orders; RETURN NEW; END$$;
CREATE TRIGGER note BEFORE INSERT ON shop.audited FOR EACH ROW EXECUTE FUNCTION shop.note();
CREATE TABLE shop.stamped (id int, v text);
CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := 'stamped'; RETURN NEW; END$$;
CREATE TRIGGER stamp BEFORE INSERT ON shop.stamped FOR EACH ROW EXECUTE FUNCTION shop.stamp();
CREATE TABLE shop.ruled (id int);
CREATE RULE ruled AS ON INSERT TO shop.ruled DO ALSO DELETE FROM shop.orders;
CREATE TABLE shop.defaulted (id int, v int);
CREATE FUNCTION shop.purge() RETURNS int LANGUAGE plpgsql AS $$BEGIN DELETE FROM shop.orders; RETURN 1; END$$;
ALTER TABLE shop.defaulted ALTER v SET DEFAULT shop.purge();
CREATE FUNCTION shop.wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM shop.orders';
CREATE FUNCTION shop.look(int) RETURNS text LANGUAGE sql AS 'SELECT note FROM shop.orders WHERE id = $1';
CREATE FUNCTION shop.run(text) RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE $1; END$$;
CREATE FUNCTION shop.harmless(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN $1 + 1; END$$;
CREATE PROCEDURE shop.tidy() LANGUAGE plpgsql AS $$BEGIN DELETE FROM shop.orders; END$$;
CREATE FUNCTION shop.slow() RETURNS int LANGUAGE plpgsql SET statement_timeout = '0' AS $$BEGIN PERFORM pg_sleep(0.1); RETURN 1; END$$;
CREATE FUNCTION shop.sets(text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN set_config($1, $2, false); END$$;
CREATE VIEW shop.purging AS SELECT shop.purge() AS p;
CREATE VIEW shop.seen AS SELECT id, note FROM shop.orders;
CREATE SEQUENCE shop.numbers;
CREATE OPERATOR shop.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE FUNCTION shop.cast_it(int) RETURNS text LANGUAGE plpgsql AS $$BEGIN DELETE FROM shop.orders; RETURN 'x'; END$$;
CREATE TYPE shop.odd AS (i int);
CREATE FUNCTION shop.of_odd(shop.odd) RETURNS text LANGUAGE plpgsql AS $$BEGIN DELETE FROM shop.orders; RETURN 'x'; END$$;
CREATE CAST (shop.odd AS text) WITH FUNCTION shop.of_odd(shop.odd);
CREATE ROLE other LOGIN;
GRANT other TO pgveil_agent;
GRANT pg_read_server_files, pg_write_server_files, pg_execute_server_program, pg_signal_backend TO pgveil_agent;
GRANT CREATE ON DATABASE lab TO pgveil_agent;
GRANT ALL ON SCHEMA shop TO pgveil_agent;
ALTER ROLE pgveil_agent CREATEROLE REPLICATION;
DO $$DECLARE r record; BEGIN
  FOR r IN SELECT relname, relkind FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'v', 'S') LOOP
    EXECUTE format('ALTER %s shop.%I OWNER TO pgveil_agent', CASE r.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, r.relname);
  END LOOP;
END$$;
