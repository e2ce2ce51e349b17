#!/usr/bin/python3
"""Circles of real nodes: members read them, and nobody else learns anything (SPEC 3.8).

    cd tests/interop && /usr/bin/python3 -m unittest test_node_circles
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import unittest
import urllib.error
import urllib.request
from typing import Any, Optional

from commons import circle, recover, token
from commons.author import Author
from commons.link import Refused
from live import LiveTest, Probe, frame
from nodes import poll

STORY = """---
kind: story
title: The lavender notebook
summary: About a notebook.
teller_role: participant
told_how: own-words
audience: circle:Quiet corner
consent:
  basis: teller-consent
  given_on: "2026-10"
  review_on: "2028-09-30"
  scope: [node, named-peers]
  identify: anonymous
  saw_final: true
  third_parties: removed
  special_data: false
  child: false
  withdraw_via: stories@oakfield.example
---

## What happened

Nobody but us shall read of the lavender notebook.
"""


class Listener(Probe):
    """A peer that keeps every byte it is sent."""

    heard = b""

    def connect(self, *args: Any, **kwargs: Any) -> None:
        super().connect(*args, **kwargs)
        channel = self.channel
        receive = channel.receive

        def listen(timeout: float) -> Optional[bytes]:
            got = receive(timeout)
            self.heard += got or b""
            return got

        channel.receive = listen  # type: ignore[method-assign]


class Circles(LiveTest):
    def listening(self, node, name):
        # It reads nothing compressed, so that every text it is sent can be seen.
        self.probes.append(Listener(name, more={"codecs": [0]}))
        probe = self.probes[-1]
        invite = token.parse(node.invite("--for", name))
        probe.connect(self.address(node), invite.org, invite.secret)
        return probe

    def circle(self, founder, *others, name="Quiet corner"):
        """A circle that all have accepted; its id."""
        args = [part for other in others for part in ("--member", other.name)]
        made = founder.ctl("circle", "create", name, *args).strip()
        for other in others:
            poll(lambda: self.circles(other).get(made), "the circle to be heard of")
            self.assertEqual(self.circles(other)[made]["state"], "invited")
            other.ctl("circle", "accept", made)
        return made

    @staticmethod
    def circles(node):
        return {c["id"]: c for c in node.json("circle", "list")["circles"]}

    def publish(self, node, text=STORY):
        path = pathlib.Path(self.folder, "story.md")
        path.write_text(text)
        return node.ctl("publish", str(path)).strip()

    def test_what_is_said_in_a_circle_reaches_members_alone(self):
        oak, elm, ash = self.chain("Oak", "Elm", "Ash")
        ear = self.listening(elm, "Listener")
        self.until_same(elm, ear)
        ours = self.circle(oak, elm)
        story = self.publish(oak)
        poll(lambda: story in [i["object"] for i in elm.list()], "the story at the member's")
        shown = elm.json("show", story)
        self.assertEqual(shown["audience"], "circle:" + ours[:8])
        self.assertIn("lavender", json.dumps(shown))
        # What the listener hears meanwhile: something of the commons, after all that.
        elm.ctl("publish", self.pattern("open.md", "An open door"))
        self.until_same(elm, ear)
        versions = [bytes.fromhex(v["id"]) for v in shown["versions"]]
        secrets = [bytes.fromhex(ours), bytes.fromhex(story), b"lavender", b"Quiet corner"]
        secrets += [v[:8] for v in versions]
        for secret in secrets:
            self.assertNotIn(secret, ear.heard)
        self.assertIn(b"An open door", ear.heard)
        # Asking does not help who knows the ids.
        ear.channel.send(frame(5, 99, bytes.fromhex(ours), None, [0, bytes(32)]))
        ear.channel.send(frame(15, 98, versions[0][:8]))
        ear.serve(0.5)
        for secret in secrets[2:]:
            self.assertNotIn(secret, ear.heard)
        # Nor is anything with the node that is no member.
        self.assertEqual(self.circles(ash), {})
        self.assertNotIn(story, [i["object"] for i in ash.list()])
        for file in pathlib.Path(ash.home).rglob("*"):
            if file.is_file():
                self.assertNotIn(bytes.fromhex(ours), file.read_bytes())

    def test_pages_and_exports_are_silent_about_circles(self):
        oak = self.node("Oak", start=False)
        oak.start("--web", "127.0.0.1:0")
        elm = self.node("Elm")
        elm.ctl("join", oak.invite("--for", "Elm"))
        self.circle(oak, elm)
        story = self.publish(oak)
        self.assertIn(story, [i["object"] for i in oak.list()])
        for path in ("/", "/kind/story", "/o/" + story):
            try:
                with urllib.request.urlopen(f"http://{oak.status()['web']}{path}") as answer:
                    page = answer.read()
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, 404)
                page = error.read()
            self.assertNotIn(b"lavender", page)
        for args in ((), ("--local",)):
            self.assertNotIn("lavender", oak.ctl("export", *args))

    def test_a_story_is_withdrawn_in_its_circle(self):
        oak, elm = self.chain("Oak", "Elm")
        self.circle(oak, elm)
        story = self.publish(oak)
        poll(lambda: story in [i["object"] for i in elm.list()], "the story at the member's")
        oak.ctl("withdraw", story)
        poll(lambda: story not in [i["object"] for i in elm.list()], "the story to be gone")
        self.assertEqual(elm.run("show", story).returncode, 1)

    def test_consent_for_nobody_else_keeps_a_story_out_of_circles(self):
        oak, elm = self.chain("Oak", "Elm")
        self.circle(oak, elm)
        path = pathlib.Path(self.folder, "story.md")
        path.write_text(STORY.replace("[node, named-peers]", "[node]"))
        refused = oak.run("publish", str(path))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("consent.scope", refused.stderr)
        self.assertIn("named-peers", refused.stderr)

    def test_renewing_lists_whom_to_ask_again(self):
        oak, elm, ash = self.chain("Oak", "Elm", "Ash")
        old = self.circle(oak, elm)
        story = self.publish(oak)
        said = oak.ctl("circle", "renew", old[:12], "--member", "Ash").splitlines()
        new = said[0]
        self.assertNotEqual(new, old)
        self.assertTrue([line for line in said if story[:12] in line and "lavender" in line], said)
        members = {m["name"] for m in self.circles(oak)[new]["members"]}
        self.assertEqual(members, {"Oak", "Elm", "Ash"})
        self.assertEqual(len(self.circles(oak)[old]["members"]), 2)

    def test_a_concern_goes_to_its_organisation_alone(self):
        oak, elm, ash = self.chain("Oak", "Elm", "Ash")
        oak.ctl("publish", self.pattern("open.md", "An open door"))
        self.until_agreed(oak, elm, ash)
        about = elm.list()[0]["object"]
        elm.ctl("concern", about, "--text", "One can tell who is meant.")
        (theirs,) = poll(lambda: list(self.circles(oak)), "the circle to be heard of")
        self.assertEqual([i["kind"] for i in oak.list()], ["pattern"])
        oak.ctl("circle", "accept", theirs)
        poll(lambda: len(oak.list()) == 2, "the concern")
        concern = next(i for i in oak.list() if i["kind"] == "response")
        self.assertIn("One can tell", json.dumps(oak.json("show", concern["object"])))
        self.assertEqual(len(ash.list()), 1)
        self.assertEqual(self.circles(ash), {})

    def test_members_who_are_no_peers_have_a_link_of_their_own(self):
        oak, elm, ash = self.chain("Oak", "Elm", "Ash")
        ear = self.listening(elm, "Listener")
        self.until_same(elm, ear)
        ours = self.circle(oak, ash)
        for node, other in ((oak, "Ash"), (ash, "Oak")):
            poll(lambda: self.member(node, ours, other)["accepted"], "the members' link")
            self.assertEqual([p["name"] for p in node.status()["peers"]], ["Elm"])
        story = self.publish(oak)
        poll(lambda: story in [i["object"] for i in ash.list()], "the story at the member's")
        # Who is between them has nothing of it, and neither has who listens there.
        secrets = [bytes.fromhex(ours), bytes.fromhex(story), b"lavender", b"Quiet corner"]
        elm.ctl("publish", self.pattern("open.md", "An open door"))
        self.until_same(elm, ear)
        self.assertEqual(self.circles(elm), {})
        for secret in secrets:
            self.assertNotIn(secret, ear.heard)
            for file in pathlib.Path(elm.home).rglob("*"):
                if file.is_file():
                    self.assertNotIn(secret, file.read_bytes())
        # They need nobody between them; but the commons does.
        elm.stop()
        oak.ctl("publish", self.pattern("closed.md", "A closed door"))
        second = self.publish(oak, STORY.replace("The lavender notebook", "The second notebook"))
        poll(lambda: second in [i["object"] for i in ash.list()], "the second story")
        self.assertNotIn("A closed door", [i["title"] for i in ash.list()])
        # Who leaves the circle leaves the link; what is withdrawn meanwhile comes when they are back.
        ash.ctl("circle", "leave", ours)
        poll(lambda: not self.member(oak, ours, "Ash")["linked"], "the link to be closed")
        oak.ctl("withdraw", second)
        poll(lambda: "has it accepted" in (self.member(oak, ours, "Ash")["why"] or ""), "the reason")
        self.assertIn("if at all (it does not let us in", oak.ctl("circle", "list"))
        self.assertIn(second, [i["object"] for i in ash.list()])
        ash.ctl("circle", "accept", ours)
        poll(lambda: second not in [i["object"] for i in ash.list()], "the story to be gone")

    def member(self, node, circle_id, name):
        members = self.circles(node)[circle_id]["members"]
        return next(m for m in members if m["name"] == name)

    def test_another_implementation_is_let_in_for_its_circle_alone(self):
        oak = self.node("Oak")
        ear = self.guest(oak, "Elm")
        self.until_same(oak, ear)
        (theirs,) = (r for r in ear.holdings.records.values()
                     if r.body.kind == "identity" and r.body.org != ear.author.org)  # fmt: skip
        issued, circle_id = self.descriptor(
            ear.author, "From elsewhere", theirs.body.content["inception"]
        )
        ear.channel.send(frame(34, issued))
        poll(lambda: self.circles(oak), "the circle")
        stranger = self.probe("Nobody")
        for node_says in ("invited", "accepted"):
            self.assertEqual(self.circles(oak)[circle_id.hex()]["state"], node_says)
            said = [self.refusal(oak, stranger)]
            stranger.circle = issued
            said.append(self.refusal(oak, stranger))
            stranger.circle = None
            self.assertEqual(said[0], said[1])
            oak.ctl("circle", "accept", "From elsewhere")
        oak.ctl("peer", "remove", "Elm")
        oak.ctl("publish", self.pattern("open.md", "An open door"))
        self.assertTrue(ear.is_cut_off())
        ear.circle = issued
        ear.log.clear()
        ear.connect(self.address(oak), theirs.body.org)
        heard = ear.log
        self.until(lambda: [m for way, m in heard if m.name == "CHECK" and m["scope"] == circle_id],
                   "a CHECK of the circle", ear)  # fmt: skip
        ear.serve(1)
        names = {m.name for way, m in heard if way == "in"}
        self.assertTrue(names <= {"HELLO", "CHECK", "DONE"}, names)
        self.assertEqual({m["scope"] for way, m in heard if (way, m.name) == ("in", "CHECK")},
                         {circle_id})  # fmt: skip
        oak.ctl("circle", "leave", "From elsewhere")
        self.assertTrue(ear.is_cut_off())
        self.assertEqual(self.refusal(oak, ear), said[0])

    def test_beacons_say_within_the_circle_who_honours_a_withdrawal(self):
        oak = self.node("Oak", start=False)
        pathlib.Path(oak.home, "rpnode.conf").write_text("[store]\nerase = 0\n")
        oak.start()
        ear = self.guest(oak, "Elm")
        stranger = self.listening(oak, "Listener")
        self.until_same(oak, ear, stranger)
        (theirs,) = (r for r in ear.holdings.records.values()
                     if r.body.kind == "identity" and r.body.org not in
                     (ear.author.org, stranger.author.org))  # fmt: skip
        issued, circle_id = self.descriptor(
            ear.author, "Quiet corner", theirs.body.content["inception"]
        )
        ear.channel.send(frame(34, issued))
        poll(lambda: self.circles(oak), "the circle")
        oak.ctl("circle", "accept", "Quiet corner")
        asked = ear.log
        self.until(lambda: [m for way, m in asked if m.name == "CHECK" and m["scope"] == circle_id],
                   "a CHECK of the circle", ear)  # fmt: skip
        # Who tells of its beacons in the circle is told of the others' there.
        ear.channel.send(frame(37, circle_id, b""))
        known = ear.beacons.known

        def said():
            return next((b for (scope, _), (b, _) in known.items() if scope == circle_id), None)

        self.until(lambda: said(), "a beacon of the circle", ear)
        self.assertEqual((said().org, said().addresses), (theirs.body.org, (oak.listen,)))
        story = self.publish(oak)
        oak.ctl("withdraw", story)
        self.until(lambda: said().withdrawals, "a beacon that tells of it", ear, stranger)
        ((org, count, _),) = said().withdrawals
        self.assertEqual((org, count), (theirs.body.org, 1))

        def honoured():
            (one,) = oak.withdrawals()
            self.assertEqual(one["audience"], "circle:" + circle_id.hex()[:8])
            return one["honoured"]

        self.assertEqual([m["name"] for m in honoured()["unheard"]], ["Elm"])
        for probe in (stranger, ear):
            mine = dataclasses.replace(
                probe.beacon(), scope=circle_id, withdrawals=said().withdrawals
            )
            probe.say(mine)
            probe.say(probe.beacon())
        self.until(lambda: honoured()["nodes"] > 1, "the other member's beacon", ear, stranger)
        self.assertEqual({n["organisation_name"] for n in honoured()["by"]}, {"Oak", "Elm"})
        self.assertEqual((honoured()["nodes"], honoured()["unheard"]), (2, []))
        stranger.channel.send(frame(37, circle_id, b""))
        stranger.serve(0.5)
        self.assertNotIn(circle_id, stranger.heard)

    def test_members_tell_each_other_whose_keys_were_replaced(self):
        oak = self.node("Oak")
        elm, ash, stranger = (self.guest(oak, name) for name in ("Elm", "Ash", "Nobody"))
        gorse = Author("Gorse")  # a member whom nobody here has a link with
        succession = gorse.succeed()
        self.until_same(oak, elm, ash, stranger)
        guests = (elm.author.org, ash.author.org, stranger.author.org)
        (theirs,) = (r for r in elm.holdings.records.values()
                     if r.body.kind == "identity" and r.body.org not in guests)  # fmt: skip
        issued, circle_id = self.descriptor(
            elm.author, "Quiet corner", theirs.body.content["inception"],
            ash.author.inception.encode(), gorse.inception.encode()
        )  # fmt: skip
        chain = frame(49, gorse.inception.encode(), [succession.plain()])
        elm.channel.send(frame(34, issued))
        poll(lambda: self.circles(oak), "the circle")
        stranger.channel.send(chain)  # it is in no circle, so that it is not heard
        oak.ctl("circle", "accept", "Quiet corner")
        for probe in (ash, elm):
            asked = probe.log
            self.until(lambda asked=asked: [m for way, m in asked
                                            if m.name == "CHECK" and m["scope"] == circle_id],
                       "a CHECK of the circle", elm, ash, stranger)  # fmt: skip
        for probe in (stranger, ash, elm):
            probe.channel.send(frame(37, circle_id, b""))
        self.assertEqual(self.keys_told(oak), [])
        elm.channel.send(chain)
        self.until(lambda: self.keys_told(oak), "the new key", elm, ash, stranger)
        self.assertEqual(self.keys_told(oak), [("Gorse", 1)])
        heard = ash.log
        self.until(lambda: [m for way, m in heard if (way, m.name) == ("in", "CHAIN")],
                   "the other member to hear of it", elm, ash, stranger)  # fmt: skip
        (told,) = (m for way, m in heard if (way, m.name) == ("in", "CHAIN"))
        self.assertEqual(recover.follow(told, gorse.org).keys[-1], gorse.key)
        self.assertNotIn("CHAIN", [m.name for way, m in stranger.log])

    @staticmethod
    def keys_told(node):
        return [(o["name"], o["successions"]) for o in node.status()["organisations"]]

    def refusal(self, node, probe):
        with self.assertRaises(Refused) as caught:
            probe.connect(self.address(node))
        return str(caught.exception)

    def descriptor(self, founder, name, *others):
        """A descriptor as issued, and the circle's id (SPEC 3.8)."""
        members = [founder.inception.encode(), *others]
        made = circle.make(name, bytes(16), founder.org, members)
        return made.issue(founder.key_seed), made.id

    def test_a_circle_that_others_made_is_understood(self):
        oak = self.node("Oak")
        ear = self.guest(oak, "Elm")
        self.until_same(oak, ear)
        (theirs,) = (r for r in ear.holdings.records.values()
                     if r.body.kind == "identity" and r.body.org != ear.author.org)  # fmt: skip
        issued, circle_id = self.descriptor(
            ear.author, "From elsewhere", theirs.body.content["inception"]
        )
        spoilt = bytearray(issued)
        spoilt[-1] ^= 1
        ear.channel.send(frame(34, issued))
        poll(lambda: self.circles(oak), "the circle")
        seen = self.circles(oak)[circle_id.hex()]
        self.assertEqual((seen["name"], seen["state"]), ("From elsewhere", "invited"))
        # Only when it was accepted is it compared: by a CHECK of its scope.
        oak.ctl("circle", "accept", "From elsewhere")
        asked = ear.log
        self.until(lambda: [m for way, m in asked if m.name == "CHECK" and m["scope"] == circle_id],
                   "a CHECK of the circle", ear)  # fmt: skip
        ear.channel.send(frame(34, bytes(spoilt)))
        self.assertTrue(ear.is_cut_off())

    def test_what_is_no_circle_ends_the_link(self):
        oak = self.node("Oak")
        ear = self.guest(oak, "Listener")
        self.until_same(oak, ear)
        stranger = Author("Somebody").inception.encode()
        issued, _ = self.descriptor(ear.author, "Not yours", stranger)
        ear.channel.send(frame(34, issued))
        self.assertTrue(ear.is_cut_off())
        self.assertEqual(self.circles(oak), {})


if __name__ == "__main__":
    unittest.main()
