#!/usr/bin/python3
"""Runs all hostile clients against one node; test_hostile.py starts it as a process of its own.

Reads where the node is as a line of JSON. Says "ready" when every flood is under way; another line
ends the floods. Then prints, as a line of JSON, what became of each client, and ends.
"""

from __future__ import annotations

import collections
import json
import os
import sys
import threading
import time
import traceback

from wire import CLIENTS, Attack, Caller, Client, NotLetIn, Refused

import pages  # noqa: F401
import peers  # noqa: F401
import strangers  # noqa: F401

GIVE_UP_SECONDS = 60  # for a client that others keep from being looked at
AGAIN_SECONDS = 1
ACTING_SECONDS = 20  # until each flood does its worst


class Runner(threading.Thread):
    """One instance of a client: again and again while there is something to disturb."""

    def __init__(self, client: Client, attack: Attack) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.attack = attack
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.trace = ""
        self.pause = threading.Event()  # never set

    def once(self) -> str:
        try:
            return self.client.run(self.attack)
        except NotLetIn:
            return "not let in"
        except Refused as refused:
            return f"not let in: {refused.code}"
        except Exception:  # the table shows it
            self.trace = traceback.format_exc()
            return "error"

    def is_done(self) -> bool:
        return any(must in self.outcomes for must in self.client.must)

    def run(self) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            self.outcomes[self.once()] += 1
            if self.attack.over.wait(AGAIN_SECONDS):
                if self.is_done():
                    return
                self.pause.wait(AGAIN_SECONDS)


def let_in(attack: Attack, invite: str) -> None:
    """Makes the client's organisation a peer."""
    Caller(attack).open(bytes.fromhex(invite)).channel.close()


def begin(runners: list[Runner]) -> list[str]:
    """Starts clients; the names of floods that do not get so far as to do harm."""
    for runner in runners:
        runner.start()
    deadline = time.monotonic() + ACTING_SECONDS
    return [runner.client.name for runner in runners if runner.client.floods and not
            runner.attack.acting.wait(max(0, deadline - time.monotonic()))]


def main() -> int:
    os.nice(19)  # an attacker has a machine of its own, and does not take the node's time
    place = json.loads(sys.stdin.readline())
    runners = []
    for number, client in enumerate(CLIENTS):
        for instance in range(client.instances):
            attack = Attack(place, number, instance, client.name)
            if client.is_peer:
                let_in(attack, place["invites"].pop())
                attack.acts_on_call = False
                attack.acting.clear()
            runners.append(Runner(client, attack))
    print("joined", flush=True)
    sys.stdin.readline()
    idle = begin([runner for runner in runners if runner.client.is_peer])
    idle += begin([runner for runner in runners if not runner.client.is_peer])
    print("ready" if not idle else f"not acting: {idle}", flush=True)
    sys.stdin.readline()
    for runner in runners:
        runner.attack.over.set()
    for runner in runners:
        runner.join(GIVE_UP_SECONDS)
    print(json.dumps([{
        "client": runner.client.name, "does": runner.client.run.__doc__,
        "must": runner.client.must, "is_done": runner.is_done() and not runner.is_alive(),
        "outcomes": runner.outcomes, "trace": runner.trace,
    } for runner in runners]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
