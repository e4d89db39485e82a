# SPDX-License-Identifier: MIT
"""A stand-in for an S3-compatible store: it checks each signature (AWS Signature Version 4) by itself, of every header that was sent and that AWS
wants signed; it knows objects, conditions, checksums, uploads in parts and lists; and it fails as it is told to. What it keeps, it keeps in memory.

    with Store() as s:  s.url, s.credentials(path), s.objects["bucket"]["key"]
"""

import base64
import email.utils
import hashlib
import hmac
import http.server
import re
import socket
import struct
import threading
import time
import urllib.parse
import xml.etree.ElementTree as et
from xml.sax.saxutils import escape

REGION = "eu-test-1"
EMPTY = hashlib.sha256(b"").hexdigest()


class Error(Exception):
    def __init__(self, status, code, **headers):
        super().__init__(code)
        self.status, self.code, self.headers = status, code, headers


class Object:
    def __init__(self, data, etag, checksum):
        self.data, self.etag, self.checksum = data, etag, checksum


def md5(data):
    return hashlib.md5(data)


def b64(digest):
    return base64.b64encode(digest).decode()


def sha256_b64(data):
    return b64(hashlib.sha256(data).digest())


def quoted(s, safe=""):
    return urllib.parse.quote(s, safe=safe + "-._~")


def signature(secret, day, region, text):
    key = b"AWS4" + secret.encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *a):
        pass

    # ---- who asks ----

    def check(self):
        """The request's signature, from what was received, not from what the client says that it signed."""
        store = self.server.store
        m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
                         self.headers.get("Authorization", ""))
        if not m:
            raise Error(403, "AccessDenied")
        access, day, region, names, sent = m.groups()
        if access not in store.keys:
            raise Error(403, "InvalidAccessKeyId")
        secret, token = store.keys[access]
        if region != store.region:
            raise Error(400, "AuthorizationHeaderMalformed")
        if token is not None and self.headers.get("x-amz-security-token") != token:
            raise Error(400, "InvalidToken" if self.headers.get("x-amz-security-token") else "AccessDenied")
        names = names.split(";")
        # What says what is put, where and whether: not signed, it could be changed on the way.
        must = {"host"} | {h.lower() for h in self.headers if h.lower().startswith("x-amz-")}
        if names != sorted(names) or not must <= set(names):
            raise Error(403, "AccessDenied")
        stamp = self.headers["x-amz-date"]
        if abs(time.time() - time.mktime(time.strptime(stamp, "%Y%m%dT%H%M%SZ")) + time.timezone) > 900:
            raise Error(403, "RequestTimeTooSkewed")
        path, _, query = self.path.partition("?")
        pairs = sorted((quoted(urllib.parse.unquote(k)), quoted(urllib.parse.unquote(v)))
                       for k, _, v in (q.partition("=") for q in query.split("&") if q))
        canonical = "\n".join([self.command, quoted(urllib.parse.unquote(path), "/"), "&".join("%s=%s" % p for p in pairs),
                               "".join("%s:%s\n" % (n, re.sub(" +", " ", ",".join(self.headers.get_all(n, []))).strip()) for n in names),
                               ";".join(names), self.headers["x-amz-content-sha256"]])
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, "%s/%s/s3/aws4_request" % (day, region), hashlib.sha256(canonical.encode()).hexdigest()])
        if not hmac.compare_digest(signature(secret, day, region, text), sent):
            raise Error(403, "SignatureDoesNotMatch")

    # ---- what is sent ----

    def body(self):
        n, store, out = int(self.headers.get("Content-Length") or 0), self.server.store, b""
        while len(out) < n:
            piece = self.rfile.read(min(65536, n - len(out)))
            if not piece:
                self.close_connection = True
                raise ConnectionError
            out += piece
            store.pace(len(piece))
            if self.cut is not None and len(out) >= self.cut * n:
                raise ConnectionError
        return out

    def proven(self, data):
        """That it is what the client meant."""
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(data).hexdigest():
            raise Error(400, "XAmzContentSHA256Mismatch")
        if self.headers.get("Content-MD5", b64(md5(data).digest())) != b64(md5(data).digest()):
            raise Error(400, "BadDigest")
        if self.headers.get("x-amz-checksum-sha256", sha256_b64(data)) != sha256_b64(data):
            raise Error(400, "BadDigest")

    def reply(self, status, body=b"", headers=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        if not any(k == "Content-Length" for k, v in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def known_by(self, etag, checksum):
        out = [("ETag", '"%s"' % etag)]
        if self.server.store.checksums and checksum:
            out.append(("x-amz-checksum-sha256", checksum))
        return out

    def serve(self):
        store, self.cut = self.server.store, None
        path, _, query = self.path.partition("?")
        bucket, _, key = urllib.parse.unquote(path.lstrip("/")).partition("/")
        args = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        op = self.operation(key, args)
        fault = store.fault(op, key, args) if store.fault else None
        with store.lock:
            store.asked.append((op, key))
        try:
            if fault == "hang up":
                raise ConnectionError
            if isinstance(fault, float):
                self.cut = fault
            data = self.body()
            if isinstance(fault, Error):
                raise fault
            self.check()
            self.proven(data)
            with store.lock:
                if bucket not in store.objects:
                    raise Error(404, "NoSuchBucket")
                status, body, headers = getattr(self, op)(store, bucket, key, args, data)
            if fault == "lost answer":
                raise ConnectionError
            if fault == "wrong checksum":
                headers = self.known_by("0" * 32, sha256_b64(b"something else"))
            self.reply(status, body, headers)
        except Error as e:
            self.reply(e.status, "" if self.command == "HEAD" else '<?xml version="1.0"?><Error><Code>%s</Code></Error>' % e.code, list(e.headers.items()))
        except ConnectionError:
            # As a cable does, not as a server that means it.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve

    def operation(self, key, args):
        return {"HEAD": "head", "DELETE": "abort" if "uploadId" in args else "remove",
                "POST": "begin" if "uploads" in args else "finish",
                "PUT": "part" if "uploadId" in args else "put",
                "GET": "uploads" if "uploads" in args else "parts" if "uploadId" in args else "get" if key else "list"}[self.command]

    # ---- objects ----

    def put_object(self, store, bucket, key, made):
        if store.conditions and self.headers.get("If-None-Match") == "*" and key in store.objects[bucket]:
            raise Error(412, "PreconditionFailed")
        if store.room is not None and sum(len(o.data) for o in store.objects[bucket].values()) + len(made.data) > store.room:
            raise Error(507, "XStorageFull")
        store.objects[bucket][key] = made
        store.written.append(key)

    def put(self, store, bucket, key, args, data):
        if store.corrupts:
            store.corrupts -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        made = Object(data, store.etag(md5(data).hexdigest()), sha256_b64(data))
        self.put_object(store, bucket, key, made)
        return 200, b"", self.known_by(made.etag, made.checksum if "x-amz-checksum-sha256" in self.headers else None)

    def found(self, store, bucket, key):
        if store.write_only:
            raise Error(403, "AccessDenied")
        if key not in store.objects[bucket]:
            raise Error(404, "NoSuchKey")
        return store.objects[bucket][key]

    def head(self, store, bucket, key, args, data):
        o = self.found(store, bucket, key)
        return 200, b"", [("Content-Length", str(len(o.data)))] + self.known_by(o.etag, o.checksum if "x-amz-checksum-mode" in self.headers else None)

    def get(self, store, bucket, key, args, data):
        o = self.found(store, bucket, key)
        return 200, o.data, self.known_by(o.etag, None)

    def list(self, store, bucket, key, args, data):
        assert args["list-type"] == "2"
        if store.lists:
            return 200, "<ListBucketResult>%s</ListBucketResult>" % store.lists(args), []
        names = sorted(k for k in store.objects[bucket] if k.startswith(args["prefix"]) and k > args.get("continuation-token", ""))
        page, more = names[:store.page], len(names) > store.page
        return 200, ("<ListBucketResult>%s<IsTruncated>%s</IsTruncated>%s</ListBucketResult>" % (
            "".join("<Contents><Key>%s</Key><Size>%d</Size><ETag>&quot;%s&quot;</ETag></Contents>" % (
                escape(k), len(store.objects[bucket][k].data), store.objects[bucket][k].etag) for k in page),
            "true" if more else "false",
            "<NextContinuationToken>%s</NextContinuationToken>" % escape(page[-1]) if more else "")), []

    # ---- uploads in parts ----

    def upload(self, store, args, key):
        u = store.pending.get(args["uploadId"])
        if not u or u["key"] != key:
            raise Error(404, "NoSuchUpload")
        return u

    def begin(self, store, bucket, key, args, data):
        store.count += 1
        name = "upload/%d+=" % store.count # what is to be escaped
        store.pending[name] = {"key": key, "parts": {}}
        return 200, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>" % name, []

    def part(self, store, bucket, key, args, data):
        u, number = self.upload(store, args, key), int(args["partNumber"])
        if not 1 <= number <= 10000:
            raise Error(400, "InvalidArgument")
        u["parts"][number] = data
        store.parts_received += 1
        return 200, b"", self.known_by(md5(data).hexdigest(), sha256_b64(data))

    def finish(self, store, bucket, key, args, data):
        u = self.upload(store, args, key)
        # Stores differ in whether they say a name space.
        asked = [(int(p.find("{*}PartNumber").text), p.find("{*}ETag").text.strip('"')) for p in et.fromstring(data)]
        parts = [u["parts"].get(n) for n, _ in asked]
        if [n for n, _ in asked] != sorted({n for n, _ in asked}) or None in parts or [md5(p).hexdigest() for p in parts] != [e for _, e in asked]:
            raise Error(400, "InvalidPart")
        if any(len(p) < store.part_least for p in parts[:-1]):
            raise Error(400, "EntityTooSmall")
        etag = md5(b"".join(md5(p).digest() for p in parts)).hexdigest() + "-%d" % len(parts)
        checksum = sha256_b64(b"".join(hashlib.sha256(p).digest() for p in parts)) + "-%d" % len(parts)
        self.put_object(store, bucket, key, Object(b"".join(parts), store.etag(etag), checksum))
        del store.pending[args["uploadId"]]
        return 200, "<CompleteMultipartUploadResult><ETag>&quot;%s&quot;</ETag>%s</CompleteMultipartUploadResult>" % (
            store.etag(etag), "<ChecksumSHA256>%s</ChecksumSHA256>" % checksum if store.checksums else ""), []

    def abort(self, store, bucket, key, args, data):
        self.upload(store, args, key)
        del store.pending[args["uploadId"]]
        return 204, b"", []

    def uploads(self, store, bucket, key, args, data):
        if not store.lists_uploads:
            raise Error(501, "NotImplemented")
        return 200, "<ListMultipartUploadsResult>%s</ListMultipartUploadsResult>" % "".join(
            "<Upload><Key>%s</Key><UploadId>%s</UploadId></Upload>" % (escape(u["key"]), name)
            for name, u in store.pending.items() if u["key"].startswith(args["prefix"])), []

    def parts(self, store, bucket, key, args, data):
        if not store.lists_uploads:
            raise Error(501, "NotImplemented")
        u, after = self.upload(store, args, key), int(args.get("part-number-marker", 0))
        numbers = sorted(n for n in u["parts"] if n > after)
        page, more = numbers[:store.page], len(numbers) > store.page
        return 200, "<ListPartsResult>%s<IsTruncated>%s</IsTruncated>%s</ListPartsResult>" % (
            "".join("<Part><PartNumber>%d</PartNumber><ETag>&quot;%s&quot;</ETag><Size>%d</Size></Part>" % (
                n, md5(u["parts"][n]).hexdigest(), len(u["parts"][n])) for n in page),
            "true" if more else "false", "<NextPartNumberMarker>%d</NextPartNumberMarker>" % page[-1] if more else ""), []


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def get_request(self):
        s, address = super().get_request()
        self.connections.add(s)
        return s, address

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self):
        """As a process that ends does: with what is under way."""
        for s in list(self.connections):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass # it hung up


class Store:
    """checksums, conditions, lists_uploads: what it knows. fault(op, key, args) → None, an Error, "hang up", a float (the part of the body behind
    which the connection is cut), "lost answer" or "wrong checksum". lists(args) → what is in the answer to a listing, in place of what there is."""

    def __init__(self, port=0):
        self.region, self.checksums, self.conditions, self.lists_uploads = REGION, True, True, True
        self.keys = {"AKIDEXAMPLE": ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)}
        self.objects, self.pending, self.count, self.lock = {"evidence": {}}, {}, 0, threading.RLock()
        self.asked, self.written, self.parts_received = [], [], 0
        self.fault, self.lists, self.room, self.rate, self.page, self.part_least = None, None, None, None, 1000, 0
        self.corrupts, self.write_only, self.opaque_etags = 0, False, False
        self.port, self.server = port, None

    def etag(self, etag):
        return hashlib.md5(b"enciphered" + etag.encode()).hexdigest() + etag[32:] if self.opaque_etags else etag

    def pace(self, n):
        if self.rate:
            time.sleep(n / self.rate)

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def credentials(self, path, access="AKIDEXAMPLE"):
        secret, token = self.keys[access]
        with open(str(path) + ".new", "w") as f:
            f.write("\n".join(filter(None, [access, secret, token])) + "\n")
        import os
        os.rename(str(path) + ".new", path)
        return path

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler, bind_and_activate=False)
        self.server.connections = set()
        self.server.server_bind()
        self.server.server_activate()
        self.server.store, self.port = self, self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.server.hang_up()
        self.thread.join()

    __enter__ = start

    def __exit__(self, *a):
        self.stop()
