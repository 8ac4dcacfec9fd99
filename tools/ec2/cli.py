# SPDX-License-Identifier: ISC
"""The command line of `ec2`."""

import argparse
import getpass
import os
import re
import sys
from pathlib import Path

from folders import BUILD

from . import disk, fleet, keep, launch, mark, network, shipping, upload, volumes
from .aws import Aws
from .errors import Ec2Error

FAILED = 125
MANY = 20               # instances of one `run`
KINDS = {"auto": ("hvm", "paravirtual"), "hvm": ("hvm",), "pv": ("paravirtual",)}


def say(line):
    """Never an error: a message that cannot be written must not prevent a termination."""
    try:
        print(f"ec2: {line}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass


def from_project(args, given):
    """Without an application, that of xenolith.toml in this folder; `given` are the options that were typed,
    which take precedence."""
    from project import cli as project, config, make
    try:
        here = project.here()
        if here.run["disks"]:
            raise Ec2Error(f"{here.file}: run.disks: instances on EC2 have no disks of this machine")
        image = make.image(here)
    except (project.ProjectError, config.ConfigError, make.MakeError, project.PortError) as e:
        raise Ec2Error(str(e) if str(e) != "None" else "the image was not made") from None
    args.project = here
    args.args = args.args or here.run["args"]
    args.cmdline = " ".join(w for w in (project.kernel_words(here), args.cmdline) if w)
    for key, value in here.ec2.items():
        name = key.replace("-", "_")
        if args.what == "upload" and key == "type":     # there it is the kind of the AMI
            continue
        if hasattr(args, name) and not any(w == f"--{key}" or w.startswith(f"--{key}=") for w in given):
            setattr(args, name, [value] if isinstance(getattr(args, name), list) and not isinstance(value, list)
                    else value)
    if hasattr(args, "port"):
        args.port = [*here.run["ports"], *args.port]
    return str(image)


def kernel_of(app):
    """An image file, or the name of an app that is built."""
    if Path(app).is_file():
        return Path(app)
    built = BUILD / app / Path(app).name
    if "/" not in app and built.is_file():
        return built
    raise Ec2Error(f"there is no image {app}; to build it, type `make image APP={app}`")


SECRET = re.compile(r"(?:^|\s)env\.(\w*(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|PRIVATE_KEY)\w*)=", re.I)


def check_secrets(words, where):
    m = SECRET.search(words)
    if m:
        raise Ec2Error(f"env.{m[1]}: {where} can be read by everybody who may describe the instance or its image. Give the "
                       "instance a role (--instance-role), with which the program reads the secret: docs/ec2.md")


def words_of(args):
    """Kernel options that end the guest, then the user's options, which take precedence."""
    return " ".join(w for w in ("ec2", f"lifetime={mark.seconds(args.lifetime or '1h')}s",
                                "onpanic=poweroff", "onoom=poweroff", "onlost=poweroff",
                                "watchdog",
                                *(v.mount for v in volumes.parse(args.volume)), args.cmdline) if w)


def make_disk(args):
    """Returns (file, contents)."""
    check_secrets(args.cmdline, "the command line of a disk")
    kernel = kernel_of(args.app)
    output = Path(args.output) if args.output else BUILD / "ec2" / f"{kernel.name}.img"
    data, line = disk.make(output, kernel, kernel.name, words_of(args), args.args, args.files,
                           not args.whole, not args.raw)
    say(f"{output}: {len(data) >> 20} MiB, boots with: {line}")
    return output, data


def image(args):
    make_disk(args)
    return 0


def upload_it(args, aws, path, data, kinds):
    return upload.upload(aws, data, path.stem, path.parent, args.owner, mark.seconds(args.keep),
                         mark.seconds(args.lifetime or "1h"), kinds)


def upload_disk(args):
    if args.app.endswith(".img"):
        path = Path(args.app)
        data = upload.read(path)
    else:
        path, data = make_disk(args)
    print(upload_it(args, aws_of(args), path, data, KINDS[args.type]))
    return 0


def ami_of(args, aws, before=lambda: None):
    """The AMI that args.app names, or one that is made of it; None after a dry run.

    before() is called when all that can be checked for nothing was, before anything is uploaded.
    """
    ami = args.app
    if re.fullmatch(r"ami-[0-9a-f]+", ami):
        if args.args:
            raise Ec2Error("an AMI contains its arguments, which cannot be changed; --words adds "
                           "user data")
        before()
        return ami
    path, data = Path(ami), None
    if ami.endswith(".img"):
        data = upload.read(path)
    else:
        kernel_of(ami)
    kinds = launch.virtualizations(aws, args.type)
    if data is None:
        path, data = make_disk(args)
    kind = upload.choose(data, kinds)
    launch.check_type(aws, {"VirtualizationType": kind}, args.type, args.zone)
    before()
    ami = upload_it(args, aws, path, data, [kind])
    if ami == "AMI":        # of a dry run
        say("(to show the calls after the upload, use an existing AMI instead of the application)")
        return None
    return ami


def job_of(args, ami, role):
    if not 1 <= args.count <= MANY:
        raise Ec2Error(f"--count {args.count}: 1 to {MANY}; `ec2 fleet` manages more")
    if args.log_group and args.detach:
        raise Ec2Error("--log-group: `run` sends the console while it waits; leave --detach out")
    kept = any(v.keep for v in volumes.parse(args.volume))
    if kept and args.count > 1:
        raise Ec2Error("--volume ...,keep is the volume of one instance; leave --count out")
    if args.replace and not kept:
        raise Ec2Error("--replace is for kept volumes: --volume SIZE:/PATH,keep")
    return launch.Job(
        ami=ami, owner=args.owner, kind=args.type, role=role, out=sys.stdout,
        lifetime=mark.seconds(args.lifetime) if args.lifetime else None,
        zone=args.zone, subnet=args.subnet, groups=tuple(args.security_group), words=args.words,
        detach=args.detach, console_wait=mark.seconds(args.console_wait),
        volumes=volumes.parse(args.volume), replace=args.replace,
        logs=shipping.check_name(args.log_group) if args.log_group else None,
        ports=tuple(dict.fromkeys(map(network.port, args.port))), spot=args.spot,
        profile=args.instance_role, address=args.elastic_ip, count=args.count)


def run(args):
    check_secrets(args.words, "user data")
    aws, roles = aws_of(args), []
    job_of(args, "", "")        # all options are checked before anything is made
    ami = ami_of(args, aws, lambda: roles.append(
        launch.checked_role(aws, "" if args.no_schedule else args.role)))
    return launch.run(aws, job_of(args, ami, roles[0]), BUILD / "ec2", mark.seconds(args.keep)) if ami else 0


def fleet_it(args):
    if args.words_of_fleet[0] == "delete":
        if len(args.words_of_fleet) < 2:
            raise Ec2Error("fleet delete: missing argument NAME (`ec2 list` shows yours)")
        return fleet.delete(aws_of(args), args.words_of_fleet[1:])
    if len(args.words_of_fleet) > 1:
        raise Ec2Error(f"fleet: one application, not {' '.join(args.words_of_fleet)}")
    if args.min is None or args.max is None:
        raise Ec2Error("fleet: missing option --min N --max N")
    check_secrets(args.words, "user data")
    if any(v.keep for v in volumes.parse(args.volume)):
        raise Ec2Error("fleet: a kept volume is of one instance: leave `,keep` out; each instance then has a volume of its "
                       "own, which is deleted with it")
    aws, args.app = aws_of(args), args.words_of_fleet[0]
    name = args.name or re.sub(r"[^A-Za-z0-9_.-]", "-", Path(args.app).stem)
    fleet.group_name(name)
    ami = ami_of(args, aws)
    if ami is None:
        return 0
    job = launch.Job(ami=ami, owner=args.owner, kind=args.type, role="", out=sys.stdout,
                     lifetime=mark.seconds(args.lifetime) if args.lifetime else None, zone=args.zone,
                     groups=tuple(args.security_group), words=args.words, spot=args.spot,
                     profile=args.instance_role, volumes=volumes.parse(args.volume))
    return fleet.start(aws, job, name, args.min, args.max, BUILD / "ec2", mark.seconds(args.keep), args.subnet,
                       args.target_group)


def volume(args):
    return volumes.delete(aws_of(args), args.names)


def console(args):
    aws = aws_of(args)
    keep.one_of_ours(aws, args.instance)
    launch.Follower(sys.stdout).update(launch.console(aws, args.instance))
    return 0


def aws_of(args):
    """Its calls are those of the region and the account that the options name."""
    return Aws(args.profile, args.region, args.endpoint_url, args.dry_run, say)


def default_owner():
    try:
        return f"{getpass.getuser()}@{os.uname().nodename}"
    except (KeyError, OSError):
        return "unknown"


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="ec2", description="Run images on Amazon EC2, with several limits on their "
        "lifetime. docs/ec2.md describes the setup.")
    sub = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    cloud = argparse.ArgumentParser(add_help=False)
    cloud.add_argument("--profile", help="profile of AWS's configuration files")
    cloud.add_argument("--region", help="AWS region (default: that of the profile)")
    cloud.add_argument("--endpoint-url", metavar="URL", help="use this server instead of AWS")
    cloud.add_argument("--dry-run", action="store_true",
                       help="show every call; make only those that change nothing")
    cloud.add_argument("--owner", default=default_owner(),
                       help="owner in the tags of all resources (default: %(default)s)")
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--output", metavar="FILE", help="the disk (default: build/ec2/APP.img)")
    made.add_argument("--cmdline", default="", metavar="WORDS", help="more kernel options")
    made.add_argument("--lifetime", metavar="DURATION",
                      help="the guest powers off after this time (default: 1h)")
    made.add_argument("--files", metavar="FOLDER", help="add these files to the disk")
    made.add_argument("--whole", action="store_true",
                      help="make a disk without a partition, which boots only as PV")
    made.add_argument("--volume", action="append", default=[], metavar="SIZE:/PATH[,keep]",
                      help="a data volume that the guest mounts, deleted with the instance, or kept; may be repeated")
    made.add_argument("--raw", action="store_true", help="do not compress the kernel")
    kept = argparse.ArgumentParser(add_help=False)
    kept.add_argument("--keep", default="7d", metavar="DURATION",
                      help="`gc` removes AMI and snapshot after this time (default: 7d)")

    def add(name, function, parents, text, usage=None):
        p = sub.add_parser(name, parents=parents, help=text, usage=usage, allow_abbrev=False)
        p.set_defaults(function=function)
        return p
    for p in (add("image", image, [made], "make a disk from an application",
                  "ec2 image [options] APP [-- ARG...]"),
              add("upload", upload_disk, [cloud, made, kept],
                  "make an AMI from an application or a disk",
                  "ec2 upload [options] APP|DISK.img [-- ARG...]")):
        p.add_argument("app", metavar="APP", nargs="?", help="name of a built application, or a file (default: the "
                       "project of this folder, xenolith.toml)")
    p.add_argument("--type", choices=KINDS, default="auto",
                   help="type of the AMI; auto: hvm if the disk supports it, otherwise pv")
    r = add("run", run, [cloud, made, kept], "run an AMI, an application or a disk; exit with its "
            "status", "ec2 run [options] AMI|APP|DISK.img [-- ARG...]")
    r.add_argument("app", metavar="AMI|APP|DISK.img", nargs="?", help="default: the project of this folder, "
                   "xenolith.toml")
    r.add_argument("--type", default="t2.micro",
                   help="instance type, which decides between hvm and pv (default: t2.micro)")
    f = add("fleet", fleet_it, [cloud, made, kept], "keep a number of instances running, by an Auto Scaling group; "
            "delete them", "ec2 fleet [options] AMI|APP|DISK.img --min N --max N [-- ARG...]\n"
            "       ec2 fleet delete NAME...")
    f.add_argument("words_of_fleet", nargs="*", metavar="APP | delete NAME")
    f.add_argument("--min", type=int, metavar="N", help="instances at least; --min 0 --max 0 ends all")
    f.add_argument("--max", type=int, metavar="N", help="instances at most")
    f.add_argument("--name", help="name of the fleet (default: that of the application)")
    f.add_argument("--target-group", metavar="ARN", help="of a load balancer, which also checks the instances")
    f.add_argument("--subnet", action="append", default=[], help="subnet, may be repeated (default: those of the "
                   "default VPC)")
    r.add_argument("--subnet", help="subnet (default: that of the default VPC)")
    for p in r, f:
        p.add_argument("--zone", help="availability zone (default: chosen by AWS)")
        p.add_argument("--security-group", action="append", default=[], metavar="SG",
                       help="security group, may be repeated")
        p.add_argument("--words", default="", help="more user data")
        p.add_argument("--spot", action="store_true", help="spot instances: cheaper, and AWS may end them")
        p.add_argument("--instance-role", metavar="NAME", help="instance profile, which gives the application a role")
    f.add_argument("--type", default="t2.micro", help="instance type (default: t2.micro)")
    r.add_argument("-p", "--port", action="append", default=[], metavar="[LOCAL:]GUEST[/udp]",
                   help="let everybody reach this port, by a security group of its own; may be repeated")
    r.add_argument("--count", type=int, default=1, metavar="N", help="launch N instances")
    r.add_argument("--log-group", metavar="NAME", help="send the console to this log group of CloudWatch, too")
    r.add_argument("--replace", action="store_true", help="terminate the instance that has the kept volume, when the "
                   "new image is ready")
    r.add_argument("--elastic-ip", metavar="ADDRESS", help="an elastic IP address of yours, or its eipalloc-...")
    r.add_argument("--role", metavar="ARN", help="role of the schedule that terminates the "
                   "instance (default: xenolith-scheduler of your account)")
    r.add_argument("--no-schedule", action="store_true", help="do not create a schedule")
    r.add_argument("--detach", action="store_true", help="do not wait for the instance's end")
    r.add_argument("--console-wait", default="5m", metavar="DURATION",
                   help="how long to wait for the console's end, which has the exit status "
                   "(default: %(default)s)")
    add("list", lambda a: keep.list_all(aws_of(a), sys.stdout), [cloud],
        "list the account's resources that belong to Xenolith")
    add("types", lambda a: keep.types(aws_of(a), sys.stdout), [cloud],
        "list the instance types that can run Xenolith's images")
    c = add("console", console, [cloud], "show the console of an instance")
    c.add_argument("instance")
    s = add("stop", lambda a: keep.stop(aws_of(a), a.instance), [cloud],
            "terminate instances of Xenolith, and verify it")
    s.add_argument("instance", nargs="+")
    v = add("volume", volume, [cloud], "delete kept volumes", "ec2 volume delete VOLUME...")
    v.add_argument("action", choices=["delete"])
    v.add_argument("names", nargs="+", metavar="VOLUME")
    g = add("gc", lambda a: keep.gc_everywhere(aws_of(a), a.all) if a.all_regions else
            keep.gc(aws_of(a), a.all), [cloud], "remove expired resources of Xenolith")
    g.add_argument("--all-regions", action="store_true", help="in each region that the account can use")
    g.add_argument("--all", action="store_true", help="also those that have not expired")
    argv = list(sys.argv[1:] if argv is None else argv)
    at = argv.index("--") if "--" in argv else len(argv)
    args = parser.parse_args(argv[:at])
    args.args, args.given = argv[at + 1:], argv[:at]
    if args.args and not {"app", "words_of_fleet"} & set(vars(args)):
        parser.error("only image, upload, run and fleet accept arguments after --")
    return args


def guarded(args):
    try:
        if getattr(args, "app", "") is None:
            args.app = from_project(args, args.given)
        if getattr(args, "words_of_fleet", None) == []:
            args.words_of_fleet = [from_project(args, args.given)]
            args.name = args.name or args.project.name
        return args.function(args)
    except Ec2Error as e:
        say(str(e))
        return FAILED
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:
        return 141
    except OSError as e:
        say(f"{e.filename or 'output'}: {e.strerror}")
        return FAILED
    except Exception as e:
        if os.environ.get("XENOLITH_DEBUG"):
            raise
        say(f"internal error, please report it: {e!r} (XENOLITH_DEBUG=1 shows where)")
        return FAILED


def main(argv=None):
    for name in ("stdout", "stderr"):       # one that is closed
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))
    sys.stdout.reconfigure(errors="replace")    # an odd character must not end an instance
    status = guarded(parse(argv))
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as e:
        # Python would flush it once more, and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not status:
            say(f"output: {e}")
            status = 141 if isinstance(e, BrokenPipeError) else FAILED
    return status
