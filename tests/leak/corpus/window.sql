-- Window functions: their values, and the order that they show.

--# value windows
SELECT lag(secret) OVER (ORDER BY id), lead(secret) OVER (ORDER BY id) FROM app.people
SELECT first_value(secret) OVER (), last_value(secret) OVER (), nth_value(secret, 2) OVER () FROM app.people
SELECT max(secret) OVER (PARTITION BY id) FROM app.people
SELECT string_agg(secret, ',') OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM app.people
SELECT first_value(p) OVER w FROM app.people p WINDOW w AS (ORDER BY id)
SELECT (first_value(p) OVER (ORDER BY id)).secret FROM app.people p
SELECT lag(name, 1, secret) OVER (ORDER BY id) FROM app.people
SELECT sum(pin) OVER (ORDER BY id ROWS CURRENT ROW) FROM app.people
SELECT x FROM (SELECT lag(secret) OVER (ORDER BY id) AS x FROM app.people) t
SELECT array_agg(secret) OVER (PARTITION BY team) FROM app.people
SELECT max(secret) FILTER (WHERE id > 2) OVER () FROM app.people
SELECT max(max(secret)) OVER () FROM app.people GROUP BY id
--# oracle order shown
SELECT id, row_number() OVER (ORDER BY secret) FROM app.people ORDER BY id
SELECT id, rank() OVER (PARTITION BY team ORDER BY pin DESC, secret) FROM app.people ORDER BY id
SELECT id, ntile(2) OVER (ORDER BY secret) FROM app.people ORDER BY id
SELECT id, count(*) OVER (PARTITION BY secret) FROM app.people ORDER BY id
SELECT id, percent_rank() OVER (ORDER BY secret), cume_dist() OVER (ORDER BY secret) FROM app.people ORDER BY id
SELECT id, lag(id) OVER (ORDER BY secret) FROM app.people ORDER BY id
SELECT id, count(*) OVER w FROM app.people WINDOW w AS (ORDER BY pin RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY id
SELECT id, count(*) OVER (ORDER BY secret GROUPS 1 PRECEDING EXCLUDE TIES) FROM app.people ORDER BY id
SELECT first_value(id) OVER w, name FROM app.people WINDOW w AS (PARTITION BY team ORDER BY secret) ORDER BY 2
SELECT id, count(*) OVER (ORDER BY id ROWS (SELECT count(*) FROM app.people WHERE secret LIKE '%zz%') PRECEDING) FROM app.people
