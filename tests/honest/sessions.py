# SPDX-License-Identifier: MIT
"""The honest sessions: tests/honest/*.sql. A session begins with "-- session: NAME"; lines "-- KEY: …" before its first
statement speak of the whole of it, "-- params: a | b" of the statement below, "-- data: …" of the COPY above.

    waits    what it needs; it is reported, and does not fail
    except   it does not work, and policy/README.md says why, in these words
    masked   labels of columns that are computed from masked ones: nothing is expected of their cells
    varies   labels of columns whose cells differ from one run to the next (pids, times, sizes)
    texts    "standard": errors and warnings come as their SQLSTATE's standard text, since a masked table or a trigger is
             within reach (policy/README.md); only severity and SQLSTATE are compared
    ways     of simple, text, binary: those that make sense (all)
"""

import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = [HERE, HERE / "hospital"]
TOKEN = re.compile(r"""(?P<quoted>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<dollar>\$(?:[A-Za-z_]\w*)?\$)|(?P<comment>--[^\n]*)|"""
                   r"""(?P<block>/\*.*?\*/)|(?P<end>;)|(?P<atomic>\bBEGIN\s+ATOMIC\b)""", re.S | re.I)
DIRECTIVE = re.compile(r"^-- (session|client|texts|waits|except|masked|varies|ways|params|data): ?(.*)$")
# What leaves something behind that the next session would see.
CHANGES = re.compile(r"\b(insert|update|delete|merge|truncate|nextval|setval|create|drop|alter|into|do|call|from\s+stdin|comment|grant|revoke|refresh|import)\b", re.I)
READS = re.compile(r"(/\*.*?\*/|--[^\n]*\n|\s)*(SELECT|WITH|VALUES|TABLE|SHOW|EXPLAIN)\b", re.I | re.S)
# What DISCARD ALL does not undo, or what looks at what a session has left.
LEAVES = re.compile(r"setseed|nextval|currval|lastval|pg_cursors|pg_prepared|pg_settings|show\s+all|session_authorization|\brole\b|temp", re.I)
ENDS = re.compile(r"set_config|advisory|pg_notify|for\s+(no\s+key\s+)?(update|share)", re.I)


class Statement:
    def __init__(self, sql, params):
        self.sql, self.params, self.data = sql, params, None

    def inlined(self):
        """For the simple protocol: parameters as quoted constants."""
        def one(m):
            v = self.params[int(m.group(1)) - 1]
            return "NULL" if v is None else "'" + v.replace("'", "''") + "'"
        return re.sub(r"\$(\d+)", one, self.sql) if self.params else self.sql


class Session:
    def __init__(self, topic, name):
        self.topic, self.name = topic, name
        self.statements = []
        self.waits = self.excepted = None
        self.masked, self.varies = set(), set()
        self.ways = ["simple", "text", "binary"]
        self.standard = False

    @property
    def id(self):
        return self.topic + "/" + self.name

    @property
    def changes(self):
        return any(CHANGES.search(s.sql) for s in self.statements)

    @property
    def leaves(self):
        """Wants a connection of its own, and nobody may have it afterwards."""
        return any(LEAVES.search(s.sql) for s in self.statements)

    @property
    def reads(self):
        """The next session may have the connection as it is."""
        return not self.leaves and all(READS.match(s.sql) and not CHANGES.search(s.sql) and not ENDS.search(s.sql) for s in self.statements)

    def head(self, key, value):
        if key == "waits":
            self.waits = value
        elif key == "except":
            self.excepted = value
        elif key == "masked":
            self.masked |= set(value.split(" | ")) if "|" in value else set(value.split())
        elif key == "varies":
            self.varies |= set(value.split(" | ")) if "|" in value else set(value.split())
        elif key == "texts":
            assert value == "standard"
            self.standard = True
        elif key == "ways":
            self.ways = value.split()


def split(text):
    """The statements of a text, without their semicolons."""
    out, at, start = [], 0, 0
    while True:
        m = TOKEN.search(text, at)
        if not m:
            break
        at = m.end()
        if m.group("dollar"):
            close = text.find(m.group("dollar"), at)
            at = close + len(m.group("dollar")) if close >= 0 else len(text)
        elif m.group("end"):
            out.append(text[start:m.start()].strip())
            start = at
    assert not re.sub(r"--[^\n]*", "", text[start:]).strip(), "a statement without its semicolon: " + text[start:].strip()[:80]
    return [s for s in out if s]


def read(path):
    sessions, block, params = [], [], ()

    def flush():
        nonlocal block, params
        for sql in split("\n".join(block)):
            sessions[-1].statements.append(Statement(sql, params))
            params = ()
        block = []

    for line in path.read_text().splitlines():
        m = DIRECTIVE.match(line)
        if not m:
            if sessions:
                block.append(line)
            continue
        key, value = m.groups()
        flush()
        if key == "session":
            sessions.append(Session(path.stem, value))
        elif key == "params":
            params = tuple(None if v == "NULL" else v for v in value.split(" | "))
        elif key == "data":
            last = sessions[-1].statements[-1]
            last.data = (last.data or b"") + value.encode().decode("unicode_escape").encode("latin-1") + b"\n"
        else:
            sessions[-1].head(key, value)
    if sessions:
        flush()
    return sessions


def everything(folder=HERE):
    """Those of one schema: this folder's, or hospital's."""
    sessions = [s for p in sorted(folder.glob("*.sql")) if p.name != "schema.sql" for s in read(p)]
    names = [s.id for s in sessions]
    assert len(names) == len(set(names)), "two sessions of one name: %s" % sorted(n for n in names if names.count(n) > 1)
    assert all(s.statements for s in sessions), "a session without a statement: %s" % [s.id for s in sessions if not s.statements]
    return sessions
