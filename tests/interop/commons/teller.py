"""The teller's code, and what can be done with it (SPEC 2.5)."""

from __future__ import annotations

import os
import time

from . import proquint, record
from .hashes import TELLER, TELLER_CODE, H, public_key
from .record import Body, Record
from .refuse import Refuse

VERSION = 1
WORDS = 10


def encode(secret: bytes) -> str:
    """The words that the teller keeps."""
    return words(bytes([VERSION]) + secret)


def words(head: bytes) -> str:
    """The words for version and secret, whatever they are, and their checksum."""
    return proquint.encode(head + H(TELLER_CODE, head)[:3])


def decode(text: str) -> bytes:
    """The secret of what was written down; forgives case, spaces and dashes."""
    data = proquint.decode(text, WORDS)
    if H(TELLER_CODE, data[:17])[:3] != data[17:]:
        raise Refuse("a word is wrong")
    if data[0] != VERSION:
        raise Refuse("a code of a later version")
    return data[1:17]


def key_seed(secret: bytes) -> bytes:
    """The seed of the teller's key."""
    return H(TELLER, secret)


def teller(secret: bytes) -> bytes:
    """What stands in the record."""
    return public_key(key_seed(secret))


def withdraw(secret: bytes, told: Body, slip: bytes) -> Record:
    """The withdrawal of the object of what was told, by whoever holds its code."""
    if told.teller != teller(secret):
        raise Refuse("a code of something else")
    body = Body(
        record.CONTROL, told.scope, told.org, told.teller, "withdrawal",
        time.time_ns() // 1_000_000, os.urandom(16), told.seed, told.teller, (), {"slip": slip},
    )  # fmt: skip
    return record.seal(body, key_seed(secret), 0)
