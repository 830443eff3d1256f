#!/usr/bin/env python3
"""CVE-2016-8659, CVE-2026-41163, CVE-2020-5291: a setuid launcher could be traced, or kept privileges.
Invariant: I10
Section: E
Modes: rootless: root gains nothing by the bit
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    os.chown(lab.binary, 0, 0)
    os.chmod(lab.binary, 0o4755)
    result = lab.casemate("features")
    lab.refused(result, "setuid")
    os.chmod(lab.binary, 0o755)


main(attack, modes=('rootless',))
