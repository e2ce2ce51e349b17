"""The theft drill: the key in use is stolen and used; the paper key, and an export, undo it all."""

import os
import subprocess
import sys
import unittest

from nodes import ROOT, Node, poll
from test_keys import KeysTest

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))

from commons import canonical  # noqa: E402
from commons.author import Author  # noqa: E402
from commons.identity import parse_inception  # noqa: E402
from live import LiveTest  # noqa: E402


def stolen_author(home):
    """The organisation whose key lies in a home, as somebody with the file alone has it."""
    with open(os.path.join(home, "organisation.key"), "rb") as file:
        _, inception, _, secrets = canonical.decode(file.read())
    author = Author("a", node_name="somewhere")
    author.inception = parse_inception(inception)
    author.org = author.inception.org
    author.key_seed = secrets[1][:32]
    return author


class Theft(KeysTest, LiveTest):
    def held(self, node):
        """The title and the text of all that the node shows."""
        shown = {}
        for item in node.list():
            versions = node.json("show", item["object"])["versions"]
            for version in versions:
                content = version["content"]
                shown[item["title"], len(versions)] = content.get("guidance",
                                                                  content.get("what_happened"))
        return shown

    def ids(self, node):
        return [version["id"] for item in node.list()
                for version in node.json("show", item["object"])["versions"]]

    def until_titles(self, node, *titles):
        poll(lambda: self.titles(node) == sorted(titles), f"{node.name} to have {titles}")

    def test_all_of_it_is_undone(self):
        a, b, c, d = self.members("a", "b", "c", "d")
        org = a.status()["organisation"]
        a.ctl("publish", self.pattern("kept.md", "Kept"), self.pattern("gone.md", "Gone"),
              self.story("told.md", "Told"))
        b.ctl("publish", self.pattern("other.md", "Of b"))
        self.until_agreed(a, b, c, d)
        meant, ids = self.held(a), self.ids(a)
        ours = [i for i in ids if i not in self.ids_of(b)]
        export = os.path.join(self.folder, "export")
        os.mkdir(export)
        a.ctl("export", export)
        # The machine is stolen, running or not, and everything in it.
        a.stop()
        thief = Node(self.folder, "thief", init=False)
        subprocess.run(["cp", "-r", a.home, thief.home], check=True)
        self.nodes.append(thief)
        thief.start()
        objects = {item["title"]: item["object"] for item in b.list()}
        thief.ctl("publish", self.pattern("forged.md", "Forged"),
                  self.pattern("kept.md", "Kept", "What helps is to pay me."))
        thief.ctl("withdraw", objects["Gone"])
        thief.ctl("withdraw", objects["Told"])
        for node in (b, c, d):
            self.until_titles(node, "Forged", "Kept", "Of b")
        self.assertIn("is not the paper key of a",
                      thief.run("key", "rotate", "--no-confirm", stdin=self.papers["b"]).stderr)
        # With software of their own the thief goes on, as one more node of the organisation.
        probe = self.probe("a", author=stolen_author(thief.home))
        probe.connect(self.address(b))
        false = probe.author.compose("identity", {"number": 1, "next": bytes(32)})
        probe.offer({false.symbol: false.packed}, 0)
        self.until(lambda: self.keys_of(b, "a").get("false_successions"),
                   "the false succession to be refused", probe)
        self.assertEqual(self.keys_of(b, "a")["keys"], "first")
        self.assertIn("1 false succession refused", b.ctl("status"))
        # On a new machine, with the paper key, the id and a peer; and the export.
        again = self.node("again", start=False, init=False)
        stand_by = [word for i in ours for word in ("--stand-by", i)]
        again.ctl("key", "recover", "--stolen", "--no-confirm", "--org", org, "--peer", b.listen,
                  *stand_by, stdin=self.papers["a"])
        again.start()
        for node in (again, b, c, d):
            poll(lambda n=node: self.keys_of(n, "a")["successions"] == 1, "the succession")
        said = again.run("import", os.path.join(export, "commons.ndjson"))
        # But for the inception and a vouch, which the new key has published anew.
        self.assertEqual(said.stderr.count("does not stand by it"), 2, said.stderr)
        for node in (again, b, c, d):
            poll(lambda n=node: self.held(n) == meant, f"{node.name} to have what is stood by")
        self.until_agreed(again, b, c, d)
        for node in (again, b, c, d):
            self.assertEqual(self.held(node), meant)
            self.assertEqual(sorted(self.ids(node)), sorted(ids))
            self.assertEqual(node.withdrawals(), [])
            self.assertEqual(self.keys_of(node, "a")["keys"], "replaced")
        # The thief is nobody any more, and does nothing more that anybody takes.
        self.assertTrue(probe.is_cut_off())
        poll(lambda: thief.status()["peers"][0]["state"] == "refused", "the thief to be refused")
        thief.run("publish", self.pattern("more.md", "More"))
        again.ctl("publish", self.pattern("next.md", "Next"))
        for node in (b, c, d):
            self.until_titles(node, "Gone", "Kept", "Next", "Of b", "Told")
        self.until_agreed(again, b, c, d)

    def ids_of(self, node):
        """Versions of the node's own organisation."""
        return [version["id"] for item in node.list("--author", node.name)
                for version in node.json("show", item["object"])["versions"]]


if __name__ == "__main__":
    unittest.main()
