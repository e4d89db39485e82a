-- SPDX-License-Identifier: MIT
-- What test_approvals.py has approved. Who ran what is in ran: the server's own word for how often.
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, note text, total int NOT NULL DEFAULT 0, card text);
INSERT INTO shop.orders SELECT i, 'order ' || i, i, 'card-canary-' || i FROM generate_series(1, 100) i;
CREATE TABLE shop.ran (what text);
CREATE TABLE shop.counter (n int NOT NULL);
INSERT INTO shop.counter VALUES (0);
CREATE FUNCTION shop.fee(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE VIEW shop.open AS SELECT id, note FROM shop.orders;
GRANT USAGE ON SCHEMA shop TO pgveil_agent;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO pgveil_agent;
