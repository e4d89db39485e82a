# SPDX-License-Identifier: MIT
"""Drives psql itself; what it prints is the answer."""

import csv
import io
import os
import pty
import signal
import subprocess
import termios
import threading
import tty

import say

OPTIONS = ["psql", "-X", "--csv", "-P", "null=NULL"]


def psql(step, script, *options, tables=True):
    p = subprocess.run([*OPTIONS, *options], input=script.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = p.stdout.decode(), p.stderr.decode()
    if tables and "," in out:
        rows = list(csv.reader(io.StringIO(out)))
        say.rows("rows: " + step, [(name, None) for name in rows[0]], [[None if v == "NULL" else v for v in r] for r in rows[1:]])
        out = ""
    say.put(step, status=p.returncode, value=[out, err])


def text():
    psql("all", say.EVERYTHING + ";")
    psql("chunks", say.EVERYTHING + ";", "-v", "FETCH_COUNT=2")
    psql("gdesc", say.EVERYTHING + r" \gdesc")


def prepared():
    psql("all", "PREPARE one (int) AS %s$1;\n" % say.ONE, tables=False)
    for i in range(1, 9):
        psql("execute %d" % i, "PREPARE one (int) AS %s$1 \\g /dev/null\nEXECUTE one (%d);" % (say.ONE, i), "-q")


def pipeline():
    """Several statements in one simple Query (\\;), also in the middle of a failing one."""
    psql("batch", "BEGIN \\; INSERT INTO clinic.journal (id, line, amount) VALUES (100, 'a', 1) \\; %s \\; ROLLBACK;" % say.SOME, "-q")
    psql("failing", "SELECT 1 \\; SELECT 1 / 0 \\; SELECT 2;", tables=False)
    psql("after", say.ONE + "1;")


def cursor():
    script = "BEGIN; DECLARE portal CURSOR FOR %s; %s; CLOSE portal; COMMIT;"
    psql("two", script % (say.EVERYTHING, "FETCH 2 FROM portal"), "-q")
    psql("moved", script % (say.SOME, "MOVE 3 IN portal; FETCH ALL FROM portal"), "-q")
    psql("scroll", "BEGIN; DECLARE portal SCROLL CURSOR FOR %s; MOVE LAST IN portal; FETCH BACKWARD 3 FROM portal; COMMIT;" % say.SOME, "-q")


def copy():
    for options in ("", " WITH (FORMAT csv, HEADER)"):
        psql("out" + options, "COPY clinic.journal TO STDOUT%s;" % options, tables=False)
        psql("\\copy out" + options, "\\copy clinic.journal TO STDOUT" + options, tables=False)
    psql("\\copy query", "\\copy (SELECT line FROM clinic.journal ORDER BY id) TO STDOUT", tables=False)
    psql("in", "BEGIN;\nCOPY clinic.journal (id, line, amount) FROM STDIN;\n101\tone\t1\n102\t\\N two\t2\n\\.\n"
         "\\copy clinic.journal FROM STDIN WITH (FORMAT csv)\n103,\"th,ree\",3\n\\.\n"
         "SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id;\nROLLBACK;\n", tables=False)
    psql("bad line", "COPY clinic.journal FROM STDIN;\nnot a number\tx\t1\n\\.\nSELECT 1;\n", tables=False)


def cancel():
    """On a terminal, as psql ends a script that is interrupted. Interrupted until the statement ends."""
    master, slave = pty.openpty()
    tty.setraw(slave, termios.TCSANOW)
    mode = termios.tcgetattr(slave)
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    p = subprocess.Popen([*OPTIONS, "-n", "-q", "-v", "PROMPT1=", "-v", "PROMPT2=", "-P", "pager=off"], stdin=slave, stdout=slave, stderr=subprocess.PIPE)
    os.close(slave)
    os.write(master, ("\\warn ready\n%s;\n" % say.SLOW).encode())
    assert p.stderr.readline() == b"ready\n"
    done = threading.Event()

    def interrupt():
        while not done.wait(0.3):
            p.send_signal(signal.SIGINT)

    t = threading.Thread(target=interrupt)
    t.start()
    err = b"Cancel request sent"
    while err.startswith(b"Cancel request sent"):
        err = p.stderr.readline()
    done.set()
    t.join()
    os.write(master, ("%s1;\n\\q\n" % say.ONE).encode())
    out = b""
    try:
        while (b := os.read(master, 4096)):
            out += b
    except OSError:
        pass  # so a terminal says that nobody is there any more
    p.wait()
    say.value("slow", err.decode())
    rows = list(csv.reader(io.StringIO(out.decode().lstrip())))
    say.rows("after", [(n, None) for n in rows[0]], rows[1:])


def error():
    clear = say.ONE.replace("ssn, visits", "ward")
    psql("all", "BEGIN;\n%s1;\nSELECT 1 / 0;\nSELECT 1;\nROLLBACK;\n%s2;" % (clear, clear), "-v", "VERBOSITY=verbose", tables=False)
    psql("rollback on error", "\\set ON_ERROR_ROLLBACK on\nBEGIN;\nSELECT 1 / 0;\n%s3;\nROLLBACK;" % say.ONE, "-q")
    psql("after", say.ONE + "2;")


def refused():
    psql("refused", say.REFUSED + ";", "-v", "VERBOSITY=verbose")
    script = "BEGIN;\n\\o /dev/null\n%s1;\n%s;\nROLLBACK;\n\\o\n%s2;" % (say.ONE, say.REFUSED, say.ONE)
    psql("refused in a transaction", script, "-q")


def catalog():
    for c in (r"\d", r"\d clinic.patient", r"\d+ clinic.patient", r"\d+ clinic.directory", r"\d clinic.journal", r"\dt clinic.*", r"\dt+ clinic.*", r"\dv clinic.*", r"\dm+ clinic.*",
              r"\di clinic.*", r"\ds clinic.*", r"\df clinic.*", r"\df+ clinic.peek", r"\sf clinic.peek", r"\sv clinic.directory", r"\dn", r"\dn+", r"\dT", r"\du", r"\l", r"\dp clinic.*", r"\dx",
              r"\dC", r"\do =", r"\da sum", r"\db", r"\dD", r"\des", r"\dRp", r"\dy", r"\dO", r"\dL", r"\dFp", r"\ddp", r"\drds", r"\dP", r"\dconfig work_mem", r"\encoding", r"\z"):
        psql(c, c + "\n", tables=False)


say.main(globals(), {"binary": ("psql asks for text only", True)})
