# SPDX-License-Identifier: MIT
"""The story of an approval as a new user would try it: psql of an agent on one terminal, pgveil of a reviewer on another, and an agent's
MCP client. Prints what both saw, case by case; exit 1 when one is not as it must be (make approval-story; CASES=a pattern)."""

import argparse
import contextlib
import fcntl
import fnmatch
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios
import threading
import time

from lab import ROOT, run
from test_approvals import PGVEIL, REVIEWER, ApprovalLab

BUILT = ROOT / "build" / "clients"
PATIENCE = 30


class Terminal:
    """What a person sees of a program on a terminal of its own."""

    def __init__(self, argv):
        self.master, slave = pty.openpty()

        def lead():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.p = subprocess.Popen([str(a) for a in argv], stdin=slave, stdout=slave, stderr=slave, preexec_fn=lead,
                                  env={**os.environ, "TERM": "dumb", "PAGER": "cat", "PSQL_HISTORY": "/dev/null"})
        os.close(slave)
        self.seen, self.at, self.more = "", 0, threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.master, 65536):
                with self.more:
                    self.seen += data.decode(errors="replace").replace("\r", "")
                    self.more.notify_all()

    def expect(self, pattern, patience=PATIENCE):
        """The next place where it says that."""
        until = time.monotonic() + patience
        with self.more:
            while not (found := re.compile(pattern).search(self.seen, self.at)):
                left = until - time.monotonic()
                if left <= 0 or not self.more.wait(left):
                    raise AssertionError("not seen: %s; but:\n%s" % (pattern, self.seen[self.at:]))
            self.at = found.end()
        return found

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        self.p.kill()
        self.p.wait()
        os.close(self.master)


class Story:
    def __init__(self, desk):
        self.desk, self.said = desk, []
        lab = [ROOT / "scripts" / "lab.sh", "agent", "--name", desk.name, "--as", "agent1", "--"]
        self.lab = lab
        self.agent = Terminal([*lab, "psql", "-X", "-v", "PROMPT1=agent=> ", "-v", "PROMPT2=", "-v", "VERBOSITY=terse", "-v", "SHOW_CONTEXT=never"])
        self.agent.expect("agent=> ")

    def ask(self, sql):
        """Until it waits: the number of its approval."""
        self.agent.type(sql + "\n")
        return int(self.agent.expect(r"NOTICE:  approval (\d+) is needed[^\n]*has not been executed").group(1))

    def review(self, *args, uid=REVIEWER, fails=False, place=()):
        argv = [*place, "setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups", PGVEIL, "--run-dir", self.desk.state / "run", *map(str, args)]
        p = run(argv)
        out = (p.stdout + p.stderr).decode()
        self.said.append("$ pgveil %s\n%s" % (" ".join(map(str, args)), out.rstrip()))
        assert bool(p.returncode) == fails, out
        return out

    def left(self, number):
        return self.desk.count("id = %d" % number)

    def wait(self, what, why):
        return self.desk.wait_until(what, why)

    def close(self):
        self.agent.close()


def delete(number):
    return "DELETE FROM shop.orders WHERE id = %d;" % number


def waits_is_approved_and_runs_once(s):
    s.agent.type("SET pgveil.reason = 'order 1 was a test';\n")
    s.agent.expect("SET\n")
    n = s.ask(delete(1))
    assert "order 1 was a test" in s.review("approvals", "show", n) and s.left(1) == 1
    s.review("approvals", "approve", n, "--reason", "it was")
    s.agent.expect("DELETE 1\n")
    assert s.left(1) == 0
    assert s.ask(delete(1)) > n
    s.agent.type("\x03")
    s.agent.expect("canceling statement due to user request")


def is_denied(s):
    n = s.ask(delete(2))
    s.review("approvals", "deny", n, "--reason", "not this one")
    s.agent.expect("ERROR:  approval %d was denied: not this one" % n)
    assert s.left(2) == 1


def is_not_decided_in_time(s):
    n = s.ask(delete(3))
    s.agent.expect("ERROR: [^\n]*in time")
    assert "expired" in s.review("approvals", "show", n) and s.left(3) == 1
    s.review("approvals", "approve", n, fails=True)


def is_cancelled(s):
    n = s.ask(delete(4))
    s.agent.type("\x03")
    s.agent.expect("ERROR:  canceling statement due to user request")
    s.agent.type("SHOW pgveil.approvals;\n")
    s.agent.expect(r"%d +\| pending" % n)
    # the question stays open, and its answer is found by whoever asks again
    s.review("approvals", "approve", n)
    assert s.left(4) == 1
    s.agent.type(delete(4) + "\n")
    s.agent.expect("DELETE 1\n")


def the_daemon_is_restarted_meanwhile(s):
    n = s.ask(delete(5))
    s.desk.sh("daemon", "restart")
    s.agent.expect("server closed the connection unexpectedly|terminating connection")
    assert "pgveild was started anew while it waited" in s.review("approvals", "show", n)
    s.review("approvals", "approve", n, fails=True)
    assert s.left(5) == 1


def the_table_is_altered_meanwhile(s):
    n = s.ask(delete(6))
    s.desk.dba_psql("ALTER TABLE shop.orders ADD COLUMN story_%d int" % n)
    s.agent.expect("ERROR:  approval %d is void: the definition of a relation" % n)
    s.review("approvals", "approve", n, fails=True)
    assert s.left(6) == 1


def who_asks_approves_himself(s):
    n = s.ask(delete(7))
    assert "somebody else must approve" in s.review("approvals", "approve", n, uid=65534, fails=True)
    s.review("approvals", "deny", n)
    s.agent.expect("ERROR:  approval %d was denied" % n)


def is_approved_from_the_agents_cgroup(s):
    n = s.ask(delete(8))
    within = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', s.desk.cgroup("agent1")]
    for uid in (REVIEWER, 0):
        assert "pgveil guards" in s.review("approvals", "approve", n, uid=uid, fails=True, place=within)
    assert s.left(8) == 1
    s.review("approvals", "deny", n)
    s.agent.expect("ERROR:  approval %d was denied" % n)


def comes_again_with_other_parameters(s):
    s.agent.type("PREPARE gone(int) AS DELETE FROM shop.orders WHERE id = $1;\n")
    s.agent.expect("PREPARE\n")
    n = s.ask("EXECUTE gone(9);")
    s.agent.type("\x03")
    s.agent.expect("ERROR:  canceling statement")
    assert "EXECUTE gone(9)" in s.review("approvals", "show", n)
    s.review("approvals", "approve", n)
    other = s.ask("EXECUTE gone(10);")
    assert other != n
    s.review("approvals", "deny", other)
    s.agent.expect("ERROR:  approval %d was denied" % other)
    s.agent.type("EXECUTE gone(9);\n")
    s.agent.expect("DELETE 1\n")
    assert s.left(9) == 0 and s.left(10) == 1


class Mcp:
    """A real MCP client over a real MCP server (tests/clients/node/mcp_gives_up.mjs)."""

    def __init__(self, s, sql, timeout_ms):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pgveil-mcp-"))
        shutil.copytree(BUILT / "node", self.dir / "node", symlinks=True)
        run(["chmod", "-R", "a+rX", self.dir], check=True)
        self.p = subprocess.Popen([*map(str, s.lab), "node", str(self.dir / "node" / "mcp_gives_up.mjs"), str(timeout_ms), "henkey", sql],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.story = s
        assert "pg_execute_sql" in self.next()["names"]

    def next(self):
        line = self.p.stdout.readline()
        assert line, "the MCP client has ended"
        x = json.loads(line)
        if x["step"] != "tools":
            self.story.agent.seen += "(MCP client) " + json.dumps(x) + "\n"
        return x

    def again(self):
        self.p.stdin.write(b"\n")
        self.p.stdin.flush()

    def close(self):
        self.p.stdin.close()
        self.p.wait(PATIENCE)
        shutil.rmtree(self.dir)


def waiting(s, number, n):
    return s.wait(lambda: (x := s.desk.show(number))["waiting"] == n and x, "%d do not wait" % n)


def an_mcp_client_gives_up_and_comes_again(s, timeout_ms=0):
    """Its server waits on although it has given up: what is approved then runs, once, and the same again asks anew."""
    with contextlib.closing(Mcp(s, delete(11).rstrip(";"), timeout_ms)) as mcp:
        gone = mcp.next()
        assert gone["step"] == "gave up" and gone["code"] == -32001 and gone["after_ms"] >= (timeout_ms or 60000), gone
        n = s.desk.pending()[0]["id"]
        assert s.left(11) == 1
        s.review("approvals", "approve", n)
        s.wait(lambda: s.left(11) == 0, "it did not run")
        mcp.again()
        second = s.wait(lambda: next((x for x in s.desk.pending() if x["waiting"]), None), "it did not ask again")
        assert second["id"] != n and s.desk.show(n)["used"] == 1
        s.review("approvals", "deny", second["id"], "--reason", "it has run by %d" % n)
        answer = mcp.next()
        assert answer["step"] == "answered" and answer["error"] and "it has run by %d" % n in answer["text"], answer


def an_mcp_client_that_is_told_to_come_again(s, timeout_ms=0):
    """wait: error-and-retry, for tools that give up."""
    with contextlib.closing(Mcp(s, delete(12).rstrip(";"), timeout_ms)) as mcp:
        for _ in range(2):
            told = mcp.next()
            n = s.desk.pending()[0]["id"]
            assert told["step"] == "answered" and told["error"] and "approval %d is needed" % n in told["text"] and len(s.desk.pending()) == 1
            if _ == 0:
                mcp.again()
        s.review("approvals", "approve", n)
        mcp.again()
        done = mcp.next()
        assert done["step"] == "answered" and not done["error"] and s.left(12) == 0, done


CASES = [(waits_is_approved_and_runs_once, {}), (is_denied, {}), (is_not_decided_in_time, {"timeout": "3s"}), (is_cancelled, {}),
         (the_daemon_is_restarted_meanwhile, {}), (the_table_is_altered_meanwhile, {}), (who_asks_approves_himself, {}),
         (is_approved_from_the_agents_cgroup, {}), (comes_again_with_other_parameters, {}),
         (an_mcp_client_gives_up_and_comes_again, {}), (an_mcp_client_that_is_told_to_come_again, {"wait": "error-and-retry"})]


def tell(case, **lab):
    """Whether it is as it must be; what both saw is printed."""
    print("\n== %s" % case.__name__.replace("_", " "), flush=True)
    with ApprovalLab(**lab) as desk:
        desk.wait_ready()
        story = Story(desk)
        try:
            case(story)
            return True
        except AssertionError as e:
            print("NOT AS IT MUST BE: %s" % e)
            return False
        finally:
            story.close()
            print("-- the agent's terminal\n%s\n-- the reviewer's\n%s" % (story.agent.seen.rstrip(), "\n".join(story.said)), flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--cases", default="*", help="a pattern")
    args = ap.parse_args()
    told = [(case.__name__, tell(case, **lab)) for case, lab in CASES if fnmatch.fnmatch(case.__name__, args.cases)]
    print("\n%d of %d cases are as they must be%s" % (sum(ok for _, ok in told), len(told), "".join("\nnot: " + n for n, ok in told if not ok)))
    return 0 if told and all(ok for _, ok in told) else 1


if __name__ == "__main__":
    sys.exit(main())
