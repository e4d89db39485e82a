# SPDX-License-Identifier: MIT
"""No value of a masked column, and none that a statement was written with or bound to, in anything that the engine keeps or tells: the state
directory as it is and unpacked, log, metrics, events, webhooks, approvals and grants, and what the command line makes of a recording."""

import contextlib
import http.server
import json
import subprocess
import threading

import canary
import recording
import wire
from lab import HERE, run
from test_approvals import PGVEIL, REVIEWER, ApprovalLab, notice
from test_audit import AuditLab
from test_recording import WORDS, hostile

BOUND = ["SELECT id FROM clinic.patient WHERE email = $1", "UPDATE clinic.patient SET email = $1 WHERE id = -1", "DELETE FROM clinic.patient WHERE ssn = $1",
         "INSERT INTO clinic.patient (id, name, ssn) SELECT -1, 'x', $1 WHERE false", "UPDATE clinic.patient SET visits = $1 WHERE id = -1", "DELETE FROM clinic.patient WHERE genome = $1"]


class CanaryLab(ApprovalLab):
    def __init__(self, policy, args):
        AuditLab.__init__(self, schema=HERE / "schema.sql", policies=(policy,), agents=1, env={"LAB_DAEMON_ARGS": args})


def policy(folder, wait):
    text = (HERE / "agent1.yaml").read_text()
    file = folder / "agent1.yaml"
    file.write_text(text + "  statements:\n    opaque: {default: allow}\n    rules:\n      - {effects: [update, delete], verdict: ask}\n"
                    "  export: {session: {rows: 200000}}\n  approval: {approvers: {uids: [%d]}, wait: %s}\n" % (REVIEWER, wait))
    return file


class Listener:
    """What a webhook is told."""

    def __enter__(self):
        self.got = got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append(str(self.headers).encode() + self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def arguments(self, folder):
        (folder / "secret").write_bytes(b"a secret of twenty-eight byte\n")
        return "--webhook http://127.0.0.1:%d/hook --webhook-secret %s" % (self.server.server_address[1], folder / "secret")

    def __exit__(self, *_):
        self.server.shutdown()


def agent(lab, words):
    """Hostile statements, each by Query and by Parse, and parameters in text and binary. What is to be approved of is denied at times, since
    only so many may wait."""
    with lab.login(params={"application_name": "canaries"}) as c:
        for w in words:
            for sql in hostile(w):
                for ask in (c.query, c.run):
                    if any(e.sqlstate == "53400" for e in ask(sql).errors):
                        for x in lab.pending():
                            lab.pgveil("approvals", "deny", x["id"])
                        ask(sql)
                if c.query("SELECT 1").errors:
                    c.query("ROLLBACK").ok()
            for sql in BOUND:
                c.run(sql, (w.encode(),))
                c.run(sql, (canary.BINARY[-1],), param_formats=(1,))
        c.send(wire.terminate())
        c.drain()


def told(lab, hook):
    """Everything, by where it is."""
    state = lab.state / "state"
    for i, data in enumerate(recording.everything(state)):
        yield "state %d" % i, data
    for path in sorted(state.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
    for path in sorted((lab.state / "log").glob("daemon*")):
        yield str(path), path.read_bytes()
    for i, body in enumerate(hook.got):
        yield "webhook %d" % i, body
    for args in (["metrics"], ["events"], ["status"], ["flows"], ["approvals", "ls", "--all"], ["grants", "ls"]):
        p = lab.pgveil(*args, uid=0, check=False)
        yield " ".join(args), p.stdout + p.stderr
    for x in all_approvals(lab):
        yield "approval", json.dumps(lab.show(x)).encode()
    recordings = ["--recordings", str(state / "recordings")]
    for s in run([PGVEIL, "sessions", "ls", "--json", *recordings], check=True).stdout.decode().splitlines():
        ident = json.loads(s)["id"]
        for args in (["show", ident], ["replay", ident, "--speed", "0"], ["export", ident, "--format", "jsonl"], ["export", ident, "--format", "html"],
                     ["export", ident, "--format", "asciicast"]):
            yield " ".join(args), run([PGVEIL, "sessions", *args, *recordings], check=True).stdout
    for args in ([], ["--failed"], ["--rules"]):
        yield "learn", subprocess.run([PGVEIL, "policy", "learn", *args, *recordings], stdout=subprocess.PIPE).stdout


def all_approvals(lab):
    return [x["id"] for x in lab.pgveil("approvals", "ls", "--all", uid=0)["approvals"]]


def test_no_canary_anywhere(tmp_path):
    with Listener() as hook:
        with CanaryLab(policy(tmp_path, "error-and-retry"), hook.arguments(tmp_path)) as lab:
            lab.wait_ready()
            agent(lab, WORDS[:2])
            for x in lab.pending():
                lab.pgveil("approvals", "deny", x["id"], "--reason", "no")
            sql = "UPDATE clinic.patient SET email = '%s' WHERE id = -1" % WORDS[5]
            with lab.login() as c:
                assert "approval" in str(c.query(sql).error)
                lab.pgveil("approvals", "approve", lab.pending()[0]["id"], "--for", "1h", "--uses", "3")
                c.query(sql).ok()
                c.query("COPY (SELECT * FROM clinic.patient) TO STDOUT").ok()
                c.query("SELECT * FROM clinic.patient").ok()
                c.run("SELECT * FROM clinic.patient", formats=(1,)).ok()
            lab.wait_until(lambda: any(b"approval.asked" in b for b in hook.got) and any(b"approval.denied" in b for b in hook.got), "the webhook is not told")
            assert len(all_approvals(lab)) > 20
            seen = 0
            for where, data in told(lab, hook):
                assert not canary.found(data), (where, canary.found(data))
                seen += 1
            assert seen > 100
            # It is found where it is: in what the database itself holds.
            assert canary.found(lab.dba_psql("SELECT * FROM clinic.patient"))


def test_nor_of_what_waits_on_the_wire(tmp_path):
    with Listener() as hook:
        with CanaryLab(policy(tmp_path, "hold"), hook.arguments(tmp_path)) as lab:
            lab.wait_ready()
            with lab.login() as c, lab.login() as d:
                c.send(wire.query("UPDATE clinic.patient SET ssn = '%s', email = '%s' WHERE id = -1" % (WORDS[0], WORDS[1])))
                said = json.dumps(notice(c))
                d.send(wire.extended("UPDATE clinic.patient SET ssn = $1 WHERE id = -2", [WORDS[2].encode()]), wire.sync())
                lab.wait_until(lambda: len(lab.pending()) == 2, "they do not wait")
                assert not canary.found(said)
                for where, data in told(lab, hook):
                    assert not canary.found(data), (where, canary.found(data))
                for x in lab.pending():
                    lab.pgveil("approvals", "deny", x["id"])
                with contextlib.suppress(wire.Closed):
                    c.result()
