#!/usr/bin/env python3
"""CVE-2025-52565: the terminal was bound to /dev/console by its name in /dev/pts, where the container had put a link to another file.
Invariant: I2, I5
Section: C
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import main

# The console is the terminal that the app has; whatever is written there changes no file of the host.
LOOK = "stat -L -c %t:%T /proc/self/fd/0 /dev/console; stat -c %F /etc/target; echo x >/dev/console"
SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
while True:
    for name in ("pts", "console"):
        libc.renameat2(-100, os.fsencode(sys.argv[1] + "/" + name), -100, os.fsencode(sys.argv[1] + "/evil-" + name), 2)
"""


def plant(lab, dev, console):
    """A /dev as an attacker leaves it: each number that the terminal may get is a link to the host's file already."""
    for directory in (dev / "pts", dev / "evil-pts"):
        directory.mkdir(parents=True)
        for number in range(16):
            (directory / str(number)).symlink_to(lab.canary / "file")
    (dev / "evil-console").symlink_to(lab.canary / "file")
    if console == "link":
        (dev / "console").symlink_to("../etc/target")
    elif console == "link to a number":
        (dev / "console").symlink_to("evil-pts/0")
    elif console == "file":
        (dev / "console").touch()


def right_or_refused(lab, result, still=True):
    """Whether it ran, and then on a terminal; while /dev holds still, /dev/console is that one."""
    if not result.out and result.code != 0:
        lab.check(result.err.startswith("casemate: "), f"failed without a word: {result}")
        return False
    lines = result.out.replace("\r", "").split("\n")
    lab.check(lines[0].startswith("88:"), f"the app is not on a terminal: {result}")
    lab.check(not still or lines[1] == lines[0], f"/dev/console is not the app's terminal: {result}")
    lab.check("regular empty file" in lines, f"another file was covered: {result}")
    return True


def with_terminal(lab):
    bundle = lab.bundle()
    bundle.config["process"]["terminal"] = True
    (bundle.rootfs / "etc/target").touch()
    return bundle.shell(LOOK)


def attack(lab):
    lab.check(right_or_refused(lab, lab.run(with_terminal(lab))), "a plain container with a terminal does not start")
    for console in ("link", "link to a number", "file", "nothing"):
        # The image's own /dev, with the container's devpts in it.
        bundle = with_terminal(lab)
        bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["destination"] != "/dev"]
        plant(lab, bundle.rootfs / "dev", console)
        started = right_or_refused(lab, lab.run(bundle))
        # In a user namespace the image's directory is another's: what is missing cannot be made there.
        lab.check(started or console.startswith("link") or (console == "nothing" and lab.mode == "userns"), f"console is {console}: refused")
        # What is mounted at /dev/pts is the attacker's directory: not a terminal of anybody's.
        bundle = with_terminal(lab)
        plant(lab, lab.scratch / f"volume-{console}/dev", console)
        bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if not mount["destination"].startswith("/dev")]
        lab.refused(lab.run(bundle.mount("/dev", lab.scratch / f"volume-{console}/dev", "rbind", "rw")))
    # Swapped by a neighbour that shares the volume, while containers start.
    volume = lab.scratch / "volume/dev"
    plant(lab, volume, "file")
    swapper = subprocess.Popen([sys.executable, "-c", SWAP, str(volume)])
    try:
        for _ in range(25):
            bundle = with_terminal(lab)
            mounts = bundle.config["mounts"]
            mounts[1] = {"destination": "/dev", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]}
            right_or_refused(lab, lab.run(bundle), still=False)
    finally:
        swapper.kill()
        swapper.wait()


main(attack)
