#!/usr/bin/env python3
"""GHSA-x7pf-2jmj-pgcq: an id that was not checked deleted what is outside of the state directory.
Invariant: I18
Section: J
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


IDS = ("..", ".", "a/b", "", "x" * 4096, "a\nb", "-a", "../host", "a b", ".hidden", "a\x01")


def attack(lab):
    bundle = lab.bundle()
    bundle.save()
    for name in IDS:
        for words in (("run", "--bundle", bundle.path), ("create", "--bundle", bundle.path), ("delete", "--force"), ("state",), ("kill",)):
            result = lab.casemate(*words, "--", name) if name.startswith("-") else lab.casemate(*words, name)
            lab.check(result.code != 0 and result.out == "", f"{words[0]} {name!r}: {result}")


main(attack)
