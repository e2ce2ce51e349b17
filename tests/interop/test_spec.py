#!/usr/bin/python3
"""The Python implementation against golden.json, the Noise vectors, and itself.

    cd tests/interop && /usr/bin/python3 -m unittest

INTEROP_REKEY sets after how many messages the loopback test expects a new key
(65,536 as in SPEC 3.1 unless set; fewer for a quick run).
"""

from __future__ import annotations

import json
import os
import pathlib
import random
import socket
import threading
import time
import types
import unittest
from unittest import mock

import make_vectors
from commons import beacon, bech32m, canonical, certificate, circle, fingerprint, grant, hashes
from commons import identity, link, message, noise, paper, record, recover, sketch, teller, token
from commons.author import Author
from commons.channel import Channel, Closed
from commons.exchange import Initiator, Responder, View
from commons.holdings import Holdings
from commons.link import Refused
from commons.peer import Peer
from commons.refuse import Refuse

HERE = pathlib.Path(__file__).resolve().parent
SHARED = HERE.parent.parent.parent / "shared" / "data"
GOLDEN = json.loads((HERE.parent / "vectors" / "golden.json").read_text())
REKEY = int(os.environ.get("INTEROP_REKEY", noise.REKEY_AFTER))

unhex = bytes.fromhex


def bytes_of(value):
    return [unhex(v) for v in value]


class Golden(unittest.TestCase):
    """Every vector by the library's public functions, read from the file."""

    def refused(self, function, *arguments, note=""):
        with self.subTest(note=note), self.assertRaises(Refuse):
            function(*arguments)

    def test_file_is_as_it_would_be_made(self):
        self.assertEqual(make_vectors.PATH.read_text(), make_vectors.text())

    def test_canonical(self):
        for v in GOLDEN["canonical_valid"]:
            with self.subTest(note=v["note"]):
                value = canonical.decode(unhex(v["hex"]))
                self.assertEqual(canonical.encode(value).hex(), v["hex"])
        for v in GOLDEN["canonical_invalid"]:
            self.refused(canonical.decode, unhex(v["hex"]), note=v["note"])

    def test_hash_and_signature(self):
        for v in GOLDEN["hash"]:
            self.assertEqual(hashes.H(v["domain"], *bytes_of(v["parts"])).hex(), v["digest"])
        for v in GOLDEN["signature"]:
            key, digest, sig = unhex(v["key"]), unhex(v["digest"]), unhex(v["sig"])
            self.assertTrue(hashes.verify(v["domain"], key, digest, sig))
            self.assertFalse(hashes.verify(hashes.RECORD, key, digest, sig))
        for v in GOLDEN["accept"]:
            lists = set(bytes_of(v["accepted"])), set(bytes_of(v["kept"]))
            self.assertEqual(hashes.accept_digest(*lists).hex(), v["digest"])

    def test_organisations(self):
        for v in GOLDEN["org"]:
            inception = identity.parse_inception(unhex(v["inception"]))
            self.assertEqual(inception.org.hex(), v["id"])
            self.assertEqual(inception.name, v["name"])
            self.assertEqual(inception.key, hashes.public_key(unhex(v["key_seed"])))
            next_key = hashes.public_key(unhex(v["next_seed"]))
            self.assertEqual(inception.next, identity.next_digest(next_key))
            self.assertEqual(identity.org_text(inception.org), v["text"])
            self.assertEqual(len(v["text"]), 61)
            for text in (v["text"], v["text"].upper()):
                self.assertEqual(identity.parse_org_text(text).hex(), v["id"])
        for v in GOLDEN["org_text_invalid"]:
            self.refused(identity.parse_org_text, v["text"], note=v["note"])
        for v in GOLDEN["inceptions_invalid"]:
            self.refused(identity.parse_inception, unhex(v["inception"]), note=v["note"])

    def test_paper(self):
        for v in GOLDEN["paper"] + GOLDEN["paper_forgiven"]:
            self.assertEqual(paper.decode(v["text"]), (v["number"], unhex(v["seed"])))
        for v in GOLDEN["paper"]:
            self.assertEqual(paper.encode(v["number"], unhex(v["seed"])), v["text"])
        for v in GOLDEN["paper_invalid"]:
            self.refused(paper.decode, v["text"], note=v["note"])

    def test_tellers_codes(self):
        for v in GOLDEN["teller"] + GOLDEN["teller_forgiven"]:
            self.assertEqual(teller.decode(v["text"]).hex(), v["secret"])
        for v in GOLDEN["teller"]:
            secret = unhex(v["secret"])
            self.assertEqual(teller.encode(secret), v["text"])
            self.assertEqual(teller.key_seed(secret).hex(), v["key_seed"])
            self.assertEqual(teller.teller(secret).hex(), v["teller"])
        for v in GOLDEN["teller_invalid"]:
            self.refused(teller.decode, v["text"], note=v["note"])

    def test_tokens(self):
        for v in GOLDEN["tokens"]:
            invite = token.parse(v["text"])
            self.assertEqual(invite.text(), v["text"])
            self.assertEqual(invite.org.hex(), v["org"])
            self.assertEqual(invite.expires, v["expires"])
            self.assertEqual(list(invite.addresses), v["addresses"])
            self.assertEqual(token.token_name(unhex(v["secret"])).hex(), v["name"])
        for v in GOLDEN["tokens_invalid"]:
            self.refused(token.parse, v["text"], note=v["note"])

    def test_records(self):
        for v in GOLDEN["records"]:
            with self.subTest(name=v["name"]):
                opened = record.open_record(unhex(v["packed_plain"]))
                self.assertEqual(opened.body_bytes.hex(), v["body"])
                self.assertEqual(opened.body.encode().hex(), v["body"])
                self.assertEqual(opened.id.hex(), v["id"])
                self.assertEqual(opened.symbol.hex(), v["symbol"])
                self.assertEqual(opened.body.object.hex(), v["object"])
                self.assertEqual(opened.sig.hex(), v["sig"])
                packed = record.pack(opened.body_bytes, opened.sig, 1)
                again = record.open_record(packed)
                self.assertEqual((again.codec, again.id), (1, opened.id))
                self.assertEqual(again.plain(), opened.packed)
        for v in GOLDEN["records_compressed"]:
            with self.subTest(note=v["note"]):
                self.assertEqual(record.open_record(unhex(v["packed"])).id.hex(), v["id"])

    def test_records_invalid(self):
        for v in GOLDEN["records_invalid"]:
            self.refused(record.open_record, unhex(v["packed"]), note=v["note"])

    def test_record_of_a_later_version(self):
        for v in GOLDEN["records_later"]:
            later = record.open_record(unhex(v["packed"]))
            self.assertIsInstance(later, record.Later)
            self.assertEqual(later.id.hex(), v["id"])

    def test_withdrawals(self):
        author = Author("Withdrawals")
        for v in GOLDEN["withdrawals"]:
            with self.subTest(note=v["note"]):
                holdings = Holdings(author.inception)
                by = record.open_record(unhex(v["withdrawal"]))
                of = record.open_record(unhex(v["record"]))
                keys = bytes_of(v["keys"])
                chain = holdings.chains[of.body.org] = identity.Chain(author.inception)
                chain.keys = keys
                chain.steps = [identity.Succession(n, k, k, None) for n, k in enumerate(keys[1:])]
                covers = holdings.is_effective(by) and holdings.covers(by, of)
                self.assertEqual(covers, v["covers"])

    def test_succession(self):
        v = GOLDEN["succession"]
        chains = [identity.Chain(identity.parse_inception(unhex(v["inception"])))]
        for packed in v["successions"]:
            following = identity.Chain(chains[0].inception)
            following.keys, following.next = list(chains[-1].keys), chains[-1].next
            following.follow(record.open_record(unhex(packed)))
            chains.append(following)
        self.assertEqual([key.hex() for key in chains[-1].keys], v["keys"])

        def follow(bad):
            chains[bad["after"]].follow(record.open_record(unhex(bad["packed"])))

        for bad in v["bad"]:
            self.refused(follow, bad, note=bad["note"])

    def test_what_a_succession_stands_by(self):
        v = GOLDEN["stood_by"]
        chain = identity.Chain(identity.parse_inception(unhex(v["inception"])))
        chain.follow_all([record.open_record(unhex(packed)) for packed in v["successions"]])
        self.assertEqual([key.hex() for key in chain.keys], v["keys"])
        for case in v["records"]:
            with self.subTest(note=case["note"]):
                opened = record.open_record(unhex(case["packed"]))
                self.assertEqual(chain.is_of(opened), case["of"])

    def test_recovering(self):
        v = GOLDEN["recover"]
        org, caller, called = (unhex(v[k]) for k in ("org", "caller", "called"))
        asked = message.decode(unhex(v["recover"]))
        self.assertEqual(recover.digest(org, caller, called).hex(), v["digest"])
        self.assertTrue(recover.is_signed(asked, caller, called))
        self.assertFalse(recover.is_signed(asked, called, caller))
        again = recover.ask(org, unhex(v["paper_seed"]), caller, called)
        self.assertEqual(message.encode(again).hex(), v["recover"])
        chain = recover.follow(message.decode(unhex(v["chain"])), org)
        self.assertEqual(len(chain.keys), 3)

    def test_another_node_is_granted(self):
        v = GOLDEN["node_request"]
        asked = grant.parse_request(v["text"])
        for name in ("org", "noise", "sign"):
            self.assertEqual(getattr(asked, name).hex(), v[name])
        self.assertEqual(asked.name, v["name"])
        v = GOLDEN["grant"]
        noise = unhex(v["noise_public"])
        for text in (v["text"], v["text_with_key"]):
            granted = grant.parse(text, noise)
            self.assertEqual(granted.proven.org.hex(), v["org"])
            self.assertEqual([[p[0].hex(), *p[1:]] for p in granted.peers], v["peers"])
        secrets = grant.unseal(granted.sealed, noise, unhex(v["noise_secret"]))
        self.assertEqual(secrets.hex(), v["secrets"])
        self.refused(grant.parse, v["text"], unhex(GOLDEN["recover"]["caller"]))
        for case in GOLDEN["grant_invalid"]:
            self.refused(grant.parse, case["text"], noise, note=case["note"])

    def test_certificate_and_proof(self):
        v = GOLDEN["certificate"]
        opened = certificate.open_issued(unhex(v["issued"]))
        self.assertEqual(opened.encode().hex(), v["certificate"])
        self.assertEqual(opened.name, v["fields"]["name"])
        self.assertEqual(opened.serial, v["fields"]["serial"])
        for v in [GOLDEN["proof"], *GOLDEN["proofs_more"]]:
            proven = certificate.check_proof(unhex(v["proof"]), unhex(v["noise_public"]))
            self.assertEqual(proven.org.hex(), v["org"])
            self.assertEqual(proven.certificate.name, v["node_name"])
        for v in GOLDEN["proof_invalid"]:
            proof, public = unhex(v["proof"]), unhex(v["noise_public"])
            self.refused(certificate.check_proof, proof, public, note=v["note"])

    def test_fingerprint(self):
        for v in GOLDEN["fingerprint"]:
            total = fingerprint.Fingerprint(bytes_of(v["symbols"]))
            self.assertEqual(total.digest().hex(), v["digest"])
            for lane, expected in enumerate(v["first_lanes"]):
                found = sum(
                    int.from_bytes(fingerprint.expand(unhex(s))[2 * lane : 2 * lane + 2], "little")
                    for s in v["symbols"]
                )
                self.assertEqual(found % 65536, expected)

    def test_sketch(self):
        for v in (GOLDEN["sketch"], GOLDEN["sketch_circle"]):
            key = sketch.scope_key(unhex(v["scope"]))
            self.assertEqual(key.hex(), v["key"])
            symbols = bytes_of(v["symbols"])
            checksums = [sketch.checksum(key, s).to_bytes(8, "little").hex() for s in symbols]
            self.assertEqual(checksums, v["checksums"])
            for w in v["walks"]:
                c = int.from_bytes(unhex(w["checksum"]), "little")
                self.assertEqual(sketch.cells_of(c, 65536), w["below_65536"])
                self.assertEqual(sketch.cells_of(c, w["first_40"][-1] + 1), w["first_40"])
            cells = sketch.make(symbols, key, 65536)
            self.assertEqual(sketch.to_bytes(cells[:64]).hex(), "".join(v["cells"]))
            self.assertEqual(sketch.digest_cells(65536), v["digest_cells"])
            self.assertEqual(sketch.digests(cells).hex(), v["digests"])
        for w in GOLDEN["sketch_walks"]:
            c = int.from_bytes(unhex(w["checksum"]), "little")
            self.assertEqual(sketch.cells_of(c, 65536), w["below_65536"])
        key = unhex(GOLDEN["sketch"]["key"])
        for v in GOLDEN["sketch_differences"]:
            found = sketch.decode(sketch.from_bytes(unhex(v["cells"])), key)
            self.assertEqual(found, None if v["found"] is None else set(bytes_of(v["found"])))

    def test_noise(self):
        v = GOLDEN["noise"]
        sides = {
            True: noise.Handshake(True, unhex(v["init_static"]), unhex(v["init_ephemeral"])),
            False: noise.Handshake(False, unhex(v["resp_static"]), unhex(v["resp_ephemeral"])),
        }
        for turn, (payload, expected) in enumerate(zip(v["payloads"], v["messages"])):
            written = sides[turn != 1].write(unhex(payload))
            self.assertEqual(written.hex(), expected)
            self.assertEqual(sides[turn == 1].read(written).hex(), payload)
        self.assertEqual(sides[True].h.hex(), v["handshake_hash"])
        for side, name in ((False, "from_initiator"), (True, "from_responder")):
            inward, w = sides[side].split()[1], v[name]
            self.assertEqual(inward.cipher.key.hex(), v[f"key_{name}"])
            opened = [inward.open(unhex(sealed)).hex() for sealed in w["sealed"]]
            self.assertEqual(opened, w["plain"])
            inward.cipher.n = 65535
            self.assertEqual(inward.open(unhex(w["sealed_65535"])).hex(), w["plain_65535"])
            self.assertEqual(inward.cipher.key.hex(), w["rekeyed"])
            self.assertEqual(inward.open(unhex(w["sealed_65536"])).hex(), w["plain_65536"])

    def test_messages(self):
        entries = {"accepted", "kept", "symbols", "prefixes", "cells", "records"}
        for v in GOLDEN["messages"]:
            decoded = message.decode(unhex(v["frame"]))
            self.assertEqual(decoded.name, v["type"])
            self.assertEqual(message.encode(decoded).hex(), v["frame"])
            self.assertEqual(set(decoded.fields), set(v["fields"]))
            for name in entries & set(v["fields"]):
                self.assertEqual([e.hex() for e in decoded[name]], v["fields"][name])
        elsewhere = {message.NUMBERS[name] for name in ("RECOVER", "CHAIN")}
        numbers = {v["number"] for v in GOLDEN["messages"]}
        self.assertEqual(numbers, set(message.TYPES) - elsewhere)
        for v in GOLDEN["messages_invalid"]:
            self.refused(message.decode, unhex(v["frame"]), note=v["note"])
        for v in GOLDEN["messages_ignored"]:
            self.assertIsNone(message.decode(unhex(v["frame"])))


    def test_beacons_and_circles_that_are_none(self):
        for v in GOLDEN["beacons_invalid"]:
            with self.subTest(note=v["note"]), self.assertRaises(Refuse):
                beacon.open_sealed(unhex(v["sealed"]))
        for v in GOLDEN["circles_invalid"]:
            with self.subTest(note=v["note"]), self.assertRaises(Refuse):
                circle.open_issued(unhex(v["issued"]))


class Foundations(unittest.TestCase):
    def test_bech32m_of_bip_350(self):
        for prefix, text in (
            ("a", "a1lqfn3a"), ("a", "A1LQFN3A"), ("?", "?1v759aa"),
            ("split", "split1checkupstagehandshakeupstreamerranterredcaperredlc445v"),
        ):  # fmt: skip
            data = bech32m.decode(prefix, text)
            self.assertEqual(bech32m.encode(prefix, data), text.lower())

    def test_random_bytes_never_decode_to_another_encoding(self):
        chance = random.Random(1)
        for _ in range(20000):
            data = chance.randbytes(chance.randrange(1, 12))
            try:
                value = canonical.decode(data)
            except Refuse:
                continue
            self.assertEqual(canonical.encode(value), data)

    def test_changed_records_are_refused(self):
        chance = random.Random(2)
        for v in GOLDEN["records"]:
            good = unhex(v["packed_plain"])
            for _ in range(30):
                at = chance.randrange(len(good))
                bad = good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1 :]
                try:
                    # A bit of the version makes it a later one, which has another id.
                    opened = record.open_record(bad)
                    self.assertIsInstance(opened, record.Later)
                    self.assertNotEqual(opened.id.hex(), v["id"])
                except Refuse:
                    pass

    def test_longest_records(self):
        author = Author("Long", bytes(32))
        longest = author.compose("story", {"text": "x" * 200000}, codec=1)
        self.assertLess(len(longest.packed), 2000)
        with self.assertRaises(Refuse):
            author.compose("story", {"text": "x" * record.MAX_BODY})
        with self.assertRaises(Refuse):
            record.open_record(canonical.encode([0, bytes(record.MAX_BODY + 1), bytes(64)]))

    def test_fingerprint_remove(self):
        symbols = [os.urandom(16) for _ in range(40)]
        total = fingerprint.Fingerprint(symbols)
        for symbol in symbols[10:]:
            total.remove(symbol)
        self.assertEqual(total.lanes(), fingerprint.Fingerprint(symbols[:10]).lanes())


class NoiseVectors(unittest.TestCase):
    def check(self, vector):
        args = unhex(vector["init_prologue"])
        init = noise.Handshake(
            True, unhex(vector["init_static"]), unhex(vector["init_ephemeral"]), args
        )
        resp = noise.Handshake(
            False, unhex(vector["resp_static"]), unhex(vector["resp_ephemeral"]), args
        )
        ways = None
        for turn, m in enumerate(vector["messages"]):
            payload, expected = unhex(m["payload"]), m["ciphertext"]
            if turn < 3:
                writer, reader = (init, resp) if turn % 2 == 0 else (resp, init)
                out = writer.write(payload)
                self.assertEqual(reader.read(out), payload)
            else:
                ways = ways or (init.split(), resp.split())
                writer, reader = (0, 1) if turn % 2 == 0 else (1, 0)
                out = ways[writer][0].seal(payload)
                self.assertEqual(ways[reader][1].open(out), payload)
            self.assertEqual(out.hex(), expected)
        if vector.get("handshake_hash"):
            self.assertEqual(init.h.hex(), vector["handshake_hash"])

    def test_published(self):
        # The project's own copies, or else those in the folder beside it.
        here = [HERE.parent / "vectors" / n for n in ("noise_xx.json", "noise_xx_derived.json")]
        there = [SHARED / n for n in ("noise_xx_vectors.json", "noise_xx_vectors_derived.json")]
        paths = [path for path in here + there if path.exists()]
        if not paths:
            self.skipTest("neither tests/vectors nor ../shared/data has Noise vectors")
        for path in paths:
            for vector in json.loads(path.read_text())["vectors"]:
                if vector["protocol_name"].encode() == noise.NAME:
                    with self.subTest(path=path.name, source=vector["source"]):
                        self.check(vector)


class Sketches(unittest.TestCase):
    def setUp(self):
        self.key = sketch.scope_key(record.COMMONS)
        self.chance = random.Random(3)

    def symbols(self, count):
        return [self.chance.randbytes(16) for _ in range(count)]

    def test_every_size_of_difference_decodes(self):
        symbols = self.symbols(2000)
        walks = {s: sketch.cells_of(sketch.checksum(self.key, s), 4096) for s in symbols}
        cells = [0] * 4096
        for d, symbol in enumerate(symbols, 1):
            value = int.from_bytes(symbol, "little")
            value |= sketch.checksum(self.key, symbol) << 128
            for i in walks[symbol]:
                cells[i] ^= value
            if d > 100 and d % 100:
                continue
            needed = 2 * d + 64
            self.assertEqual(sketch.decode(cells[:needed], self.key), set(symbols[:d]), d)
            self.assertIsNone(sketch.decode(cells[: d - 1], self.key) or None)

    def test_overhead(self):
        """Cells needed per difference: about 1.4, as the method promises."""
        for d, most in ((200, 1.7), (2000, 1.5)):
            symbols = self.symbols(d)
            cells = sketch.make(symbols, self.key, 2 * d)
            needed = next(
                n for n in range(d, 2 * d, 10) if sketch.decode(cells[:n], self.key) is not None
            )
            self.assertLess(needed / d, most)

    def test_estimate(self):
        common = self.symbols(1500)
        for d in (1, 10, 100, 1000):
            ours = sketch.make(common + self.symbols(d // 2), self.key, 65536)
            theirs = sketch.make(common + self.symbols(d - d // 2), self.key, 65536)
            found = sketch.estimate(sketch.digests(ours), sketch.digests(theirs), 65536)
            self.assertLess(abs(found - d), 2 + d * 0.4)

    def test_cells_made_up_end(self):
        for _ in range(20):
            cells = [self.chance.getrandbits(192) for _ in range(200)]
            self.assertIsNone(sketch.decode(cells, self.key))
        symbol = self.symbols(1)[0]
        value = int.from_bytes(symbol, "little") | sketch.checksum(self.key, symbol) << 128
        self.assertIsNone(sketch.decode([value, 0, value, value] * 10, self.key))

    def exchange(self, common, ours, theirs):
        """One exchange of content without a link; what was said, and the bytes of it."""
        views = [
            {0: View([], self.key), 1: View(common + only, self.key)} for only in (ours, theirs)
        ]
        initiator = Initiator(1, views[0], (0, 1))
        check = initiator.check(None)
        responder = Responder(check, views[1])
        reply, size = responder.answer, len(message.encode(check))
        while True:
            size += len(message.encode(reply))
            ask = initiator.handle(message.decode(message.encode(reply)))
            if initiator.finished:
                break
            size += len(message.encode(ask))
            reply = responder.handle(message.decode(message.encode(ask)))
        if not initiator.equal:
            self.assertEqual(initiator.lacking, sorted(theirs))
            self.assertEqual(initiator.extra, sorted(ours))
        return initiator.ways, size

    def test_exchanges(self):
        common = self.symbols(3000)
        few = self.symbols(20)
        self.assertEqual(self.exchange(few, [], [])[0], ["EQUAL"])
        self.assertEqual(self.exchange(few, few[:0], self.symbols(5))[0], ["IDS"])
        ways, size = self.exchange(common, self.symbols(3), self.symbols(3))
        self.assertEqual(ways[0], "SKETCH")
        self.assertLess(size, 3000)
        ways, size = self.exchange(common, self.symbols(60), self.symbols(90))
        self.assertIn("CELLS", ways)
        self.assertNotIn("PAGE", ways)
        self.assertLess(size, 16 * len(common) // 4)
        self.assertIn("PAGE", self.exchange([], [], common)[0])
        self.assertIn("PAGE", self.exchange([], self.symbols(2000), common)[0])
        many = self.symbols(20000)
        self.assertEqual(self.exchange([], [], many)[0], ["SKETCH", "PAGE", "PAGE", "PAGE"])
        self.assertEqual(self.exchange(common, self.symbols(200), [])[0][0], "SKETCH")


    def test_answers_that_are_refused(self):
        common = self.symbols(3000)
        views = [{0: View([], self.key), 1: View(s, self.key)} for s in (common, common[:-50])]
        initiator = Initiator(1, views[0], (0, 1))
        responder = Responder(initiator.check(None), views[1])
        more = initiator.handle(responder.answer)
        self.assertEqual(more.name, "MORE")
        available = responder.answer["available"]
        for first, n in ((0, 32769), (available, 1), (available - 1, 2)):
            with self.assertRaises(Refuse):
                responder.handle(message.message("MORE", exchange=1, set=1, first=first, n=n))
        cells = responder.handle(more)
        self.assertEqual(len(cells["cells"]), more["n"])
        fewer = message.message("CELLS", **{**cells.fields, "cells": cells["cells"][:-1]})
        with self.assertRaises(Refuse):
            initiator.handle(fewer)
        initiator = Initiator(1, views[0], (0, 1))
        few = View(common[:3], self.key)
        head = {"exchange": 1, "set": 1, "count": few.count, "digest": few.digest}
        with self.assertRaises(Refuse):
            initiator.handle(message.message("IDS", symbols=few.symbols[::-1], **head))


class Rules(unittest.TestCase):
    """What one side refuses or answers at once (SPEC 2.1, 3.5, 4.3), without a connection."""

    def setUp(self):
        self.peer = Peer(Author("Alder", bytes(32)))
        self.sent = []
        self.dialled(True)

    def dialled(self, by_us):
        def send(frame):
            self.sent.append(message.decode(frame))

        self.peer._start(types.SimpleNamespace(initiator=by_us, send=send, close=lambda: None))
        self.peer._hello(None)
        self.peer._lists_known = True
        self.sent.clear()

    def check(self, number, scope=None):
        fields = {"exchange": number, "scope": scope, "control": None, "content": None}
        self.peer._on_check(message.message("CHECK", **fields))

    def accept(self, reset, more, accepted=(), kept=()):
        fields = {"reset": reset, "more": more, "accepted": accepted, "kept": kept}
        self.peer._on_accept(message.message("ACCEPT", **fields))

    def test_numbers_of_exchanges(self):
        for by_us in (True, False):
            self.dialled(by_us)
            self.peer.start_exchange()
            self.peer.start_exchange()
            self.assertEqual([m["exchange"] for m in self.sent], [1, 3] if by_us else [2, 4])
            theirs = 8 if by_us else 9
            self.check(theirs)
            for wrong in (0, 1, theirs - 2, theirs, theirs + 1):
                with self.assertRaises(Refuse):
                    self.check(wrong)
            self.check(theirs + 4)

    def test_scope_in_which_we_are_not(self):
        for number, scope in ((2, b"\1" * 32), (4, record.LOCAL)):
            self.check(number, scope)
            self.assertEqual(self.sent[-1], message.message("DONE", exchange=number))

    def test_lists_count_when_they_are_whole(self):
        self.peer._lists_known = False
        with self.assertRaises(Refuse):
            self.check(2)
        with self.assertRaises(Refuse):
            self.accept(False, False, [bytes(32)])
        self.accept(True, True, [b"\1" * 32, b"\2" * 32])
        self.assertFalse(self.peer._lists_known)
        self.assertEqual(self.peer.theirs, (set(), set()))
        self.accept(False, False, [b"\3" * 32], [b"\4" * 32])
        self.assertTrue(self.peer._lists_known)
        self.accept(False, False, [], [b"\1" * 32])
        known = {b"\2" * 32, b"\3" * 32}, {b"\1" * 32, b"\4" * 32}
        self.assertEqual(self.peer.theirs, known)

    def test_local_records(self):
        own = self.peer.author.compose("note", {}, scope=record.LOCAL)
        self.assertEqual(self.peer.holdings.add(own), "added")
        self.assertIn(own.id, self.peer.holdings.records)
        for scope in (record.COMMONS, record.LOCAL):
            compared = self.peer.holdings.compared({own.body.org}, set(), scope)
            self.assertNotIn(own.id, [r.id for r in compared])
        with self.assertRaises(Refuse):
            self.peer.holdings.add(Author("Birch").compose("note", {}, scope=record.LOCAL))

    def test_later_records_are_not_asked_for_again(self):
        later = record.open_record(unhex(GOLDEN["records_later"][0]["packed"]))
        self.peer._on_records(
            message.message("RECORDS", request=1, last=True, records=[later.packed])
        )
        self.dialled(False)
        self.peer._on_have(message.message("HAVE", scope=None, set=1, symbols=[later.symbol]))
        self.assertEqual(self.sent, [])

    def test_control_records_of_set_1_have_no_effect(self):
        author, third = self.peer.author, Author("Cedar", b"\2" * 32)
        told = author.compose("story", {})
        self.peer.holdings.add(told)
        content = {"subject": third.org, "inception": third.inception.encode()}
        self.peer.holdings.add(author.compose("vouch", content, set=record.CONTENT))
        self.assertNotIn(third.org, self.peer.holdings.accepted)
        vain = author.compose("withdrawal", {}, set=record.CONTENT, seed=told.body.seed)
        self.peer.holdings.add(vain)
        self.assertIn(told.id, self.peer.holdings.records)
        self.peer.holdings.add(author.withdraw(told))
        self.assertNotIn(told.id, self.peer.holdings.records)
        # Of the same object, and content for all that it is called.
        self.assertNotIn(vain.id, self.peer.holdings.records)


class Loopback(unittest.TestCase):
    def channels(self, rekey_after=noise.REKEY_AFTER):
        socks = socket.socketpair()
        authors = Author("Alder", bytes(32)), Author("Birch", b"\1" * 32)
        authors[1].succeed()
        found = {}

        def responder():
            found[1] = Channel.over(socks[1], False, authors[1], rekey_after=rekey_after)

        thread = threading.Thread(target=responder)
        thread.start()
        found[0] = Channel.over(socks[0], True, authors[0], authors[1].org, rekey_after=rekey_after)
        thread.join()
        self.addCleanup(found[0].close)
        self.addCleanup(found[1].close)
        self.assertEqual(found[1].remote.org, authors[0].org)
        self.assertEqual(len(found[0].remote.chain.keys), 2)
        self.assertEqual(found[0].handshake_hash, found[1].handshake_hash)
        return found[0], found[1]

    def test_rekey(self):
        a, b = self.channels(REKEY)
        first = a.out.cipher.key
        for n in range(REKEY + 5):
            if n == REKEY:
                self.assertNotEqual(a.out.cipher.key, first)
            frame = n.to_bytes(3, "big")
            a.send(frame)
            self.assertEqual(b.receive(1), frame)
        self.assertEqual(a.out.cipher.key, b.inward.cipher.key)
        self.assertEqual(a.out.cipher.n, REKEY + 5)
        b.send(b"and back")
        self.assertEqual(a.receive(1), b"and back")

    def test_large_frames_both_ways_at_once(self):
        a, b = self.channels()
        frame = os.urandom(message.MAX_FRAME)
        received = []

        def run(channel):
            for _ in range(8):
                channel.send(frame)
            received.extend(channel.receive(5) for _ in range(8))

        thread = threading.Thread(target=run, args=(b,))
        thread.start()
        run(a)
        thread.join()
        self.assertEqual(received, [frame] * 16)

    def test_frames_that_end_the_link(self):
        for stream in (bytes(4), (message.MAX_FRAME + 1).to_bytes(4, "big")):
            a, b = self.channels()
            a.send_stream(stream)
            with self.assertRaises(Refuse):
                b.receive(1)
        a, b = self.channels()
        a._write_message(bytes(40))
        with self.assertRaises(Refuse):
            b.receive(1)
        a, b = self.channels()
        a.close()
        with self.assertRaises(Closed):
            b.receive(1)

    def test_another_organisation(self):
        socks = socket.socketpair()
        author = Author("Alder", bytes(32))
        failed = []

        def responder():
            try:
                Channel.over(socks[1], False, Author("Birch", b"\1" * 32))
            except Closed:
                failed.append(True)

        thread = threading.Thread(target=responder)
        thread.start()
        with self.assertRaises(Refuse):
            Channel.over(socks[0], True, author, bytes(32))
        thread.join()
        self.assertTrue(failed)


class Peers(unittest.TestCase):
    """Two peers over TCP, the second served by a thread until the test ends."""

    def setUp(self):
        self.a = Peer(Author("Alder", bytes(32)))
        self.b = Peer(Author("Birch", b"\1" * 32), codecs=(0,))
        self.stop = threading.Event()
        self.thread = None

    def tearDown(self):
        self.stop.set()
        if self.thread is not None:
            self.thread.join()
        for peer in (self.a, self.b):
            if peer.channel is not None:
                peer.channel.close()
        self.assertEqual(self.a.faults + self.b.faults, [])

    def serve(self):
        """Lets b take one connection; returns where."""
        listener = socket.create_server(("127.0.0.1", 0))

        def run():
            with listener:
                try:
                    self.b.accept(listener)
                    self.b.sync_until(lambda _: self.stop.is_set(), 60)
                except (Closed, Refused):
                    pass

        self.thread = threading.Thread(target=run)
        self.thread.start()
        return listener.getsockname()

    def join(self):
        invite = self.b.invite([])
        self.a.connect(self.serve(), self.b.author.org, invite.secret)

    def same(self, _):
        return (
            self.a.in_step and self.b.in_step
            and set(self.a.holdings.records) == set(self.b.holdings.records)
        )  # fmt: skip

    def test_invite_and_live_records(self):
        self.a.publish(self.a.author.compose("story", {"title": "before"}, codec=1))
        self.join()
        self.assertTrue(self.a.sync_until(self.same, 20))
        self.assertEqual(len(self.a.holdings.records), 5)  # 2 identities, 2 vouches, a story
        stored = {r.codec for r in self.b.holdings.records.values()}
        self.assertEqual(stored, {0})  # b reads no other codec
        told = self.a.publish(self.a.author.compose("story", {"title": "live"}))
        self.assertTrue(self.a.sync_until(lambda _: told.id in self.b.holdings.records, 20))
        self.a.publish(self.a.author.withdraw(told))
        self.assertTrue(self.a.sync_until(lambda _: told.id not in self.b.holdings.records, 20))
        self.assertTrue(self.a.sync_until(self.same, 20))
        self.assertEqual(self.b.holdings.add(told), "withdrawn")

    def test_withdrawal_by_the_teller(self):
        seed = b"\7" * 32
        author, teller = self.a.author, hashes.public_key(seed)
        bare = author.compose("story", {}, teller=teller)
        slip = author.slip(bare.body.object)
        told = author.compose("story", {"slip": slip}, seed=bare.body.seed, teller=teller)
        self.a.publish(told)
        self.join()
        self.assertTrue(self.a.sync_until(self.same, 20))
        body = record.Body(
            0, told.body.scope, author.org, teller, "withdrawal", 1, bytes(16), told.body.seed,
            teller, (), {"slip": slip},
        )  # fmt: skip
        self.a.publish(record.seal(body, seed))
        self.assertTrue(self.a.sync_until(lambda _: told.id not in self.b.holdings.records, 20))

    def test_differences_found_by_sketch_and_by_list(self):
        stories = [self.a.author.compose("story", {"n": n}) for n in range(600)]
        for story in stories:
            self.a.publish(story)
        self.join()
        self.assertTrue(self.a.sync_until(self.same, 60))
        self.assertIn("PAGE", sum(self.a.ways + self.b.ways, []))
        self.a.close()
        self.thread.join()
        for story in stories[:20]:
            self.b.holdings._drop(story)
        for n in range(600, 620):
            self.a.holdings.add(self.a.author.compose("story", {"n": n}))
        self.a.ways.clear(), self.b.ways.clear()
        self.a.connect(self.serve(), self.b.author.org)
        self.assertTrue(self.a.sync_until(self.same, 60))
        ways = sum(self.a.ways + self.b.ways, [])
        self.assertIn("SKETCH", ways)
        self.assertNotIn("PAGE", ways)

    def test_records_of_whom_a_vouch_names(self):
        third = Author("Cedar", b"\2" * 32)
        self.b.publish(self.b.author.vouch(third.inception))
        self.b.publish(third.identity())
        story = self.b.publish(third.compose("story", {"title": "from afar"}))
        after = third.succeed()
        self.b.publish(after)
        later = self.b.publish(third.compose("story", {"title": "under the new key"}))
        self.join()
        wanted = {story.id, later.id, after.id}
        self.assertTrue(self.a.sync_until(lambda p: wanted <= set(p.holdings.records), 20))
        self.a.holdings.blocked.add(third.org)
        self.a.holdings.settle()
        self.a._announce_trust()
        self.assertNotIn(story.id, self.a.holdings.records)
        self.assertIn(after.id, self.a.holdings.records)
        self.assertTrue(self.a.sync_until(lambda _: self.a.in_step and self.b.in_step, 20))

    def drill(self):
        """What an organisation wrote, a thief with its key, and the organisation after that."""
        org = Author("Cedar", b"\2" * 32)
        thief = Author("Cedar", b"\2" * 32)
        kept, lost = org.compose("story", {"n": 1}), org.compose("story", {"n": 2})
        thefts = [
            thief.withdraw(kept), thief.compose("story", {"n": 3}),
            thief.compose("identity", {"number": 1, "next": bytes(32)}),
        ]  # fmt: skip
        first = org.succeed([kept.id], apart=True)
        after = [org.identity(), org.compose("story", {"n": 4})]
        other = Author("Cedar", b"\2" * 32)
        second = other.succeed()
        return org, [kept, lost, *thefts, first, *after], [kept, first, *after], second

    def holdings_of(self, org, records):
        """What is held when these came in this order, and again where it was refused."""
        holdings = Holdings(Author("Alder", bytes(32)).inception)
        holdings.inceptions[org.org] = org.inception
        holdings.peers.add(org.org)
        holdings.settle()
        for _ in range(4):
            for r in records:
                holdings.add(r)
        return {r.id for r in holdings.records.values()}, holdings.chains[org.org]

    def test_successions_in_any_order(self):
        org, records, of, second = self.drill()
        chance = random.Random(7)
        for _ in range(50):
            chance.shuffle(records)
            held, chain = self.holdings_of(org, records)
            self.assertEqual(held, {r.id for r in of})
            self.assertEqual((len(chain.keys), chain.rivals), (2, []))
        records.append(second)
        for _ in range(50):
            chance.shuffle(records)
            held, chain = self.holdings_of(org, records)
            self.assertEqual((len(chain.keys), len(chain.rivals)), (1, 2))
            self.assertIn(second.id, held)
            self.assertFalse({r.id for r in of if r.body.content.get("n") == 4} & held)

    def test_lists_in_several_messages(self):
        third = Author("Cedar", b"\2" * 32)
        self.b.publish(self.b.author.vouch(third.inception))
        with mock.patch.object(link, "MAX_ACCEPT", 1):
            self.join()
            self.assertTrue(self.a.sync_until(self.same, 20))
        said = [(way, m.name, m.fields.get("reset"), m.fields.get("more")) for way, m in self.a.log]
        lists = [s[:1] + s[2:] for s in said if s[1] == "ACCEPT"]
        ours = [s[1:] for s in lists if s[0] == "out"]
        self.assertEqual(ours[:2], [(True, True), (False, False)])
        theirs = [s[1:] for s in lists if s[0] == "in"]
        self.assertEqual(theirs[:3], [(True, True), (False, True), (False, False)])
        last = said.index(("in", "ACCEPT", False, False))
        self.assertNotIn("CHECK", [s[1] for s in said[:last]])

    def test_refusals(self):
        used = self.b.invite([])
        self.b.invites[used.name][1] = bytes(32)
        expired = self.b.invite([], -1)
        for secret, code in (
            (None, "not-a-peer"), (bytes(16), "invite-unknown"), (used.secret, "invite-used"),
            (expired.secret, "invite-expired"),
        ):  # fmt: skip
            with self.subTest(code=code), self.assertRaises(Refused) as caught:
                self.a.connect(self.serve(), self.b.author.org, secret)
            self.assertEqual(caught.exception.code, code)
            self.thread.join()

    def test_wrong_and_later_records_do_no_harm(self):
        self.join()
        self.assertTrue(self.a.sync_until(self.same, 20))
        wrong = unhex(GOLDEN["records_invalid"][0]["packed"])
        later = unhex(GOLDEN["records_later"][0]["packed"])
        self.a._send("RECORDS", request=99, last=True, records=[wrong, later])
        story = self.a.publish(self.a.author.compose("story", {}))
        self.assertTrue(self.a.sync_until(lambda _: story.id in self.b.holdings.records, 20))
        self.assertEqual(len(self.b.faults), 1)
        self.assertEqual(len(self.b.holdings.later), 1)
        self.b.faults.clear()
        self.a.channel.send(canonical.encode([77, "unknown"]))
        self.a.close("enough")
        self.thread.join(10)
        self.assertFalse(self.thread.is_alive())


if __name__ == "__main__":
    began = time.monotonic()
    unittest.main(verbosity=2, exit=False)
    print(f"{time.monotonic() - began:.1f} s")
