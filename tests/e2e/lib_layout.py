"""Spoils an OCI layout for bad_input.sh: lib_layout.py WHAT GOOD-LAYOUT NEW-LAYOUT."""
import hashlib
import json
import pathlib
import shutil
import sys


def blob(layout, digest):
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def put(layout, data):
    digest = hashlib.sha256(data).hexdigest()
    blob(layout, digest).write_bytes(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def main():
    what, good, layout = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    shutil.copytree(good, layout)
    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(layout, index["manifests"][0]["digest"]).read_text())
    layer = blob(layout, manifest["layers"][0]["digest"])
    data = bytearray(layer.read_bytes())
    if what == "digest":
        data[len(data) // 2] ^= 1
        layer.write_bytes(data)
    elif what == "truncated":
        layer.write_bytes(data[: len(data) // 2])
    elif what == "truncated-honest":  # every digest and size is right: only the decompressor can notice
        manifest["layers"][0] |= put(layout, bytes(data[: len(data) // 2]))
        index["manifests"][0] |= put(layout, json.dumps(manifest).encode())
        (layout / "index.json").write_text(json.dumps(index))
    elif what == "missing-blob":
        layer.unlink()
    else:
        sys.exit(f"lib_layout: {what}?")


main()
