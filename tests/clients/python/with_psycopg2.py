# SPDX-License-Identifier: MIT
import io
import threading

import psycopg2
import psycopg2.extensions
import psycopg2.extras

import say

conn = psycopg2.connect("")


def ask(step, sql, args=None, c=conn):
    cur = c.cursor()
    try:
        cur.execute(sql, args)
    except psycopg2.Error as e:
        say.error(step, e.pgcode, str(e))
        return
    if cur.description is None:
        say.put(step, tag=cur.statusmessage)
    else:
        say.rows(step, [(d.name, d.type_code) for d in cur.description], cur.fetchall(), cur.statusmessage)


def text():
    ask("all", say.EVERYTHING)
    ask("parameter", say.ONE + "%s", (3,))


def prepared():
    ask("prepare", "PREPARE one (int) AS " + say.ONE + "$1")
    for i in range(1, 9):
        ask("execute %d" % i, "EXECUTE one (%s)", (i,))
    ask("deallocate", "DEALLOCATE one")


def pipeline():
    """Many statements in one simple Query."""
    cur = conn.cursor()
    psycopg2.extras.execute_batch(cur, "INSERT INTO clinic.journal (id, line, amount) VALUES (%s, %s, %s)",
                                  [(100 + i, "line %d" % i, i) for i in range(7)], page_size=3)
    psycopg2.extras.execute_values(cur, "INSERT INTO clinic.journal (id, line, amount) VALUES %s", [(200, "x", 1), (201, "y", 2)])
    ask("inserted", "SELECT * FROM clinic.journal WHERE id >= 100 ORDER BY id")
    ask("last of three", "SELECT 1; SELECT ssn FROM clinic.patient; " + say.SOME)
    conn.rollback()


def cursor():
    cur = conn.cursor("portal")
    cur.itersize = 2
    cur.execute(say.SOME)
    first = cur.fetchmany(2)
    say.rows("two", [(d.name, d.type_code) for d in cur.description], first)
    say.rows("rest", [(d.name, d.type_code) for d in cur.description], list(cur))
    cur.close()
    conn.rollback()


def copy():
    cur = conn.cursor()
    for options in ("", " WITH (FORMAT csv, HEADER)", " WITH (FORMAT binary)"):
        out = io.BytesIO()
        cur.copy_expert("COPY clinic.journal TO STDOUT" + options, out)
        say.value("out" + options, out.getvalue())
    cur.copy_expert("COPY clinic.journal (id, line, amount) FROM STDIN", io.StringIO("101\tone\t1\n102\t\\N two\t2\n"))
    say.put("in", tag=cur.statusmessage)
    cur.copy_expert("COPY clinic.journal FROM STDIN WITH (FORMAT csv)", io.StringIO('103,"th,ree",3\n'))
    ask("copied", "SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id")
    try:
        cur.copy_expert("COPY clinic.journal FROM STDIN", io.StringIO("not a number\tx\t1\n"))
    except psycopg2.Error as e:
        say.error("bad line", e.pgcode, str(e))
    conn.rollback()
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
    conn.rollback()
    ask("after", say.SOME)


def error():
    ask("before", say.ONE + "1")
    ask("division", "SELECT 1 / 0")
    ask("aborted", "SELECT 1")
    conn.rollback()
    ask("syntax", "SELEC 1")
    conn.rollback()
    ask("after", say.ONE + "2")


def refused():
    conn.autocommit = True
    ask("refused", say.REFUSED)
    ask("after", say.ONE + "1")
    conn.autocommit = False
    ask("begun", say.ONE + "2")
    ask("refused in a transaction", say.REFUSED)
    ask("aborted", "SELECT 1 AS one")
    conn.rollback()
    ask("rolled back", say.ONE + "3")


def catalog():
    psycopg2.extras.register_composite("clinic.journal", conn)
    ask("composite", "SELECT j FROM clinic.journal j ORDER BY id")
    ask("columns", "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'clinic' ORDER BY 1, ordinal_position")
    say.value("hstore", psycopg2.extras.HstoreAdapter.get_oids(conn))


say.main(globals(), {"binary": ("psycopg2 asks for text only", not hasattr(psycopg2.extensions.cursor, "format"))})
