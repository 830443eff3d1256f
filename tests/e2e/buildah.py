#!/usr/bin/env python3
"""buildah drives casemate: `--isolation oci --runtime casemate` builds the example's Dockerfile and runs single commands.

    buildah.py [--runtime PROGRAM] [--only REGEX] [--strict]

Offline: the base is what dockerfile_build.sh made by mmdebstrap. `--runtime runc` shows what this machine allows.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import lib_podman
import lib_private
import lib_rows
from lib_rows import Row, equal

NOT_YET = {}  # pattern: reason
ROWS = []


def row(name):
    def declare(act):
        ROWS.append(Row(name, (), act))
        return act
    return declare


class Case:
    def __init__(self, scratch, runtime, number):
        self.runtime, self.number = runtime, number
        self.scratch = scratch / f"row-{number}"
        self.scratch.mkdir()
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.scratch), "TMPDIR": str(self.scratch)}
        self.root = scratch

    def buildah(self, *words, code=0, out=None, err=None):
        done = subprocess.run(["buildah", "--storage-driver", "overlay", "--root", f"{self.root}/storage", "--runroot", f"{self.root}/run", *words],
                              capture_output=True, text=True, timeout=300, check=False, env=self.environment, cwd=self.scratch, stdin=subprocess.DEVNULL)
        return lib_rows.check(f"buildah {' '.join(words)}", done, code, out, err)

    def container(self, image="localhost/busy"):
        return self.buildah("from", "--pull-never", image)

    def run(self, container, *words, flags=(), **checks):
        return self.buildah("run", "--runtime", str(self.runtime), "--isolation", "oci", "--network", "none", *flags, container, "--", *words, **checks)

    def build(self, directory, name, *flags, **checks):
        return self.buildah("build", "--runtime", str(self.runtime), "--isolation", "oci", "--network", "none", "--pull-never", "--no-cache", *flags, "-t", name,
                            str(directory), **checks)

    def close(self):
        pass


@row("run: output and exit code")
def _(case):
    container = case.container()
    equal("output", case.run(container, "echo", "hello"), "hello")
    case.run(container, "sh", "-c", "exit 7", code=7)
    case.buildah("rm", container)


@row("run: a command that does not exist")
def _(case):
    container = case.container()
    case.run(container, "no-such-command", code=(1, 125, 126, 127), err="executable file not found|no such file")
    case.buildah("rm", container)


@row("run: user, volume, capabilities")
def _(case):
    container = case.container()
    (case.scratch / "in").write_text("from outside\n")
    seen = case.run(container, "sh", "-c", "id -u; cat /v/in; grep CapEff /proc/self/status", flags=["--user", "1001", "-v", f"{case.scratch}:/v:ro"]).split("\n")
    equal("output", seen, ["1001", "from outside", "CapEff:\t0000000000000000"])
    case.buildah("rm", container)


@row("build: RUN steps as root and as a user")
def _(case):
    (case.scratch / "Dockerfile").write_text("""\
FROM localhost/busy
RUN mkdir /made && id -u >/made/first && chown 1001:1001 /made
USER 1001:1001
WORKDIR /made
RUN id -u >second && test $(pwd) = /made
""")
    case.build(case.scratch, "steps")
    container = case.container("localhost/steps")
    equal("made", case.run(container, "sh", "-c", "cat /made/first /made/second; stat -c %u /made/second").split(), ["0", "1001", "1001"])
    case.buildah("rm", container)


@row("build: a RUN step that fails ends the build")
def _(case):
    (case.scratch / "Dockerfile").write_text("FROM localhost/busy\nRUN exit 9\n")
    case.build(case.scratch, "fails", code=(1, 9, 125), err="exit status 9")


@row("build: the FastAPI example")
def _(case):
    base = pathlib.Path(os.environ["CASEMATE_IMAGE_CACHE"]) / "dockerfile-base.tar"
    if not base.exists():
        raise lib_rows.Skipped(f"no {base}: made by dockerfile_build.sh")
    container = case.buildah("from", "scratch")
    case.buildah("add", "-q", container, str(base), "/")
    case.buildah("commit", "-q", "--rm", container, "localhost/base")
    case.build(pathlib.Path(os.environ["CASEMATE_SOURCE"]) / "examples" / "fastapi", "fastapi", "--build-arg", "BASE=localhost/base")
    config = json.loads(case.buildah("inspect", "--type", "image", "localhost/fastapi"))["OCIv1"]["config"]
    equal("config", [config["User"], config["WorkingDir"], config["Entrypoint"][0]], ["1001:1001", "/app", "python3"])
    container = case.container("localhost/fastapi")
    case.run(container, "python3", "-c", "import app; print(type(app.app).__name__)", flags=["--user", "1001:1001"], out="FastAPI")
    case.buildah("rm", container)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime")
    parser.add_argument("--only", default="")
    parser.add_argument("--strict", action="store_true", help="no row is excused")
    options = parser.parse_args()
    if not shutil.which("buildah"):
        lib_private.skip("no buildah: scripts/install-packages clients")
    scratch = lib_private.enter()
    runtime = pathlib.Path(shutil.which(options.runtime or str(lib_private.programs(scratch) / "casemate")))
    image = lib_podman.make_root(scratch)
    case = Case(scratch, runtime, "setup")
    container = case.buildah("from", "scratch")
    case.buildah("add", "-q", container, str(image), "/")
    case.buildah("config", "--env", "PATH=/bin", container)
    case.buildah("commit", "-q", "--rm", container, "localhost/busy")
    rows = [(number, row) for number, row in enumerate(ROWS) if re.search(options.only, row.name)]
    excused = {} if options.strict or runtime.name != "casemate" else NOT_YET
    failed = lib_rows.run(rows, lambda number: Case(scratch, runtime, number), 2, excused, "buildah", not options.only)
    left = lib_private.leftovers(scratch)
    if left:
        print("left behind:", *left, sep="\n  ")
    sys.exit(1 if failed or left else 0)


main()
