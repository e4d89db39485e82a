-- Messages in orders that a client library would not send.

--# value messages
>P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
>P - SELECT secret FROM app.people ;; >B - - b ;; >E - ;; >S
>P - SELECT secret, pin, born FROM app.people ;; >B - - tbt ;; >E - ;; >S
>P - SELECT id, secret, pin FROM app.people ;; >B - - bbb ;; >DP - ;; >E - ;; >S
>P - SELECT id, secret, pin FROM app.people ;; >DS - ;; >B - - t ;; >DP - ;; >E - ;; >S
>P - SELECT secret FROM app.people ;; >B - - t ;; >E - 1 ;; >E - 2 ;; >E - ;; >S
>P - SELECT secret FROM app.people ;; >H ;; >B - - t ;; >H ;; >E - ;; >H ;; >S
>P - SELECT name FROM app.people ;; >B a - t ;; >P - SELECT secret FROM app.people ;; >B b - t ;; >DP a ;; >E b ;; >DP b ;; >E a ;; >S
>P - SELECT name FROM app.people ;; >DS - ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
>P x SELECT name FROM app.people ;; >B - x t ;; >CS x ;; >P x SELECT secret FROM app.people ;; >E - ;; >B - x t ;; >E - ;; >S
>P x SELECT name FROM app.people ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >CS x ;; >CS x ;; >E - ;; >S
>P - SELECT 1/0 ;; >B - - t ;; >E - ;; >P x SELECT name FROM app.people ;; >S ;; >P x SELECT secret FROM app.people ;; >B - x t ;; >E - ;; >S
>P x SELECT name FROM app.people ;; >S ;; >P - SELECT 1/0 ;; >B - - t ;; >E - ;; >CS x ;; >S ;; >CS x ;; >P x SELECT secret FROM app.people ;; >B - x t ;; >E - ;; >S
>Q SELECT secret FROM app.people ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
>P - SELECT secret FROM app.people ;; >B - - t ;; >Q SELECT 1 ;; >P - SELECT secret FROM app.people ;; >B - - b ;; >E - ;; >S
>P - BEGIN ;; >B - - t ;; >E - ;; >P - SELECT secret FROM app.people ;; >B c - t ;; >E c 1 ;; >S ;; >E c 1 ;; >S ;; >CP c ;; >Q ROLLBACK
>P - BEGIN ;; >B - - t ;; >E - ;; >P - SELECT name FROM app.people ;; >B c - t ;; >E c 1 ;; >S ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >E c ;; >S
>Q BEGIN ;; >P - SELECT name FROM app.people ;; >B "c" - t ;; >P - SELECT secret FROM app.people ;; >B c - t ;; >E c ;; >S
>Q BEGIN ;; >P s SELECT name FROM app.people ;; >S ;; >Q DEALLOCATE s; PREPARE s AS SELECT secret FROM app.people ;; >B - s t ;; >DP - ;; >E - ;; >S
>P s SELECT name FROM app.people ;; >S ;; >P - DEALLOCATE s ;; >B - - t ;; >E - ;; >P s SELECT secret FROM app.people ;; >B - s t ;; >E - ;; >S
>P s SELECT name FROM app.people ;; >S ;; >P - DISCARD ALL ;; >B - - t ;; >E - ;; >S ;; >P s SELECT secret FROM app.people ;; >B - s t ;; >E - ;; >S
>P s SELECT secret FROM app.people ;; >B a s t ;; >B b s b ;; >DP b ;; >E a 1 ;; >E b 1 ;; >E a ;; >E b ;; >S
>P - SELECT $1::text, secret FROM app.people ;; >B - - tb x ;; >E - ;; >S
>P - SELECT secret FROM app.people WHERE id = ANY ($1) ;; >B - - t {1,2,3} ;; >E - ;; >S
--@ pg>=13
>P - SELECT p FROM app.people p ;; >B - - b ;; >E - ;; >S
>P - SELECT ROW(id, secret) FROM app.people ;; >B - - b ;; >DP - ;; >E - ;; >S
>P - SELECT ARRAY(SELECT secret FROM app.people) ;; >B - - b ;; >E - ;; >S
>P - SELECT tags, home, meta, nums, grid FROM app.people ;; >B - - b ;; >E - ;; >S
>Q BEGIN ;; >P - UPDATE app.people SET name = name RETURNING secret ;; >B - - b ;; >E - ;; >Q ROLLBACK
>Q BEGIN; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >P - FETCH ALL c ;; >B - - t ;; >E - ;; >S
>Q BEGIN; DECLARE c CURSOR FOR SELECT name FROM app.people ;; >P f FETCH 1 c ;; >B - f t ;; >E - ;; >S ;; >Q CLOSE c; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >B - f t ;; >E - ;; >S
>Q PREPARE x AS SELECT name FROM app.people ;; >P e EXECUTE x ;; >B - e t ;; >E - ;; >S ;; >Q DEALLOCATE x; PREPARE x AS SELECT secret FROM app.people ;; >B - e t ;; >E - ;; >S
>P - EXPLAIN ANALYZE VERBOSE SELECT app.say(secret) FROM app.people ;; >B - - t ;; >E - ;; >S
>Q SELECT 1; SELECT secret FROM app.people; SELECT 2
>P -  ;; >B - - t ;; >E - ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
>d x ;; >c ;; >f ;; >Q SELECT secret FROM app.people
>S ;; >S ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S ;; >S
>CP nothing ;; >CS nothing ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
>P - CREATE TEMP VIEW team AS SELECT id, secret AS name FROM app.people ;; >B - - t ;; >E - ;; >P - SELECT name FROM team ;; >B - - t ;; >E - ;; >S
>Q BEGIN ;; >Q CREATE TEMP TABLE box (line text) ;; >Q INSERT INTO box SELECT secret FROM app.people ;; >Q SELECT line FROM box ;; >Q ROLLBACK
>P a SELECT line FROM public.box ;; >S ;; >Q BEGIN ;; >Q UPDATE public.box SET line = (SELECT max(secret) FROM app.people) ;; >B - a t ;; >E - ;; >S ;; >Q ROLLBACK
>P - SELECT secret FROM app.people; SELECT 1 ;; >S ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
>Q LISTEN news ;; >P - SELECT pg_notify('news', secret) FROM app.people ;; >B - - t ;; >E - ;; >S ;; >Q SELECT 1
>P - SELECT secret FROM app.people ;; >B - - t ;; >DS - ;; >E - 3 ;; >S
>P - SELECT ssn FROM app.people ;; >B - - b ;; >E - ;; >S ;; >P - SELECT ssn FROM app.people ;; >B - - t ;; >E - ;; >S
--# oracle messages
>P - SELECT id FROM app.people WHERE secret LIKE '%zz%' ;; >B - - t ;; >E - 0 ;; >S
>P - SELECT id FROM app.people ORDER BY secret ;; >B - - b ;; >E - 1 ;; >S
>P - SELECT 1 / (pin - 480101) FROM app.people ;; >B - - t ;; >E - ;; >S
>P - SELECT count(*) FROM app.people WHERE pin > $1 ;; >B - - t 480150 ;; >E - ;; >S
