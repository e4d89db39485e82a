-- The row as one value.

--# value whole rows
SELECT p FROM app.people p
SELECT people FROM app.people
SELECT (p) FROM app.people p
SELECT p::text FROM app.people p
SELECT p.*::text FROM app.people p
SELECT (p.*) FROM app.people p
SELECT (p).* FROM app.people p
SELECT ((p)).* FROM app.people p
SELECT (p).secret FROM app.people p
SELECT (p.*).secret FROM app.people p
SELECT ROW(p.*) FROM app.people p
SELECT ROW(p) FROM app.people p
SELECT ROW(p.*)::text FROM app.people p
SELECT ROW(p.id, p.secret) FROM app.people p
SELECT (ROW(id, secret)) FROM app.people
SELECT (id, secret) FROM app.people
SELECT ARRAY[p] FROM app.people p
SELECT ARRAY(SELECT p FROM app.people p)
SELECT array_agg(p) FROM app.people p
SELECT (array_agg(p))[1].secret FROM app.people p
SELECT (ARRAY[p])[1].secret FROM app.people p
SELECT (SELECT p) FROM app.people p
SELECT ((SELECT p)).secret FROM app.people p
SELECT ((SELECT q FROM app.people q WHERE q.id = p.id)).secret FROM app.people p
SELECT COALESCE(p, p) FROM app.people p
SELECT CASE WHEN true THEN p END FROM app.people p
SELECT (CASE WHEN true THEN p END).secret FROM app.people p
SELECT concat(p), format('%s', p), quote_literal(p) FROM app.people p
SELECT textin(record_out(p)) FROM app.people p
--@ pg>=13
SELECT record_out(p), record_send(p) FROM app.people p
SELECT t.p FROM (SELECT p FROM app.people p) t
SELECT (t.p).secret FROM (SELECT p FROM app.people p) t
SELECT (t.p).* FROM (SELECT p FROM app.people p) t
SELECT t FROM (SELECT secret FROM app.people) t
SELECT t::text FROM (SELECT id, secret FROM app.people) t
SELECT (t).secret FROM (SELECT id, secret FROM app.people) t
SELECT t FROM (SELECT p.* FROM app.people p) t
SELECT v FROM (VALUES ((SELECT p FROM app.people p WHERE id = 1))) v
SELECT l.* FROM app.people p, LATERAL (SELECT p.*) l
SELECT l.* FROM app.people p, LATERAL (SELECT (p).secret AS x) l
SELECT u.* FROM app.people p, unnest(ARRAY[p]) u
SELECT u.secret FROM (SELECT array_agg(p) AS a FROM app.people p) x, unnest(a) u
SELECT u FROM (SELECT array_agg(p) AS a FROM app.people p) x, unnest(a) AS u
SELECT person FROM app.holder
SELECT (person).secret FROM app.holder
SELECT (person).* FROM app.holder
SELECT people[1].secret FROM app.holder
SELECT (people[1]).* FROM app.holder
SELECT u.secret FROM app.holder, unnest(people) u
SELECT home FROM app.people
SELECT (home).street FROM app.people
SELECT (home).* FROM app.people
SELECT ((spot).home).street FROM app.people
SELECT ((spot).home).street, (spot).door FROM app.people
SELECT (p.spot).home FROM app.people p
SELECT (p.home).street FROM (SELECT home FROM app.people) p
SELECT street(home) FROM app.people
SELECT (t).street FROM app.typed t
SELECT t FROM app.typed t
SELECT typed::app.address FROM app.typed
SELECT ROW(secret, ssn)::app.address FROM app.people
SELECT (ROW(secret, ssn)::app.address).street FROM app.people
SELECT app.ident(p) FROM app.people p
SELECT (app.ident(p)).secret FROM app.people p
SELECT secret(app.ident(p)) FROM app.people p
SELECT max(p::text) FROM app.people p
SELECT string_agg(p::text, E'\n') FROM app.people p
SELECT p IS NULL, p IS NOT NULL, p FROM app.people p
SELECT hashtext(p::text), p FROM app.people p
SELECT ext.hstore(p) FROM app.people p
SELECT ext.hstore(p) OPERATOR(ext.->) 'secret' FROM app.people p
SELECT (ext.each(ext.hstore(p))).value FROM app.people p
SELECT ext.hstore_to_json(ext.hstore(p)) FROM app.people p
SELECT (ext.populate_record(NULL::app.one, ext.hstore(o))).v FROM app.one o
SELECT (jsonb_populate_record(NULL::app.one, to_jsonb(o))).v FROM app.one o
SELECT f.* FROM app.people p, LATERAL jsonb_to_record(to_jsonb(p)) AS f (id int, secret text)
SELECT w.whole FROM app.v_row w
SELECT (w.whole).secret, (w.whole).pin FROM app.v_row w
SELECT (whole).* FROM app.v_row
SELECT o = o, o FROM app.one o
SELECT j FROM (app.people p JOIN app.orders o ON o.person = p.id) AS j
SELECT j::text FROM (app.people p JOIN app.orders o ON o.person = p.id) AS j
SELECT row_to_json(j) FROM (app.people JOIN app.orders USING (id)) AS j
