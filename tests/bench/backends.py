# SPDX-License-Identifier: ISC
"""The same RAM disk behind different backends, all of them disks of one Linux guest, which reads them
in turn.

One emulated processor has dom0 and all guests.  If this is the only measurement, each instruction takes
the same time, so the figures compare the instructions of all parts together, and do not depend on what
else this machine does.  A figure is the median of the rounds.
"""

import os
import re
import statistics
from contextlib import ExitStack, contextmanager

from common import RUNS, ROOT, compile_for_linux, image, linux_with

SIZE = 32               # MB
TURN = float(os.environ.get("TURN", 0.3))       # seconds of each figure
FILE = "/tmp/bench-backend"
WHAT = {"random-1": "4 KiB random, depth 1 (1/s)", "random-32": "4 KiB random, depth 32 (1/s)",
        "sequential-1": "1 MiB, depth 1 (MiB/s)", "sequential-4": "1 MiB, depth 4 (MiB/s)"}


# Xen's script `block` runs so many commands that it exceeds libxl's timeout on a slow machine.
SCRIPT = """#!/bin/sh
[ "$1" = add ] || exit 0
xenstore-write "$XENBUS_PATH/physical-device" 7:6 "$XENBUS_PATH/hotplug-status" connected
"""


@contextmanager
def kernel(lab, vdev):
    lab.put(SCRIPT.encode(), "/etc/xen/scripts/block-bench")
    lab.sh("chmod +x /etc/xen/scripts/block-bench; losetup -d /dev/loop6 2>/dev/null;"
           f"losetup /dev/loop6 {FILE}-{vdev}")
    yield "access=rw,script=block-bench,target=/dev/loop6"
    lab.sh("losetup -d /dev/loop6")


@contextmanager
def qdisk(lab, vdev):
    yield f"access=rw,backendtype=qdisk,target={FILE}-{vdev}"


@contextmanager
def dom0(lab, vdev, store=None):
    lab.command()
    server = lab.start(["xenolith", "disk", "serve", f"bench-{vdev}", "--store", store or f"{FILE}-{vdev}"])
    server.until(lambda: b"attach it" in server.out, 60)
    yield f"script=block-xenolith,target=bench-{vdev}"
    server.signal(15)
    server.wait(60)


def dom0_memory(lab, vdev):
    return dom0(lab, vdev, f"memory:{SIZE}M")


@contextmanager
def domain(lab, vdev):
    with lab.create(image("storage"), args=[f"bench=memory:{SIZE}M"], memory=SIZE + 64,
                    name="storage") as server:
        server.wait_for("storage: ready")
        yield f"backend={server.name},target=bench"


# The last two are what the others are compared with.
BACKENDS = {"dom0, file": dom0, "dom0, memory": dom0_memory, "driver domain": domain,
            "xen-blkback": kernel, "qdisk": qdisk}


def show(found):
    """A table of Markdown, as docs/storage.md has it."""
    print("\n| reads | " + " | ".join(BACKENDS) + " |\n|---" + "|---" * len(BACKENDS) + "|")
    for what, title in WHAT.items():
        cells = []
        for name in BACKENDS:
            figures = found[what, name]
            ratios = [statistics.median(a / b for a, b in zip(figures, found[what, other]) if b)
                      for other in ("xen-blkback", "qdisk")]
            cells.append(f"{statistics.median(figures):.0f} ({ratios[0]:.2f}, {ratios[1]:.2f})")
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)
    ratio = {what: statistics.median(a / b for a, b in zip(found[what, "driver domain"],
                                                           found[what, "dom0, memory"]))
             for what in WHAT}
    print("\nthe driver domain, of dom0's memory: " +
          ", ".join(f"{what} {r:.2f}" for what, r in ratio.items()), flush=True)


def backends(lab):
    """Reads past any cache of the guest: the program of the measurement `disk`."""
    program = compile_for_linux("disk", ROOT / "tests/bench/disk/main.c")
    vdevs = {name: f"xvd{chr(ord('a') + i)}" for i, name in enumerate(BACKENDS)}
    rounds = max(1, RUNS)
    with ExitStack() as stack:
        lines = {}
        for name, backend in BACKENDS.items():
            lab.sh(f"dd if=/dev/zero of={FILE}-{vdevs[name]} bs=1M count={SIZE} 2>/dev/null")
            lines[name] = f"format=raw,vdev={vdevs[name]}," + \
                stack.enter_context(backend(lab, vdevs[name]))
        turns = f"""
for d in {" ".join(vdevs.values())}; do while [ ! -b /dev/$d ]; do sleep 0.1; done; done
for n in $(seq {rounds}); do for d in {" ".join(vdevs.values())}; do
echo "turn $d"; /bench /dev/$d {TURN}; done; done; echo "all turns are over" """
        guest = stack.enter_context(linux_with(lab, program, "/dev/xvda", "0", before=turns,
                                               more=[f"disk=[{lines['qdisk']!r}]"]))
        # One after another, since the hotplug scripts have a timeout.
        for name in [n for n in BACKENDS if n != "qdisk"]:
            lab.sh(["xl", "block-attach", str(guest.domid), lines[name]])
        guest.wait_for("all turns are over", 600 + 600 * rounds)
        said = guest.console_text()
    found = {}
    for name, vdev in vdevs.items():
        for turn in re.findall(rf"^turn {vdev}\r?\n(.*?)^done\.", said, re.M | re.S):
            for what in WHAT:
                found.setdefault((what, name), []).append(float(re.search(rf"^{what}: (\d+)", turn, re.M)[1]))
    lab.sh(f"rm {FILE}-*")
    show(found)
