#!/usr/bin/env python3
"""CVE-2022-0492, CVE-2023-25809: control group files, release_agent among them, could be written from a container.
Invariant: I15
Section: G
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


SCRIPT = """
for f in $(find /sys/fs/cgroup -type f 2>/dev/null | head -n 400); do [ -w $f ] && (echo 0 >$f) 2>/dev/null && echo WRITTEN $f; done
mkdir /tmp/cg 2>/dev/null; mount -t cgroup -o memory cgroup /tmp/cg 2>/dev/null && echo MOUNTED; mount -t cgroup2 cgroup2 /tmp/cg 2>/dev/null && echo MOUNTED; true
"""


def attack(lab):
    bundle = lab.bundle()
    (bundle.rootfs / "bin/find").symlink_to("busybox")
    bundle.save()
    lab.ran(lab.casemate("launch", f"rootfs:{bundle.rootfs}", "--", "sh", "-c", SCRIPT), "")


main(attack)
