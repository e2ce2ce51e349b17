#!/usr/bin/python3
"""Keys that are replaced: successions by the second implementation, followed by rpnode.

    cd tests/interop && /usr/bin/python3 -m unittest test_node_keys
"""

from __future__ import annotations

import copy
import unittest
from typing import Any, Optional

from commons import message, recover
from commons.author import Author
from commons.channel import Channel, Closed
from commons.hashes import public_key
from commons.link import Refused
from commons.message import Message
from commons.noise import public_of
from live import LiveTest, Node, Probe, Quarry


class Keys(LiveTest):
    def until_cut_off(self, probe: Probe, code: str) -> None:
        with self.assertRaises(Closed) as ended:
            probe.serve(10)
        # What is sent to a closed socket may cost the goodbye in it.
        self.assertIn(str(ended.exception), (code, ""))

    def renew(self, node: Node, probe: Probe) -> None:
        """The link ends by the succession; a new one is opened, with the new key's certificate."""
        self.until_cut_off(probe, "superseded")
        probe.connect(self.address(node))

    def keys_at(self, node: Node, author: Author) -> dict[str, Any]:
        known = node.status()["organisations"]
        return next((o for o in known if o["name"] == author.name), {})

    def test_a_new_key_signs_for_the_organisation(self):
        """SPEC 2.2: from a succession on, which is a record and in the proof."""
        node = self.node("Oak")
        probe = self.guest(node, "Alder")
        succession = probe.publish(probe.author.succeed())
        self.renew(node, probe)
        new = probe.publish(Quarry(probe.author).take(1)[0])
        self.assertEqual(new.body.key, succession.body.key)
        self.until_same(node, probe)
        self.assertEqual([item["id"] for item in node.list()], [new.id.hex()])
        self.assertEqual(self.keys_at(node, probe.author)["successions"], 1)

    def test_a_proof_teaches_at_once(self):
        """Before any record is compared, and whatever is compared."""
        node = self.node("Oak")
        probe = self.guest(node, "Alder", compares=False)
        probe.author.succeed(apart=True)
        probe.connect(self.address(node))
        self.until(lambda: self.keys_at(node, probe.author).get("successions") == 1,
                   "the succession in the proof to be followed", probe)
        first = copy.copy(probe.author)
        first.key_seed, first.successions = first._secret("key 0"), []
        with self.assertRaises(Refused) as caught:
            self.probe("Alder", author=first).connect(self.address(node))
        self.assertEqual(caught.exception.code, "superseded")

    def test_what_is_not_stood_by_leaves(self):
        """And what a withdrawal that is not stood by had covered may come again."""
        node = self.node("Oak")
        probe = self.guest(node, "Alder")
        kept, lost, withdrawn = Quarry(probe.author).take(3)
        for new in (kept, lost, withdrawn):
            probe.publish(new)
        self.until_same(node, probe)
        probe.publish(probe.author.withdraw(withdrawn))
        self.until_same(node, probe)
        self.assert_listed(node, [kept, lost])
        probe.publish(probe.author.succeed([kept.id, withdrawn.id], apart=True))
        self.renew(node, probe)
        probe.publish(probe.author.identity())
        probe.publish(withdrawn)
        self.until_same(node, probe)
        self.assert_listed(node, [kept, withdrawn])
        probe.holdings.records[lost.id] = probe.holdings.symbols[lost.symbol] = lost
        probe.offer({lost.symbol: lost.packed})
        probe.serve(1)
        del probe.holdings.records[lost.id], probe.holdings.symbols[lost.symbol]
        self.until_same(node, probe)
        self.assert_listed(node, [kept, withdrawn])

    def test_a_false_succession_is_refused_and_reported(self):
        node = self.node("Oak")
        probe = self.guest(node, "Alder")
        self.until_same(node, probe)
        false = probe.author.compose("identity", {"number": 1, "next": bytes(32)})
        probe.offer({false.symbol: false.packed}, 0)
        self.until(lambda: self.keys_at(node, probe.author).get("false_successions"),
                   "the false succession to be counted", probe)
        self.assertEqual(self.keys_at(node, probe.author)["keys"], "first")
        probe.publish(Quarry(probe.author).take(1)[0])
        self.until_same(node, probe)

    def test_of_two_for_one_number_neither_is_followed(self):
        node = self.node("Oak")
        probe = self.guest(node, "Alder")
        self.until_same(node, probe)
        other = copy.deepcopy(probe.author)
        rivals = [probe.author.succeed(), other.succeed([])]
        probe.publish(rivals[0])
        self.renew(node, probe)
        probe.publish(Quarry(probe.author).take(1)[0])
        self.until_same(node, probe)
        probe.publish(rivals[1])
        self.until_cut_off(probe, "forked")
        said = self.keys_at(node, probe.author)
        self.assertEqual((said["keys"], said["successions"]), ("forked", 0))
        self.assertEqual(said["rivals"], sorted(r.id.hex() for r in rivals))
        self.assertEqual(node.list(), [])
        self.assertEqual(node.fingerprints(), probe.fingerprints())
        self.assertIn(rivals[0].id.hex()[:8], node.ctl("status"))
        with self.assertRaises(Refused) as caught:
            probe.connect(self.address(node))
        self.assertEqual(caught.exception.code, "forked")
        said = self.told(node, probe.author.org, probe.author._secret("key 1"))
        self.assertEqual(said["code"], "forked")

    def told(
        self, node: Node, org: bytes, paper_seed: bytes, called: Optional[bytes] = None
    ) -> Message:
        """What the node answers whoever has the paper key and nothing else."""
        nobody = Author("Nobody")
        channel = Channel.dial(self.address(node), nobody)
        self.addCleanup(channel.close)
        caller = public_of(nobody.noise_secret)
        asked = recover.ask(org, paper_seed, caller, called or channel.remote_noise)
        channel.send(message.encode(asked))
        return message.decode(channel.receive(5))

    def test_a_node_that_is_revoked(self):
        node = self.node("Oak")
        probe = self.guest(node, "Alder")
        other = self.guest(node, "Birch")
        self.until_same(node, probe)
        me = public_key(probe.author.sign_seed)
        # Void, or about somebody else's node: nothing follows.
        for new in (probe.author.revoke(me, b"short"), probe.author.revoke(*[me] * 101),
                    probe.author.compose("revocation", {"nodes": me}),
                    probe.author.revoke(bytes(32))):
            probe.publish(new)
        self.until_same(node, probe)
        other.publish(other.author.revoke(me))
        self.until_same(node, other, probe)
        self.assertFalse(probe.holdings.is_revoked(probe.author.org, me))
        probe.publish(Quarry(probe.author).take(1)[0])
        self.until_same(node, probe)
        # Its own organisation's: the link ends, and there is no other, until the organisation
        # does not stand by that any more.
        probe.publish(probe.author.revoke(bytes(32), me))
        self.assertTrue(probe.holdings.is_revoked(probe.author.org, me))
        self.until_cut_off(probe, "revoked")
        with self.assertRaises(Refused) as caught:
            probe.connect(self.address(node))
        self.assertEqual(caught.exception.code, "revoked")
        succession = probe.author.succeed([])
        self.load(node, [succession])
        probe.connect(self.address(node))
        probe.publish(succession)
        self.until_same(node, probe)

    def test_the_paper_key_alone_is_told_the_chain(self):
        node = self.node("Oak")
        probe = self.guest(node, "Alder")
        probe.publish(probe.author.succeed())
        self.renew(node, probe)
        self.until_same(node, probe)

        for used in ("key 1", "key 2"):
            chain = recover.follow(self.told(node, probe.author.org, probe.author._secret(used)),
                                   probe.author.org)
            self.assertEqual(chain.keys, [probe.author.inception.key, probe.author.key])
        for org, paper in ((probe.author.org, "key 0"), (probe.author.org, "key 3"),
                           (bytes(32), "key 2")):
            self.assertEqual(self.told(node, org, probe.author._secret(paper))["code"], "unknown")
        with self.assertRaises(Closed):
            self.told(node, probe.author.org, probe.author._secret("key 2"), bytes(32))
        self.assertEqual(node.status()["knocks"], [])


if __name__ == "__main__":
    unittest.main()
