"""Stories belong to the people in them: tellers' codes, consent that runs out, second readers."""

import base64
import json
import os
import re
import shutil
import sys
import unittest

from nodes import ROOT, NodesTest

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from commons import teller  # noqa: E402
from commons.author import Author  # noqa: E402
from commons.hashes import SIGN_SLIP, verify  # noqa: E402
from commons.record import open_record  # noqa: E402

CONSENT = {
    "basis": "teller-consent", "given_on": '"2026-10"', "review_on": '"2028-09-30"',
    "scope": "[node, public-web, print]", "identify": "anonymous", "saw_final": "true",
    "third_parties": "removed", "special_data": "false", "child": "false",
    "withdraw_via": "stories@oakfield.example",
}
CODE = re.compile(r"^    ((?:[a-z]{5} ){4}[a-z]{5})$", re.MULTILINE)


def code_of(sheet):
    """The teller's code on the sheet that publish prints."""
    lines = CODE.findall(sheet)
    assert len(lines) == 2, sheet
    return " ".join(lines)


class ConsentTest(NodesTest):
    def story(self, name, title, text="The kettle was on before I had said a word.", without=(),
              audience="commons", **consent):
        """A story in a file, its consent block as above but for what is said."""
        block = {key: value for key, value in {**CONSENT, **consent}.items() if key not in without}
        lines = ["---", "kind: story", f"title: {title}", f"summary: About {title.lower()}.",
                 "teller_role: participant", "told_how: own-words", f"audience: {audience}"]
        if block:
            lines += ["consent:"] + [f"  {key}: {value}" for key, value in block.items()]
        return self.write(name, "\n".join(lines) + f"\n---\n\n## What happened\n\n{text}\n")

    def fails(self, node, *args, stdin=None):
        """What rpctl says on standard error when it fails, as it must."""
        result = node.run(*args, stdin=stdin)
        self.assertEqual(result.returncode, 1, result)
        return result.stderr

    def published(self, node, *args):
        """The object and the code of a story that is published with one."""
        out = node.ctl("publish", "--teller-code", *args)
        return out.splitlines()[0], code_of(out)


class Tellers(ConsentTest):
    def test_the_code_withdraws_far_away_and_with_the_author_gone(self):
        a, b, c = self.chain("a", "b", "c")
        path = self.story("tea.md", "The tea that waited")
        told, code = self.published(a, path)
        untold = a.ctl("publish", self.story("bus.md", "The last bus")).strip()
        self.until_agreed(a, b, c)
        out = os.path.join(self.folder, "out")
        b.ctl("export", out)
        a.stop()
        shutil.rmtree(a.home)
        self.nodes.remove(a)
        typed = code.upper().replace(" ", "-", 3)
        self.assertIn(told[:12], c.ctl("withdraw", "--code", "-", stdin=typed + "\n"))
        self.until_agreed(b, c)
        for node in (b, c):
            self.assertEqual([item["object"] for item in node.list()], [untold])
            self.assertIn("withdrawn", self.fails(node, "show", told))
        result = b.run("import", os.path.join(out, "commons.ndjson"))
        self.assertIn("withdrawn", result.stderr)
        self.assertIn("withdrawn already", self.fails(b, "withdraw", "--code", *code.split()))

    def test_what_is_wrong_with_a_code_is_said(self):
        a, b = self.chain("a", "b")
        _, code = self.published(a, self.story("tea.md", "The tea that waited"))
        self.until_agreed(a, b)
        words = code.split()
        swapped = " ".join([words[1], words[0]] + words[2:])
        self.assertIn("mistyped", self.fails(b, "withdraw", "--code", "-", stdin=swapped))
        self.assertIn("10 words",
                      self.fails(b, "withdraw", "--code", *words[:9]))
        self.assertIn("10 words", self.fails(b, "withdraw", "--code", "-", stdin=""))
        stranger = self.node("stranger")
        self.assertIn("no story with it ever came",
                      self.fails(stranger, "withdraw", "--code", code))
        result = b.run("withdraw", "--code")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(len(b.list()), 1)  # nothing of this has changed anything

    def test_versions_keep_teller_and_slip(self):
        a, b = self.chain("a", "b")
        path = self.story("tea.md", "The tea that waited")
        told, code = self.published(a, path)
        self.assertEqual(a.ctl("publish", path).strip(), told)  # unchanged
        before = a.json("show", told)["versions"][0]["content"]
        self.story("tea.md", "The tea that waited", "It had gone cold.")
        self.assertEqual(a.ctl("publish", path).strip(), told)
        versions = a.json("show", told)["versions"]
        self.assertEqual(len(versions), 2)
        self.assertEqual(versions[0]["content"]["slip"], before["slip"])
        self.assertIn("already", self.fails(a, "publish", "--teller-code", path))
        elsewhere = self.story("copy.md", "The tea that waited", "And was drunk.")
        with open(elsewhere, encoding="utf-8") as file:
            text = file.read().replace("kind: story", f"kind: story\nobject: {told}")
        self.assertEqual(a.ctl("publish", self.write("copy.md", text)).strip(), told)
        self.until_agreed(a, b)
        b.ctl("withdraw", "--code", code)
        self.until_agreed(a, b)
        self.assertEqual(a.list(), [])
        self.assertIn("withdrawn", self.fails(a, "publish", path))  # nor by its source again
        self.assertEqual(a.list(), [])

    def test_the_organisation_withdraws_what_has_a_teller_too(self):
        a, b = self.chain("a", "b")
        told, code = self.published(a, self.story("tea.md", "The tea that waited"))
        self.until_agreed(a, b)
        a.ctl("withdraw", told)
        self.until_agreed(a, b)
        self.assertEqual(b.list(), [])
        self.assertIn("withdrawn already", self.fails(b, "withdraw", "--code", code))

    def test_only_one_story_at_a_time_gets_a_code(self):
        a = self.node("a")
        tea, bus = self.story("tea.md", "Tea"), self.story("bus.md", "Bus")
        self.assertEqual(a.run("publish", "--teller-code", tea, bus).returncode, 2)
        self.assertIn("kind: only a story",
                      self.fails(a, "publish", "--teller-code", self.pattern("p.md", "Ask")))
        a.ctl("publish", tea)
        self.assertIn("without a teller's code", self.fails(a, "publish", "--teller-code", tea))
        dry = a.ctl("publish", "--teller-code", "--dry-run", bus)
        self.assertEqual(CODE.findall(dry), [])
        self.assertEqual(len(a.list()), 1)
        local, code = self.published(a, self.story("home.md", "Home", audience="local"))
        self.assertIn("nobody else held it", a.ctl("withdraw", "--code", code))
        self.assertIn("withdrawn", self.fails(a, "show", local))

    def test_the_second_implementation_writes_and_uses_codes(self):
        a = self.node("a")
        told, code = self.published(a, self.story("tea.md", "The tea that waited"))
        lines = [json.loads(line) for line in a.ctl("export").splitlines()]
        packed = [base64.b64decode(line["record"]) for line in lines if line["object"] == told]
        body = open_record(packed[0]).body
        secret = teller.decode(code)
        self.assertEqual(body.teller, teller.teller(secret))
        self.assertTrue(verify(SIGN_SLIP, body.key, body.object, body.content["slip"]))
        theirs = teller.withdraw(secret, body, body.content["slip"])
        author, secret = Author("Second"), os.urandom(16)
        bare = author.compose("story", {}, teller=teller.teller(secret))
        content = {"title": "Told elsewhere", "slip": author.slip(bare.body.object),
                   "consent": {"review_on": "2099-01-01", "scope": ["public-web"]}}
        ours = author.compose("story", content, seed=bare.body.seed, teller=bare.body.teller)
        a.ctl("import", self.records("both.ndjson", author.identity(), ours, theirs))
        self.assertEqual([item["title"] for item in a.list()], ["Told elsewhere"])
        a.ctl("withdraw", "--code", teller.encode(secret))
        self.assertEqual(a.list(), [])

    def records(self, name, *records):
        """Records of the second implementation in a file to be imported."""
        lines = [json.dumps({"record": base64.b64encode(r.packed).decode()}) for r in records]
        return self.write(name, "\n".join(lines) + "\n")


if __name__ == "__main__":
    unittest.main()
