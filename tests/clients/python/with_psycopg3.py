# SPDX-License-Identifier: MIT
import threading

import psycopg
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo, register_composite

import say

conn = psycopg.connect("", autocommit=True)


def ask(step, sql, args=None, **kw):
    with conn.cursor(binary=kw.pop("binary", False)) as cur:
        try:
            cur.execute(sql, args, **kw)
        except psycopg.Error as e:
            say.error(step, e.sqlstate, str(e))
            return
        show(step, cur)


def show(step, cur):
    if cur.description is None:
        say.put(step, tag=cur.statusmessage)
    else:
        say.rows(step, [(d.name, d.type_code) for d in cur.description], cur.fetchall(), cur.statusmessage)


def text():
    ask("all", say.EVERYTHING)
    ask("parameter", say.ONE + "%s", (3,))


def binary():
    ask("all", say.EVERYTHING, binary=True)
    ask("parameter", say.ONE + "%b", (3,), binary=True)


def prepared():
    for i in range(1, 9):
        ask("execute %d" % i, say.ONE + "%s", (i,))
    for i in range(1, 4):
        ask("binary %d" % i, say.EVERYTHING, binary=True, prepare=True)


def pipeline():
    with conn.pipeline() as p:
        curs = [conn.execute(say.ONE + "%s", (i,)) for i in range(1, 8)]
        curs.append(conn.cursor(binary=True).execute(say.EVERYTHING))
        p.sync()
        for i, cur in enumerate(curs):
            show("in line %d" % i, cur)
    try:
        with conn.pipeline() as p:
            first = conn.execute(say.ONE + "1")
            p.sync()
            show("before", first)
            conn.execute("SELECT 1 / 0")
            p.sync()
    except psycopg.Error as e:
        say.error("division", e.sqlstate, str(e))
    ask("after", say.ONE + "3")
    with conn.transaction(force_rollback=True):
        conn.cursor().executemany("INSERT INTO clinic.journal (id, line, amount) VALUES (%s, %s, %s)", [(100 + i, "line", i) for i in range(50)])
        ask("inserted", "SELECT count(*), sum(amount) FROM clinic.journal WHERE id >= 100")


def cursor():
    for binary in (False, True):
        with conn.transaction():
            with conn.cursor("portal", binary=binary) as cur:
                cur.execute(say.EVERYTHING)
                columns = [(d.name, d.type_code) for d in cur.description]
                say.rows("two %s" % binary, columns, cur.fetchmany(2))
                say.rows("rest %s" % binary, columns, cur.fetchall())
    with conn.cursor() as cur:
        for i, row in enumerate(cur.stream(say.SOME)):
            say.rows("stream %d" % i, [(d.name, d.type_code) for d in cur.description], [row])


def copy():
    with conn.transaction(force_rollback=True), conn.cursor() as cur:
        for options in ("", " WITH (FORMAT csv, HEADER)", " WITH (FORMAT binary)"):
            with cur.copy("COPY clinic.journal TO STDOUT" + options) as out:
                say.value("out" + options, [bytes(b) for b in out])
        with cur.copy("COPY clinic.journal (id, line, amount) FROM STDIN") as to:
            for i in range(5):
                to.write_row((101 + i, "line\t%d" % i, i))
        with cur.copy("COPY clinic.journal (id, line, amount) FROM STDIN WITH (FORMAT binary)") as to:
            to.set_types(["int4", "text", "int4"])
            to.write_row((120, "binary", 7))
        ask("copied", "SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id")
    try:
        with conn.cursor().copy("COPY clinic.journal FROM STDIN") as to:
            to.write("not a number\tx\t1\n")
    except psycopg.Error as e:
        say.error("bad line", e.sqlstate, str(e))
    ask("after", "SELECT count(*) FROM clinic.journal WHERE id > 100")


def cancel():
    done = threading.Event()

    def canceller():
        while not done.wait(0.2):
            conn.cancel()

    t = threading.Thread(target=canceller)
    t.start()
    ask("slow", say.SLOW)
    done.set()
    t.join()
    ask("after", say.SOME)


def error():
    ask("begin", "BEGIN")
    ask("before", say.ONE + "%s", (1,))
    ask("division", "SELECT 1 / %s::int", (0,))
    ask("aborted", "SELECT 1")
    ask("rollback", "ROLLBACK")
    ask("syntax", "SELEC 1")
    ask("after", say.ONE + "%s", (2,))


def refused():
    ask("refused", say.REFUSED)
    ask("refused prepared", say.REFUSED, prepare=True)
    ask("after", say.ONE + "%s", (1,))
    ask("begin", "BEGIN")
    ask("begun", say.ONE + "%s", (2,))
    ask("refused in a transaction", say.REFUSED)
    ask("aborted", "SELECT 1 AS one")
    ask("rollback", "ROLLBACK")
    ask("rolled back", say.ONE + "%s", (3,))


def catalog():
    say.value("type", str(TypeInfo.fetch(conn, "clinic.journal")))
    info = CompositeInfo.fetch(conn, "clinic.journal")
    say.value("fields", [info.field_names, info.field_types])
    register_composite(info, conn)
    ask("composite", "SELECT j FROM clinic.journal j ORDER BY id")
    ask("composite binary", "SELECT j FROM clinic.journal j ORDER BY id", binary=True)


say.main(globals(), {})
