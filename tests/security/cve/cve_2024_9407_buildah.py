#!/usr/bin/env python3
"""CVE-2024-9407: an option of a mount was passed on unchecked.
Invariant: I19
Section: J
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


OPTIONS = ("rshared,exec", "bind-propagation=shared", "rbind\nrw", "", "RO", "ro ", "context=x", "lowerdir=/", "mode=999999", "size=-1", "uid=x")


def attack(lab):
    for option in OPTIONS:
        bundle = lab.bundle().mount("/data", "tmpfs", option, kind="tmpfs")
        lab.refused(lab.run(bundle.shell("echo ran")))


main(attack)
