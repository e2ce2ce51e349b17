"""Beacons: what nodes say of themselves (SPEC 3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from . import canonical
from .certificate import Certificate, open_issued
from .checks import array, is_bin, is_line, is_uint, need
from .hashes import BEACON, SIGN_BEACON, H, public_key, sign, verify
from .record import COMMONS, LOCAL
from .refuse import Refuse
from .token import are_addresses

MAX_BEACON = 16384
MAX_SOFTWARE = 300
MAX_WITHDRAWALS = 128
SEEN = 16  # Bytes of an entry of SEEN.

FULL, ERASING, RESTORING = 1, 2, 4

DAY = 86_400_000

Tally = tuple[int, bytes]


class Later(Refuse):
    """It is of a later version, which is no fault."""


@dataclass(frozen=True)
class Beacon:
    scope: bytes
    org: bytes
    key: bytes
    time: int
    software: str
    addresses: tuple[str, ...]
    state: int
    control: Tally
    content: Tally
    withdrawals: tuple[tuple[bytes, int, bytes], ...]

    def encode(self) -> bytes:
        scope = None if self.scope == COMMONS else self.scope
        return canonical.encode([
            1, scope, self.org, self.key, self.time, self.software, list(self.addresses),
            self.state, list(self.control), list(self.content),
            [list(entry) for entry in self.withdrawals], {},
        ])  # fmt: skip

    def seal(self, node_seed: bytes, issued: bytes) -> bytes:
        """With the node's signature and its certificate."""
        assert public_key(node_seed) == self.key
        return seal(self.encode(), node_seed, issued)

    @property
    def seen(self) -> bytes:
        """Its entry in SEEN."""
        return self.key[:8] + self.time.to_bytes(8, "big")


def seal(raw: bytes, node_seed: bytes, issued: bytes) -> bytes:
    return canonical.encode([raw, sign(SIGN_BEACON, node_seed, H(BEACON, raw)), issued])


def _tally(value: Any, what: str) -> Tally:
    good = isinstance(value, list) and len(value) == 2 and is_uint(value[0])
    need(good and is_bin(value[1], 32), f"beacon: {what}")
    return value[0], value[1]


def _scope(value: Any) -> bytes:
    need(value is None or is_bin(value, 32), "beacon: scope")
    need(value not in (COMMONS, LOCAL), "beacon: scope")
    return COMMONS if value is None else value


def _withdrawals(value: Any) -> tuple[tuple[bytes, int, bytes], ...]:
    need(isinstance(value, list) and len(value) <= MAX_WITHDRAWALS, "beacon: withdrawals")
    for entry in value:
        need(isinstance(entry, list) and len(entry) == 3, "beacon: withdrawals of one")
        org, count, digest = entry
        good = is_bin(org, 32) and is_uint(count) and is_bin(digest, 32)
        need(good, "beacon: withdrawals of one")
    need(all(a[0] < b[0] for a, b in zip(value, value[1:])), "beacon: withdrawals not ascending")
    return tuple(tuple(entry) for entry in value)


def parse(raw: bytes) -> Beacon:
    value = canonical.decode(raw)
    need(isinstance(value, list) and len(value) > 0 and is_uint(value[0]), "beacon: version")
    if value[0] > 1:
        raise Later("beacon: of a later version")
    version, scope, org, key, time, software, addresses, state, control, content, gone, more = (
        array(raw, 12, "beacon")
    )
    need(version == 1, "beacon: version")
    need(is_bin(org, 32) and is_bin(key, 32), "beacon: org or key")
    need(is_uint(time) and is_uint(state), "beacon: time or state")
    need(is_line(software) and len(software.encode()) <= MAX_SOFTWARE, "beacon: software")
    need(are_addresses(addresses), "beacon: addresses")
    need(isinstance(more, dict), "beacon: what later versions add")
    return Beacon(
        _scope(scope), org, key, time, software, tuple(addresses), state,
        _tally(control, "control"), _tally(content, "content"), _withdrawals(gone),
    )  # fmt: skip


def open_sealed(sealed: bytes) -> tuple[Beacon, Certificate]:
    """The beacon, and the certificate of the node that signed it; whose key that one is
    signed with is for the reader to judge."""
    need(len(sealed) <= MAX_BEACON, "beacon: too long")
    raw, sig, issued = array(sealed, 3, "sealed beacon")
    need(isinstance(raw, bytes) and is_bin(sig, 64) and isinstance(issued, bytes), "sealed beacon")
    beacon = parse(raw)
    need(verify(SIGN_BEACON, beacon.key, H(BEACON, raw), sig), "beacon: signature")
    certificate = open_issued(issued)
    need(certificate.org == beacon.org and certificate.sign == beacon.key, "beacon: another node")
    return beacon, certificate


def is_parts(value: Any) -> bool:
    """What a message checks of a sealed beacon."""
    good = isinstance(value, list) and len(value) == 3
    return (
        good
        and all(isinstance(part, bytes) for part in value)
        and len(canonical.encode(value)) <= MAX_BEACON
    )


class Beacons:
    """Those that a node knows, by scope and node: of each the latest."""

    def __init__(self) -> None:
        self.known: dict[tuple[bytes, bytes], tuple[Beacon, bytes]] = {}

    def get(self, key: bytes, scope: bytes = COMMONS) -> Optional[Beacon]:
        found = self.known.get((scope, key))
        return found[0] if found is not None else None

    def take(self, sealed: bytes, now: int, keys: dict[bytes, list[bytes]]) -> bool:
        """Whether it is news; refuses one that is not what it says. keys has the chain of
        keys of each organisation that is accepted."""
        beacon, certificate = open_sealed(sealed)
        chain = keys.get(beacon.org)
        if not chain or chain[-1] != certificate.key or beacon.time > now + DAY:
            return False
        if self._time(beacon.scope, beacon.key) >= beacon.time or beacon.time + 14 * DAY < now:
            return False
        self.known[beacon.scope, beacon.key] = beacon, sealed
        return True

    def _time(self, scope: bytes, key: bytes) -> int:
        known = self.get(key, scope)
        return -1 if known is None else known.time

    def shared(self, orgs: set[bytes], scope: bytes = COMMONS) -> list[tuple[Beacon, bytes]]:
        """Those of nodes of these organisations, by node, with what is sealed."""
        of_scope = [found for (s, _), found in self.known.items() if s == scope]
        return sorted((f for f in of_scope if f[0].org in orgs), key=lambda f: f[0].key)

    def seen(self, orgs: set[bytes]) -> list[bytes]:
        return [known.seen for known, _ in self.shared(orgs)]

    def missing(self, entries: list[bytes], orgs: set[bytes]) -> list[bytes]:
        """What is to be sent to a side that has sent these entries of SEEN."""
        theirs = {entry[:8]: int.from_bytes(entry[8:], "big") for entry in entries}
        shared = self.shared(orgs)
        return [sealed for b, sealed in shared if theirs.get(b.key[:8], -1) < b.time]
