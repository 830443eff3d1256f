#!/usr/bin/env python3
"""CVE-2024-21626: runc leaked a descriptor of a host directory, and a working directory below /proc/self/fd led there.
Invariant: I7, I8
Section: D
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    leaked = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(leaked, True)
    for number in [*range(0, 12), leaked]:
        bundle = lab.bundle()
        bundle.config["process"]["cwd"] = f"/proc/self/fd/{number}"
        result = lab.run(bundle.shell("ls ../../../.. 2>/dev/null; cat ../../../etc/hostname"), pass_fds=(leaked,))
        lab.refused(result)
        linked = lab.bundle()
        os.symlink(f"/proc/self/fd/{number}", linked.rootfs / "work")
        linked.config["process"]["cwd"] = "/work"
        lab.refused(lab.run(linked.shell("ls ../../../.."), pass_fds=(leaked,)))
    # And nothing of ours is open in the app.
    bundle = lab.bundle().shell("ls /proc/self/fd")
    result = lab.run(bundle, pass_fds=(leaked,))
    lab.check(result.code == 0 and set(result.out.split()) <= {"0", "1", "2", "3"}, f"descriptors leaked: {result}")
    os.close(leaked)


main(attack)
