#!/usr/bin/env python3
"""CVE-2025-31133, CVE-2025-62161, CVE-2026-88265: the image's /dev/null was taken for the mask, and what it led to became writable, or changed its owner.
Invariant: I5
Section: C
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    target = lab.canary / "file"
    for plant in (lambda null: os.symlink(target, null), lambda null: null.write_text("not null\n"), lambda null: os.symlink("/nowhere", null),
                  lambda null: os.mknod(null, 0o20666, os.makedev(1, 5))):
        bundle = lab.bundle()
        # No mount at /dev: the image's own directory stays, with whatever is in it.
        bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if not mount["destination"].startswith("/dev")]
        plant(bundle.rootfs / "dev/null")
        (bundle.rootfs / "etc/secret").write_text("secret\n")
        bundle.config["linux"]["maskedPaths"].append("/etc/secret")
        result = lab.run(bundle.shell("cat /etc/secret; echo x >/etc/secret && echo WRITTEN; true"), stdin=None)
        lab.refused_or_ran(result)
        lab.check("secret" not in result.out.split() and "WRITTEN" not in result.out, f"the mask let something through: {result}")


main(attack)
