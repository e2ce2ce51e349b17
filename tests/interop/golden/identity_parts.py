"""Successions, certificates and proofs (SPEC 2.2, 3.2)."""

from __future__ import annotations

import hashlib
from typing import Any

import nacl.bindings as sodium

from commons import canonical, grant, hashes, message, record, recover
from commons.certificate import Certificate, encode_proof
from commons.identity import next_digest
from commons.noise import public_of
from commons.record import CONTENT, CONTROL, Record

from .labels import label
from .record_parts import body
from .text_parts import org

ORG = org(7, "Succession Trust")
SEEDS = [ORG["key_seed"], ORG["next_seed"], label("org 7 third"), label("org 7 fourth")]
KEYS = [hashes.public_key(seed) for seed in SEEDS]
NOISE_SECRET = label("certificate noise")


def _identity(name: str, seed: bytes, content: Any, **changes: Any) -> Record:
    fields = {"set": CONTROL, "org": ORG["id"], "key": hashes.public_key(seed), **changes}
    kind = fields.pop("kind", "identity")
    return record.seal(body(f"succession {name}", kind, content, **fields), seed)


def _succession(number: int) -> Record:
    content = {"number": number, "next": next_digest(KEYS[number + 1])}
    return _identity(str(number), SEEDS[number], content)


def _long_succession(size: int) -> Record:
    """The first succession, with a field that makes its body so long."""

    def padded(fill: int) -> Record:
        content = {"number": 1, "next": next_digest(KEYS[2]), "zzz later": bytes(fill)}
        return _identity("long", SEEDS[1], content)

    made = padded(500 + size - len(padded(500).body_bytes))
    assert len(made.body_bytes) == size
    return made


def _listing(**content: Any) -> Record:
    """A first succession that says more than it needs to."""
    return _identity("listing", SEEDS[1], {"number": 1, "next": next_digest(KEYS[2]), **content})


def _stood_by() -> dict[str, Any]:
    """Two successions, of which the first names the key and what is stood by."""
    signing, by_new = label("org 7 signing"), {"title": "By the new key"}
    records = [
        record.seal(
            body(f"stood by {n}", "pattern", {"title": f"Number {n}"}, org=ORG["id"], key=KEYS[0]),
            SEEDS[0],
        )
        for n in range(22)
    ]
    key = hashes.public_key(signing)
    first = _listing(key=key, old="listed", stands_by=[r.id for r in records[1:21]])
    content = {"number": 2, "next": next_digest(KEYS[3]), "old": "all"}
    second = _identity("after listing", SEEDS[2], content)
    new = record.seal(body("stood by new", "pattern", by_new, org=ORG["id"], key=key), signing)
    paper = record.seal(
        body("stood by paper", "pattern", by_new, org=ORG["id"], key=KEYS[1]), SEEDS[1]
    )
    cases = [
        (records[0], False, "not listed"),
        (records[1], True, "listed first"),
        (records[20], True, "listed last"),
        (records[21], False, "not listed, either"),
        (new, True, "by the key that the succession names"),
        (paper, False, "by the key that signed the succession"),
        (_identity("thief", SEEDS[0], content), False, "a succession by the key of before"),
    ]
    return {
        "inception": ORG["inception"],
        "successions": [first.packed, second.packed],
        "keys": [KEYS[0], key, KEYS[2]],
        "records": [{"packed": r.packed, "of": of, "note": note} for r, of, note in cases],
    }


def succession() -> dict[str, Any]:
    good = [_succession(1), _succession(2)]
    next_ = next_digest(KEYS[2])
    third = {"number": 3, "next": next_digest(label("nobody"))}
    bad = [
        (0, _succession(2), "the second before the first"),
        (1, _succession(1), "the first again"),
        (2, _identity("3", SEEDS[2], third), "the third, by a key in use"),
        (0, _identity("a", SEEDS[0], {"number": 1, "next": next_}), "by the key in use"),
        (0, _identity("b", SEEDS[2], {"number": 1, "next": next_}), "by a later key"),
        (0, _identity("c", SEEDS[1], {"number": 0, "next": next_}), "number 0"),
        (0, _identity("d", SEEDS[1], {"number": 2, "next": next_}), "number 2"),
        (0, _identity("e", SEEDS[1], {"number": "1", "next": next_}), "number as text"),
        (0, _identity("f", SEEDS[1], {"next": next_}), "no number"),
        (0, _identity("g", SEEDS[1], {"number": 1}), "no next"),
        (0, _identity("h", SEEDS[1], {"number": 1, "next": next_[:31]}), "next of 31 bytes"),
        (0, _identity("i", SEEDS[1], {"number": 1, "next": next_}, kind="vouch"), "no identity"),
        (
            0, _identity("j", SEEDS[1], {"number": 1, "next": next_}, org=label("other")),
            "of another organisation",
        ),
        (0, _identity("l", SEEDS[1], {"number": 1, "next": next_}, set=CONTENT), "of set 1"),
        (0, _identity("k", SEEDS[1], {"inception": ORG["inception"]}), "an inception"),
        (
            0, _identity("m", SEEDS[1], {"number": 1, "next": next_}, scope=label("circle")),
            "of a circle",
        ),
        (0, _long_succession(1025), "a body of 1,025 bytes"),
        (0, _listing(old="some"), "neither all nor listed"),
        (0, _listing(old=b"all"), "old as bytes"),
        (0, _listing(key=KEYS[2][:31]), "key of 31 bytes"),
        (0, _listing(key=KEYS[0]), "the key that it replaces"),
        (0, _listing(old="listed", stands_by=[label(str(n)) for n in range(21)]), "21 ids"),
        (0, _listing(old="listed", stands_by=[label("x")[:31]]), "an id of 31 bytes"),
        (0, _listing(old="listed", stands_by={}), "a map of ids"),
    ]  # fmt: skip
    vectors = [{"after": n, "packed": r.packed, "note": note} for n, r, note in bad]
    r = good[0]
    broken = canonical.encode([0, r.body_bytes, r.sig[:63] + bytes([r.sig[63] ^ 1])])
    vectors.append({"after": 0, "packed": broken, "note": "a wrong signature"})
    return {
        "inception": ORG["inception"],
        "successions": [r.packed for r in good],
        "keys": KEYS[:3],
        "bad": vectors,
    }


def _certificate(**changes: Any) -> Certificate:
    fields: dict[str, Any] = {
        "org": ORG["id"],
        "key": KEYS[2],
        "serial": 3,
        "noise": public_of(NOISE_SECRET),
        "sign": hashes.public_key(label("certificate sign")),
        "issued": 1_760_000_000_123,
        "name": "office \u2013 \u00fcben",
    }
    fields.update(changes)
    return Certificate(**fields)


def _certificate_vector() -> dict[str, Any]:
    certificate = _certificate()
    raw = certificate.encode()
    return {
        "key_seed": SEEDS[2],
        "issued": certificate.issue(SEEDS[2]),
        "certificate": raw,
        "digest": hashes.H(hashes.CERTIFICATE, raw),
        "fields": {
            "version": 1,
            "org": certificate.org,
            "key": certificate.key,
            "serial": certificate.serial,
            "noise": certificate.noise,
            "sign": certificate.sign,
            "issued": certificate.issued,
            "name": certificate.name,
        },
    }


def _proof(
    issued: bytes, inception: Any = None, successions: Any = None, later: Any = None
) -> bytes:
    if successions is None:
        successions = succession()["successions"]
    fields = [1, issued, inception or ORG["inception"], successions, later or {}]
    return canonical.encode(fields)


def _proofs() -> dict[str, Any]:
    issued = _certificate().issue(SEEDS[2])
    noise = public_of(NOISE_SECRET)
    packed = succession()["successions"]
    good = encode_proof(issued, ORG["inception"], packed)
    name = _certificate().name
    first = _certificate(key=KEYS[0]).issue(SEEDS[0])
    after_one = _certificate(key=KEYS[1]).issue(SEEDS[1])
    longest = [_long_succession(1024).packed]
    too_long = [_long_succession(1025).packed]
    first_body = record.open_record(packed[0])
    small = [record.pack(first_body.body_bytes, first_body.sig, 1)]
    valid = [
        (good, "two successions"),
        (_proof(after_one, successions=longest), "a succession with a body of 1,024 bytes"),
        (_proof(first, successions=[]), "no succession"),
        (_proof(issued, later={"later": [1, 2]}), "something for later in the map"),
    ]
    other = org(1, "a")
    wrong_sig = issued[:-1] + bytes([issued[-1] ^ 1])
    raw = _certificate().encode()
    record_domain = hashes.sign(hashes.SIGN_RECORD, SEEDS[2], hashes.H(hashes.CERTIFICATE, raw))
    fields = canonical.decode(raw)
    invalid = [
        (wrong_sig, {}, "the certificate's signature is wrong"),
        (canonical.encode([raw, record_domain]), {}, "signed under another domain"),
        (_certificate().issue(SEEDS[1]), {}, "signed by another key than it names"),
        (first, {}, "by a key that is in use no longer"),
        (_certificate(key=KEYS[3]).issue(SEEDS[3]), {}, "by a key that is not yet in use"),
        (issued, {"successions": []}, "the successions are missing"),
        (issued, {"successions": packed[:1]}, "a succession is missing"),
        (issued, {"successions": packed[::-1]}, "successions out of order"),
        (issued, {"successions": packed + packed[1:]}, "a succession twice"),
        (after_one, {"successions": small}, "a succession that is compressed"),
        (after_one, {"successions": too_long}, "a succession with a body of 1,025 bytes"),
        (issued, {"inception": other["inception"]}, "the inception of another organisation"),
        (_certificate(org=other["id"]).issue(SEEDS[2]), {}, "another organisation certified"),
        (_certificate(name="").issue(SEEDS[2]), {}, "a node without a name"),
        (_certificate(name="a\nb").issue(SEEDS[2]), {}, "a node's name on two lines"),
        (_issue([2] + fields[1:]), {}, "a certificate of version 2"),
        (_issue(fields[:-1]), {}, "a certificate of 7 entries"),
        (_issue(fields + [0]), {}, "a certificate of 9 entries"),
        (_issue(fields[:4] + [fields[4][:31]] + fields[5:]), {}, "a Noise key of 31 bytes"),
        (_issue(fields[:3] + [-1] + fields[4:]), {}, "a serial below zero"),
    ]
    vectors = [{"proof": _proof(i, **more), "note": note} for i, more, note in invalid]
    entries = canonical.decode(good)
    forms = [
        ([2] + entries[1:], "a proof of version 2"),
        (entries[:4], "4 entries"),
        (entries + [{}], "6 entries"),
        (entries[:4] + [[]], "an array for the map"),
        (entries[:3] + [[canonical.decode(p) for p in packed], {}], "successions not as binaries"),
    ]
    vectors += [{"proof": canonical.encode(value), "note": note} for value, note in forms]
    vectors.append({"proof": good + b"\0", "note": "a byte after it"})
    vectors = [{"noise_public": noise, **v} for v in vectors]
    stranger = public_of(label("certificate other noise"))
    vectors.append({"noise_public": stranger, "proof": good, "note": "another static key"})
    return {
        "proof": {"proof": good, "noise_public": noise, "org": ORG["id"], "node_name": name},
        "proofs_more": [
            {"proof": p, "noise_public": noise, "org": ORG["id"], "node_name": name, "note": note}
            for p, note in valid[1:]
        ],
        "proof_invalid": vectors,
    }


def _issue(fields: list[Any]) -> bytes:
    raw = canonical.encode(fields)
    sig = hashes.sign(hashes.SIGN_CERTIFICATE, SEEDS[2], hashes.H(hashes.CERTIFICATE, raw))
    return canonical.encode([raw, sig])


def _recover() -> dict[str, Any]:
    caller, called = (public_of(label(f"recover {side}")) for side in ("caller", "called"))
    asked = recover.ask(ORG["id"], SEEDS[1], caller, called)
    chain = message.message(
        "CHAIN", inception=ORG["inception"], successions=succession()["successions"]
    )
    return {
        "org": ORG["id"],
        "paper_seed": SEEDS[1],
        "caller": caller,
        "called": called,
        "digest": recover.digest(ORG["id"], caller, called),
        "recover": message.encode(asked),
        "chain": message.encode(chain),
    }


def _seal(secrets: bytes, noise: bytes) -> bytes:
    """crypto_box_seal, from its description, so that it comes out the same each time."""
    ephemeral = label("grant ephemeral")
    nonce = hashlib.blake2b(public_of(ephemeral) + noise, digest_size=24).digest()
    return public_of(ephemeral) + sodium.crypto_box(secrets, nonce, noise, ephemeral)


def _grants() -> dict[str, Any]:
    """A node asks, and is granted a certificate, with the organisation's key and without."""
    noise = public_of(NOISE_SECRET)
    certificate = _certificate()
    asked = grant.Request(ORG["id"], noise, certificate.sign, certificate.name)
    proof = encode_proof(
        certificate.issue(SEEDS[2]), ORG["inception"], succession()["successions"]
    )
    peers = [
        [ORG["id"], "", ["oak.example:7433", "[2001:db8::7]:7433"]],
        [org(1, "a")["id"], "Alder", ["alder.example:7433"]],
        [org(2, "b")["id"], "", []],
    ]
    secrets = SEEDS[2] + label("grant source")
    sealed = _seal(secrets, noise)
    good = grant.encode(proof, peers, SEEDS[2])
    middle = len(good) // 2
    other = "A" if good[middle] != "A" else "B"
    wrong = [
        (good[:middle] + other + good[middle + 1 :], "a letter is wrong"),
        (good[:-1], "the last letter is missing"),
        (good + "=", "filled"),
        (good.replace("rpgrant1", "rpgrant2"), "another prefix"),
        (asked.text(), "a request"),
        (grant.encode(proof, peers, SEEDS[1]), "signed by another key"),
        (grant.encode(proof, peers[:1] * 33, SEEDS[2]), "33 peers"),
        (grant.encode(proof, [peers[0][:2]], SEEDS[2]), "a peer without addresses"),
        (grant.encode(proof, [[*peers[0][:2], ["a\nb:1"]]], SEEDS[2]), "an address on two lines"),
        (grant.encode(proof[:-1] + b"\x81", peers, SEEDS[2]), "a proof cut short"),
        (grant.encode(proof, peers, SEEDS[2], sealed[1:]), "111 bytes sealed"),
    ]
    return {
        "node_request": {
            "org": asked.org, "noise": asked.noise, "sign": asked.sign, "name": asked.name,
            "text": asked.text(),
        },
        "grant": {
            "proof": proof, "org": ORG["id"], "noise_public": noise, "noise_secret": NOISE_SECRET,
            "key_seed": SEEDS[2], "peers": peers, "secrets": secrets, "sealed": sealed,
            "text": good, "text_with_key": grant.encode(proof, peers, SEEDS[2], sealed),
        },
        "grant_invalid": [{"text": text, "note": note} for text, note in wrong],
    }  # fmt: skip


def parts() -> dict[str, Any]:
    return {
        "succession": succession(),
        "stood_by": _stood_by(),
        "certificate": _certificate_vector(),
        **_proofs(),
        "recover": _recover(),
        **_grants(),
    }
