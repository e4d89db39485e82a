# SPDX-License-Identifier: MIT
"""The lab itself (design.md section 11): down leaves nothing, also of half a lab, and two labs do not meet."""

import errno
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import canary
from lab import HERE, PYTHON, SCRIPT, Lab, run


def lines(*argv):
    return run(argv, check=True).stdout.decode().splitlines()


def processes_of(name):
    """Every process that names the lab in its arguments or its environment, or lives in its cgroups or namespaces."""
    out, needle = {}, re.compile(rb"pgveil-lab[/-]%s\b" % name.encode())
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (p / "stat").read_text().rsplit(") ", 1)[1].split()
            text = b"".join((p / f).read_bytes() for f in ("cmdline", "environ", "cgroup"))
        except (OSError, IndexError):
            continue
        if stat[0] not in "ZX" and int(p.name) != os.getpid() and needle.search(text):
            out[(int(p.name), stat[19])] = text[:200]
    for ns in lines("ip", "netns", "list"):
        if ns.startswith("pgveil-%s-" % name):
            for pid in lines("ip", "netns", "pids", ns.split()[0]):
                out[(int(pid), "in " + ns)] = b""
    return out


def bpf_links():
    """Links on cgroups: (id, inode of the cgroup)."""
    return {(x["id"], x["cgroup_id"]) for x in json.loads(run(["bpftool", "-j", "link"], check=True).stdout) if "cgroup_id" in x}


def left_of(name):
    """What the machine has of the lab, by kind. Other labs of the machine may come and go meanwhile."""
    mount = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup2 " in line][0]
    cgroup = pathlib.Path(mount) / ("pgveil-lab-" + name)
    roots = {p.stat().st_ino for p in [cgroup, *cgroup.rglob("*")] if p.is_dir()} if cgroup.exists() else set()
    return {
        "processes": list(processes_of(name)),
        "netns": [x for x in lines("ip", "netns", "list") if x.startswith("pgveil-%s-" % name)],
        "links": [p.parent.name for p in pathlib.Path("/sys/class/net").glob("*/ifalias") if p.read_text().strip() == "pgveil-lab-" + name],
        "cgroups": [str(p) for p in [cgroup, *cgroup.rglob("*")] if p.is_dir()],
        "mounts": [x for x in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if "/%s/" % name in x or "pgveil-%s-" % name in x],
        "files": [str(p) for p in pathlib.Path(os.environ.get("PGVEIL_LAB_DIR", "/run/pgveil-lab")).glob(name)],
        "programs": [x for x in bpf_links() if x[1] in roots],
    }


NOTHING = {"processes": [], "netns": [], "links": [], "cgroups": [], "mounts": [], "files": [], "programs": []}


def test_down_leaves_nothing(own_lab):
    lab = own_lab()
    there = left_of(lab.name)
    assert [k for k, v in there.items() if not v] == [], "what is not seen now cannot be missed later"
    links = bpf_links()
    ours = set(there["programs"])
    with lab.login() as c:
        c.query("SELECT 1").ok()
        stubborn = subprocess.Popen([str(SCRIPT), "agent", "--name", lab.name, "--", "sh", "-c", "trap '' TERM HUP INT; echo up; read x"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert stubborn.stdout.readline() == b"up\n"
        lab.down()
    assert stubborn.wait(20) == -signal.SIGKILL
    stubborn.stdin.close()
    stubborn.stdout.close()
    assert left_of(lab.name) == NOTHING
    assert ours and not ours & bpf_links() and links >= ours
    assert lab.sh("down").returncode == 0, "a second down has nothing to do"


@pytest.mark.parametrize("spoil", ["policy", "schema", "pg-conf"])
def test_a_failed_up_says_why_and_leaves_nothing(spoil, tmp_path):
    bad = tmp_path / "bad"
    bad.write_text({"policy": "apiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: x}\nspec: {subjetcs: []}\n",
                    "schema": "CREATE TABLE t (i nosuchtype);\n", "pg-conf": ""}[spoil])
    lab = Lab(**{"policy": {"policies": (bad,)}, "schema": {"schema": bad}, "pg-conf": {"pg_conf": ("shared_buffers=nonsense",)}}[spoil])
    p = lab.sh(*lab.argv, check=False)
    assert p.returncode != 0
    assert {"policy": b"subjetcs", "schema": b"nosuchtype", "pg-conf": b"shared_buffers"}[spoil] in p.stderr, p.stderr.decode()
    assert left_of(lab.name) == NOTHING


def test_down_of_half_a_lab(tmp_path):
    """up is stopped dead where it loads the schema (a pipe that nobody writes): no trap of its own runs."""
    fifo = tmp_path / "schema.sql"
    os.mkfifo(fifo)
    lab = Lab(schema=fifo)
    up = subprocess.Popen([str(SCRIPT), lab.argv[0], "--name", lab.name, *map(str, lab.argv[1:])], env=lab.env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    with open(fifo, "w"):  # returns when psql reads
        os.killpg(up.pid, signal.SIGKILL)
        up.wait(20)
    there = left_of(lab.name)
    assert there["processes"] and there["netns"] and there["cgroups"] and there["mounts"]
    lab.sh("down")
    assert left_of(lab.name) == NOTHING


def test_up_twice_is_refused_and_harmless(lab):
    p = lab.sh("up", check=False)
    assert p.returncode != 0 and b"already" in p.stderr
    with lab.login() as c:
        assert c.query("SELECT 1").ok().rows == [[b"1"]]


def test_the_json_of_up(lab):
    assert set(lab.info) == {"db_host", "db_port", "db_name", "pg_version", "superuser_dsn", "agents", "unknown_cgroup", "state_dir", "daemon_pid"}
    assert [a["name"] for a in lab.info["agents"]] == ["agent1", "agent2"]
    assert set(lab.info["agents"][0]) == {"name", "cgroup", "netns", "ip"}
    assert os.path.isdir("/proc/%d" % lab.info["daemon_pid"]) and os.path.isdir(lab.info["unknown_cgroup"])
    assert lines("psql", "-XAtc", "SELECT current_user", lab.info["superuser_dsn"]) == ["postgres"]


def test_where_an_agent_runs(lab):
    p = lab.agent("sh", "-c", "cat /proc/self/cgroup; id -u; readlink /proc/self/ns/net; ip -4 -o addr show eth0; env; echo $HOME; touch ~/x",
                  who="agent2", check=True)
    out = p.stdout.decode()
    assert "0::/pgveil-lab-%s/agent2\n" % lab.name in out
    assert "65534\n" in out, "not root"
    assert lab.agents["agent2"]["ip"] + "/24" in out
    for name, value in (("PGHOST", lab.host), ("PGPORT", str(lab.port)), ("PGDATABASE", "lab"), ("PGUSER", "agent")):
        assert "%s=%s\n" % (name, value) in out
    assert lab.agent("sh", "-c", "exit 7").returncode == 7
    assert lab.agent("cat", input=b"through stdin").stdout == b"through stdin"


def test_two_labs_side_by_side(lab, own_lab, tmp_path):
    schema = tmp_path / "other.sql"
    schema.write_text((HERE / "schema.sql").read_text().replace("'6172830' ||", "'6172830' || 'other' ||"))
    other = own_lab(schema=schema, agents=2)
    sql = "SELECT ssn FROM clinic.patient WHERE id = 1"
    with lab.login() as a, other.login() as b:
        assert a.query(sql).ok().rows == [[b"*******0001"]]
        assert b.query(sql).ok().rows == [[b"************0001"]]
        assert lab.dba_psql(sql) == "61728300001" and other.dba_psql(sql) == "6172830other0001"
        assert len({lab.host, other.host}) == 2
        other.sh("daemon", "kill")
        assert other.refused() == "ECONNREFUSED"
        assert a.query(sql).ok().rows == [[b"*******0001"]]
    other.down()
    assert left_of(other.name) == NOTHING
    with lab.login() as a:
        assert a.query(sql).ok().rows == [[b"*******0001"]]
        assert canary.found(bytes(a.received)) == []


def test_without_policy_nothing_is_masked(own_lab):
    """The lab's own default: the database for every agent, no mask."""
    lab = own_lab(policies=(), agents=2)
    for who in ("agent1", "agent2"):
        assert lab.agent_psql("SELECT ssn FROM clinic.patient WHERE id = 1", who).stdout == b"61728300001\n"
    assert lab.refused("unknown") == "ECONNREFUSED"


def removed(cgroup):
    """The daemon's own process that looks from inside may be in it for a moment."""
    try:
        cgroup.rmdir()
    except OSError as e:
        if e.errno != errno.EBUSY:
            raise
        return False
    return True


def remake(lab):
    """The guarded root and all below it is removed and made again, as whoever owns its parent may."""
    lab.hang_up()
    root = pathlib.Path(lab.cgroup("agent1")).parent
    below = [p for p in root.iterdir() if p.is_dir()]
    for p in [*below, root]:
        soon(lambda p=p: removed(p))
    root.mkdir(exist_ok=True)
    for p in below:
        p.mkdir()
    return root


def links_on(lab):
    return {json.loads(run(["bpftool", "-j", "link", "show", "pinned", p], check=True).stdout)["cgroup_id"]
            for p in (lab.state / "bpf" / "pgveil" / "links").iterdir()}


def soon(what):
    until = time.monotonic() + 60  # of a busy machine
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_guarded_root_made_again(own_lab):
    """With the cgroup the kernel takes the programs off. A running daemon puts them on the new one; so does the next."""
    lab = own_lab()
    for how in ("running", "started"):
        if how == "started":
            lab.sh("daemon", "stop")
        old = links_on(lab)
        root = remake(lab)
        if how == "started":
            lab.sh("daemon", "start")
        soon(lambda: links_on(lab) == {root.stat().st_ino})
        assert root.stat().st_ino not in old
        assert lab.refused("unknown") == "ECONNREFUSED", "nobody classified it"
        soon(lambda: lab.refused("agent1") is None)
        with lab.login() as c:
            assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"*******0001"]]
        assert json.loads(lab.sh("pgveil", "--", "status", "--json").stdout)["unguarded"] is None
    log = lab.daemon_log()
    assert "guard.lost" in log and "guard.again" in log


def test_a_program_detached_by_force_is_attached_again(own_lab):
    lab = own_lab(agents=1, policies=(HERE / "agent1.yaml",))
    root = pathlib.Path(lab.cgroup("agent1")).parent
    run(["bpftool", "link", "detach", "pinned", lab.state / "bpf" / "pgveil" / "links" / "connect4"], check=True)
    soon(lambda: links_on(lab) == {root.stat().st_ino})
    assert lab.refused("unknown") == "ECONNREFUSED"


def test_a_daemon_that_cannot_guard_ends(own_lab):
    lab = own_lab(agents=1, policies=(HERE / "agent1.yaml",))
    pin = lab.state / "bpf" / "pgveil" / "links" / "connect4"
    pin.unlink()  # the daemon holds the link still
    pin.mkdir()
    root = remake(lab)
    soon(lambda: "guard.failed" in lab.daemon_log() and "stop.done" in lab.daemon_log())
    lab.sh("daemon", "stop")  # its last line stands in the log a moment before the process is gone
    pin.rmdir()
    lab.sh("daemon", "start")
    assert links_on(lab) == {root.stat().st_ino}


def test_run_as_another_user_cannot_type_into_the_terminal(lab):
    """TIOCSTI and TIOCLINUX, also with bits above the 32 that the kernel reads and by x32's number; nothing else."""
    code = """
import ctypes, errno, json, os
libc = ctypes.CDLL(None, use_errno=True)
def ioctl(nr, request):
    ctypes.set_errno(0)
    libc.syscall(ctypes.c_long(nr), ctypes.c_long(0), ctypes.c_long(request), ctypes.c_char_p(b"x" * 64))
    return errno.errorcode[ctypes.get_errno()]
nr = {"x86_64": 16, "aarch64": 29}[os.uname().machine]
out = [ioctl(nr, r) for r in (0x5412, 0x541c, 0x5412 | 1 << 32, 0x541c | 7 << 40, 0x5413)]
if nr == 16:
    out += [ioctl(0x40000000 | 514, 0x5412)]
print(json.dumps([os.getuid(), out[:5], out[5:]]))
"""
    p = lab.sh("pgveil", "--", "run", "--uid", "nobody", "--", PYTHON, "-I", "-c", code)
    uid, out, x32 = json.loads(p.stdout)
    assert uid == 65534 and out == ["EPERM"] * 4 + ["ENOTTY"] and x32 in ([], ["EPERM"])


def test_verbs(lab):
    assert b"statement:" in lab.sh("logs", "postgres").stdout
    assert lab.sh("logs").stdout
    assert lab.sh("pgveil", "--", "status").returncode == 0
    assert lab.sh("nonsense", check=False).returncode == 2
    assert lab.sh("agent", "--as", "agent99", "--", "true", check=False).returncode != 0
