"""Taking back what was published."""

import json
import os
import random
import resource
import subprocess
import unittest

from nodes import Node, poll
from remains import Remains, remains

SECRET = "the kettle was on before she had sat down"


class Withdrawal(Remains):
    def tell(self, node, name="told.md", text=SECRET, pad=20):
        """Publishes a text among others; its object and pieces of its record."""
        words = [f"word{i * 7919 % 1000}" for i in range(pad)]
        for i in range(10):
            node.ctl("publish", self.pattern(f"{node.name}-{i}-{name}", f"{name} {i}",
                                             " ".join(words) + f" {i}"))
        object_id = node.ctl("publish", self.pattern(
            name, "Told once", f"{' '.join(words)} {text}. {' '.join(words)}")).strip()
        return object_id, self.pieces(node, object_id)

    def test_what_is_withdrawn_is_in_no_file_any_more(self):
        a, b = self.chain("a", "b")
        self.erase_after(0, a, b)
        told = [self.tell(a, f"{pad}.md", pad=pad)[0] for pad in (1, 30, 400, 3000)]
        known = self.pieces(a, *told)
        self.until_agreed(a, b)
        for node in (a, b):
            self.assertNotEqual(remains(node.home, SECRET), [])
            self.assertNotEqual(remains(node.home, "no such text", known), [])
        for object_id in told:
            a.ctl("withdraw", object_id)
        self.until_agreed(a, b)
        self.until_clean(a, b)
        self.assert_gone((a, b), SECRET, known)
        for node in (a, b):
            self.assertEqual([item["clean"] for item in node.withdrawals()], [True] * 4)
            self.assertEqual(len(node.list()), 40)
        a.ctl("publish", self.pattern("after.md", "After all"))
        self.until_agreed(a, b)

    def test_at_the_latest_at_a_clean_stop(self):
        a = self.node("a")
        self.erase_after(50, a)
        object_id, known = self.tell(a)
        a.ctl("withdraw", object_id)
        erasing = a.status()["erasing"]
        self.assertEqual((erasing["why"], a.withdrawals()[0]["clean"]), (None, False))
        self.assertIn("Erasing what was withdrawn", a.ctl("status"))
        a.stop()
        self.assert_gone([a], SECRET, known)
        a.start()
        self.assertIsNone(a.status()["erasing"])
        self.assertTrue(a.withdrawals()[0]["clean"])

    def test_after_a_crash_it_is_taken_up_again(self):
        a = self.node("a")
        self.erase_after(50, a)
        object_id, known = self.tell(a)
        a.ctl("withdraw", object_id)
        a.kill()
        self.assertNotEqual(remains(a.home, SECRET, known), [])
        a.start()
        self.assertIsNotNone(a.status()["erasing"])
        a.kill()
        self.erase_after(0, a)
        a.start()
        self.until_clean(a)
        self.assert_gone([a], SECRET, known)

    def test_killed_at_any_moment_nothing_is_lost_and_it_is_erased_in_the_end(self):
        a = self.node("a")
        self.erase_after(0, a)
        seed = random.randrange(1 << 32)
        print(f"kill: seed {seed}", flush=True)
        rand = random.Random(seed)
        kept = a.ctl("publish", *[self.pattern(f"kept/{i}.md", f"Kept {i}", os.urandom(9000).hex())
                                  for i in range(60)]).split()
        for i in range(8):
            object_id, known = self.tell(a, f"{i}.md")
            a.ctl("withdraw", object_id)
            moment = rand.random() * 0.1
            try:
                a.process.wait(timeout=moment)
            except Exception:  # pylint: disable=broad-except
                pass
            a.kill()
            a.start()
            self.until_clean(a)
            self.assert_gone([a], SECRET, known)
            self.assertEqual(sorted(os.listdir(os.path.join(a.home, "store"))),
                             ["ballast", "data.mdb", "lock.mdb", "store.id", "witness"])
        held = {item["object"] for item in a.list()}
        self.assertTrue(set(kept) <= held)

    def test_without_room_for_a_second_file_it_says_so_and_tries_again(self):
        a = self.node("a")
        self.erase_after(1, a)
        a.ctl("publish", *[self.pattern(f"kept/{i}.md", f"Kept {i}", os.urandom(9000).hex())
                           for i in range(20)])
        object_id, known = self.tell(a)
        size = os.path.getsize(os.path.join(a.home, "store", "data.mdb"))
        a.ctl("withdraw", object_id)
        resource.prlimit(a.process.pid, resource.RLIMIT_FSIZE, (size // 4, resource.RLIM_INFINITY))
        erasing = poll(lambda: a.status()["erasing"]["why"], "the erasure to fail")
        self.assertIn("no room on the disk", erasing)
        self.assertIn("no room on the disk", a.ctl("status"))
        self.assertEqual(len(a.list()), 30)
        self.assertFalse(os.path.exists(os.path.join(a.home, "store", "data.new")))
        resource.prlimit(a.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.until_clean(a)
        self.assert_gone([a], SECRET, known)

    def small_disk(self, mib):
        """A folder on a disk of its own."""
        folder = os.path.join(self.folder, "disk")
        os.mkdir(folder)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("file systems cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", folder], check=True)
        return folder

    def test_a_full_disk_takes_withdrawals_and_erases(self):
        a = Node(self.small_disk(40), "a")
        self.nodes.append(a)
        with open(os.path.join(a.home, "rpnode.conf"), "w", encoding="utf-8") as file:
            file.write("[store]\nerase = 0\nfree = 4\n")
        a.start()
        ballast = os.path.join(a.home, "store", "ballast")
        poll(lambda: os.path.exists(ballast), "the ballast")
        self.assertEqual(os.path.getsize(ballast), 8 << 20)
        a.ctl("publish", *[self.pattern(f"kept/{i}.md", f"Kept {i}", os.urandom(9000).hex())
                           for i in range(60)])
        object_id, known = self.tell(a)
        fill = os.path.join(self.folder, "disk", "fill")
        with open(fill, "wb", buffering=0) as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(4096))
        self.assertEqual(os.statvfs(a.home).f_bavail, 0)
        refused = a.run("publish", self.pattern("more.md", "More", os.urandom(9000).hex()))
        self.assertIn("full", refused.stderr)
        a.ctl("withdraw", object_id)
        self.until_clean(a)
        self.assert_gone([a], SECRET, known)
        self.assertFalse(os.path.exists(ballast))
        os.remove(fill)
        poll(lambda: a.run("publish", self.pattern("last.md", "Last")).returncode == 0,
             "room for new texts")
        a.stop()
        a.start()
        poll(lambda: os.path.exists(ballast), "the ballast again")

    def test_one_version_is_withdrawn_and_the_others_stay(self):
        a, b = self.chain("a", "b")
        path = self.pattern("one.md", "Ask first", "The first words.")
        object_id = a.ctl("publish", path).strip()
        self.pattern("one.md", "Ask first", "The second words.")
        a.ctl("publish", path)
        self.until_agreed(a, b)
        second, first = b.json("show", object_id)["versions"]
        for given, told in (("zzzz", "at least 4 hex digits"), ("abc", "at least 4 hex digits"),
                            ("0" * 64, "is not a version of it")):
            result = a.run("withdraw", object_id, "--version", given)
            self.assertEqual(result.returncode, 1, given)
            self.assertIn(told, result.stderr)
        done = a.json("withdraw", object_id, "--version", second["id"][:12].upper())
        self.assertEqual((done["state"], done["quoted_by"]), ("withdrawn", []))
        self.until_agreed(a, b)
        for node in (a, b):
            versions = node.json("show", object_id)["versions"]
            self.assertEqual([version["id"] for version in versions], [first["id"]])
            self.assertEqual(versions[0]["content"]["guidance"], "The first words.")
        listed = b.withdrawals()
        self.assertEqual([item["versions"] for item in listed], [[second["id"]]])
        self.assertEqual(b.run("withdraw", object_id).returncode, 1)  # it is not b's
        a.ctl("withdraw", object_id)
        self.until_agreed(a, b)
        self.assertIn("was withdrawn", b.run("show", object_id).stderr)

    def test_what_adapts_or_translates_it_is_named(self):
        a, b = self.chain("a", "b")
        object_id = a.ctl("publish", self.pattern("one.md", "Ask first")).strip()
        version = a.json("show", object_id)["versions"][0]["id"]
        self.until_agreed(a, b)
        link = "[{{rel: {}, target: %s}}]" % object_id
        adapted = b.ctl("publish", self.pattern("adapted.md", "Ask in our way",
                                                links=link.format("adapts"))).strip()
        b.ctl("publish", self.pattern("near.md", "Ask again", links=link.format("related")))
        translated = b.ctl("publish", self.pattern(
            "translated.md", "Zuerst fragen", lang="de",
            translation_of="{object: %s, version: %s}" % (object_id, version))).strip()
        self.until_agreed(a, b)
        result = a.ctl("withdraw", object_id)
        self.assertIn("on its way to everybody", result)
        self.assertIn(f"{adapted[:12]}  pattern  Ask in our way  (b)", result)
        self.assertIn(f"{translated[:12]}  pattern  Zuerst fragen  (b)", result)
        self.assertNotIn("Ask again", result)
        self.until_agreed(a, b)
        for node, ours in ((a, True), (b, False)):
            [item] = node.withdrawals()
            self.assertEqual((item["object"], item["ours"], item["author_name"], item["by"]),
                             (object_id, ours, "a", "organisation"))
            self.assertEqual({quote["object"] for quote in item["quoted_by"]},
                             {adapted, translated})
            self.assertIsNone(item["versions"])
            self.assertIsNone(item["honoured"]["unheard"])  # it is of no circle
        self.assertIn("Zuerst fragen", b.ctl("withdrawals"))

    def test_why_is_noted_here_and_told_nobody(self):
        a, b = self.chain("a", "b")
        object_id = a.ctl("publish", self.pattern("one.md", "Ask")).strip()
        self.until_agreed(a, b)
        self.assertEqual(a.run("withdraw", object_id, "--reason", "x\ny").returncode, 1)
        self.assertEqual(len(b.list()), 1)
        a.ctl("withdraw", object_id, "--reason", "they moved away")
        self.until_agreed(a, b)
        entries = [json.loads(line) for line in a.ctl("audit", "--json").splitlines()]
        self.assertEqual([(entry["object"], entry["because"]) for entry in entries
                          if entry["what"] == "withdraw"], [(object_id, "they moved away")])
        b.stop()
        self.assertEqual(remains(b.home, "they moved away"), [])

    def test_a_local_one_stays_local(self):
        a, b = self.chain("a", "b")
        object_id = a.ctl("publish", "--audience", "local", self.pattern("one.md", "Ask")).strip()
        self.assertIn("nobody else held it", a.ctl("withdraw", object_id))
        self.assertEqual([item["audience"] for item in a.withdrawals()], ["local"])
        a.ctl("publish", self.pattern("two.md", "Tell"))
        self.until_agreed(a, b)
        self.assertEqual(b.withdrawals(), [])
        again = a.run("withdraw", object_id)
        self.assertEqual(again.returncode, 1)
        self.assertIn("withdrawn already", again.stderr)


if __name__ == "__main__":
    unittest.main()
