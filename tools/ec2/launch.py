# SPDX-License-Identifier: ISC
"""Launches an AMI, waits for its end, and verifies that it is terminated.

There are five mechanisms, each of which is sufficient to end an instance: the guest itself
(main's end, lifetime=, onpanic=, watchdog), the shutdown behaviour `terminate`, this program, a
one-shot schedule in the cloud, and `ec2 gc`.  If anything fails here after the launch, the
instance is terminated.
"""

import datetime
import json
import re
import uuid

from . import catalog, mark
from .errors import AwsError, Ec2Error, NoAccount
from .interrupts import Interrupted, Interrupts

MARGIN = 300            # seconds after the guest's lifetime until the schedule ends it
USER_DATA = 16384       # bytes, AWS's limit
PATIENCE = 20           # times 5 s until all of AWS must know an instance
SEARCH = 12             # times 5 s in which an instance is searched by its client token
CONSOLE = 300           # seconds after the end until the console's last piece is there, usually
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
    if not mark.ours(images[0]):
        raise Ec2Error(f"{ami} does not have the tag `xenolith`, so it may run for ever: "
                       "`ec2 upload` makes an image of Xenolith")
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
    # Older versions do not know this parameter; then `run` or `gc` deletes the schedule.
    if aws.has("scheduler", "create-schedule", "ActionAfterCompletion"):
        params["ActionAfterCompletion"] = "DELETE"
    aws.do("scheduler", "create-schedule", params)


def unschedule(aws, name):
    try:
        aws.do("scheduler", "delete-schedule", {"Name": schedule_name(name)})
    except Ec2Error as e:
        if getattr(e, "code", "") != "ResourceNotFoundException":
            aws.say(f"schedule {schedule_name(name)} was not deleted; `ec2 gc` removes it. ({e})")


def begin_end(aws, name):
    """Let AWS terminate an instance, without waiting for it."""
    for left in reversed(range(SEARCH)):
        try:
            aws.do("ec2", "terminate-instances", {"InstanceIds": [name]})
            break
        except AwsError as e:
            # A new instance may not be known everywhere yet.
            if e.code != "InvalidInstanceID.NotFound" or not left:
                raise
            aws.sleep(5)


def terminate(aws, name):
    """Terminate an instance; returns True when AWS reports it as terminated."""
    begin_end(aws, name)
    if aws.dry:
        return True
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
    return answer.get("Output") or ""


def printable(text):
    """Without what a terminal would obey: control characters (C0, C1) and changes of direction."""
    return re.sub("[^\t\n\x20-\x7e\xa0-\U0010ffff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]", "",
                  text)


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
        self.out.write(printable(new))
        self.out.flush()

    def status(self):
        found = SUMMARY.findall(self.seen)
        return int(found[-1]) & 0xff if found else None


def checked_role(aws, role):
    """Check the role of the schedule before anything costs money; returns its ARN.

    None: the default.  "": there will be no schedule.
    """
    if role == "":
        return ""
    if role is None:
        role = f"arn:aws:iam::{aws.identity()['Account']}:role/xenolith-scheduler"
    name = role.rpartition("/")[2]
    setup = "docs/ec2.md creates it; --no-schedule launches without a schedule"
    try:
        found = aws.ask("iam", "get-role", {"RoleName": name},
                        unasked={"Role": {"AssumeRolePolicyDocument": "scheduler.amazonaws.com"}})
    except AwsError as e:
        if e.code == "NoSuchEntity":
            raise Ec2Error(f"there is no role {name} for the schedule that ends the instance: "
                           f"{setup}") from None
        if e.code not in ("AccessDenied", "AccessDeniedException"):
            raise
        aws.say(f"the role {name} cannot be checked: you are not permitted to read it")
        return role
    if "scheduler.amazonaws.com" not in str(found["Role"].get("AssumeRolePolicyDocument")):
        raise Ec2Error(f"the role {name} does not trust scheduler.amazonaws.com: {setup}")
    return role


def run(aws, ami, owner, kind, lifetime, role, out, zone=None, subnet=None, groups=(),
        words="", detach=False, console_wait=CONSOLE):
    """Run an instance; returns the status of the application."""
    image = describe_image(aws, ami)
    title = mark.read(image).get("app") or ami
    most = mark.seconds(mark.read(image).get("lifetime") or "1h")
    if lifetime and lifetime > most and mark.read(image).get("lifetime"):
        raise Ec2Error(f"{ami} has a lifetime of {most} s; --lifetime can only shorten it")
    lifetime = lifetime or most
    zones = check_type(aws, image, kind, zone)
    account = aws.identity()["Account"]
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
    with Interrupts() as stop:
        aws.check = stop.check
        try:
            return attend(aws, stop, request, expires, role, owner, out, detach, console_wait)
        finally:
            aws.check = None


def attend(aws, stop, request, expires, role, owner, out, detach, console_wait):
    launched = Launched(aws, request["ClientToken"])
    try:
        stop.check()
        launched.asked = not aws.dry
        made = aws.do("ec2", "run-instances", request,
                      pretend={"Instances": [{"InstanceId": "INSTANCE"}]})
        launched.name = name = made["Instances"][0]["InstanceId"]
        aws.say(f"{name} is launched")
        stop.check()
        if role:
            schedule(aws, name, expires, role, owner)
        else:
            aws.say("no schedule in the cloud (--no-schedule): only the guest itself and this "
                    "program end the instance")
        stop.check()
        if aws.dry:
            return 0
        if detach:
            aws.say(f"`ec2 console {name}` shows its console, `ec2 stop {name}` terminates it")
            return 0
        return wait(aws, name, expires, out, console_wait)
    except BaseException as e:
        # Whatever it is: from now on no signal and no error prevents the termination.
        stop.shield()
        launched.end(e)
        if isinstance(e, Interrupted):
            raise Ec2Error(f"interrupted by {e}; " + (f"{launched.name} is terminated"
                           if launched.name else "nothing was launched")) from None
        raise


def certain(e):
    """Whether AWS refused the launch: then nothing runs."""
    return isinstance(e, (AwsError, NoAccount)) and not e.uncertain


def by_token(aws, token):
    """Find the instance of a launch whose reply was lost, by its client token."""
    found = aws.ask("ec2", "describe-instances", {
        "Filters": [{"Name": "client-token", "Values": [token]}]})["Reservations"]
    return next((i["InstanceId"] for r in found for i in r["Instances"]), None)


class Launched:
    """A launch that has failed somewhere: end() terminates what it has launched."""

    def __init__(self, aws, token):
        self.aws, self.token = aws, token
        self.asked, self.name = False, None

    def end(self, why):
        """Raises an Ec2Error if an instance may still run, whatever else fails here."""
        try:
            if self.asked and self.name is None and not certain(why):
                self.name = self.find(why)
            if self.asked and self.name:
                self.aws.say(f"terminating {self.name}")
                if not terminate(self.aws, self.name):
                    raise Ec2Error("AWS does not report it as terminated")
        except BaseException as e:
            raise Ec2Error(self.may_run(e)) from why
        if self.asked and self.name:
            unschedule(self.aws, self.name)

    def check(self):
        return ("`aws ec2 describe-instances --filters Name=client-token,Values="
                f"{self.token}`")

    def may_run(self, why):
        reason = str(why) or repr(why)
        if self.name:
            return (f"{self.name} MAY STILL RUN AND COST MONEY ({reason}): terminate it with "
                    f"`ec2 stop {self.name}` or in the AWS console")
        return (f"an instance MAY STILL RUN AND COST MONEY ({reason}). Its client token is "
                f"{self.token}. Check it with {self.check()}, and terminate it with `ec2 stop`")

    def find(self, why):
        """The instance of a launch with an unknown outcome; None if there is none after a
        minute."""
        self.aws.say(f"whether an instance was launched is unknown ({why}); searching it for a "
                     "minute")
        unknown = why
        for _ in range(SEARCH):
            try:
                name, unknown = by_token(self.aws, self.token), None
                if name:
                    return name
            except Exception as e:
                unknown = e
            self.aws.sleep(5)
        if unknown:
            raise unknown
        self.aws.say(f"no instance was found. To check it again later, type {self.check()}")
        return None


def wait(aws, name, expires, out, console_wait):
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
    for _ in range(1 + console_wait // 5):
        follower.update(console(aws, name))
        if follower.status() is not None:
            break
        aws.sleep(5)
    if follower.seen and not follower.seen.endswith("\n"):
        out.write("\n")
    status = follower.status()
    if status is None:
        reason = ((found or {}).get("StateReason") or {}).get("Message", "no reason")
        aws.say(f"the console has no exit status after {console_wait} s (--console-wait). AWS's "
                f"reason for the end: {printable(reason)}")
        return NO_STATUS
    aws.say(f"exit status {status}")
    return status
