"""Invites: one line of text (SPEC 3.6)."""

from __future__ import annotations

from dataclasses import dataclass

from . import bech32m, canonical
from .checks import array, is_bin, is_line, is_uint, need
from .hashes import TOKEN, H

PREFIX = "rpinvite"
MAX_ADDRESSES = 8
MAX_ADDRESS_BYTES = 255


def are_addresses(value: object) -> bool:
    """At most eight lines of 1 to 255 bytes (SPEC 1.3)."""
    return (
        isinstance(value, list)
        and len(value) <= MAX_ADDRESSES
        and all(is_line(a) and 1 <= len(a.encode()) <= MAX_ADDRESS_BYTES for a in value)
    )


def token_name(secret: bytes) -> bytes:
    """The name under which the inviter remembers the invite."""
    return H(TOKEN, secret)


@dataclass(frozen=True)
class Invite:
    org: bytes
    secret: bytes
    expires: int
    addresses: tuple[str, ...]

    @property
    def name(self) -> bytes:
        return token_name(self.secret)

    def text(self) -> str:
        need(are_addresses(list(self.addresses)), "invite: addresses")
        fields = [1, self.org, self.secret, self.expires, list(self.addresses)]
        return bech32m.encode(PREFIX, canonical.encode(fields))


def parse(text: str) -> Invite:
    """The invite that the line holds."""
    version, org, secret, expires, addresses = array(bech32m.decode(PREFIX, text), 5, "invite")
    need(is_uint(version) and version == 1, "invite: version")
    need(is_bin(org, 32), "invite: org")
    need(is_bin(secret, 16), "invite: secret")
    need(is_uint(expires), "invite: expires")
    need(are_addresses(addresses), "invite: addresses")
    return Invite(org, secret, expires, tuple(addresses))
