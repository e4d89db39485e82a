# SPDX-License-Identifier: MIT
"""The values in the masked columns of schema.sql, as the byte strings that a result would show them by."""

import datetime
import struct
import uuid

CLEAR = ["id", "name", "ward", "weight", "active", "admitted", "tags", "meta", "scan"]
MASKED = ["ssn", "email", "diagnosis", "insurer", "card", "balance", "visits", "national", "born", "seen", "device", "vip",
          "genome", "contact"]

_EPOCH = datetime.datetime(2000, 1, 1)
_BORN = (datetime.datetime(1931, 8, 17) - _EPOCH).days
_SEEN = (datetime.datetime(1987, 3, 29, 4, 5, 6, 789000) - _EPOCH) // datetime.timedelta(microseconds=1)
_DEVICE = uuid.UUID("c0ffee11-dead-4bad-8bad-facefeed0bad")

# ssn keeps its last four digits and email its domain, so their canaries are what comes before. vip has none: one bit.
TEXT = [b"6172830", b"quorvex", b"zebrafinch", b"Ostrich", b"492911730064", b"8273645", b"1975318642", b"5193847206173849501",
        b"1931-08-17", b"1987-03-29", str(_DEVICE).encode(), b"deadbeefcafef00d0badf00d", b"kestrel"]
BINARY = [struct.pack("!hhh", 827, 3645, 1900), struct.pack("!i", 1975318642), struct.pack("!q", 5193847206173849501),
          struct.pack("!i", _BORN), struct.pack("!q", _SEEN), _DEVICE.bytes, bytes.fromhex("deadbeefcafef00d0badf00d")]


def found(data):
    """The canaries in what somebody received, also when it is written in hexadecimal or in capitals."""
    if isinstance(data, str):
        data = data.encode()
    low = data.lower()
    return [c for c in TEXT if c.lower() in low or c.hex().encode() in low] + [c for c in BINARY if c in data]
