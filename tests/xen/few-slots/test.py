# SPDX-License-Identifier: ISC
"""Tiny writes while the transmit ring has only k free slots."""

import re

GUEST, SINK, DOM0 = "10.0.0.30", "10.0.0.31", "10.0.0.1"
DELAY = 200     # ms


def in_order(capture, source):
    """Segments with data are consecutive: none is out of order.  The last one of a connection may be sent
    again by a probe for a lost tail: small segments are copied, so TCP does not know that one waits for a
    slot longer than an acknowledgement takes."""
    end, sizes, seen, again = {}, {}, 0, 0
    for line in capture.splitlines():
        m = re.search(rf"IP {source}\.(\d+) > \S+: Flags .*seq (\d+):(\d+)", line)
        if not m:
            continue
        port, first, last = m[1], int(m[2]), int(m[3])
        if last == end.get(port) and last - first == sizes[port]:
            again += 1
            continue
        assert end.get(port, first) == first, (line, end)
        end[port], sizes[port] = last, last - first
        seen += 1
    assert again <= seen // 20, (again, seen)
    return seen, len(end)


def test_tiny_writes_and_few_free_slots(lab, image):
    lab.sh("dmesg -c > /dev/null")
    server = lab.start(["sh", "-c", "exec socat TCP-LISTEN:7001,fork,reuseaddr,nodelay PIPE"])
    try:
        with lab.create(image, memory=24, net=True, cmdline=f"ip={SINK}/24") as sink, \
                lab.create(image, args=[SINK, DOM0, str(DELAY)], memory=96, net=True,
                           cmdline=f"ip={GUEST}/24") as guest:
            sink.wait_for(f"vif0: {SINK}")
            guest.wait_for("ready")
            # Not on the vif itself, where tcpdump would cause a copy, and so a response at once.
            dump = lab.start(["sh", "-c", "exec tcpdump -Z root -p -s 96 -B 16384 "
                              f"-w /tmp/few-slots -i xenbr0 tcp and src host {GUEST}"])
            assert dump.until(lambda: b"listening" in dump.err, 60)
            lab.sh(f"tc qdisc replace dev vif{sink.domid}.0 root netem delay {DELAY}ms limit 1000")
            guest.send("go\n")
            result = guest.wait(120)
            dump.signal(15)
            dump.wait(20)
            assert b"\n0 packets dropped by kernel" in dump.err, dump.err
            sent = lab.sh("tcpdump -Z root -nn -S -r /tmp/few-slots 2>&1; rm /tmp/few-slots")
            wrong = [line for line in lab.sh("dmesg -c").splitlines() if "vif" in line and
                     any(word in line for word in ("fatal", "alicious", "nvalid"))]
    finally:
        server.signal(15)
        server.wait(20)
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert not wrong, wrong
    segments, connections = in_order(sent, GUEST)
    assert connections == 8 and segments > 8 * 6 * 21, (segments, connections)
    took = re.findall(r"^(\d+) slots: .* at most (\d+) us, with all of them (\d+) us",
                      result.console, re.M)
    last = {int(k): (int(most), int(usual)) for k, most, usual in took}
    assert list(last) == list(range(20, -1, -1)), took
    print(f"{len(took)} goes; with 20 ... 1 slots at most {max(last[k][0] for k in last if k)} us, "
          f"with all {max(last[k][1] for k in last)} us")
