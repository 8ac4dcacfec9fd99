# SPDX-License-Identifier: ISC
"""Launches an AMI, waits for its end, and verifies that it is terminated.

There are five mechanisms, each of which is sufficient to end an instance: the guest itself
(main's end, lifetime=, onpanic=, watchdog), the shutdown behaviour `terminate`, this program, a
one-shot schedule in the cloud, and `ec2 gc`.  If anything fails here after the launch, the
instance is terminated.
"""

import base64
import datetime
import json
import re
import signal
import uuid

from . import catalog, mark
from .errors import AwsError, Ec2Error

MARGIN = 300            # seconds after the guest's lifetime until the schedule ends it
USER_DATA = 16384       # bytes, AWS's limit
PATIENCE = 20           # times 5 s until all of AWS must know an instance
NO_STATUS = 125
GONE = ("terminated",)
# The guest's last line (kernel/shutdown.h).
SUMMARY = re.compile(r"^end: \w+, status (\d{1,3}), ran", re.M)


def virtualizations(aws, kind):
    """The virtualization types of an instance type, preferred first."""
    try:
        types = aws.ask("ec2", "describe-instance-types",
                        {"InstanceTypes": [kind]},
                        unasked=catalog.described([kind]))["InstanceTypes"]
    except AwsError as e:
        if e.code != "InvalidInstanceType":
            raise
        types = []
    if not types:
        raise Ec2Error(f"this region has no instance type {kind}; `ec2 types` lists those that "
                       "can run the image")
    if types[0].get("Hypervisor") != "xen":
        raise Ec2Error(f"{kind} does not run Xen (it is a Nitro type); `ec2 types` lists those "
                       "that can run the image")
    return sorted(types[0].get("SupportedVirtualizationTypes", []))     # hvm, paravirtual


def check_type(aws, image, kind, zone):
    """Check that the type can run the image, before anything costs money; returns its zones."""
    virtualization = image.get("VirtualizationType", "paravirtual")
    able = virtualizations(aws, kind)
    if virtualization not in able:
        raise Ec2Error(f"{kind} supports only {', '.join(able)} images, and this one is "
                       f"{virtualization}; `ec2 types` lists types that can run it")
    where = aws.ask("ec2", "describe-instance-type-offerings", {
        "LocationType": "availability-zone",
        "Filters": [{"Name": "instance-type", "Values": [kind]}]},
        unasked={"InstanceTypeOfferings": [{"Location": zone or "ZONE"}]})["InstanceTypeOfferings"]
    zones = sorted(o["Location"] for o in where)
    if not zones:
        raise Ec2Error(f"{kind} is not offered in this region: choose another --type or --region")
    if zone and zone not in zones:
        raise Ec2Error(f"{kind} is not offered in {zone}; choose one of {', '.join(zones)}")
    return zones


def describe_image(aws, ami):
    images = aws.ask("ec2", "describe-images", {"ImageIds": [ami]})["Images"]
    if not images:
        raise Ec2Error(f"there is no image {ami} in this region (`ec2 list` shows yours)")
    return images[0]


def instance(aws, name):
    """AWS's description of an instance, or None if AWS does not know it (yet)."""
    try:
        found = aws.ask("ec2", "describe-instances", {"InstanceIds": [name]})["Reservations"]
    except AwsError as e:
        if e.code == "InvalidInstanceID.NotFound":
            return None
        raise
    return next((i for r in found for i in r.get("Instances", [])), None)


def schedule_name(name):
    return f"xenolith-{name}"


def schedule(aws, name, when, role, owner):
    """Create a schedule that terminates the instance at this time."""
    params = {"Name": schedule_name(name), "FlexibleTimeWindow": {"Mode": "OFF"},
              "ScheduleExpression": f"at({when.strftime('%Y-%m-%dT%H:%M:%S')})",
              "ScheduleExpressionTimezone": "UTC",
              "Description": f"ends {name} of {owner}", "ClientToken": str(uuid.uuid4()),
              "Target": {"Arn": "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
                         "RoleArn": role, "Input": json.dumps({"InstanceIds": [name]}),
                         "RetryPolicy": {"MaximumEventAgeInSeconds": 3600,
                                         "MaximumRetryAttempts": 20}}}
    # Older CLIs do not know this parameter; then `run` or `gc` deletes the schedule.
    if aws.has("scheduler", "create-schedule", "ActionAfterCompletion"):
        params["ActionAfterCompletion"] = "DELETE"
    aws.do("scheduler", "create-schedule", params)


def unschedule(aws, name):
    try:
        aws.do("scheduler", "delete-schedule", {"Name": schedule_name(name)})
    except AwsError as e:
        if e.code != "ResourceNotFoundException":
            aws.say(f"schedule {schedule_name(name)} was not deleted; `ec2 gc` removes it. ({e})")


def terminate(aws, name):
    """Terminate an instance; returns True when AWS reports it as terminated."""
    if aws.dry:
        aws.do("ec2", "terminate-instances", {"InstanceIds": [name]})
        return True
    for left in reversed(range(4)):
        try:
            aws.ask("ec2", "terminate-instances", {"InstanceIds": [name]})
            break
        except AwsError as e:
            # A new instance may not be known everywhere yet.
            if e.code != "InvalidInstanceID.NotFound" or not left:
                raise
            aws.sleep(5)
    for _ in range(60):
        found = instance(aws, name)
        if found and found["State"]["Name"] in GONE:
            return True
        aws.sleep(5)
    return False


def console(aws, name):
    try:
        answer = aws.ask("ec2", "get-console-output", {"InstanceId": name})
    except AwsError as e:
        if e.code in ("InvalidInstanceID.NotFound", "IncorrectInstanceState"):
            return ""
        raise
    # Some versions of the AWS CLI decode the base64, others do not.
    text = answer.get("Output") or ""
    if re.fullmatch(r"[A-Za-z0-9+/\s]+={0,2}\s*", text) and len(re.sub(r"\s", "", text)) % 4 == 0:
        try:
            text = base64.b64decode(text).decode(errors="replace")
        except ValueError:
            pass
    return text


class Follower:
    """Prints what is new on the console; AWS provides the last 64 KB, updated sometimes."""

    def __init__(self, out):
        self.out, self.seen = out, ""

    def update(self, text):
        if text == self.seen or not text:
            return
        # The beginning of the earlier text may be lost.
        tail = self.seen[-200:]
        at = text.rfind(tail) if tail else -1
        new = text[at + len(tail):] if at >= 0 else text
        self.seen = text
        self.out.write(re.sub(r"[^\x09\x0a\x20-\x7e\x80-\U0010ffff]", "", new))
        self.out.flush()

    def status(self):
        found = SUMMARY.findall(self.seen)
        return int(found[-1]) & 0xff if found else None


class Interrupted(Exception):
    pass


def interrupt(number, frame):
    raise Interrupted(signal.Signals(number).name)


def run(aws, ami, owner, kind, lifetime, role, out, zone=None, subnet=None, groups=(),
        words="", detach=False):
    """Run an instance; returns the status of the application."""
    image = describe_image(aws, ami)
    title = mark.read(image).get("app") or ami
    most = mark.seconds(mark.read(image).get("lifetime") or "1h")
    if lifetime and lifetime > most and mark.read(image).get("lifetime"):
        raise Ec2Error(f"{ami} has a lifetime of {most} s; --lifetime can only shorten it")
    lifetime = lifetime or most
    zones = check_type(aws, image, kind, zone)
    account = aws.identity()["Account"]
    if role is None:
        role = f"arn:aws:iam::{account}:role/xenolith-scheduler"
    expires = mark.after(lifetime + MARGIN)
    data = f"lifetime={lifetime}s {words}".strip() + "\n"
    if len(data.encode()) > USER_DATA:
        raise Ec2Error(f"user data has {len(data.encode())} bytes; AWS accepts {USER_DATA}")
    tags = mark.tags(owner, expires, app=title)
    aws.say(f"launching {title} ({ami}) as {kind} in {zone or ' or '.join(zones)}; account "
            f"{account} pays until it ends, at {mark.stamp(expires)} at the latest")
    request = {
        "ImageId": ami, "InstanceType": kind, "MinCount": 1, "MaxCount": 1,
        "ClientToken": str(uuid.uuid4()), "UserData": data,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags},
                              {"ResourceType": "volume", "Tags": tags}],
    }
    if zone:
        request["Placement"] = {"AvailabilityZone": zone}
    if subnet:
        request["SubnetId"] = subnet
    if groups:
        request["SecurityGroupIds"] = list(groups)
    before = {s: signal.signal(s, interrupt)
              for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        return attend(aws, request, expires, role, owner, out, detach)
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def attend(aws, request, expires, role, owner, out, detach):
    name = None
    try:
        made = aws.do("ec2", "run-instances", request,
                      pretend={"Instances": [{"InstanceId": "INSTANCE"}]})
        name = made["Instances"][0]["InstanceId"]
        aws.say(f"{name} is launched")
        if role:
            schedule(aws, name, expires, role, owner)
        else:
            aws.say("no schedule in the cloud (--no-schedule): only the guest itself and this "
                    "program end the instance")
        if aws.dry:
            return 0
        if detach:
            aws.say(f"`ec2 console {name}` shows its console, `ec2 stop {name}` terminates it")
            return 0
        return wait(aws, name, expires, out)
    except BaseException as e:
        if name is None:
            if not isinstance(e, AwsError):
                name = by_token(aws, request["ClientToken"])
            if name is None:
                raise
        if not aws.dry:
            end_at_once(aws, name, e)
        if isinstance(e, Interrupted):
            raise Ec2Error(f"interrupted by {e}; {name} is terminated") from None
        raise


def by_token(aws, token):
    """Find the instance of a launch whose reply was lost, by its client token."""
    found = aws.ask("ec2", "describe-instances", {
        "Filters": [{"Name": "client-token", "Values": [token]}]})["Reservations"]
    return next((i["InstanceId"] for r in found for i in r["Instances"]), None)


def end_at_once(aws, name, why):
    aws.say(f"terminating {name}")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        gone = terminate(aws, name)
    except Ec2Error as e:
        gone = False
        aws.say(str(e))
    if not gone:
        raise Ec2Error(f"{name} MAY STILL RUN AND COST MONEY: terminate it with `ec2 stop {name}` "
                       "or in the AWS console") from why
    unschedule(aws, name)


def wait(aws, name, expires, out):
    follower = Follower(out)
    state, found, unknown = None, None, 0
    turn = 0
    while state not in GONE:
        found = instance(aws, name)
        unknown = 0 if found else unknown + 1
        if unknown > PATIENCE:
            raise Ec2Error(f"AWS does not know {name}")
        if found and found["State"]["Name"] != state:
            state = found["State"]["Name"]
            aws.say(f"{name} is {state}")
        if state == "stopped":
            aws.say("the instance is stopped, not terminated; its disk would still cost money")
            break
        if mark.now() > expires + datetime.timedelta(seconds=60):
            aws.say("the instance still runs after its lifetime and its schedule")
            break
        turn += 1
        if state == "running" and turn % 3 == 1:
            follower.update(console(aws, name))
        if state not in GONE:
            aws.sleep(5)
    if state not in GONE and not terminate(aws, name):
        raise Ec2Error(f"AWS does not report {name} as terminated")
    aws.say(f"{name} is terminated (verified)")
    unschedule(aws, name)
    # The console's last piece is posted a while after the end.
    for _ in range(12):
        follower.update(console(aws, name))
        if follower.status() is not None:
            break
        aws.sleep(5)
    if follower.seen and not follower.seen.endswith("\n"):
        out.write("\n")
    status = follower.status()
    if status is None:
        reason = ((found or {}).get("StateReason") or {}).get("Message", "no reason")
        aws.say(f"the console has no exit status. AWS's reason for the end: {reason}")
        return NO_STATUS
    aws.say(f"exit status {status}")
    return status
