# SPDX-License-Identifier: MIT
"""What a cluster has for approvals: the CRDs, the roles and pgveil-admission, out of deploy/kubernetes and the build, on a stand-in API server."""

import base64
import os
import pathlib
import socket
import subprocess
import time

import yaml

from apiserver import ApiServer
from client import Client
from kubeapi.certs import Authority

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = ROOT / "deploy" / "kubernetes" / "base"
BUILD = os.environ.get("BUILD", "release")
NAMESPACE = "pgveil-system"
DAEMON = f"system:serviceaccount:{NAMESPACE}:pgveild"
RBAC = "rbac.authorization.k8s.io"
APPROVALS = f"/apis/pgveil.dev/v1/namespaces/{NAMESPACE}/statementapprovals"
GRANTS = f"/apis/pgveil.dev/v1/namespaces/{NAMESPACE}/statementgrants"


def manifests(*names):
    return [d for name in names for d in yaml.safe_load_all((BASE / name).read_text())]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    """An API server with all of it. hook=False: without pgveil-admission."""

    def __init__(self, directory, hook=True, account=()):
        self.directory, self.process = pathlib.Path(directory), None
        self.port, self.account = free_port(), account
        self.api = ApiServer(str(self.directory / "api"), services={(NAMESPACE, "pgveil-admission"): ("127.0.0.1", self.port)})
        self.directory.joinpath("hook").mkdir()
        self.authority = Authority(str(self.directory / "hook"), "webhook")
        self.hook = hook

    def __enter__(self):
        self.api.start()
        for name in (NAMESPACE, "agents"):
            self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for obj in manifests("crds/statementapprovals.yaml", "crds/statementgrants.yaml", "approver.yaml"):
            self.api.create(obj)
        for obj in manifests("../overlays/cluster/rbac.yaml"):
            self.api.create(obj)
        if self.hook:
            self.start_hook()
            self.configure()
        return self

    def __exit__(self, *_):
        self.stop_hook()
        self.api.__exit__()

    def bind(self, role, user):
        """The role of NAMESPACE to a user."""
        self.api.create({"apiVersion": RBAC + "/v1", "kind": "RoleBinding", "metadata": {"name": role + "-" + user.replace(":", "-"), "namespace": NAMESPACE},
                         "subjects": [{"kind": "User", "apiGroup": RBAC, "name": user}], "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role}})

    def client(self, user, role=None):
        if role:
            self.bind(role, user)
        return Client(self.api.url, self.api.ca_file, self.token(user))

    def token(self, user):
        if not user.startswith("system:serviceaccount:"):
            return self.api.tokens.add(user)
        namespace, name = user.split(":")[2:]
        return self.api.tokens.add_service_account(namespace, name)

    def sign(self, name="hook"):
        return self.authority.sign(name, ("pgveil-admission.%s.svc" % NAMESPACE, "127.0.0.1"))

    def start_hook(self):
        crt, key = self.sign()
        self.run_hook("--cert", crt, "--key", key, "--daemon", DAEMON, *(a for u in self.account for a in ("--account", u)))

    def run_hook(self, *args):
        """Returns when it answers."""
        self.log = open(self.directory / "hook.log", "ab")
        self.process = subprocess.Popen([ROOT / "build" / BUILD / "pgveil-admission", "--listen", "127.0.0.1:%d" % self.port, *args], stderr=self.log)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, (self.directory / "hook.log").read_text()
                time.sleep(0.02)

    def stop_hook(self):
        if self.process is None:
            return
        self.process.terminate()
        code = self.process.wait(30)
        self.process = None
        self.log.close()
        assert code == 0, (self.directory / "hook.log").read_text()

    def configure(self):
        self.trust(*manifests("../overlays/cluster/webhook.yaml"))

    def trust(self, config):
        """The webhooks of a configuration are asked, as ones whose certificate is ours."""
        bundle = base64.b64encode(pathlib.Path(self.authority.file).read_bytes()).decode()
        for hook in config["webhooks"]:
            hook["clientConfig"]["caBundle"] = bundle
        self.api.create(config)
