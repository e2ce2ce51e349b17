"""Records as no rpctl writes them: whoever reads or exports the library is told, and loses nothing."""

import base64
import glob
import json
import os
import re
import sys
import unittest

from nodes import ROOT, NodesTest

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from commons.author import Author  # noqa: E402
from commons.record import LOCAL  # noqa: E402

# What moves a cursor, ends a line or turns the direction of text, in UTF-8 as a terminal gets it.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
WEIRD = "one\x1b[2J\ntwo\u009b31m\u202ethree\u2066\x00four\u2028five"


def story(title, *scope):
    return {"title": title, "lang": "en", "summary": "S", "what_happened": title + " happened.",
            "consent": {"review_on": "2099-01-01", "scope": list(scope)}}


class Foreign(NodesTest):
    def setUp(self):
        super().setUp()
        self.a = self.node("a")
        self.author = Author("Mallory")

    def load(self, *records):
        path = os.path.join(self.folder, "load.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            for record in (self.author.identity(), *records):
                file.write(json.dumps({"record": base64.b64encode(record.packed).decode()}) + "\n")
        result = self.a.run("import", path)
        self.assertEqual(result.stdout,
                         f"{len(records) + 1} new, 0 changed, 0 unchanged, 0 refused\n")

    def markdown(self, status=0):
        """Exports as Markdown: what rpctl says, and the files' texts by name."""
        out = os.path.join(self.folder, "md")
        result = self.a.run("export", "--format", "markdown", out)
        self.assertEqual(result.returncode, status, result.stderr)
        texts = {}
        for path in glob.glob(os.path.join(out, "*", "*")):
            with open(path, encoding="utf-8") as file:
                texts[os.path.relpath(path, out)] = file.read()
        self.assertIn(f"{len(texts)} files in ", result.stdout)
        return result, texts

    def test_numbers_names_and_values_beyond_what_json_readers_take(self):
        odd = self.author.compose("pattern", {
            "title": "Odd", "confidence": 2**64 - 1, "n" * 200: -2**63, "many": [None] * 16300,
            "z" * 300: {"deep": 2**63}})
        plain = self.author.compose("pattern", {"title": "Plain"})
        self.load(odd, plain)
        content = self.a.json("show", odd.body.object.hex())["versions"][0]["content"]
        self.assertEqual(content["confidence"], str(2**64 - 1))
        self.assertEqual(content["n" * 200], -2**63)
        self.assertEqual(content["z" * 300], {"deep": str(2**63)})
        self.assertIn(str(2**64 - 1), self.a.ctl("show", odd.body.object.hex()))
        out = os.path.join(self.folder, "out")
        self.a.ctl("export", out)
        with open(os.path.join(out, "commons.ndjson"), encoding="utf-8") as file:
            self.assertEqual({json.loads(line)["id"] for line in file} &
                             {odd.id.hex(), plain.id.hex()}, {odd.id.hex(), plain.id.hex()})
        again = self.a.run("export", out)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is there already", again.stderr)
        self.assertEqual(os.listdir(out), ["commons.ndjson"])
        self.assertEqual(sorted(self.markdown()[1]), ["pattern/odd.md", "pattern/plain.md"])

    def test_nothing_that_moves_a_cursor_reaches_a_terminal(self):
        record = self.author.compose("pattern", {
            "title": WEIRD, "summary": WEIRD, "guidance": "Lines\nstay.\x1b[1m", WEIRD: WEIRD,
            "links": [{"rel": WEIRD}]})
        self.load(record)
        shown = ("<U+001B>[2J<U+000A>two<U+009B>31m<U+202E>three<U+2066><U+0000>four<U+2028>five")
        object_id = record.body.object.hex()
        for command in (["list"], ["show", object_id], ["status"], ["export"], ["list", "--json"],
                        ["show", "--json", object_id]):
            said = self.a.ctl(*command)
            self.assertIsNone(HIDDEN.search(said), command)
        self.assertEqual(len(self.a.ctl("list").splitlines()), 1)
        self.assertIn("one" + shown, self.a.ctl("list"))
        self.assertIn("one" + shown, self.a.ctl("show", object_id))
        self.assertIn("Lines\nstay.<U+001B>[1m", self.a.ctl("show", object_id))
        self.assertEqual(self.a.list()[0]["title"], WEIRD)

    def test_a_markdown_export_has_the_current_version_and_names_what_it_lacks(self):
        old = self.author.compose("pattern", {"title": "Changed", "summary": "Old"})
        new = self.author.compose("pattern", {"title": "Changed", "summary": "New"},
                                  seed=old.body.seed, parents=(old.id,))
        twins = [self.author.compose("pattern", {"title": "Twin"}) for _ in range(3)]
        poem = self.author.compose("poem", {"title": "Ode\x1b[2J"})
        self.load(new, old, poem, *twins)  # the version that was replaced comes last
        result, texts = self.markdown(status=1)
        self.assertEqual(len(texts), 4)
        self.assertIn("summary: New", texts["pattern/changed.md"])
        self.assertIn(f"{poem.body.object.hex()[:12]} (poem, Ode<U+001B>[2J) is left out",
                      result.stderr)
        self.assertIn("4 files in ", result.stdout)

    def test_exports_hold_what_consent_covers_now(self):
        public = self.author.compose("story", story("Widely told", "public-web"))
        narrowed = self.author.compose("story", story("Taken back", "named-peers"),
                                       seed=public.body.seed, parents=(public.id,))
        one = self.author.compose("story", story("Open side", "public-web"))
        other = self.author.compose("story", story("Closed side", "named-peers"),
                                    seed=one.body.seed)
        self.load(public, narrowed, one, other)
        exported = self.a.ctl("export")
        for text in ("Widely told", "Taken back", "Closed side"):
            self.assertNotIn(text, exported)
        self.assertIn("Open side", exported)
        texts = self.markdown()[1]
        self.assertEqual(list(texts), ["story/open-side.md"])
        self.assertIn("Open side happened", texts["story/open-side.md"])

    def test_what_is_exported_comes_back_as_what_it_was(self):
        inject = "x\naudience: local\nobject: y"
        record = self.author.compose("pattern", {
            "title": "Bait: #1\n---", "summary": inject, "question": ["a list"], "lang": "en",
            "licence": "CC-BY-4.0", "attribution": "M", "translation_of": {}, "tags": [inject, []],
            "links": [{"rel": "related", "target": inject}, {}]})
        self.load(record)
        name, text = self.markdown()[1].popitem()
        front = text.split("---\n")[1]
        self.assertEqual([line for line in front.splitlines()
                          if line.startswith(("audience", "object", "kind"))],
                         ["kind: pattern", f"object: {record.body.object.hex()}",
                          "audience: commons"])
        self.assertIn("# left out, being no value of this field: question", text)
        b = self.node("b")
        result = b.run("import", os.path.join(self.folder, "md"))
        self.assertEqual(result.stdout, "1 new, 0 changed, 0 unchanged, 0 refused\n", result.stderr)
        content = b.json("show", b.list()[0]["object"])["versions"][0]["content"]
        self.assertEqual(content["title"], "Bait: #1 ---")
        self.assertEqual(content["summary"], inject.replace("\n", " "))

    def test_what_another_keeps_local_is_not_taken_in(self):
        record = self.author.compose("pattern", {"title": "Mine"}, scope=LOCAL)
        path = self.write("x.ndjson", json.dumps(
            {"record": base64.b64encode(record.packed).decode()}) + "\n")
        result = self.a.run("import", path)
        self.assertEqual(result.returncode, 1)
        self.assertIn("another organisation keeps this local", result.stderr)


if __name__ == "__main__":
    unittest.main()
