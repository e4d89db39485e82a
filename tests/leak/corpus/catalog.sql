-- The system's tables hold copies of values: statistics, texts of statements, definitions. In what order their rows lie hangs on what else
-- ran while they were written: where rows come through the engine they are ordered by all that tells them apart.

--# value statistics and statements
SELECT * FROM pg_stats WHERE schemaname = 'app' ORDER BY tablename, attname, inherited
SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats WHERE tablename = 'people'
SELECT s.most_common_vals FROM pg_stats s WHERE attname = 'secret'
SELECT array_to_string(histogram_bounds::text::text[], ',') FROM pg_stats WHERE tablename = 'people'
SELECT stavalues1, stavalues2 FROM pg_statistic WHERE starelid = 'app.people'::regclass
SELECT * FROM pg_statistic
SELECT s FROM pg_stats s WHERE tablename = 'people' ORDER BY schemaname, attname
SELECT to_jsonb(s) FROM pg_stats s WHERE tablename = 'people' ORDER BY schemaname, attname
SELECT m.* FROM pg_statistic_ext_data, pg_mcv_list_items(stxdmcv) m
SELECT stxdmcv::text FROM pg_statistic_ext_data
SELECT pg_mcv_list_items(stxdmcv) FROM pg_statistic_ext_data
SELECT mcv, hb FROM app.v_stats
WITH s AS (SELECT * FROM pg_stats WHERE schemaname = 'app') SELECT histogram_bounds FROM s
SELECT histogram_bounds FROM pg_catalog.pg_stats JOIN pg_class ON relname = tablename WHERE relname = 'people'
SELECT data FROM pg_largeobject
SELECT * FROM pg_largeobject
COPY pg_largeobject TO STDOUT
COPY (SELECT * FROM pg_stats WHERE schemaname = 'app' ORDER BY 1, 2, 3, 4) TO STDOUT
TABLE pg_stats ORDER BY 1, 2, 3, 4
PREPARE x AS SELECT secret || $$Wom$$ FROM app.people ;; SELECT statement FROM pg_prepared_statements ;; EXECUTE x
--! SELECT ext.pg_stat_statements_reset()
--! COMMENT ON TABLE app.people IS 'the first is Wombattable'
SELECT query FROM ext.pg_stat_statements
SELECT * FROM ext.pg_stat_statements(true)
--# value bounds of partitions
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'regions_a'
SELECT pg_get_partition_constraintdef('app.regions_a'::regclass)
--# value definitions as trees
SELECT conbin FROM pg_constraint WHERE conname = 'never'
SELECT ev_action FROM pg_rewrite WHERE ev_class = 'app.v_const'::regclass
SELECT adbin FROM pg_attrdef
SELECT polqual FROM pg_policy
SELECT indpred FROM pg_index WHERE indrelid = 'app.people'::regclass
--# value definitions and comments that quote what looks like a value
--! COMMENT ON COLUMN app.team.name IS 'as in quorvexcomment@mail.example.org, or 617-28-3019, or 4111 1111 1111 1111'
--! COMMENT ON SCHEMA app IS 'ask quorvexschema@mail.example.org'
--! ALTER TABLE app.people ADD CONSTRAINT not_ours CHECK (email <> 'quorvexcheck@mail.example.org')
--! ALTER TABLE app.orders ALTER item SET DEFAULT 'quorvexdefault@mail.example.org'
--! CREATE INDEX people_mail ON app.people (id) WHERE email = 'quorvexindex@mail.example.org'
--! CREATE VIEW mine.v_mail AS SELECT id FROM app.people WHERE email = 'quorvexview@mail.example.org'
--! CREATE FUNCTION mine.is_mail(text DEFAULT 'quorvexarg@mail.example.org') RETURNS bool LANGUAGE sql AS $$ SELECT $1 = 'quorvexbody@mail.example.org' $$
--! CREATE POLICY mail ON app.people USING (email <> 'quorvexpolicy@mail.example.org')
--! CREATE DOMAIN app.mail AS text DEFAULT 'quorvexdomain@mail.example.org'
--! ALTER VIEW mine.v_mail OWNER TO pgveil_agent
--! ALTER FUNCTION mine.is_mail OWNER TO pgveil_agent
--! ALTER TABLE mine.child ADD CONSTRAINT mine_mail CHECK (ssn <> 'quorvexmine@mail.example.org')
SELECT col_description('app.team'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'app.team'::regclass AND attname = 'name'
SELECT description FROM pg_description WHERE objoid = 'app.team'::regclass
SELECT d FROM pg_description d WHERE objoid = 'app.team'::regclass
SELECT to_jsonb(d) FROM pg_description d WHERE objoid = 'app.team'::regclass
SELECT obj_description('app'::regnamespace)
SELECT string_agg(description, ' ') FROM pg_description WHERE objoid = 'app'::regnamespace
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'not_ours'
SELECT check_clause FROM information_schema.check_constraints WHERE constraint_name = 'mine_mail'
SELECT upper(pg_get_constraintdef(oid, true)) FROM pg_constraint WHERE conname = 'not_ours'
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'app.orders'::regclass
SELECT column_default FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'item'
SELECT pg_get_indexdef('app.people_mail'::regclass)
SELECT indexdef FROM pg_indexes WHERE indexname = 'people_mail'
SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = 'app.people_mail'::regclass
SELECT pg_get_viewdef('mine.v_mail'::regclass)
SELECT definition FROM pg_views WHERE viewname = 'v_mail'
SELECT view_definition FROM information_schema.views WHERE table_name = 'v_mail'
SELECT prosrc FROM pg_proc WHERE proname = 'is_mail'
SELECT routine_definition FROM information_schema.routines WHERE routine_name = 'is_mail'
SELECT pg_get_functiondef('mine.is_mail(text)'::regprocedure)
SELECT pg_get_function_arguments('mine.is_mail(text)'::regprocedure)
SELECT qual FROM pg_policies WHERE policyname = 'mail'
SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polname = 'mail'
SELECT typdefault FROM pg_type WHERE typname = 'mail'
SELECT domain_default FROM information_schema.domains WHERE domain_name = 'mail'
COPY (SELECT prosrc FROM pg_proc WHERE proname = 'is_mail') TO STDOUT
BEGIN ;; DECLARE c CURSOR FOR SELECT description FROM pg_description WHERE objoid = 'app.team'::regclass ;; FETCH ALL c ;; ROLLBACK
WITH x AS (SELECT definition AS d FROM pg_views WHERE viewname = 'v_mail') SELECT d || '' FROM x
--# limit constants of definitions and comments that look like nothing
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'never'
SELECT col_description('app.people'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'app.people'::regclass
SELECT description FROM pg_description WHERE objoid = 'app.people'::regclass
SELECT obj_description('app.people'::regclass)
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'app.people'::regclass
SELECT column_default FROM information_schema.columns WHERE table_name = 'people'
SELECT pg_get_indexdef('app.people_one'::regclass)
SELECT indexdef FROM pg_indexes WHERE indexname = 'people_one'
SELECT pg_get_expr(indpred, indrelid) FROM pg_index
SELECT pg_get_viewdef('app.v_const'::regclass)
SELECT definition FROM pg_views WHERE viewname = 'v_const'
SELECT prosrc FROM pg_proc WHERE proname = 'is_one'
SELECT pg_get_functiondef('app.is_one(text)'::regprocedure)
SELECT qual FROM pg_policies
SELECT pg_get_expr(polqual, polrelid) FROM pg_policy
--# oracle statistics that count
SELECT n_distinct, null_frac, avg_width, correlation FROM pg_stats WHERE tablename = 'people' AND attname IN ('secret', 'vip', 'pin') ORDER BY schemaname, attname
SELECT stawidth, stadistinct, stanumbers1 FROM pg_statistic WHERE starelid = 'app.people'::regclass ORDER BY staattnum
SELECT attname FROM pg_stats WHERE histogram_bounds::text LIKE '%Wombatzz%'
SELECT avg_width FROM pg_stats WHERE tablename = 'people'
SELECT most_common_freqs FROM pg_stats WHERE tablename = 'people'
