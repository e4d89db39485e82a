# SPDX-License-Identifier: MIT
"""The hostile corpus: each statement of corpus/ gives a masked value away on a direct connection, and none through the engine.

Two databases differ in their masked values alone. Direct, a statement must show a canary or (oracle) answer otherwise in one than in
the other. Through the engine, as a simple query and over the extended protocol with results in text and in binary, no byte that
comes may hold a canary in any form, and what comes must be the same from both databases."""

import concurrent.futures
import pathlib
import re
import socket

import pytest

import canaries
import corpus
import script
import state
import wire
from lab import Lab

HERE = pathlib.Path(__file__).resolve().parent
DATABASES = ["lab", "bal"]


class Sides:
    """Connections to both databases, direct and as the agents. What is done with one and the same with the other is done at once, by
    a thread for each; nothing of a database is touched by the other's."""

    def __init__(self, lab):
        self.lab, self.kept, self.oids = lab, {}, {}
        self.pool = concurrent.futures.ThreadPoolExecutor(len(DATABASES))
        self.databases = [state.Database(lab, d) for d in DATABASES]
        self.major = int(lab.info["pg_version"].split(".")[0].split("b")[0])

    def open(self, who, database, startup):
        """→ a connection and what came at login, or None and the refusal."""
        c = wire.Client(self.lab.dial(who) if who != "direct" else socket.create_connection((self.lab.host, self.lab.port), 20))
        user, password = ("agent", None) if who != "direct" else ("pgveil_agent", self.lab.password())
        try:
            came = c.login(user, database, password, **startup)
        except (wire.ServerError, wire.Closed) as e:
            c.close()
            return None, [("E", b"".join(wire.cstr(k + v) for k, v in getattr(e, "fields", {}).items()))]
        return c, [m for m in came if m[0] not in "RK"]

    def own(self, who, database, attack, mode):
        """In a session that begins here; but for what it says at login, one that others left clean is as good."""
        key = (who, database)
        c, came = self.kept.pop(key, None), []
        if attack.startup or not c:
            if c:
                self.kept[key] = c
            c, came = self.open(who, database, attack.startup)
            if not c:
                return came
        out = script.run(c, attack.steps, mode, self.oids)
        if attack.startup or key in self.kept or not self.clean(c, out, attack):
            c.close()
        else:
            self.kept[key] = c
        return (came if attack.startup else []) + out

    @staticmethod
    def clean(c, out, attack):
        """Is the session as a new one, and does it still answer? Connections of dblink and slots are the server process's, and stay."""
        if not out or out[-1][0] != "Z" or any("dblink" in s or "_replication_slot" in s for s in attack.steps):
            return False
        try:
            c.send(wire.query("ROLLBACK"), wire.query("DISCARD ALL"), wire.query("SELECT name FROM app.team WHERE id = 1"))
            last = [c.result() for _ in range(3)][1:]
        except (wire.Closed, TimeoutError):
            return False
        return last[0].tags == ["DISCARD ALL"] and last[1].rows == [[b"north"]] and last[1].status == "I"

    def shared(self, who, database, attack, modes):
        """In transactions of a session that others used before, all modes in one go."""
        key = (who, database)
        if key not in self.kept:
            self.kept[key] = self.open(who, database, {})[0]
        c = self.kept[key]
        sql = attack.steps[0]
        told = []
        try:
            for mode in modes:
                middle = [wire.query(sql)] if mode == "simple" else [wire.extended(sql, formats=(int(mode == "binary"),)), wire.sync()]
                c.send(wire.query("BEGIN"), *middle, wire.query("ROLLBACK"))
            for _ in modes:
                told.append([])
                for _ in range(3):
                    told[-1] += c.until("Z")
        except (wire.Closed, TimeoutError):
            self.kept.pop(key).close()
            if len(modes) > 1:
                # One of them ended the session: each by itself, then.
                return [self.shared(who, database, attack, [m])[0] for m in modes]
            told[-1:] = [(told or [[]])[-1] + [("closed", b"")]]
        return told

    def put_back(self, d):
        """The database is what it was before the statement."""
        d.put_back(lambda: self.leave(d.name))

    def leave(self, database):
        for key in [k for k in list(self.kept) if k[1] == database]:
            self.kept.pop(key).close()

    def both(self, do):
        return list(self.pool.map(do, self.databases))

    def run(self, who, attack, modes):
        """→ for each mode what came from one database, and what from the other."""
        own = attack.own or attack.startup or len(attack.steps) > 1 or attack.steps[0].startswith(">") or attack.steps[0].upper().startswith("COPY")
        if not own:
            came = list(zip(*self.both(lambda d: self.shared(who, d.name, attack, modes))))
            self.both(self.put_back)
            return came
        came = []
        for mode in modes:
            came.append(self.both(lambda d: self.own(who, d.name, attack, mode)))
            self.both(self.put_back)
        return came

    def close(self):
        for d in self.databases:
            d.close()
        for c in self.kept.values():
            c.close()
        self.pool.shutdown()


@pytest.fixture(scope="module")
def sides():
    schema = HERE / "schema.sql"
    with Lab(schema=schema, policies=sorted(HERE.glob("policy*.yaml")), agents=4, pg_conf=["wal_level=logical", "max_wal_senders=4", "max_prepared_transactions=4", "autovacuum=off",
             "shared_preload_libraries=pg_stat_statements"]) as lab:
        lab.set_hba("host all fdwuser samenet scram-sha-256")
        lab.dba_psql("CREATE DATABASE %s TEMPLATE %s" % (DATABASES[1], lab.dbname), "postgres")
        read = [corpus.read(corpus.HERE / (c + ".sql")) for c in corpus.categories()]
        for i, database in enumerate(DATABASES, 1):
            lab.sh("dba", "--", "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", database, "-v", "v=%d" % i, "-f", HERE / "data.sql")
            lab.dba_psql(";\n".join(sql for _, setup in read for sql in setup), database)
        both = Sides(lab)
        names = sorted({n for attacks, _ in read for a in attacks for n in script.functions(a.steps)})
        oids = lab.dba_psql("SELECT " + ", ".join("'%s'::regprocedure::oid" % n for n in names)).split("|")
        both.oids.update(zip(names, map(int, oids)))
        yield both
        both.close()


def judge(sides, attack):
    """→ what is wrong with it, or None."""
    own = " ;; ".join(attack.steps).encode()
    modes = script.MODES if any(not s.startswith(">") for s in attack.steps) else ["simple"]
    for mode in modes:
        came = sides.run("direct", attack, [mode])[0]
        told = [script.outcome(m, DATABASES) for m in came]
        if attack.kind in ("oracle", "limit") and told[0] != told[1]:
            break
        if attack.kind != "oracle" and any(canaries.found(script.telling(m), own) for m in came):
            break
    else:
        return "does not leak on a direct connection%s: %s" % (", but answers differ" if told[0] != told[1] else "", short(came[0]))
    for mode, came in zip(modes, sides.run(attack.agent, attack, modes)):
        for m in came:
            values = canaries.found(script.telling(m), own)
            if values:
                return "LEAK (%s) of %s: %s" % (mode, values, short(m))
        told = [script.outcome(m, DATABASES) for m in came]
        if told[0] != told[1] and attack.kind != "asked":
            first = next((a, b) for a, b in zip(told[0] + [None], told[1] + [None]) if a != b)
            return "LEAK (%s) by another answer: %s" % (mode, first)
    return None


def short(messages):
    return " ".join("%s %.120s" % (k, re.sub(r"[^ -~]+", " ", b.decode("latin-1"))) for k, b in messages if k not in "ZT12nst3SC")[:400]


@pytest.mark.parametrize("category", corpus.categories())
def test_no_way_round(sides, category):
    attacks, _ = corpus.read(corpus.HERE / (category + ".sql"))
    wrong, still_open, run, limits = [], [], 0, 0
    for attack in attacks:
        if not attack.since <= sides.major < attack.before:
            continue
        run += 1
        problem = judge(sides, attack)
        if attack.kind == "limit":
            if problem and problem.startswith("LEAK"):
                limits += 1
            else:
                wrong.append("%s.sql:%d: is said not to be hidden, and is: %s" % (category, attack.line, problem))
        elif problem:
            (still_open if attack.open else wrong).append("%s.sql:%d: %s%s\n      %s" % (category, attack.line, attack.open and attack.open + ": ", problem, " ;; ".join(attack.steps)))
        elif attack.open:
            wrong.append("%s.sql:%d: is marked open, and does not leak any more" % (category, attack.line))
    print("%s: %d statements, %d open, %d of what is not hidden" % (category, run, len(still_open), limits), *still_open, sep="\n  ")
    if not run or wrong:
        pytest.fail("\n  ".join(["%s: %d of %d statements" % (category, len(wrong), run), *wrong]), pytrace=False)
