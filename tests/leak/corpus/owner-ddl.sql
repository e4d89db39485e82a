-- DDL on tables that the agent owns, and objects that it may make.

--# value DDL that shows or moves
BEGIN ;; ALTER TABLE mine.cust RENAME secret TO open ;; SELECT open FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust RENAME TO clients ;; SELECT secret FROM mine.clients ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust SET SCHEMA other ;; SELECT secret FROM other.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust RENAME secret TO x ;; ALTER TABLE mine.cust RENAME name TO secret ;; ALTER TABLE mine.cust RENAME x TO name ;; SELECT name FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER secret TYPE varchar(99) ;; SELECT secret FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER pin TYPE text USING secret ;; SELECT pin FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER secret TYPE int USING secret::int ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER secret TYPE date USING secret::date ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD copy text GENERATED ALWAYS AS (upper(secret)) STORED ;; SELECT copy FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD copy text DEFAULT app.secret_definer(1) ;; SELECT copy FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD CHECK (app.say(secret)) ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD CHECK (secret::int > 0) ;; ROLLBACK
BEGIN ;; CREATE INDEX ON mine.cust ((secret::int)) ;; ROLLBACK
BEGIN ;; CREATE INDEX ON mine.cust ((app.folded(id) || secret)) ;; ALTER TABLE mine.cust ADD CHECK (app.say(secret)) ;; ROLLBACK
BEGIN ;; UPDATE mine.cust SET secret = (SELECT max(secret) FROM mine.cust) ;; CREATE UNIQUE INDEX ON mine.cust (secret) ;; ROLLBACK
BEGIN ;; UPDATE mine.cust SET secret = (SELECT max(secret) FROM mine.cust) ;; ALTER TABLE mine.cust ADD UNIQUE (secret) ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD FOREIGN KEY (ssn) REFERENCES app.people (ssn) ;; ALTER TABLE mine.child ADD FOREIGN KEY (ssn) REFERENCES app.people (ssn) ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.k (s text PRIMARY KEY) ;; ALTER TABLE mine.cust ADD FOREIGN KEY (secret) REFERENCES mine.k ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.pp (secret text) PARTITION BY LIST (secret) ;; INSERT INTO mine.pp SELECT secret FROM mine.cust ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.k3 (LIKE mine.cust INCLUDING ALL) ;; INSERT INTO mine.k3 SELECT * FROM mine.cust ;; SELECT secret FROM mine.k3 ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.k4 () INHERITS (mine.cust) ;; ALTER TABLE mine.k4 NO INHERIT mine.cust ;; INSERT INTO mine.k4 SELECT * FROM mine.cust ;; SELECT secret FROM mine.k4 ;; ROLLBACK
BEGIN ;; CREATE RULE "_r" AS ON DELETE TO mine.cust DO INSTEAD SELECT OLD.secret ;; DELETE FROM mine.cust ;; ROLLBACK
BEGIN ;; CREATE RULE "_r" AS ON UPDATE TO mine.cust DO INSTEAD UPDATE mine.cust SET name = OLD.secret WHERE id = OLD.id AND false RETURNING OLD.name ;; ROLLBACK ;; BEGIN ;; CREATE RULE r AS ON INSERT TO mine.child DO ALSO SELECT secret FROM mine.cust ;; INSERT INTO mine.child VALUES (5, 'x') ;; ROLLBACK
BEGIN ;; CREATE FUNCTION mine.t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := NEW.secret; RETURN NEW; END $$ ;; CREATE TRIGGER t BEFORE UPDATE ON mine.cust FOR EACH ROW EXECUTE FUNCTION mine.t() ;; UPDATE mine.cust SET id = id RETURNING name ;; ROLLBACK
BEGIN ;; CREATE TRIGGER t AFTER UPDATE ON mine.cust FOR EACH ROW EXECUTE FUNCTION app.note() ;; UPDATE mine.cust SET name = name ;; ROLLBACK
BEGIN ;; CREATE TRIGGER t AFTER UPDATE ON mine.cust FOR EACH ROW EXECUTE FUNCTION ext.triggered_change_notification() ;; LISTEN tcn ;; UPDATE mine.cust SET name = name ;; COMMIT ;; DROP TRIGGER t ON mine.cust ;; SELECT secret FROM mine.cust
BEGIN ;; CREATE POLICY p ON mine.cust USING (app.say(secret)) ;; ALTER TABLE mine.cust ENABLE ROW LEVEL SECURITY ;; ALTER TABLE mine.cust FORCE ROW LEVEL SECURITY ;; SELECT name FROM mine.cust ;; ROLLBACK
BEGIN ;; CREATE STATISTICS mine.s ON secret, pin FROM mine.cust ;; ANALYZE mine.cust ;; SELECT most_common_vals FROM pg_stats_ext WHERE statistics_name = 's' ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER secret SET STATISTICS 1000 ;; ANALYZE mine.cust ;; SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'cust' ;; ROLLBACK
BEGIN ;; CREATE TYPE mine.ct AS (secret text) ;; SELECT (ROW(secret)::mine.ct).secret FROM mine.cust ;; ROLLBACK
BEGIN ;; CREATE CAST (mine.cust AS text) WITH INOUT ;; SELECT CAST(c AS text) FROM mine.cust c ;; ROLLBACK
BEGIN ;; CREATE FUNCTION mine.c2t(mine.cust) RETURNS text LANGUAGE sql AS 'SELECT $1.secret' ;; CREATE CAST (mine.cust AS text) WITH FUNCTION mine.c2t(mine.cust) AS IMPLICIT ;; SELECT c::text FROM mine.cust c ;; ROLLBACK
BEGIN ;; CREATE SCHEMA evil CREATE VIEW v AS SELECT secret FROM mine.cust ;; SELECT secret FROM evil.v ;; ROLLBACK
BEGIN ;; CREATE PUBLICATION p FOR TABLE mine.cust ;; SELECT secret FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust DROP COLUMN secret, ADD COLUMN secret text ;; ALTER TABLE mine.cust ALTER name TYPE text USING card ;; SELECT name FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD x text ;; UPDATE mine.cust SET x = secret ;; ALTER TABLE mine.cust DROP COLUMN secret ;; ALTER TABLE mine.cust RENAME x TO secret2 ;; SELECT secret2 FROM mine.cust ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.o OF app.address ;; INSERT INTO mine.o SELECT secret, ssn FROM mine.cust ;; SELECT street FROM mine.o ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.child INHERIT mine.cust ;; ROLLBACK ;; BEGIN ;; CREATE TABLE mine.par (ssn text) ;; ALTER TABLE mine.child INHERIT mine.par ;; SELECT ssn FROM mine.par ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.par (secret text, name text) ;; ALTER TABLE mine.cust INHERIT mine.par ;; SELECT secret FROM mine.par ;; ROLLBACK
ALTER TABLE mine.cust RENAME secret TO open ;; SELECT open FROM mine.cust ;; ALTER TABLE mine.cust RENAME open TO secret
>Q BEGIN ;; >Q ALTER TABLE mine.cust RENAME secret TO open ;; >Q SELECT open FROM mine.cust ;; >Q ROLLBACK
>Q BEGIN; ALTER TABLE mine.cust RENAME secret TO open; SELECT open FROM mine.cust; ROLLBACK
--# oracle DDL that asks
BEGIN ;; ALTER TABLE mine.cust ADD CHECK (secret <> 'Wombatmine23') ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD CHECK (secret LIKE 'Wombatmine1%') NOT VALID ;; ALTER TABLE mine.cust VALIDATE CONSTRAINT cust_secret_check ;; ROLLBACK
BEGIN ;; CREATE UNIQUE INDEX ON mine.cust (secret) ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD UNIQUE (secret) ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD EXCLUDE (secret WITH =) ;; ROLLBACK
BEGIN ;; UPDATE mine.child SET ssn = '61728311-77' ;; ALTER TABLE mine.child ADD FOREIGN KEY (ssn) REFERENCES app.people (ssn) ;; ROLLBACK
BEGIN ;; CREATE INDEX ON mine.cust ((1 / (pin - 480021))) ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ADD t bool GENERATED ALWAYS AS (secret = 'Wombatmine11') STORED ;; SELECT t FROM mine.cust ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER secret TYPE char(12) USING CASE WHEN id = 1 THEN secret ELSE repeat(secret, pin % 3) END::char(12) ;; CREATE UNIQUE INDEX ON mine.cust ((1 / (pin - 480021))) ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER secret TYPE char(11) USING secret::char(11) || '' ;; CREATE UNIQUE INDEX ON mine.cust (secret) ;; ROLLBACK
BEGIN ;; ALTER TABLE mine.cust ALTER pin TYPE smallint USING (pin - 447250)::smallint ;; ROLLBACK
BEGIN ;; CREATE POLICY p ON mine.cust USING (secret = 'Wombatmine11') ;; ALTER TABLE mine.cust ENABLE ROW LEVEL SECURITY ;; ALTER TABLE mine.cust FORCE ROW LEVEL SECURITY ;; SELECT id FROM mine.cust ;; ROLLBACK
BEGIN ;; CREATE TABLE mine.p1 PARTITION OF mine.part FOR VALUES FROM (1) TO (9) ;; ALTER TABLE mine.p1 ADD CHECK (secret LIKE 'Wombatmine1%') ;; INSERT INTO mine.part SELECT * FROM mine.cust ;; ROLLBACK
BEGIN ;; CREATE VIEW mine.v AS SELECT * FROM mine.cust WHERE secret = 'Wombatmine11' ;; SELECT id FROM mine.v ;; ROLLBACK
BEGIN ;; CLUSTER mine.cust USING cust_pkey ;; CREATE INDEX i ON mine.cust (secret) ;; CLUSTER mine.cust USING i ;; SELECT id FROM mine.cust ;; ROLLBACK
BEGIN ;; CREATE INDEX i ON mine.cust (id) WHERE secret = 'Wombatmine11' ;; SELECT * FROM ext.pgstatindex('mine.i') ;; ROLLBACK
