"""Records with one fault each, and otherwise right: above all, rightly signed (SPEC 2.1)."""

from __future__ import annotations

import hashlib
from typing import Any, Callable

import nacl.bindings as sodium
import zstandard

from commons import canonical, hashes, record, zstdframe

from .labels import label
from .record_parts import (
    AUTHOR, OTHER, as_it_is, block, body, compressed, frame, long_body, nested, story,
)  # fmt: skip

ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY_POINT = b"\1" + bytes(31)
ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")

Pair = tuple[bytes, str]


def _signed(raw: bytes) -> bytes:
    sig = hashes.sign(hashes.SIGN_RECORD, AUTHOR["key_seed"], record.record_id(raw))
    return canonical.encode([0, raw, sig])


def _fields() -> list[Any]:
    return canonical.decode(story().encode())


def _with(place: int, value: Any) -> bytes:
    fields = _fields()
    fields[place] = value
    return _signed(canonical.encode(fields))


def _body_fields() -> list[Pair]:
    parents = sorted(label(f"parent {i}") for i in range(33))
    changes: list[tuple[int, Any, str]] = [
        (0, 0, "version 0"), (0, -1, "version -1"), (0, "1", "version as text"),
        (0, None, "version nil"), (0, True, "version true"),
        (1, 2, "set 2"), (1, True, "set true"), (1, None, "set nil"),
        (2, bytes(31), "scope of 31 bytes"), (2, None, "scope nil"),
        (3, bytes(33), "org of 33 bytes"), (3, "a" * 32, "org as text"),
        (4, AUTHOR["key"][:31], "key of 31 bytes"), (4, AUTHOR["key"] + b"\0", "key of 33 bytes"),
        (5, "", "kind empty"), (5, "Story", "kind with a capital letter"),
        (5, "a" * 25, "kind of 25 bytes"), (5, "9story", "kind beginning with a digit"),
        (5, "-story", "kind beginning with a dash"), (5, "a_b", "kind with an underscore"),
        (5, "a b", "kind with a space"), (5, "story\n", "kind with a line end"),
        (5, "stor\u00fc", "kind with a letter beyond ASCII"), (5, b"story", "kind as a binary"),
        (6, 2**53, "made 2^53"), (6, -1, "made -1"), (6, "1", "made as text"),
        (7, bytes(15), "salt of 15 bytes"), (7, bytes(17), "salt of 17 bytes"),
        (8, bytes(15), "seed of 15 bytes"), (8, None, "seed nil"),
        (9, bytes(31), "teller of 31 bytes"), (9, b"", "teller of 0 bytes"),
        (9, False, "teller false"),
        (10, [parents[1], parents[0]], "parents not ascending"),
        (10, [parents[0], parents[1], parents[1]], "a parent twice"),
        (10, parents, "33 parents"), (10, [bytes(31)], "a parent of 31 bytes"),
        (10, [None], "a parent nil"), (10, None, "parents nil"), (10, {}, "parents a map"),
        (11, [], "content an array"), (11, None, "content nil"), (11, "text", "content a text"),
    ]  # fmt: skip
    return [(_with(place, value), note) for place, value, note in changes]


def _body_forms() -> list[Pair]:
    raw = story().encode()
    fields = _fields()
    made = b"\xcf" + fields[6].to_bytes(8, "big")
    small = body("small", made=1).encode()
    empty = body("empty").encode()
    assert empty[-1:] == b"\x80" and small.count(b"\xa5story\x01") == 1 and raw.count(made) == 1
    deep = canonical.encode(nested(8))
    forms = [
        (_signed(canonical.encode(fields[:11])), "11 fields"),
        (_signed(canonical.encode(fields + [None])), "13 fields"),
        (_signed(canonical.encode([])), "body an empty array"),
        (_signed(canonical.encode({"version": 1})), "body a map"),
        (_signed(canonical.encode(1)), "body an integer"),
        (_signed(b""), "body empty"),
        (_signed(raw + b"\xc0"), "a byte after the body"),
        (_signed(raw[:-1]), "body one byte short"),
        (_signed(b"\xdc\x00\x0c" + raw[1:]), "body with its count in 16 bits"),
        (_signed(small.replace(b"\xa5story\x01", b"\xa5story\xcc\x01")), "made not shortest"),
        (_signed(small.replace(b"\xa5story\x01", b"\xd9\x05story\x01")), "kind not shortest"),
        (_signed(empty[:-1] + b"\x82\xa1b\x00\xa1a\x00"), "content with keys descending"),
        (_signed(empty[:-1] + b"\x82\xa1a\x00\xa1a\x00"), "content with a key twice"),
        (_signed(empty[:-1] + b"\x81\x01\x00"), "content with an integer as key"),
        (_signed(empty[:-1] + b"\x81\xa1a\xcb" + bytes(8)), "content with a float"),
        (_signed(empty[:-1] + b"\x81\xa1a\xd4\x01\x00"), "content with an extension"),
        (_signed(empty[:-1] + b"\x81\xa1a\xa1\xff"), "content with text that is no UTF-8"),
        (_signed(empty[:-1] + deep), "9 levels with the body"),
        (_signed(empty[:-1] + b"\x81\xa1a\xdc\x40\x00" + bytes(16384)), "too many values"),
        (_signed(b"\x92\x02\xc0\xc0"), "version 2, a byte after the body"),
        (_signed(b"\x92\xcc\x02\xc0"), "version 2, not shortest"),
        (_signed(b"\x81\x02\xc0"), "version 2, in a map"),
        (_signed(canonical.encode([None, 2])), "version 2, not in front"),
    ]
    return forms


def _packed_forms() -> list[Pair]:
    raw = story().encode()
    sig = hashes.sign(hashes.SIGN_RECORD, AUTHOR["key_seed"], record.record_id(raw))
    good = canonical.encode([0, raw, sig])
    packed: list[tuple[Any, str]] = [
        ([7, raw, sig], "codec 7"), ([3, raw, sig], "codec 3"), ([2, raw, sig], "codec 2, not compressed"),
        ([-1, raw, sig], "codec -1"),
        ([None, raw, sig], "codec nil"), ([False, raw, sig], "codec false"),
        ([0, raw, sig[:63]], "signature of 63 bytes"),
        ([0, raw, sig + b"\0"], "signature of 65 bytes"), ([0, raw, None], "signature nil"),
        ([0, canonical.encode([2]), sig[:63]], "version 2, signature of 63 bytes"),
        ([7, canonical.encode([2]), sig], "version 2, codec 7"),
        ([0, raw], "two entries"), ([0, raw, sig, {}], "four entries"),
        ({"body": raw}, "a map"), ([0, _fields(), sig], "body an array, not a binary"),
    ]  # fmt: skip
    forms = [(canonical.encode(value), note) for value, note in packed]
    return forms + [
        (good + b"\0", "a byte after the record"),
        (good[:-1], "one byte short"),
        (b"\xdc\x00\x03" + good[1:], "its count in 16 bits"),
        (good[:1] + b"\xcc\x00" + good[2:], "codec not shortest"),
        (b"", "nothing"),
    ]


def _zstd_0_7(raw: bytes) -> bytes:
    """A frame of the format before RFC 8878: another magic number, and block heads big-endian."""
    head = b"\x27\xb5\x2f\xfd\xa0" + len(raw).to_bytes(4, "little")
    return head + (1 << 22 | len(raw)).to_bytes(3, "big") + raw + (3 << 22).to_bytes(3, "big")


def _zstd() -> list[Pair]:
    raw = story().encode()
    n = len(raw)
    good = frame(n, as_it_is(raw))
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0skip"
    no_size = zstandard.ZstdCompressor(level=3, write_content_size=False).compress(raw)
    checksum = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(raw)
    dictionary = frame(n, as_it_is(raw), flags=1)
    dictionary = dictionary[:5] + b"\x07" + dictionary[5:]
    no_dictionary = dictionary[:5] + b"\0" + dictionary[6:]
    long, blocks = long_body(record.MAX_BODY + 1)
    stored = [
        (good + b"\0", "a byte after the frame"),
        (good + good, "two frames"),
        (skippable + good, "a skippable frame in front"),
        (good + skippable, "a skippable frame behind"),
        (skippable, "a skippable frame alone"),
        (no_size, "no declared size"),
        (frame(n, as_it_is(raw), 0, single=False), "no declared size, by hand"),
        (frame(n + 1, as_it_is(raw)), "declares one byte more than it holds"),
        (frame(n - 1, as_it_is(raw)), "declares one byte less than it holds"),
        (frame(2**40, as_it_is(raw), 8), "declares 2^40 bytes"),
        (good[:-1], "one byte short"),
        (good[:9], "a header alone"),
        (good[:3], "three bytes"),
        (b"", "nothing"),
        (raw, "not compressed"),
        (frame(n, block(0, raw, n, False)), "no last block"),
        (frame(n, block(3, raw, n, True)), "a block of the reserved kind"),
        (frame(n, as_it_is(raw), flags=8), "the reserved bit set"),
        (checksum[:-1] + bytes([checksum[-1] ^ 1]), "a wrong checksum"),
        (dictionary, "asks for a dictionary"),
        (no_dictionary, "a dictionary's number of 0, which is none"),
        (frame(n, as_it_is(raw), flags=16), "the unused bit set"),
        (
            frame(n, as_it_is(raw), 4, single=False, window=23, eighths=1),
            "a window of 9 MiB, one above the limit",
        ),
        (frame(n, as_it_is(raw), 4, single=False, window=24), "a window of 16 MiB"),
        (frame(n, as_it_is(raw), 4, single=False, window=30), "a window of 2^30"),
        (frame(n, as_it_is(raw), 4, single=False, window=41), "a window of 2^41"),
        (_zstd_0_7(raw), "a frame of zstd 0.7, which libzstd may still read"),
    ]
    pairs = [(compressed(raw, data), f"zstd: {note}") for data, note in stored]
    by_dictionary = zstdframe.compress(raw, zstdframe.DICTIONARY)
    named = zstandard.ZstdCompressor(level=3, dict_data=zstdframe.DICTIONARY).compress(raw)
    pairs += [
        (compressed(raw, by_dictionary), "zstd: by the dictionary, with codec 1"),
        (compressed(raw, named, codec=2), "zstd: codec 2, the dictionary's number in the frame"),
        (compressed(raw, by_dictionary + b"\0", codec=2), "zstd: codec 2, a byte after the frame"),
        (compressed(raw, by_dictionary[:-1], codec=2), "zstd: codec 2, one byte short"),
        (compressed(raw, no_size, codec=2), "zstd: codec 2, no declared size"),
    ]
    pairs.append((compressed(long, frame(len(long), blocks)), "zstd: a body of 262,145 bytes"))
    return pairs


# Signatures that a lax verifier takes. The arithmetic is that of Ed25519 by hand.


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _scalar(n: int) -> bytes:
    return (n % ORDER).to_bytes(32, "little")


def _times_base(n: int) -> bytes:
    return sodium.crypto_scalarmult_ed25519_base_noclamp(_scalar(n))


def _secret_scalar(seed: bytes) -> int:
    raw = bytearray(hashlib.sha512(seed).digest()[:32])
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return _number(raw)


def _challenge(r_point: bytes, key: bytes, raw: bytes) -> int:
    message = hashes.SIGN_RECORD.encode() + b"\0" + record.record_id(raw)
    return _number(hashlib.sha512(r_point + key + message).digest()) % ORDER


def _signatures() -> list[Pair]:
    raw = story().encode()
    id_ = record.record_id(raw)
    seed, key = AUTHOR["key_seed"], AUTHOR["key"]
    sig = hashes.sign(hashes.SIGN_RECORD, seed, id_)
    secret = sodium.crypto_sign_seed_keypair(seed)[1]
    over_body = sodium.crypto_sign(hashes.SIGN_RECORD.encode() + b"\0" + raw, secret)[:64]
    a = _secret_scalar(seed)
    assert _times_base(a) == key
    bare = sodium.crypto_sign(id_, secret)[:64]
    zero_r = IDENTITY_POINT + _scalar(_challenge(IDENTITY_POINT, key, raw) * a)
    more_s = sig[:32] + (_number(sig[32:]) + ORDER).to_bytes(32, "little")
    pairs = [
        (bytes([sig[0] ^ 1]) + sig[1:], "a bit of R changed"),
        (sig[:63] + bytes([sig[63] ^ 1]), "a bit of S changed"),
        (bytes(64), "all zero"),
        (hashes.sign(hashes.SIGN_RECORD, OTHER["key_seed"], id_), "by another key"),
        (hashes.sign(hashes.RECORD, seed, id_), "under the domain of ids"),
        (hashes.sign(hashes.SIGN_SLIP, seed, id_), "under the domain of slips"),
        (hashes.sign(hashes.SIGN_RECORD, seed, story().object), "of another digest"),
        (over_body, "over the body, not the id"),
        (bare, "without a domain"),
        (more_s, "S not below the group order"),
        (zero_r, "R of small order, which the equation accepts"),
    ]
    forms = [(canonical.encode([0, raw, s]), f"signature {note}") for s, note in pairs]
    return forms + [_small_key(), _mixed_key()]


def _small_key() -> Pair:
    """The neutral element as key signs everything."""
    raw = body("small key", key=IDENTITY_POINT).encode()
    r = _number(label("small key r"))
    sig = _times_base(r) + _scalar(r)
    return canonical.encode([0, raw, sig]), "key of small order, which the equation accepts"


def _mixed_key() -> Pair:
    """A key with a part of order 8: the equation holds only when multiplied by 8."""
    a, r = _secret_scalar(label("mixed")), _number(label("mixed r"))
    key = sodium.crypto_core_ed25519_add(_times_base(a), ORDER_8)
    raw = body("key of mixed order", key=key).encode()
    h = _challenge(_times_base(r), key, raw)
    assert h % 8 != 0
    sig = _times_base(r) + _scalar(r + h * a)
    return canonical.encode([0, raw, sig]), "signature that holds only with the cofactor"


def parts() -> dict[str, Any]:
    groups: list[Callable[[], list[Pair]]] = [
        _body_fields, _body_forms, _packed_forms, _zstd, _signatures,
    ]  # fmt: skip
    pairs = [pair for group in groups for pair in group()]
    return {"records_invalid": [{"packed": packed, "note": note} for packed, note in pairs]}
