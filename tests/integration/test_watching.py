# SPDX-License-Identifier: MIT
"""What somebody who watches is told: numbers of everything that the daemon does, the dashboard and the alerts over them, and a webhook at
the moment of a violation, of which nobody can make a flood."""

import collections
import hashlib
import hmac
import http.server
import json
import re
import shutil
import threading

import pytest
import yaml

import wire
from lab import BUILD, ROOT, Lab, marker, run
from test_approvals import ApprovalLab
from test_operations import get, admin, metrics

SECRET = b"a secret of twenty-eight byte"
POLICY = """apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: watched}
spec:
  subjects:
    - cgroup: "${LAB_CGROUP}"
  databases:
    - name: shop
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      databases: ["${LAB_DB_NAME}"]
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  mask:
    - columns: [shop.orders.card]
      with: redact
    - columns: [shop.orders.note]
      with: {partial: {last: 2}}
  statements:
    default: allow
    rules:
      - {effects: [delete], verdict: ask}
      - {effects: [ddl], verdict: deny}
  export: {statement: {rows: 150}, window: {period: 1h, rows: 2000}}
  approval:
    approvers: {uids: [1001]}
    timeout: 10m
"""
AT_ONCE = 10  # of one kind and cgroup in a while, ctl/flood.h


class Hook:
    """Somebody who is told. Looks at each signature."""

    def __init__(self):
        self.bodies = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                want = hmac.new(SECRET, b"v1:" + self.headers["X-Pgveil-Timestamp"].encode() + b":" + body, hashlib.sha256).hexdigest()
                hook.bodies.append(json.loads(body) if self.headers["X-Pgveil-Signature"] == "v1=" + want else "not signed")
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def args(self, secret):
        return "--webhook http://127.0.0.1:%d/ --webhook-secret %s" % (self.server.server_address[1], secret)

    def events(self, kind):
        assert "not signed" not in self.bodies
        return [b["event"] for b in self.bodies if b["event"]["event"] == kind]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    at = tmp_path_factory.mktemp("watching")
    (at / "policy.yaml").write_text(POLICY)
    (at / "secret").write_bytes(SECRET + b"\n")
    return at


@pytest.fixture(scope="module")
def hook():
    h = Hook()
    yield h
    h.server.shutdown()


@pytest.fixture(scope="module")
def lab(files, hook):
    with ApprovalLab(policy=files / "policy.yaml", env={"LAB_DAEMON_ARGS": hook.args(files / "secret")}) as up:
        up.wait_ready()
        yield up


def grown(lab, do):
    before = metrics(lab)
    do()
    after = metrics(lab)
    return lambda name, **labels: after[name, tuple(sorted(labels.items()))] - before.get((name, tuple(sorted(labels.items()))), 0)


def approve_one(lab, c):
    mark = marker()
    c.send(wire.query("DELETE FROM shop.orders WHERE id = 100 /* %s */" % mark))
    c.read()
    x = lab.wait_pending(mark)
    held = metrics(lab)
    assert held["pgveil_statements_held", ()] == 1 and held["pgveil_queue_depth", (("queue", "approval"),)] == 1
    lab.pgveil("approvals", "approve", x["id"])
    assert c.result().ok().tags[0].startswith("DELETE")


def test_verdicts_causes_and_stages(lab):
    def do():
        with lab.login() as c:
            assert c.query("SELECT note, card FROM shop.orders WHERE id <= 7").ok()
            assert c.run("SELECT card FROM shop.orders WHERE id <= $1::int", [b"3"]).ok()
            assert c.query("SELECT 1 FROM shop.orders WHERE card = 'x'").error.sqlstate == "42501"
            assert c.query("CREATE TABLE shop.more (i int)").error.sqlstate == "42501"
            assert c.query("SELECT nothing FROM shop.orders").error.sqlstate == "42703"
            approve_one(lab, c)
            mark = marker()
            c.send(wire.query("DELETE FROM shop.orders WHERE id = 99 /* %s */" % mark))
            c.read()
            lab.pgveil("approvals", "deny", lab.wait_pending(mark)["id"], "--reason", "no")
            assert c.result().error.sqlstate == "42501"

    n = grown(lab, do)
    assert (n("pgveil_statements_total", verdict="allow"), n("pgveil_statements_total", verdict="ask"),
            n("pgveil_statements_total", verdict="deny")) == (2, 1, 4)
    assert {c: n("pgveil_refusals_total", cause=c) for c in ("masks", "guard", "text", "approval", "limit")} == {
        "masks": 1, "guard": 1, "text": 1, "approval": 1, "limit": 0}
    lines = POLICY.splitlines()
    rule = {what: "%s:%d" % (lab.policy, next(i for i, line in enumerate(lines, 1) if what in line)) for what in ("orders.card", "orders.note")}
    assert n("pgveil_rule_masked_cells_total", rule=rule["orders.card"]) == 7 + 3
    assert n("pgveil_rule_masked_cells_total", rule=rule["orders.note"]) == 7
    assert n("pgveil_masked_cells_total") == 7 + 7 + 3
    for stage in ("login", "analysis", "record", "answer", "statement"):
        assert n("pgveil_stage_seconds_count", stage=stage) > 0 and n("pgveil_stage_seconds_sum", stage=stage) > 0, stage
    assert n("pgveil_stage_seconds_count", stage="approval") == 2
    assert n("pgveil_approval_decision_seconds_count") == 2
    assert n("pgveil_approvals_total", event="approved") == n("pgveil_approvals_total", event="denied") == 1


def spent(lab):
    found = {dict(pairs)["window"]: value for (name, pairs), value in metrics(lab).items() if name == "pgveil_window_spent_ratio"}
    assert all(key.startswith("watched: ") for key in found)
    return list(found.values())


def test_limits(lab, hook):
    def do():
        with lab.login() as c:
            c.query("SELECT 1").ok()
            (before,) = spent(lab)
            r = c.query("SELECT i FROM generate_series(1, 100000) i")
            assert r.error.sqlstate == "54000" and len(r.rows) == 150
            (after,) = spent(lab)
            assert round(after - before, 4) == 150 / 2000

    n = grown(lab, do)
    assert n("pgveil_limits_reached_total", scope="statement", measure="rows") == 1
    assert n("pgveil_results_stopped_total") == 1
    assert n("pgveil_stage_seconds_count", stage="limit") >= 1
    lab.wait_until(lambda: hook.events("limit.reached"), "a limit was not told of")


def test_queues(lab):
    """A client that takes nothing: what is made for it waits, and is told of."""
    with lab.login("agent1") as c:
        c.send(wire.query("SELECT repeat('x', 200000) FROM generate_series(1, 100)"))
        lab.wait_until(lambda: metrics(lab)["pgveil_queue_bytes", (("queue", "client"),)] > 0, "nothing waits")
        assert c.result().ok()
    lab.wait_until(lambda: metrics(lab)["pgveil_queue_bytes", (("queue", "client"),)] == 0, "it waits for ever")


def test_violations_are_told_at_once(lab, hook):
    with lab.login() as c:
        assert c.query("SELECT count(*) FROM shop.orders WHERE card = 'canary'").error
        assert c.query("DROP TABLE shop.orders").error
        mark = marker()
        c.send(wire.query("DELETE FROM shop.orders WHERE id = 98765431 /* %s */" % mark))
        c.read()
        lab.pgveil("approvals", "approve", "--break-glass", "--reason", "night", lab.wait_pending(mark)["id"], uid=0)
        assert c.result().ok()
    assert Lab.refused(lab, "unknown") == "ECONNREFUSED"
    code = "import socket\ntry: socket.socket(socket.AF_INET, socket.SOCK_RAW, 6)\nexcept PermissionError: pass\nelse: raise SystemExit(1)"
    lab.sh("agent", "--root", "--", "/usr/bin/python3", "-I", "-c", code)
    for kind in ("statement.refused", "approval.asked", "approval.break_glass", "approval.consumed", "connect.refused", "socket.refused"):
        lab.wait_until(lambda k=kind: hook.events(k), kind + " was not told of")
    refused = hook.events("statement.refused")[0]
    assert refused["cgroup"].endswith("/agent1") and refused["sqlstate"] in ("42501", "42703")
    assert hook.events("record.sealed") and not hook.events("session.login") and not hook.events("catalog.loaded")
    assert metrics(lab)["pgveil_approvals_total", (("event", "break_glass"),)] == 1
    for word in ("canary", mark, "98765431", "DROP"):
        assert word not in json.dumps([b["event"].get("msg", "") + b["text"] for b in hook.bodies if "approval" not in b["event"]["event"]]), word


def test_nobody_makes_a_flood(files, hook):
    """Of a thousand refused statements ten are told, then how many more there were; what another does is told all the same."""
    other = Hook()
    args = other.args(files / "secret") + " --webhook-events statement.refused,connect.* --webhook-while 4s"
    with ApprovalLab(policy=files / "policy.yaml", env={"LAB_DAEMON_ARGS": args}) as lab:
        lab.wait_ready()
        with lab.login() as c:
            for _ in range(25):
                c.send(*[wire.query("SELECT 1 FROM shop.orders WHERE card = ''")] * 8)
                for _ in range(8):
                    assert c.result().error
        assert Lab.refused(lab, "unknown") == "ECONNREFUSED"
        lab.wait_until(lambda: other.events("connect.refused"), "the other one was not told of")
        told = other.events("statement.refused")
        assert len(told) <= AT_ONCE and not any("suppressed" in x for x in told)
        kinds = collections.Counter(b["event"]["event"] for b in other.bodies)
        assert set(kinds) == {"statement.refused", "connect.refused"}
        m = metrics(lab)
        assert m["pgveil_statements_refused_total", (("sqlstate", "42501"),)] == 200
        # what the log left out it tells of with the next, if there is one
        assert AT_ONCE < m["pgveil_webhook_events_total", (("result", "suppressed"),)] + AT_ONCE <= 200
        lab.wait_until(lambda: any("suppressed" in x for x in other.events("statement.refused")), "they were forgotten", 90)
        (summary,) = [x for x in other.events("statement.refused") if "suppressed" in x and "cgroup" in x]
        assert summary["suppressed"] >= 30 and summary["cgroup"].endswith("/agent1")
    other.server.shutdown()


@pytest.mark.parametrize("events", ["statement.refused;rm", "", "a,,b", "A"])
def test_events_that_are_none(files, events):
    p = run([ROOT / "build" / BUILD / "pgveild", "--policy", files / "policy.yaml", "--webhook", "http://127.0.0.1:1/", "--webhook-secret",
             files / "secret", "--webhook-events", events])
    assert p.returncode == 1 and b"--webhook-events" in p.stderr


def families(lab):
    """Labels of each sample; and names of families, which are there before anything was counted in them."""
    labels = {}
    for name, pairs in metrics(lab):
        labels.setdefault(name, set()).update(k for k, _ in pairs)
    text = get(admin(lab), "/metrics")[2].decode()
    return labels, set(re.findall(r"^# TYPE (\w+) ", text, re.M))


def asked(expr):
    """Metrics of an expression, with the labels that it selects or groups by."""
    out = []
    for part in re.split(r"\b(?:or|and)\b", expr):
        grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", part))))
        found = re.findall(r"\b((?:pgveil|process)_\w+)(?:\{([^}]*)\})?", part)
        assert found, expr
        out += [(name, (set(re.findall(r"(\w+)(?:=|!=)", matchers)) | grouped) - {"instance"}) for name, matchers in found]
    return out


def of_cluster(name):
    """What only a node of a cluster has, or one that ships: test_watching_cluster.py looks at these."""
    return name.startswith(("pgveil_kube_", "pgveil_pod", "pgveil_ship_", "pgveil_budget_"))


def check(labels, expressions, which):
    """Of the metrics that are which(name)."""
    seen = 0
    for expr in expressions:
        for name, wanted in asked(expr):
            if which(name):
                assert name in labels and wanted <= labels[name], (expr, name, wanted)
                seen += 1
    assert seen > 10


def panels():
    return json.loads((ROOT / "deploy" / "grafana" / "pgveil.json").read_text())["panels"]


def queries():
    return [t["expr"] for p in panels() for t in p.get("targets", [])]


def alerts():
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "pgveil.rules.yml").read_text())
    return [r for g in rules["groups"] for r in g["rules"]]


@pytest.fixture(scope="module")
def labels(lab):
    with lab.login() as c:  # so that its window is open
        c.query("SELECT 1").ok()
        return families(lab)[0]


def test_the_dashboard_asks_for_what_there_is(labels):
    """Every family and every label of its queries: one that was renamed would be an empty panel."""
    exprs = queries()
    assert len({p["id"] for p in panels()}) == len({p["title"] for p in panels()}) == len(panels())
    assert len(exprs) > 50 and all('instance=~"$instance"' in e for e in exprs)
    check(labels, exprs, lambda name: not of_cluster(name))
    shown = {name for e in exprs for name, _ in asked(e)}
    for family in ("pgveil_statements_total", "pgveil_rule_masked_cells_total", "pgveil_refusals_total", "pgveil_statements_held",
                   "pgveil_limits_reached_total", "pgveil_stage_seconds_bucket", "pgveil_queue_depth", "pgveil_approvals_pending"):
        assert family in shown, family


def test_the_panels_lie_beside_each_other():
    """No two at one place, none beyond the edge, and rows in the order of the file."""
    places = {}
    for p in panels():
        g = p["gridPos"]
        assert 0 <= g["x"] and g["x"] + g["w"] <= 24
        for x in range(g["x"], g["x"] + g["w"]):
            for y in range(g["y"], g["y"] + g["h"]):
                assert places.setdefault((x, y), p["title"]) == p["title"]
    assert [p["gridPos"]["y"] for p in panels()] == sorted(p["gridPos"]["y"] for p in panels())


def test_the_alerts_ask_for_what_there_is(lab, labels):
    assert len({r["alert"] for r in alerts()}) == len(alerts()) > 20
    for r in alerts():
        assert set(r) <= {"alert", "expr", "for", "labels", "annotations"} and r["labels"]["severity"] in ("page", "ticket", "notice")
        assert set(r["annotations"]) == {"summary", "action"} and all("\n" not in a for a in r["annotations"].values())
    check(labels, [r["expr"] for r in alerts()], lambda name: not of_cluster(name))
    outcomes = {dict(pairs)["outcome"] for name, pairs in metrics(lab) if name == "pgveil_kernel_connects_total"}
    assert "refused_unknown" in outcomes and any(o.startswith("dropped") for o in outcomes) and any(o.startswith("foreign") for o in outcomes)


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool (Debian: prometheus)")
def test_prometheus_understands_them(tmp_path):
    run(["promtool", "check", "rules", ROOT / "deploy" / "prometheus" / "pgveil.rules.yml"], check=True)
    exprs = [e.replace("$__rate_interval", "5m").replace("$instance", ".*") for e in queries()]
    (tmp_path / "board.yml").write_text(json.dumps({"groups": [{"name": "board", "rules": [
        {"record": "panel:%d" % i, "expr": e} for i, e in enumerate(exprs)]}]}))
    run(["promtool", "check", "rules", tmp_path / "board.yml"], check=True)


def test_every_family_explains_itself(lab):
    text = get(admin(lab), "/metrics")[2].decode()
    helps = dict(re.findall(r"^# HELP (\w+) (.*)$", text, re.M))
    _, names = families(lab)
    assert names == set(helps) and all(h.endswith((".", ":")) or "." in h for h in helps.values())
    for name in names:
        assert re.fullmatch(r"(pgveil|process)_[a-z_]+", name) and not name.endswith(("_ms", "_us", "_kb")), name
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M):
        assert name.endswith("_total") == (kind == "counter"), name
        assert kind != "histogram" or name.endswith("_seconds"), name
