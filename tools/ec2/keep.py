# SPDX-License-Identifier: ISC
"""Lists, stops and removes the resources in an account that belong to Xenolith.

`gc` checks instances, images, snapshots and schedules.  It removes only resources with the tag
`xenolith`, and images and schedules that belong to such a resource.
"""

import contextlib

from . import catalog, fleet, launch, mark, network, volumes
from .errors import AwsError, Ec2Error, NoAccount

UNKNOWN = 3600          # seconds after which all of AWS must know an instance
LIVING = ["pending", "running", "stopping", "stopped", "shutting-down"]


def instances(aws, states=LIVING):
    found = aws.ask("ec2", "describe-instances", {"Filters": [
        *mark.FILTER, {"Name": "instance-state-name", "Values": list(states)}]})
    return [i for r in found["Reservations"] for i in r["Instances"] if mark.ours(i)]


def snapshots(aws):
    found = aws.ask("ec2", "describe-snapshots", {"OwnerIds": ["self"], "Filters": mark.FILTER})
    return [s for s in found["Snapshots"] if mark.ours(s)]


def snapshot_of(image):
    return next((m["Ebs"]["SnapshotId"] for m in image.get("BlockDeviceMappings", [])
                 if m.get("Ebs", {}).get("SnapshotId")), None)


def images(aws, snaps):
    """Images with the tag, or of a snapshot with it: an upload may end before it tags the image."""
    known = {s["SnapshotId"]: s for s in snaps}
    found = aws.ask("ec2", "describe-images", {"Owners": ["self"]})["Images"]
    return [i if mark.ours(i) else dict(i, Tags=known[snapshot_of(i)]["Tags"])
            for i in found if mark.ours(i) or snapshot_of(i) in known]


def schedules(aws):
    """{instance: when its schedule was created}"""
    found = aws.ask("scheduler", "list-schedules", {"NamePrefix": "xenolith-i-"})["Schedules"]
    return {s["Name"].removeprefix("xenolith-"): s.get("CreationDate") for s in found
            if s["Name"].startswith("xenolith-i-")}


def useless(aws, name, created):
    """Whether a schedule has no instance to end.  AWS may not know a new instance everywhere."""
    found = launch.instance(aws, name)
    if found:
        return found["State"]["Name"] in launch.GONE
    return not created or (mark.now() - created).total_seconds() > UNKNOWN


def fleets(aws):
    """[] if the user may not see fleets, which is said."""
    try:
        return fleet.groups(aws)
    except AwsError as e:
        if e.code not in ("AccessDenied", "UnauthorizedOperation"):
            raise
        aws.say("fleets are neither shown nor removed: you are not permitted to see them "
                "(tools/ec2/fleet-policy.json)")
        return []


def left_templates(aws):
    """Launch templates without a fleet."""
    try:
        return {n: t for n, t in fleet.templates(aws).items()
                if n not in {g["AutoScalingGroupName"] for g in fleet.groups(aws)}}
    except AwsError as e:
        if e.code not in ("AccessDenied", "UnauthorizedOperation"):
            raise
        return {}


def show(out, rows):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for row in rows:
        out.write("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() + "\n")


def row(name, state, thing):
    tags = mark.read(thing)
    note = " (expired)" if mark.expired(thing) and not volumes.kept(thing) else ""
    return [name, state, tags.get("app", "?"), tags.get("owner", "?"),
            tags.get("expires", "never") + note]


def list_all(aws, out):
    snaps = snapshots(aws)
    rows = [row(i["InstanceId"], f"{i['State']['Name']} {i['InstanceType']}", i)
            for i in instances(aws)]
    rows += [row(i["ImageId"], i.get("State", "?"), i) for i in images(aws, snaps)]
    rows += [row(s["SnapshotId"], s["State"], s) for s in snaps]
    rows += [row(name, state, g) for name, state, g in fleet.rows(fleets(aws))]
    rows += [row(name, state, v) for name, state, v in volumes.rows(volumes.volumes(aws))]
    rows += [row(g["GroupId"], g.get("GroupName", "?"), g) for g in network.groups(aws)]
    rows += [[f"xenolith-{name}", "schedule", "?", "?", f"created {mark.stamp(created)}" if created else "?"]
             for name, created in schedules(aws).items()]
    if not rows:
        out.write("the account has no resources of Xenolith in this region\n")
        return 0
    show(out, [["resource", "state", "app", "owner", "expires"], *rows])
    return 0


def types(aws, out):
    """List the region's instance types that can run Xenolith's images: those with Xen."""
    try:
        found = aws.ask("ec2", "describe-instance-types", {"Filters": [
            {"Name": "hypervisor", "Values": ["xen"]}]})
    except NoAccount as e:
        aws.say(str(e))
        aws.say(catalog.NOTE)
        found = catalog.described()
    found = found["InstanceTypes"]
    if not found:
        raise Ec2Error("no instance type in this region runs Xen: choose --region us-east-1, "
                       "us-west-2 or eu-west-1")
    show(out, [["type", "images", "vCPUs", "MiB"]] + sorted(
        [t["InstanceType"],
         " ".join(sorted(t.get("SupportedVirtualizationTypes", []))),
         str(t.get("VCpuInfo", {}).get("DefaultVCpus", "?")),
         str(t.get("MemoryInfo", {}).get("SizeInMiB", "?"))] for t in found))
    return 0


def one_of_ours(aws, name):
    for left in reversed(range(4)):
        found = launch.instance(aws, name)
        if found or not left:
            break
        aws.sleep(5)        # a new instance is not known everywhere yet
    if found is None:
        raise Ec2Error(f"there is no instance {name} in this region (`ec2 list` shows yours)")
    if not mark.ours(found):
        raise Ec2Error(f"{name} does not have the tag `xenolith`: it does not belong to Xenolith")
    return found


def stop(aws, names):
    """Terminate all of them, even if one fails; returns 1 if one has failed."""
    wrong, begun = [], []
    for name in names:          # all of them before the first one is awaited
        try:
            of = mark.read(one_of_ours(aws, name)).get("fleet")
            if of:
                aws.say(f"{name} is of the fleet {of}, which replaces it: `ec2 fleet delete {of}` ends the fleet")
            begun.append(name)
            launch.begin_end(aws, name)
        except Ec2Error as e:   # of begin_end: it is repeated below
            if name not in begun:
                wrong.append(e)
                aws.say(str(e))
    while begun:
        try:
            if not aws.dry and not launch.terminate(aws, begun[0]):
                raise Ec2Error("AWS does not report it as terminated")
            launch.unschedule(aws, begun[0])
            aws.say(f"{begun[0]} is terminated (verified)" if not aws.dry else
                    f"{begun[0]} would be terminated")
        except Ec2Error as e:
            wrong.append(e)
            aws.say(f"{begun[0]} MAY STILL RUN: {e}")
        except BaseException:
            aws.say(f"{', '.join(begun)} MAY STILL RUN")
            raise
        begun.pop(0)
    return 1 if wrong else 0


def gc(aws, everything=False):
    """Remove expired resources, or all of Xenolith's; returns 0 if all of this succeeded."""
    wrong = []

    def remove(what, thing, how):
        try:
            how()
            aws.say(f"{what}: {'would be removed' if aws.dry else 'removed'}")
        except AwsError as e:
            # It was removed before, perhaps by a call whose reply was lost.
            if not e.code.endswith(("NotFound", "NotFoundException", "Unavailable")):
                wrong.append(e)
                aws.say(f"{what}: {e}")
        except Ec2Error as e:
            wrong.append(e)
            aws.say(f"{what}: {e}")

    def due(thing):
        return everything or mark.expired(thing)

    def seen(what, function, otherwise):
        """What function() finds; an error does not keep the rest."""
        try:
            return function(aws)
        except Ec2Error as e:
            wrong.append(e)
            aws.say(f"{what}: {e}")
            return otherwise
    groups = seen("fleets", fleets, None)
    # Before their instances, which they would replace.
    for g in groups or []:
        if due(g):
            name = fleet.title_of(g)
            remove(f"fleet {name}", g, lambda n=name: fleet.delete_one(aws, n))
    # An expired instance was left by a `run` that died.
    living = [i for i in instances(aws) if due(i)]
    for i in living:            # all of them before the first one is awaited
        with contextlib.suppress(Ec2Error):     # it is repeated below
            launch.begin_end(aws, i["InstanceId"])
    for i in living:
        remove(f"instance {i['InstanceId']}", i, lambda i=i: gone_or_error(aws, i["InstanceId"]))
    snaps = snapshots(aws)
    known = images(aws, snaps)
    # A fleet needs its image for the instances that follow.
    used = {word for g in groups if not due(g) for word in
            (mark.read(g).get("ami"), *mark.read(g).get("snapshots", "").split())} if groups is not None else None
    kept = {}
    for i in known:
        if everything or due(i) and used is not None and i["ImageId"] not in used:
            remove(f"image {i['ImageId']}", i, lambda i=i: deregister(aws, i["ImageId"]))
        else:
            kept[snapshot_of(i)] = i
    for s in snaps:
        if due(s) and s["SnapshotId"] not in kept and (everything or used is not None and s["SnapshotId"] not in used):
            remove(f"snapshot {s['SnapshotId']}", s, lambda s=s: aws.do(
                "ec2", "delete-snapshot", {"SnapshotId": s["SnapshotId"]}))
    for v in seen("volumes", volumes.volumes, []):
        if volumes.kept(v):
            volumes.report(aws, v)
        elif due(v) and v["State"] == "available":      # others are deleted with their instances
            remove(f"volume {v['VolumeId']}", v, lambda v=v: volumes.remove(aws, v["VolumeId"]))
    for name, t in seen("launch templates", left_templates, {}).items():
        if due(t):
            remove(f"launch template {name}", t, lambda n=name: aws.do(
                "ec2", "delete-launch-template", {"LaunchTemplateName": n}))
    for g in network.groups(aws):
        if due(g):
            remove(f"security group {g['GroupId']}", g, lambda g=g: network.delete(aws, g["GroupId"]))
    for name, created in schedules(aws).items():
        if useless(aws, name, created):
            remove(f"schedule xenolith-{name}", None, lambda n=name: aws.do(
                "scheduler", "delete-schedule", {"Name": launch.schedule_name(n)}))
    return 1 if wrong else 0


def gc_everywhere(aws, everything):
    """gc() in all regions of the account; one that fails does not keep the others."""
    found = aws.ask("ec2", "describe-regions", {})["Regions"]
    failed = 0
    for name in sorted(r["RegionName"] for r in found):
        there = aws.elsewhere(name)
        try:
            failed |= gc(there, everything)
        except Ec2Error as e:
            failed = 1
            there.say(str(e))
    return failed


def deregister(aws, name):
    for left in reversed(range(4)):
        try:
            return aws.do("ec2", "deregister-image", {"ImageId": name})
        except AwsError as e:
            # A new image is not known everywhere yet.
            if e.code != "InvalidAMIID.NotFound" or not left:
                raise
        aws.sleep(5)


def gone_or_error(aws, name):
    if not aws.dry and not launch.terminate(aws, name):
        raise Ec2Error("AWS does not report it as terminated")
