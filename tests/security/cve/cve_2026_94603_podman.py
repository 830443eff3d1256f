#!/usr/bin/env python3
"""CVE-2026-94603, GHSA-xhf5-7wjv-pqxp, CVE-2026-121885, CVE-2024-3154, CVE-2023-6476: labels and annotations of an image became orders to the runtime.
Invariant: I19
Section: J
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


ANNOTATIONS = {"run.oci.hooks.stderr": "/tmp/x", "run.oci.keep_original_groups": "1", "run.oci.systemd.subgroup": "..", "org.systemd.property.MemoryMax": "1",
               "io.podman.annotations.privileged": "TRUE", "io.kubernetes.cri-o.userns-mode": "host", "containerd.io/restart.status": "running", "io.kubernetes.cri-o.Devices": "/dev/kvm"}


def attack(lab):
    plain = lab.bundle().shell("cat /proc/self/status /proc/self/mountinfo | grep -vE 'ctxt|Pid|Vm|Rss|Cpus|Mems|Tgid|Name' | sed 's/^[0-9]* [0-9]* [0-9:]* //'")
    (plain.rootfs / "bin/sed").symlink_to("busybox")
    without = lab.run(plain)
    lab.check(without.code == 0, f"{without}")
    plain.config["annotations"] = ANNOTATIONS
    with_them = lab.run(plain)
    strip = lambda text: [line for line in text.splitlines() if str(lab.scratch) not in line and "Sig" not in line]
    lab.check(strip(without.out) == strip(with_them.out), f"annotations changed the container: {without}{with_them}")


main(attack)
