-- JSON and XML made of masked columns, and masked JSON and XML taken apart.

--# value made
SELECT row_to_json(p) FROM app.people p
SELECT to_json(p), to_jsonb(p) FROM app.people p
SELECT to_jsonb(p) -> 'secret' FROM app.people p
SELECT to_jsonb(p) ->> 'secret' FROM app.people p
SELECT to_jsonb(p) #>> '{home,street}' FROM app.people p
SELECT json_agg(p) FROM app.people p
SELECT jsonb_agg(secret), json_agg(ssn ORDER BY id) FROM app.people
SELECT json_object_agg(id, secret) FROM app.people
SELECT jsonb_object_agg(secret, id) FROM app.people WHERE secret IS NOT NULL
SELECT json_build_object('id', id, 's', secret) FROM app.people
SELECT json_build_array(id, secret, pin) FROM app.people
SELECT jsonb_build_object(secret, 1) FROM app.people
SELECT json_object(ARRAY['a', secret]) FROM app.people
SELECT json_object(ARRAY['a'], ARRAY[secret]) FROM app.people
SELECT array_to_json(array_agg(secret)) FROM app.people
SELECT array_to_json(tags) FROM app.people
SELECT jsonb_set('{}', '{a}', to_jsonb(secret)) FROM app.people
SELECT jsonb_insert('[]', '{0}', to_jsonb(secret)) FROM app.people
SELECT to_jsonb(p) - 'id' FROM app.people p
SELECT jsonb_pretty(to_jsonb(p)) FROM app.people p
SELECT jsonb_strip_nulls(to_jsonb(p)) FROM app.people p
SELECT * FROM app.people p, jsonb_each_text(to_jsonb(p))
SELECT (jsonb_each(to_jsonb(p))).value FROM app.people p
SELECT value FROM app.people p, LATERAL json_each_text(row_to_json(p)) WHERE key = 'secret'
SELECT json_populate_record(NULL::app.address, json_build_object('street', secret)) FROM app.people
SELECT x.* FROM app.people p, json_to_record(row_to_json(p)) AS x (secret text, ssn text)
SELECT x.* FROM (SELECT json_agg(p) AS a FROM app.people p) y, json_to_recordset(a) AS x (secret text)
SELECT jsonb_path_query(to_jsonb(p), '$.secret') FROM app.people p
SELECT jsonb_path_query_array(to_jsonb(p), '$.*') FROM app.people p
SELECT jsonb_path_query_first(jsonb_build_object('a', secret), '$.a') FROM app.people
SELECT jsonb_path_query('{}', '$x', jsonb_build_object('x', secret)) FROM app.people
SELECT ext.hstore_to_json(ext.hstore('a', secret)) FROM app.people
SELECT xmlelement(NAME a, secret) FROM app.people
SELECT xmlelement(NAME a, xmlattributes(secret AS b)) FROM app.people
SELECT xmlforest(secret, ssn AS n) FROM app.people
SELECT xmlconcat(xmlelement(NAME a, secret), NULL) FROM app.people
SELECT xmlagg(xmlelement(NAME a, secret)) FROM app.people
SELECT xmlcomment(secret) FROM app.people
SELECT xmlpi(NAME x, secret) FROM app.people
SELECT xmlparse(CONTENT secret) FROM app.people
SELECT xmlserialize(CONTENT xmlelement(NAME a, secret) AS text) FROM app.people
SELECT xmlroot(xmlelement(NAME a, secret), VERSION '1.0') FROM app.people
--# value taken apart
SELECT meta -> 'k', meta ->> 'k', meta #> '{deep}', meta #>> '{deep,x,0}' FROM app.people
SELECT raw -> 'r', raw ->> 'r' FROM app.people
--@ pg>=14
SELECT meta['k'] FROM app.people
SELECT meta - 'n', meta || '{}', meta #- '{n}' FROM app.people
SELECT jsonb_each(meta), jsonb_each_text(meta) FROM app.people
SELECT e.* FROM app.people, jsonb_each(meta) e
SELECT e.value FROM app.people, LATERAL jsonb_each_text(meta) AS e
SELECT a FROM app.people, jsonb_array_elements_text(meta #> '{deep,x}') a
SELECT jsonb_extract_path_text(meta, 'k'), json_extract_path(raw, 'r') FROM app.people
SELECT jsonb_path_query(meta, '$.**') FROM app.people
SELECT jsonb_populate_record(NULL::app.address, jsonb_build_object('street', meta ->> 'k')) FROM app.people
SELECT r.* FROM app.people, jsonb_to_record(meta) AS r (k text, n int)
SELECT jsonb_set(meta, '{n}', '0'), jsonb_insert(meta, '{z}', '0') FROM app.people
SELECT xpath('//v/text()', doc) FROM app.people
SELECT (xpath('//v/@a', doc))[1]::text FROM app.people
SELECT x.* FROM app.people, xmltable('/d/v' PASSING doc COLUMNS v text PATH '.', a text PATH '@a') x
SELECT x.* FROM app.people, LATERAL xmltable('/a' PASSING xmlelement(NAME a, secret) COLUMNS v text PATH '.') AS x
SELECT x.v FROM xmltable('/r/a' PASSING (SELECT xmlelement(NAME r, xmlagg(xmlelement(NAME a, secret))) FROM app.people) COLUMNS n FOR ORDINALITY, v text PATH '.') x
SELECT x.d FROM app.people p, xmltable('/a' PASSING '<a/>' COLUMNS d text PATH 'b' DEFAULT secret) x
SELECT ext.xpath_string(doc::text, '/d/v'), ext.xpath_nodeset(doc::text, '/d/v', 'a', 'b') FROM app.people
SELECT meta::text || raw::text FROM app.people
SELECT c, r FROM app.people, LATERAL (SELECT meta ->> 'k' AS c, raw ->> 'r' AS r) x
--@ pg>=16
SELECT JSON_OBJECT('a': secret), JSON_ARRAY(secret, ssn) FROM app.people
--@ pg>=16
SELECT JSON_ARRAY(SELECT secret FROM app.people)
--@ pg>=16
SELECT JSON_OBJECTAGG(id: secret), JSON_ARRAYAGG(secret) FROM app.people
--@ pg>=17
SELECT JSON_VALUE(meta, '$.k'), JSON_QUERY(meta, '$.deep'), JSON_SCALAR(secret), JSON(secret) FROM app.people WHERE id < 0 UNION ALL SELECT JSON_VALUE(meta, '$.k'), JSON_QUERY(meta, '$.deep'), JSON_SCALAR(secret), NULL FROM app.people
--@ pg>=17
SELECT JSON_SERIALIZE(to_json(secret)), JSON_VALUE(to_jsonb(secret), '$' DEFAULT 'x' ON EMPTY) FROM app.people
--@ pg>=17
SELECT t.* FROM app.people, JSON_TABLE(meta, '$' COLUMNS (k text PATH '$.k', n int PATH '$.n')) t
--@ pg>=17
SELECT t.* FROM app.people, JSON_TABLE(to_jsonb(secret), '$' COLUMNS (v text PATH '$')) t
--@ pg>=17
SELECT t.* FROM JSON_TABLE((SELECT jsonb_agg(secret) FROM app.people), '$[*]' COLUMNS (o FOR ORDINALITY, v text PATH '$')) t
--@ pg>=17
SELECT t.* FROM app.people, JSON_TABLE('{}', '$' PASSING secret AS x COLUMNS (v text PATH '$x')) t
--# oracle questions to JSON and XML
SELECT meta ? 'k', jsonb_typeof(meta -> 'k'), meta -> 'n' > '642087', meta @@ '$.n > 642087' FROM app.people
SELECT jsonb_path_exists(meta, '$.n ? (@ > 642087)'), jsonb_path_match(meta, '$.n > 642087') FROM app.people
SELECT xmlexists('/d/v[@a="ibexattr1"]' PASSING doc), xpath_exists('/d/v[@a="ibexattr1"]', doc) FROM app.people
SELECT id FROM app.people, jsonb_path_query(meta, '$.n ? (@ > 642087)')
SELECT id, x.* FROM app.people, xmltable('/d/v[@a="ibexattr1"]' PASSING doc COLUMNS n FOR ORDINALITY) x
SELECT xml_is_well_formed(secret), ('{"a":' || (pin % 2) || '}')::jsonb = '{"a":1}' FROM app.people
