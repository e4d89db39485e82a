# SPDX-License-Identifier: MIT
"""make test-kube: what test_admission.py asks of pgveil-admission behind the stand-in, behind a real server: it is the one that asks, and that
says no."""

import os

import pytest

import admission
from test_admission import *  # noqa: F401,F403 its tests, on the cluster that is here
from test_admission import BOT, DAEMON


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if not os.environ.get("KUBE_REAL"):
        pytest.skip("make test-kube")
    with admission.RealCluster(tmp_path_factory.mktemp("cluster"), account=[BOT]) as c:
        c.daemon, c.ann = c.client(DAEMON), c.client("ann", "pgveil-approver")
        yield c
