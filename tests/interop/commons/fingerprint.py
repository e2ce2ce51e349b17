"""Fingerprints of sets: sums of 1,024 lanes of 16 bits (SPEC 4.1)."""

from __future__ import annotations

import functools
from typing import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from .hashes import FINGERPRINT, H

LANES = 1024
SIZE = 2 * LANES

# Lanes are added inside one long integer. Every other lane is masked out, so
# that a carry runs into the gap and never into a neighbour.
_EVEN = int.from_bytes(b"\xff\xff\0\0" * (LANES // 2), "little")
# 2^16 for each of those lanes: added before a difference, it stays above zero.
_ROOM = int.from_bytes(b"\0\0\1\0" * (LANES // 2), "little")
_LABEL = b"rp/1 fingerprint"


# Remembered, since sets are summed up anew for each exchange.
@functools.lru_cache(maxsize=1 << 14)
def expand(symbol: bytes) -> bytes:
    """The 2,048 bytes that one symbol adds."""
    # The cipher takes a counter and a nonce of eight bytes each, here all zero.
    cipher = Cipher(algorithms.ChaCha20(symbol + _LABEL, bytes(16)), mode=None)
    return cipher.encryptor().update(bytes(SIZE))


class Fingerprint:
    """A running sum; symbols can be added and taken out."""

    def __init__(self, symbols: Iterable[bytes] = ()) -> None:
        self._even = 0
        self._odd = 0
        for symbol in symbols:
            self.add(symbol)

    def add(self, symbol: bytes) -> None:
        lanes = int.from_bytes(expand(symbol), "little")
        self._even = (self._even + (lanes & _EVEN)) & _EVEN
        self._odd = (self._odd + (lanes >> 16 & _EVEN)) & _EVEN

    def remove(self, symbol: bytes) -> None:
        lanes = int.from_bytes(expand(symbol), "little")
        self._even = (self._even + _ROOM - (lanes & _EVEN)) & _EVEN
        self._odd = (self._odd + _ROOM - (lanes >> 16 & _EVEN)) & _EVEN

    def lanes(self) -> bytes:
        """The lanes, little-endian."""
        return (self._even | self._odd << 16).to_bytes(SIZE, "little")

    def digest(self) -> bytes:
        return H(FINGERPRINT, self.lanes())


def digest(symbols: Iterable[bytes]) -> bytes:
    return Fingerprint(symbols).digest()
