#!/usr/bin/env python3
"""Leaves out each step of a launch in turn: verify must refuse the launch, or probe must turn red. Prints the table.

The mutant (built beside the tests) leaves the step out that CASEMATE_LEAVE_OUT names; the shipped binary cannot.
A step that survives must be in NOT_A_RESTRICTION with its reason, and a step listed there must survive: the list cannot
grow stale. Run as root and as a user, since rootless launches have steps of their own.
"""
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

# A profile under which every step has something to do: strict has no /proc and /sys paths left to mask.
PROFILE = ["--profile", "hardened", "--set", "process.oomScoreAdj=500", "--set", "process.dieWithParent=true"]

NOT_A_RESTRICTION = {
    # step: why the app holds no more without it
    "hide from ptrace": "guards the launcher, which nothing inside can name: its pid namespace is another",
    "stay hidden from ptrace": "before the ids change nothing hostile shares a namespace; 'rearm parent death signal' sets it again",
    "bring loopback up": "a convenience of the app",
    "make mounts private": "the mount namespace of a new user namespace is a slave already; else pivot_root(2) refuses a shared one",
    "open layers": "the root file system itself, of a stored image: the probe here has a directory in its place",
    "stack layers": "the same",
    "verify from inside": "the check itself: every other row shows it at work",
}
ROOTLESS_TOO = {
    "become namespace root": "rootless, the first id of the range is the caller's: files and mounts can be made either way",
    "clone trees": "rootless, init clones: the host closes its view of a stored image's layers, and the probe has a directory",
}
TIMEOUT = 30


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


class Runner:
    """Runs the mutant in a place that its user can read, with a state directory of its own."""

    def __init__(self, mutant, scratch, user):
        self.user = user
        self.state = scratch / f"state-{user or 'root'}"
        self.state.mkdir()
        self.binary = scratch / "bin" / "casemate"
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
        self.words = []
        if user:
            entry = pwd.getpwnam(user)
            os.chown(self.state, entry.pw_uid, entry.pw_gid)
            runtime, data = scratch / "runtime", scratch / "data"
            for directory in (runtime, data):
                directory.mkdir(mode=0o700)
                os.chown(directory, entry.pw_uid, entry.pw_gid)
            self.environment |= {"HOME": entry.pw_dir, "XDG_RUNTIME_DIR": str(runtime), "XDG_DATA_HOME": str(data), "USER": user}
            self.words = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]

    def run(self, *arguments, leave_out=None):
        environment = dict(self.environment)
        if leave_out:
            environment["CASEMATE_LEAVE_OUT"] = leave_out
        words = [*self.words, str(self.binary), "--root", str(self.state), *arguments]
        try:
            return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, 124, "", "no end within the time")


def noticed(result):
    """Which check noticed, in a few words; None when nothing did."""
    if result.returncode == 0:
        return None
    if result.returncode == 1:
        red = [line.strip() for line in result.stdout.splitlines() if re.match(r"not ok", line)]
        return "probe: " + (red[0] if red else "exit 1")
    lines = [line for line in result.stderr.strip().splitlines() if "the app runs as" not in line]
    return "launch refused: " + (lines[0] if lines else f"exit {result.returncode}")


def mutate(runner, image):
    # The probe runs in an empty root file system: the image would hold mount points that a step must make.
    accepted = NOT_A_RESTRICTION | (ROOTLESS_TOO if runner.user else {})
    clean = runner.run("probe", *PROFILE, "--format", "tap")
    if clean.returncode != 0:
        sys.exit(f"probe without a mutation: exit {clean.returncode}\n{clean.stdout}{clean.stderr}")
    plan = json.loads(runner.run("plan", *PROFILE, "--format", "json", image).stdout)
    wrong, killed = [], 0
    for step in plan["steps"]:
        name = step["step"]
        seen = noticed(runner.run("probe", *PROFILE, "--format", "tap", leave_out=name))
        shown = seen or "not noticed: " + accepted.get(name, "A RESTRICTION THAT NOBODY MISSES")
        print(f"{step['role']:5} {step['phase']:14} {name:28} {shown[:150]}")
        killed += bool(seen)
        if bool(seen) == (name in accepted):
            wrong.append(name)
    made = len(plan["steps"])
    print(f"mutants: {made} made, {killed} killed, {made - killed - len(wrong)} explained, {len(wrong)} wrong")
    return wrong


def main():
    if os.geteuid() != 0:
        skip("needs root")
    mutant = pathlib.Path(os.environ["CASEMATE_MUTANT"])
    if not mutant.exists():
        skip(f"no {mutant}: scripts/build")
    build = pathlib.Path(os.environ["CASEMATE_BUILD"])
    wrong = []
    with tempfile.TemporaryDirectory(prefix="casemate-e2e.", dir="/tmp") as directory:
        scratch = pathlib.Path(directory)
        scratch.chmod(0o755)
        (scratch / "bin").mkdir()
        for program in mutant.parent.glob("casemate*"):
            if program.is_file() and program.suffix != ".debug":
                shutil.copy2(program, scratch / "bin")
        image = scratch / "health"
        shutil.copytree(build / "examples" / "health", image)
        users = [None]
        try:
            pwd.getpwnam("casemate-test")
            users.append("casemate-test")
        except KeyError:
            print("(no test user yet: as root only)")
        for user in users:
            print(f"-- as {user or 'root'}")
            wrong += mutate(Runner(mutant, scratch, user), str(image))
    if wrong:
        sys.exit("wrong: " + ", ".join(wrong))


main()
