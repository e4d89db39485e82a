# SPDX-License-Identifier: MIT
"""Random SQL over a random schema, from a seed. Every expression knows whether its value may be made of a masked column; every
statement knows whether a masked column decides anything in it (`uses`), so that a refusal of one where none does is a false one."""

import collections
import random

KINDS = ("text", "int", "date", "json", "array", "num")
TYPES = {"text": ["text", "varchar(60)", "name_d"], "int": ["int", "bigint"], "date": ["date"], "json": ["jsonb"], "array": ["text[]"], "num": ["numeric(12,2)"]}
CAST = {"text": "text", "int": "bigint", "date": "date", "json": "jsonb", "array": "text[]", "num": "numeric"}

E = collections.namedtuple("E", "sql taint calm")  # calm: cannot fail
Column = collections.namedtuple("Column", "sql kind taint")


class Relation:
    """work: how many rows the server looks at to make it, at most."""

    def __init__(self, sql, columns, uses=False, construct=None, writable=False, work=5):
        self.sql, self.columns, self.uses, self.construct, self.writable, self.work = sql, columns, uses, construct, writable, work


class Random:
    """What schema and statements have in common: a place to draw from."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def one(self, *v):
        return self.r.choice(v)

    def chance(self, p):
        return self.r.random() < p


class Schema(Random):
    """setup: DDL as superuser, data-free. rows(secret): INSERTs, whose masked values depend on secret alone. masked: patterns."""

    def __init__(self, seed):
        super().__init__(seed)
        self.setup, self.tables, self.relations, self.masked, self.functions = [], [], [], [], []
        self.setup.append("CREATE SCHEMA app; CREATE DOMAIN app.name_d AS text; CREATE TYPE app.pair AS (k int, v text);")
        for n in range(self.r.randint(4, 6)):
            self._table(n)
        self._partitioned()
        self._inherited()
        self._functions()
        self.setup.append("GRANT USAGE ON SCHEMA app TO pgveil_agent; GRANT ALL ON ALL TABLES IN SCHEMA app TO pgveil_agent;")

    def _name(self, base):
        form = self.r.randrange(4)
        if form == 0:
            return '"%s"' % base.title(), base.title()
        if form == 1:
            return '"%s x"' % base, base + " x"
        return base, base

    def _columns(self, n, prefix, masked=0.65):
        out = [("id", "int", "int", False)]
        for i in range(n):
            kind = KINDS[i] if i < len(KINDS) else self.r.choice(KINDS)
            out.append((prefix + kind[0] + str(i), kind, self.r.choice(TYPES[kind]), self.chance(masked)))
        return out

    def _add(self, sql, bare, cols, extra="", construct=None, writable=True):
        quoted = []
        for c, kind, _, masked in cols:
            q = self.one(c, '"%s"' % c, c.upper()) if c != "id" else c
            if masked:
                self.masked.append('app."%s"."%s"' % (bare, c))
            quoted.append(Column(q, kind, masked))
        rel = Relation("app." + sql, quoted, construct=construct, writable=writable)
        self.relations.append(rel)
        return rel

    def _table(self, n):
        sql, bare = self._name("tab%d" % n)
        cols = self._columns(self.r.randint(5, 8), "c")
        defs = ", ".join("%s %s%s" % (c, ("app." if t == "name_d" else "") + t, " PRIMARY KEY" if c == "id" else "") for c, _, t, _ in cols)
        source = [c for c, k, _, _ in cols if k == "text"][0]
        tainted = [m for c, _, _, m in cols if c == source][0]
        self.setup.append("CREATE TABLE app.%s (%s, made text GENERATED ALWAYS AS (%s || '!') STORED, comp app.pair);" % (sql, defs, source))
        rel = self._add(sql, bare, cols)
        self.tables.append((rel, cols))
        rel.columns.append(Column("made", "text", tainted))
        rel.plain = len(cols)
        rel.comp = self.chance(0.4)
        if rel.comp:
            self.masked.append('app."%s".comp' % bare)

    def _partitioned(self):
        cols = self._columns(5, "p")
        defs = ", ".join("%s %s" % (c, ("app." if t == "name_d" else "") + t) for c, _, t, _ in cols)
        self.setup.append("CREATE TABLE app.parts (%s) PARTITION BY RANGE (id); CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM (0) TO (4);"
                          "CREATE TABLE app.parts_2 PARTITION OF app.parts DEFAULT;" % defs)
        rel = self._add("parts", "parts", cols, construct="partition")
        self.tables.append((rel, cols))
        rel.plain = len(cols)
        rel.comp = None
        for child in ("parts_1", "parts_2"):
            self.relations.append(Relation("app." + child, rel.columns, construct="partition"))

    def _inherited(self):
        parent, cols = self.tables[0]
        self.setup.append("CREATE TABLE app.child (extra text) INHERITS (%s);" % parent.sql)
        rel = Relation("app.child", list(parent.columns), construct="inheritance")
        self.relations.append(rel)

    def _functions(self):
        rel, cols = self.tables[1]
        text = [c for c, k, _, _ in cols if k == "text"][0]
        column = [c for c in rel.columns if c.kind == "text"][0]
        self.setup.append("CREATE FUNCTION app.shout(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper(t) || ''!''';"
                          "CREATE FUNCTION app.texts(n int) RETURNS SETOF text LANGUAGE sql STABLE AS $f$SELECT %s FROM %s WHERE id <= n$f$;" % (text, rel.sql))
        self.functions = [("app.texts", column.taint)]

    def views(self, maker):
        """DDL of views made by the statements' own maker; the views join self.relations."""
        out = []
        maker.limit = 125
        for n in range(6):
            kinds = [self.r.choice(KINDS) for _ in range(self.r.randint(1, 4))]
            maker.start()
            q = maker.query([], 2, kinds)
            names = ["v%d" % i for i in range(len(kinds))]
            kind = self.one("VIEW", "VIEW", "VIEW", "MATERIALIZED VIEW")
            options = " WITH (security_barrier)" if kind == "VIEW" and self.chance(0.4) else ""
            out.append("CREATE %s app.view%d (%s)%s AS %s" % (kind, n, ", ".join(names), options, q.sql))
            columns = [Column(c, k, t) for c, k, t in zip(names, kinds, q.taints)]
            construct = "materialized view" if kind != "VIEW" else "security-barrier view" if options else "view"
            rel = Relation("app.view%d" % n, columns, uses=maker.uses, construct=construct, work=maker.work)
            rel.maybe = maker.maybe
            self.relations.append(rel)
        return out

    def rows(self, secret):
        """The same rows but for what is masked."""
        clear, dark = random.Random(7), random.Random(secret)
        out = []
        for rel, cols in self.tables:
            for i in range(1, 6):
                values = []
                for c, kind, _, masked in cols:
                    nothing = clear.random() < 0.08 and i > 2  # masks keep NULL
                    values.append(str(i) if c == "id" else "NULL" if nothing else self._value(kind, dark if masked else clear, "zq" if masked else "n"))
                comp = "" if rel.comp is None else ", comp"
                pair = "" if rel.comp is None else ", ROW(%d, '%s')" % (i, (dark if rel.comp else clear).choice("abcdefgh") * 5)
                out.append("INSERT INTO %s (%s%s) VALUES (%s%s);" % (rel.sql, ", ".join(c for c, _, _, _ in cols), comp, ", ".join(values), pair))
        return out

    @staticmethod
    def _value(kind, r, mark):
        word = mark + "".join(r.choice("bcdfghklmnp") for _ in range(8))
        return {"text": "'%s'" % word, "int": str(r.randint(100000, 999999999)), "date": "date '1900-01-01' + %d" % r.randint(0, 40000),
                "json": """'{"k": "%s", "n": %d}'""" % (word, r.randint(1, 999999)), "array": "ARRAY['%s', '%s']" % (word, word[::-1]),
                "num": "%d.%02d" % (r.randint(1, 99999), r.randint(0, 99))}[kind]


Query = collections.namedtuple("Query", "sql taints")
# A statement: texts to send one after another; taints: of each output column, where known.
Did = collections.namedtuple("Did", "texts rolled_back constructs uses maybe taints")
WORK = 20000


class Maker(Random):
    """Statements. uses: a masked column decides something; maybe: it may, in a way that this does not follow."""

    def __init__(self, schema, seed, clean=False):
        super().__init__(seed)
        self.schema, self.n, self.count = schema, 0, collections.Counter()
        self.limit = WORK
        self.start()

    def start(self):
        self.work = 1  # as if every FROM item were joined with every other
        self.uses = self.maybe = False
        self.ctes = []
        self.cautious = self.chance(0.8)  # keeps masked columns out of predicates
        self.did = set()
        self.taints = None

    def note(self, construct):
        self.did.add(construct)

    def name(self, p="a"):
        self.n += 1
        return "%s%d" % (p, self.n)

    def use(self, e):
        self.uses |= e.taint
        return e.sql

    # ---- expressions: E of a kind ----

    def column(self, scope, kind, clear=False):
        found = [(a, c) for a, cols in scope for c in cols if c.kind == kind and not (clear and c.taint)]
        if not found:
            return None
        a, c = self.r.choice(found)
        return E("%s.%s" % (a, c.sql), c.taint, True)

    def constant(self, kind):
        return E({"text": self.one("'x'", "'nab'", "$$q$$", "U&'\\0061b'", "E'a\\'b'"), "int": str(self.r.randint(0, 9)), "date": "date '2001-02-03'",
                  "json": """jsonb '{"k": "v"}'""", "array": "ARRAY['x', 'y']", "num": "%d.5" % self.r.randint(0, 9)}[kind], False, True)

    def leaf(self, scope, kind, clear=False):
        c = self.column(scope, kind, clear) if self.chance(0.93) else None
        return c or self.constant(kind)

    def value(self, scope, d, kind, clear=False):
        if d <= 0 or self.chance(0.35):
            return self.leaf(scope, kind, clear)
        special = self.r.random()
        if special < 0.10:
            return self.case(scope, d, kind, clear)
        if special < 0.18:
            return self.coalesce(scope, d, kind, clear)
        if special < 0.30:
            return self.subquery(scope, d, kind, clear)
        return getattr(self, "_" + kind)(scope, d - 1, clear)

    def mix(self, template, *parts, fails=False):
        if fails:
            for p in parts:
                self.use(p)
        return E(template % tuple(p.sql for p in parts), any(p.taint for p in parts), False)

    def _text(self, scope, d, clear):
        t = lambda: self.value(scope, d, "text", clear)
        form = self.r.randrange(9)
        if form == 0:
            return self.mix("upper(%s)", t())
        if form == 1:
            return self.mix("(%s || %s)", t(), t())
        if form == 2:
            return self.mix("left(%s, 3)", t())
        if form == 3:
            self.note("cast")
            return self.mix("%s::text", self.leaf(scope, "int", clear))
        if form == 4:
            self.note("cast")
            return self.mix("CAST(%s AS text)", self.leaf(scope, "text", clear))
        if form == 5:
            self.note("subscript")
            return self.mix("(%s)[1]", self.leaf(scope, "array", clear), fails=True)
        if form == 6:
            return self.mix("concat(%s, '-', %s)", t(), t())
        if form == 7:
            self.note("json constructor")
            self.maybe = True
            return self.mix("json_build_object('a', %s, 'b', %s)::text", t(), self.leaf(scope, "int", clear))
        self.note("SQL function")
        self.maybe = True
        return self.mix("app.shout(%s)", t())

    def _int(self, scope, d, clear):
        form = self.r.randrange(4)
        if form == 0:
            return self.mix("(%s %% 97 + 1)", self.value(scope, d, "int", clear), fails=True)
        if form == 1:
            return self.mix("length(%s)", self.value(scope, d, "text", clear), fails=True)
        if form == 2:
            return self.mix("abs(%s)", self.leaf(scope, "int", clear), fails=True)
        return self.mix("(%s - date '1990-01-01')", self.leaf(scope, "date", clear), fails=True)

    def _date(self, scope, d, clear):
        return self.mix("(%s + 1)", self.value(scope, d, "date", clear), fails=True) if self.chance(0.6) else self.leaf(scope, "date", clear)

    def _num(self, scope, d, clear):
        return self.mix("(%s + 1)", self.leaf(scope, "num", clear), fails=True) if self.chance(0.6) else self.leaf(scope, "num", clear)

    def _json(self, scope, d, clear):
        self.note("json constructor")
        self.maybe = True
        return self.mix(self.one("jsonb_build_object('t', %s, 'i', %s)", "jsonb_build_array(%s, %s)"), self.value(scope, d, "text", clear),
                        self.leaf(scope, "int", clear))

    def _array(self, scope, d, clear):
        self.note("array")
        return self.mix("ARRAY[%s::text, %s::text]", self.value(scope, d, "text", clear), self.leaf(scope, "text", clear))

    def case(self, scope, d, kind, clear):
        self.note("CASE")
        cond, a, b = self.condition(scope, d - 1), self.value(scope, d - 1, kind, clear), self.value(scope, d - 1, kind, clear)
        self.use(cond)
        self.maybe |= a.taint or b.taint
        return E("CASE WHEN %s THEN %s::%s ELSE %s END" % (cond.sql, a.sql, CAST[kind], b.sql), a.taint or b.taint, False)

    def coalesce(self, scope, d, kind, clear):
        self.note("COALESCE")
        a, b = self.leaf(scope, kind, clear), self.value(scope, d - 1, kind, clear)
        self.maybe |= a.taint or b.taint
        return E("COALESCE(%s, %s)" % (a.sql, b.sql), a.taint or b.taint, False)

    def subquery(self, scope, d, kind, clear):
        self.note("subquery")
        if self.chance(0.5):
            return self.aggregate_of(scope, d, kind, clear)
        q = self.query(scope, d - 1, [kind], one=True, clear=clear)
        return E("(%s)" % q.sql, q.taints[0], False)

    def aggregate_of(self, scope, d, kind, clear):
        sub, cols = self.source([], 0)
        inner = self.leaf(cols, kind, clear)
        if kind in ("json", "array"):
            q = self.query(scope, d - 1, [kind], one=True, clear=clear)
            return E("(%s)" % q.sql, q.taints[0], False)
        self.maybe |= inner.taint
        return E("(SELECT %s(%s) FROM %s)" % (self.one("min", "max"), inner.sql, sub), inner.taint, False)

    def condition(self, scope, d):
        clear = self.cautious
        form = self.r.randrange(7)
        kind = self.one("int", "text", "date")
        if form == 0 and d > 0:
            a, b = self.condition(scope, d - 1), self.condition(scope, d - 1)
            return self.mix("(%s " + self.one("AND", "OR") + " %s)", a, b, fails=True)
        if form == 1 and d > 0:
            q = self.query(scope, d - 1, ["int"], clear=clear)
            return E("EXISTS (%s)" % q.sql, False, False)
        if form == 2 and d > 0:
            q, e = self.query(scope, d - 1, [kind], clear=clear), self.value(scope, 0, kind, clear)
            self.uses |= e.taint or q.taints[0]
            return E("%s IN (%s)" % (e.sql, q.sql), e.taint or q.taints[0], False)
        if form == 3:
            return self.mix("%s IS NOT NULL", self.leaf(scope, kind, clear))
        if form == 4:
            return self.mix("%s IN (%s, %s)", self.leaf(scope, kind, clear), self.constant(kind), self.constant(kind))
        return self.mix("%s " + self.one("<", "<>", ">=", "=") + " %s", self.leaf(scope, kind, clear), self.leaf(scope, kind, clear))

    # ---- FROM ----

    def relation(self, rel, alias):
        self.work *= rel.work
        self.uses |= rel.uses
        self.maybe |= getattr(rel, "maybe", False)
        if rel.construct:
            self.note(rel.construct)
        if self.chance(0.15) and rel.columns:
            self.note("column alias list")
            names = [self.name("k") for _ in rel.columns]
            return "%s AS %s(%s)" % (rel.sql, alias, ", ".join(names)), [(alias, [Column(n, c.kind, c.taint) for n, c in zip(names, rel.columns)])]
        sample = ""
        if rel.writable and self.chance(0.05):
            self.note("TABLESAMPLE")
            sample = " TABLESAMPLE bernoulli (60) REPEATABLE (3)"
        return "%s %s%s" % (rel.sql, alias, sample), [(alias, rel.columns)]

    def source(self, scope, d):
        """→ SQL of a FROM item, and its scope."""
        alias, roll = self.name(), self.r.random()
        if d > 0 and roll < 0.20:
            kinds = [self.r.choice(KINDS) for _ in range(self.r.randint(1, 3))]
            names = [self.name("s") for _ in kinds]
            self.note("subquery")
            q = self.query([], d - 1, kinds)
            return "(%s) AS %s(%s)" % (q.sql, alias, ", ".join(names)), [(alias, [Column(*c) for c in zip(names, kinds, q.taints)])]
        if d > 0 and roll < 0.32:
            return self.join(d)
        if roll < 0.42:
            self.note("VALUES")
            self.work *= 2
            rows = ", ".join("(%d, 'v%d')" % (i, i) for i in range(self.r.randint(1, 3)))
            return "(VALUES %s) AS %s(i, t)" % (rows, alias), [(alias, [Column("i", "int", False), Column("t", "text", False)])]
        if roll < 0.48:
            self.note("ROWS FROM")
            self.work *= 3
            return ("ROWS FROM (generate_series(1, 3), generate_series(5, 6)) WITH ORDINALITY AS %s(i, j, o)" % alias,
                    [(alias, [Column("i", "int", False), Column("j", "int", False)])])
        if roll < 0.52 and self.schema.functions:
            self.note("SQL function")
            self.maybe = True
            f, taint = self.r.choice(self.schema.functions)
            return "%s(5) AS %s(t)" % (f, alias), [(alias, [Column("t", "text", taint)])]
        if self.work * 5 > self.limit:
            return "(SELECT 1 AS i, 'one' AS t) %s" % alias, [(alias, [Column("i", "int", False), Column("t", "text", False)])]
        if self.ctes and roll < 0.70:
            return self.relation(self.r.choice(self.ctes), alias)
        return self.relation(self.r.choice([r for r in self.schema.relations if r.work * self.work <= self.limit]), alias)

    def join(self, d):
        left, lcols = self.source([], d - 1)
        right, rcols = self.source([], d - 1)
        shared = [c.sql for _, cols in lcols for c in cols if c.sql == "id"]
        if len(lcols) == 1 and len(rcols) == 1 and shared and any(c.sql == "id" for _, cols in rcols for c in cols) and self.chance(0.6):
            self.note("USING")
            kind = self.one("JOIN", "LEFT JOIN", "FULL JOIN")
            return "(%s %s %s USING (id))" % (left, kind, right), lcols + rcols
        kind = self.one("JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "CROSS JOIN")
        if kind == "CROSS JOIN":
            return "(%s CROSS JOIN %s)" % (left, right), lcols + rcols
        a, b = self.leaf(lcols, "int", self.cautious), self.leaf(rcols, "int", self.cautious)
        self.use(a), self.use(b)
        return "(%s %s %s ON %s = %s)" % (left, kind, right, a.sql, b.sql), lcols + rcols

    # ---- queries ----

    def query(self, scope, d, kinds, one=False, clear=False):
        roll = self.r.random()
        if d > 0 and roll < 0.12 and not one:
            return self.set_operation(scope, d, kinds, clear)
        if d > 0 and roll < 0.22:
            return self.with_query(scope, d, kinds, one, clear)
        if roll < 0.26 and not one:
            return self.values(kinds)
        return self.select(scope, d, kinds, one, clear)

    def values(self, kinds):
        self.note("VALUES")
        row = lambda: "(%s)" % ", ".join("%s::%s" % (self.constant(k).sql, CAST[k]) for k in kinds)
        return Query("VALUES %s" % ", ".join(row() for _ in range(self.r.randint(1, 3))), [False] * len(kinds))

    def set_operation(self, scope, d, kinds, clear):
        self.note("set operation")
        a, b = self.select(scope, d - 1, kinds, False, clear, cast=True), self.select(scope, d - 1, kinds, False, clear, cast=True)
        taints = [x or y for x, y in zip(a.taints, b.taints)]
        op = "UNION ALL" if any(taints) and self.cautious else self.one("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL")
        if op != "UNION ALL":
            self.uses |= any(taints)
            if "json" in kinds:
                op = "UNION ALL"
        self.maybe |= any(taints)
        return Query("(%s) %s (%s)" % (a.sql, op, b.sql), taints)

    def with_query(self, scope, d, kinds, one, clear):
        name, inner = self.name("w"), [self.r.choice(KINDS) for _ in range(self.r.randint(1, 3))]
        columns = [self.name("c") for _ in inner]
        before = list(self.ctes)
        roll = self.r.random()
        if roll < 0.3:
            self.note("recursive CTE")
            start = self.select([], 0, ["int"], False, True, cast=True)
            body = "WITH RECURSIVE %s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM %s WHERE n < 4)" % (name, name)
            if self.chance(0.4):
                col = self.select([], 0, ["text"], True, False, cast=True)
                body = "WITH RECURSIVE %s(n, t) AS (SELECT 1, (%s) UNION ALL SELECT n + 1, t FROM %s WHERE n < 3)" % (name, col.sql, name)
                self.ctes.append(Relation(name, [Column("n", "int", False), Column("t", "text", col.taints[0])]))
            else:
                self.ctes.append(Relation(name, [Column("n", "int", False)]))
            del start
        else:
            self.note("CTE")
            q = self.query([], d - 1, inner)
            body = "WITH %s(%s) AS %s(%s)" % (name, ", ".join(columns), self.one("", "", "MATERIALIZED "), q.sql)
            self.ctes.append(Relation(name, [Column(*c) for c in zip(columns, inner, q.taints)]))
        main = self.select(scope, d - 1, kinds, one, clear)
        self.ctes = before
        return Query("%s %s" % (body, main.sql), main.taints)

    def select(self, scope, d, kinds, one=False, clear=False, cast=False):
        items, cols = [], []
        for _ in range(self.one(1, 1, 1, 2)):
            if cols and d > 0 and self.chance(0.3):
                self.note("LATERAL")
                a, q = self.name(), self.select(cols, d - 1, ["text"], one=True, clear=clear)
                items.append("LATERAL (%s) AS %s(lt)" % (q.sql, a))
                cols = cols + [(a, [Column("lt", "text", q.taints[0])])]
                continue
            sql, more = self.source(scope, d)
            items.append(sql)
            cols = cols + more
        every = cols + scope if self.chance(0.7) else cols
        where = ""
        if self.chance(0.6):
            where = " WHERE " + self.use(self.condition(every, d - 1))
        if d > 0 and self.chance(0.2):
            return self.grouped(items, cols, where, kinds, clear, cast)
        return self.plain(items, cols, every, where, kinds, d, one, clear, cast)

    def plain(self, items, cols, every, where, kinds, d, one, clear, cast):
        targets, taints = [], []
        for k in kinds:
            e = self.window(cols, k, clear) if self.chance(0.12) else self.value(every, d - 1, k, clear)
            targets.append("%s::%s" % (e.sql, CAST[k]) if cast or k == "int" and e.sql.isdigit() else e.sql)
            taints.append(e.taint)
        distinct = ""
        if not one and self.chance(0.1):
            key = self.leaf(cols, "int", self.cautious)
            if not key.sql.isdigit():
                self.note("DISTINCT ON")
                self.use(key)
                distinct = "DISTINCT ON (%s) " % key.sql
        tail = ""
        if one:
            tail = " LIMIT 1"
        elif not distinct and self.chance(0.3):
            key = self.leaf(cols, "int", self.cautious)
            if not key.sql.isdigit():
                tail = " ORDER BY %s" % self.use(key)
        return Query("SELECT %s%s FROM %s%s%s" % (distinct, ", ".join(targets), ", ".join(items), where, tail), taints)

    def window(self, cols, kind, clear):
        self.note("window function")
        e, key = self.leaf(cols, kind, clear), self.leaf(cols, "int", self.cautious)
        self.use(key)
        # ties would be in an order of their own: all rows of one key see the same
        f = self.one("first_value(%s) OVER (PARTITION BY %s)", "max(%s) OVER (PARTITION BY %s)", "min(%s) OVER (PARTITION BY %s)")
        if kind in ("json", "array") or e.taint:
            f = "first_value(%s) OVER (PARTITION BY %s)"
        return E(f % (e.sql, key.sql), e.taint, False)

    def grouped(self, items, cols, where, kinds, clear, cast):
        """One group key of a clear column, then aggregates."""
        key = self.leaf(cols, "int", self.cautious)
        if key.sql.isdigit():
            key = E("(SELECT 1)", False, True)
        self.use(key)
        sets = self.one("%s", "%s", "GROUPING SETS ((%s), ())", "ROLLUP (%s)", "CUBE (%s)")
        self.note("GROUP BY" if sets == "%s" else "grouping sets")
        targets, taints = [], []
        for k in kinds:
            e = self.leaf(cols, k, clear)
            if k == "json" or k == "array":
                agg = {"json": "jsonb_agg(%s)", "array": "array_agg(%s)"}[k]
                e = self.leaf(cols, "text", clear)
                self.maybe |= e.taint and k == "json"
                agg = agg % ("(%s)::text" % e.sql)
            elif k == "int" and self.chance(0.5):
                agg, e = "count(*)", E("", False, False)
            else:
                agg = self.one("min(%s)", "max(%s)") % e.sql
                self.maybe |= e.taint
            if self.chance(0.3):
                self.note("FILTER")
                cond = self.condition(cols, 0)
                agg += " FILTER (WHERE %s)" % self.use(cond)
            targets.append("(%s)::%s" % (agg, CAST[k]))
            taints.append(e.taint)
        having = " HAVING count(*) > 0" if self.chance(0.3) else ""
        return Query("SELECT %s FROM %s%s GROUP BY %s%s ORDER BY %s" % (
            ", ".join(targets), ", ".join(items), where, sets % key.sql, having, "count(*), %s" % key.sql if sets == "%s" else "count(*)"), taints)

    # ---- statements ----

    def statement(self):
        self.start()
        texts, rolled_back = self._statement()
        return Did(texts, rolled_back, frozenset(self.did), self.uses, self.maybe, self.taints)

    def _statement(self):
        if self.chance(0.56):
            q = self.top_query()
            self.taints = q.taints
            return [q.sql], False
        forms = [self.star, self.star, self.whole_row, self.composite, self.table, self.insert, self.update, self.delete, self.modifying, self.cursor,
                 self.execute, self.explain, self.copy, self.temporary, self.merge, self.unicode_names, self.natural, self.json_forms]
        return self.r.choice(forms)()

    def top(self):
        return self.top_query().sql

    def top_query(self):
        return self.query([], self.one(1, 2, 2, 3), [self.r.choice(KINDS) for _ in range(self.r.randint(2, 5))])

    def star(self):
        self.note("*")
        sql, _ = self.source([], 1)
        return ["SELECT * FROM " + sql], False

    def natural(self):
        self.note("NATURAL")
        rel, other = self.r.sample([r for r, _ in self.schema.tables], 2)
        mine, theirs = {c.sql.lower().strip('"'): c for c in rel.columns}, {c.sql.lower().strip('"'): c for c in other.columns}
        self.uses |= any(c.taint or theirs[n].taint for n, c in mine.items() if n in theirs) or bool(rel.comp) or bool(other.comp)
        self.maybe = True
        return ["SELECT id FROM %s NATURAL JOIN %s" % (rel.sql, other.sql)], False

    def whole_row(self):
        self.note("whole row")
        rel = self.r.choice(self.schema.relations)
        self.uses |= rel.uses
        a, c = self.name(), self.r.choice(rel.columns)
        self.maybe = True
        return [self.one("SELECT {a} FROM {r} {a}", "SELECT ({a}).{c} FROM {r} {a}", "SELECT ({a}).* FROM {r} {a}", "SELECT row_to_json({a}) FROM {r} {a}",
                         "SELECT (q.t).{c} FROM (SELECT {a} AS t FROM {r} {a}) q", "SELECT {a}::text FROM {r} AS {a}", "SELECT to_jsonb({a}) FROM {r} {a}",
                         "SELECT {a} FROM (SELECT * FROM {r}) {a}").format(a=a, r=rel.sql, c=c.sql)], False

    def composite(self):
        self.note("composite")
        rel = self.r.choice([r for r, _ in self.schema.tables if r.comp is not None])
        return [self.one("SELECT (t.comp).v FROM %s t", "SELECT (comp).*, id FROM %s", "SELECT comp FROM %s", "SELECT (ROW(t.id, (t.comp).v)::app.pair).v FROM %s t") % rel.sql], False

    def table(self):
        self.note("TABLE")
        rel = self.r.choice(self.schema.relations)
        self.uses |= rel.uses
        return ["TABLE " + rel.sql], False

    def json_forms(self):
        self.note("json constructor")
        self.maybe = True
        sql, cols = self.source([], 0)
        t, i = self.leaf(cols, "text"), self.leaf(cols, "int")
        return [self.one("SELECT json_agg(json_build_object('t', %s, 'i', %s)) FROM %s", "SELECT jsonb_object_agg(%s::text || '', %s) FROM %s",
                         "SELECT json_build_array(%s, %s) FROM %s", "SELECT to_json(%s), to_jsonb(%s) FROM %s") % (t.sql, i.sql, sql)], False

    def _target(self):
        rel, cols = self.r.choice(self.schema.tables)
        return rel, [(c, k, m) for c, k, _, m in cols if c != "id"]

    def _returning(self, rel, alias):
        self.note("RETURNING")
        if self.chance(0.3):
            return " RETURNING *"
        picked = self.r.sample(rel.columns, min(3, len(rel.columns)))
        return " RETURNING " + ", ".join("%s.%s" % (alias, c.sql) if self.chance(0.7) else "%s.%s AS id" % (alias, c.sql) for c in picked)

    def insert(self):
        rel, cols = self._target()
        columns = ["id"] + [c for c, _, _ in cols]
        values = [str(self.r.randint(100, 999))] + [self.constant(k).sql for _, k, _ in cols]
        self.maybe = True  # unique keys, checks
        return ["INSERT INTO %s (%s) VALUES (%s)%s" % (rel.sql, ", ".join(columns), ", ".join(values), self._returning(rel, rel.sql.split(".")[1]))], True

    def update(self):
        rel, cols = self._target()
        c, k, masked = self.r.choice(cols)
        a = self.name()
        value = self.value([(a, rel.columns)], 1, k, clear=True)
        self.maybe = True
        return ["UPDATE %s AS %s SET %s = %s WHERE %s.id < 4%s" % (rel.sql, a, c, value.sql, a, self._returning(rel, a))], True

    def delete(self):
        rel, _ = self._target()
        a = self.name()
        cond = self.condition([(a, rel.columns)], 0)
        self.use(cond)
        return ["DELETE FROM %s AS %s WHERE %s%s" % (rel.sql, a, cond.sql, self._returning(rel, a))], True

    def modifying(self):
        self.note("data-modifying CTE")
        sql = self.one(self.insert, self.update, self.delete)()[0][0]
        if " RETURNING *" in sql:
            sql = sql.replace(" RETURNING *", " RETURNING id")
        return ["WITH moved AS (%s) SELECT * FROM moved" % sql], True

    def merge(self):
        self.note("MERGE")
        rel, cols = self._target()
        source, scols = self.source([], 0)
        key = self.leaf(scols, "int", True)
        c, k, _ = self.r.choice(cols)
        self.maybe = True
        return ["MERGE INTO %s AS target USING %s ON target.id = %s AND %s IS NULL WHEN MATCHED THEN UPDATE SET %s = %s WHEN NOT MATCHED THEN DO NOTHING" % (
            rel.sql, source, key.sql, key.sql, c, self.constant(k).sql)], True

    def cursor(self):
        self.note("FETCH")
        q = self.top()
        return ["DECLARE cur CURSOR FOR " + q, "FETCH 2 FROM cur", "FETCH ALL FROM cur"], True

    def execute(self):
        self.note("EXECUTE")
        name = self.name("p")
        return ["PREPARE %s AS %s" % (name, self.top()), "EXECUTE " + name, "DEALLOCATE " + name], False

    def explain(self):
        self.note("EXPLAIN")
        return [self.one("EXPLAIN (COSTS OFF) ", "EXPLAIN (VERBOSE, COSTS OFF) ", "EXPLAIN (FORMAT json, COSTS OFF) ",
                         "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ") + self.top()], False

    def copy(self):
        self.note("COPY (query)")
        return ["COPY (%s) TO STDOUT%s" % (self.top(), self.one("", " (FORMAT csv, HEADER)", " (FORMAT binary)"))], False

    def temporary(self):
        """An object of the session's own, perhaps of a masked table's name."""
        self.note("temp object")
        self.maybe = True
        rel, _ = self._target()
        bare = rel.sql.split(".")[1]
        source, cols = self.source([], 1)
        e = self.value(cols, 1, "text")
        self.uses |= e.taint
        return ["CREATE TEMP TABLE %s AS SELECT %s AS id, 'n' AS made FROM %s" % (bare, e.sql, source), "SELECT * FROM %s" % bare, "SELECT made, id FROM %s" % rel.sql], True

    def unicode_names(self):
        self.note("U& names")
        rel = self.r.choice([r for r in self.schema.relations if '"' not in r.sql])
        c = self.r.choice([c for c in rel.columns])
        bare = c.sql.strip('"').lower() if c.sql.strip('"') == c.sql else c.sql.strip('"')
        self.uses |= rel.uses
        self.maybe |= getattr(rel, "maybe", False)
        escaped = 'U&"' + "".join("\\%04x" % ord(x) for x in bare) + '"'
        return ["SELECT %s AS id, u.%s FROM %s AS u" % (escaped, escaped, rel.sql)], False


# What issue and README name, in the words of note().
CONSTRUCTS = ["column alias list", "*", "USING", "NATURAL", "subquery", "LATERAL", "CTE", "recursive CTE", "data-modifying CTE", "VALUES", "set operation",
              "grouping sets", "window function", "FILTER", "DISTINCT ON", "TABLESAMPLE", "ROWS FROM", "whole row", "composite", "array", "cast", "CASE",
              "COALESCE", "subscript", "json constructor", "RETURNING", "TABLE", "FETCH", "EXECUTE", "EXPLAIN", "COPY (query)", "view",
              "security-barrier view", "materialized view", "inheritance", "partition", "temp object", "U& names", "SQL function", "MERGE"]
