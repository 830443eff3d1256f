#!/usr/bin/env python3
"""Real images, made by mmdebstrap, umoci, buildah and skopeo in every form they know, unpacked by casemate-unpack (into one
directory, and into the store), by umoci, and mounted by podman: the same tree. Compared are type, mode, owner, link
target, number of names, extended attributes and content of every file. What may differ is in EXPLAINED, with its reason.
"""
import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(os.environ["CASEMATE_SOURCE"])
UNPACK = pathlib.Path(os.environ["CASEMATE"]).with_name("casemate-unpack")
CACHE = pathlib.Path(os.environ["CASEMATE_IMAGE_CACHE"])
sys.path.insert(0, str(SOURCE / "tests/data/image"))
from layout import Layout, docker_archive  # noqa: E402
from tarbytes import END, directory, header, member, symlink  # noqa: E402

EXPLAINED = {
    "device": "decision 0004: device nodes of layers are never made",
    "foreign xattr": "SECURITY U10: only user.* and security.capability are taken over",
    "podman's root": "containers/storage makes the root directory itself, mode 0555, where no layer above the first names it",
    "links across layers": "overlayfs: a new name of a lower file that has others is a copy; containers/storage fails at such a layer",
    "below a link": "containers/storage replaces a link of a lower layer by the directory that a name goes through",
    "sparse entries": "decision 0004: readers disagree about them; a file with holes is packed and unpacked as any other",
}


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.decode()[-800:]}")
    return done.stdout.decode()


def describe(path):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        return None
    facts = {"type": oct(kind), "mode": oct(stat.S_IMODE(status.st_mode)), "owner": f"{status.st_uid}:{status.st_gid}"}
    if kind == stat.S_IFLNK:
        facts["link"] = os.readlink(path)
        return facts
    names = [name for name in os.listxattr(path, follow_symlinks=False)
             if (name.startswith("user.") and not name.startswith("user.overlay.")) or name == "security.capability"]
    facts["xattrs"] = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in sorted(names)}
    if kind == stat.S_IFREG:
        facts["names"] = status.st_nlink
        with open(path, "rb") as file:
            facts["content"] = hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(file.read()).hexdigest()
    return facts


def tree(root):
    found = {}
    for where, directories, files in os.walk(root):
        for name in directories + files:
            path = os.path.join(where, name)
            if (facts := describe(path)) is not None:
                found[os.path.relpath(path, root)] = facts
    found["."] = describe(root)
    return found


def differences(ours, theirs, links_may_differ):
    for path in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(path), theirs.get(path)
        if a is None or b is None:
            yield f"{path}: only in {'theirs' if a is None else 'ours'}"
            continue
        for key in sorted(a.keys() | b.keys()):
            if a.get(key) != b.get(key) and not (key == "names" and links_may_differ):
                yield f"{path}: {key}: {a.get(key)}, theirs {b.get(key)}"


class Workshop:
    def __init__(self, work):
        self.work = work
        self.images = []  # name, SOURCE for casemate-unpack, transport for skopeo
        self.storage = ["--root", work / "containers", "--runroot", work / "containers-run", "--storage-driver", "overlay"]

    def add(self, name, source, transport):
        self.images.append((name, source, transport))

    def base(self):
        tar = CACHE / "debian-small.tar"
        if not tar.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            run("mmdebstrap", "--variant=extract", "--include=base-files,base-passwd,libc6,coreutils,dash,tzdata,login,mount", "bookworm", tar)
        return tar

    def by_umoci(self, tar):
        layout = self.work / "umoci"
        run("umoci", "init", "--layout", layout)
        run("umoci", "new", "--image", f"{layout}:debian")
        run("umoci", "raw", "add-layer", "--image", f"{layout}:debian", tar)
        self.add("umoci: debian, one layer", f"{layout}:debian", f"oci:{layout}:debian")
        bundle = self.work / "bundle"
        run("umoci", "unpack", "--image", f"{layout}:debian", bundle)
        root = bundle / "rootfs"
        shutil.rmtree(root / "usr/share/doc", ignore_errors=True)
        (root / "etc/motd").unlink(missing_ok=True)
        (root / "opt/app").mkdir(parents=True)
        (root / "opt/app/config").write_text("changed\n")
        os.chmod(root / "opt/app/config", 0o640)
        os.link(root / "opt/app/config", root / "opt/app/second-name")
        os.symlink("../../etc", root / "opt/app/link")
        os.setxattr(root / "opt/app/config", "user.note", b"kept \x00 as it is")
        with open(root / "opt/app/holes", "wb") as holes:
            holes.seek(3 << 20)
            holes.write(b"end")
        os.chown(root / "opt/app", 1001, 1002)
        run("umoci", "repack", "--image", f"{layout}:changed", bundle)
        self.add("umoci: removals, links, xattrs", f"{layout}:changed", f"oci:{layout}:changed")
        for number in range(6):
            (root / f"opt/app/file{number}").write_text(str(number))
            if number:
                (root / f"opt/app/file{number - 1}").unlink()
            run("umoci", "repack", "--refresh-bundle", "--image", f"{layout}:many", bundle)
        self.add("umoci: many layers", f"{layout}:many", f"oci:{layout}:many")
        return layout

    def by_skopeo(self, layout):
        for name, target, more in [
                ("docker archive", f"docker-archive:{self.work}/docker.tar:app:1", []),
                ("OCI archive", f"oci-archive:{self.work}/oci.tar:app", []),
                ("zstd", f"oci:{self.work}/zstd:app", ["--dest-compress-format", "zstd", "--dest-force-compress-format"]),
                ("zstd archive", f"oci-archive:{self.work}/zstd.tar:app", ["--dest-compress-format", "zstd", "--dest-force-compress-format"])]:
            done = subprocess.run(["skopeo", "copy", "-q", *more, f"oci:{layout}:many", target], stderr=subprocess.PIPE)
            if done.returncode and more:  # older than 1.11: no --dest-force-compress-format
                run("skopeo", "copy", "-q", *more[:2], f"oci:{layout}:many", target)
            path = target.split(":")[1]
            # umoci reads no zstd: it gets the image that this one was made of.
            self.add(f"skopeo: {name}", path, f"oci:{layout}:many" if more else target)
        for packed in ("docker.tar", "oci.tar"):
            run("gzip", "-1", "-k", self.work / packed)
            self.add(f"gzip of {packed}", self.work / f"{packed}.gz", None)

    def by_buildah(self, layout):
        buildah = ["buildah", *self.storage]
        container = run(*buildah, "from", f"oci:{layout}:debian").strip()
        mounted = pathlib.Path(run(*buildah, "mount", container).strip())
        (mounted / "srv/data").mkdir(parents=True)
        (mounted / "srv/data/big").write_bytes(b"x" * (1 << 20))
        long = "very-long-name-" * 12
        (mounted / "srv" / long).mkdir()
        (mounted / "srv" / long / ("and-" * 50)).write_text("deep")
        (mounted / "srv/ünïcode ☃").write_text("names")
        shutil.rmtree(mounted / "usr/share/locale", ignore_errors=True)
        os.chmod(mounted / "srv/data", 0o1777)
        os.mkfifo(mounted / "srv/pipe")
        for form in ("oci", "docker"):
            run(*buildah, "commit", "-q", "--format", form, container, f"oci-archive:{self.work}/buildah-{form}.tar")
            self.add(f"buildah: {form} format", self.work / f"buildah-{form}.tar", f"oci-archive:{self.work}/buildah-{form}.tar")
        run(*buildah, "commit", "-q", "--squash", container, f"oci:{self.work}/squashed:app")
        self.add("buildah: squashed", f"{self.work}/squashed:app", f"oci:{self.work}/squashed:app")
        run(*buildah, "commit", "-q", "--disable-compression", container, f"oci:{self.work}/plain:app")
        self.add("buildah: not compressed", f"{self.work}/plain:app", f"oci:{self.work}/plain:app")
        run(*buildah, "rm", container)

    def by_hand(self):
        """What tools seldom write, and images of the field still have."""
        lower = b"".join([directory("a"), member("a/x", b"x"), directory("a/sub"), member("a/sub/y", b"y"), directory("b"), member("b/z", b"z"),
                          symlink("via", "a"), member("one", b"same"), header("two", kind="1", link="one"), END])
        upper = b"".join([directory("a"), member("a/.wh..wh..opq"), member("a/new", b"new"), member(".wh.b"),
                          member("setid", b"s", mode=0o4755), END])
        across = b"".join([member("via/through", b"t"), header("three", kind="1", link="two"), END])
        top = b"".join([directory("b"), member("b/again", b"again"), member("a/.wh.new"), END])
        for name, tars in ("opaque, set-id", (lower, upper, top)), ("links across layers", (lower, across)):
            layout = Layout(str(self.work / name.split()[0].strip(",")))
            layout.finish([layout.image([layout.layer(tar, "+gzip") for tar in tars], ref="app")])
            self.add(f"by hand: {name}", f"{layout.path}:app", f"oci:{layout.path}:app")
        docker_archive(str(self.work / "old.tar"), [lower, top], old=True)
        self.add("docker archive, old form", self.work / "old.tar", f"docker-archive:{self.work}/old.tar")


class Judge:
    def __init__(self, work, storage):
        self.work, self.storage, self.failed, self.seen = work, storage, 0, set()

    def compare(self, name, other, ours, theirs, links_may_differ=False):
        found = list(differences(ours, theirs, links_may_differ))
        for line in found[:10]:
            print(f"FAILED: {name}: {other}: {line}")
        self.failed += bool(found)

    def judge(self, number, name, source, transport):
        here = self.work / f"judged{number}"
        here.mkdir(mode=0o700)
        run(UNPACK, "--progress", "never", "--setid", "keep", source, here / "ours")
        ours = tree(here / "ours/rootfs")
        self.store(name, here, source, ours)
        if transport:
            # umoci reads layouts only; skopeo brings every form into one.
            run("skopeo", "copy", "-q", transport, f"oci:{here}/layout:app")
            run("umoci", "unpack", "--image", f"{here}/layout:app", here / "umoci")
            self.compare(name, "umoci", ours, tree(here / "umoci/rootfs"))
            if "links across layers" not in name:
                self.podman(name, here, ours)
        print(f"{name}: {len(ours)} files", flush=True)
        shutil.rmtree(here)

    def store(self, name, here, source, ours):
        (here / "store").mkdir(mode=0o700)
        run(UNPACK, "--progress", "never", "--setid", "keep", "--store", here / "store/keep", source)
        (image,) = (here / "store/keep/images").iterdir()
        layers = [here / "store/keep/layers" / layer["chain"] / "fs" for layer in json.loads((image / "image.json").read_text())["layers"]]
        view = layers[0]
        if len(layers) > 1:
            view = here / "view"
            view.mkdir()
            lower = ":".join(str(layer) for layer in reversed(layers))
            run("mount", "-t", "overlay", "overlay", "-o", f"ro,userxattr,lowerdir={lower}", view)
        self.compare(name, "store", ours, tree(view), links_may_differ="across layers" in name)
        if len(layers) > 1:
            run("umount", view)

    def podman(self, name, here, ours):
        podman = ["podman", *self.storage]
        image = run(*podman, "pull", "-q", f"oci:{here}/layout:app").strip().splitlines()[-1]
        mounted = run(*podman, "image", "mount", image).strip()
        theirs = tree(mounted)
        theirs["."]["mode"] = ours["."]["mode"]
        self.compare(name, "podman", ours, theirs)
        run(*podman, "image", "umount", image)


def main():
    missing = [tool for tool in ("umoci", "skopeo", "buildah", "podman", "mmdebstrap") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        print("skipped: needs root and", " ".join(missing))
        sys.exit(77)
    if "CASEMATE_E2E_PRIVATE" not in os.environ:
        os.environ["CASEMATE_E2E_PRIVATE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    # Not mkdtemp: buildah makes image names of paths, and not every path is one.
    work = pathlib.Path(f"/var/tmp/casemate-layouts-{os.getpid()}")
    work.mkdir(mode=0o700)
    try:
        shop = Workshop(work)
        layout = shop.by_umoci(shop.base())
        shop.by_skopeo(layout)
        shop.by_buildah(layout)
        shop.by_hand()
        judge = Judge(work, shop.storage)
        for number, (name, source, transport) in enumerate(shop.images):
            judge.judge(number, name, source, transport)
        print(f"{len(shop.images)} images, {judge.failed} comparisons failed")
        sys.exit(1 if judge.failed or len(shop.images) < 12 else 0)
    finally:
        subprocess.run(["umount", "-R", work / "containers/overlay"], stderr=subprocess.DEVNULL)
        shutil.rmtree(work, ignore_errors=True)


main()
