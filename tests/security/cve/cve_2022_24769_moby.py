#!/usr/bin/env python3
"""CVE-2022-24769, CVE-2022-27649, CVE-2022-27650, CVE-2022-27651, CVE-2022-29162, CVE-2025-27612, CVE-2016-8867, CVE-2018-1000400: inheritable or ambient capabilities stayed set.
Invariant: I11
Section: F
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    (bundle.rootfs / "opt").mkdir()
    (bundle.rootfs / "opt/busybox").write_bytes((bundle.rootfs / "bin/busybox").read_bytes())
    os.chmod(bundle.rootfs / "opt/busybox", 0o755)
    # security.capability, revision 2: CAP_NET_RAW permitted, inheritable and effective.
    os.setxattr(bundle.rootfs / "opt/busybox", "security.capability", bytes.fromhex("0100000200200000002000000000000000000000"))
    bundle.save()
    for program in ("/bin/sh", "/opt/busybox"):
        words = ["-c", "grep Cap /proc/self/status"] if program == "/bin/sh" else ["grep", "Cap", "/proc/self/status"]
        result = lab.casemate("launch", f"rootfs:{bundle.rootfs}", "--", program, *words)
        lab.check(result.code == 0 and all(int(line.split()[1], 16) == 0 for line in result.out.splitlines()), f"{program}: {result}")


main(attack)
