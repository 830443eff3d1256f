#!/usr/bin/env python3
"""Too little of everything (SECURITY H4): descriptors, processes, file size, memory, room on the disk, a read-only state.

Each at every small number: either the app runs, and its account of itself is the whole one but for the limit itself, or it
does not, and nothing is left. The control is that with enough of it the same launch runs.
"""
import ctypes
import os
import re
import subprocess
import sys

import fault_ground
import fault_verbs
import harness
import traced


def unlimited_gc(ground):
    words = ground.lab.words
    ground.lab.words = words[:words.index("prlimit")] if "prlimit" in words else words
    ground.plain("gc")
    ground.lab.words = words


def attempt(verb, what, allowed):
    """One run as things are. Gives (ran, faults)."""
    ground = verb.ground
    verb.before()
    try:
        result = ground.lab.casemate(*verb.arguments(), timeout=fault_ground.TRIAL_TIME)
    except subprocess.TimeoutExpired:
        ground.clear()
        return None, [f"{what}: no end"]
    faults = []
    account = verb.account(result)
    if account:
        was, now = verb.expected.splitlines(), ground.normal(account).splitlines()
        if len(was) != len(now) or any(one != other and not re.match(allowed, one) for one, other in zip(was, now)):
            faults.append(f"{what}: fail-open: {verb.difference(ground.normal(account))}")
    if result.code == 0 and not account:
        faults.append(f"{what}: exit code 0, and the app did not run")
    if result.code != 0 and not re.search(r"casemate: |prlimit: |setpriv: |error while loading", result.err):
        # A limit of the file's size, or of memory, may end it by a signal.
        if result.code >= 0:
            faults.append(f"{what}: exit code {result.code} without a word")
    if result.code == 0:
        faults += verb.after_good()
    left = ground.left(wait=1)
    if left and result.code != 0:
        # To take a directory away takes descriptors, too: then it was said, and gc takes it.
        unlimited_gc(ground)
        left = ground.left()
    faults += [f"{what}: residue: {name}" for name in left]
    if faults:
        ground.clear()
    return result.code == 0, faults


def limited(verb, option, numbers, allowed):
    """(how many ran, how many did not, faults) under a limit of prlimit(1)."""
    words, ran, ended, faults = verb.ground.lab.words, 0, 0, []
    for number in numbers:
        # After setpriv, which needs some itself.
        verb.ground.lab.words = [*words, "prlimit", f"--{option}={number}:{number}"]
        good, found = attempt(verb, f"{verb.ground.mode} {verb.name} --{option}={number}", allowed)
        ran, ended, faults = ran + bool(good), ended + (not good), faults + found
    verb.ground.lab.words = words
    return ran, ended, faults


def on_small_disk(verb, place, inodes, owner):
    """With `place` on a file system that has room for `inodes` files and two pages, or that is read-only (0)."""
    place.mkdir(exist_ok=True)
    options = f"size=8k,nr_inodes={inodes},mode=0700,uid={owner[0]},gid={owner[1]}" if inodes else f"ro,mode=0700,uid={owner[0]},gid={owner[1]}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "small", place], check=True)
    verb.ground.mounts = verb.ground.mount_table()
    good, faults = attempt(verb, f"{verb.ground.mode} {verb.name} with {inodes} files free on {place.name}", "$^")
    left = [str(path) for path in place.rglob("*") if ".ids" not in path.parts and path.name != ".ids"]
    subprocess.run(["umount", place], check=True)
    verb.ground.mounts = verb.ground.mount_table()
    return int(bool(good)), int(not good), faults + [f"residue: {path}" for path in left]


def one_mode(mode):
    ground = fault_ground.Ground(mode)
    counted, faults = [0, 0], []
    try:
        def add(outcome):
            counted[0] += outcome[0]
            counted[1] += outcome[1]
            faults.extend(outcome[2])

        for kind in (fault_verbs.Launch, fault_verbs.Run):
            verb = kind(ground)
            verb.baseline()
            # What the app may say of itself: that very limit.
            add(limited(verb, "nofile", (*range(0, 48, 3), 64, 128, 256), "limit 7: "))
            add(limited(verb, "fsize", (0, 1, 100, 1000), "limit 1: "))
            add(limited(verb, "as", (1 << 20, 4 << 20, 8 << 20, 16 << 20), "limit 9: "))
            if mode == "rootless":
                add(limited(verb, "nproc", (0, 1, 2, 3), "limit 6: "))
            for inodes in (0, 1, 2, 3, 4, 5):
                add(on_small_disk(verb, ground.lab.state, inodes, (ground.lab.uid, ground.lab.gid)))
        unpack = fault_verbs.Unpack(ground)
        unpack.prepare()
        unpack.baseline()
        for inodes in (0, 2, 3, 4, 6):
            add(on_small_disk(unpack, ground.out, inodes, (ground.lab.uid, ground.lab.gid)))
    finally:
        ground.clear()
        ground.lab.close()
    return counted, faults


def main():
    if os.geteuid() != 0 or not traced.tracer():
        print("skipped: needs root and security_tracer")
        sys.exit(77)
    harness.enter_private()
    os.umask(0o022)
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    ran = ended = 0
    faults = []
    for mode in ("userns", "rootless"):
        counted, found = one_mode(mode)
        ran, ended, faults = ran + counted[0], ended + counted[1], faults + found
    print(*faults, sep="\n")
    if not ran or not ended:
        faults.append("wrong: no case ran, or none ended: the limits say nothing")
    print(f"scarcity: {ran + ended} tried, {ran} ran whole, {ended} ended, {len(faults)} wrong")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    try:
        main()
    except harness.Failure as failure:
        print(failure)
        sys.exit(1)
