# SPDX-License-Identifier: MIT
"""The ValidatingAdmissionPolicies of deploy/kubernetes/overlays/admission-policy say what pgveil-admission says: over the table of tests/golden/admission.txt,
which tests/unit/admission_judge.c holds pgveil-admission's judge to, and over random requests, asked of both. The expressions are evaluated by a CEL that
others wrote (@bufbuild/cel of the npm registry, tests/kube/cel/package-lock.json): the API servers that tests run against do not serve such policies."""

import copy
import fcntl
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import ssl
import subprocess

import pytest
import yaml

from admission import DAEMON, Cluster

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"
BOT, REQUESTER, OTHER = "system:serviceaccount:ops:bot", "system:serviceaccount:agents:claude", "system:serviceaccount:agents:other"
USERS = {"D": DAEMON, "S": REQUESTER, "O": BOT, "X": OTHER}
MODEL = {"apiVersion": "pgveil.dev/v1", "kind": "StatementApproval", "metadata": {"name": "x"},
         "spec": {"requester": {"namespace": "agents", "serviceAccount": "claude"}, "statement": "DELETE FROM t", "expires": "2026-01-01T12:00:00Z"}}
pytestmark = pytest.mark.skipif(not shutil.which("node") or not shutil.which("npm"), reason="there is no node, or no npm")


@pytest.fixture(scope="module")
def evaluator():
    """The directory in which it is installed."""
    at = ROOT / "build" / "cel"
    at.mkdir(parents=True, exist_ok=True)
    with open(at / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (HERE / "cel" / "package-lock.json").read_bytes()
        if not (at / ".stamp").exists() or (at / ".stamp").read_bytes() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / "cel" / name, at / name)
            subprocess.run(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=at, check=True, timeout=300)
            (at / ".stamp").write_bytes(wanted)
        shutil.copy(HERE / "cel" / "evaluate.mjs", at / "evaluate.mjs")
    return at


@pytest.fixture(scope="module")
def policies():
    objects = list(yaml.safe_load_all((OVERLAYS / "admission-policy" / "policy.yaml").read_text()))
    found = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "ValidatingAdmissionPolicy"}
    bindings = [o["spec"] for o in objects if o["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert sorted(b["policyName"] for b in bindings) == sorted(found) and all(b == {"policyName": b["policyName"], "validationActions": ["Deny"]} for b in bindings)
    return list(found.values())


def merged(o, change):
    if not isinstance(o, dict) or not isinstance(change, dict):
        return copy.deepcopy(change)
    return {**o, **{k: merged(o[k], v) if k in o else copy.deepcopy(v) for k, v in change.items()}}


def review(user, operation, resource, before, after):
    """What the API server hands to CEL: of its request what is empty is not there."""
    plural, _, part = resource.partition("/")
    request = {"uid": "u1", "operation": operation, "resource": {"group": "pgveil.dev", "version": "v1", "resource": plural}, "userInfo": {}}
    if part:
        request["subResource"] = part
    if user:
        request["userInfo"]["username"] = user
    return {"request": request, "object": after, "oldObject": before}


def table():
    """[(line, review, "yes" or a part of the refusal)]"""
    out = []
    for number, line in enumerate((ROOT / "tests" / "golden" / "admission.txt").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, what, before, after, verdict = (p.strip() for p in line.split("| ", 4))
        objects = [None if o == "-" else merged(MODEL, json.loads(o)) for o in (before, after)]
        out.append((number, review(USERS.get(user, user), *what.split(" "), *objects), verdict))
    assert len(out) > 60
    return out


def rules_match(rules, r):
    q = r["request"]
    resource = q["resource"]["resource"] + ("/" + q["subResource"] if "subResource" in q else "")
    return any(q["resource"]["group"] in rule["apiGroups"] and q["resource"]["version"] in rule["apiVersions"] and q["operation"] in rule["operations"] and
               resource in rule["resources"] and rule["scope"] == "Namespaced" for rule in rules)


def judged(evaluator, policies, reviews, accounts):
    """For each: None (no policy is about it), or [message of what refuses it]."""
    out = [None] * len(reviews)
    for policy in policies:
        assert policy["failurePolicy"] == "Fail" and not set(policy) - {"failurePolicy", "matchConstraints", "variables", "validations"}
        assert policy["matchConstraints"]["matchPolicy"] == "Equivalent"
        mine = [i for i, r in enumerate(reviews) if rules_match(policy["matchConstraints"]["resourceRules"], r)]
        variables = [{"name": "accounts", "expression": json.dumps(accounts)} if v["name"] == "accounts" else v for v in policy["variables"]]
        p = subprocess.run(["node", "evaluate.mjs"], cwd=evaluator, capture_output=True, text=True, timeout=300, input=json.dumps(
            {"variables": variables, "validations": policy["validations"], "requests": [reviews[i] for i in mine]}))
        assert p.returncode == 0, p.stderr
        for i, results in zip(mine, json.loads(p.stdout), strict=True):
            assert out[i] is None, "two policies are about it"
            # true alone lets it pass: what cannot be evaluated refuses, as failurePolicy says.
            out[i] = [v["message"] for v, ok in zip(policy["validations"], results, strict=True) if ok is not True]
    return out


def test_the_table(evaluator, policies):
    """Agree but for the one thing that CEL has no word for: the time. What is past its own, pgveild does not run whatever is written there."""
    rows = table()
    webhook = yaml.safe_load((OVERLAYS / "cluster" / "webhook.yaml").read_text())["webhooks"][0]["rules"]
    late = 0
    for (number, r, verdict), said in zip(rows, judged(evaluator, policies, [r for _, r, _ in rows], [BOT]), strict=True):
        assert (said is None) == (not rules_match(webhook, r)), "line %d: the webhook is asked about other requests" % number
        if said is None:
            assert verdict == "nothing is known"  # nobody asks pgveil-admission either
            continue
        if verdict == "time is over":
            assert said == [], (number, said)
            late += 1
            continue
        assert (said == []) == (verdict == "yes"), "line %d: %s, by the table %s" % (number, said, verdict)
    assert late == 3


def test_messages_say_why(evaluator, policies):
    """Whoever is refused for one reason alone reads it."""
    rows = [(r, verdict) for _, r, verdict in table() if verdict in ("decided once", "who asks may not decide", "must be approve or deny", "never changes", "stays used")]
    for (r, verdict), said in zip(rows, judged(evaluator, policies, [r for r, _ in rows], [BOT]), strict=True):
        assert any(verdict in m for m in said), (verdict, said)


def test_no_account_may_approve_as_it_is_delivered(evaluator, policies):
    decision = {"status": {"decision": "approve", "approver": BOT}}
    r = review(BOT, "UPDATE", "statementapprovals/status", MODEL, merged(MODEL, decision))
    accounts = [v["expression"] for p in policies for v in p["variables"] if v["name"] == "accounts"]
    assert accounts == ["['']"]
    assert judged(evaluator, policies, [r], [""]) == [["it is a program, and not one that may decide"]]


def some(rnd, kind):
    """An object as its schema lets it be, never past its time."""
    o = merged(MODEL, {"spec": {"expires": "2099-01-01T00:00:00Z"}})
    if rnd.random() < 0.2:
        o["spec"]["requester"] = rnd.choice([{"node": "n"}, {"namespace": "", "serviceAccount": "claude"}, {"namespace": "ops", "serviceAccount": "bot"}, {"namespace": "agents"}])
    if rnd.random() < 0.1:
        o["metadata"]["deletionTimestamp"] = "2026-01-01T10:00:00Z"
    fields = {"decision": ["approve", "deny"], "approver": ["ann", DAEMON, BOT, REQUESTER], "reason": ["a", "b"], "uses": [1, 2], "forSeconds": [1], "shape": [True, False],
              "state": ["pending", "approved", "used", "expired", "void"], "message": ["x", "y"], "used": [0, 1, 2]} if kind == "statementapprovals" else {
                  "state": ["active", "used", "revoked", "expired", "void"], "used": [0, 1, 2, 3], "message": ["x"]}
    if rnd.random() < 0.85:
        o["status"] = {k: rnd.choice(v) for k, v in fields.items() if rnd.random() < 0.25}
    return o


def random_review(rnd):
    user = rnd.choice(["ann", "ann", "ann", DAEMON, DAEMON, BOT, REQUESTER, OTHER, "system:anonymous", "bob"])
    kind = rnd.choice(["statementapprovals", "statementapprovals", "statementgrants"])
    operation, part = rnd.choice([("CREATE", ""), ("DELETE", ""), ("UPDATE", ""), ("UPDATE", "/status"), ("UPDATE", "/status"), ("UPDATE", "/status")])
    before = some(rnd, kind) if operation != "CREATE" else None
    after = None
    if operation == "CREATE":
        after = some(rnd, kind)
    elif operation == "UPDATE":
        after = copy.deepcopy(before)
        if rnd.random() < 0.2:
            after["spec"] = some(rnd, kind)["spec"] | ({"statement": "SELECT 1"} if rnd.random() < 0.5 else {})
        if part and rnd.random() < 0.8:
            after.setdefault("status", {}).update({"decision": rnd.choice(["approve", "deny"]), "approver": user} if kind == "statementapprovals" and user != DAEMON
                                                  else some(rnd, kind).get("status", {}))
        if rnd.random() < 0.3:
            after.setdefault("status", {}).update(some(rnd, kind).get("status", {}))
        if rnd.random() < 0.1:
            after.pop("status", None)
    return review(user, operation, kind + part, before, after)


def ask(port, reviews):
    """What pgveil-admission says: [allowed]."""
    out = []
    for r in reviews:
        c = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=ssl._create_unverified_context())
        q = {**r["request"], "subResource": r["request"].get("subResource", ""), "object": r["object"], "oldObject": r["oldObject"]}
        c.request("POST", "/validate", json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": q}))
        answer = c.getresponse()
        assert answer.status == 200
        out.append(json.loads(answer.read())["response"]["allowed"])
        c.close()
    return out


def test_random_requests_to_both(evaluator, policies, tmp_path):
    seed = int(os.environ.get("ADMISSION_SEED", random.randrange(1 << 30)))
    print("ADMISSION_SEED=%d" % seed)
    rnd = random.Random(seed)
    reviews = [random_review(rnd) for _ in range(int(os.environ.get("ADMISSION_COUNT", "300")))]
    with Cluster(tmp_path, account=[BOT]) as cluster:
        theirs = ask(cluster.port, reviews)
    ours = judged(evaluator, policies, reviews, [BOT])
    for r, allowed, said in zip(reviews, theirs, ours, strict=True):
        assert allowed == (said == []), "ADMISSION_SEED=%d: %s: pgveil-admission says %s, the policy %s" % (seed, json.dumps(r), allowed, said)
    assert 0.05 < sum(theirs) / len(theirs) < 0.9, "most are alike"


def test_what_is_personal_is_in_the_schema(policies):
    """And what an approval's status has beside it is pgveild's, as pgveil-admission has it."""
    crd = yaml.safe_load((ROOT / "deploy/kubernetes/base/crds/statementapprovals.yaml").read_text())
    fields = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    (text,) = [v["expression"] for p in policies for v in p["variables"] if v["name"] == "personal"]
    judge = re.search(r"personal\[\] = \{([^}]*)\}", (ROOT / "userspace/admission/judge.c").read_text())[1]
    assert re.findall(r"\w+", text) == re.findall(r"\w+", judge) and set(re.findall(r"\w+", text)) < set(fields)
