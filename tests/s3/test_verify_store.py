# SPDX-License-Identifier: MIT
"""`pgveil sessions verify --from`: a store's recordings proved in one step, and nothing of them left behind. Whoever may write to the store takes
objects away, changes, doubles and exchanges them."""

import hashlib
import json
import os
import shutil
import signal
import subprocess

import pytest

from driver import PGVEIL, Driver, until
from store import Error, Object, Store
from test_ship import NAME, all_there, verify


@pytest.fixture
def place(tmp_path):
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def command(s3, place, *args, url="s3://evidence/prod/x"):
    return ([PGVEIL, "sessions", "verify", "--from", url, "--endpoint", s3.url, "--region", s3.region, "--credentials", place.parent / "credentials", *args],
            {**os.environ, "TMPDIR": str(place)})


def from_store(s3, place, *args, **how):
    """→ status, what it says as JSON (None: nothing), and what it complained of."""
    argv, env = command(s3, place, *args, **how)
    said = subprocess.run([*argv, "--json"], env=env, capture_output=True, text=True, timeout=120)
    assert list(place.iterdir()) == [], "something is left"
    return said.returncode, json.loads(said.stdout) if said.stdout else None, said.stderr


def in_words(s3, place, *args):
    argv, env = command(s3, place, *args)
    said = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)
    return said.returncode, said.stdout


@pytest.fixture(scope="module")
def recorded(program, tmp_path_factory):
    """Three runs, two of some files each, and what a store has of them."""
    at = tmp_path_factory.mktemp("recorded")
    with Store() as s:
        s.credentials(at / "credentials")
        d = Driver(program, at, "s3://evidence/prod/x", s.url, at / "credentials").start()
        for _ in range(2):
            d.put(2500, 1000)
            assert d.end() == 0
            d.start()
        d.put(10, 100)
        assert d.end() == 0
        all_there(d, s)
        return d, verify(d.state / "recordings")[1], dict(s.objects["evidence"])


@pytest.fixture
def evidence(recorded, s3, place):
    """→ what verify says of the recording where it was made."""
    s3.credentials(place.parent / "credentials")
    s3.objects["evidence"].update({k: Object(o.data, o.etag, o.checksum) for k, o in recorded[2].items()})
    return recorded[1]


def keys(s3):
    return sorted(k for k in s3.objects["evidence"] if NAME.fullmatch(k))


def renamed(key, data):
    """As somebody would who knows how names are made."""
    return "%s-%s.pgveil" % (key[:key.rindex("-")], hashlib.sha256(data).hexdigest())


def test_sound(evidence, s3, place):
    head = evidence["runs"][-1]["head"]
    s3.page = 3
    status, said, errors = from_store(s3, place)
    assert status == 0 and said["sound"] and errors == ""
    (one,) = said["recordings"]
    assert one.pop("altered") == [] and one.pop("recording").startswith("node-a/")
    assert one == evidence, "word for word what it says where it was made"
    status, words = in_words(s3, place)
    assert status == 0 and "1 recordings, all sound" in words and "--head" in words
    # With what was noted down elsewhere; and of a node, or a recording, by its name.
    (key,) = [k for k in s3.objects["evidence"] if k.endswith("seal.pub")]
    signer = place.parent / "seal.pub"
    signer.write_bytes(s3.objects["evidence"][key].data)
    for how in ({"url": "s3://evidence/prod/x/node-a"}, {"url": "s3://evidence/" + key.rsplit("/", 1)[0]}):
        status, said, _ = from_store(s3, place, "--head", head, "--signer", signer, **how)
        assert status == 0 and said["recordings"][0]["anchored"]
    assert from_store(s3, place, "--node", "node-a")[0] == 0
    status, said, _ = from_store(s3, place, "--head", "a" * 64)
    assert status == 1 and said["recordings"][0]["broken"]["fault"] == "head"
    signer.write_bytes(b"x" * 32)
    status, said, _ = from_store(s3, place, "--signer", signer)
    assert status == 1 and said["recordings"][0]["broken"]["fault"] == "signer"


def change(o):
    at = len(o.data) // 2
    o.data = o.data[:at] + bytes([o.data[at] ^ 1]) + o.data[at + 1:]


def gone(objects, all_keys, i):
    del objects[all_keys[i]]


def flipped(objects, all_keys, i):
    change(objects[all_keys[i]])


def replaced(objects, all_keys, i):
    """By one whose name is right, and whose content somebody made."""
    o = objects.pop(all_keys[i])
    change(o)
    objects[renamed(all_keys[i], o.data)] = o


def cut(objects, all_keys, i):
    o = objects.pop(all_keys[i])
    o.data = o.data[:len(o.data) // 2]
    objects[renamed(all_keys[i], o.data)] = o


def exchanged(objects, all_keys, i):
    objects[all_keys[i]], objects[all_keys[i + 1]] = objects[all_keys[i + 1]], objects[all_keys[i]]


def moved(objects, all_keys, i):
    """Another file of the same recording under its number."""
    o = objects.pop(all_keys[i])
    other = objects[all_keys[i + 1]]
    objects[renamed(all_keys[i], other.data)] = Object(other.data, o.etag, None)


def doubled(objects, all_keys, i):
    """One that somebody made beside it."""
    o = objects[all_keys[i]]
    data = o.data[:-1]
    objects[renamed(all_keys[i], data)] = Object(data, o.etag, None)


@pytest.mark.parametrize("what, altered", [(gone, 0), (flipped, 1), (replaced, 0), (cut, 0), (exchanged, 2), (moved, 0), (doubled, 1)])
def test_in_the_middle(evidence, s3, place, what, altered):
    all_keys = keys(s3)
    what(s3.objects["evidence"], all_keys, 1)
    new = set(keys(s3)) - set(all_keys)
    status, said, errors = from_store(s3, place)
    (one,) = said["recordings"]
    assert status == 1 and not said["sound"] and not one["sound"] and errors == ""
    wrong = [max(new | {all_keys[1]})] if what is doubled else all_keys[1:1 + altered]
    assert [a["object"] for a in one["altered"]] == wrong
    assert what is doubled or one["broken"]["run"] == 1
    if what in (gone, flipped, replaced, cut, moved):
        assert one["broken"]["file"][:16] in [NAME.fullmatch(k)[2] for k in all_keys[1:3]], one["broken"]
    status, words = in_words(s3, place)
    assert status == 1 and "NOT all sound" in words and all("ALTERED: " + k in words for k in wrong) and (what is doubled or "BROKEN" in words)


def test_the_end(evidence, s3, place):
    """Of the last run what is missing is seen by a hash; of one before by the run after it."""
    head = evidence["runs"][-1]["head"]
    objects, all_keys = dict(s3.objects["evidence"]), keys(s3)
    del s3.objects["evidence"][all_keys[-1]]
    status, words = in_words(s3, place)
    assert status == 0 and "not anchored" in words
    status, said, _ = from_store(s3, place, "--head", head)
    assert status == 1 and said["recordings"][0]["broken"]["fault"] in ("head", "run")
    s3.objects["evidence"].update(objects)
    last = [k for k in all_keys if "/00000001/" in k][-1]
    del s3.objects["evidence"][last]
    status, said, _ = from_store(s3, place)
    assert status == 1 and said["recordings"][0]["broken"]["fault"] == "run"
    # What is there and is not what it was counts, even where its absence would not.
    s3.objects["evidence"].update(objects)
    s3.objects["evidence"][all_keys[-1]] = Object(b"x", "0" * 32, None)
    status, said, _ = from_store(s3, place)
    assert status == 1 and not said["recordings"][0]["sound"] and [a["object"] for a in said["recordings"][0]["altered"]] == [all_keys[-1]]


def test_several_recordings(ship, s3, place):
    for node in ("node-a", "node-b"):
        d = ship(node, node=node).start()
        d.put(100, 1000)
        assert d.end() == 0
    status, said, _ = from_store(s3, place)
    assert status == 0 and [r["recording"][:7] for r in said["recordings"]] == ["node-a/", "node-b/"]
    head = verify(d.state / "recordings")[1]["runs"][-1]["head"]
    status, said, errors = from_store(s3, place, "--head", head)
    assert status == 1 and said is None and "are of one" in errors
    assert from_store(s3, place, "--head", head, "--node", "node-b")[0] == 0 and from_store(s3, place, "--head", head, "--node", "node-a")[0] == 1
    change(s3.objects["evidence"][[k for k in s3.objects["evidence"] if "/node-a/" in k and k.endswith(".pgveil")][0]])
    status, said, _ = from_store(s3, place)
    assert status == 1 and [r["sound"] for r in said["recordings"]] == [False, True]
    assert from_store(s3, place, "--node", "node-b")[0] == 0


@pytest.mark.parametrize("args, status, says", [
    (["--recordings", "/var/lib"], 2, "usage"), (["--output", "/tmp"], 2, "usage"), (["--node", "../x"], 1, "no name of a node"), (["--node", "a/b"], 1, "no name of a node"),
    (["--node", "nobody"], 1, "no recording below it"), (["--file-max", "0KiB"], 2, "not understood"), (["--file-max", "1025TiB"], 2, "not understood"),
    (["--file-max", "7"], 2, "not understood"), (["--files-max", "0"], 2, "not understood"), (["--files-max", "-1"], 2, "not understood"),
    (["--files-max", "1KiB"], 2, "not understood")])
def test_refused(evidence, s3, place, args, status, says):
    argv, env = command(s3, place, *args)
    p = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)
    assert p.returncode == status and says in p.stderr and list(place.iterdir()) == []


def test_what_goes_together():
    for args, says in ((["--node", "x"], "usage"), (["--endpoint", "https://x"], "usage"), (["--from", "s3://evidence/prod"], "--endpoint")):
        p = subprocess.run([PGVEIL, "sessions", "verify", *args], capture_output=True, text=True, timeout=60)
        assert p.returncode == 2 and says in p.stderr


def test_an_empty_store_is_no_sound_one(s3, place):
    s3.credentials(place.parent / "credentials")
    status, said, errors = from_store(s3, place)
    assert status == 1 and said is None and "no recording" in errors
    # Nor names that lead elsewhere.
    for key in ("prod/x/../../evil/00000001/%016x-%s.pgveil" % (1, "a" * 64), "prod/x//etc/00000001/%016x-%s.pgveil" % (1, "a" * 64)):
        s3.objects["evidence"][key] = Object(b"x", "0" * 32, None)
    assert from_store(s3, place)[0] == 1


def test_a_store_that_fails_is_no_verdict(evidence, s3, place):
    def fault(op, key, args):
        return Error(403, "AccessDenied") if op == "get" and key and key == keys(s3)[2] else None
    s3.fault = fault
    status, said, errors = from_store(s3, place)
    assert status == 1 and said is None and errors
    s3.stop()
    status, said, errors = from_store(s3, place)
    assert status == 1 and said is None and errors
    s3.start()


class Claimed(bytes):
    """A store says that an object is as long as it likes."""

    size = 1 << 30

    def __len__(self):
        return self.size


def test_an_object_is_longer_than_a_file_can_be(evidence, s3, place):
    """It is not fetched; what there is besides is proved."""
    key = keys(s3)[1]
    s3.objects["evidence"][key].data = data = Claimed(s3.objects["evidence"][key].data)
    for data.size, args in (((1 << 30) + 1, []), ((64 << 20) + 1, ["--file-max", "64MiB"]), ((1 << 63) - 1, ["--file-max", "1024TiB"])):
        status, said, errors = from_store(s3, place, *args)
        (one,) = said["recordings"]
        assert status == 1 and not one["sound"] and errors == ""
        assert [a["object"] for a in one["altered"]] == [key] and "longer than a file" in one["altered"][0]["text"]
    assert ("get", key) not in s3.asked
    (signer,) = [k for k in s3.objects["evidence"] if k.endswith("seal.pub")]
    s3.objects["evidence"][signer].data = Claimed(s3.objects["evidence"][signer].data)
    assert [a["text"] for a in from_store(s3, place)[1]["recordings"][0]["altered"] if a["object"] == signer] == ["no key is so long"]


def test_there_is_no_room_for_what_a_store_has(evidence, s3, place):
    """As much as it says that it is: nobody looks how far one would come."""
    key = keys(s3)[1]
    s3.objects["evidence"][key].data = data = Claimed(s3.objects["evidence"][key].data)
    data.size = 1 << 50
    status, said, errors = from_store(s3, place, "--file-max", "1024TiB")
    assert status == 1 and said is None and "no room" in errors and key in errors and ("get", key) not in s3.asked


def test_more_altered_objects_than_are_named(evidence, s3, place):
    there = keys(s3)
    data = Claimed(b"x")
    data.size = 1 << 40
    for i in range(1003):
        s3.objects["evidence"]["%s/%016x-%s.pgveil" % (there[0].rsplit("/", 1)[0], 1 << 40 | i, "a" * 64)] = Object(data, "0" * 32, None)
    status, said, _ = from_store(s3, place)
    (one,) = said["recordings"]
    assert status == 1 and len(one["altered"]) == 1000 and one["altered_more"] == 3 and not one["sound"]
    assert "ALTERED: 3 more" in in_words(s3, place)[1]


def test_altered_objects_of_many_recordings(s3, place):
    """They are named up to one number for all; a recording of which none is named any more is no sound one."""
    s3.credentials(place.parent / "credentials")
    data = Claimed(b"x")
    data.size = 1 << 40
    for node, n in (("a", 700), ("b", 600), ("c", 5)):
        for i in range(n):
            s3.objects["evidence"]["prod/x/node-%s/00000001/%016x-%s.pgveil" % (node, i, "a" * 64)] = Object(data, "0" * 32, None)
    status, said, _ = from_store(s3, place)
    assert status == 1 and [(len(r["altered"]), r.get("altered_more", 0), r["sound"]) for r in said["recordings"]] == [
        (700, 0, False), (300, 300, False), (0, 5, False)]
    words = in_words(s3, place)[1]
    assert words.count("ALTERED: prod/") == 1000 and "ALTERED: 300 more" in words and "ALTERED: 5 more" in words


def test_a_recording_of_which_no_altered_object_is_named(evidence, s3, place):
    """What it is proved to be without them is not all."""
    data = Claimed(b"x")
    data.size = 1 << 40
    sound = keys(s3)[0].rsplit("/", 2)[0]
    for run, n in (("prod/x/a/00000001", 1000), (sound + "/00000001", 1)):
        for i in range(n):
            s3.objects["evidence"]["%s/%016x-%s.pgveil" % (run, 1 << 40 | i, "a" * 64)] = Object(data, "0" * 32, None)
    status, said, _ = from_store(s3, place)
    one = said["recordings"][-1]
    assert status == 1 and "prod/x/" + one["recording"] == sound and "broken" not in one
    assert one["altered"] == [] and one["altered_more"] == 1 and not one["sound"]


@pytest.fixture
def disk(tmp_path):
    """disk(inodes, block, size) → a directory on a small disk of its own."""
    at, image = tmp_path / "disk", tmp_path / "image"
    mounted = []

    def make(inodes, block, size):
        at.mkdir()
        image.write_bytes(b"")
        os.truncate(image, size)
        made = shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if os.geteuid() or not made:
            pytest.skip("needs root and mkfs.ext4")
        subprocess.run([made, "-q", "-F", "-m", "0", "-O", "^has_journal", "-b", str(block), "-N", str(inodes), image], check=True)
        if subprocess.run(["mount", "-o", "loop", image, at]).returncode:
            pytest.skip("no disk can be made of a file here")
        mounted.append(at)
        (at / "place").mkdir()
        return at / "place"
    yield make
    for m in mounted:
        subprocess.run(["umount", m], check=True)


WRONG, RIGHT = "a" * 64, hashlib.sha256(b"x").hexdigest()


@pytest.mark.parametrize("name, digest, inodes, block, size, says", [
    ("%08d/0000000000000000", WRONG, 1000, 1024, 1 << 20, "no room for it"), ("%08d/0000000000000000", WRONG, 600, 4096, 2 << 20, "no room for it"),
    ("00000001/%016x", RIGHT, 1000, 1024, 1 << 20, "no room for it"), ("%08d/0000000000000000", RIGHT, 300, 1024, 2 << 20, "too few inodes"),
    ("%08d/0000000000000000", WRONG, 300, 1024, 2 << 20, "too few inodes"), ("00000001/%016x", RIGHT, 300, 1024, 2 << 20, "too few inodes")])
def test_a_tenth_of_a_disk_is_left(s3, disk, name, digest, inodes, block, size, says):
    """Of its bytes and of its inodes, whatever they go to: files, or directories for files that are not what their names say."""
    place = disk(inodes, block, size)
    s3.credentials(place.parent / "credentials")
    for i in range(900):
        s3.objects["evidence"]["prod/x/" + name % i + "-%s.pgveil" % digest] = Object(b"x", "0" * 32, None)
    before, seen = os.statvfs(place), []

    def fault(op, key, args):
        if op == "get":
            seen.append(os.statvfs(place))
    s3.fault = fault
    status, said, errors = from_store(s3, place)
    assert status == 1 and said is None and says in errors and len(seen) > 100
    assert min(v.f_bavail for v in seen) >= before.f_bavail // 10 and min(v.f_favail for v in seen) >= before.f_favail // 10
    assert os.statvfs(place).f_favail == before.f_favail


def names(n, after):
    return "".join("<Contents><Key>prod/x/%012d</Key><Size>1</Size></Contents>" % (after + i) for i in range(n))


def goes_on(n, token, contents=names):
    """A page of n names that are nobody's, and another one behind it."""
    return contents(n, token) + "<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>" % (token + max(n, 1))


UNREADABLE = ["<Contents>%s</Contents>" % c for c in (
    "", "<Size>1</Size>", "<Key>prod/x/y</Key>", "<Key>%s</Key><Size>1</Size>" % ("k" * 1024), "<Key>prod/x/\u00e9</Key><Size>1</Size>",
    "<Key>prod/x/y</Key><Size>%s</Size>" % ("1" * 24))]


@pytest.mark.parametrize("page, args, says, asked", [
    (lambda token: goes_on(1000, token), ["--files-max", "5000"], "more than 5000 objects", 6),
    (lambda token: names(7000, token), ["--files-max", "5000"], "more than 5000 objects", 1),
    (lambda token: goes_on(0, token), [], "does not go on", 100),
    (lambda token: names(10, 0) + "<IsTruncated>true</IsTruncated><NextContinuationToken>7</NextContinuationToken>", [], "does not go on", 2),
    (lambda token: goes_on(60000, token), [], "too long", 1),
    *((lambda token, c=c: goes_on(2, token, lambda n, after: n * c), ["--files-max", "5"], "more than 5 objects", 3) for c in UNREADABLE)])
def test_a_list_without_an_end(evidence, s3, place, page, args, says, asked):
    s3.asked.clear()
    s3.lists = lambda a: page(int(a.get("continuation-token", 0)))
    status, said, errors = from_store(s3, place, *args)
    assert status == 1 and said is None and says in errors
    assert [op for op, _ in s3.asked] == ["list"] * asked


def test_names_of_others_that_cannot_be_read(evidence, s3, place):
    """They count, and are nobody's."""
    n = len(s3.objects["evidence"])
    s3.objects["evidence"]["prod/x/\u00e9"] = Object(b"x", "0" * 32, None)
    s3.objects["evidence"]["prod/x/" + "k" * 1100] = Object(b"x", "0" * 32, None)
    assert from_store(s3, place, "--files-max", str(n + 2))[1]["sound"]
    assert "more than %d objects" % (n + 1) in from_store(s3, place, "--files-max", str(n + 1))[2]


def test_as_many_as_are_looked_at(evidence, s3, place):
    n = len(s3.objects["evidence"])
    s3.page = 3
    assert from_store(s3, place, "--files-max", str(n))[1]["sound"]
    status, said, errors = from_store(s3, place, "--files-max", str(n - 1))
    assert status == 1 and said is None and "more than %d objects" % (n - 1) in errors


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_in_the_middle(evidence, s3, place, sig):
    """What was brought is not there for anybody else while it is, and goes with it."""
    gate = []

    def fault(op, key, args):
        if key == keys(s3)[3] and not gate:
            gate.append(1)
            until(lambda: len(gate) > 1)
        return None
    s3.fault = fault
    argv, env = command(s3, place)
    # Who runs the tests in the background has them ignore some.
    p = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(sig, signal.SIG_DFL))
    until(lambda: gate and list(place.rglob("*.pgveil")))
    (top,) = place.iterdir()
    assert {oct(f.stat().st_mode & 0o77) for f in place.rglob("*")} == {"0o0"} and top.name.startswith("pgveil-verify-")
    p.send_signal(sig)
    try:
        _, errors = p.communicate(timeout=60)
    finally:
        gate.append(2)
    assert p.returncode == 128 + sig and b"ended by a signal" in errors
    assert list(place.iterdir()) == []
