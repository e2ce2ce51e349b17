#!/usr/bin/python3
"""The Python implementation and real rpnode processes over live links: opening, records, refusals.

    cd tests/interop && /usr/bin/python3 -m unittest test_node

The build is found as in tests/e2e: RPNODE_BUILD, else the folder build.
"""

from __future__ import annotations

import dataclasses
import os
import time
import types
import unittest

from commons import canonical, hashes, message, noise, record, token
from commons.author import Author
from commons.channel import Channel, Closed
from commons.link import Refused
from commons.record import COMMONS, CONTENT, CONTROL, LOCAL
from commons.refuse import Refuse
from golden.labels import label
from live import GOLDEN, LiveTest, Quarry, frame

unhex = bytes.fromhex


def altered(new, key_seed=None, **changes):
    """The record with other fields, signed by the key of that seed if it is another one."""
    body = dataclasses.replace(new.body, **changes)
    return record.seal(body, key_seed)


class Links(LiveTest):
    def publish_on_both_sides(self, node, probe):
        ours = probe.publish(probe.author.compose("pattern", {"title": "From Python"}))
        path = self.pattern("theirs.md", "From rpnode")
        theirs = bytes.fromhex(node.ctl("publish", path).strip())

        def arrived():
            held = {r.body.object for r in probe.holdings.records.values()}
            return theirs in held and node.run("show", ours.id.hex()).returncode == 0

        self.until(arrived, "each side's record on the other", probe)
        return ours

    def assert_same(self, node, probe):
        """Both hold two identities, two vouches and two patterns, and know that they do."""
        self.until_same(node, probe)
        kinds = sorted(r.body.kind for r in probe.holdings.records.values())
        self.assertEqual(kinds, ["identity"] * 2 + ["pattern"] * 2 + ["vouch"] * 2)
        stored = self.exported(node)
        self.assertEqual(set(stored), {id_.hex() for id_ in probe.holdings.records})
        for id_, mine in probe.holdings.records.items():
            described, packed = stored[id_.hex()]
            self.assertEqual(record.open_record(packed).body, mine.body)
            self.assertEqual(described["object"], mine.body.object.hex())
        self.assertEqual({item["title"] for item in node.list()}, {"From Python", "From rpnode"})

    def test_python_joins_rpnode(self):
        node = self.quick("Oak")
        probe = self.guest(node, "Alder")
        self.publish_on_both_sides(node, probe)
        self.assert_same(node, probe)
        self.until(lambda: node.status()["health"] == "ok", "the node to see it too", probe)
        peer = node.status()["peers"][0]
        self.assertEqual((peer["name"], peer["link"]), ("Alder", "in"))
        self.assertIn(("in", "EQUAL"), [(way, m.name) for way, m in probe.log])
        self.assertIn(("out", "EQUAL"), [(way, m.name) for way, m in probe.log])

    def test_rpnode_joins_python(self):
        node = self.quick("Oak")
        probe, listener = self.host(node, "Alder")
        self.publish_on_both_sides(node, probe)
        self.assert_same(node, probe)
        self.assertEqual(node.status()["peers"][0]["link"], "out")
        probe.close()  # and it calls again by itself
        probe.accept(listener)
        self.until(lambda: node.status()["health"] == "ok", "the node to see that all is the same",
                   probe)

    def test_numbers_of_exchanges(self):
        """Odd on the side that dialled, even on the other, each greater than before (SPEC 4.3)."""
        node = self.quick("Oak")
        for by_us in (True, False):
            name = f"Alder {by_us}"
            probe = self.guest(node, name) if by_us else self.host(node, name)[0]

            def numbers(probe=probe):
                return [m["exchange"] for way, m in probe.log if (way, m.name) == ("in", "CHECK")]

            self.until(lambda: len(numbers()) >= 3, "three comparisons by the node", probe)
            self.assertEqual({n % 2 for n in numbers()}, {not by_us})
            self.assertEqual(numbers(), sorted(set(numbers())))
            probe.close()

    def test_what_is_not_known_is_ignored(self):
        """Messages, keys of HELLO, features, codecs, versions and scopes of later times."""
        more = {"a new key": [1, {"b": None}], "zzz": "x", "features": ["later"],
                "codecs": [0, 1, 7], "versions": [1, 2]}
        node = self.node("Oak")
        probe = self.guest(node, "Alder", more=more)
        for v in GOLDEN["messages_ignored"]:
            probe.channel.send(unhex(v["frame"]))
        probe.channel.send(frame(3333, {"what": ["ever"]}))
        circle = b"\7" * 32
        probe._send("HAVE", scope=circle, set=CONTENT, symbols=[bytes(16)])
        check = {"scope": circle, "control": [0, bytes(32)], "content": None}
        probe._send("CHECK", exchange=9001, **check)
        self.until(lambda: ("in", message.message("DONE", exchange=9001)) in probe.log,
                   "DONE for a circle that the node is not in", probe)
        probe._exchange_number = 9001
        self.publish_on_both_sides(node, probe)
        self.assert_same(node, probe)

    def test_refusals(self):
        node = self.node("Oak")
        probe = self.probe("Alder")
        org = token.parse(node.invite()).org
        used = token.parse(node.invite())
        self.probe("Birch").connect(self.address(node), org, used.secret)
        expired = token.parse(node.invite("--expires", "1s"))
        time.sleep(max(0, expired.expires + 1 - time.time()))
        for secret, code in (
            (None, "not-a-peer"), (bytes(16), "invite-unknown"), (used.secret, "invite-used"),
            (expired.secret, "invite-expired"),
        ):  # fmt: skip
            with self.subTest(code=code), self.assertRaises(Refused) as caught:
                probe.connect(self.address(node), org, secret)
            self.assertEqual(caught.exception.code, code)
            self.assertTrue(probe.is_cut_off() if probe.channel.sock.fileno() >= 0 else True)
        self.assertEqual([knock["name"] for knock in node.status()["knocks"]], ["Alder"])
        probe.more = {"versions": [2]}
        with self.assertRaises(Refused) as caught:
            probe.connect(self.address(node), org, token.parse(node.invite()).secret)
        self.assertEqual(caught.exception.code, "version")
        with self.assertRaises(Refuse):
            probe.connect(self.address(node), bytes(32))

    def test_rpnode_goes_no_further_with_another_organisation(self):
        node = self.node("Oak")
        listener = self.listener()
        probe = self.probe("Alder")
        invite = self.probe("Birch").invite(["%s:%d" % listener.getsockname()])
        asked = self.background(lambda: node.run("join", invite.text()))
        with self.assertRaises(Closed):
            probe.accept(listener)
        node.ctl("peer", "remove", node.status()["peers"][0]["organisation"])
        self.assertEqual(asked().returncode, 1)

    def test_new_keys_after_many_messages(self):
        """Each way past 65,536 transport messages (SPEC 3.1)."""
        node = self.node("Oak")
        probe = self.guest(node, "Alder", compares=False)
        self.until_same(node, probe)
        first = probe.channel.out.cipher.key, probe.channel.inward.cipher.key
        for n in range(noise.REKEY_AFTER):
            probe.channel.send(frame(99, n))
        self.assertNotEqual(probe.channel.out.cipher.key, first[0])
        circle = {"scope": b"\7" * 32, "control": None, "content": None}
        for n in range(1, 2 * noise.REKEY_AFTER, 2):  # one by one, or answers share a message
            probe._send("CHECK", exchange=n, **circle)
            self.assertIsNotNone(probe.channel.receive(5))
        self.assertNotEqual(probe.channel.inward.cipher.key, first[1])
        probe.log.clear()
        self.publish_on_both_sides(node, probe)


if __name__ == "__main__":
    unittest.main()
