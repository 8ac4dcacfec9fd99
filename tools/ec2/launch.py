# SPDX-License-Identifier: ISC
"""Launches an AMI, waits for its end, and verifies that it is terminated.

There are five mechanisms, each of which is sufficient to end an instance: the guest itself
(main's end, lifetime=, onpanic=, watchdog), the shutdown behaviour `terminate`, this program, a
one-shot schedule in the cloud, and `ec2 gc`.  If anything fails here after the launch, the
instance is terminated.

Over 500 lines: the five mechanisms share the instance's states, and are checked against each other.
"""

import contextlib
import dataclasses
import datetime
import json
import re
import typing
import uuid

from . import catalog, mark, network, shipping, volumes
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

    def __init__(self, out, prefix="", stream=None):
        self.out, self.seen, self.prefix, self.stream = out, "", prefix, stream
        self.rest = ""          # the line that is not complete, if lines have a prefix

    def update(self, text):
        if text == self.seen or not text:
            return
        # The beginning of the earlier text may be lost.
        tail = self.seen[-200:]
        at = text.rfind(tail) if tail else -1
        new = text[at + len(tail):] if at >= 0 else text
        self.seen = text
        self.write(printable(new))
        if self.stream:
            self.stream.write(printable(new))

    def write(self, text):
        if self.prefix:
            *lines, self.rest = (self.rest + text).split("\n")
            text = "".join(f"{self.prefix}{line}\n" for line in lines)
        self.out.write(text)
        self.out.flush()

    def end(self):
        """Ends the last line."""
        if self.stream:
            self.stream.write("", last=True)
        if self.rest or not self.prefix and self.seen and not self.seen.endswith("\n"):
            self.write("\n")

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


@dataclasses.dataclass
class Job:
    """What `ec2 run` shall do."""
    ami: str
    owner: str
    kind: str
    role: str               # of the schedule; "": no schedule
    out: typing.TextIO
    lifetime: int = None    # in seconds
    zone: str = None
    subnet: str = None
    groups: tuple = ()      # security groups
    words: str = ""         # user data
    detach: bool = False
    console_wait: int = CONSOLE
    ports: tuple = ()       # (protocol, number)
    spot: bool = False
    profile: str = None     # instance profile, with the role of the application
    address: str = None     # elastic IP
    count: int = 1
    volumes: tuple = ()
    logs: str = None        # log group of CloudWatch
    replace: bool = False   # terminate the instances that have the kept volumes
    # Set by volumes.prepare(): {volume: AWS's description of it, or None}, {volume: snapshot}, ...
    kept: dict = dataclasses.field(default_factory=dict)
    snapshots: dict = dataclasses.field(default_factory=dict)
    mappings: list = dataclasses.field(default_factory=list)


def request_of(job, data, tags):
    """The parameters of RunInstances."""
    request = {
        "ImageId": job.ami, "InstanceType": job.kind, "MinCount": job.count, "MaxCount": job.count,
        "ClientToken": str(uuid.uuid4()), "UserData": data,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags},
                              {"ResourceType": "volume", "Tags": tags}],
    }
    if job.zone:
        request["Placement"] = {"AvailabilityZone": job.zone}
    if job.subnet:
        request["SubnetId"] = job.subnet
    if job.groups:
        request["SecurityGroupIds"] = list(job.groups)
    if job.mappings:
        request["BlockDeviceMappings"] = job.mappings
    if job.profile:
        request["IamInstanceProfile"] = {"Name": job.profile}
    if job.spot:
        request["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": {
            "SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}}
    return request


def run(aws, job, folder, keep):
    """Run instances; returns the status of the application, of several the first one that is not 0.

    folder, keep: where, and for how many seconds in AWS, the file systems of new volumes are kept.
    """
    image = describe_image(aws, job.ami)
    title = mark.read(image).get("app") or job.ami
    most = mark.seconds(mark.read(image).get("lifetime") or "1h")
    if job.lifetime and job.lifetime > most and mark.read(image).get("lifetime"):
        raise Ec2Error(f"{job.ami} has a lifetime of {most} s; --lifetime can only shorten it")
    if job.address and job.count > 1:
        raise Ec2Error("--elastic-ip is the address of one instance; leave --count out")
    lifetime = job.lifetime or most
    volumes.check_image(image, job.ami, job.volumes)
    check_type(aws, image, job.kind, job.zone)
    volumes.prepare(aws, job, title, folder, keep)
    zones = check_type(aws, image, job.kind, job.zone)
    account = aws.identity()["Account"]
    expires = mark.after(lifetime + MARGIN)
    data = f"lifetime={lifetime}s {job.words}".strip() + "\n"
    if len(data.encode()) > USER_DATA:
        raise Ec2Error(f"user data has {len(data.encode())} bytes; AWS accepts {USER_DATA}")
    tags = mark.tags(job.owner, expires, app=title)
    many = f"{job.count} times " if job.count > 1 else ""
    aws.say(f"launching {title} ({job.ami}) {many}as {job.kind} in {job.zone or ' or '.join(zones)}; account "
            f"{account} pays until it ends, at {mark.stamp(expires)} at the latest")
    aws.say(f"price: {catalog.price(job.kind, job.count)}{', less as spot' if job.spot else ''}, and the disk and "
            "traffic")
    request = request_of(job, data, tags)
    with Interrupts() as stop:
        aws.check = stop.check
        try:
            return attend(aws, stop, request, expires, job, title, tags)
        finally:
            aws.check = None


def attend(aws, stop, request, expires, job, title, tags):
    launched = Launched(aws, request["ClientToken"], job.count)
    try:
        stop.check()
        if job.ports:
            launched.group = network.open_ports(aws, job.ports, title, launched.token, tags, job.subnet)
            request["SecurityGroupIds"] = [*request.get("SecurityGroupIds", []), launched.group]
        volumes.release(aws, job, terminate)
        stop.check()
        launched.asked = not aws.dry
        made = aws.do("ec2", "run-instances", request,
                      pretend={"Instances": [{"InstanceId": "INSTANCE"}]})
        launched.names = names = [i["InstanceId"] for i in made["Instances"]]
        aws.say(f"{' '.join(names)} {'is' if len(names) == 1 else 'are'} launched")
        stop.check()
        for name in names:
            if job.role:
                schedule(aws, name, expires, job.role, job.owner)
        if not job.role:
            aws.say("no schedule in the cloud (--no-schedule): only the guest itself and this "
                    "program end the instance")
        stop.check()
        if job.detach and not aws.dry:
            if job.address or job.kept:
                there = wait_until_running(aws, names[0])
                equip(aws, job, there, title)
            aws.say(f"`ec2 console {names[0]}` shows its console, `ec2 stop {' '.join(names)}` terminates it")
        if aws.dry or job.detach:
            return 0
        status = wait(aws, names, expires, job, title)
        if launched.group:
            network.close(aws, launched.group)
        return status
    except BaseException as e:
        # Whatever it is: from now on no signal and no error prevents the termination.
        stop.shield()
        launched.end(e)
        if isinstance(e, Interrupted):
            raise Ec2Error(f"interrupted by {e}; " + (f"{' '.join(launched.names)} is terminated"
                           if launched.names else "nothing was launched")) from None
        raise


def certain(e):
    """Whether AWS refused the launch: then nothing runs."""
    return isinstance(e, (AwsError, NoAccount)) and not e.uncertain


def by_token(aws, token):
    """Find the instances of a launch whose reply was lost, by its client token."""
    found = aws.ask("ec2", "describe-instances", {
        "Filters": [{"Name": "client-token", "Values": [token]}]})["Reservations"]
    return [i["InstanceId"] for r in found for i in r["Instances"]]


class Launched:
    """A launch that has failed somewhere: end() terminates what it has launched."""

    def __init__(self, aws, token, count=1):
        self.aws, self.token, self.count = aws, token, count
        self.asked, self.names, self.group = False, [], None

    def end(self, why):
        """Raises an Ec2Error if an instance may still run, whatever else fails here."""
        try:
            if self.asked and not self.names and not certain(why):
                self.names = self.find(why)
            if self.names and self.asked:
                self.aws.say(f"terminating {' '.join(self.names)}")
                self.terminate()
        except BaseException as e:
            raise Ec2Error(self.may_run(e)) from why
        for name in self.names if self.asked else []:
            unschedule(self.aws, name)
        if self.group and not self.aws.dry:
            network.close(self.aws, self.group)

    def terminate(self):
        """All of them before the first one is awaited; one that cannot be does not keep the others."""
        for name in self.names:
            with contextlib.suppress(Exception):        # it is repeated below
                begin_end(self.aws, name)
        failed = None
        for name in self.names:
            try:
                if not terminate(self.aws, name):
                    raise Ec2Error("AWS does not report it as terminated")
            except Exception as e:
                failed = e
        if failed:
            raise failed

    def check(self):
        return ("`aws ec2 describe-instances --filters Name=client-token,Values="
                f"{self.token}`")

    def may_run(self, why):
        reason, names = str(why) or repr(why), " ".join(self.names)
        if names:
            return (f"{names} MAY STILL RUN AND COST MONEY ({reason}): terminate it with "
                    f"`ec2 stop {names}` or in the AWS console")
        return (f"an instance MAY STILL RUN AND COST MONEY ({reason}). Its client token is "
                f"{self.token}. Check it with {self.check()}, and terminate it with `ec2 stop`")

    def find(self, why):
        """The instances of a launch with an unknown outcome; [] if there is none after a
        minute.  AWS launches all of them or none, but does not show all of them at once."""
        self.aws.say(f"whether an instance was launched is unknown ({why}); searching it for a "
                     "minute")
        unknown, most = why, []
        for _ in range(SEARCH):
            try:
                names, unknown = by_token(self.aws, self.token), None
                most = max(most, names, key=len)
                if len(most) >= self.count:
                    return most
            except Exception as e:
                unknown = e
            self.aws.sleep(5)
        if most:
            self.aws.say(f"only {len(most)} of {self.count} instances were found; the others MAY STILL RUN: "
                         f"check it with {self.check()}")
            return most
        if unknown:
            raise unknown
        self.aws.say(f"no instance was found. To check it again later, type {self.check()}")
        return []


def wait_until_running(aws, name):
    for _ in range(60):
        found = instance(aws, name)
        if found and found["State"]["Name"] != "pending":
            return found
        aws.sleep(5)
    raise Ec2Error(f"{name} is still pending after 5 minutes")


def equip(aws, job, there, title):
    """What an instance gets when it runs."""
    if job.address:
        network.associate(aws, job.address, there["InstanceId"])
    if job.kept and there["State"]["Name"] == "running":
        volumes.attach_all(aws, job, there, title)


class Watch:
    """One instance of several, until its end."""

    def __init__(self, aws, name, job, alone, title):
        self.aws, self.name, self.job, self.title = aws, name, job, title
        self.follower = Follower(job.out, "" if alone else f"{name}: ",
                                 shipping.Stream(aws, job.logs, name) if job.logs else None)
        self.state = self.found = None
        self.unknown = self.turn = 0
        self.over = False

    def tell_address(self):
        where = [w for w in (self.found.get("PublicIpAddress"), self.found.get("PublicDnsName")) if w]
        if where:
            self.aws.say(f"{self.name} has the public address {' '.join(map(printable, where))}")
        equip(self.aws, self.job, self.found, self.title)

    def look(self, expires):
        now = instance(self.aws, self.name)
        self.found, self.unknown = now or self.found, 0 if now else self.unknown + 1
        if self.unknown > PATIENCE:
            raise Ec2Error(f"AWS does not know {self.name}")
        if self.found and self.found["State"]["Name"] != self.state:
            self.state = self.found["State"]["Name"]
            self.aws.say(f"{self.name} is {self.state}")
            if self.state == "running":
                self.tell_address()
        if self.state == "stopped":
            self.aws.say("the instance is stopped, not terminated; its disk would still cost money")
            self.over = True
        if self.state not in GONE and mark.now() > expires + datetime.timedelta(seconds=60):
            self.aws.say("the instance still runs after its lifetime and its schedule")
            self.over = True
        self.turn += 1
        if self.state == "running" and self.turn % 3 == 1:
            self.follower.update(console(self.aws, self.name))
        self.over |= self.state in GONE

    def verify(self):
        if self.state not in GONE and not terminate(self.aws, self.name):
            raise Ec2Error(f"AWS does not report {self.name} as terminated")
        self.aws.say(f"{self.name} is terminated (verified)")
        unschedule(self.aws, self.name)

    def status(self):
        """Wait for the console's last piece, which is posted a while after the end."""
        for _ in range(1 + self.job.console_wait // 5):
            self.follower.update(console(self.aws, self.name))
            if self.follower.status() is not None:
                break
            self.aws.sleep(5)
        self.follower.end()
        status = self.follower.status()
        if status is None:
            reason = ((self.found or {}).get("StateReason") or {}).get("Message", "no reason")
            self.aws.say(f"the console has no exit status after {self.job.console_wait} s (--console-wait). AWS's "
                         f"reason for the end: {printable(reason)}")
            return NO_STATUS
        return status


def wait(aws, names, expires, job, title):
    start = mark.now()
    watches = [Watch(aws, name, job, len(names) == 1, title) for name in names]
    while not all(w.over for w in watches):
        for w in watches:
            if not w.over:
                w.look(expires)
                if w.over and w.state not in GONE:      # stopped; the others may run for long
                    begin_end(aws, w.name)
        if not all(w.over for w in watches):
            aws.sleep(5)
    for w in watches:
        w.verify()
    seconds = (mark.now() - start).total_seconds()
    aws.say(f"the {'instances' if len(names) > 1 else 'instance'} ran {seconds:.0f} s: "
            f"{catalog.price(job.kind, len(names), seconds)}, and the disk and traffic")
    statuses = [w.status() for w in watches]
    status = next((s for s in statuses if s), 0)
    if status != NO_STATUS:
        aws.say(f"exit status {status}")
    return status
