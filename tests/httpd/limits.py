# SPDX-License-Identifier: ISC
"""Claims: timeouts, memory, numbers of connections, errors of the system."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

from contents import BIG, FILES, claim, write_tar
from server import OUT, Reader, Server, exchange, request, until_closed
from served import (
    a_file_is_served_as_it_is, connections_are_kept_when_both_want_it, head_is_get_without_a_body,
    pipelined_requests_are_answered_in_order, several_ranges_are_served_in_parts)
from hostile import a_slow_reader_gets_all, what_is_no_request_is_refused_and_the_connection_ends


@claim
def a_header_that_takes_too_long_ends_in_408(site):
    with Server(root=site, header_timeout="300ms") as server:
        start = time.time()
        with server.connect() as s, server.connect() as silent:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            got = b""
            s.settimeout(0.02)
            for i in range(200):            # a byte now and then gains no time
                with contextlib.suppress(OSError):
                    s.sendall(b"X")
                with contextlib.suppress(TimeoutError, ConnectionResetError):
                    data = s.recv(4096)
                    got += data
                    if not data:
                        break
            assert 0.2 < time.time() - start < 2, time.time() - start
            assert got.startswith(b"HTTP/1.1 408 "), got
            assert silent.recv(1) == b""
        assert server.status()["timeouts"]["header"] == 2


@claim
def idle_connections_are_closed(site):
    with Server(root=site, idle_timeout="600ms", header_timeout="5s") as server:
        with server.connect() as s:
            for _ in range(4):              # each request gains time
                assert exchange(s, "/hello.txt").status == 200
                time.sleep(0.2)
            start = time.time()
            assert s.recv(1) == b"" and time.time() - start < 2
        assert server.status()["timeouts"]["idle"] == 1


@claim
def responses_may_be_cut_anywhere(site):
    with Server(root=site, program="short_server") as server:
        for c in (a_file_is_served_as_it_is, pipelined_requests_are_answered_in_order,
                  several_ranges_are_served_in_parts, head_is_get_without_a_body,
                  connections_are_kept_when_both_want_it, a_slow_reader_gets_all,
                  what_is_no_request_is_refused_and_the_connection_ends):
            c(server)


@claim
def who_takes_nothing_is_closed_and_who_takes_little_is_not(site):
    with Server(root=site, send_timeout="1s") as server:
        with server.connect(4096) as still, server.connect(200000) as slow:
            for s in (still, slow):
                s.sendall(request("/big.bin") * 4)
            got = 0
            for _ in range(40):
                time.sleep(0.05)
                got += len(slow.recv(100000, socket.MSG_WAITALL))
            assert server.status()["timeouts"]["send"] == 1, server.status()
            assert got and len(slow.recv(1000))
            assert len(until_closed(still)) < 4 * len(BIG)


@claim
def slow_clients_hold_up_nobody(site):
    with Server(root=site) as server:
        slow = [server.connect(4096) for _ in range(200)]
        for i, s in enumerate(slow):
            s.sendall(request("/big.bin") if i % 2 else b"GET / HT")
        start = time.time()
        for _ in range(50):
            assert server.ask("/hello.txt").status == 200
        assert time.time() - start < 2
        for s in slow:
            s.close()


@claim
def when_all_places_are_taken_idle_ones_are_given_away(site):
    with Server(root=site, connections=10, connections_per_address=10) as server:
        idle = [server.connect() for _ in range(10)]
        for s in idle:
            assert exchange(s, "/hello.txt").status == 200
            time.sleep(0.01)
        with server.connect() as s:
            assert exchange(s, "/hello.txt").status == 200
            assert idle[0].recv(1) == b"", "the one that waited longest is closed"
            assert exchange(idle[1], "/hello.txt").status == 200
        # The closed client may have sent data at the same moment.
        os.kill(server.process.pid, signal.SIGSTOP)
        with server.connect() as s:
            idle[2].sendall(request("/hello.txt"))
            os.kill(server.process.pid, signal.SIGCONT)
            assert exchange(s, "/hello.txt").status == 200
        for s in idle:
            s.close()


def passed(server):
    """Seconds, without the time in which server or test were runnable but had no processor."""
    waited = 0
    for pid in server.process.pid, os.getpid():
        with contextlib.suppress(OSError):
            waited += int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return time.monotonic() - waited


def good_requests(server, limit, n=10):
    """All succeed, each within so many seconds."""
    for i in range(n):
        start = passed(server)
        r = server.ask("/hello.txt", Connection="close")
        assert r and r.status == 200 and r.body == FILES["hello.txt"], i
        assert passed(server) - start < limit, (i, passed(server) - start)


@claim
def slow_clients_that_take_all_places_shut_nobody_out(site):
    half = b"GET /hello.txt HTTP/1.1\r\nHost: x\r\nX-A: b"
    ways = {"half headers": (half, None), "silent": (b"", None), "first bytes": (b"G", None),
            "slow readers": (request("/big.bin") * 3, 4096), "idle": (request("/hello.txt"), None),
            "uploads": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", None),
            "readers of ranges": (request("/big.bin", Range="bytes=0-999999,1000000-1999999"), 4096)}
    # Within a second; under sanitizers a turn of the server takes some times as long.
    for per_address, program, limit in (None, "plain_server", 1), (20, "server", 3):
        for name, (data, buffer) in ways.items():
            with Server(root=site, connections=200, connections_per_address=per_address,
                        log="off", program=program) as server, contextlib.ExitStack() as stack:
                slow = []
                for i in range(400):
                    s = stack.enter_context(server.connect(buffer))
                    with contextlib.suppress(OSError):
                        s.sendall(data)
                    slow.append(s)
                good_requests(server, limit)
                for s in slow[-100:]:       # a byte now and then is not progress
                    with contextlib.suppress(OSError):
                        s.sendall(b"x")
                good_requests(server, limit)
                assert server.status()["connections"]["now"] <= (per_address or 100)


def slow_ones(server, stack, n, data):
    """This many clients that send requests, and receive only as much as fits their small buffers."""
    slow = [stack.enter_context(server.connect(4096)) for _ in range(n)]
    for s in slow:
        s.sendall(data)
    return slow


@contextlib.contextmanager
def stopped(server):
    """The server sees all actions of the block at the same moment."""
    os.kill(server.process.pid, signal.SIGSTOP)
    os.waitpid(server.process.pid, os.WUNTRACED)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


@claim
def a_request_waits_for_a_little_of_each_slow_reader_s(site):
    """Measures by the status page how long a request waits: the page counts the sent data."""
    n = 60
    with tempfile.NamedTemporaryFile(dir=OUT, suffix=".tar") as tar:
        write_tar(tar.name)
        for root, keep in (site, "64M"), (site, "0"), (tar.name, "64M"), (tar.name, "0"):
            with Server(root=root, keep=keep, log="off", program="plain_server") as server, \
                    contextlib.ExitStack() as stack:
                good = stack.enter_context(server.connect())
                assert exchange(good, "/big.bin").body == BIG
                before = server.status()["bytes"]["sent"]
                with stopped(server):       # as many as a turn has, and then all at once
                    slow = slow_ones(server, stack, n, request("/big.bin") * 3)
                    s = stack.enter_context(server.connect())
                    s.sendall(request("/.status.json"))
                sent = json.loads(Reader(s).next().body)["bytes"]["sent"] - before
                assert sent <= n * 80 << 10, ("they are new", root, keep, sent)
                before, last = server.status()["bytes"]["sent"], 0
                while before - last > 65536:            # until no socket accepts more
                    time.sleep(0.2)
                    before, last = server.status()["bytes"]["sent"], before
                with stopped(server):
                    for s in slow:
                        while s.recv(1 << 20) and select.select([s], [], [], 0)[0]:
                            pass
                    good.sendall(request("/.status.json"))
                sent = json.loads(Reader(good).next().body)["bytes"]["sent"] - before
                assert sent <= n * 80 << 10, ("all have room", root, keep, sent)


def slow_end(s):
    try:
        return "more" if s.recv(1) else "closed"
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "open"


@claim
def where_memory_is_short_slow_clients_go_first(site):
    whole = request("/hello.txt", Connection="close")
    for poor in "malloc", "accept", "pages":
        with Server(root=site, program="poor_server", log="off",
                    env={"POOR": poor, "MEMORY": str(2 << 20)}) as server:
            with contextlib.ExitStack() as stack:
                slow = [stack.enter_context(server.connect()) for _ in range(400)]
                for s in slow:
                    s.settimeout(0.02)
                    with contextlib.suppress(OSError):
                        s.sendall(whole[:20])
                for i in range(20):         # these need memory too
                    with server.connect() as s:
                        s.sendall(whole[:30])
                        time.sleep(0.01)
                        s.sendall(whole[30:])
                        r = Reader(s).next()
                        assert r and r.body == FILES["hello.txt"], (poor, i)
                # The reset also discards unsent data.
                ends = [slow_end(s) for s in slow]
                assert ends.count("reset") >= 15 and "closed" not in ends, (poor, ends)
            time.sleep(0.2)
            s = server.status()["connections"]
            assert (poor == "accept" or not s["refused"]) and s["evicted"] >= 15, (poor, s)


@claim
def of_replies_nobody_takes_few_are_held(site):
    """The memory of 100 connections: 8 KiB of header and 8 KiB of text, or one reply, for each."""
    with Server(root=site, log="off", program="plain_server") as server, \
            contextlib.ExitStack() as stack:
        for path in "/4096.bin", "/hello.txt":
            with server.connect() as s:     # without the memory of the first one
                s.sendall(request(path) * 150)
                reader = Reader(s)
                for _ in range(150):
                    assert reader.next().status == 200
            before = server.rss()
            slow = [stack.enter_context(server.connect(4096)) for _ in range(100)]
            for s in slow:
                s.settimeout(0.05)
                with contextlib.suppress(OSError):
                    while True:
                        s.sendall(request(path) * 150)
            time.sleep(0.3)
            grown = server.rss() - before
            assert grown < 100 * (22 << 10), (path, grown)


@claim
def requests_that_waited_are_answered_and_logged_once(site):
    names = ["/70000.bin", "/4097.bin", "/hello.txt", "/4096.bin", "/none", "/4096.bin", "/4096.bin"]
    for program, n, rounds in ("server", 3500, 1), ("short_server", 35, 50):
        with Server(root=site, program=program) as server:
            for k in range(rounds):
                with server.connect(4096) as s:
                    sender = threading.Thread(target=s.sendall, args=(b"".join(
                        request(f"{names[i % 7]}?{k}x{i}",
                                Connection="close" if i == n - 1 else "keep-alive")
                        for i in range(n)),))
                    sender.start()
                    reader = Reader(s)
                    for i in range(n):
                        if i % 100 == 50:
                            time.sleep(0.02)
                        r, name = reader.next(), names[i % 7]
                        assert r and r.status == (404 if name == "/none" else 200), (k, i)
                        assert name == "/none" or r.body == FILES[name[1:]], (k, i)
                    assert reader.next() is None
                    sender.join()
            n *= rounds
            assert server.status()["status"] == {"200": n * 6 // 7, "404": n // 7}
            asked = re.findall(r'"GET /[^?]*\?(\d+)x(\d+) HTTP', server.said())
            asked = [(int(k), int(i)) for k, i in asked]
            # The log drops lines that do not fit, and repeats none.
            assert asked == sorted(set(asked)) and len(asked) > n // 2


@claim
def who_makes_progress_keeps_a_place(site):
    with Server(root=site, connections=20, connections_per_address=20) as server, \
            contextlib.ExitStack() as stack:
        reader = stack.enter_context(server.connect(65536))
        reader.sendall(request("/big.bin", Connection="close"))
        for i in range(200):
            s = stack.enter_context(server.connect())
            s.sendall(b"GET / HT")
            if not i % 2:
                left = 20000
                while left:
                    data = reader.recv(left)
                    assert data, (i, left)
                    left -= len(data)
                time.sleep(0.005)
        assert len(until_closed(reader)) > 0


@claim
def progress_is_what_the_peer_takes(site):
    """Its socket, which has room for all of this, tells nothing meanwhile."""
    for per_address in 40, 20:
        with Server(root=site, send_timeout="1s", connections=40, connections_per_address=per_address,
                    log="off", program="plain_server") as server, contextlib.ExitStack() as stack:
            reader = stack.enter_context(server.connect(20000))
            reader.sendall(request("/big.bin") * 3)
            time.sleep(0.5)
            for _ in range(10):
                left = 20000
                while left:
                    data = reader.recv(left)
                    assert data
                    left -= len(data)
                time.sleep(0.3)
                for _ in range(per_address - 5):
                    stack.enter_context(server.connect()).sendall(b"GET / HT")
            s = server.status()
            assert s["timeouts"]["send"] == 0 and s["connections"]["evicted"] > 50, s


@claim
def an_address_has_so_many_connections(site):
    with Server(root=site, connections=100, connections_per_address=10) as server:
        other = socket.create_connection(("127.0.0.1", server.port), 10, ("127.0.0.2", 0))
        with other, contextlib.ExitStack() as stack:
            assert exchange(other, "/hello.txt").status == 200
            for _ in range(50):
                stack.enter_context(server.connect()).sendall(b"GET / HT")
            time.sleep(0.1)
            assert exchange(other, "/hello.txt").status == 200, "another address loses nothing"
            s = server.status()["connections"]
            assert s["now"] <= 11 and s["evicted"] >= 41, s


@claim
def memory_returns_to_where_it_was(site):
    def wave():
        open_ones = []
        for i in range(400):
            s = server.connect(4096)
            s.sendall((request("/big.bin"), b"GET / HT", request("/text.txt") * 5,
                       request("/big.bin", Range="bytes=0-99999,200000-299999"))[i % 4])
            open_ones.append(s)
        assert server.status()["connections"]["now"] == 401
        with server.connect() as s:
            reader = Reader(s)
            for _ in range(100):
                s.sendall(request("/text.txt", Range="bytes=0-9,20-29") * 20)
                for _ in range(20):
                    assert reader.next().status == 206
            reader.file.close()
        for s in open_ones:
            s.close()
        for _ in range(100):
            if server.status()["connections"]["now"] == 1:
                return server.rss()
            time.sleep(0.02)
        raise AssertionError("connections are left")

    with Server(root=site, log="off") as server:
        for _ in range(2):
            wave()
        before = wave()
        for _ in range(5):
            after = wave()
        assert after < before + (2 << 20), (before, after)


@claim
def two_thousand_connections_come_and_go(site):
    with Server(root=site, log="off") as server:
        for _ in range(2000):
            assert server.ask("/hello.txt", Connection="close").status == 200
        assert server.status()["connections"]["accepted"] >= 2000
