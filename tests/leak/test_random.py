# SPDX-License-Identifier: MIT
"""Random statements to two databases that differ in masked values alone (random_run.py): through the engine the answers do not.
`make leak-random` runs as many as one has time for."""

import random_run
import random_sql


def test_random_statements_tell_nothing():
    found = random_run.Found()
    random_run.one_schema(11, 400, found)
    assert found.leaks == []
    assert found.total > 300 and found.errors < found.total * 0.1 and found.reveals > found.total * 0.2, "the statements are not what they should be"
    assert sum(1 for c in random_sql.CONSTRUCTS if found.constructs[c]) > len(random_sql.CONSTRUCTS) * 0.8
