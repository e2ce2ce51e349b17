"""Clients that are peers: let in by an invite, and hostile from then on."""

from __future__ import annotations

import itertools
import os
import socket
from typing import Any

from commons import canonical, record
from commons.channel import Closed
from wire import (FRAME_SECONDS, SLACK, Attack, Caller, NotLetIn, client, frame, framed, message,
                  trickle)

ANY = (0, bytes(32))  # a count and a digest that are nobody's
PLAIN = 65519  # bytes in one Noise message


def opened(attack: Attack) -> Caller:
    return Caller(attack).open()


def compared(attack: Attack) -> Caller:
    """A link with an exchange of ours under way, which the node has answered with a sketch."""
    caller = opened(attack)
    caller.send(frame(5, 1, None, None, [*ANY]))
    caller.until("SKETCH")
    return caller


def says(attack: Attack, *frames: bytes) -> str:
    """What becomes of a link on which this was said."""
    caller = opened(attack)
    try:
        caller.send(*frames)
    except (Closed, OSError):
        return "cut"
    return caller.is_served()


def many(one: bytes) -> bytes:
    """As many of a frame as one Noise message holds."""
    whole = framed(one)
    return whole * (PLAIN // len(whole))


# Frames


@client("harmless", is_peer=True)
def unknown_messages(attack: Attack) -> str:
    """Messages of later versions, a megabyte each: ignored."""
    return says(attack, *[frame(1000 + i, os.urandom((1 << 20) - 16)) for i in range(8)])


@client("harmless", is_peer=True, floods=True)
def endless_junk(attack: Attack) -> str:
    """Well-formed frames without meaning, as fast as they go."""
    data = many(frame(99, bytes(100)))
    while attack.pace(0):
        if opened(attack).flood(data, 1) == "cut":
            return "cut"
    return "harmless"


@client("cut", is_peer=True)
def malformed_frame(attack: Attack) -> str:
    """A frame that is no canonical value."""
    return says(attack, b"\xc1")


@client("cut", is_peer=True)
def deep_nesting(attack: Attack) -> str:
    """A thousand arrays in one another."""
    return says(attack, b"\x91" * 1000 + b"\x90")


@client("cut", is_peer=True)
def array_of_four_thousand_million(attack: Attack) -> str:
    """An array32 that claims more entries than there are bytes."""
    return says(attack, b"\xdd\xff\xff\xff\xff")


@client("cut", is_peer=True)
def array_of_many_nothings(attack: Attack) -> str:
    """A megabyte of nil: more values than one frame may have."""
    return says(attack, b"\xdc\xff\xff" + b"\xc0" * 65535)


@client("cut", is_peer=True)
def bin_of_four_gigabytes(attack: Attack) -> str:
    """A bin32 that is not there."""
    return says(attack, b"\x92\x63\xc6\xff\xff\xff\xff")


@client("cut", is_peer=True)
def wrong_fields(attack: Attack) -> str:
    """A WANT of three fields."""
    return says(attack, frame(15, 1, b"", b""))


@client("cut", is_peer=True)
def frame_never_finished(attack: Attack) -> str:
    """Announces a megabyte and sends a byte a second: cut off after the time for a frame."""
    caller = opened(attack)
    caller.channel.send_stream((1 << 20).to_bytes(4, "big"))
    sealed = message(caller.channel.out.seal(bytes(1000)))
    caller.channel.sock.setblocking(True)
    return trickle(attack, caller.channel.sock, sealed, FRAME_SECONDS + SLACK)


@client("cut", is_peer=True)
def frames_after_bye(attack: Attack) -> str:
    """Says goodbye and goes on: nothing of it is read."""
    return says(attack, frame(3, "done"), frame(5, 1, None, [*ANY], None))


@client("cut", is_peer=True)
def second_hello(attack: Attack) -> str:
    """Says HELLO again on an open link."""
    return says(attack, frame(1, Caller(attack)._hello(None)))


@client("cut", is_peer=True)
def half_closed(attack: Attack) -> str:
    """Closes its side of an open link and keeps the other."""
    caller = opened(attack)
    caller.channel.sock.shutdown(socket.SHUT_WR)
    return caller.ends(SLACK)


@client("cut", is_peer=True)
def many_links(attack: Attack) -> str:
    """Five links at a time: the newest stays."""
    callers = [opened(attack) for _ in range(5)]
    ended = [caller.ends(SLACK) for caller in callers[:-1]]
    return "cut" if set(ended) == {"cut"} and callers[-1].is_served() == "harmless" else str(ended)


@client("harmless", is_peer=True, floods=True)
def link_storm(attack: Attack) -> str:
    """Opens one link after the other."""
    while attack.pace(0.01):
        opened(attack).channel.close()
    return "harmless"


# Comparing


@client("cut", is_peer=True)
def exchange_of_the_others_number(attack: Attack) -> str:
    """Numbers its exchange as the node would."""
    return says(attack, frame(5, 2, None, [*ANY], None))


@client("harmless", is_peer=True, floods=True)
def check_flood(attack: Attack) -> str:
    """CHECK after CHECK, each for a sketch, and reads no answer."""
    return opened(attack).flood(many(frame(5, 1, None, None, [*ANY])))


@client("cut", "harmless", is_peer=True, floods=True, instances=2)
def endless_cells(attack: Attack) -> str:
    """Asks for all cells as often as one message holds, 40 bytes for 200 kB each, and reads none."""
    caller = compared(attack)
    return caller.flood(many(frame(9, 1, 1, 0, 8192)))


@client("cut", is_peer=True)
def cells_beyond_the_last(attack: Attack) -> str:
    """Asks for cells that the node does not have."""
    caller = compared(attack)
    caller.send(frame(9, 1, 1, 65000, 536))
    return caller.ends(SLACK)


@client("cut", is_peer=True, floods=True)
def list_amplification(attack: Attack) -> str:
    """LIST after LIST, and reads none: cut off at the limit of what may be unanswered."""
    caller = compared(attack)
    return caller.flood(many(frame(11, 1, 1, None)))


@client("harmless", is_peer=True, floods=True)
def lists_without_end(attack: Attack) -> str:
    """LIST after LIST, and reads them all."""
    caller = compared(attack)
    asked = frame(11, 1, 1, None)
    caller.send(*[asked] * 100)
    while attack.pace(0):
        try:
            caller.until("PAGE", 1)
            caller.send(asked)
        except NotLetIn:  # the exchange was dropped, as when somebody new is accepted
            caller.channel.close()
            caller = compared(attack)
            caller.send(*[asked] * 100)
    return "harmless"


@client("cut", "harmless", is_peer=True, floods=True)
def pages_without_end(attack: Attack) -> str:
    """Claims a set beyond counting, and answers the node's LIST with ever more symbols."""
    caller = opened(attack)
    caller.send(frame(5, 1, None, None, [1 << 40, bytes(32)]))
    number = itertools.count(1)
    for received in caller.messages(FRAME_SECONDS):
        if attack.over.is_set():
            break
        if received.name == "CHECK":
            digests = os.urandom(digests_of(65536))
            caller.send(frame(8, received["exchange"], 1, 1 << 40, bytes(32), 65536,
                              os.urandom(32 * 24), digests))
        elif received.name == "LIST":
            symbols = b"".join((next(number)).to_bytes(16, "big") for _ in range(8192))
            caller.send(frame(12, received["exchange"], 1, symbols, False))
        elif received.name == "WANT":
            caller.send(frame(16, received["request"], True, []))
    return caller.is_served()


def digests_of(cells: int) -> int:
    total, first = 0, 32
    while 2 * first <= cells:
        total += 1408 if first == 32768 else 448 if first >= 8192 else min(first, 256)
        first *= 2
    return total // 2


@client("cut", is_peer=True, floods=True, instances=2)
def lists_of_nobody(attack: Attack) -> str:
    """ACCEPT with 16,384 organisations that nobody has heard of, and ever others."""
    caller = opened(attack)
    try:
        for _ in range(40):
            if not attack.pace(0):
                break
            caller.send(frame(4, True, False, os.urandom(32 * 16384), b""))
    except (Closed, OSError):
        return "cut"
    return "cut" if caller.is_served() in ("harmless", "cut") else "not served"


@client("cut", is_peer=True)
def list_too_long(attack: Attack) -> str:
    """More organisations on one link than may be."""
    return says(attack, *[frame(4, False, False, os.urandom(32 * 16384), b"") for _ in range(5)])


# Records


@client("harmless", is_peer=True)
def wants_what_nobody_has(attack: Attack) -> str:
    """Tens of thousands of prefixes that begin no record."""
    return says(attack, *[frame(15, i, os.urandom(8 * 8192)) for i in range(5)])


@client("cut", is_peer=True)
def wants_too_often(attack: Attack) -> str:
    """More requests unanswered than may be."""
    return opened(attack).flood(many(frame(15, 1, bytes(8))))


@client("harmless", is_peer=True, floods=True)
def reads_nothing(attack: Attack) -> str:
    """Wants everything four times over and reads nothing of it."""
    caller = compared(attack)
    caller.send(frame(11, 1, 1, None))
    symbols = caller.until("PAGE")["symbols"]
    prefixes = b"".join(symbol[:8] for symbol in symbols)
    caller.send(*[frame(15, i, prefixes) for i in range(4)])
    attack.over.wait()
    return "harmless"


@client("harmless", is_peer=True)
def records_unasked(attack: Attack) -> str:
    """RECORDS that answer nothing."""
    return says(attack, *[frame(16, i, False, [[0, b"x", b"y"]] * 1000) for i in range(20)])


@client("harmless", is_peer=True, floods=True)
def offers_without_end(attack: Attack) -> str:
    """Offers symbols that nobody has, and delivers none."""
    caller = opened(attack)
    offers = 0
    while attack.pace(0.05) and offers < 40:
        caller.send(frame(14, None, 1, os.urandom(16 * 8192)))
        offers += 1
    return caller.is_served()


def asked(caller: Caller) -> int:
    """Has the node want something: the number of its request."""
    caller.send(frame(14, None, 1, os.urandom(16)))
    return caller.until("WANT")["request"]


def delivers(attack: Attack, records: list[Any], times: int = 1) -> str:
    caller = opened(attack)
    request = asked(caller)
    try:
        for _ in range(times):
            caller.send(frame(16, request, False, records))
        caller.send(frame(16, request, True, []))
    except (Closed, OSError):
        return "cut"
    return caller.is_served()


@client("cut", "harmless", is_peer=True, floods=True, instances=2)
def records_of_nothing(attack: Attack) -> str:
    """Answers a WANT with hundreds of thousands of records of five bytes: each costs more than that."""
    return delivers(attack, [[0, b"", b""]] * 1000, 600)


@client("cut", "harmless", is_peer=True)
def records_badly_signed(attack: Attack) -> str:
    """Answers with records whose signature is wrong: refused, each after it was verified."""
    good = canonical.decode(attack.author.compose("pattern", {"title": "Pattern"}).packed)
    return delivers(attack, [[0, good[1], bytes(64)]] * 500, 4)


@client("cut", "harmless", is_peer=True)
def records_of_later_versions(attack: Attack) -> str:
    """Answers with records of a format to come, none of which was asked for."""
    later = [[0, canonical.encode([2, os.urandom(16)]), bytes(64)] for _ in range(1000)]
    return delivers(attack, later, 5)


@client("cut", "harmless", is_peer=True)
def records_that_swell(attack: Attack) -> str:
    """zstd frames that declare a gigabyte, or the limit and one."""
    magic = b"\x28\xb5\x2f\xfd"
    bombs = [magic + b"\xa0" + size.to_bytes(4, "little") + b"\x01\0\0" for size in
             (1 << 30, 262145, 262144, 0xffffffff)]
    return delivers(attack, [[1, bomb, bytes(64)] for bomb in bombs * 100])


@client("cut", "harmless", is_peer=True)
def records_of_others(attack: Attack) -> str:
    """A record in the name of the node's own organisation."""
    body = record.Body(1, record.COMMONS, attack.org, attack.author.key, "pattern", 1, bytes(16),
                       bytes(16), None, (), {"title": "Forged"})
    forged = record.seal(body, attack.author.key_seed)
    return delivers(attack, [canonical.decode(forged.packed)])


@client("cut", "harmless", is_peer=True)
def record_too_large(attack: Attack) -> str:
    """A record of more bytes than any."""
    return delivers(attack, [[0, bytes(263168), bytes(64)]])
