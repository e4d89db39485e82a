# SPDX-License-Identifier: MIT
"""What every client program prints: one JSON object a line (tests/README.md, "Clients", has the contract)."""

import datetime
import json
import signal
import sys

EVERYTHING = "SELECT * FROM clinic.patient ORDER BY id"
SOME = "SELECT id, name, ssn, email FROM clinic.patient ORDER BY id"
ONE = "SELECT id, name, ssn, visits FROM clinic.patient WHERE id = "
# Hours of counting: pg_sleep is not for callers with masked columns.
SLOW = "SELECT count(*) FROM clinic.note a, clinic.note b, clinic.note c, clinic.note d"
REFUSED = "SELECT id FROM clinic.patient WHERE ssn = '61728300001'"


def cell(v):
    if isinstance(v, (bytes, bytearray, memoryview)):
        return "\\x" + bytes(v).hex()
    if isinstance(v, (list, tuple)):
        return [cell(x) for x in v]
    if isinstance(v, dict):
        return {str(k): cell(x) for k, x in v.items()}
    if isinstance(v, (datetime.date, datetime.time)):
        return v.isoformat()
    return v if v is None or isinstance(v, (bool, int, float)) else str(v)


def put(step, **what):
    print(json.dumps({"step": step, **what}, ensure_ascii=False), flush=True)


def rows(step, columns, data, tag=None):
    """columns: (name, type) each."""
    put(step, columns=[list(c) for c in columns], rows=[[cell(v) for v in r] for r in data], tag=tag)


def value(step, v):
    put(step, value=cell(v))


def error(step, sqlstate, message):
    put(step, error={"sqlstate": sqlstate, "message": message})


def too_long(*_):
    raise TimeoutError("no answer")


def main(ways, missing):
    """ways: name → function. missing: name → (reason, whether the library indeed has no such thing)."""
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(100)
    way = sys.argv[1]
    if way in missing:
        reason, absent = missing[way]
        assert absent, "this client has a way to do that: " + way
        put("n/a", reason=reason)
    else:
        ways[way]()
