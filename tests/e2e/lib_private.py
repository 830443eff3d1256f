"""A machine of a test's own: pid, mount, network, ipc, uts and cgroup namespaces, an empty /run, a cgroup in each hierarchy.

Engines write to places that no option moves (/run/netns, iptables, /libpod_parent). Here all of it is the test's: nothing
outside changes, suites run beside each other, and what is left at the end is found by looking.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

INSIDE = "CASEMATE_E2E_SCRATCH"
V1, V2 = "cgroup", "cgroup2"


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


def cgroup_mounts():
    """(mount point, file system type, options) of each control group hierarchy."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        kind, _, options = right.split(" ", 2)
        if kind in (V1, V2):
            found.append((pathlib.Path(left.split()[4]), kind, options.removeprefix("rw,").removeprefix("ro,")))
    return found


def make_cgroups(name):
    for mount, kind, _ in cgroup_mounts():
        group = mount / name
        group.mkdir()
        for inherited in ("cpuset.mems", "cpuset.cpus"):  # v1: empty until written, and then nobody may enter
            if kind == V1 and (group / inherited).exists():
                (group / inherited).write_text((mount / inherited).read_text())
        if (group / "cgroup.clone_children").exists():
            (group / "cgroup.clone_children").write_text("1")


def join_cgroups(name):
    for mount, _, _ in cgroup_mounts():
        (mount / name / "cgroup.procs").write_text("0")


def leave_cgroups(name):
    """Removes the groups; the names of those that were not there at the start."""
    left = []
    for mount, _, _ in cgroup_mounts():
        for path, _, _ in os.walk(mount / name, topdown=False):
            inner = pathlib.Path(path).relative_to(mount / name)
            # A pod's own group: podman removes it from the hierarchies that it knows of.
            if len(inner.parts) == 2 and inner.parts[0] == "libpod_parent" and len(inner.name) == 64:
                os.rmdir(path)
                continue
            if inner.parts and inner.name not in ("libpod_parent", "conmon", "runner", "chosen", "casemate-e2e"):
                left.append(f"{mount.name}: {inner}")
            os.rmdir(path)
    return left


def outside():
    """Runs this program again inside; never returns."""
    if os.geteuid() != 0:
        skip("needs root")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="casemate-e2e.", dir="/tmp"))
    scratch.chmod(0o755)
    name = f"casemate-e2e-{os.getpid()}"
    status = 1
    try:
        make_cgroups(name)
        words = ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--mount-proc", "--kill-child",
                 "--propagation", "private", sys.executable, *sys.argv]
        status = subprocess.run(words, env=os.environ | {INSIDE: str(scratch)}, preexec_fn=lambda: join_cgroups(name), check=False).returncode
    finally:
        left = leave_cgroups(name)
        shutil.rmtree(scratch, ignore_errors=True)
    if left and status == 0:
        print("control groups are left:", *left, sep="\n  ")
        status = 1
    sys.exit(status)


def serve_as_init():
    """PID 1 reaps whatever its children leave behind; the test itself runs in a child."""
    child = os.fork()
    if child == 0:
        return
    while True:
        pid, status = os.wait()
        if pid == child:
            sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def enter():
    """Returns inside, with the scratch directory. Everything ends with the caller."""
    if INSIDE not in os.environ:
        outside()
    scratch = pathlib.Path(os.environ[INSIDE])
    for point, kind, options in cgroup_mounts():
        subprocess.run(["umount", str(point)], check=True)
        if kind == V2 and point != pathlib.Path("/sys/fs/cgroup"):
            # The second half of a hybrid machine: runc and casemate live with it; Debian's crun does not start.
            if os.environ.get("CASEMATE_E2E_NO_UNIFIED"):
                continue
        words = [] if kind == V2 else ["-o", ",".join(word for word in options.split(",") if word != "xattr")]
        mount("-t", kind, *words, "cgroup", str(point))
        if kind == V2:  # a group with processes of its own hands no controllers down
            (point / "runner").mkdir()
            (point / "runner" / "cgroup.procs").write_text("0")
    mount("-t", "tmpfs", "-o", "mode=755", "run", "/run")
    pathlib.Path("/run/lock").mkdir(mode=0o1777)
    mount("--make-rshared", "/")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    serve_as_init()
    return scratch


def programs(scratch):
    """A copy of the built programs that every user may run; the directory."""
    directory = scratch / "bin"
    directory.mkdir()
    for program in pathlib.Path(os.environ["CASEMATE"]).parent.glob("casemate*"):
        if program.is_file() and program.suffix != ".debug":
            shutil.copy2(program, directory)
    return directory


def leftovers(scratch):
    """Processes and mounts that a finished test should not have: one line each."""
    own = {1, os.getpid()}
    lines = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        if int(entry.name) in own:
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if command:
                lines.append(f"process {entry.name}: {command[:120]}")
        except (FileNotFoundError, ProcessLookupError):
            pass
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if line.split()[4].startswith(f"{scratch}/"):
            lines.append(f"mount {line.split()[4]}")
    return lines
