-- Joins: what comes out of them, and what a match tells.

--# value joined columns
SELECT o.item, p.secret FROM app.orders o JOIN app.people p ON p.id = o.person
SELECT * FROM app.orders o JOIN app.people p ON p.id = o.person
SELECT * FROM app.people JOIN app.orders USING (id)
SELECT secret FROM app.people NATURAL JOIN (SELECT id, item FROM app.orders) o
SELECT * FROM app.people p NATURAL JOIN (SELECT id FROM app.orders) o
SELECT secret FROM app.people LEFT JOIN app.orders USING (id)
SELECT * FROM (SELECT id, secret AS name FROM app.people) a FULL JOIN (SELECT id, name FROM app.team) b USING (id)
SELECT name FROM (SELECT id, secret AS name FROM app.people) a FULL JOIN (SELECT id + 100 AS id, name FROM app.team) b USING (name)
SELECT name FROM (SELECT secret AS name FROM app.people) a RIGHT JOIN (SELECT secret AS name FROM app.people) b USING (name)
SELECT p.secret FROM app.people p CROSS JOIN app.team t
SELECT a.secret FROM app.people a, app.people b WHERE a.id = b.id
SELECT x.ssn FROM app.team t JOIN (app.people p JOIN app.orders o ON o.person = p.id) AS x (i, n, tm, ac, jo, l, g, ssn, email, phone) ON x.tm = t.id
SELECT t.name, x.secret FROM app.team t LEFT JOIN (SELECT * FROM app.people) x ON x.team = t.id
--@ pg>=14
SELECT u.* FROM (SELECT secret AS k FROM app.people) a JOIN (SELECT secret AS k FROM app.people) b USING (k) AS u
--@ pg>=14
SELECT u.k FROM (SELECT secret AS k FROM app.people) a LEFT JOIN (SELECT 'x'::text AS k) b USING (k) AS u
--# oracle joins that ask
SELECT p.id FROM app.people p JOIN (VALUES ('Wombatz1B'), ('Wombatz2a')) v (s) ON v.s = p.secret
SELECT p.id, q.id FROM app.people p JOIN app.people q ON p.pin < q.pin AND p.team = q.team ORDER BY p.id, q.id
SELECT p.id, q.id FROM app.people p JOIN app.people q USING (secret) WHERE p.id < q.id
SELECT p.id FROM app.people p LEFT JOIN (VALUES ('Wombatz1B', 1)) v (secret, n) USING (secret) WHERE n = 1
SELECT id FROM app.people NATURAL JOIN (VALUES ('Wombatz1B')) v (secret)
SELECT id, v.n FROM app.people p LEFT JOIN (VALUES ('Wombatz1B', 1)) v (secret, n) ON v.secret = p.secret ORDER BY id
SELECT c, p.id FROM public.words JOIN app.people p ON c = substr(p.secret, 8, 1) WHERE p.id = 1
SELECT n, p.id FROM public.numbers JOIN app.people p ON n = p.pin % 40 WHERE p.id = 1
SELECT p.id, c.id FROM app.people p JOIN mine.cust c ON c.pin % 20 < p.pin % 20 ORDER BY 1
