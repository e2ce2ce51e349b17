"""Beacons (SPEC 3.7)."""

from __future__ import annotations

from typing import Any

from commons import beacon, canonical, fingerprint, hashes
from commons.certificate import Certificate
from commons.record import COMMONS, LOCAL

from .labels import label
from .text_parts import org

ORG = org(9, "Beacon Trust")
NODE_SEED = label("beacon node")
NODE = hashes.public_key(NODE_SEED)


def _issued(sign: bytes = NODE, of: bytes = ORG["id"]) -> bytes:
    key = hashes.public_key(ORG["key_seed"])
    noise = label("beacon noise")
    certificate = Certificate(of, key, 3, noise, sign, 1_760_000_000_000, "Attic")
    return certificate.issue(ORG["key_seed"])


def tally(name: str, count: int) -> tuple[int, bytes]:
    return count, fingerprint.digest(label(f"beacon {name} {i}", 16) for i in range(count))


def made(**changes: Any) -> beacon.Beacon:
    fields: dict[str, Any] = {
        "scope": COMMONS,
        "org": ORG["id"],
        "key": NODE,
        "time": 1_760_000_100_000,
        "software": "rpnode 1.0",
        "addresses": ("attic.example:7433", ":7433"),
        "state": 0,
        "control": tally("control", 2),
        "content": tally("content", 12),
        "withdrawals": tuple(
            (name, *tally(f"withdrawal {i}", i + 1))
            for i, name in enumerate(sorted(label(f"beacon of {i}") for i in range(3)))
        ),
    }
    return beacon.Beacon(**{**fields, **changes})


def _good() -> list[beacon.Beacon]:
    many = tuple((name, 1, bytes(32)) for name in sorted(label(f"many {i}") for i in range(128)))
    return [
        made(),
        made(time=1_760_000_200_000, addresses=(), withdrawals=(), software=""),
        made(state=beacon.FULL + beacon.ERASING + beacon.RESTORING),
        made(state=2**40, time=2**64 - 1),
        made(scope=label("circle"), content=tally("content", 0)),
        made(withdrawals=many, addresses=tuple(f"{i}.example:1" for i in range(8))),
    ]


def _raw(**changes: Any) -> bytes:
    """With one entry of the array replaced by its number; ... leaves it out."""
    entries: list[Any] = canonical.decode(made().encode())
    for name, value in changes.items():
        entries[int(name[1:])] = value
    return canonical.encode([e for e in entries if e is not ...])


def _wrong() -> list[tuple[bytes, str]]:
    issued = _issued()
    good = canonical.decode(made().seal(NODE_SEED, issued))
    digest = bytes(32)
    gone = made().withdrawals
    bodies = [
        (_raw(e0=0), "version 0"), (_raw(e0=None), "no version"),
        (_raw(e1=COMMONS), "the commons' zeroes"), (_raw(e1=LOCAL), "the local scope"),
        (_raw(e2=bytes(31)), "org of 31 bytes"), (_raw(e4=-1), "time below zero"),
        (_raw(e5="two\nlines"), "software of two lines"),
        (_raw(e5="a" * 301), "software of 301 bytes"),
        (_raw(e6=["a:1"] * 9), "nine addresses"), (_raw(e6=[""]), "an empty address"),
        (_raw(e6="a:1"), "an address for the list"), (_raw(e7=-1), "state below zero"),
        (_raw(e8=[2]), "no digest"), (_raw(e9=[1, digest[:31]]), "digest of 31 bytes"),
        (_raw(e9=[-1, digest]), "count below zero"), (_raw(e9=None), "no content"),
        (_raw(e10=[list(gone[1]), list(gone[0])]), "not ascending"),
        (_raw(e10=[list(gone[0]), list(gone[0])]), "an organisation twice"),
        (_raw(e10=[list(gone[0])[:2]]), "withdrawals without digest"),
        (_raw(e10=[[bytes([0, i]) + bytes(30), 1, digest] for i in range(129)]),
         "129 organisations"),
        (_raw(e11=[]), "an array for the map"), (_raw(e11=...), "eleven entries"),
        (_raw() + b"\0", "a byte after it"), (b"", "nothing"),
    ]  # fmt: skip
    stranger = label("beacon stranger")
    by_another = made(key=hashes.public_key(stranger))
    wrong = [(beacon.seal(raw, NODE_SEED, issued), note) for raw, note in bodies]
    return wrong + [
        (canonical.encode([good[0], bytes(64), good[2]]), "no signature"),
        (canonical.encode([made(state=1).encode(), *good[1:]]), "a signature of another"),
        (canonical.encode(good[:2]), "no certificate"),
        (canonical.encode([*good, None]), "four parts"),
        (canonical.encode([*good[:2], good[2][:-1] + bytes([good[2][-1] ^ 1])]),
         "a certificate that was changed"),
        (by_another.seal(stranger, issued), "the certificate of another node"),
        (made().seal(NODE_SEED, _issued(of=label("another"))), "of another organisation"),
        (beacon.seal(made().encode(), stranger, issued), "signed by another node"),
        (made().seal(NODE_SEED, issued + bytes(16384)), "too long"),
    ]  # fmt: skip


def fields(b: beacon.Beacon) -> dict[str, Any]:
    return {
        "scope": None if b.scope == COMMONS else b.scope,
        "org": b.org, "key": b.key, "time": str(b.time), "software": b.software,
        "addresses": b.addresses, "state": b.state, "control": b.control, "content": b.content,
        "withdrawals": b.withdrawals,
    }  # fmt: skip


def parts() -> dict[str, Any]:
    issued = _issued()
    vectors = []
    for b in _good():
        sealed = b.seal(NODE_SEED, issued)
        assert beacon.open_sealed(sealed)[0] == b
        seen = b.seen
        vectors.append({"fields": fields(b), "node_seed": NODE_SEED, "issued": issued,
                        "sealed": sealed, "seen": seen})  # fmt: skip
    wrong = [{"sealed": sealed, "note": note} for sealed, note in _wrong()]
    later = [
        {"sealed": beacon.seal(canonical.encode([2, "whatever"]), NODE_SEED, issued),
         "note": "version 2"}
    ]  # fmt: skip
    more = {"sealed": beacon.seal(_raw(e11={"more": 1}), NODE_SEED, issued), "note": "with more"}
    return {
        "beacons": vectors, "beacons_invalid": wrong, "beacons_later": later,
        "beacons_more": [more],
    }  # fmt: skip
