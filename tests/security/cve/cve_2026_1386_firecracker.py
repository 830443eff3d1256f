#!/usr/bin/env python3
"""CVE-2026-1386: a file was copied to a place where a link or hard link waited.
Invariant: I2
Section: A
Modes: root: the directory of the pid file is the engine's
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle().shell("true")
    bundle.save()
    for plant in (lambda path: path.symlink_to(lab.canary / "file"), lambda path: os.link(lab.canary / "file", path)):
        pid_file = lab.scratch / "pid"
        plant(pid_file)
        lab.refused_or_ran(lab.casemate("run", "--bundle", bundle.path, "--pid-file", pid_file, "security"))
        lab.check((lab.canary / "file").read_text() == "canary\n", "the pid file was written through a planted link")
        pid_file.unlink(missing_ok=True)


main(attack, modes=('root',))
