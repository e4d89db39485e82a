# SPDX-License-Identifier: MIT
"""A server that is none: it logs everybody in, answers the question of a judged session and any other simple query with one small
row, and passes the catalogue's connection on to a real PostgreSQL. It stands where ten thousand backends would need more memory
than there is. One process, epoll. "rows SIZE COUNT" it answers with so many rows of one value, from a thread of its own, at next to no cost: it
stands where making rows would cost more than what is measured.

    standin.py LISTEN-HOST PORT REAL-HOST REAL-PORT"""

import select
import socket
import struct
import sys
import threading


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def row(*values):
    return message(b"D", struct.pack("!H", len(values)) + b"".join(struct.pack("!I", len(v)) + v for v in values))


def columns(n):
    return message(b"T", struct.pack("!H", n) + b"".join(b"c\0" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0) for _ in range(n)))


READY = message(b"Z", b"I")
# What session/settle.c asks; the last but two and three say how money is written.
SETTLED = [b"on", b"UTF8", b'"$user", public', b"pgveil_agent", b"pg_catalog\npublic", b"UTF8", b"$1,234,567.89",
           b"-$1,234,567.89", b"none", b"0"]
STATUS = {"server_version": "15.0", "client_encoding": "UTF8", "server_encoding": "UTF8", "standard_conforming_strings": "on",
          "DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "UTC", "integer_datetimes": "on"}


class Peer:
    def __init__(self, sock):
        self.sock, self.data, self.started, self.other = sock, b"", False, None


def hello(number):
    status = b"".join(message(b"S", k.encode() + b"\0" + v.encode() + b"\0") for k, v in STATUS.items())
    return message(b"R", struct.pack("!I", 0)) + status + message(b"K", struct.pack("!II", number, 7)) + READY


def rows(size, count):
    """The parts of an answer: rows in pieces of about a megabyte, the same memory over and over."""
    value = memoryview(bytes(min(size, 1 << 20)))
    head = b"D" + struct.pack("!IHI", size + 10, 1, size)
    yield columns(1)
    if size < 1 << 19:
        few = max(1, (1 << 20) // size)
        piece = (head + bytes(size)) * few
        for _ in range(count // few):
            yield piece
        yield piece[:count % few * (size + 11)]
    else:
        for _ in range(count):
            yield head
            for at in range(0, size, len(value)):
                yield value[:size - at]
    yield message(b"C", b"SELECT %d\0" % count) + READY


def pour(sock, size, count):
    try:
        for part in rows(size, count):
            sock.sendall(part)
    except OSError:
        pass  # the poll hears of it too


def answer(sock, kind, body):
    if kind != b"Q":
        return b""
    if body.startswith(b"rows "):
        threading.Thread(target=pour, args=(sock, *map(int, body[5:-1].split())), daemon=True).start()
        return b""
    values = SETTLED if b"current_schemas" in body else [b"1"]
    return columns(len(values)) + row(*values) + message(b"C", b"SELECT 1\0") + READY


def start(peer, packet, real, number):
    """The answer to a startup packet; None: the connection ends."""
    code, = struct.unpack_from("!I", packet, 4)
    if code != 196608:
        return None
    peer.started = True
    if b"pgveil catalogue" not in packet:
        return hello(number)
    peer.other = Peer(socket.create_connection(real))
    peer.other.other = peer
    peer.other.sock.sendall(packet)
    return b""


def speak(peer, real):
    """What is to be said to what came; None: the connection ends."""
    out = b""
    while peer.other is None:
        at = 1 if peer.started else 0
        if len(peer.data) < at + 4:
            return out
        size = at + struct.unpack_from("!I", peer.data, at)[0]
        if len(peer.data) < size:
            return out
        packet, peer.data = peer.data[:size], peer.data[size:]
        said = answer(peer.sock, packet[:1], packet[5:]) if peer.started else start(peer, packet, real, peer.sock.fileno())
        if said is None or packet[:1] == b"X":
            return None
        out += said
    peer.other.sock.sendall(peer.data)
    peer.data = b""
    return out


def main():
    real = (sys.argv[3], int(sys.argv[4]))
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=4096)
    poll, peers = select.epoll(), {}
    poll.register(listener, select.EPOLLIN)
    print("ready", flush=True)

    def add(peer):
        peers[peer.sock.fileno()] = peer
        poll.register(peer.sock, select.EPOLLIN)

    def drop(peer):
        for p in (peer, peer.other):
            if p and peers.pop(p.sock.fileno(), None):
                p.sock.close()

    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                add(Peer(listener.accept()[0]))
                continue
            peer = peers.get(fd)
            try:
                data = peer.sock.recv(65536) if peer else b""
                if peer and peer.other and data:
                    peer.other.sock.sendall(data)
                    continue
                if peer:
                    peer.data += data
                said = speak(peer, real) if data else None
                if said:
                    peer.sock.sendall(said)
            except OSError:
                said = None
            if peer and said is None:
                drop(peer)
            elif peer and peer.other and peer.other.sock.fileno() not in peers:
                add(peer.other)


main()
