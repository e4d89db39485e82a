# SPDX-License-Identifier: MIT
"""A relay before the server that notes how a client asks: the test's witness that "binary" was binary and "pipeline" was one.
It declines encryption as the engine does, and changes nothing."""

import select
import socket
import struct
import threading

SSL_REQUEST, GSS_REQUEST, CANCEL = 80877103, 80877104, 80877102


class Side:
    """Cuts one direction of a connection into messages."""

    def __init__(self, startup):
        self.data, self.startup = b"", startup

    def messages(self, more):
        self.data += more
        while len(self.data) >= (4 if self.startup else 5):
            n, = struct.unpack_from("!I", self.data, 0 if self.startup else 1)
            n += 0 if self.startup else 1
            if len(self.data) < n:
                return
            whole, self.data = self.data[:n], self.data[n:]
            if self.startup:
                code, = struct.unpack_from("!I", whole, 4)
                self.startup = code in (SSL_REQUEST, GSS_REQUEST)
                yield "startup", code, whole
            else:
                yield chr(whole[0]), whole[5:], whole


class Tap:
    def __init__(self, host, port):
        self.target = (host, port)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.facts, self.threads, self.lock = set(), [], threading.Lock()
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            t = threading.Thread(target=self.relay, args=(client,), daemon=True)
            self.threads.append(t)
            t.start()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for t in [self.accepting, *self.threads]:
            t.join(20)

    def relay(self, client):
        facts = set()
        asked, answered = Side(True), Side(False)
        open_statements, waiting, syncs = 0, 0, 0
        with client, socket.create_connection(self.target, 20) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                try:
                    if client in ready:
                        data = client.recv(65536)
                        if not data:
                            break
                        for kind, body, whole in asked.messages(data):
                            if kind == "startup" and body in (SSL_REQUEST, GSS_REQUEST):
                                client.sendall(b"N")
                                continue
                            if kind == "startup" and body == CANCEL:
                                facts.add("cancel")
                            if kind == "E":
                                waiting += 1
                                if struct.unpack_from("!i", body, body.index(b"\0") + 1)[0] > 0:
                                    facts.add("row limit")
                            if kind == "S":
                                syncs += 1
                            if kind == "Q":
                                facts.add("simple")
                            if waiting > 1 or syncs > 1:
                                facts.add("pipelined")
                            facts |= self.noted(kind, body)
                            server.sendall(whole)
                    if server in ready:
                        data = server.recv(65536)
                        if not data:
                            break
                        if not asked.startup:
                            for kind, body, whole in answered.messages(data):
                                if kind in "CsEI":
                                    waiting = max(0, waiting - 1)
                                elif kind == "Z":
                                    syncs, waiting = max(0, syncs - 1), waiting if syncs > 1 else 0
                                elif kind in "GH":
                                    facts.add("COPY in" if kind == "G" else "COPY out")
                        client.sendall(data)
                except OSError:
                    break
        with self.lock:
            self.facts |= facts

    @staticmethod
    def noted(kind, body):
        if kind == "P":
            return {"parse"} | ({"named"} if body[0] else set())
        if kind == "B":
            _, rest = body.split(b"\0", 1)
            name, rest = rest.split(b"\0", 1)
            n, = struct.unpack_from("!H", rest)
            at = 2 + 2 * n
            count, = struct.unpack_from("!H", rest, at)
            at += 2
            for _ in range(count):
                size, = struct.unpack_from("!i", rest, at)
                at += 4 + max(0, size)
            n, = struct.unpack_from("!H", rest, at)
            formats = struct.unpack_from("!%dH" % n, rest, at + 2)
            return {"bind"} | ({"named"} if name else set()) | ({"binary"} if 1 in formats else set())
        return set()
