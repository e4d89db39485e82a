# SPDX-License-Identifier: MIT
"""Random statements of every form, around the queries of random_sql.py."""

import collections

from random_schema import CAST, KINDS
from random_sql import Maker

# A statement: texts to send one after another; taints: of each output column, where known. What Maker says of the rest.
Did = collections.namedtuple("Did", "texts rolled_back constructs uses maybe touches taints")
# What issue and README name, in the words of note().
CONSTRUCTS = [
    "alias", "column alias list", "*", "USING", "NATURAL", "subquery", "LATERAL", "CTE", "recursive CTE", "data-modifying CTE", "VALUES", "set operation", "grouping sets",
    "window function", "FILTER", "DISTINCT ON", "TABLESAMPLE", "ROWS FROM", "whole row", "(row).*", "composite", "array", "cast", "CASE", "COALESCE", "subscript",
    "json constructor", "INSERT RETURNING", "UPDATE RETURNING", "DELETE RETURNING", "MERGE", "MERGE RETURNING", "TABLE", "FETCH", "EXECUTE", "EXPLAIN", "EXPLAIN ANALYZE",
    "EXPLAIN VERBOSE", "COPY (query)", "view", "nested view", "security-barrier view", "materialized view", "inheritance", "partition", "generated column", "foreign table",
    "domain", "temp object", "search_path", "quoted name", "U& name", "SQL function"]


class Statements(Maker):
    def statement(self):
        self.start()
        texts, rolled_back = self._statement()
        return Did(texts, rolled_back, frozenset(self.did), self.uses, self.maybe, self.touches, self.taints)

    def _statement(self):
        if self.chance(0.5):
            q = self.top_query()
            self.taints = q.taints
            return [q.sql], False
        forms = [self.star, self.whole_row, self.row_star, self.composite, self.table, self.insert, self.update, self.delete, self.modifying, self.cursor, self.execute,
                 self.explain, self.explain, self.copy, self.copy, self.temporary, self.temporary, self.one(self.shadow_view, self.temporary), self.path, self.merge, self.merge, self.unicode_names, self.json_forms,
                 self.oracle, self.oracle, self.writing]
        return self.r.choice(forms)()

    def top_query(self):
        return self.query([], self.one(1, 2, 2, 3), [self.r.choice(KINDS) for _ in range(self.r.randint(2, 5))])

    def top(self):
        return self.top_query().sql

    def any_relation(self):
        rel = self.r.choice([r for r in self.schema.relations if not (self.mood == "clean" and any(c.taint for c in r.columns))] or self.schema.relations)
        self.uses |= rel.uses
        self.touches |= any(c.taint for c in rel.columns) or bool(rel.comp) or rel.touches
        self.note(*rel.notes)
        return rel

    # ---- reading ----

    def star(self):
        self.note("*")
        self.touches = True
        sql, cols = self.source([], 1)
        return [self.one("SELECT * FROM %s", "SELECT {0}.* FROM %s", "SELECT *, {0}.* FROM %s").format(cols[0][0]) % sql], False

    def whole_row(self):
        self.note("whole row")
        rel = self.any_relation()
        a, c = self.name(), self.r.choice(rel.columns)
        self.maybe = any(c.taint for c in rel.columns) or bool(rel.comp)
        return [self.one("SELECT {a} FROM {r} {a}", "SELECT ({a}).{c} FROM {r} {a}", "SELECT row_to_json({a}) FROM {r} {a}", "SELECT (q.t).{c} FROM (SELECT {a} AS t FROM {r} {a}) q",
                         "SELECT {a}::text FROM {r} AS {a}", "SELECT to_jsonb({a}) FROM {r} {a}", "SELECT {a} FROM (SELECT * FROM {r}) {a}", "SELECT array_agg({a}) FROM {r} {a}",
                         "SELECT {a} IS NULL, {a}.{c} FROM {r} {a}", "SELECT ROW({a}.*) FROM {r} {a}", "SELECT json_agg({a}) FROM {r} {a}", "SELECT concat({a}) FROM {r} {a}",
                         "SELECT count({a}) FROM {r} {a}", "SELECT CASE WHEN true THEN {a} END FROM {r} {a}", "SELECT (SELECT {a}) FROM {r} {a}").format(a=a, r=rel.sql, c=c.sql)], False

    def row_star(self):
        self.note("(row).*")
        rel = self.any_relation()
        self.maybe = any(c.taint for c in rel.columns) or bool(rel.comp)
        return [self.one("SELECT ({a}).* FROM {r} {a}", "SELECT (q.t).* FROM (SELECT {a} AS t FROM {r} {a}) q", "SELECT (SELECT {a}).* FROM {r} {a}",
                         "SELECT q.* FROM {r} {a}, LATERAL (SELECT ({a}).*) q", "SELECT (({a})).*, 1 FROM ONLY {r} AS {a}" if rel.sampled else "SELECT (({a})).* FROM {r} {a}").format(a=self.name(), r=rel.sql)], False

    def composite(self):
        self.note("composite")
        rel = self.r.choice([r for r in self.schema.tables if r.comp is not None])
        self.touches |= rel.comp
        return [self.one("SELECT (t.comp).v FROM %s t", "SELECT (comp).*, id FROM %s", "SELECT comp FROM %s", "SELECT (ROW(t.id, (t.comp).v)::app.pair).v FROM %s t",
                         "SELECT ARRAY[t.comp] FROM %s t", "SELECT (SELECT (t.comp).k) FROM %s t", "SELECT (u).v FROM (SELECT comp AS u FROM %s) q",
                         "SELECT comp::text FROM %s", "SELECT to_jsonb(comp) FROM %s") % rel.sql], False

    def table(self):
        self.note("TABLE")
        rel = self.any_relation()
        return [self.one("TABLE %s", "TABLE ONLY %s" if "partition" not in rel.notes else "TABLE %s", "(TABLE %s) LIMIT 3") % rel.sql], False

    def json_forms(self):
        self.note("json constructor")
        sql, cols = self.source([], 0)
        t, i = self.leaf(cols, "text"), self.leaf(cols, "int")
        forms = ["SELECT json_agg(json_build_object('t', {t}, 'i', {i})) FROM {f}", "SELECT json_build_array({t}, {i}) FROM {f}", "SELECT to_json({t}), to_jsonb({i}) FROM {f}",
                 "SELECT row_to_json(ROW({t}, {i})) FROM {f}", "SELECT (jsonb_build_object('a', {t}) -> 'a') FROM {f}",
                 "SELECT e.value FROM {f}, LATERAL jsonb_each_text(jsonb_build_object('a', {t}, 'b', {i})) AS e(key, value)"]
        if not (t.taint and self.cautious):
            self.uses |= t.taint  # a key
            forms.append("SELECT jsonb_object_agg({t}::text || '', {i}) FROM {f}")
        if self.version >= 16:
            forms += ["SELECT JSON_OBJECT('t': {t}, 'i': {i}) FROM {f}", "SELECT JSON_ARRAY({t}, {i}) FROM {f}", "SELECT JSON_ARRAYAGG({t}) FROM {f}",
                      "SELECT JSON_OBJECTAGG('k': {i}) FROM {f}", "SELECT JSON_ARRAY(SELECT {t} FROM {f})"]
        return [self.r.choice(forms).format(t=t.sql, i=i.sql, f=sql)], False

    def oracle(self):
        """What asks a value without showing it."""
        rel = self.r.choice([r for r in self.schema.relations if r.columns[0].sql == "id" and any(c.taint for c in r.columns)])
        self.note(*rel.notes)
        self.uses = self.touches = True
        a, c = self.name(), self.r.choice([c for c in rel.columns if c.taint])
        e = "%s.%s" % (a, c.sql)
        key = {"text": "left(%s, 3)", "int": "%s %% 7", "date": "%s", "json": "%s ->> 'k'", "array": "%s[1]", "num": "%s"}[c.kind] % e
        text = "(%s)::text" % e
        return [self.one(
            "SELECT id FROM {r} {a} ORDER BY {k}", "SELECT count(*) FROM {r} {a} GROUP BY {k}", "SELECT count(DISTINCT {k}) FROM {r} {a}", "SELECT id, rank() OVER (ORDER BY {k}) FROM {r} {a}",
            "SELECT count(*) FROM {r} {a} WHERE {t} > 'zqf'", "SELECT id FROM {r} {a} LIMIT (SELECT length(min({t})) % 3 FROM {r} {a})", "SELECT 1 / (ascii(reverse({t})) - 104) FROM {r} {a}",
            "SELECT ({t})::int FROM {r} {a}", "SELECT string_agg(id::text, ',' ORDER BY {k}) FROM {r} {a}", "SELECT array_agg(id ORDER BY {k}) FROM {r} {a}",
            "SELECT max(id) FILTER (WHERE {t} < 'zqk') FROM {r} {a}", "SELECT x.id FROM {r} {a} JOIN {r} x ON x.id = ascii(reverse({t})) % 5", "SELECT {a}.id FROM {r} {a}, generate_series(1, ascii(reverse({t})) % 4) g",
            "SELECT CASE WHEN {t} > 'zqf' THEN 1 ELSE 2 END FROM {r} {a}", "SELECT CASE WHEN {t} > 'zqf' THEN {a}.id END FROM {r} {a}", "SELECT {t} > 'zqf' FROM {r} {a}", "SELECT bool_or({t} > 'zqk') FROM {r} {a}",
            "SELECT id FROM {r} {a} WHERE EXISTS (SELECT 1 WHERE {t} > 'zqf')", "SELECT id FROM {r} {a} WHERE 'zqd' < ANY (SELECT {t})", "SELECT DISTINCT ON ({k}) id FROM {r} {a} ORDER BY {k}, id",
            "SELECT sum(id) OVER (PARTITION BY {k}) FROM {r} {a}", "SELECT g FROM {r} {a}, regexp_matches({t}, '[bcd]', 'g') g", "SELECT {a}.id FROM {r} {a}, unnest(string_to_array({t}, 'b')) u",
            "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY {k}) FROM {r} {a}", "SELECT mode() WITHIN GROUP (ORDER BY id) FROM {r} {a} GROUP BY {k}", "WITH w AS (SELECT id, {k} AS k FROM {r} {a}) SELECT id FROM w ORDER BY k",
            "SELECT id FROM {r} {a} WHERE ({k}, 1) > (SELECT max({k}), 0 FROM {r} {a})", "SELECT nullif({t}, 'zq') IS NULL, id FROM {r} {a}", "SELECT pg_column_size({e}), octet_length({t}) FROM {r} {a}",
            "SELECT coalesce(nullif({t} > 'zqf', false)::int, id) FROM {r} {a}", "SELECT to_tsvector('simple', {t}) FROM {r} {a}", "SELECT id FROM {r} {a} OFFSET (SELECT count(*) FROM {r} {a} WHERE {t} > 'zqg')",
            "SELECT id FROM {r} {a} UNION SELECT ascii(reverse({t})) FROM {r} {a}", "SELECT width_bucket(ascii(reverse({t})), 90, 120, 10) FROM {r} {a}", "SELECT repeat('x', ascii(reverse({t}))) FROM {r} {a}",
            "SELECT (SELECT min(x.id) FROM (SELECT id FROM {r} LIMIT ascii(reverse({t})) % 3) x) FROM {r} {a}", "SELECT lag(id, ascii({t}) % 2) OVER (ORDER BY id) FROM {r} {a}", "SELECT set_config('app.x', {t}, true) FROM {r} {a}",
            "SELECT count(*) FROM {r} {a} TABLESAMPLE bernoulli (ascii('a')) WHERE {t} > 'zqf'" if rel.sampled else "SELECT hashtext({t}) FROM {r} {a}").format(
                r=rel.sql, a=a, k=key, t=text, e=e)], False

    # ---- writing ----

    def _target(self):
        rel = self.r.choice(self.schema.tables)
        self.note(*rel.notes)
        return rel, rel.plain

    def _returning(self, rel, alias):
        if self.chance(0.3):
            self.touches = True
            return " RETURNING *"
        picked = self.r.sample(rel.columns, min(3, len(rel.columns)))
        self.touches |= any(c.taint for c in picked)
        cells = [self.one("%s.%s", "%s.%s AS o", "(%s.%s)") % (alias, c.sql) for c in picked]
        if self.chance(0.3):
            cells.append(self.value([(alias, rel.columns)], 1, "text").sql)
        return " RETURNING " + ", ".join(cells)

    def insert(self):
        self.note("INSERT RETURNING")
        rel, cols = self._target()
        key, more = str(self.r.randint(100, 999)), ""
        if rel.sampled and self.chance(0.3):
            c, k, _ = self.r.choice(cols)
            key, more = self.one("1", key), " ON CONFLICT (id) DO UPDATE SET %s = %s" % (c, self.constant(k).sql)
            self.uses |= any(c.taint for c in rel.columns)
        values = [key] + [self.constant(k).sql for _, k, _ in cols]
        return ["INSERT INTO %s AS t1 (%s) VALUES (%s)%s%s" % (rel.sql, ", ".join(["id"] + [c for c, _, _ in cols]), ", ".join(values), more, self._returning(rel, "t1"))], True

    def update(self):
        self.note("UPDATE RETURNING")
        rel, cols = self._target()
        c, k, _ = self.r.choice(cols)
        a = self.name()
        value = self.value([(a, rel.columns)], 1, k, clear=self.chance(0.8))
        self.uses |= value.taint
        more, cond = "", "%s.id < 4" % a
        if self.chance(0.3):
            sql, scols = self.source([], 0)
            key = self.leaf(scols, "int", self.cautious)
            more, cond = " FROM " + sql, "%s.id = %s" % (a, self.use(key))
        return ["UPDATE %s AS %s SET %s = %s%s WHERE %s%s" % (rel.sql, a, c, value.sql, more, cond, self._returning(rel, a))], True

    def delete(self):
        self.note("DELETE RETURNING")
        rel, _ = self._target()
        a = self.name()
        cond = self.use(self.condition([(a, rel.columns)], 0))
        more = ""
        if self.chance(0.3):
            sql, scols = self.source([], 0)
            more, cond = " USING " + sql, "%s AND %s" % (cond, self.use(self.condition(scols, 0)))
        return ["DELETE FROM %s AS %s%s WHERE %s%s" % (rel.sql, a, more, cond, self._returning(rel, a))], True

    def modifying(self):
        self.note("data-modifying CTE")
        sql = self.one(self.insert, self.update, self.delete)()[0][0].replace(" RETURNING *", " RETURNING 1 AS x")
        return [self.one("WITH moved AS (%s) SELECT * FROM moved", "WITH moved AS (%s) SELECT m.* FROM moved m", "WITH moved AS (%s) TABLE moved",
                         "WITH moved AS (%s) SELECT count(*) FROM moved") % sql if " AS o" not in sql or sql.count(" AS o") == 1 else "WITH moved AS (%s) SELECT count(*) FROM moved" % sql], True

    def merge(self):
        self.note("MERGE")
        rel, cols = self._target()
        source, scols = self.source([], 0)
        key = self.leaf(scols, "int", self.cautious)
        c, k, _ = self.r.choice(cols)
        self.use(key)
        match = self.one("%s IS NULL" % key.sql, "target.id < 3 AND %s < 5" % key.sql)
        text = "MERGE INTO %s AS target USING %s ON target.id = %s AND %s WHEN MATCHED THEN %s WHEN NOT MATCHED THEN DO NOTHING" % (
            rel.sql, source, key.sql, match, self.one("UPDATE SET %s = %s" % (c, self.constant(k).sql), "DELETE"))
        if self.version >= 17:
            self.note("MERGE RETURNING")
            picked = self.r.sample(rel.columns, min(3, len(rel.columns)))
            self.touches |= any(c.taint for c in picked)
            text += " RETURNING merge_action(), " + ", ".join("target." + c.sql for c in picked)
        self.maybe = True  # a row met twice is an error
        return [text], True

    def writing(self):
        """Masked values to where they may not be."""
        rel, cols = self._target()
        source, scols = self.source([], 1)
        c, k, _ = self.r.choice(cols)
        e = self.value(scols, 1, k)
        self.uses |= e.taint
        t = self.name("t")
        self.touches = True
        return [self.one("INSERT INTO %s (id, %s) SELECT 50, %s FROM %s LIMIT 1" % (rel.sql, c, e.sql, source),
                         "UPDATE %s SET %s = (SELECT %s FROM %s LIMIT 1) WHERE id = 1" % (rel.sql, c, e.sql, source)), "TABLE " + rel.sql, "SELECT 1 AS " + t], True

    # ---- ways to run a query ----

    def cursor(self):
        self.note("FETCH")
        q = self.top()
        return ["DECLARE cur SCROLL CURSOR FOR " + q, "FETCH 2 FROM cur", self.one("FETCH ALL FROM cur", "FETCH LAST FROM cur", "FETCH ABSOLUTE 1 FROM cur", "FETCH BACKWARD ALL FROM cur")], True

    def execute(self):
        self.note("EXECUTE")
        name = self.name("p")
        q = self.query([("(SELECT $1 AS t, $2 AS i)", [])], 1, [self.r.choice(KINDS)])
        if self.chance(0.5):
            return ["PREPARE %s (text, int) AS SELECT $1::text, x.* FROM (%s) x WHERE $2 > 0" % (name, q.sql), "EXECUTE %s ('a', 2)" % name, "DEALLOCATE " + name], False
        return ["PREPARE %s AS %s" % (name, self.top()), "EXECUTE " + name, "DEALLOCATE " + name], False

    def explain(self):
        how = self.one("EXPLAIN (COSTS OFF) ", "EXPLAIN (FORMAT json, COSTS OFF) ", "EXPLAIN (VERBOSE, COSTS OFF) ", "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ",
                       "EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT yaml) ")
        self.note(*["EXPLAIN ANALYZE"] * ("ANALYZE" in how), *["EXPLAIN VERBOSE"] * ("VERBOSE" in how), "EXPLAIN")
        text = self.top()
        self.maybe |= self.touches and "ANALYZE" in how
        return [how + text], False

    def copy(self):
        self.note("COPY (query)")
        return ["COPY (%s) TO STDOUT%s" % (self.top(), self.one("", " (FORMAT csv, HEADER)", " (FORMAT binary)", " (FORMAT csv, FORCE_QUOTE *)", " (DELIMITER '|')"))], False

    # ---- names ----

    def temporary(self):
        """A table of the session's own, perhaps of a masked table's name."""
        self.note("temp object")
        rel, _ = self._target()
        source, cols = self.source([], 1)
        e = self.value(cols, 1, "text")
        self.uses |= e.taint
        c = self.r.choice(rel.columns)
        if self.chance(0.75):
            own = self.name("mine")
            return ["CREATE TEMP TABLE %s AS SELECT %s AS o FROM %s" % (own, e.sql, source), "SELECT * FROM %s" % self.one(own, "pg_temp." + own), "DROP TABLE " + own], True
        self.touches = True
        return ["CREATE TEMP TABLE %s AS SELECT %s AS %s FROM %s" % (rel.bare, e.sql, c.sql, source), "SELECT * FROM %s" % rel.bare,
                "SELECT %s FROM %s" % (c.sql, self.one(rel.sql, rel.bare, "pg_temp." + rel.bare)), "DROP TABLE pg_temp.%s" % rel.bare, "SELECT %s FROM %s" % (c.sql, rel.bare)], True

    def shadow_view(self):
        self.note("temp object", "view")
        rel, other = self.r.sample(self.schema.tables, 2)
        kinds = {c.sql: CAST[c.kind] for c in rel.columns}
        mine = self.r.choice([c for c in other.columns if c.kind == "text"])
        self.touches = True
        c = self.r.choice(list(kinds))
        return ["CREATE TEMP VIEW %s AS SELECT %s AS %s FROM %s" % (rel.bare, mine.sql, c, other.sql), "SELECT %s FROM %s" % (c, self.one(rel.bare, rel.sql, "pg_temp." + rel.bare)),
                "SELECT * FROM %s" % rel.bare], True

    def path(self):
        """Of two tables of one name the search_path picks one."""
        self.note("search_path")
        i = self.r.randrange(2)
        rel, other = self.schema.tables[i], self.schema.others[i]
        self.touches = True
        c = self.r.choice(other.columns)
        return ["SET LOCAL search_path = %s" % self.one('"Other", app', 'app, "Other"', '"Other"', "app", '"$user", "Other"'), "SELECT %s, id FROM %s" % (c.sql, rel.bare),
                "TABLE " + rel.bare], True

    def unicode_names(self):
        self.note("U& name")
        rel = self.any_relation()
        c = self.r.choice([c for c in rel.columns])
        bare = c.sql.strip('"') if c.sql.startswith('"') else c.sql.lower()
        form, end = self.one(("\\%04x", ""), ("\\+%06x", ""), ("!%04x", " UESCAPE '!'"))
        spell = lambda s: 'U&"' + "".join(form % ord(x) for x in s) + '"' + end
        return ["SELECT u.%s AS o FROM app.%s AS u" % (spell(bare), spell(rel.unquoted())) if rel.sql.startswith("app.") else "SELECT %s FROM %s" % (spell(bare), rel.sql)], False
