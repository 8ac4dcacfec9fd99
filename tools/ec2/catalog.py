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


def described(names=None):
    """TYPES as AWS describes them."""
    return {"InstanceTypes": [
        {"InstanceType": name, "Hypervisor": "xen", "SupportedVirtualizationTypes": list(kinds),
         "VCpuInfo": {"DefaultVCpus": cpus}, "MemoryInfo": {"SizeInMiB": size}}
        for name, (kinds, cpus, size) in TYPES.items() if names is None or name in names]}
