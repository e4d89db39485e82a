# SPDX-License-Identifier: MIT
"""A node in a machine of its own (scripts/kube-vm.sh), and its cluster by kubectl."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import yaml

import manifests

SCRIPT = manifests.ROOT / "scripts" / "kube-vm.sh"
# An emulated machine: what takes a second elsewhere takes ten there.
PATIENCE = 400


class Node:
    """KUBE_VM_DIR: one that runs, of `scripts/kube-vm.sh start`, where nothing of ours was applied yet; else one that is started."""

    def __init__(self, directory):
        self.running = os.environ.get("KUBE_VM_DIR")
        self.directory = pathlib.Path(self.running or directory)
        if not self.running:
            subprocess.run([SCRIPT, "start", self.directory, image_archive(directory), str(os.getpid())], check=True)
        self.cluster = dict(line.split("=", 1) for line in (self.directory / "env").read_text().splitlines())
        self.environment = {**os.environ, "KUBECONFIG": self.cluster["KUBECONFIG"], "HOME": str(self.directory)}

    def close(self):
        if not self.running:
            subprocess.run([SCRIPT, "stop", self.directory], check=True)

    def argv(self, *command):
        """Where the cluster is."""
        return ["nsenter", "--net=" + self.cluster["NETNS"], *map(str, command)]

    def start(self, *arguments, **kw):
        """A process of kubectl's that goes on."""
        return subprocess.Popen(self.argv(manifests.kubectl(), *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=self.environment, **kw)

    def ask(self, *arguments, stdin=None, timeout=PATIENCE):
        """→ exit status, what it says."""
        p = subprocess.run(self.argv(manifests.kubectl(), *arguments), input=stdin or "", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment,
                           timeout=timeout)
        return p.returncode, p.stdout

    def kubectl(self, *arguments, stdin=None):
        code, said = self.ask(*arguments, stdin=stdin)
        assert code == 0, f"kubectl {' '.join(arguments)}: {said}"
        return said

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def apply(self, *objects):
        return self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def until(self, condition, otherwise):
        end = time.monotonic() + PATIENCE
        while True:
            got = condition()
            if got:
                return got
            assert time.monotonic() < end, f"{otherwise() if callable(otherwise) else otherwise} (journal: {self.directory / 'journal'})"
            time.sleep(0.5)

    def gone(self, *what):
        self.kubectl("delete", "--ignore-not-found", "--wait", f"--timeout={PATIENCE}s", *what)

    def became_ready(self, pod):
        """Seconds from its making, by the cluster's clock."""
        at = next(c["lastTransitionTime"] for c in pod["status"]["conditions"] if c["type"] == "Ready")
        return _seconds(at) - _seconds(pod["metadata"]["creationTimestamp"])


def _seconds(stamp):
    return time.mktime(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ"))


def is_ready(pod):
    return "deletionTimestamp" not in pod["metadata"] and \
        any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


class Agent:
    """A pod with psql of Debian's in it, which waits."""

    def __init__(self, node, name, labels=None, account="claude", namespace="agents", host="10.96.0.50", pod=None, **container):
        self.node, self.name, self.namespace = node, name, namespace
        env = {"PGHOST": host, "PGDATABASE": "clinic", "PGUSER": "reader", "PGPASSWORD": "reader-secret", "PGCONNECT_TIMEOUT": "60"}
        node.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels or {}}, "spec": {
            "serviceAccountName": account, "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0, **(pod or {}),
            "containers": [{"name": "agent", "image": "localhost/psql:1", "imagePullPolicy": "Never", "command": ["sleep", "100000"],
                            "env": [{"name": k, "value": v} for k, v in env.items()], "resources": {"requests": {"cpu": "10m"}}, **container}]}})

    def get(self):
        return self.node.get("pod", "-n", self.namespace, self.name)

    def ready(self):
        self.node.until(lambda: is_ready(self.get()), f"{self.name} does not become ready")
        return self

    def exec_arguments(self, *argv):
        return ("exec", "-n", self.namespace, self.name, "-c", "agent", "--", *argv)

    def psql(self, sql):
        """→ exit status, what it says."""
        return self.node.ask(*self.exec_arguments("psql", "-XAtc", sql))

    def delete(self):
        self.node.gone("pod", "-n", self.namespace, self.name)


class Daemon:
    """The DaemonSet's pod of the only node."""

    def __init__(self, node):
        self.node = node

    def pods(self):
        return self.node.get("pods", "-n", "pgveil-system", "-l", "app.kubernetes.io/name=pgveild")["items"]

    def ready(self, not_one_of=()):
        """→ the pod that is; those whose uid is known count no more."""
        def found():
            return next((p for p in self.pods() if p["metadata"]["uid"] not in not_one_of and is_ready(p)), None)
        return self.node.until(found, lambda: f"no pgveild becomes ready: {self.log()}")

    def log(self):
        return self.node.ask("logs", "-n", "pgveil-system", "-l", "app.kubernetes.io/name=pgveild", "--tail=30")[1] + \
            self.node.ask("describe", "pods", "-n", "pgveil-system", "-l", "app.kubernetes.io/name=pgveild")[1][-2500:]

    def pgveil(self, *argv):
        name = self.ready()["metadata"]["name"]
        return self.node.kubectl("exec", "-n", "pgveil-system", name, "-c", "pgveild", "--", "pgveil", *argv)

    def status(self):
        return json.loads(self.pgveil("--json", "status"))


def image_archive(directory):
    """That of KUBE_VM_IMAGE (of scripts/image.sh --output), or one that is made now."""
    given = os.environ.get("KUBE_VM_IMAGE")
    if given:
        return given
    out = pathlib.Path(directory) / "pgveil.tar"
    subprocess.run([manifests.ROOT / "scripts" / "image.sh", "--output", out], check=True)
    return out


def keep(directory, to):
    """What is left of a machine that failed."""
    to.mkdir(parents=True, exist_ok=True)
    for path in (directory / "console", directory / "journal", *directory.glob("*.log")):
        if path.exists():
            shutil.copy(path, to / path.name)
