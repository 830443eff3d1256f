#!/usr/bin/env python3
"""CVE-2021-43784: the length of a mount's path overflowed in the message to init, and its tail became orders.
Invariant: I19
Section: J
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for length in (255, 256, 4095, 4096, 65535, 65536, 131072):
        bundle = lab.bundle().mount("/" + "a" * 200 + "/b" * ((length - 201) // 2), "tmpfs", "nosuid", kind="tmpfs")
        result = lab.run(bundle.shell("id -u; grep CapBnd /proc/self/status"))
        lab.refused_or_ran(result)
        if result.code == 0:
            lab.check(result.out.split() == ["0", "CapBnd:", "0" * 16], f"length {length}: {result}")


main(attack)
