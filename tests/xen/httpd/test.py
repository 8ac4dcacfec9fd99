# SPDX-License-Identifier: ISC
"""apps/httpd as a guest: the claims of tests/httpd/run, and tests with real clients."""

import hashlib
import importlib.util
import json
import re
import socket
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path

from lab import xenolith

ROOT = Path(__file__).resolve().parent.parent.parent.parent
IP = "ip=10.0.0.16/24,gateway=10.0.0.1"
URL = "http://10.0.0.16"
SBIN = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def serving(lab, image, args=(), **how):
    with lab.create(image, args=["status=on", *args], cmdline=IP, **{"net": True, "memory": 64, **how}) as g:
        try:
            g.wait_for("; port 80", 30)
            yield g
        except BaseException:
            print(g.console_text()[-3000:])
            raise


def status(lab):
    return json.loads(lab.sh(f"curl -sS -m 10 {URL}/.status.json"))


def test_a_site_on_a_disk_is_served(lab, image, tmp="/tmp"):
    tar = Path(image).parent / "promised.tar"
    tar.unlink(missing_ok=True)
    run = [sys.executable, ROOT / "tests/httpd/run", "--address"]
    subprocess.run([*run, "0:0", tar], check=True)
    port = free_port()
    with serving(lab, image, ["root=xvda", "log=off"], disks=[f"{tar},ro"],
                 net=f"forward={port}:80") as guest:
        done = subprocess.run([*run, f"127.0.0.1:{port}", tar], text=True, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(done.stdout)
        assert done.returncode == 0 and done.stdout.count("\nok ") > 20
        assert "xvda" in guest.console_text()


def paths(value, at=""):
    """The paths of all numbers and texts, without the places in arrays."""
    if isinstance(value, list):
        return set().union(*(paths(v, at) for v in value)) or {at}
    if not isinstance(value, dict):
        return {at}
    return set().union(*(paths(v, f"{at}.{k}") for k, v in value.items()))


def mkfs(path, folder):
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder, path, "16M"], check=True, env=SBIN)


def test_uploads_to_a_disk_are_served_and_survive_xl_destroy(lab, image):
    with tempfile.TemporaryDirectory() as tmp:
        disk, www = Path(tmp) / "disk", Path(tmp) / "from/www"
        (www / "in").mkdir(parents=True)
        (www / "index.html").write_text("first")
        mkfs(disk, www.parent)
        with serving(lab, image, ["root=/data/www", "upload=/data/www/in", "log=off"],
                     disks=[f"{disk}:/data"]) as guest:
            out = lab.sh(f"""cd /tmp; head -c 3000000 /dev/urandom > up
                curl -sS {URL}/; echo
                put() {{ curl -sS -m 60 -o /dev/null -w '%{{http_code}}\\n' "$@"; }}
                put -T up {URL}/in/a
                curl -sS {URL}/in/a | cmp - up && echo same
                put -T - -H 'Transfer-Encoding: chunked' {URL}/in/a < /etc/passwd
                curl -sS {URL}/in/a | cmp - /etc/passwd && echo same
                put -T up -H 'If-None-Match: *' {URL}/in/a
                put -T up {URL}/index.html
                put {URL}/in/a/
                head -c 20000000 /dev/zero | put -T - {URL}/in/full
                curl -sS {URL}/in/ | grep -c href=
                md5sum < up; put -T up {URL}/in/b""")
            print(out)
            assert re.fullmatch(r"""first
201
same
204
same
412
405
404
507
2
(\w+)  -
201
""", out), out
            assert status(lab)["timeouts"]["upload"] == 0
            lab.sh(f"xl destroy {guest.domid}")
        # The journal is recovered; nothing but the complete files is there.
        assert subprocess.run(["e2fsck", "-p", disk], env=SBIN).returncode in (0, 1)
        subprocess.run(["e2fsck", "-fn", disk], check=True, env=SBIN)
        said = [subprocess.run(["debugfs", "-R", words, disk], env=SBIN, capture_output=True, check=True).stdout
                for words in ("ls -p /www/in", "cat /www/in/b")]
        names = {line.split("/")[5] for line in said[0].decode().split("\n") if line}
        assert names == {".", "..", "a", "b"}, said[0]
        assert hashlib.md5(said[1]).hexdigest() in out


def test_the_status_has_the_keys_that_the_page_is_tested_with(lab, image):
    spec = importlib.util.spec_from_file_location("guest", ROOT / "tests/httpd/guest.py")
    spec.loader.exec_module(guest := importlib.util.module_from_spec(spec))
    tar = Path(image).parent / "status.tar"
    with tarfile.open(tar, "w") as t:
        t.add(ROOT / "README.md", "index.html")
    with serving(lab, image, ["root=xvda", "log=off"], disks=[f"{tar},ro"]):
        s = status(lab)["guest"]
    print(json.dumps(s))
    expected = paths(guest.at(1))
    assert paths(s) - expected <= {".xenbus.why", ".xenbus.error"}, s
    assert expected - paths(s) <= {".net.host", ".threads.left", ".threads.waits"}, s


def test_wrk_ab_and_curl_report_no_error(lab, image):
    with serving(lab, image, ["log=off"]) as guest:
        for c in 1, 16, 64:
            out = lab.sh(f"wrk -t1 -c{c} -d2s {URL}/")
            print(out)
            assert "Socket errors" not in out and "Non-2xx" not in out
            assert int(re.search(r"(\d+) requests in", out)[1]) > 100
        for words in "-k -n 2000 -c 32", "-n 2000 -c 32":
            out = lab.sh(f"ab -q {words} {URL}/style.css")
            print(re.search("Requests per second.*", out)[0])
            assert re.search(r"Failed requests: *0\n", out) and "Non-2xx" not in out
        lab.sh(f"curl -sSf -r 5-9 {URL}/ && curl -sSf -6 -m 10 -o /dev/null "
               f"'http://[fe80::216:3eff:fe00:0%xenbr0]/'" if "FE80" in guest.console_text()
               else f"curl -sSf {URL}/ > /dev/null")
        s = status(lab)
        print(s)
        assert s["requests"]["total"] > 4000 and set(s["status"]) <= {"200", "206"}


def test_a_trace_shows_a_connection(lab, image):
    xenolith.install(lab)
    with serving(lab, image, ["log=off"], name="web"):
        for words in "", "tcp":
            out = lab.sh(f"xenolith trace web --seconds 2 {words} > /tmp/trace & sleep 0.7;"
                         f" curl -sSf -o /dev/null {URL}/; wait $! && cat /tmp/trace")
            told = {line.split()[2] for line in out.splitlines()}
            assert re.search(r" tcp\.established +port 80 peer \d+\n", out), out
            assert {"tcp.peer-ended", "tcp.let-go"} <= told, out
            assert all(t.startswith("tcp.") for t in told) == bool(words), told
            if not words:
                assert {"sched.switch", "sched.wake", "ring.begin", "ring.publish",
                        "ring.take"} <= told, told
                assert re.search(r" sched\.switch +net-0\n", out), out
        assert lab.dom0("xenolith trace web nothing")[0] == 1
        assert lab.dom0("xenolith trace web --seconds 0")[0] == 2


def test_a_thousand_connections_at_once_and_memory_returns(lab, image):
    with serving(lab, image, ["log=off"], memory=128) as guest:
        guest_memory = []
        for _ in range(2):
            for seconds in 4, 15:       # wrk is run again: a slow machine needs longer
                out = lab.sh(f"ulimit -n 8192; wrk -t1 -c1000 -d{seconds}s --timeout 20s {URL}/")
                print(out)
                assert "Socket errors" not in out, out
                s = status(lab)
                if s["connections"]["most"] >= 1000:
                    break
            assert s["connections"]["most"] >= 1000
            if s["guest"]:
                guest_memory.append(s["guest"].get("memory"))
        print(guest_memory)
        lab.sh(f"ab -q -n 4000 -c 100 {URL}/ > /dev/null")
        s = status(lab)
        assert s["connections"]["accepted"] > 6000 and s["connections"]["now"] == 1


def test_an_address_in_use_and_an_invalid_disk_are_reported(lab, image):
    r = lab.run_guest(image, args=["root=xvda"], disks=["1M"], cmdline=IP, net=True, timeout=60)
    assert r.status == 1 and "not a tar archive" in r.console, r.console
    r = lab.run_guest(image, args=["root=xvdb"], cmdline=IP, net=True, timeout=60)
    assert r.status == 1 and "xvdb" in r.console, r.console
    r = lab.run_guest(image, args=["port=99999"], cmdline=IP, net=True, timeout=60)
    assert r.status == 2 and "invalid value" in r.console, r.console
