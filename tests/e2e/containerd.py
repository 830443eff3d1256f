#!/usr/bin/env python3
"""containerd drives casemate: its own daemon, root, state and socket; `ctr --runc-binary casemate`; each row is a case.

    containerd.py [--runtime PROGRAM] [--only REGEX] [--jobs N] [--list] [--strict]

`--runtime runc` shows what this machine allows.
"""
import argparse
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import lib_podman
import lib_private
import lib_rows
import lib_terminal
from lib_rows import Failed, Row, Skipped, equal, until

NOT_YET = {}  # pattern: reason
IMAGE = "localhost/busy:latest"
NAMESPACE = "casemate-e2e"
ROWS = []
CONFIG = """\
version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = [ "io.containerd.grpc.v1.cri" ]
[grpc]
address = "{0}/containerd.sock"
[ttrpc]
address = "{0}/containerd.ttrpc.sock"
"""


def row(name):
    def declare(act):
        ROWS.append(Row(name, (), act))
        return act
    return declare


def docker_archive(layer, path):
    """The image as `docker save` would write it."""
    data = layer.read_bytes()
    config = json.dumps({"architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine), "os": "linux",
                         "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest()]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, content in (("layer.tar", data), ("config.json", config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


class Daemon:
    """One containerd, and ctr for it."""

    def __init__(self, scratch, runtime):
        self.scratch = scratch / "containerd"
        self.runtime = pathlib.Path(shutil.which(runtime))
        for directory in (self.scratch, self.scratch / "work"):
            directory.mkdir()
        (self.scratch / "config.toml").write_text(CONFIG.format(self.scratch))
        self.log = open(self.scratch / "log", "wb")
        # TMPDIR: containerd's shims keep mount points there.
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": str(self.scratch / "work"), "TERM": "xterm"}
        self.process = subprocess.Popen(["containerd", "--config", str(self.scratch / "config.toml")], stdout=self.log, stderr=self.log,
                                        env=self.environment)
        self.words = ["ctr", "--address", f"{self.scratch}/containerd.sock", "--namespace", NAMESPACE]
        until(lambda: self.call("version").returncode, 0, seconds=60)
        layer = lib_podman.make_root(self.scratch / "work")
        docker_archive(layer, self.scratch / "image.tar")
        done = self.call("images", "import", str(self.scratch / "image.tar"))
        if done.returncode:
            raise Failed(f"ctr images import: {done.stderr}")

    def call(self, *words, stdin=""):
        return subprocess.run([*self.words, *words], input=stdin, capture_output=True, text=True, timeout=lib_terminal.TIMEOUT, check=False,
                              env=self.environment, cwd=self.scratch)

    def close(self):
        left = [line for line in self.call("tasks", "ls", "-q").stdout.split()]
        for name in left:
            self.call("tasks", "rm", "-f", name)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        return left


class Case:
    def __init__(self, daemon, number):
        self.daemon, self.number = daemon, number
        self.names = []

    def name(self, suffix=""):
        self.names.append(f"row-{self.number}{suffix}")
        return self.names[-1]

    def ctr(self, *words, code=0, out=None, err=None, stdin=""):
        return lib_rows.check(f"ctr {' '.join(words)}", self.daemon.call(*words, stdin=stdin), code, out, err)

    def flags(self, flags):
        return ["--runc-binary", str(self.daemon.runtime), *map(str, flags), IMAGE]

    def run(self, *words, flags=(), **checks):
        return self.ctr("run", "--rm", *self.flags(flags), self.name(), *words, **checks)

    def start(self, *words, flags=(), suffix=""):
        name = self.name(suffix)
        self.ctr("run", "-d", "--null-io", *self.flags(flags), name, *(words or ("sleep", "300")))
        return name

    def execute(self, name, *words, flags=(), **checks):
        return self.ctr("tasks", "exec", "--exec-id", f"exec-{time.monotonic_ns()}", *flags, name, *words, **checks)

    def status(self, name):
        lines = [line.split() for line in self.ctr("tasks", "ls").split("\n")[1:]]
        return next((words[2] for words in lines if words[0] == name), "none")

    def pid(self, name):
        return next(words[1] for words in (line.split() for line in self.ctr("tasks", "ls").split("\n")[1:]) if words[0] == name)

    def close(self):
        for name in self.names:
            if self.daemon.call("tasks", "ls", "-q").stdout.split().count(name):
                self.daemon.call("tasks", "rm", "-f", name)
            self.daemon.call("containers", "rm", name)


@row("run: output and exit code")
def _(case):
    equal("output", case.run("echo", "hello"), "hello")
    case.run("sh", "-c", "exit 7", code=7)


@row("run: a command that does not exist")
def _(case):
    case.run("no-such-command", code=1, err="executable file not found|no such file")


@row("run: stderr apart, stdin from a pipe")
def _(case):
    words = [*case.daemon.words, "run", "--rm", *case.flags([]), case.name(), "sh", "-c", "cat; echo err >&2"]
    process = subprocess.Popen(words, env=case.daemon.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: case.status(case.names[-1]), "RUNNING", 60)  # ctr 1.6 never tells of an end of stdin that comes sooner
    equal("stdout, stderr", process.communicate("typed\n", timeout=60), ("typed\n", "err\n"))


@row("run -t: a terminal")
def _(case):
    seen = lib_terminal.talk([*case.daemon.words, "run", "--rm", "-t", *case.flags([]), case.name(), "sh"], env=case.daemon.environment, code=3, size=(33, 99),
                             dialogue=[(lib_terminal.PROMPT, "stty size; tty; exit 3\n")])
    if "/dev/pts/0" not in seen:
        raise Failed(seen)


@row("run -d, list, kill, delete")
def _(case):
    name = case.start()
    equal("status", case.status(name), "RUNNING")
    case.ctr("tasks", "kill", "-s", "KILL", name)
    until(lambda: case.status(name), "STOPPED")
    case.ctr("tasks", "rm", name, err="exit code 137")
    case.ctr("containers", "rm", name)


@row("kill: the app handles the signal")
def _(case):
    name = case.start("sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.1; done")
    time.sleep(1)
    case.ctr("tasks", "kill", name)
    until(lambda: case.status(name), "STOPPED")
    case.ctr("tasks", "rm", name, err="exit code 9")


@row("kill --all, and a task that has ended")
def _(case):
    name = case.start("sh", "-c", "sleep 305 & sleep 306")
    case.ctr("tasks", "kill", "-a", "-s", "KILL", name)
    until(lambda: case.status(name), "STOPPED")
    case.ctr("tasks", "kill", name, code=(0, 1))


@row("exec: output, exit code, user, directory")
def _(case):
    name = case.start()
    equal("output", case.execute(name, "sh", "-c", "echo in; id -u; pwd", flags=["--user", "1001", "--cwd", "/data"]).split(), ["in", "1001", "/data"])
    case.execute(name, "sh", "-c", "exit 6", code=6)


@row("exec: a command that does not exist")
def _(case):
    case.execute(case.start(), "no-such-command", code=1, err="executable file not found|no such file")


@row("exec -t: a terminal")
def _(case):
    name = case.start()
    words = [*case.daemon.words, "tasks", "exec", "-t", "--exec-id", "tty", name, "sh"]
    seen = lib_terminal.talk(words, env=case.daemon.environment, code=2, dialogue=[(lib_terminal.PROMPT, "tty; exit 2\n")])
    if "/dev/pts/" not in seen:
        raise Failed(seen)


@row("exec: ten at once")
def _(case):
    name = case.start()
    running = [subprocess.Popen([*case.daemon.words, "tasks", "exec", "--exec-id", f"e{number}", name, "echo", str(number)], text=True,
                                env=case.daemon.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for number in range(10)]
    seen = [process.communicate(timeout=60) for process in running]
    equal("output and errors", [(out.strip(), error.strip()) for out, error in seen], [(str(number), "") for number in range(10)])


@row("pause and resume")
def _(case):
    name = case.start()
    case.ctr("tasks", "pause", name)
    equal("status", case.status(name), "PAUSED")
    case.ctr("tasks", "resume", name)
    equal("status", case.status(name), "RUNNING")


@row("ps: the container's processes")
def _(case):
    name = case.start("sh", "-c", "sleep 307 & sleep 308")
    until(lambda: len(case.ctr("tasks", "ps", name).split("\n")) - 1 >= 2, True)
    pids = [line.split()[0] for line in case.ctr("tasks", "ps", name).split("\n")[1:]]
    if case.pid(name) not in pids:
        raise Failed(str(pids))


@row("metrics")
def _(case):
    name = case.start()
    seen = json.loads(case.ctr("tasks", "metrics", "--format", "json", name))
    if not seen.get("memory"):
        raise Failed(str(seen)[:300])


@row("limits: memory, cpu")
def _(case):
    name = case.start(flags=["--memory-limit", "67108864", "--cpus", "0.5"])
    groups = dict(line.split(":")[1:] for line in pathlib.Path(f"/proc/{case.pid(name)}/cgroup").read_text().splitlines())
    if "memory" not in groups:
        raise Skipped("no v1 memory controller")
    equal("memory", pathlib.Path(f"/sys/fs/cgroup/memory{groups['memory']}/memory.limit_in_bytes").read_text().strip(), "67108864")


@row("update: through the task service")
def _(case):
    name = case.start(flags=["--memory-limit", "67108864"])
    done = subprocess.run(["/usr/bin/python3", str(pathlib.Path(__file__).parent / "lib_containerd_update.py"), f"{case.daemon.scratch}/containerd.sock", NAMESPACE, name,
                           json.dumps({"memory": {"limit": 50331648}})], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 77:
        raise Skipped(done.stdout.strip())
    lib_rows.check("update", done)
    groups = dict(line.split(":")[1:] for line in pathlib.Path(f"/proc/{case.pid(name)}/cgroup").read_text().splitlines())
    if "memory" in groups:
        equal("memory", pathlib.Path(f"/sys/fs/cgroup/memory{groups['memory']}/memory.limit_in_bytes").read_text().strip(), "50331648")


@row("root: --read-only, mounts, environment, directory")
def _(case):
    directory = case.daemon.scratch / "work" / f"row-{case.number}"
    directory.mkdir()
    flags = ["--read-only", "--mount", f"type=bind,src={directory},dst=/v,options=rbind:rw", "--env", "WHAT=this", "--cwd", "/data"]
    equal("output", case.run("sh", "-c", "touch /x || echo $WHAT $(pwd) >/v/out; cat /v/out", flags=flags), "this /data")


@row("capabilities, no_new_privs, seccomp")
def _(case):
    flags = ["--cap-drop", "CAP_CHOWN", "--seccomp"]
    seen = dict(line.split() for line in case.run("grep", "-E", "CapEff|NoNewPrivs|Seccomp:", "/proc/self/status", flags=flags).split("\n"))
    if int(seen["CapEff:"], 16) & 1 or seen["NoNewPrivs:"] != "1" or seen["Seccomp:"] != "2":
        raise Failed(str(seen))


@row("user namespace: --uidmap and --gidmap")
def _(case):
    flags = ["--uidmap", "0:1200000:5000", "--gidmap", "0:1200000:5000"]
    equal("map", case.run("cat", "/proc/self/uid_map", flags=flags).split(), ["0", "1200000", "5000"])


@row("network: the host's, and a namespace by path")
def _(case):
    ours = os.readlink("/proc/self/ns/net")
    equal("host", case.run("readlink", "/proc/self/ns/net", flags=["--net-host"]), ours)
    other = case.start(suffix="-other")
    seen = case.ctr("run", "--rm", *case.flags(["--with-ns", f"network:/proc/{case.pid(other)}/ns/net"]), case.name("-joins"), "readlink", "/proc/self/ns/net")
    equal("joined", seen, os.readlink(f"/proc/{case.pid(other)}/ns/net"))


@row("privileged")
def _(case):
    equal("filter", case.run("grep", "Seccomp:", "/proc/self/status", flags=["--privileged"]).split()[1], "0")


@row("twenty at once, and all gone")
def _(case):
    names = [case.name(f"-{number}") for number in range(20)]
    running = [subprocess.Popen([*case.daemon.words, "run", "--rm", *case.flags([]), name, "echo", name], text=True, env=case.daemon.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for name in names]
    seen = [process.communicate(timeout=120) for process in running]
    equal("output and errors", [(out.strip(), error.strip()) for out, error in seen], [(name, "") for name in names])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--strict", action="store_true", help="no row is excused")
    options = parser.parse_args()
    if options.list:
        print(*(row.name for row in ROWS), sep="\n")
        return
    for program in ("containerd", "ctr"):
        if not shutil.which(program):
            lib_private.skip(f"no {program}: scripts/install-packages clients")
    scratch = lib_private.enter()
    daemon = Daemon(scratch, options.runtime or str(lib_private.programs(scratch) / "casemate"))
    rows = [(number, row) for number, row in enumerate(ROWS) if re.search(options.only, row.name)]
    failed = lib_rows.run(rows, lambda number: Case(daemon, number), options.jobs, {} if options.strict or daemon.runtime.name != "casemate" else NOT_YET, "ctr", not options.only)
    for name in daemon.close():
        failed += 1
        print(f"FAILED   a task is left: {name}")
    time.sleep(0.5)
    left = lib_private.leftovers(scratch)
    if left:
        print("left behind:", *left, sep="\n  ")
    sys.exit(1 if failed or left else 0)


main()
