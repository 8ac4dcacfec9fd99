# SPDX-License-Identifier: ISC
"""vchan with independent implementations in dom0: libxenvchan and vchan-socket-proxy.

VCHAN_LONG=1: 1 GiB each way, and 1,000 reconnections.
"""

import os
import re
import subprocess
from pathlib import Path

from lab import build as lab_build
from lab import xenolith

LONG = bool(os.environ.get("VCHAN_LONG"))
MB = 1 << 20
ORDERS = [(10, 11), (11, 10), (11, 12), (12, 13), (12, 12), (14, 13), (16, 16), (19, 10),
          (20, 20)]
SERVED = "/local/domain/{}/data/vchan/0/test"
LINKS = "-lxenvchan -lxenstore -lxengnttab -lxenevtchn -lxentoollog -lxentoolcore".split()


def peer(lab):
    """The program on libxenvchan, in dom0: built for it, statically."""
    if lab.type == "unix":
        return lab.peer(Path(__file__).parent / "dom0/peer.c")
    if lab.dom0("test -x /tmp/peer")[0]:
        libraries, binary = lab_build.UNPACKED / "usr", lab_build.BUILD / "vchan-peer"
        subprocess.run([os.environ.get("HOSTCC", "cc"), "-O2", "-static", "-pthread",
                        "-isystem", libraries / "include", "-o", binary,
                        Path(__file__).parent / "dom0/peer.c",
                        f"-L{libraries / 'lib/x86_64-linux-gnu'}", *LINKS, "-ldl"], check=True)
        lab.put(binary.read_bytes(), "/tmp/peer")
        lab.sh("chmod +x /tmp/peer")
    return "/tmp/peer"


def run(lab, command, timeout=300, guest=None):
    status, output = lab.dom0(command, timeout=timeout)
    said = guest.console_text()[-1500:] if status and guest else ""
    assert status == 0, f"{command}: {status}: {output}\n{said}"
    return output


def end(guest, timeout=600):
    result = guest.wait(timeout)
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert (result.reason, result.status) == ("poweroff", 0), result
    return result


def serving(lab, image, *args, memory=48):
    guest = lab.create(image, args=[str(a) for a in args], memory=memory)
    guest.wait_for("serving")
    return guest, SERVED.format(guest.domid)


def test_server_of_all_orders(lab, image):
    """libxenvchan as client: both ways, all bytes checked."""
    for read, write in ORDERS:
        size = (256 if LONG else 24) * MB if (read, write) == (20, 20) else 2 * MB
        with serving(lab, image, "serve", read, write)[0] as guest:
            path = SERVED.format(guest.domid)
            run(lab, f"{peer(lab)} client {guest.domid} {path} 0 {size} {size}")
            run(lab, f"{peer(lab)} client {guest.domid} {path} 0 0 0")
            end(guest)
            assert lab.dom0(f"xenstore-exists {path}")[0], "its path is still there"


def test_client_of_all_orders(lab, image):
    """libxenvchan as server."""
    for left, right in [(10, 11), (11, 10), (12, 16), (16, 11), (20, 20), (20, 13)]:
        size = 64 * MB if (left, right) == (20, 20) else 4 * MB
        guest = lab.create(image, args=["connect", "/local/domain/0/data/vchan-test"],
                           memory=48, paused=True)
        with guest:
            server = lab.start([peer(lab), "server", str(guest.domid),
                                "/local/domain/0/data/vchan-test", str(1 << left),
                                str(1 << right), "0", str(size), str(size)])
            lab.sh("for i in $(seq 100); do xenstore-exists"
                   " /local/domain/0/data/vchan-test/event-channel && break; sleep 0.1; done")
            guest.unpause()
            end(guest, 120)
            server.wait(20)
            assert server.status == 0, server.err
        lab.dom0("xenstore-rm /local/domain/0/data/vchan-test")


def test_clients_come_and_go(lab, image):
    """Every third is killed in the middle; nothing of one is seen by the next."""
    count = 1000 if LONG else 60
    with serving(lab, image, "serve", 12, 12)[0] as guest:
        path = SERVED.format(guest.domid)
        said = run(lab, f"{peer(lab)} many {guest.domid} {path} {count}", timeout=600,
                   guest=guest)
        print(f"      {said.strip()}")
        for after in (5 * MB, 20 * MB + 12345):
            status, _ = lab.dom0(f"{peer(lab)} client {guest.domid} {path} 0 {99 * MB}"
                                 f" {99 * MB} {after}", timeout=60)
            assert status, "it should have been killed"
        run(lab, f"{peer(lab)} client {guest.domid} {path} 0 {MB} {MB}")
        run(lab, f"{peer(lab)} client {guest.domid} {path} 0 0 0")
        result = end(guest)
        sessions = int(re.search(r"(\d+) sessions", result.console)[1])
        # A client that was dropped ends its predecessor's session, or is a session itself.
        again = int(said.split()[0])
        assert count + 4 <= sessions <= count + 4 + 2 * again, (sessions, result.console[-2000:])


def test_round_trips(lab, image):
    """Each end sleeps until the other has written: no event is lost, or it takes a minute."""
    with serving(lab, image, "serve", 12, 12)[0] as guest:
        path = SERVED.format(guest.domid)
        said = run(lab, f"{peer(lab)} ping {guest.domid} {path} 3000", timeout=90, guest=guest)
        print(f"      {float(said) / 1000:.0f} us each")
        run(lab, f"{peer(lab)} client {guest.domid} {path} 0 0 0")
        end(guest)


def proxy(lab, mode, guest, path):
    return lab.start(["vchan-socket-proxy", f"--mode={mode}", str(guest.domid), path, "/tmp/sock"])


def stop_proxy(lab):
    lab.dom0("kill $(pidof vchan-socket-proxy); rm -f /tmp/sock; "
             "xenstore-rm /local/domain/0/data/vchan-test")


def test_proxy_as_client(lab, image):
    """A UNIX socket, vchan-socket-proxy, the guest's server, and back."""
    for _ in range(2):
        with serving(lab, image, "tac", "data/vchan/0/test")[0] as guest:
            proxy(lab, "client", guest, SERVED.format(guest.domid))
            try:
                run(lab, f"{peer(lab)} connect /tmp/sock 3000000", timeout=60)
                end(guest)
            finally:
                stop_proxy(lab)


def test_proxy_as_server(lab, image):
    """The guest is the client of vchan-socket-proxy, which is the client of a UNIX socket."""
    path = "/local/domain/0/data/vchan-test"
    with lab.create(image, args=["cat", path], memory=48, paused=True) as guest:
        behind = lab.start([peer(lab), "listen", "/tmp/sock", "3000000"])
        lab.sh("for i in $(seq 100); do test -S /tmp/sock && break; sleep 0.1; done")
        proxy(lab, "server", guest, path)
        try:
            lab.sh(f"for i in $(seq 100); do xenstore-exists {path}/event-channel && break;"
                   " sleep 0.1; done")
            guest.unpause()
            behind.wait(60)
            assert behind.status == 0, behind.err
            lab.dom0("kill $(pidof vchan-socket-proxy)")
            end(guest)
        finally:
            stop_proxy(lab)


def test_the_operators_vcat(lab, image):
    """A file in both directions, as client and as server; it ends when its reader ends."""
    xenolith.install(lab)
    lab.sh("head -c 300000 /dev/urandom >/tmp/sent")
    back = "</tmp/sent | head -c 300000 | cmp - /tmp/sent"
    with serving(lab, image, "tac", "data/vchan/0/test")[0] as guest:
        run(lab, f"xenolith vcat {guest.domid} {SERVED.format(guest.domid)} {back}", 60, guest)
        end(guest)
    path = "/local/domain/0/data/vcat-test"
    with lab.create(image, args=["cat", path], memory=48, paused=True) as guest:
        server = lab.start(["sh", "-c", f"xenolith vcat -l {guest.domid} {path} {back}"])
        lab.sh(f"for i in $(seq 100); do xenstore-exists {path}/event-channel && exit;"
               " sleep 0.1; done; exit 1")
        guest.unpause()
        assert server.wait(60) == 0, (server.out, server.err)
        end(guest)
    assert lab.dom0(f"xenstore-exists {path}")[0], "the server's path is still there"


def test_long_transfer(lab, image):
    """1 GiB each way, with VCHAN_LONG."""
    size = 1024 * MB if LONG else 32 * MB
    with serving(lab, image, "serve", 16, 16)[0] as guest:
        path = SERVED.format(guest.domid)
        run(lab, f"{peer(lab)} client {guest.domid} {path} 0 {size} {size}", timeout=600)
        run(lab, f"{peer(lab)} client {guest.domid} {path} 0 0 0")
        end(guest)
