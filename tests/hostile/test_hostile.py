#!/usr/bin/python3
"""Hostile clients against a real node, and an honest one beside them.

Needs PyNaCl, as the second implementation does, whose pieces the clients are made of.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import resource
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

from commons import token  # noqa: E402
from commons.channel import Closed  # noqa: E402
from live import LiveTest  # noqa: E402
from nodes import poll  # noqa: E402

import attack  # noqa: E402, F401
from wire import CLIENTS  # noqa: E402

RECORDS = 5000
MIB = 1 << 20
GROWTH_MAX = 64 * MIB
FLOOR = 2.0  # seconds: what so short a sync may lose to the clients' share of the processor


def anonymous_memory(pid: int) -> int:
    """Bytes of memory that are the process's own; the store's map counts as a file's."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no RssAnon")


def processor_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Peak(threading.Thread):
    """The most memory that a process has had since."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.most = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            with contextlib.suppress(OSError, AssertionError):
                self.most = max(self.most, anonymous_memory(self.pid))


class Hostile(LiveTest):
    def test_an_honest_sync_among_hostile_clients(self) -> None:
        self.assertGreaterEqual(len(CLIENTS), 40)
        oak = self.library("Oak")
        attackers = self.attackers(oak)
        quiet = self.sync(oak, "Quiet")
        before = anonymous_memory(oak.process.pid)
        peak = Peak(oak.process.pid)
        peak.start()
        self.assertEqual(self.tell(attackers), "ready")
        busy = self.sync(oak, "Busy")
        table = json.loads(self.tell(attackers))
        peak.over.set()
        grown = peak.most - before
        print(f"hostile: {len(CLIENTS)} clients, {len(table)} instances; a sync of {RECORDS} took "
              f"{quiet:.2f} s, among them {busy:.2f} s; memory grew by {grown / MIB:.1f} MiB",
              flush=True)
        self.assert_outcomes(table)
        self.assertIsNone(oak.process.poll(), oak.last_log())
        self.assertLess(grown, GROWTH_MAX)
        self.assertLess(busy, max(2 * quiet, quiet + FLOOR))
        self.assert_opens_at_once(oak, "After")

    def library(self, name: str):
        """A node that holds some thousands of records, and serves them as pages."""
        for i in range(RECORDS):
            self.pattern(f"library/{i}.md", f"Pattern {i}", f"What helps, number {i}. " * 20)
        node = self.node(name, start=False)
        node.start("--web", "127.0.0.1:0")
        node.ctl("import", os.path.join(self.folder, "library"), "--audience", "commons",
                 "--licence", "CC-BY-4.0", "--attribution", "Its authors")
        self.assertGreaterEqual(node.status()["content_set"], RECORDS)
        return node

    def attackers(self, node) -> subprocess.Popen:
        """The process of the hostile clients; those who are to be peers have joined."""
        peers = sum(client.instances for client in CLIENTS if client.is_peer)
        invites = [token.parse(node.invite("--for", f"Peer {i}")) for i in range(peers + 1)]
        used = self.probe("Used", compares=False)
        used.connect(self.address(node), invites[-1].org, invites[-1].secret)
        web = node.status()["web"].rsplit(":", 1)
        place = {"node": self.address(node), "web": (web[0], int(web[1])),
                 "org": invites[-1].org.hex(), "used": invites[-1].secret.hex(),
                 "invites": [invite.secret.hex() for invite in invites[:-1]]}
        process = subprocess.Popen([sys.executable, str(HERE / "attack.py")], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.assertEqual(self.tell(process, json.dumps(place)), "joined")
        return process

    @staticmethod
    def tell(process: subprocess.Popen, line: str = "") -> str:
        """Says a line to the hostile clients' process, and gives its answer."""
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def sync(self, host, name: str) -> float:
        """The seconds in which a new node joins and has all records of the host."""
        node = self.node(name)
        invite = host.invite("--for", name)
        begun = time.monotonic()
        node.ctl("join", invite)
        poll(lambda: node.status()["content_set"] >= RECORDS, f"{name} to hold the library", 60)
        taken = time.monotonic() - begun
        node.stop()
        return taken

    def assert_outcomes(self, table) -> None:
        """Each client came to the end that it must."""
        if all(row["is_done"] for row in table):
            return
        for row in table:
            print(f"{'ok ' if row['is_done'] else 'BAD'} {row['client']:32} "
                  f"must: {', '.join(row['must']):28} was: {row['outcomes']}  {row['does']}")
            if not row["is_done"] and row["trace"]:
                print(row["trace"])
        self.fail("these did not end as they must: " +
                  ", ".join(sorted({row["client"] for row in table if not row["is_done"]})))

    def assert_opens_at_once(self, node, name: str) -> None:
        begun = time.monotonic()
        probe = self.guest(node, name)
        probe.sync_until(lambda p: p.theirs[0], 5)
        self.assertLess(time.monotonic() - begun, 2)

    def test_without_descriptors(self) -> None:
        """The node outlives it, says how it is, does not spin, and takes calls again by itself."""
        few = 64
        oak = self.node("Oak", start=False)
        oak.start("--web", "127.0.0.1:0",
                  preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (few, few)))
        web = oak.status()["web"].rsplit(":", 1)
        with contextlib.ExitStack() as held:
            for address in (self.address(oak), (web[0], int(web[1]))):
                for i in range(2 * few):
                    held.enter_context(socket.create_connection(address, 5, (f"127.70.{i}.1", 0)))
            open_now = len(os.listdir(f"/proc/{oak.process.pid}/fd"))
            begun, spent = time.monotonic(), processor_seconds(oak.process.pid)
            answers = 0
            while time.monotonic() < begun + 3:
                answers += oak.run("status").returncode == 0
            spent = processor_seconds(oak.process.pid) - spent
            print(f"without descriptors: {open_now} of {few} in use, {answers} answers to rpctl, "
                  f"{spent:.2f} s of the processor in 3 s", flush=True)
            self.assertGreater(answers, 10)
            self.assertLess(spent, 1.0)
        poll(lambda: self.opens(oak), "the node to take calls again", 10)

    def opens(self, node) -> bool:
        try:
            self.guest(node, f"Guest {len(self.probes)}")
        except (OSError, Closed):
            self.probes.pop()
            return False
        return True


if __name__ == "__main__":
    unittest.main()
