#!/usr/bin/python3
"""The Python implementation and real rpnode processes over live links: opening them, and records.

    cd tests/interop && /usr/bin/python3 -m unittest test_node

The build is found as in tests/e2e: RPNODE_BUILD, else the folder build.
"""

from __future__ import annotations

import dataclasses
import os
import time
import unittest

from commons import hashes, identity, message, noise, record, token
from commons.author import Author
from commons.channel import Closed
from commons.link import Refused
from commons.record import CONTENT, CONTROL, LOCAL
from commons.refuse import Refuse
from golden.labels import label
from live import GOLDEN, LiveTest, Quarry, frame, is_in_a_message
from nodes import Failed, poll

unhex = bytes.fromhex


def altered(old, key_seed, **changes):
    """The record with other fields, signed by the key of that seed."""
    return record.seal(dataclasses.replace(old.body, **changes), key_seed)


class Links(LiveTest):
    def publish_on_both_sides(self, node, probe):
        ours = probe.publish(probe.author.compose("pattern", {"title": "From Python"}))
        path = self.pattern("theirs.md", "From rpnode")
        theirs = unhex(node.ctl("publish", path).strip())

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

    def test_rpnode_calls_where_hello_says(self):
        for host in ("127.0.0.1", ""):  # empty: where the call came from
            node, listener = self.node(f"Oak {host}"), self.listener()
            address = f"{host}:{listener.getsockname()[1]}"
            probe = self.guest(node, "Alder", addresses=(address,))
            self.until_same(node, probe)
            probe.close()
            probe.accept(listener)
            self.assertEqual(node.status()["peers"][0]["link"], "out")
            self.until_same(node, probe)

    def test_of_two_links_one_stays(self):
        """The newer when both were dialled by the same side, else that of the smaller Noise key."""
        smallest = Author("Alder", next(
            seed for seed in (label(f"link {i}") for i in range(10000))
            if noise.public_of(Author("Alder", seed).noise_secret)[0] == 0
        ))  # fmt: skip
        node = self.node("Oak")
        older, _ = self.host(node, "Alder", author=smallest)
        self.until_same(node, older)
        self.assertLess(noise.public_of(smallest.noise_secret), older.channel.remote_noise)
        for _ in range(2):
            older.compares = False  # what is sent to a closed socket may cost the goodbye in it
            newer = self.probe("Alder", author=smallest)
            newer.connect(self.address(node))
            with self.assertRaises(Closed) as ended:
                older.serve(5)
            self.assertEqual(str(ended.exception), "duplicate")
            self.until_same(node, newer)
            older = newer

    def test_a_link_too_many_is_refused(self):
        """Before HELLO has been answered nothing but REFUSE says so (SPEC 3.5)."""
        largest = Author("Alder", next(
            seed for seed in (label(f"link {i}") for i in range(10000))
            if noise.public_of(Author("Alder", seed).noise_secret)[0] == 255
        ))  # fmt: skip
        node = self.node("Oak")
        stays, _ = self.host(node, "Alder", author=largest)
        self.until_same(node, stays)
        self.assertGreater(noise.public_of(largest.noise_secret), stays.channel.remote_noise)
        with self.assertRaises(Refused) as caught:
            self.probe("Alder", author=largest).connect(self.address(node))
        self.assertEqual(caught.exception.code, "duplicate")
        stays.publish(Quarry(largest).take(1)[0])
        self.until_same(node, stays)
        self.assertEqual(node.status()["peers"][0]["link"], "out")

    def test_comparing_goes_on_after_a_change_of_lists(self):
        """Also by the side that was called, whose exchange was dropped for an ACCEPT."""
        node = self.quick("Oak")
        probe = self.guest(node, "Alder", compares=False)
        checks = []
        probe._on_check = checks.append  # and no answer
        self.until(lambda: checks, "CHECK", probe)
        del probe._on_check
        probe._send("ACCEPT", reset=False, more=False, accepted=[bytes(32)], kept=[])
        probe.log.clear()
        self.until(lambda: "CHECK" in [m.name for way, m in probe.log if way == "in"],
                   "another CHECK", probe)

    def test_an_accept_drops_exchanges(self):
        node = self.node("Oak")
        probe = self.guest(node, "Alder")
        self.until_same(node, probe)
        probe.close()
        self.load(node, Quarry(probe.author).take(200))
        probe.compares = False
        probe.connect(self.address(node))
        self.until(lambda: probe._lists_known, "the lists", probe)
        views = probe._views()
        tallies = [[views[set_].count, views[set_].digest] for set_ in (0, 1)]
        check = {"scope": None, "control": tallies[0], "content": tallies[1]}
        probe._send("CHECK", exchange=101, **check)
        self.until(lambda: "SKETCH" in probe.answers(), "SKETCH", probe)
        birch = Author("Birch")
        self.load(node, [birch.identity()])  # now the node accepts one more
        self.until(lambda: birch.org in probe.theirs[0], "ACCEPT", probe)
        probe._send("LIST", exchange=101, set=CONTENT, after=None)
        probe._send("CHECK", exchange=103, scope=None, control=None, content=tallies[1])
        self.until(lambda: probe.answers().count("SKETCH") == 2, "SKETCH", probe)
        self.assertNotIn("PAGE", probe.answers())

    def test_who_is_trusted_comes_and_goes(self):
        """Changes of lists, and control records of an organisation accepted once (SPEC 3.5, 4)."""
        node = self.node("Oak")
        alder, birch = self.guest(node, "Alder"), self.guest(node, "Birch")
        birch.publish(Quarry(birch.author).take(1)[0])
        withdrawn = birch.publish(birch.author.compose("pattern", {"title": "Soon gone"}))
        self.until_same(node, alder, birch)
        birch.publish(birch.author.withdraw(withdrawn))
        self.until_same(node, alder, birch)
        self.assertEqual(len(alder.symbols()), 1)
        node.ctl("peer", "remove", "Birch")
        with self.assertRaises(Closed) as ended:
            birch.serve(5)
        self.assertEqual(str(ended.exception), "not-a-peer")
        self.until(lambda: birch.author.org in alder.holdings.kept, "the vouch's end", alder)
        self.until_same(node, alder)
        self.assertEqual(alder.symbols(), [])
        kinds = [r.body.kind for r in alder.holdings.records.values() if
                 r.body.org == birch.author.org]
        self.assertEqual(sorted(kinds), ["identity", "withdrawal"])
        node.ctl("peer", "add", identity.org_text(birch.author.org))
        birch.connect(self.address(node))
        self.until_same(node, birch)
        self.assertEqual(len(node.list()), 1)

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
        with self.assertRaisesRegex(Failed, "withdrawn"):
            self.load(node, [whole])
        self.assert_withdrawn(node, probe, whole, [kept, first])

    def test_withdrawal_by_the_teller(self):
        node, probe = self.join()
        author, seed = probe.author, label("teller")
        teller = hashes.public_key(seed)
        bare = author.compose("story", {"title": "x"}, teller=teller)
        slip = author.slip(bare.body.object)
        told = altered(bare, author.key_seed, content={"title": "Told", "slip": slip, "consent": {"review_on": "2099-12-31"}})
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
        """Stored and passed on as they came, but unpacked for who does not read their codec."""
        node, probe = self.join()
        plain_only = self.guest(node, "Birch", codecs=(0,))
        older = self.guest(node, "Cedar", codecs=(0, 1))
        text = "What helps is to ask. " * 200
        ours = [probe.author.compose("pattern", {"text": text}, codec=c) for c in (0, 1, 2)]
        for new in ours:
            probe.publish(new)
        node.ctl("publish", self.pattern("long.md", "Ask", text))
        self.until_same(node, probe, plain_only, older)
        stored = self.exported(node)
        for new in ours:
            self.assertEqual(stored[new.id.hex()][1], new.packed)
        of_each = ((probe, [0, 1, 2, 2]), (plain_only, [0, 0, 0, 0]), (older, [0, 0, 0, 1]))
        for holder, codecs in of_each:
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
        prefixes = {later.symbol[:8] for later in laters}
        for asked, new in zip((prefixes, set()), Quarry(probe.author).take(2)):
            probe.offer({later.symbol: later.packed for later in laters})
            self.until(lambda asked=asked: asked <= probe.wanted(), "WANT", probe)
            probe.publish(new)  # stored after what came before it
            self.until_same(node, probe)
            self.assertEqual(probe.wanted() & prefixes, asked)
            self.assertEqual(node.status()["peers"][0]["records_refused"], 0)
            probe.log.clear()
            probe.close()
            probe.connect(self.address(node))

    def test_many_requests_at_once(self):
        """As many WANT as may be open, in one stream (SPEC 1.3)."""
        node, probe = self.join()
        wants = [frame(15, 1000 + n, bytes(8)) for n in range(256)]
        probe.channel.send_stream(b"".join(len(w).to_bytes(4, "big") + w for w in wants))
        probe.log.clear()

        def answered():
            return [m["request"] for way, m in probe.log if (way, m.name) == ("in", "RECORDS")]

        self.until(lambda: len(answered()) == 256, "an answer to each", probe)
        self.assertEqual(answered(), list(range(1000, 1256)))

    def test_a_difference_that_stays_is_looked_at_ever_more_rarely(self):
        node = self.node("Oak")
        probe, _ = self.host(node, "Alder", compares=False)
        later = record.open_record(unhex(GOLDEN["records_later"][0]["packed"]))
        probe.offered[later.symbol[:8]] = later.packed
        probe.claims.append(later.symbol)
        probe.serve(2)
        checks = [m for way, m in probe.log if (way, m.name) == ("in", "CHECK")]
        self.assertGreater(len(checks), 2)
        self.assertLess(len(checks), 12)

    def wrong_records(self, probe):
        """A good record, and by symbol, among them its own, records that must not be stored."""
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
        not_valid = {
            label("as " + v["note"], 16): unhex(v["packed"])
            for v in GOLDEN["records_invalid"] if is_in_a_message(unhex(v["packed"]))
        }  # fmt: skip
        self.assertGreater(len(not_valid), 80)
        piece = dict(list(not_valid.items())[:30])  # 64, and the peer is shut out
        probe.offer(piece)
        count = len(wrong) + len(piece)
        self.until(lambda: refused() == count, "more refusals", probe)
        self.assertEqual(node.fingerprints(), before)
        self.assertEqual({line["kind"] for line, _ in self.exported(node).values()},
                         {"identity", "vouch"})
        # The id of what was not valid is not remembered: the good one is taken, on the same link.
        probe.offered.clear()
        probe.publish(good)
        self.until_same(node, probe)
        self.assert_listed(node, [good])
        self.refuse_all(dict(list(not_valid.items())[30:]))

    def refuse_all(self, records):
        """All are refused and counted, until there are too many and the peer is shut out."""
        node, probe = self.node("Elm"), None
        while records:
            probe = self.guest(node, f"Sorrel {len(records)}")
            self.until_same(node, probe)
            before = node.fingerprints()
            piece = dict(list(records.items())[:60])
            records = dict(list(records.items())[60:])
            probe.offer(piece)
            peer = lambda: node.status()["peers"][-1]  # noqa: E731
            self.until(lambda: peer()["records_refused"] == len(piece), "refusals", probe)
            self.assertEqual(node.fingerprints(), before)
        with self.assertRaises(Closed) as ended:
            for again in range(5):
                probe.offer({label(f"{again} {i}", 16): r for i, r in enumerate(piece.values())})
                probe.serve(2)
        self.assertEqual(str(ended.exception), "misbehaves")
        poll(lambda: "shut out for ten minutes" in node.ctl("status"), "status to say why")
        with self.assertRaises(Refused) as refused:
            probe.connect(self.address(node))
        self.assertEqual(refused.exception.code, "misbehaves")


if __name__ == "__main__":
    unittest.main()
