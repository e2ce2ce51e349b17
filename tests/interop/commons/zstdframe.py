"""Exactly one zstd frame that declares its content size (SPEC 2.1, RFC 8878)."""

from __future__ import annotations

import os
from typing import Optional

import zstandard

from .checks import need
from .refuse import Refuse

# It is part of the format, and lies beside the library.
_FILE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "proto", "dictionary-1.bin")
with open(_FILE, "rb") as _file:
    DICTIONARY = zstandard.ZstdCompressionDict(_file.read())

MAGIC = bytes.fromhex("28b52ffd")
MAX_WINDOW = 8 << 20

# Bits of the byte after the magic number: unused, reserved, and a dictionary's number follows.
_NOT_SET = 0b11011


def _window(descriptor: int) -> int:
    """The window's bytes: a power of two, and eighths of it."""
    base = 1024 << (descriptor >> 3)
    return base + base // 8 * (descriptor & 7)


def _frame(data: bytes) -> tuple[int, int]:
    """Declared content size of the frame that data begins with, and the frame's length.

    The header is read here, not by the library, since the library also takes
    frames of no declared size, skippable frames and older formats.
    """
    need(data[:4] == MAGIC and len(data) >= 6, "zstd: no frame")
    descriptor = data[4]
    need(descriptor & _NOT_SET == 0, "zstd: a dictionary, or a bit without a meaning")
    single = descriptor >> 5 & 1
    size_bytes = (single, 2, 4, 8)[descriptor >> 6]
    need(size_bytes > 0, "zstd: no declared size")
    need(single or _window(data[5]) <= MAX_WINDOW, "zstd: window above the limit")
    pos = 5 + (0 if single else 1)
    size = int.from_bytes(data[pos : pos + size_bytes], "little")
    size += 256 if size_bytes == 2 else 0
    pos += size_bytes
    last = False
    while not last:
        need(pos + 3 <= len(data), "zstd: ends too early")
        block = int.from_bytes(data[pos : pos + 3], "little")
        last, kind, length = bool(block & 1), block >> 1 & 3, block >> 3
        need(kind != 3, "zstd: no such block")
        pos += 3 + (1 if kind == 1 else length)
    pos += 4 if descriptor >> 2 & 1 else 0
    return size, pos


def decompress(
    data: bytes, limit: int, dictionary: Optional[zstandard.ZstdCompressionDict] = None
) -> bytes:
    """The content, when the frame is the only thing there and not above limit."""
    size, length = _frame(data)
    need(size <= limit, "zstd: declared size above the limit")
    need(length == len(data), "zstd: not exactly one frame")
    try:
        unpacker = zstandard.ZstdDecompressor(dict_data=dictionary)
        content = unpacker.decompress(data, max_output_size=size)
    except zstandard.ZstdError as error:
        raise Refuse(f"zstd: {error}") from error
    need(len(content) == size, "zstd: not the size declared")
    return content


def compress(data: bytes, dictionary: Optional[zstandard.ZstdCompressionDict] = None) -> bytes:
    packer = zstandard.ZstdCompressor(
        level=3, write_content_size=True, write_dict_id=False, dict_data=dictionary
    )
    return packer.compress(data)
