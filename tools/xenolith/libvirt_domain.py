# SPDX-License-Identifier: ISC
"""`xenolith run --libvirt`: defines and starts the guest as a domain of libvirt's Xen driver, so that virsh,
virt-manager, Ansible and Terraform can manage it.

The XML is made of the xl.cfg that `xenolith run --show` prints, so it is the same guest.  It is written
to build/libvirt/NAME.xml.  Without virsh, or on a machine that is no Xen host, this is all.
"""

import ast
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from folders import BUILD
from lab.errors import LabError

URI = "xen:///system"
BRIDGE = "xenbr0"               # xl's default
MACHINES = {"pv": ("xenpv", "linux"), "pvh": ("xenpvh", "xenpvh"), "hvm": ("xenfv", "hvm")}
ENDS = {"on_poweroff": "destroy", "on_reboot": "destroy", "on_crash": "destroy"}
IN_XML = ("name", "uuid", "type", "kernel", "extra", "ramdisk", "memory", "vcpus", "disk", "vif", *ENDS)
# Values of `run --show` (xlcfg.c) that no element of the XML has; others are refused.
LEFT_OUT = {"on_watchdog": "destroy", "boot": "c", "bios": "seabios", "vga": "none", "videoram": 0, "nographic": 1,
            "vnc": 0, "sdl": 0, "usb": 0, "serial": "pty"}


def read(text):
    """{key: value} of an xl.cfg."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        try:
            found[key.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            raise LabError(f"--libvirt: the line {line!r} has no counterpart in libvirt") from None
    return found


def options(text):
    """{name: value} of vdev=xvda,access=ro,..."""
    return dict(word.partition("=")[::2] for word in text.split(",") if word)


def disk(devices, text):
    found = options(text)
    one = ET.SubElement(devices, "disk", type="block" if found["target"].startswith("/dev/") else "file", device="disk")
    ET.SubElement(one, "driver", type="raw")
    ET.SubElement(one, "source", {"dev" if one.get("type") == "block" else "file": found["target"]})
    name = found["vdev"]
    ET.SubElement(one, "target", dev=name, bus="xen" if name.startswith("xvd") else "ide")
    if found.get("access") == "ro":
        ET.SubElement(one, "readonly")


def interface(devices, text):
    found = options(text)
    one = ET.SubElement(devices, "interface", type="bridge")
    if "mac" in found:
        ET.SubElement(one, "mac", address=found["mac"])
    ET.SubElement(one, "source", bridge=found.get("bridge", BRIDGE))


def xml_of(cfg):
    """The domain of libvirt that has this xl.cfg."""
    left_out = {**LEFT_OUT, "maxmem": cfg["memory"]}
    if unknown := [k for k in cfg if k not in IN_XML and (k not in left_out or cfg[k] != left_out[k])]:
        raise LabError(f"--libvirt: {', '.join(unknown)} of the xl.cfg has no counterpart here; leave --config out")
    kind = cfg.get("type", "pv")
    domain = ET.Element("domain", type="xen")

    def add(parent, name, text, **attributes):
        ET.SubElement(parent, name, **attributes).text = str(text)
    add(domain, "name", cfg["name"])
    if "uuid" in cfg:
        add(domain, "uuid", cfg["uuid"])
    add(domain, "memory", cfg["memory"], unit="MiB")
    add(domain, "vcpu", cfg.get("vcpus", 1))
    system = ET.SubElement(domain, "os")
    machine, name = MACHINES[kind]
    add(system, "type", name, arch="x86_64", machine=machine)
    if kind == "hvm":
        ET.SubElement(system, "boot", dev="hd")
    else:
        add(system, "kernel", cfg["kernel"])
        if "ramdisk" in cfg:
            add(system, "initrd", cfg["ramdisk"])
        add(system, "cmdline", cfg.get("extra", ""))
    for key, default in ENDS.items():
        add(domain, key, cfg.get(key, default))
    devices = ET.SubElement(domain, "devices")
    for text in cfg.get("disk", []):
        disk(devices, text)
    for text in cfg.get("vif", []):
        interface(devices, text)
    console = ET.SubElement(devices, "console", type="pty")
    ET.SubElement(console, "target", type="serial" if kind == "hvm" else "xen", port="0")
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def run(words, command, xen_host):
    """words: those after `run`, without --libvirt; command: xenolith of this machine."""
    shown = subprocess.run([command, "run", "--show", *words], text=True, stdout=subprocess.PIPE)
    if shown.returncode:
        return shown.returncode
    cfg = read(shown.stdout)
    if not re.fullmatch(r"[\w.-]+", cfg["name"]):
        raise LabError(f"--name {cfg['name']}: letters, digits, dots, hyphens and underscores")
    file = BUILD / "libvirt" / f"{cfg['name']}.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(xml_of(cfg))
    virsh = shutil.which("virsh")
    if not virsh or not xen_host:
        print(file)
        print(f"xenolith: {'libvirt is not installed' if xen_host else 'this machine is not a Xen host'}; on a host with "
              f"libvirt: virsh -c {URI} define {Path(file).name}; virsh -c {URI} start {cfg['name']}", file=sys.stderr)
        return 0
    for step in (["define", str(file)], ["start", cfg["name"]]):
        done = subprocess.run([virsh, "-c", URI, *step])
        if done.returncode:
            return done.returncode
    return 0
