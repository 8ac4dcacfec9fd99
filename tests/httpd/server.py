# SPDX-License-Identifier: ISC
"""Builds the server and its fuzzers, starts it, and sends requests."""

import contextlib
import http.client
import json
import os
import re
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

from folders import BUILD, ROOT

OUT = BUILD / "check" / "httpd"
CLANG = os.environ.get("CLANG", "clang")
LLHTTP = Path(os.environ.get("LLHTTP_SRC") or BUILD / "src" / "llhttp").absolute()


def build():
    if not os.environ.get("LLHTTP_SRC"):
        subprocess.run([ROOT / "tools/fetch", "--dir", BUILD / "src", "llhttp"], check=True)
    OUT.mkdir(parents=True, exist_ok=True)
    text = f"""
PLAIN := -std=gnu11 -g -Wall -Wextra -Werror -D_GNU_SOURCE -iquote . -I {LLHTTP} \\
	-DLLHTTP_STRICT_MODE=1 -MD -MP
CFLAGS := $(PLAIN) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \\
	-fsanitize=fuzzer-no-link
SHORT := output metrics upload site_live places
OURS := $(wildcard apps/httpd/*.c)
PURE := $(filter-out %/main.c %/server.c %/connection.c %/output.c %/places.c %/respond.c %/status.c %/metrics.c %/log.c %/options.c %/stream.c %/httpd.c %/listeners.c,$(OURS))
objects = $(patsubst %.c,{OUT}/%.o,$(notdir $(1))) {OUT}/llhttp.o {OUT}/api.o {OUT}/http.o
all: {OUT}/server {OUT}/secure_server {OUT}/plain_server {OUT}/short_server {OUT}/poor_server {OUT}/request_fuzz {OUT}/tar_fuzz {OUT}/incoming_fuzz
{OUT}/plain_server: $(patsubst %.o,%_plain.o,$(call objects,$(OURS)))
	{CLANG} -pthread -o $@ $^
{OUT}/%_plain.o: apps/httpd/%.c {OUT}/Makefile
	{CLANG} $(PLAIN) -O2 -c -o $@ $<
{OUT}/%_plain.o: {LLHTTP}/%.c {OUT}/Makefile
	{CLANG} $(PLAIN) -O2 -w -c -o $@ $<
{OUT}/short_server: {OUT}/short.o $(SHORT:%={OUT}/%_short.o) $(filter-out $(SHORT:%={OUT}/%.o),$(call objects,$(OURS)))
	{CLANG} -fsanitize=address,undefined,fuzzer-no-link -pthread -o $@ $^
{OUT}/%_short.o: apps/httpd/%.c {OUT}/Makefile
	{CLANG} $(CFLAGS) -include sys/socket.h -include fcntl.h -include sys/sendfile.h \\
		-include stdio.h -include unistd.h -include {OUT}/short.h -DPLACES_YOUNG=100 -c -o $@ $<
{OUT}/poor_server: {OUT}/poor.o $(call objects,$(OURS))
	{CLANG} -fsanitize=address,undefined,fuzzer-no-link -pthread -o $@ $^ \\
		-Wl,--wrap=malloc,--wrap=realloc,--wrap=free,--wrap=strndup,--wrap=accept4,--wrap=sysconf
{OUT}/secure_server: {OUT}/cipher.o {OUT}/stream_short.o $(filter-out {OUT}/main.o {OUT}/stream.o,$(call objects,$(OURS)))
	{CLANG} -fsanitize=address,undefined,fuzzer-no-link -pthread -o $@ $^ {OUT}/short.o
{OUT}/server: $(call objects,$(OURS))
	{CLANG} -fsanitize=address,undefined,fuzzer-no-link -pthread -o $@ $^
{OUT}/%_fuzz: {OUT}/%_fuzz.o $(call objects,$(PURE))
	{CLANG} -fsanitize=address,undefined,fuzzer -o $@ $^
{OUT}/status.o: apps/httpd/status.html
{OUT}/%.o: apps/httpd/%.c {OUT}/Makefile
	{CLANG} $(CFLAGS) -c -o $@ $<
{OUT}/%.o: tests/httpd/%.c {OUT}/Makefile
	{CLANG} $(CFLAGS) -c -o $@ $<
{OUT}/%.o: {LLHTTP}/%.c {OUT}/Makefile
	{CLANG} $(CFLAGS) -w -c -o $@ $<
-include $(wildcard {OUT}/*.d)
""".lstrip()
    (OUT / "short.h").write_text("".join(
        f"__typeof__({f}) short_{f};\n#define {f} short_{f}\n"
        for f in ("send", "sendmsg", "sendfile", "open", "write", "pread", "fsync", "linkat", "renameat")))
    makefile = OUT / "Makefile"
    if not makefile.exists() or makefile.read_text() != text:
        makefile.write_text(text)
    done = subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "-f", makefile],
                          cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(done.stdout)


def free_port():
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::", 0))
        return s.getsockname()[1]


class Server:
    """One that runs, with options; its standard output and error are in a file."""

    def __init__(self, stdout=None, program="server", env={}, **options):
        self.port = free_port()
        options = {"status": "on", "index": "on", **options}
        words = [f"{k.replace('_', '-')}={v}" for k, v in options.items() if v is not None]
        self.output = open(OUT / f"output.{self.port}", "w+")
        self.process = subprocess.Popen([OUT / program, f"port={self.port}", *words],
                                        stdout=stdout or self.output, stderr=self.output,
                                        env={"ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=1",
                                             **env})
        for _ in range(500):
            with contextlib.suppress(OSError):
                self.connect().close()
                return
            assert self.process.poll() is None, self.said()
            time.sleep(0.01)
        raise AssertionError("the server does not answer")

    address = ("127.0.0.1",)

    def connect(self, receive_buffer=None):
        s = socket.socket()
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(10)
        s.connect((self.address[0], self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def said(self):
        self.output.flush()
        return Path(self.output.name).read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        alive = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        said = self.said()
        os.unlink(self.output.name)
        assert alive and "Sanitizer" not in said and "runtime error" not in said, said

    # Sends a request on its own connection.
    def ask(self, path, method="GET", version="1.1", **headers):
        with self.connect() as s:
            return exchange(s, path, method, version, **headers)

    # Sends bytes; returns all data until the server closes.
    def raw(self, data, wait=5):
        with self.connect() as s:
            s.settimeout(wait)
            with contextlib.suppress(OSError):
                s.sendall(data)
            return until_closed(s)

    def status(self):
        return json.loads(self.ask("/.status.json").body)

    def rss(self):
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()


class Elsewhere(Server):
    def __init__(self, host, port):
        self.address, self.port = (host,), port
        self.process = None

    def __exit__(self, *error):
        self.ask("/")


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __getitem__(self, name):
        return self.headers.get(name)


def until_closed(s):
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while True:
            data = s.recv(65536)
            if not data:
                break
            got += data
    return got


class Reader:
    """Responses one after the other from one connection."""

    def __init__(self, s):
        self.file = s.makefile("rb")

    def next(self, method="GET"):
        line = self.file.readline()
        if not line:
            return None
        assert re.fullmatch(rb"HTTP/1\.1 \d\d\d [A-Za-z ]+\r\n", line), line
        headers = http.client.parse_headers(self.file)
        status = int(line.split()[1])
        body = b""
        if method != "HEAD" and status not in (204, 304):
            body = self.file.read(int(headers["Content-Length"]))
            assert len(body) == int(headers["Content-Length"]), "the body is cut short"
        return Response(status, headers, body)


def request(path, method="GET", version="1.1", **headers):
    headers = {"Host": "x", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return (f"{method} {path} HTTP/{version}\r\n" +
            "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode("latin-1")


def exchange(s, path, method="GET", version="1.1", **headers):
    s.sendall(request(path, method, version, **headers))
    return Reader(s).next(method)
