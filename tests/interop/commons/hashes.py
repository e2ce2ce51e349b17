"""Hashes and signatures, each under its domain (SPEC 1.4)."""

from __future__ import annotations

import functools
import hashlib

import nacl.bindings
from nacl.exceptions import BadSignatureError

RECORD = "rp/1 record"
SIGN_RECORD = "rp/1 sign record"
OBJECT = "rp/1 object"
ORGANISATION = "rp/1 organisation"
NEXT_KEY = "rp/1 next key"
CERTIFICATE = "rp/1 certificate"
SIGN_CERTIFICATE = "rp/1 sign certificate"
SIGN_SLIP = "rp/1 sign slip"
FINGERPRINT = "rp/1 fingerprint"
SKETCH = "rp/1 sketch"
ACCEPT = "rp/1 accept"
TOKEN = "rp/1 token"
PAPER = "rp/1 paper"
TELLER = "rp/1 teller"
TELLER_CODE = "rp/1 teller code"
BEACON = "rp/1 beacon"
SIGN_BEACON = "rp/1 sign beacon"
VERIFY = "rp/1 verify"
CIRCLE = "rp/1 circle"
SIGN_CIRCLE = "rp/1 sign circle"
RECOVER = "rp/1 recover"
SIGN_RECOVER = "rp/1 sign recover"
GRANT = "rp/1 grant"
SIGN_GRANT = "rp/1 sign grant"

ALL = (
    RECORD, SIGN_RECORD, OBJECT, ORGANISATION, NEXT_KEY, CERTIFICATE, SIGN_CERTIFICATE,
    SIGN_SLIP, FINGERPRINT, SKETCH, ACCEPT, TOKEN, PAPER,
    TELLER, TELLER_CODE, BEACON, SIGN_BEACON, VERIFY,
    CIRCLE, SIGN_CIRCLE, RECOVER, SIGN_RECOVER, GRANT, SIGN_GRANT,
)  # fmt: skip


def H(domain: str, *parts: bytes) -> bytes:
    """BLAKE2b-256 over the domain, a zero byte and the parts."""
    return hashlib.blake2b(domain.encode() + b"\0" + b"".join(parts), digest_size=32).digest()


@functools.lru_cache
def _key_pair(seed: bytes) -> tuple[bytes, bytes]:
    return nacl.bindings.crypto_sign_seed_keypair(seed)


def public_key(seed: bytes) -> bytes:
    """The Ed25519 public key of a 32-byte seed."""
    return _key_pair(seed)[0]


def sign(domain: str, seed: bytes, digest: bytes) -> bytes:
    """Sign(domain, key, digest), the key given by its seed."""
    assert len(digest) == 32
    return nacl.bindings.crypto_sign(domain.encode() + b"\0" + digest, _key_pair(seed)[1])[:64]


def verify(domain: str, key: bytes, digest: bytes, sig: bytes) -> bool:
    """Whether sig is Sign(domain, key, digest), by libsodium's rules."""
    if len(key) != 32 or len(sig) != 64:
        return False
    try:
        nacl.bindings.crypto_sign_open(sig + domain.encode() + b"\0" + digest, key)
    except BadSignatureError:
        return False
    return True


def accept_digest(accepted: set[bytes], kept: set[bytes]) -> bytes:
    """Digest of the organisations accepted now, and of those accepted once (SPEC 3.5)."""
    number = len(accepted).to_bytes(4, "big")
    return H(ACCEPT, number, *sorted(accepted), *sorted(kept))
