# SPDX-License-Identifier: MIT
"""make test-kube: what test_admission.py asks of pgveil-admission behind the stand-in, behind a real server: it is the one that asks, and that
says no. Who acts is impersonated by the administrator, which the server makes no difference of but that it asks whether he may."""

import pytest

import admission
import servers
from client import Client
from test_admission import *  # noqa: F401,F403 its tests, on the cluster that is here
from test_admission import BOT, DAEMON, approval

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class As(Client):
    def __init__(self, url, ca_file, token, user):
        super().__init__(url, ca_file, token)
        self.user = user

    def _headers(self, more):
        return super()._headers({**more, "Impersonate-User": self.user})


class Cluster(admission.Cluster):
    def __init__(self, directory, real, **kw):
        super().__init__(directory, **kw)
        self.api.__exit__()
        self.real, self.api = real, servers.Cluster(real)

    def __enter__(self):
        self.api.start = lambda: None  # it is
        return super().__enter__()

    def __exit__(self, *_):
        self.stop_hook()
        self.real.close()

    def bind(self, role, user):
        """Until the server has heard of it."""
        super().bind(role, user)
        asked = {"spec": {"resourceAttributes": {"group": "pgveil.dev", "resource": "statementapprovals", "verb": "get", "namespace": admission.NAMESPACE}}}
        who = self.client(user)
        servers.until(lambda: who.post(REVIEW, asked).json()["status"]["allowed"], f"{user} may not")

    def client(self, user, role=None):
        if role:
            self.bind(role, user)
        return As(self.api.url, self.api.ca_file, self.api.admin, user)

    def configure(self):
        """By its address: nothing here makes a Service of a name."""
        create = self.api.create

        def at_its_address(obj):
            for hook in obj["webhooks"]:
                service = hook["clientConfig"].pop("service")
                hook["clientConfig"]["url"] = f"https://127.0.0.1:{self.port}{service['path']}"
            return create(obj)
        self.api.create = at_its_address
        super().configure()
        self.api.create = create
        admin = self.real.admin
        servers.until(lambda: "denied the request" in admin.post(admission.APPROVALS + "?dryRun=All", approval("probe")).json().get("message", ""), "it is not asked")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    real = servers.real_or_skip(tmp_path_factory.mktemp("kube"))
    with Cluster(tmp_path_factory.mktemp("cluster"), real, account=[BOT]) as c:
        c.daemon, c.ann = c.client(DAEMON), c.client("ann", "pgveil-approver")
        yield c
