# SPDX-License-Identifier: ISC
"""The same RAM disk behind different backends; the frontend is a Linux guest."""

from contextlib import contextmanager

from common import RUNS, ROOT, Table, after, compile_for_linux, image, linux_with

SIZE = 64               # MB
FILE = "/tmp/bench-backend"


@contextmanager
def kernel(lab):
    lab.sh(f"losetup -d /dev/loop6 2>/dev/null; losetup /dev/loop6 {FILE}")
    yield "format=raw,vdev=xvda,access=rw,target=/dev/loop6"
    lab.sh("losetup -d /dev/loop6")


@contextmanager
def qdisk(lab):
    yield f"format=raw,vdev=xvda,access=rw,backendtype=qdisk,target={FILE}"


@contextmanager
def dom0(lab, store=FILE):
    lab.command()
    server = lab.start(["xenolith", "disk", "serve", "bench", "--store", store])
    server.until(lambda: b"attach it" in server.out, 60)
    yield "format=raw,vdev=xvda,script=block-xenolith,target=bench"
    server.signal(15)
    server.wait(60)


@contextmanager
def dom0_memory(lab):
    with dom0(lab, f"memory:{SIZE}M") as line:
        yield line


@contextmanager
def domain(lab):
    with lab.create(image("storage"), args=[f"bench=memory:{SIZE}M"], memory=SIZE + 64) as server:
        server.wait_for("storage: ready")
        yield f"format=raw,vdev=xvda,backend={server.name},target=bench"


# Rows are compared with the first one.
BACKENDS = {"xenolith": dom0, "memory": dom0_memory, "domain": domain, "blkback": kernel, "qdisk": qdisk}


def backends(lab):
    """Reads past any cache of the guest: the program of the measurement `disk`."""
    tables = {"random-1": Table("backends: random 4 KiB reads, depth 1", "1/s", 1),
              "random-32": Table("backends: random 4 KiB reads, depth 32", "1/s", 1),
              "sequential-1": Table("backends: sequential 1 MiB reads, depth 1", "MiB/s", 1),
              "sequential-4": Table("backends: sequential 1 MiB reads, depth 4", "MiB/s", 1)}
    program = compile_for_linux("disk", ROOT / "tests/bench/disk/main.c")
    lab.sh(f"dd if=/dev/zero of={FILE} bs=1M count={SIZE} 2>/dev/null")
    for _ in range(max(1, RUNS // 3)):
        for name, backend in BACKENDS.items():
            with backend(lab) as line, \
                    linux_with(lab, program, "/dev/xvda", "2", more=[f"disk=['{line}']"]) as guest:
                guest.wait_for("done.", 180)
                for what, table in tables.items():
                    table.add(name, after(guest, what + ": "))
    for table in tables.values():
        table.show()
    lab.sh(f"rm {FILE}")
