# SPDX-License-Identifier: ISC
"""Claims: archives."""

import gzip
import io
import os
import tarfile

from contents import BIG, FILES, claim, write_tar
from server import OUT, Server
from served import (
    a_file_is_served_as_it_is, a_folder_shows_its_index_or_what_is_in_it,
    several_ranges_are_served_in_parts)
from hostile import nothing_outside_of_the_site_is_reached
from status import refuses


@claim
def an_archive_is_served_whatever_its_format(site):
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        tar = OUT / "site.tar"
        write_tar(tar, format)
        with open(tar, "ab") as f:          # a disk is larger than its archive
            f.write(os.urandom(100000))
        with Server(root=tar) as server:
            a_file_is_served_as_it_is(server)
            a_folder_shows_its_index_or_what_is_in_it(server)
            nothing_outside_of_the_site_is_reached(server)
            several_ranges_are_served_in_parts(server)


@claim
def of_a_disk_what_was_asked_for_is_kept_while_there_is_room(site):
    tar = OUT / "site.tar"
    write_tar(tar)
    small = sum(len(d) for n, d in FILES.items() if len(d) <= 65536 and
                (not n.startswith(".") or n.startswith(".well")))
    for keep, kept in (("16M", small + len(BIG)), ("4M", small), ("0", 0)):
        with Server(root=tar, keep=keep) as server:
            assert server.status()["site"]["in_memory"] == (small if kept else 0)
            server.ask("/big.bin", "HEAD")
            for _ in range(2):
                assert server.ask("/big.bin").body == BIG
                r = server.ask("/big.bin", Range="bytes=5-9,1000000-1500000")
                assert BIG[1000000:1500001] in r.body
            assert server.status()["site"]["in_memory"] == kept, keep


def tar_of(*entries, format=tarfile.PAX_FORMAT):
    """Entries are (name, data) or TarInfos."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                tar.addfile(info, io.BytesIO(entry[1]))
    return bytearray(out.getvalue())


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def sum_again(data, at=0):
    data[at + 148:at + 156] = b" " * 8
    data[at + 148:at + 156] = b"%06o\0 " % sum(data[at:at + 512])


@claim
def archives_with_long_names_links_and_odd_entries_are_understood(site):
    long = "d" * 120 + "/" + "n" * 180 + ".txt"
    device = tarfile.TarInfo("device")
    device.type = tarfile.CHRTYPE
    for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        data = tar_of((long, b"long\n"), ("a/b.txt", b"old\n"), ("a/b.txt", b"new\n"),
                      link("s1", "s2"), link("s2", "a/../a/b.txt"), link("a/up", "../a/b.txt"),
                      link("out", "../../etc/passwd"), link("out2", "../a/b.txt"),
                      link("abs", "/etc/passwd"),
                      link("circle", "circle"), link("hard", "a/b.txt", tarfile.LNKTYPE),
                      ("../escape", b"x"), ("/absolute", b"abs\n"), ("a/.hidden", b"x"),
                      ("a/b.txt/below", b"x"), ("a", b"a folder's name"), device, format=format)
        path = OUT / "odd.tar"
        path.write_bytes(data)
        with Server(root=path) as server:
            for name, body in ((long, b"long\n"), ("a/b.txt", b"new\n"), ("s1", b"new\n"),
                               ("s2", b"new\n"), ("a/up", b"new\n"), ("hard", b"new\n"),
                               ("absolute", b"abs\n")):
                assert server.ask("/" + name).body == body, name
            for name in ("out", "out2", "abs", "circle", "escape", "device", "etc/passwd", "a/.hidden",
                         "a/b.txt/below"):
                assert server.ask("/" + name).status == 404, name
            assert "9 entries other than files were skipped" in server.said()


@claim
def archives_that_are_none_are_refused(site):
    good = tar_of(("a.txt", b"x" * 2000), ("b.txt", b"y"))
    bad = {}
    bad["not a tar archive"] = [b"x" * 5000, b"", b"x" * 511, bytes(5000), gzip.compress(bytes(good)).ljust(600)]
    wrong_sum = good.copy()
    wrong_sum[0] ^= 1
    bad["not a tar archive"].append(wrong_sum)
    huge = good.copy()
    huge[124:136] = b"77777777777\0"
    sum_again(huge)
    negative = good.copy()
    negative[124:136] = b"\xff" * 12
    sum_again(negative)
    overflow = good.copy()
    overflow[124:136] = b"\x80" + b"\x7f" + b"\xff" * 10
    sum_again(overflow)
    bad["a file exceeds the disk"] = [huge, negative, overflow, good[:1024]]
    second = good.copy()
    second[512 + 2048] ^= 1
    bad["byte 2560: invalid tar header"] = [second]
    for text, files in bad.items():
        for data in files:
            (OUT / "bad.tar").write_bytes(data)
            refuses(f"root={OUT / 'bad.tar'}", says=text)
    for record in (b"5 a=b\n", b"99999999999999999999 a=b\n", b"-6 a=b\n", b"6 ab=\n", b"5 abc\n",
                   b"6 a=bc", b" \n", b"4 =\n\n"):
        data = tar_of(("x", record + b"\0" * 100))
        data[156:157] = b"x"
        sum_again(data)
        (OUT / "bad.tar").write_bytes(data)
        refuses(f"root={OUT / 'bad.tar'}", says="invalid pax header")
