-- As libpq's own functions say it: cursors of ECPG, PQfn, PQexecParams, COPY of pg_dump.

--# value clients
COPY app.people (id, name, secret, ssn) TO stdout;
BEGIN ;; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY ;; DECLARE _pg_dump_cursor CURSOR FOR SELECT id, secret FROM ONLY app.people ;; FETCH 100 FROM _pg_dump_cursor ;; ROLLBACK
SELECT 'INSERT INTO x VALUES (' || quote_literal(secret) || ');' FROM app.people
SELECT pg_catalog.set_config('search_path', '', false) ;; COPY app.people (secret) TO stdout
COPY (SELECT secret FROM app.people) TO STDOUT WITH (FORMAT csv)
>P pdo_stmt_1 SELECT secret FROM app.people WHERE id = $1 ;; >S ;; >B - pdo_stmt_1 t 1 ;; >DP - ;; >E - ;; >S ;; >Q DEALLOCATE pdo_stmt_1
>P S_1 SELECT secret, pin FROM app.people ;; >DS S_1 ;; >S ;; >B C_1 S_1 b ;; >E C_1 2 ;; >S ;; >B C_1 S_1 b ;; >E C_1 ;; >S
>P __asyncpg_1__ SELECT secret FROM app.people ;; >DS __asyncpg_1__ ;; >H ;; >S ;; >B - __asyncpg_1__ b ;; >E - ;; >S
>Q BEGIN TRANSACTION READ ONLY ;; >Q SELECT secret FROM app.people ;; >Q ROLLBACK
>Q START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE ;; >Q SELECT secret FROM app.people ;; >Q COMMIT
