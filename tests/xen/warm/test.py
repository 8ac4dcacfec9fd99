# SPDX-License-Identifier: ISC
"""Guests of a pool, and copies of a snapshot (docs/warm.md).  LONG=1: also the claims of
in_the_long_form()."""

import os
import re
from contextlib import contextmanager
from unittest import SkipTest

from lab import Lab

PLAIN = "qemu64,+npt,+nrip-save"        # without RDRAND
FILE = "/tmp/warm-snapshot"
IMAGE = "/root/warm-image"
DRAWN = re.compile(r"copy (\d+) getrandom (?:refused )?(\w+) arc4random (\w+)")


def in_the_long_form(test):
    """What differs little from another claim: each takes some time."""
    def run(lab, image):
        if os.environ.get("LONG") != "1":
            raise SkipTest("LONG=1 runs it")
        test(lab, image)
    return run


def install(lab, image):
    lab.command()
    lab.put(image.read_bytes(), IMAGE)


@contextmanager
def no_guest_stays(lab):
    try:
        yield
    finally:
        lab.sh("xenolith pool stop warm-image 2> /dev/null;"
               " for d in $(xl list | awk '$1 ~ /^warm-/ { print $2 }'); do xl destroy $d; done;"
               f" rm -rf /var/lib/xenolith/guests/warm-* {FILE}; true", timeout=120)


def until(lab, command, what, times=300):
    assert lab.dom0(f"for i in $(seq {times}); do {command} && exit 0; sleep 0.2; done; exit 1",
                    timeout=600)[0] == 0, what


def pool(lab, image, type):
    """A start runs no xl: it is not there meanwhile."""
    install(lab, image)
    with no_guest_stays(lab):
        said = lab.sh(f"xenolith pool --type {type} --cmdline env.WORD=pool {IMAGE} -n 2", timeout=300)
        assert "2 of 2 guests are ready" in said, said
        said = lab.sh("mkdir /tmp/bin; ln -s $(command -v xenolith) /tmp/bin; PATH=/tmp/bin xenolith run"
                      f" --pool --background --name warm-one --cmdline loglevel=debug {IMAGE} -- 'a b' c;"
                      " status=$?; rm -r /tmp/bin; exit $status", timeout=120)
        assert "is warm-one" in said, said
        assert lab.dom0("xenolith wait warm-one")[0] == 0
        said = lab.sh("xenolith log warm-one 2>&1")
        assert "warm: <a b> <c> WORD=pool" in said, said
        said = lab.sh(f"xenolith run --pool --cmdline env.WORD=mine {IMAGE} -- x 2>&1", timeout=120)
        assert "warm: <x> WORD=mine" in said, said
        until(lab, "xenolith pool list | grep -q '2 of 2'", "the pool is not filled again")
        status, said = lab.dom0("xl unpause $(xl list | awk '$1 ~ /^warm-image-/ { print $2; exit }');"
                                " sleep 5; tail -n 5 /var/log/xen/console/guest-warm-image-*.log")
        assert "the command line is not in xenstore" in said, said


def test_a_guest_of_a_pool_gets_its_words(lab, image):
    pool(lab, image, "pv")


@in_the_long_form
def test_a_pvh_guest_of_a_pool_gets_its_words(lab, image):
    pool(lab, image, "pvh")


def snapshot(lab, image, type, *words, net=""):
    """Returns what the copies that are started afterwards can be restored from."""
    install(lab, image)
    lab.sh(f"xenolith run --background --name warm-first --type {type} {net} --cmdline 'snapshot=yes"
           f" ip=10.0.0.90/24' {IMAGE} -- {' '.join(words)}", timeout=300)
    # A suspend that is cancelled does not end the wait.
    domain = lab.sh("xl domid warm-first").strip()
    until(lab, f"xenstore-exists /local/domain/{domain}/data/ready", "the guest is not ready")
    lab.sh([lab.helper, "suspend", domain, "1"], timeout=300)
    lab.sh(f"xenolith snapshot warm-first {FILE}", timeout=300)


def two_copies(lab, image, type):
    """Returns what two copies, which exist at once, have drawn."""
    drawn = []
    snapshot(lab, image, type, "random")
    for n in 1, 2:
        lab.sh(f"xenolith run --from {FILE} --name warm-copy{n} --background", timeout=300)
    for n in 1, 2:
        log = f"/var/log/xen/console/guest-warm-copy{n}.log"
        until(lab, f"grep -q getrandom {log}", "no random numbers")
        said = lab.sh(f"cat {log}")
        assert "warm: a copy: 1" in said, said
        drawn.append(DRAWN.findall(said)[-1])
    return drawn


def differ(drawn):
    assert [d[0] for d in drawn] == ["1", "1"], drawn
    assert drawn[0][1] != drawn[1][1] and drawn[0][2] != drawn[1][2], drawn


def test_copies_of_a_snapshot_have_other_random_numbers(lab, image):
    with no_guest_stays(lab):
        drawn = two_copies(lab, image, "pv")
    differ(drawn)


@in_the_long_form
def test_the_file_has_nothing_that_was_freed(lab, image):
    with no_guest_stays(lab):
        snapshot(lab, image, "pv", "random")
        command = lab.start(["cat", FILE])
        assert command.wait(300) == 0
        data = bytes(command.out)
        assert b"KEPT!!KEPT!!" in data
        # 560,000 were freed.  What is in use again may have some bytes of before.
        at = data.find(b"FREED!")
        assert data.count(b"FREED!") < 200, (at, data.count(b"FREED!"), data[max(0, at - 64):at + 16])


@in_the_long_form
def test_copies_of_a_pvh_snapshot_have_other_random_numbers(lab, image):
    with no_guest_stays(lab):
        differ(two_copies(lab, image, "pvh"))


def test_also_without_rdrand(lab, image):
    if lab.native:
        raise SkipTest("the processor is what it is")
    with Lab(memory=512, dom0_memory=384, cpu=PLAIN) as own:
        drawn = two_copies(own, image, "pv")
    differ(drawn)


@in_the_long_form
def test_without_rdrand_and_seed_a_copy_has_no_keys(lab, image):
    """The key of the snapshot is not used."""
    if lab.native:
        raise SkipTest("the processor is what it is")
    with Lab(memory=512, dom0_memory=384, cpu=PLAIN) as own:
        snapshot(own, image, "pv", "random")
        own.sh(f"xl restore -e {FILE}", timeout=300)
        until(own, "grep -q 'getrandom refused' /var/log/xen/console/guest-warm-first.log",
              "random numbers without a seed")


def server(lab, image, *words):
    with no_guest_stays(lab):
        snapshot(lab, image, "pv", "serve", *words, net="--net=xenbr0")
        for n in 1, 2:
            lab.sh(f"xenolith run --from {FILE} --name warm-copy{n} --background"
                   f" --cmdline ip=10.0.0.9{n}/24", timeout=300)
        drawn = []
        for n in 1, 2:
            until(lab, f"socat -t 10 - TCP:10.0.0.9{n}:7,connect-timeout=5 < /dev/null > /tmp/drawn",
                  "the copy does not answer", 50)
            drawn.append(DRAWN.search(lab.sh("cat /tmp/drawn")).groups())
        differ(drawn)


def test_copies_of_a_server_have_their_own_addresses(lab, image):
    server(lab, image)


@in_the_long_form
def test_a_server_that_polls_is_ready_too(lab, image):
    server(lab, image, "poll")
