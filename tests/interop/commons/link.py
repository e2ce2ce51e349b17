"""Opening a link: HELLO, REFUSE, invites, and what each side accepts (SPEC 3.5, 3.6)."""

from __future__ import annotations

import socket
import time
from typing import Any, Optional

from . import token
from .author import Author
from .beacon import Beacons
from .channel import Channel, Closed
from .checks import need
from .exchange import Initiator, Responder
from .hashes import H, accept_digest
from .holdings import Holdings
from .message import MAX_ACCEPT, MAX_ACCEPT_LINK, MAX_FRAME, MAX_SYMBOLS, Message, decode, encode, message
from .record import Record
from .refuse import Refuse

SOFTWARE = "commons-interop 1"


class Refused(Exception):
    """The other side answered REFUSE."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class Link:
    """One node with one link; Peer adds what it does on it.

    log holds every message as ("in" or "out", Message); faults what the other
    side did against the formats without the link being ended for it.
    """

    def __init__(
        self,
        author: Author,
        *,
        follow_vouches: bool = True,
        codecs: tuple[int, ...] = (0, 1, 2),
        addresses: tuple[str, ...] = (),
        circle: Optional[bytes] = None,
    ) -> None:
        self.author = author
        self.holdings = Holdings(author.inception, follow_vouches)
        self.codecs = codecs
        self.addresses = addresses
        self.circle = circle  # as issued: its links are for circles alone
        self.page = MAX_SYMBOLS
        self.invites: dict[bytes, list[Any]] = {}
        self.channel: Optional[Channel] = None
        self.log: list[tuple[str, Message]] = []
        self.faults: list[str] = []
        self.beacons = Beacons()
        self.ways: list[list[str]] = []
        self._request_number = 0
        self.holdings.add(author.identity())

    # Opening a link.

    def connect(
        self,
        address: tuple[str, int],
        expected_org: Optional[bytes] = None,
        invite: Optional[bytes] = None,
        vouch: bool = True,
    ) -> None:
        """Dials a node, opens the link, and vouches for it when it invited us."""
        self._start(Channel.dial(address, self.author, expected_org))
        self._welcome()
        self._send("HELLO", map=self._hello(invite))
        answer = self._expect_first()
        if answer.name == "REFUSE":
            self.channel.close()
            raise Refused(answer["code"], answer["text"])
        self._opened(answer)
        if invite is not None and vouch:
            self._vouch()

    def accept(self, listener: socket.socket, vouch: bool = True) -> None:
        """Takes one connection; refuses who is no peer and brings no invite."""
        sock, _ = listener.accept()
        self._start(Channel.over(sock, False, self.author))
        hello = self._expect_first()
        code = self._judge(hello)
        if code is not None:
            self._send("REFUSE", code=code, text="")
            self.channel.close()
            raise Refused(code, "refused here")
        self._welcome()
        self._send("HELLO", map=self._hello(None))
        self._opened(hello)
        if "invite" in hello["map"] and vouch:
            self._vouch()

    def invite(self, addresses: list[str], seconds: int = 3600) -> token.Invite:
        """An invite to this node, good once."""
        secret = H("interop invite", self.author.org, bytes([len(self.invites)]))[:16]
        expires = int(time.time()) + seconds
        self.invites[token.token_name(secret)] = [expires, None]
        return token.Invite(self.author.org, secret, expires, tuple(addresses))

    def _start(self, channel: Channel) -> None:
        if self.channel is not None:
            self.channel.close()
        self.channel = channel
        self.their_codecs: list[int] = [0]
        self.theirs: tuple[set[bytes], set[bytes]] = (set(), set())
        self.initiator: Optional[Initiator] = None
        self.responder: Optional[Responder] = None
        self.in_step = False
        self.requests: dict[int, list[bytes]] = {}
        self.awaited: dict[bytes, int] = {}
        self.later_wanted: list[bytes] = []
        self.set_aside: set[bytes] = set()
        self.shown: set[bytes] = set()
        self._next_check = 0.0
        self._difference: Any = None
        self._unchanged = 0
        self._heard = time.monotonic()
        self._lists_known = False
        self._coming: Optional[tuple[set[bytes], set[bytes]]] = None
        # Odd numbers on the side that dialled, even ones on the other.
        self._exchange_number = -1 if channel.initiator else 0
        self._their_exchange = -1  # 0 is an even number, too

    def _hello(self, invite: Optional[bytes]) -> dict[str, Any]:
        self._announced = (set(self.holdings.accepted), set(self.holdings.kept))
        if self.circle is not None:
            self._announced = (set(), set())
        hello: dict[str, Any] = {
            "accept": accept_digest(*self._announced),
            "addresses": list(self.addresses),
            "codecs": list(self.codecs),
            "features": [],
            "frame": MAX_FRAME,
            "software": SOFTWARE,
            "time": time.time_ns() // 1_000_000,
            "versions": [1],
        }
        if invite is not None:
            hello["invite"] = invite
        if self.circle is not None:
            hello["circle"] = self.circle
        return hello

    def _expect_first(self) -> Message:
        while True:
            frame = self.channel.receive(10)
            if frame is None:
                raise Refuse("no HELLO in time")
            msg = decode(frame)
            if msg is not None:
                break
        self.log.append(("in", msg))
        if msg.name not in ("HELLO", "REFUSE"):
            raise Refuse(f"{msg.name} before HELLO")
        return msg

    def _judge(self, hello: Message) -> Optional[str]:
        """The code with which this HELLO is refused, if it is."""
        org = self.channel.remote.org
        if 1 not in hello["map"]["versions"]:
            return "version"
        if org in self.holdings.peers:
            return None
        if "invite" not in hello["map"]:
            return "not-a-peer"
        known = self.invites.get(token.token_name(hello["map"]["invite"]))
        if known is None:
            return "invite-unknown"
        if known[1] not in (None, org):
            return "invite-used"
        if known[0] < time.time():
            return "invite-expired"
        known[1] = org
        return None

    def _welcome(self) -> None:
        self.holdings.peers.add(self.channel.remote.org)
        self.holdings.learn(self.channel.remote)

    def _opened(self, hello: Message) -> None:
        fields = hello["map"]
        self.their_codecs = fields["codecs"]
        if fields["accept"] == accept_digest(*self._announced):
            self.theirs = (set(self._announced[0]), set(self._announced[1]))
            self._lists_known = True
            self._on_lists_known()
            return
        accepted, kept = (sorted(s) for s in self._announced)
        # In pieces, each of which takes from the one list and then from the other.
        entries = [(org, True) for org in accepted] + [(org, False) for org in kept]
        for start in range(0, len(entries), MAX_ACCEPT) or (0,):
            piece = entries[start : start + MAX_ACCEPT]
            self._send(
                "ACCEPT",
                reset=start == 0,
                more=start + MAX_ACCEPT < len(entries),
                accepted=[org for org, good in piece if good],
                kept=[org for org, good in piece if not good],
            )

    def _vouch(self) -> None:
        inception = self.channel.remote.chain.inception
        if not any(
            r.is_control("vouch") and r.body.org == self.author.org
            and r.body.content.get("subject") == inception.org
            for r in self.holdings.records.values()
        ):  # fmt: skip
            self.publish(self.author.vouch(inception))

    def close(self, reason: Optional[str] = None) -> None:
        if reason is not None:
            self._send("BYE", reason=reason)
        self.channel.close()

    def publish(self, new: Record) -> Record:
        raise NotImplementedError

    def _send(self, name: str, **fields: Any) -> None:
        self._send_message(message(name, **fields))

    def _send_message(self, msg: Message) -> None:
        self.log.append(("out", msg))
        self.channel.send(encode(msg))

    # Trust, refusal, end.

    def _announce_trust(self) -> None:
        now = (set(self.holdings.accepted), set(self.holdings.kept))
        accepted = sorted(now[0] - self._announced[0])
        kept = sorted(now[1] - self._announced[1])
        self._announced = now
        if accepted or kept:
            self._send("ACCEPT", reset=False, more=False, accepted=accepted, kept=kept)
            self._drop_exchanges()

    def _on_accept(self, msg: Message) -> None:
        """Their lists count when they are here whole; until then nothing is compared."""
        self._drop_exchanges()
        begun = self._coming is not None or self._lists_known
        need(msg["reset"] or begun, "ACCEPT: a change of lists not sent")
        accepted, kept = (set(), set()) if msg["reset"] else self._coming or self.theirs
        lists = (
            (accepted | set(msg["accepted"])) - set(msg["kept"]),
            (kept | set(msg["kept"])) - set(msg["accepted"]),
        )
        need(len(lists[0]) + len(lists[1]) <= MAX_ACCEPT_LINK, "ACCEPT: too many organisations")
        if msg["more"]:
            self._coming = lists
            return
        self.theirs, self._coming = lists, None
        self._lists_known = True
        if msg["reset"] or not begun:
            self._on_lists_known()

    def _on_lists_known(self) -> None:
        """Both sides' lists are whole."""

    def _drop_exchanges(self) -> None:
        """What was being compared is not what is to be compared now."""
        self.initiator = self.responder = None
        self.in_step, self._next_check = False, 0.0

    def _on_hello(self, msg: Message) -> None:
        raise Refuse("a second HELLO")

    def _on_refuse(self, msg: Message) -> None:
        self.channel.close()
        raise Refused(msg["code"], msg["text"])

    def _on_bye(self, msg: Message) -> None:
        self.channel.close()
        raise Closed(msg["reason"])
