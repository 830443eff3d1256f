#!/usr/bin/env python3
"""CVE-2016-8649, CVE-2016-9962: descriptors of the host stayed open in the container.
Invariant: I7, I9
Section: D
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    held = [os.open(path, os.O_RDONLY) for path in ("/", "/proc", lab.canary)]
    for descriptor in held:
        os.set_inheritable(descriptor, True)
    result = lab.run(lab.bundle().shell("ls /proc/self/fd; ls /proc/1/fd"), pass_fds=held)
    lab.check(result.code == 0 and set(result.out.split()) <= {"0", "1", "2", "3"}, f"descriptors leaked: {result}")
    for descriptor in held:
        os.close(descriptor)


main(attack)
