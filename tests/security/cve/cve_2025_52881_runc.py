#!/usr/bin/env python3
"""CVE-2025-52881, CVE-2025-62596, GO-2025-4177: what the runtime writes to /proc (labels, sysctls) was led to another file.
Invariant: I4
Section: B
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main


def attack(lab):
    bundle = lab.bundle()
    # No proc in the container: whatever is at /proc is the image's own tree.
    bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["type"] != "proc"]
    bundle.config["linux"]["maskedPaths"] = bundle.config["linux"]["readonlyPaths"] = []
    bundle.config["linux"]["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "80"}
    bundle.config["process"]["oomScoreAdj"] = 500
    fakes = ["sys/net/ipv4/ip_unprivileged_port_start", "self/oom_score_adj", "self/attr/exec", "self/setgroups", "self/uid_map", "1/oom_score_adj", "thread-self/attr/exec"]
    for fake in fakes:
        path = bundle.rootfs / "proc" / fake
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("fake\n")
    lab.refused_or_ran(lab.run(bundle.shell("true")))
    for fake in fakes:
        lab.check((bundle.rootfs / "proc" / fake).read_text() == "fake\n", f"the image's {fake} was written")


main(attack)
