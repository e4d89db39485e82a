# SPDX-License-Identifier: MIT
"""A random schema, from a seed: tables of every sort, functions, views, and rows in which masked cells depend on a secret alone."""

import collections
import random

KINDS = ("text", "int", "date", "json", "array", "num")
TYPES = {"text": ["text", "varchar(60)", "app.name_d", "app.code_d"], "int": ["int", "bigint", "app.amount_d"], "date": ["date"], "json": ["jsonb"],
         "array": ["text[]"], "num": ["numeric(12,2)"]}
CAST = {"text": "text", "int": "bigint", "date": "date", "json": "jsonb", "array": "text[]", "num": "numeric"}

Column = collections.namedtuple("Column", "sql kind taint note", defaults=(None,))
Function = collections.namedtuple("Function", "sql columns uses work touches")


class Relation:
    """work: how many rows the server looks at to make it, at most. shared: its columns by the names that they have in other tables, too."""

    def __init__(self, sql, columns, uses=False, notes=(), work=4):
        self.sql, self.columns, self.uses, self.notes, self.work = sql, columns, uses, list(notes), work
        self.plain = []   # (name, kind, masked) of what may be written, where it is a table
        self.comp = None  # whether its composite column is masked, where it has one
        self.touches = False  # whether its definition reads masked columns
        self.sampled = False
        if any(c.isupper() or c == " " for c in sql):
            self.notes.append("quoted name")

    @property
    def bare(self):
        return self.sql.split(".", 1)[1]

    def unquoted(self):
        return self.bare.strip('"') if '"' in self.bare else self.bare.lower()


class Random:
    """What schema and statements have in common: a place to draw from."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def one(self, *v):
        return self.r.choice(v)

    def chance(self, p):
        return self.r.random() < p


class Schema(Random):
    """setup: DDL as superuser, data-free. rows(secret): INSERTs. masked: patterns of the policy."""

    def __init__(self, seed):
        super().__init__(seed)
        self.setup, self.tables, self.relations, self.masked, self.functions, self.scalars, self.by_row = [], [], [], [], [], [], []
        self.foreign = None
        self.setup.append('CREATE SCHEMA app; CREATE SCHEMA "Other"; CREATE EXTENSION file_fdw; SET search_path = app, public; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;'
                          "CREATE DOMAIN app.name_d AS text CHECK (VALUE <> ''); CREATE DOMAIN app.code_d AS app.name_d; CREATE DOMAIN app.amount_d AS int;"
                          "CREATE TYPE app.pair AS (k int, v text);")
        for n in range(self.r.randint(4, 6)):
            self._table("app", n)
        self._other()
        self._partitioned()
        self._inherited()
        self._foreign()
        self._functions()

    def _name(self, base):
        return self.one(base, base, '"%s"' % base.title(), '"%s x"' % base)

    def _columns(self, n, prefix, masked=0.65):
        out = [("id", "int", "int", False)]
        for i in range(n):
            kind = KINDS[i] if i < len(KINDS) else self.r.choice(KINDS)
            out.append((prefix + kind[0] + str(i), kind, self.r.choice(TYPES[kind]), self.chance(masked)))
        return out

    def _add(self, sql, cols, notes=()):
        rel = Relation(sql, [], notes=notes)
        schema = sql.split(".")[0].strip('"')
        for c, kind, t, masked in cols:
            if masked:
                self.masked.append('"%s"."%s"."%s"' % (schema, rel.unquoted(), c))
            rel.columns.append(Column(self.one(c, c, '"%s"' % c, c.upper()), kind, masked, "domain" if "_d" in t else None))
        rel.plain = [(c, k, m) for c, k, _, m in cols if c != "id"]
        rel.types = cols
        self.relations.append(rel)
        return rel

    @staticmethod
    def _definitions(cols, key=""):
        return ", ".join("%s %s%s" % (c, t, key if c == "id" else "") for c, _, t, _ in cols)

    def _table(self, schema, n):
        cols = self._columns(self.r.randint(5, 8), "c")
        rel = self._add("%s.%s" % (schema, self._name("tab%d" % n)), cols)
        source = [c for c, k, _, _ in cols if k == "text"][0]
        self.setup.append("CREATE TABLE %s (%s, made text GENERATED ALWAYS AS (%s || '!') STORED, comp app.pair);" % (
            rel.sql, self._definitions(cols, " PRIMARY KEY"), source))
        rel.columns.append(Column("made", "text", [m for c, _, _, m in cols if c == source][0], "generated column"))
        rel.sampled, rel.comp = True, self.chance(0.5)
        if rel.comp:
            self.masked.append('app."%s".comp' % rel.unquoted())
        self.tables.append(rel)

    def _other(self):
        """Tables of the same names, and other columns masked, in another schema."""
        self.others = []
        for rel in self.tables[:2]:
            cols = [(c, k, t, c != "id" and self.chance(0.4)) for c, k, t, _ in rel.types]
            other = self._add('"Other".' + rel.bare, cols)
            self.setup.append("CREATE TABLE %s (%s);" % (other.sql, self._definitions(cols)))
            self.others.append(other)

    def _partitioned(self):
        cols = self._columns(5, "p")
        rel = self._add("app.parts", cols, ["partition"])
        how, first, second = self.one(("RANGE (id)", "FROM (0) TO (3)", "DEFAULT"), ("LIST (id)", "IN (1, 3)", "DEFAULT"),
                                      ("HASH (id)", "WITH (MODULUS 2, REMAINDER 0)", "WITH (MODULUS 2, REMAINDER 1)"))
        deep = " PARTITION BY RANGE (id)" if self.chance(0.5) else ""
        clause = lambda c: c if c == "DEFAULT" else "FOR VALUES " + c
        self.setup.append("CREATE TABLE app.parts (%s) PARTITION BY %s; CREATE TABLE app.parts_1 PARTITION OF app.parts %s; CREATE TABLE app.parts_2 PARTITION OF app.parts %s%s;%s" % (
            self._definitions(cols), how, clause(first), clause(second), deep,
            " CREATE TABLE app.parts_3 PARTITION OF app.parts_2 DEFAULT;" if deep else ""))
        for child in ["parts_1", "parts_2"] + ["parts_3"] * bool(deep):
            self.relations.append(Relation("app." + child, rel.columns, notes=["partition"]))
        self.tables.append(rel)

    def _inherited(self):
        parent = self.tables[0]
        child = Relation("app." + self._name("child"), list(parent.columns), notes=["inheritance"])
        self.setup.append("CREATE TABLE %s (extra text) INHERITS (%s);" % (child.sql, parent.sql))
        child.types, child.comp = parent.types, parent.comp
        self.child = child
        parent.notes.append("inheritance")
        parent.work = 8
        self.relations.append(child)

    def _foreign(self):
        cols = self._columns(4, "f")
        self.foreign = self._add("app." + self._name("far"), cols, ["foreign table"])
        self.setup.append("COPY (SELECT 1 WHERE false) TO PROGRAM 'cat > rows1.csv';"
                          "CREATE FOREIGN TABLE %s (%s) SERVER files OPTIONS (format 'csv', filename 'rows1.csv');" % (self.foreign.sql, self._definitions(cols)))

    def _functions(self):
        self.setup.append("CREATE FUNCTION app.shout(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper(t) || ''!''';"
                          "CREATE FUNCTION app.other(a text, b text DEFAULT 'd') RETURNS text LANGUAGE sql IMMUTABLE RETURN coalesce(b, a);")
        self.scalars = ["app.shout(%s)", "app.other(%s)", "app.other(b => 'x', a => %s)"]
        for n, rel in enumerate(self.r.sample(self.tables, 3)):
            column = self.r.choice([c for c in rel.columns if c.kind == "text"])
            self.setup.append("CREATE FUNCTION app.texts%d(n int) RETURNS SETOF text LANGUAGE sql STABLE AS $f$SELECT %s FROM %s WHERE id <= n$f$;"
                              "CREATE FUNCTION app.pick%d(t %s) RETURNS text LANGUAGE sql STABLE AS $f$SELECT t.%s$f$;" % (
                                  n, column.sql, rel.sql, n, rel.sql, column.sql))
            self.functions.append(Function("app.texts%d(5)" % n, [("text", column.taint)], False, rel.work, column.taint))
            self.by_row.append((rel, "pick%d" % n, column.taint))

    def made(self, maker):
        """DDL of functions and views that the statements' own maker makes; they join what statements read."""
        return self._query_functions(maker) + self._views(maker)

    def _query_functions(self, maker):
        out = []
        maker.limit = 60
        for n in range(3):
            kinds = [self.r.choice(KINDS) for _ in range(self.r.randint(1, 3))]
            maker.start()
            q = maker.query([], 1, kinds)
            atomic = self.chance(0.5)
            body = "BEGIN ATOMIC %s; END" % q.sql if atomic else "AS $f$%s$f$" % q.sql
            if "'" in q.sql and "$f$" in q.sql:
                continue
            out.append("CREATE FUNCTION app.asked%d() RETURNS TABLE (%s) LANGUAGE sql STABLE %s" % (
                n, ", ".join("r%d %s" % (i, CAST[k]) for i, k in enumerate(kinds)), body))
            self.functions.append(Function("app.asked%d()" % n, list(zip(kinds, q.taints)), maker.uses, maker.work, maker.touches))
        return out

    def _views(self, maker):
        out = []
        maker.limit = 125
        for n in range(8):
            kinds = [self.r.choice(KINDS) for _ in range(self.r.randint(2, 4))]
            maker.start()
            q = maker.query([], 2, kinds)
            names = ["v%d" % i for i in range(len(kinds))]
            kind = self.one("VIEW", "VIEW", "VIEW", "MATERIALIZED VIEW") if n != 3 else "MATERIALIZED VIEW"
            options = " WITH (security_barrier)" if kind == "VIEW" and self.chance(0.4) else ""
            name = "app." + self._name("view%d" % n)
            out.append("CREATE %s %s (%s)%s AS %s" % (kind, name, ", ".join(names), options, q.sql))
            notes = ["materialized view" if kind != "VIEW" else "security-barrier view" if options else "view"]
            if maker.did & {"view", "security-barrier view", "materialized view"}:
                notes.append("nested view")
            rel = Relation(name, [Column(c, k, t) for c, k, t in zip(names, kinds, q.taints)], maker.uses, notes, 4 if kind != "VIEW" else maker.work)
            rel.touches = maker.touches
            if kind != "VIEW":
                self.setup_refresh.append("REFRESH MATERIALIZED VIEW %s;" % name)
            self.relations.append(rel)
        return out

    setup_refresh = ()

    def all_ddl(self, maker):
        self.setup_refresh = []
        return self.setup + [s + ";" for s in self.made(maker)] + [
            'GRANT USAGE ON SCHEMA app, "Other" TO pgveil_agent; GRANT ALL ON ALL TABLES IN SCHEMA app, "Other" TO pgveil_agent;',
            "ALTER ROLE pgveil_agent SET statement_timeout = '500ms';"]

    def rows(self, secret):
        """The same rows but for what is masked; lengths are the same too."""
        clear, dark = random.Random(7), random.Random(1000 + secret)
        out = []
        for rel in self.tables + self.others + [self.child]:
            for i in range(1, 5) if rel is not self.child else range(5, 7):
                out.append("INSERT INTO %s (%s%s) VALUES (%s);" % (rel.sql, ", ".join(c for c, _, _, _ in rel.types), ", comp" * (rel.comp is not None), ", ".join(
                    self._row(rel, i, clear, dark) + ["ROW(%d, '%s')" % (i, "".join((dark if rel.comp else clear).choice("bcdfghkl") for _ in range(8)))] * (rel.comp is not None))))
        rows = ", ".join("(%s)" % ", ".join(self._row(self.foreign, i, clear, dark)) for i in range(1, 5))
        file = "rows%d.csv" % (secret + 1)
        out.append("COPY (VALUES %s) TO PROGRAM 'cat > %s' (FORMAT csv); ALTER FOREIGN TABLE %s OPTIONS (SET filename '%s');" % (rows, file, self.foreign.sql, file))
        return out + list(self.setup_refresh)

    def _row(self, rel, i, clear, dark):
        out = []
        for c, kind, _, masked in rel.types:
            nothing = clear.random() < 0.08 and i > 2  # masks keep NULL
            out.append(str(i) if c == "id" else "NULL" if nothing else self._value(kind, dark if masked else clear, "zq" if masked else "nw"))
        return out

    @staticmethod
    def _value(kind, r, mark):
        word = mark + "".join(r.choice("bcdfghklmnp") for _ in range(8))
        return {"text": "'%s'" % word, "int": str(r.randint(100000000, 999999999)), "date": "date '1900-01-01' + %d" % r.randint(0, 40000),
                "json": """'{"k": "%s", "n": %d}'::jsonb""" % (word, r.randint(100000, 999999)), "array": "ARRAY['%s', '%s']" % (word, word[::-1]),
                "num": "%d.%02d" % (r.randint(10000, 99999), r.randint(11, 99))}[kind]
