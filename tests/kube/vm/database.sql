-- SPDX-License-Identifier: MIT
CREATE ROLE engine LOGIN PASSWORD 'engine-secret';
CREATE ROLE reader LOGIN PASSWORD 'reader-secret';
CREATE DATABASE clinic TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
\connect clinic
CREATE TABLE patient (id int PRIMARY KEY, ssn text, email text, city text);
INSERT INTO patient VALUES (1, '123-45-6789', 'ann@example.com', 'Basel'), (2, '987-65-4321', 'bob@example.org', 'Bern');
GRANT SELECT ON patient TO engine, reader;
