"""Organisations: inception, id, and the chain of their keys (SPEC 2.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import bech32m, canonical
from .checks import array, is_bin, is_name, is_uint, need
from .hashes import NEXT_KEY, ORGANISATION, H
from .record import COMMONS, CONTROL, Record

PREFIX = "rp"
MAX_SUCCESSIONS = 32
MAX_SUCCESSION = 1024


def next_digest(key: bytes) -> bytes:
    """What an inception or succession says of the key that may come next."""
    return H(NEXT_KEY, key)


def org_text(org: bytes) -> str:
    return bech32m.encode(PREFIX, org)


def parse_org_text(text: str) -> bytes:
    org = bech32m.decode(PREFIX, text)
    need(len(org) == 32, "organisation: not 32 bytes")
    return org


@dataclass(frozen=True)
class Inception:
    key: bytes
    next: bytes
    name: str

    def encode(self) -> bytes:
        return canonical.encode([1, self.key, self.next, self.name])

    @property
    def org(self) -> bytes:
        return H(ORGANISATION, self.encode())


def parse_inception(data: bytes) -> Inception:
    version, key, next_, name = array(data, 4, "inception")
    need(is_uint(version) and version == 1, "inception: version")
    need(is_bin(key, 32), "inception: key")
    need(is_bin(next_, 32), "inception: next")
    need(is_name(name), "inception: name")
    return Inception(key, next_, name)


@dataclass
class Chain:
    """An organisation's keys so far, and the digest of the one that may follow."""

    inception: Inception
    keys: list[bytes] = field(init=False)
    next: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.keys = [self.inception.key]
        self.next = self.inception.next

    @property
    def org(self) -> bytes:
        return self.inception.org

    def follow(self, record: Record) -> None:
        """Takes the next succession, or refuses the record and stays as it is."""
        body = record.body
        number, next_ = body.content.get("number"), body.content.get("next")
        need(body.set == CONTROL, "succession: set")
        need(body.kind == "identity", "succession: kind")
        need(body.scope == COMMONS, "succession: not of the commons")
        need(len(record.body_bytes) <= MAX_SUCCESSION, "succession: too long")
        need(body.org == self.org, "succession: of another organisation")
        need(len(self.keys) <= MAX_SUCCESSIONS, "succession: too many")
        need(is_uint(number) and number == len(self.keys), "succession: number")
        need(is_bin(next_, 32), "succession: next")
        need(next_digest(body.key) == self.next, "succession: not the key committed to")
        self.keys.append(body.key)
        self.next = next_
