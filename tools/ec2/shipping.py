# SPDX-License-Identifier: ISC
"""--log-group: the console of an instance as a log stream of CloudWatch Logs.

The stream has the name of the instance.  An error is said, and ends neither the instance nor `run`.
"""

import re
import time

from .errors import AwsError, Ec2Error

DAYS = 30               # AWS deletes the events of a new group after this time
MOST = 4096             # bytes of an event; AWS permits 256 KB
BATCH = 200             # events of a call; AWS permits 10,000, and 1 MB


def check_name(name):
    if not re.fullmatch(r"/?xenolith[\w./#-]{0,200}", name):
        raise Ec2Error(f"--log-group {name!r}: the policy permits names that begin with xenolith or /xenolith, of letters, "
                       "digits and . _ - / #")
    return name


def made(aws, operation, params):
    """Create something; returns whether it was not there."""
    try:
        aws.do("logs", operation, params)
        return True
    except AwsError as e:
        if e.code != "ResourceAlreadyExistsException":
            raise
        return False


class Stream:
    def __init__(self, aws, group, name):
        self.aws, self.group, self.name = aws, group, name
        self.rest, self.ready, self.broken = "", False, False

    def write(self, text, last=False):
        """Send the complete lines; with last, also the rest."""
        *lines, self.rest = (self.rest + text).split("\n")
        if last and self.rest:
            lines, self.rest = [*lines, self.rest], ""
        events = [line[i:i + MOST] for line in lines for i in range(0, len(line), MOST)]
        while events and not self.broken:
            self.send(events[:BATCH])
            events = events[BATCH:]

    def send(self, texts):
        where = {"logGroupName": self.group, "logStreamName": self.name}
        now = int(time.time() * 1000)
        try:
            if not self.ready:
                if made(self.aws, "create-log-group", {"logGroupName": self.group}):
                    self.aws.say(f"the log group {self.group} is created; AWS deletes its events after {DAYS} days")
                    self.aws.do("logs", "put-retention-policy", {"logGroupName": self.group, "retentionInDays": DAYS})
                made(self.aws, "create-log-stream", where)
                self.ready = True
            self.aws.do("logs", "put-log-events", dict(where, logEvents=[
                {"timestamp": now, "message": t} for t in texts]))
        except Ec2Error as e:
            self.broken = True
            self.aws.say(f"the console of {self.name} is not sent to CloudWatch any more: {e}")
