"""The words that two nodes show to be compared by voice (SPEC 3.6)."""

from __future__ import annotations

from . import proquint
from .hashes import VERIFY, H

WORDS = 8


def words(org_a: bytes, noise_a: bytes, org_b: bytes, noise_b: bytes) -> str:
    """The same whichever of the two is named first."""
    sides = sorted((org_a + noise_a, org_b + noise_b))
    return proquint.encode(H(VERIFY, *sides)[: 2 * WORDS])
