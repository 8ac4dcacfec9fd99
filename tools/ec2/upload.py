# SPDX-License-Identifier: ISC
"""Makes an AMI from a disk, by EBS direct, which needs neither a bucket nor an import role.

An upload that was killed is continued: DISK.upload.json has the snapshot and its client token,
and is written before the snapshot is started.  Each resource has the tag `xenolith` from its
creation, so that `gc` finds it, except the AMI, which is tagged a moment later and is found by
its snapshot.
"""

import base64
import concurrent.futures
import hashlib
import json
import os
import re
import sys
import uuid
from pathlib import Path

from . import disk as disks
from . import mark
from .errors import AwsError, Ec2Error

GiB = 1 << 30
AT_ONCE = 4             # parallel calls of the AWS CLI; more are not faster on a small machine
TIMEOUT = 60            # minutes without a block until AWS abandons a snapshot


def b64(digest):
    return base64.b64encode(digest).decode()


def find_aki(aws, partitioned):
    """Returns the newest PV-GRUB kernel of Amazon."""
    kind = "hd00" if partitioned else "hd0"
    found = aws.ask("ec2", "describe-images", {
        "Owners": ["amazon"],
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


def blocks_of(path, size):
    """Yields (index, bytes) of each block that is not all zeros; the last one is padded."""
    with open(path, "rb") as f:
        for index in range(1 << 40):
            data = f.read(size)
            if not data:
                return
            if data.count(0) != len(data):
                yield index, data.ljust(size, b"\0")


class State:
    """The file by which the next run continues an upload."""

    def __init__(self, disk, key):
        self.path, self.key = disk.with_name(disk.name + ".upload.json"), key
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


def start(aws, state, disk, title, tags):
    """Start a snapshot, or continue one; returns its id and block size."""
    size = -(-disk.stat().st_size // GiB)
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
    # The CLI needs a file with a name; this one ends with the process.
    with open(os.memfd_create("block"), "wb") as f:
        f.write(data)
        f.flush()
        aws.ask("ebs", "put-snapshot-block", {}, [
            "--snapshot-id", snapshot, "--block-index", str(index),
            "--block-data", f"/proc/{os.getpid()}/fd/{f.fileno()}",
            "--data-length", str(len(data)), "--checksum", b64(hashlib.sha256(data).digest()),
            "--checksum-algorithm", "SHA256"])


def put_all(aws, state, disk, snapshot, size):
    blocks = {i: hashlib.sha256(d).digest() for i, d in blocks_of(disk, size)}
    done, bar = set(state.data["done"]) & set(blocks), Bar(len(blocks), aws.say)
    missing = ((i, d) for i, d in blocks_of(disk, size) if i not in done)
    bar.show(len(done))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = {}
        try:
            while True:
                for index, data in missing:     # only AT_ONCE blocks are in memory
                    running[pool.submit(put, aws, snapshot, index, data)] = index
                    if len(running) >= AT_ONCE:
                        break
                if not running:
                    break
                for f in concurrent.futures.wait(
                        running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                    f.result()
                    done.add(running.pop(f))
                    state.data["done"] = sorted(done)
                    state.save()
                    bar.show(len(done))
        finally:
            for f in running:
                f.cancel()
    return blocks


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


def register(aws, words):
    try:
        return aws.ask("ec2", "register-image", words)["ImageId"]
    except AwsError as e:
        if e.code != "InvalidAMIName.Duplicate":
            raise
        images = aws.ask("ec2", "describe-images", {"Owners": ["self"], "Filters": [
            {"Name": "name", "Values": [words["Name"]]}]})["Images"]
        if not images:
            raise
        return images[0]["ImageId"]


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


def upload(aws, disk, title, owner, keep, lifetime, kinds=("hvm", "paravirtual")):
    """Make an AMI of the disk unless one exists, of the first supported kind; returns its id."""
    disk = Path(disk)
    data = read(disk)
    kind, (_, partitioned) = choose(data, kinds), disks.boot_types(data)
    digest = hashlib.sha256(data).hexdigest()
    account = aws.identity()["Account"]
    there = aws.ask("ec2", "describe-images", {"Owners": ["self"], "Filters": [
        {"Name": "tag:xenolith:disk", "Values": [digest]},
        {"Name": "virtualization-type", "Values": [kind]}]}, unasked={"Images": []})["Images"]
    there = [i for i in there if i.get("State") == "available"]
    if there:
        aws.say(f"{there[0]['ImageId']} has the same contents: nothing to upload")
        return there[0]["ImageId"]
    aki = None if kind == "hvm" else find_aki(aws, partitioned)
    tags = mark.tags(owner, mark.after(keep), app=title, disk=digest,
                     lifetime=f"{lifetime}s" if lifetime else None)
    aws.say(f"uploading {title} as {kind}: a snapshot in account {account}, which costs some cents "
            f"per GB and month. `ec2 gc` removes it after {mark.stamp(mark.after(keep))}")
    if aws.dry:
        return pretend(aws, disk, tags,
                       request(f"xenolith-{title}-...", kind, "SNAPSHOT", aki, partitioned))
    state = State(disk, f"{account} {' '.join(aws.options)} {digest} {kind}")
    snapshot, size = start(aws, state, disk, title, tags)
    complete(aws, state, snapshot, put_all(aws, state, disk, snapshot, size))
    image = register(aws, request(f"xenolith-{title}-{kind}-{digest[:12]}", kind, snapshot, aki,
                                  partitioned))
    aws.ask("ec2", "create-tags", {"Resources": [image], "Tags": tags})
    state.forget()
    aws.say(f"{image} is ready")
    return image


def pretend(aws, disk, tags, words):
    aws.do("ebs", "start-snapshot", {"VolumeSize": 1, "Tags": tags, "Timeout": TIMEOUT,
                                     "ClientToken": "..."})
    blocks = {i: hashlib.sha256(d).digest() for i, d in blocks_of(disk, 1 << 19)}
    for i in blocks:
        aws.do("ebs", "put-snapshot-block", {}, words=[
            "--snapshot-id", "SNAPSHOT", "--block-index", str(i), "--block-data", "FILE",
            "--data-length", str(1 << 19), "--checksum", b64(blocks[i]),
            "--checksum-algorithm", "SHA256"])
    aws.do("ebs", "complete-snapshot", {"SnapshotId": "SNAPSHOT",
                                        "ChangedBlocksCount": len(blocks)})
    aws.do("ec2", "register-image", words)
    aws.do("ec2", "create-tags", {"Resources": ["AMI"], "Tags": tags})
    return "AMI"
