#!/usr/bin/python3
"""Beacons between the Python implementation and real rpnode processes (SPEC 3.7).

    cd tests/interop && /usr/bin/python3 -m unittest test_node_beacons
"""

from __future__ import annotations

import dataclasses
import unittest

from commons import beacon, canonical, fingerprint
from commons.hashes import public_key
from commons.record import COMMONS, CONTENT, CONTROL
from live import LiveTest


class Beacons(LiveTest):
    def of(self, probe, org):
        """What the probe knows of the node of an organisation."""
        found = [b for b, _ in probe.beacons.known.values() if b.org == org]
        return found[0] if found else None

    def test_what_rpnode_says_holds(self):
        node = self.quick("Oak")
        probe = self.guest(node, "Alder")
        org = probe.channel.remote.org
        self.until(lambda: self.of(probe, org) is not None, "a beacon of the node", probe)
        path = self.pattern("one.md", "One")
        gone = node.ctl("publish", path).strip()
        node.ctl("publish", self.pattern("two.md", "Two"))
        node.ctl("withdraw", gone)

        def agrees():
            said = self.of(probe, org)
            mine = {
                set_: [r.symbol for r in probe.holdings.records.values()
                       if r.body.org == org and r.body.set == set_]
                for set_ in (CONTROL, CONTENT)
            }
            withdrawn = probe.holdings.withdrawals_of(org)
            return (
                said.control == (len(mine[CONTROL]), fingerprint.digest(mine[CONTROL]))
                and said.content == (len(mine[CONTENT]), fingerprint.digest(mine[CONTENT]))
                and len(mine[CONTENT]) == 1
                and said.withdrawals in ((), ((org, 1, fingerprint.digest(withdrawn)),))
                and (said.withdrawals != ()) != bool(said.state & beacon.ERASING)
            )

        self.until(agrees, "a beacon of what the node has now", probe)
        self.assertEqual(self.of(probe, org).addresses, (node.listen,))
        self.assertEqual(probe.faults, [])

    def test_rpnode_passes_on_what_holds_and_nothing_else(self):
        node = self.quick("Oak")
        probe = self.guest(node, "Alder")
        other = self.guest(node, "Birch")
        key = public_key(probe.author.sign_seed)

        def heard():
            return other.beacons.get(key)

        self.until(lambda: heard() is not None, "one node's beacon at the other", probe, other)
        first = probe.beacon()
        probe.say(dataclasses.replace(first, software="the second"))
        self.until(lambda: heard().software == "the second", "the later one", probe, other)
        time = heard().time
        wrong = dataclasses.replace(first, time=time + 5, software="wrong")
        good = wrong.seal(probe.author.sign_seed, probe.author.issued())
        parts = canonical.decode(good)
        for sealed in (
            [parts[0], bytes(64), parts[2]],
            [parts[0], parts[1], other.author.issued()],
            [b"\1", b"", b""],
        ):
            probe._send("BEACON", sealed=sealed)
        for late in (time - 1, time, time + 3 * beacon.DAY):
            probe.say(dataclasses.replace(first, time=late, software="wrong"))
        probe.say(dataclasses.replace(first, time=time + 1, software="the last"))
        self.until(lambda: heard().software == "the last", "the last one", probe, other)
        said = [canonical.decode(m["sealed"][0])[5] for way, m in other.log
                if (way, m.name) == ("in", "BEACON")]
        self.assertNotIn("wrong", said)
        counters = node.status()["counters"]
        self.assertEqual(counters["beacons_refused"], 3)

    def test_a_relay_that_withholds_shows(self):
        """Two nodes know of each other by a relay alone, which keeps a record back from one."""
        oak, elm = self.quick("Oak"), self.quick("Elm")
        near = self.guest(oak, "Relay")
        far = self.guest(elm, "Relay", author=near.author)
        org = near.channel.remote.org
        far.publish(far.author.vouch(near.holdings.inceptions[org]))
        oak.ctl("publish", self.pattern("one.md", "One"), self.pattern("two.md", "Two"))
        self.until(lambda: self.of(near, org) and self.of(near, org).content[0] == 2,
                   "what the author's node says", near)
        self.until_same(oak, near)
        theirs = [r for r in near.holdings.records.values() if r.body.org == org]
        [kept_back] = [r for r in theirs if r.body.content.get("title") == "Two"]
        for record in theirs:
            if record is not kept_back:
                far.publish(record)
        self.until_same(elm, far)
        key = next(b.key for b, _ in near.beacons.known.values() if b.org == org)
        sealed = near.beacons.known[COMMONS, key]
        far.beacons.known[COMMONS, key] = sealed
        far._send("BEACON", sealed=canonical.decode(sealed[1]))

        def seen():
            return {n["organisation_name"]: n for n in elm.status()["federation"]}.get("Oak")

        self.until(lambda: seen() and seen()["records"] == "withheld", "it to show", far)
        self.assertEqual(seen()["content"], {"count": 2, "held": 1})
        self.assertEqual([item["title"] for item in elm.list()], ["One"])
        self.assertRegex(elm.ctl("status"), r"Oak; said .* WITHHOLDS what is missing\n")
        # which the links alone do not tell
        self.until(lambda: [p["state"] for p in elm.status()["peers"]] == ["in sync"],
                   "all to be in step with the relay", far)
        far.publish(kept_back)
        self.until(lambda: seen()["records"] == "same", "nothing to be withheld any more", far)
        self.assertNotIn("WITHHOLDS", elm.ctl("status"))

    def test_who_returns_is_told_what_was_missed(self):
        node = self.quick("Oak")
        probe = self.guest(node, "Alder")
        other = self.guest(node, "Birch")
        key = public_key(probe.author.sign_seed)
        self.until(lambda: other.beacons.get(key), "one node's beacon at the other", probe, other)
        before = other.beacons.get(key).time
        other.close()
        taken = node.status()["counters"]["beacons_in"]
        probe.say(probe.beacon())
        self.until(lambda: node.status()["counters"]["beacons_in"] > taken,
                   "the node to have taken it", probe)
        other.connect(self.address(node), probe.channel.remote.org)
        self.until(lambda: other.beacons.get(key).time > before, "what was missed", other)


if __name__ == "__main__":
    unittest.main()
