# SPDX-License-Identifier: MIT
"""Functions through their bodies, opaque code, MERGE and copies: nothing masked is written elsewhere, nothing that code read is shown."""

import pytest

import canary
from lab import HERE, Lab

SETUP = """
    CREATE SCHEMA work AUTHORIZATION pgveil_agent; CREATE SCHEMA code; GRANT USAGE ON SCHEMA code TO pgveil_agent;
    CREATE TABLE code.item (id int PRIMARY KEY, name text); INSERT INTO code.item VALUES (1, 'one'), (2, 'two');
    CREATE TABLE code.source (id int, name text); INSERT INTO code.source VALUES (2, 'TWO'), (3, 'three');
    CREATE FUNCTION code.label(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT name FROM code.item WHERE id = $1';
    CREATE FUNCTION code.label_default(i int, fallback text DEFAULT 'none') RETURNS text LANGUAGE sql STABLE AS
        'SELECT coalesce(max(name), fallback) FROM code.item WHERE id = i';
    CREATE FUNCTION code.secret(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM clinic.patient WHERE id = $1';
    CREATE FUNCTION code.secrets() RETURNS TABLE (i int, s text) LANGUAGE sql SECURITY DEFINER AS 'SELECT id, ssn FROM clinic.patient';
    CREATE FUNCTION code.add(i int, n text) RETURNS void LANGUAGE sql AS 'INSERT INTO code.item VALUES (i, n)';
    CREATE FUNCTION code.launder() RETURNS void LANGUAGE sql AS 'INSERT INTO code.item SELECT id + 1000, ssn FROM clinic.patient';
    CREATE FUNCTION code.shown(int) RETURNS text LANGUAGE plpgsql STABLE AS
        $$ BEGIN RAISE NOTICE '%', (SELECT ssn FROM clinic.patient WHERE id = $1);
           RETURN (SELECT ssn FROM clinic.patient WHERE id = $1); END $$;
    CREATE FUNCTION code.fails(int) RETURNS text LANGUAGE plpgsql STABLE AS
        $$ BEGIN RAISE EXCEPTION '%', (SELECT ssn FROM clinic.patient WHERE id = $1); END $$;
    CREATE FUNCTION code.writes() RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO code.item SELECT id + 2000, ssn FROM clinic.patient; RETURN 'x'; END $$;
    CREATE FUNCTION code.total(int) RETURNS bigint LANGUAGE plpgsql STABLE AS
        $$ BEGIN RETURN (SELECT count(*) FROM code.item WHERE id >= $1); END $$;
    CREATE VIEW code.labels AS SELECT id, code.label(id) AS label FROM code.item;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA code TO pgveil_agent; GRANT TRUNCATE ON code.source TO pgveil_agent"""


@pytest.fixture(scope="module")
def writes():
    with Lab(agents=1, policies=(HERE / "writes.yaml",)) as lab:
        lab.dba_psql(SETUP)
        yield lab


@pytest.fixture
def c(writes):
    with writes.login() as client:
        yield client
        assert canary.found(bytes(client.received)) == []
    writes.dba_psql("DROP SCHEMA work CASCADE; CREATE SCHEMA work AUTHORIZATION pgveil_agent; DELETE FROM code.item WHERE id > 2")


def refused(run, sql):
    error = run(sql).error
    assert error and error.sqlstate == "42501", sql


def test_functions_in_sql(c):
    for run in (c.query, c.run):
        assert run("SELECT code.label(1)").ok().rows == [[b"one"]]
        assert run("SELECT id FROM code.item WHERE code.label(id) = 'two'").ok().rows == [[b"2"]]
        assert run("SELECT code.label_default(7), code.label_default(i => 7, fallback => 'x')").ok().rows == [[b"none", b"x"]]
        assert run("SELECT label FROM code.labels ORDER BY id").ok().rows == [[b"one"], [b"two"]]
        assert run("SELECT code.secret(1)").ok().rows == [[b"****"]]
        assert run("SELECT upper(code.secret(1))").ok().rows == [[None]]
        assert set(tuple(r) for r in run("SELECT s FROM code.secrets()").ok().rows) == {(b"****",)}
        run("SELECT code.add(3, 'three')").ok()
        run("DELETE FROM code.item WHERE id = 3").ok()
        refused(run, "SELECT 1 WHERE code.secret(1) LIKE '1%'")
        refused(run, "SELECT code.add(4, code.secret(1))")
        refused(run, "SELECT code.launder()")
        refused(run, "SELECT count(*) FROM code.secrets() WHERE s = 'x'")
    assert c.query("SELECT count(*) FROM code.item").ok().rows == [[b"2"]]


def test_opaque_functions(c):
    for run in (c.query, c.run):
        result = run("SELECT id, code.shown(id) FROM code.item WHERE id = 1").ok()
        assert result.rows == [[b"1", None]]
        run("SELECT code.fails(1)")
        assert run("SELECT code.total(1)").ok().rows == [[b"2"]]
        for sql in ("SELECT 1 WHERE code.shown(1) > ''", "SELECT code.writes()", "EXPLAIN VERBOSE SELECT code.shown(1)",
                    "INSERT INTO code.item VALUES (9, code.shown(1))", "SELECT id FROM code.item ORDER BY code.shown(id)",
                    "DO $$BEGIN PERFORM 1; END$$", "CREATE FUNCTION work.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"):
            refused(run, sql)


def test_merge(c):
    for run in (c.query, c.run):
        run("BEGIN").ok()
        run("MERGE INTO code.item i USING code.source s ON i.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name "
            "WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.name)").ok()
        assert run("SELECT name FROM code.item ORDER BY id").ok().rows == [[b"one"], [b"TWO"], [b"three"]]
        run("ROLLBACK").ok()
        refused(run, "MERGE INTO code.item i USING clinic.patient p ON i.id = p.id WHEN MATCHED THEN UPDATE SET name = p.ssn")
        refused(run, "MERGE INTO code.item i USING (SELECT 1 AS id, ssn FROM clinic.patient) p ON i.id = p.id AND p.ssn > '' "
                     "WHEN MATCHED THEN DELETE")
        refused(run, "MERGE INTO code.item i USING code.source s ON i.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, "
                     "code.secret(1))")


def test_copies(c):
    for run in (c.query, c.run):
        run("CREATE TABLE work.copied AS SELECT * FROM code.item").ok()
        assert run("SELECT name FROM work.copied ORDER BY id").ok().rows == [[b"one"], [b"two"]]
        run("SELECT id INTO TEMP short FROM code.item").ok()
        assert run("SELECT count(*) FROM short").ok().rows == [[b"2"]]
        run("COMMENT ON TABLE work.copied IS 'mine'").ok()
        run("ANALYZE work.copied").ok()
        run("TRUNCATE work.copied").ok()
        assert run("SELECT count(*) FROM work.copied").ok().rows == [[b"0"]]
        run("DROP TABLE work.copied").ok()
        run("DROP TABLE short").ok()
        for sql in ("CREATE TABLE work.stolen AS SELECT ssn FROM clinic.patient",
                    "CREATE TEMP TABLE stolen AS TABLE clinic.patient",
                    "CREATE TABLE work.stolen AS SELECT code.secret(1) AS s",
                    "CREATE TABLE work.stolen AS SELECT code.shown(1) AS s",
                    "CREATE TABLE work.stolen AS SELECT p FROM clinic.patient p",
                    "SELECT ssn INTO work.stolen FROM clinic.patient",
                    "CREATE MATERIALIZED VIEW work.stolen AS SELECT ssn FROM clinic.patient",
                    "CREATE VIEW work.stolen AS SELECT ssn FROM clinic.patient",
                    "CREATE TABLE work.stolen AS SELECT 1 AS x FROM clinic.patient WHERE ssn > ''",
                    "INSERT INTO code.item SELECT 77, ssn FROM clinic.patient",
                    "UPDATE code.item SET name = (SELECT ssn FROM clinic.patient LIMIT 1)",
                    "SELECT set_config('my.x', ssn, false) FROM clinic.patient",
                    "SELECT pg_notify('c', ssn) FROM clinic.patient",
                    "SELECT lo_from_bytea(0, ssn::bytea) FROM clinic.patient"):
            refused(run, sql)
        run("CREATE TABLE work.again AS SELECT id FROM code.item WITH NO DATA").ok()
        run("DROP TABLE work.again").ok()
        run("DROP TABLE IF EXISTS work.nothing").ok()


def test_views(c):
    for run, name in ((c.query, "simple"), (c.run, "extended")):
        run(f"CREATE VIEW work.{name} AS SELECT id, upper(name) AS name FROM code.item").ok()
        assert run(f"SELECT name FROM work.{name} ORDER BY id").ok().rows == [[b"ONE"], [b"TWO"]]
        run(f"CREATE TEMP VIEW t_{name} AS SELECT count(*) AS n FROM clinic.patient").ok()
        assert len(run(f"SELECT n FROM t_{name}").ok().rows) == 1
        refused(run, f"CREATE OR REPLACE VIEW work.{name} AS SELECT id, ssn AS name FROM clinic.patient")
        refused(run, f"CREATE TABLE work.stolen AS SELECT * FROM work.{name}, clinic.patient")
