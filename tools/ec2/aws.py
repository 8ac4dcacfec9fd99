# SPDX-License-Identifier: ISC
"""Aws: calls of AWS by botocore, with the user's configuration, profiles and regions.

    aws.ask("ec2", "describe-images", {...})            changes nothing
    aws.do("ec2", "run-instances", {...}, pretend={})   may cost money

With --dry-run every call is shown as a command of the AWS CLI, and only those that change nothing
are made.  Calls that AWS refuses temporarily (throttled, broken, unreachable) are repeated.  So
calls that create a resource need a client token, with which a repeated call does not create a
second one.
"""

import json
import os
import random
import shlex
import time

from . import errors
from .errors import Ec2Error, NoAccount, Unreachable

BROKEN = {"InternalError", "InternalFailure", "InternalServerException", "InternalServerError",
          "ServiceUnavailable", "ServiceUnavailableException", "Unavailable",
          "500", "502", "503", "504"}
FOR_NOW = BROKEN | {"RequestLimitExceeded", "Throttling", "ThrottlingException",
                    "RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
                    "SlowDown"}
TRIES = 6


class Reply(dict):
    """What is missing in it is AWS's error, or that of something between."""

    def __init__(self, operation, members):
        super().__init__(members)
        self.operation = operation

    def __missing__(self, name):
        raise Ec2Error(f"aws {self.operation}: the reply has no {name}")


class Aws:
    def __init__(self, profile=None, region=None, endpoint=None, dry=False, say=print):
        self.dry, self.say = dry, say
        self.profile, self.region = profile, region
        self.endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL")
        self.options = [w for option, value in (
            ("--profile", profile), ("--region", region), ("--endpoint-url", self.endpoint))
            if value for w in (option, value)]
        # Tests shorten all waiting times.
        self.pace = float(os.environ.get("XENOLITH_EC2_PACE", "1"))
        self.session, self.clients = None, {}
        self.told = False       # that there is no account
        self.check = None       # raises an exception if sleep() must end

    def elsewhere(self, region):
        """The same in another region."""
        return Aws(self.profile, region, self.endpoint, self.dry, lambda line: self.say(f"{region}: {line}"))

    def sleep(self, seconds):
        end = time.monotonic() + seconds * self.pace
        while (left := end - time.monotonic()) > 0:
            if self.check:
                self.check()
            time.sleep(min(left, 0.2))

    def client(self, service):
        if service not in self.clients:
            try:        # here, since it takes a while, and most commands do not need it
                import botocore.config
                import botocore.session
            except ImportError:
                raise NoAccount("botocore is not installed; type: apt-get install "
                                "python3-botocore") from None
            with errors.translated(service):
                if not self.session:
                    self.session = botocore.session.Session(profile=self.profile)
                self.clients[service] = self.session.create_client(
                    service, region_name=self.region, endpoint_url=self.endpoint,
                    config=botocore.config.Config(
                        retries={"mode": "standard", "total_max_attempts": 1},
                        connect_timeout=15, read_timeout=60))
        return self.clients[service]

    def call(self, service, operation, params):
        """One call; returns the reply, or raises an Ec2Error."""
        client, method = self.client(service), operation.replace("-", "_")
        with errors.translated(f"{service} {operation}"):
            if client.can_paginate(method):
                reply = client.get_paginator(method).paginate(**params).build_full_result()
            else:
                reply = getattr(client, method)(**params)
        reply.pop("ResponseMetadata", None)
        return Reply(f"{service} {operation}", reply)

    def persist(self, service, operation, params):
        """call(), repeated while AWS refuses temporarily.

        The last error has .uncertain: AWS may have executed the call although it failed.
        """
        uncertain = False
        for left in reversed(range(TRIES)):
            try:
                return self.call(service, operation, params)
            except Ec2Error as e:
                code = getattr(e, "code", "")
                uncertain |= isinstance(e, Unreachable) or code in BROKEN
                e.uncertain = uncertain
                if not left or not isinstance(e, Unreachable) and code not in FOR_NOW:
                    raise
            self.sleep(2 ** (TRIES - 1 - left) * random.uniform(0.5, 1))

    def show(self, service, operation, params):
        shown = {k: f"({len(v)} bytes)" if isinstance(v, bytes) else v for k, v in params.items()}
        more = ["--cli-input-json", json.dumps(shown)] if shown else []
        self.say("+ aws " + shlex.join([service, operation, *more]))

    def ask(self, service, operation, params, unasked=None):
        """unasked: the reply to assume in a dry run if there is no account."""
        if self.dry:
            self.show(service, operation, params)
        try:
            return self.persist(service, operation, params)
        except NoAccount as e:
            if not self.dry or unasked is None:
                raise
            if not self.told:
                self.say(f"AWS is not asked: {e}")
            self.told = True
            return unasked

    def do(self, service, operation, params, pretend=None):
        if not self.dry:
            return self.ask(service, operation, params)
        self.show(service, operation, params)
        return pretend or {}

    def has(self, service, operation, parameter):
        """Whether this version of botocore knows the parameter."""
        model = self.client(service).meta.service_model
        name = "".join(w.capitalize() for w in operation.split("-"))
        return parameter in model.operation_model(name).input_shape.members

    def add_fields(self, service, operation, fields):
        """Send these fields of the query protocol with each such call: parameters that AWS knows,
        and older versions of botocore do not."""
        name = "".join(w.capitalize() for w in operation.split("-"))

        def add(params, **_):
            params["body"].update(fields)
        self.client(service).meta.events.register(f"before-call.{service}.{name}", add)

    def identity(self):
        """{"Account", "Arn"}: the account that pays."""
        return self.ask("sts", "get-caller-identity", {},
                        unasked={"Account": "ACCOUNT", "Arn": "ARN"})
