#!/usr/bin/env python3
"""CVE-2015-1334, CVE-2019-16884: a mount over /proc let an image redirect what was written there (labels).
Invariant: I4
Section: B
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for destination in ("/proc/self", "/proc/self/attr", "/proc/sys", "/proc/scsi/x"):
        for kind, source in (("tmpfs", "tmpfs"), ("bind", lab.canary)):
            bundle = lab.bundle().mount(destination, source, "rbind" if kind == "bind" else "nosuid", kind=kind)
            lab.refused(lab.run(bundle.shell("echo ran")), destination)
    bundle = lab.bundle()
    bundle.config["mounts"][0] = {"destination": "/proc", "type": "bind", "source": str(lab.canary), "options": ["rbind"]}
    lab.refused(lab.run(bundle.shell("echo ran")), "/proc")


main(attack)
