#!/usr/bin/env python3
"""podman drives casemate: each row of lib_podman_*.py is a case, run as root and rootless where both make sense.

    podman.py [--runtime PROGRAM] [--mode root|rootless] [--only REGEX] [--jobs N] [--list] [--strict]

`--runtime runc` shows what this machine allows: the rows that pass there are what casemate is held to. A row that cannot
work on a machine asks for the reason itself and is counted as skipped.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

import lib_podman
import lib_podman_ceiling  # noqa: F401  (declares its rows, as do the others)
import lib_podman_files  # noqa: F401
import lib_podman_life  # noqa: F401
import lib_podman_limits  # noqa: F401
import lib_podman_network  # noqa: F401
import lib_podman_process  # noqa: F401
import lib_podman_security  # noqa: F401
import lib_private
import lib_rows

# Rows that casemate does not pass: pattern and reason.
NOT_YET = {}


def run_mode(mode, scratch, options):
    rows = [(number, row) for number, row in enumerate(lib_podman.ROWS) if mode in row.modes and re.search(options.only, row.name)]
    engine = lib_podman.Engine(scratch, mode, options.runtime)
    engine.call("run", "--rm", "--network", "none", lib_podman.IMAGE, "true")  # sets up what parallel rows would race for
    failed = lib_rows.run(rows, lambda number: lib_podman.Case(engine, number), options.jobs, {} if options.strict or engine.runtime.name != "casemate" else NOT_YET, mode, not options.only)
    for line in engine.close():
        failed += 1
        print(f"FAILED   {mode}: a container is left: {line}")
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime")
    parser.add_argument("--mode", choices=["root", "rootless"], action="append")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--strict", action="store_true", help="no row is excused")
    options = parser.parse_args()
    if options.list:
        print(*(f"{'+'.join(row.modes):14} {row.name}" for row in lib_podman.ROWS), sep="\n")
        return
    for program in ("podman", "conmon", "netavark", "newuidmap"):
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/lib/podman"):
            lib_private.skip(f"no {program}: scripts/install-packages clients")
    scratch = lib_private.enter()
    lib_podman.make_user()
    lib_podman.prepare(scratch)
    if not options.runtime:
        options.runtime = str(lib_private.programs(scratch) / "casemate")
    failed = sum(run_mode(mode, scratch, options) for mode in options.mode or ("root", "rootless"))
    subprocess.run(["umount", "-R", "-l", "/run"], check=False)
    time.sleep(0.5)  # conmon ends a moment after its container
    left = lib_private.leftovers(scratch)
    if left:
        print("left behind:", *left, sep="\n  ")
    sys.exit(1 if failed or left else 0)


main()
