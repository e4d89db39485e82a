-- Settings that change how a value looks.

--# value looks
SET DateStyle = 'SQL, DMY' ;; SELECT born, seen FROM app.people
SET DateStyle = 'German' ;; SELECT born FROM app.people
SET DateStyle = 'Postgres, MDY' ;; SELECT born, period FROM app.people
SET bytea_output = 'escape' ;; SELECT secret::bytea, blob FROM app.people
SET bytea_output = 'hex' ;; SELECT secret::bytea, blob FROM app.people
SET extra_float_digits = -10 ;; SELECT ratio, pos, pin::float8 FROM app.people
SET extra_float_digits = 3 ;; SELECT ratio, pos FROM app.people
SET TimeZone = 'Asia/Tokyo' ;; SELECT seen FROM app.people
SET TimeZone = 'UTC' ;; SELECT seen::text FROM app.people
SET lc_monetary = 'C' ;; SELECT fee, visits::money FROM app.people
SET IntervalStyle = 'iso_8601' ;; SELECT span, visits FROM app.people
SET xmlbinary = 'hex' ;; SELECT xmlelement(NAME a, secret::bytea) FROM app.people
SET xmlbinary = 'base64' ;; SELECT xmlforest(blob, secret::bytea AS x) FROM app.people
SET xmloption = 'document' ;; SELECT doc FROM app.people
SET quote_all_identifiers = on ;; SELECT secret FROM app.people
SET array_nulls = off ;; SELECT tags FROM app.people
SET client_min_messages = error ;; SELECT secret FROM app.people
SET backslash_quote = on ;; SELECT secret || E'\'' FROM app.people
SET escape_string_warning = off ;; SELECT '\\' || secret FROM app.people
SET transform_null_equals = on ;; SELECT secret FROM app.people WHERE NOT id = NULL
SET enable_seqscan = off ;; SELECT secret FROM app.people
SET default_transaction_read_only = on ;; SELECT secret FROM app.people
SET ROLE NONE ;; SELECT secret FROM app.people
SET SESSION AUTHORIZATION DEFAULT ;; SELECT secret FROM app.people
SET row_security = off ;; SELECT secret FROM app.people
SET constraint_exclusion = on ;; SELECT note FROM app.events
SET plan_cache_mode = force_generic_plan ;; PREPARE a (int) AS SELECT secret FROM app.people WHERE id > $1 ;; EXECUTE a (0)
--@ startup:DateStyle=German
SELECT born, seen FROM app.people
--@ startup:options=-cbytea_output=escape
SELECT secret::bytea FROM app.people
--@ startup:options=-cdefault_transaction_read_only=on
SELECT secret FROM app.people
--@ startup:IntervalStyle=postgres_verbose
SELECT visits, span FROM app.people
