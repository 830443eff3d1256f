"""The scenes of races.py: what is stepped through, what changes places meanwhile, and what the app then sees.

A link to the host's canary tree takes the place of a directory of the image, of a volume, or of the tree that is being made.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

# Whatever name the container's procfs has by then; found once, as the name may change between two looks.
LOOK = "cd /proc/self || cd /evil-proc/self; cat mountinfo; grep -E '^(Seccomp|NoNewPrivs|Cap...|Uid|Gid|Groups):' status; cat /etc/secret /evil-etc/secret; echo end"


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
        self.exchanges, self.covers, self.always = [], [], []
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
        self.link(bundle.rootfs / "sys", "../../host")
        self.always = [(f"{directory.name}/", (directory, evil)) for directory, evil in self.exchanges if directory.name in ("proc", "sys")]
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
