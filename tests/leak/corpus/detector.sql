-- Findings in free text, in forms that the detectors do not know. Lineage must stop what is computed.

--# value text with findings
SELECT body FROM app.notes
SELECT extra FROM app.notes
SELECT body, extra FROM app.notes
SELECT * FROM app.notes
SELECT n FROM app.notes n
SELECT reverse(body) FROM app.notes
SELECT upper(body) FROM app.notes
SELECT body || '' FROM app.notes
SELECT replace(body, '@', ' at ') FROM app.notes
SELECT translate(body, '@. ', '   ') FROM app.notes
SELECT regexp_replace(body, '(.)', '\1-', 'g') FROM app.notes
SELECT split_part(body, '@', 1), split_part(body, '@', 2) FROM app.notes
SELECT substr(body, 1, 20), substr(body, 21) FROM app.notes
SELECT regexp_split_to_table(body, '@') FROM app.notes
SELECT regexp_split_to_table(body, '') FROM app.notes WHERE id = 1
SELECT string_to_array(body, ' ') FROM app.notes
SELECT encode(body::bytea, 'hex') FROM app.notes
SELECT encode(body::bytea, 'base64') FROM app.notes
SELECT to_tsvector('simple', body) FROM app.notes
SELECT ts_headline(body, 'call'::tsquery) FROM app.notes
SELECT to_json(body), to_jsonb(n) FROM app.notes n
SELECT extra ->> 'mail' FROM app.notes
SELECT jsonb_each_text(extra) FROM app.notes
SELECT extra::text FROM app.notes
SELECT reverse(extra::text) FROM app.notes
SELECT xmlelement(NAME a, body) FROM app.notes
SELECT substring(body FROM '[a-z0-9]+@[a-z.]+') FROM app.notes
SELECT (regexp_match(body, '[a-z0-9]+@[a-z.]+'))[1] FROM app.notes
SELECT left(body, position('@' IN body) - 1) FROM app.notes
SELECT convert_to(body, 'LATIN1'), body::bytea FROM app.notes
SELECT repeat('x', 1000) || body FROM app.notes
SELECT max(body), string_agg(body, '') FROM app.notes
SELECT title FROM app.notes UNION ALL SELECT body FROM app.notes
SELECT id, (SELECT string_agg(substr(body, i, 1), '' ORDER BY i DESC) FROM generate_series(1, 60) i) FROM app.notes
BEGIN ;; INSERT INTO public.box (line) SELECT body FROM app.notes ;; SELECT line FROM public.box ;; ROLLBACK
BEGIN ;; UPDATE app.notes SET title = body ;; SELECT title FROM app.notes ;; ROLLBACK
BEGIN ;; UPDATE app.notes SET body = replace(body, '@', ' at ') ;; SELECT body FROM app.notes ;; ROLLBACK
BEGIN ;; UPDATE app.notes SET body = reverse(body) ;; SELECT body FROM app.notes ;; ROLLBACK
BEGIN ;; UPDATE app.notes SET body = regexp_replace(body, '\d', '&x', 'g') ;; SELECT body FROM app.notes ;; ROLLBACK
BEGIN ;; UPDATE app.notes SET extra = to_jsonb(encode(body::bytea, 'hex')) ;; SELECT extra FROM app.notes ;; ROLLBACK
BEGIN ;; UPDATE app.notes n SET body = p.secret FROM app.people p WHERE p.id = n.id ;; SELECT body FROM app.notes ;; ROLLBACK
--# oracle questions to text
SELECT id FROM app.notes WHERE body LIKE '%quorvexnote11%'
SELECT id FROM app.notes WHERE body ~ 'note1\d@'
SELECT count(*) FROM app.notes WHERE extra ->> 'mail' = 'quorvexjson1@mail.example.org'
SELECT id FROM app.notes WHERE to_tsvector('simple', body) @@ plainto_tsquery('simple', 'quorvexnote11@mail.example.org')
SELECT id, body LIKE '%quorvexnote11%' FROM app.notes
SELECT position('21@' IN body) FROM app.notes
SELECT id, md5(body) FROM app.notes
