# SPDX-License-Identifier: MIT
"""Both logins: towards the client (startup, encryption requests, protocol versions, keys and cancels) and towards the
server (every password method, in plaintext and in TLS, with a client certificate)."""

import contextlib
import json
import struct
import subprocess

import socket

import pytest

import canary
import wire
from lab import PYTHON, SCRIPT, Lab, run

SSN = "SELECT ssn FROM clinic.patient WHERE id = 1"
MASKED = [[b"*******0001"]]

PASSWORD = 'credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}'
# agent → its own document, by what is said of the database.
UPSTREAM = {
    "agent1": PASSWORD + "\n      tls: {mode: disable}",
    "agent2": PASSWORD + "\n      tls: {mode: require}",
    "agent3": PASSWORD + '\n      tls: {mode: verify-full, ca: "${LAB_DB_CA}"}',
    "agent4": PASSWORD + '\n      tls: {mode: verify-full, ca: "${LAB_WRONG_CA}"}',
    "agent5": 'credential: {user: pgveil_agent, certFile: "${LAB_CLIENT_CERT}", keyFile: "${LAB_CLIENT_KEY}"}\n'
              '      tls: {mode: verify-full, ca: "${LAB_DB_CA}"}',
    "agent6": PASSWORD,  # no tls: verify-full against the system's store
    "agent7": 'credential: {user: pgveil_agent, passwordFile: "${LAB_WRONG_PASSWORD}"}\n      tls: {mode: disable}',
    "agent8": PASSWORD.replace("}\"}", "}\", insecureAuth: true}") + "\n      tls: {mode: disable}",
}
DOCUMENT = """apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: %s}
spec:
  subjects:
    - cgroup: "${LAB_CGROUP_%d}"
  databases:
    - name: clinic
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      %s
  mask:
    - columns: [clinic.patient.ssn]
      with: {partial: {last: 4}}
    - columns: [clinic.patient.email, clinic.patient.diagnosis]
      with: redact
"""


@pytest.fixture(scope="module")
def logins(tmp_path_factory):
    """One lab whose agents differ in how the engine logs in for them."""
    d = tmp_path_factory.mktemp("login")
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=another CA",
         "-keyout", d / "ca.key", "-out", d / "ca.pem"], check=True)
    wrong = d / "password"
    wrong.touch(0o644)
    wrong.chmod(0o644)
    wrong.write_text("not the password\n")
    policies = []
    for i, (name, upstream) in enumerate(UPSTREAM.items(), 1):
        policies.append(d / (name + ".yaml"))
        policies[-1].write_text(DOCUMENT % (name, i, upstream))
    with Lab(policies=policies, agents=len(UPSTREAM), env={"LAB_WRONG_CA": str(d / "ca.pem"), "LAB_WRONG_PASSWORD": str(wrong)}) as lab:
        yield lab


def encrypted(lab, application):
    return lab.dba_psql("SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = 'pgveil_agent' "
                        "AND a.application_name = '%s'" % application)


# ---- towards the server ----

@pytest.mark.parametrize("who,ssl", [("agent1", "f"), ("agent2", "t"), ("agent3", "t")])
def test_tls_modes(logins, who, ssl):
    with logins.login(who, {"application_name": "tls-" + who}) as c:
        assert c.query(SSN).ok().rows == MASKED
        assert encrypted(logins, "tls-" + who) == ssl
        # The end of what the client says goes through TLS too, and the answer still comes.
        c.send(wire.query(SSN))
        c.sock.shutdown(socket.SHUT_WR)
        assert c.result().ok().rows == MASKED
        with pytest.raises(wire.Closed):
            c.read()


@pytest.mark.parametrize("who", ["agent4", "agent6"])
def test_verify_full_refuses_a_certificate_of_another_ca(logins, who):
    before = logins.server_log().count("connection authorized: user=pgveil_agent")
    with logins.connect(who) as c, pytest.raises(wire.ServerError) as refused:
        c.login("agent", "lab")
    assert refused.value.fields["S"] == "FATAL" and refused.value.sqlstate.startswith("08")
    assert logins.server_log().count("connection authorized: user=pgveil_agent") == before


@contextlib.contextmanager
def asking_for(lab, method):
    """The server asks pgveil_agent so."""
    password = lab.password()
    try:
        if method == "md5":
            lab.dba_psql("SET password_encryption = 'md5'; ALTER ROLE pgveil_agent PASSWORD '%s'" % password)
        lab.set_hba("host lab pgveil_agent samenet " + method)
        yield
    finally:
        if method == "md5":
            lab.dba_psql("ALTER ROLE pgveil_agent PASSWORD '%s'" % password)
        lab.set_hba()


METHODS = ["scram-sha-256", "md5", "password", "trust"]


@pytest.mark.parametrize("who", ["agent8", "agent3"], ids=["insecureAuth", "verify-full"])
@pytest.mark.parametrize("method", METHODS)
def test_password_methods(logins, method, who):
    with asking_for(logins, method), logins.login(who) as c:
        assert c.query(SSN).ok().rows == MASKED


@pytest.mark.parametrize("who", ["agent1", "agent2"], ids=["plaintext", "require"])
@pytest.mark.parametrize("method", METHODS)
def test_password_methods_without_a_verified_server(logins, method, who):
    """Neither in clear nor as md5: whoever stands there may be anybody."""
    with asking_for(logins, method), logins.connect(who) as c:
        if method in ("scram-sha-256", "trust"):
            c.login("agent", "lab")
            assert c.query(SSN).ok().rows == MASKED
            return
        with pytest.raises(wire.ServerError) as refused:
            c.login("agent", "lab")
        assert refused.value.sqlstate == "28000" and "was not verified" in refused.value.fields["M"]


# A process of the agent makes a network namespace where it is root, and in that a server at the database's address.
FAKE = r"""
import json, socket, struct, subprocess, sys, threading, time
host, port, ask = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["ip", "address", "add", host + "/32", "dev", "lo"], check=True)
heard = []
def serve(s):
    with s:
        n = struct.unpack("!I", s.recv(4, socket.MSG_WAITALL))[0]
        s.recv(n - 4, socket.MSG_WAITALL)
        s.sendall(b"R" + struct.pack("!I", 4 + len(ask)) + ask)
        answer = b""
        while True:
            more = s.recv(4096)
            if not more:
                break
            answer += more
        heard.append(answer.hex())
def accept(l):
    while True:
        threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
threading.Thread(target=accept, args=(socket.create_server((host, port)),), daemon=True).start()
until = time.monotonic() + 20
while True:
    try:
        c = socket.create_connection((host, port), 20)
        break
    except ConnectionRefusedError:  # until the engine knows of the namespace
        assert time.monotonic() < until
body = struct.pack("!I", 196608) + b"user\0agent\0database\0lab\0\0"
c.sendall(struct.pack("!I", 4 + len(body)) + body)
told = b""
while True:
    more = c.recv(4096)
    if not more:
        break
    told += more
while not heard and time.monotonic() < until:
    time.sleep(0.01)
print(json.dumps([heard, told.decode("latin1")]))
"""


@pytest.mark.parametrize("ask", [struct.pack("!I", 3), struct.pack("!I4s", 5, b"salt")], ids=["password", "md5"])
def test_a_server_that_the_agent_made_gets_no_password(lab, ask):
    if lab.agent("unshare", "-Urn", "true").returncode:
        pytest.skip("no user namespaces for the agent")
    p = lab.agent("unshare", "-Urn", PYTHON, "-I", "-c", FAKE, lab.host, lab.port, ask.hex(), check=True)
    heard, told = json.loads(p.stdout)
    assert heard and not any(heard), "it was asked, and said nothing"
    assert "was not verified" in told and lab.password() not in told


def test_client_certificate(logins):
    logins.set_hba("hostssl lab pgveil_agent samenet cert")
    try:
        with logins.login("agent5", {"application_name": "cert"}) as c:
            assert c.query(SSN).ok().rows == MASKED
            assert encrypted(logins, "cert") == "t"
        with logins.connect("agent3") as c, pytest.raises(wire.ServerError):
            c.login("agent", "lab")
    finally:
        logins.set_hba()


def test_a_wrong_upstream_password(logins):
    """The agent is told that the engine could not log in; not what the server said of the engine's role and secret."""
    with logins.connect("agent7") as c, pytest.raises(wire.ServerError) as refused:
        c.login("agent", "lab")
    assert refused.value.fields["S"] == "FATAL"
    assert b"not the password" not in c.received and logins.password().encode() not in c.received


def test_a_name_that_does_not_resolve_may_be_this_address(own_lab, tmp_path):
    """Its document may mask; the other one, which is for the address as such, does not."""
    masks, open_ = tmp_path / "masks.yaml", tmp_path / "open.yaml"
    masks.write_text((DOCUMENT % ("masks", 1, UPSTREAM["agent1"])).replace("${LAB_DB_HOST}", "database.invalid"))
    open_.write_text((DOCUMENT % ("open", 1, UPSTREAM["agent1"])).split("  mask:")[0])
    lab = own_lab(policies=(masks, open_), agents=1)
    with lab.connect() as c, pytest.raises(wire.ServerError) as refused:
        c.login("agent", "lab")
    assert refused.value.sqlstate == "08004" and "not resolved" in refused.value.fields["M"]


def test_a_password_file_that_others_may_read_is_told(logins):
    told = [line for line in logins.daemon_log().splitlines() if "credential.readable" in line]
    assert len(told) == 1 and logins.env["LAB_WRONG_PASSWORD"] in told[0]


def test_tls_is_required_and_not_offered(own_lab, tmp_path):
    policy = tmp_path / "require.yaml"
    policy.write_text(DOCUMENT % ("require", 1, UPSTREAM["agent2"]))
    lab = own_lab(policies=(policy,), agents=1, pg_conf=("ssl=off",))
    with lab.connect() as c, pytest.raises(wire.ServerError) as refused:
        c.login("agent", "lab")
    assert refused.value.sqlstate.startswith("08")
    assert "connection authorized: user=pgveil_agent" not in lab.server_log()


# ---- towards the client ----

def test_encryption_requests_are_declined(lab):
    with lab.connect() as c:
        c.send(wire.request(wire.SSL_REQUEST))
        assert c.take(1) == b"N"
        c.send(wire.request(wire.GSSENC_REQUEST))
        assert c.take(1) == b"N"
        c.login("agent", lab.dbname)
        assert c.query(SSN).ok().rows == MASKED


def test_encryption_requests_the_other_way_round(lab):
    with lab.connect() as c:
        c.send(wire.request(wire.GSSENC_REQUEST))
        assert c.take(1) == b"N"
        c.send(wire.request(wire.SSL_REQUEST))
        assert c.take(1) == b"N"
        c.login("agent", lab.dbname)


def test_direct_tls_is_closed_with_an_event(lab):
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(193)
    with lab.connect() as c:
        c.send(hello)
        c.drain()
        assert c.received == b""
    assert "session.direct_tls" in lab.daemon_log()


def test_psql_with_sslmode_require_fails(lab):
    p = lab.agent("psql", "-XAtc", SSN, "sslmode=require")
    assert p.returncode != 0 and b"SSL" in p.stderr


def negotiated(messages):
    body = [b for k, b in messages if k == "v"]
    assert len(body) == 1
    minor, n = struct.unpack_from("!II", body[0])
    names = body[0][8:].split(b"\0")[:-1]
    assert len(names) == n
    return minor, names


@pytest.mark.parametrize("version,params,names", [
    (wire.V32, {}, []),
    (196608 + 9999, {"_pq_.test_protocol_negotiation": ""}, [b"_pq_.test_protocol_negotiation"]),
    (wire.V30, {"_pq_.one": "1", "_pq_.two": "2"}, [b"_pq_.one", b"_pq_.two"]),
], ids=["3.2", "3.9999", "3.0"])
def test_protocol_negotiation(lab, version, params, names):
    with lab.connect() as c:
        out = c.login("agent", lab.dbname, version=version, **params)
        minor, unknown = negotiated(out)
        assert minor & 0xffff == 0 and unknown == names
        assert len(c.key[1]) == 4, "keys of protocol 3.0"
        assert c.query(SSN).ok().rows == MASKED


@pytest.mark.parametrize("version", [2 << 16, 4 << 16])
def test_other_protocols_are_refused(lab, version):
    with lab.connect() as c, pytest.raises(wire.ServerError) as refused:
        c.login("agent", lab.dbname, version=version)
    assert refused.value.sqlstate in ("0A000", "08P01") and refused.value.fields["S"] == "FATAL"


@pytest.mark.parametrize("params", [
    {"options": "-c standard_conforming_strings=off"}, {"options": "--client-encoding=SJIS"}, {"options": "-E"},
    {"options": "-c default_transaction_read_only=on -cclient_min_messages=debug1"}, {"session_preload_libraries": "auto_explain"},
    {"role": "postgres"}, {"replication": "true"}, {"replication": "database"}], ids=str)
def test_options_and_replication_are_refused(lab, params):
    before = lab.server_log().count("connection authorized: user=pgveil_agent")
    with lab.connect() as c, pytest.raises(wire.ServerError) as refused:
        c.login("agent", lab.dbname, **params)
    assert refused.value.fields["S"] == "FATAL" and refused.value.sqlstate == "42501"
    assert lab.server_log().count("connection authorized: user=pgveil_agent") == before


def test_options_that_do_no_harm(lab):
    with lab.login(params={"options": "-c default_transaction_read_only=on -c search_path=clinic", "TimeZone": "Asia/Tokyo"}) as c:
        assert c.query("SHOW default_transaction_read_only").ok().rows == [[b"on"]]
        assert c.query("SHOW timezone").ok().rows == [[b"Asia/Tokyo"]]
        assert c.query("SELECT ssn FROM patient WHERE id = 1").ok().rows == MASKED
        assert c.query("SELECT id FROM patient WHERE ssn = '1'").error.sqlstate == "42501"


@pytest.mark.parametrize("path", ["clinic, pg_catalog", "clinic,pg_catalog,public", '"clinic", "pg_catalog"'])
def test_a_search_path_before_pg_catalog(lab, path):
    """clinic.upper() gives its argument back: were it taken for pg_catalog's, a refusal would be a matter of luck."""
    with lab.connect() as c:
        try:
            c.login("agent", lab.dbname, search_path=path)
        except wire.ServerError as e:
            assert e.fields["S"] == "FATAL"
            return
        for sql in ("SELECT upper(name) FROM patient", "SELECT upper(ssn) FROM patient"):
            assert c.query(sql).error.sqlstate == "42501"
        assert canary.found(bytes(c.received)) == []


def test_another_database_of_the_server(lab):
    """The policy names one database; the others are not reached."""
    with lab.connect() as c, pytest.raises(wire.ServerError) as refused:
        c.login("agent", "postgres")
    assert refused.value.sqlstate == "3D000" and refused.value.fields["S"] == "FATAL"


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.0\r\n\r\n", struct.pack("!II", 8, 196608), struct.pack("!II", 4, 0), b"\xff" * 64,
                                  struct.pack("!II", 1 << 30, 196608), wire.startup({"user": "agent"})[:-1] + b"x"],
                         ids=["http", "empty", "short", "ff", "long", "unended"])
def test_malformed_startup(lab, junk):
    """Refused or closed, without a login."""
    with lab.connect() as c:
        c.send(junk)
        if junk.startswith(b"GET"):
            c.sock.shutdown(1)
        c.drain()
        assert b"SCRAM" not in c.received and (not c.received or c.received[:1] == b"E")


def test_startup_in_pieces(lab):
    with lab.connect() as c:
        for byte in wire.startup({"user": "agent", "database": lab.dbname}):
            c.send(bytes([byte]))
        c.finish_login("agent")
        for byte in wire.query(SSN):
            c.send(bytes([byte]))
        assert c.result().ok().rows == MASKED


# ---- cancel ----

LONG = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"


def received_from(lab, who="agent1"):
    return lab.server_log().count("connection received: host=%s " % lab.agents[who]["ip"])


def running(lab, application):
    return lab.dba_psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = '%s' AND state = 'active' AND query LIKE '%%generate_series%%'"
                        % application) == "1"


def wait_running(lab, application):
    for _ in range(200):
        if running(lab, application):
            return
    raise AssertionError("the long query does not run")


def send_cancel(lab, key, who="agent1", **kw):
    with lab.connect(who, **kw) as c:
        c.send(wire.cancel(*key))
        c.drain()
        assert c.received == b"", "a CancelRequest is never answered"


def test_cancel(lab):
    """The right key of the same identity ends the query; a wrong key and another identity do not."""
    with lab.login(params={"application_name": "cancel"}) as c, lab.login("agent2") as other:
        c.send(wire.query(LONG))
        wait_running(lab, "cancel")
        before = received_from(lab) + received_from(lab, "agent2")
        pid, key = c.key
        send_cancel(lab, (pid, bytes(b ^ 1 for b in key)))
        send_cancel(lab, (pid + 1, key))
        send_cancel(lab, other.key)
        send_cancel(lab, c.key, "agent2")
        send_cancel(lab, c.key, "agent2", netns="agent1")
        assert running(lab, "cancel")
        send_cancel(lab, c.key)
        r = c.result()
        assert r.error.sqlstate == "57014" and r.status == "I"
        assert received_from(lab) + received_from(lab, "agent2") == before + 1, "one CancelRequest reached the server"
        assert c.query(SSN).ok().rows == MASKED
        assert other.query("SELECT 1").ok().rows == [[b"1"]]


def test_keys_differ(lab):
    with lab.login() as c, lab.login() as d:
        assert c.key[1] != d.key[1]


def test_cancel_while_nothing_runs(lab):
    with lab.login() as c:
        c.query("SELECT 1").ok()
        before = received_from(lab)
        send_cancel(lab, c.key)
        assert c.query(SSN).ok().rows == MASKED
        assert received_from(lab) == before, "no CancelRequest is forwarded for an idle session"


def test_cancel_by_psycopg2(lab):
    """As drivers do it: PQcancel, once the server runs the statement."""
    code = """
import json, psycopg2, sys
from psycopg2.extras import wait_select
c = psycopg2.connect("application_name=pqcancel", async_=1)
wait_select(c)
cur = c.cursor()
cur.execute(%r)
c.poll()
sys.stdin.readline()
c.cancel()
try:
    wait_select(c)
    print(json.dumps("done"))
except psycopg2.Error as e:
    print(json.dumps(e.pgcode))
""" % LONG
    p = subprocess.Popen([str(SCRIPT), "agent", "--name", lab.name, "--", PYTHON, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_running(lab, "pqcancel")
    assert p.communicate(b"\n", 30)[0] == b'"57014"\n'
