# SPDX-License-Identifier: MIT
"""Random queries over a random schema, from a seed. Every expression knows whether its value may be made of a masked column; the maker
knows whether a masked column decides anything in the statement (`uses`), so that a refusal of one where none does is a false one."""

import collections

from random_schema import CAST, KINDS, Column, Random, Relation

E = collections.namedtuple("E", "sql taint")
Query = collections.namedtuple("Query", "sql taints")
WORK = 20000
# What makes a value of a kind of values of kinds. True: it fails for some values, so that a masked one decides something.
FORMS = {
    "text": [("upper(%s)", ("text",), False), ("(%s || %s)", ("text", "text"), False), ("left(%s, 3)", ("text",), False), ("%s::text", ("int",), False),
             ("CAST(%s AS text)", ("text",), False), ("(%s)[1]", ("array",), False), ("concat(%s, '-', %s)", ("text", "text"), False),
             ("json_build_object('a', %s, 'b', %s)::text", ("text", "int"), False), ("substr(%s, 2, 4)", ("text",), False), ("reverse(%s)", ("text",), False),
             ("replace(%s, 'b', %s)", ("text", "text"), True), ("md5(%s)", ("text",), False), ("nullif(%s, %s)", ("text", "text"), False),
             ("replace(%s, 'b', 'x')", ("text",), False), ("split_part(%s, 'b', 1)", ("text",), False), ("lpad(%s, 14, '*')", ("text",), False),
             ("(%s ->> 'k')", ("json",), False), ("(%s)['k']::text", ("json",), False), ("array_to_string(%s, ',')", ("array",), False),
             ("to_char(%s, 'YYYY')", ("date",), True), ("greatest(%s, %s)", ("text", "text"), False), ("%s::varchar(4)::text", ("text",), False),
             ("quote_literal(%s)", ("text",), False), ("to_jsonb(%s)::text", ("date",), False), ("%s::app.name_d", ("text",), True),
             ("(ROW(1, %s)::app.pair).v", ("text",), False), ("(%s #>> '{k}')", ("json",), False), ("(SELECT x FROM (SELECT %s AS x) q)", ("text",), False),
             ("encode(%s::bytea, 'base64')", ("text",), True), ("format('%%s', %s)", ("text",), False), ("pg_typeof(%s)::text", ("text",), False)],
    "int": [("(%s %% 97 + 1)", ("int",), True), ("length(%s)", ("text",), False), ("abs(%s)", ("int",), True), ("(%s - date '1990-01-01')", ("date",), True),
            ("extract(year FROM %s)::int", ("date",), True), ("((%s)::text)::bigint", ("int",), True), ("ascii(%s)", ("text",), False),
            ("array_length(%s, 1)", ("array",), False), ("(%s ->> 'n')::bigint", ("json",), True), ("strpos(%s, 'b')", ("text",), False),
            ("(%s IS NULL)::int", ("text",), False), ("(%s > 'zqf' AND NULL)::int", ("text",), False), ("round(%s)::bigint", ("num",), True), ("num_nulls(%s, %s)", ("text", "int"), False),
            ("cardinality(%s)", ("array",), False), ("(8 / (%s %% 5 + 6))", ("int",), True)],
    "date": [("(%s + 1)", ("date",), True), ("least(%s, %s)", ("date", "date"), True), ("%s::timestamp::date", ("date",), True),
             ("date_trunc('month', %s)::date", ("date",), True)],
    "num": [("(%s + 1)", ("num",), True), ("round(%s, 1)", ("num",), True), ("%s::numeric", ("int",), False)],
    "json": [("jsonb_build_object('t', %s, 'i', %s)", ("text", "int"), False), ("jsonb_build_array(%s, %s)", ("text", "int"), False), ("to_jsonb(%s)", ("text",), False),
             ("(%s || jsonb '{\"x\": 1}')", ("json",), True), ("(%s -> 'k')", ("json",), False), ("to_jsonb(ROW(%s, %s))", ("text", "date"), False)],
    "array": [("ARRAY[%s::text, %s::text]", ("text", "text"), False), ("(%s || 'x'::text)", ("array",), True), ("(%s)[1:1]", ("array",), False),
              ("ARRAY(SELECT %s::text)", ("text",), False), ("string_to_array(%s, 'b')", ("text",), False)],
}
NOTES = (("[", "subscript"), ("ARRAY", "array"), ("::", "cast"), ("CAST", "cast"), ("json", "json constructor"), ("pair", "composite"), ("_d", "domain"))
CONDITIONS = ("%s LIKE 'z%%'", "%s ~ 'b'", "%s BETWEEN %s AND %s", "%s IS DISTINCT FROM %s", "%s = ANY (ARRAY[%s])", "(%s, 1) < (%s, 2)", "NOT (%s = %s)")


class Maker(Random):
    """uses: a masked column decides something. maybe: it may, in a way that this does not follow. touches: one occurs at all."""

    def __init__(self, schema, seed, version=15):
        super().__init__(seed)
        self.schema, self.n, self.limit, self.version = schema, 0, WORK, version
        self.start()

    def start(self):
        self.uses = self.maybe = self.touches = False
        self.ctes, self.did, self.taints = [], set(), None
        self.work = 1  # as if every FROM item were joined with every other
        self.mood = self.r.choices(("masked", "clean", "any"), (7, 2, 1))[0]  # what it likes to show
        self.cautious = self.mood == "clean" or self.chance(0.75)  # keeps masked columns out of predicates

    def note(self, *constructs):
        self.did.update(constructs)

    def name(self, p="a"):
        self.n += 1
        return "%s%d" % (p, self.n)

    def use(self, e):
        self.uses |= e.taint
        return e.sql

    # ---- expressions: E of a kind ----

    def column(self, scope, kind, clear=False):
        found = [(a, c) for a, cols in scope for c in cols if c.kind == kind and not (c.taint and (clear or self.mood == "clean"))]
        if self.mood == "masked" and not clear and self.chance(0.8):
            found = [(a, c) for a, c in found if c.taint] or found
        if not found:
            return None
        a, c = self.r.choice(found)
        if c.note:
            self.note(c.note)
        self.touches |= c.taint
        return E("%s.%s" % (a, c.sql), c.taint)

    def constant(self, kind):
        return E({"text": self.one("'x'::text", "'nab'::text", "$$q$$::text", "U&'\\0061b'::text", "text E'a\\'b'"), "int": str(self.r.randint(1, 9)),
                  "date": "date '2001-02-03'", "json": """jsonb '{"k": "v"}'""", "array": "ARRAY['x', 'y']", "num": "%d.5" % self.r.randint(0, 9)}[kind], False)

    def leaf(self, scope, kind, clear=False):
        c = self.column(scope, kind, clear) if self.chance(0.95) else None
        return c or self.constant(kind)

    def value(self, scope, d, kind, clear=False):
        if d <= 0 or self.chance(0.4):
            return self.leaf(scope, kind, clear)
        special = self.r.random()
        if special < 0.10:
            return self.case(scope, d, kind, clear)
        if special < 0.20:
            return self.coalesce(scope, d, kind, clear)
        if special < 0.32:
            return self.subquery(scope, d, kind, clear)
        if special < 0.40 and kind == "text":
            return self.called(scope, d, clear)
        if special < 0.45:
            self.note("cast")
            e = self.value(scope, d - 1, kind, clear)
            return E("%s::%s" % (e.sql, CAST[kind]), e.taint)
        return self.form(scope, d, kind, clear)

    def form(self, scope, d, kind, clear):
        template, kinds, fails = self.r.choice(FORMS[kind])
        self.note(*(n for mark, n in NOTES if mark in template))
        parts = [self.value(scope, d - 1, k, clear or (fails and self.cautious)) for k in kinds]
        e = E(template % tuple("(%s)" % p.sql if "::" in template and p.sql.startswith("CASE") else p.sql for p in parts), any(p.taint for p in parts))
        self.uses |= e.taint and fails
        return e

    def called(self, scope, d, clear):
        self.note("SQL function")
        rows = [(a, rel) for a, cols in scope for rel, _, _ in self.schema.by_row if cols is rel.columns]
        if rows and self.chance(0.5):
            alias, rel = self.r.choice(rows)
            name, taint = self.r.choice([(n, t) for r, n, t in self.schema.by_row if r is rel])
            if not (taint and (clear or self.mood == "clean")):
                self.touches |= taint
                self.maybe |= any(c.taint for c in rel.columns) or bool(rel.comp)
                return E(self.one("app.%s(%s)" % (name, alias), "(%s).%s" % (alias, name)), True)
        e = self.value(scope, d - 1, "text", clear)
        return E(self.r.choice(self.schema.scalars) % e.sql, e.taint)

    def case(self, scope, d, kind, clear):
        self.note("CASE")
        cond, a, b = self.condition(scope, d - 1), self.value(scope, d - 1, kind, clear), self.value(scope, d - 1, kind, clear)
        self.use(cond)
        if self.chance(0.25):
            key = self.leaf(scope, "int", self.cautious)
            return E("(CASE %s WHEN 1 THEN %s::%s ELSE %s END)" % (self.use(key), a.sql, CAST[kind], b.sql), a.taint or b.taint)
        return E("(CASE WHEN %s THEN %s::%s ELSE %s END)" % (cond.sql, a.sql, CAST[kind], b.sql), a.taint or b.taint)

    def coalesce(self, scope, d, kind, clear):
        self.note("COALESCE")
        a, b = self.leaf(scope, kind, clear), self.value(scope, d - 1, kind, clear)
        return E("COALESCE(%s, %s)" % (a.sql, b.sql), a.taint or b.taint)

    def subquery(self, scope, d, kind, clear):
        self.note("subquery")
        if self.chance(0.5) and kind not in ("json", "array"):
            sub, cols = self.source([], 0)
            inner = self.leaf(cols, kind, clear)
            return E("(SELECT %s(%s) FROM %s)" % (self.one("min", "max"), inner.sql, sub), inner.taint)
        q = self.query(scope, d - 1, [kind], one=True, clear=clear)
        return E("(%s)" % q.sql, q.taints[0])

    def condition(self, scope, d):
        clear = self.cautious
        form = self.r.randrange(9)
        kind = self.one("int", "text", "date")
        if form == 0 and d > 0:
            a, b = self.condition(scope, d - 1), self.condition(scope, d - 1)
            return E("(%s %s %s)" % (a.sql, self.one("AND", "OR"), b.sql), a.taint or b.taint)
        if form == 1 and d > 0:
            self.note("subquery")
            q = self.query(scope, d - 1, ["int"], clear=clear)
            return E("EXISTS (%s)" % q.sql, False)
        if form == 2 and d > 0:
            self.note("subquery")
            q, e = self.query(scope, d - 1, [kind], clear=clear), self.value(scope, 0, kind, clear)
            return E("%s %s (%s)" % (e.sql, self.one("IN", "= ANY", "NOT IN"), q.sql), e.taint or q.taints[0])
        if form == 3:
            e = self.leaf(scope, kind, clear)
            return E("%s IN (%s, %s)" % (e.sql, self.constant(kind).sql, self.constant(kind).sql), e.taint)
        if form == 4:
            template = self.r.choice(CONDITIONS)
            kind = "text" if "z" in template or "~" in template else kind
            parts = [self.leaf(scope, kind, clear) for _ in range(template.replace("%%", "").count("%s"))]
            return E("(" + template % tuple(p.sql for p in parts) + ")", any(p.taint for p in parts))
        if form < 7:
            e = self.leaf(scope, kind, clear)
            return E("%s IS NOT NULL" % e.sql, e.taint)
        a, b = self.leaf(scope, kind, clear), self.leaf(scope, kind, clear)
        return E("%s %s %s" % (a.sql, self.one("<", "<>", ">=", "<="), b.sql), a.taint or b.taint)

    # ---- FROM ----

    def relation(self, rel, alias):
        self.work *= rel.work
        self.uses |= rel.uses
        self.touches |= rel.touches
        self.note(*rel.notes)
        if self.chance(0.15):
            self.note("column alias list")
            names = [self.name("k") for _ in rel.columns]
            return "%s AS %s(%s)" % (rel.sql, alias, ", ".join(names)), [(alias, [c._replace(sql=n) for n, c in zip(names, rel.columns)])]
        sample = ""
        if rel.sampled and self.chance(0.08):
            self.note("TABLESAMPLE")
            sample = self.one(" TABLESAMPLE bernoulli (60) REPEATABLE (3)", " TABLESAMPLE system (100)")
        return "%s%s %s%s" % ("ONLY " * ("partition" not in rel.notes and "view" not in str(rel.notes) and self.chance(0.03)), rel.sql, alias, sample), [(alias, rel.columns)]

    def source(self, scope, d):
        """→ SQL of a FROM item, and its scope."""
        alias, roll = self.name(), self.r.random()
        if d > 0 and roll < 0.18:
            kinds = [self.r.choice(KINDS) for _ in range(self.r.randint(1, 3))]
            names = [self.name("s") for _ in kinds]
            self.note("subquery")
            q = self.query([], d - 1, kinds)
            return "(%s) AS %s(%s)" % (q.sql, alias, ", ".join(names)), [(alias, [Column(*c) for c in zip(names, kinds, q.taints)])]
        if d > 0 and roll < 0.34:
            return self.join(d)
        if roll < 0.40:
            self.note("VALUES")
            self.work *= 2
            rows = ", ".join("(%d, 'v%d')" % (i, i) for i in range(1, self.r.randint(2, 4)))
            return "(VALUES %s) AS %s(i, t)" % (rows, alias), [(alias, [Column("i", "int", False), Column("t", "text", False)])]
        if roll < 0.44:
            self.note("ROWS FROM")
            self.work *= 3
            return ("ROWS FROM (generate_series(1, 3), generate_series(5, 6)) WITH ORDINALITY AS %s(i, j, o)" % alias,
                    [(alias, [Column("i", "int", False), Column("j", "int", False)])])
        if roll < 0.49:
            return self.function(alias)
        if self.work * 5 > self.limit:
            return "(SELECT 1 AS i, 'one' AS t) %s" % alias, [(alias, [Column("i", "int", False), Column("t", "text", False)])]
        if self.ctes and roll < 0.75:
            return self.relation(self.r.choice(self.ctes), alias)
        return self.relation(self.r.choice([r for r in self.schema.relations if r.work * self.work <= self.limit]), alias)

    def function(self, alias):
        """An SQL function that reads tables."""
        self.note("SQL function")
        f = self.r.choice([f for f in self.schema.functions if f.work * self.work <= self.limit] or self.schema.functions)
        self.work *= f.work
        self.uses |= f.uses
        self.touches |= f.touches
        names = [self.name("r") for _ in f.columns]
        sql = "%s AS %s(%s)" % (f.sql, alias, ", ".join(names))
        if self.chance(0.3):
            self.note("ROWS FROM")
            sql = "ROWS FROM (%s, generate_series(1, 2)) AS %s(%s, g)" % (f.sql, alias, ", ".join(names))
        return sql, [(alias, [Column(n, k, t) for n, (k, t) in zip(names, f.columns)])]

    def join(self, d):
        if self.chance(0.5):
            return self.table_join()
        (left, lcols), (right, rcols) = self.source([], d - 1), self.source([], d - 1)
        kind = self.one("JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "CROSS JOIN")
        if kind == "CROSS JOIN":
            return "(%s CROSS JOIN %s)" % (left, right), lcols + rcols
        a, b = self.leaf(lcols, "int", self.cautious), self.leaf(rcols, "int", self.cautious)
        return "(%s %s %s ON %s = %s)" % (left, kind, right, self.use(a), self.use(b)), lcols + rcols

    def table_join(self):
        """Of tables that have names of columns in common: USING, or NATURAL, which takes them all."""
        a, b = self.r.sample(self.schema.tables + self.schema.others + [self.schema.foreign], 2)
        self.work *= a.work * b.work
        x, y = self.name(), self.name()
        mine, theirs = ({c.sql.lower().strip('"'): c for c in r.columns} for r in (a, b))
        common = {n: mine[n].taint or theirs[n].taint for n in mine if n in theirs and mine[n].kind == theirs[n].kind}
        self.note(*a.notes, *b.notes)
        self.touches |= any(c.taint for c in a.columns + b.columns)
        kind, scope = self.one("JOIN", "LEFT JOIN", "JOIN", "FULL JOIN"), [(x, a.columns), (y, b.columns)]
        if self.chance(0.35):
            self.note("NATURAL")
            if self.cautious or len(common) < len([n for n in mine if n in theirs]):
                names = ["id"] + [self.name("k") for _ in a.columns[1:]]
                right = "(SELECT id, %s FROM %s) %s" % (", ".join("%s AS %s" % (c.sql, self.name("k")) for c in b.columns[1:]), b.sql, y)
                left = "(SELECT id, %s FROM %s) %s" % (", ".join("%s AS %s" % (c.sql, n) for c, n in zip(a.columns[1:], names[1:])), a.sql, x)
                return "(%s NATURAL %s %s)" % (left, kind, right), [(x, [c._replace(sql=n) for n, c in zip(names, a.columns)])]
            self.uses |= any(common.values()) or bool(a.comp) or bool(b.comp)
            return "(%s %s NATURAL %s %s %s)" % (a.sql, x, kind, b.sql, y), scope
        self.note("USING")
        names = ["id"]
        if not self.cautious:
            names += self.r.sample([n for n in common if n != "id"], min(1, len(common) - 1))
        self.uses |= any(common[n] for n in names)
        sql = "%s %s %s %s %s USING (%s)" % (a.sql, x, kind, b.sql, y, ", ".join(names))
        if self.chance(0.3):
            u = self.name("u")
            return "(%s AS %s)" % (sql, u), scope + [(u, [mine[n]._replace(taint=common[n]) for n in names])]
        return "(%s)" % sql, scope

    # ---- queries ----

    def query(self, scope, d, kinds, one=False, clear=False):
        roll = self.r.random()
        if d > 0 and roll < 0.12 and not one:
            return self.set_operation(scope, d, kinds, clear)
        if d > 0 and roll < 0.22:
            return self.with_query(scope, d, kinds, one, clear)
        if roll < 0.25 and not one:
            return self.values(kinds)
        return self.select(scope, d, kinds, one, clear)

    def values(self, kinds):
        self.note("VALUES")
        rows = [[self.value([], 1, k) for k in kinds] for _ in range(self.r.randint(1, 3))]
        return Query("VALUES " + ", ".join("(%s)" % ", ".join("%s::%s" % (e.sql, CAST[k]) for e, k in zip(row, kinds)) for row in rows),
                     [any(e.taint for e in column) for column in zip(*rows)])

    def set_operation(self, scope, d, kinds, clear):
        self.note("set operation")
        a, b = self.select(scope, d - 1, kinds, False, clear, cast=True), self.select(scope, d - 1, kinds, False, clear, cast=True)
        taints = [x or y for x, y in zip(a.taints, b.taints)]
        op = "UNION ALL" if any(taints) and self.cautious else self.one("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL", "INTERSECT ALL")
        self.uses |= op != "UNION ALL" and any(taints)
        return Query("(%s) %s (%s)" % (a.sql, op, b.sql), taints)

    def with_query(self, scope, d, kinds, one, clear):
        name, inner = self.name("w"), [self.r.choice(KINDS) for _ in range(self.r.randint(1, 3))]
        before = list(self.ctes)
        if self.chance(0.35):
            body = self.recursive(name)
        else:
            self.note("CTE")
            columns, q = [self.name("c") for _ in inner], self.query([], d - 1, inner)
            body = "WITH %s(%s) AS %s(%s)" % (name, ", ".join(columns), self.one("", "", "MATERIALIZED ", "NOT MATERIALIZED "), q.sql)
            self.ctes.append(Relation(name, [Column(*c) for c in zip(columns, inner, q.taints)]))
        main = self.select(scope, d - 1, kinds, one, clear)
        self.ctes = before
        return Query("%s %s" % (body, main.sql), main.taints)

    def recursive(self, name):
        self.note("recursive CTE")
        if self.chance(0.35):
            self.ctes.append(Relation(name, [Column("n", "int", False)]))
            return "WITH RECURSIVE %s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM %s WHERE n < 4)" % (name, name)
        col = self.select([], 0, ["text"], True, False, cast=True)
        taint, step, union = col.taints[0], self.one("t", "t || 'x'", "COALESCE(t, 'n')"), "UNION ALL"
        if not (taint and self.cautious):
            union = self.one("UNION", "UNION ALL")
            self.uses |= taint and union == "UNION"
        self.ctes.append(Relation(name, [Column("n", "int", False), Column("t", "text", taint)]))
        return "WITH RECURSIVE %s(n, t) AS (SELECT 1, (%s) %s SELECT n + 1, %s FROM %s WHERE n < 3)" % (name, col.sql, union, step, name)

    def select(self, scope, d, kinds, one=False, clear=False, cast=False):
        items, cols = [], []
        for _ in range(self.one(1, 1, 1, 2)):
            if cols and d > 0 and self.chance(0.35):
                self.note("LATERAL")
                a, q = self.name(), self.select(cols, d - 1, ["text"], one=True, clear=clear)
                items.append("LATERAL (%s) AS %s(lt)" % (q.sql, a))
                cols = cols + [(a, [Column("lt", "text", q.taints[0])])]
                continue
            sql, more = self.source(scope, d)
            items.append(sql)
            cols = cols + more
        every = cols + scope if self.chance(0.7) else cols
        where = " WHERE " + self.use(self.condition(every, d - 1)) if self.chance(0.45) else ""
        if d > 0 and self.chance(0.2):
            return self.grouped(items, cols, where, kinds, clear)
        return self.plain(items, cols, every, where, kinds, d, one, clear, cast)

    def plain(self, items, cols, every, where, kinds, d, one, clear, cast):
        targets, taints = [], []
        for k in kinds:
            e = self.window(cols, k, clear) if self.chance(0.10) else self.value(every, d - 1, k, clear)
            alias = ""
            if self.chance(0.15):
                self.note("alias")
                alias = self.one(" AS %s", " AS \"%s\"", " %s") % self.name("o")
            targets.append(("%s::%s" % (e.sql, CAST[k]) if cast or k == "int" and e.sql.isdigit() else e.sql) + alias)
            taints.append(e.taint)
        distinct = tail = ""
        key = self.column(cols, "int" if self.cautious else self.one("int", "text", "date", "num"), self.cautious) or E("1", False)
        if not one and self.chance(0.1) and "." in key.sql:
            self.note("DISTINCT ON")
            distinct = "DISTINCT ON (%s) " % self.use(key)
        elif not one and self.chance(0.04) and "json" not in kinds:
            self.uses |= any(taints)
            distinct = "DISTINCT "
        if one:
            tail = " LIMIT 1"
        elif not distinct and self.chance(0.3) and "." in key.sql:
            tail = " ORDER BY %s" % self.use(key) + self.one("", " DESC", " NULLS FIRST", " LIMIT 3", " OFFSET 1", " FETCH FIRST 2 ROWS WITH TIES")
        return Query("SELECT %s%s FROM %s%s%s" % (distinct, ", ".join(targets), ", ".join(items), where, tail), taints)

    def window(self, cols, kind, clear):
        self.note("window function")
        e, key = self.leaf(cols, kind, clear), self.leaf(cols, "int", self.cautious)
        sort = self.leaf(cols, "int" if self.cautious else self.one("int", "text", "date"), self.cautious)
        self.use(key)
        if kind == "int" and self.chance(0.3):
            return E("%s() OVER (PARTITION BY %s ORDER BY %s)" % (self.one("rank", "row_number", "dense_rank"), key.sql, self.use(sort)), False)
        f = self.one("first_value(%s)", "last_value(%s)", "lag(%s)", "lead(%s, 2)", "nth_value(%s, 2)") if kind in ("json", "array") or self.chance(0.6) \
            else self.one("max(%s)", "min(%s)")
        frame = "" if "max" in f or "min" in f or self.chance(0.5) else " ORDER BY %s" % self.use(sort)
        return E((f + " OVER (PARTITION BY %s%s)") % (e.sql, key.sql, frame), e.taint)

    def grouped(self, items, cols, where, kinds, clear):
        """One group key, then aggregates."""
        key = self.column(cols, "int", self.cautious) or E("(SELECT 1)", False)
        self.use(key)
        sets = self.one("%s", "%s", "GROUPING SETS ((%s), ())", "ROLLUP (%s)", "CUBE (%s)")
        self.note("GROUP BY" if sets == "%s" else "grouping sets")
        targets, taints = [], []
        for k in kinds:
            agg, taint = self.aggregate(cols, k, clear)
            if self.chance(0.3):
                self.note("FILTER")
                agg += " FILTER (WHERE %s)" % self.use(self.condition(cols, 0))
            targets.append("(%s)::%s" % (agg, CAST[k]))
            taints.append(taint)
        having = " HAVING count(*) > 0" if self.chance(0.3) else ""
        if having and not self.cautious and self.chance(0.5):
            e = self.leaf(cols, self.one("text", "date"))
            having = " HAVING max(%s) > min(%s)" % (self.use(e), e.sql)
        return Query("SELECT %s FROM %s%s GROUP BY %s%s ORDER BY %s" % (
            ", ".join(targets), ", ".join(items), where, sets % key.sql, having, "count(*), %s" % key.sql if sets == "%s" else "count(*)"), taints)

    def aggregate(self, cols, kind, clear):
        e = self.leaf(cols, kind if kind not in ("json", "array") else "text", clear)
        if kind == "json" or kind == "array":
            self.note("json constructor" if kind == "json" else "array")
            return self.one(*{"json": ("jsonb_agg(%s)", "jsonb_agg(%s ORDER BY 1)"), "array": ("array_agg(%s)",)}[kind]) % ("(%s)::text" % e.sql), e.taint
        if kind == "int" and self.chance(0.5):
            return "count(*)", False
        if kind == "text" and self.chance(0.3):
            return "string_agg(%s, ',')" % e.sql, e.taint
        return self.one("min(%s)", "max(%s)") % e.sql, e.taint
