"""Clients of the pages: HTTP as no browser speaks it."""

from __future__ import annotations

import os
import socket
import time

from wire import SLACK, Attack, NotLetIn, client, is_cut, outcome_of, say

REQUEST_SECONDS = 15  # REQUEST_MS of the pages' server
HOST = b"Host: localhost\r\n"


def ask(attack: Attack, data: bytes, seconds: float = 30) -> bytes:
    """Sends this, and gives what comes until the server closes or, after an answer, is silent."""
    answer = b""
    deadline = time.monotonic() + seconds
    with attack.call(attack.web) as sock:
        say(sock, data)
        while time.monotonic() < deadline:
            sock.settimeout(0.5 if answer else max(0.001, deadline - time.monotonic()))
            try:
                piece = sock.recv(1 << 16)
            except OSError:
                break
            if not piece:
                break
            answer += piece
    return answer


def status(attack: Attack, data: bytes, seconds: float = 30) -> str:
    answer = ask(attack, data, seconds)
    if not answer:
        return "cut"
    return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.") else "no HTTP"


def request(line: bytes, *headers: bytes) -> bytes:
    return line + b" HTTP/1.1\r\n" + HOST + b"".join(h + b"\r\n" for h in headers) + b"\r\n"


@client("cut", instances=5)
def slow_headers(attack: Attack) -> str:
    """A header a second: cut off after the time for a request."""
    return slowly(attack, b"GET / HTTP/1.1\r\n" + HOST, b"X: y\r\n")


@client("cut", instances=2)
def slow_body(attack: Attack) -> str:
    """A body at a byte a second."""
    return slowly(attack, request(b"POST /", b"Content-Length: 100000"), b"x")


def slowly(attack: Attack, head: bytes, piece: bytes) -> str:
    deadline = time.monotonic() + REQUEST_SECONDS + SLACK
    with attack.call(attack.web) as sock:
        say(sock, head)
        while time.monotonic() < deadline:
            if is_cut(sock, 1):
                return "cut"
            say(sock, piece)
    return "still open"


@client("cut", instances=3)
def silent_visitor(attack: Attack) -> str:
    """Calls and asks nothing."""
    return outcome_of(attack.call(attack.web), REQUEST_SECONDS + SLACK)


@client("431", "413")
def huge_header(attack: Attack) -> str:
    """A header of a megabyte."""
    return status(attack, request(b"GET /", b"X: " + b"x" * (1 << 20)))


@client("431", "413")
def many_headers(attack: Attack) -> str:
    """Ten thousand headers."""
    return status(attack, request(b"GET /", *[b"X-%d: y" % i for i in range(10000)]))


@client("414", "431")
def huge_path(attack: Attack) -> str:
    """A path of a megabyte."""
    return status(attack, request(b"GET /" + b"x" * (1 << 20)))


@client("harmless", floods=True, instances=2)
def pipelined_requests(attack: Attack) -> str:
    """A thousand requests in one go, and reads every answer."""
    while attack.pace(0.05):
        if b"HTTP/1.1 200" not in ask(attack, request(b"GET /kind/pattern") * 1000, 3):
            return "no answer"
    return "harmless"


@client("harmless", floods=True)
def answers_unread(attack: Attack) -> str:
    """A thousand requests, and reads nothing."""
    with attack.call(attack.web) as sock:
        sock.settimeout(1)
        say(sock, request(b"GET /kind/pattern") * 1000)
        attack.over.wait()
    return "harmless"


@client("harmless", instances=2)
def other_methods(attack: Attack) -> str:
    """Methods that change things, or that are none."""
    for method in (b"POST", b"PUT", b"DELETE", b"TRACE", b"CONNECT", b"OPTIONS", b"PROPFIND", b"X" * 99):
        got = status(attack, request(method + b" /"))
        if got not in ("405", "400", "501"):
            return f"{method!r}: {got}"
    return "harmless"


@client("harmless")
def traversals(attack: Attack) -> str:
    """Paths to files of the node."""
    paths = ("/../organisation.key", "/../../etc/passwd", "/%2e%2e/node.key", "/..%2fnode.key",
             "//etc/passwd", "/o/../../node.key", "/style.css/../../node.key", "/\\..\\node.key",
             "/%00", "/style.css%00.html", "file:///etc/passwd", "/kind/..%2f..%2fnode.key")
    for path in paths:
        got = status(attack, request(b"GET " + path.encode()))
        if got not in ("404", "400", "421"):
            return f"{path}: {got}"
    return "harmless"


@client("harmless")
def ranges(attack: Attack) -> str:
    """A thousand overlapping ranges: ranges are ignored."""
    header = b"Range: bytes=" + b",".join(b"%d-" % i for i in range(1000))
    return "harmless" if status(attack, request(b"GET /style.css", header)) == "200" else "ranges"


@client("harmless")
def requests_within_requests(attack: Attack) -> str:
    """Two lengths for one body: nobody is behind us who could be fooled, and nothing breaks."""
    smuggled = request(b"POST /", b"Content-Length: 5", b"Transfer-Encoding: chunked")
    got = status(attack, smuggled + b"0\r\n\r\nGET /o/ HTTP/1.1\r\n\r\n")
    return "harmless" if got in ("400", "405", "cut") else got


@client("cut")
def body_without_end(attack: Attack) -> str:
    """A chunked body that goes on and on: read by nobody, and cut off in time."""
    sock = attack.call(attack.web)
    sock.settimeout(2)
    say(sock, request(b"POST /", b"Transfer-Encoding: chunked"))
    deadline = time.monotonic() + REQUEST_SECONDS + SLACK
    with sock:
        while time.monotonic() < deadline:
            if not say(sock, b"8000\r\n" + bytes(0x8000) + b"\r\n") or is_cut(sock, 0.01):
                return "cut"
    return "still open"


@client("harmless")
def requests_that_are_none(attack: Attack) -> str:
    """Lines that are no HTTP, or of another version."""
    for data in (b"\r\n" * 1000 + b"x\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\r\n\r\n",
                 b"\0" * 100 + b"\r\n\r\n", os.urandom(1000) + b"\r\n\r\n"):
        got = status(attack, data, REQUEST_SECONDS + SLACK)
        if got[:1] in "23" or got in ("500", "503"):
            return f"{data[:10]!r}: {got}"
    return "harmless"


@client("421")
def another_host(attack: Attack) -> str:
    """A foreign name that leads here."""
    return status(attack, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")


@client("harmless", floods=True)
def visit_flood(attack: Attack) -> str:
    """150 connections at a time, with half a request each."""
    while attack.pace(0.5):
        held: list[socket.socket] = []
        for i in range(150):
            try:
                held.append(attack.call(attack.web, network=i))
                say(held[-1], b"GET / HT")
            except NotLetIn:
                break
        attack.pace(1)
        for sock in held:
            sock.close()
    return "harmless"
