#!/usr/bin/python3
"""Where the node does not yet do what SPEC.md says.

Each of these tests is expected to fail. One that does not any more makes the run fail: then it
belongs in test_node.py, without its mark.

    cd tests/interop && /usr/bin/python3 -m unittest test_node_open
"""

from __future__ import annotations

import unittest

from live import LiveTest, Quarry


class Open(LiveTest):
    @unittest.expectedFailure
    def test_a_new_key_signs_for_the_organisation(self):
        """SPEC 2.2: from a succession on, which is a record and in the proof."""
        node = self.node("Oak")
        probe = self.guest(node, "Alder")
        succession = probe.publish(probe.author.succeed())
        new = probe.publish(Quarry(probe.author).take(1)[0])
        self.assertEqual(new.body.key, succession.body.key)
        self.until_same(node, probe)
        self.assertEqual([item["id"] for item in node.list()], [new.id.hex()])


if __name__ == "__main__":
    unittest.main()
