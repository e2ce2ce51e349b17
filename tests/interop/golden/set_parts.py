"""Fingerprints and sketches (SPEC 4.1, 4.2)."""

from __future__ import annotations

from typing import Any

from commons import fingerprint, sketch
from commons.record import COMMONS

from .labels import label

SYMBOLS = 50


def _fingerprints() -> list[dict[str, Any]]:
    vectors = []
    for count in (0, 1, 2, 100):
        symbols = [label(f"fingerprint {i}", 16) for i in range(count)]
        total = fingerprint.Fingerprint(symbols)
        lanes = total.lanes()
        first = [int.from_bytes(lanes[i : i + 2], "little") for i in range(0, 16, 2)]
        vectors.append({"symbols": symbols, "first_lanes": first, "digest": total.digest()})
    return vectors


def _walk(symbol: bytes, c: int) -> dict[str, Any]:
    steps = sketch.walk(c)
    return {
        "symbol": symbol,
        "checksum": c.to_bytes(8, "little"),
        "first_40": [next(steps) for _ in range(40)],
        "below_65536": sketch.cells_of(c, sketch.MAX_CELLS),
    }


def _edge_walks() -> list[dict[str, Any]]:
    """Of checksums where the arithmetic has its edges; no symbol is needed for them."""
    inverse = pow(sketch._STEP, -1, 1 << 64)
    after_one_step = {
        0: "s stays 0", 1: "the widest step but one", 2**53 + 1: "s lies between two doubles",
        2**63: "s is 2^63", 2**64 - 1025: "s rounds to 2^64 - 2048",
        2**64 - 1024: "s rounds to 2^64, to even", 2**64 - 1: "s rounds to 2^64: a step of 1",
    }  # fmt: skip
    walks = []
    for s, note in after_one_step.items():
        c = s * inverse % (1 << 64)
        below = sketch.cells_of(c, sketch.MAX_CELLS)
        walks.append({"checksum": c.to_bytes(8, "little"), "below_65536": below, "note": note})
    return walks


def _sketch(scope: bytes) -> dict[str, Any]:
    key = sketch.scope_key(scope)
    symbols = [label(f"sketch {i}", 16) for i in range(SYMBOLS)]
    checksums = [sketch.checksum(key, symbol) for symbol in symbols]
    cells = sketch.make(symbols, key, sketch.MAX_CELLS)
    return {
        "scope": scope,
        "key": key,
        "symbols": symbols,
        "checksums": [c.to_bytes(8, "little") for c in checksums],
        "walks": [_walk(s, c) for s, c in list(zip(symbols, checksums))[:8]],
        "cells": [sketch.to_bytes([cell]) for cell in cells[:64]],
        "digest_cells": sketch.digest_cells(sketch.MAX_CELLS),
        "digests": sketch.digests(cells),
    }


def _differences() -> list[dict[str, Any]]:
    """Cells of a difference, and what they tell."""
    key = sketch.scope_key(COMMONS)
    vectors = []
    for size, count in ((0, 32), (1, 1), (1, 32), (5, 32), (40, 32), (40, 96)):
        symbols = [label(f"difference {i}", 16) for i in range(size)]
        cells = sketch.make(symbols, key, count)
        found = sketch.decode(cells, key)
        vectors.append(
            {
                "cells": sketch.to_bytes(cells),
                "found": None if found is None else sorted(found),
            }
        )
    return vectors


def parts() -> dict[str, Any]:
    return {
        "fingerprint": _fingerprints(),
        "sketch": _sketch(COMMONS),
        "sketch_circle": _sketch(label("circle")),
        "sketch_walks": _edge_walks(),
        "sketch_differences": _differences(),
    }
