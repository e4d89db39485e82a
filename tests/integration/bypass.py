# SPDX-License-Identifier: MIT
"""The bypass matrix: every way past the engine that is known, tried by real processes in a lab, and what came of it.

A row says what is expected, and where that is not "closed", what closes it instead. `make bypass-matrix` prints all of them;
test_bypass.py runs each as a test. Run as root: python3 -B tests/integration/bypass.py [PATTERN]
"""
import array
import contextlib
import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import wire
from lab import HERE, PYTHON, Lab, run

RAW = "6172830"  # how the raw values of the column that is asked for begin (schema.sql)
NO_HOOK = "no such hook in this kernel"  # observed: no mistake, and what helps is said

# Does what it is told; a socket named s goes back to the test, which then speaks by hand: identity belongs to the socket.
HAND = r"""
import array, ctypes, os, socket, struct, sys
from socket import *
out = socket(fileno=int(sys.argv[1]))
libc = ctypes.CDLL(None, use_errno=True)
def check(r):
    if r < 0:
        raise OSError(ctypes.get_errno(), "")
    return r
space = dict(globals())
while code := out.recv(65536):
    space.pop("s", None)
    try:
        exec(code.decode(), space)
        s = space.get("s")
        out.sendmsg([b"0"], [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [s.fileno()]))] if s else [])
    except OSError as e:
        out.send(str(e.errno or -1).encode())
"""


class Refused(Exception):
    """A call of the process failed."""


class Hand:
    """A process in a cgroup and a namespace."""

    def __init__(self, argv, env, program=None):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [str(a) for a in [*argv, *(program or [PYTHON, "-I", "-S", "-c", HAND]), theirs.fileno()]]
        with theirs:
            self.process = subprocess.Popen(argv, env=env, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def answer(self):
        data, ancillary, _, _ = self.ours.recvmsg(64, socket.CMSG_SPACE(4))
        if data != b"0":
            raise Refused(errno.errorcode.get(int(data or b"-1"), "died"))
        if not ancillary:
            return None
        fds = array.array("i")
        fds.frombytes(ancillary[0][2])
        return socket.socket(fileno=fds[0])

    def do(self, code):
        self.ours.send(code.encode())
        return self.answer()

    def close(self):
        self.ours.close()
        self.process.wait(30)


class World:
    """A lab, and what stands around it: proxies on the host, a second address of the database's machine."""

    def __init__(self, lab):
        self.lab, self.stack = lab, contextlib.ExitStack()
        self.db = (lab.host, lab.port)
        self.gateway = lab.host.rsplit(".", 1)[0] + ".1"
        self.uring = str(lab.state / "home" / "agent1" / "uring_connect")
        if "URING_CONNECT" in os.environ:  # built elsewhere: a guest of scripts/kernel-matrix.sh has no compiler
            shutil.copy(os.environ["URING_CONNECT"], self.uring)
        else:
            run(["gcc", "-O1", "-D_GNU_SOURCE", "-Wall", "-o", self.uring, HERE / "uring_connect.c"], check=True)
        self.proxy = self.serve(greeting=b"")
        self.tunnel = self.serve(greeting=b"CONNECT\n")

    def close(self):
        self.stack.close()

    def serve(self, greeting):
        """A proxy to the database on the host, in front of which a client says the greeting."""
        listener = socket.create_server((self.gateway, 0))
        self.stack.callback(listener.shutdown, socket.SHUT_RDWR)

        def pump(a, b):
            with contextlib.suppress(OSError):
                while data := a.recv(65536):
                    b.sendall(data)
                b.shutdown(socket.SHUT_WR)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    client = listener.accept()[0]
                    got = b""
                    while len(got) < len(greeting) and (byte := client.recv(1)):
                        got += byte
                    server = socket.create_connection(self.db)
                    for pair in ((client, server), (server, client)):
                        threading.Thread(target=pump, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()

    @contextlib.contextmanager
    def hand(self, who="agent1", netns=None, root=False, program=None):
        argv = self.lab.into(who, netns)
        if root and who and not netns:
            argv = [*argv[:-1], "--root", "--"]
        hand = Hand(argv, self.lab.env, program)
        try:
            yield hand
        finally:
            hand.close()

    def kernel(self):
        """The kernel's counters."""
        return json.loads(self.lab.sh("pgveil", "--", "status", "--json").stdout)["kernel"]

    def listener(self):
        """The engine's port in agent1's namespace: the one that the last connect was turned to."""
        with self.hand() as h, h.do("s = create_connection(%r)" % (self.db,)) as s:
            flows = json.loads(run(["bpftool", "-j", "map", "dump", "pinned", self.lab.state / "bpf/pgveil/maps/flows"], check=True).stdout)
            mine = [f["formatted"]["key"] for f in flows if f["formatted"]["key"]["local_port"] == s.getsockname()[1]]
            return mine[-1]["remote_port"]

    def outcome(self, sock, logged_in=False):
        """What whoever holds this socket gets of the table."""
        with wire.Client(sock, timeout=3) as c:
            try:
                if not logged_in:
                    c.login("pgveil_agent", self.lab.dbname, self.lab.password())
                value = c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows[0][0].decode()
            except wire.ServerError as e:
                return "refused by the engine (%s)" % e.sqlstate
            except (wire.Closed, BrokenPipeError, ConnectionResetError):
                return "closed by the engine"
            except (TimeoutError, ConnectionAbortedError):  # aborted: the daemon's audit was quicker, and ended it
                return "nothing arrives"
        return "raw values" if value.startswith(RAW) else "masked"

    def try_code(self, code, **kw):
        """A process runs code that leaves a connected socket s."""
        with self.hand(**kw) as h:
            try:
                return self.outcome(h.do(code))
            except Refused as e:
                return "refused: %s" % e


def dialling(options="", family="AF_INET", address="{db!r}", **kw):
    def row(w):
        return w.try_code("s = socket(%s, SOCK_STREAM)\n%s\ns.connect(%s)" % (family, options, address.format(db=w.db, w=w)), **kw)
    return row


def in_background(w):
    return w.try_code("""
import select, errno
s = socket(); s.setblocking(False)
r = s.connect_ex(%r)
if r not in (0, errno.EINPROGRESS): raise OSError(r, "")
select.select([], [s], [], 10)
r = s.getsockopt(SOL_SOCKET, SO_ERROR)
if r: raise OSError(r, "")
s.setblocking(True)""" % (w.db,))


def fastopen(w):
    first = wire.startup({"user": "agent", "database": w.lab.dbname})
    with w.hand() as h:
        s = h.do("s = socket(); s.sendto(%r, MSG_FASTOPEN, %r)" % (first, w.db))
        s.settimeout(3)
        c = wire.Client(s)
        c.finish_login("agent")
        return w.outcome(c.sock, logged_in=True)


def uring(*options):
    def row(w):
        with contextlib.ExitStack() as stack:
            # FD comes last in a hand's arguments, first in this program's.
            program = ["sh", "-c", 'exec "$0" "$4" "$1" "$2" $3', w.uring, w.db[0], w.db[1], " ".join(options)]
            hand = stack.enter_context(w.hand(program=program))
            try:
                return w.outcome(hand.answer())
            except Refused as e:
                return "refused: %s" % e
    return row


def moved(w):
    """The process leaves its cgroup between socket() and connect()."""
    with w.hand() as h:
        h.do("kept = socket()")
        pid = h.process.pid
        mount = w.lab.cgroup("agent1").split("/pgveil-lab-")[0]
        with open(mount + "/cgroup.procs", "w") as f:
            f.write(str(pid))
        return w.outcome(h.do("s = kept; s.connect(%r)" % (w.db,)))


def handed_in(w):
    with w.hand(None, netns="agent1") as outside, w.hand() as agent:
        outside.do("u = socket(AF_UNIX); u.bind('\\0pgveil-bypass'); u.listen()")
        agent.do("u = socket(AF_UNIX); u.connect('\\0pgveil-bypass')")
        outside.do("c = u.accept()[0]; kept = socket(); send_fds(c, [b'x'], [kept.fileno()])")
        return w.outcome(agent.do("s = socket(fileno=recv_fds(u, 1, 1)[1][0]); s.connect(%r)" % (w.db,)))


def taken(w):
    """pidfd_getfd from a process of the same user outside."""
    with w.hand(None, netns="agent1") as outside, w.hand(root=True) as agent:
        outside.do("kept = socket()")
        pid = outside.process.pid
        return w.outcome(agent.do("""
import os
p = os.pidfd_open(%d)
for n in range(3, 20):
    fd = libc.syscall(438, p, n, 0)
    if fd < 0: continue
    s = socket(fileno=fd)
    if s.family == AF_INET: break
s.connect(%r)""" % (pid, w.db)))


def state(w, path, word):
    number = {"exempt": 1, "enrolled": 2}[word]
    cgroup_id = os.stat(path).st_ino
    run(["bpftool", "map", "update", "pinned", w.lab.state / "bpf/pgveil/maps/cgroups", "key", *cgroup_id.to_bytes(8, "little"),
         "value", *number.to_bytes(4, "little"), *[0] * 4], check=True)


def older(w):
    """Logged in while its cgroup was exempt. What the kernel alone makes of it; the daemon also ends such sockets when it enrols."""
    path = os.path.dirname(w.lab.cgroup("agent1")) + "/older"
    os.mkdir(path)
    try:
        state(w, path, "exempt")
        hand = Hand(["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', path], w.lab.env)
        try:
            c = wire.Client(hand.do("s = create_connection(%r)" % (w.db,)), timeout=3)
            c.login("pgveil_agent", w.lab.dbname, w.lab.password())
            assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows[0][0].decode().startswith(RAW)
            state(w, path, "enrolled")
            return w.outcome(c.sock, logged_in=True)
        finally:
            hand.close()
    finally:
        os.rmdir(path)


def making(call, **kw):
    """Only whether the socket can be made."""
    def row(w):
        with w.hand(**kw) as h:
            try:
                h.do("made = %s; made.close()" % call)
            except Refused as e:
                return "refused: %s" % e
        return "the socket is made"
    return row


def by_hand(w):
    """An ICMP socket that writes the headers of a TCP packet to the database."""
    with w.hand(root=True) as h:
        try:
            h.do("""
raw = socket(AF_INET, SOCK_RAW, 1); raw.setsockopt(IPPROTO_IP, 3, 1)
tcp = struct.pack('!HHIIBBHHH', 40000, %d, 1, 0, 0x50, 2, 1024, 0, 0)
raw.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 7, 0, 64, 6, 0, bytes(4), inet_aton(%r)) + tcp, (%r, 0))""" % (w.lab.port, w.lab.host, w.lab.host))
        except Refused as e:
            return "refused: %s" % e
    return "sent"


def new_namespace(w):
    return w.try_code("""
check(libc.unshare(0x40000000))
import subprocess
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
s = socket(); s.connect(%r)""" % (w.db,), root=True)


def tunnelled(w):
    return w.try_code("s = create_connection(%r); s.send(b'CONNECT\\n')" % (w.tunnel,))


def direct(who, netns=None):
    def row(w):
        return w.try_code("s = create_connection(('127.0.0.1', %d))" % w.listener(), who=who, netns=netns)
    return row


def second_address(w):
    other = w.lab.host.rsplit(".", 1)[0] + ".3"
    ip = ["ip", "-n", "pgveil-%s-db" % w.lab.name, "addr"]
    run([*ip, "add", other + "/24", "dev", "eth0"], check=True)
    try:
        return w.try_code("s = create_connection(%r)" % ((other, w.lab.port),))
    finally:
        run([*ip, "del", other + "/24", "dev", "eth0"], check=True)


def over_ipv6(w):
    if not w.lab.info.get("db_host6"):
        six = (w.lab.state / "lab.env").read_text()
        six = re.search(r"^db_host6=(\S*)", six, re.M)[1].strip("'")
    else:
        six = w.lab.info["db_host6"]
    return w.try_code("s = create_connection(%r)" % ((six, w.lab.port),)) if six else "no IPv6 here"


def over_unix(name):
    """By root, whom no file permission stops. The policy names the TCP address only."""
    def row(w):
        if not (w.lab.state / "bpf/pgveil/links/connect_unix").exists():
            return NO_HOOK
        return w.try_code("s = socket(AF_UNIX); s.connect('%s')" % name.format(w=w), root=True)
    return row


def by_service(inside):
    """Somebody else's service starts what it is told, in a cgroup of its own: crond, sshd on localhost, systemd, a container engine.
    The stand-in is a process that takes commands over a unix socket, as these do."""
    def row(w):
        name = "pgveil-bypass-service"
        with w.hand("unknown" if inside else None, netns="agent1") as service, w.hand() as agent:
            service.do("u = socket(AF_UNIX); u.bind('\\0%s'); u.listen()" % name)
            agent.do("a = socket(AF_UNIX); a.connect('\\0%s')" % name)
            agent.do("a.send(b'dial')")
            try:
                service.do("c = u.accept()[0]; c.recv(9); d = create_connection(%r); send_fds(c, [b'x'], [d.fileno()])" % (w.db,))
            except Refused as e:
                return "refused: %s" % e
            return w.outcome(agent.do("s = socket(fileno=recv_fds(a, 1, 1)[1][0])"))
    return row


CREDENTIALS = "the database takes the engine's addresses and credentials only (pg_hba.conf), and the agent has none"
SERVICES = "guard the tree that the service is in too (`--cgroup-root`: what nobody enrolled is refused, next row); keep its socket from the agent; "
BELOW_6_7 = "before Linux 6.7: the socket's directory is the server's user's and no volume of the agent's; " + CREDENTIALS
NO_RAW = "no CAP_NET_RAW for the agent (pgveil run does not give it; containers: drop NET_RAW); "

# name, how it is tried (None: not here), what is expected, and what helps where that is not the engine.
ROWS = [
    ("connect", dialling(), "masked", ""),
    ("connect without blocking", in_background, "masked", ""),
    ("sendto with MSG_FASTOPEN", fastopen, "masked", ""),
    ("TCP_FASTOPEN_CONNECT", dialling("s.setsockopt(IPPROTO_TCP, 30, 1)"), "masked", ""),
    ("MPTCP", making("socket(AF_INET, SOCK_STREAM, 262)"), "refused: ENOPROTOOPT", ""),
    ("connect by io_uring", uring(), "masked", ""),
    ("connect by io_uring, SQPOLL", uring("sqpoll"), "masked", ""),
    ("IPv6 socket, v4-mapped address", dialling(family="AF_INET6", address="('::ffff:{w.lab.host}', {w.lab.port})"), "masked", ""),
    ("the same, then IPV6_ADDRFORM", lambda w: w.try_code(
        "s = socket(AF_INET6); s.connect(('::ffff:%s', %d)); s.setsockopt(IPPROTO_IPV6, 1, AF_INET)" % w.db), "masked", ""),
    ("IPv6 to the same server", over_ipv6, "refused by the engine (08004)", ""),
    ("another address of the same server", second_address, "refused by the engine (08004)", ""),
    ("cgroup left between socket() and connect()", moved, "masked", ""),
    ("socket from outside by SCM_RIGHTS", handed_in, "raw values", "no shared sockets, volumes or IPC with what is not enrolled; " + CREDENTIALS),
    ("socket from outside by pidfd_getfd", taken, "raw values", "needs ptrace rights over a process outside: an own user, no CAP_SYS_PTRACE; " + CREDENTIALS),
    ("connection older than enrolment", older, "nothing arrives", ""),
    ("raw TCP socket", making("socket(AF_INET, SOCK_RAW, 6)", root=True), "refused: EPERM", ""),
    ("raw TCP socket, IPv6", making("socket(AF_INET6, SOCK_RAW, 6)", root=True), "refused: EPERM", ""),
    ("raw socket that writes IP headers (255)", making("socket(AF_INET, SOCK_RAW, 255)", root=True), "refused: EPERM", ""),
    ("raw ICMP socket (ping)", making("socket(AF_INET, SOCK_RAW, 1)", root=True), "the socket is made", "wanted: it carries ICMP only"),
    ("TCP written through a raw ICMP socket", by_hand, "refused: EPERM", ""),
    ("AF_PACKET, with CAP_NET_RAW", making("socket(AF_PACKET, SOCK_RAW, 0x300)", root=True), "the socket is made", NO_RAW + CREDENTIALS),
    ("AF_PACKET, without", making("socket(AF_PACKET, SOCK_RAW, 0x300)"), "refused: EPERM", ""),
    ("AF_XDP, with CAP_NET_RAW", making("socket(44, SOCK_RAW)", root=True), "the socket is made", NO_RAW + CREDENTIALS),
    ("vsock", making("socket(AF_VSOCK, SOCK_STREAM)"), "the socket is made", "no database listens there, unless somebody bridges it; seccomp"),
    ("SCTP", making("socket(AF_INET, SOCK_STREAM, 132)"), "refused: EPROTONOSUPPORT", "PostgreSQL does not speak it; a relay would: " + CREDENTIALS),
    ("new network namespace", new_namespace, "refused: ECONNREFUSED", ""),
    ("PostgreSQL on another port (a proxy)", dialling(address="{w.proxy!r}"), "nothing arrives", ""),
    ("a proxy with a greeting (SOCKS, CONNECT), TLS, SSH, VPN", tunnelled, "raw values",
     "what a subject may reach by the network is the network's policy (egress allow-list); " + CREDENTIALS),
    ("the engine's port dialled by the agent", direct("agent1"), "closed by the engine", ""),
    ("… by another cgroup in its namespace", direct("unknown", "agent1"), "closed by the engine", ""),
    ("… by a process outside in its namespace", direct(None, "agent1"), "closed by the engine", ""),
    ("second process in the namespace, not enrolled", dialling(who="unknown", netns="agent1"), "refused: ECONNREFUSED", ""),
    ("second process in the namespace, enrolled otherwise", dialling(who="agent2", netns="agent1"), "masked", ""),
    ("leaving by cron (stand-in)", by_service(False), "raw values", SERVICES + "crontab: not in cron.allow; " + CREDENTIALS),
    ("leaving by ssh to localhost (stand-in)", by_service(False), "raw values", SERVICES + "sshd: no key, no password; " + CREDENTIALS),
    ("leaving by systemd-run (stand-in)", by_service(False), "raw values", SERVICES + "polkit: no manage-units, no linger; " + CREDENTIALS),
    ("leaving by a container engine's socket (stand-in)", by_service(False), "raw values", SERVICES + "not in its group, no socket mounted; " + CREDENTIALS),
    ("leaving to a service below the guarded root", by_service(True), "refused: ECONNREFUSED", ""),
    ("unix socket of the server, by path", over_unix("{w.lab.state}/sock/.s.PGSQL.{w.lab.port}"), "refused by the engine (08004)", BELOW_6_7),
    ("unix socket of the server, abstract name", over_unix("\\0/tmp/.s.PGSQL.{w.lab.port}"), "refused by the engine (08004)", BELOW_6_7),
    ("moving itself out: writable cgroupfs (CAP_SYS_ADMIN, or delegated)", None, "raw values", "no writable cgroupfs above the enrolled directory; " + CREDENTIALS),
    ("tunnels, IPsec of its own (CAP_NET_ADMIN)", None, "raw values", "no CAP_NET_ADMIN; " + CREDENTIALS),
    ("gVisor, Kata, KubeVirt: a network stack of its own", None, "raw values", "do not run subjects in them; " + CREDENTIALS),
]


def try_row(world, how):
    if not how:
        return "not tried here"
    try:
        return how(world)
    except Exception as e:  # whatever went wrong with a try is what was observed, and not what is expected
        return "%s: %s" % (type(e).__name__, e)


def main():
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    wrong = 0
    with Lab() as lab:
        world = World(lab)
        try:
            print("%-62s | %-29s | %-29s | %s" % ("row", "expected", "observed", "what helps where the engine is not passed"))
            for name, how, expected, helps in ROWS:
                if not pattern.search(name):
                    continue
                observed = try_row(world, how)
                wrong += bool(how) and observed not in (expected, NO_HOOK)
                print("%-62s | %-29s | %-29s | %s" % (name, expected, observed, helps), flush=True)
        finally:
            world.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
