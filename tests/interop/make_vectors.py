#!/usr/bin/python3
"""Writes tests/vectors/golden.json, always the same; --check only compares."""

from __future__ import annotations

import json
import pathlib
import sys

from golden import beacon_parts, canonical_parts, circle_parts, identity_parts, link_parts, record_parts
from golden import set_parts, text_parts, wrong_records
from golden.labels import plain

PATH = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "golden.json"


def text() -> str:
    """The whole file: one entry of each list on one line, so that changes can be read."""
    vectors: dict = {}
    for module in (
        canonical_parts, text_parts, record_parts, wrong_records, identity_parts, set_parts,
        link_parts, beacon_parts, circle_parts,
    ):  # fmt: skip
        vectors.update(module.parts())
    lines = []
    for name, value in plain(vectors).items():
        if isinstance(value, list):
            entries = ",\n".join("  " + json.dumps(entry) for entry in value)
            lines.append(f' "{name}": [\n{entries}\n ]')
        else:
            entries = ",\n".join(f'  "{k}": {json.dumps(v)}' for k, v in value.items())
            lines.append(f' "{name}": {{\n{entries}\n }}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    made = text()
    if sys.argv[1:] == ["--check"]:
        same = PATH.exists() and PATH.read_text() == made
        print("golden.json is as it would be made" if same else "golden.json differs")
        return 0 if same else 1
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(made)
    print(f"{len(made)} bytes to {PATH.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
