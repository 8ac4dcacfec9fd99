# SPDX-License-Identifier: ISC
"""An image that x86_64-xenolith-elf-gcc makes of a file outside of the tree (tests/sdk/run has the rest)."""

import os
import subprocess
import tempfile
from pathlib import Path

from folders import BUILD

SOURCE = r"""
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *square(void *n)
{
	*(double *)n *= *(double *)n;
	return n;
}

__attribute__((noinline)) static void give_up(void)
{
	abort();
}

int main(int argc, char **argv)
{
	pthread_t thread;
	double n = argc > 1 ? atof(argv[1]) : 0;

	if (pthread_create(&thread, NULL, square, &n) || pthread_join(thread, NULL))
		return 1;
	printf("%s^2 = %.2f, sqrt %.2f\n", argv[1], n, sqrt(n));
	if (argc > 2)
		give_up();
	return 7;
}
"""


def test_an_image_from_outside_of_the_tree(lab, image):
    gcc = BUILD / "sdk/bin/x86_64-xenolith-elf-gcc"
    if not gcc.exists():
        subprocess.run(["make", "-s", f"BUILD={BUILD}", "sdk"], cwd=Path(__file__).parents[3], check=True,
                       env={**os.environ, "MAKEFLAGS": ""})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "outside.c").write_text(SOURCE)
        subprocess.run([gcc, "-O2", "-flto", "-g", "outside.c", "-lm", "-pthread", "-o", "outside"],
                       cwd=folder, check=True)
        subprocess.run([f"{gcc.parent}/x86_64-xenolith-elf-strip", "outside", "-o", "stripped"],
                       cwd=folder, check=True)
        result = lab.run_guest(Path(folder) / "outside", args=["3"], timeout=60)
        assert "3^2 = 9.00, sqrt 3.00" in result.console, result.console
        assert (result.reason, result.status) == ("poweroff", 7), result
        result = lab.run_guest(Path(folder) / "stripped", args=["3", "x"], timeout=60)
        assert result.status == 134 and "give_up" in result.console, result.console
