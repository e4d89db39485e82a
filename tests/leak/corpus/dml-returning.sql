-- What writing statements give back.

--# value returning
UPDATE app.people SET name = name RETURNING secret
UPDATE app.people SET name = name RETURNING *
UPDATE app.people SET name = name RETURNING secret || '', people
UPDATE app.people p SET name = name RETURNING p, (p).secret
UPDATE app.people SET name = name RETURNING to_jsonb(people)
UPDATE app.orders o SET qty = qty FROM app.people p WHERE p.id = o.person RETURNING p.secret
UPDATE app.orders o SET qty = qty FROM app.people p WHERE p.id = o.person AND o.id = 1 RETURNING *
UPDATE app.orders o SET ref = ref FROM (SELECT id, secret AS s FROM app.people) p WHERE p.id = o.person RETURNING s
UPDATE public.box SET line = line RETURNING (SELECT max(secret) FROM app.people)
DELETE FROM app.orders o USING app.people p WHERE p.id = o.person RETURNING p.secret
DELETE FROM app.notes RETURNING body
DELETE FROM app.base RETURNING body
DELETE FROM app.events RETURNING note, kind
DELETE FROM app.one RETURNING *
INSERT INTO public.box (line) VALUES ('x') RETURNING (SELECT max(secret) FROM app.people)
INSERT INTO public.box (line) VALUES ('x') RETURNING line || (SELECT max(ssn) FROM app.people)
INSERT INTO app.people (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y' RETURNING secret
INSERT INTO app.people (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = app.people.secret RETURNING name
INSERT INTO app.people (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = people.secret || excluded.name RETURNING name
INSERT INTO app.one SELECT secret FROM app.people RETURNING v
INSERT INTO app.one SELECT secret FROM app.people RETURNING one
WITH u AS (UPDATE app.people SET name = name RETURNING secret AS s) SELECT s FROM u
WITH u AS (DELETE FROM app.one RETURNING *) SELECT v FROM u
WITH u AS (INSERT INTO public.box (line) SELECT secret FROM app.people RETURNING line) SELECT line FROM u
WITH u AS (UPDATE app.people SET name = name RETURNING *) SELECT u FROM u
WITH x AS (SELECT secret FROM app.people) INSERT INTO public.box (line) SELECT secret FROM x RETURNING line
WITH x AS (SELECT secret FROM app.people WHERE id = 1) UPDATE public.box SET line = x.secret FROM x RETURNING line
UPDATE public.box SET line = (SELECT max(secret) FROM app.people) RETURNING line
UPDATE app.people SET name = secret RETURNING name
UPDATE app.people SET name = secret WHERE id = 1 RETURNING name AS x
UPDATE app.people SET (name, lim) = (SELECT max(secret), 0 FROM app.people) RETURNING name
UPDATE app.people SET secret = 'q', name = secret RETURNING name
UPDATE app.people SET joined = born RETURNING joined
UPDATE app.people SET team = team RETURNING gen
--@ pg>=17
MERGE INTO app.people p USING app.team t ON t.id = p.id WHEN MATCHED THEN UPDATE SET name = p.name RETURNING p.secret
--@ pg>=17
MERGE INTO public.box b USING app.people p ON b.id = p.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (line) VALUES (p.secret) RETURNING merge_action(), line
--@ pg>=18
UPDATE app.people SET name = name RETURNING old.secret, new.ssn
--@ pg>=18
UPDATE app.people SET name = name RETURNING WITH (OLD AS o, NEW AS n) o.secret, n
--@ pg>=18
DELETE FROM app.one RETURNING old.v, old
--# oracle writes that ask
UPDATE public.box SET n = 5 WHERE EXISTS (SELECT FROM app.people WHERE secret = 'Wombatz1B')
UPDATE app.people SET name = name WHERE secret = 'Wombatz1B'
DELETE FROM app.orders USING app.people p WHERE p.id = person AND p.pin % 2 = 0
DELETE FROM app.notes WHERE body LIKE '%quorvexnote1%'
INSERT INTO public.box (line) SELECT name FROM app.people WHERE secret LIKE '%zz%'
INSERT INTO app.people (id, grp, secret) VALUES (90, 1, 'Wombatz1B') ON CONFLICT DO NOTHING
INSERT INTO app.people (id, ssn) VALUES (90, '61728311-77') ON CONFLICT DO NOTHING
INSERT INTO app.people (id, ssn) VALUES (90, '61728311-77')
INSERT INTO app.people (id, ssn) VALUES (90, '61728311-77') ON CONFLICT (ssn) DO UPDATE SET lim = 1
INSERT INTO app.people (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y' WHERE app.people.secret LIKE '%zz%'
INSERT INTO app.guess (ssn) VALUES ('61728311-77')
UPDATE app.people SET grp = 1 WHERE secret LIKE '%zz%'
UPDATE app.people SET lim = 480150 WHERE id = 1
UPDATE app.people SET grp = 1 WHERE id = 7
UPDATE app.people SET name = 'x' WHERE id = (SELECT id FROM app.people ORDER BY secret LIMIT 1) RETURNING id
UPDATE app.people SET name = CASE WHEN secret LIKE '%zz%' THEN 'a' ELSE 'b' END RETURNING name
UPDATE app.people SET lim = pin % 5 RETURNING lim
DELETE FROM app.people WHERE id = 7 AND ssn = '61728310-77'
--@ pg>=15
MERGE INTO public.box b USING app.people p ON b.id = p.id AND p.secret LIKE '%zz%' WHEN MATCHED THEN DELETE
--@ pg>=15
MERGE INTO public.box b USING app.people p ON b.id = p.id WHEN MATCHED AND p.pin % 2 = 0 THEN UPDATE SET n = 0
