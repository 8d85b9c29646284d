"""Damaging valid files at random and on purpose: every input is a function of a seed and of the valid contents."""

import copy
import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

NUMBERS = (
    *("0", "-0", "-1", "1e400", "-1e400", "1e308", "-1e308", "1e-320", "nan", "-nan", "inf", "-inf", "Infinity", "NaN"),
    *("2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e99999999"),
    *("1e-99999999", "1_000", "0x10", "1,5", "--1", "٣", "²", "", "1" * 400, "9" * 5000, "0" * 300 + "1"),
)
WORDS = (
    *(
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "~",
        "C:\\x",
        "file:///etc/passwd",
        "a/../../b",
        "x" * 300,
        "CON",
        "é",
        "💥",
    ),
    *("\0", "\r", "\n", "\x1b[2J", "\u2028", "\u202e", "\ufeff", "\ud7ff", "[/red]", "%s%n", "{0}", "$HOME", "`id`"),
    *('"', "'", ",", ":", "#", "{", "}", "[", "]", "&a", "*a", "null", "true", "---", "!!python/name:os.system"),
)
_BOMB = "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
_HEAVY = (
    *("[" * 100_000, '{"a":' * 20_000, "(" * 50_000, "- " * 30_000, "7 " * 60_000, "x" * 1_100_000, "\n" * 50_000),
    "a: &a [x]\n" + _BOMB,
)
"""Rare, as they take their time."""
_INTEGERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**9, 2**63, -(2**64), 10**400, 1e308, -1e308, 1e-320, float("nan"), float("inf")),
    *("", "x", "../../x", "/etc/passwd", "\0", "a\nb", "\x1b[2J", "\ud800", "[/red]", "nan", "9" * 5000, "y" * 5000),
    *([], {}, [[]], [None], {"a": {}}, [1, 2, 3], ["x"] * 3, {"": 0}, [0] * 1000),
)
_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
Damage = Callable[[random.Random, bytearray, Sequence[bytes]], bytearray]


def damaged(random: random.Random, contents: Sequence[bytes]) -> bytes:
    """One of the valid contents after one to six changes."""
    content = bytearray(random.choice(contents))
    if random.random() < 0.5 and (changed := _damaged_json(random, bytes(content))) is not None:
        return changed
    if random.random() < 0.5 and (changed := _damaged_member(random, bytes(content))) is not None:
        return changed
    content = _changed(random, content, contents)
    return _with_sums(bytes(content)) if random.random() < 0.6 else bytes(content)


def _changed(random: random.Random, content: bytearray, contents: Sequence[bytes]) -> bytearray:
    kinds = _ANY + _TEXT if _is_text(content) else _ANY + _BINARY
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        content = random.choice(kinds)(random, content, contents)
    return content


def _damaged_member(random: random.Random, content: bytes) -> bytes | None:
    """A whole archive with a damaged file in it, or another name; None if it is no archive."""
    if content[:2] != b"PK":
        return None
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(stream, "w") as after:
        members = before.infolist()
        chosen = random.choice(members)
        for member in members:
            data = before.read(member)
            if member is chosen:
                if random.random() < 0.1:
                    member = zipfile.ZipInfo(random.choice(WORDS[:9]).replace("\0", "0"))
                else:
                    data = bytes(_changed(random, bytearray(data), [data]))
            after.writestr(member, data)
    return stream.getvalue()


def _with_sums(content: bytes) -> bytes:
    """A PNG with right checksums as far as its chunks are whole, so that damage gets past them; others as they are."""
    place = 8
    if content[:place] != b"\x89PNG\r\n\x1a\n":
        return content
    fitted = bytearray(content)
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(content):
            break
        fitted[end : end + 4] = zlib.crc32(content[place + 4 : end]).to_bytes(4)
        place = end + 4
    return bytes(fitted)


def _is_text(content: bytearray) -> bool:
    return b"\0" not in content[:4096] and sum(byte > 126 for byte in content[:512]) < 16


def _flip(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    for _ in range(random.choice((1, 1, 2, 8))):
        if content:
            content[_place(random, content)] ^= 1 << random.randrange(8)
    return content


def _overwrite(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    if content:
        content[_place(random, content)] = random.choice((0, 1, 0x20, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return content


def _delete(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    begin = _place(random, content)
    del content[begin : begin + _length(random, content)]
    return content


def _duplicate(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    begin = _place(random, content)
    part = content[begin : begin + _length(random, content)]
    content[begin:begin] = part * random.choice((1, 1, 2, 20))
    return content


def _splice(random: random.Random, content: bytearray, contents: Sequence[bytes]) -> bytearray:
    other = random.choice(contents)
    return content[: _place(random, content)] + other[_place(random, other) :]


def _truncate(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    return content[: _place(random, content)]


def _insert(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    place = _place(random, content)
    content[place:place] = _token(random)
    return content


def _integer(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    width, place = random.choice((1, 2, 4, 8)), _place(random, content)
    value = random.choice(_INTEGERS) & ((1 << 8 * width) - 1)
    content[place : place + width] = value.to_bytes(width, random.choice(("little", "big")))
    return content


def _zeros(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    place, length = _place(random, content), _length(random, content)
    content[place : place + length] = bytes([random.choice((0, 0xFF))]) * len(content[place : place + length])
    return content


def _number(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    found = list(_NUMBER.finditer(content[:20_000]))
    if found:
        begin, end = random.choice(found).span()
        content[begin:end] = random.choice(NUMBERS).encode()
    return content


def _word(random: random.Random, content: bytearray, _: Sequence[bytes]) -> bytearray:
    found = list(re.finditer(rb"[^\s,;:]+", content[:20_000]))
    if found:
        begin, end = random.choice(found).span()
        content[begin:end] = _token(random)
    return content


def _lines(random: random.Random, content: bytearray, contents: Sequence[bytes]) -> bytearray:
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    place = random.randrange(len(lines))
    kind = random.randrange(4)
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines[place:place] = [lines[place]] * random.choice((1, 2, 100))
    elif kind == 2:
        lines[place:place] = random.choice(contents).splitlines(keepends=True)[:1]
    else:
        other = random.randrange(len(lines))
        lines[place], lines[other] = lines[other], lines[place]
    return bytearray(b"".join(lines))


_ANY: tuple[Damage, ...] = (_flip, _overwrite, _delete, _duplicate, _splice, _truncate, _insert)
_TEXT: tuple[Damage, ...] = (_number, _number, _word, _lines)
_BINARY: tuple[Damage, ...] = (_integer, _integer, _zeros)


def _damaged_json(random: random.Random, content: bytes) -> bytes | None:
    """The same JSON with up to three other values, keys or lengths; None if it is none."""
    if content.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        whole = [json.loads(content)]
    except (ValueError, RecursionError):
        return None
    for _ in range(random.choice((1, 1, 2, 3))):
        holder, key = random.choice(list(_places(whole)))
        kind = random.random()
        if kind < 0.7:
            holder[key] = copy.deepcopy(random.choice(_VALUES))
        elif isinstance(holder, dict) and kind < 0.85:
            value = holder.pop(key)
            if kind < 0.78:
                holder[random.choice(WORDS)] = value
        elif isinstance(holder[key], list):
            holder[key] = holder[key] * random.choice((0, 2, 50))
        else:
            holder[key] = [holder[key]]
        if not whole:
            whole = [None]
    # Unpaired surrogates and numbers of any length are written as they stand.
    return _dumped(whole[0]).encode("utf-8", "surrogatepass")


def _dumped(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**300:
        return "1" + "0" * 400
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_dumped(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(_dumped, value)) + "]" if isinstance(value, list) else json.dumps(value)


def _places(holder: Any) -> list[tuple[Any, Any]]:
    """Every (object or list, key or index) within."""
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    found: list[tuple[Any, Any]] = []
    for key in keys:
        found.append((holder, key))
        if isinstance(holder[key], dict | list):
            found += _places(holder[key])
    return found


def _token(random: random.Random) -> bytes:
    kind = random.random()
    chosen = _HEAVY if kind < 0.03 else NUMBERS if kind < 0.5 else WORDS
    return random.choice(chosen).encode("utf-8", "surrogatepass")


def _place(random: random.Random, content: bytes | bytearray) -> int:
    """Anywhere, but every second time near the start, where headers are."""
    if not content:
        return 0
    return random.randrange(min(len(content), 128) if random.random() < 0.5 else len(content))


def _length(random: random.Random, content: bytearray) -> int:
    return random.choice((1, 2, 4, 16, max(1, len(content) // 8)))
