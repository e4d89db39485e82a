# SPDX-License-Identifier: MIT
"""What statements change for good is put back, so that none changes what a later one shows: sequences are set to what they were,
and a database whose rows or objects are others is made again of its template."""

import socket
import urllib.parse

import wire

NOT_TEMPORARY = "n.nspname !~ '^pg_(toast_)?temp'"
# What the catalogue says of objects that users made: the catalogue, what is compared, and the column that leads to a schema.
OBJECTS = [("pg_class", "x.oid, relname, relkind, relowner, relacl, relrowsecurity", "relnamespace"), ("pg_type", "x.oid, typname", "typnamespace"),
           ("pg_proc", "x.oid, x.xmin", "pronamespace"), ("pg_constraint", "x.oid, x.xmin", "connamespace"), ("pg_operator", "x.oid, x.xmin", "oprnamespace"),
           ("pg_namespace", "x.oid, x.nspname, x.nspacl", "oid"), ("pg_statistic_ext", "x.oid, x.xmin", "stxnamespace")]
OTHERS = ["pg_cast", "pg_trigger", "pg_policy", "pg_largeobject_metadata", "pg_publication", "pg_foreign_server", "pg_default_acl", "pg_extension",
          "pg_event_trigger", "pg_foreign_data_wrapper"]
PARTS = [("pg_attribute", "x.attrelid, attnum, attname, atttypid, attnotnull, attacl", "attrelid"), ("pg_rewrite", "x.oid, x.xmin", "ev_class"),
         ("pg_inherits", "inhrelid, inhparent", "inhrelid")]


# What is no database's own, and what nothing here puts back.
CLUSTER = ("SELECT string_agg(concat_ws(' ', oid, rolname, rolconfig), ',' ORDER BY oid) FROM pg_roles UNION ALL SELECT string_agg(slot_name, ',') "
           "FROM pg_replication_slots WHERE NOT temporary UNION ALL SELECT string_agg(gid, ',') FROM pg_prepared_xacts")


def _all(what, source):
    return "(SELECT string_agg(r, ' ' ORDER BY r) FROM (SELECT concat_ws(' ', %s) AS r FROM %s) q)" % (what, source)


def _objects():
    return ([_all(what, "%s x JOIN pg_namespace n ON n.oid = x.%s WHERE x.oid >= 16384 AND %s" % (name, schema, NOT_TEMPORARY)) for name, what, schema in OBJECTS] +
            [_all("x.oid, x.xmin", name + " x WHERE x.oid >= 16384") for name in OTHERS] +
            [_all(what, "%s x JOIN pg_class c ON c.oid = x.%s JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND %s" % (name, to, NOT_TEMPORARY))
             for name, what, to in PARTS] + [_all("setdatabase, setrole, setconfig", "pg_db_role_setting")])


class Database:
    """One database, as its DBA sees it."""

    def __init__(self, lab, name):
        self.lab, self.name, self.dsn = lab, name, urllib.parse.urlsplit(lab.info["superuser_dsn"])
        self.grant = "GRANT CREATE, TEMP ON DATABASE %s TO pgveil_agent" % name
        lab.dba_psql("CREATE DATABASE %s_was TEMPLATE %s" % (name, name), "postgres")
        lab.dba_psql(self.grant)
        self.connect()
        of = "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema)' AND relkind "
        tables = [r[0].decode() for r in self.ask(of + "IN ('r', 'm')")]
        # A row that is written anew is at another place, of another transaction.
        self.query = "SELECT " + ", ".join([_all("ctid, xmin", t) for t in tables] + _objects())
        sequences = [r[0].decode() for r in self.ask(of + "= 'S'")]
        self.quick = "SELECT txid_snapshot_xmax(txid_current_snapshot()), " + ", ".join("(SELECT ROW(last_value, is_called) FROM %s)" % s for s in sequences)
        rows = self.ask("SELECT " + ", ".join("(SELECT format('setval(%%L, %%s, %%L)', %r, last_value, is_called) FROM %s)" % (s, s) for s in sequences))
        self.set = "SELECT " + ", ".join(c.decode() for c in rows[0])
        self.was, self.then, self.cluster, self.made = self.ask(self.query), self.ask(self.quick)[0], self.ask(CLUSTER), 0

    def log_in(self, database):
        c = wire.Client(socket.create_connection((self.lab.host, self.lab.port), 60))
        c.login(self.dsn.username, database, urllib.parse.unquote(self.dsn.password or ""))
        return c

    def connect(self):
        self.c = self.log_in(self.name)

    def ask(self, sql):
        r = self.c.query(sql)
        assert r.ok, r.errors
        return r.rows

    def put_back(self, before):
        """Called after each statement. before: is called before the database is dropped."""
        now = self.ask(self.quick)[0]
        if now[1:] != self.then[1:]:
            self.ask(self.set)
        ended = self.ask("SELECT count(*) FILTER (WHERE txid_status(x) = 'in progress'), count(*) FILTER (WHERE txid_status(x) = 'committed') FROM "
                         "generate_series(%s, %s) x" % (self.then[0].decode(), int(now[0]) - 1))[0] if now[0] != self.then[0] else [b"0", b"0"]
        if ended[0] == b"0":
            self.then = now[:1] + self.then[1:]
        # Nothing is other than it was where no transaction was committed that wrote.
        if ended != [b"0", b"0"]:
            assert self.ask(CLUSTER) == self.cluster, "a role, slot or prepared transaction stays"
            if self.ask(self.query) != self.was:
                before()
                self.make()

    def make(self):
        self.c.close()
        # The slots that it had are free when the processes are gone, and no new ones come.
        closed = "ALTER DATABASE %s ALLOW_CONNECTIONS false" % self.name
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'" % self.name
        maker = self.log_in("postgres")
        for sql in (closed, others, "DROP DATABASE %s" % self.name, "CREATE DATABASE %s TEMPLATE %s_was" % (self.name, self.name), self.grant):
            r = maker.query(sql)
            assert r.ok, r.errors
        maker.close()
        self.connect()
        self.made += 1
        assert self.ask(self.query) == self.was

    def close(self):
        self.c.close()
