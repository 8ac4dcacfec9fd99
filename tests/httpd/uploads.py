# SPDX-License-Identifier: ISC
"""Claims: uploads by PUT."""

import contextlib
import os
import random
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from contents import BIG, claim
from live import open_files
from server import OUT, Reader, Server, request
from status import refuses


@contextlib.contextmanager
def taking(**options):
    """A server that serves a folder and takes uploads to the folder `in` there, and this folder."""
    with tempfile.TemporaryDirectory() as www:
        folder = Path(www) / "in"
        folder.mkdir()
        with Server(**{"root": www, "index": None, "upload": folder, **options}) as server:
            yield server, folder


def put(server, path, body=b"", method="PUT", **headers):
    with server.connect() as s:
        s.sendall(request(path, method, Content_Length=len(body), **headers) + body)
        return Reader(s).next()


def chunked(path="/in/a", **headers):
    return request(path, "PUT", Transfer_Encoding="chunked", **headers)


def in_chunks(body, rng):
    out = b""
    while body:
        n = rng.choice((1, 2, 15, 16, 1000, 70000))
        out += b"%x%s\r\n%s\r\n" % (len(body[:n]), rng.choice((b"", b";x=y")), body[:n])
        body = body[n:]
    return out + rng.choice((b"0\r\n\r\n", b"000\r\nX: y\r\n\r\n"))


def is_empty(folder, server):
    """No file, and none without a name that is open."""
    for _ in range(200):
        if not os.listdir(folder) and not open_files(server, f"{folder}/"):
            return True
        time.sleep(0.01)
    return False


@claim
def what_is_put_is_served(_):
    with taking() as (server, folder):
        for name, body in ("a.txt", b"one"), ("empty", b""), ("big.bin", BIG), ("a b%25.x", b"x"):
            path = "/in/" + name.replace(" ", "%20")
            r = put(server, path, body)
            assert (r.status, r.body, r["Connection"]) == (201, b"", "close"), name
            got = server.ask(path)
            assert (got.status, got.body, got["ETag"]) == (200, body, r["ETag"]), name
            assert got["Last-Modified"] == r["Last-Modified"]
            again = put(server, path, body + b"more")
            assert again.status == 204 and again["ETag"] != r["ETag"] and not again["Allow"]
            assert server.ask(path).body == body + b"more", name
        assert sorted(os.listdir(folder)) == ["a b%.x", "a.txt", "big.bin", "empty"]
        (folder / "sub").mkdir()
        assert put(server, "/in/sub/../sub/x", b"y").status == 201
        assert (folder / "sub/x").read_bytes() == b"y"
        time.sleep(0.1)
        assert re.search(r'"PUT /in/a\.txt HTTP/1\.1" 201 0\n', server.said())
        subprocess.run(["curl", "-sSf", "-T", folder / "big.bin", "-H", "Expect: 100-continue",
                        f"http://127.0.0.1:{server.port}/in/copy"], check=True)
        assert (folder / "copy").read_bytes() == BIG + b"more"


@claim
def the_url_of_an_upload_follows_from_the_folder(_):
    with taking(root="/dev", index="on") as (server, folder):      # elsewhere: its name
        assert put(server, "/in/x", b"1").status == 201 and (folder / "x").exists()
        assert server.ask("/in/x").status == 404 and put(server, "/x", b"1").status == 405
    with tempfile.TemporaryDirectory() as www:
        with Server(root=www, index=None, upload=www) as server:
            assert put(server, "/x", b"1").status == 201 and server.ask("/x").body == b"1"
            assert put(server, "/", b"1").status == 409
        os.makedirs(f"{www}/a/in")
        with Server(root=www + "/", index=None, upload=f"{www}/a/in/") as server:
            assert put(server, "/a/in/x", b"1").status == 201 and server.ask("/a/in/x").body == b"1"
            assert put(server, "/in/x", b"1").status == 405
        os.mkdir(f"{www}/a-in")
        with Server(root=f"{www}/a", index=None, upload=f"{www}/a-in") as server:
            assert put(server, "/a-in/x", b"1").status == 201 and server.ask("/a-in/x").status == 404
        refuses(f"root={www}", f"upload={www}/none", says="No such file")
        refuses(f"root={www}", f"upload={www}/x", says="Not a directory")
        refuses(f"root={www}", "upload=/proc", says="upload=/proc: ")
        os.mkdir(f"{www}/.in")
        refuses(f"root={www}", f"upload={www}/.in", says="not an absolute path of a folder")


@claim
def what_cannot_be_stored_is_refused(_):
    with taking(upload_limit=1000) as (server, folder):
        (folder / "folder").mkdir()
        (folder.parent / "away").mkdir()
        os.symlink("../away", folder / "link")
        with server.connect() as s:
            s.sendall(request("/in/a", "PUT"))
            assert Reader(s).next().status == 411
        with server.connect() as s:
            s.sendall(request("/in/a", "PUT", "1.0", Transfer_Encoding="chunked"))
            assert Reader(s).next().status in (400, 411)
        for path, status in (("/in/none/a", 409), ("/in/folder", 409), ("/in/a/", 409), ("/in", 409),
                             ("/in/", 409), ("/in/.a", 403), ("/in/.httpd-upload", 403),
                             ("/in/.x/a", 403), ("/in/link/a", 409), ("/in/" + "x" * 300, 403),
                             ("/a", 405), ("/", 405), ("/inn/a", 405), ("/in/../a", 405),
                             ("/%2e%2e/a", 400), ("/in/a%00b", 400)):
            r = put(server, path, b"body")
            assert r.status == status and r["Connection"] == "close", (path, r.status)
        for headers, status in (({"Content_Range": "bytes 0-3/9"}, 400), ({"Content_Encoding": "gzip"}, 415),
                                ({"Expect": "wonders"}, 417), ({"Content_Encoding": "identity"}, 201)):
            assert put(server, "/in/x", b"body", **headers).status == status, headers
        os.unlink(folder / "x")
        for method in "POST", "DELETE", "PATCH":
            for path, allow in ("/in/a", ", PUT"), ("/x", ""):
                r = put(server, path, b"body", method)
                assert (r.status, r["Allow"]) == (405, "GET, HEAD, OPTIONS" + allow), (method, path)
        assert server.ask("/in/a", "OPTIONS")["Allow"] == "GET, HEAD, OPTIONS, PUT"
        assert server.ask("/a", "OPTIONS")["Allow"] == "GET, HEAD, OPTIONS"
        assert put(server, "/in/a", b"x" * 1001).status == 413
        assert put(server, "/in/limit", b"x" * 1000).status == 201
        os.unlink(folder / "limit")
        for n in 1, 100, 1001:
            got = server.raw(chunked() + (b"%x\r\n" % n + b"x" * n + b"\r\n") * (2000 // n))
            assert got.startswith(b"HTTP/1.1 413 "), got
        got = server.raw(chunked() + b"3e9\r\n" + b"x" * 1001 + b"\r\n1\r\nx\r\n0\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 413 "), got
        assert sorted(os.listdir(folder)) == ["folder", "link"] and not os.listdir(folder / "folder")
        assert not os.listdir(folder.parent / "away")
    with Server(root=tempfile.gettempdir(), index=None) as server:
        assert put(server, "/in/a", b"x").status == 405, "not configured"


@claim
def chunks_are_put_together(_):
    rng = random.Random(1)
    with taking(log="off") as (server, folder):
        for i in range(12):
            body = BIG[:(0, 1, 5000, 200000)[i % 4]]
            data = chunked() + in_chunks(body, rng)
            with server.connect() as s:
                while data:
                    n = rng.choice((1, 100, 70000)) if len(data) < 2000 else rng.choice((3000, 70000))
                    s.sendall(data[:n])
                    data = data[n:]
                assert Reader(s).next().status == (204 if i else 201)
            assert (folder / "a").read_bytes() == body
        os.unlink(folder / "a")
        for bad in (b"x\r\n", b"-1\r\n", b"5\r\nabcdefg\r\n", b"\r\n", b"5;\0\r\nabcde\r\n",
                    b"fffffffffffffffff\r\n", b"0x5\r\nabcde\r\n0\r\n\r\n"):
            got = server.raw(chunked() + b"3\r\nabc\r\n" + bad + request("/in/"))
            assert got.startswith(b"HTTP/1.1 400 ") and got.count(b"HTTP/1.1 ") == 1, (bad, got)
        assert is_empty(folder, server)


@claim
def conditions_of_uploads_hold(_):
    with taking() as (server, folder):
        assert put(server, "/in/a", b"1", If_Match="*").status == 412
        assert put(server, "/in/a", b"1", If_Match='"x"').status == 412
        assert is_empty(folder, server)
        first = put(server, "/in/a", b"1", If_None_Match="*")
        assert first.status == 201
        assert put(server, "/in/a", b"2", If_None_Match="*").status == 412
        assert put(server, "/in/a", b"2", If_None_Match=first["ETag"]).status == 412
        assert put(server, "/in/a", b"2", If_Match='"x", W/' + first["ETag"]).status == 412
        old = "Sun, 06 Nov 1994 08:49:37 GMT"
        assert put(server, "/in/a", b"2", If_Unmodified_Since=old).status == 412
        assert server.ask("/in/a").body == b"1"
        second = put(server, "/in/a", b"2", If_Match='"x", ' + first["ETag"])
        assert second.status == 204
        assert put(server, "/in/a", b"3", If_Match=first["ETag"]).status == 412
        assert put(server, "/in/a", b"3", If_Unmodified_Since=second["Last-Modified"]).status == 204
        # What changes while the body arrives counts, too.
        for path, headers in ("/in/b", {"If_None_Match": "*"}), ("/in/a", {"If_Match": "*"}):
            with server.connect() as s:
                s.sendall(request(path, "PUT", Content_Length=2, **headers) + b"x")
                time.sleep(0.05)
                assert server.status()["connections"]["uploading"] == 1
                if path == "/in/b":
                    assert put(server, "/in/b", b"other").status == 201
                else:
                    os.unlink(folder / "a")
                s.sendall(b"y")
                assert Reader(s).next().status == 412, path
        assert os.listdir(folder) == ["b"] and (folder / "b").read_bytes() == b"other"


@claim
def a_client_that_waits_for_100_gets_it(_):
    with taking() as (server, folder):
        with server.connect() as s:
            s.sendall(request("/in/a", "PUT", Content_Length=4, Expect="100-continue"))
            got = s.recv(1000)
            assert got == b"HTTP/1.1 100 Continue\r\n\r\n", got
            s.sendall(b"body")
            assert Reader(s).next().status == 201
        for data in (request("/in/a", "PUT", Content_Length=4, Expect="100-continue") + b"body",
                     request("/in/a", "PUT", "1.0", Content_Length=4, Expect="100-continue") + b"body",
                     request("/in/none/a", "PUT", Content_Length=4, Expect="100-continue"),
                     request("/in/a", "PUT", Content_Length=4, Expect="100-continue", If_None_Match="*"),
                     request("/in/a", "PUT", Content_Length=1 << 60, Expect="100-continue")):
            got = server.raw(data)
            assert re.match(rb"HTTP/1.1 (204|409|412|413) ", got), (data, got)


@claim
def an_upload_comes_after_the_answers_before_it_and_ends_the_connection(site):
    for program in "server", "short_server":
        with taking(program=program, log="off") as (server, folder):
            (folder / "big").write_bytes(BIG)
            smuggled = request("/in/big")
            for body in b"", b"body", BIG:
                for before in "/none", "/in/a", "/in/big":
                    data = (request(before) * 3 + request("/in/a", "PUT", Content_Length=len(body)) +
                            body + smuggled)
                    with server.connect(4096) as s:
                        reader = Reader(s)
                        for part in range(0, len(data), 100000):
                            s.sendall(data[part:part + 100000])
                            if not part:
                                time.sleep(0.02)
                                for _ in range(3):
                                    assert reader.next().status in (200, 404)
                        r = reader.next()
                        assert r.status in (201, 204) and r["Connection"] == "close"
                        with contextlib.suppress(ConnectionResetError):
                            assert reader.next() is None, "the body is not a request"
                    assert (folder / "a").read_bytes() == body


@claim
def of_an_upload_that_does_not_end_nothing_is_left(_):
    with taking(send_timeout="500ms", uploads=3, uploads_per_address=3) as (server, folder):
        start = request("/in/a", "PUT", Content_Length=100000)
        for data in start, start + b"x" * 50000, chunked() + b"5\r\nabc", chunked() + b"1\r\na\r\n":
            with server.connect() as s:
                s.sendall(data)
                time.sleep(0.02)
        assert is_empty(folder, server)
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(server.connect()) for _ in range(3)]
            for s in slow:
                s.sendall(start)
            slow[1].sendall(b"x" * 5000)
            time.sleep(0.1)
            assert server.status()["connections"]["uploading"] == 3
            assert put(server, "/in/b", b"x").status == 503
            assert server.ask("/in/").status == 200
            # A byte now and then is not progress; 4 KiB are.
            for i in range(16):
                time.sleep(0.06)
                with contextlib.suppress(OSError):
                    slow[0].sendall(b"x")
                    slow[1].sendall(b"x")
                    slow[2].sendall(b"x" * 4096)
            for s in slow[:2]:
                assert Reader(s).next().status == 408
            assert server.status()["timeouts"]["upload"] == 2
            slow[2].sendall(b"x" * (100000 - 16 * 4096))
            assert Reader(slow[2]).next().status == 201
        assert put(server, "/in/b", b"x").status == 201
        assert sorted(os.listdir(folder)) == ["a", "b"]


def begin(stack, server, host, size):
    """An upload of 1 MiB from an address of this machine, of which some bytes are sent."""
    s = stack.enter_context(socket.socket())
    s.settimeout(10)
    s.bind((f"127.0.0.{host}", 0))
    s.connect(("127.0.0.1", server.port))
    s.sendall(request(f"/in/{host}", "PUT", Content_Length=1 << 20) + bytes(size))
    return s


def end(s, sent):
    s.sendall(bytes((1 << 20) - sent))
    return Reader(s).next().status


def uploading(server):
    return server.status()["connections"]["uploading"]


@claim
def slow_uploads_do_not_keep_others_out(_):
    much = 900 << 10
    with taking(uploads=4, log="off") as (server, folder), contextlib.ExitStack() as stack:
        slow = [begin(stack, server, host, 1) for host in (2, 2, 3, 4)]     # but young
        while uploading(server) < 4:
            time.sleep(0.01)
        for host in 2, 5:
            assert Reader(begin(stack, server, host, 0)).next().status == 503, host
        assert end(slow.pop(), 1) == 201                                # a place of another address
        assert Reader(begin(stack, server, 2, 0)).next().status == 503
        assert end(begin(stack, server, 5, much), much) == 201
        assert server.status()["connections"]["evicted"] == 0
    with (taking(program="short_server", uploads=4, log="off") as (server, folder),
          contextlib.ExitStack() as stack):
        fast = [begin(stack, server, 2, much)]
        slow = [begin(stack, server, host, size) for host, size in ((2, 1000), (4, 2000), (3, 10))]
        time.sleep(0.3)
        assert uploading(server) == 4
        fast.append(begin(stack, server, 2, much))                      # the same address has two
        with contextlib.suppress(ConnectionResetError):
            assert slow.pop(0).recv(1) == b""
        fast.append(begin(stack, server, 5, much))                      # the slowest of all
        with contextlib.suppress(ConnectionResetError):
            assert slow.pop().recv(1) == b""
        assert server.status()["connections"]["evicted"] == 2 and uploading(server) == 4
        assert end(slow.pop(), 2000) == 201
        fast.append(begin(stack, server, 6, much))
        time.sleep(0.3)
        assert Reader(begin(stack, server, 7, 0)).next().status == 503, "none is slow"
        for s in fast:
            assert end(s, much) in (201, 204)
        assert server.status()["connections"]["evicted"] == 2
        assert sorted(os.listdir(folder)) == ["2", "4", "5", "6"]


@claim
def a_file_is_durable_before_it_has_its_name(_):
    with taking(program="short_server", log="off") as (server, folder):
        calls = []
        for expected in (["fsync", "linkat a", "fsync"],
                         ["fsync", "linkat .httpd-upload", "renameat a", "fsync"]):
            (folder / ".httpd-upload").write_text("of a crash")
            assert put(server, "/in/a", BIG).status in (201, 204)
            calls += expected
            assert re.findall("call: (.*)", server.said()) == calls, server.said()
        assert (folder / "a").read_bytes() == BIG and os.listdir(folder) == ["a"]


@claim
def errors_of_the_disk_are_reported_and_nothing_is_left(_):
    for env, status in ({"DISK": "100000"}, 507), ({"FSYNC": "1"}, 500):
        with taking(program="short_server", env=env) as (server, folder):
            assert put(server, "/in/a", BIG[:200000]).status == status
            got = server.raw(chunked() + b"%x\r\n" % 200000 + BIG[:200000] + b"\r\n0\r\n\r\n")
            assert got.startswith(b"HTTP/1.1 %d " % status)
            assert is_empty(folder, server)


@claim
def an_upload_needs_no_memory(_):
    with taking(program="plain_server", log="off") as (server, folder):
        assert put(server, "/in/a", BIG).status == 201
        before = server.rss()
        with server.connect() as s:
            s.sendall(request("/in/a", "PUT", Content_Length=20 * len(BIG)))
            for _ in range(20):
                s.sendall(BIG)
            assert Reader(s).next().status == 204
        assert server.rss() < before + (1 << 20) and os.stat(folder / "a").st_size == 20 * len(BIG)


@claim
def a_reader_keeps_the_file_that_an_upload_replaces(_):
    with taking() as (server, folder):
        put(server, "/in/a", BIG)
        with server.connect(4096) as s:
            s.sendall(request("/in/a"))
            time.sleep(0.05)
            assert put(server, "/in/a", b"new").status == 204
            assert server.ask("/in/a").body == b"new" and Reader(s).next().body == BIG
