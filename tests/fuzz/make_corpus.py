#!/usr/bin/env python3
"""make_corpus.py: writes the seeds of tar, codec, documents and merge in tests/fuzz/corpus, from what the unit tests know: tar
archives well-formed and hostile, the same compressed, the documents of a layout, and dice for the merge."""
import gzip
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
sys.path.insert(0, str(DATA / "image"))
import tarbytes  # noqa: E402
from layout import Layout  # noqa: E402


def tars():
    plain = tarbytes.member("a", b"content") + tarbytes.directory("d") + tarbytes.symlink("l", "../..") + tarbytes.END
    yield plain
    yield tarbytes.header("hard", kind="1", link="a") + tarbytes.END
    yield tarbytes.member("../escape", b"x") + tarbytes.END
    yield tarbytes.header("dev", kind="3", major=1, minor=3) + tarbytes.END
    yield tarbytes.member("long" * 24, b"") + tarbytes.END
    yield tarbytes.header("big", size=1 << 30) + b"x" * 512
    yield b""
    yield b"\0" * 10240
    for body in (b"16 path=longname\n", b"12 size=100\n", b"30 SCHILY.xattr.user.x=value\n", b"20 mtime=1.123456789\n"):
        yield tarbytes.header("././@PaxHeader", kind="x", size=len(body)) + tarbytes.padded(body) + plain
        yield tarbytes.header("././@PaxHeader", kind="g", size=len(body)) + tarbytes.padded(body) + plain
    for kind in "LK":
        yield tarbytes.header("././@LongLink", kind=kind, size=5, magic=b"ustar  \0") + tarbytes.padded(b"name\0") + plain


def documents():
    with tempfile.TemporaryDirectory() as scratch:
        layout = Layout(scratch + "/layout")
        layout.finish([layout.image([layout.layer(tarbytes.END)])])
        root = pathlib.Path(layout.path)
        yield b"\0" + (root / "index.json").read_bytes()
        yield b"\4" + (root / "oci-layout").read_bytes()
        for blob in (root / "blobs/sha256").iterdir():
            data = blob.read_bytes()
            if data.startswith(b"{"):
                yield b"\1" + data
                yield b"\2" + data
    yield b"\3" + json.dumps([{"Config": "c.json", "RepoTags": ["a:b"], "Layers": ["l/layer.tar"]}]).encode()


def write(directory, items):
    directory.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(items):
        (directory / f"seed{number:03}").write_bytes(data)


def main():
    out = pathlib.Path(__file__).resolve().parent / "corpus"
    archives = list(tars())
    write(out / "tar", archives)
    compressed = [b"\0" + gzip.compress(archive, mtime=0) for archive in archives[:6]]
    compressed.append(b"\0" + gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0))
    zstd = subprocess.run(["zstd", "-q", "-c"], input=archives[0], stdout=subprocess.PIPE, check=True).stdout
    write(out / "codec", compressed + [b"\1" + zstd, b"\1" + zstd + zstd, b"\1" + zstd[: len(zstd) // 2]])
    write(out / "documents", documents())
    write(out / "merge", [random.Random(seed).randbytes(120) for seed in range(20)])


main()
