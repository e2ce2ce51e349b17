#!/usr/bin/python3
"""Differences between a Python peer and a real node, found in each way by either side (SPEC 4).

    cd tests/interop && /usr/bin/python3 -m unittest test_node_sets
"""

from __future__ import annotations

import unittest

from commons import record, sketch
from commons.author import Author
from live import LiveTest, Quarry

ALDER = Author("Alder", bytes(32))
# Records added to both sides before, those that only Python and those that only the node has then,
# and how the difference is to be found. Each case leaves both sides the same for the next one.
CASES = (
    (0, 0, 0, set()),
    (0, 1, 0, {"IDS"}),
    (0, 0, 1, {"IDS"}),
    (0, 50, 0, {"IDS"}),
    (0, 0, 50, {"IDS"}),
    (3700, 0, 0, set()),
    (0, 1, 0, {"SKETCH"}),
    (0, 0, 1, {"SKETCH"}),
    (0, 50, 0, {"SKETCH", "CELLS"}),
    (0, 0, 50, {"SKETCH", "CELLS"}),
    (0, 300, 0, {"SKETCH", "CELLS"}),
    (0, 0, 300, {"SKETCH", "CELLS"}),
    (0, 150, 150, {"SKETCH", "CELLS"}),
    (0, 2000, 0, {"SKETCH", "CELLS"}),
    (0, 0, 2000, {"SKETCH", "CELLS"}),
)


class Differences(LiveTest):
    @classmethod
    def setUpClass(cls):
        cls.pool = Quarry(ALDER).take(sum(sum(case[:3]) for case in CASES))

    def give(self, node, probe, both=(), only_probe=(), only_node=()):
        """Ends the link, and gives each side records while there is none."""
        probe.close()
        probe.log.clear()
        if both or only_node:
            self.load(node, [*both, *only_node])
        for new in (*both, *only_probe):
            probe.holdings.add(new)

    def found(self, node, probe):
        """How the difference was found, once both sides have agreed that there is none left."""
        self.until(lambda: probe.answers()[-1:] == ["EQUAL"], "EQUAL", probe)
        self.assertEqual(probe.fingerprints(), node.fingerprints())
        return set(probe.answers()) - {"EQUAL"}

    def run_cases(self, node, probe, connect):
        pool = iter(self.pool)
        for *counts, ways in CASES:
            with self.subTest(common=counts[0], only_python=counts[1], only_node=counts[2]):
                self.give(node, probe, *([next(pool) for _ in range(n)] for n in counts))
                connect()
                self.assertEqual(self.found(node, probe), ways)

    def test_python_looks(self):
        node = self.node("Oak")
        probe = self.guest(node, "Alder", author=ALDER)
        self.until_same(node, probe)
        self.run_cases(node, probe, lambda: probe.connect(self.address(node)))
        self.assertEqual(node.status()["counters"]["checks"], 0)

    def test_rpnode_looks(self):
        node = self.node("Oak")
        probe, listener = self.host(node, "Alder", author=ALDER, compares=False)
        self.until_same(node, probe)
        self.run_cases(node, probe, lambda: probe.accept(listener))
        self.assertEqual(probe.ways, [])

    def test_python_looks_with_nothing(self):
        node = self.node("Oak")
        probe = self.guest(node, "Alder", author=ALDER)
        self.until_same(node, probe)
        self.give(node, probe, only_node=self.pool[:2000])
        probe.connect(self.address(node))
        self.assertEqual(self.found(node, probe), {"SKETCH", "PAGE"})

    def test_python_looks_where_nothing_is(self):
        node = self.node("Oak")
        probe = self.guest(node, "Alder", author=ALDER)
        self.until_same(node, probe)
        self.give(node, probe, only_probe=self.pool[:2000])
        probe.connect(self.address(node))
        self.found(node, probe)
        # How it is found first: later on the node may have taken in only some of them.
        self.assertEqual(probe.answers()[0], "IDS")

    def test_rpnode_looks_with_nothing(self):
        node = self.node("Oak")
        probe, listener = self.host(node, "Alder", author=ALDER, compares=False)
        self.until_same(node, probe)
        self.give(node, probe, only_probe=self.pool[:2000])
        probe.page = 508  # less than allowed, as it may choose
        probe.accept(listener)
        self.assertEqual(self.found(node, probe), {"SKETCH", "PAGE"})
        self.assertEqual(probe.answers().count("PAGE"), 4)

    def test_rpnode_looks_where_nothing_is(self):
        node = self.node("Oak")
        probe, listener = self.host(node, "Alder", author=ALDER, compares=False)
        self.until_same(node, probe)
        self.give(node, probe, only_node=self.pool[:2000])
        probe.accept(listener)
        self.assertEqual(self.found(node, probe), {"IDS"})


def dependent(values):
    """Places of some values whose XOR is zero, by linear algebra over GF(2)."""
    basis = {}
    for place, value in enumerate(values):
        combined = 1 << place
        while value:
            if value.bit_length() not in basis:
                basis[value.bit_length()] = value, combined
                break
            other, others = basis[value.bit_length()]
            value, combined = value ^ other, combined ^ others
        else:
            return [i for i in range(place + 1) if combined >> i & 1]
    raise AssertionError("all are independent")


class Poison(LiveTest):
    """Records of a trusted author, chosen so that some of them vanish from every XOR."""

    def choose(self):
        """200 records, those among them that vanish, and the others."""
        records = Quarry(ALDER, seed=2).take(200)
        key = sketch.scope_key(record.COMMONS)
        # Of symbol and checksum together: the first cell, where all symbols are, tells nothing, and
        # worse: one of them, taken out of it, leaves it as if that one alone were in it. Whether the
        # other cells suffice, or a LIST must, is the node's business.
        cells = [sketch.make([r.symbol], key, 1)[0] for r in records]
        places = set(dependent(cells))
        hidden = [r for i, r in enumerate(records) if i in places]
        self.assertEqual(sketch.make([r.symbol for r in hidden], key, 1), [0])
        return records, hidden, [r for i, r in enumerate(records) if i not in places]

    def test_two_nodes_notice_and_converge(self):
        records, hidden, others = self.choose()
        self.assertGreater(len(hidden), 50)
        for whole_is_called in (True, False):
            with self.subTest(whole_is_called=whole_is_called):
                names = f"whole {whole_is_called}", f"part {whole_is_called}"
                whole, part = (self.node(name) for name in names)
                self.load(whole, [ALDER.identity(), *others, *hidden])
                self.load(part, [ALDER.identity(), *others])
                self.assertNotEqual(whole.fingerprints()[0], part.fingerprints()[0])
                called, caller = (whole, part) if whole_is_called else (part, whole)
                caller.ctl("join", called.invite())
                self.until_agreed(whole, part)
                counters = caller.status()["counters"]
                if whole_is_called:  # else the few that part has are told by their ids
                    self.assertGreater(counters["sketches"], 0)
                for node in (whole, part):
                    self.assert_listed(node, records)


if __name__ == "__main__":
    unittest.main()
