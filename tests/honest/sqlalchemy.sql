-- SPDX-License-Identifier: MIT
-- What SQLAlchemy 1.4 with psycopg2 sends.

-- session: connect
BEGIN;
SELECT t.oid, typarray
FROM pg_type t JOIN pg_namespace ns
    ON typnamespace = ns.oid
WHERE typname = 'hstore';
ROLLBACK;
BEGIN;
select pg_catalog.version();
select current_schema();
show transaction isolation level;
show standard_conforming_strings;
ROLLBACK;
BEGIN;
select 1;
ROLLBACK;

-- session: schema names
BEGIN;
SELECT t.oid, typarray
FROM pg_type t JOIN pg_namespace ns
    ON typnamespace = ns.oid
WHERE typname = 'hstore';
ROLLBACK;
BEGIN;
select pg_catalog.version();
select current_schema();
show transaction isolation level;
show standard_conforming_strings;
ROLLBACK;
BEGIN;
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' ORDER BY nspname;
ROLLBACK;

-- session: table names
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind in ('r', 'p');
ROLLBACK;
BEGIN;
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'hr' AND c.relkind in ('r', 'p');
ROLLBACK;

-- session: view names
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('v', 'm');
ROLLBACK;
BEGIN;
SELECT pg_get_viewdef(c.oid) view_def FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relname = 'order_totals' AND c.relkind IN ('v', 'm');
ROLLBACK;

-- session: columns
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (pg_catalog.pg_table_is_visible(c.oid))
            AND c.relname = 'customers' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p');
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options                
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = {class:public.customers}
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum;
SELECT t.typname as "name",
               pg_catalog.format_type(t.typbasetype, t.typtypmod) as "attype",
               not t.typnotnull as "nullable",
               t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema"
            FROM pg_catalog.pg_type t
               LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
            WHERE t.typtype = 'd';
SELECT t.typname as "name",
               -- no enum defaults in 8.4 at least
               -- t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema",
               e.enumlabel as "label"
            FROM pg_catalog.pg_type t
                 LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                 LEFT JOIN pg_catalog.pg_enum e ON t.oid = e.enumtypid
            WHERE t.typtype = 'e'
        ORDER BY "schema", "name", e.oid;
ROLLBACK;
BEGIN;
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (pg_catalog.pg_table_is_visible(c.oid))
            AND c.relname = 'orders' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p');
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options                
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = {class:public.orders}
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum;
SELECT t.typname as "name",
               pg_catalog.format_type(t.typbasetype, t.typtypmod) as "attype",
               not t.typnotnull as "nullable",
               t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema"
            FROM pg_catalog.pg_type t
               LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
            WHERE t.typtype = 'd';
SELECT t.typname as "name",
               -- no enum defaults in 8.4 at least
               -- t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema",
               e.enumlabel as "label"
            FROM pg_catalog.pg_type t
                 LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                 LEFT JOIN pg_catalog.pg_enum e ON t.oid = e.enumtypid
            WHERE t.typtype = 'e'
        ORDER BY "schema", "name", e.oid;
ROLLBACK;
BEGIN;
ROLLBACK;

-- session: columns of another schema
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'health')
            AND c.relname = 'patients' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p');
ROLLBACK;

-- session: primary and foreign keys
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = {class:public.order_items} AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = {class:public.order_items}
                ORDER BY k.ord;
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = {class:public.order_items} AND r.contype = 'p'
           ORDER BY 1;
ROLLBACK;
BEGIN;
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c

          WHERE r.conrelid = {class:public.order_items} AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1;
ROLLBACK;
BEGIN;
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'hr')
            AND c.relname = 'employees' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p');
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c

          WHERE r.conrelid = {class:hr.employees} AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1;
ROLLBACK;

-- session: indexes
-- masked: indexprs
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = {class:public.customers}
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname;
ROLLBACK;
BEGIN;
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = {class:public.orders}
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname;
ROLLBACK;
BEGIN;
SELECT
                cons.conname as name,
                cons.conkey as key,
                a.attnum as col_num,
                a.attname as col_name
            FROM
                pg_catalog.pg_constraint cons
                join pg_attribute a
                  on cons.conrelid = a.attrelid AND
                    a.attnum = ANY(cons.conkey)
            WHERE
                cons.conrelid = {class:public.customers} AND
                cons.contype = 'u';
ROLLBACK;

-- session: checks and comments
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT
                cons.conname as name,
                pg_get_constraintdef(cons.oid) as src
            FROM
                pg_catalog.pg_constraint cons
            WHERE
                cons.conrelid = {class:public.customers} AND
                cons.contype = 'c';
ROLLBACK;
BEGIN;
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = {class:public.customers};
ROLLBACK;

-- session: sequences and enums
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT relname FROM pg_class c join pg_namespace n on n.oid=c.relnamespace where relkind='S' and n.nspname='public';
ROLLBACK;
BEGIN;
SELECT t.typname as "name",
               -- no enum defaults in 8.4 at least
               -- t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema",
               e.enumlabel as "label"
            FROM pg_catalog.pg_type t
                 LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                 LEFT JOIN pg_catalog.pg_enum e ON t.oid = e.enumtypid
            WHERE t.typtype = 'e'
        AND n.nspname = 'public' ORDER BY "schema", "name", e.oid;
ROLLBACK;
BEGIN;
SELECT relname FROM pg_class c join pg_namespace n on n.oid=c.relnamespace where relkind='S' and n.nspname='public' and relname='invoice_numbers';
ROLLBACK;

-- session: has table
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
select relname from pg_class c join pg_namespace n on n.oid=c.relnamespace where pg_catalog.pg_table_is_visible(c.oid) and relname='orders';
ROLLBACK;
BEGIN;
select relname from pg_class c join pg_namespace n on n.oid=c.relnamespace where pg_catalog.pg_table_is_visible(c.oid) and relname='nothing';
ROLLBACK;

-- session: reflect public
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = {class:public.categories} AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = {class:public.categories}
                ORDER BY k.ord;
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = {class:public.categories} AND r.contype = 'p'
           ORDER BY 1;
SELECT
                cons.conname as name,
                cons.conkey as key,
                a.attnum as col_num,
                a.attname as col_name
            FROM
                pg_catalog.pg_constraint cons
                join pg_attribute a
                  on cons.conrelid = a.attrelid AND
                    a.attnum = ANY(cons.conkey)
            WHERE
                cons.conrelid = {class:public.categories} AND
                cons.contype = 'u';
SELECT
                cons.conname as name,
                pg_get_constraintdef(cons.oid) as src
            FROM
                pg_catalog.pg_constraint cons
            WHERE
                cons.conrelid = {class:public.categories} AND
                cons.contype = 'c';
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = {class:public.categories};
ROLLBACK;

-- session: reflect views
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('v', 'm');
ROLLBACK;

-- session: orm session
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT products.id AS products_id, products.sku AS products_sku, products.name AS products_name, products.price AS products_price 
FROM products 
WHERE products.sku LIKE 'SKU-00%' ORDER BY products.id 
 LIMIT 3;
SELECT products.id AS products_id, products.sku AS products_sku, products.name AS products_name, products.price AS products_price 
FROM products 
WHERE products.id = 3;
SELECT count(products.id) AS count_1 
FROM products;
SELECT products.id AS products_id, products.sku AS products_sku, products.name AS products_name, products.price AS products_price 
FROM products 
WHERE products.id IN (1, 2, 3) ORDER BY products.id;
ROLLBACK;

-- session: orm insert and rollback
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
INSERT INTO audit_log (what, ref) VALUES ('x', 'y') RETURNING audit_log.id;
SELECT audit_log.id AS audit_log_id, audit_log.what AS audit_log_what, audit_log.ref AS audit_log_ref 
FROM audit_log 
WHERE audit_log.id = 21;
UPDATE audit_log SET what='z' WHERE audit_log.id = 21;
DELETE FROM audit_log WHERE audit_log.id = 21;
ROLLBACK;

-- session: orm customers
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT customers.id AS customers_id, customers.full_name AS customers_full_name, customers.email AS customers_email, customers.country AS customers_country 
FROM customers 
WHERE customers.country = 'DE' ORDER BY customers.id 
 LIMIT 5;
SELECT customers.country AS customers_country, count(*) AS count_1 
FROM customers GROUP BY customers.country ORDER BY customers.country;
ROLLBACK;

-- session: savepoint
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SAVEPOINT sa_savepoint_1;
insert into audit_log (what) values ('s');
ROLLBACK TO SAVEPOINT sa_savepoint_1;
select count(*) from audit_log;
COMMIT;

-- session: server side cursor
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
DECLARE "c_7f98b201ee10_1" CURSOR WITHOUT HOLD FOR select id, status from orders order by id limit 40;
FETCH FORWARD 1 FROM "c_7f98b201ee10_1";
FETCH FORWARD 5 FROM "c_7f98b201ee10_1";
CLOSE "c_7f98b201ee10_1";
ROLLBACK;

-- session: dates and json
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
SELECT events.id, events.payload ->> 'page' AS anon_1, EXTRACT(hour FROM events.at) AS anon_2 
FROM events 
WHERE events.at > '2024-01-03' ORDER BY events.id 
 LIMIT 5;
ROLLBACK;

-- session: upsert
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
ROLLBACK;
BEGIN;
INSERT INTO counters (name, n) VALUES ('visits', 1) ON CONFLICT (name) DO UPDATE SET n = (counters.n + 1) RETURNING counters.n;
COMMIT;
