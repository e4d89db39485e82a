-- SPDX-License-Identifier: MIT
-- A few rows for clinic.sql (tests/integration/lineage_interfere.c).
SET search_path = clinic;
INSERT INTO wards VALUES (1, 'north', 1), (2, 'south', 2), (3, 'east', 1);
INSERT INTO doctors VALUES (1, 'Ada', 1), (2, 'Bob', 2), (3, 'Cy', NULL);
INSERT INTO patients (id, name, ssn, email, born, sex, home, tags, notes, weight, doctor_id, nick) VALUES
  (1, 'Ann', '1', 'a@x', '1990-05-05', 'f', ROW('s1', 'c1', 'z1'), '{a,b}', '{"a":"b","b":1}', 50.5, 1, 'an'),
  (2, 'Ben', '22', 'b@x', '2001-01-01', 'm', ROW('s2', 'c2', 'z2'), '{c}', '{"k":"v"}', 80, 2, 'be'),
  (3, 'Cat', '333', NULL, '2010-10-10', 'x', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO visits VALUES (1, 1, 1, '2024-03-01', 'flu', 10), (2, 1, 2, '2024-04-01', 'cut', 20.5),
  (3, 2, 2, '2023-01-01', 'flu', 5), (4, 3, 3, '2024-12-31', NULL, 100);
INSERT INTO staff VALUES (1, 'Sam', 100), (2, 'Sue', 200);
INSERT INTO nurses VALUES (3, 'Nan', 300, 'night');
INSERT INTO readings VALUES (1, '2024-02-02', 5, 'r1'), (2, '2025-02-02', 6, 'r2');
INSERT INTO queue VALUES (1, 1, 'new', 1), (2, 2, 'old', 2);
INSERT INTO codes VALUES (1, 'c1', 'w1', 5, 6, 'x'), (2, 'c2', 'w2', 7, 8, 'yy');
REFRESH MATERIALIZED VIEW ward_load;
