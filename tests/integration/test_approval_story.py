# SPDX-License-Identifier: MIT
"""Of the approval's story (approval_story.py) what no client made for a test shows: psql on a terminal, and a real MCP client, which
gives up sooner here than by itself."""

import functools

import pytest

import approval_story as story
from lab import ROOT, run


@pytest.fixture(scope="module")
def clients():
    run([ROOT / "tests" / "clients" / "build.sh", story.BUILT], check=True, timeout=1200)
    if not (story.BUILT / "node" / "node_modules" / ".stamp").exists():
        pytest.skip("no npm: the MCP client is not there")


def soon(case):
    return functools.wraps(case)(functools.partial(case, timeout_ms=2000))


def test_on_a_terminal():
    assert story.tell(story.is_cancelled)


def test_mcp_client_gives_up(clients):
    assert story.tell(soon(story.an_mcp_client_gives_up_and_comes_again))


def test_mcp_client_is_told_to_come_again(clients):
    assert story.tell(soon(story.an_mcp_client_that_is_told_to_come_again), wait="error-and-retry")
