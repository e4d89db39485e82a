# SPDX-License-Identifier: MIT
"""Runs in a container: does as it is told over a unix socket in a directory that it shares with the test. What it makes stays, so
that a socket of now can be connected later."""

import array
import errno
import json
import os
import struct
import sys
import threading
from socket import *  # noqa: F403


def say(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


def hello(database):
    body = struct.pack("!I", 196608) + b"user\0agent\0database\0" + database.encode() + b"\0\0"
    return struct.pack("!I", len(body) + 4) + body


def take(s, n):
    out = b""
    while len(out) < n:
        data = s.recv(n - len(out))
        if not data:
            raise OSError(errno.ECONNRESET, "ended")
        out += data
    return out


def read(s):
    head = take(s, 5)
    return head[:1], take(s, struct.unpack("!I", head[1:])[0] - 4)


def login(s, database, send=True):
    s.settimeout(20)
    if send:
        s.sendall(hello(database))
    while True:
        kind, body = read(s)
        if kind == b"E":
            raise OSError(errno.EACCES, body.replace(b"\0", b" ").decode())
        if kind == b"Z":
            return s


def value(s, sql="SELECT ssn FROM clinic.patient WHERE id = 1"):
    """The first cell."""
    s.settimeout(20)
    s.sendall(say(b"Q", sql.encode() + b"\0"))
    cell = None
    while True:
        kind, body = read(s)
        if kind == b"E":
            raise OSError(errno.EACCES, body.replace(b"\0", b" ").decode())
        if kind == b"D":
            cell = body[6:6 + struct.unpack("!i", body[2:6])[0]].decode()
        if kind == b"Z":
            return cell


def shown(s, database):
    return value(login(s, database))


def dial(host, port, *args):
    s = socket(*args)
    s.settimeout(20)
    s.connect((host, port))
    return s


def give(path, s):
    with socket(AF_UNIX, SOCK_STREAM) as door:
        door.connect(path)
        door.sendmsg([b"x"], [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [s.fileno()]))])


def door(path):
    s = socket(AF_UNIX, SOCK_STREAM)
    s.bind(path)
    os.chmod(path, 0o777)
    s.listen(4)
    return s


def taken(listener):
    listener.settimeout(20)
    with listener.accept()[0] as c:
        fds = array.array("i")
        fds.frombytes(c.recvmsg(16, CMSG_SPACE(4))[1][0][2])
        return socket(fileno=fds[0])


def hand_on(listener, host, port, change=bytes):
    """A proxy to the database; change: what it does to each piece both ways."""
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(change(data))
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(SHUT_RDWR)
            except OSError:
                pass

    def accept():
        while True:
            client = listener.accept()[0]
            server = create_connection((host, port))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def other(data):
    return bytes(b ^ 0x55 for b in data)


class Disguised:
    """What it sends and gets looks like nothing."""

    def __init__(self, s):
        self.s, self.settimeout = s, s.settimeout

    def sendall(self, data):
        self.s.sendall(other(data))

    def recv(self, n):
        return other(self.s.recv(n))


def main():
    space = dict(globals())
    listener = door(sys.argv[1])
    while True:
        c = listener.accept()[0]
        for line in c.makefile("r"):
            code = json.loads(line)
            try:
                try:
                    compiled = compile(code, code, "eval")
                except SyntaxError:
                    compiled = compile(code, code, "exec")
                answer = {"value": eval(compiled, space)}
            except Exception as e:  # the test is told, and what is here stays
                answer = {"errno": errno.errorcode.get(getattr(e, "errno", None), "time-out" if isinstance(e, timeout) else repr(e)), "text": str(e)}
            c.sendall(json.dumps(answer, default=lambda o: type(o).__name__).encode() + b"\n")


main()
