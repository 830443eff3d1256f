#!/usr/bin/env python3
"""CVE-2019-12499, CVE-2019-12589: the launcher's program and state were reachable in the sandbox, and read again by who joined it.
Invariant: I9
Section: D
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    result = lab.run(lab.bundle().shell("cat /proc/self/mountinfo; ls /run 2>/dev/null; true"))
    lab.check(result.code == 0, f"{result}")
    for word in (str(lab.state), "/run/casemate", "programs/casemate"):
        lab.check(word not in result.out, f"{word} is visible inside")


main(attack)
