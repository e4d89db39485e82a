# SPDX-License-Identifier: MIT
"""make test-kube: whatever deploy/kubernetes has is applied to a real server: asked for first (--dry-run=server), then done, then
done again, which changes nothing; and a document that is wrong is refused."""

import json
import os
import subprocess

import pytest
import yaml

import manifests
from servers import real_or_skip

# Of clusters that have more than this server: what it does not serve is left out, and nothing else is.
NOT_SERVED = {("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"), ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
              ("monitoring.coreos.com/v1", "ServiceMonitor"), ("monitoring.coreos.com/v1", "PodMonitor"), ("monitoring.coreos.com/v1", "PrometheusRule")}
FIRST = ("Namespace", "CustomResourceDefinition")


def as_of_1_20(obj):
    """A DaemonSet's maxSurge came with 1.22, and without it the rest of rollingUpdate is not allowed."""
    if obj["kind"] == "DaemonSet":
        obj["spec"].get("updateStrategy", {}).pop("rollingUpdate", None)
    return obj


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory):
    real = real_or_skip(tmp_path_factory.mktemp("kube"))
    assert manifests.kubectl(), "no kubectl of 1.21 or newer"
    env = {**os.environ, "KUBECONFIG": real.kubeconfig(), "HOME": real.directory}

    def run(*arguments, stdin=None, ok=True):
        p = subprocess.run([manifests.kubectl(), *arguments], input=stdin, capture_output=True, text=True, env=env, timeout=180)
        assert (p.returncode == 0) == ok, f"kubectl {' '.join(arguments)}: {p.stdout}{p.stderr}"
        return p.stdout if ok else p.stderr
    run("create", "namespace", "pgveil-system")  # README's second command; deploy/kubernetes/admission, which is a part of others, makes none
    yield run
    real.close()


def state(kubectl, text):
    """What is stored of it, but for what each write leaves."""
    objects = json.loads(kubectl("get", "-o", "json", "-f", "-", stdin=text))["items"]
    for o in objects:
        for key in ("resourceVersion", "managedFields", "annotations"):
            o["metadata"].pop(key, None)
    return objects


@pytest.mark.parametrize("folder", manifests.folders(), ids=lambda p: str(p.relative_to(manifests.DEPLOY)))
def test_apply(kubectl, folder):
    served = [as_of_1_20(d) for d in manifests.kustomize(folder) if (d["apiVersion"], d["kind"]) not in NOT_SERVED]
    first = [d for d in served if d["kind"] in FIRST]
    assert served
    text = yaml.safe_dump_all(served)
    if first:
        kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(first))
        crds = [d["metadata"]["name"] for d in first if d["kind"] == "CustomResourceDefinition"]
        if crds:
            kubectl("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{name}" for name in crds))
    asked = kubectl("apply", "--dry-run=server", "-f", "-", stdin=text)
    assert asked.count("(server dry run)") == len(served), asked
    done = kubectl("apply", "-f", "-", stdin=text)
    assert len(done.strip().splitlines()) >= len(served), done
    stored = state(kubectl, text)
    kubectl("apply", "-f", "-", stdin=text)
    assert state(kubectl, text) == stored, "what is applied again is another thing"
    kubectl("delete", "--wait=false", "-f", "-", stdin=yaml.safe_dump_all(d for d in served if d["kind"] not in FIRST))


def test_what_no_schema_allows(kubectl):
    """Neither a kind's own fields nor those of ours: refused before anything is stored."""
    base = next(f for f in manifests.folders() if f.name == "base")
    objects = manifests.kustomize(base)
    crds = [d for d in objects if d["kind"] == "CustomResourceDefinition"]
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(d for d in objects if d["kind"] in FIRST))
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{d['metadata']['name']}" for d in crds))
    for d in crds:
        wrong = {"apiVersion": f"{d['spec']['group']}/v1", "kind": d["spec"]["names"]["kind"], "metadata": {"name": "wrong"}, "spec": "no object"}
        if d["spec"]["scope"] == "Namespaced":
            wrong["metadata"]["namespace"] = "pgveil-system"
        told = kubectl("apply", "--validate=false", "-f", "-", stdin=yaml.safe_dump(wrong), ok=False)
        assert "spec in body must be of type object" in told, told
        assert "not found" in kubectl("get", "-n", "pgveil-system", d["metadata"]["name"], "wrong", ok=False)
