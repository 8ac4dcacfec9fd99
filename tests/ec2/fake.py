# SPDX-License-Identifier: ISC
"""A simulated cloud: EC2, EBS direct, EventBridge Scheduler, IAM and STS over HTTP.

    with Cloud(botocore_path) as cloud:         # cloud.url, cloud.environment()
        cloud.trouble["RunInstances"] = [Refused("InsufficientInstanceCapacity", ...)]

In addition to AWS's service model (model.py), it simulates: states that change after a number
of requests, resources that are not known everywhere at once, client tokens, checksums of
blocks, and what a terminated instance leaves behind.  It allows only what tools/ec2/policy.json
allows, and its scheduler only what scheduler-policy.json does.

trouble[OPERATION] is a list; each request takes one element: Refused is the reply; "lost"
executes the request and drops the connection; "503" and "throttle" are these errors; "ok"
executes the request; "slow" does it later; "broken" executes it and answers InternalError; the
names in GARBAGE execute it and answer what no client expects.

on_run(instance) is called in a thread when an instance starts.  It returns (console, reason):
with "poweroff" the shutdown behaviour is applied, with other reasons the instance runs on.
"""

import base64
import hashlib
import http.server
import itertools
import json
import re
import sys
import threading
import time
import urllib.parse
from pathlib import Path

from fleets import Fleets
from instances import Instances
from model import Refused, Service, check, signature
from networks import Networks
from policy import Policy, needs
from volume_store import VolumeStore

POLICIES = Path(__file__).resolve().parent.parent.parent / "tools/ec2"

GiB = 1 << 30
BLOCK = 524288
ACCOUNT = "123456789012"
SERVICES = ("autoscaling", "ec2", "ebs", "logs", "scheduler", "sts", "iam")
GARBAGE = {"html": (200, {"Content-Type": "text/html"}, b"<html><p>Welcome to our proxy"),
           "nothing": (200, {}, b""), "gateway": (502, {}, b"bad gateway"),
           "binary": (200, {"Content-Type": "text/xml"}, bytes(range(256)))}


def loader(path):
    """botocore's, of the distribution's package below path."""
    sys.path.insert(0, str(path))
    import botocore.loaders
    import botocore.model
    return botocore.loaders.Loader(), botocore.model


def wildcard(pattern, text):
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text or "")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client):
        if not isinstance(sys.exc_info()[1], ConnectionError):      # a client that was killed
            super().handle_error(request, client)


class Cloud(Fleets, Instances, Networks, VolumeStore):
    def __init__(self, botocore, on_run=None):
        load, models = loader(botocore)
        self.services = {n: Service(n, load, models) for n in SERVICES}
        self.account, self.roles = ACCOUNT, {"xenolith-scheduler": "scheduler.amazonaws.com"}
        self.policy = Policy(POLICIES / "policy.json", POLICIES / "fleet-policy.json")
        self.ended_by = Policy(POLICIES / "scheduler-policy.json")
        self.keys = {"AKIAXENOLITHTEST": "not/a+secret"}
        self.on_run = on_run or (lambda instance: ("", "poweroff"))
        self.lock, self.trouble, self.log = threading.RLock(), {}, []
        self.delay = {"snapshot": 1, "pending": 1, "shutdown": 1, "unknown": 1, "console": 0,
                      "image": 1, "listed": 0, "apart": 0}
        self.tokens, self.numbers = {}, itertools.count(0x1000)
        self.groups, self.regions, self.volumes, self.logs = {}, set(), {}, {}
        self.fleets, self.templates = {}, {}
        self.images, self.snapshots, self.instances, self.schedules = {}, {}, {}, {}
        for name, owner in (("pv-grub-hd0_1.04-x86_64.gz", "amazon"),
                            ("pv-grub-hd0_1.10-x86_64.gz", "amazon"),
                            ("pv-grub-hd0_1.9-x86_64.gz", "amazon"),
                            ("pv-grub-hd00_1.05-x86_64.gz", "amazon"),
                            ("pv-grub-hd0_9.99-x86_64.gz", "mallory")):
            aki = self.name("aki")
            self.images[aki] = {"ImageId": aki, "Name": name, "ImageOwnerAlias": owner,
                                "ImageType": "kernel", "State": "available", "Tags": [],
                                "deprecated": True}

    def name(self, kind):
        return f"{kind}-{next(self.numbers):017x}"

    # -- the server

    def __enter__(self):
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if (self.headers.get("Transfer-Encoding") or "") == "chunked":
                    body = self.chunks()
                done = cloud.request(self.command, self.path, self.headers, body)
                if done is None:
                    self.close_connection = True
                    return
                status, headers, text = done
                self.send_response(status)
                for k, v in headers.items():
                    self.send_header(k, v)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def chunks(self):
                out = b""
                while size := int(self.rfile.readline() or self.lost(), 16):
                    out += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return out

            def lost(self):
                raise ConnectionError("the client was killed")
            do_GET = do_POST = do_PUT = do_DELETE = answer

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()

    def environment(self):
        key, secret = next(iter(self.keys.items()))
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.url,
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "1"}

    def request(self, method, path, headers, body):
        """Returns (status, headers, body), or None if the reply is lost."""
        service = None
        m = re.search(r"/(\w+)/aws4_request", headers.get("Authorization") or "")
        service = self.services.get(m[1] if m else "ec2", self.services["ec2"])
        try:
            signature(method, path, headers, body, self.keys, service.name == "ebs")
            operation, params = service.decode(method, path, headers, body)
            self.regions.add(m[1] if (m := re.search(r"/([\w-]+)/\w+/aws4_request", headers["Authorization"])) else None)
            with self.lock:
                self.log.append((operation.name, params))
                todo = self.trouble.get(operation.name) or self.trouble.get("*") or ["ok"]
                now = todo.pop(0)
                if isinstance(now, Refused):
                    raise now
                self.permit(service.name, operation.name, params)
                if now == "slow":
                    time.sleep(0.7)
                if now == "503":
                    raise Refused("InternalError", "an internal error has occurred", 503)
                if now == "throttle":
                    code = ("RequestLimitExceeded", 503) if service.name == "ec2" else \
                        ("ThrottlingException", 400)
                    raise Refused(code[0], "Request limit exceeded.", code[1])
                result = getattr(self, operation.name)(params)
                if now == "broken":
                    raise Refused("InternalError", "an internal error has occurred", 500)
                if now in GARBAGE:
                    return GARBAGE[now]
                return None if now == "lost" else service.encode(operation, result or {})
        except Refused as e:
            return service.error(e)

    def permit(self, service, name, params):
        for action, resource, context in needs(self, service, name, params):
            if not self.policy.allows(action, resource, context):
                raise Refused("UnauthorizedOperation", f"not authorized to perform {action} on "
                              f"{resource} with {context}", 403)

    def calls(self, operation):
        return [p for name, p in self.log if name == operation]

    # -- common to all services

    def once(self, operation, params, make):
        """Client tokens: the same words give the same thing, others are refused."""
        token = params.get("ClientToken")
        if token is None:
            return make()
        key = (operation, token)
        if key not in self.tokens:
            self.tokens[key] = (json.dumps(params, sort_keys=True, default=str), make())
        words, result = self.tokens[key]
        if words != json.dumps(params, sort_keys=True, default=str):
            raise Refused("IdempotentParameterMismatch", "the token was used with other words")
        return result

    @staticmethod
    def filtered(things, filters, fields):
        for f in filters or []:
            name, values = f["Name"], f["Values"]

            def fits(t):
                tags = {x["Key"]: x["Value"] for x in t.get("Tags", [])}
                if name == "tag-key":
                    return any(wildcard(v, k) for v in values for k in tags)
                if name.startswith("tag:"):
                    return any(wildcard(v, tags.get(name[4:])) for v in values)
                if name not in fields:
                    raise Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
                found = fields[name](t)
                return any(wildcard(v, x) for v in values
                           for x in (found if isinstance(found, list) else [found]))
            things = [t for t in things if fits(t)]
        return things

    def known(self, table, name, code):
        if name not in table or table[name].get("hidden", 0) > 0:
            if name in table:
                table[name]["hidden"] -= 1
            raise Refused(code, f"The ID '{name}' does not exist")
        return table[name]

    @staticmethod
    def shown(thing, *keys):
        return {k: thing[k] for k in keys if thing.get(k) is not None}

    # -- STS

    def GetCallerIdentity(self, p):
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/test", "UserId": "AIDAX"}

    # -- EBS direct

    def StartSnapshot(self, p):
        def make():
            name = self.name("snap")
            self.snapshots[name] = {"SnapshotId": name, "State": "pending", "blocks": {},
                                    "VolumeSize": p["VolumeSize"], "Tags": p.get("Tags", []),
                                    "Description": p.get("Description", ""), "left": None}
            return {"SnapshotId": name, "Status": "pending", "VolumeSize": p["VolumeSize"],
                    "BlockSize": BLOCK}
        return self.once("StartSnapshot", p, make)

    def open_snapshot(self, name):
        s = self.snapshots.get(name)
        if s is None:
            raise Refused("ResourceNotFoundException", "no such snapshot", 404)
        if s["left"] is not None or s["State"] != "pending":
            raise Refused("ValidationException", "the snapshot is not pending")
        return s

    def PutSnapshotBlock(self, p):
        s = self.open_snapshot(p["SnapshotId"])
        data = p["BlockData"]
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        if len(data) != BLOCK or p["DataLength"] != BLOCK or p["Checksum"] != digest:
            raise Refused("ValidationException", "length or checksum do not match the data")
        if not p["BlockIndex"] * BLOCK < s["VolumeSize"] * GiB:
            raise Refused("ValidationException", "a block behind the volume's end")
        s["blocks"][p["BlockIndex"]] = data
        return {"Checksum": digest, "ChecksumAlgorithm": "SHA256"}

    def CompleteSnapshot(self, p):
        s = self.open_snapshot(p["SnapshotId"])
        if p["ChangedBlocksCount"] != len(s["blocks"]):
            raise Refused("ValidationException", "the number of blocks is another")
        if "Checksum" in p:
            whole = hashlib.sha256(b"".join(hashlib.sha256(d).digest()
                                            for _, d in sorted(s["blocks"].items()))).digest()
            if p["Checksum"] != base64.b64encode(whole).decode():
                raise Refused("ValidationException", "the checksum of all blocks is another")
        s["left"] = self.delay["snapshot"]
        return {"Status": "pending"}

    def disk(self, snapshot):
        """The blocks put together again: as many bytes as they reach."""
        blocks = self.snapshots[snapshot]["blocks"]
        out = bytearray((max(blocks) + 1) * BLOCK)
        for i, data in blocks.items():
            out[i * BLOCK:(i + 1) * BLOCK] = data
        return bytes(out)

    # -- EC2: images and snapshots

    def DescribeSnapshots(self, p):
        names = p.get("SnapshotIds")
        for n in names or []:
            self.known(self.snapshots, n, "InvalidSnapshot.NotFound")
        found = [s for n, s in self.snapshots.items() if not names or n in names]
        for s in found:
            if s["left"] is not None and s["State"] == "pending":
                if s["left"] == 0:
                    s["State"] = "completed"
                s["left"] -= 1
        found = self.filtered(found, p.get("Filters"), {})
        return {"Snapshots": [self.shown(s, "SnapshotId", "State", "VolumeSize", "Tags",
                                         "Description") for s in found]}

    def DeleteSnapshot(self, p):
        self.known(self.snapshots, p["SnapshotId"], "InvalidSnapshot.NotFound")
        for i in self.images.values():
            if any(m["Ebs"]["SnapshotId"] == p["SnapshotId"]
                   for m in i.get("BlockDeviceMappings", [])):
                raise Refused("InvalidSnapshot.InUse", f"in use by {i['ImageId']}")
        del self.snapshots[p["SnapshotId"]]

    def RegisterImage(self, p):
        if any(i["Name"] == p["Name"] and i["ImageOwnerAlias"] == "self"
               for i in self.images.values()):
            raise Refused("InvalidAMIName.Duplicate", f"{p['Name']} is in use")
        if p.get("VirtualizationType", "paravirtual") == "paravirtual":
            if p.get("KernelId") not in self.images:
                raise Refused("InvalidAMIID.NotFound", "no such kernel image")
        elif "KernelId" in p:
            raise Refused("InvalidParameterCombination", "an HVM image has its own kernel")
        if p.get("Architecture", "i386") != "x86_64":
            raise Refused("InvalidParameterValue", "this fake starts x86_64 only")
        roots = [m for m in p.get("BlockDeviceMappings", [])
                 if m.get("DeviceName") == p.get("RootDeviceName")]
        if not roots:
            raise Refused("InvalidParameterValue", "no mapping for the root device")
        snap = self.snapshots.get(roots[0].get("Ebs", {}).get("SnapshotId"))
        if not snap or snap["State"] != "completed":
            raise Refused("InvalidSnapshot.NotFound", "no such snapshot, or not completed")
        ami = self.name("ami")
        self.images[ami] = dict(
            p, ImageId=ami, ImageOwnerAlias="self", State="pending", ImageType="machine",
            hidden=self.delay["unknown"], left=self.delay["image"], unlisted=self.delay["listed"],
            Tags=[t for s in p.get("TagSpecifications", []) for t in s["Tags"]])
        return {"ImageId": ami}

    def DescribeImages(self, p):
        found = list(self.images.values())
        for n in p.get("ImageIds", []):
            self.known(self.images, n, "InvalidAMIID.NotFound")
        if "ImageIds" in p:
            found = [i for i in found if i["ImageId"] in p["ImageIds"]]
            for i in found:         # time passes
                if i.get("left", 0) > 0:
                    i["left"] -= 1
                else:
                    i["State"] = "available"
        else:
            for i in [i for i in found if i.get("unlisted", 0) > 0]:
                i["unlisted"] -= 1
                found.remove(i)
        if not p.get("IncludeDeprecated"):
            found = [i for i in found if not i.get("deprecated")]
        if "Owners" in p:
            found = [i for i in found if i["ImageOwnerAlias"] in p["Owners"]]
        found = self.filtered(found, p.get("Filters"), {
            "name": lambda i: i["Name"], "image-type": lambda i: i["ImageType"],
            "virtualization-type": lambda i: i.get("VirtualizationType", "paravirtual")})
        return {"Images": [self.shown(
            i, "ImageId", "Name", "State", "ImageType", "Architecture", "KernelId",
            "VirtualizationType", "RootDeviceName", "BlockDeviceMappings", "Tags",
            *(["ImageOwnerAlias"] if i["ImageOwnerAlias"] != "self" else [])) for i in found]}

    def DeregisterImage(self, p):
        self.known(self.images, p["ImageId"], "InvalidAMIID.NotFound")
        del self.images[p["ImageId"]]

    def CreateTags(self, p):
        for name in p["Resources"]:
            table = {"ami": self.images, "snap": self.snapshots,
                     "i": self.instances}.get(name.partition("-")[0], {})
            thing = self.known(table, name, "InvalidID")
            keys = {t["Key"] for t in p["Tags"]}
            thing["Tags"] = [t for t in thing["Tags"] if t["Key"] not in keys] + p["Tags"]

    # -- EventBridge Scheduler

    def CreateSchedule(self, p):
        def make():
            if p["Name"] in self.schedules:
                raise Refused("ConflictException", "there is such a schedule", 409)
            m = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", p["ScheduleExpression"])
            if not m or time.strptime(m[1], "%Y-%m-%dT%H:%M:%S") < time.gmtime():
                raise Refused("ValidationException", "no time to come: " + p["ScheduleExpression"])
            if not re.fullmatch(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]+", p["Target"]["RoleArn"]):
                raise Refused("ValidationException", "no role")
            target = self.services["ec2"].model.operation_model("TerminateInstances")
            if p["Target"]["Arn"] != "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances":
                raise Refused("ValidationException", "this fake knows no other target")
            check(target.input_shape, json.loads(p["Target"]["Input"]), "Target.Input")
            self.schedules[p["Name"]] = dict(p, created=time.time())
            return {"ScheduleArn": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/"
                                   + p["Name"]}
        return self.once("CreateSchedule", p, make)

    def fire(self):
        """The time of the schedules has come: runs them."""
        with self.lock:
            for i in self.instances.values():
                i["hidden"] = 0
            for p in list(self.schedules.values()):
                call = json.loads(p["Target"]["Input"])
                for action, resource, context in needs(self, "ec2", "TerminateInstances", call):
                    if not self.ended_by.allows(action, resource, context):
                        raise Refused("AccessDenied", f"the schedule's role has no {action}", 403)
                self.TerminateInstances(call)

    # -- CloudWatch Logs

    def CreateLogGroup(self, p):
        if p["logGroupName"] in self.logs:
            raise Refused("ResourceAlreadyExistsException", "the group exists")
        self.logs[p["logGroupName"]] = {}

    def log_group(self, p):
        return self.known(self.logs, p["logGroupName"], "ResourceNotFoundException")

    def PutRetentionPolicy(self, p):
        self.log_group(p)

    def CreateLogStream(self, p):
        if p["logStreamName"] in self.log_group(p):
            raise Refused("ResourceAlreadyExistsException", "the stream exists")
        self.log_group(p)[p["logStreamName"]] = []

    def PutLogEvents(self, p):
        if sum(len(e["message"].encode()) + 26 for e in p["logEvents"]) > 1048576:
            raise Refused("InvalidParameterException", "the batch is too large")
        self.log_group(p)[p["logStreamName"]] += [e["message"] for e in p["logEvents"]]
        return {}

    # -- IAM

    def GetRole(self, p):
        if p["RoleName"] not in self.roles:
            raise Refused("NoSuchEntity", "The role cannot be found.", 404)
        trust = json.dumps({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                           "Principal": {"Service": self.roles[p["RoleName"]]}}]})
        return {"Role": {"Path": "/", "RoleName": p["RoleName"], "RoleId": "AROAXXXXXXXXXXXXXXXX",
                         "Arn": f"arn:aws:iam::{ACCOUNT}:role/{p['RoleName']}",
                         "CreateDate": "2020-01-01T00:00:00Z",
                         "AssumeRolePolicyDocument": urllib.parse.quote(trust)}}

    def DeleteSchedule(self, p):
        if self.schedules.pop(p["Name"], None) is None:
            raise Refused("ResourceNotFoundException", "no such schedule", 404)

    def ListSchedules(self, p):
        return {"Schedules": [{"Name": n, "CreationDate": s["created"]}
                              for n, s in self.schedules.items()
                              if n.startswith(p.get("NamePrefix", ""))]}
