#!/usr/bin/env python3
"""CVE-2025-24965: a file that the runtime generates was written through a link of the image.
Invariant: I1
Section: A
Modes: userns: the launcher's own files do not depend on the mode
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for name in ("hosts", "hostname", "resolv.conf", "passwd", "group", "mtab", "machine-id"):
        for plant in (lambda path: path.symlink_to(lab.canary / "file"), lambda path: path.symlink_to(lab.canary / "missing"), lambda path: os.mkfifo(path)):
            bundle = lab.bundle()
            plant(bundle.rootfs / "etc" / name)
            bundle.save()
            lab.refused_or_ran(lab.casemate("launch", f"rootfs:{bundle.rootfs}", "--", "true", timeout=20))
    lab.check(not (lab.canary / "missing").exists(), "a file was made on the host")


main(attack, modes=('userns',))
