# SPDX-License-Identifier: ISC
"""apps/httpsd as a guest: TLS with OpenSSL's and curl's clients, and with broken ones."""

import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from unittest import SkipTest

from lab import Lab

IP = "ip=10.0.0.16/24,gateway=10.0.0.1"
URL = "http://10.0.0.16"
SBIN = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
NO_RDRAND = "qemu64,+npt,+nrip-save"


def certificate(folder, name, file):
    """A certificate and its key, in one file and in two."""
    files = folder / f"{file}.pem", folder / f"{file}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                    "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    (folder / f"{file}.both").write_text(files[0].read_text() + files[1].read_text())
    return files


class Site:
    """A disk with a site, and certificates of a.test and b.test."""

    def __init__(self, folder):
        self.folder, self.disk, self.port = folder, folder / "disk", free_port()
        (folder / "from/www").mkdir(parents=True)
        (folder / "from/tls").mkdir()
        (folder / "from/www/index.html").write_text("hello\n")
        (folder / "from/www/large").write_bytes(bytes(range(256)) * 4096)
        for name in "a", "b":
            certificate(folder / "from/tls", f"{name}.test", name)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder / "from", self.disk, "16M"], check=True, env=SBIN)

    def s_client(self, *words, text=""):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", *words], input=text,
                              text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.stdout

    def curl(self, *words, name="a", path="/"):
        """The status and what curl prints."""
        done = subprocess.run(["curl", "-sS", "-m", "60", "--cacert", self.folder / f"from/tls/{name}.pem", "--resolve",
                               f"{name}.test:{self.port}:127.0.0.1", *words, f"https://{name}.test:{self.port}{path}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def connect(self, context=None):
        """A connection after its handshake, and how long that took."""
        context = context or unverified()
        start = time.monotonic()
        s = socket.create_connection(("127.0.0.1", self.port), 60)
        return context.wrap_socket(s, server_hostname="a.test"), time.monotonic() - start


def unverified():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def serving(lab, image, *more):
    with tempfile.TemporaryDirectory() as tmp:
        site = Site(Path(tmp))
        args = ["root=/data/www", "tls=443", "cert=/data/tls/a.pem,/data/tls/b.both",
                "key=/data/tls/a.key,/data/tls/b.both", "status=on", "log=off", *more]
        with lab.create(image, args=args, cmdline=IP, memory=64, disks=[f"{site.disk}:/data"],
                        net=f"forward={site.port}:443") as guest:
            try:
                guest.wait_for("TLS at port 443", 30)
                yield site, guest
            except BaseException:
                print(guest.console_text()[-3000:])
                raise


def test_protocols_names_and_sessions(lab, image):
    with serving(lab, image, "redirect=on", "hsts=1h") as (site, guest):
        for option, version in ("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2"):
            said = site.s_client(option, "-alpn", "h2,http/1.1", "-servername", "a.test")
            assert re.search(rf"New, {version}, Cipher is \S+(GCM|POLY1305)\S*", said), said
            assert "ALPN protocol: http/1.1" in said and "CN = a.test" in said, said
            file = site.folder / option
            site.s_client(option, "-ign_eof", "-sess_out", file, text="GET / HTTP/1.0\r\n\r\n")
            assert f"Reused, {version}" in site.s_client(option, "-sess_in", file), option
        said = site.s_client("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        assert "Cipher is (NONE)" in said, said
        assert "no application protocol" in site.s_client("-alpn", "h2")
        assert "CN = b.test" in site.s_client("-servername", "b.test")
        assert "CN = a.test" in site.s_client("-servername", "c.test")
        assert site.curl() == (0, b"hello\n") and site.curl(name="b") == (0, b"hello\n")
        assert site.curl(path="/large") == (0, bytes(range(256)) * 4096)
        code, said = site.curl("-I")
        assert code == 0 and b"\r\nStrict-Transport-Security: max-age=3600\r\n" in said, said
        said = lab.sh(f"curl -sS -D - -o /dev/null -H 'Host: a.test:80' '{URL}/in/x%20y?z=1'")
        assert "308 Permanent" in said and "Location: https://a.test/in/x%20y?z=1\r" in said, said
        assert "Strict" not in said, said
        assert "404 Not" in lab.sh(f"curl -sSI {URL}/.well-known/acme-challenge/x")


def test_slow_and_broken_clients_hold_nobody(lab, image):
    with serving(lab, image, "header-timeout=20s") as (site, guest):
        hello = client_hello()
        slow = [socket.create_connection(("127.0.0.1", site.port), 60) for _ in range(20)]
        for i, s in enumerate(slow):
            s.sendall(hello[:len(hello) * i // 20])
        for text in b"GET / HTTP/1.1\r\n\r\n", bytes(5000), hello[:60] + bytes(500), b"\x16\x03\x01\xff\xff" + bytes(70000):
            s = socket.create_connection(("127.0.0.1", site.port), 60)
            try:
                s.sendall(text)
                while s.recv(4096):
                    pass
            except ConnectionError:
                pass
            assert site.curl() == (0, b"hello\n")
        # A request in many records, with one byte in each, then several in one.
        s, _ = site.connect()
        for byte in b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n":
            s.sendall(bytes([byte]))
        s.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n" * 300)
        got = b""
        while got.count(b"hello\n") < 301:
            more = s.recv(65536)
            assert more, got[-300:]
            got += more
        assert got.count(b"HTTP/1.1 200 OK") == 301
        # One that does not read its response, and one that ends in the middle.
        s.sendall(b"GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n" * 20)
        other, _ = site.connect()
        other.sendall(b"GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n")
        other.recv(1000)
        other.close()
        assert site.curl(path="/large") == (0, bytes(range(256)) * 4096)
        for one in slow:
            one.close()


def client_hello():
    """What OpenSSL's client sends first."""
    to_server = ssl.MemoryBIO()
    client = unverified().wrap_bio(ssl.MemoryBIO(), to_server, server_hostname="a.test")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return to_server.read()


def test_certificates_are_replaced_under_load(lab, image):
    with serving(lab, image, "upload=/data/tls") as (site, guest):
        errors, stop = [], threading.Event()

        def load():
            while not stop.is_set():
                try:
                    s, _ = site.connect()
                    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    text = b""
                    while more := s.recv(4096):
                        text += more
                    if not text.endswith(b"hello\n"):
                        errors.append(text)
                except OSError as e:
                    errors.append(e)

        thread = threading.Thread(target=load)
        thread.start()
        try:
            old = site.s_client("-servername", "a.test")
            new = certificate(site.folder, "a.test", "new")
            # The certificate without its key: the old pair stays.
            assert site.curl("-T", new[0], "-o", "/dev/null", "-w", "%{http_code}", path="/tls/a.pem") == (0, b"204")
            said = wait_for(guest, "keeping the previous certificates", site)
            assert "CN = a.test" in said and serial(said) == serial(old)
            assert site.curl("-T", new[1], "-o", "/dev/null", "-w", "%{http_code}", path="/tls/a.key") == (0, b"204")
            said = wait_for(guest, "2 certificates read again", site)
        finally:
            stop.set()
            thread.join()
        assert serial(site.s_client("-servername", "a.test")) != serial(old)
        assert not errors, errors[:3]


def serial(said):
    """The certificate itself."""
    return re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", said, re.S)[1]


def wait_for(guest, text, site):
    """New connections make the server look at the files."""
    for _ in range(120):
        said = site.s_client("-servername", "a.test")
        if text in guest.console_text():
            return said
        time.sleep(0.5)
    raise AssertionError(f"{text!r} is not in the console")


def test_without_random_numbers_or_certificates_it_does_not_start(lab, image):
    with tempfile.TemporaryDirectory() as tmp:
        site = Site(Path(tmp))
        disks = [f"{site.disk}:/data"]
        key = "key=/data/tls/a.key"
        for cert, why in (("none.pem", "none.pem: it has no certificate"),
                          ("b.pem", "a.key: it has no key in PEM that belongs")):
            r = lab.run_guest(image, args=["tls=443", f"cert=/data/tls/{cert}", key], disks=disks, cmdline=IP,
                              net=True, memory=64, timeout=60)
            assert r.status == 1 and f"httpd: /data/tls/{why}" in r.console, r.console
    if lab.native:
        raise SkipTest("the processor has RDRAND")
    with Lab(memory=256, cpu=NO_RDRAND) as own:
        r = own.run_guest(image, args=["tls=443", "cert=/a"], memory=32, timeout=60)
        assert r.status == 1 and "httpd: tls=: there are no random numbers" in r.console, r.console
