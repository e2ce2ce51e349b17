#!/usr/bin/python3
"""Malformed traffic: it ends the link that it came on, and never the node (SPEC 3).

    cd tests/interop && /usr/bin/python3 -m unittest test_node_malformed
"""

from __future__ import annotations

import contextlib
import os
import socket
import types
import unittest

from commons import message, noise
from commons.channel import Channel
from golden.labels import label
from live import GOLDEN, LiveTest, Quarry, frame, is_in_a_message

unhex = bytes.fromhex


class Malformed(LiveTest):
    """What ends the link, and never the node."""

    def setUp(self):
        super().setUp()
        self.oak = self.node("Oak")
        self.alder = self.guest(self.oak, "Alder")
        self.until_same(self.oak, self.alder)
        self.started = self.oak.status()["started"]

    def tearDown(self):
        self.assertEqual(self.oak.status()["started"], self.started)
        story = Quarry(self.alder.author).take(1)[0]
        self.alder.connect(self.address(self.oak))
        self.alder.publish(story)
        self.until_same(self.oak, self.alder)
        self.assert_listed(self.oak, [story])
        super().tearDown()

    def test_messages(self):
        for v in GOLDEN["messages_invalid"]:
            with self.subTest(note=v["note"]):
                self.alder.connect(self.address(self.oak))
                self.alder.channel.send(unhex(v["frame"]))
                self.assertTrue(self.alder.is_cut_off())
        self.alder.connect(self.address(self.oak))
        self.alder.channel.send(unhex(GOLDEN["messages_ignored"][0]["frame"]))
        self.assertFalse(self.alder.is_cut_off(0.3))

    def test_first_messages(self):
        frames = [v for v in GOLDEN["messages_invalid"] if v["note"].startswith("HELLO")]
        frames += [{"note": "a list before HELLO", "frame": frame(4, True, False, b"", b"").hex()}]
        self.assertGreater(len(frames), 20)
        for v in frames:
            with self.subTest(note=v["note"]):
                self.alder._start(Channel.dial(self.address(self.oak), self.alder.author))
                self.alder.channel.send(unhex(v["frame"]))
                self.assertTrue(self.alder.is_cut_off())

    def test_records_that_no_message_can_carry(self):
        for v in GOLDEN["records_invalid"]:
            if is_in_a_message(unhex(v["packed"])):
                continue
            with self.subTest(note=v["note"]):
                self.alder.connect(self.address(self.oak))
                self.alder.channel.send(frame(16, 1, True, [])[:-1] + b"\x91" + unhex(v["packed"]))
                self.assertTrue(self.alder.is_cut_off())

    def test_messages_out_of_place(self):
        hello = self.alder._hello(None)
        wrong = {
            "a second HELLO": [frame(1, hello)],
            "a number of the node's own": [frame(5, 2, None, None, None)],
            "cells beyond those available": [frame(5, 7, None, None, [1, bytes(32)]),
                                             frame(9, 7, 1, 65000, 500)],
        }  # fmt: skip
        for note, frames in wrong.items():
            with self.subTest(note=note):
                self.alder.connect(self.address(self.oak))
                # All at once: what follows a CHECK counts before that is answered, too.
                sizes = [len(each).to_bytes(4, "big") for each in frames]
                stream = b"".join(a + b for a, b in zip(sizes, frames))
                self.alder.channel.send_stream(stream)
                self.assertTrue(self.alder.is_cut_off())

    def test_streams(self):
        too_long = (message.MAX_FRAME + 1).to_bytes(4, "big")
        for stream in (bytes(4), too_long, b"\xff" * 4, bytes(3) + b"\1\xc1"):
            with self.subTest(stream=stream):
                self.alder.connect(self.address(self.oak))
                self.alder.channel.send_stream(stream)
                self.assertTrue(self.alder.is_cut_off())

    def test_noise_messages(self):
        for raw in (b"", b"\0" * 15, os.urandom(16), os.urandom(65535)):
            with self.subTest(length=len(raw)):
                self.alder.connect(self.address(self.oak))
                self.alder.channel._write_message(raw)
                self.assertTrue(self.alder.is_cut_off())

    def test_handshakes(self):
        first = noise.Handshake(True, label("static")).write(b"ignored")
        for raw in (b"", first[:31], bytes(32), b"\1" + bytes(31), bytes(20481), os.urandom(65535)):
            with self.subTest(length=len(raw)):
                self.assert_no_handshake(raw)
        self.assert_no_handshake(first, os.urandom(200))

    def test_proofs(self):
        secrets = [label("certificate noise"), label("certificate other noise")]
        secrets = {noise.public_of(secret).hex(): secret for secret in secrets}

        def shake_hands(v):
            stranger = types.SimpleNamespace(noise_secret=secrets[v["noise_public"]])
            stranger.proof = lambda: unhex(v["proof"])
            self.alder._start(Channel.dial(self.address(self.oak), stranger))

        for v in GOLDEN["proof_invalid"]:
            with self.subTest(note=v["note"]):
                shake_hands(v)
                self.assertTrue(self.alder.is_cut_off())
        for v in (GOLDEN["proof"], *GOLDEN["proofs_more"]):
            shake_hands(v)
            self.assertFalse(self.alder.is_cut_off(0.2))  # a stranger's, which is to say HELLO

    def assert_no_handshake(self, *messages):
        with socket.create_connection(self.address(self.oak), timeout=4) as sock:
            for raw in messages:
                sock.sendall(len(raw).to_bytes(2, "big") + raw)
            with contextlib.suppress(ConnectionError):
                while sock.recv(65536):
                    pass


if __name__ == "__main__":
    unittest.main()
