# SPDX-License-Identifier: ISC
"""Claims about the port of TLS, with the cipher of cipher.c, over sockets that take a few bytes at a time."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from contents import BIG, FILES, claim
from server import OUT, Reader, Server, free_port, request

KEY = bytes(b ^ 0x5a for b in range(256))


def record(text):
    return len(text).to_bytes(2, "big") + text.translate(KEY)


class Cipher:
    """A socket as Reader and others use it."""

    def __init__(self, server):
        self.s = socket.create_connection(("127.0.0.1", server.tls), 10)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file, self.left = self.s.makefile("rb"), b""
        self.ended = False

    def greet(self):
        self.s.sendall(record(b"hello"))
        assert self.more() == b"hello"
        return self

    def more(self):
        """The text of the next record; b"" at the end."""
        head = self.file.read(2)
        if len(head) < 2:
            return b""
        text = self.file.read(int.from_bytes(head, "big")).translate(KEY)
        self.ended |= not text
        return text

    def sendall(self, text):
        self.s.sendall(b"".join(record(text[i:i + 16384]) for i in range(0, len(text), 16384)))

    def makefile(self, mode):
        return self

    def read(self, n):
        while len(self.left) < n and (more := self.more()):
            self.left += more
        text, self.left = self.left[:n], self.left[n:]
        return text

    def readline(self, limit=65537):
        while b"\n" not in self.left and (more := self.more()):
            self.left += more
        line, found, rest = self.left.partition(b"\n")
        self.left = rest
        return line + found


def secure(site, **options):
    tls = free_port()
    server = Server(program="secure_server", root=site, tls=tls, cert="x", log="off", **options)
    server.tls = tls
    return server


@claim
def responses_of_tls_are_whole_whatever_the_socket_takes(site):
    with secure(site) as server:
        for name in ("hello.txt", "big.bin"):
            client = Cipher(server).greet()
            content = FILES.get(name, BIG)
            for _ in range(3):
                client.sendall(request(f"/{name}"))
                assert Reader(client).next().body == content
            client.sendall(request("/big.bin", Range="bytes=1-5,7-70000"))
            assert Reader(client).next().status == 206
            client.sendall(request(f"/{name}", Connection="close"))
            assert Reader(client).next().body == content
            assert client.more() == b"" and client.ended, (client.left, client.ended)
        status = server.status()
        assert not sum(status["timeouts"].values()), status


@claim
def requests_of_tls_arrive_in_any_pieces(site):
    with secure(site) as server:
        client = Cipher(server)
        wire = record(b"hello") + b"".join(record(bytes([b])) for b in request("/hello.txt"))
        for i in range(len(wire)):
            client.s.sendall(wire[i:i + 1])
        assert client.more() == b"hello"
        assert Reader(client).next().body == FILES["hello.txt"]
        # More text in a record, and more records at once, than the server takes in one turn.
        client.s.sendall(b"".join(record(request("/hello.txt") * 300) for _ in range(5)))
        reader = Reader(client)
        for _ in range(1500):
            assert reader.next().body == FILES["hello.txt"]


@claim
def a_client_that_does_not_read_what_tls_answers_is_not_read(site):
    with secure(site) as server:
        client, before = Cipher(server).greet(), server.rss()
        client.s.settimeout(1)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += client.s.send(record(bytes(1000)) * 100)
        except TimeoutError:
            pass
        assert sent < 64 << 20, "it has read everything"
        assert server.rss() - before < 8 << 20, server.rss() - before
        assert server.ask("/hello.txt").body == FILES["hello.txt"]


def until_the_end(s):
    """What is received, in one part or several, before the connection ends."""
    got = b""
    try:
        while part := s.recv(1 << 16):
            got += part
    except ConnectionResetError:
        pass
    return got


@claim
def broken_records_and_greetings_end_a_connection_only(site):
    with secure(site, header_timeout="1s") as server:
        for wire in (b"\xff\xff" + bytes(100), record(b"nothing"), record(b"hello") + b"\xff\xff", b"GET / HTTP/1.1\r\n\r\n"):
            client = Cipher(server)
            client.s.sendall(wire)
            assert record(b"hello").startswith(until_the_end(client.s)), wire
        # A greeting that never ends has the time of a header.
        client = Cipher(server)
        client.s.sendall(record(b"hello")[:3])
        assert client.s.recv(10) == b""
        status = server.status()
        assert status["timeouts"]["header"] == 1 and status["connections"]["now"] == 1, status


@claim
def an_upload_through_tls_is_whole(site, content=os.urandom(300000)):
    folder = OUT / "secure"
    folder.mkdir(exist_ok=True)
    with secure(site, upload=folder) as server:
        client = Cipher(server).greet()
        client.sendall(request("/secure/a", "PUT", Content_Length=str(len(content))) + content)
        assert Reader(client).next().status in (201, 204)
        assert Path(folder / "a").read_bytes() == content


@claim
def the_plain_port_redirects_and_only_tls_has_hsts(site):
    with secure(site, redirect="on", hsts="1h") as server:
        for host, target, to in (("a.test", "/x%20y?z=1", f"https://a.test:{server.tls}/x%20y?z=1"),
                                 ("a.test:80", "/d/", f"https://a.test:{server.tls}/d/"),
                                 ("[::1]:80", "/", f"https://[::1]:{server.tls}/")):
            answer = server.ask(target, Host=host)
            assert (answer.status, answer["Location"]) == (308, to), (answer.status, answer["Location"])
            assert not answer["Strict-Transport-Security"]
        assert server.ask("/.well-known/acme-challenge/x").status == 404
        client = Cipher(server).greet()
        client.sendall(request("/hello.txt"))
        answer = Reader(client).next()
        assert answer.status == 200 and answer["Strict-Transport-Security"] == "max-age=3600"
        client.sendall(request("/nothing"))
        assert Reader(client).next()["Strict-Transport-Security"] == "max-age=3600"


@claim
def certificates_are_read_again_when_a_client_comes_and_after_sighup(site):
    with secure(site) as server:
        Cipher(server).greet()
        server.process.send_signal(signal.SIGHUP)
        for _ in range(1000):
            if "reload 1" in server.said():
                break
            time.sleep(0.01)
        assert "reload 0" in server.said() and "reload 1" in server.said(), server.said()


@claim
def options_of_tls_belong_together(site):
    for program, words, status, why in (
            ("secure_server", ["redirect=on"], 2, "redirect=on: invalid value without tls=PORT"),
            ("secure_server", ["port=0"], 2, "port=0: invalid value without tls=PORT"),
            ("secure_server", ["tls=1"], 2, "tls= needs cert=FILE"),
            ("secure_server", ["tls=1", "cert=none"], 1, ""),
            ("server", ["tls=1", "cert=x"], 1, "this image has no TLS")):
        done = subprocess.run([OUT / program, f"root={site}", *words], text=True, capture_output=True, timeout=60)
        assert done.returncode == status and why in done.stderr, (words, done)
