"""The pages that a node serves: what is on them, what never is, and clients that misbehave."""

import glob
import http.client
import os
import re
import socket
import time
import unittest

from nodes import STARTER, NodesTest, poll


class Web(NodesTest):
    def serve(self, name="a"):
        node = self.node(name, start=False)
        node.start("--web", "127.0.0.1:0")
        host, port = node.status()["web"].rsplit(":", 1)
        self.web = (host, int(port))
        return node

    def request(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(*self.web, timeout=20)
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8")
        connection.close()
        return response, text

    def page(self, path):
        response, text = self.request(path)
        self.assertEqual(response.status, 200, path)
        return text

    def test_the_library_is_read(self):
        a = self.serve()
        a.ctl("publish", "--audience", "commons", *sorted(glob.glob(os.path.join(STARTER, "*.md"))))
        first = self.page("/")
        self.assertEqual(re.findall(r'<h2><a href="/kind/(\w+)">(\w+)</a>', first)[:3],
                         [("pattern", "Patterns"), ("story", "Stories"), ("question", "Questions")])
        for item in a.list():
            page = self.page("/o/" + item["object"])
            title = item["title"] or item["kind"].title()
            self.assertIn(f"<title>{title}</title>".replace("'", "&#39;"), page)
            for target in re.findall(r'href="(/o/\w+)"', page):
                self.page(target)
            self.assertNotIn("cannot be shown", page)
            if item["kind"] == "story":
                self.assertIn("This story is invented.", page)
        response, text = self.request("/healthz")
        self.assertEqual((response.status, text), (200, "ok\n"))
        response, text = self.request("/")
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertIn("default-src 'none'", response.headers["Content-Security-Policy"])
        self.assertNotIn("<script", text)
        self.assertEqual(self.request("/", "HEAD")[0].headers["Content-Length"],
                         str(len(text.encode())))
        self.assertEqual(self.request("/style.css")[0].headers["Content-Type"],
                         "text/css; charset=utf-8")

    def test_what_is_local_or_withdrawn_is_on_no_page(self):
        a = self.serve()
        path = self.pattern("one.md", "Ask first", text="Knock before you come in.")
        local = a.ctl("publish", "--audience", "local",
                      self.pattern("local.md", "Ours alone")).strip()
        object_id = a.ctl("publish", "--audience", "commons", path).strip()
        self.assertIn("Knock before", self.page("/o/" + object_id))
        self.assertNotIn("Ours alone", self.page("/") + self.page("/kind/pattern"))
        self.assertEqual(self.request("/o/" + local)[0].status, 404)
        a.ctl("withdraw", local)  # that it ever was is nobody's business either
        self.assertEqual(self.request("/o/" + local)[0].status, 404)
        a.ctl("withdraw", object_id)
        response, text = self.request("/o/" + object_id)
        self.assertEqual(response.status, 410)
        self.assertNotIn("Ask first", text + self.page("/") + self.page("/kind/pattern"))
        self.assertNotIn("Knock", text)

    def test_requests_that_are_not_for_us(self):
        self.serve()
        host, port = self.web
        for name in (f"{host}:{port}", f"localhost:{port}", "localhost", "LocalHost", "192.0.2.1", "[::1]:80"):
            self.assertEqual(self.request("/", Host=name)[0].status, 200, name)
        for name in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "", "127.0.0.1.x"):
            self.assertEqual(self.request("/", Host=name)[0].status, 421, name)
        response, _ = self.request("/", "POST", body="x" * 100000)
        self.assertEqual((response.status, response.headers["Allow"]), (405, "GET, HEAD"))
        self.assertEqual(self.request("/", "DELETE")[0].status, 405)
        for path in ("/nothing", "/o/", "/o/00", "/kind/vouch", "/kind/pattern?after=00",
                     "/" + "x" * 10000):
            self.assertEqual(self.request(path)[0].status, 404, path)
        self.assertEqual(self.request("/", Big="x" * 40000)[0].status, 431)

    def test_names_of_ours_are_in_the_settings(self):
        a = self.node("a", start=False)
        with open(os.path.join(a.home, "rpnode.conf"), "a", encoding="utf-8") as conf:
            conf.write("\n[node]\nweb = 127.0.0.1:0\nweb_names = library.example oak.example\n")
        a.start()
        host, port = a.status()["web"].rsplit(":", 1)
        self.web = (host, int(port))
        for name in ("library.example", "Library.EXAMPLE", "oak.example:8080"):
            self.assertEqual(self.request("/", Host=name)[0].status, 200)
        self.assertEqual(self.request("/", Host="library.example.evil")[0].status, 421)

    def test_a_slow_client_is_cut_off_and_hinders_nobody(self):
        self.serve()
        begun = time.monotonic()
        slow = [socket.create_connection(self.web) for _ in range(200)]
        for client in slow:
            client.sendall(b"GET / HTTP/1.1\r\n")
        self.page("/")
        self.assertLess(time.monotonic() - begun, 10)
        client = slow[0]
        client.settimeout(0.5)

        def is_cut():
            try:
                client.sendall(b"X: y\r\n")  # as long as it is not
                return client.recv(1) == b""
            except socket.timeout:
                return False
            except OSError:
                return True

        poll(is_cut, "the slow client to be cut off")
        self.page("/")
        for client in slow:
            client.close()

    def test_an_address_in_use_is_refused_readably(self):
        a = self.serve()
        b = self.node("b", start=False)
        b.spawn("--web", a.status()["web"])
        self.assertEqual(b.process.wait(timeout=30), 1)
        self.assertIn("cannot serve pages at 127.0.0.1", b.last_log())
        b.spawn("--web", "nowhere")
        self.assertEqual(b.process.wait(timeout=30), 1)
        self.assertIn("it must be HOST:PORT or off", b.last_log())
        self.assertEqual(self.node("c", start=True).status()["web"], "off")


if __name__ == "__main__":
    unittest.main()
