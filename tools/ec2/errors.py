# SPDX-License-Identifier: ISC
"""Ec2Error: its text says what failed and what to do next."""

import re


class Ec2Error(Exception):
    pass


class NoAccount(Ec2Error):
    """There is no AWS CLI, or it has no credentials or region."""


class Unreachable(Ec2Error):
    """AWS could not be reached."""


class AwsError(Ec2Error):
    """An error reply of AWS; code is AWS's name of the error."""

    def __init__(self, operation, code, message):
        self.operation, self.code, self.message = operation, code, message
        super().__init__(sentence(operation, code, message))


LOGIN = ("AWS does not accept these credentials. `aws sts get-caller-identity` checks them; "
         "`aws configure` sets them; --profile selects others.")
SENTENCES = {
    "UnauthorizedOperation": "You are not permitted to do this ({op}). Attach the policy "
                             "tools/ec2/policy.json to your user or role (docs/ec2.md), or choose "
                             "another --profile.",
    "AuthFailure": LOGIN, "InvalidClientTokenId": LOGIN, "UnrecognizedClientException": LOGIN,
    "SignatureDoesNotMatch": LOGIN, "ExpiredToken": "Your session with AWS has expired: log in "
    "again (`aws sso login`, or new keys).",
    "OptInRequired": "Your account has not opted in to this region: choose another --region, or "
                     "enable it in the AWS console.",
    "InsufficientInstanceCapacity": "Amazon has no free machine of this type in this zone now. "
    "Nothing was launched. Try another --zone, another --type (`ec2 types` lists them), or later.",
    "Unsupported": "This type cannot run the image in this zone. Nothing was launched. Choose "
                   "another --type (`ec2 types` lists those that can run it) or --region.",
    "InstanceLimitExceeded": "Your account cannot run more instances of this type. Stop one (`ec2 "
                             "list` shows those of Xenolith), or ask AWS for a higher limit.",
    "VcpuLimitExceeded": "Your account's limit of vCPUs for this type is reached. Stop an instance "
                         "(`ec2 list` shows those of Xenolith), or ask AWS for a higher quota.",
    "VPCIdNotSpecified": "This region has no default VPC: choose --subnet SUBNET.",
    "InvalidAMIID.NotFound": "There is no such image in this region (`ec2 list` shows yours).",
    "InvalidInstanceID.NotFound": "There is no such instance in this region (`ec2 list` shows "
                                  "yours); it may have ended long ago.",
    "SnapshotCreationPerVolumeRateExceeded": "Too many snapshots at once: try again in a minute.",
    "ConcurrentSnapshotLimitExceeded": "Too many snapshots are being created. `ec2 gc` removes "
                                       "abandoned ones; or try again later.",
    "ServiceQuotaExceededException": "A limit of your account is reached. `ec2 gc` removes expired "
                                     "resources; or ask AWS for a higher quota.",
}
ALIASES = {"AccessDeniedException": "UnauthorizedOperation",
           "AccessDenied": "UnauthorizedOperation",
           "ExpiredTokenException": "ExpiredToken", "RequestExpired": "ExpiredToken",
           "InsufficientCapacity": "InsufficientInstanceCapacity",
           "UnsupportedOperation": "Unsupported"}


def sentence(operation, code, message):
    known = SENTENCES.get(ALIASES.get(code, code), "").format(op=operation)
    return (f"{known} AWS said: {message} ({code})" if known else
            f"AWS refused {operation}: {message} ({code}).")


def from_cli(operation, said):
    """Makes an exception from the output of an AWS CLI that failed."""
    m = re.search(r"An error occurred \(([\w.]+)\) when calling the (\w+) operation"
                  r"(?: \(reached max retries: \d+\))?: ?(.*)", said, re.S)
    if m:
        return AwsError(m[2], m[1], m[3].strip().rstrip("."))
    said = said.strip()
    for pattern, text in (
            (r"Unable to locate credentials", "There are no AWS credentials. Type `aws configure`, "
             "or choose a profile that has credentials with --profile."),
            (r"[Yy]ou must specify a region", "No AWS region is chosen: use --region us-east-1, or "
             "`aws configure`."),
            (r"config profile \((\S+)\) could not be found", "The AWS CLI has no such profile: "
             "`aws configure list-profiles` lists all."),
            (r"Could not connect to the endpoint|Connect timeout|Name or service not known"
             r"|Failed to resolve|Connection was closed|Read timeout", "AWS cannot be reached: is "
             "this machine on the network, and the region's name right?"),
            (r"Token has expired|SSO session", "Your session with AWS has expired: type "
             "`aws sso login`."),
            (r"Invalid choice|argument command", "This AWS CLI is too old: version 2.9 or newer "
             "is needed.")):
        if re.search(pattern, said):
            kind = (Unreachable if text.startswith("AWS cannot be reached") else
                    NoAccount if text.startswith(("There are no AWS cred", "No AWS region"))
                    else Ec2Error)
            return kind(f"{text} (The AWS CLI said: {said.splitlines()[-1]})")
    return Ec2Error(f"aws {operation}: {said or 'failed without a message'}")
