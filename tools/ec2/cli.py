# SPDX-License-Identifier: ISC
"""The words of `ec2`."""

import argparse
import getpass
import os
import re
import sys
from pathlib import Path

from . import disk, keep, launch, mark, upload
from .aws import Aws
from .errors import Ec2Error

ROOT = Path(__file__).resolve().parent.parent.parent
FAILED = 125
KINDS = {"auto": ("hvm", "paravirtual"), "hvm": ("hvm",), "pv": ("paravirtual",)}


def say(line):
    print(f"ec2: {line}", file=sys.stderr, flush=True)


def build_folder():
    return Path(os.environ.get("XENOLITH_BUILD") or ROOT / "build")


def kernel_of(app):
    """An image file, or the name of an app that is built."""
    if Path(app).is_file():
        return Path(app)
    built = build_folder() / app / Path(app).name
    if "/" not in app and built.is_file():
        return built
    raise Ec2Error(f"there is no image {app}: `make image APP={app}` builds an app's")


def words_of(args):
    """All that ends the guest by itself, and then the user's words, which win."""
    return " ".join(w for w in ("ec2", f"lifetime={mark.seconds(args.lifetime or '1h')}s",
                                "onpanic=poweroff", "onoom=poweroff", "onlost=poweroff",
                                "watchdog", args.cmdline) if w)


def make_disk(args):
    kernel = kernel_of(args.app)
    output = Path(args.output) if args.output else build_folder() / "ec2" / f"{kernel.name}.img"
    line = disk.make(output, kernel, kernel.name, words_of(args), args.args, args.files,
                     not args.whole, not args.raw)
    say(f"{output}: {output.stat().st_size >> 20} MiB, boots with: {line}")
    return output


def image(args):
    make_disk(args)
    return 0


def upload_disk(args):
    if not args.app.endswith(".img"):
        args.app = str(make_disk(args))
    title = Path(args.app).stem
    ami = upload.upload(aws_of(args), args.app, re.sub(r"[^A-Za-z0-9_.-]", "-", title),
                        args.owner, mark.seconds(args.keep), mark.seconds(args.lifetime or "1h"),
                        KINDS[args.type])
    print(ami)
    return 0


def run(args):
    aws = aws_of(args)
    ami = args.app
    if not re.fullmatch(r"ami-[0-9a-f]+", ami):
        kinds = launch.virtualizations(aws, args.type)
        if ami.endswith(".img"):
            path = Path(ami)
        else:
            path = make_disk(args)
        kind = upload.choose(upload.read(path), kinds)
        # Before anything is uploaded.
        launch.check_type(aws, {"VirtualizationType": kind}, args.type, args.zone)
        ami = upload.upload(aws, path, path.stem, args.owner, mark.seconds(args.keep),
                            mark.seconds(args.lifetime or "1h"), [kind])
        if ami == "AMI":        # of a dry run
            say("(the rest wants an image that is there: run AMI --dry-run)")
            return 0
    elif args.args:
        raise Ec2Error("the arguments of an AMI were fixed when it was made; --words adds words")
    return launch.run(aws, ami, args.owner, args.type,
                      mark.seconds(args.lifetime) if args.lifetime else None,
                      "" if args.no_schedule else args.role, sys.stdout, args.zone,
                      args.subnet, args.security_group, args.words, args.detach)


def console(args):
    aws = aws_of(args)
    keep.one_of_ours(aws, args.instance)
    launch.Follower(sys.stdout).update(launch.console(aws, args.instance))
    return 0


def aws_of(args):
    return Aws(args.profile, args.region, args.endpoint_url, args.dry_run, say)


def default_owner():
    try:
        return f"{getpass.getuser()}@{os.uname().nodename}"
    except (KeyError, OSError):
        return "unknown"


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="ec2", description="Appliances on Amazon EC2, which surely end. docs/ec2.md leads "
        "from an account to one that runs.")
    sub = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    cloud = argparse.ArgumentParser(add_help=False)
    cloud.add_argument("--profile", help="of the AWS CLI's configuration")
    cloud.add_argument("--region")
    cloud.add_argument("--endpoint-url", metavar="URL", help="instead of Amazon's")
    cloud.add_argument("--dry-run", action="store_true",
                       help="show every call, and make only those that change nothing")
    cloud.add_argument("--owner", default=default_owner(), help="in the tags of what is made")
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--output", metavar="FILE")
    made.add_argument("--cmdline", default="", metavar="WORDS", help="more for the kernel")
    made.add_argument("--lifetime", metavar="DURATION",
                      help="after which it powers off whatever it does (1h)")
    made.add_argument("--files", metavar="FOLDER", help="to have on the disk beside the kernel")
    made.add_argument("--whole", action="store_true",
                      help="the file system is the whole disk, which starts as PV only")
    made.add_argument("--raw", action="store_true", help="do not compress the kernel")
    kept = argparse.ArgumentParser(add_help=False)
    kept.add_argument("--keep", default="7d", metavar="DURATION",
                      help="until `gc` removes image and snapshot (7d)")

    def add(name, function, parents, text, usage=None):
        p = sub.add_parser(name, parents=parents, help=text, usage=usage)
        p.set_defaults(function=function)
        return p
    for p in (add("image", image, [made], "make a disk of an app",
                  "ec2 image [options] APP [-- ARG...]"),
              add("upload", upload_disk, [cloud, made, kept], "make an AMI of an app or a disk",
                  "ec2 upload [options] APP|DISK.img [-- ARG...]")):
        p.add_argument("app", metavar="APP")
    p.add_argument("--type", choices=KINDS, default="auto",
                   help="of AMI; auto: hvm if the disk can, else pv")
    r = add("run", run, [cloud, made, kept], "run an AMI, an app or a disk until it is gone; "
            "its status", "ec2 run [options] AMI|APP|DISK.img [-- ARG...]")
    r.add_argument("app", metavar="AMI|APP|DISK.img")
    r.add_argument("--type", default="t2.micro",
                   help="of instance (t2.micro), which decides whether it is hvm or pv")
    r.add_argument("--zone")
    r.add_argument("--subnet")
    r.add_argument("--security-group", action="append", default=[], metavar="SG")
    r.add_argument("--words", default="", help="more words, as user data")
    r.add_argument("--role", metavar="ARN", help="with which the schedule terminates it "
                   "(xenolith-scheduler of your account)")
    r.add_argument("--no-schedule", action="store_true", help="do without")
    r.add_argument("--detach", action="store_true", help="launch and come back")
    add("list", lambda a: keep.list_all(aws_of(a), sys.stdout), [cloud], "what is ours there")
    add("types", lambda a: keep.types(aws_of(a), sys.stdout), [cloud],
        "the instance types that take our images")
    c = add("console", console, [cloud], "what an instance printed")
    c.add_argument("instance")
    s = add("stop", lambda a: keep.stop(aws_of(a), a.instance), [cloud],
            "terminate instances of ours, and verify it")
    s.add_argument("instance", nargs="+")
    g = add("gc", lambda a: keep.gc(aws_of(a), a.all), [cloud],
            "remove what has expired of ours")
    g.add_argument("--all", action="store_true", help="and what has not")
    argv = list(sys.argv[1:] if argv is None else argv)
    at = argv.index("--") if "--" in argv else len(argv)
    args = parser.parse_args(argv[:at])
    args.args = argv[at + 1:]
    if args.args and not hasattr(args, "app"):
        parser.error("only image, upload and run take arguments behind --")
    return args


def main(argv=None):
    args = parse(argv)
    try:
        return args.function(args)
    except Ec2Error as e:
        say(str(e))
        return FAILED
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:
        return 141
