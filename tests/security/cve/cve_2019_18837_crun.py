#!/usr/bin/env python3
"""CVE-2019-18837: crun did not look at the last component of a mount's destination, and mounted where its link led.
Invariant: I1, I2
Section: A
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for link in (lab.canary, "../../host", "/../../../host"):
        bundle = lab.bundle()
        for name in ("proc", "sys", "dev", "data"):
            if (bundle.rootfs / name).exists():
                (bundle.rootfs / name).rmdir()
            os.symlink(link, bundle.rootfs / name)
        bundle.mount("/data", "tmpfs", "nosuid", kind="tmpfs")
        bundle.shell("echo escaped >/data/escaped; echo escaped >/dev/escaped; true")
        lab.refused_or_ran(lab.run(bundle))


main(attack)
