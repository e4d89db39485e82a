# SPDX-License-Identifier: MIT
"""Masked values of every type go through a real PostgreSQL, in text and in binary, under each of its output settings
(tests/integration/types_check.c says what must hold of them, tests/golden/types.txt is the table)."""
import os
import pathlib
import pwd
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = pathlib.Path(os.environ.get("TYPES_PG_BIN", "/usr/lib/postgresql/15/bin"))
LOCALES = ["en_US", "de_DE", "ja_JP", "fr_FR", "ar_KW", "de_CH"]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: needs root to start a server as another user"),
    pytest.mark.skipif(not (BIN / "initdb").exists(), reason="NOT RUN: no PostgreSQL in %s" % BIN),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("types")
    user = pwd.getpwnam("postgres")
    for d in [base, *base.parents]:
        if d == pathlib.Path("/tmp"):
            break
        os.chmod(d, 0o755)
    # The machine need not have these locales; the server looks for them here.
    (base / "locales").mkdir()
    for name in LOCALES:
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", base / "locales" / (name + ".utf8")], check=True)
    os.chown(base, user.pw_uid, user.pw_gid)
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
                    "-o", out, HERE / "types_check.c", *libs, "-lpq", "-lcrypto", "-lm"], cwd=ROOT, check=True)
    return out


def test_masked_values_are_values_of_their_type(server, types_check):
    r = subprocess.run([types_check, server, ROOT / "tests/golden/types.txt"], capture_output=True, text=True)
    assert r.returncode == 0, r.stdout[-8000:] + r.stderr[-2000:]
    values, masked, nulls, sent = [int(w) for w in r.stdout.splitlines()[-1].split() if w.isdigit()][:4]
    assert values > 500 and sent > 10000 and nulls < masked, r.stdout
