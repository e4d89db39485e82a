# SPDX-License-Identifier: MIT
import asyncio
import io

import asyncpg

import say


def answer(step, records, attributes, tag=None):
    say.rows(step, [(a.name, a.type.oid) for a in attributes], [list(r.values()) for r in records], tag)


async def ask(conn, step, sql, *args):
    try:
        s = await conn.prepare(sql)
        answer(step, await s.fetch(*args), s.get_attributes(), s.get_statusmsg())
    except asyncpg.PostgresError as e:
        say.error(step, e.sqlstate, str(e))


async def command(conn, step, sql, **kw):
    """A simple Query; shows the tag only."""
    try:
        say.put(step, tag=await conn.execute(sql, **kw))
    except asyncpg.PostgresError as e:
        say.error(step, e.sqlstate, str(e))


async def text(conn):
    await command(conn, "simple", say.EVERYTHING)
    for name in ("uuid", "int4", "numeric", "date", "timestamp", "bytea", "jsonb"):
        await conn.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=str, format="text")
    await ask(conn, "mixed formats", say.EVERYTHING)


async def binary(conn):
    await ask(conn, "all", say.EVERYTHING)
    say.value("fetch", [list(r.values()) for r in await conn.fetch("SELECT id, name FROM clinic.patient ORDER BY id")])


async def prepared(conn):
    s = await conn.prepare(say.ONE + "$1")
    for i in range(1, 9):
        answer("execute %d" % i, await s.fetch(i), s.get_attributes(), s.get_statusmsg())
    say.value("parameters", [p.oid for p in s.get_parameters()])
    for i in range(1, 4):
        r = await conn.fetchrow(say.ONE + "$1", i)
        answer("cached %d" % i, [r], s.get_attributes())


async def pipeline(conn):
    t = conn.transaction()
    await t.start()
    await conn.executemany("INSERT INTO clinic.journal (id, line, amount) VALUES ($1, $2, $3)", [(100 + i, "line", i) for i in range(500)])
    await ask(conn, "inserted", "SELECT count(*), sum(amount) FROM clinic.journal WHERE id >= 100")
    await t.rollback()
    try:
        await conn.executemany("INSERT INTO clinic.journal (id, line, amount) VALUES ($1, $2, $3)", [(100, "line", 1), (101, "line", -1), (102, "line", 1)])
    except asyncpg.PostgresError as e:
        say.error("check violated", e.sqlstate, str(e))
    await ask(conn, "after", "SELECT count(*) FROM clinic.journal WHERE id >= 100")


async def cursor(conn):
    async with conn.transaction():
        s = await conn.prepare(say.EVERYTHING)
        cur = await s.cursor()
        answer("two", await cur.fetch(2), s.get_attributes())
        say.value("skipped", await cur.forward(1))
        answer("rest", await cur.fetch(20), s.get_attributes())
        answer("by two", [r async for r in s.cursor(prefetch=2)], s.get_attributes())


async def copy(conn):
    for options in ({"format": "text"}, {"format": "csv", "header": True}, {"format": "binary"}):
        out = io.BytesIO()
        tag = await conn.copy_from_query("SELECT id, line, amount FROM clinic.journal WHERE id = $1", 1, output=out, **options)
        say.put("query out %s" % options["format"], tag=tag, value=say.cell(out.getvalue()))
        out = io.BytesIO()
        tag = await conn.copy_from_table("journal", schema_name="clinic", output=out, **options)
        say.put("out %s" % options["format"], tag=tag, value=say.cell(out.getvalue()))
    t = conn.transaction()
    await t.start()
    say.put("in", tag=await conn.copy_to_table("journal", schema_name="clinic", columns=["id", "line", "amount"], source=io.BytesIO(b"101\tone\t1\n")))
    say.put("records", tag=await conn.copy_records_to_table("journal", schema_name="clinic", columns=["id", "line", "amount"],
                                                            records=[(102 + i, "line", i) for i in range(3)]))
    await ask(conn, "copied", "SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id")
    try:
        await conn.copy_to_table("journal", schema_name="clinic", source=io.BytesIO(b"not a number\tx\t1\n"))
    except asyncpg.PostgresError as e:
        say.error("bad line", e.sqlstate, str(e))
    await t.rollback()
    await ask(conn, "after", "SELECT count(*) FROM clinic.journal WHERE id > 100")


async def cancel(conn):
    for step, slow in (("simple", conn.execute), ("extended", conn.fetch)):
        try:
            await slow(say.SLOW, timeout=0.5)
        except asyncio.TimeoutError:
            say.value(step, "timed out")
        await ask(conn, "after " + step, say.SOME)


async def error(conn):
    await command(conn, "begin", "BEGIN")
    await ask(conn, "before", say.ONE + "$1", 1)
    await ask(conn, "division", "SELECT 1 / $1::int", 0)
    await ask(conn, "aborted", "SELECT 1")
    await command(conn, "rollback", "ROLLBACK")
    await command(conn, "syntax", "SELEC 1")
    await ask(conn, "after", say.ONE + "$1", 2)


async def refused(conn):
    await command(conn, "refused simple", say.REFUSED)
    await ask(conn, "refused prepared", say.REFUSED)
    await ask(conn, "after", say.ONE + "$1", 1)
    await command(conn, "begin", "BEGIN")
    await ask(conn, "begun", say.ONE + "$1", 2)
    await ask(conn, "refused in a transaction", say.REFUSED)
    await ask(conn, "aborted", "SELECT 1 AS one")
    await command(conn, "rollback", "ROLLBACK")
    await ask(conn, "rolled back", say.ONE + "$1", 3)


async def catalog(conn):
    """Its own query for types that it does not know: a composite, an array of them, an enumeration of the catalogue."""
    await ask(conn, "composite", "SELECT j FROM clinic.journal j ORDER BY id")
    await ask(conn, "array", "SELECT array_agg(j ORDER BY id) AS j FROM clinic.journal j")
    await conn.reload_schema_state()
    await conn.reset()
    say.value("settings", [str(conn.get_server_version()), conn.get_settings().server_encoding])


def once(f):
    async def whole():
        conn = await asyncpg.connect()
        await f(conn)
        await conn.close()
    return lambda: asyncio.run(whole())


say.main({k: once(v) for k, v in globals().items() if asyncio.iscoroutinefunction(v)}, {})
