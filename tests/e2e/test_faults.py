"""What goes wrong on real machines: crashes, absences, a full disk."""

import glob
import os
import random
import resource
import signal
import subprocess
import unittest

from nodes import RPCTL, SHARED, STARTER, NodesTest, poll

KILLS = int(os.environ.get("RPNODE_KILLS", "50"))
INNERSOURCE = os.path.join(SHARED, "innersource-patterns", "patterns")


class Faults(NodesTest):
    def some_patterns(self, prefix, n):
        return [self.pattern(f"{prefix}/{i}.md", f"{prefix} {i}", f"Text {i}. " * 40)
                for i in range(n)]

    def test_an_absent_node_catches_up_and_nothing_is_sent_twice(self):
        a, b, c = self.chain("a", "b", "c")
        a.ctl("publish", *self.some_patterns("first", 30))
        self.until_agreed(a, b, c)
        b.stop()
        at_a = a.ctl("publish", *self.some_patterns("while-gone-a", 40)).split()
        at_c = c.ctl("publish", *self.some_patterns("while-gone-c", 25)).split()
        before = {node.name: node.status()["counters"] for node in (a, c)}
        b.start()
        self.until_agreed(a, b, c)
        after = {node.name: node.status()["counters"] for node in (a, c)}
        gained = {name: after[name]["records_in"] - before[name]["records_in"] for name in after}
        self.assertEqual(gained, {"a": len(at_c), "c": len(at_a)})
        counters = b.status()["counters"]
        self.assertEqual(counters["records_in"], len(at_a) + len(at_c))
        for node in (a, b, c):
            self.assertEqual(node.status()["counters"]["duplicates_in"], 0)

    def texts(self):
        """Real text where it is to be had, else the starter library many times over."""
        if os.path.isdir(INNERSOURCE):
            return INNERSOURCE
        for i in range(4):
            for path in glob.glob(os.path.join(STARTER, "[a-q]*.md")):
                with open(path, encoding="utf-8") as file:
                    self.write(f"many/{i}/{os.path.basename(path)}", file.read())
        return os.path.join(self.folder, "many")

    def test_kill_at_any_moment_loses_nothing_acknowledged(self):
        seed = random.randrange(1 << 32)
        print(f"kill: seed {seed}, {KILLS} kills", flush=True)
        rand = random.Random(seed)
        nodes = self.chain("a", "b", "c")
        texts = self.texts()
        acknowledged = {node.name: [] for node in nodes}
        round_number = 0
        kills = 0
        while kills < KILLS:
            round_number += 1
            writer, victim = rand.choice(nodes), rand.choice(nodes)
            paths = self.some_patterns(f"r{round_number}", 3)
            work = [[RPCTL, "--home", writer.home, "publish", *paths]]
            if rand.random() < 0.3:
                work.append([RPCTL, "--home", writer.home, "import", texts, "--licence",
                             "CC-BY-SA-4.0", "--attribution", "Its authors"])
            running = [subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True) for args in work]
            try:
                running[0].wait(timeout=rand.random() * 0.05)
            except subprocess.TimeoutExpired:
                pass
            victim.kill()
            kills += 1
            out = [process.communicate()[0] for process in running]
            acknowledged[writer.name] += out[0].split()
            victim.start()
        for node in nodes:
            for object_id in acknowledged[node.name]:
                self.assertEqual(node.run("show", object_id).returncode, 0,
                                 f"seed {seed}: {object_id} of {node.name} is lost")
        self.until_agreed(*nodes)
        held = {item["object"] for item in nodes[0].list()}
        for node in nodes:
            self.assertTrue(set(acknowledged[node.name]) <= held)

    def test_a_full_disk_refuses_readably_and_recovers_by_itself(self):
        a, b = self.chain("a", "b")
        a.ctl("publish", *self.some_patterns("first", 10))
        self.until_agreed(a, b)
        size = os.path.getsize(os.path.join(b.home, "store", "data.mdb"))
        resource.prlimit(b.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        refused = poll(lambda: self.until_refused(b), "the disk to be full")
        self.assertIn("full", refused)
        self.assertIn("nothing was lost", refused)
        self.assertEqual(b.status()["health"], "failing")
        self.assertEqual(b.run("status", "--check").returncode, 5)
        listed = b.list()  # reading goes on
        self.assertGreaterEqual(len(listed), 10)
        more = a.ctl("publish", *self.some_patterns("more", 30)).split()
        self.assertEqual(len(more), 30)
        resource.prlimit(b.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.until_agreed(a, b)
        self.assertEqual({item["object"] for item in b.list()},
                         {item["object"] for item in a.list()})
        b.ctl("publish", self.pattern("after.md", "After all"))
        poll(lambda: b.status()["health"] == "ok", "b to be well again")

    def until_refused(self, node):
        self.counter = getattr(self, "counter", 0) + 1
        path = self.pattern(f"fill/{self.counter}.md", f"Fill {self.counter}",
                            os.urandom(20000).hex()[:19000])
        result = node.run("publish", path)
        return result.stderr if result.returncode else ""

    def test_a_silent_cut_of_the_connection_is_mended(self):
        a, b = self.chain("a", "b")
        b.process.send_signal(signal.SIGSTOP)
        a.ctl("publish", *self.some_patterns("unheard", 5))
        b.process.send_signal(signal.SIGCONT)
        self.until_agreed(a, b)


if __name__ == "__main__":
    unittest.main()
