# SPDX-License-Identifier: MIT
"""Functions through their bodies, opaque code, MERGE and copies: nothing masked is written elsewhere, nothing that code read is shown."""

import time

import pytest

import canary
import wire
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


# ---- a policy that lets code do anything ----
ALLOWING = (HERE / "writes.yaml").read_text().replace("default: mask", "default: allow").replace(
    "clinic.note.body]", "clinic.note.body, clinic.typed.ssn, clinic.late.ssn]")

OWN = """
    CREATE SCHEMA work AUTHORIZATION pgveil_agent; CREATE TABLE clinic.ward (id int, name text); ALTER TABLE clinic.ward OWNER TO pgveil_agent;
    CREATE SCHEMA mine AUTHORIZATION pgveil_agent; ALTER TABLE clinic.patient OWNER TO pgveil_agent; ALTER SCHEMA clinic OWNER TO pgveil_agent;
    ALTER ROLE pgveil_agent CREATEROLE"""


@pytest.fixture(scope="module")
def allowing(tmp_path_factory):
    policy = tmp_path_factory.mktemp("policy") / "allowing.yaml"
    policy.write_text(ALLOWING)
    with Lab(agents=1, policies=(policy,)) as lab:
        lab.dba_psql(OWN)
        yield lab


@pytest.mark.parametrize("how", ["query", "run"])
def test_definitions_where_code_may_do_anything(allowing, how):
    statements = """
        CREATE TABLE work.t (id int, kind text) PARTITION BY LIST (kind)
        CREATE TABLE work.t_a PARTITION OF work.t FOR VALUES IN ('a')
        CREATE TABLE work.t_b (id int, kind text)
        ALTER TABLE work.t ATTACH PARTITION work.t_b FOR VALUES IN ('b')
        INSERT INTO work.t VALUES (1, 'a'), (2, 'b')
        ALTER TABLE work.t DETACH PARTITION work.t_b
        ALTER TABLE work.t_b RENAME COLUMN kind TO sort
        ALTER TABLE work.t_b RENAME TO t_c
        CREATE TABLE work.child (x int) INHERITS (work.t_c)
        ALTER TABLE work.child SET SCHEMA mine
        CREATE VIEW work.v AS SELECT id, sort FROM work.t_c
        INSERT INTO work.v VALUES (3, 'c')
        UPDATE work.v SET sort = 'd' WHERE id = 3
        CREATE FUNCTION work.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.sort := upper(NEW.sort); RETURN NEW; END'
        CREATE TRIGGER up BEFORE INSERT ON work.t_c FOR EACH ROW EXECUTE FUNCTION work.f()
        INSERT INTO work.t_c VALUES (4, 'e') RETURNING sort
        CREATE RULE r AS ON DELETE TO work.t_c DO INSTEAD NOTHING
        DELETE FROM work.t_c
        CREATE TEMP TABLE seen AS SELECT id FROM work.t_c
        CREATE ROLE writes_reader
        GRANT SELECT ON work.t_c TO writes_reader
        ALTER TABLE work.t_c ENABLE ROW LEVEL SECURITY
        CREATE POLICY p ON work.t_c USING (id > 0)
        REINDEX TABLE work.t_c
        DROP POLICY p ON work.t_c
        REVOKE ALL ON work.t_c FROM writes_reader
        DROP ROLE writes_reader
        DROP VIEW work.v
        CREATE TABLE work.ward (id int)
    """.strip().splitlines()
    with allowing.login() as client:
        for s in statements:
            getattr(client, how)(s.strip()).ok()
        assert getattr(client, how)("SELECT id, sort FROM work.t_c ORDER BY id").ok().rows == [
            [b"2", b"b"], [b"3", b"d"], [b"4", b"E"]]
        assert getattr(client, how)("SELECT count(*) FROM seen").ok().rows == [[b"3"]]
        getattr(client, how)("DROP SCHEMA work, mine CASCADE").ok()
    allowing.dba_psql("CREATE SCHEMA work AUTHORIZATION pgveil_agent; CREATE SCHEMA mine AUTHORIZATION pgveil_agent")


ATTEMPTS = """
    ALTER TABLE clinic.patient RENAME COLUMN ssn TO x
    ALTER TABLE clinic.patient RENAME TO other
    ALTER TABLE clinic.patient SET SCHEMA work
    ALTER SCHEMA clinic RENAME TO other
    ALTER TABLE clinic.patient INHERIT clinic.ward
    ALTER TABLE clinic.ward INHERIT clinic.patient
    CREATE TABLE work.child () INHERITS (clinic.patient)
    CREATE RULE r AS ON UPDATE TO clinic.ward DO ALSO INSERT INTO clinic.ward SELECT id, ssn FROM clinic.patient
    CREATE RULE r AS ON SELECT TO clinic.ward DO INSTEAD SELECT id, ssn FROM clinic.patient
    CREATE POLICY p ON clinic.ward USING (name IN (SELECT ssn FROM clinic.patient))
    CREATE TABLE work.patient (id int, ssn text)
    CREATE SCHEMA s CREATE VIEW v AS SELECT ssn FROM clinic.patient
    GRANT SELECT ON clinic.patient TO PUBLIC
    GRANT SELECT ON ALL TABLES IN SCHEMA clinic TO PUBLIC
    CREATE TABLE work.copy AS SELECT ssn FROM clinic.patient
    ALTER TABLE clinic.ward ADD EXCLUDE USING btree (((SELECT 1 FROM clinic.patient)) WITH =)
    CREATE ROLE r PASSWORD 'x'
    EXPLAIN ANALYZE CREATE TABLE work.copy AS SELECT ssn FROM clinic.patient
    SELECT * FROM (SELECT p AS x FROM clinic.patient p LIMIT 1) q, LATERAL (VALUES (q.*)) v
    WITH RECURSIVE patient AS (SELECT 1 AS i UNION SELECT i + 1 FROM patient WHERE i < 3 ORDER BY 1) SELECT i, ssn FROM patient, clinic.patient p
    SELECT * FROM clinic.patient p, LATERAL (VALUES (p.*)) v
    DECLARE c CURSOR FOR SELECT * FROM clinic.patient p, LATERAL (VALUES (p.*)) v
""".strip().splitlines()


@pytest.mark.parametrize("how", ["query", "run"])
@pytest.mark.parametrize("sql", [a.strip() for a in ATTEMPTS])
def test_what_is_masked_stays_what_it_is(allowing, how, sql):
    with allowing.login() as client:
        refused(getattr(client, how), sql)
        assert getattr(client, how)("SELECT ssn FROM clinic.patient WHERE id = 1").ok().rows == [[b"****"]]
        assert canary.found(bytes(client.received)) == []


def test_a_view_that_takes_another_place_is_masked_too(allowing):
    with allowing.login() as client:
        for s in ("BEGIN", "CREATE TABLE work.first (id int, ssn text)", "CREATE VIEW work.v AS SELECT ssn FROM work.first",
                  "ALTER VIEW work.v RENAME TO w", "ALTER TABLE work.first RENAME TO second"):
            client.query(s).ok()
        assert client.query("SELECT * FROM work.w").ok().rows == []
        error = client.query("CREATE OR REPLACE VIEW work.w AS SELECT ssn FROM clinic.patient").error
        if error:
            assert error.sqlstate == "42501"
        client.query("ROLLBACK")
        assert canary.found(bytes(client.received)) == []


@pytest.mark.parametrize("how", ["query", "run"])
def test_what_is_not_understood_runs_where_nothing_it_names_is_masked(allowing, how):
    with allowing.login() as client:
        run = getattr(client, how)
        run("BEGIN").ok()
        run("CREATE PROCEDURE work.p(i int, INOUT o int) LANGUAGE plpgsql AS 'BEGIN o := i + 1; END'").ok()
        assert run("CALL work.p(1, NULL)").ok().rows == [[b"2"]]
        assert run("SELECT * FROM (VALUES (1, 'x')) q (a, b), LATERAL (VALUES (q.*)) v (c, d)").ok().rows == [[b"1", b"x", b"1", b"x"]]
        assert run("EXPLAIN (ANALYZE, COSTS off) CREATE TABLE work.made AS SELECT 1 AS id").ok().rows
        assert run("SELECT id FROM work.made").ok().rows == [[b"1"]]
        run("PREPARE plain AS SELECT id FROM work.made").ok()
        run("CREATE TABLE work.copied AS EXECUTE plain").ok()
        assert run("SELECT id FROM work.copied").ok().rows == [[b"1"]]
        run("SAVEPOINT a").ok()
        wrong = run("SELECT idd FROM work.made").error
        assert wrong.fields["C"] == "42703" and 'meant to reference the column "made.id"' in wrong.fields["H"]
        run("ROLLBACK TO a").ok()
        run("PREPARE masked AS SELECT id, ssn FROM clinic.patient").ok()
        run("SAVEPOINT a").ok()
        refused(run, "CREATE TABLE work.stolen AS EXECUTE masked")
        run("ROLLBACK TO a").ok()
        assert run("EXPLAIN (ANALYZE, COSTS off) EXECUTE plain").ok().rows
        refused(run, "EXPLAIN ANALYZE EXECUTE masked")
        run("ROLLBACK TO a").ok()
        run("DECLARE c CURSOR FOR SELECT * FROM (VALUES (1, 'x')) q, LATERAL (VALUES (q.*)) v").ok()
        assert run("FETCH c").ok().rows == [[b"1", b"x", b"1", b"x"]]
        run("CREATE TABLE work.ruled (id int)").ok()
        run("CREATE RULE r AS ON UPDATE TO work.ruled DO INSTEAD SELECT id + 1 FROM work.ruled").ok()
        run("INSERT INTO work.ruled VALUES (1)").ok()
        # in the extended protocol the server drops these rows itself
        assert run("UPDATE work.ruled SET id = 5").ok().rows == ([[b"2"]] if how == "query" else [])
        run("SET LOCAL enable_sort = off").ok()
        assert run("SHOW enable_sort").ok().rows == [[b"off"]]
        run("ROLLBACK").ok()


SAYS = "DO $$ BEGIN RAISE NOTICE 'seen %', 1; RAISE EXCEPTION 'no %', 2 USING DETAIL = 'd', HINT = 'h', ERRCODE = 'ZX001'; END $$"


@pytest.mark.parametrize("how", ["query", "run"])
def test_what_code_says(allowing, how):
    """It goes with what code gives, but not behind a statement of the same transaction that has masked columns."""
    with allowing.login() as client:
        for begin in ("SELECT 1", "BEGIN"):
            getattr(client, how)(begin).ok()
            r = getattr(client, how)(SAYS)
            assert r.notices[0]["M"] == "seen 1"
            assert {k: r.error.fields[k] for k in "CMDH"} == {"C": "ZX001", "M": "no 2", "D": "d", "H": "h"}
        client.query("ROLLBACK").ok()
        client.query("BEGIN").ok()
        getattr(client, how)("SELECT ssn FROM clinic.patient WHERE id = 1").ok()
        r = getattr(client, how)(SAYS)
        assert r.error.sqlstate == "P0001" and "no 2" not in str(r.error.fields) and "seen" not in str(r.notices)
        client.query("ROLLBACK").ok()


def test_what_the_server_says_of_masked_columns(allowing):
    """Its errors hold values where the statement is about masked columns, or all columns of a type, or commits what was."""
    allowing.dba_psql("""CREATE DOMAIN clinic.number AS text; CREATE TABLE clinic.typed (id int, ssn clinic.number);
        ALTER DOMAIN clinic.number OWNER TO pgveil_agent; INSERT INTO clinic.typed SELECT id, ssn FROM clinic.patient;
        CREATE TABLE clinic.late (id int, ssn text UNIQUE DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON clinic.late TO pgveil_agent;
        INSERT INTO clinic.late (ssn) SELECT ssn FROM clinic.patient WHERE id = 1;
        CREATE FUNCTION clinic.again() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
            'BEGIN INSERT INTO clinic.late (ssn) SELECT ssn FROM clinic.patient WHERE id = 1; RETURN NULL; END';
        CREATE TRIGGER again AFTER INSERT ON clinic.late FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION clinic.again()""")
    with allowing.login() as client:
        for sql in ("ALTER DOMAIN clinic.number ADD CHECK (VALUE::int > 0)", "BEGIN; INSERT INTO clinic.late (id) VALUES (7); COMMIT",
                    "INSERT INTO clinic.late (id) VALUES (7)"):
            assert client.query(sql).error
            client.query("ROLLBACK")
        client.query("BEGIN").ok()
        client.query("INSERT INTO clinic.late (id) VALUES (7)").ok()
        assert client.query("SET CONSTRAINTS ALL IMMEDIATE").error.sqlstate == "23505"
        client.query("ROLLBACK").ok()
        client.query("BEGIN").ok()
        client.query("INSERT INTO clinic.late (id) VALUES (7)").ok()
        assert client.query("COMMIT").error.sqlstate == "23505"
        client.send(wire.parse("INSERT INTO clinic.late (id) VALUES (7)"), wire.bind(), wire.execute(), wire.sync())
        assert client.result().error.sqlstate == "23505"
        assert canary.found(bytes(client.received)) == []
    allowing.dba_psql("DROP TABLE clinic.typed, clinic.late; DROP DOMAIN clinic.number; DROP FUNCTION clinic.again()")


def test_roles_are_followed(allowing):
    """What names mean to a session goes with its role, as the server has it, through the ends of transactions and DISCARD."""
    allowing.dba_psql("""CREATE ROLE writes_other; GRANT writes_other TO pgveil_agent; CREATE SCHEMA writes_other AUTHORIZATION writes_other;
        CREATE TABLE writes_other.place (id int, ssn text); INSERT INTO writes_other.place VALUES (1, 'plain');
        CREATE TABLE public.place (id int, ssn text); INSERT INTO public.place VALUES (1, 'public');
        ALTER TABLE writes_other.place OWNER TO writes_other; GRANT SELECT ON public.place TO PUBLIC""")
    end = time.monotonic() + 5
    with allowing.login() as client:
        while client.query("SELECT ssn FROM place").errors:  # unknown names are believed unknown for a second
            assert time.monotonic() < end
    for how in ("query", "run"):
        with allowing.login() as client:
            run = getattr(client, how)

            def seen():
                return [run(sql).ok().rows[0][0] for sql in ("SELECT current_user", "SELECT ssn FROM place")]

            other, self = [b"writes_other", b"plain"], [b"pgveil_agent", b"public"]
            assert seen() == self
            for back in ("RESET ROLE", "SET ROLE NONE", "SET ROLE pgveil_agent", "DISCARD ALL", "SELECT set_config('role', 'none', false)",
                         "SET SESSION AUTHORIZATION DEFAULT"):
                run("SET ROLE writes_other").ok()
                assert seen() == other
                # masks go with the columns, not with who asks
                assert run("SELECT ssn FROM clinic.patient WHERE id = 1").error.sqlstate == "42501"
                run(back).ok()
                assert seen() == self
            run("BEGIN").ok()
            run("SAVEPOINT a").ok()
            run("SET ROLE writes_other").ok()
            assert seen() == other
            run("ROLLBACK TO a").ok()
            assert seen() == self
            run("SET LOCAL ROLE writes_other").ok()
            assert seen() == other
            run("DO 'BEGIN PERFORM 1; END'").ok()
            assert seen() == other
            run("COMMIT").ok()
            assert seen() == self
            run("SET ROLE writes_other").ok()
            run("DO 'BEGIN PERFORM 1; END'").ok()
            assert seen() == other
            run("BEGIN").ok()
            run("CREATE TEMP TABLE place AS SELECT 1 AS id, 'temporary' AS ssn").ok()
            assert seen() == [b"writes_other", b"temporary"]
            run("ROLLBACK").ok()
            assert seen() == other
            assert canary.found(bytes(client.received)) == []
    with allowing.login() as client:
        refused(client.query, "SET ROLE writes_other; SELECT ssn FROM place")
    allowing.dba_psql("DROP SCHEMA writes_other CASCADE; DROP TABLE public.place; REVOKE writes_other FROM pgveil_agent; DROP ROLE writes_other")


# ---- copies: taint ----
TAINT = """
    CREATE SCHEMA work AUTHORIZATION pgveil_agent;
    CREATE TABLE clinic.archive (LIKE clinic.patient); CREATE TABLE clinic.checked (id int, ssn text CHECK (ssn < '5'));
    CREATE TABLE clinic.indexed (id int, ssn text); CREATE INDEX ON clinic.indexed ((substr(ssn, 1, 2)::int));
    CREATE TABLE clinic.plain (id int, email text, kept text); CREATE TABLE clinic.ward (id int, name text);
    CREATE TABLE clinic.parts (id int, ssn text) PARTITION BY LIST (ssn); CREATE TABLE clinic.part PARTITION OF clinic.parts DEFAULT;
    CREATE FUNCTION clinic.noted() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO clinic.plain (kept) SELECT who FROM context; RETURN NEW; EXCEPTION WHEN undefined_table THEN RETURN NEW; END $$;
    CREATE TRIGGER noted AFTER INSERT ON clinic.ward FOR EACH ROW EXECUTE FUNCTION clinic.noted();
    CREATE TABLE clinic.later (id int);
    CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON clinic.later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION clinic.noted();
    CREATE FUNCTION clinic.current_who() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT who FROM context); END $$;
    CREATE VIEW clinic.numbers AS SELECT id, ssn FROM clinic.patient;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA clinic TO pgveil_agent"""


@pytest.fixture(scope="module")
def tainting(tmp_path_factory):
    policy = tmp_path_factory.mktemp("policy") / "taint.yaml"
    text = (HERE / "writes.yaml").read_text().replace('"code.total(integer)"', '"clinic.current_who()"')
    policy.write_text(text.replace("      with: redact\n", """      with: redact
      copies: taint
    - columns: ["clinic.archive.ssn", "clinic.checked.ssn", "clinic.indexed.ssn", "clinic.part*.ssn"]
      with: redact
    - columns: [clinic.plain.email]
      with: 'null'
"""))
    with Lab(agents=1, policies=(policy,)) as lab:
        lab.dba_psql(TAINT)
        yield lab


@pytest.fixture
def t(tainting):
    with tainting.login() as client:
        yield client
        assert canary.found(bytes(client.received)) == []


def each(run, statements):
    for sql in statements:
        run(sql).ok()


@pytest.mark.parametrize("how", ["query", "run"])
def test_what_is_made_inherits_the_mask(t, how):
    run = getattr(t, how)
    each(run, ("CREATE TEMP TABLE kept AS SELECT id, ssn, email AS mail, name FROM clinic.patient",
               "CREATE TEMP TABLE again (a, b) AS SELECT mail, id FROM kept",
               "SELECT ssn, id INTO TEMP third FROM clinic.numbers"))
    rows = run("SELECT * FROM kept ORDER BY id LIMIT 1").ok().rows
    assert [rows[0][0], rows[0][1], rows[0][2]] == [b"1", b"****", b"****"] and rows[0][3] not in (None, b"****")
    assert run("SELECT a FROM again LIMIT 1").ok().rows == [[b"****"]]
    assert run("SELECT t.ssn, upper(ssn), t FROM third t LIMIT 1").ok().rows == [[b"****", None, None]]
    assert run("SELECT count(ssn) > 1, count(*) > 1 FROM kept").ok().rows == [[b"t", b"t"]]
    each(run, ("INSERT INTO kept (id, ssn) SELECT id, ssn FROM clinic.patient", "INSERT INTO kept (ssn) VALUES ('mine')",
               "UPDATE kept SET ssn = p.ssn FROM clinic.patient p WHERE p.id = kept.id",
               "CREATE TEMP VIEW shown AS SELECT ssn AS name FROM kept", "CREATE TEMP VIEW other AS SELECT ssn AS n FROM clinic.patient"))
    assert run("SELECT name FROM shown LIMIT 1").ok().rows == [[b"****"]]
    assert run("SELECT n FROM other LIMIT 1").ok().rows == [[b"****"]]
    for sql in ("SELECT id FROM kept WHERE ssn > ''", "SELECT id FROM kept ORDER BY mail", "SELECT ctid, id FROM kept WHERE ctid = '(0,1)'",
                "SELECT count(*) FROM kept TABLESAMPLE SYSTEM (50) REPEATABLE (1)", "EXPLAIN SELECT id FROM kept", "EXPLAIN SELECT * FROM shown",
                "ANALYZE kept", "ANALYZE", "VACUUM kept", "VACUUM", "CREATE INDEX ON kept (ssn)", "CREATE UNIQUE INDEX ON kept (ssn)",
                "ALTER TABLE kept RENAME TO unknown", "ALTER TABLE kept RENAME COLUMN ssn TO x", "ALTER TABLE kept ADD CHECK (ssn > '5')",
                "ALTER TABLE kept ADD COLUMN x text GENERATED ALWAYS AS (ssn) STORED", "ALTER TABLE kept ALTER ssn TYPE int USING ssn::int",
                "CREATE TABLE work.lasting AS SELECT ssn FROM kept", "CREATE TABLE work.lasting AS SELECT id, ssn FROM clinic.patient",
                "CREATE TEMP TABLE x AS SELECT upper(ssn) AS u FROM kept", "CREATE TEMP TABLE x AS SELECT k FROM kept k",
                "CREATE TEMP TABLE x () INHERITS (kept)", "INSERT INTO kept (name) SELECT ssn FROM kept", "UPDATE kept SET name = ssn",
                "INSERT INTO clinic.plain (kept) SELECT ssn FROM kept", "EXPLAIN ANALYZE INSERT INTO kept (ssn) SELECT ssn FROM clinic.patient",
                "INSERT INTO clinic.ward VALUES (1, 'x')", "SELECT clinic.current_who()"):
        refused(run, sql)
    assert run("SELECT ctid, xmin IS NULL FROM kept LIMIT 1").ok().rows == [[None, b"f"]]
    each(run, ("DISCARD TEMP",))
    each(run, ("INSERT INTO clinic.ward VALUES (1, 'x')", "DISCARD TEMP"))
    run("CREATE TEMP TABLE kept AS SELECT id, name AS ssn FROM clinic.patient").ok()
    assert run("SELECT ssn FROM kept LIMIT 1").ok().rows[0][0] != b"****"
    each(run, ("DROP TABLE kept", "DISCARD TEMP"))


def test_a_copy_is_masked_whatever_becomes_of_it(t):
    run = t.query
    each(run, ("BEGIN", "SAVEPOINT a", "CREATE TEMP TABLE gone AS SELECT id, ssn FROM clinic.patient"))
    assert run("SELECT ssn FROM gone LIMIT 1").ok().rows == [[b"****"]]
    each(run, ("ROLLBACK TO a", "CREATE TEMP TABLE gone AS SELECT ssn AS id, name AS ssn FROM clinic.patient"))
    assert run("SELECT id FROM gone LIMIT 1").ok().rows == [[b"****"]]
    each(run, ("COMMIT",))
    assert run("SELECT id FROM gone LIMIT 1").ok().rows == [[b"****"]]
    each(run, ("DROP TABLE gone", "BEGIN", "CREATE TEMP TABLE short ON COMMIT DROP AS SELECT ssn FROM clinic.patient"))
    assert run("SELECT ssn FROM short LIMIT 1").ok().rows == [[b"****"]]
    each(run, ("COMMIT", "CREATE TEMP TABLE short AS SELECT id, 'mine' AS ssn FROM clinic.patient"))
    assert run("SELECT ssn FROM short LIMIT 1").ok().rows == [[b"mine"]]
    each(run, ("PREPARE p AS SELECT ssn FROM short", "DROP TABLE short", "CREATE TEMP TABLE short AS SELECT ssn FROM clinic.patient"))
    assert [row for row in (run("EXECUTE p").rows or []) if row != [b"****"]] == []
    # a cursor over one that is dropped, and a definition that fails
    each(run, ("BEGIN", "DECLARE c CURSOR FOR SELECT ssn FROM short"))
    assert run("FETCH 1 FROM c").ok().rows == [[b"****"]]
    run("COMMIT").ok()
    run("CREATE TEMP TABLE short AS SELECT ssn FROM clinic.patient")
    assert run("SELECT ssn FROM short LIMIT 1").ok().rows == [[b"****"]]
    # a trigger that is still to run would find it
    each(run, ("DISCARD TEMP", "BEGIN", "INSERT INTO clinic.later VALUES (1)"))
    refused(run, "CREATE TEMP TABLE context AS SELECT ssn AS who FROM clinic.patient")
    run("ROLLBACK").ok()
    each(run, ("DISCARD ALL", "CREATE TEMP TABLE context AS SELECT ssn AS who FROM clinic.patient WHERE id = 1"))
    refused(run, "INSERT INTO clinic.later VALUES (1)")
    refused(run, "SELECT clinic.current_who()")


def test_a_column_of_the_same_rule(t, tainting):
    for run in (t.query, t.run):
        each(run, ("INSERT INTO clinic.archive (id, name, ssn) SELECT id, name, ssn FROM clinic.patient",
                   "MERGE INTO clinic.archive a USING clinic.numbers p ON a.id = p.id WHEN MATCHED THEN UPDATE SET ssn = p.ssn "
                   "WHEN NOT MATCHED THEN INSERT (id, name, ssn) VALUES (p.id, '', p.ssn)",
                   "UPDATE clinic.archive SET ssn = p.ssn FROM clinic.patient p WHERE p.id = archive.id"))
        assert run("SELECT ssn FROM clinic.archive LIMIT 1").ok().rows == [[b"****"]]
        assert tainting.dba_psql("SELECT count(*) > 0 FROM clinic.archive a JOIN clinic.patient p USING (id, ssn)").strip() in ("t", b"t")
        run("DELETE FROM clinic.archive").ok()
        for sql in ("INSERT INTO clinic.checked SELECT id, ssn FROM clinic.patient", "INSERT INTO clinic.indexed SELECT id, ssn FROM clinic.patient",
                    "INSERT INTO clinic.parts SELECT id, ssn FROM clinic.patient", "INSERT INTO clinic.part SELECT id, ssn FROM clinic.patient",
                    "INSERT INTO clinic.plain (email) SELECT email FROM clinic.patient", "INSERT INTO clinic.plain (kept) SELECT ssn FROM clinic.patient",
                    "INSERT INTO clinic.archive (name) SELECT ssn FROM clinic.patient", "UPDATE clinic.archive SET ssn = upper(ssn)",
                    "CREATE VIEW work.v AS SELECT ssn FROM clinic.patient", "CREATE MATERIALIZED VIEW work.m AS SELECT upper(ssn) AS s FROM clinic.patient"):
            refused(run, sql)
