#!/usr/bin/env python3
"""CVE-2018-20699: a range of CPUs up to 2^32 was written out number by number.
Invariant: I23
Section: G
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for cpus in ("0-4294967295", "4294967295", "5-1", "0-", "-", "0,,1", "1-2-3", "a", "0-99999999999999999999"):
        bundle = lab.bundle()
        bundle.config["linux"]["resources"] = {"cpu": {"cpus": cpus}}
        started = time.monotonic()
        lab.refused(lab.run(bundle.shell("echo ran"), timeout=10))
        lab.check(time.monotonic() - started < 3, f"{cpus!r} took too long")


main(attack)
