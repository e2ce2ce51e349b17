"""How organisations become peers, stop being so, and make sure of each other."""

import json
import unittest

from nodes import NodesTest, poll


class Peers(NodesTest):
    def peer(self, node, name):
        return next((peer for peer in node.status()["peers"] if peer["name"] == name), None)

    def invites(self, node):
        return [json.loads(line) for line in node.ctl("invite", "list", "--json").splitlines()]

    def unchanged(self, node, *args):
        """What a join that must fail says; nothing may be left of it."""
        before = node.ctl("audit")
        result = node.run("join", *args)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertEqual(node.status()["peers"], [])
        self.assertEqual(node.status()["control_set"], 1)
        self.assertTrue(node.ctl("audit").startswith(before))
        node.stop()
        node.start()
        self.assertEqual(node.status()["peers"], [])
        return result.stderr

    def test_an_invite_that_names_no_host_says_so(self):
        a = self.node("ash")
        self.assertEqual(a.run("invite").stderr, "")
        a.stop()
        a.listen = "0.0.0.0:0"
        a.start()
        made = a.run("invite")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertTrue(made.stdout.startswith("rpinvite1"), made.stdout)
        self.assertIn("advertise = HOST:PORT", made.stderr)

    def test_invites_are_listed_and_revoked(self):
        a, b, c = (self.node(name) for name in ("ash", "birch", "cedar"))
        for_b = a.invite("--for", "birch", "--expires", "2h")
        for_c = a.invite("--for", "cedar")
        nobody = a.invite()
        self.assertEqual([(i["for"], i["state"]) for i in self.invites(a)],
                         [("birch", "open"), ("cedar", "open"), ("", "open")])
        a.ctl("invite", "revoke", "cedar")
        self.assertIn("revoked already", a.run("invite", "revoke", "cedar").stderr)
        a.ctl("invite", "revoke", nobody)
        b.ctl("join", for_b)
        self.assertIn("it was used", a.run("invite", "revoke", "birch").stderr)
        self.assertIn("no invite is called so", a.run("invite", "revoke", "dogwood").stderr)
        listed = self.invites(a)
        self.assertEqual([i["state"] for i in listed], ["used", "revoked", "revoked"])
        self.assertEqual(listed[0]["used_by"], b.status()["organisation"])
        self.assertNotIn(for_c, a.ctl("invite", "list", "--json"))
        self.assertIn("birch", a.ctl("invite", "list"))
        self.assertIn("(invite-revoked)", self.unchanged(c, for_c))
        self.assertIn("(invite-used)", self.unchanged(c, for_b))
        c.ctl("join", a.invite())
        self.until_agreed(a, b, c)

    def test_what_bad_invites_get(self):
        a, b = self.node("ash"), self.node("birch")
        token = a.invite("--expires", "1s")
        garbled = token[:40] + ("q" if token[40] != "q" else "p") + token[41:]
        self.assertIn("garbled", self.unchanged(b, garbled))
        self.assertIn("garbled", self.unchanged(b, token[:-1]))
        self.assertIn("not an invite", self.unchanged(b, "hello"))
        poll(lambda: self.invites(a)[0]["state"] == "expired", "the invite to expire")
        self.assertIn("has expired", self.unchanged(b, token))
        self.assertIn("this node itself", a.run("join", a.invite()).stderr)

    def test_mutual_approval_without_an_invite(self):
        a, b = self.node("ash"), self.node("birch")
        a.ctl("publish", self.pattern("a.md", "Listen first"))
        org = {node: node.status()["organisation"] for node in (a, b)}
        b.ctl("peer", "add", org[a], a.listen, "--name", "the ashes")
        poll(lambda: a.status()["knocks"], "birch to knock")
        self.assertEqual(a.status()["knocks"][0]["name"], "birch")
        self.assertIn("birch waits for approval", a.ctl("status"))
        self.assertEqual(b.status()["control_set"], 1)  # it was told nothing
        self.assertEqual(self.peer(b, "the ashes")["state"], "waiting")
        self.assertIn("nobody called cedar waits", a.run("peer", "approve", "cedar").stderr)
        a.ctl("peer", "approve", "birch")
        self.until_agreed(a, b)
        self.assertEqual(a.status()["knocks"], [])
        self.assertEqual(self.peer(a, "birch")["state"], "in sync")
        self.assertEqual(len(b.list()), 1)
        self.assertIn("peer-add", a.ctl("audit"))

    def test_both_see_the_same_words(self):
        a, b, c = self.chain("ash", "birch", "cedar")
        words = a.ctl("peer", "verify", "birch")
        self.assertRegex(words, r"^([a-z]{5} ){7}[a-z]{5}\n$")
        self.assertEqual(words, b.ctl("peer", "verify", "ash"))
        self.assertNotEqual(words, b.ctl("peer", "verify", "cedar"))
        self.assertEqual(b.ctl("peer", "verify", "cedar"), c.ctl("peer", "verify", "birch"))
        c.stop()
        poll(lambda: self.peer(b, "cedar")["link"] is None, "the link to end")
        self.assertIn("no link with that peer", b.run("peer", "verify", "cedar").stderr)

    def test_paused_and_resumed(self):
        a, b = self.chain("ash", "birch")
        a.ctl("peer", "pause", "birch", "--because", "moving house")
        self.assertIn("paused already", a.run("peer", "pause", "birch").stderr)
        poll(lambda: self.peer(b, "ash")["state"] == "refused", "birch to be turned away")
        self.assertEqual(self.peer(b, "ash")["why"]["code"], "paused")
        b.ctl("publish", self.pattern("b.md", "Said meanwhile"))
        a.stop()
        a.start()
        self.assertEqual(self.peer(a, "birch")["state"], "paused")
        self.assertEqual(a.run("status", "--check").returncode, 0)  # as its operator wishes
        self.assertEqual(a.list(), [])
        a.ctl("peer", "resume", "birch")
        self.until_agreed(a, b)
        self.assertEqual(len(a.list()), 1)
        self.assertIn("not paused", a.run("peer", "resume", "birch").stderr)
        self.assertIn("peer-pause    birch", a.ctl("audit"))
        self.assertIn("because: moving house", a.ctl("audit"))

    def test_a_removed_peer_stays_away(self):
        a, b = self.node("ash"), self.node("birch")
        token = a.invite("--for", "birch")
        b.ctl("join", token)
        self.until_agreed(a, b)
        a.ctl("peer", "remove", "birch")
        a.kill()  # at once: what was acknowledged is stored
        a.start()
        self.assertEqual(a.status()["peers"], [])
        poll(lambda: a.status()["knocks"], "birch to knock")
        b.stop()
        b.start()
        poll(lambda: self.peer(b, "ash")["state"] == "waiting", "birch to be turned away")
        self.assertEqual(a.status()["peers"], [])
        self.assertIn("(invite-revoked)", b.run("join", token).stderr)  # the one it came by
        self.assertEqual(a.status()["peers"], [])
        self.assertEqual(len(b.status()["peers"]), 1)  # as it was
        self.assertFalse(a.json("trust", "birch")["accepted"])


if __name__ == "__main__":
    unittest.main()
