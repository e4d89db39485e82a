# SPDX-License-Identifier: MIT
"""What a cluster has for approvals: the CRDs, the roles and pgveil-admission, out of deploy/kubernetes and the build, on a stand-in API server
or (RealCluster) on a real one. cluster() is on the one that tests run against."""

import base64
import os
import pathlib
import socket
import subprocess
import time

import yaml

import servers
from apiserver import ApiServer
from client import Client
from kubeapi.certs import Authority

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = ROOT / "deploy" / "kubernetes" / "base"
BUILD = os.environ.get("BUILD", "release")
NAMESPACE = "pgveil-system"
DAEMON = f"system:serviceaccount:{NAMESPACE}:pgveild"
RBAC = "rbac.authorization.k8s.io"
HOOKS = "admissionregistration.k8s.io/v1"
APPROVALS = f"/apis/pgveil.dev/v1/namespaces/{NAMESPACE}/statementapprovals"
GRANTS = f"/apis/pgveil.dev/v1/namespaces/{NAMESPACE}/statementgrants"


def manifests(*names):
    return [d for name in names for d in yaml.safe_load_all((BASE / name).read_text())]


def probe(name="probe"):
    """An object that nobody but a daemon may make; with dryRun nobody has it either."""
    digests = dict.fromkeys(("statement", "role", "path", "objects", "settings", "policy"), "0" * 64)
    return {"apiVersion": "pgveil.dev/v1", "kind": "StatementApproval", "metadata": {"name": name}, "spec": {
        "requester": {"node": "n", "identity": "i"}, "database": "d", "kind": "delete", "statement": "s", "required": 1, "expires": "2026-01-01T00:00:00Z",
        "binding": digests, "seal": "0" * 64}}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    """An API server with all of it. hook=False: without pgveil-admission."""

    def __init__(self, directory, hook=True, account=()):
        self.directory, self.process = pathlib.Path(directory), None
        self.port, self.account = free_port(), account
        self.api = self.server()
        self.directory.joinpath("hook").mkdir()
        self.authority = Authority(str(self.directory / "hook"), "webhook")
        self.hook = hook

    def server(self):
        return ApiServer(str(self.directory / "api"), services={(NAMESPACE, "pgveil-admission"): ("127.0.0.1", self.port)}).start()

    def close(self):
        self.api.__exit__()

    def __enter__(self):
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
        self.close()

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
        """Until it is asked."""
        self.trust(*manifests("../overlays/cluster/webhook.yaml"))
        servers.until(lambda: "denied the request" in self.tried().get("message", ""), "it is not asked")

    def unguard(self):
        """Nobody asks pgveil-admission any more; configure() again."""
        self.api.delete("ValidatingWebhookConfiguration", "", "pgveil-approvals", HOOKS)
        servers.until(lambda: self.tried().get("kind") == "StatementApproval", "it is asked yet")

    def tried(self):
        return self.master().post(APPROVALS + "?dryRun=All", probe()).json()

    def master(self):
        """Who may everything that the API server itself knows of."""
        return Client(self.api.url, self.api.ca_file, self.api.admin)

    def trust(self, config):
        """The webhooks of a configuration are asked, as ones whose certificate is ours."""
        bundle = base64.b64encode(pathlib.Path(self.authority.file).read_bytes()).decode()
        for hook in config["webhooks"]:
            hook["clientConfig"]["caBundle"] = bundle
        self.api.create(config)


class As(Client):
    """Who acts is impersonated by the administrator, which the server makes no difference of but that it asks whether he may."""

    def __init__(self, url, ca_file, token, user):
        super().__init__(url, ca_file, token)
        self.user = user

    def _headers(self, more):
        return super()._headers({**more, "Impersonate-User": self.user})


class RealCluster(Cluster):
    def server(self):
        self.directory.joinpath("api").mkdir()
        self.real = servers.Real(self.directory / "api", accounts=[DAEMON])
        return servers.Cluster(self.real)

    def close(self):
        self.real.close()

    def bind(self, role, user):
        """Until the server has heard of it."""
        super().bind(role, user)
        asked = {"spec": {"resourceAttributes": {"group": "pgveil.dev", "resource": "statementapprovals", "verb": "get", "namespace": NAMESPACE}}}
        who = self.client(user)
        servers.until(lambda: who.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", asked).json()["status"]["allowed"], f"{user} may not")

    def client(self, user, role=None):
        if role:
            self.bind(role, user)
        return As(self.api.url, self.api.ca_file, self.api.admin, user)

    def token(self, user):
        return self.real.client(user).token

    def trust(self, config):
        """By its address: nothing here makes a Service of a name."""
        for hook in config["webhooks"]:
            service = hook["clientConfig"].pop("service")
            hook["clientConfig"]["url"] = f"https://127.0.0.1:{self.port}{service['path']}"
        super().trust(config)


def cluster(directory, **kw):
    return (RealCluster if servers.is_real() else Cluster)(directory, **kw)
