#!/usr/bin/env python3
"""CVE-2021-3602: the environment of the host leaked into the container.
Invariant: I19
Section: J
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    (bundle.rootfs / "bin/env").symlink_to("busybox")
    bundle.config["process"]["env"] = ["PATH=/bin", "ONLY=this"]
    bundle.config["process"]["args"] = ["env"]
    lab.environment["SECRET"] = "of the host"
    lab.environment["HOME"] = "/of-the-host"
    result = lab.run(bundle)
    # HOME is told by the container's passwd, which is not there: never the host's.
    lab.check(sorted(result.out.split("\n")) == ["", "HOME=/", "ONLY=this", "PATH=/bin"], f"environment: {result}")


main(attack)
