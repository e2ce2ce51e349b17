"""Another node of an organisation: its request, and what it is granted (SPEC 3.10)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Optional

import nacl.bindings as sodium

from . import bech32m, canonical
from .certificate import Proven, check_proof
from .checks import array, is_bin, is_name, is_uint, need
from .hashes import GRANT, SIGN_GRANT, H, sign, verify
from .token import are_addresses

PREFIX = "rpnode"
GRANT_PREFIX = "rpgrant1"
MAX_PEERS = 32
MAX_GRANT = 131072
SECRETS, SEALED = 64, 112


@dataclass(frozen=True)
class Request:
    """Of which organisation a node is to be, and which keys it has made."""

    org: bytes
    noise: bytes
    sign: bytes
    name: str

    def text(self) -> str:
        need(is_name(self.name), "request: name")
        fields = [1, self.org, self.noise, self.sign, self.name]
        return bech32m.encode(PREFIX, canonical.encode(fields))


def parse_request(text: str) -> Request:
    version, org, noise, sign_, name = array(bech32m.decode(PREFIX, text), 5, "request")
    need(is_uint(version) and version == 1, "request: version")
    need(all(is_bin(v, 32) for v in (org, noise, sign_)), "request: fields")
    need(is_name(name), "request: name")
    return Request(org, noise, sign_, name)


@dataclass(frozen=True)
class Grant:
    proven: Proven
    peers: list[Any]  # [org, name, [address, ...]] each
    sealed: Optional[bytes]


def encode(proof: bytes, peers: list[Any], key_seed: bytes, sealed: Optional[bytes] = None) -> str:
    """The line in which whoever has the organisation's key answers a request."""
    inner = canonical.encode([1, proof, peers])
    sig = sign(SIGN_GRANT, key_seed, H(GRANT, inner))
    raw = canonical.encode([inner, sig, sealed])
    text = base64.urlsafe_b64encode(raw + H(GRANT, raw)[:8]).decode()
    return GRANT_PREFIX + text.rstrip("=")


def _is_peer(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and is_bin(value[0], 32)
        and (value[1] == "" or is_name(value[1]))
        and are_addresses(value[2])
    )


def parse(text: str, noise_public: bytes) -> Grant:
    """What the line grants the node with that Noise key, and nobody else."""
    need(text.startswith(GRANT_PREFIX), "grant: none")
    letters = text[len(GRANT_PREFIX) :]
    try:
        whole = base64.b64decode(letters + "=" * (-len(letters) % 4), b"-_", validate=True)
    except ValueError:
        need(False, "grant: garbled")
    again = base64.urlsafe_b64encode(whole).decode().rstrip("=")
    need(again == letters, "grant: not as it is written")
    raw, checksum = whole[:-8], whole[-8:]
    need(len(raw) <= MAX_GRANT, "grant: too long")
    need(len(checksum) == 8 and H(GRANT, raw)[:8] == checksum, "grant: garbled")
    inner, sig, sealed = array(raw, 3, "grant")
    need(isinstance(inner, bytes) and is_bin(sig, 64), "grant: fields")
    need(sealed is None or is_bin(sealed, SEALED), "grant: sealed")
    version, proof, peers = array(inner, 3, "grant")
    need(is_uint(version) and version == 1, "grant: version")
    need(isinstance(proof, bytes) and isinstance(peers, list), "grant: fields")
    need(len(peers) <= MAX_PEERS and all(map(_is_peer, peers)), "grant: peers")
    proven = check_proof(proof, noise_public)
    good = verify(SIGN_GRANT, proven.certificate.key, H(GRANT, inner), sig)
    need(good, "grant: the signature does not verify")
    return Grant(proven, peers, sealed)


def unseal(sealed: bytes, noise_public: bytes, noise_secret: bytes) -> bytes:
    """The organisation's secrets, for the node alone."""
    return sodium.crypto_box_seal_open(sealed, noise_public, noise_secret)
