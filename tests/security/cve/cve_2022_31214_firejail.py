#!/usr/bin/env python3
"""CVE-2022-31214: whoever named a process of his own as the sandbox had it joined with privileges.
Invariant: I10
Section: E
"""
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle().shell("sleep 60")
    bundle.save()
    started = lab.casemate("run", "--detach", "--bundle", bundle.path, "security", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.check(started.code == 0, f"{started}")
    state = next(lab.state.rglob("state.json"))
    original = state.read_text()
    time.sleep(0.05)  # start times are in ticks of 10 ms; a pid is not used again in the same one
    decoy = subprocess.Popen(["sleep", "60"])
    try:
        # The pid is now somebody else's, as after a reuse: nothing may be sent to it, or run in it.
        for pid in (decoy.pid, 1, 2**31 - 1):
            record = json.loads(original)
            record["pid"] = pid
            state.write_text(json.dumps(record))
            lab.refused(lab.casemate("kill", "security", "KILL"))
            lab.refused(lab.casemate("exec", "security", "id"))
        lab.check(decoy.poll() is None, "a foreign process was killed")
    finally:
        decoy.kill()
        decoy.wait()
        state.write_text(original)
        lab.casemate("delete", "--force", "security")


main(attack)
