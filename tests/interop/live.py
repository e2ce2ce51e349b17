"""Python peers beside real rpnode processes: what the tests of live links share."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import os
import pathlib
import random
import socket
import sys
import time
from typing import Any, Callable, Iterable, Optional

from commons import canonical, fingerprint, record, token
from commons.author import Author
from commons.channel import Closed
from commons.exchange import View, Views
from commons.peer import Peer
from commons.record import COMMONS, CONTENT, CONTROL, Body, Record
from commons.refuse import Refuse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from nodes import WAIT, Node, NodesTest  # noqa: E402

GOLDEN = json.loads((HERE.parent / "vectors" / "golden.json").read_text())
ANSWERS = ("EQUAL", "IDS", "SKETCH", "CELLS", "PAGE")


class Probe(Peer):
    """A peer that can leave comparing to the other side, and hands out what no node would.

    more goes into HELLO's map as it is; claims are symbols that it says to hold; offer gives
    records, valid or not, to whom asks for them.
    """

    def __init__(
        self, name: str, *, author: Optional[Author] = None, compares: bool = True,
        more: Optional[dict[str, Any]] = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(author or Author(name), **kwargs)
        self.compares = compares
        self.more = more or {}
        self.offered: dict[bytes, bytes] = {}
        self.claims: list[bytes] = []

    def start_exchange(self) -> None:
        if self.compares:
            super().start_exchange()

    def _hello(self, invite: Optional[bytes]) -> dict[str, Any]:
        return {**super()._hello(invite), **self.more}

    def _views(self) -> Views:
        views = super()._views()
        if self.claims:
            content = views[CONTENT]
            views[CONTENT] = View(content.symbols + self.claims, content.key)
        return views

    def offer(self, packed: dict[bytes, bytes], set_: int = CONTENT) -> None:
        """Says that it has records with these symbols."""
        self.offered.update({symbol[:8]: wrapped for symbol, wrapped in packed.items()})
        self._have(set_, list(packed))

    def _on_want(self, msg: Any) -> None:
        known = [self.offered[p] for p in msg["prefixes"] if p in self.offered]
        if known:
            self._send("RECORDS", request=msg["request"], last=False, records=known)
        super()._on_want(msg)

    def wanted(self) -> set[bytes]:
        """Prefixes that the other side has asked for so far."""
        asked = [m["prefixes"] for way, m in self.log if way == "in" and m.name == "WANT"]
        return {prefix for prefixes in asked for prefix in prefixes}

    def answers(self) -> list[str]:
        """How differences were found since the log was cleared, whoever looked for them."""
        return [m.name for _, m in self.log if m.name in ANSWERS]

    def symbols(self, set_: int = CONTENT) -> list[bytes]:
        held = self.holdings.records.values()
        return [r.symbol for r in held if r.body.set == set_ and r.body.scope == COMMONS]

    def fingerprints(self) -> tuple[str, str]:
        """Of content and of control, as rpctl status shows them."""
        content, control = (fingerprint.digest(self.symbols(s)) for s in (CONTENT, CONTROL))
        return content.hex(), control.hex()

    def serve(self, seconds: float = 0.02) -> None:
        self.sync_until(lambda _: False, seconds)

    def is_cut_off(self, seconds: float = 5.0) -> bool:
        """Whether the other side ends the connection."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self.channel.receive(deadline - time.monotonic())
        except Closed:
            return True
        return False


class LiveTest(NodesTest):
    """Nodes and Python peers on loopback."""

    def setUp(self) -> None:
        super().setUp()
        self.probes: list[Probe] = []

    def tearDown(self) -> None:
        for probe in self.probes:
            if probe.channel is not None:
                probe.channel.close()
        super().tearDown()
        faults = [fault for probe in self.probes for fault in probe.faults]
        self.assertEqual(faults, [], "what the node did against the formats")

    def quick(self, name: str, check: int = 1) -> Node:
        """A node that compares each link about so often, in seconds; 60 is its own default."""
        node = self.node(name, start=False)
        pathlib.Path(node.home, "rpnode.conf").write_text(f"[sync]\ncheck = {check}\n")
        return node.start()

    def probe(self, name: str, **kwargs: Any) -> Probe:
        self.probes.append(Probe(name, **kwargs))
        return self.probes[-1]

    # Links: guest is a probe that has dialled, host one that was called.

    @staticmethod
    def address(node: Node) -> tuple[str, int]:
        host, port = node.listen.rsplit(":", 1)
        return host, int(port)

    def guest(self, node: Node, name: str, **kwargs: Any) -> Probe:
        """A probe that has joined the node by an invite that rpctl made."""
        probe = self.probe(name, **kwargs)
        invite = token.parse(node.invite("--for", name))
        self.assertEqual(invite.addresses, (node.listen,))
        probe.connect(self.address(node), invite.org, invite.secret)
        return probe

    def listener(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(WAIT)
        self.addCleanup(listener.close)
        return listener

    def host(self, node: Node, name: str, **kwargs: Any) -> tuple[Probe, socket.socket]:
        """A probe that the node has joined by rpctl; it goes on calling where the probe listens."""
        probe = self.probe(name, **kwargs)
        listener = self.listener()
        invite = probe.invite(["%s:%d" % listener.getsockname()])
        said = self.background(lambda: node.ctl("join", invite.text()))
        probe.accept(listener)
        self.assertIn(name, said())
        return probe, listener

    def background(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Runs the function in a thread; calling what comes back waits for its result."""
        pool = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        return pool.submit(function).result

    # Waiting.

    def until(self, condition: Callable[[], Any], what: str, *probes: Probe) -> Any:
        """Serves the probes' links until the condition holds."""
        deadline = time.monotonic() + WAIT
        while True:
            value = condition()
            if value:
                return value
            self.assertLess(time.monotonic(), deadline, f"waited in vain for: {what}")
            for probe in probes:
                probe.serve()

    def until_same(self, node: Node, *probes: Probe) -> None:
        """Serves until the node and each probe hold the same, by their fingerprints."""

        def same() -> bool:
            prints = node.fingerprints()
            return all(probe.fingerprints() == prints for probe in probes)

        self.until(same, "the same fingerprints on both sides", *probes)

    # Records.

    def load(self, node: Node, records: Iterable[Record]) -> None:
        """Gives the node records by rpctl import, as from an export."""
        path = os.path.join(self.folder, "load.ndjson")
        lines = [json.dumps({"record": base64.b64encode(r.packed).decode()}) for r in records]
        pathlib.Path(path).write_text("\n".join(lines) + "\n")
        said = node.ctl("import", path)
        self.assertEqual(said, f"{len(lines)} new, 0 changed, 0 unchanged, 0 refused\n")

    def exported(self, node: Node) -> dict[str, tuple[dict[str, Any], bytes]]:
        """What the node stores, by id: its description, and the record as it is packed."""
        lines = [json.loads(line) for line in node.ctl("export").splitlines()]
        return {line["id"]: (line, base64.b64decode(line["record"])) for line in lines}

    def assert_listed(self, node: Node, records: Iterable[Record]) -> None:
        """rpctl list has just these records."""
        self.assertEqual(
            sorted(item["id"] for item in node.list()), sorted(r.id.hex() for r in records)
        )


class Quarry:
    """Patterns by one author, the same in every run: whether a sketch decodes is then no chance."""

    def __init__(self, author: Author, seed: int = 1) -> None:
        self.author = author
        self.chance = random.Random(seed)

    def take(self, count: int) -> list[Record]:
        return [self._pattern(self.chance.randbytes(32)) for _ in range(count)]

    def _pattern(self, salt_and_seed: bytes) -> Record:
        content = {"title": f"Pattern {salt_and_seed.hex()[:8]}"}
        body = Body(
            CONTENT, COMMONS, self.author.org, self.author.key, "pattern", 1_760_000_000_000,
            salt_and_seed[:16], salt_and_seed[16:], None, (), content,
        )  # fmt: skip
        return record.seal(body, self.author.key_seed)


def frame(*value: Any) -> bytes:
    return canonical.encode(list(value))


def is_in_a_message(packed: bytes) -> bool:
    """Whether RECORDS can carry it: else the node takes the whole message for malformed."""
    try:
        value = canonical.decode(packed)
    except Refuse:
        return False
    types = [type(entry) for entry in value] if isinstance(value, list) else []
    return types == [int, bytes, bytes] and value[0] >= 0
