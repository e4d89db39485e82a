# SPDX-License-Identifier: MIT
"""Runs honest sessions through a lab and directly, as the engine's role, and says what differs: every message, but for the
cells of masked columns and of those that the corpus names. By hand: python3 -B tests/honest/honest.py [PATTERN]."""

import collections
import json
import os
import pathlib
import re
import socket
import struct
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[0] / "integration"))
sys.path.insert(0, str(HERE))

import sessions  # noqa: E402
import wire  # noqa: E402
from lab import Lab  # noqa: E402

WAYS = {"simple": None, "text": 0, "binary": 1}
USER_OIDS = 16384
WRITES = re.compile(r"(UPDATE|DELETE|MERGE)\b", re.I)
NORMAL = "SVCMPDHWstcnd"  # of an error's fields: not where in the server's source it was raised

PLACE = re.compile(r"\{(class|proc|type|namespace|ext|pub|statistics):([^{}]+)\}")


def ask(client, st, way):
    """All messages of one statement, up to ReadyForQuery."""
    fmt = WAYS[way]
    if fmt is None:
        client.send(wire.query(st.inlined()))
    else:
        params = [None if p is None else p.encode() for p in st.params]
        client.send(wire.extended(st.sql, params, (fmt,)), wire.flush() if st.data is not None else wire.sync())
    out = client.until("ZGE" if st.data is not None else "Z")
    if out[-1][0] == "G":
        client.send(wire.message("d", st.data), wire.message("c"), *([wire.sync()] if fmt is not None else []))
        out += client.until("Z")
    elif out[-1][0] == "E" and st.data is not None:
        if fmt is not None:
            client.send(wire.sync())
        out += client.until("Z")
    elif out[-1][0] != "Z":
        out += client.until("Z")
    return out


class Answer:
    """What a statement got, with what may differ taken out."""

    def __init__(self, messages, session, masked_columns):
        self.errors, self.labels, self.parts, self.rows = [], [], [], 0
        hidden = []
        for kind, body in messages:
            if kind == "T":
                cols = wire.columns(body)
                self.labels = [c[0] for c in cols]
                hidden = [(c[1], c[2]) in masked_columns or c[0] in session.masked or c[0] in session.varies for c in cols]
                self.parts.append((kind, [known(c) for c in cols]))
            elif kind == "D":
                cells = wire.cells(body)
                self.parts.append((kind, [b"(not compared)" if i < len(hidden) and hidden[i] else v for i, v in enumerate(cells)]))
            elif kind in "EN":
                fields = {k: v for k, v in wire.fields(body).items() if k in ("SVC" if session.standard else NORMAL)}
                self.parts.append((kind, fields))
                if kind == "E":
                    self.errors.append(fields)
            elif kind == "A":
                self.parts.append((kind, body[4:body.index(b"\0", 4)]))  # the pid differs, the payload is not shown
            elif kind == "d":
                self.parts.append((kind, body if not session.masked and not session.varies else b"(not compared)"))
            else:
                self.parts.append((kind, body))


    def unordered(self):
        """Rows of RETURNING come as the table has them, which is an accident of what was written before."""
        rows = iter(sorted((p for p in self.parts if p[0] == "D"), key=repr))
        self.parts = [next(rows) if p[0] == "D" else p for p in self.parts]


def known(c):
    """A column of a RowDescription; what a session makes for itself has another oid each time."""
    made = c[1] >= USER_OIDS and c[1] not in known.relations
    return (c[0], "temporary" if made else c[1], c[2], "made" if c[3] >= USER_OIDS and c[3] not in known.types else c[3], *c[4:])


known.relations, known.types = set(), set()


def difference(direct, ours):
    """None, or the cause in words that do not name what is particular to the statement."""
    if direct.parts == ours.parts:
        return None
    refused = [e for e in ours.errors if e not in direct.errors]
    if refused and not direct.errors:
        return cause_of(refused[0])
    if refused:
        return "another error: %s %s, not %s %s" % (refused[0].get("C"), refused[0].get("M"), direct.errors[0].get("C"), direct.errors[0].get("M")) \
            if fields_differ(refused[0], direct.errors[0], "CM") else "an error's fields: %s" % fields_differ(refused[0], direct.errors[0], NORMAL)
    if direct.errors and not ours.errors:
        return "no error, but without the engine %s" % direct.errors[0].get("M")
    for d, o in zip(direct.parts, ours.parts):
        if d == o:
            continue
        if d[0] == o[0] == "D":
            which = [direct.labels[i] if i < len(direct.labels) else "?" for i, (x, y) in enumerate(zip(d[1], o[1])) if x != y]
            return "the cells of %s" % ", ".join(which)
        return "message %s %.200r, not %s %.200r" % (o[0], o[1], d[0], d[1])
    return "more or fewer messages"


def fields_differ(a, b, names):
    return "".join(k for k in names if a.get(k) != b.get(k))


def cause_of(error):
    text = error.get("M", "")
    text = re.sub(r"^column \S+ is masked", "column … is masked", text)
    return "%s %s" % (error.get("C"), text)


class Runner:
    def __init__(self, lab, folder=HERE):
        self.lab, self.folder = lab, folder
        self.dba = wire.Client(socket.create_connection((lab.host, lab.port), 20))
        self.dba.login("postgres", lab.dbname, password=(lab.state / "superuser.pw").read_text().strip())
        self.tables, self.sequences = self._saved()
        self.masked = self._masked_columns()
        self.oids, self.kept, self.broken = {}, {}, []
        known.relations = {int(r[0]) for r in self.dba.query("SELECT oid FROM pg_class").ok().rows}
        known.types = {int(r[0]) for r in self.dba.query("SELECT oid FROM pg_type").ok().rows}
        self.dba.query("SET session_replication_role = replica; SET lock_timeout = '300ms'; SET deadlock_timeout = '100ms'; SET client_min_messages = error").ok()

    def close(self):
        for c in (self.dba, *self.kept.values()):
            c.close()

    def _saved(self):
        """What makes each table what it was when the lab came up: [(schema, table, columns, rows as COPY has them)], and the sequences'."""
        tables = []
        for r in self.dba.query("SELECT nspname, relname, (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 "
                                "AND NOT attisdropped AND attgenerated = '') FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND c.oid >= %d "
                                "AND nspname !~ '^(pg_|information_schema$)' ORDER BY c.oid" % USER_OIDS).ok().rows:
            schema, table, columns = (v.decode() for v in r)
            self.dba.send(wire.query('COPY "%s"."%s" (%s) TO STDOUT' % (schema, table, columns)))
            tables.append((schema, table, columns, b"".join(body for kind, body in self.dba.until("Z") if kind == "d")))
        sequences = ""
        for r in self.dba.query("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S' AND oid >= %d" % USER_OIDS).ok().rows:
            last = self.dba.query("SELECT last_value, is_called FROM %s" % r[0].decode()).ok().rows[0]
            sequences += "SELECT setval('%s', %s, '%s');" % (r[0].decode().replace("'", "''"), last[0].decode(), last[1].decode())
        return tables, sequences

    def _masked_columns(self):
        """(relation, attnum) as the engine itself tells them; views and partitions come from a masked column by lineage."""
        out = set()
        text = (self.folder / "masked.txt").read_text().split()
        for name in text:
            schema, table, column = name.split(".")
            for r in self.dba.query("SELECT attrelid, attnum FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relnamespace::regnamespace::text = '%s' AND "
                                    "relname = '%s' AND attname = '%s'" % (schema, table, column)).ok().rows:
                out.add((int(r[0]), int(r[1])))
        return out

    def placed(self, session):
        """{class:public.orders} is that relation's oid here; likewise proc, type, namespace, ext, pub."""
        def one(m):
            kind, name = m.groups()
            if (kind, name) not in self.oids:
                where = {"class": "'%s'::regclass::oid", "proc": "'%s'::regprocedure::oid", "type": "'%s'::regtype::oid", "namespace": "'%s'::regnamespace::oid",
                         "ext": "(SELECT oid FROM pg_extension WHERE extname = '%s')", "pub": "(SELECT oid FROM pg_publication WHERE pubname = '%s')",
                         "statistics": "(SELECT oid FROM pg_statistic_ext WHERE stxname = '%s')"}[kind]
                self.oids[kind, name] = self.dba.query("SELECT " + where % name).ok().rows[0][0].decode()
            return self.oids[kind, name]
        for st in session.statements:
            st.sql = PLACE.sub(one, st.sql)
            st.params = tuple(p and PLACE.sub(one, p) for p in st.params)

    def reset(self, session):
        """Undoes what the session may have changed. The one before may not have ended at the server yet: its locks go when it has."""
        said = " ".join(st.sql for st in session.statements)
        chosen = [t for t in self.tables if re.search(r"\b%s" % re.escape(t[1].split("_2")[0].replace("_rest", "")), said) or t[1] == "order_items" and "orders" in said]
        text = "BEGIN;" + self.sequences + "".join('DELETE FROM "%s"."%s";' % t[:2] for t in chosen)
        if "scratch" in said:
            text += "DROP SCHEMA scratch CASCADE; CREATE SCHEMA scratch; GRANT CREATE, USAGE ON SCHEMA scratch TO pgveil_agent;"
        for _ in range(100):
            errors = self.dba.query(text).errors
            for schema, table, columns, rows in chosen if not errors else ():
                self.dba.send(wire.query('COPY "%s"."%s" (%s) FROM STDIN' % (schema, table, columns)), wire.message("d", rows), wire.message("c"))
                errors = errors or self.dba.result().errors
            errors = errors or self.dba.query("COMMIT").errors
            if not errors:
                return
            self.dba.query("ROLLBACK")
            if errors[0].sqlstate not in ("55P03", "40P01"):
                break
        raise errors[0]

    def client(self, direct):
        c = wire.Client(socket.create_connection((self.lab.host, self.lab.port), 30) if direct else self.lab.dial(), 30)
        # As drivers do; where a client does not say it, the engine does.
        if direct:
            c.login("pgveil_agent", self.lab.dbname, password=self.lab.password(), client_encoding="UTF8")
        else:
            c.login("agent", self.lab.dbname, client_encoding="UTF8")
        return c

    def answers(self, session, way, direct):
        if session.changes:
            self.reset(session)
        out = []
        c = (None if session.leaves else self.kept.pop(direct, None)) or self.client(direct)
        try:
            for st in session.statements:
                out.append(Answer(ask(c, st, way), session, self.masked))
                if WRITES.match(st.sql):
                    out[-1].unordered()
            if session.reads or not session.leaves and self.as_new(c):
                self.kept[direct], c = c, None
            else:
                c.send(wire.terminate())
                c.drain()
        except wire.Closed:
            last = Answer([], session, self.masked)
            last.errors = [{"C": "closed", "M": "the session ended"}]
            out.append(last)
        finally:
            if c:
                c.close()
        return out

    @staticmethod
    def as_new(client):
        """A login costs more than most sessions: the next one may have the connection, if it can be made as a new one is."""
        client.send(wire.query("ROLLBACK"), wire.query("DISCARD ALL"))
        last = [client.result() for _ in range(2)][1]
        return last.tags == ["DISCARD ALL"] and last.status == "I"

    def run(self, session):
        """[(way, statement, cause)]: nothing where the session is kept. What the server itself says no to is in self.broken: an
        honest session may try that, a corpus should know."""
        found = []
        self.placed(session)
        for way in session.ways:
            direct, ours = self.answers(session, way, True), self.answers(session, way, False)
            if way == session.ways[0]:
                self.broken = [(st.sql, a.errors[0]) for st, a in zip(session.statements, direct) if a.errors]
            for st, d, o in zip(session.statements, direct, ours):
                cause = difference(d, o)
                if cause:
                    found.append((way, st.sql, cause))
                    break  # what follows may differ because of it
        if session.changes and found:
            self.reset(session)
        return found


def table(results):
    """The causes, largest first: sessions, cause, one of the sessions."""
    by_cause = collections.defaultdict(list)
    for session, found in results:
        for cause in sorted({cause for _, _, cause in found}):
            by_cause[cause].append(session.id)
    lines = ["| sessions | cause | for example |", "| --- | --- | --- |"]
    for cause, ids in sorted(by_cause.items(), key=lambda x: (-len(x[1]), x[0])):
        lines.append("| %d | %s | %s |" % (len(ids), cause.replace("|", "\\|"), ids[0]))
    return "\n".join(lines) + "\n"


def main():
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    results = []
    for folder in sessions.FOLDERS:
        chosen = [s for s in sessions.everything(folder) if pattern.search(s.id)]
        if chosen:
            run_by_hand(folder, chosen, results)
    print(table(results))
    print("%d of %d kept" % (sum(not f for _, f in results), len(results)))


def run_by_hand(folder, chosen, results):
    with Lab(schema=folder / "schema.sql", policies=[folder / "policy.yaml"], agents=1, pg_conf=["autovacuum=off", "max_connections=50"], name=os.environ.get("HONEST_LAB")) as lab:
        runner = Runner(lab, folder)
        try:
            for s in chosen:
                began = time.monotonic()
                found = runner.run(s)
                for sql, e in runner.broken:
                    print("DIRECT %s: %s %s\n    %s" % (s.id, e.get("C"), e.get("M"), sql.replace("\n", "\n    ")[:300]))
                results.append((s, found))
                if os.environ.get("HONEST_TIMES"):
                    print("%6.2f s %s" % (time.monotonic() - began, s.id))
                seen = set()
                for way, sql, cause in found:
                    if cause not in seen:
                        print("%s%s [%s] %s\n    %s" % (s.id, " (waits: %s)" % s.waits if s.waits else "", way, cause, sql.replace("\n", "\n    ")[:400]))
                    seen.add(cause)
                if not found and s.waits:
                    print("%s is kept, and need not wait for %s" % (s.id, s.waits))
        finally:
            runner.close()


if __name__ == "__main__":
    main()
