#!/usr/bin/env python3
"""CVE-2024-9676, CVE-2026-47262: /etc/passwd of an image was followed to the host, or read without a bound.
Invariant: I1, I23
Section: A
"""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    for plant in (link_to_host, fifo, device, sparse, many_lines):
        bundle = lab.bundle()
        plant(lab, bundle.rootfs / "etc/passwd")
        bundle.save()
        started = time.monotonic()
        result = lab.casemate("launch", "--user", "canary", f"rootfs:{bundle.rootfs}", "--", "true", timeout=10)
        lab.check(time.monotonic() - started < 5, f"{plant.__name__}: took too long")
        lab.refused(result)
        lab.check("root:canary" not in result.err, f"{plant.__name__}: the host's file was read")


def link_to_host(lab, passwd):
    (lab.scratch / "passwd").write_text("canary:x:0:0::/:/bin/sh\n")
    os.symlink(lab.scratch / "passwd", passwd)


def fifo(_lab, passwd):
    os.mkfifo(passwd)


def device(_lab, passwd):
    os.mknod(passwd, 0o20666, os.makedev(1, 5))


def sparse(_lab, passwd):
    with open(passwd, "wb") as file:
        file.truncate(2 << 30)


def many_lines(_lab, passwd):
    passwd.write_text("user:x:1:1::/:/bin/sh\n" * 1000000)


main(attack)
