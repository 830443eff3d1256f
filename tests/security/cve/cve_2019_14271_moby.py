#!/usr/bin/env python3
"""CVE-2026-41567, CVE-2019-14271: a privileged process of the runtime executed programs, or loaded libraries, of the image.
Invariant: I21
Section: J
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    for name in ("gzip", "unxz", "zstd", "tar", "getent", "newuidmap", "sh2"):
        program = bundle.rootfs / "bin" / name
        program.write_text(f"#!/bin/sh\ntouch /ran-{name}\n")
        os.chmod(program, 0o755)
    (bundle.rootfs / "lib").mkdir()
    for library in ("libnss_files.so.2", "libnss_compat.so.2", "libc.so.6"):
        (bundle.rootfs / "lib" / library).write_bytes(b"\x7fELF not a library")
    result = lab.run(bundle.shell("echo app"))
    lab.ran(result, "app")
    markers = [path.name for path in bundle.rootfs.glob("ran-*")]
    lab.check(not markers, f"programs of the image ran: {markers}")


main(attack)
