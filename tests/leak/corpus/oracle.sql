-- Questions: no value comes back, and yet one is told.

--# oracle where it stands
SELECT id FROM app.people WHERE secret = 'Wombatz1B'
SELECT id FROM app.people WHERE 'Wombatz1B' = secret
SELECT id FROM app.people WHERE secret IN ('Wombatz1B', 'x')
SELECT id FROM app.people WHERE secret LIKE 'Wombatzz%'
SELECT id FROM app.people WHERE secret ILIKE 'WOMBATZZ%'
SELECT id FROM app.people WHERE secret ~ '^Wombatzz' OR secret SIMILAR TO 'Wombatzz%'
SELECT id FROM app.people WHERE secret BETWEEN 'Wombatz1' AND 'Wombatz3'
SELECT id FROM app.people WHERE secret >= 'Wombatzz'
SELECT id FROM app.people WHERE lower(secret) = 'wombatz1b'
SELECT id FROM app.people WHERE substr(secret, 8, 1) = 'z'
SELECT id FROM app.people WHERE length(secret) > 9
SELECT id FROM app.people WHERE ascii(right(secret, 1)) > 70
SELECT id FROM app.people WHERE (secret, id) = ('Wombatz1B', 1)
SELECT id FROM app.people WHERE ROW(secret) > ROW('Wombatz3')
SELECT id FROM app.people WHERE secret IS NOT DISTINCT FROM 'Wombatz1B'
SELECT id FROM app.people WHERE NOT secret <> 'Wombatz1B'
SELECT id FROM app.people WHERE NULLIF(secret, 'Wombatz1B') IS NULL
SELECT id FROM app.people WHERE COALESCE(secret, '') = 'Wombatz1B'
SELECT id FROM app.people WHERE secret || name = 'Wombatz1BPat1'
SELECT id FROM app.people WHERE md5(secret) = md5('Wombatz1B')
SELECT id FROM app.people WHERE secret::bytea = 'Wombatz1B'::bytea
SELECT id FROM app.people WHERE position('zz' IN secret) > 0
SELECT id FROM app.people WHERE starts_with(secret, 'Wombatzz')
SELECT id FROM app.people WHERE secret = ANY (ARRAY['Wombatz1B'])
SELECT id FROM app.people WHERE ARRAY[secret] && ARRAY['Wombatz1B']
SELECT id FROM app.people WHERE to_jsonb(secret) = '"Wombatz1B"'
SELECT id FROM app.people p WHERE to_jsonb(p) ->> 'secret' = 'Wombatz1B'
SELECT id FROM app.people p WHERE p::text LIKE '%Wombatzz%'
SELECT id FROM app.people p WHERE (p).secret = 'Wombatz1B'
SELECT id FROM app.people p WHERE secret(p) = 'Wombatz1B'
SELECT id FROM app.people WHERE vip
SELECT id FROM app.people WHERE NOT vip OR id > 5
SELECT id FROM app.people WHERE vip IS TRUE
SELECT id FROM app.people WHERE pin > 480150
SELECT id FROM app.people WHERE pin % 2 = 1
SELECT id FROM app.people WHERE pin & 1 = 1
SELECT id FROM app.people WHERE born < '1931-08-21'
SELECT id FROM app.people WHERE mood = 'low'
SELECT id FROM app.people WHERE ip << '198.51.77.16/28'
SELECT id FROM app.people WHERE (home).street = 'ostrichlane11'
SELECT id FROM app.people WHERE meta @> '{"n": 642087}'
SELECT id FROM app.people WHERE 'kestrel1' = ANY (tags)
SELECT id FROM app.people WHERE gen = 'wombatz1b'
SELECT id FROM app.people WHERE ssn LIKE '61728311%'
SELECT id FROM app.people WHERE email = 'quorvexy1@mail.example.org'
SELECT id FROM app.people WHERE card LIKE '4929 1173 1%'
SELECT id FROM app.people WHERE doc IS DOCUMENT AND doc::text LIKE '%ibexattr1%'
SELECT id FROM app.people WHERE period @> date '1961-12-07'
SELECT id FROM app.people WHERE tsv @@ 'tapirlex11'
SELECT id FROM app.people WHERE secret > name AND pin > lim + 480150
SELECT id FROM app.people WHERE id = 1 AND secret = 'Wombatz1B'
SELECT id FROM app.people WHERE id = 3 OR secret = 'Wombatz1B'
SELECT id FROM app.people WHERE CASE WHEN secret = 'Wombatz1B' THEN id = 1 ELSE false END
SELECT id FROM app.people WHERE (SELECT secret = 'Wombatz1B')
SELECT id FROM app.people WHERE EXISTS (SELECT 1 WHERE secret = 'Wombatz1B')
SELECT id FROM app.people WHERE (SELECT count(*) FROM app.people q WHERE q.secret < people.secret) = 0
SELECT count(*) FROM app.people WHERE secret = 'Wombatz1B'
SELECT 1 FROM app.people WHERE secret = 'Wombatz1B' LIMIT 1
SELECT max(id) FROM app.people WHERE secret LIKE '%zz%'
SELECT id FROM app.people GROUP BY id, vip HAVING vip
SELECT id FROM app.people GROUP BY id HAVING max(secret) LIKE '%zz%'
SELECT DISTINCT vip IS NULL, count(*) FROM app.people GROUP BY vip ORDER BY 2
SELECT name FROM (SELECT name, secret AS s FROM app.people) x WHERE s LIKE '%zz%'
WITH x AS (SELECT name, secret AS s FROM app.people) SELECT name FROM x WHERE s LIKE '%zz%'
SELECT name FROM (SELECT name, secret LIKE '%zz%' AS b FROM app.people) x WHERE b
SELECT x.b FROM (SELECT secret LIKE '%zz%' AS b FROM app.people) x
SELECT name FROM app.people ORDER BY secret
SELECT name FROM app.people ORDER BY 2 - 1, secret
SELECT name, secret FROM app.people ORDER BY 2
SELECT name, secret AS s FROM app.people ORDER BY s
SELECT DISTINCT ON (secret) name FROM app.people ORDER BY secret, name
SELECT DISTINCT ON (vip) name FROM app.people ORDER BY vip, name
SELECT name FROM (SELECT name FROM app.people ORDER BY secret LIMIT 1) x
SELECT name FROM (SELECT name, row_number() OVER (ORDER BY secret) r FROM app.people) x WHERE r = 1
SELECT (SELECT name FROM app.people ORDER BY secret LIMIT 1)
SELECT array_agg(name ORDER BY secret) FROM app.people
SELECT string_agg(name, ',') FILTER (WHERE vip) FROM app.people
SELECT count(*) FROM app.people HAVING bool_or(secret = 'Wombatz1B')
SELECT 'hit' FROM app.team WHERE id = 1 AND 'Wombatz1B' IN (SELECT secret FROM app.people)
SELECT name FROM app.team WHERE id IN (SELECT team FROM app.people WHERE secret = 'Wombatz1B')
SELECT t.name FROM app.team t WHERE t.id = ALL (SELECT team FROM app.people WHERE secret = 'Wombatz1B')
SELECT id FROM app.people WHERE app.same_text(secret, 'x') = 'Wombatz1B'
SELECT id FROM app.people WHERE secret OPERATOR(pg_catalog.=) 'Wombatz1B'
SELECT id FROM app.people WHERE secret COLLATE "C" > 'Wombatzz'
SELECT id FROM app.people WHERE pin IS NOT NULL AND pin::text LIKE '4802%'
SELECT id FROM app.people WHERE secret = 'Wombatz' || '1B'
SELECT id FROM app.people WHERE hashtext(secret) = hashtext('Wombatz1B')
SELECT id FROM app.people WHERE overlay(secret PLACING 'x' FROM 1) = 'xombatz1B'
SELECT id FROM app.people WHERE secret IN (VALUES ('Wombatz1B'))
SELECT id FROM app.keyed JOIN app.people USING (id) WHERE secret = 'Wombatz1B'
SELECT o.id FROM app.orders o WHERE (SELECT vip FROM app.people p WHERE p.id = o.person)
SELECT n FROM public.numbers WHERE n < (SELECT length(secret) FROM app.people WHERE id = 1)
VALUES ((SELECT count(*) FROM app.people WHERE vip))
SELECT CASE WHEN EXISTS (SELECT FROM app.people WHERE secret = 'Wombatz1B') THEN 'a' ELSE 'b' END
SELECT (SELECT 'hit' FROM app.people WHERE secret = 'Wombatz1B' LIMIT 1)
SELECT id FROM app.people WHERE secret = 'Wombatz1B' FOR UPDATE
SELECT NOT EXISTS (SELECT FROM app.people WHERE pin > 480150 AND id < 7)
DECLARE c CURSOR FOR SELECT id FROM app.people WHERE secret = 'Wombatz1B' ;; SELECT count(*) FROM app.people WHERE secret = 'Wombatz1B'
SELECT id FROM app.v_people WHERE number LIKE '61728311%'
SELECT id FROM app.events WHERE kind = 'kindbird11'
SELECT id FROM app.sub WHERE extra = 'extrabird1'
SELECT id FROM "Odd Schema"."Pätient" WHERE "SSN" = 'mixedbird1'
SELECT id FROM app.keyed WHERE tok = 'x' OR (SELECT bool_or(vip) FROM app.people WHERE id IN (2, 4))
SELECT id FROM app.shy
UPDATE app.shy SET v = v
DELETE FROM app.shy
SELECT count(*) FROM (SELECT v FROM app.shy) x
COPY app.shy TO STDOUT
SELECT s FROM app.shy s
-- A policy that reads a table with a policy that looks a masked value up.
--! CREATE TABLE app.shown_first (id int); INSERT INTO app.shown_first VALUES (7); ALTER TABLE app.shown_first ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.shown_first USING (id IN (SELECT id FROM app.people WHERE secret LIKE 'Wombatzz%')); GRANT ALL ON app.shown_first TO pgveil_agent
--! CREATE TABLE app.shown_next (id int); INSERT INTO app.shown_next VALUES (7); ALTER TABLE app.shown_next ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.shown_next USING (EXISTS (SELECT 1 FROM app.shown_first f WHERE f.id = shown_next.id)); GRANT ALL ON app.shown_next TO pgveil_agent
--# oracle policies that read tables with policies
SELECT count(*) FROM app.shown_first
SELECT count(*) FROM app.shown_next
SELECT id FROM app.shown_next
UPDATE app.shown_next SET id = 7
