# SPDX-License-Identifier: ISC
"""The control endpoint, asked from dom0 by a program on libxenvchan."""

import importlib.util
import json
import subprocess
from pathlib import Path

import apt_private
from lab import build as lab_build

spec = importlib.util.spec_from_file_location(
    "vchan_tools", Path(__file__).parent.parent / "vchan/test.py")
vchan_tools = importlib.util.module_from_spec(spec)
spec.loader.exec_module(vchan_tools)

PATH = "/local/domain/{}/data/vchan/0/control"


def talk(lab, guest, raw, replies, timeout=60):
    """What is answered to these bytes."""
    status, said = lab.dom0(f"{vchan_tools.peer(lab)} talk {guest.domid}"
                            f" {PATH.format(guest.domid)} {replies}", timeout, raw)
    assert status == 0, said
    return [json.loads(line) for line in said.splitlines()]


def call(lab, guest, method, **parameters):
    message = json.dumps({"method": method, "parameters": parameters}).encode() + b"\0"
    return talk(lab, guest, message, 1)[0]


def up(lab, image, *args, **how):
    guest = lab.create(image, args=list(args), memory=48, **how)
    guest.wait_for("up")
    return guest


def test_it_answers_while_the_application_spins(lab, image):
    with up(lab, image, "spin", "x") as guest:
        info = call(lab, guest, "org.xenolith.info1.Get")["parameters"]
        assert info["domain"] == guest.domid and info["arguments"][1:] == ["spin", "x"], info
        threads = call(lab, guest, "org.xenolith.threads1.List")["parameters"]["threads"]
        assert {"main", "endpoint"} <= {t["name"] for t in threads}, threads
        assert next(t for t in threads if t["name"] == "main")["state"] in ("preempted", "ready")
        stats = call(lab, guest, "org.xenolith.stats1.Get")["parameters"]["stats"]
        assert stats["memory"]["free"] > 0 and stats["xen"]["ports"], stats
        assert call(lab, guest, "org.xenolith.log1.SetLevel", level="debug") == {"parameters": {}}
        assert "Xenolith" in call(lab, guest, "org.xenolith.log1.Get")["parameters"]["text"]
        assert call(lab, guest, "org.xenolith.power1.Shutdown") == {"parameters": {}}
        result = guest.wait(600)
        assert (result.reason, result.status) == ("poweroff", 143), result


def test_it_describes_itself(lab, image):
    with up(lab, image) as guest:
        service = "org.varlink.service"
        interfaces = call(lab, guest, f"{service}.GetInfo")["parameters"]["interfaces"]
        assert service in interfaces and len(interfaces) > 8, interfaces
        for name in interfaces:
            r = call(lab, guest, f"{service}.GetInterfaceDescription", interface=name)
            assert f"interface {name}\n" in r["parameters"]["description"], r
        r = call(lab, guest, f"{service}.GetInterfaceDescription", interface="org.none")
        assert r["error"] == f"{service}.InterfaceNotFound", r


def test_what_is_no_message_gets_an_error(lab, image):
    """One connection: each of these, and then a call that counts."""
    bad = [
        (b"", "not JSON"), (b"{", "not JSON"), (b"\xff\xfe\x01", "not JSON"),
        (b'{"method":"org.xenolith.info1.Get"', "not JSON"), (b"[1,2]", "no method"),
        (b'{"method":7}', "no method"), (b"[" * 17 + b"]" * 17, "too deep"),
        (b"[" * 60000, "too deep"), (b'{"a":"' + b"x" * 70000 + b'"}', "too long"),
        (b"x" * 400000, "too long"),
        (b'{"method":"a.b","parameters":3}', "parameters are no object"),
    ]
    good = b'{"method":"org.xenolith.info1.Get"}\0'
    unknown = [(b"none", "InterfaceNotFound"), (b"org.xenolith.info1.None", "MethodNotFound"),
               (b"org.none1.Get", "InterfaceNotFound")]
    with up(lab, image) as guest:
        for raw, reason in bad:
            r = talk(lab, guest, raw + b"\0" + good, 2)
            assert r[0]["error"] == "org.xenolith.control1.BadMessage", (raw[:40], r)
            assert r[0]["parameters"]["reason"] == reason, (raw[:40], r)
            assert "error" not in r[1], r
        for name, error in unknown:
            r = talk(lab, guest, b'{"method":"' + name + b'"}\0' + good, 2)
            assert r[0]["error"] == f"org.varlink.service.{error}" and "error" not in r[1], r
        r = call(lab, guest, "org.xenolith.log1.SetLevel", level=3)
        assert r == {"parameters": {"parameter": "level"},
                     "error": "org.varlink.service.InvalidParameter"}, r
        assert len(talk(lab, guest, good * 300, 300)) == 300
        # Half a message, and the client goes: it is forgotten.
        assert lab.dom0(f"{vchan_tools.peer(lab)} talk {guest.domid}"
                        f" {PATH.format(guest.domid)} 0", input=b'{"method":')[0] == 0
        assert "error" not in call(lab, guest, "org.xenolith.info1.Get")


def test_proc_says_the_same(lab, image):
    result = lab.run_guest(image, args=["proc"], timeout=60, cmdline="control=off")
    assert "Test result: SUCCESS" in result.console, result.console
    stats = json.loads(result.console.split("proc: ")[1].splitlines()[0])
    assert {"uptime", "memory", "threads", "xen"} <= set(stats), stats
    assert "main" in [t["name"] for t in stats["threads"]], stats


def test_many_replies_and_many_threads(lab, image):
    with up(lab, image, "sleep", "900") as guest:
        got, start = [], 0
        while start is not None:
            r = call(lab, guest, "org.xenolith.threads1.List", **{"from": start})["parameters"]
            got += r["threads"]
            start = r.get("next")
        assert len(got) >= 900 and len({t["id"] for t in got}) == len(got), len(got)
        more = json.dumps({"method": "org.xenolith.stats1.Get", "more": True,
                           "parameters": {"every": 100}}).encode() + b"\0"
        for r in talk(lab, guest, more, 5):
            assert r["continues"] and r["parameters"]["stats"]["uptime"], r
        follow = b'{"method":"org.xenolith.log1.Follow","more":true}\0'
        assert "Xenolith" in talk(lab, guest, follow, 1)[0]["parameters"]["text"]
        assert call(lab, guest, "org.xenolith.log1.Follow")["error"].endswith("ExpectedMore")
        assert "error" not in call(lab, guest, "org.xenolith.info1.Get")


def test_less_is_allowed(lab, image):
    cases = [("off", None, None), ("read", "PermissionDenied", "PermissionDenied"),
             ("safe", None, "PermissionDenied")]
    for level, writes, dangerous in cases:
        with up(lab, image, cmdline=f"control={level}") as guest:
            if level == "off":
                lab.sh("sleep 1")
                assert lab.dom0(f"xenstore-exists {PATH.format(guest.domid)}")[0]
                continue
            for method, error in (("org.xenolith.power1.Sync", writes),
                                  ("org.xenolith.power1.Shutdown", dangerous),
                                  ("org.xenolith.info1.Get", None)):
                r = call(lab, guest, method)
                assert r.get("error") == (error and f"org.varlink.service.{error}"), (level, r)


def command(lab):
    """tools/xenolith in dom0, static: its JSON library is none of dom0's."""
    out, own = lab_build.BUILD / "xenolith", lab_build.UNPACKED / "usr"
    library = out / "usr"
    if not (library / "include/jansson.h").exists():
        apt_private.download(["libjansson-dev"], out)
        for package in out.glob("libjansson-dev_*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, out], check=True)
    folders = f"-L{own}/lib/x86_64-linux-gnu -L{library}/lib/x86_64-linux-gnu"
    subprocess.run(["make", "-s", "-C", Path(__file__).parents[3] / "tools/xenolith", "STATIC=1",
                    f"BUILD={out}", f"CFLAGS=-O2 -isystem {own}/include -isystem {library}/include",
                    f"LDFLAGS={folders}"], check=True)
    lab.put((out / "xenolith").read_bytes(), "/usr/bin/xenolith")
    lab.sh("chmod +x /usr/bin/xenolith")


def test_the_operators_command(lab, image):
    command(lab)
    with up(lab, image, "spin", "2", name="web") as guest:
        for words, status, says in [
                ("info web", 0, f"domain: {guest.domid}"), ("ps web", 0, "endpoint"),
                ("mem web", 0, "free: "), ("stats web", 0, "uptime: "),
                ("log web", 0, "Xenolith on Xen"), ("interfaces web", 0, "org.xenolith.power1"),
                ("describe web org.xenolith.log1", 0, "method Follow()"),
                ("level web debug", 0, ""), ("level web loud", 1, "InvalidParameter"),
                ("--json mem web", 0, '"free": '), ("net web", 1, "this image has no"),
                ("call web org.xenolith.config1.Get '{\"key\":\"none\"}'", 0, "{}"),
                ("call web a.b nonsense", 2, "no JSON"), ("ps nobody", 3, "no domain named"),
                ("ps 77", 3, "no domain 77"), ("ps 0", 4, "no control endpoint"),
                ("nothing web", 2, "no command"), ("", 2, "usage:")]:
            is_status, said = lab.dom0(f"xenolith {words}", timeout=60)
            assert is_status == status and says in said, (words, is_status, said)
        assert lab.sh("timeout 4 xenolith top web || true").count("CPU %") >= 2
        assert "Xenolith" in lab.sh("timeout 2 xenolith log -f web || true")
        # Two operators: the second waits for the first.
        lab.sh("timeout 3 xenolith top web > /dev/null & sleep 1; xenolith mem web; wait || true")
        lab.sh("for i in $(seq 50); do xenolith --json mem web > /dev/null || exit 1; done")
        lab.sh("xenolith shutdown web")
        result = guest.wait(600)
        assert (result.reason, result.status) == ("poweroff", 143), result
