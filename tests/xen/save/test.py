# SPDX-License-Identifier: ISC
"""Guests are suspended, saved and restored while they work."""


def end(guest):
    guest.shutdown()
    result = guest.wait(120)
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    return result


def cancel(lab, image, type):
    with lab.create(image, memory=32, type=type) as guest:
        guest.wait_for("save: working")
        times = guest.suspend(10)
        print(times)
        print(end(guest).console)


def cycle(lab, image, type, rounds):
    with lab.create(image, memory=32, type=type) as guest:
        guest.wait_for("save: working")
        for i in range(rounds):
            guest.save("/tmp/saved")
            print(lab.sh("ls -l /tmp/saved"))
            guest.restore("/tmp/saved")
        print(end(guest).console)


def test_cancelled_pvh(lab, image):
    cancel(lab, image, "pvh")


def test_cancelled_pv(lab, image):
    cancel(lab, image, "pv")


def test_cycle_pvh(lab, image):
    cycle(lab, image, "pvh", 2)


def test_cycle_pv(lab, image):
    cycle(lab, image, "pv", 2)
