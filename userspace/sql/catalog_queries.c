/* SPDX-License-Identifier: MIT */
/* What the server is asked. Everything is readable for an ordinary role on PostgreSQL 12 to 18, and names
 * nothing that one of them lacks. The order is fixed: catalog_build.c reads the columns by position. */
#include "sql/catalog.h"

#define NOT_TOAST "n.nspname NOT LIKE 'pg\\_toast%'"
#define EXTENSION(class, oid)                                                                                \
	"(SELECT e.extname FROM pg_depend x JOIN pg_extension e ON e.oid = x.refobjid WHERE x.classid = "    \
	"'" class "'::regclass AND x.objid = " oid                                                           \
		  " AND x.refclassid = 'pg_extension'::regclass AND x.deptype = 'e' LIMIT 1)"
/* A row d of pg_depend that points at a function or an operator of no initdb. */
#define USER_CODE "d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND d.refobjid >= 16384"
/* A call of what acts, or reads data by a text, among pg_catalog's functions: of those pg_depend has no row.
 * What nextval() and the like do is what a default is for. Of a CHECK k, a default a and a domain's t. */
#define CALL_ACTS                                                                                            \
	" ~ (SELECT '[{]FUNCEXPR :funcid (' || string_agg(f.oid::text, '|') || ') ' FROM pg_proc f WHERE "   \
	"f.oid < 16384 AND (f.provolatile = 'v' OR f.proname LIKE '%\\_to\\_xml%') AND f.proname NOT IN "    \
	"('nextval', 'currval', 'lastval', 'random', 'random_normal', 'gen_random_uuid', 'uuidv4', "         \
	"'uuidv7', 'clock_timestamp', 'timeofday', 'array_shuffle', 'array_sample'))"
#define CHECK_ACTS   "k.conbin::text LIKE '%{FUNCEXPR %' AND k.conbin::text" CALL_ACTS
#define DEFAULT_ACTS "a.adbin::text LIKE '%{FUNCEXPR %' AND a.adbin::text" CALL_ACTS
#define DOMAIN_ACTS  "t.typdefaultbin::text LIKE '%{FUNCEXPR %' AND t.typdefaultbin::text" CALL_ACTS
/* An index i that lets a value be in one column once, as = of its type has it. */
#define EQUAL                                                                                                \
	"i.indisunique AND NOT i.indisexclusion AND i.indimmediate AND i.indnatts = 1 AND "                  \
	"i.indexprs IS NULL AND i.indpred IS NULL AND i.indclass[0] < 16384 AND i.indcollation[0] IN (0, "   \
	"100)"

/* A column's default is its own, or else its domain's. */
#define FALLBACKS                                                                                            \
	"SELECT a.attrelid AS relid, a.attnum, v.class, v.oid, v.text FROM pg_attribute a JOIN pg_class c "  \
	"ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f') JOIN pg_type t ON t.oid = a.atttypid LEFT "  \
	"JOIN pg_attrdef k ON k.adrelid = a.attrelid AND k.adnum = a.attnum, LATERAL (SELECT CASE WHEN "     \
	"k.oid IS NULL THEN 'pg_type'::regclass ELSE 'pg_attrdef'::regclass END, coalesce(k.oid, t.oid), "   \
	"CASE WHEN k.oid IS NULL THEN pg_get_expr(t.typdefaultbin, 0) ELSE pg_get_expr(k.adbin, k.adrelid) " \
	"END) AS v(class, oid, text) WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND " \
	"(k.oid IS NOT NULL OR t.typdefaultbin IS NOT NULL) AND (v.text ~ "                                  \
	"'(_to_xml|lo_get|loread|pg_read_)' "                                                                \
	"OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = v.class AND d.objid = v.oid AND " USER_CODE  \
	"))"

/* Of pg_trigger t: what nobody's foreign key made. */
#define OWN_TRIGGER                                                                                          \
	"(NOT t.tgisinternal OR t.tgconstraint = 0 OR "                                                      \
	"t.tgconstraint IN (SELECT k.oid FROM pg_constraint k WHERE k.contype = 't'))"

static const char *const queries[] = {
	/* 0: schemas that the role may use; the server leaves the others out of its search_path */
	"SELECT nspname FROM pg_namespace WHERE has_schema_privilege(oid, 'USAGE')",

	/* 1: relations. Row triggers that a partition got from its parent count as the user's own. */
	"SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relrowsecurity, "
	"EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND " OWN_TRIGGER "), "
	"EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'), "
	"CASE WHEN c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
	"THEN pg_get_viewdef(c.oid) END, c.relhassubclass, pg_has_role(c.relowner, 'MEMBER') OR "
	"pg_has_role(n.nspowner, 'MEMBER') "
	"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
	"WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S', 'c') AND " NOT_TOAST,

	/* 2: columns; whether one has a collation other than the default (100) */
	"SELECT a.attrelid, a.attname, a.attnum, a.atttypid, a.atttypmod, "
	"CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END, "
	"a.attcollation NOT IN (0, 100) "
	"FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = "
	"c.relnamespace "
	"LEFT JOIN pg_attrdef d ON a.attgenerated <> '' AND d.adrelid = a.attrelid AND d.adnum = a.attnum "
	"WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S', 'c') "
	"AND " NOT_TOAST " ORDER BY a.attrelid, a.attnum",

	/* 3: columns that constraints hold together: unique and exclusion indexes with their expressions and
	 * predicates (u), CHECKs (c), generated columns (g, and their sources s); primary keys (k); the
	 * columns of unique indexes of one column (e); what the row security policies (p) of a relation (in
	 * place of the id) read; and those of any index (i); 0: the whole row. Before PostgreSQL 15 it is the
	 * generated column that depends on its sources, not its expression. */
	"SELECT CASE WHEN " EQUAL " THEN 'e' ELSE 'u' END, i.indexrelid, i.indrelid, k.attnum FROM pg_index "
	"i, unnest(i.indkey) AS k(attnum) "
	"WHERE (i.indisunique OR i.indisexclusion) AND k.attnum > 0 AND i.indrelid >= 16384 "
	"UNION SELECT 'u', i.indexrelid, d.refobjid, d.refobjsubid FROM pg_index i JOIN pg_depend d ON "
	"d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = "
	"'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0 "
	"WHERE (i.indisunique OR i.indisexclusion) AND NOT (" EQUAL ") AND i.indrelid >= 16384 "
	"UNION SELECT 'u', indexrelid, indrelid, 0 FROM pg_index WHERE (indisunique OR indisexclusion) AND "
	"coalesce(indexprs::text, '') || coalesce(indpred::text, '') LIKE '%:varattno 0 %' "
	"UNION SELECT 'c', oid, conrelid, unnest(conkey) FROM pg_constraint WHERE contype = 'c' AND conrelid "
	"<> 0 "
	"UNION SELECT 'k', oid, conrelid, unnest(conkey) FROM pg_constraint WHERE contype = 'p' AND NOT "
	"condeferrable "
	"UNION SELECT CASE WHEN d.refobjsubid = a.adnum THEN 'g' ELSE 's' END, a.oid, a.adrelid, "
	"d.refobjsubid FROM pg_attrdef a JOIN pg_attribute t ON t.attrelid = a.adrelid AND t.attnum = "
	"a.adnum AND t.attgenerated <> '' JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND "
	"d.refobjid = a.adrelid AND d.refobjsubid > 0 AND (d.classid = 'pg_attrdef'::regclass AND d.objid = "
	"a.oid OR d.classid = 'pg_class'::regclass AND d.objid = a.adrelid AND d.objsubid = a.adnum) "
	"UNION SELECT 'g', a.oid, a.adrelid, a.adnum FROM pg_attrdef a JOIN pg_attribute t ON t.attrelid = "
	"a.adrelid AND t.attnum = a.adnum AND t.attgenerated <> '' "
	"UNION SELECT 'p', p.polrelid, d.refobjid, d.refobjsubid FROM pg_policy p JOIN pg_depend d ON "
	"d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass "
	"WHERE d.refobjsubid > 0 OR coalesce(p.polqual::text, '') || coalesce(p.polwithcheck::text, '') "
	"LIKE '%:varattno 0 %' "
	"UNION SELECT 'i', i.indexrelid, i.indrelid, CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL THEN "
	"k.attnum "
	"ELSE 0 END FROM pg_index i, unnest(i.indkey) AS k(attnum) WHERE i.indrelid >= 16384",

	/* 4: inheritance and partitions */
	"SELECT inhrelid, inhparent FROM pg_inherits",

	/* 5: types; elem only for true arrays. A domain over a domain has no typmod: it is that one's. */
	"SELECT t.oid, n.nspname, t.typname, t.typtype::text, "
	"CASE WHEN t.typinput = 'array_in'::regproc THEN t.typelem ELSE 0 END, t.typbasetype, "
	"EXISTS (SELECT 1 FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), " EXTENSION(
		"pg_type", "t.oid") ", t.typtypmod, t.typdelim::text FROM pg_type t JOIN pg_namespace n ON "
				    "n.oid = t.typnamespace WHERE " NOT_TOAST,

	/* 6: functions that pg_catalog did not come with; of those in SQL the text, and the whole definition
	 * where the text is not all: a body that was parsed when it was made, or defaults */
	"SELECT p.oid, n.nspname, p.proname, " EXTENSION(
		"pg_proc", "p.oid") ", p.prokind::text, "
				    "t.typtype IN ('c', 'p', 'd') AND t.oid <> 'void'::regtype, "
				    "p.proretset, p.prorettype, p.pronargdefaults, p.proisstrict, "
				    "p.prosecdef, p.provolatile::text, CASE WHEN l.lanname = 'sql' THEN "
				    "p.prosrc END, CASE WHEN l.lanname = 'sql' AND p.prokind IN ('f', 'p') "
				    "AND (p.prosrc = '' OR p.pronargdefaults > 0) THEN "
				    "pg_get_functiondef(p.oid) END, array_to_string(p.proconfig, chr(10)) "
				    "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN "
				    "pg_type t ON t.oid = p.prorettype JOIN pg_language l ON l.oid = "
				    "p.prolang WHERE n.nspname <> 'pg_catalog' OR p.oid >= 16384 "
				    "ORDER BY p.oid",

	/* 7: operators that pg_catalog did not come with */
	"SELECT DISTINCT n.nspname, o.oprname, " EXTENSION(
		"pg_proc", "o.oprcode") ", o.oprleft, o.oprright FROM pg_operator o "
					"JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE n.nspname <> "
					"'pg_catalog' OR o.oid >= 16384",

	/* 8: partition keys; 0: an expression */
	"SELECT p.partrelid, k.attnum FROM pg_partitioned_table p, unnest(p.partattrs) AS k(attnum)",

	/* 9: foreign keys, a row for each pair of columns */
	"SELECT k.oid, k.conrelid, p.child, k.confrelid, p.parent, k.confdeltype::text, k.confupdtype::text "
	"FROM pg_constraint k, unnest(k.conkey, k.confkey) AS p(child, parent) WHERE k.contype = 'f'",

	/* 10: what runs code that users made: defaults and generated columns (d); CHECKs, exclusions,
	 * indexes, partition keys and statistics (c) of a relation; a domain (t); and the extension that the
	 * code is of */
	"WITH RECURSIVE dom(oid) AS (SELECT k.contypid FROM pg_constraint k JOIN pg_depend d ON d.classid = "
	"'pg_constraint'::regclass AND d.objid = k.oid WHERE k.contypid <> 0 AND " USER_CODE
	" UNION SELECT t.oid FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid "
	"= "
	"t.oid WHERE t.typtype = 'd' AND t.typdefaultbin IS NOT NULL AND " USER_CODE
	" UNION SELECT k.contypid FROM pg_constraint k WHERE k.contypid <> 0 AND " CHECK_ACTS
	" UNION SELECT t.oid FROM pg_type t WHERE t.typtype = 'd' AND " DOMAIN_ACTS
	" UNION SELECT t.oid FROM pg_type t JOIN dom ON t.typbasetype = dom.oid OR (t.typelem = dom.oid AND "
	"t.typinput = 'array_in'::regproc)), "
	"made(class, oid) AS (SELECT 'pg_proc'::regclass::oid, oid FROM pg_proc WHERE oid >= 16384 "
	"UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oid >= 16384 "
	"UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE oid >= 16384 "
	"UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typtype = 'b' AND typinput::oid >= "
	"16384 "
	"UNION ALL SELECT 'pg_type'::regclass, oid FROM dom), "
	"used(what, oid, class, obj) AS ("
	"SELECT 'd', a.adrelid, d.refclassid, d.refobjid FROM pg_attrdef a JOIN pg_depend d ON d.classid = "
	"'pg_attrdef'::regclass AND d.objid = a.oid "
	"UNION ALL SELECT 'd', d.objid, d.refclassid, d.refobjid FROM pg_depend d WHERE d.classid = "
	"'pg_class'::regclass AND d.objsubid > 0 AND " USER_CODE
	" UNION ALL SELECT 'c', k.conrelid, d.refclassid, d.refobjid FROM pg_constraint k JOIN pg_depend d "
	"ON "
	"d.classid = 'pg_constraint'::regclass AND d.objid = k.oid WHERE k.contype IN ('c', 'x') AND "
	"k.conrelid <> 0 "
	"UNION ALL SELECT 'c', coalesce(i.indrelid, c.oid), d.refclassid, d.refobjid FROM pg_class c LEFT "
	"JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND "
	"d.objid = c.oid AND d.objsubid = 0 WHERE c.relkind IN ('i', 'I', 'p') "
	"UNION ALL SELECT 't', k.contypid, d.refclassid, d.refobjid FROM pg_constraint k JOIN pg_depend d ON "
	"d.classid = 'pg_constraint'::regclass AND d.objid = k.oid WHERE k.contypid <> 0 "
	"UNION ALL SELECT 't', t.oid, d.refclassid, d.refobjid FROM pg_type t JOIN pg_depend d ON d.classid "
	"= "
	"'pg_type'::regclass AND d.objid = t.oid WHERE t.typtype = 'd' AND t.typdefaultbin IS NOT NULL AND "
	"" USER_CODE
	" UNION ALL SELECT 'c', s.stxrelid, d.refclassid, d.refobjid FROM pg_statistic_ext s JOIN pg_depend "
	"d ON d.classid = 'pg_statistic_ext'::regclass AND d.objid = s.oid) "
	"SELECT DISTINCT u.what, u.oid, (SELECT e.extname FROM pg_depend x JOIN pg_extension e ON e.oid = "
	"x.refobjid WHERE x.classid = m.class AND x.objid = m.oid AND x.refclassid = "
	"'pg_extension'::regclass AND x.deptype = 'e' LIMIT 1) "
	"FROM used u JOIN made m ON m.class = u.class AND m.oid = u.obj "
	"UNION SELECT 'd', a.adrelid, NULL FROM pg_attrdef a WHERE " DEFAULT_ACTS
	" UNION SELECT 'c', k.conrelid, NULL FROM pg_constraint k WHERE k.conrelid <> 0 AND " CHECK_ACTS
	" UNION SELECT 't', k.contypid, NULL FROM pg_constraint k WHERE k.contypid <> 0 AND " CHECK_ACTS
	" UNION SELECT 't', t.oid, NULL FROM pg_type t WHERE t.typtype = 'd' AND " DOMAIN_ACTS,

	/* 11: casts that call what users made, and those of theirs that nobody need ask for: they may fail */
	"SELECT c.castsource, c.casttarget, c.castcontext::text, " EXTENSION("pg_proc",
		"c.castfunc") " FROM pg_cast c WHERE c.castfunc >= 16384 "
			      "UNION ALL SELECT c.castsource, c.casttarget, c.castcontext::text, " EXTENSION(
				      "pg_cast", "c.oid") " FROM pg_cast c WHERE c.castfunc < 16384 AND "
							  "c.oid >= 16384 AND "
							  "c.castcontext = 'i'",

	/* 12: labels of enums */
	"SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder",

	/* 13: the server's version */
	"SELECT current_setting('server_version_num')",

	/* 14: event triggers */
	"SELECT count(*) FROM pg_event_trigger WHERE evtenabled <> 'D'",

	/* 15: parameters of the functions of 6 */
	"SELECT p.oid, coalesce(p.proargnames[a.n], ''), coalesce(p.proargmodes[a.n]::text, 'i'), a.type "
	"FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, unnest(coalesce(p.proallargtypes, "
	"p.proargtypes::oid[])) WITH ORDINALITY AS a(type, n) WHERE n.nspname <> 'pg_catalog' OR p.oid >= "
	"16384 ORDER BY p.oid, a.n",

	/* 16: the names that foreign tables and their columns have where they are, as postgres_fdw says them
	 */
	"SELECT f.ftrelid, coalesce((SELECT substr(o, 13) FROM unnest(f.ftoptions) o WHERE o LIKE "
	"'schema\\_name=%'), n.nspname), coalesce((SELECT substr(o, 12) FROM unnest(f.ftoptions) o WHERE o "
	"LIKE 'table\\_name=%'), c.relname), a.attnum, coalesce((SELECT substr(o, 13) FROM "
	"unnest(a.attfdwoptions) o WHERE o LIKE 'column\\_name=%'), a.attname) FROM pg_foreign_table f "
	"JOIN pg_class c ON c.oid = f.ftrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN "
	"pg_attribute a ON a.attrelid = c.oid WHERE a.attnum > 0 AND NOT a.attisdropped",

	/* 17: sequences and the columns that get their numbers, as serial and identity columns or by default
	 */
	"SELECT d.objid, d.refobjid, d.refobjsubid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND "
	"c.relkind = 'S' WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND "
	"d.deptype IN ('a', 'i') AND d.refobjsubid > 0 "
	"UNION SELECT d.refobjid, a.adrelid, a.adnum FROM pg_attrdef a JOIN pg_depend d ON d.classid = "
	"'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass JOIN pg_class c "
	"ON c.oid = d.refobjid AND c.relkind = 'S'",

	/* 18: the conditions of row security policies that call functions, or read other relations, which may
	 * have policies too, as a statement; whether by what users made */
	"SELECT p.polrelid, format('SELECT 1 FROM %I.%I WHERE (%s) AND (%s)', n.nspname, c.relname, "
	"coalesce(pg_get_expr(p.polqual, p.polrelid), 'true'), "
	"coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true')), u.made "
	"FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = "
	"c.relnamespace, LATERAL (SELECT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = "
	"'pg_policy'::regclass AND d.objid = p.oid AND (d.refclassid IN ('pg_proc'::regclass, "
	"'pg_operator'::regclass, 'pg_type'::regclass) OR d.refclassid = 'pg_class'::regclass AND "
	"d.refobjid <> p.polrelid)) AS made) u "
	"WHERE u.made OR p.polqual::text LIKE '%{FUNCEXPR %' OR p.polwithcheck::text LIKE '%{FUNCEXPR %' "
	"ORDER BY p.oid",

	/* 19: defaults that call what users made, or what reads a query's text */
	"SELECT f.relid, f.attnum, f.text FROM (" FALLBACKS ") AS f",

	/* 20: the columns that the text of this code names, and of the functions that it names in its turn */
	"WITH RECURSIVE code(relid, attnum, oid) AS (SELECT f.relid, f.attnum, coalesce(o.oprcode::oid, "
	"d.refobjid) FROM (" FALLBACKS ") AS f JOIN pg_depend d ON d.classid = f.class AND d.objid = f.oid "
	"AND " USER_CODE " LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = "
	"d.refobjid "
	"UNION SELECT c.relid, c.attnum, g.oid FROM code c JOIN pg_proc p ON p.oid = c.oid JOIN pg_language "
	"l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal'), "
	"regexp_split_to_table(p.prosrc, '[^[:alnum:]_$]+') AS w(word) JOIN pg_proc g ON g.proname::text IN "
	"(w.word, lower(w.word)) AND g.oid >= 16384), "
	"words(relid, attnum, word) AS (SELECT c.relid, c.attnum, lower(w.word) FROM code c JOIN pg_proc p "
	"ON "
	"p.oid = c.oid JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal'), "
	"LATERAL (SELECT regexp_split_to_table(p.prosrc, '[^[:alnum:]_$]+') UNION ALL SELECT m[1] FROM "
	"regexp_matches(p.prosrc, '\"([^\"]+)\"', 'g') AS x(m)) AS w(word)) "
	"SELECT DISTINCT w.relid, w.attnum, t.oid, a.attnum FROM words w JOIN pg_class t ON lower(t.relname) "
	"= w.word AND t.oid >= 16384 AND t.relkind IN ('r', 'v', 'm', 'f', 'p') JOIN pg_attribute a ON "
	"a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN words x ON x.relid = w.relid AND "
	"x.attnum = w.attnum AND x.word = lower(a.attname)",

	/* 21: the functions of 6 that the triggers of 1 call */
	"SELECT DISTINCT t.tgrelid, t.tgfoid FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN "
	"pg_namespace n ON n.oid = p.pronamespace WHERE (n.nspname <> 'pg_catalog' OR p.oid >= 16384) AND "
	"" OWN_TRIGGER " ORDER BY 1, 2",

	/* 22: what is another value after any change of a relation's definition (0: of what users made that
	 * runs: functions, operators, casts, domains, event triggers): who wrote the rows that it is made of
	 */
	"SELECT p.relid, md5(string_agg(p.part, ',' ORDER BY p.part COLLATE \"C\")) FROM ("
	"SELECT oid::oid AS relid, 'c' || xmin::text AS part FROM pg_class WHERE oid >= 16384 AND relkind IN "
	"('r', 'v', 'm', 'f', 'p', 'S') "
	"UNION ALL SELECT a.attrelid, 'a' || a.attnum || ' ' || a.xmin::text FROM pg_attribute a JOIN "
	"pg_class "
	"c ON c.oid = a.attrelid WHERE a.attrelid >= 16384 AND c.relkind IN ('r', 'v', 'm', 'f', 'p') "
	"UNION ALL SELECT adrelid, 'd' || oid || ' ' || xmin::text FROM pg_attrdef WHERE adrelid >= 16384 "
	"UNION ALL SELECT ev_class, 'r' || oid || ' ' || xmin::text FROM pg_rewrite WHERE ev_class >= 16384 "
	"UNION ALL SELECT tgrelid, 't' || oid || ' ' || xmin::text FROM pg_trigger WHERE tgrelid >= 16384 "
	"UNION ALL SELECT conrelid, 'k' || oid || ' ' || xmin::text FROM pg_constraint WHERE conrelid >= "
	"16384 "
	"UNION ALL SELECT confrelid, 'f' || oid || ' ' || xmin::text FROM pg_constraint WHERE confrelid >= "
	"16384 "
	"UNION ALL SELECT polrelid, 'p' || oid || ' ' || xmin::text FROM pg_policy WHERE polrelid >= 16384 "
	"UNION ALL SELECT inhparent, 'i' || inhrelid || ' ' || xmin::text FROM pg_inherits "
	"UNION ALL SELECT 0, 'F' || oid || ' ' || xmin::text FROM pg_proc WHERE oid >= 16384 "
	"UNION ALL SELECT 0, 'O' || oid || ' ' || xmin::text FROM pg_operator WHERE oid >= 16384 "
	"UNION ALL SELECT 0, 'C' || oid || ' ' || xmin::text FROM pg_cast WHERE oid >= 16384 "
	"UNION ALL SELECT 0, 'T' || oid || ' ' || xmin::text FROM pg_type WHERE oid >= 16384 AND typtype = "
	"'d' "
	"UNION ALL SELECT 0, 'E' || oid || ' ' || xmin::text FROM pg_event_trigger) AS p GROUP BY p.relid",
};

unsigned catalog_query_count(void)
{
	return ARRAY_LEN(queries);
}

const char *catalog_query(unsigned i)
{
	return i < ARRAY_LEN(queries) ? queries[i] : NULL;
}

static const char *add_query(struct arena *a, const char *all, unsigned i)
{
	const char *names = "", *cells = "";

	for (unsigned k = 0; k < CATALOG_CELLS_MAX && cells && names; k++) {
		bool there = k < catalog_query_cells(i);

		cells = there ? arena_printf(a, "%s, c%u::text AS c%u", cells, k, k)
			      : arena_printf(a, "%s, NULL::text AS c%u", cells, k);
		if (there)
			names = arena_printf(a, "%s%sc%u", names, k ? ", " : "", k);
	}
	if (!cells || !names || !all)
		return NULL;
	return arena_printf(a, "%s%sSELECT %u AS q, row_number() OVER () AS n%s FROM (%s) AS q%u(%s)", all,
		i ? " UNION ALL " : "", i, cells, queries[i], i, names);
}

const char *catalog_query_all(struct arena *a)
{
	const char *all = "", *cells = "";

	for (unsigned i = 0; i < ARRAY_LEN(queries); i++)
		all = add_query(a, all, i);
	for (unsigned k = 0; k < CATALOG_CELLS_MAX && cells; k++)
		cells = arena_printf(a, "%s, c%u", cells, k);
	return all && cells ? arena_printf(a, "SELECT q%s FROM (%s) AS u ORDER BY q, n", cells, all) : NULL;
}

/* A row is its identity and the transaction that wrote it; a sum does not care for their order. What initdb
 * made is left out where it is much and does not change. */
#define SUM(k, id, table, where)                                                                             \
	"SELECT " k " AS k, count(*) AS n, sum(hashtextextended(" id                                         \
	" || ' ' || xmin::text, 0)::numeric) AS s FROM " table " " where

const char *catalog_fingerprint_query(void)
{
	return "SELECT md5(string_agg(k || ':' || n || ':' || coalesce(s, 0), ',' ORDER BY k)) FROM (" SUM(
		"1", "oid::text", "pg_class", "WHERE oid >= 16384") " UNION ALL " SUM("2",
		"attrelid::text || ' ' || attnum", "pg_attribute",
		"WHERE attrelid >= 16384") " UNION ALL " SUM("3", "oid::text", "pg_type",
		"WHERE oid >= 16384") " UNION ALL " SUM("4", "oid::text", "pg_proc",
		"WHERE oid >= 16384") " UNION ALL " SUM("5", "oid::text", "pg_rewrite",
		"WHERE ev_class >= 16384") " UNION ALL " SUM("6", "inhrelid::text || ' ' || inhparent",
		"pg_inherits",
		"") " UNION ALL " SUM("7", "oid::text", "pg_trigger", "") " UNION ALL " SUM("8", "oid::text",
		"pg_constraint", "WHERE oid >= 16384") " UNION ALL " SUM("9", "indexrelid::text", "pg_index",
		"WHERE indexrelid >= 16384") " UNION ALL " SUM("10", "oid::text", "pg_attrdef",
		"WHERE adrelid >= 16384") " UNION ALL " SUM("11", "oid::text", "pg_namespace",
		"") " UNION ALL " SUM("12", "oid::text", "pg_operator",
		"WHERE oid >= 16384") " UNION ALL " SUM("13", "oid::text", "pg_policy",
		"") " UNION ALL " SUM("14", "oid::text", "pg_extension", "") " UNION ALL " SUM("15",
		"roleid::text || ' ' || member", "pg_auth_members", "") " UNION ALL " SUM("16", "oid::text",
		"pg_cast", "WHERE oid >= 16384") " UNION ALL " SUM("17", "oid::text", "pg_enum",
		"") " UNION ALL " SUM("18", "oid::text", "pg_namespace",
		"WHERE has_schema_privilege(oid, 'USAGE')") " UNION ALL " SUM("19", "oid::text",
		"pg_event_trigger",
		"") " UNION ALL " SUM("20", "oid::text", "pg_statistic_ext", "") ") AS sums";
}
