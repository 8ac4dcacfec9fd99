# SPDX-License-Identifier: ISC
"""Ports on a guest: an appliance, and own tests of a port (all of them: tests/ports/compatibility)."""

import importlib.machinery
import importlib.util
import shutil
import tempfile
from pathlib import Path

from ports import lock, recipe, build
from project import config, make

ROOT = Path(__file__).resolve().parents[3]
IP = "ip=10.0.0.17/24,gateway=10.0.0.1"
URL = "http://10.0.0.17"


def compatibility():
    loader = importlib.machinery.SourceFileLoader("compatibility", str(ROOT / "tests/ports/compatibility"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compatibility", loader))
    loader.exec_module(module)
    return module


def test_a_web_application_in_lua_answers(lab, image):
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp) / "lua-web"
        shutil.copytree(ROOT / "appliances/lua-web", folder, ignore=shutil.ignore_patterns("build", "xenolith.lock"))
        made = make.image(config.load(folder / "xenolith.toml"))
        assert "lua5.4 5" in (folder / "xenolith.lock").read_text()
        with lab.create(made, cmdline=IP, memory=32, net=True) as guest:
            guest.wait_for("lua-web: port 80", 30)
            said = lab.sh(f"""curl -sS -m 60 {URL}/
                for i in 1 2 3; do curl -sS -m 60 -d note-$i {URL}/notes; done
                curl -sS -m 60 {URL}/notes
                curl -sS -m 60 -o /dev/null -w '%{{http_code}} ' {URL}/nothing
                head -c 2000000 /dev/zero | curl -sS -m 60 -o /dev/null -w '%{{http_code}} ' --data-binary @- {URL}/notes
                printf 'nonsense\\r\\n\\r\\n' | nc -w 60 10.0.0.17 80 | head -n 1""")
            assert said.startswith("Hello from Lua 5.4\nstored\nstored\nstored\nnote-1\nnote-2\nnote-3\n404 413 "), said
            assert "HTTP/1.1 400" in said, said


def test_zlib_passes_its_own_tests(lab, image):
    run = compatibility().run
    ports = lock.select(recipe.all_versions(), ["zlib"])
    images = [p for p in build.tests(ports).iterdir() if not p.suffix and not p.name.startswith(".")]
    assert {p.name for p in images} == {"example", "infcover"}
    for one in images:
        passed, total, why, console = run(lab, one)
        assert passed == total, (one, why, console[-2000:])
