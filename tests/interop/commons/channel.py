"""The channel: handshake with proofs and frames over one TCP connection (SPEC 3.1 to 3.3)."""

from __future__ import annotations

import select
import socket
import time
from typing import Optional

from . import certificate
from .author import Author
from .certificate import Proven
from .checks import need
from .message import MAX_FRAME
from .noise import MAX_MESSAGE, REKEY_AFTER, TAG, Handshake
from .refuse import Refuse

MAX_HANDSHAKE = 40960
HANDSHAKE_SECONDS = 5.0
PIECE = MAX_MESSAGE - TAG


class Closed(Exception):
    """The other side has ended the connection."""


class TimedOut(Exception):
    """Nothing came in time."""


class Channel:
    """An authenticated stream of frames each way.

    Sending also reads, into memory: two sides that both send much before they
    read would otherwise wait for each other for ever.
    """

    def __init__(self, sock: socket.socket, initiator: bool) -> None:
        self.sock = sock
        self.sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            # Small messages follow each other, and none is to wait for the last one's receipt.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.initiator = initiator
        self._received = bytearray()
        self._plain = bytearray()
        self._ended = False
        self._forsaken = False  # sending has failed

    @classmethod
    def dial(
        cls,
        address: tuple[str, int],
        author: Author,
        expected_org: Optional[bytes] = None,
        timeout: float = HANDSHAKE_SECONDS,
    ) -> Channel:
        """Calls a node; goes no further when it is not of the organisation expected."""
        sock = socket.create_connection(address, timeout)
        return cls.over(sock, True, author, expected_org, timeout)

    @classmethod
    def over(
        cls,
        sock: socket.socket,
        initiator: bool,
        author: Author,
        expected_org: Optional[bytes] = None,
        timeout: float = HANDSHAKE_SECONDS,
        rekey_after: int = REKEY_AFTER,
    ) -> Channel:
        """The handshake, over a connection that is there; closed when it fails."""
        channel = cls(sock, initiator)
        try:
            channel._handshake(author, expected_org, time.monotonic() + timeout, rekey_after)
        except BaseException:
            sock.close()
            raise
        return channel

    def _handshake(
        self, author: Author, expected_org: Optional[bytes], deadline: float, rekey_after: int
    ) -> None:
        noise = Handshake(self.initiator, author.noise_secret)
        if self.initiator:
            self._write_message(noise.write(b""))
            self.remote = self._read_proof(noise, deadline)
            if expected_org is not None:
                need(self.remote.org == expected_org, "another organisation answers")
            self._write_message(noise.write(author.proof()))
        else:
            # What its payload holds is ignored.
            noise.read(self._read_handshake(deadline))
            self._write_message(noise.write(author.proof()))
            self.remote = self._read_proof(noise, deadline)
        assert noise.rs is not None
        self.remote_noise = noise.rs
        self.handshake_hash = noise.h
        self.out, self.inward = noise.split(rekey_after)

    def _read_proof(self, noise: Handshake, deadline: float) -> Proven:
        payload = noise.read(self._read_handshake(deadline))
        assert noise.rs is not None
        return certificate.check_proof(payload, noise.rs)

    def _read_handshake(self, deadline: float) -> bytes:
        message = self._read_message(deadline)
        need(len(message) <= MAX_HANDSHAKE, "handshake message too long")
        return message

    def fileno(self) -> int:
        return self.sock.fileno()

    def close(self) -> None:
        self.sock.close()

    # Bytes and Noise messages.

    def _take_in(self, timeout: float) -> bool:
        """Waits for bytes and keeps them; False when none came."""
        if self._ended or not select.select([self.sock], [], [], max(0.0, timeout))[0]:
            return False
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return False
        except ConnectionError:
            data = b""
        self._ended = not data
        self._received += data
        return bool(data)

    def _send_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view) :]
                continue
            except BlockingIOError:
                pass
            except ConnectionError as error:
                if self._leaves_a_word():
                    return
                raise Closed from error
            wanted = [] if self._ended else [self.sock]
            if select.select(wanted, [self.sock], [])[0]:
                self._take_in(0)

    def _leaves_a_word(self) -> bool:
        """Whether the other side, gone, said something before that nobody has read: asked once."""
        while not self._forsaken and self._take_in(0):
            pass
        is_first, self._forsaken = not self._forsaken, True
        return is_first and bool(self._received)

    def _write_message(self, message: bytes) -> None:
        self._send_all(len(message).to_bytes(2, "big") + message)

    def _cut_message(self) -> Optional[bytes]:
        if len(self._received) < 2:
            return None
        end = 2 + int.from_bytes(self._received[:2], "big")
        if len(self._received) < end:
            return None
        message = bytes(self._received[2:end])
        del self._received[:end]
        return message

    def _read_message(self, deadline: float) -> bytes:
        while True:
            message = self._cut_message()
            if message is not None:
                return message
            if self._ended:
                raise Closed
            if not self._take_in(deadline - time.monotonic()) and time.monotonic() >= deadline:
                raise TimedOut

    # The stream and its frames.

    def send_stream(self, data: bytes) -> None:
        """Plaintext as it is, in as many Noise messages as it takes."""
        for start in range(0, len(data), PIECE):
            self._write_message(self.out.seal(data[start : start + PIECE]))

    def send(self, frame: bytes) -> None:
        self.send_stream(len(frame).to_bytes(4, "big") + frame)

    def _cut_frame(self) -> Optional[bytes]:
        if len(self._plain) < 4:
            return None
        length = int.from_bytes(self._plain[:4], "big")
        if not 1 <= length <= MAX_FRAME:
            raise Refuse("frame: length")
        if len(self._plain) < 4 + length:
            return None
        frame = bytes(self._plain[4 : 4 + length])
        del self._plain[: 4 + length]
        return frame

    def receive(self, timeout: float) -> Optional[bytes]:
        """The next frame, or None when it is not there in time; Closed at the end."""
        deadline = time.monotonic() + timeout
        while True:
            frame = self._cut_frame()
            if frame is not None:
                return frame
            try:
                self._plain += self.inward.open(self._read_message(deadline))
            except TimedOut:
                return None
