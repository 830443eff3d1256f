#!/usr/bin/env python3
"""CVE-2026-41579: runc removed ptmx and made its fixed links of /dev by path before the pivot.
Invariant: I1, I2
Section: A
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for target in (lab.canary / "dev", "../../host/dev"):
        bundle = lab.bundle()
        (bundle.rootfs / "dev").rmdir()
        os.symlink(target, bundle.rootfs / "dev")
        # Without a mount at /dev the links go to the image's own directory.
        bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if not mount["destination"].startswith("/dev")]
        lab.refused_or_ran(lab.run(bundle.shell("true")))
        lab.check((lab.canary / "dev/ptmx").read_text() == "canary\n", "ptmx of the host was replaced")


main(attack)
