# SPDX-License-Identifier: ISC
"""Ec2Error: its text says what failed and what to do next."""

import contextlib
from pathlib import Path

from folders import SOURCES


HERE = Path(__file__).resolve().parent
POLICY = "tools/ec2/policy.json" if SOURCES else str(HERE / "policy.json")


class Ec2Error(Exception):
    uncertain = False       # AWS may have executed the call that failed


class NoAccount(Ec2Error):
    """There is no botocore, or it has no credentials or region."""


class Unreachable(Ec2Error):
    """AWS could not be reached, or its reply not be read."""


class AwsError(Ec2Error):
    """An error reply of AWS; code is AWS's name of the error."""

    def __init__(self, operation, code, message, status=400):
        self.operation, self.code, self.message = operation, code, message
        self.status = status
        super().__init__(sentence(operation, code, message))


LOGIN = ("AWS does not accept these credentials. `aws sts get-caller-identity` checks them; "
         "`aws configure` sets them; --profile selects others.")
SENTENCES = {
    "UnauthorizedOperation": "You are not permitted to do this ({op}). Attach the policy "
                             "{policy} to your user or role (docs/ec2.md), or choose "
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
    known = SENTENCES.get(ALIASES.get(code, code), "").format(op=operation, policy=POLICY)
    if "kms" in f"{code} {message}".lower():
        known = ("This account encrypts its disks with a key of KMS that you are not permitted to "
                 "use (docs/ec2.md lists the permissions).")
    return (f"{known} AWS said: {message} ({code})" if known else
            f"AWS refused {operation}: {message} ({code}).")


@contextlib.contextmanager
def translated(operation):
    """Raises an Ec2Error for each error of botocore."""
    import botocore.exceptions as b
    import botocore.parsers as parsers
    try:
        yield
    except b.ClientError as e:
        error = e.response.get("Error", {})
        status = e.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise AwsError(e.operation_name, error.get("Code", "Unknown"),
                       str(error.get("Message", "")).strip().rstrip("."), status) from None
    except (b.NoCredentialsError, b.PartialCredentialsError):
        raise NoAccount("There are no AWS credentials. Type `aws configure`, or choose a profile "
                        "that has credentials with --profile.") from None
    except b.NoRegionError:
        raise NoAccount("No AWS region is chosen: use --region us-east-1, or `aws configure`."
                        ) from None
    except b.ProfileNotFound as e:
        raise NoAccount(f"{e}. `aws configure list-profiles` lists all.") from None
    except (b.SSOError, b.TokenRetrievalError, b.CredentialRetrievalError) as e:
        raise Ec2Error("Your session with AWS has expired, or cannot be used: type "
                       f"`aws sso login`. ({e})") from None
    except (b.HTTPClientError, b.ConnectionError) as e:
        raise Unreachable("AWS cannot be reached: is this machine on the network, and the region's "
                          f"name right? ({e})") from None
    except parsers.ResponseParserError as e:
        raise Unreachable(f"aws {operation}: the reply is not one of AWS; is there a proxy between? "
                          f"({' '.join(str(e).split())[:200]})") from None
    except b.UnknownServiceError:
        raise Ec2Error("This botocore is too old: version 1.29 or newer is needed.") from None
    except Ec2Error:
        raise
    except Exception as e:
        # A reply that is not AWS's, an endpoint or a region that is not a host name, and others.
        raise Ec2Error(f"aws {operation}: {' '.join(str(e).split()) or repr(e)}") from None
