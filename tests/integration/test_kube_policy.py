# SPDX-License-Identifier: MIT
"""Policies as objects of the Kubernetes API: an object is judged as a file's document is, all of them are one policy, and what cannot
be loaded changes nothing. Who may write one is no root: it names the files that it is given, and its strings are data."""

import json
import os
import pathlib
import shutil
import sys
import threading

import pytest
import yaml

import wire
from lab import HERE, ROOT
from test_kubernetes import DENIED, LABEL, MASKED, NODE, REFUSED, Cluster  # noqa: F401

sys.path.insert(0, str(ROOT / "tests" / "kube"))
sys.path.insert(0, str(ROOT / "scripts"))
from apiserver import ApiServer  # noqa: E402
import crd  # noqa: E402

KIND, GROUP = "MaskingPolicy", "pgveil.dev/v1"


class PolicyCluster(Cluster):
    """Whose policy is objects alone, and whose secrets are a volume as the kubelet makes them."""

    def __init__(self, folder, api, args="", **kw):
        self.secrets = folder / "secrets"
        self.volume = Volume(self.secrets / "crm")
        super().__init__(folder, api, "--kube-policies --kube-secret-dir %s %s" % (self.secrets, args), policies=kw.pop("policies", ()), **kw)

    def up(self):
        super().up()
        self.volume.write(password=(self.state / "agent.pw").read_bytes(), key=(self.state / "mask.key").read_bytes())
        return self

    def down(self):
        for name in self.names():
            self.api.delete(KIND, "", name, api_version=GROUP)
        super().down()

    def names(self):
        return [o["metadata"]["name"] for o in self.api.store.all(("pgveil.dev", "maskingpolicies"))[1]]

    def document(self, name, app="claude", mask=None, **database):
        """What a file would hold, about the pods of an app, with another mask if need be."""
        secrets = str(self.secrets / "crm")
        text = (HERE / "agent1.yaml").read_text()
        for var, value in (("DB_HOST", self.host), ("DB_PORT", str(self.port)), ("DB_NAME", self.dbname), ("CREDENTIAL_FILE", secrets + "/password"),
                           ("KEY_FILE", secrets + "/key"), ("CGROUP", "/x")):
            text = text.replace("${LAB_%s}" % var, value)
        doc = crd.as_object(yaml.safe_load(text))
        doc["metadata"]["name"] = name
        doc["spec"]["subjects"] = [{"pods": {"namespace": "agents", "labels": {"app": app}}}]
        doc["spec"]["databases"][0].update(database)
        if mask is not None:
            doc["spec"]["mask"] = mask
        return doc

    def apply(self, doc):
        if doc["metadata"]["name"] in self.names():
            return self.api.change(GROUP, KIND, "", doc["metadata"]["name"], {"spec": doc["spec"]})
        return self.api.create(doc)

    def delete(self, name):
        self.api.delete(KIND, "", name, api_version=GROUP)

    def object(self, name):
        return self.api.get(KIND, "", name, api_version=GROUP)

    def said(self, name):
        """What this node says of the object as it is now; None: nothing yet."""
        o = self.object(name)
        said = (o.get("status") or {}).get("nodes", {}).get(NODE)
        return said if said and said["generation"] == o["metadata"]["generation"] else None

    def in_force(self, name):
        self.wait_until(lambda: (self.said(name) or {}).get("inForce"), "%s is not in force: %s" % (name, self.said(name)))

    def refused_because(self, name, *words):
        self.wait_until(lambda: self.said(name) is not None and not self.said(name)["inForce"] and all(w in self.said(name)["message"] for w in words),
                        "%s: %s" % (name, words))
        return self.said(name)["message"]

    def accepted(self, name, status):
        """The condition, which is written after what the node says."""
        def condition():
            o = self.object(name)
            return next((c for c in (o.get("status") or {}).get("conditions", ()) if c["type"] == "Accepted" and c["status"] == status and
                         c["observedGeneration"] == o["metadata"]["generation"]), None)

        self.wait_until(condition, "%s: Accepted is not %s" % (name, status))
        return condition()

    def policies(self):
        return self.cluster()["policies"]

    def policies_failure(self):
        return (json.loads(self.sh("pgveil", "--", "--json", "status").stdout)["policy"].get("failure") or {}).get("complaints", [])


class Volume:
    """As the kubelet's AtomicWriter does: the files in a directory of a new name, ..data a link to it that is replaced by a rename, and the
    files that are seen links through ..data."""

    def __init__(self, path):
        self.path, self.times = path, 0

    def write(self, **files):
        self.path.mkdir(parents=True, exist_ok=True)
        data, tmp = self.path / "..data", self.path / "..data_tmp"
        old = os.readlink(data) if data.is_symlink() else None
        self.times += 1
        new = self.path / ("..2026_11_30_10_00_00.%09d" % self.times)
        new.mkdir(mode=0o755)
        for name, content in files.items():
            (new / name).write_bytes(content)
            (new / name).chmod(0o400)
        tmp.symlink_to(new.name)
        tmp.rename(data)
        for name in files:
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to("..data/" + name)
        if old:
            shutil.rmtree(self.path / old)


@pytest.fixture(scope="module")
def api():
    with ApiServer() as server:
        server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "agents"}})
        server.create(crd.definition())
        yield server


@pytest.fixture(scope="module")
def lab(api, tmp_path_factory):
    with PolicyCluster(tmp_path_factory.mktemp("policies"), api) as up:
        up.current()
        yield up


@pytest.fixture
def claude(lab):
    """A pod that a policy is in force for."""
    for name in lab.names():
        lab.delete(name)
    lab.apply(lab.document("claude"))
    lab.in_force("claude")
    p = lab.pod("claude-" + os.urandom(4).hex(), {**LABEL, "app": "claude"})
    p.becomes("enrolled")
    lab.wait_until(lambda: p.dial() == "engine", "it is not captured")
    yield p
    p.delete()


def test_an_object_is_a_document(lab, claude):
    assert claude.masked() == MASKED
    lab.accepted("claude", "True")
    changed = lab.document("claude", mask=[{"columns": ["clinic.patient.ssn"], "with": {"fixed": "none of yours"}}])
    lab.apply(changed)
    lab.in_force("claude")
    assert claude.masked() == b"none of yours"


def shows(pod, value):
    return lambda: pod.masked() == value


def test_secrets_are_rotated_as_the_kubelet_does(lab, claude):
    """A new key is in force as soon as ..data leads elsewhere, and a new password is used for the next login."""
    def card():
        with lab.login(claude.name, netns=claude.netns) as c:
            return c.query("SELECT card FROM clinic.patient WHERE id = 1").ok().rows[0][0]

    before, password = card(), (lab.state / "agent.pw").read_bytes()
    lab.volume.write(password=password, key=b"another key of more than thirty-two bytes: 0123456789")
    lab.wait_until(lambda: card() != before, "the new key is not read")
    lab.volume.write(password=b"not the password", key=(lab.state / "mask.key").read_bytes())
    lab.wait_until(lambda: card_fails(lab, claude), "the old password is still used")
    lab.volume.write(password=password, key=(lab.state / "mask.key").read_bytes())
    lab.wait_until(lambda: not card_fails(lab, claude) and card() == before, "the old key is not back")


def card_fails(lab, pod):
    with lab.connect(pod.name, netns=pod.netns) as c:
        c.send(wire.startup({"user": "agent", "database": lab.dbname}))
        return c.until("EZ")[-1][0] == "E"


def test_an_object_names_its_own_files_only(lab, claude):
    """More of them in tests/unit/policy_object.c."""
    crm = lab.secrets / "crm"
    (crm / "outside").symlink_to("/etc")
    doc = lab.document("thief", app="thief", mask=[{"columns": ["a.b.c"], "with": {"hash": {"keyFile": str(crm) + "/../../etc/shadow"}}}])
    doc["spec"]["databases"][0]["credential"]["passwordFile"] = "/etc/shadow"
    doc["spec"]["databases"][0]["tls"] = {"ca": str(crm) + "/outside/shadow"}
    lab.apply(doc)
    said = lab.refused_because("thief", "spec.databases[0].credential.passwordFile", "below", "spec.databases[0].tls.ca", "leads out",
                               "spec.mask[0].with.hash.keyFile", "in full")
    assert "root:" not in said
    lab.refused_because("claude", "another document does not load: maskingpolicy/thief")
    assert claude.masked() == MASKED


def test_strings_are_data(lab, claude):
    """What an object says is never read a second time."""
    tricks = ["null", "~", "true", "- a\n- b", "{a: b}", "a: b", "!!str x", "&a *a", "# no comment", "'", '"', "\\", "a\tb", "\u2028x", "é😀", "%TAG ! x", "---\nspec: {}",
              "$${HOME}", "x" * 1000]
    for text in tricks:
        lab.apply(lab.document("claude", mask=[{"columns": ["clinic.patient.ssn"], "with": {"fixed": text}}]))
        lab.in_force("claude")
        want = text.replace("$${", "${").encode()
        assert claude.masked() == want, text
    for text, why in (("${HOME}", "environment"), ("${LAB_DB_HOST}", "environment"), ("${x", "$${"), ("\ue000", "U+E000")):
        lab.apply(lab.document("claude", mask=[{"columns": ["clinic.patient.ssn"], "with": {"fixed": text}}]))
        lab.refused_because("claude", why)
    # "true" is a word, and a switch is none.
    doc = lab.document("claude")
    doc["spec"]["statements"] = {"default": "allow", "rules": [{"verdict": "deny", "effects": ["ddl"], "relations": ["a.b\n  - verdict: allow"]}]}
    lab.apply(doc)
    lab.refused_because("claude", "spec.statements.rules[0].relations[0]")


def test_what_does_not_load_changes_nothing(lab, claude):
    lab.apply(lab.document("broken", app="other", mask=[{"columns": ["clinic.patient.ssn"], "with": {"partial": {"first": 0, "last": 0}}},
                                                       {"columns": ["no pattern.x.y"], "with": {"regex": {"pattern": "(", "replace": ""}}}]))
    said = lab.refused_because("broken", "spec.mask[0].with.partial: partial keeps nothing", "spec.mask[1].with.regex.pattern")
    assert len(said) <= 500
    assert lab.accepted("broken", "False")["message"].startswith(NODE + ": ")
    assert claude.masked() == MASKED
    told = [e["msg"] for e in lab.events("policy.complaint")]
    assert any(m.startswith("maskingpolicy/broken:spec.mask[0].with.partial: ") for m in told), told
    assert any("maskingpolicy/broken" in c for c in lab.policies_failure())
    # The others wait for it.
    lab.apply(lab.document("claude", mask=[{"columns": ["clinic.patient.ssn"], "with": {"fixed": "later"}}]))
    lab.refused_because("claude", "another document does not load: maskingpolicy/broken")
    assert claude.masked() == MASKED
    # And while nothing changes nothing is written.
    patches = [r for r in lab.api.requests if r[1] == "PATCH"]
    marker = lab.pod("patches-" + os.urandom(4).hex())
    marker.becomes("exempt")
    lab.wait_until(lambda: len(lab.events("policy.kept")) >= 1, "it is not told")
    lab.delete("broken")
    lab.in_force("claude")
    assert claude.masked() == b"later"
    assert len([r for r in lab.api.requests if r[1] == "PATCH"]) - len(patches) < 12


def test_a_name_is_one_policys(lab, claude, tmp_path):
    doc = lab.document("agent1", app="x")
    lab.apply(doc)
    lab.in_force("agent1")
    with PolicyCluster(tmp_path, lab.api, policies=(HERE / "agent1.yaml",)) as other:
        # The file's, and what the API server says: neither is left out, so neither is in force.
        other.wait_until(lambda: any("named \"agent1\" already" in c for c in other.policies_failure()), "that there are two is not seen")
        assert not other.policies()["loaded"]
        p = other.pod("two-of-a-name", {**LABEL, "app": "claude"})
        p.becomes("enrolled")
        assert refusal(other, p) in ("08004", "28000")
        assert refusal(other, None) is not None


def refusal(lab, pod):
    """The SQLSTATE by which a login is refused; None: it is not."""
    try:
        with (lab.connect(pod.name, netns=pod.netns) if pod else lab.connect("agent1")) as c:
            c.send(wire.startup({"user": "agent", "database": lab.dbname}))
            kind, body = c.until("EZ")[-1]
            return wire.fields(body)["C"] if kind == "E" else None
    except OSError as e:
        return os.strerror(e.errno)


def test_who_is_named_by_a_cgroup_too(lab, claude):
    """Before the API server says which pod it is, it may be one that another object masks: nothing is served by one that does not."""
    wide = lab.document("wide", mask=[])
    del wide["spec"]["mask"]
    wide["spec"]["subjects"] = [{"cgroup": "/**/kubepods"}]
    lab.apply(wide)
    lab.in_force("wide")
    p = lab.pod("unsaid-" + os.urandom(4).hex(), {**LABEL, "app": "claude"}, netns="agent2", in_api=False)
    lab.wait_until(lambda: p.dial() == "engine", "it is not captured")
    assert refusal(lab, p) == "28000"
    assert claude.masked() == MASKED
    for app, shown in (("claude", MASKED), ("other", b"61728300001")):
        said = lab.pod("said-" + os.urandom(4).hex(), {"app": app}, netns="agent2")
        lab.wait_until(lambda: refusal(lab, said) is None, "it is not known")
        assert said.masked() == shown
    lab.delete("wide")


def test_deleted_while_sessions_run(lab, claude):
    """What a policy masked is served by none when it is gone: not raw."""
    lab.apply(lab.document("other", app="other"))
    lab.in_force("other")
    with lab.login(claude.name, netns=claude.netns) as c:
        assert c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[MASKED]]
        lab.delete("claude")
        lab.wait_until(lambda: refusal(lab, claude) is not None, "it is served yet")
        with pytest.raises(Exception):
            c.query("SELECT ssn FROM clinic.patient WHERE id = 1").ok()
    assert refusal(lab, claude) == "28000"
    lab.delete("other")
    lab.wait_until(lambda: lab.policies()["in_force"] == [], "the last one is in force yet")
    lab.wait_until(lambda: refusal(lab, claude) in ("08004", "28000"), "it is served yet")


def test_another_one_by_its_name(lab, claude):
    """Taken away and made anew while nobody heard of it, with the same generation: it is the new one's that is in force, and that it is is said of
    the new one, though it says the same."""
    api = lab.api
    for mask, shown in ((None, MASKED), ([{"columns": ["clinic.patient.ssn"], "with": {"fixed": "the new one"}}], b"the new one")):
        at = len(api.requests)
        api.faults.add("stall", path="/maskingpolicies", watch=True, count=0, after=0, seconds=3600)
        api.drop_connections()
        try:
            lab.wait_until(lambda: any("watch=true" in r[2] and "/maskingpolicies" in r[2] for r in list(api.requests)[at:]), "it is not watched again")
            before = lab.object("claude")["metadata"]
            lab.delete("claude")
            lab.apply(lab.document("claude", mask=mask))
            assert lab.object("claude")["metadata"]["uid"] != before["uid"] and lab.said("claude") is None
            assert claude.masked() == MASKED
        finally:
            api.faults.clear()
        lab.in_force("claude")
        assert claude.masked() == shown


def test_one_that_flaps(lab, claude):
    """A storm is a few reloads, and what is in force in the end is what is so."""
    before = len(lab.events("policy.loaded"))
    for i in range(300):
        lab.apply(lab.document("claude", mask=[{"columns": ["clinic.patient.ssn"], "with": {"fixed": "v%d" % i}}]))
        if i % 3 == 0:
            lab.delete("claude")
    lab.in_force("claude")
    assert claude.masked() == b"v299"
    assert 0 < len(lab.events("policy.loaded")) - before < 100


def test_a_thousand_objects_and_one_more(lab, claude):
    for i in range(999):
        lab.api.create(lab.document("many-%04d" % i, app="app-%d" % i, mask=[{"columns": ["clinic.patient.ssn"], "with": {"redact": {}}}]))
    lab.in_force("many-0998")
    lab.wait_until(lambda: len(lab.policies()["in_force"]) == 1000, "not all are in force")
    assert claude.masked() == MASKED
    lab.apply(lab.document("zz-one-more", app="zz"))
    lab.refused_because("zz-one-more", "more than 1000 objects")
    assert claude.masked() == MASKED
    lab.delete("zz-one-more")


def test_one_of_five_megabytes(lab, claude):
    """etcd would not take it; a server that does, or says so, does not get it past the daemon."""
    big = lab.document("big", app="big", mask=[{"columns": ["clinic.patient.ssn"], "with": {"fixed": "x" * 1000}}])
    big["spec"]["statements"] = {"only": ["SELECT '%d%s'" % (i, "y" * 60000) for i in range(80)]}
    lab.apply(big)
    lab.refused_because("big", "larger than 1 MiB")
    assert claude.masked() == MASKED
    lab.delete("big")
    lab.in_force("claude")


def test_the_server_is_away(lab, claude):
    """What was known last stays in force, over restarts too; its age is told."""
    kept = lab.state / "state" / "policies.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    before = kept.read_text()
    lab.api.stop()
    try:
        lab.wait_until(lambda: lab.policies()["view"] == "stale", "that it is gone is not seen")
        assert claude.masked() == MASKED
        lab.sh("daemon", "restart")
        assert lab.policies()["kept"] and lab.policies()["as_of_ms"] > 0 and lab.policies()["loaded"], lab.policies_failure()
        assert [o["name"] for o in lab.policies()["in_force"]] == ["claude"]
        # Not what was written, or half of it: nothing is let through.
        for bad in (before.replace("clinic.patient.ssn", "clinic.patient.xxx"), before[:len(before) // 2]):
            lab.sh("daemon", "stop")
            kept.write_text(bad)
            lab.sh("daemon", "start")
            assert not lab.policies()["loaded"] and lab.policies()["in_force"] == []
            assert refusal(lab, claude) is not None
    finally:
        lab.api.start()
        lab.current()
    lab.in_force("claude")
    lab.wait_until(lambda: refusal(lab, claude) is None, "it is not served again")
    assert claude.masked() == MASKED
    lab.wait_until(lambda: json.loads(kept.read_text())["what"]["objects"][0]["name"] == "claude", "it is not kept again")


def test_before_anything_is_known(api, tmp_path):
    """A daemon that starts before the API server can be asked guards, and lets nobody through, what its files say included."""
    with ApiServer() as own:
        own.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "agents"}})
        own.create(crd.definition())
        own.stop()
        with PolicyCluster(tmp_path, own, policies=(HERE / "agent2.yaml",)) as lab:
            assert not lab.policies()["loaded"] and lab.policies()["view"] == "blind"
            assert refusal(lab, None) is not None
            assert any("has not said yet" in c for c in lab.policies_failure())
            own.start()
            lab.apply(lab.document("claude"))
            lab.in_force("claude")
            p = lab.pod("first", {**LABEL, "app": "claude"})
            p.becomes("enrolled")
            lab.wait_until(lambda: p.dial() == "engine", "it is not captured")
            assert p.masked() == MASKED


def test_a_secret_that_comes_later(lab, claude):
    later = Volume(lab.secrets / "later")
    doc = lab.document("later", app="later")
    doc["spec"]["databases"][0]["credential"]["passwordFile"] = str(later.path / "password")
    lab.apply(doc)
    lab.refused_because("later", "No such file")
    later.write(password=b"x")
    lab.in_force("later")
    lab.in_force("claude")
    lab.delete("later")
