# SPDX-License-Identifier: MIT
"""The bypass matrix: every way past the engine that is known, tried by real processes in a lab, and what came of it.

A row says what is expected, and where that is not "closed", what closes it instead. `make bypass-matrix` prints all of them;
test_bypass.py runs each as a test. Run as root: python3 -B tests/integration/bypass.py [PATTERN]
"""
import contextlib
import os
import re
import socket
import sys

import bypass_daemons
import wire
from bypass_world import RAW, Hand, Refused, World
from handmade import HANDMADE
from lab import Lab, run

NOT_HERE = "not in this kernel"  # observed: no mistake, and what helps is said


def dialling(options="", family="AF_INET", address="{db!r}", **kw):
    def row(w):
        code = "s = socket(%s, SOCK_STREAM)\n%s\ns.connect(%s)" % (family, options, address)
        return w.try_code(code.format(db=w.db, w=w), **kw)
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
        s.settimeout(20)
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


@contextlib.contextmanager
def enrolled_later(w):
    """A process in a cgroup that is exempt, and what enrols that."""
    path = os.path.dirname(w.lab.cgroup("agent1")) + "/later"
    os.mkdir(path)
    try:
        state(w, path, "exempt")
        argv = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', path, "nsenter", "--net=/run/netns/pgveil-%s-agent1" % w.lab.name]
        hand = Hand(argv, w.lab.env)
        try:
            yield hand, lambda: state(w, path, "enrolled")
        finally:
            hand.close()
    finally:
        os.rmdir(path)


def older(w):
    """Logged in while its cgroup was exempt. What the kernel alone makes of it; the daemon also ends such sockets when it enrols."""
    with enrolled_later(w) as (hand, enrol):
        c = wire.Client(hand.do("s = create_connection(%r)" % (w.db,)), timeout=3)
        c.login("pgveil_agent", w.lab.dbname, w.lab.password())
        assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows[0][0].decode().startswith(RAW)
        enrol()
        return w.outcome(c.sock, logged_in=True, patience=3)


def older_socket(w):
    with enrolled_later(w) as (hand, enrol):
        hand.do("kept = socket()")
        enrol()
        return w.outcome(hand.do("s = kept; s.connect(%r)" % (w.db,)))


def below(w):
    """In a cgroup that was made below the enrolled one."""
    path = w.lab.cgroup("agent1") + "/below"
    os.mkdir(path)
    try:
        hand = Hand(["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', path, "nsenter", "--net=/run/netns/pgveil-%s-agent1" % w.lab.name],
                    w.lab.env)
        try:
            return w.outcome(hand.do("s = socket(); s.connect(%r)" % (w.db,)))
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
    return w.try_code("s = create_connection(%r)" % ((w.six, w.lab.port),)) if w.six else NOT_HERE


def repaired(w):
    return w.try_code("s = socket(); s.setsockopt(IPPROTO_TCP, 19, 1); s.connect(%r); s.setsockopt(IPPROTO_TCP, 19, 0)" % (w.db,), root=True)


def link_local(w):
    shown = w.inside("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link", netns="db").split()
    if not shown:
        return NOT_HERE
    return w.try_code("s = socket(AF_INET6); s.connect((%r, %d, 0, if_nametoindex('eth0')))" % (shown[3].split("/")[0], w.lab.port))


def over_unix(name, before="", guard="connect_unix", **kw):
    """By root, whom no file permission stops. The policy names the TCP address only."""
    def row(w):
        if not (w.lab.state / "bpf/pgveil/links" / guard).exists():
            return NOT_HERE
        return w.try_code(before.format(w=w) + "\ns = socket(AF_UNIX); s.connect('%s')" % name.format(w=w), root=True)
    return row


def unix_proxy(w):
    """Somebody outside who serves the database's bytes under a name of its own."""
    path = w.home / "proxy"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o777)
    listener.listen()
    w.serve(listener)
    try:
        return w.try_code("s = socket(AF_UNIX); s.connect(%r)" % str(path))
    finally:
        path.unlink()


def over_vsock(w):
    """A bridge from vsock to the database, reached by the kernel's own loopback; from a virtual machine it would be the hypervisor's."""
    try:
        listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
        listener.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
            s.connect((1, port))
            listener.accept()[0].close()
    except OSError:
        return NOT_HERE
    w.serve(listener)
    return w.try_code("s = socket(AF_VSOCK, SOCK_STREAM); s.connect((1, %d))" % port)


def has_tun():
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError:
        return False
    return True


def handmade(link):
    """TCP without the kernel's: by a packet socket, by AF_XDP, through a TUN device that the namespace forwards (handmade.py)."""
    def row(w):
        ours = w.lab.host.rsplit(".", 1)[0] + ".77"
        if link == "Tun" and not has_tun():
            return NOT_HERE
        try:
            return w.try_code("%s\nours, theirs = inet_aton(%r), inet_aton(%r)\ns = dial(%s(ours, theirs), ours, theirs, %d)"
                              % (HANDMADE, ours, w.lab.host, link, w.lab.port), root=True)
        finally:
            w.inside("sh", "-c", "cd /proc/sys/net/ipv4 && for f in ip_forward conf/eth0/proxy_arp; do echo 0 > $f; done")
    return row


def own_tunnel(w):
    """A device that wraps, with its other end at the database: what is dialled is judged before, and the engine goes there by it."""
    def end(name, number, remote, dev):
        return ["link add %s type vxlan id 9 remote %s dstport 4789 dev %s" % (name, remote, dev),
                "addr add 192.0.2.%d/24 dev %s" % (number, name), "link set %s up" % name]

    commands = end("tunnel9", 1, w.lab.host, "eth0") + ["route add %s/32 via 192.0.2.2" % w.lab.host]
    try:
        for c in end("tunnel9", 2, w.lab.agents["agent1"]["ip"], "eth0"):
            w.inside("ip", *c.split(), netns="db")
    except AssertionError:
        return NOT_HERE
    try:
        # The outer packets must not go into the tunnel.
        outer = "route add %s/32 dev eth0 table 9\nrule add ipproto udp dport 4789 table 9" % w.lab.host
        code = "import os\nfor a in %r:\n    check(os.system('ip ' + a) and -1)\n" % (outer.split("\n") + commands)
        return w.try_code(code + "s = socket(); s.connect(%r)" % (w.db,), root=True)
    finally:
        w.inside("sh", "-c", "ip link del tunnel9; ip rule del table 9; ip route flush table 9")
        w.inside("ip", "link", "del", "tunnel9", netns="db")


MOVE_OUT = "open('{w.mount}/cgroup.procs', 'w').write('0')\n"


def moving_out(before="", after=""):
    """It has a writable cgroupfs, and writes itself into another cgroup."""
    def row(w):
        return w.try_code(before.format(w=w) + MOVE_OUT.format(w=w) + after.format(w=w), root=True)
    return row


def beside_the_engine(w):
    return w.try_code("s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1); s.bind(('127.0.0.1', %d)); s.listen()" % w.listener(), root=True)


def entering(netns, socket_first=False):
    make, enter = "s = socket()\n", "check(libc.setns(os.open('/run/netns/pgveil-{w.lab.name}-%s', 0), 0))\n" % netns
    code = "import os\n" + (make + enter if socket_first else enter + make) + "s.connect({w.db!r})"
    return lambda w: w.try_code(code.format(w=w), root=True)


def by_service(inside):
    """Somebody else's service starts what it is told, in a cgroup of its own: crond, sshd on localhost, systemd, a container engine.
    The stand-in is a process that was started elsewhere, as these were, in the agent's network namespace and of its user: it is asked over a
    unix socket, dials, and hands the connection over. What it stands for is who makes the socket, and in which cgroup; not how such a
    service is asked, or whom it obeys. `make bypass-daemons` has a real sshd and cron."""
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
SHUT = "closed by the engine or refused: ECONNRESET"  # before connect() has returned
CARRIED = "raw values or nothing arrives"  # the daemon's audit ends such a connection, be it before the first answer
NO_RAW = "no CAP_NET_RAW for the agent (pgveil run --uid does not give it; containers: drop NET_RAW); "
NO_ADMIN = "no CAP_NET_ADMIN for the agent (pgveil run --uid does not give it); "
NO_CGROUPFS = "no root, and no writable cgroupfs above the enrolled directory, for the agent; "
AGAIN = "s.connect({db!r}); check(libc.connect(s.fileno(), struct.pack('=H14x', 0), 16))  # AF_UNSPEC: as good as new"

BY_NAME = "the audit ends it some seconds later; keep the socket's directory out of the agent's sight (mode, mount namespace); "
BIND = """
import os
check(libc.unshare(0x20000))
open('{w.home}/bound', 'w').close()
check(libc.mount(b'none', b'/', None, 0x44000, None))
check(libc.mount(b'{w.path}', b'{w.home}/bound', None, 0x1000, None))
"""


def unix_alias(w):
    """What is expected where a name leads to the server's socket that does not look like one: by the LSM's hook the kernel sees it."""
    return "refused: EACCES" if (w.lab.state / "bpf/pgveil/links/reach_unix").exists() else "raw values"


STAND_IN = ", a real one" if bypass_daemons.ROOT else " (stand-in)"

# name, how it is tried (None: not here), what is expected (alternatives, or of this world), and what helps where that is not the engine.
ROWS = [
    ("connect", dialling(), "masked", ""),
    ("connect without blocking", in_background, "masked", ""),
    ("sendto with MSG_FASTOPEN", fastopen, "masked", ""),
    ("TCP_FASTOPEN_CONNECT", dialling("s.setsockopt(IPPROTO_TCP, 30, 1)"), "masked", ""),
    ("connected, by AF_UNSPEC no more, connected again", dialling(AGAIN), "masked", ""),
    ("connected to the engine, then again to a proxy", dialling(AGAIN, address="{w.proxy!r}"), "nothing arrives", ""),
    ("a listening socket, shut, and connected", dialling("s.bind(('', 0)); s.listen(); check(libc.shutdown(s.fileno(), 2))"), "masked", ""),
    ("from an address and a port of its own", dialling("s.bind(('{w.lab.agents[agent1][ip]}', 0))"), "masked", ""),
    ("SO_BINDTODEVICE, past the loopback device", dialling("s.setsockopt(SOL_SOCKET, 25, b'eth0\\0')"), "refused: EHOSTUNREACH", ""),
    ("SO_MARK (CAP_NET_ADMIN)", dialling("s.setsockopt(SOL_SOCKET, 36, 7)", root=True), "masked", ""),
    ("TCP_REPAIR: connected without a packet (CAP_NET_ADMIN)", repaired, "closed by the engine", ""),
    ("MPTCP", making("socket(AF_INET, SOCK_STREAM, 262)"), "refused: ENOPROTOOPT", ""),
    ("connect by io_uring", uring(), "masked", ""),
    ("connect by io_uring, SQPOLL", uring("sqpoll"), "masked", ""),
    ("IPv6 socket, v4-mapped address", dialling(family="AF_INET6", address="('::ffff:{w.lab.host}', {w.lab.port})"), "masked", ""),
    ("the same, then IPV6_ADDRFORM", lambda w: w.try_code(
        "s = socket(AF_INET6); s.connect(('::ffff:%s', %d)); s.setsockopt(IPPROTO_IPV6, 1, AF_INET)" % w.db), "masked", ""),
    ("IPv6 to the same server", over_ipv6, "refused by the engine (08004)", ""),
    ("another address of the same server", second_address, "refused by the engine (08004)", ""),
    ("IPv6 link-local address, with its scope", link_local, "refused by the engine (08004)", ""),
    ("IPv4-compatible IPv6 address", dialling(family="AF_INET6", address="('::{w.lab.host}', {w.lab.port})"), "refused by the engine (08004)", ""),
    ("0.0.0.0", dialling(address="('0.0.0.0', {w.lab.port})"), "refused by the engine (08004)", ""),
    ("::", dialling(family="AF_INET6", address="('::', {w.lab.port})"), "refused by the engine (08004)", ""),
    ("cgroup left between socket() and connect()", moved, "masked", ""),
    ("socket from outside by SCM_RIGHTS", handed_in, CARRIED, "no shared sockets, volumes or IPC with what is not enrolled; " + CREDENTIALS),
    ("socket from outside by pidfd_getfd", taken, CARRIED, "needs ptrace rights over a process outside: an own user, no CAP_SYS_PTRACE; " + CREDENTIALS),
    ("connection older than enrolment", older, "nothing arrives", ""),
    ("socket older than enrolment, connected after it", older_socket, "refused by the engine (28000)", ""),  # no policy is its own
    ("in a cgroup below the enrolled one", below, "masked", ""),
    ("raw TCP socket", making("socket(AF_INET, SOCK_RAW, 6)", root=True), "refused: EPERM", ""),
    ("raw TCP socket, IPv6", making("socket(AF_INET6, SOCK_RAW, 6)", root=True), "refused: EPERM", ""),
    ("raw socket that writes IP headers (255)", making("socket(AF_INET, SOCK_RAW, 255)", root=True), "refused: EPERM", ""),
    ("raw ICMP socket (ping)", making("socket(AF_INET, SOCK_RAW, 1)", root=True), "the socket is made", "wanted: it carries ICMP only"),
    ("TCP written through a raw ICMP socket", by_hand, "refused: EPERM", ""),
    ("TCP by hand through AF_PACKET (CAP_NET_RAW)", handmade("Frames"), "raw values", NO_RAW + CREDENTIALS),
    ("TCP by hand through AF_XDP (CAP_NET_RAW)", handmade("Xdp"), "raw values", NO_RAW + CREDENTIALS),
    ("AF_PACKET, without", making("socket(AF_PACKET, SOCK_RAW, 0x300)"), "refused: EPERM", ""),
    ("AF_XDP, without", making("socket(44, SOCK_RAW)"), "refused: EPERM", ""),
    ("TCP by hand through a TUN device, forwarded (CAP_NET_ADMIN)", handmade("Tun"), "raw values", NO_ADMIN + CREDENTIALS),
    ("a tunnel of its own to the database: VXLAN (CAP_NET_ADMIN)", own_tunnel, "masked", ""),
    ("vsock, to a bridge that somebody runs", over_vsock, "raw values", "run no such bridge; seccomp without AF_VSOCK; " + CREDENTIALS),
    ("SMC: its inner TCP is the kernel's", dialling(family="43"), "refused: EAFNOSUPPORT or refused: ECONNREFUSED", ""),
    ("SCTP", making("socket(AF_INET, SOCK_STREAM, 132)"), "refused: EPROTONOSUPPORT or the socket is made", "PostgreSQL does not speak it; a relay would: " + CREDENTIALS),
    ("TIPC", making("socket(30, SOCK_STREAM)"), "refused: EAFNOSUPPORT or the socket is made", "PostgreSQL does not speak it; a relay would: " + CREDENTIALS),
    ("new network namespace", new_namespace, "refused: ECONNREFUSED", ""),
    ("the database's network namespace entered (CAP_SYS_ADMIN)", entering("db"), "refused: ECONNREFUSED", ""),
    ("… with a socket of its own namespace", entering("db", socket_first=True), "masked", ""),
    ("PostgreSQL on another port (a proxy)", dialling(address="{w.proxy!r}"), "nothing arrives", ""),
    ("a proxy with a greeting (SOCKS, CONNECT), TLS, SSH, VPN", tunnelled, "raw values",
     "what a subject may reach by the network is the network's policy (egress allow-list); " + CREDENTIALS),
    ("the engine's port dialled by the agent", direct("agent1"), SHUT, ""),
    ("… by another cgroup in its namespace", direct("unknown", "agent1"), SHUT, ""),
    ("… by a process outside in its namespace", direct(None, "agent1"), SHUT, ""),
    ("the engine's port taken beside it (SO_REUSEPORT)", beside_the_engine, "refused: EADDRINUSE", ""),
    ("second process in the namespace, not enrolled", dialling(who="unknown", netns="agent1"), "refused: ECONNREFUSED", ""),
    ("second process in the namespace, enrolled otherwise", dialling(who="agent2", netns="agent1"), "masked", ""),
    ("leaving by cron" + STAND_IN, bypass_daemons.by_cron if bypass_daemons.ROOT else by_service(False), CARRIED, SERVICES + "crontab: not in cron.allow; " + CREDENTIALS),
    ("leaving by ssh to localhost" + STAND_IN, bypass_daemons.by_sshd if bypass_daemons.ROOT else by_service(False), CARRIED, SERVICES + "sshd: no key, no password; " + CREDENTIALS),
    ("leaving by systemd-run (stand-in)", by_service(False), CARRIED, SERVICES + "polkit: no manage-units, no linger; " + CREDENTIALS),
    ("leaving by a container engine's socket (stand-in)", by_service(False), CARRIED, SERVICES + "not in its group, no socket mounted; " + CREDENTIALS),
    ("leaving to a service below the guarded root", by_service(True), "refused: ECONNREFUSED", ""),
    ("unix socket of the server, by path", over_unix("{w.lab.state}/sock/.s.PGSQL.{w.lab.port}"), "refused by the engine (08004)", BELOW_6_7),
    ("unix socket of the server, abstract name", over_unix("\\0/tmp/.s.PGSQL.{w.lab.port}"), "refused by the engine (08004)", BELOW_6_7),
    ("unix socket of the server, by a symbolic link of another name",
     over_unix("{w.home}/link", "import os; os.symlink('{w.path}', '{w.home}/link')"), unix_alias, BY_NAME + CREDENTIALS),
    ("… by a hard link", over_unix("{w.home}/hard", "import os; os.link('{w.path}', '{w.home}/hard')"), unix_alias, BY_NAME + CREDENTIALS),
    ("… by a bind mount", over_unix("{w.home}/bound", BIND), unix_alias, BY_NAME + CREDENTIALS),
    ("… by /proc/self/fd", over_unix("/proc/self/fd/' + str(f) + '", "import os; f = os.open('{w.path}', os.O_PATH)"), unix_alias, BY_NAME + CREDENTIALS),
    ("a proxy that listens on a unix socket of another name", unix_proxy, "raw values",
     "who runs one gives it to nobody else: its directory's mode, no volume shared; " + CREDENTIALS),
    ("moving itself out: writable cgroupfs, then connect", moving_out(after="s = socket(); s.connect({w.db!r})"), "raw values", NO_CGROUPFS + CREDENTIALS),
    ("… with a socket from before", moving_out("s = socket()\n", "s.connect({w.db!r})"), "masked", ""),
    ("… with a connection from before", moving_out("s = socket(); s.connect({w.db!r})\n"), "masked", ""),
    ("gVisor, Kata, KubeVirt: a network stack of its own", None, "raw values", "do not run subjects in them; " + CREDENTIALS),
]


def wanted(world, expected):
    return expected(world) if callable(expected) else expected


def as_wanted(world, observed, expected):
    return observed in wanted(world, expected).split(" or ")


def try_row(world, how):
    if not how:
        return "not tried here"
    try:
        return how(world)
    except Exception as e:  # whatever went wrong with a try is what was observed, and not what is expected
        return "%s: %s" % (type(e).__name__, e)


def lab():
    """Without the rounds of the audit, which ends some of what is open here a few seconds later (test_audit.py): each row is what the
    hooks do, whenever a round would have come."""
    return Lab(env={"LAB_DAEMON_ARGS": "--audit-every 600s"})


def main():
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    wrong = 0
    with lab() as up:
        world = World(up)
        try:
            print("%-62s | %-29s | %-29s | %s" % ("row", "expected", "observed", "what helps where the engine is not passed"))
            for name, how, expected, helps in ROWS:
                if not pattern.search(name):
                    continue
                observed = try_row(world, how)
                wrong += bool(how) and observed != NOT_HERE and not as_wanted(world, observed, expected)
                expected = wanted(world, expected)
                print("%-62s | %-29s | %-29s | %s" % (name, expected, observed, helps), flush=True)
        finally:
            world.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
