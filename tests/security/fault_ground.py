"""The ground that a fault sweep runs on: a lab with a bundle whose app gives its account, and the look at what is left."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import harness
import traced

TRIAL_TIME = 25


def own_children():
    return [int(word) for task in pathlib.Path("/proc/self/task").iterdir() for word in (task / "children").read_text().split()]


def reap(wait):
    """The children that are still alive after `wait` seconds; they are ended."""
    deadline = time.monotonic() + wait
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG | 0x40000000)[0]:
                pass
        except ChildProcessError:
            return []
        if time.monotonic() > deadline:
            break
        time.sleep(0.003)
    left = []
    for pid in own_children():
        try:
            left.append(f"process {pid} {os.readlink(f'/proc/{pid}/exe')}")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0x40000000)
        except OSError:
            continue
    return left


class Ground:
    """A lab with what all verbs need, and the look at what is left."""

    def __init__(self, mode):
        self.mode = mode
        self.lab = harness.Lab(mode)
        self.name = self.lab.scratch.name
        self.bundle = self.lab.bundle()
        account = traced.tracer().parent / "security_account"
        shutil.copy(account, self.bundle.rootfs / "bin/account")
        process = self.bundle.config["process"]
        process["args"] = ["/bin/account"]
        process["capabilities"] = {kind: ["CAP_KILL"] for kind in ("bounding", "effective", "permitted")}
        process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}]
        self.bundle.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": ["swapon", "bpf", "keyctl", "add_key", "ptrace", "mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
        volume = self.lab.scratch / "volume"
        volume.mkdir()
        self.bundle.mount("/tmp/volume", volume, "rbind", "ro")
        (self.bundle.rootfs / "tmp/volume").mkdir()
        self.bundle.save()
        self.out = self.lab.scratch / "out"
        self.out.mkdir()
        self.said = self.lab.scratch / "said"
        if mode == "rootless":
            os.chown(self.out, self.lab.uid, self.lab.gid)
        self.groups = [root for root in pathlib.Path("/sys/fs/cgroup").iterdir() if root.is_dir()] if not pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists() else [pathlib.Path("/sys/fs/cgroup")]
        self.host_namespaces = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")}
        self.mounts = self.mount_table()

    @staticmethod
    def mount_table():
        return pathlib.Path("/proc/self/mountinfo").read_text()

    def traced(self, *arguments, broken=None, output=None):
        return traced.traced(self.lab, *arguments, at=broken.words() if broken else (), every_call=broken is None, output=output, timeout=TRIAL_TIME)

    def plain(self, *arguments):
        """Unharmed, and its output nobody's: containers that live on keep it open."""
        with open(self.lab.scratch / "plain", "wb") as out:
            result = self.lab.casemate(*arguments, stdout=out, stderr=out)
        result.err = (self.lab.scratch / "plain").read_text(errors="replace")
        return result

    def normal(self, account):
        """An account without what differs from run to run."""
        own = re.search(r"/proc/self/uid_map: +\d+ +(\d+) +65536", account)
        if own:
            first = int(own.group(1))
            account = re.sub(r"(?<=[gu]id=)\d+|(?<= )\d+(?= +65536)", lambda match: f"first+{int(match.group()) - first}" if first <= int(match.group()) < first + 65536 else match.group(), account)
        account = re.sub(r"(NSpid:\t)\d+|(id_map:) +(\d+) +", r"\1\2 \3 ", account)
        for kind, inode in self.host_namespaces.items():
            account = account.replace(f"ns {inode}\n", f"ns {kind} of the host\n")
        account = re.sub(r":\[\d+\]", " own", account)
        return re.sub(r"/casemate/[0-9a-f]{12}\b", "/casemate/ID", account)

    def left(self, names=(), wait=0.5):
        """Processes, state, control groups, mounts, files."""
        found = reap(wait)
        found += [str(path) for path in self.lab.state.iterdir() if path.name != ".ids"]
        for root in self.groups:
            parent = root / "casemate"
            mine = [self.name, *names]
            found += [str(parent / name) for name in mine if (parent / name).exists()]
        if self.mount_table() != self.mounts:
            found.append("mounts")
        found += [str(path) for path in self.out.iterdir()]
        if self.mode == "rootless":
            found += [str(path) for path in (self.lab.scratch / "runtime").rglob("*") if path.is_dir() and path.name == self.name]
        return found

    def clear(self):
        """After a trial that left something: the next one starts clean."""
        reap(0)
        self.plain("delete", "--force", self.name)
        self.plain("gc")
        reap(0.3)
        for path in self.out.iterdir():
            subprocess.run(["rm", "-rf", path], check=False)
        for path in self.lab.state.iterdir():
            if path.name != ".ids":
                subprocess.run(["rm", "-rf", path], check=False)
        for root in self.groups:
            subprocess.run(["rmdir", root / "casemate" / self.name], check=False, stderr=subprocess.DEVNULL)
        self.mounts = self.mount_table()
