"""The main job once under valgrind: no invalid access, nothing lost, on a clean stop."""

import glob
import os
import unittest

from nodes import STARTER, NodesTest, poll

VALGRIND = ("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect,possible",
            "--show-leak-kinds=definite,indirect,possible")


class Valgrind(NodesTest):
    def node_under_valgrind(self, name):
        node = self.node(name, start=False)
        # Valgrind has no room for the address space that a store takes for itself otherwise.
        with open(os.path.join(node.home, "rpnode.conf"), "a", encoding="utf-8") as conf:
            conf.write("\n[store]\nsize = 256\n")
        return node.start(wrapper=VALGRIND)

    def test_two_nodes_share_a_library(self):
        a = self.node_under_valgrind("a")
        b = self.node_under_valgrind("b")
        b.ctl("join", a.invite())
        a.ctl("publish", "--audience", "commons", *sorted(glob.glob(os.path.join(STARTER, "*.md"))))
        self.until_agreed(a, b, seconds=120)
        object_id = b.list("--kind", "question")[0]["object"]
        b.json("show", object_id)
        b.ctl("export", os.path.join(self.folder, "out"))
        b.ctl("import", os.path.join(self.folder, "out"))
        self.assertEqual(b.run("diff", "a").returncode, 0)
        a.ctl("withdraw", object_id)
        poll(lambda: b.run("show", object_id).returncode == 1, "the withdrawal at b")
        b.run("publish", self.write("bad.md", "---\ntitle: 'X\n---\n"))
        b.ctl("peer", "remove", "a")
        a.stop()  # checks the exit status, which valgrind sets
        b.stop()


if __name__ == "__main__":
    unittest.main()
