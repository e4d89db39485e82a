# SPDX-License-Identifier: MIT
"""kubectl-pgveil in front of the stand-in. That has no exec: the kubectl in its PATH hands on everything else, and writes down what would be run where."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from apiserver import ApiServer
from test_apiserver import directory # noqa: F401

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "kubectl-pgveil"
CRDS = PLUGIN.parent / "base" / "crds"
KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(not KUBECTL, reason="there is no kubectl (scripts/deps.sh)")

FAKE = r"""#!/bin/bash
printf '%s\n' "$*" >> "$ASKED"
case " $* " in
*" exec "*)
	args=("$@"); for ((i = 0; i < $#; i++)); do [ "${args[i]}" != exec ] || break; done
	pod=${args[i + 3]}
	[ "$pod" != broken ] || { echo 'the daemon does not answer' >&2; exit 1; }
	case $* in
	*--json*flows* | *flows*--json*) printf '[\n  {"pod": "%s"}\n]\n' "$pod" ;;
	*--json*sessions* | *sessions*--json*) printf '{"id":"1-1"}\n{"id":"1-2"}\n' ;;
	*) printf 'HEAD\nline of %s\n' "$pod" ;;
	esac ;;
*" auth whoami "*) [ -z "$OLD" ] || exit 1; printf 'jane "the dba"' ;;
*) exec "$REAL" "$@" ;;
esac
"""


def daemon(name, node, phase="Running", ready="True", created="2026-11-30T10:00:00Z", labels=None, **meta):
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "namespace": "pgveil-system", "creationTimestamp": created,
                                                            "labels": labels or {"app.kubernetes.io/name": "pgveild"}, **meta},
            "spec": {"nodeName": node, "containers": [{"name": "pgveild", "image": "x"}]},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}}


@pytest.fixture
def plugin(tmp_path, directory): # noqa: F811
    with ApiServer(directory) as api:
        for ns in ("pgveil-system", "agents"):
            api.create({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": ns}})
        for pod in (daemon("d-a-old", "node-a", ready="False"), daemon("d-a", "node-a"), daemon("d-b", "node-b"), daemon("d-c", "node-c", phase="Pending"),
                    daemon("admission", "node-b", labels={"app.kubernetes.io/name": "pgveil-admission"})):
            api.create(pod)
        api.create({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "claude-1", "namespace": "agents"},
                    "spec": {"nodeName": "node-b", "containers": [{"name": "c", "image": "x"}]}})
        api.create({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "waits", "namespace": "agents"}, "spec": {"containers": [{"name": "c", "image": "x"}]}})
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "kubectl").write_text(FAKE)
        (tmp_path / "bin" / "kubectl").chmod(0o755)
        os.symlink(PLUGIN, tmp_path / "bin" / "kubectl-pgveil")
        asked = tmp_path / "asked"
        env = {"PATH": "%s:%s" % (tmp_path / "bin", os.environ["PATH"]), "HOME": str(tmp_path), "ASKED": str(asked), "REAL": KUBECTL, "OLD": "",
               "KUBECONFIG": api.kubeconfig()}

        def run(*args, status=0, old=False, as_plugin=False):
            asked.write_text("")
            command = [KUBECTL, "pgveil"] if as_plugin else [PLUGIN]
            p = subprocess.run([*command, *args], env={**env, "OLD": "1" if old else ""}, capture_output=True, text=True, timeout=60)
            assert p.returncode == status, p.stdout + p.stderr
            run.err = p.stderr
            run.asked = [l for l in asked.read_text().splitlines() if " exec " in " " + l or " patch " in " " + l]
            return p.stdout
        run.api = api
        yield run


def of(pod, *args):
    return "exec -n pgveil-system %s -c pgveild -- pgveil %s" % (pod, " ".join(args))


def test_of_one_pod(plugin):
    assert plugin("flows", "claude-1", "-n", "agents") == "HEAD\nline of d-b\n"
    assert plugin.asked == [of("d-b", "flows --namespace agents --pod claude-1")]
    plugin("sessions", "claude-1", "--namespace=agents", "--verdict", "deny")
    assert plugin.asked == [of("d-b", "sessions ls --namespace agents --pod claude-1 --verdict deny")]
    plugin("flows", "claude-1", "-n", "agents", "--service-account", "claude")
    assert plugin.asked == [of("d-b", "flows --namespace agents --pod claude-1 --service-account claude")]
    plugin("approvals", "ls", "claude-1", "-n", "agents", "--all")
    assert plugin.asked == [of("d-b", "approvals ls --namespace agents --pod claude-1 --all")]
    plugin("approvals", "show", "7", "--node", "node-a")
    assert plugin.asked == [of("d-a", "approvals show 7")]
    plugin("status", "claude-1", "-n", "agents")
    assert plugin.asked == [of("d-b", "status")]
    plugin("sessions", "show", "3-17", "--node", "node-a")
    assert plugin.asked == [of("d-a", "sessions show 3-17")]
    plugin("flows", "--watch", "--node", "node-a")
    assert plugin.asked == [of("d-a", "flows --watch")]
    plugin("flows", "claude-1", "-n", "agents", as_plugin=True) # as kubectl finds it
    assert plugin.asked == [of("d-b", "flows --namespace agents --pod claude-1")]


def test_of_all_nodes(plugin):
    assert plugin("flows") == "node-a  HEAD\nnode-a  line of d-a\nnode-b  HEAD\nnode-b  line of d-b\n"
    assert plugin.asked == [of("d-a", "flows"), of("d-b", "flows")]
    plugin("approvals", "ls", "-n", "agents", "--service-account=claude")
    assert plugin.asked == [of(d, "approvals ls --namespace agents --service-account claude") for d in ("d-a", "d-b")]
    plugin("sessions", "-n", "agents")
    assert plugin.asked == [of(d, "sessions ls --namespace agents") for d in ("d-a", "d-b")]
    flows = [json.JSONDecoder().raw_decode(t)[0] for t in plugin("flows", "--json").replace("}\n{", "}\0{").split("\0")]
    assert flows == [{"node": "node-a", "answer": [{"pod": "d-a"}]}, {"node": "node-b", "answer": [{"pod": "d-b"}]}]
    assert [json.loads(l) for l in plugin("sessions", "--json").splitlines()] == [
        {"node": n, "answer": {"id": i}} for n in ("node-a", "node-b") for i in ("1-1", "1-2")]


def test_one_that_does_not_answer_is_said(plugin):
    plugin.api.create(daemon("broken", "node-d"))
    assert plugin("status", status=1) == "node-a  HEAD\nnode-a  line of d-a\nnode-b  HEAD\nnode-b  line of d-b\n"
    assert "node-d" in plugin.err


@pytest.mark.parametrize("args, status, says", [
    (["flows", "nobody", "-n", "agents"], 1, "not found"), (["flows", "waits", "-n", "agents"], 1, "on no node yet"),
    (["flows", "claude-1", "-n", "agents", "--node", "node-a"], 1, "is on node node-b"), (["flows", "--node", "node-c"], 1, "no daemon on node node-c"),
    (["approvals", "show", "7"], 1, "--node"), (["flows", "--service-account", "a b"], 1, "no name"), (["flows", "--watch"], 1, "--node"), (["sessions", "tail"], 1, "--node"), (["sessions", "show", "3-17"], 1, "--node"),
    (["flows", "A/../b"], 1, "no name"), (["flows", "-n", "-x"], 1, "no name"), (["flows", "x;id"], 1, "no name"), (["flows", "$(id)"], 1, "no name"),
    ([], 2, "usage"), (["exec", "x"], 2, "usage"), (["flows", "-n"], 2, "usage"), (["approve"], 2, "usage"), (["approve", "a", "--uses", "0"], 2, "usage"),
    (["approve", "a", "--uses", "1,\"x\":2"], 2, "usage"), (["deny", "a", "--uses", "2"], 2, "usage"), (["approve", "../a"], 1, "no name"),
    (["approve", "a", "--reason", "x\ny"], 1, "one line"), (["flows", "--system-namespace", "x y"], 1, "no name")])
def test_refused(plugin, args, status, says):
    plugin(*args, status=status)
    assert says in plugin.err and not plugin.asked


def approval(name, pod, account="default", **spec):
    return {"apiVersion": "pgveil.dev/v1", "kind": "StatementApproval", "metadata": {"name": name, "namespace": "pgveil-system"},
            "spec": {"requester": {"node": "node-b", "identity": "x", "namespace": "agents", "pod": pod, "serviceAccount": account}, "database": "crm", "kind": "query",
                     "statement": "DELETE FROM a\nforged  pending  agents  claude-1", "required": 1, "expires": "2027-01-01T00:00:00Z", "seal": "5" * 64,
                     "binding": {k: "b" * 64 for k in ("statement", "role", "path", "objects", "settings", "policy")}, **spec}}


def test_approvals(plugin, tmp_path):
    subprocess.run([KUBECTL, "--kubeconfig", plugin.api.kubeconfig(), "apply", "-f", CRDS / "statementapprovals.yaml"], check=True, timeout=60, capture_output=True,
                   env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    for name, pod, account in (("sap-1", "claude-1", "default"), ("sap-2", "other", "claude")):
        p = subprocess.run([KUBECTL, "--kubeconfig", plugin.api.kubeconfig(), "create", "-f", "-"], input=json.dumps(approval(name, pod, account)), text=True, timeout=60,
                           capture_output=True, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
        assert p.returncode == 0, p.stderr
    assert [l.split()[0] for l in plugin("approvals").splitlines()] == ["NAME", "sap-1", "sap-2"]
    assert [l.split()[0] for l in plugin("approvals", "claude-1", "-n", "agents").splitlines()] == ["NAME", "sap-1"]
    assert [l.split()[0] for l in plugin("approvals", "--service-account", "claude").splitlines()] == ["NAME", "sap-2"]
    assert [l.split()[0] for l in plugin("approvals", "claude-1", "--service-account", "claude").splitlines()] == ["NAME"]
    plugin("approve", "sap-1", "--reason", 'as "agreed" \\ upon', "--uses", "2")
    said = json.loads(plugin.asked[0].split(" -p ")[1])
    assert said == {"status": {"decision": "approve", "approver": 'jane "the dba"', "reason": 'as "agreed" \\ upon', "uses": 2}}
    path = "/apis/pgveil.dev/v1/namespaces/pgveil-system/statementapprovals/sap-1"
    assert [(r[1], r[2].partition("?")[0]) for r in plugin.api.requests if r[1] == "PATCH"] == [("PATCH", path + "/status")]
    plugin("deny", "sap-2", "--approver", "me")
    assert json.loads(plugin.asked[0].split(" -p ")[1]) == {"status": {"decision": "deny", "approver": "me"}}
    plugin("approve", "sap-1", status=1, old=True)
    assert "--approver" in plugin.err and not plugin.asked


def test_shellcheck():
    if not shutil.which("shellcheck"):
        pytest.skip("there is no shellcheck")
    p = subprocess.run(["shellcheck", PLUGIN], capture_output=True, text=True)
    assert p.returncode == 0, p.stdout
