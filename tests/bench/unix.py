# SPDX-License-Identifier: ISC
"""An image as a process beside the same source as a program of Linux, on this machine.

Turns alternate, and a ratio is the median of the ratios of pairs of turns, so that other load of the
machine disturbs both.  Where a program only computes, the CPU time of its processes is compared
(wait4(2)); else the time that a clock shows.  CC -O2 compiles the native programs.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import BUILD, ROOT, image

sys.path[:0] = [str(ROOT / "tools/unix")]
import apt_private  # noqa: E402
import process_cli  # noqa: E402
from project import config, make  # noqa: E402

TURNS = int(os.environ.get("RUNS", 7))
HELLO_TURNS = 20
OUT = BUILD / "bench-unix"
PACKAGES = OUT / "packages"
SECONDS = int(os.environ.get("BENCH_SECONDS", 3))
CC = os.environ.get("HOSTCC", "cc")
LIBC = {"malloc_small": 100000, "malloc_mixed": 40000, "realloc_grow": 60000, "memcpy_100": 600000,
        "memcpy_4k": 400000, "memcpy_512k": 200000, "memset_4k": 400000, "strings": 200000,
        "format": 2000000, "sort": 40000, "clocks": 1000000}
LUA = {"fib": 33, "trees": 240, "spectral": 500, "strings": 400000, "tables": 400000}
SPEEDTEST = ["--memdb", "--size", "25"]


def native(name, *words):
    binary = OUT / name
    subprocess.run([CC, "-O2", "-w", "-o", binary, *map(str, words)], check=True)
    return binary


def tender(path, words=(), memory=32, options=()):
    return [TENDER, "--memory", memory, "--no-console-input", *options, path, "--", *words]


def timed(words):
    """(seconds by the clock, seconds of CPU of it and its children, its output)."""
    with tempfile.TemporaryFile() as out:
        files = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, out.fileno(), 2)]
        words = [os.fspath(w) if isinstance(w, Path) else str(w) for w in words]
        start = time.monotonic()
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=files)
        _, status, used = os.wait4(pid, 0)
        seconds = time.monotonic() - start
        out.seek(0)
        said = out.read().decode(errors="replace")
    if status:
        sys.exit(f"tests/bench/unix: {' '.join(words)} ended with {status}\n{said}")
    return seconds, used.ru_utime + used.ru_stime, said


class Row:
    def __init__(self, unit="ms", scale=1e3, more_is_better=False):
        self.unit, self.scale, self.more = unit, scale, more_is_better
        self.ours, self.theirs = [], []

    def add(self, ours, theirs):
        self.ours.append(ours)
        self.theirs.append(theirs)

    def speed(self):
        """How fast we are: 1 is as fast as the other one."""
        pairs = [(a / b if self.more else b / a) for a, b in zip(self.ours, self.theirs)]
        return statistics.median(pairs)

    def show(self, name, other="native"):
        a, b = (statistics.median(v) * self.scale for v in (self.ours, self.theirs))
        print(f"| {name} | {a:,.2f} {self.unit} | {b:,.2f} {self.unit} | {self.speed():.2f} |", flush=True)


def head(title):
    print(f"\n| {title} | process | native | speed |\n|---|---|---|---|", flush=True)


def hello():
    binary, row, cpu, booted = native("hello", ROOT / "apps/hello/main.c"), Row(), Row(), []
    for _ in range(HELLO_TURNS):
        ours, theirs = timed(tender(image("hello"))), timed([binary])
        row.add(ours[0], theirs[0])
        cpu.add(ours[1], theirs[1])
        booted.append(float(re.search(r"\[ *([\d.]+)\] shutdown: the application has ended", ours[2])[1]))
    head(f"hello, {HELLO_TURNS} runs")
    row.show("exec to exit")
    cpu.show("CPU time")
    print(f"\nThe image's own time from its first instruction to the end of main: median "
          f"{statistics.median(booted) * 1e3:.2f} ms, most {max(booted) * 1e3:.2f} ms.  "
          f"Exec to exit: most {max(row.ours) * 1e3:.1f} ms.")


def computing(title, names, ours, theirs, memory):
    """Rows of CPU time, without that of hello; ours() and theirs() return the words of a program."""
    head(title)
    nothing = native("hello", ROOT / "apps/hello/main.c")
    starts = [(timed(tender(image("hello"), (), memory))[1], timed([nothing])[1]) for _ in range(TURNS)]
    a, b = (statistics.median(s) for s in zip(*starts))
    for name in names:
        row = Row()
        for _ in range(TURNS):
            row.add(timed(ours(name))[1] - a, timed(theirs(name))[1] - b)
        row.show(name)


def libc():
    binary = native("libc", ROOT / "tests/bench/libc/main.c")
    wanted = os.environ.get("ONLY", "").split() or LIBC
    computing("functions of the C library", wanted,
              lambda n: tender(image("bench/libc"), [n, LIBC[n]], 64), lambda n: [binary, n, LIBC[n]], 64)


def lua():
    folder = OUT / "lua-project"
    shutil.copytree(ROOT / "tests/bench/lua", folder, dirs_exist_ok=True)
    made = make.image(config.load(folder / "xenolith.toml"))
    source = next((BUILD / "ports").glob("work/lua5.4*/src"), None) or lua_source()
    files = [f for f in sorted((source / "src").glob("*.c")) if f.name != "luac.c"]
    binary = native("lua", "-std=gnu99", "-DLUA_COMPAT_5_3", *files, "-lm")
    script = folder / "files/main.lua"
    computing("Lua 5.4", LUA, lambda n: tender(made, ["/main.lua", n, LUA[n]], 128),
              lambda n: [binary, script, n, LUA[n]], 128)


def lua_source():
    """The source that the port is built from."""
    folder = OUT / "lua-source"
    if not folder.exists():
        folder.mkdir()
        tar = next((BUILD / "ports/archives").glob("lua5.4*.tar"))
        subprocess.run(["tar", "-xf", tar, "-C", folder], check=True)
    return next(p.parent.parent for p in folder.rglob("lua.c"))


def sqlite():
    made, sources = BUILD / "sqlite3", BUILD / "src/sqlite3/test"
    binary = native("speedtest1", f"-I{made}", f"-I{sources}", "-DSQLITE_OMIT_LOAD_EXTENSION",
                    "-DSQLITE_ENABLE_FTS5", "-DSQLITE_ENABLE_RTREE", "-DHAVE_FDATASYNC", "-DHAVE_USLEEP",
                    "-DHAVE_LOCALTIME_R", made / "sqlite3.c", sources / "speedtest1.c", "-lm", "-pthread")
    computing("SQLite, a database in memory", ["speedtest1 --size 25"],
              lambda n: tender(image("bench/speed"), SPEEDTEST, 256), lambda n: [binary, *SPEEDTEST], 256)


def switch():
    binary, row, one = native("switch", "-pthread", ROOT / "tests/bench/switch/main.c"), Row("ns", 1), Row("ns", 1)
    ns = lambda words: float(re.search(r"switch: (\d+) ns", timed(words)[2])[1])  # noqa: E731
    for _ in range(TURNS):
        row.add(ns(tender(image("bench/switch"))), ns([binary]))
        one.add(row.ours[-1], ns(["/usr/bin/taskset", "-c", "0", binary]))
    head("thread switch by mutex and condition")
    row.show("all processors")
    one.show("native on one processor")


# ---- the web

CONFIG = """daemon off; {user} worker_processes 1; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type text/html;
client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
server {{ listen {address}; root {folder}/www; }} }}
"""


def web_tools():
    """nginx and wrk, which are not installed but unpacked."""
    if not (PACKAGES / "usr/bin/wrk").exists():
        apt_private.unpack(["nginx", "wrk", "libluajit-5.1-2"], PACKAGES)
    return {**os.environ, "LD_LIBRARY_PATH": str(PACKAGES / "usr/lib/x86_64-linux-gnu")}


def cpu_of(pids):
    return sum(int(Path(f"/proc/{p}/schedstat").read_text().split()[0]) for p in pids) / 1e9


def ask(env, address, connections, close, pids):
    """(requests per second, CPU of the server for each)."""
    before = cpu_of(pids)
    header = ["-H", "Connection: close"] if close else []
    said = subprocess.run([PACKAGES / "usr/bin/wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", *header,
                           f"http://{address}/index.html"], env=env, capture_output=True, text=True).stdout
    m = re.search(r"(\d+) requests in ([\d.]+)(m?)s", said)
    if not m or "Non-2xx" in said or not int(m[1]):
        sys.exit(f"tests/bench/unix: wrk: {said}")
    return int(m[1]) / float(m[2]), (cpu_of(pids) - before) / int(m[1])


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def answers(host, port):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5) as s:
            s.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
            if b"200 OK" in s.recv(1000):
                return
        time.sleep(0.05)
    sys.exit(f"tests/bench/unix: nobody answers at {host}:{port}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def sh(command):
    return subprocess.run(command, shell=True, capture_output=True).returncode == 0


@contextlib.contextmanager
def process(words):
    p = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         stdin=subprocess.DEVNULL)
    try:
        yield p
    finally:
        p.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            p.wait(20)
        p.kill()
        p.wait()


@contextlib.contextmanager
def httpd(disk, how):
    """httpd in a process; yields its address and the processes."""
    port = free_port()
    options = ["--disk", f"{disk},ro"]
    if how == "TAP":
        options += ["--net", "tap=xenbench", "--cmdline", "ip=10.99.0.2/24,gateway=10.99.0.1 ip6=off"]
        host, port = "10.99.0.2", 80
    else:
        options += ["-p", f"{port}:80"]
        host = "127.0.0.1"
    with process(tender(image("httpd"), ["root=xvda", "log=off"], 128, options)) as p:
        answers(host, port)
        yield f"{host}:{port}", [p.pid, *children(p.pid)]


@contextlib.contextmanager
def nginx(env, folder, how):
    """nginx on this machine's loopback, or behind a pair of virtual network devices."""
    before, address = [], f"127.0.0.1:{free_port()}"
    if how == "veth":
        before, address = ["ip", "netns", "exec", "xenbench"], "10.98.0.2:80"
    for name in ("www", "1", "2", "3", "4", "5"):
        (folder / name).mkdir(exist_ok=True)
    conf = folder / "nginx.conf"
    conf.write_text(CONFIG.format(folder=folder, address=address, user="" if os.getuid() else "user root;"))
    os.environ["LD_LIBRARY_PATH"] = env["LD_LIBRARY_PATH"]
    with process([*before, PACKAGES / "usr/sbin/nginx", "-p", folder, "-c", conf]) as p:
        del os.environ["LD_LIBRARY_PATH"]
        host, port = address.split(":")
        answers(host, int(port))
        yield address, children(p.pid)


@contextlib.contextmanager
def networks():
    """For root: a TAP device and a network namespace; yields whether they are there."""
    undo = "ip link del xenbench 2> /dev/null; ip netns del xenbench 2> /dev/null; true"
    sh(undo)
    made = os.getuid() == 0 and sh(
        "ip tuntap add xenbench mode tap && ip addr add 10.99.0.1/24 dev xenbench && ip link set xenbench up && "
        "ip netns add xenbench && ip link add xenveth type veth peer name eth0 netns xenbench && "
        "ip addr add 10.98.0.1/24 dev xenveth && ip link set xenveth up && "
        "ip -n xenbench addr add 10.98.0.2/24 dev eth0 && ip -n xenbench link set eth0 up")
    try:
        yield made
    finally:
        sh(undo)


def web():
    from network import archive, site
    env, disk = web_tools(), archive()
    cells = {}
    with tempfile.TemporaryDirectory() as tmp, networks() as root:
        folder = Path(tmp)
        os.chmod(folder, 0o755)
        (folder / "www").mkdir()
        (folder / "www/index.html").write_bytes(site()["index.html"])
        kinds = [("TAP", "veth")] if root else []
        kinds.append(("libslirp", "loopback"))
        for _ in range(max(1, TURNS // 2)):
            for ours, theirs in kinds:
                for close in False, True:
                    for connections in 1, 16:
                        with httpd(disk, ours) as (address, pids):
                            a = ask(env, address, connections, close, pids)
                        with nginx(env, folder, theirs) as (address, pids):
                            b = ask(env, address, connections, close, pids)
                        key = (f"{ours} / {theirs}, {connections} connection(s)"
                               f"{', closed each time' if close else ''}")
                        rate, cpu = cells.setdefault(key, (Row("/s", 1, True), Row("µs", 1e6)))
                        rate.add(a[0], b[0])
                        cpu.add(a[1], b[1])
        if not root:
            print("\nNo TAP device: it needs root, /dev/net/tun and network namespaces.")
    head("httpd and nginx: requests per second")
    for key, (rate, _) in cells.items():
        rate.show(key)
    head("CPU per request")
    for key, (_, cpu) in cells.items():
        cpu.show(key)


def measure(pattern=""):
    global TENDER
    TENDER = process_cli.make_tender()
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"Load of the machine at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.")
    for f in (hello, switch, libc, sqlite, lua, web):
        if pattern in f.__name__:
            f()
    print(f"\nLoad at the end: {os.getloadavg()[0]:.1f}.")
