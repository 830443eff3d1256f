#!/usr/bin/env python3
"""CVE-2018-10892, GHSA-jq35-85cj-fj4p, GHSA-6fw5-f8r9-fgfm: entries were missing in the list of masked paths.
Invariant: I16
Section: C
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


MASKED = ("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
          "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware")


def attack(lab):
    bundle = lab.bundle()
    bundle.save()
    script = "for p in " + " ".join(MASKED) + "; do [ -d $p ] && [ -n \"$(ls -A $p)\" ] && echo $p; [ -f $p ] && [ -n \"$(head -c 1 $p)\" ] && echo $p; done; true"
    result = lab.casemate("launch", f"rootfs:{bundle.rootfs}", "--", "sh", "-c", script)
    lab.ran(result, "")


main(attack)
