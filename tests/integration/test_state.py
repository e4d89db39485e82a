# SPDX-License-Identifier: MIT
"""State of a session that changes what its statements mean: what it defines itself, temporary objects, the search_path. Judged as
the session's own server process sees it, before anybody else does; and as without the engine for what is not sensitive."""

import pytest

import canary
import wire
from lab import HERE, Lab

SETUP = """
    CREATE SCHEMA work AUTHORIZATION pgveil_agent; CREATE SCHEMA aside; GRANT USAGE ON SCHEMA aside TO pgveil_agent;
    CREATE TABLE aside.note (id int, body text); INSERT INTO aside.note VALUES (1, 'plain');
    CREATE FUNCTION aside.keep() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO kept SELECT ssn FROM clinic.patient; RETURN NEW; END $$;
    CREATE TABLE aside.kept (line text); CREATE TABLE aside.watched (id int);
    CREATE TRIGGER t AFTER INSERT ON aside.watched FOR EACH ROW EXECUTE FUNCTION aside.keep();
    CREATE FUNCTION aside.temp() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN CREATE TEMP TABLE IF NOT EXISTS fresh (line text); INSERT INTO fresh SELECT ssn FROM clinic.patient; RETURN NEW; END $$;
    CREATE TABLE aside.makes (id int); CREATE TRIGGER t AFTER INSERT ON aside.makes FOR EACH ROW EXECUTE FUNCTION aside.temp();
    GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA aside TO pgveil_agent; GRANT REFERENCES ON clinic.patient TO pgveil_agent"""


@pytest.fixture(scope="module")
def state():
    with Lab(agents=1, policies=(HERE / "agent1.yaml",)) as lab:
        lab.dba_psql(SETUP)
        yield lab


@pytest.fixture
def c(state):
    with state.login() as client:
        yield client
        assert canary.found(bytes(client.received)) == []
    state.dba_psql("DROP SCHEMA work CASCADE; CREATE SCHEMA work AUTHORIZATION pgveil_agent; TRUNCATE aside.kept, aside.watched")


def both(c):
    return (c.query, c.run)


def test_a_temporary_table(c):
    for run in both(c):
        run("CREATE TEMP TABLE mine (id int PRIMARY KEY, body text DEFAULT upper('x'), n int CHECK (n > 0))").ok()
        run("INSERT INTO mine (id, n) VALUES (1, 1)").ok()
        assert run("INSERT INTO mine (id, n) VALUES (2, -1)").error.sqlstate == "23514"
        assert run("SELECT body || '!' FROM mine").ok().rows == [[b"X!"]]
        assert run("SELECT body FROM pg_temp.mine").ok().rows == [[b"X"]]
        run("DROP TABLE mine").ok()
        assert run("SELECT body FROM mine").error.sqlstate == "42P01"


def test_definitions_in_a_transaction(c):
    for run in both(c):
        run("BEGIN").ok()
        run("CREATE TABLE work.made (id serial PRIMARY KEY, body text, patient int REFERENCES clinic.patient (id))").ok()
        run("INSERT INTO work.made (body) VALUES ('a')").ok()
        assert run("SELECT upper(body) FROM work.made").ok().rows == [[b"A"]]
        run("SAVEPOINT s").ok()
        run("ALTER TABLE work.made ADD COLUMN more int DEFAULT 7").ok()
        assert run("SELECT body, more FROM work.made").ok().rows == [[b"a", b"7"]]
        run("ROLLBACK TO s").ok()
        assert run("SELECT * FROM work.made").ok().rows == [[b"1", b"a", None]]
        assert run("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"*******0001"]]
        assert run("SELECT id FROM clinic.patient WHERE ssn = 'x'").error.sqlstate == "42501"
        run("ROLLBACK").ok()
        assert run("SELECT * FROM work.made").error.sqlstate == "42P01"
        run("BEGIN").ok()
        run("CREATE TEMP TABLE short (a int) ON COMMIT DROP").ok()
        run("INSERT INTO short VALUES (1)").ok()
        assert run("SELECT a + 1 AS b FROM short").ok().rows == [[b"2"]]
        run("COMMIT").ok()
        assert run("SELECT a FROM short").error.sqlstate == "42P01"


def test_definitions_in_a_group(c):
    """No Sync in between: what follows waits for what is defined."""
    c.send(wire.extended("CREATE TEMP TABLE g (a int)"), wire.extended("INSERT INTO g VALUES (1)"), wire.extended("SELECT a + 1 AS b FROM g"),
           wire.extended("DROP TABLE g"), wire.extended("SELECT 1 AS x"), wire.sync())
    assert c.result().ok().rows == [[b"2"], [b"1"]]
    c.send(wire.extended("CREATE TEMP TABLE g (a int)"), wire.extended("SELECT 1 / 0 AS x"), wire.sync())
    assert c.result().error.sqlstate == "22012"
    assert c.query("SELECT a FROM g").error.sqlstate == "42P01"


def test_a_statement_that_was_prepared_before(state, c):
    """The server plans it anew over what is there when it runs."""
    state.dba_psql("CREATE TABLE work.p (body text); INSERT INTO work.p VALUES ('old'); GRANT SELECT ON work.p TO pgveil_agent")
    c.query("DROP TABLE IF EXISTS nosuch").ok()
    c.send(wire.parse("SELECT body || '' AS b FROM work.q", "p"), wire.sync())
    assert c.result().error.sqlstate == "42P01"
    for end in ("COMMIT", "ROLLBACK"):
        c.query("BEGIN").ok()
        c.query("CREATE TABLE work.q (body text)").ok()
        c.query("INSERT INTO work.q VALUES ('new')").ok()
        c.send(wire.parse("SELECT body || '' AS b FROM work.q", "p"), wire.bind("p"), wire.execute(), wire.sync())
        assert c.result().ok().rows == [[b"new"]]
        c.query("DROP TABLE work.q").ok()
        c.send(wire.bind("p"), wire.execute(), wire.sync())
        assert c.result().error.sqlstate in ("42P01", "0A000")
        c.query("ROLLBACK").ok()
        c.send(wire.close("S", "p"), wire.sync())
        c.result().ok()


def test_one_text_is_not_split(c):
    e = c.query("CREATE TEMP TABLE t (a int); SELECT a FROM t").error
    assert e.sqlstate == "42P01"
    e = c.query("CREATE TEMP TABLE t (a int); SELECT 1 AS x").error
    assert e.sqlstate == "42501" and e.hint == "Send the statements one by one."
    c.query("BEGIN; CREATE TEMP TABLE t (a int); COMMIT").ok()
    assert c.query("SELECT a FROM t").ok().rows == []


def test_discard_and_what_pools_send(c):
    for sql in ("DISCARD ALL", "DISCARD TEMP", "DISCARD PLANS", "DISCARD SEQUENCES", "RESET ALL"):
        for run in both(c):
            c.query("CREATE TEMP TABLE t (a int)").ok()
            c.send(wire.parse("SELECT a FROM t", "p"), wire.sync())
            c.result().ok()
            run(sql).ok()
            c.query("DROP TABLE IF EXISTS t").ok()
            c.query("DEALLOCATE ALL").ok()
            assert run("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"*******0001"]]
    c.query("PREPARE s AS SELECT 1").ok()
    c.query("DISCARD ALL").ok()
    assert c.query("EXECUTE s").error.sqlstate == "26000"


@pytest.mark.parametrize("sql", [
    "CREATE TEMP TABLE note (id int, body text)", "CREATE TEMP TABLE kept (line text)", "CREATE TABLE work.kept (line text)",
    "CREATE TEMP TABLE pg_class (a int)"])
def test_a_name_that_code_may_write_to(c, sql):
    e = c.query(sql).error
    assert e.sqlstate == "42501" and "is there already" in e.fields["M"]


def test_what_code_wrote_into_a_temporary_table(state, c):
    """A trigger that writes to an unqualified name writes to the nearest one, or makes one."""
    c.query("CREATE TEMP TABLE fresh (line text)").ok()
    assert c.query("SELECT line FROM fresh").ok().rows == []
    c.query("INSERT INTO aside.makes VALUES (1)").ok()
    for run in both(c):
        for sql in ("SELECT line FROM fresh", "SELECT line || '' FROM pg_temp.fresh", "SELECT count(*) FROM fresh WHERE line LIKE '6%'",
                    "DELETE FROM fresh RETURNING line"):
            assert run(sql).error.sqlstate == "42501", sql
    c.query("DISCARD TEMP").ok()
    c.query("CREATE TEMP TABLE other (line text)").ok()
    assert c.query("SELECT line FROM other").ok().rows == []
    with state.login() as new:
        new.query("INSERT INTO aside.makes VALUES (1)").ok()
        assert new.query("SELECT line FROM fresh").error.sqlstate == "42501"
        new.send(wire.extended("INSERT INTO aside.makes VALUES (1)"), wire.extended("SELECT line FROM fresh"), wire.sync())
        assert new.result().error.sqlstate in ("42501", "42P01")
        assert canary.found(bytes(new.received)) == []
    with state.direct() as direct:
        direct.query("INSERT INTO aside.makes VALUES (1)").ok()
        assert canary.found(direct.query("SELECT line FROM fresh").ok().rows[0][0])
