"""An organisation's keys: shown, confirmed, sealed, replaced; with real nodes."""

import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from nodes import RPCTL, RPNODE, Node, NodesTest, poll

WORD = "(?:[bdfghjklmnprstvz][aiou]){2}[bdfghjklmnprstvz]"


def paper_key(text):
    """The words of the last paper key in what rpctl printed."""
    words = re.findall(rf"(?m)^    ({WORD}(?: {WORD}){{4}})$", text)
    return " ".join(words[-4:])


class KeysTest(NodesTest):
    """Organisations whose paper keys are kept, as on paper."""

    def setUp(self):
        super().setUp()
        self.papers = {}

    def member(self, name, *args, start=True):
        node = self.node(name, start=False, init=False)
        self.papers[name] = paper_key(node.ctl("init", "--name", name, "--no-confirm", *args))
        return node.start() if start else node

    def members(self, *names):
        """Nodes joined one to the next by invites."""
        nodes = [self.member(name) for name in names]
        for inviter, guest in zip(nodes, nodes[1:]):
            guest.ctl("join", inviter.invite("--for", guest.name))
        self.until_agreed(*nodes)
        return nodes

    def replace(self, node, *args, paper=None):
        """rpctl key ..., by the paper key of the node's organisation."""
        said = node.ctl("key", *args, "--no-confirm", stdin=paper or self.papers[node.name])
        self.papers[node.name] = paper_key(said)
        return said

    @staticmethod
    def keys_of(node, name):
        known = [o for o in node.status()["organisations"] if o["name"] == name]
        return known[0] if known else {"keys": "first", "successions": 0}

    def titles(self, node):
        return sorted(item["title"] for item in node.list())


class Rotation(KeysTest):
    def test_a_routine_rotation_is_followed_by_all(self):
        a, b, c = self.members("a", "b", "c")
        a.ctl("publish", self.pattern("before.md", "Before"))
        self.until_agreed(a, b, c)
        said = self.replace(a, "rotate")
        self.assertIn("The new paper key (version 1, number 2)", said)
        self.assertIn("goes on with the new one", said)
        a.ctl("publish", self.pattern("after.md", "After"))
        poll(lambda: self.titles(c) == ["After", "Before"], "both patterns at the far end")
        self.until_agreed(a, b, c)
        for node in (a, b, c):
            self.assertEqual(self.keys_of(node, "a")["successions"], 1)
            self.assertEqual(node.status()["own_key"], "in use")
            self.assertRegex(node.ctl("status"), r"Keys    a \(rp1\w+\.\.\.\): key replaced\n")
        poll(lambda: a.status()["health"] == "ok", "the link to be there again")
        # The same file is a version of the same object, under the new key, too.
        (before,) = [o for o in a.list() if o["title"] == "Before"]
        a.ctl("publish", self.pattern("before.md", "Before", "What helps is to ask twice."))
        versions = a.json("show", before["object"])["versions"]
        self.assertEqual(len(versions), 2)
        # And the next time, with nodes that are not running.
        a.stop()
        self.assertIn("Start the node", self.replace(a, "rotate"))
        a.start()
        poll(lambda: self.keys_of(c, "a")["successions"] == 2, "the second succession at c")
        self.until_agreed(a, b, c)
        self.assertEqual(self.titles(c), ["After", "Before"])

    def test_only_the_paper_key_that_is_next_replaces(self):
        a = self.member("a")
        other = self.member("b", start=False)
        first = self.papers["a"]
        words = first.split()
        words[3], words[4] = words[4], words[3]
        for given, told in ((self.papers["b"], "is not the paper key of a"),
                            ("these are no words", "20 words of five letters"),
                            (" ".join(words), "mistyped, or two are exchanged")):
            result = a.run("key", "rotate", "--no-confirm", stdin=given)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn(told, result.stderr)
        path = self.write("paper", first.upper().replace(" ", "\n"))
        said = a.ctl("key", "rotate", "--no-confirm", "--paper-file", path)
        self.assertIn("number 2", said)
        result = a.run("key", "rotate", "--no-confirm", stdin=first)
        self.assertIn("this is paper key number 1, and number 2 is the next one", result.stderr)
        self.assertEqual(a.status()["own_key"], "in use")
        self.assertEqual(other.run("key").returncode, 2)
        self.assertEqual(other.run("key", "turn").returncode, 2)
        self.assertEqual(other.run("key", "rotate", "--stolen").returncode, 2)
        self.assertEqual(other.run("key", "recover", "--stolen", "--stand-by", "ab").returncode, 2)

    def test_a_copy_with_the_old_key_is_refused(self):
        """A home that was copied before the key was replaced is nobody any more."""
        a, b = self.members("a", "b")
        a.stop()
        copy = Node(self.folder, "copy", init=False)
        subprocess.run(["cp", "-r", a.home, copy.home], check=True)
        a.start()
        self.replace(a, "rotate")
        poll(lambda: self.keys_of(b, "a")["successions"] == 1, "the succession at b")
        a.stop()
        self.nodes.append(copy)
        copy.start()
        why = poll(lambda: copy.status()["peers"][0]["why"], "a word about the link")
        poll(lambda: copy.status()["peers"][0]["why"]["code"] == "superseded",
             "the copy to be refused")
        self.assertEqual(copy.status()["peers"][0]["state"], "refused", why)
        self.assertIn("by a key that its organisation has replaced", b.ctl("status"))


class Recovery(KeysTest):
    def recovered(self, node, *args, paper=None, name="again"):
        """A home made on another machine, with the id and the paper key of the node's."""
        again = self.node(name, start=False, init=False)
        org = node.organisation
        said = again.run("key", "recover", "--no-confirm", "--org", org, *args,
                         stdin=paper or self.papers[node.name])
        return again, said

    def test_a_lost_machine(self):
        a, b, c = self.members("a", "b", "c")
        a.organisation = a.status()["organisation"]
        a.ctl("publish", self.pattern("kept.md", "Kept"))
        self.until_agreed(a, b, c)
        a.stop()
        again, first = self.recovered(a, "--peer", b.listen)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("a is recovered", first.stdout)
        self.assertIn(b.status()["organisation"], first.stdout)
        again.start()
        self.until_agreed(again, b, c)
        self.assertEqual(self.titles(again), ["Kept"])
        self.assertEqual(again.status()["name"], "a")
        again.ctl("publish", self.pattern("new.md", "New"))
        poll(lambda: self.titles(c) == ["Kept", "New"], "what the new machine published")
        self.assertEqual(self.keys_of(c, "a")["successions"], 1)
        # The old machine is found after all: its key has no say any more.
        a.start()
        poll(lambda: a.status()["peers"][0]["why"]["code"] == "superseded", "the old machine refused")
        # And once more, by an invite; the first paper key is used up.
        again.stop()
        _, said = self.recovered(a, "--peer", b.invite(), name="x")
        self.assertEqual(said.returncode, 1)
        self.assertIn("this is paper key number 1, and number 2 is the next one", said.stderr)
        second = paper_key(first.stdout)
        c.stop()
        third, said = self.recovered(a, "--peer", b.invite(), paper=second, name="third")
        self.assertEqual(said.returncode, 0, said.stderr)
        third.start()
        self.until_agreed(third, b)
        self.assertEqual(self.keys_of(b, "a")["successions"], 2)
        # Who was away has not heard of the last one, and is no help the next time.
        for node in (a, third, b):
            node.stop()
        c.start()
        _, said = self.recovered(a, "--peer", c.listen, paper=paper_key(said.stdout), name="y")
        self.assertEqual(said.returncode, 1)
        self.assertIn("has not heard yet that its key was replaced before", said.stderr)

    def test_who_is_not_told(self):
        a, b = self.members("a", "b")
        a.organisation = a.status()["organisation"]
        b.organisation = b.status()["organisation"]
        lone = self.member("lone")
        for args, told in (
            (("--peer", lone.listen), "knows no organisation that this is the paper key of"),
            (("--peer", "127.0.0.1:1"), "Connection refused"),
            (("--peer", "nowhere"), "give HOST:PORT"),
            (("--peer", "rpinvite1x"), "garbled"),
        ):
            _, said = self.recovered(a, *args)
            self.assertEqual(said.returncode, 1)
            self.assertIn(told, said.stderr)
        _, said = self.recovered(a, "--peer", b.listen, paper=self.papers["lone"])
        self.assertIn("knows no organisation that this is the paper key of", said.stderr)
        _, said = self.recovered(a, "--peer", b.listen, paper=self.papers["b"])
        self.assertEqual(said.returncode, 1)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "again", "organisation.key")))
        # It went on as if nothing had been asked.
        self.assertEqual(b.status()["health"], "ok")
        self.assertEqual(b.status()["knocks"], [])


class Sealed(KeysTest):
    """The key in use under a passphrase."""

    def fd(self, text):
        """A file descriptor from which it is read, once."""
        reader, writer = os.pipe()
        os.write(writer, text.encode())
        os.close(writer)
        self.addCleanup(os.close, reader)
        return reader

    def rpctl(self, node, *args, passphrase, stdin=None):
        fd = self.fd(passphrase)
        return subprocess.run([RPCTL, "--home", node.home, *args, "--passphrase-fd", str(fd)],
                              input=stdin, capture_output=True, text=True, timeout=60,
                              pass_fds=[fd])

    def rpnode(self, node, passphrase):
        fd = self.fd(passphrase)
        return subprocess.run([RPNODE, "--home", node.home, "--listen", "127.0.0.1:0",
                               "--passphrase-fd", str(fd)],
                              capture_output=True, text=True, timeout=60, pass_fds=[fd])

    def test_a_passphrase_is_needed_from_then_on(self):
        a = self.node("a", start=False, init=False)
        result = self.rpctl(a, "init", "--name", "a", "--no-confirm", passphrase="open sesame\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        paper = paper_key(result.stdout)
        with open(os.path.join(a.home, "organisation.key"), "rb") as file:
            sealed = file.read()
        result = subprocess.run([RPNODE, "--home", a.home], capture_output=True, text=True,
                                timeout=60)
        self.assertEqual(result.returncode, 1)
        self.assertIn("is sealed with a passphrase: give it with  --passphrase-fd N", result.stderr)
        result = self.rpnode(a, "open sesam")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the passphrase is not the one that", result.stderr)
        self.assertEqual(self.rpnode(a, "").returncode, 1)
        # As systemd hands it over.
        credentials = os.path.join(self.folder, "credentials")
        os.mkdir(credentials)
        with open(os.path.join(credentials, "rpnode.passphrase"), "w", encoding="utf-8") as file:
            file.write("open sesame")
        os.environ["CREDENTIALS_DIRECTORY"] = credentials
        self.addCleanup(os.environ.pop, "CREDENTIALS_DIRECTORY", None)
        a.start()
        a.ctl("publish", self.pattern("one.md", "One"))
        # A rotation needs it, too, and the node goes on with the new key.
        result = a.run("key", "rotate", "--no-confirm", stdin=paper)
        self.assertIn("is sealed with a passphrase", result.stderr)
        result = self.rpctl(a, "key", "rotate", "--no-confirm", passphrase="open sesame",
                            stdin=paper)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("goes on with the new one", result.stdout)
        a.ctl("publish", self.pattern("two.md", "Two"))
        a.stop()
        with open(os.path.join(a.home, "organisation.key"), "rb") as file:
            self.assertNotEqual(file.read(), sealed)
        a.start()
        self.assertEqual(self.titles(a), ["One", "Two"])
        # Whoever has forgotten it recovers with the paper key.
        a.stop()
        os.environ.pop("CREDENTIALS_DIRECTORY")
        said = a.ctl("key", "recover", "--no-confirm", stdin=paper_key(result.stdout))
        self.assertIn("number 3", said)
        a.start()
        self.assertEqual(self.titles(a), ["One", "Two"])
        self.assertEqual(self.keys_of(a, "a")["successions"], 2)

    def test_wrong_descriptors_are_said(self):
        a = self.node("a", start=False, init=False)
        for given, status in (("x", 2), ("-1", 2), ("77", 1)):
            result = a.run("init", "--name", "a", "--no-confirm", "--passphrase-fd", given)
            self.assertEqual(result.returncode, status, result.stderr)
            self.assertFalse(os.path.exists(a.home))


class Confirmed(KeysTest):
    """At a terminal the paper key is typed back in part."""

    def converse(self, answer):
        """rpctl init at a terminal, where answer(words, asked) types; its status and the output."""
        home = os.path.join(self.folder, "typed")
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(RPCTL, [RPCTL, "--home", home, "init", "--name", "Typed"])
        said, answered = "", 0
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if not select.select([fd], [], [], 1)[0]:
                continue
            try:
                piece = os.read(fd, 4096).decode()
            except OSError:  # it has ended
                break
            if not piece:
                break
            said += piece
            asked = re.findall(r"word (\d+) of the paper key: ", said)
            if len(asked) > answered and said.endswith("paper key: "):
                words = paper_key(said.replace("\r\n", "\n")).split()
                os.write(fd, answer(words, int(asked[-1])).encode() + b"\n")
                answered = len(asked)
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said, home

    def test_words_are_typed_back(self):
        status, said, home = self.converse(lambda words, n: words[n - 1].upper())
        self.assertEqual(status, 0, said)
        self.assertEqual(said.count(" of the paper key: "), 3)
        self.assertTrue(os.path.exists(os.path.join(home, "organisation.key")))

    def test_wrong_words_make_nothing(self):
        def mistype(words, n):
            right = words[n - 1]
            return ("d" if right[0] == "b" else "b") + right[1:]

        status, said, home = self.converse(mistype)
        self.assertEqual(status, 1, said)
        self.assertEqual(said.count(" of the paper key: "), 3)  # thrice the same word
        self.assertIn("nothing was made", said)
        self.assertFalse(os.path.exists(os.path.join(home, "organisation.key")))


if __name__ == "__main__":
    unittest.main()
