"""Who is accepted, by whose word, and what becomes of those who are not any more."""

import json
import os
import unittest

from nodes import Failed, NodesTest, poll

MANY = 10000


class Trust(NodesTest):
    def many(self, node, n):
        """Publishes n small patterns, written in the manner of an export."""
        folder = os.path.join(self.folder, "many")
        os.makedirs(folder)
        for i in range(n):
            with open(os.path.join(folder, f"{i}.md"), "w", encoding="utf-8") as file:
                file.write(f"# Pattern {i}\n\n## Problem\n\nText.\n")
        node.ctl("import", folder, "--audience", "commons", "--licence", "CC0-1.0",
                 "--attribution", "Nobody")

    def org(self, node):
        return node.status()["organisation"]

    def acts(self, node):
        return [(entry["what"], entry["name"], entry["because"])
                for entry in map(json.loads, node.ctl("audit", "--json").splitlines())]

    def peer(self, node, name):
        return next(peer for peer in node.status()["peers"] if peer["name"] == name)

    def until_holds(self, node, n):
        poll(lambda: node.status()["content_set"] == n, f"{node.name} to accept {n} records")

    def step(self, node, peer):
        """Bytes that a comparison of two nodes in step takes."""
        def carried():
            of = node.status()["peers"][0]
            return of["bytes_in"] + of["bytes_out"]
        poll(lambda: json.loads(node.ctl("diff", peer, "--json"))["they_have"] == 0, "step")
        before = carried()
        node.ctl("diff", peer)
        return carried() - before

    def test_a_chain_of_vouches_and_its_depth(self):
        a, b, c, d = self.chain("ash", "birch", "cedar", "dogwood")
        d.ctl("publish", self.pattern("d.md", "Listen first"))
        self.until_agreed(a, b, c, d)
        trust = a.json("trust", "dogwood")
        self.assertTrue(trust["accepted"])
        self.assertEqual([step["name"] for step in trust["path"]], ["birch", "cedar", "dogwood"])
        self.assertIsNone(trust["path"][0]["vouch"])
        self.assertEqual(len(trust["path"][2]["vouch"]), 32)
        self.assertEqual(trust["vouched_by"][0]["name"], "cedar")
        self.assertIn("accepted: birch, which vouches for cedar, which does for dogwood",
                      a.ctl("trust", "dogw"))
        # a node that goes one vouch far only
        a.stop()
        with open(os.path.join(a.home, "rpnode.conf"), "a", encoding="utf-8") as conf:
            conf.write("\n[trust]\ndepth = 1\n")
        a.start()
        self.until_holds(a, 0)
        trust = a.json("trust", self.org(d))
        self.assertFalse(trust["accepted"])
        self.assertEqual(trust["why"]["code"], "too-far")
        self.assertTrue(a.json("trust", "cedar")["accepted"])

    def test_a_vouch_withdrawn_and_made_again(self):
        a, b, c = self.chain("ash", "birch", "cedar")
        c.ctl("publish", self.pattern("c.md", "Listen first"))
        self.until_agreed(a, b, c)
        b.ctl("unvouch", "cedar", "--because", "they have closed")
        self.until_holds(a, 0)
        self.assertEqual(a.list(), [])
        trust = a.json("trust", "cedar")
        self.assertEqual((trust["accepted"], trust["why"]["code"]), (False, "not-vouched"))
        self.assertIsNotNone(trust["left"])
        self.assertEqual(b.status()["content_set"], 1)  # still a peer there
        for node in (a, b):  # it is told from a text that was taken back
            self.assertEqual([item["kind"] for item in node.withdrawals()], ["vouch"])
        self.assertRegex(b.ctl("withdrawals"), r"  by us, of kind vouch; ")
        with self.assertRaises(Failed) as twice:
            b.ctl("unvouch", "cedar")
        self.assertIn("we do not vouch for it", twice.exception.err)
        self.assertIn("--because TEXT is needed", b.run("vouch", "cedar").stderr)
        b.ctl("vouch", "cedar", "--because", "they are back", "--statement", "Known since 2019")
        self.until_holds(a, 1)
        self.until_agreed(a, b, c)
        self.assertIn("we vouch for it already",
                      b.run("vouch", "cedar", "--because", "again").stderr)
        self.assertEqual(self.acts(b)[-2:], [("unvouch", "cedar", "they have closed"),
                                             ("vouch", "cedar", "they are back")])
        export = [json.loads(line) for line in a.ctl("export").splitlines()]
        said = [record["content"].get("statement") for record in export
                if record["kind"] == "vouch" and record["author"] == self.org(b)]
        self.assertIn("Known since 2019", said)
        self.assertFalse(any("they are back" in json.dumps(record) for record in export))

    def test_blocked_and_unblocked_with_many_records(self):
        a, b, c = self.chain("ash", "birch", "cedar")
        self.many(c, MANY)
        self.until_holds(a, MANY)
        self.until_agreed(a, b, c)
        before = self.step(a, "birch")
        self.assertLess(before, 160)
        a.ctl("block", "cedar", "--because", "complaints")
        self.assertEqual((a.status()["content_set"], a.list()), (0, []))
        self.assertIn("already", a.run("block", "cedar", "--because", "x").stderr)
        self.assertIn("blocked here", a.run("vouch", "cedar", "--because", "x").stderr)
        trust = a.json("trust", "cedar")
        self.assertEqual((trust["accepted"], trust["why"]["code"]), (False, "blocked"))
        self.assertLess(self.step(a, "birch"), 160)
        c.ctl("publish", self.pattern("c.md", "Said meanwhile"))
        self.until_holds(b, MANY + 1)
        self.assertLess(self.step(a, "birch"), 160)
        a.stop()
        a.start()
        self.assertEqual(a.status()["content_set"], 0)
        taken = a.status()["counters"]["records_in"]
        a.ctl("unblock", "cedar")
        self.until_holds(a, MANY + 1)
        self.until_agreed(a, b, c)
        self.assertEqual(a.status()["counters"]["records_in"] - taken, 1)  # the rest was kept
        self.assertLessEqual(self.step(a, "birch"), before)
        self.assertEqual([act[0] for act in self.acts(a)][-2:], ["block", "unblock"])

    def test_a_blocked_peer_is_neither_called_nor_let_in(self):
        a, b, c = self.chain("ash", "birch", "cedar")
        for node in (b, c):
            node.ctl("publish", self.pattern(f"{node.name}.md", f"By {node.name}"))
        self.until_agreed(a, b, c)
        a.ctl("block", "birch", "--because", "complaints")
        self.until_holds(a, 0)
        poll(lambda: self.peer(a, "birch")["link"] is None, "the link to end")
        self.assertEqual(self.peer(a, "birch")["state"], "blocked")
        # nothing passes through it, though its vouch for cedar is still here
        trust = a.json("trust", "cedar")
        self.assertEqual((trust["accepted"], trust["why"]["code"]), (False, "voucher-blocked"))
        poll(lambda: self.peer(b, "ash")["state"] == "waiting", "birch to be turned away")
        self.assertEqual(a.status()["knocks"], [])
        for node in (a, b):
            node.stop()
        for node in (a, b):
            node.start()
        poll(lambda: self.peer(b, "ash")["state"] == "waiting", "birch to be turned away")
        self.assertIsNone(self.peer(a, "birch")["link"])
        a.ctl("unblock", "birch")
        self.until_holds(a, 2)
        self.until_agreed(a, b, c)

    def test_names_that_fit_several(self):
        a, b = self.chain("ash", "oak north")
        c = self.node("oak south")
        c.ctl("join", a.invite())
        for word in ("oak", "OAK"):
            result = a.run("block", word, "--because", "x")
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"oak north ({self.org(b)})", result.stderr)
            self.assertIn(f"oak south ({self.org(c)})", result.stderr)
        self.assertIn("no organisation that is known here is called elm",
                      a.run("trust", "elm").stderr)
        self.assertIn("this node's own", a.run("block", "ash", "--because", "x").stderr)
        a.ctl("block", self.org(c)[:12], "--because", "x")
        self.assertFalse(a.json("trust", "oak s")["accepted"])
        self.assertTrue(a.json("trust", "oak n")["accepted"])
        unheard = "rp1" + "q" * 58
        self.assertEqual(a.run("trust", unheard).returncode, 1)

    def test_hidden_here_only(self):
        a, b = self.chain("ash", "birch")
        object_id = b.ctl("publish", self.pattern("b.md", "Listen first")).strip()
        self.until_agreed(a, b)
        a.ctl("hide", object_id[:8], "--because", "not for our readers")
        self.assertEqual((a.list(), len(b.list())), ([], 1))
        self.assertEqual(a.run("show", object_id).returncode, 1)
        self.assertIn("hidden already", a.run("hide", object_id).stderr)
        self.until_agreed(a, b)  # it is held and passed on as before
        a.stop()
        a.start()
        self.assertEqual((a.list(), a.status()["hidden"]), ([], 1))
        self.assertEqual(json.loads(a.ctl("hidden", "--json"))["object"], object_id)
        a.ctl("unhide", object_id)
        self.assertEqual((len(a.list()), a.status()["hidden"]), (1, 0))
        self.assertIn("is not hidden", a.run("unhide", object_id).stderr)
        self.assertEqual([act[0] for act in self.acts(a)][-2:], ["hide", "unhide"])


if __name__ == "__main__":
    unittest.main()
