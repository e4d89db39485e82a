# SPDX-License-Identifier: MIT
"""Every row of the bypass matrix (bypass.py) as a test: what is expected is what happens."""
import json

import pytest

import bypass
import wire
from lab import HERE, Lab


@pytest.fixture(scope="module")
def world():
    with bypass.lab() as lab:
        world = bypass.World(lab)
        try:
            yield world
        finally:
            world.close()


@pytest.mark.parametrize("how, expected", [pytest.param(how, expected, id=name) for name, how, expected, _ in bypass.ROWS if how])
def test_row(world, how, expected):
    observed = how(world)
    if observed == bypass.NOT_HERE:
        pytest.skip(observed)
    assert bypass.as_wanted(world, observed, expected), (observed, expected)


def test_what_is_not_closed_says_what_helps():
    for name, how, expected, helps in bypass.ROWS:
        closed = not callable(expected) and (expected in ("masked", "nothing arrives") or expected.startswith(("refused", "closed")))
        assert closed or helps, name
        assert how or helps, name


def test_the_guard_told_of_it(world):
    """Beside the refusals: what was dropped is in the log, with who it was."""
    world.try_code("s = create_connection(%r)" % (world.proxy,))
    assert "foreign.denied" in world.lab.daemon_log()
    assert world.kernel()["foreign_denied"] >= 1


def test_enrolment_says_what_is_not_seen_of_unix_sockets(world):
    """On a kernel that has no hook for them, and only there."""
    told = '"event":"cgroup.unix_unseen"' in world.lab.daemon_log()
    status = json.loads(world.lab.sh("pgveil", "--", "status", "--json").stdout)
    doctor = json.loads(world.lab.sh("pgveil", "--", "doctor", "--json", check=False).stdout)
    warned = any("connects to unix sockets are not seen" in f["finding"] for f in doctor)
    assert told == (status["unix_sockets"] == "none")
    assert warned == (status["unix_sockets"] in ("none", "refused"))


def test_a_connection_that_is_dropped_is_ended(world):
    """Its application is told, and does not wait until TCP gives up."""
    with world.hand() as h:
        c = wire.Client(h.do("s = create_connection(%r)" % (world.proxy,)), timeout=60)
        with pytest.raises(ConnectionAbortedError):
            c.login("pgveil_agent", world.lab.dbname, world.lab.password())
        c.close()


def test_a_policy_that_only_reports(tmp_path):
    """foreignPostgres: report, then deny again: for agent2, while agent1's policy does not say it."""
    policy, says = tmp_path / "agent2.yaml", "\n  foreignPostgres: report\n"
    strict = (HERE / "agent2.yaml").read_text()
    policy.write_text(strict.rstrip("\n") + says)
    with Lab(policies=(HERE / "agent1.yaml", policy)) as lab:
        world = bypass.World(lab)
        try:
            proxied = "s = create_connection(%r)" % (world.proxy,)
            assert world.try_code(proxied) == "nothing arrives"
            assert world.try_code(proxied, who="agent2") == "raw values"
            assert "foreign.reported" in lab.daemon_log() and world.kernel()["foreign_reported"] == 1
            policy.write_text(strict)
            lab.sh("pgveil", "--", "reload")
            assert world.try_code(proxied, who="agent2") == "nothing arrives"
        finally:
            world.close()
