#!/usr/bin/env python3
"""CVE-2022-4318, CVE-2026-15809: a newline in a variable became a line of the container's passwd.
Invariant: I19
Section: F
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    (bundle.rootfs / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    bundle.config["process"]["env"] = ["PATH=/bin", "HOME=/x\nevil:x:0:0::/:/bin/sh", "USER=a\nb"]
    lab.refused_or_ran(lab.run(bundle.shell("true")))
    lab.check((bundle.rootfs / "etc/passwd").read_text() == "root:x:0:0::/:/bin/sh\n", "passwd was edited")


main(attack)
