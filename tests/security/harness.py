"""What every test of tests/security/cve is made of.

A test file names its ids in its docstring, says what was wrong elsewhere and which invariant stops it here, and gives an
`attack(lab)` that runs once a mode (root, userns, rootless). Around each run the harness compares a canary tree of the
host, the host's mount table, the processes and the launcher's state (H1), and then probes the same root file system under
`hardened` from inside (H6): whatever the attack did, the sandbox must still be whole.

Exit codes: 0 all modes held, 1 one did not, 77 a need is unmet. `python3 FILE --describe` prints its docstring as JSON,
from which docs/security-tests.md is made.
"""
import ast
import hashlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TEST_USER = "casemate-test"
TIMEOUT = 60  # seconds a call of the launcher
BUSYBOX = ("sh", "true", "id", "cat", "ls", "sleep", "echo", "stat", "touch", "ln", "mkdir", "chmod", "mount", "grep", "head", "test", "kill", "ps")


class Failure(AssertionError):
    """The launcher did what it must not."""


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = (done.stdout or b"").decode(errors="replace")
        self.err = (done.stderr or b"").decode(errors="replace")

    def __repr__(self):
        return f"code {self.code}\n{self.out}{self.err}"


class Bundle:
    """An OCI bundle with busybox, whose config.json the test may edit before each run."""

    def __init__(self, lab, name):
        self.path = lab.scratch / name
        self.rootfs = self.path / "rootfs"
        (self.rootfs / "bin").mkdir(parents=True)
        shutil.copy("/bin/busybox", self.rootfs / "bin/busybox")
        for applet in BUSYBOX:
            (self.rootfs / "bin" / applet).symlink_to("busybox")
        for directory in ("proc", "sys", "dev", "tmp", "etc"):
            (self.rootfs / directory).mkdir()
        self.lab = lab
        self.config = {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs"},
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["true"], "env": ["PATH=/bin"], "cwd": "/", "noNewPrivileges": True},
            "hostname": "security",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
                {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            ],
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")],
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
                "readonlyPaths": ["/proc/sys", "/proc/sysrq-trigger", "/proc/bus"],
            },
        }
        if lab.mode != "root":
            self.config["linux"]["namespaces"].append({"type": "user"})
            base, count = (100000, 65536) if lab.mode == "userns" else (lab.uid, 1)
            for ids, first in (("uidMappings", base), ("gidMappings", base if lab.mode == "userns" else lab.gid)):
                self.config["linux"][ids] = [{"containerID": 0, "hostID": first, "size": count}]

    def shell(self, script):
        self.config["process"]["args"] = ["sh", "-c", script]
        return self

    def mount(self, destination, source, *options, kind="bind"):
        self.config["mounts"].append({"destination": destination, "type": kind, "source": str(source), "options": list(options)})
        return self

    def save(self):
        (self.path / "config.json").write_text(json.dumps(self.config))
        if self.lab.mode == "rootless":
            subprocess.run(["chown", "-hR", f"{self.lab.uid}:{self.lab.gid}", self.path], check=True)
        return self.path


class Lab:
    """One run of one test in one mode: scratch directory, canary, launcher."""

    def __init__(self, mode):
        self.mode = mode
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="casemate-security."))
        os.chmod(self.scratch, 0o755)
        self.uid = self.gid = 0
        self.state = self.scratch / "state"
        self.state.mkdir(mode=0o700)
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
        self.words = []
        self.binary = self._copy_programs()
        if mode == "rootless":
            self._become_user()
        self.canary = self.scratch / "host"
        self._plant_canary()
        self.bundles = 0

    def _copy_programs(self):
        target = self.scratch / "programs"
        target.mkdir(mode=0o755)
        built = pathlib.Path(os.environ.get("CASEMATE", pathlib.Path(__file__).parents[2] / "build/release/casemate")).resolve()
        for program in built.parent.glob("casemate*"):
            if program.is_file() and os.access(program, os.X_OK):
                shutil.copy(program, target)
        return target / built.name

    def _become_user(self):
        try:
            entry = pwd.getpwnam(TEST_USER)
        except KeyError:
            subprocess.run(["flock", "/run/lock/casemate-test-user", "useradd", "--create-home", TEST_USER], check=False)
            entry = pwd.getpwnam(TEST_USER)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        for name in ("runtime", "data"):
            (self.scratch / name).mkdir(mode=0o700)
            os.chown(self.scratch / name, self.uid, self.gid)
        os.chown(self.state, self.uid, self.gid)
        self.environment |= {"HOME": entry.pw_dir, "XDG_RUNTIME_DIR": str(self.scratch / "runtime"), "XDG_DATA_HOME": str(self.scratch / "data"), "USER": TEST_USER}
        self.words = ["setpriv", "--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]

    def _plant_canary(self):
        for directory in ("etc", "empty", "dev"):
            (self.canary / directory).mkdir(parents=True)
        (self.canary / "etc/shadow").write_text("root:canary\n")
        (self.canary / "file").write_text("canary\n")
        (self.canary / "dev/ptmx").write_text("canary\n")
        (self.canary / "link").symlink_to("file")
        # Writable for whoever the container's root is outside: what it could reach, it could change.
        os.chmod(self.canary, 0o777)
        for path in self.canary.rglob("*"):
            if not path.is_symlink():
                os.chmod(path, 0o777 if path.is_dir() else 0o666)

    def bundle(self):
        self.bundles += 1
        return Bundle(self, f"bundle{self.bundles}")

    def casemate(self, *arguments, timeout=TIMEOUT, **more):
        # "security" stands for this run's own container: control groups go by the id, and tests run beside each other.
        arguments = [self.scratch.name if argument == "security" else argument for argument in arguments]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        return Result(subprocess.run([*self.words, str(self.binary), "--root", str(self.state), *map(str, arguments)],
                                     env=self.environment, timeout=timeout, cwd=self.scratch, check=False, **streams))

    def run(self, bundle, **more):
        """`run` of the bundle in the foreground."""
        bundle.save()
        return self.casemate("run", "--bundle", bundle.path, "security", **more)

    # What a test asserts with.
    def check(self, good, message):
        if not good:
            raise Failure(f"{self.mode}: {message}")

    def refused(self, result, *texts):
        """It did not run, says why in one error, and nothing was printed by the app."""
        self.check(result.code != 0, f"was not refused: {result}")
        self.check(result.out == "", f"the app ran: {result}")
        self.check(result.err.count("casemate: ") - result.err.count("casemate: warning") == 1, f"not one error line: {result}")
        for text in texts:
            self.check(text in result.err, f"the error does not say {text!r}: {result}")

    def ran(self, result, output=None):
        self.check(result.code == 0, f"did not run: {result}")
        if output is not None:
            self.check(result.out.strip() == output, f"printed {result.out!r}, expected {output!r}")

    def refused_or_ran(self, result):
        """Either is right: what counts is what the harness compares afterwards."""
        self.check(result.code == 0 or result.err, f"failed without a word: {result}")

    # H1: before and after.
    def snapshot(self):
        digest = hashlib.sha256()
        for path in sorted([self.canary, *self.canary.rglob("*")]):
            status = path.lstat()
            digest.update(repr((str(path), status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_mtime_ns)).encode())
            digest.update(repr(sorted((name, os.getxattr(path, name, follow_symlinks=False)) for name in os.listxattr(path, follow_symlinks=False))).encode())
            if path.is_symlink():
                digest.update(os.readlink(path).encode())
            elif path.is_file():
                digest.update(path.read_bytes())
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        return digest.hexdigest(), mounts

    def residue(self):
        """What of this test is still there: state, processes, mounts below the scratch directory."""
        found = [str(path) for path in self.state.rglob("*") if ".ids" not in path.parts]
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                exe = os.readlink(process / "exe")
                if exe.startswith(str(self.scratch)) or (os.readlink(process / "ns/mnt") != os.readlink("/proc/self/ns/mnt") and str(self.scratch) in (process / "mountinfo").read_text()):
                    found.append(f"process {process.name} {exe}")
            except OSError:
                continue
        return found

    def nothing_left(self):
        """What was killed may take a moment to be gone."""
        deadline = time.monotonic() + 3
        while (left := self.residue()) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.check(not left, f"left behind: {left}")

    def probe(self):
        """H6: the sandbox is whole, seen from inside, on this attack's root file system's twin."""
        twin = self.bundle()
        twin.save()
        result = self.casemate("probe", "--format", "json", f"rootfs:{twin.rootfs}")
        self.check(result.code == 0, f"the probe is red: {result}")

    def close(self):
        for name in self.residue():
            if name.startswith("process "):
                os.kill(int(name.split()[1]), signal.SIGKILL)
        for mount in reversed([line.split()[4] for line in open("/proc/self/mountinfo", encoding="utf-8") if line.split()[4].startswith(str(self.scratch))]):
            subprocess.run(["umount", "-l", mount], check=False)
        # Not shutil: it recurses, and a tree may be thousands of directories deep.
        subprocess.run(["rm", "-rf", "--one-file-system", self.scratch], check=False)


def one_mode(mode, attack):
    lab = Lab(mode)
    try:
        before = lab.snapshot()
        attack(lab)
        after = lab.snapshot()
        lab.check(before[0] == after[0], "the canary tree of the host changed")
        lab.check(before[1] == after[1], "the host's mount table changed")
        lab.nothing_left()
        lab.probe()
    finally:
        lab.close()


def describe(path):
    text = ast.get_docstring(ast.parse(pathlib.Path(path).read_text()))
    head, _, rest = text.partition("\n")
    ids, _, was = head.partition(": ")
    fields = {"file": pathlib.Path(path).name, "ids": ids.split(", "), "was": was}
    for line in rest.splitlines():
        name, found, value = line.partition(": ")
        if found and name in ("Invariant", "Section", "Modes"):
            fields[name.lower()] = value
    return fields


def enter_private(own_network=False):
    """Runs the program again in a mount namespace of its own: what an attack mounts, or escapes to, is not the machine's."""
    if not os.environ.get("CASEMATE_SECURITY_PRIVATE"):
        os.environ["CASEMATE_SECURITY_PRIVATE"] = "1"
        spaces = ["--mount", "--propagation", "private"] + (["--net"] if own_network else [])
        os.execvp("unshare", ["unshare", *spaces, sys.executable, *sys.argv])


def main(attack, modes=("root", "userns", "rootless"), own_network=False):
    """Called by each test file: main(attack). own_network: the test's "host network" is a new one, without the sockets of other programs."""
    path = sys.argv[0]
    if "--describe" in sys.argv:
        print(json.dumps(describe(path)))
        return
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    enter_private(own_network)
    # The harness's umask is nobody's business but its own.
    os.umask(0o022)
    failed = 0
    for mode in modes:
        try:
            one_mode(mode, attack)
            print(f"ok {mode}")
        except Failure as failure:
            print(f"not ok {failure}")
            failed += 1
    sys.exit(1 if failed else 0)
