# SPDX-License-Identifier: MIT
"""lineage_random: statements over clinic.sql, made up from a seed; one a line, for lineage_check and lineage_interfere."""
import random
import sys

COLUMNS = {
    "patients": {"text": ["name", "ssn", "email", "nick", "full_label"], "int": ["id", "doctor_id"], "date": ["born"],
                 "json": ["notes"], "num": ["weight"]},
    "doctors": {"text": ["name"], "int": ["id", "ward_id"]},
    "wards": {"text": ["name"], "int": ["id", "floor"]},
    "visits": {"text": ["reason"], "int": ["id", "patient_id", "doctor_id"], "num": ["cost"], "ts": ["at"]},
    "staff": {"text": ["name"], "int": ["id", "salary"]},
    "nurses": {"text": ["name", "shift"], "int": ["id", "salary"]},
    "readings": {"text": ["secret"], "int": ["patient_id", "value"], "date": ["at"]},
    "patient_names": {"text": ["name"], "int": ["id"]},
    "patient_masked": {"text": ["ssn3", "big"], "int": ["id"]},
    "everybody": {"text": ["name"]},
}


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.n = 0
        self.ctes = {}

    def pick(self, *v):
        return self.r.choice(v)

    def chance(self, p):
        return self.r.random() < p

    def alias(self):
        self.n += 1
        return "t%d" % self.n

    def column(self, scope, kind):
        found = [a + "." + c for a, cols in scope for c in cols.get(kind, [])]
        return self.r.choice(found) if found else None

    def text(self, scope, d):
        c = self.column(scope, "text")
        if d <= 0 or self.chance(0.3):
            return c if c and self.chance(0.8) else self.pick("'x'", "'a'", "NULL", "'1'")
        t = lambda: self.text(scope, d - 1)
        return self.pick(
            lambda: "upper(%s)" % t(), lambda: "(%s || %s)" % (t(), t()), lambda: "coalesce(%s, %s)" % (t(), t()),
            lambda: "substr(%s, %s, 2)" % (t(), self.int(scope, d - 1)), lambda: "%s::text" % self.int(scope, d - 1),
            lambda: "CASE WHEN %s THEN %s ELSE %s END" % (self.bool(scope, d - 1), t(), t()),
            lambda: "nullif(%s, %s)" % (t(), t()), lambda: "greatest(%s, %s)" % (t(), t()),
            lambda: "(%s)" % self.scalar(scope, d - 1, "text"), lambda: "left(%s, 1)" % t(),
            lambda: "concat(%s, %s)" % (t(), self.int(scope, d - 1)), lambda: "replace(%s, %s, 'q')" % (t(), t()),
            lambda: "array_to_string(ARRAY(%s), ',')" % self.query(scope, d - 1, ["text"]), lambda: "md5(%s)" % t(),
            lambda: "(%s COLLATE \"C\")" % t(), lambda: "(ARRAY[%s, %s])[%s]" % (t(), t(), self.int(scope, 0)))()

    def int(self, scope, d):
        c = self.column(scope, "int")
        if d <= 0 or self.chance(0.3):
            return c if c and self.chance(0.8) else self.pick("1", "2", "0", "7")
        i = lambda: self.int(scope, d - 1)
        return self.pick(
            lambda: "(%s + %s)" % (i(), i()), lambda: "(%s / nullif(%s, 0))" % (i(), i()), lambda: "(10 / %s)" % i(),
            lambda: "length(%s)" % self.text(scope, d - 1), lambda: "abs(%s)" % i(), lambda: "coalesce(%s, %s)" % (i(), i()),
            lambda: "CASE %s WHEN %s THEN %s END" % (i(), i(), i()), lambda: "(%s)" % self.scalar(scope, d - 1, "int"),
            lambda: "least(%s, %s)" % (i(), i()), lambda: "(%s)::int" % self.text(scope, d - 1),
            lambda: "strpos(%s, %s)" % (self.text(scope, d - 1), self.text(scope, 0)))()

    def bool(self, scope, d):
        t, i = (lambda: self.text(scope, d - 1)), (lambda: self.int(scope, d - 1))
        b = lambda: self.bool(scope, d - 1)
        if d <= 0:
            return "%s %s %s" % (t(), self.pick("=", "<", ">", "<>"), t())
        return self.pick(
            lambda: "%s = %s" % (t(), t()), lambda: "%s < %s" % (i(), i()), lambda: "(%s AND %s)" % (b(), b()),
            lambda: "(%s OR %s)" % (b(), b()), lambda: "NOT (%s)" % b(), lambda: "%s IS NULL" % t(),
            lambda: "%s LIKE '%%a%%'" % t(), lambda: "%s IN (%s, %s)" % (t(), t(), t()), lambda: "true", lambda: "%s > 1" % i(),
            lambda: "%s BETWEEN %s AND %s" % (i(), i(), i()), lambda: "EXISTS (%s)" % self.query(scope, d - 1, ["text"]),
            lambda: "%s IN (%s)" % (t(), self.query(scope, d - 1, ["text"])), lambda: "(%s) IS TRUE" % b(),
            lambda: "(%s, %s) < (%s, %s)" % (t(), i(), t(), i()), lambda: "%s IS DISTINCT FROM %s" % (t(), t()),
            lambda: "%s = ANY (ARRAY[%s, %s])" % (i(), i(), i()))()

    def value(self, scope, d, kind):
        return self.text(scope, d) if kind == "text" else self.int(scope, d)

    def scalar(self, scope, d, kind):
        if self.chance(0.5):
            return self.query(scope, d, [kind], one=True)
        f = {"text": ["min(%s)", "max(%s)", "string_agg(%s, ',' ORDER BY 1)"], "int": ["count(%s)", "sum(%s)::int", "max(%s)"]}
        sub, cols = self.source(scope, d)
        return "SELECT %s FROM %s" % (self.pick(*f[kind]) % self.value(cols + scope, 0, kind), sub)

    def source(self, scope, d):
        a = self.alias()
        if d > 0 and self.chance(0.25):
            kinds = [self.pick("text", "int") for _ in range(self.r.randint(1, 3))]
            names = ["c%d" % (i + 1) for i in range(len(kinds))]
            cols = {k: [n for n, x in zip(names, kinds) if x == k] for k in ("text", "int")}
            return "(%s) AS %s(%s)" % (self.query(scope, d - 1, kinds), a, ", ".join(names)), [(a, cols)]
        if d > 0 and self.chance(0.3):
            left, lcols = self.source(scope, d - 1)
            right, rcols = self.source(scope, d - 1)
            kind = self.pick("JOIN", "LEFT JOIN", "FULL JOIN", "CROSS JOIN")
            cols = lcols + rcols
            on = "" if kind == "CROSS JOIN" else " ON %s = %s" % (self.int(lcols, 0), self.int(rcols, 0))
            return "(%s %s %s%s)" % (left, kind, right, on), cols
        name = self.r.choice(list(COLUMNS) + list(self.ctes) * 3)
        return "%s %s" % (name, a), [(a, self.ctes.get(name) or COLUMNS[name])]

    def query(self, scope, d, kinds, one=False):
        items, cols = [], []
        for _ in range(self.pick(1, 1, 1, 2)):
            lateral = bool(cols) and self.chance(0.3) and d > 0
            if lateral:
                a = self.alias()
                items.append("LATERAL (%s) AS %s(c1)" % (self.query(cols + scope, d - 1, ["text"]), a))
                cols = cols + [(a, {"text": ["c1"]})]
                continue
            s, c = self.source(scope, d)
            items.append(s)
            cols = cols + c
        inner = cols + scope
        q = "SELECT %s%s FROM %s" % (self.pick("", "", "", "DISTINCT "), ", ".join(self.value(inner, d, k) for k in kinds),
                                     ", ".join(items))
        if self.chance(0.5):
            q += " WHERE " + self.bool(inner, d)
        if d > 0 and self.chance(0.2):
            q = "%s %s %s" % (q, self.pick("UNION ALL", "UNION", "EXCEPT", "INTERSECT"), self.query(scope, d - 1, kinds))
        elif self.chance(0.3) and "DISTINCT" not in q:
            q += " ORDER BY " + self.text(inner, 0)
        if one:
            q = "SELECT * FROM (%s) o ORDER BY 1 LIMIT 1" % q
        return q

    def statement(self):
        self.ctes, head = {}, ""
        kinds = [self.pick("text", "int") for _ in range(self.r.randint(1, 3))]
        if self.chance(0.25):
            ck = [self.pick("text", "int") for _ in range(2)]
            head = "WITH q(c1, c2) AS (%s) " % self.query([], 2, ck)
            self.ctes = {"q": {k: [n for n, x in zip(("c1", "c2"), ck) if x == k] for k in ("text", "int")}}
        shape = self.r.random()
        if shape < 0.75:
            return head + self.query([], 3, kinds)
        if shape < 0.85:
            s, c = self.source([], 1)
            return head + "SELECT %s AS g, count(*), max(%s) FROM %s GROUP BY 1 HAVING %s" % (
                self.text(c, 2), self.text(c, 1), s, "max(%s) > 'a'" % self.text(c, 1))
        if shape < 0.93:
            s, c = self.source([], 1)
            return head + "SELECT %s, lag(%s) OVER (PARTITION BY %s ORDER BY %s), row_number() OVER (ORDER BY %s) FROM %s" % (
                self.text(c, 1), self.text(c, 2), self.int(c, 1), self.text(c, 1), self.text(c, 0), s)
        return head + self.pick(
            "UPDATE queue SET state = (%s) WHERE id = 1 RETURNING id" % self.query([], 1, ["text"], one=True),
            "INSERT INTO doctors (id, name) SELECT row_number() OVER () + 100, x FROM (%s) s(x) RETURNING name" % self.query([], 1, ["text"]),
            "DELETE FROM staff WHERE name IN (%s) RETURNING name" % self.query([], 1, ["text"]))


if __name__ == "__main__":
    maker = Maker(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        print(maker.statement())
