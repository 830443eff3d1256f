#!/usr/bin/env python3
"""CVE-2017-5985, CVE-2022-47952: a setuid helper of the launcher disclosed or moved things of the host.
Invariant: I10
Section: L
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    # Nothing of ours carries the bit, and a helper is never looked for along PATH.
    for program in lab.binary.parent.iterdir():
        lab.check(program.stat().st_mode & 0o6000 == 0, f"{program.name} is setuid")
    fakes = lab.scratch / "fakes"
    fakes.mkdir()
    for name in ("newuidmap", "newgidmap", "casemate-probe", "casemate-unpack", "pasta", "slirp4netns"):
        (fakes / name).write_text(f"#!/bin/sh\ntouch {fakes}/ran-{name}\nexit 1\n")
        (fakes / name).chmod(0o755)
    fakes.chmod(0o777)
    lab.environment["PATH"] = f"{fakes}:{lab.environment['PATH']}"
    bundle = lab.bundle()
    bundle.save()
    lab.refused_or_ran(lab.casemate("launch", f"rootfs:{bundle.rootfs}", "--", "true"))
    lab.check(not list(fakes.glob("ran-*")), "a program of PATH was run")


main(attack)
