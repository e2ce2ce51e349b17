"""The main job: organisations share a library of real text."""

import glob
import json
import os
import shutil
import time
import unittest

from nodes import SHARED, STARTER, Failed, NodesTest, poll

INNERSOURCE = os.path.join(SHARED, "innersource-patterns", "patterns")
CREDIT = ("--licence", "CC-BY-SA-4.0", "--attribution", "Its authors")


def starter():
    return sorted(glob.glob(os.path.join(STARTER, "*.md")))


class Library(NodesTest):
    def test_a_record_published_at_one_end_is_at_the_other_within_a_second(self):
        a, b, c = self.chain("a", "b", "c")
        a.ctl("publish", "--audience", "commons", *starter())
        self.until_agreed(a, b, c)
        self.assertEqual(len(c.list()), len(starter()))
        path = self.pattern("new.md", "Begin again")
        started = time.monotonic()
        object_id = c.ctl("publish", path).strip()
        poll(lambda: a.run("show", object_id).returncode == 0, "the record at a", 1)
        self.assertLess(time.monotonic() - started, 1)
        shown = a.json("show", object_id[:12])
        self.assertEqual(shown["object"], object_id)
        self.assertEqual(shown["author_name"], "c")
        self.assertEqual(shown["versions"][0]["content"]["title"], "Begin again")
        poll(lambda: a.status()["health"] == "ok", "a to see that all is in sync")

    @unittest.skipUnless(os.path.isdir(SHARED), "../shared is not there: its texts are not imported")
    def test_whole_libraries_are_imported_and_shared(self):
        a, b, c = self.chain("a", "b", "c")
        for folder in ("innersource-patterns/patterns", "odi-collaborative-patterns",
                       "18f-methods"):
            result = a.run("import", os.path.join(SHARED, folder), *CREDIT)
            self.assertRegex(result.stdout, r"^\d+ new, 0 changed, 0 unchanged, \d refused\n$")
            for line in result.stderr.splitlines():
                self.assertRegex(line, r"^/.*\.md:\d+: \S+")  # file, line, reason
        self.until_agreed(a, b, c)
        self.assertEqual(a.status()["records"], 190)
        again = a.ctl("import", INNERSOURCE, *CREDIT)
        self.assertEqual(again, "0 new, 0 changed, 85 unchanged, 0 refused\n")
        titles = {item["title"]: item["object"] for item in c.list()}
        warranty = c.json("show", titles["30 Day Warranty"])
        content = warranty["versions"][0]["content"]
        self.assertTrue(content["summary"].startswith("When accepting contributions"))
        self.assertIn("distrust of contributions", content["forces"])
        self.assertEqual(content["contributors"][0], {"name": "Cedric Williams", "role": "author"})
        # a relative link between files became a link between objects
        self.assertIn(f"[contribution guidelines](/o/{titles['Standard Base Documentation']})",
                      content["guidance"])
        # slugs under "related" became links, and their targets know of them
        related = c.json("show", titles["Attributable Contributions"])
        self.assertEqual(related["versions"][0]["content"]["links"],
                         [{"rel": "related", "target": titles["Anonymous Contributions"]}])
        anonymous = c.json("show", titles["Anonymous Contributions"])
        self.assertIn(titles["Attributable Contributions"],
                      [link["object"] for link in anonymous["referred_to_by"]])

    def test_a_changed_file_becomes_a_version_of_the_same_object(self):
        a, b = self.chain("a", "b")
        path = self.pattern("one.md", "Ask first")
        first = a.ctl("publish", path).strip()
        self.assertEqual(a.ctl("publish", path).strip(), first)
        self.pattern("one.md", "Ask first", "Ask twice.")
        self.assertEqual(a.ctl("publish", path).strip(), first)
        self.until_agreed(a, b)
        self.assertEqual(len(b.list()), 1)
        versions = b.json("show", first)["versions"]
        self.assertEqual([version["current"] for version in versions], [True, False])
        self.assertEqual(versions[0]["content"]["guidance"], "Ask twice.")
        self.assertEqual(versions[0]["parents"], [versions[1]["id"]])
        self.assertNotEqual(a.ctl("publish", "--new", path).strip(), first)

    def test_importing_a_folder_is_repeatable(self):
        a = self.node("a")
        self.write("f/deep/two.md", "# Second\n\nIts [sister](../one.md#top), and [[one]].\n")
        self.write("f/one.md", "## Title\n\nFirst\n\n## Patlet\n\nA short one.\n\n## Problem\n\n"
                               "It is [hard](deep/two.md).\n\n## Odd heading\n\nKept.\n")
        folder = os.path.join(self.folder, "f")
        dry = a.ctl("import", folder, *CREDIT, "--dry-run")
        self.assertEqual(dry,
                         "dry run, nothing was written: 2 new, 0 changed, 0 unchanged, 0 refused\n")
        self.assertEqual(a.list(), [])
        self.assertEqual(a.ctl("import", folder, *CREDIT),
                         "2 new, 0 changed, 0 unchanged, 0 refused\n")
        self.assertEqual(a.ctl("import", folder, *CREDIT),
                         "0 new, 0 changed, 2 unchanged, 0 refused\n")
        ids = {item["title"]: item["object"] for item in a.list()}
        one = a.json("show", ids["First"])["versions"][0]["content"]
        two = a.json("show", ids["Second"])["versions"][0]["content"]
        self.assertEqual(one["problem"], f"It is [hard](/o/{ids['Second']}).")
        self.assertEqual(one["body"], "## Odd heading\n\nKept.")
        self.assertEqual(two["body"],
                         f"Its [sister](/o/{ids['First']}), and [one](/o/{ids['First']}).")
        self.write("f/one.md", "## Title\n\nFirst\n\n## Problem\n\nIt is easy.\n")
        self.assertEqual(a.ctl("import", folder, *CREDIT),
                         "0 new, 1 changed, 1 unchanged, 0 refused\n")

    def test_nothing_goes_to_the_commons_without_licence_and_credit(self):
        a = self.node("a")
        self.write("f/one.md", "# First\n\nSome text.\n")
        result = a.run("import", os.path.join(self.folder, "f"))
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"f/one\.md:1: (licence|attribution): ")
        self.assertEqual(a.list(), [])
        a.ctl("import", os.path.join(self.folder, "f"), "--audience", "local")
        self.assertEqual([item["audience"] for item in a.list()], ["local"])
        self.assertEqual(a.status()["content_set"], 0)

    def test_bad_files_are_named_by_line_and_the_others_are_published(self):
        a = self.node("a")
        good = self.pattern("good.md", "Listen")
        unknown = self.write("unknown.md", "---\ntitle: X\ncolour: red\nsummary: S\n---\n")
        broken = self.write("broken.md", "---\ntitle: 'X\n---\n")
        rule = self.write("rule.md", "---\ntitle: X\nsummary: S\nquestion: Q?\nconfidence: 7\n---\n")
        link = self.write("link.md", "---\ntitle: X\nsummary: S\nlinks:\n- rel: related\n"
                                     "  target: nowhere.md\n---\n")
        binary = os.path.join(self.folder, "binary.md")
        with open(binary, "wb") as file:
            file.write(b"# \xff\xfe\n")
        result = a.run("publish", unknown, good, broken, rule, link, binary, "missing.md")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stdout.split()), 1)
        self.assertEqual([item["title"] for item in a.list()], ["Listen"])
        reasons = dict(line.split(": ", 1) for line in result.stderr.splitlines())
        self.assertEqual(reasons[f"{unknown}:3"], "colour: a pattern has no such field")
        self.assertIn("front matter:", reasons[f"{broken}:2"])
        self.assertEqual(reasons[f"{rule}:5"], "confidence: too large a number")
        self.assertEqual(reasons[f"{link}:4"],
                         "target: there is no file or object called nowhere.md")
        self.assertEqual(reasons[f"{binary}:1"], "not UTF-8 text")
        self.assertEqual(reasons["missing.md:1"], "No such file or directory")

    def test_stories_stay_at_home_unless_consent_lets_them_go(self):
        a, b = self.chain("a", "b")
        story = os.path.join(STARTER, "story-the-rule-about-lifts.md")
        with open(story, encoding="utf-8") as file:
            text = file.read().split("---\n")
        front = "\n".join(line for line in text[1].splitlines()
                          if not line.startswith(("patterns:", "- id:", "  - id:", "    rel:")))
        plain = self.write("plain.md", f"---\n{front}\n---\n{text[2]}")
        a.ctl("publish", plain)
        self.assertEqual([item["audience"] for item in a.list("--kind", "story")], ["local"])
        no_scope = self.write("no-scope.md", f"---\n{front.replace('public-web', 'node')}\n---\n"
                                             f"{text[2]}")
        result = a.run("publish", "--audience", "commons", no_scope)
        self.assertEqual(result.returncode, 1)
        self.assertIn("consent.scope", result.stderr)
        a.ctl("publish", "--audience", "commons", plain)
        self.until_agreed(a, b)
        self.assertEqual(len(b.list("--kind", "story")), 1)

    def test_an_export_gives_the_same_objects_elsewhere(self):
        a, b = self.chain("a", "b")
        a.ctl("publish", "--audience", "commons", *starter())
        b.ctl("publish", self.pattern("b.md", "Walk together"))
        self.until_agreed(a, b)
        out = os.path.join(self.folder, "out")
        a.ctl("export", out)
        empty = self.node("empty")
        self.assertIn("0 refused", empty.ctl("import", out))
        self.assertEqual(sorted(item["object"] for item in empty.list()),
                         sorted(item["object"] for item in a.list()))
        for item in a.list():
            self.assertEqual(empty.json("show", item["object"])["versions"],
                             [dict(version, first_seen=shown["first_seen"])
                              for version, shown in
                              zip(a.json("show", item["object"])["versions"],
                                  empty.json("show", item["object"])["versions"])])
        # one record a line on standard output, too
        lines = a.ctl("export").splitlines()
        kinds = [json.loads(line)["kind"] for line in lines]
        self.assertEqual(kinds.count("identity"), 2)
        self.assertEqual(len(lines), len(a.list()) + 4)
        strict = self.node("strict")
        self.assertEqual(strict.run("import", "--only-accepted", out).returncode, 1)
        self.assertEqual(strict.list(), [])

    def test_a_markdown_export_comes_back_as_the_same_text(self):
        a = self.node("a")
        a.ctl("publish", "--audience", "commons", *starter())
        out = os.path.join(self.folder, "md")
        a.ctl("export", "--format", "markdown", out)
        self.assertEqual(a.ctl("import", out), f"0 new, 0 changed, {len(starter())} unchanged, "
                                               "0 refused\n")
        other = self.node("other")
        shutil.move(out, os.path.join(self.folder, "moved"))
        other.ctl("import", os.path.join(self.folder, "moved"))
        titles = {item["title"] for item in a.list()}
        self.assertEqual({item["title"] for item in other.list()}, titles)

    def test_what_a_file_says_of_its_audience_is_never_passed_over(self):
        a = self.node("a")
        fronts = ("audience: local (draft only)", "audience: [local]", "draft: yes", "draft: True",
                  "Audience: Local", "kind: [story]", "object: hello", "audience:",
                  "params: {Audience: private}")
        for i, front in enumerate(fronts):
            self.write(f"f/{i}.md", f"---\ntitle: T{i}\nsummary: S\nquestion: Q?\n{front}\n---\n")
        self.write("f/flow.md", "---\n{title: T, summary: S, question: Q}\naudience: local\n---\n")
        folder = os.path.join(self.folder, "f")
        paths = sorted(glob.glob(os.path.join(folder, "*.md")))
        for command in (["publish", *paths], ["import", folder, *CREDIT]):
            result = a.run(*command)
            self.assertEqual(result.returncode, 1)
            told = {line.split(":", 2)[0]: line.split(":", 2)[1] for line in
                    result.stderr.splitlines()}
            self.assertEqual(sorted(told), paths, result.stderr)
            self.assertEqual(set(told.values()), {"3", "5"})
            self.assertEqual(a.list(), [])
        a.ctl("publish", self.pattern("ok.md", "Fine", AUDIENCE="local"))
        self.assertEqual([item["audience"] for item in a.list()], ["local"])

    def test_one_file_given_twice_makes_one_version(self):
        a = self.node("a")
        path = self.pattern("one.md", "Ask first")
        os.symlink(path, os.path.join(self.folder, "other.md"))
        same = os.path.join(self.folder, ".", "one.md")
        result = a.run("publish", path, same, os.path.join(self.folder, "other.md"))
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stdout.split()), 1)
        self.assertEqual(result.stderr.count("it makes the same object as"), 2)
        object_id = result.stdout.strip()
        twin = self.pattern("twin.md", "Ask twice", object=object_id)
        changed = self.pattern("one.md", "Ask first", "Anew.")
        result = a.run("publish", changed, twin)
        self.assertEqual(result.stderr.count("it makes the same object as"), 1)
        versions = a.json("show", object_id)["versions"]
        self.assertEqual([version["current"] for version in versions], [True, False])

    def test_files_and_folders_that_are_given_by_mistake(self):
        a = self.node("a")
        path = self.pattern("one.md", "Ask first")
        result = a.run("import", path)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertIn("rpctl publish", result.stderr)
        result = a.run("import", self.write("notes.txt", "one\ntwo\nthree\n"))
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("not an export: its first line has no record", result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertRegex(a.run("publish", "/tmp").stderr, r"^/tmp:1: Is a directory")
        result = a.run("publish", self.pattern("two\nlines.md", "Break"))
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertIn("two<U+000A>lines.md:1: its path is too long, or has a line end",
                      result.stderr)
        result = a.run("publish", self.write("untitled.md", "Only text.\n"))
        self.assertIn("give the text a heading", result.stderr)
        self.assertEqual(a.list(), [])

    def test_a_long_listing_comes_whole_and_hinders_nobody(self):
        a = self.node("a")
        many = [self.write(f"m/{i}.md", f"# Pattern {i}\n\n## Problem\n\nText.\n") for i in range(700)]
        a.ctl("publish", "--audience", "local", *many)
        self.assertEqual(len(a.list()), 700)
        self.assertEqual(a.list("--kind", "story"), [])
        out = os.path.join(self.folder, "out")
        a.ctl("export", "--local", "--format", "markdown", out)
        self.assertEqual(len(os.listdir(os.path.join(out, "pattern"))), 700)
        self.assertEqual(len(a.ctl("export", "--local").splitlines()), 701)

    def test_a_withdrawal_of_what_is_local_promises_nothing(self):
        a = self.node("a")
        local = a.ctl("publish", "--audience", "local", self.pattern("l.md", "Ours")).strip()
        public = a.ctl("publish", self.pattern("p.md", "All's")).strip()
        self.assertNotIn("on its way", a.ctl("withdraw", local))
        self.assertIn("on its way", a.ctl("withdraw", public))

    def test_a_withdrawal_hides_at_once_and_stays(self):
        a, b = self.chain("a", "b")
        path = self.pattern("one.md", "Ask first")
        object_id = a.ctl("publish", path).strip()
        self.until_agreed(a, b)
        out = os.path.join(self.folder, "out")
        a.ctl("export", out)
        with self.assertRaises(Failed) as not_owner:
            b.ctl("withdraw", object_id)
        self.assertIn("belongs to another organisation", not_owner.exception.err)
        a.ctl("withdraw", object_id[:10])
        self.until_agreed(a, b)
        for node in (a, b):
            self.assertEqual(node.list(), [])
            self.assertIn("withdrawn", node.run("show", object_id).stderr)
        self.assertIn("withdrawn", b.run("import", out).stderr)
        self.assertIn("withdrawn", a.run("publish", path).stderr)
        b.stop()
        b.start()
        self.assertEqual(b.list(), [])
        self.assertIn("withdrawn already", a.run("withdraw", object_id).stderr)


if __name__ == "__main__":
    unittest.main()
