# SPDX-License-Identifier: ISC
"""apps/echo returns all data, over TCP and UDP."""

IP = "ip=10.0.0.16/24,gateway=10.0.0.1"


def test_what_is_sent_is_received(lab, image):
    with lab.create(image, args=["77"], cmdline=IP, memory=32, net=True) as guest:
        guest.wait_for("echo: port 77", 30)
        lab.sh("head -c 300000 /dev/urandom > /tmp/out")
        lab.sh("socat -t 10 - TCP:10.0.0.16:77 < /tmp/out > /tmp/back; cmp /tmp/out /tmp/back")
        lab.sh("for i in 1 2 3 4 5 6 7 8; do"
               " socat -t 10 - TCP:10.0.0.16:77 < /tmp/out > /tmp/back$i & done; wait;"
               " for i in 1 2 3 4 5 6 7 8; do cmp /tmp/out /tmp/back$i || exit 1; done")
        for size in 1, 1472, 1473, 30000:
            lab.sh(f"head -c {size} /tmp/out > /tmp/one;"
                   f"socat -b 65507 -t 1 -T 1 - UDP:10.0.0.16:77 < /tmp/one > /tmp/back;"
                   f"cmp /tmp/one /tmp/back")
