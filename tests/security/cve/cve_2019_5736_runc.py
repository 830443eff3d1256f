#!/usr/bin/env python3
"""CVE-2019-5736: the app opened /proc/self/exe of the runtime that was becoming it, and overwrote the runtime.
Invariant: I6
Section: D
"""
import hashlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    before = hashlib.sha256(lab.binary.read_bytes()).digest()
    # The entry point is the runtime itself, by magic link; and an app that keeps trying to write to whoever becomes it.
    bundle = lab.bundle()
    bundle.config["process"]["args"] = ["/proc/self/exe"]
    lab.refused_or_ran(lab.run(bundle))
    bundle = lab.bundle()
    bundle.shell("for i in 1 2 3; do for e in /proc/[0-9]*/exe; do (echo broken >$e) 2>/dev/null; done; done; true")
    lab.refused_or_ran(lab.run(bundle))
    lab.check(hashlib.sha256(lab.binary.read_bytes()).digest() == before, "the launcher was overwritten")


main(attack)
