# SPDX-License-Identifier: MIT
"""credential: relay: the client's own login goes through to the server, and what it sees afterwards is masked as for everybody."""

import hashlib
import json
import socket
import struct
import time

import pytest

import canary
import wire
from lab import PYTHON, Lab

PASSWORD = "correct horse battery"
SSN = "SELECT ssn FROM clinic.patient WHERE id = 1"
MASKED = [[b"*******0001"]]
OWN = 'credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}'
RELAY = 'credential: relay\n      catalogCredential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}'
VERIFY = '\n      tls: {mode: verify-full, ca: "${LAB_DB_CA}"}'
UPSTREAM = {
    "agent1": RELAY + "\n      tls: {mode: disable}",
    "agent2": RELAY + "\n      tls: {mode: require}",
    "agent3": RELAY + VERIFY,
    "agent4": RELAY.replace('"}', '", insecureAuth: true}') + "\n      tls: {mode: disable}",
    "agent5": OWN + "\n      tls: {mode: disable}",
    "agent6": 'credential: relay\n      catalogCredential: {user: pgveil_agent, certFile: "${LAB_CLIENT_CERT}", keyFile: "${LAB_CLIENT_KEY}"}'
              + VERIFY,
    "agent7": RELAY + "\n      tls: {mode: disable}",  # masks nothing
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
"""
MASK = """  mask:
    - columns: [clinic.patient.ssn]
      with: {partial: {last: 4}}
    - columns: ["clinic.patient.[!isw]*", "clinic.note.body", "first.secret.*"]
      with: redact
"""
ROLES = """
CREATE ROLE own LOGIN PASSWORD '{0}';
CREATE ROLE other LOGIN PASSWORD '{0}';
CREATE ROLE trusted LOGIN;
CREATE ROLE plain LOGIN PASSWORD '{0}';
SET password_encryption = 'md5';
CREATE ROLE salted LOGIN PASSWORD '{0}';
RESET password_encryption;
CREATE ROLE boss LOGIN SUPERUSER PASSWORD '{0}';
CREATE ROLE sees_all LOGIN BYPASSRLS PASSWORD '{0}';
CREATE ROLE copies LOGIN REPLICATION PASSWORD '{0}';
CREATE ROLE files LOGIN PASSWORD '{0}'; GRANT pg_read_server_files TO files;
CREATE ROLE apprentice LOGIN NOINHERIT PASSWORD '{0}'; GRANT boss TO apprentice;
CREATE ROLE joins LOGIN PASSWORD '{0}';
CREATE ROLE lazy LOGIN NOINHERIT PASSWORD '{0}'; GRANT own TO lazy;
CREATE ROLE turns LOGIN PASSWORD '{0}'; GRANT other TO turns; ALTER ROLE turns SET role = 'other';
GRANT pgveil_agent TO own, trusted, plain, salted, boss, sees_all, copies, files, apprentice, turns;
CREATE SCHEMA first; CREATE TABLE first.secret (v text); INSERT INTO first.secret VALUES ('kestrel-first');
CREATE SCHEMA second; CREATE TABLE second.secret (v text); INSERT INTO second.secret VALUES ('plain-second');
GRANT USAGE ON SCHEMA first TO own; GRANT USAGE ON SCHEMA second TO own, other;
GRANT SELECT ON first.secret, second.secret TO own, other, joins, lazy;
GRANT USAGE ON SCHEMA first TO joins; GRANT USAGE ON SCHEMA second TO lazy;
REVOKE ALL ON SCHEMA first FROM pgveil_agent;
""".format(PASSWORD)


@pytest.fixture(scope="module")
def relays(tmp_path_factory):
    d = tmp_path_factory.mktemp("relay")
    policies = []
    for i, (name, upstream) in enumerate(UPSTREAM.items(), 1):
        policies.append(d / (name + ".yaml"))
        policies[-1].write_text(DOCUMENT % (name, i, upstream) + ("" if name == "agent7" else MASK))
    with Lab(policies=policies, agents=len(UPSTREAM)) as lab:
        lab.dba_psql(ROLES)
        hba(lab)
        yield lab


def hba(lab, *lines):
    """The lab's own pg_hba.conf lets none of these roles in."""
    lab.set_hba(*lines, "host lab trusted samenet trust", "host lab plain samenet password", "host lab salted samenet md5",
                "host lab own,other,boss,sees_all,copies,files,apprentice,turns,joins,lazy,nobody_there samenet scram-sha-256")


class Client(wire.Client):
    """Answers whatever method the server asks for, and remembers which."""

    gs2 = "n,,"

    def finish_login(self, user, password=None):
        out, scram, self.asked = [], None, []
        while True:
            kind, body = self.read()
            out.append((kind, body))
            if kind == "E":
                raise wire.ServerError(wire.fields(body))
            if kind == "K":
                self.key = (struct.unpack_from("!I", body)[0], body[4:])
            if kind == "Z":
                return out
            if kind != "R":
                continue
            code, = struct.unpack_from("!I", body)
            self.asked.append(code)
            if code == 3:
                self.send(wire.message("p", wire.cstr(password)))
            elif code == 5:
                self.send(wire.message("p", wire.cstr(md5(password, user, body[4:]))))
            elif code == 10:
                self.mechanisms = body[4:]
                scram = wire.Scram(password)
                first = scram.first()[4:].replace(b"n,,", self.gs2.encode(), 1)
                self.send(wire.message("p", wire.cstr("SCRAM-SHA-256") + struct.pack("!I", len(first)) + first))
            elif code == 11:
                self.send(wire.message("p", scram.final(body[4:])))
            elif code == 12:
                scram.check(body[4:])
            else:
                assert code == 0


def md5(password, user, salt):
    inner = hashlib.md5((password + user).encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()


def connect(lab, who="agent1", user="own", password=PASSWORD, gs2="n,,", **params):
    c = Client(lab.dial(who))
    c.gs2 = gs2
    try:
        c.login(user, lab.dbname, password, **params)
    except BaseException:
        c.close()
        raise
    return c


# ---- the login ----

# role → what the server asks of it, by the codes of Authentication
ASKED = {"own": [10, 11, 12, 0], "salted": [5, 0], "plain": [3, 0], "trusted": [0]}


@pytest.mark.parametrize("who", ["agent3", "agent4"], ids=["verify-full", "insecureAuth"])
@pytest.mark.parametrize("role", ASKED)
def test_methods(relays, role, who):
    with connect(relays, who, user=role, application_name="relayed") as c:
        assert c.asked == ASKED[role]
        assert c.query(SSN).ok().rows == MASKED
        assert c.query("SELECT current_user, session_user").ok().rows == [[role.encode()] * 2]
        assert relays.dba_psql("SELECT usename FROM pg_stat_activity WHERE application_name = 'relayed'") == role


@pytest.mark.parametrize("who", ["agent1", "agent2"], ids=["plaintext", "require"])
@pytest.mark.parametrize("role", ASKED)
def test_methods_without_a_verified_server(relays, role, who):
    if role in ("own", "trusted"):
        with connect(relays, who, user=role) as c:
            assert c.asked == ASKED[role] and c.query(SSN).ok().rows == MASKED
        return
    with pytest.raises(wire.ServerError) as refused:
        connect(relays, who, user=role)
    assert refused.value.sqlstate == "28000" and "was not verified" in refused.value.fields["M"]


def direct_refusal(lab, **kw):
    """What the server itself says of a login that it refuses."""
    with Client(socket.create_connection((lab.host, lab.port), 20)) as c, pytest.raises(wire.ServerError) as refused:
        c.login(kw.get("user", "own"), kw.get("database", lab.dbname), kw.get("password", PASSWORD))
    return refused.value.fields


@pytest.mark.parametrize("role", ["own", "salted", "plain", "nobody_there"])
def test_a_refusal_is_the_servers_own(relays, role):
    with pytest.raises(wire.ServerError) as refused:
        connect(relays, "agent4", user=role, password="wrong horse")
    assert refused.value.fields == direct_refusal(relays, user=role, password="wrong horse")
    assert refused.value.sqlstate == "28P01"


def test_no_password_is_logged(relays):
    with pytest.raises(wire.ServerError):
        connect(relays, "agent3", user="plain", password="a password to look for")
    connect(relays, "agent3", user="plain").close()
    assert "a password to look for" not in relays.daemon_log() and PASSWORD not in relays.daemon_log()
    told = [json.loads(line) for line in relays.daemon_log().splitlines() if "the server refused the client's own login" in line]
    assert told and all(line["sqlstate"] == "28P01" for line in told)


def test_channel_binding(relays):
    """The server offers it over TLS; it cannot be passed through, so it is not offered, and who looks for it hears why."""
    with connect(relays, "agent3") as c:
        assert c.mechanisms == b"SCRAM-SHA-256\0\0"
    with pytest.raises(wire.ServerError) as refused:
        connect(relays, "agent3", gs2="y,,")
    assert refused.value.sqlstate == "28000" and "channel binding" in refused.value.fields["M"]
    with pytest.raises(wire.ServerError) as refused:
        connect(relays, "agent3", gs2="p=tls-server-end-point,,")
    assert refused.value.sqlstate == "28000" and "channel binding" in refused.value.fields["M"]


def test_the_catalogues_certificate_is_not_lent(relays):
    """It proves who the engine's role is: to a server that lets its owner in, everybody who claims that name would be the role."""
    hba(relays, "hostssl lab pgveil_agent samenet cert")
    try:
        with pytest.raises(wire.ServerError) as refused:
            connect(relays, "agent6", user="pgveil_agent")
        assert refused.value.sqlstate == "28000" and "certificate" in refused.value.fields["M"]
        with connect(relays, "agent6") as c:
            assert c.query(SSN).ok().rows == MASKED
    finally:
        hba(relays)


PSQL = ["psql", "-XqAt", "-c", SSN]


@pytest.mark.parametrize("who", ["agent1", "agent3"], ids=["plaintext", "TLS"])
def test_psql(relays, who):
    env = ["env", "PGUSER=own", "PGPASSWORD=" + PASSWORD]
    p = relays.agent(*env, *PSQL, who=who, check=True)
    assert p.stdout.split(b"\n")[0] == MASKED[0][0]
    p = relays.agent("env", "PGUSER=own", "PGPASSWORD=wrong", *PSQL, who=who)
    assert p.returncode == 2 and b'password authentication failed for user "own"' in p.stderr
    p = relays.agent("env", "-u", "PGPASSWORD", "PGUSER=own", *PSQL, "-w", who=who)
    assert p.returncode == 2 and b"no password supplied" in p.stderr


DRIVERS = """
import asyncio, json, asyncpg, psycopg2
where = dict(user="own", password=%r)
out = []
c = psycopg2.connect(**where)
k = c.cursor()
k.execute("SELECT id, name, ssn, diagnosis FROM clinic.patient ORDER BY id")
out.append([list(r) for r in k.fetchall()])
c.close()
async def run():
    c = await asyncpg.connect(ssl=False, **where)
    out.append([list(r) for r in await c.fetch("SELECT id, name, ssn, diagnosis FROM clinic.patient ORDER BY id")])
    await c.close()
asyncio.run(run())
print(json.dumps(out))
""" % PASSWORD


@pytest.mark.parametrize("who", ["agent1", "agent3"], ids=["plaintext", "TLS"])
def test_drivers_see_what_brokered_ones_see(relays, who):
    relayed, raw = relays.script(DRIVERS, who=who)
    assert canary.found(raw) == []
    brokered, _ = relays.script(DRIVERS, who="agent5")
    assert relayed == brokered and relayed[0] == relayed[1] and len(relayed[0]) == 9


def test_statements_are_refused_as_for_everybody(relays):
    with connect(relays) as c:
        for sql in ("SELECT id FROM clinic.patient WHERE ssn = ''", "SET ROLE other", "SET SESSION AUTHORIZATION other",
                    "ALTER ROLE own SET search_path = first", "CREATE INDEX ON clinic.patient (ssn)", "SET search_path = first, pg_catalog"):
            assert c.query(sql).error.sqlstate == "42501", sql
        assert c.query(SSN).ok().rows == MASKED
        assert canary.found(bytes(c.received)) == []


def test_cancel(relays):
    with connect(relays, "agent3") as c:
        c.send(wire.query("SELECT count(*) FROM clinic.note a, clinic.note b, clinic.note c"))
        while True:
            with relays.connect("agent3") as other:
                other.send(wire.cancel(*c.key))
                other.drain()
            c.sock.settimeout(2)
            try:
                assert c.result().error.sqlstate == "57014"
                return
            except TimeoutError:
                continue


# ---- which roles ----

@pytest.mark.parametrize("role", ["boss", "sees_all", "copies", "files", "apprentice"])
def test_powerful_roles_are_refused(relays, role):
    with pytest.raises(wire.ServerError) as refused:
        connect(relays, user=role)
    assert refused.value.sqlstate == "42501" and refused.value.fields["S"] == "FATAL"
    assert role in refused.value.fields["M"] and "past the masks" in refused.value.fields["M"]


def test_a_role_that_becomes_another(relays):
    with pytest.raises(wire.ServerError) as refused:
        connect(relays, user="turns")
    assert refused.value.sqlstate == "42501" and "becomes another" in refused.value.fields["M"]


def test_replication_is_refused(relays):
    with pytest.raises(wire.ServerError) as refused:
        connect(relays, user="copies", replication="database")
    assert refused.value.sqlstate == "42501"


def test_without_masks_any_role_passes(relays):
    with connect(relays, "agent7", user="boss") as c:
        assert c.query(SSN).ok().rows == [[b"61728300001"]]


def test_a_role_made_powerful_while_it_is_logged_in(relays):
    with connect(relays, user="other") as c:
        assert c.query("SELECT 1").ok().rows == [[b"1"]]
        relays.dba_psql("ALTER ROLE other BYPASSRLS")
        try:
            until_refused(c, "SELECT 1", "not what it was")
        finally:
            relays.dba_psql("ALTER ROLE other NOBYPASSRLS")


def until_known(c, sql):
    """A name that was not there is believed unknown for a second, and a privilege for as long as a catalogue is believed."""
    until = time.monotonic() + 60
    while (r := c.query(sql)).errors:
        assert time.monotonic() < until
    return r


def until_refused(c, sql, why):
    """The catalogue is at most 5 seconds old."""
    until = time.monotonic() + 60
    while True:
        r = c.query(sql)
        if r.errors:
            assert why in r.error.fields["M"]
            return
        assert time.monotonic() < until


# ---- names mean what they mean to the role ----

def test_schemas_that_only_one_role_may_use(relays):
    """secret is first.secret to own and second.secret to other, and the catalogue's role may use neither schema of its own right:
    a predicate is judged by what the name means to whoever asks."""
    with connect(relays, search_path="first, second") as c:
        assert c.query("SELECT v FROM secret").ok().rows == [[b"****"]]
        assert c.query("SELECT 1 FROM secret WHERE v LIKE 'kestrel%'").error.sqlstate == "42501"
        assert b"kestrel-" not in c.received
    with connect(relays, user="other", search_path="first, second") as c:
        assert c.query("SELECT v FROM secret WHERE v LIKE 'plain%'").ok().rows == [[b"plain-second"]]
        assert c.query("SELECT v FROM first.secret").errors


def test_one_catalogue_for_all_roles(relays):
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgveil catalogue'"
    with connect(relays) as a:
        a.query("SELECT 1").ok()
        before = relays.dba_psql(count)
        with connect(relays, user="other") as b:
            b.query("SELECT 1").ok()
            assert relays.dba_psql(count) == before


UPPER = "SELECT upper(v) FROM secret"


def until_ended(c, sql, row):
    """The session ends when the engine sees that its path is another one; until then the answer is this."""
    until = time.monotonic() + 60
    while True:
        c.send(wire.query(sql))
        kind, body = first = c.read()
        if kind == "E":
            assert wire.fields(body)["C"] == "57P01" and "search_path" in wire.fields(body)["M"]
            c.drain()
            return
        assert wire.Result([first, *c.until("Z")]).rows == [[row]]
        assert time.monotonic() < until


def test_usage_granted_while_logged_in(relays):
    """The server's path grows by a schema: a name means another relation now."""
    try:
        with connect(relays, user="other", search_path="first, second") as c:
            relays.dba_psql("GRANT USAGE ON SCHEMA first TO other")
            until_ended(c, "SELECT 1", b"1")
        with connect(relays, user="other", search_path="first, second") as c:
            assert c.query("SELECT v FROM secret").ok().rows == [[b"****"]] and c.query(UPPER).ok().rows == [[None]]
    finally:
        relays.dba_psql("REVOKE USAGE ON SCHEMA first FROM other")


def test_membership_granted_while_logged_in(relays):
    """The server itself does not look at its path again for that: secret stays first.secret to this session, and is second.secret,
    of which nothing is masked, to the next."""
    path = "second, first"
    try:
        with connect(relays, user="joins", search_path=path) as c:
            assert c.query(UPPER).ok().rows == [[None]]
            relays.dba_psql("GRANT other TO joins")
            until_ended(c, UPPER, None)
            assert b"KESTREL" not in c.received
        with connect(relays, user="joins", search_path=path) as c:
            assert c.query(UPPER).ok().rows == [[b"PLAIN-SECOND"]]
    finally:
        relays.dba_psql("REVOKE other FROM joins")


def test_a_role_that_inherits_from_now_on(relays):
    """No row of a schema or of a membership changes."""
    path = "first, second"
    try:
        with connect(relays, user="lazy", search_path=path) as c:
            assert c.query(UPPER).ok().rows == [[b"PLAIN-SECOND"]]
            relays.dba_psql("ALTER ROLE lazy INHERIT")
            with connect(relays, user="lazy", search_path=path) as new:
                assert new.query(UPPER).ok().rows == [[None]]
                assert b"KESTREL" not in new.received
            until_ended(c, UPPER, b"PLAIN-SECOND")
            assert b"KESTREL" not in c.received
    finally:
        relays.dba_psql("ALTER ROLE lazy NOINHERIT")


def test_a_default_path_that_the_configuration_changes(relays):
    """What names mean to a session is what they meant at its login, whatever the server's files say since."""
    def set_default(path):
        relays.dba_psql("ALTER SYSTEM SET search_path = %s" % path)
        relays.dba_psql("SELECT pg_reload_conf()")
        until = time.monotonic() + 60
        while relays.dba_psql("SHOW search_path") != path:
            assert time.monotonic() < until
    set_default("second, first")
    try:
        with connect(relays) as c:
            assert c.query(UPPER).ok().rows == [[b"PLAIN-SECOND"]]
            set_default("first, second")
            # A backend looks at its configuration between statements, when the signal has come.
            for _ in range(20):
                assert c.query(UPPER).ok().rows == [[b"PLAIN-SECOND"]]
                with connect(relays) as new:
                    assert new.query(UPPER).ok().rows == [[None]]
            assert c.query("SHOW search_path").ok().rows == [[b"second, first"]]
    finally:
        relays.dba_psql("ALTER SYSTEM RESET search_path")
        relays.dba_psql("SELECT pg_reload_conf()")

def test_user_in_the_search_path(relays):
    relays.dba_psql('CREATE SCHEMA own AUTHORIZATION own; CREATE TABLE own.patient (ssn text); ALTER TABLE own.patient OWNER TO own;'
                    "INSERT INTO own.patient VALUES ('mine')")
    try:
        with connect(relays) as c:
            assert until_known(c, "SELECT ssn FROM patient").rows == [[b"mine"]]
    finally:
        relays.dba_psql("DROP SCHEMA own CASCADE")


# ---- what does not belong into a login ----

@pytest.mark.parametrize("bytes_", [
    wire.query("SELECT 1"), wire.sync(), wire.message("p", b"SCRAM-SHA-256-PLUS\0" + struct.pack("!I", 3) + b"n,,"),
    wire.message("p", b"SCRAM-SHA-256\0" + struct.pack("!I", 2000) + b"n,," + b"x" * 1997), wire.message("p", b"SCRAM-SHA-256"),
    wire.message("p", b"x" * 9000), b"p\x7f\xff\xff\xff", b"\0\0\0\0\0",
], ids=["Query", "Sync", "PLUS", "too long", "cut", "long", "huge", "no message"])
def test_only_authentication_passes(relays, bytes_):
    with Client(relays.dial("agent1")) as c:
        c.send(wire.startup({"user": "own", "database": relays.dbname}))
        assert c.read()[0] == "R"
        c.send(bytes_)
        kind, body = c.read()
        assert kind == "E" and wire.fields(body)["C"] in ("08P01", "28000")
        c.drain()
        assert c.at == len(c.received), "nothing follows"


def test_an_early_query_is_judged_after_the_login(relays):
    """Sent together with the proof: it waits for the session to be open."""
    with Client(relays.dial("agent1")) as c:
        c.send(wire.startup({"user": "own", "database": relays.dbname}))
        scram = wire.Scram(PASSWORD)
        c.read()
        c.send(wire.message("p", wire.cstr("SCRAM-SHA-256") + scram.first()))
        _, body = c.read()
        c.send(wire.message("p", scram.final(body[4:])), wire.query(SSN))
        assert c.result().messages[-1][0] == "Z" and c.result().ok().rows == MASKED


# ---- what the operator sees ----

def test_warnings(relays):
    status = json.loads(relays.sh("pgveil", "--", "status", "--json").stdout)
    assert len(status["policy"]["warnings"]) == 6
    assert all("the agent holds a credential" in w for w in status["policy"]["warnings"])
    text = relays.sh("pgveil", "--", "status").stdout.decode()
    assert text.count("WARNING: ") == 6
    assert relays.daemon_log().count('"policy.warning"') == 6


def test_flows_show_the_role(relays):
    with connect(relays) as c:
        c.query("SELECT 1").ok()
        flows = relays.sh("pgveil", "--", "flows", "--json").stdout.decode()
        assert '"own"' in flows
