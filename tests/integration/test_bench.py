# SPDX-License-Identifier: MIT
"""make bench works: every workload gives a figure for every system. The figures themselves mean nothing here."""

import json
import pathlib
import subprocess

import pytest

from lab import BUILD, PYTHON, ROOT

SMALL = ("--seconds", "1", "--rounds", "1", "--rows", "5000", "--scale", "1", "--large", "20000000", "--idle", "20", "--clients", "2", "--without",
         "pgbouncer,haproxy", "--no-callgrind")


@pytest.mark.skipif(BUILD != "release", reason="benchmarks are of the release build")
def test_every_workload_gives_figures(tmp_path):
    subprocess.run(["make", "-s", "-C", ROOT, "bench-bins"], check=True, timeout=600)
    out = tmp_path / "bench.json"
    with subprocess.Popen([PYTHON, "-B", ROOT / "tests" / "bench" / "bench.py", *SMALL, "--json", out], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as p:
        table, errors = p.communicate(timeout=900)
    assert p.returncode == 0, errors
    got = json.loads(out.read_text())
    assert len(got["workloads"]) == 9
    for w in got["workloads"]:
        assert set(w["systems"]) == {"direct", "pgveil", "pgveil masking"}, w["name"]
        for name, s in w["systems"].items():
            assert s["value"] > 0 and s["ratio"] > 0, (w["name"], name)
            assert (s["cpu_us"] > 0) == (name != "direct"), (w["name"], name)
        assert w["name"] in table
    assert all(f["ns"] > 0 for f in got["engine"].values())
    assert not pathlib.Path("/run/pgveil-lab/bench%d" % p.pid).exists()
