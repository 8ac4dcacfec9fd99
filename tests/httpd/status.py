# SPDX-License-Identifier: ISC
"""Claims: log, status, metrics, options."""

import html
import http.server
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

import guest
from contents import claim
from folders import ROOT
from server import OUT, Reader, Server, request


@claim
def the_log_has_a_line_for_each_request(site):
    with Server(root=site) as server:
        server.ask("/hello.txt")
        server.ask("/none", "HEAD")
        server.raw(b"GET /\x1b[31m\"\xff HTTP/1.1\r\nHost: x\r\n\r\n")
        server.raw(b"\x16\x03")
        time.sleep(0.1)
        lines = server.said().splitlines()[1:]
        when = r"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "
        for line, want in zip(lines, (r'"GET /hello.txt HTTP/1.1" 200 19',
                                      r'"HEAD /none HTTP/1.1" 404 0',
                                      r'"GET /\\x1b\[31m\\x22\\xff HTTP/1.1" 400 \d+',
                                      r'"-" 400 \d+')):
            assert re.fullmatch(when + want, line), line
        assert len(lines) == 4
    with Server(root=site, log="off") as server:
        server.ask("/hello.txt")
        time.sleep(0.05)
        assert len(server.said().splitlines()) == 1


@claim
def a_log_nobody_reads_holds_up_nothing(site):
    read, write = os.pipe()
    with Server(root=site, stdout=write) as server:
        with server.connect() as s:
            for _ in range(40):
                s.sendall(request("/hello.txt?" + "x" * 400) * 15)
                reader = Reader(s)
                for _ in range(15):
                    assert reader.next().status == 200
        assert server.status()["log_lines_dropped"] > 0
    os.close(read)
    os.close(write)


@claim
def the_status_counts(site):
    with Server(root=site) as server:
        server.ask("/hello.txt")
        server.ask("/none")
        time.sleep(0.2)                     # until both are closed
        s = server.status()
        assert s["requests"]["total"] == 2 and s["status"] == {"200": 1, "404": 1}
        assert s["connections"]["now"] == 1 and s["guest"] is None
        r = server.ask("/.status")
        assert r.status == 200 and r["Content-Type"].startswith("text/html")
        assert not re.search(rb"(src|href)=.?https?:", r.body), "it needs nothing from elsewhere"
        assert server.ask("/.status", "HEAD").status == 200
        assert server.ask("/.status.xml").status == 404
    for options in {"status": "off"}, {"status": None}:
        with Server(root=site, **options) as server:
            for path in "/.status", "/.status.json", "/%2estatus", "/.status/":
                assert server.ask(path).status == 404, (options, path)


def keys(value):
    """{the keys of an object}, for each object in value but those whose keys are names."""
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if not isinstance(value, dict):
        return set()
    return {frozenset(value)}.union(*(keys(v) for v in value.values()))


@claim
def guest_py_has_the_keys_that_guests_send(_):
    described = set()
    for name in "kernel", "frontend", "net", "blkfront":
        text = "".join(re.findall(r'^\t+"(.*)\\n"$', (ROOT / f"control/{name}_methods.c").read_text(), re.M))
        for members in re.findall(r"type \w+ \(((?:[^()]|\([^()]*\))*)\)", text):
            members = re.findall(r"([\w-]+): (\??)", re.sub(r"\([^()]*\)", "", members))
            described.add((frozenset(k for k, may_lack in members if not may_lack),
                           frozenset(k for k, _ in members)))
    text = "".join(re.findall(r'^\t+"(.*)\\n"$', (ROOT / "lib/file/mount_methods.c").read_text(), re.M))
    members = re.findall(r"([\w-]+): ", re.search(r"type Mount \((.*?)\)", text)[1])
    described.add((frozenset(members), frozenset(members)))
    said = guest.at(5)
    names = {frozenset(said), frozenset(said["net"]) - {"host"}}
    names |= {frozenset(said["net"][k]) for k in ("dropped", "tcp_sent", "send_pages")}
    names |= {frozenset(d["rings"]) for d in said["xenbus"]}
    for found in keys(said):
        assert found - {"host"} in names or any(need <= found <= all for need, all in described), found


def about():
    """{the end of a path: what the page has about it}"""
    lines = (ROOT / "apps/httpd/status.html").read_text().split("of `\n")[1].split("\n`")[0]
    return {path: kind for path, _, _, kind in
            ([*line.split(":"), "", ""][:4] for line in lines.splitlines())}


@claim
def the_page_shows_rates_of_counters_only(_):
    page, rows = about(), (ROOT / "apps/httpd/metrics.c").read_text()
    for short, path in (("NET", "net.devices."), ("DISK", "block."), ("FS", "fs."), ("GRANTS", "xen.grants."),
                        ("STATE", "net.connections."), ("WHY", "net.dropped."), ("RING", "net.devices.tx.")):
        rows = re.sub(rf'\b{short}\((.*?)"([\w.]+)"\)', rf'{short}(\1"{path}\2")', rows)
    kind, checked = None, set()
    for row in re.findall(r"^\t(?:ONE|EACH|MORE|NET|DISK|RING|FS)\((?:[^;]*?)\),?$", rows, re.M):
        kind = "COUNTER" if "COUNTER" in row else "GAUGE" if "GAUGE" in row else kind
        path = re.findall(r'"([a-z][\w\[\]]*\.[\w.\[\]]*\w)"', row)
        if not path:
            continue
        path = path[0].replace("[]", "")
        end = path
        while end not in page and "." in end:
            end = end.partition(".")[2]
        # Of the CPU time, the page shows a share instead.
        shown = "+" in page.get(end, "") or end == "threads.cpu"
        assert shown == (kind == "COUNTER"), (path, kind)
        checked.add(path)
    assert len(checked) > 40, checked


# What the page has become: a script in the page writes it as JSON into an element.
DRIVER = """<pre id="result"></pre><script>
const texts = (where, of = document) => [...of.querySelectorAll(where)].map(e => e.textContent);
let kept;
setInterval(() => {
	if (!document.querySelector(".xen em:not(:empty), #guest em")) return;
	kept ??= document.querySelector("#guest td");
	const rows = [...document.querySelectorAll("dt")].map(e => [e.textContent, e.nextSibling]);
	document.getElementById("result").textContent = JSON.stringify({
		title: document.title, kept: kept.isConnected, heads: texts("h2"), labels: texts("dt, h4, .meter span"),
		groups: [...document.querySelectorAll("h4")].filter(e => !e.closest(".group")).length,
		rates: rows.filter(r => /\\/s/.test(r[1].textContent)).map(r => [r[0], r[1].textContent]),
		alarms: [...document.querySelectorAll(".bad, .note")].map(e =>
			(e.previousSibling?.textContent ?? "") + " " + e.textContent),
		columns: texts("th"), cells: texts("td"),
		top: above(1010 * 1024, 1024), days: time(12 * 86400 + 18) });
}, 500);
</script>"""


def seen(page, answer):
    """What a browser shows of the page, with answer(n) as the n-th answer; None: no browser."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        return None

    class Handler(http.server.BaseHTTPRequestHandler):
        polls = 0

        def do_GET(self):
            if self.path.endswith(".json"):
                Handler.polls += 1
                body = json.dumps(answer(Handler.polls)).encode()
            else:
                body = page + DRIVER.encode()
            self.send_response(200)
            self.send_header("Content-Length", len(body))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, \
            tempfile.TemporaryDirectory() as home:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            done = subprocess.run(
                [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=6000",
                 f"--user-data-dir={home}", "--dump-dom", f"http://127.0.0.1:{server.server_port}/"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120)
        finally:
            server.shutdown()
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.S)
    assert found and found[1], done.stdout[-2000:]
    return json.loads(html.unescape(found[1]))


@claim
def the_page_shows_the_guest(site):
    with Server(root=site) as server:
        server.ask("/none")
        page, own = server.ask("/.status").body, server.status()

    def answer(n):
        return {**own, "uptime_ms": 1000 * n, "status": {"200": 4000, "500": 1},
                "log_lines_dropped": 7, "guest": guest.at(n, ready=12, errors=n)}
    r = seen(page, answer)
    if r is None:
        return "no browser"
    assert r["title"] == "web: httpd" and r["kept"], "elements are replaced"
    assert r["heads"][-6:] == ["Memory", "Kernel and Xen", "Threads", "Network", "Disks", "Devices"]
    for label in "buffers for data", "TIME_WAIT", "heap", "unread pages in sockets", "times the CPU was idle":
        assert label in r["labels"], label
    assert not r["groups"], "a heading whose rows can be in another column"
    rates = dict(r["rates"])
    assert not {"peak", "duration", "heap", "TIME_WAIT"} & rates.keys(), rates
    assert {"thread switches", "frames", "reads", "read"} <= rates.keys(), rates
    assert all("iB/s" in text for label, text in rates.items() if label in ("data", "copied", "read"))
    for alarm in "5xx 1", "log lines dropped 7", "IP packets 2", "only 12 of 256 buffers ready":
        assert any(alarm in a for a in r["alarms"]), (alarm, r["alarms"])
    assert "vif/1/0" in r["cells"] and r["columns"][:4] == ["port", "name", "events", ""], r["columns"]
    names = r["columns"][r["columns"].index("name", 3):]
    assert names[:4] == ["name", "state", "CPU", "CPU time, s"], names
    assert r["top"] == 1 << 20 and r["days"] == "12 d 0 h", r


# A line of the text format 0.0.4, by its documentation.
LINE = re.compile(r"""([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})?"""
                  r" (\d+(?:\.\d+)?)")


def samples(text):
    """{(name, labels): figure} of an exposition that keeps the format's rules."""
    assert text.endswith("\n")
    found, types, family = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in types and len(line.split()) > 3, line
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == family and kind in ("counter", "gauge"), line
            assert name.endswith("_total") == (kind == "counter"), line
            types[name] = kind
        else:
            m = LINE.fullmatch(line)
            assert m and m[1] == family, f"{line} in {family}"
            key = m[1], m[2] or ""
            assert key not in found, f"twice: {line}"
            found[key] = float(m[3])
    return found


def promtool(text):
    """Checks the text with Prometheus's own tool, if it is installed."""
    tool = shutil.which("promtool")
    if tool:
        done = subprocess.run([tool, "check", "metrics"], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout


def guest_says():
    """Statistics as in /proc/xenolith, with unusual names."""
    ring = {"slots": 32, "used": 3, "most": 9, "waiting": 0}
    way = {"slots": 256, "used": 7, "most": 80, "frames": 5, "bytes": 2 ** 40, "errors": 1,
           "full": 2, "dropped": 4}
    vif = {"name": "vif0", "up": True, "addresses": ["10.0.0.1/24"], "tx": way, "rx": way,
           "queue": {"slots": 9, "used": 1}}
    return {
        "uptime": 12345, "memory": {"total": 4, "heap": 1, "pages": 2, "free": 1},
        "threads": [{"id": 1, "name": 'a"b\\c\x01}', "cpu": 1000001, "stack_used": 5},
                    {"id": 2, "name": "a", "cpu": 0, "stack_used": 6}],
        "xen": {"switches": 1, "preemptions": 2, "upcalls": 3, "idles": 4,
                "grants": {"used": 1, "free": 2, "quarantined": 0, "mapped": 3},
                "ports": [{"port": 7, "name": "vif", "count": 1},
                          {"port": 8, "name": "vif", "count": 2}]},
        "xenbus": [{"name": "device/vif/0", "state": "connected", "rings": {"x": ring}},
                   {"name": "device/vbd/1", "state": "connecting", "rings": {}}],
        "block": [], "net": {"devices": [vif, {**vif, "name": "vif1"}],
                             "connections": {"established": 3, "udp": 1}},
    }


@claim
def metrics_are_in_prometheus_format(site):
    guest = OUT / "guest.json"
    with Server(root=site, metrics="on") as server:
        server.ask("/hello.txt")
        server.ask("/none")
        r = server.ask("/metrics")
        assert r.status == 200 and r["Content-Type"].startswith("text/plain; version=0.0.4")
        got = samples(r.body.decode())
        promtool(r.body.decode())
        assert got["httpd_responses_total", 'code="404"'] == 1
        assert got["httpd_requests_total", ""] == 2
        assert abs(got["httpd_start_time_seconds", ""] - time.time()) < 60
        assert server.ask("/metrics", "HEAD").status == 200
        assert not [name for name, _ in got if name.startswith("xenolith")]
    with Server(root=site) as server:
        assert server.ask("/metrics").status == 404
    with Server(root=site, metrics="on", program="short_server", env={"GUEST": guest}) as server:
        guest.write_text(json.dumps(guest_says(), separators=(",", ":")) + "\n")
        text = server.ask("/metrics").body.decode()
        got = samples(text)
        promtool(text)
        for name, labels, figure in (
                ("uptime_seconds", "", 12.345), ("memory_bytes", 'area="all"', 4096),
                ("thread_cpu_seconds_total", 'thread="a",id="2"', 0),
                ("events_total", 'channel="vif",port="8"', 2),
                ("device_connected", 'device="device/vif/0"', 1),
                ("device_connected", 'device="device/vbd/1"', 0),
                ("net_receive_bytes_total", 'device="vif1"', 2 ** 40),
                ("net_ring_used", 'device="vif0",direction="receive"', 7),
                ("connections", 'state="udp"', 1)):
            assert got["xenolith_" + name, labels] == figure, (name, labels)
        assert got["xenolith_thread_cpu_seconds_total",
                   'thread="a\\"b\\\\c\\\\u0001}",id="1"'] == 1.000001
        assert "xenolith_disk" not in text and "xenolith_net_dropped" not in text
        for says in ("", "{}", "null", "[]", '{"net":{"devices":[]}}', '{"threads":{}}'):
            guest.write_text(says)
            assert "xenolith" not in server.ask("/metrics").body.decode(), says
        guest.write_text(json.dumps({"threads": [{"id": i, "name": "x", "cpu": i, "stack_used": i}
                                                 for i in range(1200)]}, separators=(",", ":")))
        assert len(samples(server.ask("/metrics").body.decode())) > 2400


def refuses(*words, says, env={}):
    done = subprocess.run([OUT / "server", *words], text=True, timeout=10, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode in (1, 2) and says in done.stdout, done.stdout
    assert "Sanitizer" not in done.stdout


@claim
def options_that_are_wrong_are_refused(site):
    root = f"root={site}"
    for word in ("port=0", "port=65536", "port=x", "port=-1", "port=", "log=maybe", "keep=4X",
                 "idle-timeout=0", "idle-timeout=5d", "connections=0", "root="):
        refuses(root, word, says=f"{word}: invalid value")
    refuses("speed=9", says="unknown option")
    refuses("port", says="unknown option")
    refuses("root=/nonexistent/folder", says="No such file")
    refuses("root=xvdq", says="xvdq: No such file")
    refuses(root, says="log=perhaps: invalid value", env={"log": "perhaps"})
    with Server(root=site) as server:
        refuses(root, f"port={server.port}", says="Address already in use")
