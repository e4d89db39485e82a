# SPDX-License-Identifier: MIT
"""`pgveil policy learn`: what it proposes of recordings made by hand, and that a live agent's run passes under what it proposes of it
while other statements do not."""

import json
import shutil
import subprocess
import time

import pytest

import wire
from lab import HERE, Lab
from recordings import BUILD, PGVEIL, ROOT, Recording, maker

TOKEN = "\u2039tok:%012x\u203a"


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    subprocess.run(["make", "-s", "BUILD=" + BUILD, "build/%s/pgveil" % BUILD], cwd=ROOT, check=True)
    return maker(tmp_path_factory.mktemp("maker"))


def learn(where, *args):
    return subprocess.run([PGVEIL, "policy", "learn", *map(str, args), "--recordings", where], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


def learned(where, *args, status=0):
    p = learn(where, "--json", *args)
    assert p.returncode == status, (p.returncode, p.stdout.decode(), p.stderr.decode())
    return json.loads(p.stdout)


def texts(out):
    return {s["text"]: s["ran"] for s in out["shapes"]}


DOCUMENT = """apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: learned}
spec:
  subjects: [{cgroup: "/agents.slice/*"}]
  databases: [{name: crm, address: "10.0.0.5:5432", databases: [shop], credential: {user: x, passwordFile: /dev/null}, tls: {mode: disable}}]
"""


def checked(proposal, tmp_path):
    """The policy with the proposal in it, which `policy check` takes."""
    file = tmp_path / "learned.yaml"
    file.write_text(DOCUMENT + proposal)
    p = subprocess.run([PGVEIL, "policy", "check", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout.decode()
    return file


class Agents(Recording):
    def ran(self, session, text, effects=("read",), relations=(), sqlstate=None, tags=("X",), **f):
        self.statement(session, text, effect=list(effects), relation=list(relations), tag=list(tags), **f)
        self.done(session, **({"sqlstate": sqlstate} if sqlstate else {}))

    def bound(self, session, name, text, times, relations=(), **f):
        about = {"effect": ["read"], "relation": list(relations), "tag": ["X"], "prepared": name}
        self.statement(session, text, message="parse", **about)
        for _ in range(times):
            self.statement(session, "", message="bind", **about)
            self.done(session, **f)


def sample():
    r = Agents()
    a, b = r.begin(), r.begin(cgroup="/system.slice/cron.service", unit="cron.service", uid=0, policy=["jobs"])
    r.ran(a, "SELECT id FROM shop.orders WHERE id = 1", relations=["shop.orders"])
    r.ran(b, "select ID\nfrom shop.orders /* x */ where id=-7", relations=["shop.orders"])
    r.bound(a, "s1", "SELECT note FROM shop.orders WHERE id = $1", 3, ["shop.orders"])
    r.ran(a, "SELECT lower('x') FROM shop.t", relations=["shop.t"])
    r.ran(a, "SELECT lower('x') FROM shop.t", relations=["shop.t"])
    r.ran(a, "SELECT round(v, 1) FROM shop.t", relations=["shop.t"])
    r.ran(a, "SELECT round(v, 2) FROM shop.t", relations=["shop.t"])
    r.ran(a, "SELECT lower('y') FROM shop.t", relations=["shop.t"], sqlstate="57014")  # does not open what was always the same
    r.ran(a, "BEGIN; SELECT 1; COMMIT", ["read", "transaction"])
    r.ran(a, "INSERT INTO shop.log SELECT id FROM shop.orders WHERE name = %s" % (TOKEN % 1), ["read", "insert"], ["shop.log", "shop.orders"])
    r.ran(a, "SET work_mem = '1MB'", ["settings"])
    r.ran(a, "SELECT \"Odd Name\" FROM shop.\"Odd.Tab'le\" WHERE a = %s /*%s*/" % (TOKEN % 2, TOKEN % 3), relations=["shop.Odd.Tab'le"])
    r.ran(a, "NOTIFY c, 'a\u202e\x1b${HOME}$${x}\"\\'", ["notify"])
    r.ran(a, "DELETE FROM shop.orders WHERE id = 9", ["read", "delete"], ["shop.orders"], verdict="ask", approval="4")
    r.statement(a, "DELETE FROM %s" % (TOKEN % 4), "deny", effect=["delete"])
    r.ran(a, "SELECT failed FROM shop.t", relations=["shop.t"], sqlstate="42703")
    r.ran(a, "SELECT 1 %s %s" % (TOKEN % 5, TOKEN % 6))
    r.statement(a, "SELECT unended FROM shop.t", effect=["read"])
    r.end(a)
    r.end(b)
    r.run()
    c = r.begin(cgroup="/agents.slice/claude-2.scope", unit="claude-2.scope", dbname="other")
    r.statement(c, "SELECT b FROM unjudged WHERE a = 'x' -- y")  # no effects: nobody looked
    r.statement(c, "SELECT c FROM unjudged")
    r.done(c)
    r.end(c)
    return r


@pytest.fixture(scope="module")
def made(make, tmp_path_factory):
    where = tmp_path_factory.mktemp("made") / "recordings"
    sample().write(make, where)
    return where


def test_shapes(made, tmp_path):
    out = learned(made, status=3)  # of one text no shape can be made
    assert texts(out) == {
        "BEGIN": 1, "COMMIT": 1, "SELECT $1": 1, "SELECT id FROM shop.orders WHERE id = $1": 2, "SELECT note FROM shop.orders WHERE id = $1": 3,
        "SELECT lower('x') FROM shop.t": 2, "SELECT round(v, $1) FROM shop.t": 2, "INSERT INTO shop.log SELECT id FROM shop.orders WHERE name = $1": 1,
        "SET work_mem = '1MB'": 1, "SELECT \"Odd Name\" FROM shop.\"Odd.Tab'le\" WHERE a = $1": 1, "NOTIFY c, 'a\u202e\x1b${HOME}$${x}\"\\'": 1,
        "DELETE FROM shop.orders WHERE id = $1": 1, "SELECT b FROM unjudged WHERE a = $1": 1, "SELECT c FROM unjudged": 1}
    shape = next(s for s in out["shapes"] if s["text"].startswith("SELECT id"))
    assert shape["sessions"] == 2 and shape["last"] > "2026"
    assert out["passed"] == out["statements"] == 19 and out["sessions"] == 3 and out["stuck"]["n"] == 0
    assert out["unread"]["n"] == 1 and out["unread"]["sessions"] == ["1-1"] and "not on record" in out["unread"]["why"]
    assert (out["refused"]["n"], out["failed"]["n"], out["unended"]["n"], out["full"]["n"]) == (1, 2, 1, 0)
    checked(out["proposal"], tmp_path)
    p = learn(made)
    assert p.returncode == 3
    text = p.stdout.decode()
    assert "\u202e" not in text and "\x1b" not in text and "$${HOME}" in text
    assert "# ran 2 times in 2 sessions, the last 2026-" in text and "; 1 by an approval" in text and "# left out: 1 that were refused; session 1-1" in text
    assert [s["text"] for s in out["shapes"]] == sorted(s["text"] for s in out["shapes"])


def test_which(made):
    assert texts(learned(made, "--identity", "cron.service")) == {"select ID from shop.orders where id=$1": 1}
    assert texts(learned(made, "--document", "jobs")) == {"select ID from shop.orders where id=$1": 1}
    assert len(texts(learned(made, "--database", "other"))) == 2
    assert len(texts(learned(made, "--session", "2-1"))) == 2 and len(texts(learned(made, "--session", "1-2"))) == 1
    assert texts(learned(made, "--since", "2030-01-01T00:00:00Z")) == texts(learned(made, "--identity", "nobody")) == {}
    failed = texts(learned(made, "--failed", status=3))
    assert "SELECT failed FROM shop.t" in failed and "SELECT unended FROM shop.t" in failed and "SELECT lower('x') FROM shop.t" in failed


@pytest.mark.parametrize("args", [["--bogus"], ["x"], ["--since", "yesterday"], ["--session", "1"], ["--identity", "[a"], ["--against", "/nonexistent"]])
def test_used_wrongly(made, args):
    p = learn(made, *args)
    assert p.returncode == 2 and p.stdout == b"" and p.stderr


def test_rules(made, tmp_path):
    out = learned(made, "--rules", "--identity", "claude-1.scope")
    assert out["proposal"].splitlines() == [
        "  statements:",
        "    default: deny",
        "    rules:",
        "      - {effects: [read], relations: ['shop.\"Odd.Tab''le\"', shop.orders, shop.t], verdict: allow}",
        "      - {effects: [read, settings, notify, transaction], relations: none, verdict: allow}",
        "      - {effects: [insert], relations: [shop.log], verdict: allow}",
        "      - {effects: [delete], relations: [shop.orders], verdict: ask}"]
    assert out["denied"]["n"] == out["asked"]["n"] == 0
    file = checked(out["proposal"], tmp_path)
    # By the same policy nothing is refused, but of what was asked about it says so.
    out = learned(made, "--identity", "claude-1.scope", "--against", file, status=3)
    assert {s["text"]: s["against"]["refused"] for s in out["shapes"] if "against" in s} == {"DELETE FROM shop.orders WHERE id = $1": 1}
    file.write_text(file.read_text().replace("[delete]", "[update]").replace("shop.log", "shop.other"))
    refused = {s["text"]: s["against"]["why"] for s in learned(made, "--against", file, status=3)["shapes"] if "against" in s}
    assert refused["DELETE FROM shop.orders WHERE id = $1"].startswith("deny of delete: ")
    assert refused["INSERT INTO shop.log SELECT id FROM shop.orders WHERE name = $1"].startswith("deny of insert: ")
    assert "no pgveil policy names" in refused["SELECT id FROM shop.orders WHERE id = $1"]  # cron's
    assert "SELECT lower('x') FROM shop.t" not in refused
    both = learned(made, "--rules", "--only", "--identity", "claude-1.scope", status=3)["proposal"]
    assert "default: deny" in both and "only:" in both
    checked(both, tmp_path)


def test_against_a_list(made, tmp_path):
    file = checked("  statements:\n    only: [BEGIN, COMMIT, 'SELECT $1', 'SELECT note FROM shop.orders WHERE id = $1']\n", tmp_path)
    out = learned(made, "--identity", "claude-1.scope", "--against", file, status=3)
    refused = {s["text"] for s in out["shapes"] if "against" in s}
    assert texts(out).keys() - refused == {"BEGIN", "COMMIT", "SELECT $1", "SELECT note FROM shop.orders WHERE id = $1"}
    p = learn(made, "--identity", "claude-1.scope", "--against", file)
    assert p.returncode == 3 and b"it would refuse or ask about" in p.stdout and b"learned.yaml:" in p.stdout


def test_what_is_not_believed(made, tmp_path):
    """Of what was altered nothing is learned: it goes as far as the chain holds."""
    where = tmp_path / "recordings"
    shutil.copytree(made, where)
    file = sorted((where / "00000001").glob("*.pgveil"))[-1]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    out = learned(where, status=1)
    assert out["fault"] and 0 < out["statements"] < 19
    assert b"not to be believed" in learn(where).stdout


def test_enciphered(make, tmp_path):
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    key.chmod(0o600)
    sample().write(make, tmp_path / "recordings", key=str(key))
    p = learn(tmp_path / "recordings")
    assert p.returncode == 1 and b"--key" in p.stderr and p.stdout == b""
    assert len(texts(learned(tmp_path / "recordings", "--key", key, status=3))) == 14


def test_more_than_there_is_room_for(make, tmp_path):
    r = Agents()
    a = r.begin()
    for i in range(5050):
        r.ran(a, "SELECT c%d FROM t" % i, relations=["public.t"])
    for i in range(500):  # these need the room of two
        r.ran(a, "SELECT f(%d) FROM u" % i, relations=["public.u"])
    r.end(a)
    r.write(make, tmp_path / "recordings", segment_max=1 << 24)
    out = learned(tmp_path / "recordings", "--session", "1-1", status=3)
    assert len(out["shapes"]) == 5000 and out["full"]["n"] == 550 and out["full"]["sessions"] == ["1-1"]
    r = Agents()
    a = r.begin()
    for i in range(6000):
        r.ran(a, "SELECT f(%d) FROM u" % i, relations=["public.u"])
    r.end(a)
    r.write(make, tmp_path / "other", segment_max=1 << 24)
    assert texts(learned(tmp_path / "other")) == {"SELECT f($1) FROM u": 6000}


# ---- a live agent ----

def agents_run(c, n):
    """What the agent does, with other constants each time; → what it saw."""
    out = []

    def ask(sql, *params):
        r = c.run(sql, params) if params else c.query(sql)
        out.append((sql, [e.sqlstate for e in r.errors], [e.hint for e in r.errors]))

    ask("SELECT id, order_id, sku FROM shop.items WHERE id = %d" % n)
    ask("SELECT note, region FROM shop.orders WHERE id IN (%d, %d) AND done ORDER BY 1 LIMIT %d" % (n, -n, n + 1))
    ask("SELECT count(*), lower('X') FROM shop.orders")
    ask("SELECT note FROM shop.orders WHERE id = $1", str(n).encode())
    ask("BEGIN")
    ask("INSERT INTO shop.items (id, order_id, sku) VALUES (%d, 1, 'p%d') /* a comment */" % (n + 5000, n))
    ask("UPDATE shop.items SET sku = '%d' WHERE id = %d -- another" % (n, n + 5000))
    ask("DELETE FROM shop.items WHERE id = %d" % (n + 5000))
    ask("INSERT INTO shop.free SELECT id, note FROM shop.orders WHERE id = %d" % (n + 5))
    ask("COMMIT")
    ask("BEGIN; SELECT %d; SELECT v FROM shop.free WHERE id = %d; ROLLBACK" % (n, n))
    ask("PREPARE p AS SELECT id FROM shop.orders WHERE id = $1")
    ask("EXECUTE p(%d)" % n)
    ask("DEALLOCATE p")
    ask("BEGIN")
    ask("DECLARE c CURSOR FOR SELECT id FROM shop.orders WHERE id > %d" % n)
    ask("FETCH 2 FROM c")
    ask("ROLLBACK")
    ask("COPY (SELECT id, sku FROM shop.items WHERE id < %d) TO STDOUT" % n)
    ask("COPY shop.free (id, v) TO STDOUT")
    ask("EXPLAIN SELECT id FROM shop.orders WHERE id = %d" % n)
    ask("SET work_mem = '8MB'")
    ask("SHOW work_mem")
    ask("SELECT 1")
    return out


def with_statements(text):
    head = (HERE / "statements.yaml").read_text()
    return head[:head.index("  statements:")] + "  mask: [{columns: [shop.items.sku], with: redact}]\n" + text


# Under the list; under the rules.
OTHERS = ["SELECT note FROM shop.orders", "SELECT id, order_id, sku FROM shop.items WHERE id = 1 OR true", "DELETE FROM shop.items", "SELECT lower('X'), count(*) FROM shop.orders",
          "SELECT count(*), lower('Y') FROM shop.orders", "SET work_mem = '9MB'", "SELECT pg_sleep(0)", "TRUNCATE shop.free", "DELETE FROM shop.orders WHERE id = 1"]
BEYOND = ["SELECT * FROM shop.ruled", "TRUNCATE shop.items", "LOCK TABLE shop.orders", "CREATE TEMP TABLE t (i int)", "NOTIFY c", "DELETE FROM shop.orders WHERE id = 1", "DELETE FROM shop.free WHERE id = 1",
          "SELECT id FROM shop.orders FOR UPDATE", "SELECT set_config('work_mem', '1MB', false)", "SELECT pg_advisory_lock(1)", "INSERT INTO shop.orders VALUES (99)", "COPY shop.orders FROM STDIN",
          "COPY shop.orders TO STDOUT", "SELECT shop.purge()", "SELECT nextval('shop.numbers')"]


def test_an_agents_run_passes_under_what_was_learned_of_it(tmp_path):
    file = tmp_path / "learned.yaml"
    file.write_text(with_statements(""))
    with Lab(schema=HERE / "statements.sql", policies=[file], agents=1) as lab:
        where = lab.state / "state" / "recordings"
        with lab.login() as c:
            first = agents_run(c, 3)
            c.query("SELECT 1 / 0")
            c.query("SELECT id FROM shop.items WHERE sku = 'x'")
        assert [x for x in first if x[1]] == []
        end = time.monotonic() + 20
        while not [s for s in json.loads("[%s]" % ",".join(subprocess.run([PGVEIL, "sessions", "ls", "--json", "--recordings", where], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()))
                   if s["ended"]]:
            assert time.monotonic() < end
        for n, options, forbidden, allowed in ((4, ["--only"], OTHERS, []), (5, ["--rules"], BEYOND, ["SELECT note FROM shop.orders"])):
            out = learned(where, "--session", "1-1", *options)
            assert out["passed"] == out["statements"] or options == ["--rules"]
            assert (out["failed"]["n"], out["refused"]["n"]) == (1, 1)
            file.write_text(with_statements(out["proposal"]))
            lab.sh("pgveil", "--", "reload")
            with lab.login() as c:
                assert [x for x in agents_run(c, n) if x[1]] == [], out["proposal"]
                for sql in allowed:
                    c.query(sql).ok()
                for sql in forbidden:
                    r = c.query(sql)
                    assert r.error.sqlstate == "42501" and "learned.yaml:" in (r.error.hint or ""), sql
