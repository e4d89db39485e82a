-- Code in blocks: what it says, sets, makes and fails with.

--# value blocks
DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(secret, ',') FROM app.people); END $$
DO $$ BEGIN RAISE INFO '%', (SELECT max(secret) FROM app.people); END $$
DO $$ BEGIN RAISE WARNING USING MESSAGE = 'x', DETAIL = (SELECT max(secret) FROM app.people); END $$
DO $$ BEGIN RAISE EXCEPTION USING HINT = (SELECT max(secret) FROM app.people); END $$
DO $$ BEGIN RAISE EXCEPTION USING COLUMN = (SELECT max(secret) FROM app.people), TABLE = 'x', SCHEMA = 'y', DATATYPE = 'z', CONSTRAINT = 'c'; END $$
DO $$ BEGIN RAISE EXCEPTION USING CONSTRAINT = (SELECT max(secret) FROM app.people); END $$
DO $$ BEGIN RAISE EXCEPTION USING TABLE = (SELECT max(secret) FROM app.people); END $$
DO $$ BEGIN ASSERT false, (SELECT max(secret) FROM app.people); END $$
DO $$ DECLARE x int; BEGIN SELECT max(secret) INTO x FROM app.people; END $$
DO $$ DECLARE x int; BEGIN x := (SELECT max(secret) FROM app.people); END $$
DO $$ BEGIN PERFORM app.say(secret) FROM app.people; END $$
DO $$ BEGIN EXECUTE (SELECT max(secret) FROM app.people); END $$
DO $$ BEGIN PERFORM pg_notify('news', (SELECT max(secret) FROM app.people)); END $$ ;; LISTEN news ;; DO $$ BEGIN PERFORM pg_notify('news', (SELECT max(secret) FROM app.people)); END $$
DO $$ BEGIN PERFORM set_config('application_name', (SELECT max(secret) FROM app.people), false); END $$ ;; SELECT 1
DO $$ BEGIN PERFORM set_config('search_path', 'app', false); END $$ ;; SELECT secret FROM people
BEGIN ;; DO $$ BEGIN INSERT INTO public.box (line) SELECT secret FROM app.people; END $$ ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; DO $$ BEGIN CREATE TEMP TABLE got AS SELECT secret FROM app.people; END $$ ;; SELECT secret FROM got ;; ROLLBACK
BEGIN ;; DO $$ BEGIN CREATE TEMP VIEW team AS SELECT id, secret AS name FROM app.people; END $$ ;; SELECT name FROM team ;; ROLLBACK
BEGIN ;; DO $$ BEGIN ALTER TABLE mine.cust RENAME secret TO open; END $$ ;; SELECT open FROM mine.cust ;; ROLLBACK
BEGIN ;; DO $$ DECLARE c CURSOR FOR SELECT secret FROM app.people; BEGIN OPEN c; FETCH c INTO c; RAISE NOTICE '%', c; END $$ ;; DO $$ DECLARE r text; c CURSOR FOR SELECT secret FROM app.people; BEGIN OPEN c; FETCH c INTO r; RAISE NOTICE '%', r; END $$ ;; ROLLBACK
BEGIN ;; CREATE FUNCTION pg_temp.q() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'SELECT secret FROM app.people'; END $$ ;; SELECT * FROM pg_temp.q() ;; ROLLBACK
BEGIN ;; CREATE FUNCTION pg_temp.q() RETURNS TABLE (x text) LANGUAGE plpgsql AS $$ #variable_conflict use_column
  BEGIN RETURN QUERY SELECT secret FROM app.people; END $$ ;; SELECT x FROM pg_temp.q() ;; ROLLBACK
BEGIN ;; CREATE PROCEDURE public.pp(INOUT x text) LANGUAGE plpgsql AS $$ BEGIN x := (SELECT max(secret) FROM app.people); END $$ ;; CALL public.pp(NULL) ;; ROLLBACK
DO LANGUAGE plpgsql 'BEGIN RAISE NOTICE ''%'', (SELECT max(secret) FROM app.people); END'
DO $x$ BEGIN EXECUTE 'DO $y$ BEGIN RAISE NOTICE ''%'', (SELECT max(secret) FROM app.people); END $y$'; END $x$
DO $$ DECLARE s text; BEGIN GET DIAGNOSTICS s = PG_CONTEXT; s := (SELECT max(secret) FROM app.people); RAISE LOG '%', s; RAISE NOTICE '%', s; END $$
>P - DO $$ BEGIN RAISE NOTICE '%', (SELECT max(secret) FROM app.people); END $$ ;; >B - - t ;; >E - ;; >S
CALL app.shout() ;; CALL app.tell(NULL)
--# oracle blocks that ask
DO $$ BEGIN IF EXISTS (SELECT FROM app.people WHERE secret = 'Wombatz1B') THEN RAISE NOTICE 'y'; END IF; END $$
DO $$ BEGIN FOR i IN 1 .. (SELECT pin % 5 FROM app.people WHERE id = 1) LOOP RAISE NOTICE 'tick'; END LOOP; END $$
DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = lpad((SELECT pin % 1000 FROM app.people WHERE id = 1)::text, 5, 'A'); END $$
DO $$ BEGIN RAISE SQLSTATE '22012' USING MESSAGE = 'x'; EXCEPTION WHEN division_by_zero THEN IF (SELECT vip FROM app.people WHERE id = 3) THEN RAISE NOTICE 'y'; END IF; END $$
