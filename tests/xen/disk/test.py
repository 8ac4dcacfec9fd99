# SPDX-License-Identifier: ISC
"""Disks with Linux's xen-blkback: guest and dom0 see the same contents.

DISK=FILE: the disk of the pattern test (default: a new one of 48M).
"""

import os
import random
import re

DISK = os.environ.get("DISK") or "48M"


def said(result):
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert (result.reason, result.status) == ("poweroff", 0), result
    m = re.search(r"checksum (\w+)", result.console)
    return m and int(m[1], 16)


def checksum(lab, path):
    return int(lab.sh(f"sync; crc32 {path}").split()[0], 16)


def run(lab, image, args, timeout, **how):
    """Checks the result, and the contents of xvda in dom0 afterwards."""
    with lab.create(image, args=args, memory=48, **how) as guest:
        path = lab.sh("xenstore-read /local/domain/0/backend/vbd/"
                      f"{guest.domid}/51712/params").strip()
        result = guest.wait(timeout)
        return result, checksum(lab, path)


def test_what_eight_threads_write_is_there(lab, image):
    seed = random.getrandbits(60)
    print(f"      seed {seed}")
    result, found = run(lab, image, ["fill", "/dev/xvda", str(seed)], disks=[DISK], timeout=1800)
    assert said(result) == found, (result.console, found)
    assert "no flush" not in result.console, result.console


def test_what_dom0_wrote_is_read(lab, image, tmp="/tmp/random-disk"):
    lab.sh(f"dd if=/dev/urandom of={tmp} bs=1M count=5; echo tail >> {tmp};"
           f"truncate -s 5243392 {tmp}")
    try:
        expected = checksum(lab, tmp)
        devs = ("sda1", "xvdz", "xvda15")
        disks = [f"'format=raw,vdev={dev},access=ro,target={tmp}'" for dev in devs]
        result = lab.run_guest(image, args=["sum"] + [f"/dev/{dev}" for dev in devs],
                               more=[f"disk=[{', '.join(disks)}]"], timeout=60)
        assert said(result) == expected, result.console
        assert result.console.count(f"checksum {expected:08x}") == len(devs), result.console
    finally:
        lab.sh(f"rm {tmp}")


def test_a_read_only_disk_refuses(lab, image):
    said(lab.run_guest(image, args=["refuse", "/dev/xvdb"], disks=["1M", "1M,ro"], timeout=60))


def test_sectors_of_4096(lab, image):
    """A loop device with such sectors."""
    lab.sh("truncate -s 6M /tmp/4k")
    device = lab.sh("losetup -b 4096 -f --show /tmp/4k").strip()
    try:
        config = f"disk=['format=raw,vdev=xvda,access=rw,target={device}']"
        result = lab.run_guest(image, args=["fill", "/dev/xvda", "7"], more=[config], timeout=60)
        assert "sectors of 4096" in result.console, result.console
        assert said(result) == checksum(lab, "/tmp/4k"), result.console
    finally:
        lab.sh(f"losetup -d {device}; rm /tmp/4k")
