# SPDX-License-Identifier: MIT
"""`pgveil sessions` over recordings made by hand: what is found and shown, and that whatever is done to the files is said."""

import json
import random
import shutil
import sqlite3
import struct
import subprocess

import pytest

from recordings import BUILD, PGVEIL, ROOT, Recording, columns, complete, error, maker, pgveil, ready, row

HEAD, HASH = 40, 32


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    subprocess.run(["make", "-s", "BUILD=" + BUILD, "build/%s/pgveil" % BUILD], cwd=ROOT, check=True)
    return maker(tmp_path_factory.mktemp("maker"))


def sample():
    """Two runs; three agents' sessions and one that does not end."""
    r = Recording()
    a = r.begin()
    b = r.begin(cgroup="/system.slice/cron.service", unit="cron.service", uid=0, comm="cron", dbname="hr", database="people")
    r.query(a, "SELECT id, email FROM customers", columns(("id", 23), ("email", 25)) + row("1", "a***@example.org") + row("2", None) + complete("SELECT 2") +
            ready(), rows=2, masked=1, relation=["public.customers"], column=["public.customers.email"], rule=["crm.yaml:9"], effect=["read"])
    r.query(b, "SELECT 1", columns(("?column?", 23)) + row("1") + complete("SELECT 1") + ready(), rows=1, relation=["hr.staff"])
    r.statement(a, "DELETE FROM customers", "deny", sqlstate="42501", reason="no writes here", relation=["public.customers"], rule=["crm.yaml:14"],
                effect=["write"], parameter=["‹tok:1a2b3c4d5e6f›"])
    r.result(a, error("42501", "permission denied") + ready())
    r.event(a, "limit.reached", "rows of a statement")
    r.end(a)
    r.end(b)
    r.run()
    c = r.begin(cgroup="/agents.slice/claude-2.scope", unit="claude-2.scope", namespace="agents", pod="claude-5d8c-x7k2p", service_account="claude")
    for i in range(60):
        r.query(c, "SELECT %d, '%s'" % (i, random.Random(i).randbytes(40).hex()), columns(("?column?", 23)) + row(str(i)) + complete("SELECT 1") + ready(), rows=1,
                relation=["public.t%d" % (i % 3)])
    r.end(c)
    d = r.begin(comm="python3")
    r.statement(d, "SELECT pg_sleep(1)")
    r.run()
    r.begin(cgroup="/late", unit="")
    return r


@pytest.fixture(scope="module")
def made(make, tmp_path_factory):
    where = tmp_path_factory.mktemp("made") / "recordings"
    heads = sample().write(make, where, segment_max=4000)
    return where, heads


@pytest.fixture
def copy(made, tmp_path):
    """One that may be altered; no index yet."""
    where, heads = made
    shutil.copytree(where, tmp_path / "recordings", ignore=shutil.ignore_patterns("index*"))
    return tmp_path / "recordings", heads


def ids(where, *args):
    p = pgveil(where, "ls", "--json", *args)
    assert p.returncode == 0, p.stderr
    assert p.stderr == b"", p.stderr
    return [json.loads(line)["id"] for line in p.stdout.splitlines()]


@pytest.mark.parametrize("args,expected", [
    ([], "3-1 2-2 2-1 1-2 1-1"),
    (["--identity", "/agents.slice"], "2-2 2-1 1-1"),
    (["--identity", "claude-2.scope"], "2-1"),
    (["--identity", "0"], "1-2"),
    (["--identity", "cron"], "1-2"),
    (["--identity", "agents/claude-*"], "2-1"),
    (["--namespace", "agents"], "2-1"),
    (["-n", "agent?", "--pod", "claude-5d8c-*"], "2-1"),
    (["--service-account", "claude"], "2-1"),
    (["--service-account", "claude", "-n", "other"], ""),
    (["--pod", "*"], "2-1"),  # who is in none is in none that could match
    (["--database", "hr"], "1-2"),
    (["--database", "p*"], "1-2"),
    (["--relation", "public.customers"], "1-1"),
    (["--relation", "*.t1"], "2-1"),
    (["--column", "*.email"], "1-1"),
    (["--rule", "crm.yaml:*"], "1-1"),
    (["--verdict", "deny"], "1-1"),
    (["--verdict", "deny", "--column", "*"], ""),  # not of the same statement
    (["--effect", "write", "--verdict", "deny"], "1-1"),
    (["--open"], "3-1 2-2"),
    (["--limit", "2"], "3-1 2-2"),
    (["--since", "2030-01-01T00:00:00Z"], ""),
    (["--until", "2026-11-30T00:00:00Z"], ""),
    (["--since", "2026-11-30T00:00:00Z", "--until", "2027-01-01T00:00:00Z", "--identity", "/late"], "3-1"),
])
def test_ls_finds(made, args, expected):
    assert ids(made[0], *args) == expected.split()


def test_ls_shows(made):
    out = pgveil(made[0], "ls").stdout.decode()
    assert out.splitlines()[0].split()[:2] == ["ID", "BEGAN"]
    line = next(l for l in out.splitlines() if l.startswith("1-1 "))
    assert line.split()[4:] == ["claude-1.scope", "1000", "psql", "shop", "crm_agent", "2", "1", "2", "1", "120"], line
    assert next(l for l in out.splitlines() if l.startswith("2-1 ")).split()[4] == "agents/claude-5d8c-x7k2p"
    shown = pgveil(made[0], "show", "2-1").stdout.decode()
    assert "(claude-2.scope), pod agents/claude-5d8c-x7k2p of claude, uid" in shown


def test_an_index_of_an_earlier_version_is_made_anew(copy):
    where, _ = copy
    assert ids(where, "--pod", "*") == ["2-1"]
    db = sqlite3.connect(where / "index.sqlite")
    db.executescript("ALTER TABLE sessions DROP COLUMN pod; PRAGMA user_version = 1;")
    db.close()
    assert ids(where, "--pod", "*") == ["2-1"]


@pytest.mark.parametrize("args", [["ls", "--bogus"], ["ls", "x"], ["show"], ["show", "1"], ["show", "0-1"], ["show", "1-1x"], ["verify", "--head", "12"],
                                  ["ls", "--since", "yesterday"], ["ls", "--head", "00" * 32], ["ls", "--limit", "-1"], [], ["nothing"]])
def test_used_wrongly(made, args):
    p = pgveil(made[0], *args)
    assert p.returncode == 2 and p.stdout == b"" and p.stderr


def test_show(made):
    p = pgveil(made[0], "show", "1-1")
    assert p.returncode == 0 and p.stderr == b""
    out = p.stdout.decode()
    for part in ("/agents.slice/claude-1.scope", "uid 1000", "shop at 10.0.0.5:5432", "SELECT id, email FROM customers", "2 rows", "1 masked", "deny",
                 "42501: no writes here", "crm.yaml:14", "public.customers.email", "‹tok:1a2b3c4d5e6f›", "limit.reached"):
        assert part in out, (part, out)
    whole = json.loads(pgveil(made[0], "show", "1-1", "--json").stdout)
    assert whole["session"]["uid"] == 1000 and whole["session"]["policy"] == ["claude-support"]
    assert [s["verdict"] for s in whole["statements"]] == ["allow", "deny"]
    assert whole["statements"][0]["done"]["rows"] == 2
    assert whole["statements"][0]["column"] == ["public.customers.email"]
    assert whole["end"]["closed"] == "terminated"
    assert pgveil(made[0], "show", "9-9").returncode == 1


def test_what_was_recorded_does_not_drive_the_terminal(make, tmp_path):
    r = Recording()
    evil = "a\x1b]0;title\x07b\x1b[2Jc\u009bd\u202ee\rf\bg"
    s = r.begin(comm=evil[:15], application_name=evil, claimed_user=evil)
    r.query(s, "SELECT '%s'" % evil, columns((evil, 25)) + row(evil) + complete("SELECT 1") + ready(), relation=[evil])
    r.statement(s, evil, "deny", sqlstate="42501", reason=evil)
    r.end(s, closed=evil)
    r.write(make, tmp_path / "r")
    for verb in (["ls"], ["show", "1-1"]):
        out = pgveil(tmp_path / "r", *verb).stdout.decode()
        assert not set(out) & set("\x1b\x07\x08\r\u009b\u202e"), (verb, out)
    assert "\\x1b]0;title\\x07b" in out and "\\u202e" in out


# ---- verify ----

def verify(where, *args):
    p = pgveil(where, "verify", "--json", *args)
    said = json.loads(p.stdout)
    assert p.returncode == (0 if said["sound"] else 1)
    text = pgveil(where, "verify", *args)
    assert text.returncode == p.returncode
    assert ("BROKEN" in text.stdout.decode()) == (not said["sound"])
    return said


def broken(where, *args):
    said = verify(where, *args)
    assert not said["sound"]
    return said["broken"]


def segments(where, run):
    return sorted((where / ("%08d" % run)).glob("*.pgveil"))


def entries(path):
    """The records of a segment as bytes."""
    data, out = path.read_bytes(), []
    while data:
        n = HEAD + struct.unpack_from("!I", data)[0] + HASH
        out.append(data[:n])
        data = data[n:]
    return out


def test_verify_is_sound_and_says_what_is_not_anchored(made):
    where, heads = made
    said = verify(where)
    assert said["sound"] and not said["anchored"] and len(said["runs"]) == 3
    assert "--head" in pgveil(where, "verify").stdout.decode()
    for n, head in heads:
        said = verify(where, "--head", head)
        assert said["sound"] and said["anchored"]
        assert "--head" not in pgveil(where, "verify", "--head", head).stdout.decode()
    assert broken(where, "--head", "12" * 32)["fault"] == "head"


def test_verify_knows_whose_seals_they_are(made, tmp_path):
    where, _ = made
    signer = verify(where)["runs"][0]["signer"]
    (tmp_path / "hex").write_text(signer + "\n")
    (tmp_path / "raw").write_bytes(bytes.fromhex(signer))
    der = bytes.fromhex("302a300506032b6570032100") + bytes.fromhex(signer)
    (tmp_path / "pem").write_bytes(subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER"], input=der, stdout=subprocess.PIPE, check=True).stdout)
    for f in ("hex", "raw", "pem"):
        assert verify(where, "--signer", tmp_path / f)["sound"]
    (tmp_path / "other").write_text("00" + signer[2:])
    assert broken(where, "--signer", tmp_path / "other")["fault"] == "signer"
    (tmp_path / "none").write_text("hello")
    assert pgveil(where, "verify", "--signer", tmp_path / "none").returncode == 1


def test_a_flipped_bit_is_found_in_its_record(copy):
    """Anywhere: each record of a file has one flipped, at a random place."""
    where, _ = copy
    rng = random.Random(1)
    path = segments(where, 1)[0]
    whole, at, number = path.read_bytes(), 0, 0
    for number, entry in enumerate(entries(path)):
        for _ in range(3):
            data = bytearray(whole)
            data[at + rng.randrange(len(entry))] ^= 1 << rng.randrange(8)
            path.write_bytes(data)
            said = broken(where)
            assert (said["run"], said["record"], said["file"]) == (1, number, path.name), said
        at += len(entry)
    path.write_bytes(whole)
    assert verify(where)["sound"]


def test_a_removed_record_is_found(copy):
    where, _ = copy
    path = segments(where, 2)[0]
    all_of = entries(path)
    first = int(path.name.split(".")[0], 16)
    for i in range(1, len(all_of)):
        path.write_bytes(b"".join(all_of[:i] + all_of[i + 1:]))
        said = broken(where)
        # The last of a file that is not the last of its run: the next file does not go on there.
        assert said["run"] == 2 and said["record"] == first + i
        assert said["fault"] == ("segment" if i == len(all_of) - 1 else "altered"), said


def test_records_in_another_order_are_found(copy):
    where, _ = copy
    path = segments(where, 2)[0]
    all_of = entries(path)
    first = int(path.name.split(".")[0], 16)
    for i in range(1, len(all_of) - 1):
        path.write_bytes(b"".join(all_of[:i] + [all_of[i + 1], all_of[i]] + all_of[i + 2:]))
        assert broken(where)["record"] == first + i
    path.write_bytes(b"".join(all_of[:1] + all_of[1:3] + all_of[1:]))
    assert broken(where)["record"] == first + 3


def test_a_replaced_segment_is_found(copy, make, tmp_path):
    where, _ = copy
    other = tmp_path / "other"
    sample().write(make, other, segment_max=4000)
    ours = segments(where, 2)
    assert len(ours) > 3
    for path in ours:
        keep = path.read_bytes()
        theirs = other / "00000002" / path.name
        path.write_bytes(theirs.read_bytes())
        said = broken(where)
        # It is another run's as soon as it joins on to nothing; a whole first file only with what comes behind.
        assert said["fault"] in ("segment", "run"), said
        path.write_bytes(ours[0].read_bytes() if path != ours[0] else ours[1].read_bytes())
        assert broken(where)["fault"] in ("altered", "order", "segment", "run")
        path.write_bytes(keep)
    assert verify(where)["sound"]


def test_a_removed_segment_or_run_is_found(copy):
    where, heads = copy
    for run in (1, 2, 3):
        for path in segments(where, run):
            keep = path.read_bytes()
            path.unlink()
            said = verify(where, "--head", heads[-1][1])
            # Only the oldest may be missing, as retention takes them.
            oldest = run == 1 and path.name == "%016x.pgveil" % 0 and len(segments(where, 1)) > 0
            assert said["sound"] == oldest, (run, path.name, said)
            path.write_bytes(keep)
    shutil.move(where / "00000002", where / "gone")
    said = broken(where)
    assert said["fault"] == "run" and "run 2 is missing" in said["text"]
    (where / "00000002").mkdir()
    assert broken(where)["fault"] == "run"
    (where / "00000002").rmdir()
    shutil.move(where / "gone", where / "00000002")
    shutil.move(where / "00000003", where / "gone")
    assert verify(where)["sound"]
    assert broken(where, "--head", heads[-1][1])["fault"] == "head"


def test_a_cut_end_is_found_with_the_head(copy):
    where, heads = copy
    path = segments(where, 3)[-1]
    all_of = entries(path)
    # Closing sealed once more behind the head.
    for keep in range(1, len(all_of)):
        path.write_bytes(b"".join(all_of[:keep]))
        assert verify(where)["sound"]
        said = verify(where, "--head", heads[-1][1])
        assert said["sound"] == (keep == len(all_of) - 1), keep
        if not said["sound"]:
            assert said["broken"]["fault"] == "head"
    path.write_bytes(b"".join(all_of)[:-1])
    said = verify(where)
    assert said["sound"] and said["runs"][-1]["torn"] > 0
    # Of a run that a later one names no head is needed.
    path = segments(where, 2)[-1]
    all_of = entries(path)
    path.write_bytes(b"".join(all_of[:-1]))
    assert broken(where)["fault"] == "run"


def test_what_is_not_as_it_was_written_is_not_listed_and_not_shown(copy):
    where, _ = copy
    path = segments(where, 2)[1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    p = pgveil(where, "ls", "--json")
    assert b"run 2: record" in p.stderr
    assert [json.loads(l)["id"] for l in p.stdout.splitlines()] == ["3-1", "2-1", "1-2", "1-1"]
    p = pgveil(where, "show", "2-1")
    assert p.returncode == 1 and b"SELECT 0" in p.stdout and b"SELECT 59" not in p.stdout and b"is not what was written" in p.stderr


def test_a_recording_that_was_written_anew_is_said(copy, make, tmp_path):
    """Somebody with the signing key writes another chain: what was indexed before is not there any more."""
    where, _ = copy
    assert len(ids(where)) == 5
    r = sample()
    other = tmp_path / "other"
    r.write(make, other, segment_max=4000)
    shutil.rmtree(where / "00000003")
    shutil.copytree(other / "00000003", where / "00000003")
    p = pgveil(where, "ls", "--json")
    assert b"run 3: it is not what it was when it was indexed" in p.stderr
    assert pgveil(where, "ls", "--json").stderr == b""


def test_enciphered(make, tmp_path):
    key, wrong = tmp_path / "key", tmp_path / "wrong"
    for f, c in ((key, "0123456789abcdef"), (wrong, "fedcba9876543210")):
        f.write_text(c * 4)
        f.chmod(0o600)
    where = tmp_path / "r"
    heads = sample().write(make, where, segment_max=4000, key=key)
    assert b"SELECT" not in b"".join(p.read_bytes() for p in where.rglob("*.pgveil"))
    assert verify(where, "--head", heads[-1][1])["sound"]
    assert verify(where, "--key", key)["sound"]
    assert broken(where, "--key", wrong)["fault"] == "key"
    p = pgveil(where, "ls")
    assert p.returncode == 1 and b"--key" in p.stderr
    assert len(ids(where, "--key", key)) == 5
    assert b"SELECT id, email" in pgveil(where, "show", "1-1", "--key", key).stdout
    p = pgveil(where, "show", "1-1")
    assert p.returncode == 1 and b"--key" in p.stderr and b"SELECT" not in p.stdout
    assert b"SELECT" not in (where / "index.sqlite").read_bytes()


def test_who_may_not_write_there_reads(copy):
    """Evidence that was put on a medium that cannot be written."""
    where, _ = copy
    p = subprocess.run(["unshare", "-m", "sh", "-c", "mount --bind %s %s && mount -o remount,bind,ro %s && exec %s sessions ls --json --recordings %s" %
                        (where, where, where, PGVEIL, where)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert p.returncode == 0, p.stderr
    assert len(p.stdout.splitlines()) == 5 and not (where / "index.sqlite").exists()


def test_empty_and_missing(tmp_path):
    (tmp_path / "r").mkdir()
    assert ids(tmp_path / "r") == []
    assert verify(tmp_path / "r")["sound"]
    assert pgveil(tmp_path / "none", "ls").returncode == 1
    assert pgveil(tmp_path / "none", "verify").returncode == 1
