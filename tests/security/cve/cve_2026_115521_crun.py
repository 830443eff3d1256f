#!/usr/bin/env python3
"""CVE-2026-115521: the read-only remount went through the container's own /proc/self/fd, and the root stayed writable.
Invariant: I3
Section: B
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["type"] != "proc"]
    bundle.config["linux"]["maskedPaths"] = bundle.config["linux"]["readonlyPaths"] = []
    bundle.config["root"]["readonly"] = True
    for number in range(16):
        path = bundle.rootfs / "proc/self/fd" / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to("/tmp")
    bundle.mount("/tmp", "tmpfs", "ro", kind="tmpfs")
    result = lab.run(bundle.shell("for d in / /etc /tmp; do touch $d/written 2>/dev/null && echo WRITTEN $d; done; true"))
    lab.ran(result, "")


main(attack)
