# SPDX-License-Identifier: ISC
"""What /proc/xenolith has in a guest with a network and a disk: the keys of control/*_methods.c.

status.py compares the keys with the descriptions of the interfaces there.
"""

KERNEL = "kernel"


def thread(i, name, kind, state, cpu, stack, used, **waits):
    return {"id": i, "name": name, "kind": kind, "state": state, **waits, "cpu": cpu,
            "stack": stack, "stack_used": used}


def direction(slots, used, most, frames, size, errors, **own):
    notified = own.pop("notified")
    return {"slots": slots, "used": used, "most": most, "frames": frames, "bytes": size,
            "errors": errors, **own, "notified": notified}


def ring(slots, used, most):
    return {"slots": slots, "used": used, "most": most, "waiting": 0}


def at(s, *, ready=256, errors=0):
    """The state after s seconds.  All counters grow; other values change, too."""
    wave = s * 7 % 11
    disk = {"name": "xvda", "number": 51712, "state": "connected", "size_bytes": 10240 << 10,
            "sector_bytes": 512, "writable": False, "reads": 3 * s, "writes": 2 * s, "flushes": s // 9,
            "discards": 0, "read_bytes": 12288 * s, "written_bytes": 8192 * s, "errors": errors,
            "ring": ring(64, s % 3, 5), "pages": {"limit": 352, "granted": 8, "used": s % 2}}
    device = {
        "name": "vif0", "up": True, "mac": "00:16:3e:55:02:08", "mtu": 1500,
        "addresses": ["10.0.0.16/24", "fe80::216:3eff:fe55:208/64"], "gateway": "10.0.0.1",
        "tx": direction(256, wave % 4, 41 + s % 5, 380 * s, 560000 * s, 0, full=0,
                        copied_bytes=41000 * s, notified=210 * s),
        "rx": direction(256, ready, 256, 400 * s, 33000 * s, 0, dropped=errors, held=wave % 3,
                        notified=230 * s),
        "events": 350 * s, "queue": {"slots": 64, "used": wave % 2}}
    return {
        "uptime": 1000 * s,
        "memory": {"total": 64624, "heap": 1382 + 16 * s, "pages": 8664, "free": 54578 - 16 * s},
        "threads": [
            thread(0, "control", KERNEL, "waiting", 8870 + 130 * s, 16384, 768, waits="toolstack_run"),
            thread(1, "main", "app", "running", 180000 * s, 1032192, 9864),
            thread(2, "xenstore", KERNEL, "waiting", 9560 + 110 * s, 16384, 256, waits="reader"),
            thread(3, "device/vbd", KERNEL, "waiting", 8450, 16384, 768, waits="xs_watch_wait"),
            thread(4, "vbd-51712", KERNEL, "waiting", 2200 * s, 16384, 1536, waits="await"),
            thread(5, "endpoint", KERNEL, "waiting", 880, 16384, 1536, waits="serve"),
            thread(6, "net", KERNEL, "waiting", 19000 * s, 16384, 2816, waits="net_thread",
                   left=204 - wave),
            thread(9, "net-0", KERNEL, "preempted", 92000 * s, 16384, 3328),
            thread(10, "limits", KERNEL, "waiting", 9260, 16384, 256, waits="watch_limits",
                   left=640 + wave)],
        "xen": {"switches": 760 * s, "preemptions": 4 * s, "upcalls": 410 * s, "idles": 290 * s,
                "grants": {"used": 611 + wave, "free": 413 - wave, "quarantined": 0, "mapped": 0},
                "hold": {"longest": 1800 + 3 * s, "in": ["net_push", "send"]},
                "ports": [{"port": 1, "name": "xenstore", "count": 245},
                          {"port": 2, "name": "console", "count": 39},
                          {"port": 4, "name": "timer", "count": 83 * s},
                          {"port": 9, "name": "vif-0", "count": 350 * s}]},
        "xenbus": [{"name": "device/vif/0", "state": "connected", "domain": 0,
                    "backend": "/local/domain/0/backend/vif/1/0", "attached": 1,
                    "rings": {"tx-ring-ref": ring(256, wave % 4, 41),
                              "rx-ring-ref": ring(256, ready, 256)}},
                   {"name": "device/vbd/51712", "state": "connected", "domain": 0,
                    "backend": "/local/domain/0/backend/vbd/1/51712", "attached": 1,
                    "rings": {"ring-ref": ring(64, s % 3, 5)}}],
        "net": {"host": "web", "devices": [device],
                "connections": {"established": 6 + wave, "opening_or_closing": 1, "listening": 1,
                                "time_wait": 290 + 3 * s, "udp": 0},
                "dropped": {"received": 0, "send_queue_full": 0, "send_errors": 0, "ip": 2, "tcp": 0,
                            "udp": 0, "bad_checksum": 0},
                "tcp_sent": {"segments": 570 * s, "frames": 380 * s, "joined": 190 * s},
                "send_pages": {"total": 512, "used": 37 + wave},
                "received_copied": 300 * s, "received_merged": 12 * s, "wakes": 3 * s},
        "block": [disk],
        "fs": [{"name": "/data", "source": "xvda", "type": "ext4", "writable": True, "why": "",
                "size_bytes": 1 << 30, "free_bytes": 1 << 29, "inodes": 65536, "inodes_free": 65000 - s,
                "cache_bytes": 9 << 20, "dirty_bytes": 4096 * wave, "commits": 3 * s,
                "commit_waits": s, "checkpoints": s // 5, "flushes": 6 * s, "read_bytes": 9000 * s,
                "written_bytes": 30000 * s, "hits": 900 * s, "misses": 3 * s, "errors": 0}],
    }
