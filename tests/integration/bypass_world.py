# SPDX-License-Identifier: MIT
"""What the bypass matrix (bypass.py) needs: processes anywhere in a lab that do what they are told, proxies on the host, and what whoever
holds a socket gets of the table."""
import array
import contextlib
import errno
import json
import os
import re
import shutil
import socket
import subprocess
import threading

import wire
from lab import HERE, PYTHON, run

RAW = "6172830"  # how the raw values of the column that is asked for begin (schema.sql)

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


def serve(listener, connect, greeting=b""):
    """Hands on what whoever dials the listener says behind the greeting, until the listener is shut."""
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
                server = connect()
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


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
        self.proxy = self.serve(socket.create_server((self.gateway, 0)))
        self.tunnel = self.serve(socket.create_server((self.gateway, 0)), greeting=b"CONNECT\n")
        # By its own socket the server takes who comes as it does by TCP: what is seen there is not refused by it.
        lab.set_hba("local all all scram-sha-256")
        self.path = str(lab.state / "sock" / (".s.PGSQL.%d" % lab.port))
        self.mount = lab.cgroup("agent1").split("/pgveil-lab-")[0]
        self.home = lab.state / "home" / "agent1"
        self.six = re.search(r"^db_host6=(\S*)", (lab.state / "lab.env").read_text(), re.M)[1].strip("'")

    def close(self):
        self.stack.close()

    def serve(self, listener, greeting=b""):
        """A proxy to the database on the host, in front of which a client says the greeting."""
        @self.stack.callback
        def hang_up():
            with contextlib.suppress(OSError):  # one of vsock is not shut, and ends with us
                listener.shutdown(socket.SHUT_RDWR)

        serve(listener, lambda: socket.create_connection(self.db), greeting)
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

    def outcome(self, sock, logged_in=False, patience=20):
        """What whoever holds this socket gets of the table."""
        with wire.Client(sock, timeout=patience) as c:
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

    def inside(self, *argv, netns="agent1"):
        """A command of ours in an agent's network namespace."""
        return run(["nsenter", "--net=/run/netns/pgveil-%s-%s" % (self.lab.name, netns), *argv], check=True).stdout.decode()

    def try_code(self, code, **kw):
        """A process runs code that leaves a connected socket s."""
        with self.hand(**kw) as h:
            try:
                return self.outcome(h.do(code))
            except Refused as e:
                return "refused: %s" % e
