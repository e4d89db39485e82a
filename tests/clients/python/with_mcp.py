# SPDX-License-Identifier: MIT
"""An agent's way: a Model Context Protocol server for PostgreSQL, asked by JSON-RPC over its standard input. Arguments:
which server; then the way."""

import json
import os
import re
import subprocess
import sys
import urllib.parse

import say

SERVER, way = sys.argv[1], sys.argv.pop()
sys.argv[1:] = [way]
MODULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "node", "node_modules")
ENV = os.environ


def command():
    dsn = "postgresql://%s:%s@%s:%s/%s" % (ENV["PGUSER"], urllib.parse.quote(ENV["PGPASSWORD"], ""), ENV["PGHOST"], ENV["PGPORT"], ENV["PGDATABASE"])
    own = {"PG_HOST": ENV["PGHOST"], "PG_PORT": ENV["PGPORT"], "PG_USER": ENV["PGUSER"], "PG_PASSWORD": ENV["PGPASSWORD"], "PG_DATABASE": ENV["PGDATABASE"]}
    return {
        "server-postgres": (["@modelcontextprotocol/server-postgres/dist/index.js", dsn], {}),
        "henkey": (["@henkey/postgres-mcp-server/build/index.js", "--connection-string", dsn], {}),
        "mcp-postgres-server": (["mcp-postgres-server/build/index.js"], own),
    }[SERVER]


class Server:
    def __init__(self):
        argv, env = command()
        self.p = subprocess.Popen(["node", os.path.join(MODULES, argv[0]), *argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**ENV, **env})
        self.n = 0
        self.call("initialize", protocolVersion="2024-11-05", capabilities={}, clientInfo={"name": "agent", "version": "1"})
        self.send(method="notifications/initialized")

    def send(self, **message):
        self.p.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.p.stdin.flush()

    def call(self, method, **params):
        self.n += 1
        self.send(id=self.n, method=method, params=params)
        for line in self.p.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.n:
                return answer
        raise EOFError(self.p.stderr.read().decode())

    def close(self):
        self.p.stdin.close()
        self.p.terminate()
        self.p.wait()


server = Server()
TOOLS = {t["name"]: t for t in server.call("tools/list")["result"]["tools"]}


def table(text):
    """The rows in what a tool says, with whatever stands around them; None: it says something else."""
    found = re.search(r"\[\s*\{.*\}\s*\]", text, re.S)
    try:
        return json.loads(found[0]) if found else None
    except ValueError:
        return None


def show(step, answer):
    texts = [c["text"] for c in answer.get("result", {}).get("content") or []]
    rows = table("".join(texts))
    if rows is None:
        say.put(step, error={"sqlstate": None, "message": "\n".join(texts) or answer.get("error", {}).get("message")})
    else:
        say.rows(step, [(k, None) for k in rows[0]], [list(r.values()) for r in rows], answer["result"].get("isError"))


def tool(step, name, **arguments):
    show(step, server.call("tools/call", name=name, arguments=arguments))


def request(sql, *values):
    """The tool and the arguments that ask this."""
    if SERVER == "henkey":
        return {"name": "pg_execute_query", "arguments": {"operation": "select", "query": sql, "parameters": list(values)}}
    return {"name": "query", "arguments": {"sql": sql, **({"params": list(values)} if values else {})}}


def query(step, sql, *values):
    show(step, server.call("tools/call", **request(sql, *values)))


def text():
    query("all", say.EVERYTHING)
    query("one", say.ONE + "3")


def prepared():
    for i in range(1, 9):
        query("execute %d" % i, say.ONE + "$1", i)


def pipeline():
    """Requests that do not wait for each other's answers."""
    first = server.n + 1
    for i in range(1, 7):
        server.n += 1
        server.send(id=server.n, method="tools/call", params=request(say.ONE + str(i)))
    answers = {}
    while len(answers) < 6:
        a = json.loads(server.p.stdout.readline())
        if "id" in a:
            answers[a["id"]] = a
    for i in range(6):
        show("in line %d" % (i + 1), answers[first + i])


def error():
    query("before", say.ONE + "1")
    query("division", "SELECT 1 / 0 AS x")
    query("syntax", "SELEC 1")
    query("after", say.ONE + "2")


def refused():
    query("refused", say.REFUSED)
    query("after", say.ONE + "1")


def catalog():
    say.value("tools", sorted(TOOLS))
    if SERVER == "server-postgres":
        say.value("resources", server.call("resources/list")["result"])
        base = "postgres://%s@%s:%s/%s" % (ENV["PGUSER"], ENV["PGHOST"], ENV["PGPORT"], ENV["PGDATABASE"])
        read = server.call("resources/read", uri=base + "/patient/schema")
        say.value("columns", [c["text"] for c in read["result"]["contents"]])
    elif SERVER == "henkey":
        tool("tables", "pg_manage_schema", operation="get_info", schema="clinic")
        tool("columns", "pg_manage_schema", operation="get_info", schema="clinic", tableName="patient")
        tool("constraints", "pg_manage_constraints", operation="get", schema="clinic", tableName="note")
        tool("indexes", "pg_manage_indexes", operation="get", schema="clinic")
        tool("triggers", "pg_manage_triggers", operation="get", schema="clinic")
    else:
        tool("schemas", "list_schemas")
        tool("tables", "list_tables", schema="clinic")
        tool("table", "describe_table", schema="clinic", table="patient")
    query("information", "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'clinic' ORDER BY table_name, ordinal_position")


none = {
    "binary": ("rows are JSON made of text results", True),
    "cursor": ("the protocol's tools answer whole results", not any("cursor" in t for t in TOOLS)),
    "copy": ("no tool that copies by COPY", not any("copy" in t.split("_") for t in TOOLS) or SERVER == "henkey"),
    "cancel": ("the server passes no cancellation on to PostgreSQL", not any("cancel" in t for t in TOOLS)),
}
if SERVER == "henkey":
    # Seen: of three requests at once one is answered, the others with "Not connected to database".
    none["pipeline"] = ("its tools share one connection, and lose it when requests overlap", True)
if SERVER == "server-postgres":
    none["prepared"] = ("its tool takes no parameters", "params" not in TOOLS["query"]["inputSchema"]["properties"])
try:
    say.main(globals(), none)
finally:
    server.close()
