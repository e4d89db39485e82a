# SPDX-License-Identifier: MIT
"""The net below connect: which sockets are not made, and which packets do not leave. The lab of test_kernel.py."""
import json
import os
import socket
import ssl
import struct
import subprocess

import pytest

from test_kernel import BPFTOOL, PORT, agent, engine, lab, probe_binary, pytestmark, run  # noqa: F401

OTHER = PORT + 1


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_raw_sockets_are_icmp_or_nothing(lab, engine, agent, family):
    stranger = lab.agent(lab.group("stranger"))
    for who in (agent, stranger):
        for protocol in (4, 6, 17, 41, 47, 132, 255):
            assert who.do(f"socket({family}, SOCK_RAW, {protocol})") == "EPERM", protocol
        assert who.do(f"socket({family}, SOCK_RAW, {1 if family == 'AF_INET' else 58}).close()") is None
        assert who.do(f"socket({family}, SOCK_DGRAM).close()") is None
    assert engine.counted("refused_raw") == 14
    events = engine.ok("events")["events"]
    assert {e["counter"] for e in events} == {"refused_raw"} and len(events) == 14
    assert (events[0]["tgid"], events[0]["netns"]) == (agent.pid, engine.listener["cookie"])


def test_raw_sockets_of_others(lab, engine):
    engine.ok("cgroup", lab.group("free"), "exempt")
    for where in (lab.group("free"), lab.outside):
        assert lab.agent(where).do("socket(AF_INET, SOCK_RAW, 6).close()") is None
    assert engine.counted("refused_raw") == 0


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_mptcp_is_told_to_take_tcp(lab, engine, agent, family):
    assert agent.do(f"socket({family}, SOCK_STREAM, 262)") == "ENOPROTOOPT"
    assert engine.counted("refused_mptcp") == 1
    assert lab.agent(lab.outside).do(f"socket({family}, SOCK_STREAM, 262).close()") is None


def older(lab, engine, family, server_ip, dialled):
    """A connection that an agent made while its cgroup was exempt; then it is enrolled."""
    engine.ok("cgroup", lab.group("b"), "exempt")
    server, agent = lab.agent(lab.outside), lab.agent(lab.group("b"))
    server.do(f"l = serve('{server_ip}', family={'AF_INET6' if ':' in server_ip else 'AF_INET'})")
    assert agent.do(f"s = dial('{dialled}', family={family})") is None
    server.do("c = l.accept()[0]; c.settimeout(0.3)")
    assert agent.do("s.send(b'before')") == 6
    assert server.do("c.recv(9).decode()") == "before"
    engine.ok("cgroup", lab.group("b"), "enrolled")
    return server, agent


@pytest.mark.parametrize("family, server_ip, dialled", [
    ("AF_INET", "127.0.0.2", "127.0.0.2"),
    ("AF_INET6", "::1", "::1"),
    ("AF_INET6", "127.0.0.2", "::ffff:127.0.0.2"),
])
def test_a_connection_older_than_enrolment(lab, engine, family, server_ip, dialled):
    server, agent = older(lab, engine, family, server_ip, dialled)
    assert agent.do("s.send(b'secret')") == 6
    server.do("""
try:
    got = c.recv(9).decode()
except TimeoutError:
    got = None""")
    assert server.do("got") is None
    assert engine.counted("dropped_database") >= 1
    events = engine.ok("events")["events"]
    assert len(events) == 1, "one for a socket, however many packets"
    assert events[0]["counter"] == "dropped_database" and events[0]["tgid"] == agent.pid
    assert events[0]["dialled"] == [server_ip, PORT]
    # It was the guard that kept them.
    engine.ok("cgroup", lab.group("b"), "exempt")
    assert server.do("c.settimeout(10)") is None
    assert server.do("c.recv(9).decode()") == "secret"


def test_a_connection_older_than_the_programs(lab):
    server, agent = lab.agent(lab.outside), lab.agent(lab.group("a"))
    server.do("l = serve('127.0.0.2')")
    agent.do("s = dial('127.0.0.2')")
    server.do("c = l.accept()[0]; c.setblocking(False)")
    engine = lab.engine()
    engine.ok("ports", PORT)
    assert agent.do("s.send(b'secret')") == 6
    assert server.do("c.recv(9)") == "EAGAIN", "loopback delivers before send returns"
    assert engine.counted("dropped_database") >= 1
    event = engine.ok("events")["events"][0]
    assert (event["counter"], event["tgid"]) == ("dropped_database", 0)
    assert event["cgroup"] == engine.ok("cgroup", lab.group("a"), "forget")["id"]


def test_a_captured_connection_passes_even_to_a_captured_port(lab, engine, agent):
    """The listener's port may be one that is captured."""
    engine.ok("ports", PORT, engine.listener["port4"])
    assert agent.do("s = dial('10.99.0.1')") is None
    assert engine.ok("accept", 0, 4)["dialled"] == ["10.99.0.1", PORT]
    assert engine.counted("dropped_database") == 0


# ---- packets by hand, through BPF_PROG_TEST_RUN ----

def v4(protocol, payload, fragment=0, options=b""):
    return struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 7, fragment, 64, protocol, 0,
                       socket.inet_aton("10.0.0.1"), socket.inet_aton("10.99.0.1")) + options + payload


def v6(protocol, payload):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, socket.inet_pton(socket.AF_INET6, "fd00::1"),
                       socket.inet_pton(socket.AF_INET6, "fd00::2")) + payload


def tcp(port, data=b"x"):
    return struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 0x18, 1024, 0, 0) + data


def extension(following, words=0, rest=b"\0" * 6):
    return bytes([following, words]) + rest


PACKETS = {
    "IPv4": (v4(6, tcp(PORT)), "dropped_database"),
    "IPv4 with options": (v4(6, tcp(PORT), options=b"\1" * 8), "dropped_database"),
    "IPv4, another port": (v4(6, tcp(OTHER)), None),
    "IPv4, UDP": (v4(17, struct.pack("!HHHH", 1, PORT, 8, 0)), None),
    "IPv4, ICMP": (v4(1, bytes(8)), None),
    "IPv4, first fragment": (v4(6, tcp(PORT), fragment=0x2000), "dropped_database"),
    "IPv4, later fragment": (v4(6, tcp(OTHER), fragment=3), "dropped_unreadable"),
    "IPv4, cut": (v4(6, tcp(OTHER)[:12]), "dropped_unreadable"),
    "IPv6": (v6(6, tcp(PORT)), "dropped_database"),
    "IPv6, another port": (v6(6, tcp(OTHER)), None),
    "IPv6, hop-by-hop": (v6(0, extension(6) + tcp(PORT)), "dropped_database"),
    "IPv6, three headers": (v6(0, extension(43) + extension(60) + extension(6) + tcp(PORT)), "dropped_database"),
    "IPv6, three headers, another port": (v6(0, extension(43) + extension(60) + extension(6) + tcp(OTHER)), None),
    "IPv6, first fragment": (v6(44, extension(6, rest=b"\0\1\0\0\0\7") + tcp(PORT)), "dropped_database"),
    "IPv6, later fragment": (v6(44, extension(6, rest=b"\0\x09\0\0\0\7") + tcp(OTHER)), "dropped_unreadable"),
    "IPv6, ten headers": (v6(60, extension(60) * 9 + extension(6) + tcp(OTHER)), "dropped_unreadable"),
    "IPv6, cut": (v6(6, tcp(OTHER)[:19]), "dropped_unreadable"),
    "IPv6, nothing behind a header": (v6(0, b""), "dropped_unreadable"),
}


class Egress:
    """The attached program run on a packet, by a process of the cgroup in question."""

    def __init__(self, lab, tmp):
        self.lab, self.file = lab, tmp / "packet"
        self.id = lab.links()["egress"]["prog_id"]

    def passes(self, cgroup, packet):
        ether = bytes(12) + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00")
        self.file.write_bytes(ether + packet)

        def enter():
            (cgroup / "cgroup.procs").write_text(str(os.getpid()))

        out = subprocess.run([BPFTOOL, "-j", "prog", "run", "id", str(self.id), "data_in", self.file, "repeat", "1"],
                             check=True, stdout=subprocess.PIPE, preexec_fn=enter).stdout
        return {0: False, 1: True}[json.loads(out)["retval"]]


def test_packets_by_hand(lab, engine, tmp_path):
    egress = Egress(lab, tmp_path)
    engine.ok("cgroup", lab.group("free"), "exempt")
    for name, (packet, counter) in PACKETS.items():
        before = engine.ok("counters")
        assert egress.passes(lab.group("a"), packet) == (counter is None), name
        after = engine.ok("counters")
        assert {k for k in after if after[k] != before[k] and k not in ("r", "msg")} == ({counter} if counter else set()), name
        assert egress.passes(lab.group("free"), packet), name
        assert egress.passes(lab.group("stranger"), packet) == (counter is None), name


RAW = r"""
import struct
def v4(protocol, payload, fragment=0):
    return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 7, fragment, 64, protocol, 0, inet_aton('127.0.0.1'), inet_aton('127.0.0.2')) + payload
def tcp(port):
    return struct.pack('!HHIIBBHHH', 40000, port, 1, 0, 0x50, 2, 1024, 0, 0)
"""


def test_an_icmp_socket_that_writes_its_own_headers(lab, engine):
    """The one raw socket that is left, and one for TCP from the time when the cgroup was exempt."""
    engine.ok("cgroup", lab.group("b"), "exempt")
    agent, witness = lab.agent(lab.group("b")), lab.agent(lab.outside)
    agent.do(RAW)
    agent.do("old = socket(AF_INET, SOCK_RAW, 6)")
    engine.ok("cgroup", lab.group("b"), "enrolled")
    witness.do("w = socket(AF_INET, SOCK_RAW, 6); w.setblocking(False); w.bind(('127.0.0.2', 0))")
    agent.do("raw = socket(AF_INET, SOCK_RAW, 1); raw.setsockopt(IPPROTO_IP, 3, 1)")
    for packet, counter in (("v4(6, tcp(5432))", "dropped_database"), ("v4(6, tcp(5433))", "dropped_raw"), ("v4(4, v4(6, tcp(5432)))", "dropped_raw"),
                            ("v4(6, bytes(24), fragment=3)", "dropped_unreadable")):
        before = engine.counted(counter)
        assert agent.do(f"raw.sendto({packet}, ('127.0.0.2', 0))") == "EPERM", packet
        assert engine.counted(counter) == before + 1, packet
    assert agent.do("old.sendto(tcp(5433), ('127.0.0.2', 0))") == "EPERM"
    assert witness.do("w.recv(99)") == "EAGAIN"
    assert agent.do("raw.sendto(v4(1, struct.pack('!BBHHH', 8, 0, 0xf7f5, 1, 9)), ('127.0.0.2', 0))") == 28
    assert agent.do("raw.settimeout(5); raw.recv(99)") is None, "ping is answered"
    engine.ok("cgroup", lab.group("b"), "exempt")
    assert agent.do("raw.sendto(v4(6, tcp(5433)), ('127.0.0.2', 0))") == 40
    assert witness.do("w.settimeout(5); w.recv(99)") is None


# ---- how many connections ----

def test_a_quota_for_each_cgroup(lab):
    engine = lab.engine(open_now=False)
    engine.ok("open", lab.pins, lab.root, 3)
    engine.ok("ports", PORT)
    engine.ok("listen", f"/run/netns/{lab.netns}")
    a = engine.ok("cgroup", lab.group("a"), "enrolled")["id"]
    b = engine.ok("cgroup", lab.group("b"), "enrolled")["id"]
    greedy, child, other = lab.agent(lab.group("a")), lab.agent(lab.group("a/child")), lab.agent(lab.group("b"))

    def used():
        return {e["formatted"]["key"]["subject_cgroup_id"]: e["formatted"]["value"]["flows"] for e in lab.dump("quotas")}

    assert greedy.do("s = [dial('10.99.0.1'), dial('2001:db8::7', family=AF_INET6)]") is None
    assert child.do("s = dial('10.99.0.1')") is None
    assert used()[a] == 3
    assert greedy.do("dial('10.99.0.1')") == "ECONNREFUSED"
    assert child.do("dial('2001:db8::7', family=AF_INET6)") == "ECONNREFUSED", "who is below it shares its quota"
    assert engine.counted("refused_quota") == 2 and len(lab.flows()) == 3
    assert engine.ok("events")["events"][0]["counter"] == "refused_quota"
    assert other.do("s = dial('10.99.0.1')") is None, "others are not touched"
    assert used() == {a: 3, b: 1} and lab.dump("usage")[0]["formatted"]["value"]["flows"] == 4
    greedy.do("rst(s.pop())")
    assert used()[a] == 2, "deleted on close"
    assert greedy.do("s.append(dial('10.99.0.1'))") is None
    # A socket that dials again gives its first place back.
    assert greedy.do("import ctypes; ctypes.CDLL(None).connect(s[0].fileno(), bytes(16), 16)") is None
    assert used()[a] == 2
    assert greedy.do("s[0].connect(('10.99.0.3', 5432))") is None
    assert used()[a] == 3
    for who in (greedy, child, other):
        who.do("[rst(x) for x in (s if type(s) is list else [s])]")
    assert set(used().values()) == {0} and lab.dump("usage")[0]["formatted"]["value"]["flows"] == 0
    engine.ok("cgroup", lab.group("b"), "forget")
    assert set(used()) == {a}, "nothing is kept of who is gone"


def test_a_connect_that_fails_takes_no_place(lab, engine, agent):
    """Nobody listens any more: the record is made before the SYN and gone with the RST."""
    engine.end()
    for _ in range(3):
        assert agent.do("dial('10.99.0.1')") == "ECONNREFUSED"
    assert lab.flows() == [] and lab.dump("usage")[0]["formatted"]["value"]["flows"] == 0


def test_a_full_table(lab, engine, agent):
    full = (65536 - 1024).to_bytes(8, "little")
    agent.do("s = dial('10.99.0.1')")
    run(BPFTOOL, "map", "update", "pinned", lab.pins / "maps/usage", "key", *["0"] * 4, "value", *full)
    assert agent.do("dial('10.99.0.1')") == "ECONNREFUSED"
    assert engine.counted("refused_full") == 1 and engine.ok("events")["events"][-1]["counter"] == "refused_full"
    agent.do("rst(s)")
    assert agent.do("s = dial('10.99.0.1')") is None, "one closed, one more fits"


# ---- PostgreSQL on other ports, by its first bytes ----

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
STARTUP = b"\0\0\0\x11\0\3\0\0user\0a\0\0"
CANCEL = bytes.fromhex("0000001004d2162e0000000100000002")
GSS_REQUEST = bytes.fromhex("0000000804d21630")


def client_hello(*alpn):
    context, out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.MemoryBIO()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="db").do_handshake()
    return out.read()


class Pair:
    """An agent that dialled a server outside, on a port that is not captured."""

    def __init__(self, lab, cgroup="a"):
        self.server, self.agent = lab.agent(lab.outside), lab.agent(lab.group(cgroup))
        self.server.do(f"l = serve('127.0.0.2', {OTHER})")
        self.agent.do("import ctypes; libc = ctypes.CDLL(None)")
        self.dial()

    def dial(self):
        assert self.agent.do(f"s = dial('127.0.0.2', {OTHER}); s.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)") is None
        assert self.server.do("c = l.accept()[0]; c.setblocking(False)") is None

    def send(self, *parts):
        for part in parts:
            assert self.agent.do(f"s.send(bytes.fromhex('{part.hex()}'))") == len(part)

    def received(self):
        """What is there; loopback delivers before send returns."""
        got = self.server.do("c.recv(99999).hex()")
        return b"" if got == "EAGAIN" else bytes.fromhex(got)


@pytest.mark.parametrize("first", [SSL_REQUEST, GSS_REQUEST, CANCEL, STARTUP, client_hello("postgresql"), client_hello("h2", "postgresql")],
                         ids=["ssl", "gss", "cancel", "startup", "alpn", "alpn2"])
def test_foreign_postgres_is_dropped(lab, engine, first):
    pair = Pair(lab)
    pair.send(first)
    assert pair.received() == b""
    assert engine.counted("foreign_denied") == 1
    event = engine.ok("events")["events"][0]
    assert (event["counter"], event["dialled"], event["tgid"]) == ("foreign_denied", ["127.0.0.2", OTHER], pair.agent.pid)
    pair.send(b"more")
    assert pair.received() == b"" and engine.counted("foreign_denied") == 1, "once for a connection"


def test_foreign_postgres_cut_anywhere(lab, engine):
    """The byte that decides is not sent, nor is any behind it."""
    pair = Pair(lab)
    for cut in range(1, 8):
        pair.send(SSL_REQUEST[:cut], SSL_REQUEST[cut:] + b"x")
        assert pair.received() == SSL_REQUEST[:cut]
        assert engine.counted("foreign_denied") == cut
        pair.dial()
    hello = client_hello("postgresql")
    pair.send(*(hello[i : i + 1] for i in range(len(hello))))
    got = pair.received()
    assert hello.startswith(got) and b"postgresql" not in got


def test_what_is_not_postgres_passes(lab, engine):
    pair = Pair(lab)
    for first in (b"GET / HTTP/1.1\r\n\r\n", client_hello("h2", "http/1.1"), client_hello(), b"\0\0\0\x19\0\3\0\1\0\0\0\1\0\4kfka", b"\0" * 40, b"q" * 60000):
        pair.send(first)
        got = pair.received()
        while len(got) < len(first):
            got += pair.received()
        assert got == first
        pair.send(SSL_REQUEST)
        assert pair.received() == SSL_REQUEST, "only what comes first counts"
        pair.dial()
    counters = engine.ok("counters")
    assert {k: v for k, v in counters.items() if k.startswith(("foreign", "dropped")) and v} == {}


def test_urgent_bytes_do_not_hide_it(lab, engine):
    """A server that does not read urgent bytes in line would see the request without the x."""
    pair = Pair(lab)
    pair.send(SSL_REQUEST[:2])
    pair.agent.do("s.send(b'x', MSG_OOB)")
    pair.send(SSL_REQUEST[2:])
    assert pair.received() == SSL_REQUEST[:2]
    assert engine.counted("foreign_opaque") == 1


def test_the_same_socket_connected_again(lab, engine):
    pair = Pair(lab)
    pair.send(b"GET")
    assert pair.received() == b"GET"
    assert pair.agent.do("libc.connect(s.fileno(), bytes(16), 16)") == 0
    assert pair.agent.do(f"s.connect(('127.0.0.2', {OTHER}))") is None
    pair.server.do("c = l.accept()[0]; c.setblocking(False)")
    pair.send(SSL_REQUEST)
    assert pair.received() == b"" and engine.counted("foreign_denied") == 1


def test_a_client_behind_an_accepted_connection(lab, engine):
    """Who helps from outside dials in; what the agent sends first then is a client's all the same."""
    agent, helper = lab.agent(lab.group("a")), lab.agent(lab.outside)
    agent.do(f"l = serve('127.0.0.3', {OTHER})")
    helper.do(f"c = dial('127.0.0.3', {OTHER}); c.setblocking(False)")
    agent.do("s = l.accept()[0]")
    agent.do(f"s.send({STARTUP!r})")
    assert helper.do("c.recv(99)") == "EAGAIN"
    assert engine.counted("foreign_denied") == 1


@pytest.mark.parametrize("who, passes, counter", [("stranger", False, "foreign_denied"), ("free", True, None), ("reported", True, "foreign_reported")])
def test_who_may_speak_postgres_elsewhere(lab, engine, who, passes, counter):
    engine.ok("cgroup", lab.group("free"), "exempt")
    engine.ok("cgroup", lab.group("reported"), "enrolled", "report")
    pair = Pair(lab, who)
    pair.send(STARTUP, b"more")
    assert pair.received() == (STARTUP + b"more" if passes else b"")
    assert [e["counter"] for e in engine.ok("events")["events"]] == ([counter] if counter else [])
    if counter:
        assert engine.counted(counter) == 1


def test_the_listener_dialled_directly(lab, engine, agent):
    """No record, so the engine closes; and what is sent does not get there."""
    agent.do(f"s = dial('127.0.0.1', {engine.listener['port4']}); s.send({STARTUP!r})")
    assert engine.counted("foreign_denied") == 1
    engine.fails(2, "accept", 0, 4)


def test_what_goes_through_the_engine_is_not_looked_at(lab, engine, agent):
    agent.do(f"s = dial('10.99.0.1'); s.send({STARTUP!r})")
    engine.ok("accept", 0, 4)
    assert engine.counted("foreign_denied") == 0
