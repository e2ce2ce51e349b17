"""An organisation with its secrets, and one node of it: what writes and what proves."""

from __future__ import annotations

import hashlib
import os
import time
from typing import Any, Optional

from . import record
from .certificate import Certificate, encode_proof
from .hashes import SIGN_SLIP, public_key, sign
from .identity import Inception, next_digest
from .noise import public_of
from .record import Body, Record

CONTROL_KINDS = ("identity", "vouch", "withdrawal", "revocation")


class Author:
    """All keys follow from one seed, so that tests can be repeated."""

    def __init__(self, name: str, seed: Optional[bytes] = None, node_name: str = "") -> None:
        self.name = name
        self.node_name = node_name or name
        self._seed = seed or os.urandom(32)
        self.key_seed = self._secret("key 0")
        self.inception = Inception(
            public_key(self.key_seed), next_digest(public_key(self._secret("key 1"))), name
        )
        self.org = self.inception.org
        self.noise_secret = self._secret("noise")
        self.sign_seed = self._secret("node")
        self.successions: list[Record] = []

    def _secret(self, label: str) -> bytes:
        return hashlib.sha256(self._seed + label.encode()).digest()

    @property
    def key(self) -> bytes:
        return public_key(self.key_seed)

    @property
    def next_seed(self) -> bytes:
        """Seed of the key that stands on paper."""
        return self._secret(f"key {len(self.successions) + 1}")

    def compose(
        self,
        kind: str,
        content: dict[str, Any],
        *,
        set: Optional[int] = None,
        scope: bytes = record.COMMONS,
        made: Optional[int] = None,
        seed: Optional[bytes] = None,
        teller: Optional[bytes] = None,
        parents: tuple[bytes, ...] = (),
        codec: int = 0,
    ) -> Record:
        """A record of this organisation; the set follows from the kind if not given."""
        if set is None:
            set = record.CONTROL if kind in CONTROL_KINDS else record.CONTENT
        if made is None:
            made = time.time_ns() // 1_000_000
        body = Body(
            set, scope, self.org, self.key, kind, made, os.urandom(16), seed or os.urandom(16),
            teller, tuple(sorted(parents)), content,
        )  # fmt: skip
        return record.seal(body, self.key_seed, codec)

    def identity(self) -> Record:
        """The inception as a record (SPEC 2.2)."""
        return self.compose("identity", {"inception": self.inception.encode()})

    def succeed(
        self, stands_by: Optional[list[bytes]] = None, apart: bool = False
    ) -> Record:
        """The key on paper takes over, or with apart has another one take over, and commits.

        With stands_by the organisation stands by no other records of the key before.
        """
        number = len(self.successions) + 1
        self.key_seed = self.next_seed
        following = public_key(self._secret(f"key {number + 1}"))
        content: dict[str, Any] = {"number": number, "next": next_digest(following)}
        if stands_by is not None:
            content.update(old="listed", stands_by=stands_by)
        signing = self._secret(f"signing {number}")
        if apart:
            content["key"] = public_key(signing)
        self.successions.append(self.compose("identity", content))
        if apart:
            self.key_seed = signing
        return self.successions[-1]

    def vouch(self, inception: Inception) -> Record:
        content = {"subject": inception.org, "inception": inception.encode()}
        return self.compose("vouch", content)

    def revoke(self, *nodes: bytes) -> Record:
        """Ends the certificates of these nodes, by their Ed25519 keys (SPEC 2.4)."""
        return self.compose("revocation", {"nodes": list(nodes)})

    def slip(self, object_id: bytes) -> bytes:
        """The organisation's consent to a teller's key, for one object (SPEC 2.4)."""
        return sign(SIGN_SLIP, self.key_seed, object_id)

    def withdraw(self, what: Record, versions: Optional[list[bytes]] = None) -> Record:
        content = {} if versions is None else {"versions": versions}
        body = what.body
        return self.compose(
            "withdrawal", content, scope=body.scope, seed=body.seed, teller=body.teller
        )

    def issued(self) -> bytes:
        """The certificate of this node."""
        certificate = Certificate(
            self.org, self.key, 1, public_of(self.noise_secret), public_key(self.sign_seed),
            time.time_ns() // 1_000_000, self.node_name,
        )  # fmt: skip
        return certificate.issue(self.key_seed)

    def proof(self) -> bytes:
        """What this node shows in the handshake."""
        return encode_proof(
            self.issued(),
            self.inception.encode(),
            [s.packed for s in self.successions],
        )
