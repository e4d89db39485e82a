-- The client's encoding changes what bytes mean, in both directions.

--# value encodings
SET client_encoding = 'LATIN1' ;; SELECT secret FROM app.people
SET client_encoding = 'SQL_ASCII' ;; SELECT secret FROM app.people
SET client_encoding = 'UTF8' ;; SELECT secret FROM app.people
SET NAMES 'LATIN1' ;; SELECT secret FROM app.people
SET NAMES 'WIN1252' ;; SELECT secret || '' FROM app.people
SET client_encoding = 'SJIS' ;; SELECT secret FROM app.people
SET client_encoding = 'EUC_JP' ;; SELECT secret FROM app.people
SET client_encoding TO 'BIG5' ;; SELECT secret FROM app.people
SET client_encoding = 'GBK' ;; SELECT ssn, secret FROM app.people
SET client_encoding = 'GB18030' ;; SELECT secret FROM app.people
SET client_encoding = 'ISO_8859_5' ;; SELECT secret FROM app.people
SET client_encoding = 'KOI8R' ;; SELECT secret FROM app.people
SELECT set_config('client_encoding', 'LATIN1', false) ;; SELECT secret FROM app.people
BEGIN ;; SET LOCAL client_encoding = 'LATIN1' ;; SELECT secret FROM app.people ;; ROLLBACK
BEGIN ;; SET client_encoding = 'LATIN1' ;; ROLLBACK ;; SELECT secret FROM app.people
BEGIN ;; SAVEPOINT a ;; SET client_encoding = 'LATIN9' ;; ROLLBACK TO a ;; SELECT secret FROM app.people ;; ROLLBACK
RESET client_encoding ;; SELECT secret FROM app.people
RESET ALL ;; SELECT secret FROM app.people
DISCARD ALL ;; SELECT secret FROM app.people
>Q SET client_encoding = 'LATIN1' ;; >Q SELECT secret FROM app.people
>Q SET client_encoding = 'SJIS'; SELECT secret FROM app.people
>P - SET client_encoding = 'LATIN1' ;; >B - - t ;; >E - ;; >P - SELECT secret || '' FROM app.people ;; >B - - t ;; >E - ;; >S
>P - SELECT set_config('client_encoding', 'SJIS', false) ;; >B - - t ;; >E - ;; >P - SELECT secret FROM app.people ;; >B - - t ;; >E - ;; >S
DO $$ BEGIN SET client_encoding = 'LATIN1'; END $$ ;; SELECT secret FROM app.people
DO $$ BEGIN PERFORM set_config('client_encoding', 'SJIS', false); END $$ ;; SELECT secret FROM app.people
UPDATE pg_settings SET setting = 'LATIN1' WHERE name = 'client_encoding' ;; SELECT secret FROM app.people
--@ startup:client_encoding=LATIN1
SELECT secret FROM app.people
--@ startup:client_encoding=SJIS
SELECT secret || '' FROM app.people
--@ startup:options=-cclient_encoding=SQL_ASCII
SELECT secret FROM app.people
>Q SET client_encoding = 'SJIS' ;; >X SELECT E'\x95\x5c' || max(secret) || '' FROM app.people -- '
>Q SET client_encoding = 'LATIN1' ;; >X SELECT "SSN" FROM "Odd Schema"."P\xe4tient"
>Q SET client_encoding = 'BIG5' ;; >X SELECT E'\xa5\x5c' || max(secret) || '' FROM app.people -- '
>Q SET client_encoding = 'GBK' ;; >X SELECT E'\xdf\x5c' || max(secret) || '' FROM app.people -- '
