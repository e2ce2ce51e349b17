"""The channel and the messages (SPEC 3)."""

from __future__ import annotations

from typing import Any

from commons import canonical, message, sketch
from commons.noise import Direction, Handshake, public_of
from commons.record import COMMONS, LOCAL, seal

from .beacon_parts import made
from .labels import label
from .record_parts import AUTHOR, body


def _noise() -> dict[str, Any]:
    secrets = {
        f"{side}_{kind}": label(f"noise {side} {kind}")
        for side in ("init", "resp")
        for kind in ("static", "ephemeral")
    }
    init = Handshake(True, secrets["init_static"], secrets["init_ephemeral"])
    resp = Handshake(False, secrets["resp_static"], secrets["resp_ephemeral"])
    payloads = [b"", b"proof of the responder", b"proof of the initiator"]
    messages = []
    for turn, payload in enumerate(payloads):
        writer, reader = (resp, init) if turn == 1 else (init, resp)
        messages.append(writer.write(payload))
        assert reader.read(messages[-1]) == payload
    assert init.h == resp.h
    forth, back = init.split()
    keys = {"key_from_initiator": forth.cipher.key, "key_from_responder": back.cipher.key}
    ways = {"from_initiator": forth, "from_responder": back}
    transport = {name: _transport(name, way) for name, way in ways.items()}
    return {
        "prologue": b"rp/1",
        **secrets,
        "init_public": public_of(secrets["init_static"]),
        "resp_public": public_of(secrets["resp_static"]),
        "payloads": payloads,
        "messages": messages,
        "handshake_hash": init.h,
        **keys,
        **transport,
    }


def _transport(name: str, way: Direction) -> dict[str, Any]:
    """Two messages, the key after one rekey, and the first message under it."""
    plain = [f"first, {name}".encode(), b""]
    sealed = [way.seal(p) for p in plain]
    way.cipher.n = 65535
    last = way.seal(b"the last under the first key")
    return {
        "plain": plain,
        "sealed": sealed,
        "plain_65535": b"the last under the first key",
        "sealed_65535": last,
        "rekeyed": way.cipher.key,
        "plain_65536": b"the first under the second key",
        "sealed_65536": way.seal(b"the first under the second key"),
    }


def _messages() -> list[tuple[str, dict[str, Any]]]:
    digest = label("message digest")
    scope = label("circle")
    symbols = [label(f"message symbol {i}", 16) for i in range(3)]
    ids = sorted(label(f"message id {i}") for i in range(3))
    cells = [sketch.to_bytes([c]) for c in sketch.make(symbols, sketch.scope_key(COMMONS), 32)]
    packed = [seal(body(f"message {i}"), AUTHOR["key_seed"], i).packed for i in range(2)]
    hello = {
        "accept": digest,
        "addresses": ["node.example:7117", ":7117"],
        "codecs": [0, 1],
        "features": [],
        "frame": 1048576,
        "software": "rpnode 1.0",
        "time": 1_760_000_000_000,
        "versions": [1],
    }
    joining = {**hello, "invite": label("message invite", 16), "zzz later": [1, {"a": None}]}
    digests = bytes(range(240))
    sealed = [made().encode(), label("message sig", 64), label("message certificate")]
    entries = sorted(made(key=label(f"message node {i}")).seen for i in range(3))
    some = {"exchange": 7, "set": 1, "count": 200, "digest": digest}
    return [
        ("HELLO", {"map": hello}),
        ("HELLO", {"map": joining}),
        ("HELLO", {"map": {**hello, "circle": label("message circle")}}),
        ("REFUSE", {"code": "not-a-peer", "text": "Ask for an invite."}),
        ("BYE", {"reason": "duplicate"}),
        ("ACCEPT", {"reset": True, "more": True, "accepted": ids[:2], "kept": ids[2:]}),
        ("ACCEPT", {"reset": True, "more": False, "accepted": [], "kept": []}),
        ("ACCEPT", {"reset": False, "more": False, "accepted": [], "kept": ids[:1]}),
        ("CHECK", {"exchange": 7, "scope": None, "control": [3, digest], "content": [200, digest]}),
        ("CHECK", {"exchange": 2**32, "scope": scope, "control": [0, digest], "content": None}),
        ("CHECK", {"exchange": 9, "scope": scope, "control": None, "content": None}),
        ("EQUAL", {"exchange": 7}),
        (
            "IDS",
            {"exchange": 7, "set": 0, "count": 3, "digest": digest, "symbols": sorted(symbols)},
        ),
        ("IDS", {"exchange": 0, "set": 1, "count": 0, "digest": digest, "symbols": []}),
        ("SKETCH", {**some, "available": 32, "cells": cells, "digests": b""}),
        ("SKETCH", {**some, "available": 512, "cells": cells, "digests": digests}),
        ("MORE", {"exchange": 7, "set": 1, "first": 32, "n": 100}),
        ("CELLS", {"exchange": 7, "set": 1, "first": 32, "cells": cells[:2]}),
        ("LIST", {"exchange": 7, "set": 1, "after": None}),
        ("LIST", {"exchange": 7, "set": 0, "after": symbols[0]}),
        ("PAGE", {"exchange": 7, "set": 1, "symbols": sorted(symbols), "last": True}),
        ("PAGE", {"exchange": 7, "set": 1, "symbols": sorted(symbols)[:1], "last": False}),
        ("DONE", {"exchange": 7}),
        ("DONE", {"exchange": 2**63 - 1}),
        ("HAVE", {"scope": None, "set": 1, "symbols": symbols}),
        ("HAVE", {"scope": scope, "set": 0, "symbols": symbols[:1]}),
        ("WANT", {"request": 1, "prefixes": [s[:8] for s in symbols]}),
        ("RECORDS", {"request": 1, "last": False, "records": packed}),
        ("RECORDS", {"request": 1, "last": True, "records": []}),
        ("BEACON", {"sealed": sealed}),
        ("SEEN", {"scope": None, "entries": entries}),
        ("SEEN", {"scope": scope, "entries": []}),
    ]


def _wrong() -> list[tuple[Any, str]]:
    digest, symbol = label("message digest"), label("message symbol 0", 16)
    hello = _messages()[0][1]["map"]
    record = [0, body("message 0").encode(), bytes(64)]

    joined = sorted(label(f"message listed {i}", 16) for i in range(128))

    def hello_with(**changes: Any) -> list[Any]:
        return [1, {k: v for k, v in {**hello, **changes}.items() if v is not ...}]

    return [
        ({}, "a map"), (1, "an integer"), ([], "no number"), (["HELLO", hello], "a name for it"),
        ([None], "nil for the number"), ([1, []], "HELLO: no map"), ([1], "HELLO: no entry"),
        (hello_with(accept=digest[:31]), "HELLO: accept of 31 bytes"),
        *((hello_with(**{key: ...}), f"HELLO: no {key}") for key in hello),
        (hello_with(circle=b""), "HELLO: circle empty"),
        (hello_with(circle="ours"), "HELLO: circle a string"),
        (hello_with(codecs=[1]), "HELLO: codecs without 0"),
        (hello_with(codecs=[]), "HELLO: no codec"),
        (hello_with(codecs=list(range(17))), "HELLO: 17 codecs"),
        (hello_with(features=[f"f{i}" for i in range(33)]), "HELLO: 33 features"),
        (hello_with(frame=True), "HELLO: frame true"),
        (hello_with(frame=1048575), "HELLO: frame too small"),
        (hello_with(features=[None]), "HELLO: a feature nil"),
        (hello_with(software=b"rpnode"), "HELLO: software a binary"),
        (hello_with() + [{}], "HELLO: two maps"),
        (hello_with(invite=bytes(15)), "HELLO: invite of 15 bytes"),
        (hello_with(addresses=["a:1"] * 9), "HELLO: nine addresses"),
        (hello_with(addresses=["a" * 254 + ":1"]), "HELLO: address of 256 bytes"),
        (hello_with(versions=1), "HELLO: versions no array"),
        (hello_with(codecs=["0"]), "HELLO: codecs of text"),
        (hello_with(time=-1), "HELLO: time below zero"),
        ([2, "busy", None], "REFUSE: text nil"), ([2, b"busy", ""], "REFUSE: code a binary"),
        ([3], "BYE: no reason"), ([3, 5], "BYE: reason an integer"),
        ([3, "", ""], "BYE: two reasons"), ([3, "a" * 301], "BYE: reason of 301 bytes"),
        ([4, 1, False, b"", b""], "ACCEPT: reset an integer"),
        ([4, True, None, b"", b""], "ACCEPT: more nil"),
        ([4, True, b"", b""], "ACCEPT: no more"),
        ([4, True, False, b"", b"", b""], "ACCEPT: five fields"),
        ([4, True, False, bytes(33), b""], "ACCEPT: half an id"),
        ([4, True, False, [], []], "ACCEPT: arrays for binaries"),
        ([5, 1, bytes(32), None, None], "CHECK: the commons' zeroes as scope"),
        ([5, 1, LOCAL, None, None], "CHECK: the local scope"),
        ([5, 1, bytes(31), None, None], "CHECK: scope of 31 bytes"),
        ([5, -1, None, None, None], "CHECK: exchange below zero"),
        ([5, 1, None, [1], None], "CHECK: no digest"),
        ([5, 1, None, [1, digest[:16]], None], "CHECK: digest of 16 bytes"),
        ([5, 1, None, None, [-1, digest]], "CHECK: count below zero"),
        ([5, 1, None, None], "CHECK: three fields"),
        ([6, None], "EQUAL: exchange nil"), ([6], "EQUAL: no exchange"),
        ([6, 1, 1], "EQUAL: two fields"),
        ([7, 1, 2, 0, digest, b""], "IDS: set 2"),
        ([7, 1, 0, 1, digest, bytes(17)], "IDS: 17 bytes"),
        ([7, 1, 0, 3, digest, joined[:2]], "IDS: count of one more"),
        ([7, 1, 0, 1, digest, joined[:2]], "IDS: count of one less"),
        ([7, 1, 0, 2, digest, joined[1::-1]], "IDS: not ascending"),
        ([7, 1, 0, 2, digest, joined[:1] * 2], "IDS: a symbol twice"),
        ([7, 1, 0, 128, digest, joined], "IDS: 128 symbols"),
        ([8, 1, 1, 200, digest, 65537, bytes(768), bytes(1904)], "SKETCH: too many cells"),
        ([8, 1, 1, 200, digest, 32, bytes(767), b""], "SKETCH: part of a cell"),
        ([9, 1, 1, -1, 10], "MORE: first below zero"), ([9, 1, 1, 32], "MORE: no n"),
        ([9, 1, 1, 65537, 1], "MORE: first beyond any sketch"),
        ([9, 1, 1, 32, 0], "MORE: no cell"), ([9, 1, 1, 32, 32769], "MORE: 32,769 cells"),
        ([9, 1, 1, 0, 65537], "MORE: n beyond any sketch"),
        ([10, 1, 1, 65537, b""], "CELLS: first beyond any sketch"),
        ([10, 1, 1, 32, bytes(25)], "CELLS: part of a cell"),
        ([11, 1, 1, b""], "LIST: after of 0 bytes"), ([11, 1, 1, symbol[:8]], "LIST: a prefix"),
        ([12, 1, 1, symbol, 1], "PAGE: last an integer"), ([12, 1, 1, symbol], "PAGE: no last"),
        ([12, 1, 1, joined[1::-1], True], "PAGE: not ascending"),
        ([12, 1, 1, joined[:1] * 2, False], "PAGE: a symbol twice"),
        ([13, "1"], "DONE: exchange as text"), ([14, None, True, symbol], "HAVE: set true"),
        ([14, bytes(32), 1, symbol], "HAVE: the commons' zeroes as scope"),
        ([14, LOCAL, 1, symbol], "HAVE: the local scope"),
        ([14, None, 1, symbol[:8]], "HAVE: a prefix"), ([15, 1, bytes(9)], "WANT: 9 bytes"),
        ([16, 1, True, None], "RECORDS: nil"), ([16, 1, True, [None]], "RECORDS: a nil record"),
        ([16, 1, True, [canonical.encode(record)]], "RECORDS: a record in a binary"),
        ([16, 1, True, [record[:2]]], "RECORDS: a record of two entries"),
        ([16, 1, True, [record + [None]]], "RECORDS: a record of four entries"),
        ([16, 1, True, [["0", *record[1:]]]], "RECORDS: a record with its codec as text"),
        ([16, 1, True, [[0, {}, record[2]]]], "RECORDS: a record with a map for its body"),
        ([16, 1, True, [[0, record[1], None]]], "RECORDS: a record without signature"),
        ([16, 1, True, record], "RECORDS: a record for the array of them"),
        ([16, 1, True, [[0, b"", b""]] * 1025], "RECORDS: 1,025 records"),
        ([32, b"beacon"], "BEACON: a binary"), ([32, [b"", b""]], "BEACON: two parts"),
        ([32, [b"", b"", b"", b""]], "BEACON: four parts"), ([32], "BEACON: nothing"),
        ([32, [b"", "", b""]], "BEACON: a signature as text"),
        ([32, [bytes(16384), b"", b""]], "BEACON: too long"),
        ([37, None], "SEEN: no entries"), ([37, None, bytes(15)], "SEEN: 15 bytes"),
        ([37, LOCAL, b""], "SEEN: the local scope"), ([37, None, bytes(32)], "SEEN: a node twice"),
        ([37, None, b"b" + bytes(15) + b"a" + bytes(15)], "SEEN: not ascending"),
        ([37, None, []], "SEEN: an array"),
    ]  # fmt: skip


def _flat(value: Any) -> Any:
    """IDS and PAGE with their lists of symbols as the one binary that they are sent as."""
    if not isinstance(value, list) or value[:1] not in ([7], [12]):
        return value
    return [b"".join(v) if isinstance(v, list) else v for v in value]


def parts() -> dict[str, Any]:
    vectors = []
    for name, fields in _messages():
        frame = message.encode(message.message(name, **fields))
        number = message.NUMBERS[name]
        vectors.append({"type": name, "number": number, "fields": fields, "frame": frame})
    wrong = [{"frame": canonical.encode(_flat(value)), "note": note} for value, note in _wrong()]
    bye = canonical.encode([3, "x"])
    wrong += [
        {"frame": b"", "note": "no bytes"},
        {"frame": bye + b"\0", "note": "a byte after the value"},
        {"frame": b"\xdc\x00\x02" + bye[1:], "note": "not canonical"},
    ]
    unknown = [[0], [17, 1], [33, b"knock"], [38, b""], [255, {}], [2**31], [2**64 - 1]]
    ignored = [{"frame": canonical.encode(v), "note": f"number {v[0]}"} for v in unknown]
    return {
        "noise": _noise(),
        "messages": vectors,
        "messages_invalid": wrong,
        "messages_ignored": ignored,
    }
