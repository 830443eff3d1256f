#!/usr/bin/env python3
"""CVE-2022-36109, CVE-2022-2989, CVE-2022-2990, CVE-2022-2995, CVE-2023-25173: the primary group was missing in the supplementary ones, and a file's group could be shed.
Invariant: I11
Section: F
Modes: root: with a user namespace the file's group is not the app's
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    (bundle.rootfs / "etc/negative").write_text("for others only\n")
    os.chown(bundle.rootfs / "etc/negative", 0, 1001)
    os.chmod(bundle.rootfs / "etc/negative", 0o604)
    bundle.config["process"]["user"] = {"uid": 1001, "gid": 1001}
    result = lab.run(bundle.shell("id -G; cat /etc/negative; true"))
    lab.check(result.code == 0 and result.out == "1001\n", f"the group's denial was bypassed: {result}")


main(attack, modes=('root',))
