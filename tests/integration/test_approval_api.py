# SPDX-License-Identifier: MIT
"""Approvals over HTTPS: with a token and not without, whatever else is tried; and no address shuts out others."""

import contextlib
import json
import pathlib
import socket
import ssl
import time

import pytest

import wire
from lab import HERE, PYTHON, marker, run
from test_approvals import PGVEIL, REVIEWER, ApprovalLab, delete, notice


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class ApiLab(ApprovalLab):
    def __init__(self, tmp, **kw):
        self.tmp, self.api_port = tmp, free_port()
        self.cert, self.tokens, self.secret = tmp / "api.pem", tmp / "tokens", {}
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=api",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", tmp / "api.key", "-out", self.cert], check=True)
        lines = [self.token("ann-slack"), self.token("agent-owner", "--uid", "65534"), self.token("reviewers-own", "--uid", str(REVIEWER)),
                 self.token("nobody-names-it"), self.token("old", "--until", "2020-01-01")]
        self.write_tokens("# the API's\n" + "\n".join(lines) + "\n")
        args = "--api 0.0.0.0:%d --api-cert %s --api-key %s --api-tokens %s" % (self.api_port, self.cert, tmp / "api.key", self.tokens)
        super().__init__(policy=HERE / "approvals-tokens.yaml", env={"LAB_DAEMON_ARGS": args}, **kw)

    def token(self, name, *options):
        made = json.loads(run([PGVEIL, "--json", "token", "new", name, *options], check=True).stdout)
        self.secret[name] = made["token"]
        assert made["token"] not in made["line"] and len(made["token"]) == 7 + 64
        return made["line"]

    def write_tokens(self, text, mode=0o600):
        new = self.tmp / "tokens.new"
        new.write_text(text)
        new.chmod(mode)
        new.rename(self.tokens)

    def dial_api(self, host="127.0.0.1", source=None, **kw):
        context = ssl.create_default_context(cafile=self.cert)
        context.check_hostname = False
        for name, value in kw.items():
            setattr(context, name, value)
        raw = socket.create_connection((host, self.api_port), timeout=20, source_address=(source, 0) if source else None)
        return context.wrap_socket(raw, server_hostname="localhost")

    def raw(self, request, **kw):
        """(code, JSON) of an answer; None where there is none."""
        with contextlib.suppress(ConnectionError, ssl.SSLError), self.dial_api(**kw) as s:
            s.sendall(request)
            got = b""
            while data := s.recv(65536):
                got += data
            head, _, body = got.partition(b"\r\n\r\n")
            assert b"Connection: close" in head and b"Content-Length: %d" % len(body) in head
            return int(head.split()[1]), json.loads(body)
        return None

    def api(self, method, path, token=None, body=None, **kw):
        body = json.dumps(body).encode() if body is not None else b""
        head = "%s %s HTTP/1.1\r\nHost: api\r\n" % (method, path)
        if token:
            head += "Authorization: Bearer %s\r\n" % self.secret.get(token, token)
        return self.raw(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body, **kw)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with ApiLab(tmp_path_factory.mktemp("api")) as lab:
        lab.wait_ready()
        yield lab


@pytest.fixture
def client(desk):
    with desk.login() as c:
        yield c


def ask(desk, client, number):
    mark = marker()
    client.send(wire.query(delete(mark, number)))
    notice(client)
    return desk.wait_pending(mark), mark


def test_approved_by_a_token(desk, client):
    x, mark = ask(desk, client, 1)
    code, listed = desk.api("GET", "/v1/approvals", "ann-slack")
    assert code == 200 and [a["id"] for a in listed["approvals"]] == [x["id"]]
    assert desk.api("GET", "/v1/approvals/%d" % x["id"], "ann-slack")[1]["statement"] == x["statement"]
    assert desk.api("POST", "/v1/approvals/%d/approve" % x["id"], "ann-slack", {"reason": "from the sofa"}) == (200, {})
    assert client.result().ok().tags == ["DELETE 1"]
    vote = desk.show(x["id"])["votes"][0]
    assert vote["token"] == "ann-slack" and vote["uid"] is None and vote["reason"] == "from the sofa"
    assert [e for e in desk.events("approval.approved") if e["approval"] == x["id"] and e["token"] == "ann-slack" and "by" not in e]
    p = run([PGVEIL, "--run-dir", desk.state / "run", "approvals", "show", x["id"]])
    assert b"approved by token:ann-slack" in p.stdout
    # by its shape, taken back, and denied
    y, _ = ask(desk, client, 2)
    assert desk.api("POST", "/v1/approvals/%d/approve" % y["id"], "ann-slack", {"shape": True, "uses": 5, "for_s": 60})[0] == 200
    assert client.result().ok().tags == ["DELETE 1"] and client.query(delete("", 3)).ok().tags == ["DELETE 1"]
    assert [g["id"] for g in desk.api("GET", "/v1/grants", "ann-slack")[1]["grants"]] == [y["id"]]
    assert desk.api("POST", "/v1/grants/%d/revoke" % y["id"], "ann-slack", {})[0] == 200
    z, mark = ask(desk, client, 4)
    assert desk.api("POST", "/v1/approvals/%d/deny" % z["id"], "ann-slack", {"reason": "not now"})[0] == 200
    assert "not now" in str(client.result().error) and desk.ran(mark) == 0
    assert not any(secret in desk.daemon_log() for secret in desk.secret.values())


def test_who_may_not(desk, client):
    x, mark = ask(desk, client, 5)
    approve = "/v1/approvals/%d/approve" % x["id"]
    assert desk.api("POST", approve, "nobody-names-it", {})[0] == 404 and desk.api("GET", "/v1/approvals", "nobody-names-it")[1] == {"approvals": []}
    code, said = desk.api("POST", approve, "agent-owner", {})
    assert code == 403 and "who asks" in said["error"]
    assert desk.api("POST", approve, "ann-slack", {"break_glass": True, "reason": "r"})[0] == 403
    for source, token in (("127.0.0.21", None), ("127.0.0.22", "old"), ("127.0.0.23", "pgveil_" + "0" * 64), ("127.0.0.24", "x" * 300)):
        for method, path in (("GET", "/v1/approvals"), ("POST", approve), ("GET", "/nowhere")):
            code, said = desk.api(method, path, token, {} if method == "POST" else None, source=source)
            assert code == 401 and "token" in said["error"] and str(x["id"]) not in said["error"]
    assert desk.show(x["id"])["state"] == "pending" and desk.ran(mark) == 0
    # whoever brings what is none again and again is not listened to any more, and others are
    codes = [desk.api("GET", "/v1/approvals", "guess-%d" % i, source="127.0.0.25")[0] for i in range(8)]
    assert codes == [401] * 5 + [429] * 3
    assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.25")[0] == 429
    assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.26")[0] == 200
    desk.pgveil("approvals", "deny", x["id"])
    client.result()


def test_tokens_are_read_again(desk):
    kept = desk.tokens.read_text()
    assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.30")[0] == 200
    desk.write_tokens("".join(line for line in kept.splitlines(True) if "ann-slack" not in line))
    assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.31")[0] == 401
    for text, mode in ((kept, 0o640), (kept + "ann-slack: 00\n", 0o600), (kept + "broken\n", 0o600), (kept + kept, 0o600)):
        desk.write_tokens(text, mode)
        assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.32")[0] in (401, 429)
    assert desk.events("api.tokens")
    desk.tokens.unlink()
    assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.33")[0] == 401
    desk.write_tokens(kept)
    assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.34")[0] == 200


def test_what_is_said_is_bounded(desk):
    auth = b"Authorization: Bearer %s\r\n" % desk.secret["ann-slack"].encode()
    for request, code in ((b"GET /v1/approvals HTTP/1.1\r\n" + auth + b"X: " + b"x" * 9000 + b"\r\n\r\n", 431),
                          (b"POST /v1/approvals/1/deny HTTP/1.1\r\n" + auth + b"Content-Length: 8193\r\n\r\n", 413),
                          (b"POST /v1/approvals/1/deny HTTP/1.1\r\n" + auth + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
                          (b"GET /v1/approvals HTTP/1.1\r\n" + auth + auth + b"\r\n", 400),
                          (b"GET /v1/approvals HTTP/1.1\r\n" + auth + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
                          (b"GET /v1/approvals HTTP/1.1\r\n" + auth + b"Content-Length: -1\r\n\r\n", 400),
                          (b"GET /v1/approvals HTTP/1.1\r\n" + auth + b" folded\r\n\r\n", 400),
                          (b"GET /v1/approvals HTTP/1.1\r\nA b: c\r\n" + auth + b"\r\n", 400),
                          (b"GET /v1/approvals HTTP/1.1\r\nA: \0\r\n" + auth + b"\r\n", 400),
                          (b"DELETE /v1/approvals HTTP/1.1\r\n" + auth + b"\r\n", 405),
                          (b"GET http://api/v1/approvals HTTP/1.1\r\n" + auth + b"\r\n", 400),
                          (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n" + auth + b"\r\n", 414),
                          (b"GET /v1/approvals HTTP/2.0\r\n" + auth + b"\r\n", 505),
                          (b"GET /v1/approvals/18446744073709551616 HTTP/1.1\r\n" + auth + b"\r\n", 404),
                          (b"GET /v1/policy HTTP/1.1\r\n" + auth + b"\r\n", 404),
                          (b"POST /v1/approvals/1/approve HTTP/1.1\r\n" + auth + b"Content-Length: 3\r\n\r\n{{{", 400),
                          (b"GET /v1/approvals?state=all HTTP/1.1\r\n" + auth + b"\r\n", 200)):
        got = desk.raw(request, source="127.0.0.40")
        assert got and got[0] == code, (request[:80], got)
    # piece by piece
    with desk.dial_api() as s:
        for byte in b"GET /v1/approvals HTTP/1.1\r\n" + auth + b"\r\n":
            s.sendall(bytes([byte]))
        assert s.recv(20).startswith(b"HTTP/1.1 200")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        desk.dial_api(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1).close()
    with desk.dial_api(maximum_version=ssl.TLSVersion.TLSv1_2) as s:
        assert s.version() == "TLSv1.2"
    # without TLS nothing is said at all
    with socket.create_connection(("127.0.0.1", desk.api_port), timeout=20) as s:
        s.sendall(b"GET /v1/approvals HTTP/1.1\r\n" + auth + b"\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"HTTP" not in s.recv(100)


def ended(s):
    """Whether the other side has ended it."""
    try:
        return s.recv(4096) == b""
    except ConnectionError:
        return True


def test_one_address_has_its_share(desk):
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(8):
            s = socket.create_connection(("127.0.0.1", desk.api_port), timeout=20, source_address=("127.0.0.50", 0))
            held.append(stack.enter_context(contextlib.closing(s)))
        more = stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", desk.api_port), timeout=20, source_address=("127.0.0.50", 0))))
        assert ended(more)
        assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.51")[0] == 200
        began = time.monotonic()
        assert all(ended(s) for s in held) and time.monotonic() - began < 15, "whoever says nothing is let stay"
    assert desk.api("GET", "/v1/approvals", "ann-slack", source="127.0.0.50")[0] == 200


REQUEST = r"""
import socket, ssl, sys
host, port, token, path = sys.argv[1:]
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
try:
    with context.wrap_socket(socket.create_connection((host, int(port)), timeout=20)) as s:
        s.sendall(("POST %s HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n" % (path, token)).encode())
        got = b""
        while data := s.recv(65536):
            got += data
        print("answered", got.decode().replace("\r\n", " "))
except OSError as e:
    print("not reached:", e)
"""


def test_not_from_what_is_guarded(desk, client):
    """With a token that holds: from the agent's namespace, from its cgroup in the host's, from what it started and moved out, and by a
    connection that was made elsewhere."""
    x, mark = ask(desk, client, 6)
    path = "/v1/approvals/%d/approve" % x["id"]
    bridge = desk.agents["agent1"]["ip"].rsplit(".", 1)[0] + ".1"
    argv = [PYTHON, "-c", REQUEST]
    args = [str(desk.api_port), desk.secret["ann-slack"], path]
    p = desk.agent(*argv, bridge, *args)
    assert b"not reached" in p.stdout, p.stdout + p.stderr
    within = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', desk.cgroup("agent1")]
    for host in ("127.0.0.1", bridge):
        p = run([*within, *argv, host, *args])
        assert b"not reached" in p.stdout, p.stdout + p.stderr
    outside = ["bash", "-c", 'echo $$ > "$0/cgroup.procs"; sh -c \'echo $$ > "$0/cgroup.procs" && exec "$@"\' "$1" "${@:2}"; exit $?',
               desk.cgroup("agent1"), pathlib.Path(desk.cgroup("agent1")).parent.parent]
    p = run([*outside, *argv, "127.0.0.1", *args])
    assert b"403" in p.stdout and b"started from" in p.stdout, p.stdout + p.stderr
    # made outside, and its owner is in there by the time that it asks
    moving = REQUEST.replace("        s.sendall(", "        open(%r, 'w').write('0')\n        s.sendall(" % (desk.cgroup("agent1") + "/cgroup.procs"))
    p = run([PYTHON, "-c", moving, "127.0.0.1", *args])
    assert b"403" in p.stdout and b"guards" in p.stdout or b"not reached" in p.stdout, p.stdout + p.stderr
    assert desk.show(x["id"])["state"] == "pending" and desk.ran(mark) == 0
    assert run([*argv, "127.0.0.1", *args]).stdout.startswith(b"answered HTTP/1.1 200")
    assert client.result().ok().tags == ["DELETE 1"]


def test_a_token_is_no_second_person(tmp_path):
    with ApiLab(tmp_path, required=2) as desk:
        desk.wait_ready()
        with desk.login() as c:
            x, mark = ask(desk, c, 1)
            desk.pgveil("approvals", "approve", x["id"], uid=REVIEWER)
            code, said = desk.api("POST", "/v1/approvals/%d/approve" % x["id"], "reviewers-own", {})
            assert code == 409 and "already" in said["error"]
            assert desk.ran(mark) == 0
            # another daemon takes its place, and answers there
            desk.sh("daemon", "upgrade")
            assert desk.show(x["id"])["state"] == "denied"
            assert c.result().errors
        with desk.login() as c:
            x, mark = ask(desk, c, 2)
            assert desk.api("POST", "/v1/approvals/%d/approve" % x["id"], "ann-slack", {})[0] == 200
            assert desk.show(x["id"])["state"] == "pending"
            assert desk.api("POST", "/v1/approvals/%d/approve" % x["id"], "ann-slack", {})[0] == 409
            desk.pgveil("approvals", "approve", x["id"], uid=REVIEWER)
            assert c.result().ok().tags == ["DELETE 1"]
