"""The exchange by which two nodes find their difference (SPEC 4.3), without any I/O."""

from __future__ import annotations

from typing import Optional

from . import fingerprint, sketch
from .checks import need
from .message import FEW, MAX_CELLS_MESSAGE, MAX_SYMBOLS, Message, message
from .record import CONTENT, CONTROL

SET_NAMES = {CONTROL: "control", CONTENT: "content"}


class View:
    """One set as it was when the exchange began."""

    def __init__(self, symbols: list[bytes], key: bytes) -> None:
        self.symbols = sorted(symbols)
        self.key = key
        self.fingerprint = fingerprint.Fingerprint(self.symbols)
        self.digest = self.fingerprint.digest()
        self._cells: list[int] = []

    @property
    def count(self) -> int:
        return len(self.symbols)

    def cells(self, count: int) -> list[int]:
        if len(self._cells) < count:
            self._cells = sketch.make(self.symbols, self.key, count)
        return self._cells[:count]


Views = dict[int, View]


class Responder:
    """Answers one exchange of the other side."""

    def __init__(self, check: Message, views: Views, page: int = MAX_SYMBOLS) -> None:
        self.number = check["exchange"]
        self.views = views
        self.page = page
        self.answer = self._answer(check)

    def _answer(self, check: Message) -> Message:
        for set_, name in SET_NAMES.items():
            view = self.views[set_]
            if check[name] is None or check[name] == [view.count, view.digest]:
                continue
            head = {"exchange": self.number, "set": set_, "count": view.count}
            head["digest"] = view.digest
            if view.count < FEW:
                return message("IDS", symbols=view.symbols, **head)
            cells = view.cells(self._available(view))
            return message(
                "SKETCH",
                available=len(cells),
                cells=_entries(cells[: sketch.FIRST_CELLS]),
                digests=sketch.digests(cells),
                **head,
            )
        return message("EQUAL", exchange=self.number)

    @staticmethod
    def _available(view: View) -> int:
        """Twice the next power of two is enough for all that LIST would not do better."""
        return min(sketch.MAX_CELLS, 2 << view.count.bit_length())

    def handle(self, msg: Message) -> Message:
        view = self.views[msg["set"]]
        head = {"exchange": self.number, "set": msg["set"]}
        if msg.name == "MORE":
            available = view.cells(self._available(view))
            first, n = msg["first"], msg["n"]
            need(n <= MAX_CELLS_MESSAGE, "MORE: too many cells at a time")
            need(first + n <= len(available), "MORE: cells beyond those available")
            cells = available[first : first + n]
            return message("CELLS", first=first, cells=_entries(cells), **head)
        after = msg["after"]
        rest = [s for s in view.symbols if after is None or s > after]
        page = rest[: self.page]
        return message("PAGE", symbols=page, last=len(page) == len(rest), **head)


def _ascend(symbols: list[bytes]) -> bool:
    return all(a < b for a, b in zip(symbols, symbols[1:]))


def _entries(cells: list[int]) -> list[bytes]:
    return [sketch.to_bytes([cell]) for cell in cells]


class Initiator:
    """One exchange of ours.

    After each handle, send what it returned.
    It is over when finished is set: equal, or with a set and what each side lacks.
    """

    def __init__(self, number: int, views: Views, asked: tuple[int, ...]) -> None:
        self.number = number
        self.views = views
        self.asked = asked
        self.finished = False
        self.equal = False
        self.set: Optional[int] = None
        self.asked_cells = 0
        self.lacking: list[bytes] = []
        self.extra: list[bytes] = []
        self.ways: list[str] = []

    def check(self, scope: Optional[bytes]) -> Message:
        sides = {
            name: [self.views[s].count, self.views[s].digest] if s in self.asked else None
            for s, name in SET_NAMES.items()
        }
        return message("CHECK", exchange=self.number, scope=scope, **sides)

    def handle(self, msg: Message) -> Optional[Message]:
        self.ways.append(msg.name)
        if msg.name == "EQUAL":
            self.finished = self.equal = True
            return None
        if msg.name in ("IDS", "SKETCH"):
            need(self.set is None and msg["set"] in self.asked, "an answer not asked for")
            self.set = msg["set"]
            self.view = self.views[msg["set"]]
            self.count, self.digest = msg["count"], msg["digest"]
        else:
            need(self.set is not None and msg["set"] == self.set, "an answer not asked for")
        return getattr(self, "_" + msg.name.lower())(msg)

    def _finish(self, theirs: set[bytes]) -> None:
        ours = set(self.view.symbols)
        self.lacking = sorted(theirs - ours)
        self.extra = sorted(ours - theirs)
        self.finished = True

    def _finish_listed(self, symbols: list[bytes]) -> None:
        theirs = set(symbols)
        need(len(theirs) == len(symbols) == self.count, "listed: another count")
        need(fingerprint.digest(theirs) == self.digest, "listed: another fingerprint")
        self._finish(theirs)

    def _ids(self, msg: Message) -> None:
        need(msg["count"] < FEW, "IDS: too many")
        need(_ascend(msg["symbols"]), "IDS: not ascending")
        self._finish_listed(msg["symbols"])

    def _sketch(self, msg: Message) -> Optional[Message]:
        self.available = msg["available"]
        need(self.available >= sketch.FIRST_CELLS, "SKETCH: available")
        need(len(msg["cells"]) == sketch.FIRST_CELLS, "SKETCH: cells")
        places = len(sketch.digest_cells(self.available)) // 2
        need(len(msg["digests"]) == places, "SKETCH: digests")
        self.theirs = sketch.from_bytes(b"".join(msg["cells"]))
        if self._decoded():
            return None
        ours = sketch.digests(self.view.cells(self.available))
        self.estimate = sketch.estimate(ours, msg["digests"], self.available)
        return self._more(int(1.5 * self.estimate) + 16)

    def _more(self, wanted: int) -> Message:
        """Asks for cells up to so many in all, or for the list where that is cheaper."""
        wanted = min(max(wanted, 2 * len(self.theirs)), 2 * self.estimate + 64, self.available)
        ask = min(wanted - len(self.theirs), MAX_CELLS_MESSAGE)
        if ask <= 0 or ask * sketch.CELL > self.count * 16:
            return self._list(None)
        self.asked_cells = ask
        head = {"exchange": self.number, "set": self.set}
        return message("MORE", first=len(self.theirs), n=ask, **head)

    def _cells(self, msg: Message) -> Optional[Message]:
        exact = msg["first"] == len(self.theirs) and len(msg["cells"]) == self.asked_cells
        need(exact, "CELLS: not those asked for")
        self.asked_cells = 0
        self.theirs += sketch.from_bytes(b"".join(msg["cells"]))
        return None if self._decoded() else self._more(0)

    def _decoded(self) -> bool:
        """Whether the cells so far tell a difference that explains both fingerprints."""
        ours = self.view.cells(len(self.theirs))
        found = sketch.decode([a ^ b for a, b in zip(ours, self.theirs)], self.view.key)
        if found is None:
            return False
        theirs = set(self.view.symbols) ^ found
        if len(theirs) != self.count or fingerprint.digest(theirs) != self.digest:
            return False
        self._finish(theirs)
        return True

    def _list(self, after: Optional[bytes]) -> Message:
        if after is None:
            self.listed: list[bytes] = []
        return message("LIST", exchange=self.number, set=self.set, after=after)

    def _page(self, msg: Message) -> Optional[Message]:
        page = self.listed[-1:] + msg["symbols"]
        need(_ascend(page), "PAGE: not ascending")
        need(msg["last"] or msg["symbols"], "PAGE: empty")
        self.listed += msg["symbols"]
        if not msg["last"]:
            return self._list(self.listed[-1])
        self._finish_listed(self.listed)
        return None
