# SPDX-License-Identifier: MIT
import os

import pytest

import canary
from lab import Lab


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root: network namespaces, cgroups and BPF"))


@pytest.fixture(scope="session")
def lab():
    """Two agents over clinic (schema.sql) with agent1.yaml and agent2.yaml. Tests leave its rows as they were."""
    with Lab() as up:
        yield up


@pytest.fixture
def client(lab):
    """A raw client of agent1, ready for queries. Whatever the test does with it, no canary may have arrived."""
    with lab.login() as c:
        yield c
        assert canary.found(bytes(c.received)) == []


@pytest.fixture
def own_lab():
    """For tests that break their lab: a function that starts one, taken down after the test."""
    started = []

    def start(**kw):
        started.append(Lab(**kw))
        return started[-1].up()

    yield start
    for one in started:
        one.down()
