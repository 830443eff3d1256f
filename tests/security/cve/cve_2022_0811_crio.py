#!/usr/bin/env python3
"""CVE-2022-0811, GHSA-w2j5-3rcx-vx7x: CRI-O set sysctls of the host, by a separator in a value and for namespaces that the pod did not own.
Invariant: I4
Section: B
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


HOST = ("kernel.core_pattern", "kernel.modprobe", "vm.overcommit_memory", "fs.suid_dumpable", "kernel/core_pattern", "net.ipv4..ip_forward",
        "net/../kernel/core_pattern", "kernel.shm_rmid_forced+kernel.core_pattern", "kernel.msgmax=1\nkernel.core_pattern", "../kernel/core_pattern", "")


def attack(lab):
    before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    for key in HOST:
        bundle = lab.bundle()
        bundle.config["linux"]["sysctl"] = {key: "|/canary"}
        lab.refused(lab.run(bundle.shell("echo ran")), "sysctl")
    for value in ("1\n", "1\0", "1\nkernel.core_pattern=x"):
        bundle = lab.bundle()
        bundle.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": value}
        lab.refused(lab.run(bundle.shell("echo ran")), "sysctl")
    # Without a network namespace of its own the same key is the host's.
    bundle = lab.bundle()
    bundle.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "0"}
    bundle.config["linux"]["namespaces"] = [space for space in bundle.config["linux"]["namespaces"] if space["type"] != "network"]
    lab.refused(lab.run(bundle.shell("echo ran")))
    lab.check(pathlib.Path("/proc/sys/kernel/core_pattern").read_text() == before, "core_pattern of the host changed")


main(attack)
