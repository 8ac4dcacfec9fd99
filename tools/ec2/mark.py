# SPDX-License-Identifier: ISC
"""Tags that mark Xenolith's resources, and the times in them.

Resources without the tag `xenolith` are never stopped or removed.
"""

import datetime
import re

from .errors import Ec2Error

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MOST = 3650 * 86400     # ten years


def seconds(text):
    m = re.fullmatch(r"(\d{1,7})([smhd])", text)
    if not m or not int(m[1]):
        raise Ec2Error(f"{text!r} is not a duration: a number with s, m, h or d, such as "
                       "90s, 30m, 2h, 7d")
    if int(m[1]) * UNITS[m[2]] > MOST:
        raise Ec2Error(f"{text!r} is too long: at most {MOST // UNITS['d']}d")
    return int(m[1]) * UNITS[m[2]]


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def after(duration):
    return now() + datetime.timedelta(seconds=duration)


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def tags(owner, expires, **more):
    """The tags of a resource, as a list for AWS."""
    all_of_them = {"xenolith": "1", "xenolith:owner": owner, "xenolith:expires": stamp(expires)}
    all_of_them.update({f"xenolith:{k}": v for k, v in more.items() if v})
    return [{"Key": k, "Value": str(v)[:256]} for k, v in all_of_them.items()]


def read(thing):
    """Xenolith's tags of a resource that AWS has described, without their prefix."""
    found = {t["Key"]: t.get("Value", "") for t in thing.get("Tags") or []}
    return {k.removeprefix("xenolith:"): v for k, v in found.items() if k.startswith("xenolith")}


def ours(thing):
    return "xenolith" in read(thing)


def expired(thing):
    """Whether a resource of Xenolith has expired; one without a valid time has expired."""
    try:
        when = datetime.datetime.strptime(read(thing)["expires"], "%Y-%m-%dT%H:%M:%SZ")
    except (KeyError, ValueError):
        return True
    return when.replace(tzinfo=datetime.timezone.utc) <= now()


FILTER = [{"Name": "tag-key", "Values": ["xenolith"]}]
