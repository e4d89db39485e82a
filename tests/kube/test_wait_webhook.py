# SPDX-License-Identifier: MIT
"""overlays/wait-for-capture: pgveil-admission with the arguments of its Deployment, asked by an API server that has the overlay's webhook
configuration. Who is to be enrolled gets the init container first, nobody else is asked about."""

import copy
import os

import pytest

import admission
import manifests
from manifests import ROOT, container_of

pytest.importorskip("kubernetes", reason="python3-kubernetes is not installed (scripts/deps.sh)")
BUILD = os.environ.get("BUILD", "release")
LABEL = {"pgveil.dev/enroll": "true"}


class Hooked(admission.Cluster):
    """With the overlay's own configuration and the Deployment's own arguments."""

    def __init__(self, directory, objects):
        super().__init__(directory)
        self.objects = objects
        d = next(o for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"] == "pgveil-admission")
        self.container = container_of(d, "pgveil-admission")

    def start_hook(self):
        crt, key = self.sign()
        env = {e["name"]: e["value"] for e in self.container["env"]}
        args = [a.replace("/etc/pgveil/tls/tls.crt", crt).replace("/etc/pgveil/tls/tls.key", key).replace("$(WAIT_IMAGE)", env["WAIT_IMAGE"])
                for a in self.container["args"]]
        self.run_hook(*args)

    def configure(self):
        self.trust(copy.deepcopy(next(o for o in self.objects if o["kind"] == "MutatingWebhookConfiguration")))
        for name, labels in (("all-enrolled", LABEL), ("kube-system", LABEL)):
            if not self.api.get("Namespace", "", name):
                self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            self.api.change("v1", "Namespace", "", name, {"metadata": {"labels": labels}})


@pytest.fixture(scope="module")
def objects():
    if not manifests.kubectl():
        pytest.skip("no kubectl of 1.21 or newer")
    if not (ROOT / "build" / BUILD / "pgveil-admission").exists():
        pytest.skip("pgveil-admission is not built")
    return manifests.kustomize(manifests.DEPLOY / "overlays" / "wait-for-capture")


@pytest.fixture(scope="module")
def cluster(objects, tmp_path_factory):
    with Hooked(tmp_path_factory.mktemp("hooked"), objects) as up:
        yield up


def made(cluster, name, namespace="agents", labels=None, **spec):
    """The init containers that a pod has when it was made."""
    pod = cluster.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
                              "spec": {"containers": [{"name": "c", "image": "x"}], **spec}})
    return [(c["name"], c["image"]) for c in pod["spec"].get("initContainers", [])]


def test_who_is_to_be_enrolled_waits_first(cluster, objects):
    ours = ("pgveil-wait", cluster.container["image"])
    assert made(cluster, "labelled", labels=LABEL) == [ours]
    assert made(cluster, "by-namespace", "all-enrolled") == [ours]
    # by both, and once
    assert made(cluster, "by-both", "all-enrolled", LABEL, initContainers=[{"name": "a", "image": "x"}]) == [ours, ("a", "x")]
    assert made(cluster, "of-its-own", labels=LABEL, initContainers=[{"name": "pgveil-wait", "image": "evil", "command": ["true"]}]) == [ours]


def test_nobody_else_does(cluster):
    assert made(cluster, "plain") == []
    assert made(cluster, "not", labels={"pgveil.dev/enroll": "false"}) == []
    # What keeps the cluster running does not depend on it.
    assert made(cluster, "dns", "kube-system", LABEL) == []
    assert made(cluster, "pgveild", admission.NAMESPACE, LABEL) == []


def test_what_it_adds_is_a_container(cluster):
    made(cluster, "strict", labels=LABEL)
    pod = cluster.api.get("Pod", "agents", "strict")
    assert manifests.complaints({k: pod[k] for k in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "strict"}}, {}) == []
    c = pod["spec"]["initContainers"][0]
    assert c["command"] == ["pgveil", "wait", "--port=5432", "--timeout=120s"]
    assert c["securityContext"]["capabilities"] == {"drop": ["ALL"]} and c["securityContext"]["runAsNonRoot"] is True


def test_without_it_none_is_made_that_is_to_be_enrolled(cluster):
    cluster.stop_hook()
    with pytest.raises(Exception, match="failed calling webhook"):
        made(cluster, "down", labels=LABEL)
    assert cluster.api.get("Pod", "agents", "down") is None
    assert made(cluster, "down-plain") == []
    cluster.start_hook()
    assert len(made(cluster, "up", labels=LABEL)) == 1
