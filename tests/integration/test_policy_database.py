# SPDX-License-Identifier: MIT
"""pgveil policy check --database: what a real database has that lets masked values be seen elsewhere."""

import json

import pytest

from lab import BUILD, HERE, ROOT, Lab, run

SCHEMA = """
    CREATE SCHEMA hr;
    CREATE TABLE hr.person (id int PRIMARY KEY, name text, salary int, dept text);
    INSERT INTO hr.person SELECT i, 'name' || i % 7, i % 5, 'd' FROM generate_series(1, 200) i;
    CREATE TABLE hr.log (id int, was int); CREATE TABLE hr.calm (id int, name text);
    CREATE TABLE hr.parts (id int, iban text) PARTITION BY LIST (id); CREATE TABLE hr.part1 PARTITION OF hr.parts FOR VALUES IN (1);
    CREATE ROLE check_other; GRANT USAGE, CREATE ON SCHEMA hr TO check_other; GRANT SELECT ON hr.person TO check_other;
    CREATE VIEW hr.own AS SELECT id, salary FROM hr.person;
    CREATE VIEW hr.foreign_view AS SELECT id, salary FROM hr.person; ALTER VIEW hr.foreign_view OWNER TO check_other;
    CREATE VIEW hr.foreign_ids AS SELECT id FROM hr.person; ALTER VIEW hr.foreign_ids OWNER TO check_other;
    CREATE MATERIALIZED VIEW hr.kept AS SELECT avg(salary) FROM hr.person;
    CREATE FUNCTION hr.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO hr.log VALUES (OLD.id, OLD.salary); RETURN NULL; END';
    CREATE TRIGGER audit AFTER UPDATE ON hr.person FOR EACH ROW EXECUTE FUNCTION hr.audit();
    CREATE TRIGGER quiet AFTER UPDATE ON hr.calm FOR EACH ROW EXECUTE FUNCTION hr.audit();
    CREATE TRIGGER on_part AFTER UPDATE ON hr.part1 FOR EACH ROW EXECUTE FUNCTION hr.audit();
    CREATE RULE copies AS ON DELETE TO hr.person DO ALSO INSERT INTO hr.log VALUES (OLD.id, OLD.salary);
    CREATE FUNCTION hr.reads(int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT salary FROM hr.PERSON WHERE id = $1';
    CREATE FUNCTION hr.invoker(int) RETURNS int LANGUAGE sql AS 'SELECT salary FROM hr.person WHERE id = $1';
    CREATE FUNCTION hr.top() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(salary) FROM hr.person); END';
    CREATE TABLE hr.filled (id int, top int DEFAULT hr.top(), at date DEFAULT now());
    CREATE INDEX rich ON hr.person (id) WHERE salary > 3; CREATE INDEX plain ON hr.person (salary);
    CREATE STATISTICS hr.both ON salary, dept FROM hr.person;
    CREATE PUBLICATION feed FOR TABLE hr.person;
    CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
    CREATE FOREIGN TABLE hr.remote (id int, iban text) SERVER far;
    ANALYZE"""

POLICY = """
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {{name: check}}
spec:
  subjects: [{{cgroup: "/agents/*"}}]
  databases:
    - name: hr
      address: 10.0.0.1:5432
      databases: [{database}]
      credential: {{user: someone, passwordFile: /dev/null}}
      tls: {{mode: disable}}
  mask:
    - columns: {columns}
      with: redact
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(agents=1, policies=(HERE / "agent1.yaml",)) as lab:
        lab.dba_psql("SET client_min_messages = error;" + SCHEMA)
        yield lab


def check(lab, tmp_path, columns, *more, database=None, conninfo=None):
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(database=database or lab.dbname, columns=columns))
    p = lab.sh("dba", "--", ROOT / "build" / BUILD / "pgveil", "policy", "check", "--database",
               conninfo or "dbname=" + lab.dbname, *more, policy, check=False)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def findings(lab, tmp_path, columns):
    status, out, _ = check(lab, tmp_path, columns, "--json")
    return status, {(f["kind"], f["object"]): f for f in json.loads(out)["findings"]}


def test_each_kind_is_named_with_its_object(lab, tmp_path):
    status, found = findings(lab, tmp_path, "[hr.person.salary, hr.parts.iban, hr.remote.iban, hr.person.gone]")
    assert status == 3
    assert set(found) == {
        ("view", "hr.foreign_view"), ("view", "hr.kept"), ("trigger", "audit on hr.person"), ("trigger", "on_part on hr.part1"),
        ("rule", "copies on hr.person"), ("default", "top of hr.filled"), ("definer", "hr.reads(integer)"), ("index", "hr.rich"), ("statistics", "both"),
        ("publication", "feed"), ("foreign", "hr.remote"), ("samples", "hr.person"), ("missing", "hr.person.gone")}
    assert found["trigger", "audit on hr.person"]["columns"] == ["hr.person.salary"]
    assert found["trigger", "on_part on hr.part1"]["columns"] == ["hr.parts.iban"]
    assert all(f["hint"] and f["message"] and "policy.yaml:" in f["rule"] for f in found.values())


def test_what_is_not_masked_is_not_named(lab, tmp_path):
    status, found = findings(lab, tmp_path, "[hr.calm.name]")
    assert status == 3 and set(found) == {("trigger", "quiet on hr.calm")}


def test_row_filters(lab, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(database=lab.dbname, columns="[hr.calm.name]") +
                      "  rows: [{relation: hr.calm, filter: \"name = 'x' OR gone = 2\"}, {relation: hr.nowhere, filter: id = 1}]\n")
    p = lab.sh("dba", "--", ROOT / "build" / BUILD / "pgveil", "policy", "check", "--database", "dbname=" + lab.dbname, "--json", policy, check=False)
    found = {f["object"]: f["message"] for f in json.loads(p.stdout)["findings"] if f["kind"] == "missing"}
    assert p.returncode == 3 and found == {"gone": "no such column", "id": "no such relation for its column"}


def test_exit_status_and_text(lab, tmp_path):
    status, out, err = check(lab, tmp_path, "[hr.calm.name]")
    assert status == 3 and "no mistake" in out
    assert "trigger: quiet on hr.calm: hr.calm.name" in err and "hint: " in err
    lab.dba_psql("CREATE TABLE IF NOT EXISTS hr.nothing (secret text)")
    assert check(lab, tmp_path, "[hr.nothing.secret]")[0] == 0
    # another database's rules say nothing here
    assert check(lab, tmp_path, "[hr.calm.name]", database="elsewhere")[0] == 0
    status, _, err = check(lab, tmp_path, "[hr.calm.name]", conninfo="dbname=nowhere_at_all")
    assert status == 4 and "could not be asked" in err
    assert check(lab, tmp_path, "[not.a.pattern.at.all]")[0] == 1
    assert run([ROOT / "build" / BUILD / "pgveil", "policy", "check", "--database"]).returncode == 2
