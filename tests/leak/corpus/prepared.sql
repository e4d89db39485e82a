-- Prepared statements, by SQL and by protocol: what was judged is what runs.

--# value prepared
PREPARE a AS SELECT secret FROM app.people ;; EXECUTE a
PREPARE a (int) AS SELECT secret FROM app.people WHERE id = $1 ;; EXECUTE a (1)
PREPARE a (text) AS SELECT secret || $1 FROM app.people ;; EXECUTE a ('x')
PREPARE a (text) AS SELECT COALESCE($1, secret) FROM app.people ;; EXECUTE a (NULL)
PREPARE a AS SELECT name FROM app.people ;; DEALLOCATE a ;; PREPARE a AS SELECT secret FROM app.people ;; EXECUTE a
PREPARE a AS SELECT name FROM app.people ;; DEALLOCATE ALL ;; PREPARE a AS SELECT secret FROM app.people ;; EXECUTE a
PREPARE a AS SELECT name FROM app.people ;; DISCARD PLANS ;; DISCARD ALL ;; PREPARE a AS SELECT secret FROM app.people ;; EXECUTE a
BEGIN ;; PREPARE a AS SELECT secret FROM app.people ;; ROLLBACK ;; EXECUTE a
BEGIN ;; PREPARE a AS SELECT name FROM app.people ;; SAVEPOINT s ;; DEALLOCATE a ;; PREPARE a AS SELECT secret FROM app.people ;; ROLLBACK TO s ;; EXECUTE a ;; ROLLBACK
BEGIN ;; PREPARE a AS SELECT secret FROM app.people ;; SELECT 1/0 ;; PREPARE a AS SELECT name FROM app.people ;; ROLLBACK ;; EXECUTE a
PREPARE "A b" AS SELECT secret FROM app.people ;; EXECUTE "A b"
PREPARE a AS TABLE app.people ;; EXECUTE a
PREPARE a AS UPDATE app.people SET name = name RETURNING secret ;; BEGIN ;; EXECUTE a ;; ROLLBACK
PREPARE a AS WITH x AS (SELECT secret AS s FROM app.people) SELECT s FROM x ;; EXECUTE a
PREPARE a AS VALUES ((SELECT max(secret) FROM app.people)) ;; EXECUTE a
PREPARE a AS SELECT secret FROM app.people ;; CREATE TEMP TABLE got AS EXECUTE a ;; SELECT * FROM got
PREPARE a AS SELECT secret FROM app.people ;; EXPLAIN (ANALYZE, VERBOSE) EXECUTE a ;; EXECUTE a
PREPARE a AS SELECT secret AS name FROM app.people ;; EXECUTE a ;; EXECUTE a ;; EXECUTE a
PREPARE a AS SELECT line FROM public.box ;; BEGIN ;; ALTER TABLE public.box RENAME line TO old ;; ROLLBACK ;; DEALLOCATE a ;; PREPARE a AS SELECT secret FROM app.people ;; EXECUTE a
BEGIN ;; CREATE TEMP TABLE people (id int, secret text) ;; SET LOCAL search_path = pg_temp, app ;; PREPARE a AS SELECT secret FROM people ;; ROLLBACK ;; SET search_path = app ;; EXECUTE a
>Q PREPARE a AS SELECT name FROM app.people ;; >Q DEALLOCATE a; PREPARE a AS SELECT secret FROM app.people ;; >Q EXECUTE a
>P a SELECT secret FROM app.people ;; >B - a t ;; >E - ;; >S
>P a SELECT secret FROM app.people ;; >B - a b ;; >E - ;; >S
>P a SELECT secret FROM app.people WHERE id = $1 ;; >B - a t 1 ;; >DP - ;; >E - ;; >S
>P a SELECT name FROM app.people ;; >CS a ;; >P a SELECT secret FROM app.people ;; >B - a t ;; >E - ;; >S
>P a SELECT name FROM app.people ;; >S ;; >P a SELECT secret FROM app.people ;; >S ;; >CS a ;; >P a SELECT secret FROM app.people ;; >B - a t ;; >E - ;; >S
>P - SELECT name FROM app.people ;; >B p - t ;; >P - SELECT secret FROM app.people ;; >B q - t ;; >E p ;; >E q ;; >S
>P a SELECT secret FROM app.people ;; >S ;; >Q EXECUTE a
>Q PREPARE a AS SELECT secret FROM app.people ;; >B - a t ;; >E - ;; >S
>Q PREPARE a AS SELECT secret FROM app.people ;; >DS a ;; >B - a b ;; >DP - ;; >E - ;; >S
>P a SELECT name FROM app.people ;; >S ;; >Q DEALLOCATE a ;; >P a SELECT secret FROM app.people ;; >B - a t ;; >E - ;; >S
>P a SELECT name FROM app.people ;; >DS a ;; >S ;; >CS a ;; >P a SELECT secret FROM app.people ;; >S ;; >B - a t ;; >E - ;; >S
>P a SELECT $1::text || secret FROM app.people ;; >B - a t x ;; >E - ;; >S
>P a SELECT CASE WHEN $1::bool THEN secret END FROM app.people ;; >B - a t t ;; >E - ;; >S
>Q PREPARE b AS SELECT secret FROM app.people ;; >P c EXECUTE b ;; >B - c t ;; >E - ;; >S
>Q BEGIN ;; >P a SELECT secret FROM app.people ;; >S ;; >Q ROLLBACK ;; >B - a t ;; >E - ;; >S
>Q BEGIN ;; >P a SELECT name FROM app.people ;; >S ;; >Q SELECT 1/0 ;; >Q ROLLBACK ;; >CS a ;; >P a SELECT secret FROM app.people ;; >B - a t ;; >E - ;; >S
--# oracle parameters that ask
PREPARE a (text) AS SELECT id FROM app.people WHERE secret = $1 ;; EXECUTE a ('Wombatz1B')
PREPARE a (int) AS SELECT count(*) FROM app.people WHERE pin > $1 ;; EXECUTE a (480150)
>P a SELECT id FROM app.people WHERE secret = $1 ;; >B - a t Wombatz1B ;; >E - ;; >S
>P a SELECT id FROM app.people ORDER BY CASE WHEN $1 = 1 THEN secret ELSE name END ;; >B - a t 1 ;; >E - ;; >S
>P a SELECT $1 = secret FROM app.people ;; >B - a t Wombatz1B ;; >E - ;; >S
>P a SELECT id FROM app.people WHERE pin BETWEEN $1 AND $2 ;; >B - a t 480100 480150 ;; >E - ;; >S
