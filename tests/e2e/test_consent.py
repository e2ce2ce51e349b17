"""Stories belong to the people in them: tellers' codes, consent that runs out, second readers."""

import base64
import datetime
import glob
import json
import os
import pwd
import re
import shutil
import sys
import unittest
import urllib.error
import urllib.request

from nodes import ROOT, NodesTest

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from commons import canonical, identity, teller  # noqa: E402
from commons.author import Author  # noqa: E402
from commons.hashes import SIGN_SLIP, verify  # noqa: E402
from commons.record import COMMONS, LOCAL, open_record  # noqa: E402

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

    def records(self, name, *records):
        """Records of the second implementation in a file to be imported."""
        lines = [json.dumps({"record": base64.b64encode(r.packed).decode()}) for r in records]
        return self.write(name, "\n".join(lines) + "\n")

    def published(self, node, *args):
        """The object and the code of a story that is published with one."""
        out = node.ctl("publish", "--teller-code", *args)
        return out.splitlines()[0], code_of(out)


def day(days):
    """A date so many days from today."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return (today + datetime.timedelta(days)).isoformat()


def month(days):
    return day(days)[:7]


def hand_of(node):
    """The node's organisation as an author of records that rpctl would not write."""
    with open(os.path.join(node.home, "organisation.key"), "rb") as file:
        _, inception, _, (_, secrets) = canonical.decode(file.read())
    author = Author(node.name)
    author.key_seed = secrets[:32]
    author.inception = identity.parse_inception(inception)
    author.org = author.inception.org
    return author


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


class RunningOut(ConsentTest):
    def web(self, node, path="/"):
        with urllib.request.urlopen(f"http://{node.status()['web']}{path}") as answer:
            return answer.read().decode()

    def seen(self, node):
        """Everything that a node shows of its library, in one text; files, too."""
        out = os.path.join(self.folder, f"md-{node.name}")
        shutil.rmtree(out, ignore_errors=True)
        texts = [node.ctl("list"), node.ctl("list", "--json"), node.ctl("export"),
                 node.ctl("export", "--local"), self.web(node), self.web(node, "/kind/story")]
        node.run("export", "--local", "--format", "markdown", out)
        for path in glob.glob(os.path.join(out, "*", "*")):
            with open(path, encoding="utf-8") as file:
                texts.append(file.read())
        return "\n".join(texts)

    def test_a_story_is_hidden_in_every_view_from_the_day_after(self):
        a, b = self.node("a", start=False), self.node("b", start=False)
        for node in (a, b):
            node.start("--web", "127.0.0.1:0")
        b.ctl("join", a.invite("--for", "b"))
        hand = hand_of(a)
        stories = {}
        for title, review_on, scope in (("Yesterday", day(-1), COMMONS), ("Today", day(0), COMMONS),
                                        ("Undated", None, COMMONS), ("Homely", day(-1), LOCAL)):
            consent = {"scope": ["public-web"], **({"review_on": review_on} if review_on else {})}
            stories[title] = hand.compose(
                "story", {"title": title + "'s", "lang": "en", "summary": "S", "consent": consent,
                          "what_happened": f"It was {title}."}, scope=scope)
        referring = hand.compose("pattern", {
            "title": "Ask", "lang": "en", "summary": "S",
            "links": [{"rel": "related", "target": r.body.object} for r in stories.values()]})
        a.ctl("import", self.records("all.ndjson", referring, *stories.values()))
        self.until_agreed(a, b)
        for node in (a, b):
            seen = self.seen(node)
            self.assertIn("It was Today.", seen)
            for title in ("Yesterday", "Undated", "Homely"):
                self.assertNotIn(f"{title}'s", seen)
                self.assertNotIn(f"It was {title}.", seen)
                self.fails(node, "show", stories[title].body.object.hex())
            today = stories["Today"].body.object.hex()
            self.assertIn("It was Today.", self.web(node, f"/o/{today}"))
            for title in ("Yesterday", "Undated", "Homely"):
                with self.assertRaises(urllib.error.HTTPError) as missing:
                    self.web(node, f"/o/{stories[title].body.object.hex()}")
                self.assertEqual(missing.exception.code, 404)
        # only its own operator is told, by name: to ask again or to take it back
        due = a.status()["consent"]
        self.assertEqual([(item["title"], item["state"]) for item in due],
                         [("Undated's", "has run out"), ("Yesterday's", "has run out"),
                          ("Homely's", "has run out"), ("Today's", "runs out")])
        self.assertEqual(b.status()["consent"], [])
        self.assertIn("rpctl consent", a.ctl("status"))
        self.assertNotIn("onsent", b.ctl("status"))

    def test_without_public_web_nothing_leaves_but_to_members_of_the_commons(self):
        a, b = self.node("a", start=False), self.node("b", start=False)
        for node in (a, b):
            node.start("--web", "127.0.0.1:0")
        b.ctl("join", a.invite("--for", "b"))
        narrow = hand_of(a).compose("story", {
            "title": "Narrow", "lang": "en", "summary": "S", "what_happened": "It stays among us.",
            "consent": {"scope": ["named-peers", "print"], "review_on": day(100)}})
        about = hand_of(a).compose("pattern", {
            "title": "About", "lang": "en", "summary": "S",
            "links": [{"rel": "related", "target": narrow.body.object}]})
        a.ctl("import", self.records("narrow.ndjson", narrow, about))
        self.until_agreed(a, b)
        for node in (a, b):
            self.assertEqual(len(node.list("--kind", "story")), 1)  # its operator may read it
            self.assertIn("It stays among us.", node.ctl("show", narrow.body.object.hex()))
            out = os.path.join(self.folder, f"out-{node.name}")
            for options in ((), ("--local",)):
                self.assertNotIn("Narrow", node.ctl("export", *options))
                node.run("export", "--format", "markdown", *options, out)
            files = glob.glob(os.path.join(out, "*", "*"))
            self.assertEqual([os.path.basename(path) for path in files], ["about.md"])
            pages = [self.web(node), self.web(node, "/kind/story"), self.web(node, "/kind/pattern"),
                     self.web(node, f"/o/{about.body.object.hex()}")]
            self.assertNotIn("Narrow", "".join(pages))
            self.assertNotIn("It stays among us.", "".join(pages))
            with self.assertRaises(urllib.error.HTTPError) as missing:
                self.web(node, f"/o/{narrow.body.object.hex()}")
            self.assertEqual(missing.exception.code, 404)

    def test_the_operator_is_warned_and_renews_or_withdraws(self):
        a, b = self.chain("a", "b")
        path = self.story("soon.md", "Soon", review_on=f'"{day(30)}"', given_on=f'"{month(-60)}"')
        soon = a.ctl("publish", path).strip()
        later = a.ctl("publish", self.story("later.md", "Later", review_on=f'"{day(31)}"',
                                            given_on=f'"{month(-60)}"')).strip()
        self.assertEqual([item["object"] for item in a.status()["consent"]], [soon])
        said = a.ctl("consent")
        self.assertIn(f"rpctl withdraw {soon[:12]}", said)
        self.assertIn(f"rpctl consent renew {soon[:12]} ", said)
        items = [json.loads(line) for line in a.ctl("consent", "--all", "--json").splitlines()]
        self.assertEqual([(item["object"], item["state"], item["review_on"]) for item in items],
                         [(soon, "runs out", day(30)), (later, "holds", day(31))])
        self.assertEqual(items[0]["withdraw"], f"rpctl withdraw {soon[:12]}")
        before = a.json("show", soon)["versions"][0]["content"]
        self.assertIn("consent.review_on", self.fails(
            a, "consent", "renew", soon, "--given-on", month(0), "--review-on", day(-1)))
        self.assertIn("24 months", self.fails(
            a, "consent", "renew", soon, "--given-on", month(0), "--review-on", day(800)))
        self.assertIn("consent.given_on", self.fails(
            a, "consent", "renew", soon, "--given-on", "soon", "--review-on", day(300)))
        self.until_agreed(a, b)
        self.assertIn("another organisation", self.fails(
            b, "consent", "renew", soon, "--given-on", month(0), "--review-on", day(300)))
        a.ctl("consent", "renew", soon[:8], "--given-on", month(0), "--review-on", day(300))
        self.assertEqual(a.status()["consent"], [])
        versions = a.json("show", soon)["versions"]
        self.assertEqual(len(versions), 2)
        expected = dict(before, consent=dict(before["consent"], given_on=month(0),
                                             review_on=day(300)))
        self.assertEqual(versions[0]["content"], expected)
        a.ctl("withdraw", later)
        self.assertNotIn(later, a.ctl("consent", "--all", "--json"))
        self.assertEqual(a.run("consent", "renew", soon).returncode, 2)

    def test_what_has_run_out_can_be_renewed(self):
        a = self.node("a")
        past = hand_of(a).compose("story", {
            "title": "Past", "lang": "en", "summary": "S", "what_happened": "It was long ago.",
            "teller_role": "carer", "told_how": "assisted", "licence": "L", "attribution": "A",
            "consent": {**{key: value for key, value in CONSENT.items()}, "review_on": day(-3),
                        "given_on": month(-300), "scope": ["public-web"], "saw_final": True,
                        "special_data": False, "child": False}})
        a.ctl("import", self.records("past.ndjson", past))
        self.assertEqual(a.list(), [])
        a.ctl("consent", "renew", past.body.object.hex(), "--given-on", month(0), "--review-on",
              day(365))
        self.assertEqual([item["title"] for item in a.list()], ["Past"])
        self.assertEqual(a.status()["consent"], [])


class SecondPerson(ConsentTest):
    CHECKED = ('{by_role: safeguarding lead, on: "2026-10", result: remote}')

    def delicate(self, name, title, text="She told it slowly.", **consent):
        return self.story(name, title, text, **{"special_data": "true",
                                                "identifiable_check": self.CHECKED, **consent})

    def waiting(self, node):
        return [json.loads(line) for line in node.ctl("review", "--json").splitlines()]

    def test_a_delicate_story_waits_for_somebody_else(self):
        a, b = self.chain("a", "b")
        path = self.delicate("ward.md", "On the ward")
        result = a.run("publish", "--as", "Anna Berg", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("not published yet", result.stderr)
        story = result.stdout.strip()
        self.assertEqual([(item["object"], item["by"], item["title"], item["special_data"],
                           item["child"]) for item in self.waiting(a)],
                         [(story, "Anna Berg", "On the ward", True, False)])
        self.assertEqual(a.status()["review"], 1)
        self.assertIn("rpctl review", a.ctl("status"))
        self.assertIn("She told it slowly.", a.ctl("review", story[:8]))
        for same in ("Anna Berg", "anna berg", " ANNA  BERG", "AnnaBerg"):
            self.assertIn("has published it", self.fails(a, "review", story, "--confirm", "--as",
                                                         same))
        self.fails(a, "show", story)
        self.assertEqual(a.list(), [])
        self.assertEqual(a.status()["content_set"], 0)
        a.stop()
        a.start()  # what waits is still there
        self.assertEqual(a.ctl("review", story[:8], "--confirm", "--as", "Ben").strip(), story)
        self.until_agreed(a, b)
        for node in (a, b):
            self.assertIn("She told it slowly.", node.ctl("show", story))
        self.assertEqual(self.waiting(a), [])
        self.assertIn("nothing with this id waits", self.fails(a, "review", story, "--confirm",
                                                               "--as", "Ben"))
        log = a.ctl("audit")
        self.assertIn("Ben", log)
        self.assertIn("published by Anna Berg", log)
        self.assertEqual(a.run("publish", "--as", "Anna", path).stdout.strip(), story)
        self.assertEqual(self.waiting(a), [])  # nothing new in it, so nothing to read

    def test_it_is_refused_with_a_reason(self):
        a, b = self.chain("a", "b")
        path = self.delicate("ward.md", "On the ward", child="true", basis="guardian-consent",
                             special_data="false")
        story = a.run("publish", "--as", "Anna", path).stdout.strip()
        self.assertEqual(a.run("review", story, "--refuse").returncode, 2)
        self.assertIn("deleted here", a.ctl("review", story, "--refuse", "--as", "Ben",
                                            "--because", "The village is named"))
        self.assertIn("The village is named", a.ctl("audit"))
        self.assertEqual(self.waiting(a), [])
        self.assertEqual(a.status()["review"], 0)
        self.delicate("ward.md", "On the ward", "It was long ago.", child="true",
                      basis="guardian-consent", special_data="false")
        self.assertEqual(a.run("publish", "--as", "Anna", path).stdout.strip(), story)
        a.ctl("review", story, "--confirm", "--as", "Ben")  # mended, and read again
        self.until_agreed(a, b)
        self.assertEqual([item["object"] for item in b.list()], [story])
        self.assertNotIn("The village", b.ctl("export"))

    def test_what_is_confirmed_is_what_was_published_last(self):
        a = self.node("a")
        path = self.delicate("ward.md", "On the ward")
        story = a.run("publish", "--as", "Anna", path).stdout.strip()
        self.delicate("ward.md", "On the ward", "She told it quickly.")
        self.assertEqual(a.run("publish", "--as", "Ben", path).stdout.strip(), story)
        self.assertEqual([item["by"] for item in self.waiting(a)], ["Ben"])
        self.fails(a, "review", story, "--confirm", "--as", "Ben")
        a.ctl("review", story, "--confirm", "--as", "Anna")
        self.assertIn("quickly", a.ctl("show", story))
        # the next version, and a renewal, wait again
        self.delicate("ward.md", "On the ward", "She told it twice.")
        a.run("publish", "--as", "Anna", path)
        self.assertIn("quickly", a.ctl("show", story))
        a.ctl("review", story, "--confirm", "--as", "Ben")
        self.assertIn("twice", a.ctl("show", story))
        self.assertIn("not published yet", a.ctl("consent", "renew", story, "--given-on", month(0),
                                                 "--review-on", day(90), "--as", "Anna"))
        self.fails(a, "review", story, "--confirm", "--as", "anna")
        a.ctl("review", story, "--confirm", "--as", "Ben")
        consent = a.json("show", story)["versions"][0]["content"]["consent"]
        self.assertEqual(consent["review_on"], day(90))

    def test_who_says_no_name_is_the_user_who_runs_it(self):
        a = self.node("a")
        story = a.run("publish", self.delicate("ward.md", "On the ward")).stdout.strip()
        user = pwd.getpwuid(os.getuid()).pw_name
        self.assertEqual([item["by"] for item in self.waiting(a)], [user])
        self.assertIn("--as NAME", self.fails(a, "review", story, "--confirm"))
        a.ctl("review", story, "--confirm", "--as", "somebody else")
        self.assertEqual(len(a.list()), 1)

    def test_a_held_story_keeps_its_teller(self):
        a, b = self.chain("a", "b")
        path = self.delicate("ward.md", "On the ward")
        story, code = self.published(a, "--as", "Anna", path)
        self.assertIn("has not been published yet", self.fails(a, "withdraw", "--code", code))
        self.assertIn("already", self.fails(a, "publish", "--teller-code", path))
        self.delicate("ward.md", "On the ward", "She told it again.")
        self.assertEqual(a.run("publish", "--as", "Anna", path).stdout.strip(), story)
        a.ctl("review", story, "--confirm", "--as", "Ben")
        self.until_agreed(a, b)
        self.assertIn("She told it again.", b.ctl("show", story))
        b.ctl("withdraw", "--code", code)
        self.until_agreed(a, b)
        self.assertEqual(a.list(), [])

    def test_what_stays_here_or_is_not_delicate_does_not_wait(self):
        a = self.node("a")
        a.ctl("publish", self.delicate("home.md", "At home", audience="local"))
        a.ctl("publish", self.story("tea.md", "Tea"))
        self.assertEqual(len(a.list()), 2)
        folder = os.path.join(self.folder, "import")
        self.delicate("import/one.md", "One")
        a.ctl("import", folder, "--kind", "story", "--licence", "L", "--attribution", "A")
        self.assertEqual(len(a.list()), 2)
        self.assertEqual([item["title"] for item in self.waiting(a)], ["One"])

    def test_consent_is_checked_again_when_it_is_confirmed(self):
        a = self.node("a")
        story = a.run("publish", "--as", "Anna", self.delicate("ward.md", "Ward")).stdout.strip()
        hand = hand_of(a)
        lines = [json.loads(line) for line in a.ctl("export", "--local").splitlines()]
        held = [open_record(base64.b64decode(line["record"])) for line in lines
                if line["kind"] == "held"][0]
        content = canonical.decode(held.body.content["content"])
        content["consent"]["review_on"] = day(-1)
        late = hand.compose("held", {**held.body.content, "content": canonical.encode(content)},
                            set=0, scope=LOCAL, seed=held.body.seed, parents=(held.id,))
        a.ctl("import", self.records("late.ndjson", late))
        self.assertIn("consent.review_on", self.fails(a, "review", story, "--confirm", "--as",
                                                      "Ben"))
        self.assertEqual(len(self.waiting(a)), 1)
        self.assertEqual(a.list(), [])


class Audience(ConsentTest):
    def test_a_dry_run_says_who_could_read_it_and_stores_nothing(self):
        a, b, c = self.chain("ant", "bee", "cat")
        a.stop()
        a.start()
        before = a.fingerprints(), a.ctl("export", "--local"), a.list()
        said = a.ctl("publish", "--dry-run", self.story("tea.md", "Tea"))
        ids = {node.name: node.status()["organisation"] for node in (b, c)}
        self.assertIn("would be new, for the commons", said)
        self.assertIn(f"bee ({ids['bee']}), a peer\n", said)
        self.assertIn(f"cat ({ids['cat']})\n", said)
        self.assertNotIn("ant (", said)
        self.assertIn("2 other organisations can read it", said)
        self.assertIn("joins later", said)
        c.ctl("block", "ant", "--because", "Not here")  # which ends nothing at ant's
        self.assertIn("2 other", a.ctl("publish", "--dry-run", self.story("tea.md", "Tea")))
        a.ctl("block", "cat", "--because", "Not there")
        before = (a.fingerprints(), *before[1:])
        said = a.ctl("publish", "--dry-run", self.story("tea.md", "Tea"),
                     self.pattern("ask.md", "Ask"))
        self.assertIn("1 other organisation can read it", said)
        self.assertNotIn("cat (", said)
        self.assertEqual(said.count("can read it"), 1)
        said = a.ctl("publish", "--dry-run", self.story(
            "home.md", "Home", audience="local", scope="[node]", without=["given_on", "saw_final"]))
        self.assertIn("would be new, for local", said)
        self.assertIn("No other organisation", said)
        self.assertEqual(set(re.findall(r"consent\.\w+", said)),
                         {"consent.given_on", "consent.saw_final", "consent.scope"})
        self.assertNotIn("later", said)
        result = a.run("publish", "--dry-run", self.story("less.md", "Less",
                                                          without=["basis", "scope"]))
        self.assertEqual(result.returncode, 1)
        self.assertEqual(set(re.findall(r"consent\.\w+", result.stderr)),
                         {"consent.basis", "consent.scope"})
        self.assertIn("1 other organisation can read it", result.stdout)
        delicate = self.story("ward.md", "Ward", special_data="true",
                              identifiable_check=SecondPerson.CHECKED)
        self.assertIn("would wait for review", a.ctl("publish", "--dry-run", delicate))
        self.assertEqual((a.fingerprints(), a.ctl("export", "--local"), a.list()), before)
        self.assertEqual(a.ctl("review", "--json"), "")

    def test_a_dry_run_names_the_members_of_a_circle(self):
        a, b, c = self.chain("ant", "bee", "cat")
        ids = {node.name: node.status()["organisation"] for node in (b, c)}
        a.ctl("circle", "create", "Close", "--member", ids["cat"])
        said = a.ctl("publish", "--dry-run", "--audience", "circle:Close",
                     self.pattern("ask.md", "Ask"))
        self.assertIn("circle:Close: 1 other organisation can read it", said)
        self.assertIn(f"({ids['cat']})", said)
        self.assertNotIn(ids["bee"], said)
        self.assertNotIn("later", said)
        self.assertIn("no circle", self.fails(a, "publish", "--dry-run", "--audience",
                                              "circle:Nobody", self.pattern("ask.md", "Ask")))

    def test_a_dry_run_without_anybody(self):
        a = self.node("a")
        said = a.ctl("publish", "--dry-run", self.pattern("ask.md", "Ask"))
        self.assertIn("nobody else for now", said)
        self.assertIn("joins later", said)


class Fields(ConsentTest):
    def test_without_the_consent_fields_nothing_is_published_and_they_are_named(self):
        a = self.node("a")
        for field in CONSENT:
            path = self.story("less.md", "Less", without=[field])
            self.assertIn(f"consent.{field}: needed", self.fails(a, "publish", path))
        self.assertIn("consent: needed", self.fails(
            a, "publish", self.story("none.md", "None", without=CONSENT)))
        said = self.fails(a, "publish", self.story("few.md", "Few", basis="hearsay",
                                                   without=["given_on", "scope"]))
        self.assertEqual(set(re.findall(r"consent\.\w+", said)),
                         {"consent.basis", "consent.given_on", "consent.scope"})
        said = self.fails(a, "publish", self.story(
            "sense.md", "Sense", saw_final="false", child="true", scope="[node]",
            review_on='"2031-01-01"'))
        self.assertEqual(set(re.findall(r"consent\.\w+", said)),
                         {"consent.saw_final", "consent.basis", "consent.scope",
                          "consent.identifiable_check", "consent.review_on"})
        folder = os.path.join(self.folder, "import")
        self.story("import/one.md", "One", without=["basis"])
        self.assertIn("consent.basis: needed", self.fails(
            a, "import", folder, "--kind", "story", "--licence", "L", "--attribution", "A"))
        self.assertEqual(a.list(), [])
        self.assertEqual(a.status()["content_set"], 0)


if __name__ == "__main__":
    unittest.main()
