"""Hashes, and what people copy: ids, paper keys, codes, invites (SPEC 1.4, 2.2, 2.3, 2.5, 3.6)."""

from __future__ import annotations

from typing import Any

from commons import bech32m, canonical, hashes, paper, teller, token, verify
from commons.identity import Inception, next_digest, org_text

from .labels import label


def _hash() -> list[dict[str, Any]]:
    vectors = []
    for domain in hashes.ALL:
        for parts in ([], [b""], [b"abc"], [label("hash 1"), label("hash 2", 16)]):
            digest = hashes.H(domain, *parts)
            vectors.append({"domain": domain, "parts": parts, "digest": digest})
    return vectors


def _signatures() -> list[dict[str, Any]]:
    vectors = []
    for domain in (hashes.SIGN_RECORD, hashes.SIGN_CERTIFICATE, hashes.SIGN_SLIP):
        seed, digest = label("sign seed"), label("sign digest " + domain)
        vectors.append(
            {
                "domain": domain,
                "seed": seed,
                "key": hashes.public_key(seed),
                "digest": digest,
                "sig": hashes.sign(domain, seed, digest),
            }
        )
    return vectors


def org(index: int, name: str) -> dict[str, Any]:
    key_seed, next_seed = label(f"org {index} key"), label(f"org {index} next")
    key, next_key = hashes.public_key(key_seed), hashes.public_key(next_seed)
    inception = Inception(key, next_digest(next_key), name)
    return {
        "key_seed": key_seed,
        "key": key,
        "next_seed": next_seed,
        "next_key": next_key,
        "next_digest": next_digest(next_key),
        "name": name,
        "inception": inception.encode(),
        "id": inception.org,
        "text": org_text(inception.org),
    }


def _inceptions_invalid() -> list[dict[str, Any]]:
    good = org(0, "x")
    key, next_ = good["key"], good["next_digest"]
    fields = {
        "an empty name": [1, key, next_, ""],
        "a name of 121 characters": [1, key, next_, "a" * 121],
        "a name with a line feed": [1, key, next_, "a\nb"],
        "a name with U+007F": [1, key, next_, "a\u007fb"],
        "a name with U+0085": [1, key, next_, "a\u0085b"],
        "a name with U+2028": [1, key, next_, "a\u2028b"],
        "a name with U+2029": [1, key, next_, "a\u2029"],
        "a name that is a binary": [1, key, next_, b"name"],
        "version 2": [2, key, next_, "x"],
        "version 0": [0, key, next_, "x"],
        "a key of 31 bytes": [1, key[:31], next_, "x"],
        "a digest of 33 bytes": [1, key, next_ + b"\0", "x"],
        "three entries": [1, key, next_],
        "five entries": [1, key, next_, "x", None],
        "a map": {"key": key},
    }
    vectors = [{"inception": canonical.encode(v), "note": note} for note, v in fields.items()]
    vectors.append({"inception": good["inception"] + b"\0", "note": "a byte after it"})
    return vectors


def _texts_invalid() -> list[dict[str, str]]:
    id_ = label("org text")
    good = org_text(id_)
    other = good[:10] + ("q" if good[10] != "q" else "p") + good[11:]
    return [
        {"text": other, "note": "one letter changed"},
        {"text": good[:-1], "note": "one letter short"},
        {"text": good[:20].upper() + good[20:], "note": "small and capital letters"},
        {"text": bech32m.encode("rp", id_, checksum=1), "note": "bech32, not bech32m"},
        {"text": bech32m.encode("rq", id_), "note": "another prefix"},
        {"text": bech32m.encode("rp", id_[:31]), "note": "31 bytes"},
        {"text": bech32m.encode("rp", id_ + b"\0"), "note": "33 bytes"},
        {"text": _bad_padding(id_), "note": "padding that is not zero"},
        {"text": good.replace("rp1", "rp"), "note": "no separator"},
        {"text": good[:5] + "b" + good[6:], "note": "a letter that is not used"},
        {"text": " " + good, "note": "a space in front"},
        {"text": _kelvin(good), "note": "the Kelvin sign, which is a small k by Unicode"},
        {"text": "", "note": "nothing"},
    ]


def _kelvin(text: str) -> str:
    """In capital letters, with U+212A for a K."""
    capitals = text.upper()
    assert "K" in capitals
    return capitals.replace("K", "\u212a", 1)


def _bad_padding(data: bytes) -> str:
    """The four bits that fill the last letter of 32 bytes are not zero, the checksum fits."""
    text = bech32m.encode("rp", data + b"\xf0")
    values = [bech32m.CHARSET.index(c) for c in text[3:-6]][:52]
    expanded = bech32m._expand("rp")
    check = bech32m._polymod(expanded + values + [0] * 6) ^ bech32m.CHECKSUM
    values += [check >> 5 * i & 31 for i in reversed(range(6))]
    return "rp1" + "".join(bech32m.CHARSET[v] for v in values)


def _paper() -> dict[str, Any]:
    vectors = []
    for number in (1, 2, 32, 65535):
        seed = label(f"paper {number}")
        vectors.append({"number": number, "seed": seed, "text": paper.encode(number, seed)})
    for seed in (bytes(32), b"\xff" * 32):
        vectors.append({"number": 1, "seed": seed, "text": paper.encode(1, seed)})
    words = vectors[0]["text"].split(" ")
    forgiven = [
        {"text": "-".join(words), "note": "dashes"},
        {"text": " ".join(words).upper(), "note": "capital letters"},
        {"text": "\n".join(" ".join(words[i : i + 5]) for i in range(0, 20, 5)), "note": "lines"},
        {"text": "\r\n".join(words) + "\r\n", "note": "CRLF line ends"},
        {"text": "  " + "  ".join(words) + " ", "note": "more spaces"},
        {"text": " - ".join(words), "note": "spaces and dashes"},
    ]
    later_text = paper.words(b"\0\2\0\1" + label("paper later"))
    number_0 = paper.words(b"\0\1\0\0" + label("paper 0"))
    swapped = words[:3] + [words[4], words[3]] + words[5:]
    invalid = [
        {"text": " ".join(words[:19]), "note": "19 words"},
        {"text": " ".join(words + words[:1]), "note": "21 words"},
        {"text": " ".join(swapped), "note": "two words exchanged"},
        {"text": " ".join(words[:-1] + ["babab"]), "note": "the last word is another"},
        {"text": " ".join(["babeb"] + words[1:]), "note": "a vowel that is not used"},
        {"text": " ".join(["bcbab"] + words[1:]), "note": "a consonant in a vowel's place"},
        {"text": later_text, "note": "version 2"},
        {"text": number_0, "note": "number 0, of no succession"},
        {"text": _kelvin(" ".join(words)), "note": "the Kelvin sign for a k"},
        {"text": "", "note": "nothing"},
    ]
    number, seed = vectors[0]["number"], vectors[0]["seed"]
    return {
        "paper": vectors,
        "paper_forgiven": [{"number": number, "seed": seed, **entry} for entry in forgiven],
        "paper_invalid": invalid,
    }


def _tellers() -> dict[str, Any]:
    vectors = []
    for secret in (label("teller code", 16), bytes(16), b"\xff" * 16):
        vectors.append(
            {
                "secret": secret,
                "text": teller.encode(secret),
                "key_seed": teller.key_seed(secret),
                "teller": teller.teller(secret),
            }
        )
    words = vectors[0]["text"].split(" ")
    forgiven = [
        {"text": "-".join(words), "note": "dashes"},
        {"text": " ".join(words).upper(), "note": "capital letters"},
        {"text": " ".join(words[:5]) + "\r\n" + " ".join(words[5:]) + "\n", "note": "lines"},
        {"text": "".join(words), "note": "nothing between"},
        {"text": "\t " + " - ".join(words) + " ", "note": "tab, spaces and dashes"},
    ]
    swapped = [words[1], words[0]] + words[2:]
    invalid = [
        {"text": " ".join(words[:9]), "note": "9 words"},
        {"text": " ".join(words + words[:1]), "note": "11 words"},
        {"text": " ".join(swapped), "note": "two words exchanged"},
        {"text": " ".join(words[:-1] + ["babab"]), "note": "the last word is another"},
        {"text": " ".join(["babeb"] + words[1:]), "note": "a vowel that is not used"},
        {"text": teller.words(b"\2" + label("teller later", 16)), "note": "version 2"},
        {"text": teller.words(b"\0" + label("teller 0", 16)), "note": "version 0"},
        {"text": paper.encode(1, label("paper 1")), "note": "a paper key"},
        {"text": "", "note": "nothing"},
    ]
    return {
        "teller": vectors,
        "teller_forgiven": [{"secret": vectors[0]["secret"], **entry} for entry in forgiven],
        "teller_invalid": invalid,
    }


def _verify() -> list[dict[str, Any]]:
    vectors = []
    for index in range(3):
        org_a, noise_a = label(f"verify org a {index}"), label(f"verify noise a {index}")
        org_b, noise_b = label(f"verify org b {index}"), label(f"verify noise b {index}")
        if index == 2:  # two nodes of one organisation
            org_b = org_a
        vectors.append(
            {
                "org_a": org_a,
                "noise_a": noise_a,
                "org_b": org_b,
                "noise_b": noise_b,
                "words": verify.words(org_a, noise_a, org_b, noise_b),
            }
        )
    return vectors


def _tokens() -> dict[str, Any]:
    vectors = []
    for index, addresses in enumerate(
        ([], ["node.example:7117"], ["192.0.2.7:7117", "[2001:db8::7]:7117", "\u00e9.example:1"],
         [f"node{i}.example:{7000 + i}" for i in range(8)])
    ):  # fmt: skip
        invite = token.Invite(
            label(f"token org {index}"),
            label(f"token secret {index}", 16),
            1_900_000_000 + index,
            tuple(addresses),
        )
        vectors.append(
            {
                "org": invite.org,
                "secret": invite.secret,
                "expires": invite.expires,
                "addresses": addresses,
                "text": invite.text(),
                "name": invite.name,
            }
        )
    org_, secret = label("token org"), label("token secret", 16)
    bad = {
        "version 2": [2, org_, secret, 1, []],
        "a secret of 15 bytes": [1, org_, secret[:15], 1, []],
        "an organisation of 31 bytes": [1, org_[:31], secret, 1, []],
        "expires below zero": [1, org_, secret, -1, []],
        "nine addresses": [1, org_, secret, 1, ["a:1"] * 9],
        "an address of 256 bytes": [1, org_, secret, 1, ["a" * 254 + ":1"]],
        "an address that is a binary": [1, org_, secret, 1, [b"a:1"]],
        "an empty address": [1, org_, secret, 1, [""]],
        "an address on two lines": [1, org_, secret, 1, ["a\nb:1"]],
        "four entries": [1, org_, secret, 1],
        "six entries": [1, org_, secret, 1, [], 0],
    }
    invalid = [
        {"text": bech32m.encode(token.PREFIX, canonical.encode(value)), "note": note}
        for note, value in bad.items()
    ]
    good = canonical.encode([1, org_, secret, 1, []])
    invalid.append({"text": bech32m.encode("rp", good), "note": "another prefix"})
    invalid.append({"text": bech32m.encode(token.PREFIX, good + b"\0"), "note": "a byte after"})
    return {"tokens": vectors, "tokens_invalid": invalid}


def _accept() -> list[dict[str, Any]]:
    orgs = sorted(label(f"accept {i}") for i in range(5))
    pairs = (
        ([], []), (orgs[:1], []), ([], orgs[:1]), (orgs[:3], []), (orgs[:2], orgs[2:3]),
        (orgs[1:3], [orgs[0], orgs[4]]),
    )  # fmt: skip
    return [
        {"accepted": a, "kept": k, "digest": hashes.accept_digest(set(a), set(k))}
        for a, k in pairs
    ]


def parts() -> dict[str, Any]:
    names = ("Example Trust", "a", "\u00c9quipe \u65e5\u672c \U0001f331", "\U0001f331" * 120)
    return {
        "hash": _hash(),
        "signature": _signatures(),
        "org": [org(index, name) for index, name in enumerate(names)],
        "org_text_invalid": _texts_invalid(),
        "inceptions_invalid": _inceptions_invalid(),
        **_paper(),
        "verify": _verify(),
        **_tellers(),
        **_tokens(),
        "accept": _accept(),
    }
