# SPDX-License-Identifier: ISC
"""Claims about launches: whatever happens, nothing runs on that was not reported."""

import fcntl
import hashlib
import os
import random
import signal
import subprocess
import termios
import time

import packages
from ec2 import disk, mark
from place import CONSOLE, KERNEL, KILLS, LIMIT, Place, SEED, claim, ends, interruptions, stays
from policy import Policy

MOMENTS = ("RunInstances", "CreateSchedule", "DescribeInstances", "TerminateInstances")
SIGNALS = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1,
           signal.SIGALRM, None]


@claim
def no_signal_and_no_lost_terminal_prevents_the_termination():
    rng = random.Random(SEED)
    with Place(stays) as p:
        p.ec2("upload", p.disk)
        pairs = [(m, s) for m in MOMENTS for s in SIGNALS]
        for moment, number in pairs if KILLS >= 28 else rng.sample(pairs, KILLS):
            before = len(p.cloud.calls(moment))
            p.cloud.trouble[moment] = ["slow"]
            master, slave = os.openpty()
            process = p.start("run", p.disk, stdin=slave, stdout=slave, stderr=slave,
                              preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            os.close(slave)
            if moment == "TerminateInstances":
                p.reached(process, "GetConsoleOutput", len(p.cloud.calls("GetConsoleOutput")))
                process.send_signal(signal.SIGINT)
            p.reached(process, moment, before)
            if number is None:
                os.close(master)            # SIGHUP is sent, and messages cannot be written
                master = None
            else:
                for _ in range(3):
                    process.send_signal(number)
            said = read_all(master)
            status = process.wait(timeout=LIMIT)
            where = (moment, number, status, said)
            assert status == 125 and set(p.states()) == {"terminated"}, (where, p.states())
            assert not p.cloud.schedules and "Traceback" not in said, where


def read_all(master):
    text = b""
    try:
        while master is not None and (data := os.read(master, 4096)):
            text += data
    except OSError:
        pass                                # the other side is closed
    if master is not None:
        os.close(master)
    return text.decode(errors="replace")


@claim
def output_that_cannot_be_written_ends_the_instance():
    with Place(lambda instance: ("x\n" * 3000, "nothing")) as p, open("/dev/full", "w") as full:
        process = p.start("run", p.disk, stdout=full)
        _, err = process.communicate(timeout=LIMIT)
        assert process.returncode == 125 and "No space left" in err, (process.returncode, err)
        r, w = os.pipe()
        os.close(r)
        process = p.start("run", p.disk, stdout=w)
        os.close(w)
        _, more = process.communicate(timeout=LIMIT)
        assert process.returncode == 141, (process.returncode, more)
        process = p.start("run", p.disk, stdout=full, stderr=full)      # also messages
        assert process.wait(timeout=LIMIT) == 125
        assert p.states() == ["terminated"] * 3 and "Traceback" not in err + more, err + more


@claim
def an_instance_whose_launch_has_an_unknown_outcome_is_found_and_ended():
    with Place(stays) as p:
        ami = p.ec2("upload", p.disk)[0].strip()
        p.cloud.delay["listed"] = 3
        for trouble in (["broken"] * 6, ["lost"] * 6, ["gateway"] * 6, ["html"] * 6, ["nothing"] * 6,
                        ["binary"] * 6):
            p.cloud.trouble["RunInstances"] = [*trouble]
            _, err = p.ec2("run", ami, status=125)
            assert set(p.states()) == {"terminated"} and "Traceback" not in err, (trouble, err)
        assert len(p.cloud.instances) == 6
        # Ctrl-C while AWS works on it, and a read that does not know of it yet.
        p.cloud.trouble["RunInstances"] = ["slow"]
        process = p.start("run", ami)
        p.reached(process, "RunInstances", len(p.cloud.calls("RunInstances")))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
        assert len(p.cloud.instances) == 7 and p.states()[-1] == "terminated", err
        assert "interrupted by SIGINT" in err, err
        # The reply is lost, and AWS cannot be reached any more.
        p.cloud.trouble["RunInstances"] = ["lost"] * 6
        p.cloud.trouble["DescribeInstances"] = ["lost"] * 1000
        _, err = p.ec2("run", ami, status=125)
        token = p.cloud.calls("RunInstances")[-1]["ClientToken"]
        assert "MAY STILL RUN" in err and f"client-token,Values={token}" in err, err
        p.cloud.trouble.clear()
        p.ec2("gc", "--all")
        assert set(p.states()) == {"terminated"}, p.states()


@claim
def a_launch_that_did_not_happen_is_not_reported_as_running():
    with Place(stays) as p:
        ami = p.ec2("upload", p.disk)[0].strip()
        p.cloud.trouble["RunInstances"] = ["503"] * 6
        _, err = p.ec2("run", ami, status=125)
        assert not p.cloud.instances and "no instance was found" in err, err
        assert "MAY STILL RUN" not in err, err


@claim
def two_runs_of_one_application_do_not_exchange_their_programs():
    with Place(ends(0)) as p:
        texts = [f"argument-{n}" for n in range(4)]
        processes = [p.start("run", p.kernel, "--raw", "--", t) for t in texts]
        for process in processes:
            out, err = process.communicate(timeout=LIMIT)
            assert process.returncode == 0, err
        seen = []
        for i in p.cloud.instances.values():
            contents = p.cloud.disk(i["snapshot"])
            digest = mark.read(p.cloud.images[i["ImageId"]])["disk"]
            (n,) = [n for n, t in enumerate(texts) if f"-- {t}".encode() in contents]
            size = disk.room({"x": KERNEL}) + disk.START * 512
            assert hashlib.sha256(contents.ljust(size, b"\0")[:size]).hexdigest() == digest
            seen.append(n)
        assert sorted(seen) == [0, 1, 2, 3], seen


@claim
def the_same_disk_is_uploaded_once_by_two_at_a_time():
    with Place() as p:
        processes = [p.start("upload", p.disk) for _ in range(3)]
        names = {process.communicate(timeout=LIMIT)[0] for process in processes}
        assert len(names) == 1 and len(p.cloud.snapshots) == 1, names
        assert not list(p.folder.glob("*.lock")), list(p.folder.iterdir())


@claim
def the_policy_allows_no_more_than_it_should():
    """Every call of the other claims was checked by it (fake.py)."""
    policy = Policy(packages.ROOT / "tools/ec2/policy.json")
    ours, theirs = {"aws:ResourceTag/xenolith": "1"}, {"aws:ResourceTag/Name": "database"}
    image, snapshot = "arn:aws:ec2:us-east-1::image/ami-1", "arn:aws:ec2:us-east-1::snapshot/snap-1"
    instance = "arn:aws:ec2:us-east-1:1:instance/i-1"
    tagged = {"aws:RequestTag/xenolith": "1"}
    for action, resource, allowed in (
            ("ec2:DeregisterImage", image, ours), ("ec2:DeleteSnapshot", snapshot, ours),
            ("ebs:PutSnapshotBlock", snapshot, ours), ("ec2:TerminateInstances", instance, ours)):
        assert policy.allows(action, resource, allowed), action
        for context in (theirs, {}, tagged):
            assert not policy.allows(action, resource, context), (action, context)
    for kind in ("t2.micro", "t1.micro", "m4.large", "c4.large", "m3.medium"):
        assert policy.allows("ec2:RunInstances", instance,
                             dict(tagged, **{"ec2:InstanceType": kind})), kind
    for action, resource, context in (
            # Tags make a thing ours: only one that is being made gets them.
            ("ec2:CreateTags", snapshot, tagged), ("ec2:CreateTags", image, tagged),
            ("ec2:CreateTags", instance, tagged),
            ("ec2:CreateTags", image, dict(tagged, **{"ec2:CreateAction": "CopyImage"})),
            ("ec2:DeleteTags", snapshot, ours),
            ("ec2:RegisterImage", snapshot, theirs), ("ec2:RegisterImage", image, {}),
            ("ec2:RunInstances", instance, {"ec2:InstanceType": "t2.micro"}),
            ("ec2:RunInstances", instance, dict(tagged, **{"ec2:InstanceType": "p4d.24xlarge"})),
            ("ec2:RunInstances", image, theirs),
            ("ec2:StopInstances", instance, ours), ("ec2:ModifyInstanceAttribute", instance, ours),
            ("ec2:DeleteVolume", "arn:aws:ec2:us-east-1:1:volume/vol-1", theirs),
            ("ec2:AttachVolume", "arn:aws:ec2:us-east-1:1:volume/vol-1", theirs),
            ("ec2:AttachVolume", instance, theirs), ("ec2:DetachVolume", instance, ours),
            ("ec2:CreateVolume", "arn:aws:ec2:us-east-1:1:volume/*", {}), ("ec2:CreateVolume", snapshot, theirs),
            ("scheduler:CreateSchedule", "arn:aws:scheduler:us-east-1:1:schedule/default/mine", {}),
            ("iam:PassRole", "arn:aws:iam::1:role/admin",
             {"iam:PassedToService": "scheduler.amazonaws.com"}),
            ("iam:PassRole", "arn:aws:iam::1:role/xenolith-scheduler",
             {"iam:PassedToService": "ec2.amazonaws.com"}),
            ("iam:GetRole", "arn:aws:iam::1:role/admin", {}), ("s3:GetObject", "*", {})):
        assert not policy.allows(action, resource, context), (action, resource, context)
    ending = Policy(packages.ROOT / "tools/ec2/scheduler-policy.json")
    assert ending.allows("ec2:TerminateInstances", instance, ours)
    assert not ending.allows("ec2:TerminateInstances", instance, theirs)
    trust = Policy(packages.ROOT / "tools/ec2/scheduler-trust.json")
    assert trust.allows("sts:AssumeRole", None, {"aws:SourceAccount": "ACCOUNT"})
    assert not trust.allows("sts:AssumeRole", None, {"aws:SourceAccount": "999999999999"})


@claim
def a_role_that_cannot_end_the_instance_is_found_before_anything_costs_money():
    with Place(stays) as p:
        p.cloud.roles["other"] = "ec2.amazonaws.com"
        p.cloud.policy.statements.append({"Effect": "Allow", "Action": "iam:GetRole",
                                          "Resource": "*"})
        for words, says in ((["--role", "arn:aws:iam::123456789012:role/none"], "no role none"),
                            (["--role", "arn:aws:iam::123456789012:role/other"],
                             "does not trust scheduler")):
            _, err = p.ec2("run", *words, p.disk, status=125)
            assert says in err and not p.ours() and not p.cloud.instances, err


@claim
def the_consoles_end_is_awaited_as_long_as_wanted():
    with Place(ends(5)) as p:
        p.cloud.delay["console"] = 30
        p.ec2("run", p.disk, status=5)
        p.cloud.delay["console"] = 30
        _, err = p.ec2("run", "--console-wait", "20s", p.disk, status=125)
        assert "no exit status after 20 s" in err, err


@claim
def what_a_guest_prints_cannot_command_the_terminal():
    with Place(lambda i: ("a\x1b[2Jb\x9b2Jc\u202ed\x07 \u00e9\n" + CONSOLE.format(0), "poweroff")) as p:
        out, _ = p.ec2("run", p.disk)
        assert out.startswith("a[2Jb2Jcd \u00e9\n"), ascii(out)


@claim
def names_and_durations_are_checked():
    with Place(ends(0)) as p:
        odd = p.folder / "c++ web.img"
        odd.write_bytes(p.disk.read_bytes())
        p.ec2("run", odd)
        assert p.cloud.calls("RegisterImage")[0]["Name"].startswith("xenolith-c---web-")
        for text in ("9999999d", "0s", "5", "-1h"):
            _, err = p.ec2("run", f"--lifetime={text}", p.disk, status=125)
            assert "Traceback" not in err and repr(text) in err, err


@claim
def interrupted_at_random_moments_nothing_runs_that_was_not_reported():
    with Place(lambda i: (CONSOLE.format(0), random.choice(["poweroff", "nothing"]))) as p:
        start = time.monotonic()
        p.ec2("run", "--detach", p.disk)
        took = time.monotonic() - start
        operations = ("RunInstances", "CreateSchedule", "DescribeInstances", "TerminateInstances",
                      "GetConsoleOutput", "DescribeImages", "DeleteSchedule", "RegisterImage",
                      "StartSnapshot", "CompleteSnapshot", "GetRole", "GetCallerIdentity")
        for n, rng in interruptions("interrupted"):
            p.cloud.trouble = {o: [rng.choice(["ok", "ok", "lost", "503", "throttle", "broken",
                                               "html", "nothing", "gateway", "binary"])
                                   for _ in range(rng.choice([1, 2, 7]))]
                               for o in rng.sample(operations, 3)}
            number = rng.choice([*SIGNALS[:-1], signal.SIGKILL, signal.SIGPIPE])
            known = set(p.cloud.instances)
            process = p.start("run", p.disk)
            try:
                process.wait(timeout=rng.uniform(0, 2 * took))
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                if number == signal.SIGPIPE:        # it is ignored
                    process.terminate()
            _, err = process.communicate(timeout=LIMIT)
            where = (SEED, n, number, p.cloud.trouble, err)
            living = [i for i, v in p.cloud.instances.items()
                      if i not in known and v["state"] in ("pending", "running")]
            killed = process.returncode == -signal.SIGKILL
            assert killed or not living or "MAY STILL RUN" in err, (where, living)
            assert "Traceback" not in err and "internal error, please" not in err, where
            p.cloud.trouble = {}
            p.quiet()
            p.ec2("gc", "--all")
            assert set(p.states()) <= {"terminated"} and not p.ours() and not p.cloud.schedules, \
                (where, p.states(), p.ours())
