"""Several nodes of one organisation: certified, with its key or without, revoked."""

import json
import os
import subprocess
import unittest

from nodes import RPCTL, Failed, NodesTest, poll
from test_keys import KeysTest


class OfOneOrganisation(NodesTest):
    def asked(self, node, name="second"):
        """A home that asks to be another node of the node's organisation; its request."""
        new = self.node(name, start=False, init=False)
        request = new.ctl("init", "--name", f"the {name} one", "--node-of",
                          node.status()["organisation"])
        return new, request.strip()

    def another(self, node, *args, name="second"):
        """Another node of the node's organisation, running."""
        new, request = self.asked(node, name)
        grant = node.ctl("node", "add", request, *args)
        self.assertNotIn(node.name, os.listdir(new.home))
        self.said = new.ctl("node", "accept", "-", stdin=grant)
        return new.start()

    def titles(self, node):
        return sorted(item["title"] for item in node.list())

    def peers(self, node):
        return {peer["name"]: peer for peer in node.status()["peers"]}

    def until_titles(self, node, *titles):
        poll(lambda: self.titles(node) == sorted(titles), f"{node.name} to have {titles}")

    def refused(self, node, *args, stdin=None):
        with self.assertRaises(Failed) as caught:
            node.ctl(*args, stdin=stdin)
        self.assertEqual(caught.exception.status, 1)
        return caught.exception.err


class Nodes(OfOneOrganisation):
    def test_without_the_key_it_reads_and_relays_until_it_is_revoked(self):
        a, b = self.chain("a", "b")
        c = self.node("c")
        c.ctl("join", a.invite("--for", "c"))
        a.ctl("publish", self.pattern("one.md", "One"))
        second = self.another(a)
        self.assertIn("without its key", self.said)
        self.until_agreed(a, b, c, second)
        self.until_titles(second, "One")
        self.assertEqual(second.status()["organisation"], a.status()["organisation"])
        self.assertEqual(second.status()["own_key"], "elsewhere")
        self.assertIn("this node has no key of its organisation",
                      self.refused(second, "publish", self.pattern("no.md", "No")))
        self.assertIn("this node has no key of its organisation",
                      self.refused(second, "node", "revoke", "a", "--because", "x"))
        # It knows the peers of the first, and they know it: what one says the other hears.
        poll(lambda: {p["state"] for p in self.peers(second).values()} == {"in sync"}, "all links")
        self.assertEqual(set(self.peers(second)), {"our other nodes", "b", "c"})
        a.stop()
        b.ctl("publish", self.pattern("two.md", "Two"))
        self.until_titles(c, "One", "Two")
        a.start()
        self.until_agreed(a, b, c, second)
        poll(lambda: {n["name"] for n in a.json("node", "list")["nodes"] if n["linked"]}
             == {"the second one"}, "the link of both nodes")
        # Lost: nobody links with it any more.
        a.ctl("node", "revoke", "the second one", "--because", "left in a train")
        poll(lambda: all(p["why"] and p["why"]["code"] == "revoked"
                         for p in self.peers(second).values()), "all to refuse it")
        for peer in self.peers(second).values():
            self.assertEqual(peer["state"], "refused")
        self.assertIn("our organisation has revoked this node's certificate", second.ctl("status"))
        a.ctl("publish", self.pattern("three.md", "Three"))
        self.until_titles(c, "One", "Three", "Two")
        self.until_agreed(a, b, c)
        poll(lambda: a.status()["health"] == "ok", "no more waiting for what was revoked")
        second.stop()
        second.start()
        poll(lambda: all(p["why"] and p["why"]["code"] == "revoked"
                         for p in self.peers(second).values()), "all to refuse it again")
        self.assertEqual(self.titles(second), ["One", "Two"])
        nodes = {n["name"]: n for n in a.json("node", "list")["nodes"]}
        self.assertTrue(nodes["the second one"]["revoked"])
        self.assertFalse(nodes["the second one"]["linked"])
        self.assertTrue(nodes["a"]["self"])
        acts = [e for e in map(json.loads, a.ctl("audit", "--json").splitlines())
                if e["what"].startswith("node-")]
        self.assertEqual([e["what"] for e in acts], ["node-add", "node-revoke"])
        self.assertEqual({e["node"] for e in acts}, {nodes["the second one"]["node"]})
        self.assertEqual(acts[1]["because"], "left in a train")
        self.assertIn("was revoked, and stays so",
                      self.refused(a, "node", "add", second.ctl("node", "request").strip()))

    def test_circles_are_of_both(self):
        a, b = self.chain("a", "b")
        a.ctl("circle", "create", "Ring", "--member", b.status()["organisation"])
        poll(lambda: b.json("circle", "list")["circles"], "the circle at b")
        b.ctl("circle", "accept", "Ring")
        b.ctl("publish", self.pattern("in.md", "Within"), "--audience", "circle:Ring")
        self.until_titles(a, "Within")
        second = self.another(a)
        self.until_titles(second, "Within")

    def test_a_request_or_grant_that_is_of_no_use(self):
        a, b = self.chain("a", "b")
        new, request = self.asked(a)
        again = new.ctl("init", "--name", "the second one", "--node-of",
                        a.status()["organisation"]).strip()
        self.assertEqual(again, request)
        self.assertEqual(new.ctl("node", "request").strip(), request)
        result = new.run("init", "--name", "another", "--node-of", a.status()["organisation"])
        self.assertIn("has asked to be another node already", result.stderr)
        self.assertEqual(new.run("init", "--name", "x", "--node-of", "rp1nothing").returncode, 2)
        wrong = request[:40] + ("q" if request[40] != "q" else "p") + request[41:]
        self.assertIn("the request is garbled", self.refused(a, "node", "add", wrong))
        self.assertIn("begins with rpnode1", self.refused(a, "node", "add", "rpinvite1xyz"))
        self.assertIn("another organisation's node", self.refused(b, "node", "add", request))
        self.assertIn("or of this one itself",
                      self.refused(a, "node", "add", a.ctl("node", "request").strip()))
        self.assertEqual(a.json("node", "list")["nodes"][1:], [])
        grant = a.ctl("node", "add", "-", stdin=request[:30] + "\n " + request[30:]).strip()
        other, _ = self.asked(a, "third")
        for at, node, text, told in (
                (40, new, None, "the grant is garbled"),
                (len(grant) - 9, new, None, "the grant is garbled"),
                (None, new, grant[:-1], "the grant is garbled"),
                (None, new, request, "one begins with rpgrant1"),
                (None, other, grant, "the grant is for another node"),
                (None, b, grant, "the grant is for another node")):
            if at is not None:
                text = grant[:at] + ("A" if grant[at] != "A" else "B") + grant[at + 1:]
            self.assertIn(told, self.refused(node, "node", "accept", text))
        self.assertFalse(os.path.exists(os.path.join(new.home, "organisation.key")))
        self.assertIn("nor has it asked to be",
                      self.node("none", start=False, init=False).run("node", "request").stderr)
        new.ctl("node", "accept", grant)
        new.ctl("node", "accept", grant)
        new.start()
        self.until_agreed(a, b, new)


class WithKey(OfOneOrganisation, KeysTest):
    def test_it_publishes_and_gets_a_new_certificate_with_the_next_key(self):
        a = self.member("a")
        b = self.node("b")
        b.ctl("join", a.invite("--for", "b"))
        second = self.another(a, "--with-key")
        third = self.another(a, name="third")
        self.assertIn("without its key", self.said)
        self.assertEqual(second.status()["own_key"], "in use")
        second.ctl("publish", self.pattern("one.md", "One"))
        for node in (a, b, third):
            self.until_titles(node, "One")
        # The same file at the other node is a version of the same object.
        a.ctl("publish", self.pattern("one.md", "One", "What helps is to ask twice."))
        poll(lambda: len(second.json("show", second.list()[0]["object"])["versions"]) == 2,
             "both versions")
        # A rotation at the first: the others act by the old key until they are certified anew.
        self.replace(a, "rotate")
        for node in (second, third):
            poll(lambda n=node: n.status()["own_key"] == "replaced", "the succession to be known")
        self.assertIn("the organisation's key was replaced elsewhere",
                      self.refused(second, "publish", self.pattern("no.md", "No")))
        self.assertIn("rpctl node request", second.ctl("status"))
        for node, args in ((second, ["--with-key"]), (third, [])):
            grant = a.ctl("node", "add", node.ctl("node", "request").strip(), *args)
            self.assertIn("the node goes on with it", node.ctl("node", "accept", grant.strip()))
        second.ctl("publish", self.pattern("two.md", "Two"))
        for node in (a, b, third):
            self.until_titles(node, "One", "Two")
        self.assertEqual(third.status()["own_key"], "elsewhere")
        self.until_agreed(a, b, second, third)
        old = self.refused(second, "node", "accept", self.old_grant(a))
        self.assertIn("the grant is for another node", old)

    def old_grant(self, node):
        _, request = self.asked(node, "fourth")
        return node.ctl("node", "add", request).strip()

    def test_a_sealed_key_is_given_only_with_its_passphrase(self):
        a = self.node("a", start=False, init=False)
        self.passphrase = self.write("rpnode.passphrase", "open sesame\n")
        os.environ["CREDENTIALS_DIRECTORY"] = self.folder
        self.addCleanup(os.environ.pop, "CREDENTIALS_DIRECTORY", None)
        self.sealed(a, "init", "--name", "a", "--no-confirm")
        a.start()
        new, request = self.asked(a)
        self.assertIn("is sealed with a passphrase",
                      self.refused(a, "node", "add", request, "--with-key"))
        self.assertEqual(a.json("node", "list")["nodes"][1:], [])
        grant = self.sealed(a, "node", "add", request, "--with-key").strip()
        self.sealed(new, "node", "accept", grant)
        new.start()
        new.ctl("publish", self.pattern("one.md", "One"))
        self.until_titles(a, "One")

    def sealed(self, node, *args):
        with open(self.passphrase, encoding="utf-8") as file:
            result = subprocess.run([RPCTL, "--home", node.home, *args, "--passphrase-fd",
                                     str(file.fileno())], capture_output=True, text=True,
                                    timeout=60, pass_fds=[file.fileno()])
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout


if __name__ == "__main__":
    unittest.main()
