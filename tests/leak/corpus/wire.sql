-- Each message once more, in places where what it means hangs on what was said before.

--# value statements and portals
>P s SELECT secret FROM app.people WHERE id = $1 ;; >DS s ;; >B p s b 1 ;; >DP p ;; >E p ;; >CP p ;; >B p s t 2 ;; >E p ;; >CS s ;; >S
>P - SELECT secret FROM app.people ;; >S ;; >B - - t ;; >E - ;; >S ;; >B - - b ;; >E - ;; >S
>P - SELECT secret, pin FROM app.people ;; >B - - ttt ;; >S ;; >P - SELECT secret, pin FROM app.people ;; >B - - bt ;; >E - ;; >S
>P é SELECT secret FROM app.people ;; >B ö é t ;; >DP ö ;; >E ö ;; >S
>P - SELECT $1::int, secret FROM app.people ;; >B - - t x ;; >E - ;; >S ;; >P - SELECT $1::int, secret FROM app.people ;; >B - - t 1 ;; >E - ;; >S
>P a SELECT 1 ;; >P b SELECT secret FROM app.people ;; >B x a t ;; >B y b t ;; >CS a ;; >E y 1 ;; >E x ;; >CP x ;; >E y ;; >S
>P a SELECT name FROM app.people ;; >B p a t ;; >E p 1 ;; >CP p ;; >CS a ;; >P a SELECT secret FROM app.people ;; >B p a t ;; >E p 1 ;; >E p 1 ;; >E p 1 ;; >S
>P a SELECT name FROM app.people ;; >S ;; >P a SELECT secret FROM app.people ;; >S ;; >CS a ;; >P a SELECT secret FROM app.people ;; >B - a b ;; >E - ;; >S
>P - SELECT secret FROM app.people ;; >H ;; >H ;; >B - - t ;; >DP - ;; >H ;; >E - 1 ;; >H ;; >E - ;; >H ;; >S
>P - SELECT 1/0 ;; >B - - t ;; >E - ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >H ;; >S ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
>P - VALUES (1) ;; >B - - t ;; >E - ;; >P - TABLE app.one ;; >B - - b ;; >E - ;; >S
>Q SELECT name FROM app.team ;; >Q SELECT secret FROM app.people ;; >Q SELECT name FROM app.team
>Q SELECT name FROM app.team; SELECT secret FROM app.people; SELECT 1/0 ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
>X SELECT secret FROM app.people\x00 ;; >Q SELECT secret FROM app.people
>Q  ;; >P -  ;; >DS - ;; >B - - t ;; >DP - ;; >E - ;; >S ;; >Q SELECT secret FROM app.people
--# value cursors
>Q BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT secret FROM app.people; COMMIT ;; >P f FETCH 2 FROM c ;; >B - f t ;; >E - ;; >B - f b ;; >E - ;; >S ;; >Q CLOSE c
>Q BEGIN; DECLARE c BINARY CURSOR FOR SELECT secret, pin FROM app.people ;; >Q FETCH ALL c ;; >Q ROLLBACK
>Q BEGIN; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >DP c ;; >E c 2 ;; >E c ;; >S ;; >Q ROLLBACK
>Q BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id, secret FROM app.people ;; >P m MOVE 2 IN c ;; >B - m t ;; >E - ;; >P f FETCH BACKWARD 1 c ;; >B - f t ;; >DP - ;; >E - ;; >S ;; >Q FETCH ABSOLUTE 3 c; FETCH RELATIVE -1 c ;; >Q ROLLBACK
>Q BEGIN ;; >P s SELECT secret FROM app.people ;; >B c s t ;; >E c 1 ;; >S ;; >Q FETCH 1 FROM c ;; >Q FETCH ALL c ;; >Q ROLLBACK
>Q BEGIN ;; >Q DECLARE c CURSOR FOR SELECT name FROM app.people; CLOSE c; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >P - FETCH ALL c ;; >B - - b ;; >E - ;; >S ;; >Q ROLLBACK
>Q BEGIN ;; >Q SAVEPOINT a; DECLARE c CURSOR FOR SELECT name FROM app.people; ROLLBACK TO a; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >Q FETCH 2 c ;; >Q ROLLBACK
BEGIN ;; DECLARE c CURSOR WITH HOLD FOR SELECT secret, ssn FROM app.people ;; COMMIT ;; FETCH 2 c ;; DISCARD PLANS ;; FETCH ALL c ;; CLOSE ALL
BEGIN ;; DECLARE c CURSOR WITH HOLD FOR SELECT p FROM app.people p ;; COMMIT ;; COPY (SELECT 1) TO STDOUT ;; FETCH ALL c ;; DISCARD ALL
--# value names that outlive what made them
>Q BEGIN ;; >P s SELECT secret FROM app.people ;; >S ;; >Q ROLLBACK ;; >B - s t ;; >E - ;; >S
>Q BEGIN; PREPARE s AS SELECT secret FROM app.people; ROLLBACK ;; >B - s b ;; >E - ;; >S
>Q BEGIN; SAVEPOINT a; PREPARE s AS SELECT name FROM app.people; ROLLBACK TO a; DEALLOCATE s; PREPARE s AS SELECT secret FROM app.people; ROLLBACK ;; >Q EXECUTE s
>P s SELECT secret FROM app.people ;; >S ;; >Q DISCARD PLANS ;; >B - s t ;; >E - ;; >S
>P s SELECT secret FROM app.people ;; >S ;; >Q DISCARD TEMP; DISCARD SEQUENCES ;; >B - s b ;; >E - ;; >S
>P s SELECT name FROM app.people ;; >S ;; >Q DEALLOCATE ALL ;; >P s SELECT secret FROM app.people ;; >B - s b ;; >E - ;; >S
>Q SET search_path = other ;; >P s SELECT secret FROM people ;; >S ;; >Q SET search_path = app ;; >B - s t ;; >E - ;; >S
>Q BEGIN; SET LOCAL search_path = other ;; >P s SELECT secret FROM people ;; >S ;; >Q ROLLBACK ;; >Q SET search_path = app ;; >B - s b ;; >E - ;; >S
>Q SET search_path = other; BEGIN; SET search_path = app ;; >P s SELECT secret FROM people ;; >B - s t ;; >E - ;; >S ;; >Q ROLLBACK ;; >B - s t ;; >E - ;; >S
>Q SET search_path = app ;; >P s SELECT secret FROM people ;; >S ;; >Q CREATE TEMP TABLE people (id int, secret text) ;; >B - s t ;; >E - ;; >S ;; >Q DROP TABLE people ;; >B - s t ;; >E - ;; >S
>Q SET search_path = app; CREATE TEMP TABLE people (id int, secret text) ;; >P s SELECT secret FROM people ;; >B - s t ;; >E - ;; >S ;; >Q DISCARD TEMP ;; >B - s t ;; >E - ;; >S
>Q SET search_path = app; BEGIN; CREATE TEMP TABLE people (id int, secret text) ON COMMIT DROP ;; >P s SELECT secret FROM people ;; >S ;; >Q COMMIT ;; >B - s b ;; >E - ;; >S
>Q SET search_path = app ;; >Q BEGIN; CREATE TEMP TABLE people (id int, secret text) ;; >P - SELECT secret FROM people ;; >B c - t ;; >S ;; >Q ROLLBACK ;; >P - SELECT secret FROM people ;; >B - - t ;; >E - ;; >S
>P - SET search_path = app ;; >B - - t ;; >E - ;; >P - SELECT secret FROM people ;; >B - - t ;; >E - ;; >S
>P - SET search_path = app ;; >B - - t ;; >E - ;; >P - SELECT 1/0 ;; >B - - t ;; >E - ;; >S ;; >Q SET search_path = app; SELECT secret FROM people
--# value COPY among other messages
>Q COPY public.box (line) FROM STDIN ;; >d x ;; >f ;; >Q SELECT secret FROM app.people
>P - COPY public.box (line) FROM STDIN ;; >B - - t ;; >E - ;; >d x ;; >f ;; >S ;; >S ;; >Q SELECT secret FROM app.people
>P - COPY app.people (secret) TO STDOUT ;; >B - - t ;; >E - ;; >P - SELECT ssn || '' FROM app.people ;; >B - - b ;; >E - ;; >S
>P a COPY app.people (secret, pin) TO STDOUT (FORMAT csv) ;; >DS a ;; >B p a t ;; >DP p ;; >E p 1 ;; >E p ;; >S
>P a COPY app.people (secret, pin) TO STDOUT (FORMAT binary) ;; >B p a bb ;; >E p ;; >CP p ;; >B p a tt ;; >E p ;; >S
>Q COPY app.people (secret) TO STDOUT; COPY (SELECT ssn FROM app.people) TO STDOUT (FORMAT csv); COPY app.one TO STDOUT (FORMAT binary)
>Q BEGIN ;; >Q COPY (DELETE FROM app.one RETURNING v, v || '') TO STDOUT ;; >Q ROLLBACK
COPY app.people (secret, pin, ssn) TO STDOUT (FORMAT csv, DELIMITER ';', NULL 'none', QUOTE '''', ESCAPE '\', FORCE_QUOTE (ssn), ENCODING 'UTF8', HEADER)
COPY app.people (secret) TO STDOUT (FORMAT text, DELIMITER ',', NULL '')
COPY app.people (tags, home, spot, nums, grid) TO STDOUT (FORMAT csv, FORCE_QUOTE *)
COPY (SELECT ARRAY[secret], ROW(ssn, pin), to_jsonb(home) FROM app.people) TO STDOUT (FORMAT csv)
COPY (SELECT secret, ssn FROM app.v_barrier) TO STDOUT (FORMAT binary)
--# value calls of functions
>F app.secret_definer(integer) 1
>FB app.ssn_of(integer) 1
>Q BEGIN ;; >F app.ssn_plain(integer) 1 ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S ;; >Q ROLLBACK
>P - SELECT secret FROM app.people ;; >B - - t ;; >F pg_catalog.current_database() ;; >E - ;; >S ;; >Q SELECT secret FROM app.people
--# oracle what the messages count
>P - SELECT id FROM app.people WHERE secret > 'Wombatzz' ;; >B - - t ;; >E - 1 ;; >S
>P - SELECT id FROM app.people WHERE secret > $1 ;; >B - - t Wombatzz ;; >E - ;; >S
>P - SELECT id FROM app.people WHERE secret = ANY ($1) ;; >B - - b {Wombatz1B,x} ;; >E - ;; >S
>P - SELECT $1::int / (pin - 480101) FROM app.people WHERE id = 1 ;; >B - - t 1 ;; >E - ;; >S
>P - SELECT name FROM app.people ORDER BY secret ;; >B - - t ;; >E - 1 ;; >E - 1 ;; >S
>Q BEGIN; DECLARE c CURSOR FOR SELECT id FROM app.people ORDER BY pin DESC ;; >Q FETCH 1 c ;; >Q MOVE 3 c; FETCH 1 c ;; >Q ROLLBACK
>P s SELECT id FROM app.people WHERE pin = $1 ;; >B - s t 480101 ;; >E - ;; >B - s t 480202 ;; >E - ;; >S
>Q BEGIN ;; >P - UPDATE app.people SET name = name WHERE secret > $$Wombatzz$$ ;; >B - - t ;; >E - ;; >S ;; >Q ROLLBACK
COPY (SELECT count(*) FROM app.people WHERE vip) TO STDOUT (FORMAT binary)
