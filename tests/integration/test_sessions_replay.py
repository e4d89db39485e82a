# SPDX-License-Identifier: MIT
"""Replay and export of recordings made by hand: what the agent saw is what is shown, and nothing in it does anything."""

import base64
import hashlib
import json
import os
import pty
import random
import re
import select
import shutil
import struct
import subprocess
import time

import pytest

import wire
from recordings import BUILD, PGVEIL, ROOT, Page, Recording, columns, complete, error, maker, notice, pgveil, ready, row

EVIL = "</script></td><img src=x onerror=\"document.title='owned'\"><svg onload=alert(1)>&lt;\x1b[2J\x1b]0;owned\x07\u202eabc\r\x9b31m'\"`"


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    subprocess.run(["make", "-s", "BUILD=" + BUILD, "build/%s/pgveil" % BUILD], cwd=ROOT, check=True)
    return maker(tmp_path_factory.mktemp("maker"))


def rich():
    r = Recording(step=1000)
    s = r.begin()
    r.query(s, "SELECT id, email\nFROM customers", columns(("id", 23), ("email", 25)) + row("1", "a***@example.org") + row("20", None) + complete("SELECT 2") +
            ready(), rows=2, masked=2, relation=["public.customers"], column=["public.customers.email"], rule=["crm.yaml:9"])
    r.statement(s, "DELETE FROM customers", "deny", sqlstate="42501", reason="no writes here", rule=["crm.yaml:14"])
    r.result(s, error("42501", "permission denied", H="ask for it"), after=2_000_000)
    r.result(s, ready())
    r.query(s, "COPY customers TO STDOUT", wire.message("H", b"\0\0\2\0\0\0\0") + wire.message("d", b"1\ta***\n") + wire.message("d", b"2\t\\N\n") +
            wire.message("c") + complete("COPY 2") + ready(), rows=2, masked=2)
    # Prepared once, with a result in binary; the description came with the first.
    r.statement(s, "SELECT $1::int4 AS n, now()", message="parse", prepared="s1")
    r.result(s, wire.message("1") + wire.message("t", struct.pack("!HI", 1, 23)) + columns(("n", 23), ("now", 1184)) + ready())
    r.done(s)
    r.statement(s, "", message="bind", prepared="s1", parameter=["42"])
    r.lines[-1]["fields"].pop("text")
    r.statement(s, "", message="execute", prepared="", relation=[])
    r.lines[-1]["fields"].pop("text")
    r.result(s, wire.message("2") + row(b"\0\0\0\x2a", struct.pack("!q", 0)) + complete("SELECT 1") + ready())
    r.done(s, rows=1, bytes=60)
    r.query(s, "DO $$ … $$", notice("hello", D="more") + complete("DO") + ready("T"))
    r.query(s, "SELECT ';'", columns(("?column?", 25)) + row(";") + complete("SELECT 1") + ready("T"), rows=1)
    r.event(s, "limit.reached", "rows in an hour")
    r.end(s)
    return r


@pytest.fixture(scope="module")
def made(make, tmp_path_factory):
    where = tmp_path_factory.mktemp("rich") / "recordings"
    rich().write(make, where)
    return where


@pytest.fixture(scope="module")
def evil(make, tmp_path_factory):
    """Wherever something recorded can be shown, it is this."""
    where = tmp_path_factory.mktemp("evil") / "recordings"
    r = Recording()
    s = r.begin(cgroup=EVIL, unit=EVIL, comm=EVIL, address=EVIL, database=EVIL, dbname=EVIL, role=EVIL, claimed_user=EVIL, application_name=EVIL,
                policy=[EVIL], level=EVIL)
    data = columns((EVIL, 25), (EVIL, 600, 1)) + row(EVIL, EVIL.encode()) + error("42501", EVIL, D=EVIL, H=EVIL, W=EVIL) + notice(EVIL)
    data += wire.message("A", struct.pack("!I", 7) + wire.cstr(EVIL) + wire.cstr(EVIL)) + complete(EVIL) + wire.message("V", struct.pack("!i", len(EVIL.encode())) + EVIL.encode())
    data += wire.message("H", b"\0\0\1\0\0") + wire.message("d", EVIL.encode() + b"\n") + wire.message("c")
    r.query(s, EVIL, data + ready() + b"\xff" + EVIL.encode(), verdict=EVIL, relation=[EVIL], column=[EVIL], rule=[EVIL], effect=[EVIL], parameter=[EVIL],
            reason=EVIL, sqlstate=EVIL, why=EVIL)
    r.event(s, EVIL, EVIL)
    r.end(s, closed=EVIL)
    r.write(make, where)
    return where


def test_replay_is_what_the_agent_saw(made):
    p = pgveil(made, "replay", "1-1")
    assert p.returncode == 0 and p.stderr == b""
    out = p.stdout.decode()
    for part in (
        "shop=> SELECT id, email\nshop-> FROM customers\n id |      email      \n----+------------------\n  1 | a***@example.org\n 20 | NULL\n(2 rows)\n",
        "-- deny, by crm.yaml:14: no writes here\n", "ERROR:  42501: permission denied\nHINT:  ask for it\n",
        "1    a***\n2    \\N\nCOPY 2\n",
        "shop=> SELECT $1::int4 AS n, now()\n-- with 42\n", " 42 | 2000-01-01 00:00:00",
        "NOTICE:  00000: hello\nDETAIL:  more\nDO\n", "shop=*> SELECT ';'\n", "2 cells masked", "-- event limit.reached: rows in an hour\n", "terminated\n"):
        assert part in out, (part, out)
    assert out.count("SELECT $1") == 1


def test_replay_keeps_the_time(made):
    """The refusal took two seconds. A terminal sees them; --speed makes them less, a file does not wait."""
    def took(*args, tty=False):
        began = time.monotonic()
        if not tty:
            assert pgveil(made, "replay", "1-1", *args).returncode == 0
        else:
            pid, fd = pty.fork()
            if pid == 0:
                os.execv(PGVEIL, [str(PGVEIL), "sessions", "replay", "1-1", "--recordings", str(made), *args])
            out = b""
            while True:
                try:
                    part = os.read(fd, 65536)
                except OSError:
                    break
                out += part
                if b"deny, by" in part and b"permission denied" not in out:
                    took.denied = time.monotonic() - began
            assert os.waitpid(pid, 0)[1] == 0 and b"\x1b[31m" in out and b"terminated" in out
            os.close(fd)
        return time.monotonic() - began
    assert took() < 1.5
    assert 1.9 < took(tty=True)
    assert took.denied < 1.5
    assert 0.9 < took("--speed", "2", tty=True) < 1.9
    assert took("--speed", "0", tty=True) < 1.5
    assert 0.4 < took("--speed", "5")


def test_replay_steps(made):
    p = subprocess.Popen([str(PGVEIL), "sessions", "replay", "1-1", "--recordings", str(made), "--step"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    def until(text):
        out = b""
        while text not in out:
            assert select.select([p.stdout], [], [], 20)[0], out
            part = os.read(p.stdout.fileno(), 65536)
            assert part, out
            out += part
        return out
    assert b"SELECT" not in until(b"shop at")
    p.stdin.write(b" ")
    p.stdin.flush()
    assert b"DELETE" not in until(b"2 cells masked")
    p.stdin.write(b" ")
    p.stdin.flush()
    assert b"COPY" not in until(b"permission denied")
    p.stdin.write(b"q")
    p.stdin.flush()
    assert b"COPY" not in p.stdout.read() and p.wait(20) == 0


def test_what_is_recorded_does_not_drive_the_terminal(evil):
    out = pgveil(evil, "replay", "1-1").stdout.decode()
    assert not set(out) & set("\x1b\x07\r\x9b\u202e"), out
    assert out.count("\\x1b[2J") > 12 and "no message of the protocol" in out
    for verb in ("ls", "show"):
        out = pgveil(evil, verb, *(["1-1"] if verb == "show" else [])).stdout.decode()
        assert not set(out) & set("\x1b\x07\r\x9b\u202e"), out


def test_export_jsonl(made, evil):
    lines = [json.loads(l) for l in pgveil(made, "export", "1-1", "--format", "jsonl").stdout.splitlines()]
    kinds = [l["type"] for l in lines]
    assert kinds[0] == "begin" and kinds[-1] == "end" and set(kinds) >= {"statement", "columns", "row", "complete", "error", "notice", "copy_out", "copy_data",
                                                                        "done", "event", "ready"}
    assert [l["values"] for l in lines if l["type"] == "row"] == [["1", "a***@example.org"], ["20", None], ["42", "2000-01-01 00:00:00+00"], [";"]]
    assert lines[0]["cgroup"] == "/agents.slice/claude-1.scope" and lines[0]["session"] == "1-1"
    assert [l["verdict"] for l in lines if l["type"] == "statement"][:2] == ["allow", "deny"]
    assert all(a["t"] <= b["t"] for a, b in zip(lines, lines[1:]))
    lines = [json.loads(l) for l in pgveil(evil, "export", "1-1", "--format", "jsonl").stdout.splitlines()]
    assert [l for l in lines if l["type"] == "row"][0]["values"] == [EVIL, "\\x" + EVIL.encode().hex()]
    assert [l for l in lines if l["type"] == "unreadable"]


def test_export_asciicast(made, evil):
    """Version 2 by its specification: a header with version, width and height, then [time, code, data], in the order of their times."""
    for where in (made, evil):
        lines = pgveil(where, "export", "1-1", "--format", "asciicast").stdout.decode().splitlines()
        head = json.loads(lines[0])
        assert head["version"] == 2 and isinstance(head["width"], int) and isinstance(head["height"], int) and head["width"] > 0 < head["height"]
        assert isinstance(head["timestamp"], int) and head["idle_time_limit"] > 0
        assert set(head) <= {"version", "width", "height", "timestamp", "duration", "idle_time_limit", "command", "title", "env", "theme"}
        frames = [json.loads(l) for l in lines[1:]]
        assert frames and all(len(f) == 3 and isinstance(f[0], float) and f[1] == "o" and isinstance(f[2], str) for f in frames)
        assert [f[0] for f in frames] == sorted(f[0] for f in frames) and frames[0][0] == 0
        played = "".join(f[2] for f in frames)
        assert not re.search(r"(?<!\r)\n", played)
        # Colours are all that drives the terminal; without them it is the replay.
        plain = re.sub(r"\x1b\[[0-9]*m", "", played).replace("\r\n", "\n")
        assert not set(plain) & set("\x1b\x07\r\x9b\u202e")
        assert plain == pgveil(where, "replay", "1-1").stdout.decode()
    denied = [f for f in map(json.loads, pgveil(made, "export", "1-1", "--format", "asciicast").stdout.decode().splitlines()[1:]) if "permission denied" in f[2]]
    asked = [f for f in map(json.loads, pgveil(made, "export", "1-1", "--format", "asciicast").stdout.decode().splitlines()[1:]) if "deny, by" in f[2]]
    assert len(denied) == len(asked) == 1 and 1.9 < denied[0][0] - asked[0][0] < 2.1


def hashes(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_export_html(made, evil, tmp_path):
    """By a parser: nothing is fetched, nothing runs but what the page's own policy names, and what was recorded is text."""
    for where in (made, evil):
        out = tmp_path / "page.html"
        p = pgveil(where, "export", "1-1", "--format", "html", "--output", out)
        assert p.returncode == 0 and p.stdout == b""
        assert out.stat().st_mode & 0o777 == 0o600
        page = Page(out.read_text())
        out.unlink()
        tags = {t for t, _ in page.elements}
        assert tags <= {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "dl", "dt", "dd", "nav", "input", "label", "output", "main",
                        "section", "time", "b", "pre", "div", "table", "thead", "tbody", "tr", "th", "td", "small", "p", "br", "i", "figure", "svg", "a", "rect",
                        "figcaption", "script"}, tags
        for tag, attrs in page.elements:
            assert not [a for a in attrs if a.startswith("on") or a in ("src", "style", "srcset", "action", "data", "xlink:href")], (tag, attrs)
            assert tag != "a" or re.fullmatch(r"#s\d+", attrs["href"])
        policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert len(page.scripts) == len(page.styles) == 1
        assert hashes(page.scripts[0]) in policy and hashes(page.styles[0]) in policy
    assert EVIL.translate({c: "\\x%02x" % c for c in (0x1b, 7, 0x0d)}).replace("\x9b", "\\x9b").replace("\u202e", "\\u202e") in page.cells
    assert not set("".join(page.cells + page.sql)) & set("\x1b\x07\r\x9b\u202e")
    page = Page(pgveil(made, "export", "1-1", "--format", "html").stdout.decode())
    assert page.cells == ["1", "a***@example.org", "20", "NULL", "42", "2000-01-01 00:00:00+00", ";"]
    assert page.sql[1] == "DELETE FROM customers"
    assert len([a for t, a in page.elements if t == "rect"]) == len(page.sql) == 6


def test_an_export_goes_as_far_as_it_is_believed(made, tmp_path):
    where = tmp_path / "recordings"
    shutil.copytree(made, where, ignore=shutil.ignore_patterns("index*"))
    path = next((where / "00000001").glob("*.pgveil"))
    data = bytearray(path.read_bytes())
    at = data.find(b"COPY customers")
    data[at] ^= 32
    path.write_bytes(data)
    for verb, said in ((["replay", "1-1"], b""), (["export", "1-1", "--format", "jsonl"], b'"broken"'), (["export", "1-1", "--format", "html"], b"is not what was written"),
                       (["export", "1-1", "--format", "asciicast"], b"is not what was written")):
        p = pgveil(where, *verb)
        assert p.returncode == 1 and b"is not what was written" in p.stderr
        assert b"permission denied" in p.stdout and b"COPY" not in p.stdout.replace(b"COPY data", b"") and said in p.stdout, verb


@pytest.mark.parametrize("args", [["replay"], ["replay", "1-1", "--speed", "x"], ["replay", "1-1", "--speed", "-1"], ["export", "1-1"],
                                  ["export", "1-1", "--format", "pdf"], ["replay", "1-1", "--format", "html"]])
def test_used_wrongly(made, args):
    p = pgveil(made, *args)
    assert p.returncode == 2 and p.stdout == b"" and p.stderr


def test_a_long_text_and_a_large_result(make, tmp_path):
    r = Recording()
    s = r.begin()
    n = r.statement(s, "SELECT '" + "x" * 100000)
    r.put("statement", s, fields={"statement": n, "message": "more", "text": "y" * 1000 + "'"})
    data = columns(("n", 23), ("t", 25)) + b"".join(row(str(i), "v%d" % i) for i in range(20000)) + complete("SELECT 20000") + ready()
    rng = random.Random(3)
    while data:
        k = rng.randrange(1, 40000)
        r.result(s, data[:k])
        data = data[k:]
    r.done(s, rows=20000)
    r.end(s)
    r.write(make, tmp_path / "r", segment_max=100000)
    whole = json.loads(pgveil(tmp_path / "r", "show", "1-1", "--json").stdout)
    assert len(whole["statements"]) == 1 and whole["statements"][0]["text"].endswith("x" + "y" * 1000 + "'")
    out = pgveil(tmp_path / "r", "replay", "1-1").stdout.decode()
    assert "19999 | v19999\n(20000 rows)" in out and "yyy'\n" in out
    rows = [l for l in pgveil(tmp_path / "r", "export", "1-1", "--format", "jsonl").stdout.splitlines() if b'"row"' in l]
    assert len(rows) == 20000
    assert len(json.loads(pgveil(tmp_path / "r", "ls", "--json").stdout)["id"]) and json.loads(pgveil(tmp_path / "r", "ls", "--json").stdout)["statements"] == 1
