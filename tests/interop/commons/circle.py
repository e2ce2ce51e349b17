"""Circles: private scopes of organisations that a descriptor lists (SPEC 3.8)."""

from __future__ import annotations

from dataclasses import dataclass

from . import canonical
from .checks import array, is_bin, is_name, need
from .hashes import CIRCLE, SIGN_CIRCLE, H, public_key, sign, verify
from .identity import parse_inception

MAX_CIRCLE = 40960
MAX_MEMBERS = 64


@dataclass(frozen=True)
class Circle:
    name: str
    salt: bytes
    founder: bytes
    inceptions: tuple[bytes, ...]

    def encode(self) -> bytes:
        return canonical.encode([1, self.name, self.salt, self.founder, list(self.inceptions)])

    @property
    def id(self) -> bytes:
        return H(CIRCLE, self.encode())

    def issue(self, key_seed: bytes) -> bytes:
        return issue(self.encode(), key_seed)


def make(name: str, salt: bytes, founder: bytes, inceptions: list[bytes]) -> Circle:
    """With the members in their order."""
    members = sorted(inceptions, key=lambda i: parse_inception(i).org)
    return Circle(name, salt, founder, tuple(members))


def issue(descriptor: bytes, key_seed: bytes) -> bytes:
    """Any bytes for a descriptor, signed as one."""
    sig = sign(SIGN_CIRCLE, key_seed, H(CIRCLE, descriptor))
    return canonical.encode([descriptor, public_key(key_seed), sig])


def open_issued(issued: bytes) -> tuple[Circle, bytes]:
    """The circle, and the key that signed it; whether that is the founder's is not looked at."""
    need(len(issued) <= MAX_CIRCLE, "circle: too long")
    descriptor, key, sig = array(issued, 3, "circle")
    need(isinstance(descriptor, bytes) and is_bin(key, 32) and is_bin(sig, 64), "circle: parts")
    version, name, salt, founder, inceptions = array(descriptor, 5, "descriptor")
    need(version == 1 and is_name(name) and is_bin(salt, 16), "descriptor: fields")
    need(is_bin(founder, 32) and isinstance(inceptions, list), "descriptor: fields")
    need(2 <= len(inceptions) <= MAX_MEMBERS, "descriptor: members")
    need(all(isinstance(inception, bytes) for inception in inceptions), "descriptor: members")
    members = [parse_inception(inception).org for inception in inceptions]
    need(all(a < b for a, b in zip(members, members[1:])), "descriptor: order of members")
    need(founder in members, "descriptor: the founder is no member")
    need(verify(SIGN_CIRCLE, key, H(CIRCLE, descriptor), sig), "circle: signature")
    return Circle(name, salt, founder, tuple(inceptions)), key
