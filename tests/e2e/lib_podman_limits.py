"""Rows: resource limits. As root: without a delegated hierarchy a user's containers have none, with any runtime."""
import pathlib

from lib_podman import Failed, Skipped, root_row, row

GROUPS = pathlib.Path("/sys/fs/cgroup")
UNIFIED = (GROUPS / "cgroup.controllers").exists()
MEBIBYTE = 1 << 20


def setting(case, name, v1, v2):
    """The value of a control group file of the container: v1 is (controller, file)."""
    path = case.inspect(name, ".State.CgroupPath")
    return (GROUPS / path.lstrip("/") / v2 if UNIFIED else GROUPS / v1[0] / path.lstrip("/") / v1[1]).read_text().strip()


@row("ulimit: nofile and core")
def _(case):
    flags = ["--ulimit", "nofile=100:200", "--ulimit", "nproc=4096:4096", "--ulimit", "core=0:0"]
    case.equal("limits", case.script("ulimit -Sn; ulimit -Hn; ulimit -c", flags=flags).split(), ["100", "200", "0"])


@root_row("memory: the limit is the kernel's")
def _(case):
    name = case.start(flags=["--memory", "64m", "--memory-reservation", "32m"])
    case.equal("limit", setting(case, name, ("memory", "memory.limit_in_bytes"), "memory.max"), str(64 * MEBIBYTE))
    case.equal("reservation", setting(case, name, ("memory", "memory.soft_limit_in_bytes"), "memory.low"), str(32 * MEBIBYTE))


@root_row("memory: the app that takes more is killed")
def _(case):
    name = case.start("sh", "-c", "tail /dev/zero", flags=["--memory", "16m", "--memory-swap", "16m"])
    case.equal("exit code", case.expect("wait", name), "137")
    # Debian's conmon on v1 leaves its note for podman in the wrong directory, so .State.OOMKilled stays false with any runtime.
    if UNIFIED:
        case.until(lambda: case.inspect(name, ".State.OOMKilled"), "true")


@root_row("cpu: quota, period, shares, set")
def _(case):
    name = case.start(flags=["--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0"])
    if UNIFIED:
        case.equal("quota", setting(case, name, (), "cpu.max"), "50000 100000")
    else:
        case.equal("quota", setting(case, name, ("cpu", "cpu.cfs_quota_us"), ""), "50000")
        case.equal("shares", setting(case, name, ("cpu", "cpu.shares"), ""), "512")
    case.equal("cpus", setting(case, name, ("cpuset", "cpuset.cpus"), "cpuset.cpus"), "0")


@root_row("pids: the limit stops a fork")
def _(case):
    case.script("for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait", flags=["--pids-limit", "5"], code=(1, 2), err="(?i)can't fork|resource")


@root_row("pids: no limit")
def _(case):
    name = case.start(flags=["--pids-limit", "-1"])
    case.equal("limit", setting(case, name, ("pids", "pids.max"), "pids.max"), "max")


@root_row("block I/O: weight or throttle")
def _(case):
    root = pathlib.Path("/proc/self/mountinfo").read_text()
    device = next((line.split(" - ")[1].split()[1] for line in root.splitlines() if line.split()[4] == "/"), "")
    if not device.startswith("/dev/") or not pathlib.Path(device).exists():
        raise Skipped("the root is on no block device")
    name = case.start(flags=["--device-read-bps", f"{device}:1mb"])
    seen = setting(case, name, ("blkio", "blkio.throttle.read_bps_device"), "io.max")
    if "1048576" not in seen:
        raise Failed(seen)


@root_row("update: new limits for a running container")
def _(case):
    name = case.start(flags=["--memory", "64m"])
    case.expect("update", "--memory", "48m", "--cpus", "0.25", name)
    case.equal("memory", setting(case, name, ("memory", "memory.limit_in_bytes"), "memory.max"), str(48 * MEBIBYTE))


@root_row("an impossible limit is an error, not ignored")
def _(case):
    case.run("true", flags=["--cpuset-cpus", "900"], code=(125, 126, 127))


@root_row("cgroups: a parent of the caller's choice, and nothing stays")
def _(case):
    name = case.start(flags=["--cgroup-parent", "/chosen"])
    path = case.inspect(name, ".State.CgroupPath")
    if not path.startswith("/chosen/"):
        raise Failed(path)
    case.expect("rm", "-f", "-t", "0", name)
    hierarchies = [GROUPS] if UNIFIED else [entry for entry in GROUPS.iterdir() if entry.is_dir()]
    left = [str(entry) for entry in hierarchies if (entry / path.lstrip("/")).exists()]
    if left:
        raise Failed(f"left: {left}")


@root_row("cgroups: disabled")
def _(case):
    if case.engine.runtime.name == "runc":
        raise Skipped("podman knows that runc cannot")
    case.run("true", flags=["--cgroups", "disabled"])
