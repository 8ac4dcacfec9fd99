# SPDX-License-Identifier: ISC
"""The lab: a Xen host in QEMU, for machines without Xen.

    from lab import Lab
    with Lab() as lab:
        result = lab.run_guest("hello.elf", args=["a", "b c"], timeout=60)
        print(result.reason, result.status, result.console)

docs/lab.md describes the whole interface.
"""

from .errors import LabError, Timeout
from .guest import Guest, Result
from .lab import Lab
from .remote import running_lab

__all__ = ["Guest", "Lab", "LabError", "Result", "Timeout", "running_lab"]
