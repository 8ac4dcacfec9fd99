# SPDX-License-Identifier: ISC
"""A claim about the package xenolith-tools: its commands start, and `xenolith ec2` runs an image, from a
prefix that it does not write to, for a user who has no sources.
"""

import os
import subprocess

import packages
from place import CONSOLE, Place, claim, ends


@claim
def the_installed_command_runs_an_image_and_writes_nothing_below_its_prefix():
    with Place(ends(4)) as p:
        sdk = packages.BUILD / "sdk"
        if not (sdk / "lib/xenolith/manifest").exists():
            subprocess.run(["make", "-s", f"BUILD={packages.BUILD}", "sdk"], cwd=packages.ROOT, check=True)
        subprocess.run(["sdk/deb", sdk, "1", p.folder], cwd=packages.ROOT, check=True, stdout=subprocess.DEVNULL)
        prefix, home = p.folder / "prefix", p.folder / "home"
        (deb,) = p.folder.glob("xenolith-tools_*.deb")
        subprocess.run(["dpkg-deb", "-x", deb, prefix], check=True)
        home.mkdir()
        before = sorted(prefix.rglob("*"))
        env = {k: v for k, v in p.env.items() if k not in ("XENOLITH_BUILD", "BUILD")}
        env.update(HOME=str(home), XDG_CACHE_HOME=str(home / "cache"), PYTHONDONTWRITEBYTECODE="")

        def run(*words, status=0, says=""):
            done = subprocess.run([prefix / "usr/bin/xenolith", *map(str, words)], env=env, cwd=home, text=True,
                                  capture_output=True, stdin=subprocess.DEVNULL)
            assert done.returncode == status and says in done.stdout + done.stderr, (words, done)
            assert "Traceback" not in done.stderr, done
            return done
        for command in ("ec2", "run", "lab", "disk", "new", "build", "ps", "cp"):
            run(command, "--help", says="usage" if command not in ("ps", "cp", "run") else "xenolith")
        run("ec2", "image", "--raw", "--output", home / "x.img", p.kernel, "--", "word")
        run("ec2", "run", p.kernel, status=4, says=CONSOLE.format(4).strip())
        run("ec2", "fleet", "--min", "0", "--max", "0", p.kernel)
        run("ec2", "gc", "--all")
        p.cloud.policy.statements.clear()
        run("ec2", "list", status=125, says=str(prefix.resolve() / "usr/share/xenolith/tools/ec2/policy.json"))
        assert sorted(prefix.rglob("*")) == before, set(prefix.rglob("*")) - set(before)
        assert os.path.isdir(home / "cache")
