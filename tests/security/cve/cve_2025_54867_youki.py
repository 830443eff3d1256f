#!/usr/bin/env python3
"""CVE-2025-54867: youki followed /proc and /sys that the image had made links.
Invariant: I1
Section: A
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for target in ("/etc", "../../host", "tmp", "/dev"):
        for name in ("proc", "sys", "dev"):
            bundle = lab.bundle()
            (bundle.rootfs / name).rmdir()
            os.symlink(target, bundle.rootfs / name)
            result = lab.run(bundle.shell("echo ran; echo x >/proc/host-canary; echo x >/sys/host-canary"))
            lab.refused_or_ran(result)
            if result.code == 0:
                # It ran: then the links were resolved inside, and the kernel's own file systems are there.
                inside = lab.run(bundle.shell("grep -c . /proc/self/status >/dev/null && echo real"))
                lab.check(inside.out == "real\n" or inside.code != 0, f"{name} -> {target}: {inside}")


main(attack)
