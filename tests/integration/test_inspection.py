# SPDX-License-Identifier: MIT
"""What an operator sees: the pinned maps by plain bpftool, and pgveil flows, which joins them with what the daemon knows."""
import fnmatch
import json
import os
import re
import signal
import subprocess

import pytest

from lab import ROOT, Lab, run

BPFTOOL = "/usr/sbin/bpftool"
# These have no entries that can be listed: storage hangs on sockets, and a ring buffer's records are read once.
NOT_LISTED = {"sk_storage", "ringbuf"}


@pytest.fixture(scope="module")
def sight():
    with Lab() as up:
        yield up


def bpftool(*args):
    return json.loads(run([BPFTOOL, "-j", *args], check=True).stdout)


def pinned(lab):
    return sorted((lab.state / "bpf" / "pgveil" / "maps").iterdir())


def dump(lab, name):
    return [x.get("formatted", x) for x in bpftool("map", "dump", "pinned", lab.state / "bpf" / "pgveil" / "maps" / name)]


def flows(lab, *args):
    return json.loads(lab.sh("pgveil", "--", "--json", "flows", *args).stdout)


def test_every_pinned_map_is_read_by_plain_bpftool(sight):
    """By the names of abi.h: every field of every key and value, of every map, has one, and none is a lump of bytes."""
    with sight.login() as c:
        assert c.query("SELECT 1").ok()
        assert sight.refused("unknown") == "ECONNREFUSED"
        listed = {}
        for path in pinned(sight):
            info = bpftool("map", "show", "pinned", path)
            if info["type"] in NOT_LISTED:
                continue
            assert info.get("btf_id"), path
            entries = bpftool("map", "dump", "pinned", path)
            for entry in entries:
                formatted = entry.get("formatted", entry)
                assert "key" in formatted and ("value" in formatted or "values" in formatted), (path.name, entry)
            listed[path.name] = entries
        assert {"cgroups", "ports", "listeners", "flows", "counters", "config"} <= set(listed)
        assert all(listed[name] for name in ("cgroups", "ports", "listeners", "flows", "counters", "config"))
        fields = set(re.findall(r"^\t(?:__\w+|char|struct \w+|enum \w+) (\w+)", (ROOT / "bpf" / "abi.h").read_text(), re.M))
        for name in ("flows", "cgroups", "listeners", "config"):
            value = listed[name][0]["formatted"]["value"]
            assert isinstance(value, dict) and set(value) <= fields, (name, value)


def test_flows_are_the_maps_entries_and_the_daemons_sessions(sight):
    with sight.login() as one, sight.login(who="agent2") as two:
        assert one.query("SELECT * FROM clinic.patient").ok() and two.query("SELECT 1").ok()
        kernel = {x["value"]["socket_cookie"]: x for x in dump(sight, "flows")}
        shown = {x["socket_cookie"]: x for x in flows(sight)}
        assert set(kernel) == set(shown) and len(shown) == 2
        for cookie, f in shown.items():
            value = kernel[cookie]["value"]
            assert (f["cgroup_id"], f["uid"], f["tgid"], f["claimed"]) == (value["cgroup_id"], value["uid"], value["tgid"], value["state"] == 1)
            assert f["local_port"] == kernel[cookie]["key"]["local_port"]
            assert f["dialled"] == "%s:%d" % (sight.host, sight.port)
        mine = next(f for f in shown.values() if f["cgroup"].endswith("/agent1"))["session"]
        assert mine["rows"] >= 8 and mine["masked_cells"] > 8 and mine["bytes_to_client"] > 500 and mine["statements"] == 1


def test_flows_are_filtered(sight):
    with sight.login() as one, sight.login(who="agent2") as two:
        assert one.query("SELECT 1").ok() and two.query("SELECT 1").ok()
        cgroups = lambda *args: sorted(f["cgroup"].rsplit("/", 1)[-1] for f in flows(sight, *args))
        state = flows(sight)[0]["session"]["state"]
        assert cgroups() == ["agent1", "agent2"]
        assert cgroups("--identity", "*/agent1") == ["agent1"]
        assert cgroups("--identity", "/pgveil-lab-%s" % sight.name) == ["agent1", "agent2"]
        assert cgroups("--identity", "65534") == ["agent1", "agent2"]
        assert cgroups("--identity", "nobody's") == []
        assert cgroups("--database", sight.dbname) == ["agent1", "agent2"]
        assert cgroups("--database", "clinic") == ["agent1", "agent2"]
        assert cgroups("--database", "other") == []
        assert cgroups("--state", state) == ["agent1", "agent2"]
        assert cgroups("--state", "ended") == []
        assert cgroups("--rewritten") == ["agent1", "agent2"]
        assert cgroups("--spliced") == []
        assert sight.sh("pgveil", "--", "flows", "--spliced", "--rewritten", check=False).returncode == 2
        assert sight.sh("pgveil", "--", "flows", "agent1", check=False).returncode == 2


def test_flows_are_watched(sight):
    """A line for each look; a session that ends is gone from a later one."""
    watcher = subprocess.Popen(["scripts/lab.sh", "pgveil", "--name", sight.name, "--", "--json", "flows", "--watch", "--identity", "*/agent1"],
                               cwd=ROOT, env=sight.env, stdout=subprocess.PIPE, start_new_session=True)
    try:
        with sight.login() as c:
            assert c.query("SELECT 1").ok()
            while not json.loads(watcher.stdout.readline()):
                pass
        while json.loads(watcher.stdout.readline()):
            pass
    finally:
        os.killpg(watcher.pid, signal.SIGTERM)
        watcher.wait()
        watcher.stdout.close()


def test_flows_without_a_daemon_are_the_kernels(own_lab):
    lab = own_lab(agents=1, policies=(ROOT / "tests" / "integration" / "agent1.yaml",))
    with lab.login() as c:
        assert c.query("SELECT 1").ok()
        os.kill(lab.info["daemon_pid"], signal.SIGSTOP)
        try:
            p = run([ROOT / "build" / lab.env["BUILD"] / "pgveil", "--json", "--run-dir", "/nonexistent", "--pin-dir", lab.state / "bpf" / "pgveil", "flows"])
            shown = json.loads(p.stdout)
            assert p.returncode == 0 and b"only the kernel's half" in p.stderr
            assert len(shown) == 1 and shown[0]["session"] is None
        finally:
            os.kill(lab.info["daemon_pid"], signal.SIGCONT)


def test_the_table_has_a_row_for_each(sight):
    with sight.login() as c:
        assert c.query("SELECT 1").ok()
        head, *rows = sight.sh("pgveil", "--", "flows").stdout.decode().splitlines()
        for word in ("WHO", "DIALLED", "DATABASE", "STATE", "ROWS", "MASKED", "BYTES", "SPLICED", "AGE"):
            assert word in head.split()
        assert len(rows) == 1 and fnmatch.fnmatch(rows[0], "*/agent1 *")
