-- Several statements in one message.

--# value several
SELECT 1; SELECT secret FROM app.people
SELECT secret FROM app.people; SELECT 1
SELECT 1; SELECT 2; SELECT secret || '' FROM app.people; SELECT 3
BEGIN; SELECT secret FROM app.people; COMMIT
BEGIN; DECLARE c CURSOR FOR SELECT secret FROM app.people; FETCH ALL c; CLOSE c; COMMIT
PREPARE a AS SELECT secret FROM app.people; EXECUTE a; DEALLOCATE a
SET search_path = app; SELECT secret FROM people
CREATE TEMP TABLE got AS SELECT secret FROM app.people; SELECT secret FROM got; DROP TABLE got
CREATE TEMP VIEW team AS SELECT secret AS name FROM app.people; SELECT name FROM team; DROP VIEW team
BEGIN; INSERT INTO public.box (line) SELECT secret FROM app.people; SELECT line FROM public.box; ROLLBACK
SELECT set_config('my.a', max(secret), false) FROM app.people; SHOW my.a
SELECT name FROM app.people; SELECT ssn FROM app.people
DO $$ BEGIN RAISE NOTICE '%', (SELECT max(secret) FROM app.people); END $$; SELECT 1
BEGIN; UPDATE app.people SET name = secret; SELECT name FROM app.people; ROLLBACK
ALTER TABLE mine.cust RENAME secret TO open; SELECT open FROM mine.cust; ALTER TABLE mine.cust RENAME open TO secret
--# oracle several
SELECT 1; SELECT id FROM app.people WHERE secret LIKE '%zz%'; SELECT 2
SELECT 1 / (pin - 480101) FROM app.people; SELECT 1
