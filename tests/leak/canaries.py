# SPDX-License-Identifier: MIT
"""Finds the values of data.sql's masked columns in what a client received, in whatever form: plain, reversed, in other letters' case,
hexadecimal, base64, percent-escaped, as numbers (text, binary, character codes), and in parts over columns and rows."""

import base64
import bisect
import binascii
import datetime
import functools
import re
import pathlib
import struct
import sys
import unicodedata

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import wire  # noqa: E402

# Words that stand in masked values and nowhere else.
WORDS = ["617283", "quorvex", "6135551", "6135552", "49291173", "ostrichlane", "gannetroad", "zulqip", "zebrafinch", "kestrel",
         "narwhalkey", "pangolin", "axolotl", "ibexattr", "okapixml", "tapirlex", "wombat", "mandrill", "dugonghs", "lorikeet", "numbat",
         "hoatzinkey", "auditbird", "kindbird", "notebird", "basebird", "bodybird", "extrabird", "onebird", "samebird", "typedbird",
         "mixedbird", "blindbird", "blindkey", "unibird", "quotebird", "keybird", "deadbeefcafef00d0badf00d", "c0ffee11dead4bad", "beefcafe1dea4bad", "02deadbeef",
         "19851771", "19851772", "10101111000011011", "7532days", "7533days", "7534days", "regionbird", "411111111111", "617283010", "6172830"]
# Numbers, as ranges.
NUMBERS = sorted([(827374, 829400), (1975318700, 1975318900), (519384720617384900, 519384720617385000), (27190, 27215), (314159.9, 314170),
           (66261.5, 66280), (480100, 481300), (975311, 975312), (864202, 864210), (753191, 753200), (642087, 642088), (481517, 481518), (31338, 31340), (27183.2, 27189),
           (1357924680, 1357924690), (480011, 480026)])
DATES = {datetime.date(1987, 3, 29)} | {datetime.date(1931, 8, d) for d in range(18, 25)} | {*(datetime.date(1954, 11, d) for d in range(1, 5))} | {datetime.date(1961, 12, d) for d in range(5, 13)}
_EPOCH = datetime.date(2000, 1, 1)
DATE_WORDS = [d.strftime(f) for d in DATES for f in ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%Y%m%d")]
YEARS = [y.encode()[::way] for y in sorted({str(d.year) for d in DATES}) for way in (1, -1)]


def _spelt(words):
    return {w.encode()[::way]: w for w in words for way in (1, -1)}


SPELT, SPELT_DATES = _spelt(WORDS), _spelt(DATE_WORDS)
NO_BIT = bytes(i for i in range(256) if i not in b"01")
URL_SAFE = bytes.maketrans(b"-_", b"+/")
PRINTED = bytes(range(32, 127))
NO_WORD = bytes(i for i in range(256) if not (48 <= i < 58 or 65 <= i < 91 or 97 <= i < 123))


def number(n):
    at = bisect.bisect_right(NUMBERS, (n, float("inf"))) - 1
    return at >= 0 and n <= NUMBERS[at][1]


def _whole(runs, size, gap):
    """Runs whose lengths are multiples of size, for one call to decode; what stands between them holds nothing."""
    return gap.join(r[:len(r) // size * size] for r in runs)


def _decoded(data):
    """What hexadecimal, base64, escapes and character codes in it stand for."""
    runs = set(re.findall(rb"[0-9a-fA-F]{8,}", data))
    for start in (0, 1):
        yield binascii.unhexlify(_whole([r[start:] for r in runs], 2, b"00"))
    runs = set(re.findall(rb"[A-Za-z0-9+/]{8,}", data.replace(b"\\n", b"").replace(b"\n", b"").translate(URL_SAFE)))
    for start in range(4):
        yield base64.b64decode(_whole([r[start:] for r in runs], 4, b"AAAA"))
    if b"%" in data:
        yield re.sub(rb"%([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), data)
    if b"\\" in data:
        yield re.sub(rb"\\\\?([0-7]{3})", lambda m: bytes([int(m[1], 8) & 255]), data)
        yield re.sub(rb"\\\\?u00([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), data)
    if b"&#" in data:
        yield re.sub(rb"&#(x?)([0-9a-fA-F]+);", lambda m: bytes([int(m[2], 16 if m[1] else 10) & 255]), data)
    codes = [int(x) for x in re.findall(rb"(?<!\d)\d{2,3}(?!\d)", data)]
    if len(codes) >= 5:
        yield bytes(c for c in codes if 32 <= c < 127)
    bits = data.translate(None, NO_BIT) if len(data) >= 40 else b""
    for start in range(8 if len(bits) * 3 > len(data) else 0):
        text = bits[start:]
        yield bytes(int(text[i:i + 8], 2) for i in range(0, len(text) - 7, 8))
        yield bytes(int(text[i:i + 8][::-1], 2) for i in range(0, len(text) - 7, 8))


def _search(streams, out):
    """Words, with and without what is no letter or digit, in both directions."""
    low = b"\0".join(streams).lower() + b"\0" + b"\0".join(s.translate(None, NO_WORD) for s in streams).lower()
    out.update(word for spelt, word in SPELT.items() if spelt in low)
    if any(y in low for y in YEARS):
        out.update(SPELT_DATES[d] for d in SPELT_DATES.keys() & set(re.findall(rb"(?=(\d{8}|\d{4}[-/.]\d\d[-/.]\d\d|\d\d[-/.]\d\d[-/.]\d{4}))", low)))


def _numbers(streams, out):
    data = b"\0".join(streams)
    for m in set(re.findall(rb"\d{4,}(?:\.\d+)?(?:[eE][+-]?\d+)?|\d+(?:\.\d+)?[eE][+-]?\d+", data)):
        try:
            n = float(m) if len(m) < 16 else int(m.split(b".")[0])
        except ValueError:
            continue
        if number(abs(n)):
            out.add(m.decode())
    for m in set(re.findall(rb"\$?(\d{1,3}(?:,\d{3})+(?:\.\d+)?)", data)):
        if number(float(m.replace(b",", b""))):
            out.add(m.decode())


def _binary(cell, out):
    """Numbers and days in a cell of binary format; in those of arrays and rows at any place."""
    if not 2 <= len(cell) <= 4096 or not cell.translate(None, PRINTED):
        return
    for at in range(len(cell) - 1) if len(cell) > 8 else (0,):
        part = cell[at:]
        if len(cell) == 2:
            found = [struct.unpack("!h", part)[0]]
        else:
            found = [struct.unpack_from("!i", part)[0]] if len(part) >= 4 else []
            found += [struct.unpack_from("!q", part)[0], struct.unpack_from("!d", part)[0]] if len(part) >= 8 else []
            found += [struct.unpack_from("!f", part)[0]] if len(cell) == 4 else []
        for n in found:
            if n == n and (number(abs(n)) or len(cell) == 8 and number(abs(n) / 100) and isinstance(n, int)):
                out.add(repr(n))
            if isinstance(n, int) and -36525 < n < 0 and _EPOCH + datetime.timedelta(n) in DATES:
                out.add(str(_EPOCH + datetime.timedelta(n)))
    if len(cell) == 8 and abs(struct.unpack("!q", cell)[0]) < 10 ** 15:
        day = _EPOCH + datetime.timedelta(days=struct.unpack("!q", cell)[0] // 86400000000)
        if day in DATES:
            out.add(str(day))
    if len(cell) >= 10 and (len(cell) - 8) % 2 == 0:
        ndigits, weight, sign, _ = struct.unpack_from("!hhHH", cell)
        if ndigits * 2 + 8 == len(cell) and 0 < ndigits < 20 and sign in (0, 0x4000):
            n = sum(d * 10000.0 ** (weight - i) for i, d in enumerate(struct.unpack_from("!%dh" % ndigits, cell, 8)))
            if number(n):
                out.add(repr(n))


def _parts(rows):
    """Rows and columns put together again."""
    table = [[c or b"" for c in r] for r in rows]
    for r in table:
        if len(r) > 1:
            yield b"".join(r)
            yield b"".join(r[::-1])
    for column in zip(*table) if len({len(r) for r in table}) == 1 and len(table) > 1 else ():
        yield b"".join(column)
        yield b"".join(column[::-1])
        for small in ([struct.unpack("!i", c)[0] for c in column if len(c) == 4], [int(c) for c in column if c.isdigit() and len(c) < 5]):
            text = bytes(n for n in small if 32 <= n < 127)
            if len(text) >= 5:
                yield text
                yield text[::-1]
    flat = [c for r in table for c in r]
    if len(flat) > 1:
        yield b"".join(flat)


@functools.lru_cache(maxsize=64)
def found(messages, own=b""):
    """The canaries in messages ((type, body), …), but for those that the statement itself says."""
    out, said = set(), set()
    bodies = [b for k, b in messages]
    streams = list(bodies)
    rows, tables = [], []
    for k, b in messages:
        if k == "D":
            rows.append(wire.cells(b))
        elif k == "d":
            rows.append(re.split(rb"[\t,|\n]", b))
        elif rows:
            tables.append(rows)
            rows = []
    for t in tables + [rows]:
        streams += _parts(t)
        for r in t:
            for c in r:
                if c is not None:
                    _binary(c, out)
    copied = b"".join(b for k, b in messages if k == "d")
    if copied:
        streams.append(copied)
    for s in [s for s in streams if not s.isascii()]:
        streams.append(unicodedata.normalize("NFKC", s.decode(errors="ignore")).encode())
    streams += [d for s in set(streams) for d in _decoded(s)]
    _search(streams, out)
    _numbers(streams, out)
    if out and own:
        said_streams = [own, *_decoded(own)]
        _search(said_streams, said)
        _numbers(said_streams, said)
    return sorted(out - said)
