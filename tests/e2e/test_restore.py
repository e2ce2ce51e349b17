"""A home that is copied back from a backup shows no story before it was compared with a peer."""

import os
import shutil
import unittest
import urllib.request

from nodes import NodesTest, poll


class Restore(NodesTest):
    def back_up(self, node):
        """A copy of the home of a node, made while it is stopped."""
        node.stop()
        copy = node.home + ".backup"
        shutil.copytree(node.home, copy, symlinks=True,
                        ignore=shutil.ignore_patterns("rpnode.sock"))
        node.start()
        return copy

    def restore(self, node, copy):
        node.stop()
        shutil.rmtree(node.home)
        shutil.copytree(copy, node.home)

    def until_compared(self, node):
        poll(lambda: node.status()["restored"] is None, f"{node.name} to have compared")

    def stories(self, node):
        return {item["object"] for item in node.list("--kind", "story")}

    def page(self, node, path="/"):
        with urllib.request.urlopen(f"http://{node.status()['web']}{path}", timeout=10) as answer:
            return answer.read().decode()

    def test_no_story_is_shown_or_served_before_it_was_compared(self):
        a, b = self.chain("a", "b")
        kept, gone = a.ctl("publish", self.story("kept.md", "Kept"),
                           self.story("gone.md", "Gone")).split()
        pattern = a.ctl("publish", self.pattern("one.md", "Ask first")).strip()
        local = b.ctl("publish", self.story("local.md", "Local", audience="local")).strip()
        self.until_agreed(a, b)
        copy = self.back_up(b)
        self.until_agreed(a, b)
        a.ctl("withdraw", gone)
        self.until_agreed(a, b)
        a.stop()
        self.restore(b, copy)
        b.start("--web", "127.0.0.1:0")
        restored = b.status()["restored"]
        self.assertEqual((restored["how"], restored["awaited"]), ("copied", 2))
        self.assertEqual(b.status()["health"], "degraded")
        self.assertIn("rpctl restored --trust-it", b.ctl("status"))
        self.assertIn("restored from a backup", self.page(b))
        self.assertIn("restored from a backup", self.page(b, "/kind/story"))
        self.assertEqual(self.stories(b), set())
        for story in (kept, gone, local):
            self.assertIn("withheld after a restore", b.run("show", story).stderr)
            self.assertNotIn(story, b.ctl("export", "--local"))
        self.assertIn(pattern, b.ctl("export"))
        c = self.node("c")  # who gets what b has: a pattern, for now
        c.ctl("join", b.invite())
        poll(lambda: c.list("--kind", "pattern"), "the pattern at c")
        self.assertEqual(self.stories(c), set())
        b.stop()
        b.start()  # it is not forgotten
        self.assertEqual(b.status()["restored"]["how"], "copied")
        a.start()
        self.until_compared(b)
        self.until_agreed(a, b, c)
        self.assertEqual(self.stories(b), {kept, local})
        self.assertEqual(self.stories(c), {kept})
        self.assertIn("was withdrawn", b.run("show", gone).stderr)
        b.stop()
        b.start()
        self.assertIsNone(b.status()["restored"])

    def test_who_says_so_and_who_says_otherwise(self):
        a = self.node("a")
        a.ctl("publish", self.story("one.md", "One"))
        a.ctl("restored")
        self.assertEqual(a.status()["restored"]["how"], "declared")
        self.assertEqual(self.stories(a), set())
        a.ctl("restored", "--trust-it")
        self.assertIsNone(a.status()["restored"])
        self.assertEqual(len(self.stories(a)), 1)
        a.stop()
        a.start("--restored")
        self.assertEqual(a.status()["restored"]["how"], "declared")
        self.assertEqual(self.stories(a), set())
        b = self.node("b")
        b.ctl("join", a.invite())  # who has nothing can tell nothing
        poll(lambda: a.status()["peers"] and
             a.status()["control_fingerprint"] == b.status()["control_fingerprint"],
             "control to be the same")
        self.assertIsNotNone(a.status()["restored"])
        a.ctl("restored", "--trust-it")
        self.until_agreed(a, b)
        poll(lambda: len(self.stories(b)) == 1, "the story at b")

    def test_crashes_moves_and_new_files_are_no_restore(self):
        a = self.node("a")
        a.ctl("publish", self.story("one.md", "One"))
        a.kill()
        a.start()
        self.assertIsNone(a.status()["restored"])
        a.ctl("withdraw", a.ctl("publish", self.pattern("two.md", "Two")).strip())
        a.stop()  # which writes the file anew
        a.start()
        self.assertIsNone(a.status()["restored"])
        a.stop()
        moved = a.home + ".moved"
        os.rename(a.home, moved)
        a.home = moved
        a.start()
        self.assertIsNone(a.status()["restored"])
        self.assertEqual(len(self.stories(a)), 1)
        a.stop()
        data = os.path.join(a.home, "store", "data.mdb")
        with open(data, "rb") as file:
            content = file.read()
        with open(data, "r+b") as file:  # in its place: it is the same file by name and number
            file.write(content)
        a.start()
        self.assertEqual(a.status()["restored"]["how"], "copied")


if __name__ == "__main__":
    unittest.main()
