# SPDX-License-Identifier: MIT
"""Runs the steps of one attack over a connection, in one of the modes, and keeps every message that comes back.

A step is a statement, sent as the mode says, or one message:

    >Q SQL                      a simple query, without waiting for what came before; >X: with \\xNN for bytes
    >P NAME SQL                 Parse ("-" is the empty name)
    >B PORTAL NAME FORMAT [P…]  Bind: results as t(ext), b(inary) or a list like tbt; parameters in text, \\N is NULL
    >DS NAME  >DP PORTAL  >E PORTAL [ROWS]  >CS NAME  >CP PORTAL  >S  >H
    >F FUNCTION(TYPES) [ARG…]   FunctionCall, arguments and result in text; >FB: the result in binary
    >d DATA  >c  >f             CopyData, CopyDone, CopyFail

Messages that stand together go out in one write; a Sync is added where the last of them is no Sync or Query."""

import re
import struct

import wire

MODES = ["simple", "text", "binary"]


def _name(s):
    return "" if s == "-" else s


def _data(s):
    return s.encode().decode("unicode_escape").encode("latin-1")


def message(step, oids):
    verb, _, rest = step[1:].partition(" ")
    words = rest.split(" ")
    if verb == "Q":
        return wire.query(rest)
    if verb == "X":
        return wire.query(re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), rest.encode()))
    if verb == "P":
        name, _, sql = rest.partition(" ")
        return wire.parse(sql, _name(name))
    if verb == "B":
        formats = [int(c == "b") for c in words[2]] if len(words) > 2 else (0,)
        return wire.bind(_name(words[1]), _name(words[0]), [None if w == "\\N" else _data(w.replace("\\_", " ")) for w in words[3:]], formats)
    if verb in ("DS", "DP"):
        return wire.describe(verb[1], _name(rest))
    if verb == "E":
        return wire.execute(_name(words[0]), int(words[1]) if len(words) > 1 else 0)
    if verb in ("CS", "CP"):
        return wire.close(verb[1], _name(rest))
    if verb in ("F", "FB"):
        args = [_data(w.replace("\\_", " ")) for w in words[1:]]
        return wire.message("F", struct.pack("!IHHH", oids[words[0]], 1, 0, len(args)) + b"".join(struct.pack("!I", len(a)) + a for a in args) +
                            struct.pack("!H", verb == "FB"))
    if verb in ("d", "c", "f"):
        return wire.message(verb, {"d": _data(rest), "c": b"", "f": b"no\0"}[verb])
    if verb in ("S", "H"):
        return wire.message(verb)
    raise AssertionError("no such step: " + step)


def _until_ready(c, out, times, copy=b"", simple=True):
    while times:
        kind, body = c.read()
        out.append((kind, body))
        if kind == "G":
            # The Sync that was sent with the statement has been thrown away by then.
            c.send(wire.message("d", copy) + wire.message("c") if copy else wire.message("f", b"none\0"), *([] if simple else [wire.sync()]))
        times -= kind == "Z"


def _send(c, out, mode, step):
    sql, _, data = step.partition(" <<< ")
    if mode == "simple":
        c.send(wire.query(sql))
    else:
        c.send(wire.extended(sql, formats=(int(mode == "binary"),)), wire.sync())
    _until_ready(c, out, 1, _data(data), mode == "simple")


def run(c, steps, mode, oids):
    """Everything that came back."""
    out, batch = [], []

    def flush():
        if batch:
            last = batch[-1][1:2]
            if last not in ("S", "Q", "X", "F"):
                batch.append(">S")
            c.send(*[message(s, oids) for s in batch])
            _until_ready(c, out, sum(s.startswith((">S", ">Q", ">X", ">F")) for s in batch))
            batch.clear()

    try:
        for step in steps:
            if step.startswith(">"):
                batch.append(step)
            else:
                flush()
                _send(c, out, mode, step)
        flush()
    except (wire.Closed, TimeoutError):
        out.append(("closed", b""))
    return out


def functions(steps):
    """The functions that FunctionCall needs the oids of."""
    return [m[1] for s in steps for m in [re.match(r">FB? (\S+)", s)] if m]


def telling(messages):
    """Without what only says that a step is done: it holds no text."""
    return tuple(m for m in messages if m[0] not in "Z123nst")


def outcome(messages, names):
    """What an agent can tell, without what is by chance: backend ids, oids of tables and types, names of databases."""
    out = []
    for kind, body in messages:
        if kind == "T":
            body = b"".join(b"%s %d %d;" % (c[0].encode(), c[2], c[3] if c[3] < 16384 else 0) for c in wire.columns(body))
        elif kind == "A":
            body = body[4:]
        elif kind in "EN":
            # Where in the server's own source it was is no value.
            body = repr(sorted((k, v) for k, v in wire.fields(body).items() if k != "L")).encode()
        body = re.sub(rb"pg_temp_\d+", b"pg_temp", body)
        for n in names[1:]:
            body = body.replace(n.encode(), names[0].encode())
        out.append((kind, body))
    return out
