# SPDX-License-Identifier: ISC
"""Constructors, destructors and the pieces of .init and .fini run, in ELF's order."""

# That of the pieces is the order of linking: the image's objects, then its archives.
BEFORE = ["preinit", "init of main", "init of other", "init of archived",
          "constructor_200", "old_constructor", "constructor_300", "constructor"]
AFTER = ["at_exit", "destructor", "destructor_300", "old_destructor", "destructor_200",
         "fini of main", "fini of other", "fini of archived"]


def test_all_run_once_in_order(lab, image):
    result = lab.run_guest(image, memory=8, timeout=60)
    said = [line for line in result.console.replace("\r", "").splitlines()
            if line and not line.startswith(("[", "end:"))]
    assert result.status == 0 and said == [*BEFORE, "main", *AFTER], result.console
