"""Quotas: what is over one is held back, shown with the reason, and fetched when there is room."""

import json
import os
import random
import unittest

from nodes import NodesTest, poll

RECORDS = 40
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
BYTES = 60000  # of random text in each: about 45,000 packed


class Quota(NodesTest):
    def library(self, node):
        """Publishes patterns that no compression makes small."""
        draw = random.Random(7)
        folder = os.path.join(self.folder, "library")
        os.makedirs(folder)
        for i in range(RECORDS):
            text = "".join(draw.choices(LETTERS, k=BYTES))
            with open(os.path.join(folder, f"{i}.md"), "w", encoding="utf-8") as file:
                file.write(f"---\ntitle: Pattern {i}\nquestion: How?\nsummary: One of many.\n---\n\n"
                           f"{text}\n\n## What helps\n\nAsk.\n")
        node.ctl("import", folder, "--audience", "commons", "--licence", "CC0-1.0",
                 "--attribution", "Nobody")

    def set_quota(self, node, mib):
        if node.process is not None:
            node.stop()
        with open(os.path.join(node.home, "rpnode.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"\n[store]\nquota = {mib}\n")
        node.start()

    def peer(self, node, name):
        return next(peer for peer in node.status()["peers"] if peer["name"] == name)

    def held_back(self, node):
        """Once both are in step: how many of the author's records wait at the node."""
        def settled():
            peer = self.peer(node, "ash")
            if any(org["share"] is None for org in node.status()["held_back"]):
                return None  # it is computed a second after the first that waits
            return peer["state"] == "in sync" and peer["held_back"] > 0 and \
                node.status()["content_set"] + peer["held_back"] == self.published and peer
        return poll(settled, f"{node.name} to hold the rest back")["held_back"]

    def step(self, node, peer):
        """Bytes that a comparison of two nodes in step takes."""
        def carried():
            of = self.peer(node, peer)
            return of["bytes_in"] + of["bytes_out"]

        def still():
            """Nothing but the comparison is on its way."""
            before = carried()
            node.ctl("diff", peer)
            return carried() - before < 160
        poll(still, "a comparison in step to cost what it should")

    def test_over_quota(self):
        a, b = self.chain("ash", "birch")
        self.set_quota(b, 1)
        self.published = RECORDS
        self.library(a)
        waiting = self.held_back(b)
        status = b.status()
        self.assertIn(status["content_set"], range(10, RECORDS - 5))
        poll(lambda: (self.peer(b, "ash")["why"] or {}).get("code") == "quota", "the reason")
        held = status["held_back"][0]
        self.assertEqual((held["name"], held["records"], held["control"]), ("ash", waiting, 0))
        self.assertLessEqual(held["stored"], 1 << 20)
        self.assertLessEqual(held["share"], 1 << 20)
        self.assertGreater(held["bytes"], 20000 * waiting)
        said = b.ctl("status")
        self.assertIn(f"{waiting} records of ash held back", said)
        self.assertIn("quota", said)
        poll(lambda: b.run("status", "--check").returncode == 0, "nothing to be wrong")
        self.step(b, "ash")
        poll(lambda: self.peer(a, "birch")["state"] == "in sync", "the author to be in step, too")
        self.assertEqual(self.peer(a, "birch")["held_back"], 0)
        # not fetched again after a restart
        b.stop()
        b.start()
        self.assertEqual(self.held_back(b), waiting)
        self.assertEqual(b.status()["counters"]["records_in"], 0)
        # room is freed: the rest comes
        here = [item["object"] for item in b.list()]
        for item in here[:waiting]:
            a.ctl("withdraw", item)
        self.until_agreed(a, b)
        poll(lambda: b.status()["held_back"] == [], "nothing to wait any more")
        self.assertEqual(b.status()["content_set"], RECORDS - waiting)
        self.assertTrue(set(item["object"] for item in b.list()).isdisjoint(here[:waiting]))
        self.step(b, "ash")

    def test_a_larger_quota(self):
        a, b, c = self.chain("ash", "birch", "cedar")
        self.set_quota(b, 1)
        self.published = RECORDS
        self.library(a)
        self.held_back(b)
        poll(lambda: c.fingerprints() == b.fingerprints(), "cedar to have what birch has")
        b.ctl("publish", self.pattern("own.md", "Listen first"))  # one's own is never over quota
        self.published += 1
        self.held_back(b)
        self.set_quota(b, 100)
        self.until_agreed(a, b, c)
        self.assertEqual(c.status()["content_set"], RECORDS + 1)
        poll(lambda: b.status()["held_back"] == [], "nothing to wait any more")
        poll(lambda: self.peer(b, "ash")["why"] is None, "nothing more to be said")
        self.step(b, "ash")


if __name__ == "__main__":
    unittest.main()
