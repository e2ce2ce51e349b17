"""Sketches: cells in which the difference of two sets can be found (SPEC 4.2)."""

from __future__ import annotations

import math
from typing import Iterable, Iterator, Optional

from nacl.bindings import crypto_shorthash_siphash24

from .hashes import SKETCH, H

MAX_CELLS = 65536
CELL = 24
FIRST_CELLS = 32
DIGESTS_IN_OCTAVE = 256
DIGESTS_FROM = {8192: 448, 16384: 448, 32768: 1408}

_STEP = 0xDA942042E4DD58B5
_MASK = (1 << 64) - 1
_SYMBOL = (1 << 128) - 1


def scope_key(scope: bytes) -> bytes:
    return H(SKETCH, scope)[:16]


def checksum(key: bytes, symbol: bytes) -> int:
    return int.from_bytes(crypto_shorthash_siphash24(symbol, key), "little")


def walk(c: int) -> Iterator[int]:
    """The cells of a symbol with checksum c, from cell 0 on and without end."""
    s = c
    i = 0
    while True:
        yield i
        s = s * _STEP & _MASK
        # float(s) rounds to the nearest double; Python neither fuses nor extends.
        # The largest s round to 2^64, where the step would be none.
        i += max(1, math.ceil((i + 1.5) * (4294967296.0 / math.sqrt(float(s) + 1.0) - 1.0)))


def cells_of(c: int, limit: int) -> list[int]:
    """The cells below limit of a symbol with checksum c."""
    found = []
    for i in walk(c):
        if i >= limit:
            return found
        found.append(i)
    return found


def make(symbols: Iterable[bytes], key: bytes, count: int) -> list[int]:
    """The first cells of a set, each as a little-endian number of 24 bytes."""
    cells = [0] * count
    for symbol in symbols:
        c = checksum(key, symbol)
        value = int.from_bytes(symbol, "little") | c << 128
        for i in cells_of(c, count):
            cells[i] ^= value
    return cells


def to_bytes(cells: Iterable[int]) -> bytes:
    return b"".join(cell.to_bytes(CELL, "little") for cell in cells)


def from_bytes(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + CELL], "little") for i in range(0, len(data), CELL)]


def digest_cells(available: int) -> list[int]:
    """The cells whose digests are sent, when so many cells can be had."""
    cells = []
    f = FIRST_CELLS
    while 2 * f <= available:
        n = DIGESTS_FROM.get(f, min(f, DIGESTS_IN_OCTAVE))
        cells += [f + j * f // n for j in range(n)]
        f *= 2
    return cells


def digests(cells: list[int]) -> bytes:
    """The lowest four bits of the checksum of each of those cells, two in a byte."""
    bits = [cells[i] >> 128 & 15 for i in digest_cells(len(cells))]
    return bytes(first | second << 4 for first, second in zip(bits[::2], bits[1::2]))


def _apart(data: bytes) -> list[int]:
    return [half for byte in data for half in (byte & 15, byte >> 4)]


def decode(difference: list[int], key: bytes) -> Optional[set[bytes]]:
    """The symbols whose sketch this is, or None when that many cells do not tell."""
    cells = list(difference)
    found: set[bytes] = set()
    pending = [i for i, cell in enumerate(cells) if cell]
    while pending:
        cell = cells[pending.pop()]
        symbol = (cell & _SYMBOL).to_bytes(16, "little")
        c = checksum(key, symbol)
        if cell == 0 or cell >> 128 != c:
            continue
        # Cells made up to be taken out for ever would show a symbol again.
        if symbol in found:
            return None
        found.add(symbol)
        for i in cells_of(c, len(cells)):
            cells[i] ^= cell
            if cells[i]:
                pending.append(i)
    return None if any(cells) else found


def estimate(ours: bytes, theirs: bytes, available: int) -> int:
    """The most likely size of the difference, given both sides' digests.

    A cell i holds a given symbol with a chance of about 1 / (1 + i / 2); a cell
    that holds none of the difference has equal digests, any other one in 16.
    """
    seen = []
    for i, a, b in zip(digest_cells(available), _apart(ours), _apart(theirs)):
        seen.append((math.log1p(-1.0 / (1.0 + i / 2.0)), a == b))
    if not seen:
        return 0

    def likelihood(d: float) -> float:
        total = 0.0
        for log_free, equal in seen:
            free = math.exp(d * log_free)
            total += math.log(free + (1.0 - free) / 16.0 if equal else (1.0 - free) * 15 / 16)
        return total

    low, high = math.log(0.5), math.log(1e7)
    while high - low > 0.01:
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if likelihood(math.exp(a)) < likelihood(math.exp(b)):
            low = a
        else:
            high = b
    return round(math.exp((low + high) / 2))
