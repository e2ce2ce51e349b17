"""rpbench: each command runs, and what it counts can be so. No times: machines differ."""

import json
import os
import subprocess
import sys
import unittest

RPBENCH = os.environ.get("RPBENCH", "build/rpbench")


def bench(*args):
    """What rpbench prints as JSON, one object a line."""
    out = subprocess.run([RPBENCH, *args, "--json"], check=True, capture_output=True, text=True,
                         timeout=120).stdout
    return [json.loads(line) for line in out.splitlines()]


class Bench(unittest.TestCase):
    def test_reconcile(self):
        for shape in ("scattered", "newest"):
            runs = bench("reconcile", "--records", "3000", "--differ", "0,1,40,600", "--shape",
                         shape, "--seeds", "2", "--excluded", "200")
            self.assertEqual([run["differ"] for run in runs], [0, 0, 1, 1, 40, 40, 600, 600])
            for run in runs:
                with self.subTest(run=run):
                    self.check_reconciled(run)

    def check_reconciled(self, run):
        d = run["differ"]
        self.assertEqual(run["records"], 3000)
        self.assertEqual(run["bytes"], run["bytes_out"] + run["bytes_in"])
        self.assertEqual(run["fallback"], 0)
        self.assertLessEqual(run["round_trips"], 4)
        self.assertLessEqual(run["equal_bytes"], 160)
        self.assertLessEqual(run["bytes"], 70 * d + 3000)
        # what one side has the other asks for, with 8 bytes, having been told 16 of each
        self.assertGreaterEqual(run["bytes"], d // 2 * 24)
        self.assertGreaterEqual(run["asked_back_bytes"], (d + 1) // 2 * 8)
        if d == 0:
            self.assertEqual(run["cells"], 0)
            self.assertLessEqual(run["bytes"], 160)
        elif run["lists"] == 0:
            self.assertGreater(run["cells"], d)
        if d == 600:
            self.assertLess(abs(run["estimate"] - d), d / 2)

    def test_the_same_seed_gives_the_same_sets(self):
        args = ("reconcile", "--records", "2k", "--differ", "100", "--seed", "7")
        one, other = bench(*args)[0], bench(*args)[0]
        for key in ("bytes", "cells", "estimate", "round_trips"):
            self.assertEqual(one[key], other[key])

    def test_scale(self):
        run, = bench("scale", "--records", "500")
        self.assertEqual(run["records"], 500)
        self.assertGreater(run["store_bytes"], run["plain_bytes"] / 2)
        for question in ("status", "page", "kind", "author"):
            self.assertGreater(run[question + "_p50_ms"], 0)
            self.assertLessEqual(run[question + "_p50_ms"], run[question + "_max_ms"])

    def test_sync(self):
        run, = bench("sync", "--records", "300", "--size", "1200")
        self.assertEqual(run["records"], 300)
        self.assertAlmostEqual(run["plain_bytes"], 300 * 1200, delta=300 * 4)
        self.assertGreater(run["bytes_wire"], 300 * 300)
        self.assertLess(run["bytes_wire"], 2 * run["plain_bytes"])
        self.assertGreater(run["store_bytes"], run["bytes_wire"] / 2)
        for key in ("wall_s", "cpu_s", "verify_limit", "rss_bytes", "live_s", "live_bytes_wire"):
            self.assertGreater(run[key], 0, key)

    def test_live(self):
        run, = bench("live", "--nodes", "3", "--count", "5")
        self.assertEqual((run["nodes"], run["count"]), (3, 5))
        self.assertLessEqual(0, run["next_p50_ms"])
        self.assertLessEqual(run["next_p50_ms"], run["last_p50_ms"])
        self.assertLessEqual(run["last_p50_ms"], run["last_p99_ms"])

    def test_busy(self):
        run, = bench("busy", "--records", "200", "--idle", "3")
        self.assertEqual((run["records"], run["size"], run["relay"]), (200, 1200, False))
        self.assertEqual(run["live"]["idle_n"], 3)
        self.assertGreater(run["wall_s"], 0)
        for key in ("live", "stored", "status", "show", "nodes", "page"):
            with self.subTest(key=key):
                times = run[key]
                self.assertGreaterEqual(times["n"], 1)
                for when in ("", "idle_"):
                    self.assertGreater(times[when + "p50_ms"], 0)
                    self.assertLessEqual(times[when + "p50_ms"], times[when + "p99_ms"])
                    self.assertLessEqual(times[when + "p99_ms"], times[when + "max_ms"])
        # a record is on its author's disk before anybody else has it
        self.assertLessEqual(run["stored"]["max_ms"], run["live"]["max_ms"])
        for who in ("sender", "receiver", "live"):
            self.assertGreater(run[f"rss_{who}_bytes"], 0)

    def test_usage(self):
        for args in ((), ("fly",), ("sync", "--records", "many"), ("reconcile", "--differ"),
                     ("live", "--fast"), ("reconcile", "--records", "1", "--differ", "2")):
            result = subprocess.run([RPBENCH, *args], capture_output=True, text=True, timeout=60)
            self.assertNotEqual(result.returncode, 0, args)
            self.assertIn("rpbench", result.stderr)
            self.assertEqual(result.stdout, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
