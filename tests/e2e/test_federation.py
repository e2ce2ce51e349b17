#!/usr/bin/env python3
"""What nodes tell of each other by beacons: who and where they are, and what they honour."""

import json
import unittest

from nodes import agree, poll
from remains import Remains


def federation(node):
    """What a node knows of each organisation's node, by name."""
    return {n["organisation_name"]: n for n in node.status()["federation"]}


class Federation(Remains):
    def triangle(self):
        """Three nodes, all peers of each other, that erase at once."""
        oak, elm, ash = (self.node(name, start=False) for name in ("Oak", "Elm", "Ash"))
        self.erase_after(0, oak, elm, ash)
        for node in (oak, elm, ash):
            node.start()
        elm.ctl("join", oak.invite())
        ash.ctl("join", oak.invite())
        ash.ctl("join", elm.invite())
        poll(lambda: agree(oak, elm, ash), "the three to agree")
        return oak, elm, ash

    def publish(self, node, title):
        return node.ctl("publish", "--audience", "commons",
                        self.pattern(f"{title}.md", title)).strip()

    def test_each_node_sees_all(self):
        nodes = self.triangle()
        self.publish(nodes[0], "Tea first")

        def all_known(node):
            known = federation(node)
            return (known.keys() == {"Oak", "Elm", "Ash"}
                    and known["Oak"]["content"] == {"count": 1, "held": 1}
                    and all(n["records"] == "same" and n["state"] == [] for n in known.values()))

        for node in nodes:
            poll(lambda: all_known(node), f"{node.name} to know of the two others")
            known = federation(node)
            self.assertEqual({name: n["self"] for name, n in known.items()},
                             {n.name: n is node for n in nodes})
            for other in nodes:
                self.assertEqual(known[other.name]["addresses"], [other.listen])
                self.assertEqual(known[other.name]["software"], node.status()["software"])
            self.assertEqual(node.status()["federation_nodes"], 3)
            listed = [json.loads(line) for line in node.ctl("nodes", "--json").splitlines()]
            self.assertEqual({n["organisation_name"] for n in listed}, set(known))
            self.assertRegex(node.ctl("nodes"), r"  Oak(, this node)?; said .*: 4 own records\n")
            self.assertIn("3 are known", node.ctl("status"))

    def test_who_has_moved_is_found_again(self):
        """Two move while they cannot hear each other; the third knows where both are."""
        oak, elm, ash = self.triangle()
        poll(lambda: len(federation(ash)) == 3, "Ash to know of the others")
        elm.stop()
        oak.stop()
        was = oak.listen, elm.listen
        oak.listen = elm.listen = "127.0.0.1:0"
        oak.start()
        poll(lambda: federation(ash)["Oak"]["addresses"] == [oak.listen], "Ash to hear of it")
        elm.start()
        self.assertNotIn(oak.listen, was)
        self.assertNotIn(elm.listen, was)

        def is_linked():
            return any(p["name"] == "Elm" and p["link"] for p in oak.status()["peers"])

        poll(is_linked, "Oak and Elm to find each other by what Ash has heard")
        self.publish(oak, "Found again")
        poll(lambda: agree(oak, elm, ash), "the three to agree")

    def test_where_a_withdrawal_is_honoured(self):
        """... and erased, of which Elm first says that it is not, since it waits."""
        oak, elm, ash = self.triangle()
        self.erase_after(6, elm)
        gone = self.publish(oak, "Not for ever")
        self.publish(oak, "For ever")
        poll(lambda: agree(oak, elm, ash), "the three to agree")
        poll(lambda: len(federation(oak)) == 3, "Oak to know of the others")
        ash.stop()
        oak.ctl("withdraw", gone)

        def honoured(node):
            found = node.withdrawals()
            return found[0]["honoured"] if found else None

        def known(count):
            return lambda: (honoured(oak) or {}).get("count") == count

        poll(known(2), "two to honour it")
        told = honoured(oak)
        self.assertEqual(told["nodes"], 3)
        self.assertEqual({n["organisation_name"] for n in told["by"]}, {"Oak", "Elm"})
        self.assertEqual([n["organisation_name"] for n in told["not_known"]], ["Ash"])
        self.assertIn("honoured by 2 of 3 nodes; not known of: Ash (said",
                      oak.ctl("withdrawals"))
        ash.start()
        for node in (oak, elm, ash):
            poll(lambda: (honoured(node) or {}).get("count") == 3, "all to honour it")
        self.assertIn("honoured by 3 of 3 nodes\n", elm.ctl("withdrawals"))


del Remains  # it has no tests of its own to be run here

if __name__ == "__main__":
    unittest.main()
