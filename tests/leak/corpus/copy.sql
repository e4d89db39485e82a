-- COPY in all its forms.

--# value out
COPY app.people TO STDOUT
COPY app.people (secret) TO STDOUT
COPY app.people (id, name, ssn) TO STDOUT
COPY app.people TO STDOUT (FORMAT csv)
COPY app.people TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)
COPY app.people (secret, pin) TO STDOUT (FORMAT binary)
COPY app.people (born, visits, dev, ip) TO STDOUT (FORMAT binary)
--@ pg>=13
COPY app.people TO STDOUT WITH BINARY
COPY app.people (secret) TO STDOUT WITH DELIMITER ';' NULL 'n'
COPY app.people (secret) TO STDOUT WITH CSV HEADER QUOTE '"' ESCAPE '\'
COPY app.people (id, secret) TO STDOUT (DELIMITER '|', NULL 'o')
COPY app.people (secret) TO STDOUT (ENCODING 'LATIN1')
COPY app.people (secret) TO STDOUT (ENCODING 'SJIS')
COPY app.people (secret) TO STDOUT (NULL 'Wom')
--@ pg>=13
COPY BINARY app.people TO STDOUT
COPY (SELECT secret FROM app.people) TO STDOUT
COPY (SELECT secret AS name, name AS secret FROM app.people) TO STDOUT
COPY (SELECT secret || '' FROM app.people) TO STDOUT
COPY (SELECT p FROM app.people p) TO STDOUT
COPY (SELECT to_jsonb(p) FROM app.people p) TO STDOUT (FORMAT binary)
COPY (TABLE app.people) TO STDOUT
COPY (VALUES ((SELECT max(secret) FROM app.people))) TO STDOUT
COPY (WITH x AS (SELECT secret FROM app.people) SELECT * FROM x) TO STDOUT
BEGIN ;; COPY (UPDATE app.people SET name = name RETURNING secret) TO STDOUT ;; ROLLBACK
BEGIN ;; COPY (DELETE FROM app.one RETURNING v) TO STDOUT ;; ROLLBACK
BEGIN ;; COPY (INSERT INTO public.box (line) SELECT secret FROM app.people RETURNING line) TO STDOUT ;; ROLLBACK
COPY (SELECT body FROM app.notes) TO STDOUT
COPY app.notes TO STDOUT
COPY app.keyed TO STDOUT
COPY app.base TO STDOUT
COPY app.sub TO STDOUT
COPY app.events_a TO STDOUT
COPY (SELECT * FROM app.events) TO STDOUT
COPY (SELECT * FROM app.base) TO STDOUT
COPY (SELECT * FROM app.v_deep) TO STDOUT
COPY "Odd Schema"."Pätient" TO STDOUT
COPY "Odd Schema"."Pätient" ("a""b", "SSN") TO STDOUT (FORMAT csv, HEADER)
COPY app.people (tags, home, meta, grid) TO STDOUT
COPY app.people (tags, home, meta, nums) TO STDOUT (FORMAT binary)
COPY app.people (blob, doc, bits, pos) TO STDOUT (FORMAT binary)
COPY mine.cust TO STDOUT
SET search_path = app ;; COPY people TO STDOUT
BEGIN ;; SET LOCAL search_path = app ;; COPY people (secret) TO STDOUT ;; ROLLBACK
SET client_encoding = 'LATIN1' ;; COPY app.people (secret) TO STDOUT
SET DateStyle = 'German' ;; COPY app.people (born, seen) TO STDOUT
>P - COPY app.people (secret) TO STDOUT ;; >B - - t ;; >E - ;; >S
>P - COPY app.people (secret) TO STDOUT (FORMAT binary) ;; >B - - b ;; >DP - ;; >E - ;; >S
>P a COPY (SELECT secret FROM app.people) TO STDOUT ;; >DS a ;; >B - a t ;; >E - ;; >S
>Q COPY app.people (secret) TO STDOUT; SELECT 1
>Q SELECT 1; COPY app.people (secret) TO STDOUT
COPY app.people (id, secret) TO PROGRAM 'cat > /tmp/pgveil_leak_$PPID' ;; BEGIN ;; COPY public.box (n, line) FROM PROGRAM 'cat /tmp/pgveil_leak_$PPID; rm /tmp/pgveil_leak_$PPID' ;; SELECT line FROM public.box WHERE line LIKE 'W%' ;; ROLLBACK
COPY app.people (secret) TO '/tmp/pgveil_leak_copy' ;; SELECT pg_read_file('/tmp/pgveil_leak_copy')
BEGIN ;; COPY public.box (n, line) FROM PROGRAM 'cut -f1,2 leak_?.txt' ;; SELECT line FROM public.box ;; ROLLBACK
--@ pg>=15
COPY app.people (secret) TO STDOUT (HEADER true)
--# value in
BEGIN ;; COPY app.people (id, secret) FROM STDIN <<< 95\tx\n ;; SELECT secret FROM app.people ;; ROLLBACK
BEGIN ;; COPY app.people (id, name, pin) FROM STDIN <<< 91\tx\t1\n ;; SELECT secret FROM app.people WHERE id < 3 ;; ROLLBACK
BEGIN ;; COPY app.ruled FROM STDIN <<< 1\tx\n ;; SELECT secret FROM app.people ;; ROLLBACK
LISTEN news ;; COPY app.bell FROM STDIN <<< 1\tx\n ;; DELETE FROM app.bell ;; SELECT 1
BEGIN ;; COPY app.defaulted (id) FROM STDIN <<< 1\n ;; SELECT v FROM app.defaulted ;; ROLLBACK
--# oracle in
COPY app.people (id, ssn) FROM STDIN <<< 90\t61728311-77\n ;; DELETE FROM app.people WHERE id = 90
COPY app.people (id, grp, secret) FROM STDIN <<< 90\t1\tWombatz1B\n ;; DELETE FROM app.people WHERE id = 90
COPY app.guess (id, ssn) FROM STDIN <<< 900\t61728311-77\n ;; DELETE FROM app.guess
COPY (SELECT id FROM app.people WHERE secret LIKE '%zz%') TO STDOUT
COPY (SELECT id FROM app.people ORDER BY secret) TO STDOUT
COPY (SELECT pin % 2 FROM app.people ORDER BY id) TO STDOUT (FORMAT binary)
COPY app.people (id, secret) TO STDOUT (FORMAT csv, QUOTE 'o', FORCE_QUOTE (secret))
COPY app.people (id, secret) TO STDOUT (FORMAT csv, DELIMITER 'b', QUOTE 'z', ESCAPE 'm')
SET bytea_output = 'escape' ;; COPY app.people (blob) TO STDOUT
