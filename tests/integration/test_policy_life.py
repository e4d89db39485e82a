# SPDX-License-Identifier: MIT
"""A policy's life in a running daemon: loaded anew on SIGHUP and whenever its files change, all of it or nothing, while sessions go on."""

import json
import os
import pathlib
import signal
import threading
import time

import pytest

import wire
from lab import Lab

POLICY = """apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: life}
spec:
  subjects:
    - cgroup: "${LAB_CGROUP}"
  databases:
    - name: db
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      credential: {user: pgveil_agent, passwordFile: "%s"}
      tls: {mode: disable}
"""
MASK = """  mask:
    - {columns: [public.pair.x], with: {fixed: %s1}}
    - {columns: [public.pair.y], with: {fixed: %s2}}
"""
HASH = """  mask:
    - {columns: [public.pair.x, public.pair.y], with: {hash: {keyFile: %s}}}
"""
SCHEMA = """CREATE TABLE pair (id int PRIMARY KEY, x text, y text);
INSERT INTO pair SELECT i, 'raw-x-' || i, 'raw-y-' || i FROM generate_series(1, 100) i;
"""
PAIR = "SELECT x, y FROM pair WHERE id = 1"


class Life:
    """A lab whose policy file the tests write."""

    def __init__(self, lab, folder, file):
        self.lab, self.folder, self.file = lab, folder, file
        self.password = "${LAB_CREDENTIAL_FILE}"

    def text(self, letter):
        return POLICY % self.password + (MASK % (letter, letter) if letter else "")

    def write(self, text):
        """As an editor does: a new file takes the old one's name."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)

    def status(self):
        return json.loads(self.lab.sh("pgveil", "--", "status", "--json").stdout)["policy"]

    def hup(self):
        os.kill(int((self.lab.state / "daemon.pid").read_text().split()[0]), signal.SIGHUP)

    def until(self, what, why):
        end = time.monotonic() + 60
        while not what():
            assert time.monotonic() < end, why

    def until_shows(self, c, row):
        self.until(lambda: c.query(PAIR).ok().rows == [row], "the policy's file was written and not taken")


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    d = tmp_path_factory.mktemp("life")
    d.chmod(0o755)
    schema, file = d / "schema.sql", d / "policy.yaml"
    schema.write_text(SCHEMA)
    file.write_text(POLICY % "${LAB_CREDENTIAL_FILE}" + MASK % ("A", "A"))
    with Lab(schema=schema, policies=(file,), agents=1) as lab:
        yield Life(lab, d, file)


@pytest.fixture(autouse=True)
def back_to_a(life):
    yield
    life.password = "${LAB_CREDENTIAL_FILE}"
    life.write(life.text("A"))
    life.lab.sh("pgveil", "--", "reload")


A, B = [b"A1", b"A2"], [b"B1", b"B2"]


# ---- files that change ----

def test_a_file_replaced(life):
    with life.lab.login() as c:
        life.until_shows(c, A)
        life.write(life.text("B"))
        life.until_shows(c, B)


def test_a_file_written_in_place(life):
    with life.lab.login() as c:
        life.until_shows(c, A)
        life.file.write_text(life.text("B"))
        life.until_shows(c, B)


def test_links_as_kubernetes_makes_them(own_lab, tmp_path):
    """policy.yaml → ..data/policy.yaml, and ..data is replaced by a rename."""
    tmp_path.chmod(0o755)
    schema = tmp_path / "schema.sql"
    schema.write_text(SCHEMA)
    mount = tmp_path / "mount"
    for version, letter in (("..1", "A"), ("..2", "B")):
        (mount / version).mkdir(parents=True)
        (mount / version / "policy.yaml").write_text(POLICY % "${LAB_CREDENTIAL_FILE}" + MASK % (letter, letter))
    (mount / "..data").symlink_to("..1")
    file = mount / "policy.yaml"
    file.symlink_to("..data/policy.yaml")
    # lab.sh resolves the links of what it is given; the daemon is to see them.
    lab = own_lab(schema=schema, policies=(), agents=1, env={"LAB_DAEMON_ARGS": "--policy %s" % file})
    with lab.login() as c:
        assert c.query(PAIR).ok().rows == [A]
        (mount / "..data_tmp").symlink_to("..2")
        (mount / "..data_tmp").rename(mount / "..data")
        Life(lab, mount, file).until_shows(c, B)


def test_a_bad_file_changes_nothing_and_says_why(life):
    before = life.status()
    assert before["failure"] is None and before["loaded_at"] <= time.time() + 1
    with life.lab.login() as c:
        life.write(life.text("B").replace("fixed: B1", "fixd: B1").replace("tls:", "tlss:"))
        life.until(lambda: life.status()["failure"], "the file was not looked at")
        told = life.status()["failure"]["complaints"]
        assert [t.split(": ")[0] for t in told] == ["%s:11:7" % life.file, "%s:13:41" % life.file]
        assert life.status()["version"] == before["version"]
        assert c.query(PAIR).ok().rows == [A]
        text = life.lab.sh("pgveil", "--", "status").stdout.decode()
        assert "NOT TAKEN" in text and told[0] in text
        life.write(life.text("B"))
        life.until_shows(c, B)
        assert life.status()["failure"] is None and life.status()["version"] > before["version"]


def test_a_file_that_is_gone(life):
    with life.lab.login() as c:
        life.file.unlink()
        life.until(lambda: life.status()["failure"], "its end was not seen")
        assert c.query(PAIR).ok().rows == [A]
        life.write(life.text("B"))
        life.until_shows(c, B)


def test_a_key_file_that_changes(life):
    key = life.folder / "key"
    key.touch(0o600)
    key.write_text("0123456789abcdef" * 4)
    life.write(POLICY % life.password + HASH % key)
    with life.lab.login() as c:
        life.until(lambda: c.query(PAIR).ok().rows != [A], "the policy was not taken")
        first = c.query(PAIR).ok().rows
        key.write_text("fedcba9876543210" * 4)
        life.until(lambda: c.query(PAIR).ok().rows != first, "the key was not taken")


def test_a_password_file_that_changes(life):
    """Read for every login; no reload is needed."""
    own = life.folder / "password"
    own.touch(0o600)
    own.write_text(life.lab.password() + "\n")
    life.password = str(own)
    life.write(life.text("B"))
    life.lab.sh("pgveil", "--", "reload")
    life.lab.login().close()
    try:
        life.lab.dba_psql("ALTER ROLE pgveil_agent PASSWORD 'another one'")
        with life.lab.connect() as c, pytest.raises(wire.ServerError):
            c.login("agent", life.lab.dbname)
        own.write_text("another one\n")
        with life.lab.login() as c:
            assert c.query(PAIR).ok().rows == [B]
    finally:
        life.lab.dba_psql("ALTER ROLE pgveil_agent PASSWORD '%s'" % life.lab.password())


# ---- sessions that go on ----

def test_what_cannot_go_on_ends_at_its_next_statement(life):
    with life.lab.login() as c:
        assert c.query(PAIR).ok().rows == [A]
        life.write(life.text(""))
        life.lab.sh("pgveil", "--", "reload")
        c.send(wire.query(PAIR))
        kind, body = c.read()
        assert kind == "E" and wire.fields(body)["C"] == "57P01" and "whether columns are masked" in wire.fields(body)["M"]
        c.drain()
        assert b"raw" not in c.received
    with life.lab.login() as c:
        assert c.query(PAIR).ok().rows == [[b"raw-x-1", b"raw-y-1"]]
        # The other way round, and in the middle of a statement: it is answered to its end, and nothing after it.
        c.send(wire.query("SELECT pg_sleep(1.5), x FROM pair WHERE id = 1"), wire.query(PAIR))
        life.until(lambda: "pg_sleep" in life.lab.dba_psql("SELECT query FROM pg_stat_activity WHERE state = 'active' AND usename = "
                                                           "'pgveil_agent'"), "it does not run")
        life.write(life.text("A"))
        life.lab.sh("pgveil", "--", "reload")
        c.drain()
        kinds = c.until("E")
        assert [k for k, _ in kinds][:4] == ["T", "D", "C", "Z"]
        if len(kinds) > 5:  # the second one was passed on before the policy changed
            assert [k for k, _ in kinds][4:8] == ["T", "D", "C", "Z"]
        assert wire.fields(kinds[-1][1])["C"] == "57P01"


@pytest.mark.parametrize("how", ["SIGHUP", "file"])
def test_no_statement_is_judged_by_half_a_policy(life, how):
    """Connections that ask all the time, in every way, while two policies take turns."""
    stop, seen, failed = threading.Event(), set(), []

    def ask(kind):
        try:
            with life.lab.login() as c:
                if kind == "prepared":
                    c.send(wire.parse("SELECT x, y FROM pair", "s"), wire.sync())
                    c.result().ok()
                while not stop.is_set():
                    if kind == "simple":
                        results = [c.query("SELECT x, y FROM pair")]
                    elif kind == "prepared":
                        c.send(wire.bind("s", "p"), wire.execute("p"), wire.sync())
                        results = [c.result()]
                    else:
                        c.send(*[part for _ in range(8) for part in (wire.extended("SELECT x, y FROM pair WHERE id < 10"), wire.sync())])
                        results = [c.result() for _ in range(8)]
                    for r in results:
                        rows = {tuple(row) for row in r.ok().rows}
                        assert len(rows) == 1, "one statement keeps its plan to the end"
                        seen.update(rows)
                assert b"raw-" not in c.received
        except Exception as e:  # told by the test, not by the thread
            failed.append((kind, e))

    before = life.status()["version"]
    threads = [threading.Thread(target=ask, args=(kind,)) for kind in ("simple", "prepared", "pipeline") for _ in range(3)]
    for t in threads:
        t.start()
    end = time.monotonic() + 8
    turn = 0
    while time.monotonic() < end and not failed:
        turn += 1
        version = life.status()["version"] if how == "file" else 0
        life.write(life.text("AB"[turn % 2]))
        if how == "SIGHUP":
            life.hup()
        else:
            life.until(lambda: life.status()["version"] != version or failed, "the file was not taken")
    stop.set()
    for t in threads:
        t.join()
    assert not failed
    assert seen == {tuple(A), tuple(B)}
    assert life.status()["version"] - before >= (20 if how == "SIGHUP" else 2)
