"""The messages of a link (SPEC 3.4, 3.5): names and fields, to and from frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional

from . import beacon, canonical
from .circle import MAX_CIRCLE
from .checks import is_bin, is_uint, need
from .record import COMMONS, LOCAL
from .sketch import CELL, MAX_CELLS
from .token import are_addresses

MAX_FRAME = 1048576
MAX_SYMBOLS = 8192
MAX_RECORDS = 1024
MAX_ACCEPT = 16384
MAX_ACCEPT_LINK = 65536
MAX_CELLS_MESSAGE = 32768
MAX_TEXT_BYTES = 300
MAX_CODECS = 16
MAX_FEATURES = 32
MAX_SEEN = 16384
FEW = 128  # Sets of fewer are sent whole, in IDS.

Check = Callable[[Any], bool]


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode()) <= MAX_TEXT_BYTES


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes)


def _is_sig(value: Any) -> bool:
    return is_bin(value, 64)


def _are_bytes(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 32 and all(map(_is_bytes, value))


def _is_set(value: Any) -> bool:
    return is_uint(value) and value in (0, 1)


def _is_scope(value: Any) -> bool:
    return value is None or is_bin(value, 32) and value not in (COMMONS, LOCAL)


def _is_digest(value: Any) -> bool:
    return is_bin(value, 32)


def _is_count_digest(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 2 and is_uint(value[0]) and is_bin(value[1], 32)
    )


def _is_after(value: Any) -> bool:
    return value is None or is_bin(value, 16)


def _are_uints(value: Any) -> bool:
    return isinstance(value, list) and all(is_uint(v) for v in value)


def _are_codecs(value: Any) -> bool:
    return _are_uints(value) and 0 in value and len(value) <= MAX_CODECS


def _are_features(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_FEATURES
        and all(isinstance(v, str) for v in value)
    )


HELLO_KEYS: dict[str, Check] = {
    "accept": _is_digest,
    "addresses": are_addresses,
    "codecs": _are_codecs,
    "features": _are_features,
    "frame": lambda value: is_uint(value) and value >= MAX_FRAME,
    "software": _is_short,
    "time": is_uint,
    "versions": _are_uints,
}


def _is_descriptor(value: Any) -> bool:
    return isinstance(value, bytes) and 0 < len(value) <= MAX_CIRCLE


def _is_hello(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(key in value and check(value[key]) for key, check in HELLO_KEYS.items())
        and ("invite" not in value or is_bin(value["invite"], 16))
        and ("circle" not in value or _is_descriptor(value["circle"]))
    )


@dataclass(frozen=True)
class _Entries:
    """Whole entries of one size, one after the other in a binary."""

    size: int
    most: int

    def split(self, value: Any, what: str) -> list[bytes]:
        good = isinstance(value, bytes) and len(value) % self.size == 0
        need(good and len(value) // self.size <= self.most, what)
        return [value[i : i + self.size] for i in range(0, len(value), self.size)]

    def join(self, entries: list[bytes]) -> Any:
        return b"".join(entries)


class _Records:
    """An array of records, each the array [codec, body, sig] itself; apart, each is packed.

    What makes a record wrong beyond that is no fault of the message.
    """

    def split(self, value: Any, what: str) -> list[bytes]:
        need(isinstance(value, list) and len(value) <= MAX_RECORDS, what)
        need(all(self._is_record(v) for v in value), f"{what}: an entry")
        return [canonical.encode(v) for v in value]

    @staticmethod
    def _is_record(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) == 3
            and isinstance(value[0], int)
            and not isinstance(value[0], bool)
            and isinstance(value[1], bytes)
            and isinstance(value[2], bytes)
        )

    def join(self, entries: list[bytes]) -> Any:
        return [canonical.decode(packed) for packed in entries]


_IDS = _Entries(32, MAX_ACCEPT)
_SYMBOLS = _Entries(16, MAX_SYMBOLS)
_PREFIXES = _Entries(8, MAX_SYMBOLS)
_CELLS = _Entries(CELL, MAX_CELLS_MESSAGE)
_SEEN = _Entries(beacon.SEEN, MAX_SEEN)

_EXCHANGE = ("exchange", is_uint)
_SET = ("set", _is_set)

TYPES: dict[int, tuple[str, tuple[tuple[str, Any], ...]]] = {
    1: ("HELLO", (("map", _is_hello),)),
    2: ("REFUSE", (("code", _is_short), ("text", _is_short))),
    3: ("BYE", (("reason", _is_short),)),
    4: ("ACCEPT", (("reset", _is_bool), ("more", _is_bool), ("accepted", _IDS), ("kept", _IDS))),
    5: ("CHECK", (_EXCHANGE, ("scope", _is_scope), ("control", _is_count_digest),
                  ("content", _is_count_digest))),
    6: ("EQUAL", (_EXCHANGE,)),
    7: ("IDS", (_EXCHANGE, _SET, ("count", is_uint), ("digest", _is_digest),
                ("symbols", _SYMBOLS))),
    8: ("SKETCH", (_EXCHANGE, _SET, ("count", is_uint), ("digest", _is_digest),
                   ("available", is_uint), ("cells", _CELLS), ("digests", _is_bytes))),
    9: ("MORE", (_EXCHANGE, _SET, ("first", is_uint), ("n", is_uint))),
    10: ("CELLS", (_EXCHANGE, _SET, ("first", is_uint), ("cells", _CELLS))),
    11: ("LIST", (_EXCHANGE, _SET, ("after", _is_after))),
    12: ("PAGE", (_EXCHANGE, _SET, ("symbols", _SYMBOLS), ("last", _is_bool))),
    13: ("DONE", (_EXCHANGE,)),
    14: ("HAVE", (("scope", _is_scope), _SET, ("symbols", _SYMBOLS))),
    15: ("WANT", (("request", is_uint), ("prefixes", _PREFIXES))),
    16: ("RECORDS", (("request", is_uint), ("last", _is_bool), ("records", _Records()))),
    32: ("BEACON", (("sealed", beacon.is_parts),)),
    37: ("SEEN", (("scope", _is_scope), ("entries", _SEEN))),
    48: ("RECOVER", (("org", _is_digest), ("key", _is_digest), ("sig", _is_sig))),
    49: ("CHAIN", (("inception", _is_bytes), ("successions", _are_bytes))),
}  # fmt: skip

NUMBERS = {name: number for number, (name, _) in TYPES.items()}


@dataclass(frozen=True)
class Message:
    """A message; fields by name, binaries of entries as lists of them, records packed."""

    name: str
    fields: dict[str, Any]

    def __getitem__(self, field: str) -> Any:
        return self.fields[field]


def message(name: str, **fields: Any) -> Message:
    return Message(name, fields)


def _check(name: str, fields: dict[str, Any]) -> None:
    """What holds between the fields of one message."""
    if name == "ACCEPT":
        both = len(fields["accepted"]) + len(fields["kept"])
        need(both <= MAX_ACCEPT, "ACCEPT: too many organisations")
    for field in {"available", "first", "n"} & set(fields):
        need(fields[field] <= MAX_CELLS, f"{name}: {field} beyond any sketch")
    if name == "MORE":
        need(1 <= fields["n"] <= MAX_CELLS_MESSAGE, "MORE: no cells, or too many at a time")
    if name in ("IDS", "PAGE"):
        symbols = fields["symbols"]
        need(all(a < b for a, b in zip(symbols, symbols[1:])), f"{name}: not ascending")
    if name == "SEEN":
        keys = [entry[:8] for entry in fields["entries"]]
        need(all(a < b for a, b in zip(keys, keys[1:])), "SEEN: not ascending")
    if name == "IDS":
        need(fields["count"] == len(symbols) < FEW, "IDS: too many, or not as many as counted")


def decode(frame: bytes) -> Optional[Message]:
    """The message in a frame; None when its number is unknown; refuses what is malformed."""
    need(1 <= len(frame) <= MAX_FRAME, "frame: length")
    value = canonical.decode(frame)
    need(isinstance(value, list) and len(value) > 0 and is_uint(value[0]), "frame: no number")
    if value[0] not in TYPES:
        return None
    name, specs = TYPES[value[0]]
    need(len(value) == 1 + len(specs), f"{name}: number of fields")
    fields: dict[str, Any] = {}
    for (field, spec), entry in zip(specs, value[1:]):
        if isinstance(spec, (_Entries, _Records)):
            fields[field] = spec.split(entry, f"{name}: {field}")
        else:
            need(spec(entry), f"{name}: {field}")
            fields[field] = entry
    _check(name, fields)
    return Message(name, fields)


def encode(msg: Message) -> bytes:
    """The frame of a message, which must be one that decode takes."""
    number = NUMBERS[msg.name]
    value: list[Any] = [number]
    for field, spec in TYPES[number][1]:
        entry = msg.fields[field]
        value.append(spec.join(entry) if isinstance(spec, (_Entries, _Records)) else entry)
    frame = canonical.encode(value)
    decode(frame)
    return frame
