# SPDX-License-Identifier: MIT
"""Masked values of every type go through a real PostgreSQL, in text and in binary, under each of its output settings
(tests/integration/types_check.c says what must hold of them, tests/golden/types.txt is the table)."""
import os
import pathlib
import subprocess

import pytest

from lab import Lab, postgres_dir

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = pathlib.Path(os.environ.get("TYPES_PG_BIN", "/usr/lib/postgresql/15/bin"))
LOCALES = ["en_US", "de_DE", "ja_JP", "fr_FR", "ar_KW", "de_CH"]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: needs root to start a server as another user"),
    pytest.mark.skipif(not (BIN / "initdb").exists(), reason="NOT RUN: no PostgreSQL in %s" % BIN),
]


@pytest.fixture(scope="module")
def base():
    with postgres_dir() as d:
        yield d


@pytest.fixture(scope="module")
def server(base):
    # The machine need not have these locales; the server looks for them here.
    (base / "locales").mkdir()
    for name in LOCALES:
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", base / "locales" / (name + ".utf8")], check=True)
    run = lambda *a: subprocess.run(a, check=True, user="postgres", group="postgres", extra_groups=[], cwd=base,
                                    env={"PATH": os.environ["PATH"], "LOCPATH": str(base / "locales")}, capture_output=True)
    run(BIN / "initdb", "-D", base / "data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C")
    run(BIN / "pg_ctl", "-D", base / "data", "-w", "-l", base / "log", "-o",
        "-c listen_addresses='' -k %s -F" % base, "start")
    try:
        yield "host=%s dbname=postgres user=postgres" % base
    finally:
        run(BIN / "pg_ctl", "-D", base / "data", "-m", "fast", "-w", "stop")


@pytest.fixture(scope="module")
def types_check(tmp_path_factory):
    out = tmp_path_factory.mktemp("tools") / "types_check"
    libs = [ROOT / "build/release" / ("lib%s.a" % name) for name in ("mask", "value", "base")]
    subprocess.run(["make", "-s", *(str(lib.relative_to(ROOT)) for lib in libs)], cwd=ROOT, check=True)
    include = subprocess.run(["pg_config", "--includedir"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-Iuserspace", "-I" + include,
                    "-o", out, HERE / "types_check.c", *libs, "-lpq", "-lcrypto", "-lpcre2-8", "-lm"], cwd=ROOT, check=True)
    return out


def test_masked_values_are_values_of_their_type(server, types_check):
    r = subprocess.run([types_check, server, ROOT / "tests/golden/types.txt"], capture_output=True, text=True)
    assert r.returncode == 0, r.stdout[-8000:] + r.stderr[-2000:]
    values, masked, nulls, sent = [int(w) for w in r.stdout.splitlines()[-1].split() if w.isdigit()][:4]
    assert values > 500 and sent > 10000 and nulls < masked, r.stdout


# ---- the same through the engine ----

STYLES = [
    ("ISO, MDY", "postgres", "hex"),
    ("SQL, DMY", "sql_standard", "escape"),
    ("Postgres, MDY", "postgres_verbose", "hex"),
    ("German, DMY", "iso_8601", "hex"),
]
# What redact makes of public.typed, in the server's own words.
REDACTED = """SELECT 1, false, 0, 0, 0, 0.00::numeric(10,2), 0::real, 0::double precision, 0::money, '****', '****', '****'::char(6), '1970-01-01'::date,
    '00:00'::time, '00:00+00'::timetz, '1970-01-01'::timestamp, '1970-01-01 00:00+00'::timestamptz, '0'::interval,
    '00000000-0000-0000-0000-000000000000'::uuid, '\\x2a2a2a2a', '"****"'::json, '"****"'::jsonb, '<redacted/>'::xml, '0.0.0.0'::inet,
    '0.0.0.0/0'::cidr, '00:00:00:00:00:00'::macaddr, '00:00:00:00:00:00:00:00'::macaddr8, B'0000', ''::varbit, NULL, NULL"""
ASYNCPG = """
import asyncio, asyncpg, json
async def main():
    c = await asyncpg.connect()
    out = {t: [repr(v) for v in (await c.fetch("SELECT * FROM %s ORDER BY _id" % t))[0]] for t in ("typed", "hashed")}
    await c.close()
    print(json.dumps(out))
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def typed_lab():
    with Lab(schema=HERE / "typed.sql", policies=[HERE / "typed.yaml"], agents=1) as up:
        yield up


def sets(style):
    return ["-c", "SET DateStyle = '%s'" % style[0], "-c", "SET IntervalStyle = '%s'" % style[1], "-c", "SET bytea_output = '%s'" % style[2],
            "-c", "SET TimeZone = 'UTC'"]


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s[0])
def test_redacted_in_the_sessions_style(typed_lab, style):
    ours = typed_lab.agent_psql("SELECT * FROM typed ORDER BY _id", "agent1", *sets(style))
    theirs = typed_lab.sh("dba", "--", "psql", "-XqAt", *sets(style), "-c", REDACTED)
    assert ours.returncode == 0, ours.stderr
    mine, nulls = ours.stdout.decode().splitlines()
    assert mine == theirs.stdout.decode().rstrip("\n")
    assert nulls == "2" + "|" * 30


def test_hashed_in_both_formats(typed_lab):
    """A driver that decodes binary cells of every type sees the values that psql sees in text."""
    text = typed_lab.agent_psql("SELECT * FROM hashed ORDER BY _id").stdout.decode().splitlines()[0].split("|")
    out, _ = typed_lab.script(ASYNCPG)
    raw = typed_lab.dba_psql("SELECT * FROM hashed WHERE _id = 1").split("|")
    name = typed_lab.dba_psql("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'hashed'::regclass AND attnum > 0").split()
    t, b, r = dict(zip(name, text)), dict(zip(name, out["hashed"])), dict(zip(name, raw))
    hashed = "i2 i4 i8 n f4 f8 m t v u by j jb ip net ma m8".split()
    assert [c for c in hashed if not t[c] or t[c] == r[c]] == []
    assert [c for c in "b d tm tz ts tsz iv x p o".split() if t[c] or b[c] != "None"] == []
    assert int(b["i8"]) == int(t["i8"]) and float(b["f8"]) == float(t["f8"]) and float(b["f4"]) == float(t["f4"])
    assert b["n"] == "Decimal('%s')" % t["n"] and b["by"] == repr(bytes.fromhex(t["by"][2:]))
    assert b["u"].endswith("UUID('%s')" % t["u"]) and b["ip"] == "IPv4Address('%s')" % t["ip"]
    assert b["jb"] == repr(t["jb"]) and b["j"] == repr(t["j"]) and '"k": "' in t["j"] and "secret" not in t["j"]
    assert out["typed"][name.index("d")] == "datetime.date(1970, 1, 1)" and out["typed"][name.index("iv")] == "datetime.timedelta(0)"
