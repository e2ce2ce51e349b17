"""Taking back what was published."""

import unittest

from nodes import NodesTest


class Withdrawal(NodesTest):
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
            self.assertIsNone(item["honoured"])
        self.assertIn("Zuerst fragen", b.ctl("withdrawals"))

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
