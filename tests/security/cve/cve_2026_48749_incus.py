#!/usr/bin/env python3
"""CVE-2026-48749, CVE-2026-63343, CVE-2026-63125, CVE-2026-48752, CVE-2026-48750: Incus followed links at the names of an image itself (rootfs, metadata).
Invariant: I1
Section: A
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    bundle.save()
    bundle.rootfs.rename(bundle.path / "elsewhere")
    os.symlink("elsewhere", bundle.rootfs)
    lab.refused(lab.casemate("run", "--bundle", bundle.path, "security"), "rootfs")
    os.unlink(bundle.rootfs)
    os.symlink(lab.canary, bundle.rootfs)
    lab.refused(lab.casemate("run", "--bundle", bundle.path, "security"), "rootfs")


main(attack)
