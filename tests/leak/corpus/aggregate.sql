-- Aggregates that keep a value, or enough to know one.

--# value aggregates
SELECT max(secret), min(secret) FROM app.people
SELECT max(pin), min(pin), sum(pin) FILTER (WHERE id = 1) FROM app.people
SELECT avg(pin) FROM app.people WHERE id = 1
SELECT string_agg(secret, ',') FROM app.people
SELECT string_agg(secret, ',' ORDER BY id) FROM app.people
SELECT string_agg(name, secret) FROM app.people
SELECT array_agg(secret), array_agg(tags) FILTER (WHERE id < 3) FROM app.people
SELECT array_agg(ARRAY[id::text, secret]) FROM app.people
SELECT (array_agg(secret ORDER BY id))[1:2] FROM app.people
SELECT array_to_string(array_agg(secret), '') FROM app.people
SELECT unnest(array_agg(secret)) FROM app.people
SELECT mode() WITHIN GROUP (ORDER BY secret) FROM app.people
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY secret) FROM app.people
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY pin) FROM app.people
SELECT percentile_disc(ARRAY[0, 0.5, 1]) WITHIN GROUP (ORDER BY secret) FROM app.people
SELECT bit_and(pin), bit_or(pin) FROM app.people WHERE id = 1
SELECT id, max(secret) FROM app.people GROUP BY id
SELECT name, secret FROM app.people GROUP BY name, secret
SELECT id, secret FROM app.people GROUP BY id
SELECT secret FROM app.people GROUP BY 1
SELECT id, secret, count(*) FROM app.people GROUP BY id, secret
SELECT secret, ssn, id FROM app.people GROUP BY secret, ssn, id
SELECT p.secret, q.id FROM app.people p JOIN app.people q ON p.team = q.team GROUP BY p.secret, q.id
SELECT p.id, p.secret AS s, min(o.item) FROM app.people p LEFT JOIN app.orders o ON o.person = p.id GROUP BY 1, s HAVING p.secret LIKE 'W%' OR true
SELECT id, secret FROM (SELECT * FROM app.people OFFSET 0) q GROUP BY secret, id
SELECT t.id, p.secret FROM app.team t JOIN app.people p ON p.team = t.id GROUP BY t.id, p.secret
SELECT secret, count(*) FROM app.people GROUP BY secret
SELECT secret, team, count(*) FROM app.people GROUP BY GROUPING SETS ((secret), (team), ())
SELECT secret, ssn FROM app.people GROUP BY CUBE (secret, ssn)
SELECT secret, grouping(secret) FROM app.people GROUP BY ROLLUP (secret)
SELECT secret FROM app.people GROUP BY secret HAVING count(*) = 1
SELECT max(secret) FROM app.people HAVING max(secret) > ''
SELECT app.glue(secret) FROM app.people
SELECT max(secret || '') FROM app.people
SELECT max(ROW(secret)::text) FROM app.people
SELECT DISTINCT secret FROM app.people
SELECT DISTINCT ON (id) secret FROM app.people
SELECT DISTINCT ON (secret) id, secret FROM app.people
SELECT count(*), max(x) FROM (SELECT secret AS x FROM app.people) t
SELECT (SELECT string_agg(secret, ',') FROM app.people)
SELECT max(born), min(seen)::date FROM app.people
SELECT sum(balance) FROM app.people GROUP BY id
SELECT json_agg(secret)::text FROM app.people
SELECT tsvector_to_array(to_tsvector('simple', string_agg(secret, ' '))) FROM app.people
SELECT xmlagg(doc) FROM app.people
SELECT max(ip), max(period::text), max(tags), max(home::text) FROM app.people
SELECT every(vip), max(secret) FROM app.people GROUP BY team
--@ pg>=14
SELECT range_agg(int4range(pin, pin + 1)) FROM app.people
--@ pg>=14
SELECT range_agg(period), range_intersect_agg(period) FROM app.people
--@ pg>=16
SELECT any_value(secret) FROM app.people
--# oracle aggregates that count
SELECT count(DISTINCT secret) FROM app.people
SELECT count(*) FILTER (WHERE secret LIKE '%zz%') FROM app.people
SELECT count(NULLIF(pin % 2, 0)) FROM app.people
SELECT bool_or(vip), bool_and(pin > 480200), every(secret LIKE '%zz%') FROM app.people
SELECT stddev(pin), variance(pin), corr(pin, id), regr_slope(pin, id), sum(pin) FROM app.people
SELECT rank('Wombatz5') WITHIN GROUP (ORDER BY secret) FROM app.people
SELECT dense_rank(480150) WITHIN GROUP (ORDER BY pin), cume_dist(480150) WITHIN GROUP (ORDER BY pin), percent_rank(480150) WITHIN GROUP (ORDER BY pin) FROM app.people
SELECT array_agg(id ORDER BY secret) FROM app.people
SELECT string_agg(name, ',' ORDER BY secret) FROM app.people
SELECT count(*) FROM (SELECT DISTINCT secret FROM app.people) x
SELECT count(*) FROM app.people GROUP BY secret ORDER BY 1
SELECT count(*) FROM app.people GROUP BY vip ORDER BY 1
SELECT id FROM app.people GROUP BY id, secret ORDER BY secret
SELECT id FROM app.people GROUP BY id, pin HAVING pin % 2 = 0
SELECT team, count(*) FROM (SELECT p.team, p.pin % 2 AS odd FROM app.people p GROUP BY p.id, p.pin, p.team) q GROUP BY team, odd ORDER BY 1, 2
SELECT t.id, count(*) FROM app.team t JOIN app.people p ON p.team = t.id GROUP BY t.id, p.vip ORDER BY 1, 2
SELECT team, count(*) FROM app.people GROUP BY team, pin % 2 ORDER BY 1, 2
SELECT max(id) FROM app.people HAVING max(pin) > 480301
SELECT sum(length(secret)) FROM app.people
SELECT count(DISTINCT (secret, team)), count(DISTINCT mood) FROM app.people
SELECT sum(CASE WHEN secret LIKE '%zz%' THEN 1 ELSE 0 END) FROM app.people
