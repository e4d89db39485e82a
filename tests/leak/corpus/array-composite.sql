-- Values packed into arrays, rows and ranges and taken out elsewhere.

--# value packed
SELECT (ARRAY[name, secret])[2] FROM app.people
SELECT (ARRAY[name, secret])[id - id + 2] FROM app.people
SELECT ARRAY[ARRAY[name, secret]] FROM app.people
SELECT x[2] FROM (SELECT ARRAY[name, secret] AS x FROM app.people) t
SELECT unnest(ARRAY[name, secret]) FROM app.people
SELECT u FROM app.people, unnest(ARRAY[name, secret]) u
SELECT b FROM app.people, unnest(ARRAY[name], ARRAY[secret]) AS u (a, b)
SELECT u.x FROM app.people, unnest(ARRAY[ROW(secret, ssn)::app.address]) AS u (x, y)
SELECT array_fill(secret, ARRAY[2]) FROM app.people
SELECT array_cat(ARRAY[name], ARRAY[secret]) FROM app.people
SELECT (string_to_array(secret, 'q'))[1] FROM app.people
SELECT string_to_array(secret, NULL) FROM app.people WHERE id = 1
SELECT r.b FROM app.people, LATERAL (SELECT ROW(name, secret) AS x) q, LATERAL (SELECT (q.x).f2 AS b) r
SELECT (x.r).f2 FROM (SELECT ROW(name, secret) AS r FROM app.people) x
SELECT (ROW(1, secret)).f2 FROM app.people
SELECT ROW(ROW(secret)) FROM app.people
SELECT f.street FROM app.people, LATERAL (SELECT (ROW(secret, '')::app.address).*) f
SELECT * FROM app.people p, LATERAL (SELECT ARRAY[p.secret] AS a) x, LATERAL unnest(x.a) y
SELECT a[1] FROM (SELECT ARRAY(SELECT secret FROM app.people) AS a) x
SELECT a FROM (SELECT ARRAY(SELECT ROW(id, secret) FROM app.people) AS a) x
SELECT array_position(ARRAY[secret], secret), secret FROM app.people
SELECT array_to_json(ARRAY[secret]), array_dims(ARRAY[secret]) FROM app.people
SELECT int4range(pin, pin + 1), lower(int4range(pin, pin + 1)) FROM app.people
SELECT (ROW(id, pin)).f2 FROM app.people
SELECT (ROW(p.*)).f1, (ROW(p.*)).f8 FROM app.people p
SELECT VARIADIC_TEST FROM (SELECT concat(VARIADIC ARRAY[name, secret]) AS variadic_test FROM app.people) x
SELECT format('%s %s', VARIADIC ARRAY[name, secret]) FROM app.people
SELECT cols[5] FROM (SELECT ARRAY[name, name, name, name, ssn] AS cols FROM app.people) x
SELECT (array[secret] || array[name])[1] FROM app.people
SELECT LEAST(ARRAY[secret], NULL), GREATEST(ROW(secret), NULL) FROM app.people
SELECT w FROM app.people, regexp_matches(secret, '(..)(..)(..)', 'g') w
SELECT (regexp_match(secret, '(...)(...)')) [1] || (regexp_match(secret, '(...)(...)'))[2] FROM app.people
SELECT generate_subscripts(tags, 1), tags FROM app.people
SELECT substr(secret, n, 1) FROM app.people, public.numbers WHERE id = 1 AND n < 10 ORDER BY n
SELECT substr(secret, 1, 3), substr(secret, 4) FROM app.people
SELECT ascii(substr(secret, n, 1)) FROM app.people, public.numbers WHERE id = 1 AND n < 9 ORDER BY n
SELECT get_byte(secret::bytea, n) FROM app.people, generate_series(0, 7) n WHERE id = 1 ORDER BY n
--# oracle parts that ask
SELECT array_length(string_to_array(secret, 'z'), 1), cardinality(string_to_array(secret, 'z')) FROM app.people
SELECT (ARRAY['no', 'yes'])[(secret LIKE '%zz%')::int + 1] FROM app.people
SELECT ROW(secret, 1) = ROW('Wombatz1B', 1), ROW(pin) > ROW(480150), ARRAY[pin] @> ARRAY[480101] FROM app.people
SELECT name, array_position(ARRAY['Wombatz1B', 'Wombatz2a'], secret) FROM app.people
SELECT isempty(int4range(pin, 480150)) FROM app.people WHERE pin < 480150
SELECT (ARRAY[1, 2])[1:pin % 2] FROM app.people
SELECT string_to_array(secret, 'b') FROM app.people
SELECT left(secret, 4), name, right(secret, -4) FROM app.people
