"""Images for image_store.sh: lib_store.py LAYOUT NAME. Built of the same base, with everything that layers can do to one
another: removals, an opaque directory, files below a link, hard links to a lower layer, modes of directories above."""
import pathlib
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "data" / "image"))
from layout import Layout  # noqa: E402
from tarbytes import END, directory, header, member, symlink  # noqa: E402

BUSYBOX = pathlib.Path("/bin/busybox").read_bytes()
# Big enough that unpacking takes a moment, and that a base stored twice would show.
BALLAST = b"".join(member(f"usr/ballast{i}", random.Random(i).randbytes(1 << 20)) for i in range(8)) if "--ballast" in sys.argv else b""


def base():
    out = [directory("./", mode=0o755), directory("bin"), member("bin/busybox", BUSYBOX, mode=0o755)]
    out += [symlink(f"bin/{name}", "busybox") for name in ("sh", "ls", "cat", "find", "stat", "true", "sleep", "id", "touch", "md5sum")]
    out += [directory("etc"), member("etc/passwd", b"root:x:0:0::/:/bin/sh\napp:x:1001:1001::/:/bin/sh\n"),
            member("etc/group", b"root:x:0:\napp:x:1001:\n"), directory("usr"), directory("usr/lib"), symlink("lib", "usr/lib"),
            directory("a", mode=0o775), member("a/keep", b"keep"), member("a/gone", b"gone"), directory("dir"),
            member("dir/old", b"old"), directory("open", mode=0o777), directory("late"), member("late/old", b"old"),
            member("origin", b"linked"), directory("owned", uid=1001, gid=1001, mode=0o700),
            member("owned/file", b"mine", uid=1001, gid=1001, mode=0o600), BALLAST]
    return b"".join(out) + END


def above():
    return b"".join([member("a/.wh.gone"), member("dir/.wh..wh..opq"), member("dir/new", b"new"), member("late/new", b"new"),
                     member("late/.wh..wh..opq"), member("lib/through", b"through"),
                     header("again", kind="1", link="origin"), directory("owned", uid=1001, gid=1001, mode=0o750),
                     member("owned/second", b"second", uid=1001, gid=1001)]) + END


def main():
    path, name = sys.argv[1], sys.argv[2]
    layout = Layout(path)
    codec = "+gzip"
    layers = {"one": [base()], "two": [base(), above()]}.get(name) or [base(), member(f"name-{name}", name.encode()) + END]
    config = {"Cmd": ["/bin/sh"], "User": "app"}
    layout.finish([layout.image([layout.layer(tar, codec) for tar in layers], config=config)])


main()
