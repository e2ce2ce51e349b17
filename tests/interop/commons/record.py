"""Records: body, id, object, and the packed form (SPEC 2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Optional

from . import canonical, zstdframe
from .checks import array, is_bin, is_uint, need
from .hashes import OBJECT, RECORD, SIGN_RECORD, H, public_key, sign, verify

MAX_BODY = 262144
MAX_PACKED = 263168
MAX_PARENTS = 32
CONTROL, CONTENT = 0, 1
# Of the codecs that compress.
DICTIONARIES = {1: None, 2: zstdframe.DICTIONARY}
COMMONS = bytes(32)
LOCAL = b"\xff" * 32

_KIND = re.compile("[a-z][a-z0-9-]{0,23}")


@dataclass(frozen=True)
class Body:
    """The twelve fields of a body of version 1, without the version."""

    set: int
    scope: bytes
    org: bytes
    key: bytes
    kind: str
    made: int
    salt: bytes
    seed: bytes
    teller: Optional[bytes]
    parents: tuple[bytes, ...]
    content: dict[str, Any]

    def encode(self) -> bytes:
        return canonical.encode(
            [1, self.set, self.scope, self.org, self.key, self.kind, self.made, self.salt,
             self.seed, self.teller, list(self.parents), self.content]
        )  # fmt: skip

    @property
    def object(self) -> bytes:
        """Whose object this is a version of."""
        return object_id(self.org, self.seed, self.teller)


@dataclass(frozen=True)
class Record:
    """A valid record, as it was packed."""

    packed: bytes
    codec: int
    body_bytes: bytes
    body: Body
    sig: bytes
    id: bytes

    @property
    def symbol(self) -> bytes:
        return self.id[:16]

    def is_control(self, kind: str) -> bool:
        """Whether it is a control record of this kind: of set 1 it would have no effect."""
        return self.body.set == CONTROL and self.body.kind == kind

    def plain(self) -> bytes:
        """Packed with codec 0, for a peer that does not read the other."""
        return pack(self.body_bytes, self.sig, 0)


@dataclass(frozen=True)
class Later:
    """A record of a later body version: no fault, but only its id is known."""

    packed: bytes
    version: int
    id: bytes

    @property
    def symbol(self) -> bytes:
        return self.id[:16]


def record_id(body: bytes) -> bytes:
    return H(RECORD, body)


def object_id(org: bytes, seed: bytes, teller: Optional[bytes]) -> bytes:
    return H(OBJECT, org, seed, teller if teller is not None else bytes(32))


def parse_body(data: bytes) -> Body:
    """Checks each field of a body of version 1."""
    fields = array(data, 12, "body")
    version, set_, scope, org, key, kind, made, salt, seed, teller, parents, content = fields
    need(is_uint(version) and version == 1, "body: version")
    need(is_uint(set_) and set_ in (CONTROL, CONTENT), "body: set")
    for name, value, size in (
        ("scope", scope, 32), ("org", org, 32), ("key", key, 32), ("salt", salt, 16),
        ("seed", seed, 16),
    ):  # fmt: skip
        need(is_bin(value, size), f"body: {name}")
    need(isinstance(kind, str) and _KIND.fullmatch(kind) is not None, "body: kind")
    need(is_uint(made) and made < 1 << 53, "body: made")
    need(teller is None or is_bin(teller, 32), "body: teller")
    need(isinstance(parents, list) and len(parents) <= MAX_PARENTS, "body: parents")
    need(all(is_bin(p, 32) for p in parents), "body: a parent")
    need(all(a < b for a, b in zip(parents, parents[1:])), "body: parents not ascending")
    need(isinstance(content, dict), "body: content")
    return Body(set_, scope, org, key, kind, made, salt, seed, teller, tuple(parents), content)


def _later_version(data: bytes) -> Optional[int]:
    """The version of a body of a later format, which is an array beginning with it."""
    value = canonical.decode(data)
    if isinstance(value, list) and value and is_uint(value[0]) and value[0] > 1:
        return value[0]
    return None


def pack(body: bytes, sig: bytes, codec: int) -> bytes:
    """The record as it is stored and sent."""
    stored = body if codec == 0 else zstdframe.compress(body, DICTIONARIES[codec])
    packed = canonical.encode([codec, stored, sig])
    need(len(body) <= MAX_BODY and len(packed) <= MAX_PACKED, "record too long")
    return packed


def open_record(packed: bytes) -> Record | Later:
    """Checks all that makes a record valid (SPEC 2.1); refuses what is not."""
    need(len(packed) <= MAX_PACKED, "packed record too long")
    codec, stored, sig = array(packed, 3, "record")
    need(is_uint(codec) and codec in (0, *DICTIONARIES), "record: codec")
    need(isinstance(stored, bytes), "record: body")
    need(is_bin(sig, 64), "record: signature")
    body_bytes = stored
    if codec > 0:
        body_bytes = zstdframe.decompress(stored, MAX_BODY, DICTIONARIES[codec])
    need(len(body_bytes) <= MAX_BODY, "body too long")
    id_ = record_id(body_bytes)
    version = _later_version(body_bytes)
    if version is not None:
        return Later(packed, version, id_)
    body = parse_body(body_bytes)
    need(verify(SIGN_RECORD, body.key, id_, sig), "record: the signature does not verify")
    return Record(packed, codec, body_bytes, body, sig, id_)


def seal(body: Body, key_seed: bytes, codec: int = 0) -> Record:
    """Signs and packs a body; its key must be the one of the seed."""
    assert public_key(key_seed) == body.key
    raw = body.encode()
    parse_body(raw)
    id_ = record_id(raw)
    sig = sign(SIGN_RECORD, key_seed, id_)
    return Record(pack(raw, sig, codec), codec, raw, body, sig, id_)
