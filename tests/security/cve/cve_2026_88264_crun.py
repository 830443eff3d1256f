#!/usr/bin/env python3
"""CVE-2026-88264: crun made a file where /dev/console of the image led, on the host.
Invariant: I2
Section: A
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for target in (lab.canary / "console", lab.canary / "file", "../../../host/console"):
        bundle = lab.bundle()
        os.symlink(target, bundle.rootfs / "dev" / "console")
        lab.refused_or_ran(lab.run(bundle.shell("true")))
        lab.check(not (lab.canary / "console").exists(), "a file was made on the host")


main(attack)
