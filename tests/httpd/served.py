# SPDX-License-Identifier: ISC
"""Claims: files, folders, ranges and conditions."""

import email.utils
import re
import time

from contents import BIG, FILES, MTIME, TEXT, anywhere
from server import Reader, exchange, request


@anywhere
def a_file_is_served_as_it_is(server):
    for name, data in FILES.items():
        if name.startswith(".") and not name.startswith(".well-known"):
            continue
        r = server.ask("/" + name.replace("%", "%25").replace("?", "%3f").replace(" ", "%20"))
        assert r.status == 200 and r.body == data, name
        assert r["Last-Modified"] == email.utils.formatdate(MTIME, usegmt=True)
        assert re.fullmatch('"[0-9a-f]{16}"', r["ETag"])
        sent = email.utils.parsedate_to_datetime(r["Date"]).timestamp()
        assert abs(sent - time.time()) < 3 or not server.process


@anywhere
def types_go_by_the_name_s_ending(server):
    for name, kind in (("style.css", "text/css; charset=utf-8"), ("x.png", "image/png"),
                       ("x.js", "text/javascript; charset=utf-8"),
                       ("index.html", "text/html; charset=utf-8"),
                       ("text.txt.gz", "application/gzip"),
                       ("x.unknown", "application/octet-stream"),
                       ("noending", "application/octet-stream")):
        assert server.ask("/" + name)["Content-Type"] == kind, name


@anywhere
def head_is_get_without_a_body(server):
    for path in ("/", "/big.bin", "/none", "/folder", "/folder/"):
        with server.connect() as s:
            get = exchange(s, path)
            s.sendall(request(path, "HEAD") + request("/hello.txt"))
            reader = Reader(s)
            head = reader.next("HEAD")
            a, b = dict(get.headers), dict(head.headers)
            a.pop("Date"), b.pop("Date")
            assert (get.status, a) == (head.status, b), path
            assert reader.next().body == FILES["hello.txt"]


@anywhere
def a_folder_shows_its_index_or_what_is_in_it(server):
    assert server.ask("/").body == FILES["index.html"]
    assert server.ask("/folder/sub/").body == b"sub\n"
    r = server.ask("/folder/")
    assert r.status == 200 and r["Content-Type"].startswith("text/html")
    assert b'<a href="sub/">sub/</a>' in r.body
    assert b'<a href="a%20%26%20b%20%3cc%3e.txt">a &amp; b &lt;c&gt;.txt</a>' in r.body
    assert b'href="question%3f.txt"' in r.body and b'href="100%25.txt"' in r.body
    for link in re.findall(rb'<a href="([^"]*)"', r.body):
        assert server.ask("/folder/" + link.decode()).status == 200, link
    assert server.ask("/folder/", If_None_Match=r["ETag"]).status == 304


@anywhere
def a_folder_without_its_slash_is_redirected_within_the_site(server):
    r = server.ask("/folder?a=b&c=d")
    assert (r.status, r["Location"]) == (301, "/folder/?a=b&c=d")
    for path in ("//folder", "/x/../folder", "/%66older", "///folder"):
        assert server.ask(path)["Location"] == "/folder/", path
    for path in ("//example.org/..", "/%2fexample.org/%2e%2e", "/\\example.org"):
        assert server.ask(path).status in (200, 400, 404), path
    assert server.ask("/folder?" + "q" * 5000)["Location"] == "/folder/"


@anywhere
def connections_are_kept_when_both_want_it(server):
    for version, header, kept in (("1.1", None, True), ("1.1", "close", False),
                                  ("1.0", None, False), ("1.0", "keep-alive", True),
                                  ("1.1", "Close, x", False), ("1.1", "x, keep-alive", True)):
        with server.connect() as s:
            headers = {"Connection": header} if header else {}
            r = exchange(s, "/hello.txt", "GET", version, **headers)
            assert r.body == FILES["hello.txt"]
            assert r["Connection"] == (None if kept and version == "1.1" else
                                       "keep-alive" if kept else "close"), (version, header)
            if kept:
                assert exchange(s, "/hello.txt").status == 200
            else:
                assert s.recv(1) == b"", (version, header)


@anywhere
def a_later_minor_version_is_taken_as_1_1(server):
    for version in "1.1", "1.2", "1.9":
        with server.connect() as s:
            for _ in range(2):
                r = exchange(s, "/hello.txt", "GET", version)
                assert r.status == 200 and r.body == FILES["hello.txt"], version
                assert r["Connection"] is None, version
        assert server.raw(f"GET / HTTP/{version}\r\n\r\n".encode()).startswith(b"HTTP/1.1 400 ")
        assert server.ask("/hello.txt", "GRAB", version).status == 501, version
    for version in "0.9", "0.1", "2.0", "2.1", "3.0", "9.9":
        for method in "GET", "GRAB":
            r = server.ask("/hello.txt", method, version)
            assert (r.status, r["Connection"]) == (505, "close"), (method, version)


@anywhere
def pipelined_requests_are_answered_in_order(server):
    paths = ["/hello.txt", "/none", "/4097.bin", "/text.txt", "/", "/70000.bin", "/empty.txt"]
    with server.connect() as s:
        s.sendall(b"".join(request(paths[i % len(paths)]) for i in range(200)))
        reader = Reader(s)
        for i in range(200):
            r, name = reader.next(), paths[i % len(paths)][1:] or "index.html"
            assert r.status == (404 if name == "none" else 200)
            assert name == "none" or r.body == FILES[name], (i, name)


@anywhere
def empty_lines_in_front_of_a_request_are_passed_over(server):
    with server.connect() as s:
        s.sendall(b"\r\n\r\n" + request("/hello.txt") + b"\r\n" + request("/hello.txt"))
        reader = Reader(s)
        assert reader.next().status == reader.next().status == 200


@anywhere
def a_request_may_come_in_single_bytes(server):
    with server.connect() as s:
        for byte in request("/text.txt", Range="bytes=0-9", Cookie="x" * 50):
            s.sendall(bytes([byte]))
        assert Reader(s).next().body == TEXT[:10]


@anywhere
def an_absolute_target_is_understood(server):
    assert server.ask("http://example.org/hello.txt").body == FILES["hello.txt"]
    assert server.ask("HTTP://example.org").body == FILES["index.html"]


@anywhere
def options_says_what_is_allowed(server):
    for target in ("*", "/hello.txt"):
        r = server.ask(target, "OPTIONS")
        assert (r.status, r["Allow"]) == (204, "GET, HEAD, OPTIONS")
    for method in ("POST", "PUT", "DELETE", "TRACE", "PATCH"):
        r = server.ask("/hello.txt", method)
        assert (r.status, r["Allow"]) == (405, "GET, HEAD, OPTIONS"), method


@anywhere
def a_range_is_served(server):
    size = len(TEXT)
    for header, start, end in (("0-0", 0, 1), ("5-", 5, size), ("-7", size - 7, size),
                               ("100-199", 100, 200), (f"0-{size}", 0, size),
                               (f"0-{size - 1}", 0, size), (f"0-{size * 2}", 0, size),
                               (f"-{size * 2}", 0, size), (f"{size - 1}-", size - 1, size)):
        r = server.ask("/text.txt", Range="bytes=" + header)
        assert r.status == 206 and r.body == TEXT[start:end], header
        assert r["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
    r = server.ask("/big.bin", Range="bytes=1000000-1999999")
    assert r.body == BIG[1000000:2000000]


@anywhere
def several_ranges_are_served_in_parts(server):
    for name, data in (("text.txt", TEXT), ("big.bin", BIG), ("70000.bin", FILES["70000.bin"])):
        r = server.ask("/" + name, Range="bytes=0-9, 50-59,-6")
        assert r.status == 206
        kind = r["Content-Type"]
        assert kind.startswith("multipart/byteranges; boundary=")
        boundary = b"--" + kind.split("=")[1].encode()
        parts = r.body.split(boundary)
        assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 5
        for part, (a, b) in zip(parts[1:], ((0, 10), (50, 60), (len(data) - 6, len(data)))):
            head, _, body = part.partition(b"\r\n\r\n")
            assert f"Content-Range: bytes {a}-{b - 1}/{len(data)}".encode() in head
            assert body == data[a:b] + b"\r\n"
    with server.connect() as s:
        s.sendall(request("/big.bin", Range="bytes=0-99999,200000-299999") + request("/"))
        reader = Reader(s)
        r = reader.next()
        assert BIG[:100000] in r.body and BIG[200000:300000] in r.body
        assert reader.next().body == FILES["index.html"]


@anywhere
def ranges_that_cannot_be_are_refused_or_ignored(server):
    size = len(TEXT)
    for header in (f"bytes={size}-", "bytes=-0", f"bytes={10**30}-", f"bytes={size}-,{size + 5}-"):
        r = server.ask("/text.txt", Range=header)
        assert (r.status, r["Content-Range"]) == (416, f"bytes */{size}"), header
    for header in ("bytes=5-4", "bytes=a-b", "bytes=", "lines=1-2", "bytes=1", "bytes=--1",
                   "bytes=1-2-3", "bytes=0-0,x", "bytes= -", "bytes=0x1-2",
                   "bytes=" + ",".join(["0-0"] * 17), "bytes=" + ",".join(["0-"] * 10)):
        r = server.ask("/text.txt", Range=header)
        assert r.status == 200 and r.body == TEXT, header
    assert server.ask("/empty.txt", Range="bytes=0-").status == 416


@anywhere
def if_range_gives_the_whole_of_what_changed(server):
    r = server.ask("/text.txt")
    for value, status in ((r["ETag"], 206), (r["Last-Modified"], 206), ('"other"', 200),
                          ("W/" + r["ETag"], 200),
                          (email.utils.formatdate(MTIME + 1, usegmt=True), 200)):
        got = server.ask("/text.txt", Range="bytes=0-9", If_Range=value)
        assert got.status == status, value


@anywhere
def conditions_are_obeyed(server):
    r = server.ask("/hello.txt")
    tag, when = r["ETag"], email.utils.formatdate(MTIME, usegmt=True)
    later, earlier = (email.utils.formatdate(MTIME + d, usegmt=True) for d in (60, -60))
    asctime = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(MTIME))
    rfc850 = time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(MTIME))
    for headers, status in (
            ({"If-None-Match": tag}, 304), ({"If-None-Match": "W/" + tag}, 304),
            ({"If-None-Match": f'"a", {tag}'}, 304), ({"If-None-Match": "*"}, 304),
            ({"If-None-Match": '"other"'}, 200), ({"If-None-Match": tag[:-1]}, 200),
            ({"If-None-Match": '"'}, 200), ({"If-None-Match": ""}, 200),
            ({"If-Modified-Since": when}, 304), ({"If-Modified-Since": later}, 304),
            ({"If-Modified-Since": earlier}, 200), ({"If-Modified-Since": "yesterday"}, 200),
            ({"If-Modified-Since": asctime}, 304), ({"If-Modified-Since": rfc850}, 304),
            ({"If-Modified-Since": "Sun, 99 Sep 2099 99:99:99 GMT"}, 200),
            ({"If-None-Match": '"other"', "If-Modified-Since": when}, 200),
            ({"If-Match": tag}, 200), ({"If-Match": "*"}, 200), ({"If-Match": '"other"'}, 412),
            ({"If-Match": "W/" + tag}, 412),
            ({"If-Unmodified-Since": when}, 200), ({"If-Unmodified-Since": earlier}, 412)):
        got = server.ask("/hello.txt", **headers)
        assert got.status == status, headers
        if status == 304:
            assert got["ETag"] == tag and got["Content-Length"] is None


@anywhere
def gzip_is_sent_to_those_who_take_it(server):
    for accept, coded in (("gzip", True), ("GZIP", True), ("deflate, gzip;q=1.0, *;q=0.5", True),
                          ("*", True), ("x-gzip", True), ("gzip;q=0.001", True), (None, False),
                          ("gzip;q=0", False), ("gzip; q=0.000, *", False), ("identity", False),
                          ("gzippy", False), ("*;q=0", False), ("", False), ("br", False)):
        headers = {} if accept is None else {"Accept-Encoding": accept}
        r = server.ask("/text.txt", **headers)
        assert r["Vary"] == "Accept-Encoding"
        assert r["Content-Encoding"] == ("gzip" if coded else None), accept
        assert r["Content-Type"] == "text/plain; charset=utf-8"
        assert r.body == FILES["text.txt.gz" if coded else "text.txt"], accept
    plain, coded = server.ask("/text.txt"), server.ask("/text.txt", Accept_Encoding="gzip")
    assert plain["ETag"] != coded["ETag"]
    assert server.ask("/gz/", Accept_Encoding="gzip").body == FILES["gz/index.html.gz"]
    r = server.ask("/text.txt", Accept_Encoding="gzip", Range="bytes=1-9")
    assert r.body == FILES["text.txt.gz"][1:10] and r["Content-Encoding"] == "gzip"
    r = server.ask("/hello.txt", Accept_Encoding="gzip")
    assert r["Vary"] is None and r.body == FILES["hello.txt"]
