# SPDX-License-Identifier: MIT
"""deploy/kubernetes/: every object of every overlay strictly by its kind, and of what they say what is easily said wrong: capabilities, mounts,
what the daemon may ask, options that it has, and that the parts fit each other. tests/kube/test_daemonset.py runs the DaemonSet's container."""

import copy
import os
import re
import subprocess

import pytest
import yaml

import manifests
from manifests import DEPLOY, ROOT, complaints, container_of, documents

pytest.importorskip("kubernetes", reason="python3-kubernetes is not installed (scripts/deps.sh)")

BUILD = os.environ.get("BUILD", "release")
EXAMPLES = sorted((DEPLOY / "examples").glob("*.yaml"))
HOST_PATHS = {"/sys/fs/bpf": "/sys/fs/bpf", "/sys/fs/cgroup": "/sys/fs/cgroup", "/run/pgveil": "/run/pgveil", "/var/lib/pgveil": "/var/lib/pgveil"}


@pytest.fixture(scope="module")
def built():
    if not manifests.kubectl():
        pytest.skip("no kubectl of 1.21 or newer")
    return {str(f.relative_to(DEPLOY)): manifests.kustomize(f) for f in manifests.folders()}


@pytest.fixture(scope="module")
def custom(built):
    return manifests.schemas([o for objects in built.values() for o in objects])


def one(objects, kind, name):
    found = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    assert len(found) == 1, (kind, name, len(found))
    return found[0]


@pytest.fixture(scope="module")
def daemonset(built):
    return one(built["base"], "DaemonSet", "pgveild")


# ---- strict ----


def test_every_object_is_what_its_kind_is(built, custom):
    assert "base" in built and "overlays/privileged" in built and "overlays/monitoring" in built
    for folder, objects in built.items():
        assert objects
        for o in objects:
            assert complaints(o, custom) == [], folder


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_examples(path, custom):
    for o in documents(path.read_text()):
        assert complaints(o, custom) == []


def test_the_check_finds_mistakes(daemonset, custom):
    """Each of these `kubectl apply` without validation, or an old one, would take."""
    def changed(change):
        o = copy.deepcopy(daemonset)
        change(o, o["spec"]["template"]["spec"], o["spec"]["template"]["spec"]["containers"][0])
        return complaints(o, custom)

    assert changed(lambda o, pod, c: None) == []
    assert changed(lambda o, pod, c: pod.update(hostPid=True)) == [("DaemonSet pgveild.spec.template.spec.hostPid", "unknown field")]
    assert changed(lambda o, pod, c: pod.update(hostPID="true"))
    assert changed(lambda o, pod, c: c["securityContext"].update(capabilities=["SYS_ADMIN"]))
    assert changed(lambda o, pod, c: c["securityContext"].update(readOnlyRootFileSystem=True))
    assert changed(lambda o, pod, c: c["readinessProbe"].update(periodSeconds="5"))
    assert changed(lambda o, pod, c: c["volumeMounts"][0].pop("mountPath"))
    assert changed(lambda o, pod, c: c["args"].append(1))
    assert changed(lambda o, pod, c: o.update(apiVersion="apps/v2"))
    assert changed(lambda o, pod, c: o["metadata"].update(label={}))
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "x"}, "spec": {"selector": {}, "endpoint": []}}
    assert {why for _, why in complaints(monitor, custom)} == {"unknown field", "is missing"}


def test_what_is_there_is_listed(built):
    """A file that no kustomization names is one that nobody applies."""
    for folder in manifests.folders():
        text = (folder / "kustomization.yaml").read_text()
        for path in folder.rglob("*.yaml"):
            nested = [f for f in manifests.folders() if f != folder and f in path.parents and folder in f.parents]
            if path.name != "kustomization.yaml" and not nested:
                assert re.search(r"^\s*- (path: )?%s$" % re.escape(str(path.relative_to(folder))), text, re.M), path


def test_custom_resources_are_structural(built):
    for o in built["base"]:
        if o["kind"] == "CustomResourceDefinition":
            assert o["metadata"]["name"] == "%s.%s" % (o["spec"]["names"]["plural"], o["spec"]["group"]) and o["spec"]["group"] == "pgveil.dev"
            for v in o["spec"]["versions"]:
                assert v["schema"]["openAPIV3Schema"]["type"] == "object" and "status" in v.get("subresources", {}), o["metadata"]["name"]


# ---- what it may ----


def test_capabilities(daemonset):
    c = container_of(daemonset, "pgveild")
    assert c["securityContext"] == {
        "privileged": False, "runAsUser": 0, "runAsGroup": 0, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN", "SYS_PTRACE", "SETUID", "SETGID"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = daemonset["spec"]["template"]["spec"]
    assert (pod["hostPID"], pod["hostNetwork"], pod.get("hostIPC", False)) == (True, True, False)
    assert pod["dnsPolicy"] == "ClusterFirstWithHostNet"


def test_the_privileged_variant_differs_in_that_only(built, daemonset):
    other = copy.deepcopy(one(built["overlays/privileged"], "DaemonSet", "pgveild"))
    context = container_of(other, "pgveild")["securityContext"]
    assert context == {"privileged": True, "runAsUser": 0, "runAsGroup": 0, "readOnlyRootFilesystem": True}
    container_of(other, "pgveild")["securityContext"] = container_of(daemonset, "pgveild")["securityContext"]
    template = copy.deepcopy(daemonset)
    assert not (other["spec"]["template"]["metadata"].pop("annotations", None) or {})
    template["spec"]["template"]["metadata"].pop("annotations")
    assert other == template
    assert [o for o in built["overlays/privileged"] if o["kind"] != "DaemonSet"] == [o for o in built["base"] if o["kind"] != "DaemonSet"]


def test_the_clusters_variant_differs_in_objects_only(built, daemonset):
    """Privileges and mounts are the base's, but for the policy's file, which it has none of, and the key of approvals, which no policy may name."""
    other = one(built["overlays/cluster"], "DaemonSet", "pgveild")
    ours, base = container_of(other, "pgveild"), container_of(daemonset, "pgveild")
    assert {k: v for k, v in ours.items() if k not in ("args", "volumeMounts")} == {k: v for k, v in base.items() if k not in ("args", "volumeMounts")}
    assert set(base["args"]) - set(ours["args"]) == {"--policy=/etc/pgveil/policy/policy.yaml"}
    mounts = {m["name"]: m["mountPath"] for m in ours["volumeMounts"]}
    assert mounts == {**{m["name"]: m["mountPath"] for m in base["volumeMounts"] if m["name"] != "policy"}, "approvals": "/etc/pgveil-approvals"}
    assert {v["name"] for v in other["spec"]["template"]["spec"]["volumes"]} == set(mounts)
    dirs = [a.split("=")[1] for a in ours["args"] if a.startswith("--kube-secret-dir=")]
    assert dirs == ["/etc/pgveil/secrets"] and not mounts["approvals"].startswith(dirs[0])
    assert "--kube-approval-key=%s/key" % mounts["approvals"] in ours["args"]


def test_the_policies_are_instead_of_the_webhook(built):
    """All of overlays/cluster but what answers the webhook, and the policies."""
    policies = [o for o in built["overlays/admission-policy"] if o["kind"].startswith("ValidatingAdmissionPolicy")]
    assert len(policies) == 4
    rest = [o for o in built["overlays/admission-policy"] if o not in policies]
    gone = [o for o in built["overlays/cluster"] if o not in rest]
    assert {(o["kind"], o["metadata"]["name"]) for o in gone} == {(k, "pgveil-admission") for k in ("Deployment", "Service", "ServiceAccount")} | {
        ("ValidatingWebhookConfiguration", "pgveil-approvals")}
    assert not [o for o in rest if o not in built["overlays/cluster"]]


def test_mounts(daemonset):
    pod, c = daemonset["spec"]["template"]["spec"], container_of(daemonset, "pgveild")
    volumes = {v["name"]: v for v in pod["volumes"]}
    mounts = {m["name"]: m for m in c["volumeMounts"]}
    assert set(volumes) == set(mounts)
    assert {m["mountPath"]: volumes[n]["hostPath"]["path"] for n, m in mounts.items() if "hostPath" in volumes[n]} == HOST_PATHS
    # What the node must have is not made; what only pgveil uses is.
    assert {v["hostPath"]["path"]: v["hostPath"]["type"] for v in volumes.values() if "hostPath" in v} == {
        "/sys/fs/bpf": "Directory", "/sys/fs/cgroup": "Directory", "/run/pgveil": "DirectoryOrCreate", "/var/lib/pgveil": "DirectoryOrCreate"}
    for n, m in mounts.items():
        assert m.get("readOnly", False) == ("hostPath" not in volumes[n]), n
        assert "mountPropagation" not in m, n  # Bidirectional would need privileged
    assert volumes["secrets"]["secret"]["defaultMode"] == 0o400


OPENS = r"\s*(hostPID|hostNetwork|priorityClassName|tolerations|updateStrategy|readOnlyRootFilesystem|privileged|allowPrivilegeEscalation|runAsUser):"


def test_each_privilege_is_explained():
    """A comment before each capability, each field of a pod that opens it to the node, and each mount."""
    for path in (DEPLOY / "base" / "daemonset.yaml", DEPLOY / "uninstall" / "daemonset.yaml"):
        lines = path.read_text().splitlines()
        inside = ""
        for i, line in enumerate(lines):
            if re.match(r"\s*(volumeMounts|add):", line):
                inside = line.strip().split(":")[0]
            elif re.match(r"\s*(volumes|seccompProfile|resources):", line):
                inside = ""
            wants = (inside == "volumeMounts" and "- name:" in line) or (inside == "add" and "- " in line) or re.match(r"\s*add: \[", line) or \
                (path.parent.name == "base" and re.match(OPENS, line))
            assert not wants or any(x.strip().startswith("#") for x in lines[max(0, i - 2):i]), "%s:%d: %s" % (path, i + 1, line.strip())


def test_rbac(built):
    for folder, objects in built.items():
        for o in objects:
            if o["kind"] not in ("Role", "ClusterRole"):
                continue
            for rule in o["rules"]:
                assert "*" not in rule["verbs"] + rule["apiGroups"] + rule["resources"], (folder, o["metadata"]["name"])
                assert not {"secrets", "pods/exec", "serviceaccounts/token"} & set(rule["resources"])
                # whether a node that speaks in a policy's status is still there, and nothing else
                assert "nodes" not in rule["resources"] or (rule["resources"], rule["verbs"]) == (["nodes"], ["get"])
                assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
        bound = {(s["namespace"], s["name"]) for o in objects if o["kind"] in ("RoleBinding", "ClusterRoleBinding") for s in o["subjects"] if s["kind"] == "ServiceAccount"}
        made = {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects if o["kind"] == "ServiceAccount"}
        assert bound <= made, folder
    rules = one(built["base"], "ClusterRole", "pgveild")["rules"]
    may = {(g, r): sorted(rule["verbs"]) for rule in rules for g in rule["apiGroups"] for r in rule["resources"]}
    assert may["", "pods"] == may["", "namespaces"] == ["list", "watch"]


# ---- that it fits ----


def options():
    """Of pgveild: name → whether it has a value."""
    text = (ROOT / "userspace" / "main" / "options.c").read_text()
    return {m[1]: m[2] != "NULL" for m in re.finditer(r'^\t\{"([a-z-]+)", ("[^"]+"|NULL), take_', text, re.M)}


def test_arguments_are_options(built):
    known = options()
    assert known["kube-node"] and not known["takeover"]
    for objects in built.values():
        for o in objects:
            if o["kind"] != "DaemonSet" or o["metadata"]["name"] != "pgveild":
                continue
            c = container_of(o, "pgveild")
            env = {e["name"] for e in c["env"]}
            for arg in c["args"]:
                m = re.fullmatch(r"--([a-z-]+)(=.+)?", arg)
                assert m and known.get(m[1]) == bool(m[2]), arg
                assert set(re.findall(r"\$\((\w+)\)", arg)) <= env, arg


def test_admission_fits(built):
    """Its arguments are options, its webhooks ask it for pages that it has, and it has no privilege."""
    text = (ROOT / "userspace" / "admission.c").read_text()
    known = {m[1] for m in re.finditer(r'^\t\{"([a-z-]+)", required_argument', text, re.M)}
    pages = set(re.findall(r'\{"(/[a-z]+)", ', text))
    seen = 0
    for folder, objects in built.items():
        for o in objects:
            if o["kind"] == "Deployment":
                spec, c = o["spec"]["template"]["spec"], container_of(o, "pgveil-admission")
                assert all(re.fullmatch(r"--([a-z-]+)=.+", a)[1] in known for a in c["args"])
                assert next(e["value"] for e in c["env"] if e["name"] == "WAIT_IMAGE") == c["image"]
                assert spec["securityContext"]["runAsNonRoot"] and c["securityContext"]["capabilities"] == {"drop": ["ALL"]}
                assert not {"hostPID", "hostNetwork"} & set(spec) and spec["automountServiceAccountToken"] is False
                assert not [v for v in spec["volumes"] if "hostPath" in v]
                daemon = next(a for a in c["args"] if a.startswith("--daemon="))
                assert daemon == "--daemon=system:serviceaccount:pgveil-system:pgveild"
            for hook in o.get("webhooks", []):
                seen += 1
                service = hook["clientConfig"]["service"]
                assert one(objects, "Service", service["name"])["spec"]["ports"][0]["port"] == 443 and service["path"] in pages, folder
                assert (hook["failurePolicy"], hook["sideEffects"]) == ("Fail", "None") and hook["timeoutSeconds"] <= 10
    assert seen >= 2


def commands(objects):
    for o in objects:
        spec = o["spec"]["template"]["spec"] if o["kind"] in ("DaemonSet", "Deployment", "Job") else o["spec"] if o["kind"] == "Pod" else {}
        for c in spec.get("containers", []) + spec.get("initContainers", []):
            for command in (c.get("command"), c.get("readinessProbe", {}).get("exec", {}).get("command")):
                if command and command[0] == "pgveil":
                    yield command


def test_commands_are_the_programs(built):
    program = ROOT / "build" / BUILD / "pgveil"
    if not program.exists():
        pytest.skip("%s is not built" % program)
    seen = list(commands([o for objects in built.values() for o in objects] + [o for p in EXAMPLES for o in documents(p.read_text())]))
    assert {c[1] for c in seen} == {"ready", "wait", "uninstall"}
    for command in seen:
        said = subprocess.run([program, "help", command[1]], stdout=subprocess.PIPE, check=True).stdout.decode()
        for word in command[2:]:
            assert re.search(r"^  %s\b" % re.escape(word.split("=")[0]), said, re.M), command


def test_a_hand_over_can_happen(daemonset):
    """What has to be so for a new pod beside the old one (README, "Upgrade")."""
    pod, c = daemonset["spec"]["template"]["spec"], container_of(daemonset, "pgveild")
    assert daemonset["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert "--takeover" in c["args"] and "ports" not in c and pod["hostNetwork"]
    assert c["readinessProbe"]["exec"]["command"] == ["pgveil", "ready", "--here"]
    drain = int(re.search(r"\.drain_grace_ms = (\d+) \* SECOND_MS", (ROOT / "userspace/main/options.c").read_text())[1])
    grace = int(re.search(r"#define GRACE_MS\s+(\d+)", (ROOT / "userspace/main.c").read_text())[1]) / 1000
    assert pod["terminationGracePeriodSeconds"] > drain + grace
    assert pod["tolerations"] == [{"operator": "Exists"}] and pod["priorityClassName"] == "system-node-critical"
    assert daemonset["spec"]["selector"]["matchLabels"].items() <= daemonset["spec"]["template"]["metadata"]["labels"].items()


def test_the_daemon_is_not_its_own_subject(built):
    for objects in built.values():
        for o in objects:
            labels = {**o["metadata"].get("labels", {}), **o.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})}
            assert "pgveil.dev/enroll" not in labels


def test_monitoring_reaches_it(built):
    objects = built["overlays/monitoring"]
    service, monitor = one(objects, "Service", "pgveild"), one(objects, "ServiceMonitor", "pgveild")
    d = one(objects, "DaemonSet", "pgveild")
    listen = next(e["value"] for e in container_of(d, "pgveild")["env"] if e["name"] == "METRICS_LISTEN")
    assert listen == "0.0.0.0:%d" % service["spec"]["ports"][0]["targetPort"]
    assert service["spec"]["selector"].items() <= d["spec"]["template"]["metadata"]["labels"].items()
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {e["port"] for e in monitor["spec"]["endpoints"]} <= {p["name"] for p in service["spec"]["ports"]}
    probe = container_of(d, "pgveild")["livenessProbe"]["httpGet"]
    assert (probe["host"], probe["port"], probe["path"]) == ("127.0.0.1", 9187, "/healthz")


def test_its_alerts_are_the_plain_ones(built):
    """What they ask for, integration/test_watching.py and test_watching_cluster.py look at."""
    rule = one(built["overlays/monitoring"], "PrometheusRule", "pgveild")
    plain = yaml.safe_load((ROOT / "deploy" / "prometheus" / "pgveil.rules.yml").read_text())
    assert rule["spec"] == plain and len(plain["groups"][0]["rules"]) > 20


def test_the_example_is_one_that_is_enrolled():
    """Its label and nothing that makes pgveil deny it."""
    pod = documents((DEPLOY / "examples" / "agent.yaml").read_text())[0]
    assert pod["metadata"]["labels"]["pgveil.dev/enroll"] == "true"
    for c in pod["spec"]["containers"] + pod["spec"]["initContainers"]:
        assert c["securityContext"]["capabilities"] == {"drop": ["ALL"]} and not c["securityContext"].get("privileged")
    assert not {"hostPID", "hostNetwork", "hostIPC", "volumes"} & set(pod["spec"])
