# SPDX-License-Identifier: ISC
"""The control endpoint, called from dom0 by a program with libxenvchan."""

import importlib.util
import json
import os
import re
import subprocess
import tarfile
import time
from pathlib import Path

from lab import clients, xenolith

spec = importlib.util.spec_from_file_location(
    "vchan_tools", Path(__file__).parent.parent / "vchan/test.py")
vchan_tools = importlib.util.module_from_spec(spec)
spec.loader.exec_module(vchan_tools)

PATH = "/local/domain/{}/data/vchan/0/control"
# Incomplete command lines, and their completions.
COMPLETE = """. /tmp/xenolith.bash
while read -ra COMP_WORDS; do
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_xenolith
	echo "${COMPREPLY[@]}"
done
"""


def talk(lab, guest, raw, replies, timeout=60):
    """Returns the replies to these bytes."""
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
        assert info["application"] == "endpoint" and len(info["build"]) == 12, info
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


def test_an_invalid_message_gets_an_error(lab, image):
    """One connection: each of these, and then a call that counts."""
    bad = [
        (b"", "not JSON"), (b"{", "not JSON"), (b"\xff\xfe\x01", "not JSON"),
        (b'{"method":"org.xenolith.info1.Get"', "not JSON"), (b"[1,2]", "missing method"),
        (b'{"method":7}', "missing method"), (b"[" * 17 + b"]" * 17, "too deep"),
        (b"[" * 60000, "too deep"), (b'{"a":"' + b"x" * 70000 + b'"}', "too long"),
        (b"x" * 400000, "too long"),
        (b'{"method":"a.b","parameters":3}', "parameters is not a JSON object"),
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
        # The client sends half a message and disconnects: the message is dropped.
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
        assert sum(t["name"] == f"pthread-{t['id']}" for t in got) >= 900, got[-1]
        more = json.dumps({"method": "org.xenolith.stats1.Get", "more": True,
                           "parameters": {"every": 100}}).encode() + b"\0"
        for r in talk(lab, guest, more, 5):
            assert r["continues"] and r["parameters"]["stats"]["uptime"], r
        follow = b'{"method":"org.xenolith.log1.Follow","more":true}\0'
        assert "Xenolith" in talk(lab, guest, follow, 1)[0]["parameters"]["text"]
        assert call(lab, guest, "org.xenolith.log1.Follow")["error"].endswith("ExpectedMore")
        assert "error" not in call(lab, guest, "org.xenolith.info1.Get")


def test_permissions_can_be_restricted(lab, image):
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


def test_settings_change_while_it_runs(lab, image):
    config, log = "org.xenolith.config1", "org.xenolith.log1"
    with up(lab, image, cmdline="loglevel=info,control=error lifetime=1h") as guest:
        ask = lambda method, **p: call(lab, guest, method, **p)  # noqa: E731
        settings = {s["key"]: s.get("value") for s in ask(f"{config}.List")["parameters"]["settings"]}
        assert settings["lifetime"] == "1h" and settings["onexit"] is None, settings
        assert ask(f"{config}.Set", key="onexit", value="reboot") == {"parameters": {}}
        assert ask(f"{config}.Get", key="onexit") == {"parameters": {"value": "reboot"}}
        for key, value, wrong in (("memory", "7", "key"), ("onexit", "explode", "value"),
                                  ("lifetime", "soon", "value"), ("loglevel", "x=y", "value"),
                                  ("onexit", "x" * 99, "value")):
            r = ask(f"{config}.Set", key=key, value=value)
            assert r["parameters"] == {"parameter": wrong}, (key, value, r)
        # control= says nothing on the console as long as its level is `error`.
        assert "the operator sets" not in guest.console_text()
        assert ask(f"{log}.GetLevel")["parameters"] == {"level": "info",
                                                        "modules": {"control": "error"}}
        assert ask(f"{log}.SetLevel", level="info", module="control") == {"parameters": {}}
        assert ask(f"{log}.SetLevel", level="debug", module="x" * 40)["parameters"] == {
            "parameter": "module"}
        for i in range(7):
            assert ask(f"{log}.SetLevel", level="debug", module=f"m{i}") == {"parameters": {}}
        assert "error" in ask(f"{log}.SetLevel", level="debug", module="m7")
        assert ask(f"{config}.Set", key="lifetime", value="1s") == {"parameters": {}}
        result = guest.wait(600)
        assert (result.reason, result.status) == ("poweroff", 124), result
        assert "the operator sets lifetime=1s" in result.console, result.console


def test_an_application_has_methods_of_its_own(lab, image):
    """Also while it spins: its thread that is called gets its part."""
    own = "org.test.counter1"
    with up(lab, image, "offer") as guest:
        ask = lambda method, **p: call(lab, guest, f"{own}.{method}", **p)  # noqa: E731
        r = call(lab, guest, "org.varlink.service.GetInterfaceDescription", interface=own)
        assert "method Add(n: ?int) -> (sum: int)" in r["parameters"]["description"], r
        assert [ask("Add", n=n)["parameters"]["sum"] for n in (2, -5)] == [2, -3]
        assert ask("Add") == {"parameters": {"sum": -2}}
        for bad in (101, "1", True, 1.5):
            assert ask("Add", n=bad)["parameters"] == {"parameter": "n"}, bad
        r = ask("Describe", name="\u00e4b", loud=True)["parameters"]
        assert r == {"hello": "\u00e4b", "loud": True, "all": [0, 1, 2],
                     "said": '{"name": "\\u00e4b", "loud": true}'}, r
        assert ask("Describe", name="x" * 30)["parameters"] == {"parameter": "name"}
        assert ask("Describe") == {"error": f"{own}.Nobody",
                                   "parameters": {"reason": "a name is wanted"}}
        assert "too long" in ask("Describe", name="x" * 20000)["parameters"]["reason"]
        assert "too long" in ask("TooMuch")["parameters"]["reason"]
        assert ask("Refuse")["parameters"]["reason"] == "error 140"
        assert "MethodNotFound" in ask("Sub")["error"]
        assert ask("Slow")["parameters"]["reason"] == "the application does not answer"
        assert ask("Add")["parameters"]["reason"] == "the application is busy with another call"
        for _ in range(30):  # the slow call ends 10 s after its client was answered
            lab.sh("sleep 1")
            answer = ask("Add")["parameters"]
            if answer.get("reason") != "the application is busy with another call":
                break
        assert answer == {"sum": -1}, answer
    with up(lab, image, "spin", "offer", cmdline="control=read") as guest:
        assert "PermissionDenied" in call(lab, guest, f"{own}.Add")["error"]
        assert "Nobody" in call(lab, guest, f"{own}.Describe")["error"]


def test_a_shell_on_the_console(lab, image):
    def typed(guest, line, says, prompt=True):
        """Type a line: it is echoed, followed by its output and a prompt."""
        start = len(guest.console_text())
        guest.send(line)
        for _ in range(300):
            text = guest.console_text()
            said = text[start:]
            if said and re.search(says, said) and (not prompt or text.endswith("\nxenolith> ")):
                return said
            time.sleep(0.1)
        raise AssertionError(f"{line!r}: {said!r}")

    with up(lab, image, "spin", cmdline="console=shell control=safe") as guest:
        typed(guest, "\r", "")
        typed(guest, "memory\r", r"^memory\r\nmemory:\r\n  total: \d+\r\n")
        typed(guest, "threads\r", r"\n +name: shell\r\n")
        typed(guest, "log1.SetLevelx\x7f level=debug\r", "^log1.SetLevelx\b \b level=debug\r\n")
        typed(guest, "log1.GetLevel\r", r"\nlevel: debug\r\n")
        typed(guest, 'log1.SetLevel {"level":"info", "module":"vchan"} \r', "")
        typed(guest, "log1.SetLevel level=7x\r", "InvalidParameter\r\nparameter: level")
        typed(guest, "no such thing\r", "THING")
        typed(guest, "power1.Shutdown\r", "PermissionDenied")
        typed(guest, "garbage\x15info\r", r"\nname: Xenolith")
        typed(guest, "org.varlink.service.GetInfo\r", "org.xenolith.log1")
        typed(guest, "more stats1.Get every=100\r", r"(?s)(uptime: \d+.*){3}", prompt=False)
        typed(guest, "q", "")
        assert "error" not in call(lab, guest, "org.xenolith.info1.Get")
        typed(guest, "x" * 2000 + "\r", "BadMessage")
        typed(guest, "\x00\xff{[\r", "")
        typed(guest, "info\r", r"\nname: Xenolith")


def test_input_that_has_ended_can_be_polled(lab, image):
    result = lab.run_guest(image, args=["no-input"], cmdline="console=shell", memory=16, timeout=60)
    assert "Test result: SUCCESS" in result.console, result.console[-2000:]


def test_the_operators_command(lab, image):
    xenolith.install(lab)
    lab.put((xenolith.SOURCES / "xenolith.bash").read_bytes(), "/tmp/xenolith.bash")
    with up(lab, image, "spin", "2", name="web") as guest:
        for words, status, says in [
                ("info web", 0, f"domain: {guest.domid}"), ("ps web", 0, "endpoint"),
                ("mem web", 0, "free: "), ("stats web", 0, "uptime: "),
                ("log web", 0, " on Xen "), ("interfaces web", 0, "org.xenolith.power1"),
                ("describe web org.xenolith.log1", 0, "method Follow()"),
                ("level web debug", 0, ""), ("level web loud", 2, "the levels are error, warning, info and debug"),
                ("--json mem web", 0, '"free": '),
                ("call web org.xenolith.config1.Get '{\"key\":\"none\"}'", 0, "{}"),
                ("call web org.xenolith.info1.None", 1, "different versions"),
                ("call web org.xenolith.log1.Follow", 1, "sends several replies"),
                ("net web", 1, "no interface org.xenolith.net1"), ("config web", 0, "lifetime"),
                ("config web lifetime=1h", 0, ""), ("config web lifetime", 0, "lifetime=1h"),
                ("config web lifetime=x", 1, "`value`"),
                ("level web debug vchan", 0, ""), ("level web", 0, "vchan: debug"),
                ("call web a.b nonsense", 2, "invalid JSON"),
                ("ps nobody", 3, "is named nobody"),
                ("ps 77", 3, "the number 77"), ("ps 0", 4, "no control endpoint"),
                ("nothing web", 2, "unknown command"), ("", 2, "usage:"),
                ("run --help", 0, "usage:"), ("describe web none", 1, "no interface none"),
                ("config web onexit", 0, "onexit=poweroff (default)"),
                ("shutdown -x web", 2, "unknown option -x"),
                ("shutdown web -x", 2, "too many arguments"),
                ("ps", 2, "missing argument DOMAIN; usage: xenolith ps D"),
                ("call web", 2, "call D METHOD"),
                ("log web more", 2, "too many"), ("--wide ps web", 2, "unknown option --wide")]:
            if lab.type == "unix" and words == "ps 0":      # there is no dom0
                continue
            is_status, said = lab.dom0(f"xenolith {words}", timeout=60)
            assert is_status == status and says in said, (words, is_status, said)
        completed = {"level web d": "debug", "--json sh": "shutdown", "net -": "-c",
                     "profile w": "web", "config web lif": "lifetime", "ec2 r": "run",
                     "call web org.xenolith.log1.Fo": "org.xenolith.log1.Follow",
                     "run /etc/passw": "/etc/passwd"}
        said = lab.sh(["bash", "-c", COMPLETE],
                      input="".join(f"xenolith {w}\n" for w in completed).encode())
        assert said.splitlines() == list(completed.values()), said
        assert lab.sh("timeout 4 xenolith top web || true").count("CPU %") >= 2
        assert "Xenolith" in lab.sh("timeout 2 xenolith log -f web || true")
        # Two clients: the second waits for the first.
        lab.sh("timeout 3 xenolith top web > /dev/null & sleep 1; xenolith mem web; wait || true")
        lab.sh("for i in $(seq 50); do xenolith --json mem web > /dev/null || exit 1; done")
        lab.sh("xenolith shutdown web")
        result = guest.wait(600)
        assert (result.reason, result.status) == ("poweroff", 143), result


def test_devices_and_connections_are_seen(lab, image):
    """httpd with a network and a disk: statistics for dom0, and the status page."""
    xenolith.install(lab)
    httpd, tar = image.parents[2] / "httpd/httpd", image.parent / "site.tar"
    with tarfile.open(tar, "w") as t:
        t.add(Path(__file__), "index.html")
    with lab.create(httpd, name="web", args=["root=xvda", "log=off", "status=on"], memory=64, net=True,
                    cmdline="ip=10.0.0.16/24,gateway=10.0.0.1", disks=[f"{tar},ro"]) as guest:
        guest.wait_for("; port 80")
        lab.sh("for i in $(seq 50); do curl -sSf -m 9 -o /dev/null http://10.0.0.16/; done")
        for words, says in [
                ("net web", r"vif0 up, 00:16:3e.* mtu 1500, gateway 10.0.0.1\n  10.0.0.16/24"),
                ("net web", r"  in +\d+/256 +\d+ +\d{2}"), ("net web", r"listening 1"),
                ("net -c web", r"tcp +\S+:80 .* listen"),
                ("block web", r"xvda +connected +\S+ ro +0/\d+ +[1-9]"),
                ("--json trace web sched", r'"event":"sched\.switch","thread":"'),
                ("devices web", r"device/vif/0: connected, domain 0 /local/domain/0/backend/vif"),
                ("devices web", r"device/vbd/51712: connected(.*\n)*  ring-ref: 0 of")]:
            said = lab.sh(f"xenolith {words}")
            assert re.search(says, said), (words, said)
        s = json.loads(lab.sh("curl -sSf http://10.0.0.16/.status.json"))["guest"]
        vif, disk = s["net"]["devices"][0], s["block"][0]
        assert vif["tx"]["slots"] == 256 and vif["tx"]["frames"] > 100 < vif["rx"]["frames"], vif
        assert 0 < vif["tx"]["most"] <= 256 and vif["rx"]["used"] > 100, vif
        assert disk["read_bytes"] >= tar.stat().st_size and disk["ring"]["most"] > 0, disk
        assert s["net"]["connections"]["established"] == 1, s["net"]
        lab.sh("xl network-detach web 0; xl block-detach web xvda || true")
        for _ in range(50):
            said = lab.sh("xenolith devices web")
            if said.count(": detached") == 2:
                break
            time.sleep(0.1)
        else:
            raise AssertionError(said)


def test_an_image_is_run_by_the_command(lab, image):
    xenolith.install(lab)
    lab.put(image.read_bytes(), "/root/web")
    status, said = lab.dom0("xenolith run --memory 48 --cmdline 'control=off env.x=\"a b\"' "
                            "/root/web -- proc 'two words'", timeout=60)
    assert status == 0 and "proc: {" in said and "ended by poweroff, status 0" in said, said
    for line in ('name        = "web"', "memory      = 48", 'on_crash    = "preserve"',
                 """extra       = "control=off env.x=\\"a b\\" -- proc 'two words'\""""):
        assert line in said, (line, said)
    assert lab.dom0("xl domid web")[0], "it is still there"
    lab.sh("xenolith run --background --name other --memory 48 /root/web -- sleep")
    assert 'on_poweroff = "destroy"' in lab.sh("xenolith run --background --show /root/web")
    for _ in range(50):
        status, said = lab.dom0("xenolith info other", timeout=30)
        if status == 0:
            break
    assert "sleep" in said, said
    # The same commands from the shell of the developer's machine.
    clients.accept_clients(lab)
    here = [Path(__file__).parents[3] / "xenolith"]
    env = {**os.environ, "XENOLITH_LAB": str(os.getpid())}
    ask = lambda *words: subprocess.run([*here, *words], env=env, text=True,  # noqa: E731
                                        capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    done = ask("ps", "other")
    assert done.returncode == 0 and "endpoint" in done.stdout, done
    done = ask("ps", "nobody")
    assert done.returncode == 3 and "no domain is named nobody" in done.stderr, done
    assert ask("shutdown", "other").returncode == 0
    for _ in range(50):
        if lab.dom0("xl domid other")[0]:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("it has not been destroyed")
    done = ask("run", "--memory", "2", image)
    assert done.returncode == 2 and "at least 4" in done.stderr and "booting" not in done.stderr, \
        done
    done = ask("run", "--background", "--name", "third", "--memory", "48", image, "--", "sleep")
    assert done.returncode == 0 and " is third; xenolith info third" in done.stdout, done
    # A destroyed domain does not close its endpoint.
    log = lab.start(["xenolith", "log", "-f", "third"])
    assert log.until(lambda: b" on Xen " in log.out, 30), log.err
    lab.sh("xl destroy third")
    assert log.wait(10) == 1 and b"has ended" in log.err, log.err
    env["XENOLITH_LAB"] = "1"
    done = ask("ps", "other")
    assert done.returncode == 125 and "no lab is running as process 1" in done.stderr, done
    for words, says in (("/none", "No such file"), ("--memory 2 /root/web", "at least 4"),
                        ("--disk /none /root/web", "disk /none"), ("/etc/passwd", "not a kernel"),
                        ("--what", "unknown option --what"), ("", "missing argument IMAGE")):
        status, said = lab.dom0(f"xenolith run {words}")
        assert status in (1, 2) and says in said, (words, said)
    assert lab.dom0("xenolith run --memory 48 /root/web -- crash", timeout=60)[0] == 134
