-- Files of the server, when the role may read and write them.

--# value files
SELECT pg_read_file('leak_1.txt') WHERE current_database() = 'lab' UNION ALL SELECT pg_read_file('leak_2.txt')
SELECT pg_read_binary_file('leak_1.txt')
SELECT encode(pg_read_binary_file('leak_1.txt', 0, 100), 'base64')
SELECT convert_from(pg_read_binary_file('leak_1.txt'), 'UTF8')
SELECT regexp_split_to_table(pg_read_file('leak_1.txt'), '\n')
SELECT l.* FROM pg_ls_dir('.') f, LATERAL (SELECT pg_read_file(f) WHERE f LIKE 'leak%') l
BEGIN ;; COPY public.box (n, line) FROM PROGRAM 'cut -f 1,2 leak_1.txt' ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; CREATE TEMP TABLE f (a text) ;; COPY f FROM PROGRAM 'cat leak_1.txt' (DELIMITER '~') ;; SELECT a FROM f ;; ROLLBACK
COPY app.people (secret) TO PROGRAM 'cat > /tmp/pgveil_leak_p' ;; SELECT pg_read_file('/tmp/pgveil_leak_p')
COPY (SELECT secret FROM app.people) TO '/tmp/pgveil_leak_q' ;; SELECT pg_read_file('/tmp/pgveil_leak_q')
BEGIN ;; CREATE FOREIGN TABLE public.f (a text) SERVER files OPTIONS (program 'cut -f 2 leak_1.txt') ;; SELECT a FROM public.f ;; ROLLBACK
SELECT secret FROM far.dump
SELECT lo_import('leak_1.txt', 616161) ;; SELECT lo_get(616161) ;; SELECT lo_unlink(616161)
BEGIN ;; SELECT lo_import('leak_1.txt') ;; SELECT data FROM pg_largeobject ;; ROLLBACK
