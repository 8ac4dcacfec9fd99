# SPDX-License-Identifier: ISC
"""Claims about data volumes: `ec2 run --volume`, `ec2 volume delete`, gc."""

import random
import re
import signal
import subprocess
import tempfile

from ec2 import volumes
from place import CONSOLE, LIMIT, Place, SEED, claim, ends, interruptions, stays


def uses(p):
    """Guests that write their number into each volume they get, and end."""
    def life(i):
        if not p:
            return "", "nothing"
        cloud = p[0].cloud
        while True:
            with cloud.lock:
                mine = [v for v in cloud.volumes.values() if v["of"] == i["InstanceId"]]
                if mine or i["state"] != "running":
                    for v in mine:
                        v["written"].append(len(cloud.instances))
                    return CONSOLE.format(0), "poweroff"
    return life


@claim
def a_kept_volume_is_created_once_and_the_next_version_has_its_contents():
    p = []
    with Place(uses(p)) as place:
        p.append(place)
        for name in ("CreateVolume", "AttachVolume", "DescribeVolumes"):
            place.cloud.trouble[name] = ["lost", "503", "throttle"] + ["ok"] * 3
        _, err = place.ec2("run", "--volume", "2G:/data,keep", place.kernel)
        ((name, v),) = place.cloud.volumes.items()
        assert f"{name} (2 GiB for /data) is created, and is kept" in err and "about $0.20 per month" in err, err
        assert "is attached to i-" in err and v["State"] == "available" and v["device"] == "/dev/sdf", v
        place.kernel.write_bytes(place.kernel.read_bytes() + b"new")
        _, err = place.ec2("run", "--volume", "2G:/data,keep", place.kernel)
        assert f"{name} (2 GiB for /data) is used again" in err and list(place.cloud.volumes) == [name], err
        assert v["written"] == [1, 2] and len(place.cloud.calls("RegisterImage")) == 2, v
        assert place.cloud.calls("RunInstances")[1]["Placement"] == {"AvailabilityZone": v["AvailabilityZone"]}
        out, _ = place.ec2("list")
        (line,) = [x for x in out.splitlines() if x.startswith(name)]
        assert "available 2G /data" in line and "expired" not in line, out
        _, err = place.ec2("gc", "--all")
        assert not place.ours() and list(place.cloud.volumes) == [name], place.ours()
        assert f"volume {name} (2 GiB, app, /data) is kept and costs money; `ec2 volume delete {name}`" in err, err
        for words, says in ((["--volume", "3G:/data,keep"], "has 2 GiB, not 3"),
                            (["--volume", "2G:/data,keep", "--zone", "us-east-1b"], "an instance elsewhere")):
            _, err = place.ec2("run", *words, place.kernel, status=125)
            assert says in err and len(place.cloud.instances) == 2, err
        place.cloud.trouble["DeleteVolume"] = ["lost"]
        place.ec2("volume", "delete", name)
        assert not place.cloud.volumes
        _, err = place.ec2("volume", "delete", name, status=1)
        assert "there is no volume" in err, err


@claim
def a_new_version_takes_over_the_volume_of_the_one_that_runs():
    with Place(stays) as p:
        p.ec2("run", "--detach", "--volume", "1G:/data,keep", "--volume", "1G:/logs,keep", p.kernel)
        (old,) = p.cloud.instances
        assert {v["of"] for v in p.cloud.volumes.values()} == {old}
        p.kernel.write_bytes(p.kernel.read_bytes() + b"new")
        words = ["run", "--detach", "--volume", "1G:/data,keep", "--volume", "1G:/logs,keep"]
        _, err = p.ec2(*words, p.kernel, status=125)
        assert f"is attached to {old}: --replace terminates it" in err and p.states() == ["running"], err
        _, err = p.ec2("volume", "delete", *p.cloud.volumes, status=1)
        assert err.count(f"is attached to {old}") == 2 and len(p.cloud.volumes) == 2, err
        _, err = p.ec2(*words, "--replace", p.kernel)
        _, new = p.cloud.instances
        assert p.states() == ["terminated", "running"] and f"terminating {old}" in err, err
        assert {v["of"] for v in p.cloud.volumes.values()} == {new} and len(p.cloud.volumes) == 2
        log = [name for name, _ in p.cloud.log]
        assert log.index("TerminateInstances") > len(log) - 1 - log[::-1].index("RegisterImage")


@claim
def volumes_that_are_not_kept_end_with_their_instances():
    with Place(ends(0)) as p:
        _, err = p.ec2("run", "--count", "2", "--volume", "1G:/data", p.kernel)
        (made,) = p.cloud.calls("RunInstances")[0]["BlockDeviceMappings"]
        assert made["DeviceName"] == "/dev/sdf" and made["Ebs"]["DeleteOnTermination"], made
        assert "deleted with its instance" in err and not p.cloud.volumes and not p.cloud.calls("CreateVolume"), err
        p.cloud.on_run = stays
        p.ec2("run", "--detach", "--volume", "1G:/data", p.kernel)
        assert len(p.cloud.calls("StartSnapshot")) == 2         # the disk's, and one empty file system
        (v,) = p.cloud.volumes.values()
        v.update(of=None, State="available")                    # somebody has detached it
        p.ec2("gc")
        assert len(p.cloud.volumes) == 1
        p.ec2("gc", "--all")
        assert not p.cloud.volumes and not p.ours() and set(p.states()) == {"terminated"}


@claim
def the_guest_finds_an_ext4_that_e2fsck_takes():
    with Place(ends(0)) as p:
        p.ec2("run", "--volume", "3G:/var/lib/postgresql/data", p.kernel)
        disk, volume = (p.cloud.disk(s) for s in p.cloud.snapshots)
        (v,) = volumes.parse(["3G:/var/lib/postgresql/data"])
        assert f"mount=LABEL={v.label}:/var/lib/postgresql/data,wait=600 ".encode() in disk and len(v.label) == 16
        with tempfile.NamedTemporaryFile() as f:
            f.write(volume)
            f.truncate(3 << 30)
            f.flush()
            done = subprocess.run(["/sbin/e2fsck", "-fn", f.name], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout
            done = subprocess.run(["/sbin/dumpe2fs", "-h", f.name], capture_output=True, text=True)
            assert re.search(rf"volume name: +{v.label}\n", done.stdout) and "has_journal" in done.stdout, done.stdout


@claim
def an_image_that_does_not_mount_the_volume_is_refused():
    with Place(ends(0)) as p:
        ami = p.ec2("upload", p.kernel)[0].strip()
        for app in (ami, p.disk):
            _, err = p.ec2("run", "--volume", "1G:/data", app, status=125)
            assert "does not mount a volume at /data" in err and not p.cloud.instances, err
        ami = p.ec2("upload", "--volume", "1G:/data", p.kernel)[0].strip()
        p.ec2("run", "--volume", "1G:/data", ami)
        for words, says in ((["--volume", "10:/data"], "it must be SIZE:/PATH"), (["--volume", "0G:/data"], "SIZE:/PATH"),
                            (["--volume", "2T:/data"], "SIZE:/PATH"), (["--volume", "1G:/a b"], "SIZE:/PATH"),
                            (["--volume", "1G:/a", "--volume", "2G:/a,keep"], "the same path"),
                            (["--volume", "1G:/a,keep", "--count", "2"], "of one instance"),
                            (["--volume", "1G:/a", "--replace"], "kept volumes")):
            _, err = p.ec2("run", *words, p.kernel, status=125)
            assert says in err and len(p.cloud.instances) == 1, err


@claim
def instances_of_a_fleet_have_volumes_of_their_own():
    with Place(stays) as p:
        p.ec2("fleet", p.kernel, "--min", "2", "--max", "2", "--keep", "1s", "--volume", "1G:/data")
        while p.states().count("running") < 2:
            p.client("autoscaling").describe_auto_scaling_groups()
        assert len({v["of"] for v in p.cloud.volumes.values()}) == 2 and len(p.cloud.snapshots) == 2
        p.ec2("gc")                     # both snapshots have expired, but the fleet needs them
        assert len(p.cloud.snapshots) == 2
        _, err = p.ec2("fleet", p.kernel, "--min", "1", "--max", "1", "--volume", "1G:/data,keep", status=125)
        assert "of one instance" in err, err
        p.ec2("fleet", "delete", "app")
        p.ec2("gc", "--all")
        assert not p.cloud.volumes and not p.ours()


@claim
def interrupted_at_random_moments_no_volume_is_left_but_kept_ones_that_gc_reports():
    with Place(lambda i: (CONSOLE.format(0), random.choice(["poweroff", "nothing"]))) as p:
        operations = ("RunInstances", "CreateVolume", "AttachVolume", "DescribeVolumes", "TerminateInstances",
                      "DescribeInstances", "StartSnapshot", "CompleteSnapshot")
        for n, rng in interruptions("volumes"):
            p.cloud.trouble = {o: [rng.choice(["ok", "lost", "503", "throttle", "broken", "html"])
                                   for _ in range(rng.choice([1, 2, 7]))] for o in rng.sample(operations, 2)}
            number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
            known = set(p.cloud.instances)
            volume = rng.choice(["1G:/data", "1G:/data,keep"])
            process = p.start("run", *rng.choice([[], ["--detach"]]), "--volume", volume,
                              *(["--replace"] if "keep" in volume else []), p.kernel)
            try:
                process.wait(timeout=rng.uniform(0, 3))
            except subprocess.TimeoutExpired:
                process.send_signal(number)
            _, err = process.communicate(timeout=LIMIT)
            where = (SEED, n, number, p.cloud.trouble, err)
            living = [i for i, v in p.cloud.instances.items()
                      if i not in known and v["state"] in ("pending", "running")]
            assert process.returncode in (0, -signal.SIGKILL) or not living or "MAY STILL RUN" in err, (where, living)
            assert "Traceback" not in err and "internal error, please" not in err, where
            p.cloud.trouble = {}
            p.quiet()
            _, err = p.ec2("gc", "--all")
            assert set(p.states()) <= {"terminated"} and not p.ours() and not p.cloud.schedules, (where, p.ours())
            assert volume.endswith("keep") or not p.cloud.volumes or n, where
            assert len(p.cloud.volumes) <= 1, (where, p.cloud.volumes)
            for name in list(p.cloud.volumes):
                assert f"volume {name}" in err and "is kept and costs money" in err, (where, err)
            if rng.random() < 0.5 and p.cloud.volumes:
                p.ec2("volume", "delete", *p.cloud.volumes)
