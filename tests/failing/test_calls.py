"""A real node whose calls into the system fail: while it starts, and while it runs.

Whatever fails, the node says so and ends, or stays up and refuses what it cannot do. Nothing that
was acknowledged is lost, nothing spins, and when the calls work again so does the node.
"""

import contextlib
import errno
import mmap
import os
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e"))

from nodes import BUILD, Failed, NodesTest, agree, poll  # noqa: E402

PRELOAD = os.environ.get("RPNODE_CALLS",
                         os.path.join(BUILD, "tests", "failing", "libfailing_calls.so"))
FORMAT = "=16sIIIIII"  # struct calls in calls.h
ANY, SOCKETS, FILES = range(3)
FOREVER = 0
SHORT = 0  # in place of an errno: half of it is written
SPIN = 0.6  # of one core
VERBOSE = "CALLS_VERBOSE" in os.environ
SPREAD = range(1, 13)

# call, on what, what it fails with
STARTING = (
    ("open", ANY, (errno.EMFILE, errno.EIO)),
    ("read", FILES, (errno.EIO,)),
    ("pread", ANY, (errno.EIO,)),
    ("mmap", FILES, (errno.ENOMEM,)),
    ("pwrite", ANY, (errno.ENOSPC, errno.EIO, SHORT)),
    ("write", FILES, (errno.ENOSPC,)),
    ("fdatasync", ANY, (errno.EIO, errno.ENOSPC)),
    ("close", FILES, (errno.EIO,)),
    ("socket", ANY, (errno.EMFILE,)),
    ("bind", ANY, (errno.EADDRINUSE, errno.EACCES)),
    ("listen", ANY, (errno.EADDRINUSE,)),
    ("epoll_create1", ANY, (errno.EMFILE,)),
    ("epoll_pwait", ANY, (errno.EINTR,)),
    ("eventfd", ANY, (errno.EMFILE,)),
)  # not pipe2 and epoll_ctl: without them libuv itself gives up
RUNNING = (
    ("pwrite", FILES, (errno.ENOSPC, errno.EIO, SHORT)),
    ("fdatasync", FILES, (errno.EIO, errno.ENOSPC)),
    ("read", SOCKETS, (errno.EIO, errno.EINTR, errno.ECONNRESET)),
    ("write", SOCKETS, (errno.EPIPE, errno.EINTR, errno.ENOBUFS)),
    ("accept4", SOCKETS, (errno.EMFILE, errno.ECONNABORTED, errno.EINTR)),
    ("socket", ANY, (errno.EMFILE,)),
    ("connect", ANY, (errno.EMFILE, errno.ENETUNREACH, errno.EINTR)),
    ("epoll_pwait", ANY, (errno.EINTR,)),
)
DIALLING = ("socket", "connect")


def knock(node):
    """Somebody calls, whether the node listens at the moment or not."""
    host, port = node.listen.split(":")
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection((host, int(port))).close()


class Calls:
    """What of a node's calls fails; see calls.h."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(struct.calcsize(FORMAT)))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), struct.calcsize(FORMAT))

    def fail(self, name, kind=ANY, error=0, first=1, times=1):
        self.map[:] = struct.pack(FORMAT, name.encode(), kind, error, first, times, 0, 0)

    def failed(self):
        return struct.unpack(FORMAT, self.map[:])[6]

    def stop(self):
        """No more of them fail. How many have."""
        failed = self.failed()
        self.map[:16] = bytes(16)
        return failed

    def wrapper(self):
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return ("env", f"LD_PRELOAD={PRELOAD}", f"FAILING_CALLS={self.path}",
                f"ASAN_OPTIONS={sanitizer.lstrip(':')}")


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class FailingCalls(NodesTest):
    def setUp(self):
        super().setUp()
        self.calls = Calls(os.path.join(self.folder, "calls"))
        self.published = 0
        self.held = {}  # by node: the objects that it acknowledged

    def start(self, node):
        return node.start(wrapper=self.calls.wrapper())

    def publish(self, node):
        """Whether it was acknowledged; else the refusal must be a sentence."""
        self.published += 1
        path = self.pattern(f"p{self.published}.md", f"Pattern {self.published}")
        result = node.run("publish", path)
        if result.returncode == 0:
            self.held.setdefault(node.name, []).append(result.stdout.strip())
            return True
        self.assertIn(result.returncode, (1, 3, 4), result.stderr)
        self.assertRegex(result.stderr, r"\w+ \w+", self.case)
        return False

    def check_held(self, node):
        have = {item["object"] for item in node.list()}
        self.assertEqual([one for one in self.held.get(node.name, []) if one not in have], [], self.case)

    def check_reading(self, node):
        """Reading goes on, unless of a transaction only the last page failed: LMDB writes some pages
        by other calls. Then the node cannot go on; it says so, and ends."""
        try:
            self.check_held(node)
        except Failed:
            poll(lambda: node.process.poll() is not None, f"{self.case}: to answer, or to end")
            self.assertIn("the disk failed while the store was being written", node.last_log())

    def check_rest(self, node, seconds=0.25):
        """What is in hand may be finished first; what spins never comes to rest."""
        poll(lambda: self.rests(node, seconds), f"{self.case}: a core to come to rest")

    @staticmethod
    def rests(node, seconds):
        before = cpu_seconds(node.process)
        time.sleep(seconds)
        return cpu_seconds(node.process) - before < SPIN * seconds + 0.02

    def check_ended(self, node):
        """It has ended by itself, and said why."""
        status = node.process.wait()
        node.process = None
        self.assertEqual(status, 1, f"{self.case}: {node.last_log()}")
        self.assertRegex(node.last_log(), r"\w+ \w+", self.case)

    def answers_or_has_ended(self, node):
        return node.process.poll() is not None or node.run("status").returncode == 0

    def start_failing(self, node, call, kind, error, first):
        """Starts the node; how many calls have failed by the time it answers or has ended."""
        self.case = f"starting: {call} {first}, {os.strerror(error) if error else 'short'}"
        open(node.log, "wb").close()
        self.calls.fail(call, kind, error, first)
        node.spawn(wrapper=self.calls.wrapper())
        try:
            poll(lambda: self.answers_or_has_ended(node), self.case, 10)
        finally:
            failed = self.calls.stop()
        if node.process.poll() is not None:
            self.assertGreater(failed, 0, f"{self.case}: {node.last_log()}")
            self.check_ended(node)
        else:
            node.stop()
        if VERBOSE:
            print(f"{self.case}: {failed} failed; {node.last_log().splitlines()[0]}", flush=True)
        return failed

    def test_a_node_starts_or_says_why_it_cannot(self):
        node = self.node("a", start=False)
        self.case = "before"
        node.start()
        for _ in range(3):
            self.assertTrue(self.publish(node))
        node.stop()
        node.listen = "127.0.0.1:0"
        runs = 0
        for call, kind, errors in STARTING:
            for error in errors:
                for first in SPREAD:
                    runs += 1
                    if self.start_failing(node, call, kind, error, first) == 0:
                        break
            node.start()
            self.check_held(node)
            node.stop()
        print(f"starting: {runs} runs", flush=True)

    def make_busy(self, a, b, call):
        """Something of everything, so that calls of every sort are made."""
        if call in DIALLING:  # a has to call b, which is away
            b.stop()
            poll(self.calls.failed, f"{self.case}: to be called")
            b.start()
        elif call == "accept4":
            b.stop()
            b.start()
        self.publish(b)
        return self.publish(a)

    def works_again(self, node):
        if node.process.poll() is not None:
            self.check_ended(node)
            self.start(node)
        return self.publish(node)

    def make_well(self, node):
        """All calls work again, and so does the node: by itself, or it has ended and is started."""
        poll(lambda: self.works_again(node), f"{self.case}: to publish again")
        self.check_held(node)

    def test_a_running_node_goes_on(self):
        a = self.node("a", start=False)
        b = self.node("b")
        self.start(a)
        a.ctl("join", b.invite())
        self.until_agreed(a, b)
        runs = 0
        for call, kind, errors in RUNNING:
            for error in errors:
                for first in SPREAD[:1] if call in DIALLING else SPREAD:
                    self.case = f"running: {call} {first}, {os.strerror(error) if error else 'short'}"
                    runs += 1
                    begun = time.monotonic()
                    self.calls.fail(call, kind, error, first)
                    self.make_busy(a, b, call)
                    failed = self.calls.stop()
                    self.make_well(a)
                    if VERBOSE:
                        print(f"{self.case}: {failed} failed, {time.monotonic() - begun:.1f} s",
                              flush=True)
                    if failed == 0:
                        break
            poll(lambda: agree(a, b), f"{self.case}: both to hold the same")
            self.check_rest(a)
            a.kill()
            self.start(a)
            self.check_held(a)
        print(f"running: {runs} runs", flush=True)

    def test_what_fails_for_good_spins_nowhere(self):
        a = self.node("a", start=False)
        b = self.node("b")
        self.start(a)
        a.ctl("join", b.invite())
        self.until_agreed(a, b)
        for call, kind, error in (("pwrite", FILES, errno.ENOSPC), ("fdatasync", FILES, errno.EIO),
                                  ("accept4", SOCKETS, errno.EMFILE), ("socket", ANY, errno.EMFILE),
                                  ("connect", ANY, errno.ENETUNREACH)):
            self.case = f"for good: {call}, {os.strerror(error)}"
            self.check_rest(a)  # what is being written is written whole, or the store has to end
            self.calls.fail(call, kind, error, 1, FOREVER)
            if kind != FILES:
                b.kill()
                if call in DIALLING:  # a has to call b, which is away
                    poll(self.calls.failed, f"{self.case}: to be called")
                b.start()
                if call == "accept4":  # b may not call a, but be called by it
                    knock(a)
            else:
                self.assertFalse(self.publish(a), self.case)
                self.check_reading(a)
            self.publish(b)
            poll(self.calls.failed, f"{self.case}: to be called")
            if a.process.poll() is None:
                self.check_rest(a, 1)
            if kind != FILES:  # with those it may have had to end, and then says so
                self.assertIsNone(a.process.poll(), f"{self.case}: {a.last_log()}")
            self.calls.stop()
            self.make_well(a)
        self.until_agreed(a, b)


if __name__ == "__main__":
    unittest.main()
