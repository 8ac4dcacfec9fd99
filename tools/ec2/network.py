# SPDX-License-Identifier: ISC
"""Addresses and open ports of instances: a security group of ours for each launch, which is deleted
after it, or by `ec2 gc`; an elastic IP address of the user's.
"""

import re

from . import mark
from .errors import AwsError, Ec2Error

CLOSING = 24            # times 5 s until a terminated instance has left its group


def port(word):
    """(protocol, number) of 80, 53/udp, or LOCAL:GUEST, of which only the guest's port counts."""
    m = re.fullmatch(r"(?:\d{1,5}:)?(\d{1,5})(?:/(tcp|udp))?", word)
    if not m or not 0 < int(m[1]) < 65536:
        raise Ec2Error(f"port {word!r}: it must be a number, such as 80 or 53/udp, or LOCAL:GUEST")
    return m[2] or "tcp", int(m[1])


def open_ports(aws, ports, title, token, tags, subnet):
    """Make a group that lets everybody reach these ports; returns its id."""
    aws.say(f"everybody can reach {', '.join(f'{n}/{p}' for p, n in ports)}: a security group, which "
            "`run` or `ec2 gc` deletes")
    params = {"GroupName": f"xenolith-{title}-{token[:8]}", "Description": f"open ports of {title}",
              "TagSpecifications": [{"ResourceType": "security-group", "Tags": tags}]}
    if subnet:
        found = aws.ask("ec2", "describe-subnets", {"SubnetIds": [subnet]})["Subnets"]
        params["VpcId"] = found[0]["VpcId"]
    group = create(aws, params)
    try:
        aws.do("ec2", "authorize-security-group-ingress", {"GroupId": group, "IpPermissions": [
            {"IpProtocol": p, "FromPort": n, "ToPort": n, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            for p, n in ports]})
    except AwsError as e:
        if e.code != "InvalidPermission.Duplicate":         # of a call whose reply was lost
            raise
    return group


def create(aws, params):
    try:
        return aws.do("ec2", "create-security-group", params, pretend={"GroupId": "GROUP"})["GroupId"]
    except AwsError as e:
        if e.code != "InvalidGroup.Duplicate":
            raise
        # A call whose reply was lost has made it.
        found = aws.ask("ec2", "describe-security-groups", {"Filters": [
            {"Name": "group-name", "Values": [params["GroupName"]]}]})["SecurityGroups"]
        return next(g["GroupId"] for g in found)


def delete(aws, group):
    for left in reversed(range(CLOSING)):
        try:
            return aws.do("ec2", "delete-security-group", {"GroupId": group})
        except AwsError as e:
            if e.code == "InvalidGroup.NotFound":
                return None
            if e.code != "DependencyViolation" or not left:
                raise
        aws.sleep(5)


def close(aws, group):
    """Delete a group after its instances have ended; it costs nothing if that fails."""
    try:
        delete(aws, group)
    except Ec2Error as e:
        aws.say(f"security group {group} was not deleted; `ec2 gc` removes it. ({e})")


def groups(aws):
    found = aws.ask("ec2", "describe-security-groups", {"Filters": mark.FILTER})["SecurityGroups"]
    return [g for g in found if mark.ours(g)]


def associate(aws, address, instance):
    """Give an instance an address that the user has."""
    key = "AllocationId" if address.startswith("eipalloc-") else "PublicIp"
    try:
        aws.do("ec2", "associate-address", {key: address, "InstanceId": instance})
    except AwsError as e:
        if e.code != "IncorrectInstanceState":      # it has ended already
            raise
        aws.say(f"{instance} did not get the address {address}: {e}")
        return
    aws.say(f"{instance} has the address {address}")
