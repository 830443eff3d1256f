#!/usr/bin/env python3
"""The harness itself: each thing that an attack could do to the host makes it red."""
import os
import subprocess
import sys

import harness


def changes_content(lab):
    (lab.canary / "file").write_text("changed\n")


def changes_mode(lab):
    os.chmod(lab.canary / "file", 0o600)


def adds_file(lab):
    (lab.canary / "new").touch()


def leaves_mount(lab):
    subprocess.run(["mount", "-t", "tmpfs", "left", lab.canary / "empty"], check=True)


def leaves_state(lab):
    (lab.state / "left").mkdir()


def leaves_process(lab):
    bundle = lab.bundle().shell("sleep 30")
    bundle.save()
    lab.casemate("run", "--detach", "--bundle", bundle.path, "left", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def fails_a_check(lab):
    lab.refused(lab.run(lab.bundle().shell("echo ran")))


def nothing(_lab):
    pass


def verdict(attack):
    try:
        harness.one_mode("root", attack)
    except harness.Failure:
        return "red"
    return "green"


if os.geteuid() != 0:
    print("skipped: needs root")
    sys.exit(77)
harness.enter_private()
wrong = [attack.__name__ for attack in (changes_content, changes_mode, adds_file, leaves_mount, leaves_state, leaves_process, fails_a_check) if verdict(attack) != "red"]
if verdict(nothing) != "green":
    wrong.append("nothing")
print("not noticed:", wrong) if wrong else print("all noticed")
sys.exit(1 if wrong else 0)
