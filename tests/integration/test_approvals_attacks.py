# SPDX-License-Identifier: MIT
"""An agent who wants to run something else than what was approved, or to have a reviewer see something else. What ran is what the
server's tables say."""

import fcntl
import os
import pathlib
import pty
import struct
import subprocess
import termios

import pytest

import wire
from lab import BUILD, HERE, marker
from test_approvals import PGVEIL, ApprovalLab, notice


@pytest.fixture(scope="module")
def desk():
    with ApprovalLab(policy=HERE / "attacks.yaml") as lab:
        lab.dba_psql("CREATE SCHEMA dev; CREATE TABLE dev.orders (LIKE shop.orders); CREATE SEQUENCE dev.ids;"
                     "GRANT USAGE ON SCHEMA dev TO pgveil_agent; GRANT ALL ON dev.orders TO pgveil_agent")
        lab.wait_ready()
        with lab.login() as c:
            lab.wait_until(lambda: not c.query("SELECT FROM dev.orders").errors, "dev is not known")
        yield lab


@pytest.fixture
def client(desk):
    with desk.login() as c:
        yield c


def give_up(desk, client):
    with desk.connect() as killer:
        killer.send(wire.cancel(*client.key))
        killer.drain()
    assert client.result().error.sqlstate == "57014"


def ask_and_leave(desk, client, sql, mark):
    """The number of its approval, which is given while nobody waits for it any more."""
    client.send(wire.query(sql))
    notice(client)
    x = desk.wait_pending(mark)
    give_up(desk, client)
    desk.pgveil("approvals", "approve", x["id"])
    return x["id"]


def asks_anew(desk, client, sql, mark, before):
    """The approval does not hold for it any more: it waits for another."""
    client.send(wire.query(sql))
    notice(client)
    x = desk.wait_pending(mark)
    assert x["id"] > before
    give_up(desk, client)
    assert desk.show(before)["state"] in ("void", "approved") and not desk.show(before)["history"]
    desk.pgveil("approvals", "deny", x["id"])


def orders(desk, *numbers):
    """Which of them are there."""
    return [n for n in numbers if desk.count("id = %d" % n)]


# ---- another text ----

@pytest.mark.parametrize("how", ["bind", "execute"])
def test_prepared_where_it_was_allowed(desk, client, how):
    """A judgement is shared by texts that differ in constants; what the reviewer sees is what the server has."""
    one, two = (1, 2) if how == "bind" else (3, 4)
    mark = marker()
    sql = "DELETE FROM orders WHERE id = %d AND note <> '" + mark + "'"
    client.query("SET search_path = dev").ok()
    client.query(sql % one).ok()
    client.send(wire.parse(sql % two, "s"), wire.sync())
    client.result().ok()
    client.query("SET search_path = shop").ok()
    client.send(wire.bind("s") + wire.execute() + wire.sync() if how == "bind" else wire.query("EXECUTE s"))
    notice(client)
    x = desk.wait_pending(mark)
    assert sql % two in x["statement"] and sql % one not in x["statement"]
    desk.pgveil("approvals", "approve", x["id"])
    assert client.result().ok().tags == ["DELETE 1"]
    assert orders(desk, one, two) == [one]


@pytest.mark.skipif(BUILD == "asan", reason="takes half a minute there")
def test_parameters_of_many_types_are_paid_for(desk, client):
    """What is kept of prepared statements has a bound, their parameters' types too."""
    types = [23] * 65000
    for i in range(1024):
        client.send(wire.parse("SELECT 1", "s%d" % i, types), wire.sync())
        r = client.result()
        if r.errors:
            break
    assert r.error.sqlstate == "53400" and i < 600
    client.query("DEALLOCATE ALL").ok()


# ---- other settings ----

def by_setting(mark):
    return "DELETE FROM shop.orders WHERE id = current_setting('app.x')::int AND note <> '%s'" % mark


SETTINGS = {
    "by a parameter": lambda c, n: c.run("SELECT set_config('app.x', $1, false)", [str(n).encode()]),
    "by name": lambda c, n: (c.send(wire.parse("SELECT set_config('app.x', '%d', false)" % n, "set%d" % n), wire.sync()), c.result().ok(),
                             c.query("EXECUTE set%d" % n))[-1],
    "by what is never come to": lambda c, n: c.query("SELECT CASE WHEN true THEN set_config('app.x', '%d', false) ELSE set_config('app.x', '7', false) END" % n),
    "in a transaction": lambda c, n: (c.query("BEGIN").ok(), c.query("SET LOCAL app.x = '0'").ok(), c.query("COMMIT").ok(),
                                      c.query("SET app.x = '%d'" % n))[-1],
    "in a text": lambda c, n: (c.query("SET app.x = '%d'" % n).ok(), c.query("SET app.x = '7'; SELECT 1/0"), c.query("SELECT 1"))[-1],
    "for a transaction that there is not": lambda c, n: (c.query("SET app.x = '%d'" % n).ok(), c.query("SET LOCAL app.x = '7'"))[-1],
    "by a SET that fails": lambda c, n: (c.query("SET app.x = '%d'" % n).ok(), c.query("SET app.x = 7, 8"), c.query("SELECT 1"))[-1],
}


@pytest.mark.parametrize("how", SETTINGS)
def test_a_setting_that_is_not_what_it_was(desk, client, how):
    mark = marker()
    SETTINGS[how](client, 11).ok()
    assert client.query("SELECT current_setting('app.x')").ok().rows == [[b"11"]]
    before = ask_and_leave(desk, client, by_setting(mark), mark)
    SETTINGS[how](client, 12).ok()
    asks_anew(desk, client, by_setting(mark), mark, before)
    assert orders(desk, 11, 12) == [11, 12]


def test_the_name_of_an_application(desk):
    """Which is a setting as others are, and comes with the login, too."""
    mark = marker()
    sql = "DELETE FROM shop.orders WHERE note = current_setting('application_name') AND note <> '%s'" % mark
    with desk.login(params={"application_name": "order 13"}) as c:
        one = ask_and_leave(desk, c, sql, mark)
        c.query("SET application_name = 'order 14'").ok()
        asks_anew(desk, c, sql, mark, one)
    for params in ({"application_name": "order 14"}, {"options": "-c application_name=order\\ 14"}, {"application_name": "order 13", "options": "-c application_name=x"}):
        with desk.login(params={"application_name": "order 13"}) as c:
            one = ask_and_leave(desk, c, sql, mark)
        with desk.login(params=params) as c:
            asks_anew(desk, c, sql, mark, one)
    with desk.login(params={"application_name": "order 13"}) as c:
        one = ask_and_leave(desk, c, sql, mark)
    with desk.login(params={"application_name": "order 13"}) as c:
        assert c.query(sql).ok().tags == ["DELETE 1"]
    assert orders(desk, 13, 14) == [14]


@pytest.mark.parametrize("meanwhile", ["SET app.x = '16'", "SET search_path = dev", "SELECT set_config('app.x', '16', true)"])
def test_a_setting_between_bind_and_execute(desk, client, meanwhile):
    mark = marker()
    client.query("SET app.x = '15'").ok()
    client.query("BEGIN").ok()
    client.send(wire.parse(by_setting(mark), "s"), wire.bind("s", "p"), wire.flush())
    client.until("N")
    desk.pgveil("approvals", "approve", desk.wait_pending(mark)["id"])
    client.until("2")
    client.send(wire.extended(meanwhile), wire.execute("p"), wire.sync())
    r = client.result()
    assert r.error.sqlstate == "42501" and "another one than when this was approved" in str(r.error)
    client.query("ROLLBACK").ok()
    assert orders(desk, 15, 16) == [15, 16]


@pytest.mark.parametrize("fetch", ["text", "texts", "extended", "portal"])
def test_a_setting_between_declare_and_fetch(desk, client, fetch):
    """A cursor goes on by the settings that are there then."""
    mark = marker()
    client.query("SET app.x = '1'").ok()
    client.query("BEGIN").ok()
    client.send(wire.query("DECLARE c CURSOR FOR SELECT current_setting('app.x'), '%s' FROM shop.counter, generate_series(1, 9)" % mark))
    notice(client)
    desk.pgveil("approvals", "approve", desk.wait_pending(mark)["id"])
    client.result().ok()
    assert client.query("FETCH c").ok().rows == [[b"1", mark.encode()]]
    if fetch == "texts":
        r = client.query("SET app.x = '2'; FETCH c")
    else:
        client.query("SET app.x = '2'").ok()
        if fetch == "text":
            r = client.query("FETCH c")
        elif fetch == "extended":
            r = client.run("FETCH c")
        else:
            client.send(wire.execute("c"), wire.sync())
            r = client.result()
    assert r.error.sqlstate == "42501" and not r.rows
    client.query("ROLLBACK").ok()


def test_a_cursor_and_its_rows_in_one_text(desk, client):
    mark = marker()
    client.send(wire.query("BEGIN; DECLARE c CURSOR FOR SELECT '%s' FROM shop.counter; FETCH c" % mark))
    notice(client)
    desk.pgveil("approvals", "approve", desk.wait_pending(mark)["id"])
    assert client.result().ok().rows == [[mark.encode()]]
    assert client.query("FETCH c").ok().rows == []
    client.query("ROLLBACK").ok()


def test_a_cursor_that_was_open_before(tmp_path):
    """What it reads needs an approval by now."""
    path = tmp_path / "attacks.yaml"
    text = (HERE / "attacks.yaml").read_text()
    path.write_text(text.replace("      - {effects: [read], relations: [shop.counter], verdict: ask}\n", ""))
    with ApprovalLab(policy=path) as desk:
        desk.wait_ready()
        with desk.login() as c:
            c.query("BEGIN").ok()
            c.query("DECLARE c CURSOR FOR SELECT n FROM shop.counter, generate_series(1, 9)").ok()
            assert c.query("FETCH c").ok().rows == [[b"0"]]
            path.write_text(text)
            desk.sh("pgveil", "--", "reload")
            r = c.query("FETCH c")
            assert r.error.sqlstate == "42501" and "needs an approval" in str(r.error)


# ---- the socket ----

FLOOD = r"""
import socket, sys, time
held, end = [], time.time() + 3
while time.time() < end:
    try:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(0.2)
        s.connect(sys.argv[1])
        s.send(b"GET ")
        held.append(s)
    except OSError:
        time.sleep(0.01)
print(len(held))
"""


def test_everybody_may_open_the_socket(desk):
    """Many connections of an agent take no reviewer's place, and none of the daemon's descriptors."""
    def open_files():
        return len(list(pathlib.Path("/proc/%d/fd" % desk.info["daemon_pid"]).iterdir()))

    before, most, mark = open_files(), 0, marker()
    with desk.login() as c:
        c.send(wire.query("DELETE FROM shop.orders WHERE id = 40 AND note <> '%s'" % mark))
        notice(c)
        p = subprocess.Popen([*map(str, desk.into("agent1", None)), "/usr/bin/python3", "-c", FLOOD, str(desk.state / "run" / "approvals.sock")],
                             env=desk.env, stdout=subprocess.PIPE)
        x = None
        while p.poll() is None:
            most = max(most, open_files())
            if not x and most > before + 8:
                x = desk.wait_pending(mark)
                desk.pgveil("approvals", "approve", x["id"])
        assert int(p.stdout.read()) > 200 and x
        assert c.result().ok().tags == ["DELETE 1"]
    assert before + 8 < most < before + 200
    assert "more than 16 connections" in desk.daemon_log()
    desk.wait_until(lambda: open_files() <= before + 2, "connections are held")


# ---- what a reviewer sees ----

def in_terminal(desk, *args, columns=80):
    """What the command line writes to a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    p = subprocess.Popen([PGVEIL, "--run-dir", desk.state / "run", *map(str, args)], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    out = b""
    with open(ours, "rb", buffering=0) as f:
        try:
            while data := f.read(1 << 16):
                out += data
        except OSError:  # the other end is closed
            pass
    assert p.wait() == 0, out
    return out.decode().replace("\r\n", "\n")


TRICKS = [
    "\x1b[2J\x1b[1;1H\x1b]0;title\x07\x9b2J\u009b",           # drives the terminal
    "\u202e\u2066\u200f\u061c",                                # turns the direction
    "\u200b\u2060\u3164\u00ad\ufe0f\U000e0041\u115f\u00a0",    # is not seen
    "x" + " " * 73 + "approval       9 is approved",          # goes on where the terminal begins a line
    "\rapproval       9 is approved\x08\x08\x7f\v\f",          # goes back
]


@pytest.mark.parametrize("trick", range(len(TRICKS)))
def test_what_a_reviewer_sees(desk, client, trick):
    mark, text = marker(), TRICKS[trick]
    client.query("SET pgveil.reason = 'because %s'" % text).ok()
    client.send(wire.query("DELETE FROM shop.orders WHERE id = -1 AND note <> '%s' /* %s */ -- \u043e\n" % (mark, text)))
    notice(client)
    x = desk.wait_pending(mark)
    for args in (("approvals", "show", x["id"]), ("approvals", "ls"), ("--json", "approvals", "show", x["id"])):
        seen = in_terminal(desk, *args)
        assert all(c == "\n" or c.isprintable() or (c == "\x7f" and args[0] == "--json") for c in seen) and not set(seen) & set("\u3164\ufe0f\u115f\u00a0\u200b\u202e"), repr(seen)
        if args[1] == "show":
            assert [line for line in seen.splitlines() if line.startswith("approval ")] == ["approval       %d is pending" % x["id"]]
            assert all(len(line) <= 80 for line in seen.splitlines())
            assert " U+043E" in seen and "-1" in seen
    give_up(desk, client)
    desk.pgveil("approvals", "deny", x["id"])


def test_a_long_statement(desk, client):
    """How much there is of it is said before it begins, and none of it can look like what stands around it."""
    mark = marker()
    client.send(wire.query("DELETE FROM shop.orders WHERE note = '%s'%s-- statement      1 line\n  $1           '7'" % (mark, "\n" * 300)))
    assert client.until("ZN")[-1][0] == "Z"  # what follows is no comment
    client.send(wire.query("DELETE FROM shop.orders WHERE note = '%s'%s-- statement      1 line\n--  $1           '7'" % (mark, "\n" * 300)))
    notice(client)
    x = desk.wait_pending(mark)
    seen = in_terminal(desk, "approvals", "show", x["id"]).splitlines()
    at = next(i for i, line in enumerate(seen) if line.startswith("statement "))
    assert seen[at].split() == ["statement", "302", "lines,", str(len(x["statement"])), "bytes"]
    assert all(line.startswith("    | ") or line == "    | " for line in seen[at + 1:at + 303])
    give_up(desk, client)
    desk.pgveil("approvals", "deny", x["id"])
