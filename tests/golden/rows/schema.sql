-- SPDX-License-Identifier: MIT
-- The schema that tests/golden/rows/rows.txt is about.
CREATE SCHEMA app;
CREATE TYPE mood AS ENUM ('calm', 'loud');
CREATE TABLE customers (id int PRIMARY KEY, name text, region text);
CREATE TABLE orders (id int PRIMARY KEY, region text, amount numeric, customer_id int REFERENCES customers (id), note text);
CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders (id), sku text);
CREATE TABLE events (id int, region text, at timestamptz, level int, open boolean, feeling mood, body jsonb);
CREATE TABLE app.orders (id int, what text);
CREATE TABLE "Odd ""Names" (id int, "Re gion" text, "größe" int);
CREATE TABLE parent (id int, region text);
CREATE TABLE kid (extra int) INHERITS (parent);
CREATE TABLE top (id int, region text);
CREATE TABLE low (more text) INHERITS (top);
CREATE TABLE parts (id int, region text) PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('EU');
CREATE TABLE misfit (id int, area text);
CREATE TABLE plain (id int, note text);
CREATE VIEW all_orders AS SELECT * FROM orders;
CREATE VIEW shown AS SELECT id, note FROM plain;
CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.orders';
CREATE FUNCTION hidden() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;
