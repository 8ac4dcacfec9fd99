# SPDX-License-Identifier: ISC
"""xl block-detach and block-attach while eight threads use the disk."""

DISK = "/tmp/detached"


def attach(lab, guest):
    lab.sh(f"xl block-attach {guest.domid} format=raw,vdev=xvdb,access=rw,target={DISK}")


def test_a_detached_disk_returns_errors_and_can_be_attached_again(lab, image, rounds=2):
    lab.sh(f"truncate -s 2M {DISK}")
    try:
        with lab.create(image, args=[str(rounds)], memory=48) as guest:
            attach(lab, guest)      # a disk that is attached while the guest runs
            for i in range(rounds):
                guest.wait_for(f"round {i}: under load", 120)
                lab.sh(f"xl block-detach {guest.domid} xvdb")
                assert not lab.sh("xenstore-ls /local/domain/0/backend/vbd/"
                                  f"{guest.domid} 2> /dev/null || true").strip()
                attach(lab, guest)
            result = guest.wait(120)
        assert "Test result: SUCCESS" in result.console, result.console[-3000:]
        assert result.console.count("detached") >= rounds, result.console[-3000:]
    finally:
        lab.sh(f"rm {DISK}")
