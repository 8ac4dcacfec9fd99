# SPDX-License-Identifier: ISC
"""Arguments, environment and console input of a guest, and its output and status."""


def test_arguments_arrive_as_quoted(lab, image):
    args = ["x", "y z", "it's", '"', "a\\b", "--", "k=v"]
    args += [""] if lab.type != "hvm" else []       # which GRUB does not hand on
    result = lab.run_guest(image, args=args, timeout=30)
    lines = result.console.replace("\r", "").splitlines()
    assert [line[1:-1] for line in lines if line.startswith("<")] == args, result.console
    assert result.status == 0


def test_status_is_what_main_returns(lab, image):
    for status in (0, 7, 255):
        result = lab.run_guest(image, cmdline=f"env.X_STATUS={status}", timeout=30)
        assert (result.reason, result.status) == ("poweroff", status), result


def test_order_of_the_end(lab, image):
    text = lab.run_guest(image, timeout=30).console
    places = [text.index(w) for w in ("constructed", "no newline", "at exit", "destructed")]
    assert places == sorted(places), text


def test_standard_input(lab, image):
    with lab.create(image, cmdline="env.X_READ=2") as guest:
        guest.send("hello there\n")
        guest.wait_for("read <hello there>", 30)
        guest.send("and again\n")
        result = guest.wait(30)
    assert "read <and again>" in result.console, result.console


def test_ctrl_d_ends_standard_input(lab, image):
    with lab.create(image, cmdline="env.X_READ=9") as guest:
        guest.send("one line\nand a half\x04")
        result = guest.wait(30)
    assert "read <one line>" in result.console and "read <and a half>" in result.console, result
    assert (result.reason, result.status) == ("poweroff", 0), result


def test_invalid_quoting_is_reported(lab, image):
    result = lab.run_guest(image, cmdline="x='unclosed", timeout=30)
    assert "quote" in result.console and result.status not in (0, None), result


def test_an_invalid_option_ends_the_guest_before_main(lab, image):
    for cmdline, says in (("lifetiem=2s", "unknown option lifetiem"),
                          ("lifetime=5", "a duration is a number with ms, s, m or h"),
                          ("onexit=halt", "onexit=poweroff|reboot|crash"),
                          ("loglevel=loud", "levels are error, warning, info, debug")):
        result = lab.run_guest(image, cmdline=cmdline, timeout=30)
        assert (result.reason, result.status) == ("poweroff", 2), (cmdline, result)
        assert says in result.console, (cmdline, result.console)
    assert "lifetime=DURATION" in lab.run_guest(image, cmdline="x=1", timeout=30).console
    # Words that hosts add, and options of code that is not in the image.
    result = lab.run_guest(image, cmdline="console=hvc0 root=/dev/xvda ro quiet gdb=on",
                           timeout=30)
    assert result.status != 2 and "gdb= has no effect" in result.console, result
