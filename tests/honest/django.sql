-- SPDX-License-Identifier: MIT
-- What Django 3.2 with psycopg2 sends.

-- session: tables
SELECT c.relname,
            CASE WHEN c.relispartition THEN 'p' WHEN c.relkind IN ('m', 'v') THEN 'v' ELSE 't' END
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v')
                AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
                AND pg_catalog.pg_table_is_visible(c.oid);
SELECT c.relname,
            CASE WHEN c.relispartition THEN 'p' WHEN c.relkind IN ('m', 'v') THEN 'v' ELSE 't' END
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v')
                AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
                AND pg_catalog.pg_table_is_visible(c.oid);

-- session: inspectdb of customers
SELECT a1.attname, c2.relname, a2.attname
            FROM pg_constraint con
            LEFT JOIN pg_class c1 ON con.conrelid = c1.oid
            LEFT JOIN pg_class c2 ON con.confrelid = c2.oid
            LEFT JOIN pg_attribute a1 ON c1.oid = a1.attrelid AND a1.attnum = con.conkey[1]
            LEFT JOIN pg_attribute a2 ON c2.oid = a2.attrelid AND a2.attnum = con.confkey[1]
            WHERE
                c1.relname = 'customers' AND
                con.contype = 'f' AND
                c1.relnamespace = c2.relnamespace AND
                pg_catalog.pg_table_is_visible(c1.oid);
SELECT
                c.conname,
                array(
                    SELECT attname
                    FROM unnest(c.conkey) WITH ORDINALITY cols(colid, arridx)
                    JOIN pg_attribute AS ca ON cols.colid = ca.attnum
                    WHERE ca.attrelid = c.conrelid
                    ORDER BY cols.arridx
                ),
                c.contype,
                (SELECT fkc.relname || '.' || fka.attname
                FROM pg_attribute AS fka
                JOIN pg_class AS fkc ON fka.attrelid = fkc.oid
                WHERE fka.attrelid = c.confrelid AND fka.attnum = c.confkey[1]),
                cl.reloptions
            FROM pg_constraint AS c
            JOIN pg_class AS cl ON c.conrelid = cl.oid
            WHERE cl.relname = 'customers' AND pg_catalog.pg_table_is_visible(cl.oid);
SELECT
                indexname, array_agg(attname ORDER BY arridx), indisunique, indisprimary,
                array_agg(ordering ORDER BY arridx), amname, exprdef, s2.attoptions
            FROM (
                SELECT
                    c2.relname as indexname, idx.*, attr.attname, am.amname,
                    CASE
                        WHEN idx.indexprs IS NOT NULL THEN
                            pg_get_indexdef(idx.indexrelid)
                    END AS exprdef,
                    CASE am.amname
                        WHEN 'btree' THEN
                            CASE (option & 1)
                                WHEN 1 THEN 'DESC' ELSE 'ASC'
                            END
                    END as ordering,
                    c2.reloptions as attoptions
                FROM (
                    SELECT *
                    FROM pg_index i, unnest(i.indkey, i.indoption) WITH ORDINALITY koi(key, option, arridx)
                ) idx
                LEFT JOIN pg_class c ON idx.indrelid = c.oid
                LEFT JOIN pg_class c2 ON idx.indexrelid = c2.oid
                LEFT JOIN pg_am am ON c2.relam = am.oid
                LEFT JOIN pg_attribute attr ON attr.attrelid = c.oid AND attr.attnum = idx.key
                WHERE c.relname = 'customers' AND pg_catalog.pg_table_is_visible(c.oid)
            ) s2
            GROUP BY indexname, indisunique, indisprimary, amname, exprdef, attoptions;
SELECT
                c.conname,
                array(
                    SELECT attname
                    FROM unnest(c.conkey) WITH ORDINALITY cols(colid, arridx)
                    JOIN pg_attribute AS ca ON cols.colid = ca.attnum
                    WHERE ca.attrelid = c.conrelid
                    ORDER BY cols.arridx
                ),
                c.contype,
                (SELECT fkc.relname || '.' || fka.attname
                FROM pg_attribute AS fka
                JOIN pg_class AS fkc ON fka.attrelid = fkc.oid
                WHERE fka.attrelid = c.confrelid AND fka.attnum = c.confkey[1]),
                cl.reloptions
            FROM pg_constraint AS c
            JOIN pg_class AS cl ON c.conrelid = cl.oid
            WHERE cl.relname = 'customers' AND pg_catalog.pg_table_is_visible(cl.oid);
SELECT
                indexname, array_agg(attname ORDER BY arridx), indisunique, indisprimary,
                array_agg(ordering ORDER BY arridx), amname, exprdef, s2.attoptions
            FROM (
                SELECT
                    c2.relname as indexname, idx.*, attr.attname, am.amname,
                    CASE
                        WHEN idx.indexprs IS NOT NULL THEN
                            pg_get_indexdef(idx.indexrelid)
                    END AS exprdef,
                    CASE am.amname
                        WHEN 'btree' THEN
                            CASE (option & 1)
                                WHEN 1 THEN 'DESC' ELSE 'ASC'
                            END
                    END as ordering,
                    c2.reloptions as attoptions
                FROM (
                    SELECT *
                    FROM pg_index i, unnest(i.indkey, i.indoption) WITH ORDINALITY koi(key, option, arridx)
                ) idx
                LEFT JOIN pg_class c ON idx.indrelid = c.oid
                LEFT JOIN pg_class c2 ON idx.indexrelid = c2.oid
                LEFT JOIN pg_am am ON c2.relam = am.oid
                LEFT JOIN pg_attribute attr ON attr.attrelid = c.oid AND attr.attnum = idx.key
                WHERE c.relname = 'customers' AND pg_catalog.pg_table_is_visible(c.oid)
            ) s2
            GROUP BY indexname, indisunique, indisprimary, amname, exprdef, attoptions;
SELECT
                a.attname AS column_name,
                NOT (a.attnotnull OR (t.typtype = 'd' AND t.typnotnull)) AS is_nullable,
                pg_get_expr(ad.adbin, ad.adrelid) AS column_default,
                CASE WHEN collname = 'default' THEN NULL ELSE collname END AS collation
            FROM pg_attribute a
            LEFT JOIN pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
            LEFT JOIN pg_collation co ON a.attcollation = co.oid
            JOIN pg_type t ON a.atttypid = t.oid
            JOIN pg_class c ON a.attrelid = c.oid
            JOIN pg_namespace n ON c.relnamespace = n.oid
            WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v')
                AND c.relname = 'customers'
                AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
                AND pg_catalog.pg_table_is_visible(c.oid);
SELECT * FROM "customers" LIMIT 1;

-- session: inspectdb of orders
SELECT a1.attname, c2.relname, a2.attname
            FROM pg_constraint con
            LEFT JOIN pg_class c1 ON con.conrelid = c1.oid
            LEFT JOIN pg_class c2 ON con.confrelid = c2.oid
            LEFT JOIN pg_attribute a1 ON c1.oid = a1.attrelid AND a1.attnum = con.conkey[1]
            LEFT JOIN pg_attribute a2 ON c2.oid = a2.attrelid AND a2.attnum = con.confkey[1]
            WHERE
                c1.relname = 'orders' AND
                con.contype = 'f' AND
                c1.relnamespace = c2.relnamespace AND
                pg_catalog.pg_table_is_visible(c1.oid);
SELECT
                a.attname AS column_name,
                NOT (a.attnotnull OR (t.typtype = 'd' AND t.typnotnull)) AS is_nullable,
                pg_get_expr(ad.adbin, ad.adrelid) AS column_default,
                CASE WHEN collname = 'default' THEN NULL ELSE collname END AS collation
            FROM pg_attribute a
            LEFT JOIN pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
            LEFT JOIN pg_collation co ON a.attcollation = co.oid
            JOIN pg_type t ON a.atttypid = t.oid
            JOIN pg_class c ON a.attrelid = c.oid
            JOIN pg_namespace n ON c.relnamespace = n.oid
            WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v')
                AND c.relname = 'orders'
                AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
                AND pg_catalog.pg_table_is_visible(c.oid);
SELECT * FROM "orders" LIMIT 1;
SELECT * FROM "order_items" LIMIT 1;

-- session: inspectdb with views and partitions
SELECT * FROM "Mixed Case" LIMIT 1;
SELECT * FROM "audit_log" LIMIT 1;
SELECT * FROM "categories" LIMIT 1;
SELECT * FROM "counters" LIMIT 1;
SELECT * FROM "customer_directory" LIMIT 1;
SELECT * FROM "customers" LIMIT 1;
SELECT * FROM "events" LIMIT 1;
SELECT * FROM "events_2024_01" LIMIT 1;
SELECT * FROM "events_2024_02" LIMIT 1;
SELECT * FROM "events_rest" LIMIT 1;
SELECT * FROM "gold_customers" LIMIT 1;
SELECT * FROM "inventory" LIMIT 1;
SELECT * FROM "job_queue" LIMIT 1;
SELECT * FROM "monthly_sales" LIMIT 1;
SELECT * FROM "order_items" LIMIT 1;
SELECT * FROM "order_totals" LIMIT 1;
SELECT * FROM "orders" LIMIT 1;
SELECT * FROM "payments" LIMIT 1;
SELECT * FROM "products" LIMIT 1;

-- session: sequences and relations
SELECT s.relname as sequence_name, col.attname
            FROM pg_class s
                JOIN pg_namespace sn ON sn.oid = s.relnamespace
                JOIN pg_depend d ON d.refobjid = s.oid AND d.refclassid = 'pg_class'::regclass
                JOIN pg_attrdef ad ON ad.oid = d.objid AND d.classid = 'pg_attrdef'::regclass
                JOIN pg_attribute col ON col.attrelid = ad.adrelid AND col.attnum = ad.adnum
                JOIN pg_class tbl ON tbl.oid = ad.adrelid
            WHERE s.relkind = 'S'
              AND d.deptype in ('a', 'n')
              AND pg_catalog.pg_table_is_visible(tbl.oid)
              AND tbl.relname = 'products';

-- session: orm lists
SELECT "products"."id", "products"."sku", "products"."name", "products"."price", "products"."active" FROM "products" WHERE "products"."sku"::text LIKE 'SKU-000%' ORDER BY "products"."id" ASC LIMIT 4;
SELECT "products"."id", "products"."name" FROM "products" WHERE NOT (NOT "products"."active") ORDER BY "products"."id" DESC LIMIT 3;
SELECT COUNT(*) AS "__count" FROM "products";
SELECT (1) AS "a" FROM "products" WHERE "products"."id" = 3 LIMIT 1;
SELECT "products"."id", "products"."sku", "products"."name", "products"."price", "products"."active" FROM "products" WHERE "products"."id" = 4 LIMIT 21;

-- session: orm aggregates
SELECT "orders"."status", COUNT("orders"."id") AS "n" FROM "orders" GROUP BY "orders"."status" ORDER BY "orders"."status" ASC;
SELECT MIN("products"."id") AS "id__min", MAX("products"."id") AS "id__max" FROM "products";
SELECT DATE_TRUNC('month', "orders"."placed_at" AT TIME ZONE 'America/Chicago') AS "m", COUNT("orders"."id") AS "n" FROM "orders" GROUP BY DATE_TRUNC('month', "orders"."placed_at" AT TIME ZONE 'America/Chicago') ORDER BY "m" ASC;

-- session: orm joins
SELECT "orders"."id", "orders"."customer_id", "orders"."status", "orders"."placed_at", "customers"."id", "customers"."full_name", "customers"."email", "customers"."country", "customers"."segment", "customers"."created_at" FROM "orders" INNER JOIN "customers" ON ("orders"."customer_id" = "customers"."id") WHERE "customers"."country" = 'DE' ORDER BY "orders"."id" ASC LIMIT 5;

-- session: orm subquery
SELECT "customers"."id", (SELECT U0."placed_at" FROM "orders" U0 WHERE U0."customer_id" = "customers"."id" ORDER BY U0."placed_at" DESC LIMIT 1) AS "last" FROM "customers" ORDER BY "customers"."id" ASC LIMIT 4;
SELECT "customers"."id" FROM "customers" WHERE EXISTS(SELECT (1) AS "a" FROM "orders" U0 WHERE (U0."customer_id" = "customers"."id" AND U0."status" = 'returned') LIMIT 1) ORDER BY "customers"."id" ASC LIMIT 5;

-- session: orm writes
BEGIN;
INSERT INTO "audit_log" ("what", "ref", "at") VALUES ('d', '1', '2024-05-05T00:00:00+00:00'::timestamptz) RETURNING "audit_log"."id";
UPDATE "audit_log" SET "ref" = '2' WHERE "audit_log"."id" = 23;
SELECT "audit_log"."id", "audit_log"."what", "audit_log"."ref", "audit_log"."at" FROM "audit_log" WHERE "audit_log"."id" = 23 LIMIT 21;
INSERT INTO "audit_log" ("what", "ref", "at") VALUES ('b0', NULL, '2024-05-05T00:00:00+00:00'::timestamptz), ('b1', NULL, '2024-05-05T00:00:00+00:00'::timestamptz), ('b2', NULL, '2024-05-05T00:00:00+00:00'::timestamptz) RETURNING "audit_log"."id";
DELETE FROM "audit_log" WHERE "audit_log"."id" IN (23);
ROLLBACK;

-- session: orm get or create
BEGIN;
SELECT "audit_log"."id", "audit_log"."what", "audit_log"."ref", "audit_log"."at" FROM "audit_log" WHERE ("audit_log"."ref" = 'o1' AND "audit_log"."what" = 'action 1') LIMIT 21;
ROLLBACK;

-- session: orm case
SELECT "orders"."id", CASE WHEN "orders"."status" = 'paid' THEN 'p' ELSE 'o' END AS "s" FROM "orders" ORDER BY "orders"."id" ASC LIMIT 4;
SELECT DISTINCT DATE_TRUNC('month', "orders"."placed_at" AT TIME ZONE 'America/Chicago') AS "datefield" FROM "orders" WHERE "orders"."placed_at" IS NOT NULL ORDER BY "datefield" ASC;

-- session: orm select for update
BEGIN;
SELECT "orders"."id", "orders"."customer_id", "orders"."status", "orders"."placed_at" FROM "orders" WHERE "orders"."id" < 3 ORDER BY "orders"."id" ASC FOR UPDATE;
COMMIT;

-- session: orm iterator
DECLARE "_django_curs_140188296126528_sync_1" NO SCROLL CURSOR WITH HOLD FOR SELECT "orders"."id", "orders"."status" FROM "orders" ORDER BY "orders"."id" ASC;
FETCH FORWARD 50 FROM "_django_curs_140188296126528_sync_1";
FETCH FORWARD 50 FROM "_django_curs_140188296126528_sync_1";
CLOSE "_django_curs_140188296126528_sync_1";

-- session: explain
EXPLAIN SELECT "orders"."id" FROM "orders" WHERE "orders"."status" = 'paid';

-- session: customers
SELECT "customers"."id", "customers"."full_name", "customers"."email", "customers"."country", "customers"."segment", "customers"."created_at" FROM "customers" ORDER BY "customers"."id" ASC LIMIT 5;
SELECT COUNT(*) AS "__count" FROM "customers" WHERE "customers"."country" IN ('DE', 'FR');
