# SPDX-License-Identifier: MIT
"""An API client by hand, for tests: it sees what is on the wire."""

import http.client
import json
import socket
import ssl
import urllib.parse


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Client:
    def __init__(self, url, ca_file, token=None, agent="pgveil-test/1", seconds=60):
        self.host, self.port = urllib.parse.urlsplit(url).hostname, urllib.parse.urlsplit(url).port
        self._tls, self.token, self.agent, self.seconds = ssl.create_default_context(cafile=ca_file), token, agent, seconds

    def _headers(self, more):
        out = {"User-Agent": self.agent, "Accept": "application/json", **more}
        if self.token:
            out["Authorization"] = f"Bearer {self.token}"
        return out

    def ask(self, method, path, body=None, kind="application/json", **headers):
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.seconds, context=self._tls)
        try:
            data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            more = {k.replace("_", "-"): v for k, v in headers.items()}
            connection.request(method, path, data, self._headers({**({"Content-Type": kind} if data is not None else {}), **more}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body, **headers):
        return self.ask("POST", path, body, **headers)

    def put(self, path, body, **headers):
        return self.ask("PUT", path, body, **headers)

    def patch(self, path, body, kind="application/merge-patch+json", **headers):
        return self.ask("PATCH", path, body, kind, **headers)

    def delete(self, path, body=None, **headers):
        return self.ask("DELETE", path, body, **headers)

    def watch(self, path, **headers):
        """The path with watch=1 and whatever else; a Stream."""
        raw = self._tls.wrap_socket(socket.create_connection((self.host, self.port), self.seconds), server_hostname=self.host)
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.host}:{self.port}", *(f"{k}: {v}" for k, v in self._headers(headers).items())]
        raw.sendall("\r\n".join([*lines, "", ""]).encode())
        return Stream(raw)


class Ended(Exception):
    """The stream is over; clean says whether by the chunk that says so."""

    def __init__(self, clean):
        super().__init__("clean" if clean else "broken")
        self.clean = clean


class Stream:
    """An answer in chunks, chunk by chunk, or event by event."""

    def __init__(self, raw):
        self.socket, self._file = raw, raw.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = http.client.parse_headers(self._file)
        self._chunked, self._rest = self.headers.get("Transfer-Encoding") == "chunked", b""

    def chunk(self):
        """The bytes of the next; raises Ended."""
        try:
            if not self._chunked:
                data = self._file.read(int(self.headers.get("Content-Length", 0)))
                if not data:
                    raise Ended(True)
                return data
            size = self._file.readline()
            if not size.endswith(b"\r\n"):
                raise Ended(False)
            data = self._file.read(int(size, 16) + 2)
            if len(data) < int(size, 16) + 2:
                raise Ended(False)
        except (ConnectionError, ssl.SSLError):
            raise Ended(False) from None
        if len(data) == 2:
            raise Ended(True)
        return data[:-2]

    def event(self):
        """(type, object) of the next; raises Ended, and ValueError for what is no JSON."""
        while b"\n" not in self._rest:
            self._rest += self.chunk()
        line, _, self._rest = self._rest.partition(b"\n")
        event = json.loads(line)
        return event["type"], event["object"]

    def events(self, count):
        return [self.event() for _ in range(count)]

    def all(self):
        """Events until it ends cleanly."""
        out = []
        try:
            while True:
                out.append(self.event())
        except Ended as e:
            assert e.clean, "the stream broke"
            return out

    def close(self):
        self._file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
