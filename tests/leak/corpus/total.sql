-- Expressions that cannot fail may be made of masked columns. What they give is masked, and whether they are NULL; what may fail is refused.

--# oracle NULL for some values, where derived says redact
SELECT encode(nullif(blob, '\xdeadbeefcafef00d0badf00d010100'), 'nope') FROM app.people WHERE id = 1
SELECT id, nullif(v, 'blindbird11') FROM app.blind
SELECT id, v = 'blindbird11' AND NULL FROM app.blind
SELECT id, v = 'blindbird11' OR NULL FROM app.blind
SELECT id, j ->> 'k1', j -> 'k1', j #>> '{k1}' FROM app.blind
--@ pg>=14
SELECT id, j['k1'] FROM app.blind
SELECT id, (string_to_array(v, '1'))[3] FROM app.blind
SELECT id, array_length(string_to_array(v, '1') , 1), nullif(array_length(string_to_array(v, '1'), 1), 3) FROM app.blind
SELECT max(nullif(v, 'blindbird11')), string_agg(nullif(v, 'blindbird11'), ''), jsonb_agg(nullif(v, 'blindbird11')) -> 0 ->> 0 FROM app.blind WHERE id = 1
SELECT x FROM (SELECT nullif(v, 'blindbird11') AS x FROM app.blind) q
WITH q AS MATERIALIZED (SELECT nullif(v, 'blindbird11') AS x FROM app.blind) SELECT x FROM q
SELECT (SELECT nullif(v, 'blindbird11') FROM app.blind WHERE id = 1)
COPY (SELECT id, nullif(v, 'blindbird11') FROM app.blind) TO STDOUT
COPY (SELECT id, nullif(v, 'blindbird11') FROM app.blind) TO STDOUT (FORMAT csv)
COPY (SELECT id, nullif(v, 'blindbird11') FROM app.blind) TO STDOUT (FORMAT binary)
BEGIN ;; DECLARE c BINARY CURSOR FOR SELECT nullif(v, 'blindbird11') FROM app.blind ;; FETCH ALL FROM c
PREPARE p AS SELECT nullif(v, $1) FROM app.blind ;; EXECUTE p ('blindbird11')
UPDATE app.blind SET id = id RETURNING nullif(v, 'blindbird11')

--# value whole, in parts, or in documents
SELECT to_jsonb(q), row_to_json(q), jsonb_agg(q) OVER () FROM (SELECT * FROM app.blind) q
SELECT jsonb_build_object('v', v), jsonb_build_array(v, j), to_json(v), json_build_object('j', j)::text FROM app.blind
SELECT ROW(v, j)::text, to_jsonb(ROW(v, j)), (ROW(v, 'x')::app.address).street, ARRAY[ROW(v, 'x')::app.address] FROM app.blind
SELECT substr(v, 3), split_part(v, 'b', 3), format('%s-%L', v, j), v::varchar(40), v::char(40), replace(v, 'q', '') FROM app.blind
SELECT coalesce(upper(v), 'x' || id), coalesce(j -> 'nothing', j), quote_literal(v), array_to_string(string_to_array(v, 'q'), '') FROM app.blind
COPY (SELECT to_jsonb(b) FROM app.blind b) TO STDOUT
SELECT x -> 'v' FROM (SELECT to_jsonb(b) AS x FROM app.blind b) q
SELECT jsonb_agg(v), array_agg(v), jsonb_object_agg(id, v), json_object_agg(id, v) FROM app.blind

--# oracle failure for some values
SELECT jsonb_build_object(nullif(secret, 'Wombatz1B'), 1) FROM app.people
SELECT jsonb_object_agg(nullif(secret, 'Wombatz1B'), 1) FROM app.people
SELECT to_jsonb(raw), raw -> 'r', raw ->> 'r' FROM app.people
SELECT substr(name, 1, 480105 - pin) FROM app.people WHERE id = 1
SELECT split_part(name, 'a', pin - 480101) FROM app.people WHERE id = 1
SELECT lpad(name, pin - 480100) FROM app.people WHERE id = 1
SELECT array_to_string(string_to_array(name, 'a'), secret) FROM app.people
SELECT ARRAY[string_to_array(name, 'a'), string_to_array(secret, 'z')] FROM app.people WHERE id = 1
SELECT ARRAY(SELECT string_to_array(secret, 'B') FROM app.people WHERE id IN (2, 4))
SELECT array_agg(string_to_array(secret, 'B')) FROM app.people WHERE id IN (2, 4)
SELECT ARRAY[string_to_array(name, 'z')] || ARRAY[string_to_array(secret, 'zz')] FROM app.people WHERE id = 1
SELECT format('%' || CASE WHEN right(secret, 1) = 'B' THEN 's' ELSE 'I' END, NULL) FROM app.people WHERE id = 1
SELECT format('%' || chr(64 + ascii(right(secret, 1)) % 32), 'x') FROM app.people WHERE id = 1
SELECT ROW(home, secret)::app.place FROM app.people
SELECT coalesce(nullif(secret = 'Wombatz1B', false)::text, (1 / (id - id))::text) FROM app.people WHERE id = 7
SELECT nullif(secret, 'Wombatz1B') IS NOT NULL OR 1 / (id - id) > 0 FROM app.people WHERE id = 7
SELECT coalesce(nullif(secret, 'Wombatz1B'), (SELECT name FROM app.people WHERE id < 3)) FROM app.people WHERE id = 7
SELECT nullif(secret::int, 1) FROM app.people WHERE id = 1
SELECT (nullif(secret, 'Wombatz1B') || '{')::jsonb -> 'a' FROM app.people WHERE id = 7
SELECT ascii(right(secret, 1))::int2 * 300 FROM app.people WHERE id = 1
--@ pg>=16
SELECT JSON_OBJECT(nullif(secret, 'Wombatz1B'): 1) FROM app.people WHERE id = 7
--@ pg>=16
SELECT JSON_OBJECT('a': '{' || secret FORMAT JSON RETURNING bytea) IS NULL, JSON_ARRAY(CASE WHEN right(secret, 1) = 'B' THEN '1' ELSE 'x' END FORMAT JSON RETURNING jsonb) FROM app.people WHERE id = 1
--# value documents of the standard's
--@ pg>=16
SELECT JSON_OBJECT('v': v, 'j': j), JSON_ARRAY(v, JSON_OBJECT('a': j)) FROM app.blind
--@ pg>=16
SELECT JSON_ARRAYAGG(v), JSON_OBJECTAGG('k': v) FROM app.blind WHERE id = 1
