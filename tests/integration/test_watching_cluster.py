# SPDX-License-Identifier: MIT
"""What somebody who watches is told of a node of a cluster: whether the API server is heard, what became of pods and how long they were refused as
they started, policies that were not taken, and the store; and that the dashboard and the alerts ask for that."""

import json
import os
import sys
import time

import pytest

from lab import ROOT
from test_kube_policy import PolicyCluster
from test_kubernetes import LABEL, NODE, REFUSED
from test_operations import get, admin, metrics
from test_watching import alerts, check, families, of_cluster, queries

sys.path.insert(0, str(ROOT / "tests" / "kube"))
sys.path.insert(0, str(ROOT / "tests" / "s3"))
import crd  # noqa: E402
from admission import NAMESPACE, manifests  # noqa: E402
from apiserver import ApiServer  # noqa: E402
from store import Store  # noqa: E402

COLLECTIONS = {"pods", "namespaces", "policies", "statementapprovals", "statementgrants"}


@pytest.fixture(scope="module")
def api():
    with ApiServer(bookmark_seconds=1.0) as server:
        for name in ("agents", NAMESPACE):
            server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for obj in [crd.definition(), *manifests("crds/statementapprovals.yaml", "crds/statementgrants.yaml")]:
            server.create(obj)
        yield server


@pytest.fixture(scope="module")
def lab(api, tmp_path_factory):
    at = tmp_path_factory.mktemp("watched")
    (at / "key").write_text("a secret that every node of the cluster has")
    with Store() as store:
        store.credentials(at / "credentials")
        args = "--kube-events --kube-budgets --kube-approvals --kube-approval-key %s/key --ship s3://evidence/prod --ship-endpoint %s --ship-credentials %s/credentials --ship-region %s" % (
            at, store.url, at, store.region)
        with PolicyCluster(at, api, args) as up:
            up.current()
            yield up


def of(lab, name, **labels):
    return metrics(lab)[name, tuple(sorted(labels.items()))]


def becomes(lab, value, name, **labels):
    lab.wait_until(lambda: of(lab, name, **labels) == value, "%s %s is not %s" % (name, labels, value))


def test_watches(lab, api):
    for collection in COLLECTIONS:
        becomes(lab, 1, "pgveil_kube_watch_current", collection=collection)
    # Bookmarks count as heard, and nothing else happens there.
    before = of(lab, "pgveil_kube_watch_events_total", collection="statementgrants")
    lab.wait_until(lambda: of(lab, "pgveil_kube_watch_events_total", collection="statementgrants") > before, "no bookmark")
    assert of(lab, "pgveil_kube_watch_age_seconds", collection="statementgrants") < 60
    becomes(lab, len(api.store.all(("", "namespaces"))[1]), "pgveil_kube_objects", collection="namespaces")
    lists = of(lab, "pgveil_kube_watch_lists_total", collection="policies")
    expired = of(lab, "pgveil_kube_watch_failures_total", collection="policies", cause="expired")
    api.faults.add("expire", path="/maskingpolicies", watch=True, after=0)
    api.drop_connections()
    lab.wait_until(lambda: of(lab, "pgveil_kube_watch_lists_total", collection="policies") > lists, "it is not listed again")
    assert of(lab, "pgveil_kube_watch_failures_total", collection="policies", cause="expired") == expired + 1
    lab.current()


def test_the_api_server_is_not_heard(lab, api):
    """The token is not taken; then nobody is there."""
    good = lab.token.read_text()
    lab.token.write_text("nobody")
    api.drop_connections()
    lab.wait_until(lambda: of(lab, "pgveil_kube_watch_failures_total", collection="pods", cause="forbidden") > 0, "401 is not counted")
    becomes(lab, 0, "pgveil_kube_watch_current", collection="pods")
    api.stop()
    try:
        lab.wait_until(lambda: of(lab, "pgveil_kube_watch_failures_total", collection="pods", cause="unreached") > 0, "that it is gone is not counted")
        becomes(lab, 0, "pgveil_kube_watch_current", collection="pods")
        age = of(lab, "pgveil_kube_watch_age_seconds", collection="pods")
        lab.wait_until(lambda: of(lab, "pgveil_kube_watch_age_seconds", collection="pods") > age, "its age stands still")
    finally:
        lab.token.write_text(good)
        api.start()
    lab.current()


def test_pods_by_state(lab):
    before = {s: of(lab, "pgveil_pods", state=s) for s in ("unknown", "denied", "enrolled", "exempt")}
    counted = {s: of(lab, "pgveil_pod_unknown_seconds_count", state=s) for s in ("denied", "enrolled", "exempt")}
    made = [lab.pod("web"), lab.pod("claude", LABEL), lab.pod("round", LABEL, hostPID=True), lab.pod("nobody", in_api=False)]
    for state in before:
        becomes(lab, before[state] + 1, "pgveil_pods", state=state)
    for state in counted:
        becomes(lab, counted[state] + 1, "pgveil_pod_unknown_seconds_count", state=state)
    for pod in made:
        pod.stop()
    for state in before:
        becomes(lab, before[state], "pgveil_pods", state=state)


def test_how_long_a_pod_is_refused_as_it_starts(lab, api):
    """Its cgroup first; that it is this node's the daemon hears later."""
    counted, waited = (of(lab, "pgveil_pod_unknown_seconds_" + what, state="exempt") for what in ("count", "sum"))
    late = lab.pod("late", in_cgroups=False, nodeName="", netns="agent2")
    began = time.monotonic()
    late.start()
    lab.wait_until(lambda: late.shown(), "it is not seen")
    refused = time.monotonic()
    assert late.dial() == REFUSED and of(lab, "pgveil_pods", state="unknown") == 1
    served = time.monotonic()
    api.bind("agents", "late", NODE)
    late.becomes("exempt")
    after = time.monotonic()
    assert of(lab, "pgveil_pod_unknown_seconds_count", state="exempt") == counted + 1
    assert served - refused < of(lab, "pgveil_pod_unknown_seconds_sum", state="exempt") - waited < after - began
    assert of(lab, "pgveil_pods_age_seconds") < 60
    late.stop()


def test_a_restart_is_no_start_of_pods(lab):
    pod = lab.pod("stays")
    pod.becomes("exempt")
    lab.sh("daemon", "restart")
    lab.current()
    assert pod.shown()["state"] == "exempt"
    assert of(lab, "pgveil_pod_unknown_seconds_count", state="exempt") == 0
    pod.stop()


def test_a_policy_that_is_not_taken(lab):
    lab.apply(lab.document("good"))
    lab.in_force("good")
    becomes(lab, 1, "pgveil_kube_policies", state="in_force")
    assert of(lab, "pgveil_policy_rejected") == 0 and of(lab, "pgveil_ready_check", check="policies") == 1
    lab.apply(lab.document("bad", mask=[{"columns": ["clinic.patient.ssn"], "with": {"token": {"domain": "x", "keyFile": "/nowhere"}}}]))
    becomes(lab, 1, "pgveil_policy_rejected")
    becomes(lab, 2, "pgveil_kube_policies", state="known")
    assert of(lab, "pgveil_kube_policies", state="in_force") == 1
    lab.wait_until(lambda: of(lab, "pgveil_kube_policy_statuses_total", result="written") > 0, "no status was written")
    lab.delete("bad")
    becomes(lab, 0, "pgveil_policy_rejected")


def test_the_dashboard_and_the_alerts_ask_for_what_there_is(lab):
    labels, _ = families(lab)
    check(labels, queries(), of_cluster)
    check(labels, [r["expr"] for r in alerts()], of_cluster)
    for family in ("pgveil_kube_watch_current", "pgveil_pods", "pgveil_pod_unknown_seconds_bucket", "pgveil_ship_oldest_age_seconds", "pgveil_budget_away"):
        assert any(family in e for e in queries()), family
    for family in ("pgveil_kube_watch_current", "pgveil_policy_rejected", "pgveil_ship_failing", "pgveil_budget_away", "pgveil_budget_failures_total"):
        assert any(family in r["expr"] for r in alerts()), family
    # Every family of a cluster is on the dashboard: what is counted and never looked at need not be counted.
    for family in labels:
        if of_cluster(family) and not family.endswith(("_sum", "_count")):
            assert any(family in e for e in queries()), family


def test_what_readyz_says_is_in_the_metrics(lab):
    said = dict(line.split(": ", 1) for line in json.loads(get(admin(lab), "/v1/ready")[2])["said"].splitlines())
    checks = {dict(pairs)["check"]: value for (name, pairs), value in metrics(lab).items() if name == "pgveil_ready_check"}
    assert set(checks) == set(said) and {"kubernetes", "policies", "recording", "captured"} <= set(checks)


def test_no_name_of_a_pod(lab):
    pod = lab.pod("a-name-like-no-other-" + os.urandom(2).hex(), LABEL)
    pod.becomes("enrolled")
    text = get(admin(lab), "/metrics")[2].decode()
    assert pod.name not in text and pod.uid not in text and "agents" not in text
    pod.stop()
