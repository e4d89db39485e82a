# SPDX-License-Identifier: MIT
"""Requests as they come, and what is answered: authentication, authorization, then the verb."""

import gzip
import http.server
import json
import random
import re
import socket
import struct
import time
import urllib.parse
import uuid

from . import access, discovery, kinds, patch, registry, selector, status, store, table
from .faults import BEFORE, Body, Cut, Reset
from .watch import Watch

LIMIT = 3 * 1024 * 1024
_SCHEMA_UID, _LEVEL_UID = str(uuid.uuid4()), str(uuid.uuid4())
_PATCHES = (patch.JSON, patch.MERGE, patch.STRATEGIC, patch.APPLY)
_AS = re.compile(r"as=([A-Za-z]+)")


class _Target:
    """What a path names: resource, namespace, name, subresource; or a path alone."""

    def __init__(self, path):
        parts = [urllib.parse.unquote(p) for p in path.strip("/").split("/")]
        self.group = self.version = self.plural = self.namespace = self.name = self.subresource = ""
        self.is_resource = False
        if parts[0] == "api" and len(parts) > 2:
            self.version, rest = parts[1], parts[2:]
        elif parts[0] == "apis" and len(parts) > 3:
            self.group, self.version, rest = parts[1], parts[2], parts[3:]
        else:
            return
        self.is_resource = True
        if rest[0] == "namespaces" and not self.group and (len(rest) < 3 or rest[2] in ("status", "finalize")):
            self.plural, self.name, self.subresource = (rest + ["", ""])[:3]
            self.asked_namespace = self.name
        else:
            if rest[0] == "namespaces" and len(rest) > 2:
                self.namespace, rest = rest[1], rest[2:]
            self.asked_namespace = self.namespace
            self.plural, self.name, self.subresource = (rest + ["", ""])[:3]
        self.extra = len(rest) > 3


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = sys_version = ""
    api = None  # the ApiServer

    # ---- the frame ---------------------------------------------------------------------------------------------------------

    def log_message(self, *_):
        pass

    def version_string(self):
        return ""

    def do(self):
        self._warnings, self._headers_out, self._user = [], False, None
        split = urllib.parse.urlsplit(self.path)
        self._path = split.path
        self._query = {k: v[-1] for k, v in urllib.parse.parse_qs(split.query, keep_blank_values=True).items()}
        self._watching = self._query.get("watch", "").lower() in ("1", "true") and self.command == "GET"
        self._faults = {}
        code = 0
        try:
            try:
                body = self._read()
                self._user = self.api.tokens.of_header(self.headers.get("Authorization"))
                if not self._path.startswith("/standin/"):
                    self._faults = self.api.faults.of(self.command, self._path, self._watching)
                    self._before()
                code = self._route(body)
            except status.ApiError as e:
                if self._headers_out:
                    raise Reset from None
                code = e.code
                self._send(e.code, e.status(), e.headers)
        except (Reset, Cut) as e:
            self._end_connection(reset=isinstance(e, Reset))
        except (ConnectionError, socket.timeout, OSError):
            self.close_connection = True
        finally:
            self.api.note(self.command, self.path, self._user.name if self._user else "", code)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do

    def _before(self):
        for kind in BEFORE:
            fault = self._faults.get(kind)
            if not fault:
                continue
            if kind == "close":
                raise Reset
            if kind == "hang":
                self.api.faults.wait(fault.get("seconds", 3600))
                raise Reset
            code = fault.get("code", 503)
            reasons = {429: ("TooManyRequests", "Too many requests, please try again later."), 500: ("InternalError", "Internal error occurred: told to"),
                       503: ("ServiceUnavailable", "the server is currently unable to handle the request")}
            reason, message = reasons.get(code, ("", "told to"))
            headers = {"Retry-After": str(fault["retry_after"])} if fault.get("retry_after") is not None else {}
            details = {"retryAfterSeconds": fault["retry_after"]} if headers else None
            raise status.ApiError(code, reason, message, details, headers=headers)

    def _end_connection(self, reset):
        self.close_connection = True
        try:
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.api.close_socket(self.connection)
            else:
                self.wfile.flush()
                self.connection.unwrap()
        except (OSError, ValueError):
            pass

    def _read(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            data = b""
            while n := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(n)
                self.rfile.readline()
                if len(data) > LIMIT:
                    break
            else:
                self.rfile.readline()
        else:
            n = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(min(n, LIMIT + 1))
        if len(data) > LIMIT:
            self.close_connection = True
            raise status.ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {LIMIT}")
        return data

    def _json(self, data):
        kind = self.headers.get("Content-Type", "application/json").split(";")[0].strip()
        if self.command != "PATCH" and kind not in ("application/json", "application/x-www-form-urlencoded"):
            raise status.unsupported_media(["application/json"])
        if not data:
            return {}
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as e:
            raise status.bad_request(f"the body of the request is no JSON: {e}") from None

    # ---- answers -------------------------------------------------------------------------------------------------------------

    def _start(self, code, kind, length=None, more=None):
        self._headers_out = True
        self.send_response_only(code)
        self.send_header("Audit-Id", str(uuid.uuid4()))
        self.send_header("Cache-Control", "no-cache, private")
        self.send_header("Content-Type", kind)
        for w in self._warnings:
            self.send_header("Warning", f"299 - {json.dumps(w, ensure_ascii=False)}")
        if code == 403:
            self.send_header("X-Content-Type-Options", "nosniff")
        if code != 401:
            self.send_header("X-Kubernetes-Pf-Flowschema-Uid", _SCHEMA_UID)
            self.send_header("X-Kubernetes-Pf-Prioritylevel-Uid", _LEVEL_UID)
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.send_header("Date", self.date_time_string(time.time() + self.api.ahead_seconds))
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _out(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def _send(self, code, obj, headers=None):
        if isinstance(obj, (bytes, str)):
            data, kind = obj.encode() if isinstance(obj, str) else obj, "text/plain; charset=utf-8" if isinstance(obj, str) else discovery.V2_PROTOBUF
        else:
            # As the real one does for those that a person looks at.
            pretty = self._query.get("pretty") in ("1", "true") or "pretty" not in self._query and re.match(r"curl|Wget|Mozilla", self.headers.get("User-Agent", ""))
            data = json.dumps(obj, ensure_ascii=False, **({"indent": 2} if pretty else {"separators": (",", ":")})).encode()
            data, kind = data + (b"" if pretty else b"\n"), "application/json"
        headers = dict(headers or {})
        if len(data) > 128 * 1024 and "gzip" in self.headers.get("Accept-Encoding", ""):
            data = gzip.compress(data, 1)
            headers.update({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
        chunked = len(data) > 2048 or any(k in self._faults for k in ("split", "reset", "cut"))
        self._start(code, kind, None if chunked else len(data), headers)
        if self.command == "HEAD":
            return code
        body = Body(self._out, self._faults, chunked, self.api.faults.wait)
        for at in range(0, len(data), 16384):
            body.write(data[at:at + 16384])
        body.end()
        return code

    # ---- what is asked -------------------------------------------------------------------------------------------------------

    def _route(self, data):
        if self._path.startswith("/standin/"):
            return self._send(200, self.api.command(self.command, self._path[9:], self._json(data), self._user))
        target = _Target(self._path)
        if not target.is_resource:
            self.api.rbac.require(self._user, access.Request(self.command.lower(), path=self._path))
            return self._document()
        verb = self._verb(target)
        asked = access.Request(verb, target.group, target.plural, target.subresource, target.asked_namespace, target.name)
        if not target.name and verb in ("list", "watch", "deletecollection"):
            m = re.fullmatch(r"metadata\.name==?([^,=!]+)", self._query.get("fieldSelector", ""))
            asked.name = m[1] if m else ""
        self.api.rbac.require(self._user, asked)
        resource = self.api.registry.lookup(target.group, target.version, target.plural)
        if resource and resource.custom and target.namespace and not resource.namespaced:
            return self._send(404, "404 page not found\n")
        if resource is None or target.extra or (target.namespace and not resource.namespaced):
            if not any(r.group == target.group and r.version == target.version for r in self.api.registry.resources()):
                return self._send(404, "404 page not found\n")
            raise status.no_such_resource()
        known = (["status"] if resource.has_status else []) + list(resource.subresources)
        if target.subresource and target.subresource not in known:
            raise status.not_found(resource.name, target.name) if resource.custom else status.no_such_resource()
        if not target.subresource and verb not in resource.verbs:
            raise status.method_not_allowed()
        return getattr(self, "_" + verb)(target, resource, data)

    def _verb(self, target):
        if self.command in ("GET", "HEAD"):
            return "watch" if self._watching else "get" if target.name else "list"
        if self.command == "DELETE":
            return "delete" if target.name else "deletecollection"
        return {"POST": "create", "PUT": "update", "PATCH": "patch"}[self.command]

    def _document(self):
        path, all_of = self._path.rstrip("/") or "/", self.api.registry.resources()
        if self.command not in ("GET", "HEAD"):
            raise status.method_not_allowed()
        if path in ("/healthz", "/livez", "/readyz"):
            return self._send(200, "ok")
        if path == "/version":
            major, minor = self.api.version
            return self._send(200, {"major": str(major), "minor": str(minor), "gitVersion": f"v{major}.{minor}.0", "platform": "linux/amd64"})
        found = None
        parts = path.strip("/").split("/")
        if path == "/api":
            found = discovery.api_versions(self.api.address)
        elif path == "/apis":
            found = discovery.group_list(all_of)
        elif parts[0] == "apis" and len(parts) == 2:
            found = discovery.group(all_of, parts[1])
        elif parts[0] in ("api", "apis") and len(parts) in (2, 3):
            found = discovery.resource_list(all_of, "/".join(parts[1:]))
        elif path == "/openapi/v3":
            found = discovery.v3_index(all_of)
        elif path.startswith("/openapi/v3/"):
            found = discovery.v3(all_of, "/".join(parts[3:]))
        elif path == "/openapi/v2":
            found = discovery.v2_protobuf() if "protobuf" in self.headers.get("Accept", "") else discovery.v2()
        return self._send(200, found) if found is not None else self._send(404, "404 page not found\n")

    # ---- the form that is wanted ----------------------------------------------------------------------------------------------

    def _form(self):
        """"Table", "PartialObjectMetadata" (or …List), or "" for the object itself."""
        accepted = self.headers.get("Accept", "*/*")
        for one in accepted.split(","):
            kind = one.split(";")[0].strip()
            if kind in ("application/json", "*/*", "application/*"):
                m = _AS.search(one)
                if not m or m[1] in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
                    return m[1] if m else ""
        raise status.not_acceptable(["application/json"])

    def _shown(self, resource, obj, header=True):
        form = self._form()
        if form == "Table":
            m = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            return table.table(resource, [kinds.from_store(resource, obj)], m, self.api.clock(), self._query.get("includeObject", "Metadata"), header)
        if form.startswith("Partial"):
            return table.metadata_only(obj)
        return kinds.from_store(resource, obj)

    def _answer(self, resource, obj, code=200):
        if obj.get("kind") == "Status" or obj.get("kind") != resource.kind:
            return self._send(code, obj)
        return self._send(code, self._shown(resource, obj))

    def _wanted(self, target, resource):
        """A function of a stored object, and whether anything is selected at all."""
        text = self._query.get("labelSelector", "")
        labels = selector.labels(text) if text else None
        text = self._query.get("fieldSelector", "")
        by_field = selector.fields(text, resource.fields) if text else None
        namespace, name = target.namespace, target.name

        def wanted(obj):
            m = obj["metadata"]
            return (not namespace or m.get("namespace") == namespace) and (not name or m["name"] == name) and (
                labels is None or labels(m.get("labels"))) and (by_field is None or by_field(kinds.from_store(resource, obj)))
        return wanted, bool(labels or by_field)

    def _version(self):
        """The resourceVersion that is asked for, as far as it is one."""
        version, match = self._query.get("resourceVersion", ""), self._query.get("resourceVersionMatch", "")
        if version and not re.fullmatch(r"\d+", version):
            raise status.bad_request(f'Invalid resource version "{version}"')
        faults = []
        if match and not version and self._query.get("sendInitialEvents") is None:
            faults.append(status.forbidden_field("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if match and match not in ("Exact", "NotOlderThan"):
            faults.append(status.not_supported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]))
        if match == "Exact" and version == "0":
            faults.append(status.forbidden_field("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
        if match and self._query.get("continue"):
            faults.append(status.forbidden_field("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
        if faults:
            raise status.invalid("meta.k8s.io", "ListOptions", "", faults)
        return version, match

    # ---- verbs ---------------------------------------------------------------------------------------------------------------

    def _get(self, target, resource, _):
        obj = self.api.store.get(resource.key, target.namespace, target.name)
        if obj is None or target.subresource not in ("", "status"):
            raise status.not_found(resource.name, target.name)
        return self._answer(resource, obj)

    def _list(self, target, resource, _):
        wanted, selective = self._wanted(target, resource)
        version, match = self._version()
        limit = int(self._query.get("limit") or 0)
        meta_, objects = store.page(self.api.store, resource.key, resource.namespaced, wanted, limit, self._query.get("continue", ""), version, match, selective)
        form = self._form()
        if form == "Table":
            shown = [kinds.from_store(resource, o) for o in objects]
            return self._send(200, table.table(resource, shown, meta_, self.api.clock(), self._query.get("includeObject", "Metadata")))
        if form.startswith("Partial"):
            return self._send(200, {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta_,
                                    "items": [{"metadata": o["metadata"]} for o in objects]})
        items = [kinds.from_store(resource, o) for o in objects]
        if not resource.custom:
            items = [{k: v for k, v in o.items() if k not in ("kind", "apiVersion")} for o in items]
        return self._send(200, {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": meta_, "items": items})

    def _watch(self, target, resource, _):
        wanted, _ = self._wanted(target, resource)
        version, _ = self._version()
        seconds = float(self._query.get("timeoutSeconds") or random.uniform(1800, 3600))
        initial = self._query.get("sendInitialEvents")
        self._form()
        self._start(200, "application/json")
        body = Body(self._out, self._faults, True, self.api.faults.wait)
        if initial is not None and not self.api.watch_lists:
            body.write(_line("ERROR", status.ApiError(500, "InternalError", "a watch stream was requested by the client but the required storage feature "
                                                      "RequestWatchProgress is disabled").status()))
            body.end()
            return 200
        bookmarks = self._query.get("allowWatchBookmarks", "").lower() in ("1", "true") and "bookmarks" not in self._faults
        w = Watch(self.api.store, resource, wanted, version, seconds, bookmarks, self.api.bookmark_seconds, None if initial is None else initial == "true")
        with self.api.watching(w):
            _Stream(self, resource, body).run(w)
        body.end()
        return 200

    def _options(self, body=None):
        if self._query.get("dryRun", "All") != "All":
            raise status.invalid("meta.k8s.io", "Options", "", [status.not_supported("dryRun", self._query["dryRun"], ["All"])])
        manager = self._query.get("fieldManager") or self.headers.get("User-Agent", "unknown").split("/")[0][:128] or "unknown"
        return registry.Options(manager, "dryRun" in self._query, self._query.get("fieldValidation", ""), self._query.get("force") == "true",
                                bool(self._query.get("fieldManager")))

    def _create(self, target, resource, data):
        body, options = self._json(data), self._options()
        if target.subresource == "binding":
            return self._send(201, self.api.registry.bind(target.namespace, target.name, body))
        if target.subresource == "token":
            return self._send(201, self.api.registry.issue_token(target.namespace, target.name, body))
        if target.name or target.subresource:
            raise status.method_not_allowed(resource, "create")
        if resource.verbs == ("create",):
            return self._send(201, access.review(resource.kind, body, self._user, self.api.tokens, self.api.rbac))
        if resource.namespaced and not target.namespace:
            raise status.bad_request("an empty namespace may not be set during creation")
        obj = self.api.registry.create(resource, target.namespace, body, self._user, options)
        self._warnings = options.warnings
        return self._answer(resource, obj, 201)

    def _update(self, target, resource, data):
        body, options = self._json(data), self._options()
        if target.subresource == "finalize":
            return self._answer(resource, self.api.registry.finalize(target.name, body))
        if not target.name or target.subresource not in ("", "status"):
            raise status.method_not_allowed()
        obj, made = self.api.registry.update(resource, target.namespace, target.name, body, self._user, options, target.subresource)
        self._warnings = options.warnings
        return self._answer(resource, obj, 201 if made else 200)

    def _patch(self, target, resource, data):
        kind = self.headers.get("Content-Type", "").split(";")[0].strip()
        if kind not in _PATCHES:
            if resource.custom:
                raise status.unsupported_media([patch.JSON, patch.MERGE, patch.APPLY])
            raise status.ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type")
        if not target.name or target.subresource not in ("", "status"):
            raise status.method_not_allowed()
        options = self._options()
        if kind == patch.APPLY and "fieldManager" not in self._query:
            raise status.invalid("meta.k8s.io", "PatchOptions", "", [status.required("fieldManager", "is required for apply patch")])
        obj, made = self.api.registry.patch(resource, target.namespace, target.name, kind, self._json(data), self._user, options, target.subresource)
        self._warnings = options.warnings
        return self._answer(resource, obj, 201 if made else 200)

    def _delete_options(self, data):
        body = self._json(data)
        for key in ("gracePeriodSeconds", "propagationPolicy"):
            if key in self._query:
                body.setdefault(key, int(self._query[key]) if key == "gracePeriodSeconds" else self._query[key])
        options = self._options()
        options.dry_run = options.dry_run or body.get("dryRun") == ["All"]
        return body, options

    def _delete(self, target, resource, data):
        if target.subresource:
            raise status.method_not_allowed(resource, "delete")
        body, options = self._delete_options(data)
        return self._answer(resource, self.api.registry.delete(resource, target.namespace, target.name, body, self._user, options))

    def _deletecollection(self, target, resource, data):
        wanted, _ = self._wanted(target, resource)
        body, options = self._delete_options(data)
        revision, objects = self.api.store.all(resource.key)
        gone = [o for o in objects if wanted(o)]
        for o in gone:
            try:
                self.api.registry.delete(resource, o["metadata"].get("namespace", ""), o["metadata"]["name"], body, self._user, options)
            except status.ApiError as e:
                if e.code != 404:
                    raise
        items = [kinds.from_store(resource, o) for o in gone]
        return self._send(200, {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": {"resourceVersion": str(revision)}, "items": items})


def _line(kind, obj):
    return json.dumps({"type": kind, "object": obj}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


class _Stream:
    """The events of a watch as bytes, with the faults that are about events."""

    def __init__(self, handler, resource, body):
        self.handler, self.resource, self.body, self.faults = handler, resource, body, handler._faults
        self.sent, self.waiting, self.older = 0, [], []
        self.header = True

    def run(self, watch):
        bound = min((f["after"] for k in ("end", "expire") if (f := self.faults.get(k))), default=None)
        for event in watch:
            if bound is not None and self.sent >= bound:
                break
            if event is None:
                self._flush()
                if not self.waiting:
                    self._alive()
                continue
            self._event(*event)
        self._flush()
        if "expire" in self.faults and self.sent >= self.faults["expire"]["after"]:
            self.body.write(_line("ERROR", status.expired("The resourceVersion for the provided watch is too old.").status()))

    def _alive(self):
        """A client that went away is noticed even where nothing happens."""
        connection = self.handler.connection
        connection.settimeout(0)
        try:
            if connection.recv(1) == b"":
                raise ConnectionResetError
        except (BlockingIOError, OSError) as e:
            if isinstance(e, ConnectionError):
                raise
        finally:
            connection.settimeout(None)

    def _event(self, kind, obj):
        if kind == "BOOKMARK":
            line = _line(kind, self._bookmark(*obj))
        elif kind == "ERROR":
            line = _line(kind, obj)
        else:
            line = self._object(kind, obj)
        bad, cut = self.faults.get("malformed"), self.faults.get("truncated")
        if bad and bad.get("at", 0) == self.sent:
            line = bad.get("bytes", '{"type":"ADDED","object":{"kind":').encode()
        if cut and cut.get("at", 0) == self.sent:
            line = line[:len(line) // 2]
        self.sent += 1
        self.waiting.append(line)
        again = self.faults.get("duplicate")
        if again:
            self.waiting += self.older[-again.get("each", 1):]
            self.older.append(line)
        if len(self.waiting) >= (self.faults["join"]["events"] if "join" in self.faults else 1):
            self._flush()

    def _object(self, kind, obj):
        huge = self.faults.get("huge")
        if huge and huge.get("at", 0) == self.sent:
            annotations = {**obj["metadata"].get("annotations", {}), "huge": "x" * huge.get("size", 1 << 20)}
            obj = {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}
        line = _line(kind, self.handler._shown(self.resource, obj, self.header))
        self.header = False
        return line

    def _bookmark(self, revision, annotations):
        m = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            m["annotations"] = annotations
        obj = {"kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": m}
        if self.handler._form() == "Table":
            return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": str(revision)}, "columnDefinitions": None, "rows": []}
        if self.handler._form():
            return {**table.metadata_only(obj)}
        if self.resource.kind == "Pod":
            obj.update({"spec": {"containers": None}, "status": {}})
        elif self.resource.kind in ("Namespace", "Node"):
            obj.update({"spec": {}, "status": {}})
        return obj

    def _flush(self):
        if not self.waiting:
            return
        data = b"".join(self.waiting) if "join" in self.faults else None
        for line in [data] if data is not None else self.waiting:
            self.body.write(line)
        self.waiting = []
