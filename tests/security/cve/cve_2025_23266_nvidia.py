#!/usr/bin/env python3
"""CVE-2025-23266: a hook got the container's environment, and its loader took LD_PRELOAD from there: the image's library, with the host's rights.
Invariant: I20
Section: J
"""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main

PHASES = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
EVIL = '#include <fcntl.h>\n__attribute__((constructor)) static void loaded(void) { open("%s", O_CREAT | O_WRONLY, 0666); }\n'


def evil_library(lab, path, marker):
    """Leaves a file on the host when it is loaded by anything. Shown to work before it is used."""
    source = lab.scratch / "evil.c"
    source.write_text(EVIL % marker)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, source], check=True)
    subprocess.run(["/bin/true"], env={"LD_PRELOAD": str(path)}, check=True)
    lab.check(marker.exists(), "the library does nothing when it is loaded")
    marker.unlink()


def attack(lab):
    seen, marker = lab.scratch / "seen", lab.scratch / "marker"
    seen.mkdir(mode=0o777)
    seen.chmod(0o777)
    bundle = lab.bundle()
    evil_library(lab, bundle.rootfs / "evil.so", marker)
    # By the path that it has for the host, and as the hook's working directory would have it.
    library = f"{bundle.rootfs}/evil.so:./rootfs/evil.so:/proc/self/cwd/evil.so"
    evil = {"LD_PRELOAD": library, "LD_AUDIT": library, "LD_LIBRARY_PATH": str(bundle.rootfs), "GLIBC_TUNABLES": "glibc.malloc.check=3",
            "PATH": f"{bundle.rootfs}/bin:/bin", "BASH_ENV": "/evil", "PYTHONSTARTUP": "/evil"}
    bundle.config["process"]["env"] = [f"{name}={value}" for name, value in evil.items()]
    bundle.config["annotations"] = evil
    hook = lab.scratch / "hook"
    # `cat` is a program with a dynamic loader: what it was given is what the loader sees.
    hook.write_text(f"#!/bin/sh\n/bin/cat /proc/self/environ >{seen}/$1\n")
    hook.chmod(0o755)
    if lab.mode == "rootless":
        bundle.config["hooks"] = {"createContainer": [{"path": str(hook)}]}
        lab.refused(lab.run(bundle), "$.hooks.createContainer: without root")
    phases = [phase for phase in PHASES if phase != "createContainer" or lab.mode != "rootless"]
    for environment in (None, ["ONLY=this"]):
        bundle.config["hooks"] = {phase: [{"path": str(hook), "args": ["hook", phase]} | ({"env": environment} if environment else {})] for phase in phases}
        lab.ran(lab.run(bundle.shell("true")))
        for phase in phases:
            got = (seen / phase).read_text()
            variables = [word for word in got.split("\0") if word and not word.startswith(("PWD=", "OLDPWD=", "SHLVL=", "_="))]
            lab.check(variables == (environment or []), f"the hook {phase} saw {json.dumps(got)}")
            (seen / phase).unlink()
    lab.check(not marker.exists(), "the image's library was loaded on the host")


main(attack)
