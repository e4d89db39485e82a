-- Cursors and portals.

--# value cursors
BEGIN ;; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; FETCH ALL c ;; ROLLBACK
BEGIN ;; DECLARE c BINARY CURSOR FOR SELECT pin, secret || '' FROM app.people ;; FETCH ALL c ;; ROLLBACK
BEGIN ;; DECLARE c SCROLL CURSOR FOR SELECT * FROM app.people ;; FETCH LAST c ;; FETCH BACKWARD ALL c ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR WITH HOLD FOR SELECT secret FROM app.people ;; COMMIT ;; FETCH 3 c ;; FETCH RELATIVE 1 c ;; CLOSE c
BEGIN ;; DECLARE c SCROLL CURSOR FOR SELECT secret FROM app.people ;; MOVE 2 c ;; FETCH PRIOR c ;; FETCH ABSOLUTE 3 c ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR FOR SELECT name FROM app.people ;; CLOSE c ;; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; FETCH c ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR FOR SELECT name FROM app.people ;; SAVEPOINT s ;; CLOSE c ;; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; FETCH c ;; ROLLBACK
BEGIN ;; SAVEPOINT s ;; DECLARE c CURSOR FOR SELECT name FROM app.people ;; ROLLBACK TO s ;; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; FETCH c ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR FOR SELECT name FROM app.people ;; CLOSE ALL ;; DECLARE c CURSOR FOR SELECT secret FROM app.people ;; FETCH c ;; ROLLBACK
BEGIN ;; DECLARE "C c" CURSOR FOR SELECT secret FROM app.people ;; FETCH "C c" ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR FOR TABLE app.people ;; FETCH FORWARD 2 FROM c ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR FOR SELECT id FROM app.people FOR UPDATE ;; FETCH c ;; UPDATE app.people SET name = name WHERE CURRENT OF c RETURNING secret ;; ROLLBACK
BEGIN ;; SELECT app.cur('c') ;; FETCH ALL c ;; ROLLBACK
BEGIN ;; SELECT app.cur('c') ;; FETCH ALL IN "c" ;; ROLLBACK
BEGIN ;; DECLARE c SCROLL CURSOR FOR SELECT secret AS s FROM app.people ;; SELECT cursor_to_xml('c', 10, true, false, '') ;; ROLLBACK
BEGIN ;; PREPARE a AS SELECT 1 ;; DECLARE c CURSOR FOR SELECT max(secret) OVER () FROM app.people ;; FETCH c ;; ROLLBACK
>Q BEGIN ;; >Q DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >E c ;; >S
>Q BEGIN ;; >Q DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >DP c ;; >E c 2 ;; >S
>Q BEGIN ;; >P - SELECT secret FROM app.people ;; >B c - t ;; >S ;; >Q FETCH ALL c
>Q BEGIN ;; >P - SELECT secret FROM app.people ;; >B c - b ;; >E c 1 ;; >S ;; >Q FETCH ALL c
>Q BEGIN ;; >P - DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >P - FETCH ALL c ;; >B - - t ;; >E - ;; >S
>Q BEGIN ;; >P - DECLARE c CURSOR FOR SELECT secret, pin FROM app.people ;; >B - - t ;; >E - ;; >P - FETCH ALL c ;; >B - - b ;; >E - ;; >S
>Q BEGIN ;; >P - SELECT secret FROM app.people ;; >B p - t ;; >E p 1 ;; >E p 1 ;; >E p 0 ;; >S
>Q BEGIN ;; >P - SELECT name FROM app.people ;; >B c - t ;; >CP c ;; >P - SELECT secret FROM app.people ;; >B c - t ;; >E c ;; >S
>Q BEGIN; DECLARE c CURSOR FOR SELECT name FROM app.people; CLOSE c; DECLARE c CURSOR FOR SELECT secret FROM app.people; FETCH ALL c; ROLLBACK
--# oracle cursors that ask
BEGIN ;; DECLARE c CURSOR FOR SELECT id FROM app.people ORDER BY secret ;; FETCH 1 c ;; ROLLBACK
BEGIN ;; DECLARE c CURSOR FOR SELECT id FROM app.people WHERE secret LIKE '%zz%' ;; MOVE ALL c ;; ROLLBACK
BEGIN ;; DECLARE c SCROLL CURSOR FOR SELECT id FROM app.people ORDER BY pin ;; FETCH ABSOLUTE 2 c ;; ROLLBACK
