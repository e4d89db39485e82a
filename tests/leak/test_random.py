# SPDX-License-Identifier: MIT
"""Random statements to databases that differ in masked values alone (random_run.py): through the engine the answers do not.
`make leak-random` runs as many as one has time for, RANDOM_SEED another seed than the one that every run has."""

import os

import random_run
import random_statements


def test_random_statements_tell_nothing():
    seed = int(os.environ.get("RANDOM_SEED", 11))
    found, again = random_run.Found(), "again: random_run.py --schemas 1 --count 400 --seed %d" % seed
    random_run.one_schema(seed, 400, found)
    assert found.leaks == [] and not found.ended, again
    assert found.total > 390 and found.errors < found.total * 0.1 and found.reveals > found.total * 0.1, again
    assert sum(1 for c in random_statements.CONSTRUCTS if found.constructs[c]) > len(random_statements.CONSTRUCTS) * 0.8, again
