#!/usr/bin/env python3
"""CVE-2026-30892, CVE-2024-40635, CVE-2016-3697: a user was parsed loosely, and root ran.
Invariant: I11
Section: F
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


TABLE = {"1": "1", "1:2": "1", "0x1": None, "-1": None, "4294967295": None, "4294967296": None, "2147483648": "2147483648", "1:1:1": None, " 1": None, "1:": None, "": None, "+1": None}


def attack(lab):
    bundle = lab.bundle()
    # A passwd row whose name is a number: digits are always an id.
    (bundle.rootfs / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n1:x:0:0::/:/bin/sh\n1000:x:0:0::/:/bin/sh\n")
    bundle.save()
    for text, uid in TABLE.items():
        result = lab.casemate("launch", "--user", text, f"rootfs:{bundle.rootfs}", "--", "id", "-u")
        if uid is None:
            lab.refused(result)
        elif result.code == 0:
            lab.check(result.out.strip() == uid, f"--user {text!r}: {result}")


main(attack)
