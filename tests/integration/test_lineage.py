# SPDX-License-Identifier: MIT
"""The analysis of SQL against a real PostgreSQL: the golden table and statements made up from a seed.

lineage_check compares columns, labels, origins and errors; lineage_interfere changes one column's values and looks
whether anything changes that the analysis does not name."""
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from lab import postgres_dir

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = pathlib.Path(os.environ.get("LINEAGE_PG_BIN", "/usr/lib/postgresql/15/bin"))
SEEDS = [1]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: needs root to start a server as another user"),
    pytest.mark.skipif(not (BIN / "initdb").exists(), reason="NOT RUN: no PostgreSQL in %s" % BIN),
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def base():
    with postgres_dir() as d:
        yield d


@pytest.fixture(scope="module")
def server(base):
    run = lambda *a: subprocess.run(a, check=True, user="postgres", group="postgres", extra_groups=[], cwd=base,
                                    env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}, capture_output=True)
    port = free_port()
    run(BIN / "initdb", "-D", base / "data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
    run(BIN / "pg_ctl", "-D", base / "data", "-w", "-l", base / "log", "-o",
        "-p %d -h 127.0.0.1 -k %s -F" % (port, base), "start")
    info = "host=127.0.0.1 port=%d dbname=postgres user=" % port
    try:
        for sql in ("clinic.sql", "clinic_rows.sql"):
            subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", ROOT / "tests/golden" / sql,
                            info + "postgres"], check=True)
        subprocess.run(["psql", "-X", "-q", "-c", "CREATE ROLE agent LOGIN; GRANT USAGE ON SCHEMA clinic, audit TO agent; "
                        "GRANT ALL ON ALL TABLES IN SCHEMA clinic, audit TO agent", info + "postgres"], check=True)
        yield info
    finally:
        run(BIN / "pg_ctl", "-D", base / "data", "-m", "fast", "-w", "stop")


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    out = tmp_path_factory.mktemp("tools")
    libs = [ROOT / "build/release/libsql.a", ROOT / "build/release/libbase.a"]
    subprocess.run(["make", "-s", *(str(l.relative_to(ROOT)) for l in libs)], cwd=ROOT, check=True)
    include = subprocess.run(["pg_config", "--includedir"], check=True, capture_output=True, text=True).stdout.strip()
    for name in ("lineage_check", "lineage_interfere"):
        subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-Iuserspace", "-Itests/unit",
                        "-I" + include, "-o", out / name, HERE / (name + ".c"), *libs, "-lpq", "-lpg_query",
                        "-lprotobuf-c", "-pthread"], cwd=ROOT, check=True)
    return out


@pytest.fixture(scope="module", params=["golden", *SEEDS])
def table(request, tmp_path_factory):
    if request.param == "golden":
        return ROOT / "tests/golden/lineage.txt"
    path = tmp_path_factory.mktemp("random") / "statements.txt"
    with open(path, "w", encoding="utf-8") as f:
        subprocess.run([sys.executable, HERE / "lineage_random.py", str(request.param), "60"], check=True, stdout=f)
    return path


def test_agrees_with_the_server(server, tools, table):
    r = subprocess.run([tools / "lineage_check", server + "agent", table], capture_output=True, text=True)
    assert r.returncode == 0, r.stdout[-4000:] + r.stderr[-1000:]
    assert int(r.stdout.splitlines()[-1].split()[0]) >= 60


def test_what_is_not_named_does_not_matter(server, tools, table):
    golden = table.name == "lineage.txt"
    if golden and not os.environ.get("LINEAGE_THOROUGH"):
        pytest.skip("takes minutes: LINEAGE_THOROUGH=1 runs it")
    fast = [] if golden else ["fast"]
    r = subprocess.run([tools / "lineage_interfere", server + "postgres", table, *fast], capture_output=True, text=True)
    assert r.returncode == 0, r.stdout[-4000:] + r.stderr[-1000:]
