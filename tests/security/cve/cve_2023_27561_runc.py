#!/usr/bin/env python3
"""CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: /proc of the image was a link into a volume, and the masks went astray.
Invariant: I1
Section: B
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    volume = lab.scratch / "volume"
    (volume / "proc").mkdir(parents=True)
    if lab.uid:
        os.chown(volume, lab.uid, lab.gid)
        os.chown(volume / "proc", lab.uid, lab.gid)
    bundle = lab.bundle()
    (bundle.rootfs / "proc").rmdir()
    os.symlink("vol/proc", bundle.rootfs / "proc")
    (bundle.rootfs / "vol").mkdir()
    bundle.config["mounts"].insert(0, {"destination": "/vol", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]})
    # The kernel's own file, wherever the mount went, is masked or read-only, or the start is refused.
    result = lab.run(bundle.shell("cat /proc/timer_list | head -c 1; echo x 2>/dev/null >/proc/sysrq-trigger && echo WRITTEN; true"))
    lab.refused_or_ran(result)
    lab.check("WRITTEN" not in result.out and not result.out.strip(), f"a masked file was reached: {result}")


main(attack)
