# SPDX-License-Identifier: MIT
"""Each honest session gets through the engine what it gets without: the corpus is tests/honest/*.sql, what is compared
says tests/honest/honest.py."""

import contextlib
import os
import pathlib
import re
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import sessions  # noqa: E402
import honest  # noqa: E402

SESSIONS = [(folder, s) for folder in sessions.FOLDERS for s in sessions.everything(folder)]
results = []

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces, cgroups and BPF")


@pytest.fixture(scope="module")
def runner():
    """Of a folder: its lab comes up with its first session. No parametrized fixture: beside an argument that is none, pytest would
    make and end one for each test."""
    with contextlib.ExitStack() as stack:
        runners = {}

        def of(folder):
            if folder not in runners:
                lab = stack.enter_context(honest.Lab(schema=folder / "schema.sql", policies=[folder / "policy.yaml"], agents=1, pg_conf=["autovacuum=off"]))
                runners[folder] = honest.Runner(lab, folder)
                stack.callback(runners[folder].close)
            return runners[folder]

        yield of


@pytest.fixture(scope="module", autouse=True)
def causes():
    """The table of causes is printed at the end, and written to the file that HONEST_CAUSES names."""
    yield
    text = honest.table(results) + "\n%d of %d sessions kept\n" % (sum(not found for _, found in results), len(results))
    print("\n" + text)
    if os.environ.get("HONEST_CAUSES"):
        pathlib.Path(os.environ["HONEST_CAUSES"]).write_text(text)


@pytest.mark.parametrize("folder,session", SESSIONS, ids=[s.id for _, s in SESSIONS])
def test_session(runner, folder, session):
    found = runner(folder).run(session)
    results.append((session, found))
    if session.waits or session.excepted:
        if found:
            pytest.xfail(session.waits or session.excepted)
        assert not session.excepted, "it works: its exception is to be taken away, here and in policy/README.md"
        return
    assert not found, "\n".join("%s: %s\n  %s" % (way, cause, sql) for way, sql, cause in found)


def test_there_are_enough():
    """At least 300 sessions, of which one in a hundred may be an exception, whose reason the policy's README gives."""
    excepted = [s for _, s in SESSIONS if s.excepted]
    readme = re.sub(r"\s+", " ", (HERE.parents[1] / "policy" / "README.md").read_text())
    assert len(SESSIONS) >= 300
    assert len(excepted) * 100 <= len(SESSIONS)
    assert [s.id for s in excepted if s.excepted not in readme] == []
