"""The paper key: 40 bytes as twenty words (SPEC 2.3)."""

from __future__ import annotations

from . import proquint
from .hashes import PAPER, H
from .refuse import Refuse

VERSION = 1
WORDS = 20


def encode(number: int, seed: bytes) -> str:
    """The words for the seed of the key that will sign succession number."""
    if not 1 <= number <= 65535:
        raise Refuse("no number of a succession")
    return words(VERSION.to_bytes(2, "big") + number.to_bytes(2, "big") + seed)


def words(head: bytes) -> str:
    """The words for version, number and seed, whatever they are, and their checksum."""
    return proquint.encode(head + H(PAPER, head)[:4])


def decode(text: str) -> tuple[int, bytes]:
    """Number and seed of what was written down; forgives case, spaces and dashes."""
    data = proquint.decode(text, WORDS)
    if H(PAPER, data[:36])[:4] != data[36:]:
        raise Refuse("a word is wrong")
    if int.from_bytes(data[:2], "big") != VERSION:
        raise Refuse("a paper key of a later version")
    if data[2:4] == bytes(2):
        raise Refuse("no number of a succession")
    return int.from_bytes(data[2:4], "big"), data[4:36]
