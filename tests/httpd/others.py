# SPDX-License-Identifier: ISC
"""Claims that other programs test: curl and the fuzzers."""

import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

from contents import BIG, FILES, TEXT, anywhere, claim
from server import OUT, request
from hostile import REFUSED
from archives import link, tar_of


@anywhere
def curl_is_content(server):
    url = f"http://{server.address[0]}:{server.port}"
    with tempfile.TemporaryDirectory() as folder:
        whole, part = Path(folder) / "whole", Path(folder) / "part"
        run = lambda *words: subprocess.run(["curl", "-sSf", *words], check=True,
                                            stdout=subprocess.PIPE).stdout
        part.write_bytes(BIG[:12345])
        run("-C", "-", "-o", part, url + "/big.bin")
        assert part.read_bytes() == BIG
        run("-o", whole, url + "/text.txt", "--compressed")
        assert whole.read_bytes() == TEXT
        assert run("--http2", url + "/hello.txt") == FILES["hello.txt"]
        assert run("--http1.0", url + "/hello.txt") == FILES["hello.txt"]
        run("-z", whole, "-o", part, url + "/text.txt")
        got = run("-w", "%{num_connects}", url + "/hello.txt", url + "/hello.txt")
        assert got.endswith(b"0"), "the second request uses the first one's connection"


def fuzz(name, seconds, *seeds):
    corpus = OUT / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (corpus / f"seed{i}").write_bytes(seed)
    only = [] if seconds else ["-runs=0"]
    done = subprocess.run([OUT / name, f"-max_total_time={seconds}", *only, "-max_len=8192",
                           "-timeout=5", "-verbosity=0", "-print_final_stats=1",
                           f"-artifact_prefix={OUT}/{name}-", corpus], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-3000:]
    return re.search(r"executed_units: *(\d+)", done.stdout)[1] + " inputs"


FUZZ = int(os.environ.get("FUZZ_SECONDS", 60 * os.cpu_count())) // 40


@claim
def no_request_breaks_the_parser_or_the_answer(site):
    return fuzz("request_fuzz", FUZZ, *REFUSED.values(), request("/a/x.txt", Range="bytes=0-1,5-"),
                request("/a", If_None_Match='W/"x"', Accept_Encoding="gzip;q=0, *"))


@claim
def no_body_breaks_an_upload(site):
    return fuzz("incoming_fuzz", FUZZ, b"\0\x05\x10hello", b"\1\0\x105\r\nhello\r\n0\r\n\r\n",
                b"\1\0\1a;x=y\r\n0123456789\r\n00\r\nX: y\r\n\r\n", b"\1\0\x09fffff\r\nabc")


@claim
def no_archive_breaks_the_index(site):
    return fuzz("tar_fuzz", FUZZ, bytes(tar_of(("a" * 120, b"x"), link("s", "a"))),
                bytes(tar_of(("a" * 120, b"x"), link("b", "../c"), format=tarfile.GNU_FORMAT)))
