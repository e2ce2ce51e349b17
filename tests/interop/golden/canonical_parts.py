"""Canonical msgpack: what is taken and what is refused (SPEC 1.1).

All bytes are written out by hand: an encoder could not produce the wrong ones.
"""

from __future__ import annotations

from typing import Any

Pair = tuple[bytes, str]


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


def _integers_valid() -> list[Pair]:
    forms = {
        "00": "0", "01": "1", "7f": "127", "cc80": "128", "ccff": "255", "cd0100": "256",
        "cdffff": "65535", "ce00010000": "65536", "ceffffffff": "2^32-1",
        "cf0000000100000000": "2^32", "cf001fffffffffffff": "2^53-1",
        "cf0020000000000000": "2^53", "cf7fffffffffffffff": "2^63-1",
        "cf8000000000000000": "2^63", "cfffffffffffffffff": "2^64-1",
        "ff": "-1", "e0": "-32", "d0df": "-33", "d080": "-128", "d1ff7f": "-129",
        "d18000": "-32768", "d2ffff7fff": "-32769", "d280000000": "-2^31",
        "d3ffffffff7fffffff": "-2^31-1", "d38000000000000000": "-2^63",
    }  # fmt: skip
    return [(_hex(h), f"integer {note}") for h, note in forms.items()]


def _integers_invalid() -> list[Pair]:
    forms = {
        "cc00": "0 in uint8", "cc7f": "127 in uint8", "cd0000": "0 in uint16",
        "cd00ff": "255 in uint16", "ce0000ffff": "65535 in uint32",
        "ce00000001": "1 in uint32", "cf00000000ffffffff": "2^32-1 in uint64",
        "cf0000000000000000": "0 in uint64", "d000": "0 in int8", "d07f": "127 in int8",
        "d0ff": "-1 in int8", "d0e0": "-32 in int8", "d10000": "0 in int16",
        "d100ff": "255 in int16", "d17fff": "32767 in int16", "d1ff80": "-128 in int16",
        "d200000001": "1 in int32", "d27fffffff": "2^31-1 in int32",
        "d2ffff8000": "-32768 in int32", "d30000000000000001": "1 in int64",
        "d37fffffffffffffff": "2^63-1 in int64", "d3ffffffff80000000": "-2^31 in int64",
        "d3ffffffffffffffff": "-1 in int64",
    }  # fmt: skip
    return [(_hex(h), note) for h, note in forms.items()]


def _lengths_valid() -> list[Pair]:
    pairs = [
        (_hex("c0"), "nil"),
        (_hex("c2"), "false"),
        (_hex("c3"), "true"),
        (_hex("a0"), "empty string"),
        (b"\xa1a", "string of 1"),
        (b"\xbf" + b"a" * 31, "string of 31"),
        (b"\xd9\x20" + b"a" * 32, "string of 32, str8"),
        (b"\xd9\xff" + b"a" * 255, "string of 255, str8"),
        (b"\xda\x01\x00" + b"a" * 256, "string of 256, str16"),
        (b"\xdb\x00\x01\x00\x00" + b"a" * 65536, "string of 65536, str32"),
        (_hex("c400"), "empty binary"),
        (b"\xc4\xff" + bytes(255), "binary of 255, bin8"),
        (b"\xc5\x01\x00" + bytes(256), "binary of 256, bin16"),
        (b"\xc6\x00\x01\x00\x00" + bytes(65536), "binary of 65536, bin32"),
        (_hex("c403ff80c0"), "binary that is no UTF-8"),
        (_hex("90"), "empty array"),
        (b"\x9f" + bytes(15), "array of 15"),
        (b"\xdc\x00\x10" + bytes(16), "array of 16, array16"),
        (_hex("80"), "empty map"),
        (b"\x8f" + b"".join(b"\xa1%c\x00" % (97 + i) for i in range(15)), "map of 15"),
        (
            b"\xde\x00\x10" + b"".join(b"\xa1%c\x00" % (97 + i) for i in range(16)),
            "map of 16, map16",
        ),
    ]
    return pairs


def _lengths_invalid() -> list[Pair]:
    return [
        (b"\xd9\x00", "empty string in str8"),
        (b"\xd9\x1f" + b"a" * 31, "string of 31 in str8"),
        (b"\xda\x00\xff" + b"a" * 255, "string of 255 in str16"),
        (b"\xda\x00\x01a", "string of 1 in str16"),
        (b"\xdb\x00\x00\xff\xff" + b"a" * 65535, "string of 65535 in str32"),
        (b"\xdb\x00\x00\x00\x01a", "string of 1 in str32"),
        (b"\xc5\x00\x00", "empty binary in bin16"),
        (b"\xc5\x00\xff" + bytes(255), "binary of 255 in bin16"),
        (b"\xc6\x00\x00\x00\x01\x00", "binary of 1 in bin32"),
        (b"\xc6\x00\x00\x01\x00" + bytes(256), "binary of 256 in bin32"),
        (b"\xdc\x00\x00", "empty array in array16"),
        (b"\xdc\x00\x0f" + bytes(15), "array of 15 in array16"),
        (b"\xdd\x00\x00\x00\x00", "empty array in array32"),
        (b"\xdd\x00\x00\x00\x10" + bytes(16), "array of 16 in array32"),
        (b"\xde\x00\x00", "empty map in map16"),
        (b"\xde\x00\x01\xa1a\x00", "map of 1 in map16"),
        (b"\xdf\x00\x00\x00\x00", "empty map in map32"),
        (b"\xdf\x00\x00\x00\x01\xa1a\x00", "map of 1 in map32"),
    ]


def _text_valid() -> list[Pair]:
    texts = {
        "\u0000": "U+0000", "\u007f": "U+007F", "\u0080": "U+0080", "\u07ff": "U+07FF",
        "\u0800": "U+0800", "\ud7ff": "U+D7FF", "\ue000": "U+E000", "\ufffd": "U+FFFD",
        "\uffff": "U+FFFF, no character but a scalar value", "\U00010000": "U+10000",
        "\U0010ffff": "U+10FFFF", "e\u0301": "not NFC, which no receiver checks",
        "Gr\u00fc\u00dfe \u65e5\u672c \U0001f331": "several scripts",
    }  # fmt: skip
    return [
        (bytes([0xA0 | len(text.encode())]) + text.encode(), f"string: {note}")
        for text, note in texts.items()
    ]


def _text_invalid() -> list[Pair]:
    forms = {
        "80": "a continuation byte alone", "c3": "ends within a character",
        "e282": "ends within a character of three bytes",
        "f09f8c": "ends within a character of four bytes",
        "c328": "no continuation byte where one belongs", "c080": "overlong U+0000",
        "c1bf": "overlong U+007F", "e09fbf": "overlong U+07FF", "f08fbfbf": "overlong U+FFFF",
        "eda080": "surrogate U+D800", "edbfbf": "surrogate U+DFFF",
        "eda0bdedb1b1": "a pair of surrogates", "f4908080": "U+110000",
        "f8888080": "a lead byte 0xf8", "fe": "byte 0xfe", "ff": "byte 0xff",
    }  # fmt: skip
    return [
        (bytes([0xA0 | len(h) // 2]) + _hex(h), f"string: {note}") for h, note in forms.items()
    ]


def _maps_valid() -> list[Pair]:
    return [
        (b"\x82\xa0\x01\xa1a\x02", "the empty key is the first"),
        (b"\x83\xa1a\x01\xa2aa\x02\xa1b\x03", "a prefix before what it begins, then b"),
        (
            b"\x82\xd9\x20" + b"a" * 32 + b"\x01\xa1b\x02",
            "a long key with a higher tag byte before a short one: keys compare, not encodings",
        ),
        (b"\x82\xa1Z\x01\xa1a\x02", "capitals first: bytewise"),
        (
            b"\x82\xa3\xef\xbf\xbf\x01\xa4\xf0\x90\x80\x80\x02",
            "U+FFFF before U+10000: bytes of UTF-8, not UTF-16",
        ),
        (b"\x81\xa1a\x81\xa1a\xc0", "the same key in different maps"),
    ]


def _maps_invalid() -> list[Pair]:
    return [
        (b"\x82\xa1b\x01\xa1a\x02", "keys descending"),
        (b"\x82\xa1a\x01\xa1a\x02", "a key twice"),
        (b"\x82\xa0\x01\xa0\x02", "the empty key twice"),
        (b"\x82\xa2aa\x01\xa1a\x02", "a prefix after what it begins"),
        (b"\x82\xa1b\x01\xd9\x20" + b"a" * 32 + b"\x02", "ordered by encoding, not by key"),
        (b"\x83\xa1a\x01\xa1c\x02\xa1b\x03", "the third key out of order"),
        (b"\x81\x01\x02", "an integer as key"),
        (b"\x81\xc4\x01a\x02", "a binary as key"),
        (b"\x81\xc0\x02", "nil as key"),
        (b"\x81\xc3\x02", "true as key"),
        (b"\x81\x90\x02", "an array as key"),
        (b"\x81\x80\x02", "a map as key"),
        (b"\x81\xa1\xff\x00", "a key that is no UTF-8"),
        (b"\x81\xd9\x01a\x00", "a key not in its shortest form"),
    ]


def _limits_valid() -> list[Pair]:
    return [
        (b"\x91" * 7 + b"\x90", "8 arrays inside one another"),
        (b"\x91" * 8 + b"\x00", "8 arrays inside one another, a number in the last"),
        (b"\x81\xa1a" * 7 + b"\x80", "8 maps inside one another"),
        (b"\x91\x81\xa1a" * 4 + b"\xc0", "arrays and maps, 8 in all"),
        (
            b"\x92" + b"\x91" * 6 + b"\x90" + b"\x91" * 6 + b"\x90",
            "two branches of depth 8: depth is not a total",
        ),
        (b"\xdc\x3f\xff" + bytes(16383), "16,384 values: an array of 16,383"),
        (
            b"\x92\xdc\x1f\xff" + bytes(8191) + b"\xdc\x1f\xfe" + bytes(8190),
            "16,384 values in two arrays",
        ),
        (
            b"\xde\x1f\xff" + b"".join(b"\xa2" + _key(i) + b"\x00" for i in range(8191)),
            "16,383 values: a map of 8,191",
        ),
    ]


def _key(i: int) -> bytes:
    """Ascending keys of two ASCII characters."""
    return bytes([i >> 7, i & 127])


def _limits_invalid() -> list[Pair]:
    return [
        (b"\x91" * 8 + b"\x90", "9 arrays inside one another"),
        (b"\x91" * 9 + b"\x00", "9 arrays inside one another, a number in the last"),
        (b"\x81\xa1a" * 8 + b"\x80", "9 maps inside one another"),
        (b"\x91\x81\xa1a" * 4 + b"\x90", "arrays and maps, 9 in all"),
        (b"\x91" * 20000 + b"\x00", "20,000 arrays inside one another"),
        (b"\xdc\x40\x00" + bytes(16384), "16,385 values: an array of 16,384"),
        (
            b"\x92\xdc\x1f\xff" + bytes(8191) + b"\xdc\x1f\xff" + bytes(8191),
            "16,385 values in two arrays",
        ),
        (
            b"\xde\x20\x00" + b"".join(b"\xa2" + _key(i) + b"\x00" for i in range(8192)),
            "16,385 values: a map of 8,192",
        ),
        (b"\xdb\xff\xff\xff\xff", "a string of 2^32-1, and nothing there"),
        (b"\xc6\xff\xff\xff\xff", "a binary of 2^32-1, and nothing there"),
        (b"\xdc\xff\xff\x00\x00", "an array of 65,535 in five bytes"),
        (b"\xde\xff\xff\xa0\x00", "a map of 65,535 in five bytes"),
        (b"\xdd\xff\xff\xff\xff", "an array of 2^32-1 in five bytes"),
        (b"\xdf\xff\xff\xff\xff", "a map of 2^32-1 in five bytes"),
        (b"\x91\xdc\x3f\xff\x00", "an array of 16,383 that ends at once, in an array"),
    ]


def _others_invalid() -> list[Pair]:
    forms = {
        "": "nothing at all", "c1": "tag 0xc1", "ca3f800000": "float32 1.0",
        "ca00000000": "float32 0.0", "cb3ff0000000000000": "float64 1.0",
        "cb7ff8000000000000": "float64 not a number", "91ca3f800000": "a float in an array",
        "d40100": "fixext1", "d5010000": "fixext2", "d6ff00000000": "fixext4, a timestamp",
        "d7ff0000000000000000": "fixext8, a timestamp",
        "d80100000000000000000000000000000000": "fixext16", "c70001": "ext8, empty",
        "c80001010000": "ext16", "c9000000010100": "ext32",
        "81a161d40100": "an extension as the value of a key",
        "c0c0": "two values", "00ff": "a byte after an integer", "9000": "a byte after an array",
        "80c0": "a byte after a map", "a16100": "a byte after a string",
        "cc": "ends in a uint8", "cd01": "ends in a uint16", "ce000100": "ends in a uint32",
        "cf00000001000000": "ends in a uint64", "d1ff": "ends in an int16",
        "a36162": "ends in a string", "d9": "ends before the length of a string",
        "da01": "ends in the length of a string", "c4": "ends before the length of a binary",
        "c40200": "ends in a binary", "91": "ends in an array", "9200": "ends in an array of 2",
        "81": "ends in a map", "81a161": "ends before the value of a key",
        "dc00": "ends in the count of an array", "de0010": "ends after the count of a map",
    }  # fmt: skip
    return [(_hex(h), note) for h, note in forms.items()]


def parts() -> dict[str, Any]:
    valid = (
        _integers_valid() + _lengths_valid() + _text_valid() + _maps_valid() + _limits_valid()
    )
    invalid = (
        _integers_invalid() + _lengths_invalid() + _text_invalid() + _maps_invalid()
        + _limits_invalid() + _others_invalid()
    )  # fmt: skip
    return {
        "canonical_valid": [{"hex": data, "note": note} for data, note in valid],
        "canonical_invalid": [{"hex": data, "note": note} for data, note in invalid],
    }
