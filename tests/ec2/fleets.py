# SPDX-License-Identifier: ISC
"""Launch templates and Auto Scaling groups of the simulated cloud (fake.py).

A look at a group lets it do one step: it replaces instances that have ended, and launches or
terminates others until it has its size.  end_fleets() executes the scheduled actions.
"""

import datetime

from model import Refused


class Fleets:
    """A part of Cloud."""

    # -- launch templates

    def CreateLaunchTemplate(self, p):
        name = p["LaunchTemplateName"]

        def make():
            if name in self.templates:
                raise Refused("InvalidLaunchTemplateName.AlreadyExistsException", "it exists")
            self.templates[name] = {"LaunchTemplateName": name, "LaunchTemplateId": self.name("lt"), "versions": [],
                                    "Tags": [t for s in p.get("TagSpecifications", []) for t in s["Tags"]]}
            self.add_version(name, p["LaunchTemplateData"])
            return {"LaunchTemplate": self.shown(self.templates[name], "LaunchTemplateName", "LaunchTemplateId")}
        return self.once("CreateLaunchTemplate", p, make)

    def add_version(self, name, data):
        self.known(self.images, data["ImageId"], "InvalidAMIID.NotFound")
        self.templates[name]["versions"].append(data)

    def CreateLaunchTemplateVersion(self, p):
        def make():
            template = self.template(p["LaunchTemplateName"])
            self.add_version(p["LaunchTemplateName"], p["LaunchTemplateData"])
            return {"LaunchTemplateVersion": {"LaunchTemplateName": p["LaunchTemplateName"],
                                              "VersionNumber": len(template["versions"])}}
        return self.once("CreateLaunchTemplateVersion", p, make)

    def template(self, name):
        if name not in self.templates:
            raise Refused("InvalidLaunchTemplateName.NotFoundException", "no such template")
        return self.templates[name]

    def DescribeLaunchTemplates(self, p):
        found = self.filtered(list(self.templates.values()), p.get("Filters"), {})
        return {"LaunchTemplates": [self.shown(t, "LaunchTemplateName", "LaunchTemplateId", "Tags") for t in found]}

    def DeleteLaunchTemplate(self, p):
        self.template(p["LaunchTemplateName"])
        del self.templates[p["LaunchTemplateName"]]

    # -- groups

    def fleet(self, name):
        if name not in self.fleets:
            raise Refused("ValidationError", f"AutoScalingGroup name not found - {name}")
        return self.fleets[name]

    def CreateAutoScalingGroup(self, p):
        name = p["AutoScalingGroupName"]
        if name in self.fleets:
            raise Refused("AlreadyExists", "AutoScalingGroup by this name already exists")
        if ("VPCZoneIdentifier" in p) == ("AvailabilityZones" in p):
            raise Refused("ValidationError", "zones or subnets")
        self.fleets[name] = dict(p, ours=[], actions={}, new=0)
        self.resize(self.fleets[name], p)

    def resize(self, g, p):
        for key in ("MinSize", "MaxSize", "DesiredCapacity"):
            if key in p:
                g[key] = p[key]
        if not 0 <= g["MinSize"] <= g["DesiredCapacity"] <= g["MaxSize"]:
            raise Refused("ValidationError", "Desired capacity must be between min and max")
        if "LaunchTemplate" in p:
            versions = self.template(p["LaunchTemplate"]["LaunchTemplateName"])["versions"]
            if not 1 <= int(p["LaunchTemplate"]["Version"]) <= len(versions):
                raise Refused("ValidationError", "no such version")
            g["LaunchTemplate"] = p["LaunchTemplate"]

    def UpdateAutoScalingGroup(self, p):
        self.resize(self.fleet(p["AutoScalingGroupName"]), p)

    def CreateOrUpdateTags(self, p):
        for t in p["Tags"]:
            tags = self.fleet(t["ResourceId"])["Tags"]
            tags[:] = [x for x in tags if x["Key"] != t["Key"]] + [t]

    def PutScheduledUpdateGroupAction(self, p):
        when = datetime.datetime.fromisoformat(p["StartTime"].replace("Z", "+00:00"))
        if when < datetime.datetime.now(datetime.timezone.utc):
            raise Refused("ValidationError", "StartTime is in the past")
        self.fleet(p["AutoScalingGroupName"])["actions"][p["ScheduledActionName"]] = p

    def end_fleets(self):
        with self.lock:
            for g in self.fleets.values():
                for p in g["actions"].values():
                    self.resize(g, p)

    def StartInstanceRefresh(self, p):
        g = self.fleet(p["AutoScalingGroupName"])
        g["old"] = [n for n in g["ours"] if self.instances[n]["version"] != g["LaunchTemplate"]["Version"]]
        return {"InstanceRefreshId": "refresh-1"}

    def DeleteAutoScalingGroup(self, p):
        g = self.fleet(p["AutoScalingGroupName"])
        if not p.get("ForceDelete") and g["ours"]:
            raise Refused("ResourceInUse", "it has instances")
        g.update(MinSize=0, DesiredCapacity=0, deleted=True)

    def step(self, g):
        g["ours"] = [n for n in g["ours"] if self.instances[n]["state"] in ("pending", "running")]
        old = [n for n in g.get("old", []) if n in g["ours"]]
        if old and len(g["ours"]) >= g["DesiredCapacity"]:
            self.TerminateInstances({"InstanceIds": old[:1]})
        elif len(g["ours"]) > g["DesiredCapacity"]:
            self.TerminateInstances({"InstanceIds": g["ours"][-1:]})
        elif len(g["ours"]) < g["DesiredCapacity"]:
            version = g["LaunchTemplate"]["Version"]
            data = self.template(g["LaunchTemplate"]["LaunchTemplateName"])["versions"][int(version) - 1]
            name = self.RunInstances(dict(data, MinCount=1, MaxCount=1))["Instances"][0]["InstanceId"]
            self.instances[name].update(version=version, hidden=0)
            tags = self.instances[name]["Tags"]
            keys = {t["Key"] for t in tags}
            tags += [{"Key": t["Key"], "Value": t["Value"]} for t in g["Tags"] if t["Key"] not in keys]
            g["ours"].append(name)
        for n in g["ours"]:
            self.proceed(self.instances[n])
        return g.get("deleted") and not g["ours"]

    def DescribeAutoScalingGroups(self, p):
        for name, g in list(self.fleets.items()):
            if self.step(g):
                del self.fleets[name]
        found = [g for n, g in self.fleets.items() if n in (p.get("AutoScalingGroupNames") or self.fleets)]
        return {"AutoScalingGroups": [dict(
            self.shown(g, "AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity", "HealthCheckType", "Tags"),
            DefaultCooldown=300, AvailabilityZones=g.get("AvailabilityZones", []), CreatedTime="2026-01-01T00:00:00Z",
            Instances=[{"InstanceId": n, "AvailabilityZone": "us-east-1a", "LifecycleState": "InService",
                        "HealthStatus": "Healthy", "ProtectedFromScaleIn": False} for n in g["ours"]])
            for g in found]}
