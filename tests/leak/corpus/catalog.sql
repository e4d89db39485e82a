-- The system's tables hold copies of values: statistics, texts of statements, definitions.

--# value statistics and statements
SELECT * FROM pg_stats WHERE schemaname = 'app'
SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats
SELECT s.most_common_vals FROM pg_stats s WHERE attname = 'secret'
SELECT array_to_string(histogram_bounds::text::text[], ',') FROM pg_stats
SELECT stavalues1, stavalues2 FROM pg_statistic
SELECT * FROM pg_statistic
SELECT s FROM pg_stats s WHERE tablename = 'people'
SELECT to_jsonb(s) FROM pg_stats s WHERE tablename = 'people'
SELECT m.* FROM pg_statistic_ext_data, pg_mcv_list_items(stxdmcv) m
SELECT stxdmcv::text FROM pg_statistic_ext_data
SELECT pg_mcv_list_items(stxdmcv) FROM pg_statistic_ext_data
SELECT mcv, hb FROM app.v_stats
WITH s AS (SELECT * FROM pg_stats) SELECT histogram_bounds FROM s
SELECT histogram_bounds FROM pg_catalog.pg_stats JOIN pg_class ON relname = tablename
SELECT data FROM pg_largeobject
SELECT * FROM pg_largeobject
COPY pg_largeobject TO STDOUT
COPY (SELECT * FROM pg_stats ORDER BY 1, 2, 3) TO STDOUT
TABLE pg_stats ORDER BY 1, 2, 3
PREPARE x AS SELECT secret || $$Wom$$ FROM app.people ;; SELECT statement FROM pg_prepared_statements ;; EXECUTE x
--! SELECT ext.pg_stat_statements_reset()
--! COMMENT ON TABLE app.people IS 'the first is Wombattable'
SELECT query FROM ext.pg_stat_statements
SELECT * FROM ext.pg_stat_statements(true)
--# value bounds of partitions
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'regions_a'
SELECT pg_get_partition_constraintdef('app.regions_a'::regclass)
--# value definitions that quote values of masked columns
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'never'
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT conbin FROM pg_constraint WHERE conname = 'never'
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT col_description('app.people'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'app.people'::regclass
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT description FROM pg_description
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT obj_description('app.people'::regclass)
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'app.people'::regclass
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT column_default FROM information_schema.columns WHERE table_name = 'people'
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT pg_get_indexdef('app.people_one'::regclass)
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT indexdef FROM pg_indexes WHERE indexname = 'people_one'
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT pg_get_expr(indpred, indrelid) FROM pg_index
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT pg_get_viewdef('app.v_const'::regclass)
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT definition FROM pg_views WHERE viewname = 'v_const'
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT prosrc FROM pg_proc WHERE proname = 'is_one'
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT pg_get_functiondef('app.is_one(text)'::regprocedure)
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT qual FROM pg_policies
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT pg_get_expr(polqual, polrelid) FROM pg_policy
--@ open honest: a constant that the DBA wrote into a definition or comment
SELECT ev_action FROM pg_rewrite
--# oracle statistics that count
SELECT n_distinct, null_frac, avg_width, correlation FROM pg_stats WHERE tablename = 'people' AND attname IN ('secret', 'vip', 'pin')
SELECT stawidth, stadistinct, stanumbers1 FROM pg_statistic WHERE starelid = 'app.people'::regclass ORDER BY staattnum
SELECT attname FROM pg_stats WHERE histogram_bounds::text LIKE '%Wombatzz%'
SELECT avg_width FROM pg_stats WHERE tablename = 'people'
SELECT most_common_freqs FROM pg_stats WHERE tablename = 'people'
