"""Organisations: inception, id, and the chain of their keys (SPEC 2.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from . import bech32m, canonical
from .checks import array, is_bin, is_name, is_uint, need
from .hashes import NEXT_KEY, ORGANISATION, H
from .record import COMMONS, LOCAL, Record
from .refuse import Refuse

PREFIX = "rp"
MAX_SUCCESSIONS = 32
MAX_SUCCESSION = 1024
MAX_STANDS_BY = 20


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


@dataclass(frozen=True)
class Succession:
    """What a record says that hands an organisation to another key."""

    number: int
    key: bytes
    next: bytes
    stands_by: Optional[frozenset[bytes]]  # of the key before; None: all


def is_meant_as_succession(record: Record) -> bool:
    body = record.body
    number = body.content.get("number")
    return record.is_control("identity") and body.scope == COMMONS and is_uint(number)


def parse_succession(record: Record) -> Succession:
    content = record.body.content
    need(is_meant_as_succession(record), "succession: none")
    need(len(record.body_bytes) <= MAX_SUCCESSION, "succession: too long")
    number, next_ = content["number"], content.get("next")
    key, old = content.get("key", record.body.key), content.get("old", "all")
    need(is_bin(next_, 32), "succession: next")
    need(is_bin(key, 32), "succession: key")
    need(isinstance(old, str) and old in ("all", "listed"), "succession: old")
    if old == "all":
        return Succession(number, key, next_, None)
    ids = content.get("stands_by", [])
    need(isinstance(ids, list) and len(ids) <= MAX_STANDS_BY, "succession: stands_by")
    need(all(is_bin(i, 32) for i in ids), "succession: an id")
    return Succession(number, key, next_, frozenset(ids))


@dataclass
class Chain:
    """An organisation's keys so far, and the digest of the one that may sign what follows."""

    inception: Inception
    keys: list[bytes] = field(init=False)
    next: bytes = field(init=False)
    steps: list[Succession] = field(init=False, default_factory=list)
    ids: list[bytes] = field(init=False, default_factory=list)
    rivals: list[bytes] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.keys = [self.inception.key]
        self.next = self.inception.next

    @property
    def org(self) -> bytes:
        return self.inception.org

    def _read_next(self, record: Record) -> Succession:
        """What the record says, if it may be the next succession."""
        need(len(self.keys) <= MAX_SUCCESSIONS, "succession: too many")
        said = parse_succession(record)
        need(record.body.org == self.org, "succession: of another organisation")
        need(said.number == len(self.keys), "succession: number")
        need(next_digest(record.body.key) == self.next, "succession: not the key committed to")
        need(said.key not in self.keys, "succession: a key of before")
        return said

    def may_follow(self, record: Record) -> bool:
        try:
            self._read_next(record)
        except Refuse:
            return False
        return True

    def follow(self, record: Record) -> None:
        """Takes the next succession, or refuses the record and stays as it is."""
        said = self._read_next(record)
        self.keys.append(said.key)
        self.next = said.next
        self.steps.append(said)
        self.ids.append(record.id)

    def follow_all(self, records: list[Record]) -> None:
        """Follows what there is; of two for one number, neither."""
        while True:
            following = {r.id: r for r in records if self.may_follow(r)}
            if len(following) != 1:
                self.rivals = sorted(following)
                return
            self.follow(*following.values())

    def is_of(self, record: Record) -> bool:
        """Whether the record is the organisation's, by one of its keys (SPEC 2.2)."""
        if is_meant_as_succession(record):
            return record.id in self.ids or record.id in self.rivals
        key = record.body.key
        if key not in self.keys:
            return False
        index = self.keys.index(key)
        if index == len(self.steps) or record.body.scope == LOCAL:
            return True
        stands_by = self.steps[index].stands_by
        return stands_by is None or record.id in stands_by
