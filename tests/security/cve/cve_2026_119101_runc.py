#!/usr/bin/env python3
"""CVE-2026-119101, CVE-2026-115520, CVE-2026-119614, CVE-2024-8676, CVE-2026-92574, CVE-2026-53489, CVE-2026-53492, CVE-2026-50195: restoring a checkpoint took orders from it.
Invariant: I24
Section: K
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for verb in ("checkpoint", "restore"):
        lab.refused(lab.casemate(verb, "--image-path", lab.canary, "security"), "checkpoint")


main(attack)
