# SPDX-License-Identifier: ISC
"""What --dry-run and `ec2 types` assume about AWS if there is no account to ask."""

NOTE = ("the following is from a list in this program, not from AWS: prices and offers differ by "
        "region")
BOTH, HVM = ("hvm", "paravirtual"), ("hvm",)
# name: (virtualization types, vCPUs, MiB); only types that run Xen.
TYPES = {
    "t1.micro": (("paravirtual",), 1, 627),
    "m1.small": (("paravirtual",), 1, 1740),
    "m3.medium": (BOTH, 1, 3840), "m3.large": (BOTH, 2, 7680),
    "c3.large": (BOTH, 2, 3840), "c3.xlarge": (BOTH, 4, 7680),
    "t2.nano": (HVM, 1, 512), "t2.micro": (HVM, 1, 1024), "t2.small": (HVM, 1, 2048),
    "t2.medium": (HVM, 2, 4096), "t2.large": (HVM, 2, 8192),
    "m4.large": (HVM, 2, 8192), "c4.large": (HVM, 2, 3840), "r4.large": (HVM, 2, 15616),
}
# Dollars per hour of Linux on demand in us-east-1, from Amazon's price list.  Other regions cost up to half more.
PRICES_OF = "us-east-1, 2024"
PRICES = {
    "t1.micro": 0.02, "m1.small": 0.044, "m1.medium": 0.087, "m1.large": 0.175, "c1.medium": 0.13,
    "m3.medium": 0.067, "m3.large": 0.133, "c3.large": 0.105, "c3.xlarge": 0.21, "t2.nano": 0.0058,
    "t2.micro": 0.0116, "t2.small": 0.023, "t2.medium": 0.0464, "t2.large": 0.0928, "m4.large": 0.1,
    "c4.large": 0.1, "r4.large": 0.133,
}


def price(kind, count=1, seconds=None):
    """What instances of a type cost per hour, or in this time (a minute at least), as a text."""
    if kind not in PRICES:
        return f"a price that is not in this program's list ({kind})"
    dollars = PRICES[kind] * count
    if seconds is None:
        return f"about ${dollars:.4f} per hour ({PRICES_OF})"
    return f"about ${dollars * max(60, seconds) / 3600:.4f} ({PRICES_OF})"


def described(names=None):
    """TYPES as AWS describes them."""
    return {"InstanceTypes": [
        {"InstanceType": name, "Hypervisor": "xen", "SupportedVirtualizationTypes": list(kinds),
         "VCpuInfo": {"DefaultVCpus": cpus}, "MemoryInfo": {"SizeInMiB": size}}
        for name, (kinds, cpus, size) in TYPES.items() if names is None or name in names]}
