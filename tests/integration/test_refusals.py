# SPDX-License-Identifier: MIT
"""What a caller with masked columns may not send: refused with 42501 and a hint, never seen by the server (its own log
is the witness: log_statement = all, and log_min_duration_statement = 0 for Parse and Bind), and the session goes on."""

import pytest

import canary
import wire
from lab import marker

REFUSED = {
    "WHERE": ["SELECT id FROM clinic.patient WHERE ssn LIKE '1%'",
              "SELECT id FROM clinic.directory WHERE number = '61728300001'",
              "SELECT id FROM clinic.patient p WHERE EXISTS (SELECT FROM clinic.note n WHERE n.body = p.diagnosis)",
              "SELECT count(*) FILTER (WHERE vip) FROM clinic.patient"],
    "JOIN": ["SELECT a.id FROM clinic.patient a JOIN clinic.patient b ON a.ssn = b.ssn",
             "SELECT id FROM clinic.patient a JOIN clinic.snapshot b USING (id, ssn)",
             "SELECT a.id FROM clinic.patient a NATURAL JOIN clinic.snapshot b"],
    "ORDER BY": ["SELECT id FROM clinic.patient ORDER BY ssn",
                 "SELECT id, ssn FROM clinic.patient ORDER BY 2",
                 "SELECT id, row_number() OVER (ORDER BY balance) FROM clinic.patient"],
    "GROUP BY": ["SELECT count(*) FROM clinic.patient GROUP BY insurer",
                 "SELECT count(*) FROM clinic.patient GROUP BY id HAVING max(ssn) > '5'"],
    "DISTINCT": ["SELECT DISTINCT insurer FROM clinic.patient",
                 "SELECT DISTINCT ON (visits) id FROM clinic.patient",
                 "SELECT ssn FROM clinic.patient UNION SELECT ssn FROM clinic.snapshot",
                 "SELECT ssn FROM clinic.patient INTERSECT SELECT line FROM clinic.journal"],
    "an expression that can fail": ["SELECT id FROM clinic.patient WHERE 1/(ssn::int) > 0",
                                    "SELECT avg(1/(visits - 1975318642)) FROM clinic.patient",
                                    "SELECT id, ssn::date FROM clinic.patient ORDER BY 2"],
    "CASE and LIMIT": ["SELECT sum(CASE WHEN ssn > '5' THEN 1 ELSE 0 END) FROM clinic.patient",
                       "SELECT id FROM clinic.patient LIMIT (SELECT visits FROM clinic.patient WHERE id = 1)",
                       "SELECT id FROM clinic.patient ORDER BY CASE vip WHEN true THEN id END"],
    "value-carrying catalogues": [
        "SELECT tablename FROM pg_stats WHERE most_common_vals::text LIKE '%617%'",
        "SELECT starelid FROM pg_statistic WHERE stavalues1::text ~ 'zebra'",
        "SELECT pid FROM pg_stat_activity WHERE query LIKE '%ssn%'"],
    "functions that are not pure": [
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT query_to_xml('SELECT ssn FROM clinic.patient', true, true, '')",
        "SELECT set_config('standard_conforming_strings', 'off', false)",
        "SELECT 1 WHERE clinic.peek(1) = '61728300001'",
        "SELECT current_setting('anon.y', true), pg_sleep(0)", "SELECT current_setting('x.' || 'y', true)",
        "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'jit' OR name = 'role'",
        "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name <> 'jit'",
        "SELECT set_config(upper(name), 'x', false) FROM pg_settings WHERE name = 'jit'",
        "SELECT (SELECT set_config(name, 'x', false) FROM pg_settings LIMIT 1) FROM pg_settings WHERE name = 'jit'",
        "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'standard_conforming_strings'",
        "SELECT pg_advisory_lock(length(ssn)) FROM clinic.patient", "SELECT pg_sleep(length(ssn)) FROM clinic.patient"],
    "DO": ["DO $$ BEGIN RAISE NOTICE '%', (SELECT max(ssn) FROM clinic.patient); END $$", "DO LANGUAGE plpgsql 'BEGIN END'"],
    "CALL": ["CALL clinic.tidy()", "CALL clinic.tidy ( )"],
    "DDL": ["CREATE TEMP TABLE x AS SELECT ssn FROM clinic.patient",
            "SELECT ssn INTO TEMP y FROM clinic.patient",
            "CREATE VIEW v AS SELECT ssn FROM clinic.patient",
            "CREATE TEMP TABLE careless (i int DEFAULT clinic.peek(1))", "CREATE INDEX ON clinic.patient (ssn)",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM clinic.patient'",
            "ALTER TABLE clinic.patient ADD COLUMN more text",
            "DROP TABLE clinic.patient", "REFRESH MATERIALIZED VIEW clinic.snapshot",
            "GRANT SELECT ON clinic.patient TO PUBLIC"],
    "other utility statements": ["SELECT pg_notify('x', ssn) FROM clinic.patient", "REINDEX TABLE clinic.journal",
                                 "CHECKPOINT", "LOAD 'plpgsql'", "REASSIGN OWNED BY agent TO postgres",
                                 "PREPARE TRANSACTION 'x'"],
    "large objects": ["SELECT lo_get(424242)", "SELECT lo_import('/etc/passwd')", "SELECT loread(lo_open(424242, 262144), 100)"],
    "COPY that asks about a masked column": ["COPY clinic.patient TO STDOUT (NULL '')", "COPY clinic.patient (ssn) TO STDOUT (NULL '61728300001')",
                                             "COPY (SELECT ssn FROM clinic.patient) TO STDOUT (FORMAT csv, QUOTE E'\n')",
                                             "COPY (SELECT id FROM clinic.patient ORDER BY ssn) TO STDOUT"],
    "COPY with files and programs": ["COPY clinic.journal TO '/tmp/pgveil-must-not-exist'", "COPY clinic.journal TO PROGRAM 'cat'",
                                     "COPY clinic.journal FROM '/etc/passwd'"],
    "EXPLAIN ANALYZE": ["EXPLAIN ANALYZE SELECT upper(ssn) FROM clinic.patient",
                        "EXPLAIN (ANALYZE, SERIALIZE) SELECT ssn FROM clinic.patient",
                        "EXPLAIN SELECT id FROM clinic.patient WHERE ssn = '1'"],
    "PREPARE of what is refused": ["PREPARE p1 AS SELECT id FROM clinic.patient WHERE ssn = $1", "PREPARE p2 AS DELETE FROM clinic.patient WHERE vip"],
    "DECLARE of what is refused": ["DECLARE d1 CURSOR WITH HOLD FOR SELECT id FROM clinic.patient ORDER BY ssn",
                                   "DECLARE d2 CURSOR WITH HOLD FOR SELECT id FROM clinic.patient WHERE clinic.peek(id) > ''"],
    "writing a masked column elsewhere": ["INSERT INTO clinic.journal (line) SELECT ssn FROM clinic.patient",
                                          "UPDATE clinic.journal SET line = (SELECT ssn FROM clinic.patient WHERE id = 1)",
                                          "UPDATE clinic.patient SET name = ssn",
                                          "INSERT INTO clinic.journal (line) VALUES ((SELECT max(email) FROM clinic.patient))"],
    "DML that reads a masked column": ["UPDATE clinic.journal SET amount = 1 FROM clinic.patient p WHERE p.vip",
                                       "DELETE FROM clinic.patient WHERE ssn = '61728300001'",
                                       "INSERT INTO clinic.patient (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y' WHERE patient.ssn > '5'",
                                       "MERGE INTO clinic.journal j USING clinic.patient p ON j.line = p.ssn WHEN MATCHED THEN DELETE"],
    "settings": ["SET standard_conforming_strings = off", "SET client_encoding = 'SJIS'", "SET search_path = clinic, pg_catalog",
                 "SET ROLE postgres", "SET SESSION AUTHORIZATION postgres", "SET LOCAL standard_conforming_strings TO off",
                 "SET client_min_messages = debug5", "SET backslash_quote = on", "SET names 'big5'"],
    "more than one statement": ["SELECT 1; SELECT id FROM clinic.patient WHERE ssn = '1'",
                                "SET standard_conforming_strings = off; SELECT '\\'' || ssn || '' FROM clinic.patient -- '"],
}
ONE_BY_ONE = [(k, sql) for k, v in REFUSED.items() for sql in v]


def test_each_class_has_two():
    assert [k for k, v in REFUSED.items() if len(v) < 2] == []


def mark(sql):
    """The statement with a comment in it that the server's log would show."""
    m = marker()
    return m, "/* %s */ %s" % (m, sql)


def check(lab, m, r, status):
    e = r.error
    assert (e.sqlstate, e.fields["S"], e.fields["V"]) == ("42501", "ERROR", "ERROR"), str(e)
    assert e.hint, "a refusal says what to do: %s" % e
    assert not r.rows and not set(r.kinds) & set("TDCdHV")
    assert r.status == status
    assert m not in lab.server_log(), "the server has seen it"


def check_alive(lab, c):
    """The next statement works, and it is one that the log shows."""
    m, sql = mark("SELECT 42")
    assert c.query(sql).ok().rows == [[b"42"]]
    assert m in lab.server_log()


@pytest.mark.parametrize("kind,sql", ONE_BY_ONE, ids=["%s-%d" % (k.replace(" ", "_"), i) for i, (k, _) in enumerate(ONE_BY_ONE)])
def test_refused(lab, client, kind, sql):
    m, text = mark(sql)
    client.send(wire.query(text))
    check(lab, m, client.result(), "I")
    check_alive(lab, client)

    if kind != "more than one statement":
        m, text = mark(sql)
        client.send(wire.extended(text), wire.sync())
        check(lab, m, client.result(), "I")
        m, text = mark(sql)
        client.send(wire.parse(text, "named"), wire.describe("S", "named"), wire.sync())
        check(lab, m, client.result(), "I")
        check_alive(lab, client)

    for send in (wire.query, lambda t: wire.extended(t) + wire.sync()):
        if kind == "more than one statement" and send is not wire.query:
            continue
        client.query("BEGIN").ok()
        m, text = mark(sql)
        client.send(send(text))
        check(lab, m, client.result(), "E")
        m, text = mark("SELECT 1")
        assert client.query(text).error.sqlstate == "25P02", "a transaction that failed stays failed"
        assert client.query("ROLLBACK").ok().status == "I"
        check_alive(lab, client)


def test_unparsable(lab, client):
    """What the grammar does not know is refused too: as a syntax error."""
    for sql in ("SELEC ssn FROM clinic.patient", "SELECT ssn FROM clinic.patient WHERE (", "SELECT 'open"):
        m, text = mark(sql)
        for send in (wire.query(text), wire.extended(text) + wire.sync()):
            client.send(send)
            r = client.result()
            assert r.error.sqlstate == "42601" and r.status == "I"
        assert m not in lab.server_log()
    check_alive(lab, client)


def test_function_call(lab, client):
    """The protocol's FunctionCall: lo_get and upper, by their oids."""
    for name in ("lo_get(oid)", "pg_catalog.upper(text)"):
        oid = int(lab.dba_psql("SELECT '%s'::regprocedure::oid" % name))
        client.send(wire.call_function(oid, b"\0\6\x79\x3a"))
        r = client.result()
        assert r.error.sqlstate == "42501" and r.status == "I" and "V" not in r.kinds
        client.query("BEGIN").ok()
        client.send(wire.call_function(oid, b"\0\6\x79\x3a"))
        r = client.result()
        assert r.error.sqlstate == "42501" and r.status == "E"
        client.query("ROLLBACK").ok()
    assert "fastpath function call" not in lab.server_log()
    check_alive(lab, client)


def test_in_a_pipeline(lab, client):
    """What came before stands, what comes after is skipped up to the Sync, and the next group works: as PostgreSQL does."""
    before, after, later, refused = marker(), marker(), marker(), marker()
    client.send(wire.extended("SELECT 1 /* %s */" % before), wire.extended("SELECT id FROM clinic.patient WHERE ssn = '1' /* %s */" % refused),
                wire.extended("SELECT 3 /* %s */" % after), wire.sync(), wire.extended("SELECT 4 /* %s */" % later), wire.sync())
    first, second = client.result(), client.result()
    assert first.rows == [[b"1"]] and first.error.sqlstate == "42501" and first.status == "I"
    assert first.kinds == "12TDCEZ"
    assert second.ok().rows == [[b"4"]] and second.status == "I"
    log = lab.server_log()
    assert before in log and later in log and after not in log and refused not in log


def test_in_a_pipeline_inside_a_transaction(lab, client):
    m, text = mark("DELETE FROM clinic.journal WHERE line = (SELECT max(ssn) FROM clinic.patient)")
    client.send(wire.extended("BEGIN"), wire.extended("INSERT INTO clinic.journal (line) VALUES ('pipelined')"), wire.extended(text),
                wire.extended("COMMIT"), wire.sync(), wire.extended("SELECT 1"), wire.sync(), wire.extended("ROLLBACK"), wire.sync())
    first, second, third = client.result(), client.result(), client.result()
    assert first.error.sqlstate == "42501" and first.status == "E"
    assert second.error.sqlstate == "25P02" and second.status == "E"
    assert third.ok().status == "I"
    assert m not in lab.server_log()
    assert client.query("SELECT FROM clinic.journal WHERE line = 'pipelined'").ok().rows == []


def test_an_implicit_transaction_is_rolled_back(lab, client):
    m, text = mark("SELECT 1 FROM clinic.patient ORDER BY ssn")
    client.send(wire.extended("INSERT INTO clinic.journal (line) VALUES ('implicit')"), wire.extended(text), wire.sync())
    assert client.result().error.sqlstate == "42501"
    assert m not in lab.server_log()
    assert client.query("SELECT FROM clinic.journal WHERE line = 'implicit'").ok().rows == []


def test_a_refused_name_does_not_exist(lab, client):
    """Bind and Execute of what was refused fail as for any name that nobody made."""
    client.send(wire.parse("SELECT id FROM clinic.patient WHERE ssn = '1'", "bad"), wire.sync())
    assert client.result().error.sqlstate == "42501"
    client.send(wire.bind("bad"), wire.execute(), wire.sync())
    assert client.result().error.sqlstate == "26000"
    check_alive(lab, client)


def test_savepoints_survive_a_refusal(lab, client):
    client.query("BEGIN").ok()
    client.query("INSERT INTO clinic.journal (line) VALUES ('kept')").ok()
    client.query("SAVEPOINT s").ok()
    assert client.query("SELECT id FROM clinic.patient ORDER BY ssn").error.sqlstate == "42501"
    assert client.query("ROLLBACK TO s").ok().status == "T"
    assert client.query("SELECT count(*) FROM clinic.journal WHERE line = 'kept'").ok().rows == [[b"1"]]
    client.query("ROLLBACK").ok()


# ---- what must give nothing away, refused or not ----

TRICK = "SELECT '\\'' || ssn || '\n' FROM clinic.patient WHERE id = 1 -- '"


def test_standard_conforming_strings_in_a_batch(lab, client):
    """The server would read another statement than the parser: interception of the setting, in the same batch as its use."""
    m = marker()
    client.send(wire.extended("SET standard_conforming_strings = off /* %s */" % m), wire.extended(TRICK), wire.sync())
    assert client.result().error.sqlstate == "42501"
    client.send(wire.query("SET standard_conforming_strings = off"), wire.query(TRICK))
    assert client.result().error.sqlstate == "42501"
    client.result()
    assert m not in lab.server_log()
    assert client.query("SHOW standard_conforming_strings").ok().rows == [[b"on"]]


@pytest.mark.parametrize("name,value", [("standard_conforming_strings", "off"), ("client_encoding", "SJIS"), ("search_path", "clinic"),
                                        ("options", "-c standard_conforming_strings=off")])
def test_settings_by_startup(lab, name, value):
    """Refused, or pinned all the same; never in force."""
    with lab.connect() as c:
        try:
            c.login("agent", lab.dbname, **{name: value})
        except wire.ServerError as e:
            assert e.fields["S"] == "FATAL"
            return
        assert c.query("SHOW standard_conforming_strings").ok().rows == [[b"on"]]
        assert c.query("SHOW client_encoding").ok().rows == [[b"UTF8"]]
        c.query(TRICK)
        assert canary.found(bytes(c.received)) == []


@pytest.mark.parametrize("sql", [
    "SELECT * FROM pg_stats WHERE tablename = 'patient'",
    "SELECT most_common_vals FROM pg_stats WHERE tablename = 'patient'",
    "SELECT histogram_bounds::text FROM pg_stats WHERE schemaname = 'clinic'",
    "SELECT * FROM pg_statistic",
    "SELECT query FROM pg_stat_activity",
    "SELECT * FROM pg_stat_activity",
    "SELECT p.* FROM clinic.patient p",
    "SELECT p FROM clinic.patient p",
    "SELECT (p).ssn FROM clinic.patient p",
    "SELECT ssn(p) FROM clinic.patient p",
    "SELECT row_to_json(p) FROM clinic.patient p",
    "SELECT p::text FROM clinic.patient p",
    "SELECT * FROM clinic.snapshot",
    "TABLE clinic.directory",
    "SELECT * FROM pg_largeobject",
    "SELECT body FROM clinic.note LIMIT 1",
    "INSERT INTO clinic.patient (id, name, ssn) VALUES (77, 'x', 'y') RETURNING *",
    "UPDATE clinic.patient SET ward = ward WHERE id = 1 RETURNING ssn, ssn || ''",
    "DELETE FROM clinic.patient WHERE id = 9 RETURNING patient",
    "WITH RECURSIVE r AS (SELECT id, ssn FROM clinic.patient WHERE id = 1 UNION ALL SELECT id + 1, ssn FROM r WHERE id < 3) SELECT * FROM r",
    "SELECT x FROM clinic.patient, LATERAL (SELECT ssn) AS l(x)",
    "SELECT unnest(ARRAY[ssn, email]) FROM clinic.patient",
    "SELECT lead(ssn) OVER () FROM clinic.patient",
    "SELECT ssn AS name, name AS ssn FROM clinic.patient",
    "SELECT \"patient\".\"ssn\" FROM \"clinic\".\"patient\"",
    "SELECT U&\"\\0073sn\" FROM clinic.patient",
])
def test_no_value_by_any_of_these(client, sql):
    """As they are, in both protocols and formats; the client fixture searches every byte that came."""
    client.query("BEGIN").ok()
    for send in (wire.query(sql), wire.extended(sql) + wire.sync(), wire.extended(sql, formats=(1,)) + wire.sync()):
        client.query("SAVEPOINT s").ok()
        client.send(send)
        client.result()
        client.query("ROLLBACK TO s").ok()
    client.query("ROLLBACK").ok()
    assert canary.found(bytes(client.received)) == []


def test_limits(lab, client):
    """Text too long or nested too deep is refused before it is parsed, and the session lives."""
    for sql, state in (("SELECT 1 -- " + "x" * 300000, "54000"), ("SELECT " + "(" * 20000 + "1" + ")" * 20000, "54001"),
                       ("SELECT 1" + "+1" * 60000, "54001")):
        m, text = mark(sql)
        r = client.query(text)
        assert r.error.sqlstate == state and r.status == "I"
        assert m not in lab.server_log()
    check_alive(lab, client)
