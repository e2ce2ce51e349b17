"""Bech32m (BIP-350) over whole bytes and of any length (SPEC 2.2, 3.6)."""

from __future__ import annotations

from typing import Iterable

from .refuse import Refuse

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CHECKSUM = 0x2BC830A3
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check


def _expand(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def encode(prefix: str, data: bytes, checksum: int = CHECKSUM) -> str:
    """The text of data; the last group of five bits is filled with zeros."""
    bits = int.from_bytes(data, "big")
    groups = -(-len(data) * 8 // 5)
    bits <<= groups * 5 - len(data) * 8
    values = [bits >> 5 * i & 31 for i in reversed(range(groups))]
    check = _polymod(_expand(prefix) + values + [0] * 6) ^ checksum
    values += [check >> 5 * i & 31 for i in reversed(range(6))]
    return prefix + "1" + "".join(CHARSET[v] for v in values)


def decode(prefix: str, text: str) -> bytes:
    """The bytes of a text with this prefix; all small or all capital letters."""
    # Beyond ASCII there are letters that lower() makes into ones that are used.
    if not text.isascii():
        raise Refuse("a character that is not used")
    if text != text.lower() and text != text.upper():
        raise Refuse("small and capital letters mixed")
    text = text.lower()
    head, separator, tail = text.rpartition("1")
    if not separator or head != prefix:
        raise Refuse(f"does not begin with {prefix}1")
    if len(tail) < 6 or any(c not in CHARSET for c in tail):
        raise Refuse("a character that is not used")
    values = [CHARSET.index(c) for c in tail]
    if _polymod(_expand(prefix) + values) != CHECKSUM:
        raise Refuse("the checksum is wrong")
    values = values[:-6]
    spare = len(values) * 5 % 8
    bits = 0
    for value in values:
        bits = bits << 5 | value
    if spare >= 5 or bits & ((1 << spare) - 1):
        raise Refuse("the padding is wrong")
    return (bits >> spare).to_bytes(len(values) * 5 // 8, "big")
