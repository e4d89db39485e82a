# SPDX-License-Identifier: MIT
"""An agent who wants to run something else than what was approved, or to have a reviewer see something else. What ran is what the
server's tables say."""

import pytest

import wire
from lab import HERE, marker
from test_approvals import ApprovalLab, notice


@pytest.fixture(scope="module")
def desk():
    with ApprovalLab(policy=HERE / "attacks.yaml") as lab:
        lab.dba_psql("CREATE SCHEMA dev; CREATE TABLE dev.orders (LIKE shop.orders); CREATE SEQUENCE dev.ids;"
                     "GRANT USAGE ON SCHEMA dev TO pgveil_agent; GRANT ALL ON dev.orders TO pgveil_agent")
        lab.wait_ready()
        with lab.login() as c:
            lab.wait_until(lambda: not c.query("SELECT FROM dev.orders").errors, "dev is not known")
        yield lab


@pytest.fixture
def client(desk):
    with desk.login() as c:
        yield c


def give_up(desk, client):
    with desk.connect() as killer:
        killer.send(wire.cancel(*client.key))
        killer.drain()
    assert client.result().error.sqlstate == "57014"


def ask_and_leave(desk, client, sql, mark):
    """The number of its approval, which is given while nobody waits for it any more."""
    client.send(wire.query(sql))
    notice(client)
    x = desk.wait_pending(mark)
    give_up(desk, client)
    desk.pgveil("approvals", "approve", x["id"])
    return x["id"]


def asks_anew(desk, client, sql, mark, before):
    """The approval does not hold for it any more: it waits for another."""
    client.send(wire.query(sql))
    notice(client)
    x = desk.wait_pending(mark)
    assert x["id"] > before
    give_up(desk, client)
    assert desk.show(before)["state"] in ("void", "approved") and not desk.show(before)["history"]
    desk.pgveil("approvals", "deny", x["id"])


def orders(desk, *numbers):
    """Which of them are there."""
    return [n for n in numbers if desk.count("id = %d" % n)]


# ---- another text ----

@pytest.mark.parametrize("how", ["bind", "execute"])
def test_prepared_where_it_was_allowed(desk, client, how):
    """A judgement is shared by texts that differ in constants; what the reviewer sees is what the server has."""
    one, two = (1, 2) if how == "bind" else (3, 4)
    mark = marker()
    sql = "DELETE FROM orders WHERE id = %d AND note <> '" + mark + "'"
    client.query("SET search_path = dev").ok()
    client.query(sql % one).ok()
    client.send(wire.parse(sql % two, "s"), wire.sync())
    client.result().ok()
    client.query("SET search_path = shop").ok()
    client.send(wire.bind("s") + wire.execute() + wire.sync() if how == "bind" else wire.query("EXECUTE s"))
    notice(client)
    x = desk.wait_pending(mark)
    assert sql % two in x["statement"] and sql % one not in x["statement"]
    desk.pgveil("approvals", "approve", x["id"])
    assert client.result().ok().tags == ["DELETE 1"]
    assert orders(desk, one, two) == [one]


def test_parameters_of_many_types_are_paid_for(desk, client):
    """What is kept of prepared statements has a bound, their parameters' types too."""
    types = [23] * 65000
    for i in range(1024):
        client.send(wire.parse("SELECT 1", "s%d" % i, types), wire.sync())
        r = client.result()
        if r.errors:
            break
    assert r.error.sqlstate == "53400" and i < 600
    client.query("DEALLOCATE ALL").ok()
