# SPDX-License-Identifier: ISC
"""All steps of `ec2 run` without Amazon: from an application to the returned status.

A disk is made and uploaded to the simulated cloud of tests/ec2 by botocore.  The uploaded
blocks are joined and booted: as HVM by BIOS and the GRUB on the disk, as PV by GRUB 2 instead of
PV-GRUB, with the disk's menu.lst (tests/ec2/pvgrub.py).  dom0 serves the instance's user data at
169.254.169.254.  When the guest powers off, the instance is terminated.
"""

import contextlib
import gzip
import itertools
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import SkipTest

ROOT = Path(__file__).resolve().parent.parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/ec2"), str(ROOT / "tools")]

import packages  # noqa: E402
import pvgrub  # noqa: E402
from ec2 import disk, grub  # noqa: E402
from fake import Cloud  # noqa: E402

NGINX = """user root root; daemon on; pid /run/imds.pid; error_log /dev/null; events {}
http {{ access_log /run/imds.log; default_type text/plain;
  server {{ listen 169.254.169.254:80;
    location = /latest/api/token {{
      if ($request_method != PUT) {{ return 405; }}
      if ($http_x_aws_ec2_metadata_token_ttl_seconds !~ "^[0-9]+$") {{ return 400; }}
      return 200 "{token}"; }}
    location / {{
      if ($http_x_aws_ec2_metadata_token != "{token}") {{ return 401; }}
      return 404; }}
{places}
  }} }}
"""
PLACE = """    location = /latest/{} {{
      if ($http_x_aws_ec2_metadata_token != "{}") {{ return 401; }}
      return 200 {}; }}
"""
TOKEN = "AQAEAxen0lith=="


def serve(lab, data):
    """dom0 is the metadata service; again with other data."""
    places = "".join(PLACE.format(k, TOKEN, shlex.quote(v)) for k, v in data.items())
    text = NGINX.replace("events {}", "events {{}}").format(token=TOKEN, places=places)
    lab.sh("test ! -e /run/imds.pid || kill $(cat /run/imds.pid); mkdir -p /var/log/nginx "
           "/var/lib/nginx; ip addr add 169.254.169.254/32 dev xenbr0 2>/dev/null || true")
    lab.put(text.encode(), "/run/imds.conf")
    lab.sh("for i in $(seq 20); do nginx -c /run/imds.conf && exit; sleep 0.2; done; exit 1")


def stop_serving(lab):
    lab.sh("test ! -e /run/imds.pid || kill $(cat /run/imds.pid); "
           "ip addr del 169.254.169.254/32 dev xenbr0 2>/dev/null || true")


def needs_pv(lab):
    if lab.type != "pv":
        raise SkipTest("PV-GRUB boots PV guests only, and EC2 has no PVH")


def test_the_whole_road(lab, image):
    needs_pv(lab)
    results = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ec2-"))
        stack.callback(stop_serving, lab)

        def boot(instance):
            whole = Path(folder) / "whole.img"
            whole.write_bytes(cloud.disk(instance["snapshot"]))
            serve(lab, {"user-data": instance["user-data"].decode(),
                        "meta-data/instance-id": instance["InstanceId"],
                        "meta-data/local-hostname": "ip-10-0-0-16.ec2.internal",
                        "meta-data/placement/region": "us-east-1",
                        "meta-data/public-keys/": "0=mine"})
            if cloud.images[instance["ImageId"]]["VirtualizationType"] == "hvm":
                results.append(lab.run_guest(whole, net=True, timeout=240, memory=64, type="hvm"))
            else:
                results.append(lab.run_guest(pvgrub.image("menu.lst"), net=True, timeout=240,
                                             memory=64, disks=[f"{whole},dev=sda"]))
            return results[-1].console, results[-1].reason

        Path(folder, "grub").symlink_to(grub.GRUB)
        with Cloud(packages.modules(), boot) as cloud:
            env = dict(os.environ, **cloud.environment(), XENOLITH_EC2_PACE="0.1",
                       PYTHONPATH=str(packages.modules()), XENOLITH_BUILD=folder)

            def run(*words):
                done = subprocess.run(
                    [sys.executable, ROOT / "tools/ec2/ec2", "run", *words, image, "--",
                     "meta-data/instance-id", "meta-data/placement/region", "meta-data/none"],
                    env=env, capture_output=True, text=True, timeout=400)
                return done.returncode, done.stdout + done.stderr
            status, said = run("--type", "t2.micro", "--words", "env.X_STATUS=42")
            (name,) = cloud.instances
            assert status == 42, said
            for text in (f"instance-id: <{name}>", "host name: <ip-10-0-0-16.ec2.internal>", "region: <us-east-1>", "none: errno 2",
                         "SSH keys are ignored", f"{name} is terminated (verified)",
                         "end: poweroff, status 42"):
                assert text in said, (text, said)
            assert cloud.instances[name]["state"] == "terminated" and not cloud.schedules
            # Again as PV, without an end of its own: the lifetime that `run` set ends it.
            status, said = run("--type", "t1.micro", "--lifetime", "8s", "--words", "env.X_SLEEP=1 hostname=mine")
            assert status == 124 and "lifetime expired" in said, said
            assert "host name: <mine>" in said, said
            assert {i["state"] for i in cloud.instances.values()} == {"terminated"}


def test_the_command_line_wins_over_user_data(lab, image):
    """Tests each key.  Other contents of user data are only shown in the log."""
    data = ("env.X_STATUS=1 env.X_SLEEP=1 env.X_DISK=/dev/none env.X_DISK=/dev/last hostname=theirs "
            "lifetime=3600\033[2J lifetime=8s\n")
    with contextlib.ExitStack() as stack:
        stack.callback(stop_serving, lab)
        serve(lab, {"user-data": data, "meta-data/local-hostname": "none.internal"})
        result = lab.run_guest(image, args=["meta-data/local-hostname"],
                               cmdline="ec2 ip=10.0.0.200/24 env.X_STATUS=42 hostname=ours "
                               "lifetime=600s", net=True, timeout=120)
    said = result.console
    assert result.status == 124 and "lifetime expired" in said, said
    assert "host name: <ours>" in said and "/dev/last: errno" in said, said
    assert "env.X_STATUS of the user data is ignored" in said, said
    assert "\\x1b[2J is not a duration" in said and "\033" not in said, said


def test_the_keys_of_a_role_are_kept_until_shortly_before_their_end(lab, image):
    def keys(until):
        return ('{\n  "Code" : "Success",\n  "AccessKeyId" : "ASIAX",\n  "SecretAccessKey" : "a/b+c",\n'
                f'  "Token" : "IQo==",\n  "Expiration" : "{until}"\n}}')

    def run(data):
        serve(lab, data)
        said = lab.run_guest(image, cmdline="ec2 ip=10.0.0.200/24 env.X_KEYS=1 env.X_STATUS=0", net=True, timeout=120).console
        asked = lab.sh("cat /run/imds.log; : > /run/imds.log").count("security-credentials/app")
        return re.findall("^keys: (.*?)\r?$", said, re.M), asked
    role = {"meta-data/iam/security-credentials/": "app"}
    with contextlib.ExitStack() as stack:
        stack.callback(stop_serving, lab)
        path = "meta-data/iam/security-credentials/app"
        said, asked = run({**role, path: keys("2286-11-20T17:46:40Z")})
        assert said == ["<ASIAX> <a/b+c> <IQo==> until 10000000000"] * 2 and asked == 1, (said, asked)
        for text in (keys("2001-09-09T01:46:40Z"), '{"AccessKeyId": "A'):
            said, asked = run({**role, path: text})
            assert len(said) == 2 and all(s.startswith("errno") for s in said) and asked == 2, (text, said, asked)
        said, _ = run({})
        assert said == ["errno 2"] * 2, said


def test_without_a_metadata_service(lab, image):
    """The guest prints a message and continues."""
    result = lab.run_guest(image, args=["user-data"], cmdline="ec2 ip=10.0.0.200/24", net=True,
                           timeout=60)
    assert result.status == 99 and "no user data" in result.console, result.console


def disks(folder, image, words, args):
    """(path, name, command line) of each of the eight."""
    for partitioned, packed, dev in itertools.product((0, 1), (0, 1), ("sda1", "xvda")):
        made = Path(folder) / f"{'mbr' if partitioned else 'whole'}-{'gzip' if packed else 'raw'}"
        _, line = disk.make(made, image, "x", words.replace("@", dev), args,
                            partitioned=partitioned, packed=packed)
        yield made, dev, line


def test_grub_boots_our_disks(lab, image):
    """Whole disk and MBR, gzip and raw, sda1 and xvda, by either menu, any two of them
    together (EC2_LONG=1: all); and the guest uses the disk after GRUB has used it."""
    needs_pv(lab)
    with tempfile.TemporaryDirectory(prefix="ec2-") as folder:
        for made, dev, line in disks(folder, image, "env.X_STATUS=7 env.X_DISK=/dev/@", ["b"]):
            odd = ("mbr" in made.name) ^ ("gzip" in made.name) ^ (dev == "xvda")
            if odd and not os.environ.get("EC2_LONG"):
                continue
            menu = "grub.cfg" if made.name.endswith("gzip") == (dev == "sda1") else "menu.lst"
            result = lab.run_guest(pvgrub.image(menu), timeout=60, memory=64,
                                   disks=[f"{made},dev={dev}"])
            assert (result.reason, result.status) == ("poweroff", 7), (made, result)
            magic = ".... 55aa" if "mbr" in made.name else "53ef 0000"
            assert "\nb: errno" in result.console, result.console
            assert re.search(f"/dev/{dev}: magic {magic}", result.console), (made, result.console)


def test_grub_passes_options_unchanged(lab, image):
    """As a shell quotes them; menu.lst is another matter, where GRUB 2 adds backslashes and
    PV-GRUB does not."""
    needs_pv(lab)
    args = ["it's", "b c", "$x", 'a"b', "c\\d", "e;f", "{}", "#g"]
    with tempfile.TemporaryDirectory(prefix="ec2-") as folder:
        made = Path(folder) / "disk"
        disk.make(made, image, "x", "env.X_STATUS=7 env.X='y z'", args)
        result = lab.run_guest(pvgrub.image("grub.cfg"), timeout=60, memory=64,
                               disks=[f"{made},dev=sda1"])
        assert (result.reason, result.status) == ("poweroff", 7), result
        for arg in args:
            assert f"\n{arg}: errno" in result.console.replace("\r", ""), (arg, result.console)


def test_pygrub_boots_our_disks(lab, image):
    """Of each it gives the very kernel, and its words."""
    root = packages.BUILD / "lab/root"
    (xen,) = root.glob("usr/lib/xen-[0-9]*")
    libraries = xen / "lib/x86_64-linux-gnu"
    env = dict(os.environ, PYTHONPATH=str(xen / "lib/python"),
               LD_LIBRARY_PATH=f"{libraries}:{root}/usr/lib/x86_64-linux-gnu",
               XEN_FSIMAGE_FSDIR=str(libraries / "xenfsimage"))
    with tempfile.TemporaryDirectory(prefix="ec2-") as folder:
        for made, dev, line in disks(folder, image, "env.X_STATUS=7", ["it's", "b c"]):
            done = subprocess.run(
                ["/usr/bin/python3", xen / "bin/pygrub", "--output-format=simple", "-q",
                 f"--output-directory={folder}", "--output=/dev/stdout", made],
                env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            said = dict(text.split(" ", 1) for text in done.stdout.splitlines() if " " in text)
            assert said["args"] == line, done.stdout
            kernel = Path(said["kernel"]).read_bytes()
            kernel = gzip.decompress(kernel) if "gzip" in made.name else kernel
            assert kernel == Path(image).read_bytes(), made
        result = lab.run_guest(said["kernel"], cmdline=said["args"], timeout=60)
        assert (result.reason, result.status) == ("poweroff", 7), result.console
        assert "b c: errno" in result.console, result.console
