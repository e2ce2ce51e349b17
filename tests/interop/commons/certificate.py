"""What a node shows in the handshake: certificate and proof (SPEC 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

from . import canonical, record
from .checks import array, is_bin, is_name, is_uint, need
from .hashes import CERTIFICATE, SIGN_CERTIFICATE, H, sign, verify
from .identity import MAX_SUCCESSION, MAX_SUCCESSIONS, Chain, parse_inception

MAX_PROOF = 40000
# With codec 0: what [0, body, sig] has around a body.
MAX_SUCCESSION_PACKED = MAX_SUCCESSION + 72


@dataclass(frozen=True)
class Certificate:
    org: bytes
    key: bytes
    serial: int
    noise: bytes
    sign: bytes
    issued: int
    name: str

    def encode(self) -> bytes:
        return canonical.encode(
            [1, self.org, self.key, self.serial, self.noise, self.sign, self.issued, self.name]
        )

    def issue(self, key_seed: bytes) -> bytes:
        """The certificate with the organisation's signature."""
        raw = self.encode()
        sig = sign(SIGN_CERTIFICATE, key_seed, H(CERTIFICATE, raw))
        return canonical.encode([raw, sig])


def parse_certificate(data: bytes) -> Certificate:
    version, org, key, serial, noise, sign_, issued, name = array(data, 8, "certificate")
    need(is_uint(version) and version == 1, "certificate: version")
    for what, value in (("org", org), ("key", key), ("noise", noise), ("sign", sign_)):
        need(is_bin(value, 32), f"certificate: {what}")
    need(is_uint(serial), "certificate: serial")
    need(is_uint(issued), "certificate: issued")
    need(is_name(name), "certificate: name")
    return Certificate(org, key, serial, noise, sign_, issued, name)


def open_issued(data: bytes) -> Certificate:
    """The certificate, when the signature is by the key it names."""
    raw, sig = array(data, 2, "issued certificate")
    need(isinstance(raw, bytes) and is_bin(sig, 64), "issued certificate: fields")
    certificate = parse_certificate(raw)
    good = verify(SIGN_CERTIFICATE, certificate.key, H(CERTIFICATE, raw), sig)
    need(good, "certificate: the signature does not verify")
    return certificate


@dataclass(frozen=True)
class Proven:
    """Who the other side has shown itself to be."""

    certificate: Certificate
    chain: Chain
    inception: bytes
    successions: tuple[bytes, ...]

    @property
    def org(self) -> bytes:
        return self.certificate.org


def encode_proof(issued: bytes, inception: bytes, successions: list[bytes]) -> bytes:
    plain = [record.open_record(packed).plain() for packed in successions]
    proof = canonical.encode([1, issued, inception, plain, {}])
    need(len(proof) <= MAX_PROOF, "proof too long")
    return proof


def check_proof(data: bytes, noise_public: bytes) -> Proven:
    """Who a proof proves, given the static key that the handshake authenticated."""
    need(len(data) <= MAX_PROOF, "proof too long")
    version, issued, inception, successions, later = array(data, 5, "proof")
    need(is_uint(version) and version == 1, "proof: version")
    need(isinstance(issued, bytes) and isinstance(inception, bytes), "proof: fields")
    need(isinstance(successions, list) and len(successions) <= MAX_SUCCESSIONS, "proof: list")
    need(all(isinstance(s, bytes) for s in successions), "proof: a succession")
    need(isinstance(later, dict), "proof: map")
    certificate = open_issued(issued)
    chain = Chain(parse_inception(inception))
    need(certificate.org == chain.org, "proof: another organisation")
    need(certificate.noise == noise_public, "proof: another node")
    for packed in successions:
        need(len(packed) <= MAX_SUCCESSION_PACKED, "proof: succession too long")
        succession = record.open_record(packed)
        need(isinstance(succession, record.Record), "proof: succession of a later version")
        need(succession.codec == 0, "proof: succession compressed")
        chain.follow(succession)
    need(certificate.key == chain.keys[-1], "proof: not the key of today")
    return Proven(certificate, chain, inception, tuple(successions))
