"""Asking for an organisation's chain of keys with its paper key alone (SPEC 3.9)."""

from __future__ import annotations

from .checks import need
from .hashes import RECOVER, SIGN_RECOVER, H, public_key, sign, verify
from .identity import Chain, parse_inception
from .message import Message, message
from .record import Record, open_record


def digest(org: bytes, caller: bytes, called: bytes) -> bytes:
    return H(RECOVER, org, caller, called)


def ask(org: bytes, paper_seed: bytes, caller: bytes, called: bytes) -> Message:
    """RECOVER, from the node with one Noise key to the one with the other."""
    sig = sign(SIGN_RECOVER, paper_seed, digest(org, caller, called))
    return message("RECOVER", org=org, key=public_key(paper_seed), sig=sig)


def is_signed(msg: Message, caller: bytes, called: bytes) -> bool:
    return verify(SIGN_RECOVER, msg["key"], digest(msg["org"], caller, called), msg["sig"])


def follow(answer: Message, org: bytes) -> Chain:
    """The chain in CHAIN, which proves itself."""
    inception = parse_inception(answer["inception"])
    need(inception.org == org, "CHAIN: another organisation")
    chain = Chain(inception)
    for packed in answer["successions"]:
        succession = open_record(packed)
        need(isinstance(succession, Record) and succession.codec == 0, "CHAIN: a succession")
        chain.follow(succession)
    return chain
