"""Circles (SPEC 3.8)."""

from __future__ import annotations

from typing import Any

from commons import canonical, circle, hashes
from commons.identity import Inception, next_digest

from .labels import label
from .text_parts import org

FOUNDER = org(11, "Circle Trust")
SALT = label("circle salt", 16)


def _inception(i: int, name: str = "") -> bytes:
    key = hashes.public_key(label(f"circle member {i}"))
    return Inception(key, next_digest(key), name or f"Member {i}").encode()


def _made(name: str, members: int) -> circle.Circle:
    others = [_inception(i) for i in range(members - 1)]
    return circle.make(name, SALT, FOUNDER["id"], [FOUNDER["inception"], *others])


def _raw(**changes: Any) -> bytes:
    entries: list[Any] = canonical.decode(_made("Quiet corner", 3).encode())
    for name, value in changes.items():
        entries[int(name[1:])] = value
    return canonical.encode([e for e in entries if e is not ...])


def _wrong() -> list[tuple[bytes, str]]:
    seed = FOUNDER["key_seed"]
    good = _made("Quiet corner", 3)
    members = list(good.inceptions)
    crowd = _made("A crowd", 65)
    parts = canonical.decode(good.issue(seed))
    bodies = [
        (_raw(e0=2), "version 2"), (_raw(e1=""), "no name"), (_raw(e1="two\nlines"), "two lines"),
        (_raw(e1="a" * 121), "name of 121 characters"), (_raw(e2=bytes(15)), "salt of 15 bytes"),
        (_raw(e3=bytes(32)), "the founder is no member"), (_raw(e3=bytes(31)), "short founder"),
        (_raw(e4=[FOUNDER["inception"]]), "the founder alone"),
        (_raw(e4=members[::-1]), "not ascending"),
        (_raw(e4=[members[0], *members]), "a member twice"),
        (_raw(e4=[*members[:2], b"none"]), "what is no inception"),
        (_raw(e4=[*members[:2], "text"]), "text for an inception"),
        (_raw(e4=None), "no members"), (_raw(e4=...), "four entries"),
        (crowd.encode(), "65 members"), (_raw() + b"\0", "a byte after it"), (b"", "nothing"),
    ]  # fmt: skip
    return [(circle.issue(raw, seed), note) for raw, note in bodies] + [
        (canonical.encode([parts[0], parts[1], bytes(64)]), "no signature"),
        (canonical.encode([_made("Another", 3).encode(), *parts[1:]]), "a signature of another"),
        (canonical.encode([parts[0], hashes.public_key(label("circle thief")), parts[2]]),
         "another key"),
        (canonical.encode(parts[:2]), "two parts"),
        (canonical.encode([*parts, None]), "four parts"),
        (good.issue(seed) + bytes(1), "a byte after it all"),
    ]  # fmt: skip


def parts() -> dict[str, Any]:
    vectors = []
    for made in (_made("Quiet corner", 2), _made("Ein stiller Winkel \u2013 für uns", 7),
                 _made("As many as there may be", 64)):  # fmt: skip
        issued = made.issue(FOUNDER["key_seed"])
        assert circle.open_issued(issued) == (made, hashes.public_key(FOUNDER["key_seed"]))
        vectors.append({
            "name": made.name, "salt": made.salt, "founder": made.founder, "id": made.id,
            "inceptions": list(made.inceptions), "key_seed": FOUNDER["key_seed"],
            "issued": issued,
        })  # fmt: skip
    wrong = [{"issued": issued, "note": note} for issued, note in _wrong()]
    return {"circles": vectors, "circles_invalid": wrong}
