"""A story that went through five nodes in a line is taken back, and nothing brings it back."""

import os
import re
import shutil
import sys
import unittest

from nodes import ROOT, poll
from remains import Remains, remains

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from commons.record import open_record  # noqa: E402
from live import LiveTest  # noqa: E402

SECRET = "the kettle was on before she had sat down"
CODE = re.compile(r"^    ((?:[a-z]{5} ){4}[a-z]{5})$", re.MULTILINE)
NAMES = ("a", "b", "c", "d", "e")


class Drill(Remains, LiveTest):
    def line(self):
        """Five nodes, each a peer of the next, that erase at once; a has told a story."""
        nodes = [self.node(name, start=False) for name in NAMES]
        self.erase_after(0, *nodes)
        for node in nodes:
            node.start()
        for inviter, guest in zip(nodes, nodes[1:]):
            guest.ctl("join", inviter.invite("--for", guest.name))
        self.others = nodes[0].ctl("publish", *[
            self.story(f"other-{i}.md", f"Another {i}", f"Other words, {i}. " * 20)
            for i in range(5)]).split()
        sheet = nodes[0].ctl("publish", "--teller-code", self.story(
            "told.md", "Told once", f"At first {'nobody spoke. ' * 40}Then {SECRET}."))
        self.told = sheet.split()[0]
        self.code = " ".join(CODE.findall(sheet))
        self.until_agreed(*nodes)
        self.known = self.pieces(nodes[4], self.told)
        for node in nodes:
            self.assertEqual(node.json("show", self.told)["author_name"], "a")
            self.assertNotEqual(remains(node.home, SECRET), [])
            self.assertNotEqual(remains(node.home, "no such words", self.known), [])
        return nodes

    def until_gone(self, *nodes):
        """Until each of the nodes has the withdrawal and has erased; then there is nothing left."""
        for node in nodes:
            poll(lambda node=node: [item for item in node.withdrawals()
                                    if item["object"] == self.told and item["clean"]],
                 f"{node.name} to have erased: {node.last_log()}")
        self.until_clean(*nodes)
        self.assert_gone(nodes, SECRET, self.known)
        for node in nodes:
            self.assertNotIn(self.told, [item["object"] for item in node.list()])

    def until_honoured(self, at, by=NAMES):
        """Until node at knows of these nodes, and of no other, that they honour the withdrawal."""
        def known():
            [told] = [item for item in at.withdrawals() if item["object"] == self.told]
            return told["honoured"]
        poll(lambda: {node["organisation_name"] for node in known()["by"]} == set(by),
             f"{at.name} to know that {by} honour it")
        self.assertEqual({node["organisation_name"] for node in known()["not_known"]},
                         set(NAMES) - set(by))
        self.assertIn(f"  honoured by {len(by)} of 5 nodes", at.ctl("withdrawals"))

    def back_up(self, node):
        node.stop()
        copy = node.home + ".backup"
        shutil.copytree(node.home, copy)
        node.start()
        return copy

    def test_neither_an_old_export_nor_a_backup_nor_a_liar_brings_it_back(self):
        nodes = a, b, c, d, e = self.line()
        export = os.path.join(self.folder, "export.ndjson")
        with open(export, "w", encoding="utf-8") as file:
            file.write(e.ctl("export"))
        [packed] = [packed for line, packed in self.exported(e).values()
                    if line["object"] == self.told]
        backup = self.back_up(d)
        self.until_agreed(*nodes)
        a.ctl("withdraw", self.told)
        self.until_agreed(*nodes)
        self.until_gone(*nodes)
        self.until_honoured(a)
        self.until_honoured(e)
        # an old export, at both ends
        for node in (a, e):
            result = node.run("import", export)
            self.assertEqual(result.returncode, 1)
            self.assertIn("it was withdrawn by its owner, and is not taken in again", result.stderr)
            self.assertRegex(result.stdout, r"^0 new, 0 changed, \d+ unchanged, 1 refused\n$")
        # an old backup, in the middle
        d.stop()
        shutil.rmtree(d.home)
        shutil.copytree(backup, d.home)
        d.start()
        poll(lambda: d.status()["restored"] is None, "d to have compared")
        self.until_agreed(*nodes)
        self.until_gone(*nodes)
        self.until_honoured(a)
        # somebody trusted who lies
        liar = self.guest(c, "liar")
        self.until_same(c, liar)
        symbol = open_record(packed).symbol
        liar.offer({symbol: packed})  # as a HAVE, and to whom compares
        liar.claims.append(symbol)
        self.until(lambda: any(peer["records_refused"] > 0 for peer in c.status()["peers"]
                               if peer["name"] == "liar"), "c to have refused it", liar)
        self.assertIn(symbol[:8], liar.wanted())
        for node in nodes:
            self.assertIn("was withdrawn", node.run("show", self.told).stderr)
        self.assert_gone(nodes, SECRET, self.known)
        self.assertEqual({item["object"] for item in e.list("--kind", "story")}, set(self.others))

    def test_the_teller_does_it_at_the_far_end_with_the_author_gone(self):
        a, *others = self.line()
        for node in others:
            poll(lambda node=node: node.status()["federation_nodes"] == 5, "all to be known")
        a.stop()
        others[-1].ctl("withdraw", "--code", "-", stdin=self.code)
        self.until_gone(*others)
        self.assertEqual([item["by"] for item in others[0].withdrawals()], ["teller"])
        for node in others:
            self.until_honoured(node, NAMES[1:])
        a.start()
        self.until_agreed(a, *others)
        self.until_gone(a)
        for node in (a, *others):
            self.until_honoured(node)

    def test_the_middle_may_have_blocked_the_author_in_between(self):
        nodes = a, b, c, d, e = self.line()
        c.ctl("block", "a", "--because", "they shout")
        poll(lambda: c.list() == [], "a's stories to be hidden at c")
        self.assertNotEqual(remains(c.home, SECRET), [])  # which may be unblocked
        a.ctl("withdraw", self.told)
        self.until_gone(*nodes)
        self.until_honoured(a)  # by who has blocked it, too
        self.assertEqual({item["object"] for item in e.list()}, set(self.others))
        c.ctl("unblock", "a")
        self.until_agreed(*nodes)
        self.assertEqual({item["object"] for item in c.list()}, set(self.others))
        for node in nodes:
            self.until_honoured(node)
        self.assert_gone(nodes, SECRET, self.known)


del Remains, LiveTest  # they have no tests of their own to be run here

if __name__ == "__main__":
    unittest.main()
