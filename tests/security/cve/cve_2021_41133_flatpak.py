#!/usr/bin/env python3
"""CVE-2021-41133, CVE-2022-0185, CVE-2021-22555, CVE-2023-32233, CVE-2024-1086: mount calls and new user namespaces were not in a list of denied calls.
Invariant: I13
Section: I
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    for applet in ("unshare", "nsenter", "chroot", "mknod"):
        (bundle.rootfs / "bin" / applet).symlink_to("busybox")
    bundle.save()
    script = "for c in 'unshare -U true' 'unshare -m true' 'unshare -n true' 'mount -t tmpfs x /tmp' 'chroot / true' 'mknod /tmp/n c 1 3' 'nsenter -t 1 -m true'; do $c 2>/dev/null && echo \"DONE $c\"; done; true"
    lab.ran(lab.casemate("launch", f"rootfs:{bundle.rootfs}", "--", "sh", "-c", script), "")


main(attack)
