-- Another connection to the same data.

--# value loops
SELECT secret FROM far.dump
SELECT * FROM ext.dblink('loop', 'SELECT secret FROM app.people') AS t (s text)
SELECT * FROM ext.dblink(format('host=%s port=%s dbname=%s user=fdwuser password=fdw', host(inet_server_addr()), inet_server_port(), current_database()), 'SELECT secret FROM app.people') AS t (s text)
SELECT ext.dblink_connect('c', 'loop') ;; SELECT * FROM ext.dblink('c', 'SELECT secret FROM app.people') AS t (s text)
SELECT ext.dblink_connect('c', 'loop') ;; SELECT ext.dblink_open('c', 'k', 'SELECT secret FROM app.people') ;; SELECT * FROM ext.dblink_fetch('c', 'k', 9) AS t (s text)
SELECT ext.dblink_connect('c', 'loop') ;; SELECT ext.dblink_send_query('c', 'SELECT secret FROM app.people') ;; SELECT * FROM ext.dblink_get_result('c') AS t (s text)
SELECT ext.dblink_connect('c', 'loop') ;; SELECT ext.dblink_exec('c', 'DO $$ BEGIN RAISE EXCEPTION ''%'', (SELECT max(secret) FROM app.people); END $$')
BEGIN ;; CREATE FOREIGN TABLE public.q (id int, secret text) SERVER loop OPTIONS (schema_name 'app', table_name 'people') ;; SELECT secret FROM public.q ;; ROLLBACK
BEGIN ;; IMPORT FOREIGN SCHEMA app LIMIT TO (events) FROM SERVER loop INTO far ;; SELECT note FROM far.events ;; ROLLBACK
BEGIN ;; CREATE FOREIGN TABLE public.q (zzz text OPTIONS (column_name 'secret')) SERVER loop OPTIONS (schema_name 'app', table_name 'people') ;; SELECT zzz FROM public.q ;; ROLLBACK
