-- SPDX-License-Identifier: MIT
-- What three MCP servers for PostgreSQL send for their tools.

-- session: server-postgres resources
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public';

-- session: server-postgres resource customers
-- params: customers
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1;

-- session: server-postgres resource orders
-- params: orders
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1;

-- session: server-postgres query
BEGIN TRANSACTION READ ONLY;
SELECT status, count(*) FROM orders GROUP BY status ORDER BY 1;
ROLLBACK;

-- session: server-postgres query customers
BEGIN TRANSACTION READ ONLY;
SELECT * FROM customers ORDER BY id LIMIT 5;
ROLLBACK;

-- session: henkey schema get_info
SELECT 1;
SELECT table_name 
       FROM information_schema.tables 
       WHERE table_schema = 'public' AND table_type = 'BASE TABLE' -- Ensure only base tables
       ORDER BY table_name;

-- session: henkey schema table
SELECT 1;
-- params: orders
SELECT column_name, data_type, is_nullable, column_default
     FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = $1
     ORDER BY ordinal_position;
-- params: orders
SELECT
       c.conname as constraint_name,
       CASE
         WHEN c.contype = 'p' THEN 'PRIMARY KEY'
         WHEN c.contype = 'f' THEN 'FOREIGN KEY'
         WHEN c.contype = 'u' THEN 'UNIQUE'
         WHEN c.contype = 'c' THEN 'CHECK'
         ELSE c.contype::text
       END as constraint_type,
       pg_get_constraintdef(c.oid) as definition
     FROM pg_constraint c
     JOIN pg_namespace n ON n.oid = c.connamespace
     JOIN pg_class cl ON cl.oid = c.conrelid
     WHERE n.nspname = 'public' AND cl.relname = $1;
-- params: orders
SELECT
       i.relname as indexname,
       pg_get_indexdef(i.oid) as indexdef
     FROM pg_index x
     JOIN pg_class c ON c.oid = x.indrelid
     JOIN pg_class i ON i.oid = x.indexrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname = 'public' AND c.relname = $1;

-- session: henkey enums
SELECT 1;
-- params: public
SELECT 
          n.nspname as enum_schema,
          t.typname as enum_name, 
          array_agg(e.enumlabel ORDER BY e.enumsortorder) as enum_values
      FROM pg_type t 
      JOIN pg_enum e ON t.oid = e.enumtypid
      JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      WHERE n.nspname = $1 AND t.typtype = 'e'
     GROUP BY n.nspname, t.typname ORDER BY n.nspname, t.typname;

-- session: henkey analyze
-- varies: hits reads
SELECT 1;
SELECT version();
-- params: max_connections | shared_buffers | work_mem | maintenance_work_mem | effective_cache_size
SELECT name, setting, unit FROM pg_settings WHERE name IN ($1, $2, $3, $4, $5);
SELECT count(*) FROM pg_stat_activity;
SELECT count(*) FROM pg_stat_activity WHERE state = 'active';
SELECT
      datname,
      COALESCE(blks_hit, 0) as hits,
      COALESCE(blks_read, 0) as reads
    FROM pg_stat_database
    WHERE datname = current_database();
WITH stats AS (
      SELECT
        COALESCE(blks_hit, 0) as hits,
        COALESCE(blks_read, 0) as reads
      FROM pg_stat_database
      WHERE datname = current_database()
    )
    SELECT
      CASE
        WHEN (hits + reads) = 0 THEN 0
        ELSE ROUND((hits::float / (hits + reads)::float)::numeric, 2)
      END as ratio
    FROM stats;
SELECT 
      tablename,
      pg_size_pretty(pg_table_size(schemaname || '.' || tablename)) as size
    FROM pg_tables 
    WHERE schemaname = 'public';

-- session: henkey analyze performance
-- varies: count hits reads
SELECT version();
-- params: max_connections | shared_buffers | work_mem | maintenance_work_mem | effective_cache_size
SELECT name, setting, unit FROM pg_settings WHERE name IN ($1, $2, $3, $4, $5);
SELECT count(*) FROM pg_stat_activity;
SELECT count(*) FROM pg_stat_activity WHERE state = 'active';
SELECT
      datname,
      COALESCE(blks_hit, 0) as hits,
      COALESCE(blks_read, 0) as reads
    FROM pg_stat_database
    WHERE datname = current_database();
WITH stats AS (
      SELECT
        COALESCE(blks_hit, 0) as hits,
        COALESCE(blks_read, 0) as reads
      FROM pg_stat_database
      WHERE datname = current_database()
    )
    SELECT
      CASE
        WHEN (hits + reads) = 0 THEN 0
        ELSE ROUND((hits::float / (hits + reads)::float)::numeric, 2)
      END as ratio
    FROM stats;
SELECT 
      tablename,
      pg_size_pretty(pg_table_size(schemaname || '.' || tablename)) as size
    FROM pg_tables 
    WHERE schemaname = 'public';

-- session: henkey analyze security
-- varies: hits reads
SELECT version();
-- params: max_connections | shared_buffers | work_mem | maintenance_work_mem | effective_cache_size
SELECT name, setting, unit FROM pg_settings WHERE name IN ($1, $2, $3, $4, $5);
SELECT count(*) FROM pg_stat_activity;
SELECT count(*) FROM pg_stat_activity WHERE state = 'active';
SELECT
      datname,
      COALESCE(blks_hit, 0) as hits,
      COALESCE(blks_read, 0) as reads
    FROM pg_stat_database
    WHERE datname = current_database();
WITH stats AS (
      SELECT
        COALESCE(blks_hit, 0) as hits,
        COALESCE(blks_read, 0) as reads
      FROM pg_stat_database
      WHERE datname = current_database()
    )
    SELECT
      CASE
        WHEN (hits + reads) = 0 THEN 0
        ELSE ROUND((hits::float / (hits + reads)::float)::numeric, 2)
      END as ratio
    FROM stats;
SELECT 
      tablename,
      pg_size_pretty(pg_table_size(schemaname || '.' || tablename)) as size
    FROM pg_tables 
    WHERE schemaname = 'public';

-- session: henkey constraints
-- params: public
SELECT 
        tc.constraint_name,
        tc.constraint_type,
        tc.table_name,
        kcu.column_name,
        ccu.table_name as foreign_table_name,
        ccu.column_name as foreign_column_name,
        cc.check_clause,
        tc.is_deferrable,
        tc.initially_deferred
      FROM information_schema.table_constraints tc
      LEFT JOIN information_schema.key_column_usage kcu 
        ON tc.constraint_name = kcu.constraint_name 
        AND tc.table_schema = kcu.table_schema
      LEFT JOIN information_schema.constraint_column_usage ccu
        ON tc.constraint_name = ccu.constraint_name
        AND tc.table_schema = ccu.table_schema
      LEFT JOIN information_schema.check_constraints cc
        ON tc.constraint_name = cc.constraint_name
        AND tc.table_schema = cc.constraint_schema
      WHERE tc.table_schema = $1
      ORDER BY tc.table_name, tc.constraint_type, tc.constraint_name;

-- session: henkey triggers
-- params: public
SELECT 
        t.tgname AS name,
        c.relname AS "tableName",
        n.nspname AS "tableSchema",
        CASE
          WHEN (t.tgtype & (1<<0)) != 0 THEN 'ROW'
          ELSE 'STATEMENT'
        END AS level,
        CASE
          WHEN (t.tgtype & (1<<1)) != 0 THEN 'BEFORE'
          WHEN (t.tgtype & (1<<6)) != 0 THEN 'INSTEAD OF'
          ELSE 'AFTER'
        END AS timing,
        CASE
          WHEN (t.tgtype & (1<<2)) != 0 THEN 'INSERT'
          WHEN (t.tgtype & (1<<3)) != 0 THEN 'DELETE'
          WHEN (t.tgtype & (1<<4)) != 0 THEN 'UPDATE'
          WHEN (t.tgtype & (1<<5)) != 0 THEN 'TRUNCATE'
          ELSE 'UNKNOWN'
        END AS event,
        p.proname AS function,
        pg_get_triggerdef(t.oid) AS definition,
        -- PostgreSQL version-compatible enabled status
        -- Note: For older PostgreSQL versions without tgenabled, this will always return true
        true AS enabled
      FROM pg_trigger t
      JOIN pg_class c ON t.tgrelid = c.oid
      JOIN pg_namespace n ON c.relnamespace = n.oid
      JOIN pg_proc p ON t.tgfoid = p.oid
      WHERE NOT t.tgisinternal
     AND n.nspname = $1 ORDER BY c.relname, t.tgname;

-- session: henkey rls
-- params: public
SELECT 
        schemaname,
        tablename,
        policyname,
        roles,
        cmd,
        qual as "using",
        with_check as "check"
      FROM pg_policies
      WHERE schemaname = $1
     ORDER BY tablename, policyname;

-- session: henkey users
SELECT 
        rolname,
        rolsuper,
        rolinherit,
        rolcreaterole,
        rolcreatedb,
        rolcanlogin,
        rolreplication,
        rolconnlimit,
        rolvaliduntil,
        oid
      FROM pg_roles 
      WHERE rolname NOT LIKE 'pg_%' AND rolname != 'postgres'
      ORDER BY rolname;

-- session: henkey monitor
-- varies: uptime committed_tx
SELECT datname as db_name, pg_size_pretty(pg_database_size(current_database())) as db_size, 
            (now() - pg_postmaster_start_time())::text as uptime, 
            xact_commit as committed_tx, xact_rollback as rolled_back_tx 
     FROM pg_stat_database WHERE datname = current_database();
SELECT 
      (SELECT count(*) FROM pg_stat_activity WHERE state = 'active') as active_connections, 
      (SELECT count(*) FROM pg_stat_activity WHERE state = 'idle') as idle_connections, 
      (SELECT count(*) FROM pg_stat_activity) as total_connections, 
      setting as max_connections 
     FROM pg_settings WHERE name = 'max_connections';
SELECT sum(heap_blks_hit) / (sum(heap_blks_hit) + sum(heap_blks_read)) as cache_hit_ratio 
     FROM pg_statio_user_tables WHERE (heap_blks_hit + heap_blks_read) > 0;

-- session: henkey debug
-- except: conditions over pg_stat_activity.query
SELECT query, extract(epoch from now() - query_start) as duration
       FROM pg_stat_activity
       WHERE state = 'active'
         AND query NOT LIKE '%pg_stat_activity%'
         AND query_start < now() - interval '30 second';
SELECT s.schemaname,
             s.relname AS tablename,
             s.indexrelname AS indexname,
             s.idx_scan
      FROM pg_stat_user_indexes s
      WHERE s.idx_scan = 0
        AND s.schemaname NOT IN ('pg_catalog', 'information_schema');

-- session: henkey debug locks
SELECT blocked_locks.pid AS blocked_pid,
              blocked_activity.usename AS blocked_user,
              blocking_locks.pid AS blocking_pid,
              blocking_activity.usename AS blocking_user,
              blocked_activity.query AS blocked_statement
       FROM pg_catalog.pg_locks blocked_locks
       JOIN pg_catalog.pg_stat_activity blocked_activity ON blocked_activity.pid = blocked_locks.pid
       JOIN pg_catalog.pg_locks blocking_locks 
            ON blocking_locks.locktype = blocked_locks.locktype
            AND blocking_locks.DATABASE IS NOT DISTINCT FROM blocked_locks.DATABASE
            AND blocking_locks.relation IS NOT DISTINCT FROM blocked_locks.relation
            AND blocking_locks.page IS NOT DISTINCT FROM blocked_locks.page
            AND blocking_locks.tuple IS NOT DISTINCT FROM blocked_locks.tuple
            AND blocking_locks.virtualxid IS NOT DISTINCT FROM blocked_locks.virtualxid
            AND blocking_locks.transactionid IS NOT DISTINCT FROM blocked_locks.transactionid
            AND blocking_locks.classid IS NOT DISTINCT FROM blocked_locks.classid
            AND blocking_locks.objid IS NOT DISTINCT FROM blocked_locks.objid
            AND blocking_locks.objsubid IS NOT DISTINCT FROM blocked_locks.objsubid
            AND blocking_locks.pid != blocked_locks.pid
       JOIN pg_catalog.pg_stat_activity blocking_activity ON blocking_activity.pid = blocking_locks.pid
       WHERE NOT blocked_locks.GRANTED;

-- session: henkey execute query
SELECT id, status FROM orders ORDER BY id LIMIT 3;

-- session: henkey count
SELECT COUNT(*) as total FROM (SELECT * FROM orders) as subquery;

-- session: henkey exists
SELECT EXISTS (SELECT 1 FROM orders WHERE id = 3) as exists;

-- session: henkey explain
-- masked: QUERY PLAN | Plan
EXPLAIN (FORMAT JSON) SELECT * FROM orders WHERE customer_id = 3;

-- session: henkey slow queries
SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements';

-- session: henkey insert
-- params: mcp
INSERT INTO "audit_log" ("what") VALUES ($1) RETURNING what;

-- session: henkey update
-- params: 4
UPDATE "counters" SET "n" = $1 WHERE name = 'sales';

-- session: henkey export
SELECT * FROM "categories";

-- session: mcp-postgres-server list tables
-- except: a set_config() whose setting is a parameter
-- params: statement_timeout | idle_in_transaction_session_timeout | 30000
SELECT set_config($1, $3, false), set_config($2, $3, false);
SELECT current_setting('is_superuser') AS is_superuser;
-- params: public
SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY table_name;

-- session: mcp-postgres-server list schemas
SELECT schema_name FROM information_schema.schemata ORDER BY schema_name;

-- session: mcp-postgres-server describe
-- params: public | orders
SELECT c.column_name, c.data_type, c.is_nullable, c.column_default,
                  COALESCE(pk.is_pk, false) AS is_primary_key
           FROM information_schema.columns c
           LEFT JOIN (
             SELECT a.attname AS column_name, true AS is_pk
             FROM pg_catalog.pg_constraint con
             JOIN pg_catalog.pg_class t ON t.oid = con.conrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = ANY (con.conkey)
             WHERE con.contype = 'p' AND n.nspname = $1 AND t.relname = $2
           ) pk ON c.column_name = pk.column_name
           WHERE c.table_schema = $1 AND c.table_name = $2
           ORDER BY c.ordinal_position;

-- session: mcp-postgres-server query
BEGIN READ ONLY;
-- params: 5
SELECT id, sku FROM products WHERE id < $1 ORDER BY id;
ROLLBACK;
