# SPDX-License-Identifier: ISC
"""Fleets: an image in an Auto Scaling group of AWS, which keeps a number of instances running.

A fleet NAME is the group xenolith-NAME and its launch template xenolith-NAME.  start() makes it, or
changes the one that exists, so it is the same command for a new version, whose instances replace the
old ones (instance refresh), and for another size.

A fleet ends at its lifetime: a scheduled action of AWS sets its size to 0.  The group is made with
size 0, and gets its size only after this action.  `ec2 gc` deletes it after that.
"""

import base64
import re
import uuid

from . import catalog, launch, mark, volumes
from .errors import AwsError, Ec2Error
from .interrupts import Interrupted, Interrupts

MOST = 500              # instances
END = "xenolith-end"    # the scheduled action
WAIT = 120              # times 5 s until a deleted group is gone
BUSY = ("ScalingActivityInProgress", "ResourceInUse", "ResourceContention",
        "ScalingActivityInProgressFault", "ResourceInUseFault", "ResourceContentionFault")


def group_name(name):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}", name):
        raise Ec2Error(f"fleet {name!r}: a name has letters, digits, dots, hyphens and underscores")
    return f"xenolith-{name}"


def patient(aws, operation, params):
    """do(), repeated while AWS changes the group."""
    for left in reversed(range(WAIT)):
        try:
            return aws.do("autoscaling", operation, params)
        except AwsError as e:
            if e.code not in BUSY or not left:
                raise
        aws.sleep(5)


def groups(aws, name=None):
    """AWS's descriptions of all fleets, or of one."""
    params = {"AutoScalingGroupNames": [group_name(name)]} if name else {}
    found = aws.ask("autoscaling", "describe-auto-scaling-groups", params, unasked={"AutoScalingGroups": []})
    found = found["AutoScalingGroups"]
    if name and not all(map(mark.ours, found)):
        raise Ec2Error(f"the Auto Scaling group {group_name(name)} does not have the tag `xenolith`: choose "
                       "another name")
    return [g for g in found if mark.ours(g)]


def templates(aws):
    found = aws.ask("ec2", "describe-launch-templates", {"Filters": mark.FILTER})["LaunchTemplates"]
    return {t["LaunchTemplateName"]: t for t in found if mark.ours(t)}


def title_of(group):
    return group["AutoScalingGroupName"].removeprefix("xenolith-")


def data_of(job, lifetime, tags):
    """The launch template: as RunInstances of `ec2 run`, but its user data is base64 already."""
    request = launch.request_of(job, "", tags)
    for key in ("MinCount", "MaxCount", "ClientToken", "SubnetId", "Placement"):
        request.pop(key, None)
    data = f"lifetime={lifetime}s {job.words}".strip() + "\n"
    request["UserData"] = base64.b64encode(data.encode()).decode()
    return request


def put_template(aws, name, data, tags):
    """A new template, or a new version of it; returns (name and version for a group, whether it is new)."""
    params = {"LaunchTemplateName": name, "LaunchTemplateData": data, "ClientToken": str(uuid.uuid4())}
    try:
        aws.do("ec2", "create-launch-template", dict(params, TagSpecifications=[
            {"ResourceType": "launch-template", "Tags": tags}]))
        version = 1
    except AwsError as e:
        if e.code != "InvalidLaunchTemplateName.AlreadyExistsException":
            raise
        made = aws.do("ec2", "create-launch-template-version", params)
        version = made["LaunchTemplateVersion"]["VersionNumber"]
    return {"LaunchTemplateName": name, "Version": str(version)}


def put_end(aws, group, expires):
    patient(aws, "put-scheduled-update-group-action", {
        "AutoScalingGroupName": group, "ScheduledActionName": END, "StartTime": mark.stamp(expires),
        "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0})


def put_tags(aws, group, tags):
    patient(aws, "create-or-update-tags", {"Tags": group_tags(group, tags)})


def group_tags(group, tags):
    return [dict(t, ResourceId=group, ResourceType="auto-scaling-group", PropagateAtLaunch=True) for t in tags]


def create(aws, group, template, tags, zones, subnets, target):
    params = {"AutoScalingGroupName": group, "LaunchTemplate": template, "MinSize": 0, "MaxSize": 0,
              "DesiredCapacity": 0, "HealthCheckType": "ELB" if target else "EC2", "HealthCheckGracePeriod": 60,
              "Tags": group_tags(group, tags)}
    params.update({"VPCZoneIdentifier": ",".join(subnets)} if subnets else {"AvailabilityZones": zones})
    if target:
        params["TargetGroupARNs"] = [target]
    try:
        aws.do("autoscaling", "create-auto-scaling-group", params)
    except AwsError as e:
        if e.code not in ("AlreadyExists", "AlreadyExistsFault"):   # of a call whose reply was lost
            raise


def start(aws, job, name, least, most, folder, keep, subnets=(), target=None):
    """Make a fleet, or change it; returns 0.

    folder, keep: as for launch.run().
    """
    if not 0 <= least <= most <= MOST:
        raise Ec2Error(f"--min {least} --max {most}: it must be 0 <= MIN <= MAX <= {MOST}")
    group, image = group_name(name), launch.describe_image(aws, job.ami)
    lifetime = mark.seconds(mark.read(image).get("lifetime") or "1h")
    if job.lifetime and job.lifetime > lifetime:
        raise Ec2Error(f"{job.ami} has a lifetime of {lifetime} s; --lifetime can only shorten it")
    lifetime = job.lifetime or lifetime
    zones = launch.check_type(aws, image, job.kind, job.zone)
    expires = mark.after(lifetime)
    volumes.check_image(image, job.ami, job.volumes)
    volumes.prepare(aws, job, name, folder, keep)
    tags = mark.tags(job.owner, expires, app=name, fleet=name, ami=job.ami,
                     snapshots=" ".join(job.snapshots.values()))
    there = groups(aws, name)
    if there and (subnets or target or job.zone):
        aws.say(f"--subnet, --zone and --target-group have no effect on the fleet {name}, which exists")
    aws.say(f"fleet {name}: {least} to {most} instances {job.kind}, {catalog.price(job.kind, max(1, most))} at most; it "
            f"ends at {mark.stamp(expires)}")
    with Interrupts() as stop:
        aws.check = stop.check
        try:
            template = put_template(aws, group, data_of(job, lifetime, tags), tags)
            if not there:
                create(aws, group, template, tags, [job.zone] if job.zone else zones, subnets, target)
            put_end(aws, group, expires)
            stop.check()
            patient(aws, "update-auto-scaling-group", {
                "AutoScalingGroupName": group, "LaunchTemplate": template, "MinSize": least, "MaxSize": most,
                "DesiredCapacity": wanted(there, least, most)})
            if there:
                put_tags(aws, group, tags)
                refresh(aws, group)
            stop.check()
        except BaseException as e:
            stop.shield()
            give_up(aws, name, not there, e)
            raise Ec2Error(f"interrupted by {e}" if isinstance(e, Interrupted) else str(e) or repr(e)) from e
        finally:
            aws.check = None
    aws.say(f"fleet {name} is {'changed' if there else 'started'}: `ec2 list` shows it, `ec2 fleet delete {name}` "
            "ends it")
    return 0


def wanted(there, least, most):
    """The size that a group has, within its new limits."""
    return min(most, max(least, there[0]["DesiredCapacity"] if there else least))


def refresh(aws, group):
    try:
        aws.do("autoscaling", "start-instance-refresh", {
            "AutoScalingGroupName": group, "Strategy": "Rolling",
            "Preferences": {"MinHealthyPercentage": 50, "InstanceWarmup": 60, "SkipMatching": True}})
    except AwsError as e:
        if "InProgress" not in e.code:
            raise
        aws.say("an instance refresh is in progress: the same command later replaces the other instances")


def give_up(aws, name, new, why):
    """After an error: a new fleet is deleted, one that was there stays."""
    if aws.dry:
        return
    if not new:
        aws.say(f"fleet {name} RUNS ON, perhaps not changed: repeat the command, or type `ec2 fleet delete {name}`")
        return
    try:
        delete_one(aws, name)
    except BaseException as e:
        raise Ec2Error(f"fleet {name} MAY STILL RUN AND COST MONEY ({why}; {str(e) or repr(e)}): type `ec2 fleet delete "
                       f"{name}`, or delete the Auto Scaling group {group_name(name)} in the AWS console") from why


def delete_one(aws, name):
    """Delete the group with its instances, and wait for their end; then its template."""
    group = group_name(name)
    try:
        patient(aws, "delete-auto-scaling-group", {"AutoScalingGroupName": group, "ForceDelete": True})
    except AwsError as e:
        if e.code != "ValidationError" or groups(aws, name):       # it was deleted before
            raise
    for _ in range(WAIT):
        if aws.dry or not groups(aws, name):
            break
        aws.sleep(5)
    else:
        raise Ec2Error(f"AWS still reports the group {group}")
    try:
        aws.do("ec2", "delete-launch-template", {"LaunchTemplateName": group})
    except AwsError as e:
        if not e.code.startswith("InvalidLaunchTemplateName.NotFound"):
            raise


def delete(aws, names):
    failed = 0
    for name in names:
        try:
            if not aws.dry and not groups(aws, name) and group_name(name) not in templates(aws):
                aws.say(f"there is no fleet {name} in this region (`ec2 list` shows yours)")
                failed = 1
                continue
            delete_one(aws, name)
            aws.say(f"fleet {name} is deleted, and its instances are terminated")
        except Ec2Error as e:
            failed = 1
            aws.say(f"fleet {name} MAY STILL RUN: {e}")
    return failed


def rows(groups):
    """For `ec2 list`."""
    return [[g["AutoScalingGroupName"], f"fleet {len(g.get('Instances', []))} of {g['MinSize']}-{g['MaxSize']}", g]
            for g in groups]
