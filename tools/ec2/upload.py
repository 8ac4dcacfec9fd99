# SPDX-License-Identifier: ISC
"""Makes an AMI from a disk, by EBS direct, which needs neither a bucket nor an import role.

The disk is read once: what is uploaded is what its digest in the tags says, also if the file is
replaced meanwhile.  An upload that was killed is continued: DIGEST.upload.json beside the disk has
the snapshot and its client token, and is written before the snapshot is started.  Each resource
has the tag `xenolith` from its creation, so that `gc` finds it.
"""

import base64
import concurrent.futures
import hashlib
import json
import re
import sys
import uuid
from pathlib import Path

from . import disk as disks
from . import mark
from .errors import AwsError, Ec2Error

GiB = 1 << 30
AT_ONCE = 8             # parallel calls
TIMEOUT = 60            # minutes without a block until AWS abandons a snapshot


def b64(digest):
    return base64.b64encode(digest).decode()


def find_aki(aws, partitioned):
    """Returns the newest PV-GRUB kernel of Amazon."""
    kind = "hd00" if partitioned else "hd0"
    found = aws.ask("ec2", "describe-images", {
        "Owners": ["amazon"], "IncludeDeprecated": True,
        "Filters": [{"Name": "name", "Values": [f"pv-grub-{kind}_*-x86_64.gz"]},
                    {"Name": "image-type", "Values": ["kernel"]}]},
        unasked={"Images": [{"Name": f"pv-grub-{kind}_0.0-x86_64.gz", "ImageId": "AKI"}]})["Images"]

    def version(image):
        m = re.fullmatch(rf"pv-grub-{kind}_(\d+)\.(\d+)-x86_64\.gz", image.get("Name", ""))
        return (int(m[1]), int(m[2])) if m else (-1, -1)
    # Any account can use such a name, so the owner is requested and checked.
    good = [i for i in found if version(i) > (-1, -1)
            and i.get("ImageOwnerAlias", "amazon") == "amazon"]
    if not good:
        raise Ec2Error("Amazon has no PV-GRUB kernel in this region. Choose an older --region for "
                       "PV images, such as us-east-1, us-west-2, eu-west-1.")
    return max(good, key=version)["ImageId"]


def blocks_of(data, size):
    """Yields (index, bytes) of each block that is not all zeros; the last one is padded.

    data: bytes, or a sparse file, which knows where it is all zeros.
    """
    for index in data.used(size) if hasattr(data, "used") else range(-(-len(data) // size)):
        block = data[index * size:(index + 1) * size]
        if block.count(0) != len(block):
            yield index, block.ljust(size, b"\0")


class State:
    """The file by which the next run continues an upload."""

    def __init__(self, path, key):
        self.path, self.key = path, key
        try:
            self.data = json.loads(self.path.read_text())
            if self.data["key"] != key or not isinstance(self.data["done"], list):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            self.data = None

    def begin(self, start):
        self.data = {"key": self.key, "start": start, "snapshot": None, "done": []}
        self.save()

    def save(self):
        new = self.path.with_name(self.path.name + ".new")
        new.write_text(json.dumps(self.data) + "\n")
        new.replace(self.path)

    def forget(self):
        self.data = None
        self.path.unlink(missing_ok=True)


class Bar:
    def __init__(self, total, say):
        self.total, self.say, self.terminal = total, say, sys.stderr.isatty()

    def show(self, done):
        if self.terminal:
            full = 40 * done // max(1, self.total)
            end = "\n" if done == self.total else ""
            sys.stderr.write(f"\r[{'#' * full}{'.' * (40 - full)}] {done}/{self.total} blocks{end}")
            sys.stderr.flush()
        elif done == self.total:
            self.say(f"{done} blocks are uploaded")


def snapshot_state(aws, snapshot):
    try:
        found = aws.ask("ec2", "describe-snapshots", {"SnapshotIds": [snapshot]})["Snapshots"]
    except AwsError as e:
        if e.code == "InvalidSnapshot.NotFound":
            return None
        raise
    return found[0]["State"] if found else None


def start(aws, state, length, title, tags):
    """Start a snapshot, or continue one; returns its id and block size."""
    size = -(-length // GiB)
    if state.data and state.data["snapshot"]:
        how = snapshot_state(aws, state.data["snapshot"])
        if how in ("pending", "completed"):
            aws.say(f"continuing {state.data['snapshot']}")
        else:
            state.data = None
    again = bool(state.data)
    if not state.data:
        state.begin({"VolumeSize": size, "ClientToken": str(uuid.uuid4()), "Timeout": TIMEOUT,
                     "Description": f"xenolith {title}", "Tags": tags})
    if not state.data["snapshot"]:
        made = aws.ask("ebs", "start-snapshot", state.data["start"])
        if again and snapshot_state(aws, made["SnapshotId"]) not in ("pending", "completed"):
            # The snapshot of this token was removed meanwhile.
            state.begin(dict(state.data["start"], ClientToken=str(uuid.uuid4())))
            made = aws.ask("ebs", "start-snapshot", state.data["start"])
        state.data.update(snapshot=made["SnapshotId"], block=made["BlockSize"])
        state.save()
    return state.data["snapshot"], state.data["block"]


def put(aws, snapshot, index, data):
    aws.ask("ebs", "put-snapshot-block", {
        "SnapshotId": snapshot, "BlockIndex": index, "BlockData": data, "DataLength": len(data),
        "Checksum": b64(hashlib.sha256(data).digest()), "ChecksumAlgorithm": "SHA256"})


def put_all(aws, state, disk, snapshot, size):
    blocks = {i: hashlib.sha256(d).digest() for i, d in blocks_of(disk, size)}
    done, bar = set(state.data["done"]) & set(blocks), Bar(len(blocks), aws.say)
    missing = ((i, d) for i, d in blocks_of(disk, size) if i not in done)
    bar.show(len(done))
    pool, running = concurrent.futures.ThreadPoolExecutor(AT_ONCE), {}
    try:
        while True:
            for index, data in missing:     # only AT_ONCE blocks are in memory
                running[pool.submit(put, aws, snapshot, index, data)] = index
                if len(running) >= AT_ONCE:
                    break
            if not running:
                return blocks
            for f in concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                f.result()
                done.add(running.pop(f))
                state.data["done"] = sorted(done)
                state.save()
                bar.show(len(done))
    finally:
        # The calls under way are not awaited: the process ends (tools/ec2/ec2).
        pool.shutdown(wait=False, cancel_futures=True)


def complete(aws, state, snapshot, blocks):
    refusal = None
    if snapshot_state(aws, snapshot) == "pending" and not state.data.get("sealed"):
        whole = hashlib.sha256(b"".join(blocks[i] for i in sorted(blocks))).digest()
        try:
            aws.ask("ebs", "complete-snapshot", {
                "SnapshotId": snapshot, "ChangedBlocksCount": len(blocks),
                "Checksum": b64(whole), "ChecksumAlgorithm": "SHA256",
                "ChecksumAggregationMethod": "LINEAR"})
        except AwsError as e:
            # It may have been repeated after a lost reply: the snapshot's state will show it.
            if e.code not in ("ValidationException", "ConflictException"):
                raise
            refusal = e
        else:
            state.data["sealed"] = True
            state.save()
    for turn in range(240):
        how = snapshot_state(aws, snapshot)
        if how == "completed":
            return
        if how not in ("pending", None):        # None: eventual consistency
            state.forget()
            raise Ec2Error(f"AWS abandoned snapshot {snapshot} ({how}): upload again; "
                           "`ec2 gc` removes the snapshot")
        if refusal and turn == 24:
            raise refusal
        aws.sleep(5)
    raise Ec2Error(f"snapshot {snapshot} is not ready after 20 minutes: run the same command "
                   "again later; nothing is uploaded twice")


def request(name, kind, snapshot, aki, partitioned):
    root = "/dev/xvda" if kind == "hvm" else "/dev/sda" if partitioned else "/dev/sda1"
    words = {
        "Name": name, "Description": "a Xenolith appliance", "Architecture": "x86_64",
        "VirtualizationType": kind, "RootDeviceName": root,
        "BlockDeviceMappings": [{"DeviceName": root, "Ebs": {
            "SnapshotId": snapshot, "VolumeType": "gp2", "DeleteOnTermination": True}}],
    }
    return words if kind == "hvm" else dict(words, KernelId=aki)


def register(aws, words, tags):
    """Register an AMI that has its tags from the beginning, and wait until it can be used."""
    if aws.has("ec2", "register-image", "TagSpecifications"):
        words = dict(words, TagSpecifications=[{"ResourceType": "image", "Tags": tags}])
    else:       # Debian 12's botocore is older than this parameter
        fields = {"TagSpecification.1.ResourceType": "image"}
        for n, tag in enumerate(tags, 1):
            fields.update({f"TagSpecification.1.Tag.{n}.{k}": v for k, v in tag.items()})
        aws.add_fields("ec2", "register-image", fields)
    name = registered(aws, words)
    for _ in range(60):
        how = image_state(aws, name)
        if how == "available":
            return name
        if how in ("failed", "error", "invalid", "deregistered"):
            raise Ec2Error(f"AWS could not make {name}: it is {how}. Upload again; `ec2 gc` "
                           "removes what is left")
        aws.sleep(5)
    raise Ec2Error(f"{name} is not available after 5 minutes: run the same command again later; "
                   "nothing is uploaded twice")


def image_state(aws, name):
    """None: AWS does not know it yet."""
    try:
        found = aws.ask("ec2", "describe-images", {"ImageIds": [name]})["Images"]
    except AwsError as e:
        if e.code not in ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"):
            raise
        found = []
    return found[0].get("State") if found else None


def registered(aws, words):
    try:
        return aws.ask("ec2", "register-image", words)["ImageId"]
    except AwsError as e:
        if e.code != "InvalidAMIName.Duplicate":
            raise
        # A call whose reply was lost has made it.
        for _ in range(12):
            images = aws.ask("ec2", "describe-images", {"Owners": ["self"], "Filters": [
                {"Name": "name", "Values": [words["Name"]]}]})["Images"]
            if images:
                return images[0]["ImageId"]
            aws.sleep(5)
        raise


def choose(data, kinds):
    """Returns the first of these virtualization types that the disk supports."""
    able, _ = disks.boot_types(data)
    kind = next((k for k in kinds if k in able), None)
    if kind is None:
        raise Ec2Error(f"this disk boots only as {' or '.join(able)}: make it without --whole")
    return kind


def read(disk):
    try:
        data = disk.read_bytes() if disk.stat().st_size <= GiB else None
    except OSError as e:
        raise Ec2Error(f"disk {disk}: {e.strerror}") from None
    if data is None or len(data) < 512:
        raise Ec2Error(f"disk {disk}: its size must be 512 bytes to 1 GiB; `ec2 image` makes a "
                       "disk")
    return data


def existing(aws, digest, kind):
    """An AMI of this disk."""
    found = aws.ask("ec2", "describe-images", {"Owners": ["self"], "Filters": [
        {"Name": "tag:xenolith:disk", "Values": [digest]},
        {"Name": "virtualization-type", "Values": [kind]}]}, unasked={"Images": []})["Images"]
    name = next((i["ImageId"] for i in found if i.get("State") == "available"), None)
    if name:
        aws.say(f"{name} has the same contents: nothing to upload")
    return name


def upload(aws, data, title, folder, owner, keep, lifetime, kinds=("hvm", "paravirtual")):
    """Make an AMI of the disk unless one exists, of the first supported kind; returns its id.

    folder: where the state of the upload is kept.
    """
    title = re.sub(r"[^A-Za-z0-9_.-]", "-", title)
    kind, (_, partitioned) = choose(data, kinds), disks.boot_types(data)
    digest = hashlib.sha256(data).hexdigest()
    account = aws.identity()["Account"]
    there = existing(aws, digest, kind)
    if there:
        return there
    aki = None if kind == "hvm" else find_aki(aws, partitioned)
    tags = mark.tags(owner, mark.after(keep), app=title, disk=digest,
                     lifetime=f"{lifetime}s" if lifetime else None, mounts=disks.mounts_of(data))
    aws.say(f"uploading {title} as {kind}: a snapshot in account {account}, which costs some cents "
            f"per GB and month. `ec2 gc` removes it after {mark.stamp(mark.after(keep))}")
    if aws.dry:
        return pretend(aws, data, tags,
                       request(f"xenolith-{title}-...", kind, "SNAPSHOT", aki, partitioned))
    path = Path(folder) / f"{digest[:16]}-{kind}.upload.json"

    try:
        with locked(aws, path):
            there = existing(aws, digest, kind)     # of the process that had the lock
            if there:
                return there
            state = State(path, f"{account} {' '.join(aws.options)} {digest} {kind}")
            made = put_disk(aws, state, data, title, tags)
            image = register(aws, request(f"xenolith-{title}-{kind}-{digest[:12]}", kind, made,
                                          aki, partitioned), tags)
            state.forget()
    except OSError as e:
        raise Ec2Error(f"cannot write {path}: {e.strerror}") from None
    aws.say(f"{image} is ready")
    return image


def locked(aws, path):
    return disks.locked(path, lambda: aws.say("another process uploads the same disk: waiting for it"))


def put_disk(aws, state, data, title, tags):
    """A completed snapshot of the disk; the upload is noted in state."""
    made, size = start(aws, state, len(data), title, tags)
    complete(aws, state, made, put_all(aws, state, data, made, size))
    return made


def snapshot(aws, data, title, folder, digest, tags):
    """A snapshot of a disk that is no AMI, unless there is one; returns its id."""
    def existing():
        found = aws.ask("ec2", "describe-snapshots", {"OwnerIds": ["self"], "Filters": [
            {"Name": "tag:xenolith:disk", "Values": [digest]}]}, unasked={"Snapshots": []})["Snapshots"]
        return next((s["SnapshotId"] for s in found if s["State"] == "completed"), None)
    there = existing()
    if there:
        return there
    aws.say(f"uploading {title}: an empty file system, as a snapshot")
    if aws.dry:
        pretend_blocks(aws, data, tags)
        return "SNAPSHOT"
    path = Path(folder) / f"{digest[:16]}-volume.upload.json"
    with locked(aws, path):
        there = existing()          # of the process that had the lock
        if not there:
            state = State(path, f"{aws.identity()['Account']} {' '.join(aws.options)} {digest}")
            there = put_disk(aws, state, data, title, tags)
            state.forget()
    return there


def pretend(aws, data, tags, words):
    pretend_blocks(aws, data, tags)
    aws.do("ec2", "register-image", dict(words, TagSpecifications=[
        {"ResourceType": "image", "Tags": tags}]))
    return "AMI"


def pretend_blocks(aws, data, tags):
    aws.do("ebs", "start-snapshot", {"VolumeSize": -(-len(data) // GiB), "Tags": tags, "Timeout": TIMEOUT,
                                     "ClientToken": "..."})
    blocks = list(blocks_of(data, 1 << 19))
    for i, block in blocks:
        aws.do("ebs", "put-snapshot-block", {
            "SnapshotId": "SNAPSHOT", "BlockIndex": i, "BlockData": block,
            "DataLength": len(block), "Checksum": b64(hashlib.sha256(block).digest()),
            "ChecksumAlgorithm": "SHA256"})
    aws.do("ebs", "complete-snapshot", {"SnapshotId": "SNAPSHOT",
                                        "ChangedBlocksCount": len(blocks)})
