"""Small checks of decoded values, shared by all formats."""

from __future__ import annotations

import re
from typing import Any

from . import canonical
from .refuse import Refuse

MAX_NAME_CHARACTERS = 120
MAX_NAME_BYTES = 480

_NOT_IN_A_LINE = re.compile("[\u0000-\u001f\u007f-\u009f\u2028\u2029]")


def is_uint(value: Any) -> bool:
    """An integer from zero; a boolean is none, though Python counts it as one."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_bin(value: Any, size: int) -> bool:
    return isinstance(value, bytes) and len(value) == size


def is_line(value: Any) -> bool:
    """A string on one line (SPEC 1.2)."""
    return isinstance(value, str) and not _NOT_IN_A_LINE.search(value)


def is_name(value: Any) -> bool:
    """The name of an organisation or node (SPEC 1.3)."""
    return (
        is_line(value)
        and 1 <= len(value) <= MAX_NAME_CHARACTERS
        and len(value.encode()) <= MAX_NAME_BYTES
    )


def array(data: bytes, length: int, what: str) -> list:
    """Decodes a canonical array of just so many entries."""
    value = canonical.decode(data)
    need(isinstance(value, list) and len(value) == length, f"{what}: no array of {length}")
    return value


def need(condition: bool, what: str) -> None:
    if not condition:
        raise Refuse(what)
