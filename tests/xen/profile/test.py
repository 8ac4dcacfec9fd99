# SPDX-License-Identifier: ISC
"""`xenolith profile` of an application with a known distribution of CPU time."""

import json
import time
from xml.etree import ElementTree

from lab import xenolith


def timer_rate(lab):
    """How often a second the timer rings."""
    def rang():
        stats = json.loads(lab.sh("xenolith --json call web org.xenolith.xen1.Get"))["xen"]
        return next(p["count"] for p in stats["ports"] if p["name"] == "timer")

    before, start = rang(), time.monotonic()
    time.sleep(1)
    return (rang() - before) / (time.monotonic() - start)


def test_samples_show_where_time_is_spent(lab, image):
    xenolith.install(lab)
    with lab.create(image, memory=48, name="web") as guest:
        guest.wait_for("up")
        said = lab.sh("xenolith profile web --seconds 2 --flame /tmp/flame.svg"
                      " --perf=/tmp/perf --folded=/tmp/folded")
        assert " 0 lost" in said, said
        counts = {}
        for line in lab.get("/tmp/folded").decode().splitlines():
            stack, n = line.rsplit(" ", 1)
            counts[stack] = int(n)
        total = sum(counts.values())
        # A busy machine gives the guest less than all of its time, and samples with it.
        assert total > 500, said
        got = {caller: sum(n for stack, n in counts.items()
                           if stack.startswith("main;") and stack.endswith(f"main;{caller};spin"))
               for caller in ("half", "quarter", "kernel_quarter")}
        here = sum(got.values())
        # The rest is the profiler's own, and more where each event costs an emulated exit.
        assert here > 0.8 * total, counts
        for caller, share in (("half", 0.5), ("quarter", 0.25), ("kernel_quarter", 0.25)):
            assert abs(got[caller] / here - share) < 0.08, (got, counts)
        flame = lab.get("/tmp/flame.svg")
        assert ElementTree.fromstring(flame) is not None and b"kernel_quarter" in flame
        perf = lab.get("/tmp/perf").decode()
        assert perf.count("cpu-clock: \n") == total and "spin+0x" in perf, perf[:400]
        # The profiler is off: only Xen's period of 10 ms for running PV guests remains.
        assert timer_rate(lab) < 200
        top = json.loads(lab.sh("xenolith --json profile web --seconds 1 --hz 100"))
        assert top["functions"][0]["function"] == "spin" and top["samples"] < 200, top
        for words, status in (("--hz 0", 2), ("--seconds", 2), ("--what", 2),
                              ("--flame /none/x --seconds 1", 1)):
            assert lab.dom0(f"xenolith profile web {words}", timeout=60)[0] == status, words
