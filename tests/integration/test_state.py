# SPDX-License-Identifier: MIT
"""State of a session that changes what its statements mean: what it defines itself, temporary objects, the search_path. Judged as
the session's own server process sees it, before anybody else does; and as without the engine for what is not sensitive."""

import time

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


def test_definitions_under_a_planner_that_was_set_up_oddly(state):
    """What pgveil reads in a session's own transaction is planned as PostgreSQL would by itself, not as the role or the session has set the
    planner up; and that stays. The reading has taken minutes."""
    odd = {"enable_hashjoin": "off", "enable_mergejoin": "off", "enable_indexscan": "off", "enable_bitmapscan": "off", "enable_material": "off",
           "from_collapse_limit": "1", "work_mem": "64kB", "parallel_setup_cost": "0", "max_parallel_workers_per_gather": "4"}
    took = {}
    state.dba_psql("CREATE SCHEMA bulk; DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE bulk.t%s (a serial PRIMARY KEY, "
                   "b text DEFAULT upper(''x'') CHECK (b > ''a''), c int GENERATED ALWAYS AS (length(b)) STORED, d date)', i); END LOOP; END $$")
    for setting in ("RESET {0}", "SET {0} = '{1}'"):
        for name, value in odd.items():
            state.dba_psql("ALTER ROLE pgveil_agent " + setting.format(name, value))
        with state.login() as c:
            c.query("BEGIN").ok()
            c.query("CREATE TEMP TABLE planned (a int)").ok()
            begin = time.monotonic()
            assert c.query("SELECT * FROM planned").ok().rows == []
            took[setting] = time.monotonic() - begin
            shown = [c.query(f"SHOW {name}").ok().rows[0][0].decode() for name in odd]
            assert (shown == list(odd.values())) == setting.startswith("SET")
    state.dba_psql("ALTER ROLE pgveil_agent RESET ALL; DROP SCHEMA bulk CASCADE")
    plain, oddly = took.values()
    assert oddly < 3 * plain + 2


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


def test_a_discard_that_is_undone(state):
    for discard in ("DISCARD TEMP", "DISCARD ALL"):
        with state.login() as c:
            c.query("CREATE TEMP TABLE fresh (line text)").ok()
            c.query("INSERT INTO aside.makes VALUES (1)").ok()
            assert c.query("SELECT line FROM fresh").error.sqlstate == "42501"
            c.send(wire.extended(discard), wire.extended("SELECT 1 / 0"), wire.sync())
            assert c.result().error
            assert c.query("SELECT line FROM fresh").error.sqlstate in ("42501", "42P01")
            c.send(wire.extended(discard), wire.message("H"))
            c.until("C")
            c.send(wire.extended("SELECT 1 / 0"), wire.sync())
            assert c.result().error
            assert c.query("SELECT line FROM fresh").error.sqlstate in ("42501", "42P01")
            assert canary.found(bytes(c.received)) == []


# ---- settings of nobody's ----

def test_a_setting_of_nobodys(state):
    with state.login() as c:
        for run in both(c):
            assert run("SELECT current_setting('app.never', true)").ok().rows == [[None]]
            assert run("SHOW app.never").error.sqlstate == "42704"
            run("SET app.tenant = '42'").ok()
            assert run("SHOW app.tenant").ok().rows == [[b"42"]]
            run("SELECT set_config('App.Tenant', '43', false)").ok()
            assert run("SELECT current_setting('app.tenant')::int + 1").ok().rows == [[b"44"]]
            assert run("SELECT count(*) FROM clinic.patient WHERE id < current_setting('app.tenant')::int").ok().rows
            run("BEGIN").ok()
            run("SET LOCAL app.tenant = 'a'").ok()
            run("SAVEPOINT s").ok()
            run("SET app.tenant = 'b'").ok()
            run("ROLLBACK TO s").ok()
            assert run("SHOW app.tenant").ok().rows == [[b"a"]]
            run("ROLLBACK").ok()
            assert run("SHOW app.tenant").ok().rows == [[b"43"]]
            run("RESET app.tenant").ok()
            assert run("SHOW app.tenant").ok().rows == [[b""]]
            assert run("SELECT set_config('app.tenant', ssn, false) FROM clinic.patient").error.sqlstate == "42501"
        c.run("SELECT set_config('app.tenant', $1, false)", [b"by a parameter"]).ok()
        assert c.query("SHOW app.tenant").ok().rows == [[b"by a parameter"]]
        # answered before the trigger of the next one runs
        c.send(wire.query("SHOW app.tenant"), wire.query("INSERT INTO aside.makes VALUES (1)"), wire.query("SHOW app.tenant"))
        assert c.result().ok().rows == [[b"by a parameter"]]
        c.result().ok()
        assert c.result().error.sqlstate == "42501"


def test_a_setting_of_nobodys_behind_code(state):
    """The trigger of aside.makes does not set any; what is known is that it ran."""
    asks = ("SHOW app.tenant", "SELECT current_setting('app.tenant')", "COPY (SELECT current_setting('app.tenant')) TO STDOUT",
            "SELECT 1 WHERE current_setting('app.tenant') = '42'")
    with state.login() as c:
        for discard in (lambda: c.query("DISCARD ALL"), lambda: c.run("DISCARD ALL")):
            c.query("SET app.tenant = '42'").ok()
            c.query("PREPARE p AS SELECT current_setting('app.tenant')").ok()
            c.send(wire.parse("SHOW app.tenant", "x"), wire.sync())
            c.result().ok()
            for run in both(c):
                for sql in asks:
                    run(sql).ok()
            assert c.query("EXECUTE p").ok().rows == [[b"42"]]
            c.query("INSERT INTO aside.makes VALUES (1)").ok()
            for run in both(c):
                for sql in asks + ("EXECUTE p",):
                    assert run(sql).error.sqlstate == "42501", sql
            c.send(wire.bind("x"), wire.execute(), wire.sync())
            assert c.result().error.sqlstate == "42501"
            for sql in ("DISCARD TEMP", "DISCARD PLANS", "RESET ALL"):
                c.query(sql).ok()
                assert c.query("SHOW app.tenant").error.sqlstate == "42501"
            c.send(wire.extended("DISCARD ALL"), wire.extended("SHOW app.tenant"), wire.sync())
            assert c.result().error.sqlstate == "42501"
            discard().ok()


# ---- search_path ----

PLAIN = "SELECT body || '' AS b FROM note LIMIT 1"  # aside.note is plain, clinic.note is masked


def path(c):
    return c.query("SHOW search_path").ok().rows[0][0].decode()


def test_search_path(c):
    for run in both(c):
        for set_it in ("SET search_path = aside, public", "SET SCHEMA 'aside'", "SELECT set_config('search_path', 'aside', false)"):
            run("SET search_path = clinic").ok()
            assert run(PLAIN).ok().rows == [[None]]
            run(set_it).ok()
            assert run(PLAIN).ok().rows == [[b"plain"]]
        run("RESET search_path").ok()
        assert run(PLAIN).error.sqlstate == "42P01"
        run("SET search_path = nosuch, \"$user\", aside, clinic").ok()
        assert run(PLAIN).ok().rows == [[b"plain"]]
        run("SET search_path TO DEFAULT").ok()


def test_search_path_by_a_parameter(c):
    for value, want in (("clinic", [[None]]), ("aside, clinic", [[b"plain"]]), ("nosuch,clinic , aside", [[None]])):
        c.run("SELECT set_config('search_path', $1, false)", [value.encode()]).ok()
        assert c.run(PLAIN).ok().rows == want
        assert c.query(PLAIN).ok().rows == want


def test_a_parameter_that_puts_a_schema_before_pg_catalog(state):
    with state.login() as c:
        c.send(wire.extended("SELECT set_config('search_path', $1, false)", [b"aside, pg_catalog"]), wire.sync())
        c.result().ok()
        with pytest.raises(wire.Closed):
            c.query(PLAIN)
        assert canary.found(bytes(c.received)) == []


def test_search_path_and_transactions(c):
    for run in both(c):
        run("SET search_path = aside").ok()
        for sql, want in (("BEGIN", b"plain"), ("SET LOCAL search_path = clinic", None), ("SAVEPOINT a", None), ("SET search_path = aside", b"plain"),
                          ("ROLLBACK TO a", None), ("RELEASE a", None), ("COMMIT", b"plain"), ("BEGIN", b"plain"), ("SET search_path = clinic", None),
                          ("ROLLBACK", b"plain"), ("BEGIN", b"plain"), ("SET search_path = clinic", None), ("COMMIT", None)):
            run(sql).ok()
            assert run(PLAIN).ok().rows == [[want]], sql
        run("SET search_path = aside").ok()
        run("BEGIN").ok()
        run("SET search_path = clinic").ok()
        assert run("SELECT 1 / 0 AS x").error.sqlstate == "22012"
        assert run(PLAIN).error.sqlstate == "25P02"
        run("ROLLBACK").ok()
        assert run(PLAIN).ok().rows == [[b"plain"]]


def test_search_path_in_one_group(c):
    """Set and used before any answer came."""
    c.query("SET search_path = aside").ok()
    c.send(wire.extended("SET search_path = clinic"), wire.extended(PLAIN), wire.extended("SET LOCAL search_path = aside"), wire.extended(PLAIN), wire.sync())
    assert c.result().ok().rows == [[None], [b"plain"]]
    assert path(c) == "clinic"
    c.send(wire.extended("SET search_path = aside"), wire.extended("SELECT 1 / 0 AS x"), wire.sync(), wire.extended(PLAIN), wire.sync())
    assert c.result().error.sqlstate == "22012"
    assert c.result().ok().rows == [[None]]
    c.send(wire.query("SET search_path = aside"), wire.query(PLAIN), wire.query("SET search_path = clinic"), wire.query(PLAIN))
    c.result().ok()
    assert c.result().ok().rows == [[b"plain"]]
    c.result().ok()
    assert c.result().ok().rows == [[None]]


def test_search_path_in_one_text(c):
    assert c.query("SET search_path = aside; " + PLAIN).ok().rows == [[b"plain"]]
    assert c.query("SET search_path = clinic; " + PLAIN).ok().rows == [[None]]
    assert c.query("SET search_path = clinic; SET search_path = nosuch, aside, clinic; " + PLAIN).ok().rows == [[b"plain"]]
    assert c.query("BEGIN; SET LOCAL search_path = clinic; %s; COMMIT" % PLAIN).ok().rows == [[None]]
    assert c.query("BEGIN; SET LOCAL search_path = clinic; COMMIT; " + PLAIN).error.sqlstate == "42501"
    assert c.query("RESET search_path; " + PLAIN).error.sqlstate in ("42501", "42P01")
    assert c.query("RESET ALL; SELECT 1 AS x").ok().rows == [[b"1"]]
    assert c.query("SELECT set_config('search_path', 'clinic', false); " + PLAIN).error.sqlstate in ("42501", "42P01")


def test_prepared_under_another_path(c):
    c.query("SET search_path = aside").ok()
    c.send(wire.parse(PLAIN, "p"), wire.sync())
    c.result().ok()
    c.query("PREPARE q AS " + PLAIN).ok()
    for name, want in (("aside", b"plain"), ("clinic", None), ("aside", b"plain")):
        c.query("SET search_path = " + name).ok()
        c.send(wire.bind("p"), wire.execute(), wire.sync())
        assert c.result().ok().rows == [[want]]
        r = c.query("EXECUTE q").ok().rows
        assert r == [[want]] or r == [[None]]  # what it was once judged counts too
    c.query("BEGIN").ok()
    c.query("DECLARE cur CURSOR FOR " + PLAIN).ok()
    c.query("SET search_path = clinic").ok()
    assert c.query("FETCH cur").ok().rows == [[b"plain"]]
    c.query("ROLLBACK").ok()


def test_a_portal_keeps_what_it_was_bound_to(c):
    c.query("SET search_path = clinic").ok()
    c.send(wire.parse("SELECT body || '' AS b FROM note", "p"), wire.bind("p", "o"), wire.execute("o", 1), wire.extended("SET search_path = aside"),
           wire.execute("o", 1), wire.sync())
    assert c.result().ok().rows == [[None], [None]]


def test_where_the_temporary_schema_stands(c):
    c.query("CREATE TEMP TABLE mine (body text)").ok()
    c.query("INSERT INTO mine VALUES ('own')").ok()
    for value in ("aside", "aside, pg_temp", "pg_temp, aside", "pg_temp, pg_catalog, aside", "", "pg_temp"):
        c.query("SELECT set_config('search_path', '%s', false)" % value).ok()
        for run in both(c):
            assert run("SELECT body || '' AS b FROM mine").ok().rows == [[b"own"]]
            assert run("SELECT upper(ssn) AS s FROM clinic.patient LIMIT 1").ok().rows == [[None]]


def test_what_the_server_keeps_of_a_prepared_statement(state, c):
    """A relation that is nearer now does not make it plan anew."""
    state.dba_psql("CREATE SCHEMA near; GRANT USAGE ON SCHEMA near TO pgveil_agent")
    try:
        c.query("SET search_path = near, clinic").ok()
        c.send(wire.parse("SELECT body || '' AS b FROM note LIMIT 1", "p"), wire.bind("p"), wire.execute(), wire.sync())
        assert c.result().ok().rows == [[None]]
        state.dba_psql("CREATE TABLE near.note AS SELECT id, 'near'::text AS body FROM clinic.note; GRANT SELECT ON near.note TO pgveil_agent")
        c.query("DROP TABLE IF EXISTS nosuch").ok()
        assert c.query("SELECT body || '' AS b FROM note LIMIT 1").ok().rows == [[b"near"]]
        c.send(wire.bind("p"), wire.execute(), wire.sync())
        assert c.result().error.sqlstate == "0A000"
        c.query("PREPARE s AS SELECT body FROM note LIMIT 1").ok()
        assert c.query("EXECUTE s").ok().rows == [[b"near"]]
    finally:
        state.dba_psql("DROP SCHEMA near CASCADE")


@pytest.mark.parametrize("sql", ["SET ROLE postgres", "SELECT set_config('role', 'postgres', false)", "SET search_path = aside, pg_catalog",
                                 "SELECT set_config('standard_conforming_strings', 'off', false)", "SELECT set_config('client_encoding', $1, true)",
                                 "ALTER ROLE pgveil_agent SET search_path = aside", "SET enable_seqscan = off", "SET LOCAL enable_sort = off",
                                 "SET random_page_cost = 0", "SELECT set_config('search_path', body, false) FROM aside.note"])
def test_settings_that_are_refused(c, sql):
    assert c.query(sql).error.sqlstate == "42501"


def test_settings(c):
    for run in both(c):
        for sql in ("SET statement_timeout = '5s'", "SET work_mem = '8MB'", "SET geqo = off", "SET app.tenant = '7'", "SET ROLE NONE",
                    "SELECT set_config('app.tenant', '8', true)", "SET row_security = on", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                    "RESET ALL", "SET SESSION AUTHORIZATION DEFAULT", "SET xmloption = content", "SET bytea_output = 'hex'"):
            run(sql).ok()
    c.run("SELECT set_config('timezone', $1, false)", [b"Asia/Tokyo"]).ok()
    assert c.query("SHOW timezone").ok().rows == [[b"Asia/Tokyo"]]
    assert c.query("SELECT born FROM clinic.patient WHERE id = 1").ok().rows


def test_a_nearer_table_under_a_prepared_statement(tmp_path):
    """The server goes on reading the farther one; also where the database has no function that could write to the wrong one."""
    (tmp_path / "schema.sql").write_text(
        "CREATE SCHEMA clinic; CREATE TABLE clinic.patient (id int, ssn text); INSERT INTO clinic.patient VALUES (1, '61728300001');"
        "GRANT USAGE ON SCHEMA clinic TO pgveil_agent; GRANT SELECT ON clinic.patient TO pgveil_agent")
    head = (HERE / "agent1.yaml").read_text().split("  mask:")[0]
    (tmp_path / "policy.yaml").write_text(head + "  mask:\n    - columns: [clinic.patient.ssn]\n      with: redact\n")
    with Lab(schema=tmp_path / "schema.sql", policies=(tmp_path / "policy.yaml",), agents=1) as lab:
        with lab.direct() as c:
            c.query("SET search_path = clinic").ok()
            prepared_before_a_nearer_one(c)
            assert c.result().ok().rows == [[b"61728300001"]]
        with lab.login(params={"search_path": "clinic"}) as c:
            prepared_before_a_nearer_one(c)
            assert c.result().ok().rows == [[None]]
            assert canary.found(bytes(c.received)) == []


def prepared_before_a_nearer_one(c):
    c.query("CREATE TEMP TABLE other (a int)").ok()
    c.send(wire.parse("SELECT ssn || '' AS s FROM patient", "p"), wire.sync())
    c.result().ok()
    c.query("CREATE TEMP TABLE patient (id int, ssn text)")
    c.send(wire.bind("p"), wire.execute(), wire.sync())
