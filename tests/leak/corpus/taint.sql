-- Under rules that let copies inherit them (policy-taint.yaml): what is made of masked columns is as masked as they are.

--# value copies of copies
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT id, secret AS s FROM app.people ;; SELECT s FROM got ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got (a, b) AS SELECT id, secret FROM app.people ;; CREATE TEMP TABLE again AS SELECT b AS name FROM got ;; SELECT name FROM again ;; ROLLBACK
--@ agent4
BEGIN ;; SELECT secret AS x INTO TEMP got FROM app.people ;; SELECT x || '' FROM got ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret FROM app.people ;; SELECT g, to_jsonb(g), (g).secret FROM got g ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT tags AS t, home AS h, meta AS m FROM app.people ;; SELECT t, h, m FROM got ;; SELECT t[1], (h).zip, m->>'key' FROM got ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret FROM app.people ;; CREATE TEMP VIEW shown AS SELECT secret AS name FROM got ;; SELECT name FROM shown ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP VIEW shown AS SELECT secret AS name FROM app.people ;; CREATE TEMP TABLE got AS SELECT name AS n FROM shown ;; SELECT n FROM got ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret FROM app.people ;; COPY got TO STDOUT ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret FROM app.people ;; UPDATE got SET secret = secret RETURNING secret ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret FROM app.people ;; DECLARE c CURSOR FOR SELECT secret FROM got ;; FETCH ALL FROM c ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret FROM app.people ;; PREPARE p AS SELECT secret FROM pg_temp.got ;; EXECUTE p ;; ROLLBACK ;; DEALLOCATE p
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT name AS s FROM app.people ;; PREPARE p AS SELECT s FROM got ;; DROP TABLE got ;; CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; EXECUTE p ;; ROLLBACK ;; DEALLOCATE p
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; DROP TABLE got ;; CREATE TEMP TABLE got AS SELECT secret AS t, name AS s FROM app.people ;; SELECT t FROM got ;; ROLLBACK
--@ agent4
BEGIN ;; SAVEPOINT a ;; CREATE TEMP TABLE got AS SELECT name AS s FROM app.people ;; ROLLBACK TO a ;; CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; SELECT s FROM got ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; SAVEPOINT a ;; DROP TABLE got ;; ROLLBACK TO a ;; SELECT s FROM got ;; ROLLBACK
--@ agent4
BEGIN ;; CREATE TEMP TABLE got ON COMMIT DROP AS SELECT secret AS s FROM app.people ;; SELECT s FROM got ;; COMMIT
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; SELECT s FROM got ;; DROP TABLE got
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; BEGIN ;; ALTER TABLE got RENAME TO other ;; SELECT s FROM other ;; ROLLBACK ;; DROP TABLE got
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; ALTER TABLE got RENAME s TO t ;; SELECT t FROM got ;; DISCARD TEMP
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; ALTER TABLE got ADD t text ;; UPDATE got SET t = s ;; SELECT t FROM got ;; DISCARD TEMP
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; CREATE TEMP TABLE child () INHERITS (got) ;; INSERT INTO child SELECT s FROM got ;; SELECT s FROM child ;; DISCARD TEMP
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; CREATE TEMP TABLE other (LIKE got) ;; INSERT INTO other SELECT s FROM got ;; SELECT s FROM other ;; DISCARD TEMP
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s, name AS n FROM app.people ;; INSERT INTO got (n) SELECT s FROM got ;; SELECT n FROM got ;; DISCARD TEMP
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; CREATE TEMP TABLE u (s text UNIQUE) ;; INSERT INTO u SELECT s FROM got UNION ALL SELECT s FROM got ;; DISCARD TEMP
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; CREATE UNIQUE INDEX ON got ((1 / (length(s) - length(s)))) ;; SELECT s FROM got ;; DISCARD TEMP
--@ agent4 own
CREATE TEMP TABLE got AS SELECT secret AS s FROM app.people ;; SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'people' ;; SELECT s FROM pg_temp.got ;; DISCARD TEMP
--@ agent4 own
CREATE TABLE mine.got AS SELECT secret AS s FROM app.people ;; SELECT s FROM mine.got ;; DROP TABLE mine.got
--@ agent4 own
CREATE MATERIALIZED VIEW mine.got AS SELECT secret AS s FROM app.people ;; SELECT s FROM mine.got ;; DROP MATERIALIZED VIEW mine.got
--@ agent4
BEGIN ;; CREATE VIEW mine.v AS SELECT id, secret AS s FROM app.people ;; CREATE MATERIALIZED VIEW mine.got AS SELECT s FROM mine.v ;; CREATE OR REPLACE VIEW mine.v AS SELECT id, name AS s FROM app.people ;; SELECT s FROM mine.got ;; ROLLBACK
--@ agent4
BEGIN ;; INSERT INTO mine.cust (id, secret) SELECT 900 + id, secret FROM app.people ;; SELECT secret FROM mine.cust WHERE id > 900 ;; ROLLBACK
--@ agent4
BEGIN ;; INSERT INTO mine.cust (id, name, secret) SELECT 900 + id, secret, secret FROM app.people ;; SELECT name FROM mine.cust WHERE id > 900 ;; ROLLBACK
--@ agent4
BEGIN ;; UPDATE mine.cust SET (name, secret) = (SELECT secret, secret FROM app.people WHERE id = 1) ;; SELECT name FROM mine.cust ;; ROLLBACK

--# oracle what a copy would tell
--@ agent4 own
CREATE TEMP TABLE got AS SELECT pin FROM app.people WHERE id = 1 ;; INSERT INTO got SELECT g.pin FROM got g, generate_series(1, 5) ;; SELECT avg(pin) FROM got HAVING count(pin) >= 5 ;; DISCARD TEMP
--@ agent4
BEGIN ;; INSERT INTO mine.cust (id, pin) SELECT 900 + i, pin FROM app.people, generate_series(1, 6) i WHERE app.people.id = 1 ;; SELECT avg(pin) FROM mine.cust WHERE id > 900 HAVING count(pin) >= 5 ;; ROLLBACK
--@ agent4 own
CREATE TEMP TABLE got AS SELECT id, secret AS s FROM app.people ;; SELECT id FROM got ORDER BY s ;; DISCARD TEMP
