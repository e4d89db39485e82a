# SPDX-License-Identifier: MIT
"""What an operator has: metrics, log, events, doctor, the unit and what it leaves of privileges, installed files and man pages.
None of it holds a value, a parameter or the text of a statement."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_plain

import canary
import wire
from lab import BUILD, HERE, ROOT, Lab, run

PORT = 19187 + os.getpid() % 1000
SECRET = "078-05-1120"  # what a client knows and writes where a name, a value or a parameter belongs
UNIT = ROOT / "deploy" / "systemd" / "pgveild.service"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("pgveild", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def get(connection, path, headers=None, method="GET"):
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), body


def admin(lab):
    return UnixConnection(lab.state / "run" / "admin.sock")


def tcp():
    return http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)


def samples(text, parse=parse_plain):
    """{(name, labels): value}; a sample that is there twice is a mistake of the text."""
    out = {}
    for family in parse(text):
        assert family.documentation, family.name
        for s in family.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            assert key not in out, key
            out[key] = s.value
    return out


def metrics(lab):
    status, kind, body = get(admin(lab), "/metrics")
    assert status == 200 and kind.startswith("text/plain; version=0.0.4")
    return samples(body.decode())


def log_lines(lab):
    return [json.loads(line) for line in lab.daemon_log().splitlines() if line]


def events(lab, *args, check=True):
    p = lab.sh("pgveil", "--", "events", "--json", *args, check=check)
    return [json.loads(line) for line in p.stdout.decode().splitlines()]


@pytest.fixture(scope="module")
def ops():
    """A lab whose daemon says all it can say, and is asked over TCP too."""
    with Lab(agents=1, policies=(HERE / "agent1.yaml",),
             env={"LAB_DAEMON_ARGS": "--metrics-listen 127.0.0.1:%d --log-level debug" % PORT}) as up:
        yield up


def provoke(lab):
    """Everything that a client can write something into, with a secret in it; and ordinary work."""
    with lab.login(params={"application_name": SECRET}) as c:
        assert c.query("SELECT * FROM clinic.patient").ok()
        for sql in ('SELECT 1 FROM "%s"' % SECRET, 'SELECT "%s" FROM clinic.patient' % SECRET, 'SELECT "a"" %s ""b"()' % SECRET,
                    "SELECT 1 FROM clinic.patient WHERE ssn = '%s'" % SECRET, "SELECT 1 /* %s */ FROM" % SECRET, "SET \"%s\" = 1" % SECRET,
                    "SELECT '%s'::\"%s\"" % (SECRET, SECRET), "EXECUTE \"%s\"" % SECRET, "FETCH \"%s\"" % SECRET, "SELECT t.\"%s\" FROM clinic.patient t" % SECRET,
                    'SELECT x."%s" FROM clinic.patient t' % SECRET, 'SELECT 1 OPERATOR("%s".+) 1' % SECRET, "DO '%s'" % SECRET,
                    "COPY (SELECT '%s') TO PROGRAM 'x'" % SECRET, 'SELECT * FROM clinic.patient AS "%s" JOIN clinic.patient AS "%s" ON true' % (SECRET, SECRET)):
            assert c.query(sql).error, sql
        assert c.query("SELECT 1").ok()
        c.received.clear()
    for params in ({"database": SECRET}, {"user": SECRET}, {"options": "-c x.y=%s" % SECRET}, {SECRET: "x"}):
        with lab.connect() as c:
            try:
                user, database = params.pop("user", "agent"), params.pop("database", lab.dbname)
                c.login(user, database, **params)
            except (wire.ServerError, EOFError, OSError):
                pass
    assert lab.refused("unknown") == "ECONNREFUSED"


def test_metrics_count_what_happens(ops):
    before = metrics(ops)
    provoke(ops)
    after = metrics(ops)
    for key, value in before.items():
        if key[0].endswith(("_total", "_bucket", "_count", "_sum")):
            assert after[key] >= value, key

    def grew(name, **labels):
        key = (name, tuple(sorted(labels.items())))
        return after[key] - before[key]

    assert grew("pgveil_rows_total") > 0 and grew("pgveil_masked_cells_total") > 0
    assert grew("pgveil_statements_refused_total", sqlstate="42501") >= 2
    assert grew("pgveil_statements_refused_total", sqlstate="42P01") >= 1
    assert grew("pgveil_kernel_connects_total", outcome="refused_unknown") == 1
    assert grew("pgveil_kernel_connects_total", outcome="captured") >= 2
    assert grew("pgveil_session_events_total", event="session.login") >= 1
    assert grew("pgveil_received_bytes_total", **{"from": "client"}) > 0
    misses = grew("pgveil_judgements_total", cache="miss")
    assert misses > 0 and grew("pgveil_stage_seconds_count", stage="analysis") == misses
    causes = {labels[0][1]: grew(name, **dict(labels)) for name, labels in after if name == "pgveil_refusals_total"}
    assert sum(causes.values()) == grew("pgveil_statements_total", verdict="deny") >= 10
    assert causes["masks"] > 1 and causes["text"] > 1 and not causes["guard"]
    assert grew("pgveil_statements_total", verdict="allow") >= 2
    by_rule = {labels[0][1]: after[name, labels] - before.get((name, labels), 0) for name, labels in after if name == "pgveil_rule_masked_cells_total"}
    assert sum(by_rule.values()) == grew("pgveil_masked_cells_total") and sum(n > 0 for n in by_rule.values()) > 1
    for stage in ("login", "record", "answer", "statement"):
        assert grew("pgveil_stage_seconds_count", stage=stage) > 0, stage
    assert after["pgveil_queue_bytes", (("queue", "client"),)] == 0
    assert after["pgveil_queue_depth", (("queue", "worker"),)] == 0
    assert after[("pgveil_guarded", ())] == 1
    assert after[("pgveil_catalogue_loads_total", (("database", "clinic"),))] >= 1
    # A session is counted once, in one state, for as long as it lives.
    with ops.login() as c:
        now = metrics(ops)
        assert now[("pgveil_sessions", (("judged", "yes"), ("state", "open")))] == 1
        assert c.query("SELECT 1").ok()


def test_labels_are_the_operators_words(ops):
    provoke(ops)
    allowed = {"database": {"clinic"}, "version": None, "outcome": None, "state": None, "result": None, "reason": None, "judged": {"yes", "no"},
               "event": None, "sqlstate": None, "from": {"client", "database"}, "cache": {"hit", "miss"}, "way": None, "end": None,
               "verdict": {"allow", "ask", "deny"}, "cause": None, "scope": {"statement", "session", "window"},
               "measure": {"rows", "bytes", "statements"}, "stage": None, "queue": None, "rule": None, "le": None, "run": None, "head": None, "check": None}
    for name, labels in metrics(ops):
        for k, v in labels:
            assert k in allowed and (allowed[k] is None or v in allowed[k]), (name, k, v)
            assert re.fullmatch(r"none|/\S+\.yaml:\d+" if k == "rule" else r"[a-zA-Z0-9_.+-]+", v), (name, k, v)


def test_both_formats_and_both_doors(ops):
    for connection in (admin(ops), tcp()):
        status, kind, body = get(connection, "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0, text/plain;q=0.5"})
        assert status == 200 and kind.startswith("application/openmetrics-text; version=1.0.0")
        assert body.endswith(b"# EOF\n")
        assert ("pgveil_rows_total", ()) in samples(body.decode(), parse_open)
    status, kind, body = get(tcp(), "/metrics")
    assert status == 200 and ("pgveil_rows_total", ()) in samples(body.decode())
    assert get(tcp(), "/healthz")[::2] == (200, b"guarded: ok\nworkers: ok\n")
    assert ops.sh("pgveil", "--", "metrics").stdout.startswith(b"# HELP pgveil_build_info")


def test_the_port_gives_nothing_else(ops):
    for path in ("/", "/v1/status", "/v1/events", "/metrics/../v1/status", "/metrics?x", "//metrics"):
        assert get(tcp(), path)[0] == 404, path
    for method in ("POST", "DELETE", "PUT", "HEAD"):
        assert get(tcp(), "/metrics", method=method)[0] in (404, 405), method


def raw(data):
    with socket.create_connection(("127.0.0.1", PORT), 30) as s:
        s.sendall(data)
        out = b""
        while True:
            try:
                more = s.recv(65536)
            except ConnectionResetError:
                break
            if not more:
                break
            out += more
    return out


def ends(s):
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


def sockets_of(lab):
    """How many the daemon has open."""
    n = 0
    for f in pathlib.Path("/proc/%d/fd" % lab.info["daemon_pid"]).iterdir():
        try:
            n += os.readlink(f).startswith("socket:")
        except OSError:
            pass  # closed meanwhile
    return n


def test_the_port_is_bounded(ops):
    assert b"200 OK" not in raw(b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 100000)
    head = b"GET /metrics HTTP/1.1\r\nX: "
    assert raw(head + b"a" * (4096 - len(head))).startswith(b"HTTP/1.1 431")
    assert b"200 OK" not in raw(b"\x00\xff\x16\x03\x01\r\n\r\n")
    assert b"405" in raw(b"GET\r\n\r\n")
    assert b"200 OK" not in raw(b"GET /metrics" + b"m" * 300 + b" HTTP/1.1\r\n\r\n")
    # Sixteen that say nothing hold all places, and are gone after a while: none is held for longer than a visit.
    before = sockets_of(ops)
    idle = [socket.create_connection(("127.0.0.1", PORT), 30) for _ in range(40)]
    idle[39].settimeout(30)
    assert ends(idle[39])  # they are accepted in order: the other places are taken by now
    assert before < sockets_of(ops) <= before + 16
    for s in idle:
        s.settimeout(30)
        assert ends(s)
        s.close()
    assert get(tcp(), "/healthz")[0] == 200
    # Sessions were served all the while.
    with ops.login() as c:
        assert c.query("SELECT 1").ok()


def test_log_lines_are_json_and_hold_nothing(ops):
    provoke(ops)
    lines = log_lines(ops)
    text = ops.daemon_log()
    assert SECRET not in text and canary.found(text) == []
    man = (ROOT / "deploy" / "man" / "pgveild.8").read_text()
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
        assert line["level"] in ("error", "warn", "info", "debug")
        assert line["event"] in man, line["event"]
        for field in line:
            assert field in ("ts", "level", "event", "msg") or field in man, field
    refused = [x for x in lines if x["event"] == "statement.refused" and x.get("sqlstate") == "42501"]
    assert refused and all(x["cgroup"].endswith("/agent1") and x["database"] == "clinic" and x["uid"] == 65534 for x in refused)
    kernel = [x for x in lines if x["event"] == "connect.refused"]
    assert kernel[-1]["reason"] == "refused_unknown" and kernel[-1]["cgroup"].endswith("/unknown") and kernel[-1]["port"] == ops.port
    everything = get(admin(ops), "/v1/events?after=0")[2] + get(admin(ops), "/metrics")[2] + get(admin(ops), "/v1/status")[2]
    assert SECRET.encode() not in everything and canary.found(everything) == []


def test_every_event_of_the_source_is_in_the_man_page():
    man = (ROOT / "deploy" / "man" / "pgveild.8").read_text()
    names = set()
    for source in (ROOT / "userspace").rglob("*.[ch]"):
        text = source.read_text()
        names |= set(re.findall(r'log_(?:event|with)\(\s*[^,]+,\s*"([^"]+)"', text))
        names |= set(re.findall(r'X\([A-Z_]+, "((?:session|statement)\.[a-z_]+)"\)', text))
    assert len(names) > 30
    assert {n for n in names if n not in man} == set()


def test_events_are_kept_filtered_and_followed(ops):
    provoke(ops)
    all_ = events(ops)
    assert [x["seq"] for x in all_] == sorted(x["seq"] for x in all_)
    assert {x["event"] for x in events(ops, "--kind", "connect.*")} == {"connect.refused"}
    assert all(x["cgroup"].endswith("/unknown") for x in events(ops, "--cgroup", "*/unknown"))
    assert {x["database"] for x in events(ops, "--database", "clinic")} == {"clinic"}
    bypass = events(ops, "--bypass")
    assert bypass and {x["event"].split(".")[0] for x in bypass} <= {"connect", "socket", "packet", "foreign", "stray"}
    assert events(ops, "--reason", "refused_un*") == [x for x in all_ if x.get("reason") == "refused_unknown"] != []
    assert events(ops, "--since", "2999-01-01T00:00:00Z") == []
    assert len(events(ops, "--since", "1d")) >= len(all_)
    assert ops.sh("pgveil", "--", "events", "--since", "soon", check=False).returncode == 2
    follower = subprocess.Popen(["scripts/lab.sh", "pgveil", "--name", ops.name, "--", "events", "--follow", "--json", "--kind", "connect.refused"],
                                cwd=ROOT, env=ops.env, stdout=subprocess.PIPE, start_new_session=True)
    try:
        old = [json.loads(follower.stdout.readline()) for _ in events(ops, "--kind", "connect.refused")]
        assert ops.refused("unknown") == "ECONNREFUSED"
        new = json.loads(follower.stdout.readline())
        assert new["seq"] > old[-1]["seq"]
    finally:
        os.killpg(follower.pid, signal.SIGTERM)
        follower.wait()
        follower.stdout.close()


def test_a_process_name_steers_no_terminal(ops):
    """And no log line: a name with quotes, control characters and bytes that are no UTF-8."""
    code = ("import ctypes, socket; ctypes.CDLL(None).prctl(15, b'\\x1b[2J\\xc2\\x9b1m\\xff\"\\\\\\n}'); s = socket.socket();"
            "s.settimeout(20); s.connect_ex((%r, %d)); s.close()") % (ops.host, ops.port)
    ops.agent("/usr/bin/python3", "-I", "-c", code, who="unknown", check=True)
    told = events(ops, "--kind", "connect.refused")[-1]
    assert told["comm"] == "\x1b[2J\x9b1m\ufffd\"\\\n}"
    shown = ops.sh("pgveil", "--", "events", "--kind", "connect.refused").stdout
    assert b"\x1b" not in shown and b"\xc2\x9b" not in shown and b"comm=?[2J??1m" in shown
    assert log_lines(ops)[-1]["comm"] == told["comm"]


def test_an_agent_reads_no_metrics_or_events(ops):
    code = ("import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(%r);"
            "s.sendall(b'GET %%s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); print(s.recv(4096).split(b'\\r\\n')[0])") % str(ops.state / "run" / "admin.sock")
    for path in ("/metrics", "/v1/events?after=0"):
        p = ops.sh("agent", "--root", "--", "/usr/bin/python3", "-I", "-c", code % path)
        assert b"403" in p.stdout, p.stdout


def doctor(lab, *args):
    p = lab.sh("pgveil", "--", "doctor", "--json", *args, check=False)
    return p.returncode, json.loads(p.stdout)


def found(findings, check, verdict):
    return [x for x in findings if x["check"] == check and x["verdict"] == verdict]


def test_doctor(ops):
    with ops.login() as c:
        assert c.query("SELECT * FROM clinic.patient WHERE id = 1").ok()
        code, all_ = doctor(ops)
        assert code == 0, found(all_, "bpf", "fail")
        assert all(x["verdict"] == "ok" or x["remedy"] for x in all_)
        assert {"daemon", "btf", "bpf", "cgroup", "programs", "capabilities", "files", "grammar", "secret", "server"} <= {x["check"] for x in all_}
        assert "PostgreSQL %s" % ops.info["pg_version"].split()[0] in " ".join(x["finding"] for x in found(all_, "server", "ok"))
        assert found(all_, "tls", "warn") and ops.password() not in json.dumps(all_)
        # A role that the agents' DSN names, and that may log in.
        code, all_ = doctor(ops, "--agent-role", "postgres")
        assert code == 1 and "postgres has LOGIN" in found(all_, "role", "fail")[0]["finding"]
        code, all_ = doctor(ops, "--agent-role", "nobody_of_that_name")
        assert code == 0 and found(all_, "role", "ok")
    secret = ops.state / "agent.pw"
    mode = secret.stat().st_mode
    try:
        secret.chmod(0o644)
        code, all_ = doctor(ops)
        assert code == 1 and "mode 0644" in found(all_, "secret", "fail")[0]["finding"]
    finally:
        secret.chmod(mode)


def test_reloads_are_told_and_counted(own_lab, tmp_path):
    """And what doctor says of pins without a daemon."""
    policy = tmp_path / "policy.yaml"
    policy.write_bytes((HERE / "agent1.yaml").read_bytes())
    lab = own_lab(agents=1, policies=(policy,))
    lab.sh("pgveil", "--", "reload")
    policy.write_text(policy.read_text() + "  nonsense: true\n")
    assert lab.sh("pgveil", "--", "reload", check=False).returncode == 1
    # The daemon, which watches its files, may have tried the new one before it was asked to.
    now, told = metrics(lab), [x["event"] for x in events(lab, "--kind", "policy.*")]
    assert now[("pgveil_policy_reloads_total", (("result", "taken"),))] == told.count("policy.loaded") == 1
    assert now[("pgveil_policy_reloads_total", (("result", "failed"),))] == told.count("policy.kept") >= 1
    assert told == ["policy.loaded"] + ["policy.complaint", "policy.kept"] * told.count("policy.kept")
    policy.write_bytes((HERE / "agent1.yaml").read_bytes())
    lab.sh("daemon", "kill")
    code, all_ = doctor(lab)
    assert code == 1 and found(all_, "daemon", "warn") and "refused" in found(all_, "pins", "fail")[0]["finding"]
    lab.sh("daemon", "start")
    assert doctor(lab)[0] == 0


# ---- the unit ----


def unit_setting(name):
    return [line.split("=", 1)[1] for line in UNIT.read_text().splitlines() if line.startswith(name + "=")][-1]


def test_the_units_capabilities_are_enough(own_lab):
    """pgveild loads, attaches, enters namespaces and serves with the capabilities and no_new_privs that the unit leaves it."""
    lab = own_lab(agents=1, policies=(HERE / "agent1.yaml",))
    pid = lab.info["daemon_pid"]
    argv = pathlib.Path("/proc/%d/cmdline" % pid).read_text().split("\0")[:-1]
    env = dict(x.split("=", 1) for x in pathlib.Path("/proc/%d/environ" % pid).read_text().split("\0") if "=" in x)
    lab.sh("daemon", "stop")
    lab.sh("pgveil", "--", "uninstall")
    caps = ",".join("+" + c.removeprefix("CAP_").lower() for c in unit_setting("CapabilityBoundingSet").split())
    assert unit_setting("NoNewPrivileges") == "yes"
    ready, theirs = os.pipe()
    before = len(lab.daemon_log())
    argv[argv.index("--ready-fd") + 1] = str(theirs)
    daemon = subprocess.Popen(["setpriv", "--bounding-set", "-all," + caps, "--inh-caps=-all", "--no-new-privs", *argv], env=env,
                              pass_fds=[theirs], stdin=subprocess.DEVNULL, stderr=open(lab.state / "log" / "daemon.log", "a"))
    try:
        os.close(theirs)
        assert os.read(ready, 1) == b"\n", lab.daemon_log()[-2000:]
        assert lab.agent_psql("SELECT ssn FROM clinic.patient WHERE id = 1").stdout == b"*******0001\n"
        # A cgroup of a command that runs as another user, whose namespace it must find by its process.
        assert lab.sh("pgveil", "--", "run", "--uid", "nobody", "--", "id", "-u").stdout == b"65534\n"
        # The process that looks from inside becomes nobody, which needs capabilities of its own.
        end = time.monotonic() + 60
        while "cgroup.ready" not in lab.daemon_log()[before:]:
            assert time.monotonic() < end, lab.daemon_log()[before:][-1000:]
            time.sleep(0.05)
    finally:
        daemon.terminate()
        assert daemon.wait(30) == 0
        os.close(ready)


def test_systemd_reads_the_unit(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "pgveild.service"
    unit.write_text(UNIT.read_text().replace("/usr/local/sbin/pgveild", "/bin/true").replace("Documentation=man:pgveild(8)\n", ""))
    p = run(["systemd-analyze", "verify", "--man=no", unit])
    ours = [line for line in (p.stdout + p.stderr).decode().splitlines() if "pgveild" in line]
    assert ours == [], ours
    p = run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit])
    level = float(re.search(r"exposure level for pgveild.service: ([\d.]+)", p.stdout.decode()).group(1))
    assert level < 4, p.stdout.decode()


# ---- what is installed ----


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    dest = tmp_path_factory.mktemp("dest")
    run(["make", "-C", ROOT, "--no-print-directory", "install", "DESTDIR=%s" % dest, "PREFIX=/usr", "BUILD=" + BUILD], check=True, timeout=600)
    return dest


def test_it_runs_from_where_it_is_installed(installed):
    usr = installed / "usr"
    assert b"usage: pgveild" in run([usr / "sbin" / "pgveild", "--help"], check=True).stdout
    policy = usr / "share" / "doc" / "pgveil" / "claude-support.yaml"
    assert run([usr / "bin" / "pgveil", "policy", "check", policy], check=True).returncode == 0
    unit = (usr / "lib" / "systemd" / "system" / "pgveild.service").read_text()
    assert "ExecStart=/usr/sbin/pgveild " in unit and "/usr/local" not in unit
    for page in ("man8/pgveild.8", "man1/pgveil.1", "man5/pgveil-policy.5"):
        assert (usr / "share" / "man" / page).stat().st_size > 500
    assert not (installed / "etc").exists()


def test_uninstall_takes_all_of_it_away(tmp_path):
    for goal in ("install", "uninstall"):
        run(["make", "-C", ROOT, "--no-print-directory", goal, "DESTDIR=%s" % tmp_path, "BUILD=" + BUILD], check=True, timeout=600)
        files = [f for f in tmp_path.rglob("*") if not f.is_dir() or f.is_symlink()]
        assert bool(files) == (goal == "install"), files


def options_in(text):
    return set(re.findall(r"(?<![-\w])--([a-z][a-z-]+)", text))


def man_options(page):
    return set(re.findall(r"Fl -([a-z][a-z-]+)", (ROOT / "deploy" / "man" / page).read_text()))


def test_help_and_man_page_have_the_same_options(installed):
    usr = installed / "usr"
    assert options_in(run([usr / "sbin" / "pgveild", "--help"], check=True).stdout.decode()) == man_options("pgveild.8")
    pgveil = usr / "bin" / "pgveil"
    listing = run([pgveil, "help"], check=True).stdout.decode()
    commands = re.findall(r"^  ([a-z]+) ", listing, re.M)
    texts = [listing] + [run([pgveil, "help", c], check=True).stdout.decode() for c in commands]
    texts += [run([pgveil, "policy", v, "--help"], check=True).stdout.decode() for v in ("check", "test", "explain", "learn")]
    said = set().union(*map(options_in, texts)) - {"schema-only", "api", "api-tokens"}  # pg_dump's and pgveild's
    assert said | {"help"} == man_options("pgveil.1") - {"api"}
    page = (ROOT / "deploy" / "man" / "pgveil.1").read_text()
    for c in commands:
        assert re.search(r"^\.Ss %s\b" % c, page, re.M), c


def test_man_pages_have_no_mistakes():
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    for page in sorted((ROOT / "deploy" / "man").glob("*.[158]")):
        p = run(["mandoc", "-Tlint", "-Wwarning", page])
        assert p.stdout == b"" and p.returncode == 0, p.stdout.decode()


def complete(installed, line):
    """What bash offers at the end of a line."""
    words = line.split(" ")
    script = 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); _pgveil; printf "%s\\n" "${COMPREPLY[@]}"'
    words[0] = str(installed / "usr" / ("sbin" if words[0] == "pgveild" else "bin") / words[0])
    p = run(["bash", "-c", script, "bash", installed / "usr" / "share" / "bash-completion" / "completions" / "pgveil", *words], check=True)
    return p.stdout.decode().split()


def test_completion_offers_what_there_is(installed):
    assert complete(installed, "pgveil ev") == ["events"]
    assert {"run", "status", "doctor", "help"} <= set(complete(installed, "pgveil "))
    assert complete(installed, "pgveil --run-dir /tmp do") == ["doctor"]
    assert complete(installed, "pgveil events --fo") == ["--follow"]
    assert complete(installed, "pgveil --j") == ["--json"]
    assert complete(installed, "pgveil policy ex") == ["explain"]
    assert complete(installed, "pgveil policy explain --sch") == ["--schema"]
    assert complete(installed, "pgveil policy learn --ag") == ["--against"]
    assert complete(installed, "pgveild --metr") == ["--metrics-listen"]
    assert complete(installed, "pgveild --log-level w") == ["warn"]
    assert complete(installed, "pgveil status --follow") == []
    assert complete(installed, "pgveil sessions ve") == ["verify"]
    assert complete(installed, "pgveil sessions ls --ver") == ["--verdict"]
    assert complete(installed, "pgveil sessions export 1-1 --format h") == ["html"]


def test_completion_and_man_page_have_every_option_of_every_command(installed):
    """Of each command by itself: an option in the help of one and in the man page of another is no help."""
    pgveil = installed / "usr" / "bin" / "pgveil"
    page = (ROOT / "deploy" / "man" / "pgveil.1").read_text()
    commands = re.findall(r"^  ([a-z]+) ", run([pgveil, "help"], check=True).stdout.decode(), re.M)
    texts = {c: run([pgveil, "help", c], check=True).stdout.decode() for c in commands if c != "policy"}
    texts.update({"policy " + v: run([pgveil, "policy", v, "--help"], check=True).stdout.decode() for v in ("check", "test", "explain", "learn")})
    assert len(texts) > 12
    for c, text in texts.items():
        said = options_in(text) - {"schema-only", "splice", "api", "api-tokens"}  # pg_dump's and pgveild's
        offered = {x.lstrip("-") for x in complete(installed, "pgveil %s --" % c)}
        assert said <= offered, (c, said - offered)
        section = re.search(r"^\.Ss %s\b(.*?)(?=^\.S[sh] )" % c, page, re.M | re.S)
        assert section, c
        missing = said - set(re.findall(r"Fl -([a-z][a-z-]+)", section.group(1))) - {"json", "help", "run-dir", "pin-dir"}
        assert not missing, (c, missing)


def test_the_quick_starts_policy_is_one():
    assert run([ROOT / "build" / BUILD / "pgveil", "policy", "check", ROOT / "deploy" / "compose" / "policy.yaml"]).returncode == 0
