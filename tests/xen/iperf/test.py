# SPDX-License-Identifier: ISC
"""apps/iperf: the distribution's iperf3 sends to it and receives from it."""

import json

IP = "ip=10.0.0.16/24,gateway=10.0.0.1"


def test_iperf3_connects(lab, image):
    with lab.create(image, cmdline=IP, memory=64, net=True) as guest:
        guest.wait_for("iperf: port 5201", 30)
        for words in ("", "-R", "-P 4", "-P 4 -R", "--bidir", "-l 40 -N", "-u -b 20M",
                      "-u -b 20M -R", "-n 5M", "-n 5M -R"):
            time = "" if "-n" in words else "-t 1"
            status, out = lab.dom0(f"iperf3 -c 10.0.0.16 {time} -J {words}", timeout=60)
            result = json.loads(out)
            assert status == 0 and "error" not in result, \
                f"{words}: {result.get('error')}\n{guest.console_text()}"
            end = result["end"].get("sum_received") or result["end"]["sum"]
            print(f"{words:12} {end['bits_per_second'] / 1e6:8.1f} Mbit/s")
            assert end["bytes"] > 100000
        lab.dom0("timeout -s KILL 1 iperf3 -c 10.0.0.16 -t 20 > /dev/null", timeout=30)
        lab.sh("iperf3 -c 10.0.0.16 -t 1 > /dev/null")
