# SPDX-License-Identifier: ISC
"""Claims: a folder that changes while it is served."""

import contextlib
import os
import re
import resource
import socket
import tempfile
from pathlib import Path

import served
from contents import BIG, FILES, claim
from hostile import a_slow_reader_gets_all, nothing_outside_of_the_site_is_reached
from server import Reader, Server, exchange, request, until_closed


@contextlib.contextmanager
def live(**options):
    """A server of an empty folder, and the folder."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder).resolve()
        (top / "www").mkdir()
        with Server(root=top / "www", index=None, log="off", **options) as server:
            yield server, top / "www"


@claim
def a_folder_that_may_change_is_served_in_the_same_way(site):
    with Server(root=site, index=None) as server:
        for c in (served.a_file_is_served_as_it_is, served.types_go_by_the_name_s_ending,
                  served.head_is_get_without_a_body,
                  served.a_folder_without_its_slash_is_redirected_within_the_site,
                  served.a_folder_shows_its_index_or_what_is_in_it,
                  served.pipelined_requests_are_answered_in_order,
                  served.several_ranges_are_served_in_parts, a_slow_reader_gets_all,
                  nothing_outside_of_the_site_is_reached):
            c(server)
        assert "serving the live folder" in server.said()
        r = server.ask("/text.txt", Accept_Encoding="gzip")
        assert r.body == FILES["text.txt.gz"] and r["Vary"] == "Accept-Encoding"
        assert server.ask("/text.txt")["Vary"] == "Accept-Encoding"
        assert server.ask("/text.txt", If_None_Match=r["ETag"]).status == 200
        assert server.ask("/text.txt", If_None_Match=r["ETag"], Accept_Encoding="gzip").status == 304
        r = server.ask("/70000.bin")
        assert server.ask("/70000.bin", If_Match='"x"').status == 412
        assert server.ask("/70000.bin", Range="bytes=70000-").status == 416
        assert server.ask("/70000.bin", Range="bytes=1-2", If_Range=r["ETag"]).body == BIG[1:3]
    with Server(root=site, index=None, program="short_server") as server:
        served.pipelined_requests_are_answered_in_order(server)
        served.several_ranges_are_served_in_parts(server)
    with Server(root=site, index="on") as server:
        assert "as they are" not in server.said()


@claim
def changes_of_files_are_noticed(_):
    with live() as (server, www):
        assert server.ask("/a.txt").status == 404 and server.ask("/new/").status == 404
        for size in 10, 5000:
            tags = set()
            for i in range(3):              # same size, same second
                (www / "a.txt").write_bytes(b"%d" % i * size)
                os.utime(www / "a.txt", ns=(10 ** 18, 10 ** 18 + i))
                r = server.ask("/a.txt")
                assert r.status == 200 and r.body == b"%d" % i * size
                assert server.ask("/a.txt", If_None_Match=r["ETag"]).status == 304
                tags.add(r["ETag"])
            (www / "b.txt").write_bytes(b"2" * size)            # another file, all the same
            os.utime(www / "b.txt", ns=(10 ** 18, 10 ** 18 + 2))
            os.replace(www / "b.txt", www / "a.txt")
            tags.add(server.ask("/a.txt")["ETag"])
            assert len(tags) == 4, tags
        (www / "new").mkdir()
        assert server.ask("/new").status == 301
        assert b'"a.txt"' not in server.ask("/new/").body
        os.rename(www / "a.txt", www / "new/a.txt")
        assert server.ask("/a.txt").status == 404
        page = server.ask("/new/")
        assert b'"a.txt"' in page.body and page["Last-Modified"] is None
        (www / "new/index.html").write_text("index")
        assert server.ask("/new/").body == b"index"
        os.unlink(www / "new/index.html")
        assert server.ask("/new/").body == page.body
        os.rename(www, www.parent / "old")
        assert server.ask("/new/a.txt").status == 404
        www.mkdir()
        (www / "again").write_text("x")
        assert server.ask("/again").body == b"x"


@claim
def an_older_gz_is_not_used(_):
    with live() as (server, www):
        (www / "a.txt").write_text("new")
        (www / "a.txt.gz").write_text("old")
        for when, body, vary in (-1, b"new", None), (0, b"old", "Accept-Encoding"):
            at = os.stat(www / "a.txt").st_mtime_ns + when
            os.utime(www / "a.txt.gz", ns=(at, at))
            r = server.ask("/a.txt", Accept_Encoding="gzip")
            assert (r.body, r["Vary"]) == (body, vary), when


@claim
def a_file_that_is_replaced_while_it_is_sent_keeps_its_contents(_):
    with live() as (server, www):
        large = BIG * 8                     # more than sockets hold
        (www / "big").write_bytes(large)
        with server.connect() as s, server.connect() as cut:
            for c in s, cut:
                c.sendall(request("/big") * 2)
                c.recv(1000, socket.MSG_PEEK)
            assert len(open_files(server, "/big")) == 2
            (www / "next").write_bytes(b"next")
            os.link(www / "big", www / "kept")
            os.replace(www / "next", www / "big")
            reader = Reader(s)
            assert reader.next().body == large and reader.next().body == b"next"
            os.truncate(www / "kept", 100)
            got = until_closed(cut)
            assert got.count(b"HTTP/1.1 ") == 1 and len(got) < len(large), "it is closed"
        server.ask("/big")
        assert not open_files(server, "/big") and not open_files(server, "/kept")


@claim
def a_small_file_that_changes_while_it_is_read_is_read_again(_):
    for nth, status in ("2", 200), ("1", 500):
        with live(program="short_server", env={"SHRINK": nth}) as (server, www):
            (www / "a").write_bytes(b"contents")
            r = server.ask("/a")
            assert r.status == status and (status == 500 or r.body == b"contents"), r.status
            assert len(open_files(server, "/a")) == 0


@claim
def a_list_that_is_read_at_the_start_has_no_other_file_systems(_):
    if not os.path.ismount("/dev/shm"):
        return "not tested: /dev/shm is not a file system"
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as f:
        path = f.name.removeprefix("/dev")
        with Server(root="/dev", index="on") as server:
            assert server.ask(path).status == 404
        with Server(root="/dev", index=None) as server:
            assert server.ask(path).status == 200


def open_files(server, end):
    found = []
    for fd in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += [name for name in [os.readlink(fd)] if end in name]
    return found


@claim
def links_lead_nowhere_else(_):
    with live() as (server, www):
        (www.parent / "secret").write_text("secret")
        (www.parent / "www-secret").write_text("secret")
        (www / "a/b").mkdir(parents=True)
        (www / ".hidden").mkdir()
        for name in "a/b/file", ".hidden/file", "a/index.html", ".file", "-secret":
            (www / name).write_text(name)
        good = {"rel": "a/b/file", "a/up": "../a/./b//file", "abs": f"{www}/a/b/file", "folder": "a/b",
                "chain": "rel", "a/self": "b/../../folder"}
        bad = {"out": "../secret", "out2": "a/../../secret", "abs2": f"{www.parent}/secret",
               "near": f"{www}-secret", "etc": "/etc", "up": "..", "top": "/", "loop": "loop",
               "dangling": "none", "hid": ".hidden/file", "hid2": ".file", "dev": "/dev/null", "l1": "l2", "l2": "l1"}
        for name, target in {**good, **bad}.items():
            os.symlink(target, www / name)
        os.mkfifo(www / "fifo")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(www / "socket"))
        for path in "/rel", "/a/up", "/abs", "/folder/file", "/chain", "/a/self/file":
            assert server.ask(path).body == b"a/b/file", path
        assert server.ask("/folder").status == 301 and server.ask("/folder/").status == 200
        for path in ("/out", "/out2", "/abs2", "/near", "/etc/passwd", "/etc/", "/up/secret", "/up/",
                     "/up/www/rel", "/top/etc/passwd", "/loop", "/loop/x", "/dangling", "/hid", "/hid2", "/dev",
                     "/.hidden/file", "/fifo", "/socket", "/rel/x", "/a/b/file/x", "/l1"):
            assert server.ask(path).status == 404, path
        page = server.ask("/").body.decode()
        for name in "rel", "abs", "folder/", "chain", "a/":
            assert f'href="{name}"' in page, (name, page)
        for name in (*bad, "fifo", "socket", ".hidden"):
            assert f'"{name}' not in page, name
        assert server.ask("/a/").body == b"a/index.html"
        os.unlink(www / "a/index.html")
        os.symlink("../../secret", www / "a/index.html")
        assert b"secret" not in server.ask("/a/").body


@claim
def a_large_folder_is_listed_in_part(_):
    for suffix in "", "x" * 250, "<" * 250:
        with live() as (server, www):
            for i in range(6000 if not suffix else 700):
                (www / f"{i:05}{suffix}").touch()
            page = server.ask("/").body
            assert 180 << 10 < len(page) < 260 << 10 and b"There are more." in page, len(page)
            names = re.findall(rb'href="(\d+)', page)
            assert len(names) == page.count(b"<tr>") - 1 and names == sorted(names)
            for name in os.listdir(www)[100:]:
                os.unlink(www / name)
            page = server.ask("/").body
            assert page.count(b"<tr>") == 100 and b"There are more" not in page


@claim
def nobody_is_closed_for_a_list(_):
    with live(program="poor_server", env={"POOR": "malloc", "MEMORY": str(128 << 10)}) as (server, www):
        for i in range(1000):
            (www / f"{i:0255}").touch()
        with contextlib.ExitStack() as stack:
            others = [stack.enter_context(server.connect()) for _ in range(20)]
            for s in others:
                assert exchange(s, "/none").status == 404
            assert server.ask("/").status == 503
            for s in others:
                assert exchange(s, "/none").status == 404
        assert server.status()["connections"]["evicted"] == 0


@claim
def where_descriptors_are_short_slow_clients_go_first(_):
    with live(connections=1000, connections_per_address=1000) as (server, www):
        (www / "big").write_bytes(BIG)
        (www / "small").write_bytes(b"small")
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (60, 60))
        with contextlib.ExitStack() as stack:
            for _ in range(80):
                with contextlib.suppress(OSError):  # (it may be ended during connect())
                    s = stack.enter_context(server.connect(4096))
                    s.sendall(request("/big"))
            for _ in range(30):
                r = server.ask("/small")
                assert r and r.body == b"small", (r and r.status, server.said())
        s = server.status()
        assert s["connections"]["evicted"] > 30, s
