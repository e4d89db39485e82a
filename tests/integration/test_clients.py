# SPDX-License-Identifier: MIT
"""The matrix: each client in each way of asking, once as an agent and once without the engine. What the mask hides is
as its rule says, everything else is the same. Programs: tests/clients; the table: `make clients`."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import pytest

import canary
from lab import BUILD, PYTHON, ROOT, run
from tap import Tap

BUILT = ROOT / "build" / "clients"
WAYS = ["text", "binary", "prepared", "pipeline", "cursor", "copy", "cancel", "error", "refused", "catalog"]
JDBC = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "/usr/share/java/postgresql.jar:{dir}/java", "Jdbc"]
# name → (command, what it needs)
CLIENTS = {
    "psql": ([PYTHON, "-B", "-s", "{dir}/python/with_psql.py"], "python/with_psql.py"),
    "libpq": (["{dir}/libpq"], "libpq"),
    "psycopg2": ([PYTHON, "-B", "-s", "{dir}/python/with_psycopg2.py"], "python/with_psycopg2.py"),
    "psycopg3": ([PYTHON, "-B", "-s", "{dir}/python/with_psycopg3.py"], "python/with_psycopg3.py"),
    "asyncpg": ([PYTHON, "-B", "-s", "{dir}/python/with_asyncpg.py"], "python/with_asyncpg.py"),
    "sqlalchemy": ([PYTHON, "-B", "-s", "{dir}/python/with_sqlalchemy.py"], "python/with_sqlalchemy.py"),
    "pg": (["node", "{dir}/node/with_pg.js"], "node/node_modules/.stamp"),
    "postgres.js": (["node", "{dir}/node/with_postgres.mjs"], "node/node_modules/.stamp"),
    "sequelize": (["node", "{dir}/node/with_sequelize.js"], "node/node_modules/.stamp"),
    "jdbc": ([*JDBC, "extended"], "java/Jdbc.class"),
    "jdbc-simple": ([*JDBC, "simple"], "java/Jdbc.class"),
    "lib/pq": (["{dir}/lib_pq"], "lib_pq"),
    "pgx": (["{dir}/pgx"], "pgx"),
    "tokio-postgres": (["{dir}/tokio-postgres"], "tokio-postgres"),
    "mcp-server-postgres": ([PYTHON, "-B", "-s", "{dir}/python/with_mcp.py", "server-postgres"], "node/node_modules/.stamp"),
    "mcp-henkey": ([PYTHON, "-B", "-s", "{dir}/python/with_mcp.py", "henkey"], "node/node_modules/.stamp"),
    "mcp-postgres-server": ([PYTHON, "-B", "-s", "{dir}/python/with_mcp.py", "mcp-postgres-server"], "node/node_modules/.stamp"),
}

# What must have been seen on the wire for a cell to mean what its column says; where a client does it in SQL text, that.
WITNESS = {
    "binary": {"binary"},
    "prepared": {"named"},
    "pipeline": {"pipelined"},
    "cursor": {"row limit"},
    "copy": {"COPY in", "COPY out"},
    "cancel": {"cancel"},
}
IN_SQL = {("psql", "prepared"), ("psql", "pipeline"), ("psql", "cursor"), ("psycopg2", "prepared"), ("psycopg2", "pipeline"), ("psycopg2", "cursor"),
          ("psycopg3", "cursor"), ("libpq", "cursor"), ("sqlalchemy", "pipeline"), ("sequelize", "pipeline"), ("sequelize", "prepared"),
          ("jdbc-simple", "pipeline"), ("mcp-server-postgres", "pipeline"), ("mcp-henkey", "prepared")}

# What is refused although it is honest, and by which words; a cell that holds it says so. Whoever mends one finds this test failing.
REFUSED = {
    ("mcp-postgres-server", None): ["pg_catalog.set_config is not known"],  # the setting's name is a parameter
}

table = {}


@pytest.fixture(scope="module")
def programs():
    """Where an agent, who is nobody, can read them."""
    run([ROOT / "tests" / "clients" / "build.sh", BUILT], check=True, timeout=1200)
    there = pathlib.Path(tempfile.mkdtemp(prefix="pgveil-clients-"))
    for name in ("python", "node", "java"):
        if (BUILT / name).exists():
            shutil.copytree(BUILT / name, there / name, symlinks=True)
    for name in ("libpq", "lib_pq", "pgx", "tokio-postgres"):
        if (BUILT / name).exists():
            shutil.copy(BUILT / name, there / name)
    subprocess.run(["chmod", "-R", "a+rX", there], check=True)
    yield there
    shutil.rmtree(there)


@pytest.fixture(scope="module", autouse=True)
def matrix():
    """Printed at the end, and written to the file that CLIENTS_MATRIX names."""
    yield
    lines = ["| client | " + " | ".join(WAYS) + " |", "| --- |" + " --- |" * len(WAYS)]
    for name in CLIENTS:
        if any((name, w) in table for w in WAYS):
            lines.append("| %s | %s |" % (name, " | ".join(table.get((name, w), "") for w in WAYS)))
    text = "\n".join(lines) + "\n"
    print("\n" + text)
    if os.environ.get("CLIENTS_MATRIX"):
        pathlib.Path(os.environ["CLIENTS_MATRIX"]).write_text(text)


def direct(lab, argv, tap, home):
    env = {"PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C.UTF-8", "HOME": str(home), "PGHOST": "127.0.0.1", "PGPORT": str(tap.port), "PGDATABASE": lab.dbname,
           "PGUSER": "pgveil_agent", "PGPASSWORD": lab.password()}
    return run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--", *argv], env=env, timeout=300)


def answers(p, who):
    assert p.returncode == 0, "%s: exit %d\n%s\n%s" % (who, p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace"))
    return [json.loads(line) for line in p.stdout.decode().splitlines()]


# ---- what a masked cell must be, given what the DBA sees ----

def plain(v):
    return v if isinstance(v, str) else str(v)


def from_wire(v):
    """A fixed-width cell that a client shows by its bytes."""
    return plain(v).replace("\\x", "")


def kept_last_four(raw, ours):
    return ours == "*" * (len(raw) - 4) + raw[-4:] if len(raw) > 8 else raw not in ours and set(ours) <= {"*"}


def domain_only(raw, ours):
    return ours == "****@" + raw.split("@")[1] if "@" in raw else ours == "****"


def is_zero(raw, ours):
    number = from_wire(ours)
    return re.fullmatch(r"[0.]+|(0000){3}000[0-9]", number) is not None


def epoch_day(raw, ours):
    return ours.startswith("1970-01-01") or from_wire(ours) == struct.pack("!i", -10957).hex()


def epoch(raw, ours):
    return bool(re.match(r"1970-01-01([T ]00:00:00(\.0+)?|$)", ours)) or from_wire(ours) == struct.pack("!q", -10957 * 86400000000).hex()


def nil_uuid(raw, ours):
    return set(from_wire(ours)) <= set("0-") and len(from_wire(ours)) >= 32 or ours == str([0] * 16)


def stars(raw, ours):
    """As bytes, as a string of JSON, or as node's JSON of bytes."""
    return ours.strip('"') == "****" or from_wire(ours) in (b"****".hex(), (b'\1"****"').hex()) or "[42, 42, 42, 42]" in ours


def other(raw, ours):
    return ours != raw and len(ours) > 0


RULES = {
    "ssn": kept_last_four, "number": kept_last_four, "email": domain_only, "diagnosis": lambda raw, ours: ours == "****",
    "insurer": lambda raw, ours: ours == "some insurer", "card": lambda raw, ours: ours != raw and len(ours) == 16, "balance": is_zero, "visits": is_zero,
    "national": other, "born": epoch_day, "seen": epoch, "device": nil_uuid, "body": lambda raw, ours: ours == "****",
    "genome": stars, "contact": stars, "vip": None,
}


def compare_rows(step, raw, ours):
    names = [c[0] for c in raw["columns"]]
    assert len(raw["rows"]) == len(ours["rows"]), step
    for theirs, mine in zip(raw["rows"], ours["rows"]):
        assert len(theirs) == len(mine) == len(names), step
        for name, r, o in zip(names, theirs, mine):
            if name not in RULES:
                assert r == o, (step, name)
            elif r is None or RULES[name] is None:
                assert o is None, (step, name, o)
            else:
                assert o is not None and RULES[name](plain(r), plain(o)), (step, name, r, o)


def is_refusal(line):
    text = json.dumps(line)
    return "is masked and may not be used" in text and ("42501" in text or not line.get("error", {}).get("sqlstate"))


def compare(raw, ours, refused):
    assert [x["step"] for x in raw if not x["step"].startswith("refused")] == [x["step"] for x in ours if not x["step"].startswith("refused")]
    theirs = {x["step"]: x for x in raw if x["step"].startswith("refused")}
    pairs = [(theirs[o["step"]], o) for o in ours if o["step"].startswith("refused")]
    pairs += zip((x for x in raw if not x["step"].startswith("refused")), (x for x in ours if not x["step"].startswith("refused")))
    for r, o in pairs:
        step = r["step"]
        if step in refused:
            assert "ERROR:  " in json.dumps(o) and "HINT:  " in json.dumps(o), o
        elif step.startswith("refused"):
            assert is_refusal(o), o
        elif step == "aborted" and r != o:
            assert o["error"]["sqlstate"] == "25P02", o
        elif "columns" in r and "columns" in o:
            compare_rows(step, r, o)
            without = ("rows",)
            assert {k: v for k, v in r.items() if k not in without} == {k: v for k, v in o.items() if k not in without}, step
        else:
            assert r == o, step


# Under the sanitizers the clients that ask most unlike each other; CLIENTS_ALL=1 for all of them.
CHOSEN = ["libpq", "asyncpg", "postgres.js", "jdbc", "tokio-postgres"] if BUILD == "asan" and not os.environ.get("CLIENTS_ALL") else list(CLIENTS)


@pytest.fixture
def nothing_runs_on(lab):
    """A client that closes its connection instead of cancelling leaves a statement that would keep a core busy for the rest of the run."""
    yield
    lab.dba_psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pgveil_agent' AND query LIKE '%clinic.note d'")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("client", CHOSEN)
def test_client(lab, programs, nothing_runs_on, client, way):
    command, needs = CLIENTS[client]
    if not (BUILT / needs).exists():
        table[client, way] = "skipped"
        pytest.skip("its tools are not installed (scripts/deps.sh)")
    table[client, way] = "FAILED"
    argv = [*(a.format(dir=programs) for a in command), way]
    tap = Tap(lab.host, lab.port)
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            theirs = pool.submit(direct, lab, argv, tap, programs)
            agent = lab.agent("env", "TZ=UTC", "LANG=C.UTF-8", *argv, timeout=300)
            raw = theirs.result()
    finally:
        tap.close()
    assert canary.found(agent.stdout + agent.stderr) == []
    theirs, ours = answers(raw, "direct"), answers(agent, "agent")
    if theirs and theirs[0]["step"] == "n/a":
        assert ours == theirs
        table[client, way] = "n/a"
        return
    if (client, None) in REFUSED:
        for line in ours:
            assert line["step"] == "tools" or REFUSED[client, None][0] in json.dumps(line)
        table[client, way] = "refused"
        return
    missing = WITNESS.get(way, set()) - tap.facts
    assert not missing or (client, way) in IN_SQL, "this cell does not do what its name says: %s" % sorted(tap.facts)
    refused = REFUSED.get((client, way), [])
    compare(theirs, ours, refused)
    table[client, way] = "yes" if not refused else "all but " + ", ".join(refused)
