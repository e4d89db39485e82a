# SPDX-License-Identifier: MIT
"""Reads corpus/CATEGORY.sql: hostile statements, a line each.

    -- text                 a comment
    --# value TITLE         begins a group: what its statements give away is a value that can be found in what comes back
    --# oracle TITLE        … or an answer that is another one where the masked values are others
    --# limit TITLE         … one or the other, and it does through the engine: what policy/README.md says is not hidden
    --# asked TITLE         … a value, by statements whose answers may depend on it, as the policy of agent2 allows
    --! SQL                 what the DBA does before the tests, for good, in both databases
    --@ WORDS               of the next statement only: pg>=15, pg<17, own (no transaction around it), startup NAME=VALUE,
                            open WHO WHY (a known leak: told, and does not fail)
    SELECT …                a statement; a line that begins with a blank goes on with it

" ;; " separates the steps of one session. A step is a statement, or a message that begins with ">" (script.py has the verbs);
"COPY … FROM STDIN <<< a\\tb\\n" sends that data."""

import collections
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent / "corpus"
Attack = collections.namedtuple("Attack", "category line title kind steps own startup since before open agent")


class Wrong(Exception):
    pass


def _words(words, where):
    """The options of an --@ line."""
    out = {"own": False, "startup": {}, "since": 0, "before": 99, "open": "", "agent": "agent1"}
    if words.startswith("open "):
        return {**out, "open": words[5:]}
    for w in words.split():
        if w == "own":
            out["own"] = True
        elif w.startswith("pg>="):
            out["since"] = int(w[4:])
        elif w.startswith("pg<"):
            out["before"] = int(w[3:])
        elif w.startswith("startup:"):
            name, value = w[8:].split("=", 1)
            out["startup"][name] = value.replace("\\_", " ")
        elif w in ("agent2", "agent3", "agent4"):
            out["agent"] = w
        else:
            raise Wrong("%s: --@ %s" % (where, w))
    return out


def read(path):
    """→ (attacks, DBA's statements) of one file."""
    attacks, setup = [], []
    title, kind, options, text, at = "", "", None, None, 0

    def finish():
        nonlocal text, options
        if text is not None:
            steps = [s.strip() for s in text.split(" ;; ")]
            attacks.append(Attack(path.stem, at, title, kind, steps, **(options or _words("", path))))
            text = options = None

    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        where = "%s:%d" % (path.name, number)
        if line.startswith((" ", "\t")) and text is not None:
            text += "\n" + line
            continue
        finish()
        if line.startswith("--# "):
            m = re.fullmatch(r"--# (value|oracle|limit|asked) (.+)", line)
            if not m:
                raise Wrong("%s: --# value, oracle, limit or asked TITLE expected" % where)
            title, kind = m[2], m[1]
        elif line.startswith("--! "):
            setup.append(line[4:])
        elif line.startswith("--@ "):
            more = _words(line[4:], where)
            options = {k: more[k] if more[k] != v else options[k] for k, v in _words("", where).items()} if options else more
        elif line.strip() and not line.startswith("-- ") and line != "--":
            if not title:
                raise Wrong("%s: no --# line before it" % where)
            text, at = line, number
    finish()
    return attacks, setup


def categories():
    return sorted(p.stem for p in HERE.glob("*.sql"))
