"""Valid records, and later versions (SPEC 2.1, 2.4)."""

from __future__ import annotations

from typing import Any, Optional

import zstandard

from commons import canonical, hashes, record, zstdframe
from commons.record import COMMONS, CONTENT, CONTROL, LOCAL, Body, Record

from .labels import label
from .text_parts import org

AUTHOR = org(0, "Example Trust")
OTHER = org(1, "a")
TELLER_SEED = label("teller")
TELLER = hashes.public_key(TELLER_SEED)
MADE = 1_760_000_000_000


def body(name: str, kind: str = "story", content: Any = None, **changes: Any) -> Body:
    """A body of which only what matters is said; the rest follows from its name."""
    fields: dict[str, Any] = {
        "set": CONTENT,
        "scope": COMMONS,
        "org": AUTHOR["id"],
        "key": AUTHOR["key"],
        "kind": kind,
        "made": MADE,
        "salt": label(f"salt {name}", 16),
        "seed": label(f"seed {name}", 16),
        "teller": None,
        "parents": (),
        "content": {} if content is None else content,
    }
    fields.update(changes)
    return Body(**fields)


def _vector(
    name: str, note: str, made: Body, key_seed: bytes = AUTHOR["key_seed"], **more: Any
) -> dict[str, Any]:
    sealed = record.seal(made, key_seed)
    return {
        "name": name,
        "note": note,
        "key_seed": key_seed,
        "body": sealed.body_bytes,
        "id": sealed.id,
        "symbol": sealed.symbol,
        "object": made.object,
        "sig": sealed.sig,
        "packed_plain": sealed.packed,
        **more,
    }


def nested(levels: int) -> dict[str, Any]:
    """A map in so many levels."""
    return {"a": nested(levels - 1)} if levels > 1 else {}


def story() -> Body:
    content = {
        "title": "The tea that was not tea \u2013 \u00fcber Grenzen",
        "text": "\u65e5\u672c\u8a9e, \u0440\u0443\u0441\u0441\u043a\u0438\u0439, \U0001f331"
        "\n\nA second paragraph.",
        "lang": "en-GB",
        "\u00e9tiquette": ["un", "deux"],
    }
    return body("story", content=content)


def told() -> Body:
    """A story with a teller, and the slip by which the organisation agrees."""
    bare = body("told", teller=TELLER)
    slip = hashes.sign(hashes.SIGN_SLIP, AUTHOR["key_seed"], bare.object)
    return body("told", teller=TELLER, content={"title": "Told", "slip": slip})


def withdrawal(
    of: Body,
    content: Any = None,
    name: str = "withdrawal",
    kind: str = "withdrawal",
    **changes: Any,
) -> Body:
    fields = {"set": CONTROL, "scope": of.scope, "seed": of.seed, "teller": of.teller, **changes}
    return body(name, kind, content, **fields)


def _records() -> list[dict[str, Any]]:
    slip = told().content["slip"]
    parents = tuple(sorted(label(f"parent {i}") for i in range(32)))
    types = {
        "array": [1, [2, [3]]], "bin": b"\0\xff", "bool": True, "int": -129, "map": {"": {}},
        "nil": None, "uint": 2**64 - 1,
    }  # fmt: skip
    vouch = {"subject": OTHER["id"], "inception": OTHER["inception"], "statement": "We met."}
    identity = {"inception": AUTHOR["inception"]}
    return [
        _vector("story", "no teller, no parents, text of several scripts", story()),
        _vector("three-parents", "3 parents", body("3", "pattern", types, parents=parents[:3])),
        _vector("32-parents", "32 parents", body("32", "pattern", parents=parents)),
        _vector("local", "local scope", body("local", scope=LOCAL)),
        _vector("circle", "scope of a circle", body("circle", scope=label("circle"))),
        _vector("identity", "inception", body("id", "identity", identity, set=CONTROL)),
        _vector("vouch", "a vouch", body("vouch", "vouch", vouch, set=CONTROL)),
        _vector("withdrawal", "of story, by the organisation", withdrawal(story())),
        _vector("told", "with a teller", told(), teller_seed=TELLER_SEED, slip=slip),
        _vector(
            "withdrawal-teller",
            "of told, by its teller",
            withdrawal(told(), {"slip": slip}, key=TELLER),
            TELLER_SEED,
            teller_seed=TELLER_SEED,
            slip=slip,
        ),
        _vector(
            "withdrawal-version",
            "of one version of story",
            withdrawal(story(), {"versions": [record.record_id(story().encode())]}),
        ),
        _vector("unknown-control", "unknown kind", body("u", "x-9", {"y": 1}, set=CONTROL)),
        _vector("bounds-low", "kind of 1, made 0", body("low", "a", made=0)),
        _vector("bounds-high", "kind of 24, made 2^53-1", body("high", "a" * 24, made=2**53 - 1)),
        _vector("deep", "8 levels with the body", body("deep", content=nested(7))),
    ]


# Zstd frames by hand: they show what a decoder must take, whatever an encoder makes.


def block(kind: int, data: bytes, size: int, last: bool) -> bytes:
    """A block: kind 0 as it is, kind 1 one byte repeated size times."""
    return (int(last) | kind << 1 | size << 3).to_bytes(3, "little") + data


def frame(
    size: int, blocks: bytes, size_bytes: int = 4, single: bool = True, flags: int = 0,
    window: int = 20, eighths: int = 0,
) -> bytes:  # fmt: skip
    """A frame that declares size in so many bytes.

    If it is not single it has a window of 2^window bytes, and so many eighths of that more.
    """
    descriptor = {0: 0, 1: 0, 2: 1, 4: 2, 8: 3}[size_bytes] << 6 | int(single) << 5 | flags
    declared = (size - 256 if size_bytes == 2 else size).to_bytes(8, "little")[:size_bytes]
    declared = declared if single else bytes([window - 10 << 3 | eighths]) + declared
    return b"\x28\xb5\x2f\xfd" + bytes([descriptor]) + declared + blocks


def as_it_is(data: bytes) -> bytes:
    return block(0, data, len(data), True)


def long_body(total: int) -> tuple[bytes, bytes]:
    """A body of total bytes, nearly all the same, and the blocks of a frame that hold it."""
    raw = body("long", content={"text": "a" * (total - 250)}).encode()
    raw = body("long", content={"text": "a" * (total - 250 + total - len(raw))}).encode()
    assert len(raw) == total
    head = raw.rstrip(b"a")
    left = total - len(head)
    blocks = block(0, head, len(head), False)
    while left:
        n = min(left, 131072)
        left -= n
        blocks += block(1, b"a", n, left == 0)
    return raw, blocks


def compressed(
    raw: bytes, stored: bytes, key_seed: bytes = AUTHOR["key_seed"], codec: int = 1
) -> bytes:
    """Packed with codec 1 or 2 around what is given as the frame."""
    sig = hashes.sign(hashes.SIGN_RECORD, key_seed, record.record_id(raw))
    return canonical.encode([codec, stored, sig])


def _compressed() -> list[dict[str, Any]]:
    raw = story().encode()
    half = len(raw) // 2
    two = block(0, raw[:half], half, False) + as_it_is(raw[half:])
    empty_last = block(0, raw, len(raw), False) + block(0, b"", 0, True)
    checksum = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(raw)
    longest, blocks = long_body(record.MAX_BODY)
    frames = [
        (raw, zstandard.ZstdCompressor(level=3).compress(raw), "as libzstd 1.5 makes it"),
        (raw, checksum, "with a checksum of the content"),
        (raw, frame(len(raw), as_it_is(raw)), "one block as it is"),
        (raw, frame(len(raw), as_it_is(raw), 2), "size in 2 bytes"),
        (raw, frame(len(raw), as_it_is(raw), 8), "size in 8 bytes"),
        (raw, frame(len(raw), as_it_is(raw), 4, single=False), "with a window descriptor"),
        (raw, frame(len(raw), as_it_is(raw), 4, single=False, window=23), "a window of 8 MiB"),
        (
            raw, frame(len(raw), as_it_is(raw), 4, single=False, window=22, eighths=7),
            "a window of 7.5 MiB",
        ),
        (raw, frame(len(raw), two), "two blocks"),
        (raw, frame(len(raw), empty_last), "an empty last block"),
        (longest, frame(len(longest), blocks), "a body of 262,144 bytes"),
    ]
    by_dictionary = [
        (raw, zstdframe.compress(raw, zstdframe.DICTIONARY), "by the dictionary"),
        (raw, frame(len(raw), as_it_is(raw)), "codec 2, one block as it is"),
        (longest, frame(len(longest), blocks), "codec 2, a body of 262,144 bytes"),
    ]
    return [
        {"packed": compressed(body_, stored), "id": record.record_id(body_), "note": note}
        for body_, stored, note in frames
    ] + [
        {"packed": compressed(body_, stored, codec=2), "id": record.record_id(body_), "note": note}
        for body_, stored, note in by_dictionary
    ]


def _later() -> list[dict[str, Any]]:
    """Records of later formats; nobody here can know what their signatures are over."""
    sig = label("later", 32) + label("later again", 32)
    like = canonical.decode(story().encode())
    bodies = [
        ([2, "fields", b"of", {"a": "later"}, ["format"]], 0, "version 2"),
        ([2, *like[1:]], 0, "version 2, else as version 1"),
        ([2**64 - 1], 0, "version 2^64-1, and no more"),
        ([3, "a" * 1000], 1, "version 3, compressed"),
    ]
    vectors = []
    for value, codec, note in bodies:
        raw = canonical.encode(value)
        packed = record.pack(raw, sig, codec)
        vectors.append({"packed": packed, "id": record.record_id(raw), "note": note})
    return vectors


def _withdrawals() -> list[dict[str, Any]]:
    """Whether a withdrawal covers a record, given the keys of the organisation's chain."""
    slip = told().content["slip"]
    wrong_slip = hashes.sign(hashes.SIGN_SLIP, OTHER["key_seed"], told().object)
    other_object = hashes.sign(hashes.SIGN_SLIP, AUTHOR["key_seed"], story().object)
    past_slip = hashes.sign(hashes.SIGN_SLIP, label("past key"), told().object)
    id_ = record.record_id(story().encode())
    vouch = body("vouch", "vouch", {}, set=CONTROL)
    identity = body("id", "identity", {"inception": AUTHOR["inception"]}, set=CONTROL)
    unknown = body("u", "x-9", {"y": 1}, set=CONTROL)
    revocation = body("r", "revocation", {}, set=CONTROL)
    called = body("called", "withdrawal")
    circle = body("circle", scope=label("circle"))
    local = body("local", scope=LOCAL)
    by_teller = {"key": TELLER}
    cases: list[tuple[str, bool, Body, Body, Optional[bytes]]] = [
        ("by the organisation", True, withdrawal(story()), story(), None),
        ("of a vouch", True, withdrawal(vouch), vouch, None),
        ("within a circle", True, withdrawal(circle), circle, None),
        ("of this version", True, withdrawal(story(), {"versions": [id_]}), story(), None),
        (
            "of another version", False,
            withdrawal(story(), {"versions": [label("v")]}), story(), None,
        ),
        ("of another object", False, withdrawal(told()), story(), None),
        ("in another scope", False, withdrawal(story(), scope=label("circle")), story(), None),
        ("without the teller", False, withdrawal(told(), teller=None), told(), None),
        ("of an identity", False, withdrawal(identity), identity, None),
        ("of an unknown control record", True, withdrawal(unknown), unknown, None),
        ("of a revocation", False, withdrawal(revocation), revocation, None),
        ("of content called withdrawal", True, withdrawal(called), called, None),
        ("in the local scope", True, withdrawal(local), local, None),
        ("of set 1", False, withdrawal(story(), set=CONTENT), story(), None),
        ("of another kind", False, withdrawal(story(), name="kind", kind="x-9"), story(), None),
        ("of no version", False, withdrawal(story(), {"versions": []}), story(), None),
        (
            "of two versions, this one too", True,
            withdrawal(story(), {"versions": [label("v"), id_]}), story(), None,
        ),
        (
            "by a key of the organisation's past", True,
            withdrawal(story(), key=hashes.public_key(label("past key"))), story(),
            label("past key"),
        ),
        (
            "by the teller, slip by a key of the organisation's past", True,
            withdrawal(told(), {"slip": past_slip}, **by_teller), told(), TELLER_SEED,
        ),
        (
            "by the teller, of set 1", False,
            withdrawal(told(), {"slip": slip}, set=CONTENT, **by_teller), told(), TELLER_SEED,
        ),
        (
            "by the teller, slip of 63 bytes", False,
            withdrawal(told(), {"slip": slip[:63]}, **by_teller), told(), TELLER_SEED,
        ),
        (
            "by the teller, slip under another domain", False,
            withdrawal(
                told(),
                {"slip": hashes.sign(hashes.SIGN_RECORD, AUTHOR["key_seed"], told().object)},
                **by_teller,
            ),
            told(), TELLER_SEED,
        ),
        ("of a withdrawal", False, withdrawal(story(), name="w2"), withdrawal(story()), None),
        ("told, by the organisation", True, withdrawal(told()), told(), None),
        (
            "by the teller", True,
            withdrawal(told(), {"slip": slip}, **by_teller), told(), TELLER_SEED,
        ),
        ("by the teller, no slip", False, withdrawal(told(), {}, **by_teller), told(), TELLER_SEED),
        (
            "by the teller, slip by another organisation", False,
            withdrawal(told(), {"slip": wrong_slip}, **by_teller), told(), TELLER_SEED,
        ),
        (
            "by the teller, slip for another object", False,
            withdrawal(told(), {"slip": other_object}, **by_teller), told(), TELLER_SEED,
        ),
        (
            "by a key that is neither the organisation's nor the teller's", False,
            withdrawal(told(), {"slip": slip}, key=OTHER["key"]), told(), OTHER["key_seed"],
        ),
    ]  # fmt: skip
    return [
        {
            "keys": [hashes.public_key(label("past key")), AUTHOR["key"]],
            "withdrawal": _sealed(by, seed).packed,
            "record": _sealed(of).packed,
            "covers": covers,
            "note": note,
        }
        for note, covers, by, of, seed in cases
    ]


def _sealed(made: Body, key_seed: Optional[bytes] = None) -> Record:
    return record.seal(made, key_seed or AUTHOR["key_seed"])


def parts() -> dict[str, Any]:
    return {
        "records": _records(),
        "records_compressed": _compressed(),
        "records_later": _later(),
        "withdrawals": _withdrawals(),
    }
