#!/usr/bin/env python3
"""CVE-2024-23652: mount points were removed by path after the run, where the container had put a link.
Invariant: I2
Section: A
"""
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle().mount("/a/b/mnt", "tmpfs", "nosuid", kind="tmpfs")
    bundle.shell("mv /a /moved; ln -s " + str(lab.canary) + " /a; true").save()
    (bundle.rootfs / "bin/mv").symlink_to("busybox")
    (lab.canary / "empty/keep").touch()
    created = lab.casemate("create", "--bundle", bundle.path, "security", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.check(created.code == 0, f"{created}")
    lab.casemate("start", "security")
    time.sleep(0.2)
    lab.casemate("delete", "--force", "security")
    lab.check((lab.canary / "empty/keep").exists(), "a file of the host was removed")
    (lab.canary / "empty/keep").unlink()
    os.utime(lab.canary / "empty", ns=lab.times)


def with_times(lab):
    status = (lab.canary / "empty").stat()
    lab.times = (status.st_atime_ns, status.st_mtime_ns)
    attack(lab)


main(with_times)
