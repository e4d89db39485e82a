# SPDX-License-Identifier: MIT
"""`make kube-vm`: what deploy/kubernetes has, applied to a cluster of one node that is a machine of its own (scripts/kube-vm.sh), in the order of a day:
installed, an agent masked, the daemon's pod gone and there again, the other overlays. The tests need what those before them left."""

import base64
import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import manifests  # noqa: E402
from machine import Agent, Daemon, Node, keep  # noqa: E402

if not os.environ.get("KUBE_VM"):
    pytest.skip("make kube-vm", allow_module_level=True)

ENROLLED = {"pgveil.dev/enroll": "true"}
DATABASE = "10.96.0.50"  # a service's address: kube-proxy leads to PostgreSQL on the node
ASKED = "SELECT ssn, email, city FROM patient WHERE id = 1"
RAW, MASKED = "123-45-6789|ann@example.com|Basel\n", "*******6789|****@example.com|Basel\n"
CANARIES = ("123-45", "ann@")
POLICY = {"apiVersion": "pgveil.dev/v1", "kind": "MaskingPolicy", "metadata": {"name": "claude"}, "spec": {
    "subjects": [{"pods": {"namespace": "agents", "serviceAccount": "claude"}}],
    "databases": [{"name": "clinic", "address": f"{DATABASE}:5432", "databases": ["clinic"], "tls": {"mode": "require"},
                   "credential": {"user": "engine", "passwordFile": "/etc/pgveil/secrets/engine.pw"}}],
    "mask": [{"columns": ["public.patient.ssn"], "with": {"partial": {"last": 4}}}, {"columns": ["public.patient.email"], "with": {"email": {"keep": "domain"}}}]}}


def of(kind, name, namespace=None, api="v1", **rest):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **rest}


@pytest.fixture(scope="module")
def node(tmp_path_factory, request):
    directory = tmp_path_factory.mktemp("vm")
    kept = manifests.ROOT / "build" / "kube-vm"
    machine = None
    try:
        machine = Node(directory)
        yield machine
    finally:
        if machine is None or request.session.testsfailed:
            keep(directory, kept)
            print(f"what the machine said: {kept}")
        if machine:
            machine.close()


@pytest.fixture(scope="module")
def cluster(node):
    """Before any of ours: two namespaces, a database behind a service."""
    node.until(lambda: node.ask("get", "serviceaccount", "-n", "default", "default")[0] == 0, "the controllers do not run")
    node.apply(of("Namespace", "pgveil-system"), of("Namespace", "agents"), of("Namespace", "data"))
    node.apply(of("ServiceAccount", "claude", "agents"), of("Service", "db", "data", spec={"clusterIP": DATABASE, "ports": [{"port": 5432}]}),
               of("Endpoints", "db", "data", subsets=[{"addresses": [{"ip": "10.250.0.2"}], "ports": [{"port": 5432}]}]),
               of("Secret", "pgveil-secrets", "pgveil-system", stringData={"engine.pw": "engine-secret"}),
               of("ConfigMap", "pgveil-policy", "pgveil-system", data={"policy.yaml": json.dumps(POLICY)}))
    node.until(lambda: node.ask("get", "serviceaccount", "-n", "agents", "default")[0] == 0, "no service accounts are made")
    return node


@pytest.fixture(scope="module")
def daemon(cluster):
    return Daemon(cluster)


@pytest.fixture(scope="module")
def web(cluster):
    return Agent(cluster, "web", account="default").ready()


@pytest.fixture(scope="module")
def claude(cluster, daemon):
    daemon.ready()
    return Agent(cluster, "claude", ENROLLED).ready()


def as_of_1_20(obj):
    """A DaemonSet's maxSurge came with 1.22, and without it the rest of rollingUpdate is not allowed (README)."""
    if obj["kind"] == "DaemonSet":
        obj["spec"].get("updateStrategy", {}).pop("rollingUpdate", None)
    return obj


def install(node, name):
    """As kubectl apply -k does it."""
    objects = [as_of_1_20(o) for o in manifests.kustomize(manifests.DEPLOY / name)]
    first = [o for o in objects if o["kind"] in ("Namespace", "CustomResourceDefinition")]
    node.apply(*first)
    node.kubectl("wait", "--for=condition=Established", "--timeout=120s", *(f"crd/{o['metadata']['name']}" for o in first if o["kind"] == "CustomResourceDefinition"))
    node.apply(*objects)


def masked(agent):
    assert agent.psql(ASKED) == (0, MASKED)


def refused(agent):
    """→ what psql says."""
    code, said = agent.psql(ASKED)
    assert code != 0 and not any(c in said for c in CANARIES), said
    return said.strip()


def events(node, agent):
    """{reason: message} of Events on its pod."""
    items = node.get("events", "-n", agent.namespace, "--field-selector", f"involvedObject.name={agent.name}")["items"]
    return {e["reason"]: e["message"] for e in items if e.get("source", {}).get("component") == "pgveild" or e.get("reportingComponent", "").startswith("pgveil")}


def test_a_pod_of_the_cluster_reaches_the_database(web):
    """What all that follows is compared with."""
    assert web.psql(ASKED) == (0, RAW)


def test_a_server_before_1_22_refuses_the_daemonset(node):
    """It does not take it without its maxSurge, and says so."""
    shipped = next(o for o in manifests.kustomize(manifests.DEPLOY / "base") if o["kind"] == "DaemonSet")
    code, said = node.ask("apply", "--validate=false", "-f", "-", stdin=yaml.safe_dump(shipped))
    assert code == 1 and "rollingUpdate.maxUnavailable: Invalid value" in said, said


def test_daemonset_becomes_ready(node, daemon):
    install(node, "base")
    pod = daemon.ready()
    print(f"\npgveild Ready {node.became_ready(pod):.0f} s after it was made")
    assert "captured: ok" in daemon.pgveil("ready")


def test_labelled_pod_is_masked_and_others_are_not(node, claude, web):
    masked(claude)
    assert web.psql(ASKED) == (0, RAW)
    print(f"\nlabelled pod Ready {node.became_ready(claude.get()):.0f} s after it was made")


def test_cgroups_are_as_systemd_and_containerd_make_them(claude, daemon):
    pod = claude.get()
    uid = pod["metadata"]["uid"]
    container = pod["status"]["containerStatuses"][0]["containerID"].split("://")[1]
    of_pod = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod%s.slice" % uid.replace("-", "_")
    shown = next(p for p in daemon.status()["kubernetes"]["on_node"] if p.get("uid") == uid or uid.replace("-", "_") in p["cgroup"])
    assert shown["cgroup"].strip("/").endswith(of_pod) and shown["state"] == "enrolled"
    # As the node has it: its processes, by a pod that sees them.
    node = claude.node
    shell = Agent(node, "shell", namespace="data", account="default", securityContext={"privileged": True}, pod={"hostPID": True, "hostNetwork": True}).ready()
    code, said = node.ask(*shell.exec_arguments("sh", "-c", "cat /proc/[0-9]*/cgroup; cat /proc/mounts; uname -r; cat /sys/kernel/security/lsm"))
    assert f"0::/{of_pod}/cri-containerd-{container}.scope" in said or f"{of_pod}/cri-containerd-{container}.scope" in said, said
    print(f"\n{of_pod}/cri-containerd-{container[:12]}….scope")
    shell.delete()


def test_flows_and_sessions_name_the_pod(claude, daemon):
    """By kubectl exec into the daemon's pod, and by the plugin that finds it."""
    with claude.node.start(*claude.exec_arguments("psql", "-XAtc", "SELECT ssn FROM patient WHERE id = 1", "-c", "SELECT pg_sleep(600)")) as asking:
        try:
            def flows():
                return json.loads(daemon.pgveil("--json", "flows", "-n", "agents", "--pod", "claude"))
            found = claude.node.until(flows, "no flow is shown")
            assert found[0]["pod"]["name"] == "claude" and found[0]["pod"]["service_account"] == "claude"
            assert "agents/claude" in daemon.pgveil("flows")
            assert json.loads(daemon.pgveil("--json", "flows", "-n", "agents", "--pod", "web")) == []
            assert "claude" in daemon.pgveil("sessions", "ls")
            p = subprocess.run(claude.node.argv(manifests.DEPLOY / "kubectl-pgveil", "flows", "claude", "-n", "agents"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=claude.node.environment, timeout=120)
            assert p.returncode == 0 and "claude" in p.stdout, p.stdout
        finally:
            asking.kill()


def test_without_its_label_it_stays_enrolled(node, claude, daemon):
    node.kubectl("label", "pod", "-n", "agents", "claude", "pgveil.dev/enroll-")
    # What is made later is known later: then that the label is gone is known, too.
    later = Agent(node, "later", account="default").ready()
    assert later.psql(ASKED) == (0, RAW)
    masked(claude)
    later.delete()


def test_daemon_deleted_nothing_is_raw_until_the_next_one(node, claude, web, daemon):
    """Connects over and over, while the pod of the daemon is deleted and the controller makes another."""
    loop = "rm -f /tmp/end; while [ ! -e /tmp/end ]; do psql -XAtc \"$0\" 2>&1; echo .; done"
    before = [p["metadata"]["uid"] for p in daemon.pods()]
    with node.start(*claude.exec_arguments("sh", "-c", loop, ASKED)) as asking:
        node.kubectl("delete", "pod", "-n", "pgveil-system", "-l", "app.kubernetes.io/name=pgveild", "--wait=false")
        pod = daemon.ready(before)
        masked(claude)
        node.kubectl(*claude.exec_arguments("sh", "-c", "echo > /tmp/end"))
        answers = [a.strip() for a in asking.communicate(timeout=300)[0].split("\n.\n")]
    assert not any(c in a for a in answers for c in CANARIES), answers
    good = [a for a in answers if a == MASKED.strip()]
    none = [a for a in answers if "Connection refused" in a]
    print(f"\n{len(good)} masked, {len(none)} refused of {len(answers)}; the next pod Ready {node.became_ready(pod):.0f} s after it was made")
    assert good and none, answers
    assert web.psql(ASKED) == (0, RAW)


def test_no_daemon_refused_never_raw(node, claude, web, daemon):
    """With no pod of the DaemonSet at all: a node selector that fits no node."""
    patch = {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "true"}}}}}
    node.kubectl("patch", "daemonset", "-n", "pgveil-system", "pgveild", "-p", json.dumps(patch))
    node.until(lambda: daemon.pods() == [], "the daemon's pod does not go")
    print("\n" + refused(claude))
    new = Agent(node, "unknown", account="default").ready()
    refused(new)  # nobody has classified it
    assert web.psql(ASKED) == (0, RAW), "it was left alone before"
    node.kubectl("patch", "daemonset", "-n", "pgveil-system", "pgveild", "-p", json.dumps(patch).replace('"true"', "null"))
    daemon.ready()
    masked(claude)
    node.until(lambda: new.psql(ASKED) == (0, RAW), "it is not let go")
    new.delete()


def test_privileged_overlay(node, claude, web, daemon):
    """privileged: true in the place of the listed capabilities."""
    change(node, daemon, "overlays/privileged")
    masked(claude)
    assert web.psql(ASKED) == (0, RAW)


def test_policies_as_objects(node, claude, daemon):
    """overlays/cluster: a MaskingPolicy, Events, and pgveil-admission behind its service."""
    crt, key = admission_certificate(node)
    node.apply(of("Secret", "pgveil-approvals", "pgveil-system", stringData={"key": os.urandom(32).hex()}),
               of("Secret", "pgveil-admission-tls", "pgveil-system", stringData={"tls.crt": crt, "tls.key": key}))
    change(node, daemon, "overlays/cluster")
    node.kubectl("rollout", "status", "-n", "pgveil-system", "deployment/pgveil-admission", "--timeout=400s")
    refused(claude)  # no object says what it may
    node.apply(POLICY)
    node.until(lambda: "Accepted" in node.kubectl("get", "maskingpolicy", "claude", "-o", "jsonpath={.status.conditions[?(@.status=='True')].type}"),
               lambda: node.kubectl("get", "maskingpolicy", "claude", "-o", "yaml"))
    node.until(lambda: claude.psql(ASKED)[0] == 0, "it is not in force")
    masked(claude)


def test_privileged_labelled_pod_is_refused(node, daemon):
    """And an Event on it says why."""
    strong = Agent(node, "strong", ENROLLED, securityContext={"privileged": True}).ready()
    print("\n" + refused(strong))
    got = node.until(lambda: events(node, strong).get("Denied"), lambda: node.kubectl("get", "events", "-n", "agents"))
    print("\n" + got)
    assert "privileged" in got
    strong.delete()


def test_event_says_that_it_is_enrolled(node):
    agent = Agent(node, "second", ENROLLED).ready()
    masked(agent)
    node.until(lambda: "Enrolled" in events(node, agent), lambda: node.kubectl("get", "events", "-n", "agents"))
    agent.delete()


def test_wait_for_capture(node, daemon):
    """The webhook gives a pod that is to be enrolled its first init container; while no daemon runs none of its own starts."""
    objects = manifests.kustomize(manifests.DEPLOY / "overlays/wait-for-capture")
    hook = next(o for o in objects if o["kind"] == "MutatingWebhookConfiguration")
    bundle = base64.b64encode((node.directory / "admission" / "admission.crt").read_bytes()).decode()
    for w in hook["webhooks"]:
        w["clientConfig"]["caBundle"] = bundle
    node.apply(hook)
    agent = node.until(lambda: waiting(node), "no init container is given to it")
    agent.ready()
    masked(agent)
    first = agent.get()["status"]["initContainerStatuses"][0]
    assert first["name"] == "pgveil-wait" and first["state"]["terminated"]["exitCode"] == 0
    assert "captured" in node.kubectl("logs", "-n", "agents", agent.name, "-c", "pgveil-wait")
    agent.delete()


def waiting(node):
    """A pod that was made when the API server had heard of the webhook; None: it was not yet so."""
    agent = Agent(node, "waits", ENROLLED)
    if agent.get()["spec"].get("initContainers"):
        return agent
    agent.delete()
    return None


def change(node, daemon, name):
    """To another overlay: 1.20 deletes the pod that runs before it makes the next one."""
    before = [p["metadata"]["uid"] for p in daemon.pods()]
    install(node, name)
    return daemon.ready(before)


def admission_certificate(node):
    folder = node.directory / "admission"
    folder.mkdir(exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-keyout", folder / "admission.key",
                    "-out", folder / "admission.crt", "-subj", "/CN=pgveil-admission", "-addext", "subjectAltName=DNS:pgveil-admission.pgveil-system.svc"],
                   check=True, stderr=subprocess.DEVNULL)
    return (folder / "admission.crt").read_text(), (folder / "admission.key").read_text()
