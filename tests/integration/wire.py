# SPDX-License-Identifier: MIT
"""A PostgreSQL v3 client by hand: what the tests send is exactly what they say, and every byte that comes back is kept.
Never retries, never guesses. Message formats: PostgreSQL documentation, "Message Formats"."""

import base64
import hashlib
import hmac
import os
import struct

V30, V32 = 196608, 196610
SSL_REQUEST, GSSENC_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


class Closed(Exception):
    """The other side ended the connection."""


class ServerError(Exception):
    def __init__(self, fields):
        super().__init__("%s %s: %s" % (fields.get("S"), fields.get("C"), fields.get("M")))
        self.fields = fields
        self.sqlstate = fields.get("C")
        self.hint = fields.get("H")


# ---- what a client says ----

def cstr(s):
    return (s.encode() if isinstance(s, str) else s) + b"\0"


def message(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def startup(params, version=V30):
    body = struct.pack("!I", version) + b"".join(cstr(k) + cstr(v) for k, v in params.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def request(code, body=b""):
    return struct.pack("!II", 8 + len(body), code) + body


def cancel(pid, key):
    return request(CANCEL_REQUEST, struct.pack("!I", pid) + key)


def query(sql):
    return message("Q", cstr(sql))


def parse(sql, name="", types=()):
    return message("P", cstr(name) + cstr(sql) + struct.pack("!H", len(types)) + b"".join(struct.pack("!I", t) for t in types))


def bind(statement="", portal="", params=(), formats=(0,), param_formats=()):
    """params: bytes or None, in text unless param_formats says otherwise; formats: of the results."""
    cells = b"".join(struct.pack("!i", -1) if p is None else struct.pack("!i", len(p)) + p for p in params)
    return message("B", cstr(portal) + cstr(statement) + struct.pack("!H", len(param_formats)) + b"".join(struct.pack("!H", f) for f in param_formats) +
                   struct.pack("!H", len(params)) + cells +
                   struct.pack("!H", len(formats)) + b"".join(struct.pack("!H", f) for f in formats))


def describe(kind="P", name=""):
    return message("D", kind.encode() + cstr(name))


def execute(portal="", rows=0):
    return message("E", cstr(portal) + struct.pack("!I", rows))


def close(kind, name):
    return message("C", kind.encode() + cstr(name))


def call_function(oid, *args):
    return message("F", struct.pack("!IHHH", oid, 1, 0, len(args)) + b"".join(struct.pack("!I", len(a)) + a for a in args) +
                   struct.pack("!H", 0))


def sync():
    return message("S")


def flush():
    return message("H")


def terminate():
    return message("X")


def extended(sql, params=(), formats=(0,), describe_portal=True, param_formats=()):
    """One statement through the extended protocol, without the Sync."""
    return parse(sql) + bind(params=params, formats=formats, param_formats=param_formats) + (describe() if describe_portal else b"") + execute()


# ---- what a server says ----

def fields(body):
    """ErrorResponse and NoticeResponse."""
    out = {}
    for part in body.split(b"\0"):
        if part:
            out[chr(part[0])] = part[1:].decode()
    return out


def cells(body):
    """DataRow → list of bytes or None."""
    n, at, out = struct.unpack_from("!H", body)[0], 2, []
    for _ in range(n):
        size, = struct.unpack_from("!i", body, at)
        at += 4
        if size < 0:
            out.append(None)
            continue
        out.append(body[at:at + size])
        at += size
    assert at == len(body), "a DataRow whose cells do not fill it"
    return out


def columns(body):
    """RowDescription → list of (name, table oid, attnum, type oid, typlen, typmod, format)."""
    n, at, out = struct.unpack_from("!H", body)[0], 2, []
    for _ in range(n):
        end = body.index(b"\0", at)
        out.append((body[at:end].decode(),) + struct.unpack_from("!IhIhih", body, end + 1))
        at = end + 19
    assert at == len(body)
    return out


class Result:
    """What came up to and including a ReadyForQuery."""

    def __init__(self, messages):
        self.messages = messages
        self.kinds = "".join(k for k, _ in messages)
        self.rows = [cells(b) for k, b in messages if k == "D"]
        self.columns = [columns(b) for k, b in messages if k == "T"]
        self.tags = [b[:-1].decode() for k, b in messages if k == "C"]
        self.errors = [ServerError(fields(b)) for k, b in messages if k == "E"]
        self.notices = [fields(b) for k, b in messages if k == "N"]
        self.status = messages[-1][1].decode() if messages and messages[-1][0] == "Z" else None

    @property
    def error(self):
        assert len(self.errors) == 1, "one error expected, got %s" % (self.errors or self.kinds)
        return self.errors[0]

    def ok(self):
        if self.errors:
            raise self.errors[0]
        return self


class Client:
    """Over a connected socket. received holds every byte that ever came."""

    def __init__(self, sock, timeout=20):
        self.sock = sock
        self.sock.settimeout(timeout)
        self.received = bytearray()
        self.at = 0
        self.parameters = {}
        self.key = None

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))

    def _need(self, n):
        while len(self.received) - self.at < n:
            try:
                data = self.sock.recv(1 << 16)
            except ConnectionResetError as e:
                raise Closed("reset") from e
            if not data:
                raise Closed("end of stream with %d of %d bytes" % (len(self.received) - self.at, n))
            self.received += data

    def take(self, n):
        self._need(n)
        out = bytes(self.received[self.at:self.at + n])
        self.at += n
        return out

    def read(self):
        """One message: (type, body)."""
        self._need(5)
        kind, size = chr(self.received[self.at]), struct.unpack_from("!I", self.received, self.at + 1)[0]
        self._need(1 + size)
        body = bytes(self.received[self.at + 5:self.at + 1 + size])
        self.at += 1 + size
        if kind == "S":
            name, value = body[:-1].split(b"\0")
            self.parameters[name.decode()] = value.decode()
        return kind, body

    def until(self, kinds="Z"):
        """Messages up to and with the first of the kinds."""
        out = []
        while True:
            out.append(self.read())
            if out[-1][0] in kinds:
                return out

    def result(self):
        return Result(self.until("Z"))

    def drain(self):
        """Everything until the other side closes."""
        while True:
            try:
                data = self.sock.recv(1 << 16)
            except ConnectionResetError:
                return
            if not data:
                return
            self.received += data

    def query(self, sql):
        self.send(query(sql))
        return self.result()

    def run(self, sql, params=(), formats=(0,), param_formats=()):
        self.send(extended(sql, params, formats, param_formats=param_formats), sync())
        return self.result()

    def login(self, user, database, password=None, version=V30, **params):
        """Up to ReadyForQuery. Returns all messages; raises ServerError when refused."""
        self.send(startup({"user": user, "database": database, **params}, version))
        return self.finish_login(user, password)

    def finish_login(self, user, password=None):
        out, scram = [], None
        while True:
            kind, body = self.read()
            out.append((kind, body))
            if kind == "E":
                raise ServerError(fields(body))
            if kind == "K":
                self.key = (struct.unpack_from("!I", body)[0], body[4:])
            if kind == "Z":
                return out
            if kind != "R":
                continue
            code, = struct.unpack_from("!I", body)
            if code == 10:
                scram = Scram(password)
                self.send(message("p", cstr("SCRAM-SHA-256") + scram.first()))
            elif code == 11:
                self.send(message("p", scram.final(body[4:])))
            elif code == 12:
                scram.check(body[4:])
            else:
                assert code == 0, "the test's client does not know authentication %d" % code


class Scram:
    """RFC 5802 and 7677, the client's side, for direct connections."""

    def __init__(self, password):
        self.password = password.encode()
        self.nonce = base64.b64encode(os.urandom(18)).decode()
        self.bare = "n=,r=" + self.nonce

    def first(self):
        text = ("n,," + self.bare).encode()
        return struct.pack("!I", len(text)) + text

    def final(self, challenge):
        given = dict(part.split("=", 1) for part in challenge.decode().split(","))
        assert given["r"].startswith(self.nonce)
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(given["s"]), int(given["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without = "c=biws,r=" + given["r"]
        signed = ",".join((self.bare, challenge.decode(), without)).encode()
        proof = bytes(a ^ b for a, b in zip(client_key, hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")))
        self.signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return (without + ",p=" + base64.b64encode(proof).decode()).encode()

    def check(self, final):
        assert final == b"v=" + base64.b64encode(self.signature)
