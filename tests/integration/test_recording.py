# SPDX-License-Identifier: MIT
"""What an agent did is on record, byte by byte what it got, before it got it; and no value of
a masked column is in it, also none that a statement was written with."""

import contextlib
import pathlib
import subprocess
import tempfile
import time

import pytest

import canary
import record_chaos
import recording
import wire
from lab import BUILD, HERE, Lab

POLICIES = (HERE / "agent1.yaml", HERE / "plain.yaml")
NAME = iter("recording-%d" % i for i in range(100000))


@pytest.fixture(scope="module")
def lab():
    with Lab(policies=POLICIES, env={"LAB_DAEMON_ARGS": "--record-segment 1MiB"}) as up:
        yield up


def state(lab):
    return lab.state / "state"


def kept(lab, name, ended=True, where=None):
    """The session of that application_name; it ends a moment after its client has gone."""
    end = time.monotonic() + 20
    while True:
        found = [s for s in recording.sessions(where or state(lab)).values() if s.begin and s.begin.get("application_name") == name.encode()]
        if found and (found[0].end or not ended):
            assert len(found) == 1
            return found[0]
        assert time.monotonic() < end, name
        time.sleep(0.05)


class Recorded:
    """A client, what it was sent behind its login, and what is on record of it."""

    def __init__(self, lab, who="agent1", where=None):
        self.lab, self.name, self.where = lab, next(NAME), where
        self.client = lab.login(who, params={"application_name": self.name})
        self.start = self.client.at

    def __enter__(self):
        return self.client

    def __exit__(self, *_):
        with contextlib.suppress(OSError, wire.Closed):
            self.client.send(wire.terminate())
            self.client.drain()
        self.client.close()

    @property
    def got(self):
        return bytes(self.client.received[self.start:])

    def kept(self):
        return kept(self.lab, self.name, where=self.where)


def test_everything(lab):
    session = Recorded(lab)
    with session as c:
        c.query("SELECT id, ssn, email FROM clinic.patient ORDER BY id").ok()
        c.query("SELECT 1; SELECT 'two'").ok()
        assert c.query("SELECT 1 / 0").error.sqlstate == "22012"
        assert c.query("SELECT ssn FROM clinic.patient WHERE ssn = '1'").error.sqlstate == "42501"
        c.run("SELECT name, ssn FROM clinic.patient WHERE id = $1", (b"1",)).ok()
        c.run("SELECT $1::text, $2::int4", (b"it's", b"\0\0\0\7"), param_formats=(0, 1)).ok()
        c.query("BEGIN").ok()
        c.query("DECLARE c CURSOR FOR SELECT email FROM clinic.patient").ok()
        c.query("FETCH 2 FROM c").ok()
        c.query("ROLLBACK").ok()
        c.query("COPY (SELECT id, ssn FROM clinic.patient) TO STDOUT").ok()
        c.query("CREATE TEMP TABLE mine (a int)").ok()
        c.send(wire.query("COPY mine FROM STDIN"))
        c.until("G")
        c.send(wire.message("d", b"1\n2\n"), wire.message("c"))
        c.result().ok()
        c.send(wire.parse("SELECT count(*) FROM mine", "p"), wire.bind("p", "q"), wire.execute("q"), wire.sync())
        c.result().ok()
    s = session.kept()
    assert s.result == session.got
    assert s.begin["role"] == b"pgveil_agent" and s.begin["claimed_user"] == b"agent" and s.begin["policy"] == [b"agent1"]
    assert s.begin["level"] == b"full" and s.begin["database"] == b"clinic" and s.begin["dbname"] == lab.dbname.encode()
    texts = s.texts()
    assert "SELECT id, ssn, email FROM clinic.patient ORDER BY id" in texts and "SELECT 1; SELECT 'two'" in texts
    assert "COPY mine FROM STDIN" in texts and "SELECT count(*) FROM mine" in texts
    assert s.parameters() == ["'1'", "'it''s'", "\\x00000007"]
    refused = [x for x in s.statements if x["verdict"] == b"deny"]
    assert len(refused) == 1 and refused[0]["sqlstate"] == b"42501" and b"clinic.patient.ssn" in refused[0]["column"]
    first = s.statements[0]
    assert first["relation"] == [b"clinic.patient"] and set(first["column"]) == {b"clinic.patient.ssn", b"clinic.patient.email"}
    assert all(b"agent1.yaml:" in r for r in first["rule"])
    done = {d["statement"]: d for d in s.done}
    assert done[1]["rows"] > 1 and done[1]["masked_cells"] == 2 * done[1]["rows"] and done[1]["tag"] == [b"SELECT %d" % done[1]["rows"]]
    assert done[2]["tag"] == [b"SELECT 1", b"SELECT 1"] and done[3]["sqlstate"] == b"22012" and done[4]["sqlstate"] == b"42501"
    # All that runs is answered for, by its Query or by the Bind that it was bound with.
    assert {x["statement"] for x in s.statements if x["message"] in (b"query", b"bind")} == set(done)
    assert s.end["statements"] == len(s.statements) and s.end["refused"] == 1 and s.end["bytes"] == len(s.result)


def test_a_caller_without_rules(lab):
    session = Recorded(lab, "agent2")
    with session as c:
        c.query("SELECT id, name FROM clinic.patient WHERE ssn <> 'x' -- why").ok()
        c.run("SELECT $1::text", (b"v",)).ok()
        assert c.query("SELECT nothing").error.sqlstate == "42703"
        c.query("SELECT length('%s')" % ("x" * 3000000)).ok()
    s = session.kept()
    assert s.result == session.got
    assert "SELECT id, name FROM clinic.patient WHERE ssn <> 'x' -- why" in s.texts() and s.parameters() == ["'v'"]
    assert "".join(t for t in s.texts() if "xxx" in t) == "SELECT length('%s')" % ("x" * 3000000)
    assert s.done[-2]["sqlstate"] == b"42703"


def test_a_name_of_any_length(lab):
    """Which the server takes of a prepared statement: its text is on record all the same."""
    names = [("p%d" % n).ljust(n, "n") for n in (125, 126, 127, 700, 5000)]
    session = Recorded(lab, "agent2")
    with session as c:
        for name in names:
            c.send(wire.parse("SELECT %d" % len(name), name), wire.bind(name), wire.execute(), wire.sync())
            c.result().ok()
    s = session.kept()
    assert s.texts() == ["SELECT %d" % len(name) for name in names]
    assert [x["prepared"] for x in s.statements if x["message"] == b"parse"] == [name[:126].encode() for name in names]


def test_a_cancelled_statement(lab):
    session = Recorded(lab)
    with session as c:
        c.send(wire.query("SELECT count(*) FROM generate_series(1, 1000000000) i"))
        while not lab.dba_psql("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%1000000000%' AND state = 'active' AND pid <> pg_backend_pid()"):
            pass
        lab.dba_psql("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%1000000000%' AND pid <> pg_backend_pid()")
        assert c.result().error.sqlstate == "57014"
    s = session.kept()
    assert s.result == session.got and s.done[0]["sqlstate"] == b"57014"


@pytest.mark.parametrize("level", ["statements", "metadata"])
def test_levels(level):
    with Lab(policies=POLICIES, record="{level: %s}" % level) as lab:
        for who in ("agent1", "agent2"):
            session = Recorded(lab, who)
            with session as c:
                c.query("SELECT id FROM clinic.patient WHERE id = 1").ok()
                c.run("SELECT $1::int", (b"7",)).ok()
            s = session.kept()
            assert s.result == b"" and s.begin["level"] == level.encode()
            assert bool(s.texts()) == (level == "statements") and bool(s.parameters()) == (level == "statements")
            assert [d for d in s.done if d["rows"] == 1]


WORDS = [c.decode() for c in canary.TEXT]


def hostile(w):
    """Statements with a value in them, and what has to do with a masked column otherwise than by showing it."""
    q = w.replace("'", "''")
    yield "SELECT id FROM clinic.patient WHERE ssn = '%s'" % q
    yield "SELECT id FROM clinic.patient WHERE email LIKE '%%%s%%'" % q
    yield "SELECT id, /* %s */ ssn FROM clinic.patient" % w
    yield "SELECT id -- %s\nFROM clinic.patient" % w
    yield "SELECT ssn || '%s' FROM clinic.patient" % q
    yield "SELECT CASE WHEN email = '%s' THEN 1 END FROM clinic.patient" % q
    yield "INSERT INTO clinic.patient (id, email) VALUES (9001, '%s')" % q
    yield "UPDATE clinic.patient SET ssn = '%s' WHERE id = -1" % q
    yield "UPDATE clinic.patient SET email = $$%s$$ WHERE id = -1" % w
    yield "UPDATE clinic.patient SET email = E'%s' WHERE id = -1" % q
    yield "DELETE FROM clinic.patient WHERE email = '%s'" % q
    yield "SELEC id FROM clinic.patient WHERE email = '%s'" % q
    yield "SELECT id FROM clinic.patient WHERE email = '%s" % q
    yield "SELECT * FROM '%s'" % q
    yield "SELECT id FROM clinic.patient WHERE email = \"%s @\"" % w
    yield "SELECT id FROM clinic.nothing WHERE email = '%s'" % q
    yield "PREPARE a AS SELECT id FROM clinic.patient WHERE email = '%s'" % q
    yield "DECLARE a CURSOR FOR SELECT id FROM clinic.patient WHERE email = '%s'" % q
    yield "EXPLAIN SELECT id FROM clinic.patient WHERE email = '%s'" % q
    yield "DO $$ BEGIN PERFORM 1 FROM clinic.patient WHERE email = '%s'; END $$" % q
    yield "COPY (SELECT id FROM clinic.patient WHERE email = '%s') TO STDOUT" % q
    yield "SET my.value = '%s'" % q
    yield "SELECT set_config('my.value', '%s', false) IS NULL" % q
    yield "MERGE INTO clinic.patient p USING (SELECT '%s' AS e) s ON p.id = -1 WHEN MATCHED THEN UPDATE SET email = s.e" % q
    yield "WITH x AS (UPDATE clinic.patient SET email = '%s' WHERE id = -1 RETURNING id) SELECT * FROM x" % q
    yield "SELECT 1; SELECT id FROM clinic.patient WHERE email = '%s'; SELECT 2" % q
    yield "SELECT id FROM clinic.patient WHERE visits = '%s'" % q
    yield "UPDATE clinic.patient SET visits = '%s x' WHERE id = -1" % q
    yield "EXECUTE nothing('%s')" % q
    yield "SELECT lo_put(1, 1, '%s')" % q
    yield "SELECT E'\\xff%s'" % q


def test_no_value_is_on_record(lab):
    session = Recorded(lab)
    with session as c:
        c.query("PREPARE look(text) AS SELECT id FROM clinic.patient WHERE id = length($1)").ok()
        for w in WORDS:
            for sql in hostile(w):
                c.query(sql)
                c.run(sql)
                if c.query("SELECT 1").errors:
                    c.query("ROLLBACK").ok()
            for sql in ("SELECT id FROM clinic.patient WHERE email = $1", "UPDATE clinic.patient SET email = $1 WHERE id = -1",
                        "INSERT INTO clinic.patient (id, ssn) SELECT -1, $1 WHERE false", "UPDATE clinic.patient SET visits = $1 WHERE id = -1"):
                c.run(sql, (w.encode(),))
            c.query("EXECUTE look('%s')" % w.replace("'", "''"))
            c.send(wire.query("COPY clinic.patient (id, email) FROM STDIN"))
            if c.until("GZ")[-1][0] == "G":
                c.send(wire.message("d", b"-5\t%s\n" % w.encode()), wire.message("f", b"no\0"))
                c.until("Z")
    s = session.kept()
    assert len(s.statements) > 20 * len(WORDS)
    # Statements are there, without what might be a value.
    assert any(t.startswith("UPDATE clinic.patient SET email = \u2039tok:") for t in s.texts())
    for data in recording.everything(state(lab)):
        assert not canary.found(data), canary.found(data)
    assert not canary.found(lab.daemon_log())


def test_a_token_is_of_its_value(lab):
    key = (state(lab) / "recordings" / "seal.key").read_bytes()
    session = Recorded(lab)
    with session as c:
        c.query("SELECT id FROM clinic.patient WHERE email = 'it''s me'")
        c.run("SELECT id FROM clinic.patient WHERE id = $1 AND name <> 'x'", (b"1",)).ok()
        c.run("UPDATE clinic.patient SET email = $1 WHERE id = -1", (b"it's me",)).ok()
    s = session.kept()
    assert s.texts()[0] == "SELECT id FROM clinic.patient WHERE email = " + recording.token(key, b"it's me")
    assert s.texts()[1] == "SELECT id FROM clinic.patient WHERE id = $1 AND name <> 'x'"
    assert s.parameters() == ["'1'", recording.token(key, b"it's me")]
    assert (state(lab) / "recordings" / "seal.key").stat().st_mode & 0o777 == 0o600


def test_killed(lab):
    with Lab(policies=POLICIES, env={"LAB_DAEMON_ARGS": "--record-segment 1MiB"}) as own:
        compared = sum(record_chaos.kill_once(own, seed) for seed in range(10))
        assert compared > 100000
        assert recording.verify(state(own)) > 1000 and len(recording.runs(state(own))) == 11


SLOW = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <stdio.h>
ssize_t write(int fd, const void *p, size_t n)
{
	static ssize_t (*real)(int, const void *, size_t);
	char link[64], path[512];
	ssize_t len;

	if (!real)
		real = dlsym(RTLD_NEXT, "write");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len > 0 && (path[len] = 0, strstr(path, ".pgveil")))
		nanosleep(&(struct timespec){0, 200000000}, NULL);
	return real(fd, p, n);
}
"""


def test_slow_disk(tmp_path):
    """It takes longer, and nothing else is different."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pgveil-slow-", dir="/tmp"))
    (folder / "slow.c").write_text(SLOW)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", folder / "slow.so", folder / "slow.c", "-ldl"], check=True)
    folder.chmod(0o755)
    if BUILD == "asan":
        pytest.skip("a sanitizer's library must come first")
    with Lab(policies=POLICIES, env={"LD_PRELOAD": str(folder / "slow.so")}) as lab:
        session = Recorded(lab)
        with session as c:
            before = time.monotonic()
            c.query("SELECT 1").ok()
            # The statement was written before it ran, its result before it came.
            assert time.monotonic() - before > 0.4
        assert session.kept().result == session.got


def test_enciphered(tmp_path):
    key = pathlib.Path(tempfile.mkdtemp(prefix="pgveil-key-", dir="/tmp")) / "key"
    key.write_text("0123456789abcdef" * 4 + "\n")
    key.chmod(0o600)
    m = "findmeinhere"
    with Lab(policies=POLICIES, env={"LAB_DAEMON_ARGS": "--record-key %s" % key}) as lab:
        with lab.login() as c:
            c.query("SELECT '%s' || name FROM clinic.patient" % m).ok()
            c.send(wire.terminate())
            c.drain()
        end = time.monotonic() + 20
        while not any(r.kind == "end" for r in recording.read(state(lab))):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert all(r.body is None for r in recording.read(state(lab)) if r.session)
        for data in recording.everything(state(lab)):
            assert m.encode() not in data
        for path in (state(lab) / "recordings").rglob("*.pgveil"):
            assert m.encode() not in path.read_bytes()
