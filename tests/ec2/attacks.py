# SPDX-License-Identifier: ISC
"""Claims about what a user, another run, or an error in ec2 itself can do at a bad moment."""

import os
import signal
import time

from ec2.aws import Aws
from ec2.errors import NoAccount
from model import Refused
from place import CONSOLE, LIMIT, Place, claim, interruptions, stays

# Raises an exception in the Nth call of a function of tools/ec2; without INJECT_AT, notes how many
# there were.
INJECTOR = """
import atexit, os, random, sys
at, count = int(os.environ.get("INJECT_AT") or 0), 0
def hook(frame, event, argument):
    global count
    code = frame.f_code         # not a generator: an exception in one that is closed is lost in Python
    if event in ("call", "c_call") and "/tools/ec2/" in code.co_filename and not code.co_flags & 0x20:
        count += 1
        if count == at:
            sys.setprofile(None)
            raise random.Random(at).choice([MemoryError(), OSError(5, "injected"), KeyError("injected"),
                                            RuntimeError("injected"), RecursionError(), TypeError("injected"),
                                            UnicodeError("injected"), AttributeError("injected")])
def note():
    with open(os.environ["INJECT_COUNT"], "w") as f:
        f.write(str(count))
os_exit = os._exit
os._exit = lambda status: (sys.setprofile(None), note(), os_exit(status))
sys.setprofile(hook)
"""


@claim
def no_error_of_our_own_is_a_traceback_or_leaves_an_instance():
    with Place(lambda i: (CONSOLE.format(0), "poweroff")) as p:
        (p.folder / "injector.py").write_text(INJECTOR)
        p.env.update(EC2_BEFORE=str(p.folder / "injector.py"), INJECT_COUNT=str(p.folder / "count"),
                     INJECT_AT="0")
        p.ec2("run", p.disk)
        total = int((p.folder / "count").read_text())
        assert total > 500, total
        begun = p.folder / "app.img"
        for n, rng in interruptions("injected"):
            if rng.random() < 0.5:          # also the upload
                p.env["INJECT_AT"] = "0"
                p.ec2("gc", "--all")
            p.env["INJECT_AT"] = str(rng.randrange(1, total))
            known = set(p.cloud.instances)
            process = p.start("run", begun)
            _, err = process.communicate(timeout=LIMIT)
            where = (n, p.env["INJECT_AT"], process.returncode, err)
            living = [i for i, v in p.cloud.instances.items()
                      if i not in known and v["state"] in ("pending", "running")]
            assert "Traceback" not in err, where
            assert process.returncode in (0, 125), where
            assert not living or "MAY STILL RUN" in err, (where, living)
        p.env["INJECT_AT"] = "0"
        p.ec2("gc", "--all")
        assert not p.ours() and not p.cloud.schedules, p.ours()


@claim
def gc_keeps_the_schedule_of_an_instance_that_is_not_known_everywhere():
    with Place(stays) as p:
        p.ec2("run", "--detach", p.disk)
        (name,) = p.cloud.instances
        with p.cloud.lock:          # another part of AWS does not know it
            p.cloud.instances[name].update(hidden=10, unlisted=10)
        p.ec2("gc")
        assert list(p.cloud.schedules) == [f"xenolith-{name}"]
        with p.cloud.lock:
            p.cloud.instances.clear()
        p.ec2("gc")
        assert p.cloud.schedules
        p.cloud.schedules[f"xenolith-{name}"]["created"] -= 7200
        p.ec2("gc")
        assert not p.cloud.schedules


@claim
def none_of_several_instances_waits_for_the_end_of_another():
    with Place(stays) as p:
        for words in (["stop"], ["gc", "--all"]):
            for _ in range(2):
                p.ec2("run", "--detach", p.disk)
            names = list(p.cloud.instances)[-2:]
            p.cloud.delay["shutdown"] = 100         # it is not seen to end
            start = len(p.cloud.log)
            process = p.start(*words, *(names if words == ["stop"] else []))
            _, err = process.communicate(timeout=LIMIT)
            assert process.returncode == 1, err
            assert words != ["stop"] or err.count("MAY STILL RUN") == 2, err
            ends = [n for n, (name, _) in enumerate(p.cloud.log[start:]) if name == "TerminateInstances"]
            looks = [n for n, (name, q) in enumerate(p.cloud.log[start:])
                     if name == "DescribeInstances" and q.get("InstanceIds") == names[:1]]
            assert ends[1] < looks[5], (ends, looks)
            p.cloud.delay["shutdown"] = 1
            for i in p.cloud.instances.values():
                i["left"] = min(i["left"], 1)
            p.ec2("gc", "--all")


@claim
def an_odd_character_and_a_closed_output_end_nothing():
    with Place(lambda i: ("caf\u00e9\n" + CONSOLE.format(0), "poweroff")) as p:
        p.env["PYTHONIOENCODING"] = "ascii"
        out, _ = p.ec2("run", p.disk)
        assert "caf?" in out, out
        for fd in (1, 2):
            process = p.start("run", p.disk, preexec_fn=lambda: os.close(fd))
            out, err = process.communicate(timeout=LIMIT)
            assert process.returncode == 0 and "Traceback" not in err, (fd, err)
        process = p.start("list", preexec_fn=lambda: os.close(1))
        _, err = process.communicate(timeout=LIMIT)
        assert process.returncode == 0 and not err, err


@claim
def several_interruptions_of_an_upload_are_no_traceback():
    with Place(stays) as p:
        p.cloud.trouble["PutSnapshotBlock"] = ["slow"] * 8 + ["throttle"] * 500
        process = p.start("upload", p.disk)
        p.reached(process, "PutSnapshotBlock", 1)
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        _, err = process.communicate(timeout=LIMIT)
        assert process.returncode in (130, -signal.SIGINT), (process.returncode, err)
        assert "Traceback" not in err and "Exception ignored" not in err, err


@claim
def nohup_keeps_an_instance_running_without_its_terminal():
    with Place(stays) as p:
        process = p.start("run", p.disk, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        p.reached(process, "GetConsoleOutput")
        process.send_signal(signal.SIGHUP)
        p.reached(process, "GetConsoleOutput", len(p.cloud.calls("GetConsoleOutput")))
        assert "running" in p.states()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
        assert p.states() == ["terminated"]


@claim
def an_image_of_others_is_not_launched():
    with Place(stays) as p:
        ami = p.ec2("upload", p.disk)[0].strip()
        p.cloud.images[ami]["Tags"] = []
        _, err = p.ec2("run", ami, status=125)
        assert "does not have the tag" in err and not p.cloud.calls("RunInstances"), err


@claim
def credentials_that_end_while_a_launch_is_repeated_make_it_uncertain():
    class Twice(Aws):
        replies = [Refused, NoAccount]

        def call(self, *words):
            from ec2.errors import AwsError
            if self.replies.pop(0) is Refused:
                raise AwsError("run-instances", "InternalError", "an error")
            raise NoAccount("none")
    aws = Twice(say=lambda line: None)
    aws.pace = 0
    try:
        aws.persist("ec2", "run-instances", {})
    except NoAccount as e:
        assert e.uncertain
    else:
        raise AssertionError


@claim
def names_of_files_that_are_not_utf8_are_a_sentence():
    with Place() as p:
        site = p.folder / "site"
        site.mkdir()
        with open(os.fsencode(site) + b"/a\xff", "w"):
            pass
        _, err = p.ec2("image", "--files", site, "--output", p.folder / "x.img", p.kernel, status=125)
        assert "printable UTF-8" in err, err


@claim
def a_reply_that_cannot_be_read_is_asked_again():
    with Place(lambda i: (CONSOLE.format(3), "poweroff")) as p:
        for moment in ("RunInstances", "TerminateInstances", "DescribeInstances"):
            p.cloud.trouble[moment] = ["html", "gateway", "binary", "ok"] + ["ok"] * 9
        p.ec2("run", p.disk, status=3)
        assert p.states() == ["terminated"]
        p.ec2("run", "--detach", p.disk)
        p.cloud.delay["shutdown"] = 3
        p.ec2("stop", list(p.cloud.instances)[-1])
        assert p.states() == ["terminated"] * 2


@claim
def gc_waits_for_what_is_shutting_down():
    with Place(stays) as p:
        p.ec2("run", "--detach", p.disk)
        (i,) = p.cloud.instances.values()
        i.update(state="shutting-down", left=3)
        p.ec2("gc", "--all")
        assert p.states() == ["terminated"] and not p.cloud.schedules
