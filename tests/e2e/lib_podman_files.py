"""Rows: files: read-only roots, tmpfs, volumes and their options, devices, shared memory, other roots."""
import os
import pathlib
import shutil
import stat
import subprocess

from lib_podman import IMAGE, Failed, Skipped, root_row, row


@row("root: writable by default")
def _(case):
    case.equal("output", case.script("echo x >/made && cat /made"), "x")


@row("root: --read-only")
def _(case):
    case.script("touch /made", flags=["--read-only"], code=1, err="(?i)read-only")
    case.script("touch /tmp/made /run/made /var/tmp/made /dev/shm/made", flags=["--read-only"])


@row("root: --read-only --read-only-tmpfs=false")
def _(case):
    case.script("touch /tmp/made", flags=["--read-only", "--read-only-tmpfs=false"], code=1, err="(?i)read-only")


@row("tmpfs: size, mode and flags")
def _(case):
    flags = ["--tmpfs", "/scratch:rw,size=1m,mode=1750,noexec"]
    case.script("head -c 2000000 /dev/zero >/scratch/f", flags=flags, code=1)
    case.script("cp /bin/busybox /scratch/true; /scratch/true", flags=["--tmpfs", "/scratch:size=8m,noexec"], code=126)
    case.equal("mode", case.run("stat", "-c", "%a", "/scratch", flags=flags), "1750")


@row("tmpfs: takes the files below it along")
def _(case):
    case.equal("copied", case.run("cat", "/data/from-image", flags=["--tmpfs", "/data"]), "copied up")
    case.run("cat", "/data/from-image", flags=["--tmpfs", "/data:notmpcopyup"], code=1)


@row("mount: type=tmpfs")
def _(case):
    case.run("grep", "/scratch.*tmpfs", "/proc/self/mountinfo", flags=["--mount", "type=tmpfs,dst=/scratch,tmpfs-size=1m"])


@row("volume: both ways")
def _(case):
    (case.work / "in").write_text("from outside\n")
    case.equal("inside", case.script("cat /v/in; echo from inside >/v/out", flags=["-v", f"{case.work}:/v"]), "from outside")
    case.equal("outside", (case.work / "out").read_text(), "from inside\n")


@row("volume: read-only")
def _(case):
    case.script("touch /v/made", flags=["-v", f"{case.work}:/v:ro"], code=1, err="(?i)read-only")


@row("volume: noexec, nosuid, nodev")
def _(case):
    shutil.copy2("/usr/bin/busybox", case.work / "busybox")
    case.run("/v/busybox", "true", flags=["-v", f"{case.work}:/v:noexec,nosuid,nodev"], code=126)
    case.run("/v/busybox", "true", flags=["-v", f"{case.work}:/v:nosuid,nodev"])


@row("volume: one file")
def _(case):
    (case.work / "file").write_text("one\n")
    case.equal("inside", case.run("cat", "/etc/passwd", flags=["-v", f"{case.work}/file:/etc/passwd:ro"]), "one")


@row("volume: named, filled from the image")
def _(case):
    name = f"volume-{case.number}"
    case.equal("copied", case.run("cat", "/data/from-image", flags=["-v", f"{name}:/data"]), "copied up")
    case.script("echo more >/data/more", flags=["-v", f"{name}:/data"])
    case.equal("kept", case.run("cat", "/data/more", flags=["-v", f"{name}:/data"]), "more")
    case.expect("volume", "rm", name)


@row("volume: of another container")
def _(case):
    name = case.start(flags=["-v", f"{case.work}:/v"])
    case.script("echo shared >/v/f", flags=["--volumes-from", name])
    case.equal("seen", case.expect("exec", name, "cat", "/v/f"), "shared")


@row("volume: a symlink in the image does not lead out")
def _(case):
    (case.work / "root").mkdir()
    name = case.start("sh", "-c", "rm -rf /data; ln -s /etc /data")
    case.expect("wait", name)
    case.expect("commit", "-q", name, f"localhost/{name}")
    (case.work / "mark").write_text("x")
    seen = case.expect("run", "--rm", "--network", "none", "-v", f"{case.work}:/data/sub", f"localhost/{name}", "ls", "/etc/sub")
    if "mark" not in seen:
        raise Failed(seen)
    if pathlib.Path("/etc/sub").exists():
        raise Failed("mounted on the host")
    case.expect("rmi", f"localhost/{name}")


@root_row("volume: a mount made outside appears inside (rslave)")
def _(case):
    point = case.work / "late"
    point.mkdir()
    subprocess.run(["mount", "--bind", str(case.work), str(case.work)], check=True)
    subprocess.run(["mount", "--make-shared", str(case.work)], check=True)
    name = case.start(flags=["-v", f"{case.work}:/v:rslave"])
    private = case.start(flags=["-v", f"{case.work}:/v:rprivate"], suffix="-private")
    try:
        subprocess.run(["mount", "-t", "tmpfs", "late", str(point)], check=True)
        (point / "mark").touch()
        case.equal("rslave", case.expect("exec", name, "ls", "/v/late"), "mark")
        case.equal("rprivate", case.expect("exec", private, "ls", "/v/late"), "")
    finally:
        subprocess.run(["umount", "-l", str(point)], check=False)
        case.expect("rm", "-f", "-t", "0", name, private)
        subprocess.run(["umount", "-l", str(case.work)], check=True)


@root_row("volume: :U gives the files to the app's user")
def _(case):
    (case.work / "f").write_text("x")
    case.equal("owner", case.run("stat", "-c", "%u", "/v/f", flags=["--user", "app", "-v", f"{case.work}:/v:U"]), "1001")


@row("/dev: the usual nodes, and no more")
def _(case):
    nodes = set(case.run("ls", "/dev").split())
    for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin", "stdout", "stderr", "pts", "shm", "mqueue"):
        if name not in nodes:
            raise Failed(f"no /dev/{name} in {nodes}")
    if nodes & {"kmsg", "mem", "vda", "sda", "kvm"}:
        raise Failed(str(nodes))
    case.equal("null", case.script("echo x >/dev/null; head -c 3 /dev/zero | wc -c").strip(), "3")


@row("--device: a node of the host")
def _(case):
    if not pathlib.Path("/dev/fuse").exists():
        raise Skipped("no /dev/fuse")
    device = os.stat("/dev/fuse").st_rdev
    case.equal("node", case.run("stat", "-c", "%t:%T", "/dev/fuse", flags=["--device", "/dev/fuse"]), f"{os.major(device):x}:{os.minor(device):x}")
    case.script("exec 3<>/dev/fuse", flags=["--device", "/dev/fuse"], code=(0, 1) if case.rootless else 0)


@root_row("--device: read-only, under another name")
def _(case):
    node = case.work / "node"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    case.script("head -c 1 /dev/other >/mark", flags=["--device", f"{node}:/dev/other:r"])
    case.script("exec 3>/dev/kmsg", flags=["--device", "/dev/kmsg:/dev/kmsg:r"], code=1, err="(?i)not permitted|denied")


@root_row("devices: others are denied by the control group")
def _(case):
    case.script("mknod /tmp/n c 1 11 && head -c 1 /tmp/n", code=1, err="(?i)not permitted")
    case.script("mknod /tmp/n c 1 5 && head -c 1 /tmp/n >/mark")


@row("--shm-size")
def _(case):
    case.run("df", "-k", "/dev/shm", flags=["--shm-size", "3m"], out=r"\b3072\b")


@row("--rootfs: a directory as the root")
def _(case):
    root = case.work / "root"
    shutil.copytree(case.engine.scratch / "work" / "rootfs", root, symlinks=True)
    if case.rootless:
        subprocess.run(["chown", "-R", "casemate-test:", str(root)], check=True)
    case.equal("output", case.expect("run", "--rm", "--network", "none", "--rootfs", str(root), "/bin/cat", "/data/from-image"), "copied up")


@row("mount: type=image")
def _(case):
    case.equal("inside", case.run("cat", "/other/data/from-image", flags=["--mount", f"type=image,src={IMAGE},dst=/other"]), "copied up")


@row("--systemd=always: the mounts that systemd wants")
def _(case):
    seen = case.script("grep -E ' (/run|/tmp|/run/lock|/sys/fs/cgroup)' /proc/self/mountinfo | wc -l; echo $container", flags=["--systemd", "always"])
    count, container = seen.split()
    if int(count) < 3 or container not in ("podman", "oci"):
        raise Failed(seen)


@row("/sys is read-only, /proc and cgroups are there")
def _(case):
    case.script("mkdir /sys/x", code=1)
    case.script("test -d /proc/self && ls /sys/fs/cgroup")
