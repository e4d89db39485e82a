-- SPDX-License-Identifier: MIT
CREATE TABLE person (id int PRIMARY KEY, name text, ssn text);
INSERT INTO person VALUES (1, 'Hilda', '078-05-1120');
