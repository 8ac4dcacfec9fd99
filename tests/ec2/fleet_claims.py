# SPDX-License-Identifier: ISC
"""Claims about fleets: `ec2 fleet`."""

import signal
import subprocess
import time

import packages
from ec2 import disk
from place import LIMIT, Place, SEED, claim, interruptions, stays
from policy import Policy


def grown(p, name="app"):
    """The group after it had time."""
    for _ in range(30):
        p.client("autoscaling").describe_auto_scaling_groups()
    return p.cloud.fleets[f"xenolith-{name}"]


def living(p):
    return [n for n, i in p.cloud.instances.items() if i["state"] in ("pending", "running")]


@claim
def a_fleet_starts_grows_changes_its_version_shrinks_and_is_deleted():
    with Place(stays) as p:
        target = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1"
        _, err = p.ec2("fleet", "--min", "2", "--max", "4", "--target-group", target, p.disk)
        assert "$0.0464 per hour" in err and "ec2 fleet delete app" in err, err
        g = grown(p)
        assert len(living(p)) == 2 and g["HealthCheckType"] == "ELB" and g["TargetGroupARNs"] == [target]
        data = p.cloud.templates["xenolith-app"]["versions"][0]
        assert data["MetadataOptions"]["HttpTokens"] == "required"
        assert data["InstanceInitiatedShutdownBehavior"] == "terminate"
        i = p.cloud.instances[living(p)[0]]
        assert i["user-data"] == b"lifetime=3600s\n", i["user-data"]
        # One that has ended is replaced.
        p.cloud.TerminateInstances({"InstanceIds": living(p)[:1]})
        grown(p)
        before = living(p)
        assert len(before) == 2
        out, _ = p.ec2("list")
        assert "xenolith-app" in out and "fleet 2 of 2-4" in out, out
        # A new version replaces all; the size stays.
        disk.make(p.disk, p.kernel, "app", "ec2", ["new"], packed=False)
        p.ec2("fleet", "--min", "1", "--max", "4", p.disk)
        g = grown(p)
        assert len(living(p)) == 2 and not set(living(p)) & set(before), (living(p), before)
        assert {p.cloud.instances[n]["version"] for n in living(p)} == {"2"}
        p.ec2("fleet", "--min", "0", "--max", "0", p.disk)
        grown(p)
        assert not living(p)
        p.ec2("fleet", "--min", "1", "--max", "1", p.disk)
        grown(p)
        assert len(living(p)) == 1
        _, err = p.ec2("fleet", "delete", "app")
        assert not living(p) and not p.cloud.fleets and not p.cloud.templates, err
        _, err = p.ec2("fleet", "delete", "app", status=1)
        assert "there is no fleet app" in err, err


@claim
def a_fleet_has_an_end_before_it_has_an_instance():
    with Place(stays) as p:
        p.ec2("fleet", "--lifetime", "30m", "--min", "2", "--max", "2", p.disk)
        log = [name for name, _ in p.cloud.log]
        assert log.index("PutScheduledUpdateGroupAction") < log.index("UpdateAutoScalingGroup")
        (made,) = p.cloud.calls("CreateAutoScalingGroup")
        assert made["MaxSize"] == made["DesiredCapacity"] == 0
        grown(p)
        assert len(living(p)) == 2
        p.cloud.end_fleets()
        grown(p)
        assert not living(p) and p.cloud.fleets
        p.ec2("gc")
        assert p.cloud.fleets            # it has not expired here
        for thing in (*p.cloud.fleets.values(), *p.cloud.templates.values()):
            for t in thing["Tags"]:
                if t["Key"] == "xenolith:expires":
                    t["Value"] = "2020-01-01T00:00:00Z"
        p.ec2("gc")
        assert not p.cloud.fleets and not p.cloud.templates


@claim
def a_fleet_that_cannot_be_made_leaves_nothing_and_one_that_was_there_stays():
    with Place(stays) as p:
        for name in ("CreateLaunchTemplate", "CreateAutoScalingGroup", "PutScheduledUpdateGroupAction",
                     "UpdateAutoScalingGroup"):
            p.cloud.trouble[name] = ["lost", "throttle", "html", "ok"]
        p.ec2("fleet", "--min", "1", "--max", "1", p.disk)
        grown(p)
        p.cloud.trouble = {"UpdateAutoScalingGroup": ["503"] * 6}
        _, err = p.ec2("fleet", "--min", "2", "--max", "2", p.disk, status=125)
        assert "RUNS ON" in err and p.cloud.fleets, err
        p.ec2("gc", "--all")
        assert not p.cloud.fleets and not p.cloud.templates and not living(p)
        for name in ("CreateAutoScalingGroup", "PutScheduledUpdateGroupAction", "UpdateAutoScalingGroup"):
            p.cloud.trouble = {name: ["503"] * 6}
            _, err = p.ec2("fleet", "--min", "2", "--max", "2", p.disk, status=125)
            assert not p.cloud.fleets and not p.cloud.templates and not living(p), (name, err)
        p.cloud.trouble = {"UpdateAutoScalingGroup": ["broken"] * 6, "DeleteAutoScalingGroup": ["503"] * 6}
        _, err = p.ec2("fleet", "--min", "2", "--max", "2", p.disk, status=125)
        assert "MAY STILL RUN" in err and "fleet delete app" in err, err
        for words, says in ((["--min", "3", "--max", "2"], "0 <= MIN <= MAX"), (["--min", "1"], "--max N"),
                            (["--min", "1", "--max", "1", "--name", "a/b"], "fleet 'a/b'"),
                            (["--min", "1", "--max", "1", "--type", "t3.micro"], "does not run Xen")):
            _, err = p.ec2("fleet", *words, p.disk, status=125)
            assert says in err, err


@claim
def an_interrupted_fleet_is_deleted_or_reported():
    with Place(stays) as p:
        p.ec2("upload", p.disk)
        start = time.monotonic()
        p.ec2("fleet", "--min", "1", "--max", "1", p.disk)
        took = time.monotonic() - start
        for _, rng in interruptions("fleet"):
            p.ec2("gc", "--all")
            assert not p.cloud.fleets and not p.cloud.templates and not living(p)
            process = p.start("fleet", "--min", "1", "--max", "1", p.disk)
            try:
                process.wait(timeout=rng.uniform(0, took))
            except subprocess.TimeoutExpired:
                process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
            _, err = process.communicate(timeout=LIMIT)
            p.quiet()
            assert "Traceback" not in err, err
            assert process.returncode == 0 or not p.cloud.fleets or "MAY STILL RUN" in err, (SEED, err)


@claim
def the_policy_of_fleets_allows_no_more_than_it_should():
    policy = Policy(packages.ROOT / "tools/ec2/fleet-policy.json")
    group = "arn:aws:autoscaling:us-east-1:1:autoScalingGroup:*:autoScalingGroupName/{}"
    template = "arn:aws:ec2:us-east-1:1:launch-template/lt-1"
    for action in ("Create", "Update", "Delete"):
        assert policy.allows(f"autoscaling:{action}AutoScalingGroup", group.format("xenolith-web"), {})
        assert not policy.allows(f"autoscaling:{action}AutoScalingGroup", group.format("production"), {})
    assert not policy.allows("ec2:DeleteLaunchTemplate", template, {"aws:ResourceTag/Name": "x"})
    assert not policy.allows("autoscaling:SetDesiredCapacity", group.format("xenolith-web"), {})
