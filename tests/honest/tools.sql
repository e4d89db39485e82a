-- What tools ask that look round in a database, as they send it: Metabase, pgAdmin, DBeaver, DataGrip, Prisma, ActiveRecord,
-- Hasura, Grafana, Superset, dbt, Sequelize, TypeORM, Knex, GORM, pgbench, psycopg, postgres MCP servers.

-- session: metabase connect
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;
SELECT current_setting('server_version'), current_database(), current_user;
SHOW TIMEZONE;
SET SESSION TIMEZONE TO 'Europe/Warsaw';
SELECT now() AT TIME ZONE 'UTC' IS NOT NULL;

-- session: metabase sync tables
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name", CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type", "d"."description" AS "description", NULLIF("stat"."n_live_tup", 0) IS NULL AS "estimated_row_count" FROM "pg_catalog"."pg_class" AS "c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid" LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = 0) AND ("d"."classoid" = 'pg_class'::regclass) LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname") WHERE ("c"."relnamespace" = "n"."oid") AND ("n"."nspname" !~ '^pg_') AND ("n"."nspname" <> 'information_schema') AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" NOT IN ('pg_catalog', 'scratch')) ORDER BY "type" ASC, "schema" ASC, "name" ASC;
-- params: pgveil_agent
with table_privileges as (select NULL as role, t.schemaname as schema, t.objectname as table, pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'update') as update, pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'select') as select, pg_catalog.has_table_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'delete') as delete from (select schemaname, tablename as objectname from pg_catalog.pg_tables union select schemaname, viewname as objectname from pg_catalog.pg_views union select schemaname, matviewname as objectname from pg_catalog.pg_matviews) t where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema' and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')) select t.* from table_privileges t where (t.select or t.update or t.delete) and $1 = current_user order by 2, 3;

-- session: metabase sync fields
SELECT "c"."column_name" AS "name", CASE WHEN "c"."udt_schema" IN ('public', 'pg_catalog') THEN FORMAT('%s', "c"."udt_name") ELSE FORMAT('"%s"."%s"', "c"."udt_schema", "c"."udt_name") END AS "database-type", "c"."ordinal_position" - 1 AS "database-position", "c"."table_schema" AS "table-schema", "c"."table_name" AS "table-name", "pk"."column_name" IS NOT NULL AS "pk?", COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST("c"."table_schema" AS TEXT), CAST("c"."table_name" AS TEXT)) AS REGCLASS) AS OID), "c"."ordinal_position") AS "field-comment", (("column_default" IS NULL) OR (LOWER("column_default") = 'null')) AND ("is_nullable" = 'NO') AND NOT ((("column_default" IS NOT NULL) AND ("column_default" LIKE '%nextval(%')) OR ("is_identity" <> 'NO')) AS "database-required", ((("column_default" IS NOT NULL) AND ("column_default" LIKE '%nextval(%')) OR ("is_identity" <> 'NO')) AS "database-is-auto-increment" FROM "information_schema"."columns" AS "c" LEFT JOIN (SELECT "tc"."table_schema", "tc"."table_name", "kc"."column_name" FROM "information_schema"."table_constraints" AS "tc" INNER JOIN "information_schema"."key_column_usage" AS "kc" ON ("tc"."constraint_name" = "kc"."constraint_name") AND ("tc"."table_schema" = "kc"."table_schema") AND ("tc"."table_name" = "kc"."table_name") WHERE "tc"."constraint_type" = 'PRIMARY KEY') AS "pk" ON ("c"."table_schema" = "pk"."table_schema") AND ("c"."table_name" = "pk"."table_name") AND ("c"."column_name" = "pk"."column_name") WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND ("c"."table_schema" IN ('public', 'hr', 'support')) ORDER BY "table-schema" ASC, "table-name" ASC, "database-position" ASC;
SELECT "fk_ns"."nspname" AS "fk-table-schema", "fk_table"."relname" AS "fk-table-name", "fk_column"."attname" AS "fk-column-name", "pk_ns"."nspname" AS "pk-table-schema", "pk_table"."relname" AS "pk-table-name", "pk_column"."attname" AS "pk-column-name" FROM "pg_constraint" AS "c" INNER JOIN "pg_class" AS "fk_table" ON "c"."conrelid" = "fk_table"."oid" INNER JOIN "pg_namespace" AS "fk_ns" ON "c"."connamespace" = "fk_ns"."oid" INNER JOIN "pg_attribute" AS "fk_column" ON "c"."conrelid" = "fk_column"."attrelid" INNER JOIN "pg_class" AS "pk_table" ON "c"."confrelid" = "pk_table"."oid" INNER JOIN "pg_namespace" AS "pk_ns" ON "pk_table"."relnamespace" = "pk_ns"."oid" INNER JOIN "pg_attribute" AS "pk_column" ON "c"."confrelid" = "pk_column"."attrelid" WHERE fk_ns.nspname !~ '^information_schema|catalog_history|pg_' AND ("c"."contype" = 'f'::char) AND ("fk_column"."attnum" = ANY(c.conkey)) AND ("pk_column"."attnum" = ANY(c.confkey)) ORDER BY "fk-table-schema" ASC, "fk-table-name" ASC, 3, 6;
SELECT nspname AS "schema", typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e) ORDER BY 1, 2;

-- session: metabase fingerprint
-- masked: substring1 substring2
SELECT "source"."id", "source"."country", "source"."city", SUBSTRING("source"."full_name", 1, 1234) AS "substring1", "source"."created_at" FROM (SELECT * FROM "public"."customers") AS "source" ORDER BY 1 LIMIT 20;
SELECT count(*) AS "count" FROM "public"."orders";
SELECT count(distinct "public"."orders"."status") AS "count", count(distinct "public"."orders"."customer_id") FROM "public"."orders";
SELECT SUBSTRING("public"."products"."name", 1, 1234) AS "n", "public"."products"."price" FROM "public"."products" ORDER BY "public"."products"."id" LIMIT 10;

-- session: metabase questions
SELECT DATE_TRUNC('month', "public"."orders"."placed_at") AS "placed_at", COUNT(*) AS "count" FROM "public"."orders" GROUP BY DATE_TRUNC('month', "public"."orders"."placed_at") ORDER BY DATE_TRUNC('month', "public"."orders"."placed_at") ASC;
SELECT CAST("public"."orders"."placed_at" AS date) AS "placed_at", SUM("public"."orders"."discount") AS "sum" FROM "public"."orders" WHERE ("public"."orders"."placed_at" >= timestamp with time zone '2024-01-01 00:00:00.000Z') AND ("public"."orders"."placed_at" < timestamp with time zone '2024-03-01 00:00:00.000Z') GROUP BY CAST("public"."orders"."placed_at" AS date) ORDER BY 1 LIMIT 10;
SELECT "Customers"."country" AS "Customers__country", COUNT(DISTINCT "public"."orders"."id") AS "count", AVG("public"."orders"."discount") AS "avg" FROM "public"."orders" LEFT JOIN "public"."customers" AS "Customers" ON "public"."orders"."customer_id" = "Customers"."id" GROUP BY "Customers"."country" ORDER BY "count" DESC, "Customers"."country" ASC;
SELECT "public"."orders"."id" AS "id", "public"."orders"."status" AS "status", "Customers"."id" AS "Customers__id", "Customers"."full_name" AS "Customers__full_name", "Customers"."email" AS "Customers__email", "Customers"."country" AS "Customers__country" FROM "public"."orders" LEFT JOIN "public"."customers" AS "Customers" ON "public"."orders"."customer_id" = "Customers"."id" ORDER BY "public"."orders"."id" ASC LIMIT 20;
SELECT FLOOR((("public"."payments"."amount" - 0.0) / 50.0)) * 50.0 + 0.0 AS "amount", COUNT(*) AS "count" FROM "public"."payments" GROUP BY FLOOR((("public"."payments"."amount" - 0.0) / 50.0)) * 50.0 + 0.0 ORDER BY 1;
SELECT (CAST(extract(dow from "public"."orders"."placed_at") AS integer) + 1) AS "dow", COUNT(*) AS "count" FROM "public"."orders" GROUP BY (CAST(extract(dow from "public"."orders"."placed_at") AS integer) + 1) ORDER BY 1;

-- session: pgadmin connect
SET DateStyle=ISO;
SET client_min_messages=notice;
SELECT set_config('bytea_output','hex',false) FROM pg_show_all_settings() WHERE name = 'bytea_output';
SET client_encoding='UTF8';
SELECT version();
SELECT gss_authenticated, encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_backend_pid();
SELECT roles.oid IS NOT NULL as id, roles.rolname as name, roles.rolsuper as is_superuser, CASE WHEN roles.rolsuper THEN true ELSE roles.rolcreaterole END as can_create_role, CASE WHEN roles.rolsuper THEN true ELSE roles.rolcreatedb END as can_create_db, CASE WHEN 'pg_signal_backend'=ANY(ARRAY(WITH RECURSIVE cte AS (SELECT pg_roles.oid,pg_roles.rolname FROM pg_roles WHERE pg_roles.oid = roles.oid UNION ALL SELECT m.roleid,pgr.rolname FROM cte cte_1 JOIN pg_auth_members m ON m.member = cte_1.oid JOIN pg_roles pgr ON pgr.oid = m.roleid) SELECT rolname FROM cte)) THEN True ELSE False END as can_signal_backend FROM pg_catalog.pg_roles as roles WHERE rolname = current_user;

-- session: pgadmin databases
-- varies: did
SELECT db.oid as did, db.datname as name, ta.spcname as spcname, db.datallowconn, db.datistemplate AS is_template, pg_catalog.has_database_privilege(db.oid, 'CREATE') as cancreate, datdba as owner, descr.description FROM pg_catalog.pg_database db LEFT OUTER JOIN pg_catalog.pg_tablespace ta ON db.dattablespace = ta.oid LEFT OUTER JOIN pg_catalog.pg_shdescription descr ON (db.oid=descr.objoid AND descr.classoid='pg_database'::regclass) WHERE db.oid > 16383::OID OR db.datname IN ('postgres', 'edb') ORDER BY datname;
SELECT nsp.oid > 0 AS ok, nsp.nspname as name, has_schema_privilege(nsp.oid, 'CREATE') as can_create, has_schema_privilege(nsp.oid, 'USAGE') as has_usage FROM pg_catalog.pg_namespace nsp WHERE nspname NOT LIKE 'pg\_%' AND NOT ((nsp.nspname = 'pg_catalog' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'pg_class' AND relnamespace = nsp.oid LIMIT 1)) OR (nsp.nspname = 'information_schema' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'tables' AND relnamespace = nsp.oid LIMIT 1))) AND nsp.nspname <> 'scratch' ORDER BY nspname;

-- session: pgadmin table
SELECT rel.oid, rel.relname AS name, (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid=rel.oid AND tgisinternal = FALSE) AS triggercount, (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid=rel.oid AND tgisinternal = FALSE AND tgenabled = 'O') AS has_enable_triggers, (CASE WHEN rel.relkind = 'p' THEN true ELSE false END) AS is_partitioned, (SELECT count(1) FROM pg_catalog.pg_inherits WHERE inhrelid=rel.oid LIMIT 1) as is_inherits, (SELECT count(1) FROM pg_catalog.pg_inherits WHERE inhparent=rel.oid LIMIT 1) as is_inherited, des.description FROM pg_catalog.pg_class rel LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=rel.oid AND des.objsubid=0 AND des.classoid='pg_class'::regclass) WHERE rel.relkind IN ('r','s','t','p') AND rel.relnamespace = {namespace:public} AND NOT rel.relispartition ORDER BY rel.relname;
SELECT DISTINCT att.attname as name, att.attnum as OID, pg_catalog.format_type(ty.oid,NULL) AS datatype, att.attnotnull as not_null, CASE WHEN att.atthasdef OR att.attidentity != '' OR ty.typdefault IS NOT NULL THEN True ELSE False END as has_default_val, des.description FROM pg_catalog.pg_attribute att JOIN pg_catalog.pg_type ty ON ty.oid=atttypid JOIN pg_catalog.pg_namespace tn ON tn.oid=ty.typnamespace JOIN pg_catalog.pg_class cl ON cl.oid=att.attrelid JOIN pg_catalog.pg_namespace na ON na.oid=cl.relnamespace LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=ty.typelem LEFT OUTER JOIN pg_catalog.pg_attrdef def ON adrelid=att.attrelid AND adnum=att.attnum LEFT OUTER JOIN (pg_catalog.pg_depend JOIN pg_catalog.pg_class cs ON classid='pg_class'::regclass AND objid=cs.oid AND cs.relkind='S') ON refobjid=att.attrelid AND refobjsubid=att.attnum LEFT OUTER JOIN pg_catalog.pg_namespace ns ON ns.oid=cs.relnamespace LEFT OUTER JOIN pg_catalog.pg_index pi ON pi.indrelid=att.attrelid AND indisprimary LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=att.attrelid AND des.objsubid=att.attnum AND des.classoid='pg_class'::regclass) WHERE att.attrelid = {class:public.customers}::oid AND att.attnum > 0 AND att.attisdropped IS FALSE ORDER BY att.attnum;
SELECT cls.oid, cls.relname as name, indnkeyatts as cols_count, CASE WHEN contype IN ('p', 'u', 'x') THEN desp.description ELSE des.description END AS comment, am.amname, pg_catalog.pg_get_expr(idx.indpred, idx.indrelid, true) AS indconstraint, pg_get_indexdef(idx.indexrelid) FROM pg_catalog.pg_index idx JOIN pg_catalog.pg_class cls ON cls.oid=indexrelid JOIN pg_catalog.pg_class tab ON tab.oid=indrelid LEFT OUTER JOIN pg_catalog.pg_tablespace ta on ta.oid=cls.reltablespace JOIN pg_catalog.pg_namespace n ON n.oid=tab.relnamespace JOIN pg_catalog.pg_am am ON am.oid=cls.relam LEFT JOIN pg_catalog.pg_depend dep ON (dep.classid = cls.tableoid AND dep.objid = cls.oid AND dep.refobjsubid = '0' AND dep.refclassid=(SELECT oid FROM pg_catalog.pg_class WHERE relname='pg_constraint') AND dep.deptype='i') LEFT OUTER JOIN pg_catalog.pg_constraint con ON (con.tableoid = dep.refclassid AND con.oid = dep.refobjid) LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=cls.oid AND des.classoid='pg_class'::regclass) LEFT OUTER JOIN pg_catalog.pg_description desp ON (desp.objoid=con.oid AND desp.objsubid = 0 AND desp.classoid='pg_constraint'::regclass) WHERE indrelid = {class:public.orders}::OID AND conname is NULL ORDER BY cls.relname;
SELECT pg_catalog.pg_relation_size({class:public.orders}) > 0 AS sized, st.n_tup_ins IS NOT NULL AS "Tuples inserted", st.n_dead_tup IS NOT NULL FROM pg_catalog.pg_stat_all_tables st WHERE st.relid = {class:public.orders};

-- session: pgadmin dashboard
-- varies: chart_data
SELECT 'session_stats' AS chart_name, pg_catalog.row_to_json(t) AS chart_data FROM (SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = (SELECT datname FROM pg_catalog.pg_database WHERE oid = {class:pg_catalog.pg_class}::oid)) AS "Total", (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'active') AS "Active", (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'idle') AS "Idle") t UNION ALL SELECT 'tps_stats' AS chart_name, pg_catalog.row_to_json(t) AS chart_data FROM (SELECT (SELECT sum(xact_commit) + sum(xact_rollback) FROM pg_catalog.pg_stat_database) AS "Transactions", (SELECT sum(xact_commit) FROM pg_catalog.pg_stat_database) AS "Commits") t;

-- session: pgadmin query tool
-- masked: full_name email phone ssn birth_date credit
BEGIN;
SELECT * FROM public.customers ORDER BY id ASC LIMIT 100;
SELECT at.attname, at.attnum, ty.typname FROM pg_catalog.pg_attribute at LEFT JOIN pg_catalog.pg_type ty ON (ty.oid = at.atttypid) WHERE attrelid={class:public.customers}::oid AND attnum = ANY ((SELECT con.conkey FROM pg_catalog.pg_class rel LEFT OUTER JOIN pg_catalog.pg_constraint con ON con.conrelid=rel.oid AND con.contype='p' WHERE rel.relkind IN ('r','s','t', 'p') AND rel.oid = {class:public.customers}::oid)::oid[]);
COMMIT;
EXPLAIN (FORMAT JSON, ANALYZE OFF, VERBOSE OFF, COSTS OFF, BUFFERS OFF, TIMING OFF, SUMMARY OFF, SETTINGS OFF, WAL OFF) SELECT id, status FROM public.orders WHERE id < 5;

-- session: dbeaver connect
-- varies: source
SET extra_float_digits = 3;
SET application_name = 'DBeaver 24.0.0 - Main <lab>';
SELECT current_schema(),session_user;
SELECT n.nspname <> '' AS named, n.nspname, pg_catalog.pg_get_userbyid(n.nspowner), d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass WHERE n.nspname <> 'scratch' AND n.nspname !~ '^pg_(toast_)?temp' ORDER BY nspname;
SELECT t.oid,t.typname,t.typtype,t.typcategory,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C') AND t.oid < 16384 ORDER BY t.oid LIMIT 300;
SELECT x.* FROM pg_catalog.pg_settings x WHERE x.name = 'standard_conforming_strings';
SELECT db.datname, pg_encoding_to_char(db.encoding), db.datcollate, shobj_description(db.oid, 'pg_database') FROM pg_catalog.pg_database db WHERE db.datname = current_database();

-- session: dbeaver tables
-- masked: conbin indpred indexprs
SELECT c.oid,c.relname,c.relkind,c.relpersistence,c.relhasindex,c.relhasrules,c.relhastriggers,c.relispartition,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass WHERE c.relnamespace={namespace:public} AND c.relkind not in ('i','I','c') ORDER BY c.relname;
SELECT c.relname,a.attname,a.atttypid,a.attnum,a.atttypmod,a.attnotnull,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid IS NULL FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid) LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum) LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid) LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid WHERE NOT a.attisdropped AND c.relkind not in ('i','I','c') AND c.oid={class:public.customers} AND a.attnum > 0 ORDER BY a.attnum;
SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description, pg_get_constraintdef(c.oid) as consrc_copy FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_constraint'::regclass WHERE c.conrelid={class:public.order_items} ORDER BY c.oid;
SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,dsc.description,pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr,pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index i INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid WHERE i.indrelid={class:public.orders} ORDER BY c.relname;
select c.oid,pg_catalog.pg_total_relation_size(c.oid) > 0 as total_rel_size,pg_catalog.pg_relation_size(c.oid) > 0 as rel_size FROM pg_class c WHERE c.relnamespace={namespace:hr} ORDER BY 1;
SELECT DISTINCT dep.deptype, dep.classid, dep.objid IS NULL, cl.relkind, attr.attname, pg_get_expr(ad.adbin, ad.adrelid) adefval, CASE WHEN cl.relkind IS NOT NULL THEN cl.relkind::text || COALESCE(dep.objsubid::text, '') WHEN tg.oid IS NOT NULL THEN 'T'::text WHEN ty.oid IS NOT NULL THEN 'y'::text WHEN ns.oid IS NOT NULL THEN 'n'::text WHEN pr.oid IS NOT NULL THEN 'p'::text WHEN la.oid IS NOT NULL THEN 'l'::text WHEN rw.oid IS NOT NULL THEN 'R'::text WHEN co.oid IS NOT NULL THEN 'C'::text || contype::text WHEN ad.oid IS NOT NULL THEN 'A'::text ELSE '' END AS type, COALESCE(coc.relname, clrw.relname, tgr.relname, ad.adrelid::regclass::text) AS ownertable FROM pg_depend dep LEFT JOIN pg_class cl ON dep.objid=cl.oid LEFT JOIN pg_attribute attr ON dep.objid=attr.attrelid AND dep.objsubid=attr.attnum LEFT JOIN pg_proc pr ON dep.objid=pr.oid LEFT JOIN pg_trigger tg ON dep.objid=tg.oid LEFT JOIN pg_class tgr ON tg.tgrelid=tgr.oid LEFT JOIN pg_type ty ON dep.objid=ty.oid LEFT JOIN pg_namespace ns ON dep.objid=ns.oid LEFT JOIN pg_constraint co ON dep.objid=co.oid LEFT JOIN pg_class coc ON co.conrelid=coc.oid LEFT JOIN pg_rewrite rw ON dep.objid=rw.oid LEFT JOIN pg_class clrw ON clrw.oid=rw.ev_class LEFT JOIN pg_language la ON dep.objid=la.oid LEFT JOIN pg_attrdef ad ON ad.oid=dep.objid WHERE dep.refobjid={class:public.products} AND (cl.relkind IS NULL OR cl.relkind <> 't') ORDER BY type, 2, ownertable, attname;

-- session: datagrip introspection
select case when pg_catalog.pg_is_in_recovery() then null else pg_catalog.txid_current() > 0 end as current_txid;
select N.oid::bigint as id, N.nspname as name, D.description as description, pg_catalog.pg_get_userbyid(N.nspowner) as "owner" from pg_catalog.pg_namespace N left join pg_catalog.pg_description D on N.oid = D.objoid where N.nspname not like 'pg\_t%' and N.nspname <> 'scratch' order by case when N.nspname = pg_catalog.current_schema() then -1::bigint else N.oid::bigint end;
select T.oid as table_id, T.relname as table_name, T.relkind as table_kind, pg_catalog.array_to_string(T.reloptions, ', ') as options, T.relpersistence = 'u' as unlogged, (select pg_catalog.array_agg(inhparent::bigint order by inhseqno)::varchar from pg_catalog.pg_inherits where T.oid = inhrelid) as ancestors, pg_catalog.pg_get_partkeydef(T.oid) as partition_key, pg_catalog.pg_get_expr(T.relpartbound, T.oid) as partition_expression, pg_catalog.pg_get_userbyid(T.relowner) as "owner" from pg_catalog.pg_class T where relnamespace = {namespace:public}::oid and relkind in ('r', 'm', 'v', 'f', 'p') order by table_kind, table_id;
with T as (select distinct T.oid as table_id, T.relname as table_name from pg_catalog.pg_class T, pg_catalog.pg_attribute A where T.relnamespace = {namespace:public}::oid and T.relkind in ('r', 'm', 'v', 'f', 'p') and A.attrelid = T.oid) select T.table_id, C.attnum as column_position, C.attname as column_name, C.atttypmod as type_mod, C.attndims as dimensions_number, pg_catalog.format_type(C.atttypid, C.atttypmod) as type_spec, C.atttypid as type_id, C.attnotnull as mandatory, pg_catalog.pg_get_expr(D.adbin, T.table_id) as column_default_expression, not C.attislocal as column_is_inherited, C.attisdropped as column_is_dropped, C.attidentity as identity_kind, C.attgenerated as generated from T join pg_catalog.pg_attribute C on T.table_id = C.attrelid left join pg_catalog.pg_attrdef D on (C.attrelid, C.attnum) = (D.adrelid, D.adnum) where attnum > 0 order by table_id, attnum;
select T.oid table_id, relkind table_kind, C.oid::bigint con_id, conname con_name, contype con_kind, conkey con_columns, conindid index_id, confrelid ref_table_id, condeferrable is_deferrable, condeferred is_init_deferred, confupdtype on_update, confdeltype on_delete, pg_catalog.pg_get_expr(conbin, T.oid) con_expression, confkey ref_columns, conexclop::int[] excl_operators from pg_catalog.pg_constraint C join pg_catalog.pg_class T on C.conrelid = T.oid where relkind in ('r', 'v', 'f', 'p') and relnamespace = {namespace:public}::oid and contype in ('p', 'u', 'f', 'c', 'x') and connamespace = {namespace:public}::oid order by 3;
with languages as (select oid as lang_oid, lanname as lang from pg_catalog.pg_language), routines as (select proname as r_name, prolang as lang_oid, oid as r_id, proargnames as arg_names, proargmodes as arg_modes, proargtypes::int[] as in_arg_types, proallargtypes::int[] as all_arg_types, pg_catalog.pg_get_expr(proargdefaults, 0) as arg_defaults, provariadic as arg_variadic_id, prorettype as ret_type_id, proretset as ret_set, prokind as kind, provolatile as volatile_kind, proisstrict as is_strict, prosecdef as is_security_definer, proconfig as configuration_parameters, procost as cost, pg_catalog.pg_get_userbyid(proowner) as "owner", prorows as rows from pg_catalog.pg_proc where pronamespace = {namespace:public}::oid and not exists (select 1 from pg_depend e where e.objid = pg_proc.oid and e.deptype = 'e')) select * from routines natural join languages order by r_id;
select T.relkind as view_kind, T.oid as view_id, pg_catalog.pg_get_viewdef(T.oid, true) as source_text from pg_catalog.pg_class T join pg_catalog.pg_namespace N on T.relnamespace = N.oid where N.oid = {namespace:public}::oid and T.relkind in ('m','v') order by 2;

-- session: prisma introspection
SELECT EXISTS(SELECT 1 FROM pg_namespace WHERE nspname = 'public'), version(), current_setting('server_version_num')::integer as numeric_version;
SELECT namespace.nspname as schema_name FROM pg_namespace AS namespace WHERE namespace.nspname <> 'scratch' AND namespace.nspname !~ '^pg_(toast_)?temp' ORDER BY namespace.nspname;
-- params: {public,hr}
SELECT tbl.relname AS table_name, namespace.nspname as namespace, (tbl.relhassubclass and tbl.relkind = 'p') as is_partition, (tbl.relhassubclass and tbl.relkind = 'r') as has_subclass, tbl.relrowsecurity as has_row_level_security, reloptions, obj_description(tbl.oid, 'pg_class') as description FROM pg_class AS tbl INNER JOIN pg_namespace AS namespace ON namespace.oid = tbl.relnamespace WHERE tbl.relkind in ('r', 'p') AND namespace.nspname = ANY ($1::text[]) AND tbl.relispartition = 'f' ORDER BY namespace, table_name;
-- params: {public,hr}
SELECT oid.namespace, info.table_name, info.column_name, format_type(att.atttypid, att.atttypmod) as formatted_type, info.numeric_precision, info.numeric_scale, info.numeric_precision_radix, info.datetime_precision, info.data_type, info.udt_schema as type_schema_name, info.udt_name as full_data_type, pg_get_expr(attdef.adbin, attdef.adrelid) AS column_default, info.is_nullable, info.is_identity, info.character_maximum_length, col_description(att.attrelid, ordinal_position) AS description FROM information_schema.columns info JOIN pg_attribute att ON att.attname = info.column_name JOIN (SELECT pg_class.oid, relname, pg_namespace.nspname as namespace FROM pg_class JOIN pg_namespace on pg_namespace.oid = pg_class.relnamespace AND pg_namespace.nspname = ANY ( $1 )  WHERE reltype > 0) as oid on oid.oid = att.attrelid AND relname = info.table_name AND namespace = info.table_schema LEFT OUTER JOIN pg_attrdef attdef ON attdef.adrelid = att.attrelid AND attdef.adnum = att.attnum AND table_schema = namespace WHERE table_schema = ANY ( $1 ) ORDER BY namespace, table_name, ordinal_position;
-- params: {public,hr}
WITH rawindex AS (SELECT indrelid, indexrelid, indisunique, indisprimary, unnest(indkey) AS indkeyid, generate_subscripts(indkey, 1) AS indkeyidx, unnest(indclass) AS indclass, unnest(indoption) AS indoption FROM pg_index WHERE indpred IS NULL AND NOT indisexclusion) SELECT schemainfo.nspname AS namespace, indexinfo.relname AS index_name, tableinfo.relname AS table_name, columninfo.attname AS column_name, rawindex.indisunique AS is_unique, rawindex.indisprimary AS is_primary_key, rawindex.indkeyidx AS column_index, opclass.opcname AS opclass, opclass.opcdefault AS opcdefault, indexaccess.amname AS index_algo, CASE rawindex.indoption & 1 WHEN 1 THEN 'DESC' ELSE 'ASC' END AS column_order, CASE rawindex.indoption & 2 WHEN 2 THEN true ELSE false END AS nulls_first, pc.condeferrable AS condeferrable, pc.condeferred AS condeferred FROM rawindex INNER JOIN pg_class AS tableinfo ON tableinfo.oid = rawindex.indrelid INNER JOIN pg_class AS indexinfo ON indexinfo.oid = rawindex.indexrelid INNER JOIN pg_namespace AS schemainfo ON schemainfo.oid = tableinfo.relnamespace LEFT JOIN pg_attribute AS columninfo ON columninfo.attrelid = tableinfo.oid AND columninfo.attnum = rawindex.indkeyid INNER JOIN pg_am AS indexaccess ON indexaccess.oid = indexinfo.relam LEFT JOIN pg_opclass AS opclass ON opclass.oid = rawindex.indclass LEFT JOIN pg_constraint pc ON rawindex.indexrelid = pc.conindid AND pc.contype <> 'f' WHERE schemainfo.nspname = ANY ( $1 ) ORDER BY namespace, table_name, index_name, column_index;
-- params: {public,hr}
SELECT con.oid AS "con_id", att2.attname AS "child_column", cl.relname AS "parent_table", att.attname AS "parent_column", con.confdeltype, con.confupdtype, rel_ns.nspname as "referenced_schema_name", conname AS constraint_name, child, parent, table_name, namespace, con.condeferrable, con.condeferred FROM (SELECT ns.nspname AS "namespace", unnest(con1.conkey) AS "parent", unnest(con1.confkey) AS "child", cl.relname AS table_name, ns.nspname AS schema_name, generate_subscripts(con1.conkey, 1) AS colidx, con1.oid, con1.confrelid, con1.conrelid, con1.conname, con1.confdeltype, con1.confupdtype, con1.condeferrable, con1.condeferred FROM pg_class cl join pg_constraint con1 on con1.conrelid = cl.oid join pg_namespace ns on cl.relnamespace = ns.oid WHERE ns.nspname = ANY ( $1 ) AND con1.contype = 'f' ORDER BY colidx) con JOIN pg_attribute att on att.attrelid = con.confrelid AND att.attnum = con.child JOIN pg_class cl on cl.oid = con.confrelid JOIN pg_attribute att2 on att2.attrelid = con.conrelid AND att2.attnum = con.parent JOIN pg_class rel_cl on rel_cl.oid = con.confrelid JOIN pg_namespace rel_ns on rel_ns.oid = rel_cl.relnamespace ORDER BY con_id, con.colidx;
-- params: {public}
SELECT t.typname as name, e.enumlabel as value, n.nspname as namespace, obj_description(t.oid, 'pg_type') as description FROM pg_type t JOIN pg_enum e ON t.oid = e.enumtypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ANY ( $1 ) ORDER BY e.enumsortorder;
-- params: {public}
SELECT views.viewname AS view_name, views.definition AS view_sql, views.schemaname AS namespace, obj_description(class.oid, 'pg_class') AS description FROM pg_catalog.pg_views views INNER JOIN pg_catalog.pg_namespace ns ON views.schemaname = ns.nspname INNER JOIN pg_catalog.pg_class class ON class.relnamespace = ns.oid AND class.relname = views.viewname WHERE schemaname = ANY ( $1 ) ORDER BY 1;
-- params: {public}
SELECT p.proname AS name, n.nspname AS namespace, CASE WHEN l.lanname = 'internal' THEN p.prosrc ELSE pg_get_functiondef(p.oid) END as definition FROM pg_proc p LEFT JOIN pg_namespace n ON p.pronamespace = n.oid LEFT JOIN pg_language l ON p.prolang = l.oid WHERE n.nspname = ANY ( $1 ) AND p.prokind <> 'a' AND l.lanname <> 'c' ORDER BY 1;

-- session: prisma client
-- params: 1 | 0
SELECT "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."status"::text, "public"."orders"."placed_at" FROM "public"."orders" WHERE "public"."orders"."customer_id" = $1 ORDER BY "public"."orders"."id" ASC OFFSET $2;
-- params: 1 | 2 | 0
SELECT "public"."customers"."id", "public"."customers"."full_name", "public"."customers"."email", "public"."customers"."country" FROM "public"."customers" WHERE "public"."customers"."id" IN ($1,$2) OFFSET $3;
-- params: DE
SELECT COUNT(*) FROM (SELECT "public"."customers"."id" FROM "public"."customers" WHERE "public"."customers"."country" = $1 OFFSET 0) AS "sub";
-- params: silver | 3
UPDATE "public"."customers" SET "segment" = $1 WHERE ("public"."customers"."id" = $2 AND 1=1) RETURNING "public"."customers"."id", "public"."customers"."segment";

-- session: prisma client with relation joins
-- ways: simple
-- masked: customer
SELECT "t0"."id", "t0"."status"::text, "orders_customer"."__prisma_data__" AS "customer" FROM "public"."orders" AS "t0" LEFT JOIN LATERAL (SELECT JSONB_BUILD_OBJECT('id', "t1"."id", 'full_name', "t1"."full_name", 'country', "t1"."country") AS "__prisma_data__" FROM (SELECT "t2".* FROM "public"."customers" AS "t2" WHERE "t0"."customer_id" = "t2"."id" LIMIT 1) AS "t1") AS "orders_customer" ON TRUE ORDER BY "t0"."id" LIMIT 5;

-- session: activerecord connect
SET client_min_messages TO 'warning';
SET standard_conforming_strings = on;
SET SESSION timezone TO 'UTC';
SET intervalstyle = iso_8601;
SELECT t.oid, t.typname FROM pg_type as t WHERE t.typname IN ('int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric', 'bool', 'timestamp', 'timestamptz') ORDER BY 1;
SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype FROM pg_type as t LEFT JOIN pg_range as r ON oid = rngtypid WHERE t.typname IN ('int2', 'int4', 'text', 'varchar', 'bpchar', 'json', 'jsonb', 'uuid', 'order_status', 'money_amount') OR t.typtype IN ('r', 'e', 'd') OR (t.typinput::varchar = 'array_in(cstring,oid,integer)' AND t.typelem < 1000) ORDER BY 1;
SHOW max_identifier_length;
SELECT pg_try_advisory_lock(2784357231);
SELECT pg_advisory_unlock(2784357231);

-- session: activerecord schema
SELECT c.relname FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r','v','m','p','f') ORDER BY 1;
SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.atttypid, a.atttypmod, c.collname, col_description(a.attrelid, a.attnum) AS comment, attidentity AS identity, attgenerated as attgenerated FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum LEFT JOIN pg_type t ON a.atttypid = t.oid LEFT JOIN pg_collation c ON a.attcollation = c.oid AND a.attcollation <> t.typcollation WHERE a.attrelid = '"customers"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;
SELECT a.attname FROM (SELECT indrelid, indkey, generate_subscripts(indkey, 1) idx FROM pg_index WHERE indrelid = '"order_items"'::regclass AND indisprimary) i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[i.idx] ORDER BY i.idx;
SELECT distinct i.relname, d.indisunique, d.indkey, pg_get_indexdef(d.indexrelid), pg_catalog.obj_description(i.oid, 'pg_class') AS comment, d.indisvalid FROM pg_class t INNER JOIN pg_index d ON t.oid = d.indrelid INNER JOIN pg_class i ON d.indexrelid = i.oid LEFT JOIN pg_namespace n ON n.oid = t.relnamespace WHERE i.relkind IN ('i', 'I') AND d.indisprimary = 'f' AND t.relname = 'orders' AND n.nspname = ANY (current_schemas(false)) ORDER BY i.relname;
SELECT t2.oid::regclass::text AS to_table, a1.attname AS column, a2.attname AS primary_key, c.conname AS name, c.confupdtype AS on_update, c.confdeltype AS on_delete, c.convalidated AS valid, c.condeferrable AS deferrable, c.condeferred AS deferred, c.conkey, c.confkey, c.conrelid, c.confrelid FROM pg_constraint c JOIN pg_class t1 ON c.conrelid = t1.oid JOIN pg_class t2 ON c.confrelid = t2.oid JOIN pg_attribute a1 ON a1.attnum = c.conkey[1] AND a1.attrelid = t1.oid JOIN pg_attribute a2 ON a2.attnum = c.confkey[1] AND a2.attrelid = t2.oid JOIN pg_namespace t3 ON c.connamespace = t3.oid WHERE c.contype = 'f' AND t1.relname = 'order_items' AND t3.nspname = ANY (current_schemas(false)) ORDER BY c.conname;
SELECT type.typname AS name, type.OID AS oid, n.nspname AS schema, array_agg(enum.enumlabel ORDER BY enum.enumsortorder) AS value FROM pg_enum AS enum JOIN pg_type AS type ON (type.oid = enum.enumtypid) JOIN pg_namespace n ON type.typnamespace = n.oid WHERE n.nspname = ANY (current_schemas(false)) GROUP BY type.OID, n.nspname, type.typname;
SELECT conname, pg_get_constraintdef(c.oid, true) AS constraintdef, c.convalidated AS valid FROM pg_constraint c JOIN pg_class t ON c.conrelid = t.oid JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.contype = 'c' AND t.relname = 'customers' AND n.nspname = ANY (current_schemas(false)) ORDER BY 1;

-- session: activerecord models
SELECT "customers".* FROM "customers" WHERE "customers"."id" = 3 LIMIT 1;
SELECT "customers"."id" AS t0_r0, "customers"."full_name" AS t0_r1, "customers"."email" AS t0_r2, "orders"."id" AS t1_r0, "orders"."status" AS t1_r1 FROM "customers" LEFT OUTER JOIN "orders" ON "orders"."customer_id" = "customers"."id" WHERE "customers"."country" = 'DE' ORDER BY "customers"."id", "orders"."id";
SELECT 1 AS one FROM "orders" WHERE "orders"."customer_id" = 3 LIMIT 1;
SELECT COUNT(*) AS "count_all", "orders"."status" AS "orders_status" FROM "orders" GROUP BY "orders"."status" ORDER BY 2;
BEGIN;
SAVEPOINT active_record_1;
INSERT INTO "audit_log" ("what", "ref") VALUES ('x', 'y') RETURNING "id";
RELEASE SAVEPOINT active_record_1;
UPDATE "job_queue" SET "state" = 'done' WHERE "job_queue"."id" = 3;
ROLLBACK;

-- session: hasura and postgraphile json
-- ways: simple
SELECT coalesce(json_agg("root" ORDER BY "root.pg.id" ASC NULLS LAST), '[]') AS "root" FROM (SELECT row_to_json((SELECT "_1_e" FROM (SELECT "_0_root.base"."id" AS "id", "_0_root.base"."sku" AS "sku", "_0_root.base"."price" AS "price") AS "_1_e")) AS "root", "_0_root.base"."id" AS "root.pg.id" FROM (SELECT * FROM "public"."products" WHERE ('true') ORDER BY "id" ASC NULLS LAST LIMIT 3) AS "_0_root.base" ORDER BY "root.pg.id" ASC NULLS LAST) AS "_2_root";
SELECT json_build_object('data', (SELECT json_agg(json_build_object('id', o.id, 'status', o.status, 'items', (SELECT json_agg(json_build_object('product', i.product_id, 'quantity', i.quantity) ORDER BY i.line) FROM order_items i WHERE i.order_id = o.id))) FROM (SELECT * FROM orders ORDER BY id LIMIT 3) o));

-- session: grafana
SELECT quote_ident(table_name) FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog') AND table_type = 'BASE TABLE' AND quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(array_lower(string_to_array(current_setting('search_path'),','),1), array_upper(string_to_array(current_setting('search_path'),','),1)) as i, string_to_array(current_setting('search_path'),',') s) ORDER BY 1;
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns WHERE quote_ident(table_name) = 'events' ORDER BY 1;
SELECT floor(extract(epoch from at)/86400)*86400 AS "time", kind AS metric, count(*) AS value FROM events WHERE at BETWEEN '2024-01-01T00:00:00Z' AND '2024-01-10T00:00:00Z' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT at AS "time", (payload->>'ms')::float AS ms FROM events WHERE at < '2024-01-04' ORDER BY 1;

-- session: superset
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'scratch' ORDER BY nspname;
SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm']) AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog' ORDER BY 1;
SELECT full_name AS full_name, country AS country, count(*) OVER () AS n FROM public.customers ORDER BY id LIMIT 1001;
SELECT country AS country, COUNT(*) AS count FROM (SELECT * FROM customers WHERE created_at >= TO_TIMESTAMP('2023-02-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')) AS virtual_table GROUP BY country ORDER BY count DESC, country LIMIT 1000;

-- session: dbt
BEGIN;
select distinct nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'scratch' order by 1;
select 'lab' as database, tablename as name, schemaname as schema, 'table' as type from pg_tables where schemaname ilike 'public' union all select 'lab' as database, viewname as name, schemaname as schema, 'view' as type from pg_views where schemaname ilike 'public' union all select 'lab' as database, matviewname as name, schemaname as schema, 'materialized_view' as type from pg_matviews where schemaname ilike 'public' order by 2;
with relation as (select pg_class.oid as id, relname, relkind, relnamespace from pg_class), dependency as (select distinct pg_depend.objid as id, pg_depend.refobjid as ref from pg_depend) select dependent_namespace.nspname, dependent.relname, referenced_namespace.nspname, referenced.relname from dependency join pg_rewrite r on dependency.id = r.oid join relation dependent on dependent.id = r.ev_class join relation referenced on referenced.id = dependency.ref and referenced.id <> dependent.id join pg_namespace dependent_namespace on dependent_namespace.oid = dependent.relnamespace join pg_namespace referenced_namespace on referenced_namespace.oid = referenced.relnamespace where dependent_namespace.nspname = 'public' order by 2, 4;
select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale from "lab".INFORMATION_SCHEMA.columns where table_name = 'orders' and table_schema = 'public' order by ordinal_position;
ROLLBACK;

-- session: dbt builds a table
create table "scratch"."orders_by_country__dbt_tmp" as (select c.country, count(*) as n from orders o join customers c on c.id = o.customer_id group by 1);
select * from scratch.orders_by_country__dbt_tmp order by country;
create view "scratch"."v__dbt_tmp" as (select id, status from orders);
select count(*) from scratch.v__dbt_tmp;

-- session: sequelize
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type LIKE '%TABLE' AND table_name != 'spatial_ref_sys' ORDER BY 1;
SELECT pk.constraint_type as "Constraint", c.column_name as "Field", c.column_default as "Default",c.is_nullable as "Null", (CASE WHEN c.udt_name = 'hstore' THEN c.udt_name ELSE c.data_type END) || (CASE WHEN c.character_maximum_length IS NOT NULL THEN '(' || c.character_maximum_length || ')' ELSE '' END) as "Type", (SELECT array_agg(e.enumlabel) FROM pg_catalog.pg_type t JOIN pg_catalog.pg_enum e ON t.oid=e.enumtypid WHERE t.typname=c.udt_name) AS "special", (SELECT pgd.description FROM pg_catalog.pg_statio_all_tables AS st INNER JOIN pg_catalog.pg_description pgd on (pgd.objoid=st.relid) WHERE c.ordinal_position=pgd.objsubid AND c.table_name=st.relname) AS "Comment" FROM information_schema.columns c LEFT JOIN (SELECT tc.table_schema, tc.table_name, cu.column_name, tc.constraint_type FROM information_schema.TABLE_CONSTRAINTS tc JOIN information_schema.KEY_COLUMN_USAGE cu ON tc.table_schema=cu.table_schema and tc.table_name=cu.table_name and tc.constraint_name=cu.constraint_name and tc.constraint_type='PRIMARY KEY') pk ON pk.table_schema=c.table_schema AND pk.table_name=c.table_name AND pk.column_name=c.column_name WHERE c.table_name = 'orders' AND c.table_schema = 'public' ORDER BY c.ordinal_position;
SELECT i.relname AS name, ix.indisprimary AS primary, ix.indisunique AS unique, ix.indkey AS indkey, array_agg(a.attnum ORDER BY a.attnum) as column_indexes, array_agg(a.attname ORDER BY a.attnum) AS column_names, pg_get_indexdef(ix.indexrelid) AS definition FROM pg_class t, pg_class i, pg_index ix, pg_attribute a WHERE t.oid = ix.indrelid AND i.oid = ix.indexrelid AND a.attrelid = t.oid AND t.relkind = 'r' and t.relname = 'orders' GROUP BY i.relname, ix.indexrelid, ix.indisprimary, ix.indisunique, ix.indkey ORDER BY i.relname;
SELECT "Customer"."id", "Customer"."full_name" AS "fullName", "Customer"."country", "Orders"."id" AS "Orders.id" FROM "customers" AS "Customer" LEFT OUTER JOIN "orders" AS "Orders" ON "Customer"."id" = "Orders"."customer_id" WHERE "Customer"."id" IN (1, 2, 3) ORDER BY "Customer"."id", "Orders"."id";
SELECT count(*) AS "count" FROM "customers" AS "Customer" WHERE "Customer"."newsletter" = true;

-- session: typeorm
SELECT * FROM current_schema();
SELECT * FROM current_database();
SELECT columns.*, pg_catalog.col_description(('"' || table_catalog || '"."' || table_schema || '"."' || table_name || '"')::regclass::oid, ordinal_position) AS description, ('"' || "udt_schema" || '"."' || "udt_name" || '"')::"regtype" AS "regtype", pg_catalog.format_type("col_attr"."atttypid", "col_attr"."atttypmod") AS "format_type" FROM "information_schema"."columns" LEFT JOIN "pg_catalog"."pg_attribute" AS "col_attr" ON "col_attr"."attname" = "columns"."column_name" AND "col_attr"."attrelid" = (SELECT "cls"."oid" FROM "pg_catalog"."pg_class" AS "cls" LEFT JOIN "pg_catalog"."pg_namespace" AS "ns" ON "ns"."oid" = "cls"."relnamespace" WHERE "cls"."relname" = "columns"."table_name" AND "ns"."nspname" = "columns"."table_schema") WHERE ("table_schema" = 'public' AND "table_name" = 'orders') ORDER BY ordinal_position;
SELECT DISTINCT "distinctAlias"."Order_id" AS "ids_Order_id" FROM (SELECT "Order"."id" AS "Order_id", "Order"."status" AS "Order_status", "Customer"."email" AS "Customer_email" FROM "orders" "Order" LEFT JOIN "customers" "Customer" ON "Customer"."id"="Order"."customer_id") "distinctAlias" ORDER BY "Order_id" ASC LIMIT 5;

-- session: gorm and sqlx
-- params: orders | BASE TABLE
SELECT count(*) FROM information_schema.tables WHERE table_schema = CURRENT_SCHEMA() AND table_name = $1 AND table_type = $2;
SELECT c.column_name, c.is_nullable = 'YES', c.udt_name, c.character_maximum_length, c.numeric_precision, c.numeric_precision_radix, c.numeric_scale, c.datetime_precision, 8 * typlen, c.column_default, pd.description, c.identity_increment FROM information_schema.columns AS c JOIN pg_type AS pgt ON c.udt_name = pgt.typname LEFT JOIN pg_catalog.pg_description as pd ON pd.objsubid = c.ordinal_position AND pd.objoid = (SELECT oid FROM pg_catalog.pg_class WHERE relname = c.table_name AND relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = c.table_schema)) where table_catalog = current_database() AND table_schema = 'public' AND table_name = 'orders' ORDER BY c.ordinal_position;
-- params: 2
SELECT * FROM "customers" WHERE "customers"."id" = $1 ORDER BY "customers"."id" LIMIT 1;
SELECT typname, typtype, typcategory, typrelid, typelem, typbasetype FROM pg_catalog.pg_type WHERE oid = {type:public.order_status};

-- session: pgbench
BEGIN;
UPDATE counters SET n = n + 5 WHERE name = 'visits';
SELECT n FROM counters WHERE name = 'visits';
INSERT INTO audit_log (what, ref, at) VALUES ('bench', '1', CURRENT_TIMESTAMP);
END;
select count(*) from pg_class where relname = 'pgbench_branches';
vacuum counters;
truncate audit_log;

-- session: psycopg server side cursors
BEGIN;
DECLARE "named_cur" SCROLL CURSOR WITHOUT HOLD FOR SELECT id, status FROM orders ORDER BY id;
FETCH FORWARD 3 FROM "named_cur";
MOVE FORWARD 2 FROM "named_cur";
FETCH FORWARD 2 FROM "named_cur";
FETCH BACKWARD 1 FROM "named_cur";
MOVE ABSOLUTE 10 FROM "named_cur";
FETCH FORWARD ALL FROM "named_cur";
CLOSE "named_cur";
DECLARE c2 NO SCROLL CURSOR WITH HOLD FOR SELECT id, full_name, country FROM customers ORDER BY id LIMIT 4;
COMMIT;
FETCH FORWARD 2 FROM c2;
FETCH 10 IN c2;
CLOSE c2;

-- session: psycopg and asyncpg types
SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter FROM pg_type t WHERE t.oid = to_regtype('hstore') ORDER BY t.oid;
-- params: {order_status}
SELECT t.oid, ns.nspname AS ns, t.typname AS name, t.typtype AS kind, (CASE WHEN t.typtype = 'd' THEN (SELECT typname FROM pg_type WHERE oid = t.typbasetype) END) AS basetype, t.typelem, (SELECT array_agg(ia.attname::text ORDER BY ia.attnum) FROM pg_attribute ia INNER JOIN pg_class c ON (ia.attrelid = c.oid) WHERE ia.attnum > 0 AND NOT ia.attisdropped AND c.reltype = t.oid) AS attrnames FROM pg_catalog.pg_type AS t INNER JOIN pg_catalog.pg_namespace ns ON (ns.oid = t.typnamespace) WHERE t.typname = ANY ($1::text[]) ORDER BY 1;

-- session: copy of clean tables with all options
COPY categories TO STDOUT;
COPY categories (id, name) TO STDOUT (FORMAT csv, HEADER, DELIMITER ';', QUOTE '''', FORCE_QUOTE (name));
COPY (SELECT id, name FROM categories ORDER BY id) TO STDOUT WITH (FORMAT csv, NULL 'none', FORCE_QUOTE *);
COPY (SELECT id, status, note FROM orders ORDER BY id LIMIT 5) TO STDOUT WITH CSV HEADER NULL AS '';
COPY order_items TO STDOUT (FORMAT binary);
COPY (SELECT 1 AS a, 'x' AS b) TO STDOUT (DELIMITER '|', NULL 'n');
COPY (VALUES (1, 'a'), (2, 'b,c')) TO STDOUT CSV;
COPY (SELECT c.country, count(*) FROM customers c GROUP BY 1 ORDER BY 1) TO STDOUT WITH (FORMAT csv, HEADER true, ENCODING 'UTF8');

-- session: listen and notify of a worker
LISTEN jobs;
NOTIFY jobs, 'x';
SELECT pg_listening_channels();
UNLISTEN jobs;
LISTEN "Mixed";
UNLISTEN *;

-- session: savepoints of a worker
BEGIN;
SAVEPOINT a;
INSERT INTO counters (name, n) VALUES ('x', 1);
SAVEPOINT b;
INSERT INTO counters (name, n) VALUES ('x', 2);
ROLLBACK TO SAVEPOINT b;
SELECT name, n FROM counters WHERE name = 'x';
RELEASE SAVEPOINT a;
SELECT count(*) FROM counters;
COMMIT AND CHAIN;
SELECT count(*) FROM counters;
ROLLBACK;

-- session: pg_stat views
SELECT relname, seq_scan IS NULL, n_live_tup IS NULL, last_vacuum IS NULL, last_analyze IS NULL FROM pg_stat_user_tables WHERE schemaname = 'hr' ORDER BY relname;
SELECT schemaname, relname, indexrelname, idx_scan IS NULL FROM pg_stat_user_indexes WHERE schemaname = 'public' ORDER BY 1, 2, 3;
SELECT datname, numbackends > 0, xact_commit > 0, blks_hit > 0, deadlocks FROM pg_stat_database WHERE datname = current_database();
SELECT relname, heap_blks_read IS NULL FROM pg_statio_user_tables WHERE schemaname = 'public' ORDER BY 1;
SELECT checkpoints_timed IS NULL FROM pg_stat_bgwriter;
SELECT pid = pg_backend_pid() AS me, state, usename FROM pg_stat_activity WHERE pid = pg_backend_pid();
SELECT wait_event_type, count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid = pg_backend_pid() GROUP BY 1;
SELECT locktype, mode, granted FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'virtualxid';
SELECT count(*) >= 0 FROM pg_stat_progress_vacuum;
SELECT archived_count FROM pg_stat_archiver;
SELECT count(*) FROM pg_stat_replication;
SELECT relname, pg_size_pretty(pg_total_relation_size(relid)) <> '' FROM pg_catalog.pg_statio_user_tables WHERE schemaname = 'hr' ORDER BY relname;
SELECT sum(blks_hit) * 100 / nullif(sum(blks_hit) + sum(blks_read), 0) > 0 AS hit_ratio FROM pg_stat_database;

-- session: bloat and unused indexes
SELECT s.schemaname, s.relname AS tablename, s.indexrelname AS indexname, pg_relation_size(s.indexrelid) > 0 AS sized, i.indisunique FROM pg_catalog.pg_stat_user_indexes s JOIN pg_catalog.pg_index i ON s.indexrelid = i.indexrelid WHERE 0 <> ALL (i.indkey) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint c WHERE c.conindid = s.indexrelid) ORDER BY 1, 2, 3;
SELECT n.nspname, c.relname, c.reltuples >= 0 AS counted, c.relpages >= 0 AS pages, age(c.relfrozenxid) > 0 AS aged FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY 2;
SELECT c.conrelid::regclass AS "table", string_agg(a.attname, ',' ORDER BY x.n) AS columns, pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(c.conrelid)) <> '' AS size, c.conname AS constraint, c.confrelid::regclass AS referenced_table FROM pg_catalog.pg_constraint c CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS x(attnum, n) JOIN pg_catalog.pg_attribute a ON a.attnum = x.attnum AND a.attrelid = c.conrelid WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL AND (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] OPERATOR (pg_catalog.@>) c.conkey) AND c.contype = 'f' GROUP BY c.conrelid, c.conname, c.confrelid ORDER BY 1, 4;

-- session: information schema
SELECT table_schema, table_name, table_type, is_insertable_into FROM information_schema.tables WHERE table_schema IN ('public', 'hr') ORDER BY 1, 2;
SELECT column_name, data_type, is_nullable, column_default, character_maximum_length, numeric_precision, identity_generation, is_generated FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'customers' ORDER BY ordinal_position;
SELECT tc.constraint_name, tc.constraint_type, kcu.column_name, ccu.table_name AS foreign_table, ccu.column_name AS foreign_column FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu ON kcu.constraint_name = tc.constraint_name AND kcu.table_schema = tc.table_schema LEFT JOIN information_schema.constraint_column_usage ccu ON ccu.constraint_name = tc.constraint_name WHERE tc.table_schema = 'public' AND tc.table_name = 'orders' ORDER BY 1, 3, 5;
SELECT rc.constraint_name, rc.match_option, rc.update_rule, rc.delete_rule FROM information_schema.referential_constraints rc WHERE rc.constraint_schema = 'public' ORDER BY 1;
SELECT routine_name, routine_type, data_type, external_language FROM information_schema.routines WHERE routine_schema = 'public' AND routine_name IN ('tax', 'touch', 'fiscal_year') ORDER BY 1;
SELECT trigger_name, event_manipulation, event_object_table, action_timing FROM information_schema.triggers ORDER BY 1, 2;
SELECT table_name, view_definition, is_updatable FROM information_schema.views WHERE table_schema = 'public' ORDER BY 1;
SELECT check_clause FROM information_schema.check_constraints WHERE constraint_schema = 'public' AND check_clause LIKE '%segment%';
SELECT sequence_name, data_type, start_value, increment FROM information_schema.sequences WHERE sequence_schema = 'public' ORDER BY 1;
SELECT grantee, privilege_type FROM information_schema.role_table_grants WHERE table_name = 'orders' AND grantee = 'pgveil_agent' ORDER BY 2;
SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT LIKE 'pg%' ORDER BY 1;
SELECT domain_name, data_type, numeric_precision FROM information_schema.domains WHERE domain_schema = 'public';
SELECT table_name, column_name, udt_name FROM information_schema.column_udt_usage WHERE udt_schema = 'public' ORDER BY 1, 2;

-- session: partitions
SELECT relid::regclass, parentrelid::regclass, isleaf, level FROM pg_partition_tree('events') ORDER BY 1;
SELECT inhrelid::regclass AS child, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE inhparent = 'events'::regclass ORDER BY 1;
SELECT partattrs, partstrat, pg_get_partkeydef('events'::regclass) FROM pg_partitioned_table WHERE partrelid = 'events'::regclass;
SELECT pg_partition_root('events_2024_01'), pg_partition_ancestors('events_2024_01');
SELECT tableoid::regclass, count(*) FROM events GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM ONLY events;
SELECT count(*) FROM events_2024_02 WHERE kind = 'buy';

-- session: mcp postgres queries
BEGIN TRANSACTION READ ONLY;
SELECT table_name, table_schema FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1;
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'customers' ORDER BY ordinal_position;
SELECT count(*) AS total_customers, count(*) FILTER (WHERE newsletter) AS subscribed, round(100.0 * count(*) FILTER (WHERE newsletter) / count(*), 1) AS pct FROM customers;
SELECT id, full_name, email, country, created_at FROM customers ORDER BY created_at DESC LIMIT 5;
SELECT * FROM orders WHERE status = 'new' ORDER BY placed_at DESC LIMIT 5;
SELECT c.full_name, o.id, o.status, sum(i.quantity * i.unit_price) AS total FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_items i ON i.order_id = o.id WHERE o.status = 'paid' GROUP BY c.id, o.id ORDER BY total DESC, o.id LIMIT 10;
ROLLBACK;

-- session: crystaldba postgres-mcp
SELECT schema_name, schema_owner, CASE WHEN schema_name LIKE 'pg_%' THEN 'System Schema' WHEN schema_name = 'information_schema' THEN 'System Information Schema' ELSE 'User Schema' END as schema_type FROM information_schema.schemata WHERE schema_name <> 'scratch' AND schema_name !~ '^pg_(toast_)?temp' ORDER BY schema_type, schema_name;
SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'orders' ORDER BY ordinal_position;
SELECT tc.constraint_name, tc.constraint_type, kcu.column_name FROM information_schema.table_constraints AS tc LEFT JOIN information_schema.key_column_usage AS kcu ON tc.constraint_name = kcu.constraint_name AND tc.table_schema = kcu.table_schema WHERE tc.table_schema = 'public' AND tc.table_name = 'orders' ORDER BY 1, 3;
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'orders' ORDER BY 1;
SELECT 1 FROM pg_extension WHERE extname = 'hypopg';
SELECT name, default_version FROM pg_available_extensions WHERE name = 'pg_trgm';
EXPLAIN (FORMAT JSON, COSTS OFF) SELECT id FROM orders WHERE customer_id = 3;
SELECT datname, age(datfrozenxid) > 0 FROM pg_database WHERE datname = current_database();
SELECT count(*) > 0 FROM pg_stat_activity;
SELECT setting FROM pg_settings WHERE name IN ('max_connections', 'shared_buffers') ORDER BY name;

-- session: google mcp toolbox
SELECT c.relname AS object_name, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' END AS kind, json_build_object('schema_name', n.nspname, 'object_name', c.relname, 'owner', pg_get_userbyid(c.relowner), 'comment', d.description, 'columns', COALESCE((SELECT json_agg(json_build_object('column_name', a.attname, 'data_type', format_type(a.atttypid, a.atttypmod), 'ordinal_position', a.attnum, 'is_not_nullable', a.attnotnull, 'column_default', pg_get_expr(ad.adbin, ad.adrelid)) ORDER BY a.attnum) FROM pg_attribute a LEFT JOIN pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'::json)) AS object_details FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1;
