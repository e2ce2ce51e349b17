"""Real rpnode processes for end-to-end tests, each with a home of its own on loopback."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("RPNODE_BUILD", os.path.join(ROOT, "build"))
RPNODE = os.path.join(BUILD, "node", "rpnode")
RPCTL = os.path.join(BUILD, "tools", "rpctl")
SHARED = os.path.join(os.path.dirname(ROOT), "shared", "data")
STARTER = os.path.join(ROOT, "tools", "starter")
WAIT = 30  # seconds for anything that is waited for; reached only when something is wrong


def poll(condition, what, seconds=WAIT):
    """Waits until condition() is true and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.01)


class Failed(Exception):
    """rpctl has ended with another status than 0."""

    def __init__(self, result):
        super().__init__(f"status {result.returncode}: {result.stderr.strip()}")
        self.status = result.returncode
        self.out = result.stdout
        self.err = result.stderr


class Node:
    def __init__(self, folder, name, init=True):
        self.name = name
        self.home = os.path.join(folder, name)
        self.log = self.home + ".log"
        self.process = None
        self.listen = "127.0.0.1:0"
        if init:
            self.ctl("init", "--name", name, "--no-confirm")

    def run(self, *args, stdin=None):
        """rpctl's result, whatever its status."""
        return subprocess.run([RPCTL, "--home", self.home, *args], input=stdin,
                              capture_output=True, text=True, timeout=120)

    def ctl(self, *args, stdin=None):
        """rpctl's standard output; Failed when its status is not 0."""
        result = self.run(*args, stdin=stdin)
        if result.returncode != 0:
            raise Failed(result)
        return result.stdout

    def json(self, *args):
        return json.loads(self.ctl(*args, "--json"))

    def status(self):
        return self.json("status")

    def start(self, *args, wrapper=(), preexec=None):
        """Starts the node and waits until it answers; again at the port it had before."""
        self.spawn(*args, wrapper=wrapper, preexec=preexec)
        poll(self.answers, f"{self.name} to answer: {self.last_log()}")
        self.listen = self.status()["listen"]
        return self

    def spawn(self, *args, wrapper=(), preexec=None):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, RPNODE, "--home", self.home, "--listen", self.listen, *args],
                stderr=log, stdout=log, preexec_fn=preexec)
        return self.process

    def answers(self):
        if self.process.poll() is not None:
            self.process = None
            raise AssertionError(f"{self.name} has ended: {self.last_log()}")
        return self.run("status").returncode == 0

    def last_log(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-12:])

    def stop(self, number=signal.SIGTERM):
        """Asks the node to stop, and checks that it did so cleanly."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        self.process = None
        if status != 0:
            raise AssertionError(f"{self.name} stopped with status {status}: {self.last_log()}")

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def invite(self, *args):
        return self.ctl("invite", *args).strip()

    def list(self, *args):
        return [json.loads(line) for line in self.ctl("list", *args, "--json").splitlines()]

    def withdrawals(self):
        return [json.loads(line) for line in self.ctl("withdrawals", "--json").splitlines()]

    def fingerprints(self):
        status = self.status()
        return status["fingerprint"], status["control_fingerprint"]


def agree(*nodes):
    """Whether all hold the same and know it."""
    first = nodes[0].fingerprints()
    return all(node.fingerprints() == first for node in nodes[1:])


class NodesTest(unittest.TestCase):
    """Gives each test a folder, and ends its nodes after it, which must stop cleanly."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="rp-")
        self.nodes = []

    def tearDown(self):
        try:
            for node in self.nodes:
                if node.process is not None and node.process.returncode is None:
                    node.stop()
        finally:
            for node in self.nodes:
                node.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    def node(self, name, start=True, **kwargs):
        node = Node(self.folder, name, **kwargs)
        self.nodes.append(node)
        return node.start() if start else node

    def chain(self, *names):
        """Nodes joined one to the next by invites."""
        nodes = [self.node(name) for name in names]
        for inviter, guest in zip(nodes, nodes[1:]):
            guest.ctl("join", inviter.invite("--for", guest.name))
        self.until_agreed(*nodes)
        return nodes

    def until_agreed(self, *nodes, seconds=WAIT):
        poll(lambda: agree(*nodes), "all nodes to hold the same", seconds)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def pattern(self, name, title, text="What helps is to ask.", **fields):
        """A small pattern in a file."""
        lines = ["---", f"title: {title}", f"question: How can we {title.lower()}?",
                 f"summary: About {title.lower()}."]
        lines += [f"{key}: {value}" for key, value in fields.items()]
        return self.write(name, "\n".join(lines) + f"\n---\n\n## What helps\n\n{text}\n")

    def story(self, name, title, text="She put the kettle on.", audience="commons"):
        """A small story in a file, whose consent lets it go everywhere."""
        return self.write(name, f"""---
kind: story
title: {title}
summary: About {title.lower()}.
teller_role: participant
told_how: own-words
audience: {audience}
consent:
  basis: teller-consent
  given_on: "2026-10"
  review_on: "2028-09-30"
  scope: [node, public-web, print]
  identify: anonymous
  saw_final: true
  third_parties: removed
  special_data: false
  child: false
  withdraw_via: stories@oakfield.example
---

## What happened

{text}
""")
