# SPDX-License-Identifier: MIT
"""SQLAlchemy's core, ORM and inspector over psycopg2, and what is not there over asyncpg (server-side parameters)."""

import asyncio
import threading

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.ext.declarative import DeferredReflection
from sqlalchemy.orm import Session, declarative_base, relationship

import say

engine = sa.create_engine("postgresql+psycopg2://")
Base = declarative_base()


class Patient(DeferredReflection, Base):
    __tablename__ = "patient"
    __table_args__ = {"schema": "clinic"}
    notes = relationship("Note")


class Note(DeferredReflection, Base):
    __tablename__ = "note"
    __table_args__ = {"schema": "clinic"}


class Journal(DeferredReflection, Base):
    __tablename__ = "journal"
    __table_args__ = {"schema": "clinic"}


def show(step, result):
    say.rows(step, [(k, None) for k in result.keys()], result.fetchall())


def ask(step, conn, statement, **parameters):
    if isinstance(statement, str):
        statement = sa.text(statement)
    try:
        show(step, conn.execute(statement, parameters))
    except sa.exc.DBAPIError as e:
        say.error(step, e.orig.pgcode, str(e.orig))


def text():
    DeferredReflection.prepare(engine)
    with engine.connect() as c:
        ask("all", c, sa.select(Patient.__table__).order_by(Patient.id))
    with Session(engine) as s:
        for p in s.query(Patient).order_by(Patient.id).limit(3):
            say.rows("object", [("id", None), ("ssn", None), ("email", None), ("card", None), ("vip", None)], [[p.id, p.ssn, p.email, p.card, p.vip]])
            notes = sorted(p.notes, key=lambda n: n.id)[:2]
            say.rows("lazy", [("id", None), ("body", None)], [[n.id, n.body] for n in notes])
        say.rows("joined", [("id", None), ("ssn", None), ("body", None)],
                 s.query(Patient.id, Patient.ssn, Note.body).join(Note).where(Note.id < 4).order_by(Note.id).all())


async def over_asyncpg(f):
    e = create_async_engine("postgresql+asyncpg://")
    async with e.connect() as c:
        await f(c)
    await e.dispose()


def binary():
    async def run(c):
        show("all", await c.execute(sa.text(say.EVERYTHING)))
        show("parameter", await c.execute(sa.text(say.ONE + ":id"), {"id": 3}))
    asyncio.run(over_asyncpg(run))


def prepared():
    async def run(c):
        for i in range(1, 9):
            show("execute %d" % i, await c.execute(sa.text(say.ONE + ":id"), {"id": i}))
    asyncio.run(over_asyncpg(run))


def pipeline():
    """The unit of work: many INSERTs in few statements."""
    DeferredReflection.prepare(engine)
    with Session(engine) as s:
        s.add_all([Journal(id=100 + i, line="line", amount=i) for i in range(30)])
        s.flush()
        s.query(Journal).filter(Journal.id == 101).update({"line": "changed"})
        say.rows("inserted", [("id", None), ("line", None)], s.query(Journal.id, Journal.line).filter(Journal.id >= 100).order_by(Journal.id).all())
        s.rollback()
        say.value("after", s.query(Journal).filter(Journal.id >= 100).count())


def cursor():
    with engine.connect().execution_options(stream_results=True, max_row_buffer=2) as c:
        result = c.execute(sa.text(say.EVERYTHING))
        columns = [(k, None) for k in result.keys()]
        say.rows("two", columns, result.fetchmany(2))
        say.rows("rest", columns, result.fetchall())

    async def run(c):
        result = await c.stream(sa.text(say.SOME))
        say.rows("streamed", [(k, None) for k in result.keys()], [r async for r in result])
    asyncio.run(over_asyncpg(run))


def cancel():
    with engine.connect() as c:
        done = threading.Event()

        def canceller():
            while not done.wait(0.2):
                c.connection.cancel()

        t = threading.Thread(target=canceller)
        t.start()
        ask("slow", c, say.SLOW)
        done.set()
        t.join()
        c.rollback() if hasattr(c, "rollback") else c.connection.rollback()
        ask("after", c, say.SOME)


def error():
    with engine.connect() as c:
        with c.begin() as t:
            ask("before", c, say.ONE + ":id", id=1)
            ask("division", c, "SELECT 1 / 0")
            ask("aborted", c, "SELECT 1")
            t.rollback()
        ask("after", c, say.ONE + ":id", id=2)


def refused():
    with engine.connect() as c:
        with c.begin() as t:
            ask("begun", c, say.ONE + ":id", id=1)
            ask("refused in a transaction", c, say.REFUSED)
            ask("aborted", c, "SELECT 1 AS one")
            t.rollback()
        with c.begin():
            ask("rolled back", c, say.ONE + ":id", id=2)


def catalog():
    i = sa.inspect(engine)
    say.value("schemas", i.get_schema_names())
    say.value("default", i.default_schema_name)
    for table in i.get_table_names("clinic"):
        say.value("columns of " + table, i.get_columns(table, "clinic"))
        say.value("keys of " + table, [i.get_pk_constraint(table, "clinic"), i.get_foreign_keys(table, "clinic")])
        say.value("indexes of " + table, [i.get_indexes(table, "clinic"), i.get_unique_constraints(table, "clinic")])
        say.value("checks of " + table, [i.get_check_constraints(table, "clinic"), i.get_table_comment(table, "clinic")])
    say.value("views", [i.get_view_names("clinic"), i.get_view_definition("directory", "clinic")])
    say.value("enumerations", i.get_enums("*"))
    say.value("has", [i.has_table("patient", "clinic"), i.has_table("nothing", "clinic")])
    say.value("sequences", i.get_sequence_names("clinic"))


say.main(globals(), {"copy": ("no COPY in SQLAlchemy's own interface", not hasattr(sa.engine.Connection, "copy"))})
