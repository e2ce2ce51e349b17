"""Canonical msgpack: one encoding for each value (SPEC 1.1)."""

from __future__ import annotations

import struct
from typing import Union

from .refuse import Refuse

MAX_DEPTH = 8
MAX_VALUES = 16384

Value = Union[None, bool, int, str, bytes, list, dict]


class NotCanonical(Refuse):
    """The bytes are not the one encoding of one value."""


class _Reader:
    """Reads one value; believes no length before the bytes for it are seen."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0
        self.values_left = MAX_VALUES

    def left(self) -> int:
        return len(self.data) - self.pos

    def take(self, n: int) -> bytes:
        if n > self.left():
            raise NotCanonical("ends too early")
        self.pos += n
        return self.data[self.pos - n : self.pos]

    def unsigned(self, size: int, least: int) -> int:
        """A big-endian number that a shorter form could not have said."""
        number = int.from_bytes(self.take(size), "big")
        if number < least:
            raise NotCanonical("not the shortest form")
        return number

    def signed(self, size: int, below: int) -> int:
        number = int.from_bytes(self.take(size), "big", signed=True)
        if number >= below:
            raise NotCanonical("not the shortest form")
        return number

    def value(self, depth: int) -> Value:
        if self.values_left == 0:
            raise NotCanonical("too many values")
        self.values_left -= 1
        tag = self.take(1)[0]
        if tag <= 0x7F:
            return tag
        if tag <= 0x8F:
            return self.map(tag & 0x0F, depth)
        if tag <= 0x9F:
            return self.array(tag & 0x0F, depth)
        if tag <= 0xBF:
            return self.string(tag & 0x1F)
        if tag >= 0xE0:
            return tag - 0x100
        return self.tagged(tag, depth)

    def tagged(self, tag: int, depth: int) -> Value:
        if tag == 0xC0:
            return None
        if tag in (0xC2, 0xC3):
            return tag == 0xC3
        if tag in (0xC4, 0xC5, 0xC6):
            size = 1 << (tag - 0xC4)
            return self.take(self.unsigned(size, {1: 0, 2: 1 << 8, 4: 1 << 16}[size]))
        if tag in (0xCC, 0xCD, 0xCE, 0xCF):
            size = 1 << (tag - 0xCC)
            return self.unsigned(size, {1: 0x80, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[size])
        if tag in (0xD0, 0xD1, 0xD2, 0xD3):
            size = 1 << (tag - 0xD0)
            return self.signed(
                size, {1: -0x20, 2: -(1 << 7), 4: -(1 << 15), 8: -(1 << 31)}[size]
            )
        if tag in (0xD9, 0xDA, 0xDB):
            size = 1 << (tag - 0xD9)
            return self.string(self.unsigned(size, {1: 32, 2: 1 << 8, 4: 1 << 16}[size]))
        if tag == 0xDC:
            return self.array(self.unsigned(2, 16), depth)
        if tag == 0xDE:
            return self.map(self.unsigned(2, 16), depth)
        raise NotCanonical(f"tag 0x{tag:02x} is not used")

    def string(self, size: int) -> str:
        try:
            # Python's strict decoder refuses overlong forms, surrogates and
            # everything above U+10FFFF.
            return self.take(size).decode("utf-8", "strict")
        except UnicodeDecodeError as error:
            raise NotCanonical("not UTF-8") from error

    def inside(self, depth: int, values: int) -> int:
        """The depth within a container of so many values, when both are allowed."""
        if depth == MAX_DEPTH:
            raise NotCanonical("too deep")
        if values > self.values_left or values > self.left():
            raise NotCanonical("more values than allowed or than bytes")
        return depth + 1

    def array(self, count: int, depth: int) -> list:
        depth = self.inside(depth, count)
        return [self.value(depth) for _ in range(count)]

    def map(self, count: int, depth: int) -> dict:
        depth = self.inside(depth, 2 * count)
        result: dict = {}
        before = None
        for _ in range(count):
            key = self.value(depth)
            if not isinstance(key, str):
                raise NotCanonical("a key that is no string")
            raw = key.encode()
            if before is not None and raw <= before:
                raise NotCanonical("keys not ascending")
            before = raw
            result[key] = self.value(depth)
        return result


def decode(data: bytes) -> Value:
    """The value that exactly these bytes encode; NotCanonical otherwise."""
    reader = _Reader(bytes(data))
    value = reader.value(0)
    if reader.left():
        raise NotCanonical("bytes after the value")
    return value


class _Writer:
    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.values = 0

    def number(self, n: int) -> None:
        if n >= 0:
            if n < 0x80:
                self.parts.append(bytes([n]))
                return
            sizes = ((">BB", 0xCC, 8), (">BH", 0xCD, 16), (">BI", 0xCE, 32), (">BQ", 0xCF, 64))
            fits = [s for s in sizes if n < 1 << s[2]]
        else:
            if n >= -0x20:
                self.parts.append(bytes([n + 0x100]))
                return
            sizes = ((">Bb", 0xD0, 8), (">Bh", 0xD1, 16), (">Bi", 0xD2, 32), (">Bq", 0xD3, 64))
            fits = [s for s in sizes if n >= -1 << (s[2] - 1)]
        if not fits:
            raise NotCanonical("integer out of range")
        self.parts.append(struct.pack(fits[0][0], fits[0][1], n))

    def head(self, length: int, fixed: tuple[int, int], forms: tuple) -> None:
        """Tag and length in the shortest form; fixed is (tag, lengths below)."""
        if length < fixed[1]:
            self.parts.append(bytes([fixed[0] | length]))
            return
        for form, tag, below in forms:
            if length < below:
                self.parts.append(struct.pack(form, tag, length))
                return
        raise NotCanonical("too long")

    def value(self, value: Value, depth: int) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise NotCanonical("too many values")
        if isinstance(value, (list, tuple, dict)) and depth == MAX_DEPTH:
            raise NotCanonical("too deep")
        if value is None:
            self.parts.append(b"\xc0")
        elif isinstance(value, bool):
            self.parts.append(b"\xc3" if value else b"\xc2")
        elif isinstance(value, int):
            self.number(value)
        elif isinstance(value, str):
            raw = value.encode("utf-8", "strict")
            forms = ((">BB", 0xD9, 1 << 8), (">BH", 0xDA, 1 << 16), (">BI", 0xDB, 1 << 32))
            self.head(len(raw), (0xA0, 32), forms)
            self.parts.append(raw)
        elif isinstance(value, (bytes, bytearray)):
            forms = ((">BB", 0xC4, 1 << 8), (">BH", 0xC5, 1 << 16), (">BI", 0xC6, 1 << 32))
            self.head(len(value), (0, 0), forms)
            self.parts.append(bytes(value))
        elif isinstance(value, (list, tuple)):
            self.head(len(value), (0x90, 16), ((">BH", 0xDC, 1 << 16),))
            for item in value:
                self.value(item, depth + 1)
        elif isinstance(value, dict):
            self.head(len(value), (0x80, 16), ((">BH", 0xDE, 1 << 16),))
            if not all(isinstance(key, str) for key in value):
                raise NotCanonical("a key that is no string")
            for key in sorted(value, key=str.encode):
                self.value(key, depth + 1)
                self.value(value[key], depth + 1)
        else:
            raise NotCanonical(f"{type(value).__name__} has no encoding")


def encode(value: Value) -> bytes:
    """The one encoding of value; NotCanonical when it has none."""
    writer = _Writer()
    writer.value(value, 0)
    return b"".join(writer.parts)
