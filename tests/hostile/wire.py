"""What hostile clients share: sockets, pieces of a handshake, links, and the list of the clients."""

from __future__ import annotations

import dataclasses
import pathlib
import socket
import sys
import threading
import time
from typing import Any, Callable, Iterator

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

from commons import canonical, noise  # noqa: E402
from commons.author import Author  # noqa: E402
from commons.channel import Channel, Closed, TimedOut  # noqa: E402
from commons.link import Link, Refused  # noqa: E402
from commons.message import decode  # noqa: E402
from commons.refuse import Refuse  # noqa: E402

HANDSHAKE_SECONDS = 5  # RP_HANDSHAKE_MS
HELLO_SECONDS = 10  # HELLO_MS
FRAME_SECONDS = 30  # RP_FRAME_MS
SLACK = 5  # seconds that a busy machine may be late


class NotLetIn(Exception):
    """The node took no notice of us: another client had the place, or we call too often."""


@dataclasses.dataclass
class Client:
    """A hostile client: what it does, what has to become of it, and in how many places at once."""

    run: Callable[[Attack], str]
    must: tuple[str, ...]
    instances: int
    floods: bool
    is_peer: bool

    @property
    def name(self) -> str:
        return self.run.__name__


CLIENTS: list[Client] = []


def client(*must: str, instances: int = 1, floods: bool = False, is_peer: bool = False) -> Any:
    """Puts a function among the clients. It returns what became of it, one of must.

    floods: goes on while there is something to disturb, else it has to come to its end once.
    """

    def add(run: Callable[[Attack], str]) -> Callable[[Attack], str]:
        CLIENTS.append(Client(run, must, instances, floods, is_peer))
        return run

    return add


class Attack:
    """Where one instance of a client calls, from where, and as whom.

    Each client has a network of its own within 127.0.0.0/8, as if they were all over the world.
    """

    def __init__(self, place: dict[str, Any], number: int, instance: int, name: str) -> None:
        self.place = place
        self.number = number
        self.instance = instance
        self.name = name
        self.node = tuple(place["node"])
        self.web = tuple(place["web"])
        self.org = bytes.fromhex(place["org"])
        self.author = Author(name, bytes([number, instance]) * 16)
        self.acting = threading.Event()  # it has come so far that it can do harm
        self.over = threading.Event()  # the flood has to end
        self.calls = 0
        self.acts_on_call = True

    def source(self, network: int = 0) -> tuple[str, int]:
        """An address of this client's network; of others to have it in many places."""
        return (f"127.{66 + network % 64}.{self.number}.{1 + self.instance}", 0)

    def call(self, address: Any = None, network: int = 0) -> socket.socket:
        self.calls += 1
        try:
            sock = socket.create_connection(
                address or self.node, 5, source_address=self.source(network)
            )
        except OSError as error:
            raise NotLetIn(str(error)) from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.acts_on_call:
            self.acting.set()
        return sock

    def pace(self, seconds: float) -> bool:
        """Lets that time go by; False when the flood is over."""
        return not self.over.wait(seconds)


def is_cut(sock: socket.socket, seconds: float) -> bool:
    """Whether the other side ends the connection in time; what it says until then is read."""
    deadline = time.monotonic() + seconds
    while True:
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            if sock.recv(1 << 16) == b"":
                return True
        except socket.timeout:
            return False
        except OSError:
            return True


def outcome_of(sock: socket.socket, seconds: float) -> str:
    with sock:
        return "cut" if is_cut(sock, seconds) else "still open"


def say(sock: socket.socket, data: bytes) -> bool:
    """Sends; False when there is nobody any more, or nobody who reads."""
    try:
        sock.sendall(data)
        return True
    except OSError:
        return False


def trickle(attack: Attack, sock: socket.socket, data: bytes, seconds: float) -> str:
    """A byte a second, until the node has had enough of it."""
    deadline = time.monotonic() + seconds
    with sock:
        for i in range(int(seconds) + 1):
            say(sock, data[i % len(data)].to_bytes(1, "big"))
            if is_cut(sock, 1):
                return "cut"
            if time.monotonic() > deadline:
                break
    return "still open"


# Handshakes, piece by piece


def message(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def read_message(sock: socket.socket) -> bytes:
    sock.settimeout(HANDSHAKE_SECONDS)
    data = b""
    try:
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            piece = sock.recv(1 << 16)
            if not piece:
                raise NotLetIn("no second message")
            data += piece
    except OSError as error:
        raise NotLetIn(str(error)) from error
    return data[2:]


def shake(attack: Attack, payload: bytes, **options: Any) -> socket.socket:
    """A handshake whose proof is the payload."""
    sock = attack.call()
    state = noise.Handshake(True, attack.author.noise_secret, **options)
    say(sock, message(state.write(b"")))
    state.read(read_message(sock))
    say(sock, message(state.write(payload)))
    return sock


def channel(attack: Attack) -> Channel:
    """A handshake as it should be."""
    sock = attack.call()
    try:
        return Channel.over(sock, True, attack.author, attack.org, 3 * HANDSHAKE_SECONDS)
    except (Closed, TimedOut, OSError) as error:
        raise NotLetIn(repr(error)) from error


# Links


def frame(*value: Any) -> bytes:
    return canonical.encode(list(value))


def framed(*frames: bytes) -> bytes:
    return b"".join(len(f).to_bytes(4, "big") + f for f in frames)


class Caller(Link):
    """A node that opens a link and then says what it likes."""

    def __init__(self, attack: Attack) -> None:
        # Where it says it can be called: a peer's address is known to the node.
        super().__init__(attack.author, addresses=(f"{attack.source()[0]}:1",))
        self.attack = attack

    def publish(self, new: Any) -> Any:
        raise NotImplementedError

    def hello(self, invite: Any = None, **changes: Any) -> dict[str, Any]:
        return {**self._hello(invite), **changes}

    def shaken(self) -> Caller:
        self._start(channel(self.attack))
        self._welcome()
        return self

    def open(self, invite: Any = None) -> Caller:
        """Opens the link, and says that it accepts whom it takes to be there."""
        self.shaken()
        try:
            self.send(frame(1, self.hello(invite)))
            answer = self._expect_first()
        except (Closed, Refuse) as error:
            raise NotLetIn(repr(error)) from error
        if answer.name == "REFUSE":
            raise Refused(answer["code"], answer["text"])
        both = b"".join(sorted([self.author.org, self.attack.org]))
        self.send(frame(4, True, False, both, b""))
        self.attack.acting.set()
        return self

    def send(self, *frames: bytes) -> None:
        self.channel.send_stream(framed(*frames))

    def refusal(self) -> str:
        """The code of the REFUSE that is the answer."""
        try:
            answer = self._expect_first()
        except Closed:
            return "cut"
        except Refuse as error:
            return str(error)
        return "refused " + answer["code"] if answer.name == "REFUSE" else "let in"

    def messages(self, seconds: float) -> Iterator[Any]:
        """What the node says, until it has nothing to say for so long."""
        while (received := self.channel.receive(seconds)) is not None:
            if (decoded := decode(received)) is not None:
                yield decoded

    def until(self, name: str, seconds: float = 10) -> Any:
        for received in self.messages(seconds):
            if received.name == name:
                return received
        raise NotLetIn(f"no {name} in time")

    def flood(self, data: bytes, seconds: float = 5) -> str:
        """Sends this over and over and reads nothing: whether that makes the node end the link."""
        self.channel.sock.setblocking(True)
        self.channel.sock.settimeout(0.2)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.attack.over.is_set():
            sealed = self.channel.out.seal(data)
            rest = memoryview(message(sealed))
            while rest and time.monotonic() < deadline:
                try:
                    rest = rest[self.channel.sock.send(rest):]
                except socket.timeout:
                    continue
                except OSError:
                    return "cut"
            if rest:
                break
        return "harmless"

    def is_served(self) -> str:
        """Whether the node still answers on this link."""
        try:
            self.send(frame(5, 1 << 50 | 1, bytes(31) + b"\1", None, None))  # a circle of nobody's
            for received in self.messages(10):
                if received.name == "DONE" and received["exchange"] == 1 << 50 | 1:
                    return "harmless"
        except (Closed, OSError):
            return "cut"
        return "not served"

    def ends(self, seconds: float = 10) -> str:
        try:
            for _ in self.messages(seconds):
                pass
        except Closed:
            return "cut"
        return "still open"
