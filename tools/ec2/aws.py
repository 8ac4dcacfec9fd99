# SPDX-License-Identifier: ISC
"""Aws: calls of the AWS CLI, with the user's configuration, profiles and regions.

    aws.ask("ec2", "describe-images", {...})            changes nothing
    aws.do("ec2", "run-instances", {...}, pretend={})   may cost money

With --dry-run every call is shown, and only those that change nothing are made.  Each call is
`aws SERVICE OPERATION --cli-input-json JSON`, which the user can type.  Calls that AWS refuses
temporarily (throttled, broken, unreachable) are repeated.  So calls that create a resource need a
client token, with which a repeated call does not create a second one.
"""

import json
import os
import random
import shlex
import subprocess
import time

from .errors import AwsError, Ec2Error, NoAccount, Unreachable, from_cli

FOR_NOW = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled",
           "RequestThrottledException", "TooManyRequestsException", "SlowDown",
           "InternalError", "InternalFailure", "InternalServerException", "InternalServerError",
           "ServiceUnavailable", "ServiceUnavailableException", "Unavailable",
           "500", "502", "503", "504"}
TRIES = 6


class Aws:
    def __init__(self, profile=None, region=None, endpoint=None, dry=False, say=print):
        self.dry, self.say = dry, say
        self.command = shlex.split(os.environ.get("XENOLITH_AWS", "aws"))
        self.options = [w for option, value in (
            ("--profile", profile), ("--region", region),
            ("--endpoint-url", endpoint or os.environ.get("AWS_ENDPOINT_URL")))
            if value for w in (option, value)]
        # Tests shorten all waiting times.
        self.pace = float(os.environ.get("XENOLITH_EC2_PACE", "1"))
        self.known = {}
        self.told = False       # that there is no account

    def sleep(self, seconds):
        time.sleep(seconds * self.pace)

    def run(self, words):
        """Run the AWS CLI; returns its output, or raises an Ec2Error."""
        env = dict(os.environ, AWS_PAGER="", AWS_CLI_AUTO_PROMPT="off")
        try:
            done = subprocess.run([*self.command, *words, *self.options], env=env,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except FileNotFoundError:
            raise NoAccount("the AWS CLI is not installed; type: apt-get install awscli, then "
                            "`aws configure`") from None
        if done.returncode:
            raise from_cli(" ".join(words[:2]), done.stderr or done.stdout)
        return done.stdout

    def persist(self, words):
        """run(), repeated while AWS refuses temporarily."""
        for left in reversed(range(TRIES)):
            try:
                return self.run(words)
            except (AwsError, Unreachable) as e:
                if not left or isinstance(e, AwsError) and e.code not in FOR_NOW:
                    raise
            self.sleep(2 ** (TRIES - 1 - left) * random.uniform(0.5, 1))

    def ask(self, service, operation, params, words=(), unasked=None):
        """unasked: the reply to assume in a dry run if there is no account."""
        words = [service, operation, *words]
        if params:
            words += ["--cli-input-json", json.dumps(params)]
        if self.dry:
            self.say("+ aws " + shlex.join(words))
        try:
            out = self.persist([*words, "--output", "json"])
        except NoAccount as e:
            if not self.dry or unasked is None:
                raise
            if not self.told:
                self.say(f"AWS is not asked: {e}")
            self.told = True
            return unasked
        try:
            return json.loads(out) if out.strip() else {}
        except ValueError:
            raise Ec2Error(f"aws {service} {operation}: the reply is invalid JSON") from None

    def do(self, service, operation, params, pretend=None, words=()):
        if not self.dry:
            return self.ask(service, operation, params, words)
        more = ["--cli-input-json", json.dumps(params)] if params else []
        self.say("+ aws " + shlex.join([service, operation, *words, *more]))
        return pretend or {}

    def has(self, service, operation, parameter):
        """Whether this version of the CLI knows the parameter."""
        key = service, operation
        if key not in self.known:
            self.known[key] = self.run([service, operation, "--generate-cli-skeleton"])
        return f'"{parameter}"' in self.known[key]

    def identity(self):
        """{"Account", "Arn"}: the account that pays."""
        return self.ask("sts", "get-caller-identity", {},
                        unasked={"Account": "ACCOUNT", "Arn": "ARN"})
