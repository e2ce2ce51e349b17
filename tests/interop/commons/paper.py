"""The paper key: 40 bytes as twenty words (SPEC 2.3)."""

from __future__ import annotations

import re

from .hashes import PAPER, H
from .refuse import Refuse

CONSONANTS = "bdfghjklmnprstvz"
VOWELS = "aiou"
VERSION = 1

_FORGIVEN = re.compile(r"[\s\-\u2010-\u2015\u2212]+")


def _word(number: int) -> str:
    return (
        CONSONANTS[number >> 12]
        + VOWELS[number >> 10 & 3]
        + CONSONANTS[number >> 6 & 15]
        + VOWELS[number >> 4 & 3]
        + CONSONANTS[number & 15]
    )


def _number(word: str) -> int:
    number = 0
    for place, letter in enumerate(word):
        letters = VOWELS if place % 2 else CONSONANTS
        if letter not in letters:
            raise Refuse(f"no such word: {word}")
        number = number << (2 if place % 2 else 4) | letters.index(letter)
    return number


def encode(number: int, seed: bytes) -> str:
    """The words for the seed of the key that will sign succession number."""
    if not 1 <= number <= 65535:
        raise Refuse("no number of a succession")
    return words(VERSION.to_bytes(2, "big") + number.to_bytes(2, "big") + seed)


def words(head: bytes) -> str:
    """The words for version, number and seed, whatever they are, and their checksum."""
    data = head + H(PAPER, head)[:4]
    return " ".join(_word(int.from_bytes(data[i : i + 2], "big")) for i in range(0, 40, 2))


def decode(text: str) -> tuple[int, bytes]:
    """Number and seed of what was written down; forgives case, spaces and dashes."""
    letters = _FORGIVEN.sub("", text)
    if len(letters) != 100 or not letters.isascii():
        raise Refuse("not twenty words of five letters")
    letters = letters.lower()
    numbers = [_number(letters[i : i + 5]) for i in range(0, 100, 5)]
    data = b"".join(n.to_bytes(2, "big") for n in numbers)
    if H(PAPER, data[:36])[:4] != data[36:]:
        raise Refuse("a word is wrong")
    if int.from_bytes(data[:2], "big") != VERSION:
        raise Refuse("a paper key of a later version")
    if data[2:4] == bytes(2):
        raise Refuse("no number of a succession")
    return int.from_bytes(data[2:4], "big"), data[4:36]
