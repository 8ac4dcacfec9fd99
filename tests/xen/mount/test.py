# SPDX-License-Identifier: ISC
"""Disks with ext4 that guests mount: what survives, and what is said when it cannot be done."""

import contextlib
import re
import subprocess
import tempfile
from pathlib import Path

from lab import xenolith

PATH = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}


@contextlib.contextmanager
def disk(*options, size="16M"):
    """A file with ext4, which is clean afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk.img"
        run("mke2fs", "-q", "-t", "ext4", *options, path, size)
        yield path
        fsck(path)


def run(*words):
    done = subprocess.run([str(w) for w in words], env=PATH, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def fsck(path, journal=False):
    """e2fsck -n does not write; a journal that is to be recovered is used in a copy."""
    state = run("dumpe2fs", "-h", path)
    assert ("needs_recovery" in state) == journal, state
    if not journal:
        run("e2fsck", "-fn", path)
        return
    with tempfile.NamedTemporaryFile() as copy:
        copy.write(path.read_bytes())
        copy.flush()
        subprocess.run(["e2fsck", "-p", copy.name], env=PATH, capture_output=True)
        run("e2fsck", "-fn", copy.name)


def cat(path, name):
    return run("debugfs", "-R", f"cat {name}", path)


def ended(lab, image, args, **how):
    result = lab.run_guest(image, args=args, timeout=120, **how)
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    return result.console


def refused(lab, image, cmdline, **how):
    """The sentence with which a guest ended before main."""
    result = lab.run_guest(image, args=["read", "/none"], timeout=120, cmdline=cmdline, **how)
    assert result.status == 2 and result.reason == "poweroff", result.console[-3000:]
    return re.search(r"end: .*reason: (.*)", result.console)[1]


def test_what_was_synced_survives_xl_destroy(lab, image):
    with disk() as path:
        with lab.create(image, args=["write", "/data/file", "first"],
                        disks=[f"{path}:/data"]) as guest:
            guest.wait_for("written", 120)
            lab.sh(f"xl destroy {guest.domid}")
        fsck(path, journal=True)
        console = ended(lab, image, ["read", "/data/file", "/data/none"], disks=[f"{path}:/data"])
        assert "/data/file: first" in console, console
        assert "/data/none: No such file" in console, console
        assert "replaying the journal" in console, console
        assert cat(path, "/file") == "first"


def test_a_guest_that_ends_leaves_a_clean_disk(lab, image):
    """What was written last needs no fsync()."""
    with disk("-L", "store", "-b", "1024") as path:
        ended(lab, image, ["put", "/data/file", "late"], cmdline="mount=LABEL=store:/data",
              disks=["1M", path])
        assert cat(path, "/file") == "late"
        fsck(path)
        console = ended(lab, image, ["read", "/file"], cmdline="mount=xvda:/", disks=[path])
        assert "/file: late" in console, console


def test_lines_survive_a_guest_that_is_destroyed_while_it_writes(lab, image):
    with disk("-O", "^metadata_csum") as path:
        with lab.create(image, args=["lines", "/data"], disks=[f"{path}:/data"]) as guest:
            guest.wait_for("durable: 100", 120)
            lab.sh(f"xl destroy {guest.domid}")
            durable = max(map(int, re.findall(r"durable: (\d+)", guest.console_text())))
        ended(lab, image, ["put", "/data/file", "next"], disks=[f"{path}:/data"])
        found = sorted(int(n) for i in range(4) for n in cat(path, f"/lines{i}").split())
        assert found == list(range(len(found))) and len(found) > durable, (durable, found)


def test_xenolith_fs_freezes_and_thaws(lab, image):
    """While it is frozen, a copy of the disk is clean; shutdown leaves a clean disk, too."""
    xenolith.install(lab)
    with disk() as path:
        with lab.create(image, name="store", args=["lines", "/data"], disks=[f"{path}:/data"]) as guest:
            guest.wait_for("durable: 10", 120)
            said = lab.sh("xenolith fs store")
            assert re.search(r"/data +xvda +ext4 +rw +\d+M +\d+M .* [1-9]\d* +\S+ +\S+ +0\n", said), said
            assert re.search(r"/tmp +tmpfs +tmpfs +rw", said), said
            lab.sh("xenolith fs store freeze /data")
            fsck(path)
            for words, why in (("freeze /data", "it is frozen already"),
                               ("freeze /none", "nothing is mounted at this path"),
                               ("melt /data", "write freeze PATH")):
                said = lab.sh(f"! xenolith fs store {words} 2>&1")
                assert why in said, said
            last = guest.console_text().count("durable: ")
            lab.sh("xenolith fs store thaw /data")
            guest.wait_for(f"durable: {10 * last + 20}", 120)
            # The end does not wait for a thaw, and nothing is lost.
            lab.sh("xenolith fs store freeze /data && xenolith call store org.xenolith.power1.Sync")
            lab.sh("xenolith shutdown store")
            result = guest.wait(120)
            assert result.reason == "poweroff" and "not written" not in result.console, result.console


def test_a_lost_backend_does_not_delay_the_end(lab, image):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk.img"
        run("mke2fs", "-q", "-t", "ext4", path, "16M")
        with lab.create(image, args=["write", "/data/file", "text"], disks=[f"{path}:/data"],
                        cmdline="shutdown-timeout=5s") as guest:
            guest.wait_for("written", 120)
            lab.sh(f"echo vbd-{guest.domid}-51712 > /sys/bus/xen-backend/drivers/vbd/unbind")
            lab.sh(f"xl shutdown {guest.domid}")
            result = guest.wait(60)
        assert result.reason == "poweroff" and result.status == 143, result.console
        assert "xvda: not written completely" in result.console, result.console
        assert "takes too long" not in result.console, result.console
        subprocess.run(["e2fsck", "-p", path], env=PATH, capture_output=True)
        assert cat(path, "/file") == "text"


def test_mount_call_and_its_errors(lab, image):
    with disk() as path:
        ended(lab, image, ["calls", "/dev/xvda"], disks=[path])
        assert cat(path, "/other") == "text"


def test_the_cache_gives_way_to_malloc(lab, image):
    with disk(size="48M") as path:
        console = ended(lab, image, ["memory", "/data", "30000000"], memory=16,
                        disks=[f"{path}:/data"])
        assert int(re.search(r"allocated (\d+) KiB", console)[1]) > 5000, console


def test_read_only_disks_and_mounts(lab, image):
    with disk("-d", Path(__file__).parent) as path:
        uuid = re.search(r"UUID: *(\S+)", run("dumpe2fs", "-h", path))[1]
        before = path.read_bytes()
        for cmdline, disks in ((f"mount=UUID={uuid}:/data,ro", [path]),
                               ("mount=xvda:/data", [f"{path},ro"])):
            result = lab.run_guest(image, args=["put", "/data/file", "text"], timeout=120,
                                   cmdline=cmdline, disks=disks)
            assert "open /data/file: Read-only file system" in result.console, result.console
            assert path.read_bytes() == before
        assert "read-only, because the host attached the disk read-only" in result.console, result.console


def test_a_mount_that_fails_ends_the_guest_with_a_sentence(lab, image):
    assert "write SOURCE:/PATH, such as xvda:/data" in refused(lab, image, "mount=xvda")
    why = refused(lab, image, "mount=xvdb:/data", disks=["1M"])
    assert "mount=xvdb:/data: there is no disk xvdb; the guest has xvda" in why, why
    why = refused(lab, image, "mount=xvda:/data", disks=["1M"])
    assert "disk xvda: there is no ext4 file system on this disk; mkfs.ext4 makes one" in why, why
    why = refused(lab, image, "mount=LABEL=two:/data", disks=["1M"])
    assert "no ext4 disk has this label or UUID; the guest has xvda" in why, why


def test_a_disk_that_is_attached_later_is_awaited(lab, image):
    with disk("-L", "late") as path:
        lab.put(path.read_bytes(), "/tmp/late")
        try:
            with lab.create(image, args=["put", "/data/file", "in time"],
                            cmdline="mount=LABEL=late:/data,sync,wait=600") as guest:
                guest.wait_for("waiting for the disk: no ext4 disk has this label", 60)
                lab.sh(f"xl block-attach {guest.domid} format=raw,vdev=xvdf,access=rw,target=/tmp/late")
                result = guest.wait(120)
            assert "Test result: SUCCESS" in result.console, result.console[-3000:]
            path.write_bytes(lab.get("/tmp/late"))
        finally:
            lab.sh("rm /tmp/late")
        assert cat(path, "file") == "in time"
    why = refused(lab, image, "mount=LABEL=late:/data,wait=1")
    assert "no ext4 disk has this label or UUID; the guest has no disks" in why, why
    assert "wait= is a number" in refused(lab, image, "mount=LABEL=late:/data,wait=")
