#!/usr/bin/python3
"""rpspread: records reach all, by short ways and once, also when many nodes stop; bugs are noticed.

    test_spread.py RPSPREAD
"""

import subprocess
import sys

RPSPREAD = sys.argv[1]
HOLDS = [
    ("--graph", "regular"),
    ("--graph", "clustered"),
    ("--graph", "regular", "--stop", "killed"),
    ("--graph", "clustered", "--stop", "silent"),
]
# Each planted bug, where it is noticed, and what is said then.
PLANTED = {
    "nothing-announced": ((), "nodes have no record of node"),
    "announced-to-some": ((), "hops, and the farthest node is"),
    "served-twice": ((), "2.000 payloads a node and record"),
    "next-not-asked": (("--stop", "silent"), "are without the record of node"),
    "end-not-noticed": (("--stop", "killed"), "is without a record after all were back"),
}


def run(nodes, *options):
    """Exit status and output of one run."""
    done = subprocess.run([RPSPREAD, *options, "1", str(nodes)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, timeout=600)
    return done.returncode, done.stdout


def main():
    good = True
    for options in HOLDS:
        status, said = run(100, *options)
        if status != 0:
            print(*options, said, sep="\n")
            good = False
    if run(100, *HOLDS[-1]) != (0, said):
        print("the same seed, and two different runs")
        good = False
    for bug, (options, words) in PLANTED.items():
        status, said = run(60, "--graph", "regular", "--plant", bug, *options)
        if status != 1 or words not in said:
            print(f"{bug}: not noticed, or not as {words!r}:", said, sep="\n")
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
