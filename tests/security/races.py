#!/usr/bin/env python3
"""Races made certain (SECURITY H3): at each system call of the launcher that has to do with paths, the hostile swap happens.

security_stepper stops the launcher before the n-th such call and lets a directory and a link to the host change places, or
mounts something over it; for that one call, or for good. After each run nothing of the host's canary tree has changed, and
the container was either refused or is the one that it would have been. A random mode swaps as fast as it can instead.

races.py [--sweep] [--scene NAME] [--planted]
  --sweep    every call of every scene; else a sample that ends within a minute
  --scene    only this one (races.py --list)
  --planted  a launcher that resolves paths as strings is run in place of casemate: it must be caught
Exit codes: 0 all held, 1 not, 77 a need is unmet. The last line counts.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from harness import Failure, Lab, Result

SAMPLE_STOPS = 9  # stops a way of swapping, in the sample
RANDOM_RUNS = {False: 6, True: 120}
SWAP_LOOP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
pairs = [(os.fsencode(a), os.fsencode(b)) for a, b in zip(sys.argv[1::2], sys.argv[2::2])]
while True:
    for a, b in pairs:
        libc.renameat2(-100, a, -100, b, 2)
        libc.renameat2(-100, a, -100, b, 2)
"""
# Whatever name the container's procfs has by then.
LOOK = "p=/proc; [ -e $p/self/status ] || p=/evil-proc; cat $p/self/mountinfo; grep -E '^(Seccomp|NoNewPrivs|Cap...|Uid|Gid|Groups):' $p/self/status; cat /etc/secret /evil-etc/secret; echo end"


def tool(name):
    path = pathlib.Path(os.environ.get("CASEMATE", pathlib.Path(__file__).parents[2] / "build/release/casemate")).resolve().parent / "tests" / name
    if not path.exists():
        sys.exit(f"no {path}: run scripts/build")
    return path


class Scene:
    """A victim: how it is set up, which command is stepped through, what may change places, and what its output tells."""
    whole = True  # what comes of it is all that it would have been, or nothing

    def __init__(self, lab):
        self.lab = lab
        self.exchanges, self.covers = [], []
        self.command = []
        self.build()

    def build(self): ...
    def prepare(self): ...
    def finish(self, result):
        return result
    def end(self): ...
    def clean(self): ...

    def link(self, directory, target):
        """A link to TARGET beside DIRECTORY, to change places with it."""
        evil = directory.with_name("evil-" + directory.name)
        evil.symlink_to(target)
        self.exchanges.append((directory, evil))

    def settle(self):
        """After a swapper was killed: every directory under its own name again."""
        for directory, evil in self.exchanges:
            if directory.is_symlink():
                spare = pathlib.Path(f"{directory}.spare")
                os.rename(directory, spare), os.rename(evil, directory), os.rename(spare, evil)
        self.clean()

    def picture(self, output):
        """What the app saw, without what differs from run to run, and with swapped names under their own."""
        text = re.sub(r"evil-(\w+)", r"\1", output)
        # What an attacker has mounted there is there; what counts is everything else.
        covered = [str(target).removeprefix(str(self.lab.scratch)) for _, target in self.covers]
        lines = []
        for line in text.replace("\r", "").splitlines():
            fields = line.split()
            if " - " in line and len(fields) > 8:
                # Id, parent, device and root of a mount are others each time; the size of a tmpfs is not.
                if "/host/decoy" in fields[3] and any(name.endswith(fields[4].removeprefix("/vol")) for name in covered):
                    continue
                line = " ".join([fields[4], fields[5], *fields[fields.index("-") + 1:][:1]])
            lines.append(line)
        return sorted(lines)


class RunScene(Scene):
    """`run` of a bundle with mounts in the image, missing ones, ones below a volume that a neighbour shares, and masks."""
    verb = ("run",)

    def bundle_of(self):
        bundle = self.lab.bundle()
        volume = self.volume = self.lab.scratch / "volume"
        for directory in (bundle.rootfs / "data/a/b", bundle.rootfs / "data/ro", bundle.rootfs / "vol", volume / "a/b", self.lab.scratch / "source/inner"):
            directory.mkdir(parents=True)
        (bundle.rootfs / "etc/secret").write_text("secret\n")
        (self.lab.scratch / "source/file").write_text("source\n")
        (volume / "a/hidden").write_text("secret\n")
        for path in (volume, *volume.rglob("*"), self.lab.scratch / "source"):
            os.chown(path, self.lab.uid, self.lab.gid)
        self.link(bundle.rootfs / "data/a", self.lab.canary)
        self.link(bundle.rootfs / "etc", self.lab.canary / "etc")
        self.link(bundle.rootfs / "dev", self.lab.canary / "dev")
        self.link(bundle.rootfs / "proc", "../../host")
        self.link(volume / "a", self.lab.canary)
        self.link(bundle.rootfs, self.lab.canary)
        self.covers = [(self.lab.canary / "decoy", bundle.rootfs / "data/a"), (self.lab.canary / "decoy", volume / "a")]
        self.rootfs = bundle.rootfs
        return bundle

    def build(self):
        bundle = self.bundle_of()
        bundle.mount("/data/a/b", "tmpfs", "nosuid", kind="tmpfs").mount("/data/a/new/deep", "tmpfs", "nosuid", kind="tmpfs")
        bundle.mount("/vol", self.volume, "rbind", "rw").mount("/vol/a/b", "tmpfs", "nosuid", kind="tmpfs")
        bundle.mount("/etc/made", self.lab.scratch / "source/file", "bind", "ro")
        bundle.config["linux"]["maskedPaths"] += ["/etc/secret", "/vol/a/hidden"]
        bundle.config["linux"]["readonlyPaths"] += ["/data/ro"]
        self.bundle = bundle.shell(LOOK)
        bundle.save()
        self.command = [*self.verb, "--bundle", bundle.path, "security"]

    def clean(self):
        shutil.rmtree(self.rootfs / "data/a/new", ignore_errors=True)
        (self.rootfs / "etc/made").unlink(missing_ok=True)


class CreateScene(RunScene):
    """`create`, stepped through; then `start` and the end as usual."""
    verb = ("create",)

    def end(self):
        self.lab.casemate("delete", "--force", "security")


class LaunchScene(RunScene):
    """`launch` under hardened, with a volume and mount points below it."""

    def build(self):
        bundle = self.bundle_of()
        # The root's own name is the caller's word, which may be a link: it is looked up once.
        self.exchanges = [pair for pair in self.exchanges if pair[0] != bundle.rootfs]
        bundle.save()
        self.command = ["launch", "--volume", f"{self.volume}:/vol", "--tmpfs", "/data/a/b", "--tmpfs", "/data/a/new/deep", "--tmpfs", "/vol/a/b",
                        "--volume", f"{self.lab.scratch}/source/file:/etc/made:ro", f"rootfs:{bundle.rootfs}", "--", "/bin/sh", "-c",
                        "export PATH=/bin; " + LOOK.replace("cat /etc/secret; ", "")]


class ExecScene(Scene):
    """`exec` into a container whose own files change places under the newcomer."""

    def build(self):
        bundle = self.lab.bundle()
        (bundle.rootfs / "work").mkdir()
        (bundle.rootfs / "tool").mkdir()
        shutil.copy("/bin/busybox", bundle.rootfs / "tool/sh")
        for name, target in (("work", self.lab.canary), ("tool", self.lab.canary), ("etc", self.lab.canary / "etc"), ("bin", "../../host")):
            self.link(bundle.rootfs / name, target)
        bundle.shell("sleep 600").save()
        self.covers = [(self.lab.canary / "decoy", bundle.rootfs / "work")]
        started = self.lab.casemate("run", "--detach", "--bundle", bundle.path, "security", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.lab.check(started.code == 0, "the container does not start")
        self.command = ["exec", "--cwd", "/work", "security", "/tool/sh", "-c", "busybox() { /tool/sh \"$@\"; }; pwd; while read line; do echo \"$line\"; done </proc/self/mountinfo; "
                        "while read name rest; do case $name in Cap*|Seccomp:|NoNewPrivs:|Uid:|Gid:) echo $name $rest ;; esac; done </proc/self/status"]

    def close(self):
        self.lab.casemate("delete", "--force", "security")


class DeleteScene(Scene):
    """`delete` of a stopped container: what is at the places of the image and of its mount points is nobody's business."""

    def build(self):
        bundle = self.lab.bundle()
        (bundle.rootfs / "data/a/b").mkdir(parents=True)
        self.bundle = bundle.mount("/data/a/b", "tmpfs", "nosuid", kind="tmpfs").mount("/data/a/new", "tmpfs", "nosuid", kind="tmpfs").shell("true")
        bundle.save()
        self.link(bundle.rootfs / "data/a", self.lab.canary)
        self.link(bundle.rootfs / "data", self.lab.canary)
        self.link(bundle.rootfs, self.lab.canary)
        self.command = ["delete", "--force", "security"]

    def prepare(self):
        self.lab.ran(self.lab.casemate("run", "--detach", "--bundle", self.bundle.path, "security", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


class UnpackScene(Scene):
    """`unpack`: directories of the new tree become links while later entries, and removals of a second layer, go there. Who can
    do that owns the tree, and gets what he makes of it; but nothing beside it is written or removed."""
    whole = False

    def build(self):
        sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "data/image"))
        from layout import Layout
        from tarbytes import END, directory, header, member, symlink
        base = [directory("./", mode=0o755), *(entry for name in "abc" for entry in (directory(name), directory(f"{name}/sub"), member(f"{name}/sub/file", b"1"), member(f"{name}/etc", b"2"))),
                directory("etc"), member("etc/shadow", b"image's"), symlink("late", "a"), header("hard", kind="1", link="a/sub/file")]
        above = [member("a/.wh.sub"), member("b/.wh..wh..opq"), member("b/new", b"3"), directory("c", mode=0o700), member("c/sub/file", b"4"),
                 member(".wh.hard"), member("late/through", b"5"), member("etc/.wh.shadow")]
        layout = Layout(str(self.lab.scratch / "layout"))
        layout.finish([layout.image([layout.layer(b"".join(base) + END, "+gzip"), layout.layer(b"".join(above) + END, "+gzip")], config={"Cmd": ["/a"]})])
        self.target = self.lab.scratch / "out"
        self.target.mkdir()
        os.chown(self.target, self.lab.uid, self.lab.gid)
        evil = self.evil = self.lab.scratch / "evil"
        self.settle()
        # The tree may be anywhere below: the first match counts.
        for name in ("a", "b", "c", "etc"):
            self.exchanges.append((f"{self.target}/*/rootfs/{name}", evil / name))
            self.exchanges.append((f"{self.target}/.*/rootfs/{name}", evil / name))
        self.exchanges.append((f"{self.target}/bundle/rootfs", evil / "rootfs"))
        self.command = ["unpack", self.lab.scratch / "layout", self.target / "bundle"]

    def finish(self, result):
        bundle = self.target / "bundle"
        if result.code == 0:
            for path in sorted((bundle / "rootfs").rglob("*")):
                what = "link " + os.readlink(path) if path.is_symlink() else "directory" if path.is_dir() else path.read_text()
                result.out += f"{path.relative_to(bundle)} {oct(path.lstat().st_mode)} {what}\n"
        else:
            self.lab.check(not bundle.exists(), f"refused, and left a bundle: {result}")
        return result

    def settle(self):
        subprocess.run(["rm", "-rf", "--one-file-system", self.evil], check=True)
        self.evil.mkdir()
        for name, below in (("a", "."), ("b", "."), ("c", "etc"), ("etc", "etc"), ("rootfs", ".")):
            (self.evil / name).symlink_to(self.lab.canary / below)
        self.clean()

    def clean(self):
        subprocess.run(["rm", "-rf", "--one-file-system", *self.target.iterdir()], check=True)


class NaiveScene(Scene):
    """A launcher that looks first and uses the path afterwards. No casemate: the one that must be caught."""

    def build(self):
        self.rootfs = self.lab.bundle().rootfs
        (self.rootfs / "data/a/b").mkdir(parents=True)
        self.link(self.rootfs / "data/a", self.lab.canary)
        shutil.copy(tool("security_naive"), self.lab.binary.parent / "naive")
        self.command = [self.rootfs, "/data/a/b", "/data/a/new"]

    def clean(self):
        shutil.rmtree(self.rootfs / "data/a/new", ignore_errors=True)
        (self.rootfs / "data/a/b/made").unlink(missing_ok=True)


SCENES = {f"{verb} {mode}": (kind, mode) for verb, kind, modes in (
    ("run", RunScene, ("root", "userns", "rootless")), ("launch", LaunchScene, ("root", "rootless")), ("create", CreateScene, ("root", "rootless")),
    ("exec", ExecScene, ("root", "userns", "rootless")), ("delete", DeleteScene, ("root", "rootless")), ("unpack", UnpackScene, ("root", "rootless"))) for mode in modes}


class Racer:
    """Runs one scene stop by stop, and judges each run."""

    def __init__(self, scene, binary=None):
        self.scene, self.lab = scene, scene.lab
        self.binary = binary or self.lab.binary
        self.report = self.lab.scratch / "report"
        self.words = [*self.lab.words, str(self.binary)] + ([] if binary else ["--root", str(self.lab.state)])
        self.stepped = self.refused = self.right = 0
        self.escapes = []
        # What covers a directory has all that the launcher would have to make in it.
        for name in ("decoy/b", "decoy/new/deep"):
            (self.lab.canary / name).mkdir(parents=True)
        (self.lab.canary / "decoy/hidden").write_text("secret\n")
        self.before = self.lab.snapshot()
        self.calls = self.baseline = None

    def run(self, at=None, swaps=(), back=False, traced=True):
        tracer = [str(tool("security_stepper")), "--programs", str(self.lab.binary.parent), "--report", str(self.report)]
        tracer += ["--at", at] if at else []
        tracer += ["--back"] if back else []
        for kind, first, second in swaps:
            tracer += [f"--{kind}", str(first), str(second)]
        command = [self.lab.scratch.name if word == "security" else str(word) for word in self.scene.command]
        self.scene.prepare()
        # A file and not a pipe: a container that is only created holds it open.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            done = subprocess.run([*(tracer + ["--"] if traced else []), *self.words, *command], env=self.lab.environment, cwd=self.lab.scratch,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=60, check=False)
            if self.scene.command[0] == "create" and done.returncode == 0:
                self.start(done)
            out.seek(0), err.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        self.scene.end()
        if not traced:
            return None
        result = self.scene.finish(Result(done))
        self.scene.clean()
        return result

    def start(self, done):
        started = self.lab.casemate("start", "security")
        done.returncode = started.code
        deadline = time.monotonic() + 10
        while '"stopped"' not in self.lab.casemate("state", "security").out and time.monotonic() < deadline:
            time.sleep(0.005)

    def judge(self, result, what):
        after = self.lab.snapshot()
        if after != self.before:
            self.escapes.append(f"{what}: the host has changed")
            self.before = after
        elif result.code != 0 and result.err.startswith("casemate: "):
            self.refused += 1
        elif self.scene.picture(result.out) == self.baseline or (not self.scene.whole and result.code == 0):
            self.right += 1
        else:
            self.escapes.append(f"{what}: neither refused nor as it would have been: {self.difference(result)}")

    def difference(self, result):
        seen = self.scene.picture(result.out)
        missing, more = [line for line in self.baseline if line not in seen], [line for line in seen if line not in self.baseline]
        return f"code {result.code}, not there: {missing[:8]}, in its place: {more[:8]}, said {result.err[-300:]!r}"

    def start_quietly(self):
        result = self.run()
        self.lab.check(result.code == 0, f"without a swap it does not run: {result}")
        self.baseline = self.scene.picture(result.out)
        self.calls = self.report.read_text().split("\n")[:-1]
        self.lab.check(self.lab.snapshot() == self.before, "without a swap the host has changed")

    def ways(self):
        exchanges = [("exchange", *pair) for pair in self.scene.exchanges]
        covers = [("cover", *pair) for pair in self.scene.covers]
        # For one call only, all at once is as good as one by one; for good, the first would hide the others.
        yield "each, for one call", exchanges, True
        if covers:
            yield "covered, for one call", covers, True
        for swap in exchanges + covers:
            yield f"{swap[0]} {pathlib.Path(swap[1]).name}, for good", [swap], False

    def step_through(self, stops):
        """STOPS a way of swapping, evenly spread; 0: at every call, and those that also see what follows at every few."""
        for number, (name, swaps, back) in enumerate(self.ways()):
            width = max(1, len(self.calls) // stops) if stops else 1 if number == 0 else 4 if back else 8
            for line in self.calls[number % width::width]:
                at, _, call = line.partition(" ")
                result = self.run(at, swaps, back)
                self.stepped += self.report.read_text().endswith("swapped\n")
                self.judge(result, f"{name}, before {call} ({at})")

    def race_by_luck(self, runs):
        pairs = [str(name) for pair in self.scene.exchanges for name in pair if "*" not in str(pair[0])]
        for _ in range(runs):
            swapper = subprocess.Popen([sys.executable, "-c", SWAP_LOOP, *pairs])
            try:
                self.run(traced=False)
            finally:
                swapper.kill()
                swapper.wait()
            self.scene.settle()
            # What came of it depends on the moment: only the host counts.
            after = self.lab.snapshot()
            if after != self.before:
                self.escapes.append("by luck: the host has changed")
            self.before = after



def one_scene(name, sweep):
    kind, mode = SCENES[name]
    lab = Lab(mode)
    scene = None
    try:
        scene = kind(lab)
        racer = Racer(scene)
        racer.start_quietly()
        racer.step_through(0 if sweep else SAMPLE_STOPS)
        racer.race_by_luck(RANDOM_RUNS[sweep])
        if hasattr(scene, "close"):
            scene.close()
        left = lab.residue()
        lab.check(not left, f"left behind: {left}")
        lab.probe()
        for escape in racer.escapes[:5]:
            print(f"not ok {name}: {escape}")
        print(f"{name}: stepped {racer.stepped}, refused {racer.refused}, right {racer.right}, by luck {RANDOM_RUNS[sweep]}, escaped {len(racer.escapes)}, of {len(racer.calls)} calls")
        return not racer.escapes
    except Failure as failure:
        print(f"not ok {name}: {failure}\n{name}: stepped 0, by luck 0, escaped 1")
        return False
    finally:
        lab.close()


def planted():
    lab = Lab("root")
    try:
        racer = Racer(NaiveScene(lab), lab.binary.parent / "naive")
        racer.start_quietly()
        racer.step_through(0)
        print(f"races: the planted one was caught {len(racer.escapes)} times in {racer.stepped} stops")
        return len(racer.escapes) >= 2
    finally:
        lab.close()


def all_scenes(arguments):
    """Each in a process and a mount namespace of its own, two at a time."""
    def run(name):
        return subprocess.run([sys.executable, __file__, "--scene", name, *(["--sweep"] if arguments.sweep else [])], stdout=subprocess.PIPE, text=True, check=False)
    counts, good = {"stepped": 0, "by luck": 0, "escaped": 0}, True
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in pool.map(run, SCENES):
            print(done.stdout, end="", flush=True)
            good = good and done.returncode == 0
            for what in counts:
                found = re.findall(rf"{what} (\d+)", done.stdout.splitlines()[-1] if done.stdout else "")
                counts[what] += int(found[0]) if found else 1
    print(f"races: {len(SCENES)} scenes, stepped {counts['stepped']}, by luck {counts['by luck']}, escaped {counts['escaped']}")
    return good and counts["escaped"] == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--scene", choices=SCENES)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(SCENES))
        return 0
    if os.geteuid() != 0:
        print("skipped: needs root")
        return 77
    if not arguments.scene and not arguments.planted:
        return 0 if all_scenes(arguments) else 1
    if not os.environ.get("CASEMATE_SECURITY_PRIVATE"):
        os.environ["CASEMATE_SECURITY_PRIVATE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    os.umask(0o022)
    return 0 if (planted() if arguments.planted else one_scene(arguments.scene, arguments.sweep)) else 1


sys.exit(main())
