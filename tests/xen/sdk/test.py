# SPDX-License-Identifier: ISC
"""An image that x86_64-xenolith-elf-gcc makes of a file outside of the tree (tests/sdk/run has the rest)."""

import importlib.machinery
import importlib.util
import os
import random
import subprocess
import tempfile
import unittest
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


def make(*words):
    subprocess.run(["make", "-s", f"BUILD={BUILD}", *words], cwd=Path(__file__).parents[3], check=True,
                   env={**os.environ, "MAKEFLAGS": ""})


def test_an_image_from_outside_of_the_tree(lab, image):
    gcc = BUILD / "sdk/bin/x86_64-xenolith-elf-gcc"
    if not gcc.exists():
        make("sdk")
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


def torture():
    """The module tests/sdk/torture."""
    path = str(Path(__file__).parents[2] / "sdk/torture")
    loader = importlib.machinery.SourceFileLoader("torture", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("torture", loader))
    loader.exec_module(module)
    return module


def test_gccs_own_tests(lab, image):
    """Some of them; with LONG=1 all, for which `tests/sdk/torture SUITE` prints a table."""
    tests = torture()
    try:
        tests.fetch()
    except subprocess.CalledProcessError:
        raise unittest.SkipTest("the tests of GCC cannot be downloaded") from None
    long = os.environ.get("LONG") == "1"
    seed = int(os.environ.get("HOST_SEED") or random.randrange(10**6))
    # Those in 30_threads measure time.
    slices = [("c", 20), [("eh", 8), ("tls", 4), ("init", 10), ("20_util", 50), ("23_containers", 90)][seed % 5]]
    if not (BUILD / "sdk/x86_64-xenolith-elf/lib/libstdc++.a").exists():
        make("sdk", "CXX=1")
    for suite, share in slices if not long else [(s, 1) for s in tests.SUITES]:
        said = []
        passed, failed, excluded = tests.run_suite(lab, suite, share, seed, say=said.append)
        assert passed and (tests.enough(suite, passed, failed, excluded) if long else not failed), \
            f"HOST_SEED={seed}\n" + "\n".join(said)
