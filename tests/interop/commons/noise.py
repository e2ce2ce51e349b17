"""Noise_XX_25519_ChaChaPoly_BLAKE2b, from the Noise specification, revision 34 (SPEC 3.1)."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Optional

import nacl.bindings as sodium
from nacl.exceptions import CryptoError

from .refuse import Refuse

NAME = b"Noise_XX_25519_ChaChaPoly_BLAKE2b"
PROLOGUE = b"rp/1"
MAX_MESSAGE = 65535
TAG = 16
REKEY_AFTER = 65536

_PATTERN = (("e",), ("e", "ee", "s", "es"), ("s", "se"))


def public_of(secret: bytes) -> bytes:
    return sodium.crypto_scalarmult_base(secret)


def _dh(secret: bytes, public: bytes) -> bytes:
    try:
        return sodium.crypto_scalarmult(secret, public)
    except (CryptoError, RuntimeError) as error:
        # libsodium refuses points of small order, which would yield zeros.
        raise Refuse("noise: a key of small order") from error


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data).digest()


def _hkdf2(chaining: bytes, material: bytes) -> tuple[bytes, bytes]:
    temp = hmac.digest(chaining, material, "blake2b")
    first = hmac.digest(temp, b"\x01", "blake2b")
    return first, hmac.digest(temp, first + b"\x02", "blake2b")


def _aead_nonce(n: int) -> bytes:
    return bytes(4) + n.to_bytes(8, "little")


class CipherState:
    """One key and the number of the next message."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.n = 0

    def encrypt(self, plain: bytes, ad: bytes = b"") -> bytes:
        out = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
            plain, ad, _aead_nonce(self.n), self.key
        )
        self.n += 1
        return out

    def decrypt(self, data: bytes, ad: bytes = b"") -> bytes:
        if len(data) < TAG:
            raise Refuse("noise: message too short")
        try:
            plain = sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
                data, ad, _aead_nonce(self.n), self.key
            )
        except CryptoError as error:
            raise Refuse("noise: message not authentic") from error
        self.n += 1
        return plain

    def rekey(self) -> None:
        """Noise REKEY: the key changes, the nonce goes on."""
        self.key = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
            bytes(32), b"", _aead_nonce(2**64 - 1), self.key
        )[:32]


class Direction:
    """Transport messages one way, rekeyed after each 65,536 of them."""

    def __init__(self, cipher: CipherState, rekey_after: int = REKEY_AFTER) -> None:
        self.cipher = cipher
        self.rekey_after = rekey_after

    def _count(self) -> None:
        if self.cipher.n % self.rekey_after == 0:
            self.cipher.rekey()

    def seal(self, plain: bytes) -> bytes:
        out = self.cipher.encrypt(plain)
        self._count()
        return out

    def open(self, data: bytes) -> bytes:
        plain = self.cipher.decrypt(data)
        self._count()
        return plain


class Handshake:
    """One side of the handshake; write and read the three messages in turn."""

    def __init__(
        self,
        initiator: bool,
        static: bytes,
        ephemeral: Optional[bytes] = None,
        prologue: bytes = PROLOGUE,
    ) -> None:
        self.initiator = initiator
        self.s = static
        self.e = ephemeral or os.urandom(32)
        self.rs: Optional[bytes] = None
        self.re: Optional[bytes] = None
        self.turn = 0
        self.cipher: Optional[CipherState] = None
        self.h = NAME.ljust(64, b"\0")
        self.ck = self.h
        self._mix_hash(prologue)

    def _mix_hash(self, data: bytes) -> None:
        self.h = _hash(self.h + data)

    def _mix_key(self, material: bytes) -> None:
        self.ck, key = _hkdf2(self.ck, material)
        self.cipher = CipherState(key[:32])

    def _encrypt(self, plain: bytes) -> bytes:
        out = self.cipher.encrypt(plain, self.h) if self.cipher else plain
        self._mix_hash(out)
        return out

    def _decrypt(self, data: bytes) -> bytes:
        plain = self.cipher.decrypt(data, self.h) if self.cipher else data
        self._mix_hash(data)
        return plain

    def _mix_dh(self, token: str) -> None:
        """The first letter is the initiator's key, the second the responder's."""
        mine, theirs = token if self.initiator else token[::-1]
        secret = self.e if mine == "e" else self.s
        public = self.re if theirs == "e" else self.rs
        assert public is not None
        self._mix_key(_dh(secret, public))

    def _take_turn(self, writing: bool) -> tuple[str, ...]:
        assert self.turn < 3 and writing == (self.initiator == (self.turn % 2 == 0))
        self.turn += 1
        return _PATTERN[self.turn - 1]

    def write(self, payload: bytes) -> bytes:
        out = b""
        for token in self._take_turn(True):
            if token == "e":
                public = public_of(self.e)
                self._mix_hash(public)
                out += public
            elif token == "s":
                out += self._encrypt(public_of(self.s))
            else:
                self._mix_dh(token)
        return out + self._encrypt(payload)

    def read(self, message: bytes) -> bytes:
        pos = 0

        def take(n: int) -> bytes:
            nonlocal pos
            if len(message) - pos < n:
                raise Refuse("noise: message too short")
            pos += n
            return message[pos - n : pos]

        for token in self._take_turn(False):
            if token == "e":
                self.re = take(32)
                self._mix_hash(self.re)
            elif token == "s":
                self.rs = self._decrypt(take(32 + TAG))
            else:
                self._mix_dh(token)
        return self._decrypt(message[pos:])

    def split(self, rekey_after: int = REKEY_AFTER) -> tuple[Direction, Direction]:
        """The directions in which this side sends and receives."""
        assert self.turn == 3
        first, second = _hkdf2(self.ck, b"")
        ways = [Direction(CipherState(key[:32]), rekey_after) for key in (first, second)]
        return (ways[0], ways[1]) if self.initiator else (ways[1], ways[0])
