# SPDX-License-Identifier: MIT
"""All detectors and a policy's own patterns, from the policy to the client: text, binary, COPY, and what cuts a value in parts."""

import pytest

from lab import HERE, Lab

COLUMNS = "id, kind, body, parts, doc, num, host, page"
QUERY = "SELECT %s FROM desk.mail ORDER BY id" % COLUMNS

EXPECTED = [
    ["1", "people", "SSN [us_ssn], NINO [uk_nino], NHS [uk_nhs], Steuer-ID [de_idnr], NIR [fr_nir], PESEL [pl_pesel], DNI [es_nif]",
     '{"CPF [br_cpf]",nothing,NULL,"BSN [nl_bsn]"}', '{"n": 78051120, "note": "RVNR [de_rvnr]", "customerSsn": null}', None, "0.0.0.0", "<redacted/>"],
    ["2", "net", "from [ip] via [url], mac [mac], at [coordinates]", "{[ip]}", '{"ip": ["[ip]"], "[url]": 1}', "42", "0.0.0.0", None],
    ["3", "secrets", "[url] and [access_token], password: [secret]", None, '{"aws": {"secretKey": "[cloud_key]"}, "pem": "[private_key]"}', "0", None, None],
    ["4", "own", "chart [mrn] and ward [ward], room [ward]", "{[mrn]}", '{"room": "734", "ward": {"no": "[ward]"}, "[mrn]": null}', "0", None, None],
    ["5", "clean", "Invoice 2024-000183 of 12.03.2024: 3 x 49.90 EUR, version 1.22.333, commit 3f786850e387550fdab836ed7e6dc881de23001b", "{a,b}",
     '{"id": "41111111-1111-4111-8111-111111111111", "items": [1, 2, 3], "total": 149.70}', "42", None, None],
]

# Pieces of what no client may receive.
CANARIES = [b"617-28", b"617283", b"AB1234", b"476 5870", b"860957", b"2951099", b"440514", b"12345678Z", b"390.533", b"111222", b"15070649", b"113.7",
            b"beef", b"intranet", b"4d:5e", b"52.524", b"13.410", b"51.100", b"hunter2", b"16C7e42F", b"Tr0ub", b"IOSFODNN", b"MIIBOg", b"48210077"]


def found(data):
    return [c for c in CANARIES if c in data]


def text_of(rows):
    return [[None if c is None else c.decode() for c in row] for row in rows]


@pytest.fixture(scope="module")
def desk():
    with Lab(schema=HERE / "detect.sql", policies=[HERE / "detect.yaml"], agents=1) as up:
        yield up


def test_every_canary_is_in_the_database(desk):
    with desk.direct() as c:
        c.query(QUERY).ok()
        missing = [b for b in CANARIES if b not in c.received]
    assert missing == []


def test_text(desk):
    with desk.login() as c:
        assert text_of(c.query(QUERY).ok().rows) == EXPECTED
        assert text_of(c.run(QUERY).ok().rows) == EXPECTED
        assert found(bytes(c.received)) == []


def test_binary(desk):
    types = ["int4", "text", "text", "text[]", "jsonb", "int8", "inet", "xml"]
    with desk.login() as c:
        rows = c.run(QUERY, formats=(1,)).ok().rows
        assert found(bytes(c.received)) == []
    # The server reads what the engine wrote, in binary, and writes it in text.
    with desk.direct() as c:
        for row, expected in zip(rows, EXPECTED):
            again = c.run("SELECT " + ", ".join("$%d::%s" % (i + 1, t) for i, t in enumerate(types)), params=row, param_formats=(1,)).ok().rows
            assert text_of(again) == [expected]


EXPRESSIONS = [
    "left(body, 7)", "right(body, 9)", "substr(body, 5, 3)", "substring(body FROM 5 FOR 6)", "substring(body FROM '[0-9]+')", "reverse(body)",
    "encode(body::bytea, 'base64')", "encode(convert_to(body, 'UTF8'), 'hex')", "body::bytea", "translate(body, '0123456789', 'abcdefghij')",
    "replace(body, '-', '')", "split_part(body, '-', 2)", "string_to_array(body, '-')", "regexp_split_to_array(body, '')", "regexp_matches(body, '\\d+', 'g')",
    "string_to_table(body, '-')", "regexp_split_to_table(body, '')", "overlay(body PLACING 'x' FROM 2)", "body || 'x'", "'x' || num", "num + 0", "num::text",
    "doc -> 'note'", "doc ->> 'customerSsn'", "doc #>> '{aws,secretKey}'", "jsonb_each_text(doc)", "jsonb_object_keys(doc)", "doc::text", "parts[1]", "unnest(parts)",
    "array_to_string(parts, ',')", "host(host)", "host + 1", "page::text", "xpath('//a/text()', page)", "to_tsvector(body)", "array_agg(body) OVER ()", "m", "ROW(body)",
]


def test_parts_of_a_value_are_not_shown(desk):
    """A piece of a value is one that no detector knows: nothing of it is shown, in any format."""
    shown = []
    with desk.login() as c:
        for expression in EXPRESSIONS:
            sql = "SELECT %s FROM desk.mail m" % expression
            for r in (c.run(sql), c.run(sql, formats=(1,)), c.query(sql)):
                if not r.errors and any(row != [None] for row in r.rows):
                    shown.append((expression, r.rows))
        assert shown == []
        assert found(bytes(c.received)) == []


STATEMENTS = [
    "SELECT c FROM desk.mail, string_to_table(body, NULL) AS c",
    "SELECT c FROM desk.mail, regexp_split_to_table(body, '') AS c",
    "SELECT substr(body, i, 1) FROM desk.mail, generate_series(1, 40) AS i",
    "SELECT value FROM desk.mail, jsonb_each_text(doc)",
    "SELECT p FROM desk.mail, unnest(parts) AS p",
    "WITH RECURSIVE r(s, t) AS (SELECT '', body FROM desk.mail UNION ALL SELECT left(t, 1), right(t, -1) FROM r WHERE t <> '') SELECT s FROM r",
    "COPY (SELECT substr(body, 5, 11) FROM desk.mail) TO STDOUT",
    "COPY (SELECT reverse(body) FROM desk.mail) TO STDOUT (FORMAT csv)",
    "SELECT id FROM desk.mail WHERE body LIKE '%617%'",
    "SELECT id FROM desk.mail ORDER BY body",
]


def test_nor_in_rows_or_by_asking(desk):
    with desk.login() as c:
        for sql in STATEMENTS:
            r = c.query(sql)
            assert r.errors or all(row == [None] for row in r.rows), (sql, r.rows)
        assert found(bytes(c.received)) == []


def test_slow_patterns_do_not_stop_the_worker(desk):
    """A document of 1 MiB that an own pattern goes through: answered, and hidden or not, in little time."""
    with desk.direct() as c:
        c.query("INSERT INTO desk.mail (id, body, doc) SELECT 100, repeat('MRN-1234567 ', 80000), jsonb_agg(repeat('MRN-1234567 ', 80)) "
                "FROM generate_series(1, 900)").ok()
    try:
        with desk.login() as c:
            rows = c.query("SELECT body, doc FROM desk.mail WHERE id = 100").ok().rows
            assert len(rows) == 1 and found(bytes(c.received)) == []
    finally:
        with desk.direct() as c:
            c.query("DELETE FROM desk.mail WHERE id = 100").ok()
