-- JSON that a statement makes of whole rows and of single columns: what is masked is masked inside it, and nothing may move it to
-- where something else is expected.

--# value masked where it stands
SELECT row_to_json(p) FROM (SELECT id, name, ssn, email, secret, card FROM app.people) p
SELECT to_jsonb(p) FROM (SELECT id, name, ssn, email, secret, card, pin, balance, born, home, tags, meta FROM app.people) p
SELECT json_agg(p ORDER BY id) FROM (SELECT id, secret, pin FROM app.people) p
SELECT COALESCE(json_agg(row_to_json(p)), '[]') FROM (SELECT id, secret AS "a b", ssn AS "a""b", pin AS "ünï" FROM app.people) p
SELECT array_to_json(array_agg(p)) FROM (SELECT id, secret FROM app.people) p
SELECT json_build_object('id', id, 'secret', secret, 'more', json_build_array(pin, json_build_object('deep', ssn))) FROM app.people
SELECT t.name, (SELECT json_agg(x) FROM (SELECT p.name, p.secret FROM app.people p WHERE p.team = t.id ORDER BY p.id) x) FROM app.team t ORDER BY t.id
COPY (SELECT row_to_json(p) FROM (SELECT id, secret, email FROM app.people ORDER BY id) p) TO STDOUT
COPY (SELECT to_jsonb(p) FROM (SELECT id, secret, email FROM app.people ORDER BY id) p) TO STDOUT (FORMAT csv, FORCE_QUOTE *)
COPY (SELECT to_jsonb(p) FROM (SELECT id, secret, email FROM app.people ORDER BY id) p) TO STDOUT (FORMAT binary)
BEGIN ;; DECLARE c CURSOR FOR SELECT to_jsonb(p) FROM (SELECT id, secret FROM app.people ORDER BY id) p ;; FETCH ALL FROM c ;; COMMIT
PREPARE d AS SELECT row_to_json(p) FROM (SELECT id, secret FROM app.people) p ;; EXECUTE d ;; EXECUTE d

--# value names that mean two things
SELECT row_to_json(p) FROM (SELECT secret AS id, id AS secret FROM app.people) p
SELECT row_to_json(p) FROM (SELECT secret AS k, id AS k FROM app.people) p
SELECT to_jsonb(p) FROM (SELECT id AS k, secret AS k FROM app.people) p
SELECT row_to_json(p) FROM (SELECT id, secret, pin FROM app.people) AS p (secret, id, name)
SELECT row_to_json(o) FROM app.one AS o (other)
SELECT to_jsonb(o) FROM app.one AS o (v2)
SELECT row_to_json(ROW(id, secret)) FROM app.people
SELECT row_to_json(ROW(secret, ssn)::app.address) FROM app.people
SELECT row_to_json(ROW(ROW(secret, ssn)::app.address, 1)::app.place) FROM app.people
SELECT json_build_object('a', 1, 'a', secret) FROM app.people
SELECT jsonb_build_object('a', secret, 'a', id, 'A', pin) FROM app.people
SELECT json_build_object('f1', id, 'f\u0031', secret) FROM app.people
SELECT json_build_object(E'f\t', id, 'f\t', secret) FROM app.people
SELECT json_build_object('$.id', secret, 'id', id) FROM app.people
SELECT json_build_object('*', secret, 'id', id) FROM app.people
SELECT json_build_object('a'::char(3), secret, 'a', id) FROM app.people
SELECT json_build_object(U&'\0061', secret, 'a', id) FROM app.people

--# value moved or copied within
SELECT to_jsonb(p) || jsonb_build_object('id', secret) FROM (SELECT id, secret FROM app.people) p
SELECT jsonb_build_object('id', p.secret) || to_jsonb(q) FROM app.people p, (SELECT name, floor FROM app.team) q
SELECT to_jsonb(q) || to_jsonb(p) FROM (SELECT id, secret AS x FROM app.people) p, (SELECT name AS secret, id AS x FROM app.team) q
SELECT (to_jsonb(p) || '{"z": 1}') FROM (SELECT id, secret FROM app.people) p
SELECT ('{"z": 1}'::jsonb || to_jsonb(p)) FROM (SELECT id, secret FROM app.people) p
SELECT jsonb_build_array(1, 2) || to_jsonb(p) FROM (SELECT id, secret FROM app.people) p
SELECT jsonb_build_array('x', secret, id) - 'x' FROM app.people
SELECT jsonb_build_array(id, secret) - 0 FROM app.people
SELECT to_jsonb(p) - 'id' - 'name' FROM (SELECT id, name, secret FROM app.people) p
SELECT to_jsonb(p) - ARRAY['id'] FROM (SELECT id, name, secret FROM app.people) p
SELECT to_jsonb(p) #- '{id}' FROM (SELECT id, name, secret FROM app.people) p
SELECT jsonb_set(to_jsonb(p), '{id}', to_jsonb(p) -> 'secret') FROM (SELECT id, secret FROM app.people) p
SELECT jsonb_path_query(to_jsonb(p), '$.*') FROM (SELECT id, secret FROM app.people) p
SELECT to_jsonb(p)::text, to_jsonb(p)::json::text, row_to_json(p)::text FROM (SELECT id, secret FROM app.people) p
SELECT to_jsonb(to_jsonb(p)::text) FROM (SELECT id, secret FROM app.people) p
SELECT json_build_object('id', row_to_json(p)::text) FROM (SELECT id, secret FROM app.people) p
SELECT v FROM (SELECT to_jsonb(p) FROM (SELECT id, secret FROM app.people) p) x (j), jsonb_each_text(j) e (k, v)
SELECT to_jsonb(x) FROM (SELECT to_jsonb(p) AS j, secret AS k FROM (SELECT id, secret FROM app.people) p, app.one) x
SELECT json_agg(j -> 'secret') FROM (SELECT to_jsonb(p) AS j FROM (SELECT id, secret FROM app.people) p) x
SELECT to_jsonb(p) FROM (SELECT id, secret FROM app.people) p UNION ALL SELECT to_jsonb(q) FROM (SELECT secret AS id, id AS secret FROM app.people) q
SELECT CASE WHEN n = 1 THEN to_jsonb(p) ELSE to_jsonb(q) END FROM numbers, (SELECT id, secret FROM app.people) p, (SELECT secret AS id FROM app.people) q WHERE n < 3
SELECT CASE n WHEN 1 THEN to_jsonb(p) ELSE to_jsonb(p.secret) END FROM numbers, (SELECT id, secret FROM app.people) p WHERE n < 3
SELECT COALESCE(NULL, to_jsonb(p.secret), to_jsonb(p)) FROM (SELECT id, secret FROM app.people) p
SELECT GREATEST(to_jsonb(p), jsonb_build_object('id', secret)) FROM (SELECT id, secret FROM app.people) p
SELECT (ARRAY[to_jsonb(p), to_jsonb(p.secret)])[2] FROM (SELECT id, secret FROM app.people) p
SELECT unnest(array_agg(to_jsonb(p))) FROM (SELECT id, secret FROM app.people) p
SELECT first_value(to_jsonb(p)) OVER (ORDER BY id) FROM (SELECT id, secret FROM app.people) p
SELECT json_agg(x) FROM (SELECT unnest(ARRAY[secret, ssn]) AS name, id FROM app.people) x
SELECT json_object_agg(secret, id) FROM app.people WHERE secret IS NOT NULL
SELECT json_object_agg(id, p) FROM (SELECT id, secret FROM app.people) p
SELECT json_object_agg(secret, p) FROM (SELECT id, secret FROM app.people) p

--# oracle of whole documents
SELECT to_jsonb(p) FROM (SELECT id, secret FROM app.people) p ORDER BY 1
SELECT id FROM (SELECT id, to_jsonb(p) AS j FROM (SELECT id, secret FROM app.people) p) x WHERE j @> '{"secret": "Wombatz1B"}'
SELECT DISTINCT ON (j) 1 FROM (SELECT to_jsonb(p) AS j FROM (SELECT pin % 2 AS b FROM app.people) p) x
SELECT count(*), j FROM (SELECT to_jsonb(p) AS j FROM (SELECT pin % 2 AS b FROM app.people) p) x GROUP BY j
SELECT to_jsonb(p) FROM (SELECT id, 1 / (pin - 480101) AS v FROM app.people) p
SELECT json_build_object('x', nullif(v, 'blindbird11')) FROM app.blind
SELECT row_to_json(b) FROM (SELECT id, nullif(v, 'blindbird11') AS x, j ->> 'k1' AS y FROM app.blind) b
SELECT jsonb_build_object('id', id, 'x', COALESCE(nullif(v, 'blindbird11'), 'z')) FROM app.blind
SELECT json_build_array(nullif(j, '{"k1": "blindkey11"}'), j -> 'k1', j ->> 'k1') FROM app.blind
