# SPDX-License-Identifier: ISC
"""xenolith cp: into and out of a guest, from dom0 and from this machine."""

import contextlib
import filecmp
import importlib.util
import os
import subprocess
import tempfile
import time
from pathlib import Path

from lab import clients, xenolith

ROOT = Path(__file__).resolve().parents[3]
spec = importlib.util.spec_from_file_location("mount_tools", Path(__file__).parent.parent / "mount/test.py")
mount_tools = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mount_tools)

numbers = {}


class Here:
    """The command on this machine, and a folder for its files."""

    def __init__(self, lab, folder):
        if lab not in numbers:            # each lab has its own, and this process has two
            numbers[lab] = os.getpid() * 1000 + len(numbers)
            xenolith.install(lab)
            clients.accept_clients(lab, numbers[lab])
        self.env = {**os.environ, "XENOLITH_LAB": str(numbers[lab])}
        self.folder = Path(folder)

    def run(self, *words):
        return subprocess.run([ROOT / "xenolith", "cp", *map(str, words)], env=self.env, cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=300)

    def cp(self, *words):
        done = self.run(*words)
        assert done.returncode == 0 and not done.stderr, (words, done)
        return done.stdout

    def refused(self, words, says):
        done = self.run(*words)
        assert done.returncode and says in done.stderr.decode(), (words, says, done)
        assert done.stderr.count(b"\n") == 1, (words, done)

    def file(self, name, data, mode=0o644):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
        return path


@contextlib.contextmanager
def everything(lab, image, *args):
    with mount_tools.disk() as disk, tempfile.TemporaryDirectory() as folder:
        here = Here(lab, folder)
        with lab.create(image, args=list(args), name="files", memory=48, disks=[f"{disk}:/data"],
                        cmdline="mount=tmpfs:/small,size=1M") as guest:
            guest.wait_for("up", 120)
            yield guest, here
            assert lab.dom0("xenolith shutdown files", timeout=60)[0] == 0
            result = guest.wait(120)
            assert result.reason == "poweroff", (result, result.console[-2000:])


def summed(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) & (1 << 64) - 1
    return f"{total:016x}"


def same(a, b):
    """Whether two folders have the same files, contents and modes."""
    names = [sorted(p.relative_to(f) for p in f.rglob("*")) for f in (a, b)]
    assert names[0] == names[1] and names[0], names
    for name in names[0]:
        assert (a / name).stat().st_mode == (b / name).stat().st_mode, name
        assert (a / name).is_dir() or filecmp.cmp(a / name, b / name, shallow=False), name


def ends_copying(lab, running):
    """Wait until a copy runs in the guest, or none."""
    end = time.monotonic() + 100
    while (" files " in lab.dom0("xenolith ps files", timeout=100)[1]) != running:
        assert time.monotonic() < end, running
        time.sleep(0.1)


def test_files_and_folders_go_in_and_out(lab, image):
    with everything(lab, image, "/data/in") as (guest, here):
        data = os.urandom(1000001)
        file = here.file("in", data, 0o751)
        here.cp(file, "files:/data/in")
        guest.wait_for(f"/data/in: {len(data)} bytes, mode 0751, sum {summed(data)}", 120)
        here.cp("files:/data/in", "out")
        assert (here.folder / "out").read_bytes() == data
        assert (here.folder / "out").stat().st_mode & 0o777 == 0o751 & ~0o22
        assert here.cp("files:/data/in", "-") == data
        assert lab.dom0("xenolith cp files:/data/in /root/copy && md5sum < /root/copy && rm /root/copy",
                        timeout=60)[0] == 0
        # A shorter file replaces it; an empty one, too.
        for data in b"short", b"":
            here.cp(here.file("in", data, 0o600), "files:/data/in")
            here.cp("files:/data/in", "out")
            assert (here.folder / "out").read_bytes() == data
        assert b'"uptime"' in here.cp("files:/proc/xenolith", "-")
        for name in "tree/a", "tree/b/c d", "tree/b/\u00e9/" + "n" * 200:
            here.file(name, name.encode() * 9, 0o640)
        for i in range(60):
            here.file(f"tree/many/{i:0200}", b"x")      # the list has several parts
        (here.folder / "tree/b").chmod(0o711)
        (here.folder / "tree/empty").mkdir()
        for there in "files:/tmp/tree", "files:/data/tree":
            here.cp("-r", "tree", there)
            here.cp("-r", "tree", there)
            here.cp("-r", there, here.folder / there[6:9])
            same(here.folder / "tree", here.folder / there[6:9])


def test_what_cannot_be_copied_is_refused_and_leaves_nothing(lab, image):
    with everything(lab, image) as (guest, here):
        file = here.file("file", os.urandom(1 << 21))
        (here.folder / "folder").mkdir()
        for words, says in (
                ((file, "files:/data"), "files:/data: it is a folder; write the name of the file"),
                ((file, "files:/data/no/file"), "files:/data/no/file: its folder does not exist"),
                ((file, "files:/file"), "files:/file: it is on a read-only file system"),
                ((file, "files:/dev/null"), "it is neither a file nor a folder"),
                ((file, "files:/small/file"), "files:/small/file: the file system is full"),
                (("files:/data/none", "out"), "files:/data/none: there is no such file or folder"),
                (("files:/data", "out"), "files:/data: it is a folder; xenolith cp -r"),
                (("-r", "files:/none", "out"), "there is no such file"),
                (("files:/data/none", "folder"), "folder: it is a folder; write the name"),
                (("none", "files:/data/none"), "none: No such file"),
                (("folder", "files:/data/f"), "folder: it is a folder; xenolith cp -r"),
                ((file, "nobody:/data/x"), "no domain is named nobody")):
            here.refused(words, says)
        # Killed in the middle: the client in dom0.
        lab.start(["sh", "-c", "(head -c 500000 /dev/zero; sleep 1000) |"
                   " { echo $$ > /root/pid; exec xenolith cp - files:/data/part; }"])
        ends_copying(lab, True)
        here_too = subprocess.Popen([ROOT / "xenolith", "cp", "-", "files:/data/part"], env=here.env,
                                    stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert b"another copy is in progress" in here_too.communicate(timeout=300)[1]
        lab.sh("kill -9 $(pidof xenolith)")
        ends_copying(lab, False)
        here.cp("-r", "files:/data", "data")
        assert os.listdir(here.folder / "data") == ["lost+found"], os.listdir(here.folder / "data")
        here.cp("-r", "files:/small", "small")
        assert not os.listdir(here.folder / "small")
        assert sorted(os.listdir(here.folder)) == ["data", "file", "folder", "small"]
        assert "xenolith-cp" not in lab.sh("ls /tmp")


def test_a_guest_that_computes_takes_files(lab, image):
    with tempfile.TemporaryDirectory() as folder:
        here = Here(lab, folder)
        data = os.urandom(100000)
        with lab.create(image, args=["spin"], name="files", memory=48) as guest:
            guest.wait_for("up", 120)
            here.cp(here.file("in", data), "files:/tmp/in")
            assert here.cp("files:/tmp/in", "-") == data
