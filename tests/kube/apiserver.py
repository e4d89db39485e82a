#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A stand-in for kube-apiserver, for tests: what a client can tell of the real one, as far as pgveil's clients and kubectl ask, and
every fault that a network and a real server have, on command. Python's own library and openssl; nothing is kept on disk.

    with ApiServer(directory) as api:
        token = api.tokens.add("alice", ["reviewers"])         # or api.admin, which may do all
        api.create({"kind": "Pod", "apiVersion": "v1", ...})     # past HTTP; api.get, api.change, api.delete, api.pods(5000)
        api.faults.add("reset", watch=True, after=1000)          # kubeapi/faults.py lists them
        api.compact(); api.tokens.rotate(token)
        ... api.url, api.ca_file, api.kubeconfig(token) ...

As a command:  apiserver.py DIRECTORY [--port N] [--version 1.32] [--play kubelet,namespaces]
It writes DIRECTORY/env (URL, CA, TOKEN) and DIRECTORY/kubeconfig, says "ready", and does what is asked under /standin/ by a user of system:masters:

    POST /standin/faults {"kind": "reset", "watch": true, "after": 1000}     DELETE /standin/faults
    POST /standin/compact {} or {"revision": N}                              POST /standin/expire {}    every watch ends by 410
    POST /standin/tokens {"user": …, "groups": […]} or {"rotate": OLD}       POST /standin/drop {}      every connection is reset
    POST /standin/pods {"count": 5000, "node": …, "namespace": …}            GET  /standin/requests     what was asked so far

kubeapi/ is what it is made of. What it does not do: protobuf and YAML bodies, expressions (x-kubernetes-validations, matchConditions,
ValidatingAdmissionPolicy), conversion webhooks, garbage collection, quotas, escalation checks of RBAC; controllers only as far as --play says:
kubelet ends pods that are being deleted, namespaces empties those that are."""

import argparse
import collections
import contextlib
import json
import os
import queue
import signal
import socket
import socketserver
import ssl
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from kubeapi import access, fields, kinds, meta, registry, status, store  # noqa: E402
from kubeapi.certs import Authority  # noqa: E402
from kubeapi.faults import Faults  # noqa: E402
from kubeapi.handler import Handler  # noqa: E402


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler, api):
        self.api = api
        super().__init__(address, handler)

    def finish_request(self, request, client_address):
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request.settimeout(10)
        try:
            tls = self.api.tls.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        tls.settimeout(None)
        with self.api.connected(tls):
            self.RequestHandlerClass(tls, client_address, self)

    def shutdown_request(self, request):
        self.close_request(request)  # wrap_socket took it

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


class ApiServer:
    def __init__(self, directory=None, port=0, version=(1, 32), bookmark_seconds=60.0, play=(), services=None, service_accounts=False,
                 watch_lists=False, clock=time.time):
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="apiserver-")
        self.directory = directory or self._temporary.name
        os.makedirs(self.directory, exist_ok=True)
        self.version, self.clock, self.play, self.watch_lists = tuple(version), clock, set(play), watch_lists
        self.bookmark_seconds = bookmark_seconds
        self.ahead_seconds = 0  # of the true time: what its answers say that it is
        self.store, self.faults, self.tokens = store.Store(), Faults(), access.Tokens(clock)
        self.rbac = access.Rbac(self.store)
        self.services = services if services is not None else {}
        self.registry = registry.Registry(self.store, clock, self.tokens, self.services, self.version, service_accounts)
        self.requests = collections.deque(maxlen=100_000)  # (time, method, path, user, code)
        self.authority = Authority(self.directory)
        self.ca_file = self.authority.file
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(*self.authority.sign("apiserver"))
        self.tls.set_alpn_protocols(["http/1.1"])
        self._port, self._listener, self._thread = port, None, None
        self._sockets, self._watches, self._lock = set(), set(), threading.Lock()
        self._watched, self._work = threading.Condition(self._lock), queue.Queue()
        self._master = access.User("system:admin", ("system:masters", access.AUTHENTICATED))
        self.admin = self.tokens.add("admin", ["system:masters"])
        for obj in access.bootstrap():
            self.create(obj)
        for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            self.create({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}})
        self.registry.after.append(lambda resource, obj: self._work.put((resource, obj)))

    # ---- life ----------------------------------------------------------------------------------------------------------------

    def start(self):
        handler = type("Handler", (Handler,), {"api": self})
        self._listener = _Listener(("127.0.0.1", self._port), handler, self)
        self._port = self._listener.server_address[1]  # the same when it is started again
        self._thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.store.closed = False
        threading.Thread(target=self._controllers, daemon=True).start()
        return self

    def stop(self):
        """Nobody is answered any more; what is stored stays, and start() serves it again."""
        if self._listener is None:
            return
        self._listener.shutdown()
        self._listener.server_close()
        self._listener = None
        self._work.put(None)
        self.faults.clear()
        self.store.close()
        self.drop_connections()
        self._thread.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        if self._temporary:
            self._temporary.cleanup()

    @property
    def address(self):
        return f"127.0.0.1:{self._port}"

    @property
    def url(self):
        return f"https://{self.address}"

    def kubeconfig(self, token=None, name="kubeconfig"):
        """A file for kubectl."""
        path = os.path.join(self.directory, name)
        with open(path, "w") as f:
            json.dump({"kind": "Config", "apiVersion": "v1", "current-context": "it",
                       "clusters": [{"name": "it", "cluster": {"server": self.url, "certificate-authority": self.ca_file}}],
                       "users": [{"name": "it", "user": {"token": token or self.admin}}], "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}, f)
        return path

    # ---- what its parts ask of it ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def connected(self, tls):
        with self._lock:
            self._sockets.add(tls)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.discard(tls)
            tls.close()

    @contextlib.contextmanager
    def watching(self, watch):
        with self._lock:
            self._watches.add(watch)
            self._watched.notify_all()
        try:
            yield
        finally:
            with self._lock:
                self._watches.discard(watch)

    def close_socket(self, tls):
        with self._lock:
            self._sockets.discard(tls)
        tls.close()

    def note(self, method, path, user, code):
        self.requests.append((self.clock(), method, path, user, code))

    # ---- faults that are no one request's -------------------------------------------------------------------------------------

    def compact(self, revision=None):
        """What was before is forgotten: who watches from there is told 410, whoever watches already goes on."""
        self.store.compact(revision)

    def expire_watches(self):
        with self._lock:
            for w in self._watches:
                w.expired = True
        with self.store.lock:
            self.store.changed.notify_all()

    def wait_for_watches(self, count, seconds=30):
        """Until there are so many; whether there are."""
        with self._lock:
            return self._watched.wait_for(lambda: len(self._watches) >= count, seconds)

    def drop_connections(self):
        with self._lock:
            for tls in self._sockets:
                with contextlib.suppress(OSError):
                    tls.shutdown(socket.SHUT_RDWR)

    # ---- objects, past HTTP ------------------------------------------------------------------------------------------------------

    def _resource(self, api_version, kind):
        resource = self.registry.of_kind(api_version, kind)
        if resource is None:
            raise KeyError(f"{api_version}, {kind}: not served")
        return resource

    def create(self, obj, manager="test"):
        """As an administrator's request; what is refused raises."""
        resource = self._resource(obj["apiVersion"], obj["kind"])
        made = self.registry.create(resource, obj["metadata"].get("namespace", "default") if resource.namespaced else "", store.clone(obj), self._master,
                                    registry.Options(manager))
        wanted = obj.get("status") if resource.has_status else None
        if wanted:  # as whoever owns the status would write it next
            made = self.change(resource.api_version, resource.kind, made["metadata"].get("namespace", ""), made["metadata"]["name"], {"status": wanted}, "status")
        return made

    def get(self, kind, namespace, name, api_version="v1"):
        return self.store.get(self._resource(api_version, kind).key, namespace, name)

    def list(self, kind, namespace="", api_version="v1"):
        """All of a namespace (default: that one), or of a kind that is in none."""
        resource = self._resource(api_version, kind)
        return [o for o in self.store.all(resource.key)[1] if not resource.namespaced or o["metadata"]["namespace"] == (namespace or "default")]

    def change(self, api_version, kind, namespace, name, merge, subresource=""):
        """A merge patch."""
        return self.registry.patch(self._resource(api_version, kind), namespace, name, "application/merge-patch+json", merge, self._master,
                                   registry.Options("test"), subresource)[0]

    def bind(self, namespace, name, node):
        """What the scheduler's Binding makes of a pod that is on no node."""
        key = self._resource("v1", "Pod").key
        bound = None
        while bound is None:
            before = self.store.get(key, namespace, name)
            bound = self.store.replace(key, before, {**before, "spec": {**before["spec"], "nodeName": node}})
        return bound

    def delete(self, kind, namespace, name, api_version="v1", **options):
        return self.registry.delete(self._resource(api_version, kind), namespace, name, options, self._master, registry.Options("test"))

    def pods(self, count, node="node1", namespace="default", labels=None, prefix="pod", phase="Running"):
        """So many at once, as real ones look."""
        resource, now = self._resource("v1", "Pod"), self.clock()
        model = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "", "namespace": namespace, "labels": labels or {}},
                 "spec": {"nodeName": node, "serviceAccountName": "default", "containers": [{"name": "c", "image": "localhost/app:1"}]}}
        kinds.defaults(resource, model)
        managed = fields.note(None, model, "test", "Update", "v1", meta.stamp(now))
        kinds.admit_pod(model, True)
        model["status"]["phase"] = phase
        with self.store.lock:
            for i in range(count):
                m = {**model["metadata"], "name": f"{prefix}-{i:05d}", "managedFields": managed}
                meta.new(m, now, False)
                obj = {**model, "metadata": m, "status": {**model["status"], "podIP": f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"}}
                if self.store.insert(resource.key, meta.ordered(obj)) is None:
                    raise KeyError(m["name"])

    # ---- as far as it plays controllers --------------------------------------------------------------------------------------------

    def _controllers(self):
        while (item := self._work.get()) is not None:
            resource, obj = item
            with contextlib.suppress(status.ApiError):
                self._finish(resource, obj)

    def _finish(self, resource, obj):
        m = obj.get("metadata", {})
        if resource.kind == "Pod" and "kubelet" in self.play and m.get("deletionGracePeriodSeconds"):
            self.delete("Pod", m["namespace"], m["name"], gracePeriodSeconds=0)
        elif resource.kind == "Namespace" and "namespaces" in self.play:
            for r in self.registry.resources():
                if r.namespaced and (r.group, r.plural) == r.key:
                    for inner in self.store.all(r.key)[1]:
                        if inner["metadata"]["namespace"] == m["name"]:
                            self.registry.delete(r, m["name"], inner["metadata"]["name"], {"gracePeriodSeconds": 0}, self._master, registry.Options("namespaces"))
            self.registry.finalize(m["name"], {"spec": {}})

    # ---- /standin/ ---------------------------------------------------------------------------------------------------------------

    def command(self, method, what, body, user):
        if "system:masters" not in user.groups:
            raise status.forbidden_path(f'User "{user.name}" cannot {method.lower()} path "/standin/{what}"')
        if what == "faults" and method == "DELETE":
            self.faults.clear()
            return {}
        if what == "requests" and method == "GET":
            return {"requests": [list(r) for r in self.requests]}
        if method != "POST":
            raise status.method_not_allowed()
        try:
            return self._command(what, body) or {}
        except (TypeError, ValueError, KeyError) as e:
            raise status.bad_request(f"{what}: {e}") from None

    def _command(self, what, body):
        if what == "faults":
            self.faults.add(**body)
        elif what == "compact":
            self.compact(body.get("revision"))
        elif what == "expire":
            self.expire_watches()
        elif what == "drop":
            self.drop_connections()
        elif what == "pods":
            self.pods(**body)
        elif what == "tokens":
            return {"token": self.tokens.rotate(body["rotate"]) if "rotate" in body else self.tokens.add(**body)}
        else:
            raise status.no_such_resource()
        return None


def main():
    parser = argparse.ArgumentParser(description="a stand-in for kube-apiserver")
    parser.add_argument("directory")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--version", default="1.32")
    parser.add_argument("--bookmark-seconds", type=float, default=60.0)
    parser.add_argument("--play", default="")
    args = parser.parse_args()
    api = ApiServer(args.directory, args.port, tuple(int(n) for n in args.version.split(".")), args.bookmark_seconds, filter(None, args.play.split(",")))
    done = threading.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: done.set())
    with api:
        api.kubeconfig()
        with open(os.path.join(args.directory, "env"), "w") as f:
            f.write(f"URL={api.url}\nCA={api.ca_file}\nTOKEN={api.admin}\n")
        print("ready", api.url, flush=True)
        done.wait()


if __name__ == "__main__":
    main()
