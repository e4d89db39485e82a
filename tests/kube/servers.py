# SPDX-License-Identifier: MIT
"""The two API servers that cases run against, one as the other to whoever uses them: the stand-in, and with KUBE_REAL=1 (make test-kube) a real one."""

import json
import os
import subprocess
import time

import pytest

from apiserver import ApiServer
from client import Client

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "kube-apiserver.sh")
USERS = {"admin": ["system:masters"], "bob": [], "carol": ["reviewers"]}


class StandIn:
    def __init__(self):
        self.api = ApiServer(version=(1, 20)).start()
        self.tokens = {user: self.api.tokens.add(user, groups, uid=user) for user, groups in USERS.items()}
        self.admin = self.client("admin")

    def client(self, user, raw=False):
        return Client(self.api.url, self.api.ca_file, user if raw else self.tokens.get(user))

    def compact(self):
        self.api.compact()

    def close(self):
        self.api.stop()


class Real:
    """As far as tests of pgveild want it, it is what ApiServer is: url, ca_file, admin, create, change, delete, stop, start, tokens.rotate."""

    def __init__(self, directory, accounts=()):
        """accounts: system:serviceaccount:NAMESPACE:NAME, each of a token-of-… its own."""
        self.directory = str(directory)
        more = {a: ["system:serviceaccounts", "system:serviceaccounts:" + a.split(":")[2]] for a in accounts}
        self.users = {f"token-of-{user}": (user, groups) for user, groups in {**USERS, **more}.items()}
        self._tell()
        self._run("start", str(os.getpid()))
        with open(os.path.join(self.directory, "env")) as f:
            self.env = dict(line.strip().split("=", 1) for line in f)
        self.url, self.ca_file, self.token = self.env["URL"], self.env["CA"], "token-of-admin"
        self.admin = self.client("admin")

    def _run(self, command, *arguments):
        subprocess.run([SCRIPT, command, self.directory, *arguments], check=True)

    def _tell(self):
        with open(os.path.join(self.directory, "tokens.csv"), "w") as f:
            for token, (user, groups) in self.users.items():
                f.write(f"{token},{user},{user}" + (f',"{",".join(groups)}"' if groups else "") + "\n")

    def client(self, user, raw=False):
        known = {name: token for token, (name, _) in self.users.items()}
        return Client(self.env["URL"], self.env["CA"], user if raw else known.get(user))

    def compact(self):
        self._run("compact")

    def close(self):
        self._run("stop")

    # ---- the server alone ----------------------------------------------------------------------------------------------------

    def stop(self):
        self._run("pause")

    def start(self):
        self._run("restart")

    def rotate(self, token):
        """Another token for who has this one, which is not known any more."""
        self.users[token + "-anew"] = self.users.pop(token)
        self._tell()
        self._run("restart")
        self.admin = self.client("admin")
        return token + "-anew"

    def kubeconfig(self, name="kubeconfig"):
        """A file for kubectl."""
        path = os.path.join(self.directory, name)
        with open(path, "w") as f:
            json.dump({"kind": "Config", "apiVersion": "v1", "current-context": "it",
                       "clusters": [{"name": "it", "cluster": {"server": self.url, "certificate-authority": self.ca_file}}],
                       "users": [{"name": "it", "user": {"token": self.admin.token}}], "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}, f)
        return path


def until(condition, otherwise):
    """What a server learns by a watch takes a while."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)


def is_real():
    return bool(os.environ.get("KUBE_REAL"))


def real_or_skip(directory):
    """A real server that is up, for a fixture."""
    if not is_real():
        pytest.skip("make test-kube")
    return Real(directory)


class Cluster:
    """A real server as what tests of pgveild know of ApiServer."""

    EVERYWHERE = ("Namespace", "Node", "RuntimeClass", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration", "MaskingPolicy")

    def __init__(self, real):
        self._real, self.url, self.ca_file = real, real.url, real.ca_file
        self.admin, self.tokens = real.admin.token, self

    def _path(self, api_version, kind, namespace):
        inside = "" if kind in self.EVERYWHERE else f"/namespaces/{namespace or 'default'}"
        plural = kind.lower()[:-1] + "ies" if kind.endswith("y") else kind.lower() + ("es" if kind.endswith("s") else "s")
        return f"/api{'s' if '/' in api_version else ''}/{api_version}{inside}/{plural}"

    @staticmethod
    def _done(answer):
        if answer.status >= 300:
            raise AssertionError(f"{answer.status}: {answer.body.decode(errors='replace')[:500]}")
        return answer.json()

    def create(self, obj):
        """A definition is served when this returns."""
        made = self._done(self._real.admin.post(self._path(obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace")), obj))
        if obj["kind"] == "CustomResourceDefinition":
            of = obj["spec"]
            until(lambda: self._real.admin.get(f"/apis/{of['group']}/{of['versions'][0]['name']}/{of['names']['plural']}").status == 200, "it is not served")
        return made

    def get(self, kind, namespace, name, api_version="v1"):
        return self._done(self._real.admin.get(f"{self._path(api_version, kind, namespace)}/{name}"))

    def list(self, kind, namespace="", api_version="v1"):
        """All of a namespace (default: that one), or of a kind that is in none."""
        return self._done(self._real.admin.get(self._path(api_version, kind, namespace)))["items"]

    def change(self, api_version, kind, namespace, name, merge, subresource=""):
        path = f"{self._path(api_version, kind, namespace)}/{name}"
        return self._done(self._real.admin.patch(f"{path}/{subresource}" if subresource else path, merge))

    def delete(self, kind, namespace, name, api_version="v1", **options):
        return self._done(self._real.admin.delete(f"{self._path(api_version, kind, namespace)}/{name}", options))

    def compact(self):
        self._real.compact()

    def rotate(self, token):
        return self._real.rotate(token)

    def drop_connections(self):
        pass  # they ended when the server was started anew

    def stop(self):
        self._real.stop()

    def start(self):
        self._real.start()
