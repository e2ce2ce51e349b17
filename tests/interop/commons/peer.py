"""A node's side of one link, for tests: opens it, answers, announces, fetches, compares."""

from __future__ import annotations

import time
from typing import Callable

from . import beacon as beacon_module
from . import canonical, record, recover, sketch
from .beacon import Beacon
from .checks import need
from .exchange import Initiator, Responder, View, Views
from .fingerprint import digest
from .hashes import public_key
from .identity import parse_inception
from .link import SOFTWARE, Link
from .message import MAX_FRAME, MAX_RECORDS, MAX_SYMBOLS, Message, decode
from .record import COMMONS, CONTENT, CONTROL, Later, Record
from .refuse import Refuse

CHECK_EVERY = 0.5
GIVE_UP_AFTER = 15.0


class Peer(Link):
    """A node with one link; records are held in memory."""

    # Writing and running.

    def publish(self, new: Record) -> Record:
        """Takes a record of our own and announces it."""
        self.holdings.add(new)
        if self.channel is not None:
            self.in_step = False
            self._announce([new])
            self._announce_trust()
        return new

    def sync_until(self, predicate: Callable[[Peer], bool], timeout: float) -> bool:
        """Serves the link and compares now and then, until predicate(self) holds."""
        deadline = time.monotonic() + timeout
        while not predicate(self):
            now = time.monotonic()
            if now >= deadline:
                return False
            if now - self._heard > GIVE_UP_AFTER:
                self._give_up()
            idle = self.initiator is None and not self.awaited
            if idle and self._lists_known and now >= self._next_check:
                self.start_exchange()
            self.step(min(deadline - now, 0.05))
        return True

    def _give_up(self) -> None:
        """Forgets what was asked and never answered, so that it is asked again."""
        self._heard = time.monotonic()
        self.initiator = None
        self.requests.clear()
        self.awaited.clear()

    def step(self, timeout: float) -> bool:
        """Handles one message, if one comes in time; False when none did."""
        frame = self.channel.receive(timeout)
        if frame is None:
            return False
        msg = decode(frame)
        if msg is not None:
            self.log.append(("in", msg))
            self._heard = time.monotonic()
            getattr(self, "_on_" + msg.name.lower())(msg)
        return True

    # Keys.

    def _on_chain(self, msg: Message) -> None:
        """What somebody else in a circle has been told of a member's keys (SPEC 3.8)."""
        recover.follow(msg, parse_inception(msg["inception"]).org)

    # Beacons.

    def beacon(self) -> Beacon:
        """What this node says of itself now; each is later than the one before."""
        now = time.time_ns() // 1_000_000
        key = public_key(self.author.sign_seed)
        before = self.beacons.get(key)
        org = self.author.org
        own = [r for r in self.holdings.records.values() if r.body.org == org]
        members = {
            set_: [r.symbol for r in own if r.body.set == set_ and r.body.scope == COMMONS]
            for set_ in (CONTROL, CONTENT)
        }
        gone = {
            o: self.holdings.withdrawals_of(o)
            for o in sorted(self.holdings.accepted | self.holdings.kept)
        }
        return Beacon(
            COMMONS, org, key, now if before is None else max(now, before.time + 1), SOFTWARE,
            tuple(self.addresses), 0,
            *((len(symbols), digest(symbols)) for symbols in members.values()),
            tuple((o, len(s), digest(s)) for o, s in gone.items() if s),
        )  # fmt: skip

    def say(self, beacon: Beacon) -> None:
        """Takes note of a beacon of our own, and sends it."""
        sealed = beacon.seal(self.author.sign_seed, self.author.issued())
        self.beacons.known[beacon.scope, beacon.key] = beacon, sealed
        self._send("BEACON", sealed=canonical.decode(sealed))

    def _shared_orgs(self) -> set[bytes]:
        return self.holdings.accepted & self.theirs[0]

    def _on_lists_known(self) -> None:
        if self.circle is not None:
            return
        self._send("SEEN", scope=None, entries=self.beacons.seen(self._shared_orgs()))
        self.say(self.beacon())

    def _on_seen(self, msg: Message) -> None:
        if msg["scope"] is not None:
            return
        for sealed in self.beacons.missing(msg["entries"], self._shared_orgs()):
            self._send("BEACON", sealed=canonical.decode(sealed))

    def _on_beacon(self, msg: Message) -> None:
        chains = {org: self.holdings.keys(org) for org in self.holdings.accepted}
        try:
            now = time.time_ns() // 1_000_000
            self.beacons.take(canonical.encode(msg["sealed"]), now, chains)
        except beacon_module.Later:
            pass
        except Refuse as fault:
            self.faults.append(str(fault))

    # Comparing.

    def _compared(self, scope: bytes = COMMONS) -> list[Record]:
        return list(self.holdings.compared(*self.theirs, scope=scope))

    def _views(self) -> Views:
        key = sketch.scope_key(COMMONS)
        records = self._compared()
        return {
            set_: View([r.symbol for r in records if r.body.set == set_], key)
            for set_ in (CONTROL, CONTENT)
        }

    def start_exchange(self) -> None:
        asked = (CONTROL,) if self._awaits_control() else (CONTROL, CONTENT)
        self._exchange_number += 2
        self.initiator = Initiator(self._exchange_number, self._views(), asked)
        # A difference that stays, as by records of a later format, is looked at more rarely.
        pause = CHECK_EVERY * 2 ** min(self._unchanged, 4)
        self._next_check = time.monotonic() + pause
        self._send_message(self.initiator.check(None))

    def _on_check(self, msg: Message) -> None:
        number = msg["exchange"]
        odd = not self.channel.initiator
        good = number % 2 == odd and number > self._their_exchange
        need(good, "CHECK: not a number that may come")
        need(self._lists_known, "CHECK: before the lists")
        self._their_exchange = number
        if msg["scope"] is not None:
            # No circle is known here.
            self._send("DONE", exchange=number)
            return
        self.responder = Responder(msg, self._views(), self.page)
        self._send_message(self.responder.answer)

    def _on_asked(self, msg: Message) -> None:
        if self.responder is not None and self.responder.number == msg["exchange"]:
            self._send_message(self.responder.handle(msg))

    _on_more = _on_list = _on_asked

    def _on_answer(self, msg: Message) -> None:
        exchange = self.initiator
        if exchange is None or msg["exchange"] != exchange.number:
            return
        reply = exchange.handle(msg)
        if reply is not None:
            self._send_message(reply)
        if not exchange.finished:
            return
        self.initiator = None
        self.ways.append(exchange.ways)
        self.in_step = exchange.equal and len(exchange.asked) == 2
        difference = (exchange.set, exchange.lacking, exchange.extra)
        stays = difference == self._difference and not exchange.equal
        self._unchanged = self._unchanged + 1 if stays else 0
        self._difference = difference
        if exchange.equal:
            return
        self._want(exchange.set, exchange.lacking)
        self.shown.update(set(exchange.views[exchange.set].symbols) - set(exchange.extra))
        self._have(exchange.set, exchange.extra)
        self._send("DONE", exchange=exchange.number)

    _on_equal = _on_ids = _on_sketch = _on_cells = _on_page = _on_answer

    def _on_done(self, msg: Message) -> None:
        if self.responder is not None and self.responder.number == msg["exchange"]:
            self.responder = None
        elif self.initiator is not None and self.initiator.number == msg["exchange"]:
            self.initiator = None

    # Announcing and fetching.

    def _have(self, set_: int, symbols: list[bytes]) -> None:
        for start in range(0, len(symbols), MAX_SYMBOLS):
            self._send("HAVE", scope=None, set=set_, symbols=symbols[start : start + MAX_SYMBOLS])

    def _announce(self, records: list[Record]) -> None:
        """Tells of records that are compared here and not known to be there."""
        for r in records:
            if self.holdings.is_compared(r, *self.theirs) and r.symbol not in self.shown:
                self._have(r.body.set, [r.symbol])

    def _awaits_control(self) -> bool:
        return CONTROL in self.awaited.values()

    def _want(self, set_: int, symbols: list[bytes]) -> None:
        known = (self.holdings.symbols, self.holdings.later, self.set_aside, self.awaited)
        symbols = [s for s in symbols if not any(s in where for where in known)]
        if set_ == CONTENT and self._awaits_control():
            self.later_wanted += symbols
            return
        for start in range(0, len(symbols), MAX_SYMBOLS):
            piece = symbols[start : start + MAX_SYMBOLS]
            self._request_number += 1
            self.requests[self._request_number] = piece
            self.awaited.update(dict.fromkeys(piece, set_))
            self._send("WANT", request=self._request_number, prefixes=[s[:8] for s in piece])

    def _on_have(self, msg: Message) -> None:
        self.shown.update(msg["symbols"])
        if msg["scope"] is None:
            self._want(msg["set"], msg["symbols"])

    def _on_want(self, msg: Message) -> None:
        prefixes = set(msg["prefixes"])
        batch: list[bytes] = []
        room = MAX_FRAME - 64
        for r in self._compared():
            if r.symbol[:8] not in prefixes:
                continue
            packed = r.packed if r.codec in self.their_codecs else r.plain()
            if len(batch) == MAX_RECORDS or len(packed) > room:
                self._send("RECORDS", request=msg["request"], last=False, records=batch)
                batch, room = [], MAX_FRAME - 64
            batch.append(packed)
            room -= len(packed)
            self.shown.add(r.symbol)
        self._send("RECORDS", request=msg["request"], last=True, records=batch)

    def _on_records(self, msg: Message) -> None:
        taken = [r for r in map(self._take, msg["records"]) if r is not None]
        self.in_step = self.in_step and not taken
        for r in taken:
            self.awaited.pop(r.symbol, None)
        if msg["last"]:
            for symbol in self.requests.pop(msg["request"], ()):
                self.awaited.pop(symbol, None)
            self._next_check = 0.0
        self._announce_trust()
        if self.later_wanted and not self._awaits_control():
            symbols, self.later_wanted = self.later_wanted, []
            self._want(CONTENT, symbols)

    def _take(self, packed: bytes) -> Record | Later | None:
        try:
            new = record.open_record(packed)
        except Refuse as fault:
            self.faults.append(str(fault))
            return None
        self.shown.add(new.symbol)
        if isinstance(new, Record) and new.codec not in self.codecs:
            self.faults.append("a record of a codec that was not listed")
        if isinstance(new, Later):
            # Not asked for again, on any link.
            self.holdings.later[new.symbol] = new
            return new
        if new.body.scope != COMMONS:
            self.faults.append("a record of a scope that is not compared")
        elif self.holdings.add(new) in ("added", "known"):
            return new
        self.set_aside.add(new.symbol)
        return new
