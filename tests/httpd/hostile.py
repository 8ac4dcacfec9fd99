# SPDX-License-Identifier: ISC
"""Claims: hostile requests."""

import random
import re
import socket
import struct
import time

from contents import BIG, FILES, TEXT, anywhere
from server import Reader, request, until_closed


@anywhere
def nothing_outside_of_the_site_is_reached(server):
    for path in ("/../etc/passwd", "/..", "/../", "/folder/../../etc/passwd", "/%2e%2e/etc/passwd",
                 "/..%2fetc/passwd", "/%2e%2e%2fetc%2fpasswd", "/folder/..%2f..%2fetc/passwd",
                 "/./../etc/passwd", "/folder/%2e%2e/%2e%2e/etc/passwd"):
        assert server.ask(path).status == 400, path
    for path in ("/etc/passwd", "//etc/passwd", "/..\\etc\\passwd", "/%252e%252e/etc/passwd",
                 "/.secret", "/.git/config", "/.git/", "/%2esecret", "/folder/../.secret",
                 "/dev/null", "/proc/self/environ", "/.well-known/../.secret", "/...",
                 "/%c0%ae%c0%ae/etc/passwd", "/hello.txt/", "/hello.txt/x"):
        assert server.ask(path).status == 404, path
    for path in ("/folder/../hello.txt", "/./hello.txt", "//hello.txt", "/%68ello.txt",
                 "/folder/sub/../../hello.txt", "/hello.txt?x=/../..", "/hello.txt?%00"):
        assert server.ask(path).body == FILES["hello.txt"], path


REFUSED = {
    "a line's end without CR": b"GET / HTTP/1.1\nHost: x\n\n",
    "one of several": b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    "a lone CR": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n",
    "CRs in front": b"\r\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "CR CR LF": b"GET / HTTP/1.1\r\nHost: x\r\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                           b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "a negative length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length with a sign": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
    "a length in hex": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na",
    "a huge length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "chunks not last": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n",
    "another coding": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "a NUL in a value": b"GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
    "a NUL in the target": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "an escaped NUL": b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "half an escape": b"GET /% HTTP/1.1\r\nHost: x\r\n\r\n",
    "an escape of no hex": b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a field without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n",
    "no target": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /\r\nHost: x\r\n\r\n",
    "a version that is none": b"GET / HTTP/1.x\r\nHost: x\r\n\r\n",
    "a target of no kind": b"GET hello.txt HTTP/1.1\r\nHost: x\r\n\r\n",
    "* for GET": b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in front": b" GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + b"x" * 190,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
    "an unknown method of HTTP/2.0": b"GRAB / HTTP/2.0\r\nHost: x\r\n\r\n",
    "an unknown method without a version": b"GRAB /\r\nHost: x\r\n\r\n",
    "an unknown method and a space in the target": b"GRAB / / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method that is not a token": b"GR(B / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no Host, but an absolute target": b"GET http://x/ HTTP/1.1\r\n\r\n",
    "two Hosts that differ in their name's case": b"GET / HTTP/1.1\r\nHost: x\r\nhOST: y\r\n\r\n",
}

BAD_HOSTS = ("", " ", "\t", "a b", "a,b", "a, b", "evil.com/x", "/", "user@x", "user:pw@x", "@x", "x@",
             ":80", ":", "x:y", "x:-1", "x:+80", "x:0", "x:65536", "x:99999999999999999999",
             "x:80:80", "x:80 ,y", "x: 80", "x :80", "x:8o", "[", "]", "[]", "[::1", "::1", "[::1]x",
             "[::1]:x", "[::1]:65536", "[:::1]", "[1::2::3]", "[12345::]", "[::1%25eth0]",
             "[::1%eth0]", "[1.2.3.4]", "[::256.1.1.1]", "[v1.x]", "x[::1]", "x?y", "x#y", "x\\y",
             "%", "%4", "%zz", "a%2fb", "a%00b", "a%20b", "a%3ab", "http://x", "x;y", "x|y", "<x>",
             '"x"', "'x'", "x\x7f", "x\xff", "\xc3\xbc", "*", "x*", "x&y", "x=y", "{x}", "x^y", "x`y")
GOOD_HOSTS = ("x", "X.example.ORG", "x.", "x:", "x:80", "x:08080", "x:65535", "10.0.0.16",
              "10.0.0.16:8080", "[::]", "[::1]", "[::1]:80", "[::1]:", "[::ffff:10.0.0.1]:8080",
              "[2001:DB8::a]", "a-b_c~d.example", "xn--bcher-kva.example", "b%c3%bccher", "%41")


@anywhere
def a_host_that_is_none_is_refused(server):
    for host in BAD_HOSTS:
        value = host.encode("latin-1")
        for version in b"1.1", b"1.0":
            got = server.raw(b"GET / HTTP/" + version + b"\r\nHost: " + value + b"\r\n\r\n", wait=2)
            assert got.startswith(b"HTTP/1.1 400 "), (host, version, got[:40])
        if host and not set(host) & set(" \t/?#"):
            got = server.raw(b"GET http://" + value + b"/ HTTP/1.1\r\nHost: x\r\n\r\n", wait=2)
            assert got.startswith(b"HTTP/1.1 400 "), (host, "absolute", got[:40])
    for target in ("http:///", "http://", "http://?", "http:/x", "http://#", "https://x/", "//x@y:z",
                   "http://x y/"):
        status = server.ask(target).status
        assert status in ((404,) if target.startswith("//") else (400,)), (target, status)


@anywhere
def a_host_that_is_one_is_taken(server):
    for host in GOOD_HOSTS:
        assert server.ask("/hello.txt", Host=host).status == 200, host
        r = server.ask(f"http://{host}/hello.txt", Host="other.example")
        assert r.status == 200 and r.body == FILES["hello.txt"], host
        assert server.ask(f"http://{host}?x=/../none").body == FILES["index.html"], host
    got = server.raw(b"GET /hello.txt HTTP/1.0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 "), "HTTP/1.0 needs no Host"


@anywhere
def an_unknown_method_is_not_implemented(server):
    for method in ("GRAB", "get", "Get", "GETT", "GE", "G", "X-Y", "_", "BREW", "DESCRIBE", "!#$%&'*+^`|~",
                   "A" * 200):
        for target in "/", "*", "/none", "http://x/":
            got = server.raw(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() +
                             request("/hello.txt"), wait=2)
            assert got.startswith(b"HTTP/1.1 501 "), (method, target, got[:40])
            assert got.count(b"HTTP/1.1 ") == 1 and b"Connection: close\r\n" in got, method
    for method in ("POST", "PUT", "DELETE", "TRACE", "PATCH", "PROPFIND"):
        r = server.ask("/hello.txt", method)
        assert (r.status, r["Allow"]) == (405, "GET, HEAD, OPTIONS"), method
    r = server.ask("x:443", "CONNECT")
    assert (r.status, r["Allow"]) == (405, "GET, HEAD, OPTIONS")


@anywhere
def what_is_no_request_is_refused_and_the_connection_ends(server):
    follow = request("/hello.txt")
    for name, data in REFUSED.items():
        try:
            got = server.raw(data + follow, wait=2)
        except TimeoutError:
            raise AssertionError(f"{name}: the connection goes on") from None
        assert re.match(rb"HTTP/1\.1 (400|505) ", got), (name, got[:80])
        assert got.count(b"HTTP/1.1 ") == 1 and b"Connection: close\r\n" in got, name
        assert FILES["hello.txt"] not in got, name


@anywhere
def what_comes_with_a_body_is_the_last_request(server):
    smuggled = request("/hello.txt")
    for head, body in ((b"Content-Length: %d\r\n" % len(smuggled), smuggled),
                       (b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + smuggled),
                       (b"Content-Length: 5\r\nExpect: 100-continue\r\n", b"")):
        for method, status in ((b"GET", 200), (b"POST", 405), (b"HEAD", 200)):
            got = server.raw(method + b" / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + body)
            assert got.startswith(b"HTTP/1.1 %d " % status), got[:80]
            assert got.count(b"HTTP/1.1 ") == 1 and FILES["hello.txt"] not in got
    got = server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n" +
                     request("/", Connection="close"))
    assert got.startswith(b"HTTP/1.1 417 ")


@anywhere
def a_large_upload_hears_the_refusal(server):
    with server.connect() as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
        time.sleep(0.1)
        for _ in range(50):
            s.sendall(b"x" * 10000)
        assert Reader(s).next().status == 405
        assert s.recv(1) == b"", "it ends, and is not reset"


@anywhere
def headers_too_large_are_refused(server):
    got = server.raw(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 414 ")
    assert server.ask("/" + "x" * 3000).status == 414
    assert server.ask("/" + "%78" * 2000).status == 404
    got = server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(
        b"X-%d: %s\r\n" % (i, b"y" * 100) for i in range(200)) + b"\r\n")
    assert got.startswith(b"HTTP/1.1 431 ")
    assert server.ask("/hello.txt", Cookie="x" * 7900).status == 200


@anywhere
def any_beginning_of_a_request_may_be_its_end(server):
    whole = request("/text.txt", Range="bytes=0-5", If_None_Match='"x"', Accept_Encoding="gzip")
    for n in range(len(whole)):
        with server.connect() as s:
            s.sendall(whole[:n])
    with server.connect() as s:
        s.sendall(request("/text.txt"))
        s.shutdown(socket.SHUT_WR)
        assert Reader(s).next().body == TEXT, "a client may end its side first"


@anywhere
def random_bytes_harm_nothing(server):
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    base = request("/text.txt", Range="bytes=0-5,9-20", If_None_Match='"x"') * 3
    for _ in range(300):
        data = bytearray(base)
        for _ in range(rng.randrange(1, 10)):
            at = rng.randrange(len(data))
            data[at:at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        with server.connect() as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            until_closed(s)
    assert server.ask("/").status == 200, f"seed {seed}"


@anywhere
def clients_that_vanish_harm_nothing(server):
    for _ in range(50):
        s = server.connect(receive_buffer=4096)
        s.sendall(request("/big.bin") * 3)
        s.recv(1000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    assert server.ask("/big.bin").body == BIG


@anywhere
def a_slow_reader_gets_all(server):
    with server.connect(receive_buffer=4096) as s:
        s.sendall(request("/70000.bin") * 30 + request("/big.bin", Connection="close"))
        time.sleep(0.3)
        reader = Reader(s)
        for _ in range(30):
            assert reader.next().body == FILES["70000.bin"]
        assert reader.next().body == BIG
