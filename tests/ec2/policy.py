# SPDX-License-Identifier: ISC
"""Evaluates IAM policies: whether one allows an action on a resource.

The rules are those of AWS's reference of policy elements, as far as the project's policies use them: Allow
and Deny, wildcards, StringEquals, StringLike and their IfExists forms, tags.  What is not known
here is an error, not a permission.
"""

import json
import re


def wildcard(pattern, text):
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text)


def listed(value):
    return value if isinstance(value, list) else [value]


def condition_holds(condition, context):
    for operator, wanted in condition.items():
        base = operator.removesuffix("IfExists")
        if base not in ("StringEquals", "StringLike"):
            raise ValueError(f"policy: unknown operator {operator}")
        for key, values in wanted.items():
            have = context.get(key)
            if have is None:
                if base == operator:
                    return False
                continue
            if not any(have == v if base == "StringEquals" else wildcard(v, have)
                       for v in listed(values)):
                return False
    return True


class Policy:
    def __init__(self, *paths):
        self.statements = [s for path in paths for s in json.loads(path.read_text())["Statement"]]
        for s in self.statements:
            if s.keys() - {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}:
                raise ValueError(f"policy: unknown element in {s}")

    def matches(self, statement, action, resource, context):
        return (any(wildcard(a.lower(), action.lower()) for a in listed(statement["Action"])) and
                (resource is None or
                 any(wildcard(r, resource) for r in listed(statement["Resource"]))) and
                condition_holds(statement.get("Condition", {}), context))

    def allows(self, action, resource, context):
        """resource: an ARN; None: the policy has none, as of trust in a role."""
        effects = {s["Effect"] for s in self.statements
                   if self.matches(s, action, resource, context)}
        return effects == {"Allow"}


# -- What each call of the simulated cloud needs: [(action, resource, context)].

def request_tags(tags):
    return {f"aws:RequestTag/{t['Key']}": t["Value"] for t in tags or []}


def resource_tags(thing):
    return {f"aws:ResourceTag/{t['Key']}": t["Value"] for t in (thing or {}).get("Tags", [])}


def specified(p, kind):
    return [t for s in p.get("TagSpecifications", []) if s["ResourceType"] == kind
            for t in s["Tags"]]


def needs(cloud, service, name, p):
    """All of them must be allowed."""
    region, account = "us-east-1", cloud.account

    def arn(kind, thing, owned=False):
        return f"arn:aws:ec2:{region}:{account if owned else ''}:{kind}/{thing}"

    def tagging(kind, tags, by, owned=False):
        return [("ec2:CreateTags", arn(kind, "*", owned),
                 dict(request_tags(tags), **{"ec2:CreateAction": by}))] if tags else []
    action = f"{service}:{name}"
    if name == "GetCallerIdentity":
        return []           # needs no permission
    if name.startswith(("Describe", "List")):
        return [(action, "*", {})]
    if name == "StartSnapshot":
        return [(action, arn("snapshot", "*"), request_tags(p.get("Tags"))),
                *tagging("snapshot", p.get("Tags"), name)]
    if name in ("PutSnapshotBlock", "CompleteSnapshot", "DeleteSnapshot"):
        return [(action, arn("snapshot", p["SnapshotId"]),
                 resource_tags(cloud.snapshots.get(p["SnapshotId"])))]
    if name == "RegisterImage":
        tags = specified(p, "image")
        return [(action, arn("image", "*"), request_tags(tags)), *tagging("image", tags, name),
                *((action, arn("snapshot", m["Ebs"]["SnapshotId"]),
                   resource_tags(cloud.snapshots.get(m["Ebs"]["SnapshotId"])))
                  for m in p.get("BlockDeviceMappings", []))]
    if name == "DeregisterImage":
        return [(action, arn("image", p["ImageId"]),
                 resource_tags(cloud.images.get(p["ImageId"])))]
    if name == "CreateTags":
        table = {"ami": "image", "snap": "snapshot"}
        return [(action, arn(table.get(r.partition("-")[0], "instance"), r),
                 request_tags(p["Tags"])) for r in p["Resources"]]
    if name == "RunInstances":
        image = cloud.images.get(p["ImageId"], {})
        kind = {"ec2:InstanceType": p.get("InstanceType", "m1.small")}
        snapshots = [m["Ebs"]["SnapshotId"] for m in
                     [*image.get("BlockDeviceMappings", []), *p.get("BlockDeviceMappings", [])]]
        profile = p.get("IamInstanceProfile", {}).get("Name")
        role = [("iam:PassRole", f"arn:aws:iam::{account}:role/{profile}",
                 {"iam:PassedToService": "ec2.amazonaws.com"})] if profile else []
        spot = [(action, arn("spot-instances-request", "*", True), {})] if "InstanceMarketOptions" in p else []
        return [*role, *spot,
                (action, arn("instance", "*", True), dict(request_tags(specified(p, "instance")),
                                                          **kind)),
                (action, arn("volume", "*", True), request_tags(specified(p, "volume"))),
                *tagging("instance", specified(p, "instance"), name, True),
                *tagging("volume", specified(p, "volume"), name, True),
                (action, arn("image", p["ImageId"]), resource_tags(image)),
                *((action, arn("snapshot", s), resource_tags(cloud.snapshots.get(s)))
                  for s in snapshots),
                *((action, arn(k, "*", True), {})
                  for k in ("network-interface", "subnet", "security-group"))]
    if service == "logs":
        return [(action, f"arn:aws:logs:{region}:{account}:log-group:{p['logGroupName']}", {})]
    if service == "autoscaling":
        names = {t["ResourceId"] for t in p.get("Tags", [])} or {p["AutoScalingGroupName"]}
        return [(action, f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{n}", {})
                for n in names]
    if name == "CreateLaunchTemplate":
        tags = specified(p, "launch-template")
        return [(action, arn("launch-template", "*", True), request_tags(tags)),
                *tagging("launch-template", tags, name, True)]
    if name in ("CreateLaunchTemplateVersion", "DeleteLaunchTemplate"):
        return [(action, arn("launch-template", "*", True),
                 resource_tags(cloud.templates.get(p["LaunchTemplateName"])))]
    if name == "CreateSecurityGroup":
        tags = specified(p, "security-group")
        return [(action, arn("security-group", "*", True), request_tags(tags)), (action, arn("vpc", "*", True), {}),
                *tagging("security-group", tags, name, True)]
    if name in ("AuthorizeSecurityGroupIngress", "DeleteSecurityGroup"):
        return [(action, arn("security-group", p["GroupId"], True), resource_tags(cloud.groups.get(p["GroupId"])))]
    if name == "CreateVolume":
        tags = specified(p, "volume")
        return [(action, arn("volume", "*", True), request_tags(tags)), *tagging("volume", tags, name, True),
                (action, arn("snapshot", p["SnapshotId"]), resource_tags(cloud.snapshots.get(p["SnapshotId"])))]
    if name in ("AttachVolume", "DeleteVolume"):
        volume = (action, arn("volume", p["VolumeId"], True), resource_tags(cloud.volumes.get(p["VolumeId"])))
        return [volume] + ([(action, arn("instance", p["InstanceId"], True),
                             resource_tags(cloud.instances.get(p["InstanceId"])))] if "InstanceId" in p else [])
    if name == "AssociateAddress":
        return [(action, arn("instance", p["InstanceId"], True), resource_tags(cloud.instances.get(p["InstanceId"]))),
                (action, arn("elastic-ip", "*", True), {"aws:ResourceTag/xenolith": "1"}),
                (action, arn("network-interface", "*", True), {})]
    if name in ("TerminateInstances", "GetConsoleOutput"):
        return [(action, arn("instance", i, True), resource_tags(cloud.instances.get(i)))
                for i in p.get("InstanceIds") or [p["InstanceId"]]]
    if name in ("CreateSchedule", "DeleteSchedule"):
        schedule = f"arn:aws:scheduler:{region}:{account}:schedule/default/{p['Name']}"
        role = [("iam:PassRole", p["Target"]["RoleArn"],
                 {"iam:PassedToService": "scheduler.amazonaws.com"})] if "Target" in p else []
        return [(action, schedule, {}), *role]
    if name == "GetRole":
        return [(action, f"arn:aws:iam::{account}:role/{p['RoleName']}", {})]
    raise ValueError(f"policy: what does {action} need?")
