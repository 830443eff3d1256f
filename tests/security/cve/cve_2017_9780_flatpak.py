#!/usr/bin/env python3
"""CVE-2017-9780, CVE-2021-41091, CVE-2021-41103, CVE-2024-25621: setuid files and state of containers were within reach of other users of the host.
Invariant: I18
Section: L
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    os.chmod(bundle.rootfs / "bin/busybox", 0o4755)
    bundle.save()
    result = lab.casemate("launch", f"rootfs:{bundle.rootfs}", "--", "sh", "-c", "id -u; grep ' / / ' /proc/self/mountinfo; true")
    lab.check(result.code == 0 and result.out.startswith("1001\n"), f"{result}")
    lab.check(lab.state.stat().st_mode & 0o077 == 0, "the state directory is open to others")


main(attack)
