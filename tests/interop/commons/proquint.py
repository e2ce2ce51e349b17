"""Bytes as words of five letters, for people to copy (SPEC 2.3)."""

from __future__ import annotations

import re

from .refuse import Refuse

CONSONANTS = "bdfghjklmnprstvz"
VOWELS = "aiou"

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


def encode(data: bytes) -> str:
    """The words for an even number of bytes."""
    numbers = (int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    return " ".join(map(_word, numbers))


def decode(text: str, count: int) -> bytes:
    """The bytes of exactly so many words; forgives case, spaces and dashes."""
    letters = _FORGIVEN.sub("", text)
    if len(letters) != 5 * count or not letters.isascii():
        raise Refuse(f"not {count} words of five letters")
    letters = letters.lower()
    numbers = [_number(letters[i : i + 5]) for i in range(0, 5 * count, 5)]
    return b"".join(n.to_bytes(2, "big") for n in numbers)
