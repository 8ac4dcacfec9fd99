# SPDX-License-Identifier: ISC
"""Data volumes: --volume SIZE:/PATH[,keep].

A volume starts as a snapshot of an empty ext4, which mke2fs makes here and EBS direct uploads; the
guest has no mkfs.  It is found by the label of its file system: the disk's command line has
mount=LABEL=...:/PATH.

Without `keep`, EC2 makes the volume at the launch, and deletes it with its instance.  With it, the
volume is created in the zone of the first instance, attached when the instance runs (the guest
waits for it), and found again by its tags.  Neither `run` nor `gc` deletes it; `gc` reports it.
"""

import dataclasses
import hashlib
import os
import re
import tempfile
import uuid
from pathlib import Path

from . import disk as disks
from . import mark, upload
from .errors import AwsError, Ec2Error

GiB = 1 << 30
MOST = 1024             # GiB
MANY = 8                # volumes of an instance
AWAITED = 600           # seconds for which the guest waits for its disk
DOLLARS = 0.10          # per GiB and month of gp2 in us-east-1, 2024
WAIT = 60               # times 5 s
USED = ("creating", "available", "in-use")
FEATURES = ("none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,"
            "huge_file,dir_nlink,extra_isize,metadata_csum")


@dataclasses.dataclass(frozen=True)
class Volume:
    """What --volume asks for."""
    size: int           # GiB
    path: str
    keep: bool

    @property
    def label(self):
        name = self.path.strip("/").replace("/", "-") or "root"
        return name if len(name) <= 16 else f"{name[:7]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    @property
    def mount(self):
        """The guest's kernel option."""
        return f"mount=LABEL={self.label}:{self.path},wait={AWAITED}"

    def __str__(self):
        return f"{self.size} GiB for {self.path}"


def parse(words):
    """The volumes of all --volume options."""
    found = []
    for word in words:
        m = re.fullmatch(r"(\d{1,4})([GT]):(/[A-Za-z0-9._/-]{0,100})(,keep)?", word)
        size = int(m[1]) * {"G": 1, "T": 1024}[m[2]] if m else 0
        if not 1 <= size <= MOST:
            raise Ec2Error(f"--volume {word!r}: it must be SIZE:/PATH or SIZE:/PATH,keep with a size from 1G to "
                           f"{MOST}G, such as 10G:/data,keep")
        found.append(Volume(size, m[3], bool(m[4])))
    if len({v.label for v in found}) < len(found):
        raise Ec2Error("--volume: two volumes have the same path, or paths that are too similar")
    if len(found) > MANY:
        raise Ec2Error(f"--volume: at most {MANY} volumes")
    return tuple(found)


def device(job, volume):
    return f"/dev/sd{'fghijklm'[job.volumes.index(volume)]}"


def check_image(image, ami, wanted):
    there = (mark.read(image).get("mounts") or "").split()
    for v in wanted:
        if f"{v.label}:{v.path}" not in there:
            raise Ec2Error(f"--volume: {ami} does not mount a volume at {v.path}; `ec2 upload --volume "
                           f"{v.size}G:{v.path} APP` makes an image that does")


# -- the empty file system

class Sparse:
    """A file with holes as the contents of a disk, for upload.blocks_of()."""

    def __init__(self, file):
        self.fd, self.size = file.fileno(), os.fstat(file.fileno()).st_size

    def __len__(self):
        return self.size

    def __getitem__(self, part):
        return os.pread(self.fd, part.stop - part.start, part.start)

    def used(self, size):
        """Indexes of the blocks that are not holes."""
        found, at = set(), 0
        while at < self.size:
            try:
                at = os.lseek(self.fd, at, os.SEEK_DATA)
            except OSError:         # ENXIO: only holes follow
                break
            end = os.lseek(self.fd, at, os.SEEK_HOLE)
            found.update(range(at // size, (end - 1) // size + 1))
            at = end
        return sorted(found)


def make(file, volume):
    """Write an empty ext4 to an empty file; the same volume gives the same bytes."""
    name = disks.identity({f"{volume.label} {volume.size}": None})
    os.ftruncate(file.fileno(), volume.size * GiB)
    clock = dict(os.environ, E2FSPROGS_FAKE_TIME=str(disks.EPOCH), TZ="UTC", LC_ALL="C",
                 MKE2FS_CONFIG="/dev/null", MKE2FS_SKIP_CHECK_MSG="1")
    disks.run([disks.tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-I", "256",
               "-L", volume.label, "-U", name, "-O", FEATURES,
               "-E", f"nodiscard,lazy_itable_init=1,hash_seed={name}", file.name], clock)


def snapshot(aws, volume, folder, owner, keep):
    """A snapshot of an empty file system for this volume, which is uploaded unless there is one."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix="volume-", dir=folder) as file:
            make(file, volume)
            data = Sparse(file)
            digest = hashlib.sha256()
            for index, block in upload.blocks_of(data, 1 << 19):
                digest.update(index.to_bytes(8, "little") + block)
            return upload.snapshot(aws, data, f"volume-{volume.label}", folder, digest.hexdigest(),
                                   mark.tags(owner, mark.after(keep), disk=digest.hexdigest(),
                                             empty=f"{volume.size}G {volume.label}"))
    except OSError as e:
        raise Ec2Error(f"cannot make a file system in {folder}: {e.strerror}") from None


# -- before a launch

def find(aws, title, volume):
    """The kept volume of an application that an earlier run has left, or None."""
    found = aws.ask("ec2", "describe-volumes", {"Filters": [
        *mark.FILTER, {"Name": "tag:xenolith:app", "Values": [title]},
        {"Name": "tag:xenolith:volume", "Values": [volume.path]}]}, unasked={"Volumes": []})["Volumes"]
    found = [v for v in found if mark.ours(v) and v["State"] in USED]
    if len(found) > 1:
        raise Ec2Error(f"{title} has several kept volumes for {volume.path} "
                       f"({', '.join(v['VolumeId'] for v in found)}): `ec2 volume delete` deletes one")
    if found and found[0]["Size"] != volume.size:
        raise Ec2Error(f"{found[0]['VolumeId']}, the volume of {title} for {volume.path}, has {found[0]['Size']} GiB, "
                       f"not {volume.size}: its size cannot be changed here")
    return found[0] if found else None


def prepare(aws, job, title, folder, keep):
    """Find or upload what the volumes of a job need: sets job.kept, job.mappings and job.zone."""
    job.kept = {v: find(aws, title, v) for v in job.volumes if v.keep}
    zones = {there["AvailabilityZone"] for there in job.kept.values() if there}
    if len(zones) > 1 or zones and job.zone not in (None, *zones):
        raise Ec2Error(f"the kept volumes of {title} are in {' and '.join(sorted(zones))}: an instance elsewhere cannot "
                       "use them")
    job.zone = job.zone or next(iter(zones), None)
    for v, there in job.kept.items():
        if there:
            aws.say(f"{there['VolumeId']} ({v}) is used again")
            busy = holders(there)
            if busy and not job.replace:
                raise Ec2Error(f"{there['VolumeId']} ({v}) is attached to {' '.join(busy)}: --replace terminates it "
                               "first, when the new image is ready")
    job.snapshots = {v: snapshot(aws, v, folder, job.owner, keep) for v in job.volumes if not job.kept.get(v)}
    job.mappings = [{"DeviceName": device(job, v), "Ebs": {
        "SnapshotId": job.snapshots[v], "VolumeSize": v.size, "VolumeType": "gp2", "DeleteOnTermination": True}}
        for v in job.volumes if not v.keep]
    for v in job.volumes:
        aws.say(f"volume: {v}, about ${v.size * DOLLARS:.2f} per month (us-east-1, 2024), "
                + ("kept after the end: `ec2 list` shows it, `ec2 volume delete` deletes it" if v.keep
                   else "deleted with its instance"))


def holders(there):
    """The instances that a volume is attached to."""
    return [a["InstanceId"] for a in there.get("Attachments") or [] if a.get("State") != "detached"]


def state(aws, name):
    """AWS's description of a volume; None: AWS does not know it (yet)."""
    try:
        found = aws.ask("ec2", "describe-volumes", {"VolumeIds": [name]})["Volumes"]
    except AwsError as e:
        if e.code == "InvalidVolume.NotFound":
            return None
        raise
    return found[0] if found else None


def wait_until_available(aws, name):
    for _ in range(WAIT):
        there = state(aws, name)
        if there and there["State"] == "available":
            return
        if there and there["State"] in ("error", "deleting", "deleted"):
            raise Ec2Error(f"volume {name} cannot be used: it is {there['State']}")
        aws.sleep(5)
    raise Ec2Error(f"volume {name} is not available after 5 minutes")


def release(aws, job, terminate):
    """--replace: terminate the instances that have the kept volumes."""
    for v, there in job.kept.items():
        if not there or aws.dry:
            continue
        for name in holders(state(aws, there["VolumeId"]) or there):
            aws.say(f"terminating {name}, which has {there['VolumeId']} ({v})")
            if not terminate(aws, name):
                raise Ec2Error(f"AWS does not report {name} as terminated")
        wait_until_available(aws, there["VolumeId"])


# -- when the instance runs

def attach_all(aws, job, instance, title):
    """Attach the kept volumes to an instance that runs; those that are new are created in its zone."""
    for v, there in job.kept.items():
        if not there:
            zone = instance["Placement"]["AvailabilityZone"]
            there = job.kept[v] = create(aws, job, v, zone, title)
        attach(aws, there["VolumeId"], instance["InstanceId"], device(job, v))
        aws.say(f"{there['VolumeId']} ({v}) is attached to {instance['InstanceId']}")


def create(aws, job, volume, zone, title):
    tags = [t for t in mark.tags(job.owner, mark.now(), app=title, volume=volume.path)
            if t["Key"] != "xenolith:expires"]
    try:
        made = aws.do("ec2", "create-volume", {
            "AvailabilityZone": zone, "SnapshotId": job.snapshots[volume], "Size": volume.size, "VolumeType": "gp2",
            "ClientToken": str(uuid.uuid4()), "TagSpecifications": [{"ResourceType": "volume", "Tags": tags}]})
    except Ec2Error as e:
        if e.uncertain:
            aws.say(f"a volume ({volume}) MAY HAVE BEEN CREATED, AND COST MONEY: `ec2 gc` reports it")
        raise
    aws.say(f"{made['VolumeId']} ({volume}) is created, and is kept")
    wait_until_available(aws, made["VolumeId"])
    return made


def attach(aws, name, instance, at):
    for left in reversed(range(WAIT)):
        try:
            aws.do("ec2", "attach-volume", {"Device": at, "InstanceId": instance, "VolumeId": name})
            return
        except AwsError as e:
            if e.code == "VolumeInUse" and instance in holders(state(aws, name) or {}):
                return              # by a call whose reply was lost
            # Not everything of AWS knows the new state at once.
            if e.code not in ("IncorrectState", "IncorrectInstanceState", "InvalidInstanceID.NotFound",
                              "InvalidVolume.NotFound") or not left:
                raise
            if e.code.startswith("Incorrect") and left % 4 == 0 and has_ended(aws, instance):
                raise
        aws.sleep(5)


def has_ended(aws, instance):
    found = aws.ask("ec2", "describe-instances", {"InstanceIds": [instance]})["Reservations"]
    return all(i["State"]["Name"] not in ("pending", "running") for r in found for i in r["Instances"])


# -- list, gc, delete

def volumes(aws):
    """All volumes with our tag; [] if the user may not see them, which is said."""
    try:
        found = aws.ask("ec2", "describe-volumes", {"Filters": mark.FILTER})["Volumes"]
    except AwsError as e:
        if e.code not in ("AccessDenied", "UnauthorizedOperation"):
            raise
        aws.say("volumes are neither shown nor removed: you are not permitted to see them (tools/ec2/policy.json)")
        return []
    return [v for v in found if mark.ours(v) and v["State"] in USED]


def kept(thing):
    return "volume" in mark.read(thing)


def rows(found):
    """For `ec2 list`: the kept ones, and those without an instance."""
    return [[v["VolumeId"], f"{v['State']} {v['Size']}G" + (f" {mark.read(v)['volume']}" if kept(v) else ""), v]
            for v in found if kept(v) or v["State"] == "available"]


def report(aws, thing):
    tags = mark.read(thing)
    aws.say(f"volume {thing['VolumeId']} ({thing['Size']} GiB, {tags.get('app', '?')}, {tags['volume']}) is kept and costs "
            f"money; `ec2 volume delete {thing['VolumeId']}` deletes it")


def delete_one(aws, name):
    there = state(aws, name)
    if not there or there["State"] not in USED:
        raise Ec2Error(f"there is no volume {name} in this region (`ec2 list` shows yours)")
    if not mark.ours(there):
        raise Ec2Error(f"{name} does not have the tag `xenolith`: it does not belong to Xenolith")
    if holders(there):
        raise Ec2Error(f"{name} is attached to {' '.join(holders(there))}: `ec2 stop` ends the instance")
    remove(aws, name)


def remove(aws, name):
    try:
        aws.do("ec2", "delete-volume", {"VolumeId": name})
    except AwsError:
        there = state(aws, name)
        if there and there["State"] in USED:        # otherwise a call whose reply was lost has deleted it
            raise


def delete(aws, names):
    failed = 0
    for name in names:
        try:
            delete_one(aws, name)
            aws.say(f"{name} is deleted" if not aws.dry else f"{name} would be deleted")
        except Ec2Error as e:
            failed = 1
            aws.say(f"{name}: {e}")
    return failed
