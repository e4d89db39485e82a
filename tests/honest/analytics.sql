-- SPDX-License-Identifier: MIT
-- What an analyst's agent writes: joins, groups, windows, CTEs over clean columns, now and then beside masked ones.

-- session: count by status
SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY n DESC, status;
SELECT count(*) FROM orders WHERE status IN ('paid', 'shipped') AND placed_at >= '2024-03-01';

-- session: revenue by month
SELECT date_trunc('month', o.placed_at) AS month, sum(i.quantity * i.unit_price) AS revenue, count(DISTINCT o.id) AS orders
FROM orders o JOIN order_items i ON i.order_id = o.id
WHERE o.status NOT IN ('cancelled', 'returned')
GROUP BY 1 ORDER BY 1;

-- session: revenue by country and segment
SELECT c.country, c.segment, count(DISTINCT c.id) AS customers, sum(i.quantity * i.unit_price) AS revenue,
       round(avg(i.unit_price), 2) AS mean_price
FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_items i ON i.order_id = o.id
GROUP BY c.country, c.segment HAVING sum(i.quantity * i.unit_price) > 100 ORDER BY revenue DESC NULLS LAST, c.country, c.segment;

-- session: top products of each category
WITH sales AS (
	SELECT p.id, p.name, p.category_id, sum(i.quantity) AS sold
	FROM products p JOIN order_items i ON i.product_id = p.id GROUP BY p.id
), ranked AS (
	SELECT s.*, row_number() OVER (PARTITION BY category_id ORDER BY sold DESC, id) AS place FROM sales s
)
SELECT c.name AS category, r.name, r.sold, r.place FROM ranked r LEFT JOIN categories c ON c.id = r.category_id WHERE place <= 2 ORDER BY 1, 4;

-- session: running total
SELECT day, amount, sum(amount) OVER (ORDER BY day) AS running, avg(amount) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week_mean
FROM (SELECT placed_at::date AS day, sum(i.quantity * i.unit_price) AS amount FROM orders o JOIN order_items i ON i.order_id = o.id GROUP BY 1) d
ORDER BY day LIMIT 40;

-- session: change over the month before
WITH m AS (SELECT date_trunc('month', placed_at) AS month, count(*) AS n FROM orders GROUP BY 1)
SELECT month, n, lag(n) OVER w AS before, n - lag(n) OVER w AS change, round(100.0 * (n - lag(n) OVER w) / nullif(lag(n) OVER w, 0), 1) AS percent
FROM m WINDOW w AS (ORDER BY month) ORDER BY month;

-- session: cohorts
WITH first_order AS (SELECT customer_id, min(date_trunc('month', placed_at)) AS cohort FROM orders GROUP BY customer_id),
activity AS (
	SELECT f.cohort, (extract(year FROM age(date_trunc('month', o.placed_at), f.cohort)) * 12 + extract(month FROM age(date_trunc('month', o.placed_at), f.cohort)))::int AS age,
	       count(DISTINCT o.customer_id) AS active
	FROM orders o JOIN first_order f USING (customer_id) GROUP BY 1, 2
)
SELECT cohort::date, age, active FROM activity ORDER BY 1, 2;

-- session: percentiles
SELECT c.country, percentile_cont(0.5) WITHIN GROUP (ORDER BY i.unit_price) AS median, percentile_cont(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY i.unit_price) AS quartiles,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY i.quantity) AS p90, mode() WITHIN GROUP (ORDER BY i.quantity) AS usual
FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_items i ON i.order_id = o.id GROUP BY c.country ORDER BY c.country;

-- session: filtered counts
SELECT count(*) AS all_orders, count(*) FILTER (WHERE status = 'returned') AS returned, count(*) FILTER (WHERE note IS NOT NULL) AS noted,
       avg(discount) FILTER (WHERE discount > 0) AS mean_discount FROM orders;

-- session: grouping sets
SELECT country, segment, count(*) AS n, grouping(country, segment) AS g FROM customers GROUP BY GROUPING SETS ((country, segment), (country), ()) ORDER BY country NULLS LAST, segment NULLS LAST;
SELECT country, segment, count(*) FROM customers GROUP BY ROLLUP (country, segment) ORDER BY 1, 2;
SELECT country, newsletter, count(*) FROM customers GROUP BY CUBE (country, newsletter) ORDER BY 1, 2;

-- session: last three orders of each
SELECT c.id, c.country, o.id AS order_id, o.placed_at FROM customers c
CROSS JOIN LATERAL (SELECT id, placed_at FROM orders WHERE customer_id = c.id ORDER BY placed_at DESC LIMIT 3) o
WHERE c.id <= 10 ORDER BY c.id, o.placed_at DESC;

-- session: category tree
WITH RECURSIVE tree AS (
	SELECT id, name, parent, 1 AS depth, ARRAY[id] AS path FROM categories WHERE parent IS NULL
	UNION ALL
	SELECT c.id, c.name, c.parent, t.depth + 1, t.path || c.id FROM categories c JOIN tree t ON c.parent = t.id
)
SELECT repeat('  ', depth - 1) || name AS name, depth, path FROM tree ORDER BY path;

-- session: category tree with search and cycle
WITH RECURSIVE t(id, name, parent) AS (
	SELECT id, name, parent FROM categories WHERE id = 1
	UNION ALL SELECT c.id, c.name, c.parent FROM categories c, t WHERE c.parent = t.id
) SEARCH DEPTH FIRST BY id SET ord CYCLE id SET is_cycle USING way
SELECT id, name, is_cycle FROM t ORDER BY ord;

-- session: org chart beside masked names
-- masked: full_name
WITH RECURSIVE chart AS (
	SELECT id, manager_id, title, full_name, 0 AS level FROM hr.employees WHERE manager_id IS NULL
	UNION ALL
	SELECT e.id, e.manager_id, e.title, e.full_name, level + 1 FROM hr.employees e JOIN chart ON e.manager_id = chart.id
)
SELECT id, title, full_name, level FROM chart ORDER BY level, id;

-- session: json building
SELECT json_build_object('id', p.id, 'name', p.name, 'price', p.price, 'tags', p.attributes -> 'labels') AS doc FROM products p ORDER BY p.id LIMIT 5;
SELECT c.name, json_agg(json_build_object('sku', p.sku, 'price', p.price) ORDER BY p.sku) AS products FROM categories c JOIN products p ON p.category_id = c.id GROUP BY c.name ORDER BY c.name;
SELECT jsonb_object_agg(status, n ORDER BY status) FROM (SELECT status::text, count(*) AS n FROM orders GROUP BY status) s;
SELECT row_to_json(x) FROM (SELECT id, sku, price FROM products ORDER BY id LIMIT 3) x;
SELECT to_jsonb(c) FROM categories c ORDER BY id;

-- session: json reading
SELECT attributes ->> 'color' AS color, count(*), avg((attributes -> 'size' ->> 'w')::int) AS w FROM products GROUP BY 1 ORDER BY 1;
SELECT id FROM products WHERE attributes @> '{"color": "red"}' ORDER BY id;
SELECT p.id, l.value FROM products p, jsonb_array_elements_text(p.attributes -> 'labels') AS l(value) WHERE p.id < 4 ORDER BY 1, 2;
SELECT id, jsonb_path_query_first(attributes, '$.size.w ? (@ > 3)') FROM products ORDER BY id LIMIT 6;
SELECT key, count(*) FROM products, jsonb_each(attributes) GROUP BY key ORDER BY key;
SELECT id, attributes #>> '{size,h}' AS h, attributes ? 'color' AS has, jsonb_typeof(attributes -> 'size') FROM products ORDER BY id LIMIT 3;

-- session: string and array aggregates
SELECT country, string_agg(DISTINCT city, ', ' ORDER BY city) AS cities, array_agg(id ORDER BY id) AS ids FROM customers GROUP BY country ORDER BY country;
SELECT unnest(tags) AS tag, count(*) FROM customers GROUP BY 1 ORDER BY 1;
SELECT id, tags[1], array_length(tags, 1), 't1' = ANY (tags), tags && ARRAY['u3'] FROM customers ORDER BY id LIMIT 5;

-- session: pivot by case
SELECT c.country, sum(CASE WHEN o.status = 'paid' THEN 1 ELSE 0 END) AS paid, sum(CASE WHEN o.status = 'shipped' THEN 1 ELSE 0 END) AS shipped,
       sum(CASE o.status WHEN 'returned' THEN 1 WHEN 'cancelled' THEN 1 ELSE 0 END) AS gone
FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY c.country ORDER BY 1;

-- session: calendar
SELECT d::date AS day, coalesce(n, 0) AS orders FROM generate_series('2024-01-01'::date, '2024-01-20'::date, interval '1 day') d
LEFT JOIN (SELECT placed_at::date AS day, count(*) AS n FROM orders GROUP BY 1) o ON o.day = d::date ORDER BY 1;
SELECT to_char(g, 'YYYY-"W"IW') AS week, extract(isodow FROM g) AS dow FROM generate_series(timestamp '2024-01-01', '2024-01-10', '1 day') g;

-- session: exists and anti joins
SELECT count(*) FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'returned');
SELECT c.id, c.country FROM customers c WHERE NOT EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id) ORDER BY 1;
SELECT p.id, p.sku FROM products p LEFT JOIN order_items i ON i.product_id = p.id WHERE i.product_id IS NULL ORDER BY 1;
SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders) ORDER BY id;

-- session: distinct on
SELECT DISTINCT ON (customer_id) customer_id, id, status, placed_at FROM orders ORDER BY customer_id, placed_at DESC;
SELECT DISTINCT country, segment FROM customers ORDER BY 1, 2;

-- session: set operations
SELECT country FROM customers WHERE segment = 'gold' INTERSECT SELECT country FROM customers WHERE newsletter ORDER BY 1;
SELECT id FROM customers EXCEPT SELECT customer_id FROM orders ORDER BY 1;
SELECT 'customer' AS kind, count(*) FROM customers UNION ALL SELECT 'order', count(*) FROM orders UNION ALL SELECT 'ticket', count(*) FROM support.tickets ORDER BY 1;

-- session: customers as rows
SELECT * FROM customers ORDER BY id LIMIT 10;
SELECT * FROM customer_directory ORDER BY id LIMIT 5;
SELECT id, full_name, email, phone, country FROM customers WHERE country = 'DE' ORDER BY id LIMIT 5 OFFSET 2;

-- session: one customer with orders
SELECT c.id, c.full_name, c.email, o.id AS order_id, o.status, t.total
FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_totals t ON t.id = o.id WHERE c.id = 8 ORDER BY o.placed_at;

-- session: views
SELECT status, count(*), sum(total) FROM order_totals GROUP BY status ORDER BY status;
SELECT id, country, email FROM gold_customers ORDER BY id;
SELECT country, sum(revenue) FROM monthly_sales GROUP BY country ORDER BY country;
SELECT handle, count(*) FROM support.open_tickets GROUP BY handle ORDER BY handle NULLS LAST;

-- session: ranks
SELECT id, price, rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, ntile(4) OVER w FROM products WINDOW w AS (ORDER BY price) ORDER BY id LIMIT 12;
SELECT id, first_value(sku) OVER w, last_value(sku) OVER (w RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), nth_value(sku, 2) OVER w
FROM products WINDOW w AS (PARTITION BY category_id ORDER BY price) ORDER BY id LIMIT 12;

-- session: sessions by gaps
WITH e AS (SELECT id, at, kind, at - lag(at) OVER (PARTITION BY kind ORDER BY at) AS gap FROM events),
s AS (SELECT e.*, count(*) FILTER (WHERE gap IS NULL OR gap > interval '30 hours') OVER (PARTITION BY kind ORDER BY at) AS nr FROM e)
SELECT kind, nr, min(at), max(at), count(*) FROM s GROUP BY kind, nr ORDER BY kind, nr LIMIT 20;

-- session: gaps and islands
SELECT min(day) AS since, max(day) AS until, count(*) AS days FROM (
	SELECT day, day - (row_number() OVER (ORDER BY day))::int AS grp FROM (SELECT DISTINCT day FROM hr.timesheets WHERE employee_id = 3) d
) g GROUP BY grp ORDER BY 1;

-- session: histogram
SELECT width_bucket(price, 0, 50, 5) AS bucket, count(*), min(price), max(price) FROM products GROUP BY 1 ORDER BY 1;
SELECT floor(unit_price / 5) * 5 AS low, count(*) FROM order_items GROUP BY 1 ORDER BY 1;

-- session: statistics
SELECT avg(unit_price), stddev(unit_price), stddev_pop(quantity), variance(unit_price), corr(quantity, unit_price), regr_slope(unit_price, quantity), regr_r2(unit_price, quantity), covar_samp(unit_price, quantity) FROM order_items;
SELECT bool_or(active), bool_and(active), every(price > 0), bit_or(id), min(sku), max(sku) FROM products;

-- session: dates
SELECT id, placed_at AT TIME ZONE 'Europe/Berlin' AS local, extract(epoch FROM shipped_at - placed_at) / 3600 AS hours, date_part('dow', placed_at) AS dow, to_char(placed_at, 'DD.MM.YYYY HH24:MI') AS german,
       placed_at::date + 14 AS due, placed_at + interval '30 days' AS later, justify_hours(shipped_at - placed_at) FROM orders ORDER BY id LIMIT 5;
SELECT date_bin('6 hours', at, timestamptz '2024-01-01') AS slot, count(*) FROM events GROUP BY 1 ORDER BY 1 LIMIT 10;
SELECT age(timestamp '2024-03-01', timestamp '2023-01-15'), make_date(2024, 2, 29), isfinite(date '2024-01-01');
SELECT (date '2024-01-01', date '2024-02-01') OVERLAPS (date '2024-01-15', date '2024-03-01');

-- session: text functions
SELECT id, upper(name), initcap(lower(name)), length(name), substring(name from 1 for 4), position(' ' in name), split_part(name, ' ', 1), replace(name, 'hammer', 'mallet'), left(sku, 3), right(sku, 4), lpad(id::text, 5, '0'),
       regexp_replace(sku, '\D', '', 'g'), name ILIKE '%HAMMER%', name ~ '^C', translate(sku, '0', 'O'), reverse(sku), format('%s (%s)', name, sku), concat_ws('-', id, sku), trim(both ' ' from name) FROM products ORDER BY id LIMIT 6;
SELECT name, similarity(name, 'hamer') AS sim FROM products WHERE name % 'claw hammer' ORDER BY sim DESC, name LIMIT 5;
SELECT regexp_matches(sku, '(\w+)-(\d+)'), (regexp_match(sku, '\d+'))[1], regexp_split_to_array(name, '\s+') FROM products ORDER BY id LIMIT 3;
SELECT string_to_array('a,b,c', ','), array_to_string(ARRAY[1, 2, NULL], '-', 'x'), md5('x'), encode(sha256('x'), 'hex'), quote_literal('it''s'), quote_ident('Mixed Case'), chr(65), ascii('A');

-- session: full text search
SELECT id, name, ts_rank(search, q) FROM products, to_tsquery('english', 'hammer | saw') q WHERE search @@ q ORDER BY id LIMIT 5;
SELECT id, ts_headline('english', content, plainto_tsquery('parcel')) FROM support.kb ORDER BY id LIMIT 3;
SELECT count(*) FROM support.kb WHERE to_tsvector('english', title || ' ' || content) @@ websearch_to_tsquery('english', 'parcels returns');

-- session: support load
SELECT a.handle, a.team, count(t.id) AS tickets, count(t.id) FILTER (WHERE t.state = 'open') AS open, avg(t.closed_at - t.opened_at) AS to_close
FROM support.agents a LEFT JOIN support.tickets t ON t.agent_id = a.id GROUP BY a.id, a.handle, a.team ORDER BY a.handle;
SELECT priority, percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - opened_at)) FROM support.tickets WHERE closed_at IS NOT NULL GROUP BY priority ORDER BY priority;

-- session: tickets as rows
SELECT id, subject, body, priority, state FROM support.tickets ORDER BY opened_at DESC LIMIT 8;
SELECT t.id, t.priority, e.kind, e.detail FROM support.tickets t JOIN support.ticket_events e ON e.ticket_id = t.id WHERE t.customer_id = 5 ORDER BY 1, e.at;

-- session: ward occupancy
SELECT ward, count(*) FILTER (WHERE released IS NULL) AS here, count(*) AS ever, round(avg(released - admitted), 1) AS days FROM health.patients GROUP BY ward ORDER BY ward;
SELECT v.doctor, v.reason, count(*), sum(minutes), avg(minutes)::numeric(6, 2) FROM health.visits v JOIN health.patients p ON p.id = v.patient_id WHERE p.ward = 'W1' GROUP BY GROUPING SETS ((v.doctor, v.reason), (v.doctor)) ORDER BY 1, 2 NULLS FIRST;

-- session: readings
SELECT patient_id, kind, regr_slope(value, extract(epoch FROM taken)) IS NOT NULL AS known, min(value), max(value) FROM health.readings GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 10;
SELECT kind, date_trunc('week', taken) AS week, avg(value) FROM health.readings GROUP BY 1, 2 ORDER BY 1, 2;

-- session: headcount
SELECT d.name, count(e.id) AS staff, count(*) FILTER (WHERE e.left_on IS NOT NULL) AS gone, min(e.hired_on), max(e.hired_on) FROM hr.departments d LEFT JOIN hr.employees e ON e.department_id = d.id GROUP BY d.id ORDER BY d.id;
SELECT e.id, e.title, e.full_name, m.id AS manager, m.full_name AS manager_name FROM hr.employees e LEFT JOIN hr.employees m ON m.id = e.manager_id ORDER BY e.id LIMIT 10;

-- session: hours
SELECT project, extract(week FROM day) AS week, sum(hours) FROM hr.timesheets GROUP BY 1, 2 ORDER BY 1, 2;
SELECT employee_id, sum(hours) AS hours, rank() OVER (ORDER BY sum(hours) DESC) AS place FROM hr.timesheets GROUP BY employee_id ORDER BY place, employee_id LIMIT 10;

-- session: stock to order
SELECT p.sku, i.warehouse, i.on_hand, i.reorder_at, i.reorder_at - i.on_hand AS missing FROM inventory i JOIN products p ON p.id = i.product_id WHERE i.on_hand < i.reorder_at ORDER BY missing DESC, p.sku;
SELECT warehouse, sum(on_hand * p.price) AS worth FROM inventory JOIN products p ON p.id = product_id GROUP BY warehouse ORDER BY 1;

-- session: baskets
SELECT a.product_id AS one, b.product_id AS two, count(*) AS together FROM order_items a JOIN order_items b ON a.order_id = b.order_id AND a.product_id < b.product_id GROUP BY 1, 2 HAVING count(*) > 2 ORDER BY 3 DESC, 1, 2 LIMIT 10;

-- session: repeat buyers
WITH n AS (SELECT customer_id, count(*) AS orders FROM orders GROUP BY customer_id) SELECT orders, count(*) AS customers FROM n GROUP BY orders ORDER BY orders;
SELECT customer_id, placed_at - lag(placed_at) OVER (PARTITION BY customer_id ORDER BY placed_at) AS since FROM orders ORDER BY customer_id, placed_at LIMIT 20;

-- session: rfm
WITH r AS (
	SELECT c.id, max(o.placed_at) AS last, count(*) AS f, sum(t.total) AS m FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_totals t ON t.id = o.id GROUP BY c.id
)
SELECT id, ntile(3) OVER (ORDER BY last) AS recency, ntile(3) OVER (ORDER BY f) AS frequency, ntile(3) OVER (ORDER BY m) AS monetary FROM r ORDER BY id LIMIT 15;

-- session: payments by method
SELECT method, count(*), sum(amount), min(paid_at), max(paid_at), round(sum(amount) / sum(sum(amount)) OVER (), 4) AS share FROM payments GROUP BY method ORDER BY method;
SELECT p.id, p.method, p.card_number, p.amount FROM payments p WHERE p.order_id BETWEEN 10 AND 20 ORDER BY p.id;

-- session: partitions
SELECT tableoid::regclass AS part, count(*) FROM events GROUP BY 1 ORDER BY 1;
SELECT kind, count(*) FROM events WHERE at >= '2024-02-01' AND at < '2024-03-01' GROUP BY kind ORDER BY kind;
SELECT count(*) FROM events_2024_01;

-- session: inet
SELECT network(set_masklen(source, 24)) AS net, count(*) FROM events GROUP BY 1 ORDER BY 1;
SELECT source, host(source), family(source), source <<= inet '10.0.1.0/24' FROM events ORDER BY id LIMIT 4;

-- session: values and rows
VALUES (1, 'a'), (2, 'b');
SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS v (n, word) ORDER BY n;
SELECT c.id, v.label FROM categories c JOIN (VALUES (1, 'root'), (2, 'left')) v (id, label) USING (id) ORDER BY 1;
SELECT ROW(1, 'x'), (1, 2) = (1, 2), ROW(1, NULL) IS NULL;

-- session: casts and nulls
SELECT 1::text, '5'::int + 1, '1.5'::numeric(5, 1), CAST('2024-01-01' AS date), true::int, 'x'::char(3), '{1,2}'::int[], '{"a": 1}'::jsonb, '10.0.0.1'::inet, '1 day'::interval;
SELECT coalesce(city, '(none)') AS city, nullif(segment, 'standard') AS seg, greatest(id, 5), least(id, 5), num_nulls(city, updated_at) FROM customers ORDER BY id LIMIT 6;
SELECT id IS DISTINCT FROM 3, city IS NULL, newsletter IS TRUE, newsletter IS NOT UNKNOWN FROM customers ORDER BY id LIMIT 3;

-- session: subqueries in the list
SELECT c.id, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) AS orders, (SELECT max(placed_at) FROM orders o WHERE o.customer_id = c.id) AS last, ARRAY(SELECT id FROM orders o WHERE o.customer_id = c.id ORDER BY id) AS ids FROM customers c ORDER BY c.id LIMIT 8;
SELECT id, price, price > (SELECT avg(price) FROM products) AS dear FROM products WHERE price >= ALL (SELECT price FROM products WHERE id < 5) ORDER BY id LIMIT 5;

-- session: tablesample and limits
SELECT count(*) > 0 FROM orders TABLESAMPLE SYSTEM (100);
SELECT id FROM orders TABLESAMPLE BERNOULLI (50) REPEATABLE (7) ORDER BY id LIMIT 5;
SELECT id FROM products ORDER BY price DESC FETCH FIRST 3 ROWS WITH TIES;

-- session: explain
-- masked: QUERY PLAN | Plan
-- ways: text simple
EXPLAIN SELECT status, count(*) FROM orders GROUP BY status;
EXPLAIN (FORMAT JSON) SELECT * FROM orders WHERE customer_id = 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, sku FROM products WHERE id = 5;

-- session: explain analyze of a clean query
-- varies: QUERY PLAN | QUERY PLAN
EXPLAIN ANALYZE SELECT count(*) FROM order_items;
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT status, count(*) FROM orders GROUP BY status;

-- session: functions of the shop
SELECT id, tax(price), tax(price, 0.07) FROM products ORDER BY id LIMIT 5;
SELECT fiscal_year(placed_at::date) AS fy, count(*) FROM orders GROUP BY 1 ORDER BY 1;

-- session: mixed case names
SELECT "Id", "Some Text", "select" FROM "Mixed Case" ORDER BY "Id";
SELECT m."Id" AS "My Id", m."select" * 2 AS "Twice" FROM public."Mixed Case" m;

-- session: materialized by hand
WITH big AS MATERIALIZED (SELECT customer_id, count(*) AS n FROM orders GROUP BY 1), top AS NOT MATERIALIZED (SELECT * FROM big WHERE n > 2) SELECT count(*), sum(n) FROM top;

-- session: window frames
SELECT id, sum(on_hand) OVER (ORDER BY product_id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS around FROM (SELECT product_id AS id, * FROM inventory) i ORDER BY id LIMIT 6;
SELECT at, count(*) OVER (ORDER BY at RANGE BETWEEN interval '2 days' PRECEDING AND CURRENT ROW) AS lately FROM events ORDER BY at LIMIT 6;

-- session: lateral over values and functions
SELECT p.id, s.n FROM products p, LATERAL generate_series(1, (p.attributes -> 'size' ->> 'w')::int % 3) AS s(n) WHERE p.id < 6 ORDER BY 1, 2;
SELECT o.id, x.k, x.v FROM orders o CROSS JOIN LATERAL (VALUES ('placed', o.placed_at), ('shipped', o.shipped_at)) x (k, v) WHERE x.v IS NOT NULL ORDER BY o.id, x.k LIMIT 8;
SELECT i, w FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY AS u (w, i);
SELECT * FROM ROWS FROM (generate_series(1, 3), generate_series(5, 6)) AS r (a, b);

-- session: json table functions
SELECT x.* FROM jsonb_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') AS x (a int, b text);
SELECT * FROM json_each_text('{"a": 1, "b": "two"}');
SELECT * FROM jsonb_populate_record(NULL::categories, '{"id": 9, "name": "nine"}');
SELECT jsonb_set('{"a": 1}', '{b}', '2'), '{"a": 1}'::jsonb || '{"c": 3}', '{"a": {"b": 1}}'::jsonb #- '{a,b}', jsonb_pretty('{"a": [1]}'), jsonb_strip_nulls('{"a": null}');

-- session: moving between types of numbers
SELECT round(2.567, 1), trunc(-2.5), ceil(1.2), floor(1.8), mod(7, 3), power(2, 10), sqrt(16), abs(-4), sign(-2), 7 / 2, 7 / 2.0, 7 % 2, ln(10)::numeric(10, 5), exp(0), pi()::numeric(6, 4), div(9, 4), gcd(12, 18), width_bucket(5, 0, 10, 5), to_hex(255), 5 & 3, 1 << 4;

-- session: errors of the analyst
SELECT nosuch FROM orders;
SELECT * FROM nosuchtable;
SELECT nosuchfunction(1);
SELEC 1;
SELECT 1 / 0;
SELECT 'x'::int;
SELECT status, id FROM orders GROUP BY status;
SELECT o.nosuch FROM orders o;
SELECT x.id FROM orders o;
SELECT id FROM orders o JOIN customers c ON c.id = o.customer_id;
SELECT count(*) FROM orders;

-- session: errors with hints
SELECT costumer_id FROM orders;
SELECT lower(5);
SELECT * FROM publik.orders;
SELECT 'a' + 1;
SELECT ARRAY[1] || 'x';
SELECT max(DISTINCT) FROM orders;

-- session: errors about masked neighbours
SELECT emial FROM customers;
SELECT c.nmae FROM customers c;
SELECT id FROM customer;

-- session: an error in a transaction
BEGIN;
SELECT count(*) FROM orders;
SELECT nosuch FROM orders;
SELECT 1;
ROLLBACK;
SELECT 2;

-- session: lookup by e-mail
-- params: quorvex12@mail0.example.org
SELECT id, country, segment FROM customers WHERE email = $1;
SELECT c.id, count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE c.email = 'quorvex7@mail3.example.org' GROUP BY c.id;

-- session: lookup by a list of e-mails
SELECT id, segment FROM customers WHERE email IN ('quorvex1@mail1.example.org', 'quorvex2@mail2.example.org') ORDER BY id;

-- session: count of masked
SELECT count(email) AS with_email, count(*) AS all_rows FROM customers;
SELECT country, count(phone) FROM customers GROUP BY country ORDER BY country;

-- session: distinct customers by masked neighbours
SELECT count(DISTINCT customer_id) FROM orders;
SELECT c.country, c.full_name, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY 3 DESC, c.id LIMIT 5;

-- session: group by the key beside masked columns
SELECT c.id, c.full_name, c.email, count(o.id) AS orders, coalesce(sum(t.total), 0) AS spent FROM customers c LEFT JOIN orders o ON o.customer_id = c.id LEFT JOIN order_totals t ON t.id = o.id GROUP BY c.id ORDER BY spent DESC, c.id LIMIT 10;
