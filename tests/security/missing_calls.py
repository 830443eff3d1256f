#!/usr/bin/env python3
"""A kernel that lacks a system call: each verb does what the documents say, which is to refuse, never to do with less.

security_without_call answers the call with ENOSYS, as an older kernel would. EXPECTED says for each call and verb what the
error names, or that the verb needs no such call; both are tested, and so is that nothing is left of what was refused.
Exit codes: 0 all held, 1 not, 77 a need is unmet. The last line counts.
"""
import os
import pathlib
import subprocess
import sys

from harness import Failure, Lab, enter_private

RUNS = None
VERBS = ("run", "launch", "exec", "kill", "delete")
# What makes a container, what joins one, what ends one.
EXPECTED = {
    "none": (RUNS, RUNS, RUNS, RUNS, RUNS),
    # Paths are resolved by it or not at all: no weaker way [5.6].
    "openat2": ("openat2(2), Linux 5.6",) * 5,
    # The first thing that the program does [5.9].
    "close_range": ("descriptors of the caller",) * 5,
    "clone3": ("clone3", "clone3", "clone3", RUNS, RUNS),
    "mount_setattr": ("mount_setattr", "mount_setattr", RUNS, RUNS, RUNS),
    "open_tree": ("open_tree", "open_tree", RUNS, RUNS, RUNS),
    "move_mount": ("move_mount", "move_mount", RUNS, RUNS, RUNS),
    # Root joins with a procfs of its own beside the host's.
    "fsopen": ("fsopen", "fsopen", {"root": "fsopen", "rootless": RUNS}, RUNS, RUNS),
    "fsmount": ("fsmount", "fsmount", {"root": "fsmount", "rootless": RUNS}, RUNS, RUNS),
    "memfd_create": ("memfd_create", "memfd_create", "memfd_create", RUNS, RUNS),
    "execveat": ("execveat", "execveat", "execveat", RUNS, RUNS),
    "faccessat2": ("exec '", "exec '", "exec '", RUNS, RUNS),
    "keyctl": ("keyctl", "keyctl", "keyctl", RUNS, RUNS),
    "pidfd_open": (RUNS, RUNS, "pidfd_open", "pidfd_open", "pidfd_open"),
    "pidfd_send_signal": (RUNS, RUNS, RUNS, "pidfd_send_signal", "pidfd_send_signal"),
    # Only what a profile asks for: `oci` asks for no Landlock, and its containers are joined without.
    "landlock_create_ruleset": (RUNS, "Landlock ABI 0 is below", RUNS, RUNS, RUNS),
    "landlock_add_rule": (RUNS, "landlock_add_rule", RUNS, RUNS, RUNS),
    "landlock_restrict_self": (RUNS, "landlock_restrict_self", RUNS, RUNS, RUNS),
    # Mount ids tell what covers a path that a link leads to. Without them it counts as not covered: see below.
    "statx": (RUNS, RUNS, RUNS, RUNS, RUNS),
}


class Missing:
    def __init__(self, lab):
        self.lab = lab
        self.tool = lab.binary.parent / "without_call"
        subprocess.run(["cp", pathlib.Path(os.environ["CASEMATE"]).resolve().parent / "tests/security_without_call", self.tool], check=True)
        self.plain = lab.words
        self.tried = self.refused = 0

    def casemate(self, call, *arguments):
        self.lab.words = [str(self.tool), call, "--", *self.plain]
        try:
            return self.lab.casemate(*arguments)
        finally:
            self.lab.words = self.plain

    def judge(self, call, verb, wanted, result, output):
        self.tried += 1
        wanted = wanted[self.lab.mode] if isinstance(wanted, dict) else wanted
        if wanted is RUNS:
            self.lab.check(result.code == 0 and result.out == output, f"{verb} without {call}: does not run: {result}")
            return
        self.refused += 1
        self.lab.check(result.code != 0 and result.out == "", f"{verb} without {call}: was not refused: {result}")
        self.lab.check(wanted in result.err, f"{verb} without {call}: the error does not say {wanted!r}: {result}")

    def start(self):
        bundle = self.lab.bundle().shell("sleep 600")
        bundle.save()
        self.lab.ran(self.lab.casemate("run", "--detach", "--bundle", bundle.path, "security", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def without(self, call):
        lab, wanted = self.lab, dict(zip(VERBS, EXPECTED[call]))
        bundle = lab.bundle().shell("echo ran")
        bundle.save()
        self.judge(call, "run", wanted["run"], self.casemate(call, "run", "--bundle", bundle.path, "security"), "ran\n")
        self.judge(call, "launch", wanted["launch"], self.casemate(call, "launch", f"rootfs:{bundle.rootfs}", "--", "/bin/sh", "-c", "echo ran"), "ran\n")
        lab.nothing_left()
        self.start()
        self.judge(call, "exec", wanted["exec"], self.casemate(call, "exec", "security", "echo", "ran"), "ran\n")
        self.judge(call, "kill", wanted["kill"], self.casemate(call, "kill", "security", "CONT"), "")
        self.judge(call, "delete", wanted["delete"], self.casemate(call, "delete", "--force", "security"), "")
        # What could not be done is still to be done, and is, with everything there.
        if wanted["delete"] is not RUNS:
            lab.check('"running"' in lab.casemate("state", "security").out, f"without {call}: a refused delete has done half of it")
        lab.ran(lab.casemate("delete", "--force", "security"))
        lab.nothing_left()

    def mask_below_a_link(self):
        """Verify finds a mask at its other name by mount ids; without them it takes the path for bare, and refuses."""
        for call, good in (("none", True), ("statx", False)):
            bundle = self.lab.bundle().shell("echo ran")
            (bundle.rootfs / "etc/secret").write_text("secret\n")
            (bundle.rootfs / "link").symlink_to("etc")
            bundle.config["linux"]["maskedPaths"] = ["/link/secret"]
            bundle.save()
            self.judge(call, "run (a mask below a link)", RUNS if good else "/link/secret", self.casemate(call, "run", "--bundle", bundle.path, "security"), "ran\n")


def one_mode(mode):
    lab = Lab(mode)
    try:
        missing = Missing(lab)
        before = lab.snapshot()
        for call in EXPECTED:
            missing.without(call)
        missing.mask_below_a_link()
        lab.check(lab.snapshot() == before, "the host has changed")
        lab.probe()
        return missing.tried, missing.refused
    finally:
        lab.close()


def main():
    if os.geteuid() != 0:
        print("skipped: needs root")
        return 77
    enter_private()
    os.umask(0o022)
    tried = refused = failed = 0
    for mode in ("root", "rootless"):
        try:
            counts = one_mode(mode)
            tried, refused = tried + counts[0], refused + counts[1]
        except Failure as failure:
            print(f"not ok {failure}")
            failed += 1
    print(f"missing calls: {len(EXPECTED) - 1} calls, tried {tried}, refused {refused}, failed {failed}")
    return 1 if failed else 0


sys.exit(main())
