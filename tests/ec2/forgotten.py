# SPDX-License-Identifier: ISC
"""Claims about what could be forgotten: instances of lost launches, stopped ones, fleets and their images."""

import signal
import threading

from fleet_claims import grown, living
from model import Refused
from place import CONSOLE, Place, claim, stays

REFUSED = Refused("AccessDenied", "not authorized to perform autoscaling:DescribeAutoScalingGroups", 403)
GROUPS = "DescribeAutoScalingGroups"


def expire(thing):
    for t in thing["Tags"]:
        if t["Key"] == "xenolith:expires":
            t["Value"] = "2020-01-01T00:00:00Z"


@claim
def all_instances_of_a_lost_launch_are_searched():
    """AWS does not show all of them at once."""
    with Place(stays) as p:
        ami = p.ec2("upload", p.disk)[0].strip()
        p.cloud.delay["apart"] = 2
        p.cloud.trouble["RunInstances"] = ["lost"] * 6
        p.ec2("run", "--count", "3", ami, status=125)
        assert p.states() == ["terminated"] * 3, p.states()
        # One of them is never shown.
        p.cloud.delay["apart"] = 1000
        p.cloud.trouble["RunInstances"] = ["lost"] * 6
        _, err = p.ec2("run", "--count", "2", ami, status=125)
        token = p.cloud.calls("RunInstances")[-1]["ClientToken"]
        assert "only 1 of 2 instances were found; the others MAY STILL RUN" in err, err
        assert f"client-token,Values={token}" in err and p.states()[3] == "terminated", err


@claim
def a_stopped_instance_is_terminated_while_others_run():
    numbers = iter(range(2))
    ended = threading.Event()
    with Place() as p:
        def life(instance):
            if next(numbers) == 0:
                with p.cloud.lock:
                    instance["behavior"] = "stop"
                return CONSOLE.format(0), "poweroff"
            return CONSOLE.format(0 if ended.wait(60) else 9), "poweroff"
        p.cloud.on_run, terminate = life, p.cloud.TerminateInstances

        def terminated(params):
            ended.set()
            return terminate(params)
        p.cloud.TerminateInstances = terminated
        _, err = p.ec2("run", "--count", "2", p.disk)
        assert "stopped, not terminated" in err and p.states() == ["terminated"] * 2, err


@claim
def options_are_not_abbreviated():
    with Place(stays) as p:
        for words in (["run", "--detach", "--life", "5m", p.disk], ["gc", "--al"],
                      ["fleet", "--mi", "1", "--max", "1", p.disk], ["list", "--reg", "us-east-1"]):
            _, err = p.ec2(*words, status=2)
            short = next(w for w in words if w in ("--life", "--al", "--mi", "--reg"))
            assert f"unrecognized arguments: {short}" in err, err
        assert not p.cloud.log, p.cloud.log


@claim
def a_group_of_another_is_no_fleet():
    with Place(stays) as p:
        theirs = {"AutoScalingGroupName": "xenolith-app", "MinSize": 0, "MaxSize": 1, "DesiredCapacity": 0,
                  "HealthCheckType": "EC2", "Tags": [], "ours": [], "actions": {}}
        p.cloud.fleets["xenolith-app"] = dict(theirs)
        _, err = p.ec2("fleet", "--min", "1", "--max", "1", p.disk, status=125)
        assert "does not have the tag `xenolith`" in err and "another name" in err, err
        _, err = p.ec2("fleet", "delete", "app", status=1)
        p.ec2("gc", "--all")
        assert p.cloud.fleets["xenolith-app"] == theirs and not p.cloud.templates, p.cloud.fleets


@claim
def a_fleet_keeps_its_image_and_says_what_it_does_not_change():
    with Place(stays) as p:
        _, err = p.ec2("fleet", "--min", "1", "--max", "1", p.disk)
        assert "no effect" not in err, err
        grown(p)
        for thing in (*p.cloud.images.values(), *p.cloud.snapshots.values()):
            if thing.get("ImageOwnerAlias", "self") == "self":
                expire(thing)
        assert len(p.ours()) == 2
        p.ec2("gc")
        assert len(p.ours()) == 2, "an instance that ends cannot be replaced"
        (ami,) = (n for n in p.ours() if n.startswith("ami-"))
        for words in (["--zone", "us-east-1a"], ["--subnet", "subnet-1"], ["--target-group", "arn:aws:x:y"]):
            _, err = p.ec2("fleet", "--name", "app", "--min", "1", "--max", "1", *words, ami)
            assert "have no effect on the fleet app, which exists" in err, err
        p.ec2("fleet", "delete", "app")
        p.ec2("gc")
        assert not p.ours(), p.ours()


@claim
def an_instance_of_a_fleet_is_stopped_with_a_warning():
    with Place(stays) as p:
        p.ec2("fleet", "--min", "1", "--max", "1", p.disk)
        grown(p)
        (name,) = living(p)
        _, err = p.ec2("stop", name)
        assert f"{name} is of the fleet app, which replaces it: `ec2 fleet delete app`" in err, err


@claim
def an_interrupted_fleet_names_the_signal():
    with Place(stays) as p:
        p.ec2("upload", p.disk)
        p.cloud.trouble["CreateLaunchTemplate"] = ["slow"]
        process = p.start("fleet", "--min", "1", "--max", "1", p.disk)
        p.reached(process, "CreateLaunchTemplate")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
        assert process.returncode == 125 and "interrupted by SIGTERM" in err, err
        assert not p.cloud.fleets and not p.cloud.templates, err


@claim
def fleets_that_cannot_be_seen_are_said_and_keep_nothing_else():
    with Place(stays) as p:
        p.ec2("fleet", "--min", "0", "--max", "1", p.disk)
        p.ec2("run", "--detach", p.disk)
        for words in (["list"], ["gc", "--all"]):
            p.cloud.trouble[GROUPS] = [REFUSED] * 10
            _, err = p.ec2(*words)
            assert "neither shown nor removed" in err and "fleet-policy.json" in err, err
        assert p.states() == ["terminated"] and p.cloud.templates, "the template is that of a fleet"
        # An error of another kind.
        p.ec2("run", "--detach", "-p", "80", p.disk)
        for image in p.ours():
            expire(p.cloud.images.get(image) or p.cloud.snapshots[image])
        p.cloud.trouble[GROUPS] = ["503"] * 1000
        p.ec2("gc", status=1)
        assert p.ours(), "it may be a fleet's"
        _, err = p.ec2("gc", "--all", status=1)
        assert "fleets: " in err and p.states() == ["terminated"] * 2, err
        assert not p.cloud.schedules and not p.cloud.groups and p.cloud.templates, err
        p.cloud.trouble.clear()
        p.ec2("gc", "--all")
        assert not p.cloud.fleets and not p.cloud.templates, err
