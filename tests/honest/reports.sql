-- What analysts and their agents write beside the ordinary: masked names among grouped rows, whole rows as JSON, text cut
-- and measured, frames, ranges, JSON paths, full text.

-- session: group by the key with a masked name
SELECT c.id, c.full_name, c.country, count(o.id) AS orders, sum(i.quantity * i.unit_price) AS revenue FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_items i ON i.order_id = o.id GROUP BY c.id ORDER BY revenue DESC, c.id LIMIT 10;
SELECT c.id, c.full_name, c.email, max(o.placed_at) AS last_order FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY c.id LIMIT 5;
SELECT e.id, e.full_name, e.title, sum(t.hours) AS hours FROM hr.employees e JOIN hr.timesheets t ON t.employee_id = e.id GROUP BY e.id HAVING sum(t.hours) > 40 ORDER BY e.id;
SELECT c.id, c.segment, array_agg(o.id ORDER BY o.id) AS orders FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.country = 'DE' GROUP BY c.id ORDER BY c.id;

-- session: group by the key and masked names
SELECT c.id, c.full_name, c.country, count(o.id) AS orders FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id, c.full_name, c.country ORDER BY orders DESC, c.id LIMIT 10;
SELECT c.id, c.full_name, c.phone, sum(i.quantity * i.unit_price) AS revenue FROM customers c LEFT JOIN orders o ON o.customer_id = c.id LEFT JOIN order_items i ON i.order_id = o.id GROUP BY 1, 2, 3 ORDER BY revenue DESC NULLS LAST, 1 LIMIT 10;
SELECT id, full_name AS name, count(*) FROM customers GROUP BY id, name ORDER BY id LIMIT 5;
SELECT e.id, e.full_name, e.title, e.salary, sum(t.hours) AS hours FROM hr.employees e JOIN hr.timesheets t ON t.employee_id = e.id GROUP BY e.id, e.full_name, e.title, e.salary HAVING sum(t.hours) > 40 ORDER BY hours DESC, e.id;
SELECT p.id, p.full_name, p.ward, count(v.id) AS visits, avg(v.minutes) FROM health.patients p JOIN health.visits v ON v.patient_id = p.id GROUP BY p.id, p.full_name, p.ward ORDER BY visits DESC, p.id LIMIT 5;
SELECT t.id, t.subject, count(e.*) AS steps FROM support.tickets t JOIN support.ticket_events e ON e.ticket_id = t.id GROUP BY t.id, t.subject ORDER BY t.id LIMIT 5;

-- session: whole rows as json
-- masked: customer j row_to_json
SELECT c.id, to_jsonb(c) AS customer FROM customers c ORDER BY c.id LIMIT 3;
SELECT p.id, to_jsonb(p) - 'search' AS product FROM products p ORDER BY p.id LIMIT 3;
SELECT row_to_json(c) FROM customers c ORDER BY c.id LIMIT 2;
SELECT row_to_json(p) FROM (SELECT id, sku, price FROM products ORDER BY id LIMIT 3) p;
SELECT c.id, c.country, row_to_json(c) AS j FROM customers c ORDER BY c.id LIMIT 2;

-- session: json of masked and clean fields
-- masked: j customers json_build_object
SELECT jsonb_build_object('id', c.id, 'email', c.email, 'country', c.country) AS j, c.id, c.city FROM customers c ORDER BY c.id LIMIT 3;
SELECT c.country, jsonb_agg(jsonb_build_object('id', c.id, 'name', c.full_name) ORDER BY c.id) AS customers, count(*) FROM customers c GROUP BY c.country ORDER BY 1;
SELECT o.id, json_build_object('customer', json_build_object('id', c.id, 'name', c.full_name), 'status', o.status) FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id LIMIT 3;

-- session: json of clean fields
SELECT c.country, jsonb_agg(jsonb_build_object('id', c.id, 'segment', c.segment) ORDER BY c.id) FROM customers c GROUP BY c.country ORDER BY 1;
SELECT json_object_agg(sku, price ORDER BY sku) FROM products WHERE id < 5;
SELECT jsonb_object_agg(status, n) FROM (SELECT status::text, count(*) AS n FROM orders GROUP BY status) s;
SELECT json_strip_nulls(json_build_object('a', NULL, 'b', city)) FROM customers ORDER BY id LIMIT 6;
SELECT jsonb_pretty(attributes) FROM products ORDER BY id LIMIT 1;
SELECT coalesce(json_agg(t), '[]') FROM (SELECT id, status, placed_at FROM orders ORDER BY id LIMIT 3) t;

-- session: masked text that is cut and measured
-- masked: initial domain name_upper n mail who md5 masked_ssn
SELECT id, substr(full_name, 1, 1) AS initial, split_part(email, '@', 2) AS domain, country FROM customers ORDER BY id LIMIT 5;
SELECT id, upper(full_name) AS name_upper, length(email) AS n, city FROM customers ORDER BY id LIMIT 5;
SELECT id, lower(email) AS mail, initcap(full_name) AS who, segment FROM customers ORDER BY id LIMIT 5;
SELECT id, md5(email) AS md5, 'xxx-xx-' || right(ssn, 4) AS masked_ssn, tags FROM customers ORDER BY id LIMIT 5;
SELECT id, concat(full_name, ' <', email, '>') AS who, country FROM customers ORDER BY id LIMIT 5;
SELECT id, concat_ws(', ', full_name, city, country) AS who, country FROM customers ORDER BY id LIMIT 5;
SELECT id, format('%s (%s)', full_name, country) AS who, created_at FROM customers ORDER BY id LIMIT 5;
SELECT id, coalesce(full_name, 'unknown') AS who, COALESCE(phone, 'none') AS n, newsletter FROM customers ORDER BY id LIMIT 5;
SELECT id, trim(both ' ' from full_name) AS who, replace(phone, '-', '') AS n FROM customers ORDER BY id LIMIT 5;
SELECT id, left(email, 3) || '***' AS mail, position('@' in email) AS n FROM customers ORDER BY id LIMIT 5;

-- session: masked text by a regular expression
-- masked: domain
SELECT id, regexp_replace(email, '.*@', '') AS domain, country FROM customers ORDER BY id LIMIT 5;

-- session: masked dates and numbers that are computed with
-- masked: age years credit_rounded per_month salary_k total_credit birth_year
SELECT id, age(timestamp '2024-06-01', birth_date::timestamp) AS age, country FROM customers ORDER BY id LIMIT 5;
SELECT id, extract(year FROM birth_date) AS birth_year, date_part('year', birth_date) AS years, segment FROM customers ORDER BY id LIMIT 5;
SELECT id, round(credit) AS credit_rounded, credit * 2 AS total_credit, city FROM customers ORDER BY id LIMIT 5;
SELECT id, title, salary / 12 AS per_month, round(salary / 1000, 1) AS salary_k, hired_on FROM hr.employees ORDER BY id LIMIT 5;
SELECT id, to_char(birth_date, 'YYYY') AS birth_year, date_trunc('year', birth_date) AS years, country FROM customers ORDER BY id LIMIT 5;
SELECT id, (date '2024-01-01' - birth_date) / 365 AS years, city FROM customers ORDER BY id LIMIT 4;

-- session: aggregates over masked numbers beside clean ones
-- masked: avg_salary top total
SELECT title, count(*) AS people, avg(salary) AS avg_salary, max(salary) AS top FROM hr.employees GROUP BY title ORDER BY title;
SELECT d.name, count(e.id) AS people, sum(e.salary) AS total FROM hr.departments d LEFT JOIN hr.employees e ON e.department_id = d.id GROUP BY d.id ORDER BY d.id;
SELECT country, count(*) AS n, avg(credit) AS total FROM customers GROUP BY country ORDER BY country;

-- session: aggregates of masked text beside clean ones
-- masked: names emails
SELECT country, count(*) AS n, string_agg(full_name, ', ') AS names FROM customers GROUP BY country ORDER BY country;
SELECT country, array_agg(email ORDER BY id) AS emails, max(created_at) AS newest FROM customers GROUP BY country ORDER BY country;
SELECT country, string_agg(full_name, ', ' ORDER BY id) AS names, min(id) FROM customers GROUP BY country ORDER BY country;

-- session: windows beside masked columns
-- masked: prev_name
SELECT id, full_name, country, row_number() OVER (PARTITION BY country ORDER BY created_at, id) AS n FROM customers ORDER BY id LIMIT 8;
SELECT id, title, salary, rank() OVER (PARTITION BY department_id ORDER BY hired_on) AS seniority FROM hr.employees ORDER BY id;
SELECT id, country, lag(full_name) OVER (ORDER BY id) AS prev_name, lag(created_at) OVER (ORDER BY id) AS prev FROM customers ORDER BY id LIMIT 5;
SELECT id, email, first_value(id) OVER w AS first, last_value(id) OVER w AS last, nth_value(id, 2) OVER w AS second FROM customers WINDOW w AS (PARTITION BY segment ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY id LIMIT 6;

-- session: window frames of all kinds
SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS r, sum(amount) OVER (ORDER BY amount RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS g FROM payments ORDER BY id LIMIT 10;
SELECT id, count(*) OVER (ORDER BY placed_at RANGE BETWEEN interval '7 days' PRECEDING AND CURRENT ROW) AS week FROM orders ORDER BY id LIMIT 10;
SELECT id, array_agg(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM orders ORDER BY id LIMIT 5;
SELECT status, id, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, ntile(3) OVER w FROM orders WINDOW w AS (PARTITION BY status ORDER BY id) ORDER BY status, id LIMIT 12;
SELECT id, sum(id) OVER (ORDER BY status GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM orders ORDER BY id LIMIT 6;
SELECT DISTINCT status, first_value(id) OVER (PARTITION BY status ORDER BY placed_at) FROM orders ORDER BY 1;

-- session: date_trunc and buckets
SELECT date_trunc('week', placed_at) AS week, count(*), count(*) FILTER (WHERE status = 'returned') AS returned FROM orders GROUP BY 1 ORDER BY 1;
SELECT date_trunc('month', created_at, 'Europe/Warsaw') AS month, count(*) FROM customers GROUP BY 1 ORDER BY 1;
SELECT to_char(placed_at, 'IYYY-IW') AS week, count(*) FROM orders GROUP BY 1 ORDER BY 1 LIMIT 5;
SELECT extract(isodow FROM placed_at) AS dow, extract(hour FROM placed_at) AS hour, count(*) FROM orders GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 10;
SELECT date_bin('15 days', placed_at, '2024-01-01') AS b, count(*) FROM orders GROUP BY b ORDER BY b;
SELECT d::date, count(o.id) FROM generate_series(date '2024-01-01', date '2024-01-20', interval '1 day') d LEFT JOIN orders o ON o.placed_at::date = d::date GROUP BY 1 ORDER BY 1;
SELECT width_bucket(amount, 0, 200, 8) AS bucket, count(*), min(amount), max(amount) FROM payments GROUP BY 1 ORDER BY 1;

-- session: generate_series of all types
SELECT * FROM generate_series(1, 5);
SELECT * FROM generate_series(5, 1, -2) AS g(x);
SELECT g, g * 1.5 FROM generate_series(0.5, 2.0, 0.5) g;
SELECT * FROM generate_series(timestamptz '2024-01-01 00:00+00', timestamptz '2024-01-02 00:00+00', interval '6 hours') WITH ORDINALITY AS t(at, n);
SELECT n, generate_series(1, n) AS k FROM generate_series(1, 3) n ORDER BY 1, 2;
SELECT generate_subscripts(tags, 1), tags FROM customers ORDER BY id, 1 LIMIT 4;

-- session: ranges
SELECT int4range(1, 5) @> 3, int4range(1, 5) && int4range(4, 9), int4range(1, 5) * int4range(3, 9), int4range(1, 3) + int4range(3, 5);
SELECT lower(r), upper(r), lower_inc(r), upper_inc(r), isempty(r), r -|- daterange('2024-02-01', '2024-03-01') FROM (SELECT daterange('2024-01-01', '2024-02-01') AS r) s;
SELECT id FROM orders WHERE tstzrange('2024-01-05', '2024-01-12') @> placed_at ORDER BY id;
SELECT range_agg(daterange(hired_on, left_on)) FROM hr.employees WHERE left_on IS NOT NULL;
SELECT '{[1,3),[5,8)}'::int4multirange @> 6, unnest('{[1,3),[5,8)}'::int4multirange);
SELECT range_merge('[1,2)'::int4range, '[5,6)'::int4range), numrange(1.5, 2.5)::text;

-- session: json paths
SELECT id, jsonb_path_query(attributes, '$.labels[*]') FROM products ORDER BY id, 2 LIMIT 6;
SELECT id, jsonb_path_query_first(attributes, '$.size.w'), jsonb_path_exists(attributes, '$.size ? (@.w > 10)') FROM products ORDER BY id LIMIT 5;
SELECT id FROM products WHERE attributes @? '$.color ? (@ == "red")' ORDER BY id;
SELECT id FROM products WHERE attributes @@ '$.size.w > 25' ORDER BY id;
SELECT jsonb_path_query_array(attributes, '$.size.*') FROM products ORDER BY id LIMIT 3;
SELECT attributes #> '{size,w}', attributes #>> '{labels,0}', attributes -> 'labels' ->> 1, attributes ? 'color', attributes ?| ARRAY['x', 'size'] FROM products ORDER BY id LIMIT 3;
SELECT key, value FROM products, jsonb_each_text(attributes - 'size') WHERE products.id = 1 ORDER BY key;
SELECT jsonb_set(attributes, '{size,w}', '1'), attributes || '{"x":1}', attributes #- '{size}' FROM products WHERE id = 2;
SELECT x.* FROM products p, jsonb_to_record(p.attributes) AS x(color text, size jsonb) WHERE p.id = 3;
SELECT e.payload ->> 'page' AS page, avg((e.payload ->> 'ms')::int) FROM events e GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5;

-- session: full text
SELECT id, ts_rank(search, q) AS rank FROM products, to_tsquery('english', 'hammer | drill') q WHERE search @@ q ORDER BY rank DESC, id LIMIT 5;
SELECT id, ts_headline('english', name, plainto_tsquery('english', 'claw hammer')) FROM products WHERE search @@ plainto_tsquery('english', 'claw hammer') ORDER BY id;
SELECT websearch_to_tsquery('english', '"claw hammer" -drill or saw'), phraseto_tsquery('english', 'tomato seeds');
SELECT to_tsvector('simple', 'a b c') @@ 'a & c'::tsquery, numnode('a & b'::tsquery), strip(to_tsvector('the cat')), setweight(to_tsvector('cat'), 'A');
SELECT title FROM support.kb WHERE to_tsvector('english', content) @@ to_tsquery('english', 'return') ORDER BY id LIMIT 4;
SELECT name, similarity(name, 'hamer') AS s FROM products WHERE name % 'hamer 1' ORDER BY s DESC, id LIMIT 3;
SELECT name FROM products WHERE name ILIKE '%saw%' OR name ~* '^rake' ORDER BY id;

-- session: percentiles and modes
SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY amount), mode() WITHIN GROUP (ORDER BY method) FROM payments;
SELECT method, percentile_disc(0.9) WITHIN GROUP (ORDER BY amount) FROM payments GROUP BY method ORDER BY method;
SELECT corr(quantity, unit_price), regr_slope(unit_price, quantity), covar_pop(quantity, unit_price), stddev_samp(unit_price), var_pop(unit_price) FROM order_items;
SELECT bool_and(active), bool_or(active), every(price > 0), bit_or(id) FROM products;
SELECT rank(50) WITHIN GROUP (ORDER BY amount), dense_rank(50) WITHIN GROUP (ORDER BY amount) FROM payments;

-- session: union of masked and clean
-- masked: label
SELECT 'customer' AS kind, id, full_name AS label FROM customers UNION ALL SELECT 'product', id, name FROM products ORDER BY kind, id LIMIT 8;
SELECT id, country FROM customers UNION SELECT id, 'xx' FROM products ORDER BY 1, 2 LIMIT 5;
SELECT id FROM customers INTERSECT SELECT customer_id FROM orders ORDER BY 1 LIMIT 5;
SELECT id FROM customers EXCEPT SELECT customer_id FROM orders ORDER BY 1;

-- session: masked columns through ctes
WITH big AS (SELECT customer_id, sum(quantity * unit_price) AS total FROM orders o JOIN order_items i ON i.order_id = o.id GROUP BY 1), ranked AS (SELECT c.*, b.total, rank() OVER (ORDER BY b.total DESC, c.id) AS place FROM customers c JOIN big b ON b.customer_id = c.id)
SELECT place, id, full_name, email, country, total FROM ranked WHERE place <= 5 ORDER BY place;
WITH c AS MATERIALIZED (SELECT * FROM customers), d AS NOT MATERIALIZED (SELECT id, email, country FROM c) SELECT * FROM d ORDER BY id LIMIT 3;
WITH x AS (SELECT id, full_name, email FROM customers), y AS (SELECT id, count(*) OVER () AS n FROM x) SELECT y.n, x.* FROM x JOIN y USING (id) ORDER BY id LIMIT 2;

-- session: lateral and top n with masked
-- masked: full_name
SELECT c.id, c.full_name, l.id AS order_id, l.status FROM customers c CROSS JOIN LATERAL (SELECT o.id, o.status FROM orders o WHERE o.customer_id = c.id ORDER BY o.placed_at DESC LIMIT 2) l ORDER BY c.id, l.id LIMIT 10;
SELECT c.id, c.email, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) AS n, EXISTS (SELECT 1 FROM support.tickets t WHERE t.customer_id = c.id) AS tickets FROM customers c ORDER BY n DESC, c.id LIMIT 5;
SELECT c.*, (SELECT max(placed_at) FROM orders o WHERE o.customer_id = c.id) AS last FROM customers c ORDER BY c.id LIMIT 2;
SELECT o.id, (SELECT c.full_name FROM customers c WHERE c.id = o.customer_id) AS full_name FROM orders o ORDER BY o.id LIMIT 3;

-- session: order by clean and alias beside masked
SELECT id, full_name AS name, country FROM customers ORDER BY country, created_at DESC LIMIT 5;
SELECT id, email FROM customers ORDER BY 1 DESC OFFSET 5 FETCH FIRST 3 ROWS ONLY;
SELECT DISTINCT ON (country) country, id, full_name FROM customers ORDER BY country, created_at DESC;
SELECT id, full_name FROM customers WHERE country IN ('DE', 'FR') AND segment <> 'gold' AND created_at BETWEEN '2023-02-01' AND '2023-12-31' ORDER BY id;
SELECT id, email FROM customers WHERE tags @> ARRAY['t1'] AND 'u2' = ANY (tags) ORDER BY id;
SELECT * FROM customers TABLESAMPLE BERNOULLI (100) REPEATABLE (1) WHERE id < 4 ORDER BY id;

-- session: case over clean beside masked
-- masked: full_name
SELECT id, full_name, CASE WHEN credit_class = 1 THEN 'a' ELSE 'b' END AS class FROM (SELECT id, full_name, CASE segment WHEN 'gold' THEN 1 ELSE 2 END AS credit_class FROM customers) s ORDER BY id LIMIT 4;
SELECT id, CASE WHEN segment = 'gold' THEN full_name ELSE 'someone' END AS full_name, country FROM customers ORDER BY id LIMIT 5;
SELECT id, greatest(created_at, updated_at) AS seen, nullif(city, 'Berlin') AS city FROM customers ORDER BY id LIMIT 5;

-- session: is a masked column there
-- masked: with_ssn
SELECT count(*), count(phone), count(ssn) AS with_ssn FROM customers;
SELECT country, count(*) - count(phone) AS without_phone FROM customers GROUP BY country ORDER BY country;

-- session: arrays
SELECT id, array_length(tags, 1), tags[1], tags[1:1], array_to_string(tags, '|'), cardinality(tags), array_position(tags, 't1') FROM customers ORDER BY id LIMIT 4;
SELECT tag, count(*) FROM customers, unnest(tags) AS tag GROUP BY tag ORDER BY 2 DESC, 1;
SELECT array_agg(DISTINCT country ORDER BY country), array_cat(ARRAY[1], ARRAY[2]), ARRAY[[1, 2], [3, 4]], array_ndims(ARRAY[[1]]), array_fill(0, ARRAY[2]) FROM customers;
SELECT ARRAY(SELECT id FROM products ORDER BY id LIMIT 3), (ARRAY[1, 2, 3])[2], array_remove(ARRAY[1, 2, 1], 1), string_to_array('a,b', ','), trim_array(ARRAY[1, 2, 3], 1);

-- session: types of all kinds
SELECT 1::smallint, 2::bigint, 1.5::real, 2.5::double precision, 12345.678::numeric(10, 2), true, 'x'::char(3), 'y'::varchar, '\xdead'::bytea, 'a'::"char", 'n'::name;
SELECT date '2024-02-29', time '10:11:12', timetz '10:11:12+02', timestamp '2024-02-29 10:11:12', timestamptz '2024-02-29 10:11:12+00', interval '1 day 02:03:04';
SELECT uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', inet '10.0.0.1/8', cidr '10.0.0.0/8', macaddr '08:00:2b:01:02:03', bit '101', varbit '10', money '12.50', xml '<a/>', json '{"a": 1}', jsonb '{"a": 1}';
SELECT point '(1,2)', box '((0,0),(1,1))', circle '<(0,0),1>', polygon '((0,0),(1,1),(2,0))', lseg '[(0,0),(1,1)]', path '((0,0),(1,1))', line '{1,2,3}';
SELECT pg_typeof(id), pg_typeof(email), pg_typeof(tags) FROM customers ORDER BY id LIMIT 1;
SELECT 'orders'::regclass, 'lower(text)'::regprocedure, 'integer'::regtype, 'public'::regnamespace, 'pgveil_agent'::regrole, '1'::oid, '(1,2)'::tid, 'simple'::regconfig;
SELECT 1 = 1.0, 1 / 2.0, 7 % 3, 2 ^ 10, |/ 25, @ -3, 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 'a' || 'b', 'abc' LIKE 'a%', 'abc' SIMILAR TO 'a(b|c)+', 'abc' ~ 'b';

-- session: xml of clean rows
SELECT xmlelement(name product, xmlattributes(id AS id), name) FROM products ORDER BY id LIMIT 2;
SELECT xmlforest(sku, price) FROM products ORDER BY id LIMIT 2;
SELECT xmlagg(xmlelement(name s, sku) ORDER BY id) FROM products WHERE id < 4;
SELECT xpath('/a/b/text()', '<a><b>1</b></a>'::xml);
SELECT * FROM xmltable('/r/i' PASSING xmlparse(document '<r><i n="1">a</i><i n="2">b</i></r>') COLUMNS n int PATH '@n', v text PATH '.');

-- session: regular expressions and strings
SELECT regexp_matches(sku, '(\d)(\d)$'), regexp_split_to_array(name, '\s'), regexp_replace(name, '\d+', '#'), substring(sku from '\d+'), overlay(sku placing 'X' from 1 for 1) FROM products ORDER BY id LIMIT 3;
SELECT regexp_split_to_table(name, ' ') FROM products WHERE id = 1;
SELECT lpad(id::text, 5, '0'), rpad(sku, 10, '.'), repeat('ab', 2), reverse(sku), translate(sku, 'SKU', 'sku'), initcap(name), ascii(sku), chr(65), md5(sku), encode(sku::bytea, 'hex'), quote_literal(name), quote_ident(name), starts_with(name, 'Claw'), strpos(name, 'a'), to_hex(id) FROM products ORDER BY id LIMIT 2;
SELECT normalize('é', NFC), 'é' IS NFC NORMALIZED, unistr('\0441'), string_to_table('a b', ' '), format('%I.%L', 'a', 'b''c');
SELECT to_number('1,234.5', '9,999.9'), to_char(1234.5, 'FM9,999.00'), to_date('2024-02-03', 'YYYY-MM-DD'), to_timestamp(1700000000), make_date(2024, 2, 3), make_interval(days => 3), make_timestamp(2024, 1, 2, 3, 4, 5);
SELECT justify_days(interval '40 days'), timestamp '2024-01-31' + interval '1 month', (date '2024-03-01' - date '2024-02-01'), date '2024-01-01' + 5, age(timestamp '2024-03-01', timestamp '2023-01-15'), timezone('UTC', timestamptz '2024-01-01 00:00+00'), isfinite(date 'infinity'), (date '2024-01-01', date '2024-02-01') OVERLAPS (date '2024-01-15', date '2024-03-01');

-- session: select for update beside masked columns
BEGIN;
SELECT id, full_name, segment FROM customers WHERE id = 5 FOR UPDATE;
SELECT id, status FROM orders WHERE customer_id = 5 ORDER BY id FOR SHARE NOWAIT;
UPDATE customers SET segment = 'gold' WHERE id = 5;
SELECT id, full_name, segment, country FROM customers WHERE id = 5;
ROLLBACK;
