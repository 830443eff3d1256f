"""podman with everything of its own: storage, containers.conf, an offline image; and the table of rows that podman.py runs."""
import os
import pathlib
import pwd
import re
import shutil
import stat
import subprocess
import tarfile

import lib_private
import lib_rows
import lib_terminal
from lib_rows import Failed, Row, Skipped  # noqa: F401  (rows take both from here)

IMAGE = "localhost/busy"
USER = "casemate-test"
TIMEOUT = 60
ROWS = []


def row(name, modes=("root", "rootless")):
    """Declares a row: a function that takes a Case and raises Failed."""
    def declare(act):
        ROWS.append(Row(name, modes, act))
        return act
    return declare


root_row = lambda name: row(name, ("root",))  # noqa: E731
user_row = lambda name: row(name, ("rootless",))  # noqa: E731


def capability(number):
    bounding = re.search(r"CapBnd:\s*(\S+)", pathlib.Path("/proc/self/status").read_text()).group(1)
    return bool(int(bounding, 16) >> number & 1)


CONTAINERS_CONF = """\
[containers]
default_ulimits = [ "nofile=1024:4096", "nproc=4096:4096" ]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime_supports_json = [ "casemate", "crun", "runc" ]
runtime_supports_nocgroup = [ "casemate", "crun" ]
hooks_dir = [ "{hooks}" ]
[engine.runtimes]
{name} = [ "{runtime}" ]
[network]
network_backend = "netavark"
"""


def make_root(directory):
    """busybox, two users, and what the rows look for; returns a tar of it."""
    root = directory / "rootfs"
    for name in ("bin", "etc", "tmp", "data", "empty", "root"):
        (root / name).mkdir(parents=True)
    shutil.copy2("/usr/bin/busybox", root / "bin" / "busybox")
    for applet in subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\napp:x:1001:1001:app:/:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\napp:x:1001:\naudio:x:29:app\n")
    (root / "data" / "from-image").write_text("copied up\n")
    (root / "data").chmod(0o777)
    (root / "tmp").chmod(0o1777)
    with tarfile.open(directory / "image.tar", "w") as tar:
        tar.add(root, ".", filter=lambda entry: entry.replace(uid=0, gid=0, uname="", gname="", deep=False))
    return directory / "image.tar"


class Engine:
    """One podman: as root or as the test user, with one runtime."""

    def __init__(self, scratch, mode, runtime):
        self.mode, self.scratch = mode, scratch / mode
        self.runtime = pathlib.Path(shutil.which(runtime))
        self.hooks = self.scratch / "hooks"
        for directory in (self.scratch, self.hooks, *(self.scratch / name for name in ("home", "runtime", "tmp", "work"))):
            directory.mkdir(mode=0o700)
        self.scratch.chmod(0o755)
        conf = self.scratch / "containers.conf"
        conf.write_text(CONTAINERS_CONF.format(hooks=self.hooks, name=self.runtime.name, runtime=self.runtime))
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.scratch / "home"), "TERM": "xterm",
            "CONTAINERS_CONF": str(conf), "TMPDIR": str(self.scratch / "tmp"), "XDG_RUNTIME_DIR": str(self.scratch / "runtime"),
        }
        self.words = []
        if mode == "rootless":
            self.words = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]
            self.environment["USER"] = USER
        self.words += ["podman", "--root", f"{self.scratch}/storage", "--runroot", f"{self.scratch}/run", "--tmpdir", f"{self.scratch}/tmp/podman",
                       "--storage-driver", "overlay", "--runtime", self.runtime.name]
        image = make_root(self.scratch / "work")
        if mode == "rootless":
            shutil.chown(image, USER)
            subprocess.run(["chown", "-R", f"{USER}:", str(self.scratch)], check=True)
        done = self.call("import", "-c", "ENV PATH=/bin", "-c", 'CMD ["/bin/sh"]', str(image), IMAGE)
        if done.returncode != 0:
            raise Failed(f"podman import: {done.stderr}")

    def call(self, *words, stdin="", timeout=TIMEOUT, **options):
        return subprocess.run([*self.words, *words], env=self.environment, input=stdin, capture_output=True, text=True, timeout=timeout,
                              cwd=self.scratch, check=False, **options)

    def close(self):
        """Ends what is left; what that was is the caller's to judge."""
        left = self.call("ps", "-a", "--format", "{{.Names}} {{.Status}}").stdout.split("\n")
        self.call("pod", "rm", "-f", "-t", "0", "--all")
        self.call("rm", "-f", "-t", "0", "--all")
        if self.mode == "rootless":
            self.call("system", "migrate")  # ends the process that keeps the user namespace
        return [line for line in left if line.strip()]


class Case:
    """One row at work: names of its own, checks, and clean-up."""

    def __init__(self, engine, number):
        self.engine, self.number = engine, number
        self.rootless = engine.mode == "rootless"
        self.work = engine.scratch / "work" / f"row-{number}"
        self.work.mkdir(mode=0o777)
        self.work.chmod(0o777)
        if self.rootless:
            shutil.chown(self.work, USER, USER)
        self.names = []

    def name(self, suffix=""):
        name = f"row-{self.number}{suffix}"
        self.names.append(name)
        return name

    def close(self):
        if self.names:
            self.engine.call("pod", "rm", "-f", "-i", "-t", "0", *self.names)
            self.engine.call("rm", "-f", "-i", "-t", "0", "-v", *self.names)

    def expect(self, *words, code=0, out=None, err=None, stdin="", **options):
        """podman WORDS must exit with CODE; OUT and ERR are searched for. Returns stdout without its last newline."""
        done = self.engine.call(*words, stdin=stdin, **options)
        return lib_rows.check(f"podman {' '.join(words)}", done, code, out, err)

    def run(self, *words, flags=(), **checks):
        """`podman run --rm FLAGS IMAGE WORDS`, without a network unless FLAGS name one."""
        network = () if any(str(flag).startswith(("--network", "-p", "--pod")) for flag in flags) else ("--network", "none")
        return self.expect("run", "--rm", *network, *map(str, flags), IMAGE, *words, **checks)

    def script(self, text, **checks):
        return self.run("sh", "-c", text, **checks)

    def start(self, *words, flags=(), suffix=""):
        """A detached container; its name."""
        name = self.name(suffix)
        network = () if any(str(flag).startswith(("--network", "-p", "--pod")) for flag in flags) else ("--network", "none")
        self.expect("run", "-d", "--name", name, *network, *map(str, flags), IMAGE, *(words or ("sleep", "300")))
        return name

    def inspect(self, name, template):
        return self.expect("inspect", "--format", "{{" + template + "}}", name)

    until = staticmethod(lib_rows.until)
    equal = staticmethod(lib_rows.equal)

    def logs(self, name):
        return lambda: self.expect("logs", name)

    def terminal(self, *words, **dialogue):
        """podman WORDS on a terminal: lib_terminal.talk."""
        return lib_terminal.talk([*self.engine.words, *words], env=self.engine.environment, cwd=self.engine.scratch, **dialogue)


def make_user():
    try:
        pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/bash", USER], check=True)


def prepare(scratch):
    """What the rootless rows need, in this mount namespace only: ids of their own, and a tun device that users may open."""
    tun = pathlib.Path("/dev/net/tun")
    if tun.exists():
        os.mknod(scratch / "tun", stat.S_IFCHR, tun.stat().st_rdev)
        (scratch / "tun").chmod(0o666)
        lib_private.mount("--bind", str(scratch / "tun"), str(tun))
    for name in ("subuid", "subgid"):
        (scratch / name).write_text(f"{USER}:200000:65536\ncontainers:1000000:1000000\n")
        lib_private.mount("--bind", str(scratch / name), f"/etc/{name}")
