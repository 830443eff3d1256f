#!/usr/bin/env python3
"""CVE-2014-8989, CVE-2018-7169: groups were dropped through a user namespace, and with them what they are denied.
Invariant: I14
Section: F
Modes: rootless: only a map of one id, written by the caller, needs it
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    result = lab.run(lab.bundle().shell("cat /proc/self/setgroups"))
    lab.ran(result, "deny")


main(attack, modes=('rootless',))
