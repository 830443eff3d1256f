#!/usr/bin/env python3
"""CVE-2020-15257: a control socket in the abstract name space was within reach of containers on the host's network.
Invariant: I18
Section: D
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    bundle.config["linux"]["namespaces"] = [space for space in bundle.config["linux"]["namespaces"] if space["type"] != "network"]
    bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["type"] != "sysfs"]
    bundle.config["linux"]["maskedPaths"] = []
    result = lab.run(bundle.shell("grep -c @ /proc/net/unix; true"))
    lab.ran(result, "0")


main(attack, own_network=True)
