#!/usr/bin/env python3
"""CVE-2021-44731, CVE-2022-3328, CVE-2026-3888: a privileged setup worked inside a directory that others may write, or clean.
Invariant: I18
Section: L
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    hostile = lab.scratch / "tmpdir"
    hostile.mkdir(mode=0o777)
    lab.environment |= {"TMPDIR": str(hostile), "TMP": str(hostile), "TEMP": str(hostile)}
    before = hostile.stat().st_mtime_ns
    bundle = lab.bundle()
    bundle.save()
    lab.ran(lab.casemate("launch", f"rootfs:{bundle.rootfs}", "--", "true"))
    lab.check(hostile.stat().st_mtime_ns == before and not list(hostile.iterdir()), "TMPDIR was used")


main(attack)
