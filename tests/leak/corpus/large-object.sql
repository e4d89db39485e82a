-- Large objects.

--# value large objects
SELECT lo_get(424242)
SELECT convert_from(lo_get(424242), 'UTF8')
SELECT lo_get(424242, 0, 100)
BEGIN ;; SELECT loread(lo_open(424242, 262144), 100) ;; ROLLBACK
SELECT data FROM pg_largeobject WHERE loid = 424242
BEGIN ;; SELECT lo_from_bytea(0, lo_get(424242)) ;; SELECT encode(data, 'escape') FROM pg_largeobject ;; ROLLBACK
BEGIN ;; SELECT lo_from_bytea(717171, (SELECT string_agg(secret, ' ') FROM app.people)::bytea) ;; SELECT lo_get(717171) ;; ROLLBACK
>F lo_get(oid) 424242
>FB lo_get(oid) 424242
>FB lo_get(oid,bigint,integer) 424242 0 100
>Q BEGIN ;; >F lo_open(oid,integer) 424242 262144 ;; >FB loread(integer,integer) 0 100 ;; >Q ROLLBACK
SELECT lo_export(424242, '/tmp/pgveil_leak_lo') ;; SELECT pg_read_file('/tmp/pgveil_leak_lo')
