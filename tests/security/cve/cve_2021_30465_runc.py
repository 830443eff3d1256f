#!/usr/bin/env python3
"""CVE-2021-30465, CVE-2024-45310: a mount's target was resolved as a string, and a peer that shares the volume swapped a component in between.
Invariant: I1, I3
Section: A
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
while True:
    libc.renameat2(-100, os.fsencode(sys.argv[1]), -100, os.fsencode(sys.argv[2]), 2)
"""


def attack(lab):
    bundle = lab.bundle()
    (bundle.rootfs / "vol/a/b").mkdir(parents=True)
    (bundle.rootfs / "vol/link").symlink_to(lab.canary)
    bundle.mount("/vol/a/b", "tmpfs", "nosuid", kind="tmpfs").mount("/vol/a/new/deep", "tmpfs", "nosuid", kind="tmpfs")
    bundle.shell("echo x >/vol/a/b/x; echo x >/vol/a/new/deep/x; true").save()
    swapper = subprocess.Popen([sys.executable, "-c", SWAP, str(bundle.rootfs / "vol/a"), str(bundle.rootfs / "vol/link")])
    try:
        for _ in range(40):
            lab.refused_or_ran(lab.casemate("run", "--bundle", bundle.path, "security"))
    finally:
        swapper.kill()
        swapper.wait()


main(attack)
