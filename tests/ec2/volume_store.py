# SPDX-License-Identifier: ISC
"""EBS volumes of the simulated cloud (fake.py).

A look at a volume lets it do one step.  What a guest has written stays in the volume: the tests write
into volumes[NAME]["written"].
"""

from model import Refused

ENDED = ("shutting-down", "terminated")


class VolumeStore:
    """A part of Cloud."""

    def snapshot_for(self, name, size):
        s = self.known(self.snapshots, name, "InvalidSnapshot.NotFound")
        if s["State"] != "completed" or size < s["VolumeSize"]:
            raise Refused("InvalidParameterValue", "the snapshot is not completed, or larger")
        return s

    def add_volume(self, size, snapshot, zone, tags, **more):
        name = self.name("vol")
        self.volumes[name] = dict({
            "VolumeId": name, "Size": size, "SnapshotId": snapshot, "AvailabilityZone": zone, "Tags": tags,
            "State": "creating", "of": None, "hidden": self.delay["unknown"], "left": 1, "written": []}, **more)
        return self.volumes[name]

    def map_volumes(self, i, p):
        """Those of RunInstances."""
        tags = [t for s in p.get("TagSpecifications", []) if s["ResourceType"] == "volume" for t in s["Tags"]]
        for m in p.get("BlockDeviceMappings", []):
            size = m["Ebs"]["VolumeSize"]
            self.snapshot_for(m["Ebs"]["SnapshotId"], size)
            self.add_volume(size, m["Ebs"]["SnapshotId"], i["zone"], tags, State="in-use", of=i["InstanceId"], hidden=0,
                            device=m["DeviceName"], ends=m["Ebs"].get("DeleteOnTermination", False))

    def leave_volumes(self, i):
        """Of an instance that is terminated."""
        for v in [v for v in self.volumes.values() if v["of"] == i["InstanceId"]]:
            if v.get("ends"):
                del self.volumes[v["VolumeId"]]
            else:
                v.update(of=None, State="available")

    def described(self, v):
        return dict(self.shown(v, "VolumeId", "Size", "SnapshotId", "AvailabilityZone", "Tags", "State"),
                    Attachments=[{"InstanceId": v["of"], "VolumeId": v["VolumeId"], "State": "attached",
                                  "Device": v["device"]}] if v["of"] else [])

    def CreateVolume(self, p):
        def make():
            self.snapshot_for(p["SnapshotId"], p["Size"])
            tags = [t for s in p.get("TagSpecifications", []) for t in s["Tags"]]
            made = self.described(self.add_volume(p["Size"], p["SnapshotId"], p["AvailabilityZone"], tags))
            made.pop("Attachments")
            return made
        return self.once("CreateVolume", p, make)

    def DescribeVolumes(self, p):
        for n in p.get("VolumeIds", []):
            self.known(self.volumes, n, "InvalidVolume.NotFound")
        found = [v for n, v in self.volumes.items() if n in p.get("VolumeIds", self.volumes)]
        for v in found:
            if v["State"] == "creating":
                v["left"] -= 1
                v["State"] = "creating" if v["left"] >= 0 else "available"
        return {"Volumes": [self.described(v) for v in self.filtered(found, p.get("Filters"), {})]}

    def AttachVolume(self, p):
        v = self.known(self.volumes, p["VolumeId"], "InvalidVolume.NotFound")
        i = self.known(self.instances, p["InstanceId"], "InvalidInstanceID.NotFound")
        if v["of"]:
            raise Refused("VolumeInUse", f"{p['VolumeId']} is already attached to an instance")
        if v["State"] != "available" or i["state"] != "running":
            raise Refused("IncorrectState", f"{v['State']}, {i['state']}")
        if v["AvailabilityZone"] != i["zone"]:
            raise Refused("InvalidVolume.ZoneMismatch", "the volume is in another zone")
        if any(o["of"] == p["InstanceId"] and o["device"] == p["Device"] for o in self.volumes.values()):
            raise Refused("InvalidParameterValue", f"{p['Device']} is in use")
        v.update(of=p["InstanceId"], State="in-use", device=p["Device"])
        return {"VolumeId": p["VolumeId"], "InstanceId": p["InstanceId"], "State": "attaching"}

    def DeleteVolume(self, p):
        v = self.known(self.volumes, p["VolumeId"], "InvalidVolume.NotFound")
        if v["of"]:
            raise Refused("VolumeInUse", "it is attached")
        del self.volumes[p["VolumeId"]]
