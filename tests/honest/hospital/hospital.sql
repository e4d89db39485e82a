-- SPDX-License-Identifier: MIT
-- session: windows
SELECT patient_id, id, row_number() OVER (PARTITION BY patient_id ORDER BY lower(stay)) AS nth, lower(stay) - lag(upper(stay)) OVER w AS gap FROM clinic.encounters WINDOW w AS (PARTITION BY patient_id ORDER BY lower(stay)) ORDER BY patient_id, id LIMIT 30;
SELECT ward_id, date_trunc('week', lower(stay))::date AS week, sum(cost) AS cost, sum(sum(cost)) OVER (PARTITION BY ward_id ORDER BY date_trunc('week', lower(stay))::date ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS rolling FROM clinic.encounters GROUP BY 1, 2 ORDER BY 1, 2;
SELECT id, cost, ntile(4) OVER (ORDER BY cost), percent_rank() OVER (ORDER BY cost), cume_dist() OVER (ORDER BY cost), first_value(id) OVER w, last_value(cost) OVER w, nth_value(cost, 2) OVER w FROM clinic.encounters WINDOW w AS (PARTITION BY ward_id ORDER BY cost, id) ORDER BY id LIMIT 20;
SELECT ward_id, triage, count(*), rank() OVER (PARTITION BY ward_id ORDER BY count(*) DESC, triage) FROM clinic.encounters GROUP BY ward_id, triage ORDER BY 1, 4;

-- session: readmission within 30 days
WITH e AS (SELECT patient_id, stay, lead(lower(stay)) OVER (PARTITION BY patient_id ORDER BY lower(stay)) AS next FROM clinic.encounters)
SELECT count(*) FILTER (WHERE next - upper(stay) < interval '30 days') AS readmitted, count(*) AS stays, round(100.0 * count(*) FILTER (WHERE next - upper(stay) < interval '30 days') / count(*), 2) AS pct FROM e;

-- session: recursive wards
WITH RECURSIVE tree AS (SELECT id, name, parent_id, 0 AS depth, ARRAY[id] AS path FROM clinic.wards WHERE parent_id IS NULL UNION ALL SELECT w.id, w.name, w.parent_id, t.depth + 1, t.path || w.id FROM clinic.wards w JOIN tree t ON t.id = w.parent_id)
SELECT repeat('  ', depth) || name AS ward, path FROM tree ORDER BY path;
WITH RECURSIVE t AS (SELECT id, parent_id FROM clinic.wards WHERE id = 1 UNION ALL SELECT w.id, w.parent_id FROM clinic.wards w JOIN t ON w.parent_id = t.id) SEARCH DEPTH FIRST BY id SET o SELECT id FROM t ORDER BY o;
WITH RECURSIVE chain(id, boss_id, n) AS (SELECT id, boss_id, 1 FROM clinic.staff UNION SELECT c.id, s.boss_id, n + 1 FROM chain c JOIN clinic.staff s ON s.id = c.boss_id) SELECT id, max(n) FROM chain GROUP BY id ORDER BY id;

-- session: grouping sets
SELECT w.name, e.triage, count(*), grouping(w.name, e.triage) FROM clinic.encounters e JOIN clinic.wards w ON w.id = e.ward_id GROUP BY GROUPING SETS ((w.name, e.triage), (w.name), ()) ORDER BY 4, 1, 2;
SELECT extract(month FROM lower(stay)) AS m, ward_id, sum(cost) FROM clinic.encounters GROUP BY ROLLUP (1, 2) ORDER BY 1, 2;
SELECT ward_id, triage, sum(minutes) FROM clinic.encounters GROUP BY CUBE (ward_id, triage) ORDER BY 1 NULLS FIRST, 2 NULLS FIRST;

-- session: lateral
SELECT w.id, w.name, x.id AS encounter, x.cost FROM clinic.wards w CROSS JOIN LATERAL (SELECT id, cost FROM clinic.encounters e WHERE e.ward_id = w.id ORDER BY cost DESC LIMIT 2) x ORDER BY 1, 4 DESC;
SELECT p.id, p.mrn, l.taken, l.result ->> 'hb' AS hb FROM clinic.patients p LEFT JOIN LATERAL (SELECT taken, result FROM clinic.labs WHERE patient_id = p.id ORDER BY taken DESC LIMIT 1) l ON true ORDER BY p.id LIMIT 10;
SELECT p.id, a.allergy, a.n FROM clinic.patients p, unnest(p.allergies) WITH ORDINALITY AS a(allergy, n) ORDER BY 1, 3;

-- session: jsonb
SELECT panel, avg((result -> 'wbc' ->> 'value')::numeric) AS wbc, max((result ->> 'hb')::int) FROM clinic.labs GROUP BY panel ORDER BY panel;
SELECT count(*) FROM clinic.labs WHERE result @> '{"flags": ["high"]}';
SELECT count(*) FROM clinic.labs WHERE result ? 'hb' AND result #>> '{wbc,unit}' = 'G/l';
SELECT k, count(*) FROM clinic.labs, jsonb_object_keys(result) k GROUP BY k ORDER BY k;
SELECT f.value, count(*) FROM clinic.labs l CROSS JOIN LATERAL jsonb_array_elements_text(l.result -> 'flags') AS f GROUP BY 1;
SELECT jsonb_path_query_array(result, '$.wbc.value ? (@ > 8)') AS high FROM clinic.labs ORDER BY taken LIMIT 5;
SELECT contact ->> 'lang' AS lang, count(*), bool_and((contact ->> 'consent')::boolean) FROM clinic.patients GROUP BY 1 ORDER BY 1;
SELECT id, jsonb_set(contact, '{lang}', '"xx"') - 'tags' AS c, contact || '{"a": 1}' FROM clinic.patients ORDER BY id LIMIT 3;
SELECT jsonb_agg(jsonb_build_object('id', id, 'mrn', mrn) ORDER BY id) FROM clinic.patients WHERE id < 4;
SELECT code, attrs ->> 'form' AS form, jsonb_pretty(attrs) FROM clinic.drugs WHERE (attrs ->> 'rx')::boolean ORDER BY code;
SELECT r.* FROM clinic.labs l, jsonb_to_record(l.result) AS r(hb int, flags jsonb) ORDER BY l.taken LIMIT 4;
SELECT row_to_json(w) FROM clinic.wards w ORDER BY id;

-- session: time series
SELECT d::date AS day, count(e.id) FROM generate_series(timestamptz '2024-01-01 00:00+00', '2024-01-14 00:00+00', '1 day') d LEFT JOIN clinic.encounters e ON e.stay && tstzrange(d, d + interval '1 day') GROUP BY 1 ORDER BY 1;
SELECT date_trunc('month', taken) AS month, panel, count(*) FROM clinic.labs GROUP BY 1, 2 ORDER BY 1, 2;
SELECT date_bin('15 days', taken, timestamptz '2023-01-01 00:00+00') AS bin, round(avg(score), 2) FROM clinic.labs GROUP BY 1 ORDER BY 1;
SELECT extract(dow FROM lower(stay)) AS dow, extract(hour FROM lower(stay)) AS h, count(*) FROM clinic.encounters GROUP BY 1, 2 ORDER BY 1, 2;
SELECT to_char(lower(stay), 'YYYY-"W"IW') AS w, count(DISTINCT patient_id) FROM clinic.encounters GROUP BY w ORDER BY w;
SELECT age(timestamp '2024-01-01', born::timestamp) AS age, age_group, born FROM clinic.patients ORDER BY id LIMIT 5;
SELECT clinic.age_at(born, '2024-01-01') AS age, count(*) FROM clinic.patients GROUP BY 1 ORDER BY 1;
SELECT lower(stay) AT TIME ZONE 'Europe/Warsaw' AS local FROM clinic.encounters ORDER BY id LIMIT 3;

-- session: text functions
SELECT regexp_replace(diagnosis, '\..*$', '') AS chapter, count(*) FROM clinic.encounters GROUP BY 1 ORDER BY 1;
SELECT DISTINCT (regexp_match(diagnosis, '^([A-Z])'))[1] AS letter FROM clinic.encounters ORDER BY 1;
SELECT m[1] FROM clinic.encounters, regexp_matches(diagnosis, '[0-9]+', 'g') m ORDER BY 1 LIMIT 5;
SELECT split_part(sku, '-', 2)::int AS n, initcap(sku), lpad(qty::text, 5, '0'), format('%s/%L', sku, qty), concat_ws(':', sku, qty) FROM clinic.inventory ORDER BY 1;
SELECT string_agg(name, ', ' ORDER BY name) FROM clinic.wards;
SELECT ward_id, array_agg(DISTINCT role ORDER BY role) FILTER (WHERE role <> 'clerk') FROM clinic.staff GROUP BY ward_id ORDER BY 1;
SELECT city, count(*) FROM clinic.patients WHERE city ILIKE '%ó%' GROUP BY city ORDER BY city;
SELECT coalesce(city, '(none)') AS city, translate(blood, '+-', 'pn') AS b, left(mrn, 2), substring(mrn FROM 2 FOR 3), position('0' IN mrn), reverse(mrn), md5(mrn) FROM clinic.patients ORDER BY id LIMIT 6;
SELECT mrn FROM clinic.patients WHERE mrn SIMILAR TO 'M0000[1-5]' ORDER BY 1;
SELECT label, similarity(label, 'Drog A') > 0.2 AS s FROM clinic.drugs WHERE label % 'Drug A' ORDER BY label;

-- session: statistics
SELECT ward_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY minutes), percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY cost), mode() WITHIN GROUP (ORDER BY triage) FROM clinic.encounters GROUP BY ward_id ORDER BY 1;
SELECT stddev(cost), variance(cost), corr(cost, minutes), regr_slope(cost, minutes), covar_pop(cost, minutes) FROM clinic.encounters;
SELECT width_bucket(cost, 0, 1500, 6) AS b, min(cost), max(cost), count(*) FROM clinic.encounters GROUP BY b ORDER BY b;
SELECT bool_or(floor > 2), every(beds > 5), bit_or(floor), range_agg(int4range(floor, beds)) FROM clinic.wards WHERE floor IS NOT NULL;

-- session: distinct on
SELECT DISTINCT ON (patient_id) patient_id, id, diagnosis FROM clinic.encounters ORDER BY patient_id, lower(stay) DESC;
SELECT DISTINCT panel FROM clinic.labs ORDER BY 1;
SELECT count(DISTINCT (patient_id, panel)) FROM clinic.labs;

-- session: ranges and arrays
-- texts: standard
SELECT id, lower(stay), upper(stay), isempty(stay), stay @> timestamptz '2024-01-05 00:00+00' AS then FROM clinic.encounters WHERE stay && '[2024-01-04,2024-01-06)' ORDER BY id;
SELECT period, upper(period) - lower(period) AS days, period * daterange('2024-01-10', '2024-01-20') FROM clinic.prescriptions WHERE period && '[2024-01-10,2024-01-12)' ORDER BY encounter_id;
SELECT id FROM clinic.patients WHERE 'nuts' = ANY (allergies) ORDER BY id;
SELECT id FROM clinic.patients WHERE allergies && ARRAY['latex'] AND array_length(allergies, 1) = 2 ORDER BY id;
SELECT id, allergies[1], cardinality(allergies), array_to_string(allergies, '/'), array_position(allergies, 'nuts') FROM clinic.patients ORDER BY id LIMIT 6;
SELECT login, skills || 'x', array_remove(skills, 's1') FROM clinic.staff ORDER BY id LIMIT 4;
SELECT code, (strength).amount, (strength).unit FROM clinic.drugs ORDER BY code;
SELECT code, strength FROM clinic.drugs ORDER BY code;

-- session: full-text search
SELECT id, ts_rank(search, q) AS rank FROM clinic.encounters, to_tsquery('english', 'hip & fall') q WHERE search @@ q ORDER BY rank DESC, id LIMIT 5;
SELECT count(*) FROM clinic.encounters WHERE search @@ plainto_tsquery('english', 'blood pressure');
SELECT count(*) FROM clinic.encounters WHERE search @@ websearch_to_tsquery('english', 'asthma or -hip');
SELECT ts_headline('english', 'broken hip after a fall', to_tsquery('english', 'hip'));

-- session: sets
SELECT ward_id FROM clinic.encounters INTERSECT SELECT ward_id FROM clinic.staff ORDER BY 1;
SELECT id FROM clinic.wards EXCEPT SELECT ward_id FROM clinic.encounters ORDER BY 1;
(SELECT 'ward' AS what, name FROM clinic.wards ORDER BY id LIMIT 2) UNION ALL (SELECT 'drug', label FROM clinic.drugs ORDER BY code LIMIT 2);
VALUES (1, 'a'), (2, 'b') ORDER BY 1 DESC;

-- session: exists and in
SELECT id, mrn FROM clinic.patients p WHERE NOT EXISTS (SELECT FROM clinic.encounters e WHERE e.patient_id = p.id AND e.triage = 'red') ORDER BY id LIMIT 10;
SELECT count(*) FROM clinic.patients WHERE id IN (SELECT patient_id FROM clinic.labs WHERE score > 90);
SELECT id, (SELECT count(*) FROM clinic.labs l WHERE l.patient_id = p.id) AS labs FROM clinic.patients p ORDER BY labs DESC, id LIMIT 5;
SELECT id FROM clinic.encounters WHERE cost > ALL (SELECT avg(cost) FROM clinic.encounters GROUP BY ward_id) ORDER BY id LIMIT 5;

-- session: views
SELECT * FROM reports.load ORDER BY ward, month;
SELECT * FROM reports.by_diagnosis ORDER BY n, diagnosis;
SELECT id, mrn, name, city FROM clinic.adults WHERE city = 'Łódź' ORDER BY id;
SELECT sex, count(*) FROM clinic.patient_list GROUP BY sex ORDER BY sex;
SELECT a.mrn, e.cost FROM clinic.adults a JOIN clinic.encounters e ON e.patient_id = a.id ORDER BY e.cost DESC LIMIT 5;

-- session: partitions
SELECT tableoid::regclass AS part, count(*) FROM clinic.labs GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM clinic.labs_2024;
SELECT count(*) FROM ONLY clinic.labs;
INSERT INTO clinic.labs (patient_id, taken, panel, result, score) VALUES (1, '2024-05-05 00:00+00', 'cbc', '{"hb": 1}', 50) RETURNING patient_id, panel, result;
DELETE FROM clinic.labs WHERE patient_id = 1 AND taken = '2024-05-05 00:00+00';

-- session: domains and enums
SELECT diagnosis, count(*) FROM clinic.encounters WHERE diagnosis = 'I10' OR diagnosis LIKE 'E11%' GROUP BY 1 ORDER BY 1;
SELECT 'J45'::clinic.icd10, 55.5::clinic.percent;
SELECT 'nonsense'::clinic.icd10;
SELECT id, triage FROM clinic.encounters WHERE triage < 'yellow' ORDER BY triage, id LIMIT 6;
SELECT unnest(enum_range(NULL::clinic.triage)), enum_first(NULL::clinic.sex);
SELECT triage::text || '!' FROM clinic.encounters ORDER BY id LIMIT 2;
SELECT 'purple'::clinic.triage;
INSERT INTO clinic.encounters (patient_id, diagnosis, stay) VALUES (1, 'bad', '[2024-01-01,2024-01-02)');

-- session: upsert
INSERT INTO clinic.inventory (sku, qty) VALUES ('sku-1', 5), ('sku-99', 1) ON CONFLICT (sku) DO UPDATE SET qty = inventory.qty + excluded.qty, version = inventory.version + 1 RETURNING sku, qty, version, (xmax = 0) AS inserted;
INSERT INTO clinic.inventory (sku, qty) VALUES ('sku-1', 5) ON CONFLICT DO NOTHING RETURNING *;
UPDATE clinic.inventory SET qty = qty - 1 WHERE sku = 'sku-2' AND version = 1 RETURNING qty, updated_at;
DELETE FROM clinic.inventory WHERE sku = 'sku-99' RETURNING sku;
WITH moved AS (DELETE FROM clinic.inventory WHERE qty > 60 RETURNING *) SELECT count(*), sum(qty) FROM moved;
INSERT INTO clinic.wards VALUES (9, 'New', 1, 5, 1) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING *;
UPDATE clinic.encounters e SET cost = e.cost * 1.1 FROM clinic.wards w WHERE w.id = e.ward_id AND w.name = 'Cardiology' AND e.id < 20 RETURNING e.id, e.cost, w.name;

-- session: an ORM inserts a patient
BEGIN;
-- params: M90001 | New Patient | female | 1990-05-05 | Kraków
INSERT INTO clinic.patients (mrn, name, sex, born, city) VALUES ($1, $2, $3, $4, $5) RETURNING id > 0 AS ok, mrn, sex, age_group, allergies, contact;
-- params: Gdynia | M90001
UPDATE clinic.patients SET city = $1 WHERE mrn = $2 RETURNING city, updated_at;
-- params: M90001
SELECT mrn, sex, born, city, updated_at FROM clinic.patients WHERE mrn = $1;
-- params: M90001
DELETE FROM clinic.patients WHERE mrn = $1;
COMMIT;

-- session: an ORM pages
-- params: 10 | 0
SELECT p.id, p.mrn, p.name, p.city, count(*) OVER () AS full_count FROM clinic.patients p WHERE p.tenant = 1 ORDER BY p.created_at DESC, p.id DESC LIMIT $1 OFFSET $2;
-- params: 20
SELECT p.id, p.mrn FROM clinic.patients p WHERE p.id > $1 ORDER BY p.id ASC LIMIT 5;
-- params: {1,2,3}
SELECT e.id, e.patient_id, e.triage FROM clinic.encounters e WHERE e.patient_id = ANY ($1::bigint[]) ORDER BY e.id;
SELECT 1 AS one FROM clinic.patients WHERE clinic.patients.mrn = 'M00001' LIMIT 1;
SELECT "t0"."id", "t0"."mrn", "t0"."sex"::text FROM "clinic"."patients" AS "t0" WHERE ("t0"."sex" = CAST('female'::text AS "clinic"."sex") AND 1=1) ORDER BY "t0"."id" ASC LIMIT 3 OFFSET 0;
SELECT COUNT(*) FROM (SELECT "clinic"."patients"."id" FROM "clinic"."patients" WHERE 1=1 OFFSET 0) AS "sub";

-- session: an ORM joins
SELECT p.id AS p_id, p.mrn AS p_mrn, p.name AS p_name, e.id AS e_id, e.cost AS e_cost, s.id AS s_id, s.login AS s_login FROM clinic.patients AS p LEFT OUTER JOIN clinic.encounters AS e ON p.id = e.patient_id LEFT OUTER JOIN clinic.staff AS s ON s.id = e.doctor_id WHERE p.id IN (1, 2, 3) ORDER BY p.id, e.id;
SELECT anon.id, anon.mrn, n.kind FROM (SELECT id, mrn FROM clinic.patients ORDER BY id LIMIT 5) AS anon LEFT JOIN clinic.encounters e ON e.patient_id = anon.id LEFT JOIN clinic.notes n ON n.encounter_id = e.id ORDER BY 1, e.id, n.id;
SELECT id, name, notes FROM clinic.patients ORDER BY id LIMIT 3;
SELECT * FROM clinic.patients ORDER BY id LIMIT 3;
SELECT * FROM clinic.notes ORDER BY id LIMIT 3;

-- session: find by equality
-- params: quorvex7@mail.example.org
SELECT id, mrn, city FROM clinic.patients WHERE email = $1;
SELECT id, mrn FROM clinic.patients WHERE national_id = 'N70000003' AND tenant = 2;
SELECT id, mrn FROM clinic.patients WHERE email IN ('quorvex7@mail.example.org', 'nobody@example.org') ORDER BY id;

-- session: count of masked columns
SELECT count(*), count(name), count(notes) FROM clinic.patients;
SELECT city, count(email) FROM clinic.patients GROUP BY city ORDER BY city;

-- session: row security by a setting
-- texts: standard
SELECT id, label FROM clinic.rooms ORDER BY id;
SET app.tenant = '2';
SELECT id, label FROM clinic.rooms ORDER BY id;
BEGIN;
SET LOCAL app.tenant = '1';
SELECT count(*) FROM clinic.rooms;
COMMIT;
SELECT set_config('app.tenant', '2', false);
INSERT INTO clinic.rooms VALUES (90, 2, 'new') RETURNING id;
UPDATE clinic.rooms SET label = 'x' WHERE id = 90;
INSERT INTO clinic.rooms VALUES (91, 1, 'other tenant');
DELETE FROM clinic.rooms WHERE id = 90;

-- session: which tenant it is
SET app.tenant = '2';
SHOW app.tenant;
SELECT current_setting('app.tenant')::integer AS tenant, count(*) FROM clinic.rooms;
SELECT id, label FROM clinic.rooms WHERE tenant = current_setting('app.tenant', true)::integer ORDER BY id;
SELECT id, label FROM clinic.my_rooms ORDER BY id;
SELECT clinic.tenant(), current_setting('app.user', true) IS NULL AS nobody;
PREPARE mine AS SELECT label FROM clinic.my_rooms ORDER BY label LIMIT $1;
EXECUTE mine(1);
BEGIN;
SELECT set_config('app.tenant', '1', true);
SELECT label FROM clinic.my_rooms ORDER BY label;
EXECUTE mine(2);
ROLLBACK;
SHOW app.tenant;
RESET app.tenant;

-- session: cursors
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, triage, cost FROM clinic.encounters ORDER BY id;
FETCH 3 FROM c;
FETCH PRIOR FROM c;
FETCH LAST FROM c;
MOVE ABSOLUTE 10 IN c;
FETCH FORWARD 2 FROM c;
CLOSE c;
DECLARE d NO SCROLL CURSOR WITHOUT HOLD FOR SELECT id, mrn, name FROM clinic.patients ORDER BY id;
FETCH 2 FROM d;
COMMIT;

-- session: prepared
PREPARE by_ward (integer, numeric) AS SELECT id, cost FROM clinic.encounters WHERE ward_id = $1 AND cost > $2 ORDER BY id;
EXECUTE by_ward (3, 1000);
EXECUTE by_ward (2, 1200.5);
DEALLOCATE by_ward;
PREPARE up AS UPDATE clinic.inventory SET qty = qty + $1 WHERE sku = $2 RETURNING qty;
EXECUTE up (1, 'sku-3');
DEALLOCATE ALL;

-- session: savepoints
-- texts: standard
BEGIN;
SAVEPOINT a;
INSERT INTO clinic.inventory (sku) VALUES ('sku-1');
ROLLBACK TO a;
INSERT INTO clinic.inventory (sku) VALUES ('sku-50') RETURNING sku, qty;
RELEASE SAVEPOINT a;
SELECT count(*) FROM clinic.inventory;
ROLLBACK;

-- session: copy
COPY clinic.wards TO STDOUT;
COPY (SELECT id, triage, cost FROM clinic.encounters ORDER BY id LIMIT 5) TO STDOUT WITH (FORMAT csv, HEADER);
COPY clinic.drugs (code, label, price) TO STDOUT CSV HEADER;
COPY clinic.inventory (sku, qty) FROM STDIN WITH (FORMAT csv);
-- data: sku-70,4
-- data: sku-71,5
SELECT sku, qty, version FROM clinic.inventory WHERE sku LIKE 'sku-7%' ORDER BY 1;

-- session: explain
EXPLAIN (COSTS OFF) SELECT w.name, count(*) FROM clinic.encounters e JOIN clinic.wards w ON w.id = e.ward_id GROUP BY 1;
EXPLAIN (FORMAT JSON, COSTS OFF) SELECT * FROM clinic.labs WHERE taken >= '2024-02-01 00:00+00';
EXPLAIN (COSTS OFF, VERBOSE) SELECT id, mrn FROM clinic.patients WHERE city = 'x';
EXPLAIN (COSTS OFF) UPDATE clinic.inventory SET qty = 0 WHERE sku = 'x';
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM clinic.wards WHERE floor = 2;

-- session: temporary tables
CREATE TEMP TABLE cohort AS SELECT id, mrn, born FROM clinic.patients WHERE sex = 'female';
SELECT count(*) FROM cohort;
CREATE INDEX ON cohort (id);
ANALYZE cohort;
SELECT c.mrn, count(*) FROM cohort c JOIN clinic.encounters e ON e.patient_id = c.id GROUP BY 1 ORDER BY 1 LIMIT 5;
CREATE TEMP TABLE steps (n int PRIMARY KEY, what text) ON COMMIT PRESERVE ROWS;
INSERT INTO steps SELECT i, 's' || i FROM generate_series(1, 3) i RETURNING n;
SELECT * FROM steps ORDER BY n;
DROP TABLE steps;
DROP TABLE cohort;

-- session: functions in SQL
SELECT id, clinic.open_beds(id) FROM clinic.wards WHERE id > 1 ORDER BY id;
SELECT clinic.age_at(born, '2024-01-01'), mrn FROM clinic.patients ORDER BY id LIMIT 3;

-- session: case and coalesce
SELECT id, CASE triage WHEN 'red' THEN 1 WHEN 'orange' THEN 2 ELSE 9 END AS prio, CASE WHEN cost > 1000 THEN 'high' WHEN cost > 500 THEN 'mid' ELSE 'low' END AS band FROM clinic.encounters ORDER BY id LIMIT 8;
SELECT sum(CASE WHEN sex = 'female' THEN 1 ELSE 0 END) AS f, sum((sex = 'male')::int) AS m FROM clinic.patients;
SELECT greatest(1, floor), least(beds, 10), nullif(floor, 2), coalesce(floor, 0) FROM clinic.wards ORDER BY id;

-- session: pivot
SELECT w.name, count(*) FILTER (WHERE triage = 'red') AS red, count(*) FILTER (WHERE triage = 'green') AS green FROM clinic.encounters e JOIN clinic.wards w ON w.id = e.ward_id GROUP BY w.name ORDER BY 1;
SELECT panel, jsonb_object_agg(m, n) FROM (SELECT panel, to_char(taken, 'YYYY-MM') AS m, count(*) AS n FROM clinic.labs GROUP BY 1, 2) q GROUP BY panel ORDER BY 1;

-- session: an MCP server looks round
SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2;
SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'clinic' AND table_name = 'patients' ORDER BY ordinal_position;
SELECT tc.constraint_type, kcu.column_name, ccu.table_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu USING (constraint_name, table_schema) LEFT JOIN information_schema.constraint_column_usage ccu USING (constraint_name) WHERE tc.table_name = 'encounters' ORDER BY 1, 2, 3;
SELECT n.nspname, c.relname, c.relkind, c.reltuples::bigint, obj_description(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'clinic' AND c.relkind IN ('r', 'p', 'v') ORDER BY 2;
SELECT t.typname, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY 1 ORDER BY 1;
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'clinic' ORDER BY 1;
SELECT relname, n_live_tup >= 0 AS live FROM pg_stat_user_tables WHERE schemaname = 'clinic' ORDER BY 1;
SELECT policyname, cmd, qual FROM pg_policies;
SELECT viewname, definition FROM pg_views WHERE schemaname = 'clinic' ORDER BY 1;
SELECT sequencename, data_type FROM pg_sequences WHERE schemaname = 'clinic' ORDER BY 1;
SELECT pid = pg_backend_pid() AS me, state, wait_event_type FROM pg_stat_activity WHERE pid = pg_backend_pid();

-- session: an MCP server asks read only
-- texts: standard
BEGIN TRANSACTION READ ONLY;
SELECT count(*) FROM clinic.encounters;
INSERT INTO clinic.inventory (sku) VALUES ('no');
ROLLBACK;
SET statement_timeout = '5s';
SELECT sum(cost) FROM clinic.encounters;
RESET statement_timeout;

-- session: pg types
SELECT 1::int2, 2::bigint, 3.5::real, 4.25::float8, 'x'::char(3), true, '10.0.0.1'::inet, 'a'::name, '{1,2}'::int[], B'101', '\x00ff'::bytea, point(1, 2), '1 day 2 hours'::interval, '12:30'::time, NULL::uuid, '<a/>'::xml, int4range(1, 5), '{"a":1}'::json;
SELECT pg_typeof(stay), pg_typeof(triage), pg_typeof(diagnosis), pg_column_size(cost) > 0 FROM clinic.encounters LIMIT 1;

-- session: merge
MERGE INTO clinic.inventory i USING (VALUES ('sku-1', 7), ('sku-88', 8)) AS v(sku, qty) ON i.sku = v.sku WHEN MATCHED THEN UPDATE SET qty = v.qty WHEN NOT MATCHED THEN INSERT (sku, qty) VALUES (v.sku, v.qty);
SELECT sku, qty FROM clinic.inventory ORDER BY sku;

-- session: locks and sequences
BEGIN;
SELECT id, qty FROM (SELECT sku AS id, qty FROM clinic.inventory) q ORDER BY 1 LIMIT 2;
SELECT sku FROM clinic.inventory WHERE sku = 'sku-1' FOR UPDATE SKIP LOCKED;
SELECT nextval('clinic.staff_id_seq') > 0;
SELECT pg_try_advisory_xact_lock(42);
LOCK TABLE clinic.inventory IN SHARE ROW EXCLUSIVE MODE;
COMMIT;
