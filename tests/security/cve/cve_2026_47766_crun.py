#!/usr/bin/env python3
"""CVE-2026-47766: crun opened dev of the image without resolving it in the root.
Invariant: I1
Section: A
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for target in (lab.canary, "../../host", "/../../../../../../tmp"):
        bundle = lab.bundle()
        (bundle.rootfs / "dev").rmdir()
        os.symlink(target, bundle.rootfs / "dev")
        bundle.shell("true").save()
        created = lab.casemate("create", "--bundle", bundle.path, "security")
        if created.code == 0:
            lab.casemate("start", "security")
        lab.casemate("delete", "--force", "security")
        names = sorted(path.name for path in lab.canary.iterdir())
        lab.check(names == ["dev", "empty", "etc", "file", "link"], f"device nodes on the host: {names}")


main(attack)
