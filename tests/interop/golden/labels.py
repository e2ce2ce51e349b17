"""Every seed and number of the vectors follows from a label, so that none is random."""

from __future__ import annotations

import hashlib
from typing import Any


def label(name: str, size: int = 32) -> bytes:
    """The first bytes of SHA-256 of the label."""
    return hashlib.sha256(b"rpnode vector: " + name.encode()).digest()[:size]


def plain(value: Any) -> Any:
    """The same for JSON: bytes as hex, tuples as lists."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    return value
