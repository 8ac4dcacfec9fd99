# SPDX-License-Identifier: ISC
"""The instances of the simulated cloud (fake.py), and their types."""

import base64
import threading

from model import Refused

ZONES = ["us-east-1a", "us-east-1b"]
# For each type: virtualization types, processors, MiB, hypervisor.
TYPES = {"t1.micro": (["paravirtual"], 1, 627, "xen"),
         "m1.small": (["paravirtual"], 1, 1740, "xen"),
         "m3.medium": (["paravirtual", "hvm"], 1, 3840, "xen"),
         "t2.micro": (["hvm"], 1, 1024, "xen"), "t3.micro": (["hvm"], 2, 1024, "nitro")}



class Instances:
    """A part of Cloud."""

    def DescribeInstanceTypes(self, p):
        for t in p.get("InstanceTypes", []):
            if t not in TYPES:
                raise Refused("InvalidInstanceType", f"The instance type {t} does not exist")
        found = [t for t in TYPES if t in p.get("InstanceTypes", TYPES)]
        found = self.filtered([{"t": t} for t in found], p.get("Filters"), {
            "supported-virtualization-type": lambda x: TYPES[x["t"]][0],
            "hypervisor": lambda x: TYPES[x["t"]][3]})
        return {"InstanceTypes": [{
            "InstanceType": x["t"], "SupportedVirtualizationTypes": TYPES[x["t"]][0],
            "Hypervisor": TYPES[x["t"]][3], "VCpuInfo": {"DefaultVCpus": TYPES[x["t"]][1]},
            "MemoryInfo": {"SizeInMiB": TYPES[x["t"]][2]}} for x in found]}

    def DescribeInstanceTypeOfferings(self, p):
        found = [{"InstanceType": t, "LocationType": "availability-zone", "Location": z}
                 for t in TYPES for z in (ZONES[:1] if t == "t1.micro" else ZONES)]
        return {"InstanceTypeOfferings": self.filtered(found, p.get("Filters"), {
            "instance-type": lambda o: o["InstanceType"]})}

    def RunInstances(self, p):
        def make():
            image = self.known(self.images, p["ImageId"], "InvalidAMIID.NotFound")
            if image["State"] != "available":
                raise Refused("InvalidAMIID.Unavailable", "the image is pending")
            kind = p.get("InstanceType", "m1.small")
            if image["VirtualizationType"] not in TYPES[kind][0] or \
                    TYPES[kind][3] == "nitro":      # not supported by the images
                raise Refused("Unsupported", "The requested configuration is not supported")
            if not 1 <= p["MinCount"] <= p["MaxCount"]:
                raise Refused("InvalidParameterValue", "MinCount, MaxCount")
            for group in p.get("SecurityGroupIds", []):
                if group.startswith("sg-0"):
                    self.known(self.groups, group, "InvalidGroup.NotFound")
            return {"Instances": [one(image, kind, n) for n in range(p["MaxCount"])]}

        def one(image, kind, n):
            name = self.name("i")
            tags = [t for s in p.get("TagSpecifications", []) if s["ResourceType"] == "instance"
                    for t in s["Tags"]]
            data = p.get("UserData", "")
            i = {"InstanceId": name, "ImageId": p["ImageId"], "InstanceType": kind, "Tags": tags,
                 "user-data": base64.b64decode(data, validate=True),
                 "behavior": p.get("InstanceInitiatedShutdownBehavior", "stop"),
                 "state": "pending", "left": self.delay["pending"], "console": "",
                 "hidden": self.delay["unknown"], "unlisted": self.delay["listed"] + n * self.delay["apart"],
                 "token": p.get("ClientToken"),
                 "snapshot": image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"],
                 "zone": p.get("Placement", {}).get("AvailabilityZone", ZONES[0]),
                 "why": None, "asked": p}
            self.instances[name] = i
            self.map_volumes(i, p)
            return self.instance(i)
        return self.once("RunInstances", p, make)

    NUMBERS = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48,
               "stopping": 64, "stopped": 80}

    def instance(self, i):
        out = self.shown(i, "InstanceId", "ImageId", "InstanceType", "Tags")
        out["Placement"] = {"AvailabilityZone": i["zone"]}
        out["State"] = {"Code": self.NUMBERS[i["state"]], "Name": i["state"]}
        if i["state"] == "running":
            n = int(i["InstanceId"][2:], 16)
            out["PublicIpAddress"] = i.get("address", f"203.0.113.{n % 256}")
            out["PublicDnsName"] = f"ec2-203-0-113-{n % 256}.compute-1.amazonaws.com"
        if i["why"]:
            out["StateReason"] = {"Code": i["why"], "Message": i["why"]}
        return out

    def proceed(self, i):
        """A look at it lets time pass."""
        if i["left"] > 0:
            i["left"] -= 1
        elif i["state"] == "pending":
            i["state"] = "running"
            threading.Thread(target=self.life, args=(i,), daemon=True).start()
        elif i["state"] == "shutting-down":
            i["state"] = "terminated"
            self.leave_volumes(i)
        elif i["state"] == "stopping":
            i["state"] = "stopped"

    def life(self, i):
        try:
            console, reason = self.on_run(i)
        except Exception as e:      # an error of the test must not let the client wait for ever
            console, reason = f"the double failed: {e!r}", "poweroff"
        with self.lock:
            i["console"] = console
            if reason == "poweroff" and i["state"] == "running":
                self.leave(i, "shutting-down" if i["behavior"] == "terminate" else "stopping",
                           "Client.InstanceInitiatedShutdown")

    def leave(self, i, state, why):
        i.update(state=state, left=self.delay["shutdown"], why=why)

    def DescribeInstances(self, p):
        for n in p.get("InstanceIds", []):
            self.known(self.instances, n, "InvalidInstanceID.NotFound")
        found = [i for i in self.instances.values()
                 if i["InstanceId"] in p.get("InstanceIds", self.instances)]
        for i in found:
            self.proceed(i)
        if "InstanceIds" not in p:
            for i in [i for i in found if i["unlisted"] > 0]:
                i["unlisted"] -= 1
                found.remove(i)
        found = self.filtered(found, p.get("Filters"), {
            "instance-state-name": lambda i: i["state"], "client-token": lambda i: i["token"]})
        return {"Reservations": [{"ReservationId": "r-1", "OwnerId": self.account,
                                  "Instances": [self.instance(i)]} for i in found]}

    def TerminateInstances(self, p):
        out = []
        for n in p["InstanceIds"]:
            i = self.known(self.instances, n, "InvalidInstanceID.NotFound")
            if i["state"] not in ("shutting-down", "terminated"):
                self.leave(i, "shutting-down", "Client.UserInitiatedShutdown")
            out.append({"InstanceId": n, "CurrentState": {"Name": i["state"]}})
        return {"TerminatingInstances": out}

    def GetConsoleOutput(self, p):
        i = self.known(self.instances, p["InstanceId"], "InvalidInstanceID.NotFound")
        text = i["console"].encode()[-65536:]
        if text and self.delay["console"]:
            self.delay["console"] -= 1
            text = b""
        return {"InstanceId": p["InstanceId"], "Output": base64.b64encode(text).decode()}
