# SPDX-License-Identifier: ISC
"""Security groups, addresses and regions of the simulated cloud (fake.py)."""

from model import Refused

REGIONS = ("us-east-1", "eu-west-1")
LIVING = ("pending", "running", "stopping", "stopped", "shutting-down")


class Networks:
    """A part of Cloud."""

    def DescribeRegions(self, p):
        return {"Regions": [{"RegionName": r} for r in REGIONS]}

    def DescribeSubnets(self, p):
        return {"Subnets": [{"SubnetId": s, "VpcId": "vpc-1"} for s in p["SubnetIds"]]}

    def CreateSecurityGroup(self, p):
        if any(g["GroupName"] == p["GroupName"] for g in self.groups.values()):
            raise Refused("InvalidGroup.Duplicate", "there is such a group")
        name = self.name("sg")
        self.groups[name] = {"GroupId": name, "GroupName": p["GroupName"], "Description": p["Description"],
                             "VpcId": p.get("VpcId", "vpc-0"), "IpPermissions": [],
                             "Tags": [t for s in p.get("TagSpecifications", []) for t in s["Tags"]]}
        return {"GroupId": name}

    def AuthorizeSecurityGroupIngress(self, p):
        group = self.known(self.groups, p["GroupId"], "InvalidGroup.NotFound")
        if any(x in group["IpPermissions"] for x in p["IpPermissions"]):
            raise Refused("InvalidPermission.Duplicate", "there is such a rule")
        group["IpPermissions"] += p["IpPermissions"]
        return {"Return": True}

    def DescribeSecurityGroups(self, p):
        found = self.filtered(list(self.groups.values()), p.get("Filters"),
                              {"group-name": lambda g: g["GroupName"]})
        return {"SecurityGroups": [self.shown(g, "GroupId", "GroupName", "Description", "VpcId", "Tags")
                                   for g in found]}

    def DeleteSecurityGroup(self, p):
        self.known(self.groups, p["GroupId"], "InvalidGroup.NotFound")
        if any(p["GroupId"] in i["asked"].get("SecurityGroupIds", []) and i["state"] in LIVING
               for i in self.instances.values()):
            raise Refused("DependencyViolation", "an instance has it")
        del self.groups[p["GroupId"]]

    def AssociateAddress(self, p):
        i = self.known(self.instances, p["InstanceId"], "InvalidInstanceID.NotFound")
        if i["state"] != "running":
            raise Refused("IncorrectInstanceState", "it is not running")
        i["address"] = p.get("AllocationId") or p["PublicIp"]
        return {"AssociationId": "eipassoc-1"}
