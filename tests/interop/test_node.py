#!/usr/bin/python3
"""The Python implementation and real rpnode processes over live links: opening, records, refusals.

    cd tests/interop && /usr/bin/python3 -m unittest test_node

The build is found as in tests/e2e: RPNODE_BUILD, else the folder build.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
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
            join = self.guest if by_us else lambda *a, **kw: self.host(*a, **kw)[0]
            probe = join(node, name, compares=False)

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
        probe = self.guest(node, "Alder")
        self.until_same(node, probe)
        probe.compares = False
        first = probe.channel.out.cipher.key, probe.channel.inward.cipher.key
        for n in range(noise.REKEY_AFTER):
            probe.channel.send(frame(99, n))
        self.assertNotEqual(probe.channel.out.cipher.key, first[0])
        circle = {"scope": b"\7" * 32, "control": None, "content": None}
        for _ in range(noise.REKEY_AFTER):  # one by one, or answers would share messages
            probe._exchange_number += 2
            probe._send("CHECK", exchange=probe._exchange_number, **circle)
            self.assertIsNotNone(probe.channel.receive(5))
        self.assertNotEqual(probe.channel.inward.cipher.key, first[1])
        probe.log.clear()
        self.publish_on_both_sides(node, probe)


class Records(LiveTest):
    def join(self, **kwargs):
        node = self.node("Oak")
        probe = self.guest(node, "Alder", **kwargs)
        self.until_same(node, probe)
        return node, probe

    def assert_withdrawn(self, node, probe, gone, left):
        self.until_same(node, probe)
        self.assert_listed(node, left)
        self.assertNotIn(gone.id, probe.holdings.records)
        shown = node.run("show", gone.body.object.hex())
        self.assertEqual(shown.returncode, 1)
        self.assertIn("withdrawn", shown.stderr)

    def test_withdrawals_by_the_organisation(self):
        node, probe = self.join()
        author = probe.author
        kept, whole, first = Quarry(author).take(3)
        second = altered(first, author.key_seed, parents=(first.id,), salt=bytes(16))
        for new in (kept, whole, first, second):
            probe.publish(new)
        self.until_same(node, probe)
        self.assert_listed(node, [kept, whole, second])
        probe.publish(author.withdraw(whole))
        self.assert_withdrawn(node, probe, whole, [kept, second])
        probe.publish(author.withdraw(first, [second.id]))  # one version, not the object
        self.until_same(node, probe)
        self.assert_listed(node, [kept, first])
        for void in ([b"no id"], "all", [first.id, 1]):
            probe.publish(author.compose("withdrawal", {"versions": void}, seed=first.body.seed))
        self.until_same(node, probe)
        self.assert_listed(node, [kept, first])
        # What is withdrawn is refused from every door.
        probe.offer({whole.symbol: whole.packed})
        self.until(lambda: whole.symbol[:8] in probe.wanted(), "WANT", probe)
        with self.assertRaisesRegex(AssertionError, "1 refused"):
            self.load(node, [whole])
        self.assert_withdrawn(node, probe, whole, [kept, first])

    def test_withdrawal_by_the_teller(self):
        node, probe = self.join()
        author, seed = probe.author, label("teller")
        teller = hashes.public_key(seed)
        bare = author.compose("story", {"title": "x"}, teller=teller)
        slip = author.slip(bare.body.object)
        told = altered(bare, author.key_seed, content={"title": "Told", "slip": slip})
        probe.publish(told)
        self.until_same(node, probe)
        self.assertEqual(node.status()["records"], 1)

        def withdrawal(slip):
            content, salt = {"slip": slip}, os.urandom(16)
            return altered(told, seed, set=CONTROL, key=teller, kind="withdrawal", content=content,
                           salt=salt)  # fmt: skip

        vain = withdrawal(author.slip(bytes(32)))
        probe.offer({vain.symbol: vain.packed}, CONTROL)
        self.until(lambda: node.status()["peers"][0]["records_refused"] == 1, "a refusal", probe)
        self.assertEqual(node.run("show", told.id.hex()).returncode, 0)
        probe.publish(withdrawal(slip))
        self.assert_withdrawn(node, probe, told, [])

    def test_withdrawal_by_rpnode(self):
        node, probe = self.join()
        object_ = node.ctl("publish", self.pattern("a.md", "Ask")).strip()
        self.until_same(node, probe)
        self.assertEqual(len(probe.symbols()), 1)
        node.ctl("withdraw", object_)
        self.until_same(node, probe)
        self.assertEqual(probe.symbols(), [])

    def test_codecs(self):
        """Stored and passed on as they came, but unpacked for who does not read codec 1."""
        node, probe = self.join()
        plain_only = self.guest(node, "Birch", codecs=(0,))
        text = "What helps is to ask. " * 200
        ours = [probe.author.compose("pattern", {"text": text}, codec=codec) for codec in (0, 1)]
        for new in ours:
            probe.publish(new)
        node.ctl("publish", self.pattern("long.md", "Ask", text))
        self.until_same(node, probe, plain_only)
        stored = self.exported(node)
        for new in ours:
            self.assertEqual(stored[new.id.hex()][1], new.packed)
        for holder, codecs in ((probe, [0, 1, 1]), (plain_only, [0, 0, 0])):
            held = holder.holdings.symbols
            self.assertEqual(sorted(held[s].codec for s in holder.symbols()), codecs)

    def test_unknown_kinds_and_fields_are_stored_and_passed_on(self):
        node, probe = self.join()
        far = self.guest(node, "Birch")
        author = probe.author
        odd = [
            author.compose("zz-of-later-times", {"any": [1, {"thing": [None, b"x"]}], "title": 7}),
            author.compose("zz-control", {"number": -1}, set=CONTROL),
            author.compose("withdrawal", {}, set=CONTENT),
            author.compose("pattern", {"title": "Known", "zz field": {"a": []}}),
            author.compose("identity", {"number": "none"}),
        ]
        for new in odd:
            probe.publish(new)
        self.until_same(node, probe, far)
        for new in odd:
            self.assertEqual(far.holdings.records[new.id].packed, new.packed)

    def test_records_of_later_versions(self):
        """No fault; remembered, and not asked for again (SPEC 2.1)."""
        node, probe = self.join()
        laters = [record.open_record(unhex(v["packed"])) for v in GOLDEN["records_later"]]
        before = probe.fingerprints()
        probe.offer({later.symbol: later.packed for later in laters})
        asked = {later.symbol[:8] for later in laters}
        self.until(lambda: asked <= probe.wanted(), "WANT", probe)
        probe.log.clear()
        probe.close()
        probe.connect(self.address(node))
        probe.offer({later.symbol: later.packed for later in laters})
        probe.publish(Quarry(probe.author).take(1)[0])
        self.until_same(node, probe)
        self.assertEqual(probe.wanted() & asked, set())
        self.assertEqual(probe.fingerprints()[1], before[1])

    def test_a_difference_that_stays_is_looked_at_ever_more_rarely(self):
        node = self.node("Oak")
        probe, _ = self.host(node, "Alder", compares=False)
        later = record.open_record(unhex(GOLDEN["records_later"][0]["packed"]))
        probe.offered[later.symbol[:8]] = later.packed
        probe.claims.append(later.symbol)
        probe.serve(2)
        checks = [m for way, m in probe.log if (way, m.name) == ("in", "CHECK")]
        self.assertGreater(len(checks), 3)
        self.assertLess(len(checks), 12)

    def wrong_records(self, probe):
        """Well-formed records that must not be stored, by the set they claim to be of."""
        author, stranger = probe.author, Author("Stranger")
        good = author.compose("pattern", {"title": "Good"})
        broken = record.pack(good.body_bytes, good.sig[:32] + good.sig[32:][::-1], 0)
        by_stranger = altered(good, stranger.key_seed, key=stranger.key, salt=bytes(16))
        wrong = {good.symbol: broken, by_stranger.symbol: by_stranger.packed}
        for other in (
            stranger.compose("pattern", {"title": "Of nobody known"}),
            author.compose("pattern", {}, scope=LOCAL),
            author.compose("pattern", {}, scope=b"\7" * 32),
            author.compose("vouch", {}, scope=LOCAL),
        ):
            wrong[other.symbol] = other.packed
        return good, wrong

    def test_wrong_records_are_refused_and_counted(self):
        node, probe = self.join()
        before = node.fingerprints()
        good, wrong = self.wrong_records(probe)
        probe.offer(wrong)
        refused = lambda: node.status()["peers"][0]["records_refused"]  # noqa: E731
        self.until(lambda: refused() == len(wrong), "refusals", probe)
        self.assertEqual(node.fingerprints(), before)
        self.assertEqual(node.list(), [])
        for v in GOLDEN["records_invalid"]:
            if is_one_in_a_message(unhex(v["packed"])):
                wrong[label("as " + v["note"], 16)] = unhex(v["packed"])
        self.assertGreater(len(wrong), 80)
        probe.offer(wrong)
        self.until(lambda: refused() >= len(wrong), "more refusals", probe)
        self.assertEqual(node.fingerprints(), before)
        self.assertEqual({line["kind"] for line, _ in self.exported(node).values()},
                         {"identity", "vouch"})
        # The id of what was not valid is not remembered: the good one is taken, on the same link.
        probe.offered.clear()
        probe.publish(good)
        self.until_same(node, probe)
        self.assert_listed(node, [good])


def is_one_in_a_message(packed):
    """Whether RECORDS can carry it: else the whole message is malformed."""
    try:
        value = canonical.decode(packed)
    except Refuse:
        return False
    types = [type(entry) for entry in value] if isinstance(value, list) else []
    return types == [int, bytes, bytes] and value[0] >= 0


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
            if is_one_in_a_message(unhex(v["packed"])):
                continue
            with self.subTest(note=v["note"]):
                self.alder.connect(self.address(self.oak))
                self.alder.channel.send(frame(16, 1, True, [])[:-1] + b"\x91" + unhex(v["packed"]))
                self.assertTrue(self.alder.is_cut_off())

    def test_messages_out_of_place(self):
        digest, symbol = bytes(32), bytes(16)
        hello = self.alder._hello(None)
        wrong = {
            "a second HELLO": [frame(1, hello)],
            "a number of the node's own": [frame(5, 2, None, None, None)],
            "cells beyond those available": [frame(5, 7, None, None, [1, digest]),
                                             frame(9, 7, 1, 65000, 500)],
            "a record too long": [frame(14, None, 1, symbol), frame(16, 1, True, [
                [0, bytes(record.MAX_PACKED - 60), bytes(64)]])],
        }  # fmt: skip
        for note, frames in wrong.items():
            with self.subTest(note=note):
                self.alder.connect(self.address(self.oak))
                for each in frames:
                    self.alder.channel.send(each)
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
        for v in GOLDEN["proof_invalid"]:
            with self.subTest(note=v["note"]):
                secret = label("certificate noise")
                if v["noise_public"] != noise.public_of(secret).hex():
                    secret = label("certificate other noise")
                self.assertEqual(v["noise_public"], noise.public_of(secret).hex())
                author = types.SimpleNamespace(noise_secret=secret, proof=lambda v=v: unhex(v["proof"]))
                self.alder._start(Channel.dial(self.address(self.oak), author))
                self.assertTrue(self.alder.is_cut_off())

    def assert_no_handshake(self, *messages):
        with socket.create_connection(self.address(self.oak), timeout=4) as sock:
            for raw in messages:
                sock.sendall(len(raw).to_bytes(2, "big") + raw)
            with contextlib.suppress(ConnectionError):
                while sock.recv(65536):
                    pass


if __name__ == "__main__":
    unittest.main()
