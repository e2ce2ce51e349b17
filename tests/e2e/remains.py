"""What is left of a text in the files of a home: as it is, in zstd frames, and in pieces."""

import base64
import json
import os
import sys

import zstandard

from nodes import ROOT, NodesTest, poll

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))

from commons import canonical, record, zstdframe  # noqa: E402

FRAME_MAX = 300000  # more than a packed record
PIECE = 24  # bytes
SHARED = 8  # bytes in a row that do not come about by chance


def frames(data):
    """What each zstd frame in data, whole or torn, still gives."""
    known = [zstandard.ZstdDecompressor(dict_data=d) for d in record.DICTIONARIES.values()]
    at = data.find(zstdframe.MAGIC)
    while at >= 0:
        for unpacker in (each.decompressobj() for each in known):
            out = b""
            try:
                for begin in range(at, min(at + FRAME_MAX, len(data)), 512):
                    out += unpacker.decompress(data[begin:begin + 512])
            except zstandard.ZstdError:
                pass  # torn, at its end, or packed otherwise
            yield out
        at = data.find(zstdframe.MAGIC, at + 1)


def lasting(packed):
    """What is known of a withdrawn record for good: whose it was, and its slip."""
    body = record.open_record(packed).body_bytes
    content = canonical.decode(body)[-1]
    return body[:-len(canonical.encode(content))] + content.get("slip", b"")


def pieces(packed, others):
    """Pieces of a packed record that none of the others has, without what is known for good."""
    every = (packed[at:at + PIECE] for at in range(0, len(packed) - PIECE, 8))
    rest = b"".join(others)
    last = lasting(packed)
    known = {last[at:at + SHARED] for at in range(len(last) - SHARED + 1)}
    return [piece for piece in every if piece not in rest
            and not any(piece[at:at + SHARED] in known for at in range(PIECE - SHARED + 1))]


def files(home):
    for folder, _, names in os.walk(home):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):  # no sockets
                with open(path, "rb") as file:
                    yield path, file.read().rstrip(b"\0")


def remains(home, text, known=()):
    """Where in the files of home the text, or one of the known pieces of its record, still is."""
    wanted = text.encode()
    found = []
    for path, data in files(home):
        if wanted in data:
            found.append(f"{path}: as it is")
        if any(wanted in frame for frame in frames(data)):
            found.append(f"{path}: in a zstd frame")
        if any(piece in data for piece in known):
            found.append(f"{path}: a piece of its record")
    return found


class Remains(NodesTest):
    def erase_after(self, seconds, *nodes):
        """Has the nodes erase so many seconds after a withdrawal."""
        for node in nodes:
            with open(os.path.join(node.home, "rpnode.conf"), "w", encoding="utf-8") as file:
                file.write(f"[store]\nerase = {seconds}\n")
            if node.process is not None:
                node.stop()
                node.start()

    def pieces(self, node, *objects):
        """Pieces of the records of these objects that no other record has."""
        lines = [json.loads(line) for line in node.ctl("export").splitlines()]
        records = {line["id"]: base64.b64decode(line["record"]) for line in lines}
        theirs = [records.pop(line["id"]) for line in lines if line["object"] in objects]
        return [piece for packed in theirs for piece in pieces(packed, records.values())]

    def until_clean(self, *nodes):
        for node in nodes:
            poll(lambda node=node: node.status()["erasing"] is None,
                 f"{node.name} to have erased: {node.last_log()}")

    def assert_gone(self, nodes, text, known):
        for node in nodes:
            self.assertEqual(remains(node.home, text, known), [])
