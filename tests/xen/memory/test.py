# SPDX-License-Identifier: ISC
"""malloc gets all memory of memory=, and the boot time does not depend on it."""

import re
import subprocess


def image_kib(image):
    """Returns the size of the image in memory, with its zeroed data."""
    out = subprocess.run(["size", "-B", image.with_suffix(".elf")], capture_output=True,
                         text=True, check=True).stdout.splitlines()[1].split()
    return int(out[3]) // 1024


def got_kib(lab, image, memory):
    result = lab.run_guest(image, memory=memory, timeout=120)
    assert result.status == 0, result.console
    return int(re.search(r"malloc got (\d+) KiB", result.console)[1])


def test_malloc_gets_95_percent(lab, image):
    for memory in (8, 64, lab.memory - 64):
        want = 0.95 * (memory * 1024) - image_kib(image)
        for _ in range(4):      # a thread may have allocated in the middle of free memory
            got = got_kib(lab, image, memory)
            if got >= want:
                break
        assert got >= want, f"memory={memory}: {got} KiB of {memory * 1024}, want {want:.0f}"


def test_memory_below_maxmem(lab, image):
    """Populate on demand: Xen's memory map is larger than the memory."""
    for memory, most in (64, 256), (64, 66), (128, 1024):
        result = lab.run_guest(image, memory=memory, more=[f"maxmem={most}"], timeout=120)
        assert (result.reason, result.status) == ("poweroff", 0), result.console
        got = int(re.search(r"malloc got (\d+) KiB", result.console)[1])
        spared = 18 if lab.type == "hvm" else 2
        assert got >= 0.95 * (memory - spared) * 1024 - image_kib(image), result.console


def test_boots_in_4_mib(lab, image):
    got_kib(lab, image, 4)


def test_a_guest_without_free_memory_can_be_ended(lab, image):
    with lab.create(image, args=["stay"], memory=4) as guest:
        guest.wait_for("malloc got")
        guest.shutdown()
        result = guest.wait(20)
    assert (result.reason, result.status) == ("poweroff", 143), result.console
    assert "control/shutdown" in result.console


def until_main(lab, image, memory):
    return lab.run_guest(image, memory=memory, timeout=120, until="main").wrote


def test_boot_time_is_flat(lab, image):
    """The minimum of several runs in turn, since other load only adds time."""
    small = large = 1e9
    for turn in range(20):
        small = min(small, until_main(lab, image, 8))
        large = min(large, until_main(lab, image, lab.memory - 64))
        if turn >= 3 and large < 1.2 * small and small < 1.2 * large:
            break
    else:
        raise AssertionError(f"8 MB: {small:.4f} s, most: {large:.4f} s")
    print(f"      unpause to main: {small * 1e3:.1f} ms with 8 MB, {large * 1e3:.1f} ms "
          f"with {lab.memory - 64} MB")
