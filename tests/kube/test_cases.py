# SPDX-License-Identifier: MIT
"""The list of cases (cases.py) on the stand-in; with KUBE_REAL=1 (make test-kube) on a real kube-apiserver too, which must give the same lines, the same
objects, and the same of random sequences (KUBE_RANDOM: how many)."""

import itertools
import os

import pytest

import cases
import cases_objects
from servers import StandIn, real_or_skip

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def standin():
    up = StandIn()
    yield up
    up.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    up = real_or_skip(tmp_path_factory.mktemp("kube"))
    yield up
    up.close()


def run(server, case, *arguments):
    """(its lines, what it wants them to be, the objects that came)"""
    w = cases.World(server, f"case-{next(_numbers)}")
    wanted = case(w, *arguments)
    return w.finish(), wanted, w.objects


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.__name__)
def test_stand_in(standin, case):
    lines, wanted, _ = run(standin, case)
    assert lines == wanted


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.__name__)
def test_real(standin, real, case):
    lines, wanted, objects = run(real, case)
    assert lines == wanted
    assert objects == run(standin, case)[2]


@pytest.mark.parametrize("seed", range(int(os.environ.get("KUBE_RANDOM", "20"))))
@pytest.mark.parametrize("what", [cases.at_random, cases_objects.objects_at_random], ids=lambda f: f.__name__)
def test_at_random(standin, real, what, seed):
    """No line of one differs from the other's, nor does an object."""
    lines, _, objects = run(real, what, seed, 60)
    mine, _, mine_objects = run(standin, what, seed, 60)
    assert mine == lines
    assert mine_objects == objects


def watch_from(server, version):
    with server.admin.watch(f"/api/v1/pods?watch=1&timeoutSeconds=5&resourceVersion={version}") as s:
        return s.status, s.event()


@pytest.mark.parametrize("which", ["standin", "real"])
def test_compacted(request, which):
    """A watch from before: one ERROR; a list of that version, and the next page of one: 410."""
    server = request.getfixturevalue(which)
    w = cases.World(server, f"case-{next(_numbers)}")
    old = w.list("configmaps")["metadata"]["resourceVersion"]
    for name in ("a", "b", "c"):
        w.create("configmaps", {"metadata": {"name": name}}, quiet=True)
    token = w.list("configmaps", limit="2")["metadata"]["continue"]
    w.create("configmaps", {"metadata": {"name": "d"}}, quiet=True)
    server.compact()
    w.create("configmaps", {"metadata": {"name": "e"}}, quiet=True)
    status, (kind, obj) = watch_from(server, old)
    assert (status, kind, obj["code"], obj["reason"]) == (200, "ERROR", 410, "Expired") and obj["message"].startswith("too old resource version: ")
    exact = server.admin.get(w.path(f"configmaps?resourceVersion={old}&resourceVersionMatch=Exact"))
    assert (exact.status, exact.json()["reason"], exact.json()["message"]) == (410, "Expired", "The resourceVersion for the provided list is too old.")
    late = server.admin.get(w.path(f"configmaps?limit=2&continue={token}"))
    assert (late.status, late.json()["reason"]) == (410, "Expired")
    assert late.json()["message"].startswith("The provided continue parameter is too old to display a consistent list result.")
    rest = server.admin.get(w.path(f"configmaps?limit=5&continue={late.json()['metadata']['continue']}")).json()
    assert [o["metadata"]["name"] for o in rest["items"]] == ["c", "d", "e"]


@pytest.mark.parametrize("which", ["standin", "real"])
def test_bookmark_before_the_end(request, which):
    """Two seconds before it, as the real one has it, and as fresh as the last event."""
    server = request.getfixturevalue(which)
    w = cases.World(server, f"case-{next(_numbers)}")
    with w.watch("pods", allowWatchBookmarks="true", timeoutSeconds="4") as s:
        made = w.create("pods", cases.pod("p1"), quiet=True)
        events = s.all()
    kinds = [kind for kind, _ in events]
    assert kinds[0] == "ADDED" and kinds[1:] in (["BOOKMARK"], ["BOOKMARK"] * 2), kinds  # the real one now and then says it a second early, and then again
    assert int(events[1][1]["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])
    assert {k: v for k, v in events[1][1].items() if k != "metadata"} == {"kind": "Pod", "apiVersion": "v1", "spec": {"containers": None}, "status": {}}
