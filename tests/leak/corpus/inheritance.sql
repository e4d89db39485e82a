-- Children, partitions and the tables that a foreign table stands for.

--# value children and partitions
SELECT * FROM app.base
SELECT body FROM app.base
SELECT body || '' FROM app.sub
SELECT extra FROM app.sub
SELECT * FROM app.sub
SELECT b FROM app.base b
SELECT b.* FROM app.base * b
SELECT (b).body FROM app.base b
SELECT body FROM ONLY app.base
SELECT s::app.base FROM app.sub s
SELECT (s::app.base).body FROM app.sub s
SELECT tableoid::regclass, body FROM app.base
SELECT * FROM app.events
SELECT note FROM app.events_a
SELECT kind, note FROM app.events_b
SELECT note || '' FROM app.events_b1
TABLE app.events_b1
SELECT e FROM app.events_a e
SELECT (e::app.events).note FROM app.events_b1 e
SELECT secret FROM far.people
SELECT * FROM far.people
SELECT body FROM far.notes
SELECT p FROM far.people p
SELECT secret FROM far.dump
SELECT * FROM far.dump
BEGIN ;; CREATE TABLE mine.newsub () INHERITS (mine.cust) ;; INSERT INTO mine.newsub SELECT * FROM mine.cust ;; SELECT secret FROM mine.newsub ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.newpart PARTITION OF mine.part FOR VALUES FROM (0) TO (300) ;; INSERT INTO mine.newpart SELECT * FROM mine.cust ;; SELECT secret FROM mine.newpart ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.newpart (LIKE mine.cust) ;; INSERT INTO mine.newpart SELECT * FROM mine.cust ;; ALTER TABLE mine.part ATTACH PARTITION mine.newpart DEFAULT ;; SELECT secret FROM mine.part ;; ALTER TABLE mine.part DETACH PARTITION mine.newpart ;; SELECT secret FROM mine.newpart ;; ROLLBACK
BEGIN ;; CREATE TABLE app.likeit (LIKE app.people INCLUDING ALL) ;; INSERT INTO app.likeit (id, secret, pin) SELECT id, secret, pin FROM app.people ;; SELECT secret FROM app.likeit ;; ROLLBACK
