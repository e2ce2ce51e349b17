"""What bad input and bad homes get: a clear sentence, the right status, and nothing changed."""

import json
import os
import shutil
import signal
import stat
import subprocess
import time
import unittest

from nodes import RPCTL, RPNODE, Node, NodesTest, poll


class Refusals(NodesTest):
    def refused(self, node, *args):
        """Starts a node that must not start; gives what it says."""
        result = subprocess.run([RPNODE, "--home", node.home, "--listen", "127.0.0.1:0", *args],
                                capture_output=True, text=True, timeout=30)
        self.assertNotEqual(result.returncode, 0)
        return result.stderr

    def test_a_home_is_private(self):
        node = self.node("a", start=False)
        self.assertEqual(stat.S_IMODE(os.stat(node.home).st_mode), 0o700)
        for folder, _, files in os.walk(node.home):
            for name in files:
                mode = os.stat(os.path.join(folder, name)).st_mode
                self.assertEqual(stat.S_IMODE(mode), 0o600, name)
        for name in ("organisation.key", "node.key", "store", "."):
            path = os.path.join(node.home, name)
            mode = os.stat(path).st_mode
            os.chmod(path, mode | 0o040)
            said = self.refused(node)
            self.assertIn("can be used by others", said)
            self.assertIn("chmod go-rwx", said)
            os.chmod(path, mode)
        node.start()

    def test_an_absent_store_is_never_taken_for_an_empty_one(self):
        node = self.node("a")
        node.ctl("publish", self.pattern("one.md", "Ask"))
        node.stop()
        store = os.path.join(node.home, "store")
        data = os.path.join(store, "data.mdb")
        kept = os.path.join(self.folder, "kept.mdb")
        shutil.copy(data, kept)
        size = os.path.getsize(data)
        for length in (0, 100, 4096, size // 2, size - 4096):
            shutil.copy(kept, data)
            os.truncate(data, length)
            self.assertIn("cut short or damaged", self.refused(node), f"{length} of {size} bytes")
        os.remove(data)
        self.assertIn("is missing: restore it from a backup", self.refused(node))
        shutil.rmtree(store)
        self.assertIn("is missing: restore it from a backup", self.refused(node))
        node.start("--new-store")
        self.assertEqual(node.list(), [])
        node.stop()
        shutil.copy(kept, data)
        self.assertIn("not the one that store.id speaks of", self.refused(node))

    def test_keys_of_another_home_are_refused(self):
        a = self.node("a", start=False)
        b = self.node("b", start=False)
        shutil.copy(os.path.join(b.home, "node.key"), os.path.join(a.home, "node.key"))
        self.assertIn("the key of another node", self.refused(a))
        with open(os.path.join(a.home, "organisation.key"), "r+b") as file:
            file.write(b"junk")
        self.assertIn("is not what rpctl init made", self.refused(a))
        os.remove(os.path.join(a.home, "organisation.key"))
        self.assertIn("is not the home of a node", self.refused(a))
        shutil.copy(os.path.join(a.home, "node.key"), os.path.join(b.home, "x"))

    def test_a_second_node_on_the_same_home_is_refused(self):
        node = self.node("a")
        self.assertIn("another rpnode is running", self.refused(node))
        self.assertEqual(node.status()["name"], "a")

    def test_signals_stop_cleanly_and_broken_pipes_do_not(self):
        a, b = self.chain("a", "b")
        a.process.send_signal(signal.SIGPIPE)
        self.assertEqual(a.status()["name"], "a")
        a.stop(signal.SIGINT)
        b.stop(signal.SIGTERM)
        self.assertIn("stopped", a.last_log())
        self.assertFalse(os.path.exists(os.path.join(a.home, "rpnode.sock")))
        a.start()
        b.start()
        self.until_agreed(a, b)

    def test_rpctl_says_when_the_node_is_not_running(self):
        node = self.node("a", start=False)
        commands = (["status"], ["peers"], ["list"], ["show", "abcd"], ["invite"], ["join", "x"],
                    ["export"], ["diff", "b"], ["withdraw", "abcd"], ["withdrawals"], ["restored"],
                    ["peer", "show", "b"],
                    ["publish", self.pattern("one.md", "Ask")],
                    ["import", self.folder])
        for command in commands:
            result = node.run(*command)
            self.assertEqual(result.returncode, 3, command)
            self.assertIn("the node is not running: start it with", result.stderr)
            self.assertEqual(result.stdout, "")

    def test_wrong_usage_has_a_status_of_its_own(self):
        node = self.node("a")
        wrong = ([], ["frobnicate"], ["status", "--loud"], ["status", "x"], ["peer"],
                 ["peer", "kick", "b"], ["peers", "x"], ["invite", "--expires", "soon"],
                 ["invite", "x"], ["join"], ["join", "a", "b"], ["publish"],
                 ["publish", "--audience", "all", "x.md"], ["import"], ["import", "a", "b"],
                 ["import", "--kind", "poem", "a"], ["list", "--kind", "poem"], ["list", "x"],
                 ["show"], ["show", "abcd", "--yaml"], ["diff"], ["withdraw"],
                 ["withdraw", "abcd", "--version"], ["withdrawals", "x"],
                 ["export", "--format", "pdf"], ["export", "--format", "markdown"],
                 ["init"], ["init", "--name"])
        for command in wrong:
            result = node.run(*command)
            self.assertEqual(result.returncode, 2, command)
            self.assertIn("usage: rpctl", result.stderr)
        for args in (["--frob"], ["--listen"], ["x"]):
            result = subprocess.run([RPNODE, *args], capture_output=True, text=True)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn("usage: rpnode", result.stderr)

    def test_bad_ids_names_and_addresses_are_told_apart(self):
        a, b = self.chain("a", "b")
        told = {("show", "xyz"): "is not an id", ("show", "abc"): "at least 4 hex digits",
                ("show", "abcdef0123"): "there is nothing with this id here",
                ("peer", "show", "nobody"): "no peer is called nobody",
                ("peer", "remove", "nobody"): "no peer is called nobody",
                ("list", "--author", "nobody"): "no organisation that is known here",
                ("withdraw", "xx"): "xx is not an id",
                ("withdraw", "0" * 70): "at most 64 digits",
                ("show", "0" * 70): "at most 64 digits",
                ("peer", "add", "rp1qqqq"): "that is not an organisation's id",
                ("peer", "add", a.status()["organisation"]): "this node's own organisation",
                ("import", "/nowhere/at/all"): "No such file or directory"}
        for command, text in told.items():
            result = a.run(*command)
            self.assertEqual(result.returncode, 1, command)
            self.assertIn(text, result.stderr)
        self.assertEqual(a.run("diff", "nobody").returncode, 2)
        self.assertEqual(a.run("diff", "b").returncode, 0)

    def test_invites_that_cannot_be_used(self):
        a = self.node("a")
        b = self.node("b")
        c = self.node("c")
        token = a.invite("--expires", "7d")
        middle = len(token) // 2
        garbled = token[:middle] + ("q" if token[middle] != "q" else "p") + token[middle + 1:]
        for bad, text in ((garbled, "garbled"), (token[:-3], "garbled"), ("", "not an invite"),
                          ("hello", "not an invite"), (a.status()["organisation"], "not an invite")):
            result = b.run("join", "-", stdin=bad)
            self.assertEqual(result.returncode, 1, bad)
            self.assertIn(text, result.stderr)
        self.assertEqual(b.status()["peers"], [])
        self.assertIn("this node itself", a.run("join", token).stderr)
        b.ctl("join", "-", stdin=" " + token[:30] + "\n  " + token[30:] + "\n")
        used = c.run("join", token)
        self.assertEqual(used.returncode, 1)
        self.assertIn("used by another organisation already", used.stderr)
        short = a.invite("--expires", "1s")
        made = time.time()
        poll(lambda: time.time() > made + 1.1, "the invite to expire")
        self.assertIn("has expired", c.run("join", short).stderr)
        self.assertEqual([peer["name"] for peer in a.status()["peers"]], ["b"])

    def test_a_stranger_waits_for_approval(self):
        a = self.node("a")
        b = self.node("b")
        b.ctl("peer", "add", a.status()["organisation"], a.listen, "--name", "the first")
        knock = poll(lambda: a.status()["knocks"], "the knock at a")[0]
        self.assertEqual(knock["name"], "b")
        self.assertEqual(b.status()["peers"][0]["state"], "waiting")
        self.assertIn("rpctl peer approve rp1", a.ctl("status"))
        a.ctl("peer", "add", knock["organisation"])
        poll(lambda: b.status()["peers"][0]["state"] == "in sync", "b to be in sync")
        self.assertEqual(a.status()["knocks"], [])
        b.ctl("peer", "remove", "the first")
        self.assertEqual(b.status()["peers"], [])

    def test_settings_are_checked_by_line(self):
        node = self.node("a", start=False)
        conf = os.path.join(node.home, "rpnode.conf")
        for text, told in (("[node]\nlisten = 1\nlisten2 = x\n", "there is no setting listen2"),
                           ("[trust]\n\ndepth = many\n", "depth = many is not a value"),
                           ("what is this\n", "not a setting (line 1)")):
            with open(conf, "w", encoding="utf-8") as file:
                file.write(text)
            said = self.refused(node)
            self.assertIn(told, said)
            self.assertIn("(line ", said)

    def test_addresses_that_cannot_be_listened_at(self):
        node = self.node("a")
        other = self.node("b", start=False)
        for address, told in ((node.listen, "address already in use"),
                              ("nowhere", "it must be HOST:PORT"),
                              ("example.org:7433", "must be an IP number")):
            result = subprocess.run([RPNODE, "--home", other.home, "--listen", address],
                                    capture_output=True, text=True, timeout=30)
            self.assertEqual(result.returncode, 1)
            self.assertIn(told, result.stderr)

    def test_init_overwrites_nothing(self):
        node = self.node("a", start=False)
        with open(os.path.join(node.home, "organisation.key"), "rb") as file:
            before = file.read()
        result = node.run("init", "--name", "again")
        self.assertEqual(result.returncode, 1)
        self.assertIn("nothing was changed", result.stderr)
        with open(os.path.join(node.home, "organisation.key"), "rb") as file:
            self.assertEqual(file.read(), before)
        for name in ("", "two\nlines", "x" * 121):
            fresh = Node(self.folder, "fresh", init=False)
            result = fresh.run("init", "--name", name)
            self.assertEqual(result.returncode, 1)
            self.assertIn("at most 120 characters", result.stderr)

    def init(self, name, *args, stdout=subprocess.PIPE):
        """What rpctl init gives in a home of that name."""
        home = os.path.join(self.folder, name)
        return home, subprocess.run([RPCTL, "--home", home, "init", "--name", "N", *args],
                                    stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=30)

    def test_init_can_be_called_again_after_anything_that_failed(self):
        home = os.path.join(self.folder, "again")
        conf = os.path.join(home, "rpnode.conf")
        os.makedirs(home, mode=0o700)
        with open(conf, "w", encoding="utf-8") as file:
            file.write("[node]\nlisten2 = x\n")
        _, result = self.init("again")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("there is no setting listen2", result.stderr)
        os.remove(conf)
        with open(os.path.join(home, "store.new"), "w", encoding="utf-8"):
            pass  # the store cannot be made
        os.mkdir(os.path.join(home, "store"))
        _, result = self.init("again")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertFalse(os.path.exists(os.path.join(home, "organisation.key")))
        os.rmdir(os.path.join(home, "store"))
        os.remove(os.path.join(home, "store.new"))
        with open("/dev/full", "w", encoding="utf-8") as full:
            _, result = self.init("again", stdout=full)
        self.assertEqual(result.returncode, 1)
        self.assertIn("the paper key could not be shown, so nothing was made", result.stderr)
        self.assertEqual(sorted(os.listdir(home)), ["rpnode.conf", "store"])
        _, result = self.init("again")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("The paper key", result.stdout)

    def test_init_leaves_the_store_of_a_lost_key_alone(self):
        node = self.node("a")
        node.stop()
        os.remove(os.path.join(node.home, "organisation.key"))
        _, result = self.init("a")
        self.assertEqual(result.returncode, 1)
        self.assertIn("is the store of an organisation whose key is not here", result.stderr)

    def test_output_that_cannot_be_written_is_no_success(self):
        node = self.node("a")
        node.ctl("publish", self.pattern("one.md", "Ask"))
        for command in (["list"], ["show", node.list()[0]["id"]], ["status", "--json"], ["export"],
                        ["invite"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                result = subprocess.run([RPCTL, "--home", node.home, *command], stdout=full,
                                        stderr=subprocess.PIPE, text=True, timeout=30)
            self.assertEqual(result.returncode, 1, command)
            self.assertIn("standard output cannot be written", result.stderr)
        gone, end = os.pipe()
        os.close(gone)  # a reader that has seen enough
        result = subprocess.run([RPCTL, "--home", node.home, "list"], stdout=end,
                                stderr=subprocess.PIPE, text=True, timeout=30)
        os.close(end)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_options_are_named_as_they_were_given(self):
        node = self.node("a")
        for command, told in ((["list", "-ab"], "-a: unknown"),
                              (["list", "--json", "-jb"], "-j: unknown"),
                              (["list", "--frob"], "--frob: unknown"),
                              (["list", "--kind"], "--kind: unknown, or its value is missing"),
                              (["invite", "--for", "a\nb"], "--for: a name is one line"),
                              (["invite", "--expires", "99999d"], "99999d: at most 3650d"),
                              (["show", "--yaml", "abcd"], "--yaml: unknown")):
            result = node.run(*command)
            self.assertEqual(result.returncode, 2, command)
            self.assertIn(told, result.stderr)
        result = subprocess.run([RPNODE, "-xy"], capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 2)
        self.assertIn("rpnode: -x: unknown", result.stderr)
        for args in (["--home"], ["--home="], ["--home", ""]):
            result = subprocess.run([RPCTL, *args], capture_output=True, text=True, timeout=30)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn("--home: which folder?", result.stderr)
        result = subprocess.run([RPCTL, f"--home={node.home}", "status"], capture_output=True,
                                text=True, timeout=30)
        self.assertEqual(result.returncode, 0, result.stderr)
        object_id = node.ctl("publish", self.pattern("one.md", "Ask")).strip()
        for command in (["show", "--json", object_id], ["peers", "--json"]):
            self.assertTrue(json.loads(node.ctl(*command)))
        self.assertIn("no peer is called x", node.run("diff", "--json", "x").stderr)

    def test_a_home_that_was_never_made(self):
        node = Node(self.folder, "nowhere", init=False)
        result = node.run("status")
        self.assertEqual(result.returncode, 3)
        self.assertIn("make one with  rpctl --home", result.stderr)

    def test_the_node_names_its_home_by_its_whole_path(self):
        node = self.node("a", start=False)
        os.chmod(os.path.join(node.home, "node.key"), 0o640)
        result = subprocess.run([RPNODE, "--home", "a", "--listen", "127.0.0.1:0"],
                                cwd=self.folder, capture_output=True, text=True, timeout=30)
        self.assertIn(f"{os.path.realpath(node.home)}/node.key can be used by others", result.stderr)

    def test_addresses_that_nobody_can_call_are_not_kept(self):
        a = self.node("a")
        b = self.node("b")
        org = b.status()["organisation"]
        for address in ("nowhere", ":7433", "host:", "host:0", "host:65536", "host:x", "a b:1",
                        "::1:7433"):
            result = a.run("peer", "add", org, address)
            self.assertEqual(result.returncode, 1, address)
            self.assertIn("is not an address: give HOST:PORT", result.stderr)
        self.assertEqual(a.status()["peers"], [])
        a.ctl("peer", "add", "--name", "bee", org, "[::1]:7433")
        self.assertEqual(a.status()["peers"][0]["name"], "bee")

    def test_a_peer_without_a_name_is_shown_by_its_id(self):
        a = self.node("a")
        b = self.node("b")
        org = b.status()["organisation"]
        b.stop()
        a.ctl("peer", "add", org, "127.0.0.1:1")
        self.assertRegex(a.ctl("status"), rf"(?m)^{org[:12]}  +offline")
        self.assertTrue(a.ctl("peers").startswith(org[:12] + "\n"))

    def test_the_environment_says_where_the_home_is(self):
        home = os.path.join(self.folder, "by-env")
        environment = dict(os.environ, RPNODE_HOME=home)
        subprocess.run([RPCTL, "init", "--name", "E"], env=environment, check=True,
                       capture_output=True)
        self.assertTrue(os.path.exists(os.path.join(home, "organisation.key")))
        environment = dict(os.environ, XDG_DATA_HOME=self.folder)
        environment.pop("RPNODE_HOME", None)
        subprocess.run([RPCTL, "init", "--name", "E"], env=environment, check=True,
                       capture_output=True)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "rpnode", "organisation.key")))

    def test_a_home_may_lie_deep(self):
        deep = Node(os.path.join(self.folder, *["a-folder-with-a-long-name"] * 8), "deep")
        self.nodes.append(deep)
        deep.log = os.path.join(self.folder, "deep.log")
        deep.start()
        self.assertEqual(deep.status()["name"], "deep")


if __name__ == "__main__":
    unittest.main()
